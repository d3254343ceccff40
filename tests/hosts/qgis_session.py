"""What happens inside QGIS, in a process of its own, for test_qgis.py: qgis_session.py <job> <JSON>. The last line that it prints is the answer, as JSON."""
import json
import os
import sys
import time

from qgis.core import (QgsApplication, QgsColorRampShader, QgsFeatureRequest, QgsField, QgsFillSymbol,
                       QgsGraduatedSymbolRenderer, QgsLineSymbol,
                       QgsMapRendererParallelJob, QgsMapSettings, QgsPointXY, QgsProject, QgsProviderRegistry, QgsRaster, QgsRasterBandStats, QgsRasterLayer,
                       QgsRasterShader, QgsRectangle, QgsRendererRange, QgsSingleBandPseudoColorRenderer,
                       QgsSingleSymbolRenderer, QgsVectorLayer, QgsVectorLayerJoinInfo)
from qgis.PyQt.QtCore import QSize, QVariant
from qgis.PyQt.QtGui import QColor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fault'))
import processes  # noqa: E402


def plain(value):
    """As JSON has it."""
    if isinstance(value, QVariant):
        return None if value.isNull() else value.value()
    return value


def valid(layer):
    assert layer.isValid(), layer.error().message()
    return layer


def raster(source):
    return valid(QgsRasterLayer(source, 'raster', 'gdal'))


def table(source):
    return valid(QgsVectorLayer(source, 'table', 'ogr'))


# ---------------------------------------------------------------------------------------------------------------- raster

def open_raster(source, points, window):
    """What QGIS asks of a raster layer: facts, values at places, what a style needs, pixels."""
    layer = raster(source)
    provider = layer.dataProvider()
    extent = QgsRectangle(*window['extent'])
    all_of_it = provider.bandStatistics(1, QgsRasterBandStats.All, layer.extent(), 0)
    histogram = provider.histogram(1, 10)
    block = provider.block(1, extent, window['width'], window['height'])
    return {
        'size': [layer.width(), layer.height(), layer.bandCount()], 'crs': layer.crs().authid(), 'band': layer.bandName(1),
        'extent': [layer.extent().xMinimum(), layer.extent().yMinimum(), layer.extent().xMaximum(), layer.extent().yMaximum()],
        'identified': [plain(provider.identify(QgsPointXY(*p), QgsRaster.IdentifyFormatValue).results()[1]) for p in points],
        'statistics': [all_of_it.minimumValue, all_of_it.maximumValue, all_of_it.mean, all_of_it.stdDev],
        'histogram': [histogram.minimum, histogram.maximum, histogram.histogramVector],
        'cut': provider.cumulativeCut(1, 0.02, 0.98, layer.extent(), 0),
        'block': [None if block.isNoData(row, column) else block.value(row, column)
                  for row in range(window['height']) for column in range(window['width'])]}


def open_rasters(sources, refused, points, window):
    """And what QGIS says of those that cannot be opened."""
    messages = []
    for source in refused:
        layer = QgsRasterLayer(source, 'raster', 'gdal')
        assert not layer.isValid()
        messages.append(layer.error().message())
    return {kind: open_raster(source, points, window) for kind, source in sources.items()}, messages


def two_colours(layer, threshold):
    """Below: blue. Above: red."""
    ramp = QgsColorRampShader(0, 1e6)
    ramp.setColorRampType(QgsColorRampShader.Discrete)
    ramp.setColorRampItemList([QgsColorRampShader.ColorRampItem(threshold, QColor(0, 0, 255)),
                               QgsColorRampShader.ColorRampItem(float('inf'), QColor(255, 0, 0))])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))
    return layer


def black_lines(layer):
    layer.setRenderer(QgsSingleSymbolRenderer(QgsLineSymbol.createSimple({'color': '0,0,0', 'width': '3', 'width_unit': 'Pixel'})))
    return layer


def picture(layers, extent, width, height):
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[-1].crs())
    settings.setExtent(QgsRectangle(*extent))
    settings.setOutputSize(QSize(width, height))
    settings.setOutputDpi(96)
    settings.setBackgroundColor(QColor(255, 255, 255))
    settings.setFlag(QgsMapSettings.Antialiasing, False)
    return QgsMapRendererParallelJob(settings)


def drawn(job):
    job.start()
    job.waitForFinished()
    assert not job.errors(), [e.message for e in job.errors()]
    return job.renderedImage()


def draw(raster_source, links_source, threshold, pictures):
    """Pictures of a raster, with link lines over it where they are asked for."""
    layer, links = two_colours(raster(raster_source), threshold), black_lines(table(links_source))
    for p in pictures:
        drawn(picture(([links] if p['links'] else []) + [layer], p['extent'], p['width'], p['height'])).save(p['file'])
    return len(pictures)


def draw_zones(source, column, threshold, file, extent, width, height):
    """Polygons, coloured by a column: up to the threshold blue, above it red."""
    layer, ranges = table(source), []
    for low, high, colour in ((-1e9, threshold, '0,0,255'), (threshold, 1e9, '255,0,0')):
        symbol = QgsFillSymbol.createSimple({'color': colour, 'outline_style': 'no'})
        ranges.append(QgsRendererRange(low, high, symbol, colour))
    layer.setRenderer(QgsGraduatedSymbolRenderer(column, ranges))
    drawn(picture([layer], extent, width, height)).save(file)
    return layer.featureCount()


def draw_in_threads(sources, links_source, large, threshold, extent, width, height):
    """Several layers, several jobs at once, and jobs that are cancelled at any moment: the picture is always the same."""
    QgsApplication.setMaxThreads(4)
    layers = [two_colours(raster(source), threshold) for source in sources]
    links = black_lines(table(links_source))
    alone = drawn(picture([links, layers[0]], extent, width, height))
    jobs = [picture([links, layer], extent, width, height) for layer in layers] + [picture([links] + layers, extent, width, height)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.waitForFinished()
        assert job.renderedImage() == alone, 'several jobs at once: another picture'
    too_large = two_colours(raster(large), threshold)
    slowest = 0.0
    for turn in range(10):
        job = picture([links, too_large] + layers, extent, width, height)
        job.start()
        time.sleep(turn * 0.02)
        start = time.monotonic()
        job.cancel()
        slowest = max(slowest, time.monotonic() - start)
        assert drawn(picture([links, layers[turn % len(layers)]], extent, width, height)) == alone, 'after cancelling: another picture'
    return {'slowest': slowest, 'colours': sorted({alone.pixelColor(x, y).name() for x in range(width) for y in range(0, height, 7)})}


# ---------------------------------------------------------------------------------------------------------------- tables

def rows(features):
    return [[plain(value) for value in feature.attributes()] for feature in features]


def open_table(source, input_source, name, far, key, column, joined, fids):
    """An attribute table: all rows, filters, a selection by a column, single rows in any order, a join of columns to
    the input layer by the key."""
    layer, places = table(source), table(input_source)
    answer = {'fields': [field.name() for field in layer.fields()], 'geometry': layer.isSpatial(), 'count': layer.featureCount(),
              'rows': rows(layer.getFeatures())}
    condition = '"name" = \'%s\'' % name
    answer['requested'] = rows(layer.getFeatures(QgsFeatureRequest().setFilterExpression(condition)))
    layer.selectByExpression('"%s" > %r' % (column, far))
    answer['selected'] = sorted(layer.selectedFeatureIds())
    assert layer.setSubsetString(condition)
    answer['subset'] = [layer.featureCount(), rows(layer.getFeatures())]
    assert layer.setSubsetString('')
    answer['by_fid'] = rows([layer.getFeature(fid) for fid in fids])
    index = layer.fields().indexOf(column)
    answer['range'] = [layer.minimumValue(index), layer.maximumValue(index)]
    order = QgsFeatureRequest().addOrderBy(column, False).setLimit(3)
    answer['ordered'] = [feature[column] for feature in layer.getFeatures(order)]
    places.addExpressionField('$id', QgsField('fid', QVariant.LongLong))
    QgsProject.instance().addMapLayers([layer, places])
    for cached in (True, False):
        join = QgsVectorLayerJoinInfo()
        join.setJoinLayer(layer)
        join.setJoinFieldName(key)
        join.setTargetFieldName('fid')
        join.setPrefix('of_')
        join.setUsingMemoryCache(cached)
        assert places.addJoin(join)
        found = places.getFeatures(QgsFeatureRequest().setFilterExpression(condition))
        answer['joined' if cached else 'joined_uncached'] = [[f['fid']] + [f['of_' + c] for c in joined] for f in found]
        if cached:
            answer['joined_all'] = sum(plain(f['of_' + column]) is not None for f in places.getFeatures())
        places.removeJoin(layer.id())
    QgsProject.instance().clear()
    return answer


def open_tables(sources, **arguments):
    return {kind: open_table(source, **arguments) for kind, source in sources.items()}


# ----------------------------------------------------------------------------------------------------------- the dialogs

def data_source_manager(raster_name, raster_options, tables, dropped):
    """Names and options are typed into the dialogs; what they add. What files are that are dropped on the map."""
    from qgis.gui import QgsFileWidget, QgsGui
    from qgis.PyQt.QtWidgets import QLineEdit
    added = []
    for key, name, options in [('gdal', raster_name, raster_options)] + [('ogr', *table) for table in tables]:
        provider = [p for p in QgsGui.sourceSelectProviderRegistry().providers() if p.providerKey() == key][0]
        dialog = provider.createDataSourceWidget()
        dialog.findChild(QgsFileWidget, 'mFileWidget').setFilePath(name)
        for option, value in options.items():
            dialog.findChild(QLineEdit, option).setText(value)
        (dialog.addRasterLayers if key == 'gdal' else dialog.addVectorLayers).connect(lambda names, *_: added.extend(names))
        dialog.addButtonClicked()
        del dialog
    kinds = [[found.providerKey() for found in QgsProviderRegistry.instance().querySublayers(file)] for file in dropped]
    return {'raster': added[0], 'tables': added[1:], 'kinds': kinds}


# --------------------------------------------------------------------------------------------------------------- projects

def save_project(sources, file):
    project = QgsProject.instance()
    for name, (kind, source) in sources.items():
        layer = raster(source) if kind == 'raster' else table(source)
        layer.setName(name)
        project.addMapLayer(layer)
    assert project.write(file), project.error()
    project.clear()
    return sorted(sources)


def read_project(file, point):
    """Values of the raster layers at a point, rows of the tables."""
    project, answer = QgsProject.instance(), {}
    assert project.read(file), project.error()
    for layer in project.mapLayers().values():
        valid(layer)
        answer[layer.name()] = layer.dataProvider().sample(QgsPointXY(*point), 1)[0] if isinstance(layer, QgsRasterLayer) else rows(layer.getFeatures())[-1]
    del layer
    project.clear()
    return answer


# -------------------------------------------------------------------------------------------------------------- processes

def with_processes(raster_source, links_source, threshold, extent, width, height, keep):
    """Worker processes live as long as their layers; `keep`: until QGIS itself ends."""
    project = QgsProject.instance()
    layer, links = two_colours(raster(raster_source), threshold), black_lines(table(links_source))
    project.addMapLayers([layer, links])
    file = 'processes.png'
    drawn(picture([layer], extent, width, height)).save(file)
    found = layer.dataProvider().sample(QgsPointXY((extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2), 1)[0]
    assert processes.helpers(), 'no helper process'
    del layer
    if not keep:
        project.clear()
        assert processes.until(lambda: not processes.helpers() and not processes.zombies(), 5), 'helper processes of a raster that is closed'
        links = project.addMapLayer(table(links_source))
    count = sum(1 for _ in links.getFeatures())
    assert processes.helpers(), 'no helper process of the table'
    del links  # QGIS keeps tables that are closed for a minute, in case they are asked for again
    return {'file': file, 'value': found, 'count': count}


JOBS = {job.__name__: job for job in (open_rasters, data_source_manager, draw, draw_zones, draw_in_threads, open_tables,
                                      save_project, read_project, with_processes)}

if __name__ == '__main__':
    application = QgsApplication([], sys.argv[1] == 'data_source_manager')
    application.initQgis()
    result = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    QgsApplication.exitQgis()
    del application
    print(json.dumps(result), flush=True)
