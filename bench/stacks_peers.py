#!/usr/bin/env python3
"""What stacks.py does with numpy and xarray, in processes of their own, so that it stays small itself.

stacks_peers.py numpy METHOD LIST OUT THREADS SIDE
    The method, along the scenes of the list, over blocks of SIDE rows and columns in the middle (0: all), with threads.
stacks_peers.py xarray METHOD LIST OUT THREADS 0
    The same by xarray and Dask, in chunks of all scenes.
stacks_peers.py agree OURS THEIRS
    How far two results differ where both have cells; theirs may be a part of ours. Prints: cells, those that only one has, largest
    relative difference.
METHOD: nanmedian, nanmean, nanpercentile, best (all bands of the scene with the highest vegetation index of bands 2 and 1).
"""
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from osgeo import gdal

TILE = 512
BLOCK = 256  # a side of numpy's, as it wants many arrays at once


def best(stack):
    """stack: scenes, bands, rows, columns."""
    index = (stack[:, 1] - stack[:, 0]) / (stack[:, 1] + stack[:, 0])
    chosen = np.where(np.isnan(index), -np.inf, index).argmax(0)
    return np.take_along_axis(stack, chosen[None, None], 0)[0]


def first(method):
    return lambda stack: method(stack[:, 0], axis=0)[None]


METHODS = {"nanmedian": first(np.nanmedian), "nanmean": first(np.nanmean), "best": best,
           "nanpercentile": first(lambda stack, axis: np.nanpercentile(stack, 90, axis=axis))}


class Scenes:
    """The files of a list; each thread has its own."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.paths = file.read().split("\n")[:-1]
        self.own = threading.local()
        image = gdal.Open(self.paths[0])
        self.side, self.bands, self.nodata = image.RasterXSize, image.RasterCount, image.GetRasterBand(1).GetNoDataValue()
        self.place, self.crs = image.GetGeoTransform(), image.GetProjection()

    def read(self, x, y, width, height):
        if not hasattr(self.own, "files"):
            self.own.files = [gdal.Open(path) for path in self.paths]
        stack = np.stack([file.ReadAsArray(x, y, width, height).reshape(self.bands, height, width) for file in self.own.files])
        return np.where(stack == self.nodata, np.float32(np.nan), stack.astype(np.float32))

    def target(self, out, side, bands):
        """A tiled file of the middle."""
        file = gdal.GetDriverByName("GTiff").Create(out, side, side, bands, gdal.GDT_Float32, ["TILED=YES", "BIGTIFF=IF_SAFER"])
        start = (self.side - side) // 2
        x, y = gdal.ApplyGeoTransform(self.place, start, start)
        file.SetGeoTransform((x, *self.place[1:3], y, *self.place[4:]))
        file.SetProjection(self.crs)
        for number in range(1, bands + 1):
            file.GetRasterBand(number).SetNoDataValue(float("nan"))
        return file


def by_numpy(method, scenes, out, threads, side):
    side = side or scenes.side
    start, compute = (scenes.side - side) // 2, METHODS[method]
    file, lock = scenes.target(out, side, scenes.bands if method == "best" else 1), threading.Lock()

    def block(corner):
        x, y = corner
        width, height = min(BLOCK, side - x), min(BLOCK, side - y)
        values = compute(scenes.read(start + x, start + y, width, height)).astype(np.float32)
        with lock:
            file.WriteRaster(x, y, width, height, values.tobytes())

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(block, [(x, y) for y in range(0, side, BLOCK) for x in range(0, side, BLOCK)]))


def by_xarray(method, scenes, out, threads):
    import dask
    import dask.array
    import xarray

    side, lock = scenes.side, threading.Lock()
    sizes = tuple(min(TILE, side - at) for at in range(0, side, TILE))

    def chunk(block_info=None):
        (_, _), (top, bottom), (left, right) = block_info[None]["array-location"]
        return scenes.read(left, top, right - left, bottom - top)[:, 0]

    stack = dask.array.map_blocks(chunk, chunks=((len(scenes.paths),), sizes, sizes), dtype=np.float32)
    named = xarray.DataArray(stack, dims=("time", "y", "x"))
    reduced = getattr(named, method[3:])("time", skipna=True).data.astype(np.float32)
    file = scenes.target(out, side, 1)

    class Target:
        def __setitem__(self, place, values):
            file.WriteRaster(place[1].start, place[0].start, values.shape[1], values.shape[0], np.ascontiguousarray(values).tobytes())

    with dask.config.set(scheduler="threads", num_workers=threads):
        dask.array.store(reduced, Target(), lock=lock)


def agree(ours, theirs):
    files = [gdal.Open(path) for path in (ours, theirs)]
    place, other = (file.GetGeoTransform() for file in files)
    x, y = round((other[0] - place[0]) / place[1]), round((other[3] - place[3]) / place[5])
    width, height = files[1].RasterXSize, files[1].RasterYSize
    cells = apart = 0
    most = 0.0
    for row in range(0, height, TILE):
        rows = min(TILE, height - row)
        a = files[0].ReadAsArray(x, y + row, width, rows).astype(np.float64)
        b = files[1].ReadAsArray(0, row, width, rows).astype(np.float64)
        nodata = files[1].GetRasterBand(1).GetNoDataValue()
        b = np.where(b == nodata, np.nan, b)
        both = ~np.isnan(a) & ~np.isnan(b)
        apart += int((np.isnan(a) != np.isnan(b)).sum())
        cells += int(both.sum())
        most = max(most, (np.abs(a - b)[both] / np.maximum(np.abs(a[both]), 1)).max(initial=0))
    print(cells, apart, most)


def main():
    gdal.UseExceptions()
    warnings.simplefilter("ignore")  # cells without any value
    task, *words = sys.argv[1:]
    if task == "agree":
        return agree(*words)
    method, scenes, out = words[0], Scenes(words[1]), words[2]
    if task == "numpy":
        return by_numpy(method, scenes, out, *map(int, words[3:5]))
    return by_xarray(method, scenes, out, int(words[3]))


if __name__ == "__main__":
    main()
