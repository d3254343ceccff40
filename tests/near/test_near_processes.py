"""Worker processes: the same bytes as threads, whatever is killed; the near side once; nothing left behind."""
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from osgeo import gdal, ogr

from near_brute import random_geometries
from near_common import SEED, NearCase, brief, children, good, listening, make, near, oo, points, rng, rows_of, run, table, within
from common import BASE, config, files, patience, settled, threads, wait_for  # noqa: E402  (near_common knows where it is)

KIND = {'Point': ogr.wkbPoint, 'LineString': ogr.wkbLineString, 'Polygon': ogr.wkbPolygon}
ALL_COLUMNS = {'LOCATION': True, 'ANGLE': True, 'ALONG': True, 'FIELDS': '*', 'NEAR_FIELDS': '*'}
KINDS = ('THREADS', 'PROCESSES')
ALL_TESTS = os.environ.get('FISHNET_ALL_TESTS') == 'yes'
EACH = 30 if 'LD_PRELOAD' not in os.environ else 20  # near features of each in a long table, seconds of work; sanitizers are slow


def contents(path):
    with open(path, 'rb') as f:
        return f.read()


def family(process):
    """The helper of a host, and its workers."""
    for helper in children(process):
        yield helper
        yield from children(helper)


def workers_of(process):
    return [worker for helper in children(process) for worker in children(helper)]


def private_kb(process):
    """Memory that the process shares with nobody."""
    with open('/proc/%d/smaps_rollup' % process) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith('Private'))


def shared_kb(process):
    with open('/proc/%d/smaps_rollup' % process) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith('Rss'))


class ProcessCase(NearCase):
    def write(self, source, name='out.csv', more=(), **options):
        """What ogr2ogr writes of the table: this process is the host."""
        out = self.new(name)
        done = within('ogr2ogr', out, 'NEARTABLE:' + source, *oo(**options), *more)
        self.assertEqual((done.returncode, done.stderr), (0, ''), '%s %s' % (source, options))
        return contents(out)

    turn = 0

    def both(self, source, name='out.csv', more=(), **options):
        """Processes write what threads write: in many small tasks, or, in turns, in a few. `./run test all`: in both."""
        want = self.write(source, name, more, WORKERS='THREADS', NUM_WORKERS=1, **options)
        ProcessCase.turn += 1
        for number, size in ((3, 130), (2, 'AUTO')) if ALL_TESTS else [((3, 130), (2, 'AUTO'))[ProcessCase.turn % 2]]:
            got = self.write(source, name, more, WORKERS='PROCESSES', NUM_WORKERS=number, PARTITION_SIZE=size, **options)
            self.assertTrue(got == want, '%s %s: %d workers, size %s' % (source, options, number, size))
        return want

    def nothing_left(self):
        self.assertTrue(wait_for(lambda: not children(os.getpid()), 2), 'a helper process is left')
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))


class SameBytes(ProcessCase):
    N = 1000

    @classmethod
    def prepare(cls):
        cls.sides = {}
        for kind in KIND:
            generator = rng('processes', kind)
            inputs = random_geometries(generator, kind, cls.N, 3000, 15)
            fields = {'name': ['n%d' % i for i in range(cls.N)], 'v': [int(v) for v in generator.integers(0, 9, cls.N)]}
            for ending in ('gpkg', 'shp', 'fgb', 'csv', 'sqlite'):
                cls.sides[kind, ending] = make(cls.path('%s_%s.%s' % (kind, ending, ending)), inputs, fields=fields, kind=KIND[kind])
            nears = random_geometries(generator, kind, 400, 3000, 15)
            cls.sides[kind, 'near'] = make(cls.path('near_%s.gpkg' % kind), nears, fields={'label': ['x%d' % i for i in range(400)], 'v': [i % 9 for i in range(400)]})
        few = random_geometries(rng('few'), 'Point', 250, 3000)
        cls.few = {('Point', ending): make(cls.path('few.' + ending), few, kind=ogr.wkbPoint) for ending in ('gpkg', 'fgb')}
        globe = points(rng('degrees').uniform((-180, -90), (180, 90), (900, 2)))
        cls.degrees = make(cls.path('degrees.gpkg'), globe, epsg=4326)
        cls.geojson = make(cls.path('degrees.geojson'), globe, fields={'name': ['g%d' % i for i in range(900)]}, epsg=4326)

    def test_formats(self):
        """By FID, by number, and by passing over what others read."""
        for ending, way in (('gpkg', 'FID'), ('sqlite', 'FID'), ('shp', 'NUMBER'), ('fgb', 'ONE_READER'), ('csv', 'ONE_READER')):
            source = self.sides['Point', ending]
            self.assertGreater(self.both(source, NEAR=self.sides['Point', 'near'], CLOSEST=2, **ALL_COLUMNS).count(b'\n'), 2 * self.N)
            dataset = near(source, NEAR=self.sides['Point', 'near'], WORKERS='PROCESSES', NUM_WORKERS=2)
            dataset.GetLayer(0).GetNextFeature()
            self.assertEqual(dataset.GetMetadataItem('INPUT_READ_BY', 'FISHNET'), way, ending)
        self.both(self.geojson, NEAR=self.geojson, CLOSEST=2, NEAR_FIELDS='name')

    def test_kinds(self):
        for kind in ('LineString', 'Polygon'):
            for ending in ('gpkg', 'shp', 'fgb'):
                self.both(self.sides[kind, ending], NEAR=self.sides['Polygon' if kind == 'LineString' else 'LineString', 'near'], CLOSEST=3, **ALL_COLUMNS)

    def test_link_lines(self):
        self.both(self.sides['Polygon', 'fgb'], 'out.fgb', NEAR=self.sides['LineString', 'near'], GEOMETRY='LINE', CLOSEST=2, NEAR_FIELDS='label')

    def test_geopackage_output(self):
        """Features go another way than into text: every value with its bytes."""
        rows = []
        for kind in KINDS:
            out = self.new('out.gpkg')
            good('ogr2ogr', out, 'NEARTABLE:' + self.sides['Polygon', 'shp'], *oo(NEAR=self.sides['Point', 'near'], WORKERS=kind, NUM_WORKERS=3, PARTITION_SIZE=90, GEOMETRY='LINE', CLOSEST=2, **ALL_COLUMNS))
            base = sqlite3.connect(out)
            name, = base.execute('SELECT table_name FROM gpkg_contents').fetchone()
            rows.append(base.execute('SELECT * FROM "%s" ORDER BY fid' % name).fetchall())
            base.close()
        self.assertEqual(len(rows[0]), 2 * self.N)
        self.assertEqual(rows[0], rows[1])

    def test_geodesic(self):
        self.both(self.degrees, NEAR=self.degrees, CLOSEST=4, **dict(ALL_COLUMNS, FIELDS=(), NEAR_FIELDS=()))

    def test_transformed(self):
        """Coordinate transformations are made before and after the fork."""
        other = self.new('other.gpkg')
        good('ogr2ogr', '-t_srs', 'EPSG:4326', other, self.sides['LineString', 'near'])
        self.both(self.sides['Point', 'shp'], NEAR=other, LOCATION=True, NEAR_FIELDS='label')

    def test_match(self):
        for ending in ('gpkg', 'fgb'):
            self.both(self.sides['Point', ending], NEAR=self.sides['LineString', 'near'], MATCH='v', RADIUS=60, UNMATCHED='NULL', FIELDS='v', NEAR_FIELDS='v,label')

    def test_several_near_layers(self):
        for fields in ('label', '*'):
            self.both(self.sides['Polygon', 'gpkg'], NEAR=[self.sides[kind, 'near'] for kind in KIND], CLOSEST=5, NEAR_FIELDS=fields, ANGLE=True)

    def test_unmatched(self):
        for options in ({}, {'UNMATCHED': 'NULL'}):
            self.both(self.sides['Point', 'csv'], NEAR=self.sides['Point', 'near'], RADIUS=30, CLOSEST='ALL', **ALL_COLUMNS, **options)

    def test_where(self):
        for ending in ('gpkg', 'shp', 'fgb', 'csv'):
            self.both(self.sides['Point', ending], NEAR=self.sides['Point', 'near'], WHERE="v = '3'" if ending == 'csv' else 'v = 3', NEAR_WHERE='v < 5', FIELDS='v', NEAR_FIELDS='v')

    def test_many_parts(self):
        """A cross product: each task gives several parts, and each part has the fields of its near features once."""
        got = self.both(self.sides['Point', 'gpkg'], NEAR=self.sides['Point', 'near'], CLOSEST='ALL', NEAR_FIELDS='label')
        self.assertEqual(got.count(b'\n'), 400 * self.N + 1)

    def test_partitions(self):
        for ending in ('gpkg', 'shp', 'fgb'):
            options = dict(NEAR=self.sides['Point', 'near'], FIELDS='name', NEAR_FIELDS='label')
            want = self.write(self.sides['Point', ending], WORKERS='THREADS', **options).split(b'\n', 1)
            parts = [self.write(self.sides['Point', ending], WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION='%d/3' % i, PARTITION_SIZE=50, **options).split(b'\n', 1) for i in (1, 2, 3)]
            self.assertEqual([part[0] for part in parts], [want[0]] * 3)
            self.assertTrue(b''.join(part[1] for part in parts) == want[1], ending)

    def test_field_types(self):
        """Fields of near features travel with the rows: each type, NULL and unset."""
        fields = {('i', ogr.OFTInteger): [7, None, -2**31], ('j', ogr.OFTInteger64): [2**60, None, -5], ('r', ogr.OFTReal): [0.1, None, 1e300], ('s', ogr.OFTString): ['Grüße 日本', '', None],
                  ('d', ogr.OFTDate): ['2024/02/29', None, '1066/10/14'], ('dt', ogr.OFTDateTime): ['2024/02/29 12:34:56.789+00', None, '1999/12/31 23:59:59'],
                  ('b', ogr.OFTBinary): [b'\0\1\xff', None, b'x' * 3000]}
        lists = {('li', ogr.OFTInteger64List): [[1, 2**40], None, [3]], ('lr', ogr.OFTRealList): [[0.5, -1.5], None, [2.5]], ('ls', ogr.OFTStringList): [['a', 'bc'], None, ['é']],
                 ('t', ogr.OFTTime): ['12:34:56', None, '00:00:01']}
        spots = points([(0, 0), (10, 0), (20, 0)])
        a = make(self.new('a.gpkg'), points([(i - 100, 1) for i in range(200)]), epsg=4326)
        for b in (make(self.new('b.gpkg'), spots, fields=fields, epsg=4326), make(self.new('b.geojson'), spots, fields=lists, epsg=4326)):
            got = []
            for kind in KINDS:
                with listening():
                    rows = table(a, NEAR=b, NEAR_FIELDS='*', CLOSEST=2, RADIUS=80, METHOD='PLANAR', UNMATCHED='NULL', WORKERS=kind, NUM_WORKERS=2, PARTITION_SIZE=30)
                got.append([repr(vars(row)) for row in rows])
            self.assertGreater(len(got[0]), 300)
            self.assertGreater(sum('NEAR_FID=-1' in row or "'NEAR_FID': -1" in row for row in got[0]), 5)
            self.assertEqual(got[0], got[1])

    def test_count(self):
        for options in ({}, {'CLOSEST': 3}, {'CLOSEST': 'ALL'}, {'UNMATCHED': 'NULL'}, {'RADIUS': 40}, {'RADIUS': 40, 'UNMATCHED': 'NULL'}, {'CLOSEST': 500}):
            for ending in ('gpkg', 'fgb'):
                counts = []
                source = (self.few if options.get('CLOSEST', 1) in ('ALL', 500) else self.sides)['Point', ending]
                for kind in KINDS:
                    dataset = near(source, NEAR=self.sides['Point', 'near'], WORKERS=kind, NUM_WORKERS=2, PARTITION_SIZE=100, **options)
                    layer = dataset.GetLayer(0)
                    counts += [layer.GetFeatureCount(), sum(1 for _ in layer)]
                self.assertEqual(len(set(counts)), 1, '%s %s' % (options, counts))
        dataset = layer = None
        self.nothing_left()

    def test_get_feature_and_arrow(self):
        options = dict(NEAR=self.sides['Point', 'near'], CLOSEST=3, NUM_WORKERS=2, PARTITION_SIZE=100, FIELDS='name', NEAR_FIELDS='label,v')
        got = []
        for kind in KINDS:
            dataset = near(self.sides['Point', 'shp'], WORKERS=kind, **options)
            layer = dataset.GetLayer(0)
            rows = [layer.GetFeature(fid).ExportToJson() for fid in (1, 2999, 3000, 1, 1500)]
            stream = layer.GetArrowStreamAsNumPy()
            arrays = [{key: values.tolist() for key, values in part.items()} for part in stream]
            del stream
            columns = {key: [value for part in arrays for value in part[key]] for key in arrays[0]}
            got.append((rows, columns))
        self.assertEqual(len(got[0][1]['IN_FID']), 3000)
        self.assertEqual(got[0], got[1])

    def test_reading_in_turns(self):
        """A count and a feature by its number in the middle of reading: helpers of their own, and the reader goes on."""
        dataset = near(self.sides['Point', 'fgb'], NEAR=self.sides['Point', 'near'], RADIUS=60, NEAR_FIELDS='label', WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION_SIZE=50)
        layer = dataset.GetLayer(0)
        want = brief(table(self.sides['Point', 'fgb'], NEAR=self.sides['Point', 'near'], RADIUS=60, WORKERS='THREADS'))
        first = brief(rows_of(layer, limit=100))
        self.assertEqual(layer.GetFeatureCount(), len(want))
        self.assertEqual(layer.GetFeature(7).GetField('IN_FID'), want[6][0])
        self.assertEqual(first + brief(rows_of(layer, reset=False)), want)
        for limit in (0, 1, 49, 300, 5000):
            self.assertEqual(brief(rows_of(layer, limit=limit)), want[:limit])
        layer = dataset = None
        self.nothing_left()


class Lives(ProcessCase):
    @classmethod
    def prepare(cls):
        generator = rng('lives')
        cls.xy = generator.uniform(0, 1000, (4000, 2))
        names = {'name': ['n%d' % i for i in range(4000)]}
        cls.a = {ending: make(cls.path('a.' + ending), points(cls.xy), fields=names, kind=1) for ending in ('gpkg', 'fgb')}
        cls.b = make(cls.path('b.gpkg'), random_geometries(generator, 'Any', 500, 1000, 10), fields={'label': ['x%d' % i for i in range(500)]})
        cls.long = {'NEAR': cls.b, 'CLOSEST': EACH, 'LOCATION': True, 'FIELDS': 'name', 'NEAR_FIELDS': 'label'}

    def start(self, out, source, *more, **options):
        return subprocess.Popen(['ogr2ogr', out, 'NEARTABLE:' + source, *oo(**{**self.long, 'WORKERS': 'PROCESSES', 'NUM_WORKERS': 2, 'PARTITION_SIZE': 100, **options}), *more],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)

    def end(self, child):
        said = child.communicate(timeout=patience(100))[1].decode()
        self.assertEqual((child.returncode, said), (0, ''))

    def want(self, ending):
        name = self.path('want_%s.csv' % ending)
        if not os.path.exists(name):
            good('ogr2ogr', name, 'NEARTABLE:' + self.a[ending], *oo(WORKERS='THREADS', **self.long))
        return contents(name)

    def test_workers_are_killed(self):
        """Any worker, at any time, by several signals: nobody notices."""
        chance = random.Random(SEED)
        for ending in ('gpkg', 'fgb'):
            want, out = self.want(ending), self.new('killed.csv')
            kills = runs = 0
            while kills < 4:  # on a busy machine a table may be done before its workers are seen
                runs += 1
                self.assertLess(runs, 10, 'the table is too short')
                child = self.start(out, self.a[ending], RETRIES=20)
                while child.poll() is None:
                    time.sleep(chance.uniform(0, 0.05))
                    victims = workers_of(child.pid)
                    if victims and kills < 12:
                        try:
                            os.kill(chance.choice(victims), chance.choice((signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM)))
                            kills += 1
                        except ProcessLookupError:
                            pass
                self.end(child)
                self.assertTrue(contents(out) == want, ending)
                os.unlink(out)

    def test_helper_is_killed(self):
        """Then the index is built anew."""
        for ending in ('gpkg', 'fgb'):
            want, out = self.want(ending), self.new('helper.csv')
            child = self.start(out, self.a[ending], RETRIES=10)
            kills = 0
            while child.poll() is None and kills < 3:
                if wait_for(lambda: workers_of(child.pid) or child.poll() is not None, 20) and child.poll() is None:
                    time.sleep(0.1)
                    for helper in children(child.pid):
                        with contextlib.suppress(ProcessLookupError):  # it has ended
                            os.kill(helper, signal.SIGKILL)
                            kills += 1
                        self.assertTrue(wait_for(lambda: helper not in children(child.pid)))
            self.end(child)
            self.assertGreaterEqual(kills, 1)
            self.assertTrue(contents(out) == want, ending)

    def test_worker_hangs(self):
        """TASK_TIMEOUT ends it."""
        want, out = self.want('gpkg'), self.new('hung.csv')
        child = self.start(out, self.a['gpkg'], TASK_TIMEOUT='%.1f' % patience(1))
        self.assertTrue(wait_for(lambda: workers_of(child.pid), 20))
        time.sleep(0.1)
        os.kill(workers_of(child.pid)[0], signal.SIGSTOP)
        self.end(child)
        self.assertTrue(contents(out) == want)

    def test_never_a_short_table(self):
        """Workers that die each time: an error that names the range, the signal and how often, and no row that is not right."""
        out = self.new('short.csv')
        child = self.start(out, self.a['gpkg'], RETRIES=1, PARTITION_SIZE=2000)  # a second of work: no worker ends before it is seen
        stop = threading.Event()

        def kill_all():
            while not stop.is_set():
                for worker in workers_of(child.pid):
                    try:
                        os.kill(worker, signal.SIGSEGV)
                    except ProcessLookupError:
                        pass
        killer = threading.Thread(target=kill_all)
        killer.start()
        said = child.communicate(timeout=patience(60))[1].decode()
        stop.set()
        killer.join()
        self.assertEqual(child.returncode, 1, said)
        self.assertRegex(said, r'FIDs \d+ to \d+: worker process \d+ was killed by signal 11 \(SIGSEGV\) \(tried 2 times\)')
        lines = contents(out).split(b'\n') if os.path.exists(out) else []
        self.assertLess(len(lines), EACH * 4000)
        self.assertEqual(lines[:-1], self.want('gpkg').split(b'\n')[:len(lines) - 1])

    def test_what_is_reported(self):
        """The metadata tell of the kind of worker and of attempts that were repeated; debug messages of each."""
        dataset = near(self.a['gpkg'], WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION_SIZE=20, RETRIES=5, **self.long)
        layer = dataset.GetLayer(0)
        self.assertEqual(dataset.GetMetadataItem('WORKER_KIND', 'FISHNET'), 'PROCESSES')
        self.assertIsNone(dataset.GetMetadataItem('NEAR_FEATURES', 'FISHNET'))
        victims, rows = set(), 0
        with config('CPL_DEBUG', 'FISHNET'), listening() as said:
            for _ in iter(layer.GetNextFeature, None):
                rows += 1
                for victim in workers_of(os.getpid())[:1] if rows % 6000 == 1 else ():  # some of them have no task just then
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
                        victims.add(victim)
            self.assertEqual(rows, EACH * 4000)
            layer.GetNextFeature()
        self.assertEqual(dataset.GetMetadataItem('NEAR_FEATURES', 'FISHNET'), '500')
        self.assertGreaterEqual(int(dataset.GetMetadataItem('TASKS_REPEATED', 'FISHNET')), 1)
        killed = [int(text.split(' was killed by signal 9 (SIGKILL')[0].split()[-1]) for text in said.debugs()
                  if ' was killed by signal 9 (SIGKILL' in text and text.endswith('; again')]
        self.assertTrue(killed and victims.issuperset(killed), (killed, victims, said.debugs()[:20]))
        self.assertEqual((said.warnings(), said.errors()), ([], []))

    def test_one_index(self):
        """It is built before the fork: workers have little memory of their own, and a count, two readings and a reset have one helper."""
        big = make(self.new('big.fgb'), points(rng('one index').uniform(0, 1000, (300000, 2))), kind=1)
        dataset = near(self.a['gpkg'], NEAR=big, CLOSEST=3, RADIUS=500, WORKERS='PROCESSES', NUM_WORKERS=4, PARTITION_SIZE=20)
        layer = dataset.GetLayer(0)
        self.assertEqual(layer.GetFeatureCount(), 12000)
        helpers = children(os.getpid())
        self.assertEqual(len(helpers), 1)
        self.assertFalse(workers_of(os.getpid()), 'no worker without a reader')
        for _ in range(2):
            rows_of(layer, limit=5000)
            self.assertEqual(children(os.getpid()), helpers)
            workers = workers_of(os.getpid())
            self.assertTrue(1 <= len(workers) <= 4, workers)  # one begins with its first task
            if 'LD_PRELOAD' not in os.environ:
                index = shared_kb(helpers[0])
                self.assertGreater(index, 9000 + 12 * 1024, 'the index')
                for worker in workers:
                    self.assertLess(private_kb(worker), 9000, 'index of %d kB' % index)
            self.assertEqual(len(rows_of(layer)), 12000)
        self.assertEqual(children(os.getpid()), helpers)

    def test_nothing_left(self):
        open_files = files()
        for rows in (None, 0, 1, 1000, 10**6):
            dataset = near(self.a['fgb'], NEAR=self.b, CLOSEST=5, WORKERS='PROCESSES', NUM_WORKERS=3, PARTITION_SIZE=50)
            layer = dataset.GetLayer(0)
            if rows is not None:
                rows_of(layer, limit=rows)
            begin = time.monotonic()
            layer = dataset = None
            self.assertLess(time.monotonic() - begin, patience(2))
            self.nothing_left()
        self.assertTrue(wait_for(lambda: files() == open_files), '%d files left open' % (files() - open_files))

    def test_nothing_before_the_first_read(self):
        dataset = near(self.a['gpkg'], NEAR=self.b, WORKERS='PROCESSES')
        layer = dataset.GetLayer(0)
        layer.GetLayerDefn().GetFieldCount()
        layer.GetName(), layer.GetSpatialRef(), layer.TestCapability('FastFeatureCount')
        self.assertTrue(settled())
        self.assertEqual(children(os.getpid()), [])

    def test_host_is_killed(self):
        for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
            child = self.start(self.new('host.csv'), self.a['gpkg'], CLOSEST='ALL')
            self.assertTrue(wait_for(lambda: len(workers_of(child.pid)) == 2, 20))
            all_of_it = list(family(child.pid))
            child.send_signal(number)
            child.wait(patience(5))
            child.stderr.close()
            self.assertTrue(wait_for(lambda: not [p for p in all_of_it if running(p)], 2), 'after signal %d' % number)

    def test_several_at_once(self):
        """Eight threads of the host, each with a table of its own."""
        want = brief(table(self.a['gpkg'], NEAR=self.b, WORKERS='THREADS'))
        errors = []

        def read():
            try:
                for _ in range(2):
                    rows = brief(table(self.a['gpkg'], NEAR=self.b, WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION_SIZE=500))
                    self.assertEqual(rows, want)
            except BaseException as error:  # noqa: B902  handed to the main thread
                errors.append(error)
        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(patience(100))
            self.assertFalse(reader.is_alive(), 'a reader hangs')
        if errors:
            raise errors[0]
        self.nothing_left()


def running(process):
    try:
        with open('/proc/%d/stat' % process) as f:
            return f.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


class Refused(ProcessCase):
    @classmethod
    def prepare(cls):
        cls.xy = rng('refused').uniform(0, 100, (3000, 2))
        fields = {'n': range(3000), 's': ['text %d' % i for i in range(3000)]}
        cls.a = make(cls.path('a.gpkg'), points(cls.xy), fields=fields, layer='one')
        cls.b = make(cls.path('b.gpkg'), points(cls.xy[:50] + 1), fields={'n': range(50)}, layer='near')

    def test_memory_of_this_process(self):
        """Found out at open, with what to do."""
        for name in ('/vsimem/a.gpkg', '/vsimem/a.shp'):
            gdal.VectorTranslate(name, self.a)
        for source, options in (('/vsimem/a.gpkg', {'NEAR': self.b}), (self.b, {'NEAR': '/vsimem/a.gpkg'}), (self.b, {'NEAR': [self.a, '/vsimem/a.shp']}), ('/vsimem/a.shp', {'NEAR': '/vsimem/a.gpkg'})):
            with listening() as said:
                try:
                    dataset = near(source, WORKERS='PROCESSES', **options)
                except RuntimeError as error:
                    dataset = None
                    said.seen.append((gdal.CE_Failure, str(error)))
            self.assertIsNone(dataset, 'refused by opening, not by reading')
            message = '\n'.join(said.errors())
            for word in ('/vsimem/a.', 'memory of this process', 'WORKERS=THREADS'):
                self.assertIn(word, message)
            self.assertTrue(table(source, WORKERS='THREADS', **options))
        for name in ('/vsimem/a.gpkg', '/vsimem/a.shp', '/vsimem/a.dbf', '/vsimem/a.shx', '/vsimem/a.prj'):
            gdal.Unlink(name)

    def test_options(self):
        with config('FISHNET_WORKERS', 'PROCESSES'):
            self.assertEqual(near(self.a, NEAR=self.b).GetMetadataItem('WORKER_KIND', 'FISHNET'), 'PROCESSES')
            self.assertEqual(near(self.a, NEAR=self.b, WORKERS='THREADS').GetMetadataItem('WORKER_KIND', 'FISHNET'), 'THREADS')
        self.assertEqual(near(self.a, NEAR=self.b, WORKERS='processes').GetMetadataItem('WORKER_KIND', 'FISHNET'), 'PROCESSES')

    def damaged(self, path):
        """A GeoPackage with one bad page in the middle of its table."""
        name = self.new('damaged.gpkg')
        good('ogr2ogr', name, path, '-nln', 'one', '-lco', 'SPATIAL_INDEX=NO')
        with open(name, 'r+b') as f:
            f.seek(os.path.getsize(name) // 2 // 4096 * 4096)
            page = f.read(4096)
            f.seek(-4096, 1)
            f.write(b'\xee' * 4096)
        return name, page

    def errors(self, source, **options):
        done = run('ogr2ogr', self.new('out.csv'), 'NEARTABLE:' + source, *oo(**options))
        self.assertEqual(done.returncode, 1, done.stderr)
        return [line for line in done.stderr.split('\n') if 'NEARTABLE' in line]

    def test_near_side_that_cannot_be_read(self):
        name, _ = self.damaged(self.a)
        for retries in (0, 2):
            texts = [self.errors(self.b, NEAR=name, WORKERS=kind, RETRIES=retries) for kind in KINDS]
            self.assertEqual(len(texts[1]), 1, texts)
            self.assertEqual(texts[0], texts[1])
            for word in [os.path.basename(name), 'cannot be read after'] + ['tried 3 times'] * (retries > 0):
                self.assertIn(word, texts[1][0])

    def test_input_that_cannot_be_read(self):
        """The same words, whoever reads; each attempt fails alike."""
        gpkg, _ = self.damaged(self.a)
        fgb = self.truncated()
        for source in (gpkg, fgb):
            texts = [self.errors(source, NEAR=self.b, WORKERS=kind, NUM_WORKERS=2, PARTITION_SIZE=200) for kind in KINDS]
            self.assertEqual(len(texts[0]), 1, texts)
            self.assertEqual(texts[0], texts[1])
            self.assertRegex(texts[0][0], r'(FIDs|features) \d+ to \d+ of layer .*%s.* cannot be read: .*\(tried 3 times\)' % os.path.basename(source))

    def truncated(self):
        """Read by one reader."""
        whole = make(self.new('whole.fgb'), points(self.xy), fields={'s': ['x' * 40] * len(self.xy)}, kind=1)
        data = contents(whole)
        short = self.new('short.fgb')
        with open(short, 'wb') as f:
            f.write(data[:len(data) * 3 // 4])
        return short

    def failing_for_a_while(self, what):
        """A file with a part that cannot be read, and what mends it: at the same time of change, or it would be another input."""
        if what == 'reader':
            name = make(self.new('whole.fgb'), points(self.xy), fields={'s': ['x' * 40] * len(self.xy)}, kind=1)
            at = os.path.getsize(name) * 3 // 4
            rest = contents(name)[at:]
            with open(name, 'r+b') as f:
                f.seek(at)
                f.write(b'\xee' * len(rest))
        else:
            name, rest = self.damaged(self.a)
            at = os.path.getsize(name) // 2 // 4096 * 4096
        state = os.stat(name)

        def mend():
            with open(name, 'r+b') as f:
                f.seek(at)
                f.write(rest)
            os.utime(name, ns=(state.st_atime_ns, state.st_mtime_ns))
        return name, mend

    def test_failure_that_passes(self):
        """The file is whole again while a task is being tried again: nothing is lost, in threads and in processes."""
        for kind in KINDS:
            for what in ('input', 'near', 'reader'):
                name, mend = self.failing_for_a_while(what)
                options = dict(WORKERS=kind, NUM_WORKERS=2, PARTITION_SIZE=100, RETRIES=8)
                source, other = (self.b, name) if what == 'near' else (name, self.b)
                out = self.new('passes.csv')
                child = subprocess.Popen(['ogr2ogr', out, 'NEARTABLE:' + source, *oo(NEAR=other, **options)], stderr=subprocess.PIPE,
                                         env=dict(os.environ, CPL_DEBUG='FISHNET'), start_new_session=True)
                said = ''
                while ' by worker ' not in said and '; again' not in said:
                    line = child.stderr.readline().decode()
                    self.assertTrue(line, said)
                    said += line
                time.sleep(1)  # attempts are reported when there are rows; the pauses between them are longer by now
                os.killpg(child.pid, signal.SIGSTOP)  # nobody sees it half mended
                mend()
                os.killpg(child.pid, signal.SIGCONT)
                said += child.communicate(timeout=patience(60))[1].decode()
                self.assertEqual(child.returncode, 0, '%s %s\n%s' % (kind, what, said[-2000:]))
                self.assertIn('; again', said, '%s %s' % (kind, what))
                again = self.new('want.csv')
                good('ogr2ogr', again, 'NEARTABLE:' + source, *oo(NEAR=other, WORKERS='THREADS'))
                self.assertTrue(contents(out) == contents(again), '%s %s' % (kind, what))

    def test_input_has_changed(self):
        """Another table than the one that was opened is not computed in its place."""
        name = self.new('changing.gpkg')
        good('ogr2ogr', name, self.a, '-nln', 'one')
        dataset = near(name, NEAR=self.b, FIELDS='s', WORKERS='PROCESSES')
        other = self.new('other.gpkg')
        good('ogr2ogr', other, self.a, '-nln', 'one', '-sql', 'SELECT s, n, geom FROM one')
        os.replace(other, name)
        with listening() as said:
            with self.assertRaises(RuntimeError) as caught:
                rows_of(dataset.GetLayer(0))
        said.seen.append((gdal.CE_Failure, str(caught.exception)))
        self.assertTrue(any('has changed since it was opened' in text for text in said.errors()), said.seen)

    def test_relative_names(self):
        """They mean what they meant when the table was opened, wherever the host goes."""
        here = os.getcwd()
        want = brief(table(self.a, NEAR=self.b, WORKERS='THREADS'))
        try:
            os.chdir(self.folder)
            dataset = near('a.gpkg', NEAR='b.gpkg', WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION_SIZE=500)
            os.chdir('/')
            self.assertEqual(brief(rows_of(dataset.GetLayer(0))), want)
        finally:
            os.chdir(here)

    def test_warnings_come_once(self):
        """What reading the near side gives to say is said by the host, once, however often the table is read."""
        b = make(self.new('b.gpkg'), points(self.xy[:20]) + [None, 'POINT EMPTY'])
        dataset = near(self.a, NEAR=b, CLOSEST=2, RADIUS=1000, WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION_SIZE=300)
        layer = dataset.GetLayer(0)
        with listening() as said:
            self.assertEqual(len(rows_of(layer, limit=10)), 10)
            self.assertEqual(layer.GetFeatureCount(), 6000)  # in the middle of reading: by another helper
            for _ in range(2):
                self.assertEqual(len(rows_of(layer)), 6000)
        self.assertEqual([text for text in said.warnings() if '2 of 22 near features' in text], said.warnings())
        self.assertEqual(len(said.warnings()), 1)

    def test_warnings_of_workers(self):
        """With the range and the process in front, once: not by those that pass over the feature."""
        name = make(self.new('odd.csv'), points(self.xy), fields={'n': [i if i % 700 != 699 else 123456 for i in range(3000)]})
        with open(name) as f:
            text = f.read()
        with open(name, 'w') as f:
            f.write(text.replace('123456', 'odd'))
        said = {}
        for kind in KINDS:
            with listening() as heard:
                said[kind] = brief(table(name, NEAR=self.b, FIELDS='n', WORKERS=kind, NUM_WORKERS=3, PARTITION_SIZE=300))
            said[kind, 'warnings'] = [text for text in heard.warnings() if 'record 700' in text]
        self.assertEqual(said['THREADS'], said['PROCESSES'])
        plain, = said['THREADS', 'warnings']
        with_context, = said['PROCESSES', 'warnings']
        self.assertRegex(with_context, r'^features 600 to 899, worker process \d+: ')
        self.assertEqual(with_context.split(': ', 1)[1], plain)

    def test_secrets_are_not_shown(self):
        """Configuration options reach the workers, and `ps` does not show them."""
        with config('AWS_SECRET_ACCESS_KEY', 'very-secret-key'):
            dataset = near(self.a, NEAR=self.b, CLOSEST=50, WORKERS='PROCESSES', NUM_WORKERS=2, PARTITION_SIZE=100)
            layer = dataset.GetLayer(0)
            processes = []
            for row, _ in enumerate(iter(layer.GetNextFeature, None)):  # until both have begun
                processes = list(family(os.getpid())) if row % 500 == 0 else processes
                if len(processes) == 3:
                    break
            self.assertGreaterEqual(len(processes), 2)
            for process in processes:
                for name in ('cmdline', 'environ'):
                    self.assertNotIn(b'very-secret-key', contents('/proc/%d/%s' % (process, name)))


if __name__ == '__main__':
    sys.exit(unittest.main())
