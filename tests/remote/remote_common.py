"""What the tests of inputs beyond a network share: rasters that a server gives, and the tool that reads them."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), HERE]

import numpy as np  # noqa: E402
from osgeo import gdal  # noqa: E402

from common import Case, run, write  # noqa: E402
import range_server  # noqa: E402

SIZE, BLOCK = 1024, 64
STRIPS = SIZE // BLOCK
ENVIRONMENT = {'GDAL_DISABLE_READDIR_ON_OPEN': 'EMPTY_DIR', 'GDAL_NUM_THREADS': 'ALL_CPUS'}


def pixels(seed, size=SIZE):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size]
    return (2000 * np.sin(x / 90) * np.cos(y / 70) + random.integers(0, 50, (size, size))).astype(np.int16)


class Served(Case):
    @classmethod
    def prepare(cls):
        tiled = ('TILED=YES', f'BLOCKXSIZE={BLOCK}', f'BLOCKYSIZE={BLOCK}')
        a, b, c = pixels(1), pixels(2), pixels(3)
        write(cls.path('deflate.tif'), a, nodata=7, options=(*tiled, 'COMPRESS=DEFLATE'))
        write(cls.path('raw.tif'), a, options=tiled)
        write(cls.path('pixel.tif'), [a, b, c], options=(*tiled, 'COMPRESS=DEFLATE', 'INTERLEAVE=PIXEL'))
        write(cls.path('band.tif'), [a, b, c], options=(*tiled, 'COMPRESS=ZSTD', 'INTERLEAVE=BAND'))
        write(cls.path('striped.tif'), a, options=('COMPRESS=DEFLATE', 'BLOCKYSIZE=1'))
        left, right = cls.path('left.tif'), cls.path('right.tif')
        gdal.Translate(left, cls.path('deflate.tif'), srcWin=[0, 0, SIZE // 2, SIZE], creationOptions=tiled)
        gdal.Translate(right, cls.path('deflate.tif'), srcWin=[SIZE // 2, 0, SIZE // 2, SIZE], creationOptions=tiled)
        cls.serving = range_server.serve(cls.folder)
        cls.server = cls.serving.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.serving.__exit__(None, None, None)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.server.delay(0)
        self.server.reset()

    def translate(self, source, name='out.tif', *words, env=None):
        """The pixels that gdal_translate writes, with its exit code and its messages."""
        out = self.path(name)
        if os.path.exists(out):
            os.unlink(out)
        begin = time.monotonic()
        done = run('gdal_translate', '-q', *words, source, out, env=dict(ENVIRONMENT, **(env or {})))
        self.seconds = time.monotonic() - begin
        return done, gdal.Open(out).ReadAsArray() if done.returncode == 0 else None

    def requests(self):
        return [entry for entry in self.server.stats()['log'] if not entry[1].endswith(('.aux.xml', '.msk', '.ovr'))]

    @staticmethod
    def looks(seconds):
        """Requests of a program that takes so long which ask whether a file is the same: when it is opened, the second time too if that is
        a second later, every two seconds, and at the end."""
        return 2 + (seconds >= 1) + int(seconds / 2)
