/* What a FISHNET dataset computes: its inputs, the expression over them, its output bands and its grid. Made when the
 * dataset is opened, then read by all workers and never changed. */
#ifndef FN_FISHNET_PLAN_H
#define FN_FISHNET_PLAN_H

#include <memory>
#include <string>
#include <vector>

#include <cpl_string.h>

#include "fishnet/expr.h"
#include "fishnet/grid.h"
#include "materialized.h"
#include "pipeline.h"
#include "fishnet/recipe.h"
#include "handles.h"

namespace fishnet
{

/* One input dataset, by its letter. */
struct Source {
    char letter = 0;
    std::string name;
    std::string path; /* the same, absolute if it is a file: the host may change its folder before a worker opens it */
    CPLStringList openOptions; /* OVERVIEW_LEVEL, for overviews */
    Pipeline pipeline;         /* what it is made of */
    std::string structure;     /* all that reading it depends on: a handle that says otherwise is of another file */
    Results results;           /* of steps that were run once for all workers: `path` reads them */
};

/* One input band of the expression, in the order of fn_expr_run. */
struct Plane {
    size_t source = 0; /* index in Plan::sources */
    int band = 0;
    fn_type type = FN_FLOAT64;
    fn_nodata nodata = {};
    bool mask = false; /* GDAL has a mask band for it */
    int alpha = 0;     /* the band of the same source that is 0 where it is transparent; 0: there is none */

    bool Masked() const { return mask || alpha > 0; }
};

/* One output: a band, or the mask of a band (of a dataset passed through as it is). */
struct Output {
    int band = 0; /* of the source that is passed through */
    bool isMask = false;
    fn_type type = FN_FLOAT64;
    fn_nodata nodata = {};
    bool masked = false; /* a mask says what is valid */
};

struct FreeExpr {
    void operator()(fn_expr *expr) const { fn_expr_free(expr); }
};

class Plan
{
  public:
    /* NULL after CPLError. overview: -1, or the overview level of every input. handles: the inputs, opened by this
     * thread, for metadata; the caller closes them. Workers have their own, which may live longer. */
    static std::shared_ptr<const Plan> Make(const fn_recipe &recipe, int overview, std::vector<DatasetHandle> &handles);

    std::vector<Source> sources;
    std::vector<Plane> planes;
    std::unique_ptr<fn_expr, FreeExpr> expr; /* NULL: source 0 as it is */
    std::vector<Output> outputs;             /* the bands, then the masks */
    int bandCount = 0;
    std::vector<std::string> calcs;
    fn_grid grid = {};
    int poolPlaces = 0;            /* that a worker takes of GDAL's pool of datasets while it reads */
    int64_t firstLine = 0;         /* of the inputs, where the grid begins: with PARTITION */
    bool pixelInterleaved = false; /* all bands of a tile are one task */

    /* Outputs are computed in groups, each of consecutive outputs. Task = group * tiles + tile. */
    struct Group {
        size_t first, count;
    };
    std::vector<Group> groups;
    size_t GroupOf(size_t output) const;

    /* The pixels of a task in the inputs. */
    fn_window SourceWindow(int64_t task) const;

    /* Where an output's pixels begin in the result of its group, in bytes. pixels: of the tile. */
    size_t Offset(const Group &group, size_t output, size_t pixels) const;
    size_t TaskBytes(int64_t task) const;
    size_t WorkerBytes() const; /* of one worker: its handle, the planes of a tile and the registers */

    /* Fills a task's result with NoData. False: an output has no NoData value, nor a mask. */
    bool CanBeNoData() const;
    void FillNoData(int64_t task, void *result) const;

    /* All that a task's result depends on, beside the pixels: two plans with the same are the same. */
    std::string Signature() const;

    DatasetHandle OpenSource(size_t i) const;
    /* What stands in Source::structure, of any handle. */
    std::string StructureOf(size_t source, GDALDatasetH dataset) const;
};

/* "A (dem.tif)" */
std::string Describe(const Source &source);
/* "x=0 y=512 512x512" */
std::string Describe(const fn_window &window);

} // namespace fishnet

#endif
