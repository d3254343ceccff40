import os

from osgeo import gdal
from qgis.core import QgsProcessingParameterFileDestination, QgsProcessingParameterNumber, QgsProcessingParameterRasterDestination

from .algorithm import COMPRESSIONS, Algorithm
from .gdal_run import Run
from .names import shortened, stem


class Tiles(Algorithm):
    NAME, TITLE, PAGE = 'tiles', 'Tiles with mosaic', 'FISHNET.md'
    TAGS = ['tiles', 'grid', 'split raster', 'retile', 'mosaic', 'vrt', 'fishnet']
    HELP = '''Computes a raster, or an expression of rasters, as a file for each tile, with a mosaic (VRT) over them. Each worker computes a tile and writes it.

Give columns and rows of tiles, or a size of a tile in pixels. The tiles of <tt>out.vrt</tt> are in the folder <tt>out_tiles</tt>.

A run that was cancelled leaves the tiles that are whole: <i>Go on</i> keeps them and computes the others.'''

    def initAlgorithm(self, configuration=None):
        self.add_rasters(True)
        self.add(QgsProcessingParameterNumber('COLUMNS', 'Columns of tiles (0: by their size)', defaultValue=4, minValue=0, maxValue=100000))
        self.add(QgsProcessingParameterNumber('ROWS', 'Rows of tiles (0: by their size)', defaultValue=4, minValue=0, maxValue=100000))
        self.add(QgsProcessingParameterNumber('TILE_SIZE', 'Size of a tile in pixels, where no columns and rows are given', defaultValue=4096, minValue=16, maxValue=65536))
        self.add_workers(advanced=False)
        self.add_choice('FORMAT', 'Format of the tiles', ['GTiff', 'COG'], 'GTiff')
        self.add_choice('COMPRESS', 'Compression', COMPRESSIONS, 'DEFLATE')
        self.add_grid()
        self.add_flag('RESUME', 'Go on where a run was cancelled')
        self.add_options('FISHNET')
        self.add(QgsProcessingParameterRasterDestination('OUTPUT', 'Mosaic (.vrt)'))
        self.add(QgsProcessingParameterFileDestination('LOG', 'Log: who did what when', 'Text (*.txt)', optional=True, createByDefault=False))

    def compute(self, parameters, context, feedback):
        inputs, datasets = self.raster_options(parameters, context)
        inputs += self.grid_options(parameters, context)
        expression = self.text(parameters, 'EXPRESSION', context)
        columns, rows = (self.parameterAsInt(parameters, name, context) for name in ('COLUMNS', 'ROWS'))
        options = ['GRID=%dx%d' % (columns or 1, rows or 1)] if columns or rows else ['TILE_SIZE=%d' % self.parameterAsInt(parameters, 'TILE_SIZE', context)]
        options.append('FORMAT=' + self.choice(parameters, 'FORMAT', context))
        compress = self.choice(parameters, 'COMPRESS', context)
        options += ['TILE_CO=COMPRESS=' + compress] if compress != 'NONE' else []
        options += self.worker_options(parameters, context) + self.more_options(parameters, context)
        options += ['RESUME=YES'] if self.parameterAsBool(parameters, 'RESUME', context) else []
        log = self.parameterAsFileOutput(parameters, 'LOG', context)
        path = self.output(parameters, context, ending=('.vrt', '.gti'), feedback=feedback)
        self.call(context, path, '%s, tiles' % (shortened(expression) or stem(datasets[0])))
        with Run(feedback) as run:
            run.say('FISHNET: %s' % ' '.join('-oo ' + option for option in inputs))
            source = run.open('FISHNET:', gdal.OF_RASTER, inputs)
            if log:
                run.set('FISHNET_LOG', log)  # of the tiles that are written, not of what the source reads
            run.create_copy('FISHNET', path, source, options)
        if log and not os.path.exists(log):
            feedback.pushWarning('This version of Fishnet writes no log.')
        return {'OUTPUT': path, 'LOG': log} if log else {'OUTPUT': path}
