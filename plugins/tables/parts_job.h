/* The parts of a table, each a file, as a job: a worker opens the table of one range of the input after the
 * other, and has GDAL copy it. */
#ifndef FN_PARTS_JOB_H
#define FN_PARTS_JOB_H

#include "part_run.h"
#include "table_kind.h"

namespace fishnet
{

class PartsJob final : public PartJob
{
  public:
    PartsJob(const TableKind *theKind, int threads) : PartJob(threads), kind(theKind) {}
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    /* What workers are told, beside PartJob. */
    const TableKind *kind;
    std::string format, extension;
    CPLStringList datasetOptions, layerOptions; /* of that driver */
    int64_t parts = 1;
    std::string connection;    /* of the whole table */
    CPLStringList openOptions; /* of it, none about workers */
    std::string signature;     /* of the plan, as the host sees it */

    std::shared_ptr<const TablePlan> plan; /* of the host */
    std::shared_ptr<const TablePlan> own;  /* of this process, made by Prepare(), as the next */
    std::shared_ptr<const Shared> shared;  /* by all workers */

    int64_t PartCount() const override { return parts; }
    std::string Stem(int64_t part) const override; /* "part_0012" */
    std::string File(int64_t part) const override { return Stem(part) + "." + extension; }
    void Fail(const fn_error &err) const override;
    /* The file as a dataset: its only layer; NULL: it cannot be read. */
    OGRLayerH OnlyLayer(GDALDatasetH dataset) const;
    /* Where the columns of the table stand in a part that is read again, -1: nowhere. A format may cut their names,
     * or move some to the front. */
    static std::vector<int> FindColumns(OGRFeatureDefnH table, OGRFeatureDefnH part);

    /* Makes what is shared, once for all parts. */
    fn_status Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err) override;
    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a part cannot be written"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return kind->driver; }
    void Tell(const Message &message, const std::string &task, long process) override;
};

constexpr const char *kTablePartsJob = "table parts";

} // namespace fishnet

#endif
