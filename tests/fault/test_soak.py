"""Workers killed at random, hundreds of times: every output is the same bytes as that of threads, and nothing is left behind.

FISHNET_SEED repeats a run, FISHNET_KILLS makes it longer."""
import os
import random
import signal
import threading
import time
import unittest

import processes
from common import BASE, Case, files, fishnet, real, settled, wait_for, write

import numpy as np
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
                self.kills[number] = self.kills.get(number, 0) + 1

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
        seed = int(os.environ.get('FISHNET_SEED') or random.SystemRandom().randrange(2**31))
        goal = int(os.environ.get('FISHNET_KILLS', 500))
        print('FISHNET_SEED=%d' % seed, flush=True)
        generator = random.Random(seed)
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
        killer.ended = True
        killer.join()
        print('%d rounds, %s kills, %d attempts repeated' % (rounds, dict(killer.kills), repeated), flush=True)
        self.assertGreaterEqual(killer.total(), goal)
        self.assertGreater(repeated, goal / 10, 'the kills met nobody at work')
        self.assertTrue(wait_for(lambda: not processes.helpers() and not processes.zombies(), 3))
        self.assertEqual(processes.shared_memory(), [])
        self.assertTrue(settled())
        self.assertEqual(files(), files_before)
        self.assertEqual(BASE, len(os.listdir('/proc/self/task')))
        self.assertTrue(np.isfinite(want[1]).any())


if __name__ == '__main__':
    unittest.main()
