from qgis.core import (QgsProcessing, QgsProcessingException, QgsProcessingParameterFeatureSource, QgsProcessingParameterField,
                       QgsProcessingParameterNumber, QgsProcessingParameterVectorDestination)

from .inputs import layer_of, quoted, table_of
from .styles import LinkLines
from .table import TableAlgorithm

UNITS = ['AUTO', 'm', 'km', 'ft', 'us-ft', 'yd', 'mi', 'nmi', 'mm', 'cm', 'in', 'deg']


class NearTable(TableAlgorithm):
    NAME, TITLE, PAGE = 'neartable', 'Near table', 'NEARTABLE.md'
    TAGS = ['near', 'nearest', 'distance to nearest hub', 'join by nearest', 'generate near table', 'distance matrix', 'link lines', 'closest']
    HELP = '''The nearest features of another layer for each feature, with distances in the plane or on the ellipsoid: \
a row for each pair, with a link line where it is wanted.

<b>IN_FID</b> is the feature, <b>NEAR_FID</b> what is near it, <b>NEAR_DIST</b> how far it is, <b>NEAR_RANK</b> 1 for the nearest.

<i>Radius</i> may have a unit: <tt>500m</tt>, <tt>2 km</tt>. Without one it is that of the layer's CRS, metres with geodesic distances.
<i>How many</i> 0 means all of them within the radius.'''

    def initAlgorithm(self, configuration=None):
        geometry = [QgsProcessing.TypeVectorAnyGeometry]
        self.add(QgsProcessingParameterFeatureSource('INPUT', 'Features', geometry))
        self.add(QgsProcessingParameterFeatureSource('NEAR', 'Near features', geometry))
        self.add(QgsProcessingParameterNumber('CLOSEST', 'How many near features for each (0: all within the radius)', defaultValue=1, minValue=0))
        self.add_text('RADIUS', 'Radius, such as 500m', False)
        self.add_choice('METHOD', 'Distance', ['AUTO', 'PLANAR', 'GEODESIC'], 'AUTO', False)
        self.add_choice('GEOMETRY', 'Geometry of the rows', ['LINE', 'FROM', 'NEAR', 'NONE'], 'LINE', False)
        for name, title, parent in (('FIELDS', 'Fields of the features to carry over', 'INPUT'),
                                    ('NEAR_FIELDS', 'Fields of the near features to carry over', 'NEAR')):
            self.add(QgsProcessingParameterField(name, title, parentLayerParameterName=parent, allowMultiple=True, optional=True,
                                                 defaultToAllFields=True))
        self.add_text('MIN_RADIUS', 'Least distance, such as 10m')
        self.add_choice('DISTANCE_UNIT', 'Unit of the distance', UNITS, 'AUTO')
        self.add_text('MATCH', 'Only where fields are equal: field=near field', help='Several pairs with , between.')
        self.add_choice('EXCLUDE_SELF', 'Leave a feature out of its own neighbours', ['AUTO', 'YES', 'NO'], 'AUTO')
        self.add_flag('UNMATCHED', 'A row, too, for features without a near one')
        self.add_flag('LOCATION', 'Columns FROM_X, FROM_Y, NEAR_X, NEAR_Y')
        self.add_flag('ANGLE', 'Column NEAR_ANGLE')
        self.add_workers()
        self.add_options('NEARTABLE')
        self.add(QgsProcessingParameterVectorDestination('OUTPUT', 'Near table', QgsProcessing.TypeVector))

    def compute(self, parameters, context, feedback):
        table = table_of(self, parameters, 'INPUT', context, feedback)
        near = table_of(self, parameters, 'NEAR', context, feedback)
        options = self.side(table, 'LAYER', 'WHERE', 'OO', str) + ['NEAR=' + quoted(near.dataset)]
        options += self.side(near, 'NEAR_LAYER', 'NEAR_WHERE', 'NEAR_OO', quoted)
        closest, radius = self.parameterAsInt(parameters, 'CLOSEST', context), self.text(parameters, 'RADIUS', context)
        if not closest and not radius:
            raise QgsProcessingException('All near features of each are asked for: give a radius, within which they are.')
        options.append('CLOSEST=%s' % (closest or 'ALL'))
        geometry = self.choice(parameters, 'GEOMETRY', context)
        options += ['GEOMETRY=' + geometry] if geometry != 'NONE' else []
        for name in ('RADIUS', 'MIN_RADIUS', 'MATCH'):
            options += ['%s=%s' % (name, self.text(parameters, name, context))] if self.text(parameters, name, context) else []
        for name in ('METHOD', 'EXCLUDE_SELF', 'DISTANCE_UNIT'):
            options += ['%s=%s' % (name, self.choice(parameters, name, context))] if self.choice(parameters, name, context) != 'AUTO' else []
        options += self.fields(parameters, 'FIELDS', context) + self.fields(parameters, 'NEAR_FIELDS', context)
        for name, value in (('UNMATCHED', 'NULL'), ('LOCATION', 'YES'), ('ANGLE', 'YES')):
            options += ['%s=%s' % (name, value)] if self.parameterAsBool(parameters, name, context) else []
        options += self.worker_options(parameters, context) + self.more_options(parameters, context)
        path = self.parameterAsOutputLayer(parameters, 'OUTPUT', context)
        name = self.title_of(parameters, context)
        self.call(context, path, name, LinkLines.new() if geometry == 'LINE' else None)
        self.write('NEARTABLE', table, options, path, 'near', feedback, geometry != 'NONE', [table.dataset, near.dataset])
        return {'OUTPUT': path}

    def title_of(self, parameters, context):
        names = [layer_of(self, parameters, name, context).name() for name in ('INPUT', 'NEAR')]
        return '%s near %s' % (names[0], names[1])
