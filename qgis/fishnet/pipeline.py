import json
import shlex

from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingParameterRasterDestination, QgsProcessingParameterRasterLayer

from .algorithm import COMPRESSIONS, Algorithm
from .gdal_run import Run
from .inputs import raster_of, same_file, setting, warn_of_settings
from .raster_expression import compression, driver_of


class Pipeline(Algorithm):
    NAME, TITLE, PAGE = 'pipeline', 'Any pipeline in parallel', 'PIPELINES.md'
    TAGS = ['vrt', 'gdalg', 'warp', 'hillshade', 'mosaic', 'translate', 'export']
    HELP = '''Evaluates a raster that GDAL computes as it is read, on all cores: a VRT (warped, mosaic, derived bands, kernels), \
a pipeline that was saved as <tt>.gdalg.json</tt>, or any format that is slow to decode.

With GDAL 3.11 and later, steps of <tt>gdal raster pipeline</tt> may be given, such as <tt>reproject --dst-crs EPSG:3857 ! hillshade</tt>'''

    def initAlgorithm(self, configuration=None):
        self.add(QgsProcessingParameterRasterLayer('INPUT', 'Raster, VRT or pipeline'))
        self.add_text('STEPS', 'Steps of gdal raster pipeline (GDAL 3.11 and later)', False)
        self.add_choice('COMPRESS', 'Compression of a GeoTIFF', COMPRESSIONS, 'DEFLATE')
        self.add_workers()
        self.add(QgsProcessingParameterRasterDestination('OUTPUT', 'Result'))

    def compute(self, parameters, context, feedback):
        layer = self.parameterAsRasterLayer(parameters, 'INPUT', context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, 'INPUT'))
        warn_of_settings([layer], feedback)
        dataset, own = raster_of(layer)
        steps = self.text(parameters, 'STEPS', context)
        name, options = (pipeline(dataset, own, steps), []) if steps else (dataset, ['A_OO=' + setting(option) for option in own])
        options += self.worker_options(parameters, context)
        path = self.output(parameters, context)
        self.call(context, path, '%s: %s' % (layer.name(), steps) if steps else layer.name())
        if same_file(dataset, path):
            raise QgsProcessingException('%s is the input, too: give the result another name.' % path)
        driver = driver_of(path, feedback)
        with Run(feedback) as run:
            run.say('FISHNET:%s %s' % (name, ' '.join('-oo ' + option for option in options)))
            source = run.open('FISHNET:' + name, gdal.OF_RASTER, options)
            if driver == 'GTiff':
                run.create_copy('FISHNET', path, source, ['OUTPUT=SINGLE'] + compression(self.choice(parameters, 'COMPRESS', context)))
            else:
                run.translate(path, source, driver, [])
        return {'OUTPUT': path}


def pipeline(dataset, options, steps):
    """A dataset that GDAL computes by these steps."""
    if int(gdal.VersionInfo()) < 3110000:
        raise QgsProcessingException('Steps need GDAL 3.11 or later; this QGIS uses %s. Make a VRT instead.' % gdal.VersionInfo('RELEASE_NAME'))
    words = ['gdal', 'raster', 'pipeline', '!', 'read', dataset] + [word for option in options for word in ('--oo', option)]
    line = ' '.join(word if word == '!' else shlex.quote(word) for word in words) + ' ! ' + steps
    return json.dumps({'type': 'gdal_streamed_alg', 'command_line': line})
