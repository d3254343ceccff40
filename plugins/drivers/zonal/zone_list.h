/* The zones of one pass over the rasters: geometries, of which several may be one zone, or values of a raster of
 * zones. */
#ifndef FN_ZONALSTATS_ZONE_LIST_H
#define FN_ZONALSTATS_ZONE_LIST_H

#include <map>
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
using ZoneHandle = std::unique_ptr<fn_zone, FreeZone>;

/* A geometry that cannot be used covers nothing. */
fn_status MakeZone(const void *wkb, size_t bytes, const double geotransform[6], ZoneHandle &zone, fn_error *err);

class ZoneList
{
  public:
    /* What is asked of a zone, of each plane (there may be fewer): values within these ranges, see
     * fn_zone_stats_ranges(). */
    using Ranges = std::vector<std::vector<fn_stats_range>>;

    /* keepsWkb: for worker processes, which are told of the zones by ToWords(). */
    explicit ZoneList(bool keepsWkb) : m_keepsWkb(keepsWkb) {}
    /* Zones are the numbers of a raster, from that one on; where ranges are asked of some, only these. A place is such
     * a number. */
    static std::shared_ptr<ZoneList> OfNumbers(int64_t from);

    /* Adds a geometry of the zone at that place in the table. wkb: for other processes. trusted: it has been found to
     * be valid, whatever its coverage looks like: slivers may cross themselves by rounding. */
    void Add(int64_t place, ZoneHandle zone, std::string wkb, bool trusted);
    void SetRanges(int64_t place, Ranges ranges) { m_ranges[place] = std::move(ranges); }
    /* Drops those at `place` and beyond. */
    void DropFrom(int64_t place);
    /* All have been added: geometries of one zone come together, and those of lower dimension than others are
     * dropped. */
    void Close();

    size_t Count() const { return m_geometries.size(); }
    /* Memory that it takes, about. */
    size_t Bytes() const { return m_bytes; }
    /* The highest place there is. */
    int64_t Last() const;

    bool AreNumbers() const { return m_areNumbers; }
    /* Whether something is asked of the zone of that number. *ranges: as RangesOf() has them. */
    bool IsAsked(int64_t number, const Ranges **ranges) const;

    /* ---- when it is closed ---- */

    const fn_zone *Geometry(size_t i) const { return m_geometries[i].zone.get(); }
    bool IsTrusted(size_t i) const { return m_geometries[i].trusted; }
    /* The zone of the geometry. */
    uint32_t ZoneOf(size_t i) const { return m_geometries[i].number; }
    size_t ZoneCount() const { return m_places.size(); }
    int64_t Place(size_t zone) const { return m_places[zone]; }
    /* The zone of a place that there is. */
    uint32_t Find(int64_t place) const;
    /* NULL: all is asked of the zone. */
    const Ranges *RangesOf(size_t zone) const;

    Words ToWords() const;
    /* The words from `first` on. False: they make no sense. */
    bool FromWords(const Words &words, size_t first, const double geotransform[6], fn_error *err);
    static constexpr size_t kWords = 3;

  private:
    struct Item {
        int64_t place;
        ZoneHandle zone;
        std::string wkb;
        bool trusted;
        uint32_t number;
        size_t Bytes() const;
    };
    bool m_keepsWkb, m_areNumbers = false;
    int64_t m_from = 0;
    std::vector<Item> m_geometries;
    std::vector<int64_t> m_places;
    std::map<int64_t, Ranges> m_ranges; /* by place */
    size_t m_bytes = 0;
};

} // namespace fishnet::zonalstats

#endif
