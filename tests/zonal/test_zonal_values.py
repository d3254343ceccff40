"""The values of ZONALSTATS: expressions (CALC) against numpy and FISHNET, weights (WEIGHTS) against exact sums and the
ellipsoid."""
import json
import math
import os
import shutil
import time
import unittest
from fractions import Fraction

import numpy as np
from osgeo import gdal

import exact
from zonal_common import (KINDS, SIX, ZonalCase, all_bits, area, box, columns, file_rows, inside, layer_rows, listening,
                          oo, open_table, real, rectangle, rng, run, star, table)
from common import TYPES

ALL = rectangle(0, 0, 6, 6)
EVERY = ('COUNT,AREA,MIN,MAX,RANGE,MEAN,STD,SUM,VARIETY,MAJORITY,MINORITY,MEDIAN,PCT90,PCT99.9,STD_SAMPLE,VARIANCE,CV,'
         'MAJORITY_COUNT,MAJORITY_SHARE,MIN_X,MIN_Y,MAX_X,MAX_Y,NODATA_COUNT')
WEIGHTED = 'WEIGHT_SUM,WEIGHTED_SUM,WEIGHTED_MEAN,WEIGHTED_VARIANCE,WEIGHTED_STD'
COMPUTED = (({'NUM_WORKERS': 1}, 'one thread'), ({'NUM_WORKERS': 4}, 'threads'),
            ({'WORKERS': 'PROCESSES', 'NUM_WORKERS': 3}, 'processes'), ({'TILE_SIZE': '256x64'}, 'small tiles'),
            ({'TILE_SIZE': 5000, 'WORKERS': 'PROCESSES'}, 'one tile'))


def read_bytes(path):
    with open(path, 'rb') as file:
        return file.read()


class SeveralPages(ZonalCase):
    """Rasters of several pages and blocks, and zones over them."""

    HIGH, WIDE = 300, 700
    GT = (0, 1, 0, 300, 0, -1)

    @classmethod
    def prepare(cls):
        random = rng('values')
        shape = cls.HIGH, cls.WIDE
        cls.two = [random.integers(0, 3000, shape).astype(np.uint16), random.integers(1, 3000, shape).astype(np.uint16)]
        cls.other = random.normal(100, 30, shape).astype(np.float32)
        cls.other[random.random(shape) < 0.1] = -9999
        cls.other[random.random(shape) < 0.01] = np.nan
        cls.a = cls.raster(cls.two, cls.GT, name='a.tif',
                           options=['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256', 'COMPRESS=DEFLATE'])
        cls.b = cls.raster(cls.other, cls.GT, name='b.tif', nodata=-9999)
        cls.rings = [[box(-1, -1, 701, 301)]]
        for _ in range(25):
            center = random.uniform((0, 0), (cls.WIDE, cls.HIGH))
            cls.rings.append([star(random, *center, random.choice([5, 60, 200]), 30)])
        cls.file = cls.zones([area(rings, gt=cls.GT) for rings in cls.rings])
        rows, cols = np.indices(shape)
        cls.masks = [inside(rings, cols + 0.5, rows + 0.5) for rings in cls.rings]

    def floats(self):
        """The bands as doubles, NaN where there is no value."""
        other = self.other.astype(float)
        return self.two[0].astype(float), self.two[1].astype(float), np.where(other == -9999, np.nan, other)

    def same_bits(self, text, want=None, **options):
        for more, how in COMPUTED:
            with listening():
                rows = all_bits(table(self.file, **options, **more))
            want = want or rows
            self.assertEqual(rows, want, '%s: %s' % (text, how))
        return want


class Calc(SeveralPages):
    def check(self, want, prefix='', **options):
        """Rows against an array of doubles."""
        rows = table(self.file, STATS='COUNT,NODATA_COUNT,MIN,MAX,SUM,MEAN,MEDIAN,PCT90,STD,MIN_X,MIN_Y', **options)
        self.assertEqual(len(rows), len(self.masks))
        for row, mask in zip(rows, self.masks):
            values = want[mask]
            there = values[~np.isnan(values)]
            get = {name[len(prefix):]: value for name, value in row.items() if name.startswith(prefix)}
            self.assertEqual((get['COUNT'], get['NODATA_COUNT']), (there.size, values.size - there.size))
            if not there.size:
                self.assertIsNone(get['MEAN'])
                continue
            for name, value in (('MIN', there.min()), ('MAX', there.max()), ('MEDIAN', np.percentile(there, 50)),
                                ('PCT90', np.percentile(there, 90))):
                self.assertEqual(get[name], value, name)
            y, x = np.nonzero(mask & (want == there.min()))
            self.assertEqual((get['MIN_X'], get['MIN_Y']), (x[0], y[0]))
            slack = 1e-15 * math.fsum(np.abs(there))
            self.assertAlmostEqual(get['SUM'], math.fsum(there), delta=slack)
            self.assertAlmostEqual(get['MEAN'], math.fsum(there) / there.size, delta=slack / there.size)
            self.assertAlmostEqual(get['STD'], there.std(), delta=1e-11 * there.std())

    def test_index_of_two_bands(self):
        one, two, _ = self.floats()
        self.check((two - one) / (two + one), RASTER=self.a, CALC='(A[2]-A[1])/(A[2]+A)')

    def test_two_rasters(self):
        one, two, other = self.floats()
        self.check(other - two, RASTER=[self.a, self.b], CALC='B-A[2]')
        self.check(np.sqrt(one) * other, RASTER=[self.b, self.a], CALC='sqrt(B)*A')

    def test_where_and_nodata(self):
        """NoData spreads, but not out of the branch that is not taken; NaN that is computed is no value."""
        one, two, other = self.floats()
        rasters = [self.a, self.b]
        self.check(np.where(one > 1500, other, one), RASTER=rasters, CALC='where(A>1500, B, A)')
        self.check(np.where(two > 2000, np.nan, one), RASTER=rasters, CALC='where(A[2]>2000, NODATA, A)')
        self.check(np.where(np.isnan(other), -1, one), RASTER=rasters, CALC='where(isnodata(B), -1, A)')
        with np.errstate(invalid='ignore'):
            self.check(np.sqrt(one - 1500), RASTER=rasters, CALC='sqrt(A-1500)')

    def test_several(self):
        one, two, other = self.floats()
        for calcs in ({'CALC': ['A+A[2]', 'B*2']}, {'CALC': 'A+A[2];B*2'}):
            self.check(one + two, 'C1_', RASTER=[self.a, self.b], **calcs)
            self.check(other * 2, 'C2_', RASTER=[self.a, self.b], **calcs)
        names = [name for name, _ in columns(self.file, RASTER=[self.a, self.b], CALC=['A', 'B', 'A'], STATS='SUM')]
        self.assertEqual(names, ['ZONE_FID', 'C1_SUM', 'C2_SUM', 'C3_SUM'])

    def test_columns(self):
        """Doubles, whatever the rasters are."""
        self.assertEqual(columns(self.file, RASTER=self.a, CALC='A*2', STATS='COUNT,MIN,MAJORITY,MIN_X,MEAN')[1:],
                         [('COUNT', 'Integer64'), ('MIN', 'Real'), ('MAJORITY', 'Real'), ('MIN_X', 'Integer64'),
                          ('MEAN', 'Real')])

    def test_fishnet(self):
        """All statistics are those of the raster that FISHNET makes of the expression, bit by bit."""
        for calc, inputs in (('(A[2]-A)/(A[2]+A)', {}), ('where(B>100, round(B/10), A)', {'B': self.b})):
            made = self.new('made.tif')
            options = ['CALC=' + calc, 'OT=Float64'] + ['%s=%s' % item for item in inputs.items()]
            gdal.Translate(made, gdal.OpenEx('FISHNET:' + self.a, open_options=options))
            for pixels in ('CENTER', 'FRACTION', 'TOUCHED'):
                want = all_bits(table(self.file, RASTER=made, STATS=EVERY, PIXELS=pixels))
                self.same_bits(calc, want, RASTER=[self.a, *inputs.values()], CALC=calc, STATS=EVERY, PIXELS=pixels)

    def test_spread(self):
        rows = table(self.file, RASTER=self.b, CALC='A', STATS='COUNT,NODATA_COUNT', NODATA='SPREAD')
        self.assertEqual(all_bits(rows),
                         all_bits(table(self.file, RASTER=self.b, STATS='COUNT,NODATA_COUNT', NODATA='SPREAD')))
        self.assertTrue(any(row['COUNT'] is None for row in rows))

    def test_fraction(self):
        """Exact shares of cells."""
        polygon = [[(0.3, 0.2), (5.9, 2.1), (2.2, 5.8)]]
        shares = exact.fractions([polygon], (0, 0, 6, 6))
        row = self.one(area(polygon), self.raster(), CALC='A*A-3', PIXELS='FRACTION', STATS='COUNT,SUM')
        want = sum((int(SIX[cell])**2 - 3) * share for cell, share in shares.items())
        self.assertAlmostEqual(row['SUM'], float(want), delta=1e-12 * float(want))
        self.assertAlmostEqual(row['COUNT'], float(sum(shares.values())), delta=1e-12)

    def test_alpha(self):
        alpha = np.full((6, 6), 255, np.uint8)
        alpha[0] = 0
        raster = self.raster([SIX.astype(np.uint8), alpha], options=['ALPHA=YES'])
        self.assertEqual(self.one(ALL, raster, CALC='A+1', STATS='COUNT,MIN'), {'ZONE_FID': 1, 'COUNT': 30, 'MIN': 8})
        self.assertEqual(self.one(ALL, raster, CALC='A+1', STATS='COUNT,MIN', ALPHA='IGNORE'),
                         {'ZONE_FID': 1, 'COUNT': 36, 'MIN': 2})
        self.assertEqual(self.one(ALL, raster, CALC='A[2]', STATS='SUM')['SUM'], 30 * 255)

    def test_what_is_read(self):
        """Nothing of a raster that no expression names, and no raster at all."""
        self.assertEqual(self.one(ALL, self.raster(), CALC='2', STATS='COUNT,SUM'),
                         {'ZONE_FID': 1, 'COUNT': 36, 'SUM': 72})
        two = self.raster([SIX, SIX * 2], name='two.tif')
        for kind in KINDS:
            self.assertEqual(self.one(ALL, [self.raster(), two], CALC='B[2]', STATS='SUM', WORKERS=kind)['SUM'],
                             2 * 666)

    def test_most_letters(self):
        rasters = [self.raster(SIX * i) for i in range(1, 28)]
        self.assertEqual(self.one(ALL, rasters[:26], CALC='Z-Y+A', STATS='SUM')['SUM'], 2 * 666)
        self.fails(self.zones([ALL]), 'CALC', '26', '27', RASTER=rasters, CALC='A')

    def test_real_data(self):
        """An index of vegetation over a scene with NoData."""
        path = real('landsat.tif')
        dataset = gdal.Open(path)
        red, near = (dataset.GetRasterBand(band).ReadAsArray().astype(float) for band in (3, 4))
        nodata = dataset.GetRasterBand(3).GetNoDataValue()
        gt = dataset.GetGeoTransform()
        with np.errstate(invalid='ignore', divide='ignore'):
            index = (near - red) / (near + red)
        index[(red == nodata) | (near == nodata)] = np.nan
        height, width = index.shape
        edges = [(x * width // 3, y * height // 2) for y in range(2) for x in range(3)]
        polygons = [rectangle(x, y, x + width // 3, y + height // 2, gt=gt) for x, y in edges]
        zones = self.zones(polygons, epsg=dataset.GetProjection())
        rows = table(zones, RASTER=path, CALC='(A[4]-A[3])/(A[4]+A[3])', STATS='COUNT,MIN,MEDIAN,MEAN')
        for row, (x, y) in zip(rows, edges):
            part = index[y:y + height // 2, x:x + width // 3]
            part = part[~np.isnan(part)]
            self.assertEqual((row['COUNT'], row['MIN'], row['MEDIAN']),
                             (part.size, part.min(), np.percentile(part, 50)))
            self.assertAlmostEqual(row['MEAN'], math.fsum(part) / part.size, delta=1e-15)

    def test_errors(self):
        zones, raster = self.zones([ALL]), self.raster()
        for words, options in (
                (("unknown name 'B'", '-oo RASTER=<dataset>'), {'CALC': 'A+B'}),
                (('no band 4', 'RASTER', 'it has 1'), {'CALC': 'A[4]'}),
                (('BAND', 'A[2]'), {'CALC': 'A', 'BAND': 1}),
                (('CALC', 'empty'), {'CALC': ''}),
                (('CALC', 'empty'), {'CALC': 'A;'}),
                (('position 3',), {'CALC': 'A+'}),
                (('did you mean',), {'CALC': 'sqr(A)'}),
                (('CFloat32',), {'CALC': 'A', 'RASTER': self.raster(SIX.astype(np.complex64))}),
                (('differ in size',), {'CALC': 'A+B', 'RASTER': [raster, self.raster(SIX[:5])]}),
                (('RASTER is not given',), {'CALC': 'A', 'RASTER': []})):
            with self.subTest(str(options)):
                message = self.fails(zones, 'ZONALSTATS', *words, **dict({'RASTER': raster}, **options))
                self.assertNotIn('FISHNET', message)

    def test_a_pixel_that_cannot_be_computed(self):
        """A 64 bit integer that a double may round: the tile, the pixel and the value are named, once."""
        cells = np.ones((300, 700), np.int64)
        cells[280, 300] = 2**60
        raster = self.raster(cells, self.GT)
        for kind in KINDS:
            message = self.fails(self.file, 'x=256 y=256', 'pixel 300,280', RASTER=raster, CALC='A+1',
                                 TILE_SIZE='256x256', WORKERS=kind)
            self.assertEqual(message.count('tried'), 0)


class WeightsOfARaster(SeveralPages):
    @classmethod
    def prepare(cls):
        super().prepare()
        random = rng('weights')
        cls.cells = random.integers(-500, 4000, (cls.HIGH, cls.WIDE)).astype(np.int16)
        cls.cells[random.random(cls.cells.shape) < 0.05] = -32768
        cls.weights = random.exponential(3, cls.cells.shape).astype(np.float32)
        for share, value in ((0.1, -1), (0.02, np.nan), (0.1, 0)):
            cls.weights[random.random(cls.cells.shape) < share] = value
        cls.value = cls.raster(cls.cells, cls.GT, name='value.tif', nodata=-32768)
        cls.weight = cls.raster([cls.cells, cls.weights], cls.GT, type='Float32', name='weight.tif', nodata=-1)
        cls.options = {'RASTER': cls.value, 'WEIGHTS': cls.weight, 'WEIGHTS_BAND': 2}

    def test_exact_sums(self):
        """Products of Int16 and Float32 are doubles without rounding."""
        rows = table(self.file, STATS='COUNT,SUM,MEAN,' + WEIGHTED, **self.options)
        plain = table(self.file, RASTER=self.value, STATS='COUNT,SUM,MEAN')
        for row, without, mask in zip(rows, plain, self.masks):
            self.assertEqual({name: row[name] for name in without}, without)
            there = mask & (self.cells != -32768) & ~np.isnan(self.weights) & (self.weights > 0)
            v, w = self.cells[there].astype(float), self.weights[there].astype(float)
            if not v.size:
                self.assertEqual([row[name] for name in WEIGHTED.split(',')], [None] * 5)
                continue
            weight, total = math.fsum(w), math.fsum(v * w)
            self.assertEqual((row['WEIGHT_SUM'], row['WEIGHTED_SUM'], row['WEIGHTED_MEAN']),
                             (weight, total, total / weight))
            variance = math.fsum(w * (v - total / weight)**2) / weight
            self.assertAlmostEqual(row['WEIGHTED_VARIANCE'], variance, delta=1e-11 * variance)
            self.assertAlmostEqual(row['WEIGHTED_STD'], math.sqrt(variance), delta=1e-11 * math.sqrt(variance))

    def test_same_bytes(self):
        for pixels in ('CENTER', 'FRACTION'):
            self.same_bits(pixels, PIXELS=pixels, STATS='COUNT,MEAN,PCT90,' + WEIGHTED, **self.options)
            self.same_bits(pixels, PIXELS=pixels, STATS='COUNT,MEAN,' + WEIGHTED,
                           **dict(self.options, RASTER=[self.value, self.b], CALC=['A/3', 'B']))
            self.same_bits(pixels, PIXELS=pixels, STATS=WEIGHTED, **dict(self.options, RASTER=[self.value, self.a]))

    def test_fraction(self):
        """Coverage times weight."""
        polygon, weights = [[(0.3, 0.2), (5.9, 2.1), (2.2, 5.8)]], (SIX % 4).astype(np.uint8)
        row = self.one(area(polygon), self.raster(), WEIGHTS=self.raster(weights), PIXELS='FRACTION', STATS=WEIGHTED)
        shares = exact.fractions([polygon], (0, 0, 6, 6))
        cells = [(int(SIX[cell]), int(weights[cell]) * share) for cell, share in shares.items()]
        weight, total = sum(w for _, w in cells), sum(v * w for v, w in cells)
        variance = sum(w * (v - Fraction(total, weight))**2 for v, w in cells) / weight
        for name, want in (('WEIGHT_SUM', weight), ('WEIGHTED_SUM', total), ('WEIGHTED_MEAN', total / weight),
                           ('WEIGHTED_VARIANCE', variance)):
            self.assertAlmostEqual(row[name], float(want), delta=1e-12 * float(want), msg=name)

    def test_types(self):
        """Every real type is taken as doubles, NoData values exactly."""
        for name, dtype in TYPES.items():
            weights = (SIX % 5).astype(dtype)
            row = self.one(ALL, self.raster(), WEIGHTS=self.raster(weights, type=name, nodata=3),
                           STATS='WEIGHT_SUM,WEIGHTED_SUM,COUNT')
            there = np.where(SIX % 5 == 3, 0, SIX % 5)
            self.assertEqual(list(row.values())[1:], [there.sum(), (there * SIX).sum(), 36], name)

    def test_masks(self):
        alpha = np.full((6, 6), 255, np.uint8)
        alpha[0] = 0
        weights = self.raster([SIX.astype(np.uint8), alpha], options=['ALPHA=YES'])
        for options, want in (({}, 666 - 21), ({'ALPHA': 'IGNORE'}, 666)):
            for kind in KINDS:
                row = self.one(ALL, self.raster(), WEIGHTS=weights, STATS='COUNT,WEIGHT_SUM', WORKERS=kind, **options)
                self.assertEqual(row, {'ZONE_FID': 1, 'COUNT': 36, 'WEIGHT_SUM': want})

    def test_no_weight_is_no_missing_value(self):
        """NODATA=SPREAD is about values."""
        weights = self.raster(SIX.astype(float), nodata=1)
        row = self.one(ALL, self.raster(), WEIGHTS=weights, STATS='MEAN,NODATA_COUNT,WEIGHT_SUM', NODATA='SPREAD')
        self.assertEqual(row, {'ZONE_FID': 1, 'MEAN': 18.5, 'NODATA_COUNT': 0, 'WEIGHT_SUM': 665})

    def test_weights_that_are_none(self):
        """Negative and infinite ones: an error, where they would count."""
        zones, aside = self.zones([ALL]), self.zones([rectangle(0, 1, 6, 6)])
        for value, word in ((-0.5, 'negative'), (-np.inf, 'negative'), (np.inf, 'infinite')):
            weights = np.ones((6, 6))
            weights[0, 3] = value
            raster = self.raster(weights)
            for kind in KINDS:
                self.fails(zones, 'pixel 3,0', word, RASTER=self.raster(), WEIGHTS=raster, WORKERS=kind)
                self.fails(zones, 'pixel 3,0', word, RASTER=self.raster(), WEIGHTS=raster, WORKERS=kind,
                           PIXELS='FRACTION')
            row, = table(aside, RASTER=self.raster(), WEIGHTS=raster, STATS='WEIGHT_SUM')
            self.assertEqual(row['WEIGHT_SUM'], 30)
            row, = table(zones, RASTER=self.raster(nodata=4), WEIGHTS=raster, STATS='WEIGHT_SUM')
            self.assertEqual(row['WEIGHT_SUM'], 35)
            self.fails(self.zones([rectangle(0.5, 0.5, 5.5, 5.5)]), 'pixel 3,0', word, RASTER=self.raster(),
                       WEIGHTS=raster, PIXELS='FRACTION')
        large = np.ones((6, 6), np.int64)
        large[2, 1] = 2**53 + 1
        self.fails(zones, 'WEIGHTS', 'pixel 1,2', '2^53', RASTER=self.raster(), WEIGHTS=self.raster(large))
        nothing = self.raster(np.zeros((6, 6)))
        row = self.one(ALL, self.raster(), WEIGHTS=nothing, STATS='COUNT,WEIGHT_SUM,WEIGHTED_MEAN')
        self.assertEqual(row, {'ZONE_FID': 1, 'COUNT': 36, 'WEIGHT_SUM': None, 'WEIGHTED_MEAN': None})

    def test_columns(self):
        zones, raster = self.zones([ALL]), self.raster()
        self.assertEqual([name for name, _ in columns(zones, RASTER=raster, WEIGHTS=raster)],
                         'ZONE_FID COUNT MIN MAX MEAN STD SUM WEIGHTED_MEAN'.split())
        names = 'WEIGHTED_MEAN', 'WEIGHTED_SUM', 'WEIGHTED_STD', 'WEIGHTED_VARIANCE', 'WEIGHT_SUM'
        given = 'weighted_mean,weighted_sum,weighted_stdev,weighted_variance,weight_sum'
        found = columns(zones, RASTER=raster, WEIGHTS=raster, STATS=given)
        self.assertEqual(found[1:], [(name, 'Real') for name in names])
        self.assertEqual(self.one(ALL, raster, WEIGHTS=raster, STATS='WEIGHTED_MEAN')['WEIGHTED_MEAN'],
                         float((SIX.astype(float)**2).sum() / 666))

    def test_a_raster_option_is_not_for_weights(self):
        raster = self.raster(np.repeat(np.repeat(SIX, 2, 0), 2, 1), (0, 0.5, 0, 6, 0, -0.5))
        dataset = gdal.Open(raster, gdal.GA_Update)
        dataset.BuildOverviews('NEAREST', [2])
        dataset = None
        row = self.one(ALL, raster, RASTER_OO='OVERVIEW_LEVEL=0', WEIGHTS=self.raster(), STATS='COUNT,WEIGHT_SUM')
        self.assertEqual(row, {'ZONE_FID': 1, 'COUNT': 36, 'WEIGHT_SUM': 666})

    def test_errors(self):
        zones, raster = self.zones([ALL]), self.raster()
        for words, options in (
                (('WEIGHTED_MEAN', 'WEIGHTS='), {'STATS': 'COUNT,weighted_mean'}),
                (('WEIGHT_SUM', 'WEIGHTS='), {'STATS': 'WEIGHT_SUM'}),
                (('WEIGHTS', 'STATS', 'WEIGHTED_MEAN'), {'STATS': 'MEAN', 'WEIGHTS': raster}),
                (('WEIGHTS', 'STATS'), {'STATS': 'MEAN', 'WEIGHTS': 'AREA'}),
                (('WEIGHTS',), {'WEIGHTS': ''}),
                (('WEIGHTS (/no/such.tif)',), {'WEIGHTS': '/no/such.tif'}),
                (('WEIGHTS_BAND', 'no band 2', 'it has 1'), {'WEIGHTS': raster, 'WEIGHTS_BAND': 2}),
                (('WEIGHTS_BAND',), {'WEIGHTS': raster, 'WEIGHTS_BAND': 0}),
                (('WEIGHTS_BAND', 'WEIGHTS='), {'WEIGHTS_BAND': 1}),
                (('WEIGHTS_BAND', 'WEIGHTS='), {'WEIGHTS': 'AREA', 'WEIGHTS_BAND': 1}),
                (('WEIGHTS (', 'differ in size', 'RASTER ('), {'WEIGHTS': self.raster(SIX[:5])}),
                (('WEIGHTS (', 'differ in position'), {'WEIGHTS': self.raster(gt=(1, 1, 0, 6, 0, -1))}),
                (('WEIGHTS (', 'differ in CRS'), {'WEIGHTS': self.raster(epsg=32633)}),
                (('CFloat32', 'WEIGHTS'), {'WEIGHTS': self.raster(SIX.astype(np.complex64))}),
                (("unknown name 'B'",), {'WEIGHTS': raster, 'CALC': 'A*B'}),
                (("unknown name 'W'",), {'WEIGHTS': raster, 'CALC': 'A*W'})):
            with self.subTest(str(options)):
                self.fails(zones, 'ZONALSTATS', *words, **dict({'RASTER': raster}, **options))
        memory = '/vsimem/weights.tif'
        gdal.Translate(memory, raster)
        self.assertEqual(table(zones, RASTER=raster, WEIGHTS=memory, STATS='WEIGHT_SUM')[0]['WEIGHT_SUM'], 666)
        self.fails(zones, 'WEIGHTS (/vsimem/weights.tif)', 'worker processes', RASTER=raster, WEIGHTS=memory,
                   WORKERS='PROCESSES')
        gdal.Unlink(memory)

    def test_an_input_that_changes(self):
        weights = self.raster(SIX * 2.0)
        for kind in KINDS:
            dataset = open_table(self.zones([ALL]), RASTER=self.raster(), WEIGHTS=weights, WORKERS=kind)
            time.sleep(0.02)
            shutil.copyfile(self.raster(SIX * 3.0), weights)
            with listening() as said, self.assertRaises(RuntimeError) as caught:
                layer_rows(dataset.GetLayer(0))
            self.assertIn('changed', '\n'.join(said.errors() + [str(caught.exception)]))

    def test_an_output_that_is_the_input(self):
        weights, zones, raster = self.raster(SIX * 2), self.zones([ALL]), self.raster()
        linked = self.new('weights.vrt')
        gdal.Translate(linked, weights, format='VRT')
        for name, path in (('GeoJSON', weights), ('ZONALSTATS', linked)):
            before = read_bytes(path)
            done = run('ogr2ogr', '-f', name, path, 'ZONALSTATS:' + zones, *oo(RASTER=raster, WEIGHTS=path))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, 'the output .*is an input')
            self.assertEqual(read_bytes(path), before)


class WeightsOfAreas(ZonalCase):
    def test_degrees(self):
        """Means over latitudes, by quadrature over the ellipsoid: a^2 (1 - e^2) cos / (1 - e^2 sin^2)^2."""
        a, f = 6378137.0, 1 / 298.257223563
        e2 = f * (2 - f)
        nodes, w = np.polynomial.legendre.leggauss(20)
        edges = np.radians(np.arange(90, -91, -5))
        areas = []
        for top, bottom in zip(edges, edges[1:]):
            at = (top + bottom) / 2 + nodes * (top - bottom) / 2
            belt = (a * a * (1 - e2) * np.cos(at) / (1 - e2 * np.sin(at)**2)**2 * w).sum() * (top - bottom) / 2
            areas.append(belt * np.radians(5))
        areas = np.repeat(np.array(areas)[:, None], 72, 1)
        random = rng('areas')
        cells = random.normal(10, 5, (36, 72))
        raster = self.raster(cells, (-180, 5, 0, 90, 0, -5), 4326)
        zones = self.zones(['POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))',
                            'POLYGON((0 40,20 40,20 85,0 85,0 40))'], epsg=4326)
        for kind in KINDS:
            rows = table(zones, RASTER=raster, WEIGHTS='area', STATS='AREA,' + WEIGHTED, WORKERS=kind)
            for row, part in zip(rows, ((slice(None), slice(None)), (slice(1, 10), slice(36, 40)))):
                v, weights = cells[part].ravel(), areas[part].ravel()
                mean = math.fsum(v * weights) / math.fsum(weights)
                variance = math.fsum(weights * (v - mean)**2) / math.fsum(weights)
                self.assertAlmostEqual(row['WEIGHT_SUM'] / row['AREA'], 1, delta=1e-14)
                self.assertAlmostEqual(row['WEIGHT_SUM'] / math.fsum(weights), 1, delta=1e-12)
                self.assertAlmostEqual(row['WEIGHTED_MEAN'], mean, delta=1e-11)
                self.assertAlmostEqual(row['WEIGHTED_VARIANCE'], variance, delta=1e-10)

    def test_metres(self):
        """Cells of one size: the plain statistics, and areas. With fractions, too."""
        gt = (0, 2, 0, 9, 0, -1.5)
        zone = rectangle(0.25, 1, 5, 4.5, gt=gt)
        for options in ({}, {'PIXELS': 'FRACTION'}, {'CALC': 'A*A'}):
            row = self.one(zone, self.raster(gt=gt), WEIGHTS='AREA', STATS='AREA,MEAN,VARIANCE,SUM,' + WEIGHTED,
                           **options)
            for name, want in (('WEIGHT_SUM', row['AREA']), ('WEIGHTED_MEAN', row['MEAN']),
                               ('WEIGHTED_VARIANCE', row['VARIANCE']), ('WEIGHTED_SUM', 3 * row['SUM'])):
                self.assertAlmostEqual(row[name], want, delta=1e-12 * want, msg=name)

    def test_a_file_of_that_name(self):
        """The word is not a file; ./AREA is."""
        folder = os.path.dirname(self.new('x'))
        shutil.copyfile(self.raster(), os.path.join(folder, 'AREA'))
        before = os.getcwd()
        os.chdir(folder)
        try:
            for name, want in (('AREA', 36), ('./AREA', 666)):
                for kind in KINDS:
                    self.assertEqual(self.one(ALL, self.raster(), WEIGHTS=name, STATS='WEIGHT_SUM',
                                              WORKERS=kind)['WEIGHT_SUM'], want)
        finally:
            os.chdir(before)


class Recipes(ZonalCase):
    """Names of weights are relative to the recipe, as all are; AREA is no name."""

    def recipe(self, **keys):
        path = self.new('values.fishnet.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(dict({'type': 'zonal_stats', 'input': os.path.basename(self.zones([ALL])),
                            'raster': os.path.basename(self.raster())}, **keys), file)
        return path

    def test_keys(self):
        weights = os.path.basename(self.raster([SIX, SIX * 2]))
        for keys, want in (({'weights': weights, 'stats': 'WEIGHT_SUM'}, [666]),
                           ({'weights': weights, 'weights_band': 2, 'stats': 'WEIGHT_SUM'}, [1332]),
                           ({'weights': 'AREA', 'stats': 'WEIGHT_SUM'}, [36]),
                           ({'calc': 'A+1', 'stats': 'SUM'}, [702]),
                           ({'calc': ['A', 'A*2'], 'stats': 'SUM'}, [666, 1332])):
            self.assertEqual(list(file_rows(self.recipe(**keys))[0].values())[1:], want, keys)

    def test_behind_a_folder(self):
        folder = os.path.dirname(self.raster())
        for weights, want in ((os.path.basename(self.raster()), 666), ('AREA', 36)):
            dataset = gdal.OpenEx(folder + '/ZONALSTATS:' + os.path.basename(self.zones([ALL])), gdal.OF_VECTOR,
                                  open_options=['RASTER=' + os.path.basename(self.raster()), 'WEIGHTS=' + weights,
                                                'STATS=WEIGHT_SUM'])
            self.assertEqual(layer_rows(dataset.GetLayer(0))[0]['WEIGHT_SUM'], want)

    def test_errors(self):
        for words, keys in ((('weights',), {'weights': ['a.tif']}), (('weights',), {'weights': 5}),
                            (('weights_band',), {'weights_band': 'x'}), (('calc[1]', 'empty'), {'calc': ['A', '']})):
            with listening() as said:
                try:
                    gdal.OpenEx(self.recipe(**keys), gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
                    caught = None
                except RuntimeError as error:
                    caught = str(error)
            self.assertIsNotNone(caught, keys)
            for word in words:
                self.assertIn(word, '\n'.join(said.errors() + [caught]))


if __name__ == '__main__':
    unittest.main()
