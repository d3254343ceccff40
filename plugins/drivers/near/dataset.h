/* The NEARTABLE dataset: one layer. */
#ifndef FN_NEARTABLE_DATASET_H
#define FN_NEARTABLE_DATASET_H

#include "input_watch.h"
#include "layer.h"

namespace fishnet::neartable
{

class NearDataset final : public GDALDataset
{
  public:
    static GDALDataset *Open(GDALOpenInfo *info);
    static int Identify(GDALOpenInfo *info);
    ~NearDataset() override;
    /* The table of these options over a near side that has been read. NULL after CPLError. */
    static std::unique_ptr<NearDataset> OpenWith(const char *connection, CSLConstList openOptions,
                                             std::shared_ptr<const NearSide> near,
                                             const std::string &recipeFile = std::string());

    int GetLayerCount() FN_CONST override { return 1; }
    FN_CONST OGRLayer *GetLayer(int i) FN_CONST override { return i == 0 ? m_layer.get() : nullptr; }
    int TestCapability(const char *) FN_CONST override { return FALSE; }
    char **GetFileList() override;
    char **GetMetadataDomainList() override;
    FN_CSL GetMetadata(const char *domain = "") override;
    const char *GetMetadataItem(const char *name, const char *domain = "") override;

    const NearPlan &GetPlan() const { return *m_plan; }
    const std::shared_ptr<const NearPlan> &SharedPlan() const { return m_plan; }
    bool HasFilter() const { return m_layer->HasFilter(); }
    const std::shared_ptr<InputWatch> &Watch() const { return m_watch; } /* NULL: a worker has opened it */

  private:
    NearDataset() = default;
    void FillReport();

    std::shared_ptr<const NearPlan> m_plan;
    std::shared_ptr<InputWatch> m_watch;
    CPLStringList m_files;
    SharedDatasets m_datasets; /* opened and closed with this dataset, by the same thread */
    std::unique_ptr<Layer> m_layer;
    CPLStringList m_report; /* the FISHNET metadata domain */
};

} // namespace fishnet::neartable

#endif
