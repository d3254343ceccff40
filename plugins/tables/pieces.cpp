#include "pieces.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "flatgeobuf_head.h"
#include "parts_job.h"
#include "row_copy.h"

namespace fishnet
{

/* ---- what workers are told ---- */

Words PieceFormat::ToWords() const
{
    return {format.driver,
            file,
            layer,
            PackOptions(format.datasetOptions.List()),
            PackOptions(format.layerOptions.List()),
            std::string(reinterpret_cast<const char *>(cuts.data()), cuts.size() * sizeof(int64_t))};
}

bool PieceFormat::FromWords(const std::string *words)
{
    format.driver = words[0];
    file = words[1];
    layer = words[2];
    cuts.resize(words[5].size() / sizeof(int64_t));
    if (!cuts.empty())
        memcpy(cuts.data(), words[5].data(), cuts.size() * sizeof(int64_t));
    return UnpackOptions(words[3], format.datasetOptions) && UnpackOptions(words[4], format.layerOptions);
}

bool CanBeJoined(const std::string &driver)
{
    const char *const joined[] = {"FlatGeobuf", "CSV", "GeoJSONSeq"};
    return std::any_of(std::begin(joined), std::end(joined),
                       [&driver](const char *name) { return EQUAL(name, driver.c_str()); });
}

/* ---- a file without rows ---- */

namespace
{
class HollowLayer final : public OGRLayer
{
  public:
    HollowLayer(GDALDataset *dataset, const RowMaker &rows) : m_dataset(dataset), m_rows(rows)
    {
        SetDescription(rows.Defn()->GetName());
    }
    void ResetReading() override {}
    OGRFeature *GetNextFeature() override { return nullptr; }
    FN_CONST OGRFeatureDefn *GetLayerDefn() FN_CONST override { return m_rows.Defn(); }
    int TestCapability(const char *) FN_CONST override { return FALSE; }
    GDALDataset *GetDataset() override { return m_dataset; }

  private:
    GDALDataset *m_dataset;
    const RowMaker &m_rows;
};

/* The table as ogr2ogr sees it before it has read a row. */
class HollowTable final : public GDALDataset
{
  public:
    explicit HollowTable(const RowMaker &rows) : m_layer(this, rows) { eAccess = GA_ReadOnly; }
    int GetLayerCount() FN_CONST override { return 1; }
    FN_CONST OGRLayer *GetLayer(int i) FN_CONST override { return i == 0 ? &m_layer : nullptr; }
    int TestCapability(const char *) FN_CONST override { return FALSE; }

  private:
    HollowLayer m_layer;
};
} // namespace

DatasetHandle NewRowsFile(const PieceFormat &format, const std::string &path, const RowMaker &rows)
{
    HollowTable table(rows);
    const Translation translation = format.format.NewTranslation(format.layer.empty() ? nullptr : format.layer.c_str());
    GDALDatasetH source = GDALDataset::ToHandle(&table);
    DatasetHandle made(translation ? GDALVectorTranslate(path.c_str(), nullptr, 1, &source, translation.get(), nullptr)
                                   : nullptr);
    const auto *dataset = GDALDataset::FromHandle(made.get());
    OGRLayer *layer = dataset ? GDALDataset::FromHandle(made.get())->GetLayer(0) : nullptr;
    const int fields = layer ? layer->GetLayerDefn()->GetFieldCount() : 0, all = rows.Defn()->GetFieldCount();
    if (dataset && fields != all) {
        CPLError(CE_Failure, CPLE_AppDefined, "it has %d of %d columns: the format %s does not hold them", fields, all,
                 format.format.driver.c_str());
        made.reset();
    }
    return made;
}

/* ---- pieces ---- */

void Piece::Write(char *to) const
{
    const uint64_t size = headSize;
    memcpy(to, &number, sizeof number);
    memcpy(to + sizeof number, &size, sizeof size);
    to += kOverhead;
    if (headSize > 0)
        memcpy(to, head, headSize);
    if (bodySize > 0)
        memcpy(to + headSize, body, bodySize);
}

bool Piece::Read(const char *bytes, size_t size)
{
    uint64_t first = 0;
    if (size < kOverhead)
        return false;
    memcpy(&number, bytes, sizeof number);
    memcpy(&first, bytes + sizeof number, sizeof first);
    if (first > size - kOverhead)
        return false;
    head = bytes + kOverhead;
    headSize = static_cast<size_t>(first);
    body = head + headSize;
    bodySize = size - kOverhead - headSize;
    return true;
}

PieceWriter::PieceWriter(const TablePlan &plan, const PieceFormat &format)
    : m_srs(plan.CloneOf(plan.GeometrySRS())), m_format(format), m_rows(plan.schema, m_srs.get()),
      m_folder(CPLSPrintf("/vsimem/fishnet-rows-%p", static_cast<void *>(this))), m_path(m_folder + "/" + format.file),
      m_flatgeobuf(plan.schema), m_csv(plan.schema)
{
}

PieceWriter::~PieceWriter()
{
    GuardedQuietly(0, [this] { return VSIRmdirRecursive(m_folder.c_str()); });
}

static fn_status FailToWrite(const MessageCollector &collector, fn_error *err)
{
    return fn_fail(err, FN_ERR_VALUE, "rows cannot be written: %.600s", collector.Cause("no reason given").c_str());
}

/* What there is to say of the file without rows the host has heard. */
DatasetHandle PieceWriter::NewFile(fn_error *err)
{
    MessageCollector collector;
    VSIStatBufL stat;
    if (VSIStatL(m_folder.c_str(), &stat) == 0) /* the piece before, and what the driver has put beside it */
        VSIRmdirRecursive(m_folder.c_str());
    VSIMkdir(m_folder.c_str(), 0755);
    DatasetHandle file = NewRowsFile(m_format, m_path, m_rows);
    if (!file)
        FailToWrite(collector, err);
    return file;
}

bool PieceWriter::WriteRows(OGRLayer *layer, const PartView &part)
{
    const RowCopy copy(m_rows.Defn(), layer, m_format.format.driver);
    for (int64_t row = 0; row < part.header.rows; row++)
        if (!copy.Add(*m_rows.Make(part, row, 0)))
            return false;
    return true;
}

/* All of a file of text without rows stands before them. */
fn_status PieceWriter::FindHead(fn_error *err)
{
    if (m_hasHead || m_format.format.IsFlatGeobuf())
        return FN_OK;
    DatasetHandle file = NewFile(err);
    if (!file)
        return err->status;
    const MessageCollector collector;
    file.reset();
    vsi_l_offset size = 0;
    const GByte *bytes = VSIGetMemFileBuffer(m_path.c_str(), &size, FALSE);
    if (collector.Failures() > 0)
        return FailToWrite(collector, err);
    if (bytes)
        m_head.assign(reinterpret_cast<const char *>(bytes), static_cast<size_t>(size));
    m_hasHead = true;
    return FN_OK;
}

bool PieceWriter::Cut(int64_t rows, Piece *piece, fn_error *err) const
{
    vsi_l_offset length = 0;
    const char *bytes = reinterpret_cast<const char *>(VSIGetMemFileBuffer(m_path.c_str(), &length, FALSE));
    const size_t size = bytes ? static_cast<size_t>(length) : 0;
    size_t head = m_head.size();
    bool good = size >= head && (head == 0 || memcmp(bytes, m_head.data(), head) == 0);
    if (m_format.format.IsFlatGeobuf()) {
        FlatGeobufHead known;
        MessageCollector collector;
        good = size == 0 || (known.Read(bytes, size) && !known.HasIndex());
        head = known.Bytes().size();
        if (good && !HoldsRows(m_format.format, size == 0 ? 0 : static_cast<int64_t>(known.Features()), rows)) {
            FailToWrite(collector, err);
            return false;
        }
    }
    if (!good) {
        fn_fail(err, FN_ERR_VALUE, "rows cannot be written: what the driver %s writes cannot be joined",
                m_format.format.driver.c_str());
        return false;
    }
    piece->head = bytes;
    piece->headSize = head;
    piece->body = bytes + head;
    piece->bodySize = size - head;
    return true;
}

/* Once. Where it fails, all rows are written by GDAL. */
bool PieceWriter::LearnRows()
{
    if (m_learning != Learning::Untried)
        return m_learning == Learning::Done;
    m_learning = Learning::Failed;
    const bool isFlatGeobuf = m_format.format.IsFlatGeobuf() && m_flatgeobuf.CanLearn();
    if (!isFlatGeobuf && !(EQUAL(m_format.format.driver.c_str(), "CSV") && m_csv.CanLearn()))
        return false;
    fn_error ignored;
    const MessageCollector collector;
    DatasetHandle file = NewFile(&ignored);
    OGRLayer *layer = file ? GDALDataset::FromHandle(file.get())->GetLayer(0) : nullptr;
    if (!layer || !RowCopy::HaveSameFields(m_rows.Defn(), layer->GetLayerDefn()))
        return false;
    OGRFeatureDefn *defn = layer->GetLayerDefn();
    for (const auto &sample : isFlatGeobuf ? m_flatgeobuf.Samples(defn) : m_csv.Samples(defn))
        if (layer->CreateFeature(sample.get()) != OGRERR_NONE)
            return false;
    file.reset();
    vsi_l_offset length = 0;
    const char *bytes = reinterpret_cast<const char *>(VSIGetMemFileBuffer(m_path.c_str(), &length, FALSE));
    const size_t size = bytes ? static_cast<size_t>(length) : 0, head = m_head.size();
    if (size > head && collector.messages.empty() &&
        (isFlatGeobuf ? m_flatgeobuf.Learn(bytes, size) : m_csv.Learn(bytes + head, size - head)))
        m_learning = Learning::Done;
    return m_learning == Learning::Done;
}

/* False: it is for GDAL. */
bool PieceWriter::WriteLearned(const PartView &part, Piece *piece)
{
    const bool isFlatGeobuf = m_format.format.IsFlatGeobuf();
    if (!LearnRows() || !(isFlatGeobuf ? m_flatgeobuf.Write(part) : m_csv.Write(part)))
        return false;
    const std::string &head = isFlatGeobuf ? m_flatgeobuf.Head() : m_head;
    piece->head = head.data();
    piece->headSize = head.size();
    piece->body = isFlatGeobuf ? m_flatgeobuf.Rows().data() : m_csv.Rows().data();
    piece->bodySize = isFlatGeobuf ? m_flatgeobuf.Rows().size() : m_csv.Rows().size();
    return true;
}

fn_status PieceWriter::Write(const PartView &part, Piece *piece, fn_error *err)
{
    if (FindHead(err) != FN_OK)
        return err->status;
    if (WriteLearned(part, piece))
        return FN_OK;
    DatasetHandle file = NewFile(err);
    if (!file)
        return err->status;
    std::vector<Message> said;
    {
        MessageCollector collector;
        const bool written = WriteRows(GDALDataset::FromHandle(file.get())->GetLayer(0), part);
        file.reset(); /* much is written only now, and a failure is a message alone */
        if (!written || collector.Failures() > 0)
            return FailToWrite(collector, err);
        for (Message &message : collector.messages) /* each once, whatever the number of rows */
            if (std::none_of(said.begin(), said.end(),
                             [&](const Message &before) { return before.text == message.text; }))
                said.push_back(std::move(message));
    }
    for (const Message &message : said)
        Emit(message);
    return Cut(part.header.rows, piece, err) ? FN_OK : err->status;
}

} // namespace fishnet
