#include "closing.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <gdal.h>

#include "boundary.h"
#include "gdal_compat.h"
#include "handles.h"

namespace fishnet
{

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0 /* then it is a wish, as in older kernels */
#endif

namespace
{
/* At its end GDAL asks each dataset to let go of others, by address, then destroys those that VRTs have opened, and
 * then drivers: workers that were left may be reading these. A GeoTIFF that is asked closes its file. So there is
 * a dataset from then on that waits for them, at so low an address that it is asked first. */
class LastDataset final : public GDALDataset
{
  public:
    LastDataset() = default;
    ~LastDataset() override { IsThere() = false; }
    LastDataset(const LastDataset &) = delete;
    LastDataset &operator=(const LastDataset &) = delete;

    /* Below all programs and their heaps, or where there is no such place wherever there is room. */
    static void *operator new(size_t size, const std::nothrow_t &) noexcept
    {
        for (uintptr_t at = kLowest; at < kLow; at *= 2) {
            void *place = mmap(reinterpret_cast<void *>(at), size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            if (place != MAP_FAILED && reinterpret_cast<uintptr_t>(place) < kLow)
                return place;
            if (place != MAP_FAILED)
                munmap(place, size);
        }
        return malloc(size);
    }
    static void operator delete(void *place, const std::nothrow_t &) noexcept { Free(place); }
    static void operator delete(void *place) noexcept { Free(place); }

    /* If there is memory. */
    static bool Make()
    {
        static auto *driver = new GDALDriver(); /* never destroyed, and in no list */
        driver->SetDescription("MEM");          /* nothing is deleted for it */
        driver->SetMetadataItem(GDAL_DCAP_CREATE, "YES");
        driver->pfnCreate = [](const char *, int, int, int, GDALDataType, FN_CSL) -> GDALDataset * {
            return new (std::nothrow) LastDataset();
        };
        return GDALCreate(driver, "", 1, 1, 0, GDT_Byte, nullptr) != nullptr;
    }
    /* IsThere() was false, and is true already. */
    static bool Keep()
    {
        const bool made = GuardedQuietly(false, Make);
        IsThere() = made;
        return made;
    }
    static std::atomic<bool> &IsThere()
    {
        static std::atomic<bool> isThere{false};
        return isThere;
    }

    /* Where it had to wait, datasets are gone, and GDAL lists them anew. */
    int CloseDependentDatasets() override { return WaitForClosing(); }

  private:
    static constexpr uintptr_t kLowest = 0x10000, kLow = 0x400000; /* what Linux lets have; where programs begin */

    static void Free(void *place) noexcept
    {
        if (reinterpret_cast<uintptr_t>(place) < kLow)
            munmap(place, sizeof(LastDataset));
        else
            free(place);
    }
};
} // namespace

/* The crews that were left to their own threads, and the threads that ask for GDAL's lock. Never destroyed: both may
 * outlive the program's static objects. */
class Left
{
  public:
    static Left &All()
    {
        alignas(Left) static unsigned char place[sizeof(Left)];
        static Left *all = new (place) Left();
        return *all;
    }

    std::unique_lock<std::mutex> Lock() { return std::unique_lock<std::mutex>(m_mutex); }

    /* Adds a crew; gives its number. */
    uintptr_t Add(Crew *crew)
    {
        const auto lock = Lock();
        crew->m_mark = {++m_count, m_first};
        m_first = &crew->m_mark;
        return m_count;
    }

    /* Deletes a crew whose workers have stopped. Not with the lock held: it closes what it has, for which it may
     * need GDAL's. */
    static void Delete(void *user)
    {
        auto *crew = static_cast<Crew *>(user);
        Left &all = All();
        Crew::Mark mark;
        {
            const auto lock = all.Lock();
            mark = crew->m_mark;
            *all.Find(mark.number) = &mark;
        }
        delete crew;
        const auto lock = all.Lock();
        *all.Find(mark.number) = mark.next;
        all.m_changed.notify_all();
    }

    /* What follows is called with the lock held. */
    bool IsThere(uintptr_t number) { return *Find(number) != nullptr; }

    /* Starts to ask for the lock that GDAL closes datasets under, on a thread: this one may hold it. */
    void AskForLock(uintptr_t number)
    {
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old); /* signals stay with the host's threads */
        pthread_t thread;
        m_asking++;
        if (pthread_create(&thread, nullptr, Ask, reinterpret_cast<void *>(number)) == 0)
            pthread_detach(thread);
        else
            m_asking--;
        pthread_sigmask(SIG_SETMASK, &old, nullptr);
    }
    /* It was free after that crew was left. */
    bool LockWasFree(uintptr_t number) const { return m_free >= number; }

    template <class Condition> void WaitFor(std::unique_lock<std::mutex> &lock, double seconds, Condition condition)
    {
        m_changed.wait_for(lock, std::chrono::duration<double>(seconds), condition);
    }
    template <class Condition> void Wait(std::unique_lock<std::mutex> &lock, Condition condition)
    {
        m_changed.wait(lock, condition);
    }
    bool IsEmpty() const { return !m_first && m_asking == 0; }

  private:
    Crew::Mark **Find(uintptr_t number)
    {
        Crew::Mark **at = &m_first;
        while (*at && (*at)->number != number)
            at = &(*at)->next;
        return at;
    }

    static void *Ask(void *number)
    {
        const bool asked = GuardedQuietly(false, [] {
            const MessageCollector collector;
            if (!LastDataset::IsThere().exchange(true))
                return LastDataset::Keep(); /* which takes that lock */
            GDALDatasetH dataset = GDALCreate(GDALGetDriverByName("MEM"), "", 1, 1, 0, GDT_Byte, nullptr);
            if (dataset)
                GDALClose(dataset);
            return dataset != nullptr;
        });
        Left &all = All();
        const auto lock = all.Lock();
        const auto crew = reinterpret_cast<uintptr_t>(number);
        if (asked && crew > all.m_free)
            all.m_free = crew;
        all.m_asking--;
        all.m_changed.notify_all();
        return nullptr;
    }

    std::mutex m_mutex;
    std::condition_variable m_changed;
    Crew::Mark *m_first = nullptr;
    uintptr_t m_count = 0, m_free = 0;
    int m_asking = 0;
};

/* ---- closing ---- */

bool CloseCrew(Crew *crew) noexcept
{
    constexpr double kPatience = 0.1; /* seconds */
    if (crew->TryStop(kPatience)) {
        delete crew;
        return true;
    }
    Left &left = Left::All();
    crew->Leave();
    const uintptr_t number = left.Add(crew);
    if (!crew->StopBehind(Left::Delete, crew)) {
        Left::Delete(crew);
        return true;
    }
    /* A long task, or a worker that waits for the lock that the host holds while it waits for us. If that lock is to
     * be had, the workers will come to an end by themselves, and are waited for. Where it cannot be asked for, they
     * are not. */
    auto lock = left.Lock();
    left.AskForLock(number);
    left.WaitFor(lock, kPatience, [&] { return left.LockWasFree(number) || !left.IsThere(number); });
    if (left.LockWasFree(number))
        left.Wait(lock, [&] { return !left.IsThere(number); });
    return !left.IsThere(number);
}

void WaitAtEnd()
{
    const MessageCollector collector;
    if (!LastDataset::IsThere().exchange(true))
        LastDataset::Keep();
}

bool WaitForClosing()
{
    Left &left = Left::All();
    auto lock = left.Lock();
    const bool waits = !left.IsEmpty();
    left.Wait(lock, [&] { return left.IsEmpty(); });
    return waits;
}

} // namespace fishnet
