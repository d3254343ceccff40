/* What the threads of one job read only once: windows that grow by a reach overlap, and whoever needs a block that
 * another worker has decoded finds its pixels here. It is read in units, each a block of a raster or several; it knows
 * nothing of rasters. */
#ifndef FN_FISHNET_SHARED_BLOCKS_H
#define FN_FISHNET_SHARED_BLOCKS_H

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>
#include <vector>

#include "fishnet/grid.h"

namespace fishnet
{

/* A window of a band, packed. */
struct PlanePixels {
    std::vector<char> pixels;
    std::vector<unsigned char> mask; /* 0: not valid. Empty where the band has neither mask nor alpha */
};

class SharedBlocks
{
  public:
    struct Key {
        size_t input;
        int64_t unit;         /* of the input's grid of units, or of the file of a source */
        int64_t source = -1;  /* of a VRT, if it is one's: its number */
        uint64_t bands = 0;   /* of the VRT that it has, as bits */
        fn_window place = {}; /* of the VRT that it fills; it follows from the others */
        bool operator<(const Key &other) const
        {
            return std::tie(input, source, bands, unit) < std::tie(other.input, other.source, other.bands, other.unit);
        }
    };
    using Unit = std::vector<PlanePixels>;
    using ReadUnit = std::function<bool(const Key &, Unit &)>;
    using Shared = std::shared_ptr<const Unit>;
    using UseUnit = std::function<void(const Key &, const Shared &)>;

    /* How often a unit will be visited by the whole job; 0: nobody knows. */
    using CountVisits = std::function<int64_t(const Key &)>;

    /* limit: bytes that units may have in all, beside those that are in use. Those that were visited as often as they
     * will be make room for the next one, whatever the limit; else the ones that were not used for longest go first.
     * Results are always the same: what has gone is read again. */
    explicit SharedBlocks(size_t limit, CountVisits visits = nullptr);
    SharedBlocks(const SharedBlocks &) = delete;
    SharedBlocks &operator=(const SharedBlocks &) = delete;

    /* Hands each of the units to `use`, on this thread and in any order; whoever keeps the pointer has it in use. What
     * nobody has read, `read` reads. While another thread reads a unit, this one goes on with others, and waits only
     * when there is nothing else to do: it has no unit begun then, so nobody ever waits for one that waits. False:
     * `read` has failed, or it was cancelled; others then read for themselves what this thread was to read. */
    bool Visit(std::vector<Key> wanted, const volatile bool *cancel, const ReadUnit &read, const UseUnit &use);

    /* Tells --debug how many units were read, found and dropped, if there were any. On a thread of the host. */
    void Report() const;

  private:
    struct Kept {
        Key key;
        Shared unit;
        size_t bytes;
        int64_t visits; /* to come; -1: nobody knows */
    };
    class Claim;
    struct Spares;

    std::shared_ptr<Unit> NewUnit();
    void DropFirstLocked(std::list<Kept> &dropped);
    std::vector<std::pair<Key, Shared>> Take(std::vector<Key> &wanted, Claim &claim);
    void Keep(const Key &key, const Shared &unit);

    const size_t m_limit;
    const CountVisits m_visits;
    const std::shared_ptr<Spares> m_spares;
    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    std::list<Kept> m_kept; /* those without visits to come, then the others: the one that was used last is the last */
    std::map<Key, std::list<Kept>::iterator> m_places;
    std::set<Key> m_claimed; /* those that a thread reads */
    size_t m_bytes = 0;
    int64_t m_read = 0, m_found = 0, m_dropped = 0;
};

} // namespace fishnet

#endif
