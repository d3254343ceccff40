/* The steps that make a near table's plan of its options, in this order. Each needs what those before it have put into
 * the plan, and returns false after CPLError. handles: the datasets, the input first. */
#ifndef FN_NEARTABLE_PLAN_STEPS_H
#define FN_NEARTABLE_PLAN_STEPS_H

#include <string>
#include <vector>

#include "plan.h"

namespace fishnet::neartable
{

/* Opens the datasets, and finds in them the layers and their geometries. */
bool FindInput(NearPlan &plan, Handles &handles);
bool FindNear(NearPlan &plan, Handles &handles);

/* The CRS, how distances are measured in it, and the unit of each distance. */
bool ChooseCRS(NearPlan &plan);
bool ChooseUnits(NearPlan &plan);

/* Fields that are carried over, and the pairs of MATCH. */
bool FindFields(NearPlan &plan, const Handles &handles);
bool FindMatch(NearPlan &plan, const Handles &handles);

/* Says why a step fails, without the secrets in the text. False. */
bool Fail(const std::string &text, CPLErrorNum number = CPLE_IllegalArg);
void Warn(const std::string &text);

} // namespace fishnet::neartable

#endif
