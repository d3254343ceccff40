"""Job files: what the program fishnet makes of a recipe with an output."""
import filecmp
import json
import os
import re
import subprocess
import unittest

from osgeo import gdal, ogr

from common import VERSION, Case, good, patience, real, run

PROGRAM = os.path.join(os.environ['GDAL_DRIVER_PATH'], 'fishnet')
LAUNCHERS = ('SLURM_ARRAY_TASK_ID', 'SLURM_ARRAY_TASK_MIN', 'SLURM_ARRAY_TASK_MAX', 'SLURM_ARRAY_TASK_COUNT', 'AWS_BATCH_JOB_ARRAY_INDEX', 'AWS_BATCH_JOB_ARRAY_SIZE', 'SGE_TASK_ID', 'SGE_TASK_LAST',
             'PBS_ARRAY_INDEX')


def checksum(name):
    dataset = gdal.Open(name)
    return dataset.GetRasterBand(1).Checksum()


class TestJobFiles(Case):
    def setUp(self):
        self.folder = self.path(self.id().rpartition('.')[2])
        os.makedirs(self.folder + '/out')
        for name in LAUNCHERS:
            os.environ.pop(name, None)

    def at(self, name):
        return os.path.join(self.folder, name)

    def job(self, name='job.fishnet.json', **keys):
        keys = dict({'type': 'fishnet_raster', 'inputs': {'A': real('dem.tif')}, 'calc': 'sqrt(abs(A))', 'output': 'out/roots.vrt',
                     'creation_options': {'TILE_SIZE': 400, 'TILE_CO': ['COMPRESS=DEFLATE', 'PREDICTOR=3']}}, **keys)
        with open(self.at(name), 'w') as file:
            json.dump({key: value for key, value in keys.items() if value is not None}, file)
        return self.at(name)

    def fishnet(self, *words, **options):
        return good(PROGRAM, *words, **options)

    def fails(self, *words, status=1, says=(), **options):
        done = run(PROGRAM, *words, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        for word in says:
            self.assertIn(word, done.stderr)

    def same(self, one, other):
        self.assertEqual(sorted(os.listdir(one)), sorted(os.listdir(other)))
        for name in os.listdir(one):
            if name != 'recipe.txt':
                self.assertTrue(filecmp.cmp(os.path.join(one, name), os.path.join(other, name), shallow=False), name)

    def test_a_raster(self):
        job = self.job()
        self.assertEqual(self.fishnet('plan', job).splitlines(), [
            'output: ' + self.at('out/roots.vrt'), 'domain: 2401 x 1201 pixels, 1 band of Float32', 'tiles: 28, 7 columns and 4 rows of them',
            'bytes: 11.5 MB before compression', 'shares: 1'])
        self.fails('assemble', job, says=['no share has begun'])
        for i in (2, 1, 3, 2):
            self.fishnet('run', 'job.fishnet.json', '--partition', '%d/3' % i, '-q', '-j', str(i), cwd=self.folder)
        self.assertFalse(os.path.exists(self.at('out/roots.vrt')))
        self.assertIn('100 - done', self.fishnet('assemble', job, cwd='/'))
        self.job('whole.fishnet.json', output='whole/roots.vrt')
        os.makedirs(self.at('whole'))
        self.fishnet('run', self.at('whole.fishnet.json'), '--workers=processes', '-q')
        self.same(self.at('whole/roots_tiles'), self.at('out/roots_tiles'))
        self.assertTrue(filecmp.cmp(self.at('whole/roots.vrt'), self.at('out/roots.vrt'), shallow=False))
        self.assertEqual(checksum(job), checksum(self.at('out/roots.vrt')))

    def test_what_is_missing(self):
        job = self.job()
        self.fishnet('run', job, '--partition=2/3', '-q')
        self.fails('assemble', job, '-q', says=['of 28 tiles', 'run the shares 1,3 of 3\n'])
        self.assertFalse(os.path.exists(self.at('out/roots.vrt')))

    def test_it_goes_on(self):
        """All of a job is what is missing of it; the file may say more for people, and its workers may change."""
        job = self.job()
        self.fishnet('run', job, '--partition=2/3', '-q')
        made = {name: os.stat(self.at('out/roots_tiles/' + name)).st_mtime_ns for name in os.listdir(self.at('out/roots_tiles')) if name.startswith('r0')}
        self.job(description='roots', num_workers=1)
        self.fishnet('run', job, '-q')
        for name, time in made.items():
            self.assertEqual(os.stat(self.at('out/roots_tiles/' + name)).st_mtime_ns, time)
        self.job(calc='A')
        self.fails('run', job, '-q', says=['in another way', 'CALC=A'])
        self.fails('assemble', job, '-q', says=['in another way', 'CALC=A'])
        self.assertTrue(os.path.exists(self.at('out/roots.vrt')))

    def test_tables(self):
        near = {'type': 'near_table', 'inputs': None, 'calc': None, 'input': real('places.shp'), 'near': real('rivers.shp')}
        zones = {'type': 'zonal_stats', 'inputs': None, 'calc': None, 'input': real('land.shp'), 'raster': real('egm96.gtx'), 'stats': 'COUNT,MEAN'}
        for name, keys, n in (('near', near, 7322), ('zones', zones, 7980)):
            job = self.job(output='out/%s.vrt' % name, creation_options={'FORMAT': 'CSV', 'PARTS': 5}, **keys)
            self.assertIn('domain: %d features of %s\nparts: 5, ranges of the input\nshares: 1\n' % (n, keys['input']), self.fishnet('plan', job))
            for i in (3, 1, 2):
                self.fishnet('run', job, '--partition', '%d/3' % i, '-q', '--num-threads=1')
            self.fishnet('assemble', job, '-q')
            whole = self.job('w.fishnet.json', output='out/w%s.vrt' % name, creation_options={'FORMAT': 'CSV', 'PARTS': 5}, **keys)
            self.fishnet('run', whole, '-q')
            self.same(self.at('out/w%s_parts' % name), self.at('out/%s_parts' % name))
            dataset = ogr.Open(self.at('out/%s.vrt' % name))
            self.assertEqual(dataset.GetLayer(0).GetFeatureCount(), n)

    def test_one_file(self):
        job = self.job(output='roots.tif', creation_options={'OUTPUT': 'SINGLE', 'COMPRESS': 'DEFLATE'})
        self.assertIn('shares: 1: one file is written by one run', self.fishnet('plan', job))
        self.fails('run', job, '--partition', '1/2', '-q', says=['PARTITION', 'OUTPUT=TILES'])
        self.fishnet('run', job, '-q')
        self.assertEqual(checksum(self.at('roots.tif')), checksum(job))

    def test_launchers(self):
        job = self.job()
        before = set()
        for environment, share in (({'SLURM_ARRAY_TASK_ID': '2', 'SLURM_ARRAY_TASK_MAX': '5'}, 'auto'),
                                   ({'SLURM_ARRAY_TASK_ID': '5', 'SLURM_ARRAY_TASK_MAX': '9'}, 'auto/5'),
                                   ({'AWS_BATCH_JOB_ARRAY_INDEX': '0', 'AWS_BATCH_JOB_ARRAY_SIZE': '5'}, 'AUTO'),
                                   ({'SGE_TASK_ID': '3', 'SGE_TASK_LAST': '5'}, 'auto'), ({'PBS_ARRAY_INDEX': '4'}, 'auto/5')):
            self.fishnet('run', job, '--partition', share, '-q', env=environment)
            now = set(os.listdir(self.at('out/roots_tiles')))
            self.assertLess(before, now)
            before = now
        self.fishnet('assemble', job, '-q')
        for environment, share, says in (({}, 'auto', ['no launcher', 'SLURM_ARRAY_TASK_ID', 'PBS_ARRAY_INDEX']),
                                         ({'PBS_ARRAY_INDEX': '4'}, 'auto', ['PBS_ARRAY_INDEX is 4', 'AUTO/<n>']),
                                         ({'SLURM_ARRAY_TASK_ID': '4', 'SLURM_ARRAY_TASK_MIN': '4', 'SLURM_ARRAY_TASK_MAX': '4'}, 'auto', ['AUTO/<n>']),
                                         ({'SLURM_ARRAY_TASK_ID': '3', 'SLURM_ARRAY_TASK_MIN': '1', 'SLURM_ARRAY_TASK_MAX': '5',
                                           'SLURM_ARRAY_TASK_COUNT': '3'}, 'auto', ['AUTO/<n>']),
                                         ({'SLURM_ARRAY_TASK_ID': '0'}, 'auto/3', ['SLURM_ARRAY_TASK_ID is 0', 'from 1 to 3']),
                                         ({'AWS_BATCH_JOB_ARRAY_INDEX': '3'}, 'auto/3', ['AWS_BATCH_JOB_ARRAY_INDEX is 3', 'from 0 to 2'])):
            self.fails('run', job, '--partition', share, '-q', env=environment, says=says)

    def test_bad_jobs(self):
        self.fails('run', self.at('none.fishnet.json'), says=['none.fishnet.json', 'no such file'])
        self.fails('run', real('dem.tif'), says=['dem.tif', 'it is no job'])
        self.fails('run', self.job(output=None, creation_options=None), says=['"output" is missing'])
        self.fails('run', self.job(output=None), says=['output', 'is missing'])
        self.fails('run', self.job(output=''), says=['output: is empty'])
        self.fails('run', self.job(output=7), says=['output: expected a string'])
        self.fails('run', self.job(creation_options='TILE_SIZE=3'), says=['creation_options: expected an object'])
        self.fails('run', self.job(creation_options={'TILE_CO': [{}]}), says=['creation_options.TILE_CO[0]: expected a string'])
        self.fails('run', self.job(creation_options={'TILE_SIZ': 3}), says=['TILE_SIZ', 'TILE_SIZE'])
        self.fails('run', self.job(outptu='x'), says=['outptu', 'is "output" meant?'])
        self.fails('run', self.job(calc='sqrt('), says=['CALC: the expression ends'])
        self.fails('plan', self.job(inputs={'A': 'nix.tif'}), says=['nix.tif'])
        self.fails('plan', self.job(output='nowhere/x.vrt'), says=['output: there is no folder', 'nowhere'])
        for key in ('PARTITION', 'resume', 'ASSEMBLE'):
            self.fails('plan', self.job(creation_options={key: '1/3'}), says=['creation_options.' + key.upper(), '--partition'])
        self.assertEqual(os.listdir(self.at('out')), [])

    def test_an_output_that_must_not_go(self):
        """Nothing is deleted before all is known to be right."""
        job = self.job(output='job.fishnet.json')
        for words in (('run',), ('run', '--partition', '1/2'), ('assemble',)):
            self.fails(words[0], job, '-q', *words[1:])
            self.assertTrue(os.path.exists(job))
        with open(self.at('mine.tif'), 'w') as file:
            file.write('mine')
        self.fails('run', self.job(output='mine.tif'), '-q', '--partition', '1/2', says=['has to end in .vrt'])
        with open(self.at('mine.tif')) as file:
            self.assertEqual(file.read(), 'mine')
        open(self.at('none.fishnet.json'), 'w').close()
        self.fails('run', self.at('none.fishnet.json'), says=['it is empty'])

    def test_what_is_in_a_share(self):
        job = self.job()
        seen = [self.fishnet('plan', job, '--partition', '%d/3' % i).splitlines()[-1] for i in (1, 2, 3)]
        for i, text in enumerate(seen, 1):
            self.assertRegex(text, r'^share %d/3: \d+ tiles within x=\d+ y=\d+ \d+x\d+$' % i)
        self.assertEqual(sum(int(text.split()[2]) for text in seen), 28)
        one = self.fishnet('plan', job, '--partition', 'auto/28', env={'SLURM_ARRAY_TASK_ID': '1'}).splitlines()[-1]
        self.assertEqual(one, 'share 1/28: 1 tile within x=0 y=0 400x400')
        table = self.job('near.fishnet.json', type='near_table', inputs=None, calc=None, input=real('places.shp'), near=real('rivers.shp'),
                         creation_options={'FORMAT': 'CSV', 'PARTS': 5})
        self.assertIn('\nshare 1/2: parts 1 to 2 of 5\n', self.fishnet('plan', table, '--partition', '1/2'))
        self.fails('plan', job, '--partition', '4/3', says=['PARTITION=4/3'])
        self.fails('plan', job, '-j', '2', says=['plan takes no -j'])
        self.assertFalse(os.listdir(self.at('out')))

    def test_for_programs_that_start_it(self):
        self.assertEqual(os.path.realpath(self.fishnet('--module').strip()), os.path.realpath(os.path.dirname(PROGRAM) + '/gdal_FISHNET.so'))
        job = self.job()
        self.assertIn('output: ', self.fishnet('--child-of', os.getpid(), 'plan', job))
        self.fails('--child-of', '1', 'plan', job, status=3, says=['the process 1', 'is not its parent'])

    def test_blocks_come_into_tiles_in_their_order(self):
        """Also where much is computed, and workers that write at once share GDAL's cache: else files would differ from run to run."""
        good('gdal_create', '-q', '-outsize', 12000, 8000, '-bands', 1, '-co', 'TILED=YES', '-co', 'COMPRESS=DEFLATE', self.at('flat.tif'))
        job = self.job(inputs={'A': 'flat.tif'}, calc='A + at(A, 1, 0)*2', num_workers=4,
                       creation_options={'TILE_SIZE': 1024, 'TILE_CO': ['COMPRESS=DEFLATE']})
        self.fishnet('run', job, '-q')
        names = [name for name in os.listdir(self.at('out/roots_tiles')) if name.endswith('.tif')]
        self.assertEqual(len(names), 96)
        for name in names:
            dataset = gdal.Open(self.at('out/roots_tiles/' + name))
            band = dataset.GetRasterBand(1)
            rows = -(-band.YSize // band.GetBlockSize()[1])
            offsets = [int(band.GetMetadataItem('BLOCK_OFFSET_0_%d' % row, 'TIFF')) for row in range(rows)]
            self.assertEqual(offsets, sorted(offsets), name)

    def test_bad_words(self):
        job = self.job()
        self.fails(status=2, says=['Usage: fishnet plan'])
        self.fails('run', status=2, says=['Usage'])
        self.assertIn('Usage', self.fishnet('--help'))
        self.fails('frun', job, says=['frun', 'expected plan, run, assemble, functions or doctor'])
        self.assertEqual(self.fishnet('--version'), 'fishnet %s, GDAL %s\n' % (re.search(r'Fishnet ([\d.]+)', self.fishnet('doctor'))[1], gdal.VersionInfo('RELEASE_NAME')))
        self.assertIn('SquareRoot (Spatial Analyst) is written here: sqrt(A)\n', self.fishnet('functions', 'squareroot'))
        self.assertNotIn('is written here', self.fishnet('functions'))
        self.fails('functions', 'xyz', says=["no function has 'xyz' in its name, group or description"])
        self.fails('run', job, '--partitions', '1/2', status=2, says=['--partitions'])
        self.fails('run', job, '--partition', status=2, says=['--partition needs a value'])
        self.fails('run', job, job, status=2, says=['unknown argument'])
        self.fails('run', job, '--partition', '3/2', '-q', says=['PARTITION=3/2'])
        self.fails('assemble', job, '--partition', '1/2', says=['assemble takes no --partition'])
        self.fails('plan', job, env={'GDAL_DRIVER_PATH': 'disable'}, status=3, says=['gdal_FISHNET.so'])

    def test_doctor(self):
        """What `gdal fishnet doctor` says, with any GDAL; what is wrong makes it fail, and is an answer all the same."""
        text = self.fishnet('doctor', env={'CPL_DEBUG': 'NOTHING', 'GDAL_DRIVER_PATH': os.environ['GDAL_DRIVER_PATH']})
        notes = len(re.findall('(?m)^note', text))
        self.assertGreater(notes, 0)
        self.assertTrue(text.endswith('Nothing is wrong; %d note%s.\n' % (notes, 's' if notes > 1 else '')), text)
        findings = json.loads(self.fishnet('doctor', '-f', 'json'))
        self.assertEqual([findings['wrong'], findings['gdal_version']], [0, gdal.__version__])
        path = os.path.join(os.environ['GDAL_DRIVER_PATH'], 'fishnet')
        done = subprocess.run([path, 'doctor'], env=dict(os.environ, GDAL_NUM_THREADS='few'), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=patience(60))
        self.assertEqual([done.returncode, done.stderr], [1, ''])
        self.assertRegex(done.stdout, r'(?s)WRONG  configuration .*few.*fix: GDAL_NUM_THREADS=ALL_CPUS.*1 thing is wrong')
        self.fails('doctor', '-f', 'xml', says=['unknown format xml'])
        self.fails('doctor', 'a.fishnet.json', says=['doctor takes -f alone'])
        self.fails('plan', 'a.fishnet.json', '-f', 'json', says=['plan takes no -f'])

    def test_the_same_commands(self):
        if VERSION < (3, 11):
            print('GDAL %s has no program gdal' % gdal.__version__)
            return
        job = self.job()
        self.assertEqual(good('gdal', 'fishnet', 'plan', job), self.fishnet('plan', job))
        for i in (1, 2):
            good('gdal', 'fishnet', 'run', job, '--partition', 'auto/2', '-q', env={'SLURM_ARRAY_TASK_ID': str(i)})
        good('gdal', 'fishnet', 'assemble', job, '-q')
        self.job('whole.fishnet.json', output='out/whole.vrt')
        self.fishnet('run', self.at('whole.fishnet.json'), '-q')
        self.same(self.at('out/whole_tiles'), self.at('out/roots_tiles'))
        self.assertNotEqual(run('gdal', 'fishnet', 'run', job, '--partition', '3/2').returncode, 0)
        words = ['gdal', 'fishnet', 'map', real('dem.tif'), self.at('out/map.vrt'), '--tile-size', '400', '-q']
        for i in (1, 2):
            good(*words, '--partition', 'auto/2', env={'SLURM_ARRAY_TASK_ID': str(i)})
        good(*words, '--assemble')
        good('gdal', 'fishnet', 'map', real('dem.tif'), self.at('out/one.vrt'), '--tile-size', '400', '-q')
        self.same(self.at('out/one_tiles'), self.at('out/map_tiles'))


if __name__ == '__main__':
    unittest.main()
