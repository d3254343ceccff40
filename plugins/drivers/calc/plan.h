/* What a FISHNET dataset computes: its inputs, the expression over them, its output bands and its grid. Made when the
 * dataset is opened, then read by all workers and never changed. */
#ifndef FN_FISHNET_PLAN_H
#define FN_FISHNET_PLAN_H

#include <memory>
#include <string>
#include <vector>

#include <cpl_string.h>

#include "expression.h"
#include "fishnet/grid.h"
#include "fishnet/job.h"
#include "fishnet/recipe.h"
#include "output_grid.h"
#include "reader.h"

namespace fishnet
{

/* One output: a band, or the mask of a band (of a dataset passed through as it is). */
struct Output {
    int band = 0; /* of the input that is passed through */
    bool isMask = false;
    fn_type type = FN_FLOAT64;
    fn_nodata nodata = {};
    bool masked = false;     /* a mask says what is valid */
    bool equalsStay = false; /* as in fn_sink */
};

/* What a worker process makes the same plan of. */
struct PlanSource {
    std::string connection;
    CPLStringList openOptions;
    int overview = -1;
    std::string folder;     /* that relative names begin at */
    size_t sharedBytes = 0; /* the limit of its SharedBlocks; with worker processes, of each */
};

class Plan
{
  public:
    /* NULL after CPLError. overview: -1, or the overview level of every input. handles: the inputs, opened by this
     * thread, for metadata; the caller closes them. Workers have their own, which may live longer. */
    static std::shared_ptr<const Plan> Make(const fn_recipe &recipe, int overview, InputHandles &handles);

    Inputs inputs;
    std::vector<RasterName> names;          /* of inputs, and of stacks of inputs that follow each other */
    std::vector<Plane> planes;              /* that expr reads */
    std::unique_ptr<const Expression> expr; /* NULL: the first input as it is */
    std::vector<Output> outputs;            /* the bands, then the masks */
    int bandCount = 0;
    size_t handlesOfEach = 0; /* of inputs that a worker keeps open */
    std::vector<std::string> calcs;
    fn_grid grid = {};
    int blockHeight = 0;                     /* of the blocks that readers see, as wide as tiles are */
    std::shared_ptr<const OutputGrid> place; /* of the pixels, where options say it; NULL: that of the first input */
    std::vector<double> geotransform;        /* of those pixels; empty: there is none */
    int64_t firstLine = 0;                   /* of the inputs, where the grid begins: with PARTITION */
    bool pixelInterleaved = false;           /* all bands of a tile are one task */

    /* Outputs are computed in groups, each of consecutive outputs. Task = group * tiles + tile. */
    struct Group {
        size_t first, count;
    };
    std::vector<Group> groups;
    size_t GroupOf(size_t output) const;

    /* Does an input lie beyond a network? */
    bool IsRemote() const { return !inputs.empty() && inputs[0].turns; }

    /* The pixels of a task in the inputs. */
    fn_window InputWindow(int64_t task) const;

    /* Where that is. Of the host. */
    fn_task_place Place(int64_t task) const;

    /* Where an output's pixels begin in the result of its group, in bytes. pixels: of the tile. */
    size_t Offset(const Group &group, size_t output, size_t pixels) const;
    size_t TaskBytes(int64_t task) const;
    size_t MostBytes(const Group &group) const; /* of one of its tasks */
    size_t WorkerBytes() const;                 /* of one worker: its handle, the planes of a tile and the registers */
    /* Of what workers share of inputs that are read with a reach: enough to read each block once, but never more than
     * half of the budget. Too little costs time only. */
    size_t SharedBytes(int workers, size_t budget) const;

    /* Fills a task's result with NoData. False: an output has no NoData value, nor a mask. */
    bool CanBeNoData() const;
    void FillNoData(int64_t task, void *result) const;

    /* All that a task's result depends on, beside the pixels: two plans with the same are the same. */
    std::string Signature() const;
};

/* "x=0 y=512 512x512" */
std::string Describe(const fn_window &window);

/* What threads share that compute the tasks of a plan, each once. NULL plan: others know what the tasks are. */
std::shared_ptr<SharedBlocks> NewSharedBlocks(const std::shared_ptr<const Plan> &plan, size_t bytes);

} // namespace fishnet

#endif
