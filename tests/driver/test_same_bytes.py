"""The same bytes, whatever the workers, the tiles, the instruction set; and without CALC the bytes of the source."""
import os
import sys
import unittest

import numpy as np
from osgeo import gdal

from common import Case, TYPES, fishnet, good, oo, real, run, within, write

HEAVY = 'where(A>9500, log(A)*sin(B/100), sqrt(abs(A-B)) + A^0.3 - atan2(A, B))'


class SameBytes(Case):
    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif'))
        a = source.ReadAsArray(100, 200, 731, 517)
        b = source.ReadAsArray(1300, 600, 731, 517)
        a[50:300, 400:500] = -999
        cls.a = write(cls.path('a.tif'), a, -999, options=['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256', 'COMPRESS=DEFLATE'])
        cls.b = write(cls.path('b.tif'), b, -999)

    def translate(self, source, *calcs, env=None, **options):
        """The pixels that gdal_translate writes: a process of its own where it has an environment."""
        out = self.path('out.tif')
        done = (run if env else within)('gdal_translate', '-q', 'FISHNET:' + source, out, *oo(*calcs, **options), **({'env': env} if env else {}))
        self.assertEqual(done.returncode, 0, done.stderr)
        dataset = gdal.Open(out)
        pixels = dataset.ReadAsArray()
        dataset = None
        os.unlink(out)
        return pixels

    def test_workers_and_tiles(self):
        first = None
        for workers in (1, 2, 3, 7):
            for tile in ('64', '100x37', '512', 'AUTO'):
                pixels = self.translate(self.a, HEAVY, 'A-B', B=self.b, NUM_WORKERS=workers, TILE_SIZE=tile)
                if first is None:
                    first = pixels
                    self.assertEqual(first.shape, (2, 517, 731))
                    self.assertGreater(np.isfinite(first[0]).sum(), 300000)
                    self.assertEqual(np.isnan(first[0, 50:300, 400:500]).sum(), 250 * 100)
                self.assertEqual(pixels.tobytes(), first.tobytes(), '%s workers, tiles %s' % (workers, tile))

    def test_small_budget(self):
        """A cache of one megabyte changes nothing but the time."""
        want = self.translate(self.a, HEAVY, B=self.b)
        got = self.translate(self.a, HEAVY, B=self.b, CACHE_MB=1, NUM_WORKERS=7, TILE_SIZE=512)
        self.assertEqual(got.tobytes(), want.tobytes())

    def peak(self, *command):
        """Peak memory of a command in KB; by a small process, since a child begins with the memory of its parent."""
        script = ('import resource, subprocess, sys; subprocess.check_call(sys.argv[1:]); '
                  'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)')
        return int(good('/usr/bin/python3', '-c', script, *command, env={'GDAL_CACHEMAX': '2000'}))

    def test_written_while_waiting(self):
        """A copy is written behind the reader, not at its end: less memory, and each block of the output still once (a block that
        is compressed twice leaves a hole in the file)."""
        big = self.path('big.tif')
        good('gdal_translate', '-q', '-outsize', '6000', '6000', self.a, big, '-co', 'TILED=YES')
        name, calc = 'FISHNET:' + big, oo('sqrt(A)', NUM_WORKERS=2)
        for layout in ([], ['TILED=YES'], ['TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512']):
            creation = [word for option in layout + ['COMPRESS=DEFLATE', 'ZLEVEL=1'] for word in ('-co', option)]
            out, plain = self.path('behind.tif'), self.path('plain.tif')
            copy = self.peak('gdal_translate', '-q', big, out, *creation)
            ours = self.peak('gdal_translate', '-q', name, out, *calc, *creation)
            if 'LD_PRELOAD' not in os.environ:  # a sanitizer keeps freed memory
                self.assertLess(ours, copy - (50 << 10), layout)  # the output alone has 140625 KB
            good('gdal_translate', '-q', out, plain, *creation, '--config', 'GDAL_CACHEMAX', '2000')
            self.assertEqual(os.path.getsize(out), os.path.getsize(plain), layout)
            self.assertEqual(gdal.Open(out).ReadAsArray().tobytes(), gdal.Open(plain).ReadAsArray().tobytes(), layout)

    def test_instruction_sets(self):
        """On any machine with FMA all kernels give the same bits."""
        with open('/proc/cpuinfo') as f:
            flags = set(next(line for line in f if line.startswith('flags')).split(':')[1].split())
        if 'fma' not in flags:
            self.skipTest('this machine has no FMA: transcendental functions may differ in the last bit')
        special = np.array([0, -0.0, 1, -1, 0.5, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-310, 710, -745, 1e22, np.pi, 2.5, -2.5])
        path = write(self.path('special.tif'), [np.tile(special, (17, 1)), np.tile(special, (17, 1)).T.copy()])
        functions = ('abs sign sqrt cbrt square reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh '
                     'tanh asinh acosh atanh radians degrees floor ceil trunc round rint isnan isinf isfinite').split()
        calcs = ['%s(A)' % name for name in functions] + ['A%sA[2]' % op for op in ('+', '-', '*', '/', '//', '%', '^', '<', '==', '&&')]
        calcs += ['hypot(A,A[2])', 'atan2(A,A[2])', 'fmod(A,A[2])', 'min(A,A[2])', 'max(A,A[2])', 'floor(A)&floor(A[2])',
                  'floor(A)<<floor(A[2])', 'floor(A)>>floor(A[2])', '~floor(A)', 'where(A,A[2],1)']
        results = {}
        for simd, needs in (('plain', None), ('avx2', 'avx2'), ('avx512', 'avx512f')):
            if needs and needs not in flags:
                print('this machine has no %s: its kernels are not compared' % simd)
                continue
            env = {'FISHNET_SIMD': simd}
            script = ('from osgeo import gdal; d = gdal.OpenEx("FISHNET:%s", open_options=["CALC=A"]); d.ReadAsArray(); '
                      'print(d.GetMetadataItem("SIMD", "FISHNET"))' % self.a)
            self.assertEqual(good(sys.executable, '-c', script, env=env).strip(), simd)
            results[simd] = [self.translate(self.a, HEAVY, B=self.b, env=env),
                             self.translate(path, *calcs, env=env, OT='Float64'),
                             self.translate(path, *calcs, env=env, OT='Float64', NODATA='none'),
                             self.translate(path, 'A', 'A*100', env=env, OT='Int16', NODATA=0),
                             self.translate(path, 'A', 'A*100', env=env, OT='Byte', NODATA=0),
                             self.translate(path, 'A', 'A*1e9', env=env, OT='UInt32', NODATA=0)]
        for simd, pixels in results.items():
            for i, one in enumerate(pixels):
                want = results['plain'][i]
                same = (one == want) | ((one != one) & (want != want))
                if one.dtype.kind == 'f':
                    same &= (np.signbit(one) == np.signbit(want)) | (one != one)
                self.assertTrue(same.all(), '%s differs from plain in raster %d, band %s'
                                % (simd, i, sorted(set(np.argwhere(~same)[:, 0]))))


class WithoutCalc(Case):
    """FISHNET:x is x."""

    def check(self, source, what, **options):
        want = gdal.Open(source)
        for tile in ('AUTO', '64', '100x37'):
            got = fishnet(source, TILE_SIZE=tile, NUM_WORKERS=3, **options)
            self.assertEqual(got.RasterCount, want.RasterCount)
            for i in range(1, want.RasterCount + 1):
                a, b = want.GetRasterBand(i), got.GetRasterBand(i)
                self.assertEqual(a.DataType, b.DataType, what)
                self.assertEqual(a.ReadAsArray().tobytes(), b.ReadAsArray().tobytes(), '%s band %d tiles %s' % (what, i, tile))
                self.assertEqual(a.Checksum(), b.Checksum())
            if len({want.GetRasterBand(i + 1).DataType for i in range(want.RasterCount)}) == 1:
                self.assertEqual(want.ReadAsArray().tobytes(), got.ReadAsArray().tobytes(), what)

    def test_types_and_layouts(self):
        rng = np.random.default_rng(4)
        for name, dtype in TYPES.items():
            raw = rng.integers(0, 256, 3 * 211 * 157 * np.dtype(dtype).itemsize, dtype=np.uint8)
            pixels = raw.view(dtype).reshape(3, 157, 211)  # every bit pattern, NaNs with payloads too
            for layout, options in (('strips', []), ('tiles', ['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=48']),
                                    ('pixel', ['INTERLEAVE=PIXEL', 'COMPRESS=DEFLATE']),
                                    ('band', ['INTERLEAVE=BAND', 'TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64'])):
                source = write(self.path('%s_%s.tif' % (name, layout)), pixels, options=options)
                self.check(source, name + ' ' + layout)

    def test_mosaic_vrt(self):
        rng = np.random.default_rng(5)
        parts = []
        for i in range(4):
            x, y = i % 2, i // 2
            pixels = rng.integers(0, 65536, (90, 110), dtype=np.uint16)
            parts.append(write(self.path('part%d.tif' % i), pixels, geotransform=(1000 + x * 1100, 10, 0, 5000 - y * 900, 0, -10)))
        mosaic = self.path('mosaic.vrt')
        good('gdalbuildvrt', '-q', mosaic, *parts)
        self.check(mosaic, 'mosaic')

    def test_mixed_types(self):
        byte = write(self.path('byte.tif'), np.arange(200 * 100, dtype=np.uint8).reshape(100, 200))
        real_ = write(self.path('float.tif'), np.linspace(-1, 1, 200 * 100, dtype=np.float64).reshape(100, 200))
        mixed = self.path('mixed.vrt')
        good('gdalbuildvrt', '-q', '-separate', mixed, byte, real_)
        dataset = gdal.Open(mixed)
        self.assertEqual([dataset.GetRasterBand(i).DataType for i in (1, 2)], [gdal.GDT_Byte, gdal.GDT_Float64])
        dataset = None
        self.check(mixed, 'mixed')

    def test_netcdf(self):
        if gdal.GetDriverByName('netCDF') is None:
            self.skipTest('this GDAL has no netCDF driver')
        nc = self.path('dem.nc')
        good('gdal_translate', '-q', '-of', 'netCDF', '-srcwin', 200, 300, 300, 200, real('dem.tif'), nc)
        self.check(nc, 'netCDF')
        name = gdal.Open(nc).GetRasterBand(1).GetMetadataItem('NETCDF_VARNAME')
        self.check('NETCDF:"%s":%s' % (nc, name), 'netCDF variable')

    def test_real_files(self):
        self.check(real('landsat.tif'), 'Landsat')
        self.check(real('egm96.gtx'), 'geoid')
        for tool in ([], ['-of', 'COG']):
            ours, theirs = self.path('ours.tif'), self.path('theirs.tif')
            good('gdal_translate', '-q', *tool, 'FISHNET:' + real('landsat.tif'), ours)
            good('gdal_translate', '-q', *tool, real('landsat.tif'), theirs)
            self.assertEqual(gdal.Open(ours).ReadAsArray().tobytes(), gdal.Open(theirs).ReadAsArray().tobytes())

    def test_gdalinfo_says_the_same(self):
        for name in ('dem.tif', 'landsat.tif'):
            source = real(name)
            ours = good('gdalinfo', '-checksum', '-stats', 'FISHNET:' + source, env={'GDAL_PAM_ENABLED': 'NO'})
            theirs = good('gdalinfo', '-checksum', '-stats', source, env={'GDAL_PAM_ENABLED': 'NO'})

            def bands(text):
                lines = text[text.index('Band 1'):].splitlines()
                return [line if 'Block=' not in line else line[:line.index('Block=')] + line[line.index('Type='):] for line in lines]
            self.assertEqual(sorted(bands(ours)), sorted(bands(theirs)))  # items come in the order they were set


if __name__ == '__main__':
    unittest.main()
