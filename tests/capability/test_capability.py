"""VERTEXTABLE, a capability in four files beside this one, that nothing else knows: what the base makes of them. A driver with threads
and processes, attempts, shares, parts, resume, recipes and a command."""
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

import numpy as np
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'near'))
from near_common import NearCase, VERSION, children, good, listening, make, points, run  # noqa: E402

ogr.UseExceptions()


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def rows(source):
    dataset = gdal.OpenEx(source, gdal.OF_VECTOR) if isinstance(source, str) else source
    layer = dataset.GetLayer(0)
    return [(f.GetFID(), f['IN_FID'], f['VERTEX'], f['SHAPE'], f['X'], f['Y'], f['name'], f.GetGeometryRef().ExportToWkt()) for f in layer]


class Capability(NearCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        chance = np.random.default_rng(5)
        shapes = [None if i % 97 == 0 else 'POINT (%d 1)' % i if i % 3 == 0 else
                  'LINESTRING (%s)' % ','.join('%.3f %.3f' % tuple(xy) for xy in chance.uniform(0, 100, (2 + i % 9, 2)))
                  for i in range(2400)]
        cls.names = ['name %d' % i for i in range(len(shapes))]
        cls.inputs = {}
        for ending in ('gpkg', 'geojson'):  # read by ranges of FIDs, and by one reader
            cls.inputs[ending] = make(cls.path('in.' + ending), shapes, fields={'name': cls.names})
        cls.want = []
        for fid, shape in enumerate(shapes):
            geometry = ogr.CreateGeometryFromWkt(shape) if shape else None
            for k in range(geometry.GetPointCount() if geometry else 0):
                cls.want.append((k + 1, 'point' if fid % 3 == 0 else 'other', geometry.GetX(k), geometry.GetY(k), cls.names[fid]))

    def open(self, ending='gpkg', **options):
        return gdal.OpenEx('VERTEXTABLE:' + self.inputs[ending], gdal.OF_VECTOR,
                           open_options=['FIELDS=name'] + ['%s=%s' % item for item in options.items()])

    def csv(self, out, *options, ending='gpkg', **more):
        words = [word for option in ('FIELDS=name',) + options for word in ('-oo', option)]
        return run('ogr2ogr', '-f', 'CSV', out, 'VERTEXTABLE:' + self.inputs[ending], '-lco', 'GEOMETRY=AS_WKT', *words, **more)

    def test_answer(self):
        for ending in self.inputs:
            with self.subTest(ending=ending), listening() as heard:
                table = self.open(ending)
                found = rows(table)
                self.assertEqual([row[2:7] for row in found], self.want)
                self.assertEqual([row[0] for row in found], list(range(1, len(found) + 1)))
                self.assertEqual({row[7] for row in found[:50]}, {ogr.CreateGeometryFromWkt('POINT (%.17g %.17g)' % row[4:6]).ExportToWkt() for row in found[:50]})
            self.assertEqual(table.GetLayer(0).GetFeatureCount(), len(self.want))
            self.assertIn('25 of 2400 features in', str(heard.warnings()))
            self.assertIn('have no vertices', str(heard.warnings()))
        every = rows(self.open(EVERY=7))
        self.assertEqual([row[2:7] for row in every], [row for row in self.want if (row[0] - 1) % 7 == 0])

    def test_options(self):
        for option, text in (('EVERY=0', 'EVERY=0'), ('EVRY=2', 'EVERY'), ('PARTITION=3/2', 'PARTITION=3/2'), ('FIELDS=nme', 'nme')):
            with self.subTest(option=option), listening(), self.assertRaises(RuntimeError) as raised:
                gdal.OpenEx('VERTEXTABLE:' + self.inputs['gpkg'], gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR, open_options=[option])
            self.assertIn('VERTEXTABLE: ', str(raised.exception))
            self.assertIn(text, str(raised.exception))
        self.assertIn("name='EVERY'", gdal.GetDriverByName('VERTEXTABLE').GetMetadataItem('DMD_OPENOPTIONLIST'))

    def test_same_bytes(self):
        """Any number of workers of any kind, any size of tasks; shares."""
        for ending in self.inputs:
            want = self.new('want.csv')
            good('ogr2ogr', '-f', 'CSV', want, 'VERTEXTABLE:' + self.inputs[ending], '-oo', 'FIELDS=name', '-oo', 'NUM_WORKERS=1', '-lco',
                 'GEOMETRY=AS_WKT')
            for kind in ('THREADS', 'PROCESSES'):
                out = self.new('out.csv')
                result = self.csv(out, 'NUM_WORKERS=3', 'WORKERS=' + kind, 'PARTITION_SIZE=100', ending=ending)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(content(out), content(want), (ending, kind))
                shares = b''
                for i in (1, 2, 3):
                    out = self.new('share.csv')
                    self.csv(out, 'PARTITION=%d/3' % i, 'WORKERS=' + kind, ending=ending)
                    shares += content(out) if i == 1 else content(out).split(b'\n', 1)[1]
                self.assertEqual(shares, content(want), (ending, kind, 'shares'))

    def test_workers_are_killed(self):
        want, out = self.new('want.csv'), self.new('killed.csv')
        self.csv(want)
        words = ['ogr2ogr', '-f', 'CSV', out, 'VERTEXTABLE:' + self.inputs['gpkg'], '-lco', 'GEOMETRY=AS_WKT']
        for option in ('FIELDS=name', 'WORKERS=PROCESSES', 'NUM_WORKERS=2', 'PARTITION_SIZE=20', 'RETRIES=20'):
            words += ['-oo', option]
        child = subprocess.Popen(words, stderr=subprocess.PIPE)
        kills = 0
        while child.poll() is None:
            workers = [worker for helper in children(child.pid) for worker in children(helper)]
            if workers and kills < 8:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.kill(random.choice(workers), signal.SIGKILL)
                    kills += 1
            time.sleep(0.02)
        self.assertEqual((child.returncode, kills > 0), (0, True), child.stderr.read())
        child.stderr.close()
        self.assertEqual(content(out), content(want))

    def test_parts_and_resume(self):
        for kind in ('THREADS', 'PROCESSES'):
            out = self.new('parts.vrt')
            words = ['ogr2ogr', '-f', 'VERTEXTABLE', out, 'VERTEXTABLE:' + self.inputs['gpkg'], '-oo', 'FIELDS=name', '-oo', 'WORKERS=' + kind,
                     '-dsco', 'PARTS=5', '-dsco', 'FORMAT=FlatGeobuf']
            good(*words)
            self.assertEqual([row[2:7] for row in rows(out)], self.want)
            folder = out[:-len('.vrt')] + '_parts'
            parts = sorted(name for name in os.listdir(folder) if name.startswith('part_'))
            self.assertEqual(len(parts), 5)
            before = os.stat(os.path.join(folder, parts[0])).st_mtime_ns
            os.remove(os.path.join(folder, parts[3]))
            good(*words, '-dsco', 'RESUME=YES')
            self.assertEqual([row[2:7] for row in rows(out)], self.want)
            self.assertEqual(os.stat(os.path.join(folder, parts[0])).st_mtime_ns, before)

    def test_recipe(self):
        recipe = self.new('vertices.fishnet.json')
        with open(recipe, 'w') as file:
            json.dump({'type': 'vertex_table', 'input': os.path.basename(self.inputs['gpkg']), 'fields': ['name'], 'every': 3}, file)
        self.assertEqual(rows(recipe), rows(self.open(EVERY=3)))

    @unittest.skipUnless(VERSION >= (3, 11), 'GDAL has no commands before 3.11')
    def test_command(self):
        out, want = self.new('command.csv'), self.new('want.csv')
        good('gdal', 'fishnet', 'vertices', self.inputs['gpkg'], out, '--fields', 'name', '--every', '2', '-j', '2', '--lco', 'GEOMETRY=AS_WKT')
        self.csv(want, 'EVERY=2')
        self.assertEqual(content(out), content(want))

    def test_near_tables_are_there_too(self):
        near = make(self.path('near.gpkg'), points(np.array([[1.0, 1.0]])))
        table = gdal.OpenEx('NEARTABLE:' + self.inputs['gpkg'], gdal.OF_VECTOR, open_options=['NEAR=' + near])
        self.assertEqual(table.GetLayer(0).GetFeatureCount(), 2400 - 25)


if __name__ == '__main__':
    unittest.main()
