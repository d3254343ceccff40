"""Shares that are runs of the raster's tiles: their partial results, folded, are the table of one run, byte for byte."""
import filecmp
import math
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import time
import unittest

import numpy as np
from osgeo import gdal

from zonal_common import ZonalCase, area, good, good_within, rectangle, run, star, within
from patience import patience  # noqa: E402  (zonal_common knows where it is)

RANDOM = random.Random(int(os.environ.get('FISHNET_SEED', '1')))
COLUMNS, ROWS = 1100, 600  # 5 x 10 tiles of 256 x 64, not whole ones at the edges
UP = (0, 1, 0, ROWS, 0, -1)
ALL = ('COUNT,NODATA_COUNT,AREA,SUM,MEAN,MIN,MAX,RANGE,MIN_X,MIN_Y,MAX_X,MAX_Y,STD,STD_SAMPLE,VARIANCE,CV,MEDIAN,VARIETY,MAJORITY,MINORITY,'
       'MAJORITY_COUNT,MAJORITY_SHARE')


class TestFolded(ZonalCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        numbers = np.random.default_rng(RANDOM.randint(0, 2**31))
        rough = numbers.normal(0, 1e3, (ROWS, COLUMNS)).round(1).astype(np.float32)
        rough[numbers.random(rough.shape) < 0.1] = -9999
        cls.rough = cls.raster(rough, gt=UP, nodata=-9999, name='rough.tif')
        classes = numbers.integers(0, 9, (2, ROWS, COLUMNS), dtype=np.uint8)
        cls.classes = cls.raster(classes, gt=UP, name='classes.tif')
        cls.weights = cls.raster(numbers.random((ROWS, COLUMNS)), gt=UP, name='weights.tif')
        cls.patches = cls.raster(np.kron(numbers.integers(-5, 40, (30, 55)), np.ones((20, 20), int)).astype(np.int32), gt=UP, name='patches.tif')
        geometries = [area([star(numbers, *numbers.uniform((0, 0), (COLUMNS, ROWS)), numbers.uniform(1, 250), 30)], gt=UP) for _ in range(40)]
        geometries += [area([[(0, 0), (900, 500), (900, 0), (0, 500)]], gt=UP), None, rectangle(-50, -50, -10, -10, gt=UP)]
        names = [RANDOM.choice(['a', 'b', 'c', None]) for _ in geometries[:-3]] + ['bow', 'c', 'outside']
        cls.groups = cls.zones(geometries, fields={'name': names}, name='groups.gpkg')
        cls.few = cls.zones([rectangle(10, 10, 1090, 590, gt=UP), geometries[0]], name='few.gpkg')

    def setUp(self):
        self.folder = self.new('folder')
        os.makedirs(self.folder)

    def at(self, *name):
        return os.path.join(self.folder, *name)

    def words(self, name, zones, *more, tile='256x64', **options):
        opened = dict({'TILE_SIZE': tile, 'NUM_WORKERS': 2}, **options)
        rasters = opened.pop('RASTER', self.rough)
        return ['ogr2ogr', '-q', '-f', 'ZONALSTATS', '-dsco', 'FORMAT=CSV', *(word for option in more for word in ('-dsco', option)), self.at(name),
                'ZONALSTATS:' + zones, *(word for raster in np.atleast_1d(rasters) for word in ('-oo', 'RASTER=' + raster)),
                *(word for pair in opened.items() for word in ('-oo', '%s=%s' % pair))]

    def one(self, name, zones, **options):
        good_within(*self.words(name + '.vrt', zones, 'PARTS=1', **options))

    def shares(self, n):
        """All of n in any order, some of them twice."""
        order = list(range(1, n + 1)) + [RANDOM.randint(1, n) for _ in range(2)]
        RANDOM.shuffle(order)
        return order

    def files(self, name):
        return sorted(entry for entry in os.listdir(self.at(name + '_parts')) if entry != 'recipe.txt')

    def same(self, one, other):
        self.assertEqual(self.files(one), self.files(other))
        for entry in self.files(one):
            self.assertTrue(filecmp.cmp(self.at(one + '_parts', entry), self.at(other + '_parts', entry), shallow=False), entry)
        with open(self.at(one + '.vrt')) as first, open(self.at(other + '.vrt')) as second:
            self.assertEqual(first.read().replace(one + '_parts/', other + '_parts/'), second.read())

    def partials(self, name):
        return [entry for entry in self.files(name) if entry.endswith('.partial')]

    def compare(self, zones, counts=(3,), **options):
        """One run against shares that differ in their workers."""
        self.one('one', zones, **options)
        for n in counts:
            shutil.rmtree(self.at('more_parts'), ignore_errors=True)
            for share in self.shares(n):
                done = within(*self.words('more.vrt', zones, 'PARTITION=%d/%d' % (share, n),
                                          **dict(options, NUM_WORKERS=RANDOM.choice((1, 2, 5)), WORKERS=RANDOM.choice(('THREADS', 'PROCESSES')))))
                self.assertEqual((done.returncode, 'ERROR' in done.stderr), (0, False), done.stderr)
            self.assertFalse(os.path.exists(self.at('more.vrt')))
            self.assertEqual(len(self.partials('more')), n)
            good_within(*self.words('more.vrt', zones, 'ASSEMBLE=YES', **options))
            self.same('one', 'more')

    def test_any_number_of_shares(self):
        for zones, more in ((self.patches, {}), (self.groups, {'ZONE_FIELD': 'name'}), (self.few, {})):
            self.compare(zones, (1, 3, 7, 64) if zones == self.patches else (3, 7), STATS='COUNT,MEAN,MAX', PERCENTILES='10,99.5', **more)

    def test_the_file(self):
        """As its header file says: head, records with checks, an end. Shares have different tiles, and together all."""
        def check(words):
            value = 1
            for text in words:
                for word in struct.unpack('<%dQ' % (len(text) // 8), text):
                    value = (value ^ word) * 0x9E3779B97F4A7C15 % 2**64
                    value = (value << 29 | value >> 35) % 2**64
            return value
        tiles, recipes = [], set()
        for part in range(3):
            good_within(*self.words('x.vrt', self.patches, 'PARTITION=%d/3' % (part + 1)))
            with open(self.at('x_parts', 'part_000%d.partial' % part), 'rb') as file:
                text = file.read()
            magic, version, order, recipe, index, parts = struct.unpack_from('<8sIIQqq', text)
            self.assertEqual((magic, version, order, index, parts), (b'FISHPART', 1, 0x01020304, part, 3))
            recipes.add(recipe)
            at, count, own = 40, 0, []
            while at < len(text):
                key, kind, size, seen = struct.unpack_from('<qQQQ', text, at)
                self.assertEqual(check([text[at:at + 24], text[at + 32:at + 32 + size] + b'\0' * (-size % 8)]), seen)
                at += 32 + size
                own += [key] if kind == 2 else []
                if kind == 2**64 - 1:
                    self.assertEqual((at, key), (len(text), count))
                count += 1
            self.assertEqual(own, sorted(own))
            tiles += own
        self.assertEqual(tiles, list(range(50)))
        self.assertEqual(len(recipes), 1)

    def test_all_statistics(self):
        for zones, more in ((self.patches, {}), (self.groups, {'ZONE_FIELD': 'name', 'PIXELS': 'FRACTION', 'FIELDS': 'name'}),
                            (self.few, {'PIXELS': 'TOUCHED', 'FIELDS': '*'})):
            self.compare(zones, STATS=ALL + ',WEIGHT_SUM,WEIGHTED_SUM,WEIGHTED_MEAN,WEIGHTED_STD', PERCENTILES='1,50,90', WEIGHTS=self.weights,
                         RASTER=[self.rough, self.classes], **more)

    def test_classes(self):
        for zones, more in ((self.patches, {}), (self.groups, {'ZONE_FIELD': 'name'})):
            self.compare(zones, HISTOGRAM='LONG', BAND=2, RASTER=self.classes, **more)
            self.compare(zones, HISTOGRAM='WIDE', STATS='MEAN', RASTER=self.classes, **more)

    def test_expressions_and_spread(self):
        self.compare(self.patches, CALC='A*2+1', STATS='MEAN,SUM', NODATA='SPREAD')
        self.compare(self.groups, CALC='A*2+1', STATS='MEAN,NODATA_COUNT', NODATA='SPREAD', ZONE_FIELD='name')

    def test_zones_that_cross_themselves(self):
        for invalid in ('REPAIR', 'SKIP'):
            self.compare(self.groups, ZONE_FIELD='name', INVALID=invalid, STATS='COUNT,MEDIAN')

    def test_further_passes(self):
        """More values than are kept for percentiles, and more numbers than are held: what one pass does not settle."""
        large = self.raster(np.random.default_rng(5).random((2400, 2000)).astype(np.float32), gt=(0, 1, 0, 2400, 0, -1), name='large.tif')
        zones = self.raster(np.ones((2400, 2000), np.uint8), gt=(0, 1, 0, 2400, 0, -1), name='ones.tif')
        self.compare(zones, RASTER=large, STATS='MEDIAN,MEAN', tile='512x512')
        group = self.zones([rectangle(0, 0, 2000, 2400, gt=(0, 1, 0, 2400, 0, -1))], name='huge.gpkg')
        self.compare(group, RASTER=large, STATS='MEDIAN,MEAN', tile='512x512')
        many = self.raster(np.random.default_rng(6).permutation(1200 * 1000).reshape(1200, 1000).astype(np.int32) - 7, gt=(0, 1, 0, 1200, 0, -1),
                           name='many.tif')
        self.compare(many, (2,), RASTER=many, STATS='SUM', tile='512x512')

    def test_groups_that_do_not_fit(self):
        """More vertices than are held at a time: a share holds all, the assembly takes them in several ranges."""
        angle = np.append(np.linspace(0, 2 * math.pi, 30000), 0)
        circles = [struct.pack('<BIII', 1, 3, 1, len(angle)) + np.column_stack((550 + r * np.cos(angle), 300 + r * np.sin(angle))).tobytes()
                   for r in (290, 120, 201, 30, 77)]
        zones = self.zones([circles[i % 5] for i in range(340)], fields={'kind': [i % 5 for i in range(340)]}, name='many.fgb')
        self.compare(zones, STATS='COUNT,SUM', ZONE_FIELD='kind')

    def broken(self):
        """Two blocks cannot be decoded."""
        path = self.new('broken.tif')
        gdal.Translate(path, self.rough, creationOptions=['TILED=YES', 'COMPRESS=DEFLATE', 'BLOCKXSIZE=256', 'BLOCKYSIZE=64'])
        band = gdal.Open(path).GetRasterBand(1)
        places = [int(band.GetMetadataItem('BLOCK_OFFSET_' + block, 'TIFF')) for block in ('1_2', '3_7')]
        with open(path, 'r+b') as file:
            for at in places:
                file.seek(at)
                file.write(b'\xff' * 2000)
        return path

    def test_tiles_that_are_lost(self):
        """The table that is assembled says of them what that of one run says."""
        broken = self.broken()
        options = {'RASTER': broken, 'ON_ERROR': 'NODATA', 'STATS': 'COUNT,NODATA_COUNT,MEAN', 'ZONE_FIELD': 'name', 'RETRIES': 0}
        done = within(*self.words('one.vrt', self.groups, 'PARTS=1', **options))
        for share in self.shares(7):
            within(*self.words('more.vrt', self.groups, 'PARTITION=%d/7' % share, **options))
        more = within(*self.words('more.vrt', self.groups, 'ASSEMBLE=YES', **options))
        self.same('one', 'more')
        self.assertIn('filled with NoData: tile x=', done.stderr)
        self.assertIn('have cells in tiles that could not be read', done.stderr)
        self.assertEqual(sorted(done.stderr.splitlines()), sorted(more.stderr.splitlines()))
        options['ON_ERROR'] = 'FAIL'
        failed = [within(*self.words('bad.vrt', self.groups, 'PARTITION=%d/3' % share, **options)) for share in (1, 2, 3)]
        self.assertTrue(any(one.returncode for one in failed))
        self.assertLess(len(self.partials('bad')), 3)
        self.fails(self.words('bad.vrt', self.groups, 'ASSEMBLE=YES', **options), 'parts in', 'are missing: part_000', 'run the shares')

    def fails(self, words, *says):
        done = within(*words)
        self.assertNotEqual(done.returncode, 0, words)
        for text in says:
            self.assertIn(text, done.stderr)
        return done.stderr

    def test_what_is_missing(self):
        words = {'STATS': 'SUM'}
        self.fails(self.words('x.vrt', self.patches, 'ASSEMBLE=YES', **words), 'no share has begun')
        for share in (1, 2, 4, 6, 7):
            good_within(*self.words('x.vrt', self.patches, 'PARTITION=%d/7' % share, **words))
        self.fails(self.words('x.vrt', self.patches, 'ASSEMBLE=YES', **words), '2 of 7 parts in', 'part_0002.partial, part_0004.partial',
                   'run the shares 3,5 of 7')
        self.assertFalse(os.path.exists(self.at('x.vrt')))
        good_within(*self.words('x.vrt', self.patches, 'RESUME=YES', **words))  # in place of all that are missing
        self.one('one', self.patches, **words)
        self.same('one', 'x')
        before = self.files('x')
        good_within(*self.words('x.vrt', self.patches, 'PARTITION=3/7', **words))  # late
        self.assertEqual(self.files('x'), before)
        os.unlink(self.at('x.vrt'))
        good_within(*self.words('x.vrt', self.patches, 'ASSEMBLE=YES', **words))
        self.same('one', 'x')
        good_within(*self.words('x.vrt', self.patches, 'PARTS=1', **words))  # all anew
        self.same('one', 'x')

    def test_damaged(self):
        """Cut off, changed anywhere, of another job or under another name: named, missing, and made again by its share."""
        self.one('one', self.patches)
        for share in (1, 2, 3):
            good_within(*self.words('x.vrt', self.patches, 'PARTITION=%d/3' % share))
            good_within(*self.words('y.vrt', self.patches, 'PARTITION=%d/3' % share, STATS='MAX'))
        path = self.at('x_parts', 'part_0001.partial')
        with open(path, 'rb') as file:
            whole = file.read()
        first = whole[:40]
        with open(self.at('y_parts', 'part_0001.partial'), 'rb') as file:
            foreign = file.read()
        with open(self.at('x_parts', 'part_0000.partial'), 'rb') as file:
            twin = file.read()
        self.assertEqual(first[:8], b'FISHPART')
        cases = [(whole[:n], 'cut off') for n in (1, 39, 40, 60, len(whole) // 2, len(whole) - 32, len(whole) - 1)]
        for _ in range(12):
            at = RANDOM.randrange(40, len(whole))
            cases.append((whole[:at] + bytes([whole[at] ^ 1 << RANDOM.randrange(8)]) + whole[at + 1:], 'damaged'))
        cases += [(whole + b'x', 'damaged'), (foreign, 'another recipe'), (twin, 'it is part 0 of 3'), (b'#' + whole[1:], 'no file of partial'),
                  (whole[:8] + b'\2' + whole[9:], 'of version 2'), (whole[:12] + whole[15:11:-1] + whole[16:], 'order of bytes')]
        for text, why in cases:
            with open(path, 'wb') as file:
                file.write(text)
            self.fails(self.words('x.vrt', self.patches, 'ASSEMBLE=YES'), 'part_0001.partial', why, '1 of 3 parts', 'run the shares 2 of 3')
            self.assertFalse(os.path.exists(self.at('x.vrt')))
        good_within(*self.words('x.vrt', self.patches, 'PARTITION=2/3'))
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), whole)  # the same share, the same bytes
        good_within(*self.words('x.vrt', self.patches, 'ASSEMBLE=YES'))
        self.same('one', 'x')

    def test_other_jobs(self):
        good_within(*self.words('x.vrt', self.patches, 'PARTITION=1/3'))
        for more in ({'STATS': 'MAX'}, {'tile': '512x64'}, {'RASTER': self.classes}):
            self.fails(self.words('x.vrt', self.patches, 'PARTITION=2/3', **more), 'were made in another way')
            self.fails(self.words('x.vrt', self.patches, 'ASSEMBLE=YES', **more), 'were made in another way')
        self.fails(self.words('x.vrt', self.patches, 'PARTS=5', 'PARTITION=2/3'), 'were made in another way')
        good_within(*self.words('x.vrt', self.patches, 'PARTITION=2/2'))  # the parts are the job's, whoever does how many
        good_within(*self.words('x.vrt', self.patches, 'ASSEMBLE=YES'))
        self.one('one', self.patches)
        self.same('one', 'x')

    def test_whole_runs_go_on(self):
        """What a run without shares has begun are parts of rows, for shares, too."""
        good_within(*self.words('x.vrt', self.groups, 'PARTS=3', ZONE_FIELD='name'))
        os.unlink(self.at('x_parts', 'part_0001.csv'))
        os.unlink(self.at('x.vrt'))
        for share in (1, 2, 3):
            good_within(*self.words('x.vrt', self.groups, 'PARTITION=%d/3' % share, ZONE_FIELD='name'))
        good_within(*self.words('x.vrt', self.groups, 'ASSEMBLE=YES', ZONE_FIELD='name'))
        self.assertEqual([name for name in self.files('x') if name.endswith('.csv')], ['part_0000.csv', 'part_0001.csv', 'part_0002.csv'])

    def test_killed(self):
        self.one('one', self.groups, ZONE_FIELD='name', PERCENTILES='5,50')
        for kind in ('THREADS', 'PROCESSES'):
            shutil.rmtree(self.at('x_parts'), ignore_errors=True)
            for _ in range(15):
                words = self.words('x.vrt', self.groups, 'PARTS=7', 'PARTITION=%d/3' % RANDOM.randint(1, 3), ZONE_FIELD='name', PERCENTILES='5,50', WORKERS=kind)
                victim = subprocess.Popen(words, stderr=subprocess.PIPE, start_new_session=True)
                time.sleep(RANDOM.uniform(0.05, 0.35))
                os.killpg(victim.pid, signal.SIGKILL)
                victim.communicate()
            for share in self.shares(3):
                good(*self.words('x.vrt', self.groups, 'PARTS=7', 'PARTITION=%d/3' % share, ZONE_FIELD='name', PERCENTILES='5,50', WORKERS=kind))
            good(*self.words('x.vrt', self.groups, 'PARTS=7', 'ASSEMBLE=YES', ZONE_FIELD='name', PERCENTILES='5,50', WORKERS=kind))
            self.same('one', 'x')
            self.assertEqual([name for name in os.listdir(self.at('x_parts')) if name.startswith('.')], [])

    def test_a_full_disk(self):
        """A file that cannot grow is an error that names it, and leaves nothing."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        words = self.words('x.vrt', self.patches, 'PARTITION=1/2')
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True, preexec_fn=limit, timeout=patience(50))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, 'part_0000.partial cannot be written')
        self.assertEqual(self.files('x'), ['shares_2.txt'])

    def test_at_once(self):
        """The same share by several processes, and all of them together."""
        self.one('one', self.patches)
        words = [self.words('x.vrt', self.patches, 'PARTITION=%d/2' % share) for share in (1, 1, 2, 1, 2)]
        running = [subprocess.Popen(one, stderr=subprocess.PIPE, text=True) for one in words]
        for process in running:
            text = process.communicate(timeout=patience(50))[1]
            self.assertEqual((process.returncode, text), (0, ''))
        good(*self.words('x.vrt', self.patches, 'ASSEMBLE=YES'))
        self.same('one', 'x')

    def test_zones_that_change(self):
        """An input that nobody can tell the time of: the shares say what zones they have seen."""
        zones = self.new('changing.gpkg')
        shutil.copy(self.groups, zones)
        for share in (1, 2):
            good_within(*self.words('x.vrt', zones, 'PARTITION=%d/2' % share, ZONE_FIELD='name'))
        run('ogrinfo', '-q', zones, '-sql', "DELETE FROM zones WHERE fid = 1")
        self.fails(self.words('x.vrt', zones, 'ASSEMBLE=YES', ZONE_FIELD='name'), 'changing.gpkg')

    def test_a_job_file(self):
        program = os.path.join(os.environ['GDAL_DRIVER_PATH'], 'fishnet')
        job = self.at('job.fishnet.json')
        with open(job, 'w') as file:
            file.write('{"type": "zonal_stats", "input": "%s", "raster": "%s", "stats": "MEAN", "tile_size": "256x64", "output": "x.vrt", '
                       '"creation_options": {"FORMAT": "CSV"}}' % (self.patches, self.rough))
        plan = run(program, 'plan', job).stdout
        self.assertIn('domain: 1100 x 600 cells of ', plan)
        self.assertIn('rough.tif', plan)
        for share in (2, 1, 3):
            done = run(program, 'run', job, '--partition', '%d/3' % share, '-q')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn("parts: 3, ranges of the raster's tiles", run(program, 'plan', job).stdout)
        done = run(program, 'assemble', job, '-q')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.one('one', self.patches, STATS='MEAN')
        self.same('one', 'x')


if __name__ == '__main__':
    unittest.main()
