"""Kinds of pipelines over a dem and a picture of several bands, each a file that any GDAL program reads.

The tests compare them with serial GDAL, the benchmark measures some of them on larger rasters.
"""
import json
import os
import re

import numpy as np
from osgeo import gdal

gdal.UseExceptions()
VERSION = tuple(int(n) for n in re.match(r'(\d+)\.(\d+)', gdal.__version__).groups())
PIPELINES = VERSION >= (3, 11)  # of `gdal raster pipeline`


def write_text(path, text):
    with open(path, 'w') as out:
        out.write(text)
    return path


def header(dataset, subclass=''):
    return '<VRTDataset rasterXSize="%d" rasterYSize="%d"%s><SRS>%s</SRS><GeoTransform>%s</GeoTransform>' % (
        dataset.RasterXSize, dataset.RasterYSize, subclass, gdal.EscapeString(dataset.GetProjection(), gdal.CPLES_XML),
        ', '.join('%.17g' % v for v in dataset.GetGeoTransform()))


def source(path, band=1, tag='SimpleSource', more=''):
    return '<%s><SourceFilename relativeToVRT="0">%s</SourceFilename><SourceBand>%d</SourceBand>%s</%s>' % (
        tag, path, band, more, tag)


def band(content, kind, number=1, subclass='', nodata=None):
    return '<VRTRasterBand dataType="%s" band="%d"%s>%s%s</VRTRasterBand>' % (
        kind, number, ' subClass="%s"' % subclass if subclass else '',
        '' if nodata is None else '<NoDataValue>%g</NoDataValue>' % nodata, content)


def derived(path, like, function, sources, kind='Float32', transfer='Float64', nodata=None):
    text = '<PixelFunctionType>%s</PixelFunctionType>' % function
    if transfer:
        text += '<SourceTransferType>%s</SourceTransferType>' % transfer
    dataset = gdal.Open(like)
    return write_text(path, header(dataset) + band(text + ''.join(sources), kind, subclass='VRTDerivedRasterBand',
                                                   nodata=nodata) + '</VRTDataset>')


def kernel(path, like, size, normalized, nodata=None):
    rng = np.random.default_rng(20261124)
    weights = ' '.join('%.6g' % v for v in rng.uniform(0.5, 2, size * size))
    more = '<Kernel normalized="%d"><Size>%d</Size><Coefs>%s</Coefs></Kernel>' % (normalized, size, weights)
    if nodata is not None:
        more = '<NODATA>%g</NODATA>' % nodata + more
    dataset = gdal.Open(like)
    return write_text(path, header(dataset) + band(source(like, 1, 'KernelFilteredSource', more), 'Float32',
                                                   nodata=nodata) + '</VRTDataset>')


def pansharpened(path, pan, picture, bands):
    text = header(gdal.Open(pan), ' subClass="VRTPansharpenedDataset"')
    text += ''.join('<VRTRasterBand dataType="Byte" band="%d" subClass="VRTPansharpenedRasterBand"/>' % (i + 1)
                    for i in range(bands))
    text += ('<PansharpeningOptions><Algorithm>WeightedBrovey</Algorithm><AlgorithmOptions><Weights>%s</Weights>'
             '</AlgorithmOptions><Resampling>Cubic</Resampling><NumThreads>1</NumThreads><PanchroBand>'
             '<SourceFilename relativeToVRT="0">%s</SourceFilename><SourceBand>1</SourceBand></PanchroBand>'
             % (','.join(['%.17g' % (1 / bands)] * bands), pan))
    for i in range(bands):
        text += ('<SpectralBand dstBand="%d"><SourceFilename relativeToVRT="0">%s</SourceFilename><SourceBand>%d'
                 '</SourceBand></SpectralBand>' % (i + 1, picture, i + 1))
    return write_text(path, text + '</PansharpeningOptions></VRTDataset>')


def mosaic(path, parts):
    dataset = gdal.BuildVRT(path, parts)
    dataset.FlushCache()
    del dataset
    return path


def pipeline(path, steps):
    """A .gdalg.json of `gdal raster pipeline`."""
    return write_text(path, json.dumps({'type': 'gdal_streamed_alg', 'command_line': 'gdal raster pipeline ' + steps,
                                        'relative_paths_relative_to_this_file': False}))


def warp(path, src, **options):
    dataset = gdal.Warp(path, src, format='VRT', **options)
    dataset.FlushCache()
    del dataset
    return path


class Kinds:
    """Makes them in a folder when they are asked for: kind -> file."""

    def __init__(self, folder, dem, picture):
        self.folder, self.dem, self.picture = folder, dem, picture
        self.makers = {}
        self._virtual()
        if PIPELINES:
            self._pipelines()

    def path(self, name):
        return os.path.join(self.folder, name)

    def names(self):
        return list(self.makers)

    def make(self, name):
        file = self.path(re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_') +
                         ('.gdalg.json' if name.startswith('pipeline') else '.vrt'))
        return file if os.path.exists(file) else self.makers[name](file)

    def half(self, side):
        """The left or the right half of the dem."""
        file = self.path('half_%s.tif' % side)
        if not os.path.exists(file):
            dataset = gdal.Open(self.dem)
            width, left = dataset.RasterXSize, dataset.RasterXSize // 2 + 11
            window = [0, 0, left, dataset.RasterYSize] if side == 'left' else [left, 0, width - left, dataset.RasterYSize]
            gdal.Translate(file, dataset, srcWin=window)
        return file

    def crs(self):
        """Another one than the dem's."""
        return 'EPSG:4326' if gdal.Open(self.dem).GetProjection().startswith('PROJCS') else 'EPSG:32613'

    def pan(self):
        file = self.path('pan.tif')
        if not os.path.exists(file):
            gdal.Translate(file, self.picture, bandList=[1], widthPct=200, heightPct=200, resampleAlg='cubic')
        return file

    def zone(self):
        """A cutline."""
        file = self.path('zone.geojson')
        if not os.path.exists(file):
            dataset = gdal.Open(self.dem)
            x, dx, _, y, _, dy = dataset.GetGeoTransform()
            ring = [[x + dx * dataset.RasterXSize * a, y + dy * dataset.RasterYSize * b]
                    for a, b in ((.1, .1), (.9, .3), (.7, .9), (.2, .6), (.1, .1))]
            write_text(file, json.dumps({'type': 'FeatureCollection', 'features': [
                {'type': 'Feature', 'properties': {}, 'geometry': {'type': 'Polygon', 'coordinates': [ring]}}]}))
        return file

    def _virtual(self):
        dem, picture, add = self.dem, self.picture, self.makers.__setitem__
        add('VRT', lambda f: mosaic(f, [dem]))
        add('VRT mosaic', lambda f: mosaic(f, [self.half('left'), self.half('right')]))
        add('VRT with a lookup table', lambda f: write_text(f, header(gdal.Open(dem)) + band(
            source(dem, 1, 'ComplexSource', '<LUT>0:0,2000:100,5000:255</LUT>'), 'Byte') + '</VRTDataset>'))
        add('VRT resampled, bilinear', lambda f: gdal.Translate(f, dem, format='VRT', widthPct=77, heightPct=77,
                                                                resampleAlg='bilinear').FlushCache() or f)
        add('nested VRT', lambda f: mosaic(f, [self.make('VRT mosaic')]))
        add('derived band, one source', lambda f: derived(f, dem, 'sqrt', [source(dem)]))
        add('derived band, three sources', lambda f: derived(
            f, picture, 'sum', [source(picture, 1), source(picture, 3), source(picture, 5)]))
        add('derived band without SourceTransferType', lambda f: derived(f, dem, 'sqrt', [source(dem)], 'Byte', None))
        add('derived band of derived bands', lambda f: derived(
            f, dem, 'diff', [source(self.make('derived band, one source')), source(dem)]))
        add('mosaic of derived bands', lambda f: mosaic(
            f, [derived(self.path('sqrt_%s.vrt' % s), self.half(s), 'sqrt', [source(self.half(s))])
                for s in ('left', 'right')]))
        add('kernel 3x3, normalized', lambda f: kernel(f, dem, 3, 1))
        add('kernel 3x3, NoData', lambda f: kernel(f, dem, 3, 1, -999))
        add('kernel 11x11', lambda f: kernel(f, dem, 11, 0))
        add('pansharpened VRT', lambda f: pansharpened(f, self.pan(), picture, 3))
        utm = self.crs()
        for name in ('near', 'bilinear', 'cubic', 'lanczos'):
            add('warped VRT, ' + name, lambda f, name=name: warp(f, dem, dstSRS=utm, resampleAlg=name))
        add('warped VRT, cubic, exact', lambda f: warp(f, dem, dstSRS=utm, resampleAlg='cubic', errorThreshold=0))
        add('warped VRT, bilinear, downsampled', lambda f: warp(f, dem, dstSRS=utm, resampleAlg='bilinear', width=340,
                                                                height=270))
        add('warped VRT, average, downsampled', lambda f: warp(f, dem, dstSRS=utm, resampleAlg='average', width=340,
                                                               height=270))
        add('warped VRT, cubic, alpha', lambda f: warp(f, dem, dstSRS=utm, resampleAlg='cubic', dstAlpha=True))
        add('warped VRT, cutline', lambda f: warp(f, dem, cutlineDSName=self.zone(), dstNodata=-999))
        add('warped VRT, several bands', lambda f: warp(f, picture, dstSRS='EPSG:4326', resampleAlg='cubic'))
        add('VRT over a warped VRT', lambda f: mosaic(f, [self.make('warped VRT, cubic')]))
        add('derived band over a warped VRT', lambda f: derived(f, self.make('warped VRT, cubic'), 'sqrt',
                                                                [source(self.make('warped VRT, cubic'))]))

    def _pipelines(self):
        dem, picture, add = self.dem, self.picture, self.makers.__setitem__

        def step(name, steps, read=None):
            add('pipeline: ' + name, lambda f: pipeline(f, steps if read == '' else 'read %s ! %s' % (read or dem, steps)))
        step('calc', 'calc -i A=%s --calc "sqrt(A)+A/3"' % dem, '')
        step('neighbors 3x3', 'neighbors --kernel gaussian --method mean')
        step('neighbors 11x11', 'neighbors --kernel equal --size 11 --method mean')
        step('neighbors 11x11, median', 'neighbors --kernel equal --size 11 --method median')
        for name in ('slope', 'hillshade', 'aspect', 'roughness', 'tpi'):
            step(name, name)
        step('hillshade, no edges', 'hillshade --no-edges')
        step('tri', 'tri --algorithm Riley')
        step('reproject', 'reproject -d %s -r cubic' % self.crs())
        step('reclassify', 'reclassify -m "[-inf,1500]=1;(1500,2500]=2;DEFAULT=3" --ot Byte')
        step('mosaic', 'mosaic %s %s' % (self.half('left'), self.half('right')), '')
        step('resize', 'resize --size 60%,60% -r cubic')
        step('clip', 'clip --window 100,50,600,400')
        add('pipeline: pansharpen', lambda f: pipeline(f, 'read %s ! pansharpen %s' % (self.pan(), picture)))
        step('hillshade, then reproject', 'hillshade ! reproject -d %s -r bilinear' % self.crs())
        step('reproject, then slope', 'reproject -d %s -r cubic ! slope' % self.crs())
        step('neighbors, then slope', 'neighbors --kernel gaussian --method mean ! slope')
        add('VRT over a pipeline: slope', lambda f: write_text(
            self.path('over_slope.vrt'), header(gdal.Open(dem)) + band(source(self.make('pipeline: slope')), 'Float32')
            + '</VRTDataset>'))
