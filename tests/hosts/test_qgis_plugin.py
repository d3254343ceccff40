"""The plugin for QGIS: each algorithm without a window, by qgis_process, in models, with bad input and cancelled; and its dialogs in QGIS itself."""
import csv
import json
import os
import re
import shlex
import shutil
import sys
import unittest
import zipfile

from hosts import Case, answer, end, need, patience, real, tree

import numpy as np
from osgeo import gdal, ogr

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = ('.shp', '.shx', '.dbf', '.prj')


def qgis_process():
    """Debian's script around it hands QGIS 3.22 an option that it does not know."""
    with open('/usr/bin/qgis_process') as f:
        return '/usr/bin/qgis_process' if 'QGIS_OPTS=' in f.read() else '/usr/bin/qgis_process.bin'


class Plugin(Case):
    @classmethod
    def prepare(cls):
        need('python3-qgis', 'qgis', 'xvfb', 'xauth')
        cls.data, cls.out, cls.home = (cls.path(name) for name in ('data', 'out', 'home'))
        for folder in (cls.data, cls.out, cls.home):
            os.mkdir(folder, 0o700)
        for name in [stem + ending for stem in ('places', 'rivers') for ending in SHAPE]:
            shutil.copy(real(name), cls.data)
        cls.dem, cls.other, cls.moved = cls.at('dem.tif'), cls.at('other.tif'), cls.at('moved.tif')
        source = gdal.Open(real('dem.tif'))
        gdal.Translate(cls.dem, source, srcWin=[100, 100, 400, 300])
        gdal.Translate(cls.other, cls.dem, scaleParams=[[0, 10000, 0, 1000]])
        gdal.Translate(cls.moved, source, srcWin=[200, 200, 400, 300])
        cls.half = cls.at('half.tif')
        gdal.Translate(cls.half, cls.dem, widthPct=50, heightPct=50)
        gdal.BuildVRT(cls.at('two.vrt'), [cls.dem, cls.other], separate=True)
        gdal.Translate(cls.at('large.vrt'), source, format='VRT', widthPct=400, heightPct=400)
        cls.values = gdal.Open(cls.dem).ReadAsArray().astype(np.float64)
        cls.prepare_sheets()
        cls.made = tree(cls.data)
        cls.plugins = os.environ['FISHNET_QGIS_PLUGINS']

    @classmethod
    def prepare_sheets(cls):
        """Four zones along the edges of cells."""
        dem = gdal.Open(cls.dem)
        west, dx, _, north, _, dy = dem.GetGeoTransform()
        shapes = ogr.GetDriverByName('ESRI Shapefile').CreateDataSource(cls.at('sheets.shp'))
        layer = shapes.CreateLayer('sheets', dem.GetSpatialRef(), ogr.wkbPolygon)
        layer.CreateField(ogr.FieldDefn('name', ogr.OFTString))
        for i in range(4):
            left, top = west + i % 2 * 200 * dx, north + i // 2 * 150 * dy
            right, bottom = left + 200 * dx, top + 150 * dy
            feature = ogr.Feature(layer.GetLayerDefn())
            feature['name'] = 'sheet %d' % i
            feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON((%r %r,%r %r,%r %r,%r %r,%r %r))' % (
                left, bottom, right, bottom, right, top, left, top, left, bottom)))
            layer.CreateFeature(feature)

    @classmethod
    def at(cls, name):
        return os.path.join(cls.data, name)

    def to(self, name):
        return os.path.join(self.out, name)

    def run_all(self, *jobs, folder=None):
        """[(algorithm, parameters, cancel)] in one QGIS, in that folder."""
        found = end(sys.executable, '-W', 'ignore', os.path.join(HERE, 'qgis_algorithms.py'), json.dumps(jobs), folder=folder or self.home,
                    env={'QT_QPA_PLATFORM': 'offscreen', 'QGIS_CUSTOM_CONFIG_PATH': self.home, 'PYTHONDONTWRITEBYTECODE': '1'})
        self.assertEqual([name for name in tree(self.data) if name not in self.made and not name.endswith('.aux.xml')], [])
        return answer(found)

    def good(self, found):
        self.assertTrue(found['ok'], found['said'])
        self.assertEqual(found['parts'], sorted(found['parts']))
        return found

    @staticmethod
    def rows(file, layer=0):
        dataset = gdal.OpenEx(file, gdal.OF_VECTOR)
        return [{feature.GetFieldDefnRef(i).GetName(): feature.GetField(i) for i in range(feature.GetFieldCount())} for feature in dataset.GetLayer(layer)]

    @staticmethod
    def words(found):
        return '\n'.join(text for _, text in found['said'])

    def test_rasters(self):
        calc = 'sqrt(A) + B'
        lazy = {'INPUTS': [self.dem, self.other], 'NAMES': 'a,b', 'EXPRESSION': 'a - b; a', 'ON_THE_FLY': True, 'OUTPUT': self.to('lazy.tif')}
        source = {'raster': 'FISHNET:%s|option:CALC=A*2' % self.dem}
        root, made, other, stack, lazy, grid, tiles, steps = self.run_all(
            ['rasterexpression', {'INPUTS': [self.dem, self.other], 'EXPRESSION': calc, 'OUTPUT': self.to('root.tif')}, False],
            ['rasterexpression', {'INPUTS': [source], 'EXPRESSION': 'A+1', 'DATA_TYPE': 'Int32', 'NODATA': '-9', 'OUTPUT': self.to('made.tif')}, False],
            ['rasterexpression', {'INPUTS': [self.dem], 'EXPRESSION': 'A', 'OUTPUT': self.to('other.img')}, False],
            ['rasterexpression', {'INPUTS': [self.dem, self.other, self.dem], 'NAMES': 'x,S*', 'EXPRESSION': 'x - max(S)', 'OUTPUT': self.to('stack.tif')}, False],
            ['rasterexpression', lazy, False],
            ['rasterexpression', {'INPUTS': [self.dem, self.moved], 'EXPRESSION': 'A - B', 'EXTENT_OF': 'INTERSECTION', 'OUTPUT': self.to('grid.tif')}, False],
            ['tiles', {'INPUTS': [self.dem], 'EXPRESSION': 'A*3', 'COLUMNS': 2, 'ROWS': 3, 'OUTPUT': self.to('tiles.tif'), 'LOG': self.to('log.txt')}, False],
            ['pipeline', {'INPUT': self.at('large.vrt'), 'PROCESSES': True, 'NUM_WORKERS': 2, 'OUTPUT': self.to('large.tif')}, False])
        read = lambda name: gdal.Open(self.to(name)).ReadAsArray()  # noqa: E731
        second = gdal.Open(self.other).ReadAsArray().astype(np.float64)
        np.testing.assert_array_equal(read('root.tif'), (np.sqrt(self.values) + second).astype(np.float32))
        self.assertEqual(self.good(root)['parts'][-1], 100)
        np.testing.assert_array_equal(read('made.tif'), np.floor(self.values * 2 + 1.5))
        self.assertEqual(gdal.Open(self.to('made.tif')).GetRasterBand(1).GetNoDataValue(), -9)
        self.assertTrue(self.good(other) and self.good(made))
        self.assertEqual(gdal.Open(self.to('other.img')).GetDriver().ShortName, 'HFA')
        np.testing.assert_array_equal(read('stack.tif'), np.float32(self.values - np.maximum(second, self.values)))
        self.assertEqual(self.good(lazy)['results']['OUTPUT'], self.to('lazy.vrt'))
        np.testing.assert_array_equal(read('lazy.vrt'), np.float32([self.values - second, self.values]))
        self.assertFalse(os.path.exists(self.to('lazy.tif')))
        self.good(grid)
        self.assertTrue((read('grid.tif') == 0).all())
        self.assertEqual(read('grid.tif').shape, (200, 300))
        self.assertEqual(self.good(tiles)['results']['OUTPUT'], self.to('tiles.vrt'))
        self.assertEqual(len(os.listdir(self.to('tiles_tiles'))), 7)
        with open(self.to('log.txt')) as f:
            self.assertEqual(f.read().count(' done '), 6)
        np.testing.assert_array_equal(read('tiles.vrt'), np.float32(self.values * 3))
        self.good(steps)
        np.testing.assert_array_equal(read('large.tif'), gdal.Open(self.at('large.vrt')).ReadAsArray())

    def test_near(self):
        memory = {'memory': [['Paris', 2.35, 48.86], ['Berlin', 13.4, 52.5]]}
        near = self.at('rivers.shp')
        whole, one, text, memory, chosen, appended = self.run_all(
            ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': near, 'FIELDS': ['name'], 'NEAR_FIELDS': ['name'], 'OUTPUT': self.to('near.gpkg')}, False],
            ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': near, 'CLOSEST': 0, 'RADIUS': '20km', 'GEOMETRY': 'NONE', 'OUTPUT': self.to('all.gpkg')}, False],
            ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': near, 'RADIUS': '5km', 'UNMATCHED': True, 'LOCATION': True, 'DISTANCE_UNIT': 'km',
                           'OUTPUT': self.to('near.csv')}, False],
            ['neartable', {'INPUT': memory, 'NEAR': near, 'FIELDS': ['name'], 'NEAR_FIELDS': ['name'], 'OUTPUT': self.to('memory.fgb')}, False],
            ['neartable', {'INPUT': {'file': self.at('places.shp'), 'selected': [17, 4], 'subset': '"name" <> \'\''}, 'NEAR': near, 'OUTPUT': self.to('two.gpkg')}, False],
            ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': near, 'OUTPUT': "ogr:dbname='%s' table=\"again\" (geom)" % self.to('near.gpkg')}, False])
        table = gdal.OpenEx('NEARTABLE:' + self.at('places.shp'), gdal.OF_VECTOR, open_options=['NEAR=' + near, 'FIELDS=name', 'NEAR_FIELDS=name'])
        want = [{feature.GetFieldDefnRef(i).GetName(): feature.GetField(i) for i in range(feature.GetFieldCount())} for feature in table.GetLayer(0)]
        self.assertEqual(self.rows(self.to('near.gpkg')), want)
        self.assertEqual(self.good(whole)['parts'][-1], 100)
        self.good(one)
        self.assertTrue(0 < len(self.rows(self.to('all.gpkg'))) < len(want))
        dataset = gdal.OpenEx(self.to('all.gpkg'))
        self.assertEqual(dataset.GetLayer(0).GetGeomType(), ogr.wkbNone)
        self.good(text)
        with open(self.to('near.csv'), newline='') as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(len(rows), len(want))
        self.assertTrue(all(any(value.startswith('LINESTRING') for value in row.values()) and float(row['NEAR_DIST']) <= 5 for row in rows if row['NEAR_FID'] != '-1'))
        self.assertIn('FIDs are those of the copy', self.words(self.good(memory)))
        self.assertEqual([row['name'] for row in self.rows(self.to('memory.fgb'))].count('Paris'), 1)
        self.good(chosen)
        self.assertEqual([row['IN_FID'] for row in self.rows(self.to('two.gpkg'))], [4, 17])
        self.good(appended)
        self.assertEqual(len(self.rows(self.to('near.gpkg'), 'again')), len(want))
        self.assertEqual(self.rows(self.to('near.gpkg')), want)

    def test_zonal_statistics_and_models(self):
        """Models are saved, and opened again."""
        sheets, steps = self.at('sheets.shp'), int(gdal.VersionInfo()) >= 3110000
        halves = {'STEPS': 'scale --no-clip --input-min 0 --input-max 2 --output-min 0 --output-max 1'} if steps else {}
        plain, long, model, pipeline = self.run_all(
            ['zonalstatistics', {'INPUT': sheets, 'INPUTS': [self.dem, self.other], 'EXPRESSION': 'A+B', 'STATS': ['COUNT', 'MEAN'], 'PERCENTILES': '50', 'FIELDS': ['name'],
                                 'OUTPUT': self.to('zonal.gpkg')}, False],
            ['zonalstatistics', {'INPUT': sheets, 'INPUTS': [self.other], 'HISTOGRAM': 'LONG', 'SHAPES': False, 'OUTPUT': self.to('classes.gpkg')}, False],
            ['model', {'MODEL': {'last': 'zonalstatistics', 'INPUT': sheets, 'INPUTS': 'calc', 'STATS': ['MAX']}, 'RASTER': self.dem, 'result': self.to('model.gpkg')}, False],
            ['model', {'MODEL': {'last': 'pipeline', 'INPUT': 'calc', **halves}, 'RASTER': self.dem, 'result': self.to('model.tif')}, False])
        self.good(plain), self.good(long)
        second = gdal.Open(self.other).ReadAsArray()
        for i, row in enumerate(self.rows(self.to('zonal.gpkg'))):
            part = np.s_[i // 2 * 150:i // 2 * 150 + 150, i % 2 * 200:i % 2 * 200 + 200]
            block = self.values[part] + second[part]
            self.assertEqual((row['COUNT'], row['name'], row['PCT50']), (30000, 'sheet %d' % i, np.median(block)))
            self.assertAlmostEqual(row['MEAN'], block.mean(), delta=1e-9)
        self.assertEqual(sum(row['COUNT'] for row in self.rows(self.to('classes.gpkg'))), 120000)
        self.assertTrue(model['ok'], model['said'])
        self.assertEqual([row['MAX'] for row in self.rows(self.to('model.gpkg'))],
                         [2 * self.values[y:y + 150, x:x + 200].max() for y in (0, 150) for x in (0, 200)])
        self.assertTrue(pipeline['ok'], pipeline['said'])
        np.testing.assert_array_equal(gdal.Open(self.to('model.tif')).ReadAsArray(), np.float32(self.values * (1 if steps else 2)))
        self.assertEqual({name for name in os.listdir(self.home) if name.endswith('.model3')}, {'zonalstatistics.model3', 'pipeline.model3'})

    def test_names_of_layers(self):
        """Expressions as QGIS's raster calculator writes them: [expression, names, titles of layers, what the driver gets or an error, a doubt]."""
        two, sentinel = ['dem', 'land sat'], ['B02', 'B03', 'B02']
        cases = [('"dem@1" - "land sat@4"', '', two, 'A[1] - B[4]', ''), ('dem*2+dem@3', '', two, 'A*2+A[3]', ''), ('dem[2] - A', '', two, 'A[2] - A', ''),
                 ('x - "dem@2"', 'x,y', two, 'x - x[2]', ''), ('"y@2"', 'x,y', two, 'y[2]', ''), ('max("dem@2", S[2])', 'S*', two, 'max(item(S[2], 1), S[2])', ''),
                 ('where(dem==dem, e, pi)', '', ['dem', 'e'], 'where(A==A, e, pi)', ''), ('"e@1"', '', ['dem', 'e'], 'B[1]', ''),
                 ('slope(slope, edge=edge, z=2)', '', ['slope', 'edge'], 'slope(A, edge=edge, z=2)', ''), ("A.astype('dem').dem", '', two, "A.astype('dem').dem", ''),
                 ('A.astype("float32") + focal_mean(A, 3, edge="fill")', '', two, 'A.astype("float32") + focal_mean(A, 3, edge="fill")', ''),
                 ('np.sqrt(np)', '', ['np'], 'np.sqrt(A)', ''), ('1e3 + 0x1F + e3', '', ['e3'], '1e3 + 0x1F + A', ''), ('"a@b@2"', '', ['a@b'], 'A[2]', ''),
                 ('B - A', '', ['B', 'A'], 'B - A', 'A is the input B, not the layer that is called A: write "A@1" for that.'),
                 ('"B@1" - "A@1"', '', ['B', 'A'], 'A[1] - B[1]', ''), ('"B03@1"', '', sentinel, 'B[1]', ''),
                 ('1+"B02@1"', '', sentinel, '"B02" at position 3 is what several inputs are called: write A or C', None),
                 ('2*"x@1"', 'S*', two, '"x" at position 3 is no input: there is S (2 rasters)', None),
                 ('dum@1', '', two, '"dum" at position 1 is no input: there is A (dem), B (land sat)', None)]
        jobs = [['expression', {'text': text, 'names': names, 'titles': titles}, False] for text, names, titles, _, _ in cases]
        *translated, plain, zonal = self.run_all(
            *jobs, ['rasterexpression', {'INPUTS': [self.dem, self.other], 'EXPRESSION': '"dem@1"*2 + other', 'OUTPUT': self.to('named.tif')}, False],
            ['zonalstatistics', {'INPUT': self.at('sheets.shp'), 'INPUTS': [self.dem], 'EXPRESSION': '"dem@1"*2', 'STATS': ['MAX'], 'OUTPUT': self.to('named.gpkg')}, False])
        for (text, _, _, want, doubt), found in zip(cases, translated):
            with self.subTest(text):
                self.assertEqual(found if doubt is None else [found[0], found[2]], want if doubt is None else [want, doubt])
                self.assertTrue(doubt is None or len(found[1]) == len(want))
        self.assertIn('"dem@1"*2 + other is computed as A[1]*2 + B', self.words(self.good(plain)))
        np.testing.assert_array_equal(gdal.Open(self.to('named.tif')).ReadAsArray(), np.float32(self.values * 2 + gdal.Open(self.other).ReadAsArray()))
        self.good(zonal)
        self.assertEqual(max(row['MAX'] for row in self.rows(self.to('named.gpkg'))), 2 * self.values.max())

    def test_choices(self):
        """What is given is done, what is not given is not: grids, tiles, fields; numbers for words; and what QGIS alone knows is warned of."""
        sheets, both = self.at('sheets.shp'), [self.dem, self.half]
        own = {'raster': self.dem, 'nodata': [[5, 5], [7, 9]]}
        auto, number, plain, size, preset, lazy, fields, none, group, warned, database = self.run_all(
            ['rasterexpression', {'INPUTS': both, 'EXPRESSION': 'A-B', 'RESAMPLING': 'AUTO', 'OUTPUT': self.to('auto.tif')}, False],
            ['rasterexpression', {'INPUTS': both, 'EXPRESSION': 'A-B', 'RESAMPLING': 2, 'COMPRESS': 'none', 'SNAP': 'A', 'OUTPUT': self.to('number.tif')}, False],
            ['tiles', {'INPUTS': [self.dem], 'COLUMNS': 2, 'OUTPUT': self.to('two.vrt')}, False],
            ['tiles', {'INPUTS': [self.dem], 'TILE_SIZE': 100, 'OUTPUT': self.to('size.vrt')}, False],
            ['tiles', {'INPUTS': [self.dem], 'OUTPUT': self.to('one.vrt')}, False],
            ['rasterexpression', {'INPUTS': [self.dem], 'EXPRESSION': 'A', 'OUTPUT': self.to('notfly.vrt')}, False],
            ['zonalstatistics', {'INPUT': sheets, 'INPUTS': both, 'RESAMPLING': 'AUTO', 'NUM_WORKERS': 2, 'STATS': '0,MAX', 'OUTPUT': self.to('fields.gpkg')}, False],
            ['zonalstatistics', {'INPUT': sheets, 'INPUTS': [self.at('two.vrt')], 'BAND': '2', 'HISTOGRAM': 'LONG', 'FIELDS': [], 'OUTPUT': self.to('none.gpkg')}, False],
            ['zonalstatistics', {'INPUT': sheets, 'INPUTS': [self.dem], 'ZONE_FIELD': 'name', 'OUTPUT': self.to('group.gpkg')}, False],
            ['rasterexpression', {'INPUTS': [own], 'EXPRESSION': 'A', 'OUTPUT': self.to('own.tif')}, False],
            ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': self.at('rivers.shp'), 'OUTPUT': 'ogr:dbname="%s" table="t" (geom)' % self.to('quoted.gpkg')}, False])
        self.assertIn('is resampled by bilinear', self.words(self.good(auto)))
        self.assertIn('RESAMPLING=NEAR', self.words(self.good(number)))
        self.assertIn('SNAP=A', self.words(number))
        self.assertIn('GRID=2x1', self.words(self.good(plain)))
        self.good(size), self.good(preset)
        self.assertEqual([len(os.listdir(self.to(name + '_tiles'))) for name in ('size', 'one')], [13, 2])
        self.assertIn('notfly.vrt holds no values', self.words(self.good(lazy)))
        self.assertEqual(self.words(self.good(fields)).count('is resampled by'), 1)
        dataset = gdal.OpenEx(self.to('fields.gpkg'))
        self.assertEqual(dataset.GetLayer(0).GetGeomType(), ogr.wkbMultiPolygon)
        self.assertEqual(list(self.rows(self.to('fields.gpkg'))[0]), ['ZONE_FID', 'dem_COUNT', 'dem_MAX', 'half_COUNT', 'half_MAX', 'name'])
        self.assertIn('in the place of STATS', self.words(self.good(none)))
        self.assertNotIn('name', self.rows(self.to('none.gpkg'))[0])
        self.assertIn('has no shapes', self.words(self.good(group)))
        self.assertIn('additional NoData 5, 7 to 9 of band 1', self.words(self.good(warned)))
        self.good(database)
        self.assertIn('NEAR_name', self.rows(self.to('quoted.gpkg'), 't')[0])

    def test_bad_input(self):
        """Errors in the words of the driver, or ours; nothing is written, and what was there stays."""
        with open(self.to('there.tif'), 'w') as f:
            f.write('something of others')
        raster = lambda **more: ['rasterexpression', {'INPUTS': [self.dem], 'EXPRESSION': 'A', 'OUTPUT': self.to('bad.tif'), **more}, False]  # noqa: E731
        near = lambda **more: ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': self.at('rivers.shp'), 'OUTPUT': self.to('bad.gpkg'), **more}, False]  # noqa: E731
        zonal = lambda **more: ['zonalstatistics', {'INPUT': self.at('sheets.shp'), 'INPUTS': [self.dem], 'OUTPUT': self.to('bad.gpkg'), **more}, False]  # noqa: E731
        tiles = lambda **more: ['tiles', {'INPUTS': [self.dem], 'OUTPUT': self.to('bad.vrt'), **more}, False]  # noqa: E731
        cases = [(raster(EXPRESSION='sqrt(A', OUTPUT=self.to('there.tif')), 'at position 1'), (raster(EXPRESSION='A+B'), "'B'"), (raster(NAMES='1a'), 'no name'),
                 (raster(NAMES='a,b'), '2 names are given for 1'), (raster(INPUTS=[self.dem, self.moved], EXPRESSION='A-B'), 'EXTENT'),
                 (raster(OPTIONS='NONSENSE'), 'NAME=VALUE'), (raster(OPTIONS='CALK=3'), 'CALK'), (raster(OUTPUT='/nowhere/bad.tif'), '/nowhere/bad.tif'),
                 (raster(OUTPUT=self.dem), 'dem.tif'), (raster(OUTPUT='/nowhere/bad.img'), '/nowhere/bad.img'), (near(RADIUS='5 furlongs'), 'furlongs'),
                 (near(CLOSEST=0), 'give a radius'), (near(MATCH='nothing=name'), 'nothing'), (near(OUTPUT=self.at('places.shp')), 'is an input, too'),
                 (near(OUTPUT='/nowhere/bad.gpkg'), '/nowhere/bad.gpkg'), (near(OUTPUT="postgres://table=\"x\""), 'to a file only'),
                 (raster(OUTPUT='memory:'), 'to a file only, not to memory:'), (raster(EXPRESSION='A+B'), 'give one more in INPUTS'),
                 (raster(EXPRESSION='"damm@1"*2'), '"damm" at position 1 is no input: there is A (dem)'), (raster(COMPRESS=99), 'COMPRESS'),
                 (raster(INPUTS=[self.dem, self.half], EXPRESSION='A-B', RESAMPLING='NONE'), 'RESAMPLING=AUTO resamples B'),
                 (tiles(TILE_SIZE=100, COLUMNS=2), 'TILE_SIZE'), (zonal(HISTOGRAM='LONG', STATS=['MEAN']), 'HISTOGRAM=LONG has columns of its own'),
                 (zonal(STATS=['WEIGHTED_MEAN']), 'give a raster in WEIGHTS'),
                 (['zonalstatistics', {'INPUT': self.at('sheets.shp'), 'INPUTS': [self.dem], 'EXPRESSION': 'A[2]', 'OUTPUT': self.to('bad.gpkg')}, False], 'band 2'),
                 (['tiles', {'INPUTS': [self.dem], 'EXPRESSION': '', 'NAMES': '', 'OPTIONS': 'GRIT=1', 'OUTPUT': self.to('bad.vrt')}, False], 'GRIT')]
        for (job, words), found in zip(cases, self.run_all(*(job for job, _ in cases))):
            with self.subTest(words):
                self.assertFalse(found['ok'])
                self.assertIn(words, '\n'.join(text for kind, text in found['said'] if kind == 'error'))
        self.assertEqual([name for name in tree(self.out) if 'bad' in name], [])
        with open(self.to('there.tif')) as f:
            self.assertEqual(f.read(), 'something of others')

    def test_cancelled(self):
        """At the first sign of progress, by each driver: an end without a result, and without a half-written file. Tiles that are whole stay."""
        large = self.at('large.vrt')
        jobs = [['rasterexpression', {'INPUTS': [large], 'EXPRESSION': 'focal_median(A, 15)', 'OUTPUT': self.to('stopped.tif')}, True],
                ['rasterexpression', {'INPUTS': [large], 'EXPRESSION': 'focal_median(A, 15)', 'OUTPUT': self.to('stopped.img')}, True],
                ['neartable', {'INPUT': self.at('places.shp'), 'NEAR': self.at('rivers.shp'), 'OUTPUT': self.to('stopped.gpkg')}, True],
                ['zonalstatistics', {'INPUT': self.at('sheets.shp'), 'INPUTS': [self.dem], 'OUTPUT': self.to('stopped2.gpkg')}, True]]
        tiles = {'INPUTS': [large], 'EXPRESSION': 'A*2', 'COLUMNS': 4, 'ROWS': 4, 'OUTPUT': self.to('goes_on.vrt')}
        jobs.append(['tiles', tiles, True])
        *found, resumed = self.run_all(*jobs, ['tiles', {**tiles, 'RESUME': True}, False])
        for job, one in zip(jobs, found):
            with self.subTest(job[0]):
                self.assertFalse(one['ok'])
                self.assertIn('Cancelled.', self.words(one))
        self.assertEqual([name for name in tree(self.out) if 'stopped' in name], [])
        self.good(resumed)
        self.assertEqual(gdal.Open(self.to('goes_on.vrt')).ReadAsArray(0, 0, 9, 9).tolist(), (2 * gdal.Open(large).ReadAsArray(0, 0, 9, 9)).tolist())

    def test_qgis_process(self):
        """The zip, unpacked as QGIS does it and switched on; the doctor, and an expression."""
        profile = os.path.join(self.home, 'process')
        self.unpack(os.path.join(profile, 'plugins'))
        env = {'QT_QPA_PLATFORM': 'offscreen', 'QGIS_CUSTOM_CONFIG_PATH': profile, 'QGIS_PLUGINPATH': os.path.join(profile, 'plugins')}
        end(qgis_process(), 'plugins', 'enable', 'fishnet', folder=self.home, env=env)
        found = end(qgis_process(), 'run', 'fishnet:rasterexpression', '--', 'INPUTS=' + self.dem, 'EXPRESSION=A+1', 'OUTPUT=' + self.to('process.tif'),
                    folder=self.home, env=env)
        self.assertIn('process.tif', found)
        np.testing.assert_array_equal(gdal.Open(self.to('process.tif')).ReadAsArray(), np.float32(self.values + 1))
        found = end(qgis_process(), 'run', 'fishnet:doctor', folder=self.home, env=env)
        self.assertIn('ok     driver           ZONALSTATS is registered', found)
        self.assertIn('self-test', found)
        missing = end(qgis_process(), 'run', 'fishnet:doctor', folder=self.home, env=dict(env, GDAL_DRIVER_PATH=self.out))
        self.assertIn('there is no gdal_FISHNET.so in ' + self.out, missing)
        self.assertRegex(missing, r'WRONG:\t3')

    def test_commands_of_the_page(self):
        """Those of docs/QGIS.md, as they stand there, in a copy of the sample data; its recipe, and its names of layers."""
        folder, jobs = self.path('sample'), []
        shutil.copytree(os.environ['FISHNET_SAMPLE'], folder)
        with open(os.path.join(HERE, '..', '..', 'docs', 'QGIS.md'), encoding='utf-8') as f:
            page = f.read()
        name, recipe = re.search(r'`(\w+\.fishnet\.json)`:\n\n```json\n(.*?)```', page, re.S).groups()
        with open(os.path.join(folder, name), 'w') as f:
            f.write(recipe)
        for line in re.findall(r'(?m)^    qgis_process run (.*)', page):
            algorithm, *words = shlex.split(line)
            given = {}
            for word in words[1:]:
                given.setdefault(word.split('=', 1)[0], []).append(word.split('=', 1)[1])
            jobs.append([algorithm, {key: values if key in ('INPUTS', 'STATS') else values[0] for key, values in given.items()}, False])
        layers = re.findall(r'(?m)^    ((?:FISHNET|NEARTABLE|ZONALSTATS):\S.*)', page)
        self.assertEqual((len(jobs), len(layers)), (8, 4))
        found = self.run_all(*jobs, *(['layer', {'string': text.replace('/data/', folder + '/')}, False] for text in layers), folder=folder)
        for (name, given, _), one in zip(jobs, found):
            self.good(one)
            if 'OUTPUT' in given:
                self.assertIsNotNone(gdal.OpenEx(os.path.join(folder, given['OUTPUT'])), name)
        for one in found[len(jobs):]:
            self.good(one)

    def unpack(self, folder):
        with zipfile.ZipFile(os.path.join(self.plugins, 'fishnet-qgis.zip')) as archive:
            self.assertTrue(all(member.startswith('fishnet/') for member in archive.namelist()))
            for member in ('metadata.txt', 'LICENSE', '__init__.py', 'icon.svg', 'docs/FISHNET.md', 'docs/QGIS.md'):
                self.assertIn('fishnet/' + member, archive.namelist())
            archive.extractall(folder)

    def test_dialogs(self):
        """In QGIS as one starts it: filled in, run, cancelled. FISHNET_PICTURES: where pictures of them go."""
        profile = os.path.join(self.home, 'profiles', 'default')
        self.unpack(os.path.join(profile, 'python', 'plugins'))
        os.makedirs(os.path.join(profile, 'QGIS'))
        with open(os.path.join(profile, 'QGIS', 'QGIS3.ini'), 'w') as f:
            f.write('[PythonPlugins]\nfishnet=true\nprocessing=true\n')
        pictures = os.environ.get('FISHNET_PICTURES', self.out)
        os.makedirs(pictures, exist_ok=True)
        text = end('xvfb-run', '-a', '-s', '-screen 0 1280x1024x24', 'qgis', '--nologo', '--noversioncheck', '--profiles-path', self.home, '--code',
                   os.path.join(HERE, 'qgis_dialogs.py'), folder=self.home, env={'DIALOGS': json.dumps({'data': self.data, 'out': self.out, 'pictures': pictures, 'patience': patience(1)}), 'QGIS_PLUGINPATH': ''}, timeout=200)
        found = json.loads([line for line in text.split('\n') if line.startswith('{"')][-1])
        self.assertEqual(found['inputs'], ['A   dem', 'B   other'])
        self.assertIn("unknown function 'wehre' (did you mean 'where'?) at position 11", found['mistake'])
        self.assertEqual(found['marked'], ['w'])
        self.assertEqual(found['bands'], ['A   two', 'A[1]   Band 1', 'A[2]   Band 2'])
        self.assertEqual(found['marked_behind'], [[11, 'w']])
        self.assertTrue(found['help'])
        if gdal.GetDriverByName('FISHNET').GetMetadataItem('FUNCTIONS'):
            self.assertIn('slope(x)', found['searched'])
        for name in ('expression', 'near', 'zonal', 'tiles', 'pipeline', 'doctor'):
            self.assertIn('Execution completed', found[name + '_log'], name)
        for name in ('raster_batch', 'near_batch'):
            self.assertEqual(found[name].count('Execution completed'), 2, found[name])
        for i in (2, 3):
            np.testing.assert_array_equal(gdal.Open(self.to('times%d.tif' % i)).ReadAsArray(), np.float32(self.values * i))
        self.assertEqual(2 * len(self.rows(self.to('closest1.gpkg'))), len(self.rows(self.to('closest2.gpkg'))))
        self.assertIn('Cancelled.', found['cancelled']['log'])
        self.assertEqual(found['cancelled']['left'], [])
        self.assertLess(found['cancelled']['seconds'], patience(10))
        self.assertEqual(found['links'], ['SimpleLine', 'MarkerLine'])
        for name in ('places near rivers', 'sheets: A*0.3048', 'sqrt(A) + where(B > 3, 1, 0)', 'sqrt(A), tiles', 'sqrt(A*0.3048)'):
            self.assertIn(name, found['layers'])


if __name__ == '__main__':
    unittest.main()
