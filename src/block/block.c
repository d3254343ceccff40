/* One block of a file: decompressed, its rows taken apart. */
#include "fishnet/block.h"

#include <stdlib.h>

#include <libdeflate.h>
#include <zstd.h>

#include "array.h"
#include "samples.h"

struct fn_block_decoder {
    struct libdeflate_decompressor *deflate; /* made when they are needed */
    ZSTD_DCtx *zstd;
    uint8_t *block, *row;
    size_t block_capacity, row_capacity;
};

size_t fn_block_bytes(const fn_block_layout *layout)
{
    return (size_t)layout->width * (size_t)layout->height * (size_t)layout->samples * fn_type_size(layout->type);
}

fn_block_decoder *fn_block_decoder_new(void)
{
    return calloc(1, sizeof(fn_block_decoder));
}

void fn_block_decoder_free(fn_block_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->deflate)
        libdeflate_free_decompressor(decoder->deflate);
    ZSTD_freeDCtx(decoder->zstd);
    free(decoder->block);
    free(decoder->row);
    free(decoder);
}

/* Into decoder->block. False also where there are less than `needed` bytes in it. */
static bool decompress(fn_block_decoder *decoder, const fn_block_layout *layout, const void *bytes, size_t size,
                       size_t needed)
{
    const size_t room = fn_block_bytes(layout); /* files may have more rows than are said to be stored */
    if (!fn_reserve(&decoder->block, &decoder->block_capacity, room, 1))
        return false;
    if (layout->codec == FN_CODEC_DEFLATE) {
        size_t got = 0;
        decoder->deflate = decoder->deflate ? decoder->deflate : libdeflate_alloc_decompressor();
        return decoder->deflate &&
               libdeflate_zlib_decompress(decoder->deflate, bytes, size, decoder->block, room, &got) ==
                   LIBDEFLATE_SUCCESS &&
               got >= needed;
    }
    decoder->zstd = decoder->zstd ? decoder->zstd : ZSTD_createDCtx();
    if (!decoder->zstd)
        return false;
    const size_t got = ZSTD_decompressDCtx(decoder->zstd, decoder->block, room, bytes, size);
    return !ZSTD_isError(got) && got >= needed;
}

typedef struct fn_part { /* of a row */
    size_t first, count; /* pixels */
    size_t y;            /* counted from the first row that is wanted */
} fn_part;

static uint8_t *target(const fn_block_plane *plane, fn_part part, size_t size)
{
    return (uint8_t *)plane->pixels + part.y * (size_t)plane->stride * size;
}

/* A row without differences. */
static void take_row(const fn_block_layout *layout, const uint8_t *row, fn_part part, const fn_block_plane *planes,
                     size_t n_planes)
{
    const size_t size = fn_type_size(layout->type), samples = (size_t)layout->samples;
    for (size_t k = 0; k < n_planes; k++)
        fn_take_sample(target(&planes[k], part, size), row + (part.first * samples + (size_t)planes[k].sample) * size,
                       part.count, samples, size);
}

static void add_up_row(const fn_block_layout *layout, const uint8_t *row, fn_part part, uint8_t *scratch,
                       const fn_block_plane *planes, size_t n_planes)
{
    const size_t size = fn_type_size(layout->type), samples = (size_t)layout->samples;
    for (size_t k = 0; k < n_planes; k++) {
        uint8_t *to = target(&planes[k], part, size), *sums = part.first == 0 ? to : scratch;
        fn_add_up(sums, row + (size_t)planes[k].sample * size, part.first + part.count, samples, size);
        if (sums != to)
            memcpy(to, sums + part.first * size, part.count * size);
    }
}

static void add_up_float_row(const fn_block_layout *layout, uint8_t *row, fn_part part, uint8_t *scratch,
                             const fn_block_plane *planes, size_t n_planes)
{
    const size_t size = fn_type_size(layout->type), samples = (size_t)layout->samples, width = (size_t)layout->width;
    if (samples == 1 && part.count == width && n_planes == 1) {
        fn_add_up_bytes(target(planes, part, size), row, width, 1, size);
        return;
    }
    fn_add_up_bytes(scratch, row, width * samples, samples, size);
    take_row(layout, scratch, part, planes, n_planes);
}

bool fn_block_decode(fn_block_decoder *decoder, const fn_block_layout *layout, const void *bytes, size_t size,
                     int64_t rows, fn_window part, const fn_block_plane *planes, size_t n_planes)
{
    const size_t row_bytes = (size_t)layout->width * (size_t)layout->samples * fn_type_size(layout->type);
    const size_t needed = row_bytes * (size_t)rows;
    const bool plain = layout->codec == FN_CODEC_NONE;
    if (plain ? size < needed : !decompress(decoder, layout, bytes, size, needed))
        return false;
    const fn_predictor predictor = plain ? FN_PREDICTOR_NONE : layout->predictor;
    if (predictor != FN_PREDICTOR_NONE && !fn_reserve(&decoder->row, &decoder->row_capacity, row_bytes, 1))
        return false;
    const uint8_t *stored = plain ? bytes : decoder->block;
    for (int64_t y = 0; y < part.height; y++) {
        const size_t at = (size_t)(part.y + y) * row_bytes;
        const fn_part own = {(size_t)part.x, (size_t)part.width, (size_t)y};
        if (predictor == FN_PREDICTOR_NONE)
            take_row(layout, stored + at, own, planes, n_planes);
        else if (predictor == FN_PREDICTOR_HORIZONTAL)
            add_up_row(layout, stored + at, own, decoder->row, planes, n_planes);
        else
            add_up_float_row(layout, decoder->block + at, own, decoder->row, planes, n_planes);
    }
    return true;
}
