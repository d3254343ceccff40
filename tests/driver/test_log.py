"""The log of FISHNET_LOG: a line for each task, in words and numbers that people and `sort` can read."""
import json
import os
import re
import unittest

import numpy as np
from osgeo import gdal

from common import Case, config, fishnet, good, oo, real, run, write

LINE = re.compile(r'(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) +(?P<worker>\d+) +(?P<process>\d+) +(?P<seconds>\d+\.\d{3})  (?P<outcome>\w+) +'
                  r'(?P<task>\S.*?)  +(?P<pixels>\S+(?: \d+x\d+)?)  +(?P<extent>\S+)(?:  (?P<cause>.*))?$')
WIDTH, HEIGHT, TILE = 600, 450, 128


class Log(Case):
    @classmethod
    def prepare(cls):
        cls.a = write(cls.path('a.tif'), np.arange(WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH),
                      options=['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64'])
        with open(cls.path('points.csv'), 'w') as f:
            f.write('x,y\n' + ''.join('%d,%d\n' % (i, i * 7 % 13) for i in range(30)))
        cls.points = cls.path('points.gpkg')
        good('ogr2ogr', cls.points, cls.path('points.csv'), '-oo', 'X_POSSIBLE_NAMES=x', '-oo', 'Y_POSSIBLE_NAMES=y')

    def setUp(self):
        super().setUp()
        self.log = self.path(self.id().split('.')[-1] + '.log')

    def text(self):
        with open(self.log, encoding='utf-8') as f:
            return f.read()

    def lines(self, text=None):
        text = self.text() if text is None else text
        lines = text.splitlines()
        self.assertTrue(lines[0].startswith('# time '), lines[0])
        self.assertRegex(lines[-1], r'^# [A-Z]+: \d+ tasks done, \d+ failed, \d+ tried again.* in \d+\.\d{3} s: \d+\.\d{3} s of work by \d+ workers?, until ')
        found = [LINE.match(line) for line in lines if not line.startswith('#')]
        self.assertTrue(all(found), text)
        return [match.groupdict() for match in found]

    def translate(self, *words, check=good, log=None, name=None, source=None):
        return check('gdal_translate', '-q', 'FISHNET:' + (source or self.a), self.path(name or self.id().split('.')[-1] + '.tif'), *words,
                     '--config', 'FISHNET_LOG', log or self.log)

    def check_tiles(self, lines):
        tiles = [(x, y, min(TILE, WIDTH - x), min(TILE, HEIGHT - y)) for y in range(0, HEIGHT, TILE) for x in range(0, WIDTH, TILE)]
        self.assertEqual({line['pixels'] for line in lines}, {'%d,%d %dx%d' % tile for tile in tiles})
        self.assertEqual(len(lines), len(tiles))
        for line in lines:
            x, y, width, height = map(int, re.split('[ ,x]', line['pixels']))
            self.assertEqual(list(map(float, line['extent'].split(','))),
                             [1000 + 10 * x, 5000 - 10 * (y + height), 1000 + 10 * (x + width), 5000 - 10 * y])
            self.assertEqual(line['task'], 'tile %d' % (tiles.index((x, y, width, height)) + 1))
            self.assertEqual((line['outcome'], line['cause']), ('done', None))

    # ---- what is in it ----

    def test_tiles(self):
        self.translate(*oo('sqrt(A)', TILE_SIZE=TILE, NUM_WORKERS=2, WORKERS='THREADS'))
        lines = self.lines()
        self.check_tiles(lines)
        self.assertLessEqual({line['worker'] for line in lines}, {'0', '1'})
        self.assertEqual(len({line['process'] for line in lines}), 1)
        self.assertIn('# FISHNET: 20 tasks done, 0 failed, 0 tried again in', self.text())

    def test_processes(self):
        """The host alone writes what they report."""
        self.translate(*oo('sqrt(A)', TILE_SIZE=TILE, NUM_WORKERS=2, WORKERS='PROCESSES'))
        lines = self.lines()
        self.check_tiles(lines)
        self.assertEqual(len({line['process'] for line in lines}), len({line['worker'] for line in lines}))

    def test_one_file_by_workers(self):
        dataset = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=2)
        with config('FISHNET_LOG', self.log):
            gdal.GetDriverByName('FISHNET').CreateCopy(self.path('one.tif'), dataset, options=['OUTPUT=SINGLE', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128'])
        self.assertTrue(all(line['outcome'] == 'done' and line['extent'] != '-' for line in self.lines()))

    def test_tiles_that_are_written(self):
        """Log and timeline say where each of them lies on the map."""
        trace = self.path('tiles.json')
        with config('FISHNET_LOG', self.log), config('FISHNET_TRACE', trace):
            gdal.GetDriverByName('FISHNET').CreateCopy(self.path('tiles.vrt'), gdal.Open(self.a), options=['GRID=2x2', 'CALC=A+1'])
        lines = self.lines()
        self.assertEqual({line['task'] for line in lines}, {'r00%d_c00%d.tif' % (r, c) for r in (0, 1) for c in (0, 1)})
        with open(trace, encoding='utf-8') as f:
            events = {event['name']: event['args'] for event in json.load(f) if event.get('cat') == 'task'}
        for line in lines:
            tile = gdal.Open(self.path('tiles_tiles/' + line['task']))
            gt = tile.GetGeoTransform()
            extent = [gt[0], gt[3] + gt[5] * tile.RasterYSize, gt[0] + gt[1] * tile.RasterXSize, gt[3]]
            self.assertEqual(list(map(float, line['extent'].split(','))), extent)
            self.assertEqual(events[line['task']]['extent'], extent)
            self.assertEqual('%d,%d %dx%d' % tuple(events[line['task']]['pixels']), line['pixels'])

    def test_source_that_is_only_named(self):
        """GDAL says that a source is about to be read: workers read by handles of their own, and the log tells of their tiles alone."""
        for attempt in range(5):
            out = self.path('named%d.vrt' % attempt)
            good('gdal_translate', '-q', '-of', 'FISHNET', 'FISHNET:' + self.a, out, *oo('focal_median(A, 9)', TILE_SIZE=64), '-co', 'GRID=2x2',
                 '--config', 'FISHNET_LOG', self.log)
            self.assertEqual({line['task'] for line in self.lines()}, {'r00%d_c00%d.tif' % (r, c) for r in (0, 1) for c in (0, 1)})
            self.assertEqual(len(re.findall('(?m)^# FISHNET: 4 tasks done', self.text())), attempt + 1)
            self.assertEqual(self.text().count('# FISHNET'), attempt + 1)

    def test_nothing_left_to_do(self):
        """A log that cannot be written is an error then, too."""
        words = ['gdal_translate', '-q', '-of', 'FISHNET', self.a, self.path('whole.vrt'), '-co', 'CALC=A', '-co', 'GRID=2x2', '-co', 'RESUME=YES']
        good(*words)
        good(*words, env={'FISHNET_LOG': self.log})
        self.assertEqual(self.lines(), [])
        self.assertIn('# FISHNET: 0 tasks done', self.text())
        done = run(*words, env={'FISHNET_LOG': self.path('no/such/folder.log')})
        self.assertEqual(done.returncode, 1)
        self.assertIn('folder.log cannot be written: No such file or directory', done.stderr)

    def test_tables(self):
        good('ogr2ogr', self.path('near.csv'), 'NEARTABLE:' + self.points, *oo(NEAR=self.points, PARTITION_SIZE=10, NUM_WORKERS=2), env={'FISHNET_LOG': self.log})
        self.assertEqual({line['task'] for line in self.lines()}, {'FIDs 1 to 10', 'FIDs 11 to 20', 'FIDs 21 to 30'})
        self.assertIn('# NEARTABLE: 3 tasks done', self.text())

    def test_zones(self):
        with open(self.path('zones.geojsonl'), 'w') as f:
            for i in range(3):
                f.write(json.dumps({'type': 'Feature', 'properties': {}, 'geometry': {'type': 'Polygon', 'coordinates': [
                    [[1000 + 900 * i, 1000], [1800 + 900 * i, 1000], [1800 + 900 * i, 4900], [1000 + 900 * i, 1000]]]}}) + '\n')
        good('ogr2ogr', '-a_srs', 'EPSG:32633', self.path('zones.gpkg'), self.path('zones.geojsonl'))
        good('ogr2ogr', self.path('stats.csv'), 'ZONALSTATS:' + self.path('zones.gpkg'), *oo(RASTER=self.a), env={'FISHNET_LOG': self.log})
        lines = self.lines()
        self.assertTrue(lines and all(line['extent'] != '-' and line['task'].startswith('tile ') for line in lines))

    def test_causes(self):
        """What failed, what was tried again, and what became NoData."""
        damaged = self.path('damaged.tif')
        write(damaged, np.random.default_rng(1).random((256, 256)), options=['TILED=YES', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128', 'COMPRESS=DEFLATE'])
        os.truncate(damaged, os.path.getsize(damaged) * 3 // 4)
        words = oo('A', TILE_SIZE=128, RETRIES=1)
        self.assertEqual(self.translate(*words, source=damaged, check=run).returncode, 1)
        outcomes = [line['outcome'] for line in self.lines()]
        self.assertIn('again', outcomes)
        self.assertIn('failed', outcomes)
        self.assertTrue(all(line['cause'] for line in self.lines() if line['outcome'] in ('again', 'failed')))
        os.unlink(self.log)
        self.translate(*words, '-oo', 'ON_ERROR=NODATA', source=damaged, check=run)
        lost = [line for line in self.lines() if line['outcome'] == 'nodata']
        self.assertTrue(lost and all(line['cause'] for line in lost))
        self.assertRegex(self.text(), r'4 tasks done, 0 failed, \d tried again, %d are NoData' % len(lost))

    def test_progress_within_a_task(self):
        """One tile that takes a while: GDAL's progress moves, by threads and by processes; and its user can stop it."""
        large = self.path('large.vrt')
        gdal.Translate(large, real('dem.tif'), format='VRT', width=4802, height=2402)
        for kind in ('THREADS', 'PROCESSES'):
            seen = []
            dataset = fishnet(large, 'focal_median(A, circle(30))', NUM_WORKERS=1, WORKERS=kind)
            gdal.GetDriverByName('FISHNET').CreateCopy(self.path(kind + '.vrt'), dataset, options=['GRID=1x1'], callback=lambda done, *_: seen.append(done) or 1)
            self.assertEqual(seen, sorted(seen))
            self.assertGreater(len({done for done in seen if 0 < done < 1}), 1, kind)
            with self.assertRaises(RuntimeError):
                gdal.GetDriverByName('FISHNET').CreateCopy(self.path(kind + '2.vrt'), dataset, options=['GRID=1x1'], callback=lambda done, *_: done == 0)

    # ---- where it goes ----

    def test_standard_output(self):
        for name in ('-', '/vsistdout/'):
            self.check_tiles(self.lines(self.translate(*oo('A', TILE_SIZE=TILE), log=name)))
        self.check_tiles(self.lines(self.translate(*oo('A', TILE_SIZE=TILE), log='/vsistderr/', check=run).stderr))

    def test_goes_on(self):
        """One log for several runs; other files stay as they are."""
        for _ in range(2):
            self.translate(*oo('A', TILE_SIZE=TILE))
        self.assertEqual(self.text().count('# time'), 2)
        self.assertEqual(len(self.lines()), 40)
        with open(self.path('victim.txt'), 'w') as f:
            f.write('stays')
        done = self.translate(*oo('A'), log=self.path('victim.txt'), check=run)
        self.assertEqual(done.returncode, 1)
        self.assertIn('no log', done.stderr)
        with open(self.path('victim.txt')) as f:
            self.assertEqual(f.read(), 'stays')

    def test_cannot_be_written(self):
        for name, why in (('/dev/full', 'No space left on device'), (self.path('no/such/folder.log'), 'No such file or directory'), (self.folder, 'no file'),
                          ('/vsimem/x.log', 'no file on a disk')):
            done = self.translate(*oo('A'), log=name, check=run)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(name, done.stderr)
            self.assertIn(why, done.stderr)
            done = run('ogr2ogr', self.path('stays.csv'), 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points, env={'FISHNET_LOG': name})
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(why, done.stderr)
            done = run('gdal_translate', '-q', '-of', 'FISHNET', 'FISHNET:' + self.a, self.path('none.vrt'), '-co', 'GRID=2x2', env={'FISHNET_LOG': name})
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(why, done.stderr)

    def test_cannot_be_begun(self):
        """That is said before there is anything of the output, and before what is near has been read."""
        gone = {'FISHNET_LOG': self.path('no/such/folder.log')}
        for words in (['gdal_translate', '-of', 'FISHNET', self.a, self.path('gone.vrt'), '-co', 'CALC=A'],
                      ['gdal_translate', '-of', 'FISHNET', self.a, self.path('gone.tif'), '-co', 'CALC=A', '-co', 'OUTPUT=SINGLE'],
                      ['ogr2ogr', '-f', 'NEARTABLE', self.path('gone.vrt'), 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points],
                      ['ogr2ogr', '-f', 'NEARTABLE', self.path('gone.fgb'), 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points, '-dsco', 'OUTPUT=SINGLE'],
                      ['ogr2ogr', '-f', 'CSV', self.path('gone.csv'), 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points, '-oo', 'WORKERS=PROCESSES']):
            with self.subTest(words[1:4]):
                done = run(*words, env={**gone, 'CPL_DEBUG': 'FISHNET'})
                self.assertEqual(done.returncode, 1)
                self.assertIn('folder.log cannot be written: No such file or directory', done.stderr)
                self.assertNotRegex(done.stderr, 'FISHNET: .*(index|tile)')
                self.assertEqual([name for name in os.listdir(self.folder) if 'gone' in name and name != 'gone.csv'], [])

    def test_nothing_to_do_on_the_screen(self):
        """The sum alone, without a header."""
        words = ['gdal_translate', '-q', '-of', 'FISHNET', self.a, self.path('done.vrt'), '-co', 'CALC=A', '-co', 'GRID=2x2', '-co', 'RESUME=YES']
        self.assertEqual(good(*words, env={'FISHNET_LOG': '-'}).count('# time'), 1)
        self.assertRegex(good(*words, env={'FISHNET_LOG': '-'}), r'^# FISHNET: 0 tasks done.*\n$')

    def test_made_by_the_first_read(self):
        good('gdalinfo', 'FISHNET:' + self.a, env={'FISHNET_LOG': self.log})
        self.assertFalse(os.path.exists(self.log))


if __name__ == '__main__':
    unittest.main()
