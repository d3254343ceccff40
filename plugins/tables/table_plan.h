/* What a table computes, said once by its kind: how its rows look, what all workers share, and what one worker does
 * with the features of the input. Made when the dataset is opened, then read by all workers and never changed. */
#ifndef FN_TABLE_PLAN_H
#define FN_TABLE_PLAN_H

#include <functional>
#include <memory>

#include "find_layer.h"
#include "input_plan.h"
#include "input_split.h"
#include "job.h"
#include "part.h"
#include "partial_file.h"
#include "table_options.h"

namespace fishnet
{

/* What is made once for all workers of a table, such as an index of another layer: see TablePlan::Share(). */
class Shared
{
  public:
    virtual ~Shared() = default;
    /* A number that the host is told of it: where workers are processes the helper has it, and the host has not. */
    virtual int64_t Size() const = 0;
    /* The number of the features with that key, to which those of the input belong; FN_NO_GROUP: there are none. Any
     * thread. */
    virtual uint32_t Group(const std::string & /*key*/) const { return FN_NO_GROUP; }

    /* It may be in the making while rows are written of what there is of it, by workers that wait for the rest. Only
     * the thread that has it from TablePlan::Share() goes on with it, step by step, and may give it up before it
     * is whole. After a failure it is given up. messages: for the host. */
    virtual bool IsWhole() const { return true; }
    virtual fn_status GoOn(Notes & /*messages*/, fn_error * /*err*/) const { return FN_OK; }
    virtual bool IsGivenUp() const { return false; }
    virtual void GiveUp() const {}
    /* All steps. */
    fn_status Complete(Notes &messages, fn_error *err) const;
};

/* The rows of a task, as a worker makes them. */
class RowSink
{
  public:
    virtual ~RowSink() = default;
    /* Only their number is wanted. */
    virtual bool Counts() const = 0;
    /* Adds rows that are only counted. */
    virtual void Count(int64_t rows) = 0;
    /* Adds a row of the i-th feature of the batch. *row: where its values go in the slots of the part; fields carried
     * over from the input are there already. */
    virtual fn_status AddRow(size_t i, size_t *row, fn_error *err) = 0;
};

/* What one worker keeps between batches. Belongs to one thread. */
class RowWriter
{
  public:
    virtual ~RowWriter() = default;
    /* Adds the rows of the batch, in order, and counts what cannot be used of it in the part's header. first: the place
     * of its first feature in the input's layer, where split is in that order. */
    virtual fn_status Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel,
                            fn_error *err) = 0;
    /* Counts those of the batch that Write() could not use, beside those of Shape::Nothing. */
    virtual void CountUnusable(const Batch & /*batch*/, Unusable & /*unusable*/) const {}
};

/* How many rows there are, without making them: */
enum class Counting {
    Compute,  /* as many as Write() counts */
    Features, /* one for each feature */
    Usable    /* RowsOf() those that can be used */
};

/* The work of a table whose shares are partial results, see TablePlan::Folds(). */
struct Folding {
    std::string cut;                  /* what all shares have in common, for the recipe: "tiles of 512x512" */
    std::string domain;               /* in words: "43200 x 21600 cells of dem.tif" */
    double work = 0, workOfShare = 1; /* as in JobSize */
};

class TablePlan : public InputPlan, public std::enable_shared_from_this<TablePlan>
{
  public:
    virtual ~TablePlan() = default;
    /* NULL after CPLError. handles: the datasets, opened by this thread, the input first; the caller closes them. */
    /* same: a plan of the same table, of any share of it, or NULL. */
    static std::shared_ptr<const TablePlan> Make(const TableKind &kind, const TableOptions &options, Handles &handles,
                                                 const TablePlan *same = nullptr);

    const TableKind *kind = nullptr;
    std::string connection; /* for whoever opens the table again */
    CPLStringList openOptions;
    ReportFiles reports;
    std::string folder; /* that relative names begin at */
    Schema schema;
    int inputGroup = -1; /* its slot of fields carried over from the input */
    int builders = 1;    /* as in TableOptions */

    /* ---- what the kind says ---- */

    /* Opens the input, the first of handles, and finds its layer, or what there is in its place where rows are made
     * without it: see RowsAreShared(). False after CPLError. */
    virtual bool FindInput(const TableOptions &options, Handles &handles);

    /* Has what another plan of the same table has found out by much work. Before Complete(). */
    virtual void TakeOver(const TablePlan & /*same*/) {}
    /* Finds out all there is beside the input: other datasets, limits, options. False after CPLError. */
    virtual bool Complete(const TableOptions &options, Handles &handles) = 0;
    /* The fields that are carried over from the input, as FIELDS has them. */
    virtual std::vector<std::string> FieldsToCarry(const TableOptions &options) const { return options.fields; }
    /* Features in a task, where nobody has asked for a number. */
    virtual int64_t UsualPartitionSize() const { return 16384; }
    /* schema: has a name, and gets columns, inputGroup by CarryInput(), other groups, and a geometry. */
    virtual void MakeSchema() = 0;
    /* Of the geometry in the schema, where it has one. */
    virtual OGRSpatialReferenceH GeometrySRS() const { return srs.get(); }
    /* The layers beside the input. */
    virtual std::vector<const LayerPlan *> OtherLayers() const { return {}; }
    /* The files of datasets that are not among the handles of Make(). */
    virtual void ListFiles(CPLStringList & /*files*/) const {}
    /* What the rows depend on, beside the input. */
    virtual std::string OwnSignature() const { return {}; }
    /* The columns of the FISHNET metadata domain that are its own. size: of what workers share, -1: not known. */
    virtual void Report(CPLStringList & /*report*/, int64_t /*size*/) const {}
    /* Rows of a task, or of its first part, and bytes of records carried over beside those of the input. */
    virtual size_t RowsOfTask(int64_t features) const { return static_cast<size_t>(features); }
    virtual size_t OtherRecordBytes() const { return 0; }
    /* What is said of features of the input that cannot be used. */
    virtual const char *LostText() const { return "are left out"; }

    /* Whether workers share something, and what. NULL and err on failure. handles: of Make(); those that are missing
     * are opened. messages: for the host. */
    virtual bool Shares() const { return false; }
    /* Whether that is little work beside the rows: a helper process does it by one thread, the host by all. */
    virtual bool SharesLittle() const { return false; }
    /* Whether rows are made of that alone, Shared::Size() of them for the whole input. No feature is read for them:
     * they are numbered from 0, in the place of FIDs. */
    virtual bool RowsAreShared() const { return false; }
    virtual std::shared_ptr<const Shared> Share(const Handles & /*handles*/, Notes & /*messages*/,
                                                const GoesOn & /*goesOn*/, fn_error * /*err*/) const
    {
        return nullptr;
    }
    /* NULL and err on failure. shared: lives longer. rows: that they go into. */
    virtual std::unique_ptr<RowWriter> NewWriter(const Shared *shared, const InputSplit &split, PartBuilder &rows,
                                                 fn_error *err) const = 0;

    /* Whether so many shares had better each compute a part of all rows, a partial result, than all of what the rows
     * of a range of the input need: then what workers share is folded of the partial results of all. */
    virtual bool Folds(int64_t /*parts*/) const { return false; }
    virtual Folding HowFolded() const { return {}; }
    /* Computes that part, from 0, by all workers. messages: for the host. */
    virtual fn_status WritePartial(int64_t part, int64_t parts, PartialWriter &to, Notes &messages,
                                   const GoesOn &goesOn, fn_error *err) const;
    /* As Share(), of what WritePartial() has written. */
    virtual std::shared_ptr<const Shared> Fold(std::shared_ptr<PartialReader> /*from*/, Notes & /*messages*/,
                                               const GoesOn & /*goesOn*/, fn_error * /*err*/) const
    {
        return nullptr;
    }

    /* How many rows a whole reading gives, -1: any number. size: of what workers share. */
    virtual int64_t RowsExpected(int64_t /*size*/) const { return -1; }
    /* size: of what workers share, -1: not known yet. Compute: always right. */
    virtual Counting HowToCount(int64_t /*size*/) const { return Counting::Compute; }
    virtual int64_t RowsOf(int64_t usable, int64_t /*unusable*/, int64_t /*size*/) const { return usable; }

    /* ---- what follows ---- */

    /* Two plans with the same text compute the same table of the same data. */
    std::string Signature() const;
    /* The names of its inputs. */
    Words Inputs() const;

  protected:
    void CarryInput() { inputGroup = schema.Carry(fields, "IN_"); }
};

/* Features of the input's layer; -1: it has none, or that cannot be known. */
int64_t CountFeatures(const TablePlan &plan);
/* The table in messages: "NEARTABLE:a.gpkg" */
std::string Describe(const TablePlan &plan);
/* A failure in words for the host: CPLError in the name of the table. */
void EmitError(const TablePlan &plan, const fn_error &err);

} // namespace fishnet

#endif
