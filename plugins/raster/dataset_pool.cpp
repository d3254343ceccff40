#include "dataset_pool.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "cpl_conv.h"
#include "cpl_string.h"

namespace fishnet
{

static constexpr const char *kSize = "GDAL_MAX_DATASET_POOL_SIZE";
static constexpr int kDefault = 100, kMost = 1000; /* GDAL's */
static constexpr int kLevels = 8;                  /* for each worker, in a pool of our own making */
static constexpr int kForOthers = 10;              /* the host's own threads */

LargeDatasetPool::LargeDatasetPool(int workers)
{
    const char *old = CPLGetThreadLocalConfigOption(kSize, nullptr);
    m_set = !CPLGetConfigOption(kSize, nullptr) && workers * kLevels > kDefault;
    if (m_set)
        CPLSetThreadLocalConfigOption(kSize, CPLSPrintf("%d", std::min(workers * kLevels, kMost)));
    m_old = old ? old : "";
}

LargeDatasetPool::~LargeDatasetPool()
{
    if (m_set)
        CPLSetThreadLocalConfigOption(kSize, m_old.empty() ? nullptr : m_old.c_str());
}

/* Of the pool as it may have been made before us: GDAL does not tell. */
static int MostInUse()
{
    const int size = atoi(CPLGetConfigOption(kSize, "0"));
    return std::max(1, (size < 2 || size > kMost ? kDefault : size) - kForOthers);
}

static std::mutex gate;
/* Never destroyed: that would wait for workers that still do as the process ends. */
static auto &freed = *new std::condition_variable();
static int inUse = 0;

void PoolPlaces::Take() const
{
    const int most = MostInUse();
    std::unique_lock<std::mutex> lock(gate);
    freed.wait(lock, [&] { return inUse == 0 || inUse + m_places <= most; });
    inUse += m_places;
}

void PoolPlaces::GiveBack() const
{
    {
        const std::lock_guard<std::mutex> lock(gate);
        inUse -= m_places;
    }
    freed.notify_all();
}

} // namespace fishnet
