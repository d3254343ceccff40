"""The files in vrt/: each opens in the folder of the real data, as its header says, and has the values of numpy."""
import glob
import os
import unittest

import numpy as np
from osgeo import gdal

from common import Case, good, real

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'vrt')


class VrtFolder(Case):
    def opened(self, name):
        folder = os.getcwd()
        os.chdir(os.path.dirname(real('dem.tif')))
        try:
            return gdal.Open(os.path.join(FOLDER, name)).ReadAsArray()
        finally:
            os.chdir(folder)

    def test_sqrt_dem(self):
        dem = gdal.Open(real('dem.tif')).ReadAsArray().astype(np.float64)
        dem[dem == -999] = np.nan
        self.same(self.opened('sqrt_dem.vrt'), np.sqrt(dem * 0.3048).astype(np.float32))

    def test_ndvi_landsat(self):
        bands = gdal.Open(real('landsat.tif')).ReadAsArray().astype(np.float64)
        with np.errstate(invalid='ignore'):
            want = ((bands[3] - bands[2]) / (bands[3] + bands[2])).astype(np.float32)
        self.same(self.opened('ndvi_landsat.vrt'), want)

    def test_every_file_has_a_test(self):
        tested = {name[5:] + '.vrt' for name in dir(self) if name.startswith('test_')}
        files = {os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, '*.vrt'))}
        self.assertTrue(files)
        self.assertLessEqual(files, tested)

    def test_tools(self):
        for name in ('sqrt_dem.vrt', 'ndvi_landsat.vrt'):
            text = good('gdalinfo', '-checksum', os.path.join(FOLDER, name), cwd=os.path.dirname(real('dem.tif')))
            self.assertRegex(text, r'Checksum=[1-9]')  # -stats would write into the file


if __name__ == '__main__':
    unittest.main()
