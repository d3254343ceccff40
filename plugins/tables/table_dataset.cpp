#include "table_dataset.h"

#include "incomplete_table.h"
#include "patient_files.h"

namespace fishnet
{

GDALDataset *TableDataset::Open(const TableKind &kind, GDALOpenInfo *info)
{
    const RecipeKind &recipes = TableRecipes(kind);
    if (!Guarded(kind.driver, FALSE, [&] { return IdentifyName(info, recipes); }))
        return nullptr;
    if (info->eAccess == GA_Update) {
        CPLError(CE_Failure, CPLE_NotSupported, "The %s driver does not support update access to existing datasets.",
                 kind.driver);
        return nullptr;
    }
    return GuardedOpen(kind.driver, [&]() -> GDALDataset * {
        Opening opening;
        if (!ReadName(info, recipes, opening) || HasLackedMemory())
            return nullptr;
        if (opening.file.empty() && IsIncomplete(kind, opening.options.List()))
            return OpenIncomplete(kind, opening.connection.c_str()).release();
        std::unique_ptr<TableDataset> self =
            OpenWith(kind, opening.connection.c_str(), opening.options.List(), nullptr, opening.file);
        if (self) {
            self->SetDescription(info->pszFilename);
            self->m_layer->WarnOfRenamed();
            if (!opening.file.empty())
                self->m_files.InsertString(0, opening.file.c_str());
        }
        return self.release();
    });
}

/* The first input that a worker process cannot open, and why; NULL: there is none. */
static const LayerPlan *FindNotShared(const TablePlan &plan, const Handles &handles, std::string &why)
{
    std::vector<const LayerPlan *> layers = {&plan.input};
    const std::vector<const LayerPlan *> others = plan.OtherLayers();
    layers.insert(layers.end(), others.begin(), others.end());
    for (const LayerPlan *layer : layers) {
        why = WhyNotShared(handles[layer->dataset].get(), layer->path);
        if (!why.empty())
            return layer;
    }
    return nullptr;
}

/* What a worker process cannot open is found out now. False after CPLError. */
static bool CanBeShared(const TablePlan &plan, const Handles &handles)
{
    std::string why;
    const LayerPlan *layer = plan.UsesProcesses() ? FindNotShared(plan, handles, why) : nullptr;
    if (layer)
        CPLError(CE_Failure, CPLE_NotSupported,
                 "%s: %s%s cannot be opened by worker processes: %s. Write it to a file first, or use "
                 "WORKERS=THREADS",
                 plan.driver, layer->option, WithoutSecrets(layer->name).c_str(), why.c_str());
    return !layer;
}

bool TableDataset::CanUseProcesses() const
{
    std::string why;
    return !FindNotShared(*m_plan, *m_datasets, why);
}

std::unique_ptr<TableDataset> TableDataset::OpenWith(const TableKind &kind, const char *connection,
                                                     CSLConstList openOptions, std::shared_ptr<const Shared> shared,
                                                     const std::string &recipeFile, const TablePlan *same)
{
    const std::unique_ptr<TableOptions> options = kind.newOptions();
    if (!options->Parse(kind, connection, openOptions))
        return nullptr;
    std::unique_ptr<TableDataset> self(new TableDataset(kind.driver));
    /* From before they are opened: it notices what changes from now on. */
    std::vector<std::string> names = options->OtherInputs();
    names.insert(names.begin(), {options->input, recipeFile});
    self->m_watch = InputWatch::New(names);
    self->m_datasets = std::make_shared<Handles>();
    self->m_plan = TablePlan::Make(kind, *options, *self->m_datasets, same);
    if (!self->m_plan || !CanBeShared(*self->m_plan, *self->m_datasets))
        return nullptr;
    self->SetDescription(connection);
    self->eAccess = GA_ReadOnly;
    for (const DatasetHandle &handle : *self->m_datasets) {
        const CPLStringList files(PlainNames(GDALGetFileList(handle.get())));
        for (int i = 0; i < files.size(); i++)
            if (self->m_files.FindString(files[i]) < 0)
                self->m_files.AddString(files[i]);
    }
    self->m_layer =
        std::make_unique<TableLayer>(self.get(), self->m_plan, self->m_datasets, std::move(shared), self->m_watch);
    return self;
}

TableDataset::~TableDataset() = default;

char **TableDataset::GetFileList()
{
    return Guarded<char **>(m_driver, nullptr, [&] {
        CPLStringList others, files(m_files);
        m_plan->ListFiles(others);
        for (int i = 0; i < others.size(); i++)
            if (files.FindString(others[i]) < 0)
                files.AddString(others[i]);
        return files.StealList();
    });
}

/* ---- the FISHNET metadata domain ---- */

void TableDataset::FillReport()
{
    m_report.Clear();
    if (m_plan->srs)
        m_report.SetNameValue("CRS", OSRGetName(m_plan->srs.get()));
    if (!m_plan->input.geometryName.empty())
        m_report.SetNameValue("GEOMETRY_FIELD", m_plan->input.geometryName.c_str());
    m_layer->Report(m_report);
}

char **TableDataset::GetMetadataDomainList()
{
    return Guarded<char **>(m_driver, nullptr, [&] {
        CPLStringList domains(GDALDataset::GetMetadataDomainList());
        domains.AddString("FISHNET");
        return domains.StealList();
    });
}

FN_CSL TableDataset::GetMetadata(const char *domain)
{
    if (!domain || !EQUAL(domain, "FISHNET"))
        return GDALDataset::GetMetadata(domain);
    return Guarded<FN_CSL>(m_driver, nullptr, [this] {
        FillReport();
        return m_report.List();
    });
}

const char *TableDataset::GetMetadataItem(const char *name, const char *domain)
{
    if (!domain || !EQUAL(domain, "FISHNET"))
        return GDALDataset::GetMetadataItem(name, domain);
    return Guarded<const char *>(m_driver, nullptr, [this, name] {
        FillReport();
        return m_report.FetchNameValue(name);
    });
}

} // namespace fishnet
