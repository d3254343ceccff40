/* GDAL's view of a table: a dataset of one layer. */
#ifndef FN_TABLE_DATASET_H
#define FN_TABLE_DATASET_H

#include "input_watch.h"
#include "table_kind.h"
#include "table_layer.h"

namespace fishnet
{

class TableDataset final : public GDALDataset
{
  public:
    static GDALDataset *Open(const TableKind &kind, GDALOpenInfo *info);
    ~TableDataset() override;
    /* The table of these options over what workers share, where that is there. same: as for TablePlan::Make(). NULL
     * after CPLError. */
    static std::unique_ptr<TableDataset> OpenWith(const TableKind &kind, const char *connection,
                                                  CSLConstList openOptions, std::shared_ptr<const Shared> shared,
                                                  const std::string &recipeFile = std::string(),
                                                  const TablePlan *same = nullptr);

    int GetLayerCount() FN_CONST override { return 1; }
    FN_CONST OGRLayer *GetLayer(int i) FN_CONST override { return i == 0 ? m_layer.get() : nullptr; }
    int TestCapability(const char *) FN_CONST override { return FALSE; }
    char **GetFileList() override;
    char **GetMetadataDomainList() override;
    FN_CSL GetMetadata(const char *domain = "") override;
    const char *GetMetadataItem(const char *name, const char *domain = "") override;

    const std::shared_ptr<const TablePlan> &GetPlan() const { return m_plan; }
    bool HasFilter() const { return m_layer->HasFilter(); }
    const std::shared_ptr<InputWatch> &Watch() const { return m_watch; } /* NULL: a worker has opened it */

    TableLayer &Rows() { return *m_layer; }
    /* Whether all inputs can be opened by other processes. Before they are read. */
    bool CanUseProcesses() const;

  private:
    explicit TableDataset(const char *driver) : m_driver(driver) {}
    void FillReport();

    const char *m_driver;
    std::shared_ptr<const TablePlan> m_plan;
    std::shared_ptr<InputWatch> m_watch;
    CPLStringList m_files;
    SharedDatasets m_datasets; /* opened and closed with this dataset, by the same thread */
    std::unique_ptr<TableLayer> m_layer;
    CPLStringList m_report; /* the FISHNET metadata domain */
};

} // namespace fishnet

#endif
