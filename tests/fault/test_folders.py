"""Folders that cannot be listed, files that cannot be removed or renamed: outputs are those of this run, whole, or there is an error in words."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from osgeo import gdal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from sweep import HEAD, LIBRARY, LOG_MOST, State  # noqa: E402

gdal.UseExceptions()


def content(folder):
    """The bytes of all files, but for what tells of times."""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(at, name), 'rb') as file:
                found[os.path.relpath(os.path.join(at, name), folder)] = b'' if name == 'recipe.txt' else file.read()
    return found


class TestFolders(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='fishnet-test-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = self.at('source.tif')
        dataset = gdal.GetDriverByName('GTiff').Create(self.source, 60, 40)
        dataset.GetRasterBand(1).WriteArray(np.arange(2400).reshape(40, 60).astype(np.uint8))
        dataset.SetMetadataItem('A', 'B')
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.tile(np.uint8([0, 255, 255]), (40, 20)))
        dataset = None
        self.table = self.at('table.geojson')
        with open(self.table, 'w', encoding='utf-8') as file:
            file.write('{"type": "FeatureCollection", "features": [%s]}' % ', '.join(
                '{"type": "Feature", "properties": {"n": %d}, "geometry": {"type": "Point", "coordinates": [%d, 0]}}' % (i, i) for i in range(20)))

    def at(self, name):
        return os.path.join(self.folder, name)

    def run_with(self, words, folder, **faults):
        """(exit status, error text, what failed)"""
        state = self.at('state')
        with open(state, 'wb') as file:
            file.truncate(HEAD.size + 16 * LOG_MOST)
        # GDAL takes what it cannot list beside an input for what is not there.
        environment = dict(os.environ, GDAL_DISABLE_READDIR_ON_OPEN='YES', GDAL_TIFF_INTERNAL_MASK='NO', GDAL_NUM_THREADS='1', **faults)
        if faults:
            environment.update(LD_PRELOAD=LIBRARY, FAULT_STATE=state, FAULT_WHERE='host', FAULT_STACK='ours')
        done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=100)
        return done.returncode, done.stderr, State(state)

    def sweep(self, older, job):
        """The job in a folder with the outputs of an older one, with each call failing in turn."""
        before, expected = self.at('before'), self.at('expected')
        os.mkdir(before)
        status, text, _ = self.run_with(older, before)
        self.assertEqual(status, 0, text)
        shutil.copytree(before, expected)
        status, text, _ = self.run_with(job, expected)
        self.assertEqual(status, 0, text)
        expected = content(expected)
        for kind in ('list', 'names'):
            for number in range(1, 400):
                out = self.at('out')
                shutil.copytree(before, out)
                status, text, state = self.run_with(job, out, FAULT_CLASS=kind, FAULT_AT=str(number), FAULT_FOR='once')
                if status == 0:
                    self.assertEqual({name: value for name, value in content(out).items() if '.part' not in name}, expected,
                                     '%s %d: %s' % (kind, number, text))
                else:
                    self.assertIn('ERROR', text, '%s %d' % (kind, number))
                shutil.rmtree(out)
                if state.counted['host'][kind] < number:
                    break
            self.assertGreater(number, 1, kind)

    def test_tiles(self):
        words = ['gdal_translate', '-q', '-of', 'FISHNET', self.source, 'out.vrt', '-co', 'NUM_WORKERS=1', '-co']
        self.sweep(words + ['GRID=2x1'], words + ['GRID=1x1'])

    def test_single(self):
        words = ['gdal_translate', '-q', '-of', 'FISHNET', self.source, 'out.tif', '-co', 'NUM_WORKERS=1', '-co', 'OUTPUT=SINGLE', '-co', 'PROFILE=GeoTIFF']
        self.sweep(words, words + ['-co', 'COMPRESS=DEFLATE'])

    def test_parts(self):
        words = ['ogr2ogr', '-f', 'NEARTABLE', 'out.vrt', 'NEARTABLE:' + self.table, '-oo', 'NEAR=' + self.table, '-oo', 'NUM_WORKERS=1', '-dsco',
                 'FORMAT=CSV', '-dsco']
        self.sweep(words + ['PARTS=2'], words + ['PARTS=1'])

    def test_one_file_of_a_table(self):
        words = ['ogr2ogr', '-f', 'NEARTABLE', 'out.csv', 'NEARTABLE:' + self.table, '-oo', 'NEAR=' + self.table, '-oo', 'NUM_WORKERS=1', '-dsco',
                 'OUTPUT=SINGLE', '-oo']
        self.sweep(words + ['CLOSEST=1'], words + ['CLOSEST=2'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
