#include "incomplete.h"

#include <vector>

#include "input_watch.h"
#include "open_options.h"

namespace fishnet::neartable
{

namespace
{

class IncompleteLayer final : public OGRLayer
{
  public:
    IncompleteLayer(GDALDataset *dataset, const NearPlan &plan, std::shared_ptr<InputWatch> watch)
        : m_dataset(dataset), m_schema(plan), m_watch(std::move(watch))
    {
        SetDescription(m_schema.defn->GetName());
    }

    void ResetReading() override {}
    OGRFeature *GetNextFeature() override { return Refuse<OGRFeature *>(nullptr); }
    OGRFeature *GetFeature(GIntBig) override { return Refuse<OGRFeature *>(nullptr); }
    GIntBig GetFeatureCount(int force) override { return force ? Refuse<GIntBig>(-1) : -1; }
    bool GetArrowStream(ArrowArrayStream *, CSLConstList) override { return Refuse(false); }
    FN_CONST OGRFeatureDefn *GetLayerDefn() FN_CONST override { return m_schema.defn; }
    int TestCapability(const char *) FN_CONST override { return FALSE; }
    GDALDataset *GetDataset() override { return m_dataset; }

  private:
    template <class Result> Result Refuse(Result result)
    {
        SayNoNear(CE_Failure);
        if (m_watch)
            m_watch->WhyNot(false); /* an output that has taken the place of the input is none */
        return result;
    }

    GDALDataset *m_dataset;
    Schema m_schema;
    std::shared_ptr<InputWatch> m_watch;
};

class IncompleteDataset final : public GDALDataset
{
  public:
    IncompleteDataset(const std::vector<std::string> &inputLayers, const std::shared_ptr<InputWatch> &watch)
    {
        eAccess = GA_ReadOnly;
        for (const std::string &layer : inputLayers) {
            NearPlan plan;
            plan.input.layer = layer;
            m_layers.push_back(std::make_unique<IncompleteLayer>(this, plan, watch));
        }
    }
    int GetLayerCount() FN_CONST override { return static_cast<int>(m_layers.size()); }
    FN_CONST OGRLayer *GetLayer(int i) FN_CONST override
    {
        return i >= 0 && i < GetLayerCount() ? m_layers[static_cast<size_t>(i)].get() : nullptr;
    }
    int TestCapability(const char *) FN_CONST override { return FALSE; }

  private:
    std::vector<std::unique_ptr<OGRLayer>> m_layers;
};

} // namespace

bool IsIncomplete(CSLConstList openOptions)
{
    for (CSLConstList option = openOptions; option && *option; option++) {
        const std::string text = *option;
        if (!IsForOtherDrivers(text.substr(0, text.find('=')).c_str()))
            return false;
    }
    return true;
}

std::unique_ptr<GDALDataset> OpenIncomplete(const char *connection)
{
    Options options;
    std::vector<std::string> layers;
    if (!options.ParseName(connection) || !FindInputLayers(options, layers))
        return nullptr;
    SayNoNear(CE_Warning);
    const std::shared_ptr<InputWatch> watch = InputWatch::New({options.input});
    auto dataset = std::make_unique<IncompleteDataset>(layers, watch);
    dataset->SetDescription(connection);
    return dataset;
}

} // namespace fishnet::neartable
