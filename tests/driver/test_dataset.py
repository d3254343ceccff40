"""FISHNET as a dataset: what it tells about itself, every way of reading it, and the tools that read it."""
import glob
import http.server
import json
import os
import re
import threading
import sys
import unittest
import zipfile

import numpy as np
from osgeo import gdal, gdal_array, osr

from common import (Case, TYPES, VERSION, calc1, collect_errors, config, fishnet, good, nodata_of, oo, open_options, real, run, type_code,
                    write)

NAN = np.nan


class Information(Case):
    """Georeference, metadata and band properties."""

    @classmethod
    def prepare(cls):
        pixels = np.arange(70 * 50, dtype=np.int16).reshape(50, 70)
        cls.pixels = pixels
        cls.a = write(cls.path('a.tif'), [pixels, pixels + 1], -5)
        dataset = gdal.Open(cls.a, gdal.GA_Update)
        dataset.SetMetadata({'TIFFTAG_SOFTWARE': 'hand', 'COLOUR': 'blue'})
        dataset.SetMetadata({'LINE_OFF': '1', 'SAMP_OFF': '2', 'LAT_OFF': '3', 'LONG_OFF': '4', 'HEIGHT_OFF': '5', 'LINE_SCALE': '1',
                             'SAMP_SCALE': '1', 'LAT_SCALE': '1', 'LONG_SCALE': '1', 'HEIGHT_SCALE': '1',
                             'LINE_NUM_COEFF': ' '.join(['1'] * 20), 'LINE_DEN_COEFF': ' '.join(['2'] * 20),
                             'SAMP_NUM_COEFF': ' '.join(['3'] * 20), 'SAMP_DEN_COEFF': ' '.join(['4'] * 20)}, 'RPC')
        for i, (name, unit) in enumerate((('height', 'm'), ('depth', 'ft'))):
            band = dataset.GetRasterBand(i + 1)
            band.SetDescription(name)
            band.SetUnitType(unit)
            band.SetScale(0.1 + i)
            band.SetOffset(7 + i)
            band.SetMetadata({'SENSOR': str(i)})
            band.SetColorInterpretation(gdal.GCI_GrayIndex if i == 0 else gdal.GCI_BlueBand)
        dataset = None

    def test_georeference(self):
        want = gdal.Open(self.a)
        for calcs in ([], ['A+1']):
            got = fishnet(self.a, *calcs)
            self.assertEqual(got.GetGeoTransform(), want.GetGeoTransform())
            self.assertTrue(got.GetSpatialRef().IsSame(want.GetSpatialRef()))
            self.assertEqual(got.GetSpatialRef().GetDataAxisToSRSAxisMapping(), want.GetSpatialRef().GetDataAxisToSRSAxisMapping())
            self.assertEqual((got.RasterXSize, got.RasterYSize), (70, 50))
            self.assertEqual(got.GetMetadata('RPC'), want.GetMetadata('RPC'))
            self.assertEqual(got.GetDriver().ShortName, 'FISHNET')
            self.assertEqual(got.GetProjection(), want.GetProjection())
        self.assertEqual(len(fishnet(self.a, 'A').GetMetadata('RPC')['LINE_NUM_COEFF'].split()), 20)

    def test_no_georeference(self):
        path = write(self.path('plain.tif'), self.pixels, geotransform=None, epsg=None)
        for calcs in ([], ['A+1']):
            dataset = fishnet(path, *calcs)
            self.assertIsNone(dataset.GetGeoTransform(can_return_null=True))
            self.assertIsNone(dataset.GetSpatialRef())

    def test_gcps(self):
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(4326)
        path = write(self.path('gcps.tif'), self.pixels, geotransform=None, epsg=None)
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.SetGCPs([gdal.GCP(i, 2 * i, 3 * i, 4 * i, 5 * i, 'info%d' % i, str(i)) for i in range(4)], srs.ExportToWkt())
        dataset = None
        want = gdal.Open(path)
        for calcs in ([], ['A+1']):
            got = fishnet(path, *calcs)
            self.assertEqual(got.GetGCPCount(), 4)
            for a, b in zip(want.GetGCPs(), got.GetGCPs()):
                self.assertEqual((a.GCPX, a.GCPY, a.GCPZ, a.GCPPixel, a.GCPLine, a.Id), (b.GCPX, b.GCPY, b.GCPZ, b.GCPPixel, b.GCPLine, b.Id))
            self.assertTrue(got.GetGCPSpatialRef().IsSame(want.GetGCPSpatialRef()))
            self.assertIsNone(got.GetGeoTransform(can_return_null=True))

    def test_geolocation(self):
        vrt = self.path('geoloc.vrt')
        with open(vrt, 'w') as f:
            f.write('<VRTDataset rasterXSize="70" rasterYSize="50"><Metadata domain="GEOLOCATION"><MDI key="X_DATASET">lon.tif</MDI>'
                    '<MDI key="LINE_STEP">1</MDI></Metadata><VRTRasterBand dataType="Int16" band="1"><SimpleSource><SourceFilename '
                    'relativeToVRT="0">%s</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>' % self.a)
        for calcs in ([], ['A+1']):
            self.assertEqual(fishnet(vrt, *calcs).GetMetadata('GEOLOCATION'), {'X_DATASET': 'lon.tif', 'LINE_STEP': '1'})

    def test_bands_without_calc(self):
        want, got = gdal.Open(self.a), fishnet(self.a)
        self.assertEqual(got.RasterCount, 2)
        for key, value in want.GetMetadata().items():
            self.assertEqual(got.GetMetadataItem(key), value)
        for i in (1, 2):
            a, b = want.GetRasterBand(i), got.GetRasterBand(i)
            for what in ('GetDescription', 'GetUnitType', 'GetScale', 'GetOffset', 'GetNoDataValue', 'GetMetadata', 'GetColorInterpretation',
                         'GetMaskFlags', 'GetCategoryNames'):
                self.assertEqual(getattr(a, what)(), getattr(b, what)(), what)
            self.assertEqual(a.DataType, b.DataType)
        self.assertEqual(got.GetRasterBand(1).GetDescription(), 'height')
        self.assertEqual(got.GetRasterBand(2).GetOffset(), 8)

    def test_bands_with_calc(self):
        """A computed band inherits nothing that would be wrong for it: no scale, no unit, no NoData of the input."""
        got = fishnet(self.a, 'A*2', 'A[2]')
        for i, text in ((1, 'A*2'), (2, 'A[2]')):
            band = got.GetRasterBand(i)
            self.assertEqual(band.GetDescription(), text)
            self.assertIn(band.GetScale(), (None, 1.0))
            self.assertIn(band.GetOffset(), (None, 0.0))
            self.assertEqual(nodata_of(band), 'nan')
            self.assertEqual(band.GetUnitType(), '')

    def test_colour_table_and_categories(self):
        path = write(self.path('paletted.tif'), self.pixels.astype(np.uint8))
        table = gdal.ColorTable()
        for i in range(256):
            table.SetColorEntry(i, (i, 255 - i, i // 2, 255))
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(1).SetColorTable(table)
        dataset = None
        got = fishnet(path).GetRasterBand(1)
        self.assertEqual(got.GetColorInterpretation(), gdal.GCI_PaletteIndex)
        self.assertEqual([got.GetColorTable().GetColorEntry(i) for i in range(256)], [table.GetColorEntry(i) for i in range(256)])
        self.assertIsNone(fishnet(path, 'A').GetRasterBand(1).GetColorTable())
        named = self.path('named.vrt')
        with open(named, 'w') as f:
            f.write('<VRTDataset rasterXSize="70" rasterYSize="50"><VRTRasterBand dataType="Byte" band="1"><CategoryNames><Category>sea'
                    '</Category><Category>land</Category></CategoryNames><SimpleSource><SourceFilename relativeToVRT="0">%s</SourceFilename>'
                    '</SimpleSource></VRTRasterBand></VRTDataset>' % path)
        self.assertEqual(fishnet(named).GetRasterBand(1).GetCategoryNames(), ['sea', 'land'])

    def test_statistics(self):
        """Without CALC the source's stored statistics; with CALC statistics of the result."""
        path = write(self.path('stats.tif'), self.pixels)
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(1).SetStatistics(1, 2, 3, 4)
        dataset = None
        self.assertEqual(fishnet(path).GetRasterBand(1).GetStatistics(True, False), [1, 2, 3, 4])
        statistics = fishnet(path, 'A*2').GetRasterBand(1).ComputeStatistics(False)
        self.assertEqual(statistics[:2], [0, 2 * 3499])
        self.assertAlmostEqual(statistics[2], 3499, places=6)

    def test_masks(self):
        got = fishnet(self.a, 'A')
        self.assertEqual(got.GetRasterBand(1).GetMaskFlags(), gdal.GMF_NODATA)
        path = write(self.path('holes.tif'), np.array([[-5, 3], [4, -5]], np.int16), -5)
        mask = np.array([[0, 255], [255, 0]], np.uint8)
        for calcs, options in (([], {}), (['A'], {}), (['A'], {'NODATA': 7}), (['A'], {'OT': 'Byte', 'NODATA': 0})):
            self.same(fishnet(path, *calcs, **options).GetRasterBand(1).GetMaskBand().ReadAsArray(), mask, str(options))
        byte = write(self.path('nomask.tif'), self.pixels.astype(np.uint8))
        self.assertEqual(fishnet(byte).GetRasterBand(1).GetMaskFlags(), gdal.GMF_ALL_VALID)

    def test_files(self):
        b = write(self.path('b.tif'), self.pixels)
        self.assertEqual(fishnet(self.a).GetFileList(), [self.a])
        self.assertEqual(sorted(fishnet(self.a, 'A+B', B=b).GetFileList()), sorted([self.a, b]))

    def test_names(self):
        """In quotes, in lower case, by the option A, relative, inside a folder with odd characters."""
        want = self.pixels.astype(np.float32)
        odd = self.path('a folder; with "quotes" and \u00e9\u20ac')
        os.mkdir(odd)
        path = write(os.path.join(odd, 'x y.tif'), self.pixels)
        for name in ('FISHNET:' + path, 'fishnet:' + path, 'FISHNET:' + self.a, 'FISHNET:"%s"' % self.a):
            self.same(gdal.OpenEx(name, open_options=['CALC=A', 'NODATA=none']).ReadAsArray().reshape(50, 70), want, name)
        for name in ('FISHNET:', 'fishnet:'):
            self.same(gdal.OpenEx(name, open_options=['CALC=A', 'A=' + self.a, 'NODATA=none']).ReadAsArray(), want, name)
        self.same(gdal.OpenEx('FISHNET:', open_options=['A=' + self.a]).GetRasterBand(2).ReadAsArray(), self.pixels + np.int16(1))
        info = good('gdalinfo', 'FISHNET:a.tif', cwd=self.folder)
        self.assertIn('Size is 70, 50', info)
        # a name that itself holds a prefix and quotes
        subdataset = 'GTIFF_DIR:1:' + self.a
        self.same(gdal.OpenEx('FISHNET:' + subdataset, open_options=['CALC=A', 'NODATA=none']).ReadAsArray(), want)

    def test_a_name_changed_folder(self):
        """The process may change its folder between opening and reading: handles stay right."""
        folder = os.getcwd()
        try:
            os.chdir(self.folder)
            dataset = fishnet('a.tif', 'A', NODATA='none', NUM_WORKERS=3, TILE_SIZE=16)
            dataset.ReadAsArray(0, 0, 1, 1)
        finally:
            os.chdir(folder)
        self.same(dataset.ReadAsArray(), self.pixels.astype(np.float32))

    def test_fishnet_domain(self):
        dataset = fishnet(self.a, 'A', NUM_WORKERS=3, TILE_SIZE='16x20')
        self.assertIn('FISHNET', dataset.GetMetadataDomainList())
        before = dataset.GetMetadata('FISHNET')
        self.assertEqual(set(before), {'WORKERS', 'WORKER_KIND', 'TASKS_REPEATED', 'TILES', 'TILES_COMPUTED', 'TILE_SIZE', 'SECONDS', 'WAIT_SECONDS', 'SIMD', 'CACHE_PEAK_MB'})
        self.assertEqual((before['TILES'], before['TILES_COMPUTED'], before['TILE_SIZE']), ('15', '0', '16x20'))
        dataset.ReadAsArray()
        after = dataset.GetMetadata('FISHNET')
        self.assertEqual((after['WORKERS'], after['TILES'], after['TILES_COMPUTED']), ('3', '15', '15'))
        self.assertIn(after['SIMD'], ('plain', 'avx2', 'avx512'))
        for key in ('SECONDS', 'WAIT_SECONDS', 'CACHE_PEAK_MB'):
            self.assertGreaterEqual(float(after[key]), 0)
        self.assertEqual(dataset.GetMetadataItem('TILES', 'FISHNET'), '15')
        self.assertNotIn('TILES', dataset.GetMetadata())
        dataset = fishnet(real('dem.tif'), 'log(A)*sin(A)', NUM_WORKERS=2)
        dataset.ReadAsArray()
        self.assertGreater(float(dataset.GetMetadataItem('SECONDS', 'FISHNET')), 0.01)
        self.assertGreater(float(dataset.GetMetadataItem('CACHE_PEAK_MB', 'FISHNET')), 1)

    def test_auto_tiles(self):
        """Whole blocks of A, near 512x512; strips give full-width tiles."""
        big = np.zeros((1500, 2000), np.uint8)
        for options, good_size in ((['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256'], lambda w, h: w % 256 == 0 and h % 256 == 0),
                                   (['TILED=YES', 'BLOCKXSIZE=512', 'BLOCKYSIZE=512'], lambda w, h: (w, h) == (512, 512)),
                                   (['TILED=YES', 'BLOCKXSIZE=96', 'BLOCKYSIZE=160'], lambda w, h: w % 96 == 0 and h % 160 == 0),
                                   (['BLOCKYSIZE=7'], lambda w, h: w == 2000 and h % 7 == 0)):
            path = write(self.path('auto.tif'), big, options=options)
            for tile in ('AUTO', None):
                width, height = fishnet(path, 'A', **({'TILE_SIZE': tile} if tile else {})).GetRasterBand(1).GetBlockSize()
                self.assertTrue(good_size(width, height), '%s: %dx%d' % (options, width, height))
                self.assertTrue(2**16 <= width * height <= 2**20, '%s: %dx%d' % (options, width, height))

    def test_types_of_newer_versions(self):
        for name, since in (('Int8', (3, 7)), ('Float16', (3, 11))):
            if VERSION >= since:
                self.assertEqual(fishnet(self.a, 'A', OT=name, NODATA=0).GetRasterBand(1).DataType, type_code(name))
            else:
                self.refused('OT', name, path=self.a, calcs=['A'], OT=name)

    def test_driver(self):
        driver = gdal.GetDriverByName('FISHNET')
        self.assertEqual(driver.GetMetadataItem('DCAP_RASTER'), 'YES')
        self.assertEqual(driver.GetMetadataItem('DCAP_VIRTUALIO'), 'YES')
        self.assertEqual(driver.GetMetadataItem('DCAP_OPEN'), 'YES')
        self.assertIsNone(driver.GetMetadataItem('DCAP_CREATE'))
        xml = driver.GetMetadataItem('DMD_OPENOPTIONLIST')
        for option in 'CALC A B Z NUM_WORKERS WORKERS TILE_SIZE OT NODATA CACHE_MB'.split():
            self.assertRegex(xml, "name=['\"]%s['\"]" % option)
        scopes = [(name, scope) for name, scope in re.findall(r"<Option name='(\w+)'(?:[^>]*? scope='(\w+)')?", xml)]
        self.assertEqual(scopes[0], ('CALC', ''))
        self.assertEqual([scope for _, scope in scopes], sorted(scope for _, scope in scopes))  # what few need comes last
        self.assertLess(sum(not scope for _, scope in scopes), 25)
        self.assertIn(('RETRIES', 'advanced'), scopes)
        self.assertIn('FISHNET', good('gdalinfo', '--formats'))
        good('gdalinfo', '--format', 'FISHNET')
        self.assertEqual(driver.GetMetadataItem('DMD_CONNECTION_PREFIX'), 'FISHNET:')

    def test_known_options_raise_no_warning(self):
        seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        try:
            fishnet(self.a, 'A+B', B=self.a, NUM_WORKERS=2, WORKERS='THREADS', TILE_SIZE=64, OT='Float32', NODATA='nan', CACHE_MB=10, RETRIES=1).ReadAsArray()
            self.assertEqual(seen, [])
        finally:
            gdal.PopErrorHandler()

    def test_skip(self):
        done = run('gdalinfo', 'FISHNET:' + self.a, env={'GDAL_SKIP': 'FISHNET'})
        self.assertEqual(done.returncode, 1)
        self.assertNotIn('FISHNET -raster', good('gdalinfo', '--formats', env={'GDAL_SKIP': 'FISHNET'}))

    def test_number_of_workers(self):
        """NUM_WORKERS, then GDAL_NUM_THREADS, then the CPUs this process may use."""
        script = ('from osgeo import gdal; import sys; d = gdal.OpenEx("FISHNET:%s", open_options=["CALC=A", "TILE_SIZE=8"] + sys.argv[1:]); '
                  'd.ReadAsArray(); print(d.GetMetadataItem("WORKERS", "FISHNET"))' % self.a)

        def workers(*options, prefix=(), **env):
            return int(good(*prefix, sys.executable, '-c', script, *options, env=env))
        cpus = sorted(os.sched_getaffinity(0))
        self.assertEqual(workers(), len(cpus))
        self.assertEqual(workers(GDAL_NUM_THREADS='3'), 3)
        self.assertEqual(workers(GDAL_NUM_THREADS='ALL_CPUS'), len(cpus))
        self.assertEqual(workers('NUM_WORKERS=4', GDAL_NUM_THREADS='3'), 4)
        self.assertEqual(workers('NUM_WORKERS=ALL_CPUS', GDAL_NUM_THREADS='3'), len(cpus))
        self.assertEqual(workers(prefix=['taskset', '-c', str(cpus[0])]), 1)


class Reading(Case):
    """All ways to ask for pixels agree with the whole picture."""

    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif')).ReadAsArray(700, 300, 401, 307)
        source[100:150, 200:260] = -999
        cls.a = write(cls.path('a.tif'), [source, source[::-1].copy()], -999, options=['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64'])
        first = np.where(source == -999, NAN, source.astype(np.float64))
        cls.want = np.stack([np.sqrt(first) - 50, first[::-1] / 7]).astype(np.float32)
        cls.calcs = ['sqrt(A)-50', 'A[2]/7']

    def open(self, **options):
        options.setdefault('TILE_SIZE', '96x80')
        return fishnet(self.a, *self.calcs, **options)

    def test_windows(self):
        dataset = self.open()
        rng = np.random.default_rng(1)
        self.same(dataset.ReadAsArray(), self.want)
        for _ in range(200):
            w, h = rng.integers(1, 402), rng.integers(1, 308)
            if rng.random() < 0.5:
                w, h = min(w, 5), min(h, 9)
            x, y = rng.integers(0, 402 - w), rng.integers(0, 308 - h)
            window = [int(n) for n in (x, y, w, h)]
            want = self.want[:, y:y + h, x:x + w]
            if rng.random() < 0.5:
                self.same(dataset.ReadAsArray(*window), want, str(window))
            else:
                band = int(rng.integers(0, 2))
                self.same(dataset.GetRasterBand(band + 1).ReadAsArray(*window), want[band], str(window))

    def test_blocks(self):
        dataset = self.open()
        for i in (0, 1):
            band = dataset.GetRasterBand(i + 1)
            self.assertEqual(band.GetBlockSize(), [96, 80])
            for by in range(4):
                for bx in range(5):
                    block = np.frombuffer(band.ReadBlock(bx, by), np.float32).reshape(80, 96)
                    want = self.want[i, by * 80:(by + 1) * 80, bx * 96:(bx + 1) * 96]
                    self.same(block[:want.shape[0], :want.shape[1]], want, 'block %d %d' % (bx, by))

    def test_buffer_types(self):
        """The caller's type: as GDAL casts from the band's."""
        dataset = self.open()
        reference = gdal.GetDriverByName('MEM').Create('', 401, 307, 2, gdal.GDT_Float32)
        for i in (0, 1):
            reference.GetRasterBand(i + 1).WriteArray(np.nan_to_num(self.want[i], nan=-1))
        for name, dtype in TYPES.items():
            got = dataset.ReadAsArray(3, 5, 390, 90, buf_type=type_code(name))
            want = reference.ReadAsArray(3, 5, 390, 90, buf_type=type_code(name))
            valid = ~np.isnan(self.want[:, 5:95, 3:393])
            self.assertEqual(got.dtype, np.dtype(dtype))
            self.same(got[valid], want[valid], name)
        got = dataset.ReadRaster(3, 5, 20, 10, buf_type=gdal.GDT_CFloat32)
        self.same(np.frombuffer(got, np.complex64).real[:200].reshape(10, 20).copy(), self.want[0, 5:15, 3:23])

    def test_spacing(self):
        """Odd pixel, line and band spaces, band order, interleaving: and not a byte is touched in between."""
        dataset = self.open()
        x, y, w, h = 17, 60, 150, 70
        want = self.want[:, y:y + h, x:x + w]
        for pixel, line, bands, plane in ((8, 0, [1, 2], 4), (4, 4 * w + 12, [2, 1], 0), (12, 12 * w + 20, [1, 2], 4), (16, 0, [2], 0),
                                          (4, 0, [1, 1, 2, 1], 0)):
            line_space = line or pixel * w
            plane_space = plane or line_space * h
            size = (h - 1) * line_space + (w - 1) * pixel + (len(bands) - 1) * plane_space + 4
            raw = dataset.ReadRaster(x, y, w, h, buf_type=gdal.GDT_Float32, band_list=bands, buf_pixel_space=pixel, buf_line_space=line,
                                     buf_band_space=plane)
            raw = np.frombuffer(raw, np.uint8)
            self.assertGreaterEqual(raw.size, size)
            for i, band in enumerate(bands):
                got = np.lib.stride_tricks.as_strided(raw[i * plane_space:], (h, w, 4), (line_space, pixel, 1)).copy().view(np.float32)[..., 0]
                self.same(got, want[band - 1], str((pixel, line, bands, plane, i)))
        target = np.full((h, 3 * w), 77, np.float32)
        view = target[:, ::3]
        dataset.GetRasterBand(1).ReadAsArray(x, y, w, h, buf_obj=view)
        self.same(view.copy(), want[0])
        self.assertTrue((target[:, 1::3] == 77).all() and (target[:, 2::3] == 77).all())

    def test_resampled(self):
        """Without overviews: computed at full resolution, then resampled, as for any Float32 file with these pixels."""
        stored = self.path('stored.tif')
        write(stored, list(self.want), NAN, geotransform=(1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0))
        reference, dataset = gdal.Open(stored), self.open()
        for method in ('NearestNeighbour', 'Bilinear', 'Cubic', 'CubicSpline', 'Lanczos', 'Average', 'Mode', 'RMS'):
            code = getattr(gdal, 'GRIORA_' + method)
            for window, size in (((0, 0, 401, 307), (100, 77)), ((13, 7, 301, 203), (50, 40)), ((13, 7, 20, 30), (55, 66)), ((90, 90, 181, 91), (90, 45))):
                a = dataset.ReadAsArray(*window, buf_xsize=size[0], buf_ysize=size[1], resample_alg=code)
                b = reference.ReadAsArray(*window, buf_xsize=size[0], buf_ysize=size[1], resample_alg=code)
                self.same(a, b, '%s %s' % (method, window))
                a = dataset.GetRasterBand(2).ReadAsArray(*window, buf_xsize=size[0], buf_ysize=size[1], resample_alg=code)
                self.same(a, b[1], 'band, %s %s' % (method, window))
        a = dataset.ReadRaster(0.0, 0.0, 10.0, 10.0, 7, 7, buf_type=gdal.GDT_Float32, resample_alg=gdal.GRIORA_Bilinear)
        b = reference.ReadRaster(0.0, 0.0, 10.0, 10.0, 7, 7, buf_type=gdal.GDT_Float32, resample_alg=gdal.GRIORA_Bilinear)
        self.assertEqual(bytes(a), bytes(b))

        for window in ((10.25, 20.5, 30.5, 40.75), (100.5, 60.25, 250.5, 200.125)):
            for method in (gdal.GRIORA_Bilinear, gdal.GRIORA_Cubic):
                a = dataset.ReadRaster(*window, 17, 19, buf_type=gdal.GDT_Float32, resample_alg=method)
                b = reference.ReadRaster(*window, 17, 19, buf_type=gdal.GDT_Float32, resample_alg=method)
                self.same(np.frombuffer(a, np.float32), np.frombuffer(b, np.float32), str(window))

    def test_writing_fails(self):
        dataset = self.open()
        with self.assertRaises(RuntimeError):
            if dataset.GetRasterBand(1).WriteArray(self.want[0][:5, :5].copy()) != 0:
                raise RuntimeError('an error code')
        self.same(dataset.ReadAsArray(), self.want)

    def test_huge(self):
        """More tiles than 32 bits count; only what is asked for costs anything."""
        huge = self.path('huge.vrt')
        with open(huge, 'w') as f:
            f.write('<VRTDataset rasterXSize="2000000" rasterYSize="2000000"><VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename '
                    'relativeToVRT="0">%s</SourceFilename><SrcRect xOff="0" yOff="0" xSize="401" ySize="307"/><DstRect xOff="1999599" '
                    'yOff="1999693" xSize="401" ySize="307"/></SimpleSource></VRTRasterBand></VRTDataset>' % self.a)
        for tile in ('16', '512', 'AUTO'):
            dataset = fishnet(huge, 'A*2', TILE_SIZE=tile)
            source = gdal.Open(self.a).GetRasterBand(1).ReadAsArray()
            self.same(dataset.ReadAsArray(1999599, 1999693, 401, 307), source * 2, tile)
            self.same(dataset.ReadAsArray(1999990, 1999990, 10, 10), source[-10:, -10:] * 2, tile)
            self.assertEqual(dataset.ReadAsArray(0, 0, 1, 1)[0, 0], 0)
            dataset.AdviseRead(0, 0, 2000000, 2000000)
            dataset = None

    def test_advise_read(self):
        dataset = self.open()
        self.assertEqual(dataset.AdviseRead(0, 0, 401, 307), gdal.CE_None)
        self.same(dataset.ReadAsArray(), self.want)
        dataset = self.open()
        dataset.GetRasterBand(1).AdviseRead(10, 10, 50, 50)
        dataset = None

    def test_big_tile_and_one_pixel_tile(self):
        self.same(self.open(TILE_SIZE='65536').ReadAsArray(), self.want)
        small = self.open(TILE_SIZE='1').ReadAsArray(195, 98, 12, 6)
        self.same(small, self.want[:, 98:104, 195:207])

    def test_nested(self):
        """FISHNET of FISHNET."""
        name = 'FISHNET:FISHNET:' + self.a
        self.same(gdal.Open(name).ReadAsArray(), gdal.Open(self.a).ReadAsArray())
        dataset = gdal.OpenEx(name, open_options=['CALC=A[2]/7', 'TILE_SIZE=100x37'])
        self.same(dataset.ReadAsArray(), self.want[1])


class Overviews(Case):
    """The expression of the overviews, when all inputs have them."""

    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 640, 512)
        source[40:90, 100:300] = -999
        cls.a = write(cls.path('a.tif'), source, -999)
        cls.b = write(cls.path('b.tif'), source[::-1].copy(), -999)
        cls.bare = write(cls.path('bare.tif'), source, -999)
        for path in (cls.a, cls.b):
            gdal.Open(path, gdal.GA_Update).BuildOverviews('AVERAGE', [2, 4])

    def test_sizes_and_pixels(self):
        for calcs, options in (([], {}), (['A*2+1'], {}), (['A-B', 'A+B'], {'B': self.b})):
            band = fishnet(self.a, *calcs, **options).GetRasterBand(1)
            self.assertEqual(band.GetOverviewCount(), 2)
            for i, size in enumerate(((320, 256), (160, 128))):
                overview = band.GetOverview(i)
                self.assertEqual((overview.XSize, overview.YSize), size)
                a = gdal.Open(self.a).GetRasterBand(1).GetOverview(i).ReadAsArray().astype(np.float64)
                b = gdal.Open(self.b).GetRasterBand(1).GetOverview(i).ReadAsArray().astype(np.float64)
                if not calcs:
                    want = a
                else:
                    a, b = np.where(a == -999, NAN, a), np.where(b == -999, NAN, b)
                    want = a * 2 + 1 if not options else a - b
                self.same(overview.ReadAsArray(), want.astype(np.float32), '%s overview %d' % (calcs, i))

    def test_reads_through_overviews(self):
        dataset = fishnet(self.a, 'A*2+1')
        small = dataset.ReadAsArray(buf_xsize=320, buf_ysize=256)
        self.same(small, dataset.GetRasterBand(1).GetOverview(0).ReadAsArray())
        out = self.path('small.tif')
        good('gdal_translate', '-q', '-outsize', 160, 128, 'FISHNET:' + self.a, out, *oo('A*2+1'))
        self.same(gdal.Open(out).ReadAsArray(), dataset.GetRasterBand(1).GetOverview(1).ReadAsArray())

    def test_without_calc_like_the_source(self):
        """Any size, any method: what the source itself answers; masks of overviews too."""
        ours, theirs = fishnet(self.a), gdal.Open(self.a)
        for size in ((320, 256), (160, 128), (100, 77), (330, 260), (640, 512), (700, 600)):
            for method in ('NearestNeighbour', 'Bilinear', 'Average'):
                options = dict(buf_xsize=size[0], buf_ysize=size[1], resample_alg=getattr(gdal, 'GRIORA_' + method))
                self.same(ours.ReadAsArray(**options), theirs.ReadAsArray(**options), '%s %s' % (size, method))
        for dataset in (ours, fishnet(self.a, 'A*2+1')):
            mask = dataset.GetRasterBand(1).GetOverview(0).GetMaskBand().ReadAsArray()
            self.same(mask, theirs.GetRasterBand(1).GetOverview(0).GetMaskBand().ReadAsArray())
            self.assertTrue((mask == 0).any())

    def test_not_all_inputs(self):
        """One input without overviews: none at all, and a small read is the resampled result, not the result of resampled inputs."""
        dataset = fishnet(self.a, '(A-9000)*(B-9000)', B=self.bare, OT='Float64')
        self.assertEqual(dataset.GetRasterBand(1).GetOverviewCount(), 0)
        full = dataset.ReadAsArray()
        small = dataset.ReadAsArray(buf_xsize=320, buf_ysize=256)
        reference = write(self.path('full.tif'), full, NAN)
        self.same(small, gdal.Open(reference).ReadAsArray(buf_xsize=320, buf_ysize=256))

    def test_unused_input_does_not_count(self):
        """B is given and not used, or A is the grid only."""
        self.assertEqual(fishnet(self.bare, 'A', B=self.a).GetRasterBand(1).GetOverviewCount(), 0)

    def test_real_landsat(self):
        dataset = fishnet(real('landsat.tif'), '(A[4]-A[3])/(A[4]+A[3])', OT='Float64')
        band = dataset.GetRasterBand(1)
        self.assertEqual([(band.GetOverview(i).XSize, band.GetOverview(i).YSize) for i in range(band.GetOverviewCount())],
                         [(175, 176), (88, 88), (44, 44), (22, 22)])
        source = gdal.Open(real('landsat.tif'))
        nir, red = (source.GetRasterBand(i).GetOverview(1).ReadAsArray().astype(np.float64) for i in (4, 3))
        with np.errstate(all='ignore'):
            self.same(band.GetOverview(1).ReadAsArray(), (nir - red) / (nir + red))

    def test_warped_vrt(self):
        """GDAL dies when it is asked for the XML of a warped VRT that was opened at an overview level."""
        plain = gdal.Open(self.bare)
        warped, over, copied = self.path('warped.vrt'), self.path('over.vrt'), self.path('copied.vrt')
        gdal.Warp(warped, plain, format='VRT', dstSRS='EPSG:4326', resampleAlg='bilinear')
        good('gdaladdo', '-q', warped, 2, 4)
        gdal.Translate(copied, warped, format='VRT')
        gdal.BuildVRT(over, [warped]).FlushCache()
        for path in (warped, over, copied):
            good('gdalinfo', 'FISHNET:' + path)
            good('gdalinfo', '-stats', 'FISHNET:' + path, *oo('A+1'))
            for workers in ('THREADS', 'PROCESSES'):
                ours, theirs = fishnet(path, WORKERS=workers), gdal.Open(path)
                self.assertGreaterEqual(theirs.GetRasterBand(1).GetOverviewCount(), 2, path)
                self.assertEqual(ours.GetRasterBand(1).GetOverviewCount(), theirs.GetRasterBand(1).GetOverviewCount())
                for level in range(2):
                    self.same(ours.GetRasterBand(1).GetOverview(level).ReadAsArray(),
                              theirs.GetRasterBand(1).GetOverview(level).ReadAsArray(), '%s %s %d' % (path, workers, level))

    def test_alpha(self):
        """Overviews of the alpha band are those of the result's NoData."""
        path = write(self.path('alpha.tif'), [np.ones((64, 64), np.float32), np.ones((64, 64), np.float32)])
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.GetRasterBand(2).SetColorInterpretation(gdal.GCI_AlphaBand)
        dataset.GetRasterBand(2).WriteArray(np.repeat(np.arange(64, dtype=np.float32)[None, :] % 8 >= 4, 64, 0).astype(np.float32))
        dataset.BuildOverviews('NEAREST', [4])
        dataset = None
        alpha = gdal.Open(path).GetRasterBand(2).GetOverview(0).ReadAsArray()
        self.assertEqual(len(np.unique(alpha)), 2)
        self.same(fishnet(path, 'A').GetRasterBand(1).GetOverview(0).ReadAsArray(), np.where(alpha == 0, NAN, 1).astype(np.float32))

    def test_building_overviews_is_not_ours(self):
        """Read only: gdaladdo fails or writes beside, but never into the source."""
        before = open(self.bare, 'rb').read()
        run('gdaladdo', '-ro', 'FISHNET:' + self.bare, 2, cwd=self.folder)
        self.assertEqual(open(self.bare, 'rb').read(), before)


class Tools(Case):
    """The programs of GDAL, on a FISHNET dataset."""

    @classmethod
    def prepare(cls):
        source = gdal.Open(real('dem.tif')).ReadAsArray(900, 100, 600, 450)
        source[200:260, 100:180] = -999
        cls.a = cls.path('a.tif')
        write(cls.a, source, -999, like=real('dem.tif'))
        cls.want = np.where(source == -999, NAN, np.sqrt(np.abs(source.astype(np.float64)))).astype(np.float32)
        cls.stored = write(cls.path('stored.tif'), cls.want, NAN, like=real('dem.tif'))
        cls.name = 'FISHNET:' + cls.a

    def test_info(self):
        ours = good('gdalinfo', '-stats', '-checksum', '-mm', '-hist', self.name, *oo('sqrt(A)'))
        theirs = good('gdalinfo', '-stats', '-checksum', '-mm', '-hist', self.stored, env={'GDAL_PAM_ENABLED': 'NO'})
        for pattern in (r'Checksum=\d+', r'Computed Min/Max=\S+', r'STATISTICS_MEAN=\S+', r'STATISTICS_STDDEV=\S+', r'STATISTICS_MINIMUM=\S+',
                        r'STATISTICS_VALID_PERCENT=\S+', r'256 buckets from [^:]+:\s+[\d ]+', r'Upper Left.*', r'NoData Value=\S+'):
            self.assertEqual(re.search(pattern, ours).group(), re.search(pattern, theirs).group(), pattern)
        report = json.loads(good('gdalinfo', '-json', self.name, *oo('sqrt(A)')))
        self.assertEqual(report['size'], [600, 450])

    def test_no_stray_files(self):
        """-stats writes no FISHNET:x.aux.xml, neither here nor beside the source."""
        folder = self.path('clean')
        os.mkdir(folder)
        write(os.path.join(folder, 'x.tif'), self.want)
        good('gdalinfo', '-stats', '-hist', 'FISHNET:x.tif', *oo('A*2'), cwd=folder)
        good('gdalinfo', '-stats', '-hist', 'FISHNET:x.tif', cwd=folder)
        good('gdal_translate', '-q', '-stats', 'FISHNET:x.tif', os.path.join(folder, 'out.tif'), *oo('A*2'), cwd=folder)
        self.assertEqual(sorted(os.listdir(folder)), ['out.tif', 'x.tif'])

    def test_warp(self):
        ours, theirs = self.path('warped.tif'), self.path('warped2.tif')
        for options in (['-t_srs', 'EPSG:32613'], ['-t_srs', 'EPSG:32613', '-r', 'bilinear', '-wm', '1'], ['-tr', '0.002', '0.002', '-r', 'average'],
                        ['-t_srs', 'EPSG:3857', '-multi', '-wo', 'NUM_THREADS=2', '-r', 'cubic']):
            for tail, out in ((oo('sqrt(A)') + [self.name], ours), ([self.stored], theirs)):
                good('gdalwarp', '-q', '-overwrite', *options, *tail, out)
            self.same(gdal.Open(ours).ReadAsArray(), gdal.Open(theirs).ReadAsArray(), str(options))

    def test_cog(self):
        out, reference = self.path('cog.tif'), self.path('cog2.tif')
        for options in ([], ['-co', 'COMPRESS=DEFLATE', '-co', 'BLOCKSIZE=128', '-co', 'OVERVIEW_RESAMPLING=AVERAGE']):
            good('gdal_translate', '-q', '-of', 'COG', *options, self.name, out, *oo('sqrt(A)'))
            good('gdal_translate', '-q', '-of', 'COG', *options, self.stored, reference)
            ours, theirs = gdal.Open(out), gdal.Open(reference)
            self.same(ours.ReadAsArray(), self.want)
            self.assertEqual(ours.GetRasterBand(1).GetOverviewCount(), theirs.GetRasterBand(1).GetOverviewCount())
            for i in range(theirs.GetRasterBand(1).GetOverviewCount()):
                self.same(ours.GetRasterBand(1).GetOverview(i).ReadAsArray(), theirs.GetRasterBand(1).GetOverview(i).ReadAsArray())

    def test_formats(self):
        """Writers that read lines, swaths, other types; -srcwin, -projwin, -scale, -b."""
        for options in (['-co', 'TILED=YES', '-co', 'COMPRESS=DEFLATE'], ['-co', 'BLOCKYSIZE=7'], ['-of', 'ENVI'], ['-srcwin', 33, 44, 311, 222],
                        ['-ot', 'Byte'], ['-scale', 60, 120, 0, 255, '-ot', 'Byte', '-a_nodata', 'none'], ['-of', 'VRT'], ['-of', 'AAIGrid'],
                        ['-of', 'PNG', '-ot', 'UInt16']):
            ours, theirs = self.path('f1'), self.path('f2')
            good('gdal_translate', '-q', *options, *oo('sqrt(A)'), self.name, ours)
            good('gdal_translate', '-q', *options, self.stored, theirs)
            a, b = gdal.Open(ours), gdal.Open(theirs)
            self.same(a.ReadAsArray(), b.ReadAsArray(), str(options))
            self.assertEqual(a.GetGeoTransform(), b.GetGeoTransform())
            a = b = None
            for leftover in glob.glob(self.path('f[12]*')):
                os.unlink(leftover)

    def test_small_block_cache(self):
        out = self.path('tiny.tif')
        good('gdal_translate', '-q', self.name, out, *oo('sqrt(A)'), env={'GDAL_CACHEMAX': '1'})
        self.same(gdal.Open(out).ReadAsArray(), self.want)

    def test_location(self):
        self.assertEqual(float(good('gdallocationinfo', '-valonly', *oo('A*2'), self.name, 5, 7)),
                         gdal.Open(self.a).ReadAsArray(5, 7, 1, 1)[0, 0] * 2)
        self.assertIn(good('gdallocationinfo', '-valonly', *oo('A*2'), self.name, 120, 220).strip(), ('nan', '-nan'))

    def test_vrt(self):
        """A VRT with FISHNET sources; CALC through <OpenOptions>, several expressions separated by ;."""
        vrt = self.path('source.vrt')
        text = '<VRTDataset rasterXSize="600" rasterYSize="450">'
        for band in (1, 2):
            text += ('<VRTRasterBand dataType="Float32" band="%d"><SimpleSource><SourceFilename relativeToVRT="0">%s</SourceFilename><OpenOptions>'
                     '<OOI key="CALC">sqrt(A);A&lt;9000 ? 1 : 2</OOI><OOI key="NUM_WORKERS">2</OOI></OpenOptions><SourceBand>%d</SourceBand>'
                     '</SimpleSource></VRTRasterBand>' % (band, self.name, band))
        with open(vrt, 'w') as f:
            f.write(text + '</VRTDataset>')
        source = gdal.Open(self.a).ReadAsArray()
        second = np.where(source == -999, NAN, np.where(source < 9000, 1, 2)).astype(np.float32)
        pixels = gdal.Open(vrt).ReadAsArray()
        self.same(pixels[0], self.want)
        self.same(pixels[1], second)
        out = self.path('from_vrt.tif')
        good('gdal_translate', '-q', vrt, out)
        self.same(gdal.Open(out).ReadAsArray(), pixels)
        made = self.path('made.vrt')
        good('gdal_translate', '-q', '-of', 'VRT', self.name, made, *oo('sqrt(A)'))
        self.same(gdal.Open(made).ReadAsArray(), self.want, 'a VRT keeps the open options')

    def test_debug(self):
        done = run('gdal_translate', '-q', self.name, self.path('debug.tif'), *oo('sqrt(A)', TILE_SIZE=256, NUM_WORKERS=2),
                   env={'CPL_DEBUG': 'FISHNET'})
        tiles = re.findall(r'FISHNET: tile x=(\d+) y=(\d+) (\d+)x(\d+) by worker (\d+), process (\d+): ([\d.]+) ms', done.stderr)
        self.assertEqual({tuple(map(int, tile[:4])) for tile in tiles},
                         {(x, y, min(256, 600 - x), min(256, 450 - y)) for x in (0, 256, 512) for y in (0, 256)})
        self.assertEqual(len(tiles), 6, done.stderr)
        most = 2 if os.environ.get('FISHNET_WORKERS') == 'PROCESSES' else 1
        self.assertIn(len({tile[5] for tile in tiles}), range(1, most + 1))
        self.assertEqual(run('gdalinfo', self.name, env={'CPL_DEBUG': 'OFF'}).stderr, '')

    def test_virtual_files(self):
        """/vsimem, /vsizip, /vsigzip, a VRT in a string."""
        with open(self.a, 'rb') as f:
            gdal.FileFromMemBuffer('/vsimem/fishnet_a.tif', f.read())
        try:
            self.same(fishnet('/vsimem/fishnet_a.tif', 'sqrt(A)', WORKERS='THREADS', NUM_WORKERS=3, TILE_SIZE=64).ReadAsArray(), self.want)
            self.refused('/vsimem/fishnet_a.tif', 'memory', 'WORKERS=THREADS', path='/vsimem/fishnet_a.tif', calcs=['A'], WORKERS='PROCESSES')
        finally:
            gdal.Unlink('/vsimem/fishnet_a.tif')
        archive = self.path('a.zip')
        with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as z:
            z.write(self.a, 'in/a.tif')
        self.same(fishnet('/vsizip/%s/in/a.tif' % archive, 'sqrt(A)', NUM_WORKERS=3, TILE_SIZE=64).ReadAsArray(), self.want)
        inline = gdal.BuildVRT('', [self.a]).GetMetadata('xml:VRT')[0]
        self.same(fishnet(inline, 'sqrt(A)', NUM_WORKERS=2, TILE_SIZE=64).ReadAsArray(), self.want)

    def test_from_the_web(self):
        """/vsicurl/, from a server of our own."""
        if gdal.VSIStatL('/vsicurl/http://127.0.0.1:1/') is not None or '/vsicurl/' not in gdal.GetFileSystemsPrefixes():
            self.skipTest('this GDAL has no /vsicurl/')

        with open(self.a, 'rb') as f:
            data = f.read()

        class Handler(http.server.BaseHTTPRequestHandler):
            """One file, by ranges."""

            def do_HEAD(self):
                self.answer(200, data, False)

            def do_GET(self):
                span = re.match(r'bytes=(\d+)-(\d+)', self.headers.get('Range', ''))
                if not self.path.endswith('/a.tif'):
                    self.answer(404, b'')
                elif span:
                    first, last = int(span.group(1)), min(int(span.group(2)), len(data) - 1)
                    self.answer(206, data[first:last + 1], True, 'bytes %d-%d/%d' % (first, last, len(data)))
                else:
                    self.answer(200, data)

            def answer(self, code, body, send=True, content_range=None):
                self.send_response(code)
                self.send_header('Content-Length', str(len(body)))
                self.send_header('Accept-Ranges', 'bytes')
                if content_range:
                    self.send_header('Content-Range', content_range)
                self.end_headers()
                if send:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            url = '/vsicurl/http://127.0.0.1:%d/a.tif' % server.server_port
            with config('GDAL_DISABLE_READDIR_ON_OPEN', 'EMPTY_DIR'), config('GDAL_HTTP_PROXY', ''), config('no_proxy', '*'):
                self.same(fishnet(url, 'sqrt(A)', NUM_WORKERS=2, TILE_SIZE=256).ReadAsArray(), self.want)
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)

    def test_thread_local_options(self):
        """Configuration options of the opening thread hold in the workers too."""
        path = write(self.path('local.tif'), np.full((300, 200), 7, np.uint8))
        with open(path[:-4] + '.tif.aux.xml', 'w') as f:
            f.write('<PAMDataset><PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>')
        self.assertTrue(np.isnan(calc1(path, 'A')).all())
        with config('GDAL_PAM_ENABLED', 'NO', thread=True):
            dataset = fishnet(path, 'A', OT='Float64', TILE_SIZE=32, NUM_WORKERS=3)
            self.assertTrue((dataset.ReadAsArray() == 7).all())
        # a file that only a thread-local option lets anyone open
        archive = self.path('empty_dir')
        os.makedirs(archive, exist_ok=True)
        with config('GDAL_DISABLE_READDIR_ON_OPEN', 'EMPTY_DIR', thread=True):
            dataset = fishnet(self.a, 'sqrt(A)', NUM_WORKERS=2)
        self.same(dataset.ReadAsArray(), self.want)

    def test_environment_is_left_alone(self):
        """A read changes no global configuration option and not the locale or the FPU state."""
        before = {key: gdal.GetConfigOption(key) for key in ('GDAL_NUM_THREADS', 'VRT_NUM_THREADS', 'GDAL_CACHEMAX', 'GDAL_PAM_ENABLED')}
        fishnet(self.a, 'exp(A)*1e-310').ReadAsArray()
        self.assertEqual(before, {key: gdal.GetConfigOption(key) for key in before})
        self.assertEqual(np.float64(5e-324) * 1.0, 5e-324)
        path = write(self.path('subnormal.tif'), np.full((4, 4), 1e-310))
        self.assertEqual(calc1(path, 'A/2')[0, 0], 1e-310 / 2)

    def test_thread_safe_mode(self):
        if VERSION < (3, 10):
            print('GDAL_OF_THREAD_SAFE came with GDAL 3.10: not tried on %s' % gdal.__version__)
            return
        dataset = gdal.OpenEx(self.name, gdal.OF_RASTER | gdal.OF_THREAD_SAFE, open_options=open_options(['sqrt(A)'], {}))
        self.same(dataset.ReadAsArray(), self.want)

    def test_progress_of_the_tool(self):
        done = run('gdal_translate', self.name, self.path('progress.tif'), *oo('sqrt(A)'))
        self.assertIn('100 - done.', done.stdout)
        self.assertEqual(done.stderr, '')

    def test_stored_type_matches(self):
        self.assertEqual(gdal_array.GDALTypeCodeToNumericTypeCode(fishnet(self.a, 'sqrt(A)').GetRasterBand(1).DataType), np.float32)


if __name__ == '__main__':
    unittest.main()
