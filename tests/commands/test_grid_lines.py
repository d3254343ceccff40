"""Options of `gdal fishnet calc` and `zonal-stats` about the grid of the result, as GDAL's commands and gdal_calc.py call them."""
import json
import os
import shutil
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, VERSION, good, run, write  # noqa: E402

A = (1000, 10, 0, 5000, 0, -10)


class TestGridLines(Case):
    @classmethod
    def prepare(cls):
        rng = np.random.default_rng(11)
        cls.a = rng.integers(0, 200, (40, 50)).astype(np.float64)
        cls.b = rng.integers(0, 200, (40, 50)).astype(np.float64)
        write(cls.path('a.tif'), cls.a, geotransform=A, epsg=32633, nodata=-1)
        write(cls.path('b.tif'), cls.b, geotransform=(1100, 10, 0, 4950, 0, -10), epsg=32633, nodata=-1)
        write(cls.path('half.tif'), np.repeat(np.repeat(cls.a, 2, 0), 2, 1), geotransform=(1000, 5, 0, 5000, 0, -5), epsg=32633, nodata=-1)

    def setUp(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path('.'))

    def calc(self, *words, folder='.'):
        good('gdal', 'fishnet', 'calc', '-q', '--overwrite', *words, 'out.tif', cwd=folder)
        dataset = gdal.Open(os.path.join(folder, 'out.tif'))
        band = dataset.GetRasterBand(1)
        values = band.ReadAsArray().astype(np.float64)
        if band.GetNoDataValue() is not None:
            values[values == band.GetNoDataValue()] = np.nan
        return dataset.GetGeoTransform(), values

    def same(self, got, gt, values):
        self.assertEqual(got[0], gt)
        np.testing.assert_array_equal(got[1], values)

    def test_extents(self):
        both = ['A=a.tif', 'B=b.tif', '--calc', 'A+B']
        common = self.a[5:, 10:] + self.b[:35, :40]
        for words in (['--extent', 'intersection'], ['--extent=intersect'], ['--bbox', '1100,4600,1500,4950'], ['--projwin', '1100', '4950', '1500', '4600'],
                      ['--projwin=1100,4950,1500,4600'], ['--extent', 'intersection', '--snap', 'tap'], ['--extent=intersection', '--cell-size', 'finest'],
                      ['--extent=intersection', '--resolution', 'highest', '-r', 'nearest']):
            with self.subTest(words=words):
                self.same(self.calc(*both, *words), (1100, 10, 0, 4950, 0, -10), common)
        whole = np.full((45, 60), np.nan)
        whole[5:40, 10:50] = common
        self.same(self.calc(*both, '--extent', 'union'), A, whole)
        first = np.full((40, 50), np.nan)
        first[5:, 10:] = common
        self.same(self.calc(*both, '--extent', 'A'), A, first)
        self.same(self.calc(*both, '--extent', 'a.tif'), A, first)
        self.same(self.calc(*both, '-r', 'nearest'), A, first)
        outside = self.a.copy()
        outside[5:, 10:] = common
        self.same(self.calc(*both, '--extent', 'A', '--outside', '0'), A, outside)
        self.same(self.calc('A=a.tif', '--calc', 'A', '--projwin', '1000', '5000', '1020', '4990'), A, self.a[:1, :2])

    def test_no_grid(self):
        """What gdal_calc.py calls as it is by default, and what is left to matching resolutions."""
        done = run('gdal', 'fishnet', 'calc', '-q', '--overwrite', 'A=a.tif', 'B=b.tif', '--calc', 'A+B', '--extent', 'fail', 'out.tif')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('--extent=INTERSECTION', done.stderr)
        self.assertIn('shifted by 10, 5 cells', done.stderr)
        self.same(self.calc('A=a.tif', 'B=b.tif', '--calc', 'A+B', '--extent', 'ignore'), A, self.a + self.b)
        gt, values = self.calc('A=a.tif', 'B=half.tif', '--calc', 'A+B')
        self.assertEqual((gt[1], values.shape), (5, (80, 100)))
        gt, values = self.calc('A=a.tif', 'B=half.tif', '--calc', 'A+B', '--resolution', 'lowest', '-r', 'nearest')
        self.same((gt, values), A, self.a * 2)
        gt, values = self.calc('A=a.tif', 'B=half.tif', '--calc', 'A+B', '--cell-size', 'B', '--input-resampling', 'A=near')
        self.same((gt, values), (1000, 5, 0, 5000, 0, -5), np.repeat(np.repeat(self.a * 2, 2, 0), 2, 1))

    def test_wrong(self):
        for words, said in ((['--projwin', '1', '2', '3', 'x'], 'projwin'), (['--projwin', '1,2'], 'projwin'), (['--extent', 'A', '--projwin', '1', '2', '3', '4'], 'projwin'),
                            (['--snap', 'A', '--tap'], 'target-aligned-pixels'), (['--extent', 'red'], '--extent=red'), (['-r', 'nearer'], 'resampling'),
                            (['--extent', 'A', '--no-check-extent'], '--no-check-extent'), (['--cell-size', 'common'], '--cell-size=common')):
            done = run('gdal', 'fishnet', 'calc', '-q', '--overwrite', 'A=a.tif', '--calc', 'A', *words, 'wrong.tif')
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(said, done.stderr)

    def test_names_that_move(self):
        """A GDALG file and a VRT have the datasets of these options relative to themselves."""
        os.makedirs('made/below')
        for name in 'a.tif', 'b.tif':
            gdal.Translate('made/' + name, name)
        shutil.copy('made/b.tif', 'made/frame')
        words = ['gdal', 'fishnet', 'calc', '-q', 'A=made/a.tif', '--calc', 'A+1', '--extent', 'made/b.tif', '--snap', 'made/frame']
        good(*words, 'made/out.gdalg.json')
        good(*words, 'made/out.vrt')
        with open('made/out.gdalg.json') as f:
            line = json.load(f)['command_line']
        self.assertNotIn(self.path('made'), line)
        os.rename('made', 'elsewhere')
        for name in 'out.gdalg.json', 'out.vrt':
            dataset = gdal.Open('elsewhere/' + name)
            self.assertEqual(dataset.GetGeoTransform(), (1100, 10, 0, 4950, 0, -10), name)
            np.testing.assert_array_equal(dataset.ReadAsArray()[:35, :40], self.a[5:, 10:] + 1)

    def test_extent_is_not_overwritten(self):
        done = run('gdal', 'fishnet', 'calc', '-q', '--overwrite', 'A=a.tif', '--calc', 'A', '--extent', 'b.tif', 'b.tif')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('b.tif', done.stderr)
        np.testing.assert_array_equal(gdal.Open('b.tif').ReadAsArray(), self.b)

    def test_zonal_stats(self):
        with open('zones.geojson', 'w') as f:
            json.dump({'type': 'FeatureCollection', 'crs': {'type': 'name', 'properties': {'name': 'EPSG:32633'}}, 'features': [
                {'type': 'Feature', 'properties': {}, 'geometry': {'type': 'Polygon', 'coordinates': [[[0, 0], [9000, 0], [9000, 9000], [0, 9000], [0, 0]]]}}]}, f)
        good('gdal', 'fishnet', 'zonal-stats', '-q', '--overwrite', '-i', 'a.tif', '-i', 'b.tif', '--zones', 'zones.geojson', '--calc', 'A+B', '--extent',
             'intersection', '--stat', 'count,sum', '-o', 'out.csv')
        table = ogr.Open('out.csv')
        row = table.GetLayer(0).GetNextFeature()
        self.assertEqual((int(row['COUNT']), float(row['SUM'])), (1400, (self.a[5:, 10:] + self.b[:35, :40]).sum()))


if __name__ == '__main__':
    if VERSION >= (3, 11):
        unittest.main()
    print('gdal fishnet needs GDAL 3.11')
