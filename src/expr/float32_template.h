/* One operation on Float32 that gives Float32, without the way over doubles and registers. Included by
 * kernels_template.h.
 *
 * The bits are the same: where a double that is one sum, difference, product, quotient or square root of Float32 is
 * rounded to Float32, it becomes what arithmetic in Float32 gives, because 53 bits are at least twice 24 and two more
 * (Figueroa, "When is double rounding innocuous?", 1995). Subnormal results have fewer bits, and it holds for them. */

/* What is stored for v: as store_f32() does. */
#define FLOAT32_STORED(v) (ISNAN(v) ? nd : (v) == nd ? beside : (v))
#define FLOAT32_LOADED(x, nodata) ((x) == (nodata) ? NAN : (x))

static void float32_sqrt(const fn_float32_operands *of, size_t n)
{
    const float *pa = of->in[0];
    const float na = of->nodata[0], nd = of->stored_nodata, beside = of->beside;
    float *out = of->out;
    LOOP
    {
        const float v = sqrtf(FLOAT32_LOADED(pa[i], na));
        out[i] = FLOAT32_STORED(v);
    }
}

#define FLOAT32_BINARY(name, operator)                                                                                 \
    static void float32_##name(const fn_float32_operands *of, size_t n)                                                \
    {                                                                                                                  \
        const float *pa = of->in[0], *pb = of->in[1];                                                                  \
        const float na = of->nodata[0], nb = of->nodata[1], nd = of->stored_nodata, beside = of->beside;               \
        float *out = of->out;                                                                                          \
        if (pa && pb)                                                                                                  \
            LOOP                                                                                                       \
            {                                                                                                          \
                const float v = FLOAT32_LOADED(pa[i], na) operator FLOAT32_LOADED(pb[i], nb);                          \
                out[i] = FLOAT32_STORED(v);                                                                            \
            }                                                                                                          \
        else if (pa) {                                                                                                 \
            const float b = of->constant[1];                                                                           \
            LOOP                                                                                                       \
            {                                                                                                          \
                const float v = FLOAT32_LOADED(pa[i], na) operator b;                                                  \
                out[i] = FLOAT32_STORED(v);                                                                            \
            }                                                                                                          \
        } else {                                                                                                       \
            const float a = of->constant[0];                                                                           \
            LOOP                                                                                                       \
            {                                                                                                          \
                const float v = a operator FLOAT32_LOADED(pb[i], nb);                                                  \
                out[i] = FLOAT32_STORED(v);                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }
FLOAT32_BINARY(add, +)
FLOAT32_BINARY(sub, -)
FLOAT32_BINARY(mul, *)
FLOAT32_BINARY(div, /)
