/* What a plan gives, of what it reads: the last steps that make it. Each returns false after CPLError. handles: of
 * Plan::inputs. */
#ifndef FN_FISHNET_PLAN_OUTPUTS_H
#define FN_FISHNET_PLAN_OUTPUTS_H

#include "fishnet/recipe.h"
#include "plan.h"

namespace fishnet
{

/* With an expression: the bands that it computes. */
bool AddComputedOutputs(Plan &plan, const fn_recipe &recipe);
/* Without one: the bands and masks of the first input. */
bool AddSourceOutputs(Plan &plan, const InputHandles &handles);

/* Groups of outputs, and the tiles. */
bool MakeGrid(Plan &plan, const fn_recipe &recipe, const InputHandles &handles);

} // namespace fishnet

#endif
