#include "table_plan.h"

#include "find_fields.h"
#include "patient_files.h"
#include "table_kind.h"

namespace fishnet
{

fn_status Shared::Complete(Notes &messages, fn_error *err) const
{
    while (!IsWhole())
        if (GoOn(messages, err) != FN_OK)
            return err->status;
    return FN_OK;
}

std::shared_ptr<const TablePlan> TablePlan::Make(const TableKind &kind, const TableOptions &options, Handles &handles,
                                                 const TablePlan *same)
{
    const std::shared_ptr<TablePlan> plan = kind.newPlan();
    plan->kind = &kind;
    plan->driver = kind.driver;
    plan->connection = options.connection;
    plan->openOptions = options.openOptions;
    plan->reports = options.reports;
    plan->input.name = options.input;
    plan->input.where = options.where;
    plan->input.openOptions = options.inputOptions;
    plan->part = options.part;
    plan->lastPart = options.lastPart;
    plan->parts = options.parts;
    plan->builders = options.builders;
    plan->counted = same && same->counted >= 0 ? same->counted : options.features;
    if (same)
        plan->TakeOver(*same);
    if (!plan->FindInput(options, handles) || !plan->Complete(options, handles) ||
        !FindFields(kind.driver, "FIELDS", plan->FieldsToCarry(options), {&plan->input}, handles, plan->fields))
        return nullptr;
    plan->workers = options.workers;
    ResolveWorkers(kind.driver, plan->workers);
    plan->folder = CurrentFolder();
    plan->partitionGiven = options.partitionSize > 0;
    plan->partitionSize = plan->partitionGiven ? options.partitionSize : plan->UsualPartitionSize();
    plan->schema.name = plan->input.layer;
    plan->MakeSchema();
    return plan;
}

fn_status TablePlan::WritePartial(int64_t, int64_t, PartialWriter &, Notes &, const GoesOn &, fn_error *err) const
{
    return fn_fail(err, FN_ERR_ARGUMENT, "this table has no partial results");
}

bool TablePlan::FindInput(const TableOptions &options, Handles &handles)
{
    const Side side = {driver, "", ""};
    return OpenFirst(side, input, handles) && ChooseLayer(side, options.layer, options.geometryField, handles, input);
}

static void AddToSignature(const LayerPlan &layer, std::string &text)
{
    text += "\n" + layer.driver + " " + layer.structure + " " + Quoted(layer.layer, '"') +
            CPLSPrintf(" %d%d %d", layer.transform, layer.points, layer.geometryField);
    for (const std::vector<int> *indices : {&layer.fields, &layer.match})
        for (int i : *indices)
            text += CPLSPrintf(" %d", i);
    for (int i = 0; i < layer.openOptions.size(); i++)
        text += " " + Quoted(layer.openOptions[i], '"');
    char *wkt = nullptr;
    if (layer.srs && OSRExportToWkt(layer.srs.get(), &wkt) == OGRERR_NONE)
        text += std::string(" ") + wkt;
    CPLFree(wkt);
    int count = 0;
    const int *axes = layer.srs ? OSRGetDataAxisToSRSAxisMapping(layer.srs.get(), &count) : nullptr;
    for (int i = 0; i < count; i++)
        text += CPLSPrintf(" %d", axes[i]);
}

std::string TablePlan::Signature() const
{
    std::string text = OwnSignature() + CPLSPrintf(" %.17g", toDegrees);
    AddToSignature(input, text);
    for (const LayerPlan *layer : OtherLayers())
        AddToSignature(*layer, text);
    for (bool numbers : matchNumbers)
        text += numbers ? " n" : " t";
    for (const CarriedGroup &group : schema.groups)
        for (const CarriedField &field : group.fields)
            text += "\n" + Quoted(field.name, '"') + CPLSPrintf(" %d %d", field.type, field.subtype);
    return text;
}

Words TablePlan::Inputs() const
{
    Words inputs = {PlainName(input.path)};
    for (const LayerPlan *layer : OtherLayers())
        inputs.push_back(PlainName(layer->path));
    return inputs;
}

int64_t CountFeatures(const TablePlan &plan)
{
    const DatasetHandle input = OpenDataset(plan.input);
    OGRLayerH layer = input ? GDALDatasetGetLayerByName(input.get(), plan.input.layer.c_str()) : nullptr;
    if (layer && !plan.input.where.empty())
        OGR_L_SetAttributeFilter(layer, plan.input.where.c_str());
    return layer ? OGR_L_GetFeatureCount(layer, TRUE) : -1;
}

std::string Describe(const TablePlan &plan)
{
    return std::string(plan.driver) + ":" + WithoutSecrets(plan.input.name);
}

void EmitError(const TablePlan &plan, const fn_error &err)
{
    CPLError(CE_Failure, ErrorNumber(err.status), "%s: %s", Describe(plan).c_str(), err.text);
}

} // namespace fishnet
