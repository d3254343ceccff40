/* The rasters whose values are summed up: which bands or expressions of them, with which weights, on which grid, in
 * which tiles. */
#ifndef FN_ZONALSTATS_RASTERS_H
#define FN_ZONALSTATS_RASTERS_H

#include "expression.h"
#include "fishnet/grid.h"
#include "layer_plan.h"
#include "options.h"
#include "reader.h"

namespace fishnet::zonalstats
{

/* Values for the cells of a window: a band as it is, or computed. */
struct ValuePlane {
    fn_type type;
    std::string prefix; /* of its columns: "", or "dem_" */
};

struct Rasters {
    Inputs inputs;                          /* those of RASTER, and behind them that of WEIGHTS, and that of zones */
    std::vector<Plane> read;                /* bands of the values, and behind them that of the weights */
    std::unique_ptr<const Expression> calc; /* NULL: bands are values as they are */
    std::unique_ptr<const Expression> weighing; /* of the band of weights: Float64, NaN where there is none; or NULL */
    std::vector<ValuePlane> planes;             /* each gets its columns */
    std::string computes;                       /* CALC and WEIGHTS in words, for the signature */
    std::vector<Plane> zones;                   /* one, where zones are a raster's; else none */
    fn_grid grid = {};                          /* tiles of whole pages, see fishnet/zonal_stats.h */
    size_t handlesOfEach = 0;                   /* that each worker keeps open */
    double geotransform[6] = {0, 1, 0, 0, 0, 1};
    SRSHandle srs;       /* NULL: none. x or longitude first */
    double cellArea = 0; /* square metres, or units of the CRS; 0: it differs from row to row */
    double semiMajor = 0, flattening = 0;

    /* NULL after CPLError. zones: these are a raster, too, the input of the table. handles: the rasters, opened by this
     * thread. */
    static std::shared_ptr<const Rasters> Open(const ZonalOptions &options, bool zones,
                                               const fn_worker_options &workers, InputHandles &handles);
    /* How many bands are read for the values. */
    size_t BandsOfValues() const { return read.size() - (weighing ? 1 : 0); }
    /* Two with the same text give the same values. */
    std::string Signature() const;
    /* The area of a cell of each row of the window. */
    void RowAreas(const fn_window &window, std::vector<double> &areas) const;
    /* No cell is larger. */
    double AreaMost() const;
};

} // namespace fishnet::zonalstats

#endif
