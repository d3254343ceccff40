/* Sorting networks: what is exchanged, in which order. They are Batcher's odd-even merge of runs of any length (Knuth,
 * The Art of Computer Programming 3, 5.3.4), without the exchanges that what is asked for does not need. */
#ifndef FN_EXCHANGES_H
#define FN_EXCHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FN_WIRES_MOST 65535

/* Wire a gets the smaller of the values of wires a and b, wire b the larger. Only what is needed is set. */
typedef struct fn_exchange {
    uint16_t a, b;
    bool low, high;
} fn_exchange;

typedef struct fn_exchanges {
    fn_exchange *all;
    size_t n, room;
    bool no_memory; /* then it is not a network */
} fn_exchanges;

/* Appends what sorts n wires that consist of sorted runs of `run` (the last may be shorter); `wires` becomes their
 * order: wires[0] has the smallest value. */
void fn_exchanges_sort(fn_exchanges *to, uint16_t *wires, size_t n, size_t run);
/* Leaves out what does not lead to the wires that are needed. needed: changes. */
void fn_exchanges_leave_out(fn_exchanges *of, bool *needed);
void fn_exchanges_free(fn_exchanges *exchanges);

#endif
