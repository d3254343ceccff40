"""ZONALSTATS through GDAL: rasters of 6 x 6 that are checked by hand, real data against numpy, the same rows however they are computed."""
import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

import numpy as np
from osgeo import gdal, ogr

import exact
from zonal_common import (KINDS, NORTH_UP, ROTATED, SIX, SOUTH_UP, VERSION, ZonalCase, all_bits, area, as_wkb, box, children, columns, file_rows, good_within, inside,
                          layer_rows, listening, oo, open_table, real, rectangle, rng, run, srs_of, star, table, within)
from patience import patience  # noqa: E402  (zonal_common knows where it is)

BOW_TIE = [(0, 0), (6, 6), (6, 0), (0, 6)]
EVERY = 'COUNT,AREA,MIN,MAX,RANGE,MEAN,STD,SUM,VARIETY,MAJORITY,MINORITY,MEDIAN,PCT90,PCT99.9,STD_SAMPLE,VARIANCE,CV,MAJORITY_COUNT,' \
        'MAJORITY_SHARE,MIN_X,MIN_Y,MAX_X,MAX_Y,NODATA_COUNT'
ALL = rectangle(0, 0, 6, 6)


class Rules(ZonalCase):
    """Which cells belong to a zone. Counts are those of exact arithmetic and of definitions, none is another tool's."""

    def test_partition_on_centers(self):
        """Bands whose common edges lie on cell centres: each cell is of one. The centre is of the zone to its right, or below."""
        cuts = [-1, 1.5, 2.5, 4.5, 7]
        columns = [rectangle(a, -1, b, 7) for a, b in zip(cuts, cuts[1:])]
        rows = [rectangle(-1, a, 7, b) for a, b in zip(cuts, cuts[1:])]
        for zones in (columns, rows):
            self.assertEqual(self.counts(zones), [6, 6, 12, 12])
            self.assertEqual(self.counts(zones, PIXELS='FRACTION'), [9, 6, 12, 9])
            self.assertEqual(self.counts(zones, PIXELS='TOUCHED'), [12, 12, 18, 12])
        for zones in ([[(0, 0), (6, 0), (6, 6)]], [[(0, 0), (6, 6), (0, 6)]]), ([[(0, 6), (0, 0), (6, 0)]], [[(0, 6), (6, 0), (6, 6)]]):
            self.assertEqual(sum(self.counts([area(zone) for zone in zones])), 36)  # the diagonal passes through centres

    def test_random_partition(self):
        """Eight zones that share edges with slopes, some of whose vertices are centres."""
        random = rng('partition')
        x = [[-1] + sorted(np.round(random.uniform(0, 6, 3) * 2) / 2 + 0.0) + [7] for _ in range(3)]
        y = [-1, 2.5, 7]
        zones = [area([[(x[j][i], y[j]), (x[j][i + 1], y[j]), (x[j + 1][i + 1], y[j + 1]), (x[j + 1][i], y[j + 1])]]) for j in range(2) for i in range(4)]
        self.assertEqual(sum(self.counts(zones)), 36)
        self.assertAlmostEqual(sum(self.counts(zones, PIXELS='FRACTION')), 36, delta=1e-12)

    def test_shapes(self):
        """Cells by the three rules, and with fractions the sum of exact shares."""
        ring = box(0, 0, 6, 6)
        for name, polygons, center, touched in (
                ('sliver without a centre', [[[(0, 0.1), (3.8, 0.1), (3.8, 0.3), (0, 0.3)]]], 0, 4),
                ('square within a cell', [[box(2.1, 2.1, 2.2, 2.2)]], 0, 1),
                ('hole', [[ring, box(1, 1, 5, 5)]], 20, 20),
                ('spike', [[[(1, 1), (3, 1), (3, 2), (6, 2), (3, 2), (3, 3), (1, 3)]]], 4, 4),
                ('the other way round', [[ring[::-1]]], 36, 36),
                ('partly outside', [[box(-2, -2, 2, 2)]], 4, 4),
                ('in two parts', [[box(0, 0, 2, 2)], [box(2, 2, 5.5, 3)]], 7, 8),
                ('triangle', [[[(0.3, 0.2), (5.9, 2.1), (2.2, 5.8)]]], None, None)):
            with self.subTest(name):
                shares = exact.fractions(polygons, (0, 0, 6, 6))
                total, value = sum(shares.values()), sum(int(SIX[cell]) * share for cell, share in shares.items())
                for gt in (NORTH_UP, SOUTH_UP, ROTATED):
                    raster = self.raster(gt=gt)
                    row = self.one(area(*polygons, gt=gt), raster, PIXELS='FRACTION', STATS='COUNT,SUM,MEAN,AREA')
                    cell = abs(gt[1] * gt[5] - gt[2] * gt[4])
                    for key, want in (('COUNT', total), ('SUM', value), ('MEAN', value / total), ('AREA', total * cell)):
                        self.assertAlmostEqual(row[key], float(want), delta=1e-12 * max(1, float(want)), msg=key)
                    if center is not None:
                        self.assertEqual(self.counts([area(*polygons, gt=gt)], raster), [center])
                        self.assertEqual(self.counts([area(*polygons, gt=gt)], raster, PIXELS='TOUCHED'), [touched])

    def test_overlapping_zones(self):
        rows = table(self.zones([rectangle(0, 0, 3, 3), rectangle(1, 1, 4, 4)]), RASTER=self.raster(), STATS='COUNT,SUM')
        self.assertEqual([list(row.values()) for row in rows], [[1, 9, 72], [2, 9, 135]])

    def test_rotated(self):
        """Thirteen centres in an area of twelve cells: about the centre of (3, 3), whose cells stand on their corners."""
        x, y, half = ROTATED[0] + 7, ROTATED[3], math.sqrt(6)
        zone = 'POLYGON((%r %r,%r %r,%r %r,%r %r,%r %r))' % (x - half, y - half, x + half, y - half, x + half, y + half, x - half, y + half,
                                                             x - half, y - half)
        raster = self.raster(np.arange(64, dtype=np.int32).reshape(8, 8), ROTATED)
        row = self.one(zone, raster, STATS='COUNT,SUM,AREA')
        self.assertEqual(row, {'ZONE_FID': 1, 'COUNT': 13, 'SUM': 13 * 27, 'AREA': 26})
        self.assertAlmostEqual(self.one(zone, raster, STATS='COUNT', PIXELS='FRACTION')['COUNT'], 12, delta=1e-12)

    def test_curves(self):
        circle = 'CURVEPOLYGON(CIRCULARSTRING(1 3,3 5,5 3,3 1,1 3))'
        for zone in (circle, 'MULTISURFACE(%s)' % circle):
            self.assertEqual(self.counts([zone]), [12])
            self.assertAlmostEqual(self.counts([zone], PIXELS='FRACTION')[0], 4 * math.pi, delta=0.02)

    def test_collections(self):
        two = 'POLYGON((0 0,2 0,2 2,0 2,0 0))'
        for zone, count in (('GEOMETRYCOLLECTION(%s)' % two, 4), ('GEOMETRYCOLLECTION(%s,POLYGON((4 4,5 4,5 5,4 5,4 4)))' % two, 5),
                            ('POLYGON Z((0 0 9,2 0 9,2 2 9,0 2 9,0 0 9))', 4), ('POLYGON M((0 0 9,2 0 9,2 2 9,0 2 9,0 0 9))', 4),
                            ('POLYHEDRALSURFACE(((0 0,2 0,2 2,0 2,0 0)))', 4), ('TRIANGLE((0 0,6 0,0 4,0 0))', 12)):
            self.assertEqual(self.counts([zone]), [count], zone)

    def test_points_and_lines(self):
        zones = ['POINT(0.5 5.5)', 'POINT(1 5)', 'POINT(6 0)', 'MULTIPOINT(0.5 5.5,0.6 5.6,3.5 3.5)', 'LINESTRING(0.5 5.5,3.5 5.5)', 'LINESTRING(0 3,6 3)']
        want = [(1, 1), (1, 8), (0, None), (2, 17), (4, 10), (6, 129)]
        for pixels in ('CENTER', 'TOUCHED', 'FRACTION'):
            rows = table(self.zones(zones), RASTER=self.raster(), STATS='COUNT,SUM', PIXELS=pixels)
            if pixels == 'FRACTION':
                want[4] = 3, 0.5 * 1 + 2 + 3 + 0.5 * 4
            self.assertEqual([(row['COUNT'], row['SUM']) for row in rows], want, pixels)

    def test_lines_longer_than_a_cell(self):
        row = self.one('LINESTRING(0 0,6 6)', PIXELS='FRACTION', STATS='COUNT,MEAN')
        self.assertAlmostEqual(row['COUNT'], 6 * math.sqrt(2), delta=1e-12)
        self.assertAlmostEqual(row['MEAN'], 18.5, delta=1e-12)
        self.assertAlmostEqual(self.counts(['LINESTRING(0.1 5.5,0.9 5.5,0.1 5.4)', ALL], PIXELS='FRACTION')[0], 0.8 + math.hypot(0.8, 0.1), delta=1e-12)

    def test_nothing(self):
        """A row for each, without numbers; the run goes on."""
        zones = [rectangle(10, 10, 12, 12), rectangle(2, 2, 2, 2), 'POLYGON EMPTY', None, 'MULTIPOLYGON EMPTY', 'GEOMETRYCOLLECTION EMPTY', 'POINT EMPTY',
                 as_wkb(ALL)[:-8] + np.float64(np.nan).tobytes(), as_wkb(ALL)[:-8] + np.float64(np.inf).tobytes(),
                 as_wkb(rectangle(3, 3, 5, 5)), rectangle(-1e300, -1e300, 1e300, 1e300)]
        with listening() as said:
            for pixels in ('CENTER', 'FRACTION', 'TOUCHED'):
                rows = table(self.zones(zones), RASTER=self.raster(), STATS=EVERY, PIXELS=pixels)
                self.assertEqual([row['COUNT'] for row in rows], [0] * 9 + [4, 36])
                for row in rows[:9]:
                    self.assertEqual({name for name, value in row.items() if value is not None}, {'ZONE_FID', 'COUNT', 'NODATA_COUNT'})
        self.assertEqual(len(said.warnings()), 3, said.warnings())
        self.assertIn('5 null or empty', said.warnings()[0])

    def test_too_many_values(self):
        """The zone is named."""
        gt = (0, 1, 0, 1200, 0, -1)
        zones = self.zones([rectangle(0, 0, 2, 2, gt=gt), rectangle(0, 0, 1200, 1200, gt=gt)])
        self.fails(zones, 'the feature 2: a zone has more than 1000000 distinct values', RASTER=self.raster(rng('values').uniform(0, 1, (1200, 1200)), gt),
                   STATS='VARIETY')

    def test_all_beside_the_raster(self):
        """Probably a mistake: a warning, once, and only where no zone has a cell."""
        far = [rectangle(10, 10, 12, 12), rectangle(20, 2, 22, 4)]
        for zones, warns in ((far, True), (far + [ALL], False), ([None, None], False), ([], False)):
            with listening() as said:
                self.assertEqual([row['COUNT'] for row in table(self.zones(zones), RASTER=self.raster(), STATS='COUNT')], [36 if zone is ALL else 0 for zone in zones])
            self.assertEqual(['no zone of' in text for text in said.warnings() if 'cannot be used' not in text], [True] if warns else [], zones)

    def warned(self, text, zones, **options):
        options.setdefault('STATS', 'COUNT')
        with listening() as said:
            rows = table(zones, RASTER=self.raster(), **options)
        self.assertEqual(len(said.warnings()), 1 if text else 0, said.warnings())
        if text:
            self.assertIn(text, said.warnings()[0])
        return [row['COUNT'] for row in rows]

    def test_slivers_that_cross_themselves_by_rounding(self):
        """Islands of a hundredth of a cell, whose rings go there and back: GEOS has them for valid, and so have we."""
        for kind in KINDS:
            rows = table(real('land.shp'), RASTER=real('egm96.gtx'), STATS='COUNT,AREA', PIXELS='FRACTION', INVALID='FAIL', WORKERS=kind)
            self.assertEqual(len(rows), 7980)
            self.assertTrue(1.44e14 < sum(row['AREA'] or 0 for row in rows) < 1.48e14)

    def test_polygons_that_cross_themselves(self):
        overlapping, twice, bow_tie = area([box(0, 0, 3, 3)], [box(1, 1, 4, 4)]), area([box(0, 0, 6, 6)], [box(0, 0, 6, 6)]), area([BOW_TIE])
        zones = self.zones([ALL, overlapping, twice, bow_tie, area([box(0, 0, 3, 3)], [box(3, 0, 6, 3)])])
        for kind in KINDS:
            for pixels in ('CENTER', 'FRACTION'):
                self.assertEqual(self.warned('(FID 2, 3, 4)', zones, PIXELS=pixels, WORKERS=kind), [36, 14, 36, 18, 18])
        self.assertEqual(self.warned('3 polygons', zones, INVALID='SKIP'), [36, None, None, None, 18])
        self.fails(zones, 'feature 2', 'INVALID=REPAIR', RASTER=self.raster(), INVALID='FAIL')
        self.assertEqual(self.warned('(FID 1, 2, 3, 4, 5, ...)', self.zones([overlapping] * 7)), [14] * 7)

    def test_hourglass_in_a_cell(self):
        """Whose halves cancel each other."""
        zones = self.zones([area([[(2.1, 2.1), (2.9, 2.9), (2.9, 2.1), (2.1, 2.9)]])])
        self.assertAlmostEqual(self.warned('FID 1', zones, PIXELS='FRACTION')[0], 0.32, delta=1e-12)

    def test_crs(self):
        """Zones come to the raster; a side without CRS is taken as it is, with one warning."""
        raster = self.raster(np.ones((100, 100), np.uint8), (300000, 1000, 0, 300000, 0, -1000))
        corners = [(x, y) for x, y in ((310000, 290000), (330000, 290000), (330000, 270000), (310000, 270000))]
        to_degrees = ogr.CreateGeometryFromWkt('POLYGON((%s))' % ','.join('%d %d' % p for p in corners + corners[:1]))
        to_degrees.AssignSpatialReference(srs_of(32632))
        to_degrees.Segmentize(500)
        to_degrees.TransformTo(srs_of(4326))
        for kind in KINDS:
            row = table(self.zones([to_degrees], epsg=4326), RASTER=raster, STATS='COUNT,AREA', PIXELS='FRACTION', WORKERS=kind)[0]
            self.assertAlmostEqual(row['COUNT'], 400, delta=1e-3)
            self.assertAlmostEqual(row['AREA'], 4e8, delta=1e3)
        for zones, side in ((32632, None), (None, 32632), (None, None), (32632, 32632)):
            with listening() as said:
                rows = table(self.zones([ALL], epsg=zones), RASTER=self.raster(epsg=side), STATS='COUNT')
            self.assertEqual(rows[0]['COUNT'], 36)
            self.assertEqual([text for text in said.warnings() if 'has no CRS' in text], said.warnings())
            self.assertEqual(len(said.warnings()), int((zones is None) != (side is None)))

    # Fails: the error of the transformation stays GDAL's last one, and the binding raises it.
    def test_a_zone_that_cannot_be_transformed(self):
        """A row without numbers, and a warning."""
        zones = self.zones(['POLYGON((8 40,9 40,9 95,8 40))', 'POLYGON((8 40,9 40,9 41,8 40))'], epsg=4326)
        raster = self.raster(np.ones((100, 100), np.uint8), (0, 1e5, 0, 1e7, 0, -1e5))
        with listening() as said:
            self.assertEqual([row['COUNT'] for row in table(zones, RASTER=raster, STATS='COUNT')], [0, 1])
        self.assertIn('1 that cannot be transformed', said.warnings()[0])

    def test_area_of_degrees(self):
        """A belt around the equator, and cells near the pole, against the area of the ellipsoid (EPSG 4326: 510065621724088 m2)."""
        raster = self.raster(np.ones((180, 360), np.uint8), (-180, 1, 0, 90, 0, -1), 4326)
        world, half = (table(self.zones([zone], epsg=4326), RASTER=raster, STATS='AREA')[0]['AREA'] for zone in (
            'POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))', 'POLYGON((-180 0,180 0,180 90,-180 90,-180 0))'))
        self.assertAlmostEqual(world / 510065621724088.4, 1, delta=1e-12)
        self.assertAlmostEqual(half / world, 0.5, delta=1e-12)


class Values(ZonalCase):
    """What is in the cells: NoData, masks, NaN, infinities, large integers; and definitions."""

    def stats(self, array, stats, zone=ALL, options={}, **raster):
        return list(self.one(zone, self.raster(array, **raster), STATS=stats, **options).values())[1:]

    def test_nodata_and_nan(self):
        cells = SIX.astype(float)
        cells[1, 1], cells[3, 3] = np.nan, -9999
        zones = self.zones([rectangle(1, 1, 2, 2), rectangle(0, 0, 3, 3), rectangle(3, 3, 4, 4), rectangle(4, 4, 6, 6)])
        names = 'COUNT,SUM,MIN,MEAN,NODATA_COUNT'
        want = [[0, None, None, None, 1], [8, 64, 1, 8, 1], [0, None, None, None, 1], [4, 130, 29, 32.5, 0]]
        for dtype in (np.float64, np.float32):
            rows = table(zones, RASTER=self.raster(cells.astype(dtype), nodata=-9999), STATS=names)
            self.assertEqual([list(row.values())[1:] for row in rows], want)
            rows = table(zones, RASTER=self.raster(cells.astype(dtype), nodata=-9999), STATS=names, NODATA='SPREAD')
            self.assertEqual([list(row.values())[1:] for row in rows], [[None] * 4 + [1]] * 3 + want[3:])
        rows = table(zones, RASTER=self.raster(np.nan_to_num(cells), nodata=math.nan), STATS='COUNT,MIN')
        self.assertEqual([row['COUNT'] for row in rows], [1, 9, 1, 4])
        self.assertEqual(self.stats(SIX, 'COUNT,MIN,NODATA_COUNT', nodata=1), [35, 2, 1])

    def test_masks(self):
        mask = np.full((6, 6), 255, np.uint8)
        mask[0] = 0
        path = self.raster(SIX.astype(np.uint8))
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
        dataset = None
        alpha = self.raster([SIX.astype(np.uint8), mask], options=['ALPHA=YES'])
        for raster in (path, alpha):
            for kind in KINDS:
                self.assertEqual(list(self.one(ALL, raster, STATS='COUNT,MIN,NODATA_COUNT', WORKERS=kind).values()), [1, 30, 7, 6])
        self.assertEqual(self.one(ALL, alpha, STATS='COUNT', ALPHA='IGNORE'), {'ZONE_FID': 1, 'B1_COUNT': 36, 'B2_COUNT': 36})

    def test_infinities(self):
        cells = SIX.astype(float)
        cells[0, 0], cells[0, 5] = np.inf, -np.inf
        self.assertEqual(self.stats(cells, 'COUNT,MIN,MAX,MEAN,SUM', rectangle(0, 0, 1, 1)), [1] + [math.inf] * 4)
        self.assertEqual(self.stats(cells, 'COUNT,MIN,MAX,MEAN,MEDIAN,STD', rectangle(0, 0, 2, 2)), [4, 2, math.inf, math.inf, 7.5, None])
        self.assertEqual(self.stats(cells, 'COUNT,MIN,MAX,MEAN,MEDIAN,VARIETY'), [36, -math.inf, math.inf, None, 19.5, 36])

    def test_integers(self):
        most = 2**53 + 1
        self.assertEqual(self.stats(np.full((6, 6), 2 * 10**9, np.int32), 'SUM,MEAN,VARIANCE,MAX'), [7.2e10, 2e9, 0, 2 * 10**9])
        if VERSION >= (3, 5):
            self.assertEqual(self.stats(np.full((6, 6), most, np.int64), 'MIN,MAX,MAJORITY,MINORITY,RANGE,SUM'), [most] * 4 + [0, float(36 * most)])
            self.assertEqual(self.stats(np.full((6, 6), most, np.uint64), 'MIN,MAX,MAJORITY,MINORITY,RANGE,SUM'), [most] * 4 + [0, float(36 * most)])
            self.assertEqual(self.stats(np.full((6, 6), 2**63 + 5, np.uint64), 'SUM,MEAN,RANGE'), [float(36 * (2**63 + 5)), float(2**63), 0])
            self.fails(self.zones([ALL]), 'feature 1', 'MIN', 'column', RASTER=self.raster(np.full((6, 6), 2**63 + 5, np.uint64)), STATS='MIN')
            both = np.full((6, 6), -2**63, np.int64)
            both[0, 0] = 2**63 - 1
            self.assertEqual(self.stats(both, 'SUM,MAX'), [float(2**63 - 1 - 35 * 2**63), 2**63 - 1])

    def test_lowest_integer(self):
        """The mark of a missing value: it is not taken for one."""
        lowest = self.raster(np.full((6, 6), -2**63, np.int64))
        self.fails(self.zones([ALL]), 'feature 1', 'MIN', 'cannot hold', RASTER=lowest, STATS='COUNT,MIN')
        self.assertEqual(self.one(ALL, lowest, STATS='SUM')['SUM'], -36.0 * 2**63)

    def test_definitions(self):
        self.assertEqual(self.stats(1e9 + np.indices((6, 6)).sum(0) % 2, 'VARIANCE,STD,CV'), [0.25, 0.5, 0.5 / 1000000000.5])
        self.assertEqual(self.stats(SIX, 'MAJORITY,MINORITY,VARIETY,MAJORITY_COUNT,MAJORITY_SHARE', rectangle(0, 0, 3, 1)), [1, 1, 3, 1, 1 / 3])
        zeros = np.zeros((6, 6))
        zeros[2, 2] = 10
        self.assertEqual(self.stats(zeros, 'MEDIAN,PCT25,PCT90'), [0, 0, 0])
        self.assertEqual(self.stats(zeros, 'MEDIAN,PCT25,PCT90', options={'PIXELS': 'FRACTION'}), [0, 0, 0])
        self.assertEqual(self.stats(SIX, 'PCT25,PCT75,PCT90,PCT0,PCT100'), [9.75, 27.25, 32.5, 1, 36])
        self.assertEqual(self.stats(SIX, 'stdev,mode,percentile_25,average,quantile(q=0.9)'), self.stats(SIX, 'STD,MAJORITY,PCT25,MEAN,PCT90'))

    def test_parentheses_in_a_list(self):
        self.assertEqual(self.stats(SIX, 'quantile(q=0.9),MEAN,quantile(q=0.25)'), [32.5, 18.5, 9.75])

    def test_columns(self):
        """Names by raster and band; types by what is in them; fields that are carried."""
        whole, real_ = 'Integer64', 'Real'
        zones = self.zones([ALL], fields={'COUNT': [7], 'name': ['x'], 'ZONE_FID': [8]})
        one, two = self.raster(name='one.tif'), self.raster([SIX, SIX * 2.0], name='two.tif')
        names = [os.path.basename(path)[:-4] for path in (one, two)]
        self.assertEqual(columns(zones, RASTER=one), [('ZONE_FID', whole), ('COUNT', whole), ('MIN', whole), ('MAX', whole), ('MEAN', real_),
                                                      ('STD', real_), ('SUM', real_)])
        self.assertEqual(columns(zones, RASTER=one, STATS='count,MAX', PIXELS='FRACTION', FIELDS='*')[1:],
                         [('COUNT', real_), ('MAX', whole), ('IN_COUNT', whole), ('name', 'String'), ('IN_ZONE_FID', whole)])
        self.assertEqual(table(zones, RASTER=two, STATS='SUM', FIELDS='name'), [{'ZONE_FID': 1, 'B1_SUM': 666, 'B2_SUM': 1332, 'name': 'x'}])
        self.assertEqual(table(zones, RASTER=two, STATS='SUM', BAND='2'), [{'ZONE_FID': 1, 'SUM': 1332}])
        want = {'ZONE_FID': 1, names[0] + '_SUM': 666, names[1] + '_B1_SUM': 666, names[1] + '_B2_SUM': 1332}
        for kind in KINDS:
            self.assertEqual(table(zones, RASTER=[one, two], STATS='SUM', WORKERS=kind), [want])
            self.assertEqual(table(zones, RASTER=one + ';' + two, STATS='SUM', WORKERS=kind), [want])
        self.assertEqual([name for name, _ in columns(zones, RASTER=[one, one], STATS='SUM')], ['ZONE_FID', names[0] + '_SUM', names[0] + '_2_SUM'])

    def test_bands_one_by_one(self):
        """Bands of a tile are collected one after the other, with the cells of the zones that are kept, which not all are: as each band alone."""
        random = rng('bands')
        bands = [random.normal(0, 100, (512, 512)).astype(np.float32) for _ in range(3)]
        for band in bands:
            band[random.uniform(size=band.shape) < 0.1] = -9999
        values = self.raster(bands, nodata=-9999, options=['TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512', 'INTERLEAVE=BAND'])
        zones = self.zones([rectangle(x, 0.3, x + 3, 511.5) for x in np.linspace(0, 500, 300)] + [area([box(9, 9, 500, 500)], [box(80, 80, 480, 490)])])
        for pixels in ('CENTER', 'FRACTION'):
            for invalid in ('REPAIR', 'SKIP'):
                options = {'RASTER': values, 'STATS': 'COUNT,SUM,STD,MAX,MEDIAN', 'PIXELS': pixels, 'INVALID': invalid}
                rows = table(zones, **options)
                for number in (1, 2, 3):
                    alone = [{'B%d_%s' % (number, name): value for name, value in row.items() if name != 'ZONE_FID'}
                             for row in table(zones, BAND=number, **options)]
                    own = [{name: value for name, value in row.items() if name.startswith('B%d_' % number)} for row in rows]
                    self.assertEqual(all_bits(own), all_bits(alone), (pixels, invalid, number))

    def test_columns_that_are_asked_for_twice(self):
        """Two columns of a name are what formats refuse."""
        for options in ({'STATS': 'MEAN,mean,average'}, {'BAND': '1,1', 'STATS': 'MEAN'}):
            try:
                names = [name for name, _ in columns(self.zones([ALL]), RASTER=self.raster(), **options)]
            except RuntimeError:
                continue
            self.assertEqual(len(names), len(set(names)), names)

    def test_layer(self):
        """The table as a layer: counted without being computed, read twice, by Arrow, filtered, with the zones' geometries, and as a file."""
        zones = self.zones([ALL, rectangle(0, 0, 2, 2), 'POLYGON EMPTY'], fields={'name': list('abc')})
        options = {'RASTER': self.raster(), 'FIELDS': 'name', 'GEOMETRY': 'ZONE', 'STATS': 'COUNT,MEAN'}
        with listening():
            self.check_layer(zones, options)

    def check_layer(self, zones, options):
        dataset = open_table(zones, **options)
        layer = dataset.GetLayer(0)
        self.assertEqual((layer.GetName(), layer.GetFeatureCount(), layer.GetSpatialRef().IsSame(srs_of(32632))), ('zones_stats', 3, 1))
        want = [{'ZONE_FID': 1, 'COUNT': 36, 'MEAN': 18.5, 'name': 'a'}, {'ZONE_FID': 2, 'COUNT': 4, 'MEAN': 4.5, 'name': 'b'},
                {'ZONE_FID': 3, 'COUNT': 0, 'MEAN': None, 'name': 'c'}]
        self.assertEqual([layer_rows(layer), layer_rows(layer)], [want, want])
        layer.ResetReading()
        self.assertEqual([ogr.CreateGeometryFromWkt(text).Equals(feature.GetGeometryRef()) for text, feature in zip((ALL, rectangle(0, 0, 2, 2)), layer)],
                         [True, True])
        if VERSION >= (3, 6):
            batch = list(layer.GetArrowStreamAsNumPy(['USE_MASKED_ARRAYS=NO']))[0]
            self.assertEqual(batch['COUNT'].tolist(), [36, 4, 0])
            self.assertEqual(batch['MEAN'][:2].tolist(), [18.5, 4.5])
        layer.SetAttributeFilter('COUNT < 10')
        self.assertEqual([feature.GetField('name') for feature in layer], ['b', 'c'])
        recipe = self.new('recipe.fishnet.json')
        with open(recipe, 'w', encoding='utf-8') as file:
            json.dump({'type': 'zonal_stats', 'input': zones, 'raster': options['RASTER'], 'stats': 'COUNT,MEAN', 'fields': 'name'}, file)
        self.assertEqual(file_rows(recipe), want)
        for ending in ('gpkg', 'shp', 'csv', 'geojson'):
            path = self.new('out.' + ending)
            good_within('ogr2ogr', path, 'ZONALSTATS:' + zones, *oo(**dict(options, GEOMETRY='NONE' if ending == 'csv' else 'ZONE')))
            rows = file_rows(path)
            self.assertEqual([float(row['COUNT']) for row in rows], [36, 4, 0], ending)


class RealData(ZonalCase):
    @classmethod
    def prepare(cls):
        cls.dem = real('dem.tif')
        dataset = gdal.Open(cls.dem)
        cls.gt, cls.cells = dataset.GetGeoTransform(), dataset.ReadAsArray()
        random = rng('real')
        cls.rings, cls.polygons = [], []
        for i in range(70):
            x, y, radius = random.uniform(-50, 2450), random.uniform(-50, 1250), random.choice([3, 30, 200, 500], p=[0.2, 0.4, 0.3, 0.1])
            rings = [star(random, x, y, radius, int(random.integers(20 if i % 4 == 0 else 3, 60)))]
            if i % 4 == 0:
                rings.append(star(random, x, y, radius * 0.01, 5))
            cls.rings.append(rings)
            cls.polygons.append(area(rings, gt=cls.gt))
        bow_tie = [(300 + 50 * x, 500 + 40 * y) for x, y in BOW_TIE]
        cls.others = [None, 'POINT(-105.5 37.5)', 'LINESTRING(-105.9 37.3,-104.2 37.3)', area([bow_tie], gt=cls.gt), 'POLYGON EMPTY',
                      rectangle(5000, 0, 5001, 1, gt=cls.gt)]
        fids = [7 * i + 3 for i in range(76)]
        cls.file = cls.zones(cls.polygons + cls.others, epsg=4326, fids=fids, fields={'name': ['n%d' % i for i in range(76)], 'k': [i % 3 for i in range(76)]})
        cls.expected = {}

    def table(self, pixels='CENTER', **options):
        with listening():
            return table(self.file, RASTER=self.dem, STATS=EVERY, FIELDS='name', PIXELS=pixels, **options)

    def want(self, pixels='CENTER'):
        if pixels not in self.expected:
            self.expected[pixels] = all_bits(self.table(pixels, NUM_WORKERS=1))
            self.assertEqual(len(self.expected[pixels]), 76)
        return self.expected[pixels]

    def cells_of(self, rings):
        x, y = np.array(rings[0]).T
        left, top = max(0, int(x.min()) - 1), max(0, int(y.min()) - 1)
        values = self.cells[top:max(top, int(y.max()) + 2), left:max(left, int(x.max()) + 2)]
        rows, columns = np.indices(values.shape)
        mask = inside(rings, columns + left + 0.5, rows + top + 0.5)
        return values[mask].astype(np.float64), columns[mask] + left, rows[mask] + top

    def test_numpy(self):
        rows = self.table()
        self.assertEqual([row['ZONE_FID'] for row in rows], [7 * i + 3 for i in range(76)])
        for row, rings in zip(rows, self.rings):
            values, x, y = self.cells_of(rings)
            self.assertEqual((row['COUNT'], row['NODATA_COUNT']), (values.size, 0))
            if not values.size:
                self.assertIsNone(row['MEAN'])
                continue
            kinds, counts = np.unique(values, return_counts=True)
            low, high = np.argmin(values), np.argmax(values)
            most = counts.max()
            for name, want in (('MIN', values[low]), ('MAX', values[high]), ('RANGE', values[high] - values[low]), ('VARIETY', kinds.size),
                               ('MAJORITY', kinds[np.argmax(counts)]), ('MINORITY', kinds[np.argmin(counts)]), ('MAJORITY_COUNT', most),
                               ('MAJORITY_SHARE', most / values.size), ('MIN_X', x[low]), ('MIN_Y', y[low]), ('MAX_X', x[high]), ('MAX_Y', y[high]),
                               ('MEDIAN', np.percentile(values, 50)), ('PCT90', np.percentile(values, 90)), ('PCT99.9', np.percentile(values, 99.9)),
                               ('SUM', math.fsum(values)), ('MEAN', math.fsum(values) / values.size)):
                self.assertEqual(row[name], want, '%s of %s' % (name, row['name']))
            if values.size > 1:
                for name, want in (('VARIANCE', values.var()), ('STD', values.std()), ('STD_SAMPLE', values.std(ddof=1)), ('CV', values.std() / values.mean())):
                    self.assertAlmostEqual(row[name], want, delta=1e-11 * abs(want) + 1e-12, msg=name)

    def test_partition(self):
        """Quads with common edges over all of the raster: each cell once, all shares together whole cells."""
        random = rng('quads')
        x, y = np.meshgrid(np.linspace(-50, 2450, 16), np.linspace(-50, 1250, 13))
        inner = (slice(1, -1), slice(1, -1))
        x[inner] += random.uniform(-50, 50, x[inner].shape)
        y[inner] += random.uniform(-30, 30, y[inner].shape)
        at = [[(x[j, i], y[j, i]) for i in range(16)] for j in range(13)]
        zones = self.zones([area([[at[j][i], at[j][i + 1], at[j + 1][i + 1], at[j + 1][i]]], gt=self.gt) for j in range(12) for i in range(15)], epsg=4326)
        rows = table(zones, RASTER=self.dem, STATS='COUNT,SUM')
        self.assertEqual(sum(row['COUNT'] for row in rows), self.cells.size)
        total = math.fsum(self.cells.ravel())
        self.assertAlmostEqual(math.fsum(row['SUM'] for row in rows) / total, 1, delta=1e-14)
        rows = table(zones, RASTER=self.dem, STATS='COUNT,SUM', PIXELS='FRACTION')
        self.assertAlmostEqual(math.fsum(row['COUNT'] for row in rows) / self.cells.size, 1, delta=1e-12)
        self.assertAlmostEqual(math.fsum(row['SUM'] for row in rows) / total, 1, delta=1e-12)

    def test_percentiles_in_several_passes(self):
        """More values than are kept."""
        path = self.new('large.vrt')
        gdal.Translate(path, self.dem, format='VRT', width=4802, height=2402)
        gt = gdal.Open(path).GetGeoTransform()
        cells = np.repeat(np.repeat(self.cells.astype(float), 2, 0), 2, 1)
        zones = self.zones([rectangle(-1, -1, 5000, 3000, gt=gt), rectangle(9, 9, 9, 9, gt=gt), rectangle(100, 100, 200, 200, gt=gt)], epsg=4326)
        want = [np.percentile(part, [50, 99.9]).tolist() for part in (cells, cells[100:200, 100:200])]
        for kind in KINDS:
            rows = table(zones, RASTER=path, STATS='MEDIAN,PCT99.9', WORKERS=kind)
            self.assertEqual([list(row.values())[1:] for row in rows], [want[0], [None, None], want[1]], kind)

    def test_workers(self):
        for pixels in ('CENTER', 'FRACTION'):
            for kind, number in (('THREADS', 2), ('THREADS', 7), ('PROCESSES', 1), ('PROCESSES', 3)):
                self.assertEqual(all_bits(self.table(pixels, WORKERS=kind, NUM_WORKERS=number)), self.want(pixels), (pixels, kind, number))

    def test_tiles(self):
        for size in ('64', '256x64', '1000x300', '512', '5000'):
            for pixels in ('CENTER', 'FRACTION'):
                self.assertEqual(all_bits(self.table(pixels, TILE_SIZE=size)), self.want(pixels), (pixels, size))

    def test_blocks(self):
        """The same cells in other blocks."""
        path = self.new('tiled.tif')
        gdal.Translate(path, self.dem, creationOptions=['TILED=YES', 'BLOCKXSIZE=208', 'BLOCKYSIZE=80', 'COMPRESS=DEFLATE'])
        self.assertEqual(all_bits(table(self.file, RASTER=path, STATS=EVERY, FIELDS='name')), self.want())

    def test_shares(self):
        rows = [row for i in range(1, 4) for row in all_bits(self.table(PARTITION='%d/3' % i))]
        self.assertEqual(rows, self.want())
        self.assertEqual(all_bits(self.table(PARTITION_SIZE=7)), self.want())

    def test_where(self):
        want = [row for i, row in enumerate(self.want()) if i % 3 == 1]
        for kind in KINDS:
            self.assertEqual(all_bits(self.table(WHERE='k = 1', WORKERS=kind)), want)

    def test_many_zones(self):
        """More than a task's: read by ranges."""
        zones = self.zones([rectangle(i % 60 * 20, i // 60 * 20, i % 60 * 20 + 5, i // 60 * 20 + 5, gt=self.gt) for i in range(2000)], epsg=4326)
        want = None
        for options in ({}, {'PARTITION_SIZE': 100}, {'WORKERS': 'PROCESSES', 'PARTITION_SIZE': 999}):
            done = run('ogr2ogr', '-f', 'CSV', '/vsistdout/', 'ZONALSTATS:' + zones, *oo(RASTER=self.dem, STATS='COUNT,MEAN', **options))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stdout.splitlines()), 2001)
            want = want or done.stdout
            self.assertEqual(done.stdout, want, options)

    def test_parts(self):
        """-f ZONALSTATS: the union is the table; parts that are there are kept."""
        words = ['ZONALSTATS:' + self.file, *oo(RASTER=self.dem, STATS=EVERY, FIELDS='name')]
        for kind in KINDS:
            for parts in (1, 5):
                path = self.path('parts.vrt')
                good_within('ogr2ogr', '-f', 'ZONALSTATS', path, *words, *oo(WORKERS=kind), '-dsco', 'PARTS=%d' % parts)
                self.assertEqual(all_bits(file_rows(path)), self.want(), (kind, parts))
        folder = self.path('parts_parts')
        before = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for name in os.listdir(folder)}
        os.unlink(os.path.join(folder, 'part_0002.gpkg'))
        os.unlink(self.path('parts.vrt'))
        good_within('ogr2ogr', '-f', 'ZONALSTATS', path, *words, '-dsco', 'PARTS=5', '-dsco', 'RESUME=YES')
        after = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for name in os.listdir(folder)}
        self.assertEqual([name for name in sorted(after) if before[name] != after[name]], ['part_0002.gpkg'])
        self.assertEqual(all_bits(file_rows(path)), self.want())
        done = within('ogr2ogr', '-f', 'ZONALSTATS', path, *words, '-dsco', 'PARTS=5', '-dsco', 'RESUME=YES', *oo(PIXELS='TOUCHED'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('PIXELS', done.stderr)

    def test_a_killed_worker(self):
        process = subprocess.Popen(['ogr2ogr', '-f', 'CSV', self.path('killed.csv'), 'ZONALSTATS:' + self.file,
                                    *oo(RASTER=self.dem, STATS=EVERY, FIELDS='name', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE='256x64', RETRIES=50)])
        killed = 0
        while process.poll() is None and killed < 3:
            for worker in [worker for helper in children(process.pid) for worker in children(helper)][:1]:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.kill(worker, signal.SIGKILL)
                    killed += 1
            time.sleep(0.05)
        self.assertEqual(process.wait(patience(60)), 0)
        self.assertGreater(killed, 0)
        plain = self.path('plain.csv')
        good_within('ogr2ogr', '-f', 'CSV', plain, 'ZONALSTATS:' + self.file, *oo(RASTER=self.dem, STATS=EVERY, FIELDS='name'))
        with open(plain, encoding='utf-8') as one, open(self.path('killed.csv'), encoding='utf-8') as other:
            self.assertEqual(one.read(), other.read())


class Formats(ZonalCase):
    """The same zones in files of each kind: rows by name."""

    @classmethod
    def prepare(cls):
        random = rng('formats')
        cls.cells = cls.raster(random.integers(0, 50, (192, 256)).astype(np.int16), (8, 1 / 64, 0, 48, 0, -1 / 64), 4326)
        rounded = [[(round(x * 16) / 16, round(y * 16) / 16) for x, y in star(random, *random.uniform(0, 190, 2), 40, 20)] for _ in range(60)]
        cls.texts = [area([ring], gt=(8, 1 / 64, 0, 48, 0, -1 / 64)) for ring in rounded]
        cls.names = ['n%d' % i for i in range(60)]
        cls.want = cls.by_name(cls, cls.zones(cls.texts, epsg=4326, fields={'name': cls.names}))

    def by_name(self, zones, **options):
        rows = table(zones, RASTER=self.cells, STATS='COUNT,MEAN,STD,MAJORITY,PCT90', FIELDS='name', **options)
        return {row['name']: all_bits([row])[0][1:-1] for row in rows}

    def same(self, zones, text, want=None):
        for options in ({}, {'WORKERS': 'PROCESSES', 'NUM_WORKERS': 2}, {'PARTITION_SIZE': 7}):
            self.assertEqual(self.by_name(zones, **options), self.want if want is None else want, '%s %s' % (text, options))

    def test_shuffled(self):
        order = rng('shuffle').permutation(60)
        fields = {'name': [self.names[i] for i in order]}
        self.same(self.zones([self.texts[i] for i in order], epsg=4326, fids=[1000 - int(i) for i in order], fields=fields), 'shuffled')

    def test_formats(self):
        for ending in ('fgb', 'csv', 'geojson', 'sqlite', 'geojsonl'):
            with self.subTest(ending), listening():
                options = ['COORDINATE_PRECISION=15'] if ending == 'geojsonl' else ()
                self.same(self.zones(self.texts, epsg=4326, fields={'name': self.names}, name='zones.' + ending, options=options), ending)

    def test_deleted_records(self):
        path = self.zones(self.texts + self.texts[:9], epsg=4326, kind=ogr.wkbPolygon, name='zones.shp', fields={'name': self.names + ['x'] * 9})
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
        for fid in [*range(60, 69), 0, 17]:
            dataset.GetLayer(0).DeleteFeature(fid)
        dataset = None
        self.same(path, 'shp', {name: row for name, row in self.want.items() if name not in ('n0', 'n17')})

    def test_duplicate_ids(self):
        features = [{'type': 'Feature', 'id': i // 2, 'properties': {'name': name}, 'geometry': json.loads(ogr.CreateGeometryFromWkt(text).ExportToJson())}
                    for i, (name, text) in enumerate(zip(self.names, self.texts))]
        for ending in ('geojson', 'geojsonl'):
            path = self.new('twice.' + ending)
            with open(path, 'w', encoding='utf-8') as file:
                file.write('\n'.join(map(json.dumps, features)) if ending == 'geojsonl' else
                           json.dumps({'type': 'FeatureCollection', 'features': features}))
            with self.subTest(ending), listening():
                self.same(path, ending)


class BadInput(ZonalCase):
    def test_options(self):
        zones, raster = self.zones([ALL]), self.raster()
        for words, options in (
                (('STATS=', 'MEAN?'), {'STATS': 'MEAM'}), (('STATS=', 'MEDIAN?'), {'STATS': 'COUNT,MEDAIN'}), (('STATS=',), {'STATS': ''}), (('PCT101',), {'STATS': 'PCT101'}),
                (('no band 9', 'it has 1'), {'BAND': 9}), (('BAND',), {'BAND': 0}), (('BAND',), {'BAND': '1;2'}), (('PIXELS',), {'PIXELS': 'CENTRE'}),
                (('NODATA',), {'NODATA': 'x'}), (('INVALID',), {'INVALID': 'x'}), (('TILE_SIZE',), {'TILE_SIZE': '0'}), (('LAYER', 'nothing', 'zones'), {'LAYER': 'nothing'}),
                (('FIELDS', 'nothing'), {'FIELDS': 'nothing'}), (('STATS meant',), {'STAT': 'MEAN'}), (('WHERE',), {'WHERE': 'nonsense ==='}),
                (('/no/such.tif',), {'RASTER': '/no/such.tif'}), (('/dev/null',), {'RASTER': '/dev/null'}), ((zones,), {'RASTER': zones}),
                (('CFloat32',), {'RASTER': self.raster(SIX.astype(np.complex64))}), (('geotransform',), {'RASTER': self.raster(gt=None)}),
                (('differ in size',), {'RASTER': [raster, self.raster(SIX[:5])]}), (('differ in position',), {'RASTER': [raster, self.raster(gt=(1, 1, 0, 6, 0, -1))]}),
                (('differ in CRS',), {'RASTER': [raster, self.raster(epsg=32633)]})):
            with self.subTest(str(options)):
                self.fails(zones, *words, **dict({'RASTER': raster}, **options))
        self.fails('/no/such.gpkg', '/no/such.gpkg', RASTER=raster)
        with listening() as said:
            try:
                open_table(zones)
            except RuntimeError:
                pass
        self.assertIn('RASTER is not given', said.seen[0][1])

    def test_words(self):
        """What is wrong is named, once, and at opening."""
        zones, raster = self.zones([ALL]), self.raster()
        message = self.fails(zones, RASTER=raster, STATS='MEAM')
        self.assertEqual(message.count('STATS=MEAM'), message.count('MEAN?'))
        with self.assertRaisesRegex(RuntimeError, 'WEIGHTED_MEAN'):
            open_table(zones, RASTER=raster, STATS='WEIGHTED_MEAN')
        damaged = self.damaged()
        message = self.fails(self.zones([rectangle(10, 10, 700, 700, gt=self.LARGE)]), os.path.basename(damaged), RASTER=damaged, TILE_SIZE=256)
        self.assertEqual(message.count('tried'), message.count('x=256'))

    def test_tool(self):
        """Its exit code."""
        for options in ({'RASTER': '/no/such.tif'}, {'RASTER': self.raster(), 'STATS': 'MEAM'}):
            done = run('ogr2ogr', '-f', 'CSV', self.path('tool.csv'), 'ZONALSTATS:' + self.zones([ALL]), *oo(**options))
            self.assertEqual(done.returncode, 1)
            self.assertIn('ZONALSTATS', done.stderr)
            self.assertFalse(os.path.exists(self.path('tool.csv')))

    LARGE = (0, 1, 0, 768, 0, -1)

    def damaged(self):
        path = self.raster(rng('damaged').integers(0, 9999, (768, 768)).astype(np.int32), self.LARGE,
                           options=['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256', 'COMPRESS=DEFLATE'])
        at = int(gdal.Open(path).GetRasterBand(1).GetMetadataItem('BLOCK_OFFSET_1_2', 'TIFF'))
        with open(path, 'r+b') as file:
            file.seek(at)
            file.write(b'\xff' * 2000)
        return path

    def test_a_damaged_block(self):
        """The run fails with the window; zones beside it are whole."""
        damaged, gt = self.damaged(), self.LARGE
        zones, beside = self.zones([rectangle(10, 10, 700, 700, gt=gt)]), self.zones([rectangle(0, 0, 256, 768, gt=gt)])
        self.assertEqual(table(beside, RASTER=damaged, STATS='COUNT', TILE_SIZE=256)[0]['COUNT'], 256 * 768)
        for kind in KINDS:
            self.fails(zones, 'x=256 y=512 256x256', RASTER=damaged, TILE_SIZE=256, WORKERS=kind)
            path = self.path('damaged.vrt')
            done = run('ogr2ogr', '-f', 'ZONALSTATS', path, 'ZONALSTATS:' + zones, *oo(RASTER=damaged, TILE_SIZE=256, WORKERS=kind), '-dsco', 'PARTS=2')
            self.assertEqual(done.returncode, 1)
            self.assertIn('y=512', done.stderr)
            self.assertFalse(os.path.exists(path))
            left = self.path('damaged_parts')
            self.assertEqual([name for name in (os.listdir(left) if os.path.isdir(left) else []) if name.startswith('part_')], [])
        done = run('ogr2ogr', '-f', 'CSV', '/vsistdout/', 'ZONALSTATS:' + zones, *oo(RASTER=damaged))
        self.assertEqual(done.returncode, 1)
        self.assertLess(len(done.stdout.splitlines()), 2, 'a row')

    def test_a_raster_that_changes(self):
        """Between opening and reading."""
        raster = self.raster()
        dataset = open_table(self.zones([ALL]), RASTER=raster)
        time.sleep(0.02)
        shutil.copyfile(self.raster(SIX * 2), raster)
        with listening() as said, self.assertRaises(RuntimeError) as caught:
            layer_rows(dataset.GetLayer(0))
        self.assertIn('changed', '\n'.join(said.errors() + [str(caught.exception)]))

    def test_threads_of_the_host(self):
        """Tables opened by several threads at once."""
        zones, raster, found = self.zones([ALL]), self.raster(), []
        threads = [threading.Thread(target=lambda: found.append(table(zones, RASTER=raster, STATS='SUM')[0]['SUM'])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [666] * 4)


if __name__ == '__main__':
    unittest.main()
