"""Every command and every piece of Python that README.md and the pages of docs/ show is run, in a folder that has the files they name."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from osgeo import gdal, ogr, osr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import VERSION, real, write  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
TOOLS = ('echo', 'for', 'fishnet', 'gdal', 'gdal_translate', 'gdalinfo', 'gdalwarp', 'gdaldem', 'gdalbuildvrt', 'gdallocationinfo', 'ogr2ogr', 'ogrinfo')
PAGES = ['README.md', 'docs/FISHNET.md', 'docs/NEARTABLE.md', 'docs/ZONALSTATS.md', 'docs/PIPELINES.md', 'docs/RECIPES.md', 'docs/INSTALL.md', 'docs/COMMANDS.md',
         'docs/DISTRIBUTED.md',          'vrt/README.md']


def points(path, count, seed):
    """A layer of points in metres, with a text and a number."""
    random = np.random.default_rng(seed)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32633)
    dataset = ogr.GetDriverByName('GPKG').CreateDataSource(path)
    layer = dataset.CreateLayer(os.path.splitext(os.path.basename(path))[0], crs, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn('street', ogr.OFTString))
    for x, y in random.uniform(0, 2000, (count, 2)):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POINT (%r %r)' % (float(500000 + x), float(5000000 + y))))
        feature.SetField('street', 'S%d' % (count % 7))
        layer.CreateFeature(feature)


def zones(path):
    """A layer of squares, in degrees, where dem.tif is; the rasters written here are there too, seen as degrees."""
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(4326)
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dataset = ogr.GetDriverByName('GPKG').CreateDataSource(path)
    layer = dataset.CreateLayer(os.path.splitext(os.path.basename(path))[0], crs, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn('name', ogr.OFTString))
    for i in range(12):
        feature = ogr.Feature(layer.GetLayerDefn())
        x, y = -105.9 + i * 0.1, 37.5
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON ((%r %r, %r %r, %r %r, %r %r))' % (x, y, x + 0.1, y, x, y + 0.1, x, y)))
        feature.SetField('name', 'Z%d' % i)
        layer.CreateFeature(feature)


def lay_out(folder):
    """The files that the examples name: real ones where there are some."""
    for name in os.listdir(os.path.dirname(real('dem.tif'))):
        if os.path.isfile(real(name)):
            os.symlink(os.path.abspath(real(name)), os.path.join(folder, name))
    for name, count in (('addresses', 300), ('hydrants', 60), ('wells', 50), ('pipes', 40)):
        points(os.path.join(folder, name + '.gpkg'), count, count)
    with open(os.path.join(folder, 'stops.csv'), 'w') as file:
        file.write('name,lon,lat\nHarbour,13.75,45.65\nStation,13.77,45.66\n')
    random = np.random.default_rng(5)
    for name in ('before', 'after', 'in', 'income', 'population'):
        write(os.path.join(folder, name + '.tif'), random.normal(100, 3, (200, 300)).astype(np.float32))
    for name in ('parcels', 'municipalities', 'fields'):
        zones(os.path.join(folder, name + '.gpkg'))
    write(os.path.join(folder, 'landcover.tif'), random.integers(1, 7, (120, 200)).astype(np.uint8))
    write(os.path.join(folder, 'scene.tif'), random.normal(100, 3, (4, 120, 200)).astype(np.float32))
    os.makedirs(os.path.join(folder, 'scenes'))
    for name in ('b4.tif', 'b5.tif', 'scenes/s_20240601.tif', 'scenes/s_20240611.tif', 'scenes/s_20240621.tif'):
        write(os.path.join(folder, name), random.normal(100, 3, (4, 120, 200)).astype(np.float32))
    with open(os.path.join(folder, 'list.txt'), 'w') as file:
        file.write('scenes/s_20240601.tif\nscenes/s_20240621.tif\n')
    gdal.Translate(os.path.join(folder, 'temperature.nc'), os.path.join(folder, 'in.tif'), format='netCDF')


def lay_out_jobs(page, folder):
    """A job file that the page shows is called as its output."""
    for _, block in blocks(page):
        text = '\n'.join(block)
        if block[0] == '{' and '"output"' in text:
            with open(os.path.join(folder, os.path.splitext(json.loads(text)['output'])[0] + '.fishnet.json'), 'w') as file:
                file.write(text)


def blocks(page):
    """(heading, lines) of the code blocks of a page, those with four blanks in front and those between fences."""
    with open(os.path.join(ROOT, page), encoding='utf-8') as file:
        lines = file.read().split('\n')
    heading, fenced, block = '', False, []
    for line in lines + ['']:
        fence = line.startswith('```')
        if fenced and not fence:
            block.append(line)
        elif line.startswith('    ') or (block and not fence and line == '' and block[-1] != ''):
            block.append(line[4:])
        else:
            if block:
                yield heading, block
            block = []
            if line.startswith('#'):
                heading = line.strip('# ')
        fenced = fenced != fence


def commands(page):
    """(heading, words for subprocess, lines of its output). In a block for the shell a line that ends in a backslash goes on in the
    next one, and what follows a command with a prompt is its output. A block that begins with an import is Python."""
    for heading, block in blocks(page):
        if block[0].startswith('from osgeo import'):
            yield heading, ['/usr/bin/python3', '-c', '\n'.join(block)], []
            continue
        shown = []
        for line in '\n'.join(block).replace('\\\n', '').split('\n'):
            text = re.sub(r'^\$ ', '', line.strip())
            if text.split(' ')[0] in TOOLS:
                shown.append((heading, ['bash', '-e', '-o', 'pipefail', '-c', text], []))
            elif shown and text and block[0].startswith('$ '):
                shown[-1][2].append(text)
        yield from shown


def too_old(text):
    """Why this GDAL cannot run a command, or nothing."""
    if (text.startswith('gdal ') or 'gdal.Run(' in text or '.gdalg.json' in text) and VERSION < (3, 11):
        return 'GDAL %s has no program gdal' % gdal.__version__
    if ' external ' in text and VERSION < (3, 13):
        return 'GDAL %s has no step external' % gdal.__version__
    if 'GTI' in text and VERSION < (3, 9):
        return 'GDAL %s has no driver GTI' % gdal.__version__
    return None


class TestExamples(unittest.TestCase):
    """One test for each page, made below."""

    def run_page(self, page):
        found = list(commands(page))
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(ROOT, 'vrt'), os.path.join(folder, 'vrt'))
            os.mkdir(os.path.join(folder, 'build'))
            os.symlink(os.path.dirname(os.path.abspath(real('dem.tif'))), os.path.join(folder, 'build', 'data'))
            lay_out(folder)
            lay_out_jobs(page, folder)
            for heading, words, expected in found:
                text = words[-1]
                with self.subTest(heading=heading, command=text):
                    reason = too_old(text)
                    if reason:
                        print('%s: %s: not run: %s' % (page, reason, text))
                        continue
                    path = os.environ['GDAL_DRIVER_PATH'] + ':' + os.environ['PATH']  # the program fishnet is beside the module
                    done = subprocess.run(words, cwd=folder, env=dict(os.environ, PATH=path), timeout=100, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT)
                    output = done.stdout.decode('utf-8', 'replace')
                    self.assertEqual(done.returncode, 0, output[:500])
                    self.assertNotRegex(output, r'(?m)^ERROR ')
                    for line in expected:
                        self.assertIn(line, output)
        return len(found)


def add(page):
    def test(self):
        self.assertGreater(self.run_page(page), 0, 'no command found in ' + page)
    setattr(TestExamples, 'test_' + re.sub(r'\W+', '_', page), test)


for _page in PAGES:
    if os.path.exists(os.path.join(ROOT, _page)):
        add(_page)


if __name__ == '__main__':
    unittest.main()
