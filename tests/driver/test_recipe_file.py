"""Recipe files: a computation that programs open by the name of a file, here or after its folder has moved."""
import json
import os
import re
import shutil
import sys
import unittest
import zipfile

import jsonschema
import numpy as np
from osgeo import gdal, ogr

from common import VERSION, Case, good, real, run, write

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'fishnet.schema.json')


def raster(**keys):
    return dict({'type': 'fishnet_raster', 'inputs': {'A': 'a.tif'}}, **keys)


def near(**keys):
    return dict({'type': 'near_table', 'input': 'p.geojson', 'near': 'q.geojson'}, **keys)


def points(path, xy, names=None):
    features = [{'type': 'Feature', 'properties': {'name': 'n%d' % i, 'kind': i % 2},
                 'geometry': {'type': 'Point', 'coordinates': list(c)}} for i, c in enumerate(xy)]
    with open(path, 'w') as f:
        json.dump({'type': 'FeatureCollection', 'crs': {'type': 'name', 'properties': {'name': 'EPSG:32633'}}, 'features': features}, f)


class WithFiles(Case):
    @classmethod
    def prepare(cls):
        os.makedirs(cls.path('data/deep'))
        os.mkdir(cls.path('elsewhere'))
        rng = np.random.RandomState(20261124)
        cls.a = rng.randint(1, 200, (50, 60)).astype(np.uint8)
        cls.b = rng.randint(1, 200, (50, 60)).astype(np.uint8)
        write(cls.path('data/a.tif'), cls.a)
        write(cls.path('data/deep/b.tif'), cls.b)
        cls.p, cls.q = rng.uniform(0, 1000, (40, 2)), rng.uniform(0, 1000, (30, 2))
        points(cls.path('data/p.geojson'), cls.p)
        points(cls.path('data/q.geojson'), cls.q)
        points(cls.path('data/deep/p.geojson'), cls.p)

    def recipe(self, content, name='data/r.fishnet.json'):
        path = self.path(name)
        with open(path, 'w') as f:
            f.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def read(self, name, band=1, **options):
        dataset = gdal.OpenEx(name, gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=['%s=%s' % o for o in options.items()])
        return dataset.GetRasterBand(band).ReadAsArray()

    def message(self, name, flags=gdal.OF_RASTER, options=()):
        with self.assertRaises(RuntimeError) as caught:
            gdal.OpenEx(name, flags | gdal.OF_VERBOSE_ERROR, open_options=list(options))
        return str(caught.exception)

    def rows(self, name, **options):
        dataset = gdal.OpenEx(name, gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR, open_options=['%s=%s' % o for o in options.items()])
        layer = dataset.GetLayer(0)
        return [dict(f.items(), **({'': f.geometry().ExportToWkt()} if f.geometry() else {})) for f in layer]

    def nearest(self, k=1):
        """(index of p, index of q, distance), in order."""
        distances = np.hypot(*(self.p[:, None, :] - self.q[None, :, :]).transpose(2, 0, 1))
        order = np.argsort(distances, axis=1)[:, :k]
        return [(i, j, distances[i, j]) for i in range(len(self.p)) for j in order[i]]

    def same_rows(self, rows, want):
        self.assertEqual([(r['IN_FID'], r['NEAR_FID']) for r in rows], [(i, j) for i, j, _ in want])
        np.testing.assert_allclose([r['NEAR_DIST'] for r in rows], [d for _, _, d in want], rtol=1e-12)


class Rasters(WithFiles):
    def test_bands(self):
        path = self.recipe(raster(inputs={'A': 'a.tif', 'B': 'deep/b.tif'}, calc=['sqrt(A)', 'A+B'], ot='Float64', description='two bands',
                                  nodata=-1, tile_size='32x16', **{'$schema': 'https://example.org/fishnet.schema.json'}))
        dataset = gdal.Open(path)
        self.assertEqual(dataset.GetDriver().ShortName, 'FISHNET')
        self.assertEqual(dataset.GetDescription(), path)
        self.assertEqual(dataset.RasterCount, 2)
        self.same(dataset.GetRasterBand(1).ReadAsArray(), np.sqrt(self.a.astype(np.float64)))
        self.same(dataset.GetRasterBand(2).ReadAsArray(), self.a.astype(np.float64) + self.b)
        self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), -1)
        self.assertEqual(dataset.GetRasterBand(1).GetBlockSize(), [32, 16])

    def test_tools_from_anywhere(self):
        self.recipe(raster(inputs={'A': 'a.tif', 'B': 'deep/b.tif'}, calc='B-A', ot='Int16'))
        for folder, name in ((self.path('data'), 'r.fishnet.json'), (self.path('elsewhere'), '../data/r.fishnet.json'), ('/', self.path('data/r.fishnet.json'))):
            out = self.path('out.tif')
            good('gdal_translate', '-q', name, out, cwd=folder)
            self.same(gdal.Open(out).ReadAsArray(), self.b.astype(np.int16) - self.a)
            self.assertIn('Driver: FISHNET/', good('gdalinfo', '-stats', name, cwd=folder))
        self.assertEqual([n for n in os.listdir(self.path('elsewhere'))], [])

    def test_as_it_is(self):
        self.same(self.read(self.recipe(raster())), self.a)

    def test_nodata(self):
        for value, want in ((-9999, -9999), ('-9999', -9999), (1.5, 1.5), ('nan', 'nan'), ('none', None), (0.1, 0.1)):
            band = gdal.Open(self.recipe(raster(calc='A', ot='Float64', nodata=value))).GetRasterBand(1)
            got = band.GetNoDataValue()
            self.assertEqual('nan' if got is not None and got != got else got, want, value)
        dataset = gdal.Open(self.recipe(raster(calc='A', ot='UInt64', nodata=18446744073709551615)))
        self.assertEqual(dataset.GetRasterBand(1).GetNoDataValue(), 18446744073709551615)  # all 64 bits

    def test_options_on_top(self):
        path = self.recipe(raster(calc=['A', 'A+1'], num_workers=2, ot='Float64', tile_size=16))
        dataset = gdal.OpenEx(path, open_options=['NUM_WORKERS=1', 'calc=A*2'])
        self.assertEqual(dataset.RasterCount, 1)
        self.same(dataset.ReadAsArray(), self.a * 2.0)
        self.assertEqual(dataset.GetMetadata('FISHNET')['WORKERS'], '1')
        self.assertEqual(gdal.Open(path).GetMetadata('FISHNET')['WORKERS'], '2')
        self.same(self.read(path, 2, B=self.path('data/deep/b.tif')), self.a + 1.0)
        self.same(self.read(path, 1, A=self.path('data/deep/b.tif')), self.b.astype(np.float64))
        parts = [self.read(path, PARTITION='%d/3' % i) for i in (1, 2, 3)]
        self.same(np.concatenate(parts), self.a.astype(np.float64))

    def test_names(self):
        """Each way to name an input, before and after the folder has moved; nothing of the name is in the current folder."""
        home = self.path('home')
        os.makedirs(home + '/in')
        write(home + '/in/a.tif', self.a)
        write(home + '/in/with: colon.tif', self.b)
        write(home + '/b;1 "x".tif', self.b)
        good('gdal_translate', '-q', '-of', 'netCDF', home + '/in/a.tif', home + '/in/a.nc')
        shutil.copy(home + '/in/with: colon.tif', home + '/in/dirs.tif')
        good('gdal_translate', '-q', '-co', 'APPEND_SUBDATASET=YES', home + '/in/a.tif', home + '/in/dirs.tif')
        with zipfile.ZipFile(home + '/in.zip', 'w') as archive:
            archive.write(home + '/in/a.tif', 'deep/a.tif')
            archive.writestr('deep/z.fishnet.json', json.dumps(raster(calc='A+1', ot='Float64')))
            archive.write(home + '/in/with: colon.tif', 'b.tif')
            archive.writestr('deep/up.fishnet.json', json.dumps(raster(inputs={'A': '../b.tif'}, calc='A+1', ot='Float64')))
        with open(home + '/in/inner.fishnet.json', 'w') as f:
            json.dump(raster(inputs={'A': 'a.tif', 'B': '../b;1 "x".tif'}, calc='A+B*0'), f)
        good('gdal_translate', '-q', '-of', 'VRT', 'in/a.tif', 'in/a.vrt', cwd=home)
        absolute = self.path('data/a.tif')
        names = {'in/a.tif': self.a, './in/a.tif': self.a, 'in/../in/a.tif': self.a, absolute: self.a, 'in/with: colon.tif': self.b, 'b;1 "x".tif': self.b,
                 'in/a.vrt': self.a, 'in/inner.fishnet.json': self.a, 'FISHNET:in/a.tif': self.a, 'FISHNET:FISHNET:in/a.tif': self.a,
                 'FISHNET:"in/a.tif"': self.a, 'fishnet:in/inner.fishnet.json': self.a, 'FISHNET:' + absolute: self.a,
                 'NETCDF:in/a.nc:Band1': self.a, 'NETCDF:"in/a.nc":Band1': self.a, 'FISHNET:NETCDF:"in/a.nc":Band1': self.a,
                 'GTIFF_DIR:1:in/dirs.tif': self.b, 'GTIFF_DIR:2:in/dirs.tif': self.a, 'vrt://in/a.tif?bands=1': self.a, '/vsizip/%s/deep/a.tif' % (home + '/in.zip'): self.a}
        for i, name in enumerate(names):
            with open(home + '/n%d.fishnet.json' % i, 'w') as f:
                json.dump(raster(inputs={'A': name, 'B': name}, calc='A*2-B', ot='Float64'), f)
        moved = self.path('moved/away')
        os.mkdir(self.path('moved'))
        for folder in (home, moved):
            if folder == moved:
                shutil.move(home, moved)
            for i, (name, want) in enumerate(names.items()):
                if not (folder == moved and home in name):
                    self.same(self.read(folder + '/n%d.fishnet.json' % i), want.astype(np.float64), name)
            for recipe, want in (('z', self.a), ('up', self.b)):
                self.same(self.read('/vsizip/%s/in.zip/deep/%s.fishnet.json' % (folder, recipe)), want + 1.0)

    def test_memory_files(self):
        with open(self.path('data/a.tif'), 'rb') as f:
            gdal.FileFromMemBuffer('/vsimem/rec/in/a.tif', f.read())
        gdal.FileFromMemBuffer('/vsimem/rec/r/r.fishnet.json', json.dumps(raster(inputs={'A': '../in/a.tif'}, calc='A', ot='Float64', workers='THREADS')))
        self.same(self.read('/vsimem/rec/r/r.fishnet.json'), self.a.astype(np.float64))
        gdal.Unlink('/vsimem/rec/in/a.tif')
        gdal.Unlink('/vsimem/rec/r/r.fishnet.json')

    def test_worker_processes(self):
        """Opened by a relative name, the folder changed, then read: workers start after that."""
        self.recipe(raster(inputs={'A': 'a.tif', 'B': 'deep/b.tif'}, calc='A+B', ot='Float64', workers='PROCESSES', num_workers=2, tile_size=16))
        before = os.getcwd()
        try:
            os.chdir(self.path('data'))
            dataset = gdal.Open('r.fishnet.json')
            os.chdir(self.path('elsewhere'))
            self.same(dataset.ReadAsArray(), self.a + self.b.astype(np.float64))
            self.assertEqual(dataset.GetMetadata('FISHNET')['WORKER_KIND'], 'PROCESSES')
            dataset = None
        finally:
            os.chdir(before)
        self.assertEqual(os.listdir(self.path('elsewhere')), [])

    def test_file_list(self):
        path = self.recipe(raster(inputs={'A': 'a.tif', 'B': 'deep/b.tif'}, calc='A+B'))
        self.assertEqual(gdal.Open(path).GetFileList(), [path, self.path('data/a.tif'), self.path('data/deep/b.tif')])

    def test_vrt_of_a_recipe_moves(self):
        os.makedirs(self.path('v1/d'))
        write(self.path('v1/d/a.tif'), self.a)
        self.recipe(raster(inputs={'A': 'd/a.tif'}, calc='A+1', ot='Float64'), 'v1/r.fishnet.json')
        good('gdal_translate', '-q', '-of', 'VRT', 'r.fishnet.json', 'x.vrt', cwd=self.path('v1'))
        shutil.move(self.path('v1'), self.path('v2'))
        self.same(self.read(self.path('v2/x.vrt')), self.a + 1.0)

    def test_delete_and_overwrite_leave_inputs(self):
        path = self.recipe(raster(calc='A'))
        good('gdal_translate', '-q', '-of', 'GTiff', self.path('data/deep/b.tif'), path)  # over it
        self.assertTrue(os.path.exists(self.path('data/a.tif')))
        self.same(gdal.Open(path).ReadAsArray(), self.b)  # a TIFF, whatever its name
        self.recipe(raster(calc='A'))
        gdal.GetDriverByName('FISHNET').Delete(path)
        self.assertFalse(os.path.exists(path))
        self.assertTrue(os.path.exists(self.path('data/a.tif')))
        with self.assertRaises(RuntimeError):
            gdal.GetDriverByName('FISHNET').Delete('FISHNET:' + self.path('data/a.tif'))
        self.assertTrue(os.path.exists(self.path('data/a.tif')))

    def test_is_not_written(self):
        for words in ([], ['-of', 'FISHNET', '-co', 'CALC=A']):
            out = self.path('out.fishnet.json')
            done = run('gdal_translate', '-q', *words, self.path('data/a.tif'), out)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r'Cannot guess driver|Output driver not found|name has to end in \.vrt')
            self.assertFalse(os.path.exists(out))

    def test_written_in_tiles(self):
        """The recipe's own text belongs to what RESUME compares."""
        os.makedirs(self.path('t/in'))
        shutil.copy(self.path('data/a.tif'), self.path('t/in/a.tif'))
        write_tiles = ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'TILE_SIZE=32', '../t/r.fishnet.json', 'out.vrt']
        for k in (1, 2):
            self.recipe(raster(inputs={'A': 'in/a.tif'}, calc='A*%d' % k, ot='Float64', workers='PROCESSES'), 't/r.fishnet.json')
            os.utime(self.path('t/r.fishnet.json'), (1e9 + k, 1e9 + k))  # it is told by size and second
            if k == 2:
                done = run(*write_tiles, '-co', 'RESUME=YES', cwd=self.path('elsewhere'))
                self.assertNotEqual(done.returncode, 0)
                self.assertIn('made in another way', done.stderr)
            good(*write_tiles, cwd=self.path('elsewhere'))
            self.same(gdal.Open(self.path('elsewhere/out.vrt')).ReadAsArray(), self.a * float(k))
        good('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=SINGLE', 't/r.fishnet.json', 'single.tif', cwd=self.folder)
        self.same(gdal.Open(self.path('single.tif')).ReadAsArray(), self.a * 2.0)
        shutil.rmtree(self.path('elsewhere'))
        os.mkdir(self.path('elsewhere'))

    def test_update_is_refused(self):
        self.assertIn('update', self.message(self.recipe(raster()), gdal.OF_RASTER | gdal.OF_UPDATE))

    def test_identify(self):
        ours = json.dumps(raster())
        for name, content in (('x.json', ours), ('x', ours), ('x.FISHNET.JSON', ours), ('x.fishnet.json', '\ufeff\n ' + ours),
                              ('y.fishnet.json', json.dumps({'description': 'long ' * 500, **raster()})),
                              ('z.fishnet.json', '{ "inputs":{"A":"a.tif"},\n"type"\n:\t"fishnet_raster"}')):
            self.same(self.read(self.recipe(content, 'data/' + name)), self.a, name)
            self.assertNotIn('FISHNET: ', self.message(self.path('data/' + name), gdal.OF_VECTOR))
        # not ours: GDAL's own words
        for name, content in (('n.json', ' ' + json.dumps(near())), ('m.json', '{"type": "raster"}'), ('o.json', '["fishnet_raster"]'),
                              ('b.fishnet.json', 'II*\0\0\0\0'), ('c.json', '{"kind": "fishnet_raster"}'), ('d.json', '{"type": {"type": "fishnet_raster"}}'),
                              ('e.fishnet.json', json.dumps(near())), ('f.fishnet.json', json.dumps({'description': 'long ' * 500, **near()}))):
            self.assertNotIn('FISHNET: ', self.message(self.recipe(content, 'data/' + name)), name)
        self.assertNotIn('FISHNET: ', self.message(self.path('data/missing.fishnet.json')))
        geojson = gdal.OpenEx(self.recipe(json.dumps({'type': 'FeatureCollection', 'features': [
            {'type': 'Feature', 'properties': {'type': 'near_table'}, 'geometry': None}]}), 'data/g.json'))
        self.assertEqual(geojson.GetDriver().ShortName, 'GeoJSON')

    def test_a_recipe_of_itself(self):
        path = self.recipe(raster(inputs={'A': 'r.fishnet.json'}))
        self.assertIn('recursi', self.message(path))


class NearTables(WithFiles):
    def test_rows(self):
        path = self.recipe(near(near=['q.geojson'], closest=2, fields=['name'], near_fields='name, kind', geometry='LINE', location=True,
                                angle=False, description='two of them'))
        rows = self.rows(path)
        self.same_rows(rows, self.nearest(2))
        self.assertEqual([r['name'] for r in rows], ['n%d' % i for i, _, _ in self.nearest(2)])
        self.assertEqual([r['NEAR_name'] for r in rows], ['n%d' % j for _, j, _ in self.nearest(2)])
        self.assertIn('NEAR_X', rows[0])
        self.assertNotIn('NEAR_ANGLE', rows[0])
        self.assertTrue(rows[0][''].startswith('LINESTRING'))

    def test_tools_from_anywhere(self):
        self.recipe(near(near=['deep/../q.geojson']))
        for folder, name in ((self.path('data'), 'r.fishnet.json'), (self.path('elsewhere'), '../data/r.fishnet.json')):
            self.assertIn('NEARTABLE', good('ogrinfo', name, cwd=folder))
            good('ogr2ogr', self.path('out.csv'), name, cwd=folder)
            self.same_rows([{k: float(v) for k, v in r.items()} for r in self.rows(self.path('out.csv'))], self.nearest())
            os.remove(self.path('out.csv'))

    def test_several_near_datasets(self):
        shutil.copy(self.path('data/q.geojson'), self.path('data/odd; name.geojson'))
        rows = self.rows(self.recipe(near(near=['q.geojson', 'odd; name.geojson'], near_layer=['q', 'odd; name']
                                          if self.layer('odd; name.geojson') == 'odd; name' else 'q')))
        self.assertEqual([r['NEAR_DIST'] for r in rows], [r['NEAR_DIST'] for r in self.rows(self.recipe(near()))])
        rows = self.rows(self.recipe(near(near=['q.geojson', 'deep/p.geojson'], exclude_self='NO')))
        self.assertEqual({r['NEAR_DIST'] for r in rows}, {0})  # each point is one of deep/p

    def layer(self, name):
        dataset = ogr.Open(self.path('data/' + name))
        return dataset.GetLayer(0).GetName()

    def test_options(self):
        rows = self.rows(self.recipe(near(where='kind=1', near_where=['kind=0'], match=['kind=kind'], unmatched='NULL')))
        self.assertEqual(len(rows), 20)
        self.assertEqual({r['NEAR_FID'] for r in rows}, {-1})
        rows = self.rows(self.recipe(near(radius='0.1 km', min_radius=10, closest='ALL', distance_unit='km')))
        self.assertTrue(rows and all(0.01 <= r['NEAR_DIST'] <= 0.1 for r in rows))

    def test_options_on_top(self):
        path = self.recipe(near(closest=2))
        self.same_rows(self.rows(path, CLOSEST=1), self.nearest())
        rows = self.rows(path, NEAR=self.path('data/deep/p.geojson'), CLOSEST=1)
        self.assertEqual({r['NEAR_DIST'] for r in rows}, {0})

    def test_worker_processes(self):
        path = self.recipe(near(workers='PROCESSES', num_workers=2, partition_size=7))
        self.same_rows(self.rows(path), self.nearest())

    def test_in_a_vrt_that_moves(self):
        os.makedirs(self.path('n1/d'))
        for name in 'pq':
            shutil.copy(self.path('data/%s.geojson' % name), self.path('n1/d/'))
        self.recipe(near(input='d/p.geojson', near='d/q.geojson'), 'n1/r.fishnet.json')
        with open(self.path('n1/x.vrt'), 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource relativeToVRT="1">r.fishnet.json</SrcDataSource>'
                    '<SrcLayer>%s_near</SrcLayer></OGRVRTLayer></OGRVRTDataSource>' % self.layer('p.geojson'))
        shutil.move(self.path('n1'), self.path('n2'))
        self.same_rows(self.rows(self.path('n2/x.vrt')), self.nearest())

    def test_written_in_parts(self):
        os.makedirs(self.path('w'))
        self.recipe(near(workers='PROCESSES'))
        good('ogr2ogr', '-f', 'NEARTABLE', 'near.vrt', '../data/r.fishnet.json', '-dsco', 'FORMAT=CSV', cwd=self.path('w'))
        rows = self.rows(self.path('w/near.vrt'))
        self.same_rows([{k: float(v) for k, v in r.items() if k} for r in rows], self.nearest())

    def test_file_list(self):
        path = self.recipe(near())
        self.assertEqual(gdal.OpenEx(path, gdal.OF_VECTOR).GetFileList(), [path, self.path('data/p.geojson'), self.path('data/q.geojson')])

    def test_delete_leaves_inputs(self):
        path = self.recipe(near())
        gdal.GetDriverByName('NEARTABLE').Delete(path)
        self.assertFalse(os.path.exists(path))
        self.assertTrue(os.path.exists(self.path('data/p.geojson')) and os.path.exists(self.path('data/q.geojson')))


class Broken(WithFiles):
    def wrong(self, content, *words, flags=gdal.OF_RASTER):
        message = self.message(self.recipe(content), flags)
        for word in (self.path('data/r.fishnet.json'),) + words:
            self.assertIn(word, message)

    def test_syntax(self):
        text = json.dumps(raster(calc='A'), indent=1)
        lines = text.split('\n')
        for i in range(1, len(lines) - 1):  # a comma or bracket too many at the start of each line
            self.wrong('\n'.join(lines[:i] + [']' + lines[i]] + lines[i + 1:]), 'line %d: not JSON: ' % (i + 1))
        self.wrong(text + '\njunk', 'line %d: not JSON: ' % (text.count('\n') + 2))
        for n in range(1, len(text)):
            self.assertIn('not JSON', self.message(self.recipe(text[:n])), n)
        self.wrong('text', 'not JSON')
        nul = '{"type": "fishnet_raster",\n "inputs": {"A": "a.tif"%s},\n "calc": ["A%s"]}'
        for text, line in ((nul % ('', '\\u0000B'), 3), (nul % (', "B\\u0000": "b.tif"', ''), 2), (nul % ('', '\\\\\\u0000B'), 3)):
            self.wrong(text, 'line %d: ' % line, 'NUL')
        self.assertNotIn('NUL', self.message(self.recipe(nul % ('', ' + \\\\u0000'))))  # a backslash, then letters
        with open(self.path('data/r.fishnet.json'), 'wb') as f:
            f.write(b'{"type": "fishnet_raster", "inputs": {"A": "\xf5.tif"}}')
        self.assertIn('not UTF-8', self.message(self.path('data/r.fishnet.json')))
        self.wrong('[]', 'expected a JSON object')
        self.wrong('"fishnet_raster"', 'expected a JSON object')
        self.wrong('null', 'line 1: not JSON: it ends too early')
        self.wrong(json.dumps(raster(description='x' * 2000000)), 'larger than 1 MB')
        self.wrong('{"type": "fishnet_raster", "inputs": ' + '[' * 100000, 'not JSON')

    def test_keys(self):
        for content, words in (
                (raster(retires=1), ('retires: there is no such key', '"retries"')), (raster(CALC='A'), ('CALC', '"calc"')),
                (raster(zzzzzzzz=1), ('zzzzzzzz: there is no such key',)), (raster(near='x'), ('near: there is no such key',)),
                (raster(input='a.tif'), ('input: there', '"inputs"')),
                ({'type': 'fishnet_raster'}, ('inputs: is missing',)), (raster(inputs={}), ('inputs: is empty',)),
                (raster(inputs=['a.tif']), ('inputs: expected an object',)), (raster(inputs={'A': 'a.tif', 'A-B': 'x'}), ('inputs.A-B: expected a name',)),
                (raster(inputs={'A': 'a.tif', '1': 'x'}), ('inputs.1: expected a name',)), (raster(inputs={'S': []}, calc='1'), ('inputs.S: is empty',)),
                (raster(inputs={'S': ['a.tif', 1]}, calc='1'), ('inputs.S[1]: expected a string',)), (raster(inputs={'A': 'a.tif', 'B': 3}, calc='A'), ('inputs.B: expected a string',)),
                (raster(inputs={'A': 'a.tif', 'B': ''}, calc='A'), ('inputs.B: is empty',)), (raster(calc=['A', 5]), ('calc[1]: expected a string',)),
                (raster(calc=['A', ' ']), ('calc[1]: ', 'empty')), (raster(calc=[]), ('calc: is empty',)), (raster(calc=3), ('calc: expected a string or an array',)),
                (raster(calc='A', ot='float33'), ('ot: OT=float33',)), (raster(calc='A', nodata='x'), ('nodata: NODATA=x',)),
                (raster(calc='A', nodata=[1]), ('nodata: expected a number or a string',)), (raster(calc='A', nodata=None), ('nodata: expected a number or a string',)),
                (raster(tile_size='512x'), ('tile_size: TILE_SIZE=512x',)), (raster(tile_size=0), ('tile_size: ',)), (raster(workers=4), ('workers: expected a string',)),
                (raster(workers='FORKS'), ('workers: WORKERS=FORKS',)), (raster(num_workers=0), ('num_workers: ',)), (raster(retries=1.5), ('retries: ',)),
                (raster(description=1), ('description: expected a string',)), (raster(ot='Byte'), ('needs an expression',)), (raster(type='x'), ('type: expected fishnet_raster, near_table or zonal_stats',)),
                (raster(type=1), ('type: ',)), (raster(inputs={'A': 'none.tif'}), (self.path('data/none.tif'),))):
            if words[0] == self.path('data/none.tif'):
                self.assertIn(words[0], self.message(self.recipe(content)))
            else:
                self.wrong(content, *words)

    def test_near_keys(self):
        for content, words in (
                (near(nearest='x'), ('nearest: there is no such key',)), (near(calc='A'), ('calc: there is no such key',)),
                ({'type': 'near_table', 'near': 'x'}, ('input: is missing',)), (near(input=1), ('input: expected a string',)), (near(near=[]), ('near: is empty',)),
                (near(near=['q.geojson', 1]), ('near[1]: expected a string',)), (near(closest=0), ('closest: CLOSEST=0',)), (near(closest=1.5), ('closest: ',)),
                (near(location='maybe'), ('location: LOCATION=maybe',)), (near(location=1), ('location: expected true, false or',)), (near(radius='5 furlong'), ('radius: ',)),
                (near(fields=['name', '']), ('fields[1]: is empty',)), (near(method='FAST'), ('method: ',)), (near(match='='), ('match: ',))):
            self.wrong(content, *words, flags=gdal.OF_VECTOR)
        message = self.message(self.recipe({'type': 'near_table', 'input': 'p.geojson'}), gdal.OF_VECTOR)
        self.assertIn('NEAR is not given', message)


class Damaged(WithFiles):
    def test_damaged(self):
        """Bytes changed, taken away, doubled: a dataset or an error that names the file, never a crash. Seed: FISHNET_SEED."""
        seed = int(os.environ.get('FISHNET_SEED', 1))
        rng = np.random.RandomState(seed)
        whole = [json.dumps(raster(inputs={'A': 'a.tif', 'B': 'deep/b.tif'}, calc=['A+B', 'A'], ot='Float32', nodata=-1, tile_size='16x16', retries=1)),
                 json.dumps(near(near=['q.geojson'], fields=['name'], radius='2 km', match='kind=kind', location=True))]
        opened = 0
        for i in range(1500):
            text = bytearray(whole[i % 2].encode())
            for _ in range(rng.randint(1, 4)):
                at = rng.randint(len(text))
                action = rng.randint(4)
                if action == 0:
                    text[at] = rng.randint(1, 256)
                elif action == 1:
                    del text[at:at + rng.randint(1, 8)]
                elif action == 2:
                    text[at:at] = text[at:at + rng.randint(1, 20)]
                else:
                    text[at] = b'{}[],:"0-e.'[rng.randint(11)]
            with open(self.path('data/r.fishnet.json'), 'wb') as f:
                f.write(text)
            try:
                dataset = gdal.OpenEx(self.path('data/r.fishnet.json'), gdal.OF_RASTER | gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
                opened += dataset is not None
            except RuntimeError as error:
                self.assertTrue(str(error), (seed, i, bytes(text)))
        self.assertGreater(opened, 10)


class Schema(WithFiles):
    """The schema and the driver say the same of the same file."""
    GOOD = [raster(), raster(calc='A'), raster(calc=['A', 'A+1']), raster(inputs={'A': 'a.tif', 'Z': 'deep/b.tif'}, calc='A+Z'), raster(inputs={'b': 'a.tif'}), raster(inputs={'NoData_2': 'a.tif', 'S': ['deep/b.tif', 'a.tif'], 'T': 'deep/b*.tif'}, calc='max(S,T)'),
            raster(inputs={'red': 'a.tif'}, calc='red', input_oo=['red=NUM_THREADS=1']),
            raster(calc='A', ot='Float32', nodata='nan'), raster(calc='A', nodata='none'), raster(a_oo='NUM_THREADS=1'), raster(a_oo=['NUM_THREADS=1', 'SPARSE_OK=YES']), raster(calc='A', nodata=-9999), raster(calc='A', nodata='-1e3', ot='Float32'),
            raster(calc='A', bands='ALL', flatten=True, propagate_nodata='YES', unscale=True), raster(calc='A', bands='FIRST', flatten='NO'), raster(check_extent=False, check_crs='KNOWN'), raster(check_crs=True),
            raster(tile_size=512), raster(tile_size='512x256'), raster(tile_size='AUTO'), raster(tile_size=16, partition='2/3'), raster(cache_mb=64), raster(cache_mb='64'),
            raster(calc='A', on_error='NODATA', nodata=0), raster(on_error='FAIL'), raster(workers='THREADS'), raster(workers='PROCESSES'),
            raster(num_workers=3), raster(num_workers='ALL_CPUS'), raster(threads_per_worker=2), raster(retries=0), raster(retries='3'), raster(task_timeout=0.5),
            raster(task_timeout='60'), raster(description=''), raster(**{'$schema': 'x'}),
            near(), near(near=['q.geojson', 'deep/p.geojson']), near(layer='p'), near(near_layer='q'), near(where='kind=1', near_where='kind=0'),
            near(closest=3), near(closest='ALL', radius=100), near(radius='500m'), near(radius='.5 km', min_radius=0), near(method='PLANAR'), near(distance_unit='us-ft'),
            near(location=True, angle='YES', along=False), near(exclude_self=True), near(exclude_self='AUTO'), near(match='kind=kind'), near(match=['kind=kind', 'name=name']),
            near(unmatched='NULL'), near(geometry='LINE'), near(fields='*', near_fields=['name', 'kind']), near(partition_size=10), near(partition_size='AUTO'),
            near(partition='1/2'), near(oo='A=1;B=2', near_oo=['A=1', 'B=x;y']), near(workers='PROCESSES', num_workers=1, retries=1, task_timeout=10, threads_per_worker=1),
            {'type': 'near_table', 'input': 'p.geojson', 'near_layer': 'p'}]
    BAD = [{}, {'type': 'fishnet_raster'}, {'inputs': {'A': 'a.tif'}}, raster(type='raster'), raster(type=None), raster(inputs={}), raster(inputs='a.tif'),
           raster(inputs={'_B': 'a.tif'}), raster(inputs={'NODATA': 'a.tif'}), raster(inputs={'A': 1}), raster(inputs={'A': ''}), raster(inputs={'A': 'a.tif', 'A-A': 'a.tif'}, calc='A'),
           raster(inputs={'S': []}, calc='1'), raster(inputs={'S': ['a.tif', '']}, calc='1'), raster(inputs={'S': {'A': 'a.tif'}}, calc='1'), raster(input='A=a.tif'),
           raster(inputs={'A': 'a.tif', 'B': 'a.tif'}), raster(calc=[]), raster(calc=''), raster(calc=['A', ' ']), raster(calc=[1]), raster(calc={'1': 'A'}), raster(calc=None),
           raster(ot='Byte'), raster(a_oo=[]), raster(a_oo=1), raster(ab_oo='X=1'), raster(nodata=1), raster(calc='A', ot='CFloat32'), raster(calc='A', ot=8), raster(calc='A', nodata='x'), raster(calc='A', nodata=True),
           raster(calc='A', bands='EACH'), raster(calc='A', bands=2), raster(calc='A', flatten='maybe'), raster(calc='A', propagate_nodata=1), raster(calc='A', unscale='maybe'), raster(check_extent='KNOWN'), raster(check_crs='ANY'),
           raster(tile_size=0), raster(tile_size=65537), raster(tile_size='512x'), raster(tile_size=[512, 512]), raster(tile_size=1.5), raster(partition='3'), raster(partition=1),
           raster(partition='0/3'), raster(cache_mb=0), raster(cache_mb='x'), raster(on_error='IGNORE'), raster(trace='t.json'), raster(workers='FORKS'), raster(workers=2),
           raster(num_workers=0), raster(num_workers=2000), raster(num_workers='two'), raster(threads_per_worker=0), raster(retries=-1), raster(retries=101), raster(retries=0.5),
           raster(task_timeout=-1), raster(task_timeout='1 h'), raster(description=5), raster(inputs={'A': 'a.tif'}, B='b.tif'), raster(compute='A'), raster(near='q.geojson'),
           {'type': 'near_table'}, {'type': 'near_table', 'near': 'q.geojson'}, {'type': 'near_table', 'input': 'p.geojson'}, near(input=['p.geojson']), near(near=[]),
           near(near=['']), near(near=1), near(near={'A': 'q.geojson'}), near(closest=0), near(closest=-1), near(closest=1.5), near(closest='some'), near(radius=-1), near(radius='1 league'),
           near(method='ELLIPSOIDAL'), near(distance_unit='league'), near(location='maybe'), near(location=1), near(exclude_self=1), near(match=''), near(match=[]),
           near(unmatched='KEEP'), near(geometry='POINT'), near(geometry=True), near(fields=[]), near(fields=['name', '']), near(fields=1), near(partition_size=0), near(partition='2'),
           near(workers='x'), near(calc='A'), near(inputs={'A': 'a.tif'}), near(where=''), near(near_where=1), near(oo='A'), near(oo=['=1']), near(near_oo=''),
           near(geometry_field=''), near(near_geometry_field=1)]

    @classmethod
    def prepare(cls):
        super().prepare()
        with open(SCHEMA) as f:
            schema = json.load(f)
        cls.validator = jsonschema.Draft202012Validator(schema)
        cls.validator.check_schema(schema)
        cls.schema = schema

    def opens(self, content):
        try:
            return gdal.OpenEx(self.recipe(content), gdal.OF_RASTER | gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR) is not None
        except RuntimeError:
            return False

    def test_good(self):
        for content in self.GOOD:
            self.assertEqual([e.message for e in self.validator.iter_errors(content)], [], content)
            self.assertTrue(gdal.OpenEx(self.recipe(content), gdal.OF_RASTER | gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR), content)

    def test_bad(self):
        for content in self.BAD:
            self.assertFalse(self.validator.is_valid(content), content)
            self.assertFalse(self.opens(content), content)

    def test_it_has_the_open_options_and_no_others(self):
        import xml.etree.ElementTree as tree
        for driver, kind in (('FISHNET', 'fishnet_raster'), ('NEARTABLE', 'near_table'), ('ZONALSTATS', 'zonal_stats')):
            options = {o.get('name').lower() for o in tree.fromstring(gdal.GetDriverByName(driver).GetMetadataItem('DMD_OPENOPTIONLIST'))}
            options = {name for name in options if len(name) > 1 and name != 'input'}  # a key of its own
            keys = set(self.schema['$defs'][kind]['properties']) - {'type', '$schema', 'description', 'inputs', 'input', 'output', 'creation_options'}
            patterns = self.schema['$defs'][kind].get('patternProperties', {})
            letters = {name for name in options if any(re.search(pattern, name) for pattern in patterns)}  # a_oo to z_oo
            self.assertEqual(len(letters), 26 * len(patterns))
            self.assertEqual(keys | letters, options)
            self.assertEqual(gdal.GetDriverByName(driver).GetMetadataItem('DMD_EXTENSIONS'), 'fishnet.json')
            for key in options:  # what the driver itself knows
                content = {'type': kind, 'inputs' if kind == 'fishnet_raster' else 'input': 1, key: {}}
                self.assertNotIn('no such key', self.message(self.recipe(content), gdal.OF_RASTER | gdal.OF_VECTOR))


if __name__ == '__main__':
    unittest.main()
