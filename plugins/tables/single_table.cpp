#include "single_table.h"

#include <algorithm>

#include "joined_file.h"
#include "output_folder.h"
#include "parts_job.h"

namespace fishnet
{

using namespace output;

/* ---- options ---- */

static bool CheckSingleOptions(const char *driver, CSLConstList options)
{
    for (const char *name : {"PARTS", "RESUME", "PARTITION", "ASSEMBLE"})
        if (CSLFetchNameValue(options, name)) {
            CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s is an option of OUTPUT=PARTS, and there are no parts", driver,
                     name);
            return false;
        }
    return true;
}

/* By the ending of a name; empty: it says nothing. */
static const char *FormatOf(const std::string &output)
{
    static const char *const endings[][2] = {
        {"fgb", "FlatGeobuf"}, {"csv", "CSV"}, {"geojsonl", "GeoJSONSeq"}, {"geojsons", "GeoJSONSeq"}};
    for (const auto &ending : endings)
        if (EQUAL(CPLGetExtension(output.c_str()), ending[0]))
            return ending[1];
    return "";
}

/* What cannot be where rows are written piece by piece. */
static bool CheckFormat(const char *who, const RowsFormat &format, bool hasGeometry)
{
    const char *index = format.Find("SPATIAL_INDEX"), *numbers = format.Find("ID_GENERATE");
    if (!CanBeJoined(format.driver)) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "%s: FORMAT=%.100s: OUTPUT=SINGLE writes %s, whose rows can be joined. Write the table by "
                 "ogr2ogr -f %.100s, or in parts (OUTPUT=PARTS)",
                 who, format.driver.c_str(), kJoinedFormats, format.driver.c_str());
        return false;
    }
    if (index && CPLTestBool(index))
        return RefuseOption(who, "SPATIAL_INDEX", index,
                            "OUTPUT=SINGLE writes rows in order, and an index would sort them. Leave it out, or write "
                            "the table by ogr2ogr -f FlatGeobuf");
    if (numbers && CPLTestBool(numbers))
        return RefuseOption(who, "ID_GENERATE", numbers, "OUTPUT=SINGLE does not number rows. Leave it out");
    const char *geometry = format.Find("GEOMETRY");
    if (hasGeometry && EQUAL(format.driver.c_str(), "CSV") && (!geometry || EQUAL(geometry, "NONE"))) {
        CPLError(CE_Failure, CPLE_IllegalArg,
                 "%s: the table has geometries, and CSV would lose them: PART_LCO=GEOMETRY=AS_WKT holds them, "
                 "GEOMETRY=NONE leaves them out",
                 who);
        return false;
    }
    return true;
}

bool IsSingleAsUsual(const std::string &output, TableDataset &table, CSLConstList options)
{
    const TablePlan &plan = *table.GetPlan();
    const char *named = FormatOf(output), *given = CSLFetchNameValueDef(options, "FORMAT", named);
    const bool isStream = STARTS_WITH(output.c_str(), "/vsi") && !STARTS_WITH(output.c_str(), "/vsimem/");
    VSIStatBufL stat;
    if (!*named || !EQUAL(named, given) || isStream || VSIStatL(output.c_str(), &stat) == 0)
        return false;
    const MessageCollector quiet; /* who writes instead says it */
    const bool hasGeometry = plan.schema.geometry != wkbNone;
    RowsFormat format;
    std::string extension;
    if (!format.Read(plan.driver, options, named, hasGeometry, extension) ||
        !CheckFormat(plan.driver, format, hasGeometry))
        return false;
    const char *index = format.layerOptions.FetchNameValue("SPATIAL_INDEX");
    if (format.IsFlatGeobuf())
        return hasGeometry && index && !CPLTestBool(index);
    return EQUAL(named, "CSV") || plan.schema.groups.empty(); /* null and unset fields are not told apart */
}

/* ---- writing ---- */

namespace
{
struct SingleTable {
    SingleTable(TableDataset &theTable, std::string theOutput, GDALProgressFunc theProgress, void *theProgressData)
        : table(theTable), output(std::move(theOutput)), progress(theProgress), progressData(theProgressData)
    {
    }
    TableDataset &table;
    std::string output;
    GDALProgressFunc progress;
    void *progressData;
    RowsFormat format;
    int64_t rows = 0, features = 0;

    const TablePlan &Plan() const { return *table.GetPlan(); }
    bool Fail(CPLErrorNum number, const std::string &why) const;
    bool Progress(double done) const { return progress(done, "", progressData) != 0; }
    bool MakeFile(const PieceFormat &pieces, const std::string &path) const;
    bool Write(const std::shared_ptr<const PieceFormat> &pieces, const std::string &path);
    bool IsWhole(const std::string &path) const;
};
} // namespace

bool SingleTable::Fail(CPLErrorNum number, const std::string &why) const
{
    CPLError(CE_Failure, number, "%s: %s cannot be written: %s", Plan().driver, output.c_str(), why.c_str());
    return false;
}

/* Says what is wrong with the options of the format, before anything is computed. */
bool SingleTable::MakeFile(const PieceFormat &pieces, const std::string &path) const
{
    const RowMaker none(Plan().schema, table.Rows().SRS());
    CPLErrorReset();
    DatasetHandle file = NewRowsFile(pieces, path, none);
    const bool made = file != nullptr;
    file.reset();
    VSIStatBufL stat;
    if (made && VSIStatL(path.c_str(), &stat) == 0 && VSI_ISDIR(stat.st_mode))
        return Fail(CPLE_IllegalArg, "the driver " + format.driver + " makes a folder of that name, for its ending");
    return made && CPLGetLastErrorType() < CE_Failure;
}

bool SingleTable::Write(const std::shared_ptr<const PieceFormat> &pieces, const std::string &path)
{
    const int64_t all = table.Rows().InputCount();
    JoinedFile file(format, path);
    const auto write = [&](const PartHeader &header, const Piece &piece) {
        rows += header.rows;
        features += header.features;
        if (header.rows > 0 && !file.Add(piece))
            return Fail(CPLE_FileIO, file.Why());
        const double done = all > 0 ? static_cast<double>(features) / static_cast<double>(all) : 0;
        if (Progress(std::min(done, 1.0)))
            return true;
        CPLError(CE_Failure, CPLE_UserInterrupt, "%s", kStopped);
        return false;
    };
    if (!table.Rows().WritePieces(
            pieces, [this] { return Progress(0); }, write))
        return false;
    return file.Close() || Fail(CPLE_FileIO, file.Why());
}

/* All that the driver may lose in silence: of text no column is lost, and no row. */
bool SingleTable::IsWhole(const std::string &path) const
{
    if (!format.IsFlatGeobuf())
        return true;
    VSIStatBufL stat;
    if (rows == 0 && (VSIStatL(path.c_str(), &stat) != 0 || stat.st_size == 0))
        return Fail(CPLE_AppDefined, "the table has no rows, and " + format.driver + " writes no file without rows");
    const DatasetHandle written(
        GDALOpenEx(path.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    OGRLayerH layer = written ? GDALDatasetGetLayer(written.get(), 0) : nullptr;
    return layer && HoldsRows(format, OGR_L_GetFeatureCount(layer, TRUE), rows) &&
           HoldsAll(format, layer, OGRLayer::ToHandle(&table.Rows()));
}

/* False after CPLError. */
static bool ReadFormat(const SingleTable &single, CSLConstList options, RowsFormat &format)
{
    const LackOfMemory lack; /* for an option: GDAL's lists go on without it */
    const TablePlan &plan = single.Plan();
    const bool hasGeometry = plan.schema.geometry != wkbNone;
    std::string extension;
    const char *preset = FormatOf(single.output);
    if (!CSLFetchNameValue(options, "FORMAT") && !*preset) {
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: the name %.300s says no format: FORMAT=%s is needed", plan.driver,
                 single.output.c_str(), kJoinedFormats);
        return false;
    }
    if (!CheckSingleOptions(plan.driver, options) ||
        !format.Read(plan.driver, options, preset, hasGeometry, extension) ||
        !CheckFormat(plan.driver, format, hasGeometry))
        return false;
    format.LeaveOutIndex();
    return !lack.IsMet();
}

/* What the program gets that has it written. */
static GDALDataset *OpenWritten(const SingleTable &single)
{
    const TablePlan &plan = single.Plan();
    if (EQUAL(single.format.driver.c_str(), "GeoJSONSeq")) /* all of it would be parsed, to find out its columns */
        return TableDataset::OpenWith(*plan.kind, plan.connection.c_str(), plan.openOptions.List(), nullptr).release();
    return GDALDataset::FromHandle(
        GDALOpenEx(single.output.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
}

GDALDataset *WriteSingleTable(const std::string &output, TableDataset &table, CSLConstList options,
                              GDALProgressFunc progress, void *progressData)
{
    SingleTable single(table, output, progress, progressData);
    const std::string name = CPLGetFilename(output.c_str());
    PartFolder part(std::string(single.Plan().driver) + ": " + output, CPLGetDirname(output.c_str()), name);
    if (!ReadFormat(single, options, single.format) || !part.Make())
        return nullptr;
    const std::string path = part.Path() + "/" + name;
    auto pieces = std::make_shared<PieceFormat>();
    pieces->format = single.format;
    pieces->file = name;
    CPLDebug("FISHNET", "the rows of %s are encoded by the workers", output.c_str());
    if (!single.MakeFile(*pieces, path) || !single.Write(pieces, path) || !single.IsWhole(path) || !part.Publish(name))
        return nullptr;
    single.Progress(1);
    return OpenWritten(single);
}

} // namespace fishnet
