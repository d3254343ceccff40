"""What a zone covers, by the definitions and in exact rationals: slow, and nothing shared with the core.

A ring is a list of (column, row) in doubles, not closed. An area is a list of polygons, each a list of rings, the shell first. A window is
(x, y, width, height). Cells are dicts {(row, column): coverage}; a fraction may be negative or above 1 where rings cross themselves."""
from fractions import Fraction
from math import ceil, floor, inf, sqrt


def signed_area(ring):
    """Twice the area, positive where a ring turns from the x axis to the y axis."""
    return sum(p[0] * q[1] - q[0] * p[1] for p, q in edges(ring))


def edges(ring):
    return zip(ring, ring[1:] + ring[:1])


def exactly(ring):
    return [(Fraction(x), Fraction(y)) for x, y in ring]


def is_collinear(ring):
    p = ring[0]
    q = next((q for q in ring if q != p), None)
    return q is None or all((q[0] - p[0]) * (r[1] - p[1]) == (r[0] - p[0]) * (q[1] - p[1]) for r in ring)


def oriented(polygons):
    """Rings that add what they cover: shells positive, holes negative."""
    rings = []
    for polygon in polygons:
        for number, ring in enumerate(polygon):
            ring = exactly(ring)
            if is_collinear(ring):
                if number == 0:
                    break
                continue
            positive = signed_area(ring) > 0
            rings.append(ring if positive == (number == 0) else ring[::-1])
    return rings


def clip(ring, axis, bound, above):
    """The part of a ring on one side of a line along an axis (Sutherland, Hodgman 1974): signed areas stay right."""
    out = []
    for p, q in edges(ring):
        p_in, q_in = (p[axis] >= bound, q[axis] >= bound) if above else (p[axis] <= bound, q[axis] <= bound)
        if p_in:
            out.append(p)
        if p_in != q_in:
            t = (bound - p[axis]) / (q[axis] - p[axis])
            other = p[1 - axis] + t * (q[1 - axis] - p[1 - axis])
            out.append((bound, other) if axis == 0 else (other, bound))
    return out


def range_within(values, begin, end):
    """Cells of begin..end that values may lie in."""
    return range(max(begin, floor(min(max(min(values), -2), end))), min(end, floor(max(min(max(values), end), -2)) + 1))


def fractions(polygons, window):
    x, y, width, height = window
    cells = {}
    for ring in oriented(polygons):
        for row in range_within([p[1] for p in ring], y, y + height):
            strip = clip(clip(ring, 1, row, True), 1, row + 1, False)
            if not strip:
                continue
            for column in range_within([p[0] for p in strip], x, x + width):
                cell = clip(clip(strip, 0, column, True), 0, column + 1, False)
                if cell:
                    area = signed_area(cell) / 2
                    cells[row, column] = cells.get((row, column), 0) + area
                strip = clip(strip, 0, column, True)
    return {cell: area for cell, area in cells.items() if area != 0}


def fractions_by_edges(polygons, window):
    """The same for many vertices: each edge, as the area to its right in each cell of its rows; rows are summed up."""
    x, y, width, height = window
    here, onward = {}, {}
    for ring in oriented(polygons):
        for p, q in edges(ring):
            if p[1] == q[1]:
                continue
            row, column = floor(p[1]), floor(p[0])
            if row == floor(q[1]) and column == floor(q[0]) and y <= row < y + height and x <= column < x + width:
                share = column + 1 - (p[0] + q[0]) / 2
                here[row, column] = here.get((row, column), 0) - (q[1] - p[1]) * share
                onward[row, column + 1] = onward.get((row, column + 1), 0) - (q[1] - p[1])
                continue
            slope = (q[0] - p[0]) / (q[1] - p[1])
            for row in range_within([p[1], q[1]], y, y + height):
                a, b = min(max(p[1], row), row + 1), min(max(q[1], row), row + 1)
                if a == b:
                    continue
                at_a, at_b = p[0] + (a - p[1]) * slope, p[0] + (b - p[1]) * slope
                last = ceil(max(at_a, at_b))
                for column in range(max(x, floor(min(at_a, at_b))), min(x + width, last)):
                    left_a, left_b = min(max(at_a, column), column + 1), min(max(at_b, column), column + 1)
                    share = trapezoid(at_a, at_b, left_a, left_b, column + 1)
                    here[row, column] = here.get((row, column), 0) - (b - a) * share
                onward[row, max(x, last)] = onward.get((row, max(x, last)), 0) - (b - a)
    cells = {}
    for row in range(y, y + height):
        total = Fraction(0)
        for column in range(x, x + width):
            total += onward.get((row, column), 0)
            area = total + here.get((row, column), 0)
            if area != 0:
                cells[row, column] = area
    return cells


def trapezoid(a, b, clipped_a, clipped_b, right):
    """The mean, over a straight way from a to b, of how much of a cell lies right of it: the places are cut to it."""
    if a == b:
        return right - clipped_a
    within = (clipped_b - clipped_a) / (b - a)  # of the way
    before = (clipped_a - a) / (b - a)
    left_of_cell = before if b > a else 1 - within - before
    return left_of_cell + within * (right - Fraction(clipped_a + clipped_b) / 2)


def windings(polygons, window):
    """Of cell centres. A centre on an edge is right of it, on a horizontal edge below it."""
    x, y, width, height = window
    cells = {}
    for ring in oriented(polygons):
        for p, q in edges(ring):
            for row in range_within([p[1], q[1]], y, y + height):
                center = Fraction(2 * row + 1, 2)
                if (p[1] <= center) == (q[1] <= center):
                    continue
                at = p[0] + (center - p[1]) / (q[1] - p[1]) * (q[0] - p[0])
                first = min(max(x, ceil(at - Fraction(1, 2))), x + width)
                for column in range(first, x + width):
                    cells[row, column] = cells.get((row, column), 0) + (1 if p[1] > q[1] else -1)
    return {cell: winding for cell, winding in cells.items() if winding}


def cross(lines):
    """Whether two edges cross in a point that is no end of either."""
    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    return any(side(*a, b[0]) * side(*a, b[1]) < 0 and side(*b, a[0]) * side(*b, a[1]) < 0
               for i, a in enumerate(lines) for b in lines[:i])


def part_within(p, q, row, column):
    """The part of an edge in a closed cell, from t0 to t1 of its length; t0 > t1 if there is none."""
    t0, t1 = Fraction(0), Fraction(1)
    for axis, low in ((0, column), (1, row)):
        d = q[axis] - p[axis]
        if d == 0:
            if not low <= p[axis] <= low + 1:
                return 1, 0
            continue
        a, b = (low - p[axis]) / d, (low + 1 - p[axis]) / d
        t0, t1 = max(t0, min(a, b)), min(t1, max(a, b))
    return t0, t1


def passed(lines, window, half_open):
    """Cells through whose inside an edge passes; with half_open also those that have an edge on their left or upper side. As the lengths of
    the parts."""
    x, y, width, height = window
    cells = {}
    for p, q in lines:
        dx, dy = q[0] - p[0], q[1] - p[1]
        if dx == dy == 0:
            continue
        length = sqrt(float(dx) ** 2 + float(dy) ** 2) if max(abs(dx), abs(dy)) < 1e150 else inf
        for row in range_within([p[1], q[1]], y, y + height):
            for column in range_within([p[0], q[0]], x, x + width):
                t0, t1 = part_within(p, q, row, column)
                if t0 >= t1:
                    continue
                middle = (p[0] + (t0 + t1) / 2 * dx - column, p[1] + (t0 + t1) / 2 * dy - row)
                if all(0 < m < 1 or (half_open and m == 0) for m in middle):
                    cells[row, column] = cells.get((row, column), 0) + float(t1 - t0) * length
    return cells
