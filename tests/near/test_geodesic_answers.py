"""Geodesic near tables against brute force over pyproj.Geod, within a millimetre."""
import math
import unittest

import numpy as np
from osgeo import osr

from near_brute import Geodesic, distance_matrix, lattice_shapes, random_geometries
from near_common import UTM, NearCase, listening, make, near, points, rng, rows_of, srs_of, table

GLOBE = Geodesic()
MM = 1e-3


def lonlat(generator, n, west=-180, east=180, south=-90, north=90):
    """Evenly spread over that part of the globe."""
    z = generator.uniform(math.sin(math.radians(south)), math.sin(math.radians(north)), n)
    return np.stack([generator.uniform(west, east, n), np.degrees(np.arcsin(z))], 1)


class GeodesicCase(NearCase):
    elsewhere = 0  # inputs that have another neighbour in degrees

    def compare(self, inputs, nears, limits=((1, np.inf), (3, np.inf)), epsg=4326, metric=GLOBE, ranks_elsewhere=None, touching=False, **more):
        """Table against brute force; returns (rows of the last, distances)."""
        a = make(self.new('a.gpkg'), inputs, epsg=epsg)
        b = make(self.new('b.gpkg'), nears, epsg=epsg)
        d = distance_matrix(inputs, nears, metric)
        for k, radius in limits:
            options = dict(more, CLOSEST=k or 'ALL', LOCATION=True, ANGLE=True)
            if radius < np.inf:
                options['RADIUS'] = radius
            rows = table(a, NEAR=b, **options)
            self.check(rows, list(range(1, len(inputs) + 1)), list(range(1, len(nears) + 1)), d, k, radius, tolerance=0, absolute=MM, touching=touching)
            self.places(rows, inputs, nears, metric)
        if ranks_elsewhere is not None:
            flat = distance_matrix(inputs, nears).argmin(1)
            nearest = d.min(1)
            worse = int((d[np.arange(len(inputs)), flat] > nearest + 1).sum())
            self.elsewhere += worse
            self.assertGreaterEqual(worse, ranks_elsewhere, 'the data cannot tell geodesic from planar')
        return rows, d

    def places(self, rows, inputs, nears, metric):
        """FROM and NEAR lie on the geometries, so far apart, in that direction."""
        if not rows:
            return
        ends = np.array([(row.FROM_X, row.FROM_Y, row.NEAR_X, row.NEAR_Y) for row in rows])
        azimuth, apart = metric.inv(ends[:, 0], ends[:, 1], ends[:, 2], ends[:, 3])
        given = np.array([row.NEAR_DIST for row in rows])
        self.assertLess(np.abs(apart - given).max(), MM)
        for row, angle in zip(rows, azimuth):
            self.assertTrue(-180 < row.NEAR_ANGLE <= 180)
            if row.NEAR_DIST == 0:
                self.assertEqual((row.NEAR_ANGLE, row.FROM_X, row.FROM_Y), (0, row.NEAR_X, row.NEAR_Y))
            elif 1 < row.NEAR_DIST < 1.9e7 and abs(row.FROM_Y) < 89.999:
                # turned by at most the angle that the rounding of a coordinate (1e-9 m and less) makes at that distance
                self.assertAlmostEqual((row.NEAR_ANGLE - angle + 180) % 360 - 180, 0, delta=1e-5, msg=vars(row))
        for name, geometries, columns in (('IN_FID', inputs, (0, 1)), ('NEAR_FID', nears, (2, 3))):
            for i in range(0, len(rows), max(1, len(rows) // 40)):
                spot = ('Point', tuple(ends[i][list(columns)]))
                off = distance_matrix([spot], [geometries[getattr(rows[i], name) - 1]], metric)[0, 0]
                self.assertLess(off, MM, vars(rows[i]))


class Points(GeodesicCase):
    def test_globe(self):
        generator = rng('globe')
        p, q = lonlat(generator, 400), lonlat(generator, 300)
        self.compare([('Point', tuple(v)) for v in p], [('Point', tuple(v)) for v in q],
                     ((1, np.inf), (5, np.inf), (None, 1.5e6), (300, np.inf)), ranks_elsewhere=20)

    def test_bits_of_inverse(self):
        """Points: PROJ's own distance, to a nanometre or two (pyproj may be built on another PROJ)."""
        generator = rng('bits')
        p, q = lonlat(generator, 300), lonlat(generator, 300)
        a, b = make(self.new('a.gpkg'), points(p), epsg=4326), make(self.new('b.gpkg'), points(q), epsg=4326)
        for row in table(a, NEAR=b, CLOSEST=2):
            want = GLOBE.geod.inv(*p[row.IN_FID - 1], *q[row.NEAR_FID - 1])[2]
            self.assertAlmostEqual(row.NEAR_DIST, want, delta=2e-8)

    def test_poles(self):
        """Round a pole all longitudes are near; the pole itself has any longitude."""
        generator = rng('poles')
        for sign in (1, -1):
            p, q = lonlat(generator, 100, south=85, north=90) * (1, sign), lonlat(generator, 100, south=87, north=90) * (1, sign)
            special = [('Point', (0.0, 90.0 * sign)), ('Point', (77.0, 90.0 * sign)), ('Point', (-180.0, 90.0 * sign)), ('Point', (0.0, 89.9999999 * sign))]
            self.compare([('Point', tuple(v)) for v in p] + special, [('Point', tuple(v)) for v in q] + special[1:], ((1, np.inf), (4, np.inf), (None, 2e5)), ranks_elsewhere=20)

    def test_pole_is_one_point(self):
        a = make(self.new('a.gpkg'), points([(10, 90), (20, -90)]), epsg=4326)
        b = make(self.new('b.gpkg'), points([(-170, 90), (99, -90)]), epsg=4326)
        rows = table(a, NEAR=b, ANGLE=True)
        self.assertEqual([(row.NEAR_FID, row.NEAR_ANGLE) for row in rows], [(1, 0.0), (2, 0.0)])
        for row in rows:
            self.assertLess(row.NEAR_DIST, 1e-8)

    def test_antimeridian(self):
        generator = rng('antimeridian')
        p, q = lonlat(generator, 150, -180, -178, -20, 60), lonlat(generator, 150, 178, 180, -20, 60)
        edge = [('Point', (180.0, 10.0)), ('Point', (-180.0, 10.0)), ('Point', (-180.0, 30.0)), ('Point', (180.0, 30.0))]
        both = [('Point', tuple(v)) for v in np.concatenate([p, q])]
        rows, _ = self.compare(both + edge, both[::-1] + edge[1:3], ranks_elsewhere=1)
        inputs, nears = [('Point', tuple(v)) for v in p] + edge, [('Point', tuple(v)) for v in q]
        self.compare(inputs, nears, ((1, np.inf), (2, np.inf), (None, 1e5)), ranks_elsewhere=10)

    def test_any_longitude(self):
        """190 is -170, and 360 more changes nothing."""
        generator = rng('longitudes')
        p, q = lonlat(generator, 150), lonlat(generator, 100)
        turns = generator.integers(-2, 3, 150) * 360.0
        shifted = p + np.stack([turns, 0 * turns], 1)
        self.assertTrue((np.abs(shifted[:, 0]) > 180).any())
        rows, _ = self.compare([('Point', tuple(v)) for v in shifted], [('Point', tuple(v)) for v in q], ranks_elsewhere=10)
        rows, _ = self.compare([('Point', tuple(v)) for v in q], [('Point', tuple(v)) for v in shifted], ranks_elsewhere=10)
        a, b = make(self.new('a.gpkg'), points([(190, 5), (-170, 5), (550, 5)]), epsg=4326), make(self.new('b.gpkg'), points([(-170, 5), (190, 6)]), epsg=4326)
        for row in table(a, NEAR=b):
            self.assertEqual(row.NEAR_FID, 1)
            self.assertLess(row.NEAR_DIST, 1e-8)

    def test_antipodes(self):
        generator = rng('antipodes')
        p = lonlat(generator, 60)
        q = np.stack([p[:, 0] + 180 + generator.normal(0, 0.3, 60), np.clip(-p[:, 1] + generator.normal(0, 0.3, 60), -90, 90)], 1)
        exact = [('Point', (0.0, 0.0)), ('Point', (30.0, 45.0))]
        there = [('Point', (180.0, 0.0)), ('Point', (-150.0, -45.0)), ('Point', (179.7, 0.2))]
        inputs, nears = [('Point', tuple(v)) for v in p] + exact, [('Point', tuple(v)) for v in q] + there
        self.compare(inputs, nears, ((None, np.inf),))
        one, other = make(self.new('a.gpkg'), exact[:1], epsg=4326), make(self.new('b.gpkg'), there[:1], epsg=4326)
        row, = table(one, NEAR=other)
        self.assertAlmostEqual(row.NEAR_DIST, 20003931.4586, delta=1e-3, msg='half a meridian')

    def test_equator_and_same_places(self):
        """Ties in geodesic: duplicates at distance 0 by FID, and symmetric neighbours."""
        xy = [(0, 0), (1, 0), (-1, 0), (0, 0), (180, 0), (-180, 0)]
        a = make(self.new('a.gpkg'), points(xy), epsg=4326)
        rows = table(a, NEAR=a)
        self.assertEqual([(row.IN_FID, row.NEAR_FID) for row in rows], [(1, 4), (2, 1), (3, 1), (4, 1), (5, 6), (6, 5)])
        self.assertEqual([row.NEAR_DIST for row in rows if row.IN_FID in (1, 4)], [0.0, 0.0])
        self.assertAlmostEqual(rows[1].NEAR_DIST, 111319.4908, delta=1e-3)

    def test_dense_and_duplicates(self):
        """Centimetres apart."""
        generator = rng('dense')
        xy = generator.normal(0, 2e-6, (300, 2)) + (7.5, 46.1)
        g = [('Point', tuple(v)) for v in xy]
        self.compare(g[:150], g[100:], ((1, np.inf), (6, np.inf), (None, 0.2)))

    def test_radius_inclusive(self):
        a, b = make(self.new('a.gpkg'), points([(3, 50)]), epsg=4326), make(self.new('b.gpkg'), points([(4, 51), (5, 55)]), epsg=4326)
        row, = table(a, NEAR=b)
        for text, n in ((repr(row.NEAR_DIST), 1), (repr(float(np.nextafter(row.NEAR_DIST, 0))), 0), ('%.6fkm' % (row.NEAR_DIST / 1000 + 1e-6), 1), ('100km', 0), ('200km', 1),
                        ('1000 km', 2), ('100 nmi', 1), ('60nmi', 0)):
            self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', RADIUS=text)), n, text)
        self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', MIN_RADIUS=repr(row.NEAR_DIST))), 2)
        self.assertEqual(len(table(a, NEAR=b, CLOSEST='ALL', MIN_RADIUS='200km')), 1)
        for unit, metres in (('km', 1000), ('nmi', 1852), ('mi', 1609.344), ('ft', 0.3048)):
            self.assertAlmostEqual(table(a, NEAR=b, DISTANCE_UNIT=unit)[0].NEAR_DIST * metres, row.NEAR_DIST, delta=1e-7)

    def test_other_ellipsoids(self):
        """That of the input's CRS: Clarke 1866 (NAD27), a sphere."""
        generator = rng('ellipsoids')
        p, q = lonlat(generator, 50, -120, -80, 25, 50), lonlat(generator, 40, -120, -80, 25, 50)
        g, h = [('Point', tuple(v)) for v in p], [('Point', tuple(v)) for v in q]
        self.compare(g, h, epsg=4267, metric=Geodesic(ellps='clrk66'))
        self.compare(g, h, epsg='+proj=longlat +R=6371000 +no_defs', metric=Geodesic(a=6371000.0, b=6371000.0))


class LinesAndPolygons(GeodesicCase):
    def small(self, generator, kind, n, x0, y0, extent=6.0, size=0.4):
        return random_geometries(generator, kind, n, extent, size, x0, y0)

    def test_all_kinds(self):
        """High latitudes, where a degree of longitude is short: planar would rank others first."""
        kinds = ('Point', 'LineString', 'Polygon', 'Any')
        for left in kinds:
            for right in kinds:
                with self.subTest(left=left, right=right):
                    generator = rng('geo', left, right)
                    inputs, nears = self.small(generator, left, 14, 10, 68, 4.0), self.small(generator, right, 16, 10, 68, 4.0)
                    self.compare(inputs, nears, ((1, np.inf), (4, np.inf), (None, 80000.0)), ranks_elsewhere=0)
        self.assertGreater(self.elsewhere, 10, 'the data cannot tell geodesic from planar')

    def test_shared_corners(self):
        """Whole degrees: shapes that touch, overlap along edges, repeat each other and degenerate."""
        for x0, y0 in ((10, 40), (176, -3), (-184, 60)):
            generator = rng('shared corners', x0)
            inputs, nears = (lattice_shapes(generator, 25, 9, x0, y0) for _ in range(2))
            rows, d = self.compare(inputs, nears, ((2, np.inf), (None, 150000.0)), touching=True)
            self.assertGreater((d == 0).sum(), 10)

    def test_long_edges(self):
        """Edges of some thousand km: great circles, not parallels."""
        generator = rng('long edges')
        lines = [('LineString', [tuple(p) for p in np.stack([np.cumsum(generator.uniform(10, 30, 4)) + x, generator.uniform(-30, 45, 4)], 1)])
                 for x in generator.uniform(-180, 180, 12)]
        spots = [('Point', tuple(p)) for p in lonlat(generator, 60)]
        self.compare(spots, lines, ranks_elsewhere=5)
        self.compare(lines, spots)
        self.compare(lines[:6], lines[6:])

    def test_parallel_is_not_the_edge(self):
        """From 0 to 60 degrees east at 60 north: the geodesic passes 63.4 north in the middle."""
        line = make(self.new('line.gpkg'), [('LineString', [(0.0, 60.0), (60.0, 60.0)])], epsg=4326)
        spots = make(self.new('spots.gpkg'), points([(30, 60), (30, 63.4)]), epsg=4326)
        on, off = table(spots, NEAR=line, LOCATION=True)[::-1]
        self.assertGreater(off.NEAR_DIST, 300000)
        d = distance_matrix([('Point', (30.0, 60.0)), ('Point', (30.0, 63.4))], [('LineString', [(0.0, 60.0), (60.0, 60.0)])], GLOBE)
        self.assertAlmostEqual(off.NEAR_DIST, d[0, 0], delta=MM)
        self.assertAlmostEqual(on.NEAR_DIST, d[1, 0], delta=MM)

    def test_over_the_antimeridian(self):
        """Edges take the short way, as 179 to -179 or as 179 to 181."""
        spots = [('Point', (x, y)) for x in (-179.9, 180.0, -180.0, 179.3, 178.0, -177.0, 181.5, 0.0) for y in (-5.0, 0.3, 4.0, 70.0)]
        for lines in ([('LineString', [(179.0, 0.0), (-179.0, 2.0)]), ('LineString', [(178.0, 69.0), (-176.0, 71.0)])],
                      [('LineString', [(179.0, 0.0), (181.0, 2.0)]), ('LineString', [(-182.0, 69.0), (-176.0, 71.0)])],
                      [('LineString', [(-179.0, 2.0), (179.0, 0.0)]), ('LineString', [(538.0, 69.0), (-176.0, 71.0)])]):
            self.compare(spots, lines)
            self.compare(lines, spots)
        for ring in ([(179.0, -1.0), (-179.0, -1.0), (-179.0, 1.0), (179.0, 1.0), (179.0, -1.0)], [(179.0, -1.0), (181.0, -1.0), (181.0, 1.0), (179.0, 1.0), (179.0, -1.0)]):
            polygon = [('Polygon', [ring])]
            rows, d = self.compare(spots, polygon, ((1, np.inf),))
            zeros = [row for row in rows if row.NEAR_DIST == 0]
            self.assertEqual(len(zeros), 4, 'four points lie in it')
            self.compare(polygon, spots, ((5, np.inf), (None, 1e6)))
            crossing = [('LineString', [(178.5, 0.0), (-178.5, 0.5)]), ('LineString', [(179.9, 0.0), (-179.9, 0.5)]), ('LineString', [(0.0, 0.0), (10.0, 5.0)])]
            rows, d = self.compare(crossing, polygon, ((1, np.inf),))
            self.assertEqual([row.NEAR_DIST == 0 for row in rows], [True, True, False])

    def test_round_the_pole(self):
        """A ring like Antarctica's coast, with and without the vertices down at the pole that planar software needs."""
        generator = rng('antarctica')
        lon = np.linspace(-180, 180, 73)
        lat = -70 + generator.uniform(-4, 4, 73)
        lat[-1] = lat[0]
        coast = [(float(x), float(y)) for x, y in zip(lon, lat)]
        spots = [('Point', tuple(p)) for p in lonlat(generator, 60, south=-90, north=-55)] + [('Point', (33.0, -90.0)), ('Point', (180.0, -89.0)), ('Point', (-180.0, -62.0))]
        for sign in (1, -1):
            ring = [(x, y * sign) for x, y in coast]
            g = [('Point', (p[1][0], p[1][1] * sign)) for p in spots]
            rows, d = self.compare(g, [('Polygon', [ring])], ((1, np.inf),))
            inside = {row.IN_FID for row in rows if row.NEAR_DIST == 0}
            self.assertIn(61, inside, 'the pole')
            self.assertIn(62, inside)
            self.assertNotIn(63, inside)
            self.assertTrue(15 < len(inside) < 58, len(inside))
            self.compare([('Polygon', [ring])], g, ((None, np.inf),))
            # backwards, started elsewhere, with a lake round the pole
            turned = ring[:-1][20:] + ring[:-1][:20]
            turned = (turned + turned[:1])[::-1]
            lake = [(float(x), -85.0 * sign) for x in np.linspace(0, 360, 37)]
            rows, d = self.compare(g, [('Polygon', [turned])], ((1, np.inf),))
            self.assertEqual({row.IN_FID for row in rows if row.NEAR_DIST == 0}, inside)
            rows, d = self.compare(g, [('Polygon', [turned, lake])], ((1, np.inf),))
            now = {row.IN_FID for row in rows if row.NEAR_DIST == 0}
            self.assertNotIn(61, now)
            self.assertNotIn(62, now)
            self.assertTrue(now < inside)
        planar = coast + [(180.0, -90.0), (-180.0, -90.0), coast[0]]
        a, b = make(self.new('a.gpkg'), spots, epsg=4326), make(self.new('b.gpkg'), [('Polygon', [planar])], epsg=4326)
        rows = table(a, NEAR=b)
        plain = table(a, NEAR=make(self.new('c.gpkg'), [('Polygon', [coast])], epsg=4326))
        for row, want in zip(rows, plain):
            self.assertAlmostEqual(row.NEAR_DIST, want.NEAR_DIST, delta=MM, msg='edges along the antimeridian to the pole are no coast: FID %d at %s' % (row.IN_FID, spots[row.IN_FID - 1]))

    def test_inside_and_holes(self):
        outer = [(0.0, 50.0), (8.0, 50.0), (8.0, 55.0), (0.0, 55.0), (0.0, 50.0)]
        hole = [(3.0, 52.0), (5.0, 52.0), (5.0, 53.0), (3.0, 53.0), (3.0, 52.0)]
        spots = [('Point', xy) for xy in ((1.0, 51.0), (4.0, 52.5), (4.0, 50.05), (4.0, 55.05), (9.0, 52.0))]
        rows, d = self.compare(spots, [('Polygon', [outer, hole])], ((1, np.inf),))
        self.assertEqual([row.NEAR_DIST == 0 for row in rows], [True, False, False, True, False],
                         'the south edge bulges north of 50.05, the north edge beyond 55.05')
        island = [(3.8, 52.4), (4.2, 52.4), (4.2, 52.6), (3.8, 52.6), (3.8, 52.4)]
        rows, d = self.compare([('Polygon', [island])], [('Polygon', [outer, hole]), ('Polygon', [outer])], ((None, np.inf),))
        self.assertEqual((rows[0].NEAR_FID, rows[0].NEAR_DIST), (2, 0.0))
        self.assertAlmostEqual(rows[1].NEAR_DIST, d[0, 0], delta=MM)

    def test_large_polygons(self):
        """Continents: thousands of km across."""
        generator = rng('continents')
        rings = []
        for x, y in ((-100, 45), (20, 0), (100, 40), (-60, -15), (135, -25), (179, 10)):
            angles = np.linspace(0, 2 * np.pi, 13)[:-1]
            r = generator.uniform(8, 20, 12)
            ring = [(float(x + a * np.cos(t)), float(y + a * np.sin(t))) for a, t in zip(r, angles)]
            rings.append(('Polygon', [ring + ring[:1]]))
        spots = [('Point', tuple(p)) for p in lonlat(generator, 100)]
        rows, _ = self.compare(spots, rings, ((1, np.inf), (6, np.inf)), ranks_elsewhere=3)
        self.assertTrue(2 < sum(row.NEAR_DIST == 0 for row in rows) < 70)
        self.compare(rings, rings[::-1], ((2, np.inf),))

    def test_link_lines_over_the_antimeridian(self):
        a, b = make(self.new('a.gpkg'), points([(179.5, 10), (-179.5, 10)]), epsg=4326), make(self.new('b.gpkg'), points([(-179.8, 10.2)]), epsg=4326)
        dataset = near(a, NEAR=b, GEOMETRY='LINE')
        layer = dataset.GetLayer(0)
        self.assertEqual(layer.GetSpatialRef().GetAuthorityCode(None), '4326')
        lines = [feature.GetGeometryRef().Clone() for feature in layer]
        (x1, y1), (x2, y2) = lines[0].GetPoint_2D(0), lines[0].GetPoint_2D(1)
        self.assertEqual((x1, y1, y2), (179.5, 10, 10.2))
        self.assertAlmostEqual(x2, 180.2, delta=1e-9)
        (x1, _), (x2, _) = lines[1].GetPoint_2D(0), lines[1].GetPoint_2D(1)
        self.assertAlmostEqual(x2 - x1, -0.3, delta=1e-9)

    def test_along(self):
        line = ('LineString', [(170.0, 60.0), (-170.0, 65.0), (-150.0, 60.0)])
        spots = [('Point', (x, y)) for x, y in ((175.0, 64.0), (-170.0, 70.0), (-160.0, 61.0), (100.0, 50.0), (-140.0, 60.0))]
        a, b = make(self.new('a.gpkg'), spots, epsg=4326), make(self.new('b.gpkg'), [line], epsg=4326)
        for row in table(a, NEAR=b, ALONG=True, LOCATION=True):
            first = GLOBE.geod.inv(170, 60, -170, 65)[2]
            to_start, to_bend = GLOBE.geod.inv(170, 60, row.NEAR_X, row.NEAR_Y)[2], GLOBE.geod.inv(-170, 65, row.NEAR_X, row.NEAR_Y)[2]
            want = to_start if row.NEAR_ALONG <= first else first + to_bend
            self.assertAlmostEqual(row.NEAR_ALONG, want, delta=2e-3)
        km = table(a, NEAR=b, ALONG=True, DISTANCE_UNIT='km')
        self.assertAlmostEqual(km[-1].NEAR_ALONG * 1000, row.NEAR_ALONG, delta=1e-6)
        self.assertEqual(km[3].NEAR_ALONG, 0)


class Systems(GeodesicCase):
    def test_projected_with_geodesic(self):
        """A projected CRS: the geographic one below it, locations in degrees."""
        generator = rng('projected')
        to_degrees = osr.CoordinateTransformation(srs_of(UTM), srs_of(4326))
        xy = generator.uniform(0, 1, (2, 60, 2)) * (4e5, 4e6) + (3e5, 2e6)
        degrees = [[to_degrees.TransformPoint(x, y)[:2] for x, y in side] for side in xy]
        a, b = make(self.new('a.gpkg'), points(xy[0])), make(self.new('b.gpkg'), points(xy[1]))
        inputs, nears = ([('Point', p) for p in side] for side in degrees)
        d = distance_matrix(inputs, nears, GLOBE)
        rows = table(a, NEAR=b, METHOD='GEODESIC', CLOSEST=3, LOCATION=True, ANGLE=True)
        self.check(rows, list(range(1, 61)), list(range(1, 61)), d, 3, tolerance=0, absolute=MM)
        self.places(rows, inputs, nears, GLOBE)
        planar = table(a, NEAR=b, CLOSEST=3)
        self.assertGreater(max(abs(p.NEAR_DIST - q.NEAR_DIST) for p, q in zip(planar, rows)), 1, 'UTM has a scale')
        dataset = near(a, NEAR=b, METHOD='GEODESIC', GEOMETRY='NEAR')
        srs = dataset.GetLayer(0).GetSpatialRef()
        self.assertTrue(srs.IsGeographic())
        x, y = rows_of(dataset.GetLayer(0))[0].geometry[7:-1].split()
        self.assertTrue(0 < float(x) < 20 and 10 < float(y) < 60, 'longitude first')

    def test_mixed(self):
        """A geographic input, near side in UTM: transformed; and the other way round planar in UTM."""
        to_degrees = osr.CoordinateTransformation(srs_of(UTM), srs_of(4326))
        utm = [(500000.0, 5000000.0), (600000.0, 5100000.0), (450000.0, 5300000.0)]
        degrees = [to_degrees.TransformPoint(*p)[:2] for p in utm]
        a, b = make(self.new('a.gpkg'), points(degrees), epsg=4326), make(self.new('b.gpkg'), points(utm))
        for row in table(a, NEAR=b):
            self.assertEqual(row.IN_FID, row.NEAR_FID)
            self.assertLess(row.NEAR_DIST, MM)
        for row in table(b, NEAR=a):
            self.assertEqual(row.IN_FID, row.NEAR_FID)
            self.assertLess(row.NEAR_DIST, MM)
        rows = table(a, NEAR=b, CLOSEST=2)
        self.assertAlmostEqual(rows[1].NEAR_DIST, GLOBE.geod.inv(*degrees[0], *degrees[rows[1].NEAR_FID - 1])[2], delta=MM)

    def test_methods(self):
        """AUTO is geodesic for degrees, planar else; GEODESIC without a CRS is refused."""
        xy = [(0, 0), (1, 1)]
        lonlat_file, utm, none = (make(self.new('a.gpkg'), points(xy), epsg=epsg) for epsg in (4326, UTM, None))
        self.assertAlmostEqual(table(lonlat_file, NEAR=lonlat_file)[0].NEAR_DIST, 156899.568, delta=0.01)
        self.assertAlmostEqual(table(lonlat_file, NEAR=lonlat_file, METHOD='auto')[0].NEAR_DIST, 156899.568, delta=0.01)
        self.assertEqual(table(utm, NEAR=utm)[0].NEAR_DIST, math.sqrt(2))
        self.assertEqual(table(none, NEAR=none)[0].NEAR_DIST, math.sqrt(2))
        with listening() as said:
            self.assertEqual(table(lonlat_file, NEAR=lonlat_file, METHOD='PLANAR')[0].NEAR_DIST, math.sqrt(2))
        self.assertTrue(any('degree' in text.lower() for text in said.warnings()), said.seen)
        self.refused(none, 'METHOD', 'GEODESIC', NEAR=none, METHOD='GEODESIC')

    def test_axis_order(self):
        """EPSG:4326 in files that keep longitude first, and with the CRS transformed: no swap."""
        a = make(self.new('a.gpkg'), points([(100, 10)]), epsg=4326)
        b = make(self.new('b.gpkg'), points([(100, 11), (102, 10)]), epsg=4258)
        self.assertEqual([row.NEAR_FID for row in table(a, NEAR=b, CLOSEST=2)], [1, 2])
        self.assertAlmostEqual(table(a, NEAR=b)[0].NEAR_DIST, GLOBE.geod.inv(100, 10, 100, 11)[2], delta=2)

    def test_latitude_beyond_the_pole(self):
        """Not usable: an input counts as unmatched, a near feature is left out; one warning for each layer."""
        a = make(self.new('a.gpkg'), points([(0, 0), (0, 90.5), (0, -91)]), epsg=4326)
        b = make(self.new('b.gpkg'), points([(0, 95), (1, 1)]), epsg=4326)
        with listening() as said:
            rows = table(a, NEAR=b, UNMATCHED='NULL')
        self.assertEqual([(row.IN_FID, row.NEAR_FID) for row in rows], [(1, 2), (2, -1), (3, -1)])
        self.assertEqual(len(said.warnings()), 2, said.seen)

    def test_workers(self):
        """The same rows for any split."""
        generator = rng('geo workers')
        a = make(self.new('a.gpkg'), random_geometries(generator, 'Any', 300, 20, 0.3, 170, 50), epsg=4326)
        b = make(self.new('b.gpkg'), random_geometries(generator, 'Any', 300, 20, 0.3, 170, 50), epsg=4326)
        want = [vars(row) for row in table(a, NEAR=b, CLOSEST=2, LOCATION=True, ANGLE=True, NUM_WORKERS=1)]
        for workers, size in ((2, 1), (3, 50), (7, 97)):
            got = table(a, NEAR=b, CLOSEST=2, LOCATION=True, ANGLE=True, NUM_WORKERS=workers, PARTITION_SIZE=size)
            self.assertEqual([vars(row) for row in got], want)


if __name__ == '__main__':
    unittest.main()
