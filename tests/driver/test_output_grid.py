"""EXTENT, CELL_SIZE, SNAP and CRS: which grid a result has. Expected numbers are worked out here, transformed ones by pyproj."""
import os
import shutil
import unittest

import numpy as np
import pyproj
from osgeo import gdal, ogr, osr

from common import Case, run

CELL = 1 / 1200


def transformed(gt, size, source, target, n=4001):
    """The extent of a raster in another CRS, by places close to each other on its edges; and how far these are apart at the most."""
    part = np.linspace(0, 1, n)
    s = np.concatenate([part, part, np.zeros(n), np.ones(n)]) * size[0]
    t = np.concatenate([np.zeros(n), np.ones(n), part, part]) * size[1]
    x, y = pyproj.Transformer.from_crs(source, target, always_xy=True).transform(gt[0] + s * gt[1] + t * gt[2], gt[3] + s * gt[4] + t * gt[5])
    return x.min(), y.min(), x.max(), y.max()


class TestOutputGrid(Case):
    @classmethod
    def prepare(cls):
        cls.raster('deg.tif', (7, CELL, 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
        cls.raster('east.tif', (7.25, CELL, 0, 45.9, 0, -CELL), 600, 480, 'EPSG:4326')
        cls.raster('coarse.tif', (7.1, 3 * CELL, 0, 45.9, 0, -3 * CELL), 100, 60, 'EPSG:4326')
        cls.raster('away.tif', (17, CELL, 0, 46, 0, -CELL), 60, 60, 'EPSG:4326')
        cls.raster('utm.tif', (360000, 30, 0, 5080000, 0, -30), 700, 600, 'EPSG:32632')
        cls.raster('snap.tif', (359987.5, 10, 0, 5080003, 0, -10), 7, 6, 'EPSG:32632')
        cls.raster('south.tif', (7, CELL, 0, 45.6, 0, CELL), 600, 480, 'EPSG:4326')
        cls.raster('rotated.tif', (7, 0.0008, 0.0001, 46, 0.0001, -0.0008), 600, 480, 'EPSG:4326')
        cls.raster('date.tif', (200000, 30, 0, 5100000, 0, -30), 300, 200, 'EPSG:32601')
        cls.raster('west.tif', (740000, 30, 0, 5100000, 0, -30), 300, 200, 'EPSG:32660')
        cls.raster('pole.tif', (-500000, 1000, 0, 500000, 0, -1000), 1000, 1000, 'EPSG:3995')
        cls.raster('ring.tif', (-180, 0.5, 0, 90, 0, -0.5), 720, 60, 'EPSG:4326')
        cls.raster('nocrs.tif', (7, CELL, 0, 46, 0, -CELL), 600, 480, None)
        cls.raster('noplace.tif', None, 600, 480, 'EPSG:4326')
        gcps = gdal.GetDriverByName('GTiff').Create(cls.path('gcps.tif'), 10, 10)
        gcps.SetGCPs([gdal.GCP(7 + x / 10, 46 - y / 10, 0, x, y) for x, y in ((0, 0), (9, 0), (0, 9), (9, 9))], osr.SpatialReference())
        rpcs = gdal.GetDriverByName('GTiff').Create(cls.path('rpcs.tif'), 10, 10)
        rpcs.SetMetadata({'LINE_OFF': '5', 'SAMP_OFF': '5', 'LAT_OFF': '46', 'LONG_OFF': '7', 'HEIGHT_OFF': '0', 'LINE_SCALE': '5',
                          'SAMP_SCALE': '5', 'LAT_SCALE': '1', 'LONG_SCALE': '1', 'HEIGHT_SCALE': '1', **{
                              key: ' '.join(['1'] * 20) for key in ('LINE_NUM_COEFF', 'LINE_DEN_COEFF', 'SAMP_NUM_COEFF', 'SAMP_DEN_COEFF')}},
                         'RPC')
        del gcps, rpcs

    @classmethod
    def raster(cls, name, gt, width, height, crs):
        dataset = gdal.GetDriverByName('GTiff').Create(cls.path(name), width, height, 1, gdal.GDT_Int16)
        if gt:
            dataset.SetGeoTransform(gt)
        if crs:
            srs = osr.SpatialReference()
            srs.SetFromUserInput(crs)
            dataset.SetSpatialRef(srs)
        dataset.GetRasterBand(1).WriteArray((np.arange(width * height).reshape(height, width) % 1000).astype(np.int16))

    def setUp(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path('.'))

    def open(self, name, **options):
        if len(options.keys() & set('BCDE')) > 0:
            options.setdefault('CALC', 'A+' + '+'.join(sorted(options.keys() & set('BCDE'))))
        gdal.PushErrorHandler(lambda level, number, text: self.said.append(text))
        self.said = []
        try:
            return gdal.OpenEx('FISHNET:' + name, open_options=['%s=%s' % option for option in options.items()])
        finally:
            gdal.PopErrorHandler()

    def grid(self, name, **options):
        dataset = self.open(name, **options)
        return dataset.GetGeoTransform(), (dataset.RasterXSize, dataset.RasterYSize)

    def check(self, gt, size, name, digits=9, **options):
        own, pixels = self.grid(name, **options)
        self.assertEqual(pixels, size, own)
        np.testing.assert_allclose(own, gt, rtol=0, atol=10.0 ** -digits)

    def refused(self, name, **options):
        with self.assertRaises(RuntimeError) as caught:
            self.open(name, **options)
        return str(caught.exception)

    def fails(self, words, name, **options):
        message = self.refused(name, **options)
        for word in words:
            self.assertIn(word, message)

    # ---- one CRS ----

    def test_as_it_is(self):
        """What is said of A again changes nothing, to the bit."""
        for name in 'deg.tif', 'south.tif', 'rotated.tif', 'utm.tif':
            dataset = gdal.Open(name)
            gt, size, wkt = dataset.GetGeoTransform(), (dataset.RasterXSize, dataset.RasterYSize), dataset.GetProjection()
            for options in ({'RESAMPLING': 'NEAR'}, {'EXTENT': 'A'}, {'SNAP': 'A', 'CELL_SIZE': 'A'}, {'CRS': 'A'}, {'CRS': wkt}, {'OUTSIDE': 0}):
                with self.subTest(name=name, options=options):
                    self.assertEqual(self.grid(name, **options), (gt, size))
        self.assertEqual(self.grid('deg.tif', EXTENT='deg.tif'), ((7, CELL, 0, 46, 0, -CELL), (600, 480)))
        self.assertEqual(self.grid('deg.tif', EXTENT='INTERSECTION'), ((7, CELL, 0, 46, 0, -CELL), (600, 480)))

    def test_extents(self):
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (240, 120), 'deg.tif', EXTENT='7.1,45.8,7.3,45.9')
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (240, 120), 'deg.tif', EXTENT=' 7.1, 45.8 ,7.3, 45.9')
        self.check((7.25, CELL, 0, 45.9, 0, -CELL), (300, 360), 'deg.tif', B='east.tif', EXTENT='INTERSECTION')
        self.check((7, CELL, 0, 46, 0, -CELL), (900, 600), 'deg.tif', B='east.tif', EXTENT='UNION')
        self.check((7.25, CELL, 0, 45.9, 0, -CELL), (600, 480), 'deg.tif', B='east.tif', EXTENT='B')
        self.check((7.25, CELL, 0, 45.9, 0, -CELL), (600, 480), 'deg.tif', EXTENT='east.tif')
        self.check((7.25, CELL, 0, 45.9, 0, -CELL), (600, 480), 'deg.tif', EXTENT=self.path('east.tif'))
        self.check((7.25, CELL, 0, 45.9, 0, -CELL), (600, 480), 'deg.tif', INPUT='red=east.tif', CALC='A+red', EXTENT='red')
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (300, 180), 'deg.tif', B='coarse.tif', EXTENT='INTERSECTION')

    def test_rounded_outward(self):
        """To whole cells; what is on an edge but for rounding adds none."""
        a = 0.4 * CELL
        self.check((7.1 - CELL, CELL, 0, 45.9 + CELL, 0, -CELL), (242, 122), 'deg.tif',
                   EXTENT='%.17g,%.17g,%.17g,%.17g' % (7.1 - a, 45.8 - a, 7.3 + a, 45.9 + a))
        for a, more in ((0.0009, 0), (-0.0009, 0), (0.0011, 1)):
            a *= CELL
            self.check((7.1 - more * CELL, CELL, 0, 45.9 + more * CELL, 0, -CELL), (240 + 2 * more, 120 + 2 * more), 'deg.tif',
                       EXTENT='%.17g,%.17g,%.17g,%.17g' % (7.1 - a, 45.8 - a, 7.3 + a, 45.9 + a))
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (1, 1), 'deg.tif', EXTENT='7.1001,45.8999,7.1002,45.89995')

    def test_cell_sizes(self):
        self.check((7, 0.002, 0, 46, 0, -0.002), (250, 200), 'deg.tif', CELL_SIZE=0.002)
        self.check((7, 0.002, 0, 46, 0, -0.003), (250, 134), 'deg.tif', CELL_SIZE='0.002, 0.003')
        self.check((7, 3 * CELL, 0, 46, 0, -3 * CELL), (200, 160), 'deg.tif', B='coarse.tif', CELL_SIZE='B')
        self.check((7, 3 * CELL, 0, 46, 0, -3 * CELL), (200, 160), 'deg.tif', B='coarse.tif', CELL_SIZE='COARSEST')
        self.assertIn('B (coarse.tif)', ''.join(self.said))
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (300, 180), 'coarse.tif', B='deg.tif', CELL_SIZE='finest')

    def test_origins(self):
        n = round(7.1 / 0.003 - 0.5)
        self.check((n * 0.003, 0.003, 0, 45.9, 0, -0.003), (84, 50), 'coarse.tif', SNAP='TAP', CELL_SIZE='0.003')
        self.check((359987.5, 30, 0, 5080003, 0, -30), (701, 601), 'utm.tif', SNAP='snap.tif')
        self.check((359997.5, 10, 0, 5080003, 0, -10), (2101, 1801), 'utm.tif', SNAP='snap.tif', CELL_SIZE=10)
        self.check((7.1, 3 * CELL, 0, 45.9, 0, -3 * CELL), (100, 60), 'deg.tif', B='coarse.tif', SNAP='B', EXTENT='B', CELL_SIZE='B')

    def test_like(self):
        """What other options do not say is as in another input, or another raster."""
        for name in 'east.tif', 'coarse.tif', 'utm.tif', 'south.tif', 'rotated.tif':
            dataset = gdal.Open(name)
            whole = dataset.GetGeoTransform(), (dataset.RasterXSize, dataset.RasterYSize)
            for options in ({'LIKE': name}, {'LIKE': self.path(name)}, {'B': name, 'LIKE': 'B'}, {'INPUT': 'red=' + name, 'CALC': 'A+red', 'LIKE': 'red', 'CRS': 'red'},
                            {'B': name, 'LIKE': 'B', 'EXTENT': 'B', 'SNAP': 'B', 'CELL_SIZE': 'B'}):
                with self.subTest(name=name, options=options):
                    if name == 'rotated.tif' and 'SNAP' in options:
                        continue
                    dataset = self.open('deg.tif', **options)
                    self.assertEqual((dataset.GetGeoTransform(), (dataset.RasterXSize, dataset.RasterYSize)), whole)
                    self.assertTrue(dataset.GetSpatialRef().IsSame(gdal.Open(name).GetSpatialRef()))
        self.check((7.1, 3 * CELL, 0, 45.9, 0, -3 * CELL), (80, 40), 'deg.tif', B='coarse.tif', LIKE='B', EXTENT='7.1,45.8,7.3,45.9')
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (300, 180), 'deg.tif', B='coarse.tif', LIKE='B', CELL_SIZE='A')
        self.check((7, CELL, 0, 46, 0, -CELL), (600, 480), 'deg.tif', LIKE='A')
        shutil.copy('utm.tif', 'B')
        self.check((7.25, CELL, 0, 45.9, 0, -CELL), (600, 480), 'deg.tif', B='east.tif', LIKE='B')
        self.check((360000, 30, 0, 5080000, 0, -30), (700, 600), 'deg.tif', B='east.tif', LIKE='./B')
        os.remove('B')
        self.fails(['LIKE=red', 'no input', 'A'], 'deg.tif', LIKE='red')
        self.fails(['LIKE=missing.tif', 'missing.tif'], 'deg.tif', LIKE='missing.tif')
        self.fails(['A (deg.tif)', 'overlap'], 'deg.tif', LIKE='away.tif')

    def test_south_up_and_rotated(self):
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (240, 120), 'south.tif', EXTENT='7.1,45.8,7.3,45.9')
        self.fails(['A (rotated.tif)', 'rotated', 'SNAP'], 'rotated.tif', EXTENT='7.1,45.8,7.3,45.9')
        gt, size = self.grid('rotated.tif', CELL_SIZE=0.001, SNAP='TAP')
        self.assertEqual(gt[1:3] + gt[4:], (0.001, 0, 0, -0.001))
        np.testing.assert_allclose((gt[0], gt[3]), (7, 46.06), atol=1e-9)
        self.assertEqual(size, (528, 444))

    def test_features(self):
        """A dataset of features has an extent, too; that of its layers, in any CRS."""
        driver = ogr.GetDriverByName('GPKG').CreateDataSource('zones.gpkg')
        for name, code, ring in (('a', 4326, (7.1, 45.8, 7.2, 45.9)), ('b', 32632, (360000, 5080000, 361000, 5081000))):
            srs = osr.SpatialReference()
            srs.ImportFromEPSG(code)
            layer = driver.CreateLayer(name, srs)
            feature = ogr.Feature(layer.GetLayerDefn())
            x0, y0, x1, y1 = ring
            feature.SetGeometry(ogr.CreateGeometryFromWkt('LINESTRING(%r %r,%r %r)' % (x0, y0, x1, y1)))
            layer.CreateFeature(feature)
        driver.CreateLayer('table', None, ogr.wkbNone)
        del driver, layer
        b = transformed((360000, 1000, 0, 5081000, 0, -1000), (1, 1), 'EPSG:32632', 'EPSG:4326')
        box = min(b[0], 7.1), min(b[1], 45.8), max(b[2], 7.2), max(b[3], 45.9)
        west, north = np.floor((box[0] - 7) / CELL + 0.001), np.floor((46 - box[3]) / CELL + 0.001)
        east, south = np.ceil((box[2] - 7) / CELL - 0.001), np.ceil((46 - box[1]) / CELL - 0.001)
        self.check((7 + west * CELL, CELL, 0, 46 - north * CELL, 0, -CELL), (east - west, south - north), 'deg.tif', EXTENT='zones.gpkg')
        ogr.GetDriverByName('GPKG').CreateDataSource('empty.gpkg').CreateLayer('a', srs)
        self.fails(['EXTENT=empty.gpkg', 'no extent'], 'deg.tif', EXTENT='empty.gpkg')

    # ---- another CRS ----

    def another(self, name, source, target, tolerance, **options):
        """That the grid has the extent in it, and no row that it does not touch."""
        dataset = gdal.Open(name)
        box = transformed(dataset.GetGeoTransform(), (dataset.RasterXSize, dataset.RasterYSize), source, target)
        gt, (width, height) = self.grid(name, CRS=target, **options)
        self.assertEqual(gt[2], 0)
        own = gt[0], gt[3] + height * gt[5], gt[0] + width * gt[1], gt[3]
        cell = gt[1]
        for k, sign in enumerate((1, 1, -1, -1)):
            outside = sign * (box[k] - own[k]) / cell
            self.assertGreater(outside, -0.001 - tolerance / cell, (k, own, box))
            self.assertLess(outside, 1 + tolerance / cell, (k, own, box))
        return gt, (width, height)

    def test_another_crs(self):
        for target in 'EPSG:32632', 'EPSG:3035', 'EPSG:3857':
            gt, _ = self.another('deg.tif', 'EPSG:4326', target, 1e-3, CELL_SIZE=25, SNAP='TAP')
            self.assertEqual((gt[0] % 25, gt[3] % 25), (0, 0))
            self.another('deg.tif', 'EPSG:4326', target, 1e-3)
        self.another('utm.tif', 'EPSG:32632', 'EPSG:4326', 1e-9)
        self.check((360000, 30, 0, 5080000, 0, -30), (700, 600), 'deg.tif', B='utm.tif', CRS='B', EXTENT='B', SNAP='B', CELL_SIZE='B')
        self.check((360000, 25, 0, 5080000, 0, -25), (840, 720), 'deg.tif', EXTENT='utm.tif', CRS='EPSG:32632', CELL_SIZE=25)
        dataset = self.open('deg.tif', CRS='EPSG:32632')
        self.assertEqual(dataset.GetSpatialRef().GetAuthorityCode(None), '32632')
        self.assertEqual(dataset.GetSpatialRef().GetDataAxisToSRSAxisMapping(), [1, 2])
        self.assertEqual(self.open('utm.tif', CRS='EPSG:4326').GetSpatialRef().GetDataAxisToSRSAxisMapping(), [2, 1])

    def test_cell_of_another_crs(self):
        """The mean of the sides of the cell in the middle, to 12 digits, and said."""
        x, y = 7 + 300 * CELL, 46 - 240 * CELL
        ex, ny = pyproj.Transformer.from_crs('EPSG:4326', 'EPSG:32632', always_xy=True).transform([x, x + CELL, x], [y, y, y - CELL])
        mean = (np.hypot(ex[1] - ex[0], ny[1] - ny[0]) + np.hypot(ex[2] - ex[0], ny[2] - ny[0])) / 2
        gt, _ = self.grid('deg.tif', CRS='EPSG:32632')
        self.assertAlmostEqual(gt[1], mean, delta=1e-7)
        self.assertEqual(gt[1], float('%.12g' % gt[1]))
        self.assertEqual(-gt[5], gt[1])
        self.assertIn('%.15g x %.15g' % (gt[1], gt[1]), ''.join(self.said))
        self.assertIn('A (deg.tif)', ''.join(self.said))
        self.assertEqual(self.grid('utm.tif', B='deg.tif', CELL_SIZE='COARSEST')[0][1], gt[1])
        self.assertEqual(self.grid('utm.tif', B='deg.tif', CELL_SIZE='FINEST')[0][1], 30)

    def test_antimeridian(self):
        """What lies across 180 degrees goes on beyond; it is not the whole circle."""
        to = pyproj.Transformer.from_crs('EPSG:32601', 'EPSG:4326', always_xy=True)
        x, y = to.transform([200000, 209000, 200000, 209000], [5100000, 5100000, 5094000, 5094000])
        x = [value if value > 0 else value + 360 for value in x]
        gt, (width, _) = self.grid('date.tif', CRS='EPSG:4326', CELL_SIZE=0.001, SNAP='TAP')
        self.assertAlmostEqual(gt[0], np.floor(min(x) * 1000) / 1000, delta=1e-9)
        self.assertAlmostEqual(gt[0] + width * 0.001, np.ceil(max(x) * 1000) / 1000, delta=1e-9)
        gt, (width, _) = self.grid('date.tif', B='west.tif', CRS='EPSG:4326', CELL_SIZE=0.001, SNAP='TAP', EXTENT='UNION')
        self.assertLess(width, 1000 * 2)

    def test_pole(self):
        gt, size = self.grid('pole.tif', CRS='EPSG:4326', CELL_SIZE=0.1, SNAP='TAP')
        np.testing.assert_allclose((gt[0], gt[3], size[0]), (-180, 90, 3600), atol=1e-6)
        south = transformed((-500000, 1000, 0, 500000, 0, -1000), (1000, 1000), 'EPSG:3995', 'EPSG:4326')[1]
        self.assertAlmostEqual(gt[3] - size[1] * 0.1, np.floor(south * 10) / 10, delta=1e-9)
        # A circle, whose extremes are between the corners of what is transformed.
        radius = pyproj.Transformer.from_crs('EPSG:4326', 'EPSG:3995', always_xy=True).transform(90, 60)[0]
        gt, size = self.grid('ring.tif', CRS='EPSG:3995', CELL_SIZE=1000, SNAP='TAP')
        n = int(np.ceil(radius / 1000))
        self.assertEqual((gt[0], gt[3], *size), (-n * 1000, n * 1000, 2 * n, 2 * n))

    def test_the_world_from_its_cut(self):
        """The cut of EPSG:3832 is within a raster of the whole world: x goes from one side of it to the other."""
        self.raster('world.tif', (-180, 1, 0, 80, 0, -1), 360, 160, 'EPSG:4326')
        half = np.pi * 6378137
        gt, (width, _) = self.grid('world.tif', CRS='EPSG:3832', CELL_SIZE=half / 500)
        np.testing.assert_allclose((gt[0], width), (-half, 1000), atol=1)
        gt, (width, _) = self.grid('world.tif', CRS='EPSG:3857', CELL_SIZE=half / 500)
        np.testing.assert_allclose((gt[0], width), (-half, 1000), atol=1)

    def test_without_end(self):
        """The pole in Mercator's projection, and the other pole in a polar one; a part of it is well defined."""
        self.raster('globe.tif', (-180, 1, 0, 90, 0, -1), 360, 180, 'EPSG:4326')
        for crs in 'EPSG:3857', 'EPSG:3995':
            self.fails(['A (globe.tif)', 'has no end', 'EXTENT='], 'globe.tif', CRS=crs)
            self.check((-2e6, 1e5, 0, 2e6, 0, -1e5), (40, 40), 'globe.tif', CRS=crs, EXTENT='-2e6,-2e6,2e6,2e6', CELL_SIZE=1e5, SNAP='TAP')
        self.raster('torn.tif', (-180.5, 1, 0, 90.5, 0, -1), 361, 181, 'EPSG:4326')
        self.fails(['the cell in the middle of A (torn.tif)', 'CELL_SIZE'], 'torn.tif', CRS='EPSG:32613', EXTENT='4e5,4e6,5e5,5e6')
        self.check((4e5, 1e4, 0, 5e6, 0, -1e4), (10, 100), 'globe.tif', CRS='EPSG:32613', EXTENT='4e5,4e6,5e5,5e6', CELL_SIZE=1e4)
        self.another('utm.tif', 'EPSG:32632', 'EPSG:3857', 1e-3, B='globe.tif', EXTENT='INTERSECTION')

    # ---- errors ----

    def test_no_overlap(self):
        for extent in 'INTERSECTION', 'A', 'B':
            self.fails(['A (deg.tif)' if extent != 'A' else 'B (away.tif)', 'overlap', '17,45.95', '7,45.6'], 'deg.tif', B='away.tif', EXTENT=extent)
        self.check((7, CELL, 0, 46, 0, -CELL), (12060, 480), 'deg.tif', B='away.tif', EXTENT='UNION')
        self.fails(['A (deg.tif)', 'overlap', '27,45,28,46'], 'deg.tif', EXTENT='27,45,28,46')
        self.fails(['B (away.tif)', 'overlap'], 'utm.tif', B='away.tif', RESAMPLING='NEAR')

    def test_small_offsets(self):
        """Within 0.001 of a cell it is none; up to 0.01 it may be an error of rounding, and is not resampled without being asked for."""
        for part, words in ((0.0008, None), (-0.0008, None), (0.004, '0.004'), (-0.009, '-0.009'), (0.02, None)):
            self.raster('off.tif', (7 + part * CELL, CELL, 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
            options = {'B': 'off.tif', 'EXTENT': 'A'}
            if words:
                self.fails(['B (off.tif) is shifted by ' + words, 'RESAMPLING=NEAR'], 'deg.tif', **options)
                self.check((7, CELL, 0, 46, 0, -CELL), (600, 480), 'deg.tif', RESAMPLING='NEAR', **options)
                self.check((7, CELL, 0, 46, 0, -CELL), (600, 480), 'deg.tif', B_RESAMPLING='BILINEAR', **options)
            else:
                self.check((7, CELL, 0, 46, 0, -CELL), (600, 480), 'deg.tif', **options)
        self.raster('drift.tif', (7, CELL * (1 + 0.008 / 600), 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
        self.fails(['B (drift.tif) is shifted by 0.008, 0'], 'deg.tif', B='drift.tif', EXTENT='A')

    def test_errors_without_options(self):
        """They say how inputs differ, in cells, and which option helps."""
        self.fails(['differ in size', '60 x 60', '600 x 480', 'do not overlap', 'EXTENT=UNION'], 'deg.tif', B='away.tif')
        self.assertNotIn('INTERSECTION', self.refused('deg.tif', B='away.tif'))
        self.raster('apart.tif', (17, CELL, 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
        self.fails(['differ in position', 'do not overlap', 'EXTENT=UNION'], 'deg.tif', B='apart.tif')
        self.fails(['differ in position', 'B is shifted by 300, 120 cells', 'EXTENT=INTERSECTION', 'EXTENT=UNION'], 'deg.tif', B='east.tif')
        self.raster('half.tif', (7.25 + CELL * 0.37, CELL, 0, 46 + 12 * CELL, 0, -CELL), 600, 480, 'EPSG:4326')
        self.fails(['differ in position', 'B is shifted by 300.37, -12 cells', 'RESAMPLING=AUTO'], 'deg.tif', B='half.tif')
        self.fails(['differ in size', 'a cell of B is as large as 3 x 3 of A', 'RESAMPLING=AUTO', 'CELL_SIZE'], 'deg.tif', B='coarse.tif')
        self.fails(['differ in size', 'in CRS', 'UTM zone 32N', 'RESAMPLING=AUTO', 'CRS says'], 'deg.tif', B='utm.tif')
        self.fails(['differ in CRS', 'CHECK_CRS=KNOWN', '-a_srs'], 'deg.tif', B='nocrs.tif')
        self.fails(['differ in position', 'RESAMPLING=AUTO'], 'deg.tif', B='rotated.tif')

    def test_members_of_a_stack(self):
        """One that gives nothing may be among them, but not all."""
        options = {'INPUT': 'S="deg.tif";"away.tif"', 'CALC': 'max(S)'}
        self.check((7, CELL, 0, 46, 0, -CELL), (12060, 480), '', EXTENT='UNION', **options)
        self.check((7, CELL, 0, 46, 0, -CELL), (12060, 480), '', EXTENT='S', **options)
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (240, 120), '', EXTENT='7.1,45.8,7.3,45.9', **options)
        self.fails(['S (away.tif)', 'overlap'], '', EXTENT='8,45.8,8.3,45.9', **options)

    def test_without_a_place(self):
        self.fails(['A (noplace.tif)', 'geotransform', 'gdal_translate'], 'noplace.tif', EXTENT='7,45,8,46')
        self.fails(['B (gcps.tif)', 'ground control points', 'gdalwarp'], 'deg.tif', B='gcps.tif', EXTENT='A')
        self.fails(['B (rpcs.tif)', 'RPCs', 'gdalwarp'], 'deg.tif', B='rpcs.tif', EXTENT='A')
        self.fails(['A (nocrs.tif)', 'no CRS'], 'nocrs.tif', CRS='EPSG:32632')
        self.fails(['B (nocrs.tif)', 'no CRS'], 'deg.tif', B='nocrs.tif', EXTENT='B', CRS='EPSG:32632')
        self.fails(['A (nocrs.tif)', 'no CRS'], 'nocrs.tif', B='deg.tif', CRS='B')
        self.fails(['CRS=A', 'A (nocrs.tif)', 'no CRS'], 'nocrs.tif', B='deg.tif', CRS='A')
        for name, other in (('deg.tif', 'nocrs.tif'), ('nocrs.tif', 'deg.tif')):  # as without these options
            self.assertIn('differ in CRS', self.refused(name, B=other, EXTENT='7.1,45.8,7.3,45.9'))
            self.check((7.1, CELL, 0, 45.9, 0, -CELL), (240, 120), name, B=other, EXTENT='7.1,45.8,7.3,45.9', CHECK_CRS='KNOWN')
        self.fails(['EXTENT=nocrs.tif', 'no CRS'], 'deg.tif', EXTENT='nocrs.tif')
        self.check((7.1, CELL, 0, 45.9, 0, -CELL), (240, 120), 'nocrs.tif', EXTENT='7.1,45.8,7.3,45.9')

    def test_no_such_thing(self):
        self.fails(['EXTENT=red', 'no input', 'A'], 'deg.tif', EXTENT='red')
        self.fails(['EXTENT=missing.tif', 'A, B', 'missing.tif'], 'deg.tif', B='east.tif', EXTENT='missing.tif')
        self.fails(['SNAP=red', 'no input'], 'deg.tif', SNAP='red')
        self.fails(['SNAP=utm.tif', 'UTM zone 32N', 'WGS 84', 'TAP'], 'deg.tif', SNAP='utm.tif')
        self.fails(['CELL_SIZE=red', 'FINEST'], 'deg.tif', CELL_SIZE='red')
        self.fails(['CRS=EPSG:99999999'], 'deg.tif', CRS='EPSG:99999999')
        self.fails(['CRS=EPSG:4978', 'neither projected nor geographic'], 'deg.tif', CRS='EPSG:4978')
        self.fails(['no transformation', 'A (deg.tif)'], 'deg.tif', CRS='LOCAL_CS["site",UNIT["metre",1]]')

    def test_no_such_numbers(self):
        for extent, words in (('8,45,7,46', 'xmin is not below xmax'), ('7,46,8,45', 'ymin is not below ymax'), ('7,46,8', 'four numbers'),
                              ('7,46,8,47,9', 'four numbers'), ('7,46,8,x', 'four numbers'), ('7,46,8,', 'four numbers'), ('7', 'four numbers'),
                              ('7,7,7,8', 'xmin is not below xmax'), ('inf,46,8,47', 'four numbers')):
            self.fails(['EXTENT=' + extent, words], 'deg.tif', EXTENT=extent)
        for size in '0', '-1', '1,0', '1,2,3', 'nan', '1e999', '1;2', ',1':
            self.fails(['CELL_SIZE=' + size, 'expected'], 'deg.tif', CELL_SIZE=size)
        for option in 'LIKE', 'EXTENT', 'CELL_SIZE', 'SNAP', 'CRS':
            self.fails([option, 'expected a value'], 'deg.tif', **{option: ''})

    def test_names_that_gdalwarp_has(self):
        for name, ours in (('TR', 'CELL_SIZE'), ('te', 'EXTENT'), ('TARGET_EXTENT', 'EXTENT'), ('TAP', 'SNAP=TAP'), ('T_SRS', 'CRS'), ('RESAMPLE', 'RESAMPLING')):
            self.fails([name, 'is %s meant?' % ours], 'deg.tif', **{name: '1'})
            done = run('gdal_translate', '-q', '-of', 'FISHNET', '-co', name + '=1', 'deg.tif', 'theirs.vrt')
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('is %s meant?' % ours, done.stderr)
        with self.assertRaisesRegex(RuntimeError, 'is CELL_SIZE meant'):
            gdal.OpenEx('ZONALSTATS:deg.tif', gdal.OF_VECTOR, open_options=['RASTER=deg.tif', 'TR=30'])
        self.fails(['R=bilinear', 'RESAMPLING=bilinear'], 'deg.tif', R='bilinear', CALC='A+1')

    def test_large_cells(self):
        self.check((7, 50, 0, 46, 0, -50), (1, 1), 'deg.tif', CELL_SIZE=50)
        for word in 'CELL_SIZE=50', '0.5 x 0.4', 'WGS 84', 'degree':
            self.assertIn(word, ''.join(self.said))
        self.check((360000, 30, 0, 5080000, 0, -1e5), (700, 1), 'utm.tif', CELL_SIZE='30,1e5')
        self.assertIn('metre', ''.join(self.said))
        for options in {'CELL_SIZE': 0.4}, {'EXTENT': '7.1,45.8,7.3,45.9', 'CELL_SIZE': 0.1}, {'EXTENT': '7.1001,45.8999,7.1002,45.89995'}:
            self.grid('deg.tif', **options)
            self.assertNotIn('larger than', ''.join(self.said))

    def test_numbers_as_they_were_typed(self):
        self.fails(['do not overlap', ' 27, 45,28,46.0'], 'deg.tif', EXTENT=' 27, 45,28,46.0', CELL_SIZE=3)
        self.fails(['10^12', 'in the extent 7.0,45,8,46'], 'deg.tif', EXTENT='7.0,45,8,46', CELL_SIZE=1e-9)

    def test_too_many_cells(self):
        self.fails(['2e+12 cells', '10^12'], 'deg.tif', CELL_SIZE='5e-7,2e-7')
        self.fails(['columns or lines', '2147483647', '5000000000 x 4'], 'deg.tif', CELL_SIZE='1e-10,0.1')

    # ---- files that options name ----

    def test_files(self):
        dataset = self.open('deg.tif', EXTENT='east.tif', SNAP='coarse.tif')
        self.assertEqual([os.path.basename(name) for name in dataset.GetFileList()], ['deg.tif', 'east.tif', 'coarse.tif'])
        dataset = self.open('utm.tif', B='deg.tif', C='coarse.tif', LIKE='east.tif', RESAMPLING='BILINEAR')
        self.assertEqual([os.path.basename(name) for name in dataset.GetFileList()], ['utm.tif', 'deg.tif', 'coarse.tif', 'east.tif'])
        os.makedirs('moved/deeper', exist_ok=True)
        for file in 'deg.tif', 'east.tif':
            shutil.copy(file, 'moved')
        with open('moved/r.fishnet.json', 'w') as f:
            f.write('{"type": "fishnet_raster", "inputs": {"A": "deg.tif", "red": "deg.tif"}, "calc": "A+red", "extent": "east.tif", "snap": "red",'
                    ' "cell_size": 0.0025, "input_resampling": ["red=near"], "a_resampling": "cubic", "outside": -1, "a_outside": -2, "input_outside": ["red=-3"]}')
        os.chdir('moved/deeper')
        dataset = gdal.Open('../r.fishnet.json')
        self.assertEqual((dataset.RasterXSize, dataset.RasterYSize), (200, 160))
        self.assertIn('east.tif', ' '.join(dataset.GetFileList()))

    def test_behind_a_folder(self):
        """A VRT beside its files has names that begin there; so do those of its open options."""
        vrt = '''<VRTDataset rasterXSize="600" rasterYSize="480"><VRTRasterBand dataType="Int16" band="1"><SimpleSource>
            <SourceFilename relativeToVRT="1">FISHNET:deg.tif</SourceFilename><SourceBand>1</SourceBand>
            <OpenOptions><OOI key="EXTENT">deg.tif</OOI><OOI key="SNAP">A</OOI></OpenOptions></SimpleSource></VRTRasterBand></VRTDataset>'''
        with open('relative.vrt', 'w') as f:
            f.write(vrt)
        expected = gdal.Open('deg.tif').ReadAsArray()
        os.chdir('/')
        np.testing.assert_array_equal(gdal.Open(self.path('relative.vrt')).ReadAsArray(), expected)

    def test_an_extent_that_changes(self):
        """It is an input like others: what is not as it was when the result was opened is noticed."""
        self.raster('later.tif', (7, CELL, 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
        dataset = self.open('deg.tif', EXTENT='later.tif')
        os.utime('later.tif', (1, 1))
        self.raster('later.tif', (7.25, CELL, 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
        with self.assertRaisesRegex(RuntimeError, 'later.tif'):
            dataset.ReadAsArray()

    def test_an_extent_is_not_overwritten(self):
        self.raster('kept.tif', (7, CELL, 0, 46, 0, -CELL), 600, 480, 'EPSG:4326')
        with open('kept.tif', 'rb') as f:
            before = f.read()
        done = run('gdal_translate', '-q', '-oo', 'EXTENT=kept.tif', '-oo', 'CALC=A+1', 'FISHNET:deg.tif', 'kept.tif')
        self.assertNotEqual(done.returncode, 0)
        with open('kept.tif', 'rb') as f:
            self.assertEqual(f.read(), before)

    def tiles(self, name, *words, folder='.'):
        return run('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'TILE_SIZE=256', '-co', 'CALC=A*2', '-co', 'NUM_WORKERS=2', *words, 'deg.tif', name,
                   cwd=folder)

    def test_tiles_in_shares(self):
        """As creation options, with a relative name; a file that EXTENT names is part of what shares and RESUME compare."""
        os.makedirs('shares')
        for file in 'deg.tif', 'east.tif':
            shutil.copy(file, 'shares')
        shutil.copy('deg.tif', 'shares/frame.tif')
        words = ['-co', 'EXTENT=frame.tif', '-co', 'SNAP=A']
        self.assertEqual(self.tiles('one.vrt', *words, folder='shares').stderr, '')
        for share in '2/2', '1/2':
            self.assertEqual(self.tiles('two.vrt', *words, '-co', 'PARTITION=' + share, folder='shares').stderr, '')
        self.assertEqual(self.tiles('two.vrt', *words, '-co', 'ASSEMBLE=YES', folder='shares').stderr, '')
        np.testing.assert_array_equal(gdal.Open('shares/two.vrt').ReadAsArray(), gdal.Open('deg.tif').ReadAsArray() * 2)
        np.testing.assert_array_equal(gdal.Open('shares/one.vrt').ReadAsArray(), gdal.Open('deg.tif').ReadAsArray() * 2)
        self.tiles('three.vrt', *words, '-co', 'PARTITION=1/2', folder='shares')
        shutil.copy('coarse.tif', 'shares/frame.tif')
        done = self.tiles('three.vrt', *words, '-co', 'PARTITION=2/2', folder='shares')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('frame.tif', done.stderr)
        done = self.tiles('one.vrt', *words, '-co', 'RESUME=YES', folder='shares')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('frame.tif', done.stderr)

    def test_zonal(self):
        """Zonal statistics have the same options; rasters are called by their names or by letters."""
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(4326)
        srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        zones = ogr.GetDriverByName('GPKG').CreateDataSource('areas.gpkg')
        layer = zones.CreateLayer('areas', srs)
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON((7 45.7,7.3 45.7,7.3 46,7 46,7 45.7))'))
        layer.CreateFeature(feature)
        del zones, layer

        def table(*options):
            dataset = gdal.OpenEx('ZONALSTATS:areas.gpkg', gdal.OF_VECTOR, open_options=list(options))
            return [feature.items() for feature in dataset.GetLayer(0)]

        plain = table('RASTER=deg.tif')
        dataset = gdal.OpenEx('ZONALSTATS:areas.gpkg', gdal.OF_VECTOR, open_options=['RASTER=deg.tif', 'RASTER=utm.tif', 'LIKE=east.tif'])
        self.assertEqual([os.path.basename(name) for name in dataset.GetFileList()], ['areas.gpkg', 'deg.tif', 'utm.tif', 'east.tif'])
        del dataset
        with self.assertRaisesRegex(RuntimeError, 'differ in CRS.*CHECK_CRS=KNOWN'):
            table('RASTER=deg.tif', 'RASTER=nocrs.tif')
        both = table('RASTER=deg.tif', 'RASTER=nocrs.tif', 'CHECK_CRS=KNOWN')[0]
        self.assertEqual(both['R2_SUM'] if 'R2_SUM' in both else list(both.values())[-1], list(both.values())[-1])
        for options in ('EXTENT=A', 'SNAP=A'), ('EXTENT=deg.tif',), ('CRS=A', 'A_RESAMPLING=NEAR'), ('CRS=EPSG:4326', 'WORKERS=PROCESSES'):
            self.assertEqual(table('RASTER=deg.tif', *options), plain, options)
        self.assertEqual(table('INPUT=red=deg.tif', 'CALC=red', 'EXTENT=red', 'INPUT_RESAMPLING=red=NEAR')[0]['MEAN'], plain[0]['MEAN'])
        part = table('RASTER=deg.tif', 'EXTENT=7.1,45.8,7.2,45.9')[0]
        values = gdal.Open('deg.tif').ReadAsArray(120, 120, 120, 120)
        self.assertEqual((part['COUNT'], part['SUM']), (values.size, values.sum()))
        for words, options in ((('EXTENT=red', 'A'), ('EXTENT=red',)), (('INPUT_RESAMPLING=B', 'no raster B'), ('B_RESAMPLING=NEAR',)),
                               (('A (deg.tif)', 'overlap'), ('EXTENT=17,45,18,46',)), (('10^12',), ('CELL_SIZE=1e-9',))):
            with self.assertRaises(RuntimeError) as caught:
                table('RASTER=deg.tif', *options)
            for word in words:
                self.assertIn(word, str(caught.exception))

    def test_processes(self):
        """Workers in processes come to the same grid, also from another folder."""
        dataset = self.open('deg.tif', EXTENT='deg.tif', SNAP='deg.tif', WORKERS='PROCESSES', NUM_WORKERS=2, CALC='A+1', TILE_SIZE=128)
        os.chdir('/')
        np.testing.assert_array_equal(dataset.ReadAsArray(), gdal.Open(self.path('deg.tif')).ReadAsArray() + 1)

    def test_resampling_of_no_input(self):
        self.fails(['C_RESAMPLING', 'no input C'], 'deg.tif', B='east.tif', C_RESAMPLING='NEAR')
        self.fails(['INPUT_RESAMPLING', 'no input red'], 'deg.tif', CALC='A', INPUT_RESAMPLING='red=NEAR')
        self.grid('deg.tif', A_RESAMPLING='NEAR')


if __name__ == '__main__':
    unittest.main()
