"""Algorithms of the plugin in a QGIS without a window, for test_qgis_plugin.py: qgis_algorithms.py JSON. The last line that it prints is JSON."""
import json
import os
import sys

sys.path[:0] = ['/usr/share/qgis/python/plugins', os.environ['FISHNET_QGIS_PLUGINS']]
from qgis.core import (QgsApplication, QgsFeature, QgsGeometry, QgsProcessingContext, QgsProcessingException, QgsProcessingFeatureSourceDefinition, QgsProcessingFeedback,  # noqa: E402
                       QgsProcessingModelAlgorithm, QgsProcessingModelChildAlgorithm, QgsProcessingModelChildParameterSource,
                       QgsProcessingModelOutput, QgsProcessingModelParameter, QgsProcessingParameterRasterLayer, QgsProject, QgsRasterLayer, QgsRasterRange, QgsVectorLayer)


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
        if 'nodata' in value:
            layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(*both) for both in value['nodata']])
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


SOURCE = QgsProcessingModelChildParameterSource


def child(model, algorithm, name, output=None, **given):
    """Adds an algorithm to a model, with where its parameters come from; output: as the model calls its OUTPUT."""
    made = QgsProcessingModelChildAlgorithm('fishnet:' + algorithm)
    made.setChildId(name)
    for key, value in given.items():
        made.addParameterSources(key, [value if isinstance(value, SOURCE) else SOURCE.fromStaticValue(value)])
    if output:
        named = QgsProcessingModelOutput(output, output)
        named.setChildId(name)
        named.setChildOutputName('OUTPUT')
        made.setModelOutputs({output: named})
    model.addChildAlgorithm(made)


def model(last, **given):
    """An expression, and another algorithm over what it gives; saved as a file, and read again as a user opens it."""
    made = QgsProcessingModelAlgorithm('model', 'model')
    made.addModelParameter(QgsProcessingParameterRasterLayer('RASTER', 'Raster'), QgsProcessingModelParameter('RASTER'))
    child(made, 'rasterexpression', 'calc', INPUTS=SOURCE.fromModelParameter('RASTER'), EXPRESSION='A * 2')
    child(made, last, 'last', 'result', **{key: SOURCE.fromChildOutput('calc', 'OUTPUT') if value == 'calc' else value for key, value in given.items()})
    made.initAlgorithm()
    file, again = os.path.join(os.environ['HOME'], last + '.model3'), QgsProcessingModelAlgorithm()
    assert made.toFile(file) and again.fromFile(file)
    return again


def layer(string):
    """What the data source manager makes of it."""
    made = QgsRasterLayer(string, 'layer', 'gdal') if string.startswith('FISHNET:') else QgsVectorLayer(string, 'layer', 'ogr')
    return {'ok': made.isValid() and (not hasattr(made, 'featureCount') or made.featureCount() > 0), 'results': {}, 'said': [['info', string]], 'parts': []}


def expression(text, names, titles):
    """How it goes on to the driver, and where each character of it comes from; or what is wrong."""
    from fishnet.expression import confused, translated
    from fishnet.inputs import names_of
    inputs = names_of(names, len(titles))
    try:
        return [*translated(text, inputs, titles), confused(text, inputs, titles)]
    except QgsProcessingException as error:
        return str(error)


def main():
    application = QgsApplication([], False)
    application.initQgis()
    from fishnet.provider import FishnetProvider
    registry, found = application.processingRegistry(), []
    provider = FishnetProvider()
    registry.addProvider(provider)
    jobs = json.loads(sys.argv[1])
    if any(':' in name for name, _, _ in jobs):  # of others
        from processing.core.Processing import Processing
        Processing.initialize()
    for name, parameters, cancel in jobs:
        if name in ('layer', 'expression'):
            found.append({'layer': layer, 'expression': expression}[name](**parameters))
            continue
        if name == 'model':
            algorithm = model(**parameters.pop('MODEL'))
            parameters['last:result'] = parameters['result']  # what older versions call it
        else:
            algorithm = registry.createAlgorithmById(name if ':' in name else 'fishnet:' + name)
        found.append(run(algorithm, parameters, cancel))
    QgsProject.instance().clear()
    print('\n' + json.dumps(found), flush=True)
    registry.removeProvider(provider)
    application.exitQgis()


main()
