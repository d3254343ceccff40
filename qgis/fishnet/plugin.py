"""What QGIS loads: the provider, and names for layers that are added by a connection string."""
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QTimer

from .names import name_of_source
from .provider import FishnetProvider


class FishnetPlugin:
    def __init__(self, iface):
        self.iface = iface
        self.provider = None

    def initProcessing(self):
        """Called alone by qgis_process."""
        self.provider = FishnetProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        self.initProcessing()
        QgsProject.instance().layersAdded.connect(self.name_layers)

    def unload(self):
        if self.iface is not None:
            QgsProject.instance().layersAdded.disconnect(self.name_layers)
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    def name_layers(self, layers):
        """Later, since QGIS names a layer after it has added it."""
        ids = [layer.id() for layer in layers]
        QTimer.singleShot(0, lambda: name_by_source(ids))


def name_by_source(ids):
    """QGIS calls a layer like the end of its source: 'dem.tif|option:CALC=sqrt(A*0'. Names that people gave stay."""
    for layer in filter(None, map(QgsProject.instance().mapLayer, ids)):
        name = name_of_source(layer.source())
        if name and '|option:' in layer.name():
            layer.setName(name)
