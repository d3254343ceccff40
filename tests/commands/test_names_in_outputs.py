"""Outputs that hold names, VRTs and .gdalg.json files: stacks and lists mean the same from any folder, and after all has moved."""
import os
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, VERSION, good, write  # noqa: E402

HAS_COMMANDS = VERSION >= (3, 11)

# Inputs, the expression, and its value: s1.tif and s2.tif of scenes are 1 and 2, m.tif is 8.
CASES = [(['S=scenes/*.tif'], 'nansum(S)', 3), (['S=scenes/s?.tif', 'M=m.tif'], 'argmax(S)+M', 10), (['S=scenes/[s]*.tif', 'mask=m.tif'], 'sum(S)+mask', 11),
         (['S=@scenes/list.txt'], 'argmin(S)', 2), (['S=@scenes/list.txt', 'M=m.tif'], 'sum(S)*M', 24), (['S=scenes/s1.tif;scenes/s2.tif', 'M=m.tif'], 'sum(S)+M', 11),
         (['S=scenes/s2.tif;', 'T=./@*.tif'], 'sum(S)+sum(T)', 6), (['@named.txt'], 'sum(S)+M', 11)]


class Names(Case):
    def make(self, name):
        """A folder with rasters and lists of them."""
        folder = self.path(name)
        for inner in ('scenes', 'sub'):
            os.makedirs(os.path.join(folder, inner))
        for file, value in (('scenes/s1.tif', 1), ('scenes/s2.tif', 2), ('@4.tif', 4), ('m.tif', 8)):
            write(os.path.join(folder, file), np.full((4, 5), value, np.float32))
        for file, text in (('scenes/list.txt', 's2.tif\ns1.tif\n'), ('named.txt', 'M=m.tif\nS=scenes/s*.tif\n')):
            with open(os.path.join(folder, file), 'w') as list_file:
                list_file.write(text)
        return folder

    def value(self, path):
        got = np.unique(gdal.Open(path).ReadAsArray())
        self.assertEqual(got.size, 1, path)
        return got[0]

    def compare(self, name, output, moves):
        """Of each case: what is there, and what is there after the folder has moved, if names are to be relative."""
        for i, (inputs, text, value) in enumerate(CASES):
            folder = self.make('%s [%d]' % (name, i))
            words = [word for one in inputs for word in ('-i', one)]
            good('gdal', 'fishnet', 'calc', *words, '--calc', text, '-o', output.replace('HERE', folder), cwd=folder)
            path = output.replace('HERE/', '')
            self.assertEqual(self.value(os.path.join(folder, path)), value, inputs)
            if moves:
                os.rename(folder, folder + '_moved')
                self.assertEqual(self.value(os.path.join(folder + '_moved', path)), value, inputs)


class TestCalc(Names):
    def test_vrt(self):
        self.compare('vrt', 'v.vrt', True)

    def test_vrt_in_another_folder(self):
        self.compare('below', 'sub/v.vrt', False)

    def test_gdalg(self):
        self.compare('same', 'l.gdalg.json', True)

    def test_gdalg_by_an_absolute_name(self):
        self.compare('absolute', 'HERE/l.gdalg.json', True)

    def test_gdalg_in_another_folder(self):
        self.compare('other', 'sub/l.gdalg.json', False)


class TestZonalStats(Names):
    def test_gdalg_in_another_folder(self):
        for i, (inputs, text, value) in enumerate(CASES):
            folder = self.make('zonal; [%d]' % i)
            write(os.path.join(folder, 'zones.tif'), np.ones((4, 5), np.uint8))
            words = [word for one in inputs for word in ('-i', one)]
            good('gdal', 'fishnet', 'zonal-stats', *words, '--calc', text, '--zones', 'zones.tif', '--stat', 'max', '-o', 'sub/l.gdalg.json', cwd=folder)
            table = ogr.Open(os.path.join(folder, 'sub/l.gdalg.json'))
            self.assertEqual([zone['MAX'] for zone in table.GetLayer(0)], [value], inputs)


if __name__ == '__main__':
    if HAS_COMMANDS:
        unittest.main()
    print('gdal fishnet needs GDAL 3.11')
