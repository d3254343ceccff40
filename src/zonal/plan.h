/* The plan: what is asked for, and what that needs. */
#ifndef FN_PLAN_H
#define FN_PLAN_H

#include "fishnet/zonal_stats.h"

enum {
    FN_NEEDS_SUM = 1,
    FN_NEEDS_MOMENTS = 2,
    FN_NEEDS_EXTREMES = 4,
    FN_NEEDS_PLACES = 8,
    FN_NEEDS_CLASSES = 16,
    FN_NEEDS_VALUES = 32,
    FN_NEEDS_AREA = 64,
    FN_NEEDS_WEIGHTS = 128,
    FN_NEEDS_WEIGHTED_MOMENTS = 256,
    FN_NEEDS_CLASS_AREAS = 512
};

struct fn_stats_plan {
    fn_stat *stats;
    size_t n_stats;
    unsigned needs;
    fn_type type;
    bool fractions, spread;
    double cell_area;
    double area_most, area_scale; /* of CLASS_AREAS, see class_areas.h */
    size_t values_max, classes_max;
};

/* What a statistic needs, FN_NEEDS_... */
unsigned fn_stat_needs(fn_stat_kind kind);

#endif
