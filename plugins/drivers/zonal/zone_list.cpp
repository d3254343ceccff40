#include "zone_list.h"

#include <cstring>

namespace fishnet::zonalstats
{

/* ---- values as bytes ---- */

template <class T> static void Put(std::string &bytes, const T &value)
{
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

template <class T> static bool Get(const std::string &bytes, size_t &at, T &value)
{
    if (bytes.size() - at < sizeof value)
        return false;
    memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    return true;
}

/* ---- the zones ---- */

fn_status ZoneList::Add(int64_t place, const void *wkb, size_t bytes, const double geotransform[6], bool trusted,
                        fn_error *err)
{
    constexpr size_t kVertex = 17, kZone = 400;
    fn_zone *zone = nullptr;
    if (fn_zone_new(wkb, bytes, geotransform, &zone, nullptr, err) != FN_OK)
        return err->status;
    m_zones.push_back({place, trusted, std::unique_ptr<fn_zone, FreeZone>(zone), {}});
    m_bytes += kZone + kVertex * fn_zone_vertices(zone);
    if (m_keepsWkb) {
        Put(m_wkb, static_cast<uint64_t>(bytes));
        Put(m_wkb, trusted);
        m_wkb.append(static_cast<const char *>(wkb), bytes);
        m_bytes += bytes;
    }
    return FN_OK;
}

void ZoneList::SetRanges(size_t plane, const fn_stats_range *ranges, size_t n)
{
    auto &own = m_zones.back().ranges;
    own.resize(std::max(own.size(), plane + 1));
    own[plane].assign(ranges, ranges + n);
}

const std::vector<fn_stats_range> &ZoneList::Ranges(size_t i, size_t plane) const
{
    static const std::vector<fn_stats_range> none;
    return plane < m_zones[i].ranges.size() ? m_zones[i].ranges[plane] : none;
}

void ZoneList::Clear()
{
    m_zones.clear();
    m_wkb.clear();
    m_bytes = 0;
}

/* ---- for another process ---- */

Words ZoneList::ToWords() const
{
    std::string ranges;
    for (size_t i = 0; i < m_zones.size(); i++)
        for (size_t plane = 0; plane < m_zones[i].ranges.size(); plane++)
            for (const fn_stats_range &range : m_zones[i].ranges[plane]) {
                Put(ranges, static_cast<uint64_t>(i));
                Put(ranges, static_cast<uint64_t>(plane));
                Put(ranges, range);
            }
    return {m_wkb, ranges};
}

bool ZoneList::FromWords(const Words &words, size_t first, const double geotransform[6], fn_error *err)
{
    fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
    if (words.size() < first + 2)
        return false;
    const std::string &wkb = words[first], &ranges = words[first + 1];
    for (size_t at = 0; at < wkb.size();) {
        uint64_t size = 0;
        bool trusted = false;
        if (!Get(wkb, at, size) || !Get(wkb, at, trusted) || size > wkb.size() - at)
            return false;
        if (Add(0, wkb.data() + at, static_cast<size_t>(size), geotransform, trusted, err) != FN_OK)
            return false;
        at += static_cast<size_t>(size);
    }
    for (size_t at = 0; at < ranges.size();) {
        uint64_t zone = 0, plane = 0;
        fn_stats_range range;
        if (!Get(ranges, at, zone) || !Get(ranges, at, plane) || !Get(ranges, at, range) || zone >= m_zones.size())
            return false;
        auto &own = m_zones[static_cast<size_t>(zone)].ranges;
        own.resize(std::max(own.size(), static_cast<size_t>(plane) + 1));
        own[static_cast<size_t>(plane)].push_back(range);
    }
    return true;
}

} // namespace fishnet::zonalstats
