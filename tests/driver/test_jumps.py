"""Small windows that jump about, and small datasets: computed by the host's own thread, with the pixels of whole tiles."""
import os
import unittest

import numpy as np
from osgeo import gdal

from common import Case, fishnet, real, settled, threads, wait_for, write


def computed(dataset):
    return int(dataset.GetMetadataItem('TILES_COMPUTED', 'FISHNET'))


class Jumps(Case):
    @classmethod
    def prepare(cls):
        rng = np.random.default_rng(11)
        heights = gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 1500, 1100).astype(np.float32)
        heights[300:500, 700:900] = -999
        colours = [rng.integers(0, 255, (900, 1300)).astype(np.uint8) for _ in range(3)]
        alpha = np.where(rng.random((900, 1300)) < 0.3, 0, 255).astype(np.uint8)
        cls.tiled = write(cls.path('tiled.tif'), heights, -999, options=['TILED=YES', 'COMPRESS=DEFLATE', 'PREDICTOR=3'])
        cls.strips = write(cls.path('strips.tif'), heights, -999, options=['COMPRESS=LZW', 'BLOCKYSIZE=7'])
        cls.large = write(cls.path('large.tif'), heights, -999, options=['TILED=YES', 'BLOCKXSIZE=1024', 'BLOCKYSIZE=512'])
        cls.rgba = write(cls.path('rgba.tif'), colours + [alpha], options=['TILED=YES', 'INTERLEAVE=PIXEL', 'ALPHA=YES', 'PHOTOMETRIC=RGB'])

    def places(self, dataset, n, most):
        """Windows of up to `most` pixels each way, anywhere."""
        rng = np.random.default_rng(3)
        for _ in range(n):
            width, height = (int(size) for size in rng.integers(1, most + 1, 2))
            yield int(rng.integers(0, dataset.RasterXSize - width + 1)), int(rng.integers(0, dataset.RasterYSize - height + 1)), width, height

    def test_same_pixels(self):
        """Whatever is read of a dataset, and however."""
        for path in (self.tiled, self.strips, self.large, self.rgba):
            several = path == self.rgba
            for calcs, options in (((), {}), (('A*2 + sqrt(A)',), {}), (('A', 'where(A > 100, A, 0)'), {'OT': 'Int16', 'NODATA': -1}),
                                   (('A[1] - A[3]',) if several else ('A/3',), {'TILE_SIZE': 100}), (('sqrt(A)',), {'PARTITION': '2/3'})):
                with self.subTest(path=os.path.basename(path), calcs=calcs, options=options):
                    whole = fishnet(path, *calcs, **options).ReadAsArray()
                    dataset = fishnet(path, *calcs, **options)
                    for x, y, width, height in self.places(dataset, 150, 20):
                        self.same(dataset.ReadAsArray(x, y, width, height), whole[..., y:y + height, x:x + width], 'at %d, %d' % (x, y))

    def test_masks(self):
        whole = fishnet(self.tiled).GetRasterBand(1).GetMaskBand().ReadAsArray()
        dataset = fishnet(self.tiled)
        for x, y, width, height in self.places(dataset, 100, 3):
            self.same(dataset.GetRasterBand(1).GetMaskBand().ReadAsArray(x, y, width, height), whole[y:y + height, x:x + width])

    def test_no_tiles(self):
        """Far apart, none is computed, and no thread begins; what comes back to a tile has it computed."""
        settled()
        before = threads()
        dataset = fishnet(self.tiled, 'sqrt(A)', NUM_WORKERS=4)
        spots = [(1400 - 300 * (i % 5) + 3, 1000 - 260 * (i // 5)) for i in (7, 19, 3, 11, 0, 16, 8, 14, 2, 10)]
        for x, y in spots:
            dataset.ReadAsArray(x, y, 1, 1)
        self.assertEqual(computed(dataset), 0)
        self.assertTrue(wait_for(lambda: threads() <= before))
        x, y = spots[-1]
        for i in range(5):
            dataset.ReadAsArray(x + 1, y + i, 1, 1)
        self.assertEqual(computed(dataset), 1)

    def test_scans(self):
        """What goes on in one direction is computed in tiles, each once, ahead of the reader."""
        for size in ((1500, 1), (1500, 7), (256, 16), (64, 64)):
            dataset = fishnet(self.tiled, 'sqrt(A)', NUM_WORKERS=2)
            band, tiles = dataset.GetRasterBand(1), int(dataset.GetMetadataItem('TILES', 'FISHNET'))
            for y in range(0, 1100, size[1]):
                for x in range(0, 1500, size[0]):
                    band.ReadRaster(x, y, min(size[0], 1500 - x), min(size[1], 1100 - y))
            self.assertEqual(computed(dataset), tiles, size)

    def test_damage(self):
        """A block that cannot be decoded is an error that names the tile, each time; ON_ERROR=NODATA fills it."""
        path = self.path('damaged.tif')
        with open(self.tiled, 'rb') as file:
            data = bytearray(file.read())
        at = int(gdal.Open(self.tiled).GetRasterBand(1).GetMetadataItem('BLOCK_OFFSET_3_2', 'TIFF'))
        data[at:at + 200] = bytes(200)
        with open(path, 'wb') as file:
            file.write(data)
        dataset = fishnet(path, 'sqrt(A)', RETRIES=0)
        dataset.ReadAsArray(1300, 20, 1, 1)
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, 'tile x=768 y=512 256x256'):
                dataset.ReadAsArray(800, 600, 1, 1)
        self.same(dataset.ReadAsArray(100, 1000, 2, 2), fishnet(self.tiled, 'sqrt(A)').ReadAsArray(100, 1000, 2, 2))
        filled = fishnet(path, 'sqrt(A)', RETRIES=0, ON_ERROR='NODATA')
        self.assertTrue(np.isnan(filled.ReadAsArray(800, 600, 1, 1)).all())
        self.assertEqual(filled.GetMetadataItem('TILES_FAILED', 'FISHNET'), '1')

    def test_small_dataset(self):
        """One of a few blocks, or of one tile however large, needs no thread, in whatever windows it is read."""
        small = write(self.path('small.tif'), np.arange(500 * 400, dtype=np.float32).reshape(400, 500), options=['TILED=YES'])
        settled()
        before = threads()
        for path, calc, options in ((small, 'A*2', {}), (small, 'A*2', {'TILE_SIZE': 64}), (self.tiled, 'focal_mean(A, 3)', {'TILE_SIZE': 2000})):
            whole = gdal.Open(path).RasterYSize
            dataset = fishnet(path, calc, NUM_WORKERS=4, **options)
            got = np.concatenate([dataset.ReadAsArray(0, y, dataset.RasterXSize, min(50, whole - y)) for y in range(0, whole, 50)])
            self.assertTrue(wait_for(lambda: threads() <= before))
            self.same(got, fishnet(path, calc, NUM_WORKERS=4, TILE_SIZE=256).ReadAsArray())
            self.assertEqual(dataset.GetMetadataItem('TILES_COMPUTED', 'FISHNET'), dataset.GetMetadataItem('TILES', 'FISHNET'))
            del dataset

    def test_host_keeps_its_settings(self):
        """The host's thread is a worker for a moment only."""
        gdal.SetThreadLocalConfigOption('GDAL_NUM_THREADS', '5')
        try:
            dataset = fishnet(self.tiled, 'sqrt(A)')
            for x, y, width, height in self.places(dataset, 5, 2):
                dataset.ReadAsArray(x, y, width, height)
            fishnet(self.tiled, 'A', TILE_SIZE=2000).ReadAsArray()
            self.assertEqual(gdal.GetThreadLocalConfigOption('GDAL_NUM_THREADS'), '5')
            self.assertIsNone(gdal.GetThreadLocalConfigOption('FISHNET_DEPTH'))
        finally:
            gdal.SetThreadLocalConfigOption('GDAL_NUM_THREADS', None)


if __name__ == '__main__':
    unittest.main()
