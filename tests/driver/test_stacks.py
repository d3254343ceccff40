"""Stacks: lists of rasters as one input, by wildcards, a file of names, several names or an array of a recipe; against numpy."""
import json
import os
import shutil
import unittest
import warnings
import zipfile

import numpy as np
from osgeo import gdal, ogr

from common import Case, config, run, write

SCENES, BANDS, SHAPE = 7, 3, (45, 70)


def stacked(*options, connection=''):
    return gdal.OpenEx('FISHNET:' + connection, gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=['OT=Float64', *options])


class TestStacks(Case):
    @classmethod
    def prepare(cls):
        """Scenes with holes (NoData 0), of which one pixel is valid in none, and one in one only."""
        generator = np.random.default_rng(11)
        cls.scenes = generator.integers(1, 3000, (SCENES, BANDS, *SHAPE)).astype(np.uint16)
        cls.scenes[generator.random((SCENES, 1, *SHAPE)).repeat(BANDS, 1) < 0.3] = 0
        cls.scenes[:, :, 0, 0] = 0
        cls.scenes[1:, :, 0, 1] = 0
        cls.scenes[0, :, 0, 1] = 7
        os.makedirs(cls.path('scenes'))
        cls.names = ['scenes/s_2024%02d01.tif' % (month + 1) for month in range(SCENES)]
        for name, bands in zip(cls.names, cls.scenes):
            write(cls.path(name), list(bands), nodata=0, options=['TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16'])
        cls.pattern = cls.path('scenes/s_*.tif')
        with open(cls.path('list.txt'), 'w', encoding='ascii') as file:
            file.write('# scenes\n\n' + '\r\n'.join('  ' + name for name in cls.names) + '\n')
        cls.valid = np.where(cls.scenes == 0, np.nan, cls.scenes.astype(float))

    def compute(self, calc, *options, stack=None):
        return stacked('INPUT=S=' + (stack or self.pattern), 'CALC=' + calc, *options).ReadAsArray()

    def wrong(self, *options, says=(), connection=''):
        with self.assertRaises(RuntimeError) as caught:
            stacked(*options, connection=connection)
        for word in says:
            self.assertIn(word, str(caught.exception))
        return str(caught.exception)

    def numpy(self, function, band=0, **more):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return function(self.valid[:, band], axis=0, **more)

    def bytes(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()

    def test_lists_that_are_none(self):
        with open(self.path('binary.txt'), 'wb') as file:
            file.write(b'scenes/s_20240101.tif\0scenes/s_20240201.tif\n')
        self.wrong('INPUT=S=@' + self.path('binary.txt'), 'CALC=sum(S)', says=['binary.txt', 'no text'])
        self.wrong('INPUT=S=' + self.path('**/s_*.tif'), 'CALC=sum(S)', says=["no '**'"])

    def test_hints(self):
        for calc, says in (('nanmedain(S)', "did you mean 'nanmedian'"), ('focal_maen(S[2], 3)', "did you mean 'focal_mean'"), ('zzzz(S)', "unknown function 'zzzz' at"),
                           ('pick(S, numpy.nanargmax(S, axis=0))', 'from 0: leave out'), ('pick(S, (argmin(S, axis=0)))', 'from 0: leave out')):
            self.wrong('INPUT=S=' + self.pattern, 'CALC=' + calc, says=[says])

    def test_too_large_whole_numbers(self):
        """Which member they are of."""
        write(self.path('small.tif'), np.ones(SHAPE))
        write(self.path('large.tif'), np.full(SHAPE, 2**60 + 1))
        stack = 'INPUT=S=%s;%s' % (self.path('small.tif'), self.path('large.tif'))
        for calc in 'max(S)', 'focal_max(sum(S), 3)':
            with self.assertRaisesRegex(RuntimeError, '2.53' + ('.*large.tif' if calc == 'max(S)' else '')):
                stacked(stack, 'CALC=' + calc).ReadAsArray()

    # ---- values ----

    def test_against_numpy(self):
        for calc, want in (
                ('nanmedian(S)', self.numpy(np.nanmedian)), ('nanmean(S[2])', self.numpy(np.nanmean, 1)), ('nanstd(S)', self.numpy(np.nanstd)),
                ('nanpercentile(S[3], 90)', self.numpy(np.nanpercentile, 2, q=90)),
                ('quantile(slice(S, 1, 6), 0.246)', np.quantile(self.valid[:6, 0], 0.246, axis=0)),
                ('median(S)', self.numpy(np.median)), ('mean(S)', self.numpy(np.mean)),
                ('nanmax(S)', self.numpy(np.nanmax)), ('nanvar(S, ddof=1)', self.numpy(np.nanvar, ddof=1)),
                ('numpy.nanmean(S[1], axis=0)', self.numpy(np.nanmean)), ('count(S)', np.isfinite(self.valid[:, 0]).sum(0).astype(float)),
                ('first(S)', self.valid[0, 0]), ('item(S, 3)', self.valid[2, 0]), ('last(slice(S, 2, 4))', self.valid[3, 0]),
                ('len(S)', np.full(SHAPE, float(SCENES)))):
            for options in ((), ('WORKERS=PROCESSES', 'NUM_WORKERS=2', 'TILE_SIZE=32')):
                self.same(self.compute(calc, *options), want, calc)

    def test_best_pixel(self):
        """All bands of the date with the highest NDVI."""
        ndvi = (self.valid[:, 2] - self.valid[:, 1]) / (self.valid[:, 2] + self.valid[:, 1])
        seen = np.isfinite(ndvi).any(0)
        best = np.where(np.isnan(ndvi), -np.inf, ndvi).argmax(0)
        for band in range(BANDS):
            want = np.where(seen, np.take_along_axis(self.valid[:, band], best[None], 0)[0], np.nan)
            self.same(self.compute('pick(S[%d], nanargmax((S[3]-S[2])/(S[3]+S[2])))' % (band + 1)), want)
        self.same(self.compute('nanargmax((S[3]-S[2])/(S[3]+S[2]))'), np.where(seen, best + 1.0, np.nan))

    def test_bands_of_one_raster(self):
        path = self.path(self.names[0])
        for calc, bands in (('mean(A[*])', (0, 1, 2)), ('mean(A[2:3])', (1, 2)), ('mean(A[1:3:2])', (0, 2)), ('mean(A[:2])', (0, 1))):
            got = stacked('CALC=' + calc, connection=path).ReadAsArray()
            self.same(got, self.valid[0, list(bands)].mean(0), calc)
        self.same(stacked('CALC=sum(dem[*])', connection=path).ReadAsArray(), self.valid[0].sum(0))

    def test_masks_count(self):
        for i in range(3):
            path = write(self.path('masked%d.tif' % i), np.full(SHAPE, float(i + 1)))
            mask = np.full(SHAPE, 255, np.uint8)
            mask[i] = 0
            with config('GDAL_TIFF_INTERNAL_MASK', 'YES'):
                dataset = gdal.Open(path, gdal.GA_Update)
                dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
                dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
                dataset = None
        want = np.full(SHAPE, 2.0)
        want[:3] = np.array([[2.5], [2.0], [1.5]])
        self.same(self.compute('nanmean(S)', stack=self.path('masked?.tif')), want)

    def test_nodata_none(self):
        want = self.scenes[:, 0].astype(float)
        self.same(self.compute('median(S)', 'NODATA=none'), np.median(want, 0))

    # ---- ways to say it ----

    def test_all_ways(self):
        want = self.compute('nanmedian(S)+item(S,2)')
        absolute = [self.path(name) for name in self.names]
        for stack in (';'.join(absolute), ' ; '.join('"%s"' % name for name in absolute), '@' + self.path('list.txt'), self.path('scenes/s_2024[0-9]*'),
                      self.path('sc?nes/s_*.tif'), self.path('sc*/s_*.tif'), '@"%s"' % self.path('list.txt'), self.path('scenes/s_2024??01.tif'),
                      self.path('scenes/s_20240[123]01.tif') + ';' + ';'.join(absolute[3:]), self.path('scenes/[!x]*.tif')):
            self.same(self.compute('nanmedian(S)+item(S,2)', stack=stack), want, stack)
        for name, inputs in (('array', {'S': self.names}), ('wild', {'S': 'scenes/s_*.tif'}), ('list', {'S': '@list.txt'}), ('mixed', {'S': ['scenes/s_*.tif']})):
            path = self.path('stacks_%s.fishnet.json' % name)
            with open(path, 'w', encoding='ascii') as file:
                json.dump({'type': 'fishnet_raster', 'inputs': inputs, 'calc': 'nanmedian(S)+item(S,2)', 'ot': 'Float64'}, file)
            self.same(gdal.Open(path).ReadAsArray(), want, name)
            self.assertEqual(len(gdal.Open(path).GetFileList()), SCENES + 1)

    def test_one_file(self):
        """The number of matches does not change what it is."""
        for stack in (self.path('scenes/s_20240101*'), self.path(self.names[0]) + ';', '"%s";' % self.path(self.names[0])):
            self.same(self.compute('mean(S)', stack=stack), self.valid[0, 0], stack)
            self.wrong('INPUT=S=' + stack, 'CALC=S+1', says=['list of 1'])
        self.same(self.compute('S+1', stack=self.path(self.names[0])), self.valid[0, 0] + 1)
        with open(self.path('stacks_one.fishnet.json'), 'w', encoding='ascii') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'S': [self.names[0]]}, 'calc': 'mean(S)', 'ot': 'Float64'}, file)
        self.same(gdal.Open(self.path('stacks_one.fishnet.json')).ReadAsArray(), self.valid[0, 0])

    def test_names_with_wildcards_and_semicolons(self):
        """A file of that very name is meant, and quotes take a name as it is."""
        folder = self.path('odd;[1]"x')
        os.makedirs(folder)
        for i, name in enumerate(('a;1.tif', 'b[1].tif', 'c"d.tif')):
            write(os.path.join(folder, name), np.full(SHAPE, float(i)))
        write(os.path.join(folder, 'b1.tif'), np.full(SHAPE, 9.0))
        names = ['"%s"' % os.path.join(folder, name).replace('"', '""') for name in ('a;1.tif', 'b[1].tif', 'c"d.tif')]
        for k in range(3):
            self.assertEqual(self.compute('item(S,%d)' % (k + 1), stack=';'.join(names))[0, 0], k)
        shutil.copytree(folder, self.path('plain'))
        self.assertEqual(self.compute('S', stack=self.path('plain/b[1].tif'))[0, 0], 1)
        with open(os.path.join(folder, 'r.fishnet.json'), 'w', encoding='ascii') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'S': '[ab]*.tif', 'T': ['a;1.tif', 'c"d.tif']}, 'calc': '10*max(S)+max(T)'}, file)
        self.assertEqual(gdal.Open(os.path.join(folder, 'r.fishnet.json')).ReadAsArray()[0, 0], 92)

    def test_order(self):
        """Of wildcards by the bytes of names, else as given."""
        for name, value in (('o_b.tif', 1), ('o_B.tif', 2), ('o_10.tif', 3), ('o_9.tif', 4), ('.o_z.tif', 5)):
            write(self.path(name), np.full(SHAPE, float(value)))
        order = [3, 4, 2, 1]
        self.assertEqual([self.compute('item(S,%d)' % (k + 1), stack=self.path('*o_*.tif'))[0, 0] for k in range(4)], order)
        given = ';'.join(self.path('o_%s.tif' % name) for name in ('b', '9', 'B'))
        self.assertEqual([self.compute('item(S,%d)' % (k + 1), stack=given)[0, 0] for k in range(3)], [1, 4, 2])

    def test_folders(self):
        want = self.compute('nanmedian(S)')
        here = os.getcwd()
        try:
            os.chdir(self.folder)
            for stack in ('scenes/s_*.tif', '@list.txt', './sce*/s_*.tif'):
                for kind in ('THREADS', 'PROCESSES'):
                    dataset = stacked('INPUT=S=' + stack, 'CALC=nanmedian(S)', 'WORKERS=' + kind)
                    os.chdir('/')
                    self.same(dataset.ReadAsArray(), want, stack)
                    os.chdir(self.folder)
            os.chdir('/')
            for stack in ('scenes/s_*.tif', '@list.txt', ';'.join(self.names)):
                moved = gdal.OpenEx(self.folder + '/FISHNET:', open_options=['INPUT=S=' + stack, 'CALC=nanmedian(S)', 'OT=Float64'])
                self.same(moved.ReadAsArray(), want, stack)
        finally:
            os.chdir(here)

    def test_virtual_files(self):
        want = self.compute('nanmedian(S)')
        with zipfile.ZipFile(self.path('scenes.zip'), 'w') as archive:
            for name in self.names:
                archive.write(self.path(name), name)
        self.same(self.compute('nanmedian(S)', stack='/vsizip/%s/sc*/s_*.tif' % self.path('scenes.zip')), want)
        for name in self.names:
            gdal.FileFromMemBuffer('/vsimem/' + name, self.bytes(name))
        self.same(self.compute('nanmedian(S)', stack='/vsimem/scenes/*.tif'), want)
        for name in self.names:
            gdal.Unlink('/vsimem/' + name)

    def test_members_are_those_of_opening(self):
        """What comes later does not change an open dataset; worker processes have the same members."""
        shutil.copytree(self.path('scenes'), self.path('growing'))
        dataset = stacked('INPUT=S=' + self.path('growing/*.tif'), 'CALC=len(S)+0*nanmean(S)', 'WORKERS=PROCESSES', 'NUM_WORKERS=2', 'TILE_SIZE=16')
        shutil.copy(self.path(self.names[0]), self.path('growing/s_20240000.tif'))
        self.assertEqual(np.nanmax(dataset.ReadAsArray()), SCENES)
        self.assertEqual(np.nanmax(self.compute('len(S)', stack=self.path('growing/*.tif'))), SCENES + 1)

    def test_dates(self):
        said = stacked('INPUT=S=' + self.pattern, 'INPUT=T=%s;' % self.path('list.txt').replace('list.txt', self.names[1]), 'CALC=mean(S)+mean(T)')
        self.assertEqual(said.GetMetadataItem('S_1', 'FISHNET'), self.path(self.names[0]) + ' 2024-01-01')
        self.assertEqual(said.GetMetadata('FISHNET')['S_7'], self.path(self.names[6]) + ' 2024-07-01')
        self.assertEqual(said.GetMetadataItem('T_1', 'FISHNET'), self.path(self.names[1]) + ' 2024-02-01')
        for i, (name, items) in enumerate((('d_tag_20200101.tif', {'TIFFTAG_DATETIME': '2021:03:04 05:06:07'}), ('d_none_123456789.tif', {}), ('d_wrong_20201301.tif', {}))):
            path = write(self.path(name), np.ones(SHAPE))
            if items:
                gdal.Open(path, gdal.GA_Update).SetMetadata(items)
        got = stacked('INPUT=S=' + self.path('d_*.tif'), 'CALC=mean(S)').GetMetadata('FISHNET')
        self.assertEqual([got['S_%d' % (k + 1)] for k in range(3)],
                         [self.path('d_none_123456789.tif'), self.path('d_tag_20200101.tif') + ' 2021-03-04 05:06:07', self.path('d_wrong_20201301.tif')])

    # ---- what is wrong ----

    def test_bad_stacks(self):
        with open(self.path('empty.txt'), 'w', encoding='ascii') as file:
            file.write('# nothing\n\n')
        for stack, words in ((self.path('none/*.tif'), ['S=' + self.path('none/*.tif'), 'no file']), (self.path('scenes/*.png'), ['no file']),
                             ('@' + self.path('empty.txt'), ['empty.txt', 'no dataset']), ('@' + self.path('none.txt'), ['none.txt']),
                             (';' + self.pattern, ['name of a dataset']), ('"a.tif";;"b.tif"', ['name of a dataset']),
                             (self.path(self.names[0]) + ';' + self.path('none.tif'), ['S (', 'none.tif', 'cannot be opened'])):
            self.wrong('INPUT=S=' + stack, 'CALC=mean(S)', says=words)
        self.wrong('INPUT=S=' + self.pattern, says=['a stack needs an expression'])
        self.wrong('INPUT=S=' + self.pattern, 'INPUT=S=' + self.path(self.names[0]), 'CALC=mean(S)', says=['S is given twice'])

    def test_members_that_differ(self):
        other = write(self.path('other_size.tif'), np.ones((45, 71)))
        moved = write(self.path('moved.tif'), np.ones(SHAPE), geotransform=(1005.0, 10, 0, 5000, 0, -10))
        one = write(self.path('one_band.tif'), np.ones(SHAPE))
        self.wrong('INPUT=S=%s;%s' % (self.pattern, other), 'CALC=mean(S)', says=['S (' + other, 'differ in size'])
        self.wrong('INPUT=S=%s;%s' % (self.pattern, moved), 'CALC=mean(S)', says=['S (' + moved, 'differ in position'])
        text = '1+mean(S[3])'
        message = self.wrong('INPUT=S=%s;%s' % (self.pattern, one), 'CALC=' + text, says=['no band 3', 'S (' + one, 'it has 1'])
        self.assertEqual(self.caret(message, text), 8)
        self.wrong('INPUT=S=%s;%s' % (one, self.pattern), 'CALC=mean(S[*])', says=['3 bands each'])

    def test_errors_of_lists(self):
        for text, words in (('S+1', ['a list of 7', 'nanmedian']), ('mean(S)+R', ['no input R']), ('mean(T)', ['no input T']),
                            ('mean(S[9])', ['no band 9', self.path(self.names[0])]), ('mean(S[*])', ['S', '3 bands each', 'S[2]']), ('mean(scene)', ["unknown name 'scene'"])):
            message = self.wrong('INPUT=S=' + self.pattern, 'CALC=' + text, says=words)
            self.caret(message, text)

    def test_a_damaged_member_is_named(self):
        shutil.copytree(self.path('scenes'), self.path('damaged'))
        broken = self.path('damaged/' + os.path.basename(self.names[4]))
        with open(broken, 'r+b') as file:
            file.truncate(os.path.getsize(broken) // 2)
        dataset = stacked('INPUT=S=' + self.path('damaged/*.tif'), 'CALC=nanmean(S)', 'RETRIES=0')
        with self.assertRaises(RuntimeError) as caught:
            dataset.ReadAsArray()
        self.assertIn(os.path.basename(broken), str(caught.exception))
        self.assertIn('band 1 of S (', str(caught.exception))

    # ---- writing ----

    def tiles(self, name, folder, *words):
        return run('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'TILE_SIZE=32', '-oo', 'INPUT=S=' + os.path.join(folder, '*.tif'), '-oo',
                   'CALC=nanmedian(S)', '-oo', 'OT=Float64', '-oo', 'NUM_WORKERS=2', *words, 'FISHNET:', self.path(name))

    def test_shares_and_resume(self):
        folder = self.path('jobs')
        shutil.copytree(self.path('scenes'), folder)
        want = self.compute('nanmedian(S)')
        for words in (['-co', 'PARTITION=1/2'], ['-co', 'PARTITION=2/2', '-oo', 'WORKERS=PROCESSES'], ['-co', 'ASSEMBLE=YES']):
            done = self.tiles('jobs.vrt', folder, *words)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.same(gdal.Open(self.path('jobs.vrt')).ReadAsArray(), want)
        self.assertEqual(self.tiles('jobs.vrt', folder, '-co', 'RESUME=YES').returncode, 0)
        last = os.path.join(folder, os.path.basename(self.names[-1]))
        added = os.path.join(folder, 's_20250101.tif')
        shutil.copy(last, added)
        done = self.tiles('jobs.vrt', folder, '-co', 'RESUME=YES')
        self.assertEqual(done.returncode, 1)
        self.assertIn('S[8]=s_20250101.tif', done.stderr)
        os.unlink(added)
        self.assertEqual(self.tiles('jobs.vrt', folder, '-co', 'RESUME=YES').returncode, 0)
        os.unlink(last)
        write(last, list(self.scenes[0]), nodata=0)
        done = self.tiles('jobs.vrt', folder, '-co', 'RESUME=YES')
        self.assertEqual(done.returncode, 1)
        self.assertIn('S[7]=' + os.path.basename(last), done.stderr)

    def test_output_is_a_member(self):
        folder = self.path('kept')
        shutil.copytree(self.path('scenes'), folder)
        member = os.path.join(folder, os.path.basename(self.names[2]))
        stack = 'INPUT=S=' + os.path.join(folder, '*.tif')
        done = run('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=SINGLE', '-co', stack, '-co', 'CALC=nanmax(S)', self.path(self.names[0]), member)
        self.assertEqual(done.returncode, 1)
        self.assertIn('is an input', done.stderr)
        self.same(gdal.Open(member).ReadAsArray(), self.scenes[2])
        done = run('gdal_translate', '-q', '-oo', stack, '-oo', 'CALC=nanmax(S)', 'FISHNET:', member)
        self.assertEqual(done.returncode, 1)
        self.same(gdal.Open(member).ReadAsArray(), self.scenes[2])

    # ---- the same bytes ----

    CALCS = ('nanmedian(S)', 'nanpercentile(S[2]-S[1], 75)-nanmean(S)', 'pick(S[3], nanargmax((S[3]-S[2])/(S[3]+S[2])))', 'focal_mean(nanstd(S), 5)',
             'nansum(where(S[2]>S[1], S[3], NODATA))/count(S)')

    def given(self, *options):
        return ['INPUT=S=' + self.pattern, *['CALC=' + calc for calc in self.CALCS], *options]

    def test_workers_kinds_and_tiles(self):
        first = stacked(*self.given('NUM_WORKERS=1')).ReadAsArray()
        self.same(first[0], self.numpy(np.nanmedian))
        for kind, workers, sizes in (('THREADS', (1, 2, 3, 7), ('AUTO', '16', '64x7', '7x64', '512')), ('PROCESSES', (1, 2, 3, 7), ('AUTO', '19'))):
            for count in workers:
                for size in sizes:
                    got = stacked(*self.given('NUM_WORKERS=%d' % count, 'WORKERS=' + kind, 'TILE_SIZE=' + size)).ReadAsArray()
                    self.assertEqual(got.tobytes(), first.tobytes(), (kind, count, size))

    def write_as(self, output, *options):
        words = [word for option in self.given(*options) for word in ('-co', option)]
        done = run('gdal_translate', '-q', '-of', 'FISHNET', *words, self.path(self.names[0]), output)
        self.assertEqual(done.returncode, 0, done.stderr)

    def files_of(self, folder):
        """Names and bytes of tiles: all but what tells of the run."""
        return {name: self.bytes(os.path.join(folder, name)) for name in os.listdir(folder) if name != 'recipe.txt'}

    def test_single_files(self):
        first = None
        for words in (['NUM_WORKERS=1'], ['NUM_WORKERS=2'], ['NUM_WORKERS=3'], ['NUM_WORKERS=7'], ['NUM_WORKERS=3', 'WORKERS=PROCESSES']):
            self.write_as(self.path('single.tif'), 'OUTPUT=SINGLE', 'COMPRESS=DEFLATE', *words)
            first = first or self.bytes('single.tif')
            self.assertEqual(self.bytes('single.tif'), first, words)

    def test_tiles_and_shares(self):
        """Tiles of one run are those of shares, which other kinds of workers and other runs wrote."""
        want, folders = stacked(*self.given()).ReadAsArray().astype(np.float32), {}
        kinds = (('one', ['NUM_WORKERS=1']), ('two', ['NUM_WORKERS=2']), ('seven', ['NUM_WORKERS=7']), ('more', ['NUM_WORKERS=3', 'WORKERS=PROCESSES']))
        for name, words in kinds:
            self.write_as(self.path(name + '.vrt'), 'TILE_SIZE=16', *words)
            folders[name] = self.files_of(self.path(name + '_tiles'))
        for words in (['PARTITION=2/3', 'NUM_WORKERS=7'], ['PARTITION=3/3', 'WORKERS=PROCESSES', 'NUM_WORKERS=2'], ['PARTITION=1/3'], ['ASSEMBLE=YES']):
            self.write_as(self.path('shares.vrt'), 'TILE_SIZE=16', *words)
        folders['shares'] = self.files_of(self.path('shares_tiles'))
        self.assertEqual(len([name for name in folders['one'] if name.endswith('.tif')]), 15)
        for name, files in folders.items():
            self.assertEqual(files.keys(), folders['one'].keys(), name)
            for file in files:
                self.assertEqual(files[file], folders['one'][file], (name, file))
        for name in ('one', 'shares'):
            self.same(gdal.Open(self.path(name + '.vrt')).ReadAsArray(), want, name)

    def test_many_members(self):
        os.makedirs(self.path('many'))
        for k in range(300):
            write(self.path('many/m_%03d.tif' % k), np.full((8, 9), k, np.int16))
        for kind in ('THREADS', 'PROCESSES'):
            got = self.compute('median(S)+last(S)+argmax(S)', 'NUM_WORKERS=2', 'WORKERS=' + kind, stack=self.path('many/*.tif'))
            self.same(got, np.full((8, 9), 149.5 + 299 + 300), kind)

    def test_zonal_statistics(self):
        """Letters stay, and lists of bands are values."""
        zones = gdal.GetDriverByName('GeoJSON').Create(self.path('zones.geojson'), 0, 0, 0, gdal.GDT_Unknown)
        layer = zones.CreateLayer('zones', gdal.OpenEx(self.path(self.names[0])).GetSpatialRef())
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON ((1100 4900,1400 4900,1400 4700,1100 4700,1100 4900))'))
        layer.CreateFeature(feature)
        layer = zones = None
        table = gdal.OpenEx('ZONALSTATS:' + self.path('zones.geojson'), gdal.OF_VECTOR,
                            open_options=['RASTER=' + self.path(self.names[0]), 'CALC=mean(A[*])', 'STATS=MEAN'])
        got = next(iter(table.GetLayer(0))).GetField('MEAN')
        self.assertAlmostEqual(got, np.nanmean(self.valid[0].mean(0)[10:30, 10:40]), 9)


if __name__ == '__main__':
    unittest.main()
