"""Several readers at once, closing in the middle, and nothing left behind."""
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from osgeo import gdal

from near_brute import random_geometries
from near_common import NearCase, brief, listening, make, near, oo, points, processes, rng, rows_of, run, table
from common import BASE, files, patience, settled, threads, wait_for  # noqa: E402  (near_common knows where it is)


class Threads(NearCase):
    @classmethod
    def prepare(cls):
        generator = rng('threads')
        cls.files = {'gpkg': make(cls.path('a.gpkg'), points(generator.uniform(0, 1000, (4000, 2)))),
                     'shp': make(cls.path('a.shp'), random_geometries(generator, 'LineString', 1000, 1000, 10), kind=2),
                     'fgb': make(cls.path('a.fgb'), random_geometries(generator, 'Polygon', 1000, 1000, 10), kind=3)}
        cls.b = make(cls.path('b.gpkg'), random_geometries(generator, 'Any', 500, 1000, 10))

    def in_threads(self, functions):
        """Runs them all; the first exception is the test's."""
        errors = []

        def guarded(function):
            try:
                function()
            except BaseException as error:  # noqa: B902  handed to the main thread
                errors.append(error)
        started = [threading.Thread(target=guarded, args=(function,)) for function in functions]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join(patience(60))
            self.assertFalse(thread.is_alive(), 'a reader hangs')
        if errors:
            raise errors[0]

    def test_many_readers(self):
        want = {name: brief(table(path, NEAR=self.b, CLOSEST=2, NUM_WORKERS=1)) for name, path in self.files.items()}

        def reader(i):
            name = ('gpkg', 'shp', 'fgb')[i % 3]

            def read():
                for turn in range(2):
                    rows = brief(table(self.files[name], NEAR=self.b, CLOSEST=2, NUM_WORKERS=2, PARTITION_SIZE=(50, 'AUTO', 1000)[turn + i % 2]))
                    self.assertEqual(rows, want[name], name)
            return read
        self.in_threads([reader(i) for i in range(6)])
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))

    def test_opened_and_closed_by_other_threads(self):
        """Made in one thread, read in a second, closed in a third."""
        held = []

        def make_it():
            held.append(near(self.files['gpkg'], NEAR=self.b, NUM_WORKERS=2, PARTITION_SIZE=100))

        def read():
            layer = held[0].GetLayer(0)
            self.assertEqual(len(rows_of(layer, limit=1000)), 1000)

        def close():
            held.clear()
        for step in (make_it, read, close):
            self.in_threads([step])
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))

    def test_closed_in_the_middle(self):
        """Workers are busy when the dataset goes: it goes at once."""
        for name, path in self.files.items():
            for rows in (0, 1, 150, 999):
                dataset = near(path, NEAR=path, CLOSEST='ALL', NUM_WORKERS=3, PARTITION_SIZE=100)
                layer = dataset.GetLayer(0)
                for _ in range(rows):
                    layer.GetNextFeature()
                begin = time.monotonic()
                layer = dataset = None
                self.assertLess(time.monotonic() - begin, patience(2), name)
                self.assertTrue(settled(), '%s: %d threads left' % (name, threads() - BASE))

    def test_nothing_before_the_first_read(self):
        """Opening, and asking for names and types, starts no thread."""
        dataset = near(self.files['gpkg'], NEAR=self.b, NUM_WORKERS=4)
        layer = dataset.GetLayer(0)
        layer.GetLayerDefn().GetFieldCount()
        layer.GetName(), layer.GetSpatialRef(), layer.TestCapability('FastFeatureCount')
        self.assertTrue(settled())

    def test_files_are_closed(self):
        open_files = files()
        for name, path in self.files.items():
            for rows in (0, 10, 10**6):
                dataset = near(path, NEAR=self.b, NUM_WORKERS=3, PARTITION_SIZE=50)
                layer = dataset.GetLayer(0)
                rows_of(layer, limit=rows)
                layer = dataset = None
        self.assertTrue(wait_for(lambda: files() == open_files), '%d files left open' % (files() - open_files))

    def test_near_side_is_shared(self):
        """Seven workers do not hold seven near sides: 150,000 near points, once."""
        if 'LD_PRELOAD' in os.environ:
            self.skipTest('a sanitizer keeps freed memory')
        generator = rng('shared side')
        big = make(self.path('big.fgb'), points(generator.uniform(0, 1000, (150000, 2))), kind=1)
        from near_common import peak_kb
        used = [peak_kb('ogr2ogr', '-f', 'CSV', self.new('out.csv'), 'NEARTABLE:' + self.files['gpkg'], *oo(NEAR=big, NUM_WORKERS=workers, PARTITION_SIZE=100)) for workers in (1, 8)]
        self.assertLess(used[1] - used[0], 30 << 10, used)

    def test_interpreter_exit_with_open_datasets(self):
        """A program that ends without closing: no crash, no hang."""
        script = ('from osgeo import gdal\n'
                  'keep = [gdal.OpenEx("NEARTABLE:%s", gdal.OF_VECTOR, open_options=["NEAR=%s", "NUM_WORKERS=3", "PARTITION_SIZE=50", "CLOSEST=ALL"]) for i in range(3)]\n'
                  'layers = [d.GetLayer(0) for d in keep]\n'
                  'layers[0].GetNextFeature(); [layers[1].GetNextFeature() for i in range(3000)]\n'
                  'import builtins; builtins.keep = keep, layers\n' % (self.files['gpkg'], self.b))
        done = run(sys.executable, '-W', 'ignore', '-c', script, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        done = run(sys.executable, '-c', script + 'import os, sys; sys.stdout.flush(); os._exit(0)', timeout=20)
        self.assertEqual(done.returncode, 0)

    def test_forked(self):
        """A child reads with a dataset of its own after the parent has read, and while it has one open."""
        script = ('from osgeo import gdal; import os\n'
                  'def read():\n'
                  '    d = gdal.OpenEx("NEARTABLE:%s", gdal.OF_VECTOR, open_options=["NEAR=%s", "NUM_WORKERS=3", "PARTITION_SIZE=100"])\n'
                  '    l = d.GetLayer(0); return d, [(f.GetField(0), f.GetField(1), f.GetField(2)) for f in l]\n'
                  'd, want = read(); d = None\n'
                  'assert len(want) == 4000, len(want)\n'
                  'keep = None\n'
                  'for keep_open in (False, True):\n'
                  '    if keep_open: keep, _ = read()\n'
                  '    child = os.fork()\n'
                  '    if child == 0:\n'
                  '        d, got = read(); d = None\n'
                  '        os._exit(0 if got == want else 3)\n'
                  '    assert os.waitpid(child, 0)[1] == 0, keep_open\n'
                  'print("fine")\n' % (self.files['gpkg'], self.b))
        done = run(sys.executable, '-c', script, timeout=30)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, 'fine'), done.stderr)

    def busy(self, folder, *words):
        """ogr2ogr in the middle of a cross product of 16 million rows."""
        os.makedirs(folder, exist_ok=True)
        child = subprocess.Popen(['ogr2ogr', '-f', 'CSV', os.path.join(folder, 'out.csv'), 'NEARTABLE:' + self.files['gpkg'],
                                  *oo(NEAR=self.files['gpkg'], CLOSEST='ALL', LOCATION=True, NUM_WORKERS=3), *words], start_new_session=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(0.7)
        self.assertIsNone(child.poll(), 'it should still be busy')
        return child

    def test_killed(self):
        """SIGKILL, SIGTERM and SIGINT in the middle: no process and no file but the unfinished output stays."""
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            folder = self.path('kill%d' % number)
            child = self.busy(folder)
            child.send_signal(number)
            child.wait(patience(5))
            child.stderr.close()
            self.assertTrue(wait_for(lambda: child.pid not in [group for _, _, group in processes()], 2), 'a process of the group is left')
            self.assertLessEqual(set(os.listdir(folder)), {'out.csv'})

    def test_reader_that_goes_away(self):
        """A closed pipe ends the tool; it does not hang or crash in us."""
        child = subprocess.Popen(['ogr2ogr', '-f', 'CSV', '/vsistdout/', 'NEARTABLE:' + self.files['gpkg'], *oo(NEAR=self.files['gpkg'], CLOSEST=100)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertTrue(child.stdout.readline().startswith(b'IN_FID'))
        child.stdout.close()
        child.wait(patience(20))
        self.assertIn(child.returncode, (0, 1, -signal.SIGPIPE))

    def test_cancelled_translate(self):
        """gdal.VectorTranslate() stopped by its callback ends soon."""
        dataset = near(self.files['gpkg'], NEAR=self.files['gpkg'], CLOSEST=2000, NUM_WORKERS=3)
        begin = time.monotonic()
        calls = []
        with listening():
            try:
                gdal.VectorTranslate(self.new('cancelled.csv'), dataset, options=gdal.VectorTranslateOptions(format='CSV', callback=lambda f, m, d: calls.append(f) or 0))
            except RuntimeError:
                pass
        dataset = None
        self.assertTrue(calls, 'it was told of no progress')
        self.assertLess(time.monotonic() - begin, patience(5))
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))

    def test_many_tables_open(self):
        """Forty at once, each in the middle of its reading."""
        tables = [near(self.files['shp'], NEAR=self.b, NUM_WORKERS=2, PARTITION_SIZE=20 + i) for i in range(40)]
        layers = [dataset.GetLayer(0) for dataset in tables]
        want = brief(rows_of(layers[0]))
        for layer in layers:
            layer.ResetReading()
        for i in range(0, 200):
            for layer in layers[i % 7::7]:
                layer.GetNextFeature()
        for layer in layers:
            self.assertEqual(brief(rows_of(layer)), want)
        layer = layers = tables = None
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))

    def test_idle_threads(self):
        """A table that was read to its end keeps no CPU busy."""
        dataset = near(self.files['gpkg'], NEAR=self.b, NUM_WORKERS=4, PARTITION_SIZE=100)
        layer = dataset.GetLayer(0)
        self.assertEqual(len(rows_of(layer)), 4000)

        def is_idle():
            before = time.process_time()
            time.sleep(0.5)
            return time.process_time() - before < 0.2
        self.assertTrue(wait_for(is_idle))
        rows_of(layer, limit=10)
        self.assertTrue(wait_for(is_idle), 'in the middle of the table')


if __name__ == '__main__':
    unittest.main()
