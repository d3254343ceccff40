from qgis.core import (QgsProcessing, QgsProcessingException, QgsProcessingParameterFeatureSource, QgsProcessingParameterField,
                       QgsProcessingParameterMultipleLayers, QgsProcessingParameterRasterLayer, QgsProcessingParameterVectorDestination,
                       QgsWkbTypes)

from .inputs import layer_of, quoted, raster_of, setting, table_of, warn_of_settings
from .names import shortened
from .table import TableAlgorithm

STATISTICS = ['COUNT', 'NODATA_COUNT', 'AREA', 'SUM', 'MEAN', 'MIN', 'MAX', 'RANGE', 'STD', 'STD_SAMPLE', 'VARIANCE', 'CV', 'MEDIAN', 'VARIETY',
              'MAJORITY', 'MINORITY', 'MAJORITY_COUNT', 'MAJORITY_SHARE', 'WEIGHT_SUM', 'WEIGHTED_SUM', 'WEIGHTED_MEAN', 'WEIGHTED_STD']
PRESET = ['COUNT', 'MIN', 'MAX', 'MEAN']


def type_of(layer):
    """What holds all shapes of a layer: Shapefiles say POLYGON where some have several parts. Nothing, where it may hold anything."""
    kind = QgsWkbTypes.multiType(layer.wkbType())
    plain = QgsWkbTypes.flatType(kind) in (QgsWkbTypes.MultiPoint, QgsWkbTypes.MultiLineString, QgsWkbTypes.MultiPolygon)
    return QgsWkbTypes.displayString(kind).upper() if plain else ''


class ZonalStatistics(TableAlgorithm):
    NAME, TITLE, PAGE = 'zonalstatistics', 'Zonal statistics', 'ZONALSTATS.md'
    TAGS = ['zonal statistics as table', 'zonal histogram', 'mean', 'percentile', 'exactextract', 'polygons']
    HELP = '''Statistics of the raster cells in each zone, of one raster, of several in one pass, \
or of an expression of them that is computed as it is read.

Rasters are called A, B, C... in the expression, or as layers are in QGIS's raster calculator, <tt>"landsat@2"</tt>; \
without an expression each band has its columns. A row for each zone: <b>ZONE_FID</b>, the statistics, and the fields that are carried over.

<i>Cells</i>: CENTER counts those whose centre a zone covers, FRACTION each by the part that is covered, TOUCHED all that are touched.'''

    def initAlgorithm(self, configuration=None):
        self.add(QgsProcessingParameterFeatureSource('INPUT', 'Zones', [QgsProcessing.TypeVectorAnyGeometry]))
        self.add(QgsProcessingParameterMultipleLayers('INPUTS', 'Rasters: A, B, C... in this order', QgsProcessing.TypeRaster))
        self.add_expression(True)
        self.add_choice('STATS', 'Statistics', STATISTICS, PRESET, False, allowMultiple=True)
        self.add_text('PERCENTILES', 'Percentiles, such as 10,90', False)
        self.add(QgsProcessingParameterField('FIELDS', 'Fields of the zones to carry over', parentLayerParameterName='INPUT',
                                             allowMultiple=True, optional=True, defaultToAllFields=True))
        self.add_flag('SHAPES', 'With the shapes of the zones', True, False)
        self.add_choice('PIXELS', 'Cells', ['CENTER', 'FRACTION', 'TOUCHED'], 'CENTER')
        self.add_text('BAND', 'Bands of each raster, such as 1,3, where there is no expression (empty: all)')
        self.add(QgsProcessingParameterRasterLayer('WEIGHTS', 'Weights of cells, for WEIGHTED_MEAN and its like', optional=True), True)
        self.add(QgsProcessingParameterField('ZONE_FIELD', 'Features with the same value are one zone', parentLayerParameterName='INPUT',
                                             optional=True), True)
        self.add_choice('HISTOGRAM', 'Cells by value', ['NONE', 'LONG', 'WIDE'], 'NONE')
        self.add_resampling()
        self.add_workers()
        self.add_options('ZONALSTATS')
        self.add(QgsProcessingParameterVectorDestination('OUTPUT', 'Table of zones', QgsProcessing.TypeVector))

    def compute(self, parameters, context, feedback):
        table = table_of(self, parameters, 'INPUT', context, feedback)
        layers = self.parameterAsLayerList(parameters, 'INPUTS', context)
        if not layers:
            raise QgsProcessingException('There is no raster that can be read.')
        warn_of_settings(layers, feedback)
        rasters = [raster_of(layer) for layer in layers]
        if len({tuple(options) for _, options in rasters}) > 1:
            raise QgsProcessingException('The rasters have different open options: save those layers as files or VRT first.')
        options = self.side(table, 'LAYER', 'WHERE', 'OO', str)
        options += ['RASTER=' + quoted(dataset) for dataset, _ in rasters] + ['RASTER_OO=' + setting(option) for option in rasters[0][1]]
        expression = self.text(parameters, 'EXPRESSION', context)
        options += self.expression_options(parameters, context, feedback, layers)
        options += self.what(parameters, context, feedback)
        shapes = self.parameterAsBool(parameters, 'SHAPES', context)
        if shapes and self.text(parameters, 'ZONE_FIELD', context):
            shapes = False
            feedback.pushWarning('The result has no shapes: a zone of several features (ZONE_FIELD) has none.')
        options += ['GEOMETRY=ZONE'] if shapes else []
        options += self.worker_options(parameters, context) + self.more_options(parameters, context)
        path = self.parameterAsOutputLayer(parameters, 'OUTPUT', context)
        zones = layer_of(self, parameters, 'INPUT', context)
        self.call(context, path, '%s: %s' % (zones.name(), shortened(expression) or ', '.join(layer.name() for layer in layers)))
        self.write('ZONALSTATS', table, options, path, 'statistics', feedback, shapes, [table.dataset], type_of(zones) if shapes else '')
        return {'OUTPUT': path}

    def what(self, parameters, context, feedback):
        """Which statistics of which cells."""
        histogram = self.choice(parameters, 'HISTOGRAM', context)
        statistics = self.parameterAsEnumStrings(parameters, 'STATS', context)
        if histogram == 'LONG' and statistics == PRESET:  # nobody has asked for them
            feedback.pushInfo('HISTOGRAM=LONG has columns of its own in the place of STATS.')
            statistics = []
        options = ['STATS=' + ','.join(statistics)] if statistics else []
        options += self.fields(parameters, 'FIELDS', context)
        for name in ('PERCENTILES', 'ZONE_FIELD', 'BAND'):
            options += ['%s=%s' % (name, self.text(parameters, name, context))] if self.text(parameters, name, context) else []
        options += self.weights(parameters, context, feedback)
        for name, preset in (('PIXELS', 'CENTER'), ('HISTOGRAM', 'NONE'), ('RESAMPLING', 'NONE')):
            value = self.choice(parameters, name, context)
            options += ['%s=%s' % (name, value)] if value != preset else []
        return options

    def weights(self, parameters, context, feedback):
        layer = self.parameterAsRasterLayer(parameters, 'WEIGHTS', context)
        if layer is None:
            return []
        warn_of_settings([layer], feedback)
        dataset, own = raster_of(layer)
        if own:
            raise QgsProcessingException('The weights %s have open options: save that layer as a file or VRT first.' % layer.name())
        return ['WEIGHTS=' + dataset]
