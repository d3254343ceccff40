"""focal_mean, focal_median...: each statistic, window, policy for NoData and rule for edges against the evaluator beside this file. Order
statistics to the bit; sums and means as far as the order of additions in double can matter, which is not at all where sums are exact."""
import itertools
import unittest

import numpy as np

from focal_common import POSITIVE, SEED, SHAPES, SIGNED, FocalCase, Window, calc, calc1, ev, fishnet, gdal, real, valid, write, windows_of

PERCENTILES = (0, 10, 25, 33.3, 50, 75, 90, 99.5, 100)


def rng(name):
    return np.random.default_rng([SEED, *name.encode()])


def ties(random, shape, dtype, high):
    return random.integers(0, high, shape).astype(dtype)


class Windows(FocalCase):
    @classmethod
    def prepare(cls):
        random = rng('windows')
        cls.rasters = {}

        def add(name, cells, nodata):
            cls.rasters[name] = (write(cls.path(name.replace(' ', '_') + '.tif'), cells, nodata), valid(cells, nodata))
        cells = ties(random, (15, 19), np.int16, 9)
        cells[random.random(cells.shape) < 0.15] = -999
        cells[0:3, 0:4] = -999  # a corner, and more than some windows, without values
        cells[7:14, 8:16] = np.where(random.random((7, 8)) < 0.7, -999, cells[7:14, 8:16])
        add('ties', cells, -999)
        add('Byte without NoData', ties(random, (14, 13), np.uint8, 256), None)
        wide = random.integers(0, 65536, (13, 12)).astype(np.uint16)
        wide[random.random(wide.shape) < 0.1] = 65535
        add('UInt16', wide, 65535)
        whole = random.integers(-2**31, 2**31, (12, 17)).astype(np.int32)
        whole[random.random(whole.shape) < 0.1] = -1
        add('Int32', whole, -1)
        single = np.round(random.normal(0, 2, (15, 14)), 1).astype(np.float32)
        single[random.random(single.shape) < 0.1] = np.nan  # NaN and NoData in one raster
        single[random.random(single.shape) < 0.1] = -999
        add('Float32', single, -999)
        double = random.normal(100, 30, (13, 15))
        double[random.random(double.shape) < 0.1] = np.nan
        add('Float64', double, None)
        add('a large mean', 1e9 + random.integers(0, 2, (12, 11)).astype(np.float64), None)
        add('infinities', np.where(random.random((12, 14)) < 0.1, np.inf,
                                   np.where(random.random((12, 14)) < 0.1, -np.inf, double[:12, :14])), None)
        add('zeros', random.choice([0.0, -0.0, 1.0, -1.0], (11, 12)), None)
        add('a row', single[:1], -999)
        add('a column', double[:, :1], None)
        add('smaller than windows', cells[4:6, 0:3], -999)
        add('a cell', cells[5:6, 5:6], -999)
        add('no values', np.full((6, 7), -999, np.int16), -999)

    def check(self, name, calls):
        path, x = self.rasters[name]
        self.check_windows(path, x, calls)

    def test_every_combination(self):
        """On one raster with everything: ties, holes, a corner and whole windows without values."""
        calls = []
        for statistic in ev.STATISTICS:
            windows = ['3', 'rect(1, 5)', 'circle(2.5)',
                       'annulus(1, 3)'] + list(POSITIVE)[:1] * (statistic in ev.WEIGHTED) + list(SIGNED)[1:2] * (statistic in ('mean', 'sum'))
            for window, nodata, edge in itertools.product(windows, ev.POLICIES, ev.EDGES):
                calls.append(Window(statistic, window, nodata, edge, p=30))
        self.check('ties', calls)

    def some(self, name, count):
        random, calls = rng(name), []
        for _ in range(count):
            statistic = random.choice(ev.STATISTICS)
            calls.append(Window(statistic, random.choice(list(windows_of(statistic))), random.choice(ev.POLICIES),
                                random.choice(ev.EDGES),
                                p=random.choice(PERCENTILES).item()))
        return calls

    def test_some_of_all(self):
        for name in self.rasters:
            with self.subTest(name):
                self.check(name, self.some(name, 120))

    def test_each_window_with_each_statistic(self):
        for name in ('Float32', 'Int32'):
            self.check(name, [Window(statistic, window) for statistic in ev.STATISTICS
                              for window in windows_of(statistic)])

    def test_percentiles(self):
        """numpy's linear to the last bit, whatever the number of values: a window above 7 x 7 is another way of computing."""
        for name in ('Float64', 'ties', 'infinities'):
            self.check(name, [Window('percentile', window, nodata, p=p) for p in PERCENTILES
                              for window in ('3', '9', 'circle(5)') for nodata in ev.POLICIES])

    def test_exact_sums(self):
        """Where a sum is whole, or of Float32 of like size, it is exact: the mean is within an ulp, and zero variance is zero."""
        for name in ('ties', 'UInt16', 'Byte without NoData', 'Int32'):
            path, x = self.rasters[name]
            calls = [Window(statistic, window, edge=edge) for statistic in ('mean', 'sum') for window in SHAPES
                     for edge in ev.EDGES]
            for call, got in zip(calls, calc(path, *[call.text for call in calls])):
                self.near(got, call.value(x), 1 if call.statistic == 'mean' else 0, call.text)

    def test_large_mean(self):
        """Values of a billion that differ by one: squares of them would lose that."""
        path, x = self.rasters['a large mean']
        for window in ('3', 'circle(5)', '9'):
            for got, want in zip(calc(path, 'focal_var(A, %s)' % window, 'focal_std(A, %s)' % window),
                                 (Window('var', window).value(x), Window('std', window).value(x))):
                self.close(got, want, 1e-12 * want, window)
        constant = write(self.path('constant.tif'), np.full((20, 20), 1e9 / 3))
        self.same(calc1(constant, 'focal_var(A, 11)'), np.zeros((20, 20)))

    def test_infinity_stays_local(self):
        cells = np.ones((40, 50))
        cells[20, 25] = np.inf
        path = write(self.path('inf.tif'), cells)
        cells_of = {'focal_mean(A, 5)': 25, 'focal_sum(A, 5)': 25, 'focal_max(A, 5)': 25, 'focal_mean(A, 31)': 31**2,
                    'focal_sum(A, circle(10))': 317}
        for text in cells_of:
            got = calc1(path, text)
            self.assertEqual(np.isinf(got).sum(), cells_of[text], text)
            self.assertFalse(np.isnan(got).any(), text)

    def test_nan_stays_local(self):
        """A running sum would carry it to the end of the row."""
        cells = np.arange(60.0 * 70).reshape(60, 70)
        cells[10, 10] = np.nan
        path = write(self.path('nan.tif'), cells)
        self.check_windows(path, cells, [Window(statistic, '9', nodata) for statistic in ev.STATISTICS
                                         for nodata in ev.POLICIES])

    def test_metres(self):
        """Cells of 30 x 10 m, and feet."""
        cells = rng('metres').integers(0, 99, (20, 30)).astype(np.int16)
        for epsg, metre in ((32633, 1.0), (2263, 1 / 0.3048006096012192)):
            path = write(self.path('metres%d.tif' % epsg), cells, geotransform=(0, 30 * metre, 0, 0, 0, -10 * metre),
                         epsg=epsg)
            for window, weights in (('circle(90m)', ev.circle(90, 30, 10)), ('circle(0.05km)', ev.circle(50, 30, 10)),
                                    ('annulus(20m, 60m)', ev.annulus(20, 60, 30, 10)),
                                    ('circle(29.9m)', ev.circle(29.9, 30, 10))):
                call = Window('sum', window, weights=weights)
                self.same(calc1(path, call.text), call.value(cells.astype(float)), '%s, EPSG:%d' % (window, epsg))

    def test_operands(self):
        """Windows over expressions, expressions over windows, several in one, comparisons."""
        path, x = self.rasters['ties']
        mean, peak = Window('mean', '3').value(x), Window('max', 'circle(2.5)', 'fill', 'reflect').value(x)
        with np.errstate(invalid='ignore'):
            above = np.where(np.isnan(x), np.nan, x > 4)
            for text, want in (('A - focal_min(A, 3)', x - Window('min', '3').value(x)),
                               ('focal_sum(A > 4, 3)', Window('sum', '3').value(above)),
                               ('focal_majority(A*2+1, circle(1))', Window('majority', 'circle(1)').value(x * 2 + 1)),
                               ('where(focal_count(A, 3) < 5, NODATA, A)',
                                np.where(~(Window('count', '3').value(x) >= 5), np.nan, x)),
                               ('focal_max(A, circle(2.5), nodata="fill", edge="reflect") - A', peak - x),
                               ('floor(focal_mean(A, 3)) & 3', np.where(np.isnan(mean), np.nan, np.floor(mean) % 4)),
                               ('focal_variety(A, 3) & 1', Window('variety', '3').value(x) % 2),
                               ('focal_max(A > 4, 3) | (A & 0)', Window('max', '3').value(above)),
                               ('focal_range(A[0,1] + at(A, 1, 0), 3)',
                                Window('range', '3').value(ev.neighbor(x, 0, 1) + ev.neighbor(x, 1, 0))),
                               ('isnodata(focal_min(A, 3, nodata="fill"))',
                                np.isnan(Window('min', '3', 'fill').value(x)) * 1.0)):
                self.close(calc1(path, text), want, 4 * np.spacing(np.abs(want)), text)

    def test_whole_numbers_stay_whole(self):
        """A result that is a whole number of whole numbers may be used as bits; a mean may not."""
        path = self.rasters['ties'][0]
        for name in ('sum', 'min', 'max', 'range', 'majority', 'minority', 'variety', 'count'):
            self.assertIsNotNone(calc1(path, 'focal_%s(A, 3) & 1' % name))
        for name in ('mean', 'std', 'var', 'median'):
            self.refused('integer', path=path, calcs=['focal_%s(A, 3) & 1' % name])

    def test_nodata_none(self):
        """NaN counts as NoData in windows there, too."""
        path, x = self.rasters['Float64']
        calls = [Window(statistic, '3', nodata) for statistic in ('mean', 'median', 'count') for nodata in ev.POLICIES]
        self.check_windows(path, x, calls, NODATA='none')

    def test_nodata_of_the_result(self):
        """What has no value is NODATA; a value that is equal to it, too."""
        path, x = self.rasters['ties']
        got = fishnet(path, 'focal_min(A, 3)', OT='Int16', NODATA='0').ReadAsArray()
        want = Window('min', '3').value(x)
        self.same(got, np.where(np.isnan(want), 0, want).astype(np.int16))


class Neighbors(FocalCase):
    @classmethod
    def prepare(cls):
        random = rng('neighbors')
        cls.bands = [random.integers(0, 100, (9, 11)).astype(np.int16) for _ in range(3)]
        for cells in cls.bands:
            cells[random.random(cells.shape) < 0.1] = -1
        cls.file = write(cls.path('bands.tif'), cls.bands, -1)
        cls.x = [valid(cells, -1) for cells in cls.bands]

    def expect(self, text, want):
        self.same(calc1(self.file, text), want, text)

    def test_offsets(self):
        """Row, then column; down and right are positive; outside there is nothing."""
        for row, column in itertools.product((-20, -9, -2, -1, 0, 1, 3, 8, 9), (-11, -10, -1, 0, 1, 5, 30)):
            want = ev.neighbor(self.x[0], row, column)
            self.expect('A[%d,%d]' % (row, column), want)
            self.expect('at(A, %d, %d)' % (row, column), want)

    def test_spellings(self):
        want = ev.neighbor(self.x[1], -1, 2)
        for text in ('A[2,-1,2]', 'A[2][-1,2]', 'A [ 2 , -1 , +2 ]', 'A[2] [ -1,2 ]', 'at(A[2], -1, 2)',
                     'at(A[2],row=-1,column=2)', 'at(A[2],column=2,row=-1)', 'at( A[2][0,0] , -1 , 2 )',
                     'at(A[2][-1,0], 0, 2)', '+A[2,-1,2]', '(A[2,-1,2])'):
            self.expect(text, want)

    def test_expressions(self):
        a, b, c = self.x
        self.expect('at(A[1] + A[2] * 2, -1, -1)', ev.neighbor(a + b * 2, -1, -1))
        self.expect('A[0,1] - 2 * A + A[0,-1]', ev.neighbor(a, 0, 1) - 2 * a + ev.neighbor(a, 0, -1))
        self.expect('at(at(A, 1, 0) - A, 0, 1)', ev.neighbor(ev.neighbor(a, 1, 0) - a, 0, 1))
        self.expect('at(1, 2, 0)', ev.neighbor(np.ones_like(a), 2, 0))
        self.expect('where(A[3] > 50, A[1][1,0], 7)', np.where(np.isnan(c), np.nan,
                                                               np.where(c > 50, ev.neighbor(a, 1, 0), 7)))
        self.expect('isnodata(A[-1,0])', np.isnan(ev.neighbor(a, -1, 0)) * 1.0)

    def test_whole_numbers(self):
        self.expect('A[1,1] & 7', np.where(np.isnan(want := ev.neighbor(self.x[0], 1, 1)), np.nan, want % 8))
        self.refused('integer', path=self.file, calcs=['A[1,1]/2 & 7'])

    def test_nodata_none(self):
        """Outside is NaN; NoData inside is the number that it is stored as."""
        got = calc1(self.file, 'A[0,1]', NODATA='none')
        self.same(got, ev.neighbor(self.bands[0].astype(float), 0, 1))

    def test_two_inputs(self):
        other = write(self.path('other.tif'), self.bands[2], -1)
        self.same(calc1(self.file, 'A[0,1] * B[-1,0]', B=other),
                  ev.neighbor(self.x[0], 0, 1) * ev.neighbor(self.x[2], -1, 0))


class Real(FocalCase):
    """Crops of real rasters, as files, with large windows."""

    @classmethod
    def prepare(cls):
        cls.dem = gdal.Open(real('dem.tif')).ReadAsArray(600, 300, 58, 46)
        cls.dem[14:25, 30:44] = -999
        cls.dem[40:, 50:] = -999
        cls.dem_file = write(cls.path('dem.tif'), cls.dem, -999, like=real('dem.tif'))
        cls.sat = gdal.Open(real('landsat.tif')).ReadAsArray(100, 100, 44, 41)
        cls.sat_file = write(cls.path('landsat.tif'), list(cls.sat), like=real('landsat.tif'))

    LARGE = {'21': ev.box(21), 'rect(3,41)': ev.box(3, 41), 'circle(9)': ev.circle(9),
             'annulus(5, 11)': ev.annulus(5, 11), 'wedge(12, 100, 200)': ev.wedge(12, 100, 200)}

    def test_elevations(self):
        x = valid(self.dem, -999)
        statistics = [name for name in ev.STATISTICS if name not in ('majority', 'minority')]
        rules = (('skip', 'shrink'), ('fill', 'reflect'), ('spread', 'nodata'))
        calls = [Window(statistic, window, nodata, edge, p=90, weights=weights) for window, weights in self.LARGE.items()
                 for nodata, edge in rules for statistic in statistics]
        self.check_windows(self.dem_file, x, calls)

    def test_satellite(self):
        x = self.sat[3].astype(float)
        calls = [Window(statistic, window, 'skip', edge, p=12.5, operand='A[4]', weights=weights) for window,
                 weights in self.LARGE.items()
                 for edge in ('shrink', 'wrap') for statistic in ev.STATISTICS]
        self.check_windows(self.sat_file, x, calls)

    def test_a_window_as_large_as_the_raster(self):
        x = self.sat[0][:40, :40].astype(float)
        path = write(self.path('part.tif'), self.sat[0][:40, :40])
        for statistic in ('mean', 'median', 'max', 'variety', 'std', 'sum'):
            for edge in ('shrink', 'nearest', 'reflect', 'wrap'):
                call = Window(statistic, '101', edge=edge, weights=ev.box(101))
                rows = [ev.stand_in(np.arange(at - 50, at + 51), 40, edge) for at in (0, 17, 39)]
                for at, places in zip((0, 17, 39), rows):  # three cells by hand: the evaluator takes long
                    places = places[places >= 0]
                    values = x[places][:, places].ravel()
                    want = {'mean': np.mean, 'median': np.median, 'max': np.max, 'std': np.std, 'sum': np.sum,
                            'variety': lambda v: len(set(v))}[statistic](values)
                    got = calc1(path, call.text)[at, at]
                    self.assertAlmostEqual(got, want, delta=1e-12 * abs(want), msg=call.text)

    def test_scipy(self):
        """Where it is installed: its modes nearest, reflect and wrap are ours."""
        try:
            from scipy import ndimage
        except ImportError:
            self.skipTest('no scipy')
        x = self.sat[2].astype(float)
        for edge in ('nearest', 'reflect', 'wrap'):
            for name, want in (('mean', ndimage.uniform_filter(x, 5, mode=edge)),
                               ('min', ndimage.minimum_filter(x, 5, mode=edge)),
                               ('median', ndimage.median_filter(x, 5, mode=edge))):
                got = calc1(self.sat_file, 'focal_%s(A[3], 5, edge=%s)' % (name, edge))
                self.close(got, want, 1e-12 * np.abs(want) if name == 'mean' else 0, name + ' ' + edge)


if __name__ == '__main__':
    unittest.main()
