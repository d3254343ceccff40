/* A layer that is read in order. */
#ifndef FN_CURSOR_H
#define FN_CURSOR_H

#include "arrow_rows.h"
#include "input_split.h"

namespace fishnet
{

/* A layer that is read from its first feature on, as Arrow's rows where the split says that it may be. What lies before
 * a range is passed over, unless the split says that features are fetched by their FIDs. Belongs to one thread at a
 * time. */
class Cursor
{
  public:
    Cursor(const LayerPlan &plan, const InputSplit &split) : m_plan(plan), m_split(split) {}

    bool IsOpen() const { return m_layer != nullptr; }
    bool Open(OGRLayerH layer, const Extractor &extractor, MessageCollector &collector, std::string &cause);
    void Close();

    /* Adds the features from number `begin` on to the batch, which is empty: so many, or fewer where the end comes;
     * then *end is set. kept: features that are still to be taken out go there; NULL: they are taken out, too. */
    fn_status Read(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                   std::vector<FeatureHandle> *kept, bool *end, MessageCollector &collector, std::string &cause);

  private:
    void Rewind();
    fn_status ReadRows(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                       MessageCollector &collector);
    fn_status MoveTo(int64_t number, const volatile bool *cancel, MessageCollector &collector, std::string &cause);
    fn_status Next(const volatile bool *cancel, FeatureHandle *feature, MessageCollector &collector,
                   std::string &cause);

    const LayerPlan &m_plan;
    const InputSplit &m_split;
    OGRLayerH m_layer = nullptr;
    ArrowRows m_rows;     /* open while these are read */
    int64_t m_number = 0; /* of the next feature */
    bool m_atEnd = false;
    bool m_lost = false; /* a call has failed, and where the layer stands is not known */
};

} // namespace fishnet

#endif
