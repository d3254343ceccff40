"""Names in VRT files and pipelines that are relative to these: the folder is moved, and they are opened from another one."""
import json
import os
import shutil
import subprocess
import sys
import unittest

import numpy as np
from osgeo import gdal

from common import VERSION, Case, good, run, write

HAS_PIPELINES = VERSION >= (3, 11)


def source(name, options=(), relative=1):
    return ('<SimpleSource><SourceFilename relativeToVRT="%d">%s</SourceFilename>%s<SourceBand>1</SourceBand></SimpleSource>'
            % (relative, name.replace('"', '&quot;'), open_options(options)))


def open_options(options):
    return '<OpenOptions>%s</OpenOptions>' % ''.join('<OOI key="%s">%s</OOI>' % o for o in options) if options else ''


def raster_vrt(*sources, sub=''):
    return ('<VRTDataset rasterXSize="60" rasterYSize="50"><GeoTransform>1000, 10, 0, 5000, 0, -10</GeoTransform>'
            '<VRTRasterBand dataType="Float64" band="1"%s>%s</VRTRasterBand></VRTDataset>' % (sub, ''.join(sources)))


def vector_vrt(name, options=(), layer='p_near'):
    return ('<OGRVRTDataSource><OGRVRTLayer name="t"><SrcDataSource relativeToVRT="1">%s</SrcDataSource>%s<SrcLayer>%s</SrcLayer>'
            '</OGRVRTLayer></OGRVRTDataSource>' % (name, open_options(options), layer))


class Relocation(Case):
    """Each test writes into self.home, then calls moved(), and opens what is there now from other folders."""

    @classmethod
    def prepare(cls):
        rng = np.random.RandomState(20261124)
        cls.a = rng.randint(1, 200, (50, 60)).astype(np.uint8)
        cls.b = rng.randint(1, 200, (50, 60)).astype(np.uint8)
        cls.p, cls.q = rng.uniform(0, 1000, (40, 2)), rng.uniform(0, 1000, (30, 2))
        os.mkdir(cls.path('elsewhere'))

    def setUp(self):
        super().setUp()
        self.home = self.path('home')
        for name in ('home', 'new'):
            shutil.rmtree(self.path(name), ignore_errors=True)
        os.makedirs(self.home + '/in/deep')
        write(self.home + '/in/a.tif', self.a)
        write(self.home + '/b.tif', self.b)
        good('gdal_translate', '-q', '-of', 'netCDF', self.home + '/in/a.tif', self.home + '/in/a.nc')
        for name, xy in (('in/p', self.p), ('in/q', self.q), ('r', self.q[:5])):
            text = 'name,WKT\n' + ''.join('n%d,"POINT (%r %r)"\n' % (i, float(x), float(y)) for i, (x, y) in enumerate(xy))
            with open(self.home + '/%s.csv' % name, 'w') as f:
                f.write(text)

    def write(self, name, text):
        with open(self.home + '/' + name, 'w') as f:
            f.write(text)

    def moved(self):
        os.makedirs(self.path('new'))
        shutil.move(self.home, self.path('new/place'))
        self.home = self.path('new/place')

    def values(self, name, want):
        """From three folders, by relative and absolute names, in this process and by a tool."""
        name = self.home + '/' + name
        folder = os.path.dirname(name)
        for current, path in ((folder, os.path.basename(name)), (self.path('elsewhere'), os.path.relpath(name, self.path('elsewhere'))), ('/', name)):
            out = self.path('out.tif')
            good('gdal_translate', '-q', '-ot', 'Float64', path, out, cwd=current)
            self.same(gdal.Open(out).ReadAsArray(), np.asarray(want, np.float64), '%s in %s' % (path, current))
        self.assertEqual(os.listdir(self.path('elsewhere')), [])

    def rows(self, name, near):
        name = self.home + '/' + name
        distance = np.hypot(*(self.p[:, None, :] - np.asarray(near)[None, :, :]).transpose(2, 0, 1)).min(axis=1)
        for current, path in ((os.path.dirname(name), os.path.basename(name)), (self.path('elsewhere'), os.path.relpath(name, self.path('elsewhere'))), ('/', name)):
            text = good('ogrinfo', '-ro', '-al', '-q', path, cwd=current)
            got = [float(line.split('=')[1]) for line in text.splitlines() if line.startswith('  NEAR_DIST')]
            np.testing.assert_allclose(got, distance, rtol=1e-12)

    # ---- raster VRT ----

    def test_source(self):
        self.write('in/x.vrt', raster_vrt(source('FISHNET:a.tif', [('CALC', 'A+1')])))
        self.write('x.vrt', raster_vrt(source('FISHNET:in/a.tif', [('CALC', 'A+1')])))
        self.write('in/deep/x.vrt', raster_vrt(source('fishnet:../a.tif', [('CALC', 'A+1')])))
        self.write('in/deep/quoted.vrt', raster_vrt(source('FISHNET:"../a.tif"', [('CALC', 'A+1')])))
        self.moved()
        for name in ('in/x.vrt', 'x.vrt', 'in/deep/x.vrt', 'in/deep/quoted.vrt'):
            self.values(name, self.a + 1.0)

    def test_names_in_options(self):
        self.write('in/x.vrt', raster_vrt(source('FISHNET:a.tif', [('CALC', 'A+B'), ('B', '../b.tif'), ('WORKERS', 'PROCESSES')])))
        self.write('in/first.vrt', raster_vrt(source('FISHNET:', [('CALC', 'A+B'), ('A', 'a.tif'), ('b', '../b.tif')])))
        self.moved()
        self.values('in/x.vrt', self.a + self.b.astype(np.float64))
        self.values('in/first.vrt', self.a + self.b.astype(np.float64))

    def test_nested_names(self):
        self.write('r.fishnet.json', json.dumps({'type': 'fishnet_raster', 'inputs': {'A': 'in/a.tif', 'B': 'b.tif'}, 'calc': 'B-A', 'ot': 'Float64'}))
        self.write('in/nc.vrt', raster_vrt(source('FISHNET:NETCDF:"a.nc":Band1')))
        self.write('in/twice.vrt', raster_vrt(source('FISHNET:FISHNET:a.tif')))
        self.write('in/recipe.vrt', raster_vrt(source('../r.fishnet.json')))
        self.write('in/fishnet_recipe.vrt', raster_vrt(source('FISHNET:../r.fishnet.json', [('CALC', 'A*2')])))
        self.moved()
        self.values('in/nc.vrt', self.a)
        self.values('in/twice.vrt', self.a)
        self.values('in/recipe.vrt', self.b.astype(np.float64) - self.a)
        self.values('in/fishnet_recipe.vrt', (self.b.astype(np.float64) - self.a) * 2)

    def test_absolute_names_stay(self):
        write(self.path('fixed.tif'), self.a)
        self.write('x.vrt', raster_vrt(source('FISHNET:' + self.path('fixed.tif'), [('CALC', 'A+B'), ('B', self.path('fixed.tif'))])))
        self.moved()
        self.values('x.vrt', self.a * 2.0)

    def test_derived_band(self):
        self.write('x.vrt', raster_vrt('<PixelFunctionType>sum</PixelFunctionType>', source('FISHNET:in/a.tif', [('CALC', 'A*2')]), source('b.tif'),
                                       sub=' subClass="VRTDerivedRasterBand"'))
        self.moved()
        self.values('x.vrt', self.a * 2.0 + self.b)

    def test_warped(self):
        """gdalwarp writes the name as it was given; relative to the VRT, it moves."""
        good('gdalwarp', '-q', '-of', 'VRT', '-ts', '30', '25', 'FISHNET:in/a.tif', 'w.vrt', '-oo', 'CALC=A+0', cwd=self.home)
        with open(self.home + '/w.vrt') as f:
            text = f.read()
        self.assertIn('FISHNET:in/a.tif', text)
        want = gdal.Warp('', self.home + '/in/a.tif', format='MEM', width=30, height=25).ReadAsArray()
        self.write('w.vrt', text.replace('relativeToVRT="0">FISHNET', 'relativeToVRT="1">FISHNET'))
        self.moved()
        out = self.path('out.tif')
        good('gdal_translate', '-q', self.home + '/w.vrt', out, cwd=self.path('elsewhere'))
        self.same(gdal.Open(out).ReadAsArray().astype(np.float64), want.astype(np.float64))

    def test_zipped(self):
        self.write('in/x.vrt', raster_vrt(source('FISHNET:a.tif', [('CALC', 'A+B'), ('B', '../b.tif')])))
        shutil.make_archive(self.path('all'), 'zip', self.home)
        dataset = gdal.Open('/vsizip/%s/in/x.vrt' % self.path('all.zip'))
        self.same(dataset.ReadAsArray(), self.a + self.b.astype(np.float64))

    # ---- OGR VRT ----

    def test_near_table(self):
        self.write('in/x.vrt', vector_vrt('NEARTABLE:p.csv', [('NEAR', 'q.csv')]))
        self.write('x.vrt', vector_vrt('NEARTABLE:in/p.csv', [('NEAR', 'in/q.csv;r.csv'), ('WORKERS', 'PROCESSES')]))
        self.write('in/deep/x.vrt', vector_vrt('neartable:../p.csv', [('near', '"../../r.csv"')]))
        self.moved()
        self.rows('in/x.vrt', self.q)
        self.rows('x.vrt', self.q)
        self.rows('in/deep/x.vrt', self.q[:5])

    def test_near_recipe(self):
        self.write('n.fishnet.json', json.dumps({'type': 'near_table', 'input': 'in/p.csv', 'near': 'r.csv'}))
        self.write('in/x.vrt', vector_vrt('../n.fishnet.json'))
        self.moved()
        self.rows('in/x.vrt', self.q[:5])

    # ---- pipelines ----

    def needs_pipelines(self):
        if not HAS_PIPELINES:
            sys.stderr.write('pipelines came with GDAL 3.11: not tried on %s\n' % gdal.__version__)
        return HAS_PIPELINES

    def test_raster_pipeline(self):
        if not self.needs_pipelines():
            return
        good('gdal', 'raster', 'pipeline', 'read', 'FISHNET:in/a.tif', '--oo', 'CALC=A+B', '--oo', 'B=b.tif', '!', 'slope', '!', 'write', 'z.gdalg.json',
             cwd=self.home)
        self.write('in/deep/z.gdalg.json', json.dumps({'type': 'gdal_streamed_alg', 'command_line':
                                                       'gdal raster pipeline ! read FISHNET:../a.tif --oo CALC=A+B --oo B=../../b.tif ! slope'}))
        write(self.path('sum.tif'), self.a + self.b.astype(np.float64))
        good('gdaldem', 'slope', '-q', '-compute_edges', self.path('sum.tif'), self.path('slope.tif'))
        want = gdal.Open(self.path('slope.tif')).ReadAsArray()
        self.moved()
        for name in ('z.gdalg.json', 'in/deep/z.gdalg.json'):
            self.values(name, want)

    def test_recipe_in_a_pipeline(self):
        if not self.needs_pipelines():
            return
        self.write('r.fishnet.json', json.dumps({'type': 'fishnet_raster', 'inputs': {'A': 'in/a.tif', 'B': 'b.tif'}, 'calc': 'B-A', 'ot': 'Float64'}))
        good('gdal', 'raster', 'pipeline', 'read', 'r.fishnet.json', '!', 'scale', '--src-min', '0', '--src-max', '1', '--dst-min', '0', '--dst-max', '2', '--no-clip',
             '!', 'write', 'z.gdalg.json', cwd=self.home)
        self.moved()
        self.values('z.gdalg.json', (self.b.astype(np.float64) - self.a) * 2)

    def test_vector_pipeline(self):
        if not self.needs_pipelines():
            return
        good('gdal', 'vector', 'pipeline', 'read', 'NEARTABLE:in/p.csv', '--oo', 'NEAR=r.csv', '!', 'write', 'z.gdalg.json', cwd=self.home)
        self.write('n.fishnet.json', json.dumps({'type': 'near_table', 'input': 'in/p.csv', 'near': 'in/q.csv'}))
        good('gdal', 'vector', 'pipeline', 'read', 'n.fishnet.json', '!', 'write', 'y.gdalg.json', cwd=self.home)
        self.moved()
        self.rows('z.gdalg.json', self.q[:5])
        self.rows('y.gdalg.json', self.q)

    # ---- what is not ours ----

    def test_other_names(self):
        os.rename(self.home + '/b.tif', self.home + '/FISHNET:c.tif')  # a file that is called so
        self.same(gdal.Open(self.home + '/FISHNET:c.tif').ReadAsArray(), self.b)
        for name in ('x/FISHNE:a.tif', 'x/FISHNETS:a.tif', 'NETCDF:x/FISHNET:a.tif', 'xFISHNET:a.tif'):
            done = run('gdalinfo', name)
            self.assertEqual(done.returncode, 1)
            self.assertNotIn('FISHNET: ', done.stderr)
        done = run('gdalinfo', self.home + '/FISHNET:none.tif')
        self.assertIn('A (%s/none.tif) cannot be opened' % self.home, done.stderr)
        done = run('ogrinfo', '-ro', self.home + '/NEARTABLE:none.csv', '-oo', 'NEAR=in/q.csv')
        self.assertIn('%s/none.csv cannot be opened' % self.home, done.stderr)


if __name__ == '__main__':
    unittest.main()
