/* The near table as an OGR layer: rows of parts made into features or Arrow arrays. */
#ifndef FN_NEARTABLE_LAYER_H
#define FN_NEARTABLE_LAYER_H

#include "input_watch.h"
#include "schema.h"
#include "session.h"

#include <functional>

#include <ogr_recordbatch.h>

namespace fishnet::neartable
{

class ArrowColumn;

class Layer final : public OGRLayer
{
  public:
    /* near: NULL, or the near side if it has been read. */
    Layer(GDALDataset *dataset, std::shared_ptr<const NearPlan> plan, SharedDatasets datasets,
          std::shared_ptr<const NearSide> near, std::shared_ptr<InputWatch> watch);
    ~Layer() override;

    void ResetReading() override;
    OGRFeature *GetNextFeature() override;
    OGRFeature *GetFeature(GIntBig fid) override;
    GIntBig GetFeatureCount(int force = TRUE) override;
    FN_CONST OGRFeatureDefn *GetLayerDefn() FN_CONST override { return m_schema.defn; }
    int TestCapability(const char *name) FN_CONST override;
    OGRErr SetIgnoredFields(FN_IGNORED_FIELDS fields) override;
    bool GetArrowStream(ArrowArrayStream *stream, CSLConstList options = nullptr) override;
    int GetNextArrowArray(ArrowArrayStream *stream, ArrowArray *array) override;
    GDALDataset *GetDataset() override { return m_dataset; }

    /* An attribute or a spatial filter. */
    bool HasFilter() const { return m_poAttrQuery || m_poFilterGeom; }
    /* Gives a warning for each field that is carried over under another name than the user may expect. */
    void WarnOfRenamed() const;
    /* What has been done so far, for the metadata domain FISHNET. */
    void Report(CPLStringList &report) const;

  private:
    bool CanCountFast() const;
    bool HasNativeArrow() const;
    bool PrepareDatasets();
    bool ReadNear();
    std::shared_ptr<Helper> PrepareHelper(const InputSplit &split, bool withNear);
    bool StartSession(Session &session, Purpose purpose);
    bool CountNear();
    bool Begin();
    bool NextRow() { return ++m_row < m_part.header.rows || NextPart(); }
    bool NextPart();
    void Finish();
    GIntBig Count();
    template <class Value, class Read> Value Reading(Value failed, Read read);
    std::unique_ptr<OGRFeature> MakeRow(const PartView &part, int64_t row, int64_t rowsBefore) const;
    using Visit = std::function<bool(const PartView &part, const fn_part &bytes)>;
    bool Run(Purpose purpose, const Visit &visit);
    bool KeepRows();
    void SetRow(OGRFeature *feature, const PartView &part, int64_t row, int64_t rowsBefore) const;
    void SetNear(OGRFeature *feature, const PartView &part, int64_t row) const;
    const char *NearRecord(const PartView &part, int64_t row) const;
    std::unique_ptr<OGRGeometry> MakeGeometry(const PartView &part, int64_t row) const;
    void Fail();
    /* The one way to end a session: handles that workers have still are theirs from then on. */
    struct EndSession {
        Layer *layer;
        void operator()(Session *session) const;
    };
    using SessionHandle = std::unique_ptr<Session, EndSession>;
    bool CheckInputs(bool all) const;
    struct ArrayBuilder;
    int NextArray(ArrowArray *array);
    int64_t AppendRows(ArrayBuilder &builder, int64_t n) const;
    int64_t AppendRecords(ArrayBuilder &builder, int64_t n) const;
    void AppendGeometry(ArrowColumn &column, int64_t row) const;

    GDALDataset *m_dataset;
    std::shared_ptr<const NearPlan> m_plan;
    std::string m_who; /* for error texts */
    SharedDatasets m_datasets;
    std::shared_ptr<InputWatch> m_watch; /* NULL: a worker reads this table */
    Schema m_schema;
    std::vector<char> m_wanted; /* of each field: it is not ignored */

    std::shared_ptr<const NearSide> m_near; /* NULL with worker processes: then it is the helper that has it */
    std::shared_ptr<Helper> m_helper;       /* kept for the next session */
    InputSplit m_helperSplit;                    /* that it serves */
    int64_t m_nearFeatures = -1;            /* -1: not read yet */
    SessionHandle m_session{nullptr, EndSession{this}};
    PartView m_part;
    int64_t m_row = -1;       /* in the part */
    int64_t m_rowsBefore = 0; /* in the parts before */
    enum class State { Fresh, Reading, AtEnd, Failed } m_state = State::Fresh;
    std::string m_error; /* with State::Failed */
    CPLErrorNum m_errorNumber = CPLE_AppDefined;
    PartHeader m_sum;      /* of the parts so far */
    bool m_warned = false; /* of unusable input */
    GIntBig m_count = -1;  /* rows, once they have been counted */

    /* All rows, for GetFeature(), unless they are too many. */
    struct Kept {
        int64_t rowsBefore;
        std::unique_ptr<char[]> bytes;
        PartView part;
    };
    std::vector<Kept> m_kept;
    enum class Keeping { Untried, Done, TooMany, Failed } m_keeping = Keeping::Untried;
};

} // namespace fishnet::neartable

#endif
