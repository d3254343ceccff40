#include "plan_steps.h"

#include <algorithm>

namespace fishnet::neartable
{

static constexpr Side kNearSide = {"NEARTABLE", "NEAR=", "NEAR_"};

bool FindNear(NearPlan &plan, Handles &handles)
{
    const Options &options = plan.options;
    /* Without NEAR the near layers are in the input's dataset, opened as that is. */
    std::vector<std::string> names = options.near, layers = options.nearLayers;
    const bool ownDataset = names.empty();
    if (ownDataset)
        names.push_back(options.input);
    std::vector<LayerPlan> datasets;
    for (const std::string &name : names) {
        datasets.emplace_back();
        datasets.back().name = name;
        datasets.back().openOptions =
            ownDataset && options.nearInputOptions.empty() ? options.inputOptions : options.nearInputOptions;
        if (!OpenFirst(kNearSide, datasets.back(), handles))
            return false;
    }
    const size_t count = std::max(names.size(), layers.size());
    if (layers.empty())
        layers.emplace_back();
    if (options.nearWhere.size() > 1 && options.nearWhere.size() != count)
        return Fail(CPLSPrintf("NEAR_WHERE: %d conditions for %d near layers: expected one for all of them, or one for "
                               "each",
                               static_cast<int>(options.nearWhere.size()), static_cast<int>(count)));
    if (count > 65535)
        return Fail("there are more than 65535 near layers", CPLE_NotSupported);
    for (size_t i = 0; i < count; i++) {
        plan.near.emplace_back();
        LayerPlan &layer = plan.near.back();
        const LayerPlan &dataset = datasets[names.size() == 1 ? 0 : i];
        layer.option = dataset.option;
        layer.name = dataset.name;
        layer.path = dataset.path;
        layer.openOptions = dataset.openOptions;
        layer.dataset = dataset.dataset;
        if (!options.nearWhere.empty())
            layer.where = options.nearWhere[options.nearWhere.size() == 1 ? 0 : i];
        if (!ChooseLayer(kNearSide, layers[layers.size() == 1 ? 0 : i], options.nearGeometryField, handles, layer))
            return false;
    }
    return true;
}

} // namespace fishnet::neartable
