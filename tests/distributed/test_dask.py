"""Shares on a real Dask: the bytes are those of one run, also where workers are killed or work is done twice; failures are named."""
import filecmp
import json
import os
import random
import signal
import subprocess
import sys
import threading
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(HERE, '..', '..', 'distributed')
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), PACKAGE]
os.environ['PYTHONPATH'] = os.pathsep.join([PACKAGE, HERE, os.environ.get('PYTHONPATH', '')])

from common import Case, good, patience, real, wait_for  # noqa: E402
import dask  # noqa: E402
from dask.distributed import Client, LocalCluster  # noqa: E402
from dask_workers import Workers  # noqa: E402
import fishnet_dask  # noqa: E402
import psutil  # noqa: E402

PROGRAM = os.path.join(os.environ['GDAL_DRIVER_PATH'], 'fishnet')
RANDOM = random.Random(int(os.environ.get('FISHNET_SEED', '1')))
DEM = {'A': real('dem.tif')}
JOBS = {
    'roots': {'type': 'fishnet_raster', 'inputs': DEM, 'calc': 'focal_mean(sqrt(abs(A)), 5)', 'creation_options': {'TILE_SIZE': 150}},
    'warped': {'type': 'fishnet_raster', 'inputs': {'A': '../warped.vrt'}, 'creation_options': {'TILE_SIZE': 220, 'TILE_CO': ['COMPRESS=LZW']}},
    'near': {'type': 'near_table', 'input': real('places.shp'), 'near': real('rivers.shp'), 'creation_options': {'FORMAT': 'CSV', 'PARTS': 64}},
    'zones': {'type': 'zonal_stats', 'input': real('land.shp'), 'raster': real('egm96.gtx'), 'creation_options': {'FORMAT': 'CSV', 'PARTS': 64}},
}
SLOW = {'calc': 'focal_median(A, circle(20))'}  # some seconds


def programs_of(pid):
    """All that a worker has started, at any depth, and that computes."""
    try:
        found = psutil.Process(pid).children(recursive=True)
        return [child for child in found if child.name().startswith('fishnet')]
    except psutil.NoSuchProcess:
        return []


class TestDask(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        dask.config.set({'distributed.scheduler.allowed-failures': 1000, 'distributed.worker.daemon': False})
        cls.cluster = LocalCluster(n_workers=0, dashboard_address=None)
        cls.workers = Workers(cls.cluster, 4, 2)
        cls.client = Client(cls.cluster)
        cls.client.wait_for_workers(4)
        good('gdalwarp', '-q', '-of', 'VRT', '-t_srs', 'EPSG:32613', '-r', 'bilinear', real('dem.tif'), cls.path('warped.vrt'))

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.workers.close()
        cls.cluster.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.folder = self.path(self.id().rpartition('.')[2])
        os.makedirs(self.folder)

    def job(self, name, to, **keys):
        path = os.path.join(self.folder, to + '.fishnet.json')
        with open(path, 'w') as file:
            json.dump(dict(JOBS[name], output=to + '.vrt', **keys), file)
        return path

    def one_run(self, name, **keys):
        to = name + '_one'
        good(PROGRAM, 'run', self.job(name, to, **keys), '-q')
        return to

    def run_job(self, job, n=None, client=None, **options):
        told = []
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter('always')
            output = fishnet_dask.run(client or self.client, job, n, program=PROGRAM, progress=lambda done, of: told.append((done, of)), **options)
        self.said = [str(one.message) for one in said]
        self.assertEqual(told, [(i + 1, len(told)) for i in range(len(told))])
        return output, len(told)

    def same(self, one, other):
        """Folders and what is made over them."""
        ending = '_tiles' if os.path.isdir(os.path.join(self.folder, one + '_tiles')) else '_parts'
        folders = [os.path.join(self.folder, name + ending) for name in (one, other)]
        names = sorted(os.listdir(folders[0]))
        self.assertEqual(names, sorted(os.listdir(folders[1])))
        for name in names:
            if name != 'recipe.txt':
                self.assertTrue(filecmp.cmp(*(os.path.join(folder, name) for folder in folders), shallow=False), name)
        texts = []
        for name in (one, other):
            with open(os.path.join(self.folder, name + '.vrt')) as file:
                texts.append(file.read().replace(name + ending, ''))
        self.assertEqual(*texts)

    def test_bytes(self):
        for name in JOBS:
            one = self.one_run(name)
            for n in (1, 3, 7, 64):
                for process in (False, True) if n == 7 else (False,):
                    to = '%s_%d_%s' % (name, n, process)
                    output, done = self.run_job(self.job(name, to), n, process=process)
                    self.assertEqual((output, done), (os.path.join(self.folder, to + '.vrt'), n))
                    self.same(one, to)

    def test_as_many_as_workers_want(self):
        tiles = self.run_job(self.job('roots', 'r', creation_options={'TILE_SIZE': 120}))[1]
        self.assertEqual(tiles, 160)  # 8 threads
        self.assertEqual(self.run_job(self.job('near', 's'))[1], 64)  # as there are parts

    def test_each_share_twice_at_once(self):
        for name in JOBS:
            one, job = self.one_run(name), self.job(name, name + '_twice')
            shares = [share for share in range(1, 65) for _ in range(2)]
            futures = self.client.map(fishnet_dask._share, shares, pure=False, program=PROGRAM, job=job, shares=64, threads=1,
                                      key=['%s-%d-%d' % (name, share, i) for i, share in enumerate(shares)],
                                      process=False)
            self.assertEqual(len(self.client.gather(futures)), 128)
            self.run_job(job, 64)
            self.same(one, name + '_twice')

    def test_a_hundred_killed_workers(self):
        """In the midst of a task, at random, while a raster, a near table and a table of zones are made again and again."""
        kinds, killed, runs, stop = ('roots', 'near', 'zones'), [], [], threading.Event()
        ones = {name: self.one_run(name) for name in kinds}

        def go_round():
            while not stop.wait(RANDOM.uniform(0, 0.15)):
                pids = self.workers.busy()
                if pids and len(killed) < min(100, 34 * len(runs)):
                    killed.append(RANDOM.choice(pids))
                    self.workers.kill(killed[-1])
        killer = threading.Thread(target=go_round)
        killer.start()
        try:
            while len(runs) < len(kinds) or len(killed) < 100:
                name = kinds[len(runs) % len(kinds)]
                runs.append('%s_%d' % (name, len(runs)))
                self.run_job(self.job(name, runs[-1]), 64, process=len(runs) % 2 == 0)
                self.same(ones[name], runs[-1])
        finally:
            stop.set()
            killer.join()
        self.assertEqual(len(killed), 100)
        print('a hundred workers killed in', *runs, flush=True)

    def test_nothing_outlives_its_worker(self):
        """A program of a share, and the worker processes that it has, or the share itself has."""
        for process in (True, False):
            to = 'slow_%s' % process
            job = self.job('roots', to, workers='PROCESSES', **SLOW)
            runner = threading.Thread(target=self.run_job, args=(job, 2), kwargs={'process': process, 'threads': 2})
            runner.start()
            try:
                helpers = 4 if process else 3  # fishnet, fishnet-worker, and two that it has forked
                self.assertTrue(wait_for(lambda: any(len(programs_of(pid)) >= helpers for pid in self.workers.busy()), 20))
                pid = next(pid for pid in self.workers.busy() if len(programs_of(pid)) >= helpers)
                programs = programs_of(pid)
                self.workers.kill(pid)
                self.assertEqual(psutil.wait_procs(programs, timeout=patience(5))[1], [])
            finally:
                runner.join()
        self.same('slow_True', 'slow_False')

    def test_calling_off(self):
        """Shares at work end with the tile that they are at, programs at once."""
        for process in (False, True):
            to = 'off_%s' % process
            job = self.job('roots', to, **SLOW)

            def stop(done, of):
                raise KeyboardInterrupt
            with self.assertRaises(KeyboardInterrupt):
                fishnet_dask.run(self.client, job, 16, program=PROGRAM, progress=stop, process=process)
            self.assertTrue(wait_for(lambda: not any(self.client.processing().values()), 5))
            self.assertTrue(wait_for(lambda: not any(self.client.run(lambda dask_worker: dask_worker.state.executing_count).values()), 5))
            tiles = len([name for name in os.listdir(os.path.join(self.folder, to + '_tiles')) if name.startswith('r0')])
            self.assertLess(tiles, 100)  # of 153
            self.assertFalse(os.path.exists(os.path.join(self.folder, to + '.vrt')))

    def test_failures_are_named(self):
        job = self.job('roots', 'gone', inputs={'A': os.path.join(self.folder, 'gone.tif')})
        with self.assertRaisesRegex(RuntimeError, 'gone.tif'):
            self.run_job(job, 3)
        with self.assertRaisesRegex(RuntimeError, 'the program no-such-program cannot be started on '):
            fishnet_dask.run(self.client, self.job('roots', 'none'), 3, program='no-such-program')
        for process in (False, True):
            name = 'full_%s' % process
            job = self.job('roots', name)
            os.symlink('/dev/full', os.path.join(self.folder, name + '_tiles'))  # where no folder can be made
            with self.assertRaisesRegex(fishnet_dask.ShareError, name + r'.fishnet.json: share \d/3: FISHNET: .*full_\w+_tiles'):
                self.run_job(job, 3, retries=0, process=process)
            self.assertFalse(os.path.exists(os.path.join(self.folder, name + '.vrt')))

    def broken(self):
        """A raster that ends within its cells."""
        path = os.path.join(self.folder, 'broken.tif')
        good('gdal_translate', '-q', real('dem.tif'), path)
        os.truncate(path, os.path.getsize(path) // 2)
        return path

    def test_the_window_is_named(self):
        for process in (False, True):
            job = self.job('roots', 'broken_%s' % process, inputs={'A': self.broken()})
            with self.assertRaisesRegex(fishnet_dask.ShareError, r'share \d/4: .*tile \S+ \(x=\d+ y=\d+ \d+x\d+\) .*broken.tif.* cannot be read: '):
                self.run_job(job, 4, retries=1, process=process)

    def test_warnings_are_named(self):
        for process in (False, True):
            self.run_job(self.job('roots', 'holes_%s' % process, inputs={'A': self.broken()}, on_error='NODATA'), 4, process=process)
            self.assertRegex('\n'.join(self.said), r'holes_\w+.fishnet.json: share \d/4: FISHNET: \S+.tif: .*filled with NoData: tile x=\d+ y=\d+ \d+x\d+ cannot be read')
            self.run_job(self.job('zones', 'zones_%s' % process), 64, process=process)
            self.assertRegex('\n'.join(self.said), r'(?s)zones_\w+.fishnet.json: share \d+/64: ZONALSTATS: .*1 of 125 features')

    def test_killed_worker_is_named(self):
        """A share that kills each worker: here it is we who do that."""
        job, stop = self.job('roots', 'deadly', **SLOW), threading.Event()
        self.addCleanup(setattr, self.cluster.scheduler, 'allowed_failures', self.cluster.scheduler.allowed_failures)
        self.cluster.scheduler.allowed_failures = 1

        def go_round():
            while not stop.wait(0.02):
                for pid in self.workers.busy('fishnet-'):  # a share's
                    self.workers.kill(pid)
        killer = threading.Thread(target=go_round)
        killer.start()
        try:
            with self.assertRaisesRegex(fishnet_dask.ShareError, r'share \d/2: each worker that began it has died, the last one was .*tcp.*; it is ') as said:
                self.run_job(job, 2)
        finally:
            stop.set()
            killer.join()
        self.assertRegex(str(said.exception), r'it is \d+ tiles within x=\d+ y=\d+ \d+x\d+')

    def test_a_scheduler_that_dies_is_named(self):
        file = os.path.join(self.folder, 'scheduler.json')
        start = [sys.executable, '-m']
        scheduler = subprocess.Popen(start + ['distributed.cli.dask_scheduler', '--port', '0', '--no-dashboard', '--scheduler-file', file],
                                     stderr=subprocess.DEVNULL)
        worker = subprocess.Popen(start + ['distributed.cli.dask_worker', '--no-dashboard', '--scheduler-file', file, '--nthreads', '1'],
                                  stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(wait_for(lambda: os.path.exists(file), 20))
            with dask.config.set({'distributed.comm.timeouts.connect': '5s'}), Client(scheduler_file=file) as client:
                client.wait_for_workers(1)
                with self.assertRaisesRegex(fishnet_dask.ShareError, r'share \d+/16: the scheduler is gone'):
                    fishnet_dask.run(client, self.job('roots', 'left', **SLOW), 16, program=PROGRAM,
                                     progress=lambda done, of: scheduler.kill())
        finally:
            for process in (scheduler, worker):
                process.kill()
                process.wait()


if __name__ == '__main__':
    unittest.main()
