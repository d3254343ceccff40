#include "options.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include <cpl_vsi.h>

#include "fishnet/grid.h"
#include "fishnet/options.h"
#include "fishnet/recipe.h"
#include "output_grid.h"
#include "secrets.h"

namespace fishnet::zonalstats
{

constexpr size_t kLetters = sizeof FN_OPTION_LETTERS - 1;

/* Between commas that are not in parentheses: "MEAN,quantile(q=0.9)". */
static std::vector<std::string> SplitStats(const char *text)
{
    std::vector<std::string> names(1);
    int depth = 0;
    for (const char *c = text; *c; c++) {
        depth += *c == '(' ? 1 : *c == ')' ? -1 : 0;
        if (*c == ',' && depth <= 0)
            names.emplace_back();
        else
            names.back() += *c;
    }
    return names;
}

/* Adds it, unless STATS or PERCENTILES have it. */
static bool AddStat(const GivenOption &given, const fn_stat &stat, const std::string &name, const ZonalOptions &options,
                    std::vector<fn_stat> &list)
{
    for (const std::vector<fn_stat> *others : {&options.givenStats, &options.percentiles})
        for (const fn_stat &other : *others)
            if (other.kind == stat.kind && (stat.kind != FN_STAT_PERCENTILE || !(other.percent != stat.percent)))
                return given.Fail(("it is there twice: " + name).c_str());
    list.push_back(stat);
    return true;
}

static bool TakeStats(const GivenOption &given, ZonalOptions &options)
{
    for (const std::string &name : SplitStats(given.text)) {
        fn_stat stat;
        fn_error err;
        if (fn_stat_parse(Trimmed(name).c_str(), &stat, &err) != FN_OK) {
            CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s", given.driver, err.text);
            return false;
        }
        if (!AddStat(given, stat, name, options, options.givenStats))
            return false;
    }
    return true;
}

static bool TakePercentiles(const GivenOption &given, ZonalOptions &options)
{
    std::vector<std::string> numbers;
    if (!given.TakePieces(',', "", false, "expected numbers from 0 to 100, separated by ','", numbers))
        return false;
    for (const std::string &number : numbers) {
        fn_stat stat;
        const bool plain = number.find_first_not_of("0123456789.") == std::string::npos;
        if (!plain || fn_stat_parse(("PCT" + number).c_str(), &stat, nullptr) != FN_OK)
            return given.Fail("expected numbers from 0 to 100, separated by ','");
        if (!AddStat(given, stat, number, options, options.percentiles))
            return false;
    }
    return true;
}

static bool TakeBands(const GivenOption &given, ZonalOptions &options)
{
    constexpr long kMost = 65535;
    std::vector<std::string> numbers;
    if (!given.TakePieces(',', "", false, "expected numbers of bands separated by ','", numbers))
        return false;
    for (const std::string &number : numbers) {
        char *end = nullptr;
        const long band = strtol(number.c_str(), &end, 10);
        if (*end || band < 1 || band > kMost)
            return given.Fail("expected numbers of bands, from 1, separated by ','");
        if (std::find(options.bands.begin(), options.bands.end(), static_cast<int>(band)) != options.bands.end())
            return given.Fail(("it is there twice: " + number).c_str());
        options.bands.push_back(static_cast<int>(band));
    }
    return true;
}

static bool TakeCalc(const GivenOption &given, ZonalOptions &options)
{
    for (const std::string &text : SplitOutsideQuotes(given.text, ';', "")) {
        if (Trimmed(text).empty())
            return given.Fail("an expression is empty");
        options.calcs.push_back(text);
    }
    return true;
}

static bool TakeWeights(const GivenOption &given, ZonalOptions &options)
{
    options.weightsRaster = given.text;
    options.weights = EQUAL(given.text, "AREA") ? Weights::Area : Weights::Raster;
    if (options.weightsRaster.empty())
        return given.Fail("expected the name of a raster, or AREA");
    return true;
}

/* Each of RASTER is one dataset, whatever its name contains. */
static bool TakeRasters(const GivenOption &given, ZonalOptions &options)
{
    std::vector<std::string> names;
    VSIStatBufL stat;
    const size_t equal = strcspn(given.text, "=");
    if (given.text[equal] && fn_recipe_is_input_name(given.text, equal) && VSIStatL(given.text, &stat) != 0)
        return given.Fail("a raster with a name, or a stack, is an INPUT: -oo INPUT=<name>=<dataset>");
    if (!given.TakeNames(names))
        return false;
    for (const std::string &name : names)
        options.rasters.push_back({"", {name}, false});
    return true;
}

static bool TakeInput(const GivenOption &given, ZonalOptions &options)
{
    NamedInput input;
    fn_error err;
    if (ReadInput(given.text, input, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s", given.driver, WithoutSecrets(err.text).c_str());
        return false;
    }
    options.rasters.push_back(std::move(input));
    return true;
}

template <class Value> static bool Set(const GivenOption &given, Value &out)
{
    out = static_cast<Value>(given.value.whole);
    return true;
}

namespace
{
struct ZonalRow {
    fn_option option;
    /* Takes it. False after CPLError. */
    bool (*take)(const GivenOption &given, ZonalOptions &options);
};
} // namespace

static const ZonalRow kRows[] = {
    {{"RASTER", FN_OPTION_NAMES, nullptr, 0, 0, nullptr,
      "Dataset of the values; may be repeated, or hold several separated by a semicolon", nullptr},
     TakeRasters},
    {{"INPUT", FN_OPTION_INPUT, nullptr, 0, 0, nullptr,
      "name=dataset: a raster that expressions call so; several datasets with semicolons between, wildcards or "
      "@list.txt are a stack; may be repeated",
      nullptr},
     TakeInput},
    {{"RASTER_OO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr, "Open option of the rasters, NAME=VALUE; likewise",
      nullptr},
     [](const GivenOption &g, ZonalOptions &o) {
         o.rasterOptions += (o.rasterOptions.empty() ? "" : ";") + std::string(g.text);
         return true;
     }},
    {{"BAND", FN_OPTION_QUANTITY, nullptr, 0, 0, nullptr,
      "Bands of each raster, numbers from 1 separated by commas; by default all", nullptr},
     TakeBands},
    {{"CALC", FN_OPTION_REPEATED, nullptr, 0, 0, nullptr,
      "Expression over the rasters, A, A[2], B..., or their names, whose values are taken; may be repeated, or hold "
      "several separated "
      "by a semicolon",
      nullptr},
     TakeCalc},
    {{"WEIGHTS", FN_OPTION_NAME, "AREA", 0, 0, nullptr,
      "Raster of weights for statistics such as WEIGHTED_MEAN, or AREA: the areas of cells", nullptr},
     TakeWeights},
    {{"WEIGHTS_BAND", FN_OPTION_WHOLE, nullptr, 1, 65535, "1", "Band of the raster of weights", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.weightsBand); }},
    {{"STATS", FN_OPTION_WORDS, nullptr, 0, 0, "COUNT,MIN,MAX,MEAN,STD,SUM",
      "Statistics, separated by commas: the columns of the table", nullptr},
     TakeStats},
    {{"PERCENTILES", FN_OPTION_QUANTITY, nullptr, 0, 0, nullptr,
      "Percentiles behind the statistics, numbers from 0 to 100 separated by commas", nullptr},
     TakePercentiles},
    {{"HISTOGRAM", FN_OPTION_CHOICE, "NONE|LONG|WIDE", 0, 0, "NONE",
      "Cells by value: a row for each zone and value in the place of statistics, or a column for each value", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.histogram); }},
    {{"PIXELS", FN_OPTION_CHOICE, "CENTER|FRACTION|TOUCHED", 0, 0, "CENTER",
      "Which cells belong to a zone: those whose centre it covers, all with the part that it covers, or all that it "
      "touches",
      nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.pixels); }},
    {{"NODATA", FN_OPTION_CHOICE, "IGNORE|SPREAD", 0, 0, "IGNORE",
      "Cells without value: left out, or the whole zone is without statistics", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.spread); }},
    {{"ALPHA", FN_OPTION_CHOICE, "NODATA|IGNORE", 0, 0, "NODATA",
      "Whether transparent cells of a raster with an alpha band have no value", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.ignoreAlpha); }},
    {{"UNSCALE", FN_OPTION_FLAG, nullptr, 0, 0, "NO",
      "Whether values are real ones: stored ones times the scale of their band, plus its offset", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.unscale); }},
    {{"CHECK_CRS", FN_OPTION_CHOICE, "YES|KNOWN|NO", 0, 0, "YES",
      "Whether rasters must have the CRS of the first one; KNOWN: those that have any", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.checkCRS); }},
    {{"ON_ERROR", FN_OPTION_CHOICE, "FAIL|NODATA", 0, 0, "FAIL",
      "Tiles that cannot be read: the table fails, or their cells have no value", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.errorIsNoData); }},
    {{"INVALID", FN_OPTION_CHOICE, "REPAIR|SKIP|FAIL", 0, 0, "REPAIR", "Polygons that cross or cover themselves",
      nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.invalid); }},
    {{"GEOMETRY", FN_OPTION_CHOICE, "NONE|ZONE", 0, 0, "NONE", "Geometry of the rows", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.geometry); }},
    {{"ZONE_BAND", FN_OPTION_WHOLE, nullptr, 1, 65535, nullptr,
      "Band of a raster whose numbers are the zones; by default 1, where the dataset of zones has no layer", nullptr},
     [](const GivenOption &g, ZonalOptions &o) { return Set(g, o.zoneBand); }},
    {{"ZONE_FIELD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr,
      "Field of the zones: features with the same value are one zone", nullptr},
     [](const GivenOption &g, ZonalOptions &o) {
         o.zoneField = g.text;
         return !o.zoneField.empty() || g.Fail("expected the name of a field");
     }},
    {{"TILE_SIZE", FN_OPTION_SIZE, "AUTO", 1, FN_TILE_MAX, "AUTO",
      "Cells of the raster in a task, 512 or 512x256; brought up to multiples of 256x64. The results do not depend on "
      "it",
      nullptr},
     [](const GivenOption &g, ZonalOptions &o) {
         o.tileWidth = static_cast<int>(g.value.whole);
         o.tileHeight = static_cast<int>(g.value.second);
         return true;
     }},
};

fn_option_table OwnOptions()
{
    static const std::vector<fn_option> options = [] {
        std::vector<fn_option> own;
        for (const ZonalRow &row : kRows)
            own.push_back(row.option);
        const fn_option_table grid = fn_grid_option_table();
        own.insert(own.end(), grid.rows, grid.rows + grid.count);
        return own;
    }();
    return {options.data(), options.size()};
}

static void FreeGrid(fn_grid_options *grid)
{
    fn_grid_options_clear(grid);
    delete grid;
}

ZonalOptions::ZonalOptions() : grid(new fn_grid_options(), FreeGrid)
{
    ChooseStats();
}

static bool TakeGrid(const GivenOption &given, fn_grid_options &grid)
{
    bool known = false;
    fn_error err;
    if (fn_grid_options_take(&grid, given.name, strlen(given.name), given.text, &known, &err) == FN_OK)
        return true;
    CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s", given.driver, err.text);
    return false;
}

bool ZonalOptions::Take(size_t index, const GivenOption &given)
{
    const bool taken = index < std::size(kRows) ? kRows[index].take(given, *this) : TakeGrid(given, *grid);
    ChooseStats();
    return taken;
}

void ZonalOptions::ChooseStats()
{
    static const std::vector<fn_stat> usual = {{FN_STAT_COUNT, 0}, {FN_STAT_MIN, 0}, {FN_STAT_MAX, 0},
                                               {FN_STAT_MEAN, 0},  {FN_STAT_STD, 0}, {FN_STAT_SUM, 0}};
    stats = givenStats;
    if (histogram == Histogram::None && stats.empty())
        stats = usual;
    if (histogram == Histogram::Wide && stats.empty())
        stats = {{FN_STAT_COUNT, 0}};
    if (givenStats.empty() && weights != Weights::None)
        stats.push_back({FN_STAT_WEIGHTED_MEAN, 0});
    if (histogram == Histogram::Long)
        stats.clear();
    else
        stats.insert(stats.end(), percentiles.begin(), percentiles.end());
}

void SayNoRaster(CPLErr level)
{
    CPLError(level, CPLE_IllegalArg, "ZONALSTATS: RASTER is not given: -oo RASTER=<dataset>");
}

static bool Refuse(const std::string &text)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "ZONALSTATS: %s", WithoutSecrets(text).c_str());
    return false;
}

bool ZonalOptions::CheckWeights() const
{
    const auto weighted = std::find_if(stats.begin(), stats.end(), fn_stat_is_weighted);
    if (weights == Weights::None && weighted != stats.end()) {
        char name[FN_STAT_NAME_BYTES];
        fn_stat_name(*weighted, name);
        return Refuse("STATS=" + std::string(name) +
                      ": weights are not given: -oo WEIGHTS=<dataset>, or AREA for the areas of cells");
    }
    if (weights != Weights::None && weighted == stats.end())
        return Refuse("WEIGHTS: there is no statistic with weights in STATS, such as WEIGHTED_MEAN");
    if (weights != Weights::Raster && weightsBand > 0)
        return Refuse("WEIGHTS_BAND: there is no raster of weights: -oo WEIGHTS=<dataset>");
    return true;
}

std::vector<std::string> ZonalOptions::NamesOfRasters() const
{
    std::vector<std::string> names;
    size_t letter = 0;
    for (const NamedInput &raster : rasters)
        names.push_back(!raster.name.empty() ? raster.name
                        : letter < kLetters  ? std::string(1, FN_OPTION_LETTERS[letter++])
                                             : std::string());
    return names;
}

size_t ZonalOptions::RasterCount() const
{
    size_t count = 0;
    for (const NamedInput &raster : rasters)
        count += raster.datasets.size();
    return count;
}

bool ZonalOptions::CheckRasters() const
{
    if (rasters.empty()) {
        SayNoRaster(CE_Failure);
        return false;
    }
    const auto nameless =
        std::count_if(rasters.begin(), rasters.end(), [](const NamedInput &raster) { return raster.name.empty(); });
    if (!calcs.empty() && static_cast<size_t>(nameless) > kLetters)
        return Refuse("CALC: there are letters for " + std::to_string(kLetters) + " rasters, A to Z, and " +
                      std::to_string(nameless) + " are given; INPUT=<name>=<dataset> gives one a name");
    const std::vector<std::string> names = NamesOfRasters();
    std::map<std::string, std::string> known;
    for (size_t i = 0; i < rasters.size(); i++) {
        const auto [other, isNew] = known.emplace(names[i], rasters[i].datasets[0]);
        if (!isNew && !names[i].empty())
            return Refuse("input " + names[i] + " is given twice, as " + other->second + " and " +
                          rasters[i].datasets[0]);
        if (rasters[i].isStack && calcs.empty())
            return Refuse("INPUT=" + names[i] + ": a stack needs an expression, CALC=...");
    }
    return CheckGrid(names);
}

bool ZonalOptions::CheckGrid(std::vector<std::string> names) const
{
    names.insert(names.end(), {"WEIGHTS", "zones"});
    if (checkCRS == FN_CHECK_CRS_NONE && fn_grid_options_asked(grid.get()))
        return Refuse("CHECK_CRS=NO: then cells are matched by their column and row, and options that bring rasters "
                      "onto one grid, such as EXTENT or RESAMPLING, cannot be given");
    for (int i = 0; i < grid->n_own; i++)
        if (std::find(names.begin(), names.end(), grid->own[i].name) == names.end())
            return Refuse((grid->own[i].method_given ? "INPUT_RESAMPLING=" : "INPUT_OUTSIDE=") +
                          std::string(grid->own[i].name) + ": there is no raster " + grid->own[i].name);
    return true;
}

bool ZonalOptions::Check() const
{
    if (histogram == Histogram::Long && givenStats.size() + percentiles.size() > 0)
        return Refuse(
            "HISTOGRAM=LONG has columns of its own: " + std::string(givenStats.empty() ? "PERCENTILES" : "STATS") +
            " can only be given with HISTOGRAM=WIDE, or without it");
    if (!calcs.empty() && !bands.empty())
        return Refuse("BAND: with CALC the expression says which bands are read: A[2]");
    if (geometry && !zoneField.empty())
        return Refuse("GEOMETRY=ZONE and ZONE_FIELD do not go together: a group of features has no geometry");
    return CheckRasters() && CheckWeights();
}

std::vector<std::string> ZonalOptions::OtherInputs() const
{
    std::vector<std::string> names;
    for (const NamedInput &raster : rasters)
        names.insert(names.end(), raster.datasets.begin(), raster.datasets.end());
    if (weights == Weights::Raster)
        names.push_back(weightsRaster);
    for (const std::string &file : FilesOf(*grid))
        names.push_back(file);
    return names;
}

} // namespace fishnet::zonalstats
