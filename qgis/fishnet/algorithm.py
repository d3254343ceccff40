"""What all algorithms of Fishnet have in common."""
import os
import re

from qgis.core import (QgsProcessing, QgsProcessingAlgorithm, QgsProcessingException, QgsProcessingParameterBoolean,
                       QgsProcessingParameterCrs, QgsProcessingParameterDefinition, QgsProcessingParameterEnum,
                       QgsProcessingParameterExtent, QgsProcessingParameterMultipleLayers, QgsProcessingParameterNumber,
                       QgsProcessingParameterString)
from qgis.PyQt.QtGui import QIcon

from . import gdal_run
from .expression import confused, translated
from .inputs import input_options, names_of, raster_of, warn_of_settings
from .pages import address_of

ICON = os.path.join(os.path.dirname(__file__), 'icon.svg')
TYPES = ['AUTO', 'Byte', 'Int16', 'UInt16', 'Int32', 'UInt32', 'Float32', 'Float64']
METHODS = ['NEAR', 'BILINEAR', 'CUBIC', 'CUBICSPLINE', 'LANCZOS', 'AVERAGE', 'RMS', 'MODE', 'MIN', 'MAX', 'MED', 'Q1', 'Q3', 'SUM']
# NONE: inputs on other grids are refused, with words on how they differ.
RESAMPLINGS = ['NONE', 'AUTO'] + METHODS
COMPRESSIONS = ['DEFLATE', 'ZSTD', 'LZW', 'NONE']


def worded(parameter, value):
    """The words of a list to choose from, also where they are given as numbers, or in small letters."""
    if isinstance(value, (list, tuple)):
        return [worded(parameter, one) for one in value]
    words = parameter.options()
    if isinstance(value, str) and parameter.allowMultiple() and ',' in value:
        return [worded(parameter, one.strip()) for one in value.split(',')]
    if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        return words[int(value)] if 0 <= int(value) < len(words) else str(value)
    alike = [word for word in words if isinstance(value, str) and word.lower() == value.lower()]
    return alike[0] if alike else value


def must_be_file(path, given):
    """Databases and layers in memory are written by others."""
    if ':' in path.split('/', 1)[0] and not re.match(r'[A-Za-z]:[\\/]', path):
        raise QgsProcessingException('The result can be written to a file only, not to %s' % given)


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
        return address_of(self.PAGE)

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
        self.add_text('OPTIONS', 'More options, NAME=VALUE, with | between', help='All options are in the page %s: the button Help leads to it.' % page)

    # ---- their values ----

    def checkParameterValues(self, parameters, context):
        return super().checkParameterValues(self.worded(parameters), context)

    def worded(self, parameters):
        found = dict(parameters)
        for parameter in self.parameterDefinitions():
            if isinstance(parameter, QgsProcessingParameterEnum) and parameter.name() in found:
                found[parameter.name()] = worded(parameter, found[parameter.name()])
        return found

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

    def raster_options(self, parameters, context, feedback):
        """Inputs with their names, and the expression; the rasters' datasets besides."""
        layers = self.parameterAsLayerList(parameters, 'INPUTS', context)
        if not layers:
            raise QgsProcessingException('There is no input that can be read.')
        warn_of_settings(layers, feedback)
        rasters, names = [raster_of(layer) for layer in layers], self.text(parameters, 'NAMES', context)
        options = input_options(rasters, names) + self.expression_options(parameters, context, feedback, layers, names)
        return options, [dataset for dataset, _ in rasters]

    def expression_options(self, parameters, context, feedback, layers, names=''):
        """Layers may have their names of QGIS in it."""
        given = self.text(parameters, 'EXPRESSION', context)
        if not given:
            return []
        inputs, titles = names_of(names, len(layers)), [layer.name() for layer in layers]
        expression, _ = translated(given, inputs, titles)
        if expression != given:
            feedback.pushInfo('%s is computed as %s' % (given, expression))
        doubt = confused(given, inputs, titles)
        if doubt:
            feedback.pushWarning(doubt)
        return ['CALC=' + expression]

    def add_resampling(self):
        self.add_choice('RESAMPLING', 'Resampling of inputs on other grids (NONE: they are refused)', RESAMPLINGS, 'NONE')

    def add_grid(self):
        self.add_choice('EXTENT_OF', 'Extent (AUTO: of the first input)', ['AUTO', 'INTERSECTION', 'UNION'], 'AUTO')
        self.add(QgsProcessingParameterExtent('EXTENT', 'Extent, as given here', optional=True), True)
        self.add_text('CELL_SIZE', 'Cell size: a number, x,y, FINEST, COARSEST or the name of an input')
        self.add_text('SNAP', 'Snap to the cells of: the name of an input, a raster, or TAP (multiples of the cell size)')
        self.add(QgsProcessingParameterCrs('CRS', 'Coordinate reference system of the result', optional=True), True)
        self.add_resampling()
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
        for name in ('CELL_SIZE', 'SNAP', 'NODATA'):
            if self.text(parameters, name, context):
                options.append('%s=%s' % (name, self.text(parameters, name, context)))
        for name, option, preset in (('RESAMPLING', 'RESAMPLING', 'NONE'), ('DATA_TYPE', 'OT', 'AUTO')):
            if self.choice(parameters, name, context) not in (preset, ''):
                options.append('%s=%s' % (option, self.choice(parameters, name, context)))
        return options

    # ---- results ----

    def output(self, parameters, context, name='OUTPUT', ending=None, feedback=None):
        """Where the result goes. ending: what it has to end with, whatever was typed."""
        path = self.parameterAsOutputLayer(parameters, name, context)
        must_be_file(path, path)
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
            return self.compute(self.worded(parameters), context, feedback)
        except QgsProcessingException as error:
            message = str(error)
        raise QgsProcessingException(message)  # a new one: the traceback of the other keeps datasets open
