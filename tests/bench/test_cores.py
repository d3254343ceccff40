"""The model of many cores of bench/cores.py, where its answer is known; and what bench/timeline.py reads of a timeline."""
import json
import os
import random
import sys
import unittest
from dataclasses import replace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench'))
from cores import Job, faster, seconds  # noqa: E402
from timeline import Timeline  # noqa: E402


class Cores(unittest.TestCase):
    def test_nothing_serial(self):
        job = Job(tasks=[0.01] * 6400)
        for cores in (1, 2, 16, 64):
            self.assertAlmostEqual(faster(job, cores), cores, delta=1e-6 * cores)

    def test_amdahl(self):
        """What is alone before or after everything else."""
        for share in (0.01, 0.05, 0.5):
            job = Job(tasks=[(1 - share) / 6400] * 6400, serial=share)
            for cores in (2, 16, 64):
                self.assertAlmostEqual(faster(job, cores), 1 / (share + (1 - share) / cores), delta=1e-6 * cores)

    def test_host_beside_the_workers(self):
        """The host's thread works while the others do: it is the limit only where it has more to do than each of them."""
        for share in (0.005, 0.02, 0.1, 0.5):
            job = Job(tasks=[(1 - share) / 6400] * 6400, host=share / 6400)
            for cores in (1, 2, 16, 64):
                most = min(cores, 1 / share)
                self.assertLessEqual(faster(job, cores), most * 1.000001)
                self.assertGreater(faster(job, cores), most * 0.95)

    def test_one_reader(self):
        job = Job(tasks=[0.009] * 1000, read=0.001)
        self.assertAlmostEqual(faster(job, 2), 2, delta=0.02)
        self.assertAlmostEqual(faster(job, 64), 10, delta=0.2)

    def test_threads_of_the_host(self):
        job = Job(tasks=[0.001] * 1600, after=0.009, host=0.0001)
        self.assertAlmostEqual(faster(job, 16), 16, delta=0.8)
        self.assertAlmostEqual(seconds(job, 1, 100), 1600 * 0.009, delta=0.1)  # one compresses, however many cores

    def test_budget(self):
        """A slow task holds the others up when there is no memory for what they compute beyond it."""
        tasks = ([1.0] + [0.01] * 99) * 4
        free = Job(tasks=tasks, ahead=lambda workers: len(tasks))
        tight = Job(tasks=tasks, ahead=lambda workers: workers)
        self.assertAlmostEqual(seconds(free, 8, 8), 1.5, delta=0.1)
        self.assertGreater(seconds(tight, 8, 8), 3.9)

    def test_workers_of_two_threads(self):
        job = Job(tasks=[0.01] * 640, threads=2)
        self.assertAlmostEqual(seconds(job, 1, 2), 3.2, delta=0.01)
        self.assertAlmostEqual(faster(job, 16), 16, delta=1e-6)
        self.assertAlmostEqual(seconds(replace(job, threads=1), 1, 2), 6.4, delta=0.01)

    def test_last_task(self):
        self.assertAlmostEqual(seconds(Job(tasks=[1.0] * 17), 16, 16), 2)
        self.assertAlmostEqual(faster(Job(tasks=[1.0]), 64), 1)

    def test_lock(self):
        self.assertAlmostEqual(seconds(Job(tasks=[1e-5] * 1000, lock=5e-6), 64, 64), 5e-3)

    def test_before_the_tasks(self):
        self.assertAlmostEqual(seconds(Job(tasks=[1.0] * 4, shared=8.0, serial=0.5), 4, 4), 0.5 + 2 + 1)

    def test_work_is_kept(self):
        """Never faster than all cores at work, nor than any single thread; and never idle as a whole."""
        chance = random.Random(7)
        for _ in range(50):
            n = chance.randrange(1, 300)
            job = Job(tasks=[chance.expovariate(100) for _ in range(n)], host=chance.choice([0, 1e-4, 5e-3]), read=chance.choice([0, 1e-4, 5e-3]),
                      after=chance.choice([0, 0, 1e-3]), ahead=lambda workers: 2 * workers)
            work = sum(job.tasks) + n * (job.host + job.read + job.after)
            for cores in (1, 3, 16):
                took = seconds(job, cores, cores)
                self.assertGreaterEqual(took, max(work / cores, n * job.host, n * job.read) - 1e-9)
                self.assertLessEqual(took, work + 1e-9)
            self.assertAlmostEqual(seconds(job, 1, 1), work, delta=1e-6 * work)


class Timelines(unittest.TestCase):
    def test_sums(self):
        task = {'name': 't', 'cat': 'task', 'ph': 'X', 'pid': 1, 'tid': 1}
        events = [{**task, 'ts': 2000000, 'dur': 1000000, 'tdur': 600000, 'args': {'queued': 300000, 'serial': 50000, 'status': 'ok'}},
                  {**task, 'ts': 1000000, 'dur': 500000, 'tdur': 500000, 'args': {'queued': 1, 'status': 'ok'}},
                  {'name': 'wait', 'cat': 'reader', 'ph': 'X', 'ts': 1, 'dur': 250000, 'args': {}},
                  {'name': 'closed', 'cat': 'reader', 'ph': 'i', 'ts': 9, 'args': {'cpu': 70000, 'locks': 1000}}]
        for text in (json.dumps(events), json.dumps(events)[:-1] + '\n'):  # the second: of a program that was killed
            timeline = Timeline(text)
            self.assertEqual([task[0] for task in timeline.tasks], [1.0, 2.0])
            for value, want in ((timeline.cpu, 1.1), (timeline.busy, 1.5), (timeline.stood, 0.1), (timeline.waited, 0.25), (timeline.locks, 0.001),
                                (timeline.reader, 0.07), (timeline.one_reader, 0.05)):
                self.assertAlmostEqual(value, want)

    def test_worker_processes(self):
        task = {'name': 't', 'cat': 'task', 'ph': 'X', 'pid': 1, 'tid': 1, 'ts': 1, 'dur': 2, 'args': {'status': 'ok'}}
        self.assertIsNone(Timeline(json.dumps([task])).cpu)


if __name__ == '__main__':
    unittest.main()
