/* Features as bytes: as they stand one after the other in a file that is read in order. Whoever reads the file takes no
 * longer for them than for its bytes, and a worker makes features of them beside the others: GDAL's own driver does,
 * which takes them for a file that has no others. */
#ifndef FN_RAW_FEATURES_H
#define FN_RAW_FEATURES_H

#include "batch.h"

namespace fishnet
{

struct RawFeatures {
    std::vector<char> bytes;
    size_t begin = 0;  /* where the file begins in these bytes */
    int64_t first = 0; /* number of the first feature in its own file, from 0 */
    int64_t count = 0;
    /* Of a CSV of which not all columns are wanted: see EmptyCsvFields(). */
    std::vector<char> wanted;
    char delimiter = 0;
    size_t head = 0; /* bytes before the records */

    /* Drops what is not wanted. */
    void Shorten();
    bool IsEmpty() const { return count == 0; }
};

/* Such a file as a dataset, while this lives. The bytes stay where they are. */
class RawDataset
{
  public:
    /* NULL: GDAL has said why not. */
    OGRLayerH Open(const LayerPlan &plan, RawFeatures &raw, fn_status *status, std::string &cause);
    GDALDatasetH Handle() const { return m_dataset.get(); }
    RawDataset() = default;
    ~RawDataset();
    RawDataset(const RawDataset &) = delete;
    RawDataset &operator=(const RawDataset &) = delete;

  private:
    std::string m_folder;
    DatasetHandle m_dataset;
};

/* Adds them to the batch, which is empty. rows: a driver whose Arrow arrays have what its features have. Where it fails
 * the batch is empty, and it can be tried again. */
fn_status ReadRaw(const LayerPlan &plan, bool rows, RawFeatures &raw, const volatile bool *cancel, Extractor &extractor,
                  Batch &batch, MessageCollector &collector, std::string &cause);

} // namespace fishnet

#endif
