"""A task that fails after its input was read: the second attempt has the same input, whichever way it is read."""
import os
import subprocess
import sys
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'near'))
from near_brute import random_geometries  # noqa: E402
from near_common import NearCase, make, oo, points, rng  # noqa: E402
from patience import patience  # noqa: E402  (near_common knows where it is)

VERTICES = 120  # of a polygon: of smaller ones GEOS is not asked for distances


def circles(generator, n):
    turns = 2 * np.pi * np.arange(VERTICES + 1) / VERTICES
    for x, y, radius in zip(*generator.uniform(0, 1000, (2, n)), generator.uniform(5, 40, n)):
        yield 'POLYGON((%s))' % ','.join('%.3f %.3f' % p for p in zip(x + radius * np.cos(turns), y + radius * np.sin(turns % (2 * np.pi))))


SHIM = os.environ['FISHNET_FAILING_SEARCH']


class SecondAttempts(NearCase):
    @classmethod
    def prepare(cls):
        generator = rng('attempts')
        cls.near = make(cls.path('near.gpkg'), list(circles(generator, 300)), kind=3, fields={'m': range(300)})
        xy, numbers = points(generator.uniform(0, 1000, (2000, 2))), {'n': range(2000)}
        lines = random_geometries(generator, 'LineString', 2000, 1000, 10)
        many = {'CLOSEST': 'ALL', 'RADIUS': 50}
        cls.ways = {
            'points': (make(cls.path('a.geojson'), xy, fields=numbers, kind=1), many),  # they are taken out while they are read
            'csv': (make(cls.path('a.csv'), xy, fields=numbers), many),
            'features': (make(cls.path('b.geojson'), lines, fields=numbers), {}),
            'condition': (cls.path('b.geojson'), {'WHERE': 'n >= 200'}),
            'groups': (cls.path('b.geojson'), {'MATCH': 'n=m', 'NEAR_FIELDS': 'm'}),  # these are not read in advance
            'transformed': (make(cls.path('c.geojson'), lines, epsg=25832), {}),
            'by FID': (make(cls.path('d.gpkg'), lines), {}),
            'by number': (make(cls.path('e.shp'), lines, kind=2), {})}

    def run_once(self, way, at=0, duration='once', **more):
        """(exit status, what was said, rows)"""
        source, options = self.ways[way]
        options = dict({'NEAR': self.near, 'CLOSEST': 2, 'FIELDS': '*', 'NUM_WORKERS': 3, 'PARTITION_SIZE': 100}, **options)
        out = self.path('out.csv')
        if os.path.exists(out):
            os.remove(out)
        env = dict(os.environ, LD_PRELOAD=SHIM, FAIL_AT=str(at), FAIL_FOR=duration, CPL_DEBUG='FISHNET')
        done = subprocess.run(['ogr2ogr', out, 'NEARTABLE:' + source] + oo(**dict(options, **more)), env=env, timeout=patience(30),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        with open(out) as f:
            return done.returncode, done.stdout, f.read()

    def test_every_way(self):
        for way in self.ways:
            status, said, want = self.run_once(way)
            self.assertEqual((status, 'again' in said), (0, False), way)
            for workers, at in ((3, 1), (1, 15), (3, 15)):
                with self.subTest(way=way, workers=workers, at=at):
                    status, said, rows = self.run_once(way, at, NUM_WORKERS=workers)
                    self.assertRegex(said, '; again')
                    self.assertEqual((status, 'cannot be used' in said), (0, False), said)
                    self.assertEqual(rows, want)

    def test_for_good(self):
        """The error names the input, the range and the cause."""
        for way, cause in (('points', 'out of memory'), ('features', 'GEOS'), ('by FID', 'GEOS')):
            status, said, _ = self.run_once(way, 15, 'always', RETRIES=1)
            self.assertNotEqual(status, 0, way)
            for word in (os.path.basename(self.ways[way][0]), ' to ', cause, 'tried 2 times'):
                self.assertIn(word, said)


if __name__ == '__main__':
    unittest.main()
