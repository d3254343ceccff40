/* Rows that go into a layer of another format, as ogr2ogr copies them: values of fields that have another type there
 * are converted, and the format numbers the rows itself. */
#ifndef FN_ROW_COPY_H
#define FN_ROW_COPY_H

#include <memory>
#include <vector>

#include <ogrsf_frmts.h>

namespace fishnet
{

class RowCopy
{
  public:
    /* Whether features of the two need no conversion. */
    static bool HaveSameFields(const OGRFeatureDefn *rows, const OGRFeatureDefn *other);

    /* layer: has the fields of the rows, in their order. */
    RowCopy(const OGRFeatureDefn *rows, OGRLayer *layer);
    /* False: the format has said why not, or not. */
    bool Add(std::unique_ptr<OGRFeature> feature) const;

  private:
    OGRLayer *m_layer;
    OGRFeatureDefn *m_defn;
    bool m_same;
    std::vector<int> m_fields;
};

} // namespace fishnet

#endif
