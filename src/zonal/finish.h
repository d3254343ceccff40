/* Results out of what has been merged. */
#ifndef FN_FINISH_H
#define FN_FINISH_H

#include "plan.h"
#include "record.h"
#include "tally.h"

/* Whether NODATA=SPREAD leaves the zone without results. */
bool fn_is_void(const fn_stats_plan *plan, const fn_record *all);
/* A result; of percentiles NONE. classes: joined, where the plan needs them. */
fn_stat_value fn_finish(const fn_stats_plan *plan, fn_stat stat, const fn_record *all, const fn_tally *classes);

#endif
