"""Algorithms of the plugin in a QGIS without a window, for test_qgis_plugin.py: qgis_algorithms.py JSON. The last line that it prints is JSON."""
import json
import os
import sys

sys.path[:0] = ['/usr/share/qgis/python/plugins', os.environ['FISHNET_QGIS_PLUGINS']]
from qgis.core import (QgsApplication, QgsFeature, QgsGeometry, QgsProcessingContext, QgsProcessingFeatureSourceDefinition, QgsProcessingFeedback,  # noqa: E402
                       QgsProcessingModelAlgorithm, QgsProcessingModelChildAlgorithm, QgsProcessingModelChildParameterSource,
                       QgsProcessingModelOutput, QgsProcessingModelParameter, QgsProcessingParameterRasterLayer, QgsProject, QgsRasterLayer, QgsVectorLayer)


class Feedback(QgsProcessingFeedback):
    """Keeps what is said; cancels once the progress is there."""

    def __init__(self, cancel):
        super().__init__(False)
        self.said, self.parts, self.stop = [], [], cancel
        self.progressChanged.connect(self.see)

    def see(self, part):
        self.parts.append(part)
        if self.stop:
            self.cancel()

    def pushInfo(self, text):
        self.said.append(['info', text])

    def pushWarning(self, text):
        self.said.append(['warning', text])

    def reportError(self, text, fatal=False):
        self.said.append(['error', text])


def layer_of(value):
    """What JSON cannot say: a layer in memory, a selection, a raster with open options."""
    if isinstance(value, dict) and 'memory' in value:
        layer = QgsVectorLayer('Point?crs=EPSG:4326&field=name:string', 'memory', 'memory')
        features = []
        for name, x, y in value['memory']:
            feature = QgsFeature(layer.fields())
            feature.setAttributes([name])
            feature.setGeometry(QgsGeometry.fromWkt('POINT(%r %r)' % (x, y)))
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        QgsProject.instance().addMapLayer(layer)
        return layer.id()
    if isinstance(value, dict) and 'selected' in value:
        layer = QgsVectorLayer(value['file'], 'selection', 'ogr')
        if 'subset' in value:
            assert layer.setSubsetString(value['subset'])
        layer.selectByIds(value['selected'])
        QgsProject.instance().addMapLayer(layer)
        return QgsProcessingFeatureSourceDefinition(layer.id(), bool(value['selected']))
    if isinstance(value, dict) and 'raster' in value:
        layer = QgsRasterLayer(value['raster'], 'raster', 'gdal')
        assert layer.isValid()
        QgsProject.instance().addMapLayer(layer)
        return layer.id()
    if isinstance(value, list):
        return [layer_of(one) for one in value]
    return value


def run(algorithm, parameters, cancel):
    context, feedback = QgsProcessingContext(), Feedback(cancel)
    context.setProject(QgsProject.instance())
    context.setFeedback(feedback)
    parameters = {name: layer_of(value) for name, value in parameters.items()}
    good, why = algorithm.checkParameterValues(parameters, context)
    if not good:
        return {'ok': False, 'results': {}, 'said': [['error', why]], 'parts': []}
    results, ok = algorithm.run(parameters, context, feedback)
    return {'ok': ok, 'results': results if ok else {}, 'said': feedback.said, 'parts': feedback.parts}


def model(zones):
    """An expression, and statistics of what it gives."""
    source, made = QgsProcessingModelChildParameterSource, QgsProcessingModelAlgorithm('model', 'model')
    made.addModelParameter(QgsProcessingParameterRasterLayer('RASTER', 'Raster'), QgsProcessingModelParameter('RASTER'))
    calc = QgsProcessingModelChildAlgorithm('fishnet:rasterexpression')
    calc.setChildId('calc')
    calc.addParameterSources('INPUTS', [source.fromModelParameter('RASTER')])
    calc.addParameterSources('EXPRESSION', [source.fromStaticValue('A * 2')])
    made.addChildAlgorithm(calc)
    zonal = QgsProcessingModelChildAlgorithm('fishnet:zonalstatistics')
    zonal.setChildId('zonal')
    zonal.addParameterSources('INPUT', [source.fromStaticValue(zones)])
    zonal.addParameterSources('INPUTS', [source.fromChildOutput('calc', 'OUTPUT')])
    zonal.addParameterSources('STATS', [source.fromStaticValue(['MAX'])])
    output = QgsProcessingModelOutput('table', 'table')
    output.setChildId('zonal')
    output.setChildOutputName('OUTPUT')
    zonal.setModelOutputs({'table': output})
    made.addChildAlgorithm(zonal)
    made.initAlgorithm()
    return made


def main():
    application = QgsApplication([], False)
    application.initQgis()
    from fishnet.provider import FishnetProvider
    registry, found = application.processingRegistry(), []
    provider = FishnetProvider()
    registry.addProvider(provider)
    for name, parameters, cancel in json.loads(sys.argv[1]):
        if name == 'model':
            algorithm = model(parameters.pop('ZONES'))
            parameters['zonal:table'] = parameters['table']  # what older versions call it
        else:
            algorithm = registry.createAlgorithmById('fishnet:' + name)
        found.append(run(algorithm, parameters, cancel))
    QgsProject.instance().clear()
    print('\n' + json.dumps(found), flush=True)
    registry.removeProvider(provider)
    application.exitQgis()


main()
