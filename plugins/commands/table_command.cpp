#include "table_command.h"

#ifdef FN_HAS_COMMANDS

#include <cstring>
#include <set>

#include <gdal_utils.h>

#include "parts.h"
#include "single_table.h"

namespace fishnet::commands
{

static const char *const kInput = "input";

TableCommand::TableCommand(const char *name, const char *description, const TableKind &kind, const char *rows)
    : Command(name, description, TableRecipes(kind).options, PartOptions(kind)), m_kind(kind), m_rows(rows)
{
    if (m_rows == kInput)
        AddInputDatasetArg(&m_input, GDAL_OF_VECTOR).SetAutoOpenDataset(false);
}

/* Where something else is the input, options about it say so. */
std::string TableCommand::Help(const fn_option &option) const
{
    static const std::set<std::string> ofInput = {"LAYER",  "WHERE",          "OO",       "GEOMETRY_FIELD",
                                                  "FIELDS", "PARTITION_SIZE", "PARTITION"};
    std::string help = option.help;
    if (m_rows != kInput && ofInput.count(option.name) > 0)
        for (const auto &[word, other] : {std::pair("input dataset", "dataset of " + m_rows), {kInput, m_rows}})
            if (const size_t at = help.find(word); at != std::string::npos)
                help.replace(at, strlen(word), other);
    return help;
}

void TableCommand::AddTableArguments()
{
    AddOutput(GDAL_OF_VECTOR, GDAL_DCAP_CREATE);
    AddLayerCreationOptionsArg(&m_layerCreationOptions);
    AddUpdateArg(&m_update);
    const auto update = [this] { GetArg("update", false)->Set(true); };
    AddArg("overwrite-layer", 0, "Whether overwriting existing output layer is allowed", &m_overwriteLayer)
        .AddAction(update);
    AddArg("append", 0, "Whether appending to existing layer is allowed", &m_append).AddAction(update);
    AddArg("output-layer", 0, "Output layer name", &m_outputLayer).AddHiddenAlias("nln");

    const bool isInput = m_rows == kInput;
    const std::string prefix = isInput ? "" : m_rows + "-";
    auto &layer = AddOption(m_options, (m_rows + "-layer").c_str(), "LAYER", isInput ? 'l' : 0);
    if (isInput)
        layer.AddAlias("layer");
    AddOption(m_options, "where", "WHERE");
    AddOption(m_options, (prefix + "open-option").c_str(), "OO").AddAlias(prefix + "oo").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_options, "geometry-field", "GEOMETRY_FIELD");
    AddOption(m_options, "fields", "FIELDS").SetMetaVar("A[,B...]|*");
    AddOption(m_options, "partition", "PARTITION").SetMetaVar("i/n|auto|auto/n");
    AddOption(m_options, "partition-size", "PARTITION_SIZE").SetMetaVar("N|AUTO").SetCategory(GAAC_ADVANCED);
    AddOption(m_many, "parts", "PARTS").SetMetaVar("<N>");
    AddOption(m_many, "part-format", "FORMAT");
    AddOption(m_many, "part-co", "PART_DSCO").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_many, "part-lco", "PART_LCO").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_many, "resume", "RESUME");
    AddOption(m_many, "assemble", "ASSEMBLE");
    AddWorkerOptions();
}

std::string TableCommand::NameOption(const char *option, const std::string &name)
{
    const bool isPlain = name.find(';') == std::string::npos || name.find('"') != std::string::npos;
    return std::string(option) + "=" + (isPlain ? name : '"' + name + '"');
}

bool TableCommand::AddNames(const char *argument, std::vector<GDALArgDatasetValue> &values, const char *option,
                            CPLStringList &options) const
{
    for (GDALArgDatasetValue &value : values) {
        const std::string name = NameOf(argument, value);
        if (name.empty())
            return false;
        options.AddString(NameOption(option, name).c_str());
    }
    return true;
}

Source TableCommand::Open()
{
    const std::string input = NameOf(m_rows.c_str(), m_input);
    CPLStringList options;
    if (input.empty() || !AddInputs(options) || !AddGrid(options))
        return nullptr;
    const CPLStringList given = DriverOptions();
    for (int i = 0; i < given.size(); i++)
        options.AddString(given[i]);
    return OpenDataset(m_kind.prefix, input, options, GDAL_OF_VECTOR);
}

GDALDataset *TableCommand::WriteMany(GDALDataset &source, const CPLStringList &options, GDALProgressFunc progress,
                                     void *progressData)
{
    return WriteTable(m_kind, m_output.GetName().c_str(), &source, options.List(), progress, progressData);
}

bool TableCommand::WorkersWrite(GDALDataset &source, CPLStringList &options) const
{
    auto *table = dynamic_cast<TableDataset *>(&source);
    if (!table || m_output.GetDatasetRef() || !m_outputLayer.empty())
        return false;
    if (!m_format.empty())
        options.SetNameValue("FORMAT", m_format.c_str());
    for (const auto &[name, list] : {std::pair("PART_DSCO=", m_creationOptions), {"PART_LCO=", m_layerCreationOptions}})
        for (const std::string &option : list) {
            if (option.find_first_of(";\"") != std::string::npos) /* the driver would take it apart */
                return false;
            options.AddString((name + option).c_str());
        }
    options.SetNameValue("OUTPUT", "SINGLE");
    return IsSingleAsUsual(m_output.GetName(), *table, options.List());
}

bool TableCommand::Write(GDALDataset &source, GDALProgressFunc progress, void *progressData)
{
    CPLStringList single;
    if (WorkersWrite(source, single)) {
        m_isNew = false; /* it is moved to its place when it is whole */
        return Take(WriteMany(source, single, progress, progressData));
    }
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

} // namespace fishnet::commands
#endif
