/* The state of a zone: pages merged in order, values kept or counted, passes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "class_areas.h"
#include "finish.h"
#include "keys.h"
#include "merge.h"
#include "percentiles.h"
#include "plan.h"

struct fn_zone_stats {
    const fn_stats_plan *plan;
    fn_waiting waiting;
    fn_place settled; /* the last page that was merged */
    bool any_settled;
    int pass; /* 0: the first */
    fn_record all;
    fn_tally tally;      /* values or classes */
    fn_tally areas;      /* of classes, see class_areas.h */
    fn_cover_bits total; /* after the first pass: the cover of all values */
    fn_known *known;     /* the ranges that this pass is about; none: all */
    fn_stats_range *ranges;
    size_t n_known;
};

fn_status fn_zone_stats_new(const fn_stats_plan *plan, fn_zone_stats **out, fn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    (*out)->plan = plan;
    (*out)->tally.key_size = (*out)->areas.key_size = fn_key_size(plan->type);
    return FN_OK;
}

void fn_zone_stats_free(fn_zone_stats *zone)
{
    if (!zone)
        return;
    fn_waiting_destroy(&zone->waiting, zone->tally.key_size);
    fn_tally_destroy(&zone->tally);
    fn_tally_destroy(&zone->areas);
    free(zone->known);
    free(zone->ranges);
    free(zone);
}

size_t fn_zone_stats_bytes(const fn_zone_stats *zone)
{
    return sizeof *zone + zone->waiting.bytes + zone->waiting.capacity * sizeof *zone->waiting.pages +
           fn_tally_bytes(&zone->tally) + fn_tally_bytes(&zone->areas) +
           zone->n_known * (sizeof *zone->known + sizeof *zone->ranges);
}

fn_status fn_zone_stats_add(fn_zone_stats *zone, const void *partial, size_t bytes, fn_error *err)
{
    return fn_waiting_add(&zone->waiting, partial, bytes, zone->tally.key_size, err);
}

/* ---- merging ---- */

/* Keeps the values of a page, or counts them where they would be too many. */
static fn_status merge_values(fn_zone_stats *zone, const fn_record *page, fn_error *err)
{
    const fn_stats_plan *plan = zone->plan;
    fn_tally *tally = &zone->tally;
    const bool classes = plan->needs & FN_NEEDS_CLASSES;
    bool ok =
        fn_tally_add(tally, fn_record_keys(page), page->n_keys, fn_record_bins(page, tally->key_size), page->n_bins);
    if (ok && classes && (tally->n_loose > tally->n_bins + 4096 || tally->n_keys > tally->n_bins + (1 << 16)))
        ok = fn_tally_join(tally, SIZE_MAX);
    else if (ok && !classes && tally->n_keys + tally->n_loose > plan->values_max)
        ok = fn_tally_join(tally, plan->values_max / 8);
    ok = ok && fn_tally_add(&zone->areas, NULL, 0, fn_record_areas(page, tally->key_size), page->n_areas);
    if (ok && zone->areas.n_loose > zone->areas.n_bins + 4096)
        ok = fn_tally_join(&zone->areas, SIZE_MAX);
    if (!ok)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    if (classes && tally->n_bins > plan->classes_max)
        return fn_fail(err, FN_ERR_VALUE, "a zone has more than %zu distinct values", plan->classes_max);
    return FN_OK;
}

/* Merges the waiting pages above that row of pages. */
static fn_status merge_above(fn_zone_stats *zone, int64_t page_row, fn_error *err)
{
    fn_waiting *waiting = &zone->waiting;
    fn_status status = FN_OK;
    size_t n = 0;
    fn_waiting_sort(waiting);
    for (; status == FN_OK && n < waiting->n && waiting->pages[n]->page_row < page_row; n++) {
        const fn_record *page = waiting->pages[n];
        const fn_place place = {page->page_row, page->page_column};
        if (zone->any_settled && !fn_is_before(zone->settled, place))
            return fn_fail(err, FN_ERR_READ, "the page at row %lld, column %lld came twice, or too late",
                           (long long)place.row, (long long)place.column);
        zone->settled = place;
        zone->any_settled = true;
        if (zone->pass == 0)
            fn_record_merge(&zone->all, page);
        if (page->n_keys + page->n_bins > 0)
            status = merge_values(zone, page, err);
    }
    fn_waiting_drop(waiting, n, zone->tally.key_size);
    return status;
}

fn_status fn_zone_stats_settle(fn_zone_stats *zone, int64_t row, fn_error *err)
{
    return merge_above(zone, row / FN_PAGE_ROWS, err);
}

/* ---- percentiles ---- */

static double percent_of(fn_stat stat)
{
    return stat.kind == FN_STAT_MEDIAN ? 50 : stat.kind == FN_STAT_PERCENTILE ? stat.percent : -1;
}

static fn_cover_bits total_of(const fn_tally *tally)
{
    fn_cover_bits total = (fn_cover_bits)tally->n_keys << FN_COVER_BITS;
    for (size_t i = 0; i < tally->n_loose; i++)
        total += fn_cover_as_bits(tally->loose[i].cover);
    for (size_t i = 0; i < tally->n_bins; i++)
        total += fn_cover_as_bits(tally->bins[i].cover);
    return total;
}

/* The percentiles of the plan, in its order. */
static size_t make_targets(const fn_zone_stats *zone, fn_target *targets)
{
    const fn_stats_plan *plan = zone->plan;
    size_t n = 0;
    for (size_t i = 0; i < plan->n_stats; i++)
        if (percent_of(plan->stats[i]) >= 0)
            targets[n++] =
                fn_target_of(percent_of(plan->stats[i]), zone->total, (double)zone->all.whole + zone->all.part_squares,
                             zone->all.parts == 0 && (uint64_t)zone->total << (64 - FN_COVER_BITS) == 0);
    return n;
}

/* Replaces the ranges that the zone knows; takes ownership. */
static bool set_known(fn_zone_stats *zone, fn_known *known, size_t n)
{
    fn_stats_range *ranges = malloc((n + 1) * sizeof *ranges);
    if (!ranges) {
        free(known);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        ranges[i] = (fn_stats_range){known[i].low, known[i].high};
    free(zone->known);
    free(zone->ranges);
    zone->known = known;
    zone->ranges = ranges;
    zone->n_known = n;
    return true;
}

/* Finds the targets, or what the next pass is to look into: *again. */
static bool find_targets(fn_zone_stats *zone, fn_target *targets, size_t n, bool *again)
{
    enum { FEW = 64 };
    const fn_stats_plan *plan = zone->plan;
    fn_tally *tally = &zone->tally;
    fn_known *next = NULL, *narrowed = NULL;
    size_t n_next = 0, n_narrowed = 0;
    bool ok = true;
    if (!(plan->needs & FN_NEEDS_CLASSES) && zone->pass == 0 && tally->n_bins == 0 &&
        tally->n_keys + tally->n_loose > FEW)
        ok = fn_targets_narrow(targets, n, tally, &narrowed, &n_narrowed);
    const size_t most = plan->needs & FN_NEEDS_CLASSES || narrowed ? SIZE_MAX : plan->values_max / 8;
    ok = ok && fn_tally_join(tally, most) &&
         fn_targets_find(targets, n, tally, plan->type, narrowed ? narrowed : zone->known,
                         narrowed ? n_narrowed : zone->n_known, &next, &n_next);
    free(narrowed);
    if (ok && n_next > 0) {
        ok = set_known(zone, next, n_next);
        fn_tally_clear(tally);
    }
    *again = ok && n_next > 0;
    return ok;
}

/* ---- finishing ---- */

static fn_status finish_values(fn_zone_stats *zone, fn_target *targets, bool *again, fn_error *err)
{
    const fn_stats_plan *plan = zone->plan;
    if (zone->pass == 0)
        zone->total = total_of(&zone->tally);
    const size_t n = zone->total > 0 ? make_targets(zone, targets) : 0;
    bool ok = true;
    if (plan->needs & FN_NEEDS_CLASSES)
        ok = fn_tally_join(&zone->tally, SIZE_MAX) && fn_tally_join(&zone->areas, SIZE_MAX);
    if (ok && n > 0)
        ok = find_targets(zone, targets, n, again);
    if (!ok)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    if (plan->needs & FN_NEEDS_CLASS_AREAS && zone->areas.n_bins != zone->tally.n_bins)
        return fn_fail(err, FN_ERR_READ, "a partial result has areas of other classes than it has");
    if (plan->needs & FN_NEEDS_CLASSES && zone->tally.n_bins > plan->classes_max)
        return fn_fail(err, FN_ERR_VALUE, "a zone has more than %zu distinct values", plan->classes_max);
    return FN_OK;
}

fn_status fn_zone_stats_finish(fn_zone_stats *zone, fn_stat_value *results, bool *again, fn_error *err)
{
    const fn_stats_plan *plan = zone->plan;
    bool more = false;
    fn_status status = merge_above(zone, INT64_MAX, err);
    fn_target *targets = NULL;
    if (status == FN_OK && !(targets = malloc((plan->n_stats + 1) * sizeof *targets)))
        status = fn_fail(err, FN_ERR_MEMORY, "out of memory");
    if (status == FN_OK && plan->needs & (FN_NEEDS_VALUES | FN_NEEDS_CLASSES) && !fn_is_void(plan, &zone->all))
        status = finish_values(zone, targets, &more, err);
    if (status == FN_OK) {
        const fn_target *target = targets;
        for (size_t i = 0; i < plan->n_stats; i++)
            if (percent_of(plan->stats[i]) < 0 || zone->total == 0)
                results[i] = fn_finish(plan, plan->stats[i], &zone->all, &zone->tally);
            else
                results[i] = fn_real_value(more ? (double)NAN : fn_target_answer(target++));
        zone->pass++;
        zone->any_settled = false;
    }
    free(targets);
    if (again)
        *again = more;
    return status;
}

const fn_stats_range *fn_zone_stats_ranges(const fn_zone_stats *zone, size_t *n)
{
    *n = zone->n_known;
    return zone->ranges;
}

/* ---- classes ---- */

size_t fn_zone_stats_class_count(const fn_zone_stats *zone)
{
    return zone->plan->needs & FN_NEEDS_CLASSES && !fn_is_void(zone->plan, &zone->all) ? zone->tally.n_bins : 0;
}

fn_class fn_zone_stats_class(const fn_zone_stats *zone, size_t i)
{
    const fn_stats_plan *plan = zone->plan;
    const fn_bin *bin = &zone->tally.bins[i];
    fn_class class = {.value = fn_value_of_key(plan->type, bin->key), .count = fn_cover_as_double(bin->cover)};
    if (!(plan->needs & FN_NEEDS_CLASS_AREAS))
        class.area = fn_dd_round(fn_dd_times(fn_cover_as_dd(bin->cover), (fn_dd){plan->cell_area, 0}));
    else
        class.area = fn_class_area(plan, zone->areas.bins[i].cover);
    return class;
}

double fn_zone_stats_class_total(const fn_zone_stats *zone)
{
    const fn_cover_bits total = fn_zone_stats_class_count(zone) > 0 ? zone->total : 0;
    return fn_cover_as_double(fn_cover_of_bits(total));
}

bool fn_zone_stats_is_void(const fn_zone_stats *zone)
{
    return fn_is_void(zone->plan, &zone->all);
}
