/* A table as an OGR layer: a pass over the input, whose rows are given as features or Arrow arrays. */
#ifndef FN_TABLE_LAYER_H
#define FN_TABLE_LAYER_H

#include <ogr_recordbatch.h>

#include "passes.h"
#include "row_maker.h"

namespace fishnet
{

class TableLayer final : public OGRLayer
{
  public:
    /* shared: NULL, or what workers share if it is there. */
    TableLayer(GDALDataset *dataset, std::shared_ptr<const TablePlan> plan, SharedDatasets datasets,
               std::shared_ptr<const Shared> shared, std::shared_ptr<InputWatch> watch);
    ~TableLayer() override;

    void ResetReading() override;
    OGRFeature *GetNextFeature() override;
    /* The next one, without a look at filters: in the one that is there, which was given before, or a new one. */
    bool NextFeature(std::unique_ptr<OGRFeature> &feature);
    OGRFeature *GetFeature(GIntBig fid) override;
    GIntBig GetFeatureCount(int force = TRUE) override;
    FN_CONST OGRFeatureDefn *GetLayerDefn() FN_CONST override { return m_rows.Defn(); }
    int TestCapability(const char *name) FN_CONST override;
    OGRErr SetIgnoredFields(FN_IGNORED_FIELDS fields) override;
    bool GetArrowStream(ArrowArrayStream *stream, CSLConstList options = nullptr) override;
    int GetNextArrowArray(ArrowArrayStream *stream, ArrowArray *array) override;
    GDALDataset *GetDataset() override { return m_dataset; }

    /* The whole table, as pieces of a file, as in Passes::RunPieces(): write(rows, piece) gets them in order, and is
     * false when there has been an error. False after CPLError. */
    bool WritePieces(std::shared_ptr<const PieceFormat> pieces, const GoesOn &goesOn,
                     const std::function<bool(const PartHeader &rows, const Piece &piece)> &write);
    /* As those of Passes. */
    bool ReadsInOrder() { return m_passes.ReadsInOrder(); }
    bool FindCuts(int64_t parts, std::vector<int64_t> &cuts, int64_t &features)
    {
        return m_passes.FindCuts(parts, cuts, features);
    }
    /* Features of the input, where that is known without counting them; else -1. Before a pass. */
    int64_t InputCount() const;
    /* Features of the input of which rows have come since reading began. */
    int64_t FeaturesRead() const { return m_sum.features; }
    OGRSpatialReferenceH SRS() const { return m_plan->GeometrySRS(); }

    /* An attribute or a spatial filter. */
    bool HasFilter() const { return m_poAttrQuery || m_poFilterGeom; }
    /* Gives a warning for each field that is carried over under another name than the user may expect. */
    void WarnOfRenamed() const;
    /* What has been done so far, for the metadata domain FISHNET. */
    void Report(CPLStringList &report) const;

  private:
    bool NextRow() { return ++m_row < m_part.header.rows || NextPart(); }
    bool NextPart();
    bool IsWhole() const;
    void Finish();
    template <class Value, class Read> Value Reading(Value failed, Read read);
    bool KeepRows();
    void Fail();
    int NextArray(ArrowArray *array);

    GDALDataset *m_dataset;
    std::shared_ptr<const TablePlan> m_plan;
    std::string m_who; /* for error texts */
    Passes m_passes;
    RowMaker m_rows;

    Passes::SessionHandle m_session{nullptr, Passes::End{&m_passes}};
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

} // namespace fishnet

#endif
