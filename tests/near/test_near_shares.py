"""Shares of a near table read only what they can reach: the rows are those of the whole table, and less is read for them."""
import math
import os
import re
import shutil
import struct
import unittest

import numpy as np
from osgeo import gdal, ogr, osr

from near_brute import random_geometries
from near_common import NearCase, good, listening, make, near, rng, rows_of, srs_of

KINDS = ('Point', 'LineString', 'Polygon')
OGR_KIND = {'Point': ogr.wkbPoint, 'LineString': ogr.wkbLineString, 'Polygon': ogr.wkbPolygon, 'MultiPoint': ogr.wkbMultiPoint}


def contents(path):
    with open(path, 'rb') as file:
        return file.read()


def first_vertex(geometry):
    while isinstance(geometry, (list, tuple)) and not isinstance(geometry[0], (int, float)):
        geometry = geometry[1] if isinstance(geometry[0], str) else geometry[0]
    return tuple(geometry)


def moved(geometry, change):
    """The geometry with each vertex changed."""
    kind, data = geometry

    def walk(part):
        return change(*part) if isinstance(part[0], (int, float, np.floating)) else [walk(one) for one in part]
    return kind, walk(data)


class Shares(NearCase):
    def layer(self, ending, geometries, kind, epsg=32632, **more):
        """A file with a spatial index. Geometries are in order along x, so that shares are compact."""
        options = {'fgb': ('SPATIAL_INDEX=YES',), 'gpkg': ('SPATIAL_INDEX=YES',), 'shp': ('SPATIAL_INDEX=YES',)}[ending]
        return make(self.new('side.' + ending), geometries, kind=OGR_KIND.get(kind, ogr.wkbUnknown), epsg=epsg, options=options, **more)

    def rows(self, source, **options):
        """Rows without their numbers, what GDAL warned of, and how many near features were read by an index."""
        gdal.SetConfigOption('CPL_DEBUG', 'FISHNET')
        try:
            with listening() as said:
                dataset = near(source, NUM_WORKERS=2, **options)
                rows = rows_of(dataset.GetLayer(0))
                dataset = None
        finally:
            gdal.SetConfigOption('CPL_DEBUG', None)
        for row in rows:
            del row.row
        found = [int(n) for text in said.debugs() for n in re.findall(r'(\d+) near features of .* are read, which the share can reach', text)]
        self.debugs = said.debugs()
        return [vars(row) for row in rows], said.warnings(), found

    def same(self, source, parts=(1, 3, 7), what='', **options):
        """Returns how many near features each share read by an index, of the last number of parts."""
        whole, _, found = self.rows(source, **options)
        self.assertEqual(found, [], 'the whole table reads all')
        for n in parts:
            joined, counts = [], []
            for i in range(1, n + 1):
                rows, _, found = self.rows(source, PARTITION='%d/%d' % (i, n), **options)
                joined += rows
                counts += found
            self.assertEqual(repr(joined), repr(whole), '%s in %d: %s' % (what, n, options))
            self.assertFalse(n == 1 and counts)
        self.assertTrue(whole or 'RADIUS' in options)
        return counts

    def sides(self, seed, kinds, n=210, nears=900, extent=30000, size=400, endings=('fgb', 'fgb'), **more):
        generator = rng('shares', seed, *kinds)
        inputs = sorted(random_geometries(generator, kinds[0], n, extent, size), key=lambda g: first_vertex(g))
        others = random_geometries(generator, kinds[1], nears, extent, size)
        fields = [{'v': [int(v) for v in generator.integers(0, 4, len(side))]} for side in (inputs, others)]
        return [self.layer(ending, side, kind, fields=field, **more)
                for ending, side, kind, field in zip(endings, (inputs, others), kinds, fields)]

    def test_planar(self):
        for turn, (left, right) in enumerate((left, right) for left in KINDS for right in KINDS):
            endings = (('fgb', 'fgb'), ('gpkg', 'gpkg'), ('shp', 'shp'), ('fgb', 'gpkg'), ('gpkg', 'fgb'))[turn % 5]
            a, b = self.sides(turn, (left, right), endings=endings)
            counts = self.same(a, NEAR=b, RADIUS=900, CLOSEST=(1, 3, 'ALL')[turn % 3], LOCATION=True, ANGLE=True, FIELDS='v', NEAR_FIELDS='v', what=endings)
            self.assertEqual(len(counts), 0 if endings[1] == 'shp' else 7, (endings, left, right))
            self.assertLess(max(counts, default=0), 600)

    def test_limits(self):
        """Groups, rows without neighbours, units, conditions, several near layers."""
        a, b = self.sides(1, ('Point', 'Point'))
        c = self.sides(2, ('Point', 'LineString'), endings=('gpkg', 'gpkg'))[1]
        for options in ({'RADIUS': 700, 'MATCH': 'v'}, {'RADIUS': '0.7km', 'UNMATCHED': 'NULL'}, {'RADIUS': 0, 'UNMATCHED': 'NULL'},
                        {'RADIUS': 2000, 'MIN_RADIUS': 800, 'CLOSEST': 4}, {'RADIUS': 800, 'NEAR_WHERE': 'v = 2', 'WHERE': 'v < 3', 'MATCH': 'v'},
                        {'RADIUS': 500, 'NEAR': [b, c], 'CLOSEST': 3}):
            self.assertTrue(self.same(a, **dict({'NEAR': b}, **options)))

    def test_without_radius(self):
        a, b = self.sides(3, ('Point', 'Point'))
        self.assertEqual(self.same(a, NEAR=b, CLOSEST=2), [])

    def test_itself(self):
        """The features of a share are told apart from their neighbours, also from those at the same place."""
        generator = rng('itself')
        for ending in ('fgb', 'gpkg', 'shp'):
            for kind in ('Point', 'Polygon'):
                some = random_geometries(generator, kind, 400, 30000, 300)
                both = sorted(some + some[:60], key=first_vertex)
                a = self.layer(ending, both, kind)
                for choice in ('AUTO', 'YES', 'NO'):
                    counts = self.same(a, NEAR=a, RADIUS=900, CLOSEST=2, EXCLUDE_SELF=choice)
                    self.assertEqual(len(counts), 0 if ending == 'shp' else 7)

    def test_unusable(self):
        """Null and empty geometries on both sides; the index knows nothing of them."""
        generator = rng('unusable')
        inputs = sorted(random_geometries(generator, 'Point', 200, 30000), key=first_vertex)
        others = random_geometries(generator, 'LineString', 900, 30000, 300)
        for i in range(0, 200, 9):
            inputs[i] = (None, 'POINT EMPTY')[i % 2]
        for i in range(0, 900, 7):
            others[i] = (None, 'LINESTRING EMPTY')[i % 2]
        a, b = self.layer('gpkg', inputs, ''), self.layer('gpkg', others, '')
        for options in ({}, {'UNMATCHED': 'NULL'}):
            self.assertEqual(len(self.same(a, NEAR=b, RADIUS=900, **options)), 7)
        nothing = self.layer('gpkg', [None] * 20, '')
        self.same(nothing, NEAR=b, RADIUS=900, UNMATCHED='NULL')
        self.same(a, NEAR=nothing, RADIUS=900, UNMATCHED='NULL')

    def globe(self, generator, kind, n, x, y, width, size, turn=0):
        """Around a place on earth; turn: what is added to some longitudes."""
        def change(lon, lat):
            lon, lat = x + (lon - 500) * width / 1000, y + (lat - 500) * width / 1000
            lat = max(-90.0, min(90.0, lat))
            lon = (lon + 180) % 360 - 180 if turn == 0 else lon + turn
            return lon, lat
        return sorted((moved(g, change) for g in random_geometries(generator, kind, n, 1000, size * 1000 / width)), key=first_vertex)

    def test_geodesic(self):
        """Anywhere on earth, at a pole and over the antimeridian, with longitudes from -180, from 0, and farther."""
        generator = rng('geodesic')
        for place, (x, y, width) in {'middle': (10, 50, 8), 'equator': (-60, 0, 5), 'north': (20, 70, 8), 'pole': (0, 88, 12),
                                     'antimeridian': (179, -17, 8), 'turned': (10, -50, 8)}.items():
            for left, right in (('Point', 'Point'), ('Polygon', 'LineString'), ('LineString', 'Polygon'), ('LineString', 'Point'), ('Polygon', 'MultiPoint')):
                a = self.layer('gpkg', self.globe(generator, left, 150, x, y, width, 0.4), '', epsg=4326)
                b = self.layer('fgb', self.globe(generator, right, 500, x, y, width, 0.6, 360 if place == 'turned' else 0), right, epsg=4326)
                counts = self.same(a, parts=(7,), NEAR=b, RADIUS='30km', LOCATION=True, what=place)
                if 'Point' not in right:
                    self.assertEqual(counts, [], 'of edges that are geodesics an index knows nothing')
                elif place not in ('pole', 'antimeridian'):
                    self.assertTrue(counts, (place, left, right))

    def test_edges_that_are_geodesics(self):
        """The share's edges come to latitudes that none of its vertices has."""
        peak = math.degrees(math.atan(math.tan(math.radians(60)) / math.cos(math.radians(20))))
        for sign in (1, -1):
            inputs = self.layer('fgb', [('LineString', [(0, 60 * sign), (40, 60 * sign)])] * 8, 'LineString', epsg=4326)
            others = [('Point', (20, sign * (peak + 0.1)))] + [('Point', (x, y)) for x in range(-20, 60) for y in range(-89, 90)]
            others = self.layer('fgb', others, 'Point', epsg=4326)
            options = dict(NEAR=others, RADIUS='30km', CLOSEST='ALL', LOCATION=True)
            counts = self.same(inputs, parts=(2, 8), **options)
            self.assertEqual(len(counts), 8)
            rows, _, _ = self.rows(inputs, PARTITION='1/2', **options)
            self.assertTrue(any(abs(row['NEAR_Y']) > peak for row in rows))

    def test_odd_geometries(self):
        """What a filter drops, or fails with, may be a neighbour all the same."""
        ring = [(0, 0), (30000, 1), (30001, 30000), (-3, 30003)]
        odd = {'not closed': struct.pack('<BIII', 1, 3, 1, 4) + b''.join(struct.pack('<2d', *p) for p in ring),
               'curve': 'CURVEPOLYGON ((-9 -9,40000 0,0 60000,-9 -9))', 'arc': 'CIRCULARSTRING (-90000 5000,0 5300,90000 5000)',
               'surface': 'POLYHEDRALSURFACE (((-9 -9,40000 0,0 60000,-9 -9)))', 'triangles': 'TIN (((-9 -9,40000 0,0 60000,-9 -9)))',
               'bow tie': 'POLYGON ((0 0,30000 30000,30000 0,0 30000,0 0))', 'flat': 'POLYGON ((0 0,30000 30000,0 0))',
               'twice': 'POLYGON ((-5 -5,40000 0,0 60000,-5 -5,40000 0,0 60000,-5 -5))',
               'collection': 'GEOMETRYCOLLECTION (POINT (-50000 -50000),LINESTRING (0 0,30000 30000))', 'line': 'LINESTRING (0 0,30000 30000)'}
        inputs = self.layer('gpkg', sorted(random_geometries(rng('odd'), 'Point', 100, 10000), key=first_vertex), 'Point')
        others = ['POLYGON ((%d %d,%d %d,%d %d,%d %d))' % (x, y, x + 9, y, x, y + 9, x, y) for x in range(-90000, 90000, 6000) for y in range(-90000, 90000, 9000)]
        for turn, (name, geometry) in enumerate(odd.items()):
            b = self.layer(('fgb', 'gpkg')[turn % 2], [geometry] + others, '')
            counts = self.same(inputs, parts=(5,), NEAR=b, RADIUS=300, what=name)
            self.assertLess(len(counts), 5) if name == 'not closed' else self.assertEqual(len(counts), 5, name)

    def transformed(self, geometries, source, target):
        way = osr.CoordinateTransformation(srs_of(source), srs_of(target))
        return [moved(g, lambda x, y: tuple(way.TransformPoint(float(x), float(y))[:2])) for g in geometries]

    def test_other_crs(self):
        """Of layers in another CRS than is computed in all are read: lines bend elsewhere there, and far places may come to near ones."""
        generator = rng('crs')
        for epsg, near_epsg in ((32632, 4326), (32632, 3035), (32632, 3857), (4326, 25832), (4326, 4258), (3857, 32632), (31467, 4326)):
            for kind in ('Point', 'LineString'):
                inputs = self.transformed(self.globe(generator, 'Point', 150, 9, 50, 4, 0.1), 4326, epsg)
                others = self.transformed(self.globe(generator, kind, 700, 9, 50, 4, 0.1), 4326, near_epsg)
                a, b = self.layer('fgb', inputs, 'Point', epsg=epsg), self.layer('fgb', others, kind, epsg=near_epsg)
                for method in ('AUTO', 'GEODESIC'):
                    counts = self.same(a, parts=(7,), NEAR=b, RADIUS='20km', METHOD=method, what=(epsg, near_epsg, kind))
                    own = method == 'GEODESIC' and kind == 'Point' and near_epsg == 4326  # which may be what is computed in
                    self.assertTrue(own or not counts, (epsg, near_epsg, kind, method))

    def test_places_that_fold(self):
        """A projection brings far places to the coordinates of near ones; so they are neighbours, in shares, too."""
        grid = [ogr.CreateGeometryFromWkt('POINT (%d %d)' % (x, y)) for x in range(-179, 180, 2) for y in range(-89, 90, 2)]
        b = self.layer('fgb', grid, 'Point', epsg=4326)
        for epsg, x, y in ((2056, 8, 47), (5514, 15, 49)):
            inputs = self.transformed(self.globe(rng('fold'), 'Point', 120, x, y, 3, 0.1), 4326, epsg)
            a = self.layer('fgb', sorted(inputs, key=first_vertex), 'Point', epsg=epsg)
            self.assertEqual(self.same(a, NEAR=b, RADIUS='150km', CLOSEST='ALL', what=epsg), [])

    def test_indices_and_types_that_lie(self):
        """A Shapefile with the index of another one; a table of points that holds a line, which is a geodesic."""
        a, b = self.sides(11, ('Point', 'Point'), endings=('fgb', 'shp'))
        few = self.layer('shp', random_geometries(rng('few'), 'Point', 60, 9000), 'Point')
        shutil.copy(few[:-4] + '.qix', b[:-4] + '.qix')
        self.same(a, NEAR=b, RADIUS=900, CLOSEST='ALL')
        points = [ogr.CreateGeometryFromWkt('POINT (%.1f 64)' % (30 + k / 10)) for k in range(5)]
        strange = [ogr.CreateGeometryFromWkt('LINESTRING (0 60,60 60)')] + [ogr.CreateGeometryFromWkt('POINT (%d 10)' % k) for k in range(300)]
        a, b = self.layer('fgb', points, 'Point', epsg=4326), self.layer('gpkg', strange, 'Point', epsg=4326)
        self.same(a, parts=(2, 5), NEAR=b, RADIUS='200km')

    def test_random(self):
        """Any mixture of all that."""
        generator = rng('random')
        for case in range(36):
            pick = lambda *these: these[int(generator.integers(len(these)))]
            kinds = pick(*KINDS, 'MultiPoint'), pick(*KINDS, 'MultiPoint')
            crs = pick(32632, 4326, 4326, 3857), pick(32632, 4326, 3857, 0)
            crs = crs[0], crs[1] or crs[0]
            x, y, width = pick(9, 179.5, -179, 150, 8), float(generator.uniform(-80, 80)), float(generator.uniform(1, 9))
            if 32632 in crs or 3857 in crs:
                x, y = 9, float(generator.uniform(20, 70))
            size = width * float(generator.uniform(0.01, 0.2))
            turn = pick(0, 0, 360, -360) if crs == (4326, 4326) else 0
            inputs = self.globe(generator, kinds[0], int(generator.integers(1, 120)), x, y, width, size)
            others = self.globe(generator, kinds[1], int(generator.integers(1, 500)), x, y, width, size, turn)
            a = self.layer(pick('fgb', 'gpkg'), self.transformed(inputs, 4326, crs[0]), kinds[0], epsg=crs[0])
            b = self.layer(pick('fgb', 'gpkg'), self.transformed(others, 4326, crs[1]), kinds[1], epsg=crs[1])
            method = pick('AUTO', 'GEODESIC', 'PLANAR')
            radius = float(generator.uniform(0, width / 8)) * (1 if crs[0] == 4326 and method == 'PLANAR' else 111000)
            options = dict(NEAR=b, RADIUS='%.17g' % radius, METHOD=method, CLOSEST=pick(1, 3, 'ALL'), WORKERS=pick('THREADS', 'THREADS', 'PROCESSES'))
            self.same(a, parts=(pick(2, 3, 7), ), what='case %d: %s %s at %s' % (case, kinds, crs, (x, y, width)), **options)

    def test_parts(self):
        """Parts of a share have one near side, of all that they reach."""
        a, b = self.sides(5, ('Point', 'Polygon'))
        folders = []
        for name, shares in (('one.vrt', ['']), ('more.vrt', ['1/3', '2/3', '3/3'])):
            for share in shares:
                words = ['-dsco', 'PARTITION=' + share] if share else []
                good('ogr2ogr', '-q', '-f', 'NEARTABLE', self.path(name), 'NEARTABLE:' + a, '-oo', 'NEAR=' + b, '-oo', 'RADIUS=900', '-dsco', 'FORMAT=CSV',
                     '-dsco', 'PARTS=8', *words)
            folder = self.path(name[:-4] + '_parts')
            folders.append({part: contents(os.path.join(folder, part)) for part in os.listdir(folder) if part.endswith('.csv')})
        self.assertEqual(len(folders[0]), 8)
        self.assertEqual(folders[0], folders[1])

    def test_fetched(self):
        """What lies before a share of a FlatGeobuf with an index is not read: it may even be damaged."""
        generator = rng('fetched')
        inputs = random_geometries(generator, 'Point', 2000, 30000)
        a = self.layer('fgb', inputs, 'Point', fields={'name': ['n%d' % i for i in range(2000)]})
        _, b = self.sides(6, ('Point', 'Point'))
        options = dict(NEAR=b, FIELDS='name')
        whole, _, _ = self.rows(a, **options)
        for kind in ('THREADS', 'PROCESSES'):
            joined = []
            for i in range(1, 41):
                joined += self.rows(a, PARTITION='%d/40' % i, WORKERS=kind, PARTITION_SIZE=17, **options)[0]
                self.assertEqual(any('one by one' in text for text in self.debugs), i > 10, i)
            self.assertEqual(repr(joined), repr(whole), kind)
        dataset = ogr.Open(a)
        name = dataset.GetLayer(0).GetFeature(3).GetField('name').encode()
        dataset = None
        with open(a, 'r+b') as file:
            text = file.read()
            at = text.rindex(name)
            file.seek(at - 60)
            file.write(b'\xff' * 58)
        self.refused(a, PARTITION='1/40', **options)
        self.assertEqual(repr(self.rows(a, PARTITION='40/40', **options)[0]), repr(whole[1950:]))

    def test_a_stream(self):
        """Without an index, and with a condition, features are counted from the first."""
        inputs = random_geometries(rng('stream'), 'Point', 600, 30000)
        fields = {'v': [i % 3 for i in range(600)]}
        plain = make(self.new('plain.fgb'), inputs, kind=ogr.wkbPoint, fields=fields)
        indexed = self.layer('fgb', inputs, 'Point', fields=fields)
        _, b = self.sides(7, ('Point', 'Point'))
        for source, where in ((plain, None), (indexed, 'v = 1')):
            options = dict({'NEAR': b}, **({'WHERE': where} if where else {}))
            whole, _, _ = self.rows(source, **options)
            joined = []
            for i in range(1, 21):
                joined += self.rows(source, PARTITION='%d/20' % i, **options)[0]
                self.assertFalse(any('one by one' in text for text in self.debugs))
            self.assertEqual(repr(joined), repr(whole))


if __name__ == '__main__':
    unittest.main()
