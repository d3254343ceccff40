"""What all algorithms of Fishnet have in common."""
import os

from qgis.core import (QgsProcessing, QgsProcessingAlgorithm, QgsProcessingException, QgsProcessingParameterBoolean, QgsProcessingParameterDefinition,
                       QgsProcessingParameterEnum, QgsProcessingParameterMultipleLayers, QgsProcessingParameterNumber,
                       QgsProcessingParameterString)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from . import gdal_run
from .inputs import input_options, raster_of

ICON = os.path.join(os.path.dirname(__file__), 'icon.svg')
PAGES = '/usr/share/doc/gdal-plugin-fishnet/docs'
TYPES = ['AUTO', 'Byte', 'Int16', 'UInt16', 'Int32', 'UInt32', 'Float32', 'Float64']
METHODS = ['NEAR', 'BILINEAR', 'CUBIC', 'CUBICSPLINE', 'LANCZOS', 'AVERAGE', 'RMS', 'MODE', 'MIN', 'MAX', 'MED', 'Q1', 'Q3', 'SUM']
COMPRESSIONS = ['DEFLATE', 'ZSTD', 'LZW', 'NONE']


class Algorithm(QgsProcessingAlgorithm):
    """NAME, TITLE, TAGS, HELP and PAGE of each; compute(parameters, context, feedback)."""
    TAGS, PAGE = [], 'QGIS.md'

    def createInstance(self):
        return type(self)()

    def name(self):
        return self.NAME

    def displayName(self):
        return self.TITLE

    def tags(self):
        return self.TAGS + ['fishnet', 'parallel']

    def icon(self):
        return QIcon(ICON)

    def svgIconPath(self):
        return ICON

    def shortHelpString(self):
        return self.HELP

    def helpUrl(self):
        page = os.path.join(PAGES, self.PAGE)
        return QUrl.fromLocalFile(page).toString() if os.path.exists(page) else ''

    def canExecute(self):
        why = gdal_run.is_missing()
        return not why, why

    # ---- parameters ----

    def add(self, parameter, advanced=False, help=''):
        if advanced:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        if help:
            parameter.setHelp(help)
        self.addParameter(parameter)

    def add_choice(self, name, title, words, default, advanced=True, **more):
        self.add(QgsProcessingParameterEnum(name, title, words, defaultValue=default, usesStaticStrings=True, **more), advanced)

    def add_text(self, name, title, advanced=True, help='', default=None, optional=True):
        self.add(QgsProcessingParameterString(name, title, defaultValue=default, optional=optional), advanced, help)

    def add_flag(self, name, title, default=False, advanced=True):
        self.add(QgsProcessingParameterBoolean(name, title, defaultValue=default), advanced)

    def add_rasters(self, optional_expression):
        self.add(QgsProcessingParameterMultipleLayers('INPUTS', 'Inputs: A, B, C... in this order', QgsProcessing.TypeRaster))
        self.add_text('NAMES', 'Names of the inputs in their order, such as red,nir', False,
                      'Without them inputs are called A, B, C... A name with a star, S*, is a stack of all inputs that are left.')
        self.add_expression(optional_expression)

    def add_expression(self, optional):
        box = QgsProcessingParameterString('EXPRESSION', 'Expression; several bands with ; between', multiLine=True, optional=optional)
        box.setMetadata({'widget_wrapper': {'class': __package__ + '.expression_box.ExpressionBox'}})
        self.add(box)

    def add_workers(self, processes=True, advanced=True):
        self.add(QgsProcessingParameterNumber('NUM_WORKERS', 'Workers (0: all CPUs)', defaultValue=0, minValue=0, maxValue=1024), advanced)
        if processes:
            self.add_flag('PROCESSES', 'Workers are processes instead of threads', advanced=advanced)

    def add_options(self, page):
        self.add_text('OPTIONS', 'More options, NAME=VALUE, with | between', help='All options are in the page %s.' % page)

    # ---- their values ----

    def text(self, parameters, name, context):
        return self.parameterAsString(parameters, name, context).strip()

    def choice(self, parameters, name, context):
        return self.parameterAsEnumString(parameters, name, context)

    def worker_options(self, parameters, context):
        workers = self.parameterAsInt(parameters, 'NUM_WORKERS', context)
        options = ['NUM_WORKERS=%d' % workers] if workers else []
        if self.parameterDefinition('PROCESSES') is not None and self.parameterAsBool(parameters, 'PROCESSES', context):
            options.append('WORKERS=PROCESSES')
        return options

    def more_options(self, parameters, context):
        given = [piece.strip() for piece in self.text(parameters, 'OPTIONS', context).split('|') if piece.strip()]
        for piece in given:
            if '=' not in piece:
                raise QgsProcessingException('"%s" is no option: NAME=VALUE is expected.' % piece)
        return given

    def raster_options(self, parameters, context):
        """Inputs with their names, and the expression; the rasters' datasets besides."""
        layers = self.parameterAsLayerList(parameters, 'INPUTS', context)
        if not layers:
            raise QgsProcessingException('There is no input that can be read.')
        rasters = [raster_of(layer) for layer in layers]
        options = input_options(rasters, self.text(parameters, 'NAMES', context))
        expression = self.text(parameters, 'EXPRESSION', context)
        if expression:
            options.append('CALC=' + expression)
        return options, [dataset for dataset, _ in rasters]

    def add_grid(self):
        from qgis.core import QgsProcessingParameterCrs, QgsProcessingParameterExtent
        self.add_choice('EXTENT_OF', 'Extent', ['AUTO', 'INTERSECTION', 'UNION'], 'AUTO')
        self.add(QgsProcessingParameterExtent('EXTENT', 'Extent, as given here', optional=True), True)
        self.add_text('CELL_SIZE', 'Cell size: a number, x,y, FINEST, COARSEST or the name of an input')
        self.add(QgsProcessingParameterCrs('CRS', 'Coordinate reference system of the result', optional=True), True)
        self.add_choice('RESAMPLING', 'Resampling of inputs on other grids', ['AUTO'] + METHODS, 'AUTO')
        self.add_choice('DATA_TYPE', 'Data type', TYPES, 'AUTO')
        self.add_text('NODATA', 'NoData value: a number, nan or none')

    def grid_options(self, parameters, context):
        """Only what is given: without any, inputs must be on one grid, or the driver says how they differ."""
        options = []
        extent_of = self.choice(parameters, 'EXTENT_OF', context)
        crs = self.parameterAsCrs(parameters, 'CRS', context)
        if parameters.get('EXTENT'):
            target = crs if crs.isValid() else self.parameterAsLayerList(parameters, 'INPUTS', context)[0].crs()
            extent = self.parameterAsExtent(parameters, 'EXTENT', context, target)
            options.append('EXTENT=%.17g,%.17g,%.17g,%.17g' % (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()))
        elif extent_of != 'AUTO':
            options.append('EXTENT=' + extent_of)
        if crs.isValid():
            options.append('CRS=' + (crs.authid() or crs.toWkt()))
        for name, option in (('CELL_SIZE', 'CELL_SIZE'), ('NODATA', 'NODATA')):
            if self.text(parameters, name, context):
                options.append('%s=%s' % (option, self.text(parameters, name, context)))
        for name, option in (('RESAMPLING', 'RESAMPLING'), ('DATA_TYPE', 'OT')):
            if self.choice(parameters, name, context) not in ('AUTO', ''):
                options.append('%s=%s' % (option, self.choice(parameters, name, context)))
        return options

    # ---- results ----

    def output(self, parameters, context, name='OUTPUT', ending=None, feedback=None):
        """Where the result goes. ending: what it has to end with, whatever was typed."""
        path = self.parameterAsOutputLayer(parameters, name, context)
        if ending is None or path.lower().endswith(ending):
            return path
        moved = os.path.splitext(path)[0] + ending[0]
        layers = context.layersToLoadOnCompletion()
        if path in layers:
            layers[moved] = layers.pop(path)
            context.setLayersToLoadOnCompletion(layers)
        feedback.pushInfo('The result is %s' % moved)
        return moved

    def call(self, context, path, name, style=None):
        """The name, and the style, of the layer that is loaded."""
        if context.willLoadLayerOnCompletion(path):
            details = context.layerToLoadOnCompletionDetails(path)
            details.name = name
            details.forceName = True
            if style is not None:
                details.setPostProcessor(style)

    def processAlgorithm(self, parameters, context, feedback):
        why = gdal_run.is_missing()
        if why and self.NAME != 'doctor':
            raise QgsProcessingException(why)
        try:
            return self.compute(parameters, context, feedback)
        except QgsProcessingException as error:
            message = str(error)
        raise QgsProcessingException(message)  # a new one: the traceback of the other keeps datasets open
