"""UNSCALE: stored values times the scale of their band, plus its offset, in double precision."""
import json
import os
import subprocess
import unittest

import numpy as np
from osgeo import gdal, ogr

from common import Case, write

NAN = np.nan
SCALE, OFFSET = 2.75e-05, -0.2  # of Landsat Collection 2


def mark(path, *pairs):
    """Scale and offset of each band; None: there is none."""
    dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_UPDATE)
    for i, (scale, offset) in enumerate(pairs):
        band = dataset.GetRasterBand(i + 1)
        if scale is not None:
            band.SetScale(scale)
        if offset is not None:
            band.SetOffset(offset)


class TestUnscale(Case):
    @classmethod
    def prepare(cls):
        random = np.random.default_rng(17)
        cls.stored = random.integers(0, 40000, (2, 40, 60)).astype(np.uint16)
        cls.stored[0, 3:9, 5:20] = 0
        cls.plain = random.integers(1, 100, (40, 60)).astype(np.int16)
        write(cls.path('a.tif'), list(cls.stored), nodata=0)
        write(cls.path('b.tif'), list(cls.stored), nodata=0)
        write(cls.path('plain.tif'), cls.plain)
        mark(cls.path('a.tif'), (SCALE, OFFSET), (None, 5))
        mark(cls.path('b.tif'), (3, None), (SCALE, OFFSET))
        real = cls.stored.astype(np.float64)
        real[real == 0] = NAN
        cls.a = [real[0] * SCALE + OFFSET, real[1] + 5]
        cls.b = [real[0] * 3, real[1] * SCALE + OFFSET]

    def open(self, name, *calcs, **options):
        words = ['CALC=' + calc for calc in calcs]
        words += ['%s=%s' % item for item in {'OT': 'Float64', 'NODATA': 'nan', 'UNSCALE': 'YES', **options}.items()]
        return gdal.OpenEx('FISHNET:' + (self.path(name) if name else ''), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=words)

    def gives(self, want, name, *calcs, **options):
        dataset = self.open(name, *calcs, **options)
        want = want if isinstance(want, list) else [want]
        self.assertEqual(dataset.RasterCount, len(want), calcs)
        for i, band in enumerate(want):
            self.same(dataset.GetRasterBand(i + 1).ReadAsArray(), band, '%s, band %d' % (calcs, i + 1))

    def test_values(self):
        a, b, plain = self.a, self.b, self.plain.astype(np.float64)
        self.gives([a[0], a[1], a[0] + a[1]], 'a.tif', 'A', 'A[2]', 'A+A[2]')
        self.gives(a[0] / b[1] + plain, 'a.tif', 'A/B[2]+C', B=self.path('b.tif'), C=self.path('plain.tif'))
        self.gives(a, 'a.tif', 'A', BANDS='ALL')
        stored = self.stored[0].astype(np.float64)
        stored[stored == 0] = NAN
        self.gives(stored, 'a.tif', 'A', UNSCALE='NO')
        self.gives(plain, 'plain.tif', 'A')

    def test_nodata_is_judged_on_stored_values(self):
        self.gives(np.isnan(self.a[0]).astype(np.float64), 'a.tif', 'isnodata(A)')
        self.gives(self.stored[0] * SCALE + OFFSET, 'a.tif', 'A', NODATA='none')

    def test_lists_and_stacks(self):
        a, b = self.a, self.b
        stack = 'S=%s;%s' % (self.path('a.tif'), self.path('b.tif'))
        self.gives(np.median([a[0], b[0]], axis=0), None, 'median(S)', INPUT=stack)
        self.gives(np.fmax(a[1], b[1]), None, 'nanmax(S[2])', INPUT=stack)
        self.gives((a[0] + a[1]), 'a.tif', 'sum(A[*])')
        self.gives([np.maximum(a[0], a[1])], 'a.tif', 'percentile(A[*],100)')

    def test_what_looks_around(self):
        want = np.full_like(self.a[0], NAN)
        want[:, 1:] = self.a[0][:, :-1]
        self.gives(want, 'a.tif', 'A[0,-1]')
        self.gives(self.open('a.tif', 'focal_max(A*%.17g+%.17g, 3)' % (SCALE, OFFSET), UNSCALE='NO').ReadAsArray(), 'a.tif', 'focal_max(A, 3)')

    def test_the_usual_type_is_float32(self):
        dataset = gdal.OpenEx('FISHNET:' + self.path('a.tif'), open_options=['CALC=A', 'UNSCALE=YES'])
        band = dataset.GetRasterBand(1)
        self.assertEqual(gdal.GetDataTypeName(band.DataType), 'Float32')
        self.assertIn(band.GetScale(), (None, 1.0))
        self.assertIn(band.GetOffset(), (None, 0.0))

    def test_same_by_processes_tiles_and_files(self):
        want = self.open('a.tif', 'A').ReadAsArray()
        self.same(self.open('a.tif', 'A', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=16).ReadAsArray(), want)
        with open(self.path('job.fishnet.json'), 'w') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': 'a.tif'}, 'calc': 'A', 'unscale': True, 'ot': 'Float64', 'nodata': 'nan'}, file)
        self.same(gdal.Open(self.path('job.fishnet.json')).ReadAsArray(), want)
        for output in ('TILES', 'SINGLE'):
            out = self.path(output + ('.tif' if output == 'SINGLE' else '.vrt'))
            subprocess.run(['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=' + output, '-co', 'CALC=A', '-co', 'UNSCALE=YES', '-co', 'OT=Float64',
                            '-co', 'NODATA=nan', self.path('a.tif'), out], check=True)
            self.same(gdal.Open(out).ReadAsArray(), want)

    def test_overviews(self):
        path = self.path('pyramid.tif')
        write(path, self.stored[0])
        mark(path, (SCALE, OFFSET))
        gdal.Open(path).BuildOverviews('NEAREST', [2])
        band = self.open('pyramid.tif', 'A').GetRasterBand(1).GetOverview(0)
        want = gdal.Open(path).GetRasterBand(1).GetOverview(0).ReadAsArray() * SCALE + OFFSET
        self.same(band.ReadAsArray(), want)

    def test_another_scale_is_another_result(self):
        """Tiles of another scale are not taken for those of this one."""
        path, out = self.path('changing.tif'), self.path('changing.vrt')
        write(path, self.stored[0])
        command = ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'CALC=A', '-co', 'UNSCALE=YES', '-co', 'RESUME=YES', path, out]
        mark(path, (2.0, None))
        subprocess.run(command, check=True)
        self.same(gdal.Open(out).ReadAsArray(), (self.stored[0] * 2.0).astype(np.float32))
        mark(path, (4.0, None))
        run = subprocess.run(command, capture_output=True, text=True)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('changing.tif', run.stderr)

    def test_zonal(self):
        gt = gdal.Open(self.path('a.tif')).GetGeoTransform()
        source = gdal.GetDriverByName('GPKG').Create(self.path('zones.gpkg'), 0, 0, 0)
        layer = source.CreateLayer('zones', gdal.Open(self.path('a.tif')).GetSpatialRef())
        feature = ogr.Feature(layer.GetLayerDefn())
        x0, y0, x1, y1 = gt[0], gt[3], gt[0] + 30 * gt[1], gt[3] + 25 * gt[5]
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON((%r %r,%r %r,%r %r,%r %r,%r %r))' % (x0, y0, x1, y0, x1, y1, x0, y1, x0, y0)))
        layer.CreateFeature(feature)
        source = layer = None

        def row(**options):
            words = ['%s=%s' % item for item in options.items()]
            table = gdal.OpenEx('ZONALSTATS:' + self.path('zones.gpkg'), gdal.OF_VECTOR, open_options=words)
            return table.GetLayer(0).GetNextFeature().items()
        a, zone = self.a, (slice(0, 25), slice(0, 30))
        own = row(RASTER=self.path('a.tif'), UNSCALE='YES', STATS='COUNT,MIN,MAX,MEAN')
        for i in range(2):
            cells = a[i][zone][~np.isnan(a[i][zone])]
            prefix = 'B%d_' % (i + 1)
            self.assertEqual((own[prefix + 'COUNT'], own[prefix + 'MIN'], own[prefix + 'MAX']), (cells.size, cells.min(), cells.max()))
            self.assertAlmostEqual(own[prefix + 'MEAN'], cells.mean(), 12)
        computed = row(RASTER=self.path('a.tif'), CALC='A;A[2]', UNSCALE='YES', STATS='COUNT,MIN,MAX,MEAN')
        self.assertEqual([value for name, value in own.items() if name.startswith('B')], [value for name, value in computed.items() if name.startswith('C')])
        weighted = row(RASTER=self.path('plain.tif'), WEIGHTS=self.path('b.tif'), UNSCALE='YES', STATS='WEIGHTED_SUM')
        weights, values = self.b[0][zone], self.plain[zone].astype(np.float64)
        self.assertAlmostEqual(weighted['WEIGHTED_SUM'] / np.nansum(weights * values), 1, 12)

    def test_errors(self):
        def wrong(says, name, *calcs, **options):
            with self.assertRaises(RuntimeError) as caught:
                self.open(name, *calcs, **options)
            for text in says:
                self.assertIn(text, str(caught.exception))
        with self.assertRaises(RuntimeError) as caught:
            gdal.OpenEx('FISHNET:' + self.path('a.tif'), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=['UNSCALE=YES'])
        self.assertIn('UNSCALE=YES needs an expression', str(caught.exception))
        wrong(['UNSCALE=maybe'], 'a.tif', 'A', UNSCALE='maybe')
        vrt = gdal.Translate('', self.path('a.tif'), format='VRT').GetMetadata('xml:VRT')[0]
        for text in ('nan', 'inf'):
            path = self.path('scaled_%s.vrt' % text)
            with open(path, 'w') as file:
                file.write(vrt.replace('<Scale>%s</Scale>' % vrt.split('<Scale>')[1].split('<')[0], '<Scale>%s</Scale>' % text))
            self.assertTrue(os.path.exists(path))
            wrong(['band 1', os.path.basename(path), 'scale'], os.path.basename(path), 'A')


if __name__ == '__main__':
    unittest.main()
