#!/usr/bin/env python3
"""Makes the data for zonal.py: zonal_data.py FILE KIND SIDE [COUNT]. Always the same cells and zones, from fixed seeds.

All lie on 100 x 100 km in EPSG:32632. A file that is there already is left as it is.
  dem       GeoTIFF, SIDE x SIDE Float32, DEFLATE, PREDICTOR=3, tiles of 512; a tenth, in irregular shapes, is NoData
  bands     the same with half the side and four bands, band by band: as many values as the DEM
  polygons  GeoPackage of 32 x 32 polygons that share fractal edges, 257 vertices each
  parcels   316 x 317 polygons that share edges, 9 vertices each
  huge      20 x 10 polygons that share edges, 32,769 vertices each
  squares   COUNT squares side by side
  zones     GeoTIFF, SIDE x SIDE Int32, tiled like the DEM: the polygons beside it, burnt in; NoData is 0
"""
import os
import sqlite3
import struct
import sys

import numpy as np
from near_data import CORNER, POLYGON, SIDE, wkb_of
from osgeo import gdal, ogr, osr

TILE = 512
CREATE = ["TILED=YES", f"BLOCKXSIZE={TILE}", f"BLOCKYSIZE={TILE}", "COMPRESS=DEFLATE", "NUM_THREADS=ALL_CPUS"]
NODATA, NODATA_SHARE = -9999.0, 0.1
STEP = 4  # cells from node to node of a surface; tiles begin at nodes
MARGIN = 0.005  # of the side, that zones leave free all around


def surface(seed, side, coarsest, roughness):
    """A fractal surface on nodes STEP cells apart: random values, made finer by half, with ever smaller ones on top."""
    rng = np.random.default_rng(seed)
    cell, size = coarsest, side // coarsest + 2
    nodes = rng.random((size, size), np.float32) - 0.5
    while cell > STEP:
        cell //= 2
        nodes = finer(finer(nodes, 2).T, 2).T
        nodes += (rng.random(nodes.shape, np.float32) - 0.5) * np.float32((cell / coarsest) ** roughness)
    return nodes[:side // STEP + 2, :side // STEP + 2]


def finer(lines, times):
    """Each line with times - 1 values more between any two, on a straight line."""
    result = np.empty((lines.shape[0], (lines.shape[1] - 1) * times + 1), lines.dtype)
    slope = np.diff(lines, axis=1) / np.float32(times)
    for i in range(times):
        result[:, i:-1:times] = lines[:, :-1] + slope * np.float32(i)
    result[:, -1] = lines[:, -1]
    return result


def cells_of(nodes, top, height, width):
    part = nodes[top // STEP:(top + height - 1) // STEP + 2]
    return finer(np.ascontiguousarray(finer(part.T, STEP).T[:height]), STEP)[:, :width]


def projection():
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32632)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return srs


def create_raster(path, side, bands, kind, options, nodata):
    options = [*CREATE, *options, "BIGTIFF=IF_SAFER"]
    raster = gdal.GetDriverByName("GTiff").Create(path, side, side, bands, kind, options)
    raster.SetGeoTransform((CORNER[0], SIDE / side, 0, CORNER[1] + SIDE, 0, -SIDE / side))
    raster.SetSpatialRef(projection())
    for band in range(bands):
        raster.GetRasterBand(band + 1).SetNoDataValue(nodata)
    return raster


def make_dem(path, side, bands=1):
    raster = create_raster(path, side, bands, gdal.GDT_Float32, ["PREDICTOR=3", "INTERLEAVE=BAND"], NODATA)
    holes = surface(1, side, 2048, 0.6)
    limit = np.quantile(holes, NODATA_SHARE)
    for band in range(bands):
        heights = surface(2 + band, side, 4096, 0.9) * np.float32(1500) + np.float32(1500)
        for top in range(0, side, TILE):
            height = min(TILE, side - top)
            cells = cells_of(heights, top, height, side)
            cells[cells_of(holes, top, height, side) < limit] = NODATA
            raster.GetRasterBand(band + 1).WriteArray(cells, 0, top)


def make_zones(path, side):
    raster = create_raster(path, side, 1, gdal.GDT_Int32, [], 0)
    layer = gdal.OpenEx(os.path.join(os.path.dirname(path), "polygons.gpkg"))
    gdal.RasterizeLayer(raster, [1], layer.GetLayer(0), options=["ATTRIBUTE=zone"])


def fractal(rng, count, levels, size, roughness):
    """`count` lines of 2**levels + 1 offsets: midpoints are displaced, level by level; the ends stay where they are."""
    lines = np.zeros((count, 2))
    for level in range(levels):
        finer = np.zeros((count, 2 * lines.shape[1] - 1))
        middle = (lines[:, 1:] + lines[:, :-1]) / 2
        off = rng.uniform(-size, size, middle.shape) * 2 ** (-roughness * level)
        finer[:, ::2], finer[:, 1::2] = lines, middle + off
        lines = finer
    t = np.linspace(0, 1, lines.shape[1])
    return lines * np.minimum(1, 4 * np.minimum(t, 1 - t))


def mesh(seed, columns, rows, levels, size, roughness=0.8, jitter=0.15):
    """The rings of columns x rows polygons, row by row from the north: neighbours share each vertex of their edge."""
    rng = np.random.default_rng(seed)
    node = np.stack(np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0)), axis=2)
    node[1:-1, 1:-1] += rng.uniform(-jitter, jitter, (rows - 1, columns - 1, 2))
    t = np.linspace(0, 1, 2**levels + 1)[:, None]
    edges = []
    for axis in range(2):  # to the east, then to the south: displaced across
        start, end = (node[:, :-1], node[:, 1:]) if axis == 0 else (node[:-1], node[1:])
        edge = start[:, :, None] + t * (end - start)[:, :, None]
        inner = edge[1:-1] if axis == 0 else edge[:, 1:-1]
        off = fractal(rng, inner.shape[0] * inner.shape[1], levels, size, roughness)
        inner[..., 1 - axis] += off.reshape(inner.shape[:3])
        edges.append(edge)
    east, south = (to_map(edge / (columns, rows)) for edge in edges)
    for j in range(rows):
        for i in range(columns):
            yield np.concatenate([east[j, i], south[j, i + 1, 1:], east[j + 1, i, -2::-1], south[j, i, -2::-1]])


def to_map(share):
    """From shares of what zones cover, to the east and to the south, to coordinates."""
    x, y = np.moveaxis(MARGIN + (1 - 2 * MARGIN) * share, -1, 0)
    return np.stack([CORNER[0] + SIDE * x, CORNER[1] + SIDE * (1 - y)], axis=-1)


def package_head(srs):
    """What a GeoPackage has in front of an envelope and the WKB: magic, version, little endian with envelope, CRS."""
    return struct.pack("<2sBBi", b"GP", 0, 3, srs)


def ring_rows(rings, srs):
    for zone, ring in enumerate(rings, 1):
        box = np.stack([ring.min(0), ring.max(0)]).T.tobytes()  # west, east, south, north
        yield zone, package_head(srs) + box + wkb_of(POLYGON, [ring])[0], zone


def square_rows(count, srs):
    """Squares in rows from the north; 100,000 at a time, for Python is too slow for each."""
    columns = int(np.ceil(np.sqrt(count)))
    record = np.dtype([("head", "V40"), ("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("points", "<u4"),
                       ("ring", "<f8", (5, 2))])
    head = np.dtype([("start", "V8"), ("box", "<f8", 4)])
    for first in range(0, count, 100000):
        number = np.arange(first, min(first + 100000, count))
        corner = np.stack([number % columns, number // columns], axis=1)[:, None]
        ring = to_map((corner + [(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]) / columns)
        rows = np.zeros(len(number), record)
        heads = rows["head"].view(head)
        heads["start"] = np.void(package_head(srs))
        heads["box"] = np.stack([ring[:, 0, 0], ring[:, 2, 0], ring[:, 1, 1], ring[:, 0, 1]], axis=1)
        rows["order"], rows["type"], rows["rings"], rows["points"], rows["ring"] = 1, POLYGON, 1, 5, ring
        data, size = rows.tobytes(), record.itemsize
        for i, zone in enumerate(range(first + 1, first + 1 + len(number))):
            yield zone, data[i * size:(i + 1) * size], zone


def make_layer(path, rows_of):
    """A GeoPackage of the rows (fid, geometry, zone) that rows_of(CRS) gives. OGR makes it; SQLite fills it faster."""
    output = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    layer = output.CreateLayer("zones", projection(), POLYGON, ["SPATIAL_INDEX=NO"])
    layer.CreateField(ogr.FieldDefn("zone", ogr.OFTInteger))
    layer = output = None
    with sqlite3.connect(path) as base:
        srs, = base.execute("SELECT srs_id FROM gpkg_geometry_columns").fetchone()
        of_zones = "FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'zones'"
        triggers = base.execute("SELECT name, sql " + of_zones).fetchall()
        for name, _ in triggers:
            base.execute(f'DROP TRIGGER "{name}"')
        base.executemany("INSERT INTO zones (fid, geom, zone) VALUES (?, ?, ?)", rows_of(srs))
        for _, sql in triggers:
            base.execute(sql)
        base.execute("UPDATE gpkg_ogr_contents SET feature_count = (SELECT count(*) FROM zones)")
        corners = to_map(np.array([(0.0, 1.0), (1.0, 0.0)]))
        base.execute("UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?", corners.ravel().tolist())
    base.close()


def main():
    path, kind, side = sys.argv[1], sys.argv[2], int(sys.argv[3])
    gdal.UseExceptions()
    makers = {
        "dem": lambda part: make_dem(part, side),
        "bands": lambda part: make_dem(part, side // 2, 4),
        "zones": lambda part: make_zones(part, side),
        "polygons": lambda part: make_layer(part, lambda srs: ring_rows(mesh(3, 32, 32, 6, 0.15), srs)),
        "parcels": lambda part: make_layer(part, lambda srs: ring_rows(mesh(4, 316, 317, 1, 0.08), srs)),
        "huge": lambda part: make_layer(part, lambda srs: ring_rows(mesh(5, 20, 10, 13, 0.12), srs)),
        "squares": lambda part: make_layer(part, lambda srs: square_rows(int(sys.argv[4]), srs)),
    }
    if not os.path.exists(path):
        start, ending = os.path.splitext(path)
        part = start + ".part" + ending
        if os.path.exists(part):
            os.unlink(part)
        makers[kind](part)
        os.rename(part, path)


if __name__ == "__main__":
    main()
