"""What says which cells are valid, where that is more than gdalwarp sees at once: masks beside NoData, masks of single bands, opaqueness of any type, and a number outside.
All of it to the bit as of a raster that has one NoData value for all that is not valid."""
import unittest

import numpy as np
from osgeo import gdal

from common import VERSION, Case, config, write
from test_onto_grid import METHODS, UTM, OntoGrid, no_nodata

PLACE = dict(geotransform=(1200.0, 11.3, 0.0, 4900.0, 0.0, -9.7))
SIZE = 180, 200
NODATA = -99
OUTSIDE = 5.25


def add_mask(path, holes, shared=True):
    """holes: of each band, or of all."""
    dataset = gdal.Open(path, gdal.GA_Update)
    with config('GDAL_TIFF_INTERNAL_MASK', 'NO'):
        if shared:
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        for i, hole in enumerate(holes):
            band = dataset.GetRasterBand(i + 1)
            if not shared:
                band.CreateMaskBand(0)
            band.GetMaskBand().WriteArray(np.where(hole, 0, 255).astype(np.uint8))
    return path


class Validity(OntoGrid):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.integers = [cls.random.integers(1, 120, SIZE).astype(np.int16) for _ in range(2)]
        cls.holes = [cls.random.random(SIZE) < 0.15 for _ in range(2)]
        cls.empty = cls.random.random(SIZE) < 0.1
        cls.empty[60:100, 50:120] = True

    def plain(self, values, invalid):
        """One NoData value says all."""
        return write(self.path('plain.tif'), np.where(invalid, values.dtype.type(NODATA), values), nodata=NODATA, **PLACE)

    def check(self, path, band, plain, methods=METHODS, **options):
        for method in methods:
            got = self.open('B[%d]' % band, B=path, RESAMPLING=method.upper(), **options)
            self.same(got.ReadAsArray(), self.values('B', B=plain, RESAMPLING=method.upper(), **options), '%s of %s' % (method, path))
            self.assertIsNone(got.GetMetadataItem('B_GDALWARP', 'FISHNET_GRID'))

    def check_alone(self, path, band, plain, methods=('NEAR', 'BILINEAR', 'MODE')):
        """Without an expression types stay, and what is NoData is."""
        for method in methods:
            words = ['CELL_SIZE=7', 'RESAMPLING=' + method]
            got, want = [gdal.OpenEx('FISHNET:' + name, open_options=words) for name in (path, plain)]
            self.assertEqual(got.GetRasterBand(band).DataType, want.GetRasterBand(1).DataType)
            self.same(no_nodata(got.GetRasterBand(band)), no_nodata(want.GetRasterBand(1)), method)


class TestMasks(Validity):
    def test_beside_nodata(self):
        values = [np.where(self.empty, np.int16(NODATA), own) for own in self.integers]
        path = add_mask(write(self.path('both.tif'), values, nodata=NODATA, **PLACE), self.holes[:1])
        for band in (1, 2):
            plain = self.plain(self.integers[band - 1], self.empty | self.holes[0])
            self.check(path, band, plain, METHODS if band == 1 else ('near', 'cubic'))
            self.check_alone(path, band, plain)

    def test_that_repeats_nodata(self):
        """A PNG hides what has the NoData value in all bands, which each band's own value says, too: gdalwarp can be asked for the same."""
        values = [np.where(self.empty | hole, 0, own).astype(np.uint16) for own, hole in zip((*self.integers, self.integers[0][::-1]), (*self.holes, self.holes[0]))]
        path = self.path('repeated.png')
        gdal.Translate(path, write(self.path('repeated.tif'), values, nodata=0, **PLACE), format='PNG')
        self.assertEqual(gdal.Open(path).GetRasterBand(1).GetMaskFlags(), gdal.GMF_NODATA | gdal.GMF_PER_DATASET)
        for method in METHODS:
            got = self.open('B[1]', B=path, RESAMPLING=method.upper())
            command = got.GetMetadataItem('B_GDALWARP', 'FISHNET_GRID')
            self.assertIsNotNone(command, method)
            if VERSION >= (3, 7) or ' -b 1 ' not in command:
                told = self.told(got).GetRasterBand(1)  # its mask is that of all bands
                want = told.ReadAsArray().astype(np.float64)
                self.same(got.ReadAsArray(), np.where(want == told.GetNoDataValue(), np.nan, want), method)

    def test_of_single_bands(self):
        path = add_mask(write(self.path('each.tif'), self.integers, **PLACE), self.holes, shared=False)
        for band in (1, 2):
            plain = self.plain(self.integers[band - 1], self.holes[band - 1])
            self.check(path, band, plain, METHODS if band == 2 else ('near', 'bilinear'))
            self.check_alone(path, band, plain)

    def test_of_single_bands_beside_nodata_of_floats(self):
        values = [np.where(self.empty, np.float32(NODATA), own.astype(np.float32) / 3) for own in self.integers]
        path = add_mask(write(self.path('floats.tif'), values, nodata=NODATA, **PLACE), self.holes, shared=False)
        self.check(path, 2, self.plain(self.integers[1].astype(np.float32) / 3, self.empty | self.holes[1]), ('near', 'cubic', 'average'))

    def test_at_an_overview(self):
        path = add_mask(write(self.path('overviews.tif'), [np.where(self.empty, np.int16(NODATA), self.integers[0])], nodata=NODATA, **UTM), self.holes[:1])
        plain = write(self.path('plain_overviews.tif'), np.where(self.empty | self.holes[0], np.int16(NODATA), self.integers[0]), nodata=NODATA, **UTM)
        for name in (path, plain):
            gdal.Open(name).BuildOverviews('NEAREST', [2, 4])
        for method in ('NEAR', 'AVERAGE'):
            words = ['CALC=A', 'CELL_SIZE=47', 'OT=Float64', 'RESAMPLING=' + method]
            got, want = [gdal.OpenEx('FISHNET:' + name, open_options=words) for name in (path, plain)]
            self.assertNotEqual(got.GetMetadataItem('A_OVERVIEW_LEVEL', 'FISHNET_GRID'), 'NONE')
            self.same(got.ReadAsArray(), want.ReadAsArray(), method)

    def test_the_same_bytes(self):
        path = add_mask(write(self.path('bytes.tif'), self.integers, nodata=NODATA, **PLACE), self.holes[:1])
        want = self.values('B[1]', 'B[2]', B=path, RESAMPLING='CUBIC', OUTSIDE=OUTSIDE - 0.25)
        for options in ({'NUM_WORKERS': 3, 'TILE_SIZE': '64x100'}, {'WORKERS': 'PROCESSES', 'NUM_WORKERS': 2}):
            self.same(self.values('B[1]', 'B[2]', B=path, RESAMPLING='CUBIC', OUTSIDE=OUTSIDE - 0.25, **options), want, str(options))


class TestAlpha(Validity):
    """Of other types than Byte and UInt16, and beside a mask, it says what is valid, and has no weight."""

    def alpha(self, type, opaque):
        alpha = np.where(self.holes[0], 0, opaque).astype(type)
        values = self.integers[0].astype(type)
        return write(self.path('alpha%s.tif' % type.__name__), [values, alpha], options=['ALPHA=YES'], **PLACE), values, alpha

    def test_any_type(self):
        for type, opaque in ((np.float32, 0.5), (np.int16, 1), (np.uint32, 4000000000), (np.float64, 1e-3)):
            path, values, alpha = self.alpha(type, opaque)
            plain = self.plain(values.astype(np.float64 if type in (np.uint32, np.float64) else type), self.holes[0])
            self.check(path, 1, plain, ('near', 'bilinear', 'average', 'mode'))
            shown = gdal.OpenEx('FISHNET:' + path, open_options=['EXTENT=500,3000,4000,5000', 'CELL_SIZE=7', 'RESAMPLING=NEAR'])
            band = shown.GetRasterBand(2)
            self.assertEqual(band.GetColorInterpretation(), gdal.GCI_AlphaBand)
            at = band.ReadAsArray()
            self.assertEqual(np.unique(at).tolist(), np.unique(alpha).tolist())
            self.assertEqual(at[:10].max(), 0, 'transparent outside')

    def test_beside_a_mask(self):
        values = [own.astype(np.uint8) for own in self.integers]
        alpha = np.where(self.holes[0], 0, 255).astype(np.uint8)
        path = add_mask(write(self.path('rgba.tif'), values[:1] + [alpha], options=['ALPHA=YES'], **PLACE), [self.holes[1]])
        holes = self.holes[0] | self.holes[1]
        self.check(path, 1, self.plain(values[0].astype(np.float32), holes), ('near', 'bilinear'))
        self.check(path, 1, write(self.path('bytes.tif'), np.where(holes, 0, values[0]).astype(np.uint8), nodata=0, **PLACE), ('mode',))  # ties depend on the type


class TestNumberOutside(Validity):
    """Outside of a raster it is a number, and where all its cells are NoData it is NoData."""

    def check_number(self, path, covered, plain, methods=METHODS, outside=OUTSIDE, band=1):
        for method in methods:
            got = self.values('B[%d]' % band, B=path, RESAMPLING=method.upper(), OUTSIDE=outside)
            inside = np.isfinite(self.values('B', B=covered, RESAMPLING=method.upper()))
            want = np.where(inside, self.values('B', B=plain, RESAMPLING=method.upper()), outside)
            self.assertTrue(np.isnan(want).any() and (want == outside).any() and np.isfinite(want).mean() > 0.2)
            self.same(got, want, '%s of %s' % (method, path))

    def test_beside_nodata(self):
        for type in (np.float32, np.float64):
            values = self.integers[0].astype(type) / 7
            covered = write(self.path('covered.tif'), values, **PLACE)
            plain = self.plain(values, self.empty | self.holes[0])
            self.check_number(plain, covered, plain, METHODS if type is np.float32 else ('cubic', 'average'))
        plain = self.plain(self.integers[0], self.empty | self.holes[0])
        self.check_number(plain, write(self.path('covered.tif'), self.integers[0], **PLACE), plain, ('bilinear', 'mode', 'average'), outside=5)

    def test_beside_a_mask(self):
        covered = write(self.path('covered.tif'), self.integers[0], **PLACE)
        path = add_mask(write(self.path('masked.tif'), self.integers[0], **PLACE), self.holes[:1])
        self.check_number(path, covered, self.plain(self.integers[0], self.holes[0]), ('near', 'bilinear', 'max'), outside=7)
        both = add_mask(write(self.path('both.tif'), np.where(self.empty, np.int16(NODATA), self.integers[0]), nodata=NODATA, **PLACE), self.holes[:1])
        self.check_number(both, covered, self.plain(self.integers[0], self.holes[0] | self.empty), ('near', 'cubic', 'mode'), outside=7)

    def test_beside_alpha(self):
        values, alpha = self.integers[0].astype(np.uint8), np.where(self.holes[0], 0, 255).astype(np.uint8)
        covered = write(self.path('covered.tif'), values, **PLACE)
        path = write(self.path('alpha.tif'), [values, alpha], options=['ALPHA=YES'], **PLACE)
        for method in ('BILINEAR', 'AVERAGE'):
            inside = np.isfinite(self.values('B', B=covered, RESAMPLING=method))
            want = np.where(inside, self.values('B', B=path, RESAMPLING=method), 3.0)
            self.same(self.values('B', B=path, RESAMPLING=method, OUTSIDE=3), want, method)
            self.assertTrue(np.isnan(want).any())

    def test_as_it_is(self):
        """Without an expression: types stay, masks too."""
        path = add_mask(write(self.path('masked.tif'), self.integers, **PLACE), self.holes[:1])
        words = ['EXTENT=500,3000,4000,5000', 'CELL_SIZE=7', 'RESAMPLING=BILINEAR']
        plain = gdal.OpenEx('FISHNET:' + path, open_options=words)
        covered = gdal.OpenEx('FISHNET:' + write(self.path('covered.tif'), self.integers, **PLACE), open_options=words)
        got = gdal.OpenEx('FISHNET:' + path, open_options=words + ['OUTSIDE=9'])
        for band in (1, 2):
            inside = np.isfinite(no_nodata(covered.GetRasterBand(band)))
            self.same(no_nodata(got.GetRasterBand(band)), np.where(inside, no_nodata(plain.GetRasterBand(band)), 9.0))


class TestLongIntegers(Validity):
    """What GDAL's warper computes in double precision is exact below 2^52, and an error beyond."""

    def test_as_they_are(self):
        short = self.plain(self.integers[0].astype(np.int32), self.holes[0])
        for type, nodata in (('Int64', NODATA), ('Int64', -2**63), ('UInt64', 2**64 - 1)):
            own = np.int64 if type == 'Int64' else np.uint64
            values = np.where(self.holes[0], own(nodata), self.integers[0].astype(own))
            path = write(self.path('long.tif'), values, nodata=nodata, type=type, **PLACE)
            for method in ('NEAR', 'BILINEAR', 'CUBIC', 'AVERAGE', 'MODE'):
                words = ['CELL_SIZE=7', 'RESAMPLING=' + method]
                got, want = [gdal.OpenEx('FISHNET:' + name, open_options=words) for name in (path, short)]
                self.assertEqual(gdal.GetDataTypeName(got.GetRasterBand(1).DataType), type)
                values = no_nodata(want.GetRasterBand(1))
                self.same(no_nodata(got.GetRasterBand(1)), np.maximum(values, 0) if type == 'UInt64' else values, method)

    def test_beyond(self):
        for number, good in ((2**52 - 1, True), (2**52, False), (2**60 + 1, False), (-2**52 + 1, True), (-2**52, False)):
            path = write(self.path('beyond.tif'), np.full(SIZE, number), type='Int64', **PLACE)
            dataset = gdal.OpenEx('FISHNET:' + path, open_options=['CELL_SIZE=7', 'RESAMPLING=NEAR'])
            if good:
                self.assertEqual(np.unique(dataset.GetRasterBand(1).ReadAsArray()[3:-3, 3:-3]).tolist(), [number])
                continue
            with self.assertRaisesRegex(RuntimeError, r'band 1 has the number -?[0-9]+ on another grid.*2\^52'):
                dataset.ReadAsArray()

    def test_shifted_outside(self):
        values = np.array([[10, 11, 2**60 + 1, 13]])
        for type in ('Int64', 'UInt64'):
            path = write(self.path('shifted.tif'), values, type=type, geotransform=(1020.0, 10.0, 0.0, 5000.0, 0.0, -10.0))
            got = gdal.OpenEx('FISHNET:' + path, open_options=['EXTENT=1000,4990,1080,5000', 'OUTSIDE=77'])
            self.assertEqual(got.ReadAsArray().tolist(), [[77, 77, 10, 11, 2**60 + 1, 13, 77, 77]])
            with self.assertRaisesRegex(RuntimeError, r'OUTSIDE=9007199254740993: band 1 of .*shifted.tif.*beyond 9007199254740992'):
                gdal.OpenEx('FISHNET:' + path, open_options=['EXTENT=1000,4990,1080,5000', 'OUTSIDE=9007199254740993'])


if __name__ == '__main__':
    unittest.main()
