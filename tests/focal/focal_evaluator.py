"""Neighbours, windows and terrain a second time: slow, plain, numpy alone, written from their definitions.

    focal('mean', x, circle(2), nodata='fill', edge='wrap')    neighbor(x, -1, 0)    slope(x, Ground(geotransform))

Rasters are float64 arrays; NaN is a cell without a value, and what comes of a cell that has none. Sums are computed in long double
and rounded once; slack() says how far an honest sum in double may be from them.
"""
import math

import numpy as np

EDGES = ('shrink', 'nearest', 'reflect', 'wrap', 'wrapx', 'nodata')
POLICIES = ('skip', 'fill', 'spread')
STATISTICS = ('mean', 'sum', 'min', 'max', 'range', 'std', 'var', 'median', 'percentile', 'majority', 'minority',
              'variety', 'count')
INEXACT = ('mean', 'sum', 'std', 'var')  # the others are values of the raster, or follow from two of them
WEIGHTED = INEXACT  # what takes weights other than 0 and 1
UNIT = 2.0**-53  # the relative error of one operation
TINY = 1e-320  # and what is lost of numbers near the least

# ---- windows: arrays of weights around the cell in the centre, 0 where a cell does not belong ---------------------------


def box(rows, columns=None):
    return np.ones((rows, columns or rows))


def _places(radius, width, height):
    rows, columns = math.floor(radius / height + 1e-9), math.floor(radius / width + 1e-9)
    row, column = np.mgrid[-rows:rows + 1, -columns:columns + 1]
    return column * width, -row * height


def circle(radius, width=1, height=1):
    """width and height of a cell in the unit of the radius."""
    east, north = _places(radius, width, height)
    return (east**2 + north**2 <= radius**2 * (1 + (0 if width == height == 1 else 1e-12))) * 1.0


def annulus(inner, outer, width=1, height=1):
    east, north = _places(outer, width, height)
    square = east**2 + north**2
    return ((square > inner**2) & (square <= outer**2)) * 1.0


def wedge(radius, begin, end):
    """Degrees counter-clockwise from the right; the centre belongs to it."""
    east, north = _places(radius, 1, 1)
    span = 360 if end != begin and (end - begin) % 360 == 0 else (end - begin) % 360
    turn = (np.degrees(np.arctan2(north, east)) - begin + 1e-9) % 360
    inside = (turn <= span + 2e-9) | ((east == 0) & (north == 0))
    return ((east**2 + north**2 <= radius**2) & inside) * 1.0


def gaussian(sigma):
    reach = int(4 * sigma + 0.5)
    line = np.exp(-np.arange(-reach, reach + 1)**2 / (2 * sigma**2))
    line /= line.sum()
    return line[:, None] * line[None, :]


def is_weighted(weights):
    return not np.isin(weights, (0, 1)).all()

# ---- looking around ----------------------------------------------------------------------------------------------------


def stand_in(at, n, edge):
    """The index of the cell that stands for each of `at`, -1 where none does."""
    at = np.asarray(at)
    if edge == 'nearest':
        return np.clip(at, 0, n - 1)
    if edge in ('wrap', 'wrapx'):
        return at % n
    if edge == 'reflect':
        return np.where(at % (2 * n) < n, at % (2 * n), 2 * n - 1 - at % (2 * n))
    return np.where((at >= 0) & (at < n), at, -1)


def shifted(x, row, column, edge='shrink'):
    """Each cell's neighbour that many rows down and columns right, and where there is none."""
    rows = stand_in(np.arange(x.shape[0]) + row, x.shape[0], 'shrink' if edge == 'wrapx' else edge)
    columns = stand_in(np.arange(x.shape[1]) + column, x.shape[1], edge)
    outside = (rows < 0)[:, None] | (columns < 0)[None, :]
    return np.where(outside, np.nan, x[rows][:, columns]), outside


def neighbor(x, row, column):
    return shifted(x, row, column)[0]


def look(x, weights, edge):
    """Cells of the window x height x width: the values, and which of them lie outside of the raster."""
    if not (_seen and _seen[0] is x and _seen[1] is weights and _seen[2] == edge):
        top, left = weights.shape[0] // 2, weights.shape[1] // 2
        cells = [shifted(x, row - top, column - left, edge) for row, column in np.argwhere(weights)]
        _seen[:] = x, weights, edge, np.array([cell for cell, _ in cells]), np.array([outside for _, outside in cells])
    return _seen[3].copy(), _seen[4]


_seen = []  # the last look: several statistics of a window follow one another

# ---- statistics of windows ---------------------------------------------------------------------------------------------


def _sums(values, w):
    """Of weighted values, of the weights in use."""
    there = ~np.isnan(values)
    wide = w.astype(np.longdouble)[:, None, None]
    return (np.where(there, values, 0) * wide).sum(0), (there * wide).sum(0)


def _variance(values, w):
    least = np.fmin.reduce(values)  # differences are as exact for large values that differ by little
    values = values.astype(np.longdouble) - least
    total, weight = _sums(values, w)
    return np.where(np.isfinite(total), _sums((values - total / weight)**2, w)[0] / weight, np.nan)


def _by_number(values, n, statistic):
    """statistic() of the cells that have a value, for all windows that have as many."""
    ordered, result = np.sort(values, 0), np.full(n.shape, np.nan)
    for m in set(n[n > 0].flat):
        result[n == m] = statistic(ordered[:m, n == m])
    return result


def _frequent(values, most):
    """The value that is there most often, or least: the lowest of those."""
    often = np.array([np.where(np.isnan(one), np.nan, (values == one).sum(0)) for one in values])
    best = np.nanmax(often, 0) if most else np.nanmin(often, 0)
    return np.nanmin(np.where(often == best, values, np.nan), 0)


def _median(ordered):
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return np.where(low == high, low, (low + high) / 2)


def _percentile(ordered, p):
    """numpy's; between an infinite value and another one the infinite one."""
    place = (len(ordered) - 1) * (p / 100)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    infinite = np.where(np.isinf(low), low, high)
    return np.where(low == high, low, np.where(np.isinf(low) ^ np.isinf(high), infinite, np.percentile(ordered, p, 0)))


def _statistic(name, values, w, n, p):
    if name == 'sum':
        return _sums(values, w)[0]
    if name == 'mean':
        total, weight = _sums(values, w)
        return np.where(weight == 0, np.nan, total / weight)
    if name in ('var', 'std'):
        return _variance(values, w) if name == 'var' else np.sqrt(_variance(values, w))
    if name == 'count':
        return n
    if name in ('majority', 'minority'):
        return _frequent(values, name == 'majority')
    return _by_number(values, n, {
        'min': lambda v: v[0], 'max': lambda v: v[-1], 'range': lambda v: v[-1] - v[0],
        'median': _median, 'percentile': lambda v: _percentile(v, p),
        'variety': lambda v: 1 + (v[1:] != v[:-1]).sum(0)}[name])


def _quiet(function):
    def call(*arguments, **options):
        with np.errstate(all='ignore'):
            return function(*arguments, **options)
    return call


@_quiet
def focal(name, x, weights, nodata='skip', edge='shrink', p=50):
    values, outside = look(x, weights, edge)
    missing = np.isnan(values)
    n = (~missing).sum(0)
    empty = n == 0
    values[:, empty] = 0  # none of these is looked at
    result = np.array(_statistic(name, values, weights[weights != 0],
                                 np.where(empty & (name != 'count'), len(values), n), p), np.float64)
    if name != 'count':
        result[empty] = np.nan
    if nodata != 'fill':
        result[np.isnan(x)] = np.nan
    if nodata == 'spread':
        result[missing.any(0)] = np.nan  # beyond the edge nothing is there, either
    if edge == 'nodata':
        result[outside.any(0)] = np.nan
    return result + 0.0


@_quiet
def slack(name, x, weights, edge='shrink'):
    """How far a sum in double, in rows and then columns, or one term after the other where there are weights, may be from the true one."""
    values = look(x, weights, edge)[0]
    w = weights[weights != 0]
    total, weight = _sums(values, w)
    size, heavy = _sums(np.abs(values), np.abs(w))
    additions = w.size + 1 if is_weighted(weights) else sum(weights.shape)
    if name == 'sum':
        return np.float64(additions * UNIT * size) + TINY
    if name == 'mean':
        mean = np.abs(total / weight)
        return np.float64(additions * UNIT * (size + heavy * mean) / np.abs(weight) + UNIT * mean) + TINY
    variance = _variance(values, w)
    rounded = additions * UNIT * np.fmax.reduce(np.abs(values)) if is_weighted(weights) else 0  # of the mean
    if name == 'var':
        return np.float64(1e-12 * variance + rounded**2) + 1e-300  # where squares underflow
    return np.float64(1e-12 * np.sqrt(variance) + rounded) + 1e-150

# ---- terrain -----------------------------------------------------------------------------------------------------------


class Ground:
    """Steps of a raster: geotransform, and for longitude and latitude the ellipsoid (semi-major axis, flattening)."""

    def __init__(self, geotransform, ellipsoid=None):
        self.gt, self.ellipsoid = geotransform, ellipsoid

    def steps(self, height, width):
        """east and north of a step by column, and by row; arrays."""
        gt = self.gt
        row, column = np.mgrid[0:height, 0:width] + 0.5
        steps = [np.full((height, width), float(gt[i])) for i in (1, 4, 2, 5)]
        if self.ellipsoid:
            axis, flattening = self.ellipsoid
            latitude = np.radians(gt[3] + column * gt[4] + row * gt[5])
            square = flattening * (2 - flattening)
            root = np.sqrt(1 - square * np.sin(latitude)**2)
            east, north = axis * np.cos(latitude) / root, axis * (1 - square) / root**3
            steps = [np.radians(step) * factor for step, factor in zip(steps, (east, north, east, north))]
        return steps


ROW, COLUMN = (place.ravel() for place in np.mgrid[-1:2, -1:2])
HORN = np.outer([1, 2, 1], [1, 2, 1]).ravel().astype(float)
PLANE = np.stack([np.ones(9), COLUMN, ROW], 1)
SURFACE = np.column_stack([PLANE, COLUMN**2 / 2, COLUMN * ROW, ROW**2 / 2])


def _fitted(cells, terms):
    """Factors of the terms but the first, by weighted least squares through the cells that have a value."""
    result = np.full((terms.shape[1] - 1,) + cells.shape[1:], np.nan)
    pattern = ((1 << np.arange(9))[:, None, None] * ~np.isnan(cells)).sum(0)
    for one in set(pattern[~np.isnan(cells[4])].flat):
        there, at = [bool(one >> i & 1) for i in range(9)], (pattern == one) & ~np.isnan(cells[4])
        root = np.sqrt(HORN[there])[:, None]
        if np.linalg.matrix_rank(terms[there]) == terms.shape[1]:
            change = (cells[:, at] - cells[4, at])[there]
            found = np.linalg.lstsq(root * terms[there], root * change, rcond=None)[0][1:]
            result[:, at] = np.where(np.abs(found) < 1e-14 * np.abs(change).max(0), 0, found)  # what cancels is zero
    return result


def _derivatives(x, method, edge, second):
    """By column and row: two first ones, and three second ones."""
    cells = np.array([shifted(x, row, column, edge)[0] for row, column in zip(ROW, COLUMN)])
    a, b, c, d, e, f, g, h, i = cells
    result = _fitted(cells, SURFACE if second else PLANE)
    if method != 'zevenbergenthorne':
        if not second:  # the same, without what least squares leave of a zero
            whole = ~np.isnan(cells).any(0)
            result = np.where(whole, [((c + 2 * f + i) - (a + 2 * d + g)) / 8, ((g + 2 * h + i) - (a + 2 * b + c)) / 8],
                              result)
        return result
    own = [(f - d) / 2, (h - b) / 2]
    if second:
        own += [d - 2 * e + f, (a - c - g + i) / 4, b - 2 * e + h]
    known = ~np.isnan(cells).any(0) if second else ~np.isnan(b + d + f + h + e)
    return np.where(known, own, result)


def gradient(x, ground, method='horn', z=1, edge='shrink'):
    """dz/deast, dz/dnorth."""
    by_column, by_row = _derivatives(x, method, edge, False) * z
    ce, cn, re, rn = ground.steps(*x.shape)
    determinant = ce * rn - cn * re
    return (by_column * rn - by_row * cn) / determinant, (by_row * ce - by_column * re) / determinant


def _spread_from_edges(result, x, edge):
    if edge == 'nodata':
        for cut in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            result[cut] = np.nan
    return result


@_quiet
def slope(x, ground, unit='degree', edge='shrink', **how):
    steep = np.hypot(*gradient(x, ground, edge=edge, **how))
    return _spread_from_edges(np.degrees(np.arctan(steep)) if unit == 'degree' else 100 * steep, x, edge)


@_quiet
def aspect(x, ground, angle='azimuth', flat=math.nan, edge='shrink', **how):
    p, q = gradient(x, ground, edge=edge, **how)
    downhill = np.degrees(np.arctan2(-p, -q) if angle == 'azimuth' else np.arctan2(-q, -p)) % 360
    result = np.where((p == 0) & (q == 0), flat, np.where(downhill == 360, 0, downhill))
    return _spread_from_edges(np.where(np.isnan(p + q), np.nan, result), x, edge)


@_quiet
def hillshade(x, ground, azimuth=315, altitude=45, variant='regular', edge='shrink', **how):
    p, q = gradient(x, ground, edge=edge, **how)
    length, steep = np.sqrt(1 + p * p + q * q), np.hypot(p, q)

    def cosine(from_azimuth):
        az, up = math.radians(from_azimuth), math.radians(altitude)
        return (math.sin(up) - math.cos(up) * (p * math.sin(az) + q * math.cos(az))) / length
    lit = np.maximum(0, cosine(azimuth))
    if variant == 'combined':
        lit = np.maximum(0, 1 - np.arccos(np.clip(cosine(azimuth), -1, 1)) * np.arctan(steep) / (math.pi / 2)**2)
    downhill = np.arctan2(-p, -q)
    if variant == 'multidirectional':
        lit = sum(np.cos(downhill - math.radians(from_azimuth))**2 * np.maximum(0, cosine(from_azimuth))
                  for from_azimuth in (225, 270, 315, 360)) / 2
        lit = np.where(steep == 0, math.sin(math.radians(altitude)), lit)
    result = 1 + 254 * lit
    if variant == 'igor':
        turn = np.abs((np.degrees(downhill) - azimuth - 180 + 180) % 360 - 180)
        result = 255 * (1 - np.degrees(np.arctan(steep)) / 90 * (1 - turn / 180))
    return _spread_from_edges(np.where(np.isnan(p + q), np.nan, result), x, edge)


@_quiet
def curvature(x, ground, type='profile', method='horn', z=1, flat=math.nan, edge='shrink'):
    d = _derivatives(x, method, edge, True) * z
    ce, cn, re, rn = ground.steps(*x.shape)
    inverse = np.linalg.inv(np.moveaxis(np.array([[ce, cn], [re, rn]]), (0, 1), (2, 3)))
    hesse = inverse @ np.moveaxis(np.array([[d[2], d[3]], [d[3], d[4]]]), (0, 1), (2, 3)) @ np.swapaxes(inverse, 2, 3)
    p, q = np.moveaxis((inverse @ np.moveaxis(d[:2], 0, 2)[..., None])[..., 0], 2, 0)
    r, s, t = hesse[..., 0, 0], hesse[..., 0, 1], hesse[..., 1, 1]
    square = p * p + q * q
    down, across = p * p * r + 2 * p * q * s + q * q * t, q * q * r - 2 * p * q * s + p * p * t
    if type == 'mean':
        result = -((1 + q * q) * r - 2 * p * q * s + (1 + p * p) * t) / (2 * (1 + square)**1.5)
    else:
        result = -{'profile': down / (square * (1 + square)**1.5), 'plan': across / square**1.5,
                   'tangential': across / (square * np.sqrt(1 + square))}[type]
        result = np.where(square == 0, flat, result)
    return _spread_from_edges(np.where(np.isnan(square + r + s + t), np.nan, result), x, edge)


@_quiet
def around(kind, x, size=3, variant='riley', z=1, edge='shrink'):
    """tpi, tri and roughness."""
    others = box(size)
    others[size // 2, size // 2] = 0
    values, outside = look(x, others, edge)
    n = (~np.isnan(values)).sum(0)
    alone = np.isnan(x) | (n == 0)
    values[:, alone] = 0
    change = np.abs(values - x)
    if kind == 'tpi':
        result = z * (x - np.nansum(values, 0) / n)
    elif kind == 'roughness':
        result = abs(z) * (np.fmax(x, np.nanmax(values, 0)) - np.fmin(x, np.nanmin(values, 0)))
    else:
        result = abs(z) * (np.sqrt(np.nansum(change**2, 0)) if variant == 'riley' else np.nansum(change, 0) / n)
    return np.where(alone | (edge == 'nodata') & outside.any(0), np.nan, result)
