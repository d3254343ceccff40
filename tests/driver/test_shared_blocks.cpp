/* What threads share of the blocks that they read: each unit is read once, by one of them, whoever fails or is
 * cancelled meanwhile; memory is bounded. Exit code 1 on failure. */
#include <atomic>
#include <chrono>
#include <cstdio>
#include <new>
#include <random>
#include <string>
#include <thread>

#include <cpl_conv.h>
#include <cpl_error.h>

#include "shared_blocks.h"

using namespace fishnet;
using Key = SharedBlocks::Key;
using Unit = SharedBlocks::Unit;

static std::atomic<int> failures{0};

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

constexpr int kUnits = 200;
static const volatile bool kGoOn = false;

static std::vector<Key> Keys(int64_t first, int64_t end)
{
    std::vector<Key> keys;
    for (int64_t unit = first; unit < end; unit++)
        keys.push_back({0, unit});
    return keys;
}

/* A hundred bytes that tell the unit. */
static bool Fill(const Key &key, Unit &unit)
{
    unit.resize(1);
    unit[0].pixels.assign(100, static_cast<char>(key.unit * 7 + static_cast<int64_t>(key.input)));
    return true;
}

static void CheckUnit(const Key &key, const SharedBlocks::Shared &unit)
{
    Unit expected;
    Fill(key, expected);
    CHECK(unit->size() == 1 && (*unit)[0].pixels == expected[0].pixels);
}

static void SleepFor(int milliseconds)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

static double SecondsSince(std::chrono::steady_clock::time_point begin)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/* Windows of many threads that overlap. A unit is never read twice at the same time; each just once where there is
 * room for all, and each time where there is none. */
static void Overlapping(size_t limit)
{
    constexpr int kThreads = 8;
    SharedBlocks blocks(limit);
    std::atomic<int> reads{0}, uses{0}, atOnce[kUnits] = {};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; thread++)
        threads.emplace_back([&, thread] {
            std::mt19937 random(static_cast<unsigned>(thread));
            const auto read = [&](const Key &key, Unit &unit) {
                CHECK(atOnce[key.unit]++ == 0);
                reads++;
                if (random() % 16 == 0)
                    SleepFor(1);
                atOnce[key.unit]--;
                return Fill(key, unit);
            };
            for (int64_t first = 0; first + 10 <= kUnits; first++) {
                std::set<Key> used;
                CHECK(blocks.Visit(Keys(first, first + 10), &kGoOn, read,
                                   [&](const Key &key, const SharedBlocks::Shared &unit) {
                                       CheckUnit(key, unit);
                                       CHECK(used.insert(key).second);
                                       uses++;
                                   }));
                CHECK(used.size() == 10);
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    CHECK(uses == kThreads * (kUnits - 9) * 10);
    CHECK(reads >= kUnits && reads <= uses);
    CHECK(limit < kUnits * 100 || reads == kUnits);
    CHECK(limit > 0 || reads == uses);
}

/* The least recently used goes. */
static void Dropping()
{
    SharedBlocks blocks(250);
    std::string order;
    const auto visit = [&](int64_t number) {
        CHECK(blocks.Visit(
            Keys(number, number + 1), &kGoOn,
            [&](const Key &key, Unit &unit) {
                order += std::to_string(key.unit);
                return Fill(key, unit);
            },
            CheckUnit));
    };
    for (const int64_t number : {1, 2, 1, 3, 1, 3, 2, 3, 1})
        visit(number);
    CHECK(order == "12321");
}

/* Those that have had all their visits make room for the next one, and nobody else does. */
static void Visited()
{
    SharedBlocks blocks(1000, [](const Key &key) { return key.unit == 5 ? 0 : 2; });
    std::string order;
    const char *first = nullptr, *last = nullptr;
    const auto visit = [&](int64_t number) {
        CHECK(blocks.Visit(
            Keys(number, number + 1), &kGoOn,
            [&](const Key &key, Unit &unit) {
                order += std::to_string(key.unit);
                Fill(key, unit);
                last = unit[0].pixels.data();
                first = first ? first : last;
                return true;
            },
            CheckUnit));
    };
    for (const int64_t number : {1, 2, 5, 5, 5, 1, 3})
        visit(number);
    CHECK(order == "1253" && first == last); /* 3 lies where 1 was */
    for (const int64_t number : {2, 3, 5, 4})
        visit(number);
    CHECK(order == "12534");
    for (const int64_t number : {5, 1, 2, 3})
        visit(number);
    CHECK(order == "12534123");
}

/* One thread reads a unit, and fails: false, or an exception. Those who wait for it read it themselves. */
static void Failing(bool throws)
{
    SharedBlocks blocks(1000);
    std::atomic<bool> began{false};
    std::atomic<int> reads{0};
    std::thread failing([&] {
        bool thrown = false;
        try {
            CHECK(!blocks.Visit(
                Keys(0, 1), &kGoOn,
                [&](const Key &, Unit &) {
                    began = true;
                    SleepFor(200);
                    if (throws)
                        throw std::bad_alloc();
                    return false;
                },
                CheckUnit));
        } catch (const std::bad_alloc &) {
            thrown = true;
        }
        CHECK(thrown == throws);
    });
    while (!began)
        SleepFor(1);
    std::vector<std::thread> waiting;
    for (int i = 0; i < 3; i++)
        waiting.emplace_back([&] {
            int used = 0;
            CHECK(blocks.Visit(
                Keys(0, 2), &kGoOn,
                [&](const Key &key, Unit &unit) {
                    reads++;
                    return Fill(key, unit);
                },
                [&](const Key &key, const SharedBlocks::Shared &unit) {
                    CheckUnit(key, unit);
                    used++;
                }));
            CHECK(used == 2);
        });
    failing.join();
    for (std::thread &thread : waiting)
        thread.join();
    CHECK(reads == 2);
}

/* Who waits for a unit that takes long can be cancelled. */
static void CancelledWhileWaiting()
{
    SharedBlocks blocks(1000);
    std::atomic<bool> began{false}, ends{false};
    std::thread slow([&] {
        CHECK(blocks.Visit(
            Keys(0, 1), &kGoOn,
            [&](const Key &key, Unit &unit) {
                began = true;
                while (!ends)
                    SleepFor(1);
                return Fill(key, unit);
            },
            CheckUnit));
    });
    while (!began)
        SleepFor(1);
    volatile bool cancel = false;
    std::thread waiting([&] { CHECK(!blocks.Visit(Keys(0, 1), &cancel, Fill, CheckUnit)); });
    SleepFor(100);
    const auto begin = std::chrono::steady_clock::now();
    __atomic_store_n(&cancel, true, __ATOMIC_RELAXED);
    waiting.join();
    CHECK(SecondsSince(begin) < 2);
    ends = true;
    slow.join();
}

/* Each of two threads reads what the other wants, too, and neither ends its first unit before the other has begun. */
static void WantingEachOthers()
{
    SharedBlocks blocks(1000);
    std::atomic<int> begun{0}, reads{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 2; thread++)
        threads.emplace_back([&, thread] {
            std::vector<Key> wanted = Keys(0, 2);
            if (thread == 1)
                std::swap(wanted[0], wanted[1]);
            CHECK(blocks.Visit(
                wanted, &kGoOn,
                [&](const Key &key, Unit &unit) {
                    reads++;
                    begun++;
                    while (begun < 2)
                        SleepFor(1);
                    return Fill(key, unit);
                },
                CheckUnit));
        });
    for (std::thread &thread : threads)
        thread.join();
    CHECK(reads == 2);
}

static std::string said;

static void Reporting()
{
    CPLSetConfigOption("CPL_DEBUG", "FISHNET");
    CPLPushErrorHandler([](CPLErr, CPLErrorNum, const char *text) { said += text; });
    SharedBlocks blocks(100);
    blocks.Report();
    CHECK(said.empty());
    CHECK(blocks.Visit(Keys(0, 3), &kGoOn, Fill, CheckUnit) && blocks.Visit(Keys(2, 3), &kGoOn, Fill, CheckUnit));
    blocks.Report();
    CPLPopErrorHandler();
    CHECK(said.find("shared blocks: 3 units were read, 1 found, 2 dropped") != std::string::npos);
}

int main()
{
    Overlapping(kUnits * 100);
    Overlapping(1500);
    Overlapping(0);
    Dropping();
    Visited();
    Failing(false);
    Failing(true);
    CancelledWhileWaiting();
    WantingEachOthers();
    Reporting();
    printf(failures == 0 ? "ok\n" : "%d failures\n", failures.load());
    return failures == 0 ? 0 : 1;
}
