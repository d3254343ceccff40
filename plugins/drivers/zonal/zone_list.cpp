#include "zone_list.h"

#include <algorithm>
#include <cstring>

namespace fishnet::zonalstats
{

fn_status MakeZone(const void *wkb, size_t bytes, const double geotransform[6], ZoneHandle &zone, fn_error *err)
{
    fn_zone *made = nullptr;
    const fn_status status = fn_zone_new(wkb, bytes, geotransform, &made, nullptr, err);
    zone.reset(made);
    return status;
}

/* ---- the zones ---- */

size_t ZoneList::Item::Bytes() const
{
    constexpr size_t kVertex = 17, kZone = 400;
    return kZone + kVertex * fn_zone_vertices(zone.get()) + wkb.size();
}

void ZoneList::Add(int64_t place, ZoneHandle zone, std::string wkb, bool trusted)
{
    if (!m_keepsWkb)
        wkb.clear();
    m_geometries.push_back({place, std::move(zone), std::move(wkb), trusted, 0});
    m_bytes += m_geometries.back().Bytes();
}

int64_t ZoneList::Last() const
{
    int64_t last = -1;
    for (const Item &item : m_geometries)
        last = std::max(last, item.place);
    return last;
}

void ZoneList::DropFrom(int64_t place)
{
    const auto isBeyond = [place](const Item &item) { return item.place >= place; };
    m_geometries.erase(std::remove_if(m_geometries.begin(), m_geometries.end(), isBeyond), m_geometries.end());
    m_bytes = 0;
    for (const Item &item : m_geometries)
        m_bytes += item.Bytes();
}

void ZoneList::Close()
{
    const auto isBefore = [](const Item &a, const Item &b) { return a.place < b.place; };
    if (!std::is_sorted(m_geometries.begin(), m_geometries.end(), isBefore))
        std::stable_sort(m_geometries.begin(), m_geometries.end(), isBefore);
    std::vector<int> dimensions; /* of each zone, the highest */
    m_places.clear();
    for (Item &item : m_geometries) {
        if (m_places.empty() || m_places.back() != item.place) {
            m_places.push_back(item.place);
            dimensions.push_back(-1);
        }
        item.number = static_cast<uint32_t>(m_places.size() - 1);
        dimensions.back() = std::max(dimensions.back(), fn_zone_dimension(item.zone.get()));
    }
    const auto isLower = [&](const Item &item) { return fn_zone_dimension(item.zone.get()) < dimensions[item.number]; };
    m_geometries.erase(std::remove_if(m_geometries.begin(), m_geometries.end(), isLower), m_geometries.end());
}

uint32_t ZoneList::Find(int64_t place) const
{
    return static_cast<uint32_t>(std::lower_bound(m_places.begin(), m_places.end(), place) - m_places.begin());
}

const ZoneList::Ranges *ZoneList::RangesOf(size_t zone) const
{
    if (m_ranges.empty())
        return nullptr;
    const auto found = m_ranges.find(m_places[zone]);
    return found == m_ranges.end() ? nullptr : &found->second;
}

std::shared_ptr<ZoneList> ZoneList::OfNumbers(int64_t from)
{
    const auto list = std::make_shared<ZoneList>(false);
    list->m_areNumbers = true;
    list->m_from = from;
    return list;
}

bool ZoneList::IsAsked(int64_t number, const Ranges **ranges) const
{
    const auto found = m_ranges.find(number);
    *ranges = found == m_ranges.end() ? nullptr : &found->second;
    return m_ranges.empty() ? number >= m_from : *ranges != nullptr;
}

/* ---- for another process: values as bytes ---- */

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

/* Words: place, size, whether it is trusted, WKB, of each; place, plane and range, of each; where numbers begin. */
Words ZoneList::ToWords() const
{
    Words words(kWords);
    for (const Item &item : m_geometries) {
        Put(words[0], item.place);
        Put(words[0], static_cast<uint64_t>(item.wkb.size()));
        Put(words[0], item.trusted);
        words[0] += item.wkb;
    }
    for (const auto &[place, ranges] : m_ranges)
        for (size_t plane = 0; plane < ranges.size(); plane++)
            for (const fn_stats_range &range : ranges[plane]) {
                Put(words[1], place);
                Put(words[1], static_cast<uint64_t>(plane));
                Put(words[1], range);
            }
    if (m_areNumbers)
        Put(words[2], m_from);
    return words;
}

bool ZoneList::FromWords(const Words &words, size_t first, const double geotransform[6], fn_error *err)
{
    fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
    if (words.size() < first + kWords)
        return false;
    const std::string &zones = words[first], &ranges = words[first + 1];
    for (size_t at = 0; at < zones.size();) {
        int64_t place = 0;
        uint64_t size = 0;
        bool trusted = false;
        ZoneHandle zone;
        if (!Get(zones, at, place) || !Get(zones, at, size) || !Get(zones, at, trusted) || size > zones.size() - at)
            return false;
        if (MakeZone(zones.data() + at, static_cast<size_t>(size), geotransform, zone, err) != FN_OK)
            return false;
        at += static_cast<size_t>(size);
        Add(place, std::move(zone), {}, trusted);
    }
    for (size_t at = 0; at < ranges.size();) {
        int64_t place = 0;
        uint64_t plane = 0;
        fn_stats_range range;
        if (!Get(ranges, at, place) || !Get(ranges, at, plane) || !Get(ranges, at, range))
            return false;
        Ranges &own = m_ranges[place];
        own.resize(std::max(own.size(), static_cast<size_t>(plane) + 1));
        own[static_cast<size_t>(plane)].push_back(range);
    }
    size_t at = 0;
    m_areNumbers = Get(words[first + 2], at, m_from);
    Close();
    return true;
}

} // namespace fishnet::zonalstats
