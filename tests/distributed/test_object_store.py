"""Outputs in an object store, of an S3-like server in this process: whole objects under their names, or none."""
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), HERE]

from common import VERSION, Case, good, real, run  # noqa: E402
import object_store  # noqa: E402


class TestObjectStore(Case):
    def setUp(self):
        self.serving = object_store.serve()
        self.store, self.environment = self.serving.__enter__()
        self.addCleanup(self.serving.__exit__, None, None, None)
        with open(real('dem.tif'), 'rb') as file:
            self.store.put('in/dem.tif', file.read())
        self.temporary = self.path(self.id().rpartition('.')[2])
        os.makedirs(self.temporary)
        self.environment['CPL_TMPDIR'] = self.temporary

    def good(self, *words):
        text = good(*words, env=self.environment)
        self.assertEqual(os.listdir(self.temporary), [])
        return text

    def fails(self, *words, says=()):
        done = run(*words, env=self.environment)
        self.assertNotEqual(done.returncode, 0)
        for word in says:
            self.assertIn(word, done.stderr)
        self.assertEqual(os.listdir(self.temporary), [])

    def tiles(self, name, *words):
        return ['gdal_translate', '-q', '-of', 'FISHNET', '-oo', 'CALC=sqrt(abs(A))', '-co', 'TILE_SIZE=600', *words, 'FISHNET:/vsis3/in/dem.tif', name]

    def tiles_on_disk(self):
        good('gdal_translate', '-q', '-of', 'FISHNET', '-oo', 'CALC=sqrt(abs(A))', '-co', 'TILE_SIZE=600', 'FISHNET:' + real('dem.tif'), self.path('disk.vrt'))
        return self.path('disk.vrt')

    def on_disk(self):
        """The bytes of the tiles that the same run makes on a disk, by name."""
        self.tiles_on_disk()
        tiles = {}
        for name in os.listdir(self.path('disk_tiles')):
            if name != 'recipe.txt':
                with open(self.path('disk_tiles/' + name), 'rb') as file:
                    tiles[name] = file.read()
        return tiles

    def same(self, prefix, tiles):
        found = {name[len(prefix):]: self.store.objects[name][0] for name in self.store.names(prefix)}
        self.assertTrue(found.pop('recipe.txt'))
        self.assertEqual(found, tiles)

    def test_tiles(self):
        tiles = self.on_disk()
        for kind in ('THREADS', 'PROCESSES'):
            self.good(*self.tiles('/vsis3/out/deep/x.vrt', '-oo', 'WORKERS=' + kind))
            self.same('out/deep/x_tiles/', tiles)
        self.assertEqual(self.store.names('out/deep/x.'), ['out/deep/x.vrt'])
        puts = [name for method, name in self.store.asked if method == 'PUT']
        self.assertEqual(len(puts), 2 * (len(tiles) + 2))  # each once, under its own name
        self.good(*self.tiles('/vsis3/out/deep/x.vrt', '-co', 'RESUME=YES'))
        self.assertEqual(len([name for method, name in self.store.asked if method == 'PUT']), len(puts) + 1)  # the mosaic

    def test_shares(self):
        tiles = self.on_disk()
        for share in ('2/3', '1/3', '3/3', '2/3'):
            self.good(*self.tiles('/vsis3/out/x.vrt', '-co', 'PARTITION=' + share))
        self.assertEqual(self.store.names('out/x.vrt'), [])
        before = len(self.store.asked)
        self.good(*self.tiles('/vsis3/out/x.vrt', '-co', 'ASSEMBLE=YES'))
        asked = [name for method, name in self.store.asked[before:] if '/out' in name]
        self.assertLess(len(asked), 25)  # no request for each tile
        self.same('out/x_tiles/', tiles)
        self.good(*self.tiles('/vsis3/out/y.vrt', '-co', 'PARTITION=2/3'))
        self.fails(*self.tiles('/vsis3/out/y.vrt', '-co', 'ASSEMBLE=YES'), says=['tiles in /vsis3/out/y_tiles are missing', 'run the shares 1,3 of 3'])
        self.assertEqual(self.store.names('out/y.vrt'), [])

    @unittest.skipIf(VERSION < (3, 9), 'GDAL has no driver GTI')
    def test_tile_index(self):
        want = re.findall('Checksum=.*', good('gdalinfo', '-checksum', self.tiles_on_disk()))
        for name in ('x.gti', 'y.vrt'):
            self.good(*self.tiles('/vsis3/out/' + name, '-co', 'MOSAIC=GTI'))
            self.assertEqual(re.findall('Checksum=.*', self.good('gdalinfo', '-checksum', '/vsis3/out/' + name)), want)
            self.assertIn('out/%s_tiles/index.fgb' % name[0], self.store.names('out/'))

    def test_one_file(self):
        words = ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=SINGLE', '-co', 'COMPRESS=DEFLATE', '-oo', 'CALC=sqrt(abs(A))']
        self.good(*words, 'FISHNET:/vsis3/in/dem.tif', '/vsis3/out/x.tif')
        good(*words, 'FISHNET:' + real('dem.tif'), self.path('x.tif'))
        with open(self.path('x.tif'), 'rb') as file:
            self.assertEqual(self.store.objects['out/x.tif'][0], file.read())
        self.assertEqual(self.store.names('out/'), ['out/x.tif'])

    def test_tables(self):
        for kind, where, option, count in (('NEARTABLE', 'places.shp', 'NEAR=' + real('rivers.shp'), 7322),
                                           ('ZONALSTATS', 'land.shp', 'RASTER=' + real('egm96.gtx'), 7980)):
            words = ['ogr2ogr', '-q', '-f', kind, '-dsco', 'FORMAT=GPKG', '/vsis3/out/%s.vrt' % kind, kind + ':' + real(where), '-oo', option]
            for share in ('1/3', '3/3', '2/3'):
                self.good(*words, '-dsco', 'PARTITION=' + share)
            self.good(*words, '-dsco', 'ASSEMBLE=YES')
            self.assertIn('Feature Count: %d\n' % count, self.good('ogrinfo', '-so', '-al', '/vsis3/out/%s.vrt' % kind))

    def test_partial_results(self):
        """Each is sent once, whole; the table is that of one run on a disk, and they go."""
        table = ['ZONALSTATS:' + real('land.shp'), '-oo', 'RASTER=' + real('egm96.gtx'), '-oo', 'ZONE_FIELD=featurecla', '-oo', 'TILE_SIZE=256',
                 '-oo', 'STATS=COUNT,MEAN,MEDIAN']
        words = ['ogr2ogr', '-q', '-f', 'ZONALSTATS', '-dsco', 'FORMAT=CSV']
        for share in ('1/3', '3/3', '1/3'):
            self.good(*words, '/vsis3/out/x.vrt', *table, '-dsco', 'PARTITION=' + share)
        self.fails(*words, '/vsis3/out/x.vrt', *table, '-dsco', 'ASSEMBLE=YES', says=['part_0001.partial', 'run the shares 2 of 3'])
        self.good(*words, '/vsis3/out/x.vrt', *table, '-dsco', 'PARTITION=2/3')
        puts = [name for method, name in self.store.asked if method == 'PUT' and name.endswith('.partial')]
        self.assertEqual(len(puts), 3)
        self.good(*words, '/vsis3/out/x.vrt', *table, '-dsco', 'ASSEMBLE=YES')
        self.assertEqual([name for name in self.store.names('out/x_parts/') if not name.endswith('.csvt')], ['out/x_parts/part_0000.csv', 'out/x_parts/recipe.txt'])
        good(*words, '-dsco', 'PARTS=1', self.path('x.vrt'), *table)
        with open(self.path('x_parts/part_0000.csv'), 'rb') as file:
            self.assertEqual(self.store.objects['out/x_parts/part_0000.csv'][0], file.read())

    def test_what_is_refused(self):
        """A bucket that denies: an error that names the object, and nothing that looks whole."""
        self.store.refused = r'r001_c002'
        self.fails(*self.tiles('/vsis3/out/x.vrt', '-oo', 'RETRIES=0'), says=['r001_c002.tif cannot be written', 'failed'])
        self.assertEqual(self.store.names('out/x.vrt'), [])
        self.assertNotIn('out/x_tiles/r001_c002.tif', self.store.names())
        self.store.refused = r'recipe.txt'
        self.fails(*self.tiles('/vsis3/out/y.vrt'), says=['recipe.txt cannot be written'])
        self.assertEqual(self.store.names('out/y'), [])
        self.store.refused = r'x\.tif|near'
        self.fails('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=SINGLE', '/vsis3/in/dem.tif', '/vsis3/out/x.tif', says=['x.tif'])
        self.assertEqual(self.store.names('out/x.tif'), [])


if __name__ == '__main__':
    unittest.main()
