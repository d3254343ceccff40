"""overview.py FOLDER PNG: three of the demo's pictures side by side, in few colours: docs/pictures/overview.png is one."""
import sys

import numpy as np
from osgeo import gdal

gdal.UseExceptions()
HEIGHT, GAP, COLOURS = 270, 8, 64
# Name, and the window: of which the height becomes HEIGHT.
PARTS = (('dem_sqrt.png', (60, 60, 900, 620)), ('near.png', (480, 420, 740, 510)), ('zones.png', (150, 60, 960, 660)))


def part(folder, name, window):
    x, y, width, height = window
    small = gdal.Translate('', '%s/%s' % (folder, name), format='MEM', srcWin=window, width=round(width * HEIGHT / height), height=HEIGHT, resampleAlg='average', bandList=[1, 2, 3])
    return small.ReadAsArray()


def main(folder, output):
    parts = [part(folder, *given) for given in PARTS]
    gap = np.full((3, HEIGHT, GAP), 255, np.uint8)
    pixels = np.concatenate([parts[0]] + [plane for one in parts[1:] for plane in (gap, one)], axis=2)
    colours = gdal.GetDriverByName('MEM').Create('', pixels.shape[2], HEIGHT, 3)
    colours.WriteArray(pixels)
    few = gdal.GetDriverByName('MEM').Create('', pixels.shape[2], HEIGHT, 1)
    table = gdal.ColorTable()
    bands = [colours.GetRasterBand(number) for number in (1, 2, 3)]
    gdal.ComputeMedianCutPCT(*bands, COLOURS, table)
    few.GetRasterBand(1).SetRasterColorTable(table)
    gdal.DitherRGB2PCT(*bands, few.GetRasterBand(1), table)
    gdal.SetConfigOption('GDAL_PAM_ENABLED', 'NO')
    gdal.GetDriverByName('PNG').CreateCopy(output, few, options=['ZLEVEL=9'])


if __name__ == '__main__':
    main(*sys.argv[1:])
