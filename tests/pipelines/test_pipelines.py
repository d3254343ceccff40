"""Any pipeline in parallel: the same pixels as serial GDAL, for any number of workers and any size of tiles.

    test_pipelines.py [--table FILE]    adds what was found for this GDAL to FILE (JSON), which table.py makes the table in docs/PIPELINES.md of
"""
import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import VERSION, Case, collect_errors, config, fishnet, gdal, good, patience, real, run, write  # noqa: E402
from osgeo import gdal_array  # noqa: E402
from kinds import PIPELINES, Kinds, band, derived, header, mosaic, pipeline, source, write_text  # noqa: E402

TABLE = os.environ.get('FISHNET_PIPELINES_TABLE')

# What a pixel is depends on the window in which GDAL itself is asked for it: the approximating transformer of a warped VRT, since GDAL warps
# windows and not only blocks. In blocks it has one value, which is ours. With an exact transformer (-et 0) the last digit, in some GDALs.
WINDOWS = VERSION >= (3, 7)
WARPED = {'warped VRT, near', 'warped VRT, bilinear', 'warped VRT, cubic', 'warped VRT, lanczos', 'warped VRT, bilinear, downsampled',
          'warped VRT, several bands', 'VRT over a warped VRT', 'derived band over a warped VRT', 'pipeline: reproject',
          'pipeline: hillshade, then reproject', 'warped VRT, cubic, alpha', 'warped VRT, cutline', 'warped VRT, cubic, exact'} if WINDOWS else set()
# The last digit depends on where a window begins, in every GDAL.
RESAMPLED = {'VRT resampled, bilinear'}
# Serial GDAL is wrong: see test_old_gdals.
WRONG = set()
if gdal.VersionInfo('VERSION_NUM') < '3120300':
    WRONG.add('mosaic of derived bands')
if VERSION < (3, 11):
    WRONG.add('derived band without SourceTransferType')
IN_PROCESSES = {'mosaic of derived bands', 'kernel 11x11', 'warped VRT, cubic', 'pansharpened VRT', 'pipeline: slope',
                'pipeline: hillshade, then reproject', 'VRT over a pipeline: slope'}


def copy(name, **options):
    """The pixels that gdal_translate writes."""
    dataset = gdal.OpenEx(name, gdal.OF_RASTER, open_options=['%s=%s' % pair for pair in options.items()])
    gdal.Translate('/vsimem/copy.tif', dataset)
    pixels = gdal.Open('/vsimem/copy.tif').ReadAsArray()
    gdal.Unlink('/vsimem/copy.tif')
    return pixels


def in_blocks(name):
    """The same, read block by block."""
    dataset = gdal.Open(name)
    bands = []
    for i in range(dataset.RasterCount):
        band = dataset.GetRasterBand(i + 1)
        width, height = band.GetBlockSize()
        bands.append(np.vstack([
            np.hstack([band.ReadAsArray(x, y, min(width, dataset.RasterXSize - x), min(height, dataset.RasterYSize - y))
                       for x in range(0, dataset.RasterXSize, width)])
            for y in range(0, dataset.RasterYSize, height)]))
    return bands[0] if len(bands) == 1 else np.array(bands)


def equal(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and not ((a != b) & ~((a != a) & (b != b))).any()


class Pipelines(Case):
    @classmethod
    def prepare(cls):
        cls.dem = cls.path('dem.tif')
        gdal.Translate(cls.dem, real('dem.tif'), srcWin=[300, 100, 1000, 500], creationOptions=['TILED=YES', 'COMPRESS=DEFLATE'])
        cls.kinds = Kinds(cls.folder, cls.dem, real('landsat.tif'))

    def check(self, kind):
        """Returns what goes into the table."""
        path = self.kinds.make(kind)
        ours = copy('FISHNET:' + path, NUM_WORKERS=2)
        for options in ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 5}, {'NUM_WORKERS': 2, 'TILE_SIZE': '200x150'}):
            if 'TILE_SIZE' not in options or kind not in RESAMPLED:
                self.same(copy('FISHNET:' + path, **options), ours, '%s, %s' % (kind, options))
        if kind in IN_PROCESSES:
            self.same(copy('FISHNET:' + path, NUM_WORKERS=2, WORKERS='PROCESSES'), ours, kind + ', processes')
        dataset = fishnet(path, NUM_WORKERS=3)
        self.same(dataset.ReadAsArray(77, 55, 201, 203), ours[..., 55:258, 77:278], kind + ', a window')
        band = dataset.GetRasterBand(1)
        number = fishnet(path, 'A', OT=gdal.GetDataTypeName(band.DataType), NODATA='none', NUM_WORKERS=2)
        self.same(number.GetRasterBand(1).ReadAsArray(), ours if ours.ndim == 2 else ours[0], kind + ', CALC=A')
        serial, blocks = copy(path), in_blocks(path)
        if kind in WRONG:
            self.assertFalse(equal(ours, serial), kind + ': GDAL is said to be wrong here')
            return 'GDAL is wrong'
        if kind in RESAMPLED:
            np.testing.assert_allclose(ours, serial, rtol=1e-6, err_msg=kind)
            return 'last digit'
        self.same(ours, blocks, kind + ': GDAL in blocks')
        if not equal(ours, serial):
            self.assertIn(kind, WARPED, kind + ': gdal_translate gives other pixels')
            with config('GDAL_VRT_WARP_USE_DATASET_RASTERIO', 'NO'):
                self.same(ours, copy(path), kind + ': gdal_translate in blocks')
            return 'in blocks'
        return 'yes'

    def test_same_as_serial(self):
        found = {}
        for kind in self.kinds.names():
            with self.subTest(kind):
                found[kind] = self.check(kind)
        self.assertEqual(len(found), len(self.kinds.names()))
        if TABLE:
            held = {}
            if os.path.exists(TABLE):
                with open(TABLE) as file:
                    held = json.load(file)
            held[gdal.VersionInfo('RELEASE_NAME')] = found
            with open(TABLE, 'w') as file:
                json.dump(held, file, indent=1)

    def test_old_gdals(self):
        """What serial GDAL gets wrong before 3.12.3 and before 3.11, is right here in all of them."""
        dem = gdal.Open(self.dem).ReadAsArray()
        root = np.sqrt(dem.astype(np.float64))
        path = self.kinds.make('mosaic of derived bands')
        for tiles in ({}, {'TILE_SIZE': '200x150'}):
            self.same(fishnet(path, NUM_WORKERS=2, **tiles).ReadAsArray(), root.astype(np.float32), 'mosaic of derived bands')
        path = self.late_derived(root.astype(np.float32))
        self.same(fishnet(path, NUM_WORKERS=2).GetRasterBand(2).ReadAsArray(), root.astype(np.float32), 'the last of many')
        path = self.kinds.make('derived band without SourceTransferType')
        self.same(fishnet(path, NUM_WORKERS=2).ReadAsArray(), (root + 0.5).astype(np.uint8), 'sources as they are')
        wide = derived(self.path('wide.vrt'), self.dem, 'sqrt', [source(self.dem)], 'Float32', None)
        self.same(copy('FISHNET:' + wide), root.astype(np.float32), 'Float32')
        clipped = gdal.Translate('', gdal.Open('FISHNET:' + wide), format='MEM', outputType=gdal.GDT_Byte).ReadAsArray()
        self.same(clipped, (root.astype(np.float32) + np.float32(0.5)).astype(np.uint8), '-ot Byte')

    def late_derived(self, root):
        """A VRT of two bands: the second is a mosaic of four parts of a file, and of a derived band."""
        dem, file = gdal.Open(self.dem), self.path('root.tif')
        gdal_array.SaveArray(root, file)
        height, width = root.shape
        left = gdal.Open(self.kinds.half('left')).RasterXSize
        edges = [0, left // 4, left // 2, left * 3 // 4, left, width]

        def part(path, x, begin, end):
            size = 'ySize="%d" xSize="%d" yOff="0"' % (height, end - begin)
            return source(path, 1, 'SimpleSource', '<SrcRect xOff="%d" %s/><DstRect xOff="%d" %s/>' % (x, size, begin, size))
        parts = [part(file, a, a, b) for a, b in zip(edges[:4], edges[1:5])]
        parts.append(part(self.path('sqrt_right.vrt'), 0, left, width))
        return write_text(self.path('late.vrt'), header(dem) + band(source(self.dem), 'Float32') +
                          band(''.join(parts), 'Float32', 2) + '</VRTDataset>')

    def test_tiles(self):
        """Whole rows where rows are computed from rows, whole blocks where blocks are computed."""
        width = gdal.Open(self.dem).RasterXSize
        self.assertEqual(fishnet(self.kinds.make('kernel 11x11')).GetRasterBand(1).GetBlockSize()[0], width)
        warped = gdal.Open(self.kinds.make('warped VRT, cubic'))
        block = warped.GetRasterBand(1).GetBlockSize()
        tile = fishnet(self.kinds.make('warped VRT, cubic')).GetRasterBand(1).GetBlockSize()
        self.assertEqual([tile[0] % block[0], tile[1] % block[1]], [0, 0])
        several = fishnet(self.kinds.make('warped VRT, several bands'))
        self.assertEqual(several.GetMetadataItem('INTERLEAVE', 'IMAGE_STRUCTURE'), 'PIXEL')
        for kind in ('pipeline: slope', 'VRT over a pipeline: slope', 'pipeline: hillshade, then reproject') if PIPELINES else ():
            dataset = fishnet(self.kinds.make(kind))
            columns, rows = dataset.GetRasterBand(1).GetBlockSize()
            self.assertEqual(columns, dataset.RasterXSize, kind)
            self.assertGreaterEqual(rows, 60, kind)

    def test_blocks_of_high_strips(self):
        """Strips that are higher than 256 rows, and not twice as high, show themselves in blocks of 256, with which a copy ends within none of its own."""
        if not PIPELINES:
            return
        wide = self.path('wide.tif')
        dataset = gdal.GetDriverByName('GTiff').Create(wide, 4000, 1300, 1, gdal.GDT_Float32, ['TILED=YES', 'SPARSE_OK=YES'])
        dataset.GetRasterBand(1).WriteArray(np.random.default_rng(3).uniform(0, 99, (500, 300)).astype(np.float32), 3000, 300)
        dataset = None
        pipeline = write_text(self.path('wide.gdalg.json'), '{"type": "gdal_streamed_alg", "command_line": "gdal raster pipeline read %s ! slope"}' % wide)
        dataset = fishnet(pipeline)
        dataset.ReadAsArray(0, 0, 10, 10)
        strip = int(dataset.GetMetadataItem('TILE_SIZE', 'FISHNET').split('x')[1])
        self.assertTrue(strip > 256 and strip % 256 != 0, strip)
        self.assertEqual(dataset.GetRasterBand(1).GetBlockSize(), [4000, 256])
        self.assertEqual(fishnet(pipeline, TILE_SIZE='4000x300').GetRasterBand(1).GetBlockSize(), [4000, 300])
        want = gdal.Open(pipeline).ReadAsArray()
        self.assertTrue(equal(in_blocks('FISHNET:' + pipeline), want))
        band = dataset.GetRasterBand(1)
        for row in range(6):
            height = min(256, 1300 - 256 * row)
            block = np.frombuffer(band.ReadBlock(0, row), np.float32).reshape(256, 4000)[:height]
            self.assertTrue(equal(block, want[256 * row:256 * row + height]), row)

    def test_many_workers(self):
        """More workers than GDAL's pool of datasets has places for, over VRTs within VRTs."""
        path = mosaic(self.path('level_0.vrt'), [self.kinds.half('left'), self.kinds.half('right')])
        for level in range(1, 4):
            path = mosaic(self.path('level_%d.vrt' % level), [path])
        want = gdal.Open(self.dem).ReadAsArray()
        out = self.path('many.tif')
        for _ in range(3):
            good('gdal_translate', '-q', 'FISHNET:' + path, out, '-oo', 'NUM_WORKERS=64', '-oo', 'TILE_SIZE=64x64')
            self.same(gdal.Open(out).ReadAsArray(), want, '64 workers')
        held = gdal.Open(path)  # the pool is there already, with places for 100
        held.ReadAsArray(0, 0, 10, 10)
        self.same(fishnet(path, NUM_WORKERS=64, TILE_SIZE='64x64').ReadAsArray(), want, '64 workers, a pool of 100')

    def test_end_of_process(self):
        """GDAL crashes where a pipeline is still open as it is taken down: ours are closed by then."""
        for kind in ('derived band, one source', 'warped VRT, cubic') + (('pipeline: slope',) if PIPELINES else ()):
            code = ('from osgeo import gdal; gdal.UseExceptions(); d = gdal.Open("FISHNET:%s"); d.ReadAsArray(0, 0, 99, 99)'
                    % self.kinds.make(kind))
            done = subprocess.run([sys.executable, '-c', code], stderr=subprocess.PIPE, timeout=patience(60))
            self.assertEqual((done.returncode, done.stderr), (0, b''), kind)


@unittest.skipUnless(PIPELINES, 'GDAL %s has no pipelines: they came with 3.11' % gdal.VersionInfo('RELEASE_NAME'))
class Steps(Case):
    """Steps that need all pixels before they give the first one."""

    @classmethod
    def prepare(cls):
        cls.dem = cls.path('dem.tif')
        gdal.Translate(cls.dem, real('dem.tif'), srcWin=[300, 100, 500, 400])

    @contextlib.contextmanager
    def spoilt(self, path):
        """Whoever reads the file finds nothing in it; yet it looks the same: an input that has changed is refused."""
        state = os.stat(path)
        with open(path, 'r+b') as f:
            whole = f.read()
            f.seek(0)
            f.write(b'?' * len(whole))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        try:
            with self.assertRaises(RuntimeError):
                gdal.Open(path)
            yield
        finally:
            with open(path, 'r+b') as f:
                f.write(whole)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    def once(self, path, step, **options):
        """Opens it, spoils the input, and reads: nobody runs the steps again. Warns once, leaves no file."""
        want = gdal.Open(path).ReadAsArray()
        folder = self.path('temporary')
        os.mkdir(folder)
        seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        try:
            with config('CPL_TMPDIR', folder):
                dataset = fishnet(path, **options)
            self.assertEqual(os.listdir(folder), [])
            with self.spoilt(self.dem):
                got = dataset.ReadAsArray()
            files = dataset.GetFileList()
            del dataset
        finally:
            gdal.PopErrorHandler()
            shutil.rmtree(folder)
        self.same(got, want, path)
        warnings = [text for kind, text in seen if kind == gdal.CE_Warning]
        self.assertEqual(len(warnings), 1, seen)
        self.assertIn('the step %s needs all pixels' % step, warnings[0])
        self.assertFalse([file for file in files or [] if file.startswith('/proc')], files)

    def test_run_once(self):
        names = {'fill-nodata': 'fill-nodata', 'sieve': 'sieve -s 3', 'proximity': 'proximity --target-values 2000'}
        for step, words in names.items():
            for rest in ('', ' ! slope', ' ! reproject -d EPSG:32613 ! hillshade'):
                path = pipeline(self.path('steps.gdalg.json'), 'read %s ! %s%s' % (self.dem, words, rest))
                with self.subTest(words + rest):
                    self.once(path, step, NUM_WORKERS=5, TILE_SIZE='100x100')

    def test_processes(self):
        path = pipeline(self.path('steps.gdalg.json'), 'read %s ! fill-nodata ! sieve -s 3 ! slope' % self.dem)
        self.once(path, 'sieve', NUM_WORKERS=2, WORKERS='PROCESSES')

    def test_names(self):
        """A name that is relative to the file; names with blanks; a command that is not a pipeline; the last of several steps."""
        folder = self.path('a folder')
        os.mkdir(folder)
        shutil.copy(self.dem, os.path.join(folder, 'my dem.tif'))
        path = os.path.join(folder, 'x.gdalg.json')
        for line in ('gdal raster pipeline read \\"my dem.tif\\" ! sieve -s 3 ! slope',
                     'gdal raster fill-nodata --input \\"my dem.tif\\" --output-format stream --output streamed_dataset'):
            with open(path, 'w') as file:
                file.write('{"type": "gdal_streamed_alg", "command_line": "%s"}' % line)
            want = gdal.Open(path).ReadAsArray()
            seen, handler = collect_errors()
            gdal.PushErrorHandler(handler)
            try:
                self.same(fishnet(path, NUM_WORKERS=2).ReadAsArray(), want, line)
            finally:
                gdal.PopErrorHandler()
            self.assertEqual(len(seen), 1, seen)

    def test_in_a_vrt(self):
        """A VRT reads a pipeline with such a step, and so does a VRT of that VRT; names are relative; a warped VRT."""
        folder = self.path('vrts')
        os.mkdir(folder)
        steps = pipeline(os.path.join(folder, 'steps.gdalg.json'), 'read %s ! sieve -s 3 ! slope' % self.dem)
        inner, outer, warped = (os.path.join(folder, name) for name in ('inner.vrt', 'outer.vrt', 'warped.vrt'))
        gdal.BuildVRT(inner, [steps, self.dem]).FlushCache()
        gdal.BuildVRT(outer, inner).FlushCache()
        gdal.Warp(warped, inner, format='VRT', dstSRS='EPSG:32613', resampleAlg='bilinear').FlushCache()
        for path in (inner, outer, warped):
            for workers in ('THREADS', 'PROCESSES'):
                with self.subTest(path, workers=workers):
                    self.once(path, 'sieve', NUM_WORKERS=3, TILE_SIZE='128x128', WORKERS=workers)

    def test_shared(self):
        """Datasets that are open at the same time share the result, until an input changes."""
        dem = self.path('changing.tif')
        shutil.copy(self.dem, dem)
        path = pipeline(self.path('shared.gdalg.json'), 'read %s ! fill-nodata ! sieve -s 3' % dem)
        seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        try:
            first = fishnet(path)
            second = fishnet(path, 'A*2')
            self.assertEqual(len(seen), 1, seen)
            self.same(second.ReadAsArray(), first.ReadAsArray() * 2)
            was = first.ReadAsArray()
            other = gdal.Open(dem).ReadAsArray() + 100
            os.replace(write(self.path('another.tif'), other, None), dem)  # as another program does
            third = fishnet(path)
            self.assertEqual(len(seen), 2, seen)
            want = gdal.Open(path).ReadAsArray()
            self.assertFalse((want == was).all())
            self.same(third.ReadAsArray(), want)
            with self.assertRaisesRegex(RuntimeError, 'an input has changed since it was opened'):
                first.ReadAsArray()
            first = second = third = None
            self.same(fishnet(path).ReadAsArray(), want)
            self.assertEqual(len(seen), 3, seen)
        finally:
            gdal.PopErrorHandler()

    def test_outputs(self):
        """-of FISHNET: while a copy is made there is one result, whatever process holds it open."""
        path = pipeline(self.path('steps.gdalg.json'), 'read %s ! sieve -s 3 ! slope' % self.dem)
        want = gdal.Open(path).ReadAsArray()
        folder = self.path('results')
        os.mkdir(folder)
        found = set()

        def look(*unused):
            for link in glob.glob('/proc/[0-9]*/fd/*'):
                try:
                    if os.readlink(link).startswith(folder):
                        found.add(os.stat(link).st_ino)
                except OSError:
                    pass  # it has ended meanwhile
            return 1
        for output, more in (('TILES', ['GRID=4x4']), ('SINGLE', [])):
            for workers in ('THREADS', 'PROCESSES'):
                with self.subTest(output, workers=workers), config('CPL_TMPDIR', folder):
                    found.clear()
                    seen, handler = collect_errors()
                    gdal.PushErrorHandler(handler)
                    try:
                        out = self.path(workers + output + ('.vrt' if output == 'TILES' else '.tif'))
                        options = more + ['OUTPUT=' + output, 'WORKERS=' + workers, 'NUM_WORKERS=2']
                        made = gdal.GetDriverByName('FISHNET').CreateCopy(out, fishnet(path), options=options, callback=look)
                        self.same(made.ReadAsArray(), want)
                    finally:
                        gdal.PopErrorHandler()
                    self.assertEqual(len(found), 1)
                    self.assertEqual(len([text for kind, text in seen if kind == gdal.CE_Warning]), 1, seen)

    def test_nested(self):
        path = pipeline(self.path('nested.gdalg.json'), 'mosaic [ read %s ! sieve -s 3 ] ! slope' % self.dem)
        try:
            gdal.Open(path)
        except RuntimeError as error:
            self.skipTest('this GDAL has no pipelines within pipelines: %s' % error)
        self.once(path, 'sieve', NUM_WORKERS=2)

    def test_failure(self):
        """An error of a step is the error of the dataset, and names the input."""
        path = pipeline(self.path('bad.gdalg.json'), 'read %s ! sieve -s 3 ! slope' % self.path('nowhere.tif'))
        with self.assertRaises(RuntimeError) as caught:
            fishnet(path)
        self.assertIn('nowhere.tif', str(caught.exception))

    def test_full_disk(self):
        """No room for the whole result: an error, and no pixels."""
        path = pipeline(self.path('steps.gdalg.json'), 'read %s ! sieve -s 3 ! slope' % self.dem)
        whole = 4 * 500 * 400
        for most in (whole // 2, whole - 5000, whole + 100):  # the last: pixels without a directory
            script = ('import resource\n'
                      'from osgeo import gdal\n'
                      'gdal.UseExceptions()\n'
                      'resource.setrlimit(resource.RLIMIT_FSIZE, (%d, resource.RLIM_INFINITY))\n'
                      'try:\n'
                      '    print("opened", gdal.Open("FISHNET:%s").RasterCount)\n'
                      'except RuntimeError as error:\n'
                      '    print("refused", error)\n' % (most, path))
            done = run(sys.executable, '-W', 'ignore', '-c', script)
            self.assertEqual(done.stdout.split()[:1], ['refused'], (most, done.stdout, done.stderr))
            self.assertIn('temporary file in', done.stdout)


if __name__ == '__main__':
    if '--table' in sys.argv:
        at = sys.argv.index('--table')
        TABLE = os.path.abspath(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main(verbosity=2)
