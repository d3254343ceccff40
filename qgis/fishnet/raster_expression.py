import os

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingParameterRasterDestination, QgsRasterFileWriter

from .algorithm import COMPRESSIONS, Algorithm
from .gdal_run import Run
from .inputs import same_file
from .names import shortened


class RasterExpression(Algorithm):
    NAME, TITLE, PAGE = 'rasterexpression', 'Raster expression', 'FISHNET.md'
    TAGS = ['raster calculator', 'map algebra', 'calc', 'ndvi', 'focal', 'slope', 'stack']
    HELP = '''Computes an expression of any number of rasters on all cores, with functions of neighbours, windows, terrain, and of stacks of scenes.

Inputs are called A, B, C... in their order, or by names that are given, or as layers are in QGIS's raster calculator. \
<tt>A[2]</tt> is band 2 of A, and so is <tt>"landsat@2"</tt> of the layer landsat; \
several expressions with ; between make several bands.
The box lists all functions and shows where a mistake is.

Inputs on different grids: give an extent, a cell size, a CRS or a method of resampling under <i>Advanced</i>.
<i>On the fly</i> writes a small VRT that is computed whenever it is drawn or read.

<tt>sqrt(A)</tt><br><tt>where(A > 1000, A - B, NODATA)</tt><br>\
<tt>(nir - red) / (nir + red)</tt> with the names <tt>red,nir</tt><br>\
<tt>nanmedian(S)</tt> with the name <tt>S*</tt>'''

    def initAlgorithm(self, configuration=None):
        self.add_rasters(False)
        self.add_flag('ON_THE_FLY', 'On the fly: computed when it is drawn (VRT)', advanced=False)
        self.add_grid()
        self.add_choice('COMPRESS', 'Compression of a GeoTIFF', COMPRESSIONS, 'DEFLATE')
        self.add_workers()
        self.add_options('FISHNET')
        self.add(QgsProcessingParameterRasterDestination('OUTPUT', 'Result'))

    def compute(self, parameters, context, feedback):
        options, datasets = self.raster_options(parameters, context, feedback)
        options += self.grid_options(parameters, context) + self.worker_options(parameters, context) + self.more_options(parameters, context)
        lazy = self.parameterAsBool(parameters, 'ON_THE_FLY', context)
        path = self.output(parameters, context, ending=('.vrt',) if lazy else None, feedback=feedback)
        self.call(context, path, shortened(self.text(parameters, 'EXPRESSION', context)))
        driver = driver_of(path, feedback, lazy)
        for dataset in datasets:
            if same_file(dataset, path):
                raise QgsProcessingException('%s is an input, too: give the result another name.' % path)
        with Run(feedback) as run:
            run.say('FISHNET: %s' % ' '.join('-oo ' + option for option in options))
            source = run.open('FISHNET:', gdal.OF_RASTER, options)
            if driver == 'GTiff':
                run.create_copy('FISHNET', path, source, ['OUTPUT=SINGLE'] + compression(self.choice(parameters, 'COMPRESS', context)))
            else:
                run.translate(path, source, driver, [])
        return {'OUTPUT': path}


def driver_of(path, feedback, lazy=False):
    driver = QgsRasterFileWriter.driverForExtension(os.path.splitext(path)[1][1:]) or 'GTiff'
    if driver == 'VRT' and not lazy:
        feedback.pushWarning('%s holds no values: as a VRT it is computed each time that it is read. Name it .tif to compute it now.' % path)
    return driver


def compression(name):
    return ['COMPRESS=' + name] if name and name != 'NONE' else []
