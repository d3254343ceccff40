/* A layer that is read in order. */
#ifndef FN_CURSOR_H
#define FN_CURSOR_H

#include "input_split.h"

namespace fishnet
{

/* A layer that is read from its first feature on. What lies before a range is passed over, unless the split says that
 * features are fetched by their FIDs. Belongs to one thread at a time. */
class Cursor
{
  public:
    Cursor(const InputPlan &plan, const InputSplit &split) : m_plan(plan), m_split(split) {}

    bool IsOpen() const { return m_layer != nullptr; }
    bool Open(OGRLayerH layer, const Extractor &extractor, MessageCollector &collector, std::string &cause);
    void Close() { m_layer = nullptr; }

    /* Hands over the features from number `begin` on: so many, or fewer where the end comes; then *end is set. */
    using Visit = std::function<void(FeatureHandle feature, int64_t number)>;
    fn_status Read(int64_t begin, int64_t size, const volatile bool *cancel, const Visit &visit, bool *end,
                   MessageCollector &collector, std::string &cause);

  private:
    void Rewind();
    fn_status MoveTo(int64_t number, const volatile bool *cancel, MessageCollector &collector, std::string &cause);
    fn_status Next(const volatile bool *cancel, FeatureHandle *feature, MessageCollector &collector,
                   std::string &cause);

    const InputPlan &m_plan;
    const InputSplit &m_split;
    OGRLayerH m_layer = nullptr;
    int64_t m_number = 0; /* of the next feature */
    bool m_atEnd = false;
    bool m_lost = false; /* a call has failed, and where the layer stands is not known */
};

} // namespace fishnet

#endif
