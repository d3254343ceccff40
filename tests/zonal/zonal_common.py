"""What the tests of zonal statistics share: zones in cells of the raster, small rasters, the table as rows."""
import math
import os
import sys

import numpy as np
from osgeo import gdal, ogr

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'near'))
from near_common import (Case, children, listening, make, near_options, oo, rng, rows_of, run, srs_of,  # noqa: E402,F401
                         within)
from common import VERSION, good, good_within, real, write  # noqa: E402,F401

KINDS = ('THREADS', 'PROCESSES')
SIX = np.arange(1, 37, dtype=np.int32).reshape(6, 6)
NORTH_UP, SOUTH_UP = (0, 1, 0, 6, 0, -1), (0, 1, 0, 0, 0, 1)
ROTATED = (100, 1, 1, 50, 1, -1)  # by 45 degrees, cells of 2
WHOLE = (-1, -1, 9, 9)


def box(left, top, right, bottom):
    """A ring in columns and rows."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def placed(gt, x, y):
    return '%.17g %.17g' % (gt[0] + x * gt[1] + y * gt[2], gt[3] + x * gt[4] + y * gt[5])


def area(*polygons, gt=NORTH_UP):
    """WKT of polygons, which are lists of rings in columns and rows."""
    texts = ['(%s)' % ','.join('(%s)' % ','.join(placed(gt, *p) for p in [*ring, ring[0]]) for ring in polygon) for polygon in polygons]
    return 'POLYGON' + texts[0] if len(texts) == 1 else 'MULTIPOLYGON(%s)' % ','.join(texts)


def rectangle(left, top, right, bottom, gt=NORTH_UP):
    return area([box(left, top, right, bottom)], gt=gt)


def open_table(zones, **options):
    return gdal.OpenEx('ZONALSTATS:' + str(zones), gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR, open_options=near_options(options))


def layer_rows(layer):
    """Every row as a dict of its columns, in their order."""
    return [{name: value for name, value in vars(row).items() if name not in ('row', 'geometry')} for row in rows_of(layer)]


def table(zones, **options):
    dataset = open_table(zones, **options)
    return layer_rows(dataset.GetLayer(0))


def columns(zones, **options):
    """(name, type) of each."""
    dataset = open_table(zones, **options)
    definition = dataset.GetLayer(0).GetLayerDefn()
    return [(definition.GetFieldDefn(i).GetName(), definition.GetFieldDefn(i).GetTypeName()) for i in range(definition.GetFieldCount())]


def file_rows(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
    return layer_rows(dataset.GetLayer(0))


class ZonalCase(Case):
    @classmethod
    def setUpClass(cls):
        if gdal.GetDriverByName('ZONALSTATS') is None:
            raise AssertionError('no ZONALSTATS driver; GDAL_DRIVER_PATH=%s' % os.environ.get('GDAL_DRIVER_PATH'))
        super().setUpClass()

    count = 0

    @classmethod
    def new(cls, name):
        """A path that no other test has used."""
        ZonalCase.count += 1
        return cls.path('%d_%s' % (ZonalCase.count, name))

    @classmethod
    def raster(cls, array=SIX, gt=NORTH_UP, epsg=32632, name='raster.tif', **options):
        return write(cls.new(name), array, geotransform=gt, epsg=epsg, **options)

    @classmethod
    def zones(cls, geometries, epsg=32632, name='zones.gpkg', **options):
        return make(cls.new(name), geometries, epsg=epsg, layer='zones', **options)

    def one(self, geometry, raster=None, **options):
        """The row of a single zone."""
        rows = table(self.zones([geometry]), RASTER=raster or self.raster(), **options)
        self.assertEqual(len(rows), 1)
        return rows[0]

    def counts(self, geometries, raster=None, **options):
        options.setdefault('STATS', 'COUNT')
        return [row['COUNT'] for row in table(self.zones(geometries), RASTER=raster or self.raster(), **options)]

    def fails(self, zones, *words, **options):
        """Opening or reading fails, with all the words in the message; returns it."""
        with listening() as said:
            try:
                table(zones, **options)
                caught = None
            except RuntimeError as error:
                caught = str(error)
        self.assertIsNotNone(caught, 'not refused: %s' % options)
        message = '\n'.join(said.errors() + [caught])
        for word in words:
            self.assertIn(str(word), message)
        return message


def bits(value):
    """To compare doubles by."""
    return value.hex() if isinstance(value, float) else value


def all_bits(rows):
    return [[(name, bits(value)) for name, value in row.items()] for row in rows]


def inside(rings, x, y):
    """Even-odd, for centres in general position: a mask over places."""
    found = np.zeros(np.broadcast(x, y).shape, bool)
    for ring in rings:
        for (px, py), (qx, qy) in zip(ring, ring[1:] + ring[:1]):
            if py != qy:
                found ^= ((py > y) != (qy > y)) & (x < px + (y - py) * (qx - px) / (qy - py))
    return found


def star(random, x, y, radius, vertices):
    """A ring without crossings."""
    angles = np.sort(random.uniform(0, 2 * math.pi, vertices))
    lengths = radius * random.uniform(0.4, 1, vertices)
    return [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, lengths)]


def as_wkb(geometry):
    return bytes(ogr.CreateGeometryFromWkt(geometry).ExportToWkb(ogr.wkbNDR))
