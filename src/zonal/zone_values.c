#include "fishnet/zone_values.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "window.h"

/* A different number. */
typedef struct zone_entry {
    int64_t zone;
    size_t runs;  /* that it has */
    size_t first; /* of them, when they are sorted */
} zone_entry;

typedef struct run {
    int32_t row, column, count;
    uint32_t entry;
} run;

struct fn_zone_values {
    zone_entry *entries; /* as they come first; sorted by their numbers in the end */
    size_t n_entries, entries_capacity;
    uint32_t *slots; /* open addressing: the number of an entry and 1, or 0 */
    size_t n_slots;  /* a power of two */
    run *runs;
    size_t n_runs, runs_capacity;
    fn_cells *cells; /* the runs of the first entry, of the second... */
    size_t cells_capacity;
};

/* ---- the different numbers ---- */

static size_t slot_of(const fn_zone_values *v, int64_t zone)
{
    const uint64_t mixed = (uint64_t)zone * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 20) & (v->n_slots - 1);
}

static void enter(fn_zone_values *v, uint32_t entry)
{
    size_t slot = slot_of(v, v->entries[entry].zone);
    while (v->slots[slot] != 0)
        slot = (slot + 1) & (v->n_slots - 1);
    v->slots[slot] = entry + 1;
}

/* Room for one more entry: at most half of the slots are taken. */
static bool make_room(fn_zone_values *v)
{
    if (!fn_reserve(&v->entries, &v->entries_capacity, v->n_entries + 1, sizeof *v->entries))
        return false;
    if (2 * (v->n_entries + 1) <= v->n_slots)
        return true;
    const size_t n = v->n_slots ? 2 * v->n_slots : 256;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    free(v->slots);
    v->slots = slots;
    v->n_slots = n;
    for (size_t i = 0; i < v->n_entries; i++)
        enter(v, (uint32_t)i);
    return true;
}

/* False: out of memory. */
static bool find_entry(fn_zone_values *v, int64_t zone, uint32_t *entry)
{
    for (size_t slot = v->n_slots ? slot_of(v, zone) : 0; v->n_slots && v->slots[slot] != 0;
         slot = (slot + 1) & (v->n_slots - 1))
        if (v->entries[v->slots[slot] - 1].zone == zone) {
            *entry = v->slots[slot] - 1;
            return true;
        }
    if (!make_room(v))
        return false;
    *entry = (uint32_t)v->n_entries;
    v->entries[v->n_entries++] = (zone_entry){zone, 0, 0};
    enter(v, *entry);
    return true;
}

/* ---- runs ---- */

static fn_status add_run(fn_zone_values *v, int64_t zone, int64_t row, int64_t column, int64_t count)
{
    run *last = v->n_runs ? &v->runs[v->n_runs - 1] : NULL;
    uint32_t entry = last ? last->entry : 0;
    if (!last || v->entries[entry].zone != zone) {
        if (!find_entry(v, zone, &entry))
            return FN_ERR_MEMORY;
    }
    if (!fn_reserve(&v->runs, &v->runs_capacity, v->n_runs + 1, sizeof *v->runs))
        return FN_ERR_MEMORY;
    v->runs[v->n_runs++] = (run){(int32_t)row, (int32_t)column, (int32_t)count, entry};
    v->entries[entry].runs++;
    return FN_OK;
}

#define FIND_RUNS(NAME, TYPE, IS_TOO_LARGE)                                                                            \
    static fn_status NAME(fn_zone_values *v, const void *numbers, const uint8_t *valid, fn_nodata nodata, fn_window w) \
    {                                                                                                                  \
        for (int64_t row = 0; row < w.height; row++) {                                                                 \
            const TYPE *n = (const TYPE *)numbers + row * w.width;                                                     \
            const uint8_t *good = valid ? valid + row * w.width : NULL;                                                \
            for (int64_t begin = 0, end; begin < w.width; begin = end) {                                               \
                const TYPE zone = n[begin];                                                                            \
                const bool is_valid = !good || good[begin], is_none = nodata.set && zone == (TYPE)nodata.value.u;      \
                for (end = begin + 1; end < w.width && n[end] == zone && (!good || !good[end] == !is_valid); end++)    \
                    ;                                                                                                  \
                if (!is_valid || is_none)                                                                              \
                    continue;                                                                                          \
                if (IS_TOO_LARGE)                                                                                      \
                    return FN_ERR_VALUE;                                                                               \
                if (add_run(v, (int64_t)zone, w.y + row, w.x + begin, end - begin) != FN_OK)                           \
                    return FN_ERR_MEMORY;                                                                              \
            }                                                                                                          \
        }                                                                                                              \
        return FN_OK;                                                                                                  \
    }

FIND_RUNS(runs_u8, uint8_t, false)
FIND_RUNS(runs_i8, int8_t, false)
FIND_RUNS(runs_u16, uint16_t, false)
FIND_RUNS(runs_i16, int16_t, false)
FIND_RUNS(runs_u32, uint32_t, false)
FIND_RUNS(runs_i32, int32_t, false)
FIND_RUNS(runs_i64, int64_t, false)
FIND_RUNS(runs_u64, uint64_t, zone > (uint64_t)INT64_MAX)

typedef fn_status find_runs(fn_zone_values *v, const void *numbers, const uint8_t *valid, fn_nodata nodata,
                            fn_window w);

static find_runs *runs_of_type(fn_type type)
{
    static find_runs *const by_type[FN_TYPE_COUNT] = {
        [FN_UINT8] = runs_u8,   [FN_INT8] = runs_i8,   [FN_UINT16] = runs_u16, [FN_INT16] = runs_i16,
        [FN_UINT32] = runs_u32, [FN_INT32] = runs_i32, [FN_UINT64] = runs_u64, [FN_INT64] = runs_i64,
    };
    return by_type[type];
}

/* ---- sorted ---- */

static int by_zone(const void *a, const void *b)
{
    const int64_t x = ((const zone_entry *)a)->zone, y = ((const zone_entry *)b)->zone;
    return x < y ? -1 : x > y;
}

/* Runs go to their entries, in the order in which they are. */
static bool sort_runs(fn_zone_values *v)
{
    if (!fn_reserve(&v->cells, &v->cells_capacity, v->n_runs + 1, sizeof *v->cells))
        return false;
    size_t first = 0;
    for (size_t i = 0; i < v->n_entries; i++) {
        v->entries[i].first = first;
        first += v->entries[i].runs;
    }
    for (size_t i = 0; i < v->n_runs; i++) {
        const run *r = &v->runs[i];
        v->cells[v->entries[r->entry].first++] = (fn_cells){r->row, r->column, r->count, 1};
    }
    for (size_t i = 0; i < v->n_entries; i++)
        v->entries[i].first -= v->entries[i].runs;
    qsort(v->entries, v->n_entries, sizeof *v->entries, by_zone);
    return true;
}

static void forget(fn_zone_values *v)
{
    v->n_entries = v->n_runs = 0;
    if (v->slots)
        memset(v->slots, 0, v->n_slots * sizeof *v->slots);
}

/* ---- for all to call ---- */

fn_status fn_zone_values_find(fn_zone_values *values, fn_type type, const void *numbers, const uint8_t *valid,
                              fn_nodata nodata, fn_window window, fn_error *err)
{
    find_runs *const find = runs_of_type(type);
    forget(values);
    if (!find)
        return fn_fail(err, FN_ERR_ARGUMENT, "zones are whole numbers, not of type %s", fn_type_name(type));
    if (!fn_window_is_within(window, err))
        return FN_ERR_ARGUMENT;
    fn_status status = find(values, numbers, valid, nodata, window);
    if (status == FN_OK && !sort_runs(values))
        status = FN_ERR_MEMORY;
    if (status == FN_OK)
        return FN_OK;
    forget(values);
    return status == FN_ERR_VALUE ? fn_fail(err, status, "the number of a zone is beyond %lld", (long long)INT64_MAX)
                                  : fn_fail(err, status, "out of memory for the zones of a window of %lld x %lld",
                                            (long long)window.width, (long long)window.height);
}

size_t fn_zone_values_count(const fn_zone_values *values)
{
    return values->n_entries;
}

int64_t fn_zone_values_zone(const fn_zone_values *values, size_t i)
{
    return values->entries[i].zone;
}

const fn_cells *fn_zone_values_cells(const fn_zone_values *values, size_t i, size_t *n)
{
    *n = values->entries[i].runs;
    return values->cells + values->entries[i].first;
}

fn_status fn_zone_values_new(fn_zone_values **out, fn_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(err, FN_ERR_MEMORY, "out of memory for the values of zones");
}

void fn_zone_values_free(fn_zone_values *values)
{
    if (!values)
        return;
    free(values->entries);
    free(values->slots);
    free(values->runs);
    free(values->cells);
    free(values);
}
