/* Shares of a job: each task once, alike in work, compact. */
#include "check.h"

#include <inttypes.h>

#include "fishnet/share.h"

enum { MOST = 4096 };

static void a_curve_goes_from_neighbour_to_neighbour(void)
{
    static int32_t share[MOST];
    static int64_t task[MOST + 1];
    for (int64_t side = 2; side <= 64; side *= 2) {
        const int64_t n = side * side;
        fn_shares_of_grid(side, side, NULL, (int)n, share);
        for (int64_t i = 0; i < n; i++)
            task[share[i]] = i;
        EXPECT(task[1] == 0, "begins at %" PRId64, task[1]);
        for (int64_t i = 2; i <= n; i++) {
            const int64_t right = task[i] % side - task[i - 1] % side, down = task[i] / side - task[i - 1] / side;
            EXPECT(right * right + down * down == 1, "side %" PRId64 ": %" PRId64 " after %" PRId64, side, task[i],
                   task[i - 1]);
        }
    }
}

/* No share has more than its part of the work and one task. */
static void check_shares(int64_t columns, int64_t rows, const uint32_t *weights, int parts)
{
    static int32_t share[MOST];
    static uint64_t work[MOST + 1], count[MOST + 1];
    const int64_t n = columns * rows;
    uint64_t all = 0, heaviest = 0;
    memset(work, 0, sizeof work);
    memset(count, 0, sizeof count);
    memset(share, 0, sizeof share);
    fn_shares_of_grid(columns, rows, weights, parts, share);
    for (int64_t i = 0; i < n; i++) {
        const uint32_t weight = weights ? weights[i] : 1;
        REQUIRE(share[i] >= 1 && share[i] <= parts, "share %d", share[i]);
        work[share[i]] += weight;
        count[share[i]]++;
        all += weight;
        heaviest = weight > heaviest ? weight : heaviest;
    }
    for (int part = 1; part <= parts; part++) {
        EXPECT(weights || parts > n || count[part] > 0, "%d/%d of %" PRId64 " is empty", part, parts, n);
        EXPECT(all == 0 || work[part] * (uint64_t)parts <= all + heaviest * (uint64_t)parts,
               "%d/%d: work %" PRIu64 " of %" PRIu64, part, parts, work[part], all);
    }
}

static void shares_are_alike(void)
{
    const int parts[] = {1, 2, 3, 7, 64, 1000};
    const int64_t sides[] = {1, 2, 3, 5, 8, 17, 60};
    static uint32_t weights[MOST];
    check_random random = random_for(__func__);
    for (size_t c = 0; c < sizeof sides / sizeof *sides; c++)
        for (size_t r = 0; r < sizeof sides / sizeof *sides; r++)
            for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
                const int64_t n = sides[c] * sides[r];
                check_shares(sides[c], sides[r], NULL, parts[p]);
                for (int64_t i = 0; i < n; i++)
                    weights[i] = random_bits(&random) % 3 ? (uint32_t)random_bits(&random) : 0;
                check_shares(sides[c], sides[r], weights, parts[p]);
                memset(weights, 0, sizeof weights);
                check_shares(sides[c], sides[r], weights, parts[p]);
            }
}

/* A share of a large grid is about as wide as high: its frame is no more than a few times its area. */
static void shares_are_compact(void)
{
    static int32_t share[MOST];
    fn_shares_of_grid(60, 60, NULL, 60, share);
    for (int part = 1; part <= 60; part++) {
        int64_t left = 60, right = 0, top = 60, bottom = 0, n = 0;
        for (int64_t i = 0; i < 3600; i++) {
            const int64_t x = i % 60, y = i / 60;
            if (share[i] != part)
                continue;
            n++;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y > bottom ? y : bottom;
        }
        EXPECT((right - left + 1) * (bottom - top + 1) <= 4 * n, "share %d: %" PRId64 " tasks", part, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(a_curve_goes_from_neighbour_to_neighbour),
        UNIT(shares_are_alike),
        UNIT(shares_are_compact),
    };
    return check_main(tests);
}
