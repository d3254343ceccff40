/* The grid of tiles, and which tiles a reader wants next. */
#include "check.h"

#include <inttypes.h>
#include <limits.h>

#include "fishnet/grid.h"

#define WINDOW "%" PRId64 ",%" PRId64 " %" PRId64 "x%" PRId64
#define SHOW(w) (w).x, (w).y, (w).width, (w).height

static bool same_window(fn_window a, fn_window b)
{
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

static bool has_tile(fn_window tiles, int64_t col, int64_t row)
{
    return col >= tiles.x && col < tiles.x + tiles.width && row >= tiles.y && row < tiles.y + tiles.height;
}

static void init_refuses_empty(void)
{
    static const struct {
        int64_t width, height;
        int tile_width, tile_height;
    } bad[] = {{0, 5, 2, 2},  {5, 0, 2, 2},  {5, 5, 0, 2}, {5, 5, 2, 0},         {-1, 5, 2, 2},     {5, -1, 2, 2},
               {5, 5, -2, 2}, {5, 5, 2, -2}, {0, 0, 0, 0}, {INT64_MIN, 5, 2, 2}, {5, 5, INT_MIN, 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fn_grid grid;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status status =
            fn_grid_init(&grid, bad[i].width, bad[i].height, bad[i].tile_width, bad[i].tile_height, &err);
        EXPECT(status == FN_ERR_ARGUMENT && err.status == FN_ERR_ARGUMENT, "case %zu", i);
        EXPECT_ERROR_TEXT(err, "case %zu", i);
        EXPECT(fn_grid_init(&grid, bad[i].width, bad[i].height, bad[i].tile_width, bad[i].tile_height, NULL) ==
                   FN_ERR_ARGUMENT,
               "case %zu without err", i);
    }
}

static void init_cuts_large_tiles(void)
{
    fn_grid grid;
    REQUIRE(fn_grid_init(&grid, 100, 30, 512, 256, NULL) == FN_OK, "init");
    EXPECT(grid.tile_width == 100 && grid.tile_height == 30, "%dx%d", grid.tile_width, grid.tile_height);
    EXPECT(grid.cols == 1 && grid.rows == 1 && fn_grid_tile_count(&grid) == 1, "one tile");
    EXPECT(same_window(fn_grid_tile(&grid, 0), (fn_window){0, 0, 100, 30}), "the raster");
}

static void init_above(void)
{
    fn_grid grid;
    fn_error err;
    REQUIRE(fn_grid_init_above(&grid, 100, 300, 100, 64, 40, NULL) == FN_OK, "init");
    EXPECT(grid.rows == 6 && grid.above == 40, "%" PRId64 " rows", grid.rows);
    EXPECT(same_window(fn_grid_tile(&grid, 0), (fn_window){0, 0, 100, 24}), "the first");
    EXPECT(same_window(fn_grid_tile(&grid, 5), (fn_window){0, 280, 100, 20}), "the last");
    REQUIRE(fn_grid_init_above(&grid, 100, 10, 100, 64, 40, NULL) == FN_OK, "init");
    EXPECT(grid.rows == 1 && same_window(fn_grid_tile(&grid, 0), (fn_window){0, 0, 100, 10}), "lower than a tile");
    for (int above = -1; above <= 64; above += 65)
        EXPECT(fn_grid_init_above(&grid, 100, 300, 100, 64, above, &err) == FN_ERR_ARGUMENT, "%d lines above", above);
}

static void init_large_rasters(void)
{
    fn_grid grid;
    REQUIRE(fn_grid_init(&grid, INT_MAX, INT_MAX, 1, 1, NULL) == FN_OK, "init");
    int64_t count = (int64_t)INT_MAX * INT_MAX;
    EXPECT(fn_grid_tile_count(&grid) == count, "%" PRId64, fn_grid_tile_count(&grid));
    fn_window last = fn_grid_tile(&grid, count - 1);
    EXPECT(same_window(last, (fn_window){INT_MAX - 1, INT_MAX - 1, 1, 1}), WINDOW, SHOW(last));
    REQUIRE(fn_grid_init(&grid, INT_MAX, INT_MAX, FN_TILE_MAX, FN_TILE_MAX, NULL) == FN_OK, "init");
    EXPECT(grid.cols == 32768 && grid.rows == 32768, "%" PRId64 "x%" PRId64, grid.cols, grid.rows);
    fn_window all = fn_grid_touch(&grid, (fn_window){0, 0, INT_MAX, INT_MAX});
    EXPECT(same_window(all, (fn_window){0, 0, 32768, 32768}), WINDOW, SHOW(all));
    last = fn_grid_tile(&grid, fn_grid_tile_count(&grid) - 1);
    EXPECT(last.x + last.width == INT_MAX && last.y + last.height == INT_MAX, WINDOW, SHOW(last));
}

/* Every small grid: each pixel in exactly one tile, each window touches exactly the tiles of its pixels. */
static void tiles_and_touch_exhaustive(void)
{
    for (int width = 1; width <= 7; width++)
        for (int height = 1; height <= 6; height++)
            for (int tile_width = 1; tile_width <= 8; tile_width++)
                for (int tile_height = 1; tile_height <= 7; tile_height++) {
                    const int above = (3 * width + 5 * height) % tile_height; /* each, one time or another */
                    fn_grid grid;
                    REQUIRE(fn_grid_init_above(&grid, width, height, tile_width, tile_height, above, NULL) == FN_OK,
                            "init");
                    EXPECT(grid.width == width && grid.height == height, "%dx%d", width, height);
                    int owner[6][7];
                    memset(owner, -1, sizeof owner);
                    int64_t count = fn_grid_tile_count(&grid);
                    EXPECT(count == grid.cols * grid.rows, "%" PRId64, count);
                    for (int64_t t = 0; t < count; t++) {
                        fn_window w = fn_grid_tile(&grid, t);
                        REQUIRE(w.x >= 0 && w.y >= 0 && w.width > 0 && w.height > 0 && w.x + w.width <= width &&
                                    w.y + w.height <= height,
                                "tile %" PRId64 " is " WINDOW, t, SHOW(w));
                        EXPECT(w.width <= tile_width && w.height <= tile_height, WINDOW, SHOW(w));
                        for (int64_t y = w.y; y < w.y + w.height; y++)
                            for (int64_t x = w.x; x < w.x + w.width; x++) {
                                EXPECT(owner[y][x] == -1, "pixel in two tiles");
                                owner[y][x] = (int)t;
                            }
                    }
                    for (int y = 0; y < height; y++)
                        for (int x = 0; x < width; x++)
                            EXPECT(owner[y][x] == (y + above) / tile_height * (int)grid.cols + x / tile_width,
                                   "pixel %d,%d is in tile %d", x, y, owner[y][x]);
                    for (int x0 = 0; x0 < width; x0++)
                        for (int x1 = x0 + 1; x1 <= width; x1++)
                            for (int y0 = 0; y0 < height; y0++)
                                for (int y1 = y0 + 1; y1 <= height; y1++) {
                                    fn_window got = fn_grid_touch(&grid, (fn_window){x0, y0, x1 - x0, y1 - y0});
                                    int first = owner[y0][x0], last = owner[y1 - 1][x1 - 1];
                                    int64_t col = first % grid.cols, row = first / grid.cols;
                                    fn_window want = {col, row, last % grid.cols - col + 1, last / grid.cols - row + 1};
                                    EXPECT(same_window(got, want),
                                           "%d,%d-%d,%d of %dx%d in %dx%d: " WINDOW " not " WINDOW, x0, y0, x1, y1,
                                           width, height, tile_width, tile_height, SHOW(got), SHOW(want));
                                }
                }
}

/* Each line is in one part, whatever the units are; parts begin between these where there are enough. */
static void parts_are_each_line_once(void)
{
    for (int height = 1; height <= 40; height++)
        for (int tile = 1; tile <= height + 1; tile++)
            for (int block = 1; block <= tile; block++)
                for (int parts = 1; parts <= height + 1; parts++) {
                    const int tiles = (height + tile - 1) / tile, blocks = (height + block - 1) / block;
                    const int unit = parts <= tiles ? tile : parts <= blocks ? block : 1;
                    int64_t line = 0;
                    for (int part = 1; part <= parts; part++) {
                        int64_t first = -1, lines = -1;
                        fn_error err;
                        const fn_status status = fn_grid_part(height, tile, block, part, parts, &first, &lines, &err);
                        if (parts > height) {
                            EXPECT(status == FN_ERR_ARGUMENT && first == -1 && lines == -1, "%d lines, %d parts",
                                   height, parts);
                            EXPECT_ERROR_TEXT(err, "%d lines, %d parts", height, parts);
                            continue;
                        }
                        EXPECT(status == FN_OK && first == line && lines > 0 && first % unit == 0,
                               "%d lines, tiles of %d, blocks of %d: part %d of %d is %" PRId64 "+%" PRId64, height,
                               tile, block, part, parts, first, lines);
                        line = first + lines;
                    }
                    EXPECT(parts > height || line == height, "%d lines, %d parts", height, parts);
                }
    int64_t first = -1, lines = -1;
    EXPECT(fn_grid_part(10, 4, 2, 0, 2, &first, &lines, NULL) == FN_ERR_ARGUMENT, "part 0");
    EXPECT(fn_grid_part(10, 4, 2, 3, 2, &first, &lines, NULL) == FN_ERR_ARGUMENT, "part 3 of 2");
    EXPECT(fn_grid_part(INT_MAX, 1, 1, 1000000000, 1000000000, &first, &lines, NULL) == FN_OK &&
               first + lines == INT_MAX,
           "large");
}

static void expect_auto(int64_t width, int64_t height, int block_width, int block_height, size_t bytes, int want_width,
                        int want_height)
{
    int w = -1, h = -1;
    fn_grid_auto_tile(width, height, block_width, block_height, bytes, &w, &h);
    EXPECT((w < width ? w : width) == want_width && (h < height ? h : height) == want_height,
           "%" PRId64 "x%" PRId64 " in %dx%d, %zu bytes: tiles %dx%d, not %dx%d", width, height, block_width,
           block_height, bytes, w, h, want_width, want_height);
}

static void auto_tile_common(void)
{
    expect_auto(20000, 20000, 512, 512, 4, 512, 512);
    expect_auto(20000, 20000, 256, 256, 4, 256, 256);
    expect_auto(20000, 20000, 128, 128, 4, 512, 512);
    expect_auto(20000, 20000, 64, 64, 8, 512, 512);
    expect_auto(20000, 20000, 1024, 1024, 4, 1024, 1024);
    expect_auto(20000, 20000, 512, 256, 4, 512, 256);
    expect_auto(20000, 20000, 255, 255, 4, 510, 510);
    expect_auto(20000, 20000, 20000, 1, 4, 20000, 13);
    expect_auto(20000, 20000, 20000, 16, 4, 20000, 16);
    expect_auto(20000, 20000, 16, 16, 4, 512, 512);
    /* One block is the whole raster. */
    expect_auto(300, 200, 300, 200, 4, 300, 200);
    expect_auto(100, 100, 256, 256, 1, 100, 100);
    expect_auto(1, 1, 1, 1, 1, 1, 1);
    expect_auto(5000, 3000, 5000, 3000, 1, 5000, 3000); /* 15 million pixels stay whole */
}

static void expect_strips(int64_t width, int64_t height, int block_height, int halo, size_t bytes, int want_height)
{
    int w = -1, h = -1;
    fn_grid_strips(width, height, block_height, halo, bytes, &w, &h);
    EXPECT(w == width && h == want_height,
           "%" PRId64 "x%" PRId64 ", blocks of %d rows, %d around, %zu bytes: strips %dx%d, not %d high", width, height,
           block_height, halo, bytes, w, h, want_height);
}

static void strips(void)
{
    expect_strips(20000, 20000, 1, 1, 4, 64); /* two rows of 64 are read twice */
    expect_strips(2401, 1201, 1, 1, 4, 150);
    expect_strips(1300, 800, 1, 1, 4, 100);
    expect_strips(100, 20, 1, 1, 4, 20);
    expect_strips(20000, 20000, 256, 1, 1, 4 * 256 + 3); /* five rows of blocks for four */
    expect_strips(20000, 20000, 256, 0, 4, 256);         /* nothing is read twice */
    expect_strips(1300, 800, 256, 5, 4, 256 + 11);
    expect_strips(1300, 800, 4096, 1, 4, 100); /* one block is the raster */
    expect_strips(4000000, 20000, 1, 1, 8, 1);
    expect_strips(1, 1, 1, 1, 1, 1);
}

static void expect_large(int64_t width, int64_t height, int block_width, int block_height, int want_width,
                         int want_height)
{
    int w = -1, h = -1;
    fn_grid_large_tile(width, height, block_width, block_height, 2, &w, &h);
    EXPECT(w == want_width && h == want_height, "%" PRId64 "x%" PRId64 " in blocks of %dx%d: tiles %dx%d, not %dx%d",
           width, height, block_width, block_height, w, h, want_width, want_height);
}

static void large_tiles(void)
{
    expect_large(12739, 6342, 512, 128, 1024, 1024);
    expect_large(12739, 6342, 12739, 128, 12739, 512); /* 12 strips; 1024 rows would give 6 */
    expect_large(12739, 20000, 12739, 128, 12739, 1024);
    expect_large(40000, 20000, 40000, 128, 40000, 256); /* 32 MB */
    expect_large(1300, 800, 512, 128, 512, 128);
}

static void expect_remote(fn_remote_source source, size_t bytes, int want_width, int want_height)
{
    int w = -1, h = -1;
    fn_grid_remote_tile(&source, bytes, &w, &h);
    EXPECT(w == want_width && h == want_height,
           "%" PRId64 "x%" PRId64 " in blocks of %dx%d, %g stored, %zu bytes: tiles %dx%d, not %dx%d", source.width,
           source.height, source.block_width, source.block_height, source.stored_per_pixel, bytes, w, h, want_width,
           want_height);
}

static void remote_tiles(void)
{
    expect_remote((fn_remote_source){6000, 6000, 6000, 256, 256, 1.5}, 6, 6000, 256);
    expect_remote((fn_remote_source){6000, 100, 6000, 256, 256, 1.5}, 6, 6000, 100);
    expect_remote((fn_remote_source){6000, 60000, 6000, 6000, 1, 1.5}, 6, 6000, 174); /* a million pixels */
    expect_remote((fn_remote_source){6000, 6000, 6000, 64, 64, 1.5}, 6, 6000, 128);   /* 32 strips and more */
    expect_remote((fn_remote_source){6000, 600, 6000, 6000, 1, 1.5}, 6, 6000, 18);
    expect_remote((fn_remote_source){60000, 6000, 60000, 512, 512, 4}, 4, 3584, 512);       /* 8 MB stored */
    expect_remote((fn_remote_source){60000, 6000, 60000, 512, 512, 0}, 16, 4096, 512);      /* 32 MB */
    expect_remote((fn_remote_source){60000, 60000, 10980, 512, 512, 0.1}, 4, 10980, 512);   /* a file of many */
    expect_remote((fn_remote_source){30000, 30000, 30000, 30000, 30000, 1}, 4, 30000, 559); /* cut otherwise */
    expect_remote((fn_remote_source){1, 1, 1, 0, 0, 0}, 0, 1, 1);
}

static void remote_tiles_properties(void)
{
    check_random r = random_for("remote_tiles_properties");
    for (int i = 0; i < 20000; i++) {
        const fn_remote_source source = {.width = random_between(&r, 1, (int64_t)1 << random_between(&r, 0, 24)),
                                         .height = random_between(&r, 1, 50000),
                                         .files = random_between(&r, 0, 20000),
                                         .block_width = (int)random_between(&r, 1, 2000),
                                         .block_height = (int)random_between(&r, 1, 2000),
                                         .stored_per_pixel = (double)random_between(&r, 0, 100) / 8};
        const size_t bytes = (size_t)random_between(&r, 1, 40);
        int w = -1, h = -1;
        fn_grid_remote_tile(&source, bytes, &w, &h);
        EXPECT(w >= 1 && w <= source.width && h >= 1 && h <= source.height, "%dx%d", w, h);
        const int64_t pixels = (int64_t)w * h;
        const bool is_block = w <= source.block_width && h <= source.block_height;
        EXPECT(is_block || pixels * (int64_t)bytes <= 32 << 20 || w == source.width, "%dx%d of %zu bytes", w, h, bytes);
        EXPECT(is_block || (double)pixels * source.stored_per_pixel <= 8e6 + 1 || source.block_width > 1000 ||
                   source.block_height > 500,
               "%dx%d of %g stored", w, h, source.stored_per_pixel);
    }
}

static void strips_and_large_tiles_properties(void)
{
    check_random r = random_for("strips_and_large_tiles_properties");
    for (int i = 0; i < 20000; i++) {
        const int64_t width = random_between(&r, 1, (int64_t)1 << random_between(&r, 0, 24)),
                      height = random_between(&r, 1, 50000);
        const int bw = (int)random_between(&r, 1, 2000), bh = (int)random_between(&r, 1, 2000),
                  halo = (int)random_between(&r, 0, 20);
        const size_t bytes = (size_t)random_between(&r, 1, 40);
        int w = -1, h = -1;
        fn_grid_strips(width, height, bh, halo, bytes, &w, &h);
        EXPECT(w == width && h >= 1 && h <= height, "%" PRId64 "x%" PRId64 ": %dx%d", width, height, w, h);
        EXPECT(h == 1 || (int64_t)w * h * (int64_t)bytes <= 32 << 20, "%dx%d of %zu bytes", w, h, bytes);
        fn_grid_large_tile(width, height, bw, bh, bytes, &w, &h);
        EXPECT((w % bw == 0 || w == width) && (h % bh == 0 || h == height), "%dx%d in blocks of %dx%d", w, h, bw, bh);
        EXPECT((w <= bw && h <= bh) || (int64_t)w * h * (int64_t)bytes <= 32 << 20, "%dx%d of %zu bytes", w, h, bytes);
    }
}

/* What grid.h promises, whatever the block size. */
static void auto_tile_properties(void)
{
    check_random r = random_for("auto_tile_properties");
    static const int usual[] = {1, 2, 8, 16, 64, 100, 128, 240, 256, 333, 512, 1000, 1024, 2048, 4096};
    for (int round = 0; round < 200000; round++) {
        int64_t width, height, bw, bh;
        int64_t size = INT64_C(1) << random_between(&r, 0, 31);
        width = random_between(&r, 1, size < INT_MAX ? size : INT_MAX);
        size = INT64_C(1) << random_between(&r, 0, 31);
        height = random_between(&r, 1, size < INT_MAX ? size : INT_MAX);
        switch (random_between(&r, 0, 5)) {
        case 0:
            bw = width;
            bh = random_between(&r, 1, 64);
            break; /* strips */
        case 1:
            bw = width;
            bh = 1;
            break;
        case 2:
            bw = width;
            bh = height;
            break;
        case 3:
            bw = random_between(&r, 1, width);
            bh = random_between(&r, 1, height);
            break;
        case 4:
            bw = random_between(&r, 1, 5000);
            bh = random_between(&r, 1, 5000);
            break;
        default:
            bw = usual[random_between(&r, 0, 14)];
            bh = usual[random_between(&r, 0, 14)];
            break;
        }
        size_t bytes = (size_t)1 << random_between(&r, 0, 3);
        if (random_between(&r, 0, 3) == 0)
            bytes *= (size_t)random_between(&r, 1, 200);
        int w = INT_MIN, h = INT_MIN;
        fn_grid_auto_tile(width, height, (int)bw, (int)bh, bytes, &w, &h);
        char what[200];
        snprintf(what, sizeof what, "%" PRId64 "x%" PRId64 " in blocks %" PRId64 "x%" PRId64 ", %zu bytes: tile %dx%d",
                 width, height, bw, bh, bytes, w, h);
        EXPECT(w >= 1 && h >= 1, "%s", what);
        fn_grid grid;
        EXPECT(fn_grid_init(&grid, width, height, w, h, NULL) == FN_OK, "%s", what);

        /* The raster's edge cuts blocks and tiles. */
        double cut_bw = (double)(bw < width ? bw : width), cut_bh = (double)(bh < height ? bh : height);
        double cut_w = (double)(w < width ? w : width), cut_h = (double)(h < height ? h : height);
        double pixels = cut_w * cut_h, block = cut_bw * cut_bh;
        bool whole = (w % bw == 0 || w >= width) && (h % bh == 0 || h >= height);
        bool one_block = w <= bw && h <= bh;
        if (block <= 16e6)
            EXPECT(whole, "%s: a block is cut", what);
        if (block > 16 * 1024 * 1024)
            EXPECT(pixels <= 16 * 1024 * 1024, "%s: a large block is not cut", what);
        if (!one_block) {
            EXPECT(pixels * (double)bytes <= 8 * 1024 * 1024, "%s: more than 8 MB", what);
            EXPECT(pixels <= 512 * 512, "%s: more than 512x512", what);
            EXPECT(cut_w <= (cut_bw > 512 ? cut_bw : 512), "%s: wider than 512", what);
            EXPECT(bw >= width || cut_h <= (cut_bh > 512 ? cut_bh : 512), "%s: higher than 512", what);
            EXPECT(bw >= width || block < 256 * 256, "%s: large blocks are put together", what);
        }
        if (bw >= width && block <= 16e6)
            EXPECT(w >= width, "%s: strips are cut", what);
        /* Neither a tiny fraction of what is allowed. */
        if (block <= 16e6 && bytes <= 8 && pixels < 512 * 512 / 4)
            EXPECT((w >= width || cut_w + cut_bw > 512) && (h >= height || cut_h + cut_bh > 512 || bw >= width),
                   "%s: too small", what);
        if (bw >= width && bytes <= 8 && h < height && block <= 16e6)
            EXPECT(pixels + block > 512 * 512, "%s: one more strip has room", what);
    }
}

static void auto_tile_extremes(void)
{
    static const int sizes[] = {1, 2, 511, 512, 513, 65535, 65536, 65537, INT_MAX - 1, INT_MAX};
    enum { N = sizeof sizes / sizeof *sizes };
    for (int a = 0; a < N; a++)
        for (int b = 0; b < N; b++)
            for (int c = 0; c < N; c++)
                for (int d = 0; d < N; d++)
                    for (int k = 0; k < 5; k++) {
                        static const size_t bytes[] = {1, 8, 4000, 1u << 20, SIZE_MAX / 2};
                        int w = 0, h = 0;
                        fn_grid_auto_tile(sizes[a], sizes[b], sizes[c], sizes[d], bytes[k], &w, &h);
                        EXPECT(w >= 1 && h >= 1, "%dx%d", w, h);
                        double pixels = (double)(w < sizes[a] ? w : sizes[a]) * (h < sizes[b] ? h : sizes[b]);
                        EXPECT(pixels <= 16 * 1024 * 1024, "%dx%d in %dx%d, %zu bytes: %dx%d", sizes[a], sizes[b],
                               sizes[c], sizes[d], bytes[k], w, h);
                    }
}

/* Checks what holds for every answer; returns the count. tiles has room for all tiles of the grid. */
static size_t ahead(const fn_grid *grid, fn_window previous, fn_window current, int64_t *tiles, size_t max)
{
    for (size_t i = 0; i < max; i++)
        tiles[i] = -77;
    size_t n = fn_grid_ahead(grid, previous, current, tiles, max);
    REQUIRE(n <= max, "%zu of %zu", n, max);
    static unsigned char *seen;
    static size_t room;
    size_t count = (size_t)fn_grid_tile_count(grid);
    if (room < count) {
        free(seen);
        seen = malloc(room = count);
        REQUIRE(seen != NULL, "memory");
    }
    memset(seen, 0, count);
    for (size_t i = 0; i < n; i++) {
        int64_t t = tiles[i];
        REQUIRE(t >= 0 && t < (int64_t)count, "tile %" PRId64 " of %zu", t, count);
        EXPECT(!seen[t], "tile %" PRId64 " twice after " WINDOW ", " WINDOW, t, SHOW(previous), SHOW(current));
        seen[t] = 1;
        EXPECT(!has_tile(current, t % grid->cols, t / grid->cols), "tile %" PRId64 " of the current window", t);
    }
    for (size_t i = n; i < max; i++)
        EXPECT(tiles[i] == -77, "wrote beyond the answer");
    return n;
}

/* The tiles that window `next` has and the current one does not must lead the list, in any order among themselves.
 * Where windows overlap, a whole window's worth of tiles may lead it. */
static void expect_next(const fn_grid *grid, fn_window previous, fn_window current, fn_window next)
{
    int64_t tiles[4096];
    size_t max = (size_t)fn_grid_tile_count(grid);
    REQUIRE(max <= 4096, "grid");
    size_t n = ahead(grid, previous, current, tiles, max), missing = 0, found = 0;
    for (int64_t row = next.y; row < next.y + next.height; row++)
        for (int64_t col = next.x; col < next.x + next.width; col++)
            missing += !has_tile(current, col, row);
    size_t window = (size_t)(current.width * current.height), lead = missing > window ? missing : window;
    for (size_t k = 0; k < n && k < lead; k++)
        found += has_tile(next, tiles[k] % grid->cols, tiles[k] / grid->cols);
    EXPECT(found == missing,
           "grid %" PRId64 "x%" PRId64 ", after " WINDOW " and " WINDOW " the next is " WINDOW
           ", but of its %zu tiles %zu"
           " lead a list of %zu (first %" PRId64 ")",
           grid->cols, grid->rows, SHOW(previous), SHOW(current), SHOW(next), missing, found, n, n > 0 ? tiles[0] : -1);
}

static fn_grid grid_of(int64_t cols, int64_t rows)
{
    fn_grid grid;
    REQUIRE(fn_grid_init(&grid, cols * 64 - 3, rows * 64 - 5, 64, 64, NULL) == FN_OK, "init");
    REQUIRE(grid.cols == cols && grid.rows == rows, "%" PRId64 "x%" PRId64, grid.cols, grid.rows);
    return grid;
}

static fn_window cut(const fn_grid *grid, int64_t x, int64_t y, int64_t width, int64_t height)
{
    fn_window w = {x, y, width, height};
    if (w.x + w.width > grid->cols)
        w.width = grid->cols - w.x;
    if (w.y + w.height > grid->rows)
        w.height = grid->rows - w.y;
    return w;
}

/* A reader that goes over the whole grid in windows of width x height tiles, row by row or column by column: at
 * every step but the first the next window must be foreseen, also the first of the next band, and at the end nothing
 * is left. */
static void scan(int64_t cols, int64_t rows, int64_t width, int64_t height, bool down)
{
    fn_grid grid = grid_of(cols, rows);
    int64_t nx = (cols + width - 1) / width, ny = (rows + height - 1) / height, n = nx * ny;
    fn_window previous = {0, 0, 0, 0}, current = {0, 0, 0, 0};
    for (int64_t i = 0; i < n; i++) {
        int64_t x = down ? i / ny : i % nx, y = down ? i % ny : i / nx;
        fn_window next = cut(&grid, x * width, y * height, width, height);
        if (i >= 2)
            expect_next(&grid, previous, current, next);
        previous = current;
        current = next;
    }
    int64_t tiles[4096];
    if (n >= 2)
        EXPECT(ahead(&grid, previous, current, tiles, (size_t)(cols * rows)) == 0,
               "%" PRId64 "x%" PRId64 " by %" PRId64 "x%" PRId64 "%s: something is left at the end", cols, rows, width,
               height, down ? " down" : "");
}

static void ahead_scans(void)
{
    for (int64_t cols = 1; cols <= 9; cols++)
        for (int64_t rows = 1; rows <= 9; rows++)
            for (int64_t width = 1; width <= 4; width++)
                for (int64_t height = 1; height <= 4; height++) {
                    scan(cols, rows, width, height, false);
                    /* With one window in each column, going down and going right are the same. */
                    if (height < rows)
                        scan(cols, rows, width, height, true);
                }
    scan(40, 50, 1, 1, false); /* block by block */
    scan(40, 50, 1, 1, true);
    scan(40, 50, 40, 1, false); /* rows of blocks */
    scan(40, 50, 40, 3, false); /* swaths */
    scan(40, 50, 40, 3, true);
    scan(40, 50, 7, 3, false);
}

static void ahead_whole_rest_in_order(void)
{
    fn_grid grid = grid_of(6, 4);
    int64_t tiles[24];
    size_t n = ahead(&grid, (fn_window){1, 1, 1, 1}, (fn_window){2, 1, 1, 1}, tiles, 24);
    static const int64_t right[] = {9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
    EXPECT(n == 15, "%zu", n);
    for (size_t i = 0; i < n && i < 15; i++)
        EXPECT(tiles[i] == right[i], "tile %zu is %" PRId64 ", not %" PRId64, i, tiles[i], right[i]);
    n = ahead(&grid, (fn_window){1, 1, 1, 1}, (fn_window){1, 2, 1, 1}, tiles, 24);
    static const int64_t down[] = {19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23};
    EXPECT(n == 17, "%zu", n);
    for (size_t i = 0; i < n && i < 17; i++)
        EXPECT(tiles[i] == down[i], "tile %zu is %" PRId64 ", not %" PRId64, i, tiles[i], down[i]);
}

static void ahead_left_and_up(void)
{
    fn_grid grid = grid_of(8, 7);
    for (int64_t size = 1; size <= 2; size++) {
        for (int64_t x = 6; x >= 2 * size; x -= size)
            expect_next(&grid, (fn_window){x, 2, size, size}, (fn_window){x - size, 2, size, size},
                        (fn_window){x - 2 * size, 2, size, size});
        for (int64_t y = 5; y >= 2 * size; y -= size)
            expect_next(&grid, (fn_window){3, y, size, size}, (fn_window){3, y - size, size, size},
                        (fn_window){3, y - 2 * size, size, size});
    }
    /* Upwards in rows. */
    expect_next(&grid, (fn_window){0, 6, 8, 1}, (fn_window){0, 5, 8, 1}, (fn_window){0, 4, 8, 1});
}

/* Windows of pixels that are no whole tiles: their tile windows overlap. */
static void ahead_overlapping_windows(void)
{
    fn_grid grid = grid_of(10, 10);
    expect_next(&grid, (fn_window){0, 0, 3, 2}, (fn_window){2, 0, 3, 2}, (fn_window){4, 0, 3, 2});
    expect_next(&grid, (fn_window){0, 0, 10, 2}, (fn_window){0, 1, 10, 2}, (fn_window){0, 2, 10, 2});
    expect_next(&grid, (fn_window){0, 3, 10, 2}, (fn_window){0, 4, 10, 3}, (fn_window){0, 6, 10, 1});
    expect_next(&grid, (fn_window){5, 5, 2, 2}, (fn_window){4, 5, 2, 2}, (fn_window){3, 5, 2, 2});
    /* A reader whose windows end within a tile: it goes on in that tile, and reaches the next one. */
    expect_next(&grid, (fn_window){0, 2, 10, 1}, (fn_window){0, 2, 10, 2}, (fn_window){0, 4, 10, 2});
    expect_next(&grid, (fn_window){3, 0, 1, 2}, (fn_window){3, 0, 2, 2}, (fn_window){5, 0, 2, 2});
}

static void ahead_without_direction(void)
{
    fn_grid grid = grid_of(12, 12);
    int64_t tiles[144];
    static const fn_window steps[][2] = {
        {{1, 1, 1, 1}, {5, 4, 1, 1}},  {{5, 4, 1, 1}, {1, 1, 1, 1}}, {{9, 2, 2, 2}, {3, 6, 2, 2}},
        {{2, 9, 1, 1}, {9, 3, 1, 1}},  {{1, 1, 1, 1}, {2, 2, 1, 1}}, {{4, 4, 2, 2}, {4, 4, 2, 2}},
        {{7, 7, 1, 1}, {2, 10, 1, 1}},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        size_t n = ahead(&grid, steps[i][0], steps[i][1], tiles, 144);
        EXPECT(n == 0, WINDOW " to " WINDOW " gives %zu tiles", SHOW(steps[i][0]), SHOW(steps[i][1]), n);
    }
    /* the first request: any valid answer */
    ahead(&grid, (fn_window){0, 0, 0, 0}, (fn_window){3, 3, 2, 2}, tiles, 144);
}

/* Any windows at all: the promises of every answer, and a shorter list is the beginning of a longer one. */
static void ahead_random(void)
{
    check_random r = random_for("ahead_random");
    int64_t full[4096], part[4096];
    for (int round = 0; round < 30000; round++) {
        int64_t cols = random_between(&r, 1, 20), rows = random_between(&r, 1, 20);
        fn_grid grid = grid_of(cols, rows);
        fn_window w[2];
        for (int i = 0; i < 2; i++) {
            w[i].x = random_between(&r, 0, cols - 1);
            w[i].y = random_between(&r, 0, rows - 1);
            w[i].width = random_between(&r, 1, cols - w[i].x);
            w[i].height = random_between(&r, 1, rows - w[i].y);
        }
        switch (random_between(&r, 0, 3)) {
        case 0:
            w[1].x = w[0].x, w[1].width = w[0].width;
            break;
        case 1:
            w[1].y = w[0].y, w[1].height = w[0].height;
            break;
        case 2:
            w[0].width = 0;
            break;
        default:
            break;
        }
        size_t n = ahead(&grid, w[0], w[1], full, (size_t)(cols * rows));
        size_t max = (size_t)random_between(&r, 0, cols * rows);
        size_t m = ahead(&grid, w[0], w[1], part, max);
        EXPECT(m == (n < max ? n : max), "%zu tiles of %zu, at most %zu", m, n, max);
        for (size_t i = 0; i < m; i++)
            EXPECT(part[i] == full[i], "tile %zu differs with max %zu", i, max);
    }
}

/* A list of a few tiles on a grid of billions must not take a walk over it. */
static void ahead_huge_grid(void)
{
    fn_grid grid;
    REQUIRE(fn_grid_init(&grid, INT_MAX, INT_MAX, 1, 1, NULL) == FN_OK, "init");
    int64_t tiles[8];
    double begin = cpu_seconds_now();
    for (int i = 0; i < 1000; i++) {
        size_t n = fn_grid_ahead(&grid, (fn_window){4, 7, 1, 1}, (fn_window){5, 7, 1, 1}, tiles, 8);
        REQUIRE(n == 8, "%zu", n);
        for (int k = 0; k < 8; k++)
            EXPECT(tiles[k] == (int64_t)INT_MAX * 7 + 6 + k, "%" PRId64, tiles[k]);
    }
    EXPECT(cpu_seconds_now() - begin < 1, "%g s", cpu_seconds_now() - begin);
}

/* A pixel is in the grown window just if one of the window has it in its reach. */
static bool in_reach(int64_t at, int64_t first, int64_t count, int64_t before, int64_t after)
{
    for (int64_t i = first; i < first + count; i++)
        if (at >= i - before && at <= i + after)
            return true;
    return false;
}

static void grow_by_definition(void)
{
    check_random r = random_for("grow_by_definition");
    for (int round = 0; round < 3000; round++) {
        const int64_t width = random_between(&r, 1, 9), height = random_between(&r, 1, 9);
        fn_window w = {.x = random_between(&r, 0, width - 1), .y = random_between(&r, 0, height - 1)};
        w.width = random_between(&r, 1, width - w.x);
        w.height = random_between(&r, 1, height - w.y);
        const fn_reach reach = {(int32_t)random_between(&r, 0, 12), (int32_t)random_between(&r, 0, 12),
                                (int32_t)random_between(&r, 0, 12), (int32_t)random_between(&r, 0, 12)};
        for (int wraps = 0; wraps < 2; wraps++) {
            const fn_window grown = fn_window_grow(w, reach, width, height, wraps);
            for (int64_t y = -15; y < 25; y++)
                for (int64_t x = -15; x < 25; x++) {
                    const bool inside = x >= 0 && x < width && y >= 0 && y < height;
                    const bool expected = (inside || wraps) && in_reach(x, w.x, w.width, reach.left, reach.right) &&
                                          in_reach(y, w.y, w.height, reach.top, reach.bottom);
                    EXPECT(has_tile(grown, x, y) == expected,
                           "%" PRId64 ",%" PRId64 " of " WINDOW " grown to " WINDOW ", wraps %d", x, y, SHOW(w),
                           SHOW(grown), wraps);
                }
        }
    }
}

static void grow_extremes(void)
{
    const fn_window all = {0, 0, INT_MAX, INT_MAX}, corner = {INT_MAX - 1, 0, 1, 1};
    const fn_reach none = {0}, most = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, up = {.top = 1, .left = 2};
    EXPECT(same_window(fn_window_grow(corner, none, INT_MAX, INT_MAX, false), corner), "no reach");
    EXPECT(same_window(fn_window_grow(corner, none, INT_MAX, INT_MAX, true), corner), "no reach, wrapping");
    EXPECT(same_window(fn_window_grow(corner, most, INT_MAX, INT_MAX, false), all), "all");
    fn_window grown = fn_window_grow(all, most, INT_MAX, INT_MAX, true);
    EXPECT(same_window(grown, (fn_window){-INT64_C(2147483647), -INT64_C(2147483647), 3 * INT64_C(2147483647),
                                          3 * INT64_C(2147483647)}),
           WINDOW, SHOW(grown));
    grown = fn_window_grow((fn_window){5, 5, 3, 3}, up, 100, 100, false);
    EXPECT(same_window(grown, (fn_window){3, 4, 5, 4}), WINDOW, SHOW(grown));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(grow_by_definition),
        UNIT(grow_extremes),
        UNIT(init_refuses_empty),
        UNIT(init_cuts_large_tiles),
        UNIT(init_large_rasters),
        UNIT(init_above),
        UNIT(tiles_and_touch_exhaustive),
        UNIT(parts_are_each_line_once),
        UNIT(auto_tile_common),
        UNIT(auto_tile_properties),
        UNIT(auto_tile_extremes),
        UNIT(strips),
        UNIT(large_tiles),
        UNIT(remote_tiles),
        UNIT(remote_tiles_properties),
        UNIT(strips_and_large_tiles_properties),
        UNIT(ahead_scans),
        UNIT(ahead_whole_rest_in_order),
        UNIT(ahead_left_and_up),
        UNIT(ahead_overlapping_windows),
        UNIT(ahead_without_direction),
        UNIT(ahead_random),
        UNIT(ahead_huge_grid),
    };
    return check_main(tests);
}
