"""equals_numpy.py RESULT SOURCE EXPRESSION: every cell of RESULT against numpy in double precision. a(1) is band 1."""
import sys
import numpy as np
from osgeo import gdal

gdal.UseExceptions()
result, source = gdal.Open(sys.argv[1]), gdal.Open(sys.argv[2])
same = total = valid = 0
np.seterr(all="ignore")
for y in range(0, source.RasterYSize, 256):
    rows = min(256, source.RasterYSize - y)

    def a(number):
        band = source.GetRasterBand(number)
        values = band.ReadAsArray(0, y, source.RasterXSize, rows).astype(np.float64)
        return values if band.GetNoDataValue() is None else np.where(values == band.GetNoDataValue(), np.nan, values)

    expected = eval(sys.argv[3]).astype(np.float32)
    got = result.ReadAsArray(0, y, source.RasterXSize, rows)
    same += int(np.sum((got == expected) | (np.isnan(got) & np.isnan(expected))))
    valid += int(np.sum(~np.isnan(got)))
    total += expected.size
print(f"Compared with numpy in double precision: {same:,} of {total:,} cells are equal ({total - valid:,} are NoData).")
sys.exit(same != total)
