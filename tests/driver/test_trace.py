"""The timeline of FISHNET_TRACE: what is in it, and that nothing but the user's own configuration names the file that is written."""
import json
import os
import re
import resource
import unittest

import numpy as np
from osgeo import gdal

from common import Case, config, fishnet, good, oo, run, write

VICTIM = 'nobody may write over this'


class Trace(Case):
    @classmethod
    def prepare(cls):
        cls.pixels = np.arange(600 * 450, dtype=np.float32).reshape(450, 600)
        cls.a = write(cls.path('a.tif'), cls.pixels, options=['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64'])
        cls.points = cls.path('points.csv')
        with open(cls.points, 'w') as f:
            f.write('x,y\n' + ''.join('%d,%d\n' % (i, i * 7 % 13) for i in range(30)))
        good('ogr2ogr', cls.path('points.gpkg'), cls.points, '-oo', 'X_POSSIBLE_NAMES=x', '-oo', 'Y_POSSIBLE_NAMES=y')
        cls.points = cls.path('points.gpkg')

    def setUp(self):
        super().setUp()
        self.trace = self.path(self.id().split('.')[-1] + '.json')

    def events(self):
        with open(self.trace, encoding='utf-8') as f:
            return json.load(f)

    def tiles(self):
        return [event for event in self.events() if event.get('cat') == 'task']

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as f:
            f.write(text)
        return self.path(name)

    # ---- what is in it ----

    def test_tiles(self):
        good('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('traced.tif'), *oo('sqrt(A)', TILE_SIZE=128, NUM_WORKERS=2),
             '--config', 'FISHNET_TRACE', self.trace)
        events = self.events()
        tiles = [event for event in events if event['ph'] == 'X']
        for event in tiles:
            self.assertLessEqual({'name', 'ts', 'dur', 'pid', 'tid'}, set(event))
            self.assertGreaterEqual(event['ts'], 0)
            self.assertGreaterEqual(event['dur'], 0)
        seen = set()
        for event in tiles:
            match = re.search(r'x=(\d+) y=(\d+) (\d+)x(\d+)', event['name'])
            if match:
                seen.add(tuple(map(int, match.groups())))
        want = {(x, y, min(128, 600 - x), min(128, 450 - y)) for x in range(0, 600, 128) for y in range(0, 450, 128)}
        self.assertEqual(seen, want)
        by_worker = {}
        for event in tiles:
            by_worker.setdefault(event['tid'], []).append((event['ts'], event['ts'] + event['dur']))
        self.assertLessEqual(len(by_worker), 3)
        for spans in by_worker.values():  # one worker does one thing at a time
            spans.sort()
            for (_, end), (begin, _) in zip(spans, spans[1:]):
                self.assertLessEqual(end, begin + 2)  # microseconds, rounded
        names = {event['tid']: event['args']['name'] for event in events if event['ph'] == 'M' and event['name'] == 'thread_name'}
        self.assertLessEqual(set(by_worker), set(names), 'every worker has a name')

    def closed(self):
        return [event for event in self.events() if event['name'] == 'closed']

    def test_times_of_threads(self):
        """CPU time of each task and of the reader, and no more of it than the program has had."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        good('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('times.tif'), *oo('log(A+1)', TILE_SIZE=128, NUM_WORKERS=2),
             '--config', 'FISHNET_TRACE', self.trace)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = 1e6 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        for event in self.tiles():
            self.assertLessEqual(0, event['tdur'])
            self.assertLessEqual(max(event['tdur'], event['args']['queued']), event['dur'] + 2)  # microseconds, rounded
        [closed] = self.closed()
        self.assertEqual(closed['tid'], 0)
        self.assertGreater(closed['args']['cpu'], 0)
        self.assertGreaterEqual(closed['args']['locks'], 0)
        self.assertLessEqual(sum(event['tdur'] for event in self.tiles()) + closed['args']['cpu'], spent)
        self.assertGreaterEqual(closed['ts'], max(event['ts'] + event['dur'] for event in self.tiles()))

    def test_times_of_one_reader(self):
        """A layer that is read from its begin to its end: what one task keeps from the others."""
        good('ogr2ogr', self.path('points.geojsonl'), self.points)
        good('ogr2ogr', self.path('read.csv'), 'NEARTABLE:' + self.path('points.geojsonl'), '-oo', 'NEAR=' + self.points, env={'FISHNET_TRACE': self.trace})
        self.assertTrue(any(event['args'].get('serial', 0) > 0 for event in self.tiles()))
        good('ogr2ogr', self.path('ranges.csv'), 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points, env={'FISHNET_TRACE': self.trace})
        self.assertFalse(any('serial' in event['args'] for event in self.tiles()))

    def test_times_of_processes(self):
        """The thread that waits for a worker process has no time of the task's."""
        good('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('processes.tif'), *oo('A', TILE_SIZE=256, NUM_WORKERS=2, WORKERS='PROCESSES'),
             '--config', 'FISHNET_TRACE', self.trace)
        self.assertTrue(self.tiles())
        self.assertFalse([event for event in self.tiles() if 'tdur' in event or 'queued' in event['args']])

    def test_made_by_the_first_read(self):
        with config('FISHNET_TRACE', self.trace):
            dataset = fishnet(self.a, 'A+1', TILE_SIZE=128)
            good('gdalinfo', 'FISHNET:' + self.a, env={'FISHNET_TRACE': self.trace})
        self.assertFalse(os.path.exists(self.trace))
        dataset.ReadAsArray(0, 0, 1, 1)
        dataset = None
        self.assertTrue(self.tiles())

    def test_all_of_a_program(self):
        """Datasets at the same time and one after the other; a VRT's sources; what the workers of one of them open is not told of by itself."""
        vrt = self.write('two.vrt', '<VRTDataset rasterXSize="600" rasterYSize="450">' + ''.join(
            '<VRTRasterBand dataType="Float32" band="%d"><SimpleSource><SourceFilename relativeToVRT="0">FISHNET:%s</SourceFilename><OpenOptions>'
            '<OOI key="CALC">A+%d</OOI><OOI key="TILE_SIZE">600x450</OOI></OpenOptions></SimpleSource></VRTRasterBand>' % (i, self.a, i)
            for i in (1, 2)) + '</VRTDataset>')
        with config('FISHNET_TRACE', self.trace):
            datasets = [fishnet(self.a, 'A*%d' % i, TILE_SIZE='600x450') for i in (1, 2)] + [gdal.Open(vrt), fishnet('FISHNET:' + self.a, TILE_SIZE='600x450')]
            for dataset in datasets:
                dataset.ReadAsArray()
            del dataset, datasets
            self.assertEqual(len(self.tiles()), 2 + 2 + 1)
            fishnet(self.a, 'A*3', TILE_SIZE='600x450').ReadAsArray()
        self.assertEqual(len(self.tiles()), 6)
        self.assertEqual(len({event['tid'] for event in self.tiles()} - {event['tid'] for event in self.events() if event['ph'] == 'M'}), 0)
        good('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('new.tif'), *oo('A', TILE_SIZE='600x450'), env={'FISHNET_TRACE': self.trace})
        self.assertEqual(len(self.tiles()), 1, 'the timeline of another program is replaced')

    def test_tiles_that_are_written(self):
        good('gdal_translate', '-q', '-of', 'FISHNET', 'FISHNET:' + self.a, self.path('tiles.vrt'), *oo('A'), '-co', 'GRID=2x2',
             env={'FISHNET_TRACE': self.trace})
        self.assertEqual(len([event for event in self.tiles() if '.tif' in event['name']]), 4)

    # ---- what names it ----

    def test_other_files_stay(self):
        victim = self.write('victim.txt', VICTIM)
        os.mkfifo(self.path('pipe'))
        for name in (victim, self.path('pipe'), self.folder, '/dev/null'):
            done = run('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('stays.tif'), *oo('A'), env={'FISHNET_TRACE': name}, timeout=20)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(name, done.stderr)
            done = run('ogr2ogr', self.path('stays.csv'), 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points, env={'FISHNET_TRACE': name}, timeout=20)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(name, done.stderr)
        with open(victim) as f:
            self.assertEqual(f.read(), VICTIM)

    def test_no_data_file_names_it(self):
        victim = self.write('victim.txt', VICTIM)
        raster = {'type': 'fishnet_raster', 'inputs': {'A': 'a.tif'}, 'calc': 'A', 'trace': 'victim.txt'}
        near = {'type': 'near_table', 'input': 'points.gpkg', 'near': 'points.gpkg', 'trace': 'victim.txt'}
        options = '<OpenOptions><OOI key="TRACE">%s</OOI>%s</OpenOptions>'
        files = [('r.fishnet.json', json.dumps(raster)), ('harmless.tif', json.dumps(raster)), ('near.fishnet.json', json.dumps(near)),
                 ('harmless.shp', json.dumps(near)),
                 ('raster.vrt', '<VRTDataset rasterXSize="600" rasterYSize="450"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
                                '<SourceFilename relativeToVRT="0">FISHNET:%s</SourceFilename>%s</SimpleSource></VRTRasterBand></VRTDataset>'
                                % (self.a, options % (victim, '<OOI key="CALC">A</OOI>'))),
                 ('vector.vrt', '<OGRVRTDataSource><OGRVRTLayer name="points_near"><SrcDataSource relativeToVRT="0">NEARTABLE:%s</SrcDataSource>%s'
                                '</OGRVRTLayer></OGRVRTDataSource>' % (self.points, options % (victim, '<OOI key="NEAR">%s</OOI>' % self.points)))]
        for name, text in files:
            path = self.write(name, text)
            vector = name in ('near.fishnet.json', 'harmless.shp', 'vector.vrt')
            done = run('ogrinfo', '-al', path) if vector else run('gdalinfo', '-stats', path)
            self.assertIn('FISHNET_TRACE', done.stderr, name)
            with open(victim) as f:
                self.assertEqual(f.read(), VICTIM, name)
        for driver, words in (('FISHNET', ('gdalinfo', 'FISHNET:' + self.a, *oo('A'))),
                              ('NEARTABLE', ('ogrinfo', 'NEARTABLE:' + self.points, '-oo', 'NEAR=' + self.points))):
            done = run(*words, '-oo', 'TRACE=' + victim)
            self.assertEqual(done.returncode, 1, driver)
            self.assertIn('FISHNET_TRACE', done.stderr)


if __name__ == '__main__':
    unittest.main()
