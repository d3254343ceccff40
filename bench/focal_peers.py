#!/usr/bin/env python3
"""What focal.py does with numpy and scipy, in processes of their own, so that it stays small itself.

focal_peers.py scipy DEM OUT THREADS METHOD SIZE [METHOD SIZE]...
    The steps, one upon the other, over bands of rows with threads. NoData is a number like any other.
focal_peers.py agree OURS THEIRS DEM RADIUS MOST
    How far two results differ in what both have, at most MOST rows and columns in the middle, where no window of that
    radius leaves it or holds NoData. Prints: cells compared, largest and mean difference.
"""
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from osgeo import gdal

STRIP = 512  # the height of the tiles


def std(x, size):
    from scipy import ndimage

    x = x.astype(np.float64)
    mean = ndimage.uniform_filter(x, size)
    return np.sqrt(np.maximum(ndimage.uniform_filter(x * x, size) - mean * mean, 0))


def circle_mean(x, size):
    from scipy import ndimage

    offsets = np.arange(size) - size // 2
    weights = (offsets[:, None] ** 2 + offsets ** 2 <= (size // 2) ** 2).astype(float)
    return ndimage.correlate(x, weights / weights.sum())


def gradients(x, cell):
    """Horn's: to the east and to the south, of all cells but the outermost."""
    rows, columns = x[:-2] + 2 * x[1:-1] + x[2:], x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
    return (rows[:, 2:] - rows[:, :-2]) / np.float32(8 * cell), (columns[2:] - columns[:-2]) / np.float32(8 * cell)


def inner(values, x):
    result = np.full_like(x, np.nan)
    result[1:-1, 1:-1] = values
    return result


def slope(x, cell):
    east, south = gradients(x, cell)
    return inner(np.degrees(np.arctan(np.sqrt(east * east + south * south))), x)


def hillshade(x, cell):
    """Light from the north-west, halfway up."""
    east, south = gradients(x, cell)
    lit = np.float32(np.sqrt(0.5)) + np.float32(0.5) * (east + south)
    lit /= np.sqrt(1 + east * east + south * south)
    return inner(1 + 254 * np.maximum(lit, 0), x)


def method_of(name, cell):
    """A function of an array and the size of the window."""
    from scipy import ndimage

    return {
        "mean": ndimage.uniform_filter, "min": ndimage.minimum_filter, "max": ndimage.maximum_filter,
        "median": ndimage.median_filter, "percentile": lambda x, size: ndimage.percentile_filter(x, 90, size),
        "std": std, "circle": circle_mean, "slope": lambda x, size: slope(x, cell),
        "hillshade": lambda x, size: hillshade(x, cell),
    }[name]


def by_scipy(dem, out, threads, steps):
    mine, lock = threading.local(), threading.Lock()
    source = gdal.Open(dem)
    width, height, cell = source.RasterXSize, source.RasterYSize, source.GetGeoTransform()[1]
    options = ["TILED=YES", "BIGTIFF=IF_SAFER"]
    target = gdal.GetDriverByName("GTiff").Create(out, width, height, 1, gdal.GDT_Float32, options)
    target.SetGeoTransform(source.GetGeoTransform())
    methods = [(method_of(name, cell), int(size)) for name, size in zip(steps[::2], steps[1::2])]
    halo = sum(size // 2 for _, size in methods)

    def strip(row):
        if not hasattr(mine, "file"):
            mine.file = gdal.Open(dem)
        top, rows = max(row - halo, 0), min(STRIP, height - row)
        values = mine.file.ReadAsArray(0, top, width, min(row + rows + halo, height) - top)
        for method, size in methods:
            values = method(values, size)
        with lock:
            target.WriteRaster(0, row, width, rows, values[row - top:][:rows].astype(np.float32).tobytes())

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(strip, range(0, height, STRIP)))


def place_of(raster):
    """First column and row on the ground, in cells; size."""
    x, cell, _, y, _, _ = raster.GetGeoTransform()
    return np.array([round(x / cell), round(-y / cell)]), np.array([raster.RasterXSize, raster.RasterYSize])


def window_sums(flags, radius):
    """Along the last axis, as far as windows are whole."""
    sums = np.zeros((flags.shape[0], flags.shape[1] + 1), np.int32)
    np.cumsum(flags, axis=1, out=sums[:, 1:])
    return sums[:, 2 * radius + 1:] - sums[:, :-2 * radius - 1]


def agree(ours, theirs, dem, radius, most):
    rasters = [gdal.Open(path) for path in (ours, theirs, dem)]
    places = [place_of(raster) for raster in rasters]
    start, size = places[1]  # theirs may be a part of ours
    side = np.minimum(size, most)
    start = start + (size - side) // 2

    def read(index, margin):
        first, extent = start - places[index][0] + margin, side - 2 * margin
        return rasters[index].ReadAsArray(*map(int, first), *map(int, extent)).astype(np.float64)

    bad = read(2, 0) == rasters[2].GetRasterBand(1).GetNoDataValue()
    whole = window_sums(window_sums(bad, radius).T, radius).T == 0
    off = np.abs(read(0, radius) - read(1, radius))[whole]
    off[np.isnan(off)] = np.inf  # one of the two has no value
    print(off.size, off.max(initial=0), off.mean() if off.size else 0)


def main():
    gdal.UseExceptions()
    task, *words = sys.argv[1:]
    if task == "scipy":
        by_scipy(*words[:2], int(words[2]), words[3:])
    else:
        agree(*words[:3], *map(int, words[3:]))


if __name__ == "__main__":
    main()
