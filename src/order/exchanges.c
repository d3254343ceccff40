#include "exchanges.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

static void add_exchange(fn_exchanges *to, uint16_t a, uint16_t b)
{
    if (to->no_memory || !fn_reserve(&to->all, &to->room, to->n + 1, sizeof *to->all))
        to->no_memory = true;
    else
        to->all[to->n++] = (fn_exchange){a, b, true, true};
}

/* Merges the wires x[0], x[step]... (n_x of them, sorted) and y into out. room: for n_x + n_y wires, and as many again
 * for what is merged within. */
static void merge_wires(fn_exchanges *to, const uint16_t *x, size_t n_x, const uint16_t *y, size_t n_y, size_t step,
                        uint16_t *out, uint16_t *room)
{
    if (n_x == 0 || n_y == 0) {
        for (size_t i = 0; i < n_x + n_y; i++)
            out[i] = n_x > 0 ? x[i * step] : y[i * step];
        return;
    }
    if (n_x == 1 && n_y == 1) {
        add_exchange(to, x[0], y[0]);
        out[0] = x[0];
        out[1] = y[0];
        return;
    }
    const size_t n_even = (n_x + 1) / 2 + (n_y + 1) / 2, n_odd = n_x / 2 + n_y / 2;
    uint16_t *even = room, *odd = room + n_even, *within = odd + n_odd;
    merge_wires(to, x, (n_x + 1) / 2, y, (n_y + 1) / 2, 2 * step, even, within);
    merge_wires(to, x + step, n_x / 2, y + step, n_y / 2, 2 * step, odd, within);
    out[0] = even[0];
    for (size_t i = 0; i < n_odd && i + 1 < n_even; i++) {
        add_exchange(to, odd[i], even[i + 1]);
        out[2 * i + 1] = odd[i];
        out[2 * i + 2] = even[i + 1];
    }
    if (n_odd >= n_even) /* as many of both: the last has no partner */
        out[n_x + n_y - 1] = odd[n_odd - 1];
    for (size_t i = n_odd + 1; i < n_even; i++)
        out[n_odd + i] = even[i];
}

static void sort_wires(fn_exchanges *to, uint16_t *wires, size_t n, size_t run, uint16_t *room)
{
    if (n <= run)
        return;
    const size_t first = (n + run - 1) / run / 2 * run;
    sort_wires(to, wires, first, run, room);
    sort_wires(to, wires + first, n - first, run, room);
    merge_wires(to, wires, first, wires + first, n - first, 1, room, room + n);
    memcpy(wires, room, n * sizeof *wires);
}

void fn_exchanges_sort(fn_exchanges *to, uint16_t *wires, size_t n, size_t run)
{
    /* merged wires, and half as many at each level within, each rounded up */
    uint16_t *room = malloc((3 * n + 64) * sizeof *room);
    if (room)
        sort_wires(to, wires, n, run, room);
    else
        to->no_memory = true;
    free(room);
}

void fn_exchanges_leave_out(fn_exchanges *of, bool *needed)
{
    size_t kept = of->n;
    for (size_t i = of->n; i-- > 0;) {
        fn_exchange x = of->all[i];
        x.low = needed[x.a];
        x.high = needed[x.b];
        if (!x.low && !x.high)
            continue;
        needed[x.a] = needed[x.b] = true;
        of->all[--kept] = x;
    }
    if (kept > 0)
        memmove(of->all, of->all + kept, (of->n - kept) * sizeof *of->all);
    of->n -= kept;
}

void fn_exchanges_free(fn_exchanges *exchanges)
{
    free(exchanges->all);
    *exchanges = (fn_exchanges){0};
}
