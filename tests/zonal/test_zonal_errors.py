"""ON_ERROR=NODATA: a table over a raster with a tile that cannot be read is that over the raster whose tile has no values; and it says so."""
import os
import re
import unittest

import numpy as np
from osgeo import gdal

from zonal_common import KINDS, ZonalCase, all_bits, area, box, file_rows, layer_rows, listening, oo, open_table, rectangle, rng, run, table

EVERY = 'COUNT,AREA,MIN,MAX,MEAN,STD,SUM,VARIETY,MAJORITY,MEDIAN,PCT90,MAX_X,NODATA_COUNT'
NODATA = -1


class Damaged(ZonalCase):
    GT = (0, 1, 0, 768, 0, -1)
    OPTIONS = ['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256', 'COMPRESS=DEFLATE']

    @classmethod
    def pair(cls, cells, gt, column, row):
        """A raster with a block of 256 x 256 that cannot be decoded, and one that has no values there."""
        damaged = cls.raster(cells, gt, options=cls.OPTIONS, nodata=NODATA, name='damaged.tif')
        at = int(gdal.Open(damaged).GetRasterBand(1).GetMetadataItem('BLOCK_OFFSET_%d_%d' % (column, row), 'TIFF'))
        with open(damaged, 'r+b') as file:
            file.seek(at)
            file.write(b'\xff' * 2000)
        without = cells.copy()
        without[256 * row:256 * row + 256, 256 * column:256 * column + 256] = NODATA
        return damaged, cls.raster(without, gt, options=cls.OPTIONS, nodata=NODATA, name='without.tif')

    @classmethod
    def prepare(cls):
        random = rng('errors')
        cls.damaged, cls.without = cls.pair(random.integers(0, 200, (768, 768)).astype(np.int16), cls.GT, 1, 2)
        cls.geometries = [area([box(a, c, b, d)], gt=cls.GT) for a, b, c, d in (
            (*sorted(random.uniform(0, 768, 2)), *sorted(random.uniform(0, 768, 2))) for _ in range(20))]
        bow_tie = [(200, 500), (600, 760), (600, 500), (200, 760)]
        cls.geometries += [None, area([bow_tie], gt=cls.GT), rectangle(300, 600, 310, 610, gt=cls.GT), rectangle(0, 0, 700, 500, gt=cls.GT), 'POINT(300 100)']
        cls.file = cls.zones(cls.geometries, fids=[10 * i + 5 for i in range(25)])

    def compare(self, options, way, zones=None, pair=None):
        """Returns the FIDs of zones that are said to be concerned, as they are shown, and how many there are."""
        damaged, without = pair or (self.damaged, self.without)
        with listening():
            want = all_bits(table(zones or self.file, RASTER=without, **options))
        with listening() as said:
            found = all_bits(table(zones or self.file, RASTER=damaged, ON_ERROR='NODATA', RETRIES=1, **options, **way))
        self.assertEqual(found, want, (options, way))
        filled = [text for text in said.warnings() if 'filled with NoData' in text]
        self.assertEqual(len(filled), 1, said.warnings())
        for word in ('ZONALSTATS', 'tile x=256 y=512 256x256', 'damaged.tif', 'tried 2 times'):
            self.assertIn(word, filled[0])
        last = [text for text in said.warnings() if 'could not be read: ' in text]
        self.assertEqual(len(last), 1, said.warnings())
        return re.search(r'(\d+) zones? of .*\(FID (.*)\)', last[0]).groups()

    def test_statistics(self):
        for kind in KINDS:
            for options in ({'STATS': EVERY}, {'STATS': EVERY, 'PIXELS': 'FRACTION'}, {'STATS': EVERY, 'NODATA': 'SPREAD', 'PIXELS': 'TOUCHED'}, {'HISTOGRAM': 'LONG'},
                            {'HISTOGRAM': 'WIDE', 'PERCENTILES': '10'}, {'HISTOGRAM': 'WIDE', 'NODATA': 'SPREAD', 'PIXELS': 'FRACTION'}):
                for number in (1, 3):
                    count, fids = self.compare(options, {'WORKERS': kind, 'NUM_WORKERS': number, 'TILE_SIZE': 256})
                    with listening():
                        places = table(self.file, RASTER=self.mask(), STATS='COUNT', PIXELS=options.get('PIXELS', 'CENTER'))
                    concerned = [str(row['ZONE_FID']) for row in places if row['COUNT'] > 0]
                    self.assertEqual((int(count), fids), (len(concerned), ', '.join(concerned[:5] + ['...'][:len(concerned) > 5])))
                    self.assertGreater(len(concerned), 5)

    def mask(self):
        """Values in the damaged block alone."""
        if not hasattr(Damaged, 'only'):
            cells = np.zeros((768, 768), np.uint8)
            cells[512:, 256:512] = 1
            Damaged.only = self.raster(cells, self.GT, nodata=0)
        return self.only

    def test_fails_without(self):
        for kind in KINDS:
            for options in ({'STATS': 'COUNT'}, {'STATS': 'COUNT', 'ON_ERROR': 'FAIL'}, {'HISTOGRAM': 'LONG'}, {'HISTOGRAM': 'WIDE'}):
                with listening():
                    self.fails(self.file, 'tile x=256 y=512 256x256', 'damaged.tif', RASTER=self.damaged, TILE_SIZE=256, RETRIES=0, WORKERS=kind, **options)
        self.fails(self.file, 'ON_ERROR', 'FAIL or NODATA', RASTER=self.damaged, ON_ERROR='IGNORE')

    def test_tool(self):
        """Warnings, the whole table, and status 0; likewise in parts."""
        done = run('ogr2ogr', '-f', 'CSV', '/vsistdout/', 'ZONALSTATS:' + self.file, *oo(RASTER=self.damaged, ON_ERROR='NODATA', RETRIES=0, TILE_SIZE=256))
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 26), done.stderr)
        self.assertIn('filled with NoData', done.stderr)
        path = self.path('parts.vrt')
        done = run('ogr2ogr', '-f', 'ZONALSTATS', path, 'ZONALSTATS:' + self.file, '-dsco', 'PARTS=3',
                   *oo(RASTER=self.damaged, ON_ERROR='NODATA', RETRIES=0, TILE_SIZE=256, HISTOGRAM='LONG'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count('filled with NoData'), 1, done.stderr)
        with listening():
            self.assertEqual(all_bits(file_rows(path)), all_bits(table(self.file, RASTER=self.without, HISTOGRAM='LONG')))

    def test_several_passes(self):
        """Percentiles of more values than are kept: the tile is lost for all passes, and is said once."""
        gt = (0, 1, 0, 2304, 0, -1)
        pair = self.pair(rng('passes').integers(0, 2**30, (2304, 2304)).astype(np.int32), gt, 1, 2)
        zones = self.zones([rectangle(0, 0, 2304, 2304, gt=gt), rectangle(0, 0, 400, 400, gt=gt), rectangle(300, 500, 800, 800, gt=gt)])
        for kind in KINDS:
            self.assertEqual(self.compare({'STATS': 'MEDIAN,PCT99.9,COUNT'}, {'WORKERS': kind, 'TILE_SIZE': 256}, zones, pair), ('2', '1, 3'))

    def test_rows_before_a_failure(self):
        """Rows come while the pass goes on. Where its last tile fails there are some, right and in order, then the error, again and again; never an end."""
        gt = (0, 1, 0, 256 * 60, 0, -1)
        damaged, without = self.pair(rng('flow').integers(0, 200, (256 * 60, 256)).astype(np.int16), gt, 0, 59)
        zones = self.zones([rectangle(0, y, 200, y + 64, gt=gt) for y in range(0, 256 * 60, 64)])
        options = {'STATS': 'COUNT,SUM,STD', 'TILE_SIZE': 256, 'PARTITION_SIZE': 8, 'RETRIES': 0, 'NUM_WORKERS': 1}
        want = all_bits(table(zones, RASTER=without, **options))
        most = 0
        with listening():
            for _ in range(5):  # a slow machine may see the failure first
                dataset = open_table(zones, RASTER=damaged, **options)
                layer = dataset.GetLayer(0)
                for again in range(2):
                    found, failure = [], ''
                    try:
                        while (feature := layer.GetNextFeature()) is not None:
                            found.append({field: feature[field] for field, _ in want[0]})
                    except RuntimeError as error:
                        failure = str(error)
                    self.assertIn('tile x=0 y=15104 256x256', failure)
                    self.assertEqual(all_bits(found), want[:len(found)])
                    self.assertLessEqual(len(found), len(want) - 4)
                    self.assertRaises(RuntimeError, layer.GetNextFeature)
                    layer.ResetReading()
                    most = max(most, len(found))
        self.assertGreater(most, 100)

    def test_left_in_the_middle(self):
        """A reader that stops, begins anew, counts or has a look at one row while the pass goes on."""
        gt = (0, 1, 0, 256 * 20, 0, -1)
        raster = self.raster(rng('middle').integers(0, 200, (256 * 20, 256)).astype(np.int16), gt, options=self.OPTIONS)
        zones = self.zones([rectangle(0, y, 200, y + 64, gt=gt) for y in range(0, 256 * 20, 64)])
        for kind in KINDS:
            options = {'STATS': 'COUNT,SUM', 'TILE_SIZE': 256, 'PARTITION_SIZE': 4, 'WORKERS': kind, 'RASTER': raster}
            want = table(zones, **options)
            dataset = open_table(zones, **options)
            layer = dataset.GetLayer(0)
            first = layer.GetNextFeature()
            self.assertEqual([first[field] for field in want[0]], list(want[0].values()))
            self.assertEqual(layer.GetFeatureCount(), len(want))
            self.assertEqual(layer.GetFeature(len(want))['SUM'], want[-1]['SUM'])
            self.assertEqual(layer.GetNextFeature()['SUM'], want[1]['SUM'])
            layer.ResetReading()
            self.assertEqual(layer_rows(layer), want)
            dataset = open_table(zones, **options)
            dataset.GetLayer(0).GetNextFeature()
            layer = dataset = None

    def test_a_worker_that_dies(self):
        """The tile that kills its worker each time has no values."""
        source = self.raster(rng('dies').integers(0, 200, (256, 512)).astype(np.int16), (0, 1, 0, 256, 0, -1), nodata=NODATA)
        path = self.new('deadly.vrt')
        with open(path, 'w', encoding='utf-8') as file:
            file.write("""<VRTDataset rasterXSize="512" rasterYSize="256"><SRS>EPSG:32632</SRS><GeoTransform>0, 1, 0, 256, 0, -1</GeoTransform>
              <VRTRasterBand dataType="Int16" band="1" subClass="VRTDerivedRasterBand"><NoDataValue>-1</NoDataValue><PixelFunctionLanguage>Python</PixelFunctionLanguage>
              <PixelFunctionType>deadly</PixelFunctionType><PixelFunctionCode><![CDATA[
import os
def deadly(inputs, out, xoff, yoff, xsize, ysize, *rest, **more):
    if xoff + xsize > 256:
        os.kill(os.getpid(), 9)
    out[:] = inputs[0]
]]></PixelFunctionCode><SimpleSource><SourceFilename>%s</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>""" % source)
        zones = self.zones([area([box(0, 0, 512, 256)], gt=(0, 1, 0, 256, 0, -1)), rectangle(0, 0, 200, 200, gt=(0, 1, 0, 256, 0, -1))])
        words = ['ogr2ogr', '--config', 'GDAL_VRT_ENABLE_PYTHON', 'YES', '-f', 'CSV', '/vsistdout/', 'ZONALSTATS:' + zones]
        options = {'STATS': 'COUNT,NODATA_COUNT,SUM', 'WORKERS': 'PROCESSES', 'NUM_WORKERS': 2, 'TILE_SIZE': 256, 'RETRIES': 1, 'RASTER': path}
        done = run(*words, *oo(ON_ERROR='NODATA', **options))
        self.assertEqual(done.returncode, 0, done.stderr)
        cells = gdal.Open(source).ReadAsArray().astype(int)
        self.assertEqual(done.stdout.replace('"', '').splitlines()[1:], ['1,65536,65536,%d' % cells[:, :256].sum(), '2,40000,0,%d' % cells[:200, :200].sum()])
        for word in ('filled with NoData', 'x=256 y=0 256x256', 'signal 9', '(FID 1)'):
            self.assertIn(word, done.stderr)
        done = run(*words, *oo(**options))
        self.assertEqual(done.returncode, 1)
        self.assertIn('signal 9', done.stderr)


if __name__ == '__main__':
    unittest.main()
