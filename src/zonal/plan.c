#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "class_areas.h"
#include "keys.h"

enum { VALUES_MAX = 1 << 22, CLASSES_MAX = 1000000, VALUES_LEAST = 8 * 4096 };

static fn_status check(const fn_stats_options *o, fn_error *err)
{
    if ((unsigned)o->type >= FN_TYPE_COUNT)
        return fn_fail(err, FN_ERR_ARGUMENT, "values of type %d cannot be summed up", (int)o->type);
    for (size_t i = 0; i < o->n_stats; i++) {
        const fn_stat *s = &o->stats[i];
        if ((unsigned)s->kind >= FN_STAT_KIND_COUNT ||
            (s->kind == FN_STAT_PERCENTILE && !(s->percent >= 0 && s->percent <= 100)))
            return fn_fail(err, FN_ERR_ARGUMENT, "statistic %zu is none that there is", i);
    }
    if (!(o->area_most >= 0 && o->area_most <= 1e250) || (o->area_most > 0 && o->area_most < 1e-250))
        return fn_fail(err, FN_ERR_ARGUMENT, "the largest cell cannot have an area of %g", o->area_most);
    return FN_OK;
}

fn_status fn_stats_plan_new(const fn_stats_options *options, fn_stats_plan **out, fn_error *err)
{
    *out = NULL;
    const fn_status status = check(options, err);
    if (status != FN_OK)
        return status;
    fn_stats_plan *plan = malloc(sizeof *plan);
    fn_stat *stats = malloc((options->n_stats + 1) * sizeof *stats);
    if (!plan || !stats) {
        free(plan);
        free(stats);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    *plan = (fn_stats_plan){.stats = stats,
                            .n_stats = options->n_stats,
                            .needs = options->histogram ? FN_NEEDS_CLASSES : 0,
                            .type = options->type,
                            .fractions = options->fractions,
                            .spread = options->spread,
                            .cell_area = options->cell_area,
                            .values_max = options->values_max ? options->values_max : VALUES_MAX,
                            .classes_max = options->classes_max ? options->classes_max : CLASSES_MAX};
    if (plan->values_max < VALUES_LEAST)
        plan->values_max = VALUES_LEAST;
    if (options->histogram && options->area_most > 0) {
        plan->needs |= FN_NEEDS_CLASS_AREAS;
        plan->area_most = options->area_most;
        plan->area_scale = fn_area_scale(options->area_most);
    }
    for (size_t i = 0; i < options->n_stats; i++) {
        stats[i] = options->stats[i];
        plan->needs |= fn_stat_needs(stats[i].kind);
    }
    /* Where all values are equal, no rounding makes a variance of them. */
    if (plan->needs & (FN_NEEDS_MOMENTS | FN_NEEDS_WEIGHTED_MOMENTS))
        plan->needs |= FN_NEEDS_EXTREMES;
    /* Percentiles come from classes where there are some anyway, or can only be few. */
    if (plan->needs & FN_NEEDS_VALUES) {
        const bool few = fn_type_size(plan->type) <= 2;
        if (few && !(plan->needs & FN_NEEDS_CLASSES))
            plan->classes_max = 1 << 16;
        if (few || plan->needs & FN_NEEDS_CLASSES)
            plan->needs = (plan->needs & ~(unsigned)FN_NEEDS_VALUES) | FN_NEEDS_CLASSES;
    }
    *out = plan;
    return FN_OK;
}

void fn_stats_plan_free(fn_stats_plan *plan)
{
    if (!plan)
        return;
    free(plan->stats);
    free(plan);
}
