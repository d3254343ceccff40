#!/usr/bin/env python3
"""stacks_data.py FOLDER SIDE KIND COUNT LANDSAT: makes the scenes of stacks.py that are not there yet.

Scenes of one place: bands of a Landsat image, resampled, each scene as bright as its season has it, with noise, and with clouds, blobs
of NoData over 30 % of it. Tiles of 512, DEFLATE. KIND: scene, UInt16 (NoData 0, PREDICTOR=2); bands, three of these, red, near infrared,
green; float, Float32 (NoData -9999, PREDICTOR=3).
"""
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from osgeo import gdal

CLOUDS = 0.3
BANDS = (3, 4, 2)
KINDS = {"scene": (1, gdal.GDT_UInt16, 0, 2), "bands": (3, gdal.GDT_UInt16, 0, 2), "float": (1, gdal.GDT_Float32, -9999, 3)}


def between(side, points):
    """Weights that make `side` numbers of so many points, linear between them."""
    at = np.linspace(0, points - 1, side, dtype=np.float32)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(points, dtype=np.float32)))


def clouds(random, side):
    points = side // 100 + 3
    weights = between(side, points)
    heights = weights @ random.random((points, points), dtype=np.float32) @ weights.T
    return heights < np.quantile(heights[::16, ::16], CLOUDS)


def base(folder, side, landsat):
    """The bands as they are resampled, for all scenes."""
    path = os.path.join(folder, f"base_{side}.tif")
    if not os.path.exists(path):
        gdal.Translate(path + ".part", landsat, format="GTiff", width=side, height=side, resampleAlg="cubic", bandList=list(BANDS))
        os.rename(path + ".part", path)
    return path


def make(path, source, side, kind, index):
    count, pixels, nodata, predictor = KINDS[kind]
    random = np.random.default_rng([index, "scene bands float".split().index(kind)])
    create = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", f"PREDICTOR={predictor}", "BIGTIFF=IF_SAFER"]
    target = gdal.GetDriverByName("GTiff").Create(path + ".part", side, side, count, pixels, create)
    image = gdal.Open(source)
    target.SetGeoTransform(image.GetGeoTransform())
    target.SetProjection(image.GetProjection())
    holes = clouds(random, side)
    season = np.float32(40 * (1 + 0.3 * math.sin(2 * math.pi * index / 12)))
    for number in range(1, count + 1):
        values = image.GetRasterBand(number).ReadAsArray() * season + random.integers(1, 129, (side, side), dtype=np.uint8)
        if kind == "float":
            values = np.round(values * 16) / 16
        band = target.GetRasterBand(number)
        band.SetNoDataValue(nodata)
        band.WriteArray(np.where(holes, nodata, values).astype(np.float32 if kind == "float" else np.uint16))
    target = None
    os.rename(path + ".part", path)


def main():
    gdal.UseExceptions()
    folder, side, kind, count, landsat = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
    source = base(folder, side, landsat)
    paths = [os.path.join(folder, f"{kind}_{side}_{index:03d}.tif") for index in range(1, count + 1)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        left = [(path, index) for index, path in enumerate(paths, 1) if not os.path.exists(path)]
        for one in [pool.submit(make, path, source, side, kind, index) for path, index in left]:
            one.result()


if __name__ == "__main__":
    main()
