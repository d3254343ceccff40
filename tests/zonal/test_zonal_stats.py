#!/usr/bin/python3
"""Random values of all types, with masks, coverage and weights, in random windows: the same bytes for all windows, and the right answer,
by exact rational numbers (fractions) and numpy.

    test_zonal_stats.py STATS_CASES    the program that computes; FISHNET_SEED repeats a run, FISHNET_CASES makes it longer"""
import math
import os
import random
import struct
import subprocess
import sys
from fractions import Fraction

import numpy as np

TYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, np.float16, np.float32, np.float64]
STATS = ('COUNT AREA MIN MAX RANGE MEAN STD SUM VARIETY MAJORITY MINORITY MEDIAN PCT0 PCT5 PCT33.3 PCT90 PCT99.9 PCT100 STD_SAMPLE VARIANCE CV '
         'MAJORITY_COUNT MAJORITY_SHARE MIN_X MIN_Y MAX_X MAX_Y NODATA_COUNT').split()
WEIGHTED = 'WEIGHT_SUM WEIGHTED_SUM WEIGHTED_MEAN WEIGHTED_VARIANCE WEIGHTED_STD'.split()
CLASSES = {'VARIETY', 'MAJORITY', 'MINORITY', 'MAJORITY_COUNT', 'MAJORITY_SHARE'}
LEAST = 1e-9  # coverage that counts for more than sums
STEPS = 2 ** 52  # of a cell: coverage is counted in these
NONE, INTEGER, UNSIGNED, REAL = range(4)


# ---- cases ----

class Case:
    """A raster, a zone, and what is asked about it."""

    def __init__(self, rng, number):
        self.rng, self.number = rng, number
        self.many = number % 50 == 7  # more values than are kept
        self.rows, self.columns = self.size()
        self.type = rng.choice([5, 7, 9, 10]) if self.many else rng.randrange(len(TYPES))
        self.fractions = rng.random() < .5
        self.spread = rng.random() < .1 and not self.many
        self.histogram = rng.random() < .3
        self.values = self.make_values()
        cells = self.rows * self.columns
        seed = np.random.default_rng(rng.getrandbits(32))
        self.valid = (seed.random(cells) < rng.choice([.1, .9, .999])).astype(np.uint8) if rng.random() < .5 and not self.many else None
        self.weights = self.weights_valid = None
        if rng.random() < .4:
            self.weights = rng.choice([seed.random(cells), seed.random(cells) * 1e6, np.round(seed.random(cells) * 3)])
            self.weights[seed.random(cells) < .05] = math.nan
            self.weights_valid = (seed.random(cells) < .95).astype(np.uint8)
        self.areas = rng.choice([1000 + seed.random(self.rows), 1e-6 * seed.random(self.rows)]) if rng.random() < .3 else None
        self.cell_area = 900.0
        self.zone = self.make_zone()
        self.stats = rng.sample(STATS, rng.randrange(1, len(STATS) + 1))
        if self.many:
            self.stats = ['MEDIAN', 'PCT5', 'PCT99.9', 'MAX']
        if self.many or rng.random() < .5:  # or percentiles would mostly come from classes
            self.stats = [s for s in self.stats if s not in CLASSES] or ['COUNT']
            self.histogram = False
        if self.weights is not None:
            self.stats += rng.sample(WEIGHTED, rng.randrange(1, len(WEIGHTED) + 1))
        self.values_max = 1 if self.many else rng.choice([0, 1])
        self.cuts = [(0, 0)] + [(64 * rng.randrange(1, 5), 256 * rng.randrange(1, 4)) for _ in range(3)] + [(64, 0)]

    def size(self):
        if self.many:
            return 130, 400
        if self.rng.random() < .5:
            return self.rng.randrange(1, 20), self.rng.randrange(1, 20)
        return self.rng.randrange(1, 200), self.rng.randrange(1, 700)

    def make_values(self):
        rng, n, ctype = self.rng, self.rows * self.columns, TYPES[self.type]
        seed = np.random.default_rng(rng.getrandbits(32))
        kind = 4 if self.many else rng.randrange(6)
        if np.issubdtype(ctype, np.integer):
            info = np.iinfo(ctype)
            if kind == 0:
                return np.full(n, rng.randrange(info.min, info.max + 1), ctype)
            if kind < 3:
                low = rng.randrange(info.min, info.max - 10)
                return seed.integers(low, min(low + 10 ** rng.randrange(1, 4), info.max), n, ctype, endpoint=True)
            return seed.integers(info.min, info.max, n, ctype, endpoint=True)
        with np.errstate(over='ignore'):
            values = [np.full(n, rng.uniform(-1e3, 1e3)), seed.random(n), 1e9 + seed.integers(0, 2, n), np.round(seed.normal(500, 9, n), 1),
                      seed.normal(0, 1, n) * 10.0 ** seed.integers(-12, 12, n), seed.normal(1e6, .01, n)][kind]
            values = values.astype(ctype)
        if rng.random() < .5:
            values[seed.random(n) < .05] = math.nan
        if rng.random() < .3:
            values[seed.random(n) < .1] = -0.0
        if rng.random() < .1:
            values[rng.randrange(n)] = math.inf
        return values

    def make_zone(self):
        rng, cells = self.rng, []
        density = 1 if self.many else rng.choice([.1, .9, 1] if self.rows < 20 else [.03, .1, .2])
        for row in range(self.rows):
            if rng.random() > density:
                continue
            column = 0 if density == 1 else rng.randrange(self.columns)
            while column < self.columns:
                if self.fractions and rng.random() < .5:
                    count, coverage = rng.randrange(1, 4), rng.choice([rng.random(), .5, 1e-10, 2 ** -30, 1 - 2 ** -53])
                    coverage = coverage or .5
                else:
                    count, coverage = rng.randrange(1, self.columns + 1), 1.0
                count = min(count, self.columns - column)
                cells.append((row, column, count, coverage))
                column += count + rng.choice([0, 0, 1, 17])
        return cells

    def pack(self):
        out = [struct.pack('<12iqdQ', self.type, self.rows, self.columns, self.fractions, self.spread, self.histogram, len(self.stats), len(self.zone),
                           self.valid is not None, self.weights is not None, self.areas is not None, len(self.cuts), self.values_max, self.cell_area,
                           self.rng.getrandbits(63))]
        out += [name.encode().ljust(40, b'\0') for name in self.stats]
        out += [struct.pack('<qqqd', *cell) for cell in self.zone]
        out += [array.tobytes() for array in (self.values, self.valid, self.weights, self.weights_valid, self.areas) if array is not None]
        return b''.join(out + [struct.pack('<2i', *cut) for cut in self.cuts])


# ---- the answer ----

def exact(value):
    return Fraction(int(value)) if isinstance(value, (int, np.integer)) else Fraction(float(value))


def steps_of(coverage):
    return math.floor(coverage * STEPS + 0.5)


def nearest(fraction):
    """The nearest double. float() of a Fraction is rounded once."""
    return float(fraction)


def on_one_scale(numbers):
    """As integers, and how many bits these are shifted by: a hundred times faster than fractions."""
    ratios = [(n, 1) if isinstance(n, int) else n.as_integer_ratio() for n in numbers]
    bits = max((d.bit_length() - 1 for _, d in ratios), default=0)
    return [n << bits - d.bit_length() + 1 for n, d in ratios], bits


class Moments:
    def __init__(self, values, weights):
        v, v_bits = on_one_scale(values)
        w, w_bits = on_one_scale(weights)
        self.n = Fraction(sum(w), 1 << w_bits)
        products = [a * b for a, b in zip(v, w)]
        self.sum = Fraction(sum(products), 1 << v_bits + w_bits)
        self.size = Fraction(sum(map(abs, products)), 1 << v_bits + w_bits)
        if self.n:
            self.mean = self.sum / self.n
            self.m2 = Fraction(sum(a * b for a, b in zip(v, products)), 1 << 2 * v_bits + w_bits) - self.sum * self.sum / self.n


class Truth:
    def __init__(self, case):
        self.case = case
        self.cells = []  # value, row, column, coverage
        self.weighted = []
        self.missing = self.missing_ones = 0
        self.area = Fraction(0)
        values, wide = case.values, np.issubdtype(case.values.dtype, np.integer)
        for row, column, count, given in case.zone:
            coverage = steps_of(given) / STEPS
            first = row * case.columns + column
            steps = steps_of(given)
            for i in range(first, first + count):
                value = int(values[i]) if wide else float(values[i])
                if value != value or (case.valid is not None and not case.valid[i]):
                    self.missing += steps
                    self.missing_ones += coverage >= LEAST
                    continue
                self.cells.append((value, row, column + i - first, coverage))
                if case.areas is not None:
                    self.area += Fraction(coverage) * Fraction(case.areas[row])
                if case.weights is not None and case.weights_valid[i] and case.weights[i] == case.weights[i]:
                    self.weighted.append((value, float(case.weights[i] * coverage)))
        self.missing = Fraction(self.missing, STEPS)
        self.count = Fraction(sum(steps_of(c) for *_, c in self.cells), STEPS)
        self.counted = [c for c in self.cells if c[3] >= LEAST]
        self.finite = all(math.isfinite(v) for v, *_ in self.cells)
        self.classes = {}
        for value, _, _, coverage in self.counted:
            self.classes[value] = self.classes.get(value, 0) + steps_of(coverage)
        self.classes = [(value, Fraction(steps, STEPS)) for value, steps in sorted(self.classes.items())]

    def moments(self):
        if not hasattr(self, '_moments'):
            self._moments = Moments([v for v, *_ in self.cells], [c for *_, c in self.cells])
        return self._moments

    def weighted_moments(self):
        if not hasattr(self, '_weighted'):
            pairs = [pair for pair in self.weighted if pair[1] != 0]
            self._weighted = Moments([v for v, _ in pairs], [w for _, w in pairs])
        return self._weighted

    def percentile(self, p):
        """numpy's, or with parts the mean over a window of the cumulated coverage, exactly; and how far rounding may be off."""
        if all(c == 1 for *_, c in self.counted):
            with np.errstate(all='ignore'):
                return float(np.percentile(np.array([v for v, *_ in self.counted], np.float64), p)), 0
        total = sum(w for _, w in self.classes)
        width = Moments([c for *_, c in self.counted], [c for *_, c in self.counted]).sum / total
        low = (total - width) * Fraction(p) / 100
        high, below, mean = low + width, Fraction(0), Fraction(0)
        for value, weight in self.classes:
            overlap = min(high, below + weight) - max(low, below)
            if overlap > 0:
                mean += exact(value) * overlap / width
            below += weight
        spread = exact(self.classes[-1][0]) - exact(self.classes[0][0])
        return nearest(mean), float(spread) * 1e-9 + abs(float(mean)) * 1e-14


def ulps(got, expected, size):
    """How far two numbers are apart, in units of the last place, beyond what sums in twice the precision may lose."""
    return max(0, abs(Fraction(got) - expected) - size / 2 ** 95) / Fraction(math.ulp(float(expected)))


class Checker:
    def __init__(self, case):
        self.case, self.truth = case, Truth(case)

    def fail(self, name, got, expected):
        raise AssertionError('case %d (%s%s): %s is %.300s, expected %.300s' % (
            self.case.number, self.case.values.dtype, ', fractions' if self.case.fractions else '', name, repr(got), repr(expected)))

    def close(self, name, got, expected, relative, absolute=0.0):
        if got is None or not abs(got - float(expected)) <= relative * abs(float(expected)) + absolute:
            self.fail(name, got, float(expected))

    def same(self, name, got, expected):
        if got != expected or type(got) is not type(expected):
            self.fail(name, got, expected)

    def check(self, name, got):
        t, case = self.truth, self.case
        if case.spread and t.missing_ones and name != 'NODATA_COUNT':
            self.same(name, got, None)
        elif name in ('COUNT', 'NODATA_COUNT'):
            expected = t.count if name == 'COUNT' else t.missing
            self.same(name, got, nearest(Fraction(expected)) if case.fractions else int(expected))
        elif name in WEIGHTED:
            self.check_moments(name[len('WEIGHTED_'):] if name != 'WEIGHT_SUM' else name, got, t.weighted_moments, [v for v, w in t.weighted if w != 0])
        elif not t.cells or (not t.counted and name in EXTREMES_AND_CLASSES):
            self.same(name, got, None)
        elif name == 'AREA':
            self.close(name, got, t.area if case.areas is not None else nearest(t.count) * case.cell_area, 3e-16)
        elif name in ('SUM', 'MEAN', 'VARIANCE', 'STD', 'STD_SAMPLE', 'CV'):
            self.check_moments(name, got, t.moments, [v for v, *_ in t.cells])
        elif name.startswith('PCT') or name == 'MEDIAN':
            self.check_percentile(name, got)
        else:
            self.check_values(name, got)

    def check_moments(self, name, got, moments, values):
        if not values:
            return self.same(name, got, None)
        if not all(math.isfinite(v) for v in values):
            if name not in ('SUM', 'MEAN', 'WEIGHT_SUM'):
                self.same(name, got, None)
            return None
        m = moments()
        if name in ('SUM', 'WEIGHT_SUM'):
            expected = m.sum if name == 'SUM' else m.n
            whole_integers = isinstance(values[0], int) and not self.case.fractions and moments == self.truth.moments
            if ulps(got, expected, m.size if name == 'SUM' else m.n) > (0.5 if whole_integers else 1):
                self.fail(name, got, float(expected))
            return None
        if name == 'MEAN':
            return self.close(name, got, m.mean, 5e-16, float(m.size / m.n) * 1e-28)
        variance = m.m2 / m.n
        noise = 1e-28 * float(m.size / m.n) ** 2
        if len(set(values)) == 1:
            return self.same(name, got, 0.0) if name != 'STD_SAMPLE' and name != 'CV' else None
        if name == 'VARIANCE':
            return self.close(name, got, variance, 1e-12, noise)
        if name == 'STD':
            return self.close(name, got, math.sqrt(variance), 1e-12, math.sqrt(noise))
        if name == 'STD_SAMPLE':
            if m.n <= 1:
                return self.same(name, got, None) if m.n < 1 - 1e-12 else None
            return self.close(name, got, math.sqrt(m.m2 / (m.n - 1)), 1e-12 / min(1, float(m.n) - 1), math.sqrt(noise))
        if m.sum == 0:
            return self.same(name, got, None)
        if abs(m.sum) > m.size / 2 ** 40:
            return self.close(name, got, math.sqrt(variance) / float(m.mean), 1e-12, math.sqrt(noise) / abs(float(m.mean)))
        return None

    def check_percentile(self, name, got):
        t = self.truth
        if not all(math.isfinite(v) for v, *_ in t.counted):
            return
        expected, tolerance = t.percentile(50 if name == 'MEDIAN' else float(name[3:]))
        if tolerance == 0:
            self.same(name, got, expected + 0.0)
        else:
            self.close(name, got, expected, 0, tolerance)

    def check_values(self, name, got):
        t, case = self.truth, self.case
        low, high = min(v for v, *_ in t.counted), max(v for v, *_ in t.counted)
        weights = [w for _, w in t.classes]
        if name in ('MIN', 'MAX'):
            expected = (low if name == 'MIN' else high) + 0
        elif name == 'RANGE':
            expected = high - low if high != low else type(high)(0)
        elif name in ('MIN_X', 'MIN_Y', 'MAX_X', 'MAX_Y'):
            row, column = min((r, c) for v, r, c, _ in t.counted if v == (low if name[:3] == 'MIN' else high))
            expected = column if name[4] == 'X' else row
        elif name == 'VARIETY':
            expected = len(t.classes)
        elif name in ('MAJORITY', 'MINORITY'):
            wanted = max(weights) if name == 'MAJORITY' else min(weights)
            expected = min(v for v, w in t.classes if w == wanted) + 0
        elif name == 'MAJORITY_COUNT':
            expected = nearest(Fraction(max(weights))) if case.fractions else int(max(weights))
        else:
            expected = nearest(Fraction(max(weights))) / nearest(Fraction(sum(weights)))
        self.same(name, got, expected)

    def check_classes(self, got, total):
        t, case = self.truth, self.case
        if not case.histogram and not CLASSES & set(case.stats):
            return
        if case.spread and t.missing_ones:
            return self.same('classes', got, [])
        expected = [(v + 0, nearest(Fraction(w))) for v, w in t.classes]
        self.same('classes', [(value, count) for value, count, _ in got], expected)
        self.same('cells of all classes', total, nearest(sum((w for _, w in t.classes), Fraction(0))))
        if case.histogram:
            self.check_areas([area for _, _, area in got])

    def check_areas(self, got):
        """Of whole cells they are rounded once."""
        areas, whole = {}, True
        for value, row, _, coverage in self.truth.cells:
            if coverage >= LEAST:
                area = self.case.cell_area if self.case.areas is None else self.case.areas[row]
                areas[value] = areas.get(value, 0) + Fraction(steps_of(coverage), STEPS) * Fraction(float(area))
                whole = whole and coverage == 1
        for area, (_, want) in zip(got, sorted(areas.items())):
            if whole and (self.case.areas is None or self.case.areas.min() > self.case.areas.max() / 2 ** 15):
                self.same('area of a class', area, nearest(want))
            else:
                assert abs(area - nearest(want)) <= 1e-15 * max(nearest(want), 900 if self.case.areas is None else self.case.areas.max()), (area, nearest(want))


EXTREMES_AND_CLASSES = set(STATS) - {'COUNT', 'AREA', 'MEAN', 'STD', 'SUM', 'STD_SAMPLE', 'VARIANCE', 'CV', 'NODATA_COUNT'}


# ---- running ----

def value_of(raw):
    kind, integer, unsigned, real = struct.unpack('<qqQd', raw)
    return {NONE: None, INTEGER: integer, UNSIGNED: unsigned, REAL: real}[kind]


def read_results(stream, case):
    raw = stream.read(8)
    status, passes = struct.unpack('<2i', raw)
    values = stream.read(32 * len(case.stats))
    total, n = struct.unpack('<dq', stream.read(16))
    classes = stream.read(48 * n)
    return status, passes, values, classes, total


def compute(program, packed, case):
    program.stdin.write(packed)
    program.stdin.flush()
    return [read_results(program.stdout, case) for _ in case.cuts]


def main():
    seed = int(os.environ.get('FISHNET_SEED') or random.getrandbits(32))
    cases = int(os.environ.get('FISHNET_CASES') or 250)
    print('FISHNET_SEED=%d, %d cases' % (seed, cases), flush=True)
    program, plain = (subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, FISHNET_SIMD=simd))
                      for simd in ('avx512', 'plain'))
    checks, several = 0, 0
    for number in range(cases):
        case = Case(random.Random('%d/%d' % (seed, number)), number)
        packed = case.pack()
        answers, plain_answers = (compute(p, packed, case) for p in (program, plain))
        assert answers == plain_answers, 'case %d: instruction sets give other bytes' % number
        for cut, answer in zip(case.cuts, answers):
            assert answer[0] == 0, 'case %d: status %d' % (number, answer[0])
            assert answer[2:] == answers[0][2:], 'case %d: windows of %d x %d give other bytes' % (number, *cut)
        several += answers[0][1] > 1
        checker = Checker(case)
        for i, name in enumerate(case.stats):
            checker.check(name, value_of(answers[0][2][32 * i:32 * i + 32]))
            checks += 1
        raw = answers[0][3]
        checker.check_classes([(value_of(raw[i:i + 32]), *struct.unpack('<2d', raw[i + 32:i + 48])) for i in range(0, len(raw), 48)], answers[0][4])
    for p in (program, plain):
        p.stdin.close()
        assert p.wait() == 0, 'the program failed'
    print('%d results are right, in %d cases, each in 5 sizes of windows; %d needed several passes' % (checks, cases, several))
    assert several > 0 or cases < 50, 'no case needed several passes'
    return 0


if __name__ == '__main__':
    sys.exit(main())
