/* Reads all cells of rasters and drops them: what statistics cost that compute nothing.
 *
 *     bench_decode THREADS FILE...
 *
 * The rasters have one size. A block of the first, in all bands of all files, is a unit of work. Each thread opens the
 * files itself and takes the next block that nobody has. RasterIO is what programs use; ReadBlock, without GDAL's
 * cache, would be a little faster.
 */
#include <gdal.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_FILES = 1024, MOST_THREADS = 64, CACHE_BYTES = 64 << 20 };

static char **file_names;
static int file_count;
static atomic_int next_block;
static atomic_int failed;

/* One block in each band; 0 when it could not be read. */
static int read_block(GDALDatasetH raster, int block, int width, int height, double *cells)
{
    const int side_x = GDALGetRasterXSize(raster), side_y = GDALGetRasterYSize(raster);
    const int blocks_across = (side_x + width - 1) / width;
    const int x = block % blocks_across * width, y = block / blocks_across * height;
    const int columns = x + width <= side_x ? width : side_x - x;
    const int rows = y + height <= side_y ? height : side_y - y;
    for (int i = 1; i <= GDALGetRasterCount(raster); ++i) {
        GDALRasterBandH band = GDALGetRasterBand(raster, i);
        const GDALDataType type = GDALGetRasterDataType(band); /* of up to eight bytes */
        if (GDALRasterIO(band, GF_Read, x, y, columns, rows, cells, columns, rows, type, 0, 0) != CE_None)
            return 0;
    }
    return 1;
}

static void *read_blocks(void *unused)
{
    GDALDatasetH rasters[MOST_FILES];
    for (int i = 0; i < file_count; ++i) {
        rasters[i] = GDALOpen(file_names[i], GA_ReadOnly);
        if (!rasters[i])
            exit(1);
    }
    int width, height;
    GDALGetBlockSize(GDALGetRasterBand(rasters[0], 1), &width, &height);
    const int across = (GDALGetRasterXSize(rasters[0]) + width - 1) / width;
    const int blocks = across * ((GDALGetRasterYSize(rasters[0]) + height - 1) / height);
    double *cells = malloc((size_t)width * (size_t)height * sizeof *cells);
    if (!cells)
        exit(1);
    for (int block; !failed && (block = atomic_fetch_add(&next_block, 1)) < blocks;) {
        for (int i = 0; i < file_count; ++i) {
            if (!read_block(rasters[i], block, width, height, cells))
                failed = 1;
        }
    }
    free(cells);
    for (int i = 0; i < file_count; ++i)
        GDALClose(rasters[i]);
    return unused;
}

int main(int argc, char **argv)
{
    const int threads = argc > 2 ? atoi(argv[1]) : 0;
    if (threads < 1 || threads > MOST_THREADS || argc - 2 > MOST_FILES) {
        fprintf(stderr, "bench_decode THREADS FILE...\n");
        return 2;
    }
    file_names = argv + 2;
    file_count = argc - 2;
    GDALAllRegister();
    GDALSetCacheMax64(CACHE_BYTES); /* no block is read twice: a larger cache is but more memory to fill */
    pthread_t thread[MOST_THREADS];
    for (int i = 0; i < threads; ++i) {
        if (pthread_create(&thread[i], NULL, read_blocks, NULL) != 0)
            exit(1);
    }
    for (int i = 0; i < threads; ++i)
        pthread_join(thread[i], NULL);
    return failed;
}
