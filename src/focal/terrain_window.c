/* TPI, TRI and ROUGHNESS: columns of the window are summed first, then windows of these sums; TRI, which compares all
 * with the centre, takes cell by cell. Always in one order: the same bits for any part of a row. */
#include "terrain_internal.h"

#include <math.h>

size_t fn_terrain_window_doubles(const fn_terrain *terrain)
{
    return 4 * (size_t)(FN_TERRAIN_BLOCK + 2 * fn_terrain_reach(terrain)) + 4 * (size_t)FN_TERRAIN_BLOCK;
}

static void clear_sums(const fn_window_sums *sums, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sums->number[i] = 0;
        if (sums->sum)
            sums->sum[i] = 0;
        if (sums->lowest) {
            sums->lowest[i] = INFINITY;
            sums->highest[i] = -INFINITY;
        }
    }
}

/* Sums of n windows; extremes instead of the sum where told. */
static fn_window_sums sum_windows(const fn_terrain *terrain, const double *in, size_t stride, size_t n, bool extremes,
                                  double *buffers)
{
    const ptrdiff_t reach = fn_terrain_reach(terrain);
    const size_t size = 2 * (size_t)reach + 1, most = FN_TERRAIN_BLOCK + 2 * (size_t)reach;
    double *of_columns = buffers + 4 * FN_TERRAIN_BLOCK;
    fn_window_sums sums = {.number = buffers}, columns = {.number = of_columns};
    if (extremes) {
        sums.lowest = buffers + FN_TERRAIN_BLOCK;
        sums.highest = buffers + 2 * FN_TERRAIN_BLOCK;
        columns.lowest = of_columns + most;
        columns.highest = of_columns + 2 * most;
    } else {
        sums.sum = buffers + 3 * FN_TERRAIN_BLOCK;
        columns.sum = of_columns + 3 * most;
    }
    clear_sums(&columns, n + size - 1);
    clear_sums(&sums, n);
    for (ptrdiff_t r = -reach; r <= reach; r++)
        terrain->kernels->add_row(in + r * (ptrdiff_t)stride - reach, n + size - 1, &columns);
    for (size_t c = 0; c < size; c++)
        terrain->kernels->add_column(&columns, c, n, &sums);
    return sums;
}

static void topographic_position(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                                 double *buffers)
{
    const fn_window_sums sums = sum_windows(terrain, in, stride, n, false, buffers);
    const double z = terrain->options.z_factor;
    for (size_t i = 0; i < n; i++) {
        const double others = sums.number[i] - 1;
        out[i] = others > 0 ? z * (in[i] - (sums.sum[i] - in[i]) / others) : (double)NAN;
    }
}

static void roughness(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                      double *buffers)
{
    const fn_window_sums sums = sum_windows(terrain, in, stride, n, true, buffers);
    const double z = fabs(terrain->options.z_factor);
    for (size_t i = 0; i < n; i++)
        out[i] = (sums.number[i] > 1) & (in[i] == in[i]) ? z * (sums.highest[i] - sums.lowest[i]) : (double)NAN;
}

static void ruggedness(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                       double *buffers)
{
    const ptrdiff_t reach = fn_terrain_reach(terrain);
    const fn_tri_kind kind = terrain->options.tri;
    const fn_window_sums sums = {.number = buffers, .sum = buffers + FN_TERRAIN_BLOCK};
    clear_sums(&sums, n);
    for (ptrdiff_t r = -reach; r <= reach; r++)
        for (ptrdiff_t c = -reach; c <= reach; c++)
            terrain->kernels->add_differences[kind](in, in + r * (ptrdiff_t)stride + c, n, sums.sum, sums.number);
    const double z = fabs(terrain->options.z_factor);
    for (size_t i = 0; i < n; i++) {
        const double others = sums.number[i] - 1; /* the centre has been there, too */
        const double value = kind == FN_TRI_RILEY ? sqrt(sums.sum[i]) : sums.sum[i] / others;
        out[i] = others > 0 ? z * value : (double)NAN;
    }
}

void fn_terrain_windows(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                        double *buffers)
{
    switch (terrain->options.kind) {
    case FN_TPI:
        topographic_position(terrain, in, stride, n, out, buffers);
        break;
    case FN_TRI:
        ruggedness(terrain, in, stride, n, out, buffers);
        break;
    default:
        roughness(terrain, in, stride, n, out, buffers);
    }
}
