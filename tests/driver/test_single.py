"""One GeoTIFF, whose blocks the workers encode: the same pixels and metadata as a copy by gdal_translate, the same bytes for any workers,
and nothing but a whole file under its name."""
import contextlib
import filecmp
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

import numpy as np
from osgeo import gdal, osr

from common import Case, TYPES, VERSION, collect_errors, config, good, good_within, patience, real, run, threads, type_code, wait_for, with_crs_of_no_tiff, within, write


def co(options):
    """-co arguments of options; a list is an option given several times."""
    words = []
    for name, value in options.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            words += ['-co', '%s=%s' % (name, item)]
    return words


def command(source, out, **options):
    return ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=SINGLE', *co(options), source, out]


RECIPE = ('CALC', 'OT', 'NODATA', 'B')  # options of the source, not of the file


def plain(source, out, **options):
    """The same by a dataset of FISHNET and a copy of it."""
    words = []
    for name in RECIPE:
        value = options.pop(name, [])
        for item in value if isinstance(value, (list, tuple)) else [value]:
            words += ['-oo', '%s=%s' % (name, item)]
    return ['gdal_translate', '-q', 'FISHNET:' + source, out, *words, *co(dict(options, TILED='YES'))]


def info(path):
    """All that gdalinfo tells, but for the file's name and the places of mask files."""
    text = gdal.Info(path, format='json', listMDD=True, extraMDDomains=['all'])
    for key in ('description', 'files'):
        text.pop(key)
    text['metadata'].pop('DERIVED_SUBDATASETS', None)  # of the file's name
    return text


def processes(parent):
    """Children of a process."""
    found = []
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % name) as text:
                if int(text.read().rpartition(')')[2].split()[1]) == parent:
                    found.append(int(name))
        except (OSError, ValueError):
            pass
    return found


class Tiff:
    """A TIFF file as its specification has it, read without any library."""
    SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
    CODES = {1: 'B', 3: 'H', 4: 'I', 16: 'Q', 18: 'Q'}

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.bytes = file.read()
        self.order = {b'II': '<', b'MM': '>'}[self.bytes[:2]]
        version = self.number('H', 2)
        assert version in (42, 43), version
        self.big = version == 43
        self.start = self.number('Q', 8) if self.big else self.number('I', 4)
        self.tags = self.read(self.start)

    def number(self, code, at):
        return struct.unpack_from(self.order + code, self.bytes, at)[0]

    def read(self, at):
        count, entry, inline = (self.number('Q', at), 20, 8) if self.big else (self.number('H', at), 12, 4)
        tags, self.end = {}, at + (8 if self.big else 2) + count * entry
        for i in range(count):
            where = at + (8 if self.big else 2) + i * entry
            tag, kind = self.number('H', where), self.number('H', where + 2)
            length = self.number('Q' if self.big else 'I', where + 4)
            size = length * self.SIZES[kind]
            value = where + entry - inline
            if size > inline:
                value = self.number('Q' if self.big else 'I', value)
                self.end = max(self.end, value + size)
            assert value + size <= len(self.bytes), (tag, 'ends beyond the file')
            if kind in self.CODES:
                tags[tag] = struct.unpack_from('%s%d%s' % (self.order, length, self.CODES[kind]), self.bytes, value)
        return tags

    def blocks(self):
        """(offset, size) of each."""
        return list(zip(self.tags[324], self.tags[325]))


class Single(Case):
    maxDiff = 4000

    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif'))
        array = source.ReadAsArray(100, 200, 731, 517)
        array[100:420, 200:500] = -999
        cls.dem = write(cls.path('dem.tif'), array, -999, options=['TILED=YES', 'COMPRESS=DEFLATE'])
        cls.image = real('landsat.tif')
        cls.numbers = np.random.default_rng(4)

    def both(self, source, what='', **options):
        """Writes it both ways; all must be the same. Returns our file."""
        out, copy = self.path('out.tif'), self.path('copy.tif')
        for path in (out, copy):
            for ending in ('', '.msk', '.aux.xml'):
                if os.path.exists(path + ending):
                    os.unlink(path + ending)
        good_within(*command(source, out, **options), env={'GDAL_TIFF_INTERNAL_MASK': None})
        good_within(*plain(source, copy, **options), env={'GDAL_TIFF_INTERNAL_MASK': 'YES'})
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith('.out.tif')], [])
        ours, theirs = gdal.Open(out), gdal.Open(copy)
        self.assertEqual(ours.GetDriver().ShortName, 'GTiff')
        for i in range(1, theirs.RasterCount + 1):
            ours_band, theirs_band = ours.GetRasterBand(i), theirs.GetRasterBand(i)
            self.same(ours_band.ReadAsArray(), theirs_band.ReadAsArray(), '%s band %d' % (what, i))
            self.same(ours_band.GetMaskBand().ReadAsArray(), theirs_band.GetMaskBand().ReadAsArray(), what + ' mask')
        ours = theirs = None
        self.assertEqual(info(out), info(copy), what)
        self.whole(out, options)
        return out

    def whole(self, path, options):
        """A sound file: all blocks there, none over another, the directory before them."""
        tiff = Tiff(path)
        at = tiff.end
        blocks = tiff.blocks()
        for offset, size in sorted(blocks):
            if (offset, size) == (0, 0) and options.get('SPARSE_OK') == 'YES':
                continue
            self.assertGreater(size, 0)
            self.assertGreaterEqual(offset, at)
            at = offset + size
        self.assertLessEqual(at, len(tiff.bytes))
        return tiff

    # ---- pixels ----

    def test_types(self):
        for name, dtype in TYPES.items():
            low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else (-9e4, 6e4)
            low, high = max(low, -2**52), min(high, 2**52)  # what can be computed with
            array = self.numbers.uniform(low, high, (301, 290)).astype(dtype)
            source = write(self.path('types.tif'), array, type=name)
            self.both(source, name, COMPRESS='DEFLATE')
            self.both(source, name, COMPRESS='ZSTD', CALC='A/2', OT=name, NODATA='none')

    def test_nodata_that_gtiff_does_not_see(self):
        """It tells blocks that hold nothing by the NoData value as a double."""
        for kind in ('Int64', 'UInt64') if VERSION >= (3, 5) else ():
            for options in ({}, {'NODATA': 7}, {'COMPRESS': 'DEFLATE', 'INTERLEAVE': 'BAND'}, {'SPARSE_OK': 'YES'}, {'WORKERS': 'PROCESSES'}):
                ours = {name: value for name, value in options.items() if name != 'WORKERS'}
                self.both(self.image, '%s %s' % (kind, options), CALC=['A', 'A[2]'], OT=kind, **{'NODATA': '-3' if kind == 'Int64' else '3', **ours})
        wide = write(self.path('wide.tif'), np.arange(2 * 600 * 700).reshape(2, 600, 700).astype(np.int64), 5)
        self.both(wide, 'Int64, passed through')
        for nodata in ('-1', '300', 'nan', '-1.5'):
            vrt = self.path('odd.vrt')
            gdal.Translate(vrt, self.image, bandList=[1, 2])
            with open(vrt) as f:
                text = re.sub('(<VRTRasterBand [^>]*>)', r'\1<NoDataValue>%s</NoDataValue>' % nodata, f.read())
            self.assertEqual(text.count('<NoDataValue>'), 2)
            with open(vrt, 'w') as f:
                f.write(text)
            good_within(*command(vrt, self.path('out.tif')))
            good_within('gdal_translate', '-q', vrt, self.path('copy.tif'))
            got, want = gdal.Open(self.path('out.tif')), gdal.Open(self.path('copy.tif'))
            self.same(got.ReadAsArray(), want.ReadAsArray(), nodata)
            self.assertEqual(str(got.GetRasterBand(1).GetNoDataValue()), str(want.GetRasterBand(1).GetNoDataValue()))

    def test_signed_bytes_of_old(self):
        if VERSION >= (3, 7):
            return  # they are a type of their own, see test_types
        array = np.arange(256, dtype=np.uint8).reshape(16, 16)
        self.both(write(self.path('signed.tif'), array, options=['PIXELTYPE=SIGNEDBYTE']), COMPRESS='LZW')

    def test_codecs_and_predictors(self):
        known = gdal.GetDriverByName('GTiff').GetMetadataItem('DMD_CREATIONOPTIONLIST')
        tried = 0
        for codec in ('NONE', 'DEFLATE', 'ZSTD', 'LZW', 'LZMA', 'PACKBITS', 'LERC', 'LERC_DEFLATE', 'LERC_ZSTD'):
            if '<Value>%s</Value>' % codec not in known:
                self.assertIn('COMPRESS=' + codec, within(*command(self.dem, self.path('no.tif'), COMPRESS=codec)).stderr)
                continue
            tried += 1
            for predictor in (1, 2, 3) if codec in ('DEFLATE', 'ZSTD', 'LZW') else (None,):
                options = {'PREDICTOR': predictor} if predictor else {}
                self.both(self.dem, '%s %s' % (codec, predictor), COMPRESS=codec, CALC='sqrt(A)', **options)
        self.assertGreaterEqual(tried, 5)
        self.both(self.dem, 'lossy', COMPRESS='LERC', MAX_Z_ERROR='0.5', CALC='sqrt(A)')
        self.both(self.dem, 'level', COMPRESS='DEFLATE', ZLEVEL=1, PREDICTOR=2, OT='Int16', NODATA=-1, CALC='A')
        smaller = os.path.getsize(self.both(self.dem, 'level', COMPRESS='ZSTD', ZSTD_LEVEL=19, CALC='A+1'))
        self.assertLess(smaller, os.path.getsize(self.both(self.dem, 'level', COMPRESS='ZSTD', ZSTD_LEVEL=1, CALC='A+1')))

    def test_bands(self):
        for interleave in ('PIXEL', 'BAND'):
            for calc in (None, ['A[4]-A[3]', 'A[1]*A[2]', '(A[4]-A[3])/(A[4]+A[3])']):
                options = {'CALC': calc} if calc else {}
                for codec, predictor in (('DEFLATE', 2), ('ZSTD', 1)):
                    out = self.both(self.image, interleave, COMPRESS=codec, PREDICTOR=predictor, INTERLEAVE=interleave, **options)
                    self.assertEqual(gdal.Open(out).GetMetadataItem('INTERLEAVE', 'IMAGE_STRUCTURE'), interleave)
        self.both(self.image, 'as the source is')
        by_pixel = self.both(self.image, COMPRESS='LZW', INTERLEAVE='PIXEL')
        shutil.copy(by_pixel, self.path('by_pixel.tif'))
        self.both(self.path('by_pixel.tif'), COMPRESS='DEFLATE')
        self.both(self.path('by_pixel.tif'), COMPRESS='DEFLATE', INTERLEAVE='BAND')

    def test_bits(self):
        array = self.numbers.integers(0, 16, (300, 270)).astype(np.uint8)
        source = write(self.path('bits.tif'), array, options=['NBITS=4'])
        self.both(source, 'of the source', COMPRESS='DEFLATE')
        self.both(write(self.path('one.tif'), array // 8), 'one', NBITS=1, COMPRESS='LZW')
        self.both(write(self.path('twelve.tif'), array.astype(np.uint16) * 200), 'twelve', NBITS=12)
        done = run(*command(write(self.path('clamped.tif'), array), self.path('clamped_out.tif'), NBITS=3, NUM_WORKERS=2, BLOCKXSIZE=16, BLOCKYSIZE=16))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count('ped to fit'), 1, done.stderr)  # clipped, clamped
        self.same(gdal.Open(self.path('clamped_out.tif')).ReadAsArray(), np.minimum(array, 7))
        self.both(self.dem, 'half', NBITS=16, COMPRESS='ZSTD', CALC='A')

    def test_sizes(self):
        for width, height in ((1, 1), (5, 3), (256, 256), (257, 256), (1000, 1), (1, 600), (700, 300)):
            array = self.numbers.integers(-3000, 3000, (height, width)).astype(np.int16)
            for striped in ([], ['TILED=YES', 'BLOCKXSIZE=112', 'BLOCKYSIZE=48']):
                source = write(self.path('size.tif'), array, -999, options=striped)
                what = '%d x %d %s' % (width, height, striped)
                self.both(source, what, COMPRESS='DEFLATE')
                self.both(source, what, COMPRESS='DEFLATE', CALC=['A', '-A'], BLOCKXSIZE=128, BLOCKYSIZE=64)

    def test_blocks_of_the_copy(self):
        """Where tiles are computed in the order that a copy writes in, the files are equal to the last byte."""
        out = self.both(self.image, COMPRESS='DEFLATE', INTERLEAVE='PIXEL', CALC=['A[1]', 'A[2]'], OT='Byte', NODATA=255)
        with open(out, 'rb') as ours, open(self.path('copy.tif'), 'rb') as theirs:
            self.assertEqual(ours.read(), theirs.read())

    def test_copied_blocks(self):
        """Blocks that are not compressed are copied, or computed where they are copied to, to the bytes that GTiff makes of them, which encodes what has a byte order of its own."""
        odd = np.frombuffer(np.array([0x7fc00000, 0xffc00001, 0x80000000, 0], np.uint32).tobytes(), np.float32)
        for dtype in (np.float32, np.float64, np.uint16):
            array = self.numbers.uniform(0, 200, (2, 531, 600)).astype(dtype)
            if dtype in (np.float32, np.float64):
                for i, value in enumerate(odd):  # NaN, another NaN, both zeros: of GTiff's NoData there are several
                    array[:, :256, i * 128:i * 128 + 128] = value
                array[:, :128, 256:512] = odd[2]
            array[:, 384:512, :256] = 0
            for nodata in (None, 0, 7) + (('nan',) if dtype in (np.float32, np.float64) else ()):
                block = 256 if nodata in (0, 'nan') else 128  # a tile is one block, or several
                source = write(self.path('copied.tif'), array, None if nodata is None else float(nodata), options=['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256'])
                for interleave in ('PIXEL', 'BAND'):
                    options = {'INTERLEAVE': interleave, 'BLOCKXSIZE': block, 'BLOCKYSIZE': block}
                    what = '%s, NoData %s, %s, blocks of %d' % (dtype.__name__, nodata, interleave, block)
                    copied, encoded = self.path('copied_out.tif'), self.path('encoded_out.tif')
                    good_within(*command(source, copied, **options))
                    good_within(*command(source, encoded, ENDIANNESS='LITTLE', **options))
                    self.assertTrue(filecmp.cmp(copied, encoded, shallow=False), what)

    def test_sparse(self):
        array = np.full((1024, 1024), 7, np.float32)
        array[300:400, 300:400] = 1
        source = write(self.path('sparse.tif'), array, 7, options=['TILED=YES'])
        for codec in ('NONE', 'ZSTD'):
            out = self.both(source, codec, COMPRESS=codec)
            self.assertEqual(len(set(self.whole(out, {}).blocks())), 16)
            out = self.both(source, codec, COMPRESS=codec, SPARSE_OK='YES')
            self.assertEqual([size > 0 for _, size in Tiff(out).blocks()], [i == 5 for i in range(16)])

    def test_memory(self):
        """What encoders keep is of the budget that was given: eight workers take no more than one. Each keeps 32 MB and more."""
        source = self.path('large.vrt')
        with open(source, 'w') as f:
            f.write('<VRTDataset rasterXSize="12288" rasterYSize="8192"><VRTRasterBand dataType="Float64" band="1"/></VRTDataset>')
        peaks = []
        for workers in (1, 8):
            words = ['gdal_translate', '-q', '-of', 'FISHNET', source, self.path('large.tif'), '-co', 'OUTPUT=SINGLE', '-co', 'COMPRESS=ZSTD', '-co',
                     'ZSTD_LEVEL=1', '-co', 'BLOCKXSIZE=2048', '-co', 'BLOCKYSIZE=2048', '-co', 'CACHE_MB=120', '-co', 'NUM_WORKERS=%d' % workers,
                     '--config', 'GDAL_CACHEMAX', '32']
            child = subprocess.Popen(words)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = status
            self.assertEqual(status, 0)
            peaks.append(usage.ru_maxrss / 1024)
        self.assertLess(peaks[1], peaks[0] + 60, peaks)

    def test_partition(self):
        """A part of a raster, as a source of its own; the TILE_SIZE of the source need not suit the file's blocks."""
        array, top = gdal.Open(self.dem).ReadAsArray(), 0
        for i in (1, 2):
            out = self.path('part%d.tif' % i)
            done = run('gdal_translate', '-q', '-of', 'FISHNET', 'FISHNET:' + self.dem, out, '-oo', 'PARTITION=%d/2' % i, '-oo',
                       'TILE_SIZE=100', '-co', 'OUTPUT=SINGLE', '-co', 'COMPRESS=ZSTD')
            self.assertEqual(done.returncode, 0, done.stderr)
            part = gdal.Open(out).ReadAsArray()
            self.same(part, array[top:top + len(part)])
            top += len(part)
        self.assertEqual(top, len(array))

    # ---- what is beside the pixels ----

    def test_metadata(self):
        array = self.numbers.integers(0, 5, (300, 280)).astype(np.uint8)
        path = write(self.path('rich.tif'), [array, array], 3)
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.SetMetadata({'one': 'eins', 'two': 'z <&> "w"'})
        dataset.SetMetadata({'k': 'v'}, 'MYDOMAIN')
        for i, band in enumerate((dataset.GetRasterBand(1), dataset.GetRasterBand(2))):
            band.SetDescription('band %d' % i)
            band.SetScale(0.5)
            band.SetOffset(100)
            band.SetUnitType('m')
            band.SetMetadataItem('about', 'it %d' % i)
            band.SetCategoryNames(['a', 'b', 'c'])
        rat = gdal.RasterAttributeTable()
        rat.CreateColumn('Value', gdal.GFT_Integer, gdal.GFU_MinMax)
        rat.SetRowCount(1)
        rat.SetValueAsInt(0, 0, 77)
        dataset.GetRasterBand(1).SetDefaultRAT(rat)
        dataset = band = None
        out = self.both(path, COMPRESS='DEFLATE')
        dataset = gdal.Open(out)
        dataset.GetMetadata()  # reads the .aux.xml
        self.assertEqual(dataset.GetRasterBand(2).GetCategoryNames(), ['a', 'b', 'c'])
        rat = dataset.GetRasterBand(1).GetDefaultRAT()
        self.assertEqual(rat.GetValueAsInt(0, 0), 77)

    def test_colours_and_gcps(self):
        array = self.numbers.integers(0, 5, (300, 280)).astype(np.uint8)
        path = write(self.path('colours.tif'), array, geotransform=None, epsg=None)
        dataset = gdal.Open(path, gdal.GA_Update)
        table = gdal.ColorTable()
        for i in range(5):
            table.SetColorEntry(i, (i * 50, 255 - i, 7, 255))
        dataset.GetRasterBand(1).SetColorTable(table)
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(4326)
        dataset.SetGCPs([gdal.GCP(1, 2, 0, 0, 0), gdal.GCP(2, 2, 0, 280, 0), gdal.GCP(1, 1, 0, 0, 300)], srs.ExportToWkt())
        dataset = None
        out = self.both(path, COMPRESS='LZW')
        dataset = gdal.Open(out)
        self.assertEqual(dataset.GetGCPCount(), 3)
        table = dataset.GetRasterBand(1).GetColorTable()
        self.assertEqual(table.GetColorEntry(3), (150, 252, 7, 255))

    def test_world_file(self):
        good(*command(self.dem, self.path('world.tif'), TFW='YES'))
        self.assertTrue(os.path.exists(self.path('world.tfw')))

    def test_masks(self):
        """A mask is in the file, whatever it was before; an alpha band is a band."""
        array = self.numbers.integers(0, 255, (400, 380)).astype(np.uint8)
        mask = (array > 100).astype(np.uint8) * 255
        for inside in ('YES', 'NO'):
            with config('GDAL_TIFF_INTERNAL_MASK', inside):
                path = self.path('masked_%s.tif' % inside)
                write(path, [array, array, array])
                dataset = gdal.Open(path, gdal.GA_Update)
                dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
                dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
                dataset = None
            out = self.both(path, 'mask inside: ' + inside, COMPRESS='DEFLATE')
            self.assertEqual(gdal.Open(out).GetRasterBand(2).GetMaskFlags(), gdal.GMF_PER_DATASET)
            self.assertFalse(os.path.exists(out + '.msk'))
            self.same(gdal.Open(out).GetRasterBand(3).GetMaskBand().ReadAsArray(), mask)
            calls = []
            gdal.GetDriverByName('FISHNET').CreateCopy(self.path('progress.tif'), gdal.Open(path), options=['OUTPUT=SINGLE'],
                                                       callback=lambda fraction, _, __: calls.append(fraction) or 1)
            self.assertEqual(calls, sorted(calls))
            self.assertEqual(calls[-1], 1)
        alpha = write(self.path('alpha.tif'), [array, mask], options=['ALPHA=YES'])
        out = self.both(alpha, 'alpha', COMPRESS='DEFLATE')
        self.assertEqual(gdal.Open(out).GetRasterBand(2).GetColorInterpretation(), gdal.GCI_AlphaBand)

    # ---- the file ----

    def test_big(self):
        for value, big in (('YES', True), ('NO', False), (None, False)):
            out = self.both(self.dem, COMPRESS='ZSTD', CALC='A*2', **({'BIGTIFF': value} if value else {}))
            self.assertEqual(Tiff(out).big, big)
        source = self.path('huge.vrt')
        good('gdal_translate', '-q', '-of', 'VRT', '-outsize', '65000', '65000', '-co', 'BLOCKXSIZE=2048', self.dem, source) \
            if VERSION >= (3, 7) else good('gdal_translate', '-q', '-of', 'VRT', '-outsize', '65000', '65000', self.dem, source)
        child = subprocess.Popen(command(source, self.path('huge.tif'), COMPRESS='ZSTD', ZSTD_LEVEL=1), stderr=subprocess.PIPE)
        part = self.part_of('huge.tif')
        child.kill()  # what kind of file it is is decided when it begins
        child.communicate()
        with open(part, 'rb') as file:
            self.assertEqual(file.read(4), b'II+\0')

    def part_of(self, name):
        """The unfinished file, as soon as there are blocks in it."""
        def look():
            for folder in os.listdir(self.folder):
                path = os.path.join(self.folder, folder, name)
                if folder.startswith('.' + name) and os.path.exists(path) and os.path.getsize(path) > 100000:
                    found.append(path)
                    return True
            return False
        found = []
        self.assertTrue(wait_for(look, 60))
        return found[0]

    def test_other_byte_order(self):
        for codec in ('NONE', 'DEFLATE'):
            self.assertEqual(Tiff(self.both(self.dem, ENDIANNESS='BIG', COMPRESS=codec, CALC='A')).order, '>')

    def test_in_memory(self):
        source = gdal.Open(self.dem)
        out = gdal.GetDriverByName('FISHNET').CreateCopy('/vsimem/out.tif', source, options=['OUTPUT=SINGLE', 'COMPRESS=LZW'])
        self.same(out.ReadAsArray(), source.ReadAsArray())
        out = None
        self.assertEqual([name for name in gdal.ReadDir('/vsimem/') or [] if 'fishnet' in name or 'part' in name], [])
        gdal.Unlink('/vsimem/out.tif')

    def test_updated_later(self):
        """The file is an ordinary one: statistics and overviews go into it."""
        out = self.path('later.tif')
        good(*command(self.dem, out, COMPRESS='DEFLATE', CALC='A'))
        good('gdaladdo', '-q', out, '2', '4')
        self.assertEqual(gdal.Open(out).GetRasterBand(1).GetOverviewCount(), 2)
        good('gdal_edit.py', '-mo', 'later=yes', out)
        self.same(gdal.Open(out).ReadAsArray(), gdal.Open(self.dem).ReadAsArray().astype(np.float32)
                  if gdal.Open(out).GetRasterBand(1).GetNoDataValue() == -999 else gdal.Open(out).ReadAsArray())

    # ---- workers ----

    def bytes_of(self, source, **options):
        out = self.path('bytes.tif')
        good_within(*command(source, out, **options))
        with open(out, 'rb') as file:
            return file.read()

    def test_same_bytes(self):
        for source, options in ((real('dem.tif'), {'CALC': 'sqrt(A)', 'COMPRESS': 'ZSTD'}),
                                (self.dem, {'COMPRESS': 'DEFLATE', 'PREDICTOR': '2'}),
                                (self.image, {'COMPRESS': 'LZW', 'INTERLEAVE': 'BAND'})):
            want = self.bytes_of(source, NUM_WORKERS=1, **options)
            for kind in ('THREADS', 'PROCESSES'):
                for workers in (1, 2, 7):
                    got = self.bytes_of(source, NUM_WORKERS=workers, WORKERS=kind, CACHE_MB=1 + workers, **options)
                    self.assertTrue(got == want, '%s, %d %s' % (source, workers, kind))

    def test_killed_worker(self):
        options = {'COMPRESS': 'LZMA', 'LZMA_PRESET': 9, 'CALC': 'sqrt(A)', 'BLOCKXSIZE': 128, 'BLOCKYSIZE': 128}
        want = self.bytes_of(real('dem.tif'), **options)
        out = self.path('killed.tif')
        child = subprocess.Popen(command(real('dem.tif'), out, WORKERS='PROCESSES', NUM_WORKERS=2, **options), stderr=subprocess.PIPE)
        killed = 0
        end = time.monotonic() + patience(100)
        while child.poll() is None and killed < 3 and time.monotonic() < end:
            for helper in processes(child.pid):
                for worker in processes(helper)[:1]:
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        os.kill(worker, signal.SIGKILL)
                        killed += 1
            time.sleep(0.3)
        text = child.communicate()[1].decode()
        self.assertEqual(child.returncode, 0, text)
        self.assertGreater(killed, 0)
        with open(out, 'rb') as file:
            self.assertTrue(file.read() == want)

    # ---- failures ----

    def nothing_left(self, name):
        self.assertEqual([found for found in os.listdir(self.folder) if name in found], [])

    def fails(self, *words, source=None, out=None, how=within, **options):
        out = out or self.path('failed.tif')
        done = how(*command(source or self.dem, out, **options))
        self.assertNotEqual(done.returncode, 0)
        for word in words:
            self.assertIn(word, done.stderr)
        self.nothing_left('failed.tif')

    def test_refused(self):
        self.fails('COMPRESS=JPEG', 'DEFLATE', 'failed.tif', COMPRESS='JPEG', CALC='A', OT='Byte', NODATA=0)
        for how in (within, run):
            self.fails('COMPRESS=BZIP9', 'ZSTD', COMPRESS='BZIP9', how=how)
        self.fails('BLOCKXSIZE', BLOCKXSIZE=100, BLOCKYSIZE=100)
        self.fails('TILED=NO', TILED='NO')
        self.fails('there is no band 9', CALC='A[9]')
        self.fails('ALPHA=IGNOR', 'IGNORE', 'PREMULTIPLIED', CALC='A', ALPHA='IGNOR')

    def test_lost_crs(self):
        source = with_crs_of_no_tiff(self.folder, self.dem)
        good_within(*command(source, self.path('crs.tif')))
        self.assertIsNotNone(gdal.Open(self.path('crs.tif')).GetSpatialRef())
        with config('GDAL_PAM_ENABLED', 'NO'):
            self.fails('failed.tif', 'read again it has no CRS', 'GDAL_PAM_ENABLED', source=source)

    def test_unwritable(self):
        self.fails(os.path.join('nowhere', 'failed.tif'), 'No such file or directory', out=self.path('nowhere/failed.tif'))
        with open(self.path('file'), 'w'):
            pass
        self.fails('Not a directory', out=self.path('file/failed.tif'))

    def test_disk_full(self):
        """A limit for files, as a disk has one: writing fails in the middle."""
        words = command(real('dem.tif'), self.path('failed.tif'), CALC='sqrt(A)')
        done = run('bash', '-c', 'trap "" XFSZ; ulimit -f 2000; exec "$@"', 'bash', *words)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('File too large', done.stderr)
        self.assertIn('failed.tif', done.stderr)
        self.nothing_left('failed.tif')

    def test_classic_limit(self):
        """More than 4 GB in a file that was told to be a classic one."""
        if 'LD_PRELOAD' in os.environ:
            return  # slow
        source = self.path('limit.vrt')
        good('gdal_translate', '-q', '-of', 'VRT', '-outsize', '33000', '33000', self.dem, source)
        self.fails('BigTIFF', source=source, BIGTIFF='NO', COMPRESS='NONE')

    def test_cancelled(self):
        source = gdal.Open(real('dem.tif'))
        calls = []

        def stop(fraction, _, __):
            calls.append(fraction)
            return fraction < 0.3
        for kind in ('THREADS', 'PROCESSES'):
            del calls[:]
            before = threads()
            with self.assertRaises(RuntimeError) as caught:
                gdal.GetDriverByName('FISHNET').CreateCopy(self.path('failed.tif'), source, callback=stop, options=[
                    'OUTPUT=SINGLE', 'COMPRESS=DEFLATE', 'CALC=sqrt(A)', 'WORKERS=' + kind])
            self.assertIn('stopped', str(caught.exception))
            self.assertEqual(calls, sorted(calls))
            self.nothing_left('failed.tif')
            self.assertTrue(wait_for(lambda: threads() <= before))
        self.assertEqual(processes(os.getpid()), [])

    def test_progress(self):
        calls = []
        gdal.GetDriverByName('FISHNET').CreateCopy(self.path('progress.tif'), gdal.Open(real('dem.tif')), options=['OUTPUT=SINGLE'],
                                                   callback=lambda fraction, _, __: calls.append(fraction) or 1)
        self.assertEqual(calls, sorted(calls))
        self.assertGreater(len(calls), 3)
        self.assertEqual(calls[-1], 1)

    def test_killed(self):
        """Of an interrupted run there is nothing under the file's name."""
        for how in (signal.SIGKILL, signal.SIGINT):
            name = 'interrupted%d.tif' % how
            child = subprocess.Popen(command(real('dem.tif'), self.path(name), COMPRESS='LZMA', LZMA_PRESET=9, CALC='sqrt(A)', WORKERS='PROCESSES'),
                                     stderr=subprocess.PIPE)
            self.part_of(name)
            helpers = processes(child.pid)
            workers = [worker for helper in helpers for worker in processes(helper)]
            os.kill(child.pid, how)
            child.communicate()
            self.assertFalse(os.path.exists(self.path(name)))
            self.assertTrue(wait_for(lambda: not any(os.path.exists('/proc/%d' % pid) for pid in helpers + workers), 2))
            good(*command(self.dem, self.path(name)))  # the next run is not in the way of what is left
            self.assertTrue(os.path.exists(self.path(name)))

    def test_bad_block(self):
        """A block of the source that cannot be decoded."""
        bad = self.path('bad.tif')
        shutil.copy(self.dem, bad)
        offset, size = Tiff(bad).blocks()[4]
        with open(bad, 'r+b') as file:
            file.seek(offset)
            file.write(b'\xff' * size)
        for kind in ('THREADS', 'PROCESSES'):
            self.fails('x=256 y=256', 'failed.tif', source=bad, COMPRESS='DEFLATE', WORKERS=kind, RETRIES=1, how=run)
            out = self.path('filled.tif')
            done = run(*command(bad, out, COMPRESS='DEFLATE', WORKERS=kind, RETRIES=0, ON_ERROR='NODATA'))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn('x=256 y=256', done.stderr)
            want = gdal.Open(self.dem).ReadAsArray()
            want[256:512, 256:512] = -999
            self.same(gdal.Open(out).ReadAsArray(), want)
            listed = gdal.Open(out).GetMetadata('FISHNET')
            self.assertEqual(listed['TILES_FAILED'], '1')
            self.assertIn('x=256 y=256', listed['TILE_FAILED_1'])

    def test_bad_block_with_mask(self):
        """What was filled is not valid."""
        array = self.numbers.integers(1, 255, (400, 600)).astype(np.uint8)
        bad = write(self.path('bad_mask.tif'), array, options=['TILED=YES', 'COMPRESS=DEFLATE'])
        with config('GDAL_TIFF_INTERNAL_MASK', 'NO'):
            dataset = gdal.Open(bad, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().Fill(255)
            dataset = None
        offset, size = Tiff(bad).blocks()[1]
        with open(bad, 'r+b') as file:
            file.seek(offset)
            file.write(b'\xff' * size)
        mask = np.full((400, 600), 255, np.uint8)
        mask[0:256, 256:512] = 0
        for codec in ('DEFLATE', 'NONE'):
            out = self.path('filled.tif')
            good(*command(bad, out, COMPRESS=codec, RETRIES=0, ON_ERROR='NODATA'))
            self.same(gdal.Open(out).GetRasterBand(1).GetMaskBand().ReadAsArray(), mask)
            self.same(gdal.Open(out).ReadAsArray()[mask > 0], array[mask > 0])


if __name__ == '__main__':
    unittest.main(verbosity=2)
