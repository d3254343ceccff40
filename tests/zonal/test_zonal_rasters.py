"""Zones that a raster gives: a row for each of its numbers, against numpy."""
import unittest

import numpy as np
from osgeo import gdal

from zonal_common import KINDS, SIX, ZonalCase, all_bits, columns, file_rows, listening, open_table, oo, rng, run, table

GT = (500000, 10, 0, 5000000, 0, -10)
STATS = 'COUNT,MIN,MAX,SUM,MEAN,MEDIAN,VARIETY,MAJORITY'
TILED = {'options': ['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=128']}


def by_numpy(zones, values, number):
    own = values[(zones == number) & ~np.isnan(values)].astype(np.float64)
    return len(own), own.min(), own.max(), np.percentile(own, 50)


class Rasters(ZonalCase):
    def patches(self, shape, numbers, dtype, name):
        """Patches of numbers, with single cells strewn in."""
        random = rng(name)
        zones = np.kron(random.choice(numbers, (shape[0] // 8 + 1, shape[1] // 8 + 1)), np.ones((8, 8), np.int64))[:shape[0], :shape[1]]
        strewn = random.uniform(size=shape) < 0.05
        return np.where(strewn, random.choice(numbers, shape), zones).astype(dtype)

    def test_types(self):
        """Whole numbers of all kinds, below 0 and beyond 2^53; NoData is no zone."""
        values = rng('values').uniform(-5, 5, (70, 90)).astype(np.float32)
        values[20:25, 30:50] = np.nan
        kinds = [('uint8', [0, 3, 255]), ('uint16', [0, 65535]), ('int16', [-32768, -1, 7]), ('uint32', [1, 2**32 - 1]), ('int32', [-2**31, -5, 0, 2**31 - 1])]
        if hasattr(gdal, 'GDT_Int64'):
            kinds += [('int64', [-2**63 + 1, -1, 2**53 + 1, 2**63 - 1]), ('uint64', [0, 2**53 + 1, 2**63 - 1])]
        for kind, numbers in kinds:
            with self.subTest(kind):
                zones = self.patches(values.shape, numbers, kind, kind)
                rows = table(self.raster(zones, GT), RASTER=self.raster(values, GT), STATS=STATS)
                self.assertEqual([row['VALUE'] for row in rows], numbers)
                for row in rows:
                    self.assertEqual((row['COUNT'], row['MIN'], row['MAX'], row['MEDIAN']), by_numpy(zones, values, row['VALUE']))
                rows = table(self.raster(zones, GT, nodata=numbers[0]), RASTER=self.raster(values, GT), STATS='COUNT')
                self.assertEqual([row['VALUE'] for row in rows], numbers[1:])

    def test_beyond_integers(self):
        zones = np.full((6, 6), 2**63, np.uint64)
        self.fails(self.raster(zones), 'beyond 9223372036854775807', RASTER=self.raster())

    def test_a_zone_without_values(self):
        """Has a row: nothing vanishes."""
        values = SIX.astype(float)
        values[:3] = np.nan
        zones = np.repeat([[4], [9]], 3, axis=0) * np.ones((1, 6), np.int64)
        rows = table(self.raster(zones.astype(np.int16)), RASTER=self.raster(values), STATS='COUNT,NODATA_COUNT,MEAN')
        self.assertEqual([list(row.values()) for row in rows], [[4, 0, 18, None], [9, 18, 0, 27.5]])

    def test_same_bytes(self):
        """Whatever the workers, the tiles, and with parts one after the other."""
        random = rng('bytes')
        values = random.normal(0, 100, (600, 700)).astype(np.float32)
        zones = self.patches(values.shape, np.arange(100, 400), np.int32, 'bytes zones')
        path, raster = self.raster(zones, GT, nodata=150, **TILED), self.raster(values, GT, nodata=-1, **TILED)
        options = {'RASTER': raster, 'STATS': STATS + ',STD'}
        want = table(path, **options)
        self.assertEqual([row['VALUE'] for row in want], [n for n in range(100, 400) if n != 150])
        for kind in KINDS:
            for workers in (1, 2, 3, 7):
                self.assertEqual(all_bits(table(path, NUM_WORKERS=workers, WORKERS=kind, TILE_SIZE=256 * workers, **options)), all_bits(want))
        for parts in (3, 7):
            rows = [row for part in range(1, parts + 1) for row in table(path, PARTITION='%d/%d' % (part, parts), **options)]
            self.assertEqual(all_bits(rows), all_bits(want))
        out = self.new('parts.vrt')
        done = run('ogr2ogr', '-f', 'ZONALSTATS', out, 'ZONALSTATS:' + path, '-dsco', 'PARTS=3', *oo(**options))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(all_bits(file_rows(out)), all_bits(want))
        dataset = open_table(path, **options)
        self.assertEqual(dataset.GetLayer(0).GetFeatureCount(), 299)

    def test_more_zones_than_are_held(self):
        """A number for each cell of 1100 x 1100: the numbers that are too many have a pass of their own."""
        zones = rng('many').permutation(1100 * 1100).reshape(1100, 1100).astype(np.int32)
        values = zones * 2.0
        out = self.new('many.csv')
        done = run('ogr2ogr', '-f', 'CSV', out, 'ZONALSTATS:' + self.raster(zones, GT, **TILED), *oo(RASTER=self.raster(values, GT, **TILED), STATS='COUNT,SUM'),
                   timeout=200)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out) as lines:
            found = np.array([line.replace('"', '').split(',') for line in lines][1:], float)
        self.assertTrue((found == np.column_stack((np.arange(1100 * 1100), np.ones(1100 * 1100), 2.0 * np.arange(1100 * 1100)))).all())

    def test_percentiles_in_several_passes(self):
        random = rng('passes')
        values, zones = random.uniform(0, 1, (2300, 2300)), np.zeros((2300, 2300), np.uint8)
        zones[:100] = 5
        for kind in KINDS:
            rows = table(self.raster(zones, GT), RASTER=self.raster(values, GT), STATS='MEDIAN,PCT90', WORKERS=kind)
            for row, number in zip(rows, (0, 5)):
                self.assertEqual([row['MEDIAN'], row['PCT90']], list(np.percentile(values[zones == number], [50, 90])))

    def test_bands_and_areas(self):
        """The band of zones, several bands of values, areas of degrees."""
        zones = np.stack([np.ones((6, 6), np.uint8), np.arange(36, dtype=np.uint8).reshape(6, 6) % 2])
        degrees = (10, 1, 0, 66, 0, -1)
        rows = table(self.raster(zones, degrees, epsg=4326), RASTER=self.raster(np.stack([SIX, SIX * 2]), degrees, epsg=4326), STATS='SUM,AREA', ZONE_BAND=2)
        self.assertEqual([list(row.values())[:2] for row in rows], [[0, 18 * 18], [1, 18 * 19]])
        self.assertEqual([row['B2_SUM'] for row in rows], [2 * 18 * 18, 2 * 18 * 19])
        whole = table(self.zones(['POLYGON((10 60,16 60,16 66,10 66,10 60))'], epsg=4326), RASTER=self.raster(SIX, degrees, epsg=4326), STATS='AREA')
        self.assertAlmostEqual(sum(row['B1_AREA'] for row in rows) / whole[0]['AREA'], 1, delta=1e-14)
        self.assertEqual(columns(self.raster(), RASTER=self.raster(), STATS='COUNT,MEAN'), [('VALUE', 'Integer64'), ('COUNT', 'Integer64'), ('MEAN', 'Real')])

    def test_without_options(self):
        """A program looks first what layers there are."""
        with listening() as said:
            dataset = gdal.OpenEx('ZONALSTATS:' + self.raster(name='classes.tif'), gdal.OF_VECTOR)
            self.assertEqual(dataset.GetLayerCount(), 1)
            self.assertIn('classes_stats', dataset.GetLayer(0).GetName())
        self.assertIn('RASTER is not given', said.warnings()[0])

    def test_errors(self):
        zones, raster = self.raster(), self.raster()
        self.fails(self.raster(SIX.astype(np.float32)), 'zones are whole numbers', RASTER=raster)
        self.fails(zones, 'ZONE_BAND', 'band 2', RASTER=raster, ZONE_BAND=2)
        self.fails(self.raster(SIX, (0, 2, 0, 6, 0, -1)), 'zones (', RASTER=raster)
        self.fails(self.raster(SIX[:3]), 'zones (', RASTER=raster)
        self.fails(self.raster(SIX, epsg=4326), 'zones (', RASTER=raster)
        for option in ({'LAYER': 'x'}, {'WHERE': 'a = 1'}, {'FIELDS': 'a'}, {'ZONE_FIELD': 'a'}, {'GEOMETRY': 'ZONE'}, {'PIXELS': 'FRACTION'}, {'INVALID': 'SKIP'},
                       {'ON_ERROR': 'NODATA'}):
            self.fails(zones, list(option)[0], 'raster of zones', RASTER=raster, **option)
        self.fails(self.new('no.tif'), 'no.tif', 'cannot be opened', RASTER=raster)
        self.fails(self.zones(['POINT(1 1)'], name='points.fgb'), 'points.fgb', 'cannot be opened', RASTER=raster, ZONE_BAND=1)


if __name__ == '__main__':
    unittest.main()
