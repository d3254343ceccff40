"""The same table whatever the workers, the ranges, the way it is read; memory that does not grow with it."""
import os
import re
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr

from near_brute import random_geometries
from near_common import VERSION, NearCase, brief, good, make, near, names_of, oo, peak_kb, points, rng, rows_of, run, table, within
from patience import patience  # noqa: E402  (near_common knows where it is)

SANITIZED = 'LD_PRELOAD' in os.environ
KIND = {'Point': ogr.wkbPoint, 'LineString': ogr.wkbLineString, 'Polygon': ogr.wkbPolygon}
EVERYTHING = {'LOCATION': True, 'ANGLE': True, 'ALONG': True, 'FIELDS': '*', 'NEAR_FIELDS': '*'}


def contents(path):
    with open(path, 'rb') as f:
        return f.read()


class SameBytes(NearCase):
    N = 2100

    @classmethod
    def prepare(cls):
        cls.sides = {}
        for kind in KIND:
            generator = rng('partitions', kind)
            inputs = random_geometries(generator, kind, cls.N, 3000, 15)
            nears = random_geometries(generator, kind, 700, 3000, 15)
            fields = {'name': ['n%d' % i for i in range(cls.N)], 'v': [int(v) for v in generator.integers(0, 9, cls.N)]}
            for ending in ('gpkg', 'shp', 'fgb', 'csv', 'geojson'):
                epsg = 32632 if ending != 'geojson' else 4326
                cls.sides[kind, ending] = make(cls.path('%s_%s.%s' % (kind, ending, ending)), inputs, fields=fields, kind=KIND[kind], epsg=epsg)
            cls.sides[kind, 'near'] = make(cls.path('near_%s.gpkg' % kind), nears, fields={'label': ['x%d' % i for i in range(700)]})
        # FIDs with gaps, negative and far ones: ranges of FIDs are uneven
        generator = rng('gaps')
        fids = sorted({int(f) for f in generator.integers(-10**6, 10**6, 1500)} - {-1} | {2**33 + i for i in range(300)} | {2**50, -2**50})
        cls.gaps = make(cls.path('gaps.gpkg'), random_geometries(generator, 'Point', len(fids), 3000), fids, fields={'name': ['g%d' % i for i in range(len(fids))]})

    def csv(self, source, env=None, *words, **options):
        out = self.path('out.csv')
        if os.path.exists(out):
            os.unlink(out)
        done = within('ogr2ogr', '-f', 'CSV', out, 'NEARTABLE:' + source, *oo(**options), *words, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return contents(out)

    def splits(self):
        """All numbers of workers and all sizes appear, each with each over the formats."""
        workers, sizes = (1, 2, 7), (1, 97, 2000, 1000000)
        both = [(w, s) for w in workers for s in sizes]
        return both

    def test_all_formats(self):
        modes = ({'CLOSEST': 1}, {'CLOSEST': 5}, {'CLOSEST': 'ALL', 'RADIUS': 90})
        turn = 0
        for kind in KIND:
            for place, ending in enumerate(('gpkg', 'shp', 'fgb', 'csv', 'geojson')):
                for mode in modes if kind == 'Point' else [modes[place % 3]]:
                    source = self.sides[kind, ending]
                    options = dict(EVERYTHING, NEAR=self.sides[kind, 'near'], METHOD='PLANAR', **mode)
                    if ending == 'geojson':  # the coordinates as they are
                        options['NEAR'] = self.path('near_%s_4326.gpkg' % kind)
                        if not os.path.exists(options['NEAR']):
                            good('ogr2ogr', '-a_srs', 'EPSG:4326', options['NEAR'], self.sides[kind, 'near'])
                    want = self.csv(source, NUM_WORKERS=1, PARTITION_SIZE=1000000, **options)
                    self.assertGreater(want.count(b'\n'), self.N * (5 if mode['CLOSEST'] == 5 else 1))
                    with self.subTest(kind=kind, ending=ending, mode=mode):
                        # all twelve splits for each way of reading (by FID, by number, by one reader); else they come round
                        splits = self.splits()
                        chosen = splits if mode['CLOSEST'] == 1 and kind == 'Point' and ending in ('gpkg', 'shp', 'csv') else [splits[turn * 5 % 12]]
                        turn += 1
                        for workers, size in chosen:
                            self.assertTrue(self.csv(source, NUM_WORKERS=workers, PARTITION_SIZE=size, **options) == want, '%d workers, size %d' % (workers, size))

    def test_gaps(self):
        options = dict(EVERYTHING, NEAR=self.sides['Point', 'near'], CLOSEST=3)
        want = self.csv(self.gaps, NUM_WORKERS=1, PARTITION_SIZE=1000000, **options)
        self.assertEqual(want.count(b'\n'), 1 + 3 * len([1 for _ in self.rows(self.gaps)]))
        for workers, size in self.splits():
            self.assertTrue(self.csv(self.gaps, NUM_WORKERS=workers, PARTITION_SIZE=size, **options) == want, '%d workers, size %d' % (workers, size))

    def rows(self, path):
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
        return rows_of(dataset.GetLayer(0))

    def test_formats_agree(self):
        """The same features in five formats: the same distances; FIDs as each format numbers them."""
        b = self.sides['Polygon', 'near']
        want = None
        for ending, first in (('gpkg', 1), ('shp', 0), ('fgb', 0)):
            rows = table(self.sides['Polygon', ending], NEAR=b, CLOSEST=2, METHOD='PLANAR', FIELDS='name')
            got = [(row.IN_FID - first, row.NEAR_FID, row.NEAR_RANK, row.name) for row in rows]
            want = want or got
            self.assertEqual(got, want, ending)

    def test_where_with_partitions(self):
        for ending in ('gpkg', 'shp', 'fgb', 'csv'):
            source = self.sides['LineString', ending]
            options = dict(NEAR=self.sides['LineString', 'near'], WHERE="v = '3'" if ending == 'csv' else 'v = 3', FIELDS='v,name')
            want = self.csv(source, NUM_WORKERS=1, **options)
            self.assertTrue(100 < want.count(b'\n') < 500)
            for workers, size in ((7, 1), (2, 97), (3, 10)):
                self.assertEqual(self.csv(source, NUM_WORKERS=workers, PARTITION_SIZE=size, **options), want, ending)

    def test_match_and_unmatched_with_partitions(self):
        source = self.sides['Point', 'gpkg']
        other = self.sides['LineString', 'shp']
        options = dict(NEAR=other, MATCH='v', RADIUS=40, UNMATCHED='NULL', FIELDS='v', NEAR_FIELDS='v')
        want = self.csv(source, NUM_WORKERS=1, **options)
        self.assertGreater(want.replace(b'"', b'').count(b',-1,'), 10)
        for workers, size in ((7, 1), (2, 97), (3, 1000)):
            self.assertEqual(self.csv(source, NUM_WORKERS=workers, PARTITION_SIZE=size, **options), want)

    def test_views(self):
        """A view has no FIDs to split by."""
        path = self.new('views.gpkg')
        good('ogr2ogr', path, self.sides['Point', 'gpkg'], '-nln', 'base')
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
        for sql in ('CREATE VIEW v AS SELECT * FROM base ORDER BY name', "INSERT INTO gpkg_contents (table_name, identifier, data_type, srs_id) VALUES ('v', 'v', 'features', 32632)",
                    "INSERT INTO gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m) VALUES ('v', 'geom', 'GEOMETRY', 32632, 0, 0)"):
            dataset.ExecuteSQL(sql)
        dataset = None
        options = dict(NEAR=self.sides['Point', 'near'], LAYER='v', FIELDS='name')
        want = self.csv(path, NUM_WORKERS=1, **options)
        self.assertEqual(want.count(b'\n'), self.N + 1)
        for workers, size in ((7, 1), (2, 97), (3, 1000)):
            self.assertEqual(self.csv(path, NUM_WORKERS=workers, PARTITION_SIZE=size, **options), want)

    def test_virtual_files(self):
        """/vsizip/ and /vsimem/ for both sides."""
        import zipfile
        archive = self.new('both.zip')
        with zipfile.ZipFile(archive, 'w') as z:
            for name in ('Point_gpkg.gpkg', 'Point_shp.shp', 'Point_shp.dbf', 'Point_shp.shx', 'Point_shp.prj', 'near_Point.gpkg', 'Point_fgb.fgb'):
                z.write(self.path(name), name)
        for name in ('Point_gpkg.gpkg', 'Point_shp.shp', 'Point_fgb.fgb'):
            want = self.csv(self.path(name), NEAR=self.path('near_Point.gpkg'), NUM_WORKERS=1)
            self.assertEqual(self.csv('/vsizip/%s/%s' % (archive, name), NEAR='/vsizip/%s/near_Point.gpkg' % archive, NUM_WORKERS=3, PARTITION_SIZE=300), want)
        with open(self.path('Point_fgb.fgb'), 'rb') as f:
            gdal.FileFromMemBuffer('/vsimem/in.fgb', f.read())
        want = brief(table(self.path('Point_fgb.fgb'), NEAR=self.path('near_Point.gpkg')))
        self.assertEqual(brief(table('/vsimem/in.fgb', NEAR=self.path('near_Point.gpkg'), WORKERS='THREADS', NUM_WORKERS=3, PARTITION_SIZE=100)), want)
        gdal.Unlink('/vsimem/in.fgb')

    def test_default_workers(self):
        """GDAL_NUM_THREADS, and the default for partitions."""
        source, options = self.sides['Polygon', 'gpkg'], dict(NEAR=self.sides['Polygon', 'near'])
        want = self.csv(source, NUM_WORKERS=1, **options)
        for env in ({}, {'GDAL_NUM_THREADS': '1'}, {'GDAL_NUM_THREADS': '5'}, {'GDAL_NUM_THREADS': 'ALL_CPUS'}):
            self.assertEqual(self.csv(source, env, **options), want)
        self.assertEqual(self.csv(source, NUM_WORKERS='ALL_CPUS', PARTITION_SIZE='AUTO', **options), want)

    def test_partitions_are_the_whole(self):
        for source in (self.sides['Point', 'gpkg'], self.sides['Point', 'shp'], self.sides['Point', 'fgb'], self.gaps):
            options = dict(NEAR=self.sides['Point', 'near'], CLOSEST=2, FIELDS='name')
            want = self.csv(source, **options).split(b'\n', 1)
            for n in (1, 2, 3, 10):
                parts = [self.csv(source, PARTITION='%d/%d' % (i, n), PARTITION_SIZE=(97, 'AUTO')[i % 2], NUM_WORKERS=2, **options).split(b'\n', 1) for i in range(1, n + 1)]
                self.assertTrue(b''.join(part[1] for part in parts) == want[1], '%s in %d' % (source, n))
                if n == 3 and source != self.gaps:
                    for part in parts:
                        self.assertTrue(0.25 < part[1].count(b'\n') / want[1].count(b'\n') < 0.42, 'parts of about the same size')

    def test_a_driver_that_cannot_count(self):
        """What a layer says of its features only cuts parts: none is lost, however wrong it is."""
        make(self.path('counted.gpkg'), points([(i, i % 5) for i in range(500)]))
        whole = ogr.Open(self.path('counted.gpkg'))
        name = whole.GetLayer(0).GetName()
        want = [row.IN_FID for row in table(self.path('counted.gpkg'), NEAR=self.path('counted.gpkg'))]
        for count in (0, 7, 400, 9000):
            path = self.path('says_%d.vrt' % count)
            with open(path, 'w') as f:
                f.write('<OGRVRTDataSource><OGRVRTLayer name="counted"><SrcDataSource relativeToVRT="1">counted.gpkg</SrcDataSource>'
                        '<SrcLayer>%s</SrcLayer><FeatureCount>%d</FeatureCount></OGRVRTLayer></OGRVRTDataSource>'
                        % (name, count))
            dataset = ogr.Open(path)
            self.assertEqual(dataset.GetLayer(0).GetFeatureCount(), count)
            for n in (1, 2, 3):
                got = []
                for i in range(1, n + 1):
                    got += [row.IN_FID for row in table(path, NEAR=self.path('counted.gpkg'), PARTITION='%d/%d' % (i, n), NUM_WORKERS=2)]
                self.assertEqual(got, want, '%d of %d' % (count, n))

    def test_more_partitions_than_features(self):
        a = make(self.new('few.gpkg'), points([(0, 0), (1, 0), (2, 0)]), [10, 20, 4000])
        got = []
        for i in range(1, 8):
            got += [(row.IN_FID, row.NEAR_FID) for row in table(a, NEAR=a, PARTITION='%d/7' % i)]
        self.assertEqual(got, [(10, 20), (20, 10), (4000, 20)])


class Reading(NearCase):
    N = 1500

    @classmethod
    def prepare(cls):
        generator = rng('reading')
        cls.geometries = random_geometries(generator, 'Point', cls.N, 1000)
        for i in range(0, cls.N, 10):
            cls.geometries[i] = (None, 'POINT EMPTY', points([(np.nan, 1)])[0])[i // 10 % 3]
        cls.usable = cls.N - cls.N // 10
        cls.a = make(cls.path('a.gpkg'), cls.geometries, fields={'name': ['n%d' % i for i in range(cls.N)], 'v': range(cls.N)})
        cls.few = make(cls.path('few.gpkg'), cls.geometries[:150])  # 135 with a place
        cls.b = make(cls.path('b.gpkg'), random_geometries(generator, 'Point', 400, 1000) + [None, 'POINT EMPTY'], fields={'label': ['x%d' % i for i in range(402)]})

    def test_reset_in_the_middle(self):
        want = brief(table(self.a, NEAR=self.b, NUM_WORKERS=1))
        for options in ({'NUM_WORKERS': 3, 'PARTITION_SIZE': 50}, {'NUM_WORKERS': 1}, {'NUM_WORKERS': 2, 'PARTITION_SIZE': 1}):
            dataset = near(self.a, NEAR=self.b, **options)
            layer = dataset.GetLayer(0)
            for limit in (0, 1, 49, 50, 51, 700, 1, 1349, 1351, 5000):
                self.assertEqual(brief(rows_of(layer, limit=limit)), want[:limit])
            first = brief(rows_of(layer, limit=100))
            self.assertEqual(first + brief(rows_of(layer, reset=False)), want, 'no reset: it goes on')
            self.assertIsNone(layer.GetNextFeature())
            self.assertIsNone(layer.GetNextFeature(), 'still at the end')
            self.assertEqual(brief(rows_of(layer)), want)

    def test_two_tables_in_turns(self):
        one, two = near(self.a, NEAR=self.b, NUM_WORKERS=2, PARTITION_SIZE=100), near(self.b, NEAR=self.a, NUM_WORKERS=2, PARTITION_SIZE=30, CLOSEST=3)
        left, right = one.GetLayer(0), two.GetLayer(0)
        got = ([], [])
        for i in range(1400):
            for layer, rows in ((left, got[0]), (right, got[1])):
                feature = layer.GetNextFeature()
                if feature is not None:
                    rows.append((feature.GetField('IN_FID'), feature.GetField('NEAR_FID'), feature.GetField('NEAR_DIST'), feature.GetField('NEAR_RANK')))
        self.assertEqual(got[0], brief(table(self.a, NEAR=self.b)))
        self.assertEqual(got[1], brief(table(self.b, NEAR=self.a, CLOSEST=3)))

    def test_the_layer_twice(self):
        """Two handles of the one layer are one cursor; GetFeatureCount in the middle does not move it."""
        dataset = near(self.a, NEAR=self.b, RADIUS=50, PARTITION_SIZE=100)
        layer = dataset.GetLayer(0)
        want = brief(rows_of(layer))
        first = brief(rows_of(layer, limit=333))
        self.assertEqual(layer.GetFeatureCount(), len(want))
        again = brief(rows_of(layer, reset=False))
        self.assertIn(again, (want[333:], want), 'counting goes on or starts anew, and loses nothing')
        self.assertEqual(first, want[:333])

    def test_count(self):
        for options in ({}, {'CLOSEST': 3}, {'UNMATCHED': 'NULL'}, {'CLOSEST': 2, 'UNMATCHED': 'NULL'}, {'RADIUS': 15}, {'RADIUS': 15, 'UNMATCHED': 'NULL'},
                        {'MIN_RADIUS': 5}, {'CLOSEST': 'ALL', 'RADIUS': 60}, {'WHERE': 'v < 101'}, {'WHERE': 'v < 101', 'CLOSEST': 7}, {'NEAR_WHERE': 'fid <= 2', 'CLOSEST': 3},
                        {'NEAR_WHERE': 'fid > 10000'}, {'NEAR_WHERE': 'fid > 10000', 'UNMATCHED': 'NULL'}, {'PARTITION': '2/5'}, {'CLOSEST': 3, 'PARTITION': '5/5', 'WHERE': 'v > 3'},
                        {'CLOSEST': 'ALL'}, {'CLOSEST': 1000}, {'EXCLUDE_SELF': 'YES', 'CLOSEST': 400}, {'CLOSEST': 401, 'EXCLUDE_SELF': 'NO'},
                        {'EXCLUDE_SELF': 'YES', 'CLOSEST': 134}, {'CLOSEST': 136, 'EXCLUDE_SELF': 'NO'}):
            source = self.few if options.get('CLOSEST') == 'ALL' and 'RADIUS' not in options or options.get('CLOSEST', 1) in (134, 136, 400, 401, 1000) else self.a
            for near_file in (self.b, source):
                with self.subTest(options=options, near=near_file):
                    dataset = near(source, NEAR=near_file, **options)
                    layer = dataset.GetLayer(0)
                    count = layer.GetFeatureCount()  # before anything is read
                    self.assertEqual(count, sum(1 for _ in layer))
                    self.assertEqual(layer.GetFeatureCount(), count)
        self.assertEqual(near_count(self.a, NEAR=self.b), self.usable)
        self.assertEqual(near_count(self.a, NEAR=self.b, UNMATCHED='NULL'), self.N)

    def test_count_searches_nothing(self):
        """Nothing limits it: counting a cross product of two million rows takes no time."""
        generator = rng('count')
        big = make(self.new('big.gpkg'), points(generator.uniform(0, 1000, (5000, 2))))
        import time
        begin = time.monotonic()
        self.assertEqual(near_count(big, NEAR=big, CLOSEST=4000), 5000 * 4000)
        self.assertLess(time.monotonic() - begin, patience(3 if not SANITIZED else 20))

    def test_limit_where_sql(self):
        want = table(self.a, NEAR=self.b, CLOSEST=3, NUM_WORKERS=1)
        name = 'NEARTABLE:' + self.a
        options = oo(NEAR=self.b, CLOSEST=3, NUM_WORKERS=3, PARTITION_SIZE=50)

        def lines(*words):
            out = self.path('sql.csv')
            if os.path.exists(out):
                os.unlink(out)
            good('ogr2ogr', '-f', 'CSV', out, name, *options, *words)
            with open(out) as f:
                return [line.split(',') for line in f.read().replace('"', '').split('\n')[1:-1]]
        self.assertEqual([(int(r[0]), int(r[1])) for r in lines('-limit', '10')], [(row.IN_FID, row.NEAR_FID) for row in want[:10]])
        kept = [row for row in want if row.NEAR_RANK == 3 and row.NEAR_DIST < 40]
        self.assertEqual([(int(r[0]), int(r[1])) for r in lines('-where', 'NEAR_RANK = 3 AND NEAR_DIST < 40')], [(row.IN_FID, row.NEAR_FID) for row in kept])
        self.assertEqual([(int(r[0]), int(r[1])) for r in lines('-sql', 'SELECT IN_FID, NEAR_FID FROM a_near WHERE NEAR_RANK = 3 AND NEAR_DIST < 40')],
                         [(row.IN_FID, row.NEAR_FID) for row in kept])
        counted = lines('-dialect', 'SQLite', '-sql', 'SELECT NEAR_FID, COUNT(*) n FROM a_near GROUP BY NEAR_FID ORDER BY NEAR_FID')
        seen = {}
        for row in want:
            seen[row.NEAR_FID] = seen.get(row.NEAR_FID, 0) + 1
        self.assertEqual([(int(r[0]), int(r[1])) for r in counted], sorted(seen.items()))
        best = lines('-dialect', 'SQLite', '-sql', 'SELECT NEAR_FID, NEAR_DIST FROM a_near ORDER BY NEAR_DIST DESC')
        self.assertAlmostEqual(float(best[0][1]), max(row.NEAR_DIST for row in want), delta=1e-9)
        # GDAL's own dialect sorts by fetching feature after feature, in any order
        best = lines('-sql', 'SELECT IN_FID, NEAR_FID, NEAR_DIST FROM a_near ORDER BY NEAR_DIST DESC')
        self.assertEqual([(int(r[0]), int(r[1])) for r in best], [(row.IN_FID, row.NEAR_FID) for row in sorted(want, key=lambda row: -row.NEAR_DIST)])
        self.assertEqual(lines('-select', 'NEAR_DIST', '-limit', '3')[0][0], lines('-limit', '1')[0][2])

    def test_ignored_fields(self):
        """Columns that are not asked for are unset; the others stay the same."""
        dataset = near(self.a, NEAR=self.b, LOCATION=True, ANGLE=True, FIELDS='*', NEAR_FIELDS='*', GEOMETRY='LINE', PARTITION_SIZE=100)
        layer = dataset.GetLayer(0)
        whole = rows_of(layer)
        self.assertTrue(layer.TestCapability(ogr.OLCIgnoreFields))
        layer.SetIgnoredFields(['IN_FID', 'FROM_X', 'name', 'OGR_GEOMETRY'])
        for got, want in zip(rows_of(layer), whole):
            self.assertEqual((got.IN_FID, got.FROM_X, got.name, got.geometry), (None,) * 4)
            self.assertEqual((got.NEAR_FID, got.NEAR_DIST, got.NEAR_RANK, got.NEAR_X, got.NEAR_ANGLE, got.label, got.v), (want.NEAR_FID, want.NEAR_DIST, want.NEAR_RANK, want.NEAR_X, want.NEAR_ANGLE, want.label, want.v))
        layer.SetIgnoredFields([])
        self.assertEqual([vars(row) for row in rows_of(layer)], [vars(row) for row in whole])

    def test_progress(self):
        """It moves: dots of 10 % come out one by one, ending at 100."""
        out = self.new('out.csv')
        text = good('ogr2ogr', '-progress', out, 'NEARTABLE:' + self.a, *oo(NEAR=self.b, CLOSEST=2))
        self.assertRegex(text.strip().replace('\n', ''), r'^0\.\.\.10\.\.\.20\.\.\.30\.\.\.40\.\.\.50\.\.\.60\.\.\.70\.\.\.80\.\.\.90\.\.\.100')
        seen = []
        dataset = near(self.a, NEAR=self.b, CLOSEST=2, GEOMETRY='FROM')
        gdal.SetConfigOption('OGR2OGR_USE_ARROW_API', 'NO')  # Arrow: once for each batch
        self.addCleanup(gdal.SetConfigOption, 'OGR2OGR_USE_ARROW_API', None)
        gdal.VectorTranslate('/vsimem/out.fgb', dataset, options=gdal.VectorTranslateOptions(format='FlatGeobuf', callback=lambda f, m, d: seen.append(f) or 1))
        self.assertGreater(len(set(seen)), 5)
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(seen[-1], 1)
        gdal.Unlink('/vsimem/out.fgb')

    def test_one_feature_by_its_number(self):
        """GetFeature and SetNextByIndex, fast or not, are right."""
        dataset = near(self.a, NEAR=self.b, CLOSEST=2, PARTITION_SIZE=100)
        layer = dataset.GetLayer(0)
        want = brief(rows_of(layer))
        for i in (0, 1, 500, 99, len(want) - 1):
            feature = layer.GetFeature(i + 1)
            self.assertEqual((feature.GetField(0), feature.GetField(1), feature.GetField(2), feature.GetField(3)), want[i])
            layer.SetNextByIndex(i)
            feature = layer.GetNextFeature()
            self.assertEqual((feature.GetFID(), feature.GetField(1), feature.GetField(2)), (i + 1, *want[i][1:3]))

    def test_arrow(self):
        """The Arrow stream holds the rows of GetNextFeature."""
        if VERSION < (3, 6):
            self.skipTest('GDAL has no Arrow stream')
        for options in ({'CLOSEST': 3}, {'CLOSEST': 2, 'LOCATION': True, 'ANGLE': True, 'ALONG': True, 'FIELDS': 'name,v', 'NEAR_FIELDS': 'label', 'UNMATCHED': 'NULL', 'RADIUS': 30},
                        {'NEAR': [self.b, self.a], 'CLOSEST': 2}):
            options = dict({'NEAR': self.b, 'NUM_WORKERS': 3, 'PARTITION_SIZE': 70}, **options)
            dataset = near(self.a, **options)
            layer = dataset.GetLayer(0)
            want = rows_of(layer)
            names = names_of(layer)
            for batch in (1, 7, 100, 65536):
                for include in ('YES', 'NO'):
                    got = {name: [] for name in names + ['OGC_FID']}
                    stream = layer.GetArrowStreamAsNumPy(['MAX_FEATURES_IN_BATCH=%d' % batch, 'INCLUDE_FID=' + include, 'USE_MASKED_ARRAYS=YES'])
                    if stream is None:
                        self.fail('no Arrow stream')
                    for part in stream:
                        lengths = {len(values) for values in part.values()}
                        self.assertEqual(len(lengths), 1)
                        self.assertLessEqual(lengths.pop(), batch)
                        for name, values in part.items():
                            got[name] += [None if value is np.ma.masked else value.decode() if isinstance(value, bytes) else value for value in values]
                    stream = part = None
                    for name in names:
                        values = [getattr(row, name) for row in want]
                        self.assertEqual(len(got[name]), len(values), name)
                        for one, other in zip(got[name], values):
                            if other is None and one != one:
                                continue  # a column of floats without a mask
                            self.assertEqual(one, other, name)
                    self.assertEqual(got['OGC_FID'], [row.row for row in want] if include == 'YES' else [])
                if batch == 1:
                    layer.ResetReading()
            dataset = None

    def test_arrow_with_ignored_fields_and_filter(self):
        dataset = near(self.a, NEAR=self.b, CLOSEST=3, FIELDS='name', LOCATION=True)
        layer = dataset.GetLayer(0)
        want = rows_of(layer)
        self.assertTrue(layer.TestCapability('FastGetArrowStream'))
        layer.SetIgnoredFields(['NEAR_FID', 'name', 'FROM_Y'])
        parts = list(layer.GetArrowStreamAsNumPy(['INCLUDE_FID=NO']))
        self.assertEqual(list(parts[0]), ['IN_FID', 'NEAR_DIST', 'NEAR_RANK', 'FROM_X', 'NEAR_X', 'NEAR_Y'])
        self.assertEqual(np.concatenate([part['NEAR_DIST'] for part in parts]).tolist(), [row.NEAR_DIST for row in want])
        self.assertEqual(np.concatenate([part['NEAR_Y'] for part in parts]).tolist(), [row.NEAR_Y for row in want])
        layer.SetIgnoredFields([])
        layer.SetAttributeFilter('NEAR_RANK = 2')
        self.assertFalse(layer.TestCapability('FastGetArrowStream'))
        parts = list(layer.GetArrowStreamAsNumPy())
        self.assertEqual(np.concatenate([part['NEAR_DIST'] for part in parts]).tolist(), [row.NEAR_DIST for row in want if row.NEAR_RANK == 2])
        layer.SetAttributeFilter(None)
        parts = None

    def test_arrow_geometry(self):
        dataset = near(self.a, NEAR=self.b, GEOMETRY='LINE', UNMATCHED='NULL')
        layer = dataset.GetLayer(0)
        want = rows_of(layer)
        shapes = []
        for part in layer.GetArrowStreamAsNumPy(['MAX_FEATURES_IN_BATCH=100']):
            column = next(name for name in part if 'geom' in name.lower())
            shapes += [None if value is None or value is np.ma.masked or len(value) == 0 else ogr.CreateGeometryFromWkb(bytes(value)).ExportToWkt() for value in part[column]]
        self.assertEqual(shapes, [row.geometry for row in want])

    def test_arrow_stopped_and_begun_anew(self):
        """A stream that is given up in the middle, then another, then features."""
        dataset = near(self.a, NEAR=self.b, CLOSEST=3, PARTITION_SIZE=50, NUM_WORKERS=3)
        layer = dataset.GetLayer(0)
        want = [row[2] for row in brief(table(self.a, NEAR=self.b, CLOSEST=3))]
        for _ in range(3):
            stream = layer.GetArrowStreamAsNumPy(['MAX_FEATURES_IN_BATCH=10'])
            for i, part in enumerate(stream):
                self.assertEqual(part['NEAR_DIST'].tolist(), want[10 * i:10 * i + 10])
                if i == 20:
                    break
            part = stream = None
            self.assertEqual([row.NEAR_DIST for row in rows_of(layer, limit=30)], want[:30])
        self.assertEqual([row.NEAR_DIST for row in rows_of(layer)], want)

    def test_ogr2ogr_with_and_without_arrow(self):
        """GDAL 3.8 and later copy through Arrow."""
        written = []
        for arrow in ('YES', 'NO'):
            out = self.path('arrow_%s.csv' % arrow)
            good('ogr2ogr', out, 'NEARTABLE:' + self.a, *oo(NEAR=self.b, CLOSEST=4, LOCATION=True, FIELDS='*', NEAR_FIELDS='*', UNMATCHED='NULL'), env={'OGR2OGR_USE_ARROW_API': arrow})
            written.append(contents(out))
        self.assertEqual(written[0], written[1])

    def test_debug_names_the_ranges(self):
        done = run('ogr2ogr', self.new('out.csv'), 'NEARTABLE:' + self.a, *oo(NEAR=self.b, PARTITION_SIZE=500, NUM_WORKERS=2), env={'CPL_DEBUG': 'FISHNET'})
        self.assertGreaterEqual(len(re.findall(r'FISHNET: .*\d', done.stderr)), 3, done.stderr)

    def test_trace(self):
        import json
        trace = self.new('trace.json')
        good('ogr2ogr', self.new('out.csv'), 'NEARTABLE:' + self.a, *oo(NEAR=self.b, PARTITION_SIZE=100, NUM_WORKERS=2), env={'FISHNET_TRACE': trace})
        with open(trace) as f:
            events = json.load(f)
        events = events['traceEvents'] if isinstance(events, dict) else events
        self.assertGreaterEqual(len([event for event in events if event.get('ph') == 'X']), 15)

    def test_memory_dataset_by_vrt(self):
        """A VRT file that defines a near table: repeated options cannot stand there, so ; separates."""
        vrt = self.new('near.vrt')
        with open(vrt, 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="a_near"><SrcDataSource relativeToVRT="0">NEARTABLE:%s</SrcDataSource><OpenOptions><OOI key="NEAR">%s;%s</OOI>'
                    '<OOI key="CLOSEST">2</OOI></OpenOptions><SrcLayer>a_near</SrcLayer></OGRVRTLayer></OGRVRTDataSource>' % (self.a, self.b, self.a))
        dataset = gdal.OpenEx(vrt, gdal.OF_VECTOR)
        self.assertEqual(brief(rows_of(dataset.GetLayer(0))), brief(table(self.a, NEAR=[self.b, self.a], CLOSEST=2)))


def near_count(path, **options):
    dataset = near(path, **options)
    return dataset.GetLayer(0).GetFeatureCount()


class Memory(NearCase):
    """Bounded by the near side and a few batches, not by the output."""
    @classmethod
    def prepare(cls):
        generator = rng('memory')
        cls.a = make(cls.path('a.gpkg'), points(generator.uniform(0, 1000, (2200, 2))))
        cls.small = make(cls.path('small.gpkg'), points(generator.uniform(0, 1000, (30, 2))))

    def stream(self, near_file, *words, **options):
        """Five million rows through the filter of GDAL, which lets two thousand of them into a file."""
        out = self.new('out.csv')
        used = peak_kb('ogr2ogr', '-f', 'CSV', out, 'NEARTABLE:' + self.a, *oo(NEAR=near_file, CLOSEST='ALL', EXCLUDE_SELF='NO', **options), '-where', 'NEAR_RANK = 17', timeout=100)
        with open(out) as f:
            self.assertEqual(sum(1 for _ in f), 2201)
        return used

    @unittest.skipIf(SANITIZED, 'a sanitizer keeps freed memory')
    def test_cross_product(self):
        base = self.stream(self.small, NUM_WORKERS=2)
        for options in ({'NUM_WORKERS': 2}, {'NUM_WORKERS': 2, 'PARTITION_SIZE': 1000000}):
            used = self.stream(self.a, **options)
            self.assertLess(used - base, 80 << 10, '%s: %d KB, %d KB for a hundredth of the rows' % (options, used, base))

    @unittest.skipIf(SANITIZED, 'a sanitizer keeps freed memory')
    def test_slow_reader(self):
        """One who reads a few rows and then waits does not make the workers run ahead."""
        script = ('import sys, time, resource; sys.path.insert(0, %r)\n'
                  'from osgeo import gdal\n'
                  'd = gdal.OpenEx("NEARTABLE:%s", gdal.OF_VECTOR, open_options=["NEAR=%s", "CLOSEST=ALL", "EXCLUDE_SELF=NO", "NUM_WORKERS=2"])\n'
                  'l = d.GetLayer(0)\n'
                  'before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n'
                  'for i in range(10): l.GetNextFeature()\n'
                  'time.sleep(2.5)\n'
                  'print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n' % (os.path.dirname(__file__), self.a, self.a))
        used = int(good(sys.executable, '-W', 'ignore', '-c', script))
        self.assertLess(used, 80 << 10)


if __name__ == '__main__':
    unittest.main()
