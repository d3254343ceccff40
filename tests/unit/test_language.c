/* The lists of the language: they are whole, and what they say is so. */
#include "check.h"

#include "fishnet/expr.h"
#include "language.h"

static const fn_expr_function *find(const char *name)
{
    const fn_expr_function *f;
    for (size_t i = 0; (f = fn_expr_function_at(i)) != NULL; i++) {
        const char *at = f->others ? strstr(f->others, name) : NULL;
        const size_t n = strlen(name);
        if (strcmp(f->name, name) == 0 || (at && (at == f->others || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')))
            return f;
    }
    return NULL;
}

static void all_functions_are_listed(void)
{
    const fn_rule *rule;
    for (size_t i = 0; (rule = fn_language_function_at(i)) != NULL; i++)
        EXPECT(find(rule->name) != NULL, "%s is not listed", rule->name);
}

static bool is_function(const fn_expr_function *f)
{
    return strcmp(f->group, "operators") != 0 && strcmp(f->group, "constants") != 0 &&
           strcmp(f->group, "shapes of windows") != 0;
}

static void what_is_listed_is_there(void)
{
    const fn_expr_function *f;
    for (size_t i = 0; (f = fn_expr_function_at(i)) != NULL; i++) {
        EXPECT(f->help[0] != '\0' && strchr(f->help, '\n') == NULL, "%s", f->name);
        if (!is_function(f))
            continue;
        EXPECT(fn_language_function(f->name, strlen(f->name)) != NULL, "there is no %s", f->name);
        EXPECT(strncmp(f->call, f->name, strlen(f->name)) == 0, "%s is called %s", f->name, f->call);
        for (const char *other = f->others; other && *other;) {
            const size_t n = strcspn(other, " ");
            EXPECT(fn_language_function(other, n) != NULL, "there is no %s", other);
            other += n + (other[n] == ' ');
        }
    }
}

static void groups_stand_together(void)
{
    const fn_expr_function *f, *g;
    for (size_t i = 1; (f = fn_expr_function_at(i)) != NULL; i++)
        for (size_t k = 0; strcmp(f->group, fn_expr_function_at(i - 1)->group) != 0 && k < i; k++) {
            g = fn_expr_function_at(k);
            EXPECT(strcmp(f->group, g->group) != 0, "%s stands in two places", f->group);
        }
}

static void compile(const char *text, fn_error *err)
{
    fn_expr *expr = NULL;
    *err = (fn_error){.text = ""};
    fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, err);
    fn_expr_free(expr);
}

static void other_spellings_are_hints(void)
{
    const fn_expr_spelling *s;
    fn_error err;
    for (size_t i = 0; (s = fn_expr_spelling_at(i)) != NULL; i++) {
        char text[100];
        if (strcmp(s->where, "QGIS raster calculator") == 0) /* operators */
            continue;
        snprintf(text, sizeof text, "%s(A)", s->theirs);
        compile(text, &err);
        EXPECT(err.status == FN_ERR_SYNTAX, "%s is known", s->theirs);
        EXPECT(strstr(err.text, "did you mean '") != NULL && strstr(err.text, s->ours) != NULL, "%s: %s", s->theirs,
               err.text);
    }
}

static void operators_of_others_are_hints(void)
{
    static const char *const cases[][2] = {{"A AND B", "'and'"}, {"A OR B", "'or'"},        {"NOT A", "'not'"},
                                           {"A <> B", "'!='"},   {"A MOD B", "'%'"},        {"\"dem@1\" + 1", "A[1]"},
                                           {"A@1 + 1", "A[1]"},  {"A Xor B", "logical_xor"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fn_error err;
        compile(cases[i][0], &err);
        EXPECT(strstr(err.text, cases[i][1]) != NULL, "%s: %s", cases[i][0], err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(all_functions_are_listed),  UNIT(what_is_listed_is_there),       UNIT(groups_stand_together),
        UNIT(other_spellings_are_hints), UNIT(operators_of_others_are_hints),
    };
    return check_main(tests);
}
