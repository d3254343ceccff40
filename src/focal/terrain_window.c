/* TPI, TRI and ROUGHNESS. Windows of 3 x 3 cells have loops of their own. In others columns of the window are summed
 * first, then windows of these sums. Always in one order: the same bits for any part of a row. */
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

/* Buffers for n windows, and for the columns of these, as many of each. */
typedef struct window_buffers {
    fn_window_sums of_windows, of_columns;
} window_buffers;

static window_buffers cut_buffers(const fn_terrain *terrain, double *buffers)
{
    const size_t n = FN_TERRAIN_BLOCK, m = n + 2 * (size_t)fn_terrain_reach(terrain);
    double *columns = buffers + 4 * n;
    return (window_buffers){
        {.number = buffers, .sum = buffers + n, .lowest = buffers + 2 * n, .highest = buffers + 3 * n},
        {.number = columns,
         .sum = columns + m,
         .lowest = columns + 2 * m,
         .highest = columns + 3 * m,
         .squares = columns + 2 * m}}; /* never with extremes */
}

/* Sums of n windows; extremes instead of the sum where told. */
static fn_window_sums sum_windows(const fn_terrain *terrain, const double *in, size_t stride, size_t n, bool extremes,
                                  double *buffers)
{
    const ptrdiff_t reach = fn_terrain_reach(terrain);
    const size_t size = 2 * (size_t)reach + 1;
    window_buffers b = cut_buffers(terrain, buffers);
    if (extremes)
        b.of_windows.sum = b.of_columns.sum = NULL;
    else
        b.of_windows.lowest = b.of_columns.lowest = NULL;
    clear_sums(&b.of_columns, n + size - 1);
    clear_sums(&b.of_windows, n);
    for (ptrdiff_t r = -reach; r <= reach; r++)
        terrain->kernels->add_row(in + r * (ptrdiff_t)stride - reach, n + size - 1, &b.of_columns);
    for (size_t c = 0; c < size; c++)
        terrain->kernels->add_column(&b.of_columns, c, n, &b.of_windows);
    return b.of_windows;
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
        out[i] = ((sums.number[i] > 1) & (in[i] == in[i])) ? z * (sums.highest[i] - sums.lowest[i]) : (double)NAN;
}

/* Squared differences of all cells of n windows from their centres. Those of a column with the mean m and the squares
 * q about it are q + number (m - centre)^2: no term is negative, so that nothing cancels. */
static fn_window_sums sum_squares(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *buffers)
{
    const ptrdiff_t reach = fn_terrain_reach(terrain);
    const size_t size = 2 * (size_t)reach + 1, m = n + size - 1;
    window_buffers b = cut_buffers(terrain, buffers);
    double *mean = b.of_columns.sum, *squares = b.of_columns.squares, *again = b.of_columns.highest;
    b.of_windows.lowest = b.of_columns.lowest = NULL;
    clear_sums(&b.of_columns, m);
    clear_sums(&b.of_windows, n);
    for (ptrdiff_t r = -reach; r <= reach; r++)
        terrain->kernels->add_row(in + r * (ptrdiff_t)stride - reach, m, &b.of_columns);
    for (size_t i = 0; i < m; i++) {
        mean[i] = b.of_columns.number[i] > 0 ? mean[i] / b.of_columns.number[i] : 0;
        squares[i] = again[i] = 0;
    }
    for (ptrdiff_t r = -reach; r <= reach; r++)
        terrain->kernels->add_squares(mean, in + r * (ptrdiff_t)stride - reach, m, squares, again);
    for (size_t c = 0; c < size; c++)
        terrain->kernels->add_spread(&b.of_columns, c, in, n, b.of_windows.sum, b.of_windows.number);
    return b.of_windows;
}

/* Absolute differences, cell by cell. */
static fn_window_sums sum_distances(const fn_terrain *terrain, const double *in, size_t stride, size_t n,
                                    double *buffers)
{
    const ptrdiff_t reach = fn_terrain_reach(terrain);
    window_buffers b = cut_buffers(terrain, buffers);
    b.of_windows.lowest = NULL;
    clear_sums(&b.of_windows, n);
    for (ptrdiff_t r = -reach; r <= reach; r++)
        for (ptrdiff_t c = -reach; c <= reach; c++)
            terrain->kernels->add_distances(in, in + r * (ptrdiff_t)stride + c, n, b.of_windows.sum,
                                            b.of_windows.number);
    return b.of_windows;
}

static void ruggedness(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                       double *buffers)
{
    const bool riley = terrain->options.tri == FN_TRI_RILEY;
    const fn_window_sums sums =
        riley ? sum_squares(terrain, in, stride, n, buffers) : sum_distances(terrain, in, stride, n, buffers);
    const double z = fabs(terrain->options.z_factor);
    for (size_t i = 0; i < n; i++) {
        const double others = sums.number[i] - 1; /* the centre has been there, too */
        const double value = riley ? sqrt(sums.sum[i]) : sums.sum[i] / others;
        out[i] = ((others > 0) & (in[i] == in[i])) ? z * value : (double)NAN;
    }
}

static void small_windows(const fn_terrain *terrain, const double *const row[3], size_t n, double *out)
{
    const fn_terrain_kernels *kernels = terrain->kernels;
    const double z = terrain->options.z_factor;
    if (terrain->options.kind == FN_TPI)
        kernels->small_tpi(row, z, n, out);
    else if (terrain->options.kind == FN_TRI)
        kernels->small_tri[terrain->options.tri](row, fabs(z), n, out);
    else
        kernels->small_roughness(row, fabs(z), n, out);
}

void fn_terrain_windows(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                        double *buffers)
{
    if (terrain->options.size == 3)
        small_windows(terrain, (const double *[]){in - stride, in, in + stride}, n, out);
    else if (terrain->options.kind == FN_TPI)
        topographic_position(terrain, in, stride, n, out, buffers);
    else if (terrain->options.kind == FN_TRI)
        ruggedness(terrain, in, stride, n, out, buffers);
    else
        roughness(terrain, in, stride, n, out, buffers);
}
