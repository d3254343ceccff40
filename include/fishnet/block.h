/* fishnet/block.h - blocks of rasters as files store them, decoded into planes.
 *
 * A block is a tile or a strip: rows of pixels, with one sample each or several, compressed, and maybe as differences.
 * What is written here is how TIFF 6.0 stores them, its Technical Note 3 of 2005 (predictor 3), and ZSTD of libtiff.
 */
#ifndef FISHNET_BLOCK_H
#define FISHNET_BLOCK_H

#include "fishnet/base.h"
#include "fishnet/grid.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fn_codec {
    FN_CODEC_NONE = 0,
    FN_CODEC_DEFLATE, /* a zlib stream */
    FN_CODEC_ZSTD
} fn_codec;

/* TIFF's numbers. */
typedef enum fn_predictor {
    FN_PREDICTOR_NONE = 1,
    FN_PREDICTOR_HORIZONTAL = 2, /* each sample less the one to the left of it */
    FN_PREDICTOR_FLOAT = 3       /* the bytes of a row, sorted by their significance, as differences */
} fn_predictor;

/* Values are little-endian. */
typedef struct fn_block_layout {
    fn_type type;
    int width, height; /* in pixels */
    int samples;       /* of a pixel, that lie together: all bands of a file, or one */
    fn_codec codec;
    fn_predictor predictor; /* with FN_CODEC_NONE there is none */
} fn_block_layout;

/* Bytes of a block that is decoded. */
size_t fn_block_bytes(const fn_block_layout *layout);

/* Where one sample of the pixels goes. */
typedef struct fn_block_plane {
    int sample;     /* from 0 */
    void *pixels;   /* of the layout's type: where the first one of the part goes */
    int64_t stride; /* from one row to the next, in pixels */
} fn_block_plane;

/* For one thread; it keeps memory for the largest block that it has decoded. NULL: out of memory. */
typedef struct fn_block_decoder fn_block_decoder;
fn_block_decoder *fn_block_decoder_new(void);
void fn_block_decoder_free(fn_block_decoder *decoder); /* NULL is nothing */

/* Decodes a part of a block, which lies within the first `rows` rows: those that are stored. bytes: of the file; they
 * may be anything. False: they are not such a block, or there is no memory; the planes hold anything then. */
bool fn_block_decode(fn_block_decoder *decoder, const fn_block_layout *layout, const void *bytes, size_t size,
                     int64_t rows, fn_window part, const fn_block_plane *planes, size_t n_planes);

#ifdef __cplusplus
}
#endif
#endif
