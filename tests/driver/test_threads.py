"""Several readers at once, cancellation, and nothing left behind."""
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

import numpy as np
from osgeo import gdal

from common import BASE, Case, files, fishnet, oo, patience, real, run, settled, threads, wait_for, write

NAN = np.nan
FEWER = 3 if os.environ.get('FISHNET_WORKERS') == 'PROCESSES' else 1  # each dataset starts a helper


class Threads(Case):
    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 1500, 1100)
        source[300:500, 700:900] = -999
        cls.a = write(cls.path('a.tif'), source, -999, options=['TILED=YES', 'COMPRESS=DEFLATE'])
        value = np.where(source == -999, NAN, source.astype(np.float64))
        cls.want = np.sqrt(value).astype(np.float32)
        cls.value = value

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
            thread.join(patience(50))
            self.assertFalse(thread.is_alive(), 'a reader hangs')
        if errors:
            raise errors[0]

    def test_four_threads(self):
        """Each with its own FISHNET dataset of the one file, and its own expression."""
        def reader(i):
            def read():
                for _ in range(3):
                    dataset = fishnet(self.a, 'A*%d - sqrt(A)' % (i + 1), OT='Float64', NUM_WORKERS=2, TILE_SIZE=[256, '300x100', 'AUTO', 512][i])
                    self.same(dataset.ReadAsArray(), self.value * (i + 1) - np.sqrt(self.value), 'thread %d' % i)
            return read
        self.in_threads([reader(i) for i in range(4)])

    def test_like_a_map(self):
        """Random 256x256 windows at random zooms in several threads, datasets opened and closed now and then, as QGIS does."""
        small = write(self.path('overviews.tif'), np.nan_to_num(self.value, nan=-999).astype(np.float32), -999, options=['TILED=YES'])
        gdal.Open(small, gdal.GA_Update).BuildOverviews('NEAREST', [2, 4])
        levels = [self.want] + [fishnet(small, 'sqrt(A)').GetRasterBand(1).GetOverview(i).ReadAsArray() for i in (0, 1)]

        def reader(seed):
            def read():
                rng = np.random.default_rng(seed)
                dataset = None
                for turn in range(150 // FEWER):
                    if dataset is None or turn % 40 == 39:
                        dataset = fishnet(small, 'sqrt(A)', NUM_WORKERS=2, CACHE_MB=4)
                    level = int(rng.integers(0, 3))
                    band = dataset.GetRasterBand(1)
                    band = band if level == 0 else band.GetOverview(level - 1)
                    w, h = min(256, band.XSize), min(256, band.YSize)
                    x, y = int(rng.integers(0, band.XSize - w + 1)), int(rng.integers(0, band.YSize - h + 1))
                    self.same(band.ReadAsArray(x, y, w, h), levels[level][y:y + h, x:x + w], 'level %d' % level)
            return read
        self.in_threads([reader(i) for i in range(4)])

    def test_opened_here_read_there(self):
        """A dataset may be opened in one thread, read in another, closed in a third."""
        box = {}

        def open_it():
            box['dataset'] = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=2)

        def read_it():
            box['pixels'] = box['dataset'].ReadAsArray()

        def close_it():
            del box['dataset']
        for step in (open_it, read_it, close_it):
            self.in_threads([step])
        self.same(box['pixels'], self.want)

    def test_no_thread_before_the_first_read(self):
        self.assertTrue(settled())
        dataset = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=4)
        dataset.GetMetadata('FISHNET')
        dataset.GetRasterBand(1).GetNoDataValue()
        self.assertEqual(threads(), BASE)
        dataset.ReadAsArray(0, 0, 10, 10)
        self.assertGreater(threads(), BASE)
        dataset = None
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))

    def test_open_and_close(self):
        """Many datasets that nobody reads, many that are read a little: no thread and no file stays, and it is quick."""
        fishnet(self.a, 'sqrt(A)').ReadAsArray(0, 0, 1, 1)
        self.assertTrue(settled())
        open_files = files()
        begin = time.monotonic()
        for _ in range(300):
            fishnet(self.a, 'sqrt(A)')
        self.assertLess(time.monotonic() - begin, patience(10))
        for i in range(60 // FEWER):
            fishnet(self.a, 'sqrt(A)', NUM_WORKERS=4, TILE_SIZE=64).ReadAsArray(i, i, 5, 5)
        many = [fishnet(self.a, 'A+%d' % i, NUM_WORKERS=2) for i in range(40 // FEWER)]
        for i, dataset in enumerate(many):
            self.assertEqual(dataset.ReadAsArray(3, 3, 1, 1)[0, 0], np.float32(self.value[3, 3] + i))
        del many, dataset
        self.assertTrue(settled(), '%d threads left' % (threads() - BASE))
        self.assertTrue(wait_for(lambda: files() == open_files), '%d files left open' % (files() - open_files))

    def test_closed_in_the_middle(self):
        """Workers are busy reading ahead when the dataset goes: it goes at once."""
        heavy = '+'.join('sin(A*%d)' % i for i in range(1, 60))
        for tile in (64, 256):
            dataset = fishnet(self.a, heavy, NUM_WORKERS=3, TILE_SIZE=tile)
            dataset.AdviseRead(0, 0, 1500, 1100)
            dataset.ReadAsArray(0, 0, tile, tile)
            dataset.ReadAsArray(0, tile, tile, tile)
            begin = time.monotonic()
            dataset = None
            self.assertLess(time.monotonic() - begin, patience(2))
            self.assertTrue(settled())

    def test_closed_by_the_dataset_pool(self):
        """A VRT closes its sources while it holds GDAL's mutex for datasets, which the workers need too: no deadlock, and no crash of
        the pool, which counts the VRTs that are opened and closed under it in another way than those outside."""
        mosaic = self.path('mosaic.vrt')
        gdal.BuildVRT(mosaic, [self.a]).FlushCache()
        heavy = '+'.join('sin(A*%d)' % i for i in range(1, 30))
        for source in (self.a, mosaic):
            outer = self.path('outer.vrt')
            with open(outer, 'w') as f:
                f.write('<VRTDataset rasterXSize="1500" rasterYSize="1100"><VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename '
                        'relativeToVRT="0">FISHNET:%s</SourceFilename><OpenOptions><OOI key="CALC">%s</OOI><OOI key="TILE_SIZE">64</OOI>'
                        '<OOI key="NUM_WORKERS">3</OOI></OpenOptions></SimpleSource></VRTRasterBand></VRTDataset>' % (source, heavy))
            for _ in range(40):
                dataset = gdal.Open(outer)
                dataset.AdviseRead(0, 0, 1500, 1100)
                dataset.ReadAsArray(0, 0, 64, 64)
                dataset.ReadAsArray(0, 64, 64, 64)
                dataset = None

    def cost(self, heavy):
        """Seconds that one 64x64 tile and all tiles take, all on one worker."""
        dataset = fishnet(self.a, heavy, NUM_WORKERS=1, TILE_SIZE=64)
        dataset.ReadAsArray(0, 0, 1, 1)
        begin = time.monotonic()
        dataset.ReadAsArray(128, 128, 256, 256)
        tile = (time.monotonic() - begin) / 16
        return tile, tile * 24 * 18

    def heavy(self):
        return '+'.join('sin(A*%d)*cos(A/%d)*atan(A-%d)' % (i, i, i) for i in range(1, 150))

    def test_cancelled_read(self):
        """A progress function that returns 0 stops a read within a tile's time, and the dataset can be read again."""
        heavy = self.heavy()
        tile, whole = self.cost(heavy)
        for workers in (1, 3):
            dataset = fishnet(self.a, heavy, NUM_WORKERS=workers, TILE_SIZE=64)
            calls = []

            def stop(fraction, message, data):
                calls.append(fraction)
                return 0
            begin = time.monotonic()
            with self.assertRaises(RuntimeError):
                if dataset.ReadAsArray(callback=stop) is None:
                    raise RuntimeError('no pixels')
            took = time.monotonic() - begin
            self.assertTrue(calls)
            self.assertLess(took, patience(0.3) + tile * 10 * workers, 'the whole read would take %.1f s' % whole)
            self.assertLess(took, whole / 2)
            first = dataset.ReadAsArray(0, 0, 64, 64)
            self.same(fishnet(self.a, heavy, NUM_WORKERS=1, TILE_SIZE=64).ReadAsArray(0, 0, 64, 64), first)
            begin = time.monotonic()
            dataset = None
            self.assertLess(time.monotonic() - begin, patience(0.3) + tile * 10 * workers)

    def test_progress_of_a_read(self):
        """It rises to 1, for datasets and bands."""
        dataset = fishnet(self.a, 'sqrt(A)', TILE_SIZE=256)
        for source in (dataset, dataset.GetRasterBand(1)):
            seen = []

            def note(fraction, message, data):
                seen.append(fraction)
                return 1
            self.same(source.ReadAsArray(callback=note), self.want)
            self.assertEqual(seen, sorted(seen))
            self.assertAlmostEqual(seen[-1], 1.0)
            self.assertGreater(len(seen), 3)

    def test_cancelled_translate(self):
        """gdal.Translate() stopped by its callback: no file that looks complete, no thread."""
        heavy = self.heavy()
        tile, whole = self.cost(heavy)
        out = self.path('cancelled.tif')
        dataset = fishnet(self.a, heavy, NUM_WORKERS=2, TILE_SIZE=64)
        begin = time.monotonic()
        try:
            result = gdal.Translate(out, dataset, callback=lambda fraction, message, data: 0)
        except RuntimeError:
            result = None
        dataset = None
        self.assertIsNone(result)
        self.assertLess(time.monotonic() - begin, whole / 2)
        self.assertFalse(os.path.exists(out))
        self.assertTrue(settled())

    def test_interpreter_exit_with_open_datasets(self):
        """A program that ends without closing: no crash, no hang."""
        script = ('from osgeo import gdal\n'
                  'keep = [gdal.OpenEx("FISHNET:%s", open_options=["CALC=sqrt(A)", "NUM_WORKERS=3", "TILE_SIZE=64"]) for i in range(3)]\n'
                  'keep[0].ReadAsArray(); keep[1].AdviseRead(0, 0, 1500, 1100); keep[1].ReadAsArray(0, 0, 5, 5)\n'
                  'import builtins; builtins.keep = keep\n' % self.a)
        done = run(sys.executable, '-W', 'ignore', '-c', script, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        done = run(sys.executable, '-c', script + 'import os, sys; sys.stdout.flush(); os._exit(0)', timeout=20)
        self.assertEqual(done.returncode, 0)

    @contextlib.contextmanager
    def limited(self, most):
        """A folder with the module and a.tif, and a function that runs a command there as a user who may have so many threads."""
        if os.geteuid() != 0 or 'LD_PRELOAD' in os.environ:
            self.skipTest('only root can become a user without processes, and a sanitizer has a thread of its own')
        self.users += 1
        nobody = 50000 + (os.getpid() * 4 + self.users) % 10000  # without processes: those of other tests would count too
        folder = tempfile.mkdtemp(prefix='fishnet-nobody-')
        try:
            module = next(os.path.join(path, 'gdal_FISHNET.so') for path in os.environ['GDAL_DRIVER_PATH'].split(':')
                          if os.path.exists(os.path.join(path, 'gdal_FISHNET.so')))
            shutil.copy(module, folder)
            shutil.copy(self.a, os.path.join(folder, 'a.tif'))
            os.chmod(folder, 0o777)
            yield folder, lambda *command: subprocess.run(
                command, cwd=folder, env=dict(os.environ, GDAL_DRIVER_PATH=folder), user=nobody, group=nobody, extra_groups=[], capture_output=True,
                text=True, timeout=patience(60), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (most, most)))
        finally:
            shutil.rmtree(folder)
    users = 0

    def test_no_room_for_all_threads(self):
        """Where a thousand threads may not be made, fewer do the work."""
        with self.limited(40) as (folder, as_user):
            out = os.path.join(folder, 'out.tif')
            done = as_user('gdal_translate', '-q', 'FISHNET:a.tif', out, *oo('sqrt(A)', WORKERS='THREADS', NUM_WORKERS=1000, TILE_SIZE=64))
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            want = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=1).ReadAsArray()
            self.same(gdal.Open(out).ReadAsArray(), want)

    def test_closed_without_a_thread_to_be_had(self):
        """In the middle of a tile that takes long, by a host that has all the threads that it may: closing returns, the workers' own thread does
        the rest, and the drivers can be unloaded."""
        host = textwrap.dedent('''
            import ctypes, os, resource, sys, threading, time
            from osgeo import gdal
            gdal.UseExceptions()
            heavy = '+'.join('sin(A*%d)*cos(A/%d)*atan(A-%d)' % (i, i, i) for i in range(1, 150))
            dataset = gdal.OpenEx('FISHNET:a.tif', open_options=['CALC=' + heavy, 'NUM_WORKERS=1', 'TILE_SIZE=1500x1000', 'WORKERS=THREADS'])
            dataset.AdviseRead(0, 0, 1500, 1100)
            while len(os.listdir('/proc/self/task')) < 2:
                time.sleep(0.001)
            now = len(os.listdir('/proc/self/task'))
            while True:  # its workers are there
                time.sleep(0.05)
                if len(os.listdir('/proc/self/task')) == now:
                    break
                now = len(os.listdir('/proc/self/task'))
            go = threading.Event()
            others = []
            try:
                while True:
                    others.append(threading.Thread(target=go.wait, daemon=True))
                    others[-1].start()
            except RuntimeError:
                pass
            begin = time.monotonic()
            dataset = None
            print(time.monotonic() - begin)
            library = next(line.split()[-1] for line in open('/proc/self/maps') if 'libgdal.so' in line)
            ctypes.CDLL(library).GDALDestroyDriverManager()
            end = time.monotonic() + 20  # the kernel lists a joined thread a moment longer
            while len(os.listdir('/proc/self/task')) > len(others) + 1 and time.monotonic() < end:
                time.sleep(0.01)
            print('unloaded', len(os.listdir('/proc/self/task')) <= len(others) + 1)
            sys.stdout.flush()
            os._exit(0)
        ''')
        with self.limited(20) as (folder, as_user):
            done = as_user(sys.executable, '-c', host)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            seconds, unloaded = done.stdout.splitlines()
            self.assertLess(float(seconds), patience(2))
            self.assertEqual(unloaded, 'unloaded True')

    def test_forked(self):
        """multiprocessing forks: a child reads with datasets of its own after the parent has read and closed, and while it has one open."""
        script = ('from osgeo import gdal; import os, sys\n'
                  'def read():\n'
                  '    d = gdal.OpenEx("FISHNET:%s", open_options=["CALC=A*2", "NUM_WORKERS=3", "TILE_SIZE=128"])\n'
                  '    return d, d.ReadAsArray()\n'
                  'd, want = read(); d = None\n'
                  'keep = None\n'
                  'for keep_open in (False, True):\n'
                  '    if keep_open: keep, _ = read()\n'
                  '    child = os.fork()\n'
                  '    if child == 0:\n'
                  '        d, got = read(); d = None\n'
                  '        os._exit(0 if got.tobytes() == want.tobytes() else 3)\n'
                  '    assert os.waitpid(child, 0)[1] == 0, keep_open\n'
                  'print("fine")\n' % self.a)
        done = run(sys.executable, '-c', script, timeout=20)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, 'fine'), done.stderr)

    def test_killed(self):
        """SIGKILL in the middle: no process and no file but the unfinished output stays."""
        folder = self.path('kill')
        os.mkdir(folder)
        out = os.path.join(folder, 'out.tif')
        child = subprocess.Popen(['gdal_translate', '-q', 'FISHNET:' + self.a, out, *oo(self.heavy(), TILE_SIZE=64)], cwd=folder,
                                 start_new_session=True)
        time.sleep(0.7)
        self.assertIsNone(child.poll(), 'it should still be busy')
        child.send_signal(signal.SIGKILL)
        child.wait(patience(5))

        def all_gone():
            try:
                os.killpg(child.pid, 0)
            except ProcessLookupError:
                return True
            return False
        self.assertTrue(wait_for(all_gone, 15))
        self.assertLessEqual(set(os.listdir(folder)), {'out.tif'})

    def test_memory_is_bounded(self):
        """The budget holds for all workers together."""
        dataset = fishnet(self.a, 'sqrt(A)', 'A+1', 'A*2', NUM_WORKERS=4, CACHE_MB=8, TILE_SIZE=256)
        for y in range(0, 1100, 50):
            dataset.ReadAsArray(0, y, 1500, 50)
        self.assertLessEqual(float(dataset.GetMetadataItem('CACHE_PEAK_MB', 'FISHNET')), 8)

    def test_read_ahead_displaces_nothing_in_use(self):
        """Four strips of 64 lines lie in each row of tiles, the budget holds a row and a half: what is computed ahead must not push out
        what the next strip needs."""
        dataset = fishnet(self.a, 'sqrt(A)', 'A+1', 'A*2', NUM_WORKERS=4, CACHE_MB=8, TILE_SIZE=256)
        for y in range(0, 1088, 64):
            dataset.ReadAsArray(0, y, 1500, 64)
        tiles, computed = (int(dataset.GetMetadataItem(key, 'FISHNET')) for key in ('TILES', 'TILES_COMPUTED'))
        self.assertLessEqual(computed, tiles * 1.5)

    def test_each_tile_once(self):
        """A copy from top to bottom computes no tile twice."""
        dataset = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=3, TILE_SIZE=128)
        gdal.Translate('/vsimem/once.tif', dataset).FlushCache()
        self.assertEqual(dataset.GetMetadataItem('TILES_COMPUTED', 'FISHNET'), dataset.GetMetadataItem('TILES', 'FISHNET'))
        self.same(gdal.Open('/vsimem/once.tif').ReadAsArray(), self.want)
        gdal.Unlink('/vsimem/once.tif')
        dataset = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=3, TILE_SIZE=128)
        dataset.GetRasterBand(1).ComputeStatistics(False)
        self.assertEqual(dataset.GetMetadataItem('TILES_COMPUTED', 'FISHNET'), dataset.GetMetadataItem('TILES', 'FISHNET'))


if __name__ == '__main__':
    unittest.main()
