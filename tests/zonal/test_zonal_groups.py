"""ZONE_FIELD: features with the same value are one zone, in which each cell counts once."""
import math
import struct
import unittest
from fractions import Fraction

import numpy as np

import exact
from zonal_common import (KINDS, SIX, ZonalCase, all_bits, area, box, file_rows, inside, listening, open_table, rectangle, rng, run, table)

ORDER = ('b', 'a', None, 'c')


def ring_about(random, x, y, radius):
    """A ring without crossings, around that place."""
    angles = (np.arange(7) + random.uniform(0.05, 0.95, 7)) * (2 * math.pi / 7)
    return [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, radius * random.uniform(0.4, 1, 7))]


def cells_of(rings):
    """The cells of SIX whose centres these polygons cover together."""
    found = np.zeros((6, 6), bool)
    y, x = np.mgrid[0:6, 0:6] + 0.5
    for ring in rings:
        found |= inside([ring], x, y)
    return found


def shares_of(rings):
    """Of the cells of SIX, the parts of each ring summed up, at most 1."""
    total = {}
    for ring in rings:
        for cell, share in exact.fractions([[ring]], (0, 0, 6, 6)).items():
            total[cell] = total.get(cell, 0) + share
    return {cell: min(Fraction(1), Fraction(share)) for cell, share in total.items()}


class Groups(ZonalCase):
    def group_zones(self, rings, values):
        return self.zones([area([ring]) for ring in rings], fields={'kind': values})

    def random_groups(self, n=60):
        random = rng('groups')
        rings = [ring_about(random, *random.uniform(0, 6, 2), random.uniform(0.3, 2.5)) for _ in range(n)]
        values = [ORDER[i % 4] if i < 4 else ORDER[random.integers(4)] for i in range(n)]
        return rings, values

    def test_against_masks(self):
        """A row for each value, in the order in which values come first; features without one are a group, too."""
        rings, values = self.random_groups()
        rows = table(self.group_zones(rings, values), RASTER=self.raster(), STATS='COUNT,SUM,MAX', ZONE_FIELD='kind')
        self.assertEqual([row['kind'] for row in rows], list(ORDER))
        self.assertEqual([row['ZONE_FID'] for row in rows], [1, 2, 3, 4])
        for row in rows:
            mask = cells_of([ring for ring, value in zip(rings, values) if value == row['kind']])
            self.assertEqual((row['COUNT'], row['SUM'], row['MAX']), (mask.sum(), SIX[mask].sum(), SIX[mask].max()))

    def test_fractions(self):
        rings, values = self.random_groups(24)
        rows = table(self.group_zones(rings, values), RASTER=self.raster(), STATS='COUNT,SUM', PIXELS='FRACTION', ZONE_FIELD='KIND')
        for row in rows:
            shares = shares_of([ring for ring, value in zip(rings, values) if value == row['kind']])
            self.assertAlmostEqual(row['COUNT'], float(sum(shares.values())), delta=1e-12 * 36)
            self.assertAlmostEqual(row['SUM'], float(sum(int(SIX[cell]) * share for cell, share in shares.items())), delta=1e-12 * 666)

    def test_numbers(self):
        """Numbers are equal as numbers; the field is carried over with its type, also where FIELDS names it."""
        zones = self.zones([rectangle(0, 0, 1, 1), rectangle(5, 5, 6, 6), rectangle(0, 0, 1, 2), rectangle(3, 3, 4, 4)],
                           fields={'n': [1.5, 2, 1.5, None], 'name': ['x', 'y', 'z', 'w']})
        for fields, names in ((None, ['n']), ('name', ['n', 'name']), ('name,n', ['name', 'n']), ('*', ['n', 'name'])):
            options = {'FIELDS': fields} if fields else {}
            rows = table(zones, RASTER=self.raster(), STATS='COUNT', ZONE_FIELD='n', **options)
            self.assertEqual(list(rows[0]), ['ZONE_FID', 'COUNT'] + names)
            self.assertEqual([(row['ZONE_FID'], row['COUNT'], row['n']) for row in rows], [(1, 2, 1.5), (2, 1, 2), (4, 1, None)])

    def test_lines_and_points(self):
        """Each cell of points once; lines by their lengths together; of several kinds those of the highest dimension."""
        group = {'fields': {'kind': ['a'] * 3}}
        for zones, pixels, want in ((['POINT(0.5 5.5)', 'POINT(0.6 5.6)', 'POINT(1.5 5.5)'], 'CENTER', 2),
                                    (['LINESTRING(0 5.5,1 5.5)', 'LINESTRING(0 5.4,1 5.4)', 'LINESTRING(0.5 5.5,0.5 5.6)'], 'FRACTION', 2.1),
                                    (['LINESTRING(0 5.5,1 5.5)', 'LINESTRING(0 5.4,2 5.4)', 'POINT(5 5)'], 'TOUCHED', 2),
                                    ([rectangle(0, 0, 1, 1), 'LINESTRING(0 0,6 6)', None], 'FRACTION', 1)):
            rows = table(self.zones(zones, **group), RASTER=self.raster(), STATS='COUNT', PIXELS=pixels, ZONE_FIELD='kind')
            self.assertEqual(len(rows), 1)
            self.assertAlmostEqual(rows[0]['COUNT'], want, delta=1e-12)

    def test_invalid_members(self):
        """A bow tie is repaired, and named by its own FID; without it the others of its group count still."""
        tie = [(0, 0), (6, 6), (6, 0), (0, 6)]
        zones = self.group_zones([box(4, 4, 6, 6), tie, box(0, 0, 1, 1)], ['a', 'a', 'b'])
        mask = cells_of([box(4, 4, 6, 6), [(0, 0), (3, 3), (0, 6)], [(6, 0), (6, 6), (3, 3)]])
        for invalid, count in (('REPAIR', None), ('SKIP', 4)):
            with listening() as said:
                rows = table(zones, RASTER=self.raster(), STATS='COUNT', ZONE_FIELD='kind', INVALID=invalid)
            self.assertIn('FID 2', said.warnings()[0])
            self.assertEqual([row['COUNT'] for row in rows][1], 1)
            if count:
                self.assertEqual(rows[0]['COUNT'], count)
            else:
                self.assertGreaterEqual(rows[0]['COUNT'], mask.sum())
        self.fails(zones, 'feature 2', RASTER=self.raster(), ZONE_FIELD='kind', INVALID='FAIL')

    def big(self):
        random = rng('big groups')
        raster = self.raster(random.uniform(0, 1, (700, 900)).astype(np.float32), (0, 1, 0, 700, 0, -1), options=['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=64'])
        gt = (0, 1, 0, 700, 0, -1)
        zones = [area([ring_about(random, random.uniform(0, 900), random.uniform(0, 700), random.uniform(1, 40))], gt=gt) for _ in range(3000)]
        return raster, zones, [int(value) for value in random.integers(0, 40, len(zones))]

    def test_same_bytes(self):
        """Whatever the workers, tiles, the way in which the layer is read, and with parts of the table one after the other."""
        raster, zones, values = self.big()
        fields = {'fields': {'kind': values}}
        options = {'RASTER': raster, 'ZONE_FIELD': 'kind', 'STATS': 'COUNT,MEAN,STD,MEDIAN,MAX', 'PIXELS': 'FRACTION'}
        gpkg, csv = self.zones(zones, **fields), self.zones(zones, name='zones.fgb', **fields)
        want = table(gpkg, **options)
        self.assertEqual(len(want), 40)
        strip = lambda rows: [[pair for pair in row if pair[0] != 'ZONE_FID'] for row in all_bits(rows)]
        for kind in KINDS:
            for workers in (1, 2, 3, 7):
                self.assertEqual(all_bits(table(gpkg, NUM_WORKERS=workers, WORKERS=kind, TILE_SIZE=256 * workers, **options)), all_bits(want))
        self.assertEqual(strip(table(csv, **options)), strip(want))
        for parts in (3, 7):
            rows = [row for part in range(1, parts + 1) for row in table(gpkg, PARTITION='%d/%d' % (part, parts), **options)]
            self.assertEqual(all_bits(rows), all_bits(want))
        out = self.new('parts.vrt')
        run('ogr2ogr', '-f', 'ZONALSTATS', out, 'ZONALSTATS:' + gpkg, '-dsco', 'PARTS=3', *[word for name, value in options.items()
                                                                                          for word in ('-oo', '%s=%s' % (name, value))])
        self.assertEqual(all_bits(file_rows(out)), all_bits(want))

    def test_percentiles_in_several_passes(self):
        """More values in a group than are kept: the layer is read again for all of its members."""
        values = rng('passes').uniform(0, 1, (2100, 2100))
        raster = self.raster(values, (0, 1, 0, 2100, 0, -1))
        gt = (0, 1, 0, 2100, 0, -1)
        zones = self.zones([area([box(0, 0, 2100, 1050)], gt=gt), area([box(0, 1000, 2100, 2100)], gt=gt), area([box(0, 0, 10, 10)], gt=gt)],
                           fields={'kind': ['a', 'a', 'b']})
        for kind in KINDS:
            rows = table(zones, RASTER=raster, STATS='COUNT,MEDIAN,PCT90', ZONE_FIELD='kind', WORKERS=kind)
            self.assertEqual([row['COUNT'] for row in rows], [2100 * 2100, 100])
            self.assertEqual([rows[0]['MEDIAN'], rows[0]['PCT90']], list(np.percentile(values, [50, 90])))

    def test_groups_that_do_not_fit(self):
        """More vertices than are held at a time, in groups that lie all over the layer: it is read several times."""
        n, groups = 340, 7  # of 30,000 vertices each: 170 MB
        angle = np.append(np.linspace(0, 2 * math.pi, 30000), 0)
        circles = [struct.pack('<BIII', 1, 3, 1, len(angle)) + np.column_stack((3 + r * np.cos(angle), 3 + r * np.sin(angle))).tobytes()
                   for r in np.linspace(0.3, 2.9, groups)]
        zones = self.zones([circles[(i * 5) % groups] for i in range(n)], fields={'kind': [(i * 5) % groups for i in range(n)]}, name='zones.fgb')
        rows = table(zones, RASTER=self.raster(), STATS='COUNT,SUM', PIXELS='FRACTION', ZONE_FIELD='kind')
        self.assertEqual([row['kind'] for row in rows], [(i * 5) % groups for i in range(groups)])
        each = {}  # and each for itself, in several ranges of the layer
        for i, row in enumerate(table(zones, RASTER=self.raster(), STATS='COUNT', PIXELS='FRACTION')):
            each.setdefault((i * 5) % groups, []).append(row)
        self.assertEqual(sum(len(some) for some in each.values()), n)
        cells = self.raster(np.eye(36).reshape(36, 6, 6))  # a band for each cell
        for row in rows:
            share = list(table(self.zones([circles[row['kind']]]), RASTER=cells, STATS='SUM', PIXELS='FRACTION')[0].values())[1:]
            copies = sum((i * 5) % groups == row['kind'] for i in range(n))
            alone = sum(part or 0 for part in share)
            self.assertTrue(all(abs(one['COUNT'] - alone) < 1e-9 for one in each[row['kind']]))
            self.assertAlmostEqual(row['COUNT'], sum(min(1, copies * (part or 0)) for part in share), delta=1e-9)

    def test_count(self):
        """The number of rows is that of the groups, however it is asked."""
        rings, values = self.random_groups()
        zones = self.group_zones(rings, values)
        layer = open_table(zones, RASTER=self.raster(), ZONE_FIELD='kind')
        self.assertEqual(layer.GetLayer(0).GetFeatureCount(), 4)

    def test_errors(self):
        zones = self.group_zones([box(0, 0, 1, 1)], ['a'])
        self.fails(zones, 'ZONE_FIELD=no', 'there is no such field', RASTER=self.raster(), ZONE_FIELD='no')
        self.fails(zones, 'ZONE_FIELD=', 'expected the name of a field', RASTER=self.raster(), ZONE_FIELD='')
        self.fails(zones, 'GEOMETRY=ZONE and ZONE_FIELD', RASTER=self.raster(), ZONE_FIELD='kind', GEOMETRY='ZONE')


if __name__ == '__main__':
    unittest.main()
