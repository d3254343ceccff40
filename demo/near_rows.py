"""near_rows.py TABLE.csv: some towns of a near table of places to rivers (lengths in km, with locations), then a check of every 20th
row by brute force: the rivers as points at most 1 km apart, and distances by Vincenty's formula."""
import csv
import sys
import numpy as np
from osgeo import ogr

A, F = 6378137.0, 1 / 298.257223563  # WGS 84


def space(lon, lat):
    """Earth-centred coordinates."""
    lon, lat = np.radians(lon), np.radians(lat)
    n = A / np.sqrt(1 - F * (2 - F) * np.sin(lat) ** 2)
    return np.stack([n * np.cos(lat) * np.cos(lon), n * np.cos(lat) * np.sin(lon), n * (1 - F) ** 2 * np.sin(lat)], -1)


def vincenty(lon1, lat1, lon2, lat2):
    """Metres."""
    u1, u2, l = np.arctan((1 - F) * np.tan(np.radians(lat1))), np.arctan((1 - F) * np.tan(np.radians(lat2))), np.radians(lon2 - lon1)
    turn = l
    for _ in range(50):
        y = np.hypot(np.cos(u2) * np.sin(turn), np.cos(u1) * np.sin(u2) - np.sin(u1) * np.cos(u2) * np.cos(turn))
        x = np.sin(u1) * np.sin(u2) + np.cos(u1) * np.cos(u2) * np.cos(turn)
        angle = np.arctan2(y, x)
        across = np.cos(u1) * np.cos(u2) * np.sin(turn) / np.where(y == 0, 1, y)
        square = 1 - across**2
        middle = x - 2 * np.sin(u1) * np.sin(u2) / square
        c = F / 16 * square * (4 + F * (4 - 3 * square))
        turn = l + (1 - c) * F * across * (angle + c * y * (middle + c * x * (2 * middle**2 - 1)))
    u = square * (1 / (1 - F) ** 2 - 1)
    a = 1 + u / 16384 * (4096 + u * (-768 + u * (320 - 175 * u)))
    b = u / 1024 * (256 + u * (-128 + u * (74 - 47 * u)))
    less = b * y * (middle + b / 4 * (x * (2 * middle**2 - 1) - b / 6 * middle * (4 * y**2 - 3) * (4 * middle**2 - 3)))
    return A * (1 - F) * a * (angle - less)


with open(sys.argv[1], encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
largest = {row["name"]: row for row in sorted(rows, key=lambda row: int(row["pop_max"]))}
for name in ("Cairo", "Delhi", "London", "Nairobi", "Paris", "Tokyo", "Vienna", "Warsaw"):
    print(f"  {name:<10} {float(largest[name]['NEAR_DIST']):6.1f} km  {largest[name]['NEAR_name']}")
row = max(rows, key=lambda row: float(row["NEAR_DIST"]))
print(f"Farthest from any river of this map: {row['name']}, {float(row['NEAR_DIST']):.0f} km.")

rivers, points = ogr.Open("build/data/rivers.shp"), []
for feature in rivers.GetLayer(0):
    geometry = feature.GetGeometryRef()
    for line in [geometry.GetGeometryRef(i) for i in range(geometry.GetGeometryCount())] or [geometry]:
        vertices = np.array(line.GetPoints())
        corners = space(vertices[:, 0], vertices[:, 1])
        steps = np.diff(corners, axis=0)
        pieces = np.ceil(np.sqrt((steps**2).sum(1)) / 1000).astype(int) + 1
        edge = np.repeat(np.arange(len(pieces)), pieces)
        t = (np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / np.repeat(pieces, pieces)
        points += [corners[edge] + t[:, None] * steps[edge], corners[-1:]]  # along the chord, which lies under the geodesic
points = np.vstack(points)
square = (points**2).sum(1)
checked = rows[::20]
lon, lat, near_lon, near_lat, km = (np.array([float(row[c]) for row in checked])
                                    for c in ("FROM_X", "FROM_Y", "NEAR_X", "NEAR_Y", "NEAR_DIST"))
x, y, z = points[[int(np.argmin(square - 2 * points @ place)) for place in space(lon, lat)]].T
force = vincenty(lon, lat, np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, (1 - F) ** 2 * np.hypot(x, y))))
ours = 1000 * km
wrong = (np.abs(vincenty(lon, lat, near_lon, near_lat) - ours) > 0.001) | (ours > force + 0.001) | (ours < force - 500 - 1e-4 * force)
print(f"Checked by brute force against {len(points):,} points along the rivers: {len(km) - wrong.sum()} of {len(km)} rows are right.")
sys.exit(int(wrong.any()))
