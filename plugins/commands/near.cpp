/* gdal fishnet near: a near table. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <gdal_utils.h>

#include "drivers/near/driver.h"
#include "parts.h"

namespace fishnet::commands
{

namespace
{
class Near final : public Command
{
  public:
    Near();

  private:
    Source Open() override;
    bool Write(GDALDataset &source, GDALProgressFunc progress, void *progressData) override;
    const char *ManyDriver() const override { return kNearTable.driver; }

    GDALArgDatasetValue m_input;
    std::vector<GDALArgDatasetValue> m_near;
    std::vector<std::string> m_layerCreationOptions;
    std::string m_outputLayer;
    bool m_update = false, m_overwriteLayer = false, m_append = false;
};
} // namespace

Near::Near()
    : Command("near", "Find for each feature the nearest features of other layers, in parallel.",
              TableRecipes(kNearTable).options, PartOptions(kNearTable))
{
    AddInputDatasetArg(&m_input, GDAL_OF_VECTOR).SetAutoOpenDataset(false);
    AddArg("near", 0, "Vector dataset(s) whose features are looked for", &m_near, GDAL_OF_VECTOR)
        .SetPositional()
        .SetRequired()
        .SetMinCount(1)
        .SetPackedValuesAllowed(false)
        .SetAutoOpenDataset(false);
    AddOutput(GDAL_OF_VECTOR, GDAL_DCAP_CREATE);
    AddLayerCreationOptionsArg(&m_layerCreationOptions);
    AddUpdateArg(&m_update);
    const auto update = [this] { GetArg("update", false)->Set(true); };
    AddArg("overwrite-layer", 0, "Whether overwriting existing output layer is allowed", &m_overwriteLayer)
        .AddAction(update);
    AddArg("append", 0, "Whether appending to existing layer is allowed", &m_append).AddAction(update);
    AddArg("output-layer", 0, "Output layer name", &m_outputLayer).AddHiddenAlias("nln");

    AddOption(m_options, "input-layer", "LAYER", 'l').AddAlias("layer");
    AddOption(m_options, "near-layer", "NEAR_LAYER");
    AddOption(m_options, "where", "WHERE");
    AddOption(m_options, "near-where", "NEAR_WHERE");
    AddOption(m_options, "open-option", "OO").AddAlias("oo").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_options, "near-open-option", "NEAR_OO").AddAlias("near-oo").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_options, "geometry-field", "GEOMETRY_FIELD");
    AddOption(m_options, "near-geometry-field", "NEAR_GEOMETRY_FIELD");
    AddOption(m_options, "closest", "CLOSEST").SetMetaVar("K|ALL");
    AddOption(m_options, "radius", "RADIUS").SetMetaVar("DISTANCE[UNIT]");
    AddOption(m_options, "min-radius", "MIN_RADIUS").SetMetaVar("DISTANCE[UNIT]");
    AddOption(m_options, "method", "METHOD");
    AddOption(m_options, "distance-unit", "DISTANCE_UNIT").SetMetaVar("<UNIT>");
    AddOption(m_options, "location", "LOCATION");
    AddOption(m_options, "angle", "ANGLE");
    AddOption(m_options, "along", "ALONG");
    AddOption(m_options, "exclude-self", "EXCLUDE_SELF");
    AddOption(m_options, "match", "MATCH").SetMetaVar("FIELD[=NEAR_FIELD]");
    AddOption(m_options, "unmatched", "UNMATCHED");
    AddOption(m_options, "geometry", "GEOMETRY");
    AddOption(m_options, "fields", "FIELDS").SetMetaVar("A[,B...]|*");
    AddOption(m_options, "near-fields", "NEAR_FIELDS").SetMetaVar("A[,B...]|*");
    AddOption(m_options, "partition", "PARTITION").SetMetaVar("i/n");
    AddOption(m_options, "partition-size", "PARTITION_SIZE").SetMetaVar("N|AUTO").SetCategory(GAAC_ADVANCED);
    AddOption(m_many, "parts", "PARTS").SetMetaVar("<N>");
    AddOption(m_many, "part-format", "FORMAT");
    AddOption(m_many, "part-co", "PART_DSCO").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_many, "part-lco", "PART_LCO").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_many, "resume", "RESUME");
    AddWorkerOptions();
}

/* The driver takes a list apart at semicolons. */
static std::string Element(const std::string &name)
{
    return name.find(';') == std::string::npos || name.find('"') != std::string::npos ? name : '"' + name + '"';
}

Source Near::Open()
{
    const std::string input = NameOf("input", m_input);
    CPLStringList options;
    if (input.empty())
        return nullptr;
    for (GDALArgDatasetValue &value : m_near) {
        const std::string name = NameOf("near", value);
        if (name.empty())
            return nullptr;
        options.AddString(("NEAR=" + Element(name)).c_str());
    }
    const CPLStringList given = DriverOptions();
    for (int i = 0; i < given.size(); i++)
        options.AddString(given[i]);
    return OpenDataset(kNearTable.prefix, input, options, GDAL_OF_VECTOR);
}

bool Near::Write(GDALDataset &source, GDALProgressFunc progress, void *progressData)
{
    CPLStringList arguments;
    const auto add = [&arguments](const char *key, const std::string &value) {
        arguments.AddString(key);
        arguments.AddString(value.c_str());
    };
    GDALDatasetH existing = GDALDataset::ToHandle(m_output.GetDatasetRef());
    if (m_overwriteLayer)
        arguments.AddString("-overwrite");
    else if (m_append)
        arguments.AddString("-append");
    else if (existing)
        arguments.AddString("-update");
    if (existing && m_output.GetDatasetRef()->TestCapability(ODsCTransactions))
        arguments.AddString("-ds_transaction"); /* all of the table or nothing */
    if (!m_format.empty())
        add("-of", m_format);
    for (const std::string &option : m_creationOptions)
        add("-dsco", option);
    for (const std::string &option : m_layerCreationOptions)
        add("-lco", option);
    if (!m_outputLayer.empty())
        add("-nln", m_outputLayer);
    if (progress)
        arguments.AddString("-progress");
    const std::unique_ptr<GDALVectorTranslateOptions, void (*)(GDALVectorTranslateOptions *)> options(
        GDALVectorTranslateOptionsNew(arguments.List(), nullptr), GDALVectorTranslateOptionsFree);
    if (!options)
        return false;
    if (progress)
        GDALVectorTranslateOptionsSetProgress(options.get(), progress, progressData);
    GDALDatasetH handle = GDALDataset::ToHandle(&source);
    GDALDataset *written = GDALDataset::FromHandle(GDALVectorTranslate(existing ? nullptr : m_output.GetName().c_str(),
                                                                       existing, 1, &handle, options.get(), nullptr));
    return existing ? written != nullptr : Take(written);
}

std::unique_ptr<GDALAlgorithm> NewNear()
{
    return std::make_unique<Near>();
}

} // namespace fishnet::commands
#endif
