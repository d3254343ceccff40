"""PARTITION=i/n: rows of tiles of the whole, as datasets of their own extent."""
import os
import unittest

import numpy as np
from osgeo import gdal

from common import Case, fishnet, good, oo, real, write


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
        part = fishnet(self.small, '1000000*A', OT='Int16', NODATA='none', TILE_SIZE=16, PARTITION='5/5', TRACE=self.path('trace.json'))
        part.ReadAsArray()
        part = None
        with open(self.path('trace.json'), encoding='utf-8') as file:
            self.assertIn('y=64', file.read())

    def test_bad_partitions(self):
        for text in ('0/3', '4/3', '3', '1/0', 'a/b', '1/2x', '-1/2', '', '1/99999999999'):
            self.refused('PARTITION', path=self.small, PARTITION=text)
        self.refused('PARTITION=1/6', 'rows of tiles', 'small.tif', path=self.small, TILE_SIZE=16, PARTITION='1/6')

    def test_tools(self):
        out = self.path('tool.tif')
        good('gdal_translate', '-q', 'FISHNET:' + self.small, out, *oo('A+1', PARTITION='2/2', TILE_SIZE=16))
        self.assertEqual(gdal.Open(out).RasterYSize, 70 - 32)
        os.unlink(out)


if __name__ == '__main__':
    unittest.main()
