"""Inputs beyond a network: how many requests, how many at a time, the same bytes as from a disk."""
import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), HERE]

import numpy as np  # noqa: E402
from osgeo import gdal, ogr, osr  # noqa: E402

from common import VERSION, good  # noqa: E402
from remote_common import ENVIRONMENT, STRIPS, Served, pixels  # noqa: E402

class TestReading(Served):
    def test_requests_of_a_scan(self):
        """A request for each row of blocks, and some to open it and to see that it is the same file at the end; the readers are
        in flight together."""
        for file, calc, strips in (('deflate.tif', (), STRIPS), ('deflate.tif', ('-oo', 'CALC=A*2'), STRIPS), ('pixel.tif', (), STRIPS),
                                   ('pixel.tif', ('-oo', 'CALC=A[1]+A[2]+A[3]'), STRIPS), ('raw.tif', (), STRIPS)):
            for workers in (1, 8):
                with self.subTest(file=file, calc=calc, workers=workers):
                    self.server.delay(0.2)
                    self.server.reset()
                    self.assertEqual(self.translate('FISHNET:' + self.server.name(file), 'out.tif', *calc, '-oo', f'NUM_WORKERS={workers}')[0].returncode, 0)
                    stats, asked = self.server.stats(), self.requests()
                    self.assertLessEqual(len(asked), strips + 4, asked)
                    self.assertLessEqual(stats['bytes'], 1.05 * os.path.getsize(self.path(file)) + 65536)
                    self.assertGreaterEqual(stats['most'], 8)

    def test_readers(self):
        """READERS limits what is in flight; the reader's budget does, too."""
        self.server.delay(0.03)
        for options, most in ((['-oo', 'READERS=3'], 3), (['-oo', 'READERS=1', '-oo', 'NUM_WORKERS=1'], 1), (['-oo', 'CACHE_MB=4'], 8)):
            self.server.reset()
            self.assertEqual(self.translate('FISHNET:' + self.server.name('deflate.tif'), 'out.tif', *options)[0].returncode, 0)
            self.assertLessEqual(self.server.stats()['most'], most + 1, options)  # one asks whether the file has changed

    def test_connections_are_kept(self):
        self.server.delay(0.01)
        self.translate('FISHNET:' + self.server.name('deflate.tif'), 'out.tif', '-oo', 'READERS=4')
        self.assertLessEqual(self.server.stats()['connections'], 4 + 4)

    def test_same_bytes(self):
        for file in ('deflate.tif', 'raw.tif', 'pixel.tif', 'band.tif', 'striped.tif'):
            for calc in ((), ('-oo', 'CALC=sqrt(abs(A))+0.5'), ('-oo', 'CALC=focal_mean(A, 3)')):
                done, want = self.translate('FISHNET:' + self.path(file), 'want.tif', *calc)
                self.assertEqual(done.returncode, 0, done.stderr)
                ways = [('NUM_WORKERS=1', 'READERS=1'), ('NUM_WORKERS=3', 'READERS=5'), ('TILE_SIZE=500x300',)]
                if not calc or file == 'deflate.tif':
                    ways += [('WORKERS=PROCESSES', 'NUM_WORKERS=2'), ('THREADS_PER_WORKER=4',)]
                for options in ways:
                    with self.subTest(file=file, calc=calc, options=options):
                        words = [word for option in options for word in ('-oo', option)]
                        done, got = self.translate('FISHNET:' + self.server.name(file), 'out.tif', *calc, *words)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.same(got, want)

    def test_several_inputs(self):
        words = ['-oo', 'B=' + self.server.name('band.tif'), '-oo', 'C=' + self.path('raw.tif'), '-oo', 'CALC=A+B[3]-C']
        done, got = self.translate('FISHNET:' + self.server.name('deflate.tif'), 'out.tif', *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        words[1] = 'B=' + self.path('band.tif')
        self.same(got, self.translate('FISHNET:' + self.path('deflate.tif'), 'want.tif', *words)[1])

    def test_vrt(self):
        """Through VRT files and recipes: two files side by side, each in strips."""
        plain = self.translate(self.path('deflate.tif'))[1]
        inner, outer = self.path('inner.vrt'), self.path('outer.vrt')
        gdal.BuildVRT(inner, [self.server.name('left.tif'), self.server.name('right.tif')]).FlushCache()
        gdal.Translate(outer, inner, format='VRT', creationOptions=[])
        self.server.delay(0.2)
        for vrt in (inner, outer, self.server.name('inner.vrt')):
            self.server.reset()
            done, got = self.translate('FISHNET:' + vrt)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.same(got, plain)
            asked = [entry for entry in self.requests() if entry[1].endswith('.tif')]
            self.assertLessEqual(len(asked), 2 * STRIPS + 12, asked)
            self.assertGreaterEqual(self.server.stats()['most'], 6)

    def test_small_windows(self):
        """Who jumps about gets what he asks for: the server is asked for little more."""
        dataset = None
        with_options = dict(GDAL_DISABLE_READDIR_ON_OPEN='EMPTY_DIR')
        for key, value in with_options.items():
            gdal.SetConfigOption(key, value)
        self.addCleanup(lambda: [gdal.SetConfigOption(key, None) for key in with_options])
        dataset = gdal.OpenEx('FISHNET:' + self.server.name('raw.tif'), gdal.OF_RASTER, open_options=['CALC=A+0'])
        want = gdal.Open(self.path('raw.tif'))
        self.server.reset()
        for x, y in ((1500, 1400), (30, 900), (800, 20), (1700, 700), (300, 1800)):
            self.same(dataset.ReadAsArray(x, y, 200, 200).astype(np.int16), want.ReadAsArray(x, y, 200, 200))
        self.assertLess(self.server.stats()['bytes'], os.path.getsize(self.path('raw.tif')) / 3)
        dataset = None

    def test_url(self):
        """A URL without /vsicurl/ is read in parts, too."""
        done, got = self.translate(f'FISHNET:{self.server.host}/deflate.tif')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(got, pixels(1))
        self.assertLessEqual(len(self.requests()), STRIPS + 8)

    def test_recipe(self):
        with open(self.path('job.fishnet.json'), 'w', encoding='utf-8') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': self.server.name('deflate.tif'), 'B': f'{self.server.host}/raw.tif'},
                       'calc': 'A+B', 'readers': 6}, file)
        done, got = self.translate(self.path('job.fishnet.json'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(got[pixels(1) != 7], (2.0 * pixels(1))[pixels(1) != 7].astype(got.dtype))
        self.assertGreaterEqual(self.server.stats()['most'], 2)

    def test_standard_input(self):
        with open(self.path('deflate.tif'), 'rb') as file:
            for words in ((), ('-oo', 'WORKERS=PROCESSES')):
                file.seek(0)
                out = self.path('stdin.tif')
                subprocess.run(['gdal_translate', '-q', *words, 'FISHNET:/vsistdin/', out], stdin=file, check=True, timeout=60)
                self.same(gdal.Open(out).ReadAsArray(), pixels(1))
                os.unlink(out)

    def test_outputs_by_workers(self):
        want = self.translate('FISHNET:' + self.path('deflate.tif'), 'want.tif', '-oo', 'CALC=A*3')[1]
        for words in (('-co', 'OUTPUT=SINGLE'), ('-co', 'TILE_SIZE=512')):
            self.server.delay(0.2)
            self.server.reset()
            out = self.path('made' + ('.tif' if 'OUTPUT=SINGLE' in words else '.vrt'))
            good('gdal_translate', '-q', '-of', 'FISHNET', '-oo', 'CALC=A*3', *words, 'FISHNET:' + self.server.name('deflate.tif'), out, env=ENVIRONMENT)
            self.same(gdal.Open(out).ReadAsArray(), want)
            self.assertGreaterEqual(self.server.stats()['most'], 4)


class TestTables(Served):
    def test_zonal_statistics(self):
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(32633)
        data = ogr.GetDriverByName('GPKG').CreateDataSource(self.path('zones.gpkg'))
        layer = data.CreateLayer('zones', srs)
        for i in range(20):
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetGeometry(ogr.CreateGeometryFromWkt(f'POINT ({3000 + 700 * i} {3000 - 600 * i})').Buffer(1500 + 40 * i))
            layer.CreateFeature(feature)
        layer = data = None
        self.server.delay(0.2)
        tables = []
        for raster in (self.path('deflate.tif'), self.server.name('deflate.tif')):
            out = self.path('stats.csv')
            good('ogr2ogr', '-overwrite', '-oo', 'RASTER=' + raster, out, 'ZONALSTATS:' + self.path('zones.gpkg'), env=ENVIRONMENT)
            with open(out, encoding='utf-8') as file:
                tables.append(file.read())
            os.unlink(out)
        self.assertEqual(*tables)
        self.assertGreater(len(tables[0]), 500)
        self.assertGreaterEqual(self.server.stats()['most'], 4)

    def test_near(self):
        random = np.random.default_rng(5)
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(32633)
        for ending, driver in (('gpkg', 'GPKG'), ('fgb', 'FlatGeobuf')):
            data = ogr.GetDriverByName(driver).CreateDataSource(self.path('near.' + ending))
            layer = data.CreateLayer('near', srs, ogr.wkbPoint)
            for x, y in random.integers(0, 100000, (20000, 2)):
                feature = ogr.Feature(layer.GetLayerDefn())
                feature.SetGeometry(ogr.CreateGeometryFromWkt(f'POINT ({x} {y})'))
                layer.CreateFeature(feature)
            layer = data = None
            tables = []
            for near in (self.path('near.' + ending), self.server.name('near.' + ending)):
                for words in ((), ('-oo', 'WORKERS=PROCESSES')):
                    out = self.path('table.csv')
                    good('ogr2ogr', '-overwrite', '-oo', 'NEAR=' + near, *words, out, 'NEARTABLE:' + near, env=ENVIRONMENT)
                    with open(out, encoding='utf-8') as file:
                        tables.append(file.read())
                    os.unlink(out)
            self.assertEqual(len(set(tables)), 1)
            self.assertGreater(len(tables[0].splitlines()), 20000)


@unittest.skipIf(VERSION < (3, 11), 'the command needs GDAL 3.11')
class TestCommands(Served):
    def test_calc(self):
        want = self.translate('FISHNET:' + self.path('deflate.tif'), 'want.tif', '-oo', 'CALC=A*3')[1]
        for name in (self.server.name('deflate.tif'), f'{self.server.host}/deflate.tif'):
            out = self.path('calc.tif')
            good('gdal', 'fishnet', 'calc', '-i', 'A=' + name, '--calc', 'A*3', '-o', out, '--overwrite', '--readers', '8', '-q', env=ENVIRONMENT)
            self.same(gdal.Open(out).ReadAsArray(), want)
        with open(self.path('deflate.tif'), 'rb') as file:
            subprocess.run(['gdal', 'fishnet', 'calc', '-i', 'A=/vsistdin/', '--calc', 'A*3', '-o', out, '--overwrite', '-q'], stdin=file, check=True, timeout=60)
        self.same(gdal.Open(out).ReadAsArray(), want)


if __name__ == '__main__':
    unittest.main()
