"""gdal fishnet calc, map, near and doctor, as the program gdal and Python's gdal.Run() run them, against the drivers' own output."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, VERSION, good, patience, real, run, write  # noqa: E402

HAS_COMMANDS = VERSION >= (3, 11)
PLUGINS = os.environ['GDAL_DRIVER_PATH'].split(':')[0]


def fishnet(*words, **options):
    """gdal fishnet ..., which must succeed."""
    return good('gdal', 'fishnet', *words, **options)


def bands(path):
    dataset = gdal.Open(str(path))
    return [dataset.GetRasterBand(i + 1).ReadAsArray() for i in range(dataset.RasterCount)]


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def layers(path):
    """Names of the layers, and of their FID columns."""
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    return {dataset.GetLayer(i).GetName(): dataset.GetLayer(i).GetFIDColumn() for i in range(dataset.GetLayerCount())}


def rows(path, layer=None):
    """Values and geometry of all rows, without FIDs."""
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    layer = dataset.GetLayerByName(layer) if layer else dataset.GetLayer(0)
    names = [layer.GetLayerDefn().GetFieldDefn(i).GetName() for i in range(layer.GetLayerDefn().GetFieldCount())]
    found = []
    for feature in layer:
        geometry = feature.GetGeometryRef()
        found.append([feature.GetField(name) for name in names] + [geometry.ExportToWkt() if geometry else None])
    return names, found


def small_files(most=100000):
    """A full disk: files of 100 kB at the most, and an error instead of a signal."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


class Commands(Case):
    """A folder with rasters and layers, and what is common to the tests of all commands."""

    @classmethod
    def prepare(cls):
        random = np.random.default_rng(7)
        cls.a = write(cls.path('a.tif'), random.uniform(1, 1000, (300, 400)).astype(np.float32), nodata=-9999)
        cls.b = write(cls.path('b.tif'), random.uniform(1, 1000, (300, 400)).astype(np.float32))
        whole = content(cls.b)
        cls.broken = cls.path('broken.tif')
        with open(cls.broken, 'wb') as file:
            file.write(whole[:len(whole) // 2])
        for name, count in (('in', 60), ('near', 25)):
            dataset = ogr.GetDriverByName('GPKG').CreateDataSource(cls.path(name + '.gpkg'))
            for layer_name in (name, name + '_second'):
                layer = dataset.CreateLayer(layer_name, None, ogr.wkbPoint)
                layer.CreateField(ogr.FieldDefn('street', ogr.OFTString))
                for i, (x, y) in enumerate(random.uniform(0, 1000, (count, 2))):
                    feature = ogr.Feature(layer.GetLayerDefn())
                    feature['street'] = 'S%d' % (i % 4)
                    feature.SetGeometry(ogr.CreateGeometryFromWkt('POINT (%r %r)' % (float(x), float(y))))
                    layer.CreateFeature(feature)
            del layer, dataset

    def refused_command(self, *words, says=(), absent=None, env=None):
        """A command that must fail with an error that holds all of `says`, and leave no file `absent`."""
        done = run('gdal', 'fishnet', *words, cwd=self.folder, env=env)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        errors = [line for line in done.stderr.split('\n') if line.startswith('ERROR ')]
        self.assertTrue(errors, done.stderr)
        for text in says:
            self.assertIn(text, done.stderr)
        if absent:
            self.assertFalse(os.path.exists(self.path(absent)), absent + ' is there')
        return done.stderr


class Shares(Commands):
    """What goes on with many files asks for no --overwrite, and with it deletes nothing."""

    def check(self, words, output, more):
        """words: a command that writes into output. more: how it says to resume, and to assemble."""
        path = self.path(output)
        folder = path.rsplit('.', 1)[0] + ('_tiles' if words[0] in ('calc', 'map') else '_parts')
        for i in '1/2', '2/2':
            fishnet(*words, '-o', output, '--partition', i, cwd=self.folder)
        self.assertFalse(os.path.exists(path))
        fishnet(*words, '-o', output, *more[-1], cwd=self.folder)
        state, whole = os.stat(path), content(path)
        for late in (('--partition', '2/2'), ('--partition', '1/2', '--overwrite')):
            fishnet(*words, '-o', output, *late, cwd=self.folder)
            now = os.stat(path)
            self.assertEqual((now.st_ino, now.st_mtime_ns), (state.st_ino, state.st_mtime_ns), late)
        part = next(name for name in sorted(os.listdir(folder)) if '_c000' in name or name.startswith('part_0001'))
        for option in more:
            for overwrite in ((), ('--overwrite',)):
                before = content(os.path.join(folder, part))
                if option == more[0]:
                    os.remove(os.path.join(folder, part))
                fishnet(*words, '-o', output, *option, *overwrite, cwd=self.folder)
                self.assertEqual(len(content(os.path.join(folder, part))), len(before))
                self.assertEqual(content(path), whole, option)
        # A file that is none of it is refused as ever.
        shutil.rmtree(folder)
        self.refused_command(*words, '-o', output, '--partition', '1/2', says=['already exists'])
        self.assertEqual(content(path), whole)


class TestShares(Shares):
    ARGUMENTS = (('--resume',), ('--assemble',))
    OPTIONS = (('--co', 'RESUME=YES'), ('--co', 'ASSEMBLE=YES'))
    NEAR = ('near', '-i', 'in.gpkg', '--near', 'near.gpkg', '-l', 'in', '--near-layer', 'near')

    def test_calc(self):
        self.check(('calc', 'a.tif', '--calc', 'sqrt(A)', '-f', 'FISHNET', '--co', 'GRID=2x3'), 'calc.vrt', more=self.OPTIONS)

    def test_map(self):
        self.check(('map', 'a.tif', '--grid', '2x3'), 'map.vrt', more=self.ARGUMENTS)
        self.check(('map', 'a.tif', '--grid', '2x3'), 'map.gti', more=self.ARGUMENTS) if VERSION >= (3, 13) else None
        self.check(('map', 'a.tif', '-f', 'FISHNET', '--co', 'GRID=2x3'), 'map_co.vrt', more=self.OPTIONS)

    def test_near(self):
        self.check((*self.NEAR, '--parts', '4'), 'near.vrt', more=self.ARGUMENTS)
        for argument in ('--lco', 'FID=x'), ('--output-layer', 'x'), ('--append',):
            self.refused_command(*self.NEAR, '--parts', '4', *argument, '-o', 'no.vrt', says=["'parts'", 'one'], absent='no.vrt')


class TestListing(Commands):
    """What is seen without running a command."""

    NAMES = ['assemble', 'calc', 'doctor', 'functions', 'map', 'near', 'plan', 'run', 'zonal-stats']

    def usage(self, *path):
        return json.loads(good('gdal', *path, '--json-usage'))

    def arguments(self, *path):
        usage = self.usage(*path)
        return {arg['name']: arg for kind in ('input_arguments', 'output_arguments', 'input_output_arguments')
                for arg in usage.get(kind, [])}

    def test_help(self):
        done = run('gdal', '--help')
        self.assertEqual(done.stderr, '')
        self.assertRegex(done.stdout, r'(?m)^  - fishnet: ')
        text = fishnet('--help')
        for name in self.NAMES:
            self.assertRegex(text, r'(?m)^  - %s: ' % name)
            done = run('gdal', 'fishnet', name, '--help')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            for argument, entry in self.arguments('fishnet', name).items():
                if not argument.startswith(('return-code', 'output-string')):
                    self.assertIn('--' + argument, done.stdout)
                self.assertTrue(entry.get('description'), argument)
            self.assertRegex(done.stdout, r'(?m)^Examples:\n  gdal fishnet %s' % name)

    def test_defaults(self):
        """Those of the options' table, and of the command."""
        text = fishnet('calc', '--help')
        for argument, default in ('resampling', 'auto'), ('bands', 'all'), ('tile-format', 'GTiff'), ('on-error', 'fail'), ('outside', 'NODATA'):
            self.assertRegex(text, r'--%s [^\n]*\(default: %s\)' % (argument, default))
        self.assertRegex(fishnet('near', '--help'), r'--closest [^\n]*\(default: 1\)')

    def test_link_to_the_page(self):
        """Of the documentation that is installed with the module."""
        folder = self.path('installed')
        plugins = folder + '/lib/gdalplugins'
        os.makedirs(plugins)
        for name in 'gdal_FISHNET.so', 'fishnet-worker':
            shutil.copy(os.path.join(PLUGINS, name), plugins)
        env = {'GDAL_DRIVER_PATH': plugins}
        self.assertNotIn('For more details', good('gdal', 'fishnet', 'calc', '--help', env=env))
        os.makedirs(folder + '/share/doc/gdal-plugin-fishnet/docs')
        page = os.path.realpath(folder) + '/share/doc/gdal-plugin-fishnet/docs/COMMANDS.md'
        open(page, 'w').close()
        for name in self.NAMES:
            self.assertIn('For more details, consult file://%s#gdal-fishnet-%s' % (page, name), good('gdal', 'fishnet', name, '--help', env=env))

    def test_same_options_of_calc_and_map(self):
        calc, of_map = self.arguments('fishnet', 'calc'), self.arguments('fishnet', 'map')
        self.assertEqual(calc.pop('calc')['required'], True)
        self.assertEqual(of_map.pop('calc').get('required', False), False)
        self.assertEqual(calc, of_map)

    def test_all_commands_in_json(self):
        usage = self.usage()
        mine = [entry for entry in usage['sub_algorithms'] if entry['name'] == 'fishnet']
        self.assertEqual(len(mine), 1)
        self.assertEqual(sorted(entry['name'] for entry in mine[0]['sub_algorithms']), self.NAMES)

    def test_arguments_are_those_of_gdal(self):
        """What stands in upstream's commands under the same name is of the same type."""
        tables = {'layer-creation-option', 'update', 'overwrite-layer', 'append', 'output-layer'}
        zonal = {'zones', 'zones-layer', 'band', 'pixels', 'stat', 'strategy', 'chunk-size', 'open-option'} | tables
        if VERSION >= (3, 13):
            zonal |= {'include-field', 'include-geom'}
        others = [('calc', ('raster', 'calc')), ('map', ('raster', 'convert')), ('near', ('vector', 'reproject'))]
        for name, other in others + ([('zonal-stats', ('raster', 'zonal-stats'))] if VERSION >= (3, 12) else []):
            mine, theirs = self.arguments('fishnet', name), self.arguments(*other)
            shared = set(mine) & set(theirs)
            wanted = {'input', 'output', 'output-format', 'creation-option', 'overwrite'}
            wanted |= {'calc': {'calc', 'output-data-type', 'nodata'}, 'map': set(), 'near': tables | {'input-layer'},
                       'zonal-stats': zonal}[name]
            self.assertLessEqual(wanted, shared, name)
            for argument in wanted - {'input', 'input-layer'}:
                self.assertEqual(mine[argument]['type'], theirs[argument]['type'], argument)

    def test_all_options_of_the_drivers_have_an_argument(self):
        """A new option of a driver asks for an argument."""
        named = {'calc': {'OT': 'output-data-type', 'CHECK_EXTENT': 'no-check-extent', 'CHECK_CRS': 'no-check-crs'}, 'map': {},
                 'near': {'LAYER': 'input-layer', 'OO': 'open-option', 'NEAR_OO': 'near-open-option'},
                 'zonal-stats': {'RASTER': 'input', 'RASTER_OO': 'open-option', 'LAYER': 'zones-layer', 'OO': 'zones-open-option',
                                 'STATS': 'stat', 'GEOMETRY': 'include-geom', 'ZONE_BAND': 'zones-band'}}
        for name, driver in (('calc', 'FISHNET'), ('near', 'NEARTABLE'), ('zonal-stats', 'ZONALSTATS')):
            options = re.findall(r"<Option name='(\w+)'", gdal.GetDriverByName(driver).GetMetadataItem('DMD_OPENOPTIONLIST'))
            arguments = self.arguments('fishnet', name)
            for option in options:
                if len(option) == 1:
                    continue
                option = re.sub('^([A-Z]|INPUT)_OO$', 'open_option', re.sub('^[A-Z]_(RESAMPLING|OUTSIDE)$', r'INPUT_\1', option))  # for all inputs
                argument = named[name].get(option, {'NUM_WORKERS': 'num-threads'}.get(option, option.lower().replace('_', '-')))
                self.assertIn(argument, arguments, driver + ' ' + option)

    def test_completion(self):
        def complete(*words):
            done = run('gdal', 'completion', 'gdal', *words)
            self.assertEqual(done.stderr, '')
            return done.stdout.split()
        self.assertEqual(sorted(complete('fishnet')), self.NAMES)
        self.assertIn('fishnet', complete(''))
        self.assertIn('--calc', complete('fishnet', 'calc', '--'))
        self.assertEqual(sorted(complete('fishnet', 'calc', '--workers=')), ['processes', 'threads'])
        self.assertIn('median', complete('fishnet', 'calc', '--dialect=builtin', '--calc'))
        self.assertNotIn('median', complete('fishnet', 'calc', '--calc'))
        self.assertEqual(sorted(complete('fishnet', 'near', '--method=')), ['auto', 'geodesic', 'planar'])
        for argument, words in (('--stat=', {'mean', 'median', 'pct90', 'majority_share'}), ('--pixels=', {'default', 'center'})):
            self.assertLessEqual(words, set(complete('fishnet', 'zonal-stats', argument)))
        self.assertIn('GTiff', complete('fishnet', 'calc', '-f', ''))
        self.assertIn('COMPRESS=', complete('fishnet', 'calc', '-f', 'GTiff', '--co', ''))

    def test_python_sees_them(self):
        self.assertIn('fishnet', dir(gdal.alg))
        for name in self.NAMES:
            command = getattr(gdal.alg.fishnet, name.replace('-', '_'))
            self.assertTrue(callable(command))
            own = {'doctor': 'output_string', 'functions': 'output_string', 'plan': 'output_string', 'run': 'partition', 'assemble': 'job'}
            self.assertIn(own.get(name, 'output_format'), command.__doc__)

    def test_listing_starts_nothing(self):
        """No thread and no file for a look at what there is."""
        text = good(sys.executable, '-c', 'from osgeo import gdal; import os\n'
                    'gdal.UseExceptions(); before = sorted(os.listdir("/proc/self/fd"))\n'
                    'for name in %r: gdal.Algorithm("fishnet", name).GetArgNames()\n' % self.NAMES +
                    'print(len(os.listdir("/proc/self/task")), before == sorted(os.listdir("/proc/self/fd")))')
        self.assertEqual(text.split(), ['1', 'True'])


class TestCalc(Commands):
    def test_values_are_those_of_gdal(self):
        for text in ('sqrt(A)', '(A-B)/(A+B)', 'A>B ? A : B'):
            fishnet('calc', '-i', 'A=' + self.a, '-i', 'B=' + self.b, '--calc', text, '-o', self.path('mine.tif'), '--overwrite')
            good('gdal', 'raster', 'calc', '-i', 'A=' + self.a, '-i', 'B=' + self.b, '--calc', text, '-o',
                 self.path('theirs.tif'), '--overwrite', '--ot', 'Float32', '--propagate-nodata', '--nodata', 'nan')
            self.same(bands(self.path('mine.tif'))[0], bands(self.path('theirs.tif'))[0], text)

    def test_files_are_those_of_the_driver(self):
        """The same bytes as gdal_translate makes of the FISHNET dataset."""
        options = [('--calc', 'sqrt(A)+B', 'CALC'), ('--calc', 'B', 'CALC'),
                   ('--calc', 'focal_mean(A, circle(2), edge=reflect) + B[-1,0] - focal_sum(A, [[0,1,0],[1,0,1],[0,1,0]])', 'CALC'), ('--ot', 'Int32', 'OT'), ('--nodata', '-7', 'NODATA'),
                   ('-j', '3', 'NUM_WORKERS'), ('--tile-size', '128', 'TILE_SIZE'), ('--retries', '1', 'RETRIES'),
                   ('--cache-mb', '80', 'CACHE_MB'), ('--on-error', 'nodata', 'ON_ERROR'), ('--threads-per-worker', '2', 'THREADS_PER_WORKER'),
                   ('--workers', 'processes', 'WORKERS'), ('--task-timeout', '60', 'TASK_TIMEOUT'), ('--partition', '1/2', 'PARTITION')]
        arguments, words = [], []
        for argument, value, option in options:
            arguments += [argument, value]
            words += ['-oo', '%s=%s' % (option, value)]
        fishnet('calc', self.a, 'B=' + self.b, *arguments, self.path('all.tif'), '-f', 'GTiff', '--co', 'TILED=YES')
        good('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('all_driver.tif'), '-co', 'TILED=YES', '-oo', 'B=' + self.b, *words)
        got, want = (content(self.path(name)) for name in ('all.tif', 'all_driver.tif'))
        self.assertEqual(got, want)

    def test_ways_to_say_the_same(self):
        want = None
        for i, words in enumerate([('-i', 'A=a.tif', '--calc', 'A*2', '-o', 'o.tif'), ('--input=a.tif', '--calc=A*2', '--output=o.tif'),
                                   ('a.tif', '--calc', 'A*2', 'o.tif'), ('A=a.tif', 'o.tif', '--calc=A*2'),
                                   ('a.tif', '-o', 'o.tif', '--calc=A*2'), ('--calc=A*2', '--output=o.tif', 'A=a.tif')]):
            fishnet('calc', *words, '--overwrite', cwd=self.folder)
            got = bands(self.path('o.tif'))[0]
            want = got if i == 0 else want
            self.same(got, want, ' '.join(words))

    def test_names_with_signs_in_them(self):
        """An = or a comma in a file's name, and names that are no files."""
        for name in ('x=1.tif', 'a,b.tif', 'a b.tif'):
            shutil.copy(self.a, self.path(name))
            fishnet('calc', name, '--calc', 'A+1', 'signs.tif', '--overwrite', cwd=self.folder)
            self.same(bands(self.path('signs.tif'))[0], bands(self.a)[0] + np.float32(1), name)
        fishnet('calc', 'B=vrt://a.tif?bands=1', 'a.tif', '--calc', 'A+B', 'signs.tif', '--overwrite', cwd=self.folder)
        self.same(bands(self.path('signs.tif'))[0], bands(self.a)[0] * np.float32(2))

    def test_workers_compress(self):
        """COMPRESS is the workers' work, where they know all options; the pixels are GDAL's."""
        def size(*options):
            words = [word for option in options for word in ('--co', option)]
            fishnet('calc', self.a, '--calc', 'sqrt(A)', self.path('c.tif'), '--overwrite', *words)
            dataset = gdal.Open(self.path('c.tif'))
            return dataset.GetRasterBand(1).GetBlockSize(), dataset.GetMetadataItem('COMPRESSION', 'IMAGE_STRUCTURE')
        want = np.sqrt(bands(self.a)[0])
        for options, block, codec in ((['COMPRESS=DEFLATE'], [256, 256], 'DEFLATE'), (['COMPRESS=LZW', 'TILED=NO'], None, 'LZW'),
                                      (['COMPRESS=DEFLATE', 'PREDICTOR=3', 'TILED=YES', 'BLOCKXSIZE=128', 'BLOCKYSIZE=64'], [128, 64], 'DEFLATE'),
                                      (['COMPRESS=DEFLATE', 'NUM_THREADS=2', 'TILED=YES'], [256, 256], 'DEFLATE'), ([], None, None)):
            got = size(*options)
            self.assertEqual(got[1], codec, options)
            self.assertEqual(got[0], block or [400, got[0][1]], options)
            self.same(bands(self.path('c.tif'))[0], want, ' '.join(options))

    def test_warnings_come_once(self):
        """Whoever writes opens the dataset again; options that are obeyed are no reason for a warning."""
        outputs = [('w.tif', ()), ('w.tif', ('COMPRESS=LZW',)), ('w.tif', ('COMPRESS=LZW', 'TILED=YES')), ('w.vrt', ('GRID=2x2',)), ('w.vrt', ('GRID=2x2', 'PARTITION=1/2')),
                   ('w.gdalg.json', ())]
        for command, warnings in (('calc', '--calc', 'A+1', '--ot', 'Byte'), 1), (('map',), 0):
            for output, options in outputs:
                words = [word for option in options for word in ('--co', option)] + (['-f', 'FISHNET'] if output == 'w.vrt' else [])
                done = run('gdal', 'fishnet', command[0], self.a, *command[1:], '-o', output, '--overwrite', '-q', *words, cwd=self.folder)
                self.assertEqual((done.returncode, done.stderr.count('Warning'), done.stderr.count('NODATA is not given')), (0, warnings, warnings), (output, options, done.stderr))

    def test_progress(self):
        words = ('calc', self.a, '--calc', 'A', self.path('p.tif'), '--overwrite')
        self.assertIn('100 - done', fishnet(*words))
        self.assertEqual(fishnet(*words, '-q'), '')

    def test_other_formats(self):
        fishnet('calc', self.a, '--calc', 'A/4', '--ot', 'Byte', self.path('f.png'))
        self.same(bands(self.path('f.png'))[0], np.floor(bands(self.a)[0].astype(np.float64) / 4 + 0.5).astype(np.uint8))
        fishnet('calc', self.a, '--calc', 'sqrt(A)', self.path('f.vrt'))
        self.same(bands(self.path('f.vrt'))[0], np.sqrt(bands(self.a)[0]))
        fishnet('calc', self.a, '--calc', 'sqrt(A)', self.path('tiles.vrt'), '-f', 'FISHNET', '--co', 'GRID=2x2')
        self.same(bands(self.path('tiles.vrt'))[0], np.sqrt(bands(self.a)[0]))
        self.assertEqual(len([name for name in os.listdir(self.path('tiles_tiles')) if name.endswith('.tif')]), 4)

    def test_a_vrt_depends_on_no_folder(self):
        """It computes nothing now, which is said; names that were relative mean the same from elsewhere."""
        done = run('gdal', 'fishnet', 'calc', 'A=a.tif', 'B=a.tif', '--calc', 'A+B', '-o', 'here.vrt', cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('nothing is computed now', done.stderr)
        self.same(bands(self.path('here.vrt'))[0], 2 * bands(self.a)[0])
        fishnet('map', 'a.tif', 'map.vrt', '-f', 'VRT', cwd=self.folder)
        self.same(bands(self.path('map.vrt'))[0], bands(self.a)[0])

    def test_options_of_tiles_need_tiles(self):
        for output, says in (('t.vrt', ['GRID', '--output-format FISHNET']), ('t.tif', ['GRID', '--output-format FISHNET'])):
            self.refused_command('calc', 'a.tif', '--calc', 'A', '--co', 'GRID=2x2', '-o', output, says=says, absent=output)
        for command in ('calc', 'a.tif', '--calc', 'A'), ('map', 'a.tif'):
            self.refused_command(*command, '-o', 't.gti', says=['t.gti', '--output-format FISHNET'], absent='t.gti')
        fishnet('calc', 'a.tif', '--calc', 'A', '-f', 'FISHNET', '--datatype', 'Float64', '-o', 't.gti', cwd=self.folder)
        self.assertEqual(gdal.Open(self.path('t.gti')).ReadAsArray().dtype, np.float64)
        self.refused_command('calc', 'a.tif', '--calc', 'A', '-f', 'FISHNET', '--co', 'GIRD=2x2', '-o', 't.vrt', says=['GIRD', 'GRID'], absent='t.vrt')

    def test_open_options(self):
        """AAIGrid reads 0.1 as Float32 unless it is told otherwise."""
        with open(self.path('tenths.asc'), 'w', encoding='ascii') as file:
            file.write('ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n0.1 0.7\n')
        fishnet('calc', 'tenths.asc', 'B=tenths.asc', '--oo', 'DATATYPE=Float64', '--calc', '(A+B)/2', '--ot', 'Float64', 'oo.tif', cwd=self.folder)
        self.assertEqual(list(bands(self.path('oo.tif'))[0][0]), [0.1, 0.7])
        fishnet('map', 'tenths.asc', '--oo', 'DATATYPE=Float64', 'oo_map.tif', cwd=self.folder)
        self.assertEqual(list(bands(self.path('oo_map.tif'))[0][0]), [0.1, 0.7])

    def test_trace_of_tiles(self):
        fishnet('map', 'a.tif', 'traced.vrt', '--grid', '2x3', '--trace', 'trace.json', cwd=self.folder)
        text = content(self.path('trace.json')).decode()
        json.loads(text)
        for name in ('r000_c000.tif', 'r002_c001.tif'):
            self.assertIn(name, text)

    def test_tiles_of_an_expression(self):
        """calc and map write the same files; tiles are the driver's."""
        want = None
        for command in ('calc', 'map'):
            fishnet(command, 'a.tif', '--calc', 'sqrt(A)', '--grid', '2x3', '--tile-co', 'COMPRESS=LZW', '-o', command + '_g.vrt', cwd=self.folder)
            tiles = {name: content(self.path(command + '_g_tiles/' + name)) for name in ('r000_c000.tif', 'r002_c001.tif')}
            want = want or tiles
            self.assertEqual(tiles, want)
            fishnet(command, 'a.tif', '--calc', 'sqrt(A)', '--tile-size', '100x80', '-o', command + '_s.vrt', cwd=self.folder)
            self.assertTrue(os.path.exists(self.path(command + '_s_tiles/r001_c001.tif')))
            self.same(bands(self.path(command + '_s.vrt'))[0], bands(self.path(command + '_g.vrt'))[0])
            fishnet(command, 'a.tif', '--calc', 'sqrt(A)', '--tile-size', '64', command + '.tif', cwd=self.folder)
            self.same(bands(self.path(command + '.tif'))[0], bands(self.path(command + '_g.vrt'))[0])
        self.refused_command('map', 'a.tif', 'B=b.tif', '-o', 'two.tif', says=["'calc'"], absent='two.tif')
        self.refused_command('calc', 'a.tif', '-o', 'none.tif', says=['calc'], absent='none.tif')

    def test_log(self):
        """Of tiles, of one file, of tables; on the screen without a bar."""
        text = fishnet('calc', 'a.tif', '--calc', 'sqrt(A)', '--grid', '2x2', '--log', '-', '-o', 'log.vrt', cwd=self.folder)
        lines = text.splitlines()
        self.assertEqual(len(lines), 6, text)
        self.assertTrue(lines[0].startswith('# time ') and lines[-1].startswith('# FISHNET: 4 tasks done'), text)
        for name in ('r000_c000.tif', 'r001_c001.tif'):
            self.assertEqual(text.count(name), 1)
        fishnet('near', 'in.gpkg', 'near.gpkg', 'log.csv', '-l', 'in', '--near-layer', 'near', '--log', 'near.log', cwd=self.folder)
        self.assertIn('# NEARTABLE: ', content(self.path('near.log')).decode())
        self.refused_command('calc', 'a.tif', '--calc', 'A', '-o', 'no.tif', '--log', 'no/such.log', says=['no/such.log', 'No such file or directory'], absent='no.tif')
        self.refused_command('map', 'a.tif', '-o', 'no.gdalg.json', '--log', 'x.log', says=["'log'"], absent='no.gdalg.json')

    def test_functions(self):
        text = fishnet('functions')
        for line in ('rounding', '  where(c, x, y) ', 'focal_mean(x, window)', '[also arcsin]'):
            self.assertIn(line, text)
        self.assertNotIn('sqrt', fishnet('functions', 'focal'))
        listed = json.loads(fishnet('functions', '-f', 'json'))
        self.assertEqual(listed, json.loads(gdal.GetDriverByName('FISHNET').GetMetadataItem('FUNCTIONS')))
        self.assertIn({'name': 'log', 'group': 'powers and logarithms', 'call': 'log(x)', 'help': 'natural logarithm', 'spellings': ['ln']}, listed)
        self.refused_command('functions', 'no such thing', says=['no such thing'])
        text = fishnet('functions', 'CON')
        self.assertIn('Con (Spatial Analyst) is written here: where(c, a, b)\n', text)
        self.assertIn('  where(c, x, y) ', text)
        self.assertNotIn('second', text)
        self.assertEqual(json.loads(fishnet('functions', 'isnull', '-f', 'json'))[:2], [
            {'name': 'IsNull', 'group': 'Spatial Analyst', 'here': 'isnodata(A)'}, {'name': 'isnull', 'group': 'GRASS r.mapcalc', 'here': 'isnodata(A)'}])

    def test_names_and_stacks(self):
        a, b = (bands(path)[0].astype(np.float64) for path in (self.a, self.b))
        for name, text in (('calc_list.txt', 'red=a.tif\n# b4\n\nnir=b.tif\n'), ('calc_stack.txt', 'a.tif\nb.tif\n')):
            with open(self.path(name), 'w', encoding='ascii') as file:
                file.write(text)
        for words, want in ((('-i', 'red=a.tif', '-i', 'nir=b.tif', '--calc', 'red-2*nir'), a - 2 * b), (('-i', 'dem=a.tif', '--calc', 'dem*2'), a * 2),
                            (('a.tif', '--calc', 'X*2'), a * 2), (('a.tif', '--calc', 'dem*2'), a * 2), (('B=a.tif', '--calc', 'B*2'), a * 2),
                            (('-i', '@calc_list.txt', '--calc', 'red-2*nir'), a - 2 * b), (('-i', 'S=[ab].tif', '--calc', 'item(S,1)-2*item(S,2)'), a - 2 * b),
                            (('-i', 'S=@calc_stack.txt', '-i', 'x=a.tif', '--calc', 'last(S)-x'), b - a), (('b.tif', 'S=[ab].tif', '--calc', 'A-first(S)'), b - a)):
            for more in ((), ('-f', 'FISHNET', '--co', 'GRID=2x2')):
                output = 'names.vrt' if more else 'names.tif'
                fishnet('calc', *words, '--ot', 'Float64', '-o', output, '--overwrite', *more, cwd=self.folder)
                self.same(bands(self.path(output))[0], want)
        fishnet('calc', '-i', 'red=a.tif', '-i', 'nir=b.tif', '-i', 'S=[ab].tif', '--calc', 'red-2*nir+0*mean(S)', '--ot', 'Float64', '-o', 'names.gdalg.json', cwd=self.folder)
        self.same(bands(self.path('names.gdalg.json'))[0], a - 2 * b)
        fishnet('calc', '-i', 'red=a.tif', '-i', 'nir=b.tif', '--calc', 'red-2*nir', '--ot', 'Float64', '-o', 'names_of.vrt', cwd=self.folder)
        self.same(bands(self.path('names_of.vrt'))[0], a - 2 * b)
        self.refused_command('calc', 'A=a.tif', 'S=[ab].tif', '--calc', 'A+mean(S)', '-o', 'b.tif', '--overwrite', says=["'output'", 'is an input'])

    def test_errors(self):
        out = ('-o', 'no.tif', '-q')
        for words, says in (((('nope.tif', '--calc', 'A')), ['nope.tif']),
                            (('a.tif', '--calc', 'sqrt(A'), ['CALC', 'position 1']),
                            (('a.tif', '--calc', 'B'), ["there is no input B"]),
                            (('a=a.tif', '--calc', 'A'), ["did you mean 'a'?"]),
                            (('b_4=a.tif', '--calc', 'b_5'), ["unknown name 'b_5'", 'b_4']),
                            (('_b=a.tif', '--calc', '_b'), ["Argument 'input'", '_b=a.tif', 'letter']),
                            (('NODATA=a.tif', '--calc', '1'), ["Argument 'input'", 'NODATA']),
                            (('?.tif', '--calc', 'mean(S)'), ["Argument 'input'", 'S=?.tif']),
                            (('S=none*.tif', '--calc', 'mean(S)'), ['S=', 'none*.tif']),
                            (('@none.txt', '--calc', 'A'), ["Argument 'input'", 'none.txt']),
                            (('red=a.tif', 'red=b.tif', '--calc', 'red'), ["Argument 'input'", 'red is both', 'a.tif', 'b.tif']),
                            (('a.tif', 'A=b.tif', '--calc', 'A'), ["Argument 'input'", 'a.tif', 'b.tif']),
                            (('a.tif', '--calc', 'A', '--workers', 'robots'), ["'robots'", "'workers'"]),
                            (('a.tif', '--calc', 'A', '-j', '0'), ['--num-threads=0']),
                            (('a.tif', '--calc', 'A', '--retries', '101'), ['--retries=101']),
                            (('a.tif', '--calc', 'A', '--ot', 'CFloat32'), ["'output-data-type'"]),
                            (('a.tif', '--calc', 'A', '--nodata', 'much'), ['--nodata=much']),
                            (('a.tif', '--calc', 'A', '--partition', '3/2'), ['--partition=3/2']),
                            (('a.tif', '--calc', 'A', '--tile-size', '0'), ['--tile-size=0']),
                            (('a.tif', '--calc', 'A', '-f', 'Nope'), ["'output-format'", "'Nope'"]),
                            (('a.tif', '--calc', 'A', '--frobnicate'), ['frobnicate']),
                            (('a.tif',), ["Required argument 'calc' has not been specified"])):
            self.refused_command('calc', *words, *out, says=says, absent='no.tif')
        self.refused_command('calc', 'a.tif', '--calc', 'A', '-o', 'no.nope', says=['no.nope'], absent='no.nope')

    def test_overwrite(self):
        words = ('calc', 'a.tif', '--calc', 'A*3', '-o', 'there.tif', '-q')
        fishnet(*words, cwd=self.folder)
        before = content(self.path('there.tif'))
        theirs = run('gdal', 'raster', 'calc', 'A=a.tif', '--calc', 'A*4', 'there.tif', cwd=self.folder).stderr.split('\n')[0]
        mine = self.refused_command(*words, says=["Dataset 'there.tif' already exists. You may specify the --overwrite option."])
        self.assertIn(theirs.split('/--append')[0], mine)
        self.assertEqual(content(self.path('there.tif')), before)
        fishnet('calc', 'a.tif', '--calc', 'A*4', '-o', 'there.tif', '--overwrite', cwd=self.folder)
        self.same(bands(self.path('there.tif'))[0], bands(self.a)[0] * np.float32(4))

    def test_inputs_are_not_overwritten(self):
        shutil.copy(self.a, self.path('precious.tif'))
        os.symlink('precious.tif', self.path('link.tif'))
        gdal.Translate(self.path('over.vrt'), self.path('precious.tif'))
        gdal.Translate(self.path('above.vrt'), self.path('over.vrt'))
        with open(self.path('precious.fishnet.json'), 'w') as f:
            f.write('{"type": "fishnet_raster", "inputs": {"A": "a.tif", "B": "above.vrt"}, "calc": "A+B"}')
        for words in (('calc', 'precious.tif', '--calc', 'A', 'precious.tif'), ('calc', 'a.tif', 'B=link.tif', '--calc', 'A+B', 'precious.tif'),
                      ('calc', 'a.tif', 'B=above.vrt', '--calc', 'A+B', 'precious.tif'), ('map', 'precious.fishnet.json', 'precious.tif'),
                      ('map', 'FISHNET:over.vrt', './precious.tif'), ('map', './precious.tif', 'precious.tif'), ('near', 'in.gpkg', 'near.gpkg', 'near.gpkg')):
            before = content(self.path(words[-1]))
            self.refused_command(*words, '--overwrite', says=["Argument 'output'", words[-1], 'is an input'])
            self.assertEqual(content(self.path(words[-1])), before)

    def test_nothing_half_written(self):
        """A source that cannot be read to its end."""
        for extra in ((), ('--co', 'COMPRESS=DEFLATE'), ('-f', 'HFA'), ('-f', 'PNG', '--ot', 'Byte'), ('-f', 'COG')):
            self.refused_command('calc', 'broken.tif', '--calc', 'A', '-o', 'half', '--retries', '0', *extra, '-q',
                                 *(() if extra[:1] == ('-f',) else ('-f', 'GTiff')), says=['cannot be read'], absent='half')
            self.assertFalse([name for name in os.listdir(self.folder) if name.startswith('half')], extra)
        fishnet('calc', 'broken.tif', '--calc', 'A', '-o', 'whole.tif', '--retries', '0', '--on-error', 'nodata', '-q', cwd=self.folder)
        self.assertTrue(np.isnan(bands(self.path('whole.tif'))[0]).any())

    def test_full_disk(self):
        """What cannot be written is not left there, and the exit status tells."""
        for extra in ((), ('--co', 'COMPRESS=DEFLATE')):
            command = ['gdal', 'fishnet', 'calc', 'a.tif', '--calc', 'A', '-o', 'full.tif', '-q', *extra]
            done = subprocess.run(command, cwd=self.folder, stderr=subprocess.PIPE, timeout=patience(60),
                                  preexec_fn=small_files)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertFalse(os.path.exists(self.path('full.tif')), extra)


class TestStreams(Commands):
    """GDALG files, and what Python gets."""

    def test_gdalg(self):
        fishnet('calc', 'a.tif', 'B=b.tif', '--calc', 'A+B', '-j', '2', 's.gdalg.json', cwd=self.folder)
        want = bands(self.a)[0] + bands(self.b)[0]
        self.same(bands(self.path('s.gdalg.json'))[0], want)
        self.assertIn('Size is 400, 300', good('gdalinfo', self.path('s.gdalg.json'), cwd='/'))
        good('gdal', 'raster', 'pipeline', 'read', 's.gdalg.json', '!', 'reclassify', '-m', '[0,1000]=1;(1000,3000]=2', '!', 'write', 'r.tif', cwd=self.folder)
        self.same(bands(self.path('r.tif'))[0].astype(np.float32), np.where(want <= 1000, np.float32(1), np.float32(2)))
        fishnet('map', 's.gdalg.json', 'm.tif', cwd=self.folder)
        self.same(bands(self.path('m.tif'))[0], want)
        fishnet('calc', 'a.tif', 'B=s.gdalg.json', '--calc', 'B-A', 'twice.tif', cwd=self.folder)  # both levels read a.tif
        self.same(bands(self.path('twice.tif'))[0], (want.astype(np.float64) - bands(self.a)[0]).astype(np.float32))
        fishnet('map', 'a.tif', 'm.json', '-f', 'GDALG', cwd=self.folder)
        self.same(bands(self.path('m.json'))[0], bands(self.a)[0])
        self.refused_command('calc', 'a.tif', '--calc', 'A', 's.gdalg.json', says=['s.gdalg.json', 'already exists', '--overwrite'])
        fishnet('calc', 'a.tif', '--calc', 'A', 's.gdalg.json', '--overwrite', cwd=self.folder)
        self.same(bands(self.path('s.gdalg.json'))[0], bands(self.a)[0])

    def test_gdalg_in_another_folder(self):
        """Names mean what they meant, and a file can be moved together with what lies below it."""
        os.makedirs(self.path('box/deep'))
        shutil.copy(self.a, self.path('box/deep/x.tif'))
        fishnet('calc', 'box/deep/x.tif', '--calc', 'A', 'box/s.gdalg.json', cwd=self.folder)
        fishnet('calc', 'a.tif', '--calc', 'A', 'box/t.gdalg.json', cwd=self.folder)
        fishnet('near', 'in.gpkg', 'near.gpkg', '-l', 'in', '--near-layer', 'near', '-o', 'box/n.gdalg.json', cwd=self.folder)
        for name in ('s', 't'):
            self.same(bands(self.path('box/%s.gdalg.json' % name))[0], bands(self.a)[0], name)
        self.assertEqual(len(rows(self.path('box/n.gdalg.json'))[1]), 60)
        os.rename(self.path('box'), self.path('moved'))
        self.same(bands(self.path('moved/s.gdalg.json'))[0], bands(self.a)[0])

    def test_what_cannot_stream(self):
        self.refused_command('calc', 'a.tif', '--calc', 'B', 'bad.gdalg.json', says=['no input B'], absent='bad.gdalg.json')
        self.refused_command('calc', 'a.tif', '--calc', 'A', 'bad.gdalg.json', '--trace', 't.json', says=["'trace'"], absent='bad.gdalg.json')
        self.refused_command('map', 'a.tif', 'bad.gdalg.json', '--grid', '2x2', says=["'grid'"], absent='bad.gdalg.json')
        self.refused_command('near', 'in.gpkg', 'near.gpkg', 'bad.gdalg.json', '--parts', '2', says=["'parts'"], absent='bad.gdalg.json')
        for words in ('--output-format stream --output x --trace t.json', '--output-format GTiff --output x.tif'):
            with open(self.path('evil.gdalg.json'), 'w') as file:
                json.dump({'type': 'gdal_streamed_alg', 'command_line': 'gdal fishnet calc --input a.tif --calc A ' + words}, file)
            done = run('gdalinfo', 'evil.gdalg.json', cwd=self.folder)
            self.assertEqual(done.returncode, 1)
            self.assertFalse(os.path.exists(self.path('t.json')) or os.path.exists(self.path('x.tif')))

    def test_python(self):
        want = np.sqrt(bands(self.a)[0])
        with gdal.Run('fishnet', 'calc', input=['A=' + self.a], calc='sqrt(A)', output_format='MEM') as alg:
            self.same(alg.Output().ReadAsArray(), want)
        with gdal.Run('fishnet calc', input=self.a, calc=['sqrt(A)', 'A'], output_format='stream', workers='threads') as alg:
            self.assertEqual(alg.Output().RasterCount, 2)
            self.same(alg.Output().GetRasterBand(1).ReadAsArray(), want)
        with gdal.alg.fishnet.calc(input=[gdal.Open(self.a)], calc='sqrt(A)', output=self.path('py.tif'), num_threads='2') as alg:
            self.same(alg.Output().ReadAsArray(), want)
        self.same(bands(self.path('py.tif'))[0], want)
        with gdal.Run('fishnet', 'near', input=self.path('in.gpkg'), near=[self.path('near.gpkg')], input_layer='in', near_layer=['near'],
                      output_format='MEM', closest='2') as alg:
            output = alg.Output()
            self.assertEqual(output.GetLayer(0).GetFeatureCount(), 120)
            del output
        with gdal.Run('fishnet', 'near', input=self.path('in.gpkg'), near=[self.path('near.gpkg')], input_layer='in', near_layer=['near'],
                      output_format='stream') as alg:
            output = alg.Output()
            self.assertEqual(output.GetLayer(0).GetFeatureCount(), 60)
            del output

    def test_python_errors(self):
        memory = gdal.GetDriverByName('MEM').Create('', 10, 10)
        computed = gdal.OpenEx('FISHNET:' + self.a, open_options=['CALC=A*2'])
        for arguments, says in (({'input': [memory], 'calc': 'A'}, "Argument 'input': workers cannot open the dataset again: it is in memory"),
                                ({'input': [computed], 'calc': 'A'}, "Argument 'input': workers cannot open the dataset again: it was opened with options"), ({'input': self.a, 'calc': 'nope(A)'}, 'nope')):
            with self.assertRaises(RuntimeError) as caught:
                gdal.Run('fishnet', 'calc', output_format='stream', **arguments)
            self.assertIn(says, str(caught.exception))

    def test_stopped(self):
        """A progress function that says no leaves nothing."""
        class Stop:
            calls = 0

            def __call__(self, done, text, data):
                Stop.calls += 1
                return 0 if done > 0.3 else 1
        for name, options in (('calc', {'input': self.a, 'calc': 'A', 'tile_size': '64'}), ('map', {'input': self.a}),
                              ('calc', {'input': self.a, 'calc': 'A', 'creation_option': ['COMPRESS=LZW', 'BLOCKYSIZE=16', 'BLOCKXSIZE=16']})):
            path = self.path('stopped.tif')
            with self.assertRaises(RuntimeError):
                gdal.Run('fishnet', name, output=path, progress=Stop(), **options)
            self.assertFalse(os.path.exists(path), name)
        self.assertGreater(Stop.calls, 2)


class TestMap(Commands):
    def test_one_file(self):
        want = bands(self.a)[0]
        for name, extra in (('m.tif', ()), ('m2.tif', ('--co', 'COMPRESS=ZSTD')), ('m.img', ('-f', 'HFA')), ('c.tif', ('-f', 'COG'))):
            fishnet('map', self.a, self.path(name), *extra, '-j', '2', '--workers', 'processes')
            self.same(bands(self.path(name))[0], want, name)
            self.assertEqual(gdal.Open(self.path(name)).GetRasterBand(1).GetNoDataValue(), -9999)

    def test_pipeline(self):
        """A dataset that computes: the pixels of serial GDAL."""
        good('gdal', 'raster', 'pipeline', 'read', 'a.tif', '!', 'slope', '!', 'write', 'slope.gdalg.json', cwd=self.folder)
        good('gdal', 'raster', 'convert', 'slope.gdalg.json', 'serial.tif', cwd=self.folder)
        fishnet('map', 'slope.gdalg.json', 'parallel.tif', cwd=self.folder)
        self.same(bands(self.path('parallel.tif'))[0], bands(self.path('serial.tif'))[0])

    def test_tiles_are_those_of_the_driver(self):
        fishnet('map', 'a.tif', 't.vrt', '--grid', '2x3', '--tile-co', 'COMPRESS=LZW', '--tile-co', 'PREDICTOR=3', '--mosaic', 'vrt', cwd=self.folder)
        good('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'GRID=2x3', '-co', 'TILE_CO=COMPRESS=LZW;PREDICTOR=3', 'a.tif', 'd.vrt', cwd=self.folder)
        tiles = sorted(name for name in os.listdir(self.path('d_tiles')) if name.endswith('.tif'))
        self.assertEqual(len(tiles), 6)
        for name in tiles:
            self.assertEqual(content(self.path('t_tiles/' + name)), content(self.path('d_tiles/' + name)), name)
        self.same(bands(self.path('t.vrt'))[0], bands(self.a)[0])

    def test_tiles_in_another_format_and_mosaic(self):
        fishnet('map', 'a.tif', 'h.vrt', '--tile-size', '200x100', '--tile-format', 'HFA', cwd=self.folder)
        self.assertEqual(len([name for name in os.listdir(self.path('h_tiles')) if name.endswith('.img')]), 6)
        fishnet('map', 'a.tif', 'g.gti', '--tile-size', '200', '--mosaic', 'GTI', cwd=self.folder)
        self.same(bands(self.path('g.gti'))[0], bands(self.a)[0])

    def test_resume(self):
        words = ('map', 'a.tif', 'r.vrt', '--grid', '2x2')
        fishnet(*words, cwd=self.folder)
        kept = self.path('r_tiles/r000_c000.tif')
        os.remove(self.path('r.vrt'))
        os.remove(self.path('r_tiles/r001_c001.tif'))
        before = os.stat(kept).st_mtime_ns
        fishnet(*words, '--resume', cwd=self.folder)
        self.assertEqual(os.stat(kept).st_mtime_ns, before)
        self.same(bands(self.path('r.vrt'))[0], bands(self.a)[0])
        self.refused_command(*words, says=["'r.vrt' already exists", '--overwrite'])
        fishnet(*words, '--overwrite', cwd=self.folder)
        self.assertNotEqual(os.stat(kept).st_mtime_ns, before)

    def test_errors(self):
        for words, says in ((('--grid', '2'), ['--grid=2']), (('--grid', '2x2', '-f', 'GTiff'), ["'grid'", "'output-format'"]),
                            (('--tile-size', '64', '--co', 'COMPRESS=LZW'), ["'tile-size'", "'creation-option'"]),
                            (('--grid', '2x2', '--tile-size', '64'), ['GRID', 'TILE_SIZE']),
                            (('--mosaic', 'tree'), ["'mosaic'", "'tree'"]), (('--tile-format', 'Nope'), ['Nope'])):
            self.refused_command('map', 'a.tif', 'no.vrt', *words, says=says, absent='no.vrt')
        self.refused_command('map', 'broken.tif', 'no.vrt', '--grid', '2x2', '--retries', '0', says=['broken.tif'], absent='no.vrt')
        self.refused_command('map', 'nope.tif', 'no.tif', says=['nope.tif'], absent='no.tif')


class TestNear(Commands):
    LAYERS = ('-l', 'in', '--near-layer', 'near')
    OO = ('-oo', 'LAYER=in', '-oo', 'NEAR=near.gpkg', '-oo', 'NEAR_LAYER=near')

    def test_rows_are_those_of_the_driver(self):
        for arguments, options in (((), ()),
                                   (('--closest', '3', '--radius', '400', '--min-radius', '5', '--location', '--angle',
                                     '--geometry', 'line', '--fields', 'street', '--near-fields', 'street', '--match', 'street',
                                     '--unmatched', 'null', '--method', 'planar', '--where', "street <> 'S1'", '--near-where', "street <> 'S9'",
                                     '--exclude-self', 'no', '--partition', '1/2', '--partition-size', '7', '-j', '3', '--along',
                                     '--workers', 'processes', '--retries', '1', '--threads-per-worker', '1', '--task-timeout', '60'),
                                    ('CLOSEST=3', 'RADIUS=400', 'MIN_RADIUS=5', 'LOCATION=YES', 'ANGLE=YES', 'GEOMETRY=LINE',
                                     'FIELDS=street', 'NEAR_FIELDS=street', 'MATCH=street', 'UNMATCHED=NULL', 'METHOD=PLANAR',
                                     "WHERE=street <> 'S1'", "NEAR_WHERE=street <> 'S9'", 'PARTITION=1/2', 'ALONG=YES'))):
            fishnet('near', 'in.gpkg', 'near.gpkg', 'mine.gpkg', '--overwrite', *self.LAYERS, *arguments, cwd=self.folder)
            words = [word for option in options for word in ('-oo', option)]
            good('ogr2ogr', '-overwrite', 'theirs.gpkg', 'NEARTABLE:in.gpkg', *self.OO, *words, cwd=self.folder)
            mine, theirs = rows(self.path('mine.gpkg')), rows(self.path('theirs.gpkg'))
            self.assertGreater(len(mine[1]), 10)
            self.assertEqual(mine, theirs)
            self.assertEqual(list(layers(self.path('mine.gpkg'))), ['in_near'])

    def test_geodesic(self):
        """Real places and rivers, with units."""
        where = ('--where', 'fid < 200', '--distance-unit', 'km', '--method', 'geodesic', '--radius', '300km')
        fishnet('near', real('places.shp'), real('rivers.shp'), 'mine.csv', '--overwrite', *where, cwd=self.folder)
        good('ogr2ogr', '-overwrite', 'theirs.csv', 'NEARTABLE:' + real('places.shp'), '-oo', 'NEAR=' + real('rivers.shp'), '-oo', 'WHERE=fid < 200',
             '-oo', 'DISTANCE_UNIT=km', '-oo', 'METHOD=GEODESIC', '-oo', 'RADIUS=300km', cwd=self.folder)
        self.assertGreater(len(rows(self.path('mine.csv'))[1]), 50)
        self.assertEqual(content(self.path('mine.csv')), content(self.path('theirs.csv')))

    def test_several_near_sides(self):
        fishnet('near', 'in.gpkg', 'near.gpkg', 'in.gpkg', '-o', 'both.csv', '-l', 'in', '--near-layer', 'near_second', '--near-layer', 'in_second',
                cwd=self.folder)
        names, found = rows(self.path('both.csv'))
        self.assertIn('NEAR_FC', names)
        self.assertEqual({row[names.index('NEAR_FC')] for row in found}, {'near.gpkg:near_second', 'in.gpkg:in_second'})
        shutil.copy(self.path('near.gpkg'), self.path('a;b.gpkg'))
        fishnet('near', '-i', 'in.gpkg', '--near', 'a;b.gpkg', '-o', 'semicolon.csv', *self.LAYERS, cwd=self.folder)
        self.assertEqual(len(rows(self.path('semicolon.csv'))[1]), 60)

    def test_into_what_is_there(self):
        words = ('near', 'in.gpkg', 'near.gpkg', '-o', 'there.gpkg', *self.LAYERS)
        fishnet(*words, cwd=self.folder)
        self.refused_command(*words, says=["'there.gpkg' already exists", '--overwrite'])
        fishnet(*words, '--update', '--output-layer', 'second', '--closest', '2', '--lco', 'FID=number', cwd=self.folder)
        self.assertEqual((len(rows(self.path('there.gpkg'), 'in_near')[1]), len(rows(self.path('there.gpkg'), 'second')[1])), (60, 120))
        self.assertEqual(layers(self.path('there.gpkg')), {'in_near': 'fid', 'second': 'number'})
        self.refused_command(*words, '--update', '--output-layer', 'second', says=['second'])
        self.assertEqual(len(rows(self.path('there.gpkg'), 'second')[1]), 120)
        fishnet(*words, '--append', '--output-layer', 'second', cwd=self.folder)
        self.assertEqual(len(rows(self.path('there.gpkg'), 'second')[1]), 180)
        fishnet(*words, '--overwrite-layer', '--output-layer', 'second', cwd=self.folder)
        self.assertEqual(len(rows(self.path('there.gpkg'), 'second')[1]), 60)
        fishnet(*words, '--overwrite', cwd=self.folder)
        self.assertEqual(list(layers(self.path('there.gpkg'))), ['in_near'])
        shutil.copy(self.path('in.gpkg'), self.path('itself.gpkg'))  # beside its input, that workers read meanwhile
        for workers in ('threads', 'processes'):
            fishnet('near', 'itself.gpkg', 'near.gpkg', '-o', 'itself.gpkg', *self.LAYERS, '--update', '--output-layer', workers,
                    '--workers', workers, cwd=self.folder)
            self.assertEqual(rows(self.path('itself.gpkg'), workers), rows(self.path('there.gpkg')))

    def test_formats(self):
        for name, extra in (('f.csv', ()), ('f.fgb', ('--geometry', 'near')), ('f.geojsonl', ('-f', 'GeoJSONSeq')), ('f.db', ('-f', 'SQLite', '--geometry', 'from'))):
            fishnet('near', 'in.gpkg', 'near.gpkg', name, *self.LAYERS, *extra, cwd=self.folder)
            self.assertEqual(len(rows(self.path(name))[1]), 60, name)

    def single(self, command, prefix, options, cases, by_workers):
        """Are the rows encoded by the workers? Either way, the bytes are those of ogr2ogr."""
        os.makedirs(self.path('theirs'), exist_ok=True)
        for name, format, words, oo, co in cases:
            for path in (self.path(name), self.path('theirs/' + name)):
                if os.path.exists(path):
                    os.remove(path)
            extra = [word for key, option in co for word in ('--' + key, option)]
            done = run('gdal', 'fishnet', *command, name, *words, *extra, env={'CPL_DEBUG': 'FISHNET'}, cwd=self.folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual('are encoded by the workers' in done.stderr, by_workers, (name, extra, done.stderr))
            extra = [word for key, option in co for word in ({'co': '-dsco', 'lco': '-lco', 'output-layer': '-nln'}[key], option)]
            good('ogr2ogr', '-f', format, 'theirs/' + name, prefix, *options, *[word for option in oo for word in ('-oo', option)], *extra,
                 cwd=self.folder)
            self.assertEqual(content(self.path(name)), content(self.path('theirs/' + name)), (name, extra))

    def test_one_file(self):
        index = ('lco', 'SPATIAL_INDEX=NO')
        from_there = (('--geometry', 'from'), ('GEOMETRY=FROM',))
        command, options = ('near', 'in.gpkg', 'near.gpkg', *self.LAYERS, '-o'), ('NEARTABLE:in.gpkg', self.OO)
        self.single(command, *options, (
            ('s.csv', 'CSV', ('--closest', '3'), ('CLOSEST=3',), ()),
            ('s.csv', 'CSV', ('-f', 'CSV', '--fields', 'street'), ('FIELDS=street',), (('lco', 'SEPARATOR=TAB'),)),
            ('s.csv', 'CSV', ('--geometry', 'line'), ('GEOMETRY=LINE',), (('lco', 'GEOMETRY=AS_WKT'), ('lco', 'CREATE_CSVT=YES'))),
            ('s.fgb', 'FlatGeobuf', *from_there, (index,)),
            ('s.fgb', 'FlatGeobuf', ('--geometry', 'line', '--near-fields', 'street'), ('GEOMETRY=LINE', 'NEAR_FIELDS=street'), (index,)),
            ('s.geojsonl', 'GeoJSONSeq', *from_there, ())), True)
        self.single(command, *options, (
            ('s.fgb', 'FlatGeobuf', *from_there, ()),
            ('s.fgb', 'FlatGeobuf', *from_there, (index, ('output-layer', 'other'))),
            ('s.csv', 'CSV', *from_there, ()),
            ('s.csv', 'CSV', (), (), (('lco', 'SEPARATOR=SEMICOLON'), ('lco', 'STRING_QUOTING="IF_NEEDED"'))),
            ('s.geojsonl', 'GeoJSONSeq', ('--fields', 'street'), ('FIELDS=street',), ()),
            ('s.geojson', 'GeoJSON', *from_there, ())), False)

    def test_one_file_that_fails(self):
        done = subprocess.run(['gdal', 'fishnet', 'near', 'in.gpkg', 'near.gpkg', *self.LAYERS, '--closest', 'all', '-o', 'full.csv'], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, preexec_fn=lambda: small_files(10000))
        self.assertEqual(done.returncode, 1)
        self.assertIn('full.csv cannot be written', done.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if 'full' in name], [])

    def test_one_file_in_python(self):
        words = {'input': self.path('in.gpkg'), 'near': [self.path('near.gpkg')], 'input_layer': 'in', 'near_layer': ['near']}
        for name in ('python.csv', 'python.geojsonl'):
            with gdal.Run('fishnet', 'near', output=self.path(name), **words) as command:
                table = command.Output()
                self.assertEqual(table.GetLayer(0).GetFeatureCount(), 60)
                table = None
            self.assertTrue(os.path.exists(self.path(name)))

    def test_parts(self):
        fishnet('near', 'in.gpkg', 'near.gpkg', 'p.vrt', *self.LAYERS, '--parts', '3', '--part-format', 'GPKG', '--part-lco', 'FID=number',
                '--part-co', 'VERSION=1.2', cwd=self.folder)
        self.assertEqual(len([name for name in os.listdir(self.path('p_parts')) if name.endswith('.gpkg')]), 3)
        fishnet('near', 'in.gpkg', 'near.gpkg', 'whole.gpkg', '--overwrite', *self.LAYERS, cwd=self.folder)
        self.assertEqual(rows(self.path('p.vrt'))[1], rows(self.path('whole.gpkg'))[1])
        os.remove(self.path('p.vrt'))
        fishnet('near', 'in.gpkg', 'near.gpkg', 'p.vrt', *self.LAYERS, '--parts', '3', '--part-format', 'GPKG', '--part-lco', 'FID=number',
                '--part-co', 'VERSION=1.2', '--resume', cwd=self.folder)
        self.assertEqual(rows(self.path('p.vrt'))[1], rows(self.path('whole.gpkg'))[1])

    def test_errors(self):
        for words, says in ((('nope.gpkg', 'near.gpkg'), ['nope.gpkg']), (('in.gpkg', 'nope.gpkg', '-l', 'in'), ['nope.gpkg']),
                            (('in.gpkg', 'near.gpkg', '-l', 'nope'), ['nope']), (('in.gpkg', 'near.gpkg', '--near-layer', 'nope', '-l', 'in'), ['nope']),
                            (('in.gpkg', 'near.gpkg', *self.LAYERS, '--radius', '3 feets'), ['--radius=3 feets']),
                            (('in.gpkg', 'near.gpkg', *self.LAYERS, '--closest', '0'), ['--closest=0']),
                            (('in.gpkg', 'near.gpkg', *self.LAYERS, '--method', 'crow'), ["'method'", "'crow'"]),
                            (('in.gpkg', 'near.gpkg', *self.LAYERS, '--fields', 'nope'), ['nope']),
                            (('in.gpkg', 'near.gpkg', *self.LAYERS, '--parts', '2', '--part-format', 'GPKG'), ['.vrt']),
                            (('in.gpkg', 'near.gpkg', *self.LAYERS, '--parts', '2', '--co', 'A=B'), ["'parts'", "'creation-option'"]),
                            (('in.gpkg',), ['ositional'])):
            self.refused_command('near', *words, '-o', 'no.gpkg', '-q', says=says, absent='no.gpkg')

    def test_nothing_half_written(self):
        calls = []

        def stop(done, text, data):
            calls.append(done)
            return 0 if done > 0.2 else 1
        words = {'input': self.path('in.gpkg'), 'near': [self.path('near.gpkg')], 'input_layer': 'in', 'near_layer': ['near']}
        with self.assertRaises(RuntimeError):
            gdal.Run('fishnet', 'near', output=self.path('half.gpkg'), progress=stop, **words)
        self.assertTrue(calls)
        self.assertFalse(os.path.exists(self.path('half.gpkg')))
        fishnet('near', 'in.gpkg', 'near.gpkg', 'whole.gpkg', '--overwrite', *self.LAYERS, cwd=self.folder)
        with self.assertRaises(RuntimeError):
            gdal.Run('fishnet', 'near', output=self.path('whole.gpkg'), update=True, output_layer='more', progress=stop, **words)
        self.assertEqual(list(layers(self.path('whole.gpkg'))), ['in_near'])


class TestDoctor(Commands):
    """Each thing that can be wrong is made to be wrong."""

    @classmethod
    def prepare(cls):
        cls.base = {name: value for name, value in os.environ.items()
                    if name not in ('GDAL_NUM_THREADS', 'FISHNET_WORKERS', 'FISHNET_SIMD', 'CPL_DEBUG')}

    def doctor(self, env=None, limits=(), user=None, affinity=None):
        """(findings of each state, exit status). user: an unprivileged one."""
        def before():
            for limit, value in limits:
                resource.setrlimit(limit, (value, value))
            if affinity:
                os.sched_setaffinity(0, affinity)
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
        done = subprocess.run(['gdal', 'fishnet', 'doctor', '-f', 'json'], env=dict(self.base, **(env or {})), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, preexec_fn=before, timeout=patience(60), cwd='/')
        self.assertGreaterEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        states = {state: [finding for finding in answer['findings'] if finding['state'] == state] for state in ('ok', 'note', 'wrong')}
        self.assertEqual(answer['wrong'], len(states['wrong']))
        self.assertEqual(done.returncode, 1 if states['wrong'] else 0)
        for finding in states['wrong']:
            self.assertTrue(finding['fix'], finding)
            self.assertNotIn('\n', finding['fix'])
        return states

    def finds(self, text, fix, what=None, **options):
        """Something wrong, with these words in it and in its fix."""
        states = self.doctor(**options)
        found = [finding for finding in states['wrong'] if text in finding['text'] and fix in finding['fix']
                 and (what is None or finding['what'] == what)]
        self.assertTrue(found, states['wrong'])
        return states['wrong']

    def copy(self, name):
        """The plugin folder's module and helper in a folder of its own."""
        folder = self.path(name)
        os.makedirs(folder)
        for file in ('gdal_FISHNET.so', 'fishnet-worker'):
            shutil.copy(os.path.join(PLUGINS, file), folder)
        return folder

    def test_all_is_well(self):
        temporary = self.path('temporary')
        os.makedirs(temporary)
        states = self.doctor(env={'CPL_TMPDIR': temporary})
        self.assertEqual(states['wrong'], [])
        texts = {finding['what']: finding['text'] for finding in states['ok']}
        self.assertEqual(texts['module'], os.path.realpath(os.path.join(PLUGINS, 'gdal_FISHNET.so')))
        self.assertEqual(texts['helper'], os.path.realpath(os.path.join(PLUGINS, 'fishnet-worker')))
        self.assertIn(gdal.__version__.split('-')[0].replace('dev', ''), texts['versions'])
        self.assertRegex(texts['libraries'], r'GEOS 3\.\d+.*PROJ \d.*SLEEF 3\.\d')
        self.assertRegex(texts['kernels'], '^(plain|avx2|avx512)$')
        tests = [finding['text'] for finding in states['ok'] if finding['what'] == 'self-test']
        self.assertEqual(tests, ['raster by threads and processes: as known', 'near table by threads and processes: as known'])
        self.assertEqual(os.listdir(temporary), [])

    def test_text(self):
        done = run('gdal', 'fishnet', 'doctor', env=self.base)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'(?m)^ok +module +/.*gdal_FISHNET\.so$')
        notes = len(re.findall('(?m)^note', done.stdout))
        self.assertTrue(done.stdout.endswith('Nothing is wrong; %d note%s.\n' % (notes, 's' if notes > 1 else '') if notes else 'Nothing is wrong.\n'), done.stdout)
        done = run('gdal', 'fishnet', 'doctor', env={'GDAL_NUM_THREADS': 'few'})
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'(?m)^WRONG  configuration +GDAL_NUM_THREADS=few.*\n +fix: GDAL_NUM_THREADS=ALL_CPUS')
        self.assertRegex(done.stdout, r'\n1 thing is wrong(; \d notes?)?\.\n$')

    def test_python(self):
        with gdal.Run('fishnet', 'doctor', output_format='json') as alg:
            self.assertEqual(alg.Outputs()['output-string']['findings'][0]['what'], 'versions')

    def test_helper(self):
        folder = self.copy('nohelper')
        os.remove(folder + '/fishnet-worker')
        wrong = self.finds(folder + '/fishnet-worker: No such file', 'put the program fishnet-worker', what='helper', env={'GDAL_DRIVER_PATH': folder})
        self.assertEqual(sorted({finding['what'] for finding in wrong}), ['helper', 'self-test'])
        self.assertTrue(all('processes' in finding['text'] for finding in wrong))
        folder = self.copy('plainhelper')
        os.chmod(folder + '/fishnet-worker', 0o644)
        self.finds('is not executable', 'chmod +x ' + folder, what='helper', env={'GDAL_DRIVER_PATH': folder})
        folder = self.copy('brokenhelper')
        with open(folder + '/fishnet-worker', 'w') as file:
            file.write('#!/bin/sh\nexit 3\n')
        wrong = self.finds('by processes', 'THREADS', what='self-test', env={'GDAL_DRIVER_PATH': folder})
        self.assertEqual(len(wrong), 2)

    def test_plugin_folders(self):
        other = self.copy('other')
        self.finds(other + '/gdal_FISHNET.so lies in a plugin folder too', 'remove one', what='another module',
                   env={'GDAL_DRIVER_PATH': PLUGINS + ':' + other})
        self.finds('/nowhere: No such file', 'GDAL_DRIVER_PATH', what='plugin folder', env={'GDAL_DRIVER_PATH': PLUGINS + ':/nowhere'})
        alone = self.doctor(env={'GDAL_DRIVER_PATH': PLUGINS})
        self.assertIn('stands in place of', ' '.join(finding['text'] for finding in alone['note']))
        versioned = os.path.join(self.copy('versioned'), '%d.%d' % VERSION)
        os.makedirs(versioned)
        shutil.move(self.path('versioned/gdal_FISHNET.so'), versioned)
        shutil.move(self.path('versioned/fishnet-worker'), versioned)
        states = self.doctor(env={'GDAL_DRIVER_PATH': self.path('versioned')})
        self.assertIn(versioned, [finding['text'] for finding in states['ok'] if finding['what'] == 'plugin folder'])

    def test_skipped_driver(self):
        for driver in ('FISHNET', 'NEARTABLE', 'ZONALSTATS'):
            self.finds(driver + ' is not registered: GDAL_SKIP=' + driver, 'GDAL_SKIP', what='driver', env={'GDAL_SKIP': driver})

    def test_configuration(self):
        if os.cpu_count() > 1:
            self.finds('GDAL_NUM_THREADS=1', 'ALL_CPUS', env={'GDAL_NUM_THREADS': '1'})
        else:
            print('one CPU: GDAL_NUM_THREADS=1 is right here')
        self.finds('GDAL_NUM_THREADS=many', 'ALL_CPUS', env={'GDAL_NUM_THREADS': 'many'})
        self.finds('GDAL_NUM_THREADS=900', 'ALL_CPUS', env={'GDAL_NUM_THREADS': '900'})
        self.finds('FISHNET_WORKERS=ROBOTS', 'unset', env={'FISHNET_WORKERS': 'ROBOTS'})
        self.finds('CPL_TMPDIR=/nowhere', 'CPL_TMPDIR', env={'CPL_TMPDIR': '/nowhere'})
        self.finds('GDAL_CACHEMAX', 'GDAL_CACHEMAX=', what='memory', env={'GDAL_CACHEMAX': '100%'})
        self.finds('GDAL_CACHEMAX', 'GDAL_CACHEMAX=', what='memory', env={'GDAL_CACHEMAX': '2'})
        notes = ' '.join(finding['text'] for finding in self.doctor(env={'FISHNET_WORKERS': 'PROCESSES', 'CPL_DEBUG': 'ON'})['note'])
        self.assertIn('FISHNET_WORKERS=PROCESSES', notes)
        self.assertIn('CPL_DEBUG=ON', notes)

    def test_kernels(self):
        best = [finding['text'] for finding in self.doctor()['ok'] if finding['what'] == 'kernels']
        if best == ['plain']:
            print('this CPU has plain kernels only')
        else:
            self.finds('plain, though this CPU has ' + best[0], 'unset FISHNET_SIMD', what='kernels', env={'FISHNET_SIMD': 'plain'})

    def test_limits(self):
        self.finds('open files', 'ulimit -n', what='limit NOFILE', limits=[(resource.RLIMIT_NOFILE, 60)])
        self.finds('MB of addresses', 'ulimit -v unlimited', what='limit AS', limits=[(resource.RLIMIT_AS, 3 << 30)])
        self.finds('counts as one', 'ulimit -f unlimited', what='shared memory', limits=[(resource.RLIMIT_FSIZE, 1 << 20)])
        if os.getuid() == 0:  # whom the limit does not hold
            user = 65534
            os.chmod(self.folder, 0o755)
            self.finds('too few', 'ulimit -u', what='limit NPROC', limits=[(resource.RLIMIT_NPROC, 3)], user=user)
            self.assertEqual([f for f in self.doctor(user=user)['wrong'] if f['what'] == 'limit NPROC'], [])
        else:
            self.finds('too few', 'ulimit -u', what='limit NPROC', limits=[(resource.RLIMIT_NPROC, 3)])

    def test_affinity(self):
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            print('one CPU: affinity takes nothing away')
            return
        notes = self.doctor(affinity=cpus[:1])['note']
        self.assertIn('1 usable', ' '.join(finding['text'] for finding in notes))

    def test_proj(self):
        os.makedirs(self.path('proj'))
        self.finds('', 'PROJ_DATA', what='proj.db', env={'PROJ_DATA': self.path('proj'), 'PROJ_LIB': self.path('proj')})


class TestOldGDAL(Case):
    """The module is the same without them."""

    def test_module_loads(self):
        print('GDAL %s has no program gdal: there are no commands' % gdal.__version__)
        for name in ('FISHNET', 'NEARTABLE', 'ZONALSTATS'):
            self.assertIsNotNone(gdal.GetDriverByName(name))
        self.assertFalse(hasattr(gdal, 'alg'))
        done = run('gdalinfo', '--format', 'FISHNET')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        path = write(self.path('old.tif'), np.full((20, 30), 9, np.float32))
        self.assertIn('Size is 30, 20', good('gdalinfo', 'FISHNET:' + path, '-oo', 'CALC=sqrt(A)'))
        self.assertIsNotNone(real('dem.tif'))


if HAS_COMMANDS:
    del TestOldGDAL
else:
    del TestShares, TestListing, TestCalc, TestStreams, TestMap, TestNear, TestDoctor


if __name__ == '__main__':
    unittest.main()
