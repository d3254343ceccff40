"""What broke in GEOS and in other tools that make near tables, each as a property of ours. The numbers are those of the list that this
driver was designed against; tools are named where they stumbled."""
import math
import os
import struct
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr, osr

from near_brute import Geodesic, distance_matrix, random_geometries
from near_common import UTM, NearCase, brief, good, listening, make, near, oo, pairs, points, rng, rows_of, run, srs_of, table

SQUARE = 'POLYGON((0 0,10 0,10 10,0 10,0 0))'


class Traps(NearCase):
    def one(self, left, right, **options):
        """The single row of two single features."""
        a, b = make(self.new('a.gpkg'), [left]), make(self.new('b.gpkg'), [right])
        options.setdefault('LOCATION', True)
        options.setdefault('ANGLE', True)
        rows = table(a, NEAR=b, **options)
        self.assertEqual(len(rows), 1, (left, right))
        return rows[0]

    def test_trap_01_empty_geometries(self):
        """GEOS 3.11 crashes on them, or finds them at distance 0. Every kind of empty, on both sides, beside every kind of geometry."""
        empties = ['POINT EMPTY', 'LINESTRING EMPTY', 'POLYGON EMPTY', 'MULTIPOINT EMPTY', 'MULTILINESTRING EMPTY', 'MULTIPOLYGON EMPTY', 'GEOMETRYCOLLECTION EMPTY',
                   'GEOMETRYCOLLECTION(POINT EMPTY)', 'GEOMETRYCOLLECTION(POINT EMPTY,LINESTRING EMPTY)', 'MULTIPOLYGON(EMPTY)', None]
        full = ['POINT(1 1)', 'LINESTRING(0 0,5 5)', SQUARE, 'GEOMETRYCOLLECTION(POINT(2 2),%s)' % SQUARE]
        n = len(empties)
        for geometry in full:
            a = make(self.new('a.gpkg'), empties + [geometry] + empties)
            b = make(self.new('b.gpkg'), empties + ['POINT(30 40)'] + empties)
            rows = table(a, NEAR=b, CLOSEST='ALL')
            self.assertEqual(pairs(rows), [(n + 1, n + 1)])
            self.assertTrue(math.isfinite(rows[0].NEAR_DIST) and rows[0].NEAR_DIST > 0)
            self.assertEqual(len(table(a, NEAR=b, UNMATCHED='NULL')), 2 * n + 1)
            self.assertEqual(len(table(b, NEAR=a, CLOSEST='ALL')), 1)

    def test_trap_01_empty_parts(self):
        """An empty part beside full ones is ignored: GEOS 3.11 crashes."""
        mixed = ['GEOMETRYCOLLECTION(POINT EMPTY,POINT(0 0))', 'GEOMETRYCOLLECTION(LINESTRING EMPTY,LINESTRING(0 0,1 0),POINT EMPTY)',
                 'GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT EMPTY),POLYGON((0 0,-1 0,-1 -1,0 0)))', 'MULTILINESTRING(EMPTY,(0 0,-1 0))',
                 'MULTIPOLYGON(EMPTY,((0 0,-1 0,-1 -1,0 0)))']
        for left in mixed:
            for right in ('POINT(3 4)', 'LINESTRING(3 4,3 9)', 'POLYGON((3 4,9 4,9 9,3 4))', 'GEOMETRYCOLLECTION(POINT EMPTY,POINT(3 4))'):
                for row in (self.one(left, right), self.one(right, left)):
                    self.assertAlmostEqual(row.NEAR_DIST, math.hypot(2, 4) if 'LINESTRING(0 0,1 0)' in left else 5, delta=1e-12, msg=left + right)

    def test_trap_02_line_inside_polygon(self):
        """A prepared line inside a polygon was 4 away in GEOS 3.11, its nearest points are wrong in 3.15 too."""
        for left, right in (('LINESTRING(4 4,6 6)', SQUARE), (SQUARE, 'LINESTRING(4 4,6 6)'), ('POLYGON((4 4,6 4,6 6,4 4))', SQUARE), ('POINT(5 5)', SQUARE)):
            for left, right in ((left, right), (right, left)):
                row = self.one(left, right)
                self.assertEqual((row.NEAR_DIST, row.NEAR_ANGLE), (0, 0))
                self.assertEqual((row.FROM_X, row.FROM_Y), (row.NEAR_X, row.NEAR_Y))
                inner = ogr.CreateGeometryFromWkt('POINT(%r %r)' % (row.FROM_X, row.FROM_Y))
                for side in (left, right):
                    self.assertLess(inner.Distance(ogr.CreateGeometryFromWkt(side)), 1e-12, 'a point of both')
        big = 'POLYGON((%s))' % ','.join('%r %r' % (1000 * math.cos(t * math.pi / 500) if t < 1000 else 1000.0, 1000 * math.sin(t * math.pi / 500) if t < 1000 else 0.0)
                                        for t in range(1001))
        a = make(self.new('a.gpkg'), ['LINESTRING(%d 4,%d 6)' % (x, x + 2) for x in range(-500, 500, 10)])
        b = make(self.new('b.gpkg'), [big])
        self.assertEqual({row.NEAR_DIST for row in table(a, NEAR=b)}, {0.0})
        self.assertEqual({row.NEAR_DIST for row in table(b, NEAR=a, CLOSEST='ALL')}, {0.0})
        self.assertEqual(len(table(b, NEAR=a, CLOSEST='ALL', RADIUS=0)), 100)

    def test_trap_03_curves(self):
        """Taken as lines before GEOS sees them: it crashes on prepared ones, or cannot read them."""
        row = self.one('POINT(0 0)', 'CIRCULARSTRING(3 0,0 3,-3 0)')
        self.assertAlmostEqual(row.NEAR_DIST, 3, delta=0.01)
        row = self.one('CIRCULARSTRING(3 0,0 3,-3 0)', 'POINT(0 10)')
        self.assertAlmostEqual(row.NEAR_DIST, 7, delta=0.01)
        row = self.one('POINT(0 0)', 'CURVEPOLYGON(CIRCULARSTRING(3 0,0 3,-3 0,0 -3,3 0))')
        self.assertEqual(row.NEAR_DIST, 0)
        row = self.one('CURVEPOLYGON(CIRCULARSTRING(3 0,0 3,-3 0,0 -3,3 0))', 'MULTICURVE((10 0,10 5),CIRCULARSTRING(5 0,6 1,7 0))')
        self.assertAlmostEqual(row.NEAR_DIST, 2, delta=0.02)

    def test_trap_04_shared_near_side(self):
        """Prepared geometries are not safe on first use from several threads: many workers begin with the same large polygon."""
        t = np.linspace(0, 2 * np.pi, 20001)
        ring = np.stack([1000 * np.cos(t) * (1 + 0.1 * np.sin(50 * t)), 1000 * np.sin(t) * (1 + 0.1 * np.sin(50 * t))], 1)
        ring[-1] = ring[0]
        polygon = ('Polygon', [[tuple(p) for p in ring]])
        generator = rng('shared')
        spots = generator.uniform(-2000, 2000, (1500, 2))
        a = make(self.new('a.gpkg'), points(spots))
        b = make(self.new('b.gpkg'), [polygon, ('LineString', [tuple(p) for p in ring + 3000]), polygon])
        want = table(a, NEAR=b, NUM_WORKERS=1, CLOSEST=2)
        for _ in range(5):
            self.assertEqual(brief(table(a, NEAR=b, NUM_WORKERS=7, PARTITION_SIZE=20, CLOSEST=2)), brief(want))

    def test_trap_05_all_that_a_tree_of_geos_lacks(self):
        """k, ties, radius and both together."""
        xy = [(x, 0) for x in range(-5, 6)]
        a, b = make(self.new('a.gpkg'), points([(0, 0)])), make(self.new('b.gpkg'), points(xy))
        self.assertEqual([row.NEAR_FID for row in table(a, NEAR=b, CLOSEST=4)], [6, 5, 7, 4])
        self.assertEqual([row.NEAR_FID for row in table(a, NEAR=b, CLOSEST='ALL', RADIUS=2)], [6, 5, 7, 4, 8])
        self.assertEqual([row.NEAR_FID for row in table(a, NEAR=b, CLOSEST=2, RADIUS=2)], [6, 5])
        self.assertEqual([row.NEAR_FID for row in table(a, NEAR=b, CLOSEST=2, RADIUS=3, MIN_RADIUS=2)], [4, 8])

    def test_trap_06_ties_at_utm(self):
        """A lattice of 0.3 m at easting 500000.1: the order is that of the distances as computed, bit by bit, then of the FIDs."""
        side = 30
        lattice = [(500000.1 + 0.3 * x, 5000000.1 + 0.3 * y) for y in range(side) for x in range(side)]
        middles = [(500000.1 + 0.3 * x + 0.15, 5000000.1 + 0.3 * y + 0.15) for y in range(side - 1) for x in range(side - 1)]
        fids = [int(i) for i in rng('utm lattice').permutation(side * side) + 1]
        a, b = make(self.new('a.gpkg'), points(middles)), make(self.new('b.gpkg'), points(lattice), fids)
        p, q = np.array(middles), np.array(lattice)
        dx, dy = p[:, None, 0] - q[None, :, 0], p[:, None, 1] - q[None, :, 1]
        d = np.sqrt(dx * dx + dy * dy)
        four = np.sort(d, 1)[:, :4]
        exact = int((four[:, 0] == four[:, 3]).sum())
        self.assertTrue(0 < exact < len(middles), 'some ties are lost to rounding, some are not')
        for k in (1, 2, 4, 6):
            self.check(table(a, NEAR=b, CLOSEST=k), list(range(1, len(middles) + 1)), fids, d, k, exact=True)

    def test_trap_07_one_formula(self):
        """A pair's distance has the same bits on every way that leads to it: k, radius, workers, other candidates, one at a time."""
        generator = rng('one formula')
        for left, right in (('Point', 'LineString'), ('LineString', 'Polygon'), ('Polygon', 'Polygon'), ('Point', 'Polygon')):
            inputs, nears = random_geometries(generator, left, 30, 300, 20, 5e5, 5e6), random_geometries(generator, right, 30, 300, 20, 5e5, 5e6)
            a, b = make(self.new('a.gpkg'), inputs), make(self.new('b.gpkg'), nears)
            whole = {(row.IN_FID, row.NEAR_FID): row.NEAR_DIST for row in table(a, NEAR=b, CLOSEST='ALL')}
            for i in (1, 17, 30):
                for row in table(a, NEAR=b, WHERE='fid = %d' % i, NEAR_WHERE='fid = 9 OR fid = 10'):
                    self.assertEqual(row.NEAR_DIST, whole[i, row.NEAR_FID])
            for row in table(a, NEAR=b, CLOSEST=2, RADIUS=200, NUM_WORKERS=5, PARTITION_SIZE=3):
                self.assertEqual(row.NEAR_DIST, whole[row.IN_FID, row.NEAR_FID])

    def test_trap_07_on_a_slanted_segment(self):
        """A point on a segment at the coordinates of UTM is not exactly at 0, but nearly."""
        row = self.one('POINT(500000.1 5000000.1)', 'LINESTRING(499999.1 4999999.1,500001.1 5000001.1)')
        self.assertLess(row.NEAR_DIST, 1e-8)

    def test_trap_08_bound(self):
        """No tie and no neighbour at exactly the radius is lost to a squared bound: distances whose squares round."""
        generator = rng('bound')
        q = generator.uniform(0, 1, (400, 2)) * 10.0 ** generator.integers(-6, 7, (400, 1))
        b = make(self.new('b.gpkg'), points(q))
        p = np.zeros((1, 2))
        d = np.sqrt(q[:, 0] * q[:, 0] + q[:, 1] * q[:, 1])
        a = make(self.new('a.gpkg'), points(p))
        order = np.argsort(d, kind='stable')
        for rank in range(0, 400, 23):
            r = float(d[order[rank]])
            rows = table(a, NEAR=b, CLOSEST='ALL', RADIUS=repr(r))
            self.assertEqual(len(rows), rank + 1, repr(r))
            self.assertEqual(rows[-1].NEAR_DIST, r)
            self.assertEqual(len(table(a, NEAR=b, CLOSEST=rank + 5, RADIUS=repr(r))), rank + 1)

    def test_trap_09_polygons(self):
        """The inside of a hole is outside, a bow tie has two lobes, what a ring covers twice is outside."""
        holed = 'POLYGON((0 0,20 0,20 20,0 20,0 0),(5 5,15 5,15 15,5 15,5 5))'
        self.assertEqual(self.one('POINT(10 10)', holed).NEAR_DIST, 5)
        self.assertEqual(self.one('POINT(5 10)', holed).NEAR_DIST, 0)
        self.assertEqual(self.one('POINT(2 2)', holed).NEAR_DIST, 0)
        self.assertEqual(self.one('POLYGON((8 8,12 8,12 12,8 12,8 8))', holed).NEAR_DIST, 3)
        self.assertEqual(self.one('POLYGON((-5 -5,25 -5,25 25,-5 25,-5 -5))', holed).NEAR_DIST, 0)
        stray = 'POLYGON((0 0,1 0,1 1,0 1,0 0),(12 2,14 2,14 4,12 4,12 2))'  # a hole outside of its shell
        self.assertEqual(self.one('POINT(14 3)', stray).NEAR_DIST, 0)
        self.assertEqual(self.one(stray, 'POINT(14 3)').NEAR_DIST, 0)
        self.assertEqual(self.one('POINT(20 3)', stray).NEAR_DIST, 6)
        tie = 'POLYGON((0 0,10 10,10 0,0 10,0 0))'
        self.assertEqual(self.one('POINT(2 5)', tie).NEAR_DIST, 0)
        self.assertEqual(self.one('POINT(8 5)', tie).NEAR_DIST, 0)
        self.assertAlmostEqual(self.one('POINT(5 8)', tie).NEAR_DIST, 3 / math.sqrt(2), delta=1e-12)
        twice = 'POLYGON((0 0,10 0,10 10,0 10,0 0,10 0,10 10,0 10,0 0))'
        self.assertEqual(self.one('POINT(5 5)', twice).NEAR_DIST, 5)
        for shape in (holed, tie, twice):
            for spot in ('POINT(5 8)', 'POINT(10 10)', 'POINT(2 5)', 'LINESTRING(9 9.5,11 11)', 'POINT(5 5)'):
                self.assertAlmostEqual(self.one(spot, shape).NEAR_DIST, self.one(shape, spot).NEAR_DIST, delta=1e-12)

    def test_trap_10_angle_of_overlap(self):
        """FROM = NEAR and angle 0, not 180 or -0, wherever they meet."""
        pairs_ = [('POINT(5 5)', SQUARE), (SQUARE, 'POLYGON((5 5,15 5,15 15,5 15,5 5))'), ('LINESTRING(0 0,10 10)', 'LINESTRING(10 0,0 10)'),
                  (SQUARE, 'POLYGON((10 0,20 0,20 10,10 10,10 0))'), ('POINT(-0 -0)', 'POINT(0 0)'), ('POINT(3 3)', 'LINESTRING(0 0,7 7)'),
                  ('LINESTRING(-5 5,15 5)', SQUARE), (SQUARE, SQUARE), ('LINESTRING(0 0,1 1)', 'LINESTRING(1 1,2 0)'), ('LINESTRING(1 1,9 1)', SQUARE)]
        for left, right in pairs_:
            for left, right in ((left, right), (right, left)):
                row = self.one(left, right)
                self.assertEqual((row.NEAR_DIST, row.NEAR_ANGLE, math.copysign(1, row.NEAR_ANGLE)), (0, 0, 1), (left, right))
                self.assertEqual((row.FROM_X, row.FROM_Y), (row.NEAR_X, row.NEAR_Y))
                spot = ogr.CreateGeometryFromWkt('POINT(%r %r)' % (row.FROM_X, row.FROM_Y))
                for side in (left, right):
                    self.assertLess(spot.Distance(ogr.CreateGeometryFromWkt(side)), 1e-12, 'a point of both: %s %s' % (left, right))
                line = self.one(left, right, GEOMETRY='LINE')
                self.assertTrue(line.geometry.startswith('LINESTRING'))

    def test_trap_10_west_is_180(self):
        """Above -180 and up to 180, also where dy is -0."""
        for dy in ('0', '-0'):
            self.assertEqual(self.one('POINT(0 0)', 'POINT(-5 %s)' % dy).NEAR_ANGLE, 180)
            self.assertEqual(self.one('POINT(0 %s)' % dy, 'POINT(-5 0)').NEAR_ANGLE, 180)
        for x, y, angle in ((1, 0, 0), (1, 1, 45), (0, 1, 90), (-1, 1, 135), (-1, -1, -135), (0, -1, -90), (1, -1, -45)):
            self.assertAlmostEqual(self.one('POINT(0 0)', 'POINT(%d %d)' % (x, y)).NEAR_ANGLE, angle, delta=1e-12)

    def test_trap_11_self_by_identity(self):
        """shapely's exclusive=True hides true duplicates too."""
        for geometry in ('POINT(1 1)', SQUARE, 'LINESTRING(0 0,3 3)'):
            a = make(self.new('a.gpkg'), [geometry] * 3)
            self.assertEqual(brief(table(a, NEAR=a, CLOSEST='ALL')), [(1, 2, 0, 1), (1, 3, 0, 2), (2, 1, 0, 1), (2, 3, 0, 2), (3, 1, 0, 1), (3, 2, 0, 2)])

    def test_trap_12_fids(self):
        """Negative, beyond 32 bits and with gaps of millions: kept, in their order, read in parts."""
        fids = [-2**62, -5000000000, -5, 0, 3, 4, 2**31 - 1, 2**31, 2 * 10**12, 2**62]
        a = make(self.new('a.gpkg'), points([(i, 0) for i in range(10)]), fids)
        b = make(self.new('b.gpkg'), points([(i, 1) for i in range(10)]), fids)
        for options in ({}, {'PARTITION_SIZE': 1, 'NUM_WORKERS': 4}, {'PARTITION_SIZE': 3}):
            rows = table(a, NEAR=b, **options)
            self.assertEqual(brief(rows), [(fid, fid, 1.0, 1) for fid in fids])
        for i in range(1, 4):
            rows = table(a, NEAR=b, PARTITION='%d/3' % i)
            self.assertTrue(rows)

    def test_trap_13_point_empty_poisons_nothing(self):
        """QGIS joins it to all with nan; in GRASS one of them in the near map makes all rows nan."""
        spots = ['POINT(%d 0)' % x for x in range(20)]
        a, b = make(self.new('a.gpkg'), spots + ['POINT EMPTY']), make(self.new('b.gpkg'), ['POINT EMPTY'] + spots + ['POINT EMPTY'])
        for k in (1, 'ALL'):
            rows = table(a, NEAR=b, CLOSEST=k)
            self.assertEqual(len(rows), 20 if k == 1 else 400)
            self.assertEqual({row.IN_FID for row in rows}, set(range(1, 21)))
            self.assertEqual({row.NEAR_FID for row in rows}, set(range(2, 22)))
            self.assertTrue(all(math.isfinite(row.NEAR_DIST) for row in rows))

    def test_trap_14_mixed_crs(self):
        """Transformed to the input's CRS, with longitude first; geopandas computes metres against degrees."""
        shift = osr.CoordinateTransformation(srs_of(4326), srs_of(UTM))
        x, y = shift.TransformPoint(9.1, 45.2)[:2]
        a, b = make(self.new('a.gpkg'), points([(x, y)])), make(self.new('b.gpkg'), points([(9.2, 45.2), (45.2, 9.1), (9.1, 45.2)]), epsg=4326)
        row, = table(a, NEAR=b)
        self.assertEqual(row.NEAR_FID, 3)
        self.assertLess(row.NEAR_DIST, 1e-6)
        with listening():
            row, = table(b, NEAR=a, WHERE='fid = 3')
        self.assertLess(row.NEAR_DIST, 1e-3)
        line = make(self.new('line.gpkg'), ['LINESTRING(9.0 45.2,9.2 45.2)', 'LINESTRING(9.0 45.0,9.2 45.0)'], epsg=4326)
        row, = table(a, NEAR=line, LOCATION=True)
        ends = [shift.TransformPoint(lon, 45.2)[:2] for lon in (9.0, 9.2)]
        want = distance_matrix([('Point', (x, y))], [('LineString', ends)])[0, 0]
        self.assertAlmostEqual(row.NEAR_DIST, want, delta=1e-6, msg='vertex by vertex')

    def test_trap_15_geodesic_order(self):
        """Degrees rank others first, and so does a sphere: the ellipsoid's order is ours."""
        generator = rng('sphere')
        globe = Geodesic()
        p = np.stack([generator.uniform(-180, 180, 400), np.degrees(np.arcsin(generator.uniform(-1, 1, 400)))], 1)
        q = np.stack([generator.uniform(-180, 180, 4000), np.degrees(np.arcsin(generator.uniform(-1, 1, 4000)))], 1)
        exact, sphere = globe.point_point(p, q), Geodesic(a=6371008.8, b=6371008.8).point_point(p, q)
        flat = np.sqrt(((p[:, None] - q[None]) ** 2).sum(2))
        self.assertGreater((exact.argmin(1) != flat.argmin(1)).sum(), 10)
        tell = int((np.argsort(exact, 1)[:, :20] != np.argsort(sphere, 1)[:, :20]).any(1).sum())
        self.assertGreater(tell, 5, 'the data cannot tell an ellipsoid from a sphere')
        a, b = make(self.new('a.gpkg'), points(p), epsg=4326), make(self.new('b.gpkg'), points(q), epsg=4326)
        for k in (1, 20):
            self.check(table(a, NEAR=b, CLOSEST=k), list(range(1, 401)), list(range(1, 4001)), exact, k, tolerance=0, absolute=1e-6)

    def test_trap_16_radius_is_inclusive(self):
        """scipy's distance_upper_bound is not."""
        a, b = make(self.new('a.gpkg'), points([(0, 0)])), make(self.new('b.gpkg'), points([(3, 4)]))
        self.assertEqual(brief(table(a, NEAR=b, RADIUS=5)), [(1, 1, 5.0, 1)])
        self.assertEqual(table(a, NEAR=b, RADIUS='4.999999999999999'), [])
        self.assertEqual(brief(table(a, NEAR=b, MIN_RADIUS=5)), [(1, 1, 5.0, 1)])
        self.assertEqual(table(a, NEAR=b, MIN_RADIUS='5.000000000000001'), [])

    def test_trap_17_z_and_m(self):
        """Not looked at."""
        odd_point, odd_line = struct.pack('<BI4d', 1, 3001, 0, 0, 1000, math.nan), struct.pack('<BII6d', 1, 2002, 2, 3, 4, math.nan, 9, 4, math.inf)
        for left in ('POINT Z (0 0 1000)', 'POINT M (0 0 1000)', odd_point, struct.pack('<BI3d', 1, 1001, 0, 0, math.nan)):
            for right in ('POINT Z (3 4 -7)', 'LINESTRING ZM (3 4 1 2,3 9 3 4)', 'POLYGON Z ((3 4 5,9 4 5,9 9 5,3 4 5))', odd_line):
                with self.subTest(left=left, right=right):
                    row = self.one(left, right)
                    self.assertEqual(row.NEAR_DIST, 5)
                    self.assertEqual((row.NEAR_X, row.NEAR_Y), (3, 4))

    def test_trap_18_digits(self):
        """Distances are doubles; as text in CSV they are GDAL's, good to 14 digits and more."""
        a, b = make(self.new('a.gpkg'), points([(0, 0)])), make(self.new('b.gpkg'), points([(1, 1)]))
        out = self.new('out.csv')
        good('ogr2ogr', out, 'NEARTABLE:' + a, *oo(NEAR=b))
        with open(out) as f:
            head, line = f.read().split()
        self.assertEqual(head, 'IN_FID,NEAR_FID,NEAR_DIST,NEAR_RANK')
        self.assertEqual(line.replace('"', '').split(',')[::3], ['1', '1'])
        self.assertAlmostEqual(float(line.split(',')[2]), math.sqrt(2), delta=1e-14)
        self.assertEqual(table(a, NEAR=b)[0].NEAR_DIST, math.sqrt(2))

    def test_trap_19_fids_are_64_bit(self):
        """Not clipped to 2147483647 on the way into a file."""
        a, b = make(self.new('a.gpkg'), points([(0, 0)]), [3 * 10**9]), make(self.new('b.gpkg'), points([(1, 1)]), [2**40 + 1])
        for name in ('out.csv', 'out.gpkg', 'out.fgb', 'out.geojson'):
            out = self.new(name)
            extra = ['-oo', 'GEOMETRY=LINE'] if name.endswith(('fgb', 'geojson')) else []
            done = run('ogr2ogr', out, 'NEARTABLE:' + a, *oo(NEAR=b), *extra)
            self.assertEqual((done.returncode, done.stderr), (0, ''), name)
            dataset = gdal.OpenEx(out, gdal.OF_VECTOR)
            row, = rows_of(dataset.GetLayer(0))
            self.assertEqual((int(row.IN_FID), int(row.NEAR_FID)), (3 * 10**9, 2**40 + 1), name)
        dataset = near(a, NEAR=b)
        definition = dataset.GetLayer(0).GetLayerDefn()
        self.assertEqual([definition.GetFieldDefn(i).GetType() for i in (0, 1)], [ogr.OFTInteger64] * 2)

    def test_trap_20_data_unchanged(self):
        """GRASS cleans overlapping polygons and loses inputs; ours only reads."""
        generator = rng('unchanged')
        inputs = random_geometries(generator, 'Polygon', 300, 200, 20)
        a = make(self.new('a.gpkg'), inputs)
        with open(a, 'rb') as f:
            before = f.read()
        rows = table(a, NEAR=a)
        self.assertEqual([row.IN_FID for row in rows], list(range(1, 301)), 'no input is lost')
        with open(a, 'rb') as f:
            self.assertEqual(f.read(), before)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(os.path.basename(a))], [os.path.basename(a)], 'no -wal, -shm or -journal')

    def test_trap_21_overlap_ties(self):
        """Many neighbours at distance 0: the smallest FID, where others pick any."""
        generator = rng('overlaps')
        inputs, nears = random_geometries(generator, 'Polygon', 150, 150, 25), random_geometries(generator, 'Polygon', 150, 150, 25)
        fids = [int(i) for i in generator.permutation(150) * 3 + 1]
        a, b = make(self.new('a.gpkg'), inputs), make(self.new('b.gpkg'), nears, fids)
        d = distance_matrix(inputs, nears)
        self.assertGreater((d == 0).sum(), 300)
        rows = table(a, NEAR=b)
        for row in rows:
            zeros = [fid for fid, distance in zip(fids, d[row.IN_FID - 1]) if distance == 0]
            if zeros:
                self.assertEqual((row.NEAR_DIST, row.NEAR_FID), (0, min(zeros)))
        for k in (1, 3, None):
            self.check(table(a, NEAR=b, CLOSEST=k or 'ALL', RADIUS=20), list(range(1, 151)), fids, d, k, 20)


if __name__ == '__main__':
    sys.exit(unittest.main())
