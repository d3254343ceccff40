import os

from osgeo import gdal
from qgis.core import (QgsProcessingException, QgsProcessingParameterFileDestination, QgsProcessingParameterNumber,
                       QgsProcessingParameterRasterDestination)

from .algorithm import COMPRESSIONS, Algorithm
from .gdal_run import Run
from .names import shortened, stem


class Tiles(Algorithm):
    NAME, TITLE, PAGE = 'tiles', 'Tiles with mosaic', 'FISHNET.md'
    TAGS = ['tiles', 'grid', 'split raster', 'retile', 'mosaic', 'vrt', 'fishnet']
    HELP = '''Computes a raster, or an expression of rasters, as a file for each tile, with a mosaic (VRT) over them. \
Each worker computes a tile and writes it.

Give columns and rows of tiles, or the size of a tile in pixels. The tiles of <tt>out.vrt</tt> are in the folder <tt>out_tiles</tt>.

A run that was cancelled leaves the tiles that are whole: <i>Go on</i> keeps them and computes the others.'''

    def initAlgorithm(self, configuration=None):
        self.add_rasters(True)
        for name, title, least, most in (('COLUMNS', 'Columns of tiles', 0, 100000), ('ROWS', 'Rows of tiles', 0, 100000),
                                         ('TILE_SIZE', 'Or size of a tile in pixels (4096 where none of the three is given)', 16, 65536)):
            self.add(QgsProcessingParameterNumber(name, title, optional=True, minValue=least, maxValue=most))
        self.add_workers(advanced=False)
        self.add_choice('FORMAT', 'Format of the tiles', ['GTiff', 'COG'], 'GTiff')
        self.add_choice('COMPRESS', 'Compression', COMPRESSIONS, 'DEFLATE')
        self.add_grid()
        self.add_flag('RESUME', 'Go on where a run was cancelled')
        self.add_options('FISHNET')
        self.add(QgsProcessingParameterRasterDestination('OUTPUT', 'Mosaic (.vrt)'))
        self.add(QgsProcessingParameterFileDestination('LOG', 'Log: who did what when', 'Text (*.txt)', optional=True, createByDefault=False))

    def compute(self, parameters, context, feedback):
        inputs, datasets = self.raster_options(parameters, context, feedback)
        inputs += self.grid_options(parameters, context)
        expression = self.text(parameters, 'EXPRESSION', context)
        options = self.tile_options(parameters, context)
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

    def tile_options(self, parameters, context):
        columns, rows, size = (0 if parameters.get(name) is None else self.parameterAsInt(parameters, name, context)
                               for name in ('COLUMNS', 'ROWS', 'TILE_SIZE'))
        if size and (columns or rows):
            raise QgsProcessingException('Columns and rows of tiles are given, and the size of a tile (TILE_SIZE), too: one of the two says it all.')
        if columns or rows:
            return ['GRID=%dx%d' % (columns or 1, rows or 1)]
        return ['TILE_SIZE=%d' % size] if size else []
