"""stack_numpy.py RESULT RAIN... TEMPERATURE...: each band of RESULT against numpy in double precision, of as many files of
both. Prints how long numpy takes with one thread, and how many cells are equal."""
import sys
import time

import numpy as np
from osgeo import gdal

gdal.UseExceptions()
start = time.perf_counter()
result, files = gdal.Open(sys.argv[1]), [gdal.Open(path) for path in sys.argv[2:]]
same = total = valid = 0
comparing = 0.0
np.seterr(all="ignore")
for y in range(0, result.RasterYSize, 64):
    rows = min(64, result.RasterYSize - y)
    stack = np.stack([file.ReadAsArray(0, y, result.RasterXSize, rows) for file in files]).astype(np.float64)
    stack[stack == files[0].GetRasterBand(1).GetNoDataValue()] = np.nan
    rain, warm = stack[:len(files) // 2], stack[len(files) // 2:]
    nowhere = np.isnan(stack).any(0)
    wettest = rain.argmax(0)
    expected = [wettest + 1.0, np.take_along_axis(warm, wettest[None], 0)[0], warm.max(0) - warm.min(0), np.median(warm, 0),
                np.percentile(rain, 90, axis=0)]
    then = time.perf_counter()
    for band, values in enumerate(expected, 1):
        values = np.where(nowhere, np.nan, values).astype(np.float32)
        got = result.GetRasterBand(band).ReadAsArray(0, y, result.RasterXSize, rows)
        same += int(np.sum((got == values) | (np.isnan(got) & np.isnan(values))))
        valid += int(np.sum(~np.isnan(got)))
        total += values.size
    comparing += time.perf_counter() - then
print(f"numpy reads and computes the same in {time.perf_counter() - start - comparing:.1f} s, with one thread.")
print(f"Compared with numpy in double precision: {same:,} of {total:,} cells are equal ({total - valid:,} are NoData).")
sys.exit(same != total)
