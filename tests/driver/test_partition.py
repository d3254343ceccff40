"""PARTITION=i/n: rows of the whole, as datasets of their own extent, the same ones whoever reads them."""
import os
import sys
import unittest

import numpy as np
from osgeo import gdal

from common import Case, config, fishnet, good, oo, real, write

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'pipelines'))
import kinds  # noqa: E402


class TestPartition(Case):
    @classmethod
    def prepare(cls):
        cls.small = write(cls.path('small.tif'), np.arange(70 * 50, dtype=np.int16).reshape(70, 50), nodata=-1,
                          options=['TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16'])

    def parts(self, path, n, *calcs, **options):
        return [fishnet(path, *calcs, PARTITION='%d/%d' % (i + 1, n), **options) for i in range(n)]

    def test_the_parts_are_the_whole(self):
        for kind in ('THREADS', 'PROCESSES'):
            whole = fishnet(self.small, 'A*2', TILE_SIZE=16, WORKERS=kind).ReadAsArray()
            for n in (1, 2, 3, 5):
                arrays = [part.ReadAsArray() for part in self.parts(self.small, n, 'A*2', TILE_SIZE=16, WORKERS=kind)]
                self.same(np.vstack(arrays), whole, '%d parts by %s' % (n, kind))

    def test_extent(self):
        """Each part lies where it lies in the whole: a mosaic over all of them is the whole again."""
        names = []
        for i, part in enumerate(self.parts(real('dem.tif'), 3, 'sqrt(A)')):
            names.append(self.path('part%d.tif' % i))
            gdal.Translate(names[-1], part)
        whole = fishnet(real('dem.tif'), 'sqrt(A)')
        mosaic = gdal.BuildVRT(self.path('mosaic.vrt'), names)
        self.assertEqual((mosaic.RasterXSize, mosaic.RasterYSize), (whole.RasterXSize, whole.RasterYSize))
        np.testing.assert_allclose(mosaic.GetGeoTransform(), whole.GetGeoTransform(), rtol=1e-12)
        self.same(mosaic.ReadAsArray(), whole.ReadAsArray())

    def test_gcps_and_rpc_move_along(self):
        path = self.path('gcp.tif')
        write(path, np.zeros((64, 32), np.uint8), geotransform=None, epsg=None)
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.SetGCPs([gdal.GCP(10.0, 20.0, 0.0, 5.0, 40.0, 'text', '7')], '')
        dataset = None
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.SetMetadata({'LINE_OFF': '40', 'LINE_SCALE': '1', 'SAMP_OFF': '5', 'SAMP_SCALE': '1', 'LAT_OFF': '0', 'LAT_SCALE': '1',
                             'LONG_OFF': '0', 'LONG_SCALE': '1', 'HEIGHT_OFF': '0', 'HEIGHT_SCALE': '1',
                             **{key: ' '.join(['1'] * 20) for key in
                                ('LINE_NUM_COEFF', 'LINE_DEN_COEFF', 'SAMP_NUM_COEFF', 'SAMP_DEN_COEFF')}}, 'RPC')
        dataset = None
        second = self.parts(path, 2, TILE_SIZE=32)[1]
        gcp = second.GetGCPs()[0]
        self.assertEqual((gcp.GCPPixel, gcp.GCPLine, gcp.GCPX, gcp.GCPY), (5.0, 8.0, 10.0, 20.0))
        self.assertEqual(float(second.GetMetadataItem('LINE_OFF', 'RPC')), 8.0)

    def test_no_statistics_of_other_pixels(self):
        path = self.path('statistics.tif')
        write(path, np.arange(64 * 32, dtype=np.uint16).reshape(64, 32))
        gdal.Open(path).GetRasterBand(1).ComputeStatistics(False)
        self.assertIn('STATISTICS_MAXIMUM', fishnet(path).GetRasterBand(1).GetMetadata())
        for part in self.parts(path, 2, TILE_SIZE=32):
            self.assertNotIn('STATISTICS_MAXIMUM', part.GetRasterBand(1).GetMetadata())

    def test_messages_name_pixels_of_the_input(self):
        with config('FISHNET_TRACE', self.path('trace.json')):
            part = fishnet(self.small, '1000000*A', OT='Int16', NODATA='none', TILE_SIZE=16, PARTITION='5/5')
        part.ReadAsArray()
        part = None
        with open(self.path('trace.json'), encoding='utf-8') as file:
            self.assertIn('y=64', file.read())

    def test_bad_partitions(self):
        for text in ('0/3', '4/3', '3', '1/0', 'a/b', '1/2x', '-1/2', '', '1/99999999999'):
            self.refused('PARTITION', path=self.small, PARTITION=text)
        self.refused('PARTITION=1/71', '70 lines', 'small.tif', path=self.small, TILE_SIZE=16, PARTITION='1/71')

    def test_tools(self):
        out = self.path('tool.tif')
        good('gdal_translate', '-q', 'FISHNET:' + self.small, out, *oo('A+1', PARTITION='2/2', TILE_SIZE=16))
        self.assertEqual(gdal.Open(out).RasterYSize, 70 - 32)
        os.unlink(out)


class TestSameParts(Case):
    """A part has the same pixels for all who read it: in tiles of any size, and in files of any size. Blocks, tiles and parts begin between each
    other's rows in all ways."""
    WIDTH, HEIGHT = 150, 607
    BLOCKS = {'tiled 256': ['TILED=YES'], 'tiled 512': ['TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512'],
              'tiled 16': ['TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16'], 'rows': ['BLOCKYSIZE=1'], '7 rows': ['BLOCKYSIZE=7'],
              'one strip': ['BLOCKYSIZE=607', 'COMPRESS=DEFLATE']}
    PARTS = (2, 3, 7)

    @classmethod
    def prepare(cls):
        rows, columns = np.mgrid[0:cls.HEIGHT, 0:cls.WIDTH]
        cls.array = ((rows * 31 + columns * 7) % 10007).astype(np.float32)
        cls.array[::13, ::11] = -9999
        cls.files = {name: write(cls.path(name.replace(' ', '_') + '.tif'), cls.array, -9999, options=options)
                     for name, options in cls.BLOCKS.items()}
        dem = cls.files['tiled 256']
        cls.pipelines = {
            'VRT': kinds.mosaic(cls.path('mosaic.vrt'), [dem]),
            'derived band': kinds.derived(cls.path('derived.vrt'), dem, 'sqrt', [kinds.source(dem)]),
            'kernel': kinds.kernel(cls.path('kernel.vrt'), dem, 5, True, -9999),
            'warped VRT': kinds.warp(cls.path('warped.vrt'), dem, dstSRS='EPSG:4326', resampleAlg='bilinear'),
            'VRT over a warped VRT': kinds.mosaic(cls.path('over.vrt'), [cls.path('warped.vrt')])}
        if kinds.PIPELINES:
            cls.pipelines['slope'] = kinds.pipeline(cls.path('slope.gdalg.json'), 'read %s ! slope' % dem)

    def check(self, array, whole, top, what):
        """The part that begins at line `top` of the whole; gives the line where it ends."""
        self.same(array, whole[top:top + len(array)], what)
        return top + len(array)

    def all_parts(self, whole, read, what):
        """read(i, n): each part begins where the one before it ends, and none of them depends on how it is read."""
        for n in self.PARTS:
            line = 0
            for i in range(1, n + 1):
                array = read(i, n)
                self.assertGreater(len(array), 0, what)
                line = self.check(array, whole, line, '%s, %d/%d' % (what, i, n))
            self.assertEqual(line, len(whole), '%s in %d parts' % (what, n))

    def lines(self, path, n, *calcs, **options):
        return [fishnet(path, *calcs, PARTITION='%d/%d' % (i, n), NUM_WORKERS=1, **options).RasterYSize for i in range(1, n + 1)]

    def test_reading(self):
        for name, path in self.files.items():
            whole = fishnet(path, 'A+1').ReadAsArray()
            for tile in (None, '16', '50x30', '512x100'):
                options = {} if tile is None else {'TILE_SIZE': tile}
                for n in self.PARTS:
                    self.assertEqual(self.lines(path, n, 'A+1', **options), self.lines(path, n, 'A+1'), (name, tile, n))
                self.all_parts(self.array, lambda i, n: fishnet(path, PARTITION='%d/%d' % (i, n), **options).ReadAsArray(),
                               '%s, TILE_SIZE=%s' % (name, tile))
                self.all_parts(whole, lambda i, n: fishnet(path, 'A+1', PARTITION='%d/%d' % (i, n), **options).ReadAsArray(),
                               '%s, CALC, TILE_SIZE=%s' % (name, tile))

    def test_pipelines(self):
        for name, path in self.pipelines.items():
            whole = fishnet(path).ReadAsArray()
            for tile in (None, '100x37'):
                options = {} if tile is None else {'TILE_SIZE': tile}
                self.all_parts(whole, lambda i, n: fishnet(path, PARTITION='%d/%d' % (i, n), **options).ReadAsArray(),
                               '%s, TILE_SIZE=%s' % (name, tile))

    def write_tiles(self, source, i, n, given, options, workers='THREADS'):
        out = self.path('out.vrt')
        opened = ['PARTITION=%d/%d' % (i, n)] + (['TILE_SIZE=' + given] if given else [])
        dataset = gdal.OpenEx('FISHNET:' + source, open_options=opened + ['CALC=A+1'])
        written = gdal.GetDriverByName('FISHNET').CreateCopy(out, dataset, options=options + ['WORKERS=' + workers])
        return written.ReadAsArray()

    def test_tiles(self):
        """What was wrong: workers that wrote tiles read them in tasks of another size than the part was cut by."""
        for name, path in self.files.items():
            whole = fishnet(path, 'A+1').ReadAsArray()
            for k, options in enumerate((['TILE_SIZE=512'], ['TILE_SIZE=90x60'], ['GRID=2x3'], ['GRID=1x5'])):
                for given in (None, '100') if k % 2 else (None,):
                    for i, n in ((1, 2), (2, 2), (3, 3)):
                        what = '%s, %s, TILE_SIZE=%s, %d/%d' % (name, options, given, i, n)
                        lines = self.lines(path, n, 'A+1')
                        end = self.check(self.write_tiles(path, i, n, given, options), whole, sum(lines[:i - 1]), what)
                        self.assertEqual(end, sum(lines[:i]), what)

    def test_tiles_of_pipelines(self):
        for name, path in self.pipelines.items():
            whole = fishnet(path, 'A+1').ReadAsArray()
            for options in (['TILE_SIZE=512'], ['GRID=2x3']):
                top = self.lines(path, 2, 'A+1')[0]
                end = self.check(self.write_tiles(path, 2, 2, None, options), whole, top, '%s, %s' % (name, options))
                self.assertEqual(end, len(whole))

    def test_tiles_by_processes(self):
        for name in ('tiled 256', '7 rows', 'one strip'):
            path = self.files[name]
            whole = fishnet(path, 'A+1').ReadAsArray()
            top = self.lines(path, 2, 'A+1')[0]
            self.check(self.write_tiles(path, 2, 2, None, ['TILE_SIZE=100'], 'PROCESSES'), whole, top, name)
            part = fishnet(path, 'A+1', PARTITION='2/2', TILE_SIZE=100, WORKERS='PROCESSES').ReadAsArray()
            self.check(part, whole, top, name + ', read')

    def test_single(self):
        for name, path in self.files.items():
            whole = fishnet(path, 'A+1').ReadAsArray()
            for k, blocks in enumerate(([], ['BLOCKXSIZE=16', 'BLOCKYSIZE=32'], ['BLOCKYSIZE=48'])):
                for given in (None, ('50', '16x32', '64')[k]):
                    for i, n in ((1, 2), (2, 2), (2, 3)):
                        processes = name == '7 rows' and n == 2 and i == 2 and not given
                        options = ['OUTPUT=SINGLE', 'WORKERS=' + ('PROCESSES' if processes else 'THREADS')] + blocks
                        opened = ['PARTITION=%d/%d' % (i, n), 'CALC=A+1'] + (['TILE_SIZE=' + given] if given else [])
                        dataset = gdal.OpenEx('FISHNET:' + path, open_options=opened)
                        out = self.path('single.tif')
                        written = gdal.GetDriverByName('FISHNET').CreateCopy(out, dataset, options=options)
                        top = sum(self.lines(path, n, 'A+1')[:i - 1])
                        self.check(written.ReadAsArray(), whole, top, '%s, %s, TILE_SIZE=%s, %d/%d' % (name, blocks, given, i, n))

    def test_real(self):
        """As it was found."""
        out = self.path('q.vrt')
        good('gdal_translate', '-q', '-of', 'FISHNET', 'FISHNET:' + real('dem.tif'), out, '-oo', 'PARTITION=2/2', '-co', 'TILE_SIZE=512')
        whole, part = gdal.Open(real('dem.tif')).ReadAsArray(), gdal.Open(out).ReadAsArray()
        self.same(part, whole[len(whole) - len(part):])


if __name__ == '__main__':
    unittest.main()
