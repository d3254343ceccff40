"""Inputs beyond a network: how many requests, how many at a time, the same bytes as from a disk."""
import json
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), HERE]

import numpy as np  # noqa: E402
from osgeo import gdal, ogr, osr  # noqa: E402

from common import VERSION, good, patience, write  # noqa: E402
from remote_common import BLOCK, ENVIRONMENT, SIZE, STRIPS, Served, pixels  # noqa: E402

class TestReading(Served):
    def test_requests_of_a_scan(self):
        """A request for each row of blocks, and some to open it and to see that it is the same file at the end; the readers are
        in flight together."""
        for file, calc, strips in (('deflate.tif', (), STRIPS), ('deflate.tif', ('-oo', 'CALC=A*2'), STRIPS), ('pixel.tif', (), STRIPS),
                                   ('pixel.tif', ('-oo', 'CALC=A[1]+A[2]+A[3]'), STRIPS), ('raw.tif', (), STRIPS)):
            for workers in (1, 8):
                with self.subTest(file=file, calc=calc, workers=workers):
                    self.server.gather(8)
                    self.assertEqual(self.translate('FISHNET:' + self.server.name(file), 'out.tif', *calc, '-oo', f'NUM_WORKERS={workers}')[0].returncode, 0)
                    stats, asked = self.server.stats(), self.requests()
                    self.assertLessEqual(len(asked), strips + 2 + self.looks(self.seconds), asked)
                    self.assertLessEqual(stats['bytes'], 1.05 * os.path.getsize(self.path(file)) + 65536)
                    self.assertGreaterEqual(stats['most'], 8)

    def test_requests_of_a_window(self):
        """What GDAL itself asks for, and whether the file is still the same; for tiles no more than for each of them alone."""
        for file in ('deflate.tif', 'pixel.tif', 'band.tif'):
            counts, bytes_read = [], []
            for source in (self.server.name(file), 'FISHNET:' + self.server.name(file)):
                gdal.VSICurlClearCache()
                self.server.reset()
                dataset = gdal.Open(source)
                dataset.AdviseRead(300, 250, 400, 300)  # as gdal_translate -srcwin does, but for newer ones
                got = dataset.ReadAsArray(300, 250, 400, 300)
                self.same(got if got.ndim == 2 else got[0], pixels(1)[250:550, 300:700])
                del dataset
                counts.append(len([entry for entry in self.requests() if entry[:2] == ['GET', file]]))
                bytes_read.append(self.server.stats()['bytes'])
            self.assertLessEqual(counts[1], counts[0], file)
            self.assertLessEqual(bytes_read[1], 1.05 * bytes_read[0], file)
        self.server.reset()
        begin = time.monotonic()
        good('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'TILE_SIZE=300', 'FISHNET:' + self.server.name('deflate.tif'), self.path('tiles.vrt'), env=ENVIRONMENT)
        rows = sum(-(-min(SIZE, y + 300) // BLOCK) - y // BLOCK for y in range(0, SIZE, 300))
        self.assertLessEqual(len(self.requests()), -(-SIZE // 300) * rows + 4 + self.looks(time.monotonic() - begin))

    def test_requests_of_an_extent(self):
        """No more requests than GDAL alone makes for the window, or one for each row of blocks: strips end where these do, wherever the
        grid begins. Several are in flight. Bands that are stored together are read together."""
        x, dx, _, y, _, dy = gdal.Open(self.path('deflate.tif')).GetGeoTransform()
        for case, (file, column, row, width, height, calc) in enumerate((
                ('deflate.tif', 300, 250, 400, 300, ()), ('deflate.tif', 0, 7, SIZE, SIZE - 7, ()),
                ('pixel.tif', 300, 250, 400, 300, ()), ('pixel.tif', 300, 250, 400, 300, ('-oo', 'CALC=A[1]+A[2]+A[3]')), ('raw.tif', 0, 250, 700, 300, ('-oo', 'CALC=focal_mean(A, 3)')), ('raw.tif', 64, 100, 128, 40, ()),
                ('raw.tif', 500, 1000, 300, 300, ()))):
            with self.subTest(file=file, row=row, calc=calc):
                corners = x + column * dx, y + row * dy, x + min(column + width, SIZE) * dx, y + min(row + height, SIZE) * dy
                rows = (min(row + height, SIZE) - 1) // BLOCK - row // BLOCK + 1
                extent = f'EXTENT={corners[0]},{y + (row + height) * dy},{x + (column + width) * dx},{corners[1]}'
                counts, sizes = [], []
                for source, words in ((self.server.name(file), ('-projwin', *map(str, corners))), ('FISHNET:' + self.server.name(file), ('-oo', extent, *calc))):
                    self.server.gather(min(4, rows) if counts else 0)
                    done, got = self.translate(source, f'out-{case}-{len(counts)}.tif', *words, env={'GDAL_NUM_THREADS': '1'})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    counts.append(len([entry for entry in self.requests() if entry[0] == 'GET']))
                    sizes.append(self.server.stats()['bytes'])
                self.same(got, self.translate('FISHNET:' + self.path(file), f'want-{case}.tif', '-oo', extent, *calc)[1])
                self.assertGreaterEqual(self.server.stats()['most'], min(4, rows))
                self.assertLessEqual(counts[1], max(counts[0], rows + 2))
                self.assertLessEqual(sizes[1], sizes[0] + 32768 * rows)  # GDAL reads whole 16 KB through a VRT

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
                ways = [('NUM_WORKERS=1', 'READERS=1'), ('NUM_WORKERS=3', 'READERS=5'), ('TILE_SIZE=300x200',)]
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
        for vrt in (inner, outer, self.server.name('inner.vrt')):
            self.server.gather(6)
            done, got = self.translate('FISHNET:' + vrt)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.same(got, plain)
            asked = [entry for entry in self.requests() if entry[1].endswith('.tif')]
            self.assertLessEqual(len(asked), 2 * STRIPS + 8 + 2 * self.looks(self.seconds), asked)
            self.assertGreaterEqual(self.server.stats()['most'], 6)

    @unittest.skipUnless(gdal.GetDriverByName('GTI'), 'tile indices need GDAL 3.9')
    def test_tile_index(self):
        """An index on this machine whose files lie beyond a network."""
        index, plain = self.path('index.gti.gpkg'), self.translate(self.path('deflate.tif'))[1]
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(32633)
        data = ogr.GetDriverByName('GPKG').CreateDataSource(index)
        layer = data.CreateLayer('index', srs, ogr.wkbPolygon)
        layer.CreateField(ogr.FieldDefn('location'))
        for side in ('left', 'right'):
            dataset = gdal.Open(self.path(side + '.tif'))
            x, dx, _, y, _, dy = dataset.GetGeoTransform()
            feature = ogr.Feature(layer.GetLayerDefn())
            feature['location'] = self.server.name(side + '.tif')
            right, bottom = x + dx * dataset.RasterXSize, y + dy * dataset.RasterYSize
            feature.SetGeometry(ogr.CreateGeometryFromWkt(f'POLYGON(({x} {y},{right} {y},{right} {bottom},{x} {bottom},{x} {y}))'))
            layer.CreateFeature(feature)
        layer = data = None
        for source in (index, f'GTI:{index}'):
            self.server.gather(4)  # blocks of an index are 256 rows high
            done, got = self.translate('FISHNET:' + source)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.same(got, plain)
            self.assertGreaterEqual(self.server.stats()['most'], 4)

    @unittest.skipUnless(gdal.GetDriverByName('STACIT'), 'this GDAL has no STACIT')
    def test_stac(self):
        """Items of a STAC collection: as one input, and as the members of a stack."""
        def item(side):
            dataset = gdal.Open(self.path(side + '.tif'))
            x, dx, _, y, _, dy = dataset.GetGeoTransform()
            right, bottom = x + dx * dataset.RasterXSize, y + dy * dataset.RasterYSize
            where = {'proj:epsg': 32633, 'proj:bbox': [x, bottom, right, y], 'proj:shape': [dataset.RasterYSize, dataset.RasterXSize],
                     'proj:transform': [dx, 0, x, 0, dy, y, 0, 0, 1]}
            return {'type': 'Feature', 'stac_version': '1.0.0', 'stac_extensions': ['proj'], 'id': side, 'collection': 'sides', 'properties': dict(where, datetime='2026-01-01T00:00:00Z'), 'assets': {
                'B04': {'href': f'{self.server.host}/{side}.tif', 'type': 'image/tiff; application=geotiff', 'roles': ['data'], **where}}}
        with open(self.path('items.json'), 'w', encoding='utf-8') as file:
            json.dump({'type': 'FeatureCollection', 'stac_version': '1.0.0', 'features': [item('left'), item('right')]}, file)
        plain = self.translate(self.path('deflate.tif'))[1]
        name = f'STACIT:"{self.server.name("items.json")}":asset=B04'
        self.server.gather(6)
        done, got = self.translate('FISHNET:' + name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(got, plain)
        self.assertGreaterEqual(self.server.stats()['most'], 6)
        with open(self.path('members.txt'), 'w', encoding='utf-8') as file:
            file.write(name + '\n' + name + '\n')
        done, got = self.translate('FISHNET:', 'out.tif', '-oo', 'INPUT=S=@' + self.path('members.txt'), '-oo', 'CALC=sum(S)')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(got[plain != 7], (2 * plain.astype(got.dtype))[plain != 7])

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
        for x, y in ((750, 700), (15, 450), (400, 10), (850, 350), (150, 900)):
            self.same(dataset.ReadAsArray(x, y, 100, 100).astype(np.int16), want.ReadAsArray(x, y, 100, 100))
        self.assertLess(self.server.stats()['bytes'], os.path.getsize(self.path('raw.tif')) / 3)
        dataset = None

    def test_url(self):
        """A URL without /vsicurl/ is read in parts, too."""
        done, got = self.translate(f'FISHNET:{self.server.host}/deflate.tif')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(got, pixels(1))
        self.assertLessEqual(len(self.requests()), STRIPS + 6 + self.looks(self.seconds))

    def test_url_without_ranges(self):
        """What a server gives whole only is loaded once, for all workers and processes."""
        self.server.fault('deflate.tif', 'no_ranges')
        self.addCleanup(self.server.fault, 'deflate.tif', 'none')
        for words in ((), ('-oo', 'WORKERS=PROCESSES', '-oo', 'NUM_WORKERS=3')):
            with self.subTest(words=words):
                self.server.reset()
                done, got = self.translate(f'FISHNET:{self.server.host}/deflate.tif', 'out.tif', *words)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.same(got, pixels(1))
                whole = [entry for entry in self.requests() if entry[0] == 'GET' and entry[2] is None]
                self.assertEqual(len(whole), 1, self.requests())

    def test_processes(self):
        """Worker processes have as many reads in flight, and what each would ask first is asked once for all."""
        for file, calc in (('deflate.tif', ()), ('pixel.tif', ('-oo', 'CALC=A[1]+A[2]+A[3]'))):
            self.server.gather(4)
            done, got = self.translate('FISHNET:' + self.server.name(file), 'out.tif', '-oo', 'WORKERS=PROCESSES', *calc)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLessEqual(len(self.requests()), STRIPS + 4 + self.looks(self.seconds), self.requests())
            self.assertGreaterEqual(self.server.stats()['most'], 4)

    def test_codecs(self):
        """What is decoded past GDAL and what is not, with a mask, alpha, sparse blocks, big-endian, on the server's side as on a disk."""
        tiled = ('TILED=YES', f'BLOCKXSIZE={BLOCK}', f'BLOCKYSIZE={BLOCK}')
        a = pixels(1)
        a[:350, 150:450] = 0
        for name, options in (('lzw', ('COMPRESS=LZW', 'PREDICTOR=2')), ('zstd', ('COMPRESS=ZSTD', 'PREDICTOR=2')), ('big', ('ENDIANNESS=BIG',)),
                              ('sparse', ('COMPRESS=DEFLATE', 'SPARSE_OK=TRUE')), ('cut', ('COMPRESS=DEFLATE', 'BLOCKYSIZE=48'))):
            with self.subTest(name=name):
                write(self.path(name + '.tif'), [a, a[::-1]], options=(*tiled, *options))
                want = self.translate('FISHNET:' + self.path(name + '.tif'), 'want.tif', '-oo', 'CALC=A[1]-A[2]')[1]
                for words in ((), ('-oo', 'TILE_SIZE=128x192'), ('-oo', 'NUM_WORKERS=1', '-oo', 'READERS=1')):
                    done, got = self.translate('FISHNET:' + self.server.name(name + '.tif'), 'out.tif', '-oo', 'CALC=A[1]-A[2]', *words)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.same(got, want)

    def test_look_while_computing(self):
        """Whether the file is still the same is asked once the last strip is there, and not again at the end."""
        self.server.delay(0.05)
        for _ in range(5):  # one that takes longer than a second asks more often
            self.server.reset()
            self.assertEqual(self.translate('FISHNET:' + self.server.name('deflate.tif'), 'out.tif', '-oo', 'CALC=A*2')[0].returncode, 0)
            if self.seconds < 1:
                break
        heads = [entry[0] for entry in self.requests()].count('HEAD')
        self.assertTrue(2 <= heads <= self.looks(self.seconds), self.requests())

    def test_recipe(self):
        with open(self.path('job.fishnet.json'), 'w', encoding='utf-8') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': self.server.name('deflate.tif'), 'B': f'{self.server.host}/raw.tif'},
                       'calc': 'A+B', 'readers': 6}, file)
        self.server.gather(2)
        done, got = self.translate(self.path('job.fishnet.json'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same(got[pixels(1) != 7], (2.0 * pixels(1))[pixels(1) != 7].astype(got.dtype))
        self.assertGreaterEqual(self.server.stats()['most'], 2)

    def test_standard_input(self):
        with open(self.path('deflate.tif'), 'rb') as file:
            for words in ((), ('-oo', 'WORKERS=PROCESSES')):
                file.seek(0)
                out = self.path('stdin.tif')
                subprocess.run(['gdal_translate', '-q', *words, 'FISHNET:/vsistdin/', out], stdin=file, check=True, timeout=patience(60))
                self.same(gdal.Open(out).ReadAsArray(), pixels(1))
                os.unlink(out)

    def test_outputs_by_workers(self):
        want = self.translate('FISHNET:' + self.path('deflate.tif'), 'want.tif', '-oo', 'CALC=A*3')[1]
        for words in (('-co', 'OUTPUT=SINGLE'), ('-co', 'TILE_SIZE=256')):
            self.server.gather(4)
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
            feature.SetGeometry(ogr.CreateGeometryFromWkt(f'POINT ({3000 + 300 * i} {3000 - 280 * i})').Buffer(1500 + 40 * i))
            layer.CreateFeature(feature)
        layer = data = None
        self.server.gather(4)
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
            for x, y in random.integers(0, 100000, (5000, 2)):
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
            self.assertGreater(len(tables[0].splitlines()), 5000)


    def test_near_within_radius(self):
        """Of a FlatGeobuf what RADIUS can reach is found by its index, and the rest is not read."""
        random = np.random.default_rng(6)
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(32633)
        for name, count, most in (('wide', 30000, 1000000), ('small', 300, 30000)):
            data = ogr.GetDriverByName('FlatGeobuf').CreateDataSource(self.path(name + '.fgb'))
            layer = data.CreateLayer(name, srs, ogr.wkbPoint)
            layer.CreateField(ogr.FieldDefn('text'))
            for x, y in random.integers(0, most, (count, 2)):
                feature = ogr.Feature(layer.GetLayerDefn())
                feature['text'] = f'{x} {y}' * 5
                feature.SetGeometry(ogr.CreateGeometryFromWkt(f'POINT ({x} {y})'))
                layer.CreateFeature(feature)
            layer = data = None
        tables = []
        for near in (self.path('wide.fgb'), self.server.name('wide.fgb')):
            for words in ((), ('-oo', 'WORKERS=PROCESSES')):
                self.server.reset()
                out = self.path('within.csv')
                good('ogr2ogr', '-oo', 'NEAR=' + near, '-oo', 'RADIUS=5000', '-oo', 'CLOSEST=3', *words, out, 'NEARTABLE:' + self.path('small.fgb'), env=ENVIRONMENT)
                with open(out, encoding='utf-8') as file:
                    tables.append(file.read())
                os.unlink(out)
                self.assertLess(self.server.stats()['bytes'], os.path.getsize(self.path('wide.fgb')) / 4)
        self.assertEqual(len(set(tables)), 1)
        self.assertGreater(len(tables[0].splitlines()), 100)


@unittest.skipIf(VERSION < (3, 11), 'the command needs GDAL 3.11')
class TestCommands(Served):
    def test_calc(self):
        want = self.translate('FISHNET:' + self.path('deflate.tif'), 'want.tif', '-oo', 'CALC=A*3')[1]
        for name in (self.server.name('deflate.tif'), f'{self.server.host}/deflate.tif'):
            out = self.path('calc.tif')
            good('gdal', 'fishnet', 'calc', '-i', 'A=' + name, '--calc', 'A*3', '-o', out, '--overwrite', '--readers', '8', '-q', env=ENVIRONMENT)
            self.same(gdal.Open(out).ReadAsArray(), want)
        with open(self.path('deflate.tif'), 'rb') as file:
            subprocess.run(['gdal', 'fishnet', 'calc', '-i', 'A=/vsistdin/', '--calc', 'A*3', '-o', out, '--overwrite', '-q'], stdin=file, check=True, timeout=patience(60))
        self.same(gdal.Open(out).ReadAsArray(), want)


if __name__ == '__main__':
    unittest.main()
