"""ogr2ogr -f NEARTABLE -dsco OUTPUT=SINGLE: one file whose rows the workers encode, with the bytes of ogr2ogr's own."""
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest

from osgeo import gdal, ogr

from near_common import UTM, VERSION, Case, make, oo, points, rng, run, srs_of, within
from patience import patience  # noqa: E402  (near_common knows where it is)

KINDS = ('THREADS', 'PROCESSES')
LINE, RING = [(0, 0), (7, 3), (9, 11)], [(0, 0), (8, 0), (5, 7), (0, 0)]
FORMATS = {'fgb': ('FlatGeobuf', ['SPATIAL_INDEX=NO']), 'csv': ('CSV', []), 'geojsonl': ('GeoJSONSeq', [])}


def shifted(kind, path, xy):
    text = ','.join('%.17g %.17g' % (x + xy[0], y + xy[1]) for x, y in path)
    return '%s(%s)' % (kind, text if kind == 'LINESTRING' else '(%s)' % text)


def content(path):
    """The bytes. A GeoJSON member that is missing is one that is null, which newer versions of ogr2ogr write."""
    with open(path, 'rb') as file:
        if not path.endswith('.geojsonl') or VERSION < (3, 7):
            return file.read()
        lines = [json.loads(line.lstrip(b'\x1e')) for line in file]
    for line in lines:
        line['properties'] = {name: value for name, value in line['properties'].items() if value is not None}
    return json.dumps(lines).encode()


class TestSingle(Case):
    @classmethod
    def prepare(cls):
        random = rng('single')
        xy = random.uniform(0, 1000, (900, 2))
        words = ['plain', 'a "quoted" one', 'comma, and\nline', 'grün ☃', '', ' 007', None]
        n = len(xy)
        fields = {'text': [words[i % len(words)] for i in range(n)],
                  ('small', ogr.OFTInteger): [None if i % 11 == 0 else i - 400 for i in range(n)],
                  ('large', ogr.OFTInteger64): [2**60 + i for i in range(n)],
                  ('real', ogr.OFTReal): [None if i % 7 == 0 else float(v) for i, v in enumerate(random.normal(0, 1, n) * 10.0**random.integers(-12, 12, n))],
                  ('day', ogr.OFTDate): ['2020/02/%02d' % (i % 28 + 1) for i in range(n)],
                  ('hour', ogr.OFTTime): ['%02d:05:06' % (i % 24) for i in range(n)],
                  ('moment', ogr.OFTDateTime): [None if i % 5 == 0 else '2020/02/03 04:05:%02d.125+01' % (i % 60) for i in range(n)],
                  ('bytes', ogr.OFTBinary): [b'\x00\x01\xff' * (i % 3 + 1) for i in range(n)],
                  ('list', ogr.OFTStringList): [['a', 'b,"c"'][:i % 2 + 1] for i in range(n)]}
        cls.points = make(cls.path('points.geojson'), points(xy), fields={k: v for k, v in fields.items() if k not in (('bytes', ogr.OFTBinary),)}, epsg=4326)
        cls.inputs = {
            'points': make(cls.path('p.gpkg'), points(xy), fields={k: v for k, v in fields.items() if k != ('list', ogr.OFTStringList)}),
            'lines': make(cls.path('l.fgb'), [shifted('LINESTRING', LINE, p) for p in xy[:300]], fields={'text': fields['text'][:300]}),
            'polygons': make(cls.path('g.shp'), [shifted('POLYGON', RING, p) for p in xy[:300]], fields={'text': fields['text'][:300]},
                             kind=ogr.wkbPolygon)}
        cls.near = make(cls.path('n.fgb'), points(random.uniform(0, 1000, (90, 2))), layer='n',
                        fields={'label': ['n"%d' % i for i in range(90)], 'weight': random.uniform(0, 1, 90).tolist()})

    def serial(self, output, table, lco=(), **options):
        """By ogr2ogr, into a file of the same name in another folder: formats call the layer so."""
        os.makedirs(self.path('serial'), exist_ok=True)
        path = os.path.join(self.path('serial'), output)
        if os.path.exists(path):
            os.unlink(path)
        format, usual = FORMATS[output.rpartition('.')[2]]
        done = within('ogr2ogr', '-f', format, path, 'NEARTABLE:' + table, *oo(**options), *[w for o in [*usual, *lco] for w in ('-lco', o)])
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def write(self, output, table, *words, lco=(), **options):
        return within('ogr2ogr', '-f', 'NEARTABLE', self.path(output), 'NEARTABLE:' + table, '-dsco', 'OUTPUT=SINGLE',
                      *[w for o in lco for w in ('-dsco', 'PART_LCO=' + o)], *words, *oo(**options))

    def left(self):
        return [name for name in os.listdir(self.folder) if '.part' in name]

    def same(self, output, table, lco=(), sizes=(7, 100, 100000), **options):
        want = content(self.serial(output, table, lco=lco, **options))
        for kind in KINDS:
            for size in sizes if kind == 'THREADS' else sizes[1:2]:
                for workers in (1, 3):
                    done = self.write(output, table, lco=lco, **options, WORKERS=kind, NUM_WORKERS=workers, PARTITION_SIZE=size)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(content(self.path(output)), want, (output, kind, size, workers, options))
        self.assertEqual(self.left(), [])
        return want

    def test_bytes_of_flatgeobuf(self):
        for name, table in self.inputs.items():
            for options in ({'GEOMETRY': 'FROM', 'CLOSEST': 3, 'FIELDS': '*'}, {'GEOMETRY': 'LINE', 'RADIUS': 20, 'NEAR_FIELDS': '*', 'LOCATION': True}):
                self.same(name + '.fgb', table, NEAR=self.near, **options)

    def test_bytes_of_numbers_alone(self):
        """Rows of which GDAL writes samples only; where a row has a NULL it writes the rows around it."""
        lines = make(self.path('n.gpkg'), [shifted('LINESTRING', LINE, p) for p in rng('numbers').uniform(0, 1000, (40, 2))], layer='n')
        for options in ({'GEOMETRY': 'FROM'}, {'GEOMETRY': 'NEAR', 'CLOSEST': 3, 'LOCATION': True, 'ANGLE': True}, {'GEOMETRY': 'LINE', 'ALONG': True},
                        {'GEOMETRY': 'LINE', 'CLOSEST': 2, 'DISTANCE_UNIT': 'km'}):
            self.same('numbers.fgb', self.inputs['lines'], NEAR=lines, **options)
            self.same('numbers.fgb', self.inputs['points'], NEAR=self.near, **options)
        self.same('numbers.fgb', self.inputs['points'], NEAR=lines, NEAR_LAYER='n', ALONG=True, GEOMETRY='FROM')
        both = [lines, self.near]  # ALONG is NULL for points, and there is a text
        self.same('numbers.fgb', self.inputs['points'], NEAR=both, ALONG=True, GEOMETRY='FROM', CLOSEST=2)
        for lco in ([], ['SEPARATOR=SEMICOLON', 'LINEFORMAT=CRLF'], ['STRING_QUOTING=ALWAYS'], ['CREATE_CSVT=YES', 'SEPARATOR=TAB', 'WRITE_BOM=YES']):
            for options in ({'LOCATION': True, 'ANGLE': True}, {'RADIUS': 15, 'UNMATCHED': 'NULL'}, {'DISTANCE_UNIT': 'km', 'CLOSEST': 2}):
                self.same('numbers.csv', self.inputs['points'], lco=lco, NEAR=self.near, sizes=(300, 100000), **options)

    def test_bytes_of_csv(self):
        for name, table in self.inputs.items():
            self.same(name + '.csv', table, NEAR=self.near, FIELDS='*', NEAR_FIELDS='*', UNMATCHED='NULL', RADIUS=15, ANGLE=True)
        self.same('wkt.csv', self.inputs['points'], lco=['GEOMETRY=AS_WKT', 'SEPARATOR=SEMICOLON'], NEAR=self.near, GEOMETRY='LINE', CLOSEST=2)
        self.same('xy.csv', self.inputs['points'], lco=['GEOMETRY=AS_XY', 'WRITE_BOM=YES'], NEAR=self.near, GEOMETRY='NEAR', CLOSEST=2)

    def test_bytes_of_geojsonseq(self):
        """In longitude and latitude, whatever the CRS of the table."""
        for name, table in self.inputs.items():
            self.same(name + '.geojsonl', table, NEAR=self.near, GEOMETRY='FROM', UNMATCHED='NULL', RADIUS=15, FIELDS='*', sizes=(100, 33))
        self.same('rs.geojsonl', self.inputs['points'], lco=['RS=YES', 'COORDINATE_PRECISION=3'], NEAR=self.near, GEOMETRY='LINE')

    def test_fields_that_the_format_has_as_others(self):
        options = dict(NEAR=self.near, FIELDS='*', METHOD='PLANAR')
        self.same('converted.csv', self.points, **options)
        self.same('converted.geojsonl', self.points, **options, GEOMETRY='FROM')
        done = self.write('converted.fgb', self.points, **options, GEOMETRY='FROM')
        if done.returncode:  # this GDAL cannot write lists to it
            self.assertIn('rows cannot be written: ICreateFeature: Missing implementation', done.stderr)
            self.assertFalse(os.path.exists(self.path('converted.fgb')))
        else:
            self.same('converted.fgb', self.points, **options, GEOMETRY='FROM')

    def test_labels_and_odd_names(self):
        other = make(self.path('other.fgb'), points([(5, 5), (500, 500)]), layer='o', fields={'fid': ['x', 'y'], 'geom': ['g', 'h']})
        for output in ('own.fgb', 'own.csv'):
            self.same(output, self.inputs['points'], NEAR=[self.near, other], NEAR_FIELDS='*', CLOSEST=2, GEOMETRY='NONE' if output.endswith('csv') else 'NEAR')

    def test_sidecars(self):
        want = self.serial('types.csv', self.inputs['points'], lco=['CREATE_CSVT=YES'], NEAR=self.near)
        done = self.write('types.csv', self.inputs['points'], lco=['CREATE_CSVT=YES'], NEAR=self.near)
        self.assertEqual(done.returncode, 0, done.stderr)
        for ending in ('', 't'):
            self.assertEqual(content(self.path('types.csv' + ending)), content(want + ending))

    def test_no_rows(self):
        for ending in FORMATS:
            options = dict(NEAR=self.near, RADIUS=1e-9, GEOMETRY='NONE' if ending == 'csv' else 'FROM')
            want = content(self.serial('none.' + ending, self.inputs['points'], **options))
            done = self.write('none.' + ending, self.inputs['points'], **options)
            if want or ending != 'fgb':
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(content(self.path('none.' + ending)), want)
            else:  # GDAL 3.6 leaves an empty file
                self.assertEqual(done.returncode, 1)
                self.assertIn('has no rows', done.stderr)
                self.assertFalse(os.path.exists(self.path('none.fgb')))

    def test_rows_without_geometry(self):
        """Later GDALs keep them in a FlatGeobuf, earlier ones drop them without a word."""
        options = dict(NEAR=self.near, RADIUS=15, UNMATCHED='NULL', GEOMETRY='FROM')
        want = content(self.serial('null.fgb', self.inputs['points'], **options))
        done = self.write('null.fgb', self.inputs['points'], **options)
        if done.returncode == 0:
            self.assertEqual(content(self.path('null.fgb')), want)
            dataset = gdal.OpenEx(self.path('null.fgb'))
            self.assertEqual(dataset.GetLayer(0).GetFeatureCount(), 900)
        else:
            self.assertLess(VERSION, (3, 13))
            self.assertIn('does not hold them (without geometry?)', done.stderr)
            self.assertFalse(os.path.exists(self.path('null.fgb')))
            self.assertEqual(self.left(), [])

    def test_a_part_of_the_table(self):
        whole = self.serial('half.csv', self.inputs['points'], NEAR=self.near)
        text = b''
        for part in ('1/2', '2/2'):
            done = self.write('half.csv', self.inputs['points'], NEAR=self.near, PARTITION=part)
            self.assertEqual(done.returncode, 0, done.stderr)
            text += content(self.path('half.csv'))[text.find(b'\n') + 1 if text else 0:]
        head = content(whole)[:content(whole).find(b'\n') + 1]
        self.assertEqual(text.replace(head, b''), content(whole).replace(head, b''))

    def test_zonal_statistics(self):
        raster = self.path('zones.tif')
        dataset = gdal.GetDriverByName('GTiff').Create(raster, 100, 100, 1, gdal.GDT_Float32)
        dataset.SetGeoTransform([0, 10, 0, 1000, 0, -10])
        dataset.SetProjection(srs_of(UTM).ExportToWkt())
        dataset.WriteRaster(0, 0, 100, 100, rng('raster').random(10000).astype('f4').tobytes())
        dataset = None
        table = 'ZONALSTATS:' + self.inputs['polygons']
        words = oo(RASTER=raster, STATS='COUNT,MEAN', FIELDS='*')
        self.assertEqual(run('ogr2ogr', self.path('serial.csv'), table, *words).returncode, 0)
        for kind in KINDS:
            done = within('ogr2ogr', '-f', 'ZONALSTATS', self.path('zonal.csv'), table, '-dsco', 'OUTPUT=SINGLE', *words, '-oo', 'WORKERS=' + kind)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(content(self.path('zonal.csv')), content(self.path('serial.csv')))

    def test_bad_options(self):
        table, near = self.inputs['points'], {'NEAR': self.near}
        for output, words, options, wanted in (
                ('bad.gpkg', (), {}, 'the name %s says no format: FORMAT=FlatGeobuf, CSV or GeoJSONSeq is needed' % self.path('bad.gpkg')),
                ('bad.gpkg', ('FORMAT=GPKG',), {}, 'OUTPUT=SINGLE writes FlatGeobuf, CSV or GeoJSONSeq'),
                ('bad.fgb', ('FORMAT=Nothing',), {}, 'GDAL has no vector driver of that name'),
                ('bad.fgb', ('PART_LCO=SPATIAL_INDEX=YES',), {'GEOMETRY': 'FROM'}, 'SPATIAL_INDEX=YES: OUTPUT=SINGLE writes rows in order'),
                ('bad.geojsonl', ('PART_LCO=ID_GENERATE=YES',), {}, 'ID_GENERATE'),
                ('bad.csv', (), {'GEOMETRY': 'LINE'}, 'PART_LCO=GEOMETRY=AS_WKT holds them'),
                ('bad.txt', ('FORMAT=FlatGeobuf',), {'GEOMETRY': 'FROM'}, 'for its ending'),
                ('bad.csv', ('PARTS=3',), {}, 'PARTS is an option of OUTPUT=PARTS'),
                ('bad.csv', ('RESUME=YES',), {}, 'RESUME is an option of OUTPUT=PARTS'),
                ('bad.csv', ('PARTITION=1/2',), {}, 'PARTITION is an option of OUTPUT=PARTS'),
                ('bad.csv', ('ASSEMBLE=YES',), {}, 'ASSEMBLE is an option of OUTPUT=PARTS'),
                ('bad.csv', ('PART_LCO=x',), {}, 'expected NAME=VALUE')):
            done = self.write(output, table, *[w for word in words for w in ('-dsco', word)], **{**near, **options})
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(wanted, done.stderr)
            self.assertFalse(os.path.exists(self.path(output)))
            self.assertEqual(self.left(), [])
        done = within('ogr2ogr', '-f', 'NEARTABLE', self.path('bad.csv'), 'NEARTABLE:' + table, '-dsco', 'OUTPUT=TILES', *oo(**near))
        self.assertIn('OUTPUT', done.stderr)
        done = self.write('bad.fgb', table, '-spat', '0', '0', '10', '10', GEOMETRY='FROM', **near)
        self.assertIn('a table with a filter', done.stderr)

    def test_an_input_is_no_output(self):
        table = shutil.copy(self.inputs['lines'], self.path('precious.fgb'))
        before = content(table)
        done = run('ogr2ogr', '-f', 'NEARTABLE', table, 'NEARTABLE:' + table, *oo(NEAR=self.near, GEOMETRY='FROM'), '-dsco', 'OUTPUT=SINGLE')
        self.assertEqual(done.returncode, 1)
        self.assertIn('is an input', done.stderr)
        self.assertEqual(content(table), before)

    def test_disk_full(self):
        """A file may not grow beyond a size: nothing stays that looks finished."""
        for kind in KINDS:
            for ending, size in (('fgb', 50000), ('csv', 9000), ('csv', 0)):
                def limit(size=size):
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
                done = subprocess.run(['ogr2ogr', '-f', 'NEARTABLE', self.path('full.' + ending), 'NEARTABLE:' + self.inputs['lines'], '-dsco',
                                       'OUTPUT=SINGLE', *oo(NEAR=self.near, GEOMETRY='FROM' if ending == 'fgb' else 'NONE', CLOSEST=5, WORKERS=kind)],
                                      preexec_fn=limit, stderr=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, 'full.%s cannot be written: .*File too large|File too large' % ending)
                self.assertFalse(os.path.exists(self.path('full.' + ending)))
                self.assertEqual(self.left(), [])

    def test_progress_and_cancel(self):
        table = gdal.OpenEx('NEARTABLE:' + self.inputs['points'], open_options=['NEAR=' + self.near, 'PARTITION_SIZE=100'])
        seen, driver = [], gdal.GetDriverByName('NEARTABLE')
        written = driver.CreateCopy(self.path('progress.csv'), table, options=['OUTPUT=SINGLE'], callback=lambda f, *_: seen.append(f) or 1)
        self.assertEqual(written.GetLayer(0).GetFeatureCount(), 900)
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(seen[-1], 1)
        self.assertGreater(len(set(seen)), 5)
        for last in (0, 0.3):
            with self.assertRaisesRegex(RuntimeError, 'terminated|cancelled'):
                driver.CreateCopy(self.path('cancel.csv'), table, options=['OUTPUT=SINGLE'], callback=lambda f, *_: f < last)
            self.assertFalse(os.path.exists(self.path('cancel.csv')))
            self.assertEqual(self.left(), [])

    def test_geojsonseq_gives_the_table(self):
        table = gdal.OpenEx('NEARTABLE:' + self.inputs['points'], open_options=['NEAR=' + self.near])
        written = gdal.GetDriverByName('NEARTABLE').CreateCopy(self.path('given.geojsonl'), table, options=['OUTPUT=SINGLE'])
        self.assertEqual(written.GetLayer(0).GetFeatureCount(), 900)
        with open(self.path('given.geojsonl'), encoding='utf-8') as file:
            self.assertEqual(len([json.loads(line) for line in file]), 900)

    def long(self, kind):
        """Seconds of work."""
        if not hasattr(TestSingle, 'many'):
            xy = rng('long').uniform(0, 1000, (40000, 2))
            TestSingle.many = make(self.path('many.fgb'), points(xy))
        return ['ogr2ogr', '-f', 'NEARTABLE', self.path('long.csv'), 'NEARTABLE:' + self.many, '-dsco', 'OUTPUT=SINGLE',
                *oo(NEAR=self.near, CLOSEST=60, WORKERS=kind, RETRIES=50, NUM_WORKERS=2, PARTITION_SIZE=500)]

    def test_killed_workers_cost_nothing(self):
        words = self.long('PROCESSES')
        want = content(self.serial('long.csv', self.many, NEAR=self.near, CLOSEST=60))
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        killed, end = 0, time.monotonic() + patience(60)
        while process.poll() is None and killed < 5 and time.monotonic() < end:
            workers = [worker for helper in children(process.pid) for worker in children(helper)]
            if workers and self.left():
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.kill(workers[0], signal.SIGKILL)
                    killed += 1
                time.sleep(0.05)
        self.assertEqual(process.wait(patience(60)), 0)
        self.assertGreater(killed, 0)
        self.assertEqual(content(self.path('long.csv')), want)

    def test_interrupted(self):
        """What SIGKILL leaves is under no name of a file, and SIGINT leaves no more."""
        for kind in KINDS:
            for number in (signal.SIGKILL, signal.SIGINT):
                if os.path.exists(self.path('long.csv')):
                    os.unlink(self.path('long.csv'))
                process = subprocess.Popen(self.long(kind), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                end = time.monotonic() + patience(30)
                while not self.left() and time.monotonic() < end:
                    time.sleep(0.005)
                time.sleep(0.1)
                process.send_signal(number)
                self.assertNotEqual(process.wait(patience(20)), 0)
                self.assertFalse(os.path.exists(self.path('long.csv')))
                for name in self.left():
                    shutil.rmtree(self.path(name))


def children(pid):
    try:
        with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
