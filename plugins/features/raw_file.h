/* A file whose features stand one after the other, cut between them: FlatGeobuf and CSV. No feature is looked into, but
 * points of a FlatGeobuf of which nothing else is wanted. */
#ifndef FN_RAW_FILE_H
#define FN_RAW_FILE_H

#include "file_handle.h"
#include "flatgeobuf_head.h"
#include "raw_features.h"

namespace fishnet
{

/* Belongs to one thread at a time. */
class RawFile
{
  public:
    /* Whether it looks as if the layer's file could be cut. */
    static bool MayCut(const LayerPlan &plan);
    /* False: it cannot be cut, and only its driver can read it. */
    bool Open(const LayerPlan &plan);

    /* Whether only some columns of a CSV are handed over. */
    bool LeavesOut() const { return !m_wanted.empty(); }

    enum class Result {
        Read,
        Cancelled,
        Odd /* what comes next only the driver can read; numbers of features before it are right */
    };
    /* The features from number `begin` on, so many, or fewer where the end comes: then *end is set. */
    Result Read(int64_t begin, int64_t size, const volatile bool *cancel, RawFeatures &raw, bool *end);
    /* The same of a FlatGeobuf whose layer is of points: they are added to the batch, which is empty, and stays so but
     * for Result::Read. */
    Result ReadPoints(int64_t begin, int64_t size, const volatile bool *cancel, Batch &batch, bool *end);
    /* All of them, from the begin on; -1: only the driver knows. */
    int64_t Count();

  private:
    enum class Step { Feature, Nothing, More, End, Odd };
    bool OpenFlatGeobuf();
    bool OpenCsv();
    bool IsReadAlike(const LayerPlan &plan);
    void FindWanted(const LayerPlan &plan);
    bool IsReadShortened(const LayerPlan &plan);
    Step Find(size_t *size) const;
    Step Next(const volatile bool *cancel, RawFeatures *raw);
    Step MoveTo(int64_t begin, const volatile bool *cancel);
    Step AddPoint(const volatile bool *cancel, Batch &batch);
    bool Fill();
    void Keep(RawFeatures *raw);
    void Rewind();
    void SetHead(RawFeatures &raw) const;
    size_t Room(int64_t count) const;

    FileHandle m_file;
    bool m_isCsv = false;
    std::string m_head; /* of a CSV: its first line */
    char m_delimiter = 0;
    std::vector<char> m_wanted; /* of its columns; empty: all */
    FlatGeobufHead m_flatgeobuf;
    uint64_t m_begin = 0;                   /* of the first feature in the file */
    std::vector<char> m_window;             /* of the file */
    size_t m_kept = 0, m_at = 0, m_end = 0; /* in it: what is not kept yet begins, the next feature, its end */
    bool m_last = false;                    /* the file ends there */
    int64_t m_number = 0;                   /* of the next feature */
    size_t m_passed = 0;                    /* bytes of the feature before */
    size_t m_usual = 0;                     /* bytes that are handed over at once */
};

} // namespace fishnet

#endif
