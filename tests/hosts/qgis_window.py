"""What QGIS itself runs (qgis --code): it fills its window with a raster and link lines, opens the attribute table, takes a picture and ends."""
import os
import sys
import traceback

from qgis.core import QgsCoordinateReferenceSystem, QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface

sys.path.insert(0, os.environ['WINDOW_SCRIPTS'])  # QGIS runs the text of this file


def fill():
    from qgis_session import black_lines, raster, table, two_colours
    layers = [black_lines(table(os.environ['WINDOW_LINKS'])), two_colours(raster(os.environ['WINDOW_RASTER']), 25)]
    layers[0].setName('links')
    layers[1].setName('square root')
    iface.mainWindow().resize(1200, 800)
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem('EPSG:4326'))
    QgsProject.instance().addMapLayers(layers)
    iface.showAttributeTable(layers[0])
    QTimer.singleShot(1000, attempt(lambda: show(layers[1].extent())))


def show(extent):
    """After the window has its size, and the map has gone to the first layer."""
    canvas = iface.mapCanvas()
    canvas.setExtent(extent)
    canvas.refresh()
    canvas.waitWhileRendering()
    QTimer.singleShot(500, attempt(take))


def take():
    iface.mainWindow().grab().save(os.environ['WINDOW_FILE'])
    print('window: done', flush=True)
    QgsProject.instance().setDirty(False)
    iface.actionExit().trigger()


def attempt(function):
    def call():
        try:
            function()
        except BaseException:
            traceback.print_exc()
            QgsProject.instance().setDirty(False)
            QApplication.exit(3)
    return call


QTimer.singleShot(0, attempt(fill))
