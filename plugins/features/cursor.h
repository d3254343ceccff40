/* A layer that is read in order. */
#ifndef FN_CURSOR_H
#define FN_CURSOR_H

#include "arrow_rows.h"
#include "input_split.h"
#include "raw_file.h"

namespace fishnet
{

/* A layer that is read from its first feature on: as bytes of its file or as Arrow's rows where the split says that
 * it may be; points of a FlatGeobuf, where nothing else is wanted, are taken out of its bytes. What lies before a range
 * is passed over, unless the split says that features are fetched by their FIDs. Belongs to one thread at a time. */
class Cursor
{
  public:
    Cursor(const LayerPlan &plan, const InputSplit &split) : m_plan(plan), m_split(split) {}

    bool IsOpen() const { return m_layer != nullptr; }
    bool Open(GDALDatasetH dataset, OGRLayerH layer, const Extractor &extractor, MessageCollector &collector,
              std::string &cause);
    void Close();

    /* Features that are still to be taken out. */
    struct Kept {
        std::vector<FeatureHandle> features;
        RawFeatures raw;
        bool IsEmpty() const { return features.empty() && raw.IsEmpty(); }
    };
    /* Adds the features from number `begin` on to the batch, which is empty: so many, or fewer where the end comes;
     * then *end is set. kept: those that are best taken out beside other readers go there; NULL: they are taken out,
     * too. */
    fn_status Read(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                   Kept *kept, bool *end, MessageCollector &collector, std::string &cause);

  private:
    void Rewind();
    bool OpenPoints(const Extractor &extractor);
    bool OpenRows(const Extractor &extractor, MessageCollector &collector);
    fn_status ReadPoints(int64_t begin, int64_t size, const volatile bool *cancel, const Extractor &extractor,
                         Batch &batch, MessageCollector &collector);
    fn_status ReadRaw(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                      Kept *kept, MessageCollector &collector, std::string &cause);
    fn_status ReadFeatures(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                           Kept *kept, MessageCollector &collector, std::string &cause);
    fn_status ReadRows(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                       MessageCollector &collector);
    fn_status MoveTo(int64_t number, const volatile bool *cancel, MessageCollector &collector, std::string &cause);
    fn_status Next(const volatile bool *cancel, FeatureHandle *feature, MessageCollector &collector,
                   std::string &cause);

    const LayerPlan &m_plan;
    const InputSplit &m_split;
    GDALDatasetH m_dataset = nullptr;
    OGRLayerH m_layer = nullptr;
    std::unique_ptr<RawFile> m_raw; /* while the layer's file is read past its driver, as what follows */
    bool m_points = false;          /* its points are taken out of it here */
    ArrowRows m_rows;               /* open while these are read */
    int64_t m_number = 0;           /* of the next feature */
    bool m_atEnd = false;
    bool m_lost = false; /* a call has failed, and where the layer stands is not known */
};

} // namespace fishnet

#endif
