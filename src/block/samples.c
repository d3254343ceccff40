#include "samples.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "fishnet/simd.h"

/* ---- samples side by side ---- */

/* What is taken as it is may lie at any address. */
#define FN_SAMPLES(type)                                                                                               \
    static void take_##type(type *to, const char *from, size_t n, size_t samples)                                      \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            memcpy(&to[i], from + i * samples * sizeof(type), sizeof(type));                                           \
    }                                                                                                                  \
    static void add_up_##type(type *to, const type *from, size_t n, size_t samples)                                    \
    {                                                                                                                  \
        type sum = 0;                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
            to[i] = sum = (type)(sum + from[i * samples]);                                                             \
    }
FN_SAMPLES(uint8_t)
FN_SAMPLES(uint16_t)
FN_SAMPLES(uint32_t)
FN_SAMPLES(uint64_t)

void fn_take_sample(void *to, const void *from, size_t n, size_t samples, size_t size)
{
    if (samples == 1)
        memcpy(to, from, n * size);
    else if (size == 1)
        take_uint8_t(to, from, n, samples);
    else if (size == 2)
        take_uint16_t(to, from, n, samples);
    else if (size == 4)
        take_uint32_t(to, from, n, samples);
    else
        take_uint64_t(to, from, n, samples);
}

/* ---- differences ---- */

#ifdef __SSE2__

/* Adds up as many of the values as fill vectors, and returns how many these were: within a vector in steps of one, two,
 * four... values, and then what came before it. */
#define FN_ADD_UP_VECTORS(name, type, add, steps, last)                                                                \
    static size_t name(type *to, const type *from, size_t n)                                                           \
    {                                                                                                                  \
        const size_t lanes = sizeof(__m128i) / sizeof(type);                                                           \
        __m128i before = _mm_setzero_si128();                                                                          \
        size_t i = 0;                                                                                                  \
        for (; i + lanes <= n; i += lanes) {                                                                           \
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(from + i));                                    \
            steps;                                                                                                     \
            _mm_storeu_si128((__m128i *)(void *)(to + i), add(x, before));                                             \
            before = add(before, last);                                                                                \
        }                                                                                                              \
        return i;                                                                                                      \
    }
#define FN_STEP(add, bytes) x = add(x, _mm_slli_si128(x, bytes))
#define FN_HIGHEST_16(x) _mm_shuffle_epi32(_mm_shufflehi_epi16(x, 0xff), 0xff)

FN_ADD_UP_VECTORS(add_up_8, uint8_t, _mm_add_epi8, FN_STEP(_mm_add_epi8, 1); FN_STEP(_mm_add_epi8, 2);
                  FN_STEP(_mm_add_epi8, 4); FN_STEP(_mm_add_epi8, 8), FN_HIGHEST_16(_mm_unpackhi_epi8(x, x)))
FN_ADD_UP_VECTORS(add_up_16, uint16_t, _mm_add_epi16, FN_STEP(_mm_add_epi16, 2); FN_STEP(_mm_add_epi16, 4);
                  FN_STEP(_mm_add_epi16, 8), FN_HIGHEST_16(x))
FN_ADD_UP_VECTORS(add_up_32, uint32_t, _mm_add_epi32, FN_STEP(_mm_add_epi32, 4);
                  FN_STEP(_mm_add_epi32, 8), _mm_shuffle_epi32(x, 0xff))

#else

static size_t add_up_8(uint8_t *to, const uint8_t *from, size_t n)
{
    (void)to, (void)from, (void)n;
    return 0;
}
static size_t add_up_16(uint16_t *to, const uint16_t *from, size_t n)
{
    (void)to, (void)from, (void)n;
    return 0;
}
static size_t add_up_32(uint32_t *to, const uint32_t *from, size_t n)
{
    (void)to, (void)from, (void)n;
    return 0;
}

#endif

#ifdef FN_X86
/* The same as add_up_8(). */
__attribute__((target("avx2"))) static size_t add_up_8_avx2(uint8_t *to, const uint8_t *from, size_t n)
{
    const __m256i byte_15 = _mm256_set1_epi8(15), byte_7 = _mm256_set1_epi8(7);
    __m256i before = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + sizeof before <= n; i += sizeof before) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
        x = _mm256_add_epi8(x, _mm256_slli_si256(x, 1));
        x = _mm256_add_epi8(x, _mm256_slli_si256(x, 2));
        x = _mm256_add_epi8(x, _mm256_slli_si256(x, 4));
        x = _mm256_add_epi8(x, _mm256_slli_si256(x, 8));
        const __m256i low_half = _mm256_permute2x128_si256(x, x, 0x08); /* above zeros */
        x = _mm256_add_epi8(x, _mm256_shuffle_epi8(low_half, byte_15));
        _mm256_storeu_si256((__m256i *)(void *)(to + i), _mm256_add_epi8(x, before));
        before = _mm256_add_epi8(before, _mm256_shuffle_epi8(_mm256_permute4x64_epi64(x, 0xff), byte_7));
    }
    return i;
}

static size_t add_up_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
    return fn_simd_best() >= FN_SIMD_AVX2 ? add_up_8_avx2(to, from, n) : add_up_8(to, from, n);
}
#else
#define add_up_bytes add_up_8
#endif

#define FN_ADD_UP_ALONE(type, vectors)                                                                                 \
    static void alone_##type(type *to, const type *from, size_t n)                                                     \
    {                                                                                                                  \
        size_t i = vectors(to, from, n);                                                                               \
        for (type sum = i > 0 ? to[i - 1] : (type)0; i < n; i++)                                                       \
            to[i] = sum = (type)(sum + from[i]);                                                                       \
    }
FN_ADD_UP_ALONE(uint8_t, add_up_bytes)
FN_ADD_UP_ALONE(uint16_t, add_up_16)
FN_ADD_UP_ALONE(uint32_t, add_up_32)

void fn_add_up(void *to, const void *from, size_t n, size_t samples, size_t size)
{
    if (size == 1)
        samples == 1 ? alone_uint8_t(to, from, n) : add_up_uint8_t(to, from, n, samples);
    else if (size == 2)
        samples == 1 ? alone_uint16_t(to, from, n) : add_up_uint16_t(to, from, n, samples);
    else if (size == 4)
        samples == 1 ? alone_uint32_t(to, from, n) : add_up_uint32_t(to, from, n, samples);
    else
        add_up_uint64_t(to, from, n, samples);
}

/* ---- floating point numbers ---- */

/* Values of four bytes of as many as fill vectors: the lowest byte of all comes last. Returns how many. */
static size_t join_4(uint8_t *to, const uint8_t *bytes, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    const uint8_t *plane[4];
    for (size_t k = 0; k < 4; k++)
        plane[k] = bytes + (3 - k) * n;
    for (; i + 16 <= n; i += 16) {
        __m128i b[4];
        for (size_t k = 0; k < 4; k++)
            b[k] = _mm_loadu_si128((const __m128i *)(const void *)(plane[k] + i));
        const __m128i low[2] = {_mm_unpacklo_epi8(b[0], b[1]), _mm_unpackhi_epi8(b[0], b[1])};
        const __m128i high[2] = {_mm_unpacklo_epi8(b[2], b[3]), _mm_unpackhi_epi8(b[2], b[3])};
        __m128i *out = (__m128i *)(void *)(to + 4 * i);
        for (size_t k = 0; k < 2; k++) {
            _mm_storeu_si128(out + 2 * k, _mm_unpacklo_epi16(low[k], high[k]));
            _mm_storeu_si128(out + 2 * k + 1, _mm_unpackhi_epi16(low[k], high[k]));
        }
    }
#else
    (void)to, (void)bytes, (void)n;
#endif
    return i;
}

/* The same of eight. */
static size_t join_8(uint8_t *to, const uint8_t *bytes, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= n; i += 16) {
        __m128i b[8], pair[2], quad[4];
        for (size_t k = 0; k < 8; k++)
            b[k] = _mm_loadu_si128((const __m128i *)(const void *)(bytes + (7 - k) * n + i));
        __m128i *out = (__m128i *)(void *)(to + 8 * i);
        for (size_t half = 0; half < 2; half++) { /* quad[0], quad[1]: bytes 0 to 3; the others: 4 to 7 */
            for (size_t k = 0; k < 4; k += 2) {
                for (size_t j = 0; j < 2; j++)
                    pair[j] = half ? _mm_unpackhi_epi8(b[2 * (k + j)], b[2 * (k + j) + 1])
                                   : _mm_unpacklo_epi8(b[2 * (k + j)], b[2 * (k + j) + 1]);
                quad[k] = _mm_unpacklo_epi16(pair[0], pair[1]);
                quad[k + 1] = _mm_unpackhi_epi16(pair[0], pair[1]);
            }
            for (size_t k = 0; k < 2; k++) {
                _mm_storeu_si128(out++, _mm_unpacklo_epi32(quad[k], quad[k + 2]));
                _mm_storeu_si128(out++, _mm_unpackhi_epi32(quad[k], quad[k + 2]));
            }
        }
    }
#else
    (void)to, (void)bytes, (void)n;
#endif
    return i;
}

void fn_add_up_bytes(void *to, void *bytes, size_t n, size_t samples, size_t size)
{
    uint8_t *own = bytes, *out = to;
    if (samples == 1)
        alone_uint8_t(own, own, n * size);
    else
        for (size_t i = samples; i < n * size; i++)
            own[i] = (uint8_t)(own[i] + own[i - samples]);
    for (size_t i = size == 4 ? join_4(to, bytes, n) : size == 8 ? join_8(to, bytes, n) : 0; i < n; i++)
        for (size_t k = 0; k < size; k++)
            out[i * size + k] = own[(size - 1 - k) * n + i];
}
