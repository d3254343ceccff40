#!/usr/bin/env python3
"""What speed.py runs in a process of its own: speed_programs.py small|pixels plain|fishnet FOLDER.

small: the sum of the square roots of 500 files, opened one after the other; pixels: that of 10,000 single pixels of the DEM, anywhere.
Plain: GDAL reads, numpy computes. Prints the sum.
"""
import glob
import os
import sys

import numpy as np
from osgeo import gdal


def read(path, fishnet):
    return gdal.OpenEx("FISHNET:" + path, open_options=["CALC=sqrt(A)"]) if fishnet else gdal.Open(path)


def total(dataset, fishnet, *window):
    pixels = dataset.ReadAsArray(*window)
    if not fishnet:
        pixels = np.where(pixels == -9999, np.nan, np.sqrt(pixels, where=pixels >= 0, out=np.full_like(pixels, np.nan)))
    return float(np.nansum(pixels, dtype=float))


def main():
    job, tool, folder = sys.argv[1:]
    gdal.UseExceptions()
    fishnet, answer = tool == "fishnet", 0.0
    if job == "small":
        for path in sorted(glob.glob(os.path.join(folder, "small", "*.tif"))):
            answer += total(read(path, fishnet), fishnet)
    else:
        dataset = read(os.path.join(folder, "dem.tif"), fishnet)
        generator = np.random.default_rng(1)
        for x, y in zip(generator.integers(0, dataset.RasterXSize, 10000), generator.integers(0, dataset.RasterYSize, 10000)):
            answer += total(dataset, fishnet, int(x), int(y), 1, 1)
    print(f"{answer:.6g}")


if __name__ == "__main__":
    main()
