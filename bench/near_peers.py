#!/usr/bin/env python3
"""A near table by another tool, for near.py: near_peers.py TOOL INPUT NEAR OUT.csv [closest=K|radius=R]

TOOL: shapely (2 or later: STRtree.query_nearest) or ckdtree (scipy, all CPUs). Reading and writing through pyogrio, which is what
geopandas does. Prints: seconds for building the index, seconds for searching, rows, sum of the distances.
"""
import sys
import time

import numpy as np


def read(path):
    """WKB of all features, their number as FID."""
    import pyogrio.raw

    meta, _, geometry, _ = pyogrio.raw.read(path, columns=[])
    return geometry, meta["crs"] == "EPSG:4326"


def coordinates(wkb):
    return np.frombuffer(b"".join(wkb), np.dtype([("head", "V5"), ("xy", "<f8", 2)]))["xy"].copy()


def write(path, fids, near, distances):
    import pyogrio.raw

    pyogrio.raw.write(path, None, [fids.astype(np.int64), near.astype(np.int64), distances], ["IN_FID", "NEAR_FID", "NEAR_DIST"],
                      driver="CSV", geometry_type=None, crs=None)


def shapely_nearest(a, b, _, radius, clock):
    import shapely

    a, b = shapely.from_wkb(a), shapely.from_wkb(b)
    clock()
    tree = shapely.STRtree(b)
    clock()
    if radius:
        i, j = tree.query(a, predicate="dwithin", distance=radius)
        d = shapely.distance(a[i], b[j])
    else:
        (i, j), d = tree.query_nearest(a, return_distance=True, all_matches=False)
    clock()
    return i, j, d


def ckdtree_nearest(a, b, closest, radius, clock, geodesic=False):
    from scipy.spatial import cKDTree

    a, b = coordinates(a), coordinates(b)
    lonlat = a, b
    if geodesic:
        import pyproj

        geod = pyproj.Geod(ellps="WGS84")
        to_xyz = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
        a, b = (np.column_stack(to_xyz.transform(*p.T, np.zeros(len(p)))) for p in (a, b))
    clock()
    tree = cKDTree(b)
    clock()
    if radius:
        pairs = cKDTree(a).sparse_distance_matrix(tree, radius, output_type="ndarray")
        i, j, d = pairs["i"], pairs["j"], pairs["v"]
    else:
        d, j = tree.query(a, k=closest, workers=-1)
        i, j, d = np.repeat(np.arange(len(a)), closest), j.ravel(), d.ravel()
        if geodesic:
            d = geod.inv(*lonlat[0].T, *lonlat[1][j].T)[2]
    clock()
    return i, j, d


def main():
    tool, path_a, path_b, out = sys.argv[1:5]
    options = dict(word.split("=") for word in sys.argv[5:])
    times = []
    (a, geodesic), (b, _) = read(path_a), read(path_b)
    search = shapely_nearest if tool == "shapely" else ckdtree_nearest
    more = {"geodesic": True} if geodesic and tool == "ckdtree" else {}
    i, j, d = search(a, b, int(options.get("closest", 1)), float(options.get("radius", 0)),
                     lambda: times.append(time.perf_counter()), **more)
    write(out, i, j, d)
    print(times[1] - times[0], times[2] - times[1], len(d), repr(float(np.sum(d))))


if __name__ == "__main__":
    main()
