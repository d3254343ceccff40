"""GNU parallel, and AWS Batch by the environment that it gives: what docs/DISTRIBUTED.md shows, as it stands. The bytes are those of one run."""
import json
import os
import re
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver')]

from common import Case  # noqa: E402
from page_jobs import differing, lay_out_job, one_run, page_block, shell  # noqa: E402


class TestLaunchers(Case):
    @classmethod
    def prepare(cls):
        one_run(cls.path('one'))

    def setUp(self):
        super().setUp()
        self.at = self.path(self.id().rpartition('.')[2])
        lay_out_job(self.at)

    def is_whole(self):
        different, count = differing(self.path('one'), self.at)
        self.assertEqual((different, count), ([], 65))  # 64 tiles and the mosaic

    def test_gnu_parallel(self):
        if not shutil.which('parallel'):
            self.skipTest('there is no program parallel')
        shell(page_block('parallel --retries'), self.at, os.environ)
        self.is_whole()

    def test_aws_batch(self):
        """What each child of the array is to run, and then the job that depends on it."""
        share = json.loads(page_block('containerProperties'))['containerProperties']['command']
        submit = page_block('aws batch submit-job')
        whole = re.search(r'--container-overrides command=(\S+)', submit).group(1).split(',')
        count = int(re.search(r'--array-properties size=(\d+)', submit).group(1))
        for index in range(count):
            shell(self.in_folder(share), self.at, dict(os.environ, AWS_BATCH_JOB_ARRAY_INDEX=str(index), AWS_BATCH_JOB_ARRAY_SIZE=str(count)))
        shell(self.in_folder(whole), self.at, os.environ)
        self.is_whole()

    def in_folder(self, words):
        return ' '.join(word.replace('/data', self.at) for word in words)


if __name__ == '__main__':
    unittest.main()
