#!/usr/bin/python3
"""Coverage of cells against exact rationals: random polygons, lines and points of all kinds, windows of all cuts, partitions of the plane.

    test_coverage.py PROGRAM    the program is tests/zonal/cover_zones.c. FISHNET_SEED, FISHNET_CASES (a factor)"""
import collections
import math
import os
import random
import struct
import subprocess
import sys

import exact

CENTER, FRACTION, TOUCHED = range(3)
RULES = (CENTER, FRACTION, TOUCHED)
ERROR = 1e-12  # of a coverage against the exact one
CONSISTENT = 1e-9  # how far beyond 0..1 a coverage may be and nobody is told
PIXELS = (0, 1, 0, 0, 0, 1)

Question = collections.namedtuple('Question', 'wkb rule windows geotransform', defaults=(PIXELS,))
Answer = collections.namedtuple('Answer', 'usable extent windows')  # windows: [(consistent, [(row, column, count, coverage)])]


# ---- geometries ----

def wkb_path(points):
    return struct.pack('<I', len(points)) + b''.join(struct.pack('<2d', *p) for p in points)


def wkb_polygon(rings):
    return struct.pack('<BII', 1, 3, len(rings)) + b''.join(wkb_path(ring + ring[:1]) for ring in rings)


def wkb_area(polygons):
    if len(polygons) == 1:
        return wkb_polygon(polygons[0])
    return struct.pack('<BII', 1, 6, len(polygons)) + b''.join(wkb_polygon(rings) for rings in polygons)


def wkb_lines(lines):
    parts = [struct.pack('<BI', 1, 2) + wkb_path(line) for line in lines]
    return parts[0] if len(parts) == 1 else struct.pack('<BII', 1, 5, len(parts)) + b''.join(parts)


def wkb_points(points):
    return struct.pack('<BII', 1, 4, len(points)) + b''.join(struct.pack('<BI2d', 1, 1, *p) for p in points)


# ---- the program ----

def ask(questions):
    data = b''.join(struct.pack('=6d3I', *q.geotransform, q.rule, len(q.wkb), len(q.windows)) + q.wkb +
                    b''.join(struct.pack('=4q', *w) for w in q.windows) for q in questions)
    out = subprocess.run([sys.argv[1]], input=data, stdout=subprocess.PIPE, check=True).stdout
    at, answers = 0, []
    for q in questions:
        usable, *extent = struct.unpack_from('=I4q', out, at)
        at += 36
        windows = []
        for _ in q.windows:
            consistent, n = struct.unpack_from('=2I', out, at)
            at += 8
            windows.append((consistent, [struct.unpack_from('=3id', out, at + 20 * i) for i in range(n)]))
            at += 20 * n
        answers.append(Answer(usable, tuple(extent), windows))
    assert at == len(out)
    return answers


def cells_of(spans):
    """As a dict; spans are sorted, do not overlap, and end where the coverage changes."""
    cells, before = {}, (-1, 0, 0, 0)
    for row, column, count, coverage in spans:
        assert count > 0 and coverage > 0
        assert row > before[0] or (row == before[0] and column >= before[1] + before[2]), (before, row, column)
        assert (row, column, coverage) != (before[0], before[1] + before[2], before[3]), 'two spans that are one'
        before = (row, column, count, coverage)
        for i in range(count):
            cells[row, column + i] = coverage
    return cells


def within(cells, window):
    x, y, width, height = window
    return {cell: v for cell, v in cells.items() if y <= cell[0] < y + height and x <= cell[1] < x + width}


# ---- the cases ----

def random_windows(dice, window):
    """The whole first; then strips of all rows, tiles, and any part."""
    x, y, width, height = window
    rows, columns = dice.randint(1, height), dice.randint(1, width)
    windows = [window]
    windows += [(x, r, width, min(rows, y + height - r)) for r in range(y, y + height, rows)]
    windows += [(c, r, min(columns, x + width - c), min(rows, y + height - r))
                for r in range(y, y + height, rows) for c in range(x, x + width, columns)]
    c, r = dice.randint(x, x + width), dice.randint(y, y + height)
    windows.append((c, r, dice.randint(0, x + width - c), dice.randint(0, y + height - r)))
    return windows


def coordinate(dice, kind, size):
    if kind == 'halves':  # borders and centres
        return dice.randint(-2, 2 * size + 2) / 2
    if kind == 'eighths':
        return dice.randint(-8, 8 * size + 8) / 8
    if kind == 'near':  # so near to borders and centres that rounding decides
        return dice.randint(-2, 2 * size + 2) / 2 + dice.choice((0, 0, 1, -1, 3)) * 2.0 ** dice.randint(-60, -40)
    if kind == 'far' and dice.random() < 0.4:
        return dice.choice((-1, 1)) * 10.0 ** dice.choice((3, 6, 9, 15, 20, 40, 100)) * dice.uniform(1, 9)
    return dice.uniform(-1, size + 1)


def random_ring(dice, kind, size):
    n = dice.choice((3, 3, 4, 4, 5, 6, 8, 12))
    if dice.random() < 0.4 and kind != 'far':  # a star around a point: does not cross itself
        cx, cy = coordinate(dice, kind, size), coordinate(dice, kind, size)
        angles = sorted(dice.uniform(0, 2 * math.pi) for _ in range(n))
        ring = [(cx + r * math.cos(a), cy + r * math.sin(a)) for a in angles for r in [dice.uniform(0.05, size)]]
        if kind in ('halves', 'eighths'):
            step = 2 if kind == 'halves' else 8
            ring = [(round(px * step) / step, round(py * step) / step) for px, py in ring]
    else:
        ring = [(coordinate(dice, kind, size), coordinate(dice, kind, size)) for _ in range(n)]
    if dice.random() < 0.2:  # a spike: out, and back the same way
        at = dice.randrange(len(ring))
        ring[at:at + 1] = [ring[at], (coordinate(dice, kind, size), coordinate(dice, kind, size)), ring[at]]
    if dice.random() < 0.15:  # a sliver
        p, q, t = ring[0], ring[1], dice.random()
        ring = [p, q, (p[0] + t * (q[0] - p[0]) + dice.uniform(-1, 1) * 1e-7, p[1] + t * (q[1] - p[1]))]
    if dice.random() < 0.1:
        ring.insert(dice.randrange(len(ring)), ring[0])
    return ring


KINDS = ('halves', 'halves', 'eighths', 'any', 'any', 'near', 'far')


def random_area(dice, kind, size):
    polygons = []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        polygons.append([random_ring(dice, kind, size) for _ in range(dice.choice((1, 1, 1, 2)))])
    return polygons


def moved(dice, polygons, window):
    """Far from the origin, where a double has fewer bits for the fraction."""
    by = dice.choice((0, 0, 100, 99999, 2 ** 30))
    area = [[[(x + by, y + by) for x, y in ring] for ring in rings] for rings in polygons]
    return area, (window[0] + by, window[1] + by) + window[2:]


def ambiguous(polygons):
    """A ring without area that is no line: which side is inside?"""
    return any(exact.signed_area(ring) == 0 and not exact.is_collinear(ring)
               for rings in polygons for ring in map(exact.exactly, rings))


def check_windows(answer, question):
    """All windows say the same as the first. Returns that."""
    cells = cells_of(answer.windows[0][1])
    for (consistent, spans), window in zip(answer.windows, question.windows):
        part = cells_of(spans)
        assert part == within(cells, window), (window, part, within(cells, window))
        assert consistent or not answer.windows[0][0]
    x, y, width, height = answer.extent
    assert all(y <= r < y + height and x <= c < x + width for r, c in cells), (answer.extent, cells)
    return cells


def check_fractions(cells, consistent, truth, crosses=None):
    """crosses: whether edges of a zone cross that is so small that this matters; None if it is not."""
    for cell in cells.keys() | truth.keys():
        right = truth.get(cell, 0)
        assert abs(cells.get(cell, 0) - min(max(right, 0), 1)) <= ERROR, (cell, cells.get(cell, 0), float(right))
    beyond = max([max(-v, v - 1) for v in truth.values()], default=0)
    if beyond > 1.01 * CONSISTENT or beyond < 0.9 * CONSISTENT:
        assert consistent == (beyond < CONSISTENT and not crosses), (consistent, float(beyond))


def crosses(question, answer, polygons):
    rings = exact.oriented(polygons)
    small = answer.extent[2] <= 3 and answer.extent[3] <= 3 and sum(len(ring) + 1 for ring in rings) <= 64
    return exact.cross([edge for ring in rings for edge in exact.edges(ring)]) if small else None


def check_area(question, answer, polygons):
    cells = check_windows(answer, question)
    consistent, window = answer.windows[0][0], question.windows[0]
    crossed = crosses(question, answer, polygons)
    if question.rule == FRACTION:
        check_fractions(cells, consistent, exact.fractions(polygons, window), crossed)
        return
    truth = exact.windings(polygons, window)
    right = {cell for cell, winding in truth.items() if winding > 0}
    if question.rule == TOUCHED:
        rings = exact.oriented(polygons)
        right |= exact.passed([edge for ring in rings for edge in exact.edges(ring)], window, False).keys()
    assert cells == dict.fromkeys(right, 1.0), (sorted(cells), sorted(right))
    assert consistent == (all(winding == 1 for winding in truth.values()) and not crossed), (consistent, truth, crossed)


def areas(dice, count):
    cases = []
    for i in range(count):
        kind, size = dice.choice(KINDS), dice.randint(1, 7)
        polygons, window = moved(dice, random_area(dice, kind, size), (0, 0, size, size))
        if ambiguous(polygons):
            continue
        cases.append((Question(wkb_area(polygons), RULES[i % 3], random_windows(dice, window)), polygons))
    return run(cases, check_area)


def check_line(question, answer, lines):
    cells = check_windows(answer, question)
    assert all(consistent for consistent, _ in answer.windows)
    pieces = [(p, q) for line in map(exact.exactly, lines) for p, q in zip(line, line[1:])]
    truth = exact.passed(pieces, question.windows[0], True)
    if question.rule != FRACTION:
        assert cells == dict.fromkeys(truth, 1.0), (sorted(cells), sorted(truth))
        return
    for cell in cells.keys() | truth.keys():
        assert abs(cells.get(cell, 0) - truth.get(cell, 0)) <= ERROR * len(pieces), (cell, cells.get(cell), truth.get(cell))


def lines(dice, count):
    cases = []
    for i in range(count):
        kind, size = dice.choice(KINDS[:-1]), dice.randint(1, 7)
        by = dice.choice((0, 0, 1000))
        parts = [[(coordinate(dice, kind, size) + by, coordinate(dice, kind, size) + by) for _ in range(dice.randint(2, 6))]
                 for _ in range(dice.choice((1, 1, 2)))]
        cases.append((Question(wkb_lines(parts), RULES[i % 3], random_windows(dice, (by, by, size, size))), parts))
    return run(cases, check_line)


def check_points(question, answer, points):
    right = {(math.floor(y), math.floor(x)) for x, y in points}
    assert check_windows(answer, question) == within(dict.fromkeys(right, 1.0), question.windows[0])


def points(dice, count):
    cases = []
    for i in range(count):
        kind, size = dice.choice(KINDS), dice.randint(1, 7)
        spots = [(coordinate(dice, kind, size), coordinate(dice, kind, size)) for _ in range(dice.randint(1, 20))]
        cases.append((Question(wkb_points(spots), RULES[i % 3], random_windows(dice, (0, 0, size, size))), spots))
    return run(cases, check_points)


def run(cases, check):
    for (question, geometry), answer in zip(cases, ask([question for question, _ in cases])):
        try:
            check(question, answer, geometry)
        except AssertionError:
            print('rule %d, windows %s: %s' % (question.rule, question.windows, geometry))
            raise
    return len(cases)


# ---- partitions ----

def cut_by_lines(dice, size, n):
    """The plane in polygons that share their edges: a square, cut by n lines, each edge at one place for both sides."""
    far = 2.0 * size
    faces = [[(-far, -far), (far, -far), (far, far), (-far, far)]]
    for _ in range(n):
        if dice.random() < 0.4:  # through centres or corners of cells
            x0, y0, dx, dy = (dice.randint(0, 2 * size) / 2, dice.randint(0, 2 * size) / 2,
                              dice.choice((-2, -1, 0, 1, 3)), dice.choice((-1, 1, 2)))
        else:
            x0, y0, dx, dy = dice.uniform(0, size), dice.uniform(0, size), dice.uniform(-1, 1), dice.uniform(-1, 1)
        crossings, cut = {}, []
        for face in faces:
            sides = [(p[0] - x0) * dy - (p[1] - y0) * dx for p in face]
            left, right = [], []
            for i, p in enumerate(face):
                q, a, b = face[(i + 1) % len(face)], sides[i], sides[(i + 1) % len(face)]
                if a >= 0:
                    left.append(p)
                if a <= 0:
                    right.append(p)
                if a * b < 0:
                    at = crossings.setdefault(frozenset((p, q)), (p[0] + a / (a - b) * (q[0] - p[0]), p[1] + a / (a - b) * (q[1] - p[1])))
                    left.append(at)
                    right.append(at)
            cut += [part for part in (left, right) if len(part) > 2 and not exact.is_collinear(exact.exactly(part))]
        faces = cut
    return faces


def mesh(dice, size, n):
    """A grid of n x n quadrilaterals, moved at random, on halves of cells or anywhere, the outer ones far outside."""
    kind, step = dice.choice(('halves', 'any')), (size + 4) / n
    spot = {}
    for i in range(n + 1):
        for j in range(n + 1):
            x, y = -2 + step * (i + dice.uniform(-.2, .2)), -2 + step * (j + dice.uniform(-.2, .2))
            if kind == 'halves':
                x, y = round(2 * x) / 2, round(2 * y) / 2
            spot[i, j] = (-2.0 if i == 0 else size + 2.0 if i == n else x, -2.0 if j == 0 else size + 2.0 if j == n else y)
    faces = []
    for i in range(n):
        for j in range(n):
            a, b, c, d = spot[i, j], spot[i + 1, j], spot[i + 1, j + 1], spot[i, j + 1]
            faces += [[a, b, c], [a, c, d]] if dice.random() < 0.5 else [[a, b, d], [b, c, d]]
    return [face for face in faces if exact.signed_area(exact.exactly(face)) > 0]


def partitions(dice, count):
    total = 0
    for _ in range(count):
        size = dice.randint(3, 12)
        faces = cut_by_lines(dice, size, dice.randint(1, 8)) if dice.random() < 0.6 else mesh(dice, size, dice.randint(2, 8))
        total += len(faces)
        for face in faces:  # whichever way they are stored
            if dice.random() < 0.5:
                face.reverse()
        everywhere = {(r, c) for r in range(size) for c in range(size)}
        for rule in (CENTER, FRACTION):
            sums = collections.Counter()
            for answer in ask([Question(wkb_area([[face]]), rule, [(0, 0, size, size)]) for face in faces]):
                assert answer.windows[0][0] or rule == FRACTION
                sums.update(cells_of(answer.windows[0][1]))
            assert sums.keys() == everywhere, everywhere - sums.keys()
            assert all(abs(v - 1) <= (1e-13 if rule == FRACTION else 0) for v in sums.values()), (rule, sums, faces)
    return total


# ---- more ----

def many_vertices(dice, n, size):
    """A star of n vertices, with a hole of as many, in a few thousand cells. Short fractions, so that Python is in time."""
    def star(radius):
        return [(round((size / 2 + r * math.cos(a)) * 2 ** 24) / 2 ** 24, round((size / 2 + r * math.sin(a)) * 2 ** 24) / 2 ** 24)
                for i in range(n) for a in [2 * math.pi * i / n]
                for r in [radius * (1 + .2 * math.sin(5 * a) + dice.uniform(-.002, .002))]]
    polygons = [[star(size / 2.5), star(size / 5)]]
    window = (0, 0, size, size)
    questions = [Question(wkb_area(polygons), rule, random_windows(dice, window)) for rule in RULES]
    center, fraction, touched = (check_windows(a, q) for a, q in zip(ask(questions), questions))
    truth = exact.fractions_by_edges(polygons, window)
    check_fractions(fraction, True, truth)
    assert center == dict.fromkeys(exact.windings(polygons, window), 1.0)
    assert touched == dict.fromkeys(truth, 1.0)
    return 2 * n


def evaluators_agree(dice):
    for _ in range(100):
        polygons = random_area(dice, dice.choice(KINDS[:-1]), 5)
        assert exact.fractions(polygons, (0, 0, 5, 5)) == exact.fractions_by_edges(polygons, (0, 0, 5, 5)), polygons
    return 100


def grids(dice, count):
    """Geotransforms: what a polygon covers on a raster that is turned or moved is what it covers in pixel space."""
    questions = []
    for i in range(count):
        size = dice.randint(2, 6)
        ring = [(dice.randint(0, 8 * size) / 8, dice.randint(0, 8 * size) / 8) for _ in range(6)]
        x0, y0, a = dice.randint(-10 ** 6, 10 ** 6), dice.randint(-10 ** 6, 10 ** 6), 2.0 ** dice.randint(-3, 6)
        for g in ((x0, 3 * a, 0, y0, 0, -3 * a), (x0, 5 * a, 0, y0, 0, 7 * a), (x0, 0, a, y0, a, 0), (x0, a, -a, y0, a, a)):
            on_grid = [(g[0] + x * g[1] + y * g[2], g[3] + x * g[4] + y * g[5]) for x, y in ring]
            for points_, geotransform in ((ring, PIXELS), (on_grid, g)):
                questions.append(Question(wkb_area([[points_]]), RULES[i % 3], [(0, 0, size, size)], geotransform))
    answers = ask(questions)
    for question, here, there in zip(questions[1::2], answers[::2], answers[1::2]):
        assert here == there, question
    return len(questions)


def main():
    seed = int(os.environ.get('FISHNET_SEED') or random.SystemRandom().getrandbits(32))
    factor = float(os.environ.get('FISHNET_CASES') or 1)
    print('FISHNET_SEED=%d' % seed)
    tests = ((evaluators_agree, ()), (areas, (int(3000 * factor),)), (lines, (int(1200 * factor),)), (points, (int(500 * factor),)),
             (partitions, (int(60 * factor),)), (grids, (int(60 * factor),)), (many_vertices, (50000, 40)), (many_vertices, (100, 300)))
    for test, arguments in tests:
        dice = random.Random('%d %s' % (seed, test.__name__))
        print('%s: %d' % (test.__name__, test(dice, *arguments)), flush=True)


if __name__ == '__main__':
    main()
