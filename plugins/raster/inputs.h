/* The rasters that a job reads: opened, looked into, on one grid; and opened again by each worker. None of it knows
 * what is computed. */
#ifndef FN_FISHNET_INPUTS_H
#define FN_FISHNET_INPUTS_H

#include <string>
#include <vector>

#include <cpl_string.h>

#include "fishnet/grid.h"
#include "fishnet/job.h"
#include "fishnet/recipe.h"
#include "input_handles.h"
#include "materialized.h"
#include "pipeline.h"
#include "shared_blocks.h"

namespace fishnet
{

/* What is asked for. */
struct InputName {
    std::string key; /* "A": what it is called; members of a stack are called alike */
    const char *name;
    const char *settings;           /* its open options, separated by semicolons, or NULL */
    const char *driver = "FISHNET"; /* whose input it is, for messages */
};

struct Picking;

/* Of an input that was brought onto another grid: `path` is the text of a VRT over it. */
struct OnGrid {
    bool isBrought = false;
    int warpBlock = 0;      /* it is resampled, a square of so many cells at a time; 0: it is not */
    bool isShifted = false; /* by whole cells */
    int64_t firstLine = 0;  /* of it, that is the first of the grid; below 0: that begins above it */
    CPLStringList told;     /* how it is resampled */
    std::string source;     /* what is opened of it, and with which options */
    CPLStringList sourceOptions;
    std::shared_ptr<const Picking> picking; /* its cells are counted, past the VRT; NULL: they are not */
};

struct Input {
    bool IsRemote() const { return pipeline.remote.is; }

    const char *driver = "";
    std::string key;
    std::string name;
    std::string path; /* the same, absolute if it is a file: the host may change its folder before a worker opens it */
    CPLStringList openOptions; /* OVERVIEW_LEVEL, for overviews */
    Pipeline pipeline;         /* what it is made of */
    int poolPlaces = 0;        /* that a thread takes of GDAL's pool of datasets while it reads */
    int bandCount = 0;
    std::vector<int> bands; /* that are read */
    std::string structure;  /* all that reading them depends on: a handle that says otherwise is of another file */
    Results results;        /* of steps that were run once for all workers: `path` reads them */
    OnGrid onGrid;
    std::shared_ptr<Turns> turns; /* of all readers, where some input lies beyond a network */
    fn_grid units = {};           /* what is read at a time where a plane has a reach; width 0: none has */
};

/* Functions that also take InputHandles want those of all inputs, in the same order. */
using Inputs = std::vector<Input>;

/* "A (dem.tif)" */
std::string Describe(const Input &input);

/* One band of an input, and what says which of its pixels are valid. */
struct Plane {
    size_t input = 0; /* index in Inputs */
    int band = 0;
    fn_type type = FN_FLOAT64;
    fn_nodata nodata = {};
    bool mask = false;            /* GDAL has a mask band for it */
    double scale = 1, offset = 0; /* that expressions apply to stored values */
    int alpha = 0;                /* the band of the same input that is 0 where it is transparent; 0: there is none */
    fn_reach reach = {};          /* what is computed of a window needs so many pixels around it */
    bool wraps = false;           /* where these lie beyond the raster, they are those of the opposite side */

    bool HasReach() const { return reach.top > 0 || reach.left > 0 || reach.bottom > 0 || reach.right > 0; }
    bool Masked() const { return mask || alpha > 0; }
    /* Memory for a pixel of it while it is read. */
    size_t PixelBytes() const { return fn_type_size(type) + (Masked() ? 1 : 0) + (alpha > 0 ? sizeof(double) : 0); }
};

/* Opens all, on this thread; the messages of GDAL are the host's. overview: -1, or the overview level of each. workers:
 * that will open them again, and how often this is tried beyond a network. False after CPLError. */
bool OpenInputs(const std::vector<InputName> &names, int overview, const fn_worker_options &workers, Inputs &inputs,
                InputHandles &handles);
/* Opens one of them again, for another thread. NULL: GDAL has said why. */
DatasetHandle OpenAgain(const Input &input);
/* The same; NULL also where it has changed since its structure was noted. */
DatasetHandle OpenSame(const Input &input);

/* What of an input's grid must be that of the first one. */
struct GridChecks {
    bool extent = true; /* false: the number of pixels only; a warning says how far off it lies */
    fn_check_crs crs = FN_CHECK_CRS_ALL;
};
/* Are all on the grid of the first? They are never resampled, and only where `checks` asks for it matched by pixel
 * index. False after CPLError. */
bool CheckGrids(const Inputs &inputs, const InputHandles &handles, const GridChecks &checks = {});
/* Can worker processes open them? False after CPLError. */
bool CheckShared(const Inputs &inputs, const InputHandles &handles);
/* With inputs beyond a network: more threads, which read, and pauses before second attempts. */
void UseReaders(const Inputs &inputs, fn_worker_options &workers);
/* The same; with steps that compute rows no more threads than GDAL's block cache has room for, and no second attempts.
 * width: of what is read. */
void LimitWorkers(const Inputs &inputs, int64_t width, fn_worker_options &workers);
/* Is there such a band, and can it be computed with? type: of its pixels. */
fn_status CheckBand(const Input &input, GDALDatasetH dataset, int band, fn_type *type, fn_error *err);
/* The plane of a band that CheckBand() has found. ignoreAlpha: what is transparent is valid. warn: of a NoData value
 * that no pixel can be equal to; VRT files may declare one. */
Plane MakePlane(const Inputs &inputs, const InputHandles &handles, size_t input, int band, bool ignoreAlpha, bool warn);
/* The tiles that suit the inputs, however far planes reach. planes: that are read. dataset: the first input. bytes: of
 * a pixel, all that is read and computed. *blockHeight: of the first input's blocks. */
void ChooseTileSize(const Inputs &inputs, const std::vector<Plane> &planes, GDALDatasetH dataset, size_t bytes,
                    int *tileWidth, int *tileHeight, int *blockHeight);
/* Whether workers read what GDAL's pool of datasets opens for them. */
bool UsePool(const Inputs &inputs);
/* Lines of the first row of such tiles that lie above the raster, where the others then consist of whole blocks: of a
 * shifted input beyond a network, whose blocks would be asked for twice. firstLine: of the raster, where tiles
 * begin. */
int LinesAbove(const Inputs &inputs, int tileHeight, int64_t firstLine);

/* ---- planes with a reach: what their windows have in common is read once, see shared_blocks.h ---- */

/* Cuts the inputs of planes that have a reach into units: tiles that suit the input, whatever the job's are. To be
 * called when all planes and their reach are known. All planes of such an input are read by units, so that bands that
 * are stored together are decoded together. */
void CutUnits(const std::vector<Plane> &planes, const InputHandles &handles, Inputs &inputs);
/* What a reader gives of a plane for a window: grown by its reach. */
inline fn_window GrownWindow(const Inputs &inputs, const Plane &plane, const fn_window &window)
{
    const fn_grid &units = inputs[plane.input].units;
    return plane.HasReach() ? fn_window_grow(window, plane.reach, units.width, units.height, plane.wraps) : window;
}
/* Memory of a worker for the planes of a tile, and for the unit that it reads. */
size_t ReadingBytes(const Inputs &inputs, const std::vector<Plane> &planes, const fn_grid &tiles);
/* Memory with which a job that goes over all tiles reads each unit once: what two rows of tiles have in common, all
 * across the raster, and what workers are ahead. 0: there are no units. */
size_t SharedBytes(const Inputs &inputs, const std::vector<Plane> &planes, const fn_grid &tiles, int workers);
/* How many of the tiles need a unit of an input, or a few more, if planes look in different directions; 0: who knows,
 * as planes wrap, or for another reason. firstLine: of the raster, where tiles begin. */
int64_t TilesOfUnit(const Inputs &inputs, const std::vector<Plane> &planes, const fn_grid &tiles, int64_t firstLine,
                    const SharedBlocks::Key &key);
/* What one SharedBlocks gets of that: threads have one together, processes have one each. */
inline size_t SharedBytesOfEach(size_t bytes, const fn_worker_options &workers)
{
    return workers.processes > 0 ? bytes / static_cast<size_t>(workers.workers) : bytes;
}

/* Whether one of the inputs says that it stores pixels of the window, or cannot say: a sparse GeoTIFF, or a VRT with
 * gaps, does not everywhere. */
bool AreStored(const Inputs &inputs, const InputHandles &handles, const fn_window &window);

/* What stands in Input::structure, of any handle. */
std::string StructureOf(GDALDatasetH dataset, const std::vector<int> &bands);

/* To be called before workers read, on a thread of the host: where GDAL runs pixel functions in Python, it starts the
 * interpreter on the thread that first needs it, and waits for that very thread as it ends the interpreter. Workers
 * are gone by then. */
void PreparePython(const Inputs &inputs, const InputHandles &handles);

} // namespace fishnet

#endif
