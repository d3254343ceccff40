"""rasterio, as Debian has it, on its GDAL: FISHNET rasters with options, whole, in windows, by several threads."""
import os
import sys
import unittest

from hosts import Case, end, need, real

import numpy as np
from osgeo import gdal

SESSION = '''
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import rasterio
from rasterio.windows import Window

dem, recipe, folder = sys.argv[1:]
name = 'FISHNET:' + dem
for case, (what, options) in enumerate([(name, {'CALC': 'sqrt(A*0.3048)'}), (name, {'CALC': 'A;A*2', 'OT': 'Int32', 'NODATA': '-1'}), (recipe, {}),
                                        (name, {'CALC': 'sqrt(A*0.3048)', 'WORKERS': 'PROCESSES'})]):
    with rasterio.open(what, **options) as dataset:
        assert dataset.driver == 'FISHNET' and dataset.crs.to_epsg() == 4326
        whole = dataset.read()
        np.save('%s/%d.npy' % (folder, case), whole)
        assert dataset.read_masks(1).shape == dataset.shape
        assert dataset.descriptions[0], dataset.descriptions
        window = Window(500, 300, 700, 400)
        assert np.array_equal(dataset.read(window=window), whole[:, 300:700, 500:1200], equal_nan=True)
        x, y = dataset.xy(600, 1200)
        assert np.array_equal(next(dataset.sample([(x, y)])), whole[:, 600, 1200], equal_nan=True)

# A dataset for each thread, as rasterio has it; blocks of the file are the windows.
local = threading.local()

def part(window):
    if not hasattr(local, 'dataset'):
        local.dataset = rasterio.open(name, CALC='sqrt(A*0.3048)', NUM_WORKERS='2')
    return window, local.dataset.read(1, window=window)

with rasterio.open(name, CALC='sqrt(A*0.3048)') as dataset:
    windows, got = [w for _, w in dataset.block_windows(1)], np.zeros(dataset.shape, np.float32)
assert len(windows) > 4, windows
with ThreadPoolExecutor(4) as pool:
    for window, pixels in pool.map(part, windows):
        got[window.toslices()] = pixels
np.save(folder + '/threads.npy', got)
print('done')
'''


class Rasterio(Case):
    def test_read(self):
        if not need('python3-rasterio'):
            return
        recipe = self.path('root.fishnet.json')
        with open(recipe, 'w') as f:
            f.write('{"type": "fishnet_raster", "inputs": {"A": "%s"}, "calc": ["sqrt(A*0.3048)"]}' % real('dem.tif'))
        found = end(sys.executable, '-W', 'error::ResourceWarning', '-c', SESSION, real('dem.tif'), recipe, self.folder, folder=self.folder)
        self.assertEqual(found.strip(), 'done')
        dem = gdal.Open(real('dem.tif')).ReadAsArray()
        self.assertFalse((dem == -999).any())
        root = np.sqrt(dem.astype(np.float64) * 0.3048).astype(np.float32)
        for case in ('0', '2', '3', 'threads'):
            self.same(np.load(self.path(case + '.npy')).reshape(root.shape), root, case)
        twice = np.floor(np.stack([dem, dem.astype(np.float64) * 2]) + 0.5).astype(np.int32)
        self.same(np.load(self.path('1.npy')), twice)
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if 'aux' in name), [])


if __name__ == '__main__':
    unittest.main()
