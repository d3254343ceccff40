"""Inputs that lie elsewhere, brought onto the grid of the result: shifts, nested cells and near to the bit as numpy has them, all methods to the bit as the
command of gdalwarp that the dataset tells, and the same bytes whatever the workers and windows."""
import os
import shlex
import unittest

import numpy as np
from osgeo import gdal, osr

from common import TYPES, VERSION, Case, collect_errors, config, good, real, run, write

METHODS = ['near', 'bilinear', 'cubic', 'cubicspline', 'lanczos', 'average', 'rms', 'mode', 'min', 'max', 'med', 'q1', 'q3', 'sum']
UTM = dict(geotransform=(1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0), epsg=32633)


def no_nodata(band):
    """The pixels of a band as doubles, NaN where it or its mask says NoData."""
    values = band.ReadAsArray().astype(np.float64)
    dataset = band.GetDataset()
    last = dataset.GetRasterBand(dataset.RasterCount)
    if last.GetColorInterpretation() == gdal.GCI_AlphaBand:
        values[last.ReadAsArray() == 0] = np.nan
    if band.GetMaskFlags() != gdal.GMF_ALL_VALID:
        values[band.GetMaskBand().ReadAsArray() == 0] = np.nan
    return values


class OntoGrid(Case):
    @classmethod
    def prepare(cls):
        cls.random = np.random.default_rng(31)
        cls.a = cls.grid('a.tif')

    @classmethod
    def grid(cls, name, geotransform=UTM['geotransform'], epsg=UTM['epsg'], size=(400, 300)):
        """The first input, on whose grid the result lies."""
        return write(cls.path(name), np.zeros(size[::-1], np.uint8), geotransform=geotransform, epsg=epsg)

    @classmethod
    def raster(cls, name, size, type='Float32', nodata=None, holes=0.05, **more):
        values = cls.random.integers(1, 120, size[::-1]).astype(TYPES[type])
        if nodata is not None:
            values[cls.random.random(size[::-1]) < holes] = nodata
            values[size[1] // 3:size[1] // 2, size[0] // 4:size[0] // 2] = nodata
        return write(cls.path(name), values, nodata=nodata, type=type, **more), values

    def open(self, *calcs, a=None, **options):
        options.setdefault('RESAMPLING', 'AUTO')
        if calcs:
            options.setdefault('OT', 'Float64')
        texts = ['CALC=' + calc for calc in calcs] + ['%s=%s' % item for item in options.items()]
        return gdal.OpenEx('FISHNET:' + str(a or self.a), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=texts)

    def values(self, *calcs, **options):
        return self.open(*calcs, **options).ReadAsArray()

    def told(self, dataset, name='B'):
        """What the command gives that the dataset tells."""
        command = shlex.split(dataset.GetMetadataItem(name + '_GDALWARP', 'FISHNET_GRID'))
        out = self.path('told.tif')
        good(command[0], '-q', '-overwrite', *command[1:-1], out)
        return gdal.Open(out)

    def check_told(self, got, dataset, what, band=1):
        """To the bit, unless the corners of the grid, as the command has them, give another cell size in the last digits."""
        told = self.told(dataset)
        want = no_nodata(told.GetRasterBand(band))
        if told.GetGeoTransform() == dataset.GetGeoTransform():
            return self.same(got, want, what)
        self.assertLess((~np.isclose(got, want, rtol=1e-4, atol=1e-4, equal_nan=True)).mean(), 1e-4, what)


class TestWholeCells(OntoGrid):
    """What is shifted is not resampled."""

    def test_every_type(self):
        for name in TYPES:
            if VERSION < (3, 7) and name == 'Int8':
                continue
            path, values = self.raster('t.tif', (350, 330), name, geotransform=(500.0, 10.0, 0.0, 5300.0, 0.0, -10.0))
            want = np.full((300, 400), np.nan)
            want[:, :300] = values[30:330, 50:350]
            self.same(self.values('B', B=path), want, name)

    def test_nodata_outside(self):
        path, values = self.raster('n.tif', (100, 90), 'Int16', -99, geotransform=(1200.0, 10.0, 0.0, 4900.0, 0.0, -10.0))
        want = np.full((300, 400), np.nan)
        want[10:100, 20:120] = np.where(values == -99, np.nan, values)
        self.same(self.values('B', B=path), want)
        want[np.isnan(want)] = 7
        want[10:100, 20:120] = np.where(values == -99, np.nan, values)
        self.same(self.values('B', B=path, OUTSIDE=7), want, 'OUTSIDE')

    def test_outside_of_one(self):
        place = dict(geotransform=(1200.0, 10.0, 0.0, 4900.0, 0.0, -10.0))
        b, values = self.raster('one.tif', (100, 90), 'Int16', -99, **place)
        other, more = self.raster('other.tif', (100, 90), 'Float32', **place)
        for options, numbers in (({'B_OUTSIDE': 7}, (7, np.nan)), ({'INPUT_OUTSIDE': 'red=3'}, (np.nan, 3)), ({'OUTSIDE': 5, 'b_outside': 'NODATA'}, (np.nan, 5)),
                                 ({'OUTSIDE': 5, 'INPUT_OUTSIDE': 'B=6'}, (6, 5))):
            got = self.values('B', 'red', B=b, INPUT='red=' + other, **options)
            for i, inside in enumerate((np.where(values == -99, np.nan, values), more)):
                want = np.full((300, 400), float(numbers[i]))
                want[10:100, 20:120] = inside
                self.same(got[i], want, str(options))
        for options in {'C_OUTSIDE': 1}, {'INPUT_OUTSIDE': 'blue=1'}:
            with self.assertRaisesRegex(RuntimeError, 'OUTSIDE=.*there is no input'):
                self.open('B', B=b, **options)

    def test_outside_the_type(self):
        path, _ = self.raster('byte.tif', (100, 90), 'Byte', geotransform=(1200.0, 10.0, 0.0, 4900.0, 0.0, -10.0))
        with self.assertRaisesRegex(RuntimeError, 'OUTSIDE=-1: band 1 of B .*UInt8|OUTSIDE=-1: band 1 of B .*Byte'):
            self.open('B', B=path, OUTSIDE=-1)

    def test_mask_alpha_and_single_bands(self):
        place = dict(geotransform=(1200.0, 10.0, 0.0, 4900.0, 0.0, -10.0))
        values = [self.random.integers(0, 200, (90, 100)).astype(np.uint8) for _ in range(3)]
        path = write(self.path('rgb.tif'), values, **place)
        hole = self.random.random((90, 100)) < 0.3
        with config('GDAL_TIFF_INTERNAL_MASK', 'YES'):
            dataset = gdal.Open(path, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.where(hole, 0, 255).astype(np.uint8))
            dataset = None
        want = np.full((300, 400), np.nan)
        want[10:100, 20:120] = np.where(hole, np.nan, values[1])
        self.same(self.values('B[2]', B=path), want, 'mask')
        want[np.isnan(want)] = 9
        want[10:100, 20:120] = np.where(hole, np.nan, values[1])
        self.same(self.values('B[2]', B=path, OUTSIDE=9), want, 'mask, OUTSIDE')
        alpha = write(self.path('alpha.tif'), values[:1] + [np.where(hole, 0, 255).astype(np.uint8)], options=['ALPHA=YES'], **place)
        want = np.full((300, 400), np.nan)
        want[10:100, 20:120] = np.where(hole, np.nan, values[0])
        self.same(self.values('B', B=alpha), want, 'alpha')
        want[10:100, 20:120] = values[0]
        self.same(self.values('B', B=alpha, ALPHA='IGNORE'), want, 'alpha ignored')

    def test_64_bits_outside(self):
        """GDAL fills with 0 what it has no source for there: a mask says that it is none."""
        for name in ('Int64', 'UInt64'):
            for nodata in (None, 99):
                values = np.array([[10, 11, 99, 13]], TYPES[name])
                b = write(self.path('b64.tif'), values, nodata=nodata, type=name, geotransform=(1020.0, 10.0, 0.0, 5000.0, 0.0, -10.0))
                want = np.full((300, 400), np.nan)
                want[0, 2:6] = [10, 11, 99 if nodata is None else np.nan, 13]
                self.same(self.values('B', B=b), want, name)
                alone = gdal.OpenEx('FISHNET:' + b, open_options=['EXTENT=1000,4990,1080,5000'])
                got = no_nodata(alone.GetRasterBand(1))
                self.same(got, want[:1, :8], name)
                number = np.where(np.isnan(want), 5.0, want)
                number[0, 4] = want[0, 4]
                self.same(self.values('B', B=b, OUTSIDE=5), number, name)

    def test_decoded_past_gdal(self):
        """A tiled GeoTIFF, many windows."""
        path, values = self.raster('tiled.tif', (700, 600), 'Int16', -99, geotransform=(500.0, 10.0, 0.0, 5300.0, 0.0, -10.0),
                                   options=['TILED=YES', 'COMPRESS=DEFLATE', 'BLOCKXSIZE=64', 'BLOCKYSIZE=32'])
        want = np.where(values == -99, np.nan, values).astype(float)[30:330, 50:450]
        for workers in (1, 3):
            for tile in ('64', '100x37', 'AUTO'):
                self.same(self.values('B', B=path, NUM_WORKERS=workers, TILE_SIZE=tile), want, tile)

    def test_almost_whole(self):
        """Coordinates that were written with few digits."""
        a = self.grid('deg.tif', (6.0, 1 / 1200, 0, 50.0, 0, -1 / 1200), 4326)
        path, values = self.raster('deg2.tif', (500, 500), geotransform=(6.0 - 40 / 1200 + 1e-8, 0.000833333333, 0, 50 + 25 / 1200, 0, -0.000833333333), epsg=4326)
        self.same(self.values('B', a=a, B=path), values[25:325, 40:440].astype(float))

    def test_south_up_and_rotated(self):
        for gt in ((1000.0, 10.0, 0.0, 2000.0, 0.0, 10.0), (1000.0, 8.0, 6.0, 5000.0, 6.0, -8.0)):
            a = self.grid('turned.tif', gt)
            moved = (gt[0] - 5 * gt[1] - 3 * gt[2], gt[1], gt[2], gt[3] - 5 * gt[4] - 3 * gt[5], gt[4], gt[5])
            path, values = self.raster('turned2.tif', (420, 310), geotransform=moved)
            self.same(self.values('B', a=a, B=path), values[3:303, 5:405].astype(float), str(gt))

    def test_apart(self):
        path, _ = self.raster('far.tif', (100, 90), geotransform=(91200.0, 10.0, 0.0, 4900.0, 0.0, -10.0))
        with self.assertRaisesRegex(RuntimeError, r'far.tif.*(do not overlap|has no cell on the grid)'):
            self.open('B', B=path)


class TestNested(OntoGrid):
    """Near in nested grids is arithmetic with indices."""

    def check(self, count, finer, offset=(0, 0), geotransform=UTM['geotransform'], epsg=UTM['epsg']):
        size = (200, 150)
        a = self.grid('nested_a.tif', geotransform, epsg, size)
        cell = geotransform[1] / count if finer else geotransform[1] * count
        unit = min(cell, geotransform[1])
        place = (geotransform[0] - offset[0] * unit, cell, 0, geotransform[3] + offset[1] * unit, 0, -cell)
        path, values = self.raster('nested.tif', (600, 500), 'Int32', geotransform=place, epsg=epsg)
        rows, columns = np.arange(size[1]), np.arange(size[0])
        if finer:  # a tie goes right and below
            rows, columns = rows * count + count // 2 + offset[1], columns * count + count // 2 + offset[0]
        else:
            rows, columns = (rows + offset[1]) // count, (columns + offset[0]) // count
        inside = (rows[:, None] < 500) & (columns[None, :] < 600)
        want = np.where(inside, values[np.minimum(rows, 499)][:, np.minimum(columns, 599)].astype(float), np.nan)
        for tile in ('AUTO', '64x48'):
            self.same(self.values('B', a=a, B=path, RESAMPLING='NEAR', TILE_SIZE=tile), want, '%d %s %s' % (count, finer, offset))

    def test_all(self):
        for count in (2, 3, 4, 5, 10):
            for finer in (False, True):
                self.check(count, finer, (7, 3))
        for count in (2, 3, 8):
            self.check(count, True, (1, 1), (6.0, 1 / 1200, 0, 50.0, 0, -1 / 1200), 4326)
            self.check(count, True, (5, 4), (300000.1, 10 / 3, 0, 5500000.7, 0, -10 / 3))
            self.check(count, False, (5, 4), (6.1, 1 / 1200, 0, 50.3, 0, -1 / 1200), 4326)


class TestMethods(OntoGrid):
    """To the bit what gdalwarp gives with the same options, and near what numpy gives."""

    def test_same_crs(self):
        path, _ = self.raster('other.tif', (350, 330), 'Int16', -99, geotransform=(500.0, 11.3, 0.0, 5300.0, 0.0, -9.7))
        for method in METHODS:
            dataset = self.open('B', B=path, RESAMPLING=method.upper())
            self.check_told(dataset.ReadAsArray(), dataset, method)

    def test_near_is_the_cell_that_a_centre_lies_in(self):
        path, values = self.raster('near.tif', (350, 330), 'Int32', geotransform=(500.0, 11.3, 0.0, 5300.0, 0.0, -9.7))
        x = np.floor((1000 + (np.arange(400) + 0.5) * 10 - 500) / 11.3 + 1e-10).astype(int)
        y = np.floor((5300 - (5000 - (np.arange(300) + 0.5) * 10)) / 9.7 + 1e-10).astype(int)
        inside = (x < 350)[None, :] & (y < 330)[:, None]
        want = np.where(inside, values[np.minimum(y, 329)][:, np.minimum(x, 349)].astype(float), np.nan)
        self.same(self.values('B', B=path, RESAMPLING='NEAR'), want)

    def test_bilinear_of_our_own(self):
        """Half a cell off: the mean of four."""
        path, values = self.raster('half.tif', (420, 320), geotransform=(995.0 - 100, 10.0, 0.0, 5005.0 + 50, 0.0, -10.0))
        v = values.astype(float)
        mean = (v[:-1, :-1] + v[1:, :-1] + v[:-1, 1:] + v[1:, 1:]) / 4
        got = self.values('B', B=path, RESAMPLING='BILINEAR')
        np.testing.assert_allclose(got, mean[5:305, 10:410], rtol=1e-6)

    def test_coarser(self):
        path, _ = self.raster('fine.tif', (1500, 1200), 'Float32', -9999, geotransform=(900.0, 2.9, 0.0, 5100.0, 0.0, -3.1))
        for method in METHODS:
            dataset = self.open('B', B=path, RESAMPLING=method.upper())
            self.check_told(dataset.ReadAsArray(), dataset, method)
        self.assertEqual(self.open('B', B=path).GetMetadataItem('B_METHOD', 'FISHNET_GRID'), 'average')

    def test_overviews(self):
        path, _ = self.raster('overviews.tif', (2000, 1600), 'Float32', -9999, geotransform=(900.0, 2.3, 0.0, 5100.0, 0.0, -2.3), options=['TILED=YES'])
        gdal.Open(path, gdal.GA_Update).BuildOverviews('AVERAGE', [2, 4, 8])
        for method, level in (('near', '1'), ('bilinear', '0'), ('cubic', '0'), ('average', '0'), ('sum', 'NONE'), ('mode', 'NONE')):
            dataset = self.open('B', B=path, RESAMPLING=method.upper())
            self.assertEqual(dataset.GetMetadataItem('B_OVERVIEW_LEVEL', 'FISHNET_GRID'), level, method)
            self.assertEqual(dataset.GetRasterBand(1).GetOverviewCount(), 0)
            self.check_told(dataset.ReadAsArray(), dataset, method)

    def test_an_overview_that_was_chosen(self):
        path = write(self.path('chosen.tif'), np.ones((256, 256), np.float32))
        gdal.Open(path, gdal.GA_Update).BuildOverviews('NONE', [2, 4, 8])
        band = gdal.Open(path, gdal.GA_Update).GetRasterBand(1)
        for level in range(3):
            band.GetOverview(level).Fill(10.0 ** (level + 1))
        band = None
        for level in range(3):
            got = self.values('A', a=path, A_OO='OVERVIEW_LEVEL=%d' % level, CELL_SIZE=160, RESAMPLING='BILINEAR')
            self.assertEqual(np.unique(got).tolist(), [10.0 ** (level + 1)])

    def test_the_rim_of_the_world(self):
        """Blocks that are partly off the world have all cells that gdalwarp has in one piece."""
        path = write(self.path('world.tif'), np.ones((1800, 3600), np.uint8), geotransform=(-180.0, 0.1, 0.0, 90.0, 0.0, -0.1), epsg=4326, options=['COMPRESS=DEFLATE'])
        for crs, more in (('+proj=moll', {}), ('+proj=laea +lat_0=52 +lon_0=10', {'EXTENT': '-1e7,-1e7,1e7,1e7'})):
            dataset = self.open(a=path, CRS=crs, CELL_SIZE=15000, RESAMPLING='NEAR', **more)
            told = self.told(dataset, 'A')
            self.assertEqual(np.count_nonzero(dataset.GetRasterBand(1).GetMaskBand().ReadAsArray()), np.count_nonzero(told.GetRasterBand(2).ReadAsArray()), crs)

    def test_another_crs(self):
        a = self.grid('utm.tif', (290000.0, 100.0, 0, 5560000.0, 0, -100.0), 32632, (700, 600))
        path, _ = self.raster('degrees.tif', (800, 800), 'Float32', -9999, geotransform=(6.0, 0.001, 0, 50.2, 0, -0.001), epsg=4326)
        for method in ('near', 'bilinear', 'cubic', 'average', 'mode'):
            dataset = self.open('B', a=a, B=path, RESAMPLING=method.upper())
            self.check_told(dataset.ReadAsArray(), dataset, method)

    def test_real_pairs(self):
        """The DEM in degrees with NoData onto UTM, Landsat onto degrees, the olinda DEM onto Landsat, the geoid onto the DEM."""
        utm = self.grid('trinidad.tif', (400000.0, 500.0, 0, 4210000.0, 0, -500.0), 32613, (400, 250))
        degrees = self.grid('recife.tif', (-35.0, 0.0003, 0, -7.9, 0, -0.0003), 4326, (350, 330))
        for a, b in ((utm, 'dem.tif'), (degrees, 'landsat.tif'), (real('landsat.tif'), 'olinda.tif'), (real('dem.tif'), 'egm96.gtx'), (utm, 'egm96.gtx')):
            for method in ('NEAR', 'BILINEAR', 'CUBIC', 'AVERAGE'):
                dataset = self.open('B[1]', a=a, B=real(b), RESAMPLING=method)
                got = dataset.ReadAsArray()
                self.assertGreater(np.isfinite(got).sum(), 100, b)
                if dataset.GetMetadataItem('B_GDALWARP', 'FISHNET_GRID'):
                    self.check_told(got, dataset, b + ' ' + method)

    def test_vertical_parts_shift_nothing(self):
        """Heights are values: a vertical CRS does not touch them, whatever it is."""
        values = self.random.integers(0, 100, (300, 400)).astype(np.float32)
        utm, degrees = self.grid('flat.tif', (290000.0, 50.0, 0, 5560000.0, 0, -50.0), 32632), (6.0, 0.0007, 0, 50.18, 0, -0.0006)
        beside = (289500.0, 50.0, 0, 5560000.0, 0, -50.0)

        def heights(name, geotransform, crs):
            path = write(self.path(name), values, nodata=-9999, geotransform=geotransform, epsg=None)
            srs = osr.SpatialReference()
            srs.SetFromUserInput(crs)
            gdal.Open(path, gdal.GA_Update).SetSpatialRef(srs)
            return path
        want = np.full((300, 400), np.nan)
        want[:, :390] = values[:, 10:]
        self.same(self.values('B', a=utm, B=heights('shifted.tif', beside, 'EPSG:32632+5773')), want)
        plain = self.values('B', a=utm, B=heights('plain2d.tif', degrees, 'EPSG:4326'), RESAMPLING='BILINEAR')
        self.assertGreater(np.isfinite(plain).mean(), 0.5)
        for crs in ('EPSG:4326+5773', 'EPSG:4979'):
            dataset = self.open('B', a=utm, B=heights('heights.tif', degrees, crs), RESAMPLING='BILINEAR')
            self.same(dataset.ReadAsArray(), plain, crs)
            self.check_told(plain, dataset, crs)

    def test_turned(self):
        for gt in ((1000.0, 8.0, 2.0, 5000.0, 2.0, -8.0), (1000.0, 9.0, 0.0, 2100.0, 0.0, 9.0)):
            path, _ = self.raster('turned.tif', (400, 300), 'Float32', -9999, geotransform=gt)
            for method in ('NEAR', 'CUBIC'):
                dataset = self.open('B', B=path, RESAMPLING=method)
                self.check_told(dataset.ReadAsArray(), dataset, str(gt))

    def test_around_the_globe(self):
        """Across the antimeridian, and the pole."""
        path, _ = self.raster('globe.tif', (720, 360), 'Float32', -9999, geotransform=(-180.0, 0.5, 0, 90.0, 0, -0.5), epsg=4326)
        pacific = self.grid('pacific.tif', (1000000.0, 20000.0, 0, 3000000.0, 0, -20000.0), 3832, (400, 300))
        arctic = self.grid('arctic.tif', (-3000000.0, 10000.0, 0, 3000000.0, 0, -10000.0), 3995, (600, 600))
        for a in (pacific, arctic):
            for method in ('NEAR', 'BILINEAR'):
                dataset = self.open('B', a=a, B=path, RESAMPLING=method)
                got = dataset.ReadAsArray()
                if method == 'NEAR':
                    self.check_told(got, dataset, a)
                self.assertGreater(np.isfinite(got).mean(), 0.8)
                for options in (dict(NUM_WORKERS=3), dict(TILE_SIZE='100x130')):
                    self.same(self.values('B', a=a, B=path, RESAMPLING=method, **options), got, str(options))


class TestAccuracy(OntoGrid):
    """A raster whose values are columns, or lines, tells by bilinear how far off a position is."""

    def test_as_near_as_asked(self):
        a = self.grid('wide.tif', (300000.0, 60.0, 0.0, 5300000.0, 0.0, -60.0), size=(1300, 900))
        lines, columns = np.mgrid[0:1000, 0:1500].astype(np.float32)
        place = dict(geotransform=(11.8, 0.001, 0.0, 48.2, 0.0, -0.001), epsg=4326)
        both = write(self.path('places.tif'), [columns, lines], **place)
        exact = [self.values('B[%d]' % band, a=a, B=both, RESAMPLING='BILINEAR') for band in (1, 2)]
        for most in (0.125, 0.01):
            for band in (1, 2):
                rough = self.values('B[%d]' % band, a=a, B=both, RESAMPLING='BILINEAR', ACCURACY=most)
                off = np.abs(rough - exact[band - 1])
                self.assertLessEqual(np.nanmax(off), most * 1.01)
                self.assertGreater(np.nanmax(off), 0, 'nothing is taken for straight')
            for options in ({'TILE_SIZE': '70x900'}, {'NUM_WORKERS': 5, 'TILE_SIZE': 333}, {'WORKERS': 'PROCESSES', 'NUM_WORKERS': 2}):
                self.same(self.values('B[2]', a=a, B=both, RESAMPLING='BILINEAR', ACCURACY=most, **options), rough, str(options))
        told = self.open('B', a=a, B=both, RESAMPLING='BILINEAR', ACCURACY=0.125)
        self.assertEqual(told.GetMetadataItem('B_ACCURACY', 'FISHNET_GRID'), '0.125')
        self.assertIsNone(told.GetMetadataItem('B_GDALWARP', 'FISHNET_GRID'))

    def test_what_is_no_transformation_stays_exact(self):
        path, _ = self.raster('nested.tif', (100, 75), 'Int16', geotransform=(1000.0, 40.0, 0.0, 5000.0, 0.0, -40.0))
        self.same(self.values('B', B=path, RESAMPLING='NEAR', ACCURACY=0.5), self.values('B', B=path, RESAMPLING='NEAR'))


class TestBands(OntoGrid):
    """Types, masks, alpha, palettes and NoData of each band."""
    PLACE = dict(geotransform=(1200.0, 11.3, 0.0, 4900.0, 0.0, -9.7))

    def test_integers_become_floats_where_they_are_computed(self):
        path, _ = self.raster('short.tif', (200, 180), 'Int16', -99, **self.PLACE)
        got = self.values('B', B=path, RESAMPLING='BILINEAR')
        self.assertTrue((got[np.isfinite(got)] % 1 != 0).any())
        got = self.values('B', B=path, RESAMPLING='MODE')
        self.assertTrue((got[np.isfinite(got)] % 1 == 0).all())

    def test_without_nodata(self):
        """Outside there is nothing, for whatever method."""
        path, _ = self.raster('plain.tif', (200, 180), 'Byte', **self.PLACE)
        for method in ('near', 'mode', 'bilinear', 'average', 'max'):
            dataset = self.open('B', B=path, RESAMPLING=method.upper())
            got = dataset.ReadAsArray()
            self.assertEqual(np.isnan(got[:5]).all(), True)
            self.check_told(got, dataset, method)
            dataset = self.open('B', B=path, RESAMPLING=method.upper(), OUTSIDE=3)
            got = dataset.ReadAsArray()
            self.assertTrue((got[:5] == 3).all() and np.isfinite(got).all())
            self.check_told(got, dataset, method)

    def test_outside_and_nodata(self):
        path, values = self.raster('both.tif', (200, 180), 'Int16', -99, **self.PLACE)
        got = self.values('B', B=path, RESAMPLING='NEAR', OUTSIDE=5)
        plain = self.values('B', B=path, RESAMPLING='NEAR')
        inside = np.zeros((300, 400), bool)
        x, y = np.floor((1000 + (np.arange(400) + 0.5) * 10 - 1200) / 11.3), np.floor((4900 - 5000 + (np.arange(300) + 0.5) * 10) / 9.7)
        inside = ((x >= 0) & (x < 200))[None, :] & ((y >= 0) & (y < 180))[:, None]
        self.same(got, np.where(inside, plain, 5.0))

    def test_64_bits(self):
        """Values are moved, and are what they are; what a double cannot tell from a rounded number is an error, as without a grid."""
        for name, nodata in (('Int64', None), ('Int64', -99), ('UInt64', 99), ('Int64', -2**63)):
            path, values = self.raster('long.tif', (200, 180), name, nodata, **self.PLACE)
            short, _ = self.raster('short.tif', (200, 180), 'Int32', **self.PLACE)
            values = values + values.dtype.type(2**45) * (values != (99 if nodata is None else nodata))
            write(path, values, nodata=nodata, type=name, **self.PLACE)
            write(short, np.arange(200 * 180, dtype=np.int32).reshape(180, 200), type='Int32', **self.PLACE)
            at = self.values('B', B=short, RESAMPLING='NEAR')
            want = np.where(np.isnan(at), np.nan, values.ravel()[np.nan_to_num(at).astype(int)].astype(float))
            want[want == (np.inf if nodata is None else nodata)] = np.nan
            dataset = self.open('B', B=path, RESAMPLING='NEAR')
            self.same(dataset.ReadAsArray(), want, name)
            self.check_told(dataset.ReadAsArray(), dataset, "%s %s %s" % (name, nodata, dataset.GetMetadataItem("B_GDALWARP", "FISHNET_GRID")))
            outside = self.values('B', B=path, RESAMPLING='NEAR', OUTSIDE=5)
            self.same(outside, np.where(np.isnan(at), 5.0, want), name)
            for method in ('MODE', 'MAX') if nodata == -99 else ():
                dataset = self.open('B', B=path, RESAMPLING=method)
                self.check_told(dataset.ReadAsArray(), dataset, name + method)
            values[100:110, 100:110] = 2**53 + 2
            write(path, values, nodata=nodata, type=name, **self.PLACE)
            with self.assertRaisesRegex(RuntimeError, r'2\^52'):
                self.values('B', B=path, RESAMPLING='NEAR')

    def test_nodata_of_each_band(self):
        path = self.path('each.vrt')
        names = [self.raster('each%d.tif' % i, (200, 180), 'Int16', nodata, **self.PLACE)[0] for i, nodata in enumerate((-99, -98))]
        gdal.BuildVRT(path, names, separate=True)
        for method in ('NEAR', 'BILINEAR'):
            for band in (1, 2):
                both = self.values('B[%d]' % band, B=path, RESAMPLING=method)
                self.same(both, self.values('B', B=names[band - 1], RESAMPLING=method), method)

    def test_mask(self):
        path, values = self.raster('masked.tif', (200, 180), 'Byte', **self.PLACE)
        hole = self.random.random((180, 200)) < 0.2
        with config('GDAL_TIFF_INTERNAL_MASK', 'YES'):
            dataset = gdal.Open(path, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.where(hole, 0, 255).astype(np.uint8))
            dataset = None
        as_nodata = write(self.path('as_nodata.tif'), np.where(hole, -9, values.astype(np.int16)).astype(np.int16), nodata=-9, **self.PLACE)
        for method in ('NEAR', 'MODE', 'BILINEAR', 'AVERAGE'):
            self.same(self.values('B', B=path, RESAMPLING=method), self.values('B', B=as_nodata, RESAMPLING=method), method)

    def test_partly_transparent(self):
        alpha = np.array([[255, 255, 200, 200, 128, 128, 255, 0]], np.uint8)
        rgba = [np.full((1, 8), 100, np.uint8)] * 3 + [alpha]
        path = write(self.path('rgba.tif'), rgba, options=['PHOTOMETRIC=RGB', 'ALPHA=YES'])
        for method in ('NEAR', 'BILINEAR', 'CUBIC', 'LANCZOS', 'AVERAGE'):
            got = self.values('A[1]', a=path, CELL_SIZE='5,10', RESAMPLING=method)
            self.same(got.round(4), np.array([[100.0] * 14 + [np.nan] * 2]), method)

    def test_classes_that_are_mixed(self):
        """A warning says so where it was not asked of this very input."""
        path, _ = self.raster('classes.tif', (200, 180), 'Byte', **self.PLACE)
        dataset = gdal.Open(path, gdal.GA_Update)
        table = gdal.ColorTable()
        table.SetColorEntry(1, (255, 0, 0, 255))
        dataset.GetRasterBand(1).SetRasterColorTable(table)
        dataset = None
        for options, says in (({'RESAMPLING': 'BILINEAR'}, True), ({'RESAMPLING': 'NEAR'}, False), ({'RESAMPLING': 'MODE'}, False),
                              ({'B_RESAMPLING': 'BILINEAR'}, False)):
            seen, handler = collect_errors()
            gdal.PushErrorHandler(handler)
            self.open('B', B=path, **options)
            gdal.PopErrorHandler()
            self.assertEqual(any('mixes classes' in text and 'B_RESAMPLING' in text for _, text in seen), says, options)

    def test_alpha(self):
        values = self.random.integers(0, 200, (180, 200)).astype(np.uint8)
        alpha = np.where(self.random.random((180, 200)) < 0.3, 0, 255).astype(np.uint8)
        path = write(self.path('alpha.tif'), [values, alpha], options=['ALPHA=YES'], **self.PLACE)
        for method in ('NEAR', 'BILINEAR', 'AVERAGE'):
            dataset = self.open('B', B=path, RESAMPLING=method)
            self.check_told(dataset.ReadAsArray(), dataset, method)
        wide = write(self.path('wide.tif'), [values.astype(np.uint16) * 100, alpha.astype(np.uint16) * 257], options=['ALPHA=YES'], **self.PLACE)
        dataset = self.open('B', B=wide, RESAMPLING='BILINEAR')
        self.check_told(dataset.ReadAsArray(), dataset, 'UInt16')

    def test_members_of_a_stack(self):
        """One that lies apart is NoData all over."""
        paths = [self.raster('member%d.tif' % i, (100, 90), 'Byte', geotransform=(1000.0 + 1000 * i, 10.0, 0.0, 5000.0, 0.0, -10.0)) for i in range(3)]
        stack = 'S=' + ';'.join('"%s"' % path for path, _ in paths)
        got = gdal.OpenEx('FISHNET:', open_options=['INPUT=' + stack, 'CALC=count(S)', 'EXTENT=1000,4100,2500,5000', 'OT=Float64']).ReadAsArray()
        want = np.ones((90, 150))
        self.same(got, want)

    def test_as_it_is(self):
        """Without an expression: all that a raster says of itself stays, shifted or resampled."""
        path, values = self.raster('classes.tif', (350, 330), 'Byte', 0, geotransform=(500.0, 10.0, 0.0, 5300.0, 0.0, -10.0))
        dataset = gdal.Open(path, gdal.GA_Update)
        colours = gdal.ColorTable()
        colours.SetColorEntry(1, (10, 20, 30, 255))
        band = dataset.GetRasterBand(1)
        band.SetColorTable(colours)
        band.SetScale(0.5)
        band.SetOffset(3)
        band.SetUnitType('m')
        band.SetDescription('cover')
        band.SetCategoryNames(['none', 'wood'])
        dataset.SetMetadataItem('SENSOR', 'eye')
        band = dataset = None
        shifted = gdal.OpenEx('FISHNET:' + path, open_options=['EXTENT=600,2100,4600,5200'])
        self.same(shifted.ReadAsArray(), np.pad(values, ((0, 0), (0, 60)))[10:320, 10:410])
        resampled = gdal.OpenEx('FISHNET:' + path, open_options=['CRS=EPSG:4326', 'CELL_SIZE=0.0002'])
        self.assertEqual(resampled.GetMetadataItem('A_METHOD', 'FISHNET_GRID'), 'near')
        self.same(resampled.ReadAsArray(), self.told(resampled, 'A').ReadAsArray())
        for dataset in (shifted, resampled):
            band = dataset.GetRasterBand(1)
            self.assertEqual(band.GetColorTable().GetColorEntry(1)[:3], (10, 20, 30))
            self.assertEqual((band.GetScale(), band.GetOffset(), band.GetUnitType(), band.GetDescription(), band.GetNoDataValue()), (0.5, 3, 'm', 'cover', 0))
            self.assertEqual(band.GetCategoryNames(), ['none', 'wood'])
            self.assertEqual(dataset.GetMetadataItem('SENSOR'), 'eye')
            self.assertIn(path, dataset.GetFileList())

    def test_as_it_is_without_nodata(self):
        """A mask says where there is something."""
        values = [self.random.integers(0, 200, (180, 200)).astype(np.uint8) for _ in range(3)]
        path = write(self.path('plain3.tif'), values, **UTM)
        shifted = gdal.OpenEx('FISHNET:' + path, open_options=['EXTENT=500,3000,4000,5000'])
        self.same(shifted.GetRasterBand(2).ReadAsArray()[:180, 50:250], values[1])
        mask = shifted.GetRasterBand(2).GetMaskBand().ReadAsArray()
        self.assertEqual(shifted.GetRasterBand(2).GetMaskFlags(), gdal.GMF_PER_DATASET)
        self.assertTrue((mask[:180, 50:250] == 255).all() and (mask == 255).sum() == 180 * 200)
        resampled = gdal.OpenEx('FISHNET:' + path, open_options=['CELL_SIZE=7', 'EXTENT=500,3000,4000,5000', 'RESAMPLING=BILINEAR'])
        told = self.told(resampled, 'A').ReadAsArray()
        for band in (1, 2, 3):
            self.same(resampled.GetRasterBand(band).ReadAsArray(), told[band - 1])
        self.same(resampled.GetRasterBand(1).GetMaskBand().ReadAsArray(), told[3])

    def test_colour_table_is_near(self):
        path, _ = self.raster('palette.tif', (350, 330), 'Byte', geotransform=(500.0, 11.0, 0.0, 5300.0, 0.0, -11.0))
        dataset = gdal.Open(path, gdal.GA_Update)
        colours = gdal.ColorTable()
        colours.SetColorEntry(1, (10, 20, 30, 255))
        dataset.GetRasterBand(1).SetColorTable(colours)
        dataset = None
        seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        try:
            dataset = self.open('B', B=path, NUM_WORKERS=2, WORKERS='PROCESSES', TILE_SIZE=100)
            dataset.ReadAsArray()
        finally:
            gdal.PopErrorHandler()
        self.assertEqual(dataset.GetMetadataItem('B_METHOD', 'FISHNET_GRID'), 'near')
        said = [text for kind, text in seen if 'resampled by near' in text]
        self.assertEqual(len(said), 1, seen)
        for word in ('palette.tif', 'colour table', 'B_RESAMPLING'):
            self.assertIn(word, said[0])


class TestTable(OntoGrid):
    """ZONALSTATS of values and weights on other grids."""

    def test_values_weights_and_zones(self):
        a, values = self.raster('values.tif', (400, 300), 'Int16', -99, **UTM)
        weights, _ = self.raster('weights.tif', (300, 260), 'Float32', -9999, geotransform=(700.0, 14.3, 0.0, 5200.0, 0.0, -14.3))
        other, shifted = self.raster('values2.tif', (420, 320), 'Int16', -99, geotransform=(900.0, 10.0, 0.0, 5100.0, 0.0, -10.0))
        zones = write(self.path('zones.tif'), np.kron(np.arange(1, 7).reshape(2, 3), np.ones((40, 40))).astype(np.int32),
                      geotransform=(1000.0, 31.0, 0.0, 5000.0, 0.0, -35.0))
        table = gdal.OpenEx('ZONALSTATS:' + zones, gdal.OF_VECTOR, open_options=[
            'RASTER=' + a, 'RASTER=' + other, 'WEIGHTS=' + weights, 'STATS=SUM,WEIGHTED_SUM', 'CALC=A+B', 'RESAMPLING=BILINEAR'])
        got = [(f.GetField(0), f.GetField(1), f.GetField(2)) for f in table.GetLayer(0)]
        z = self.values('B', a=a, B=zones, RESAMPLING='NEAR')
        w = self.values('B', a=a, B=weights, RESAMPLING='BILINEAR')
        v = np.where(values == -99, np.nan, values).astype(float)
        v = v + np.where(shifted == -99, np.nan, shifted)[10:310, 10:410]
        self.assertEqual(len(got), 6)
        for zone, total, weighted in got:
            own = (z == zone) & np.isfinite(v)
            self.assertEqual(total, v[own].sum())
            own &= np.isfinite(w)
            self.assertAlmostEqual(weighted, (v[own] * w[own]).sum(), delta=1e-6 * abs(weighted))


class TestSameBytes(OntoGrid):
    def test_any_workers_and_windows(self):
        a = self.grid('big.tif', (290000.0, 50.0, 0, 5560000.0, 0, -50.0), 32632, (1400, 1100))
        path, _ = self.raster('source.tif', (800, 800), 'Float32', -9999, geotransform=(6.0, 0.001, 0, 50.2, 0, -0.001), epsg=4326)
        for method in ('NEAR', 'CUBIC', 'AVERAGE'):
            want = self.values('B+1', a=a, B=path, RESAMPLING=method, NUM_WORKERS=1)
            for options in (dict(NUM_WORKERS=2), dict(NUM_WORKERS=5, TILE_SIZE='300x170'), dict(NUM_WORKERS=2, WORKERS='PROCESSES'), dict(TILE_SIZE='64')):
                self.same(self.values('B+1', a=a, B=path, RESAMPLING=method, **options), want, '%s %s' % (method, options))
            parts = [self.values('B+1', a=a, B=path, RESAMPLING=method, PARTITION='%d/3' % i) for i in (1, 2, 3)]
            self.same(np.concatenate(parts), want, method + ' PARTITION')
            dataset = self.open('B+1', a=a, B=path, RESAMPLING=method, TILE_SIZE='100')
            for x, y, width, height in ((700, 500, 130, 220), (1, 1, 1100, 3), (511, 511, 2, 2)):
                self.same(dataset.ReadAsArray(x, y, width, height), want[y:y + height, x:x + width], method)

    def test_block_cache(self):
        a = self.grid('cache.tif', (290000.0, 50.0, 0, 5560000.0, 0, -50.0), 32632, (1400, 1100))
        path, _ = self.raster('cached.tif', (800, 800), 'Float32', -9999, geotransform=(6.0, 0.001, 0, 50.2, 0, -0.001), epsg=4326)
        words = ['-q', '-oo', 'B=' + path, '-oo', 'CALC=B', '-oo', 'RESAMPLING=CUBIC', 'FISHNET:' + a]
        files = []
        for cache in ('2', '200'):
            files.append(self.path('cache%s.tif' % cache))
            good('gdal_translate', '--config', 'GDAL_CACHEMAX', cache, *words, files[-1])
        self.same(*[gdal.Open(name).ReadAsArray() for name in files])


if __name__ == '__main__':
    unittest.main()
