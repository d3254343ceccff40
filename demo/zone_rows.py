"""zone_rows.py TABLE.csv ZONES.gpkg RASTER: some rows of zonal statistics, then a check of every 10th by other means:
GDAL burns the zone into a mask of the cells whose centre it covers, and numpy computes the statistics of those."""
import csv
import sys
import numpy as np
from osgeo import gdal, ogr

gdal.UseExceptions()
with open(sys.argv[1], encoding="utf-8") as file:
    rows = [row for row in csv.DictReader(file) if int(row["COUNT"]) > 0]
zones, raster = ogr.Open(sys.argv[2]), gdal.Open(sys.argv[3])
layer, band, gt = zones.GetLayer(0), raster.GetRasterBand(1), raster.GetGeoTransform()


def cells(fid):
    """Values of the cells whose centre the zone covers."""
    zone = layer.GetFeature(fid)
    geometry = zone.GetGeometryRef()
    west, east, south, north = geometry.GetEnvelope()
    x, y = max(0, int((west - gt[0]) / gt[1])), max(0, int((north - gt[3]) / gt[5]))
    right = min(raster.RasterXSize, int((east - gt[0]) / gt[1]) + 1)
    below = min(raster.RasterYSize, int((south - gt[3]) / gt[5]) + 1)
    mask = gdal.GetDriverByName("MEM").Create("", right - x, below - y, 1, gdal.GDT_Byte)
    mask.SetGeoTransform([gt[0] + x * gt[1], gt[1], 0, gt[3] + y * gt[5], 0, gt[5]])
    mask.SetProjection(raster.GetProjection())
    memory = ogr.GetDriverByName("Memory").CreateDataSource("")
    burned = memory.CreateLayer("zone", layer.GetSpatialRef())
    feature = ogr.Feature(burned.GetLayerDefn())
    feature.SetGeometry(geometry)
    burned.CreateFeature(feature)
    gdal.RasterizeLayer(mask, [1], burned, burn_values=[1])
    values = band.ReadAsArray(x, y, right - x, below - y)[mask.ReadAsArray() == 1].astype(np.float64)
    return values[values != band.GetNoDataValue()]


for name, best in (("lowest", min), ("highest", max)):
    row = best(rows, key=lambda row: float(row["MEAN"]))
    mean, median, percentile = (float(row[column]) for column in ("MEAN", "MEDIAN", "PCT90"))
    print(f"  {name:<8} hexagon {row['ZONE_FID']:>5}: {int(row['COUNT']):7,} cells, mean {mean:8.1f} feet, "
          f"median {median:8.1f}, 90 % below {percentile:8.1f}")
right = 0
checked = rows[::10]
for row in checked:
    values = cells(int(row["ZONE_FID"]))
    got = [float(row[column]) for column in ("MEAN", "MEDIAN", "PCT90")]
    right += int(row["COUNT"]) == len(values) > 0 and np.allclose(
        got, [values.mean(), *np.percentile(values, (50, 90))], rtol=1e-12, atol=0)
print(f"Checked by GDAL's masks and numpy: {right} of {len(checked)} rows are right; "
      f"{sum(int(row['COUNT']) for row in rows):,} cells in all.")
sys.exit(right != len(checked))
