/* Rows of parts made into features of the table. */
#ifndef FN_NEARTABLE_ROW_MAKER_H
#define FN_NEARTABLE_ROW_MAKER_H

#include "part.h"
#include "passes.h"
#include "schema.h"

namespace fishnet::neartable
{

class RowMaker
{
  public:
    /* Both must outlive it. passes: asked for the near side, which is there when rows are. */
    RowMaker(const NearPlan &plan, const Passes &passes);

    const Schema &GetSchema() const { return m_schema; }
    /* To be called when fields of the schema have been ignored, or no longer are. */
    void UpdateIgnored();
    /* Is the field in use, and not ignored? Does the table have a geometry that is not ignored? */
    bool Wants(int field) const { return m_wanted[static_cast<size_t>(field)] != 0; }
    bool WantsGeometry() const
    {
        return m_plan.options.geometry != RowGeometry::None && !m_schema.defn->IsGeometryIgnored();
    }

    /* The feature of a row. rowsBefore: rows in the parts before. */
    std::unique_ptr<OGRFeature> Make(const PartView &part, int64_t row, int64_t rowsBefore) const;
    /* For a row that has a near feature: its geometry, and the record of fields carried over from the near feature. */
    std::unique_ptr<OGRGeometry> MakeGeometry(const PartView &part, int64_t row) const;
    const char *NearRecord(const PartView &part, int64_t row) const;

  private:
    void SetRow(OGRFeature *feature, const PartView &part, int64_t row, int64_t rowsBefore) const;
    void SetNear(OGRFeature *feature, const PartView &part, int64_t row) const;

    const NearPlan &m_plan;
    const Passes &m_passes;
    Schema m_schema;
    std::vector<char> m_wanted; /* of each field: it is not ignored */
};

} // namespace fishnet::neartable

#endif
