"""Stacks of more files than may be open, and than memory holds at a time, against numpy."""
import os
import resource
import subprocess
import sys
import unittest

import numpy as np
from osgeo import gdal

from common import Case, run, write

DISTINCT, SHAPE = 20, (40, 96)
BEST = 'pick(S, nanargmax(S))'


class TestManyInputs(Case):
    @classmethod
    def prepare(cls):
        """Members: links to a few files, each under several names."""
        generator = np.random.default_rng(15)
        cls.values = generator.integers(1, 60000, (DISTINCT, *SHAPE)).astype(np.uint16)
        cls.values[generator.random(cls.values.shape) < 0.3] = 0
        cls.values[:, 0, :5] = 0
        os.makedirs(cls.path('scenes'))
        cls.order = [(7 * i) % DISTINCT for i in range(150)]
        for i, bands in enumerate(cls.values):
            write(cls.path('own%d.tif' % i), [bands], nodata=0, options=['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=16'])
        for i, own in enumerate(cls.order):
            os.link(cls.path('own%d.tif' % own), cls.path('scenes/s%03d.tif' % i))
        cls.stack = np.where(cls.values == 0, np.nan, cls.values.astype(float))[cls.order]

    def compute(self, calc, *options, files=None, workers=2, name='out.tif'):
        """By gdal_translate, which may have so many open files; the pixels."""
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        done = subprocess.run(['gdal_translate', '-q', 'FISHNET:', self.path(name), '-oo', 'INPUT=S=' + self.path('scenes/*.tif'), '-oo', 'CALC=' + calc,
                               '-oo', 'OT=Float64', '-oo', 'NUM_WORKERS=%d' % workers] + [word for option in options for word in ('-oo', option)],
                              capture_output=True, text=True, preexec_fn=limit, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return gdal.Open(self.path(name)).ReadAsArray()

    def test_more_than_may_be_open(self):
        """150 members where 48 files may be open, by threads and processes."""
        with np.errstate(all='ignore'):
            valid = ~np.isnan(self.stack[:, 1:])
            wants = [('nanmean(S)', np.nanmean(self.stack[:, 1:], axis=0)), ('nanmedian(S)', np.nanmedian(self.stack[:, 1:], axis=0)),
                     ('count(S)', valid.sum(0)), (BEST, np.nanmax(self.stack[:, 1:], axis=0)),
                     ('nanmedian(S)-nanmin(S)', np.nanmedian(self.stack[:, 1:], axis=0) - np.nanmin(self.stack[:, 1:], axis=0))]
        for calc, want in wants:
            for kind, workers in (('THREADS', 1), ('THREADS', 7), ('PROCESSES', 2)):
                got = self.compute(calc, 'WORKERS=' + kind, 'TILE_SIZE=32x16', files=48, workers=workers)
                np.testing.assert_array_equal(got[1:], want, '%s by %d %s' % (calc, workers, kind))

    def test_the_same_bytes(self):
        """Read all at once, in phases, and whatever stays open."""
        for calc in ('nanvar(S)', 'nanpercentile(S, 90)', BEST, 'nanargmin(S)*1000+count(S)'):
            files = set()
            for options, limit, workers in (((), None, 1), ((), 40, 3), (('TILE_SIZE=48',), None, 2), (('WORKERS=PROCESSES',), 60, 2)):
                self.compute(calc, *options, files=limit, workers=workers)
                with open(self.path('out.tif'), 'rb') as file:
                    files.add(file.read())
            self.assertEqual(len(files), 1, calc)

    def without_last(self):
        """Removes the last member, which takes its turn, until the end of the test."""
        last = self.path('scenes/s149.tif')

        def put_back():
            if os.path.exists(last):
                os.remove(last)
            os.link(self.path('own%d.tif' % self.order[149]), last)

        os.remove(last)
        self.addCleanup(put_back)
        return put_back

    def fails(self, *options, says):
        with self.assertRaises(RuntimeError) as caught:
            gdal.OpenEx('FISHNET:', open_options=['INPUT=S=' + self.path('scenes/*.tif'), *options]).ReadAsArray()
        self.assertIn(says, str(caught.exception))

    def test_a_member_that_goes(self):
        """Before it is opened, and after: an error that names it."""
        put_back = self.without_last()
        self.fails('INPUT=L=' + self.path('scenes/s149.tif'), 'CALC=nanmean(S)+L', says='s149.tif')
        for kind in 'THREADS', 'PROCESSES':
            put_back()
            dataset = gdal.OpenEx('FISHNET:', open_options=['INPUT=S=' + self.path('scenes/*.tif'), 'CALC=nanmean(S)', 'WORKERS=' + kind])
            os.remove(self.path('scenes/s149.tif'))
            with self.assertRaises(RuntimeError) as caught:
                dataset.ReadAsArray()
            self.assertIn('s149.tif', str(caught.exception))

    def test_a_damaged_member(self):
        """Cut off within its pixels."""
        self.without_last()
        with open(self.path('own3.tif'), 'rb') as file:
            whole = file.read()
        with open(self.path('scenes/s149.tif'), 'wb') as file:
            file.write(whole[:-3000])
        for calc in 'nanmedian(S)', 'nanmean(S)':
            for kind in 'THREADS', 'PROCESSES':
                self.fails('CALC=' + calc, 'WORKERS=' + kind, says='s149.tif')

    def test_rows_of_a_tile(self):
        """Tiles of which a worker has not room for all rows of all members: 400 MB in one tile."""
        shape, count = (512, 512), 200
        generator = np.random.default_rng(5)
        members = np.repeat(generator.integers(1, 9, (5, shape[0], 1)), shape[1], 2).astype(np.float64)
        members[generator.random(members.shape) < 0.01] = -9
        for i, member in enumerate(members):
            write(self.path('large%d.tif' % i), [member], nodata=-9, options=['TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512', 'COMPRESS=DEFLATE'])
        with open(self.path('large.txt'), 'w', encoding='ascii') as file:
            file.write(''.join('large%d.tif\n' % (i % 5) for i in range(count)))
        code = ('import resource\n'
                'from osgeo import gdal\n'
                'gdal.UseExceptions()\n'
                'options = ["INPUT=S=@%s", "CALC=nanmedian(S)", "OT=Float64", "NUM_WORKERS=2"]\n'
                'dataset = gdal.OpenEx("FISHNET:", open_options=options)\n'
                'open(%r, "wb").write(dataset.ReadAsArray().tobytes())\n'
                'print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n' % (self.path('large.txt'), self.path('rows.bin')))
        peak = int(run(sys.executable, '-c', code).stdout)
        got = np.fromfile(self.path('rows.bin')).reshape(shape)
        stack = np.where(members == -9, np.nan, members)
        want = np.nanmedian(np.repeat(stack, count // 5, 0), axis=0)
        np.testing.assert_array_equal(got, want)
        if 'LD_PRELOAD' not in os.environ:  # a sanitizer keeps freed memory
            self.assertLess(peak, 512)


if __name__ == '__main__':
    unittest.main()
