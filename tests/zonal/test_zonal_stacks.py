"""Rasters with names, and stacks of them, in ZONALSTATS: against numpy, and against the table of a raster that numpy has computed."""
import json
import os
import shutil
import unittest
import warnings

import jsonschema
import numpy as np

from zonal_common import KINDS, HERE, VERSION, ZonalCase, area, box, columns, file_rows, good, run, table, write

SHAPE, MEMBERS = (90, 120), 6
GRID = (0, 1, 0, SHAPE[0], 0, -1)
STATS = 'COUNT,NODATA_COUNT,MIN,MAX,MEAN,STD,SUM,MEDIAN,PCT90'


class ZonalStacks(ZonalCase):
    @classmethod
    def prepare(cls):
        """Scenes of two bands with holes (NoData 0)."""
        random = np.random.default_rng(3)
        cls.scenes = random.integers(1, 3000, (MEMBERS, 2, *SHAPE)).astype(np.uint16)
        cls.scenes[random.random((MEMBERS, 1, *SHAPE)).repeat(2, 1) < 0.3] = 0
        os.makedirs(cls.path('scenes'))
        cls.names = [cls.path('scenes/s_2024%02d01.tif' % (month + 1)) for month in range(MEMBERS)]
        for name, bands in zip(cls.names, cls.scenes):
            write(name, list(bands), nodata=0, geotransform=GRID, epsg=32632, options=['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=32'])
        cls.pattern = cls.path('scenes/s_*.tif')
        with open(cls.path('list.txt'), 'w', encoding='ascii') as file:
            file.write('# scenes\n' + ''.join(os.path.relpath(name, cls.folder) + '\n' for name in cls.names))
        cls.valid = np.where(cls.scenes == 0, np.nan, cls.scenes.astype(float))
        cls.red, cls.nir = (write(cls.path(name), cls.scenes[0, band], nodata=0, geotransform=GRID, epsg=32632)
                            for band, name in enumerate(('b4.tif', 'b5.tif')))
        cls.file = cls.zones([area([[(2, 3), (70, 10), (60, 80), (5, 60)]], gt=GRID), area([box(50, 20, 118, 88)], gt=GRID),
                              area([box(100, 2, 103, 5)], gt=GRID)])

    def check(self, values, **options):
        """The rows of the table are those of a raster with these values, to the bit."""
        whole = write(self.new('want.tif'), values, nodata=np.nan, geotransform=GRID, epsg=32632)
        want = table(self.file, RASTER=whole, STATS=STATS)
        self.assertGreater(want[0]['COUNT'], 1000)
        self.assertEqual(table(self.file, STATS=STATS, **options), want)

    # ---- values ----

    def test_names(self):
        red, nir = self.valid[0]
        inputs = ['red=' + self.red, 'nir="%s"' % self.nir]
        for kind in KINDS:
            self.check((nir - red) / (nir + red), INPUT=inputs, CALC='(nir-red)/(nir+red)', WORKERS=kind)

    def test_stacks(self):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of pixels without any value
            median = np.nanmedian(self.valid[:, 0], 0)
        index = (self.valid[:, 1] - self.valid[:, 0]) / (self.valid[:, 1] + self.valid[:, 0])
        for kind in KINDS:
            for stack in (self.pattern, '@' + self.path('list.txt'), ';'.join(self.names)):
                self.check(median, INPUT='S=' + stack, CALC='nanmedian(S)', WORKERS=kind)
            self.check(np.fmax.reduce(index), INPUT='S=' + self.pattern, CALC='nanmax((S[2]-S[1])/(S[2]+S[1]))', WORKERS=kind)
        self.check(np.percentile(self.valid[1:4, 1], 90, axis=0), INPUT='scenes=' + self.pattern, CALC='percentile(slice(scenes[2], 2, 4), 90)')

    def test_beside_letters(self):
        """A and B are rasters of RASTER, whatever stands between them."""
        red, nir = self.valid[0]
        options = {'RASTER': [self.red, self.nir], 'INPUT': 'S=' + self.pattern}
        self.check(np.fmin.reduce(self.valid[:, 0]) + 2 * red - nir, CALC='nanmin(S)+2*A-B', **options)
        self.check(np.fmin.reduce(self.valid[:, 0]) + 2 * red - nir, CALC='nanmin(S)+2*A-B', **dict(reversed(options.items())))
        self.check(red - nir, INPUT=['A=' + self.red, 'N=' + self.nir], CALC='A-N')

    def test_weights_stand_behind(self):
        """The raster of weights is not a member."""
        want = table(self.file, RASTER=self.red, CALC='A', WEIGHTS=self.nir, STATS='WEIGHTED_MEAN,WEIGHT_SUM')
        got = table(self.file, INPUT='S=' + self.pattern, CALC='first(S)', WEIGHTS=self.nir, STATS='WEIGHTED_MEAN,WEIGHT_SUM')
        self.assertEqual(got, want)
        self.assertGreater(want[0]['WEIGHT_SUM'], 0)

    def test_columns(self):
        """Without CALC columns begin with the name, where there are several rasters."""
        names = [name for name, _ in columns(self.file, INPUT=['red=' + self.red, 'nir=' + self.nir], STATS='MEAN,MAX')]
        self.assertEqual(names, ['ZONE_FID', 'red_MEAN', 'red_MAX', 'nir_MEAN', 'nir_MAX'])
        names = [name for name, _ in columns(self.file, INPUT='scene=' + self.names[0], RASTER=self.red, STATS='MEAN')]
        self.assertEqual(sorted(names[1:]), ['b4_MEAN', 'scene_B1_MEAN', 'scene_B2_MEAN'])
        self.assertEqual([name for name, _ in columns(self.file, INPUT='red=' + self.red, STATS='MEAN')], ['ZONE_FID', 'MEAN'])

    # ---- ways to say it ----

    def test_recipes(self):
        want = table(self.file, INPUT='S=' + self.pattern, CALC='nanmedian(S)', STATS=STATS)
        shutil.copy(self.file, self.path('zones.gpkg'))
        with open(os.path.join(HERE, '..', '..', 'docs', 'fishnet.schema.json'), encoding='utf-8') as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        for i, stack in enumerate(('scenes/s_*.tif', '@list.txt', [os.path.relpath(name, self.folder) for name in self.names])):
            recipe = {'type': 'zonal_stats', 'input': 'zones.gpkg', 'inputs': {'S': stack, 'A': 'b4.tif'},
                      'calc': 'nanmedian(S)+0*where(isnodata(A), 0, A)', 'stats': STATS}
            self.assertEqual([error.message for error in validator.iter_errors(recipe)], [])
            path = self.path('r%d.fishnet.json' % i)
            with open(path, 'w', encoding='ascii') as file:
                json.dump(recipe, file)
            self.assertEqual(file_rows(path), want)
        for wrong, words in (({'inputs': {}}, 'inputs'), ({'inputs': {'1S': 'b4.tif'}}, 'inputs.1S'), ({'inputs': {'S': []}}, 'inputs.S'),
                             ({'inpots': {'S': 'b4.tif'}}, '"inputs"'), ({}, 'RASTER is not given')):
            self.assertFalse(validator.is_valid({'type': 'zonal_stats', 'input': 'zones.gpkg', **wrong}))
            with open(self.path('wrong.fishnet.json'), 'w', encoding='ascii') as file:
                json.dump({'type': 'zonal_stats', 'input': 'zones.gpkg', **wrong}, file)
            with self.assertRaises(RuntimeError) as caught:
                file_rows(self.path('wrong.fishnet.json'))
            self.assertIn(words, str(caught.exception))

    def test_one_option_in_a_vrt(self):
        both = 'red="%s"|nir="%s"' % (self.red, self.nir)
        want = table(self.file, INPUT=['red=' + self.red, 'nir=' + self.nir], CALC='nir-red', STATS=STATS)
        self.assertEqual(table(self.file, INPUT=both, CALC='nir-red', STATS=STATS), want)

    @unittest.skipIf(VERSION < (3, 11), 'the gdal command came with GDAL 3.11')
    def test_command(self):
        out = self.new('command.csv')
        good('gdal', 'fishnet', 'zonal-stats', '-q', '-i', 'red=' + self.red, '-i', 'S=' + self.pattern, '--zones', self.file, '--calc',
             'nanmax(S)-red', '--stat', 'count', '--stat', 'sum', out)
        want = table(self.file, INPUT=['red=' + self.red, 'S=' + self.pattern], CALC='nanmax(S)-red', STATS='COUNT,SUM')
        self.assertEqual([(int(row['COUNT']), float(row['SUM'])) for row in file_rows(out)], [(row['COUNT'], row['SUM']) for row in want])

    # ---- the same bytes ----

    def test_workers_and_shares(self):
        def write_parts(name, *words):
            return run('ogr2ogr', '-q', '-f', 'ZONALSTATS', '-dsco', 'FORMAT=CSV', *words, self.path(name), 'ZONALSTATS:' + self.file,
                       '-oo', 'INPUT=S=' + self.pattern, '-oo', 'CALC=nanmedian(S)-nanmean(S[2])', '-oo', 'STATS=' + STATS, '-oo', 'PARTITION_SIZE=1')
        first = None
        for words in (['NUM_WORKERS=1'], ['NUM_WORKERS=2'], ['NUM_WORKERS=7', 'TILE_SIZE=256x64'], ['NUM_WORKERS=3', 'WORKERS=PROCESSES']):
            got = repr(table(self.file, INPUT='S=' + self.pattern, CALC='nanmedian(S)-nanmean(S[2])', STATS=STATS, **dict(word.split('=') for word in words)))
            first = first or got
            self.assertEqual(got, first, words)
        for name, runs in (('whole', [[]]), ('shares', [['-dsco', 'PARTITION=2/2'], ['-dsco', 'PARTITION=1/2'], ['-dsco', 'ASSEMBLE=YES']])):
            for words in runs:
                done = write_parts(name + '.vrt', *words)
                self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(repr(file_rows(self.path('whole.vrt'))), repr(file_rows(self.path('shares.vrt'))))
        extra = self.path('scenes/s_20250101.tif')
        shutil.copy(self.names[0], extra)
        done = write_parts('whole.vrt', '-dsco', 'RESUME=YES')
        os.unlink(extra)
        self.assertEqual(done.returncode, 1)
        self.assertIn('S[7]=', done.stderr)

    # ---- what is wrong ----

    def test_errors(self):
        other = write(self.new('other.tif'), self.scenes[0, 0, :50], geotransform=GRID, epsg=32632)
        broken = self.new('broken.tif')
        shutil.copy(self.names[1], broken)
        with open(broken, 'r+b') as file:
            file.truncate(os.path.getsize(broken) // 2)
        stack = 'S=' + self.pattern
        for words, options in ((('INPUT=S', 'a stack needs an expression'), {'INPUT': stack}),
                               (('S is given twice',), {'INPUT': [stack, 'S=' + self.red], 'CALC': 'mean(S)'}),
                               (('A is given twice',), {'RASTER': self.nir, 'INPUT': 'A=' + self.red, 'CALC': 'A'}),
                               (('INPUT=1x=', 'begins with a letter'), {'INPUT': '1x=' + self.red, 'CALC': 'A'}),
                               (('INPUT=', 'expected <name>='), {'INPUT': self.red, 'CALC': 'A'}),
                               (('no file is called so', 'none_*.tif'), {'INPUT': 'S=' + self.path('none_*.tif'), 'CALC': 'mean(S)'}),
                               (('RASTER=S=', 'INPUT=<name>=<dataset>'), {'RASTER': stack, 'CALC': 'mean(S)'}),
                               (('S (' + other, 'differ in size'), {'INPUT': 'S=%s;%s' % (self.names[0], other), 'CALC': 'mean(S)'}),
                               (('no band 2', 'S (' + self.red), {'INPUT': 'S=%s;%s' % (self.names[0], self.red), 'CALC': 'mean(S[2])'}),
                               (('a list of 6', 'position 1'), {'INPUT': stack, 'CALC': 'S+1'}),
                               (("unknown name 'Q'", 'RASTER'), {'INPUT': stack, 'CALC': 'mean(S)+Q'}),
                               (('did you mean', 'red'), {'INPUT': ['red=' + self.red, stack], 'CALC': 'rde+1'}),
                               (('of S (' + broken, 'cannot be read'), {'INPUT': 'S=%s;%s' % (self.names[0], broken), 'CALC': 'nanmean(S)', 'RETRIES': 0})):
            self.fails(self.file, *words, **options)


if __name__ == '__main__':
    unittest.main()
