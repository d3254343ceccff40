"""How results look at first: link lines from a feature to what is near it."""
from qgis.core import (QgsLineSymbol, QgsMarkerLineSymbolLayer, QgsMarkerSymbol, QgsProcessingLayerPostProcessorInterface, QgsSingleSymbolRenderer,
                       QgsWkbTypes)

LINE, END = '#c1440e', '#0b4f6c'


def link_lines():
    symbol = QgsLineSymbol.createSimple({'line_color': LINE, 'line_width': '0.4', 'capstyle': 'round'})
    dot = QgsMarkerLineSymbolLayer(False)
    dot.setPlacement(QgsMarkerLineSymbolLayer.LastVertex)
    dot.setSubSymbol(QgsMarkerSymbol.createSimple({'name': 'circle', 'size': '1.4', 'color': END, 'outline_style': 'no'}))
    symbol.appendSymbolLayer(dot)
    return symbol


class LinkLines(QgsProcessingLayerPostProcessorInterface):
    """Kept alive by the class: QGIS calls it after the algorithm has gone."""
    kept = []

    @classmethod
    def new(cls):
        cls.kept.append(cls())
        return cls.kept[-1]

    def postProcessLayer(self, layer, context, feedback):
        if QgsWkbTypes.geometryType(layer.wkbType()) == QgsWkbTypes.LineGeometry:
            layer.setRenderer(QgsSingleSymbolRenderer(link_lines()))
            layer.triggerRepaint()
