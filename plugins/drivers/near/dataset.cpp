#include "dataset.h"

#include "incomplete.h"
#include "recipe_file.h"

namespace fishnet::neartable
{

int NearDataset::Identify(GDALOpenInfo *info)
{
    return Guarded("NEARTABLE", FALSE, [info] { return IdentifyName(info, NearRecipes()); });
}

GDALDataset *NearDataset::Open(GDALOpenInfo *info)
{
    if (!Identify(info))
        return nullptr;
    if (info->eAccess == GA_Update) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "The NEARTABLE driver does not support update access to existing datasets.");
        return nullptr;
    }
    return GuardedOpen("NEARTABLE", [&]() -> GDALDataset * {
        Opening opening;
        if (!ReadName(info, NearRecipes(), opening) || HasLackedMemory())
            return nullptr;
        if (opening.file.empty() && IsIncomplete(opening.options.List()))
            return OpenIncomplete(opening.connection.c_str()).release();
        std::unique_ptr<NearDataset> self =
            OpenWith(opening.connection.c_str(), opening.options.List(), nullptr, opening.file);
        if (self) {
            self->SetDescription(info->pszFilename);
            self->m_layer->WarnOfRenamed();
            if (!opening.file.empty())
                self->m_files.InsertString(0, opening.file.c_str());
        }
        return self.release();
    });
}

/* What a worker process cannot open is found out now. False after CPLError. */
static bool CanBeShared(const NearPlan &plan, const Handles &handles)
{
    std::vector<const LayerPlan *> layers = {&plan.input};
    for (const LayerPlan &layer : plan.near)
        layers.push_back(&layer);
    for (size_t i = 0; plan.UsesProcesses() && i < layers.size(); i++) {
        const std::string why = WhyNotShared(handles[layers[i]->dataset].get(), layers[i]->path);
        if (why.empty())
            continue;
        CPLError(CE_Failure, CPLE_NotSupported,
                 "NEARTABLE: %s%s cannot be opened by worker processes: %s. Write it to a file first, or use "
                 "WORKERS=THREADS",
                 i ? "NEAR=" : "", WithoutSecrets(layers[i]->name).c_str(), why.c_str());
        return false;
    }
    return true;
}

/* Begins to watch the inputs before they are opened: it notices what changes from now on. */
static std::shared_ptr<InputWatch> WatchOver(const Options &options, const std::string &recipeFile)
{
    std::vector<std::string> names = {options.input, recipeFile};
    names.insert(names.end(), options.near.begin(), options.near.end());
    return InputWatch::New(names);
}

std::unique_ptr<NearDataset> NearDataset::OpenWith(const char *connection, CSLConstList openOptions,
                                                   std::shared_ptr<const NearSide> near, const std::string &recipeFile)
{
    Options options;
    if (!options.Parse(connection, openOptions))
        return nullptr;
    std::unique_ptr<NearDataset> self(new NearDataset());
    self->m_watch = WatchOver(options, recipeFile);
    self->m_datasets = std::make_shared<Handles>();
    self->m_plan = NearPlan::Make(options, *self->m_datasets);
    if (!self->m_plan || !CanBeShared(*self->m_plan, *self->m_datasets))
        return nullptr;
    self->SetDescription(connection);
    self->eAccess = GA_ReadOnly;
    for (const DatasetHandle &handle : *self->m_datasets) {
        const CPLStringList files(GDALGetFileList(handle.get()));
        for (int i = 0; i < files.size(); i++)
            if (self->m_files.FindString(files[i]) < 0)
                self->m_files.AddString(files[i]);
    }
    self->m_layer = std::make_unique<Layer>(self.get(), self->m_plan, self->m_datasets, std::move(near), self->m_watch);
    return self;
}

NearDataset::~NearDataset() = default;

char **NearDataset::GetFileList()
{
    return Guarded<char **>("NEARTABLE", nullptr, [&] { return CSLDuplicate(m_files.List()); });
}

/* ---- the FISHNET metadata domain ---- */

void NearDataset::FillReport()
{
    m_report.Clear();
    m_report.SetNameValue("METHOD", m_plan->geodesic ? "GEODESIC" : "PLANAR");
    if (m_plan->srs)
        m_report.SetNameValue("CRS", OSRGetName(m_plan->srs.get()));
    /* Of several near layers one each, if any has a name. */
    std::string names;
    bool named = false;
    for (const LayerPlan &layer : m_plan->near) {
        names += (&layer == &m_plan->near[0] ? "" : ";") + layer.geometryName;
        named = named || !layer.geometryName.empty();
    }
    if (!m_plan->input.geometryName.empty())
        m_report.SetNameValue("GEOMETRY_FIELD", m_plan->input.geometryName.c_str());
    if (named)
        m_report.SetNameValue("NEAR_GEOMETRY_FIELD", names.c_str());
    m_layer->Report(m_report);
}

char **NearDataset::GetMetadataDomainList()
{
    return Guarded<char **>("NEARTABLE", nullptr, [&] {
        CPLStringList domains(GDALDataset::GetMetadataDomainList());
        domains.AddString("FISHNET");
        return domains.StealList();
    });
}

FN_CSL NearDataset::GetMetadata(const char *domain)
{
    if (!domain || !EQUAL(domain, "FISHNET"))
        return GDALDataset::GetMetadata(domain);
    return Guarded<FN_CSL>("NEARTABLE", nullptr, [this] {
        FillReport();
        return m_report.List();
    });
}

const char *NearDataset::GetMetadataItem(const char *name, const char *domain)
{
    if (!domain || !EQUAL(domain, "FISHNET"))
        return GDALDataset::GetMetadataItem(name, domain);
    return Guarded<const char *>("NEARTABLE", nullptr, [this, name] {
        FillReport();
        return m_report.FetchNameValue(name);
    });
}

} // namespace fishnet::neartable
