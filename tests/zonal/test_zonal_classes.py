"""HISTOGRAM=LONG and WIDE: the cells of each value, against numpy and exact fractions, the same rows however they are computed."""
import collections
import math
import os
import unittest
from fractions import Fraction

import numpy as np
from osgeo import gdal, ogr

import exact
from zonal_common import (KINDS, SIX, VERSION, ZonalCase, all_bits, area, box, columns, file_rows, good_within, inside, layer_rows, listening, oo, open_table,
                          rectangle, rng, run, star, table)

ALL = rectangle(0, 0, 6, 6)
CLASSES = np.array([[99, 1, 2, 2, -3, -3]] + [[1, 1, 2, 2, -3, -3]] * 5, np.int16)  # 99: NoData
OVERLAPPING = area([box(0, 0, 3, 3)], [box(1, 1, 4, 4)])
WAYS = [{'WORKERS': kind, 'NUM_WORKERS': number, 'TILE_SIZE': tile} for kind, number, tile in (
    ('THREADS', 1, 'AUTO'), ('THREADS', 3, '64'), ('THREADS', 7, '256x128'), ('PROCESSES', 2, '256x64'), ('PROCESSES', 1, '4000'))]


def long_rows(zones, **options):
    """By zone: (value, count, area, share) of each."""
    found = collections.defaultdict(list)
    for row in table(zones, HISTOGRAM='LONG', **options):
        found[row['ZONE_FID']].append((row['VALUE'], row['COUNT'], row['AREA'], row['SHARE']))
    return dict(found)


class Long(ZonalCase):
    def test_by_hand(self):
        zones = self.zones([ALL, rectangle(1, 1, 3, 3), rectangle(9, 9, 10, 10), rectangle(0, 0, 1, 1), None, 'POINT(5.5 0.5)'])
        want = {1: [(-3, 12, 48, 12 / 35), (1, 11, 44, 11 / 35), (2, 12, 48, 12 / 35)], 2: [(1, 2, 8, 0.5), (2, 2, 8, 0.5)],
                3: [(None, 0, None, None)], 4: [(None, 0, None, None)], 5: [(None, 0, None, None)], 6: [(-3, 1, 4, 1)]}
        gt = (0, 2, 0, 12, 0, -2)
        raster = self.raster(CLASSES, gt, nodata=99)
        with listening():
            self.assertEqual(long_rows(self.zones([rectangle(0, 0, 6, 6, gt=gt)]), RASTER=raster), {1: want[1]})
            raster = self.raster(CLASSES, nodata=99)
            want = {fid: [(value, count, area_ and area_ / 4, share) for value, count, area_, share in rows] for fid, rows in want.items()}
            for kind in KINDS:
                self.assertEqual(long_rows(zones, RASTER=raster, WORKERS=kind), want)
                void = [(None, None, None, None)]
                self.assertEqual(long_rows(zones, RASTER=raster, WORKERS=kind, NODATA='SPREAD'),
                                 {fid: void if fid in (1, 4) else rows for fid, rows in want.items()})

    def test_columns(self):
        zones, whole, real = self.zones([ALL], fields={'name': ['x'], 'VALUE': [1]}), 'Integer64', 'Real'
        names = ['ZONE_FID', 'VALUE', 'COUNT', 'AREA', 'SHARE']
        for cells, pixels, types in ((CLASSES, 'CENTER', (whole, whole, whole, real, real)), (CLASSES, 'FRACTION', (whole, whole, real, real, real)),
                                     (CLASSES * 1.5, 'TOUCHED', (whole, real, whole, real, real))):
            self.assertEqual(columns(zones, RASTER=self.raster(cells), HISTOGRAM='LONG', PIXELS=pixels), list(zip(names, types)))
        self.assertEqual([name for name, _ in columns(zones, RASTER=self.raster(), HISTOGRAM='LONG', FIELDS='*')], names + ['name', 'IN_VALUE'])

    def test_invalid_zones(self):
        zones = self.zones([OVERLAPPING, ALL])
        with listening():
            self.assertEqual(sum(count for _, count, _, _ in long_rows(zones, RASTER=self.raster())[1]), 14)
            self.assertEqual(long_rows(zones, RASTER=self.raster(), INVALID='SKIP')[1], [(None, None, None, None)])

    def test_values(self):
        """NaN is none, -0 is 0, infinities are; integers beyond those of doubles; those that a column cannot hold."""
        cells = SIX.astype(float)
        cells[0] = np.nan, np.inf, -np.inf, -0.0, 0.0, 0.0
        found = long_rows(self.zones([rectangle(0, 0, 6, 1)]), RASTER=self.raster(cells))[1]
        self.assertEqual([(value, count) for value, count, _, _ in found], [(-math.inf, 1), (0, 3), (math.inf, 1)])
        self.assertEqual(math.copysign(1, found[1][0]), 1)
        if VERSION >= (3, 5):
            most = 2**53 + 1
            for dtype in (np.int64, np.uint64):
                raster = self.raster(np.full((6, 6), most, dtype))
                self.assertEqual(long_rows(self.zones([ALL]), RASTER=raster)[1], [(most, 36, 36, 1)])
            for value, dtype in ((2**63 + 5, np.uint64), (-2**63, np.int64)):
                raster = self.raster(np.full((6, 6), value, dtype))
                self.fails(self.zones([ALL]), 'feature 1', 'VALUE', 'cannot hold', RASTER=raster, HISTOGRAM='LONG')

    def test_layer(self):
        """Counted, read twice, filtered, by Arrow, with geometries, and as files and parts."""
        zones = self.zones([ALL, rectangle(9, 9, 10, 10), rectangle(0, 0, 3, 3)], fields={'name': list('abc')})
        options = {'RASTER': self.raster(CLASSES), 'HISTOGRAM': 'LONG', 'FIELDS': 'name', 'GEOMETRY': 'ZONE'}
        dataset = open_table(zones, **options)
        layer = dataset.GetLayer(0)
        self.assertEqual(layer.GetFeatureCount(), 8)
        rows = layer_rows(layer)
        self.assertEqual([(row['name'], row['VALUE'], row['COUNT']) for row in rows],
                         [('a', -3, 12), ('a', 1, 11), ('a', 2, 12), ('a', 99, 1), ('b', None, 0), ('c', 1, 5), ('c', 2, 3), ('c', 99, 1)])
        self.assertEqual([layer_rows(layer), layer.GetFeatureCount()], [rows, 8])
        layer.ResetReading()
        for feature in layer:
            want = [ALL, rectangle(9, 9, 10, 10), rectangle(0, 0, 3, 3)][feature['ZONE_FID'] - 1]
            self.assertTrue(feature.GetGeometryRef().Equals(ogr.CreateGeometryFromWkt(want)))
        if VERSION >= (3, 6):
            batches = list(layer.GetArrowStreamAsNumPy(['USE_MASKED_ARRAYS=NO']))
            self.assertEqual(np.concatenate([batch['COUNT'] for batch in batches]).tolist(), [row['COUNT'] for row in rows])
        layer.SetAttributeFilter('COUNT > 4')
        self.assertEqual((layer.GetFeatureCount(), [feature['VALUE'] for feature in layer]), (4, [-3, 1, 2, 1]))
        for ending in ('gpkg', 'csv', 'fgb', 'shp'):
            path = self.new('out.' + ending)
            some = dict(options, GEOMETRY='NONE' if ending == 'csv' else 'ZONE')
            good_within('ogr2ogr', path, 'ZONALSTATS:' + zones, *oo(**some))
            counts = [float(row['COUNT']) for row in file_rows(path)]
            self.assertEqual(counts if ending != 'fgb' else sorted(counts), [12, 11, 12, 1, 0, 5, 3, 1] if ending != 'fgb' else [0, 1, 1, 3, 5, 11, 12, 12])
        for kind in KINDS:
            path = self.path('parts.vrt')
            good_within('ogr2ogr', '-f', 'ZONALSTATS', path, 'ZONALSTATS:' + zones, *oo(WORKERS=kind, **options), '-dsco', 'PARTS=2')
            self.assertEqual(all_bits(file_rows(path)), all_bits(rows))
        self.assertEqual([row for i in (1, 2, 3) for row in table(zones, PARTITION='%d/3' % i, **options)], rows)

    def test_refused(self):
        zones, raster = self.zones([rectangle(0, 0, 9999, 9999)]), self.raster()
        both = self.raster([SIX, SIX], name='both.tif')
        self.fails(zones, 'HISTOGRAM=LONG', 'STATS', RASTER=raster, HISTOGRAM='LONG', STATS='MEAN')
        self.fails(zones, 'HISTOGRAM=LONG', 'PERCENTILES', RASTER=raster, HISTOGRAM='LONG', PERCENTILES='90')
        self.fails(zones, 'one band', 'there are 2', 'BAND', RASTER=both, HISTOGRAM='LONG')
        self.fails(zones, 'one band', 'there are 2', RASTER=[raster, raster], HISTOGRAM='LONG')
        self.assertEqual(len(table(zones, RASTER=both, HISTOGRAM='LONG', BAND=2)), 36)
        self.fails(zones, 'HISTOGRAM', 'LONG or WIDE', RASTER=raster, HISTOGRAM='TALL')
        distinct = self.raster(np.arange(1001 * 1000, dtype=np.int32).reshape(1001, 1000), (0, 1, 0, 1001, 0, -1))
        for kind in KINDS:
            self.fails(self.zones([rectangle(0, 0, 2000, 2000, gt=(0, 1, 0, 1001, 0, -1))]), 'more than 1000000', RASTER=distinct, HISTOGRAM='LONG', WORKERS=kind)

    def test_more_rows_than_a_part(self):
        """Classes of a zone in several parts of a task's result, and more zones than a task has."""
        cells = np.arange(300 * 300, dtype=np.int32).reshape(300, 300)
        gt = (0, 1, 0, 300, 0, -1)
        zones = self.zones([rectangle(0, 0, 300, 300, gt=gt)] * 3 + [rectangle(i % 60 * 5, i // 60 * 5, i % 60 * 5 + 2, i // 60 * 5 + 2, gt=gt) for i in range(2000)],
                           fields={'name': ['n%d' % i for i in range(2003)]})
        dataset = open_table(zones, RASTER=self.raster(cells, gt), HISTOGRAM='LONG', FIELDS='name', PARTITION_SIZE=100, GEOMETRY='ZONE')
        layer = dataset.GetLayer(0)
        self.assertEqual(layer.GetFeatureCount(), 270000 + 8000)
        values = [feature['VALUE'] for feature in layer]
        self.assertEqual(values[:270000], list(range(90000)) * 3)
        self.assertEqual(values[270000:], [cells[i // 60 * 5 + j, i % 60 * 5 + k] for i in range(2000) for j in (0, 1) for k in (0, 1)])


class Random(ZonalCase):
    """Random zones on a raster of classes, in metres and in degrees."""
    CELLS, PLACES = (230, 700), {32632: (300000, 30, 0, 5000000, 0, -30), 4326: (-20, 0.25, 0, 31, 0, -0.25)}

    @classmethod
    def prepare(cls):
        random = rng('classes')
        noise = np.kron(random.integers(-4, 9, (23, 70)), np.ones((10, 10), int))
        cls.cells = np.where(random.random(cls.CELLS) < 0.1, random.integers(-4, 9, cls.CELLS), noise).astype(np.int16)
        cls.values = cls.cells[cls.cells != 8]
        cls.rings = [star(random, random.uniform(-20, 720), random.uniform(-20, 250), random.choice([2, 20, 90]), 15) for _ in range(40)]
        cls.files = {}
        for epsg, gt in cls.PLACES.items():
            cls.files[epsg] = (cls.raster(cls.cells, gt, epsg, nodata=8),
                               cls.zones([area([ring], gt=gt) for ring in cls.rings] + [rectangle(-5, -5, 710, 240, gt=gt)], epsg=epsg))

    def row_areas(self, epsg):
        """Of a cell in each row, by a zone that has one."""
        raster, _ = self.files[epsg]
        gt = self.PLACES[epsg]
        rows = table(self.zones([rectangle(0, i, 1, i + 1, gt=gt) for i in range(230)], epsg=epsg), RASTER=self.raster(np.ones(self.CELLS, np.uint8), gt, epsg),
                     STATS='COUNT,AREA')
        self.assertEqual({row['COUNT'] for row in rows}, {1})
        return [row['AREA'] for row in rows]

    def test_numpy(self):
        y, x = np.indices(self.CELLS)
        for epsg in self.PLACES:
            raster, zones = self.files[epsg]
            areas, found = self.row_areas(epsg), long_rows(zones, RASTER=raster)
            sums = [row['AREA'] for row in table(zones, RASTER=raster, STATS='AREA')]
            if epsg == 4326:
                self.assertGreater(max(areas) / min(areas), 1.1)
            for fid, ring in enumerate(self.rings + [box(-5, -5, 710, 240)], 1):
                mask = inside([ring], x + 0.5, y + 0.5) & (self.cells != 8)
                want = []
                for value, count in zip(*np.unique(self.cells[mask], return_counts=True)):
                    by_row = (mask & (self.cells == value)).sum(1)
                    exactly = sum((int(n) * Fraction(area_) for n, area_ in zip(by_row, areas) if n), Fraction(0))
                    want.append((int(value), int(count), float(exactly), int(count) / int(mask.sum())))
                self.assertEqual(found[fid], want or [(None, 0, None, None)], (epsg, fid))
                if want:
                    self.assertAlmostEqual(math.fsum(row[2] for row in want) / sums[fid - 1], 1, delta=1e-15)
                if len(want) == 1:
                    self.assertEqual(want[0][2], sums[fid - 1])

    def test_fractions(self):
        """Against polygons clipped to cells by exact arithmetic."""
        for epsg, gt in self.PLACES.items():
            raster, zones = self.files[epsg]
            areas, found = self.row_areas(epsg), long_rows(zones, RASTER=raster, PIXELS='FRACTION')
            wide = table(zones, RASTER=raster, PIXELS='FRACTION', HISTOGRAM='WIDE')
            for fid, ring in enumerate(self.rings, 1):
                if max(abs(a - b) for a, b in zip(ring, ring[len(ring) // 2:] or ring) for a, b in zip(a, b)) > 50:
                    continue
                counts, sizes = collections.Counter(), collections.Counter()
                for (row, column), part in exact.fractions([[ring]], (0, 0, 700, 230)).items():
                    value = int(self.cells[row, column])
                    if value != 8 and part > 1e-9:
                        counts[value] += part
                        sizes[value] += part * Fraction(areas[row])
                self.assertEqual([row[0] for row in found[fid]], sorted(counts) or [None])
                total = sum(counts.values())
                for value, count, size, share in found[fid] if counts else []:
                    # vertices go through the geotransform and back
                    self.assertAlmostEqual(count, float(counts[value]), delta=1e-8)
                    self.assertAlmostEqual(size / float(sizes[value]), 1, delta=1e-7 + 1e-8 / float(counts[value]))
                    self.assertAlmostEqual(share, float(counts[value] / total), delta=1e-8 / float(total) + 1e-12)
                    self.assertEqual(wide[fid - 1]['VALUE_%d' % value], count)
                self.assertAlmostEqual(math.fsum(row[3] or 0 for row in found[fid]), float(bool(counts)), delta=1e-14)

    def test_wide(self):
        y, x = np.indices(self.CELLS)
        raster, zones = self.files[32632]
        names = ['VALUE_%d' % value for value in np.unique(self.values)]
        rows = table(zones, RASTER=raster, HISTOGRAM='WIDE', STATS='COUNT,MAJORITY', PERCENTILES='50')
        self.assertEqual(list(rows[0]), ['ZONE_FID', 'COUNT', 'MAJORITY', 'PCT50'] + names)
        for row, ring in zip(rows, self.rings):
            part = self.cells[inside([ring], x + 0.5, y + 0.5) & (self.cells != 8)]
            self.assertEqual([row[name] for name in names], [int((part == value).sum()) for value in np.unique(self.values)])
            self.assertEqual((row['COUNT'], row['PCT50']), (part.size, float(np.median(part)) if part.size else None))

    def test_same_bytes(self):
        for epsg in self.PLACES:
            raster, zones = self.files[epsg]
            for options in ({'HISTOGRAM': 'LONG'}, {'HISTOGRAM': 'LONG', 'PIXELS': 'FRACTION'}, {'HISTOGRAM': 'WIDE', 'PIXELS': 'FRACTION', 'STATS': 'MEAN'},
                            {'HISTOGRAM': 'WIDE', 'NODATA': 'SPREAD'}):
                want = None
                for way in WAYS:
                    rows = all_bits(table(zones, RASTER=raster, **options, **way))
                    want = want or rows
                    self.assertEqual(rows, want, (options, way))

    def test_parts(self):
        raster, zones = self.files[4326]
        for options in ({'HISTOGRAM': 'LONG', 'PIXELS': 'FRACTION'}, {'HISTOGRAM': 'WIDE'}):
            want = all_bits(table(zones, RASTER=raster, **options))
            for kind in KINDS:
                path = self.path('parts.vrt')
                good_within('ogr2ogr', '-f', 'ZONALSTATS', path, 'ZONALSTATS:' + zones, *oo(RASTER=raster, WORKERS=kind, **options), '-dsco', 'PARTS=5')
                self.assertEqual(all_bits(file_rows(path)), want, (options, kind))


class Wide(ZonalCase):
    def test_by_hand(self):
        zones, raster = self.zones([ALL, rectangle(1, 1, 3, 3), rectangle(9, 9, 10, 10), rectangle(0, 0, 1, 1)]), self.raster(CLASSES, nodata=99)
        for kind in KINDS:
            rows = table(zones, RASTER=raster, HISTOGRAM='WIDE', WORKERS=kind)
            self.assertEqual(list(rows[0]), ['ZONE_FID', 'COUNT', 'VALUE_-3', 'VALUE_1', 'VALUE_2'])
            self.assertEqual([list(row.values())[1:] for row in rows], [[35, 12, 11, 12], [4, 0, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]])
            rows = table(zones, RASTER=raster, HISTOGRAM='WIDE', NODATA='SPREAD', STATS='MEAN,NODATA_COUNT', WORKERS=kind)
            self.assertEqual([list(row.values())[1:] for row in rows], [[None, 1, None, None, None], [1.5, 0, 0, 2, 2], [None, 0, 0, 0, 0], [None, 1, None, None, None]])
        with listening():
            rows = table(self.zones([OVERLAPPING, ALL]), RASTER=raster, HISTOGRAM='WIDE', INVALID='SKIP')
        self.assertEqual(list(rows[0].values())[1:], [None] * 4)

    def test_columns(self):
        zones = self.zones([ALL], fields={'VALUE_1': [7]})
        raster, both = self.raster(CLASSES, name='one.tif'), self.raster([CLASSES, CLASSES * 2], name='both.tif')
        one, two = (os.path.basename(path)[:-4] for path in (raster, both))
        names = ['VALUE_-3', 'VALUE_1', 'VALUE_2', 'VALUE_99']
        doubled = ['VALUE_-6', 'VALUE_2', 'VALUE_4', 'VALUE_198']
        self.assertEqual(columns(zones, RASTER=raster, HISTOGRAM='WIDE', FIELDS='*')[2:], [(name, 'Integer64') for name in names + ['IN_VALUE_1']])
        self.assertEqual(columns(zones, RASTER=raster, HISTOGRAM='WIDE', PIXELS='FRACTION')[1:], [(name, 'Real') for name in ['COUNT'] + names])
        self.assertEqual([name for name, _ in columns(zones, RASTER=both, HISTOGRAM='WIDE', STATS='SUM', PERCENTILES='5,99.9')],
                         ['ZONE_FID'] + ['B1_' + name for name in ['SUM', 'PCT5', 'PCT99.9'] + names] + ['B2_' + name for name in ['SUM', 'PCT5', 'PCT99.9'] + doubled])
        row = table(zones, RASTER=[raster, both], HISTOGRAM='WIDE')[0]
        self.assertEqual(list(row), ['ZONE_FID'] + [prefix + name for prefix, own in ((one + '_', names), (two + '_B1_', names), (two + '_B2_', doubled))
                                                    for name in ['COUNT'] + own])
        self.assertEqual((row[one + '_VALUE_99'], row[two + '_B2_VALUE_198'], row[two + '_B2_VALUE_-6']), (1, 1, 12))

    def test_values(self):
        """As many columns as there may be; more; those of other types; none."""
        zones, gt = self.zones([ALL]), (0, 1, 0, 300, 0, -1)
        many = np.arange(300 * 300).reshape(300, 300)
        rows = table(zones, RASTER=self.raster((many % 256).astype(np.uint8), gt), HISTOGRAM='WIDE')
        self.assertEqual(list(rows[0])[2:], ['VALUE_%d' % i for i in range(256)])
        for kind in KINDS:
            for cells in (many % 257, many):
                message = self.fails(zones, 'HISTOGRAM=WIDE', 'at least', 'LONG', RASTER=self.raster(cells.astype(np.int32), gt), HISTOGRAM='WIDE', WORKERS=kind)
                self.assertGreater(int(message.split('at least ')[1].split()[0]), 256)
        self.fails(zones, 'HISTOGRAM=WIDE', 'band 2', 'Float32', 'LONG', RASTER=self.raster(np.ones((2, 6, 6), np.float32)), HISTOGRAM='WIDE', BAND='2')
        self.assertEqual(table(zones, RASTER=self.raster(np.full((6, 6), 5, np.uint8), nodata=5), HISTOGRAM='WIDE'), [{'ZONE_FID': 1, 'COUNT': 0}])
        if VERSION >= (3, 5):
            large = np.full((6, 6), 2**63 + 5, np.uint64)
            large[0] = 3
            self.assertEqual(list(table(zones, RASTER=self.raster(large), HISTOGRAM='WIDE')[0].items()),
                             [('ZONE_FID', 1), ('COUNT', 36), ('VALUE_3', 6), ('VALUE_%d' % (2**63 + 5), 30)])

    def test_formats(self):
        """Formats take the names, also of negative values."""
        zones = self.zones([ALL, rectangle(0, 0, 3, 3)])
        for ending in ('gpkg', 'csv', 'fgb', 'sqlite', 'geojson'):
            path = self.new('out.' + ending)
            good_within('ogr2ogr', path, 'ZONALSTATS:' + zones, *oo(RASTER=self.raster(CLASSES), HISTOGRAM='WIDE', GEOMETRY='ZONE'))
            dataset = gdal.OpenEx(path, gdal.OF_VECTOR, open_options=['AUTODETECT_TYPE=YES'] if ending == 'csv' else [])
            minus = 'VALUE__3' if ending == 'sqlite' else 'VALUE_-3'  # LAUNDER
            rows = [{name.upper(): float(value) for name, value in row.items()} for row in layer_rows(dataset.GetLayer(0))]
            self.assertEqual([[row[name] for name in (minus, 'VALUE_1', 'VALUE_99')] for row in sorted(rows, key=lambda row: row['ZONE_FID'])],
                             [[12, 11, 1], [0, 5, 1]], ending)
            layer = dataset.GetLayer(0)
            layer.SetAttributeFilter('"%s" > 0' % minus)
            self.assertEqual(len(list(layer)), 1, ending)

    def test_one_scan(self):
        """The columns are found once, whoever the workers are, also where parts are written; and not to count rows."""
        raster, zones = self.raster(np.ones((512, 512), np.uint8), (0, 1, 0, 512, 0, -1)), self.zones([rectangle(0, 0, 512, 512, gt=(0, 1, 0, 512, 0, -1))] * 9)
        for kind in KINDS:
            words = oo(RASTER=raster, HISTOGRAM='WIDE', WORKERS=kind, NUM_WORKERS=3, TILE_SIZE=256)
            for output in (['-f', 'CSV', self.new('out.csv')], ['-f', 'ZONALSTATS', self.new('out.vrt'), '-dsco', 'PARTS=4']):
                done = run('ogr2ogr', '--debug', 'FISHNET', *output, 'ZONALSTATS:' + zones, *words)
                self.assertEqual(done.returncode, 0, done.stderr)
                tiles = [line.split(' by ')[0] for line in done.stderr.splitlines() if 'tile x=' in line and ' by worker' in line]
                self.assertEqual(sorted(collections.Counter(tiles).values()), [2] * 4, (kind, output, done.stderr))
                computing, writing = ({line.split(', process ')[1].split(':')[0] for line in done.stderr.splitlines()
                                       if ' by worker' in line and ('tile x=' in line) == are_tiles} for are_tiles in (True, False))
                self.assertEqual(computing & writing, set() if kind == 'PROCESSES' else writing, done.stderr)

    def test_recipe(self):
        path = self.new('recipe.fishnet.json')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('{"type": "zonal_stats", "input": "%s", "raster": "%s", "histogram": "WIDE", "percentiles": "50", "on_error": "NODATA"}'
                       % (self.zones([ALL]), self.raster(CLASSES)))
        self.assertEqual(file_rows(path), [{'ZONE_FID': 1, 'COUNT': 36, 'PCT50': 1.0, 'VALUE_-3': 12, 'VALUE_1': 11, 'VALUE_2': 12, 'VALUE_99': 1}])


class Percentiles(ZonalCase):
    def test_columns(self):
        zones, raster = self.zones([ALL]), self.raster()
        self.assertEqual(table(zones, RASTER=raster, PERCENTILES='10,99.9', STATS='MEDIAN,COUNT'), table(zones, RASTER=raster, STATS='MEDIAN,COUNT,PCT10,PCT99.9'))
        self.assertEqual(list(table(zones, RASTER=raster, PERCENTILES='25')[0]), ['ZONE_FID', 'COUNT', 'MIN', 'MAX', 'MEAN', 'STD', 'SUM', 'PCT25'])
        values = table(zones, RASTER=raster, STATS='COUNT', PERCENTILES='0, 33.3,100')[0]
        self.assertEqual(values, {'ZONE_FID': 1, 'COUNT': 36, 'PCT0': 1, 'PCT33.3': np.percentile(SIX, 33.3), 'PCT100': 36})

    def test_refused(self):
        zones, raster = self.zones([ALL]), self.raster()
        for text in ('', 'x', '101', '-1', '10;20', '10,', 'PCT10', '1e1', 'nan'):
            self.fails(zones, 'PERCENTILES=' + text, '0 to 100', RASTER=raster, PERCENTILES=text)
        for options in ({'PERCENTILES': '90', 'STATS': 'PCT90'}, {'STATS': 'MEAN,PCT90', 'PERCENTILES': '90.0'}, {'PERCENTILES': '10,10'}):
            self.fails(zones, 'twice', RASTER=raster, **options)


if __name__ == '__main__':
    unittest.main()
