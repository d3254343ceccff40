/* Rows that go into a layer of another format, as ogr2ogr copies them: values of fields that have another type there
 * are converted, and the format numbers the rows itself. */
#ifndef FN_ROW_COPY_H
#define FN_ROW_COPY_H

#include <memory>
#include <string>
#include <vector>

#include <ogrsf_frmts.h>

namespace fishnet
{

class RowCopy
{
  public:
    /* Whether features of the two need no conversion. */
    static bool HaveSameFields(const OGRFeatureDefn *rows, const OGRFeatureDefn *other);

    /* layer: of that driver; has the fields of the rows, in their order. */
    RowCopy(const OGRFeatureDefn *rows, OGRLayer *layer, const std::string &driver);
    /* False: the format has said why not, or not. The feature has no FID afterwards, perhaps another
     * definition, and short numbers: RowMaker::Refill() alone may use it again. */
    bool Add(OGRFeature &feature) const;

  private:
    struct Release {
        void operator()(OGRFeatureDefn *defn) const { defn->Release(); }
    };
    bool Create(OGRFeature &feature) const;
    bool MakeShort(OGRFeature &feature) const;

    OGRLayer *m_layer;
    OGRFeatureDefn *m_defn;
    bool m_same;
    std::vector<int> m_fields;
    std::vector<int> m_long;                            /* fields of 64 bits that had better have 32 */
    std::unique_ptr<OGRFeatureDefn, Release> m_shorter; /* where they have */
};

} // namespace fishnet

#endif
