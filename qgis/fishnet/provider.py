import os

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .doctor import Doctor
from .near_table import NearTable
from .pipeline import Pipeline
from .raster_expression import RasterExpression
from .tiles import Tiles
from .zonal_statistics import ZonalStatistics

ICON = os.path.join(os.path.dirname(__file__), 'icon.svg')


class FishnetProvider(QgsProcessingProvider):
    def id(self):
        return 'fishnet'

    def name(self):
        return 'Fishnet'

    def longName(self):
        return 'Fishnet: rasters and tables on every core'

    def icon(self):
        return QIcon(ICON)

    def svgIconPath(self):
        return ICON

    def loadAlgorithms(self):
        for algorithm in (RasterExpression, NearTable, ZonalStatistics, Tiles, Pipeline, Doctor):
            self.addAlgorithm(algorithm())
