#!/usr/bin/env python3
"""Makes the layers for near.py: near_data.py FOLDER NAME COUNT. Always the same features, from a fixed seed.

FOLDER/NAME.fgb   FlatGeobuf without index, EPSG:32632 (100 x 100 km) or EPSG:4326 (lonlat...), one field, id
FOLDER/NAME.wkb   the same geometries for the programs in C: 4 bytes of size and the WKB, one after the other
"""
import os
import sys
import zlib

import numpy as np
from osgeo import gdal, ogr, osr

CORNER, SIDE = np.array([400000.0, 5200000.0]), 100000.0
POINT, LINE, POLYGON = ogr.wkbPoint, ogr.wkbLineString, ogr.wkbPolygon


def points(rng, n):
    return POINT, CORNER + SIDE * rng.random((n, 2))


def clustered(rng, n):
    """90 % of the points in 25 squares of 2 km: 1 % of the area."""
    xy = CORNER + SIDE * rng.random((n, 2))
    corners = CORNER + (SIDE - 2000) * rng.random((25, 2))
    dense = rng.random(n) < 0.9
    xy[dense] = corners[rng.integers(0, 25, dense.sum())] + 2000 * rng.random((dense.sum(), 2))
    return POINT, xy


def lonlat(rng, n):
    """Evenly over the globe."""
    return POINT, np.column_stack([360 * rng.random(n) - 180, np.degrees(np.arcsin(2 * rng.random(n) - 1))])


def lines(rng, n):
    """Wandering lines of 10 to 50 vertices, some 30 m apart."""
    most = 50
    heading = 2 * np.pi * rng.random((n, 1)) + np.cumsum(rng.normal(0, 0.4, (n, most - 1)), axis=1)
    step = rng.uniform(10, 50, (n, most - 1))
    start = (CORNER + SIDE * rng.random((n, 2)))[:, None, :]
    moves = np.stack([step * np.cos(heading), step * np.sin(heading)], axis=2)
    xy = np.concatenate([start, start + np.cumsum(moves, axis=1)], axis=1)
    return LINE, [xy[i, :m] for i, m in enumerate(rng.integers(10, most + 1, n))]


def polygons(rng, n):
    """Circles and stars with 12 to 48 corners, 20 to 200 m in radius."""
    centre, radius = CORNER + SIDE * rng.random((n, 2)), rng.uniform(20, 200, n)
    rings = []
    for i, corners in enumerate(2 * rng.integers(6, 25, n)):
        angle = 2 * np.pi * np.arange(corners) / corners
        r = radius[i] * np.where(np.arange(corners) % 2 & i % 2, 0.4, 1.0)
        ring = centre[i] + np.column_stack([r * np.cos(angle), r * np.sin(angle)])
        rings.append(np.vstack([ring, ring[:1]]))
    return POLYGON, rings


def coast(rng, n):
    """One fractal line of n vertices from west to east: midpoints displaced, level by level."""
    y, size = np.zeros(2), SIDE / 5
    while len(y) < n:
        middle = (y[1:] + y[:-1]) / 2 + rng.normal(0, size, len(y) - 1)
        finer = np.empty(2 * len(y) - 1)
        finer[::2], finer[1::2] = y, middle
        y, size = finer, size * 0.55
    x = np.linspace(0, SIDE, n) + rng.normal(0, SIDE / n, n)
    return LINE, [CORNER + np.column_stack([x, SIDE / 2 + y[:n]])]


def wkb_of(kind, coordinates):
    if kind == POINT:
        record = np.zeros(len(coordinates), [("order", "u1"), ("type", "<u4"), ("xy", "<f8", 2)])
        record["order"], record["type"], record["xy"] = 1, 1, coordinates
        data = record.tobytes()
        return [data[i:i + 21] for i in range(0, len(data), 21)]
    head = b"\1" + int(kind).to_bytes(4, "little") + (b"\1\0\0\0" if kind == POLYGON else b"")
    return [head + len(xy).to_bytes(4, "little") + np.ascontiguousarray(xy, "<f8").tobytes() for xy in coordinates]


def main():
    folder, name, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    gdal.UseExceptions()
    maker = next(maker for maker in (points, clustered, lonlat, lines, polygons, coast) if name.startswith(maker.__name__))
    kind, coordinates = maker(np.random.default_rng(zlib.crc32(name.encode())), n)
    wkbs = wkb_of(kind, coordinates)
    path = os.path.join(folder, name)
    with open(path + ".part", "wb") as file:
        for wkb in wkbs:
            file.write(len(wkb).to_bytes(4, "little") + wkb)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4326 if maker is lonlat else 32632)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    output = ogr.GetDriverByName("FlatGeobuf").CreateDataSource(path + ".part.fgb")
    layer = output.CreateLayer(name, srs, kind, ["SPATIAL_INDEX=NO"])
    layer.CreateField(ogr.FieldDefn("id", ogr.OFTInteger))
    for number, wkb in enumerate(wkbs, 1):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField(0, number)
        feature.SetGeometryDirectly(ogr.CreateGeometryFromWkb(wkb))
        layer.CreateFeature(feature)
    feature = layer = output = None
    os.rename(path + ".part", path + ".wkb")
    os.rename(path + ".part.fgb", path + ".fgb")


if __name__ == "__main__":
    main()
