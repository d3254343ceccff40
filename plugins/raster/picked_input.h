/* An input whose cells are counted, not resampled: near, where cells of the grid consist of whole cells of the raster,
 * or the other way round. */
#ifndef FN_FISHNET_PICKED_INPUT_H
#define FN_FISHNET_PICKED_INPUT_H

#include "grid_placement.h"
#include "inputs.h"
#include "vrt_text.h"

namespace fishnet
{

/* Columns, or rows: in which of the raster does the centre of one of the grid lie? Between two it is the second. */
struct PickedAxis {
    int64_t origin, rasterCell, gridCell, count; /* of the raster; as Placement has them */

    int64_t At(int64_t position) const
    {
        const int64_t twice = (2 * position + 1) * gridCell - 2 * origin;
        return twice >= 0 ? twice / (2 * rasterCell) : -1;
    }
    /* The positions from `first` on, before `end`, that lie in the raster. */
    void Clip(int64_t &first, int64_t &end) const;
};

/* What a band has where a cell is not one of the raster's. */
struct PickedBand {
    BandFacts facts;
    fn_nodata outside, invalid; /* not set: 0 */
    unsigned char outsideMask = 0;
    bool byMask = false;   /* its mask hides cells */
    bool byNoData = false; /* of its mask, too */
    int alpha = 0;         /* a band that hides them where it is 0 */
    bool hasMask = true;   /* that can be picked */
};

struct Picking {
    Inputs source; /* one */
    PickedAxis columns, rows;
    std::vector<PickedBand> bands;
    fn_grid units;               /* of the raster, that are read at a time */
    int blockWidth, blockHeight; /* of the grid: what suits them */
};

/* own: of an input near whose cells are nested in the grid's. NULL where they are not to be picked: it is remote, a
 * step of a pipeline computes it, or GDAL's warper does something else with its opaqueness. */
std::shared_ptr<const Picking> PickingOf(const InputOnGrid &own, const Placement &nested);

/* Reads windows of the raster. */
using ReadRaster = std::function<bool(const std::vector<BandBuffer> &bands, const fn_window &window)>;
/* Reads a window of the grid. False where `read` has failed, or it was cancelled. */
bool ReadPicked(const Picking &picking, const std::vector<BandBuffer> &bands, const fn_window &window,
                const volatile bool *cancel, const ReadRaster &read);

} // namespace fishnet

#endif
