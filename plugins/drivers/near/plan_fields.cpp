#include "plan_steps.h"

#include "find_fields.h"

namespace fishnet::neartable
{

bool FindCarried(NearPlan &plan, const Handles &handles)
{
    std::vector<LayerPlan *> near;
    for (LayerPlan &layer : plan.near)
        near.push_back(&layer);
    return FindFields(plan.driver, "NEAR_FIELDS", plan.options.nearFields, near, handles, plan.nearFields);
}

bool FindMatch(NearPlan &plan, const Handles &handles)
{
    for (const auto &pair : plan.options.match) {
        bool numbers = true;
        const auto find = [&](LayerPlan &layer, const std::string &name) {
            OGRFeatureDefnH defn = Defn(layer, handles);
            const int i = FieldIndex(defn, name);
            if (i < 0)
                return Fail("MATCH=" + pair.first + (pair.second == pair.first ? "" : "=" + pair.second) +
                            ": there is no field " + name + " in " + Describe(layer) + MeantField({defn}, name));
            numbers = numbers && IsNumber(OGR_Fld_GetType(OGR_FD_GetFieldDefn(defn, i)));
            layer.match.push_back(i);
            return true;
        };
        if (!find(plan.input, pair.first))
            return false;
        for (LayerPlan &layer : plan.near)
            if (!find(layer, pair.second))
                return false;
        plan.matchNumbers.push_back(numbers);
    }
    return true;
}

} // namespace fishnet::neartable
