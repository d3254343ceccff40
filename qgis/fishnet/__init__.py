"""Fishnet in QGIS's Processing: algorithms over the drivers FISHNET, NEARTABLE and ZONALSTATS of GDAL."""


def classFactory(iface):
    from .plugin import FishnetPlugin
    return FishnetPlugin(iface)
