/* Included once for each instruction set, after defining FN_LIST_TABLE. Plain C that the compiler vectorizes. */
#include <math.h>

#include "list_loops.h"

#define EACH(n) _Pragma("omp simd") for (size_t i = 0; i < (n); i++)

/* Is no value, whatever NoData is: of floats alone. */
#define NEVER(x) false
#define IS_NAN(x) ((x) != (x))

#define LOOPS(name, type, member, largest, is_none)                                                                    \
    enum { lanes_##name = FN_WIRE_BYTES / sizeof(type) };                                                              \
                                                                                                                       \
    static void take_##name(void *wire, uint16_t *count, const fn_plane *plane, size_t first, size_t n, bool nodata)   \
    {                                                                                                                  \
        const type *in = (const type *)plane->data + first;                                                            \
        const uint8_t *mask = nodata && plane->mask ? plane->mask + first : NULL;                                      \
        const bool has = nodata && plane->nodata.set;                                                                  \
        const type none = has ? (type)plane->nodata.value.member : (type)0;                                            \
        type *to = wire;                                                                                               \
        if (mask)                                                                                                      \
            EACH(n)                                                                                                    \
            {                                                                                                          \
                const type x = in[i];                                                                                  \
                const bool valid = !((has & (x == none)) | is_none(x) | (mask[i] == 0));                               \
                to[i] = valid ? x : (largest);                                                                         \
                count[i] = (uint16_t)(count[i] + valid);                                                               \
            }                                                                                                          \
        else                                                                                                           \
            EACH(n)                                                                                                    \
            {                                                                                                          \
                const type x = in[i];                                                                                  \
                const bool valid = !((has & (x == none)) | is_none(x));                                                \
                to[i] = valid ? x : (largest);                                                                         \
                count[i] = (uint16_t)(count[i] + valid);                                                               \
            }                                                                                                          \
    }                                                                                                                  \
                                                                                                                       \
    static void exchange_##name(void *wires, const fn_exchange *all, size_t n_all)                                     \
    {                                                                                                                  \
        for (size_t k = 0; k < n_all; k++) {                                                                           \
            const fn_exchange x = all[k];                                                                              \
            type *a = (type *)wires + (size_t)x.a * lanes_##name, *b = (type *)wires + (size_t)x.b * lanes_##name;     \
            EACH(lanes_##name)                                                                                         \
            {                                                                                                          \
                const type p = a[i], q = b[i];                                                                         \
                a[i] = p < q ? p : q;                                                                                  \
                b[i] = p > q ? p : q;                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void value_##name(double *out, const void *wire, size_t n)                                                  \
    {                                                                                                                  \
        const type *in = wire;                                                                                         \
        EACH(n) out[i] = (double)in[i];                                                                                \
    }                                                                                                                  \
                                                                                                                       \
    static double value_at_##name(const void *wire, size_t lane)                                                       \
    {                                                                                                                  \
        return (double)((const type *)wire)[lane];                                                                     \
    }                                                                                                                  \
                                                                                                                       \
    static void mode_##name(double *out, bool *tied, const void *const *wires, size_t n_wires, const uint16_t *count,  \
                            size_t n)                                                                                  \
    {                                                                                                                  \
        uint16_t run[lanes_##name] = {0}, most[lanes_##name] = {0};                                                    \
        type best[lanes_##name] = {0};                                                                                 \
        for (size_t i = 0; i < n; i++)                                                                                 \
            tied[i] = false;                                                                                           \
        for (size_t k = 0; k < n_wires; k++) {                                                                         \
            const type *at = wires[k], *before = wires[k > 0 ? k - 1 : 0];                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const bool there = k < count[i];                                                                       \
                run[i] = (uint16_t)(at[i] == before[i] ? run[i] + 1 : 1);                                              \
                const bool more = there & (run[i] > most[i]);                                                          \
                tied[i] = (!more) & (tied[i] | (there & (run[i] == most[i])));                                         \
                most[i] = more ? run[i] : most[i];                                                                     \
                best[i] = more ? at[i] : best[i];                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        EACH(n) out[i] = (double)best[i];                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void variety_##name(double *out, const void *const *wires, size_t n_wires, const uint16_t *count, size_t n) \
    {                                                                                                                  \
        uint16_t differ[lanes_##name] = {0};                                                                           \
        for (size_t k = 0; k < n_wires; k++) {                                                                         \
            const type *at = wires[k], *before = wires[k > 0 ? k - 1 : 0];                                             \
            EACH(n) differ[i] = (uint16_t)(differ[i] + ((k < count[i]) & ((k == 0) | (at[i] != before[i]))));          \
        }                                                                                                              \
        EACH(n) out[i] = differ[i];                                                                                    \
    }

LOOPS(u8, uint8_t, u, UINT8_MAX, NEVER)
LOOPS(u16, uint16_t, u, UINT16_MAX, NEVER)
LOOPS(i16, int16_t, i, INT16_MAX, NEVER)
LOOPS(f32, float, f, (float)INFINITY, IS_NAN)
LOOPS(f64, double, f, (double)INFINITY, IS_NAN)

#define OF_TYPE(name)                                                                                                  \
    {                                                                                                                  \
        take_##name, exchange_##name, value_##name, value_at_##name, mode_##name, variety_##name, lanes_##name         \
    }
const fn_list_loops FN_LIST_TABLE[FN_TYPE_COUNT] = {
    [FN_UINT8] = OF_TYPE(u8),    [FN_UINT16] = OF_TYPE(u16),  [FN_INT16] = OF_TYPE(i16),
    [FN_FLOAT32] = OF_TYPE(f32), [FN_FLOAT64] = OF_TYPE(f64),
};
