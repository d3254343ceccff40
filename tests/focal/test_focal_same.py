"""Expressions that look around give the same bytes however the raster is cut and whoever computes: tiles, workers, shares, files, layouts of
the input; and the right ones, by the evaluator."""
import itertools
import json
import os
import shutil
import sys
import unittest

import numpy as np

from focal_common import HERE, SEED, FocalCase, calc, config, ev, fishnet, gdal, good, oo, real, run, valid, write

sys.path.insert(0, os.path.join(HERE, '..', 'zonal'))
from zonal_common import KINDS, ZonalCase, all_bits, area, star, table  # noqa: E402

GT = (500000.0, 30.0, 0.0, 4200000.0, 0.0, -20.0)
GROUND = ev.Ground(GT)
WIDTH, HEIGHT = 213, 187


def nested(x):
    return ev.focal('mean', ev.focal('max', x, ev.box(3)) - ev.neighbor(x, 0, 1), ev.circle(4), edge='wrap')


# Texts, what the evaluator makes of them, and how far apart they may be: relative to the largest value.
EXPRESSIONS = {
    'focal_mean(A, 5)': (lambda x: ev.focal('mean', x, ev.box(5)), 1e-15),
    'focal_mean(focal_max(A, 3) - A[0,1], circle(4), edge=wrap)': (nested, 1e-14),
    'focal_percentile(A, 30, rect(3,9), edge=reflect)': (lambda x: ev.focal('percentile', x, ev.box(3, 9),
                                                                            edge='reflect', p=30), 0),
    'focal_std(A, 31)': (None, 0),
    'focal_sum(A/7, 45, nodata="fill", edge="nearest")': (None, 0),
    'focal_median(A, 9, nodata=fill)': (lambda x: ev.focal('median', x, ev.box(9), 'fill'), 0),
    'focal_majority(floor(A/50), annulus(2,6), nodata="fill")': (lambda x: ev.focal('majority', np.floor(x / 50),
                                                                                    ev.annulus(2, 6), 'fill'), 0),
    'slope(A)': (lambda x: ev.slope(x, GROUND), 1e-12),
    'hillshade(focal_mean(A, 3), 300, 40, edge=reflect)': (lambda x: ev.hillshade(ev.focal('mean', x, ev.box(3)),
                                                                                  GROUND, 300, 40, edge='reflect'),
                                                                                  1e-11),
    'tpi(A, 11)': (lambda x: ev.around('tpi', x, 11), 1e-14),
    'A[-70,90] + A': (lambda x: ev.neighbor(x, -70, 90) + x, 0),
    'at(focal_sum(A, 101), 40, -3)': (None, 0),
    'aspect(A, edge=wrap) + curvature(A, "plan")':
        (lambda x: ev.aspect(x, GROUND, edge='wrap') + ev.curvature(x, GROUND, 'plan'), 1e-9),
    'focal_max(focal_mean(A, circle(5), edge=wrapx), rect(3, 41), edge=wrapx)':
        (lambda x: ev.focal('max', ev.focal('mean', x, ev.circle(5), edge='wrapx'), ev.box(3, 41), edge='wrapx'), 1e-14),
    'focal_mean(A, 3, edge="wrap") - at(focal_min(A, 5, edge="nodata"), 2, 2)':
        (lambda x: ev.focal('mean', x, ev.box(3), edge='wrap') - ev.neighbor(ev.focal('min', x, ev.box(5),
                                                                                      edge='nodata'), 2, 2), 1e-15),
    'A*2': (lambda x: x * 2, 0),
}
LAYOUTS = {'tiled 64': ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64', 'COMPRESS=DEFLATE'],
           'tiled 16': ['TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16'],
           'rows': ['BLOCKYSIZE=1'], 'strips': ['BLOCKYSIZE=7', 'COMPRESS=LZW'],
           'one strip': ['BLOCKYSIZE=%d' % HEIGHT, 'COMPRESS=DEFLATE'],
           'tiled 256': ['TILED=YES']}


class Same(FocalCase):
    @classmethod
    def prepare(cls):
        cls.cells = gdal.Open(real('dem.tif')).ReadAsArray(700, 500, WIDTH, HEIGHT)
        cls.cells[60:90, 100:140] = -999
        cls.cells[HEIGHT - 5:, :8] = -999
        cls.x = valid(cls.cells, -999)
        cls.files = {name: write(cls.path(name.replace(' ', '_') + '.tif'), cls.cells, -999, geotransform=GT,
                                 options=options) for name, options in LAYOUTS.items()}
        cls.whole = cls.pixels(cls.files['tiled 64'], NUM_WORKERS=1)

    @staticmethod
    def pixels(path, **options):
        options.setdefault('OT', 'Float64')
        return fishnet(path, *EXPRESSIONS, **options).ReadAsArray()

    def same_all(self, got, what, whole=None):
        whole = self.whole if whole is None else whole
        self.assertEqual(got.shape, whole.shape, what)
        if got.tobytes() != whole.tobytes():
            for text, one, want in zip(EXPRESSIONS, got, whole):
                self.same(one, want, '%s: %s' % (what, text))
            self.fail('%s: NaN of other bits' % what)

    def test_values(self):
        for (text, (value, relative)), got in zip(EXPRESSIONS.items(), self.whole):
            if value:
                want = value(self.x)
                self.close(got, want, relative * np.nanmax(np.abs(want)), text)

    def test_tiles_and_workers(self):
        for workers, tile in ((1, 2048), (2, 64), (3, '100x37'), (8, 64), (5, 16), (4, 128), (2, 1024), (7, '2000x1'),
                              (3, '1x2000'), (8, 'AUTO')):
            self.same_all(self.pixels(self.files['tiled 64'], NUM_WORKERS=workers, TILE_SIZE=tile),
                          '%d workers, tiles of %s' % (workers, tile))

    def test_layouts(self):
        """Strips, tiles, one strip: read in tiles that are not theirs."""
        for name, path in self.files.items():
            for tile in ('AUTO', 64, '90x50'):
                self.same_all(self.pixels(path, NUM_WORKERS=3, TILE_SIZE=tile), '%s, tiles of %s' % (name, tile))

    def test_processes(self):
        for workers, tile, name in ((1, 64, 'tiled 64'), (4, '77x50', 'strips'), (2, 'AUTO', 'one strip')):
            self.same_all(self.pixels(self.files[name], WORKERS='PROCESSES', NUM_WORKERS=workers, TILE_SIZE=tile),
                          'processes, %s, %s' % (name, tile))

    def test_windows_that_a_reader_asks_for(self):
        dataset = fishnet(self.files['tiled 16'], *EXPRESSIONS, OT='Float64', TILE_SIZE=32)
        random = np.random.default_rng(SEED)
        for _ in range(25):
            x, y = int(random.integers(0, WIDTH)), int(random.integers(0, HEIGHT))
            width, height = int(random.integers(1, WIDTH - x + 1)), int(random.integers(1, HEIGHT - y + 1))
            self.same(dataset.ReadAsArray(x, y, width, height), self.whole[:, y:y + height, x:x + width],
                      'window %d,%d %dx%d' % (x, y, width, height))

    def test_shares(self):
        """PARTITION: each looks beyond its own rows, which are the whole's."""
        for n, kind, name in ((1, 'THREADS', 'tiled 64'), (2, 'THREADS', 'tiled 64'), (3, 'PROCESSES', 'tiled 16'),
                              (5, 'THREADS', 'strips'), (7, 'THREADS', 'one strip'),
                              (2, 'PROCESSES', 'one strip')):
            parts = [self.pixels(self.files[name], PARTITION='%d/%d' % (i + 1, n), WORKERS=kind, NUM_WORKERS=2,
                                 TILE_SIZE=50) for i in range(n)]
            self.same_all(np.concatenate(parts, 1), '%d shares by %s of %s' % (n, kind, name))

    def written(self, out, *creation, **opened):
        dataset = fishnet(self.files['tiled 64'], *EXPRESSIONS, OT='Float64', **opened)
        made = gdal.GetDriverByName('FISHNET').CreateCopy(out, dataset, options=list(creation))
        return made.ReadAsArray()

    def test_tiles_written(self):
        for creation in (['TILE_SIZE=64'], ['GRID=3x2', 'NUM_WORKERS=1'],
                         ['TILE_SIZE=100x33', 'WORKERS=PROCESSES', 'NUM_WORKERS=3']):
            self.same_all(self.written(self.path('tiles.vrt'), *creation), 'tiles, %s' % creation)
            shutil.rmtree(self.path('tiles_tiles'))

    def test_one_file_written(self):
        for creation in (['BLOCKXSIZE=64', 'BLOCKYSIZE=64'], ['WORKERS=PROCESSES', 'NUM_WORKERS=3', 'BLOCKYSIZE=48'],
                         ['COMPRESS=DEFLATE', 'NUM_WORKERS=8']):
            self.same_all(self.written(self.path('single.tif'), 'OUTPUT=SINGLE', *creation), 'one file, %s' % creation)

    def test_calc_as_a_creation_option(self):
        """Then the source is input A, and windows look over the edges of tiles."""
        texts = ['CALC=' + text for text in EXPRESSIONS]
        source = gdal.Open(self.files['strips'])
        for more in (['TILE_SIZE=64'], ['OUTPUT=SINGLE', 'BLOCKXSIZE=32', 'BLOCKYSIZE=32']):
            out = self.path('calc.tif' if 'OUTPUT=SINGLE' in more else 'calc.vrt')
            made = gdal.GetDriverByName('FISHNET').CreateCopy(out, source, options=texts + ['OT=Float64'] + more)
            self.same_all(made.ReadAsArray(), 'CALC, %s' % more)

    def test_shares_written(self):
        for creation in (['TILE_SIZE=64'], ['OUTPUT=SINGLE', 'BLOCKYSIZE=32']):
            parts = []
            for i in (1, 2):
                out = self.path('share%d.%s' % (i, 'tif' if 'OUTPUT=SINGLE' in creation else 'vrt'))
                parts.append(self.written(out, *creation, PARTITION='%d/2' % i))
            self.same_all(np.concatenate(parts, 1), 'written shares, %s' % creation)

    def test_little_memory(self):
        """Memory for less than a row of tiles: blocks are then read more often, and nothing else changes."""
        self.same_all(self.pixels(self.files['tiled 16'], CACHE_MB=16, NUM_WORKERS=8, TILE_SIZE=64), 'CACHE_MB=16')
        self.same_all(self.pixels(self.files['tiled 16'], CACHE_MB=1, NUM_WORKERS=8, TILE_SIZE=64), 'CACHE_MB=1')
        out = self.path('far.vrt')
        good('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'CALC=focal_mean(A, 701)', self.files['tiled 16'], out)
        self.same(gdal.Open(out).ReadAsArray(), calc(self.files['tiled 16'], 'focal_mean(A, 701)', OT='Float32')[0], 'far')
        far = 'focal_mean(%sA%s, 3, edge=wrap)' % ('at(' * 99, ', 9999, 9999)' * 99)
        self.refused('this machine has', 'tile of 64x64', path=self.files['tiled 16'], calcs=[far], TILE_SIZE=64)
        with config('GDAL_CACHEMAX', '1'):
            self.same_all(self.pixels(self.files['one strip'], NUM_WORKERS=4, TILE_SIZE=64), 'GDAL_CACHEMAX=1')

    def test_instruction_sets(self):
        with open('/proc/cpuinfo') as file:
            flags = set(next(line for line in file if line.startswith('flags')).split(':')[1].split())
        for simd, needs in (('plain', None), ('avx2', 'avx2'), ('avx512', 'avx512f')):
            if needs and needs not in flags:
                print('this machine has no %s' % simd)
                continue
            out = self.path('simd.tif')
            good('gdal_translate', '-q', 'FISHNET:' + self.files['tiled 64'], out, *oo(*EXPRESSIONS, OT='Float64'),
                 env={'FISHNET_SIMD': simd})
            self.same_all(gdal.Open(out).ReadAsArray(), simd)

    def test_together_and_alone(self):
        """Expressions share what they have in common: that changes nothing."""
        for text, want in zip(EXPRESSIONS, self.whole):
            self.same(calc(self.files['tiled 64'], text, TILE_SIZE=100)[0], want, text)


class Odd(FocalCase):
    """What is small, masked, or made of others."""

    def compare(self, path, x, what, letters=None, **options):
        texts = {text: rule for text, rule in EXPRESSIONS.items() if rule[0]}
        for tile, workers in ((16, 3), (64, 2), ('AUTO', 1)):
            for (text, (value, relative)), got in zip(texts.items(),
                                                      calc(path, *texts, TILE_SIZE=tile, NUM_WORKERS=workers,
                                                           **options)):
                want = value(x)
                self.close(got, want, relative * np.nanmax(np.abs(want), initial=0),
                           '%s, tiles of %s: %s' % (what, tile, text))

    def test_smaller_than_the_reach(self):
        """Rasters that windows reach over on both sides; where they repeat, several times."""
        dem = gdal.Open(real('dem.tif')).ReadAsArray(700, 500, 80, 90).astype(np.float64)
        for width, height in ((1, 1), (2, 1), (1, 3), (3, 2), (5, 7), (17, 4), (4, 40)):
            cells = dem[:height, :width].copy()
            path = write(self.path('small.tif'), cells, geotransform=GT)
            self.compare(path, cells, '%d x %d' % (width, height))

    def test_masks(self):
        """A mask band, and an alpha band: both are read around a tile, too."""
        random = np.random.default_rng(SEED)
        cells = gdal.Open(real('landsat.tif')).GetRasterBand(4).ReadAsArray(50, 50, 90, 80)
        hidden = random.random(cells.shape) < 0.1
        hidden[30:50, 20:60] = True
        x = np.where(hidden, np.nan, cells)
        path = write(self.path('mask.tif'), cells, geotransform=GT,
                     options=['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=32'])
        with config('GDAL_TIFF_INTERNAL_MASK', 'YES'):
            dataset = gdal.Open(path, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.where(hidden, 0, 255).astype(np.uint8))
            dataset = None
        self.compare(path, x, 'mask')
        alpha = write(self.path('alpha.tif'), [cells, np.where(hidden, 0, 255).astype(np.uint8)], geotransform=GT,
                      options=['ALPHA=YES', 'BLOCKYSIZE=9'])
        self.assertEqual(gdal.Open(alpha).GetRasterBand(2).GetColorInterpretation(), gdal.GCI_AlphaBand)
        self.compare(alpha, x, 'alpha')
        self.compare(alpha, cells.astype(float), 'alpha ignored', ALPHA='IGNORE')

    def test_two_inputs_of_other_blocks(self):
        dem = gdal.Open(real('dem.tif')).ReadAsArray(700, 500, 120, 101).astype(np.float64)
        a = write(self.path('a.tif'), dem, geotransform=GT, options=['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=16'])
        b = write(self.path('b.tif'), dem[::-1].copy(), geotransform=GT, options=['BLOCKYSIZE=10'])
        want = ev.focal('mean', dem, ev.box(7)) - ev.neighbor(ev.focal('max', dem[::-1], ev.circle(3), edge='wrap'), -1,
                                                              -2)
        for tile, kind in itertools.product((16, 64, '50x7'), ('THREADS', 'PROCESSES')):
            got = calc(a, 'focal_mean(A, 7) - at(focal_max(B, circle(3), edge=wrap), -1, -2)', B=b, TILE_SIZE=tile,
                       WORKERS=kind, NUM_WORKERS=3)[0]
            self.close(got, want, 1e-11, '%s %s' % (tile, kind))

    def test_vrt(self):
        """A mosaic and a warped raster below: of what is read with its own ways around GDAL's errors."""
        dem = gdal.Open(real('dem.tif')).ReadAsArray(700, 500, 100, 100)
        files = []
        for i, (x, y) in enumerate(itertools.product((0, 50), (0, 50))):
            gt = (GT[0] + x * 30, 30, 0, GT[3] - y * 20, 0, -20)
            files.append(write(self.path('part%d.tif' % i), dem[y:y + 50, x:x + 50], -999, geotransform=gt))
        mosaic = self.path('mosaic.vrt')
        good('gdalbuildvrt', '-q', mosaic, *files)
        self.compare(mosaic, valid(dem, -999), 'mosaic')
        warped = self.path('warped.vrt')
        gdal.Warp(warped, mosaic, format='VRT', dstSRS='EPSG:32634', xRes=30, yRes=20, dstNodata=-999)
        x = valid(gdal.Open(warped).ReadAsArray(), -999)
        gt = gdal.Open(warped).GetGeoTransform()
        for text, want in (('focal_max(A, 9)', ev.focal('max', x, ev.box(9))), ('A[3,-2]', ev.neighbor(x, 3, -2)),
                           ('slope(A)', ev.slope(x, ev.Ground(gt)))):
            self.close(calc(warped, text, TILE_SIZE=32)[0], want, 1e-10, text)

    def test_command(self):
        """The command line, a pipeline's other end: a copy by gdal_translate, and its statistics by gdalinfo."""
        path = write(self.path('tool.tif'), np.arange(600.0).reshape(20, 30), geotransform=GT)
        out = self.path('out.tif')
        done = run('gdal_translate', '-q', 'FISHNET:' + path, out, *oo('focal_mean(A, 3) - A'))
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertAlmostEqual(float(gdal.Open(out).ReadAsArray()[1:-1, 1:-1].sum()), 0)

    def test_failing_blocks(self):
        """A block that cannot be read is an error, or NoData with all tiles that look at it, and no others."""
        cells = np.random.default_rng(SEED).integers(0, 255, (128, 128)).astype(np.uint8)
        path = write(self.path('damaged.tif'), cells, options=['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=32',
                                                               'COMPRESS=DEFLATE'])
        at = int(gdal.Open(path).GetRasterBand(1).GetMetadataItem('BLOCK_OFFSET_3_0', 'TIFF'))
        with open(path, 'r+b') as file:
            file.seek(at)
            file.write(b'\xff' * 200)
        with self.assertRaises(RuntimeError) as caught:
            calc(path, 'focal_mean(A, 3)', TILE_SIZE=32, RETRIES=0)
        self.assertIn('damaged.tif', str(caught.exception))
        gdal.PushErrorHandler('CPLQuietErrorHandler')
        try:
            got = calc(path, 'focal_mean(A, 3)', TILE_SIZE=32, RETRIES=0, ON_ERROR='NODATA')[0]
        finally:
            gdal.PopErrorHandler()
        want = ev.focal('mean', cells.astype(float), ev.box(3))
        bad = np.zeros_like(want, bool)
        bad[:64, 64:] = True
        self.assertTrue(np.isnan(got[bad]).all())
        self.close(got[~bad], want[~bad], 1e-12)


class Elsewhere(ZonalCase):
    def test_zonal_statistics(self):
        """CALC of ZONALSTATS: those of the raster that FISHNET gives, for either kind of worker."""
        random = np.random.default_rng(SEED)
        gt = (500000, 30, 0, 4200000, 0, -30)
        cells = gdal.Open(real('dem.tif')).ReadAsArray(700, 500, 160, 140)
        cells[40:60, 70:90] = -999
        blocks = ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64']
        source = self.raster(cells, gt, nodata=-999, options=blocks)
        centres = [(random.uniform(0, 160), random.uniform(0, 140), random.uniform(3, 60)) for _ in range(15)]
        zones = self.zones([area([star(random, x, y, radius, 9)], gt=gt) for x, y, radius in centres])
        options = {'STATS': 'COUNT,NODATA_COUNT,MEAN,MIN,MAX,STD,MEDIAN', 'NUM_WORKERS': 3}
        for text in ('slope(A)', 'focal_mean(A, circle(4), nodata=fill) - A[0,-1]',
                     'focal_max(focal_min(A, 5), 5, edge=wrap)'):
            whole = self.raster(calc(source, text)[0], gt, nodata=np.nan, options=blocks)
            want = all_bits(table(zones, RASTER=whole, **options))
            for kind in KINDS:
                got = all_bits(table(zones, RASTER=source, CALC=text, WORKERS=kind, **options))
                self.assertEqual(got, want, (text, kind))

    def test_recipe(self):
        path = self.raster(np.arange(600.0).reshape(20, 30), (0, 10, 0, 0, 0, -10))
        texts = ['focal_mean(A, [[1,2,1]], edge="wrap")', 'A[-1,0]']
        recipe = self.path('smooth.fishnet.json')
        with open(recipe, 'w', encoding='utf-8') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': os.path.basename(path)}, 'calc': texts,
                       'ot': 'Float64'}, file)
        for got, want in zip(gdal.Open(recipe).ReadAsArray(), calc(path, *texts)):
            self.same(got, want)

    def test_below_other_rasters(self):
        """A dataset like any other: parts of it are copied, and it is read smaller."""
        cells = gdal.Open(real('dem.tif')).ReadAsArray(700, 500, 160, 140)
        path = self.raster(cells, (500000, 30, 0, 4200000, 0, -30))
        dataset = fishnet(path, 'focal_max(A, 5)', TILE_SIZE=32)
        part = gdal.Translate('', dataset, format='MEM', srcWin=[33, 21, 70, 60])
        want = ev.focal('max', cells.astype(float), ev.box(5)).astype(np.float32)
        self.same(part.ReadAsArray(), want[21:81, 33:103])
        self.assertTrue(np.isin(dataset.ReadAsArray(buf_xsize=40, buf_ysize=35), want).all())


if __name__ == '__main__':
    unittest.main()
