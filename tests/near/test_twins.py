"""Features that share a FID are told apart: each is the other's neighbour, and none is its own."""
import json
import sys
import unittest

import numpy as np
from osgeo import ogr

from near_brute import random_geometries
from near_common import NearCase, make, rng, table, to_ogr

N, FIDS = 600, 50


class Twins(NearCase):
    @classmethod
    def prepare(cls):
        generator = rng('twins')
        cls.xy = generator.uniform(0, 1000, (N, 2))
        cls.xy[N // 2:] = cls.xy[:N // 2] + 0.25 * (np.arange(N // 2) % 2)[:, None]  # each has another one at its place, or beside it
        cls.fids = [int(fid) for fid in generator.integers(1, FIDS, N)]
        cls.distances = np.hypot(*(cls.xy[:, None] - cls.xy[None]).transpose(2, 0, 1))
        np.fill_diagonal(cls.distances, np.inf)
        cls.layer = cls.vrt('points', ['POINT(%r %r)' % tuple(map(float, one)) for one in cls.xy], cls.fids)

    @classmethod
    def vrt(cls, name, geometries, fids):
        """A layer whose FIDs are a column of a file, whatever stands there. i is the place."""
        source = make(cls.path(name + '.csv'), geometries, fields={'fid_': fids, 'i': range(len(fids))}, layer=name)
        with open(cls.path(name + '.vrt'), 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="%s"><SrcDataSource>%s</SrcDataSource><FID>fid_</FID>'
                    '<LayerSRS>EPSG:32632</LayerSRS><GeometryField encoding="WKT" field="WKT"/><Field name="i" type="Integer"/>'
                    '</OGRVRTLayer></OGRVRTDataSource>' % (name, source))
        return cls.path(name + '.vrt')

    def found(self, **options):
        return [(row.i, row.NEAR_i, row.NEAR_DIST) for row in table(self.layer, NEAR=self.layer, FIELDS='i', NEAR_FIELDS='i', **options)]

    def expected(self, closest, places=range(N)):
        """Ties by FID, then by place."""
        rows = []
        for i in places:
            order = sorted((j for j in range(N) if j != i), key=lambda j: (self.distances[i, j], self.fids[j], j))
            rows += [(i, j, self.distances[i, j]) for j in order[:closest]]
        return rows

    def same(self, got, want):
        self.assertEqual([row[:2] for row in got], [row[:2] for row in want])
        np.testing.assert_allclose([row[2] for row in got], [row[2] for row in want], rtol=1e-12, atol=1e-12)

    def test_every_kind_of_reading(self):
        for closest in (1, 3, 20):
            want = self.expected(closest)
            for options in ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 3, 'PARTITION_SIZE': 50}, {'NUM_WORKERS': 2, 'PARTITION_SIZE': 70, 'WORKERS': 'PROCESSES'}):
                with self.subTest(closest=closest, **options):
                    self.same(self.found(CLOSEST=closest, **options), want)

    def test_partitions(self):
        rows = [row for part in (1, 2, 3) for row in self.found(CLOSEST=2, PARTITION='%d/3' % part)]
        self.same(rows, self.expected(2))

    def test_a_condition(self):
        """The same on both sides: places are those among what is left."""
        where = 'i % 3 <> 1'
        got = self.found(WHERE=where, NEAR_WHERE=where, CLOSEST=1)
        left = [i for i in range(N) if i % 3 != 1]
        nearest = [min((self.distances[i, j], self.fids[j], j) for j in left if j != i) for i in left]
        self.same(got, [(i, j, distance) for i, (distance, _, j) in zip(left, nearest)])

    def test_two_conditions(self):
        """There is nothing to know them by."""
        self.refused(self.layer, 'EXCLUDE_SELF', 'the FID ', 'NEAR_WHERE', NEAR=self.layer, NEAR_WHERE='i % 3 <> 1')
        self.refused(self.layer, 'EXCLUDE_SELF', 'the FID ', NEAR=[self.layer, self.layer])
        self.assertEqual(len(table(self.layer, NEAR=self.layer, NEAR_WHERE='i % 3 <> 1', EXCLUDE_SELF=False)), N)
        unique = self.vrt('unique', ['POINT(%d 0)' % i for i in range(40)], [7 * i % 41 for i in range(40)])
        rows = table(unique, NEAR=unique, NEAR_WHERE='i < 20')
        self.assertEqual([row.NEAR_DIST for row in rows], [1] * 20 + [i - 19 for i in range(20, 40)])

    def test_unusable_between(self):
        """Features that are not in the index have places too."""
        geometries = [None if i % 7 == 3 else 'POINT(%d 0)' % (i * i) for i in range(200)]
        layer = self.vrt('holes', geometries, [i % 5 for i in range(200)])
        rows = table(layer, NEAR=layer, FIELDS='i', NEAR_FIELDS='i', PARTITION_SIZE=16)
        left = [i for i in range(200) if geometries[i]]
        self.assertEqual([(row.i, row.NEAR_i) for row in rows],
                         [(i, min((abs(i * i - j * j), j % 5, j) for j in left if j != i)[2]) for i in left])

    def test_lines(self):
        lines = random_geometries(rng('twin lines'), 'LineString', 120, 400, 30)
        layer = self.vrt('lines', [to_ogr(line).ExportToWkt() for line in lines], [1] * 120)
        rows = table(layer, NEAR=layer, FIELDS='i', NEAR_FIELDS='i', CLOSEST=2, PARTITION_SIZE=16)
        self.assertEqual(len(rows), 240)
        self.assertFalse([row for row in rows if row.i == row.NEAR_i])

    def test_geojson_with_some_ids(self):
        """A feature without an id is numbered, and the number may be another one's id."""
        path = self.path('ids.geojson')
        features = [{'type': 'Feature', 'properties': {'i': i}, 'geometry': {'type': 'Point', 'coordinates': [i * 0.01, 45]}} for i in range(30)]
        for i, feature in enumerate(features):
            if i % 3:
                feature['id'] = (i + 10) % 30
        with open(path, 'w') as f:
            json.dump({'type': 'FeatureCollection', 'features': features}, f)
        rows = table(path, NEAR=path, FIELDS='i', NEAR_FIELDS='i')
        dataset = ogr.Open(path)  # newer GDALs give the second one another number
        self.assertEqual([row.IN_FID for row in rows], [feature.GetFID() for feature in dataset.GetLayer(0)])
        self.assertEqual([row.i for row in rows], list(range(30)))
        self.assertEqual({abs(row.i - row.NEAR_i) for row in rows}, {1})


if __name__ == '__main__':
    sys.exit(unittest.main())
