#include "dataset.h"

#include <algorithm>
#include <set>

#include "dates.h"
#include "input_lists.h"
#include "metadata_domains.h"
#include "onto_grid.h"
#include "open_options.h"
#include "pixels.h"
#include "recipes.h"

namespace fishnet
{

/* ---- opening ---- */

int Dataset::Identify(GDALOpenInfo *info)
{
    return Guarded("FISHNET", FALSE, [info] { return IdentifyName(info, RasterRecipes()); });
}

GDALDataset *Dataset::Open(GDALOpenInfo *info)
{
    if (!Identify(info))
        return nullptr;
    if (info->eAccess == GA_Update) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "The FISHNET driver does not support update access to existing datasets.");
        return nullptr;
    }
    return GuardedOpen("FISHNET", [info] { return OpenRecipe(info); });
}

GDALDataset *Dataset::OpenRecipe(GDALOpenInfo *info)
{
    Opening opening;
    if (!ReadName(info, RasterRecipes(), opening) || HasLackedMemory())
        return nullptr;
    auto recipe = std::shared_ptr<fn_recipe>(new fn_recipe(), ClearRecipe());
    fn_error err;
    if (fn_recipe_parse(opening.connection.c_str(), opening.options.List(), recipe.get(), &err) != FN_OK) {
        CPLError(CE_Failure, err.status == FN_ERR_MEMORY ? CPLE_OutOfMemory : CPLE_IllegalArg, "FISHNET: %s%s%s",
                 WithoutSecrets(opening.file).c_str(), opening.file.empty() ? "" : ": ",
                 WithoutSecrets(err.text).c_str());
        return nullptr;
    }
    if (!CheckOptionNames("FISHNET", GDAL_DMD_OPENOPTIONLIST, opening.options.List()))
        return nullptr;
    ResolveWorkers("FISHNET", recipe->workers);
    PlanSource source;
    source.connection = opening.connection;
    source.openOptions = opening.options;
    source.folder = CurrentFolder();
    std::unique_ptr<Dataset> dataset = Make(recipe, source, WatchOver(*recipe, opening.file));
    if (dataset) {
        dataset->SetDescription(info->pszFilename);
        dataset->m_recipeFile = opening.file;
        dataset->KeepOpenOptions(opening, info->papszOpenOptions);
    }
    return dataset.release();
}

/* What GDAL takes for the options that this was opened with, and writes into VRTs. */
void Dataset::KeepOpenOptions(const Opening &opening, CSLConstList given)
{
    CPLStringList own = opening.file.empty() ? opening.options : SplitInputs(given);
    if (!own.List() || (!opening.file.empty() && !ExpandInputs("FISHNET", own)))
        return;
    CPLStringList joined = JoinInputs(own.List());
    if (joined.size() == own.size())
        return; /* one input at the most: as it was given */
    CSLDestroy(papszOpenOptions);
    papszOpenOptions = joined.StealList();
}

/* Begins to watch the inputs before they are opened: it notices what changes from now on. */
std::shared_ptr<InputWatch> Dataset::WatchOver(const fn_recipe &recipe, const std::string &recipeFile)
{
    std::vector<std::string> names = {recipeFile};
    for (int i = 0; i < recipe.n_inputs; i++)
        for (int k = 0; k < recipe.inputs[i].n_datasets; k++)
            names.emplace_back(recipe.inputs[i].datasets[k].name);
    for (const std::string &file : FilesOf(recipe.grid))
        names.push_back(file);
    return InputWatch::New(names);
}

std::unique_ptr<Dataset> Dataset::Make(std::shared_ptr<const fn_recipe> recipe, const PlanSource &source,
                                       std::shared_ptr<InputWatch> watch)
{
    std::unique_ptr<Dataset> self(new Dataset());
    self->m_watch = std::move(watch);
    self->m_recipe = std::move(recipe);
    self->m_source = source;
    self->m_plan = Plan::Make(*self->m_recipe, source.overview, self->m_handles);
    if (!self->m_plan || !self->CheckWorkers())
        return nullptr;
    const Plan &plan = *self->m_plan;
    self->nRasterXSize = static_cast<int>(plan.grid.width);
    self->nRasterYSize = static_cast<int>(plan.grid.height);
    self->eAccess = GA_ReadOnly;
    for (int i = 1; i <= plan.bandCount; i++)
        self->SetBand(i, new Band(self.get(), i, static_cast<size_t>(i - 1)));
    self->CopyMetadata();
    /* What looks around would look at other neighbours there, and a grid that options say is one. */
    if (source.overview < 0 && self->m_recipe->parts == 1 && !(plan.expr && plan.expr->LooksAround()) && !plan.place)
        self->CountOverviews();
    if (self->m_recipe->workers.processes == 0)
        PreparePython(plan.inputs, self->m_handles);
    self->m_reader = TileReader::New(self->m_plan, *self->m_recipe, source, self->m_watch);
    return self->m_reader ? std::move(self) : nullptr;
}

/* What a worker process cannot open, and what ON_ERROR=NODATA cannot fill, is found out now. */
bool Dataset::CheckWorkers() const
{
    if (m_recipe->workers.processes > 0 && !CheckShared(m_plan->inputs, m_handles))
        return false;
    if (m_recipe->error_is_nodata && !m_plan->CanBeNoData()) {
        CPLError(
            CE_Failure, CPLE_IllegalArg,
            "FISHNET: ON_ERROR=NODATA: a band has neither a NoData value nor a mask. Give it one, for example with "
            "gdal_translate -a_nodata, or with CALC and NODATA");
        return false;
    }
    return true;
}

Dataset::~Dataset() = default;

/* ---- what is taken over from the inputs ---- */

bool Dataset::IsStored(const fn_window &window) const
{
    return AreStored(m_plan->inputs, m_handles, {window.x, window.y + m_plan->firstLine, window.width, window.height});
}

GDALRasterBandH Dataset::SourceBand(int band) const
{
    return m_plan->expr ? nullptr : GDALGetRasterBand(First(), band);
}

/* Corrects for a part what was copied for the whole: lines count from the part's first, and statistics are those of
 * other pixels. */
static void CorrectForPart(GDALMajorObject *object, int64_t firstLine)
{
    CPLStringList items;
    for (CSLConstList item = object->GetMetadata(); item && *item; item++)
        if (!STARTS_WITH_CI(*item, "STATISTICS_"))
            items.AddString(*item);
    object->SetMetadata(items.List());
    if (const char *line = object->GetMetadataItem("LINE_OFF", "RPC")) {
        const double offset = CPLAtof(line) - static_cast<double>(firstLine);
        object->SetMetadataItem("LINE_OFF", CPLSPrintf("%.17g", offset), "RPC");
    }
    object->SetMetadata(nullptr, "GEOLOCATION"); /* its arrays are those of the whole */
}

void Dataset::CopyMetadata()
{
    CopyDomains(First(), GDALMajorObject::ToHandle(this));
    if (m_recipe->parts > 1)
        CorrectForPart(this, m_plan->firstLine);
    if (nBands > 1)
        GDALMajorObject::SetMetadataItem("INTERLEAVE", m_plan->pixelInterleaved ? "PIXEL" : "BAND", "IMAGE_STRUCTURE");
    for (int i = 1; i <= nBands; i++) {
        GDALRasterBand *band = GetRasterBand(i);
        if (m_plan->expr) {
            band->SetDescription(m_plan->calcs[static_cast<size_t>(i - 1)].c_str());
            continue;
        }
        GDALRasterBandH source = SourceBand(i);
        band->SetDescription(GDALGetDescription(source));
        CopyDomains(source, GDALMajorObject::ToHandle(band));
        if (m_recipe->parts > 1)
            CorrectForPart(band, m_plan->firstLine);
        for (const char *name : kStored)
            if (const char *value = GDALGetMetadataItem(source, name, "IMAGE_STRUCTURE"))
                band->SetMetadataItem(name, value, "IMAGE_STRUCTURE");
    }
}

using Sizes = std::vector<std::pair<int, int>>;

/* Of a band's overviews; no more of them than `most`. */
static Sizes OverviewSizes(GDALRasterBandH band, int most)
{
    Sizes sizes;
    for (int level = 0; level < most && level < GDALGetOverviewCount(band); level++) {
        GDALRasterBandH overview = GDALGetOverview(band, level);
        if (!overview)
            break;
        sizes.emplace_back(GDALGetRasterBandXSize(overview), GDALGetRasterBandYSize(overview));
    }
    return sizes;
}

/* As many levels as all bands that are read have, in the same sizes. */
void Dataset::CountOverviews()
{
    Sizes common;
    bool isFirst = true;
    const auto look = [&](GDALRasterBandH band) {
        const Sizes own = OverviewSizes(band, isFirst ? INT_MAX : static_cast<int>(common.size()));
        if (isFirst)
            common = own;
        isFirst = false;
        common.erase(std::mismatch(own.begin(), own.end(), common.begin()).second, common.end());
    };
    for (const Plane &plane : m_plan->planes)
        for (int band : {plane.band, plane.alpha})
            if (band > 0 && (isFirst || !common.empty()))
                look(GDALGetRasterBand(m_handles[plane.input], band));
    for (int i = 1; !m_plan->expr && i <= nBands; i++)
        look(SourceBand(i));
    m_overviewCount = static_cast<int>(common.size());
    m_overviewSizes = std::move(common);
    m_overviews.resize(m_overviewSizes.size());
}

Dataset *Dataset::Overview(int level)
{
    if (level < 0 || level >= m_overviewCount)
        return nullptr;
    return Guarded<Dataset *>("FISHNET", nullptr, [this, level] { return OpenOverview(level); });
}

Dataset *Dataset::OpenOverview(int level)
{
    std::unique_ptr<Dataset> &overview = m_overviews[static_cast<size_t>(level)];
    if (!overview) {
        std::string cause;
        {
            MessageCollector collector; /* warnings have been given when this dataset was opened */
            PlanSource source = m_source;
            source.overview = level;
            overview = Make(m_recipe, source, m_watch);
            cause = collector.Cause("not recognized as a raster dataset");
        }
        if (overview)
            overview->SetDescription(GetDescription());
        else
            CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: overview %d of %s cannot be opened: %s", level,
                     WithoutSecrets(GetDescription()).c_str(), cause.c_str());
    }
    return overview.get();
}

const OGRSpatialReference *Dataset::GetSpatialRef() const
{
    return OGRSpatialReference::FromHandle(m_plan->place ? m_plan->place->srs.get() : GDALGetSpatialRef(First()));
}

CPLErr Dataset::FillGeoTransform(double *values) const
{
    const CPLErr result = m_plan->place ? CE_None : GDALGetGeoTransform(First(), values);
    if (m_plan->place)
        std::copy_n(m_plan->place->geotransform, 6, values);
    const double lines = static_cast<double>(m_plan->firstLine);
    values[0] += lines * values[2];
    values[3] += lines * values[5];
    return result;
}

int Dataset::GetGCPCount()
{
    return GDALGetGCPCount(First());
}

const GDAL_GCP *Dataset::GetGCPs()
{
    const int count = GDALGetGCPCount(First());
    if (m_plan->firstLine == 0 || count == 0)
        return GDALGetGCPs(First());
    return Guarded<const GDAL_GCP *>("FISHNET", nullptr, [&] {
        if (m_gcps.empty()) {
            m_gcps.assign(GDALGetGCPs(First()), GDALGetGCPs(First()) + count);
            for (GDAL_GCP &gcp : m_gcps)
                gcp.dfGCPLine -= static_cast<double>(m_plan->firstLine);
        }
        return m_gcps.data();
    });
}

const OGRSpatialReference *Dataset::GetGCPSpatialRef() const
{
    return OGRSpatialReference::FromHandle(GDALGetGCPSpatialRef(First()));
}

char **Dataset::GetFileList()
{
    return Guarded<char **>("FISHNET", nullptr, [this] { return ListFiles().StealList(); });
}

CPLStringList Dataset::ListFiles() const
{
    CPLStringList files;
    if (!m_recipeFile.empty())
        files.AddString(m_recipeFile.c_str());
    std::set<std::string> known;
    for (size_t k = 0; k < m_plan->inputs.size(); k++) {
        const Input &input = m_plan->inputs[k];
        if (!input.results.empty()) { /* which have no names */
            files.AddString(AbsoluteName(input.name).c_str());
            continue;
        }
        const CPLStringList own(FilesOf(input, m_handles[k]));
        for (int i = 0; i < own.size(); i++)
            if (known.insert(CPLString(own[i]).tolower()).second)
                files.AddString(own[i]);
    }
    for (const std::string &file : FilesOf(m_recipe->grid))
        if (known.insert(CPLString(file).tolower()).second)
            files.AddString(file.c_str());
    return files;
}

/* ---- the metadata domains FISHNET and FISHNET_GRID ---- */

char **Dataset::GetMetadataDomainList()
{
    CPLStringList domains(GDALDataset::GetMetadataDomainList());
    domains.AddString("FISHNET");
    if (!ReportOnGrid().empty())
        domains.AddString("FISHNET_GRID");
    return domains.StealList();
}

/* How inputs are resampled: "B_METHOD=bilinear"; of a stack, "S_2_METHOD". */
const CPLStringList &Dataset::ReportOnGrid()
{
    if (!m_gridReport.empty())
        return m_gridReport;
    for (const RasterName &name : m_plan->names)
        for (size_t i = 0; i < static_cast<size_t>(std::max(1, name.members)); i++) {
            const std::string key = name.name + (name.members > 0 ? "_" + std::to_string(i + 1) : "") + "_";
            const CPLStringList &told = m_plan->inputs[name.first + i].onGrid.told;
            for (int k = 0; k < told.size(); k++)
                m_gridReport.AddString((key + told[k]).c_str());
        }
    return m_gridReport;
}

void Dataset::FillReport()
{
    fn_engine_stats stats;
    m_reader->GetStats(&stats);
    const fn_grid &grid = m_plan->grid;
    m_report.Clear();
    m_report.SetNameValue("WORKERS", CPLSPrintf("%d", stats.workers ? stats.workers : m_recipe->workers.workers));
    m_report.SetNameValue("WORKER_KIND", m_recipe->workers.processes > 0 ? "PROCESSES" : "THREADS");
    m_report.SetNameValue("TILES",
                          CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(fn_grid_tile_count(&grid) *
                                                                        static_cast<int64_t>(m_plan->groups.size()))));
    m_report.SetNameValue("TILES_COMPUTED", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(stats.tasks_done)));
    m_report.SetNameValue("TASKS_REPEATED", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(stats.tasks_again)));
    const std::map<int64_t, std::string> failed = m_reader->Failed();
    if (m_recipe->error_is_nodata)
        m_report.SetNameValue("TILES_FAILED", CPLSPrintf("%d", static_cast<int>(failed.size())));
    int number = 0;
    for (const auto &tile : failed)
        m_report.SetNameValue(CPLSPrintf("TILE_FAILED_%d", ++number), tile.second.c_str());
    m_report.SetNameValue("TILE_SIZE", CPLSPrintf("%dx%d", grid.tile_width, grid.tile_height));
    m_report.SetNameValue("SECONDS", CPLSPrintf("%.3f", stats.busy_seconds));
    m_report.SetNameValue("WAIT_SECONDS", CPLSPrintf("%.3f", stats.wait_seconds));
    m_report.SetNameValue("SIMD", fn_simd_name(fn_simd_best()));
    m_report.SetNameValue("CACHE_PEAK_MB", CPLSPrintf("%.1f", static_cast<double>(stats.bytes_peak) / (1 << 20)));
    if (m_members.empty())
        for (const RasterName &name : m_plan->names)
            for (size_t i = 0; i < static_cast<size_t>(name.members); i++)
                m_members.push_back(name.name + "_" + std::to_string(i + 1) + "=" +
                                    NameAndDate(m_plan->inputs[name.first + i], m_handles[name.first + i]));
    for (const std::string &member : m_members)
        m_report.AddString(member.c_str());
}

FN_CSL Dataset::GetMetadata(const char *domain)
{
    if (domain && EQUAL(domain, "FISHNET_GRID"))
        return Guarded<FN_CSL>("FISHNET", nullptr, [this] { return const_cast<char **>(ReportOnGrid().List()); });
    if (!domain || !EQUAL(domain, "FISHNET"))
        return GDALDataset::GetMetadata(domain);
    return Guarded<FN_CSL>("FISHNET", nullptr, [this] {
        FillReport();
        return m_report.List();
    });
}

const char *Dataset::GetMetadataItem(const char *name, const char *domain)
{
    if (domain && EQUAL(domain, "FISHNET_GRID"))
        return Guarded<const char *>("FISHNET", nullptr, [this, name] { return ReportOnGrid().FetchNameValue(name); });
    if (!domain || !EQUAL(domain, "FISHNET"))
        return GDALDataset::GetMetadataItem(name, domain);
    return Guarded<const char *>("FISHNET", nullptr, [this, name] {
        FillReport();
        return m_report.FetchNameValue(name);
    });
}

/* ---- reading ---- */

void Dataset::BeHollow(bool hidesNoData)
{
    m_hidesNoData = hidesNoData;
    m_reader->BeHollow(hidesNoData ? fn_nodata() : m_plan->outputs[0].nodata); /* the file has one NoData value */
}

CPLErr Dataset::AdviseRead(int x, int y, int width, int height, int bufWidth, int bufHeight, GDALDataType,
                           int bandCount, int *bands, FN_CSL)
{
    if (bufWidth != width || bufHeight != height || width < 1 || height < 1)
        return CE_None;
    const size_t first = bands && bandCount > 0 ? static_cast<size_t>(bands[0] - 1) : 0;
    return Guarded("FISHNET", CE_Failure, [&] { return m_reader->Advise({first}, {x, y, width, height}); });
}

CPLErr Dataset::IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data, int bufWidth, int bufHeight,
                          GDALDataType type, int bandCount, BANDMAP_TYPE bands, GSpacing pixelSpace, GSpacing lineSpace,
                          GSpacing bandSpace, GDALRasterIOExtraArg *extra)
{
    if (flag == GF_Write || bufWidth != width || bufHeight != height)
        return GDALDataset::IRasterIO(flag, x, y, width, height, data, bufWidth, bufHeight, type, bandCount, bands,
                                      pixelSpace, lineSpace, bandSpace, extra);
    return Guarded("FISHNET", CE_Failure, [&] {
        std::vector<size_t> wanted;
        for (int i = 0; i < bandCount; i++)
            wanted.push_back(static_cast<size_t>(bands[i] - 1));
        return m_reader->Read(wanted, {x, y, width, height},
                              {static_cast<char *>(data), type, pixelSpace, lineSpace, bandSpace}, extra);
    });
}

} // namespace fishnet
