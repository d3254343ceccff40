"""gdal fishnet zonal-stats: against the driver's own output, and against gdal raster zonal-stats on the same line."""
import os
import shutil
import unittest

import numpy as np
from osgeo import gdal, ogr

from test_commands import HAS_COMMANDS, VERSION, Commands, Shares, content, fishnet, good, layers, rows, run, write

# Of upstream's arguments; docs/COMMANDS.md lists them.
LACKING = {'input-format', 'output-open-option', 'upsert', 'skip-errors'}


def star(random, middle):
    """A polygon in general position: no vertex or edge meets a centre or an edge of a cell."""
    angle = np.sort(random.uniform(0, 2 * np.pi, random.integers(5, 30)))
    radius = random.uniform(50, 600, len(angle))
    points = [(middle[0] + r * np.cos(a), middle[1] + r * np.sin(a)) for a, r in zip(angle, radius)]
    return 'POLYGON ((%s))' % ','.join('%r %r' % (float(x), float(y)) for x, y in points + points[:1])


class TestZonalStats(Shares):
    LAYER = ('--zones', 'zones.gpkg', '--zones-layer', 'zones')
    OURS = {'stdev': 'STD', 'mode': 'MAJORITY', 'weighted_stdev': 'WEIGHTED_STD'}
    EMPTY = 7  # a zone beyond the raster

    @classmethod
    def prepare(cls):
        super().prepare()
        random = np.random.default_rng(11)
        cls.c = write(cls.path('c.tif'), random.integers(-50, 50, (2, 300, 400)).astype(np.int16), nodata=-50)
        write(cls.path('numbers.tif'), random.integers(0, 30, (2, 300, 400)).astype(np.int16))
        write(cls.path('w.tif'), random.uniform(0, 3, (2, 300, 400)))
        dataset = ogr.GetDriverByName('GPKG').CreateDataSource(cls.path('zones.gpkg'))
        srs = gdal.Open(cls.a).GetSpatialRef()
        for name, count in (('zones', 30), ('few', 2)):
            layer = dataset.CreateLayer(name, srs, ogr.wkbPolygon)
            layer.CreateField(ogr.FieldDefn('name', ogr.OFTString))
            layer.CreateField(ogr.FieldDefn('a,b', ogr.OFTInteger))
            for i in range(count):
                feature = ogr.Feature(layer.GetLayerDefn())
                feature['name'], feature['a,b'] = 'Z%d' % i, i
                middle = random.uniform((1000, 2000), (5000, 5000)) + (10000 * (i == cls.EMPTY), 0)
                feature.SetGeometry(ogr.CreateGeometryFromWkt(star(random, middle)))
                layer.CreateFeature(feature)
        del layer, dataset

    def test_shares(self):
        self.check(('zonal-stats', '-i', 'c.tif', *self.LAYER, '--parts', '4'), 'shares.vrt', more=(('--resume',), ('--assemble',)))

    def test_one_file(self):
        words = ('gdal', 'fishnet', 'zonal-stats', 'c.tif', 'mine.csv', *self.LAYER, '--stat', 'mean', '--include-field', 'name')
        done = run(*words, env={'CPL_DEBUG': 'FISHNET'}, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('mine.csv are encoded by the workers', done.stderr)
        good('ogr2ogr', 'theirs.csv', 'ZONALSTATS:zones.gpkg', '-oo', 'LAYER=zones', '-oo', 'RASTER=c.tif', '-oo', 'STATS=mean', '-oo', 'FIELDS=name',
             cwd=self.folder)
        self.assertEqual(content(self.path('mine.csv')), content(self.path('theirs.csv')))

    def table(self, *words):
        """Columns by name, of a run into a new file."""
        fishnet('zonal-stats', *words, '-o', 'mine.gpkg', '--overwrite', cwd=self.folder)
        names, found = rows(self.path('mine.gpkg'))
        return dict(zip(names, zip(*found)))

    def both(self, *line):
        """Columns of upstream's command and of ours on the same line, in which OUT is the output."""
        tables = []
        for word in 'raster', 'fishnet':
            words = [word + '.gpkg' if w == 'OUT' else w for w in line]
            good('gdal', word, 'zonal-stats', *words, '--overwrite', cwd=self.folder)
            names, found = rows(self.path(word + '.gpkg'))
            tables.append(dict(zip(names + ['geometry'], zip(*found))))
        return tables

    def same_as_gdal(self, line, tolerance):
        """tolerance: relative, of what is no count."""
        theirs, mine = self.both(*line)
        self.assertEqual(mine.pop('ZONE_FID'), tuple(range(1, 31)))
        self.assertEqual(len(mine), len(theirs))
        for name, values in theirs.items():
            if name in ('geometry', 'name', 'a,b'):
                self.assertEqual(mine[name], values)
                continue
            stat, _, band = name.partition('_band_')
            got = mine[('B%s_' % band if band else '') + self.OURS.get(stat, stat.upper())]
            self.assertEqual(got[self.EMPTY], 0 if stat == 'count' else None)
            within = [i for i in range(30) if i != self.EMPTY]
            if stat == 'count' and 'fractional' not in line:
                self.assertEqual([got[i] for i in within], [values[i] for i in within])
            for i in within:
                delta = tolerance * max(1, abs(values[i]))
                self.assertAlmostEqual(got[i], values[i], delta=delta, msg='%s %d' % (name, i))

    def test_rows_are_those_of_gdal(self):
        """Lines of upstream's with one word replaced. GDAL sums in doubles, and has fractions in single precision."""
        if VERSION < (3, 13):
            print('GDAL %s has no gdal raster zonal-stats as 3.13 has it: nothing to compare with' % gdal.__version__)
            return
        exact = ('--stat', 'count', '--stat', 'min', '--stat', 'max', '--stat', 'sum', '--stat=variety,minority')
        for tolerance, line in (
                (0, ('c.tif', 'OUT', *self.LAYER, *exact, '--band=2')),
                (1e-12, ('-i', 'c.tif', '-o', 'OUT', *self.LAYER, *exact, '--stat', 'mean', '-b', '1', '-b', '2',
                         '--strategy', 'raster', '--chunk-size', '1MB')),
                (1e-12, ('--zones', 'zones.gpkg', '--zones-layer=zones', '--stat=count,mean,stdev,variance,min,max,sum',
                         'a.tif', 'OUT', '--pixels', 'default')),
                (1e-6, ('a.tif', 'OUT', *self.LAYER, '--stat=count,mean,stdev', '--pixels', 'fractional',
                        '--include-field=name')),
                (1e-9, ('a.tif', 'OUT', *self.LAYER, '--weights', 'w.tif', '--weights-band', '2',
                        '--stat=count,weighted_mean,weighted_sum,weighted_stdev,weighted_variance')),
                (0, ('a.tif', 'OUT', *self.LAYER, '--stat=count,min,max', '--pixels', 'all-touched',
                     '--include-field', 'ALL')),
                (0, ('a.tif', 'OUT', *self.LAYER, '--stat=count', '--include-geom', '--include-field', 'NONE',
                     '-f', 'GPKG', '--lco', 'FID=number', '-q'))):
            with self.subTest(' '.join(line)):
                self.same_as_gdal(line, tolerance)

    def test_raster_of_zones(self):
        """A row for each number."""
        if VERSION < (3, 13):
            return
        for band in '1', '2':
            theirs, mine = self.both('c.tif', 'OUT', '--zones', 'numbers.tif', '--zones-band', band, '--band=1',
                                     '--stat=count,min,max,sum,variety')
            self.assertEqual(mine.pop('VALUE'), tuple(range(30)))
            self.assertEqual({name.lower(): values for name, values in mine.items()},
                             {name: values for name, values in theirs.items() if name != 'value'})

    def test_arguments_of_gdal(self):
        """What upstream's command has and ours has not is what the page says."""
        if VERSION < (3, 13):
            return
        mine, theirs = (set(gdal.Algorithm(word, 'zonal-stats').GetArgNames()) for word in ('fishnet', 'raster'))
        self.assertEqual(theirs - mine, LACKING)

    def test_rows_are_those_of_the_driver(self):
        for arguments, options in (
                ((), ()),
                (('--stat', 'mean', '--stat', 'quantile(q=0.9),PCT99.9', '--pixels', 'touched', '--nodata', 'spread',
                  '--alpha', 'ignore', '--invalid', 'fail', '--include-geom', '--include-field=name',
                  '--where', "name <> 'Z3'", '--band', '1', '--geometry-field', 'geom',
                  '--partition', '1/2', '--partition-size', '7', '-j', '3',
                  '--workers', 'processes', '--retries', '1', '--threads-per-worker', '1', '--task-timeout', '60',
                  '--tile-size', '256x64', '--oo', 'NUM_THREADS=1', '--zones-oo', 'LIST_ALL_TABLES=NO'),
                 ('STATS=MEAN,PCT90,PCT99.9', 'PIXELS=TOUCHED', 'NODATA=SPREAD', 'ALPHA=IGNORE', 'INVALID=FAIL',
                  'GEOMETRY=ZONE', 'FIELDS=name', "WHERE=name <> 'Z3'", 'BAND=1', 'PARTITION=1/2')),
                (('--fields', '*', '--pixels', 'fraction'), ('FIELDS=*', 'PIXELS=FRACTION')),
                (('--zone-field', 'name', '--stat=count'), ('ZONE_FIELD=name', 'STATS=COUNT')),
                (('--calc', 'A+A[2]', '--calc', 'A*2', '--percentiles', '10,90'),
                 ('CALC=A+A[2]', 'CALC=A*2', 'PERCENTILES=10,90')),
                (('--weights', 'area', '--stat=weighted_mean'), ('WEIGHTS=AREA', 'STATS=WEIGHTED_MEAN')),
                (('--histogram', 'wide', '--band=1', '--on-error', 'nodata'), ('HISTOGRAM=WIDE', 'BAND=1', 'ON_ERROR=NODATA'))):
            fishnet('zonal-stats', 'c.tif', 'mine.gpkg', '--overwrite', *self.LAYER, *arguments, cwd=self.folder)
            words = [word for option in ('LAYER=zones', 'RASTER=c.tif', *options) for word in ('-oo', option)]
            good('ogr2ogr', '-overwrite', 'theirs.gpkg', 'ZONALSTATS:zones.gpkg', *words, cwd=self.folder)
            mine, theirs = rows(self.path('mine.gpkg')), rows(self.path('theirs.gpkg'))
            self.assertGreater(len(mine[1]), 10)
            self.assertEqual(mine, theirs)
            self.assertEqual(list(layers(self.path('mine.gpkg'))), ['zones_stats'])

    def test_fields(self):
        def columns(*words):
            return list(self.table('c.tif', *self.LAYER, '--band=1', '--stat=mean', *words))
        self.assertEqual(columns(), ['ZONE_FID', 'MEAN'])
        self.assertEqual(columns('--include-field', 'none'), ['ZONE_FID', 'MEAN'])
        for words in (('--include-field', 'name', '--fields', '"a,b"'), ('--include-field', 'all'), ('--fields', '*'),
                      ('--fields', 'name,"a,b"')):
            self.assertEqual(columns(*words), ['ZONE_FID', 'MEAN', 'name', 'a,b'], words)

    def test_several_rasters(self):
        """Before the output, with and without -o; one with a semicolon in its name."""
        shutil.copy(self.a, self.path('x;y.tif'))
        for words in (('a.tif', 'b.tif', 'x;y.tif', 'several.csv'), ('a.tif', 'b.tif', 'x;y.tif', '-o', 'several.csv'),
                      ('-i', 'a.tif', '-i', 'b.tif', '-i', 'x;y.tif', '-o', 'several.csv')):
            fishnet('zonal-stats', *words, *self.LAYER, '--stat=mean', '--overwrite', cwd=self.folder)
            names, found = rows(self.path('several.csv'))
            self.assertEqual(names, ['ZONE_FID', 'a_MEAN', 'b_MEAN', 'x;y_MEAN'])
            self.assertEqual([row[1] for row in found], [row[3] for row in found])
        mean = self.table('FISHNET:a.tif', '--oo', 'CALC=A*2', *self.LAYER, '--stat=mean')['MEAN']
        for twice, row in zip(mean, found):
            self.assertAlmostEqual(0 if twice is None else twice, 2 * float(row[1] or 0), delta=1e-9)

    def test_parts(self):
        words = ('zonal-stats', 'c.tif', 'p.vrt', *self.LAYER, '--parts', '3', '--part-format', 'GPKG',
                 '--part-lco', 'FID=number')
        fishnet(*words, cwd=self.folder)
        self.assertEqual(len([name for name in os.listdir(self.path('p_parts')) if name.endswith('.gpkg')]), 3)
        fishnet('zonal-stats', 'c.tif', 'whole.gpkg', *self.LAYER, '--overwrite', cwd=self.folder)
        self.assertEqual(rows(self.path('p.vrt'))[1], rows(self.path('whole.gpkg'))[1])
        os.remove(self.path('p.vrt'))
        fishnet(*words, '--resume', cwd=self.folder)
        self.assertEqual(rows(self.path('p.vrt'))[1], rows(self.path('whole.gpkg'))[1])

    def test_into_what_is_there(self):
        """Beside the zones too, which are read meanwhile; never in place of an input."""
        shutil.copy(self.path('zones.gpkg'), self.path('itself.gpkg'))
        words = ('zonal-stats', 'c.tif', '--zones', 'itself.gpkg', '--zones-layer', 'zones', '-o', 'itself.gpkg')
        self.refused_command(*words, says=["'itself.gpkg' already exists", '--overwrite'])
        for name in 'itself.gpkg', 'c.tif':
            before = content(self.path(name))
            self.refused_command(*words[:-1], name, '--overwrite', says=["Argument 'output'", name, 'is an input'])
            self.assertEqual(content(self.path(name)), before)
        fishnet(*words, '--update', '--output-layer', 'stats', cwd=self.folder)
        fishnet('zonal-stats', 'c.tif', *self.LAYER, '-o', 'there.gpkg', cwd=self.folder)
        self.assertEqual(rows(self.path('itself.gpkg'), 'stats'), rows(self.path('there.gpkg')))
        fishnet('zonal-stats', 'c.tif', *self.LAYER, '-o', 'there.gpkg', '--append', '--output-layer', 'zones_stats',
                cwd=self.folder)
        self.assertEqual(len(rows(self.path('there.gpkg'))[1]), 60)

    def test_gdalg(self):
        """Rasters and zones are relative to the file, which moves with them."""
        stats = '--stat=mean,weighted_mean'
        want = self.table('c.tif', *self.LAYER, '--weights', 'w.tif', stats)
        os.makedirs(self.path('box/deep'))
        for name in 'c.tif', 'zones.gpkg', 'w.tif':
            shutil.copy(self.path(name), self.path('box/deep'))
        fishnet('zonal-stats', 'box/deep/c.tif', 'box/z.gdalg.json', '--zones', 'box/deep/zones.gpkg',
                '--zones-layer', 'zones', stats, '--weights', 'box/deep/w.tif', cwd=self.folder)
        os.rename(self.path('box'), self.path('moved'))
        names, found = rows(self.path('moved/z.gdalg.json'))
        self.assertEqual(dict(zip(names, zip(*found))), want)
        self.refused_command('zonal-stats', 'c.tif', 'bad.gdalg.json', *self.LAYER, '--parts', '2', says=["'parts'"],
                             absent='bad.gdalg.json')

    def test_python(self):
        want = self.table('c.tif', *self.LAYER, '--stat=mean')
        arguments = {'input': self.c, 'zones': self.path('zones.gpkg'), 'zones_layer': 'zones', 'stat': ['mean']}
        for form in ('MEM', 'stream'):
            with gdal.Run('fishnet', 'zonal-stats', output_format=form, **arguments) as alg:
                output = alg.Output()
                self.assertEqual(tuple(feature['B2_MEAN'] for feature in output.GetLayer(0)), want['B2_MEAN'])
                del output
        zones = gdal.OpenEx(self.path('zones.gpkg'))
        arguments.update(input=[gdal.Open(self.c)], zones=zones, include_geom=True, include_field=['a,b'], band=[2])
        with gdal.alg.fishnet.zonal_stats(output='', output_format='stream', **arguments) as alg:
            output = alg.Output()
            found = [(feature['MEAN'], feature['a,b'], feature.GetGeometryRef().ExportToWkb())
                     for feature in output.GetLayer(0)]
            shapes = [feature.GetGeometryRef().ExportToWkb() for feature in zones.GetLayerByName('zones')]
            self.assertEqual(found, list(zip(want['B2_MEAN'], range(30), shapes)))
            del output

    def test_errors(self):
        whole = ('c.tif', *self.LAYER)
        for words, says in (
                (('nope.tif', *self.LAYER), ['nope.tif']), (('c.tif', '--zones', 'nope.gpkg'), ['nope.gpkg']),
                (('c.tif',), ["Required argument 'zones' has not been specified"]), (self.LAYER, ['INPUT']),
                (('c.tif', '--zones', 'zones.gpkg'), ['zones.gpkg', 'zones, few']), ((*whole[:-1], 'nope'), ['nope']),
                ((*whole, '--stat', 'maen'), ['maen', 'MEAN']), ((*whole, '--stat', 'coverage'), ['coverage']),
                ((*whole, '--stat', 'unique'), ["'stat'", 'unique', 'variety']),
                ((*whole, '--stat', 'mean,min_center_x'), ["'stat'", 'min_center_x', 'min_x']),
                ((*whole, '--pixels', 'some'), ["'pixels'", "'some'"]), ((*whole, '-b', '3'), ['BAND', '3']),
                ((*whole, '-b', '0'), ['--band=0']), ((*whole, '--include-field', 'nope'), ['nope']),
                ((*whole, '--strategy', 'fast'), ["'strategy'", "'fast'"]),
                (('c.tif', self.wide(), *self.LAYER), ['wide.tif']),
                ((*whole, '--parts', '2', '--co', 'A=B'), ["'parts'", "'creation-option'"])):
            self.refused_command('zonal-stats', *words, '-o', 'no.gpkg', '-q', says=says, absent='no.gpkg')

    def wide(self):
        """Another grid."""
        return write(self.path('wide.tif'), np.zeros((30, 40), np.uint8))

    def test_nothing_half_written(self):
        self.refused_command('zonal-stats', 'broken.tif', *self.LAYER, '-o', 'half.gpkg', '--retries', '0', '-q',
                             says=['broken.tif'], absent='half.gpkg')
        words = ('zonal-stats', 'c.tif', *self.LAYER, '-o', 'p.csv', '--overwrite')
        self.assertIn('100 - done', fishnet(*words, cwd=self.folder))
        self.assertEqual(fishnet(*words, '-q', cwd=self.folder), '')


class TestOldGDAL(unittest.TestCase):
    def test_no_commands(self):
        print('GDAL %s has no program gdal: there are no commands' % gdal.__version__)


if HAS_COMMANDS:
    del TestOldGDAL
else:
    del TestZonalStats

if __name__ == '__main__':
    unittest.main()
