#include "partial_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "handles.h"

namespace fishnet
{

static_assert(sizeof(PartialHead) == 40 && sizeof(PartialRecordHead) == 32, "as the file has them");

/* Word by word: an exclusive or, a product with an odd number and a rotation, each of which can be undone, so that two
 * texts that differ in one word have two checks. */
static uint64_t AddToCheck(uint64_t check, const void *data, size_t bytes)
{
    constexpr uint64_t kFactor = 0x9E3779B97F4A7C15u;
    const char *at = static_cast<const char *>(data);
    for (size_t done = 0; done < bytes; done += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, at + done, std::min(sizeof word, bytes - done));
        check = (check ^ word) * kFactor;
        check = check << 29 | check >> 35;
    }
    return check;
}

static uint64_t CheckOf(const PartialRecordHead &head, const void *data)
{
    return AddToCheck(AddToCheck(1, &head, offsetof(PartialRecordHead, check)), data, static_cast<size_t>(head.bytes));
}

/* ---- writing ---- */

fn_status PartialWriter::Write(const void *data, size_t bytes, fn_error *err)
{
    errno = 0;
    if (bytes == 0 || VSIFWriteL(data, 1, bytes, m_file.get()) == bytes)
        return FN_OK;
    return fn_fail(err, FN_ERR_VALUE, "%.300s cannot be written: %s", m_name.c_str(),
                   errno ? strerror(errno) : "no reason given");
}

fn_status PartialWriter::Open(const std::string &name, const PartialHead &head, fn_error *err)
{
    m_name = name;
    m_count = 0;
    errno = 0;
    m_file.reset(VSIFOpenL(name.c_str(), "wb"));
    if (!m_file)
        return fn_fail(err, FN_ERR_VALUE, "%.300s cannot be made: %s", name.c_str(),
                       errno ? strerror(errno) : "no reason given");
    return Write(&head, sizeof head, err);
}

fn_status PartialWriter::Add(int64_t key, uint64_t kind, const void *data, size_t bytes, fn_error *err)
{
    PartialRecordHead head = {key, kind, bytes, 0};
    head.check = CheckOf(head, data);
    m_count++;
    return Write(&head, sizeof head, err) == FN_OK ? Write(data, bytes, err) : err->status;
}

fn_status PartialWriter::Close(fn_error *err)
{
    if (Add(m_count, kEnd, nullptr, 0, err) != FN_OK)
        return err->status;
    errno = 0;
    if (VSIFCloseL(m_file.release()) == 0)
        return FN_OK;
    return fn_fail(err, FN_ERR_VALUE, "%.300s cannot be written: %s", m_name.c_str(),
                   errno ? strerror(errno) : "no reason given");
}

/* ---- reading ---- */

static bool ReadAll(VSILFILE *file, void *data, size_t bytes)
{
    return bytes == 0 || VSIFReadL(data, 1, bytes, file) == bytes;
}

/* Another machine, version or job writes other files. */
static std::string WhyNotHead(const PartialHead &head, const PartialHead &wanted)
{
    if (memcmp(head.magic, wanted.magic, sizeof head.magic) != 0)
        return "it is no file of partial results";
    if (head.order != wanted.order)
        return "it was written by a machine with another order of bytes";
    if (head.version != wanted.version)
        return "it is of version " + std::to_string(head.version) + ", and this is " + std::to_string(wanted.version);
    if (head.recipe != wanted.recipe)
        return "it was made by another recipe";
    if (head.part != wanted.part || head.parts != wanted.parts)
        return "it is part " + std::to_string(head.part) + " of " + std::to_string(head.parts) +
               ", under the name of " + std::to_string(wanted.part);
    return {};
}

/* Reads a record from its head on. *last: it is the end. False: it is not what was written. */
static bool ReadRecord(VSILFILE *file, vsi_l_offset size, int64_t count, PartialRecordHead &head,
                       std::vector<char> &data, bool &last)
{
    if (!ReadAll(file, &head, sizeof head) || head.bytes > size - VSIFTellL(file))
        return false;
    data.resize(static_cast<size_t>(head.bytes));
    last = head.kind == PartialWriter::kEnd;
    return ReadAll(file, data.data(), data.size()) && CheckOf(head, data.data()) == head.check &&
           (!last || (head.key == count && VSIFTellL(file) == size));
}

/* Adds the records, too; their file is to be set. */
static std::string ReadThrough(const std::string &name, const PartialHead &wanted,
                               std::vector<PartialReader::Record> &records)
{
    const MessageCollector collector;
    const FileHandle file(VSIFOpenL(name.c_str(), "rb"));
    if (!file || VSIFSeekL(file.get(), 0, SEEK_END) != 0)
        return "it cannot be opened";
    const vsi_l_offset size = VSIFTellL(file.get());
    PartialHead head;
    if (VSIFSeekL(file.get(), 0, SEEK_SET) != 0 || !ReadAll(file.get(), &head, sizeof head))
        return "it is cut off";
    const std::string why = WhyNotHead(head, wanted);
    if (!why.empty())
        return why;
    std::vector<char> data;
    PartialRecordHead record = {};
    bool last = false;
    for (int64_t count = 0;; count++) {
        const vsi_l_offset offset = VSIFTellL(file.get()) + sizeof record;
        if (offset > size)
            return "it is cut off";
        if (!ReadRecord(file.get(), size, count, record, data, last))
            return "it is cut off or damaged at byte " + std::to_string(offset - sizeof record);
        if (last)
            return {};
        records.push_back({record.key, record.kind, 0, offset, record.bytes, record.check});
    }
}

std::string PartialReader::WhyNot(const std::string &name, const PartialHead &head)
{
    std::vector<Record> records;
    return ReadThrough(name, head, records);
}

fn_status PartialReader::Open(const std::vector<std::string> &files, uint64_t recipe, fn_error *err)
{
    PartialHead head;
    head.recipe = recipe;
    head.parts = static_cast<int64_t>(files.size());
    m_names = files;
    m_records.clear();
    for (size_t i = 0; i < files.size(); i++) {
        const size_t first = m_records.size();
        head.part = static_cast<int64_t>(i);
        const std::string why = ReadThrough(files[i], head, m_records);
        if (!why.empty())
            return fn_fail(err, FN_ERR_READ, "%.300s: %s", files[i].c_str(), why.c_str());
        for (size_t record = first; record < m_records.size(); record++)
            m_records[record].file = i;
    }
    std::stable_sort(m_records.begin(), m_records.end(),
                     [](const Record &a, const Record &b) { return a.key < b.key; });
    return FN_OK;
}

fn_status PartialReader::Read(const Record &record, std::vector<char> &data, fn_error *err)
{
    const MessageCollector collector;
    const std::string &name = m_names[record.file];
    if (!m_file || m_open != record.file) {
        m_file.reset(VSIFOpenL(name.c_str(), "rb"));
        m_open = record.file;
    }
    const PartialRecordHead head = {record.key, record.kind, record.bytes, 0};
    data.resize(static_cast<size_t>(record.bytes));
    if (!m_file || VSIFSeekL(m_file.get(), record.offset, SEEK_SET) != 0 ||
        !ReadAll(m_file.get(), data.data(), data.size()) || CheckOf(head, data.data()) != record.check)
        return fn_fail(err, FN_ERR_READ, "%.300s is not any more what it was", name.c_str());
    return FN_OK;
}

} // namespace fishnet
