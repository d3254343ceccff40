"""The `fishnet` pixel function of VRT derived bands."""
import unittest
import xml.sax.saxutils

import numpy as np
from osgeo import gdal

from common import Case, LIBM, good, real, run, write

NAN = np.nan


def derived(sources, text, width, height, type='Float64', nodata=None, band_nodata=None, transfer='Float64', bands=None, extra=''):
    quote = xml.sax.saxutils.quoteattr
    arguments = ('CALC=' + quote(text) if text is not None else '') + (' NODATA="%s"' % nodata if nodata is not None else '')
    out = '<VRTDataset rasterXSize="%d" rasterYSize="%d"><VRTRasterBand dataType="%s" band="1" subClass="VRTDerivedRasterBand">' % (
        width, height, type)
    if band_nodata is not None:
        out += '<NoDataValue>%s</NoDataValue>' % band_nodata
    out += '<PixelFunctionType>fishnet</PixelFunctionType><PixelFunctionArguments %s/>' % arguments
    out += '<SourceTransferType>%s</SourceTransferType>' % transfer if transfer else ''
    for i, source in enumerate(sources):
        out += ('<SimpleSource><SourceFilename relativeToVRT="0">%s</SourceFilename><SourceBand>%d</SourceBand></SimpleSource>'
                % (source, bands[i] if bands else 1))
    return out + extra + '</VRTRasterBand></VRTDataset>'


class PixelFunction(Case):
    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif'))
        cls.a = source.ReadAsArray(0, 0, 300, 200)
        cls.b = source.ReadAsArray(900, 500, 300, 200)
        cls.a[20:40, 30:60] = -9999
        cls.a_file = write(cls.path('a.tif'), cls.a)
        cls.b_file = write(cls.path('b.tif'), cls.b)

    def vrt(self, text, **options):
        sources = options.pop('sources', [self.a_file, self.b_file])
        path = self.path('derived.vrt')
        with open(path, 'w') as f:
            f.write(derived(sources, text, 300, 200, **options))
        return path

    def pixels(self, text, **options):
        return gdal.Open(self.vrt(text, **options)).ReadAsArray()

    def test_values(self):
        a, b = self.a.astype(np.float64), self.b.astype(np.float64)
        for text, want in (('A+B', a + b), ('(A-B)/(A+B)', (a - b) / (a + b)), ('A > B ? A : B', np.where(a > b, a, b)),
                           ('A//7 - B%7', np.floor_divide(a, 7) - np.remainder(b, 7)), ('numpy.where(A<0, 0, sqrt(B))',
                                                                                    np.where(a < 0, 0, np.sqrt(b)))):
            self.same(self.pixels(text), want, text)
        self.near(self.pixels('sin(B/100)'), LIBM['sin'](b / 100), 1)

    def test_nodata(self):
        """NODATA is NoData in every source and in the result; without it, NaN is."""
        a, b = self.a.astype(np.float64), self.b.astype(np.float64)
        hole = a == -9999
        self.assertEqual(hole.sum(), 600)
        self.same(self.pixels('A+B', nodata='-9999', band_nodata='-9999'), np.where(hole, -9999.0, a + b))
        self.same(self.pixels('sqrt(B-20000)', nodata='-9999'), np.full(a.shape, -9999.0), 'a computed NaN')
        self.same(self.pixels('sqrt(A)'), np.where(hole, NAN, np.sqrt(np.abs(a))))
        self.same(self.pixels('where(isnodata(A), B, A)', nodata='-9999'), np.where(hole, b, a))
        self.same(self.pixels('B - B - 9999', nodata='-9999'), np.full(a.shape, -9999.0), 'what equals it')

    def test_types(self):
        a = self.a.astype(np.float64)
        b = self.b.astype(np.float64)
        for name, dtype in (('Byte', np.uint8), ('Int16', np.int16), ('UInt16', np.uint16), ('Int32', np.int32), ('Float32', np.float32)):
            got = self.pixels('(B-9000)/10', type=name)
            want = (b - 9000) / 10
            if dtype != np.float32:
                info = np.iinfo(dtype)
                want = np.clip(np.trunc(want + np.copysign(0.5, want)), info.min, info.max)
            self.same(got, want.astype(dtype), name)
        for transfer in ('Float32', 'Int32', 'Float64', 'UInt16'):
            got = self.pixels('B/3', transfer=transfer)
            if transfer in ('Float32', 'Float64'):
                self.same(got, b / 3, transfer)
            else:
                self.same(got, np.trunc(b + 0.5) / 3, transfer)
        self.assertTrue(np.isfinite(a).all())

    def test_many_sources(self):
        """26 sources, A to Z, in their order."""
        landsat = real('landsat.tif')
        path = self.path('z.vrt')
        letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        text = '+'.join('%d*%s' % (i + 1, letter) for i, letter in enumerate(letters))
        with open(path, 'w') as f:
            f.write(derived([landsat] * 26, text, 349, 352, bands=[i % 6 + 1 for i in range(26)]))
        bands = gdal.Open(landsat).ReadAsArray().astype(np.float64)
        want = sum((i + 1) * bands[i % 6] for i in range(26))
        self.same(gdal.Open(path).ReadAsArray(), want)

    def test_windows(self):
        """Packed windows, blocks, gdal_translate and gdalinfo see the same pixels."""
        whole = self.pixels('A*2-B')
        dataset = gdal.Open(self.vrt('A*2-B'))
        band = dataset.GetRasterBand(1)
        for x, y, w, h in ((0, 0, 1, 1), (299, 199, 1, 1), (13, 17, 101, 67), (0, 50, 300, 3)):
            self.same(band.ReadAsArray(x, y, w, h), whole[y:y + h, x:x + w].copy())
        self.assertEqual(band.GetBlockSize(), [128, 128])
        block = np.frombuffer(band.ReadBlock(1, 1), np.float64).reshape(128, 128)
        self.same(block[:200 - 128], whole[128:, 128:256])
        out = self.path('out.tif')
        good('gdal_translate', '-q', self.vrt('A*2-B'), out)
        self.same(gdal.Open(out).ReadAsArray(), whole)

    def test_errors(self):
        """A wrong expression fails the read with its position and a caret; so do the tools."""
        for text in ('A+', 'A+C', 'foo(A)', '', 'A[2]', 'sqrt(A,B)', 'A>1 & B<2'):
            path = self.vrt(text)
            with self.assertRaises(RuntimeError) as caught:
                gdal.Open(path).ReadAsArray()
            if text:
                self.caret(str(caught.exception), text)
            out = self.path('never.tif')
            done = run('gdal_translate', '-q', path, out)
            self.assertNotEqual(done.returncode, 0, text)
        with self.assertRaisesRegex(RuntimeError, 'CALC'):
            gdal.Open(self.vrt(None)).ReadAsArray()
        with self.assertRaisesRegex(RuntimeError, 'NODATA'):
            gdal.Open(self.vrt('A', nodata='many')).ReadAsArray()

    def test_complex_source_is_refused(self):
        path = write(self.path('complex.tif'), np.full((200, 300), 1 + 2j, np.complex64))
        with self.assertRaises(RuntimeError):
            self.pixels('A', sources=[path], transfer='CFloat32')

    def test_over_fishnet(self):
        """A derived band whose source is a FISHNET dataset with a CALC of its own."""
        path = self.path('nested.vrt')
        text = derived(['FISHNET:' + self.b_file], 'A+1', 300, 200)
        text = text.replace('</SourceFilename>', '</SourceFilename><OpenOptions><OOI key="CALC">A*2</OOI><OOI key="OT">Float64</OOI>'
                                                 '</OpenOptions>')
        with open(path, 'w') as f:
            f.write(text)
        self.same(gdal.Open(path).ReadAsArray(), self.b.astype(np.float64) * 2 + 1)


if __name__ == '__main__':
    unittest.main()
