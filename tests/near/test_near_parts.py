"""ogr2ogr -f NEARTABLE: a table in parts that the workers write, and a union over them."""
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

from osgeo import gdal, ogr

from near_common import Case, good, good_within, make, oo, points, rng, run, within
from patience import patience  # noqa: E402  (near_common knows where it is)

KINDS = ('THREADS', 'PROCESSES')


def count(path):
    dataset = gdal.OpenEx(path)
    return dataset.GetLayerByName('near_table').GetFeatureCount()


class TestParts(Case):
    @classmethod
    def prepare(cls):
        random = rng('parts')
        cls.input = make(cls.path('a.gpkg'), points(random.uniform(0, 1000, (3000, 2))), fields={'name': ['a%d' % i for i in range(3000)]})
        cls.near = make(cls.path('b.gpkg'), points(random.uniform(0, 1000, (200, 2))), layer='b',
                        fields={'label': ['b%d' % i for i in range(200)]})
        cls.options = {'NEAR': cls.near, 'CLOSEST': 2, 'FIELDS': 'name', 'NEAR_FIELDS': 'label'}
        cls.expected = cls.csv(cls, 'NEARTABLE:' + cls.input, **cls.options)

    def csv(self, name, **options):
        """Rows as text. The order of rows counts, the quotes of numbers do not."""
        path = self.path('rows.csv')
        good_within('ogr2ogr', '-f', 'CSV', path, name, *oo(**options))
        with open(path, encoding='utf-8') as file:
            text = file.read().replace('"', '')
        os.unlink(path)
        return text

    def write(self, output, *words, table=None, **options):
        return within('ogr2ogr', '-f', 'NEARTABLE', self.path(output), 'NEARTABLE:' + (table or self.input),
                   *oo(**{**self.options, **options}), *words)

    def whole(self, output, *words, **options):
        done = self.write(output, *words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path(output)

    def left(self, output):
        """What is in the folder beside whole parts and the recipe."""
        folder = self.path(output.replace('.vrt', '_parts'))
        return [name for name in os.listdir(folder) if not name.startswith('part_') and name != 'recipe.txt']

    def test_the_union_is_the_table(self):
        for kind in KINDS:
            for parts in (1, 3, 7):
                path = self.whole('union.vrt', '-dsco', 'PARTS=%d' % parts, WORKERS=kind, NUM_WORKERS=2)
                self.assertEqual(self.csv(path), self.expected, '%d parts by %s' % (parts, kind))
                self.assertEqual(len(os.listdir(self.path('union_parts'))), parts + 1)
                self.assertEqual(self.left('union.vrt'), [])
                self.assertEqual(count(path), 6000)

    def test_formats(self):
        for format in ('GPKG', 'CSV', 'SQLite', 'ESRI Shapefile', 'GeoJSON'):
            path = self.whole('format.vrt', '-dsco', 'FORMAT=' + format, '-dsco', 'PARTS=3', WORKERS='PROCESSES')
            rows = [[float(word) if word.replace('.', '').isdigit() else word for word in line.split(',')]
                    for line in self.csv(path).lower().splitlines()[1:]]
            expected = [[float(word) if word.replace('.', '').isdigit() else word for word in line.split(',')]
                        for line in self.expected.lower().splitlines()[1:]]
            self.assertEqual(len(rows), len(expected), format)
            for row, want in zip(rows, expected):
                self.assertEqual(row[:2] + row[3:], want[:2] + want[3:], format)
                self.assertAlmostEqual(row[2], want[2], delta=1e-6)

    def test_with_lines_to_flatgeobuf(self):
        path = self.whole('lines.vrt', '-dsco', 'FORMAT=FlatGeobuf', '-dsco', 'PARTS=4', '-dsco', 'PART_LCO=SPATIAL_INDEX=NO', GEOMETRY='LINE')
        self.assertEqual(count(path), 6000)

    def test_a_format_that_drops_rows_is_refused(self):
        done = self.write('dropped.vrt', '-dsco', 'FORMAT=FlatGeobuf')
        if done.returncode == 0:  # later GDALs keep rows without geometry
            self.assertEqual(self.csv(self.path('dropped.vrt')), self.expected)
            return
        self.assertIn('geometry', done.stderr)
        self.assertIn('part_', done.stderr)
        self.assertFalse(os.path.exists(self.path('dropped.vrt')))
        self.assertEqual(self.left('dropped.vrt'), [])

    def rows(self, path, names=None):
        """What is in columns (all, or those of these names), as text, and the geometries."""
        options = ['DATE_AS_STRING=YES'] if str(path).endswith('.geojson') else []  # or a text becomes a date
        dataset = gdal.OpenEx(path, open_options=options) if isinstance(path, str) else path
        layer = dataset.GetLayerByName('near_table') or dataset.GetLayer(0)
        definition = layer.GetLayerDefn()
        have = [definition.GetFieldDefn(i).GetName().lower() for i in range(definition.GetFieldCount())]
        places = [have.index(name.lower()) for name in names] if names else range(len(have))
        rows = []
        for feature in layer:
            geometry = feature.GetGeometryRef()
            if geometry:
                geometry.FlattenTo2D()
            words = [feature.GetFieldAsString(i) for i in places]
            rows.append([float(word) if word.replace('.', '').isdigit() else word for word in words] + [geometry.ExportToWkt() if geometry else None])
        return rows

    def alike(self, got, want, text):
        self.assertEqual(len(got), len(want), text)
        for a, b in zip(got, want):
            self.assertEqual([w for w in a if not isinstance(w, float)], [w for w in b if not isinstance(w, float)], text)
            for x, y in zip(a, b):
                if isinstance(y, float):
                    self.assertAlmostEqual(x, y, delta=1e-6, msg=text)

    def odd(self):
        """Whose first half has nothing near, and whose fields have the names that formats give to columns of their own."""
        names = ('fid', 'ogc_fid', 'OBJECTID', 'geom', 'geometry', 'shape', 'name', 'description', 'id', 'day')
        far, close = [(90000 + i, 0) for i in range(20)], [(i, i) for i in range(20)]
        fields = {name: [str(7 * i) + 'x' for i in range(40)] for name in names}
        fields.update({'fid': range(100, 140), 'ogc_fid': range(200, 240), 'OBJECTID': range(300, 340), 'day': ['2020-01-%02d' % (i % 9 + 1) for i in range(40)]})
        table = make(self.path('odd.fgb'), points(far + close), fields=fields)
        near = make(self.path('odd_near.fgb'), points([(i, 0) for i in range(20)]), fields={'fid': range(20), 'geom': ['g%d' % i for i in range(20)]})
        options = {'NEAR': near, 'CLOSEST': 2, 'RADIUS': 500, 'FIELDS': '*', 'NEAR_FIELDS': '*'}
        return table, options, ['IN_fid_2', 'IN_ogc_fid', 'IN_OBJECTID', 'IN_geom', 'IN_geometry', 'IN_shape', 'name', 'description', 'id', 'day',
                                'NEAR_fid_2', 'NEAR_geom', 'IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK']

    def formats(self):
        """Names and endings of those that this GDAL writes; have they geometries?"""
        all_of_them = (('GPKG', 'gpkg', True), ('SQLite', 'sqlite', True), ('GeoJSON', 'geojson', True), ('FlatGeobuf', 'fgb', True), ('CSV', 'csv', False),
                       ('ESRI Shapefile', 'shp', True), ('KML', 'kml', True), ('GML', 'gml', True), ('XLSX', 'xlsx', False), ('ODS', 'ods', False),
                       ('MapInfo File', 'tab', True), ('Parquet', 'parquet', True), ('OpenFileGDB', 'gdb', True))
        return [f for f in all_of_them if gdal.GetDriverByName(f[0]) and gdal.GetDriverByName(f[0]).GetMetadataItem('DCAP_CREATE')]

    def test_columns_in_every_format(self):
        """Through ogr2ogr, and in parts of which the first is empty: in some formats it has no columns then, in some no layer."""
        table, options, names = self.odd()
        for format, ending, geometry in self.formats():
            more = {**options, 'GEOMETRY': 'FROM' if geometry else 'NONE'}
            near = gdal.OpenEx('NEARTABLE:' + table, open_options=['%s=%s' % item for item in more.items()])
            want = self.rows(near, names=names)
            self.assertEqual(len(want), 40)
            path = self.path('odd_out.' + ending)
            srs = ['-a_srs', 'EPSG:4326'] if format == 'KML' else []  # or it wants to transform
            good('ogr2ogr', '-f', format, path, 'NEARTABLE:' + table, *srs, *oo(**more), *(['-lco', 'SPATIAL_INDEX=NO'] if ending == 'fgb' else []))
            if ending != 'shp' and (format != 'KML' or gdal.GetDriverByName('LIBKML')):  # the driver KML reads two columns alone
                self.alike(self.rows(path, names=names), want, format)
            self.assertEqual(len(self.rows(path)), 40, format)
            if format == 'KML':
                continue  # it would transform
            path = self.whole('odd.vrt', '-dsco', 'FORMAT=' + format, '-dsco', 'PARTS=3', table=table, **more)
            self.assertEqual(len([name for name in os.listdir(self.path('odd_parts')) if name.startswith('part_0000.')]) > 0, True, format)
            self.alike(self.rows(path), self.rows(near), format)

    def test_fields_that_are_renamed_are_told(self):
        table, options, _ = self.odd()
        done = run('ogr2ogr', '-f', 'GPKG', self.path('told.gpkg'), 'NEARTABLE:' + table, *oo(**options))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('the field ogc_fid is carried over as IN_ogc_fid', done.stderr)
        self.assertEqual(done.stderr.count('as NEAR_geom'), 1)

    def test_a_column_that_the_format_loses(self):
        """The layer creation option takes a column of the table for the FIDs."""
        done = self.write('lost.vrt', '-dsco', 'PART_LCO=FID=NEAR_RANK', '-dsco', 'PARTS=2', CLOSEST=1)
        self.assertEqual(done.returncode, 1)
        self.assertIn('part_', done.stderr)
        self.assertFalse(os.path.exists(self.path('lost.vrt')))

    def test_what_a_format_does_not_hold(self):
        done = self.write('held.vrt', '-dsco', 'FORMAT=CSV', '-dsco', 'PARTS=2', GEOMETRY='LINE')
        self.assertEqual(done.returncode, 1)
        self.assertIn('has no geometry: the format CSV', done.stderr)
        self.assertFalse(os.path.exists(self.path('held.vrt')))
        path = self.whole('held.vrt', '-dsco', 'FORMAT=CSV', '-dsco', 'PARTS=2', '-dsco', 'PART_LCO=GEOMETRY=AS_WKT', GEOMETRY='LINE')
        dataset = ogr.Open(path)
        self.assertEqual({ogr.GT_Flatten(row.geometry().GetGeometryType()) for row in dataset.GetLayerByName('near_table')}, {ogr.wkbLineString})
        done = self.write('held.vrt', '-dsco', 'FORMAT=SQLite', '-dsco', 'PARTS=2', '-dsco', 'PART_LCO=SRID=-1', GEOMETRY='LINE')
        self.assertEqual(done.returncode, 1)
        self.assertIn('has no CRS: the format SQLite', done.stderr)
        large = make(self.path('large.gpkg'), points([(1, 1), (2, 2)]), [2**53 + 1, 2**60 + 1])
        done = self.write('held.vrt', '-dsco', 'FORMAT=ESRI Shapefile', '-dsco', 'PARTS=1', table=large, FIELDS='*')
        self.assertEqual(done.returncode, 1)
        self.assertIn('column IN_FID are rounded: the format ESRI Shapefile', done.stderr)

    def test_a_filter_is_refused(self):
        """The workers open the table anew, and would write all of it."""
        done = self.write('filtered.vrt', '-spat', '0', '0', '10', '10', GEOMETRY='LINE')
        self.assertEqual(done.returncode, 1)
        self.assertIn('a table with a filter', done.stderr)
        dataset = gdal.OpenEx('NEARTABLE:' + self.input, gdal.OF_VECTOR, open_options=['NEAR=' + self.near])
        dataset.GetLayer(0).SetAttributeFilter('NEAR_DIST < 5')
        with self.assertRaisesRegex(RuntimeError, 'a table with a filter'):
            gdal.GetDriverByName('NEARTABLE').CreateCopy(self.path('filtered.vrt'), dataset)
        self.assertFalse(os.path.exists(self.path('filtered.vrt')))

    def test_a_backslash_in_the_name(self):
        done = self.write('back\\slash.vrt')
        self.assertEqual(done.returncode, 1)
        self.assertIn('a backslash in a name separates folders', done.stderr)
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith('back')])

    def test_order_of_flatgeobuf(self):
        expected = self.csv('NEARTABLE:' + self.input, **self.options, GEOMETRY='LINE')
        path = self.whole('order.vrt', '-dsco', 'FORMAT=FlatGeobuf', '-dsco', 'PARTS=2', GEOMETRY='LINE')
        self.assertEqual(self.csv(path), expected)

    def sequential(self):
        """Inputs that can only be read from their begin."""
        xy = rng('sequential').uniform(0, 1000, (700, 2))
        fields = {'name': ['s "%d"' % i for i in range(700)]}
        return [make(self.path('s.fgb'), points(xy), fields=fields), make(self.path('s.geojsonl'), points(xy / 100), fields=fields, epsg=4326)]

    def test_one_reader_for_all_parts(self):
        """The parts have the bytes of shares of the table, and the input is read once."""
        for table in self.sequential():
            options = {'NEAR': self.near, 'CLOSEST': 3, 'FIELDS': 'name', 'METHOD': 'PLANAR'}
            for format, ending, lco in (('FlatGeobuf', 'fgb', 'SPATIAL_INDEX=NO'), ('CSV', 'csv', 'CREATE_CSVT=YES'), ('GeoJSONSeq', 'geojsonl', 'RS=NO')):
                options['GEOMETRY'] = 'NONE' if format == 'CSV' else 'FROM'
                for kind, parts, size in (('THREADS', 5, 64), ('THREADS', 3, 10000), ('PROCESSES', 5, 100), ('THREADS', 701, 300)):
                    path = self.whole('stream.vrt', '-dsco', 'FORMAT=' + format, '-dsco', 'PARTS=%d' % parts, table=table, **options,
                                      WORKERS=kind, NUM_WORKERS=3, PARTITION_SIZE=size)
                    self.assertEqual(len([n for n in os.listdir(self.path('stream_parts')) if n.endswith('.' + ending)]), parts)
                    self.assertEqual(self.left('stream.vrt'), [])
                    if format != 'GeoJSONSeq':
                        self.assertEqual(count(path), 2100)
                    for part in range(parts) if parts < 10 else ():
                        share = self.path('share.' + ending)
                        good_within('ogr2ogr', '-f', format, '-nln', 'near_table', '-lco', lco, share, 'NEARTABLE:' + table,
                                    *oo(**{**self.options, **options}, PARTITION='%d/%d' % (part + 1, parts)))
                        with open(share, 'rb') as want, open(self.path('stream_parts/part_%04d.%s' % (part, ending)), 'rb') as got:
                            self.assertEqual(got.read(), want.read(), (format, kind, part))
                        os.unlink(share)

    def test_one_reader_and_resume(self):
        """What is missing is written from its own range, with the same bytes."""
        table = self.sequential()[0]
        words = ['-dsco', 'FORMAT=CSV', '-dsco', 'PARTS=4', '-dsco', 'RESUME=YES']
        self.whole('goes_on.vrt', *words, table=table)
        name = self.path('goes_on_parts/part_0002.csv')
        with open(name, 'rb') as file:
            want = file.read()
        os.unlink(name)
        self.whole('goes_on.vrt', *words, table=table)
        with open(name, 'rb') as file:
            self.assertEqual(file.read(), want)
        done = self.write('goes_on.vrt', '-dsco', 'FORMAT=CSV', '-dsco', 'PARTS=4', table=table, GEOMETRY='LINE')
        self.assertEqual(done.returncode, 1)
        self.assertIn('part_0000.csv cannot be written: read again it has no geometry: the format CSV', done.stderr)
        self.assertEqual(self.left('goes_on.vrt'), [])

    def test_parts_have_no_index(self):
        for lco, has in ((None, 0), ('SPATIAL_INDEX=YES', 1)):
            self.whole('index.vrt', '-dsco', 'PARTS=2', *(['-dsco', 'PART_LCO=' + lco] if lco else []), GEOMETRY='LINE')
            with contextlib.closing(sqlite3.connect(self.path('index_parts/part_0001.gpkg'))) as part:
                self.assertEqual(part.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'rtree_near_table_geom'").fetchone()[0], has)

    def in_sqlite(self, path):
        """What SQLite has stored of the table, values and types."""
        with contextlib.closing(sqlite3.connect(path)) as part:
            columns = [row[1] for row in part.execute('PRAGMA table_info(near_table)')]
            return columns, part.execute('SELECT %s FROM near_table ORDER BY rowid' % ', '.join('quote("%s"), typeof("%s")' % (c, c) for c in columns)).fetchall()

    def stored_alike(self, table, formats=(('GPKG', 'gpkg'),), **options):
        """Columns and rows of the one part of the table, which are those that ogr2ogr writes."""
        options = {**self.options, 'UNMATCHED': 'NULL', 'CLOSEST': 1, 'NUM_WORKERS': 1, **options}
        for format, ending in formats:
            one = self.path('alike.' + ending)
            good('ogr2ogr', '-f', format, one, 'NEARTABLE:' + table, '-nln', 'near_table', *oo(**options))
            self.whole('alike_out.vrt', '-dsco', 'PARTS=1', '-dsco', 'FORMAT=' + format, table=table, **options)
            got, want = self.in_sqlite(self.path('alike_out_parts/part_0000.' + ending)), self.in_sqlite(one)
            os.unlink(one)
            self.assertEqual(got, want, format)
        return got

    def test_whole_numbers_of_a_geopackage(self):
        """Those of 64 bits are given to GDAL as such of 32, where they are: what SQLite stores is the same."""
        edges = [0, -1, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**32, -2**32 - 21121, 2**53 + 1, 2**63 - 1, -2**63, None]
        fids = [1, 2**31 - 2, 2**31 - 1, 2**31, 2**40, *range(10, 17)]
        table = make(self.path('long.gpkg'), points([(i, i) for i in range(12)]), fids=fids, fields={
            ('a', ogr.OFTInteger64): edges, ('b', ogr.OFTInteger64): [7] * 12, ('c', ogr.OFTInteger64): edges[::-1], ('d', ogr.OFTInteger): range(12)})
        columns, rows = self.stored_alike(table, FIELDS='a,b,c,d', RADIUS=20)
        self.assertEqual({row[2 * columns.index('a')] for row in rows}, {'NULL' if edge is None else str(edge) for edge in edges})

    def test_rows_of_databases(self):
        """One feature takes all rows by turns: with and without geometry, values, and near features."""
        random = rng('databases')
        count = 300

        def some(values):
            return [value if random.random() < 0.5 else None for value in values]

        def fields(prefix):
            return {'text': some(prefix + 'x' * (i % 7) for i in range(count)), ('n', ogr.OFTInteger64): some(range(2**31 - 150, 2**31 + 150)),
                    ('r', ogr.OFTReal): some(i / 7 for i in range(count)), ('day', ogr.OFTDate): some('2020/01/%02d' % (i % 28 + 1) for i in range(count))}
        table = make(self.path('db_in.fgb'), points(random.uniform(0, 1000, (count, 2))), fields=fields('a'))
        near = make(self.path('db_near.fgb'), points(random.uniform(0, 1000, (count, 2))), fields=fields('b'))
        for geometry in ('NEAR', 'LINE', 'FROM'):
            columns, rows = self.stored_alike(table, (('SQLite', 'sqlite'), ('GPKG', 'gpkg')), NEAR=near, FIELDS='*', NEAR_FIELDS='*', RADIUS=30,
                                              GEOMETRY=geometry)
            self.assertEqual(len(rows), count)
            for name in ('text', 'NEAR_FID', 'geom'):
                self.assertGreater(len({row[2 * columns.index(name)] for row in rows}), 2, name)

    def test_sqlite_is_written_by_processes(self):
        """Of a large table, unless WORKERS says otherwise."""
        table = make(self.path('large_in.gpkg'), points(rng('large').uniform(0, 1000, (50000, 2))))
        for more, processes in (({}, True), ({'WORKERS': 'THREADS'}, False)):
            done = run('bash', '-c', 'echo $$; exec "$0" "$@"', 'ogr2ogr', '-f', 'NEARTABLE', self.path('by.vrt'), 'NEARTABLE:' + table,
                       '-dsco', 'PARTS=2', *oo(NEAR=self.near, NUM_WORKERS=2, **more), env={'CPL_DEBUG': 'FISHNET'})
            self.assertEqual(done.returncode, 0, done.stderr)
            host, writers = done.stdout.split()[0], re.findall(r'part_000[01].gpkg by worker \d+, process (\d+)', done.stderr)
            self.assertEqual(len(writers), 2, done.stderr)
            self.assertEqual([writer != host for writer in writers], [processes] * 2, done.stderr)
            self.assertEqual(count(self.path('by.vrt')), 50000)

    def test_no_rows(self):
        empty = make(self.path('empty.gpkg'), [], fields={'name': []})
        path = self.whole('no_rows.vrt', '-dsco', 'PARTS=3', table=empty)
        self.assertEqual(count(path), 0)

    def refuses(self, done, *words):
        self.assertNotEqual(done.returncode, 0)
        for word in ('RESUME', *words):
            self.assertIn(word, done.stderr)

    def test_resume_sees_a_journal(self):
        """SQLite writes to a file of its own beside the GeoPackage, which stays as it is."""
        table, resume = shutil.copy(self.input, self.path('wal.gpkg')), ('-dsco', 'PARTS=2', '-dsco', 'RESUME=YES')
        with contextlib.closing(sqlite3.connect(table)) as writer:
            writer.execute('PRAGMA journal_mode=WAL')
            writer.execute('PRAGMA wal_autocheckpoint=0')
            for name, in writer.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
                writer.execute('DROP TRIGGER "%s"' % name)  # they call functions of GDAL
            writer.commit()
            self.whole('wal.vrt', *resume, table=table)
            self.whole('wal.vrt', *resume, table=table)
            before = os.stat(table).st_mtime_ns
            writer.execute("UPDATE a SET name = 'new'")
            writer.commit()
            self.assertEqual(os.stat(table).st_mtime_ns, before)
            self.refuses(self.write('wal.vrt', *resume, table=table), 'wal.gpkg-wal')
            self.whole('wal.vrt', '-dsco', 'PARTS=2', table=table)
            self.assertIn('new', self.csv(self.path('wal.vrt')))

    def test_resume_sees_files_below_unions(self):
        shutil.copy(self.near, self.path('deep.gpkg'))
        for name, source, layer in (('inner', 'deep.gpkg', 'b'), ('outer', 'inner.vrt', 'inner')):
            with open(self.path(name + '.vrt'), 'w', encoding='utf-8') as file:
                file.write('<OGRVRTDataSource><OGRVRTUnionLayer name="%s"><OGRVRTLayer name="%s"><SrcDataSource relativeToVRT="1">%s</SrcDataSource>'
                           '</OGRVRTLayer></OGRVRTUnionLayer></OGRVRTDataSource>' % (name, layer, source))
        resume = ('-dsco', 'PARTS=2', '-dsco', 'RESUME=YES')
        for near in (self.path('outer.vrt'), '%s;"%s"' % (self.near, self.path('outer.vrt'))):
            self.whole('deep.vrt', '-dsco', 'PARTS=2', NEAR=near)
            self.whole('deep.vrt', *resume, NEAR=near)
            stat = os.stat(self.path('deep.gpkg'))
            os.utime(self.path('deep.gpkg'), ns=(stat.st_atime_ns, stat.st_mtime_ns + 1000000))  # within the second
            self.refuses(self.write('deep.vrt', *resume, NEAR=near), 'deep.gpkg')

    def test_resume(self):
        """Parts that are there are kept as they are, what is missing or empty is made; another recipe is refused."""
        path = self.whole('resume.vrt', '-dsco', 'PARTS=5', '-dsco', 'RESUME=YES')
        folder = self.path('resume_parts')
        before = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for name in os.listdir(folder)}
        os.unlink(os.path.join(folder, 'part_0001.gpkg'))
        open(os.path.join(folder, 'part_0003.gpkg'), 'w').close()
        os.mkdir(os.path.join(folder, '.part_0001.4711.part'))
        os.unlink(path)
        self.whole('resume.vrt', '-dsco', 'PARTS=5', '-dsco', 'RESUME=YES', RETRIES=7, NUM_WORKERS=1)
        after = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for name in os.listdir(folder)}
        self.assertEqual(set(before), set(after))
        self.assertEqual({name for name in before if before[name] != after[name]}, {'part_0001.gpkg', 'part_0003.gpkg'})
        self.assertEqual(self.csv(path), self.expected)
        done = self.write('resume.vrt', '-dsco', 'PARTS=5', '-dsco', 'RESUME=YES', CLOSEST=1)
        self.assertEqual(done.returncode, 1)
        self.assertIn('CLOSEST=2', done.stderr)
        self.whole('resume.vrt', '-dsco', 'PARTS=2')
        self.assertEqual(len(os.listdir(folder)), 3)

    def slow(self, kind):
        """A table that takes a while, in many parts."""
        return ['ogr2ogr', '-f', 'NEARTABLE', self.path('slow.vrt'), 'NEARTABLE:' + self.input, '-dsco', 'PARTS=100', '-dsco', 'RESUME=YES',
                *oo(**self.options, WORKERS=kind, RETRIES=50)]

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.path('slow_parts'), ignore_errors=True)
        if os.path.exists(self.path('slow.vrt')):
            os.unlink(self.path('slow.vrt'))

    def wait_for_parts(self, process, n):
        folder = self.path('slow_parts')
        end = time.monotonic() + patience(30)
        while time.monotonic() < end and process.poll() is None:
            if os.path.isdir(folder) and len([name for name in os.listdir(folder) if name.startswith('part_')]) >= n:
                return
            time.sleep(0.005)
        self.fail('no parts')

    def test_interrupted(self):
        """SIGKILL and SIGINT leave no union, and nothing under the name of a part that is not whole; RESUME finishes."""
        for kind in KINDS:
            for number in (signal.SIGKILL, signal.SIGINT):
                process = subprocess.Popen(self.slow(kind), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                self.wait_for_parts(process, 5)
                process.send_signal(number)
                self.assertNotEqual(process.wait(patience(10)), 0)
                self.assertFalse(os.path.exists(self.path('slow.vrt')))
                time.sleep(0.3)
                folder = self.path('slow_parts')
                for name in os.listdir(folder):
                    if name.startswith('part_') and os.stat(os.path.join(folder, name)).st_size > 0:
                        self.assertIsNotNone(gdal.OpenEx(os.path.join(folder, name)), name)
                good(*self.slow(kind))
                self.assertEqual(self.csv(self.path('slow.vrt')), self.expected)
                self.assertEqual(self.left('slow.vrt'), [])
                self.setUp()

    def test_a_killed_worker_costs_nothing(self):
        process = subprocess.Popen(self.slow('PROCESSES'))
        self.wait_for_parts(process, 5)
        killed = 0
        while process.poll() is None and killed < 5:
            for pid in children(process.pid):
                for worker in children(pid)[:1]:
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        os.kill(worker, signal.SIGKILL)
                        killed += 1
            time.sleep(0.05)
        self.assertEqual(process.wait(patience(60)), 0)
        self.assertGreater(killed, 0)
        self.assertEqual(self.csv(self.path('slow.vrt')), self.expected)
        self.assertEqual(self.left('slow.vrt'), [])

    def test_progress_and_cancel(self):
        table = gdal.OpenEx('NEARTABLE:' + self.input, open_options=['NEAR=' + self.near])
        seen = []
        driver = gdal.GetDriverByName('NEARTABLE')
        driver.CreateCopy(self.path('progress.vrt'), table, options=['PARTS=4'], callback=lambda f, *_: seen.append(f) or 1)
        self.assertEqual(seen, sorted(seen))  # within a part that takes long, too
        self.assertEqual((seen[0], seen[-1]), (0, 1))  # 0: the near side is read
        self.assertGreaterEqual(len(seen), 1 + 4)  # a call for each part; what others have done meanwhile is in its number
        with self.assertRaisesRegex(RuntimeError, 'terminated'):
            driver.CreateCopy(self.path('cancel.vrt'), table, options=['PARTS=4'], callback=lambda f, *_: 0 if f > 0.3 else 1)
        self.assertFalse(os.path.exists(self.path('cancel.vrt')))
        self.assertEqual(self.left('cancel.vrt'), [])

    def test_cancelled_while_the_near_side_is_read(self):
        seen = []

        def stop(fraction, _, __):
            seen.append(fraction)
            return 0
        table = gdal.OpenEx('NEARTABLE:' + self.input, gdal.OF_VECTOR, open_options=['%s=%s' % item for item in self.options.items()])
        with self.assertRaisesRegex(RuntimeError, 'cancelled while the near side was read'):
            gdal.GetDriverByName('NEARTABLE').CreateCopy(self.path('near_cancel.vrt'), table, callback=stop)
        self.assertEqual(seen, [0], 'no part has been written')
        self.assertFalse(os.path.exists(self.path('near_cancel.vrt')))

    def test_bad_options(self):
        for words, wanted in ((['PARTS=0'], 'PARTS'), (['PARTS=x'], 'PARTS'), (['FORMAT=Nothing'], 'FORMAT'), (['FORMAT=OGR_VRT'], 'FORMAT'),
                              (['PART_LCO=abc'], 'PART_LCO'), (['RESUME=perhaps'], 'RESUME')):
            done = self.write('bad.vrt', *[w for word in words for w in ('-dsco', word)])
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(wanted, done.stderr)
            self.assertFalse(os.path.exists(self.path('bad_parts')))
        self.assertIn('.vrt', self.write('bad.gpkg').stderr)
        self.assertIn('PARTITION', self.write('bad.vrt', PARTITION='1/2').stderr)
        self.assertIn('/vsimem/', run('ogr2ogr', '-f', 'NEARTABLE', '/vsimem/x.vrt', 'NEARTABLE:' + self.input,
                                      *oo(**self.options, WORKERS='PROCESSES')).stderr)
        done = run('ogr2ogr', '-f', 'NEARTABLE', self.path('bad.vrt'), self.input)
        self.assertEqual(done.returncode, 1)
        self.assertIn('NEARTABLE:', done.stderr)

    def test_a_folder_of_others_is_not_touched(self):
        folder = self.path('others_parts')
        os.mkdir(folder)
        with open(os.path.join(folder, 'part_0000.gpkg'), 'w', encoding='utf-8') as file:
            file.write('precious')
        done = self.write('others.vrt')
        self.assertEqual(done.returncode, 1)
        self.assertIn('others_parts', done.stderr)
        with open(os.path.join(folder, 'part_0000.gpkg'), encoding='utf-8') as file:
            self.assertEqual(file.read(), 'precious')


def children(pid):
    try:
        with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


if __name__ == '__main__':
    unittest.main()
