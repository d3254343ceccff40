"""Near tables by brute force: plain numpy over nested tuples, without GDAL, GEOS or our code. Every distance of every pair.

A geometry is (kind, coordinates), as GeoJSON has them: ('Point', (x, y)), ('LineString', [(x, y), ...]), ('Polygon', [ring, ...]), the Multi kinds,
('GeometryCollection', [geometry, ...]); ('Point', None) and [] are empty, None is null.

Geodesic distances come from pyproj. `python3 near_brute.py` checks all this against shapely.
"""
import struct
import sys

import numpy as np

CODES = {'Point': 1, 'LineString': 2, 'Polygon': 3, 'MultiPoint': 4, 'MultiLineString': 5, 'MultiPolygon': 6, 'GeometryCollection': 7}
PART = {'MultiPoint': 'Point', 'MultiLineString': 'LineString', 'MultiPolygon': 'Polygon'}


def wkb(geometry):
    """Little-endian WKB."""
    kind, data = geometry
    head = struct.pack('<BI', 1, CODES[kind])
    if kind == 'Point':
        return head + struct.pack('<2d', *(data if data is not None else (float('nan'),) * 2))
    if kind == 'LineString':
        return head + _ring(data)
    if kind == 'Polygon':
        return head + struct.pack('<I', len(data)) + b''.join(map(_ring, data))
    parts = data if kind == 'GeometryCollection' else [(PART[kind], part) for part in data]
    return head + struct.pack('<I', len(parts)) + b''.join(map(wkb, parts))


def _ring(points):
    return struct.pack('<I', len(points)) + np.asarray(points, '<f8').reshape(-1, 2).tobytes()


def simple_parts(geometry):
    """The points, lines and polygons that a geometry is made of, empty ones left out."""
    if geometry is None:
        return
    kind, data = geometry
    if kind == 'GeometryCollection':
        for part in data:
            yield from simple_parts(part)
    elif kind in PART:
        for part in data:
            yield from simple_parts((PART[kind], part))
    elif kind == 'Polygon':
        rings = [ring for ring in data if len(ring)]
        if rings:
            yield kind, rings
    elif data is not None and len(data):
        yield kind, data


class Shape:
    """points (n, 2), edges (n, 4), polygons (lists of rings), witnesses (a vertex of each connected part)."""

    def __init__(self, geometry):
        points, edges, witnesses = [], [], []
        self.polygons = []
        self.only_lines = True
        for kind, data in simple_parts(geometry):
            if kind == 'Point':
                points.append(data[:2])
                witnesses.append(data[:2])
            elif kind == 'LineString':
                edges += self._edges(data)
                witnesses.append(data[0][:2])
            else:
                rings = [np.array(ring, float)[:, :2] for ring in data]
                self.polygons.append(rings)
                for ring in rings:
                    edges += self._edges(ring)
                    witnesses.append(tuple(ring[0]))
            self.only_lines = self.only_lines and kind == 'LineString'
        self.points = np.array(points, float).reshape(-1, 2)
        self.edges = np.array(edges, float).reshape(-1, 4)
        self.witnesses = np.array(witnesses, float).reshape(-1, 2)
        self.empty = not len(self.witnesses)

    @staticmethod
    def _edges(line):
        if len(line) == 1:
            return [tuple(line[0][:2]) * 2]
        return [tuple(line[i][:2]) + tuple(line[i + 1][:2]) for i in range(len(line) - 1)]


def in_ring(ring, points):
    """Even-odd rule, for an array of points."""
    x, y = points[:, 0][:, None], points[:, 1][:, None]
    x1, y1 = ring[:-1, 0][None], ring[:-1, 1][None]
    x2, y2 = ring[1:, 0][None], ring[1:, 1][None]
    crosses = (y1 > y) != (y2 > y)
    # the side of the edge, without dividing
    side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
    right = np.where(y2 > y1, side > 0, side < 0)
    return (crosses & right).sum(1) % 2 == 1


def in_polygon(rings, points):
    inside = in_ring(rings[0], points)
    for hole in rings[1:]:
        inside &= ~in_ring(hole, points)
    return inside


def point_point(p, q):
    """p (n, 2) and q (m, 2) -> (n, m)."""
    dx = p[:, None, 0] - q[None, :, 0]
    dy = p[:, None, 1] - q[None, :, 1]
    return np.sqrt(dx * dx + dy * dy)


def point_edge(p, e):
    """p (n, 2) and e (m, 4) -> (n, m)."""
    x, y = p[:, None, 0], p[:, None, 1]
    ax, ay = e[None, :, 0], e[None, :, 1]
    dx, dy = e[None, :, 2] - ax, e[None, :, 3] - ay
    length2 = dx * dx + dy * dy
    with np.errstate(invalid='ignore', divide='ignore'):
        t = ((x - ax) * dx + (y - ay) * dy) / length2
        across = np.abs((x - ax) * dy - (y - ay) * dx) / np.sqrt(length2)
    at_a = np.sqrt((x - ax) ** 2 + (y - ay) ** 2)
    at_b = np.sqrt((x - e[None, :, 2]) ** 2 + (y - e[None, :, 3]) ** 2)
    t = np.where(length2 > 0, t, 0)
    return np.where(t <= 0, at_a, np.where(t >= 1, at_b, across))


def _side(ax, ay, bx, by, cx, cy):
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def edge_edge(e, f):
    """e (n, 4) and f (m, 4) -> (n, m)."""
    if len(e) * len(f) > 100000 and len(e) > 1:
        half = len(e) // 2
        return np.concatenate([edge_edge(e[:half], f), edge_edge(e[half:], f)])
    best = np.minimum(np.minimum(point_edge(e[:, :2], f), point_edge(e[:, 2:], f)),
                      np.minimum(point_edge(f[:, :2], e), point_edge(f[:, 2:], e)).T)
    a, b = e[:, None, :2], e[:, None, 2:]
    c, d = f[None, :, :2], f[None, :, 2:]
    xy = lambda v: (v[..., 0], v[..., 1])  # noqa: E731
    s1, s2 = _side(*xy(a), *xy(b), *xy(c)), _side(*xy(a), *xy(b), *xy(d))
    s3, s4 = _side(*xy(c), *xy(d), *xy(a)), _side(*xy(c), *xy(d), *xy(b))
    crossing = (((s1 > 0) & (s2 < 0)) | ((s1 < 0) & (s2 > 0))) & (((s3 > 0) & (s4 < 0)) | ((s3 < 0) & (s4 > 0)))
    return np.where(crossing, 0.0, best)


class Planar:
    """What distance_matrix() needs to know of a metric."""
    in_polygon = staticmethod(in_polygon)
    point_point = staticmethod(point_point)
    point_edge = staticmethod(point_edge)
    edge_edge = staticmethod(edge_edge)


class Packed:
    """All shapes of one side in a few arrays."""

    def __init__(self, shapes):
        self.n = len(shapes)
        for name, width in (('points', 2), ('edges', 4), ('witnesses', 2)):
            arrays = [getattr(shape, name) for shape in shapes]
            setattr(self, name, np.concatenate(arrays) if arrays else np.zeros((0, width)))
            setattr(self, name + '_of', np.repeat(np.arange(self.n), [len(array) for array in arrays]))
        self.polygons = [(i, rings) for i, shape in enumerate(shapes) for rings in shape.polygons]


def _lower(best, owner, distances):
    """best[owner] = the least of the columns of each owner."""
    if distances.size:
        np.minimum.at(best, owner, distances.min(0))


def distance_matrix(inputs, nears, metric=Planar):
    """(len(inputs), len(nears)) distances; inf where one of the two is empty."""
    shapes = [geometry if isinstance(geometry, Shape) else Shape(geometry) for geometry in inputs]
    near_shapes = [geometry if isinstance(geometry, Shape) else Shape(geometry) for geometry in nears]
    near = Packed(near_shapes)
    result = np.full((len(shapes), near.n), np.inf)
    for i, shape in enumerate(shapes):
        best = result[i]
        if shape.empty:
            continue
        for rings in shape.polygons:
            if len(near.witnesses):
                best[near.witnesses_of[metric.in_polygon(rings, near.witnesses)]] = 0
        for owner, rings in near.polygons:
            if best[owner] and metric.in_polygon(rings, shape.witnesses).any():
                best[owner] = 0
        if len(shape.points):
            if len(near.points):
                _lower(best, near.points_of, metric.point_point(shape.points, near.points))
            if len(near.edges):
                _lower(best, near.edges_of, metric.point_edge(shape.points, near.edges))
        if len(shape.edges):
            if len(near.points):
                _lower(best, near.points_of, metric.point_edge(near.points, shape.edges).T)
            if len(near.edges):
                _lower(best, near.edges_of, metric.edge_edge(shape.edges, near.edges))
    return result


def distance(a, b, metric=Planar):
    return float(distance_matrix([a], [b], metric)[0, 0])


def to_shape(points, geometry, metric=Planar):
    """Distance of each of the points (n, 2) from one geometry."""
    return distance_matrix([('Point', tuple(p)) for p in points], [geometry], metric)[:, 0]


def along(line_geometry, point):
    """Least |point - location| over a line geometry and the distance from its start to there, part by part."""
    best, where, passed = np.inf, None, 0.0
    for kind, line in simple_parts(line_geometry):
        assert kind == 'LineString', kind
        for ax, ay, bx, by in Shape._edges(line):
            length = np.hypot(bx - ax, by - ay)
            t = 0.0 if length == 0 else min(1.0, max(0.0, ((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / length**2))
            off = np.hypot(ax + t * (bx - ax) - point[0], ay + t * (by - ay) - point[1])
            if off < best:
                best, where = off, passed + t * length
            passed += length
    return best, where


# ------------------------------------------------------------------------------------------------------------------ geodesic

class Geodesic:
    """The same on an ellipsoid. Edges are geodesics from vertex to vertex; two of them that do not cross are nearest at a vertex (the
    curvature of the ellipsoid is positive). Edges up to some thousand km."""

    def __init__(self, **ellipsoid):
        import pyproj
        self.geod = pyproj.Geod(**(ellipsoid or {'ellps': 'WGS84'}))

    def inv(self, lon1, lat1, lon2, lat2):
        """Azimuth at 1 towards 2, and distance; arrays are broadcast."""
        arrays = np.broadcast_arrays(lon1, lat1, lon2, lat2)
        shape = arrays[0].shape
        azimuth, _, length = self.geod.inv(*(np.ascontiguousarray(a, dtype=float).ravel() for a in arrays))
        return np.reshape(azimuth, shape), np.reshape(length, shape)

    def fwd(self, lon, lat, azimuth, length):
        arrays = np.broadcast_arrays(lon, lat, azimuth, length)
        shape = arrays[0].shape
        x, y, back = self.geod.fwd(*(np.ascontiguousarray(a, dtype=float).ravel() for a in arrays))
        return np.reshape(x, shape), np.reshape(y, shape), np.reshape(back, shape) + 180.0

    def point_point(self, p, q):
        return self.inv(p[:, None, 0], p[:, None, 1], q[None, :, 0], q[None, :, 1])[1]

    def point_edge(self, p, e):
        azimuth, length = self.inv(e[:, 0], e[:, 1], e[:, 2], e[:, 3])
        steps = 2 if length.max() < 2e5 else 16
        x, y = p[:, None, 0], p[:, None, 1]
        result = np.full((len(p), len(e)), np.inf)
        where = np.zeros_like(result)
        for step in range(steps + 1):  # the nearest of some points of the edge
            t = step / steps
            lon, lat, _ = self.fwd(e[:, 0], e[:, 1], azimuth, length * t)
            d = self.inv(lon[None], lat[None], x, y)[1]
            better = d < result
            result = np.where(better, d, result)
            where = np.where(better, t * length[None], where)
        radius = self.geod.a
        now = where
        for _ in range(8):  # then to the foot, as on a sphere of the same size
            lon, lat, forward = self.fwd(e[None, :, 0], e[None, :, 1], azimuth[None], now)
            towards, d = self.inv(lon, lat, x, y)
            better = d < result
            result = np.where(better, d, result)
            where = np.where(better, now, where)
            turn = np.radians(towards - forward)
            step = np.arctan2(np.sin(d / radius) * np.cos(turn), np.cos(d / radius)) * radius
            before, now = now, np.clip(now + step, 0, length[None])
            if np.abs(now - before).max() < 1e-5:  # the error of the distance is of second order
                break
        return result

    def edge_edge(self, e, f):
        best = np.minimum(np.minimum(self.point_edge(e[:, :2], f), self.point_edge(e[:, 2:], f)),
                          np.minimum(self.point_edge(f[:, :2], e), self.point_edge(f[:, 2:], e)).T)
        e3, f3 = e[:, None], f[None]

        def sides(a, b, c, d):
            """Sines of c's and d's bearings from a, against the bearing of b; how far the farther is."""
            ab, length = self.inv(a[0], a[1], b[0], b[1])
            ac, to_c = self.inv(a[0], a[1], c[0], c[1])
            ad, to_d = self.inv(a[0], a[1], d[0], d[1])
            far = np.maximum(np.maximum(length, to_c), to_d)
            return np.sin(np.radians(ac - ab)), np.sin(np.radians(ad - ab)), far
        a, b = (e3[..., 0], e3[..., 1]), (e3[..., 2], e3[..., 3])
        c, d = (f3[..., 0], f3[..., 1]), (f3[..., 2], f3[..., 3])
        s1, s2, far1 = sides(a, b, c, d)
        s3, s4, far2 = sides(c, d, a, b)
        crossing = (s1 * s2 < 0) & (s3 * s4 < 0) & (np.maximum(far1, far2) < 9e6)
        return np.where(crossing, 0.0, best)

    def in_polygon(self, rings, points):
        inside = self._in_ring(rings[0], points)
        for hole in rings[1:]:
            inside &= ~self._in_ring(hole, points)
        return inside

    def _in_ring(self, ring, points):
        """As seen from the point, does the ring go round it an odd number of times? It does so for the antipode too: the inside is on the
        side of the ring's own middle."""
        azimuth, _ = self.inv(points[:, None, 0], points[:, None, 1], ring[None, :, 0], ring[None, :, 1])
        turn = np.diff(azimuth, axis=1)
        turn -= 360 * np.round(turn / 360)
        winding = np.round(turn.sum(1) / 360).astype(int)

        def space(p):
            lon, lat = np.radians(p[:, 0]), np.radians(p[:, 1])
            return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], 1)
        middle = space(ring[:-1]).mean(0)
        return (winding % 2 == 1) & (space(points) @ middle > 0)


# -------------------------------------------------------------------------------------------------------------- random shapes

def star(rng, x, y, radius, corners, inner=0.4):
    """A simple ring round (x, y), closed."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + 0.4 * (angles - angles.mean()) / corners
    radii = rng.uniform(inner, 1, corners) * radius
    ring = [(float(x + r * np.cos(a)), float(y + r * np.sin(a))) for a, r in zip(angles, radii)]
    return ring + ring[:1]


def random_geometry(rng, kind, x, y, size):
    """A geometry of about that size near (x, y). Kinds: those of WKB, and 'Any'."""
    def spot():
        return float(x + rng.uniform(-size, size)), float(y + rng.uniform(-size, size))

    def line():
        step = rng.normal(0, size / 3, (int(rng.integers(2, 9)), 2))
        return [(float(x + dx), float(y + dy)) for dx, dy in np.cumsum(step, 0)]

    def polygon(x, y, size):
        outer = star(rng, x, y, size, int(rng.integers(5, 12)))
        if rng.random() < 0.5:
            return [outer]
        return [outer, star(rng, x, y, size * 0.3, int(rng.integers(3, 7)), inner=0.5)]
    if kind == 'Any':
        kind = list(CODES)[int(rng.integers(0, 7))]
    count = int(rng.integers(1, 4))
    if kind == 'Point':
        return kind, spot()
    if kind == 'LineString':
        return kind, line()
    if kind == 'Polygon':
        return kind, polygon(x, y, size)
    if kind == 'MultiPoint':
        return kind, [spot() for _ in range(count + 1)]
    if kind == 'MultiLineString':
        return kind, [line() for _ in range(count)]
    if kind == 'MultiPolygon':
        return kind, [polygon(x + 2.5 * size * i, y, size) for i in range(count)]
    return kind, [random_geometry(rng, ('Point', 'LineString', 'Polygon')[int(rng.integers(0, 3))], *spot(), size / 2) for _ in range(count)]


def lattice_shapes(rng, n, side, x0=0, y0=0):
    """Small shapes with whole coordinates: many touch, share edges, are equal, cross themselves or have no extent."""
    def spot(x, y):
        return float(x0 + x), float(y0 + y)

    def line(x, y, count):
        return [spot(x + dx, y + dy) for dx, dy in rng.integers(0, 3, (count, 2))]
    shapes = []
    for _ in range(n):
        x, y = (int(v) for v in rng.integers(0, side, 2))
        w, h = (int(v) for v in rng.integers(1, 4, 2))
        rectangle = [spot(x, y), spot(x + w, y), spot(x + w, y + h), spot(x, y + h), spot(x, y)]
        ring = line(x, y, 4)
        holed = [[spot(x, y), spot(x + 4, y), spot(x + 4, y + 4), spot(x, y + 4), spot(x, y)], [spot(x + 1, y + 1), spot(x + 3, y + 1), spot(x + 3, y + 3), spot(x + 1, y + 1)]]
        shapes.append([('Point', spot(x, y)), ('LineString', line(x, y, 2)), ('LineString', line(x, y, 4)), ('Polygon', [rectangle]), ('Polygon', [rectangle[::-1]]),
                       ('Polygon', [ring + ring[:1]]), ('Polygon', holed), ('MultiPoint', line(x, y, 2)), ('MultiPolygon', [[rectangle], holed]),
                       ('GeometryCollection', [('Point', spot(x, y)), ('LineString', line(x, y, 3)), ('Polygon', [rectangle])])][int(rng.integers(0, 10))])
    return shapes


def random_geometries(rng, kind, n, extent=1000.0, size=30.0, x0=0.0, y0=0.0):
    return [random_geometry(rng, kind, x0 + rng.uniform(0, extent), y0 + rng.uniform(0, extent), size) for _ in range(n)]


def main():
    """Brute force against shapely, and the geodesic one against itself at a finer step."""
    import shapely.wkb
    rng = np.random.default_rng(5)
    for left in CODES:
        for right in CODES:
            a, b = random_geometries(rng, left, 30, 300), random_geometries(rng, right, 30, 300)
            got = distance_matrix(a, b)
            sa, sb = [shapely.wkb.loads(wkb(g)) for g in a], [shapely.wkb.loads(wkb(g)) for g in b]
            want = np.array([[p.distance(q) for q in sb] for p in sa])
            worst = np.abs(got - want).max()
            assert worst < 1e-9, (left, right, worst)
            print('%-18s %-18s %4d zeros, differ by %.1e' % (left, right, (got == 0).sum(), worst))
    globe = Geodesic()
    p = np.stack([rng.uniform(-180, 180, 40), rng.uniform(-90, 90, 40)], 1)
    e = np.stack([rng.uniform(-180, 180, 40), rng.uniform(-85, 85, 40)], 1)
    e = np.concatenate([e, e + rng.uniform(-5, 5, (40, 2))], 1)
    got = globe.point_edge(p, e)
    azimuth, length = globe.inv(e[:, 0], e[:, 1], e[:, 2], e[:, 3])
    fine = np.full(got.shape, np.inf)
    for t in np.linspace(0, 1, 2001):
        lon, lat, _ = globe.fwd(e[:, 0], e[:, 1], azimuth, length * t)
        fine = np.minimum(fine, globe.point_point(p, np.stack([lon, lat], 1)))
    print('point to geodesic: %.2e m above, %.2e m below dense points' % ((got - fine).max(), (fine - got).max()))
    assert (got - fine).max() < 1e-6, 'not the nearest point'


if __name__ == '__main__':
    sys.exit(main())
