/* The FISHNET dataset: GDAL's view of a plan, and of the reader that has it computed. */
#ifndef FN_FISHNET_DATASET_H
#define FN_FISHNET_DATASET_H

#include "gdal_compat.h"

#include "recipe_file.h"
#include "tile_reader.h"

namespace fishnet
{

class Dataset final : public GDALDataset
{
  public:
    static GDALDataset *Open(GDALOpenInfo *info);
    static int Identify(GDALOpenInfo *info);
    ~Dataset() override;

    const OGRSpatialReference *GetSpatialRef() const override;
    FN_DECLARE_GET_GEOTRANSFORM
    int GetGCPCount() override;
    const GDAL_GCP *GetGCPs() override;
    const OGRSpatialReference *GetGCPSpatialRef() const override;
    char **GetFileList() override;
    char **GetMetadataDomainList() override;
    FN_CSL GetMetadata(const char *domain = "") override;
    const char *GetMetadataItem(const char *name, const char *domain = "") override;
    CPLErr AdviseRead(int x, int y, int width, int height, int bufWidth, int bufHeight, GDALDataType type,
                      int bandCount, int *bands, FN_CSL options) override;

    TileReader &Reader() const { return *m_reader; }

    const Plan &GetPlan() const { return *m_plan; }
    const std::shared_ptr<InputWatch> &Watch() const { return m_watch; } /* NULL: a worker has opened it */
    /* Whether some input says that it stores pixels of that window, or does not say. */
    bool IsStored(const fn_window &window) const;
    GDALRasterBandH SourceBand(int band) const; /* of a dataset passed through as it is; else NULL */
    int OverviewCount() const { return m_overviewCount; }
    std::pair<int, int> OverviewSize(int level) const { return m_overviewSizes[static_cast<size_t>(level)]; }
    Dataset *Overview(int level); /* NULL after CPLError */
    /* From now on the bands hold nothing, and say so: a copy takes over the masks and all else but the pixels.
     * hidesNoData: then it has zeros, and says nothing of a NoData value. */
    void BeHollow(bool hidesNoData);
    bool HidesNoData() const { return m_hidesNoData; }

  protected:
    CPLErr IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data, int bufWidth, int bufHeight,
                     GDALDataType type, int bandCount, BANDMAP_TYPE bands, GSpacing pixelSpace, GSpacing lineSpace,
                     GSpacing bandSpace, GDALRasterIOExtraArg *extra) override;

  private:
    struct ClearRecipe {
        void operator()(fn_recipe *recipe) const
        {
            fn_recipe_clear(recipe);
            delete recipe;
        }
    };
    using Recipe = std::unique_ptr<fn_recipe, ClearRecipe>;

    Dataset() = default;
    static std::unique_ptr<Dataset> Make(std::shared_ptr<const fn_recipe> recipe, const PlanSource &source,
                                         std::shared_ptr<InputWatch> watch);
    void KeepOpenOptions(const Opening &opening, CSLConstList given);
    static std::shared_ptr<InputWatch> WatchOver(const fn_recipe &recipe, const std::string &recipeFile);
    bool CheckWorkers() const;
    static GDALDataset *OpenRecipe(GDALOpenInfo *info);
    CPLStringList ListFiles() const;
    Dataset *OpenOverview(int level);
    void CopyMetadata();
    void CountOverviews();
    CPLErr FillGeoTransform(double *values) const;
    GDALDatasetH First() const { return m_handles[0]; }
    void FillReport();
    const CPLStringList &ReportOnGrid();

    std::shared_ptr<const fn_recipe> m_recipe; /* its workers resolved */
    std::string m_recipeFile;                  /* empty: it was opened by a connection string */
    PlanSource m_source;
    std::shared_ptr<const Plan> m_plan;
    std::shared_ptr<InputWatch> m_watch;
    /* Of Plan::inputs; opened and closed with this dataset, as GDAL's pool demands. */
    InputHandles m_handles;
    std::unique_ptr<TileReader> m_reader;
    std::vector<GDAL_GCP> m_gcps; /* with PARTITION; their texts are those of the input */
    bool m_hidesNoData = false;
    int m_overviewCount = 0;
    std::vector<std::pair<int, int>> m_overviewSizes;
    std::vector<std::unique_ptr<Dataset>> m_overviews;
    CPLStringList m_report, m_gridReport; /* the FISHNET metadata domain */
    std::vector<std::string> m_members;   /* of stacks, as they stand there */
};

class Band final : public GDALRasterBand
{
  public:
    /* output: index in Plan::outputs. A mask band belongs to the band that shows it. */
    Band(Dataset *dataset, int number, size_t output);
    ~Band() override;

    double GetNoDataValue(int *success = nullptr) override;
    int64_t GetNoDataValueAsInt64(int *success = nullptr) override;
    uint64_t GetNoDataValueAsUInt64(int *success = nullptr) override;
    double GetOffset(int *success = nullptr) override;
    double GetScale(int *success = nullptr) override;
    const char *GetUnitType() override;
    GDALColorInterp GetColorInterpretation() override;
    GDALColorTable *GetColorTable() override;
    char **GetCategoryNames() override;
    GDALRasterAttributeTable *GetDefaultRAT() override;
    int GetMaskFlags() override;
    GDALRasterBand *GetMaskBand() override;
    bool IsMaskBand() const override;
    int GetOverviewCount() override;
    GDALRasterBand *GetOverview(int level) override;
    CPLErr AdviseRead(int x, int y, int width, int height, int bufWidth, int bufHeight, GDALDataType type,
                      FN_CSL options) override;
#if FN_GDAL_AT_LEAST(3, 13)
    bool MayMultiBlockReadingBeMultiThreaded() const override
    {
        return true;
    }
#endif

  protected:
    CPLErr IReadBlock(int blockX, int blockY, void *data) override;
    int IGetDataCoverageStatus(int x, int y, int width, int height, int stopAt, double *percent) override;
    CPLErr IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data, int bufWidth, int bufHeight,
                     GDALDataType type, GSpacing pixelSpace, GSpacing lineSpace, GDALRasterIOExtraArg *extra) override;

  private:
    Dataset *Owner() const
    {
        return static_cast<Dataset *>(poDS);
    }
    GDALRasterBandH SourceBand() const; /* NULL for computed bands and masks */
    const Output &GetOutput() const;

    size_t m_output;
    std::unique_ptr<Band> m_mask;
    std::vector<std::unique_ptr<GDALRasterBand>> m_lost; /* in the places of overviews */
};

} // namespace fishnet

#endif
