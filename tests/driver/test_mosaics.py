"""VRTs that are mosaics of GeoTIFFs, whose blocks the workers decode past GDAL: the bytes are GDAL's, whatever lies over what, and whatever is wrong with
a file."""
import os
import resource
import subprocess
import sys
import unittest

import numpy as np
from osgeo import gdal

from common import TYPES, Case

SEED = int(os.environ.get('FISHNET_SEED', '1'))
CASES = int(os.environ.get('FISHNET_CASES', '40'))
READ = ['Byte', 'UInt16', 'Int16', 'UInt32', 'Int32', 'Float32', 'Float64']
STORED = [['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=16'], ['BLOCKYSIZE=5'], ['BLOCKYSIZE=1'], []]
CODECS = [[], ['COMPRESS=DEFLATE'], ['COMPRESS=DEFLATE', 'PREDICTOR=2'], ['COMPRESS=LZW'], ['COMPRESS=DEFLATE', 'SPARSE_OK=TRUE']]
NODATA = {'Byte': ['0', '7', '255', '-9999', '300', 'nan'], 'UInt16': ['0', '7', '65535', '70000'], 'Int16': ['0', '-9999', '-32768', '1e30'],
          'UInt32': ['7', '4294967295', '-1'], 'Int32': ['-9999', '-2147483648', '2147483647', '0'],
          'Float32': ['-9999', 'nan', '-3.4028234663852886e+38', '-3.40282347e+38', 'inf', '0', '1e300', '0.1'],
          'Float64': ['-9999', 'nan', '-1.7976931348623157e+308', '0.1', '-inf', '-0.0']}
SHOW = """
import sys
from osgeo import gdal
gdal.UseExceptions()
for path in sys.argv[1:]:
    gdal.OpenEx('FISHNET:' + path, open_options=['NUM_WORKERS=1']).ReadAsArray()
"""


def element(name, text, **attributes):
    return '<%s%s>%s</%s>' % (name, ''.join(' %s="%s"' % item for item in attributes.items()), text, name)


def rectangle(name, x, y, width, height):
    return element(name, '', xOff=x, yOff=y, xSize=width, ySize=height)


def source(path, window, at, band=1, nodata=None, kind=None, more='', **attributes):
    """window: of the file: x, y, width, height; at: x, y, and width and height, if they are others."""
    place = (*at, *window[2:]) if len(at) == 2 else at
    kind = kind or ('ComplexSource' if nodata is not None else 'SimpleSource')
    text = element('SourceFilename', path, relativeToVRT=1) + element('SourceBand', band) + rectangle('SrcRect', *window) + rectangle('DstRect', *place) + more
    return element(kind, text + (element('NODATA', nodata) if nodata is not None else ''), **attributes)


class TestMosaics(Case):
    @classmethod
    def prepare(cls):
        cls.random = np.random.default_rng(SEED)

    def choose(self, items):
        return items[self.random.integers(len(items))]

    def values(self, name, shape):
        """Pixels, many of them NoData values and their neighbours."""
        dtype = TYPES[name]
        if np.issubdtype(dtype, np.integer):
            info = np.iinfo(dtype)
            special = [float(text) for text in NODATA[name] if info.min <= float(text) <= info.max]
            special = [v + step for v in special for step in (-1, 0, 1, 300) if info.min <= v + step <= info.max]
            values = self.random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        else:
            special = [dtype(text) for text in NODATA[name] if abs(float(text)) <= np.finfo(dtype).max or not np.isfinite(float(text))]
            special += [np.nextafter(v, dtype(0)) for v in special] + [v * dtype(1 + 2e-7) for v in special[:1]] + [dtype(-0.0), dtype(np.inf), dtype(np.nan)]
            values = self.random.normal(0, 1000, shape).astype(dtype)
        chosen = self.random.random(shape) < 0.5
        values[chosen] = self.random.choice(np.array(special, dtype), int(chosen.sum()))
        values[..., :shape[-2] // 3, :shape[-1] // 3] = special[0]
        return values

    def make_file(self, path, name, bands, width, height):
        interleave = ['INTERLEAVE=' + self.choose(['PIXEL', 'BAND'])]
        dataset = gdal.GetDriverByName('GTiff').Create(self.path(path), width, height, bands, gdal.GetDataTypeByName(name),
                                                       self.choose(STORED) + self.choose(CODECS) + interleave)
        dataset.WriteArray(self.values(name, (bands, height, width)))
        return path

    def write(self, path, width, height, bands, type_name, root=''):
        """bands: of each the sources, and what else it has."""
        text = ''.join(element('VRTRasterBand', extra + ''.join(sources), dataType=type_name, band=i + 1) for i, (sources, extra) in enumerate(bands))
        with open(self.path(path), 'w') as file:
            file.write(element('VRTDataset', root + text, rasterXSize=width, rasterYSize=height))
        return path

    def make_mosaic(self, path, name):
        """One at random: files of any size at any place, over each other or with gaps between them."""
        width, height = (int(n) for n in self.random.integers(1, 400, 2))
        bands, alike = self.choose([1, 1, 2, 3]), self.random.random() < 0.7
        sizes = [[int(n) for n in self.random.integers(1, 200, 2)] for _ in range(self.choose([1, 2, 5, 12]))]
        files = [self.make_file('%s.%d.tif' % (path, i), name, 3, *size) for i, size in enumerate(sizes)]

        def one(i, numbers, nodata):
            w, h = sizes[i]
            x, y = (int(self.random.integers(0, n)) for n in (w, h))
            window = self.choose([(0, 0, w, h), (x, y, w - x, h - y)])
            at = tuple(int(self.random.integers(0, n)) for n in (width, height))
            return [source(files[i], window, at, number, nodata) for number in numbers]

        count = self.choose([1, len(files), 3 * len(files)])
        columns = []
        for _ in range(1 if alike else bands):
            order = self.random.integers(0, len(files), count)
            numbers = [int(n) + 1 for n in self.random.permutation(3)[:bands]]
            columns.append([one(i, numbers, self.choose([None, None, *NODATA[name]])) for i in order])
        extra = self.choose(['', *(element('NoDataValue', text) for text in NODATA[name])])
        return self.write(path, width, height, [([own[b] for own in columns[0 if alike else b]], extra) for b in range(bands)], name)

    def read(self, path, *options):
        return gdal.OpenEx('FISHNET:' + self.path(path), open_options=['NUM_WORKERS=2', 'RETRIES=0', *options]).ReadAsArray()

    def same(self, path, *options):
        want, got = gdal.Open(self.path(path)).ReadAsArray(), self.read(path, *options)
        self.assertEqual(want.dtype, got.dtype)
        np.testing.assert_array_equal(got.view(np.uint8), want.view(np.uint8), '%s %s, seed %d' % (path, options, SEED))

    def decoded(self, paths, **limits):
        """Of which of them the sources are decoded past GDAL."""
        done = subprocess.run([sys.executable, '-c', SHOW, *map(self.path, paths)], capture_output=True, text=True, check=True,
                              env={**os.environ, 'CPL_DEBUG': 'FISHNET'}, **limits)
        return {path for path in paths if 'sources of A (%s) are decoded past GDAL' % self.path(path) in done.stderr}

    def test_at_random(self):
        paths = []
        for case in range(CASES):
            name = READ[case % len(READ)]
            paths.append(self.make_mosaic('mosaic%d.vrt' % case, name))
            self.same(paths[-1])
            self.same(paths[-1], 'TILE_SIZE=%dx%d' % tuple(self.random.integers(1, 130, 2)))
        self.assertEqual(self.decoded(paths), set(paths))

    def test_planes_of_expressions(self):
        """All bands at once, one twice, and windows that grow."""
        files = [self.make_file('e%d.tif' % i, 'Int16', 3, 60, 70) for i in range(6)]
        places = [(i % 3 * 50, i // 3 * 55) for i in range(6)]
        bands = [([source(file, (0, 0, 60, 70), at, band, '-9999') for file, at in zip(files, places)], element('NoDataValue', '-9999')) for band in (1, 2, 3)]
        path = self.write('expressions.vrt', 160, 130, bands, 'Int16')
        plain = self.path('expressions.tif')
        gdal.Translate(plain, self.path(path))
        for calc in ('A[3]-2*A[1]', 'A[2][1,0]+A[2]', 'mean(A[1],3)+A[3]'):
            for size in ('TILE_SIZE=64x48', 'TILE_SIZE=33', 'TILE_SIZE=160x7'):
                got = self.read(path, 'CALC=' + calc, 'OT=Float64', size)
                np.testing.assert_array_equal(got, gdal.OpenEx('FISHNET:' + plain, open_options=['CALC=' + calc, 'OT=Float64']).ReadAsArray(), calc + size)
        np.testing.assert_array_equal(self.read(path, 'WORKERS=PROCESSES', 'TILE_SIZE=64'), gdal.Open(plain).ReadAsArray())
        self.assertEqual(self.decoded([path]), {path})

    def test_what_is_more_than_a_mosaic(self):
        """Such VRTs are GDAL's to read."""
        self.make_file('s.tif', 'Float32', 1, 50, 40)
        self.make_file('b.tif', 'Byte', 1, 50, 40)
        whole, at = (0, 0, 50, 40), (3, 4)
        sources = {
            'scaled': source('s.tif', whole, at, kind='ComplexSource', more=element('ScaleRatio', 2)),
            'table': source('s.tif', whole, at, kind='ComplexSource', more=element('LUT', '0:1,10:5')),
            'masked': source('s.tif', whole, at, kind='ComplexSource', more=element('UseMaskBand', 'true')),
            'smaller': source('s.tif', whole, (3, 4, 25, 20)),
            'between': source('s.tif', (0, 0, 49, 39), (3.5, 4.25)),
            'resampled': source('s.tif', whole, at, resampling='bilinear'),
            'averaged': source('s.tif', whole, at, kind='AveragedSource'),
            'opened': source('s.tif', whole, at, more='<OpenOptions><OOI key="NUM_THREADS">1</OOI></OpenOptions>'),
            'converted': source('b.tif', whole, at),
        }
        paths = [self.write(name + '.vrt', 64, 60, [([text], element('NoDataValue', -1))], 'Float32') for name, text in sources.items()]
        plain = self.write('plain.vrt', 64, 60, [([source('s.tif', whole, at)], element('NoDataValue', -1))], 'Float32')
        paths.append(self.write('hidden.vrt', 64, 60, [([source('s.tif', whole, at)], '<NoDataValue>-1</NoDataValue><HideNoDataValue>1</HideNoDataValue>')], 'Float32'))
        paths.append(self.write('half.vrt', 64, 60, [([source('b.tif', whole, at, nodata='0.5')], '')], 'Byte'))
        paths.append(self.write('nested.vrt', 64, 60, [([source('plain.vrt', (0, 0, 64, 60), (0, 0))], '')], 'Float32'))
        paths.append('link.vrt')
        os.symlink(self.path(plain), self.path('link.vrt'))
        for path in [*paths, plain]:
            self.same(path)
        self.assertEqual(self.decoded([*paths, plain]), {plain})

    def error(self, path, *options):
        with self.assertRaises(RuntimeError) as caught:
            gdal.OpenEx(path, open_options=list(options)).ReadAsArray()
        return str(caught.exception)

    def put_among_others(self, file):
        """A VRT in which that file is the third of four."""
        names = ['w0.tif', 'w1.tif', file, 'w3.tif']
        return self.write(file + '.vrt', 160, 40, [([source(name, (0, 0, 40, 40), (40 * i, 0)) for i, name in enumerate(names)], '')], 'Int16')

    def test_what_is_wrong_with_a_file(self):
        """GDAL's pixels or its error, and only for windows that have such a file."""
        for name in ('w0.tif', 'w1.tif', 'w3.tif'):
            self.make_file(name, 'Int16', 1, 40, 40)
        gdal.Translate(self.path('whole.tif'), self.path('w1.tif'), creationOptions=['COMPRESS=DEFLATE', 'BLOCKYSIZE=8'])
        with open(self.path('whole.tif'), 'rb') as file:
            whole = file.read()
        want = self.read(self.put_among_others('whole.tif'))
        with open(self.path('half.tif'), 'wb') as file:
            file.write(whole[:len(whole) // 2])
        path = 'FISHNET:' + self.path(self.put_among_others('half.tif'))
        self.assertIn('x=80 y=0 40x40 cannot be read: ', self.error(path, 'NUM_WORKERS=2', 'TILE_SIZE=40'))
        np.testing.assert_array_equal(gdal.OpenEx(path, open_options=['TILE_SIZE=40']).ReadAsArray(0, 0, 80, 40), want[:, :80])
        gone = 'FISHNET:' + self.path(self.put_among_others('gone.tif'))
        self.assertIn('/gone.tif: No such file', self.error(gone, 'NUM_WORKERS=1', 'RETRIES=0'))
        self.make_file('smaller.tif', 'Int16', 1, 30, 20) # than the VRT takes it for
        self.make_file('other.tif', 'Float32', 1, 40, 40)
        for name in ('smaller.tif', 'other.tif'):
            self.same(self.put_among_others(name))
        for case in range(40):
            name = 'damaged%d.tif' % case
            with open(self.path(name), 'wb') as file:
                wrong = bytearray(whole)
                for k in self.random.integers(0, len(wrong) if case % 2 else 300, 3):
                    wrong[k] ^= 1 << self.random.integers(0, 8)
                file.write(wrong)
            path = self.put_among_others(name)
            try:
                pixels = gdal.Open(self.path(path)).ReadAsArray()
            except RuntimeError:
                self.error('FISHNET:' + self.path(path), 'NUM_WORKERS=1')
                continue
            np.testing.assert_array_equal(self.read(path), pixels, name)

    def test_many_files(self):
        """Few are open at a time."""
        names = []
        for i in range(300):
            names.append('m%d.tif' % i)
            gdal.GetDriverByName('GTiff').Create(self.path(names[-1]), 20, 20, 1, gdal.GDT_Int16, ['COMPRESS=DEFLATE']).WriteArray(np.full((20, 20), i, np.int16))
        path = self.write('many.vrt', 400, 300, [([source(name, (0, 0, 20, 20), (i % 20 * 20, i // 20 * 20)) for i, name in enumerate(names)], '')], 'Int16')
        self.same(path)
        self.same(path, 'TILE_SIZE=50')
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120))
        self.assertEqual(self.decoded([path], preexec_fn=few), {path})


if __name__ == '__main__':
    unittest.main()
