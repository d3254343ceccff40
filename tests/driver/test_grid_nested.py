"""Near where cells are nested: to the bit the pixels, NoData and masks of the command of gdalwarp that the dataset tells, for all types and ways to store them, however it is read."""
import itertools
import os
import unittest

import numpy as np
from osgeo import gdal, gdal_array

from common import TYPES, VERSION, write
from test_grid_validity import NODATA, OUTSIDE, add_mask
from test_onto_grid import OntoGrid, no_nodata

SIZE = 210, 270
STORED = {'strips': [], 'tiles': ['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=48', 'COMPRESS=DEFLATE'], 'bands': ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64', 'INTERLEAVE=BAND']}
COUNTS = ((1, 3), (3, 1), (1, 5), (4, 1), (1, 1))  # cells of the raster in one of the grid, or of the grid in one of the raster


class Nested(OntoGrid):
    def words(self, count, offset=(5, 7)):
        """Of a raster of cells of 30 from 1000, 5000."""
        cell = 30 * count[1] / count[0] if count != (1, 1) else 15
        return ['CELL_SIZE=%r' % cell, 'EXTENT=%r,%r,%r,%r' % (1000 - offset[0] * cell, 5000 - 240 * 30, 1000 + 150 * 30, 5000 + offset[1] * cell), 'RESAMPLING=NEAR']

    def place(self):
        return dict(geotransform=(1000.0, 30.0, 0.0, 5000.0, 0.0, -30.0))

    def check(self, path, count, what, **options):
        words = self.words(count)
        dataset = gdal.OpenEx('FISHNET:' + path, open_options=words)
        told = self.told(dataset, 'A')
        self.assertEqual((told.RasterXSize, told.RasterYSize), (dataset.RasterXSize, dataset.RasterYSize))
        for band in range(1, dataset.RasterCount + 1):
            got, want = dataset.GetRasterBand(band), told.GetRasterBand(band)
            self.same(got.ReadAsArray(), want.ReadAsArray().astype(gdal_array.GDALTypeCodeToNumericTypeCode(got.DataType)), '%s, band %d' % (what, band))
            self.same(no_nodata(got), no_nodata(want), '%s, band %d, what is valid' % (what, band))
        calc = gdal.OpenEx('FISHNET:' + path, open_options=words + ['CALC=A', 'OT=Float64', 'TILE_SIZE=100x37', 'NUM_WORKERS=3'])
        self.same(calc.ReadAsArray(), no_nodata(told.GetRasterBand(1)), what + ', computed')
        return dataset, told


class TestNested(Nested):
    def test_every_type(self):
        for (name, dtype), count in itertools.product(TYPES.items(), ((1, 3), (3, 1))):
            if VERSION < (3, 7) and name == 'Int8':
                continue
            for nodata in (None, 99):
                path, _ = self.raster('type.tif', SIZE, name, nodata, options=STORED['tiles'], **self.place())
                self.check(path, count, '%s %s %s' % (name, count, nodata))

    def test_every_count(self):
        """Whole numbers that 1/count * count does not give back, too."""
        small = self.random.integers(0, 200, (4, 4)).astype(np.uint8)
        for count in (2, 7, 48, 49, 98, 103, 107, 161, 187, 196, 197):
            path = write(self.path('small.tif'), small, geotransform=(1000.0, count, 0.0, 5000.0, 0.0, -count))
            near = ['CALC=A', 'OT=Byte', 'NODATA=none', 'RESAMPLING=NEAR']
            self.same(gdal.OpenEx('FISHNET:' + path, open_options=near + ['CELL_SIZE=1']).ReadAsArray(), small.repeat(count, 0).repeat(count, 1), 'a %dth of a cell' % count)
            long = self.random.integers(0, 200, (4, 4 * count)).astype(np.uint8)
            path = write(self.path('long.tif'), long, geotransform=(1000.0, 1.0, 0.0, 5000.0, 0.0, -1.0))
            self.same(gdal.OpenEx('FISHNET:' + path, open_options=near + ['CELL_SIZE=%d,1' % count]).ReadAsArray(), long[:, count // 2::count], '%d cells' % count)

    @unittest.skipIf(VERSION >= (3, 7), 'GDAL has a type for signed bytes')
    def test_signed_bytes(self):
        """Bytes to GDAL, with a remark."""
        values = np.arange(-4, 5, dtype=np.int16).reshape(3, 3)
        path = write(self.path('signed.tif'), values.astype(np.int8).view(np.uint8), nodata=-1, options=['PIXELTYPE=SIGNEDBYTE'], geotransform=(0.0, 2.0, 0.0, 6.0, 0.0, -2.0))
        want = np.full((8, 8), -99, np.int16)
        want[1:7, 1:7] = np.where(values == -1, -99, values).repeat(2, 0).repeat(2, 1)
        words = ['CELL_SIZE=1', 'EXTENT=-1,-1,7,7', 'RESAMPLING=NEAR']
        self.same(gdal.OpenEx('FISHNET:' + path, open_options=words + ['CALC=A', 'OT=Int16', 'NODATA=-99']).ReadAsArray(), want, 'computed')
        self.same(gdal.OpenEx('FISHNET:' + path, open_options=words).ReadAsArray().view(np.int8), np.where(want == -99, -1, want).astype(np.int8), 'as it is')
        outside = gdal.OpenEx('FISHNET:' + path, open_options=words + ['OUTSIDE=-5']).ReadAsArray().view(np.int8)
        self.same(outside[0], np.full(8, -5, np.int8), 'a number outside')

    def test_every_way_to_store(self):
        bands = [self.random.integers(0, 30000, SIZE).astype(np.int16) for _ in range(3)]
        for (how, options), count in itertools.product(STORED.items(), COUNTS):
            path = write(self.path('stored.tif'), bands, nodata=7, options=options, **self.place())
            dataset, told = self.check(path, count, '%s %s' % (how, count))
            want = told.ReadAsArray()
            for x, y, width, height in ((0, 0, 1, 1), (3, 5, 31, 17), (dataset.RasterXSize - 30, dataset.RasterYSize - 50, 30, 50)):
                self.same(dataset.ReadAsArray(x, y, width, height), want[:, y:y + height, x:x + width], how)
            for more in (['TILE_SIZE=33x70', 'NUM_WORKERS=4'], ['WORKERS=PROCESSES', 'NUM_WORKERS=2']) if count == (1, 3) else ():
                self.same(gdal.OpenEx('FISHNET:' + path, open_options=self.words(count) + more).ReadAsArray(), want, how + str(more))
        mosaic = self.path('mosaic.vrt')
        gdal.BuildVRT(mosaic, [path])
        for count in ((1, 3), (3, 1)):
            self.check(mosaic, count, 'mosaic %s' % (count,))

    def test_masks(self):
        values = [self.random.integers(1, 200, SIZE).astype(np.uint8) for _ in range(2)]
        holes = [self.random.random(SIZE) < 0.3 for _ in range(2)]
        alpha = np.where(holes[0], 0, self.random.integers(1, 256, SIZE)).astype(np.uint8)
        shared = add_mask(write(self.path('shared.tif'), values, **self.place()), holes[:1])
        plain = write(self.path('plain.tif'), values, options=STORED['tiles'], **self.place())
        opaque = write(self.path('alpha.tif'), values[:1] + [alpha], options=STORED['tiles'] + ['ALPHA=YES'], **self.place())
        for path, count in itertools.product((shared, plain, opaque), ((1, 3), (3, 1))):
            self.check(path, count, '%s %s' % (os.path.basename(path), count))

    def test_what_gdalwarp_does_not_see(self):
        """As a raster with one NoData value."""
        values = [self.random.integers(1, 200, SIZE).astype(np.int16) for _ in range(2)]
        holes = [self.random.random(SIZE) < 0.3 for _ in range(2)]
        each = add_mask(write(self.path('each.tif'), values, **self.place()), holes, shared=False)
        beside = add_mask(write(self.path('beside.tif'), [np.where(holes[1], np.int16(NODATA), own) for own in values], nodata=NODATA, **self.place()), holes[:1])
        plain = [write(self.path('plain%d.tif' % i), np.where(hole, np.int16(NODATA), values[1]), nodata=NODATA, **self.place()) for i, hole in enumerate((holes[1], holes[0] | holes[1]))]
        for i, (path, outside) in enumerate(itertools.product((each, beside), ([], ['OUTSIDE=9']))):
            for words in (['CALC=A[2]', 'OT=Float64'], []):
                got, want = [gdal.OpenEx('FISHNET:' + name, open_options=self.words((1, 3)) + outside + more) for name, more in
                             ((path, words), (plain[i // 2], [word.replace('[2]', '') for word in words]))]
                self.same(no_nodata(got.GetRasterBand(1 if words else 2)), no_nodata(want.GetRasterBand(1)), '%s %s %s' % (path, outside, words))
        long = np.where(holes[0], np.uint64(2**64 - 1), values[0].astype(np.uint64) + np.uint64(2**60))
        path = write(self.path('long.tif'), long, nodata=2**64 - 1, type='UInt64', **self.place())
        got = gdal.OpenEx('FISHNET:' + path, open_options=['CELL_SIZE=10', 'RESAMPLING=NEAR']).GetRasterBand(1)
        self.same(got.ReadAsArray(), np.kron(long, np.ones((3, 3), np.uint64)))

    def test_outside(self):
        path, values = self.raster('outside.tif', SIZE[::-1], 'Float32', NODATA, **self.place())
        got = gdal.OpenEx('FISHNET:' + path, open_options=self.words((3, 1)) + ['OUTSIDE=%r' % OUTSIDE]).ReadAsArray()
        want = np.full(got.shape, np.float32(OUTSIDE))
        part = np.kron(values, np.ones((3, 3), np.float32))[:got.shape[0] - 7, :got.shape[1] - 5]
        want[7:7 + part.shape[0], 5:5 + part.shape[1]] = part
        self.same(got, want)


if __name__ == '__main__':
    unittest.main()
