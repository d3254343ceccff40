/* fishnet/grid.h - the fixed grid of tiles over a raster, and which tiles a reader wants next. */
#ifndef FISHNET_GRID_H
#define FISHNET_GRID_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A rectangle of pixels, or of tiles. */
typedef struct fn_window {
    int64_t x, y, width, height;
} fn_window;

/* How far beyond a pixel, to each side, lie the pixels that its value is computed from: in pixels, >= 0. A mean over 5
 * columns and 3 rows has {.top = 1, .left = 2, .bottom = 1, .right = 2}. */
typedef struct fn_reach {
    int32_t top, left, bottom, right;
} fn_reach;

/* The pixels that a window inside a raster of width x height is computed from: the window grown by the reach, and cut
 * at the raster's edges. Where the raster wraps it is not cut: it may begin below 0 and end beyond the raster, by more
 * than the raster's size even. Column x then means column x modulo width, row y means row y modulo height, both in
 * the raster. */
fn_window fn_window_grow(fn_window window, fn_reach reach, int64_t width, int64_t height, bool wraps);

/* What two windows have in common; all zeros if that is nothing. */
static inline fn_window fn_window_overlap(fn_window a, fn_window b)
{
    const int64_t right = a.x + a.width < b.x + b.width ? a.x + a.width : b.x + b.width;
    const int64_t bottom = a.y + a.height < b.y + b.height ? a.y + a.height : b.y + b.height;
    fn_window both = {a.x > b.x ? a.x : b.x, a.y > b.y ? a.y : b.y, 0, 0}, nothing = {0, 0, 0, 0};
    both.width = right - both.x;
    both.height = bottom - both.y;
    return both.width > 0 && both.height > 0 ? both : nothing;
}

/* Tiles are numbered row by row: tile = row * cols + col. The last column and row may be smaller, and so is the first
 * row of a grid that begins above the raster. */
typedef struct fn_grid {
    int64_t width, height; /* pixels */
    int tile_width, tile_height;
    int64_t cols, rows;
    int above; /* lines of the first row of tiles that lie above the raster, less than tile_height */
} fn_grid;

#define FN_TILE_MAX 65536 /* the largest width or height of a tile that may be asked for */

/* FN_ERR_ARGUMENT unless width, height and the tile size are at least 1. Tiles larger than the raster are cut to it. */
fn_status fn_grid_init(fn_grid *grid, int64_t width, int64_t height, int tile_width, int tile_height, fn_error *err);
/* The same for a grid that begins `above` lines above the raster, so that rows of tiles end where rows of a source's
 * blocks do. FN_ERR_ARGUMENT also unless 0 <= above < tile_height. */
fn_status fn_grid_init_above(fn_grid *grid, int64_t width, int64_t height, int tile_width, int tile_height, int above,
                             fn_error *err);

int64_t fn_grid_tile_count(const fn_grid *grid);
/* Pixels of one tile, cut at the raster's edge. */
fn_window fn_grid_tile(const fn_grid *grid, int64_t tile);
/* Tile columns and rows that a non-empty pixel window inside the raster touches. */
fn_window fn_grid_touch(const fn_grid *grid, fn_window pixels);

/* The lines of part `part` (from 1) of `parts`. Where they begin depends on the arguments alone, so that whoever
 * reads a part, in tiles of any size, cuts it alike. All parts together are each line once. They begin between tiles
 * of tile_height lines where there are at least as many rows of these as parts, or else between blocks of
 * block_height lines, or else between any lines. FN_ERR_ARGUMENT if there are fewer lines than parts; then first and
 * lines are untouched. */
fn_status fn_grid_part(int64_t height, int tile_height, int block_height, int part, int parts, int64_t *first,
                       int64_t *lines, fn_error *err);

/* A tile size that suits a source with blocks of block_width x block_height: whole blocks, so that none is decoded
 * twice. A block of at least 256 x 256 pixels is a tile by itself; smaller ones are put together up to 512 x 512
 * pixels, and up to 8 MB with bytes_per_pixel over all bands. Sources in full-width strips give full-width tiles.
 * Blocks of more than 16 million pixels are cut. */
void fn_grid_auto_tile(int64_t width, int64_t height, int block_width, int block_height, size_t bytes_per_pixel,
                       int *tile_width, int *tile_height);

/* A tile size for a source that is read in full-width strips: its rows are stored as a whole, or computed from
 * `halo` rows above and below, and block_height of them are decoded together. High enough that what two strips read
 * both costs little, low enough that there are many strips, and that one has no more than 32 MB. */
void fn_grid_strips(int64_t width, int64_t height, int block_height, int halo, size_t bytes_per_pixel, int *tile_width,
                    int *tile_height);

/* A tile size for a source whose blocks are computed from windows of stored pixels that overlap: many blocks in one,
 * so that less is decoded twice, yet at least 16 tiles, or 8 strips of full width, where the blocks allow it, and no
 * more than 32 MB for one. */
void fn_grid_large_tile(int64_t width, int64_t height, int block_width, int block_height, size_t bytes_per_pixel,
                        int *tile_width, int *tile_height);

/* A tile size for a source beyond a network, whose blocks are best asked for side by side: each request costs a round
 * trip, and GDAL joins those of a row of blocks into one. As wide as the source, or at least as `files`, the width of
 * one of its files; one row of blocks, or several small ones, as long as many strips are left. A tile has no more
 * than 32 MB with bytes_per_pixel, and no more than 8 MB as stored, with stored_per_pixel (0: not known): beyond 10 MB
 * GDAL joins no more. Blocks that are larger are cut as by fn_grid_auto_tile(). */
typedef struct fn_remote_source {
    int64_t width, height, files;
    int block_width, block_height;
    double stored_per_pixel;
} fn_remote_source;
void fn_grid_remote_tile(const fn_remote_source *source, size_t bytes_per_pixel, int *tile_width, int *tile_height);

/* Where is the reader going? previous and current are the tile windows of its last two requests (previous.width 0:
 * none yet). Fills tiles[] with up to max tile numbers that it is likely to want next, in that order, and returns
 * their count: the scan goes on in the direction of the last step, in bands as wide as the current window, then
 * wraps to the next band; 0 when the last step shows no direction. */
size_t fn_grid_ahead(const fn_grid *grid, fn_window previous, fn_window current, int64_t *tiles, size_t max);

#ifdef __cplusplus
}
#endif
#endif
