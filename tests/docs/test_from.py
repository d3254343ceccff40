"""docs/FROM.md: every spelling of ours in its tables is run on the sample data; where theirs is numpy, it gives the same values."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from osgeo import gdal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
import common  # noqa: E402,F401  (gdal with exceptions)
from patience import patience  # noqa: E402

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'FROM.md')


# What there is nothing like here, and what no error names ours for.
UNKNOWN = {'rand', 'RemapRange', 'gaussian_filter'}


def spellings(cell):
    return re.findall(r'`([^`]+)`', cell.replace('\\|', '|'))


def rows():
    """(heading, theirs, ours) of all tables, as lists of spellings."""
    heading, table = '', []
    with open(PAGE, encoding='utf-8') as file:
        for line in file:
            if line.startswith('#'):
                heading = line.strip('# \n')
            if line.startswith('|'):
                cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
                table.append((heading, cells))
                if re.fullmatch(r'-+', cells[0]):
                    del table[-2:]  # and the names of its columns
            elif table:
                yield from ((heading, spellings(cells[0]), spellings(cells[1])) for heading, cells in table)
                table = []
        yield from ((heading, spellings(cells[0]), spellings(cells[1])) for heading, cells in table)


class From(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.folder = os.path.join(cls.keep.name, 'sample')
        shutil.copytree(os.environ['FISHNET_SAMPLE'], cls.folder)
        cls.before = os.getcwd()
        os.chdir(cls.folder)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)
        cls.keep.cleanup()

    def compute(self, options):
        given = ['B=landcover.tif', 'INPUT=S=scenes/*.tif'] if any(option.startswith('CALC=') for option in options) else []
        dataset = gdal.OpenEx('FISHNET:landsat.tif', gdal.OF_RASTER, open_options=given + options)
        return dataset.ReadAsArray()

    def run_ours(self, ours):
        """What it computes, or nothing of a command."""
        if ours.startswith('ogr2ogr '):
            done = subprocess.run(shlex.split(ours), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=patience(60))
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotIn('ERROR', done.stdout)
            return None
        if ours.startswith('-oo '):
            words = shlex.split(ours)
            self.assertEqual(set(words[::2]), {'-oo'})
            options = words[1::2]
            return self.compute(options if any(word.startswith('CALC=') for word in options) else options + ['CALC=A'])
        return self.compute(['CALC=' + ours, 'OT=Float64'])

    def test_each(self):
        count = 0
        for heading, _, ours in rows():
            for spelling in ours:
                with self.subTest(heading=heading, ours=spelling):
                    pixels = self.run_ours(spelling)
                    if pixels is not None:
                        self.assertGreater(np.isfinite(pixels.astype(float)).sum(), 0)
                    count += 1
        self.assertGreater(count, 120)

    def test_the_error_that_it_shows(self):
        with open(PAGE, encoding='utf-8') as file:
            text = re.search(r"`(unknown function 'Con' .*?)`", file.read())[1]
        with self.assertRaisesRegex(RuntimeError, re.escape(text)):
            self.compute(['CALC=Con(A>1, 1, 0)'])

    def test_errors_know_their_functions(self):
        """A function of theirs is one of ours, or an error names ours; but for those that have none here."""
        names = {(heading, name) for heading, theirs, _ in rows() for spelling in theirs for name in re.findall(r'(?<![\w.])([A-Za-z_]\w*)\(', spelling)}
        count = 0
        for heading, name in sorted(names):
            if name in UNKNOWN:
                continue
            with self.subTest(heading=heading, name=name):
                try:
                    gdal.OpenEx('FISHNET:landsat.tif', gdal.OF_RASTER, open_options=['CALC=%s(A)' % name])
                except RuntimeError as error:
                    self.assertTrue('did you mean' in str(error) or 'unknown' not in str(error), str(error))
                count += 1
        self.assertGreater(count, 40)

    def test_numpy_has_the_same_values(self):
        names = {'np': np, 'numpy': np, 'maximum': np.maximum}
        for name, file in (('A', 'landsat.tif'), ('B', 'landcover.tif')):
            names[name] = gdal.Open(file).ReadAsArray().reshape(-1, 352, 349)[0].astype(float)
        scenes = np.array([gdal.Open('scenes/' + file).GetRasterBand(1).ReadAsArray() for file in sorted(os.listdir('scenes'))], float)
        names['S'] = np.where(scenes == 0, np.nan, scenes)
        count = 0
        for heading, theirs, ours in rows():
            if heading.split()[0] not in ('gdal_calc.py', 'numpy') or len(theirs) != len(ours):
                continue
            for other, spelling in zip(theirs, ours):
                if not re.match(r'[\w.]+\(|[AB] ?[-+*/%]', other) or 'filter' in other or 'np.ma' in other or spelling.startswith('-oo'):
                    continue
                with self.subTest(theirs=other, ours=spelling):
                    np.testing.assert_allclose(self.run_ours(spelling), np.asarray(eval(other, dict(names)), float), rtol=1e-14)
                    count += 1
        self.assertGreater(count, 15)


if __name__ == '__main__':
    unittest.main()
