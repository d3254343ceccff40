#include "incomplete_table.h"

#include "input_watch.h"
#include "row_maker.h"

namespace fishnet
{

namespace
{

class IncompleteLayer final : public OGRLayer
{
  public:
    IncompleteLayer(GDALDataset *dataset, const TableKind &kind, std::shared_ptr<TablePlan> plan,
                    std::shared_ptr<InputWatch> watch)
        : m_dataset(dataset), m_kind(kind), m_plan(std::move(plan)), m_rows(m_plan->schema, nullptr),
          m_watch(std::move(watch))
    {
        SetDescription(m_rows.Defn()->GetName());
    }

    void ResetReading() override {}
    OGRFeature *GetNextFeature() override { return Refuse<OGRFeature *>(nullptr); }
    OGRFeature *GetFeature(GIntBig) override { return Refuse<OGRFeature *>(nullptr); }
    GIntBig GetFeatureCount(int force) override { return force ? Refuse<GIntBig>(-1) : -1; }
    bool GetArrowStream(ArrowArrayStream *, CSLConstList) override { return Refuse(false); }
    FN_CONST OGRFeatureDefn *GetLayerDefn() FN_CONST override { return m_rows.Defn(); }
    int TestCapability(const char *) FN_CONST override { return FALSE; }
    GDALDataset *GetDataset() override { return m_dataset; }

  private:
    template <class Result> Result Refuse(Result result)
    {
        m_kind.sayIncomplete(CE_Failure);
        if (m_watch)
            m_watch->WhyNot(false); /* an output that has taken the place of the input is none */
        return result;
    }

    GDALDataset *m_dataset;
    const TableKind &m_kind;
    std::shared_ptr<TablePlan> m_plan;
    RowMaker m_rows;
    std::shared_ptr<InputWatch> m_watch;
};

class IncompleteDataset final : public GDALDataset
{
  public:
    IncompleteDataset() { eAccess = GA_ReadOnly; }
    int GetLayerCount() FN_CONST override { return static_cast<int>(layers.size()); }
    FN_CONST OGRLayer *GetLayer(int i) FN_CONST override
    {
        return i >= 0 && i < GetLayerCount() ? layers[static_cast<size_t>(i)].get() : nullptr;
    }
    int TestCapability(const char *) FN_CONST override { return FALSE; }

    std::vector<std::unique_ptr<OGRLayer>> layers;
};

} // namespace

bool IsIncomplete(const TableKind &kind, CSLConstList openOptions)
{
    bool incomplete = kind.sayIncomplete != nullptr;
    for (CSLConstList option = openOptions; incomplete && option && *option; option++) {
        const std::string text = *option;
        incomplete = IsForOtherDrivers(text.substr(0, text.find('=')).c_str());
    }
    return incomplete;
}

/* The layers of the input that rows can be made for. False after CPLError. */
static bool FindInputLayers(const TableKind &kind, const TableOptions &options, std::vector<std::string> &layers)
{
    const Side side = {kind.driver, "", ""};
    LayerPlan input;
    Handles handles;
    input.name = options.input;
    bool opened = false;
    {
        const MessageCollector collector;
        opened = OpenFirst(side, input, handles);
    }
    if (opened)
        layers = LayersWithGeometry(handles[0].get());
    if (!layers.empty())
        return true;
    const std::shared_ptr<TablePlan> plan = kind.newPlan(); /* says what is wrong, or has something else than layers */
    plan->driver = kind.driver;
    plan->input.name = options.input;
    handles.clear();
    if (!plan->FindInput(options, handles))
        return false;
    layers.push_back(plan->input.layer);
    return true;
}

std::unique_ptr<GDALDataset> OpenIncomplete(const TableKind &kind, const char *connection)
{
    const std::unique_ptr<TableOptions> options = kind.newOptions();
    std::vector<std::string> names;
    if (!options->ParseName(kind, connection) || !FindInputLayers(kind, *options, names))
        return nullptr;
    kind.sayIncomplete(CE_Warning);
    const std::shared_ptr<InputWatch> watch = InputWatch::New({options->input});
    auto dataset = std::make_unique<IncompleteDataset>();
    for (const std::string &name : names) {
        std::shared_ptr<TablePlan> plan = kind.newPlan();
        plan->schema.name = name;
        plan->MakeSchema();
        dataset->layers.push_back(std::make_unique<IncompleteLayer>(dataset.get(), kind, std::move(plan), watch));
    }
    dataset->SetDescription(connection);
    return dataset;
}

} // namespace fishnet
