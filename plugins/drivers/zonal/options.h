/* What a connection string and its open options say, checked and in numbers. Nothing is opened here. */
#ifndef FN_ZONALSTATS_OPTIONS_H
#define FN_ZONALSTATS_OPTIONS_H

#include "fishnet/coverage.h"
#include "fishnet/grid_options.h"
#include "fishnet/recipe.h"
#include "fishnet/zonal_stats.h"
#include "input_lists.h"
#include "table_options.h"

namespace fishnet::zonalstats
{

enum class Invalid { Repair, Skip, Fail };
enum class Histogram { None, Long, Wide };
/* What says how much a cell counts in weighted statistics. */
enum class Weights { None, Area, Raster };

struct ZonalOptions final : TableOptions {
    std::vector<NamedInput> rasters; /* those of RASTER have no name */
    std::string rasterOptions;       /* open options of all of them, as in RASTER_OO */
    std::vector<int> bands;          /* of each raster; empty: all */
    std::vector<std::string> calcs;  /* expressions over the rasters; empty: bands as they are */
    Weights weights = Weights::None;
    std::string weightsRaster;
    int weightsBand = 0;        /* 0: not given */
    std::vector<fn_stat> stats; /* STATS or what stands for it, then PERCENTILES; none with Histogram::Long */
    Histogram histogram = Histogram::None;
    fn_pixels pixels = FN_PIXELS_CENTER;
    bool spread = false;        /* NODATA=SPREAD */
    bool errorIsNoData = false; /* ON_ERROR=NODATA */
    bool ignoreAlpha = false;
    fn_check_crs checkCRS = FN_CHECK_CRS_ALL;
    bool unscale = false; /* UNSCALE=YES */
    Invalid invalid = Invalid::Repair;
    bool geometry = false;                 /* GEOMETRY=ZONE */
    int zoneBand = 0;                      /* of a raster of zones; 0: not given */
    std::string zoneField;                 /* features with the same value are one zone; empty: each is one */
    int tileWidth = 0, tileHeight = 0;     /* 0: AUTO */
    std::shared_ptr<fn_grid_options> grid; /* of the rasters, onto which they are brought */

    std::vector<fn_stat> givenStats, percentiles; /* of STATS and PERCENTILES */

    ZonalOptions();
    std::vector<std::string> OtherInputs() const override;
    /* What expressions call the rasters: those without a name by letters, in their order. */
    std::vector<std::string> NamesOfRasters() const;
    /* How many datasets they are. */
    size_t RasterCount() const;

  private:
    void ChooseStats();
    bool Take(size_t index, const GivenOption &given) override;
    bool Check() const override;
    bool CheckRasters() const;
    bool CheckGrid(std::vector<std::string> names) const;
    bool CheckWeights() const;
};

/* The table's own options. */
fn_option_table OwnOptions();

/* That the raster is not given, as a warning or an error. */
void SayNoRaster(CPLErr level);

} // namespace fishnet::zonalstats

#endif
