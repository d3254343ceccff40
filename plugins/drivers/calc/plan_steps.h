/* The steps that make a dataset's plan of its recipe, in this order. Each needs what those before it have put into the
 * plan, and returns false after CPLError. handles: of Plan::sources. */
#ifndef FN_FISHNET_PLAN_STEPS_H
#define FN_FISHNET_PLAN_STEPS_H

#include <vector>

#include "fishnet/recipe.h"
#include "plan.h"

namespace fishnet
{

using Handles = std::vector<DatasetHandle>;

/* Opens the inputs. overview: as in Plan::Make. */
bool OpenSources(Plan &plan, const fn_recipe &recipe, int overview, Handles &handles);

/* With an expression: are all inputs on the grid of the first? They are never resampled, and never matched by pixel
 * index. */
bool CheckGrids(const Plan &plan, const Handles &handles);
/* The expression, and the bands that it reads. */
bool Compile(Plan &plan, const fn_recipe &recipe, const Handles &handles);
void AddPlanes(Plan &plan, const fn_recipe &recipe, const Handles &handles);
/* The bands that it computes. */
bool AddComputedOutputs(Plan &plan, const fn_recipe &recipe);

/* Without one: the bands and masks of the first input. */
bool AddSourceOutputs(Plan &plan, const Handles &handles);

/* Groups of outputs, and the tiles. */
bool MakeGrid(Plan &plan, const fn_recipe &recipe, const Handles &handles);

} // namespace fishnet

#endif
