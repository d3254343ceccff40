"""What is wrong in an expression that looks around: what the message says, at which position, with a caret under it."""
import os
import unittest

import numpy as np
from osgeo import gdal

from focal_common import FocalCase, calc1, fishnet, good, real, write


class Errors(FocalCase):
    @classmethod
    def prepare(cls):
        cells = np.arange(30 * 20, dtype=np.float32).reshape(20, 30)
        cls.a = write(cls.path('a.tif'), [cells, cells + 1])
        cls.degrees = write(cls.path('degrees.tif'), cells, geotransform=(10, 0.1, 0, 50, 0, -0.1), epsg=4326)
        cls.nowhere = write(cls.path('nowhere.tif'), cells, geotransform=None, epsg=None)
        cls.unknown = write(cls.path('unknown.tif'), cells, geotransform=(0, 1, 0, 0, 0, -1), epsg=None)
        cls.sheared = write(cls.path('sheared.tif'), cells, geotransform=(0, 10, 3, 0, 0, -10))

    def check(self, rows, path=None):
        """Text, the position as a piece of the text that begins there ('^': the end; None: anywhere), and words of the message."""
        wrong = []
        for text, at, *words in rows:
            try:
                message = self.refused(*words, path=path or self.a, calcs=[text])
                position = self.caret(message, text)
                if at is not None:
                    self.assertEqual(position, len(text) + 1 if at == '^' else text.rindex(at) + 1, message)
            except (AssertionError, ValueError) as error:
                wrong.append('%s: %s' % (text, error))
        self.assertFalse(wrong, '%d of %d:\n%s' % (len(wrong), len(rows), '\n'.join(wrong[:10])))

    def test_indices(self):
        self.check((
            ('A[0]', '0', 'A[-1,0]'), ('A[-1]', '-1', 'A[-1,0]'), ('A[1,2,3,4]', '4', 'three'),
            ('A[1,2,3,4,5]', '4,5', 'three'), ('A[]', ']', 'whole number'),
            ('A[1.5]', '1.5', 'whole number'), ('A[1.5,0]', '1.5', 'whole number'), ('A[0,2.5]', '2.5', 'whole number'),
            ('A[0,0.0]', '0.0', 'whole number'), ('A[1e1,0]', '1e1', 'whole number'),
            ('A[B,0]', 'B', 'whole number'), ('A[0,A]', 'A]', 'whole number'), ('A[1+1,0]', '+1', "']'"),
            ('A[,1]', ',', 'whole number'), ('A[1,]', ']', 'whole number'),
            ('A[1 2]', '2]', "']'"), ('A[1,0', '^', "']'"), ('A[- 1,0]', '- 1', 'whole number'),
            ('A[--1,0]', '--1', 'whole number'), ('A[1,0)', ')', "']'"),
            ('A[2][3]', '3]', 'row', 'column'), ('A[2][1,2,3]', '1,2,3', 'row', 'column'), ('A[0][1,1]', '0]', 'band'),
            ('A[0,1,1]', '0,1,1', 'band'), ('A[-2,1,1]', '-2', 'band'),
            ('A[20000,0]', '20000', '10000'), ('A[0,-10001]', None, '10000'),
            ('A[99999999999999999999,0]', '9' * 20, 'whole number'), ('A[3,-1,0]', 'A', '3'),
            ('A[70000,1,1]', '70000', 'band'),
            ('A[1,1][1,1]', '[1,1]'), ('A[2][1,1][0,0]', '[0,0]'), ('(A+1)[1,0]', '[1,0]'), ('pi[1,0]', '[1,0]'),
            ('1[1,0]', '[1,0]'), ('B[1,0]', 'B', 'B')))

    def test_at(self):
        self.check((
            ('at(A)', 'at', 'at(A, row, column)'), ('at(A, 1)', 'at', 'at(A, row, column)'),
            ('at(A, 1, 2, 3)', '3)', 'at(A, row, column)'), ('at(A, 1.5, 0)', '1.5', 'whole number'),
            ('at(A, 0, 0.25)', '0.25', 'whole number'), ('at(A, B, 0)', 'B', 'at'),
            ('at(A, A, 0)', 'A, 0', 'at'), ('at(A, 1+B, 0)', 'B', 'number'), ('at(A, 10001, 0)', '10001', '10000'),
            ('at(A, -1, 1', '^', "')'"), ('at(A, row=1, row=2)', None, 'row'), ('at(A, row=1, line=2)', None),
            ('at(A, row=1, 2)', '2)', 'without a name'),
            ('at(A, "1", 2)', '"1"', 'at'), ('at(A, circle(1), 2)', 'circle', 'at'), ('at(A+foo, 1, 1)', 'foo', 'foo'),
            ('at(, 1, 1)', ', 1, 1'), ('at()', None), ('at', 'at'), ('at(A, 1m, 0)', None, 'unit')))

    def test_windows(self):
        self.check((
            ('focal_mean(A)', 'focal', 'window'), ('focal_mean()', None), ('focal_mean', 'focal'),
            ('focal_mean(A, 4)', '4', 'odd'), ('focal_mean(A, 0)', '0'), ('focal_mean(A, -3)', '-3'),
            ('focal_mean(A, 3.5)', '3.5', 'odd'), ('focal_mean(A, 2003)', '2003', '2001'),
            ('focal_mean(A, 99999999999)', '9' * 11, '2001'), ('focal_mean(A, rect(3, 4))', 'rect', 'odd'),
            ('focal_mean(A, rect(3))', 'rect', 'rect(rows, columns)'),
            ('focal_mean(A, rect(3, 5, 7))', 'rect', 'rect(rows, columns)'), ('focal_mean(A, rect(3, 2.5))', 'rect'),
            ('focal_mean(A, circle(-1))', 'circle', 'radius'), ('focal_mean(A, circle())', '))', 'number'),
            ('focal_mean(A, circle(1, 2))', 'circle', 'circle(radius)'),
            ('focal_mean(A, circle(1001))', 'circle', '1000'), ('focal_mean(A, annulus(5, 3))', 'annulus', 'radius'),
            ('focal_mean(A, annulus(3))', 'annulus', 'annulus(inner, outer)'),
            ('focal_mean(A, annulus(1.1, 1.2))', 'annulus', 'no cell'),
            ('focal_mean(A, wedge(3))', 'wedge', 'wedge(radius, begin, end)'),
            ('focal_mean(A, wedge(3, 0, 400))', 'wedge', '360'),
            ('focal_mean(A, gaussian(0))', 'gaussian', 'sigma'), ('focal_mean(A, gaussian(-1))', 'gaussian', 'sigma'),
            ('focal_mean(A, gaussian(1000))', 'gaussian', 'sigma'),
            ('focal_mean(A, triangle(3))', 'triangle', 'triangle', 'circle', 'wedge'),
            ('focal_mean(A, disc)', 'disc', 'window'), ('focal_mean(A, "circle(3)")', '"circle', 'window'),
            ('focal_mean(A, B)', 'B', 'window'), ('focal_mean(A, 1+3)', '1', 'odd'),
            ('focal_mean(A, circle(A))', 'A)', 'constants'), ('focal_mean(A, circle(2+B))', 'B', 'constants'),
            ('focal_mean(A, 3', '^', "')'"), ('focal_mean(A, circle(3)', '^', "')'"), ('focal_mean(A, )', ')'),
            ('focal_mean(A, , 3)', ', 3'), ('focal_mean(, 3)', ','), ('focal_mean(A 3)', '3'),
            ('focal_mode(A, 3)', 'focal_mode', 'focal_mode'), ('focal_mean(A, B, 3)', None, 'window'),
            ('focal_mean(A+foo, 3)', 'foo', 'foo'), ('focal_mean(focal_max(A, 2), 3)', '2)', 'odd')))

    def test_matrices(self):
        self.check((
            ('focal_sum(A, [[1,1,1],[1,1]])', '[1,1]]', '2 numbers', '3'), ('focal_sum(A, [[1,2],[3,4]])', '[[', 'odd'),
            ('focal_sum(A, [[1,1,1],[1,1,1]])', '[[', 'odd'), ('focal_sum(A, [[0,0,0]])', '[[', 'no cell'),
            ('focal_sum(A, [[1,x,1]])', 'x', 'number'), ('focal_sum(A, [[1,A,1]])', 'A,1]', 'number'),
            ('focal_sum(A, [[1,inf,1]])', 'inf', 'number'), ('focal_sum(A, [[1,nan,1]])', 'nan', 'number'),
            ('focal_sum(A, [[1,"2",1]])', '"2"', 'number'), ('focal_sum(A, [1,2,1])', '1,2,1', "'['"),
            ('focal_sum(A, [[1,1,1])', ')', "']'"), ('focal_sum(A, [[1,1,1)', ')', "']'"),
            ('focal_sum(A, [])', ']', "'['"),
            ('focal_sum(A, [[]])', ']]', 'number'), ('focal_sum(A, [[1,,1]])', ',1]', 'number'),
            ('focal_sum(A, [[1 1 1]])', '1 1]', "']'"), ('focal_sum(A, [[1m,1,1]])', None, 'unit'),
            ('focal_median(A, [[1,2,1]])', None, 'weights'), ('focal_max(A, [[1,10,1]])', None, 'weights'),
            ('focal_majority(A, gaussian(1))', None, 'weights'),
            ('focal_percentile(A, 50, [[1,2,1]])', None, 'weights'),
            ('focal_std(A, [[1,-1,1]])', None, 'negative'), ('focal_var(A, [[-1,2,-1]])', None, 'negative'),
            ('focal_min(A, [[0.5]])', None, 'weights')))

    def test_arguments(self):
        self.check((
            ('focal_mean(A, 3, nodata="ignore")', '"ignore"', 'nodata', 'skip', 'fill', 'spread'),
            ('focal_mean(A, 3, nodata=7)', '7', 'skip'),
            ('focal_mean(A, 3, edge=mirror)', 'mirror', 'edge', 'shrink', 'nearest', 'reflect', 'wrap', 'nodata'),
            ('focal_mean(A, 3, edge=gdal)', 'gdal', 'shrink'),
            ('focal_mean(A, 3, edge=wrap, edge=wrap)', None, 'edge', 'twice'),
            ('focal_mean(A, window=3, window=5)', None, 'window', 'twice'),
            ('focal_mean(A, 3, window=5)', None, 'window'),
            ('focal_mean(A, 3, foo=1)', 'foo', 'foo', 'nodata='), ('focal_mean(A, 3, 5)', '5', 'focal_mean(A, window'),
            ('focal_mean(A, nodata=skip, 3)', '3', 'without a name'), ('focal_mean(A, 3, edge=)', ')'),
            ('focal_mean(A, 3, edge="wrap)', '"wrap', 'quote'), ('focal_mean(A, 3, edge==wrap)', None),
            ('focal_mean(A, 3, "wrap")', '"wrap"', 'no such argument'), ('focal_mean(A, 3, Edge=wrap)', 'Edge', 'Edge'),
            ('focal_percentile(A, 3)', 'focal', 'window'), ('focal_percentile(A, 101, 3)', None, '101', '100'),
            ('focal_percentile(A, -1, 3)', None, '-1'), ('focal_percentile(A, x, 3)', 'x', 'number'),
            ('focal_percentile(A, window=3)', None, 'percentile'), ('sqrt(A, edge=wrap)', 'edge', 'named'),
            ('edge=3', None), ('focal_mean(A=3, 3)', None)))

    def test_units(self):
        self.check((
            ('focal_mean(A, 3m)', 'm)', 'circle'), ('focal_mean(A, circle(3ft))', 'ft', 'km'),
            ('focal_mean(A, annulus(10m, 3))', '3)', 'unit'), ('focal_mean(A, annulus(1, 30m))', None, 'unit'),
            ('focal_mean(A, wedge(100m, 0, 90m))', 'm)', 'unit'),
            ('focal_mean(A, rect(30m, 30m))', 'm, 30', 'unit'), ('focal_mean(A, gaussian(30m))', 'm)', 'unit'),
            ('focal_mean(A, 3, edge=3m)', '3m', 'edge'), ('focal_percentile(A, 5m, 3)', None, 'number'),
            ('focal_mean(A, circle(1e5m))', 'circle', '1000')))
        self.check((('focal_mean(A, circle(250m))', 'm)', 'projected', 'cells'),
                    ('focal_mean(A, annulus(1km, 2km))', None, 'projected', 'cells')), self.degrees)
        for path in (self.nowhere, self.unknown):
            self.check((('focal_mean(A, circle(250m))', 'm)', 'projected'),), path)
        self.check((('focal_mean(A, circle(250m))', 'm)', 'right angles'),), self.sheared)
        self.assertIsNotNone(calc1(self.degrees, 'focal_mean(A, circle(2))'))

    def test_terrain(self):
        self.check((
            ('slope(A, method=zt)', 'zt', 'horn', 'zevenbergenthorne'),
            ('slope(A, unit=radians)', 'radians', 'degree', 'percent'), ('slope(A, z=0)', None, 'z'), ('slope(A, z=1-1)', None, 'z'),
            ('slope(A, z=1/0)', '1', 'beyond all bounds'), ('slope(A, z=2*B)', 'B', 'number'), ('slope(A, z=1/)', ')', 'number'), ('slope(A, z=2*3m)', 'm)', 'unit'),
            ('slope(A, z=B)', 'B', 'number'), ('slope(A, 3)', '3', 'slope(A'),
            ('slope()', None), ('slope(A, edge=mirror)', 'mirror', 'shrink', 'gdal'),
            ('slope(A, flat=1)', 'flat', 'flat'), ('aspect(A, angle=polar)', 'polar', 'azimuth', 'trigonometric'),
            ('aspect(A, unit=percent)', 'unit', 'unit'),
            ('hillshade(A, 315, 91)', None, '90'), ('hillshade(A, 315, -1)', None, '90'),
            ('hillshade(A, north, 45)', 'north', 'number'), ('hillshade(A, 315, 45, 1)', '1)', 'hillshade(A'),
            ('hillshade(A, variant=nice)', 'nice', 'combined', 'igor'),
            ('curvature(A, "total")', '"total"', 'profile', 'plan', 'tangential', 'mean'),
            ('curvature(A, "plan", edge="gdal")', None, 'GDAL'), ('tpi(A, 4)', None, 'odd'),
            ('tpi(A, 1)', None, 'odd'), ('roughness(A, 3.5)', None, 'odd'),
            ('tri(A, 3, "wilson")', '"wilson"', 'tri(A'), ('tri(A, variant=horn)', 'horn', 'riley', 'wilson'),
            ('tpi(A, 5, edge=gdal)', None, '3 x 3'),
            ('slope(A, method=horn, method=horn)', None, 'twice'), ('slope(A, z=1, 2)', '2)', 'without a name')))

    def test_right_ones(self):
        """What lies next to these errors works: named or not, spaces, quotes or none, any case of choices."""
        for text in ('focal_mean(A, window=3)', 'focal_mean(A,3,edge="wrap",nodata=\'fill\')',
                     'focal_mean( A , circle( 2 ) , edge = wrap )', 'focal_percentile(A, percentile=5, window=3)',
                     'focal_mean(A, window=[[1,-2,1]])', 'slope(A, z = 2 * 3 / 4 - 1)', 'hillshade(A, 90 * 3.5, 45)',
                     'focal_mean(A, 3, edge=WRAP)', 'focal_sum(A, [ [ 1e-1 , +2 , -.5 ] ])',
                     'slope(A, unit="percent", z=2.5, method=ZevenbergenThorne)', 'hillshade(A)', 'hillshade(A, 10)',
                     'hillshade(A, altitude=30)', 'curvature(A)',
                     'curvature(A, type=mean)', 'aspect(A, flat=-9999)', 'tri(A, 5, variant=wilson)', 'tpi(A)',
                     'roughness(A, size=7)', 'focal_mean(A, circle(25m))', 'focal_mean(A, circle(0.02km))',
                     'focal_mean(A, 2001)', 'at(A, 10000, -10000)', 'at(A, 1+1, 0)', 'focal_mean(A, 1+2)', 'focal_mean(A, circle(2+1))',
                     'focal_mean(A, wedge(3, 350, 10))'):
            self.assertEqual(calc1(self.a, text).shape, (20, 30), text)

    def test_far(self):
        """Offsets add up: the sum has a limit, too."""
        far = 'at(' * 99 + 'A' + ', 10000, 0)' * 99
        self.assertTrue(np.isnan(calc1(self.a, far)).all())
        self.refused('1000000', path=self.a, calcs=['at(' * 101 + 'A' + ', 10000, 0)' * 101])

    def test_deep(self):
        """Many in one another: right, or an error in words, and never a crash."""
        deep = 'focal_max(' * 200 + 'A' + ', 3)' * 200
        self.same(calc1(self.a, deep), np.full((20, 30), 599.0))
        for text in ('focal_max(' * 100000, 'focal_sum(A, [[' + '1,' * 300000, 'at(' * 50000 + 'A' + ',0,0)' * 49999,
                     'focal_sum(A, ' + '[[1],' * 10000):
            with self.assertRaises(RuntimeError) as caught:
                fishnet(self.a, text)
            self.assertLess(len(str(caught.exception)), 2000)
            self.caret(str(caught.exception), text)

    def test_the_wrong_one_of_several(self):
        message = self.refused('focal_max(A, 4)', path=self.a,
                               calcs=['focal_max(A, 3)', 'focal_max(A, 4)', 'focal_max(A, 5)'])
        self.assertNotIn('focal_max(A, 5)', message)

    def test_pixel_function(self):
        """GDAL hands over pixels without their surroundings: that is said."""
        path = self.path('derived.vrt')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('<VRTDataset rasterXSize="30" rasterYSize="20"><VRTRasterBand dataType="Float64" band="1" subClass="VRTDerivedRasterBand">'
                       '<PixelFunctionType>fishnet</PixelFunctionType><PixelFunctionArguments calc="EXPRESSION"/><SimpleSource>'
                       '<SourceFilename>%s</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>' % self.a)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        for expression in ('focal_mean(A, 3)', 'A[0,1]', 'slope(A)', 'at(A, 1, 1)'):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text.replace('EXPRESSION', expression))
            with self.assertRaises(RuntimeError) as caught:
                gdal.Open(path).ReadAsArray()
            self.assertIn('each pixel comes alone', str(caught.exception))
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace('EXPRESSION', 'A*2'))
        self.assertEqual(gdal.Open(path).ReadAsArray()[0, 1], 2)

    def test_memory(self):
        """A window that needs more than CACHE_MB says how much that is, or is computed in less; either way no crash and no wrong value."""
        big = self.path('big.tif')
        good('gdal_translate', '-q', '-outsize', 2400, 1200, real('dem.tif'), big)
        try:
            got = fishnet(big, 'focal_mean(A, 2001)', CACHE_MB=16, OT='Float64').ReadAsArray(1199, 599, 2, 2)
        except RuntimeError as error:
            self.assertRegex(str(error), r'\d+ MB')
        else:
            cells = gdal.Open(big).ReadAsArray().astype(float)
            cells[cells == -999] = np.nan
            self.assertAlmostEqual(got[0, 0], np.nanmean(cells[:, 199:2200]), places=8)
        os.unlink(big)


if __name__ == '__main__':
    unittest.main()
