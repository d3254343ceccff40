#!/usr/bin/env python3
"""Makes the rasters for speed.py: speed_data.py FOLDER SIDE SEED. Resampled from the real DEM and Landsat image, with noise by the seed.

FOLDER/dem.tif             SIDE x SIDE Float32, NoData -9999, tiles of 256, DEFLATE with predictor 3
FOLDER/pixel.tif band.tif  four bands UInt16, two thirds of SIDE, tiles of 256, DEFLATE with predictor 2, interleaved by pixel and by band
FOLDER/small/*.tif         500 pieces of the DEM, 512 x 512
FOLDER/mosaic.vrt          2,000 striped files over the DEM
"""
import os
import sys

import numpy as np
from osgeo import gdal

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "data")
CREATE = ["TILED=YES", "COMPRESS=DEFLATE", "NUM_THREADS=ALL_CPUS"]
ROWS = 256


def rows_of(source, side):
    """The source, resampled to side x side: the first row and the pixels of some rows, all bands."""
    step = source.RasterYSize / side
    for y in range(0, side, ROWS):
        rows = min(ROWS, side - y)
        yield y, source.ReadAsArray(0, y * step, source.RasterXSize, rows * step, buf_xsize=side, buf_ysize=rows, buf_type=gdal.GDT_Float32,
                                    resample_alg=gdal.GRIORA_CubicSpline)


def make_dem(path, side, generator):
    source = gdal.Open(os.path.join(DATA, "dem.tif"))
    dem = gdal.GetDriverByName("GTiff").Create(path, side, side, 1, gdal.GDT_Float32, [*CREATE, "PREDICTOR=3"])
    dem.SetProjection(source.GetProjection())
    x, dx, _, y, _, dy = source.GetGeoTransform()
    dem.SetGeoTransform([x, dx * source.RasterXSize / side, 0, y, 0, dy * source.RasterYSize / side])
    dem.GetRasterBand(1).SetNoDataValue(-9999)
    for at, pixels in rows_of(source, side):
        dem.GetRasterBand(1).WriteArray(np.round(pixels, 1) + np.float32(0.1) * generator.random(pixels.shape, dtype=np.float32), 0, at)


def make_images(folder, side, generator):
    source = gdal.Open(os.path.join(DATA, "landsat.tif"))
    create = gdal.GetDriverByName("GTiff").Create
    images = [create(os.path.join(folder, name + ".tif"), side, side, 4, gdal.GDT_UInt16, [*CREATE, "PREDICTOR=2", "INTERLEAVE=" + name.upper()])
              for name in ("pixel", "band")]
    for at, pixels in rows_of(source, side):
        bands = np.stack([pixels[min(k, len(pixels) - 1)] for k in range(4)]) * 40
        bands = np.clip(bands + generator.integers(0, 8, bands.shape), 1, 65535).astype(np.uint16)
        for image in images:
            image.WriteArray(bands, 0, at)


def make_pieces(folder, side):
    dem = gdal.Open(os.path.join(folder, "dem.tif"))
    os.makedirs(os.path.join(folder, "small"))
    os.makedirs(os.path.join(folder, "mosaic"))
    columns = max(1, side // 512)
    for k in range(500):
        x, y = k % columns * 512, k // columns % columns * 512
        gdal.Translate(os.path.join(folder, "small", f"{k:03}.tif"), dem, srcWin=[x, y, 512, 512], creationOptions=[*CREATE, "PREDICTOR=3"])
    names = []
    for row in range(40):
        for column in range(50):
            names.append(os.path.join(folder, "mosaic", f"r{row:02}_c{column:02}.tif"))
            gdal.Translate(names[-1], dem, srcWin=[column * (side // 50), row * (side // 40), side // 50, side // 40], creationOptions=["COMPRESS=DEFLATE"])
    gdal.BuildVRT(os.path.join(folder, "mosaic.vrt"), names)


def main():
    folder, side, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    gdal.UseExceptions()
    os.makedirs(folder)
    generator = np.random.default_rng(seed)
    make_dem(os.path.join(folder, "dem.tif"), side, generator)
    make_images(folder, side * 2 // 3, generator)
    make_pieces(folder, side)


if __name__ == "__main__":
    main()
