"""VRTs with pixel functions in Python, in threads and in processes, from tools and from Python itself."""
import os
import unittest

import numpy as np
from osgeo import gdal

from common import Case, config, good, oo, run, write

VRT = '''<VRTDataset rasterXSize="200" rasterYSize="150">
  <VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand" blockXSize="64" blockYSize="32">
    <PixelFunctionType>f</PixelFunctionType>
    <PixelFunctionLanguage>Python</PixelFunctionLanguage>
    <PixelFunctionCode><![CDATA[
import numpy as np
def f(in_ar, out_ar, xoff, yoff, xsize, ysize, raster_xsize, raster_ysize, buf_radius, gt, **kwargs):
    {body}
]]></PixelFunctionCode>
    <SimpleSource><SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
  </VRTRasterBand>
</VRTDataset>
'''
ON = ('--config', 'GDAL_VRT_ENABLE_PYTHON', 'YES')
KINDS = ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 3}, {'WORKERS': 'PROCESSES', 'NUM_WORKERS': 1}, {'WORKERS': 'PROCESSES', 'NUM_WORKERS': 3})


class TestPython(Case):
    @classmethod
    def prepare(cls):
        cls.values = np.arange(200 * 150, dtype=np.float32).reshape(150, 200)
        cls.source = write(cls.path('source.tif'), cls.values)

    def vrt(self, name, body):
        path = self.path(name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(VRT.format(body=body, source=self.source))
        return path

    def test_gdal_translate_ends(self):
        path, out = self.vrt('good.vrt', 'out_ar[:] = np.sqrt(in_ar[0])'), self.path('out.tif')
        for options in KINDS:
            good('gdal_translate', '-q', 'FISHNET:' + path, out, *oo(**options), *ON)
            self.same(gdal.Open(out).ReadAsArray(), np.sqrt(self.values), str(options))
            os.unlink(out)

    def test_from_python(self):
        path = self.vrt('python.vrt', 'out_ar[:] = in_ar[0] + 1')
        with config('GDAL_VRT_ENABLE_PYTHON', 'YES'):
            for options in KINDS:
                dataset = gdal.OpenEx('FISHNET:' + path, open_options=['%s=%s' % o for o in options.items()])
                self.same(dataset.ReadAsArray(), self.values + 1, str(options))
                dataset = None

    def test_an_exception_names_the_tile(self):
        path = self.vrt('bad.vrt', 'out_ar.fill(1 / (yoff < 64))')
        for options in KINDS:
            done = run('gdal_translate', '-q', 'FISHNET:' + path, self.path('bad.tif'), *oo(TILE_SIZE=64, RETRIES=0, **options), *ON)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r'tile x=\d+ y=(64|128) ')

    def test_not_enabled(self):
        """Whoever has not switched Python on gets GDAL's own refusal."""
        path = self.vrt('off.vrt', 'out_ar.fill(1)')
        for options in KINDS:
            done = run('gdal_translate', '-q', 'FISHNET:' + path, self.path('off.tif'), *oo(**options))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('GDAL_VRT_ENABLE_PYTHON', done.stderr)

    def test_a_crash_of_the_interpreter_is_survived(self):
        """In processes: a pixel function that ends its process the first time."""
        flag = self.path('flag')
        path = self.vrt('crash.vrt', '''import os
    if not os.path.exists({0!r}):
        open({0!r}, 'w').close()
        os._exit(9)
    out_ar[:] = in_ar[0]'''.format(flag))
        out = self.path('crash.tif')
        good('gdal_translate', '-q', 'FISHNET:' + path, out, *oo(WORKERS='PROCESSES', NUM_WORKERS=2), *ON)
        self.assertTrue(os.path.exists(flag))
        self.same(gdal.Open(out).ReadAsArray(), self.values)


if __name__ == '__main__':
    unittest.main()
