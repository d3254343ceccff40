"""Layers of QGIS as datasets of GDAL: names, open options, filters."""
import os
import re
import string

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeatureSourceDefinition, QgsProcessingUtils, QgsProviderRegistry

from .gdal_run import without_exceptions
from .names import split_source

MOST_SELECTED = 20000
NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*')


class Table:
    """A layer of features: its dataset, the layer's name, a condition or nothing, open options."""

    def __init__(self, dataset, layer='', where='', options=()):
        self.dataset, self.layer, self.where, self.options = dataset, layer, where, list(options)


def quoted(text):
    """A name or a value within a list: it may hold the separator then."""
    return '"%s"' % text.replace('"', '""')


def raster_of(layer):
    """(dataset, open options) of a raster layer."""
    if layer.providerType() != 'gdal':
        raise QgsProcessingException('The layer %s is not read by GDAL but by %s: save it as a file first.' % (
            layer.name(), layer.providerType()))
    name, options, others = split_source(layer.source())
    if others:
        raise QgsProcessingException('The source of the layer %s has parts that other programs do not understand: %s' % (
            layer.name(), '|'.join(others)))
    return name, options


def settings_of_layer(layer):
    """What the properties of a raster layer say of NoData, which only QGIS knows; nothing, where they say nothing."""
    provider, found = layer.dataProvider(), []
    for band in range(1, layer.bandCount() + 1):
        added = ['%.17g' % one.min() if one.min() == one.max() else '%.17g to %.17g' % (one.min(), one.max()) for one in provider.userNoDataValues(band)]
        if added:
            found.append('additional NoData %s of band %d' % (', '.join(added), band))
        if provider.sourceHasNoDataValue(band) and not provider.useSourceNoDataValue(band):
            found.append('NoData %.17g of band %d switched off' % (provider.sourceNoDataValue(band), band))
    return '; '.join(found)


def warn_of_settings(layers, feedback):
    for layer in layers:
        found = settings_of_layer(layer)
        if found:
            feedback.pushWarning('What the properties of the layer %s say is not looked at, the file counts: %s. Write where(A == value, NODATA, A) in the '
                                 'expression, or save the layer with Translate and a NoData value.' % (layer.name(), found))


def names_of(text, count):
    """The names of so many inputs: A, B, C... where none are given. 'S*' is a stack of all that are left. Returns [(name, how many, stack)]."""
    given = [name.strip() for name in text.split(',')] if text.strip() else []
    if not given:
        if count > len(string.ascii_uppercase):
            raise QgsProcessingException('%d inputs are more than there are letters: give names, or one with a star for a stack (S*).' % count)
        return [(letter, 1, False) for letter in string.ascii_uppercase[:count]]
    for name in given:
        if not NAME.fullmatch(name.rstrip('*')):
            raise QgsProcessingException('"%s" is no name: a letter first, then letters, digits and _.' % name)
    stacks = [name for name in given if name.endswith('*')]
    if stacks and (len(stacks) > 1 or not given[-1].endswith('*')):
        raise QgsProcessingException('A stack (%s) takes all inputs that are left: it comes last.' % stacks[0])
    if len(given) - len(stacks) > count - len(stacks) or (not stacks and len(given) < count):
        raise QgsProcessingException('%d names are given for %d inputs.' % (len(given), count))
    single = len(given) - len(stacks)
    return [(name, 1, False) for name in given[:single]] + [(name[:-1], count - single, True) for name in given[single:]]


def input_options(rasters, names):
    """INPUT=... and INPUT_OO=... for those rasters, (dataset, open options) each."""
    options, at = [], 0
    for name, count, stack in names_of(names, len(rasters)):
        members = rasters[at:at + count]
        at += count
        options.append('INPUT=%s=%s' % (name, ';'.join(quoted(dataset) for dataset, _ in members) + (';' if stack and count == 1 else '')))
        each = {tuple(own) for _, own in members}
        if len(each) > 1:
            raise QgsProcessingException('The members of the stack %s have different open options: save those layers as files first.' % name)
        options += ['INPUT_OO=%s=%s' % (name, setting(own)) for own in each.pop()]
    return options


def setting(text):
    """NAME=VALUE within a list that semicolons separate."""
    return quoted(text) if ';' in text else text


def layer_name(dataset, options, number):
    """The name of the layer of that number."""
    with without_exceptions():
        gdal.PushErrorHandler('CPLQuietErrorHandler')
        try:
            found = gdal.OpenEx(dataset, gdal.OF_VECTOR, open_options=options)
            layer = found.GetLayer(number) if found is not None else None
            return layer.GetName() if layer is not None else '', layer.GetFIDColumn() if layer is not None else ''
        finally:
            gdal.PopErrorHandler()


def layer_of(algorithm, parameters, name, context):
    """The layer of a parameter, with or without a selection."""
    given = parameters.get(name)
    if isinstance(given, QgsProcessingFeatureSourceDefinition):
        source, _ = given.source.valueAsString(context.expressionContext())
        layer = QgsProcessingUtils.mapLayerFromString(source, context)
    else:
        layer = algorithm.parameterAsVectorLayer(parameters, name, context)
    if layer is None:
        raise QgsProcessingException(algorithm.invalidSourceError(parameters, name))
    return layer


def table_of(algorithm, parameters, name, context, feedback):
    """The features of a parameter. What GDAL cannot read itself is exported: then FIDs are those of the copy."""
    layer, given = layer_of(algorithm, parameters, name, context), parameters.get(name)
    selected, filtered = False, ''
    if isinstance(given, QgsProcessingFeatureSourceDefinition):
        selected, filtered = given.selectedFeaturesOnly, getattr(given, 'filterExpression', '')
    parts = QgsProviderRegistry.instance().decodeUri('ogr', layer.source()) if layer.providerType() == 'ogr' else {}
    subset = layer.subsetString()
    many = selected and layer.selectedFeatureCount() > MOST_SELECTED
    if not parts.get('path') or parts.get('authcfg') or filtered or many or subset.lstrip().upper().startswith('SELECT') or layer.isEditable():
        return exported(algorithm, parameters, name, context, feedback, layer)
    options = list(parts.get('openOptions') or [])
    path = ''.join(str(parts.get(piece) or '') for piece in ('vsiPrefix', 'path', 'vsiSuffix'))
    found, fid = layer_name(path, options, int(parts.get('layerId') or 0))
    called = str(parts['layerName']) if parts.get('layerName') else found
    conditions = ['(%s)' % subset] if subset else []
    if selected:
        ids = ','.join(str(i) for i in sorted(layer.selectedFeatureIds()))
        conditions.append('"%s" IN (%s)' % ((fid or 'FID').replace('"', '""'), ids or 'NULL'))
    return Table(path, called, ' AND '.join(conditions), options)


def exported(algorithm, parameters, name, context, feedback, layer):
    path, found = algorithm.parameterAsCompatibleSourceLayerPathAndLayerName(parameters, name, context, [], 'gpkg', feedback)
    feedback.pushWarning('%s cannot be read by GDAL as it is in QGIS: its features are copied first, and FIDs are those of the copy.' % layer.name())
    return Table(path, str(found or ''))


def same_file(first, second):
    return os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second)
