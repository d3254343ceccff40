"""Near tables and zonal statistics: a table of a driver of ours, written by a driver of GDAL."""
import os
import tempfile

from osgeo import gdal
from qgis.core import QgsDataSourceUri, QgsProcessingException, QgsProcessingUtils, QgsVectorFileWriter

from .algorithm import Algorithm, must_be_file
from .gdal_run import Run
from .inputs import quoted, same_file, setting


class TableAlgorithm(Algorithm):
    def write(self, driver, table, options, path, name, feedback, has_geometry, inputs, geometry=''):
        """table: the input; path: as Processing names outputs, also a table of a GeoPackage that is there; geometry: a type, in whose layer they
        are written. The workers write parts, which can be
        cancelled at any time, and tells how far it is; then these are put together."""
        found = QgsDataSourceUri(path[len('ogr:'):]) if path.startswith('ogr:dbname=') else None
        file, layer = (found.database(), found.table() or name) if found else (path, name)
        must_be_file(file, path)
        for dataset in inputs:
            if same_file(dataset, file) and not found:
                raise QgsProcessingException('%s is an input, too: give the result another name.' % file)
        ending = os.path.splitext(file)[1][1:].lower()
        writer = QgsVectorFileWriter.driverForExtension(ending) or 'GPKG'
        layer_options = ['GEOMETRY=AS_WKT'] if writer == 'CSV' and has_geometry else []
        with Run(feedback) as run:
            run.say('%s:%s %s' % (driver, table.dataset, ' '.join('-oo ' + option for option in options)))
            source = run.open('%s:%s' % (driver, table.dataset), gdal.OF_VECTOR, options)
            with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
                run.stage(0, 0.8)
                union = os.path.join(folder, 'table.vrt')
                run.create_copy(driver, union, source, ['FORMAT=GPKG'])
                run.stage(0.8, 1)
                parts = run.open(union, gdal.OF_VECTOR, [])
                run.translate_table(file, parts, writer, layer, bool(found) and os.path.exists(file), layer_options,
                                    '' if writer == 'CSV' else geometry)
                del parts

    def fields(self, parameters, name, context):
        """All of them, unless some are chosen, or none: []."""
        if parameters.get(name) is None:
            return [name + '=*']
        chosen = self.parameterAsFields(parameters, name, context)
        return ['%s=%s' % (name, ','.join(quoted(field) for field in chosen))] if chosen else []

    @staticmethod
    def side(table, layer, where, name, quote):
        """Options that say what is read of a side."""
        options = ['%s=%s' % (layer, quote(table.layer))] if table.layer else []
        options += ['%s=%s' % (where, table.where)] if table.where else []
        return options + ['%s=%s' % (name, setting(option)) for option in table.options]
