"""Worker processes in hosts that have threads: thread pools, GDAL's own, several datasets at once, forks."""
import multiprocessing
import os
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import processes
from common import Case, files, fishnet, patience, real, run, threads, wait_for, write

import numpy as np
from osgeo import gdal


def read_in_child(path, queue):
    """In the child of a fork: with datasets of its own, threads and processes."""
    sums = [float(np.nansum(fishnet(path, 'A*2', WORKERS=kind, NUM_WORKERS=2, TILE_SIZE=128).ReadAsArray(), dtype=np.float64))
            for kind in ('THREADS', 'PROCESSES')]
    queue.put(sums)


class Hosts(Case):
    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 700, 500)
        cls.a = write(cls.path('a.tif'), source, -999, options=['TILED=YES', 'COMPRESS=DEFLATE', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128'])
        cls.value = np.where(source == -999, np.nan, source.astype(np.float64))
        cls.want = (cls.value * 2).astype(np.float32)

    def setUp(self):
        super().setUp()
        self.threads = threads()  # GDAL's own pool may have come meanwhile

    def nothing_left(self):
        self.assertTrue(processes.until(lambda: not processes.helpers() and not processes.zombies(), 3))
        self.assertEqual(processes.shared_memory(), [])
        self.assertTrue(wait_for(lambda: threads() <= self.threads), '%d threads' % threads())

    def test_after_all_kinds_of_threads(self):
        """Our own thread mode, GDAL's thread pool, a thread pool of Python, GDAL reads; several datasets at once."""
        np.linalg.svd(np.random.default_rng(1).normal(size=(200, 200)))
        self.same(fishnet(self.a, 'A*2', WORKERS='THREADS', NUM_WORKERS=3).ReadAsArray(), self.want)
        gdal.OpenEx(self.a, open_options=['NUM_THREADS=3']).ReadAsArray()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda i: gdal.Open(self.a).ReadAsArray(), range(8)))
            datasets = [fishnet(self.a, 'A*%d' % i, OT='Float64', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=128) for i in range(4)]
            for i, pixels in enumerate(pool.map(lambda d: d.ReadAsArray(), datasets)):
                self.same(pixels, self.value * i)
            self.assertEqual(len(processes.helpers()), 4)
        del datasets
        self.assertTrue(processes.until(lambda: not processes.helpers() and not processes.zombies(), 3))

    def test_eight_threads_in_a_loop(self):
        """Each opens, reads a window, closes; some close in the middle of reading ahead, some read nothing."""
        self.same(fishnet(self.a, 'A*2', WORKERS='PROCESSES').ReadAsArray(), self.want)
        self.nothing_left()
        before, errors = files(), []

        def loop(seed):
            try:
                generator = np.random.default_rng(seed)
                for turn in range(4):
                    dataset = fishnet(self.a, 'A*2', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=128)
                    x, y = int(generator.integers(0, 500)), int(generator.integers(0, 300))
                    if turn == 1:
                        dataset.AdviseRead(0, 0, 700, 500)
                    if turn != 2:
                        self.same(dataset.ReadAsArray(x, y, 200, 200), self.want[y:y + 200, x:x + 200])
                    dataset = None
            except BaseException as error:  # noqa: B902  the test's
                errors.append(error)
        started = [threading.Thread(target=loop, args=(i,)) for i in range(8)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join(patience(100))
            self.assertFalse(thread.is_alive(), 'it hangs')
        if errors:
            raise errors[0]
        self.nothing_left()
        self.assertEqual(files(), before)

    def test_fork_while_a_dataset_is_open(self):
        """The parent's workers are not the child's; the child makes its own, and the parent's go on."""
        dataset = fishnet(self.a, 'A*2', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=128)
        self.same(dataset.ReadAsArray(0, 0, 200, 200), self.want[:200, :200])
        own = processes.helpers()
        context = multiprocessing.get_context('fork')
        queue = context.Queue()
        children = [context.Process(target=read_in_child, args=(self.a, queue)) for _ in range(2)]
        for child in children:
            child.start()
        sums = [queue.get(timeout=patience(60)) for _ in children]
        for child in children:
            child.join(patience(30))
            self.assertEqual(child.exitcode, 0)
        want = float(np.nansum(self.want, dtype=np.float64))
        for pair in sums:
            self.assertEqual(pair, [want, want])
        self.assertEqual(processes.helpers(), own)
        self.same(dataset.ReadAsArray(), self.want)
        dataset = None
        queue.close()
        queue.join_thread()
        self.nothing_left()

    def test_thread_that_opened_it_has_ended(self):
        """Workers do not end with the thread that started them."""
        box = {}

        def first():
            box['dataset'] = fishnet(self.a, 'A*2', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=128)
            box['dataset'].ReadAsArray(0, 0, 10, 10)
        thread = threading.Thread(target=first)
        thread.start()
        thread.join()
        own = processes.workers()
        self.assertTrue(own)
        self.same(box['dataset'].ReadAsArray(), self.want)
        self.assertEqual(box['dataset'].GetMetadataItem('TASKS_REPEATED', 'FISHNET'), '0')
        self.assertLessEqual(set(own), set(processes.workers()))
        box.clear()
        self.nothing_left()

    def test_host_without_standard_files(self):
        """0, 1 and 2 are closed: what is opened next is not taken for them."""
        done = run('sh', '-c', 'gdal_translate -q "FISHNET:%s" "%s" -oo "CALC=A*2" -oo WORKERS=PROCESSES -oo TILE_SIZE=128 0<&- 1>&- 2>&-'
                   % (self.a, self.path('closed.tif')))
        self.assertEqual(done.returncode, 0)
        self.same(gdal.Open(self.path('closed.tif')).ReadAsArray(), self.want)

    def test_host_that_ends_without_closing(self):
        code = ('from osgeo import gdal; import os\n'
                'd = gdal.OpenEx("FISHNET:%s", open_options=["CALC=A*2", "WORKERS=PROCESSES", "TILE_SIZE=128"])\n'
                'd.ReadAsArray(); print(os.popen("pgrep -P %%d" %% os.getpid()).read().split()[0], flush=True); os._exit(0)' % self.a)
        helper = int(run('/usr/bin/python3', '-W', 'ignore', '-c', code).stdout)
        self.assertTrue(processes.until(lambda: not processes.alive([helper]), 2))


if __name__ == '__main__':
    unittest.main()
