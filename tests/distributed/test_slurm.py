"""A real Slurm: the lines of docs/DISTRIBUTED.md as they stand, and arrays of which some shares fail. The bytes are those of one run."""
import os
import re
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver')]

from common import Case, run  # noqa: E402
from page_jobs import JOB, PROGRAM, differing, lay_out_job, one_run, page_block, shell  # noqa: E402
from slurm_host import SlurmHost, why_not  # noqa: E402

AT_WORK = {'PENDING', 'CONFIGURING', 'RUNNING', 'COMPLETING'}
ARRAY = page_block('--array=1-64')  # the array, and the job that assembles
AGAIN = page_block('--array=3,7')  # what has failed, once more


class TestSlurm(Case):
    slurm = None

    @classmethod
    def prepare(cls):
        why = why_not()
        if not why:
            one_run(cls.path('one'))
            cls.slurm = SlurmHost(cls.path('slurm'), cpus=4)
            why = cls.slurm.start()
        if why:
            print('No Slurm on this host: ' + why)
            cls.tearDownClass()
            raise unittest.SkipTest(why)

    @classmethod
    def tearDownClass(cls):
        if cls.slurm:
            cls.slurm.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.at = self.path(self.id().rpartition('.')[2])
        lay_out_job(self.at)

    def submit(self, lines):
        """Lines of the page: the numbers of the array and of the job that assembles."""
        said = shell(lines + '\necho array $shares', self.at, self.slurm.env)
        return [re.search(what + r' (\d+)', said).group(1) for what in ('array', 'Submitted batch job')]

    def ended(self, job):
        """How a job ends, or all tasks of an array, each way once."""
        while self.slurm.states(job) & AT_WORK:
            time.sleep(0.1)
        return self.slurm.states(job)

    def is_whole(self):
        different, count = differing(self.path('one'), self.at)
        self.assertEqual((different, count), ([], 65))  # 64 tiles and the mosaic

    def test_the_page(self):
        array, assembler = self.submit(ARRAY)
        self.assertEqual((self.ended(array), self.ended(assembler)), ({'COMPLETED'}, {'COMPLETED'}))
        self.is_whole()

    def test_shares_that_fail(self):
        """Two are killed at once, the job that depends on the array is called off; those that are missing are named, and submitted again."""
        array, assembler = self.submit(ARRAY.replace("'fishnet run", "'case $SLURM_ARRAY_TASK_ID in 3|7) ulimit -t 0;; esac; fishnet run"))
        self.assertEqual((self.ended(array), self.ended(assembler)), ({'COMPLETED', 'FAILED'}, {'CANCELLED'}))
        self.assertFalse(os.path.exists(os.path.join(self.at, 'slope.vrt')))
        done = run(PROGRAM, 'assemble', JOB, cwd=self.at)
        self.assertEqual(done.returncode, 1)
        self.assertIn('run the shares 3,7 of 64\n', done.stderr)
        array, assembler = self.submit(AGAIN)
        self.assertEqual((self.ended(array), self.ended(assembler)), ({'COMPLETED'}, {'COMPLETED'}))
        self.is_whole()

    def test_requeued(self):
        """Slurm itself begins shares again, as after the failure of a node, those that are at work and those that are done."""
        array, assembler = self.submit(ARRAY)
        for share in range(1, 65, 5):
            self.slurm.ask('scontrol', 'requeue', '%s_%d' % (array, share))
        self.assertEqual((self.ended(array), self.ended(assembler)), ({'COMPLETED'}, {'COMPLETED'}))
        self.is_whole()


if __name__ == '__main__':
    unittest.main()
