/* Chooses the grid of a result, step by step. */
#ifndef FN_FISHNET_GRID_CHOOSER_H
#define FN_FISHNET_GRID_CHOOSER_H

#include "crs_extent.h"
#include "output_grid.h"
#include "raster_place.h"

namespace fishnet
{

struct CellSize {
    double x = 0, y = 0;
    std::string whose;
    bool isSaid = false; /* by a message: nobody has written it */
};

class GridChooser
{
  public:
    GridChooser(const Inputs &inputs, const fn_grid_options &options, OutputGrid &grid)
        : m_inputs(inputs), m_options(options), m_grid(grid), m_driver(inputs[0].driver)
    {
    }
    bool Choose(const InputHandles &handles);

  private:
    bool Fail(const std::string &text) const
    {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: %s", m_driver, WithoutSecrets(text).c_str());
        return false;
    }
    bool LocateInputs(const InputHandles &handles);
    bool ChooseModel();
    const Place &Model() const { return m_model < m_places.size() ? m_places[m_model] : m_other; }
    std::vector<size_t> Named(const std::string &name) const;
    std::string NamesThere() const;
    bool NoSuch(const char *option, const char *value, const std::string &cause) const;
    DatasetHandle OpenOther(const char *option, const char *name, unsigned kinds) const;

    void CompleteCRS();
    bool ChooseCRS();
    const CRSTransformation *ToOutput(const std::string &what, OGRSpatialReferenceH srs);
    bool ExtentOf(const Area &area, const std::string &what, OGRSpatialReferenceH srs, Extent &extent, bool needsEnd);
    bool ExtentOf(const Place &place, Extent &extent, bool needsEnd = true);
    bool ExtentOfFeatures(const char *name, GDALDatasetH dataset, Extent &extent);
    bool ExtentOfDataset(const char *name, Extent &extent);
    bool JoinExtents(const std::vector<size_t> &inputs, bool common, Extent &extent);
    bool NoOverlap(const std::vector<size_t> &inputs, const std::vector<Extent> &extents) const;
    bool FindExtent(Extent &extent);
    bool ChooseExtent(Extent &extent);

    bool CellOf(const Place &place, CellSize &cell);
    bool ChooseCell(CellSize &cell);
    bool OriginOf(const Place &place, double *x, double *y) const;
    bool ChooseOrigin(const Extent &extent, double *x, double *y) const;
    bool Fit(const Extent &extent, const CellSize &cell, double x, double y);
    void WarnOfLargeCells(const Extent &extent, const CellSize &cell) const;
    bool IsThatOfModel() const;
    bool Reaches(const Place &place);
    bool CheckOverlap();
    bool CheckOffsets() const;

    const Inputs &m_inputs;
    const fn_grid_options &m_options;
    OutputGrid &m_grid;
    const char *const m_driver;
    std::vector<Place> m_places;
    size_t m_model = 0; /* which of them says what options do not; none: the other one */
    Place m_other;
    std::string m_extent; /* that is asked for, in words */
    /* The last one: members of a stack mostly have one CRS, and one place. */
    SRSHandle m_from;
    std::unique_ptr<CRSTransformation> m_transformation;
    std::vector<std::pair<Area, Extent>> m_last; /* transformed by it; one, or none */
    Reach m_reach = Reach::Nowhere;              /* of that */
};

/* "1,2.5": all of it finite numbers. */
bool ReadNumbers(const char *text, std::vector<double> &numbers);

} // namespace fishnet

#endif
