/* gdal fishnet zonal-stats: zonal statistics, asked for as `gdal raster zonal-stats` is. */
#include "table_command.h"

#ifdef FN_HAS_COMMANDS

#include "capability.h"
#include "fishnet/zonal_stats.h"
#include "zonal_table.h"

namespace fishnet::commands
{

namespace
{
class ZonalStats final : public TableCommand
{
  public:
    ZonalStats();

  private:
    bool AddInputs(CPLStringList &options) override;
    bool AddRasters(CPLStringList &options);
    bool AddStats(CPLStringList &options) const;
    bool AddWeights(CPLStringList &options);
    void AddFields(CPLStringList &options) const;

    std::vector<GDALArgDatasetValue> m_rasters;
    GDALArgDatasetValue m_weights;
    std::vector<int> m_bands;
    std::string m_pixels;
    std::vector<std::string> m_stats, m_includeFields;
    bool m_includeGeometry = false;
    std::string m_strategy, m_chunkSize;
};

/* GDAL's words, then the driver's. */
constexpr const char *kPixels[][2] = {{"default", "CENTER"},    {"center", "CENTER"},       {"fractional", "FRACTION"},
                                      {"fraction", "FRACTION"}, {"all-touched", "TOUCHED"}, {"touched", "TOUCHED"}};

/* What GDAL's command calls by a name that means something else to the driver. */
constexpr const char *kOtherMeanings[][2] = {
    {"unique", "a list of values is no column of a table: variety tells how many there are"},
    {"min_center_x", "there are no coordinates of cells: min_x is the column"},
    {"min_center_y", "there are no coordinates of cells: min_y is the row"},
    {"max_center_x", "there are no coordinates of cells: max_x is the column"},
    {"max_center_y", "there are no coordinates of cells: max_y is the row"}};
} // namespace

static std::vector<std::string> StatNames()
{
    std::vector<std::string> names;
    for (int kind = 0; kind < FN_STAT_KIND_COUNT; kind++) {
        char name[FN_STAT_NAME_BYTES];
        fn_stat_name({static_cast<fn_stat_kind>(kind), 90}, name);
        names.push_back(CPLString(name).tolower());
    }
    return names;
}

ZonalStats::ZonalStats()
    : TableCommand("zonal-stats", "Compute statistics of the raster cells in each zone, in parallel.", kZonalStats,
                   "zones")
{
    SetExamples("gdal fishnet zonal-stats dem.tif stats.csv --zones parcels.gpkg --stat mean,max,count\n"
                "gdal fishnet zonal-stats scene.tif shares.gpkg --zones fields.gpkg --band 3,4 --pixels fractional");
    AddInputDatasetArg(
        &m_rasters, GDAL_OF_RASTER, true,
        "Raster dataset(s) of the values, on one grid, as red=<dataset>; a stack of them as S=<wildcards> or "
        "S=@<list>")
        .SetMinCount(1)
        .SetAutoOpenDataset(false)
        .SetPackedValuesAllowed(false);
    AddArg("zones", 0, "Dataset of the zones: features, or a raster of numbers", &m_input,
           GDAL_OF_VECTOR | GDAL_OF_RASTER)
        .SetRequired()
        .SetAutoOpenDataset(false);
    AddTableArguments();
    AddOption(m_options, "zones-band", "ZONE_BAND").SetMetaVar("<N>");
    AddOption(m_options, "open-option", "RASTER_OO").AddAlias("oo").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_options, "calc", "CALC").SetMetaVar("<EXPRESSION>");
    AddArg("weights", 0, m_options.table.Find("WEIGHTS")->help, &m_weights, GDAL_OF_RASTER).SetAutoOpenDataset(false);
    AddOption(m_options, "weights-band", "WEIGHTS_BAND").SetMetaVar("<N>");
    AddArg("band", 'b', m_options.table.Find("BAND")->help, &m_bands);
    auto &pixels = AddArg("pixels", 0, m_options.table.Find("PIXELS")->help, &m_pixels);
    for (const auto &words : kPixels)
        pixels.SetChoices(words[0]);
    AddArg("stat", 0, "Statistic(s): the columns of the table", &m_stats)
        .SetMinCount(1)
        .SetAutoCompleteFunction([](const std::string &) { return StatNames(); });
    AddArg("include-field", 0, "Field(s) of the zones to carry over, ALL or NONE", &m_includeFields);
    AddOption(m_options, "zone-field", "ZONE_FIELD");
    AddArg("include-geom", 0, "Whether rows have the geometries of the zones", &m_includeGeometry);
    AddOption(m_options, "percentiles", "PERCENTILES").SetMetaVar("<P>[,<P>...]");
    AddOption(m_options, "histogram", "HISTOGRAM");
    AddOption(m_options, "nodata", "NODATA");
    AddOption(m_options, "alpha", "ALPHA");
    AddOption(m_options, "unscale", "UNSCALE");
    AddOption(m_options, "check-crs", "CHECK_CRS");
    AddOption(m_options, "invalid", "INVALID");
    AddOption(m_options, "on-error", "ON_ERROR");
    AddGridOptions();
    AddOption(m_options, "tile-size", "TILE_SIZE").SetMetaVar("N|WIDTHxHEIGHT").SetCategory(GAAC_ADVANCED);
    AddArg("strategy", 0, "Taken for scripts written for 'gdal raster zonal-stats'; changes nothing", &m_strategy)
        .SetChoices("feature", "raster")
        .SetCategory(GAAC_ESOTERIC);
    AddArg("chunk-size", 0, "Likewise", &m_chunkSize).SetCategory(GAAC_ESOTERIC);
}

static std::string Joined(const std::vector<std::string> &words)
{
    std::string text;
    for (const std::string &word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

bool ZonalStats::AddStats(CPLStringList &options) const
{
    for (const std::string &stat : m_stats)
        for (const auto &other : kOtherMeanings)
            if (EQUAL(stat.c_str(), other[0]))
                return Fail(CPLE_NotSupported, "Argument 'stat': " + stat + ": " + other[1]);
    if (!m_stats.empty())
        options.AddString(("STATS=" + Joined(m_stats)).c_str());
    return true;
}

/* A raster, or the driver's word in its place. */
bool ZonalStats::AddWeights(CPLStringList &options)
{
    const GDALAlgorithmArg *arg = GetArg("weights", false);
    if (!arg || !arg->IsExplicitlySet())
        return true;
    const char *word = m_options.table.Find("WEIGHTS")->words;
    const bool isWord = !m_weights.GetDatasetRef() && EQUAL(m_weights.GetName().c_str(), word);
    const std::string name = isWord ? word : NameOf("weights", m_weights);
    options.AddString(("WEIGHTS=" + name).c_str());
    return !name.empty();
}

void ZonalStats::AddFields(CPLStringList &options) const
{
    if (m_includeFields.size() == 1 && EQUAL(m_includeFields[0].c_str(), "NONE"))
        return;
    if (m_includeFields.size() == 1 && EQUAL(m_includeFields[0].c_str(), "ALL"))
        options.AddString("FIELDS=*");
    else
        for (const std::string &field : m_includeFields)
            options.AddString(("FIELDS=\"" + field + '"').c_str());
}

/* Those without a name are letters. */
bool ZonalStats::AddRasters(CPLStringList &options)
{
    std::vector<GivenInput> inputs;
    if (!ReadInputs(m_rasters, inputs))
        return false;
    for (const GivenInput &input : inputs) {
        const std::string name = input.name.empty() ? DatasetOf(input) : "";
        if (input.name.empty() && name.empty())
            return false;
        options.AddString((name.empty() ? InputOption(input) : NameOption("RASTER", name)).c_str());
    }
    return true;
}

bool ZonalStats::AddInputs(CPLStringList &options)
{
    std::vector<std::string> bands;
    for (const int band : m_bands)
        bands.push_back(std::to_string(band));
    if (!bands.empty())
        options.AddString(("BAND=" + Joined(bands)).c_str());
    for (const auto &words : kPixels)
        if (m_pixels == words[0])
            options.AddString((std::string("PIXELS=") + words[1]).c_str());
    if (m_includeGeometry)
        options.AddString("GEOMETRY=ZONE");
    AddFields(options);
    return AddStats(options) && AddWeights(options) && AddRasters(options);
}

static Capability capability(nullptr, [] { DeclareCommand("zonal-stats", MakeCommand<ZonalStats>); });

} // namespace fishnet::commands
#endif
