#include "class_areas.h"

#include <math.h>

double fn_area_scale(double largest)
{
    return ldexp(1, 16 - ilogb(largest));
}

double fn_class_area(const fn_stats_plan *plan, fn_cover cover)
{
    return fn_dd_round(fn_cover_as_dd(cover)) / plan->area_scale;
}

/* cover times the area of a cell. */
static fn_cover area_of(fn_cover cover, double scaled)
{
    const fn_cover_bits steps = (fn_cover_bits)rint(scaled * 0x1p52); /* at most 2^69 */
    return fn_cover_of_bits(steps * cover.whole + ((steps * cover.part + (UINT64_C(1) << 51)) >> FN_COVER_BITS));
}

static double scaled_area(const fn_stats_plan *plan, const fn_stats_window *window, int64_t row)
{
    return window->row_areas[row - window->row] * plan->area_scale;
}

static size_t count_valid(const fn_page_cells *cells, size_t begin, size_t end)
{
    size_t n = 0;
    for (size_t i = begin; i < end; i++)
        n += cells->x[i] == cells->x[i];
    return n;
}

/* Row by row: the keys of each are counted. */
static bool add_whole(fn_tally *areas, const fn_page *page, const fn_stats_plan *plan, const fn_stats_window *window,
                      fn_tally *row)
{
    const fn_page_cells *cells = &page->whole;
    const unsigned char *keys = page->keys;
    for (size_t run = 0, next; run < cells->n_runs; run = next) {
        for (next = run + 1; next < cells->n_runs && cells->runs[next].row == cells->runs[run].row;)
            next++;
        const size_t end = next < cells->n_runs ? cells->run_begins[next] : cells->n;
        const size_t n = count_valid(cells, cells->run_begins[run], end);
        const double area = scaled_area(plan, window, cells->runs[run].row);
        fn_tally_clear(row);
        if (!fn_tally_add(row, keys, n, NULL, 0) || !fn_tally_join(row, SIZE_MAX))
            return false;
        for (size_t i = 0; i < row->n_bins; i++)
            row->bins[i].cover = area_of(row->bins[i].cover, area);
        if (!fn_tally_add(areas, NULL, 0, row->bins, row->n_bins))
            return false;
        keys += n * row->key_size;
    }
    return true;
}

/* Cell by cell: these are listed in their order, those that count. */
static bool add_parts(fn_tally *areas, const fn_page *page, const fn_stats_plan *plan, const fn_stats_window *window)
{
    const fn_page_cells *cells = &page->parts;
    const fn_bin *listed = page->bins;
    for (size_t run = 0; run < cells->n_runs; run++) {
        const double area = scaled_area(plan, window, cells->runs[run].row);
        const size_t begin = cells->run_begins[run], end = begin + (size_t)cells->runs[run].count;
        for (size_t i = begin; i < end; i++) {
            if (isnan(cells->x[i]) || cells->coverage[i] < FN_COVERAGE_LEAST)
                continue;
            const fn_bin bin = {listed->key, area_of(listed->cover, area)};
            listed++;
            if (!fn_tally_add(areas, NULL, 0, &bin, 1))
                return false;
        }
    }
    return true;
}

bool fn_class_areas_add(fn_tally *areas, const fn_page *page, const fn_stats_plan *plan, const fn_stats_window *window,
                        fn_tally *row)
{
    return add_whole(areas, page, plan, window, row) && add_parts(areas, page, plan, window) &&
           fn_tally_join(areas, SIZE_MAX);
}
