#include "table_worker.h"

#include <algorithm>
#include <cstring>

namespace fishnet
{

std::unique_ptr<TableWorker> TableWorker::Open(const TableJob &job, fn_error *err)
{
    std::unique_ptr<TableWorker> self(new TableWorker(job));
    std::string cause;
    fn_status status = FN_OK;
    const Shared *shared = job.shared.get();
    const auto groupOf = [shared](const std::string &key) { return shared ? shared->Group(key) : FN_NO_GROUP; };
    const bool reads = job.split.way != InputSplit::Way::Nothing;
    if (reads)
        self->m_reader = TaskReader::Open(self->m_plan, self->m_plan.input, self->m_plan.fields, groupOf, job.split,
                                          job.oneReader.get(), &status, cause);
    if (reads && !self->m_reader) {
        fn_fail(err, status, "a worker cannot open %.300s again: %.600s", Describe(self->m_plan.input).c_str(),
                cause.c_str());
        return nullptr;
    }
    self->m_writer = self->m_plan.NewWriter(shared, job.split, self->m_part, err);
    return self->m_writer ? std::move(self) : nullptr;
}

TableWorker::~TableWorker()
{
    MessageCollector collector; /* nobody is there to hear them any more */
    m_reader.reset();
}

/* Hands over what write() writes, in a part of its own or as the rest of the task. */
fn_status TableWorker::HandOver(fn_task &task, bool last, size_t bytes, const std::function<void(void *)> &write,
                                fn_error *err)
{
    if (bytes > task.bytes && fn_stream_part(&task, 0, bytes, err) != FN_OK)
        return err->status;
    const size_t next = task.bytes;
    write(task.result);
    m_recordOf = SIZE_MAX;
    if (!last)
        return fn_stream_part(&task, bytes, next, err);
    task.bytes = bytes;
    return FN_OK;
}

/* The rows as a piece of a file, behind the part's header. */
fn_status TableWorker::FlushPiece(fn_task &task, bool last, fn_error *err)
{
    PartView part;
    Piece piece;
    const size_t bytes = m_part.Bytes();
    m_rowsOfPiece.resize(bytes);
    m_part.Write(m_rowsOfPiece.data());
    if (!part.Open(m_plan.schema, m_rowsOfPiece.data(), bytes))
        return fn_fail(err, FN_ERR_SYSTEM, "rows make no sense");
    if (!m_pieces)
        m_pieces = std::make_unique<PieceWriter>(m_plan, *m_job.pieces);
    if (part.header.rows > 0 && m_pieces->Write(part, &piece, err) != FN_OK)
        return err->status;
    piece.number = static_cast<int64_t>(m_file);
    const auto write = [&](void *to) {
        memcpy(to, &part.header, sizeof part.header);
        piece.Write(static_cast<char *>(to) + sizeof part.header);
    };
    return HandOver(task, last, sizeof part.header + piece.Bytes(), write, err);
}

fn_status TableWorker::Flush(fn_task &task, bool last, fn_error *err)
{
    if (task.variant == RowPieces)
        return FlushPiece(task, last, err);
    return HandOver(
        task, last, m_part.Bytes(), [this](void *to) { m_part.Write(to); }, err);
}

/* The file that rows of the batch's i-th feature go to; the features come in order. */
size_t TableWorker::FileOf(size_t i) const
{
    const std::vector<int64_t> &cuts = m_job.pieces->cuts;
    const int64_t feature = m_job.split.TaskBegin(m_task->number) + static_cast<int64_t>(i);
    size_t file = m_file;
    while (file + 1 < cuts.size() && feature >= cuts[file + 1])
        file++;
    return file;
}

fn_status TableWorker::AddRow(size_t i, size_t *row, fn_error *err)
{
    const size_t file = m_task->variant == RowPieces ? FileOf(i) : m_file;
    if ((m_part.IsFull() || (file != m_file && m_part.Rows() > 0)) && Flush(*m_task, false, err) != FN_OK)
        return err->status;
    m_file = file;
    if (m_plan.inputGroup >= 0 && m_recordOf != i) {
        m_record = m_part.AddRecord(m_batch->Record(i), m_batch->RecordBytes(i));
        m_recordOf = i;
    }
    *row = m_part.AddRow();
    if (m_plan.inputGroup >= 0)
        m_part.Slot<uint64_t>(m_plan.inputGroup)[*row] = m_record;
    return FN_OK;
}

/* Features, or numbers of rows: those of the plan's part of all. */
fn_status TableWorker::Read(const fn_task &task, bool *end, MessageCollector &collector, std::string &cause)
{
    if (m_reader)
        return m_reader->Read(task.number, task.cancel, &m_batch, end, collector, cause);
    const auto at = [this](int64_t part) {
        return static_cast<int64_t>(static_cast<__int128>(m_job.shared->Size()) * part / m_plan.parts);
    };
    const int64_t begin = at(m_plan.part - 1) + m_job.split.TaskBegin(task.number);
    m_rows.Clear();
    for (int64_t row = begin; row < std::min(begin + m_job.split.size, at(m_plan.lastPart)); row++) {
        m_rows.fids.push_back(row);
        m_rows.shapes.push_back(Batch::Shape::Nothing);
    }
    m_batch = &m_rows;
    *end = m_rows.Count() == 0;
    return FN_OK;
}

/* What is asked for of the batch, into the task's result. */
fn_status TableWorker::Compute(fn_task &task, const Batch &batch, fn_error *err)
{
    m_part.header.features = static_cast<int64_t>(batch.Count());
    m_part.header.unusable = batch.unusable;
    fn_status status = FN_OK;
    if (task.variant == CountUsable)
        m_writer->CountUnusable(batch, m_part.header.unusable);
    else
        status = m_writer->Write(batch, m_job.split.TaskBegin(task.number), *this, task.cancel, err);
    if (status != FN_OK)
        return status;
    if (MakesRows(task.variant))
        return Flush(task, true, err);
    memcpy(task.result, &m_part.header, sizeof(PartHeader));
    task.bytes = sizeof(PartHeader);
    return FN_OK;
}

fn_status TableWorker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    MessageCollector collector;
    std::string cause;
    fn_error reason = {};
    bool end = false;
    m_part.Clear(); /* a task that was given up may have left something */
    m_recordOf = SIZE_MAX;
    m_file = 0;
    m_task = &task;
    fn_status status = Read(task, &end, collector, cause);
    const std::string range = m_job.split.Describe(task.number);
    if (status != FN_OK && status != FN_ERR_CANCELLED)
        return fn_fail(err, status, "%s of %.300s cannot be read: %.500s", range.c_str(),
                       Describe(m_plan.input).c_str(), cause.c_str());
    if (status == FN_OK && end) {
        fn_stream_end(&task);
        task.bytes = 0;
        return FN_OK;
    }
    if (status == FN_OK) {
        task.serial = m_batch->turn;
        status = Compute(task, *m_batch, &reason);
    }
    if (status == FN_OK)
        messages = std::move(collector.messages);
    else
        fn_fail(err, status, "%s of %.300s: %.500s", range.c_str(), Describe(m_plan.input).c_str(),
                status == FN_ERR_CANCELLED ? "cancelled" : reason.text);
    return status;
}

} // namespace fishnet
