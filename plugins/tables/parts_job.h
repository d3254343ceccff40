/* The parts of a table, each a file, as a job: a worker opens the table of one range of the input after the
 * other, and has GDAL copy it. */
#ifndef FN_PARTS_JOB_H
#define FN_PARTS_JOB_H

#include <map>

#include "part_run.h"
#include "rows_format.h"
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
    bool partial = false; /* parts are partial results, see TablePlan::Folds(), and not files of the format */
    RowsFormat format;
    std::string extension; /* of its files */
    int64_t parts = 1;
    int64_t features = -1;     /* of the input, where it can only be read from its begin: counted once */
    std::string connection;    /* of the whole table */
    CPLStringList openOptions; /* of it, none about workers */
    std::string signature;     /* of the plan, as the host sees it */
    int builders = 1;          /* of what is shared, see TableOptions */

    std::vector<std::string> partials; /* of the host: what is shared is folded of these files; empty: it is computed */
    uint64_t recipe = 0;               /* that they are of */

    std::shared_ptr<const TablePlan> plan; /* of the host */
    std::shared_ptr<const TablePlan> own;  /* of this process, made by Prepare(), as the next */
    std::shared_ptr<const Shared> shared;  /* by all workers */

    int64_t PartCount() const override { return parts; }
    std::string Stem(int64_t part) const override; /* "part_0012" */
    std::string File(int64_t part) const override { return Stem(part) + "." + (partial ? "partial" : extension); }
    std::string Path(int64_t part) const { return folder + "/" + File(part); }
    void Fail(const fn_error &err) const override;
    /* Whether the file of a part only says that there are no rows. */
    static bool HasNoRows(const std::string &file);
    /* The file as a dataset: its only layer; NULL: it cannot be read. */
    OGRLayerH OnlyLayer(GDALDatasetH dataset) const;
    /* Where the columns of the table stand in a part that is read again, -1: nowhere. A format may cut their names,
     * or move some to the front. */
    static std::vector<int> FindColumns(OGRFeatureDefnH table, OGRFeatureDefnH part);

    /* Of the host: rows of the parts that it has written. */
    std::map<int64_t, int64_t> rows;
    void Written(int64_t part, const void *result, size_t bytes) override;

    /* The job whose one part has all rows, folded of the partial results that are this job's parts. */
    std::shared_ptr<PartsJob> Folded() const;

    /* Makes what is shared, once for all parts. */
    fn_status Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err) override;
    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a part cannot be written"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return kind->driver; }
    void Tell(const Message &message, const std::string &task, long process) override;

  private:
    void TakeRange(TableOptions &options) const;
};

/* Whether a layer that was written, and is read again, has all columns, the geometry and the CRS of the table; and all
 * rows. False after CPLError. */
bool HoldsAll(const RowsFormat &format, OGRLayerH written, OGRLayerH table);
/* Where a format writes no file without rows another stands in its place. False after CPLError. */
bool MakeSureItIsThere(const std::string &file);
bool HoldsRows(const RowsFormat &format, int64_t there, int64_t rows);

constexpr const char *kTablePartsJob = "table parts";

} // namespace fishnet

#endif
