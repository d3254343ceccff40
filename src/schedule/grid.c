#include "fishnet/grid.h"

fn_window fn_window_grow(fn_window window, fn_reach reach, int64_t width, int64_t height, bool wraps)
{
    int64_t left = window.x - reach.left, right = window.x + window.width + reach.right;
    int64_t top = window.y - reach.top, bottom = window.y + window.height + reach.bottom;
    if (!wraps) {
        left = left < 0 ? 0 : left;
        top = top < 0 ? 0 : top;
        right = right > width ? width : right;
        bottom = bottom > height ? height : bottom;
    }
    return (fn_window){.x = left, .y = top, .width = right - left, .height = bottom - top};
}

fn_status fn_grid_init(fn_grid *grid, int64_t width, int64_t height, int tile_width, int tile_height, fn_error *err)
{
    return fn_grid_init_above(grid, width, height, tile_width, tile_height, 0, err);
}

fn_status fn_grid_init_above(fn_grid *grid, int64_t width, int64_t height, int tile_width, int tile_height, int above,
                             fn_error *err)
{
    if (width < 1 || height < 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "a raster of %lld x %lld pixels cannot be tiled", (long long)width,
                       (long long)height);
    if (tile_width < 1 || tile_height < 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "a tile of %d x %d pixels is empty", tile_width, tile_height);
    if (above < 0 || above >= tile_height)
        return fn_fail(err, FN_ERR_ARGUMENT, "tiles of %d lines cannot begin %d lines above a raster", tile_height,
                       above);
    if (tile_width > width)
        tile_width = (int)width;
    if (tile_height > height + above)
        tile_height = (int)(height + above);
    *grid = (fn_grid){.width = width,
                      .height = height,
                      .tile_width = tile_width,
                      .tile_height = tile_height,
                      .cols = (width - 1) / tile_width + 1,
                      .rows = (height + above - 1) / tile_height + 1,
                      .above = above};
    return FN_OK;
}

int64_t fn_grid_tile_count(const fn_grid *grid)
{
    return grid->cols * grid->rows;
}

fn_window fn_grid_tile(const fn_grid *grid, int64_t tile)
{
    fn_window w = {.x = tile % grid->cols * grid->tile_width,
                   .y = tile / grid->cols * grid->tile_height - grid->above,
                   .width = grid->tile_width,
                   .height = grid->tile_height};
    if (w.y < 0) {
        w.height += w.y;
        w.y = 0;
    }
    if (w.width > grid->width - w.x)
        w.width = grid->width - w.x;
    if (w.height > grid->height - w.y)
        w.height = grid->height - w.y;
    return w;
}

fn_window fn_grid_touch(const fn_grid *grid, fn_window pixels)
{
    const int64_t x = pixels.x / grid->tile_width, top = pixels.y + grid->above, y = top / grid->tile_height;
    return (fn_window){.x = x,
                       .y = y,
                       .width = (pixels.x + pixels.width - 1) / grid->tile_width - x + 1,
                       .height = (top + pixels.height - 1) / grid->tile_height - y + 1};
}

fn_status fn_grid_part(int64_t height, int tile_height, int block_height, int part, int parts, int64_t *first,
                       int64_t *lines, fn_error *err)
{
    if (part < 1 || part > parts || parts > height)
        return fn_fail(err, FN_ERR_ARGUMENT, "part %d of %d cannot be cut out of %lld lines", part, parts,
                       (long long)height);
    int unit = tile_height;
    if (unit < 1 || (height - 1) / unit + 1 < parts)
        unit = block_height;
    if (unit < 1 || (height - 1) / unit + 1 < parts)
        unit = 1;
    const int64_t rows = (height - 1) / unit + 1;
    const int64_t end = rows * part / parts * unit;
    *first = rows * (part - 1) / parts * unit;
    *lines = (end < height ? end : height) - *first;
    return FN_OK;
}

#define AUTO_SIDE 512           /* COG's block, and twice GTiff's: readers' blocks divide ours */
#define AUTO_PIXELS (256 * 256) /* enough for a task: a block of this size goes straight from the file to the kernels */
#define AUTO_BYTES (8u << 20)
#define AUTO_PIXELS_MAX (16ll << 20)

/* The largest multiple of block that is at most `most`, at least one block. */
static int64_t whole_blocks(int64_t block, int64_t most)
{
    return most <= block ? block : most / block * block;
}

void fn_grid_auto_tile(int64_t width, int64_t height, int block_width, int block_height, size_t bytes_per_pixel,
                       int *tile_width, int *tile_height)
{
    int64_t w = block_width < 1 ? 1 : block_width > width ? width : block_width;
    int64_t h = block_height < 1 ? 1 : block_height > height ? height : block_height;
    const int64_t bytes = bytes_per_pixel < 1 ? 1 : (int64_t)bytes_per_pixel;
    int64_t pixels = AUTO_BYTES / bytes;
    if (pixels > AUTO_SIDE * AUTO_SIDE)
        pixels = AUTO_SIDE * AUTO_SIDE;
    if (w * h > AUTO_PIXELS_MAX) { /* a source in one huge block: cut it in full-width strips where possible */
        w = w > AUTO_PIXELS_MAX ? AUTO_PIXELS_MAX : w;
        h = AUTO_PIXELS_MAX / w;
    } else if (w == width)
        h = whole_blocks(h, pixels / w);
    else if (w * h < AUTO_PIXELS) {
        w = whole_blocks(w, AUTO_SIDE);
        h = whole_blocks(h, AUTO_SIDE);
        while (w * h > pixels && (w > block_width || h > block_height)) { /* many bands: fewer blocks */
            if (h > block_height)
                h = whole_blocks(block_height, h / 2);
            else
                w = whole_blocks(block_width, w / 2);
        }
    }
    *tile_width = (int)(w > width ? width : w);
    *tile_height = (int)(h > height ? height : h);
}

#define STRIP_PIXELS (1 << 20)
#define STRIP_ROWS 64 /* with these, two rows more cost 3 % */
#define STRIP_ROWS_MAX 256
#define STRIP_BYTES (32ll << 20)
#define STRIPS 8 /* that the raster has at least, where they are not too low for that */

void fn_grid_strips(int64_t width, int64_t height, int block_height, int halo, size_t bytes_per_pixel, int *tile_width,
                    int *tile_height)
{
    const int64_t row = width * (bytes_per_pixel < 1 ? 1 : (int64_t)bytes_per_pixel);
    const int64_t block = block_height < 1 || block_height > height ? 1 : block_height;
    int64_t rows = STRIP_PIXELS / width;
    rows = rows < STRIP_ROWS ? STRIP_ROWS : rows > STRIP_ROWS_MAX ? STRIP_ROWS_MAX : rows;
    if (rows > height / STRIPS && rows > STRIP_ROWS)
        rows = height / STRIPS > STRIP_ROWS ? height / STRIPS : STRIP_ROWS;
    if (block > 1) {
        /* A strip with a halo reads one row of blocks more than it is high, if it is a little higher than whole
         * blocks; two, if it is not. The more rows of blocks it has, the less that is. */
        int64_t blocks = (rows + block - 1) / block;
        while (halo > 0 && blocks < 4 && 2 * blocks * block * STRIPS <= height &&
               2 * blocks * block * row <= STRIP_BYTES)
            blocks *= 2;
        rows = blocks * block + (halo > 0 ? 2 * halo + 1 : 0);
    }
    while (rows > 1 && rows * row > STRIP_BYTES)
        rows = (rows + 1) / 2;
    *tile_width = (int)width;
    *tile_height = (int)(rows > height ? height : rows);
}

#define LARGE_SIDE 1024
#define LARGE_TILES 16 /* the same for tiles; for those of full width it is STRIPS */

void fn_grid_large_tile(int64_t width, int64_t height, int block_width, int block_height, size_t bytes_per_pixel,
                        int *tile_width, int *tile_height)
{
    const int64_t bytes = bytes_per_pixel < 1 ? 1 : (int64_t)bytes_per_pixel;
    int64_t w = whole_blocks(block_width < 1 ? 1 : block_width, LARGE_SIDE);
    int64_t h = whole_blocks(block_height < 1 ? 1 : block_height, LARGE_SIDE);
    const int64_t tiles = w < width ? LARGE_TILES : STRIPS;
    while ((w * h * bytes > STRIP_BYTES || w * h * tiles > width * height) && (w > block_width || h > block_height)) {
        if (h > block_height && (h >= w || w <= block_width))
            h = whole_blocks(block_height, h / 2);
        else
            w = whole_blocks(block_width, w / 2);
    }
    *tile_width = (int)(w > width ? width : w);
    *tile_height = (int)(h > height ? height : h);
}

#define STORED_BYTES 8e6
#define REMOTE_STRIPS 32 /* that are left when rows of blocks are put together: some for each reader */

void fn_grid_remote_tile(const fn_remote_source *source, size_t bytes_per_pixel, int *tile_width, int *tile_height)
{
    const int64_t bytes = bytes_per_pixel < 1 ? 1 : (int64_t)bytes_per_pixel;
    const int64_t block_w = source->block_width < 1 ? 1 : source->block_width;
    const int64_t block_h = source->block_height < 1                ? 1
                            : source->block_height > source->height ? source->height
                                                                    : source->block_height;
    int64_t pixels = STRIP_BYTES / bytes;
    if (source->stored_per_pixel * (double)pixels > STORED_BYTES)
        pixels = (int64_t)(STORED_BYTES / source->stored_per_pixel);
    if (block_w * block_h > pixels) {
        fn_grid_auto_tile(source->width, source->height, source->block_width, source->block_height, bytes_per_pixel,
                          tile_width, tile_height);
        return;
    }
    int64_t w = source->files > 0 && source->files < source->width ? source->files : source->width, h = block_h;
    if (w * block_h > pixels) { /* as few columns as possible, of about one width */
        const int64_t columns = (w - 1) / whole_blocks(block_w, pixels / block_h) + 1;
        w = ((w - 1) / columns / block_w + 1) * block_w;
    } else {
        int64_t rows = STRIP_PIXELS / w / block_h, most = source->height / block_h / REMOTE_STRIPS;
        rows = rows < most ? rows : most;
        rows = rows * block_h * w > pixels ? pixels / w / block_h : rows;
        h = rows > 1 ? rows * block_h : block_h;
    }
    *tile_width = (int)(w > source->width ? source->width : w);
    *tile_height = (int)h;
}

/* Does b begin after a and at or before a's end: the next step of a scan, touching or overlapping? */
static bool follows(int64_t a, int64_t a_size, int64_t b)
{
    return b > a && b <= a + a_size;
}

/* The scan's next window: one stride further, or the begin of the next band beyond the edge. width 0 at the end. */
static fn_window advance(const fn_grid *grid, fn_window w, int dx, int dy, int64_t stride_x, int64_t stride_y)
{
    int64_t x = w.x, y = w.y;
    if (dx > 0 && (x += w.width) >= grid->cols)
        x = 0, y += w.height;
    else if (dx < 0) {
        if (x == 0)
            x = grid->cols, y += w.height;
        stride_x = x < stride_x ? x : stride_x;
        x -= stride_x;
    } else if (dy > 0 && (y += w.height) >= grid->rows)
        y = 0, x += w.width;
    else if (dy < 0) {
        if (y == 0)
            y = grid->rows, x += w.width;
        stride_y = y < stride_y ? y : stride_y;
        y -= stride_y;
    }
    if (x >= grid->cols || y >= grid->rows)
        return (fn_window){0};
    return (fn_window){x, y, stride_x < grid->cols - x ? stride_x : grid->cols - x,
                       stride_y < grid->rows - y ? stride_y : grid->rows - y};
}

size_t fn_grid_ahead(const fn_grid *grid, fn_window previous, fn_window current, int64_t *tiles, size_t max)
{
    const fn_window p = previous, c = current;
    const bool same_rows = p.y == c.y && p.height == c.height, same_cols = p.x == c.x && p.width == c.width;
    int dx = 0, dy = 0;
    if (p.width == 0) { /* the first request: a scan from the origin */
        if (c.x == 0 && c.y == 0)
            *(c.width == grid->cols ? &dy : &dx) = 1;
    } else if (same_rows && follows(p.x, p.width, c.x))
        dx = 1;
    else if (same_rows && follows(c.x, c.width, p.x))
        dx = -1;
    else if (same_cols && follows(p.y, p.height, c.y))
        dy = 1;
    else if (same_cols && follows(c.y, c.height, p.y))
        dy = -1;
    /* Windows that end within a tile: the next one begins there, and reaches the tile behind. */
    else if (same_rows && p.x == c.x && c.width > p.width)
        dx = 1;
    else if (same_cols && p.y == c.y && c.height > p.height)
        dy = 1;
    else if (c.x == 0 && p.x + p.width == grid->cols && follows(p.y, p.height, c.y))
        dx = 1; /* from the end of one band to the begin of the next */
    else if (c.y == 0 && p.y + p.height == grid->rows && follows(p.x, p.width, c.x))
        dy = 1;
    if (dx == 0 && dy == 0)
        return 0;

    /* The last window of a band may have been cut: the next band has the full stride again. */
    const int64_t stride_x = dx && p.width > c.width ? p.width : c.width;
    const int64_t stride_y = dy && p.height > c.height ? p.height : c.height;
    size_t n = 0;
    for (fn_window w = c; n < max;) {
        w = advance(grid, w, dx, dy, stride_x, stride_y);
        if (w.width == 0)
            break;
        for (int64_t row = w.y; row < w.y + w.height; row++)
            for (int64_t col = w.x; col < w.x + w.width && n < max; col++)
                tiles[n++] = row * grid->cols + col;
    }
    return n;
}
