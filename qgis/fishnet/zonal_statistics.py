from qgis.core import (QgsProcessing, QgsProcessingException, QgsProcessingParameterFeatureSource, QgsProcessingParameterField,
                       QgsProcessingParameterMultipleLayers, QgsProcessingParameterRasterLayer, QgsProcessingParameterVectorDestination)

from .algorithm import METHODS
from .inputs import layer_of, quoted, raster_of, setting, table_of
from .names import shortened
from .table import TableAlgorithm

STATISTICS = ['COUNT', 'NODATA_COUNT', 'AREA', 'SUM', 'MEAN', 'MIN', 'MAX', 'RANGE', 'STD', 'STD_SAMPLE', 'VARIANCE', 'CV', 'MEDIAN', 'VARIETY',
              'MAJORITY', 'MINORITY', 'MAJORITY_COUNT', 'MAJORITY_SHARE', 'WEIGHT_SUM', 'WEIGHTED_SUM', 'WEIGHTED_MEAN', 'WEIGHTED_STD']


class ZonalStatistics(TableAlgorithm):
    NAME, TITLE, PAGE = 'zonalstatistics', 'Zonal statistics', 'ZONALSTATS.md'
    TAGS = ['zonal statistics as table', 'zonal histogram', 'mean', 'percentile', 'exactextract', 'polygons']
    HELP = '''Statistics of the raster cells in each zone, of one raster, of several in one pass, or of an expression of them that is computed as it is read.

Rasters are called A, B, C... in the expression; without one each band has its columns. A row for each zone: <b>ZONE_FID</b>, the statistics, and the fields that are carried over.

<i>Cells</i>: CENTER counts those whose centre a zone covers, FRACTION each by the part that is covered, TOUCHED all that are touched.'''

    def initAlgorithm(self, configuration=None):
        self.add(QgsProcessingParameterFeatureSource('INPUT', 'Zones', [QgsProcessing.TypeVectorAnyGeometry]))
        self.add(QgsProcessingParameterMultipleLayers('INPUTS', 'Rasters: A, B, C... in this order', QgsProcessing.TypeRaster))
        self.add_expression(True)
        self.add_choice('STATS', 'Statistics', STATISTICS, ['COUNT', 'MIN', 'MAX', 'MEAN'], False, allowMultiple=True)
        self.add_text('PERCENTILES', 'Percentiles, such as 10,90', False)
        self.add(QgsProcessingParameterField('FIELDS', 'Fields of the zones to carry over', parentLayerParameterName='INPUT', allowMultiple=True, optional=True))
        self.add_flag('SHAPES', 'With the shapes of the zones', True, False)
        self.add_choice('PIXELS', 'Cells', ['CENTER', 'FRACTION', 'TOUCHED'], 'CENTER')
        self.add(QgsProcessingParameterRasterLayer('WEIGHTS', 'Weights of cells, for WEIGHTED_MEAN and its like', optional=True), True)
        self.add(QgsProcessingParameterField('ZONE_FIELD', 'Features with the same value are one zone', parentLayerParameterName='INPUT', optional=True), True)
        self.add_choice('HISTOGRAM', 'Cells by value', ['NONE', 'LONG', 'WIDE'], 'NONE')
        self.add_choice('RESAMPLING', 'Resampling of rasters on other grids', ['NONE', 'AUTO'] + METHODS, 'NONE')
        self.add_workers()
        self.add_options('ZONALSTATS')
        self.add(QgsProcessingParameterVectorDestination('OUTPUT', 'Statistics', QgsProcessing.TypeVector))

    def compute(self, parameters, context, feedback):
        table = table_of(self, parameters, 'INPUT', context, feedback)
        layers = self.parameterAsLayerList(parameters, 'INPUTS', context)
        if not layers:
            raise QgsProcessingException('There is no raster that can be read.')
        rasters = [raster_of(layer) for layer in layers]
        if len({tuple(options) for _, options in rasters}) > 1:
            raise QgsProcessingException('The rasters have different open options: save those layers as files or VRT first.')
        options = self.side(table, 'LAYER', 'WHERE', 'OO', str)
        options += ['RASTER=' + quoted(dataset) for dataset, _ in rasters] + ['RASTER_OO=' + setting(option) for option in rasters[0][1]]
        expression = self.text(parameters, 'EXPRESSION', context)
        options += ['CALC=' + expression] if expression else []
        options += self.what(parameters, context)
        shapes = self.parameterAsBool(parameters, 'SHAPES', context)
        options += ['GEOMETRY=ZONE'] if shapes else []
        options += self.worker_options(parameters, context) + self.more_options(parameters, context)
        path = self.parameterAsOutputLayer(parameters, 'OUTPUT', context)
        zones = layer_of(self, parameters, 'INPUT', context).name()
        self.call(context, path, '%s: %s' % (zones, shortened(expression) or ', '.join(layer.name() for layer in layers)))
        self.write('ZONALSTATS', table, options, path, 'statistics', feedback, shapes, [table.dataset])
        return {'OUTPUT': path}

    def what(self, parameters, context):
        """Which statistics of which cells."""
        histogram = self.choice(parameters, 'HISTOGRAM', context)
        statistics = self.parameterAsEnumStrings(parameters, 'STATS', context)
        percentiles, field = (self.text(parameters, name, context) for name in ('PERCENTILES', 'ZONE_FIELD'))
        fields = self.parameterAsFields(parameters, 'FIELDS', context)
        weights = self.parameterAsRasterLayer(parameters, 'WEIGHTS', context)
        options = ['STATS=' + ','.join(statistics)] if statistics and histogram != 'LONG' else []
        options += ['PERCENTILES=' + percentiles] if percentiles else []
        options += ['FIELDS=' + ','.join(quoted(name) for name in fields)] if fields else []
        options += ['ZONE_FIELD=' + field] if field else []
        options += ['WEIGHTS=' + raster_of(weights)[0]] if weights is not None else []
        for name, preset in (('PIXELS', 'CENTER'), ('HISTOGRAM', 'NONE'), ('RESAMPLING', 'NONE')):
            value = self.choice(parameters, name, context)
            options += ['%s=%s' % (name, value)] if value != preset else []
        return options
