"""BANDS, FLATTEN and PROPAGATE_NODATA: what a name alone means. CHECK_EXTENT and CHECK_CRS: grids that differ."""
import unittest

import numpy as np
from osgeo import gdal

from common import Case, collect_errors, good, write

NAN = np.nan


class Bands(Case):
    def open(self, *calcs, inputs=('a', 'b', 'c', 'two'), **options):
        words = ['INPUT=%s=%s' % (name, self.path(name + '.tif')) for name in inputs]
        words += ['CALC=' + calc for calc in calcs] + ['%s=%s' % item for item in {'OT': 'Float64', **options}.items()]
        return gdal.OpenEx('FISHNET:', gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=words)

    def gives(self, want, *calcs, **options):
        dataset = self.open(*calcs, **options)
        self.assertEqual(dataset.RasterCount, len(want), calcs)
        for i, band in enumerate(want):
            self.same(dataset.GetRasterBand(i + 1).ReadAsArray(), np.asarray(band, np.float64), '%s, band %d' % (calcs, i + 1))

    def wrong(self, *calcs, says=(), **options):
        with self.assertRaises(RuntimeError) as caught:
            self.open(*calcs, **options)
        for text in says:
            self.assertIn(text, str(caught.exception))


class TestEveryBand(Bands):
    @classmethod
    def prepare(cls):
        random = np.random.default_rng(11)
        cls.a, cls.c = (random.integers(1, 1000, (3, 30, 50)).astype(np.float64) for _ in range(2))
        cls.b = random.integers(1, 1000, (30, 50)).astype(np.float64)
        cls.two = random.integers(1, 1000, (2, 30, 50)).astype(np.float64)
        for name, array in (('a', cls.a), ('b', cls.b), ('c', cls.c), ('two', cls.two)):
            write(cls.path(name + '.tif'), list(array) if array.ndim == 3 else array)

    def test_all(self):
        a, b, c = self.a, self.b, self.c
        self.gives(a * 2, 'a*2', BANDS='ALL')
        self.gives([a[0] * 2], 'a*2')
        self.gives([a[0] * 2], 'a*2', BANDS='FIRST')
        self.gives(a + b - c, 'a+b-c', BANDS='all')
        self.gives(a / a.max(0), 'a/max(a[*])', BANDS='ALL')
        self.gives([b, *(a - a[1]), a[1] * 2], 'b', 'a-a[2]', 'a[2]*2', BANDS='ALL')
        self.gives([a[0] + a[1]], 'a[1]+a[2]', BANDS='ALL')
        shifted = np.full_like(a, NAN)
        shifted[:, 1:, :] = a[:, :-1, :]
        self.gives(shifted, 'a[-1,0]', BANDS='ALL')
        self.gives([a[0], a[1], a[2], *a], 'a;a', BANDS='ALL')

    def test_flatten(self):
        a, b, two = self.a, self.b, self.two
        self.gives([a.sum(0) - b], 'sum(a)-sum(b)', BANDS='ALL', FLATTEN='YES')
        self.gives(a / a.sum(0), 'a/sum(a)', BANDS='ALL', FLATTEN='YES')
        self.gives([a.sum(0) * 2], 'sum(a*2)', FLATTEN='YES')
        self.gives([np.median(np.concatenate([a, two]), axis=0)], 'median(a,two)', BANDS='ALL', FLATTEN='YES')
        self.gives(np.sqrt(two), 'sqrt(two)', BANDS='ALL', FLATTEN='YES')
        self.gives([a[0]], 'sum(a)')

    def test_stacks(self):
        stack = 'INPUT=S=%s;%s' % (self.path('a.tif'), self.path('c.tif'))
        dataset = gdal.OpenEx('FISHNET:', open_options=[stack, 'CALC=pick(S, nanargmax(S[2]))', 'BANDS=ALL', 'OT=Float64'])
        self.same(dataset.ReadAsArray(), np.where(self.c[1] > self.a[1], self.c, self.a))

    def test_counts_that_differ(self):
        self.wrong('a+two', BANDS='ALL', says=['two has 2 bands', 'those before have 3', 'position 3'])
        self.gives([self.a[0] + self.two[0]], 'a+two')
        self.gives(self.a + self.two[1], 'a+two[2]', BANDS='ALL')
        for option in ('BANDS=ALL', 'FLATTEN=YES', 'PROPAGATE_NODATA=YES'):
            with self.assertRaisesRegex(RuntimeError, option + '.*CALC'):
                gdal.OpenEx('FISHNET:' + self.path('a.tif'), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=[option])
        self.wrong('a', BANDS='EACH', says=['BANDS=EACH', 'FIRST or ALL'])

    def test_names_of_bands(self):
        dataset = self.open('a*2', 'b', BANDS='ALL')
        self.assertEqual([dataset.GetRasterBand(i + 1).GetDescription() for i in range(4)], ['a*2 (band 1)', 'a*2 (band 2)', 'a*2 (band 3)', 'b'])

    def test_workers_and_outputs(self):
        want = self.a + self.b
        for kind in ('THREADS', 'PROCESSES'):
            self.gives(want, 'a+b', BANDS='ALL', WORKERS=kind, NUM_WORKERS=3, TILE_SIZE=16)
            self.gives([self.a.sum(0)], 'sum(a)', FLATTEN='YES', WORKERS=kind, NUM_WORKERS=2, TILE_SIZE=16)
        words = ['-q', '-of', 'FISHNET', '-co', 'CALC=A*2', '-co', 'BANDS=ALL', '-co', 'OT=Float64', '-co', 'WORKERS=PROCESSES', '-co', 'NUM_WORKERS=2']
        good('gdal_translate', *words, '-co', 'TILE_SIZE=16', self.path('a.tif'), self.path('tiles.vrt'))
        self.same(gdal.Open(self.path('tiles.vrt')).ReadAsArray(), self.a * 2)
        good('gdal_translate', *words, '-co', 'OUTPUT=SINGLE', self.path('a.tif'), self.path('single.tif'))
        self.same(gdal.Open(self.path('single.tif')).ReadAsArray(), self.a * 2)
        gdal.Translate(self.path('lazy.vrt'), self.open('a/sum(a)', BANDS='ALL', FLATTEN='YES'), format='VRT')
        self.same(gdal.Open(self.path('lazy.vrt')).ReadAsArray(), self.a / self.a.sum(0))

    def test_resume_knows_them(self):
        words = ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'CALC=A+sum(A)', '-co', 'BANDS=ALL', '-co', 'TILE_SIZE=16', self.path('a.tif'), self.path('again.vrt')]
        good(*words)
        good(*words, '-co', 'RESUME=YES')
        with self.assertRaisesRegex(AssertionError, '(?s)RESUME.*FLATTEN'):
            good(*words, '-co', 'RESUME=YES', '-co', 'FLATTEN=YES')


class TestPropagation(Bands):
    @classmethod
    def prepare(cls):
        cls.p = np.array([[1, NAN, 3, NAN], [5, 6, 7, 8]])
        cls.q = np.array([[1, 2, NAN, NAN], [5, 6, 7, 8]])
        for name, array in (('p', cls.p), ('q', cls.q)):
            write(cls.path(name + '.tif'), np.where(np.isnan(array), -9, array), nodata=-9)
        write(cls.path('pq.tif'), [np.where(np.isnan(array), -9, array) for array in (cls.p, cls.q)], nodata=-9)

    def test_propagates(self):
        both = np.isnan(self.p) | np.isnan(self.q)
        text, sums = 'where(isnodata(p),0,p)+where(isnodata(q),0,q)', np.nan_to_num(self.p) + np.nan_to_num(self.q)
        options = {'inputs': ('p', 'q'), 'PROPAGATE_NODATA': 'YES'}
        self.gives([sums], text, inputs=('p', 'q'))
        self.gives([np.where(both, NAN, sums)], text, **options)
        self.gives([np.where(np.isnan(self.p), NAN, 1)], 'where(isnodata(p), 0, 1)', **options)
        self.gives([np.where(both, NAN, 2)], 'count(p, q)', **options)
        # Each expression for itself, and only the band that it uses.
        self.gives([np.where(np.isnan(self.p), NAN, 0), np.where(np.isnan(self.q), NAN, 0)], 'isnodata(p)', 'isnodata(q)', **options)
        self.gives([np.where(np.isnan(array), NAN, 0) for array in (self.p, self.q)], 'isnodata(pq)', inputs=('pq',), BANDS='ALL', PROPAGATE_NODATA='YES')
        self.gives([np.full_like(self.p, 7)], '7', **options)
        for kind in ('THREADS', 'PROCESSES'):
            self.gives([np.where(both, NAN, sums)], text, WORKERS=kind, NUM_WORKERS=2, **options)

    def test_of_what_looks_around(self):
        self.gives([np.where(np.isnan(self.p), NAN, 15)], 'focal_count(p, 3, nodata=fill)*0+15', inputs=('p',), PROPAGATE_NODATA='YES')
        self.gives([np.where(np.isnan(self.p), NAN, 1)], 'where(isnodata(p[0,1]),1,1)', inputs=('p',), PROPAGATE_NODATA='YES')

    def test_refused(self):
        self.wrong('p', inputs=('p',), PROPAGATE_NODATA='YES', NODATA='none', says=['PROPAGATE_NODATA=YES', 'NODATA=none'])


class TestGrids(Case):
    @classmethod
    def prepare(cls):
        array = np.arange(12.0).reshape(3, 4)
        cls.array = array
        for name, origin, size in (('first', 1000, 10), ('near', 1001, 10), ('far', 1500, 20)):
            write(cls.path(name + '.tif'), array, geotransform=(origin, size, 0, 5000, 0, -size))
        write(cls.path('bare.tif'), array, geotransform=None)
        for name, code in (('utm', 32633), ('longitude', 4326), ('nowhere', None)):
            write(cls.path(name + '.tif'), array, epsg=code)
        write(cls.path('wide.tif'), np.zeros((3, 5)))

    def options(self, *names, **options):
        inputs = ['INPUT=%s=%s' % (name, self.path(name + '.tif')) for name in names]
        return [*inputs, 'CALC=' + '+'.join(names), 'OT=Float64', *('%s=%s' % item for item in options.items())]

    def open(self, *names, **options):
        return gdal.OpenEx('FISHNET:', gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=self.options(*names, **options))

    def refused(self, *names, says=(), **options):
        with self.assertRaises(RuntimeError) as caught:
            self.open(*names, **options)
        for text in says:
            self.assertIn(text, str(caught.exception))

    def passes(self, *names, says=(), **options):
        """With a warning for each of `says`, which holds all its words."""
        warnings, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        try:
            dataset = self.open(*names, **options)
            got = dataset.ReadAsArray()
        finally:
            gdal.PopErrorHandler()
        self.assertEqual(len(warnings), len(says), warnings)
        for (kind, text), words in zip(warnings, says):
            self.assertEqual(kind, gdal.CE_Warning)
            for word in words:
                self.assertIn(word, text)
        self.same(got, self.array * len(names))
        return dataset

    def test_extent(self):
        self.refused('first', 'near', says=['differ in position', 'near.tif', '0.1 pixels'])
        dataset = self.passes('first', 'near', 'far', CHECK_EXTENT='NO', says=[['far.tif', 'first.tif', 'by up to 54', 'CHECK_EXTENT=NO']])
        self.assertEqual(dataset.GetGeoTransform(), (1000, 10, 0, 5000, 0, -10))
        self.passes('first', 'bare', CHECK_EXTENT='NO', says=[['bare.tif', 'first.tif']])
        self.passes('first', 'near', CHECK_EXTENT='NO', WORKERS='PROCESSES', says=[['near.tif']])
        self.passes('first', CHECK_EXTENT='NO')
        self.refused('first', 'wide', CHECK_EXTENT='NO', says=['differ in size', 'wide.tif', '5 x 3'])
        self.refused('first', 'near', CHECK_CRS='NO', says=['differ in position'])

    def test_crs(self):
        self.refused('utm', 'longitude', says=['differ in CRS', 'longitude.tif'])
        self.refused('utm', 'longitude', CHECK_CRS='KNOWN', says=['differ in CRS', 'longitude.tif'])
        self.refused('utm', 'longitude', CHECK_EXTENT='NO', says=['differ in CRS'])
        dataset = self.passes('utm', 'longitude', CHECK_CRS='NO', says=[['longitude.tif', 'another CRS', 'utm.tif', 'CHECK_CRS=NO']])
        self.assertEqual(dataset.GetSpatialRef().GetAuthorityCode(None), '32633')
        self.refused('utm', 'nowhere', says=['differ in CRS', 'nowhere.tif'])
        self.passes('utm', 'nowhere', CHECK_CRS='KNOWN', says=[['nowhere.tif', 'has no CRS']])
        self.passes('nowhere', 'utm', CHECK_CRS='KNOWN', says=[['nowhere.tif', 'has no CRS']])
        self.passes('utm', 'nowhere', CHECK_CRS='NO', says=[['nowhere.tif', 'has no CRS']])
        self.passes('utm', 'nowhere', CHECK_CRS='KNOWN', WORKERS='PROCESSES', says=[['nowhere.tif']])


if __name__ == '__main__':
    unittest.main()
