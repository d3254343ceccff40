#include "vertices.h"

#include <cstring>

namespace fishnet::vertices
{

bool VertexPlan::Complete(const TableOptions &options, Handles &)
{
    every = static_cast<const VertexOptions &>(options).every;
    srs.reset(input.srs ? OSRClone(input.srs.get()) : nullptr);
    return true;
}

void VertexPlan::MakeSchema()
{
    schema.name += "_vertices";
    inFid = schema.Add(Column::Kind::Integer64, "IN_FID");
    number = schema.Add(Column::Kind::Integer, "VERTEX");
    shape = schema.Add(Column::Kind::Label, "SHAPE", {"point", "other"});
    x = schema.Add(Column::Kind::Real, "X");
    y = schema.Add(Column::Kind::Real, "Y");
    CarryInput();
    schema.geometry = wkbPoint;
}

namespace
{
class VertexRows final : public RowWriter
{
  public:
    VertexRows(const VertexPlan &plan, PartBuilder &rows) : m_plan(plan), m_rows(rows) {}

    fn_status Write(const Batch &batch, int64_t, RowSink &sink, const volatile bool *cancel, fn_error *err) override
    {
        for (size_t i = 0; i < batch.Count(); i++) {
            if (fn_is_cancelled(cancel))
                return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
            m_number = 0;
            OGRGeometry *geometry = nullptr;
            if (batch.shapes[i] == Batch::Shape::Point)
                geometry = new OGRPoint(batch.xy[2 * i], batch.xy[2 * i + 1]);
            else if (batch.shapes[i] == Batch::Shape::Wkb)
                OGRGeometryFactory::createFromWkb(batch.Wkb(i), nullptr, &geometry, batch.WkbBytes(i));
            const std::unique_ptr<OGRGeometry> owner(geometry);
            if (geometry && AddVertices(OGRGeometry::ToHandle(geometry), batch, i, sink, err) != FN_OK)
                return err->status;
        }
        return FN_OK;
    }

  private:
    fn_status AddVertices(OGRGeometryH geometry, const Batch &batch, size_t i, RowSink &sink, fn_error *err)
    {
        for (int part = 0; part < OGR_G_GetGeometryCount(geometry); part++)
            if (AddVertices(OGR_G_GetGeometryRef(geometry, part), batch, i, sink, err) != FN_OK)
                return err->status;
        const int points = OGR_G_GetGeometryCount(geometry) ? 0 : OGR_G_GetPointCount(geometry);
        for (int point = 0; point < points; point++)
            if (m_number++ % m_plan.every == 0 &&
                AddRow(OGR_G_GetX(geometry, point), OGR_G_GetY(geometry, point), batch, i, sink, err) != FN_OK)
                return err->status;
        return FN_OK;
    }

    fn_status AddRow(double x, double y, const Batch &batch, size_t i, RowSink &sink, fn_error *err)
    {
        if (sink.Counts()) {
            sink.Count(1);
            return FN_OK;
        }
        size_t row = 0;
        if (sink.AddRow(i, &row, err) != FN_OK)
            return err->status;
        m_rows.Slot<int64_t>(m_plan.inFid)[row] = batch.fids[i];
        m_rows.Slot<int32_t>(m_plan.number)[row] = static_cast<int32_t>(m_number);
        m_rows.Slot<uint32_t>(m_plan.shape)[row] = batch.shapes[i] == Batch::Shape::Point ? 0 : 1;
        m_rows.Slot<double>(m_plan.x)[row] = x;
        m_rows.Slot<double>(m_plan.y)[row] = y;
        unsigned char wkb[21];
        OGRPoint point(x, y);
        OGR_G_ExportToIsoWkb(OGRGeometry::ToHandle(&point), wkbNDR, wkb);
        m_rows.Slot<uint64_t>(m_plan.schema.GeometrySlot())[row] = m_rows.AddGeometry(wkb, sizeof wkb);
        return FN_OK;
    }

    const VertexPlan &m_plan;
    PartBuilder &m_rows;
    int64_t m_number = 0; /* of the vertex, from 1 */
};
} // namespace

std::unique_ptr<RowWriter> VertexPlan::NewWriter(const Shared *, const InputSplit &, PartBuilder &rows,
                                                 fn_error *) const
{
    return std::make_unique<VertexRows>(*this, rows);
}

} // namespace fishnet::vertices
