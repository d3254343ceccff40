/* Features of one layer, taken out of OGR: FIDs, coordinates or WKB in the plan's CRS, groups and records. */
#ifndef FN_BATCH_H
#define FN_BATCH_H

#include <functional>

#include "arrow_rows.h"
#include "fishnet/near.h"
#include "input_plan.h"

namespace fishnet
{

/* Why features cannot take part, and how many of them. */
struct Unusable {
    int64_t empty = 0, notFinite = 0, latitude = 0, malformed = 0, untransformed = 0;

    void Count(fn_usable verdict);
    void Add(const Unusable &other);
    int64_t Total() const { return empty + notFinite + latitude + malformed + untransformed; }
    std::string Describe() const; /* "3 null or empty, 1 not finite" */
};

struct Batch {
    enum class Shape : char { Point, Wkb, Nothing };

    std::vector<int64_t> fids;
    std::vector<Shape> shapes;
    std::vector<double> xy;     /* a pair for each feature, NaN where it is no point */
    std::vector<size_t> wkbEnd; /* where each feature's ends in wkb */
    std::vector<char> wkb;
    std::vector<uint32_t> groups; /* with MATCH only */
    std::vector<size_t> recordEnd;
    std::vector<char> records;
    Unusable unusable; /* those of Shape::Nothing */
    double turn = 0;   /* CPU seconds of reading them, while nobody else could read */

    size_t Count() const { return fids.size(); }
    bool OnlyPoints() const { return wkb.empty(); }
    const char *Wkb(size_t i) const { return wkb.data() + (i ? wkbEnd[i - 1] : 0); }
    size_t WkbBytes(size_t i) const { return wkbEnd[i] - (i ? wkbEnd[i - 1] : 0); }
    const char *Record(size_t i) const { return records.data() + (i ? recordEnd[i - 1] : 0); }
    size_t RecordBytes(size_t i) const { return recordEnd[i] - (i ? recordEnd[i - 1] : 0); }
    size_t Bytes() const
    {
        return fids.size() * (sizeof(int64_t) + sizeof(Shape) + 2 * sizeof(double) + 2 * sizeof(size_t)) + wkb.size() +
               records.size();
    }
    void Clear();
    /* Drops all but the first n features, however much there is of another. `unusable` is left as it is. */
    void Truncate(size_t n) noexcept;
    /* By ascending FID. */
    void Sort();
};

struct DestroyFeature {
    void operator()(OGRFeatureH feature) const { OGR_F_Destroy(feature); }
};
using FeatureHandle = std::unique_ptr<std::remove_pointer_t<OGRFeatureH>, DestroyFeature>;

struct DestroyGeometry {
    void operator()(OGRGeometryH geometry) const { OGR_G_DestroyGeometry(geometry); }
};
using GeometryHandle = std::unique_ptr<std::remove_pointer_t<OGRGeometryH>, DestroyGeometry>;

/* Takes a layer's features out. Belongs to one thread at a time. */
class Extractor
{
  public:
    /* The number of the group of that key. */
    using GroupOf = std::function<uint32_t(const std::string &key)>;

    /* False and `cause` on failure. */
    bool Init(const InputPlan &plan, const LayerPlan &layer, const std::vector<CarriedField> &fields, GroupOf groupOf,
              std::string &cause);
    /* Sets the layer up for reading: no fields but those that are wanted. Its filter is not touched. */
    void Prepare(OGRLayerH layer) const;
    /* fid: of a feature that has none itself. Messages of a transformation are dropped: what fails is counted. The
     * feature is not changed; and where memory fails, which is thrown, the batch is not either: it can be tried
     * again. */
    void Append(OGRFeatureH feature, int64_t fid, Batch &batch, MessageCollector &collector);

    /* Whether all that is wanted of a layer are FIDs and geometries as they are; it must be prepared. Then the same can
     * be had of rows of Arrow. */
    bool TakesRows(OGRLayerH layer) const;
    /* False: what there is of the feature is to be told by the feature. As above where memory fails. */
    bool Append(const ArrowRow &row, Batch &batch);

  private:
    using Reason = int64_t Unusable::*;
    Reason AppendGeometry(OGRGeometryH geometry, Batch &batch);
    bool AppendRowGeometry(const ArrowRow &row, Batch &batch, Reason &reason);
    Reason AppendWkb(OGRGeometryH geometry, Batch &batch);
    bool Transform(double &x, double &y);
    uint32_t Group(OGRFeatureH feature);

    const InputPlan *m_plan = nullptr;
    const LayerPlan *m_layer = nullptr;
    const std::vector<CarriedField> *m_fields = nullptr;
    TransformationHandle m_transformation;
    GroupOf m_groupOf;
    std::string m_key;
};

/* Reads a feature, the next one or that of a FID: false and `cause` when there was an error. *feature is NULL at the
 * end. */
bool ReadFeature(OGRLayerH layer, MessageCollector &collector, FeatureHandle *feature, std::string &cause,
                 int64_t fid = OGRNullFID);

} // namespace fishnet

#endif
