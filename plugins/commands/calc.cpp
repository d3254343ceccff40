/* gdal fishnet calc: raster math, as `gdal raster calc` writes it; and map, the same of a raster as it is, where no
 * expression is given: pipelines, formats that are slow to decode. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>

#include "builtin_dialect.h"
#include "calc_inputs.h"
#include "capability.h"
#include "fishnet/recipe.h"
#include "handles.h"

namespace fishnet::commands
{

namespace
{
class Calc : public RasterCommand
{
  public:
    Calc()
        : Calc("calc", "Compute rasters by an expression, in parallel: into one file, or many tiles.",
               "gdal fishnet calc dem.tif --calc \"sqrt(A)\" sqrt.tif\n"
               "gdal fishnet calc red=b4.tif nir=b5.tif --calc \"(nir-red)/(nir+red)\" -o ndvi.tif\n"
               "gdal fishnet calc dem.tif --calc \"sqrt(A)\" --grid 4x4 --log - tiles.vrt\n"
               "gdal fishnet functions",
               true)
    {
    }
    bool ParseCommandLineArguments(const std::vector<std::string> &words) override;

  protected:
    Calc(const char *name, const char *description, const char *examples, bool needsCalc);

  private:
    const char *AsksForMany() const override;
    CPLStringList DriverOptions() const override;
    CPLStringList ManyOptions() const override;
    /* Or is the output its input as it is? */
    bool Computes() const { return GetArg("calc")->IsExplicitlySet(); }
    Source Open() override;
    std::string Help(const fn_option &option) const override;
    bool NameInputs();
    void MatchGrids(bool isGridGiven);
    DatasetHandle OpenInput(const GivenInput &input) const;
    bool ListValues(std::vector<std::string> &values, std::string &why) const;
    bool AddCalcs(CPLStringList &options) const;

    std::vector<GDALArgDatasetValue> m_inputs;
    std::vector<GivenInput> m_given;
    std::string m_dialect = "muparser";
    std::string m_tileSize;
    bool m_anyExtent = false, m_anyCRS = false;
};

class Map final : public Calc
{
  public:
    Map()
        : Calc("map", "Evaluate a raster, as it is or by an expression, in parallel: into one file, or many tiles.",
               "gdal fishnet map slope.gdalg.json slope.tif --co COMPRESS=ZSTD\n"
               "gdal fishnet map dem.tif tiles.vrt --grid 4x4 --log -\n"
               "gdal fishnet map dem.tif tiles.vrt --grid 4x4 --calc \"sqrt(A)\"",
               false)
    {
    }
};
} // namespace

Calc::Calc(const char *name, const char *description, const char *examples, bool needsCalc)
    : RasterCommand(name, description)
{
    SetExamples(examples);
    AddInputDatasetArg(&m_inputs, GDAL_OF_RASTER, true,
                       "Input raster datasets, as red=<dataset>; a stack of them as S=<wildcards> or S=@<list>")
        .SetMinCount(1)
        .SetAutoOpenDataset(false)
        .SetPackedValuesAllowed(false)
        .SetMetaVar("INPUTS");
    AddOutput(GDAL_OF_RASTER, GDAL_DCAP_CREATECOPY);
    auto &calc = AddOption(m_options, "calc", "CALC").SetAutoCompleteFunction([this](const std::string &) {
        return m_dialect == "builtin" ? BuiltinFunctions() : std::vector<std::string>();
    });
    if (needsCalc)
        calc.SetRequired();
    AddArg("dialect", 0, "Language of the expressions", &m_dialect)
        .SetChoices("muparser", "builtin")
        .SetDefault("muparser");
    AddOption(m_options, "bands", "BANDS").SetDefault("all");
    AddOption(m_options, "flatten", "FLATTEN");
    AddOption(m_options, "output-data-type", "OT")
        .AddAlias("ot")
        .AddAlias("datatype")
        .SetChoices("Byte", "UInt8", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64", "Float16",
                    "Float32", "Float64");
    AddOption(m_options, "nodata", "NODATA");
    AddOption(m_options, "propagate-nodata", "PROPAGATE_NODATA");
    AddOption(m_options, "alpha", "ALPHA");
    AddOption(m_options, "unscale", "UNSCALE");
    AddArg("no-check-extent", 0, "Inputs may lie elsewhere, if they are of the size of the first", &m_anyExtent);
    AddArg("no-check-crs", 0, "Inputs may have other coordinate reference systems", &m_anyCRS)
        .AddHiddenAlias("no-check-srs");
    AddGridOptions();
    AddTileOptions();
    AddArg("tile-size", 0, "Size in pixels of the tiles that are written; for an output of one file, of a task",
           &m_tileSize)
        .SetMetaVar("N|WIDTHxHEIGHT|AUTO")
        .SetDefault("AUTO");
    AddRasterOptions();
    AddWorkerOptions();
}

std::string Calc::Help(const fn_option &option) const
{
    return EQUAL(option.name, "BANDS")
               ? "Band that a name alone means: the first, or each one in turn (default), which "
                 "makes as many output bands"
               : RasterCommand::Help(option);
}

/* Into a mosaic a size asks for tiles, as --grid does everywhere. */
const char *Calc::AsksForMany() const
{
    const std::string &output = m_output.GetName();
    const bool isMosaic =
        EQUAL(CPLGetExtension(output.c_str()), "vrt") || EQUAL(CPLGetExtension(output.c_str()), "gti");
    const char *many = RasterCommand::AsksForMany();
    return many || !isMosaic || !m_format.empty() || !GetArg("tile-size")->IsExplicitlySet() ? many : "tile-size";
}

CPLStringList Calc::DriverOptions() const
{
    CPLStringList options = RasterCommand::DriverOptions();
    if (!WritesMany() && GetArg("tile-size")->IsExplicitlySet())
        options.SetNameValue("TILE_SIZE", m_tileSize.c_str());
    return options;
}

CPLStringList Calc::ManyOptions() const
{
    CPLStringList options = RasterCommand::ManyOptions();
    if (WritesMany() && GetArg("tile-size")->IsExplicitlySet())
        options.SetNameValue("TILE_SIZE", m_tileSize.c_str());
    return options;
}

bool Calc::ParseCommandLineArguments(const std::vector<std::string> &words)
{
    bool isClosed = false;
    const std::vector<std::string> joined = JoinPipelines(words, isClosed);
    return isClosed ? RasterCommand::ParseCommandLineArguments(joined)
                    : Fail(CPLE_IllegalArg,
                           "Argument 'input': the ']' that closes the pipeline is missing, with white space before it");
}

/* Sees to it that each has a name that no other has. False after CPLError. */
bool Calc::NameInputs()
{
    std::map<std::string, std::string> known;
    const bool many =
        std::count_if(m_given.begin(), m_given.end(), [](const GivenInput &g) { return g.name.empty(); }) > 1;
    int nameless = 0;
    for (GivenInput &input : m_given) {
        if (input.name.empty() && many && m_dialect != "builtin")
            return Fail(CPLE_IllegalArg, "Argument 'input': several inputs need names, as in A=..., B=...: '" +
                                             input.dataset + "' has none");
        if (input.name.empty())
            input.name = !many ? "A" : nameless == 0 ? "X" : "X" + std::to_string(nameless);
        nameless += input.name[0] == 'X' ? 1 : 0;
        const auto [other, isNew] = known.emplace(input.name, input.dataset);
        if (!isNew)
            return Fail(CPLE_IllegalArg, "Argument 'input': " + input.name + " is both '" + other->second + "' and '" +
                                             input.dataset + "'");
    }
    return true;
}

/* Rasters of one extent are brought onto one grid, where no options say how. */
void Calc::MatchGrids(bool isGridGiven)
{
    std::vector<CalcDataset> datasets;
    for (const GivenInput &input : m_given) {
        if (IsStack(input))
            return;
        datasets.push_back({DatasetOf(input), OpenOptions(), input.dataset});
    }
    if (m_anyExtent || isGridGiven || datasets.size() < 2)
        return;
    const std::string done = MatchResolutions(datasets);
    for (size_t i = 0; i < datasets.size() && !done.empty(); i++)
        if (datasets[i].name[0] == '<')
            m_given[i] = {m_given[i].name, datasets[i].name, true};
    if (!done.empty())
        ReportError(CE_Warning, CPLE_AppDefined, "Inputs have several resolutions: %s", done.c_str());
}

/* NULL after CPLError. */
DatasetHandle Calc::OpenInput(const GivenInput &input) const
{
    CPLStringList options;
    for (const std::string &option : OpenOptions())
        if (!input.isOpened)
            options.AddString(option.c_str());
    return DatasetHandle(
        GDALOpenEx(DatasetOf(input).c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, options.List(), nullptr));
}

/* What functions of one or two values are applied to: with --flatten each band of each input. */
bool Calc::ListValues(std::vector<std::string> &values, std::string &why) const
{
    const GDALAlgorithmArg *flatten = GetArg("flatten");
    for (const GivenInput &input : m_given) {
        if (IsStack(input)) {
            why = input.name + " is a stack";
            return false;
        }
        if (!flatten || !flatten->Get<bool>()) {
            values.push_back(input.name);
            continue;
        }
        const DatasetHandle dataset = OpenInput(input);
        for (int band = 1; dataset && band <= GDALGetRasterCount(dataset.get()); band++)
            values.push_back(input.name + "[" + std::to_string(band) + "]");
    }
    return true;
}

/* Options of the driver, with expressions in its language. False after CPLError. */
bool Calc::AddCalcs(CPLStringList &options) const
{
    const CPLStringList given = DriverOptions();
    BuiltinInputs inputs;
    for (const GivenInput &input : m_given)
        inputs.names.push_back(input.name);
    inputs.values = [this](std::vector<std::string> &values, std::string &why) { return ListValues(values, why); };
    for (int i = 0; i < given.size(); i++) {
        std::string option = given[i], why;
        if (m_dialect == "builtin" && STARTS_WITH(given[i], "CALC=")) {
            const std::string text = TranslateBuiltin(given[i] + strlen("CALC="), inputs, why);
            if (text.empty())
                return Fail(CPLE_IllegalArg, "Argument 'calc': " + why);
            option = "CALC=" + text;
        }
        options.AddString(option.c_str());
    }
    if (!Computes())
        return true;
    if (!given.FetchNameValue("BANDS"))
        options.AddString("BANDS=ALL");
    if (m_anyExtent)
        options.AddString("CHECK_EXTENT=NO");
    options.AddString(m_anyCRS ? "CHECK_CRS=NO" : "CHECK_CRS=KNOWN");
    return true;
}

Source Calc::Open()
{
    if (!ReadInputs(m_inputs, m_given))
        return nullptr;
    if (!Computes() && (m_given.size() > 1 || IsStack(m_given[0]))) {
        Fail(CPLE_IllegalArg, "Argument 'calc' is missing: without an expression the output is one raster as it is");
        return nullptr;
    }
    for (const char *name : {"bands", "flatten", "dialect", "propagate-nodata"})
        if (!Computes() && GetArg(name)->IsExplicitlySet()) {
            Fail(CPLE_IllegalArg,
                 std::string("Argument '") + name + "' is about an expression: argument 'calc' is missing");
            return nullptr;
        }
    if (!Computes())
        m_given[0].name = "A";
    CPLStringList options;
    if (!NameInputs() || !AddGrid(options))
        return nullptr;
    MatchGrids(options.size() > 0);
    std::string connection;
    for (const GivenInput &input : m_given) {
        const bool isLetter = input.name.size() == 1 && isupper(static_cast<unsigned char>(input.name[0]));
        if (input.name == "A" && !IsStack(input))
            connection = DatasetOf(input);
        else if (isLetter && !IsStack(input))
            options.AddString((input.name + "=" + DatasetOf(input)).c_str());
        else
            options.AddString(InputOption(input).c_str());
        if (!input.isOpened)
            AddOpenOptions(input.name, options);
    }
    if (!AddCalcs(options))
        return nullptr;
    return OpenDataset(FN_RECIPE_PREFIX, connection, options, GDAL_OF_RASTER);
}

static Capability capability(nullptr, [] {
    DeclareCommand("calc", MakeCommand<Calc>);
    DeclareCommand("map", MakeCommand<Map>);
});

} // namespace fishnet::commands
#endif
