#!/usr/bin/env python3
"""What zonal.py does with numpy, in processes of their own, so that it stays small itself.

zonal_peers.py numpy DEM ZONES OUT.csv THREADS
    Count, mean and deviation in each zone of a zone raster, by bincount.
zonal_peers.py agree OURS.csv THEIRS.csv ZONE COUNT MEAN BANDS
    How far two tables differ. ZONE, COUNT and MEAN are what the other calls these columns, with {} for the band.
    Prints: zones, those that only the other has, largest relative difference of counts and of means.
zonal_peers.py read NAME OPTION...
    Reads a table by Arrow, and drops it. Prints: rows, sum of the column COUNT.
"""
import csv
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from osgeo import gdal

STRIP = 512  # the height of the tiles


def zonal_of_rasters(dem, zones, out, threads):
    mine = threading.local()
    values, numbers = gdal.Open(dem), gdal.Open(zones)
    size, nodata = values.RasterYSize, values.GetRasterBand(1).GetNoDataValue()
    top = int(numbers.GetRasterBand(1).ComputeRasterMinMax(True)[1]) + 1

    def strip(row):
        if not hasattr(mine, "bands"):
            mine.files = [gdal.Open(path) for path in (dem, zones)]
            mine.bands = [file.GetRasterBand(1) for file in mine.files]
        values, numbers = (band.ReadAsArray(0, row, None, min(STRIP, size - row)) for band in mine.bands)
        good = values != nodata
        values, numbers = values[good].astype(np.float64), numbers[good]
        return [np.bincount(numbers, weights, top) for weights in (None, values, values * values)]

    total = [np.zeros(top) for _ in range(3)]
    with ThreadPoolExecutor(threads) as pool:
        for parts in pool.map(strip, range(0, size, STRIP)):
            for whole, part in zip(total, parts):
                whole += part
    with open(out, "w", encoding="ascii") as file:
        file.write("value,count,mean,stdev\n")
        for zone in range(1, top):
            count, mean = total[0][zone], total[1][zone] / max(total[0][zone], 1)
            variance = total[2][zone] / max(count, 1) - mean * mean
            file.write(f"{zone},{count:.0f},{mean:.17g},{max(variance, 0) ** 0.5:.17g}\n")


def read_csv(path, zone, columns):
    """Zones, ascending, and a row of numbers for each; what is empty is nan. No name of the zone: the first column."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        head = next(rows)
        places = [head.index(zone) if zone else 0] + [head.index(column) for column in columns]
        table = np.array([[float(row[i] or "nan") for i in places] for row in rows])
    table = table[np.argsort(table[:, 0])]
    return table[:, 0], table[:, 1:]


def agree(ours, theirs, zone, count, mean, bands):
    """Ours has the driver's columns; the zone is the field of that name or, of a zone raster, the first column."""
    prefixes = [f"B{b}_" for b in range(1, bands + 1)] if bands > 1 else [""]
    with open(ours, encoding="utf-8") as file:
        field = "zone" if "zone" in next(file).strip().split(",") else ""
    a, mine = read_csv(ours, field, [prefix + name for name in ("COUNT", "MEAN") for prefix in prefixes])
    b, other = read_csv(theirs, zone, [name.format(band) for name in (count, mean) for band in range(1, bands + 1)])
    if not np.isin(a, b).all():
        sys.exit(f"{theirs} lacks zones of {ours}")
    other = other[np.searchsorted(b, a)]
    counts, means = np.abs(mine - other)[:, :bands], np.abs(mine - other)[:, bands:]
    counts = counts / np.maximum(mine[:, :bands], 1)
    # without a cell each says it in its own way
    means = np.where(mine[:, :bands] > 0, means / np.abs(mine[:, bands:]), 0)
    print(len(a), len(b) - len(a), counts.max(), means.max())


def read_table(name, options):
    rows = cells = 0
    dataset = gdal.OpenEx(name, gdal.OF_VECTOR, open_options=options)
    for batch in dataset.GetLayer(0).GetArrowStreamAsNumPy():
        rows += len(batch["COUNT"])
        cells += int(batch["COUNT"].sum())
    print(rows, cells)


def main():
    gdal.UseExceptions()
    task, *words = sys.argv[1:]
    if task == "numpy":
        zonal_of_rasters(*words[:3], int(words[3]))
    elif task == "agree":
        agree(*words[:5], int(words[5]))
    else:
        read_table(words[0], words[1:])


if __name__ == "__main__":
    main()
