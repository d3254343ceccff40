#include "plan.h"

#include <algorithm>

#include "crs_name.h"
#include "find_fields.h"
#include "onto_grid.h"
#include "rows.h"
#include "zone_reader.h"
#include "zone_table.h"

namespace fishnet::zonalstats
{

static bool Fail(const std::string &text, CPLErrorNum number = CPLE_AppDefined)
{
    CPLError(CE_Failure, number, "ZONALSTATS: %s", WithoutSecrets(text).c_str());
    return false;
}

/* Zones are brought into the CRS of the rasters. */
static bool ChooseCRS(ZonalPlan &plan)
{
    LayerPlan &input = plan.input;
    const Rasters &rasters = *plan.rasters;
    if (input.srs && OSRIsCompound(input.srs.get()))
        OSRStripVertical(input.srs.get());
    if (rasters.srs)
        plan.srs.reset(OSRClone(rasters.srs.get()));
    const bool both = input.srs && plan.srs;
    if (!both && (input.srs || plan.srs))
        CPLError(CE_Warning, CPLE_AppDefined, "ZONALSTATS: %s has no CRS: its coordinates are taken as those of %s",
                 (input.srs ? Describe(rasters.inputs[0]) : Describe(input)).c_str(),
                 (input.srs ? Describe(input) : Describe(rasters.inputs[0])).c_str());
    input.transform = both && !OSRIsSame(input.srs.get(), plan.srs.get());
    std::string cause;
    if (input.transform && !plan.NewTransformation(input, cause))
        return Fail(Describe(input) + " cannot be transformed from " + CRSName(input.srs.get()) + " to " +
                    CRSName(plan.srs.get()) + ": " + cause);
    if (input.transform)
        CPLDebug("FISHNET", "%s is transformed from %s to %s", Describe(input).c_str(),
                 CRSName(input.srs.get()).c_str(), CRSName(plan.srs.get()).c_str());
    if (!both && input.srs)
        plan.srs.reset(OSRClone(input.srs.get()));
    return true;
}

/* ---- zones of a raster ---- */

/* What a raster of zones does not have. */
static bool CheckNumbers(const ZonalOptions &options)
{
    const std::pair<const char *, bool> of[] = {{"LAYER", !options.layer.empty()},
                                                {"WHERE", !options.where.empty()},
                                                {"GEOMETRY_FIELD", !options.geometryField.empty()},
                                                {"FIELDS", !options.fields.empty()},
                                                {"ZONE_FIELD", !options.zoneField.empty()},
                                                {"GEOMETRY=ZONE", options.geometry},
                                                {"PIXELS", options.pixels != FN_PIXELS_CENTER},
                                                {"INVALID", options.invalid != Invalid::Repair},
                                                {"ON_ERROR=NODATA", options.errorIsNoData}};
    for (const auto &[name, given] : of)
        if (given)
            return Fail(std::string(name) + " is for zones of a layer, and " + options.input + " is a raster of zones",
                        CPLE_IllegalArg);
    return true;
}

/* NULL: there is none, or without bands. */
static DatasetHandle OpenRaster(const LayerPlan &input)
{
    const MessageCollector collector;
    DatasetHandle raster(GDALOpenEx(input.path.c_str(), GDAL_OF_RASTER, nullptr, input.openOptions.List(), nullptr));
    return raster && GDALGetRasterCount(raster.get()) > 0 ? std::move(raster) : DatasetHandle();
}

/* Zones are a raster where ZONE_BAND is given, or where the dataset has no layer and has bands. */
bool ZonalPlan::FindInput(const TableOptions &given, Handles &handles)
{
    options = static_cast<const ZonalOptions &>(given);
    const Side side = {driver, "", ""};
    Notes messages;
    bool hasLayers = false;
    if (options.zoneBand == 0) {
        MessageCollector collector;
        hasLayers = OpenFirst(side, input, handles) && GDALDatasetGetLayerCount(handles[0].get()) > 0;
        messages = std::move(collector.messages);
    }
    handles.resize(1);
    if (!hasLayers)
        input.path = AbsoluteName(input.name);
    DatasetHandle raster = hasLayers ? DatasetHandle() : OpenRaster(input);
    if (options.zoneBand > 0 && !raster)
        return Fail(input.name + " cannot be opened as a raster of zones", CPLE_OpenFailed);
    if (raster) {
        zonesAreRaster = true;
        handles[0] = std::move(raster);
        input.layer = CPLGetBasename(input.name.c_str());
        return CheckNumbers(options);
    }
    for (const Message &message : messages)
        Emit(message);
    return handles[0] && ChooseLayer(side, options.layer, options.geometryField, handles, input);
}

/* ---- zones of a layer ---- */

/* The field that says which features are one zone. */
static bool FindZoneField(ZonalPlan &plan, const Handles &inputs)
{
    const std::string &name = plan.options.zoneField;
    if (name.empty())
        return true;
    OGRFeatureDefnH defn = Defn(plan.input, inputs);
    const int i = FieldIndex(defn, name);
    if (i < 0)
        return Fail("ZONE_FIELD=" + name + ": there is no such field in " + Describe(plan.input), CPLE_IllegalArg);
    plan.input.match = {i};
    plan.matchNumbers = {IsNumber(OGR_Fld_GetType(OGR_FD_GetFieldDefn(defn, i)))};
    return true;
}

/* With the field of the groups in front. */
std::vector<std::string> ZonalPlan::FieldsToCarry(const TableOptions &given) const
{
    std::vector<std::string> names = given.fields;
    const auto isIt = [this](const std::string &name) {
        return name == "*" || EQUAL(name.c_str(), options.zoneField.c_str());
    };
    if (HasGroups() && std::none_of(names.begin(), names.end(), isIt))
        names.insert(names.begin(), options.zoneField);
    return names;
}

/* The columns are needed when the table is opened. */
static bool FindColumns(ZonalPlan &plan)
{
    if (plan.options.histogram != Histogram::Wide || !plan.values.empty())
        return true;
    fn_worker_options workers = plan.options.workers;
    ResolveWorkers(plan.driver, workers);
    LimitWorkers(plan.rasters->inputs, plan.rasters->grid.width, workers);
    return FindValues(plan.rasters, plan.options, {plan.connection, plan.openOptions, CurrentFolder()}, workers,
                      plan.values);
}

bool ZonalPlan::Complete(const TableOptions &given, Handles &inputs)
{
    options = static_cast<const ZonalOptions &>(given);
    InputHandles handles;
    if (!zonesAreRaster && !FindZoneField(*this, inputs))
        return false;
    rasters = Rasters::Open(options, zonesAreRaster, options.workers, handles);
    if (!rasters || (options.workers.processes > 0 && !CheckShared(rasters->inputs, handles)))
        return false;
    if (HasClasses() && rasters->planes.size() > 1)
        return Fail("HISTOGRAM=LONG takes one band, and there are " + std::to_string(rasters->planes.size()) +
                        ": choose it with BAND and RASTER, or take HISTOGRAM=WIDE",
                    CPLE_IllegalArg);
    return (zonesAreRaster || ChooseCRS(*this)) && FindColumns(*this);
}

size_t ZonalPlan::StatCount() const
{
    size_t all = 0;
    for (size_t plane = 0; plane < rasters->planes.size(); plane++)
        all += StatCount(plane);
    return all;
}

/* Of one plane. type: of its values. */
void ZonalPlan::AddColumns(const std::string &prefix, fn_type type, size_t plane)
{
    for (const fn_stat &stat : options.stats) {
        char name[FN_STAT_NAME_BYTES];
        fn_stat_name(stat, name);
        const bool integer = fn_stat_is_integer(stat, type, !CountIsInteger());
        const int slot = schema.Add(integer ? Column::Kind::Integer64 : Column::Kind::Real, (prefix + name).c_str());
        firstStat = firstStat < 0 ? slot : firstStat;
    }
    for (size_t i = 0; !values.empty() && i < values[plane].size(); i++)
        schema.Add(CountIsInteger() ? Column::Kind::Integer64 : Column::Kind::Real,
                   (prefix + ColumnOf(values[plane][i])).c_str());
}

void ZonalPlan::AddClassColumns()
{
    const auto kindOf = [](bool isInteger) { return isInteger ? Column::Kind::Integer64 : Column::Kind::Real; };
    classValue = schema.Add(kindOf(fn_type_is_integer(rasters->planes[0].type)), "VALUE");
    classCount = schema.Add(kindOf(CountIsInteger()), "COUNT");
    classArea = schema.Add(Column::Kind::Real, "AREA");
    classShare = schema.Add(Column::Kind::Real, "SHARE");
}

void ZonalPlan::MakeSchema()
{
    schema.name += "_stats";
    zoneFid = schema.Add(Column::Kind::Integer64, !zonesAreRaster ? "ZONE_FID" : HasClasses() ? "ZONE" : "VALUE");
    if (!rasters) /* a program looks at a name without options */
        AddColumns("", FN_FLOAT64, 0);
    else if (HasClasses())
        AddClassColumns();
    for (size_t plane = 0; rasters && plane < rasters->planes.size(); plane++)
        AddColumns(rasters->planes[plane].prefix, rasters->planes[plane].type, plane);
    CarryInput();
    if (options.geometry)
        schema.geometry = wkbUnknown;
    if (!rasters)
        return;
    rasterWorkers = workers;
    rasterReports = reports;
    LimitWorkers(rasters->inputs, rasters->grid.width, rasterWorkers);
    workers.processes = 0;
    reports = {};
}

void ZonalPlan::ListFiles(CPLStringList &files) const
{
    for (const Input &raster : rasters->inputs) {
        const CPLStringList own(FilesOf(raster, nullptr));
        for (int i = 0; i < own.size(); i++)
            files.AddString(own[i]);
    }
    for (const std::string &file : FilesOf(*options.grid))
        files.AddString(file.c_str());
}

std::string ZonalPlan::OwnSignature() const
{
    std::string text =
        rasters->Signature() + CPLSPrintf("\n%d %d %d %d %d", options.pixels, options.spread,
                                          static_cast<int>(options.invalid), options.geometry, options.errorIsNoData);
    for (const Column &column : schema.columns)
        text += " " + column.name;
    return text;
}

void ZonalPlan::Report(CPLStringList &report, int64_t size) const
{
    const char *const pixels[] = {"CENTER", "FRACTION", "TOUCHED"};
    report.SetNameValue("PIXELS", pixels[options.pixels]);
    if (size >= 0)
        report.SetNameValue("ZONES", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(size)));
}

std::shared_ptr<const Shared> ZonalPlan::Share(const Handles &, Notes &messages, const GoesOn &goesOn,
                                               fn_error *err) const
{
    return ZoneTable::Make(*this, messages, goesOn, err);
}

/* ---- shares of the raster ---- */

/* Groups and numbers may lie anywhere, and so do zones that are fewer than shares. */
bool ZonalPlan::Folds(int64_t count) const
{
    if (zonesAreRaster || HasGroups())
        return true;
    const int64_t features = CountFeatures(*this);
    return features >= 0 && features < count;
}

Folding ZonalPlan::HowFolded() const
{
    constexpr double kCellsOfShare = 1e8;
    const fn_grid &grid = rasters->grid;
    return {
        CPLSPrintf("tiles of %dx%d", grid.tile_width, grid.tile_height),
        CPLSPrintf("%lld x %lld cells of ", static_cast<long long>(grid.width), static_cast<long long>(grid.height)) +
            Describe(rasters->inputs[0]),
        static_cast<double>(grid.width) * static_cast<double>(grid.height), kCellsOfShare};
}

fn_status ZonalPlan::WritePartial(int64_t share, int64_t shares, PartialWriter &to, Notes &messages,
                                  const GoesOn &goesOn, fn_error *err) const
{
    return ZoneTable::WritePartial(*this, share, shares, to, messages, goesOn, err);
}

std::shared_ptr<const Shared> ZonalPlan::Fold(std::shared_ptr<PartialReader> from, Notes &messages,
                                              const GoesOn &goesOn, fn_error *err) const
{
    return ZoneTable::Fold(*this, std::move(from), messages, goesOn, err);
}

std::unique_ptr<RowWriter> ZonalPlan::NewWriter(const Shared *shared, const InputSplit &split, PartBuilder &rows,
                                                fn_error *err) const
{
    if (const auto *reader = dynamic_cast<const ZoneReader *>(shared))
        return reader->NewWriter(rows);
    const auto *zones = static_cast<const ZoneTable *>(shared);
    if (zones && !zones->IsReadBy(split)) {
        fn_fail(err, FN_ERR_READ, "%.300s is read in another way than before", Describe(input).c_str());
        return nullptr;
    }
    return std::make_unique<ZonalRows>(*this, zones, split, rows);
}

} // namespace fishnet::zonalstats
