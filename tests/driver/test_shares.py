"""Shares of a job: many runs that know nothing of each other fill one folder with the files of a single run."""
import filecmp
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import numpy as np
from osgeo import gdal

from common import Case, good, patience, real, run, write

RANDOM = random.Random(int(os.environ.get('FISHNET_SEED', '1')))


class TestShares(Case):
    def setUp(self):
        self.folder = self.path(self.id().rpartition('.')[2])
        os.makedirs(self.folder)

    def at(self, name):
        return os.path.join(self.folder, name)

    def tiles(self, name, *words, source='FISHNET:' + real('dem.tif'), size=256):
        return ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'TILE_SIZE=%d' % size, '-oo', 'CALC=sqrt(abs(A))', '-oo', 'NUM_WORKERS=2',
                *words, source, self.at(name)]

    def table(self, name, *words):
        return ['ogr2ogr', '-q', '-f', 'NEARTABLE', '-dsco', 'FORMAT=CSV', *words, self.at(name), 'NEARTABLE:' + real('places.shp'),
                '-oo', 'NEAR=' + real('rivers.shp'), '-oo', 'NUM_WORKERS=2']

    def zones(self, name, *words):
        return ['ogr2ogr', '-q', '-f', 'ZONALSTATS', '-dsco', 'FORMAT=CSV', *words, self.at(name), 'ZONALSTATS:' + real('land.shp'), '-oo',
                'RASTER=' + real('egm96.gtx'), '-oo', 'STATS=COUNT,MEAN,MAX', '-oo', 'NUM_WORKERS=2']

    def same(self, folder, other):
        """Byte for byte, with the same files."""
        names = sorted(os.listdir(self.at(folder)))
        self.assertEqual(names, sorted(os.listdir(self.at(other))))
        for name in names:
            self.assertTrue(filecmp.cmp(self.at(folder + '/' + name), self.at(other + '/' + name), shallow=False), name)

    def fails(self, command, *words):
        done = run(*command)
        self.assertNotEqual(done.returncode, 0, command)
        for word in words:
            self.assertIn(word, done.stderr)

    def shares(self, n):
        """All shares of n, some of them twice, in any order."""
        order = list(range(1, n + 1)) + [RANDOM.randint(1, n) for _ in range(2)]
        RANDOM.shuffle(order)
        return ['PARTITION=%d/%d' % (i, n) for i in order]

    def together(self, commands, at_once=4):
        """So many at once; each must succeed."""
        running = []
        for command in commands:
            running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
            if len(running) == at_once:
                self.end(running.pop(0))
        for one in running:
            self.end(one)

    def end(self, process):
        text = process.communicate(timeout=patience(50))[1]
        self.assertEqual(process.returncode, 0, text)
        self.assertNotIn('ERROR', text)

    def test_tiles(self):
        size = 200
        good(*self.tiles('one.vrt', size=size))
        for n in (1, 7, 64):
            shutil.rmtree(self.at('parts_tiles'), ignore_errors=True)
            self.together([self.tiles('parts.vrt', '-co', share, size=size) for share in self.shares(n)])
            self.assertFalse(os.path.exists(self.at('parts.vrt')))
            good(*self.tiles('parts.vrt', '-co', 'ASSEMBLE=YES', size=size))
            self.same('one_tiles', 'parts_tiles')
            with open(self.at('one.vrt')) as one, open(self.at('parts.vrt')) as parts:
                self.assertEqual(one.read().replace('one_tiles/', 'parts_tiles/'), parts.read())
            os.unlink(self.at('parts.vrt'))

    def test_tables(self):
        for command, option in ((self.table, '-dsco'), (self.zones, '-dsco')):
            stem = command.__name__
            good(*command(stem + '_one.vrt', option, 'PARTS=7'))
            for n in (3, 7):
                shutil.rmtree(self.at(stem + '_more_parts'), ignore_errors=True)
                self.together([command(stem + '_more.vrt', option, 'PARTS=7', option, share) for share in self.shares(n)])
                self.assertFalse(os.path.exists(self.at(stem + '_more.vrt')))
                good(*command(stem + '_more.vrt', option, 'PARTS=7', option, 'ASSEMBLE=YES'))
                self.same(stem + '_one_parts', stem + '_more_parts')
                with open(self.at(stem + '_one.vrt')) as one, open(self.at(stem + '_more.vrt')) as more:
                    self.assertEqual(one.read().replace('_one_parts/', '_more_parts/'), more.read())
                os.unlink(self.at(stem + '_more.vrt'))

    def test_parts_are_as_many_as_shares(self):
        good(*self.table('one.vrt', '-dsco', 'PARTS=5'))
        for i in range(1, 6):
            good(*self.table('more.vrt', '-dsco', 'PARTITION=%d/5' % i))
        good(*self.table('more.vrt', '-dsco', 'ASSEMBLE=YES'))
        self.same('one_parts', 'more_parts')

    def test_killed_shares(self):
        """Shares that are killed while they write leave nothing that looks whole, and another run of them does the rest."""
        good(*self.tiles('one.vrt', size=128))
        for kind in ('THREADS', 'PROCESSES'):
            shutil.rmtree(self.at('parts_tiles'), ignore_errors=True)
            for _ in range(12):
                share = 'PARTITION=%d/5' % RANDOM.randint(1, 5)
                victim = subprocess.Popen(self.tiles('parts.vrt', '-co', share, '-oo', 'WORKERS=' + kind, size=128), stderr=subprocess.PIPE,
                                          start_new_session=True)
                time.sleep(RANDOM.uniform(0.05, 0.3))
                os.killpg(victim.pid, signal.SIGKILL)
                victim.communicate()
                for name in os.listdir(self.at('parts_tiles')) if os.path.isdir(self.at('parts_tiles')) else ():
                    if name.startswith('r0'):
                        self.assertTrue(filecmp.cmp(self.at('one_tiles/' + name), self.at('parts_tiles/' + name), shallow=False), name)
            self.together([self.tiles('parts.vrt', '-co', share, '-oo', 'WORKERS=' + kind, size=128) for share in self.shares(5)])
            good(*self.tiles('parts.vrt', '-co', 'ASSEMBLE=YES', size=128))
            self.same('one_tiles', 'parts_tiles')

    def test_what_a_link_is_to(self):
        """Another output in the place of a mosaic: whatever the name is a link to stays."""
        good(*self.tiles('out.vrt', size=200))
        for turn, link in enumerate((os.symlink, os.link)):
            kept = self.at('kept%d' % turn)
            shutil.copy(self.at('out.vrt'), kept)
            os.remove(self.at('out.vrt'))
            link(kept, self.at('out.vrt'))
            with open(kept, 'rb') as file:
                before = file.read()
            good('gdal_translate', '-q', '-of', 'GTiff', real('egm96.gtx'), self.at('out.vrt'))
            with open(kept, 'rb') as file:
                self.assertEqual(file.read(), before)
            self.assertFalse(os.path.islink(self.at('out.vrt')))
            shutil.copy(kept, self.at('out.vrt'))
        good(*self.table('near.vrt', '-dsco', 'PARTS=2'))
        good('ogr2ogr', '-q', '-f', 'GPKG', self.at('near.vrt'), real('places.shp'))

    def test_a_mosaic_stays(self):
        """A share that comes late does not take away what was made of all."""
        for command, option in ((self.tiles, '-co'), (self.table, '-dsco')):
            name = command.__name__ + '.vrt'
            good(*command(name, option, 'PARTITION=1/1'))
            good(*command(name, option, 'ASSEMBLE=YES'))
            with open(self.at(name)) as file:
                text = file.read()
            good(*command(name, option, 'PARTITION=1/1'))
            with open(self.at(name)) as file:
                self.assertEqual(file.read(), text)

    def test_parts_without_rows(self):
        """Some formats write no file then; an empty file is none of ours."""
        words = ('-oo', 'GEOMETRY=LINE', '-oo', 'RADIUS=0.001')
        for share in ('1/3', '2/3', '3/3'):
            good(*(word.replace('CSV', 'FlatGeobuf') for word in self.table('near.vrt', *words, '-dsco', 'PARTITION=' + share)))
        self.assertEqual(len([name for name in os.listdir(self.at('near_parts')) if name.startswith('part_')]), 3)
        good(*self.table('csv.vrt', '-dsco', 'PARTITION=1/1'))
        os.truncate(self.at('csv_parts/part_0000.csv'), 0)
        self.fails(self.table('csv.vrt', '-dsco', 'ASSEMBLE=YES'), '1 of 1 parts', 'part_0000.csv')

    def test_what_is_missing(self):
        self.fails(self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'), 'ASSEMBLE', 'out_tiles', 'no share has begun')
        self.assertEqual(os.listdir(self.folder), [])
        for i in (1, 2, 4):
            good(*self.tiles('out.vrt', '-co', 'PARTITION=%d/5' % i))
        count = len([name for name in os.listdir(self.at('out_tiles')) if name.startswith('r0')])
        self.fails(self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'), '%d of 50 tiles' % (50 - count), 'run the shares 3,5 of 5\n')
        self.assertFalse(os.path.exists(self.at('out.vrt')))
        for i in (3, 5):
            good(*self.tiles('out.vrt', '-co', 'PARTITION=%d/5' % i))
        good(*self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'))
        os.truncate(self.at('out_tiles/r003_c002.tif'), 0)
        self.fails(self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'), '1 of 50 tiles', 'r003_c002.tif')
        good(*self.table('near.vrt', '-dsco', 'PARTITION=2/3'))
        self.fails(self.table('near.vrt', '-dsco', 'ASSEMBLE=YES'), '2 of 3 parts', 'part_0000.csv, part_0002.csv', 'run the shares 1,3 of 3\n')

    def test_assembling_computes_nothing(self):
        self.fails(self.tiles('out.vrt', '-co', 'ASSEMBLE=YES', '-co', 'PARTITION=1/2'), 'ASSEMBLE', 'PARTITION')
        self.fails(self.tiles('out.vrt', '-co', 'ASSEMBLE=YES', '-co', 'RESUME=YES'), 'ASSEMBLE', 'RESUME')
        self.fails(self.table('out.vrt', '-dsco', 'ASSEMBLE=YES', '-dsco', 'RESUME=YES'), 'ASSEMBLE', 'RESUME')
        self.assertEqual(os.listdir(self.folder), [])

    def test_another_job(self):
        good(*self.tiles('out.vrt', '-co', 'PARTITION=1/3'))
        before = sorted(os.listdir(self.at('out_tiles')))
        self.fails(self.tiles('out.vrt', '-co', 'PARTITION=2/3', size=512), 'PARTITION', 'out_tiles', 'edges of columns', 'one recipe')
        self.fails(self.tiles('out.vrt', '-co', 'PARTITION=2/3', '-oo', 'NODATA=7'), 'PARTITION', 'NODATA=7')
        self.assertEqual(sorted(os.listdir(self.at('out_tiles'))), before)

    def test_an_input_that_changed(self):
        for value in (1, 2):
            if os.path.exists(self.at('in.tif')):
                os.unlink(self.at('in.tif'))
            source = write(self.at('in.tif'), np.full((600, 600), value, np.float32))
            if value == 1:
                good(*self.tiles('out.vrt', '-co', 'PARTITION=1/4', source='FISHNET:' + source))
        self.fails(self.tiles('out.vrt', '-co', 'PARTITION=2/4', source='FISHNET:' + source), 'in.tif')

    def test_no_such_share(self):
        for wrong in ('0/3', '4/3', '1', 'x/3', '1/0', '-1/3'):
            self.fails(self.tiles('out.vrt', '-co', 'PARTITION=' + wrong), 'PARTITION=' + wrong, 'expected <i>/<n>')
        self.fails(self.tiles('out.vrt', '-co', 'PARTITION=1/9999'), 'PARTITION=1/9999', 'there are only so many tiles: 50')
        self.fails(self.table('out.vrt', '-dsco', 'PARTS=3', '-dsco', 'PARTITION=1/4'), 'PARTITION=1/4', 'there are only so many parts: 3')
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_folder_of_others(self):
        os.makedirs(self.at('out_tiles'))
        with open(self.at('out_tiles/thesis.doc'), 'w') as file:
            file.write('mine')
        self.fails(self.tiles('out.vrt', '-co', 'PARTITION=1/3'), 'thesis.doc', 'not touched')
        self.assertEqual(os.listdir(self.at('out_tiles')), ['thesis.doc'])

    def test_asking_while_a_share_is_at_work(self):
        for i in (1, 2, 3):
            good(*self.tiles('out.vrt', '-co', 'PARTITION=%d/3' % i))
        done = run('flock', '-s', self.at('out_tiles'), *self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('all tiles in', done.stderr)
        self.assertIn('a run is still at work there', done.stderr)
        good(*self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'))

    def test_a_refused_assembly_takes_nothing_away(self):
        good(*self.tiles('out.vrt', '-co', 'PARTITION=1/1'))
        good(*self.tiles('out.vrt', '-co', 'ASSEMBLE=YES'))
        self.fails(self.tiles('out.vrt', '-co', 'ASSEMBLE=YES', '-oo', 'NODATA=3'), 'NODATA=3')
        self.assertTrue(os.path.exists(self.at('out.vrt')))

    def test_parts_of_a_job_that_goes_on(self):
        """Shares of another number are of the same parts."""
        good(*self.table('one.vrt', '-dsco', 'PARTS=5'))
        for share in ('1/5', '1/2', '2/2'):
            good(*self.table('more.vrt', '-dsco', 'PARTITION=' + share))
        good(*self.table('more.vrt', '-dsco', 'ASSEMBLE=YES'))
        self.same('one_parts', 'more_parts')

    def test_a_run_keeps_shares_out(self):
        """Where the file system has locks: a run removes what is there, so it does not begin while a share writes."""
        good(*self.tiles('out.vrt', '-co', 'PARTITION=1/3'))
        for lock, command in (('-s', self.tiles('out.vrt')), ('-x', self.tiles('out.vrt', '-co', 'PARTITION=2/3'))):
            done = run('flock', lock, self.at('out_tiles'), *command)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('another run is writing', done.stderr)

    def test_shares_weigh_alike(self):
        """Where nothing is stored there is hardly any work."""
        path = self.at('sparse.tif')
        dataset = gdal.GetDriverByName('GTiff').Create(path, 4096, 4096, 1, gdal.GDT_Float32, ['TILED=YES', 'SPARSE_OK=YES'])
        dataset.GetRasterBand(1).SetNoDataValue(-9999)
        dataset.GetRasterBand(1).WriteArray(np.ones((1024, 1024), np.float32), 1024, 2048)
        del dataset
        for i in range(1, 5):
            good(*self.tiles('out.vrt', '-co', 'PARTITION=%d/4' % i, source='FISHNET:' + path))
            full = sum(1 for row in range(8, 12) for column in range(4, 8)
                       if os.path.exists(self.at('out_tiles/r%03d_c%03d.tif' % (row, column))))
            self.assertTrue(4 * i - 2 <= full <= 4 * i + 2, (i, full))


if __name__ == '__main__':
    unittest.main()
