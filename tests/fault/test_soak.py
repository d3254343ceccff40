"""Workers killed at random, hundreds of times: every output is the same bytes as that of threads, and nothing is left behind.

FISHNET_SEED repeats a run, FISHNET_KILLS makes it longer."""
import os
import random
import signal
import threading
import time
import unittest

import processes
from common import Case, files, fishnet, real, settled, wait_for, write

from osgeo import gdal


class Killer(threading.Thread):
    """Kills a random worker of this process, again and again."""

    def __init__(self, generator):
        super().__init__(daemon=True)
        self.generator, self.kills, self.ended = generator, {}, False

    def run(self):
        while not self.ended:
            time.sleep(self.generator.uniform(0.01, 0.08))
            alive = [w for w in processes.workers() if (processes.stat(w) or ('', 'Z'))[1] not in 'TZX']
            if not alive:
                continue
            number = self.generator.choices((processes.KILL, processes.SEGMENT, processes.STOP), (20, 20, 1))[0]
            if processes.send(self.generator.choice(alive), number):
                self.kills[number.name] = self.kills.get(number.name, 0) + 1

    def stop(self):
        self.ended = True
        self.join()

    def total(self):
        return sum(self.kills.values())


class Soak(Case):
    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 1024, 768)
        cls.a = write(cls.path('a.tif'), source, -999, options=['TILED=YES', 'COMPRESS=DEFLATE', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128'])
        landsat = gdal.Open(real('landsat.tif'))
        cls.b = write(cls.path('b.tif'), landsat.ReadAsArray()[:3], like=real('landsat.tif'), options=['COMPRESS=LZW', 'INTERLEAVE=PIXEL'])

    def setUp(self):
        super().setUp()
        signal.alarm(400)

    def test_rasters(self):
        seed, generator = self.random()
        goal = int(os.environ.get('FISHNET_KILLS', 500))
        heavy = '+'.join('sin(A*%d)' % i for i in range(1, 20))
        jobs = [(self.a, (heavy, 'A*2'), {'TILE_SIZE': 64}), (self.a, ('where(A>1000, log(A)*sin(A/100), A)',), {'TILE_SIZE': 128, 'OT': 'Float64'}),
                (self.b, ('(A[2]-A[1])/(A[2]+A[1])',), {'TILE_SIZE': 32}), (self.b, (), {'TILE_SIZE': 48})]
        want = [fishnet(path, *calcs, WORKERS='THREADS', **options).ReadAsArray() for path, calcs, options in jobs]
        fishnet(self.a, 'A', WORKERS='PROCESSES', NUM_WORKERS=1).ReadAsArray(0, 0, 1, 1)
        self.assertTrue(settled())
        files_before = files()
        killer = Killer(random.Random(seed + 1))
        killer.start()
        rounds = repeated = 0
        end = time.monotonic() + 300
        while killer.total() < goal and time.monotonic() < end:
            i = generator.randrange(len(jobs))
            path, calcs, options = jobs[i]
            dataset = fishnet(path, *calcs, WORKERS='PROCESSES', NUM_WORKERS=generator.randint(1, 4), RETRIES=100, TASK_TIMEOUT=1,
                              CACHE_MB=1, **options)  # so small that each read computes anew
            for again in range(generator.randint(4, 12)):
                self.same(dataset.ReadAsArray(), want[i], 'round %d' % rounds)
            repeated += int(dataset.GetMetadataItem('TASKS_REPEATED', 'FISHNET'))
            dataset = None
            rounds += 1
        killer.stop()
        print('%d rounds, %s kills, %d attempts repeated' % (rounds, killer.kills, repeated), flush=True)
        self.assertGreaterEqual(killer.total(), goal)
        self.assertGreater(repeated, goal / 10, 'the kills met nobody at work')
        self.nothing_left(files_before)

    def test_near_tables(self):
        """The same rows in the same order."""
        seed, generator = self.random()
        goal = int(os.environ.get('FISHNET_KILLS', 100))
        options = {'NEAR': real('rivers.shp'), 'CLOSEST': '2', 'LOCATION': 'YES', 'PARTITION_SIZE': '100'}

        def rows(**more):
            dataset = gdal.OpenEx('NEARTABLE:' + real('places.shp'), gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR,
                                  open_options=['%s=%s' % pair for pair in dict(options, **more).items()])
            return [tuple(feature.GetField(i) for i in range(feature.GetFieldCount())) for feature in dataset.GetLayer(0)]
        want = rows(WORKERS='THREADS')
        self.assertGreater(len(want), 10000)
        rows(WORKERS='PROCESSES')
        self.assertTrue(settled())
        files_before = files()
        killer = Killer(random.Random(seed + 2))
        killer.start()
        rounds, end = 0, time.monotonic() + 200
        while killer.total() < goal and time.monotonic() < end:
            got = rows(WORKERS='PROCESSES', NUM_WORKERS=generator.randint(1, 4), RETRIES=100, TASK_TIMEOUT=1)
            self.assertEqual(len(got), len(want))
            self.assertTrue(got == want, 'round %d: other rows' % rounds)
            rounds += 1
        killer.stop()
        print('%d rounds, %s kills' % (rounds, killer.kills), flush=True)
        self.assertGreaterEqual(killer.total(), goal)
        self.nothing_left(files_before)

    def random(self):
        seed = int(os.environ.get('FISHNET_SEED') or random.SystemRandom().randrange(2**31))
        print('FISHNET_SEED=%d' % seed, flush=True)
        return seed, random.Random(seed)

    def nothing_left(self, files_before):
        self.assertTrue(wait_for(lambda: not processes.helpers() and not processes.zombies(), 3))
        self.assertEqual(processes.shared_memory(), [])
        self.assertTrue(settled())
        self.assertEqual(files(), files_before)


if __name__ == '__main__':
    unittest.main()
