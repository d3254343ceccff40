"""Blocks of GeoTIFFs that the workers decode past GDAL: the pixels are GDAL's, for every way to store them, and where a file is damaged."""
import itertools
import os
import subprocess
import sys
import unittest

import numpy as np
from osgeo import gdal

from common import TYPES, VERSION, Case

BANDS, HEIGHT, WIDTH = 3, 150, 205
SEED = int(os.environ.get('FISHNET_SEED', '1'))
LAYOUTS = {'tiled': ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=48'], 'strips': ['BLOCKYSIZE=7'], 'rows': ['BLOCKYSIZE=1'], 'one': ['BLOCKYSIZE=%d' % HEIGHT]}
STORED = (('tiled', 'PIXEL'), ('strips', 'PIXEL'), ('rows', 'BAND'), ('tiled', 'BAND'), ('one', 'BAND'))
CODECS = gdal.GetDriverByName('GTiff').GetMetadataItem('DMD_CREATIONOPTIONLIST')
SHOW = """
import sys
from osgeo import gdal
gdal.UseExceptions()
for path in sys.argv[1:]:
    gdal.OpenEx('FISHNET:' + path, open_options=['NUM_WORKERS=1']).ReadAsArray()
"""


def codecs_of(name):
    """What GTiff can compress such pixels with, and how it is prepared."""
    floating = name.startswith('Float')
    for codec in ('NONE', 'DEFLATE', 'ZSTD', 'LZW', 'PACKBITS', 'LZMA', 'LERC'):
        if '>%s<' % codec not in CODECS or (codec == 'LERC' and name in ('Int64', 'UInt64', 'Float16')):
            continue
        for predictor in ('1', '2', '3') if codec in ('DEFLATE', 'ZSTD', 'LZW') else ('1',):
            if predictor == '2' and name == 'Float16' or predictor == '3' and not floating:
                continue
            yield ['COMPRESS=' + codec] + (['PREDICTOR=' + predictor] if predictor != '1' else [])


class TestBlocks(Case):
    @classmethod
    def prepare(cls):
        generator = np.random.default_rng(SEED)
        cls.values = generator.normal(0, 1, (BANDS, HEIGHT, WIDTH)).cumsum(axis=2) * 10
        cls.values[:, 40:60] = 7

    def make(self, path, name, options, shape=(BANDS, HEIGHT, WIDTH), rows=None):
        values = self.values[:shape[0], :shape[1], :shape[2]]
        if np.issubdtype(TYPES[name], np.integer):
            info = np.iinfo(TYPES[name])
            values = np.clip(np.round(values), max(info.min, -2.0**53), min(info.max, 2.0**53)) if info.min < 0 else np.round(np.abs(values)) % 250
        dataset = gdal.GetDriverByName('GTiff').Create(self.path(path), shape[2], shape[1], shape[0], gdal.GetDataTypeByName(name), options)
        dataset.WriteArray(values[:, :rows].astype(TYPES[name])) if rows else dataset.WriteArray(values.astype(TYPES[name]))
        dataset = None
        return path

    def decoded(self, paths):
        """Of which of the files the blocks are decoded past GDAL."""
        done = subprocess.run([sys.executable, '-c', SHOW, *map(self.path, paths)], capture_output=True, text=True, check=True,
                              env={**os.environ, 'CPL_DEBUG': 'FISHNET'})
        return {path for path in paths if 'FISHNET: blocks of A (%s) are decoded past GDAL' % self.path(path) in done.stderr}

    def read(self, path, *options):
        """The pixels, or None where reading fails."""
        try:
            return gdal.OpenEx('FISHNET:' + self.path(path), open_options=['NUM_WORKERS=2', 'RETRIES=0', *options]).ReadAsArray()
        except RuntimeError:
            return None

    def read_by_gdal(self, path, backwards=False):
        """The same, without FISHNET. Where a stream ends early, what older versions of libtiff give is what they decoded before: backwards, that is
        something else."""
        try:
            dataset = gdal.Open(self.path(path))
            if not backwards:
                return dataset.ReadAsArray()
            pixels = np.zeros((dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize))
            for y in reversed(range(0, dataset.RasterYSize, 48)):
                for x in reversed(range(0, dataset.RasterXSize, 64)):
                    own = pixels[:, y:y + 48, x:x + 64]
                    own[:] = dataset.ReadAsArray(x, y, own.shape[2], own.shape[1])
            return pixels
        except (RuntimeError, AttributeError):
            return None

    def same(self, path):
        want = gdal.Open(self.path(path)).ReadAsArray()
        np.testing.assert_array_equal(self.read(path), want, path)
        if want.ndim == 3: # one band of blocks that hold all
            np.testing.assert_array_equal(gdal.OpenEx('FISHNET:' + self.path(path)).GetRasterBand(2).ReadAsArray(), want[1], path)

    def test_every_way_to_store_pixels(self):
        paths = []
        for name in TYPES:
            for number, (codec, (layout, interleave)) in enumerate(itertools.product(codecs_of(name), STORED)):
                path = self.make('%s%d.tif' % (name, number), name, [*codec, *LAYOUTS[layout], 'INTERLEAVE=' + interleave])
                self.same(path)
                if name != 'Float16': # which GDAL itself converts
                    paths.append(path)
        self.assertGreater(len(paths), 300)
        self.assertEqual(self.decoded(paths), set(paths))

    def test_planes_of_expressions(self):
        """Several bands of a block, masks, alpha, neighbours, and windows that are parts of blocks."""
        for interleave in ('PIXEL', 'BAND'):
            path = self.make('%s.tif' % interleave, 'Int16', ['INTERLEAVE=' + interleave, *LAYOUTS['tiled'], 'COMPRESS=DEFLATE', 'PREDICTOR=2'])
            a = gdal.Open(self.path(path)).ReadAsArray().astype(float)
            for size in ('TILE_SIZE=64x48', 'TILE_SIZE=128', 'TILE_SIZE=50x33', 'TILE_SIZE=17'):
                np.testing.assert_array_equal(self.read(path, 'CALC=A[1]-2*A[3]', 'OT=Float64', size), a[0] - 2 * a[2], size)
                got = self.read(path, 'CALC=A[1][1,0]-A[2]', 'OT=Float64', size)
                np.testing.assert_array_equal(got[:-1], a[0][1:] - a[1][:-1], size)
        path = self.make('alpha.tif', 'Byte', ['ALPHA=YES', 'PHOTOMETRIC=MINISBLACK', *LAYOUTS['tiled'], 'COMPRESS=ZSTD' if '>ZSTD<' in CODECS else 'COMPRESS=DEFLATE'])
        a = gdal.Open(self.path(path)).ReadAsArray().astype(float)
        dataset = gdal.Open(self.path(path))
        alpha = [dataset.GetRasterBand(i + 1).GetColorInterpretation() for i in range(BANDS)].index(gdal.GCI_AlphaBand)
        got = self.read(path, 'CALC=A[1]+A[3]', 'OT=Float64', 'NODATA=-1')
        np.testing.assert_array_equal(got, np.where(a[alpha] == 0, -1, a[0] + a[2]))
        self.assertTrue((got == -1).any() and (got != -1).any())

    def test_what_gdal_converts(self):
        """Such files are GDAL's to read."""
        others = [self.make('bits.tif', 'UInt16', ['NBITS=12', 'COMPRESS=DEFLATE']),
                  self.make('white.tif', 'Byte', ['PHOTOMETRIC=MINISWHITE', 'COMPRESS=DEFLATE'], (1, HEIGHT, WIDTH))]
        if '>JPEG<' in CODECS:
            others.append(self.make('jpeg.tif', 'Byte', ['COMPRESS=JPEG', 'PHOTOMETRIC=YCBCR', 'INTERLEAVE=PIXEL', 'TILED=YES']))
        big = [self.make('big%d.tif' % i, 'Int32', ['ENDIANNESS=BIG', *codec, *LAYOUTS['tiled']]) for i, codec in enumerate(codecs_of('Int32'))]
        for path in others + big:
            self.same(path)
        self.assertEqual(self.decoded(others + big), set(big))

    def test_sparse(self):
        for options in (['INTERLEAVE=BAND'], ['INTERLEAVE=PIXEL']):
            path = self.make('sparse%s.tif' % options[0][-4:], 'Int32', ['SPARSE_OK=TRUE', *LAYOUTS['tiled'], 'COMPRESS=DEFLATE', *options], rows=50)
            dataset = gdal.Open(self.path(path), gdal.GA_Update)
            dataset.GetRasterBand(1).SetNoDataValue(-5)
            dataset = None
            self.same(path)
            self.assertTrue((self.read(path)[:, -1] == -5).all())
            self.assertEqual(self.decoded([path]), {path})

    def test_directories_and_overviews(self):
        path = self.make('levels.tif', 'UInt16', ['COMPRESS=DEFLATE', 'PREDICTOR=2', *LAYOUTS['tiled']])
        dataset = gdal.Open(self.path(path), gdal.GA_Update)
        dataset.BuildOverviews('NEAREST', [2])
        dataset = None
        overview = gdal.OpenEx('FISHNET:' + self.path(path)).GetRasterBand(2).GetOverview(0)
        np.testing.assert_array_equal(overview.ReadAsArray(), gdal.Open(self.path(path)).GetRasterBand(2).GetOverview(0).ReadAsArray())
        for directory in (1, 2):
            name = 'GTIFF_DIR:%d:%s' % (directory, self.path(path))
            np.testing.assert_array_equal(gdal.OpenEx('FISHNET:' + name).ReadAsArray(), gdal.Open(name).ReadAsArray())

    def test_damaged(self):
        """The pixels that GDAL gives, or an error, wherever a byte is wrong."""
        generator = np.random.default_rng(SEED + 1)
        failures = successes = 0
        for number, codec in enumerate((['COMPRESS=DEFLATE', 'PREDICTOR=2'], ['COMPRESS=ZSTD'], ['COMPRESS=LZW'], ['COMPRESS=NONE'])):
            if '>%s<' % codec[0][9:] not in CODECS:
                continue
            path = self.make('whole%d.tif' % number, 'Int16', [*codec, *LAYOUTS['tiled'], 'INTERLEAVE=PIXEL'])
            with open(self.path(path), 'rb') as file:
                whole = file.read()
            for case in range(60):
                with open(self.path('damaged.tif'), 'wb') as file:
                    wrong = bytearray(whole)
                    for at in generator.integers(0, len(wrong) if case % 2 else 1200, 3):
                        wrong[at] ^= 1 << generator.integers(0, 8)
                    file.write(wrong[:generator.integers(0, len(wrong))] if case % 7 == 6 else wrong)
                want, got = self.read_by_gdal('damaged.tif'), self.read('damaged.tif')
                self.assertEqual(got is None, want is None, (codec, case))
                if want is not None:
                    known = want == self.read_by_gdal('damaged.tif', backwards=True)
                    np.testing.assert_array_equal(got[known], want[known], str((codec, case)))
                failures, successes = failures + (want is None), successes + (want is not None)
        self.assertGreater(min(failures, successes), 20)


if __name__ == '__main__':
    unittest.main()
