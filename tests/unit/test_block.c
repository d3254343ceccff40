/* Blocks as files store them: encoded here sample by sample, as the formats say it, and decoded by the library. */
#include "check.h"

#include <libdeflate.h>
#include <zstd.h>

#include "fishnet/block.h"

enum { SIDE_MOST = 70, SAMPLES_MOST = 5, BYTES_MOST = SIDE_MOST * SIDE_MOST * SAMPLES_MOST * 8 };

static const fn_type kTypes[] = {FN_UINT8,  FN_INT8,  FN_UINT16,  FN_INT16,   FN_UINT32, FN_INT32,
                                 FN_UINT64, FN_INT64, FN_FLOAT16, FN_FLOAT32, FN_FLOAT64};

typedef struct stored {
    fn_block_layout layout;
    uint8_t values[BYTES_MOST];    /* pixel by pixel */
    uint8_t bytes[2 * BYTES_MOST]; /* as a file has them */
    uint8_t rows[BYTES_MOST];      /* before compression */
    size_t size;
} stored;

static uint64_t value_at(const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, from, size);
    return value;
}

static void store_row(stored *s, size_t y)
{
    const size_t size = fn_type_size(s->layout.type), samples = (size_t)s->layout.samples;
    const size_t n = (size_t)s->layout.width * samples, at = y * n * size;
    if (s->layout.codec == FN_CODEC_NONE || s->layout.predictor == FN_PREDICTOR_NONE) {
        memcpy(s->rows + at, s->values + at, n * size);
    } else if (s->layout.predictor == FN_PREDICTOR_HORIZONTAL) {
        for (size_t i = 0; i < n; i++) {
            const uint64_t before = i < samples ? 0 : value_at(s->values + at + (i - samples) * size, size);
            const uint64_t difference = value_at(s->values + at + i * size, size) - before;
            memcpy(s->rows + at + i * size, &difference, size);
        }
    } else {
        uint8_t sorted[SIDE_MOST * SAMPLES_MOST * 8];
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < size; k++)
                sorted[k * n + i] = s->values[at + i * size + size - 1 - k];
        for (size_t i = 0; i < n * size; i++)
            s->rows[at + i] = (uint8_t)(sorted[i] - (i < samples ? 0 : sorted[i - samples]));
    }
}

/* rows: that are stored. */
static void store(stored *s, int64_t rows)
{
    const size_t bytes = fn_block_bytes(&s->layout) / (size_t)s->layout.height * (size_t)rows;
    for (int64_t y = 0; y < rows; y++)
        store_row(s, (size_t)y);
    if (s->layout.codec == FN_CODEC_NONE) {
        memcpy(s->bytes, s->rows, bytes);
        s->size = bytes;
    } else if (s->layout.codec == FN_CODEC_DEFLATE) {
        struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
        s->size = libdeflate_zlib_compress(compressor, s->rows, bytes, s->bytes, sizeof s->bytes);
        libdeflate_free_compressor(compressor);
    } else
        s->size = ZSTD_compress(s->bytes, sizeof s->bytes, s->rows, bytes, 3);
    REQUIRE(s->size > 0 && s->size <= sizeof s->bytes, "%zu bytes", s->size);
}

static void make(stored *s, check_random *r)
{
    s->layout = (fn_block_layout){.type = kTypes[random_between(r, 0, 10)],
                                  .width = (int)random_between(r, 1, SIDE_MOST),
                                  .height = (int)random_between(r, 1, SIDE_MOST),
                                  .samples = (int)random_between(r, 1, SAMPLES_MOST),
                                  .codec = (fn_codec)random_between(r, 0, 2),
                                  .predictor = (fn_predictor)random_between(r, 1, 3)};
    if (random_between(r, 0, 1))
        s->layout.samples = 1;
    for (size_t i = 0; i < fn_block_bytes(&s->layout); i++)
        s->values[i] = (uint8_t)random_bits(r);
}

static uint8_t decoded[SAMPLES_MOST][BYTES_MOST];

static bool decode(fn_block_decoder *decoder, const stored *s, int64_t rows, fn_window part)
{
    fn_block_plane planes[SAMPLES_MOST];
    for (int k = 0; k < s->layout.samples; k++) /* any order */
        planes[k] = (fn_block_plane){(k + 1) % s->layout.samples, decoded[(k + 1) % s->layout.samples], part.width + 3};
    return fn_block_decode(decoder, &s->layout, s->bytes, s->size, rows, part, planes, (size_t)s->layout.samples);
}

static size_t wrong_values(const stored *s, fn_window part)
{
    const size_t size = fn_type_size(s->layout.type);
    size_t wrong = 0;
    for (int k = 0; k < s->layout.samples; k++)
        for (int64_t y = 0; y < part.height; y++)
            for (int64_t x = 0; x < part.width; x++) {
                const int64_t pixel = (part.y + y) * s->layout.width + part.x + x;
                wrong += memcmp(decoded[k] + (size_t)(y * (part.width + 3) + x) * size,
                                s->values + (size_t)(pixel * s->layout.samples + k) * size, size) != 0;
            }
    return wrong;
}

static fn_window any_part(check_random *r, int64_t width, int64_t rows)
{
    fn_window part = {random_between(r, 0, width - 1), random_between(r, 0, rows - 1), 0, 0};
    part.width = random_between(r, 1, width - part.x);
    part.height = random_between(r, 1, rows - part.y);
    return part;
}

static void test_what_was_stored(void)
{
    static stored s;
    check_random r = random_for(__func__);
    fn_block_decoder *decoder = fn_block_decoder_new();
    for (int i = 0; i < 3000; i++) {
        make(&s, &r);
        const int64_t rows = random_between(&r, 1, s.layout.height);
        store(&s, rows);
        const fn_window all = {0, 0, s.layout.width, rows}, part = any_part(&r, s.layout.width, rows);
        EXPECT(decode(decoder, &s, rows, all) && wrong_values(&s, all) == 0, "case %d", i);
        EXPECT(decode(decoder, &s, rows, part) && wrong_values(&s, part) == 0, "part of case %d", i);
    }
    fn_block_decoder_free(decoder);
}

/* What ends early, or is none of it, is refused; bytes behind it are passed over. */
static void test_damage(void)
{
    static stored s;
    check_random r = random_for(__func__);
    fn_block_decoder *decoder = fn_block_decoder_new();
    for (int i = 0; i < 1000; i++) {
        make(&s, &r);
        store(&s, s.layout.height);
        const fn_window all = {0, 0, s.layout.width, s.layout.height};
        const size_t size = s.size;
        s.size = (size_t)random_between(&r, 0, (int64_t)size - 1);
        EXPECT(!decode(decoder, &s, s.layout.height, all), "%zu of %zu bytes, case %d", s.size, size, i);
        s.size = size;
        if (s.layout.height > 1) {
            store(&s, s.layout.height - 1);
            EXPECT(!decode(decoder, &s, s.layout.height, all), "a row less, case %d", i);
        }
        for (int k = 0; k < 4; k++)
            s.bytes[random_between(&r, 0, (int64_t)s.size - 1)] ^= (uint8_t)(1 << random_between(&r, 0, 7));
        decode(decoder, &s, s.layout.height, all); /* as it likes */
    }
    fn_block_decoder_free(decoder);
    fn_block_decoder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(test_what_was_stored), UNIT(test_damage)};
    return check_main(tests);
}
