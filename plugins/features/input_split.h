/* How the input is cut into tasks, and in which of three ways they are read: its driver decides. Or how the rows are,
 * where none is read for them. */
#ifndef FN_INPUT_SPLIT_H
#define FN_INPUT_SPLIT_H

#include "batch.h"
#include "workers.h"

namespace fishnet
{

/* Whether the layer is a table of a database whose FIDs are in that column. */
bool IsTableWithFids(const LayerPlan &layer, GDALDatasetH dataset, const std::string &fidColumn);

/* How the input is cut into tasks. */
struct InputSplit {
    enum class Way {
        ByFid,     /* each worker for itself: fid BETWEEN a AND b */
        ByNumber,  /* each worker for itself: from the a-th feature on */
        OneReader, /* one after the other, all from one handle */
        Nothing    /* tasks are rows, for which no feature is read */
    };
    Way way = Way::OneReader;
    bool numbersAreFids = false; /* with ByNumber: numbers of deleted features are left out */
    int64_t begin = 0,
            count = 0; /* FIDs or feature numbers; count is INT64_MAX - begin where the end is found by reading */
    int64_t size = 1;  /* of a task */
    int64_t early = 0,
            earlySize = 1; /* the first tasks are smaller, so that the reader need not wait for a large one */
    std::string fidColumn;
    bool rows = false;    /* a driver whose Arrow arrays have what its features have */
    bool raw = false;     /* with OneReader: its file may be cut past its driver */
    bool fetches = false; /* with OneReader: each feature by its FID, which is its number, and none before it is read */

    /* False after CPLError. May ask the dataset for numbers, but reads no feature of it. */
    static bool Choose(const InputPlan &plan, GDALDatasetH dataset, InputSplit &split);
    /* The same of all features of a layer, which may be another one than the plan's input. */
    static bool ChooseWhole(const InputPlan &plan, const LayerPlan &layer, GDALDatasetH dataset, InputSplit &split);
    /* Where so many parts of all features begin, by their numbers, of a layer that can only be read from its begin:
     * the same as those of the plan's parts. No numbers: it can be read in another way. features: all that there are,
     * or -1. False after CPLError. */
    static bool FindCuts(const InputPlan &plan, GDALDatasetH dataset, int64_t parts, std::vector<int64_t> &cuts,
                         int64_t &features);
    /* Of rows, whose number is not known yet. */
    static InputSplit OfRows(const InputPlan &plan);

    int64_t TaskCount() const;
    int64_t TaskBegin(int64_t task) const
    {
        return begin + (task < early ? task * earlySize : early * earlySize + (task - early) * size);
    }
    int64_t TaskSize(int64_t task) const
    {
        return std::min(task < early ? earlySize : size, count - (TaskBegin(task) - begin));
    }
    bool operator==(const InputSplit &other) const { return ToWords() == other.ToWords(); }
    std::string Describe(int64_t task) const; /* "FIDs 1 to 16384" */
    fn_task_place Place(int64_t task) const;
    /* For another process, and back. False: the words make no sense. */
    static constexpr size_t kWords = 11;
    Words ToWords() const;
    bool FromWords(const std::string *words);
    const char *Name() const;
};

} // namespace fishnet

#endif
