"""Files that are cut between features past their driver, FlatGeobuf and CSV: the rows are those of the driver, which reads them through an OGR VRT."""
import os
import struct
import subprocess
import unittest

from osgeo import gdal, ogr

from near_common import NearCase, good_within, listening, make, near, oo, rng
from common import VERSION, patience  # noqa: E402

VRT = '<OGRVRTDataSource><OGRVRTLayer name="{0}"><SrcDataSource>{1}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
CUT, DRIVER, POINTS = 'cuts its file', 'is read by its driver', 'points are taken out'
SHORT = 'columns that are not wanted are left out'


class Raw(NearCase):
    def by_driver(self, path, layer=None):
        layer = layer or os.path.splitext(os.path.basename(path))[0]
        name = self.new('driver.vrt')
        with open(name, 'w', encoding='utf-8') as file:
            file.write(VRT.format(layer, path))
        return name

    def rows(self, source, other, **options):
        """The rows, and what was said: of geometries, and of how the layers are read."""
        options = {'FIELDS': '*', 'NEAR_FIELDS': '*', 'CLOSEST': 2, 'EXCLUDE_SELF': 'NO', 'UNMATCHED': 'NULL', **options}
        with listening() as said:
            dataset = near(source, NEAR=other, **options)
            rows = [tuple(row.GetField(i) for i in range(row.GetFieldCount())) for row in dataset.GetLayer(0)]
        return rows, sorted(text.split(': ', 2)[-1] for text in said.warnings())

    def same(self, path, layer=None):
        driver = self.by_driver(path, layer)
        for options in ({}, {'FIELDS': None, 'NEAR_FIELDS': None}, {'PARTITION': '2/3'}):
            options = {'FIELDS': '*', 'NEAR_FIELDS': '*', **options}
            options = {key: value for key, value in options.items() if value}
            if 'NEAR_FIELDS' not in options:
                options.update(FIELDS=[], NEAR_FIELDS=[])
            want = self.rows(driver, driver, NUM_WORKERS=1, **options)
            self.assertTrue(want[0])
            for more in ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 3}, {'NUM_WORKERS': 3, 'PARTITION_SIZE': 7},
                         {'NUM_WORKERS': 2, 'PARTITION_SIZE': 7, 'WORKERS': 'PROCESSES'}):
                with self.subTest(**{**options, **more}):
                    self.assertEqual(self.rows(path, path, **options, **more), want)

    def how(self, path, **options):
        """What the debug messages say of the layer."""
        done = subprocess.run(['ogr2ogr', '-f', 'CSV', '/vsistdout/', 'NEARTABLE:' + path, *oo(**{'NEAR': path, 'EXCLUDE_SELF': 'NO', 'NUM_WORKERS': 3, **options})],
                              capture_output=True, text=True, timeout=patience(60), env={**os.environ, 'CPL_DEBUG': 'FISHNET'})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def csv(self, text, name='a.csv'):
        path = self.new(name)
        with open(path, 'wb') as file:
            file.write(text.encode() if isinstance(text, str) else text)
        return path

    def lines(self, end='\n', delimiter=',', n=300):
        """Records with all that a field may hold."""
        texts = ['plain', '', '"quoted"', '"a ""word"" in it"', '"two%slines"' % end, '"%s%s"' % (end, end), '"with %s"' % delimiter, '""""',
                 '"ends in a line%s"' % end, 'ä€', '" "', '7']
        head = delimiter.join(('WKT', 'name', 'number')) + end
        return head, [delimiter.join(('"POINT (%d %d)"' % (i, i * i % 101) if i % 13 else '', texts[i % len(texts)], str(i))) + end for i in range(n)]

    def test_what_a_csv_may_hold(self):
        for end, delimiter in (('\n', ','), ('\r\n', ','), ('\n', ';'), ('\n', '\t')):
            head, lines = self.lines(end, delimiter)
            for name, text in (('as it is', head + ''.join(lines)), ('no line end', head + ''.join(lines)[:-len(end)]),
                               ('blank lines', head + end + (end * 2).join(lines) + end), ('BOM', '\ufeff' + head + ''.join(lines))):
                with self.subTest(name, end=end, delimiter=delimiter):
                    path = self.csv(text)
                    self.same(path)
                    said = self.how(path)
                    self.assertIn(CUT, said)
                    self.assertNotIn(DRIVER, said)

    def test_no_line_end_behind_a_quote(self):
        said = self.how(self.csv('WKT,name\n' + ''.join('"POINT (%d 0)","b%d"\n' % (i, i) for i in range(40))[:-1]))
        self.assertNotIn(DRIVER, said)

    def test_odd_records(self):
        """What versions of GDAL disagree about the driver reads, from where it comes."""
        head, lines = self.lines()
        for name, odd in (('a quote in a field', '"POINT (1 1)",5" wide,1\n"POINT (2 2)",6" wide,2\n'), ('text behind a quote', '"POINT (1 1)","a"b,1\n'),
                          ('a lone CR', '"POINT (1 1)",a,1\r"POINT (2 2)",b,2\n'), ('a byte of 0', '"POINT (1 1)",a\0b,1\n'),
                          *([('no end of a text', '"POINT (1 1)","a,1\n')] if VERSION < (3, 7) else [])):  # an error later
            with self.subTest(name):
                last = name == 'no end of a text'
                path = self.csv(head + ''.join(lines[:200]) + odd + ('' if last else ''.join(lines[200:])))
                self.same(path)
                self.assertIn(DRIVER + ' from feature', self.how(path, PARTITION_SIZE=7))

    def test_csv_that_is_the_drivers(self):
        """Without a header, with types beside, with options that depend on all records."""
        head, lines = self.lines()
        self.assertNotIn(CUT, self.how(make(self.new('typed.csv'), ['POINT(%d 0)' % i for i in range(30)], fields={'n': range(30)})))
        path = self.csv(head + ''.join(lines))
        self.assertNotIn(CUT, self.how(path, OO='AUTODETECT_TYPE=YES', NEAR_OO='AUTODETECT_TYPE=YES'))
        names = self.csv('1,5\n' + ''.join('%d,%d\n' % (i, i + 5) for i in range(2, 40)), 'plain.csv')
        options = {'X_POSSIBLE_NAMES': 'field_1', 'Y_POSSIBLE_NAMES': 'field_2'}
        opened = ['%s=%s' % item for item in options.items()]
        said = self.how(names, OO=opened, NEAR_OO=opened, FIELDS='*')
        self.assertIn(DRIVER, said)

    def test_points_of_columns(self):
        text = 'name,lon,lat\n' + ''.join('n%d,%d,%d\n' % (i, i % 7, i % 11) for i in range(200))
        path = self.csv(text)
        opened = ['X_POSSIBLE_NAMES=lon', 'Y_POSSIBLE_NAMES=lat']
        want = self.rows(path, path, OO=opened, NEAR_OO=opened, NUM_WORKERS=1, PARTITION_SIZE=500)
        self.assertEqual([row[0] for row in want[0]][::2], list(range(1, 201)))
        for size in (7, 50):
            self.assertEqual(self.rows(path, path, OO=opened, NEAR_OO=opened, NUM_WORKERS=3, PARTITION_SIZE=size), want)

    def test_columns_that_are_not_wanted(self):
        """Their values are not even handed to the driver."""
        texts = ['plain', '', '"a, ""b"""', '"two\nlines"', '"\n\n"', '7']
        lines = ['%s,%s,%s,%s' % (texts[i % 6], i % 7 if i % 5 else '', texts[i % 5], i % 11 if i % 5 else '') for i in range(200)]
        opened = ['X_POSSIBLE_NAMES=lon', 'Y_POSSIBLE_NAMES=lat']
        for name, end, more in (('all', '\n', ''), ('CRLF', '\r\n', ',z'), ('more than the header has', '\n', ',1,"2\n,",3'), ('a column more', '\n', ',"z"')):
            head = 'name,lon,note,lat' + (',last' if name == 'a column more' else '') + end
            path = self.csv(head + ''.join(line + more + end for line in lines))
            options = {'OO': opened, 'NEAR_OO': opened, 'FIELDS': [], 'NEAR_FIELDS': []}
            with self.subTest(name):
                want = [row[:4] for row in self.rows(path, path, **{**options, 'FIELDS': 'note', 'NEAR_FIELDS': 'note'}, NUM_WORKERS=1)[0]]
                for size in (7, 500):
                    self.assertEqual(self.rows(path, path, NUM_WORKERS=3, PARTITION_SIZE=size, **options)[0], want)
                self.assertEqual(len(want), 400 - 40)
                self.assertIn(SHORT, self.how(path, **options))
                self.assertNotIn(SHORT, self.how(path, **{**options, 'FIELDS': 'note', 'NEAR_FIELDS': 'note'}))
        short = self.csv('name,lon,note,lat\n' + ''.join(lines[k] + '\n' + ('Total\n' if k == 100 else '""\n' if k == 150 else '') for k in range(200)))
        options = {'OO': opened, 'NEAR_OO': opened, 'FIELDS': [], 'NEAR_FIELDS': []}
        want = [row[:4] for row in self.rows(short, short, **{**options, 'FIELDS': 'note', 'NEAR_FIELDS': 'note'}, NUM_WORKERS=1)[0]]
        self.assertEqual(self.rows(short, short, NUM_WORKERS=3, PARTITION_SIZE=7, **options)[0], want)
        self.assertIn(SHORT, self.how(short, **options))
        head, records = self.lines()
        path = self.csv(head + ''.join(records))
        self.assertIn(SHORT, self.how(path))
        self.assertNotIn(SHORT, self.how(self.csv('lon,lat\n' + '1,2\n' * 50), **options))
        empty = self.csv(head + ',a,1\n' * 16 + ''.join(records))  # that it is the same cannot be seen
        self.assertNotIn(SHORT, self.how(empty))

    def test_flatgeobuf(self):
        random = rng('raw')
        kinds = {'points': (ogr.wkbPoint, ['POINT(%r %r)' % tuple(map(float, p)) for p in random.uniform(0, 100, (500, 2))]),
                 'lines': (ogr.wkbLineString, ['LINESTRING(%r %r,%r %r,1 1)' % tuple(map(float, p)) for p in random.uniform(0, 100, (300, 4))]),
                 'any': (ogr.wkbUnknown, ['POINT(%d 3)' % i if i % 3 else 'POLYGON((%d 0,9 9,0 9,%d 0))' % (i, i) for i in range(300)])}
        for name, (kind, geometries) in kinds.items():
            fields = {'name': ['n' * (i % 40) for i in range(len(geometries))], 'number': list(range(len(geometries)))}
            for index in ('NO', 'YES'):
                with self.subTest(name, index=index):
                    path = make(self.new('a.fgb'), geometries, kind=kind, fields=fields, options=['SPATIAL_INDEX=' + index])
                    self.same(path, 'a')
                    said = self.how(path)
                    self.assertIn(CUT, said)
                    self.assertNotIn(DRIVER, said)

    def points(self, options=(), **more):
        return make(self.new('a.fgb'), ['POINT(%d %d)' % (i, i * i % 101) for i in range(300)], kind=ogr.wkbPoint, options=['SPATIAL_INDEX=NO', *options], **more)

    def same_points(self, path):
        driver = self.by_driver(path, 'a')
        want = self.rows(driver, driver, FIELDS=[], NEAR_FIELDS=[], NUM_WORKERS=1)
        for options in ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 3, 'PARTITION_SIZE': 7}):
            self.assertEqual(self.rows(path, path, FIELDS=[], NEAR_FIELDS=[], **options), want)

    def test_points_alone(self):
        """Of which nothing but their places is wanted."""
        fields = {'name': ['n' * (i % 40) for i in range(300)]}
        for name, path in (('alone', self.points()), ('with fields', self.points(fields=fields)), ('with an index', self.points(['SPATIAL_INDEX=YES'], fields=fields))):
            with self.subTest(name):
                self.same_points(path)
                said = self.how(path)
                self.assertEqual(said.count(POINTS), 2, said)
                self.assertNotIn(DRIVER, said)
        self.assertEqual(self.how(path, FIELDS='name').count(POINTS), 1)  # the near side
        path = make(self.new('a.fgb'), ['POINT Z (%d 3 7)' % i for i in range(30)], kind=ogr.wkbPoint25D)
        self.same_points(path)
        self.assertNotIn(POINTS, self.how(path))

    def test_points_that_the_driver_reads(self):
        """From where one comes that is empty or odd."""
        path = self.points()
        with open(path, 'rb') as file:
            good = file.read()
        nan = struct.pack('<d', float('nan'))
        for feature in (3, 200):
            at = good.index(struct.pack('<dd', feature, feature * feature % 101))
            for name, wrong in (('a place that is no number', nan), ('no place', nan + nan)):
                with self.subTest(name, feature=feature):
                    with open(path, 'wb') as file:
                        file.write(good[:at] + wrong + good[at + len(wrong):])
                    self.same_points(path)
                    said = self.how(path, PARTITION_SIZE=7)
                    self.assertEqual(POINTS in said, feature > 16)
                    self.assertEqual(DRIVER + ' from feature' in said, feature > 16)

    def test_damaged_points(self):
        path = self.points()
        with open(path, 'rb') as file:
            good = file.read()
        at = good.index(struct.pack('<dd', 200, 200 * 200 % 101))
        size = at - good.index(struct.pack('<dd', 199, 199 * 199 % 101))
        begin = at - size + 8  # of a number before, in the feature
        for place, wrong in ((at - 4, b'\xff\xff\xff\x7f'), (begin, b'\xff' * 4)):
            with self.subTest(place=place - at):
                with open(path, 'wb') as file:
                    file.write(good[:place] + wrong + good[place + len(wrong):])
                driver = self.by_driver(path, 'a')
                try:
                    want = self.rows(driver, driver, FIELDS=[], NEAR_FIELDS=[], NUM_WORKERS=1)
                except RuntimeError:
                    want = None
                for workers in (1, 3):
                    options = {'FIELDS': [], 'NEAR_FIELDS': [], 'NUM_WORKERS': workers, 'RETRIES': 0}
                    if want:
                        self.assertEqual(self.rows(path, path, **options), want)
                    else:
                        self.refused(path, 'a_', NEAR=path, EXCLUDE_SELF='NO', NUM_WORKERS=workers, RETRIES=0)

    def test_parts(self):
        """Of a CSV: it is cut, and counted, by its lines."""
        head, lines = self.lines()
        path = self.csv(head + ''.join(lines))
        driver = self.by_driver(path)
        for format in ('CSV', 'GPKG'):
            tables = []
            for source in (driver, path):
                out = self.new('out.vrt')
                good_within('ogr2ogr', '-f', 'NEARTABLE', out, 'NEARTABLE:' + source, *oo(NEAR=source, EXCLUDE_SELF='NO', FIELDS='name'),
                            '-dsco', 'FORMAT=' + format, '-dsco', 'PARTS=3')
                folder = out.replace('.vrt', '_parts')
                counts = {}
                for part in sorted(os.listdir(folder)):
                    if part.startswith('part_') and not part.endswith('.csvt'):
                        dataset = gdal.OpenEx(os.path.join(folder, part))
                        counts[part] = dataset.GetLayer(0).GetFeatureCount()
                dataset = gdal.OpenEx(out)
                tables.append((counts, [tuple(row.GetField(i) for i in range(row.GetFieldCount())) for row in dataset.GetLayer(0)]))
            self.assertEqual(len(tables[0][0]), 3)
            self.assertEqual(tables[1], tables[0], format)


if __name__ == '__main__':
    unittest.main()
