/* Rows of parts made into OGR features. */
#ifndef FN_ROW_MAKER_H
#define FN_ROW_MAKER_H

#include "part.h"

namespace fishnet
{

class RowMaker
{
  public:
    /* schema: must outlive it. srs: of the geometry; may be NULL. */
    RowMaker(const Schema &schema, OGRSpatialReferenceH srs);
    ~RowMaker();
    RowMaker(const RowMaker &) = delete;
    RowMaker &operator=(const RowMaker &) = delete;

    const Schema &GetSchema() const { return m_schema; }
    OGRFeatureDefn *Defn() const { return m_defn; }
    /* Carried fields whose names formats keep for columns of their own: the name, and that of the column. */
    const std::vector<std::pair<std::string, std::string>> &Renamed() const { return m_renamed; }
    /* To be called when fields have been ignored, or no longer are. */
    void UpdateIgnored();
    bool Wants(int field) const { return m_wanted[static_cast<size_t>(field)] != 0; }
    bool WantsGeometry() const { return m_schema.geometry != wkbNone && !m_defn->IsGeometryIgnored(); }

    /* The feature of a row. rowsBefore: rows in the parts before. */
    std::unique_ptr<OGRFeature> Make(const PartView &part, int64_t row, int64_t rowsBefore) const;
    /* The same in a feature that Make() has made for another row, and a RowCopy may have passed on. */
    void Refill(OGRFeature &feature, const PartView &part, int64_t row, int64_t rowsBefore) const;

  private:
    void Set(OGRFeature &feature, const PartView &part, int64_t row, int64_t rowsBefore) const;
    void SetColumn(OGRFeature *feature, int column, const PartView &part, int64_t row) const;
    void SetCarried(OGRFeature *feature, const PartView &part, int64_t row) const;
    void SetGeometry(OGRFeature *feature, const PartView &part, int64_t row) const;

    const Schema &m_schema;
    std::vector<std::pair<std::string, std::string>> m_renamed;
    OGRFeatureDefn *m_defn;
    std::vector<char> m_wanted; /* of each field: it is not ignored */
    bool m_hasTexts;            /* values that GDAL makes copies of */
};

} // namespace fishnet

#endif
