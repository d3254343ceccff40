"""Every command line that GDAL tests `gdal raster calc` and gdal_calc.py with, in our own words: the pixels of GDAL are computed by its own
command, beside those of ours. The last column is the verdict; the test fails where it is no longer true."""
import os
import sys
import unittest

import numpy as np
from osgeo import gdal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, VERSION, good, run, write  # noqa: E402

HAS_COMMANDS = VERSION >= (3, 11)
HAS_ALL = VERSION >= (3, 13)
NAN = np.nan

SAME = 'same'            # the same pixels, and where there are none
FLOAT32 = 'float32'      # the same as Float32, which is the default type of the output here
REFUSED = 'refused'      # by both; ours says what stands beside it
DIFFERS = 'differs'      # by a documented choice, which stands beside it
CANNOT = 'cannot be said'

# What is computed, inputs, arguments, verdict, words.
RASTER_CALC = [
    *[('each band by the sum of all, to ' + form, ['rgb.tif'], {'calc': '2 + X / (1 + sum(X[1], X[2], X[3]))', 'to': form}, FLOAT32) for form in ('tif', 'vrt')],
    *[('a condition that gives NaN, to ' + form, ['byte.tif'], {'calc': 'X > 128 ? X + 3 : nan', 'to': form}, SAME) for form in ('tif', 'vrt')],
    ('isnodata of two inputs', ['A=nodata9.tif', 'B=nodata999.tif'], {'calc': '(isnodata(A) ? 0 : A) + (isnodata(B) ? 0 : B)', 'nodata': '255'}, SAME),
    ('the same, propagated', ['A=nodata9.tif', 'B=nodata999.tif'], {'calc': '(isnodata(A) ? 0 : A) + (isnodata(B) ? 0 : B)', 'nodata': '255', 'propagate_nodata': True}, SAME),
    ('sum of two inputs with NoData', ['A=nodata9.tif', 'B=nodata999.tif'], {'calc': 'sum', 'dialect': 'builtin', 'nodata': '255'}, SAME),
    ('the same, propagated', ['A=nodata9.tif', 'B=nodata999.tif'], {'calc': 'sum', 'dialect': 'builtin', 'nodata': '255', 'propagate_nodata': True}, SAME),
    ('NaN as an integer', ['nothing.tif'], {'calc': 'X + nan', 'output_data_type': 'Int16'}, DIFFERS, 'NaN is NoData, there it is 0'),
    ('NaN as Float32', ['nothing.tif'], {'calc': 'X + nan', 'output_data_type': 'Float32'}, SAME),
    ('NODATA in an expression', ['nothing.tif'], {'calc': 'isnodata(X) ? NODATA : 5', 'nodata': '-802'}, SAME),
    ('a creation option', ['byte.tif'], {'calc': 'X[1] + 3', 'to': 'tif', 'creation_option': 'COMPRESS=LZW'}, SAME),
    ('a format by its name', ['byte.tif'], {'calc': 'X + 3', 'to': 'unknown', 'output_format': 'GTiff'}, SAME),
    ('a type of the output', ['int32.tif'], {'calc': 'X > 256 ? 100 : 50', 'output_data_type': 'Byte'}, SAME),
    ('a NoData value that the type cannot hold', ['nodata9.tif'], {'calc': 'X', 'output_data_type': 'Byte', 'nodata': '-9'}, REFUSED, '-9'),
    ('NoData of the source', ['nodata255.tif'], {'calc': 'X', 'propagate_nodata': True}, SAME),
    ('an output that exists', ['byte.tif'], {'calc': 'X + 3', 'to': 'exists'}, REFUSED, 'already exists'),
    ('the same, with --overwrite', ['byte.tif'], {'calc': 'X + 3', 'to': 'exists', 'overwrite': True}, SAME),
    *[('an input X', ['X=byte.tif'], {'calc': text}, SAME) for text in ('X + 3', 'X[1] + 3')],
    ('a name given twice', ['A=byte.tif', 'A=int32.tif'], {'calc': 'A'}, REFUSED, 'A is both'),
    ('two inputs without names', ['byte.tif', 'byte2.tif'], {'calc': 'sum'}, REFUSED, 'several inputs need names'),
    ('the same in the dialect builtin', ['byte.tif', 'byte2.tif'], {'calc': 'sum', 'dialect': 'builtin'}, SAME),
    *[('the name ' + name, [name + '=byte.tif'], {'calc': name}, verdict, 'ame') for name, verdict in (('_pi', REFUSED), ('0ko', REFUSED), ('ko-', REFUSED), ('ok', SAME), ('ok_', SAME), ('o0123456789', SAME))],
    ('two expressions', ['byte.tif'], {'calc': ['X + 3', 'sqrt(X)']}, FLOAT32),
    ('two inputs of two bands', ['A=two.tif', 'B=roots.tif'], {'calc': '(A+B) / (A - B + 3)'}, FLOAT32),
    ('the same with one band of the first', ['A=two.tif', 'B=roots.tif'], {'calc': 'A[2] + B'}, FLOAT32),
    *[('a list of inputs', ['@inputs.txt'], {'calc': text}, SAME) for text in ('A+B', 'sum(A, B)')],
    ('inputs of two and three bands', ['A=two.tif', 'B=rgb2.tif'], {'calc': 'A[1] + A[2] + B[1] + B[2] + B[3]'}, FLOAT32),
    ('three resolutions, unchecked', ['A=cells30.tif', 'B=cells20.tif', 'C=cells60.tif'], {'calc': 'A + B + C', 'no_check_extent': True}, REFUSED, 'differ in size'),
    ('three resolutions', ['A=cells30.tif', 'B=cells20.tif', 'C=cells60.tif'], {'calc': 'A + B + C'}, SAME),
    ('two extents', ['A=cells30.tif', 'B=twice.tif'], {'calc': 'A+B'}, REFUSED, 'differ in position'),
    ('two extents, unchecked', ['A=cells30.tif', 'B=twice.tif'], {'calc': 'A+B', 'no_check_extent': True}, SAME),
    ('extents that differ by rounding', ['A=rounded.tif', 'B=exact.tif'], {'calc': 'A+B'}, SAME),
    ('two CRS', ['B=wgs84.tif', 'A=nad83.tif'], {'calc': 'A+B'}, REFUSED, 'differ in CRS'),
    ('two CRS, unchecked', ['B=wgs84.tif', 'A=nad83.tif'], {'calc': 'A+B', 'no_check_crs': True}, SAME),
    *[line for other in ('rgb2.tif', 'four.tif') for line in (('two bands and ' + other, ['A=two.tif', 'B=' + other], {'calc': 'A+B'}, REFUSED, 'bands'),
                                                             ('the same with one of them', ['A=two.tif', 'B=' + other], {'calc': 'A+B[1]'}, FLOAT32))],
    # Texts that GDAL rewrites: what they compute, where all names are there.
    *[('a name in the expression ' + text, [name + '=' + file], {'calc': text}, verdict, 'unknown') for text, name, file, verdict in (
        ('aX + 2', 'aX', 'byte.tif', SAME), ('aX + 2', 'aX', 'two.tif', SAME), ('aX + 2', 'X', 'byte.tif', REFUSED), ('aX + 2', 'a', 'byte.tif', REFUSED), ('2 + aX', 'X', 'byte.tif', REFUSED),
        ('2 + aX', 'aX', 'byte.tif', SAME), ('B1 + B10', 'B1', 'byte.tif', REFUSED), ('B1[1] + B10', 'B1', 'two.tif', REFUSED), ('B1[1] + B1', 'B1', 'two.tif', SAME), ('SIN(N) + N', 'N', 'byte.tif', REFUSED),
        ('SUM(N,N2) + N', 'N', 'byte.tif', REFUSED), ('SUM(N,N2) + N', 'N2', 'byte.tif', REFUSED), ('A_X + X', 'X', 'byte.tif', REFUSED))],
    ('a pipeline file', ['rgb.tif'], {'calc': 'X', 'to': 'gdalg.json'}, SAME),
    *[('an invalid name, to ' + form, ['byte.tif'], {'calc': 'invalid+invalid2', 'to': form, **more}, REFUSED, 'unknown name')
      for form, more in (('one', {'output_format': 'VRT'}), ('vrt', {}), ('', {'output_format': 'stream'}), ('two', {'output_format': 'GDALG'}), ('gdalg.json', {}), ('three', {'output_format': 'GTiff'}), ('tif', {}))],
    ('three bands as one, streamed', ['rgb.tif'], {'calc': 'sum(X[1], X[2], X[3])', 'output_format': 'stream'}, SAME),
    *[('flattened: ' + name, ['A=two.tif', 'B=rgb2.tif'], {'calc': '%s(A)-%s(B)' % (name, name), 'flatten': True}, FLOAT32) for name in ('avg', 'min', 'max', 'sum')],
    ('flattened, without a sum', ['two.tif'], {'calc': 'sqrt(X)', 'flatten': True}, FLOAT32),
    ('flattened in part', ['A=two.tif'], {'calc': 'A / sum(A)', 'flatten': True}, FLOAT32),
    ('flattened, with nothing that is', ['A=two.tif', 'B=roots.tif'], {'calc': '(A + B)', 'flatten': True}, FLOAT32),
    *[('all bands: ' + name, ['rgb.tif'], {'calc': name, 'dialect': 'builtin', 'flatten': True}, FLOAT32 if name == 'mean' else SAME) for name in ('min', 'max', 'mode', 'mean', 'median')],
    ('an argument of a function', ['byte.tif'], {'calc': 'sum(k=1)', 'dialect': 'builtin'}, SAME),
    ('mean of two inputs, band by band', ['A=two.tif', 'B=roots.tif'], {'calc': 'mean', 'dialect': 'builtin'}, FLOAT32),
    ('two functions', ['byte.tif'], {'calc': ['mean', 'sum(k=1)'], 'dialect': 'builtin'}, SAME),
    ('completion of --calc', ['calc', '--calc'], 'completion', SAME, 'mean'),
    ('completion of functions', ['calc', '--dialect=builtin', '--calc'], 'completion', SAME, 'mean'),
    ('sum of one band and two', ['A=byte.tif', 'B=both.tif'], {'calc': 'sum', 'dialect': 'builtin'}, SAME),
    ('sum of two bands and three', ['A=two.tif', 'B=rgb2.tif'], {'calc': 'sum', 'dialect': 'builtin'}, REFUSED, 'bands'),
    ('a fraction as a whole number', ['tenths.tif'], {'calc': 'X * 10', 'output_data_type': 'Byte', 'nodata': '0'}, SAME),
    ('a pipeline as an input', ['A=[ read dem.tif ! aspect ]'], {'calc': 'A * 10'}, FLOAT32),
]

# What is computed, arguments of gdal_calc, inputs and arguments of ours, verdict, words.
GDAL_CALC = [
    ('a copy', {'A': 'rgb.tif', 'calc': 'A'}, ['A=rgb.tif'], {'calc': 'A[1]'}, SAME),
    ('a copy of band 2', {'A': 'rgb.tif', 'A_band': 2, 'calc': 'A'}, ['A=rgb.tif'], {'calc': 'A[2]'}, SAME),
    ('a copy by another letter', {'Z': 'rgb.tif', 'Z_band': 2, 'calc': 'Z'}, ['Z=rgb.tif'], {'calc': 'Z[2]'}, SAME),
    ('a sum', {'A': 'low.tif', 'A_band': 1, 'B': 'low.tif', 'B_band': 2, 'calc': 'A+B'}, ['A=low.tif', 'B=low.tif'], {'calc': 'A[1]+B[2]'}, SAME),
    ('a sum beyond the type', {'A': 'rgb.tif', 'B': 'rgb.tif', 'B_band': 2, 'calc': 'A+B'}, ['A=rgb.tif', 'B=rgb.tif'], {'calc': 'A[1]+B[2]', 'output_data_type': 'Byte'}, DIFFERS, 'values do not wrap'),
    ('a product beyond the type', {'A': 'rgb.tif', 'B': 'rgb.tif', 'B_band': 2, 'calc': 'A*B'}, ['A=rgb.tif', 'B=rgb.tif'], {'calc': 'A[1]*B[2]', 'output_data_type': 'Byte'}, DIFFERS, 'values do not wrap'),
    ('a root as Float32', {'A': 'rgb.tif', 'A_band': 1, 'calc': 'sqrt(A)', 'type': 'Float32'}, ['A=rgb.tif'], {'calc': 'sqrt(A[1])', 'output_data_type': 'Float32'}, DIFFERS, 'numpy has roots of bytes in half precision'),
    ('all bands', {'A': 'rgba.tif', 'allBands': 'A', 'calc': 'A', 'hideNoData': True}, ['A=rgba.tif'], {'calc': 'A', 'alpha': 'ignore', 'nodata': 'none'}, SAME),
    ('a constant', {'A': 'rgb.tif', 'calc': '1'}, ['A=rgb.tif'], {'calc': '1'}, SAME),
    ('all bands and one', {'A': 'low.tif', 'B': 'byte.tif', 'B_band': 1, 'allBands': 'A', 'calc': 'A//2+B//2', 'NoDataValue': 255}, ['A=low.tif', 'B=byte.tif'], {'calc': 'A//2+B[1]//2', 'nodata': '255'}, SAME),
    ('all bands times one', {'A': 'rgb.tif', 'B': 'rgb.tif', 'B_band': 1, 'allBands': 'A', 'calc': 'A*B'}, ['A=rgb.tif', 'B=rgb.tif'], {'calc': 'A*B[1]', 'output_data_type': 'Byte'}, DIFFERS, 'values do not wrap'),
    ('a copy, from Python', {'A': 'rgb.tif', 'calc': 'A'}, ['A=rgb.tif'], {'calc': 'A', 'bands': 'first'}, SAME),
    ('a copy of band 2, from Python', {'A': 'rgb.tif', 'A_band': 2, 'calc': 'A'}, ['A=rgb.tif'], {'calc': 'A[2]', 'bands': 'first'}, SAME),
    ('another letter, from Python', {'Z': 'rgb.tif', 'Z_band': 2, 'calc': 'Z'}, ['Z=rgb.tif'], {'calc': 'Z[2]', 'bands': 'first'}, SAME),
    ('two expressions, from Python', {'A': 'rgb.tif', 'Z': 'rgb.tif', 'Z_band': 2, 'calc': ['A', 'Z']}, ['A=rgb.tif', 'Z=rgb.tif'], {'calc': ['A[1]', 'Z[2]']}, SAME),
    ('a NoData value', {'A': 'nodata255.tif', 'calc': 'A', 'NoDataValue': 1}, ['A=nodata255.tif'], {'calc': 'A', 'nodata': '1'}, SAME),
    *[('options in a file, ' + what, theirs, ['A=rgb.tif'], {'calc': text}, SAME) for what, theirs, text in (
        ('in a line', {'A': 'rgb.tif', 'calc': 'A'}, 'A[1]'), ('with a comment', {'A': 'rgb.tif', 'A_band': 2, 'calc': 'A'}, 'A[2]'), ('in several lines', {'A': 'rgb.tif', 'A_band': 2, 'calc': 'A'}, 'A[2]'),
        ('in quotes', {'A': 'rgb.tif', 'A_band': 2, 'calc': 'A + 0'}, 'A[2] + 0'))],
    ('three expressions', {'A': 'rgb.tif', 'B': 'rgb.tif', 'B_band': 2, 'Z': 'rgb.tif', 'Z_band': 2, 'calc': ['A', 'B', 'Z']}, ['A=rgb.tif', 'B=rgb.tif', 'Z=rgb.tif'], {'calc': ['A[1]', 'B[2]', 'Z[2]']}, SAME),
    *[('a copy, extents checked, band %d' % band, {'a': 'rgb.tif', 'a_band': band, 'calc': 'a', 'hideNoData': True, 'extent': 'fail'}, ['a=rgb.tif'], {'calc': 'a[%d]' % band, 'nodata': 'none'}, SAME) for band in (1, 2, 3)],
    ('the greatest of three', {'a': 'byte.tif', 'b': 'byte2.tif', 'c': 'byte3.tif', 'calc': 'numpy.max((a,b,c),axis=0)', 'hideNoData': True}, ['a=byte.tif', 'b=byte2.tif', 'c=byte3.tif'], {'calc': 'numpy.max((a,b,c),axis=0)', 'nodata': 'none'}, SAME),
    ('the greatest of a list', {'a': ['byte.tif', 'byte2.tif', 'byte3.tif'], 'calc': 'numpy.max(a,axis=0)', 'hideNoData': True}, ['a=byte.tif;byte2.tif;byte3.tif'], {'calc': 'numpy.max(a,axis=0)', 'nodata': 'none'}, SAME),
    ('by a function of Python', None, None, None, CANNOT, 'an own function of Python'),
    ('a sum that wraps', {'a': 'byte.tif', 'b': 'byte2.tif', 'c': 'byte3.tif', 'calc': 'a+b+c', 'type': 'UInt16', 'hideNoData': True}, ['a=byte.tif', 'b=byte2.tif', 'c=byte3.tif'], {'calc': 'a+b+c', 'output_data_type': 'UInt16', 'nodata': 'none'}, DIFFERS, 'values do not wrap'),
    ('a sum of a list', {'a': ['byte.tif', 'byte2.tif', 'byte3.tif'], 'calc': 'numpy.sum(a,axis=0,dtype=float)', 'type': 'UInt16', 'hideNoData': True}, ['a=byte.tif;byte2.tif;byte3.tif'], {'calc': 'numpy.sum(a,axis=0,dtype=float)', 'output_data_type': 'UInt16', 'nodata': 'none'}, SAME),
    ('a sum by a function of Python', None, None, None, CANNOT, 'an own function of Python'),
    ('a name for a type', None, None, None, CANNOT, 'an own object of Python; dtype=float can be said'),
    ('files by a wildcard', {'A': ['byte.tif', 'byte2.tif', 'byte3.tif'], 'calc': 'sum(A,axis=0)', 'type': 'Float32', 'hideNoData': True}, ['A=byte?.tif;byte.tif'], {'calc': 'sum(A,axis=0)', 'nodata': 'none'}, SAME),
    ('the median of a list', {'A': ['byte.tif', 'byte2.tif', 'byte3.tif'], 'calc': 'numpy.nanmedian(A,axis=0)', 'type': 'Float32', 'hideNoData': True}, ['A=byte.tif;byte2.tif;byte3.tif'], {'calc': 'numpy.nanmedian(A,axis=0)', 'nodata': 'none'}, SAME),
    ('a mean without an axis', {'A': 'byte.tif', 'B': 'byte2.tif', 'calc': 'numpy.average((A,B),axis=0)', 'type': 'Float32', 'hideNoData': True}, ['A=byte.tif', 'B=byte2.tif'], {'calc': 'numpy.average((A,B),axis=0)', 'nodata': 'none'}, SAME),
    ('a condition', {'A': 'byte.tif', 'B': 'byte2.tif', 'calc': 'logical_and(A>100,B<150)', 'hideNoData': True}, ['A=byte.tif', 'B=byte2.tif'], {'calc': 'logical_and(A>100,B<150)', 'nodata': 'none'}, SAME),
    ('a type by astype', {'A': 'byte.tif', 'calc': 'A.astype(numpy.float32)/2', 'type': 'Float32', 'hideNoData': True}, ['A=byte.tif'], {'calc': 'A.astype(numpy.float32)/2', 'nodata': 'none'}, SAME),
    ('the extents of all, with 0 outside', None, None, None, CANNOT, '--extent=union'),
    ('the help', None, None, None, CANNOT, 'the text of another program'),
    ('the version', None, None, None, CANNOT, 'the text of another program'),
]


class TestLines(Case):
    @classmethod
    def prepare(cls):
        random = np.random.default_rng(15)
        size = (6, 8)
        rgb = random.integers(1, 255, (3, *size)).astype(np.uint8)
        cls.place = (0, 1, 0, 6, 0, -1)

        def put(name, arrays, geotransform=None, **options):
            write(cls.path(name), arrays, geotransform=geotransform or cls.place, **options)
        put('rgb.tif', list(rgb))
        put('rgba.tif', [*rgb, np.where(rgb[0] > 100, 255, 0).astype(np.uint8)], options=['ALPHA=YES', 'PHOTOMETRIC=RGB'])
        put('low.tif', list(rgb // 3))
        for name in ('byte.tif', 'byte2.tif', 'byte3.tif'):
            put(name, random.integers(60, 250, size).astype(np.uint8))
        put('both.tif', list(rgb[:2]))
        put('int32.tif', np.full(size, 500, np.int32))
        put('nodata255.tif', np.where(rgb[0] > 128, 255, rgb[0]).astype(np.uint8), nodata=255)
        put('nodata9.tif', np.array([[1, 2], [-9, 4]], np.int16), nodata=-9)
        put('nodata999.tif', np.array([[1, -999], [3, 4]], np.int16), nodata=-999)
        put('nothing.tif', np.full((2, 2), -999, np.float32), nodata=-999)
        two = np.arange(96, dtype=np.float32).reshape(2, *size)
        put('two.tif', list(two))
        put('roots.tif', list(np.sqrt(two)))
        put('rgb2.tif', list(random.uniform(1, 9, (3, *size)).astype(np.float32)))
        put('four.tif', list(random.uniform(1, 9, (4, *size)).astype(np.float32)))
        put('tenths.tif', np.full((2, 2), 0.1, np.float32), nodata=0)
        put('dem.tif', random.uniform(0, 100, (20, 30)).astype(np.float32))
        for cell in (30, 20, 60):
            n = 60 // cell
            put('cells%d.tif' % cell, np.full((n, n), cell, np.uint8), geotransform=(0, cell, 0, 60, 0, -cell))
        put('twice.tif', np.full((2, 2), 7, np.uint8), geotransform=(0, 2, 0, 4, 0, -2))
        step = 1 / 3600
        put('exact.tif', np.ones((360, 360), np.uint8), geotransform=(24.99986, step, 0, 80.00014, 0, -step))
        put('rounded.tif', np.ones((360, 360), np.uint8), geotransform=(24.99986, step, 0, 80.00014, 0, -step * (1 + 1e-13)))
        put('wgs84.tif', rgb[0], epsg=4326)
        put('nad83.tif', rgb[1], epsg=4269)
        with open(cls.path('inputs.txt'), 'w') as file:
            file.write('A=%s\nB=%s\n' % (cls.path('byte.tif'), cls.path('byte2.tif')))

    def setUp(self):
        super().setUp()
        os.chdir(self.folder)

    @staticmethod
    def pixels(dataset):
        """Of all bands, NaN where there is no data, as Float64; and the type."""
        bands = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
        arrays = np.array([band.ReadAsArray().astype(np.float64) for band in bands])
        for array, band in zip(arrays, bands):
            if band.GetNoDataValue() is not None:
                array[array == band.GetNoDataValue()] = NAN
        return arrays, bands[0].DataType

    def compute(self, command, inputs, arguments):
        arguments = dict(arguments)
        to = arguments.pop('to', None)
        name = '' if not to else 'exists.tif' if to == 'exists' else command + '.' + to
        if to == 'exists':
            write(self.path(name), np.ones((2, 2)))
        elif name and os.path.exists(name):
            os.remove(name)
        if not to:
            arguments.setdefault('output_format', 'MEM')
        with gdal.Run(command, 'calc', input=inputs, output=name, **arguments) as alg:
            if not to:
                return self.pixels(alg.Output())
        return self.pixels(gdal.Open(name))

    def verdict(self, want, got):
        (expected, _), (found, kind) = want, got
        if expected.shape != found.shape:
            return DIFFERS
        if np.array_equal(expected, found, equal_nan=True):
            return SAME
        rounded = expected.astype(np.float32).astype(np.float64)
        return FLOAT32 if kind == gdal.GDT_Float32 and np.array_equal(rounded, found, equal_nan=True) else DIFFERS

    def judge(self, theirs, ours, words):
        """The verdict on two functions; an error of ours must have the words."""
        gdal.PushErrorHandler('CPLQuietErrorHandler')
        try:
            results = []
            for compute in (theirs, ours):
                try:
                    results.append(compute())
                except RuntimeError as error:
                    results.append(str(error))
        finally:
            gdal.PopErrorHandler()
        want, got = results
        if isinstance(got, str):
            self.assertIn(words, got)
            return REFUSED if isinstance(want, str) else 'refused by ours alone: ' + got
        return 'refused by GDAL alone: ' + want if isinstance(want, str) else self.verdict(want, got)

    @unittest.skipUnless(HAS_ALL, 'the lines of GDAL 3.13')
    def test_raster_calc(self):
        for what, inputs, arguments, verdict, *words in RASTER_CALC:
            with self.subTest(what, inputs=inputs, arguments=arguments):
                if arguments == 'completion':
                    seen = [words[0] in good('gdal', 'completion', 'gdal', command, *inputs) for command in ('raster', 'fishnet')]
                    self.assertEqual(seen[0], seen[1])
                    continue
                self.assertEqual(self.judge(lambda: self.compute('raster', inputs, arguments), lambda: self.compute('fishnet', inputs, arguments), words[0] if words else ''), verdict)

    @unittest.skipUnless(HAS_ALL, 'the lines of GDAL 3.13')
    def test_gdal_calc(self):
        from osgeo_utils import gdal_calc
        for what, theirs, inputs, arguments, verdict, *words in GDAL_CALC:
            if verdict == CANNOT:
                continue
            with self.subTest(what, theirs=theirs):
                def compute():
                    options = {'outfile': 'theirs.tif', 'overwrite': True, 'quiet': True, **theirs}
                    dataset = gdal_calc.Calc(**options)
                    return self.pixels(dataset)
                self.assertEqual(self.judge(compute, lambda: self.compute('fishnet', inputs, arguments), ''), verdict)

    def test_the_table(self):
        """How many lines there are of each kind; at most 10 that cannot be said."""
        verdicts = [line[3] for line in RASTER_CALC] + [line[4] for line in GDAL_CALC]
        self.assertEqual(len(verdicts), TOTAL)
        self.assertLessEqual(verdicts.count(CANNOT), 10)
        self.assertEqual({line[-1] for line in GDAL_CALC if line[4] in (CANNOT, DIFFERS)} & {SAME, FLOAT32}, set())


TOTAL = len(RASTER_CALC) + len(GDAL_CALC)

if __name__ == '__main__':
    print('\n'.join('%s: %d' % (kind, sum(line[3] == kind for line in RASTER_CALC) + sum(line[4] == kind for line in GDAL_CALC)) for kind in (SAME, FLOAT32, REFUSED, DIFFERS, CANNOT)), flush=True)
    if HAS_COMMANDS:
        unittest.main()
    print('gdal fishnet needs GDAL 3.11')
