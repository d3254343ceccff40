#!/usr/bin/env python3
"""What remote.py does with rasterio and a pool of threads, in a process of its own.

remote_peers.py NAME OUT THREADS WIDTHxHEIGHT
    Copies a raster of one band into a tiled GeoTIFF, in windows of that size, each thread with a handle of its own.
"""
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import rasterio
from rasterio.windows import Window


def main():
    name, out, threads, size = sys.argv[1:]
    width, height = (int(word) for word in size.split('x'))
    own = threading.local()
    with rasterio.open(name) as source:
        columns, rows, kind = source.width, source.height, source.dtypes[0]

    def read(window):
        if not hasattr(own, 'file'):
            own.file = rasterio.open(name, sharing=False)
        return own.file.read(1, window=window)

    windows = [Window(x, y, min(width, columns - x), min(height, rows - y)) for y in range(0, rows, height) for x in range(0, columns, width)]
    with rasterio.open(out, 'w', driver='GTiff', width=columns, height=rows, count=1, dtype=kind, tiled=True) as target:
        with ThreadPoolExecutor(int(threads)) as pool:
            for window, pixels in zip(windows, pool.map(read, windows)):
                target.write(pixels, 1, window=window)


if __name__ == '__main__':
    main()
