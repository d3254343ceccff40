/* The near side: the features of all near layers, built for searching, and their fields. Read once, then never
 * changed. */
#ifndef FN_NEARTABLE_NEAR_SIDE_H
#define FN_NEARTABLE_NEAR_SIDE_H

#include <unordered_map>

#include "reach.h"
#include "side_reader.h"

namespace fishnet::neartable
{

class NearSide final : public Shared
{
  public:
    /* NULL and err on failure. handles: of the plan; those that are missing are opened. messages: for the host. */
    static std::shared_ptr<const NearSide> Read(const NearPlan &plan, const Handles &handles, Notes &messages,
                                                fn_error *err, const GoesOn &goesOn = {});

    const fn_near *Set() const { return m_set.get(); }
    int64_t Size() const override { return static_cast<int64_t>(fn_near_count(m_set.get())); }
    uint32_t Group(const std::string &key) const override;
    /* Whether features of the input are known here by their places in its layer; and the number of the one at that
     * place, -1: it is not among them. FIDs need not tell features apart. */
    bool KnowsPlaces() const { return m_knowsPlaces; }
    int64_t FeatureAt(int64_t place) const;
    const char *Record(uint32_t feature) const { return m_records.data() + m_recordBegin[feature]; }
    size_t RecordBytes(uint32_t feature) const
    {
        return (feature + size_t(1) < m_recordBegin.size() ? m_recordBegin[feature + 1] : m_records.size()) -
               m_recordBegin[feature];
    }

  private:
    struct FreeNear {
        void operator()(fn_near *set) const { fn_near_free(set); }
    };

    NearSide() = default;
    /* Neighbouring features whose numbers ascend with their places. */
    struct Run {
        int64_t place;
        uint32_t feature, count;
    };
    void AddPlace(int64_t place);
    fn_status ReadLayers(const NearPlan &plan, const Handles &handles, Reach &reach, Notes &messages,
                         const GoesOn &goesOn, fn_error *err);
    fn_status ReadLayer(const NearPlan &plan, const SideSource &source, int number, bool all, Notes &messages,
                        const GoesOn &goesOn, fn_error *err);
    bool AddBatch(const NearPlan &plan, const Batch &batch, int layer, int64_t place, Unusable &unusable,
                  fn_error *err);

    std::unique_ptr<fn_near, FreeNear> m_set;
    std::unordered_map<std::string, uint32_t> m_groups;
    std::vector<size_t> m_recordBegin; /* of each feature in m_records; only with NEAR_FIELDS */
    std::vector<char> m_records;
    bool m_knowsPlaces = false; /* not where the layer's other features were left out */
    std::vector<Run> m_places;  /* of the input's own layer */
    uint32_t m_features = 0;    /* so far */
};

} // namespace fishnet::neartable

#endif
