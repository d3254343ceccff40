"""`gdal fishnet calc` takes the command lines of `gdal raster calc`: the dialect builtin against GDAL's own functions, pipelines and several
resolutions as inputs, every band; and each command line that upstream tests, in our own words."""
import os
import sys
import unittest

import numpy as np
from osgeo import gdal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, VERSION, collect_errors, good, run, ulps, write  # noqa: E402

HAS_COMMANDS = VERSION >= (3, 11)
HAS_BUILTIN = VERSION >= (3, 13)  # with several inputs and NoData
NAN = np.nan
NODATA = ('real_nodata', 'whole_nodata')


def calc(command, *inputs, **arguments):
    """Bands of what a command computes, NaN where it has no data."""
    with gdal.Run(command, 'calc', input=[str(name) for name in inputs], output='', output_format='MEM', **arguments) as alg:
        dataset = alg.Output()
        bands = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
        arrays = np.array([band.ReadAsArray().astype(np.float64) for band in bands])
        for array, band in zip(arrays, bands):
            if band.GetNoDataValue() is not None:
                array[array == band.GetNoDataValue()] = NAN
        return arrays


def ours(*inputs, **arguments):
    return calc('fishnet', *inputs, **arguments)


def theirs(*inputs, **arguments):
    return calc('raster', *inputs, **arguments)


class Lines(Case):
    def wrong(self, *inputs, says=(), **arguments):
        with self.assertRaises(RuntimeError) as caught:
            ours(*inputs, **arguments)
        for text in says:
            self.assertIn(text, str(caught.exception))

    def warned(self, *inputs, **arguments):
        """What is computed, and the warnings."""
        seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        try:
            got = ours(*inputs, **arguments)
        finally:
            gdal.PopErrorHandler()
        return got, [text for kind, text in seen if kind == gdal.CE_Warning]


class TestBuiltin(Lines):
    """Each function as GDAL's, on values with NoData and without."""

    @classmethod
    def prepare(cls):
        random = np.random.default_rng(3)
        cls.count = 5
        for i in range(cls.count):
            real = random.uniform(-5, 1000, (2, 20, 150))
            whole = random.integers(-3, 4, (2, 20, 150)).astype(np.float64)
            for name, array in (('real', real), ('whole', whole)):
                write(cls.path('%s%d.tif' % (name, i)), list(array))
                array = np.where(random.random(array.shape) < 0.3, -99, array)
                write(cls.path('%s_nodata%d.tif' % (name, i)), list(array), nodata=-99)

    def inputs(self, name, count):
        return ['%s=%s' % ('ABCDE'[i], self.path('%s%d.tif' % (name, i))) for i in range(count)]

    def compare(self, text, counts, limit=0, names=('real', 'whole', *NODATA), **arguments):
        """The same values as GDAL; what it computes to NaN is NoData here."""
        for name in names:
            for count in counts:
                inputs = self.inputs(name, count)
                what = (text, name, count, arguments)
                want = theirs(*inputs, calc=text, dialect='builtin', **arguments)
                got = ours(*inputs, calc=text, dialect='builtin', output_data_type='Float64', **arguments)
                self.assertEqual(got.shape, want.shape, what)
                self.assertEqual(np.isnan(got).tolist(), np.isnan(want).tolist(), what)
                both = ~np.isnan(got)
                self.near(got[both], want[both], limit, what) if limit else np.testing.assert_array_equal(got, want, str(what))

    @unittest.skipUnless(HAS_BUILTIN, 'the dialect of GDAL 3.13')
    def test_lists(self):
        self.compare('mul', (3, 5))  # GDAL takes no single value
        for text in ('sum', 'sum(k=1)', 'sum( k = -2.5 )', 'mul(k=3)', 'min', 'min(k=2)', 'max', 'max(k=400)', 'argmin', 'argmax', 'median', 'mode',
                     'quantile(q=0.9)', 'quantile(q=0.3)', 'quantile(q=0)', 'quantile(q=1)', 'sum()'):
            self.compare(text, (1, 3, 5))
        self.compare('mean', (1, 3, 5), names=NODATA)
        for name in ('real', 'whole'):  # without NoData GDAL has one formula for most columns, and another for the last ones
            inputs = self.inputs(name, 5)
            np.testing.assert_allclose(ours(*inputs, calc='mean', dialect='builtin', output_data_type='Float64'), theirs(*inputs, calc='mean', dialect='builtin'), rtol=1e-14, atol=1e-14)
        for text in ('sum', 'median', 'mode', 'max', 'argmin', 'quantile(q=0.25)'):
            self.compare(text, (1, 3), flatten=True)
        self.compare('geometric_mean', (3, 5), limit=4)
        self.compare('harmonic_mean', (3, 5), names=NODATA)  # without NoData, GDAL has 0 where there is none

    @unittest.skipUnless(HAS_BUILTIN, 'the dialect of GDAL 3.13')
    def test_spreading(self):
        for text in ('sum', 'mul', 'min', 'max', 'argmax', 'mean', 'median', 'mode', 'quantile(q=0.4)'):
            arguments = '(' in text and text[:-1] + ', ' or text + '('
            self.compare(arguments + 'propagateNoData=true)', (2, 4), names=NODATA)
            self.compare(arguments + 'propagateNoData=NO)', (4,), names=NODATA)
            self.compare(text, (4,), names=NODATA, propagate_nodata=True)
        self.compare('sum(k=1, propagateNoData=true)', (3,))
        self.compare('min(k=0, propagateNoData=true)', (3,))

    @unittest.skipUnless(HAS_BUILTIN, 'the dialect of GDAL 3.13')
    def test_one_and_two_values(self):
        for text in ('diff', 'div', 'norm_diff', 'interpolate_linear(t0=1,dt=7,t=4)'):
            self.compare(text, (2,))
        for text in ('inv', 'inv(k=2)', 'round', 'round(digits=1)', 'round(digits=-1)'):
            self.compare(text, (1,))
        self.compare('diff', (1,), flatten=True)
        for text, limit in (('sqrt', 0), ('log10', 0), ('dB', 4), ('dB(fact=10)', 4), ('exp(fact=0.01)', 4), ('exp(base=2,fact=0.1)', 4), ('pow(power=2)', 4), ('pow(power=1.5)', 4)):
            inputs = self.inputs('real_nodata', 1)
            want, got = (function(*inputs, calc=text, dialect='builtin', **more) for function, more in ((theirs, {}), (ours, {'output_data_type': 'Float64'})))
            self.assertEqual(np.isnan(got).tolist(), np.isnan(want).tolist(), text)
            self.assertLessEqual(ulps(got[~np.isnan(got)], want[~np.isnan(want)]).max(), limit, text)
        # GDAL computes with the NoData value here.
        for text, function in (('dB2amp', lambda x: 10 ** (x / 20)), ('dB2pow', lambda x: 10 ** (x / 10))):
            values = gdal.Open(self.path('whole0.tif')).ReadAsArray()
            np.testing.assert_allclose(ours(*self.inputs('whole', 1), calc=text, dialect='builtin', output_data_type='Float64'), function(values), rtol=1e-14)
        values = gdal.Open(self.path('real_nodata0.tif')).ReadAsArray()
        np.testing.assert_array_equal(ours(*self.inputs('real_nodata', 1), calc='replace_nodata(to=7)', dialect='builtin', output_data_type='Float64'), np.where(values == -99, 7, values))

    def test_order_is_that_of_the_inputs(self):
        a, b = self.inputs('whole', 2)
        want = gdal.Open(self.path('whole1.tif')).ReadAsArray() - gdal.Open(self.path('whole0.tif')).ReadAsArray()
        np.testing.assert_array_equal(ours(b, a, calc='diff', dialect='builtin', output_data_type='Float64'), want)
        names = [name.split('=')[1] for name in self.inputs('whole', 5)] * 3
        stack = np.array([gdal.Open(name).ReadAsArray() for name in names])
        np.testing.assert_array_equal(ours(*names, calc='argmax', dialect='builtin', output_data_type='Float64'), stack.argmax(0) + 1)

    def test_stack(self):
        stack = np.array([gdal.Open(self.path('whole%d.tif' % i)).ReadAsArray() for i in range(5)])
        self.same(ours('S=' + self.path('whole?.tif'), calc='median', dialect='builtin'), np.median(stack, axis=0))
        self.wrong('S=' + self.path('whole?.tif'), calc='sqrt', dialect='builtin', says=["'sqrt'", 'S is a stack'])

    def test_several_expressions(self):
        got = ours(*self.inputs('whole', 3), calc=['mean', 'sum(k=1)'], dialect='builtin')
        stack = np.array([gdal.Open(self.path('whole%d.tif' % i)).ReadAsArray() for i in range(3)])
        self.assertEqual(got.shape, (4, 20, 150))
        self.same(got[2:], stack.sum(0) + 1)

    def test_errors(self):
        for text, words in (('sums', ["'sums' is no function", "is 'sum' meant"]), ('variance', ["'variance' is no function", 'geometric_mean']), ('sum(kk=1)', ["'sum'", "no argument 'kk'", 'k, propagateNoData']),
                            ('sqrt(k=1)', ["'sqrt'", 'takes none']), ('sum(k=x)', ["'sum'", 'k=x', 'number']), ('sum(1)', ["'1'", 'sum(k=1)']), ('quantile(0.9)', ["'0.9'", 'quantile(q=0.9)']), ('sqrt(A)', ["'sqrt'", 'takes no argument', 'leave out the input']),
                            ('quantile(A)', ["'quantile'", "'A'", 'leave out the input, as in quantile(q=...)']), ('sum(k=1', ["'sum'", 'closed']), ('quantile', ["'quantile'", "'q' is missing"]),
                            ('quantile(q=90)', ["'quantile'", 'q=90', 'from 0 to 1']), ('mean(propagateNoData=maybe)', ['propagateNoData=maybe', 'YES or NO']), *((text, ["'%s' is an expression: leave out --dialect builtin" % text]) for text in ('A+1', 'A+B', 'A', 'max(A)-min(B)', '(A)', '2*A')), ('real', ["'real'", 'complex numbers']),
                            ('cmul', ['complex numbers']), ('scale', ['stored']), ('reclassify(mapping=1)', ['where(']), ('area', ['area']), ('expression(expression=A)', ['without the dialect']), ('sqrt', ["'sqrt'", 'one value', 'give 3']), ('diff', ["'diff'", 'two values', 'give 3'])):
            self.wrong(*self.inputs('whole', 3), calc=text, dialect='builtin', says=["Argument 'calc'", *words])
        self.wrong(self.path('whole0.tif'), self.path('whole1.tif'), calc='X', says=['several inputs need names, as in A=..., B=...', "whole0.tif' has none"])


class TestInputs(Lines):
    @classmethod
    def prepare(cls):
        random = np.random.default_rng(4)
        cls.a = random.integers(1, 100, (3, 12, 18)).astype(np.float64)
        write(cls.path('a.tif'), list(cls.a), geotransform=(1000, 10, 0, 5000, 0, -10))
        cls.sizes = {'half': (6, 9), 'thirds': (4, 6), 'double': (24, 36)}
        cls.others = {}
        for name, (height, width) in cls.sizes.items():
            cls.others[name] = random.integers(1, 100, (height, width)).astype(np.float64)
            write(cls.path(name + '.tif'), cls.others[name], geotransform=(1000, 180 / width, 0, 5000, 0, -120 / height))
        write(cls.path('odd.tif'), np.ones((7, 18)), geotransform=(1000, 10, 0, 5000, 0, -120 / 7))
        write(cls.path('away.tif'), np.ones((6, 9)), geotransform=(1001, 20, 0, 5000, 0, -20))

    def test_every_band(self):
        for text, want in (('X*2', self.a * 2), ('dem*2', self.a * 2), ('X-X[1]', self.a - self.a[0]), ('X[2]', self.a[1:2])):
            self.same(ours(self.path('a.tif'), calc=text), want)
        self.same(ours(self.path('a.tif'), calc='X*2', bands='first'), self.a[:1] * 2)
        self.same(ours(self.path('a.tif'), calc='X/sum(X)', flatten=True, output_data_type='Float64'), self.a / self.a.sum(0))
        self.same(ours(self.path('a.tif'), calc='sum(X*2)', flatten=True), self.a.sum(0, keepdims=True) * 2)

    @staticmethod
    def repeated(array, times):
        return array.repeat(times, axis=-2).repeat(times, axis=-1)

    def test_resolutions(self):
        half, thirds, double = (self.others[name] for name in ('half', 'thirds', 'double'))
        for names, want in ((('a', 'half'), self.a + self.repeated(half, 2)), (('half', 'a'), self.a + self.repeated(half, 2)),
                            (('half', 'thirds'), self.repeated(half, 2) + self.repeated(thirds, 3)), (('double', 'a', 'thirds'), double + self.repeated(self.a, 2) + self.repeated(thirds, 6))):
            inputs = ['%s=%s' % (name, self.path(name + '.tif')) for name in names]
            for more in ({}, {'workers': 'processes'}):
                got, warnings = self.warned(*inputs, calc='+'.join(names), **more)
                self.same(got, want.reshape(got.shape))
            self.assertEqual(len(warnings), 1, warnings)
            self.assertIn('several resolutions', warnings[0])
            if HAS_BUILTIN and names != ('half', 'thirds'):  # GDAL takes the finest as it is, and other pixels where the ratio is not whole
                self.same(got, theirs(*inputs, calc='+'.join(names)))
        for other, words in (('odd', ['differ in size', 'odd.tif', '18 x 7']), ('away', ['differ in size', 'away.tif'])):
            self.wrong('A=' + self.path('a.tif'), 'B=' + self.path(other + '.tif'), calc='A+B', says=words)
        self.wrong('A=' + self.path('a.tif'), 'B=' + self.path('half.tif'), calc='A+B', no_check_extent=True, says=['differ in size'])

    def test_grids_that_differ(self):
        write(self.path('shifted.tif'), self.a[0], geotransform=(1003, 10, 0, 5000, 0, -10), epsg=4326)
        inputs = ['A=' + self.path('a.tif'), 'B=' + self.path('shifted.tif')]
        self.wrong(*inputs, calc='A+B', says=['differ in position', 'shifted.tif'])
        self.wrong(*inputs, calc='A+B', no_check_extent=True, says=['differ in CRS', 'shifted.tif'])
        got, warnings = self.warned(*inputs, calc='A+B', no_check_extent=True, no_check_crs=True)
        self.same(got, self.a + self.a[0])
        self.assertEqual(len(warnings), 2, warnings)
        self.assertIn('0.3 pixels', warnings[0])
        good('gdal', 'fishnet', 'calc', *inputs, self.path('srs.tif'), '--calc', 'A+B', '--no-check-extent', '--no-check-srs')
        write(self.path('nowhere.tif'), self.a[0], geotransform=(1000, 10, 0, 5000, 0, -10), epsg=None)
        got, warnings = self.warned('A=' + self.path('a.tif'), 'B=' + self.path('nowhere.tif'), calc='A+B')
        self.same(got, self.a + self.a[0])
        self.assertIn('has no CRS', warnings[0])

    def test_propagation(self):
        array = np.array([[1.0, -9, 3]])
        path = write(self.path('p.tif'), array, nodata=-9)
        self.same(ours(path, calc='where(isnodata(X), 0, X)')[0], np.array([[1.0, 0, 3]]))
        self.same(ours(path, calc='where(isnodata(X), 0, X)', propagate_nodata=True)[0], np.array([[1, NAN, 3]]))
        self.wrong(path, calc='X', propagate_nodata=True, nodata='none', says=['--propagate-nodata', '--nodata=none'])

    def test_moved_vrt(self):
        os.makedirs(self.path('here/deep'))
        for name in ('here/a.tif', 'here/deep/b.tif', 'here/deep/s 1.tif', 'here/deep/s 2.tif'):
            write(self.path(name), list(self.a))
        good('gdal', 'fishnet', 'calc', 'A=here/a.tif', 'B=here/deep/b.tif', 'red=here/deep/b.tif', 'S=here/deep/s*.tif', '--calc', 'A+B-red+sum(S)', 'here/out.vrt', cwd=self.folder)
        good('gdal', 'fishnet', 'calc', 'here/deep/b.tif', '--calc', 'X*3', '-f', 'VRT', self.path('here/other'), cwd=self.folder)
        good('gdal', 'fishnet', 'map', 'here/a.tif', 'here/map.vrt', cwd=self.folder)
        os.rename(self.path('here'), self.path('there'))
        for name in ('out.vrt', 'other'):
            self.same(gdal.Open(self.path('there/' + name)).ReadAsArray(), (self.a * 3).astype(np.float64))
        self.same(gdal.Open(self.path('there/map.vrt')).ReadAsArray(), self.a)

    def test_pipelines(self):
        dem = self.path('dem.tif')
        random = np.random.default_rng(8)
        write(dem, random.uniform(0, 100, (40, 50)).astype(np.float32))
        good('gdal', 'raster', 'pipeline', 'read', dem, '!', 'slope', '!', 'write', self.path('slope.tif'))
        slope = gdal.Open(self.path('slope.tif')).ReadAsArray().astype(np.float64)
        slope[slope == -9999] = NAN
        for more in ({}, {'workers': 'processes', 'num_threads': '2'}):
            self.same(ours('A=[ read %s ! slope ]' % dem, calc='A*10', output_data_type='Float64', **more)[0], slope * 10)
        self.same(ours('[ read %s ! slope ]' % dem, calc='X+dem*0' .replace('dem', 'X'), output_data_type='Float64')[0], slope)
        # Words of a shell, names relative to the current folder, a pipeline within a pipeline, a file that lies elsewhere.
        os.makedirs(self.path('deep'), exist_ok=True)
        line = ['gdal', 'fishnet', 'calc', '-i', 'A=[', 'read', 'dem.tif', '!', 'slope', ']', '-i', 'B=dem.tif', '--calc', 'A+0*B', '--ot', 'Float64']
        for output in ('out.tif', 'out.vrt', 'deep/out.gdalg.json'):
            good(*line, '-o', output, cwd=self.folder)
            got = gdal.Open(self.path(output)).ReadAsArray()
            self.same(got, slope, output)
        good('gdal', 'fishnet', 'calc', 'A=[ read "dem.tif" ! slope ]', '--calc', 'A', self.path('beside.gdalg.json'), cwd=self.folder)
        with open(self.path('beside.gdalg.json')) as file:
            self.assertNotIn(os.path.basename(self.folder), file.read())
        self.assertEqual(gdal.Open(self.path('beside.gdalg.json')).ReadAsArray().shape, slope.shape)
        good('gdal', 'fishnet', 'calc', 'A=[', 'read', '[', 'read', dem, '!', 'slope', ']', '!', 'slope', ']', self.path('nested.tif'), '--calc', 'A') if VERSION >= (3, 13) else None
        self.wrong('A=[ read %s ! slop ]' % dem, calc='A', says=['slop'])
        for text in ('A=[ read %s ! slope', '[ read %s ! slope', 'A=[ read [ read %s ! slope ] ! slope', 'A=[ read %s ! slope]'):
            self.wrong(text % dem, calc='A', says=["the ']' that closes the pipeline is missing"])
        done = run('gdal', 'fishnet', 'calc', 'A=[', 'read', dem, '!', 'slope', '--calc', 'A', self.path('open.tif'))
        self.assertEqual(done.returncode, 1)
        self.assertIn("the ']' that closes the pipeline is missing", done.stderr)
        done = run('gdal', 'fishnet', 'calc', 'A=[', 'read', dem, '!', 'slope', ']', dem, '--calc', 'A', '--overwrite')
        self.assertEqual(done.returncode, 1)
        self.assertIn('is an input', done.stderr)


if __name__ == '__main__':
    if HAS_COMMANDS:
        unittest.main()
    print('gdal fishnet needs GDAL 3.11')
