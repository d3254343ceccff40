/* Names of statistics, and partial results as a worker may send them. See README.md for the layout of the input. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fishnet/zonal_stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
    char text[256], name[FN_STAT_NAME_BYTES];
    fn_stat stat, again;
    fn_error err = {.text = ""};
    const size_t n = size < sizeof text ? size : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    if (fn_stat_parse(text, &stat, &err) != FN_OK) {
        CHECK(err.status == FN_ERR_ARGUMENT && err.text[0]);
        return;
    }
    fn_stat_name(stat, name);
    CHECK(fn_stat_parse(name, &again, &err) == FN_OK && again.kind == stat.kind && again.percent == stat.percent);
}

/* Adds what a worker may have sent, and finishes: a result or an error, whatever the bytes. */
static void merge(uint8_t how, const uint8_t *partial, size_t size)
{
    fn_stat stats[FN_STAT_KIND_COUNT];
    fn_stat_value results[FN_STAT_KIND_COUNT];
    fn_error err = {.text = ""};
    size_t n = 0;
    for (int kind = 0; kind < FN_STAT_KIND_COUNT; kind++) { /* percentiles from classes, or from values */
        const bool of_classes = kind == FN_STAT_VARIETY || kind == FN_STAT_MAJORITY || kind == FN_STAT_MINORITY ||
                                kind == FN_STAT_MAJORITY_COUNT || kind == FN_STAT_MAJORITY_SHARE;
        if (!of_classes || how & 64)
            stats[n++] = (fn_stat){(fn_stat_kind)kind, 90};
    }
    const fn_stats_options options = {.stats = stats,
                                      .n_stats = n,
                                      .histogram = how & 64,
                                      .type = (fn_type)(how % 16 % FN_TYPE_COUNT),
                                      .fractions = how & 16,
                                      .spread = how & 32,
                                      .area_most = how & 64 ? 1000 : 0,
                                      .classes_max = 100};
    fn_stats_plan *plan;
    fn_zone_stats *zone;
    bool again = false;
    CHECK(fn_stats_plan_new(&options, &plan, NULL) == FN_OK && fn_zone_stats_new(plan, &zone, NULL) == FN_OK);
    fn_status status = fn_zone_stats_add(zone, partial, size, &err);
    if (status == FN_OK)
        status = fn_zone_stats_settle(zone, 64, &err);
    if (status == FN_OK)
        status = fn_zone_stats_finish(zone, results, &again, &err);
    CHECK(status == FN_OK || ((status == FN_ERR_READ || status == FN_ERR_VALUE) && err.text[0]));
    for (size_t i = 0; status == FN_OK && i < n; i++)
        CHECK((results[i].result == FN_STAT_NONE) == (bool)isnan(results[i].real));
    for (size_t i = 0; status == FN_OK && i < fn_zone_stats_class_count(zone); i++)
        CHECK(fn_zone_stats_class(zone, i).area >= 0);
    CHECK(status != FN_OK || fn_zone_stats_class_total(zone) >= 0);
    fn_zone_stats_free(zone);
    fn_stats_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 128)
        parse(data + 1, size - 1);
    else
        merge(data[0], data + 1, size - 1);
    return 0;
}
