/* The zones of one pass over the rasters. */
#ifndef FN_ZONALSTATS_ZONE_LIST_H
#define FN_ZONALSTATS_ZONE_LIST_H

#include <memory>
#include <vector>

#include "fishnet/coverage.h"
#include "fishnet/zonal_stats.h"
#include "workers.h"

namespace fishnet::zonalstats
{

struct FreeZone {
    void operator()(fn_zone *zone) const { fn_zone_free(zone); }
};

class ZoneList
{
  public:
    /* keepsWkb: for worker processes, which are told of the zones by ToWords(). */
    explicit ZoneList(bool keepsWkb) : m_keepsWkb(keepsWkb) {}

    /* place: in the table. A geometry that cannot be used covers nothing. trusted: it has been found to be valid,
     * whatever its coverage looks like: slivers may cross themselves by rounding. */
    fn_status Add(int64_t place, const void *wkb, size_t bytes, const double geotransform[6], bool trusted,
                  fn_error *err);
    /* What is asked of the zone that was added last, of a plane: values within these ranges, see
     * fn_zone_stats_ranges(). */
    void SetRanges(size_t plane, const fn_stats_range *ranges, size_t n);
    void Clear();

    size_t Count() const { return m_zones.size(); }
    const fn_zone *Zone(size_t i) const { return m_zones[i].zone.get(); }
    int64_t Place(size_t i) const { return m_zones[i].place; }
    bool IsTrusted(size_t i) const { return m_zones[i].trusted; }
    /* Whether that is asked of the zone, or of any plane: then values of others are not wanted. */
    const std::vector<fn_stats_range> &Ranges(size_t i, size_t plane) const;
    bool HasRanges(size_t i) const { return !m_zones[i].ranges.empty(); }
    /* Memory that it takes, about. */
    size_t Bytes() const { return m_bytes; }

    Words ToWords() const;
    /* The words from `first` on. False: they make no sense. */
    bool FromWords(const Words &words, size_t first, const double geotransform[6], fn_error *err);

  private:
    struct Item {
        int64_t place;
        bool trusted;
        std::unique_ptr<fn_zone, FreeZone> zone;
        std::vector<std::vector<fn_stats_range>> ranges; /* of each plane; may be shorter */
    };
    bool m_keepsWkb;
    std::vector<Item> m_zones;
    std::string m_wkb; /* size, trusted or not, bytes; of each */
    size_t m_bytes = 0;
};

} // namespace fishnet::zonalstats

#endif
