"""OUTPUT=TILES: each worker writes tiles as files of their own, and a mosaic lies over them."""
import contextlib
import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

import numpy as np
from osgeo import gdal, ogr

from common import Case, TYPES, VERSION, collect_errors, config, fishnet, good, good_within, nodata_of, patience, real, run, wait_for, with_crs_of_no_tiff, within, write

KINDS = ('THREADS', 'PROCESSES')


def co(options):
    words = []
    for key, value in options.items():
        for text in value if isinstance(value, (list, tuple)) else [value]:
            words += ['-co', '%s=%s' % (key, text)]
    return words


def command(source, output, *arguments, **options):
    return ['gdal_translate', '-q', '-of', 'FISHNET', *map(str, arguments), *co(options), str(source), str(output)]


def folder_of(output):
    return os.path.splitext(output)[0] + '_tiles'


def names(output):
    """All that is in the folder of the tiles."""
    return sorted(os.listdir(folder_of(output)))


def tiles(output):
    return [name for name in names(output) if name != 'recipe.txt']


def sources(output):
    """The names of all files that a VRT names."""
    with open(output, encoding='utf-8') as file:
        return set(re.findall('<SourceFilename [^>]*>([^<]*)<', file.read()))


def digests(output):
    found = {}
    for name in tiles(output):
        with open(os.path.join(folder_of(output), name), 'rb') as file:
            found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def children(pid):
    """Ids of the living processes that came from that one, with their names."""
    parents = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open('/proc/%s/stat' % entry) as file:
                    text = file.read()
            except OSError:
                continue
            state, parent = text[text.rindex(')') + 2:].split()[:2]
            if state != 'Z':
                parents[int(entry)] = int(parent)
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def put(text, *path):
    with open(os.path.join(*path), 'w') as file:
        file.write(text)


class Discrete(Case):
    def translate(self, source, output, *arguments, **options):
        cwd = options.pop('cwd', None)
        good_within(*command(source, output, *arguments, **options), cwd=cwd)

    def fails(self, source, output, *arguments, words=(), **options):
        """gdal_translate must fail, say these words and leave no mosaic, or, with stays, the one that there was; its messages. how: run, or
        within this process."""
        how, stays = options.pop('how', within), options.pop('stays', False)
        done = how(*command(source, output, *arguments, **options))
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in words:
            self.assertIn(str(word), done.stderr)
        self.assertEqual(os.path.exists(output), stays)
        return done.stderr

    def same_raster(self, output, want, what='', masks=False):
        got = gdal.Open(str(output))
        self.assertEqual((got.RasterXSize, got.RasterYSize, got.RasterCount),
                         (want.RasterXSize, want.RasterYSize, want.RasterCount), what)
        self.assertEqual(got.GetGeoTransform(can_return_null=True), want.GetGeoTransform(can_return_null=True), what)
        self.assertTrue((got.GetSpatialRef() is None) == (want.GetSpatialRef() is None) and
                        (got.GetSpatialRef() is None or got.GetSpatialRef().IsSame(want.GetSpatialRef())), what)
        for i in range(1, want.RasterCount + 1):
            a, b = got.GetRasterBand(i), want.GetRasterBand(i)
            self.assertEqual(a.DataType, b.DataType, what)
            self.assertEqual(nodata_of(a), nodata_of(b), what)
            self.same(a.ReadAsArray(), b.ReadAsArray(), '%s band %d' % (what, i))
            self.assertEqual(a.GetMaskFlags(), b.GetMaskFlags(), what)
            if masks:
                self.same(a.GetMaskBand().ReadAsArray(), b.GetMaskBand().ReadAsArray(), '%s mask %d' % (what, i))


class Pixels(Discrete):
    @classmethod
    def prepare(cls):
        random = np.random.default_rng(4)
        cls.random = random
        cls.small = write(cls.path('small.tif'), random.integers(0, 255, (130, 170), np.uint8), 7)

    def test_types(self):
        for name, dtype in TYPES.items():
            values = (self.random.random((203, 317)) * 200).astype(dtype)
            source = write(self.path(name + '.tif'), [values, values[::-1].copy()], 3, type=name)
            for kind in KINDS:
                output = self.path(name + '.vrt')
                self.translate(source, output, GRID='3x2', WORKERS=kind, NUM_WORKERS=2)
                self.same_raster(output, gdal.Open(source), name)
                self.assertEqual(len(tiles(output)), 6)
                if name != 'Float16':
                    self.translate(source, output, GRID='2x3', WORKERS=kind, CALC=['A+1', 'A[2]*2'], OT=name, NODATA=5)
                    want = fishnet(source, 'A+1', 'A[2]*2', OT=name, NODATA=5)
                    self.same_raster(output, want, name + ' computed')
                    self.assertEqual(gdal.Open(output).GetRasterBand(2).GetDescription(), 'A[2]*2')

    def test_grids(self):
        want = gdal.Open(self.small)
        for options, count in (({'GRID': '1x1'}, 1), ({'GRID': '5x3'}, 15), ({'TILE_SIZE': 64}, 9), ({'TILE_SIZE': '170x1'}, 130),
                               ({'TILE_SIZE': '1000'}, 1), ({}, 1), ({'GRID': '1000x2'}, 340), ({'GRID': '3X1000'}, 390)):
            output = self.path('grid.vrt')
            self.translate(self.small, output, **options)
            self.assertEqual(len(tiles(output)), count, options)
            self.same_raster(output, want, str(options))
        self.assertEqual(sum(name.startswith('r000_') for name in tiles(output)), 3)

    def test_parts_are_about_equal(self):
        """And begin between blocks."""
        source = write(self.path('blocks.tif'), np.zeros((2100, 4000), np.uint8), options=['TILED=YES', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128'])
        output = self.path('equal.vrt')
        self.translate(source, output, GRID='4x3')
        sizes = [gdal.Open(os.path.join(folder_of(output), name)) for name in tiles(output)]
        widths, heights = {tile.RasterXSize for tile in sizes}, {tile.RasterYSize for tile in sizes}
        self.assertLessEqual(max(widths) - min(widths), 256)
        self.assertLessEqual(max(heights) - min(heights), 256)
        origins = {tile.GetGeoTransform()[0] for tile in sizes} | {5000 + 1000 - tile.GetGeoTransform()[3] for tile in sizes}
        self.assertEqual({(origin - 1000) / 10 % 64 for origin in origins}, {0})

    def test_one_pixel(self):
        source = write(self.path('pixel.tif'), np.array([[42]], np.int16))
        output = self.path('one.vrt')
        for options in ({}, {'GRID': '3x3'}, {'TILE_SIZE': 1}):
            self.translate(source, output, CALC='A/4', OT='Float64', **options)
            self.same(gdal.Open(output).ReadAsArray(), np.array([[10.5]]))
            self.assertEqual(tiles(output), ['r000_c000.tif'])

    def test_same_bytes(self):
        """Of every tile, whatever the workers."""
        for source, options, tile_co in (
                (real('landsat.tif'), {'GRID': '3x3'}, ['COMPRESS=DEFLATE', 'TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64']),
                (real('landsat.tif'), {'GRID': '2x2', 'CALC': ['A[4]-A[3]', 'A*A[2]'], 'OT': 'Float32'}, ['COMPRESS=LZW;INTERLEAVE=BAND']),
                (real('dem.tif'), {'TILE_SIZE': '600x500', 'CALC': 'sqrt(A)'}, ['COMPRESS=DEFLATE', 'PREDICTOR=3', 'TILED=YES'])):
            want = None
            for kind, workers, cache in (('THREADS', 1, 64), ('THREADS', 2, 64), ('THREADS', 7, 100), ('THREADS', 2, 40),
                                         ('PROCESSES', 1, 64), ('PROCESSES', 3, 64), ('PROCESSES', 7, 40)):
                output = self.path('bytes.vrt')
                self.translate(source, output, '--config', 'GDAL_CACHEMAX', cache, WORKERS=kind, NUM_WORKERS=workers, TILE_CO=tile_co,
                               **options)
                got = digests(output)
                want = want or got
                self.assertEqual(got, want, '%s %d %d' % (kind, workers, cache))
                with open(output) as file:
                    mosaic = file.read()
                self.assertEqual(mosaic, getattr(self, 'mosaic', mosaic))
                self.mosaic = mosaic
            del self.mosaic
            calcs = options.get('CALC', [])
            calcs = [calcs] if isinstance(calcs, str) else calcs
            others = {'OT': options['OT']} if 'OT' in options else {}
            self.same_raster(output, fishnet(source, *calcs, **others), str(options))

    def test_masks(self):
        values = self.random.integers(1, 255, (90, 120), np.uint8)
        with config('GDAL_TIFF_INTERNAL_MASK', 'YES'):
            source = write(self.path('masked.tif'), [values, values // 2, values // 3])
            dataset = gdal.Open(source, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.where(values > 100, 255, 0).astype(np.uint8))
            dataset = None
        alpha = write(self.path('alpha.tif'), [values, values, values, np.where(values > 50, 255, 0).astype(np.uint8)],
                      options=['PHOTOMETRIC=RGB', 'ALPHA=YES'])
        for path in (source, alpha):
            for kind in KINDS:
                output = self.path('mask.vrt')
                self.translate(path, output, GRID='2x3', WORKERS=kind)
                self.same_raster(output, gdal.Open(path), path, masks=True)
                self.assertEqual(len(tiles(output)), 6, 'masks are in the tiles')

    def test_all_that_is_not_pixels(self):
        source = self.path('rich.tif')
        values = self.random.integers(0, 4, (60, 80), np.uint8)
        write(source, values, options=['PHOTOMETRIC=PALETTE'])
        dataset = gdal.Open(source, gdal.GA_Update)
        band = dataset.GetRasterBand(1)
        table = gdal.ColorTable()
        for i in range(4):
            table.SetColorEntry(i, (i * 10, 200 - i, 7 * i, 255))
        dataset.SetMetadataItem('WHAT', 'a <test> & more')
        dataset.SetMetadataItem('LINE_OFF', '3', 'MINE')
        band.SetMetadataItem('OF', 'the band')
        band.SetDescription('classes')
        band.SetCategoryNames(['none', 'wood', 'field', 'water'])
        band.SetUnitType('m')
        band.SetScale(0.5)
        band.SetOffset(-10)
        rat = gdal.RasterAttributeTable()
        rat.CreateColumn('name', gdal.GFT_String, gdal.GFU_Name)
        rat.SetRowCount(1)
        rat.SetValueAsString(0, 0, 'first')
        band.SetDefaultRAT(rat)
        dataset = band = None
        dataset = gdal.Open(source, gdal.GA_Update)
        dataset.GetRasterBand(1).SetColorTable(table)
        dataset = None
        output = self.path('rich.vrt')
        self.translate(source, output, GRID='2x2')
        got, want = gdal.Open(output), gdal.Open(source)
        self.same_raster(output, want)
        self.assertEqual(got.GetMetadata(), want.GetMetadata())
        self.assertEqual(got.GetMetadata('MINE'), want.GetMetadata('MINE'))
        a, b = got.GetRasterBand(1), want.GetRasterBand(1)
        self.assertEqual(a.GetMetadata(), b.GetMetadata())
        self.assertEqual([a.GetColorTable().GetColorEntry(i) for i in range(4)], [b.GetColorTable().GetColorEntry(i) for i in range(4)])
        for ask in ('GetDescription', 'GetCategoryNames', 'GetUnitType', 'GetScale', 'GetOffset', 'GetColorInterpretation'):
            self.assertEqual(getattr(a, ask)(), getattr(b, ask)(), ask)
        self.assertIsNotNone(b.GetDefaultRAT())
        self.assertEqual(a.GetDefaultRAT().GetValueAsString(0, 0), 'first')
        tile = gdal.Open(os.path.join(folder_of(output), 'r001_c001.tif'))
        self.assertEqual(tile.GetRasterBand(1).GetColorTable().GetColorEntry(2), b.GetColorTable().GetColorEntry(2))
        self.assertEqual(tile.GetMetadataItem('WHAT'), 'a <test> & more')
        self.assertEqual(tile.GetGeoTransform()[0], 1000 + 10 * 40)
        self.assertEqual(got.GetMetadataItem('TILES', 'FISHNET'), '4')

    def test_gcps_and_no_georeference(self):
        bare = write(self.path('bare.tif'), np.arange(600, dtype=np.int32).reshape(20, 30), geotransform=None, epsg=None)
        output = self.path('bare.vrt')
        self.translate(bare, output, GRID='3x2')
        self.same_raster(output, gdal.Open(bare))
        good('gdal_translate', '-q', '-a_srs', 'EPSG:4326', '-gcp', 0, 0, 10, 50, '-gcp', 30, 0, 11, 50, '-gcp', 0, 20, 10, 49, bare,
             self.path('gcps.tif'))
        self.translate(self.path('gcps.tif'), output, GRID='3x2')
        got, want = gdal.Open(output), gdal.Open(self.path('gcps.tif'))
        self.assertEqual([(p.GCPPixel, p.GCPLine, p.GCPX, p.GCPY) for p in got.GetGCPs()],
                         [(p.GCPPixel, p.GCPLine, p.GCPX, p.GCPY) for p in want.GetGCPs()])
        self.assertTrue(got.GetGCPSpatialRef().IsSame(want.GetGCPSpatialRef()))
        self.same(got.ReadAsArray(), want.ReadAsArray())

    def test_formats(self):
        """One or several files for each tile; what belongs to it goes along."""
        for name, options in (('PNG', {}), ('AAIGrid', {}), ('ENVI', {}), ('GPKG', {}), ('HFA', {'TILE_CO': 'COMPRESSED=YES'}),
                              ('COG', {'TILE_CO': 'COMPRESS=DEFLATE;BLOCKSIZE=128'}), ('GTiff', {'TILE_CO': ['TILED=YES', 'TFW=YES']})):
            for kind in KINDS:
                output = self.path(name + '.vrt')
                self.translate(self.small, output, FORMAT=name, GRID='2x2', WORKERS=kind, **options)
                got, want = gdal.Open(output), gdal.Open(self.small)
                self.same(got.ReadAsArray().astype(np.int32)[0 if got.RasterCount > 1 else slice(None)],
                          want.ReadAsArray().astype(np.int32), name)
                self.assertFalse([file for file in names(output) if file.startswith('.')], name)
        self.assertIn('r001_c001.tfw', names(self.path('GTiff.vrt')))
        self.assertIn('r001_c001.hdr', names(self.path('ENVI.vrt')))

    def test_mosaic_moves(self):
        """Names in it are relative: folder and mosaic may go elsewhere together."""
        output = self.path('moving.vrt')
        self.translate(self.small, output, GRID='2x2')
        other = self.path('elsewhere')
        os.mkdir(other)
        shutil.move(output, other)
        shutil.move(folder_of(output), other)
        self.same_raster(os.path.join(other, 'moving.vrt'), gdal.Open(self.small))
        with open(os.path.join(other, 'moving.vrt')) as file:
            self.assertNotIn(self.folder, file.read())

    def test_tile_index(self):
        output = self.path('index.gti')
        if VERSION < (3, 9):
            self.fails(self.small, output, MOSAIC='GTI', words=['MOSAIC=GTI', '3.9'])
            return
        for source, options in ((self.small, {}), (real('landsat.tif'), {}), (real('dem.tif'), {'CALC': 'sqrt(A)'})):
            for _ in range(2):  # over an older one as well
                self.translate(source, output, MOSAIC='GTI', GRID='3x2', **options)
            want = fishnet(source, *options.values())
            seen, handler = collect_errors()
            gdal.PushErrorHandler(handler)
            try:
                got = gdal.Open(output)
            finally:
                gdal.PopErrorHandler()
            self.assertEqual(seen, [])  # GDAL compares the file with a schema
            self.assertEqual(got.GetDriver().ShortName, 'GTI')
            for i in range(1, want.RasterCount + 1):
                self.same(got.GetRasterBand(i).ReadAsArray(), want.GetRasterBand(i).ReadAsArray(), source)
                self.assertEqual(nodata_of(got.GetRasterBand(i)), nodata_of(want.GetRasterBand(i)))
                self.assertEqual(got.GetRasterBand(i).GetDescription(), want.GetRasterBand(i).GetDescription())
            self.assertEqual(got.GetGeoTransform(), want.GetGeoTransform())
            self.assertTrue(got.GetSpatialRef().IsSame(want.GetSpatialRef()))
            got = None
        self.assertIn('index.fgb', names(output))
        self.translate(self.small, output, GRID='3x2')  # the name says it
        self.assertEqual(gdal.Open(output).GetDriver().ShortName, 'GTI')
        self.fails(self.small, self.path('other.gti'), MOSAIC='VRT', words=['MOSAIC=VRT', '.gti'])
        bare = write(self.path('nowhere.tif'), np.zeros((20, 30), np.uint8), geotransform=None, epsg=None)
        self.fails(bare, self.path('nowhere.gti'), MOSAIC='GTI', words=['geotransform', 'MOSAIC=VRT'])
        self.assertFalse(os.path.exists(folder_of(self.path('nowhere.gti'))))

    @unittest.skipIf(VERSION < (3, 9), 'GDAL has no driver GTI')
    def test_vrt_over_a_tile_index(self):
        """All that a VRT over tiles has, and masks, by one source; it may be moved where an index may."""
        masked = self.path('masked.tif')
        with config('GDAL_TIFF_INTERNAL_MASK', 'YES'):
            good('gdal_translate', '-q', '-of', 'GTiff', '-b', '1', '-b', '2', '-mask', '3', real('landsat.tif'), masked)
        for source, options in ((self.small, {}), (real('landsat.tif'), {}), (masked, {}), (real('dem.tif'), {'CALC': 'sqrt(A)'})):
            output = self.path('over.vrt')
            self.translate(source, output, MOSAIC='GTI', GRID='3x2', **options)
            self.assertEqual(sources(output), {'over_tiles/index.gti'})
            self.same_raster(output, fishnet(source, *options.values()), source, masks=True)
            self.assertEqual(gdal.Open(output).GetMetadataItem('TILES', 'FISHNET'), '6')
            if VERSION >= (3, 13):
                other = self.path('elsewhere_too')
                os.mkdir(other)
                shutil.move(output, other)
                shutil.move(folder_of(output), other)
                self.same_raster(os.path.join(other, 'over.vrt'), fishnet(source, *options.values()), source, masks=True)
                shutil.rmtree(other)

    def test_many_tiles(self):
        """From 10,000 tiles on a VRT has an index as its source. All tiles but one are that one here: nobody reads them."""
        for rows, many in ((101, False), (102, True)):  # 9999, and 10098
            source = write(self.path('many.tif'), np.arange(99 * rows, dtype=np.float32).reshape(rows, 99))
            output = self.path('many_%d.vrt' % rows)
            self.translate(source, output, TILE_SIZE=1, PARTITION='1/%d' % (99 * rows))
            tile, = [name for name in tiles(output) if name.endswith('.tif')]
            for row in range(rows):
                for column in range(99):
                    if (name := 'r%03d_c%03d.tif' % (row, column)) != tile:
                        os.link(os.path.join(folder_of(output), tile), os.path.join(folder_of(output), name))
            self.translate(source, output, TILE_SIZE=1, ASSEMBLE='YES')
            index = many and VERSION >= (3, 13)
            self.assertEqual(len(sources(output)), 1 if index else 99 * rows)
            if index:
                self.assertEqual(gdal.Open(output).ReadAsArray(0, 0, 1, 1), 0)
                self.translate(source, output, TILE_SIZE=1, MOSAIC='VRT', ASSEMBLE='YES')
                self.assertEqual(len(sources(output)), 99 * rows)


class Sources(Discrete):
    @classmethod
    def prepare(cls):
        values = np.random.default_rng(5).integers(0, 20000, (300, 420), np.int16)
        cls.values = values
        cls.source = write(cls.path('source.tif'), [values, values // 3], options=['TILED=YES', 'COMPRESS=DEFLATE'])
        good('gdaladdo', '-q', cls.source, 2)

    def check(self, want, *arguments, source=None, cwd=None, **options):
        for kind in KINDS:
            output = self.path('out.vrt')
            self.translate(source or self.source, output, *arguments, GRID='3x2', WORKERS=kind, cwd=cwd, **options)
            self.same(gdal.Open(output).ReadAsArray(), want, '%s %s' % (arguments, kind))
            output = None

    def test_windows_and_bands(self):
        """What gdal_translate makes of its arguments has no name of its own."""
        self.check(self.values[40:240, 17:317], '-srcwin', 17, 40, 300, 200, '-b', 1)
        self.check((self.values[40:240, 17:317] * 2.0).astype(np.float32), '-srcwin', 17, 40, 300, 200, '-b', 1, CALC='A*2')
        self.check((self.values + self.values // 3).astype(np.int32), '-b', 2, '-b', 1, CALC='A+A[2]', OT='Int32', NODATA='none')
        self.check(np.repeat(np.repeat(self.values, 2, 0), 2, 1), '-b', 1, '-outsize', '200%', '200%')
        self.check(self.values[40:240, 17:317], '-srcwin', 17, 40, 300, 200, '-b', 1, source='source.tif', cwd=self.folder)

    def test_fishnet_source(self):
        want = np.sqrt(self.values.astype(np.float64)).astype(np.float32)
        connection = 'FISHNET:' + self.source
        self.check(want, '-oo', 'CALC=sqrt(A)', source=connection)
        self.check(want, '-oo', 'CALC=sqrt(A)', '-oo', 'WORKERS=PROCESSES', '-oo', 'NUM_WORKERS=1', source=connection)
        self.check((want.astype(np.float64) + 1).astype(np.float32), '-oo', 'CALC=sqrt(A)', source=connection, CALC='A+1')
        self.check(want[10:110, 20:220], '-oo', 'CALC=sqrt(A)', '-srcwin', 20, 10, 200, 100, source=connection)
        self.check(want, '-oo', 'CALC=sqrt(A)', source='FISHNET:source.tif', cwd=self.folder)

    def test_overview_level(self):
        """A source opened at an overview level: GDAL's own copy of a warped VRT opened so dies, and a FISHNET dataset opened so is not one of ours."""
        warped, over, stored = self.path('level_warped.vrt'), self.path('level_over.vrt'), self.path('level.tif')
        gdal.Translate(stored, real('dem.tif'), srcWin=[0, 0, 600, 400])
        gdal.Warp(warped, stored, format='VRT', dstSRS='EPSG:4326')
        gdal.BuildVRT(over, [warped]).FlushCache()
        for path in (stored, warped):
            good('gdaladdo', '-q', path, 2)
        for path in (stored, warped, over, 'FISHNET:' + stored, 'FISHNET:' + warped):
            want = gdal.OpenEx(path, open_options=['OVERVIEW_LEVEL=0']).ReadAsArray()
            self.assertEqual(want.shape, (200, 300), path)
            for number, options in enumerate(([], ['-co', 'CALC=A+1'], ['-co', 'OUTPUT=SINGLE'], ['-co', 'WORKERS=PROCESSES'])):
                out = self.path('level_%d.%s' % (number, 'tif' if number == 2 else 'vrt'))
                good_within('gdal_translate', '-q', '-of', 'FISHNET', path, out, '-oo', 'OVERVIEW_LEVEL=0', '-co', 'NUM_WORKERS=2', *options)
                self.same(gdal.Open(out).ReadAsArray(), want + 1 if number == 1 else want, '%s %s' % (path, options))

    def test_open_options(self):
        overview = gdal.OpenEx(self.source, open_options=['OVERVIEW_LEVEL=0']).GetRasterBand(1).ReadAsArray()
        self.check((overview * 3.0).astype(np.float32), '-oo', 'OVERVIEW_LEVEL=0', CALC='A*3')
        self.check((overview * 3.0).astype(np.float32), '-ovr', 0, CALC='A*3')

    def test_several_inputs(self):
        other = write(self.path('other.tif'), self.values[::-1].copy())
        want = (self.values.astype(np.float64) - self.values[::-1]).astype(np.float32)
        self.check(want, CALC='A-B', B=other)
        self.check(want, CALC='A-B', B='other.tif', cwd=self.folder)
        self.fails(self.source, self.path('a.vrt'), CALC='A', A=other, words=['A is the source'])

    def test_python(self):
        output = self.path('python.vrt')
        for make in (lambda o: gdal.GetDriverByName('FISHNET').CreateCopy(output, gdal.Open(self.source), options=o),
                     lambda o: gdal.Translate(output, self.source, format='FISHNET', creationOptions=o)):
            seen = []
            made = make(['CALC=A+A[2]', 'GRID=2x2'])
            self.assertEqual(made.GetDriver().ShortName, 'VRT')
            self.same(made.ReadAsArray(), (self.values + self.values // 3).astype(np.float32))
            made = None
            with self.assertRaises(RuntimeError) as caught:
                make(['CALC=A+', 'GRID=2x2'])
            self.assertIn('CALC', str(caught.exception))
        gdal.GetDriverByName('FISHNET').CreateCopy(output, gdal.Open(self.source), callback=lambda *a: seen.append(a[0]) or 1,
                                                   options=['TILE_SIZE=100'])
        self.assertEqual(seen, sorted(seen))
        self.assertEqual((seen[0], seen[-1]), (0.0, 1.0))
        self.assertGreaterEqual(len(seen), 1 + 15)  # a call for each tile; what others have done meanwhile is in its number

    def test_memory(self):
        """What only this process has: no file, so no; a file in memory, so with threads."""
        memory = gdal.GetDriverByName('MEM').CreateCopy('', gdal.Open(self.source))
        driver = gdal.GetDriverByName('FISHNET')
        for dataset in (memory, gdal.Translate('', memory, format='VRT', srcWin=[0, 0, 50, 50])):
            for kind in KINDS:
                with self.assertRaises(RuntimeError) as caught:
                    driver.CreateCopy(self.path('memory.vrt'), dataset, options=['WORKERS=' + kind])
                self.assertIn('memory of this process', str(caught.exception))
                self.assertIn('file', str(caught.exception))
        self.assertFalse(glob.glob(self.path('memory*')))
        gdal.Translate('/vsimem/in.tif', self.source)
        made = driver.CreateCopy('/vsimem/out.vrt', gdal.Open('/vsimem/in.tif'), options=['GRID=2x2', 'CALC=A*2'])
        self.same(made.ReadAsArray(), (self.values * 2.0).astype(np.float32))
        made = None
        for source, output, word in (('/vsimem/in.tif', self.path('memory.vrt'), '/vsimem/in.tif'), (self.source, '/vsimem/p.vrt', '/vsimem/p.vrt')):
            with self.assertRaises(RuntimeError) as caught:
                driver.CreateCopy(output, gdal.Open(source), options=['GRID=2x2', 'WORKERS=PROCESSES'])
            self.assertIn(word, str(caught.exception))
            self.assertIn('WORKERS=THREADS', str(caught.exception))
        self.assertFalse(glob.glob(self.path('memory*')))

    def test_changed_and_not_written(self):
        """A dataset that the program has just changed is copied as it is now."""
        path = write(self.path('fresh.tif'), np.zeros((50, 50), np.uint8))
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(1).WriteArray(np.full((50, 50), 9, np.uint8))
        made = gdal.GetDriverByName('FISHNET').CreateCopy(self.path('fresh.vrt'), dataset, options=['GRID=2x2'])
        self.same(made.ReadAsArray(), np.full((50, 50), 9, np.uint8))


class Failures(Discrete):
    @classmethod
    def prepare(cls):
        values = np.random.default_rng(6).integers(0, 255, (512, 640), np.uint8)
        cls.values = values
        cls.source = write(cls.path('source.tif'), values, 0, options=['TILED=YES', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128', 'COMPRESS=DEFLATE'])

    def test_bad_options(self):
        for options, words in (
                ({'GRID': '0x4'}, ['GRID=0x4']), ({'GRID': '4'}, ['GRID=4']), ({'GRID': '4x'}, ['GRID=4x']), ({'GRID': '2x-1'}, ['GRID=']),
                ({'GRID': '4x4', 'TILE_SIZE': 64}, ['GRID', 'TILE_SIZE']), ({'TILE_SIZE': '0'}, ['TILE_SIZE=0']), ({'TILE_SIZE': 'big'}, ['TILE_SIZE=big']),
                ({'FORMAT': 'nothing'}, ['FORMAT=nothing']), ({'FORMAT': 'DOQ1'}, ['FORMAT=DOQ1', 'cannot write']),
                ({'FORMAT': 'VRT'}, ['FORMAT=VRT']), ({'FORMAT': 'MEM'}, ['FORMAT=MEM', 'file']), ({'FORMAT': 'FISHNET'}, ['FORMAT=FISHNET']),
                ({'FORMAT': 'ESRI Shapefile'}, ['FORMAT=ESRI']), ({'TILE_CO': 'COMPRESS'}, ['TILE_CO=COMPRESS']), ({'MOSAIC': 'MAP'}, ['MOSAIC=MAP']),
                ({'RESUME': 'MAYBE'}, ['RESUME=MAYBE']), ({'OUTPUT': 'BOTH'}, ['OUTPUT=BOTH']), ({'COMPRESS': 'ZSTD'}, ['COMPRESS', 'TILE_CO=COMPRESS=ZSTD']),
                ({'PREDICTOR': 2}, ['TILE_CO=PREDICTOR=2']), ({'OUTPUT': 'SINGLE', 'GRID': '2x2'}, ['GRID', 'OUTPUT=TILES']),
                ({'CALC': 'A+'}, ['CALC', 'position 3']), ({'CALC': 'B'}, ["no input B"]), ({'OT': 'Byte'}, ['OT', 'CALC']),
                ({'CALC': 'A', 'NODATA': 300, 'OT': 'Byte'}, ['300']), ({'B': 'missing.tif', 'CALC': 'A+B'}, ['missing.tif']),
                ({'NUM_WORKERS': 0}, ['NUM_WORKERS=0']), ({'WORKERS': 'ELVES'}, ['WORKERS=ELVES']), ({'ON_ERROR': 'CRY'}, ['ON_ERROR=CRY'])):
            self.fails(self.source, self.path('bad.vrt'), words=words, **options)
            self.assertFalse(os.path.exists(self.path('bad_tiles')), options)
        for options, word in (({'GRID': '0x4'}, 'GRID=0x4'), ({'CALC': 'A+'}, 'position 3'), ({'WORKERS': 'ELVES'}, 'WORKERS=ELVES')):
            self.fails(self.source, self.path('bad.vrt'), words=[word], how=run, **options)
        self.fails(self.source, self.path('bad.tif'), words=['.vrt', 'OUTPUT=SINGLE'])
        self.fails(real('places.shp'), self.path('bad.vrt'))

    def test_values_that_a_format_cannot_hold(self):
        message = self.fails(self.source, self.path('png.vrt'), CALC='A*1.5', FORMAT='PNG', words=['PNG', 'Float32', 'r000_c000.png'])
        self.assertNotIn('tried', message)
        self.assertEqual(tiles(self.path('png.vrt')), [])

    def test_lost_crs(self):
        source = with_crs_of_no_tiff(self.folder, self.source)
        self.translate(source, self.path('crs.vrt'))
        self.assertIsNotNone(gdal.Open(os.path.join(self.path('crs_tiles'), 'r000_c000.tif')).GetSpatialRef())
        with config('GDAL_PAM_ENABLED', 'NO'):
            self.fails(source, self.path('lost.vrt'), words=['r000_c000.tif', 'read again it has no CRS'])

    def test_foreign_folder(self):
        """Nothing is removed that is not ours, and nothing is put beside what is not."""
        output = self.path('foreign.vrt')
        os.mkdir(folder_of(output))
        for name in ('r000_c000.tif', 'notes.txt'):
            put('mine', folder_of(output), name)
        self.fails(self.source, output, words=[folder_of(output), 'recipe.txt'])
        self.fails(self.source, output, RESUME='YES', words=[folder_of(output)])
        self.assertEqual(names(output), ['notes.txt', 'r000_c000.tif'])
        with open(os.path.join(folder_of(output), 'r000_c000.tif')) as file:
            self.assertEqual(file.read(), 'mine')
        put('flour, eggs\n', folder_of(output), 'recipe.txt')
        self.fails(self.source, output, words=['recipe.txt'])
        self.assertEqual(len(names(output)), 3)
        other = self.path('file.vrt')
        put('a file', folder_of(other))
        self.fails(self.source, other, words=[folder_of(other), 'a file'])
        # In a folder of ours, what others add stays, and old tiles go.
        ours = self.path('ours.vrt')
        self.translate(self.source, ours, GRID='3x3')
        put('mine', folder_of(ours), 'notes.txt')
        self.translate(self.source, ours, GRID='2x2')
        self.assertEqual(names(ours), ['notes.txt', 'r000_c000.tif', 'r000_c001.tif', 'r001_c000.tif', 'r001_c001.tif', 'recipe.txt'])

    def as_nobody(self, *words, env=None):
        """The tool without the rights of root."""
        def drop():
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
        return subprocess.run([str(word) for word in words], preexec_fn=drop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=patience(50), env=dict(os.environ, **(env or {})))

    def test_unwritable_folder(self):
        os.chmod(self.folder, 0o755)
        place = self.path('closed')
        os.mkdir(place, 0o755)
        if os.getuid() != 0:
            os.chmod(place, 0o555)
        done = self.as_nobody(*command(self.source, place + '/x.vrt', GRID='2x2'))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(place + '/x_tiles', done.stderr)
        self.assertIn('Permission denied', done.stderr)
        self.assertEqual(os.listdir(place), [])
        os.chmod(place, 0o777)
        good('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'GRID=2x2', self.source, place + '/x.vrt')
        os.remove(place + '/x.vrt')
        os.chmod(place + '/x_tiles', 0o555)
        done = self.as_nobody(*command(self.source, place + '/x.vrt', GRID='2x2', RESUME='YES'))
        self.assertEqual(done.returncode, 0, 'all is there: ' + done.stderr)
        os.remove(place + '/x.vrt')
        for options in ({'GRID': '3x3'}, {'GRID': '3x3', 'WORKERS': 'PROCESSES'}):
            done = self.as_nobody(*command(self.source, place + '/x.vrt', **options))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(place + '/x_tiles', done.stderr)
            self.assertIn('denied', done.stderr)
            self.assertFalse(os.path.exists(place + '/x.vrt'))

    def test_disk_full(self):
        disk = self.path('disk')
        os.mkdir(disk)
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk], stderr=subprocess.PIPE).returncode == 0
        if not mounted:  # the next test does without
            return
        try:
            for kind in KINDS:
                output = os.path.join(disk, 'full.vrt')
                message = self.fails(self.source, output, GRID='3x3', WORKERS=kind, words=['full_tiles/r', 'No space left on device'])
                self.assertNotIn('tried', message)
                for name in tiles(output):  # those that went before are whole
                    self.assertIsNotNone(gdal.Open(os.path.join(folder_of(output), name)).ReadAsArray())
                self.assertFalse([name for name in names(output) if name.startswith('.')])
        finally:
            subprocess.run(['umount', disk])

    def test_file_size_limit(self):
        """The system kills a worker that writes too much: said, not tried for ever, and nothing is left."""
        output = self.path('limit.vrt')
        done = run('sh', '-c', 'ulimit -f 40; exec "$@"', 'sh', *command(self.source, output, GRID='2x2', WORKERS='PROCESSES', RETRIES=1))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('r000_c000.tif', done.stderr)
        self.assertTrue('SIGXFSZ' in done.stderr or 'File too large' in done.stderr, done.stderr)
        self.assertFalse(os.path.exists(output))
        self.assertEqual(tiles(output), [])

    def corrupt(self, name):
        """The block at 256,128 does not decode."""
        path = self.path(name)
        shutil.copy(self.source, path)
        dataset = gdal.Open(path)
        band = dataset.GetRasterBand(1)
        offset, size = (int(band.GetMetadataItem('BLOCK_%s_2_1' % what, 'TIFF')) for what in ('OFFSET', 'SIZE'))
        dataset = band = None
        with open(path, 'r+b') as file:
            file.seek(offset)
            file.write(b'\xff' * size)
        return path

    def test_corrupt_block(self):
        path = self.corrupt('corrupt.tif')
        want = self.values.copy()
        want[128:256, 256:384] = 0
        for kind in KINDS:
            output = self.path('corrupt.vrt')
            message = self.fails(path, output, TILE_SIZE=128, WORKERS=kind, NUM_WORKERS=2, RETRIES=1, CALC='A', OT='Byte', NODATA=0,
                                 words=['r001_c002.tif', 'x=256 y=128 128x128'])
            self.assertIn('cannot be read', message)
            self.translate(path, output, TILE_SIZE=128, WORKERS=kind, NUM_WORKERS=2, RETRIES=1, ON_ERROR='NODATA')
            self.same(gdal.Open(output).ReadAsArray(), want)
            report = gdal.Open(output).GetMetadata('FISHNET')
            self.assertEqual(report['TILES_FAILED'], '1')
            self.assertIn('x=256 y=128', report['TILE_FAILED_1'])

    def test_failures_are_tried_again_by_resume(self):
        """A source that fails for a while, and whose files stay as they are."""
        broken, path, output = self.path('broken'), self.path('healing_source.vrt'), self.path('healing.vrt')
        put('', broken)
        gdal.BuildVRT(path, [self.source]).FlushCache()
        with open(path) as file:
            text = file.read()
        code = ('import os\ndef f(inputs, out, x, y, width, height, *rest, **more):\n    if os.path.exists(%r) and y < 256 and y + height > 128:\n'
                '        raise IOError("not now")\n    out[:] = inputs[0]\n' % broken)
        put(text.replace('band="1"', 'band="1" subClass="VRTDerivedRasterBand"', 1).replace(
            '<ColorInterp>', '<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>'
            '<PixelFunctionCode><![CDATA[%s]]></PixelFunctionCode><ColorInterp>' % code, 1), path)
        with config('GDAL_VRT_ENABLE_PYTHON', 'YES'):
            self.translate(path, output, TILE_SIZE=128, RETRIES=0, ON_ERROR='NODATA')
            failed = sorted(name.replace('.failed.txt', '.tif') for name in names(output) if name.endswith('.failed.txt'))
            self.assertTrue(0 < len(failed) < len(tiles(output)), failed)
            before = {name: os.stat(os.path.join(folder_of(output), name)).st_mtime_ns for name in tiles(output)}
            os.unlink(broken)
            self.translate(path, output, TILE_SIZE=128, RETRIES=0, ON_ERROR='NODATA', RESUME='YES')
        self.same(gdal.Open(output).ReadAsArray(), self.values)
        self.assertEqual(gdal.Open(output).GetMetadataItem('TILES_FAILED', 'FISHNET'), '0')
        after = {name: os.stat(os.path.join(folder_of(output), name)).st_mtime_ns for name in tiles(output)}
        self.assertEqual(sorted(name for name in after if after[name] != before[name]), failed)
        self.assertFalse([name for name in names(output) if name.endswith('.failed.txt')])

    def test_warnings_once(self):
        done = run(*command(self.source, self.path('warn.vrt'), TILE_SIZE=64, TILE_CO='NONSENSE=1', CALC='A+1', OT='Int16'))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count('NONSENSE'), 1, done.stderr)
        self.assertEqual(done.stderr.count('NODATA is not given'), 1, done.stderr)

    def test_cancelled(self):
        output = self.path('cancelled.vrt')
        for kind in KINDS:
            for most in (0.0, 0.3):
                with self.assertRaises(RuntimeError) as caught:
                    gdal.GetDriverByName('FISHNET').CreateCopy(output, gdal.Open(self.source), callback=lambda done, *rest: done <= most,
                                                               options=['GRID=20x16', 'WORKERS=' + kind, 'NUM_WORKERS=2'])
                self.assertIn('terminated', str(caught.exception))
                self.assertFalse(os.path.exists(output))
                self.assertFalse([name for name in names(output) if name.startswith('.')])
                self.assertLess(len(tiles(output)), 320)
            before = {name: os.stat(os.path.join(folder_of(output), name)).st_mtime_ns for name in tiles(output)}
            self.assertGreater(len(before), 5)
            seen = []
            made = gdal.GetDriverByName('FISHNET').CreateCopy(output, gdal.Open(self.source), callback=lambda done, *rest: seen.append(done) or 1,
                                                              options=['GRID=20x16', 'WORKERS=' + kind, 'RESUME=YES'])
            self.same(made.ReadAsArray(), self.values)
            made = None
            self.assertAlmostEqual(seen[0], len(before) / 320)
            for name in before:
                self.assertEqual(os.stat(os.path.join(folder_of(output), name)).st_mtime_ns, before[name])

    def test_resume_refuses_another_recipe(self):
        output = self.path('recipe.vrt')
        source = self.path('recipe.tif')
        shutil.copy(self.source, source)
        first = {'GRID': '3x3', 'CALC': 'A+1', 'TILE_CO': 'COMPRESS=DEFLATE'}
        self.translate(source, output, **first)
        kept = digests(output)
        for change, words in (({'CALC': 'A+2'}, ['CALC=A+1', 'CALC=A+2']), ({'GRID': '3x2'}, ['rows']), ({'TILE_CO': 'COMPRESS=LZW'}, ['COMPRESS=LZW']),
                              ({'FORMAT': 'HFA', 'TILE_CO': []}, ['FORMAT=HFA']), ({'ON_ERROR': 'NODATA'}, ['ON_ERROR']), ({'OT': 'Float64'}, ['OT=Float64'])):
            self.fails(source, output, RESUME='YES', stays=True, words=['RESUME', 'recipe.txt'] + words, **dict(first, **change))
            self.assertEqual(digests(output), kept)
        self.translate(source, output, RESUME='YES', NUM_WORKERS=3, CACHE_MB=20, **first)
        self.assertEqual(digests(output), kept)
        os.utime(source, (1, 1))
        self.fails(source, output, RESUME='YES', stays=True, words=['recipe.tif'], **first)
        self.translate(source, output, **first)
        self.assertEqual(digests(output), kept)

    def test_resume_of_nothing(self):
        output = self.path('nothing.vrt')
        self.translate(self.source, output, RESUME='YES', GRID='2x2')
        self.same_raster(output, gdal.Open(self.source))
        with open(os.path.join(folder_of(output), 'r000_c001.tif'), 'w'):
            pass  # a file of no bytes is not a whole tile
        self.translate(self.source, output, RESUME='YES', GRID='2x2')
        self.same_raster(output, gdal.Open(self.source))


class Interruptions(Discrete):
    """Real processes, ended by real signals."""
    OPTIONS = {'GRID': '8x4', 'CALC': 'sqrt(A)+sin(A/50)', 'TILE_CO': ['COMPRESS=DEFLATE', 'ZLEVEL=9', 'TILED=YES'], 'NUM_WORKERS': 2}

    @classmethod
    def prepare(cls):
        cls.source = cls.path('big.vrt')
        good('gdal_translate', '-q', '-of', 'VRT', '-srcwin', 0, 0, 1600, 1200, real('dem.tif'), cls.source)
        good(*command(cls.source, cls.path('want.vrt'), **cls.OPTIONS))
        cls.want = digests(cls.path('want.vrt'))

    def begin(self, output, least=3, **options):
        """Starts the run and waits until it has written some tiles."""
        process = subprocess.Popen(command(self.source, output, **dict(self.OPTIONS, **options)), stderr=subprocess.PIPE,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # as at a terminal

        def some():
            return process.poll() is not None or os.path.isdir(folder_of(output)) and \
                sum(name.endswith('.tif') for name in names(output)) >= least
        self.assertTrue(wait_for(some, 40))
        self.assertIsNone(process.poll(), 'it was too fast')
        return process

    def ended(self, process, pids, number):
        started = time.monotonic()
        process.send_signal(number)
        self.assertEqual(process.wait(patience(10)), -number)
        process.stderr.close()
        self.assertTrue(wait_for(lambda: not any(map(alive, pids)), 2), 'workers live on')
        self.assertLess(time.monotonic() - started, patience(3))

    def interrupt(self, number):
        for kind in KINDS:
            output = self.path('cut%d%s.vrt' % (number, kind))
            process = self.begin(output, WORKERS=kind)
            pids = children(process.pid)
            self.assertEqual(len(pids) > 0, kind == 'PROCESSES')
            self.ended(process, pids, number)
            self.assertFalse(os.path.exists(output))
            whole = [name for name in tiles(output) if not name.startswith('.')]
            self.assertLess(len(whole), len(self.want))
            for name in whole:
                with open(os.path.join(folder_of(output), name), 'rb') as file:
                    self.assertEqual(hashlib.sha256(file.read()).hexdigest(), self.want[name], 'not whole: ' + name)
            before = {name: os.stat(os.path.join(folder_of(output), name)).st_mtime_ns for name in whole}
            self.translate(self.source, output, RESUME='YES', WORKERS=kind, **self.OPTIONS)
            self.assertEqual(digests(output), self.want)
            for name in whole:
                self.assertEqual(os.stat(os.path.join(folder_of(output), name)).st_mtime_ns, before[name], name)
            self.same_raster(output, gdal.Open(self.path('want.vrt')))

    def test_host_killed(self):
        self.interrupt(signal.SIGKILL)

    def test_interrupted_at_the_terminal(self):
        self.interrupt(signal.SIGINT)

    def test_worker_killed(self):
        """Its tile goes to another; what it left is removed."""
        for number in (signal.SIGKILL, signal.SIGSEGV):
            output = self.path('worker%d.vrt' % number)
            process = self.begin(output, least=1, WORKERS='PROCESSES')
            killed = 0
            for _ in range(3):
                workers = [pid for pid in children(process.pid) if pid in children(children(process.pid)[0])]
                if workers:
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        os.kill(workers[0], number)
                        killed += 1
                time.sleep(0.2)
            errors = process.communicate(timeout=patience(60))[1].decode()
            self.assertEqual(process.returncode, 0, errors)
            self.assertGreater(killed, 0)
            self.assertEqual(digests(output), self.want)

    def test_worker_that_hangs(self):
        output = self.path('hang.vrt')
        process = self.begin(output, least=1, WORKERS='PROCESSES', TASK_TIMEOUT='%.1f' % patience(2))
        worker = children(children(process.pid)[0])[0]
        os.kill(worker, signal.SIGSTOP)
        errors = process.communicate(timeout=patience(60))[1].decode()
        self.assertEqual(process.returncode, 0, errors)
        self.assertFalse(alive(worker))
        self.assertEqual(digests(output), self.want)

    def test_two_runs_at_once(self):
        output = self.path('twice.vrt')
        process = self.begin(output)
        process.send_signal(signal.SIGSTOP)  # it has the folder until the other one has looked
        self.fails(self.source, output, words=['another run', folder_of(output)], how=run, **self.OPTIONS)
        process.send_signal(signal.SIGCONT)
        errors = process.communicate(timeout=patience(60))[1].decode()
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(digests(output), self.want)


class Many(Discrete):
    def test_a_thousand_tiles(self):
        """The mosaic needs no look at each of them."""
        source = write(self.path('many.tif'), np.arange(1000 * 1000, dtype=np.int32).reshape(1000, 1000))
        output = self.path('many.vrt')
        self.translate(source, output, TILE_SIZE=30)
        self.assertEqual(len(tiles(output)), 34 * 34)
        done = run(*command(source, output, '--debug', 'on', TILE_SIZE=30, RESUME='YES'))
        self.assertEqual(done.returncode, 0, done.stderr)
        opened = [line for line in done.stderr.splitlines() if 'GDALOpen(' in line and '_c' in line]
        self.assertLess(len(opened), 10, opened[:3])
        self.assertIn('GDALOpen(', done.stderr)
        got = gdal.Open(output)
        self.same(got.ReadAsArray(300, 200, 55, 77), gdal.Open(source).ReadAsArray(300, 200, 55, 77))
        self.assertIn('r033_c033.tif', names(output))


if __name__ == '__main__':
    unittest.main()
