"""Every operator and function on real data, and every line of the decision table, against numpy float64 and the C library."""
import math
import os
import shutil
import unittest

import numpy as np
from osgeo import gdal, osr

from common import (Case, INTEGERS, LIBM, TYPES, calc, calc1, collect_errors, config, fishnet, good, nodata_of, oo, real,
                    round_away, run, type_code, VERSION, write)

NAN = np.nan
INF = np.inf


def flag(condition, *valid):
    """1 or 0, and NaN where an operand is."""
    bad = np.zeros(condition.shape, bool)
    for x in valid:
        bad |= np.isnan(x)
    return np.where(bad, NAN, np.where(condition, 1.0, 0.0))


def choose(c, x, y):
    return np.where(np.isnan(c), NAN, np.where(c != 0, x, y))


def integer(function):
    """A numpy operation on int64, of arrays that hold whole numbers."""
    def run_it(*args):
        bad = np.zeros(args[0].shape, bool)
        for x in args:
            bad |= np.isnan(x)
        return np.where(bad, NAN, function(*(np.where(bad, 0, x).astype(np.int64) for x in args)).astype(np.float64))
    return run_it


class RealData(Case):
    """A: DEM with holes, B: another part of it; L: six Landsat bands; P, Q: 16-bit images made of DEM and geoid."""

    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif'))
        width, height = 349, 352  # the size of the Landsat image, so that the files go together
        a = source.ReadAsArray(500, 300, width, height)
        b = source.ReadAsArray(1500, 700, width, height)
        rows, columns = np.mgrid[0:height, 0:width]
        a[(rows - 100) ** 2 + (columns - 120) ** 2 < 60 ** 2] = -999
        b[(rows * 7 + columns * 13) % 97 == 0] = -999
        landsat = gdal.Open(real('landsat.tif')).ReadAsArray()
        geoid = gdal.Open(real('egm96.gtx')).ReadAsArray(300, 100, width, height)
        p = np.round(a).astype(np.int32).clip(0, 65535).astype(np.uint16)  # NoData is now 0
        q = np.round(geoid * 300).astype(np.int16)
        cls.a_file = write(cls.path('a.tif'), a, -999, like=real('landsat.tif'), options=['TILED=YES', 'COMPRESS=DEFLATE'])
        cls.b_file = write(cls.path('b.tif'), b, -999, like=real('landsat.tif'))
        cls.p_file = write(cls.path('p.tif'), p, 0, like=real('landsat.tif'))
        cls.q_file = write(cls.path('q.tif'), q, like=real('landsat.tif'), options=['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64'])
        cls.inputs = {'B': cls.b_file, 'L': real('landsat.tif'), 'P': cls.p_file, 'Q': cls.q_file}
        double = np.float64
        cls.A = np.where(a == -999, NAN, a.astype(double))
        cls.B = np.where(b == -999, NAN, b.astype(double))
        cls.P = np.where(p == 0, NAN, p.astype(double))
        cls.Q = q.astype(double)
        cls.L = landsat.astype(double)
        assert np.isnan(cls.A).sum() > 10000 and np.isnan(cls.P).sum() > 10000 and (q < 0).any() and (q > 0).any()

    def check(self, table, limit=0):
        """(text, array) pairs, opened as the bands of one dataset."""
        got = calc(self.a_file, *(text for text, want in table), **self.inputs)
        self.assertEqual(len(got), len(table))
        for (text, want), pixels in zip(table, got):
            if limit:
                self.near(pixels, want, limit, text)
            else:
                self.same(pixels, np.asarray(want, np.float64), text)

    def test_arithmetic(self):
        A, B, P, Q, L = self.A, self.B, self.P, self.Q, self.L
        with np.errstate(all='ignore'):
            self.check([
                ('A', A), ('A+B', A + B), ('A-B', A - B), ('A*B', A * B), ('A/B', A / B), ('-A', -A), ('+A', A), ('--A', A),
                ('A//B', np.floor_divide(A, B)), ('A%B', np.remainder(A, B)), ('Q//100', np.floor_divide(Q, 100)),
                ('Q%100', np.remainder(Q, 100)), ('Q%-100', np.remainder(Q, -100)), ('Q//-7', np.floor_divide(Q, -7)),
                ('P/Q', P / Q), ('Q/0', Q / 0), ('Q//0', np.floor_divide(Q, 0)), ('Q%0', np.full_like(Q, NAN)),
                ('A/3', A / 3), ('A - 0.1*B', A - 0.1 * B), ('A+B*2-P/3', A + B * 2 - P / 3), ('(A+B)*(2-P)', (A + B) * (2 - P)),
                ('A-B-P', (A - B) - P), ('A/B/P', (A / B) / P), ('A-(B-P)', A - (B - P)), ('A*B%100', np.remainder(A * B, 100)),
                ('A/B*P', A / B * P), ('L[4]-L[3]', L[3] - L[2]), ('(L[4]-L[3])/(L[4]+L[3])', (L[3] - L[2]) / (L[3] + L[2])),
                ('L[1]+L[2]+L[3]+L[4]+L[5]+L[6]', L[0] + L[1] + L[2] + L[3] + L[4] + L[5]),
                ('A*0.3048', A * 0.3048), ('.5*A', .5 * A), ('1e-3*A', 1e-3 * A), ('0x1F+A', 31 + A), ('0b101*A', 5 * A),
                ('A*pi', A * math.pi), ('A*e', A * math.e), ('A*numpy.pi', A * math.pi), ('A*true + False', A * 1 + 0),
                ('A+inf', A + INF), ('A+nan', A + NAN), ('A*1e308', A * 1e308), ('P*np.e', P * math.e),
            ])

    def test_precedence_of_power(self):
        """Exact powers of two, where any power function worth its name is exact to the ulp."""
        q = np.abs(self.Q) + 1
        one = np.ones_like(q)
        self.check([('0*Q + 2^3^2', 512 * one), ('0*Q + 2**3**2', 512 * one), ('-(abs(Q)+1)^2', -(q * q)),
                    ('(abs(Q)+1)^-1', 1 / q), ('(abs(Q)+1)**-1', 1 / q), ('2*(abs(Q)+1)^2', 2 * (q * q)),
                    ('(abs(Q)+1)^2*2', 2 * (q * q)), ('-2^2 + 0*Q', -4 * one), ('(-2)^2 + 0*Q', 4 * one),
                    ('2^-2^2 + 0*Q', 0.0625 * one), ('!Q^2', flag(self.Q == 0))], limit=1)

    def test_comparison_and_logic(self):
        A, B, Q, L = self.A, self.B, self.Q, self.L
        both = (A, B)
        table = [(text, flag(function(A, B), *both))
                 for text, function in (('A<B', np.less), ('A<=B', np.less_equal), ('A>B', np.greater), ('A>=B', np.greater_equal),
                                        ('A==B', np.equal), ('A!=B', np.not_equal), ('less(A,B)', np.less),
                                        ('less_equal(A,B)', np.less_equal), ('numpy.greater(A,B)', np.greater),
                                        ('greater_equal(A,B)', np.greater_equal), ('equal(A,B)', np.equal),
                                        ('np.not_equal(A,B)', np.not_equal))]
        low, high = flag(A < 10000, A), flag(B > 9000, B)
        table += [
            ('A<10000 && B>9000', flag((low == 1) & (high == 1), *both)), ('A<10000 and B>9000', flag((low == 1) & (high == 1), *both)),
            ('A<10000 || B>9000', flag((low == 1) | (high == 1), *both)), ('A<10000 or B>9000', flag((low == 1) | (high == 1), *both)),
            ('(A<10000) & (B>9000)', flag((low == 1) & (high == 1), *both)),
            ('(A<10000) | (B>9000)', flag((low == 1) | (high == 1), *both)),
            ('logical_and(A<10000, B>9000)', flag((low == 1) & (high == 1), *both)),
            ('numpy.logical_or(A<10000, B>9000)', flag((low == 1) | (high == 1), *both)),
            ('logical_xor(A<10000, B>9000)', flag((low == 1) ^ (high == 1), *both)),
            ('not A<10000', flag(A >= 10000, A)), ('!(A<10000)', flag(A >= 10000, A)), ('~(A<10000)', flag(A >= 10000, A)),
            ('logical_not(A<10000)', flag(A >= 10000, A)), ('!A', flag(A == 0, A)), ('!Q', flag(Q == 0)),
            ('A && 1', flag(A != 0, A)), ('0 && A', flag(np.zeros_like(A, bool), A)), ('1 || A', flag(np.ones_like(A, bool), A)),
            ('Q && L', flag((Q != 0) & (L[0] != 0))), ('A<10000 and not B>9000', flag((low == 1) & (high == 0), *both)),
            ('A<10000 || B>9000 && Q>0', flag((low == 1) | ((high == 1) & (Q > 0)), *both)),
            ('not A<10000 && B>9000', flag((low == 0) & (high == 1), *both)),
            ('A<B ? A : B', choose(flag(A < B, *both), A, B)), ('where(A<B, A, B)', choose(flag(A < B, *both), A, B)),
            ('if(A<B, A, B)', choose(flag(A < B, *both), A, B)), ('numpy.where(Q>0, A, B)', choose(flag(Q > 0), A, B)),
            ('Q>0 ? 1 : Q<-100 ? 2 : 3', np.where(Q > 0, 1.0, np.where(Q < -100, 2.0, 3.0))),
            ('Q>0 ? Q>100 ? 1 : 2 : 3', np.where(Q > 0, np.where(Q > 100, 1.0, 2.0), 3.0)),
            ('where(A<10000, NODATA, A)', np.where(A < 10000, NAN, A)), ('A<10000 ? NODATA : A', np.where(A < 10000, NAN, A)),
            ('isnan(A)', flag(np.isnan(A))), ('isnodata(A)', flag(np.isnan(A))), ('isnodata(A/0)', flag(np.isnan(A))),
            ('isinf(A/0)', flag(~np.isnan(A), A)), ('isfinite(A/0)', flag(np.isnan(A), A)), ('isfinite(A)', flag(~np.isnan(A), A)),
            ('isnan(sqrt(-1-A))', flag(np.ones_like(A, bool))),
            ('isnodata(A) ? -1 : A', np.where(np.isnan(A), -1.0, A)), ('where(isnan(A), B, A)', np.where(np.isnan(A), B, A)),
        ]
        self.check(table)

    def test_integers(self):
        Q, P, A = self.Q, self.P, self.A
        L = self.L
        table = [
            ('Q & 255', integer(lambda x: x & 255)(Q)), ('Q | 7', integer(lambda x: x | 7)(Q)), ('~Q', -Q - 1),
            ('bitwise_and(Q,P)', integer(np.bitwise_and)(Q, P)), ('bitwise_or(Q,P)', integer(np.bitwise_or)(Q, P)),
            ('bitwise_xor(Q,P)', integer(np.bitwise_xor)(Q, P)), ('invert(P)', -P - 1), ('bitwise_not(P)', -P - 1),
            ('Q << 3', Q * 8), ('Q >> 3', np.floor(Q / 8)), ('left_shift(P, 2)', P * 4), ('np.right_shift(P, 2)', np.floor(P / 4)),
            ('P << 40', P * 2.0**40), ('Q >> 63', np.floor(Q / 2.0**63)), ('Q << -1', np.full_like(Q, NAN)),
            ('Q >> 64', np.full_like(Q, NAN)), ('Q & (1<<4)', integer(lambda x: x & 16)(Q)),
            ('(Q & 4) == 4', flag(Q.astype(int) & 4 == 4)), ('(Q & 4) != 0 && L > 60', flag((Q.astype(int) & 4 != 0) & (L[0] > 60))),
            ('floor(A) & 255', integer(lambda x: x & 255)(np.floor(A))), ('rint(A/3) | 1', integer(lambda x: x | 1)(np.rint(A / 3))),
            ('Q & 6 | 1', integer(lambda x: x & 6 | 1)(Q)), ('Q | 6 & 3', integer(lambda x: x | 6 & 3)(Q)),
            ('Q + 1 << 2', (Q + 1) * 4), ('Q & 255 << 1', integer(lambda x: x & 510)(Q)), ('~Q & 255', integer(lambda x: ~x & 255)(Q)),
            ('-Q & 255', integer(lambda x: -x & 255)(Q)), ('Q//3 & 7', integer(lambda x: x // 3 & 7)(Q)),
            ('abs(Q) % 10 & 3', integer(lambda x: np.abs(x) % 10 & 3)(Q)), ('max(Q,P) & 15', integer(lambda x, y: np.maximum(x, y) & 15)(Q, P)),
            ('where(Q>0, Q, P) & 15', choose(flag(Q > 0), integer(lambda x: x & 15)(Q), integer(lambda x: x & 15)(P))),
            ('sign(A-10000) & 3', integer(lambda x: x & 3)(np.sign(A - 10000))), ('(Q>0) & (P>9000)', flag((Q > 0) & (P > 9000), P)),
            ('(Q>0) + 1 & 2', integer(lambda x: x + 1 & 2)(flag(Q > 0))), ('L[6] >> 4 & 3', integer(lambda x: x >> 4 & 3)(L[5])),
        ]
        self.check(table)

    def test_integers_need_integers(self):
        for text in ('A & 1', 'A | B', '~A', 'A << 1', '1 >> A', 'Q/2 & 1', 'sqrt(Q) & 1', 'Q & 1.5', 'where(Q>0, A, Q) & 1',
                     'bitwise_xor(A, Q)', '(Q + 0.5) | 1', 'pi & 1', 'invert(A)'):
            message = self.refused(path=self.a_file, calcs=[text], **self.inputs)
            self.caret(message, text)

    def test_beyond_2_53(self):
        q = self.Q
        huge = 2.0**53
        self.check([('floor(Q*0 + 9007199254740991) & 1', np.ones_like(q)), ('floor(Q*0 + 9007199254740992) & 1', NAN + q), ('floor(Q*0 + 9007199254740994) & 1', NAN + q),
                    ('floor(Q*0 - 9007199254740994) | 1', NAN + q), ('~floor(1e300 + Q*0)', NAN + q),
                    ('floor(Q*0 - 9007199254740990) >> 1', np.full_like(q, 1 - huge / 2)), ('ceil(inf+Q) & 1', NAN + q)])

    def test_exact_functions(self):
        A, B, Q, L = self.A, self.B, self.Q, self.L
        h = Q / 2  # halves, to see the rounding
        with np.errstate(all='ignore'):
            table = [('sqrt(A)', np.sqrt(A)), ('sqrt(Q)', np.sqrt(Q)), ('square(A)', A * A), ('reciprocal(A)', 1 / A),
                     ('reciprocal(Q)', 1 / Q), ('radians(A)', A * (math.pi / 180)), ('degrees(A)', A * (180 / math.pi)),
                     ('deg2rad(Q)', Q * (math.pi / 180)), ('rad2deg(Q)', Q * (180 / math.pi)), ('sign(Q)', np.sign(Q)),
                     ('fmod(A,B)', np.fmod(A, B)), ('fmod(Q,100)', np.fmod(Q, 100)), ('fmod(Q,0)', NAN + Q),
                     ('mod(Q,7)', np.remainder(Q, 7)), ('remainder(Q,-7)', np.remainder(Q, -7)),
                     ('floor_divide(Q,7)', np.floor_divide(Q, 7)), ('divide(A,B)', A / B), ('true_divide(Q,3)', Q / 3),
                     ('add(A,B)', A + B), ('subtract(A,B)', A - B), ('multiply(A,B)', A * B), ('negative(A)', -A),
                     ('round(Q/2)', round_away(h)), ('rint(Q/2)', np.rint(h)), ('around(Q/2)', np.rint(h)),
                     ('numpy.round(Q/2)', np.rint(h)), ('np.round(Q/2)', np.rint(h)), ('np.around(Q/2)', np.rint(h)),
                     ('floor(Q/2)', np.floor(h)), ('ceil(Q/2)', np.ceil(h)), ('trunc(Q/2)', np.trunc(h)), ('np.fix(Q/2)', np.trunc(h)),
                     ('fix(Q/2)', np.trunc(h)), ('floor(A/7)', np.floor(A / 7)), ('A.astype(float)', A), ('Q.astype(numpy.float32)', Q),
                     ("(A+B).astype('float64')", A + B), ('A.astype(np.float64)/B.astype(float)', A / B), ('A[1]', A),
                     ('abs(Q)', np.abs(Q)), ('absolute(Q)', np.abs(Q)), ('fabs(Q)', np.abs(Q)), ('numpy.abs(Q)', np.abs(Q))]
            for name in ('min', 'minimum', 'np.minimum'):
                table.append((name + '(A,B)', np.minimum(A, B)))
            for name in ('max', 'maximum', 'numpy.maximum'):
                table.append((name + '(A,B)', np.maximum(A, B)))
            bands = ','.join('L[%d]' % (i + 1) for i in range(6))
            total = L[0] + L[1] + L[2] + L[3] + L[4] + L[5]
            table += [('min(%s)' % bands, L.min(0)), ('max(%s)' % bands, L.max(0)), ('sum(%s)' % bands, total),
                      ('avg(%s)' % bands, total / 6), ('min(A)', A), ('sum(A)', A), ('avg(A)', A), ('sum(0.1,A,B)', 0.1 + A + B),
                      ('avg(A,B,0.3)', (A + B + 0.3) / 3), ('clamp(A,9000,11000)', np.clip(A, 9000, 11000)),
                      ('clip(A,9000,B)', np.minimum(np.maximum(A, 9000), B)), ('numpy.clip(A,9000,11000)', np.clip(A, 9000, 11000)),
                      ('clamp(A,11000,9000)', np.minimum(np.maximum(A, 11000), 9000))]
            self.check(table)

    def test_c_library_functions(self):
        """Within 1 ulp; those that the page calls the C library itself: the same bits."""
        A, B, Q = self.A, self.B, self.Q
        with np.errstate(all='ignore'):
            x, y = (A - 9000) / 5000, (B - 9000) / 6000
            angle, tiny = A / 100, Q * 1e-9
        arguments = [('(A-9000)/5000', x), ('A/100', angle), ('Q', Q), ('Q*1e-9', tiny), ('A', A), ('Q*1e5', Q * 1e5)]
        spellings = {'log': ['log', 'ln', 'numpy.log'], 'asin': ['asin', 'arcsin'], 'acos': ['acos', 'np.arccos'],
                     'atan': ['atan', 'arctan'], 'asinh': ['asinh', 'arcsinh'], 'acosh': ['acosh', 'arccosh'],
                     'atanh': ['atanh', 'numpy.arctanh']}
        same, near = [], []
        for name in ('cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh '
                     'atanh').split():
            exactly = name in ('sinh', 'tanh', 'asinh', 'acosh', 'atanh', 'cbrt', 'log10')
            names = spellings.get(name, [name])
            for i, (text, value) in enumerate(arguments):
                row = ('%s(%s)' % (names[i % len(names)], text), LIBM[name](value))
                (same if exactly else near).append(row)
        with np.errstate(all='ignore'):
            root = np.sqrt(np.abs(Q))
        near += [('pow(A,(B-9000)/6000)', LIBM['pow'](A, y)), ('power(Q,3)', LIBM['pow'](Q, 3.0)),
                 ('Q^2', Q * Q), ('Q**.5', LIBM['pow'](Q, .5)), ('Q^-2', LIBM['pow'](Q, -2.0)), ('A^0.5', LIBM['pow'](A, .5)),
                 ('sqrt(abs(Q))^3', LIBM['pow'](root, 3.0)), ('2^(Q/100)', LIBM['pow'](2.0, Q / 100)),
                 ('(-2)^Q', LIBM['pow'](-2.0, Q)), ('hypot(A,Q)', LIBM['hypot'](A, Q)), ('np.hypot(Q,3)', LIBM['hypot'](Q, 3.0)),
                 ('atan2(Q,A-9000)', LIBM['atan2'](Q, A - 9000)), ('arctan2(Q,0)', LIBM['atan2'](Q, 0.0)),
                 ('atan2(0,Q)', LIBM['atan2'](0.0, Q))]
        self.check(same)
        self.check(near, limit=1)

    def test_six_bands_at_once(self):
        """Several CALC options are several bands, also in one option with semicolons."""
        landsat = real('landsat.tif')
        dataset = fishnet(landsat, 'A[1]+1', 'A[2]*2;A[3]-A[4]', 'A[6]/A[5]', OT='Float64')
        L = self.L
        with np.errstate(all='ignore'):
            want = [L[0] + 1, L[1] * 2, L[2] - L[3], L[5] / L[4]]
        self.assertEqual(dataset.RasterCount, 4)
        for i, pixels in enumerate(dataset.ReadAsArray()):
            self.same(pixels, want[i], 'band %d' % (i + 1))

    def test_whole_dem_through_gdal_translate(self):
        """The command of the README, on all of it."""
        out = self.path('sqrt.tif')
        good('gdal_translate', '-q', 'FISHNET:' + real('dem.tif'), out, *oo('sqrt(A)'))
        dataset = gdal.Open(out)
        self.assertEqual(gdal.GetDataTypeName(dataset.GetRasterBand(1).DataType), 'Float32')
        source = gdal.Open(real('dem.tif')).ReadAsArray()
        want = np.where(source == -999, NAN, np.sqrt(source.astype(np.float64).clip(0))).astype(np.float32)
        self.same(dataset.ReadAsArray(), want)

    def test_like_gdals_own_calculator(self):
        """+ - * / sqrt and comparisons have the bits of `gdal raster calc`, or of gdal_calc.py where that is not there yet."""
        out = self.path('theirs.tif')
        whole = write(self.path('whole.tif'), np.nan_to_num(self.A, nan=1.0), like=real('landsat.tif'))
        other = write(self.path('whole2.tif'), self.Q, like=real('landsat.tif'))
        for text in ('A+B', 'A-B', 'A*B', 'A/B', 'sqrt(A)', 'A<B', 'A==B', '(A-B)/(A+B)', 'A*0.1+B/3'):
            if VERSION >= (3, 11) and shutil.which('gdal'):
                good('gdal', 'raster', 'calc', '--overwrite', '-q', '-i', 'A=' + whole, '-i', 'B=' + other, '--ot', 'Float64', '--calc', text, out)
            else:
                good('gdal_calc.py', '--overwrite', '--quiet', '-A', whole, '-B', other, '--type', 'Float64', '--hideNoData', '--calc', text,
                     '--outfile', out)
            self.same(calc1(whole, text, B=other, NODATA='none'), gdal.Open(out).ReadAsArray(), text)

    def test_long_and_deep(self):
        """10 000 tokens, flat and nested."""
        one = np.ones_like(self.Q)
        n = 5000
        self.check([('+'.join(['1'] * n) + '+0*Q', n * one), ('(' * n + 'Q' + ')' * n, self.Q), ('-' * n + 'Q', self.Q),
                    ('(1+' * n + '0*Q' + ')' * n, n * one), ('abs(' * n + 'Q' + ')' * n, np.abs(self.Q)),
                    ('Q<0?1:' * (n // 5) + '2', np.where(self.Q < 0, 1.0, 2.0)), ('max(%s)' % ','.join(['Q', '1'] * (n // 2)),
                                                                                 np.maximum(self.Q, 1))])


class Decisions(Case):
    """The table `Values`, line by line, on rasters that can be checked by hand."""

    def small(self, values, nodata=None, name='small.tif', **options):
        return write(self.path(name), np.atleast_2d(values), nodata, **options)

    def row(self, path, text, **options):
        return calc1(path, text, **options)[0]

    def test_special_values(self):
        """Infinities, zeros, NaN, subnormals, halves: the whole table of each function."""
        values = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, -0.49999999999999994, 4503599627370497.5,
                           INF, -INF, 5e-324, -5e-324, 2.2e-308, 1.7e308, -1.7e308, 1e22, 2.0**53, 710, -745, 1e-300, math.pi,
                           math.pi / 2, NAN])
        x, y = np.meshgrid(values, values)
        path = write(self.path('special.tif'), [x, y])
        with np.errstate(all='ignore'):
            spread = np.where(np.isnan(x) | np.isnan(y), NAN, 0.0)

            def with_nodata(z):
                return np.where(np.isnan(spread), NAN, z)
            exact = [('A+A[2]', x + y), ('A-A[2]', x - y), ('A*A[2]', x * y), ('A/A[2]', x / y), ('A//A[2]', np.floor_divide(x, y)),
                     ('A%A[2]', np.remainder(x, y)), ('fmod(A,A[2])', np.fmod(x, y)), ('A<A[2]', flag(x < y, x, y)),
                     ('A==A[2]', flag(x == y, x, y)), ('A!=A[2]', flag(x != y, x, y)), ('A&&A[2]', flag((x != 0) & (y != 0), x, y)),
                     ('sqrt(A)', np.sqrt(x)), ('-A', -x), ('abs(A)', np.abs(x)), ('floor(A)', np.floor(x)), ('ceil(A)', np.ceil(x)),
                     ('trunc(A)', np.trunc(x)), ('rint(A)', np.rint(x)), ('round(A)', round_away(x)), ('reciprocal(A)', 1 / x),
                     ('square(A)', x * x), ('isinf(A)', flag(np.isinf(x), x)), ('isfinite(A)', flag(np.isfinite(x), x))]
            plain = [('A<A[2]', flag(x < y)), ('A>=A[2]', flag(x >= y)), ('A==A[2]', flag(x == y)), ('A!=A[2]', flag(x != y)),
                     ('A&&A[2]', flag((x != 0) & (y != 0))), ('A||A[2]', flag((x != 0) | (y != 0))), ('!A', flag(x == 0)),
                     ('A?1:2', np.where(x != 0, 1.0, 2.0)), ('isnan(A)', flag(np.isnan(x))), ('isnodata(A)', 0 * flag(np.isnan(x))),
                     ('isfinite(A)', flag(np.isfinite(x))), ('isinf(A)', flag(np.isinf(x))), ('logical_xor(A,A[2])', flag((x != 0) ^ (y != 0))),
                     ('max(A,A[2])*2', np.maximum(x, y) * 2), ('A+A[2]', x + y), ('sign(A)+0', np.sign(x) + 0)]
        for (text, want), got in zip(exact, calc(path, *(text for text, want in exact))):
            self.same(got, want, text)
        for (text, want), got in zip(plain, calc(path, *(text for text, want in plain), NODATA='none')):
            if text.startswith('max'):  # which zero it picks is open
                got, want = got + 0.0, want + 0.0
            self.same(got, want, text + ' NODATA=none')
        for nodata in ('nan', 'none'):
            table = [('%s(A)' % name, LIBM[name](x)) for name in LIBM if name not in ('pow', 'hypot', 'atan2')]
            table += [('pow(A,A[2])', LIBM['pow'](x, y)), ('A^A[2]', LIBM['pow'](x, y)), ('A**0', LIBM['pow'](x, 0.0)),
                      ('1^A', LIBM['pow'](1.0, x)), ('hypot(A,A[2])', LIBM['hypot'](x, y)), ('atan2(A,A[2])', LIBM['atan2'](x, y))]
            for (text, want), got in zip(table, calc(path, *(text for text, want in table), NODATA=nodata)):
                if nodata == 'nan':
                    bad = np.isnan(x) | (np.isnan(y) if '[2]' in text else False)
                    want = np.where(bad, NAN, want)
                self.near(got, want, 1, text + ' NODATA=' + nodata)
                zero = (want == 0) & (got == 0)
                self.assertTrue((np.signbit(got) == np.signbit(want))[zero].all(), 'sign of zero: ' + text)

    def test_nodata_in_every_type(self):
        for name, dtype in TYPES.items():
            for nodata in ((np.iinfo(dtype).max, 0, 7) if name in INTEGERS else (-9999.0 if name != 'Float16' else -999.0, 0.0, NAN)):
                if name in ('Int64', 'UInt64'):
                    nodata = int(nodata)
                values = np.array([1, 7, 0, 3, 100], dtype)
                values = np.append(values, dtype(nodata))
                path = self.small(values, nodata if name in ('Int64', 'UInt64') else float(nodata), 'nodata_%s.tif' % name)
                hole = np.isnan(values) if nodata != nodata else values == dtype(nodata)
                with np.errstate(invalid='ignore'):
                    want = np.where(hole, NAN, values.astype(np.float64) + 1)
                self.same(self.row(path, 'A+1'), want, '%s NoData %s' % (name, nodata))
                self.same(self.row(path, 'isnodata(A)'), np.where(hole, 1.0, 0.0), '%s isnodata' % name)

    def test_nodata_that_no_pixel_can_equal(self):
        """300 or -9999 or 1.5 declared on a Byte band: nothing is NoData, and a warning says so."""
        vrt = ('<VRTDataset rasterXSize="3" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"><NoDataValue>%s</NoDataValue>'
               '<SimpleSource><SourceFilename relativeToVRT="0">%s</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>')
        byte = self.small(np.array([0, 1, 255], np.uint8), name='byte.tif')
        for nodata in ('300', '-9999', '1.5', 'nan'):
            path = self.path('odd_%s.vrt' % nodata)
            with open(path, 'w') as f:
                f.write(vrt % (nodata, byte))
            seen, handler = collect_errors()
            gdal.PushErrorHandler(handler)
            try:
                row = self.row(path, 'A')
                self.same(fishnet(path).ReadAsArray(), np.array([[0, 1, 255]], np.uint8), nodata)
            finally:
                gdal.PopErrorHandler()
            self.same(row, np.array([0.0, 1, 255]), nodata)
            self.assertEqual([kind for kind, _ in seen], [gdal.CE_Warning], seen)
            for word in ('band 1 of A', path, 'Byte', nodata):
                self.assertIn(word, seen[0][1])

    def test_float32_nodata_is_rounded(self):
        """-88.8888 of a Float32 band means the Float32 number nearest to it; its neighbours are values."""
        hole = np.float32(-88.8888)
        values = np.array([hole, np.nextafter(hole, np.float32(0)), np.nextafter(hole, np.float32(-100)), 1], np.float32)
        path = self.small(values, -88.8888, 'gtx.tif')
        want = values.astype(np.float64)
        want[0] = NAN
        self.same(self.row(path, 'A'), want)
        largest = np.float32(-3.4028234663852886e38)
        path = self.small(np.array([largest, 1], np.float32), -3.4028234663852886e38, 'qgis.tif')
        self.same(self.row(path, 'A'), np.array([NAN, 1]))

    def test_mask_band(self):
        values = np.arange(12, dtype=np.uint8).reshape(3, 4)
        mask = np.where(values % 3 == 0, 0, 255).astype(np.uint8)
        path = write(self.path('masked.tif'), [values, values + 100])
        with config('GDAL_TIFF_INTERNAL_MASK', 'NO'):
            dataset = gdal.Open(path, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
            dataset = None
        self.assertEqual(gdal.Open(path).GetRasterBand(1).GetMaskFlags(), gdal.GMF_PER_DATASET)
        want = np.where(mask == 0, NAN, values.astype(np.float64))
        self.same(calc1(path, 'A'), want)
        self.same(calc1(path, 'A[2]-A'), np.where(mask == 0, NAN, 100.0))
        self.same(calc1(path, 'A', NODATA='none'), values.astype(np.float64))
        dataset = fishnet(path)  # without CALC: the source's mask
        self.same(dataset.GetRasterBand(1).GetMaskBand().ReadAsArray(), mask)
        self.assertEqual(dataset.GetRasterBand(2).GetMaskFlags(), gdal.GMF_PER_DATASET)
        other = write(self.path('other.tif'), values)
        self.same(calc1(other, 'A+B', B=path), np.where(mask == 0, NAN, values * 2.0))

    def test_alpha_band(self):
        values = np.arange(12, dtype=np.uint8).reshape(3, 4)
        alpha = np.where(values % 4 == 1, 0, np.where(values % 4 == 2, 1, 255)).astype(np.uint8)
        path = write(self.path('alpha.tif'), [values, alpha], options=['ALPHA=YES'])
        self.assertEqual(gdal.Open(path).GetRasterBand(1).GetMaskFlags(), gdal.GMF_ALPHA | gdal.GMF_PER_DATASET)
        self.same(calc1(path, 'A*2'), np.where(alpha == 0, NAN, values * 2.0))
        self.same(calc1(path, 'A*2', NODATA='none'), values * 2.0)
        self.same(calc1(path, 'A[2]'), alpha * 1.0, 'the alpha band itself has no holes')

    def alpha(self, name, arrays, alpha, nodata=None, driver='GTiff'):
        """Bands of which the one with that number is opaqueness."""
        path = write(self.path(name), arrays, nodata, driver=driver)
        dataset = gdal.Open(path, gdal.GA_Update)
        for i in range(len(arrays)):  # GTiff takes the last of 2 or 4 for alpha by itself
            dataset.GetRasterBand(i + 1).SetColorInterpretation(gdal.GCI_GrayIndex)
        dataset.GetRasterBand(alpha).SetColorInterpretation(gdal.GCI_AlphaBand)
        dataset = None
        self.assertEqual(gdal.Open(path).GetRasterBand(alpha).GetColorInterpretation(), gdal.GCI_AlphaBand, path)
        return path

    def test_alpha_that_gdal_overlooks(self):
        """Alpha of any type, in any place, beside NoData and beside a mask: any of them makes NoData."""
        shape = (37, 41)
        values = np.arange(shape[0] * shape[1]).reshape(shape) % 100 + 1
        opaque = np.where(values % 4 == 1, 0, np.where(values % 4 == 2, 1, 100))
        for dtype in (np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64):
            for count, at in ((2, 2), (4, 4), (5, 5), (3, 1), (4, 2), (3, 2)):
                for nodata in (None, 7):
                    what = '%s, band %d of %d, NoData %s' % (dtype.__name__, at, count, nodata)
                    bands = [(opaque if i + 1 == at else values + i).astype(dtype) for i in range(count)]
                    path = self.alpha('alpha_any.tif', bands, at, nodata)
                    data = [i + 1 for i in range(count) if i + 1 != at]
                    for number in (data[0], data[-1]):
                        pixels = bands[number - 1].astype(np.float64)
                        kept = np.where(pixels == nodata, NAN, pixels) if nodata else pixels
                        self.same(calc1(path, 'A[%d]*2' % number), np.where(opaque == 0, NAN, kept * 2), what)
                        self.same(calc1(path, 'A[%d]*2' % number, ALPHA='IGNORE'), kept * 2, what + ', IGNORE')
                        self.same(calc1(path, 'A[%d]*2' % number, ALPHA='nodata'), np.where(opaque == 0, NAN, kept * 2), what)
                        self.same(calc1(path, 'A[%d]*2' % number, NODATA='none'), pixels * 2, what + ', none')
                    self.same(calc1(path, 'A[%d]' % at), opaque * 1.0, what + ': the alpha band itself')
                    self.same(calc1(path, 'where(A[%d]>0, 1, 0)' % at), np.where(opaque > 0, 1.0, 0.0), what + ': the alpha band itself')
                    self.same(fishnet(path).ReadAsArray(), gdal.Open(path).ReadAsArray(), what + ', as it is')
                    for i in range(count):
                        ours, theirs = fishnet(path).GetRasterBand(i + 1), gdal.Open(path).GetRasterBand(i + 1)
                        self.assertEqual(ours.GetMaskFlags(), theirs.GetMaskFlags(), what)
                        self.same(ours.GetMaskBand().ReadAsArray(), theirs.GetMaskBand().ReadAsArray(), what + ', its mask')

    def test_alpha_beside_a_mask(self):
        values = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
        opaque, mask = np.where(values % 4 == 1, 0, 1).astype(np.float32), np.where(values % 3 == 0, 0, 255).astype(np.uint8)
        path = self.alpha('alpha_masked.tif', [values, opaque], 2)
        with config('GDAL_TIFF_INTERNAL_MASK', 'NO'):
            dataset = gdal.Open(path, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
            dataset = None
        self.same(calc1(path, 'A'), np.where((opaque == 0) | (mask == 0), NAN, values.astype(np.float64)))
        self.same(calc1(path, 'A', ALPHA='IGNORE'), np.where(mask == 0, NAN, values.astype(np.float64)))

    def test_alpha_of_each_input(self):
        values = np.arange(1, 13, dtype=np.int16).reshape(3, 4)
        a = self.alpha('alpha_a.tif', [values, (values % 2).astype(np.int16)], 2)
        b = self.alpha('alpha_b.tif', [(values % 3).astype(np.int16), values, values], 1, 5)
        want = np.where((values % 2 == 0) | (values % 3 == 0) | (values == 5), NAN, values * 2.0)
        for kind in ('THREADS', 'PROCESSES'):
            self.same(calc1(a, 'A+B[2]', B=b, WORKERS=kind), want, kind)
            self.same(calc1(a, 'A+B[2]+B[3]-B[3]', B=b, WORKERS=kind), want, kind)
        self.same(calc1(a, 'A+B[2]', B=b, ALPHA='IGNORE'), np.where(values == 5, NAN, values * 2.0))
        self.same(calc1(b, 'B', B=a), np.where(values % 2 == 0, NAN, values), 'A is not used')

    def test_alpha_of_a_warp(self):
        """As it was found: a warped dem has an alpha band of its own type."""
        dem = self.path('alpha_dem.tif')
        gdal.Translate(dem, real('dem.tif'), srcWin=[0, 0, 600, 50])
        for kind in ('Float32', 'Int16'):
            for form, name in (('GTiff', 'alpha_warped.tif'), ('VRT', 'alpha_warped.vrt')):
                path = self.path(name)
                gdal.Warp(path, dem, format=form, dstSRS='EPSG:32613', dstAlpha=True, outputType=type_code(kind)).FlushCache()
                band, alpha = gdal.Open(path).ReadAsArray()
                self.assertGreater((alpha == 0).sum(), 50)
                want = np.where(alpha == 0, NAN, band.astype(np.float64) + 1)
                self.same(calc1(path, 'A+1'), want, '%s %s' % (kind, form))

    def test_alpha_option(self):
        path = self.alpha('alpha_option.tif', [np.ones((3, 4), np.float32), np.zeros((3, 4), np.float32)], 2)
        for text in ('', 'YES', 'none', 'MASK'):
            self.refused('ALPHA=' + text, 'IGNORE', path=path, calcs=['A'], ALPHA=text)
        self.refused('ALPHA=IGNORE', 'CALC', path=path, ALPHA='IGNORE')
        gdal.OpenEx('FISHNET:' + path, open_options=['ALPHA=NODATA'])

    RPC = {'LINE_OFF': '2', 'SAMP_OFF': '2', 'LAT_OFF': '3.5', 'LONG_OFF': '4', 'HEIGHT_OFF': '5', 'LINE_SCALE': '1', 'SAMP_SCALE': '1',
           'LAT_SCALE': '1', 'LONG_SCALE': '1', 'HEIGHT_SCALE': '1', 'LINE_NUM_COEFF': '0.1 ' * 19 + '0.1', 'LINE_DEN_COEFF': '1 ' * 19 + '1',
           'SAMP_NUM_COEFF': '1 ' * 19 + '1', 'SAMP_DEN_COEFF': '1 ' * 19 + '1'}

    def placed(self, name, gcps=None, srs=4326, rpc=None, arrays=None, geotransform=None):
        """A raster that lies where its GCPs, RPCs or geolocation arrays say."""
        path = write(self.path(name), np.ones((3, 4), np.float32), geotransform=geotransform, epsg=32633 if geotransform else None)
        dataset = gdal.Open(path, gdal.GA_Update)
        if gcps:
            reference = osr.SpatialReference()
            reference.ImportFromEPSG(srs)
            dataset.SetGCPs([gdal.GCP(x, y, 0, pixel, line, 'any text', 'id') for x, y, pixel, line in gcps], reference.ExportToWkt())
        if rpc:
            dataset.SetMetadata(rpc, 'RPC')
        dataset = None
        if arrays:
            vrt = gdal.Translate(path + '.vrt', path, format='VRT')
            vrt.SetMetadata(dict({'PIXEL_OFFSET': '0', 'LINE_OFFSET': '0', 'PIXEL_STEP': '1', 'LINE_STEP': '1', 'X_BAND': '1', 'Y_BAND': '1',
                                  'SRS': 'GEOGCRS'}, **arrays), 'GEOLOCATION')
            vrt.FlushCache()
            path += '.vrt'
        return path

    def combine(self, a, b, *words):
        """Refused with the words, or, without any, computed."""
        if words:
            self.refused('B (' + b, 'A (' + a, *words, path=a, calcs=['A+B'], B=b)
        else:
            self.same(calc1(a, 'A+B', B=b), np.full((3, 4), 2.0))

    def test_gcps_that_differ(self):
        corners = [(10, 50, 0, 0), (11, 50, 4, 0), (10, 49, 0, 3)]
        a = self.placed('gcp_a.tif', corners)
        self.combine(a, self.placed('gcp_b.tif', corners))
        self.combine(a, self.placed('gcp_b.tif', [(10, 50, 0, 0), (11, 50, 4, 0), (10, 49.001, 0, 3)]), 'ground control point 3', '49.001')
        self.combine(a, self.placed('gcp_b.tif', [(10, 50, 1, 0)] + corners[1:]), 'ground control point 1')
        self.combine(a, self.placed('gcp_b.tif', corners[:2]), '2 and 3 ground control points')
        self.combine(a, self.placed('gcp_b.tif', corners, 4258), 'CRS of their ground control points')
        bare, mapped = self.placed('gcp_bare.tif'), (1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0)
        self.combine(a, bare, 'only A (' + a, 'ground control points')
        self.combine(bare, a, 'only B (' + a, 'ground control points')
        self.combine(bare, self.placed('gcp_bare2.tif'))
        self.combine(self.placed('gcp_m.tif', geotransform=mapped), self.placed('gcp_m2.tif', geotransform=mapped))

    def test_rpcs_that_differ(self):
        a = self.placed('rpc_a.tif', rpc=self.RPC)
        self.combine(a, self.placed('rpc_b.tif', rpc=dict(self.RPC, LAT_OFF='+3.5000000000000001')))
        self.combine(a, self.placed('rpc_b.tif', rpc=dict(self.RPC, LAT_OFF='3.51')), 'LAT_OFF', '3.51')
        self.combine(a, self.placed('rpc_b.tif', rpc=dict(self.RPC, SAMP_DEN_COEFF='1 ' * 19 + '2')), 'SAMP_DEN_COEFF')
        bare, mapped = self.placed('rpc_bare.tif'), (1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0)
        self.combine(a, bare, 'only A (' + a, 'RPCs')
        self.combine(bare, a, 'only B (' + a, 'RPCs')
        b = self.placed('rpc_m.tif', rpc=self.RPC, geotransform=mapped)
        self.combine(b, self.placed('rpc_m2.tif', geotransform=mapped))
        self.combine(b, self.placed('rpc_m2.tif', rpc=dict(self.RPC, LAT_OFF='4'), geotransform=mapped), 'LAT_OFF')

    def test_geolocation_arrays_that_differ(self):
        longitudes = np.arange(12, dtype=np.float64).reshape(3, 4)
        names = {}
        for name, array in (('x', longitudes), ('y', longitudes / 2), ('x_copy', longitudes), ('x_moved', longitudes + 1e-3),
                            ('x_small', longitudes[:2].copy())):
            names[name] = write(self.path('geolocation_%s.tif' % name), array, geotransform=None, epsg=None)
        a = self.placed('arrays_a.tif', arrays={'X_DATASET': names['x'], 'Y_DATASET': names['y']})
        for x, words in (('x', ()), ('x_copy', ()), ('x_moved', ('geolocation arrays', names['x_moved'])), ('x_small', ('geolocation arrays',))):
            self.combine(a, self.placed('arrays_b.tif', arrays={'X_DATASET': names[x], 'Y_DATASET': names['y']}), *words)
        b = self.placed('arrays_b.tif', arrays={'X_DATASET': names['x'], 'Y_DATASET': names['y'], 'LINE_STEP': '2'})
        self.combine(a, b, 'LINE_STEP')
        self.combine(a, self.placed('arrays_bare.tif'), 'only A (' + a, 'geolocation arrays')

    def test_nodata_spreads(self):
        """Column 0: A is NoData; column 1: B is; column 2: both are values."""
        a = self.small(np.array([-1, 5, 5], np.float32), -1, 'a.tif')
        b = self.small(np.array([2, 255, 2], np.uint8), 255, 'b.tif')
        for text, want in (('A+B', [NAN, NAN, 7]), ('A*0', [NAN, 0, 0]), ('A==5', [NAN, 1, 1]), ('A<B', [NAN, NAN, 0]),
                           ('A && 0', [NAN, 0, 0]), ('A || 1', [NAN, 1, 1]), ('min(A,B)', [NAN, NAN, 2]), ('max(A,0,B)', [NAN, NAN, 5]),
                           ('sum(A,B)', [NAN, NAN, 7]), ('avg(A,B)', [NAN, NAN, 3.5]), ('A^0', [NAN, 1, 1]), ('1^A', [NAN, 1, 1]),
                           ('hypot(inf,A)', [NAN, INF, INF]), ('where(1,A,B)', [NAN, 5, 5]), ('where(0,A,B)', [2, NAN, 2]),
                           ('where(A,1,2)', [NAN, 1, 1]), ('A>0 ? B : 9', [NAN, NAN, 2]), ('B>1 ? A : 9', [NAN, NAN, 5]),
                           ('isnan(A)', [1, 0, 0]), ('isnodata(B)', [0, 1, 0]), ('isnodata(A+B)', [1, 1, 0]), ('!A', [NAN, 0, 0]),
                           ('isnodata(A) || isnodata(B)', [1, 1, 0]), ('isfinite(A)', [NAN, 1, 1]), ('isinf(A)', [NAN, 0, 0]),
                           ('clamp(A,0,1)', [NAN, 1, 1]), ('sign(A)', [NAN, 1, 1]), ('not A', [NAN, 0, 0]), ('B & 2', [2, NAN, 2]),
                           ('B << 1', [4, NAN, 4]), ('~B', [-3, NAN, -3]), ('where(isnodata(A), 0, A)', [0, 5, 5]), ('1', [1, 1, 1])):
            self.same(self.row(a, text, B=b), np.array(want, np.float64), text)

    def test_constant_and_unused_input(self):
        a = self.small(np.array([-1, 5], np.float32), -1, 'a2.tif')
        self.same(self.row(a, '1+2'), np.array([3.0, 3.0]))
        b = self.small(np.array([7, 7], np.uint8), 7, 'b2.tif')
        self.same(self.row(a, 'A', B=b), np.array([NAN, 5.0]))
        self.same(self.row(a, 'NODATA'), np.array([NAN, NAN]))

    def test_nodata_none(self):
        a = self.small(np.array([-1, 5, NAN, 0], np.float64), -1, 'none.tif')
        for text, want in (('A', [-1, 5, NAN, 0]), ('A<0', [1, 0, 0, 0]), ('A!=A', [0, 0, 1, 0]), ('A==A', [1, 1, 0, 1]),
                           ('A?1:2', [1, 1, 1, 2]), ('A && 1', [1, 1, 1, 0]), ('!A', [0, 0, 0, 1]), ('A^0', [1, 1, 1, 1]),
                           ('1^A', [1, 1, 1, 1]), ('min(A,2)', [-1, 2, NAN, 0]), ('max(1,A)', [1, 5, NAN, 1]), ('isnan(A)', [0, 0, 1, 0]),
                           ('isnodata(A)', [0, 0, 0, 0]), ('nan || 0', [1, 1, 1, 1]), ('sqrt(A)', [NAN, math.sqrt(5), NAN, 0]),
                           ('isfinite(A)', [1, 1, 0, 1]), ('where(nan,1,2)', [1, 1, 1, 1])):
            self.same(self.row(a, text, NODATA='none'), np.array(want, np.float64), text)
        dataset = fishnet(a, 'A', NODATA='none')
        self.assertIsNone(dataset.GetRasterBand(1).GetNoDataValue())
        self.assertEqual(dataset.GetRasterBand(1).GetMaskFlags(), gdal.GMF_ALL_VALID)
        self.refused('NODATA', path=a, calcs=['where(A<0,NODATA,A)'], NODATA='none')
        self.assertEqual(list(calc1(a, 'A', NODATA='none', OT='Int16')[0]), [-1, 5, 0, 0])

    def test_computed_nan_and_infinity(self):
        a = self.small(np.array([-4, 0, 1], np.float32), None, 'domain.tif')
        for text, want in (('sqrt(A)', [NAN, 0, 1]), ('log(A)', [NAN, -INF, 0]), ('A/A', [1, NAN, 1]), ('1/A', [-0.25, INF, 1]),
                           ('-1/A', [0.25, -INF, -1]), ('A%0', [NAN] * 3), ('A//0', [-INF, NAN, INF]), ('inf-inf', [NAN] * 3)):
            dataset = fishnet(a, text, OT='Float64', NODATA=-7)
            pixels = dataset.ReadAsArray()[0]
            self.same(pixels, np.array([-7.0 if x != x else x for x in want]), text)
            self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), -7)
            self.same(dataset.GetRasterBand(1).GetMaskBand().ReadAsArray()[0],
                      np.array([0 if x != x else 255 for x in want], np.uint8), text + ' mask')

    def test_default_type(self):
        def type_of(path, text, **options):
            return fishnet(path, text, **options).GetRasterBand(1).DataType
        single, double = gdal.GDT_Float32, gdal.GDT_Float64
        files = {name: self.small(np.array([1, 2], dtype), name='type_%s.tif' % name) for name, dtype in TYPES.items()}
        for name in TYPES:
            small = name in ('Byte', 'Int8', 'UInt16', 'Int16', 'Float16', 'Float32')
            self.assertEqual(type_of(files[name], 'A+1'), single if small else double, name)
        self.assertEqual(type_of(files['Byte'], 'A+B', B=files['Int32']), double)
        self.assertEqual(type_of(files['Byte'], 'A+1', B=files['Float64']), single)
        self.assertEqual(type_of(files['Float64'], 'B+1', B=files['Byte']), single)
        self.assertEqual(type_of(files['Byte'], 'A>1 && 1'), single)
        self.assertEqual(type_of(files['Byte'], 'A*16777216+0.1'), single)
        self.assertEqual(type_of(files['Byte'], 'A>1 ? 20240601 : 20240602'), double)
        self.assertEqual(type_of(files['Byte'], 'pick([16777217, 1], A)'), double)
        for name in TYPES:
            self.assertEqual(type_of(files['Byte'], 'A', OT=name, NODATA=0), type_code(name))
            self.assertEqual(type_of(files['Byte'], 'A', OT=name.lower(), NODATA=0), type_code(name))

    def test_cast_is_gdals(self):
        """OT against gdal_translate -ot of the same numbers."""
        values = np.array([0, -0.0, 0.4, 0.5, -0.5, 0.6, 1.5, 2.5, -1.5, -2.5, 0.49999999999999994, 126.5, 127.4, 127.5, -127.5, -128.5,
                           -128.6, 254.4, 254.5, 255.5, 1e3, 32766.5, 32767.5, -32768.5, -32769, 65534.5, 65535.5, 1e6, 2147483646.5,
                           2147483647.5, -2147483648.5, -3e9, 4294967294.5, 4294967295.5, 1e10, -1e10, 2.0**52 + 1, 2.0**53 - 1,
                           1e-46, 1e-45, 16777217, 0.1, 3.4028234663852886e38, 1.7e308, -1.7e308, 1e39, -1e39, 65519, 65520, 1e-8])
        for name, dtype in TYPES.items():
            numbers = values
            if name in ('Int64', 'UInt64'):
                numbers = values[np.abs(values) < 2.0**52]  # GDAL itself rounds odd numbers beyond that to even ones
            if name in ('Float16', 'Float32'):  # gdal_translate clamps beyond the range since 3.11, RasterIO never does: see below
                numbers = values[np.abs(values) <= np.finfo(dtype).max]
            source = self.small(numbers, None, 'cast_%s.tif' % name)
            wanted = self.path('want_%s.tif' % name)
            good('gdal_translate', '-q', '-ot', name, source, wanted)
            got = calc1(source, 'A', OT=name, NODATA='none')
            self.same(got, gdal.Open(wanted).ReadAsArray(), name)
            out = self.path('got_%s.tif' % name)
            good('gdal_translate', '-q', 'FISHNET:' + source, out, *oo('A', OT=name, NODATA='none'))
            self.same(gdal.Open(out).ReadAsArray(), gdal.Open(wanted).ReadAsArray(), name + ' through gdal_translate')

    def test_gdal_raster_calc(self):
        """The bits of `gdal raster calc` (muparser) for + - * / sqrt and comparisons. The command came with GDAL 3.11."""
        if not shutil.which('gdal'):
            self.skipTest('this machine has no `gdal` command: GDAL is older than 3.11')
        path = self.small(np.random.default_rng(7).normal(300, 400, (60, 70)), None, 'muparser.tif')
        out = self.path('muparser_out.tif')
        for text in ('A+0.1', '1/3-A', 'A*A*0.7', 'A/3', '(A-5)/(A+7)', 'sqrt(A*A+2)', 'A>300', 'A<=12.5', 'A!=0', 'A>0 && A<100',
                     'A>0 ? A*2 : -A/7', '-A*3+2^3'):
            good('gdal', 'raster', 'calc', '-i', 'A=' + path, '--calc', text, '-o', out, '--overwrite', '--ot', 'Float64')
            self.same(calc1(path, text, OT='Float64', NODATA='none'), gdal.Open(out).ReadAsArray(), text)

    def test_cast_beyond_float32(self):
        """Beyond the range of Float32 an infinity, as numpy and RasterIO have it."""
        source = self.small(np.array([1.7e308, -1.7e308, 1e39, -1e39, 3.5e38]), None, 'beyond.tif')
        want = np.frombuffer(gdal.Open(source).ReadRaster(buf_type=gdal.GDT_Float32), np.float32).reshape(1, 5)
        self.same(want, np.array([[INF, -INF, INF, -INF, INF]], np.float32))
        self.same(calc1(source, 'A', OT='Float32', NODATA='none'), want)

    def test_cast_of_infinity_and_nan(self):
        path = self.small(np.array([INF, -INF, NAN, 1]), None, 'infinite.tif')
        for name, dtype in TYPES.items():
            if name in ('Int64', 'UInt64'):
                continue  # an infinity is beyond 2^53: the two rules of the page meet
            got = calc1(path, 'A', OT=name, NODATA='none')[0]
            want = [np.iinfo(dtype).max, np.iinfo(dtype).min, 0, 1] if name in INTEGERS else [INF, -INF, NAN, 1]
            self.same(got, np.array(want, dtype), name)

    def test_default_nodata_of_integers(self):
        """The lowest of signed types, the highest of unsigned ones, said in a warning; a result never equals it."""
        path = self.small(np.array([-1e30, -1, 0, NAN, 5, 1e15]), None, 'wide.tif')
        for name in INTEGERS:
            if name in ('Int64', 'UInt64'):
                continue
            info = np.iinfo(TYPES[name])
            hole = info.min if info.min < 0 else info.max
            seen, handler = collect_errors()
            gdal.PushErrorHandler(handler)
            try:
                dataset = fishnet(path, 'A', OT=name)
            finally:
                gdal.PopErrorHandler()
            warnings = [text for kind, text in seen if kind == gdal.CE_Warning]
            self.assertEqual(len(warnings), 1, seen)
            self.assertIn(str(hole), warnings[0])
            self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), hole)
            low = info.min + 1 if info.min < 0 else 0
            high = info.max if info.min < 0 else info.max - 1
            want = [low, max(-1, low), 0, hole, 5, min(high, 10**15)]
            self.same(dataset.ReadAsArray()[0], np.array(want, TYPES[name]), name)
            seen.clear()
            gdal.PushErrorHandler(handler)
            try:
                fishnet(path, 'A', OT=name, NODATA=0 if name != 'Byte' else 255)
            finally:
                gdal.PopErrorHandler()
            self.assertEqual(seen, [], 'no warning when NODATA is given')

    def test_default_nodata_of_64_bits(self):
        path = self.small(np.array([NAN, 5.0]), None, 'long.tif')
        for name, hole in (('Int64', -2**53), ('UInt64', 2**53)):
            dataset = fishnet(path, 'A', OT=name)
            self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), hole)
            self.assertEqual(list(dataset.ReadAsArray()[0]), [hole, 5])

    def test_results_that_equal_nodata(self):
        """What equals the NODATA that was given is NoData, as in all of GDAL: that masks. Where none was given, a valid result
        moves to the next value towards zero, from zero up."""
        path = self.small(np.array([-5, 0, 5, 254.7, -0.0, NAN]), None, 'collide.tif')
        for name, nodata, want in (('Byte', 5, [0, 0, 5, 255, 0, 5]), ('Byte', 0, [0, 0, 5, 255, 0, 0]), ('Byte', 255, [0, 0, 5, 255, 0, 255]),
                                   ('Int16', -5, [-5, 0, 5, 255, 0, -5]), ('Int32', 255, [-5, 0, 5, 255, 0, 255]), ('UInt32', 0, [0, 0, 5, 255, 0, 0]),
                                   ('Int64', 5, [-5, 0, 5, 255, 0, 5]), ('UInt64', 5, [0, 0, 5, 255, 0, 5])):
            dataset = fishnet(path, 'A', OT=name, NODATA=nodata)
            self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), nodata)
            self.same(dataset.ReadAsArray()[0], np.array(want, TYPES[name]), '%s %s' % (name, nodata))
        for name, want in (('Byte', [0, 0, 5, 254, 0, 255]), ('Int16', [-5, 0, 5, 255, 0, -32768]), ('UInt32', [0, 0, 5, 255, 0, 4294967295])):
            self.same(fishnet(path, 'A', OT=name).ReadAsArray()[0], np.array(want, TYPES[name]), name)
        low = self.small(np.array([-40000.0, -32768, -32767, NAN]), None, 'low.tif')
        self.same(fishnet(low, 'A', OT='Int16').ReadAsArray()[0], np.array([-32767, -32767, -32767, -32768], np.int16))
        masked = fishnet(path, 'A*(A>0)', 'A>0 ? 1 : -9999', OT='Float32', NODATA=0)
        self.same(masked.GetRasterBand(1).ReadAsArray()[0], np.array([0, 0, 5, np.float32(254.7), 0, 0], np.float32))
        for name, dtype in (('Float32', np.float32), ('Float64', np.float64)):
            values = np.array([-5, 0, 5, 254.7, -0.0, NAN]).astype(dtype)
            for nodata in (5, -5, 0):
                want = np.where(np.isnan(values) | (values == nodata), dtype(nodata), values)
                self.same(fishnet(path, 'A', OT=name, NODATA=nodata).ReadAsArray()[0], want, '%s %s' % (name, nodata))
            # a number that Float32 only nearly holds: the band's NoData is the rounded one
            dataset = fishnet(path, 'where(A>0, A*0+0.1, A)', OT=name, NODATA=0.1)
            hole = dtype(0.1)
            self.assertEqual(dtype(dataset.GetRasterBand(1).GetNoDataValue()), hole)
            pixels = dataset.ReadAsArray()[0]
            self.assertEqual(pixels[5], hole)
            self.assertEqual(pixels[2], hole)

    def test_64_bit_integers(self):
        """Exact below 2^53, which a rounded result could be; a valid pixel beyond stops the read and is named; NoData beyond is NoData."""
        for name, dtype in (('Int64', np.int64), ('UInt64', np.uint64)):
            good_values = np.array([0, 2**53, 2**53 - 1, 12345678901234], dtype)
            path = self.small(good_values, None, 'g%s.tif' % name)
            self.same(self.row(path, 'A'), good_values.astype(np.float64))
            self.same(calc1(path, 'A-1', OT=name, NODATA=77)[0], np.array([-1 if name == 'Int64' else 0, 2**53 - 1, 2**53 - 2,
                                                                          12345678901233], dtype))
            bad = self.small(np.array([1, 2**53 + 1, 5], dtype), None, 'b%s.tif' % name)
            with self.assertRaisesRegex(RuntimeError, r'b%s.tif.*pixel 1,0.*2\^53' % name):
                fishnet(bad, 'A', OT='Float64').ReadAsArray()
            out = self.path('never_%s.tif' % name)
            done = run('gdal_translate', '-q', 'FISHNET:' + bad, out, *oo('A'))
            self.assertEqual(done.returncode, 1)
            self.assertIn('pixel 1,0', done.stderr)
            self.assertFalse(os.path.exists(out), 'an output that looks complete')
            self.same(fishnet(bad).ReadAsArray()[0], np.array([1, 2**53 + 1, 5], dtype), 'without CALC it is just a copy')
            hole = -2**63 if name == 'Int64' else 2**64 - 1
            path = self.small(np.array([1, hole, 5], dtype), hole, 'h%s.tif' % name)
            self.same(self.row(path, 'A+1'), np.array([2, NAN, 6.0]))
            self.assertEqual(fishnet(path).GetRasterBand(1).GetNoDataValue(), hole, 'without CALC: all 64 bits of it')
            with self.assertRaises(RuntimeError):
                calc1(path, 'A', NODATA='none')
            with self.assertRaisesRegex(RuntimeError, r'pixel 0,0.*2\^53'):
                calc1(self.small(np.array([2.0**54]), None, 'out.tif'), 'A', OT=name, NODATA=0)
            with self.assertRaisesRegex(RuntimeError, r'pixel 1,0.*2\^53'):
                calc1(self.small(good_values, None, 'e%s.tif' % name), 'A+1', OT=name, NODATA=77)
        unused = self.small(np.array([1, 2**53 + 1], np.int64), None, 'unused.tif')
        ones = self.small(np.array([1, 1], np.uint8), None, 'ones.tif')
        self.same(self.row(ones, 'A+1', B=unused), np.array([2.0, 2.0]), 'an input that no expression uses')

    def test_scale_and_offset_are_not_applied(self):
        path = self.small(np.array([1, 2], np.int16), None, 'scaled.tif')
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(1).SetScale(0.1)
        dataset.GetRasterBand(1).SetOffset(7)
        dataset = None
        self.same(self.row(path, 'A'), np.array([1.0, 2.0]))

    def test_complex_is_refused(self):
        path = self.small(np.array([1 + 2j], np.complex64), None, 'complex.tif')
        for calcs in (['A'], ['real(A)'], []):
            self.refused(path=path, calcs=calcs)
        self.refused('omplex', path=path, calcs=['A'])

    def test_case_matters(self):
        path = self.small(np.array([1, 2], np.uint8), None, 'case.tif')
        for text in ('a+A', 'SQRT(A)', 'PI', 'A AND A', 'Where(A,1,2)', 'NaN', 'nodata', 'TRUE'):
            self.caret(self.refused(path=path, calcs=[text]), text)

    def test_traps_of_both_languages(self):
        path = self.small(np.array([1, 2], np.int16), None, 'trap.tif')
        for text in ('A>1 & A<2', 'A&4 == 4', '0<A<5', 'A==1==1', 'A>1 | A<0', 'A==NODATA', 'NODATA!=A', 'A<NODATA',
                     'equal(A,NODATA)', 'A.astype(int)', 'A.astype(numpy.uint8)', "A.astype('int16')"):
            message = self.refused(path=path, calcs=[text])
            self.caret(message, text)
        self.assertRegex(self.refused(path=path, calcs=['A>1 & A<2']), r'parenthes|\(A>1\)')
        self.assertRegex(self.refused(path=path, calcs=['A&4 == 4']), r'parenthes|\(A&4\)')
        self.assertIn('&&', self.refused(path=path, calcs=['0<A<5']))
        self.assertIn('isnodata', self.refused(path=path, calcs=['A==NODATA']))
        self.assertIn('OT', self.refused(path=path, calcs=['A.astype(int)']))


class RasterFacts(Case):
    """The traps that other tools fall into, by their number in the list of raster-math facts."""

    def test_1_stale_nodata(self):
        a = write(self.path('a.tif'), np.array([[-9999, 4, 9]], np.int16), -9999)
        b = write(self.path('b.tif'), np.array([[-9999, 1, -9999]], np.int16), -9999)
        for text, want in (('sqrt(A)', [NAN, 2, 3]), ('A/2', [NAN, 2, 4.5]), ('A+B', [NAN, 5, NAN]), ('(A-B)/(A+B)', [NAN, 0.6, NAN])):
            dataset = fishnet(a, text, B=b)
            self.assertEqual(nodata_of(dataset.GetRasterBand(1)), 'nan')
            self.same(dataset.ReadAsArray()[0], np.array(want, np.float32), text)
        zero = write(self.path('zero.tif'), [np.array([[0, 0, 3]], np.uint16)] * 2)
        self.same(calc1(zero, '(A-A[2])/(A+A[2])')[0], np.array([NAN, NAN, 0]))

    def test_2_nan_does_not_leak(self):
        a = write(self.path('leak.tif'), np.array([[-9999, 4, -1]], np.float32), -9999)
        dataset = fishnet(a, 'sqrt(A)', NODATA=-9999)
        self.same(dataset.ReadAsArray()[0], np.array([-9999, 2, -9999], np.float32))
        self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), -9999)

    def test_3_domain_errors(self):
        a = write(self.path('domain.tif'), np.array([[-9999, -4, NAN, INF, 4]], np.float32), -9999)
        self.same(fishnet(a, 'sqrt(A)', NODATA=-9999).ReadAsArray()[0], np.array([-9999, -9999, -9999, INF, 2], np.float32))

    def test_4_nodata_is_not_inherited(self):
        """NDVI of UInt16 with NoData 0: a true 0 stays a value."""
        a = write(self.path('ndvi.tif'), [np.array([[0, 500, 600]], np.uint16), np.array([[0, 500, 200]], np.uint16)], 0)
        dataset = fishnet(a, '(A-A[2])/(A+A[2])')
        self.assertEqual(nodata_of(dataset.GetRasterBand(1)), 'nan')
        self.same(dataset.ReadAsArray()[0], np.array([NAN, 0, 0.5], np.float32))
        self.same(dataset.GetRasterBand(1).GetMaskBand().ReadAsArray()[0], np.array([0, 255, 255], np.uint8))
        byte = write(self.path('byte.tif'), np.array([[255, 0, 7]], np.uint8))
        self.same(calc1(byte, 'A', OT='Float32')[0], np.array([255, 0, 7], np.float32), '255 of Byte is a value')

    def test_5_division_and_overflow(self):
        a = write(self.path('short.tif'), np.array([[3, 7, -7]], np.int16))
        self.same(fishnet(a, 'A/2').ReadAsArray()[0], np.array([1.5, 3.5, -3.5], np.float32))
        self.same(fishnet(a, 'A/2', OT='Int16', NODATA='none').ReadAsArray()[0], np.array([2, 4, -4], np.int16))
        self.same(fishnet(a, 'A//2').ReadAsArray()[0], np.array([1, 3, -4], np.float32))
        byte = write(self.path('byte200.tif'), np.array([[200]], np.uint8))
        self.same(fishnet(byte, 'A*2').ReadAsArray()[0], np.array([400], np.float32))
        self.same(fishnet(byte, 'A*2', OT='Byte', NODATA=0).ReadAsArray()[0], np.array([255], np.uint8))
        ndvi = write(self.path('u16.tif'), [np.array([[195]], np.uint16), np.array([[625]], np.uint16)])
        self.same(calc1(ndvi, '(A-A[2])/(A+A[2])')[0], np.array([-430 / 820]))

    def test_6_radians(self):
        a = write(self.path('angle.tif'), np.array([[1.0, 90.0]]))
        self.near(calc1(a, 'sin(A)')[0], np.array([math.sin(1), math.sin(90)]), 1)
        self.near(calc1(a, 'atan(A)')[0], np.array([math.atan(1), math.atan(90)]), 1)

    def test_7_alignment(self):
        values = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.uint8)
        a = write(self.path('grid.tif'), values)

        def other(name, geotransform=(1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0), pixels=values, epsg=32633):
            return write(self.path(name), pixels, geotransform=geotransform, epsg=epsg)
        shifted = other('shifted.tif', (1010.0, 10, 0, 5000, 0, -10))
        self.assertRegex(self.refused('B', path=a, calcs=['A+B'], B=shifted), r'\b(10|1)(\.0*)?\b')
        narrow = other('narrow.tif', pixels=values[:, :3].copy())
        message = self.refused('B', path=a, calcs=['A+B'], B=narrow)
        self.assertRegex(message, r'3\s*x\s*2')
        self.assertRegex(message, r'4\s*x\s*2')
        coarse = other('coarse.tif', (1000.0, 20, 0, 5000, 0, -20), values[:1, :2].copy())
        self.refused('B', path=a, calcs=['A+B'], B=coarse)
        scaled = other('scaled.tif', (1000.0, 10.01, 0, 5000, 0, -10))
        self.refused('B', path=a, calcs=['A+B'], B=scaled)
        zone = other('zone.tif', epsg=32634)
        self.assertIn('34N', self.refused('B', path=a, calcs=['A+B'], B=zone).replace(' ', '').replace('zone', ''))
        nearly = other('nearly.tif', (1000.0009, 10, 0, 5000, 0, -10))  # 0.9e-4 of a pixel
        self.same(calc1(a, 'A+B', B=nearly), values * 2.0)
        off = other('off.tif', (1000.0011, 10, 0, 5000, 0, -10))  # 1.1e-4
        self.refused('B', path=a, calcs=['A+B'], B=off)
        corner = other('corner.tif', (1000.0, 10.0005, 0, 5000, 0, -10))  # fits at the left, 2e-4 off at the right
        self.refused('B', path=a, calcs=['A+B'], B=corner)
        rotated = other('rotated.tif', (1000.0, 10, 0.001, 5000, 0, -10))  # 2e-4 at the bottom
        self.refused('B', path=a, calcs=['A+B'], B=rotated)

    def test_7_one_crs_in_two_spellings(self):
        """EPSG:32633 by number, and the same CRS written out without any number."""
        values = np.array([[1, 2]], np.uint8)
        a = write(self.path('by_number.tif'), values)
        b = self.path('by_words.vrt')
        srs = osr.SpatialReference()
        srs.ImportFromProj4('+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs')
        with open(b, 'w') as f:
            f.write('<VRTDataset rasterXSize="2" rasterYSize="1"><SRS>%s</SRS><GeoTransform>1000,10,0,5000,0,-10</GeoTransform><VRTRasterBand '
                    'dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="0">%s</SourceFilename></SimpleSource></VRTRasterBand>'
                    '</VRTDataset>' % (srs.ExportToWkt().replace('"', '&quot;'), a))
        self.same(calc1(a, 'A+B', B=b), values * 2.0)

    def test_7_alignment_of_inputs_without_georeference(self):
        values = np.array([[1, 2]], np.uint8)
        a = write(self.path('plain_a.tif'), values, geotransform=None, epsg=None)
        b = write(self.path('plain_b.tif'), values, geotransform=None, epsg=None)
        self.same(calc1(a, 'A+B', B=b), values * 2.0)
        placed = write(self.path('placed.tif'), values)
        self.refused('B', path=a, calcs=['A+B'], B=placed)

    def test_12_a_failed_run_leaves_no_output(self):
        """The last row cannot be computed: the tool fails, and no file stays that looks complete."""
        values = np.ones((2000, 300), np.int64)
        values[-1, -1] = 2**60
        a = write(self.path('late.tif'), values, options=['COMPRESS=DEFLATE'])
        for options in ([], ['-co', 'TILED=YES'], ['-of', 'COG']):
            out = self.path('late_out.tif')
            done = run('gdal_translate', '-q', *options, 'FISHNET:' + a, out, *oo('A', TILE_SIZE=128))
            self.assertEqual(done.returncode, 1, options)
            self.assertIn('pixel 299,1999', done.stderr)
            self.assertFalse(os.path.exists(out), options)

    def test_13_types_are_not_inflated(self):
        a = write(self.path('inflate.tif'), np.array([[1]], np.int16))
        self.assertEqual(gdal.GetDataTypeName(fishnet(a, 'A*2').GetRasterBand(1).DataType), 'Float32')
        info = good('gdalinfo', 'FISHNET:' + a, *oo('A*2'))
        self.assertIn('Type=Float32', info)

    def test_14_lifetime(self):
        """FISHNET has handles of its own: the caller's dataset may go, and its own band may be asked after others are gone."""
        a = write(self.path('life.tif'), np.arange(300 * 200, dtype=np.float32).reshape(200, 300))
        source = gdal.Open(a)
        first = fishnet(a, 'A+1')
        second = gdal.OpenEx('FISHNET:' + source.GetDescription(), open_options=['CALC=A*2'])
        source = None
        band = second.GetRasterBand(1)
        first.ReadAsArray()
        first = None
        self.assertEqual(band.ReadAsArray(299, 199, 1, 1)[0, 0], np.float32(300 * 200 - 1) * 2)
        names = [fishnet(a, 'A').GetRasterBand(1).DataType for _ in range(3)]
        self.assertEqual(names, [gdal.GDT_Float32] * 3)


if __name__ == '__main__':
    unittest.main()
