/* What the headers promise, by a program that has nothing but the installed package: an expression over arrays, and
 * the nearest of some points, which somebody can check by hand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fishnet/expr.h>
#include <fishnet/near.h>

static int failures;

static void check(int right, const char *what)
{
    printf("%s %s\n", right ? "ok  " : "FAIL", what);
    failures += !right;
}

static void expression(void)
{
    const char *text = "(A-B)/(A+B)";
    fn_error error;
    fn_expr *expr = NULL;
    check(fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, &error) == FN_OK,
          "the expression compiles");
    const double a[] = {3, 1, 0, NAN}, b[] = {1, 3, 0, 2};
    double out[4] = {0};
    const fn_plane planes[] = {{.data = a, .type = FN_FLOAT64}, {.data = b, .type = FN_FLOAT64}};
    const fn_sink sink = {.data = out, .type = FN_FLOAT64};
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    check(fn_expr_run(expr, 4, planes, &sink, scratch, NULL, &error) == FN_OK, "it runs");
    check(out[0] == 0.5 && out[1] == -0.5, "its values are 0.5 and -0.5");
    check(isnan(out[2]) && isnan(out[3]), "0/0 and NoData are NoData");
    free(scratch);
    fn_expr_free(expr);

    text = "A+";
    check(fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, &error) == FN_ERR_SYNTAX,
          "A+ does not compile");
    check(strlen(error.text) > 0, "and the error says why");

    /* vector math comes from SLEEF */
    text = "exp(A)";
    check(fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, &error) == FN_OK, "exp(A) compiles");
    scratch = malloc(fn_expr_scratch_bytes(expr));
    check(fn_expr_run(expr, 1, planes, &sink, scratch, NULL, &error) == FN_OK && fabs(out[0] - exp(3)) < 1e-13,
          "exp(3)");
    free(scratch);
    fn_expr_free(expr);
}

static void nearest(bool geodesic, const double *at, uint32_t feature, double distance, double tolerance)
{
    const double points[] = {0, 0, 3, 4, 10, 10};
    const int64_t fids[] = {10, 11, 12};
    fn_error error;
    fn_near *set = NULL;
    fn_searcher *searcher = NULL;
    const fn_neighbour *found;
    size_t n = 0;
    check(fn_near_new(&(fn_near_options){.geodesic = geodesic}, &set, &error) == FN_OK &&
              fn_near_add_points(set, 3, points, fids, NULL, 0, NULL, NULL, &error) == FN_OK,
          "points are added");
    /* A polygon far away: GEOS takes part. */
    const unsigned char polygon[] = {1, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0};
    unsigned char wkb[sizeof polygon + 8 * sizeof(double)];
    const double ring[] = {60, 60, 61, 60, 60, 61, 60, 60};
    memcpy(wkb, polygon, sizeof polygon);
    memcpy(wkb + sizeof polygon, ring, sizeof ring);
    fn_usable usable = FN_UNUSABLE_EMPTY;
    check(fn_near_add_wkb(set, wkb, sizeof wkb, 13, FN_NO_GROUP, 0, &usable, &error) == FN_OK && usable == FN_USABLE,
          "a polygon is added");
    check(fn_near_build(set, 1, NULL, &error) == FN_OK, "the index is built");
    const fn_near_limits limits = {.closest = 1, .radius = INFINITY};
    check(fn_searcher_new(set, &limits, &searcher, &error) == FN_OK &&
              fn_searcher_find_point(searcher, at[0], at[1], FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL,
                                     &error) == FN_OK,
          "it is searched");
    check(n == 1 && found->feature == feature && fabs(found->distance - distance) <= tolerance,
          "the nearest one, how far");
    fn_searcher_free(searcher);
    fn_near_free(set);
}

int main(void)
{
    expression();
    nearest(false, (double[]){2.5, 4}, 1, 0.5, 0);
    nearest(false, (double[]){60.25, 60.25}, 3, 0, 0);
    nearest(true, (double[]){1, 0}, 0, 111319.4907932,
            1e-6); /* a degree of WGS 84's equator: 6378137 * pi / 180 metres */
    return failures > 0;
}
