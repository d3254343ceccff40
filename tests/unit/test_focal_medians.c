/* Medians of small boxes: their exchanges are proven. */
#include "check.h"

#include "focal.h"

/* What exchanges make of zeros and ones they make of all values: each set of columns with so many ones is a window.
 * `one`: 1, or what is no float. */
static void zeros_and_ones(int side, double one)
{
    int n = 1;
    for (int i = 0; i < side; i++)
        n *= side + 1;
    const int wide = n * side, centres = wide - side + 1;
    double *cells = calloc((size_t)(wide * side), sizeof *cells), *out = malloc((size_t)centres * sizeof *out);
    fn_footprint *f = NULL;
    fn_focal *focal = NULL;
    REQUIRE(cells && out && fn_footprint_box(side, side, &f, NULL) == FN_OK, "box");
    REQUIRE(fn_focal_new(&(fn_focal_options){.statistic = FN_FOCAL_MEDIAN}, f, &focal, NULL) == FN_OK, "median");
    void *scratch = malloc(fn_focal_scratch_bytes(focal, (size_t)centres, 1));
    for (int x = 0, set = 0; x < wide; x++, set = x % side == 0 ? x / side : set / (side + 1))
        for (int k = 0; k < set % (side + 1); k++)
            cells[(x / side + k) % side * wide + x] = one;
    for (int simd = 0; simd < FN_SIMD_COUNT; simd++) {
        if (!fn_simd_available((fn_simd)simd))
            continue;
        fn_focal_run_simd(focal, (fn_simd)simd, cells + side / 2 * wide + side / 2, wide, (size_t)centres, 1, out,
                          centres, scratch);
        for (int set = 0; set < n; set++) {
            int ones = 0;
            for (int rest = set; rest > 0; rest /= side + 1)
                ones += rest % (side + 1);
            EXPECT(out[set * side] == (2 * ones > side * side ? one : 0), "%s, %d x %d, set %d: %g of %d ones",
                   fn_simd_name((fn_simd)simd), side, side, set, out[set * side], ones);
        }
    }
    free(scratch);
    fn_focal_free(focal);
    free(cells);
    free(out);
}

static void medians_of_zeros_and_ones(void)
{
    zeros_and_ones(3, 1);
    zeros_and_ones(3, 0.1);
    zeros_and_ones(5, 1);
    zeros_and_ones(5, 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(medians_of_zeros_and_ones)};
    return check_main(tests);
}
