"""What is typed to the commands, and what they answer: places and names of arguments, numbers as words, errors in the words of arguments."""
import json
import os
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, VERSION, good, run, write  # noqa: E402

HAS_COMMANDS = VERSION >= (3, 11)


def content(path):
    with open(path, 'rb') as file:
        return file.read()


@unittest.skipUnless(HAS_COMMANDS, 'GDAL %d.%d has no commands of plugins' % VERSION[:2])
class Words(Case):
    @classmethod
    def prepare(cls):
        random = np.random.default_rng(3)
        cls.a = write(cls.path('a.tif'), random.uniform(1, 9, (60, 80)).astype(np.float32))
        cls.b = write(cls.path('b.tif'), random.uniform(1, 9, (30, 40)).astype(np.float32), geotransform=(1004, 20, 0, 5000, 0, -20))
        for name in ('in', 'near', 'far'):
            dataset = ogr.GetDriverByName('GPKG').CreateDataSource(cls.path(name + '.gpkg'))
            layer = dataset.CreateLayer(name, None, ogr.wkbPoint)
            for x, y in random.uniform(0, 100, (20, 2)):
                feature = ogr.Feature(layer.GetLayerDefn())
                feature.SetGeometry(ogr.CreateGeometryFromWkt('POINT (%f %f)' % (x, y)))
                layer.CreateFeature(feature)
            del layer, feature, dataset

    def says(self, *words):
        """What a command that fails says, without its usage."""
        done = run('gdal', 'fishnet', *words)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr.split('Usage:')[0]

    def test_some_by_name(self):
        near, far, source = self.path('near.gpkg'), self.path('far.gpkg'), self.path('in.gpkg')
        out, wanted = self.path('out.csv'), self.path('wanted.csv')
        good('gdal', 'fishnet', 'near', '-i', source, '--near', near, '--near', far, '-o', wanted)
        for words in ((source, near, far, out), (source, near, far, '-o', out), ('-i', source, near, far, out), (near, far, out, '-i', source),
                      (source, '--near', near, '--near', far, out), (source, '--near=' + near, '-j', '1', '--near', far, '-o', out),
                      ('--near', near, source, '--near', far, out), ('-q', near, far, '--output=' + out, '--input=' + source)):
            good('gdal', 'fishnet', 'near', *words)
            self.assertEqual(content(out), content(wanted), words)
            os.unlink(out)
        self.assertIn('Not enough positional values', self.says('near', source, '--near', near))

    def test_numbers_as_words(self):
        size = {}
        for name, words in (('one', ['--extent', '1100,4600,1300,4900', '--resolution', '20,10']),
                            ('many', ['--extent', '1100', '4600', '1300', '4900', '--resolution', '20', '10']),
                            ('projwin', ['--projwin', '1100', '4900', '1300', '4600', '--cell-size', '20', '10'])):
            out = self.path(name + '.tif')
            good('gdal', 'fishnet', 'map', self.a, out, *words)
            dataset = gdal.Open(out)
            size[name] = dataset.RasterXSize, dataset.RasterYSize, dataset.GetGeoTransform()
        self.assertEqual(size['one'][:2], (10, 30))
        self.assertEqual(size['many'], size['one'])
        self.assertEqual(size['projwin'], size['one'])

    def test_overwrite_deletes_nothing_in_vain(self):
        out, table = self.path('old.tif'), self.path('old.csv')
        good('gdal', 'fishnet', 'map', self.a, out)
        good('gdal', 'fishnet', 'near', self.path('in.gpkg'), self.path('near.gpkg'), table)
        before = content(out), content(table)
        self.assertIn("unknown function 'sqr'", self.says('calc', self.a, '--calc', 'sqr(A)', out, '--overwrite'))
        self.assertIn('nosuch', self.says('near', self.path('in.gpkg'), self.path('near.gpkg'), table, '--fields', 'nosuch', '--overwrite'))
        for words in (('--grid', '2x2'), ('--grid', '2x2', '-f', 'GTiff'), ('--co', 'GRID=2x2'), ('--log', '/nonexistent/log.txt')):
            self.says('map', self.a, out, '--overwrite', *words)
        self.assertEqual((content(out), content(table)), before)
        good('gdal', 'fishnet', 'calc', self.a, '--calc', 'A+1', out, '--overwrite')
        self.assertTrue(np.array_equal(gdal.Open(out).ReadAsArray(), gdal.Open(self.a).ReadAsArray() + 1))

    def test_errors_name_arguments(self):
        out = self.path('none.tif')
        for words, wanted in ((('calc', self.a, '--calc', 'A+F', out), 'give one with -i F=<dataset>'),
                              (('calc', self.a, '--calc', 'A', out, '-j', '0'), '--num-threads=0: expected'),
                              (('map', self.a, out, '--cell-size', '0'), '--cell-size=0: expected'),
                              (('calc', '-i', 'A=' + self.a, '-i', 'B=' + self.b, '--calc', 'A+B', '--no-check-crs', out), '--resampling=AUTO resamples B'),
                              (('map', self.a, self.path('t.vrt'), '--grid', '2x2', '--tile-format', 'COGG'), '--tile-format=COGG'),
                              (('map', self.a, out, '--grid', '2x2'), "Argument 'grid' writes tiles: their mosaic"),
                              (('map', self.a, out, '--resume'), "Argument 'resume' writes tiles"),
                              (('map', self.a, out, '--bands', 'first'), "Argument 'bands' is about an expression"),
                              (('near', self.path('in.gpkg'), self.path('near.gpkg'), self.path('n.csv'), '--fields', 'x'), '--fields=x')):
            self.assertIn(wanted, self.says(*words))
        done = run('gdal', 'fishnet', 'calc', self.a, '--calc', 'A', '--ot', 'Byte', out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('values of it become the next to it (--nodata=none switches it off)', done.stderr)

    def test_help_names_arguments(self):
        text = ' '.join(good('gdal', 'fishnet', 'zonal-stats', '--help').split())
        self.assertIn('but for what --extent, --cell-size, --snap and --crs say: the name of an input', text)
        self.assertIn('Attribute filter on the zones', text)
        self.assertIn('Reads in flight where inputs lie beyond a network', text)

    def test_statistics_of_a_recipe_as_a_list(self):
        zones = self.path('zones.gpkg')
        dataset = ogr.GetDriverByName('GPKG').CreateDataSource(zones)
        layer = dataset.CreateLayer('zones', None, ogr.wkbPolygon)
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON ((1100 4600, 1400 4600, 1400 4900, 1100 4600))'))
        layer.CreateFeature(feature)
        del layer, feature, dataset
        recipe = self.path('stats.fishnet.json')
        with open(recipe, 'w') as file:
            json.dump({'type': 'zonal_stats', 'input': 'zones.gpkg', 'raster': 'a.tif', 'stats': ['COUNT', 'MEDIAN'], 'check_crs': 'NO'}, file)
        dataset = gdal.OpenEx(recipe)
        feature = next(iter(dataset.GetLayer(0)))
        self.assertEqual([key for key in feature.items() if key != 'ZONE_FID'], ['COUNT', 'MEDIAN'])


if __name__ == '__main__':
    unittest.main()
