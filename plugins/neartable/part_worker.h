/* A worker that writes parts of a near table: it opens the table of one range of the input after the other, and has GDAL copy it. */
#ifndef FN_NEARTABLE_PART_WORKER_H
#define FN_NEARTABLE_PART_WORKER_H

#include "fishnet/job.h"
#include "neartable/near_side.h"

namespace fishnet::neartable
{

/* What workers are told, threads and processes. */
struct PartsJob {
    std::string folder, format, extension;
    CPLStringList datasetOptions, layerOptions; /* of that driver */
    int64_t parts = 1;
    std::vector<int64_t> todo; /* the part of each task, from 0 */
    std::string connection;    /* of the whole table */
    CPLStringList openOptions; /* of it, none about workers */
    std::string signature;     /* of the plan, as the host sees it */
    int threads = 1;           /* that GDAL may use for each worker */

    /* Not told, but made. */
    CPLStringList config;
    std::shared_ptr<const NearSide> near; /* shared by all workers */

    std::string Stem(int64_t part) const; /* "part_0012" */
    std::string File(int64_t part) const { return Stem(part) + "." + extension; }
    /* The file as a dataset: its only layer; NULL: it cannot be read. */
    static OGRLayerH OnlyLayer(GDALDatasetH dataset);
    /* Where the columns of the table stand in a part that is read again, -1: nowhere. A format may cut their names, or move some to the
     * front. */
    static std::vector<int> FindColumns(OGRFeatureDefnH table, OGRFeatureDefnH part);

    Words ToWords() const;
    bool FromWords(const Words &words);

    /* Reads the near side, once for all parts. messages: for the host. */
    fn_status ReadNear(Notes &messages, fn_error *err, const GoesOn &goesOn = {});
};

/* Writes the part of a task. Messages of one that succeeded go to task->notes; nothing is thrown. On a thread that is set up as a worker. */
fn_status RunPart(const PartsJob &job, fn_task *task, fn_error *err);

/* A task's result. */
struct PartResult {
    int64_t rows;
};

} // namespace fishnet::neartable

#endif
