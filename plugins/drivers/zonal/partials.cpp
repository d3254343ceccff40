#include "partials.h"

#include <algorithm>
#include <cstring>

namespace fishnet::zonalstats
{

/* Kinds of records. The key of the first is kCommon, of the others the number of a tile. */
enum : uint64_t { kZonesOfShare = 1, kResult = 2, kLostTile = 3 };
static constexpr int64_t kCommon = -1;

ZonesOfShare DescribeZones(int64_t tasks, const std::vector<int64_t> &fids)
{
    constexpr uint64_t kFactor = 1099511628211u; /* as FNV-1a has it */
    uint64_t check = 14695981039346656037u;
    for (const int64_t fid : fids) {
        check = (check ^ static_cast<uint64_t>(fid)) * kFactor;
        check ^= check >> 32;
    }
    return {tasks, static_cast<int64_t>(fids.size()), check};
}

/* Renames the zones of a task's records: rename(zone) says whether the record stays. They are moved together. False:
 * the bytes are no records. */
template <class Rename> static bool RenameZones(std::vector<char> &bytes, Rename rename)
{
    size_t to = 0;
    for (size_t at = 0; at < bytes.size();) {
        RecordHead head;
        if (bytes.size() - at < sizeof head)
            return false;
        memcpy(&head, bytes.data() + at, sizeof head);
        if (head.bytes > bytes.size() - at - sizeof head)
            return false;
        const size_t size = sizeof head + static_cast<size_t>(head.bytes);
        if (rename(head.zone)) {
            memmove(bytes.data() + to, bytes.data() + at, size);
            memcpy(bytes.data() + to, &head, sizeof head);
            to += size;
        }
        at += size;
    }
    bytes.resize(to);
    return true;
}

/* ---- writing ---- */

fn_status PartialSink::Add(int64_t task, const void *data, size_t bytes, fn_error *err)
{
    const char *from = static_cast<const char *>(data);
    m_bytes.assign(from, from + bytes);
    const auto toPlace = [this](int64_t &zone) {
        if (!m_zones.AreNumbers())
            zone = m_zones.Place(static_cast<size_t>(zone));
        return true;
    };
    if (!RenameZones(m_bytes, toPlace))
        return fn_fail(err, FN_ERR_SYSTEM, "%s came back damaged", m_job.TaskName(task).c_str());
    return m_bytes.empty() ? FN_OK : m_to.Add(m_job.Number(task), kResult, m_bytes.data(), m_bytes.size(), err);
}

fn_status WriteNotes(const ZonesOfShare &zones, const FailedTasks &failed, PartialWriter &to, fn_error *err)
{
    for (const auto &[tile, text] : failed.List())
        if (to.Add(tile, kLostTile, text.data(), text.size(), err) != FN_OK)
            return err->status;
    return to.Add(kCommon, kZonesOfShare, &zones, sizeof zones, err);
}

/* ---- reading ---- */

fn_status ReadNotes(PartialReader &from, ZonesOfShare &zones, FailedTasks &failed, Notes &messages, fn_error *err)
{
    std::vector<char> bytes;
    bool first = true;
    for (const PartialReader::Record &record : from.Records()) {
        if (record.kind != kZonesOfShare && record.kind != kLostTile)
            continue;
        if (from.Read(record, bytes, err) != FN_OK)
            return err->status;
        if (record.kind == kLostTile) {
            fn_error lost;
            fn_fail(&lost, FN_ERR_READ, "%.*s", static_cast<int>(bytes.size()), bytes.data());
            failed.Add(record.key, lost, messages);
            continue;
        }
        ZonesOfShare own;
        if (bytes.size() != sizeof own)
            return fn_fail(err, FN_ERR_VALUE, "partial results make no sense");
        memcpy(&own, bytes.data(), sizeof own);
        if (!first && !(own == zones))
            return fn_fail(err, FN_ERR_VALUE,
                           "the shares have not seen the same zones: the input has changed between "
                           "them. Remove their folder, and run them again");
        zones = own;
        first = false;
    }
    return FN_OK;
}

fn_status PartialPass::Take(const PartialReader::Record &record, int64_t task, fn_error *err)
{
    if (m_from->Read(record, m_bytes, err) != FN_OK)
        return err->status;
    const auto toZone = [this](int64_t &zone) {
        const ZoneList::Ranges *ranges = nullptr;
        if (m_zones.AreNumbers())
            return m_zones.IsAsked(zone, &ranges);
        const uint32_t found = m_zones.Find(zone);
        const bool there = found < m_zones.ZoneCount() && m_zones.Place(found) == zone;
        zone = found;
        return there;
    };
    if (!RenameZones(m_bytes, toZone))
        return fn_fail(err, FN_ERR_VALUE, "the partial results of %s make no sense", m_job.TaskName(task).c_str());
    return m_sink.Add(task, m_bytes.data(), m_bytes.size(), err);
}

/* Each step takes a record. Tiles that no zone of the list touches are those of others. */
fn_status PartialPass::Step(bool *through, fn_error *err)
{
    const std::vector<PartialReader::Record> &records = m_from->Records();
    const std::vector<int64_t> &tiles = m_job.GetTiles().numbers;
    *through = false;
    if (!m_hasBegun) {
        m_hasBegun = true;
        return m_sink.Begin(err);
    }
    while (m_next < records.size() && records[m_next].kind != kResult)
        m_next++;
    *through = m_next == records.size();
    if (*through)
        return m_sink.FinishBefore(m_job.TaskCount(), err);
    const PartialReader::Record &record = records[m_next++];
    const auto tile = std::lower_bound(tiles.begin(), tiles.end(), record.key);
    if (tile == tiles.end() || *tile != record.key)
        return FN_OK;
    const int64_t task = tile - tiles.begin();
    return m_sink.FinishBefore(task, err) == FN_OK ? Take(record, task, err) : err->status;
}

} // namespace fishnet::zonalstats
