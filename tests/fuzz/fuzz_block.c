/* The bytes of a block. See README.md for the layout of the input. */
#include <string.h>

#include "check.h"
#include "fishnet/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 37, HEIGHT = 11, SAMPLES = 3 };

static uint64_t whole[SAMPLES][HEIGHT * WIDTH], parts[SAMPLES][HEIGHT * WIDTH];

static bool decode(fn_block_decoder *decoder, const fn_block_layout *layout, const uint8_t *data, size_t size,
                   fn_window part, uint64_t to[SAMPLES][HEIGHT * WIDTH])
{
    const size_t first = (size_t)(part.y * WIDTH + part.x) * fn_type_size(layout->type);
    fn_block_plane planes[SAMPLES];
    for (int k = 0; k < layout->samples; k++)
        planes[k] = (fn_block_plane){k, (char *)to[k] + first, WIDTH};
    return fn_block_decode(decoder, layout, data, size, HEIGHT, part, planes, (size_t)layout->samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const fn_block_layout layout = {.type = (fn_type)(data[0] % FN_TYPE_COUNT),
                                    .width = WIDTH,
                                    .height = HEIGHT,
                                    .samples = data[1] & 1 ? SAMPLES : 1,
                                    .codec = (fn_codec)((data[1] >> 1) % 3),
                                    .predictor = (fn_predictor)(1 + (data[1] >> 4) % 3)};
    fn_block_decoder *decoder = fn_block_decoder_new();
    CHECK(decoder);
    memset(whole, 0, sizeof whole);
    memset(parts, 0, sizeof parts);
    const bool read = decode(decoder, &layout, data + 2, size - 2, (fn_window){0, 0, WIDTH, HEIGHT}, whole);
    for (int64_t y = 0; y < HEIGHT; y += 4)
        for (int64_t x = 0; x < WIDTH; x += 20) {
            const fn_window part = {x, y, x + 20 < WIDTH ? 20 : WIDTH - x, y + 4 < HEIGHT ? 4 : HEIGHT - y};
            CHECK(decode(decoder, &layout, data + 2, size - 2, part, parts) == read);
        }
    CHECK(!read || memcmp(whole, parts, sizeof whole) == 0);
    fn_block_decoder_free(decoder);
    return 0;
}
