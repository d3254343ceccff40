#include "fishnet/share.h"

/* A walk over all tasks. */
typedef struct curve {
    int64_t columns, rows;
    const uint32_t *weights;
    unsigned __int128 before, all; /* weights of the tasks behind, and of all */
    int shares;
    int32_t *share;
} curve;

/* A task belongs to the share that its middle lies in. */
static void meet_task(curve *c, int64_t task)
{
    const uint32_t weight = c->weights ? c->weights[task] : 1;
    const unsigned __int128 middle = 2 * c->before + weight;
    const int share = (int)(middle * (unsigned)c->shares / (2 * c->all));
    c->share[task] = share < c->shares ? share + 1 : c->shares; /* those at the end may weigh nothing */
    c->before += weight;
}

/* The curve through a square visits its quadrants in a U, and the quadrants of each of them in a U that is mirrored or
 * turned: reversed: both axes are; swapped: they are exchanged. */
static void walk_square(curve *c, int64_t x, int64_t y, int64_t side, bool reversed, bool swapped)
{
    if (x >= c->columns || y >= c->rows)
        return;
    if (side == 1) {
        meet_task(c, y * c->columns + x);
        return;
    }
    const int64_t half = side / 2;
    for (int quarter = 0; quarter < 4; quarter++) {
        const bool along = quarter >= 2, across = quarter == 1 || quarter == 2; /* of the U as it stands */
        const bool right = (swapped ? across : along) != reversed, down = (swapped ? along : across) != reversed;
        walk_square(c, x + (right ? half : 0), y + (down ? half : 0), half, reversed != (quarter == 3),
                    swapped != (quarter == 0 || quarter == 3));
    }
}

void fn_shares_of_grid(int64_t columns, int64_t rows, const uint32_t *weights, int shares, int32_t *share)
{
    curve c = {.columns = columns, .rows = rows, .weights = weights, .shares = shares, .share = share};
    for (int64_t task = 0; weights && task < columns * rows; task++)
        c.all += weights[task];
    if (c.all == 0) {
        c.weights = NULL;
        c.all = (unsigned __int128)columns * (unsigned __int128)rows;
    }
    int64_t side = 1;
    while (side < columns || side < rows)
        side *= 2;
    walk_square(&c, 0, 0, side, false, false);
}
