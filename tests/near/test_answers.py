"""Planar near tables against brute force."""
import math
import os
import unittest

import numpy as np
from osgeo import gdal, ogr

from near_brute import CODES, Shape, along, distance_matrix, lattice_shapes, random_geometries, to_shape
from near_common import NearCase, UTM, brief, listening, make, names_of, near, pairs, points, rng, rows_of, table

KINDS = list(CODES)


def masked_self(in_fids, near_fids):
    return np.array(in_fids)[:, None] != np.array(near_fids)[None, :]


class Distances(NearCase):
    """Every kind of geometry on both sides."""
    @classmethod
    def prepare(cls):
        cls.sides = {}
        for side, n in (('in', 40), ('near', 60)):
            for kind in KINDS + ['Any']:
                generator = rng(side, kind)
                geometries = random_geometries(generator, kind, n, extent=600, size=25)
                fids = list(range(1, n + 1))
                cls.sides[side, kind] = make(cls.path('%s_%s.gpkg' % (side, kind)), geometries, fids), fids, geometries

    def pair(self, left, right):
        a, in_fids, inputs = self.sides['in', left]
        b, near_fids, nears = self.sides['near', right]
        return a, b, in_fids, near_fids, inputs, nears

    # k, radius, min_radius: for each pair of kinds the first, and every other of the rest in turns; `./run test all`: all
    LIMITS = ((None, np.inf, 0), (1, np.inf, 0), (5, np.inf, 0), (None, 80, 0), (3, 80, 0), (4, np.inf, 50), (None, 120, 60))

    def test_all_kinds(self):
        every = 1 if os.environ.get('FISHNET_ALL_TESTS') == 'yes' else 2
        for i, left in enumerate(KINDS + ['Any']):
            for j, right in enumerate(KINDS + ['Any']):
                a, b, in_fids, near_fids, inputs, nears = self.pair(left, right)
                d = distance_matrix(inputs, nears)
                exact = left in ('Point', 'MultiPoint') and right in ('Point', 'MultiPoint')
                for k, radius, least in self.LIMITS[:1] + self.LIMITS[1 + (i + j) % every::every]:
                    with self.subTest(left=left, right=right, k=k, radius=radius, min_radius=least):
                        options = {'CLOSEST': k or 'ALL'}
                        if radius < np.inf:
                            options['RADIUS'] = radius
                        if least:
                            options['MIN_RADIUS'] = least
                        rows = table(a, NEAR=b, **options)
                        self.check(rows, in_fids, near_fids, d, k, radius, least, exact=exact)
                        if k is None and radius == np.inf:
                            self.assertEqual(len(rows), 40 * 60)

    def test_shared_corners(self):
        """Whole numbers: shapes that touch, overlap along edges, repeat each other and degenerate."""
        for turn in range(4):
            generator = rng('shared corners', turn)
            inputs, nears = lattice_shapes(generator, 80, 20), lattice_shapes(generator, 90, 20)
            a, b = make(self.new('a.gpkg'), inputs), make(self.new('b.gpkg'), nears)
            d = distance_matrix(inputs, nears)
            self.assertGreater((d == 0).sum(), 100)
            for k, radius in ((1, np.inf), (4, np.inf), (None, 3.0), (None, 0.0)):
                options = {'RADIUS': radius} if radius < np.inf else {}
                rows = table(a, NEAR=b, CLOSEST=k or 'ALL', LOCATION=True, **options)
                self.check(rows, list(range(1, 81)), list(range(1, 91)), d, k, radius)
                for row in rows[::11]:
                    self.assertLess(to_shape([(row.FROM_X, row.FROM_Y)], inputs[row.IN_FID - 1])[0], 1e-9)
                    self.assertLess(to_shape([(row.NEAR_X, row.NEAR_Y)], nears[row.NEAR_FID - 1])[0], 1e-9)

    def test_symmetric(self):
        """The distance is the same from whichever side it is measured."""
        for left in KINDS:
            for right in KINDS:
                a, b, in_fids, near_fids, inputs, nears = self.pair(left, right)
                there = {(row.IN_FID, row.NEAR_FID): row.NEAR_DIST for row in table(a, NEAR=b, CLOSEST='ALL')}
                back = {(row.NEAR_FID, row.IN_FID): row.NEAR_DIST for row in table(b, NEAR=a, CLOSEST='ALL')}
                self.assertEqual(set(there), set(back))
                for key, value in there.items():
                    self.assertAlmostEqual(value, back[key], delta=1e-9, msg='%s %s %s' % (left, right, key))

    def test_same_distance_for_all_options(self):
        """A pair's distance has the same bits with any CLOSEST and RADIUS, and with the locations."""
        for left, right in (('Point', 'LineString'), ('LineString', 'Polygon'), ('Polygon', 'Polygon'), ('Point', 'Polygon'), ('Any', 'Any')):
            a, b, *_ = self.pair(left, right)
            whole = {(row.IN_FID, row.NEAR_FID): (row.NEAR_DIST, row.NEAR_RANK) for row in table(a, NEAR=b, CLOSEST='ALL')}
            for options in ({'CLOSEST': 1}, {'CLOSEST': 5}, {'CLOSEST': 17}, {'CLOSEST': 'ALL', 'RADIUS': 90}, {'CLOSEST': 5, 'LOCATION': True, 'ANGLE': True},
                            {'CLOSEST': 3, 'GEOMETRY': 'LINE'}, {'CLOSEST': 7, 'RADIUS': 70, 'NUM_WORKERS': 1}):
                for row in table(a, NEAR=b, **options):
                    self.assertEqual((row.NEAR_DIST, row.NEAR_RANK), whole[row.IN_FID, row.NEAR_FID], '%s %s %s' % (left, right, options))

    def test_locations_and_angles(self):
        for left in KINDS:
            for right in KINDS:
                with self.subTest(left=left, right=right):
                    a, b, in_fids, near_fids, inputs, nears = self.pair(left, right)
                    rows = table(a, NEAR=b, CLOSEST=4, LOCATION=True, ANGLE=True)
                    self.assertEqual(len(rows), 160)
                    by_in, by_near = {}, {}
                    for row in rows:
                        x, y = row.NEAR_X - row.FROM_X, row.NEAR_Y - row.FROM_Y
                        self.assertAlmostEqual(math.hypot(x, y), row.NEAR_DIST, delta=1e-9)
                        by_in.setdefault(row.IN_FID, []).append((row.FROM_X, row.FROM_Y))
                        by_near.setdefault(row.NEAR_FID, []).append((row.NEAR_X, row.NEAR_Y))
                        self.assertTrue(-180 < row.NEAR_ANGLE <= 180)
                        if row.NEAR_DIST == 0:
                            self.assertEqual((row.FROM_X, row.FROM_Y, row.NEAR_ANGLE), (row.NEAR_X, row.NEAR_Y, 0.0))
                            self.assertEqual(math.copysign(1, row.NEAR_ANGLE), 1)
                        elif row.NEAR_DIST > 1e-3:
                            turn = row.NEAR_ANGLE - math.degrees(math.atan2(y, x))
                            self.assertAlmostEqual((turn + 180) % 360 - 180, 0, delta=1e-6)
                    for fid, where in by_in.items():
                        self.assertLess(to_shape(where, inputs[fid - 1]).max(), 1e-9, 'FROM is not on input %d' % fid)
                    for fid, where in by_near.items():
                        self.assertLess(to_shape(where, nears[fid - 1]).max(), 1e-9, 'NEAR is not on feature %d' % fid)

    def test_along(self):
        for left in KINDS:
            for right in KINDS + ['Any']:
                a, b, in_fids, near_fids, inputs, nears = self.pair(left, right)
                for row in table(a, NEAR=b, CLOSEST=2, LOCATION=True, ALONG=True):
                    geometry = nears[row.NEAR_FID - 1]
                    if not Shape(geometry).only_lines:
                        self.assertIsNone(row.NEAR_ALONG, geometry[0])
                        continue
                    off, where = along(geometry, (row.NEAR_X, row.NEAR_Y))
                    self.assertLess(off, 1e-9)
                    if abs(row.NEAR_ALONG - where) > 1e-8:  # a line that crosses itself there has two answers
                        spots = [s for s in _all_alongs(geometry, (row.NEAR_X, row.NEAR_Y)) if abs(s - row.NEAR_ALONG) < 1e-8]
                        self.assertTrue(spots, '%s: along %r, not %r' % (geometry, row.NEAR_ALONG, where))

    def test_link_lines(self):
        for left, right in (('Point', 'LineString'), ('Polygon', 'Any'), ('LineString', 'Polygon')):
            a, b, *_ = self.pair(left, right)
            plain = table(a, NEAR=b, CLOSEST=3, LOCATION=True)
            for mode in ('LINE', 'FROM', 'NEAR', 'NONE'):
                dataset = near(a, NEAR=b, CLOSEST=3, GEOMETRY=mode)
                layer = dataset.GetLayer(0)
                self.assertEqual(names_of(layer), ['IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK'])
                kind = {'LINE': ogr.wkbLineString, 'FROM': ogr.wkbPoint, 'NEAR': ogr.wkbPoint, 'NONE': ogr.wkbNone}[mode]
                self.assertEqual(layer.GetGeomType(), kind)
                if mode == 'NONE':
                    self.assertIsNone(layer.GetSpatialRef())
                else:
                    self.assertEqual(layer.GetSpatialRef().GetAuthorityCode(None), str(UTM))
                layer.ResetReading()
                for row in plain:
                    feature = layer.GetNextFeature()
                    self.assertEqual((feature.GetField('IN_FID'), feature.GetField('NEAR_FID')), (row.IN_FID, row.NEAR_FID))
                    geometry = feature.GetGeometryRef()
                    if mode == 'NONE':
                        self.assertIsNone(geometry)
                        continue
                    got = [geometry.GetPoint_2D(i) for i in range(geometry.GetPointCount())]
                    ends = [(row.FROM_X, row.FROM_Y), (row.NEAR_X, row.NEAR_Y)]
                    self.assertEqual(got, {'LINE': ends, 'FROM': ends[:1], 'NEAR': ends[1:]}[mode])
                self.assertIsNone(layer.GetNextFeature())


def _all_alongs(geometry, spot):
    passed, result = 0.0, []
    for ax, ay, bx, by in np.concatenate([Shape(geometry).edges]):
        length = math.hypot(bx - ax, by - ay)
        t = 0 if length == 0 else min(1, max(0, ((spot[0] - ax) * (bx - ax) + (spot[1] - ay) * (by - ay)) / length**2))
        if math.hypot(ax + t * (bx - ax) - spot[0], ay + t * (by - ay) - spot[1]) < 1e-8:
            result.append(passed + t * length)
        passed += length
    return result


class ManyPoints(NearCase):
    """Enough points that the tree has levels and the table partitions; bits as from sqrt(dx*dx + dy*dy)."""
    @classmethod
    def prepare(cls):
        generator = rng('many points')
        cls.a_xy = np.concatenate([generator.uniform(0, 1e5, (900, 2)) + (5e5, 5e6), generator.normal(0, 30, (600, 2)) + (5.3e5, 5.02e6)])
        cls.b_xy = np.concatenate([generator.uniform(0, 1e5, (800, 2)) + (5e5, 5e6), generator.normal(0, 300, (700, 2)) + (5.3e5, 5.02e6)])
        cls.a = make(cls.path('a.gpkg'), points(cls.a_xy))
        cls.b = make(cls.path('b.gpkg'), points(cls.b_xy))
        dx, dy = cls.a_xy[:, None, 0] - cls.b_xy[None, :, 0], cls.a_xy[:, None, 1] - cls.b_xy[None, :, 1]
        cls.d = np.sqrt(dx * dx + dy * dy)
        cls.fids = list(range(1, 1501))

    def test_bits(self):
        for k, radius, least, options in ((1, np.inf, 0, {}), (5, np.inf, 0, {}), (16, np.inf, 0, {}), (17, np.inf, 0, {}), (40, 3000, 0, {}), (None, 1500, 0, {}),
                                          (None, 1500, 1000, {}), (3, np.inf, 700, {}), (1, 500, 100, {}), (2, np.inf, 0, {'LOCATION': True, 'ANGLE': True}),
                                          (5, np.inf, 0, {'NUM_WORKERS': 3, 'PARTITION_SIZE': 100}), (1, np.inf, 0, {'PARTITION_SIZE': 1})):
            with self.subTest(k=k, radius=radius, options=options):
                options = dict(options, CLOSEST=k or 'ALL')
                if radius < np.inf:
                    options['RADIUS'] = radius
                if least:
                    options['MIN_RADIUS'] = least
                rows = table(self.a, NEAR=self.b, **options)
                self.check(rows, self.fids, self.fids, self.d, k, radius, least, exact=True)
                for row in rows if 'LOCATION' in options else ():
                    self.assertEqual((row.FROM_X, row.FROM_Y), tuple(self.a_xy[row.IN_FID - 1]))
                    self.assertEqual((row.NEAR_X, row.NEAR_Y), tuple(self.b_xy[row.NEAR_FID - 1]))
                    want = math.degrees(math.atan2(row.NEAR_Y - row.FROM_Y, row.NEAR_X - row.FROM_X))
                    self.assertAlmostEqual(row.NEAR_ANGLE, want, delta=1e-11)

    def test_radius_is_inclusive_to_the_bit(self):
        nearest = self.d.min(1)
        for i in range(0, 1500, 150):
            r = float(nearest[i])
            where = 'fid = %d' % (i + 1)
            self.assertEqual(len(table(self.a, NEAR=self.b, WHERE=where, RADIUS=repr(r))), 1)
            self.assertEqual(len(table(self.a, NEAR=self.b, WHERE=where, RADIUS=repr(math.nextafter(r, 0) if hasattr(math, 'nextafter') else np.nextafter(r, 0)))), 0)
            self.assertEqual(table(self.a, NEAR=self.b, WHERE=where, MIN_RADIUS=repr(r))[0].NEAR_DIST, r)
            self.assertGreater(table(self.a, NEAR=self.b, WHERE=where, MIN_RADIUS=repr(float(np.nextafter(r, 1e9))))[0].NEAR_DIST, r)

    def test_self(self):
        allowed = masked_self(self.fids, self.fids)
        dx, dy = self.a_xy[:, None, 0] - self.a_xy[None, :, 0], self.a_xy[:, None, 1] - self.a_xy[None, :, 1]
        d = np.sqrt(dx * dx + dy * dy)
        for k in (1, 4):
            self.check(table(self.a, NEAR=self.a, CLOSEST=k), self.fids, self.fids, d, k, allowed=allowed, exact=True)
        self.check(table(self.a, NEAR=self.a, EXCLUDE_SELF='NO', CLOSEST=2), self.fids, self.fids, d, 2, exact=True)
        self.check(table(self.a, NEAR=self.b, EXCLUDE_SELF='YES', CLOSEST=2), self.fids, self.fids, self.d, 2, allowed=allowed, exact=True)
        self.check(table(self.a, NEAR_LAYER='a'), self.fids, self.fids, d, 1, allowed=allowed, exact=True)


class LongLines(NearCase):
    """Lines and polygons of very many vertices beside short ones, at the coordinates of UTM."""
    @classmethod
    def prepare(cls):
        generator = rng('long lines')
        walk = np.cumsum(generator.normal(0, 40, (3000, 2)), 0) + (5e5, 5e6)
        others = random_geometries(generator, 'LineString', 60, 6000, 300, 498000, 4998000)
        cls.lines = [('LineString', [tuple(p) for p in walk])] + others
        angles = np.linspace(0, 2 * np.pi, 1001)[:-1]
        radii = 2000 + 100 * generator.uniform(size=1000)
        ring = np.stack([5e5 + radii * np.cos(angles), 5e6 + radii * np.sin(angles)], 1)
        cls.polygons = [('Polygon', [[tuple(p) for p in np.concatenate([ring, ring[:1]])]])] + random_geometries(generator, 'Polygon', 60, 6000, 200, 498000, 4998000)
        cls.points = random_geometries(generator, 'Point', 80, 8000, 10, 496000, 4996000)
        cls.files = {name: make(cls.path(name + '.gpkg'), getattr(cls, name)) for name in ('lines', 'polygons', 'points')}

    def test_all(self):
        for left in ('points', 'lines', 'polygons'):
            for right in ('points', 'lines', 'polygons'):
                inputs, nears = getattr(self, left)[-40:], getattr(self, right)
                n, m = len(getattr(self, left)), len(nears)
                in_fids, near_fids = list(range(n - 39, n + 1)), list(range(1, m + 1))
                d = distance_matrix(inputs, nears)
                allowed = masked_self(in_fids, near_fids) if left == right else None
                for k in (1, 3):
                    rows = table(self.files[left], NEAR=self.files[right], CLOSEST=k, WHERE='fid > %d' % (n - 40), LOCATION=True)
                    self.check(rows, in_fids, near_fids, d, k, allowed=allowed, absolute=1e-8)
                    for row in rows[::7]:
                        self.assertLess(to_shape([(row.NEAR_X, row.NEAR_Y)], nears[row.NEAR_FID - 1])[0], 1e-8)

    def test_the_long_one_asks(self):
        for right in ('points', 'lines', 'polygons'):
            nears = getattr(self, right)
            for left in ('lines', 'polygons'):
                if left == right:
                    continue
                d = distance_matrix(getattr(self, left)[:1], nears)
                rows = table(self.files[left], NEAR=self.files[right], CLOSEST=10, WHERE='fid = 1')
                self.check(rows, [1], list(range(1, len(nears) + 1)), d, 10, absolute=1e-8)


class Ties(NearCase):
    def lattice(self, fids, side=15, shift=0.5):
        """Inputs in the middle of the cells of a lattice: four near features are equally far, in whole and half numbers."""
        xy = [(float(x), float(y)) for y in range(side) for x in range(side)]
        inputs = [(x + shift, y + shift) for x, y in xy]
        a = make(self.new('in.gpkg'), points(inputs))
        b = make(self.new('lattice.gpkg'), points(xy), fids)
        p, q = np.array(inputs), np.array(xy)
        d = np.sqrt((p[:, None, 0] - q[None, :, 0]) ** 2 + (p[:, None, 1] - q[None, :, 1]) ** 2)
        return a, b, list(range(1, len(inputs) + 1)), d

    def test_lattices(self):
        generator = rng('lattice')
        n = 225
        shuffled = [int(i) for i in generator.permutation(n) + 1]
        far = [int(i) for i in generator.permutation(n) * 1000003 + 2**31 - 112 * 1000003]
        negative = [int(i) - 300 for i in generator.permutation(n)]
        huge = [int(i) * 3 + 2 * 10**12 for i in generator.permutation(n)]
        mixed = [int(f) if f != -1 else 77777 for f in (generator.permutation(n) - 110) * (2**33 + 7)]
        self.assertTrue(min(far) < 2**31 < max(far))
        self.assertTrue(min(mixed) < -2**33 and max(mixed) > 2**33)
        for fids in (shuffled, far, negative, huge, mixed):
            a, b, in_fids, d = self.lattice(fids)
            for k, radius in ((1, np.inf), (4, np.inf), (3, np.inf), (5, np.inf), (9, np.inf), (None, 1.6)):
                options = {'CLOSEST': k or 'ALL'}
                if radius < np.inf:
                    options['RADIUS'] = radius
                rows = table(a, NEAR=b, **options)
                self.check(rows, in_fids, fids, d, k, radius, exact=True)
            # as input: in the order of the FIDs, which is a GeoPackage's
            order = np.argsort(np.array(fids, dtype=np.int64))
            self.check(table(b, NEAR=a, CLOSEST=4, NUM_WORKERS=3, PARTITION_SIZE=10), sorted(fids), in_fids, d.T[order], 4, exact=True)

    def test_radius_on_the_lattice(self):
        """Inclusive: 3-4-5 triangles lie at exactly 5."""
        fids = [int(i) for i in rng('345').permutation(400) + 1]
        a, b, in_fids, d = self.lattice(fids, 20, shift=0.0)
        rows = table(a, NEAR=b, CLOSEST='ALL', RADIUS=5)
        self.check(rows, in_fids, fids, d, None, 5, exact=True)
        self.assertTrue(any(row.NEAR_DIST == 5 for row in rows))
        rows = table(a, NEAR=b, CLOSEST='ALL', RADIUS=5, MIN_RADIUS=5)
        self.check(rows, in_fids, fids, d, None, 5, 5, exact=True)
        self.assertEqual({row.NEAR_DIST for row in rows}, {5.0})
        self.assertGreater(len(rows), 2000)

    def test_lines_on_the_lattice(self):
        """Equally far lines and polygons, axis-parallel, whole numbers."""
        generator = rng('line lattice')
        cells = [(10.0 * x, 10.0 * y) for y in range(8) for x in range(8)]
        shapes = {'LineString': [('LineString', [(x - 2, y), (x + 2, y)]) for x, y in cells],
                  'Polygon': [('Polygon', [[(x - 2, y - 2), (x + 2, y - 2), (x + 2, y + 2), (x - 2, y + 2), (x - 2, y - 2)]]) for x, y in cells]}
        inputs = {'Point': [('Point', (x + 5, y + 5)) for x, y in cells],
                  'LineString': [('LineString', [(x + 4, y + 5), (x + 6, y + 5)]) for x, y in cells],
                  'Polygon': [('Polygon', [[(x + 4, y + 4), (x + 6, y + 4), (x + 6, y + 6), (x + 4, y + 6), (x + 4, y + 4)]]) for x, y in cells]}
        fids = [int(i) for i in (generator.permutation(64) - 20) * 10 + 5]
        for right, nears in shapes.items():
            for left, queries in inputs.items():
                a, b = make(self.new('a.gpkg'), queries), make(self.new('b.gpkg'), nears, fids)
                d = distance_matrix(queries, nears)
                for k in (1, 2, 4, 6):
                    rows = table(a, NEAR=b, CLOSEST=k)
                    self.check(rows, list(range(1, 65)), fids, d, k, exact=True)

    def test_many_at_zero(self):
        """More overlapping and identical features than CLOSEST asks for: the smallest FIDs."""
        generator = rng('zeros')
        fids = [int(i) for i in generator.permutation(300) + 1]
        square = ('Polygon', [[(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0), (0.0, 0.0)]])
        for nears in ([('Point', (50.0, 50.0))] * 300, [square] * 300, [('LineString', [(0.0, 50.0), (100.0, 50.0)])] * 300):
            b = make(self.new('b.gpkg'), nears, fids)
            for query in (('Point', (50.0, 50.0)), square, ('LineString', [(50.0, 0.0), (50.0, 50.0), (50.0, 100.0)])):
                a = make(self.new('a.gpkg'), [query])
                for k in (1, 7, 300, 500):
                    self.assertEqual(brief(table(a, NEAR=b, CLOSEST=k)), [(1, i + 1, 0.0, i + 1) for i in range(min(k, 300))])

    def test_by_layer_first(self):
        """At the same distance the order of the near layers decides, not the FID."""
        a = make(self.new('a.gpkg'), points([(0, 0)]))
        b = make(self.new('b.gpkg'), points([(3, 4), (5, 0), (1, 1)]), [100, 200, 300])
        c = make(self.new('c.gpkg'), points([(4, 3), (0, 5), (0, -5)]), [1, 150, 400])
        for names, want in (([b, c], [(0, 300), (0, 100), (0, 200), (1, 1), (1, 150), (1, 400)]), ([c, b], [(1, 300), (0, 1), (0, 150), (0, 400), (1, 100), (1, 200)])):
            rows = table(a, NEAR=names, CLOSEST='ALL')
            self.assertEqual([(names.index(row.NEAR_FC), row.NEAR_FID) for row in rows], want)
            self.assertEqual([(names.index(row.NEAR_FC), row.NEAR_FID) for row in table(a, NEAR=names, CLOSEST=2)], want[:2])


class Self(NearCase):
    @classmethod
    def prepare(cls):
        xy = [(0, 0), (10, 0), (10, 0), (10, 0), (0, 7), (0, 0)]
        cls.a = make(cls.path('a.gpkg'), points(xy), [5, 1, -7, 2**40, 9, 6], layer='wells', fields={'g': ['x', 'x', 'y', 'y', 'x', 'y']})
        make(cls.a, points([(0, 1), (10, 1)]), [5, 77], layer='other', append=True)

    def test_duplicates_stay(self):
        rows = table(self.a, LAYER='wells', NEAR=self.a, NEAR_LAYER='wells')
        self.assertEqual(brief(rows), [(-7, 1, 0.0, 1), (1, -7, 0.0, 1), (5, 6, 0.0, 1), (6, 5, 0.0, 1), (9, 5, 7.0, 1), (2**40, -7, 0.0, 1)])

    def test_no(self):
        rows = table(self.a, LAYER='wells', NEAR=self.a, NEAR_LAYER='wells', EXCLUDE_SELF='NO')
        self.assertEqual(brief(rows), [(-7, -7, 0.0, 1), (1, -7, 0.0, 1), (5, 5, 0.0, 1), (6, 5, 0.0, 1), (9, 9, 0.0, 1), (2**40, -7, 0.0, 1)])

    def test_another_layer_of_the_same_file(self):
        rows = table(self.a, LAYER='wells', NEAR=self.a, NEAR_LAYER='other')
        self.assertEqual(brief(rows)[2], (5, 5, 1.0, 1), 'the same FID in another layer is another feature')
        rows = table(self.a, LAYER='wells', NEAR=self.a, NEAR_LAYER='other', EXCLUDE_SELF='YES')
        self.assertEqual(brief(rows)[2], (5, 77, math.sqrt(101), 1))

    def test_one_of_two_layers(self):
        """Only in the input layer itself: the other layer's feature 5 stays."""
        rows = table(self.a, LAYER='wells', NEAR=self.a, NEAR_LAYER=['other', 'wells'], CLOSEST=2, WHERE='fid = 5')
        self.assertEqual([(row.NEAR_FID, row.NEAR_FC.rsplit(':', 1)[1]) for row in rows], [(6, 'wells'), (5, 'other')])

    def test_same_file_by_other_names(self):
        """A relative path, a symbolic link's target is another name: at least the same file by a path with dots is itself."""
        folder, name = os.path.split(self.a)
        other = os.path.join(folder, '.', name)
        rows = table(self.a, LAYER='wells', NEAR=other, NEAR_LAYER='wells', WHERE='fid = 9')
        self.assertEqual(brief(rows), [(9, 5, 7.0, 1)])

    def test_alone(self):
        """A layer of one feature has no neighbour but itself."""
        one = make(self.new('one.gpkg'), points([(1, 2)]))
        self.assertEqual(table(one, NEAR=one), [])
        self.assertEqual(brief(table(one, NEAR=one, UNMATCHED='NULL')), [(1, -1, None, None)])
        self.assertEqual(brief(table(one, NEAR=one, EXCLUDE_SELF='NO')), [(1, 1, 0.0, 1)])


class Match(NearCase):
    @classmethod
    def prepare(cls):
        generator = rng('match')
        n = 200
        cls.n = n
        cls.xy = generator.uniform(0, 100, (2, n, 2))
        cls.numbers = generator.integers(0, 6, (2, n))
        cls.texts = [[None if generator.random() < 0.1 else 'abc'[generator.integers(0, 3)] for _ in range(n)] for _ in range(2)]
        cls.a = make(cls.path('a.gpkg'), points(cls.xy[0]), fields={
            'n': map(int, cls.numbers[0]), 't': cls.texts[0], 'r': [float(v) for v in cls.numbers[0]], 'd': [str(v) for v in cls.numbers[0]]})
        cls.b = make(cls.path('b.gpkg'), points(cls.xy[1]), fields={
            'm': map(int, cls.numbers[1]), 't': cls.texts[1], ('i', ogr.OFTInteger): map(int, cls.numbers[1]), 'half': [v + 0.5 for v in map(float, cls.numbers[1])],
            'e': [str(v) for v in cls.numbers[1]]})
        p, q = cls.xy
        cls.d = np.sqrt((p[:, None, 0] - q[None, :, 0]) ** 2 + (p[:, None, 1] - q[None, :, 1]) ** 2)
        cls.fids = list(range(1, n + 1))
        cls.same_number = cls.numbers[0][:, None] == cls.numbers[1][None]
        cls.same_text = np.array([[s is not None and s == t for t in cls.texts[1]] for s in cls.texts[0]])

    def test_pairs(self):
        for match, allowed in (('n=m', self.same_number), ('t=t', self.same_text), ('t', self.same_text), ('r=m', self.same_number), ('n=i', self.same_number),
                               ('n=m,t=t', self.same_number & self.same_text), ('t,n=m', self.same_number & self.same_text), ('d=e', self.same_number)):
            for k, radius in ((1, np.inf), (3, np.inf), (None, 12.0), (None, np.inf), (2, 8.0)):
                with self.subTest(match=match, k=k, radius=radius):
                    options = {'CLOSEST': k or 'ALL', 'MATCH': match}
                    if radius < np.inf:
                        options['RADIUS'] = radius
                    for unmatched in ('DROP', 'NULL'):
                        rows = table(self.a, NEAR=self.b, UNMATCHED=unmatched, **options)
                        self.check(rows, self.fids, self.fids, self.d, k, radius, allowed=allowed, exact=True, unmatched=unmatched == 'NULL')
                        self.assertTrue(rows)

    def test_nothing_matches(self):
        self.assertEqual(table(self.a, NEAR=self.b, MATCH='n=half'), [])
        rows = table(self.a, NEAR=self.b, MATCH='n=half', UNMATCHED='NULL')
        self.assertEqual([(row.IN_FID, row.NEAR_FID, row.NEAR_DIST) for row in rows], [(fid, -1, None) for fid in self.fids])

    def test_null_is_no_group(self):
        """NULL equals nothing, not even NULL."""
        rows = table(self.a, NEAR=self.b, MATCH='t')
        self.assertEqual({row.IN_FID for row in rows}, {fid for fid, text in zip(self.fids, self.texts[0]) if text is not None})

    def test_within_one_layer(self):
        a = make(self.new('a.gpkg'), points([(0, 0), (1, 0), (2, 0), (5, 0)]), fields={'g': ['x', 'y', 'x', 'y']})
        self.assertEqual(brief(table(a, NEAR=a, MATCH='g')), [(1, 3, 2.0, 1), (2, 4, 4.0, 1), (3, 1, 2.0, 1), (4, 2, 4.0, 1)])

    def test_numbers_are_numbers(self):
        """2**53 and its neighbour differ; 1 is 1.0; text 1 is not text 1.0, nor '01'."""
        a = make(self.new('a.gpkg'), points([(0, 0), (0, 1), (0, 2)]), fields={'n': [2**53 + 1, 1, -3], 't': ['1', '01', '1.0']})
        b = make(self.new('b.gpkg'), points([(1, 0), (2, 0), (3, 0)]), fields={'n': [2**53, 2**53 + 1, 1], 'r': [1.0, -3.0, 2.5], 't': ['1.0', '1', 'x']})
        self.assertEqual(pairs(table(a, NEAR=b, MATCH='n')), [(1, 2), (2, 3)])
        self.assertEqual(pairs(table(a, NEAR=b, MATCH='n=r')), [(2, 1), (3, 2)])
        self.assertEqual(pairs(table(a, NEAR=b, MATCH='t')), [(1, 2), (3, 1)])

    def test_case_of_text_and_length(self):
        a = make(self.new('a.gpkg'), points([(0, 0)] * 4), fields={'t': ['A', 'a', '', 'x' * 5000]})
        b = make(self.new('b.gpkg'), points([(1, 0)] * 4), fields={'t': ['a', 'A ', '', 'x' * 5000]})
        self.assertEqual(pairs(table(a, NEAR=b, MATCH='t')), [(2, 1), (3, 3), (4, 4)])

    def test_pairs_do_not_run_together(self):
        a = make(self.new('a.gpkg'), points([(0, 0)]), fields={'s': ['ab'], 't': ['c']})
        b = make(self.new('b.gpkg'), points([(1, 0), (2, 0)]), fields={'s': ['a', 'ab'], 't': ['bc', 'c']})
        self.assertEqual(pairs(table(a, NEAR=b, MATCH='s,t')), [(1, 2)])

    def test_lines_and_polygons(self):
        generator = rng('match lines')
        for kind in ('LineString', 'Polygon', 'Any'):
            inputs, nears = random_geometries(generator, kind, 50, 300, 20), random_geometries(generator, kind, 70, 300, 20)
            g, h = generator.integers(0, 4, 50), generator.integers(0, 4, 70)
            a = make(self.new('a.gpkg'), inputs, fields={'g': map(int, g)})
            b = make(self.new('b.gpkg'), nears, fields={'h': map(int, h)})
            d = distance_matrix(inputs, nears)
            for k, radius in ((1, np.inf), (3, np.inf), (None, 40.0)):
                options = {'RADIUS': radius} if radius < np.inf else {}
                rows = table(a, NEAR=b, MATCH='g=h', CLOSEST=k or 'ALL', **options)
                self.check(rows, list(range(1, 51)), list(range(1, 71)), d, k, radius, allowed=g[:, None] == h[None])


class Layers(NearCase):
    """Several near layers."""
    @classmethod
    def prepare(cls):
        generator = rng('layers')
        cls.inputs = random_geometries(generator, 'Any', 50, 300, 15)
        cls.nears = [random_geometries(generator, kind, 30, 300, 15) for kind in ('Point', 'LineString', 'Polygon')]
        cls.a = make(cls.path('a.gpkg'), cls.inputs)
        cls.single = [make(cls.path('b%d.gpkg' % i), nears, layer='layer%d' % i, fields={'v': range(30), 'only%d' % i: range(30)}) for i, nears in enumerate(cls.nears)]
        cls.all = cls.path('all.gpkg')
        for i, nears in enumerate(cls.nears):
            make(cls.all, nears, layer='layer%d' % i, append=i > 0)
        cls.d = np.concatenate([distance_matrix(cls.inputs, nears) for nears in cls.nears], 1)
        cls.keys = [(i, fid) for i in range(3) for fid in range(1, 31)]
        cls.fids = list(range(1, 51))

    def checked(self, rows, names, order=(0, 1, 2), k=3):
        keys = [(order.index(layer), fid) for layer, fid in self.keys if layer in order]
        columns = [j for j, (layer, fid) in enumerate(self.keys) if layer in order]
        self.check(rows, self.fids, keys, self.d[:, columns], k, layers=names)

    def test_repeated(self):
        self.checked(table(self.a, NEAR=self.single, CLOSEST=3), self.single)
        self.checked(table(self.a, NEAR=self.single[::-1], CLOSEST=3), self.single[::-1], (2, 1, 0))
        self.checked(table(self.a, NEAR=self.single[:2], CLOSEST='ALL'), self.single[:2], (0, 1), None)

    def test_semicolons(self):
        self.assertEqual(brief(table(self.a, NEAR=';'.join(self.single), CLOSEST=3)), brief(table(self.a, NEAR=self.single, CLOSEST=3)))

    def test_layers_of_one(self):
        names = ['%s:layer%d' % (self.all, i) for i in range(3)]
        self.checked(table(self.a, NEAR=self.all, NEAR_LAYER=['layer0', 'layer1', 'layer2'], CLOSEST=3), names)
        self.checked(table(self.a, NEAR=self.all, NEAR_LAYER=['layer2', 'layer0'], CLOSEST=3), [names[2], names[0]], (2, 0))
        self.assertEqual(brief(table(self.a, NEAR=self.all, NEAR_LAYER='layer1;layer2', CLOSEST=3)),
                         brief(table(self.a, NEAR=self.all, NEAR_LAYER=['layer1', 'layer2'], CLOSEST=3)))

    def test_only_one(self):
        """One near layer: no NEAR_FC."""
        dataset = near(self.a, NEAR=self.all, NEAR_LAYER='layer1')
        layer = dataset.GetLayer(0)
        self.assertEqual(names_of(layer), ['IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK'])

    def test_columns(self):
        dataset = near(self.a, NEAR=self.single, LOCATION=True, ANGLE=True, ALONG=True)
        layer = dataset.GetLayer(0)
        self.assertEqual(names_of(layer), ['IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK', 'FROM_X', 'FROM_Y', 'NEAR_X', 'NEAR_Y', 'NEAR_ANGLE', 'NEAR_ALONG', 'NEAR_FC'])
        definition = layer.GetLayerDefn()
        self.assertEqual([definition.GetFieldDefn(i).GetType() for i in range(11)],
                         [ogr.OFTInteger64, ogr.OFTInteger64, ogr.OFTReal, ogr.OFTInteger] + [ogr.OFTReal] * 6 + [ogr.OFTString])

    def test_near_where_for_each(self):
        rows = table(self.a, NEAR=self.single, NEAR_WHERE=['fid <= 10', 'fid > 25', 'v = 3'], CLOSEST='ALL')
        self.assertEqual(len(rows), 50 * (10 + 5 + 1))
        rows = table(self.a, NEAR=self.single, NEAR_WHERE='v < 4', CLOSEST='ALL')
        self.assertEqual(len(rows), 50 * 12)

    def test_near_fields_of_several(self):
        rows = table(self.a, NEAR=self.single[:2], NEAR_FIELDS='v', CLOSEST=2)
        for row in rows:
            self.assertEqual(row.v, row.NEAR_FID - 1)


class Unmatched(NearCase):
    @classmethod
    def prepare(cls):
        cls.a = make(cls.path('a.gpkg'), [*points([(0, 0), (100, 0)]), None, 'POINT EMPTY', *points([(200, 0)])], fields={'name': list('abcde')}, layer='in')
        cls.b = make(cls.path('b.gpkg'), points([(0, 3), (200, 4)]), fields={'size': [1.5, None]}, layer='near')

    def test_drop(self):
        self.assertEqual(brief(table(self.a, NEAR=self.b, RADIUS=10)), [(1, 1, 3.0, 1), (5, 2, 4.0, 1)])
        self.assertEqual(pairs(table(self.a, NEAR=self.b)), [(1, 1), (2, 1), (5, 2)])

    def test_null(self):
        rows = table(self.a, NEAR=[self.b, self.b], RADIUS=10, CLOSEST=1, UNMATCHED='NULL', LOCATION=True, ANGLE=True, ALONG=True, FIELDS='name', NEAR_FIELDS='size', GEOMETRY='LINE')
        self.assertEqual([(row.IN_FID, row.NEAR_FID, row.NEAR_DIST, row.name, row.size) for row in rows],
                         [(1, 1, 3.0, 'a', 1.5), (2, -1, None, 'b', None), (3, -1, None, 'c', None), (4, -1, None, 'd', None), (5, 2, 4.0, 'e', None)])
        for row in rows:
            if row.NEAR_FID == -1:
                self.assertEqual((row.NEAR_RANK, row.NEAR_X, row.NEAR_Y, row.NEAR_ANGLE, row.NEAR_ALONG, row.NEAR_FC, row.geometry), (None,) * 7)
        self.assertEqual([row.row for row in rows], [1, 2, 3, 4, 5])

    def test_nothing_near(self):
        empty = make(self.new('none.gpkg'), [])
        self.assertEqual(table(self.a, NEAR=empty), [])
        self.assertEqual(brief(table(self.a, NEAR=empty, UNMATCHED='NULL')), [(fid, -1, None, None) for fid in range(1, 6)])
        self.assertEqual(table(empty, NEAR=self.b), [])
        self.assertEqual(table(empty, NEAR=self.b, UNMATCHED='NULL'), [])
        self.assertEqual(table(empty, NEAR=empty, CLOSEST='ALL'), [])


class Fields(NearCase):
    ALL = {('i', ogr.OFTInteger): [-2147483648, None, 7], ('l', ogr.OFTInteger64): [2**62 + 1, -2**62, None], ('r', ogr.OFTReal): [0.1, None, -1e300],
           ('s', ogr.OFTString): ['Grüße 日本', '', None], ('d', ogr.OFTDate): ['2024/02/29', None, '1066/10/14'],
           ('dt', ogr.OFTDateTime): ['2024/02/29 12:34:56.789+00', None, '1999/12/31 23:59:59'], ('b', ogr.OFTBinary): [b'\0\1\xff', None, b'x' * 3000]}

    @classmethod
    def prepare(cls):
        cls.a = make(cls.path('a.gpkg'), points([(0, 0), (10, 0), (20, 0)]), fields=cls.ALL, layer='in')
        cls.b = make(cls.path('b.gpkg'), points([(0, 1), (10, 1), (20, 1)]), fields={(name + '2', kind): values for (name, kind), values in cls.ALL.items()}, layer='near')

    def source(self, path):
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
        return rows_of(dataset.GetLayer(0))

    def test_every_type(self):
        names = [name for name, _ in self.ALL]
        dataset = near(self.a, NEAR=self.b, FIELDS='*', NEAR_FIELDS='*')
        layer = dataset.GetLayer(0)
        self.assertEqual(names_of(layer)[4:], names + [name + '2' for name in names])
        definition = layer.GetLayerDefn()
        self.assertEqual([definition.GetFieldDefn(i + 4).GetType() for i in range(14)], [kind for _, kind in self.ALL] * 2)
        a, b = self.source(self.a), self.source(self.b)
        for row, left, right in zip(rows_of(layer), a, b):
            for name in names:
                self.assertEqual(getattr(row, name), getattr(left, name), name)
                self.assertEqual(getattr(row, name + '2'), getattr(right, name + '2'), name)

    def test_selection_and_order(self):
        dataset = near(self.a, NEAR=self.b, FIELDS='s,i', NEAR_FIELDS='r2')
        self.assertEqual(names_of(dataset.GetLayer(0))[4:], ['s', 'i', 'r2'])

    def test_lists_and_subtypes(self):
        """Lists, times and subtypes, from a GeoJSON or memory dataset."""
        name = self.new('lists.geojson')
        with open(name, 'w') as f:
            f.write('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"li": [1, 2], "lr": [1.5, 2], "ls": ["a", "b"], "yes": true, '
                    '"t": "12:34:56"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}, {"type": "Feature", "properties": {"li": null, "lr": [0.5], '
                    '"ls": [], "yes": null, "t": null}, "geometry": {"type": "Point", "coordinates": [3, 2]}}]}')
        dataset = near(name, NEAR=name, FIELDS='*', NEAR_FIELDS='*')
        layer = dataset.GetLayer(0)
        source = gdal.OpenEx(name, gdal.OF_VECTOR)
        defn, want = layer.GetLayerDefn(), source.GetLayer(0).GetLayerDefn()
        for i in range(want.GetFieldCount()):
            for j in (4 + i, 4 + want.GetFieldCount() + i):
                self.assertEqual(defn.GetFieldDefn(j).GetType(), want.GetFieldDefn(i).GetType())
                self.assertEqual(defn.GetFieldDefn(j).GetSubType(), want.GetFieldDefn(i).GetSubType())
        rows, originals = rows_of(layer), rows_of(source.GetLayer(0))
        for i, row in enumerate(rows):
            for field in ('li', 'lr', 'ls', 'yes', 't'):
                self.assertEqual(getattr(row, field), getattr(originals[i], field), field)
                self.assertEqual(getattr(row, 'NEAR_' + field), getattr(originals[1 - i], field), field)

    def test_taken_names(self):
        a = make(self.new('a.gpkg'), points([(0, 0)]), fields={'NEAR_DIST': [1.0], 'x': ['in'], 'in_fid': [2]}, layer='in')
        b = make(self.new('b.gpkg'), points([(0, 1)]), fields={'NEAR_DIST': [3.0], 'X': ['near'], 'IN_FID': [4]}, layer='near')
        rows = table(a, NEAR=b, FIELDS='*', NEAR_FIELDS='*')
        self.assertEqual(len(rows), 1)
        names = [name for name in vars(rows[0]) if name not in ('row', 'geometry')]
        self.assertEqual(len({name.lower() for name in names}), 10, names)
        self.assertEqual(names[:4], ['IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK'])
        self.assertEqual([getattr(rows[0], name) for name in names[4:]], [1.0, 'in', 2, 3.0, 'near', 4])
        self.assertEqual(names[4:6], ['IN_NEAR_DIST', 'x'])
        self.assertEqual(names[8], 'NEAR_X')

    def test_where_on_a_field_that_is_not_carried(self):
        self.assertEqual(pairs(table(self.a, NEAR=self.b, WHERE='i = 7', NEAR_WHERE='r2 < 0', FIELDS='s')), [(3, 3)])

    def test_carried_fields_with_match_and_partitions(self):
        generator = rng('carried')
        n = 3000
        xy = generator.uniform(0, 1000, (2, n, 2))
        g = [int(v) for v in generator.integers(0, 50, n)]
        a = make(self.new('a.gpkg'), points(xy[0]), fields={'g': g, 'name': ['in %d' % i for i in range(n)]})
        b = make(self.new('b.gpkg'), points(xy[1]), fields={'g': g[::-1], 'label': ['near %d' % i for i in range(n)]})
        rows = table(a, NEAR=b, MATCH='g', FIELDS='name', NEAR_FIELDS='label,g', CLOSEST=2, PARTITION_SIZE=100, NUM_WORKERS=3)
        self.assertGreater(len(rows), n)
        for row in rows:
            self.assertEqual((row.name, row.label, row.g), ('in %d' % (row.IN_FID - 1), 'near %d' % (row.NEAR_FID - 1), g[row.IN_FID - 1]))


class Units(NearCase):
    METRES = {'mm': 0.001, 'cm': 0.01, 'm': 1, 'km': 1000, 'in': 0.0254, 'ft': 0.3048, 'us-ft': 1200 / 3937, 'yd': 0.9144, 'mi': 1609.344, 'nmi': 1852}

    @classmethod
    def prepare(cls):
        cls.near_points = points([(0, 1000), (0, 3000), (0, 10000)])
        cls.files = {}
        for epsg in (UTM, 2263, None):  # metres, US survey feet, none
            cls.files[epsg] = make(cls.path('a%s.gpkg' % epsg), points([(0, 0)]), epsg=epsg), make(cls.path('b%s.gpkg' % epsg), cls.near_points, epsg=epsg)

    def test_distance_unit(self):
        a, b = self.files[UTM]
        for unit, metres in self.METRES.items():
            for name in (unit, unit.upper(), ' ' + unit):
                row, = table(a, NEAR=b, DISTANCE_UNIT=name.strip())
                self.assertAlmostEqual(row.NEAR_DIST * metres, 1000, delta=1e-9)
        a, b = self.files[2263]
        row, = table(a, NEAR=b)
        self.assertEqual(row.NEAR_DIST, 1000.0)
        row, = table(a, NEAR=b, DISTANCE_UNIT='m')
        self.assertAlmostEqual(row.NEAR_DIST, 1000 * 1200 / 3937, delta=1e-9)

    def test_radius(self):
        for epsg, unit in ((UTM, 1.0), (2263, 1200 / 3937)):
            a, b = self.files[epsg]
            for name, metres in self.METRES.items():
                for text, word in (('%.15g%s', name), ('%.15g %s', name), ('%.15g%s', name.upper())):
                    more, less = (text % (d * unit / metres, word) for d in (3000.001, 2999.999))
                    self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', RADIUS=more)), 2, more)
                    self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', RADIUS=less)), 1, less)
                    self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', MIN_RADIUS=more)), 1, more)
            self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', RADIUS='3000')), 2, 'units of the CRS')
            self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', RADIUS='3e3')), 2)
        a, b = self.files[UTM]
        for text in ('3000m', '3 km', '3km', '3000 M'):
            self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', RADIUS=text)), 2, text)

    def test_unit_of_along(self):
        line = make(self.new('line.gpkg'), [('LineString', [(0.0, 0.0), (5000.0, 0.0)])])
        a = make(self.new('a.gpkg'), points([(2000, 500)]))
        row, = table(a, NEAR=line, ALONG=True, DISTANCE_UNIT='km', LOCATION=True)
        self.assertEqual((row.NEAR_DIST, row.NEAR_ALONG), (0.5, 2.0))
        self.assertEqual((row.NEAR_X, row.NEAR_Y), (2000, 0), 'locations stay in the units of the CRS')

    def test_radius_zero(self):
        """Radius 0: what touches."""
        a = make(self.new('a.gpkg'), points([(0, 0), (1, 0)]))
        self.assertEqual(brief(table(a, NEAR=a, EXCLUDE_SELF='NO', CLOSEST='ALL', RADIUS=0)), [(1, 1, 0.0, 1), (2, 2, 0.0, 1)])

    def test_degrees(self):
        a, b = make(self.new('a.gpkg'), points([(10, 50)]), epsg=4326), make(self.new('b.gpkg'), points([(10, 51), (10, 52), (10, 53)]), epsg=4326)
        with listening() as said:
            rows = table(a, NEAR=b, METHOD='PLANAR', CLOSEST='ALL', RADIUS='2deg')
        self.assertEqual([row.NEAR_DIST for row in rows], [1.0, 2.0])
        self.assertTrue(any('degree' in text.lower() for text in said.warnings()), said.seen)
        self.assertEqual(len(table(a, NEAR=b, METHOD='PLANAR', CLOSEST='ALL', RADIUS='2')), 2)
        rows = table(a, NEAR=b, METHOD='PLANAR', DISTANCE_UNIT='deg')
        self.assertEqual(rows[0].NEAR_DIST, 1.0)


class Filters(NearCase):
    @classmethod
    def prepare(cls):
        generator = rng('filters')
        cls.xy = generator.uniform(0, 100, (2, 300, 2))
        cls.a = make(cls.path('a.gpkg'), points(cls.xy[0]), fields={'v': range(300)}, layer='places')
        cls.b = make(cls.path('b.gpkg'), points(cls.xy[1]), fields={'w': range(300)})
        p, q = cls.xy
        cls.d = np.sqrt((p[:, None, 0] - q[None, :, 0]) ** 2 + (p[:, None, 1] - q[None, :, 1]) ** 2)
        cls.fids = list(range(1, 301))

    def test_where(self):
        keep = [i for i in range(300) if i % 7 == 3]
        rows = table(self.a, NEAR=self.b, WHERE='v % 7 = 3', CLOSEST=2)
        self.check(rows, [i + 1 for i in keep], self.fids, self.d[keep], 2, exact=True)

    def test_near_where(self):
        keep = [i for i in range(300) if i >= 200]
        rows = table(self.a, NEAR=self.b, NEAR_WHERE='w >= 200', CLOSEST=2)
        self.check(rows, self.fids, [i + 1 for i in keep], self.d[:, keep], 2, exact=True)

    def test_name(self):
        dataset = near(self.a, NEAR=self.b)
        self.assertEqual(dataset.GetLayerCount(), 1)
        self.assertEqual(dataset.GetLayer(0).GetName(), 'places_near')
        self.assertIsNotNone(dataset.GetLayerByName('places_near'))

    def test_filter_on_the_table(self):
        dataset = near(self.a, NEAR=self.b, CLOSEST=3)
        layer = dataset.GetLayer(0)
        whole = rows_of(layer)
        layer.SetAttributeFilter('NEAR_RANK = 2 AND NEAR_DIST > 3')
        want = [row for row in whole if row.NEAR_RANK == 2 and row.NEAR_DIST > 3]
        self.assertTrue(0 < len(want) < 300)
        self.assertEqual([vars(row) for row in rows_of(layer)], [vars(row) for row in want])
        self.assertEqual(layer.GetFeatureCount(), len(want))
        layer.SetAttributeFilter(None)
        self.assertEqual(layer.GetFeatureCount(), 900)
        self.assertEqual(brief(rows_of(layer)), brief(whole))

    def test_spatial_filter(self):
        dataset = near(self.a, NEAR=self.b, GEOMETRY='FROM')
        layer = dataset.GetLayer(0)
        layer.SetSpatialFilterRect(0, 0, 50, 50)
        inside = [i + 1 for i, (x, y) in enumerate(self.xy[0]) if x <= 50 and y <= 50]
        self.assertEqual([row.IN_FID for row in rows_of(layer)], inside)
        self.assertEqual(layer.GetFeatureCount(), len(inside))

    def test_sql(self):
        dataset = near(self.a, NEAR=self.b, CLOSEST=3)
        result = dataset.ExecuteSQL('SELECT NEAR_RANK, COUNT(*) AS n, MAX(NEAR_DIST) AS d FROM places_near GROUP BY NEAR_RANK', dialect='SQLITE')
        got = {row.NEAR_RANK: (row.n, row.d) for row in rows_of(result)}
        dataset.ReleaseResultSet(result)
        ordered = np.sort(self.d, 1)
        self.assertEqual(got, {k + 1: (300, ordered[:, k].max()) for k in range(3)})

    def test_crs(self):
        """The near side is transformed to the input's CRS, vertex by vertex."""
        from near_common import srs_of
        from osgeo import osr
        p = [(500000 + 1000 * x, 5000000 + 1000 * y) for x, y in self.xy[0][:50]]
        q = [(500000 + 1000 * x, 5000000 + 1000 * y) for x, y in self.xy[1][:50]]
        a = make(self.new('a.gpkg'), points(p))
        shift = osr.CoordinateTransformation(srs_of(UTM), srs_of(4326))
        lonlat = [shift.TransformPoint(x, y)[:2] for x, y in q]
        b = make(self.new('b.gpkg'), points(lonlat), epsg=4326)
        self.assertTrue(all(8 < lon < 12 for lon, lat in lonlat))
        d = distance_matrix([('Point', xy) for xy in p], [('Point', xy) for xy in q])
        with listening() as said:
            gdal.SetConfigOption('CPL_DEBUG', 'FISHNET')
            rows = table(a, NEAR=b, CLOSEST=3, LOCATION=True)
            gdal.SetConfigOption('CPL_DEBUG', None)
        self.check(rows, list(range(1, 51)), list(range(1, 51)), d, 3, absolute=1e-3)
        self.assertTrue(any('transform' in text.lower() or 'project' in text.lower() for text in said.debugs()), said.debugs()[:20])

    def test_crs_on_one_side_only(self):
        none = make(self.new('none.shp'), points(self.xy[1]), epsg=None, kind=ogr.wkbPoint)
        for a, b in ((self.a, none), (none, self.b)):
            with listening() as said:
                rows = table(a, NEAR=b)
            self.assertEqual(len(rows), 300)
            self.assertEqual(len(said.warnings()), 1)
            self.assertIn('CRS', said.warnings()[0])

    def test_undefined_crs(self):
        """A GeoPackage without CRS has an 'Undefined geographic SRS' (or 'Undefined Cartesian SRS'), which is none."""
        for undefined in (None, 'LOCAL_CS["Undefined Cartesian SRS"]'):
            none = make(self.new('none.gpkg'), points(self.xy[0]), epsg=undefined)
            with listening() as said:
                rows = table(none, NEAR=self.b)
            self.check(rows, self.fids, self.fids, self.d, exact=True)
            self.assertEqual(len(said.warnings()), 1, said.seen)
            none_too = make(self.new('none.gpkg'), points(self.xy[1]), epsg=undefined)
            with listening() as said:
                rows = table(none, NEAR=none_too)
            self.check(rows, self.fids, self.fids, self.d, exact=True)
            with listening() as said:
                rows = table(self.a, NEAR=none_too)
            self.check(rows, self.fids, self.fids, self.d, exact=True)
            self.assertEqual(len(said.warnings()), 1, said.seen)


if __name__ == '__main__':
    unittest.main()
