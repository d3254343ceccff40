#include "streamed_parts.h"

#include "joined_file.h"
#include "output_folder.h"

namespace fishnet
{

using namespace output;

bool FindStream(PartsJob &job, TableDataset &table, std::vector<int64_t> &cuts, bool &can)
{
    can = false;
    if (job.partial || !job.partials.empty())
        return true;
    const bool joins = CanBeJoined(job.format.driver) && job.TaskCount() == job.parts;
    if (!joins && (job.TaskCount() < 2 || !table.Rows().ReadsInOrder()))
        return true;
    if (!table.Rows().FindCuts(job.parts, cuts, job.features))
        return false;
    can = joins && !cuts.empty();
    return true;
}

namespace
{
/* The parts as they grow, one after the other. */
class Stream
{
  public:
    Stream(PartsJob &job, TableDataset &table, PieceFormat format, GDALProgressFunc progress, void *progressData)
        : m_job(job), m_table(table), m_format(std::move(format)), m_none(table.GetPlan()->schema, table.Rows().SRS()),
          m_progress(progress), m_progressData(progressData)
    {
    }
    /* All: false after CPLError. */
    bool Begin() { return Open(); }
    bool Add(const PartHeader &header, const Piece &piece);
    bool End();
    bool Progress() const
    {
        return m_progress(static_cast<double>(m_part) / static_cast<double>(m_job.parts), "", m_progressData) != 0;
    }

  private:
    bool Open();
    bool Close();
    bool Next() { return Close() && (++m_part == m_job.parts || Open()); }
    bool Fail(const std::string &why) const;

    PartsJob &m_job;
    TableDataset &m_table;
    PieceFormat m_format;
    RowMaker m_none;
    GDALProgressFunc m_progress;
    void *m_progressData;
    int64_t m_part = 0, m_rows = 0;
    bool m_checked = false; /* a part with rows has been read again */
    std::unique_ptr<PartFolder> m_folder;
    std::unique_ptr<JoinedFile> m_file;
};
} // namespace

bool Stream::Fail(const std::string &why) const
{
    CPLError(CE_Failure, CPLE_FileIO, "%s: %s cannot be written: %s", m_job.Driver(), m_job.Path(m_part).c_str(),
             why.c_str());
    return false;
}

bool Stream::Open()
{
    std::string why;
    m_rows = 0;
    m_folder = std::make_unique<PartFolder>(std::string(), m_job.folder, m_job.Stem(m_part), m_job.run);
    {
        MessageCollector collector;
        const std::string path = m_folder->Make() ? m_folder->Path() + "/" + m_job.File(m_part) : std::string();
        if (!path.empty() && NewRowsFile(m_format, path, m_none) && collector.Failures() == 0)
            m_file = std::make_unique<JoinedFile>(m_format.format, path);
        else
            why = collector.Cause("no reason given");
    }
    return why.empty() || Fail(why);
}

/* The part is whole, and gets its name. */
bool Stream::Close()
{
    const std::string file = m_folder->Path() + "/" + m_job.File(m_part);
    const bool closed = m_file->Close();
    if (!closed)
        return Fail(m_file->Why());
    std::string why;
    {
        MessageCollector collector;
        bool good = true;
        if (m_rows > 0 && !m_checked) {
            const DatasetHandle written(GDALOpenEx(file.c_str(), GDAL_OF_VECTOR, nullptr, nullptr, nullptr));
            OGRLayerH layer = m_job.OnlyLayer(written.get());
            good = layer && HoldsAll(m_format.format, layer, OGRLayer::ToHandle(&m_table.Rows()));
            m_checked = true;
        }
        if (!good || !MakeSureItIsThere(file) || !m_folder->Publish(m_job.File(m_part)))
            why = collector.Cause("it cannot be read again");
    }
    m_file.reset();
    m_folder.reset();
    m_job.rows[m_part] = m_rows;
    return why.empty() || Fail(why);
}

bool Stream::Add(const PartHeader &header, const Piece &piece)
{
    while (header.rows > 0 && m_part < piece.number)
        if (!Next())
            return false;
    m_rows += header.rows;
    if (header.rows > 0 && !m_file->Add(piece))
        return Fail(m_file->Why());
    if (Progress())
        return true;
    CPLError(CE_Failure, CPLE_UserInterrupt, "%s", kStopped);
    return false;
}

bool Stream::End()
{
    while (m_part < m_job.parts)
        if (!Next())
            return false;
    return true;
}

bool StreamParts(PartsJob &job, TableDataset &table, std::vector<int64_t> cuts, GDALProgressFunc progress,
                 void *progressData)
{
    auto format = std::make_shared<PieceFormat>();
    format->format = job.format;
    format->file = job.File(0);
    format->layer = job.kind->layer;
    format->cuts = std::move(cuts);
    Stream stream(job, table, *format, progress, progressData);
    const auto add = [&](const PartHeader &header, const Piece &piece) { return stream.Add(header, piece); };
    return stream.Begin() &&
           table.Rows().WritePieces(
               format, [&] { return stream.Progress(); }, add) &&
           stream.End() && (stream.Progress(), true);
}

} // namespace fishnet
