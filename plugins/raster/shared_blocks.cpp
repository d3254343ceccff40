#include "shared_blocks.h"

#include <chrono>
#include <utility>

#include <cpl_error.h>

#include "fishnet/job.h"

namespace fishnet
{

/* The one unit that a thread has promised to read, until it has, or gives up in whichever way. */
class SharedBlocks::Claim
{
  public:
    explicit Claim(SharedBlocks &blocks) : m_blocks(blocks) {}
    ~Claim()
    {
        if (!m_held)
            return;
        {
            const std::lock_guard<std::mutex> lock(m_blocks.m_mutex);
            m_blocks.m_claimed.erase(m_key);
        }
        m_blocks.m_changed.notify_all();
    }
    Claim(const Claim &) = delete;
    Claim &operator=(const Claim &) = delete;

    /* False: another thread reads it, or this one has a unit already. With the lock held. */
    bool TryLocked(const Key &key)
    {
        if (m_held || !m_blocks.m_claimed.insert(key).second)
            return false;
        m_key = key;
        return m_held = true;
    }
    bool IsHeld() const { return m_held; }
    const Key &GetKey() const { return m_key; }

  private:
    SharedBlocks &m_blocks;
    Key m_key = {};
    bool m_held = false;
};

/* Memory that the system hands out anew costs as much as a pass over the pixels, so that of dropped units is used
 * again. Whoever lets go of a unit last gives it back. */
struct SharedBlocks::Spares {
    static constexpr size_t kMost = 8;

    Spares() { units.reserve(kMost); }
    std::mutex mutex;
    std::vector<std::unique_ptr<Unit>> units;
};

std::shared_ptr<SharedBlocks::Unit> SharedBlocks::NewUnit()
{
    {
        std::list<Kept> done; /* whose memory becomes a spare one */
        const std::lock_guard<std::mutex> lock(m_mutex);
        if (!m_kept.empty() && m_kept.front().visits == 0)
            DropFirstLocked(done);
    }
    std::unique_ptr<Unit> unit;
    {
        const std::lock_guard<std::mutex> lock(m_spares->mutex);
        if (!m_spares->units.empty()) {
            unit = std::move(m_spares->units.back());
            m_spares->units.pop_back();
        }
    }
    if (!unit)
        unit = std::make_unique<Unit>();
    const auto giveBack = [spares = m_spares](Unit *used) {
        std::unique_ptr<Unit> owner(used);
        const std::lock_guard<std::mutex> lock(spares->mutex);
        if (spares->units.size() < Spares::kMost)
            spares->units.push_back(std::move(owner));
    };
    return {unit.release(), giveBack};
}

SharedBlocks::SharedBlocks(size_t limit, CountVisits visits)
    : m_limit(limit), m_visits(std::move(visits)), m_spares(std::make_shared<Spares>())
{
}

/* Takes those that are there out of `wanted`, and one that is now claimed. Waits a moment if there is neither. */
std::vector<std::pair<SharedBlocks::Key, SharedBlocks::Shared>> SharedBlocks::Take(std::vector<Key> &wanted,
                                                                                   Claim &claim)
{
    constexpr std::chrono::milliseconds kMoment(50); /* then see whether it was cancelled */
    std::vector<std::pair<Key, Shared>> found;
    std::vector<Key> rest;
    std::unique_lock<std::mutex> lock(m_mutex);
    for (const Key &key : wanted) {
        const auto place = m_places.find(key);
        if (place != m_places.end()) {
            Kept &kept = *place->second;
            found.emplace_back(key, kept.unit);
            kept.visits -= kept.visits > 0;
            m_kept.splice(kept.visits == 0 ? m_kept.begin() : m_kept.end(), m_kept, place->second);
        } else if (!claim.TryLocked(key))
            rest.push_back(key);
    }
    m_found += static_cast<int64_t>(found.size());
    if (rest.size() == wanted.size())
        m_changed.wait_for(lock, kMoment);
    wanted = std::move(rest);
    return found;
}

/* Keeps what was read, and drops what is too much. */
void SharedBlocks::Keep(const Key &key, const Shared &unit)
{
    size_t bytes = 0;
    for (const PlanePixels &plane : *unit)
        bytes += plane.pixels.size() + plane.mask.size();
    const int64_t visits = m_visits ? m_visits(key) : 0; /* this one included */
    /* What is dropped is freed without the lock. */
    std::list<Kept> one = {{key, unit, bytes, visits > 0 ? visits - 1 : -1}}, dropped;
    const std::lock_guard<std::mutex> lock(m_mutex);
    m_places.emplace(key, one.begin());
    m_kept.splice(one.front().visits == 0 ? m_kept.begin() : m_kept.end(), one);
    m_bytes += bytes;
    m_read++;
    while (m_bytes > m_limit)
        DropFirstLocked(dropped);
}

void SharedBlocks::DropFirstLocked(std::list<Kept> &dropped)
{
    m_bytes -= m_kept.front().bytes;
    m_places.erase(m_kept.front().key);
    dropped.splice(dropped.end(), m_kept, m_kept.begin());
    m_dropped++;
}

bool SharedBlocks::Visit(std::vector<Key> wanted, const volatile bool *cancel, const ReadUnit &read, const UseUnit &use)
{
    while (!wanted.empty()) {
        if (fn_is_cancelled(cancel))
            return false;
        Claim claim(*this);
        for (const auto &[key, unit] : Take(wanted, claim))
            use(key, unit);
        if (claim.IsHeld()) {
            const std::shared_ptr<Unit> unit = NewUnit();
            if (!read(claim.GetKey(), *unit))
                return false;
            Keep(claim.GetKey(), unit);
            use(claim.GetKey(), unit);
        }
    }
    return true;
}

void SharedBlocks::Report() const
{
    std::unique_lock<std::mutex> lock(m_mutex);
    const auto read = static_cast<long long>(m_read), found = static_cast<long long>(m_found),
               dropped = static_cast<long long>(m_dropped);
    lock.unlock();
    if (read > 0)
        CPLDebug("FISHNET", "shared blocks: %lld units were read, %lld found, %lld dropped", read, found, dropped);
}

} // namespace fishnet
