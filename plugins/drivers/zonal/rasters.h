/* The rasters whose values are summed up: which bands, on which grid, in which tiles. */
#ifndef FN_ZONALSTATS_RASTERS_H
#define FN_ZONALSTATS_RASTERS_H

#include "fishnet/grid.h"
#include "layer_plan.h"
#include "options.h"
#include "reader.h"

namespace fishnet::zonalstats
{

struct Rasters {
    Inputs inputs;
    std::vector<Plane> planes;         /* that have values; each gets its columns */
    std::vector<std::string> prefixes; /* of their columns: "", or "dem_" */
    fn_grid grid = {};                 /* tiles of whole pages, see fishnet/zonal_stats.h */
    double geotransform[6] = {0, 1, 0, 0, 0, 1};
    SRSHandle srs;       /* NULL: none. x or longitude first */
    double cellArea = 0; /* square metres, or units of the CRS; 0: it differs from row to row */
    double semiMajor = 0, flattening = 0;

    /* NULL after CPLError. handles: the rasters, opened by this thread. */
    static std::shared_ptr<const Rasters> Open(const ZonalOptions &options, int workers, Handles &handles);
    /* Two with the same text give the same values. */
    std::string Signature() const;
    /* The area of a cell of each row of the window. */
    void RowAreas(const fn_window &window, std::vector<double> &areas) const;
    /* No cell is larger. */
    double AreaMost() const;
};

} // namespace fishnet::zonalstats

#endif
