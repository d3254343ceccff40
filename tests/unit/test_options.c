/* Tables of options: names, each kind of value, the errors made of a row. */
#include "check.h"

#include <string.h>

#include "fishnet/job.h"
#include "fishnet/recipe.h"

static const fn_option rows[] = {
    {.name = "FLAG", .kind = FN_OPTION_FLAG},
    {.name = "CHOICE", .kind = FN_OPTION_CHOICE, .words = "AUTO|YES|NO"},
    {.name = "WHOLE", .kind = FN_OPTION_WHOLE, .words = "ALL", .least = 2, .most = 300},
    {.name = "SECONDS", .kind = FN_OPTION_NUMBER, .wanted = "expected seconds"},
    {.name = "SHARE", .kind = FN_OPTION_SHARE},
    {.name = "SIZE", .kind = FN_OPTION_SIZE, .words = "AUTO", .least = 1, .most = 64, .wanted = "expected a size"},
    {.name = "COUNTS", .kind = FN_OPTION_COUNTS, .least = 1, .most = 64, .wanted = "expected counts"},
    {.name = "TEXT", .kind = FN_OPTION_TEXT},
    {.name = "?_OO", .kind = FN_OPTION_REPEATED, .words = "BC"},
};
static const fn_option_table table = {rows, sizeof rows / sizeof *rows};

static const fn_option *find(const char *name)
{
    return fn_option_find(table, name, strlen(name));
}

static void names(void)
{
    EXPECT(find("FLAG") == &rows[0] && find("flag") == &rows[0] && find("Choice") == &rows[1], "any case");
    EXPECT(find("FLA") == NULL && find("FLAGS") == NULL && find("") == NULL, "the whole name");
    EXPECT(fn_option_find(table, "FLAG=YES", 4) == &rows[0], "so many characters");
    EXPECT(find("B_OO") == &rows[8] && find("c_oo") == &rows[8], "letters");
    EXPECT(find("A_OO") == NULL && find("?_OO") == NULL && find("BB_OO") == NULL && find("_OO") == NULL, "no letters");
    EXPECT(fn_option_find(table, "\0_OO", 4) == NULL, "a zero is no letter");
}

static void values(void)
{
    static const struct {
        const char *name, *text;
        long long whole, second; /* -1: refused */
    } cases[] = {
        {"FLAG", "YES", 1, 0},
        {"FLAG", "on", 1, 0},
        {"FLAG", "True", 1, 0},
        {"FLAG", "1", 1, 0},
        {"FLAG", "NO", 0, 0},
        {"FLAG", "off", 0, 0},
        {"FLAG", "0", 0, 0},
        {"FLAG", "", -1, 0},
        {"FLAG", "2", -1, 0},
        {"FLAG", "YES|TRUE", -1, 0},
        {"CHOICE", "auto", 0, 0},
        {"CHOICE", "NO", 2, 0},
        {"CHOICE", "", -1, 0},
        {"CHOICE", "AUTO|YES", -1, 0},
        {"CHOICE", "A", -1, 0},
        {"WHOLE", "2", 2, 0},
        {"WHOLE", "300", 300, 0},
        {"WHOLE", "all", 0, 0},
        {"WHOLE", "1", -1, 0},
        {"WHOLE", "301", -1, 0},
        {"WHOLE", "007", 7, 0},
        {"WHOLE", "+7", -1, 0},
        {"WHOLE", "7 ", -1, 0},
        {"WHOLE", "7.0", -1, 0},
        {"WHOLE", "18446744073709551618", -1, 0},
        {"SECONDS", "-1", -1, 0},
        {"SECONDS", "inf", -1, 0},
        {"SECONDS", "nan", -1, 0},
        {"SECONDS", "1s", -1, 0},
        {"SECONDS", "", -1, 0},
        {"SHARE", "1/1", 1, 1},
        {"SHARE", "2/5", 2, 5},
        {"SHARE", "5/2", -1, 0},
        {"SHARE", "0/2", -1, 0},
        {"SHARE", "2", -1, 0},
        {"SHARE", "2/", -1, 0},
        {"SHARE", "2/5/6", -1, 0},
        {"SHARE", "1/1000000000", 1, 1000000000},
        {"SHARE", "1/1000000001", -1, 0},
        {"SIZE", "5", 5, 5},
        {"SIZE", "5x64", 5, 64},
        {"SIZE", "5X6", 5, 6},
        {"SIZE", "auto", 0, 0},
        {"SIZE", "0", -1, 0},
        {"SIZE", "65", -1, 0},
        {"SIZE", "5x", -1, 0},
        {"SIZE", "x5", -1, 0},
        {"SIZE", "5x6x7", -1, 0},
        {"COUNTS", "4x3", 4, 3},
        {"COUNTS", "4", -1, 0},
        {"COUNTS", "4x0", -1, 0},
        {"COUNTS", "AUTO", -1, 0},
        {"TEXT", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fn_option_value value = {.whole = 77, .second = 77};
        fn_error err;
        memset(&err, 0, sizeof err);
        const fn_status status = fn_option_read(find(cases[i].name), cases[i].text, &value, &err);
        if (cases[i].whole < 0) {
            EXPECT(status == FN_ERR_ARGUMENT && value.whole == 77, "%s=%s", cases[i].name, cases[i].text);
            EXPECT(strstr(err.text, cases[i].name) == err.text && strstr(err.text, "expected"), "%s", err.text);
        } else {
            EXPECT(status == FN_OK && value.whole == cases[i].whole && value.second == cases[i].second,
                   "%s=%s: %lld %lld %s", cases[i].name, cases[i].text, value.whole, value.second, err.text);
        }
    }
    fn_option_value value;
    EXPECT(fn_option_read(find("SECONDS"), "1.5e1", &value, NULL) == FN_OK && value.number > 14.9 &&
               value.number < 15.1,
           "a number");
}

static void errors(void)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"FLAG", "FLAG=!: expected YES or NO"},
        {"CHOICE", "CHOICE=!: expected AUTO, YES or NO"},
        {"WHOLE", "WHOLE=!: expected a number from 2 to 300 or ALL"},
        {"SECONDS", "SECONDS=!: expected seconds"},
        {"SHARE", "SHARE=!: expected <i>/<n> such as 1/4, with i from 1 to n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fn_option_value value;
        fn_error err;
        EXPECT(fn_option_read(find(cases[i].name), "!", &value, &err) == FN_ERR_ARGUMENT, "%s", cases[i].name);
        EXPECT(strcmp(err.text, cases[i].want) == 0, "%s", err.text);
    }
}

/* Each row of our own tables has what lists and errors are made of, and its preset is a value of it. */
static void our_tables(void)
{
    const fn_option_table tables[] = {fn_worker_option_table(), fn_recipe_option_table()};
    for (size_t t = 0; t < 2; t++) {
        EXPECT(tables[t].count > 4, "%zu rows", tables[t].count);
        for (size_t i = 0; i < tables[t].count; i++) {
            const fn_option *o = &tables[t].rows[i];
            fn_option_value value;
            fn_error err;
            REQUIRE(o->name && o->help, "row %zu", i);
            EXPECT(!strpbrk(o->help, "<>'&") && o->help[strlen(o->help) - 1] != '.', "%s: %s", o->name, o->help);
            EXPECT(o->kind != FN_OPTION_CHOICE || o->words, "%s has no words", o->name);
            if (o->preset)
                EXPECT(fn_option_read(o, o->preset, &value, &err) == FN_OK, "%s: %s", o->name, err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(names), UNIT(values), UNIT(errors), UNIT(our_tables)};
    return check_main(tests);
}
