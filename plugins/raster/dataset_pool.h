/* GDAL's pool of the datasets that VRTs read. Its places must not run out: GDAL fails then, and 3.6 may go round in
 * its list for ever, with the lock of all drivers held. */
#ifndef FN_FISHNET_DATASET_POOL_H
#define FN_FISHNET_DATASET_POOL_H

#include <string>

namespace fishnet
{

/* While it lives, the pool, if it is yet to be made, gets places for so many workers. The user's
 * GDAL_MAX_DATASET_POOL_SIZE comes first. */
class LargeDatasetPool
{
  public:
    explicit LargeDatasetPool(int workers);
    ~LargeDatasetPool();
    LargeDatasetPool(const LargeDatasetPool &) = delete;
    LargeDatasetPool &operator=(const LargeDatasetPool &) = delete;

  private:
    bool m_set = false;
    std::string m_old;
};

/* Places that a thread may take at a time: each level of VRTs keeps one in use while it is read. Waits until all
 * threads of ours together take no more than a pool has that was there before. 0: takes none, waits for none. Never
 * while this thread has some. */
class PoolPlaces
{
  public:
    explicit PoolPlaces(int places) : m_places(places)
    {
        if (m_places > 0)
            Take();
    }
    ~PoolPlaces()
    {
        if (m_places > 0)
            GiveBack();
    }
    PoolPlaces(const PoolPlaces &) = delete;
    PoolPlaces &operator=(const PoolPlaces &) = delete;

  private:
    void Take() const;
    void GiveBack() const;
    int m_places;
};

} // namespace fishnet

#endif
