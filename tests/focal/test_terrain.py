"""slope, aspect, hillshade, curvature, tpi, tri, roughness: planes, which they know exactly everywhere; surfaces, against the evaluator beside
this file; and edge=gdal against gdaldem."""
import itertools
import math
import unittest

import numpy as np

from focal_common import SEED, VERSION, FocalCase, calc, calc1, ev, fishnet, gdal, good, real, valid, write

WGS84 = (6378137.0, 1 / 298.257223563)
COS, SIN = math.cos(math.radians(25)), math.sin(math.radians(25))
GROUNDS = {  # geotransforms
    'squares': (0, 10, 0, 0, 0, -10), 'flat cells': (0, 30, 0, 0, 0, -10), 'high cells': (0, 7.5, 0, 0, 0, -20),
    'south up': (0, 10, 0, 0, 0, 12), 'mirrored': (0, -10, 0, 0, 0, -10),
    'rotated by 25': (0, 10 * COS, 10 * SIN, 0, 10 * SIN, -10 * COS), 'rotated by 45': (0, 8, 8, 0, 8, -8),
    'rotated by 90': (0, 0, 10, 0, 20, 0), 'rotated by 205, other cells': (0, -10 * COS, 30 * -SIN, 0, -10 * SIN,
                                                                           30 * COS),
    'sheared': (0, 10, 4, 0, -3, -12)}
ANGLES = ((5, 30), (45, 135.5), (19.83, 225), (80, 359), (0.5, 90), (60, 180))  # slope, aspect
HEIGHT, WIDTH = 11, 13


def rng(name):
    return np.random.default_rng([SEED, *name.encode()])


def east_north(gt, height=HEIGHT, width=WIDTH):
    row, column = np.mgrid[0:height, 0:width] + 0.5
    return column * gt[1] + row * gt[2], column * gt[4] + row * gt[5]


def plane(gt, slope, aspect):
    """Downhill is towards `aspect`."""
    steep, away = math.tan(math.radians(slope)), math.radians(aspect)
    east, north = east_north(gt)
    return -steep * (math.sin(away) * east + math.cos(away) * north)


def surface(random, height=HEIGHT, width=WIDTH):
    row, column = np.mgrid[0:height, 0:width]
    return 40 * np.sin(column / 3.1 + 1) * np.cos(row / 2.3) + random.normal(0, 5, (height, width)) + 100


def with_holes(x, random, share=0.12):
    x = np.where(random.random(x.shape) < share, np.nan, x)
    x[4:7, 5:9] = np.nan
    x[5, 6] = 50  # alone
    return x


class Terrain(FocalCase):
    def raster(self, cells, gt=GROUNDS['squares'], epsg=32633, nodata=None, name='terrain.tif'):
        return write(self.path(name), cells, nodata, geotransform=gt, epsg=epsg)


class Planes(Terrain):
    def test_slope_and_aspect(self):
        """Every angle on every ground: the same at edges, in corners, beside holes."""
        for (name, gt), (slope, aspect) in itertools.product(GROUNDS.items(), ANGLES):
            x = plane(gt, slope, aspect)
            holes = np.zeros(x.shape, bool)
            holes[3, 3] = holes[5:8, 6:8] = holes[10, 0] = holes[0, 11] = holes[6, 12] = True
            x[holes] = np.nan
            path = self.raster(x, gt)
            texts = ['%s(A, method=%s)' % pair for pair in itertools.product(('slope', 'aspect'),
                                                                             ('horn', 'zevenbergenthorne'))]
            for text, got in zip(texts, calc(path, *texts)):
                want = np.where(holes, np.nan, slope if text.startswith('slope') else aspect)
                self.close(got, want, 1e-12 * 360, '%s: %s of %g towards %g' % (name, text, slope, aspect))

    def test_other_rules_for_edges_stay_exact_inside(self):
        gt = GROUNDS['flat cells']
        path = self.raster(plane(gt, 30, 200), gt)
        for edge in ('nearest', 'reflect', 'wrap', 'nodata', 'gdal'):
            got = calc1(path, 'slope(A, edge=%s)' % edge)
            self.close(got[1:-1, 1:-1], np.full((HEIGHT - 2, WIDTH - 2), 30.0), 1e-12 if edge != 'gdal' else 1e-5, edge)
            self.assertEqual(np.isnan(got).any(), edge == 'nodata')

    def test_no_direction(self):
        """A level surface: no aspect, or the one that is asked for; slope 0; no curvature; lit as the light is high."""
        level = self.raster(np.full((6, 7), 12.5))
        for text, want in (('slope(A)', 0), ('aspect(A)', np.nan), ('aspect(A, flat=-9999)', -9999),
                           ('aspect(A, flat=0, angle=trigonometric)', 0), ('curvature(A, "plan")', np.nan),
                           ('curvature(A, "profile")', np.nan),
                           ('tpi(A)', 0), ('tri(A, 5)', 0),
                           ('roughness(A)', 0)):
            self.same(calc1(level, text), np.full((6, 7), float(want)), text)
        for variant, want in (('regular', 1 + 254 * math.sin(math.radians(40))),
                              ('multidirectional', 1 + 254 * math.sin(math.radians(40))), ('combined', 1 + 254),
                              ('igor', 255)):
            self.close(calc1(level, 'hillshade(A, 300, 40, variant=%s)' % variant), np.full((6, 7), float(want)),
                       1e-12 * 255, variant)

    def test_curvature_of_a_plane(self):
        """None, where it is known: not along edges, where the cells leave it open."""
        for name, gt in GROUNDS.items():
            path = self.raster(plane(gt, 20, 70), gt)
            for kind, method in itertools.product(('profile', 'plan', 'tangential', 'mean'),
                                                  ('horn', 'zevenbergenthorne')):
                got = calc1(path, 'curvature(A, "%s", method=%s)' % (kind, method))
                self.close(got[1:-1, 1:-1], np.zeros((HEIGHT - 2, WIDTH - 2)), 1e-12, '%s %s %s' % (name, kind, method))
                self.assertTrue(np.isnan(got[0]).all())

    def test_too_few_cells(self):
        """A line of cells has no slope; one cell alone has none; three that are not on a line have one."""
        for cells, known in ((np.arange(9.0).reshape(1, 9), False), (np.arange(9.0).reshape(9, 1), False),
                             (np.ones((1, 1)), False), (np.array([[0, 1], [np.nan, 2.0]]), True)):
            path = self.raster(cells)
            for text in ('slope(A)', 'aspect(A, flat=0)', 'hillshade(A)'):
                self.same(np.isnan(calc1(path, text)), np.isnan(cells) | (not known), '%s of %s' % (text, cells.shape))

    def test_whole_numbers(self):
        """Slopes that can be said by hand."""
        gt = (0, 1, 0, 0, 0, -1)
        east, north = east_north(gt)
        self.close(calc1(self.raster(east * 3 + north * 4, gt), 'slope(A, unit=percent)'), np.full(east.shape, 500.0),
                   1e-10)
        self.close(calc1(self.raster(east.astype(np.int16), gt), 'slope(A)'), np.full(east.shape, 45.0), 1e-12)
        self.close(calc1(self.raster(-east, gt), 'aspect(A)'), np.full(east.shape, 90.0), 1e-12)
        self.close(calc1(self.raster(-north, gt), 'aspect(A)'), np.zeros(east.shape), 0)
        self.close(calc1(self.raster(-north, gt), 'aspect(A, angle=trigonometric)'), np.full(east.shape, 90.0), 1e-12)
        self.close(calc1(self.raster(east, gt), 'slope(A, z=2, unit=percent)'), np.full(east.shape, 200.0), 1e-10)

    def test_hillshade(self):
        """A plane that faces the light is as light as can be; one that looks away from it is not lit."""
        for name, gt in GROUNDS.items():
            self.close(calc1(self.raster(plane(gt, 45, 315), gt), 'hillshade(A, 315, 45)'),
                       np.full((HEIGHT, WIDTH), 255.0), 1e-10, name)
            self.close(calc1(self.raster(plane(gt, 60, 135), gt), 'hillshade(A, 315, 45)'),
                       np.full((HEIGHT, WIDTH), 1.0), 1e-10, name)

    def test_hillshade_as_byte(self):
        """1 to 255, rounded, with 0 where there is none: as gdaldem writes it."""
        x = with_holes(surface(rng('byte')), rng('byte'))
        got = fishnet(self.raster(x), 'hillshade(A)', OT='Byte', NODATA='0').ReadAsArray()
        want = ev.hillshade(x, ev.Ground(GROUNDS['squares']))
        self.assertTrue(((got == np.floor(np.nan_to_num(want) + 0.5)) | (np.abs(want % 1 - 0.5) < 1e-9)).all())
        self.assertTrue((got[~np.isnan(want)] >= 1).all())

    def test_numbers_that_are_computed(self):
        path = self.raster(rng('computed').integers(0, 50, (9, 12)).astype(np.int16))
        for text, same in (('slope(A, z=1/4)', 'slope(A, z=0.25)'), ('slope(A, z = 3 - 2 * 1.25 + -.25)', 'slope(A, z=.25)'), ('hillshade(A, 630/2, 90/2)', 'hillshade(A)'),
                           ('focal_sum(A, [[1/8, 3*2, 1-1]])', 'focal_sum(A, [[0.125, 6, 0]])'), ('focal_mean(A, circle(4/2))', 'focal_mean(A, circle(2))')):
            self.same(calc1(path, text), calc1(path, same), text)

    def test_no_georeference(self):
        """Squares of side 1, north up."""
        x = surface(rng('nowhere'))
        path = write(self.path('nowhere.tif'), x, geotransform=None, epsg=None)
        self.close(calc1(path, 'slope(A)'), ev.slope(x, ev.Ground((0, 1, 0, 0, 0, -1))), 1e-12 * 90)


def is_whole(x):
    """Cells whose window is."""
    return ~np.isnan(ev.look(x, ev.box(3), 'shrink')[0]).any(0)


class Degrees(Terrain):
    """Longitude and latitude: metres of each row, on the ellipsoid."""

    def test_against_the_evaluator(self):
        random = rng('degrees')
        for latitude, gt4 in ((80, 0), (60, 0), (1, 0), (-0.5, 0), (-60, 0), (40, 0.001)):
            gt = (7, 0.01, gt4, latitude, gt4, -0.008)
            x = with_holes(surface(random) * 8, random)
            path = self.raster(x, gt, 4326)
            ground = ev.Ground(gt, WGS84)
            for text, want in (('slope(A)', ev.slope(x, ground)), ('aspect(A)', ev.aspect(x, ground)),
                               ('hillshade(A, 200, 30, z=3)', ev.hillshade(x, ground, 200, 30, z=3)),
                               ('curvature(A, "mean")', ev.curvature(x, ground, 'mean')),
                               ('slope(A, edge=reflect, method=zevenbergenthorne)',
                                ev.slope(x, ground, edge='reflect', method='zevenbergenthorne'))):
                digits = np.where(is_whole(x), 1e-11, 1e-2)  # elsewhere parallels bend, see test_against_geodesics
                self.close(calc1(path, text), want, digits * np.nanmax(np.abs(want)), '%s at %g' % (text, latitude))

    def test_another_ellipsoid_and_unit(self):
        """A sphere of another size; grads, which are no degrees."""
        x = surface(rng('sphere'))
        gt = (7, 0.01, 0, 30, 0, -0.01)
        for wkt, radians, axis in (('GEOGCS["moon",DATUM["moon",SPHEROID["moon",1737400,0]],PRIMEM["Reference",0],UNIT["degree",0.0174532925199433]]', math.pi / 180, 1737400.0),
                                   ('GEOGCS["grads",DATUM["sphere",SPHEROID["sphere",6370000,0]],PRIMEM["Greenwich",0],UNIT["grad",0.015707963267949]]', 0.015707963267949, 6370000.0)):
            path = self.raster(x, gt, None)
            dataset = gdal.Open(path, gdal.GA_Update)
            dataset.SetProjection(wkt)
            dataset = None
            in_degrees = [value * radians * 180 / math.pi for value in gt]
            want = ev.slope(x, ev.Ground(in_degrees, (axis, 0.0)))
            self.close(calc1(path, 'slope(A)'), want, np.where(is_whole(x), 1e-11, 1e-3) * 90, wkt[:20])

    MISSING = ([], [0, 1, 2], [6, 7, 8], [0, 3, 6], [2, 5, 8], [0, 1, 2, 3, 6], [1], [5], [0, 1, 2, 3, 6, 7],
               [0, 2, 3, 5, 6, 7])

    def test_against_geodesics(self):
        """Around a cell a plane by distance and direction from its centre, as geodesics have them: its slope and aspect within 1e-6."""
        try:
            from pyproj import Geod
        except ImportError:
            self.skipTest('no pyproj')
        geod = Geod(ellps='WGS84')
        for latitude in (-60, -33.3, 0, 12.5, 45, 66, 80):
            gt = (10, 1 / 3600, 0, latitude + 1.5 / 3600, 0, -1 / 3600)
            row, column = np.mgrid[0:3, 0:3] + 0.5
            away, _, distance = geod.inv(np.full(9, 10 + 1.5 / 3600), np.full(9, float(latitude)),
                                         (gt[0] + column * gt[1]).ravel(), (gt[3] + row * gt[5]).ravel())
            for (slope, aspect), missing in itertools.product(((10, 33), (45, 290), (70, 180)), self.MISSING):
                down = math.radians(aspect)
                z = -math.tan(math.radians(slope)) * distance * np.cos(np.radians(away) - down)
                z[4] = 0
                z[missing] = np.nan
                path = self.raster(z.reshape(3, 3), gt, 4326)
                what = '%g towards %g at %g, without %s' % (slope, aspect, latitude, missing)
                self.assertAlmostEqual(calc1(path, 'slope(A)')[1, 1], slope, delta=1e-6, msg=what)
                self.assertAlmostEqual(calc1(path, 'aspect(A)')[1, 1], aspect, delta=1e-5, msg=what)

    def test_rows_differ(self):
        """The same heights are steeper where meridians are nearer: in one raster, row by row."""
        x = np.tile(np.arange(20.0) * 1000, (89, 1))
        got = calc1(self.raster(x, (0, 1, 0, 89, 0, -1), 4326), 'slope(A)')
        self.assertTrue((np.diff(got[:, 10]) < 0).all())

    def test_poles(self):
        """Beyond a pole there is no east: NoData, and no error."""
        got = calc1(self.raster(surface(rng('poles')), (0, 1, 0, 93, 0, -1), 4326), 'slope(A)')
        self.assertTrue(np.isnan(got[:3]).all() and not np.isnan(got[3:]).any())


class Surfaces(Terrain):
    """All functions and options against the evaluator, with holes."""

    def compare(self, path, rows, what, more=0):
        """more: how much more may be between us, for each cell."""
        rows = list(rows)
        for (text, want, digits), got in zip(rows, calc(path, *[text for text, _, _ in rows])):
            angle = np.abs(got - want)
            if text.startswith('aspect'):  # 0 is 360
                got = np.where(np.abs(angle - 360) < 1e-6, want, got)
            self.close(got, want, (digits + more) * np.nanmax(np.abs(want), initial=0), '%s: %s' % (what, text))

    def rows(self, x, ground, edge, method):
        tail = ', method=%s, edge=%s)' % (method, edge)
        how = {'method': method, 'edge': edge}
        for unit, z in (('degree', 1), ('percent', 0.5)):
            yield 'slope(A, unit=%s, z=%r%s' % (unit, z, tail), ev.slope(x, ground, unit, z=z, **how), 1e-12
        for angle in ('azimuth', 'trigonometric'):
            yield 'aspect(A, angle=%s, flat=-1%s' % (angle, tail), ev.aspect(x, ground, angle, flat=-1, **how), 1e-11
        for variant, azimuth, altitude in (('regular', 315, 45), ('regular', -30, 10), ('combined', 100, 60),
                                           ('multidirectional', 0, 30), ('igor', 250, 45)):
            yield ('hillshade(A, %r, %r, variant=%s%s' % (azimuth, altitude, variant, tail),
                   ev.hillshade(x, ground, azimuth, altitude, variant, **how), 1e-9)
        for kind in ('profile', 'plan', 'tangential', 'mean'):
            yield 'curvature(A, %s, z=2%s' % (kind, tail), ev.curvature(x, ground, kind, z=2, **how), 1e-9

    def test_derivatives(self):
        for (name, gt), holes in itertools.product(GROUNDS.items(), (False, True)):
            random = rng(name)
            x = with_holes(surface(random), random) if holes else surface(random)
            path = self.raster(x, gt)
            for edge, method in itertools.product(('shrink', 'nearest', 'reflect', 'wrap', 'nodata')
                                                  if name in ('squares', 'sheared') else ('shrink',),
                                                  ('horn', 'zevenbergenthorne')):
                self.compare(path, self.rows(x, ev.Ground(gt), edge, method), '%s, %s, %s' % (name, edge, holes))

    def test_windows(self):
        random = rng('windows')
        x = with_holes(surface(random), random)
        path = self.raster(x)
        for size, edge in itertools.product((3, 5, 9, 25), ev.EDGES):
            self.compare(path, [('tpi(A, %d, edge=%s)' % (size, edge), ev.around('tpi', x, size, edge=edge), 1e-13),
                                ('tri(A, %d, z=3, edge=%s)' % (size, edge), ev.around('tri', x, size, z=3, edge=edge),
                                 1e-13),
                                ('tri(A, %d, variant=wilson, edge=%s)' % (size, edge),
                                 ev.around('tri', x, size, 'wilson', edge=edge), 1e-13),
                                ('roughness(A, %d, z=-2, edge=%s)' % (size, edge),
                                 ev.around('roughness', x, size, z=-2, edge=edge), 0)], '%d %s' % (size, edge))

    def test_defaults(self):
        random = rng('defaults')
        x = with_holes(surface(random), random)
        ground = ev.Ground(GROUNDS['squares'])
        self.compare(self.raster(x), (('slope(A)', ev.slope(x, ground), 1e-12),
                                      ('aspect(A)', ev.aspect(x, ground), 1e-11),
                                      ('hillshade(A)', ev.hillshade(x, ground), 1e-10),
                                      ('curvature(A)', ev.curvature(x, ground), 1e-9),
                                      ('tpi(A)', ev.around('tpi', x), 1e-13), ('tri(A)', ev.around('tri', x), 1e-13),
                                      ('roughness(A)', ev.around('roughness', x), 0)), 'defaults')

    def test_expressions(self):
        """Of what is computed, too: smoothed heights; and the NoData of an expression is a hole."""
        random = rng('expressions')
        x = with_holes(surface(random), random)
        ground = ev.Ground(GROUNDS['squares'])
        smooth = ev.focal('mean', x, ev.circle(2), 'fill')
        low = np.where(x < 100, np.nan, x)
        self.compare(self.raster(x), (('slope(focal_mean(A, circle(2), nodata=fill))', ev.slope(smooth, ground), 1e-11),
                                      ('slope(where(A < 100, NODATA, A))', ev.slope(low, ground), 1e-11),
                                      ('focal_max(slope(A), 3)', ev.focal('max', ev.slope(x, ground), ev.box(3)),
                                       1e-12), ('slope(A) - slope(A, z=2)',
                                                ev.slope(x, ground) - ev.slope(x, ground, z=2), 1e-11)), 'expressions')

    def test_real(self):
        x = valid(gdal.Open(real('dem.tif')).ReadAsArray(900, 400, 60, 50), -999)
        ground = gdal.Open(real('dem.tif')).GetGeoTransform()
        gt = (ground[0] + 900 * ground[1], *ground[1:3], ground[3] + 400 * ground[5], *ground[4:])
        path = self.raster(x, gt, 4326)
        rows = self.rows(x, ev.Ground(gt, WGS84), 'shrink', 'horn')
        self.compare(path, rows, 'dem.tif', np.where(is_whole(x), 0, 1e-3))  # parallels bend


class LikeGdal(Terrain):
    """edge=gdal: what gdaldem -compute_edges writes, bit for bit where it computes in double: of whole numbers of 16 bits."""
    COMMANDS = {
        'slope(A, edge=gdal)': ['slope'], 'slope(A, unit=percent, z=2, edge=gdal)': ['slope', '-p', '-s', 0.5],
        'slope(A, method=zevenbergenthorne, edge=gdal)': ['slope', '-alg', 'ZevenbergenThorne'],
        'aspect(A, edge=gdal, flat=-9999)': ['aspect'],
        'aspect(A, angle=trigonometric, flat=0, edge=gdal)': ['aspect', '-trigonometric', '-zero_for_flat'],
        'aspect(A, method=zevenbergenthorne, edge=gdal, flat=-9999)': ['aspect', '-alg', 'ZevenbergenThorne'],
        'tpi(A, edge=gdal)': ['TPI'], 'tri(A, edge=gdal)': ['TRI', '-alg', 'Riley'],
        'tri(A, variant=wilson, edge=gdal)': ['TRI', '-alg', 'Wilson'], 'roughness(A, edge=gdal)': ['roughness']}
    SHADES = {
        'hillshade(A, edge=gdal)': [], 'hillshade(A, 100, 30, z=3, edge=gdal)': ['-az', 100, '-alt', 30, '-z', 3],
        'hillshade(A, method=zevenbergenthorne, edge=gdal)': ['-alg', 'ZevenbergenThorne'],
        'hillshade(A, variant=combined, edge=gdal)': ['-combined'],
        'hillshade(A, variant=multidirectional, edge=gdal)': ['-multidirectional'],
        'hillshade(A, 200, variant=igor, edge=gdal)': ['-igor', '-az', 200]}

    def theirs(self, path, mode, *words):
        out = self.path('gdaldem.tif')
        good('gdaldem', mode, path, out, '-q', '-compute_edges', *words)
        return gdal.Open(out).ReadAsArray()

    def rasters(self):
        dem = gdal.Open(real('dem.tif')).ReadAsArray(900, 400, 70, 60)
        flat = np.repeat(np.repeat(dem[:10, :12], 5, 0), 6, 1)  # steps: with many that are level
        for name, cells in (('whole', dem), ('steps', flat)):
            holes = np.round(cells).astype(np.int16)
            holes[20:24, 30:40] = holes[0, 5] = holes[-1, -1] = holes[10, 0] = -32768
            yield name, np.round(cells).astype(np.int16), None
            yield name + ' with holes', holes, -32768

    def test_whole_numbers(self):
        for name, cells, nodata in self.rasters():
            path = self.raster(cells, (0, 30, 0, 0, 0, -20), nodata=nodata)
            for text, words in self.COMMANDS.items():
                got = fishnet(path, text, OT='Float32', NODATA='-9999').ReadAsArray()
                want = self.theirs(path, *words)
                if 'flat=-9999' in text:  # what is level is NoData of gdaldem's, and a value of ours
                    got = np.where(np.abs(got + 9999) < 1, -9999, got).astype(np.float32)
                if 'flat=0' in text:  # and the other way
                    got = np.where(got == -9999, 0, got).astype(np.float32)
                if VERSION < (3, 7):
                    self.same(got, want, '%s: %s' % (name, text))
                else:  # others in Float32
                    self.close(got, want, 1e-4 * np.abs(want).max(), '%s: %s' % (name, text))

    def test_degrees(self):
        """Cells are taken as they are: 111120 is gdaldem's own number of metres in a degree."""
        path = self.raster(np.round(gdal.Open(real('dem.tif')).ReadAsArray(900, 400, 70, 60)).astype(np.int16), (-105, 1 / 1200, 0, 38, 0, -1 / 1200), epsg=4326)
        got = fishnet(path, 'slope(A, z=1/111120, edge=gdal)', OT='Float32', NODATA='-9999').ReadAsArray()
        self.assertGreater(got.max(), 10)
        self.close(got, self.theirs(path, 'slope', '-s', 111120), 1e-4 * got.max())

    def test_hillshades(self):
        """Byte: gdaldem's root is approximate, so that some cells are one more or one less."""
        for name, cells, nodata in self.rasters():
            path = self.raster(cells, (0, 30, 0, 0, 0, -20), nodata=nodata)
            for text, words in self.SHADES.items():
                got = fishnet(path, text, OT='Byte', NODATA='0').ReadAsArray().astype(int)
                apart = np.abs(got - self.theirs(path, 'hillshade', *words).astype(int))
                self.assertLessEqual(apart.max(), 1, '%s: %s' % (name, text))
                self.assertLess((apart > 0).mean(), 0.02, '%s: %s' % (name, text))

    def test_fractions(self):
        """Of Float32 it computes in Float32."""
        cells = gdal.Open(real('dem.tif')).ReadAsArray(900, 400, 70, 60)
        path = self.raster(cells, (0, 30, 0, 0, 0, -20), nodata=-999)
        for text, words in self.COMMANDS.items():
            got = fishnet(path, text, OT='Float32', NODATA='-9999').ReadAsArray()
            want = self.theirs(path, *words)
            apart = np.abs(got - want)
            if text.startswith('aspect'):
                apart = np.minimum(apart, np.abs(360 - apart))
            self.assertLess(apart.max(), 0.05 if text.startswith('aspect') else 5e-5 * np.abs(want).max(), text)
            self.assertLess(np.median(apart), 1e-5 * np.abs(want).max(), text)

    def test_small(self):
        """Two rows, two columns; one, which give none."""
        for shape in ((2, 9), (9, 2), (2, 2), (3, 3), (1, 9), (9, 1)):
            cells = rng('small').integers(0, 50, shape).astype(np.int16)
            path = self.raster(cells)
            for text in ('slope(A, edge=gdal)', 'roughness(A, edge=gdal)', 'tri(A, edge=gdal)'):
                got = fishnet(path, text, OT='Float32', NODATA='-9999').ReadAsArray()
                if 1 in shape:
                    self.assertTrue((got == -9999).all(), (text, shape))
                elif VERSION < (3, 7):
                    self.same(got, self.theirs(path, *self.COMMANDS[text]), '%s of %s' % (text, shape))


if __name__ == '__main__':
    unittest.main()
