"""Thousands of random expressions: FISHNET against the evaluator beside this file, bit for bit.

    FISHNET_SEED=<n>   the run to repeat (printed by every run)
    FISHNET_CASES=<n>  how many valid expressions (default 3000; `./run test all`: 6000)
"""
import os
import random
import re
import sys
import unittest
from collections import Counter

import numpy as np
from osgeo import gdal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
import common  # noqa: E402
import evaluator  # noqa: E402
import random_lists  # noqa: E402
from evaluator import Refused, Unclear  # noqa: E402
from random_lists import ARITHMETIC, OFFSETS, STACKS, WHOLE, Lists  # noqa: E402

SEED = int(os.environ.get('FISHNET_SEED') or random.SystemRandom().randrange(2**32))
CASES = int(os.environ.get('FISHNET_CASES') or (6000 if os.environ.get('FISHNET_ALL_TESTS') == 'yes' else 3000))
BATCH = 100
WIDTH, HEIGHT = 67, 13  # odd, so that vector loops have a tail
print('FISHNET_SEED=%d FISHNET_CASES=%d' % (SEED, CASES), flush=True)

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 3.0, 255.0, 1e-310, -1e-310, 1e-30, 1e30, 1e308,
           -1.7e308, 2.0**31, 2.0**52 + 0.5, 2.0**53, -2.0**53, 2.0**53 + 2, 2.0**62, 2.0**63, -2.0**63, 2.0**64, 1e22,
           np.pi, np.inf, -np.inf, np.nan]


def floats(rng, dtype):
    """Small numbers, special numbers, and random bit patterns."""
    n = WIDTH * HEIGHT
    kind = rng.random(n)
    with np.errstate(over='ignore', invalid='ignore'):
        wild = rng.integers(0, 2**63, n, dtype=np.int64) * np.where(rng.random(n) < 0.5, 1, -1)
        wild = wild.view(np.float64)
        x = np.where(kind < 0.4, rng.normal(0, 10, n), np.where(kind < 0.6, np.round(rng.normal(0, 40, n)),
                     np.where(kind < 0.9, rng.choice(SPECIAL, n), wild)))
        return x.astype(dtype).reshape(HEIGHT, WIDTH)


def whole(rng, dtype, low, high):
    x = rng.integers(low, high, WIDTH * HEIGHT, endpoint=True, dtype=np.int64)
    edges = rng.choice([low, high, 0, 1], WIDTH * HEIGHT)
    return np.where(rng.random(WIDTH * HEIGHT) < 0.2, edges, x).astype(dtype).reshape(HEIGHT, WIDTH)


def pixels(rng, dtype):
    """Few different integers, so that several members have the same; floating numbers of all kinds."""
    if np.issubdtype(dtype, np.floating):
        return floats(rng, dtype)
    info = np.iinfo(dtype)
    x = rng.integers(max(info.min, -3), 4, (HEIGHT, WIDTH))
    return np.where(rng.random((HEIGHT, WIDTH)) < 0.3, whole(rng, dtype, info.min, info.max), x).astype(dtype)


class Inputs:
    """Files A, B, C, D, L and stacks, and what the evaluator sees of them."""

    def __init__(self, folder, seed):
        rng = np.random.default_rng(seed)
        a = [floats(rng, np.float64), floats(rng, np.float64)]
        b = [whole(rng, np.int16, -300, 300), whole(rng, np.int16, -32768, 32767)]
        c = [floats(rng, np.float32)]
        d = [whole(rng, np.int64, -2**53, 2**53)]
        bands = [pixels(rng, np.int16) for _ in range(6)]
        self.files = {'A': common.write(os.path.join(folder, 'a.tif'), a, nodata=3.0),
                      'B': common.write(os.path.join(folder, 'b.tif'), b, nodata=7),
                      'C': common.write(os.path.join(folder, 'c.tif'), c, nodata=-0.5),
                      'D': common.write(os.path.join(folder, 'd.tif'), d, options=['TILED=YES', 'BLOCKXSIZE=16',
                                                                                  'BLOCKYSIZE=16']),
                      'L': common.write(os.path.join(folder, 'l.tif'), bands, nodata=1)}
        self.raw = {('A', 1): a[0], ('A', 2): a[1], ('B', 1): b[0], ('B', 2): b[1], ('C', 1): c[0], ('D', 1): d[0]}
        self.raw.update({('L', i + 1): band for i, band in enumerate(bands)})
        nodata = {'A': 3.0, 'B': 7, 'C': np.float32(-0.5), 'D': None, 'L': 1}
        nodata.update({name: value for name, _, _, value in STACKS})
        masks = {}
        for stack in STACKS:
            self.make_stack(folder, rng, *stack, masks)
        self.integers = {key for key, x in self.raw.items() if np.issubdtype(x.dtype, np.integer)}
        # A signaling NaN counts as a quiet one: pow(NaN, 0) is 1, though the C library gives NaN for a signaling NaN.
        self.plain = {key: np.where(x != x, np.nan, x.astype(np.float64)) for key, x in self.raw.items()}
        self.masked = {key: np.where(x == nodata[key[0]], np.nan, self.plain[key]) if nodata[key[0]] is not None
                       else self.plain[key] for key, x in self.raw.items()}
        for key, mask in masks.items():
            self.masked[key] = np.where(mask, self.masked[key], np.nan)

    def make_stack(self, folder, rng, name, members, types, nodata, masks):
        paths = []
        for member in range(1, members + 1):
            bands = [pixels(rng, types[(member - 1) % len(types)]) for _ in range(2 if name == 'S' else 1)]
            tiled = ['TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16'] if member % 2 else []
            paths.append(common.write(os.path.join(folder, '%s_%02d.tif' % (name, member)), bands, nodata=nodata, options=tiled))
            self.raw.update({(name, member, i + 1): band for i, band in enumerate(bands)})
            if name == 'U':
                masks[name, member, 1] = mask = rng.random((HEIGHT, WIDTH)) < 0.7
                dataset = gdal.Open(paths[-1], gdal.GA_Update)
                dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
                dataset.GetRasterBand(1).GetMaskBand().WriteArray(np.where(mask, 255, 0).astype(np.uint8))
                dataset = None
        self.files[name] = ';'.join('"%s"' % path for path in paths)

    def open(self, calcs, **options):
        """With four rasters, and those of the lists that expressions name."""
        inputs = ['INPUT=%s=%s' % (name, files) for name, files in self.files.items() if name in 'ABCD' or any(name in calc for calc in calcs)]
        given = common.open_options(calcs, dict(options, OT='Float64')) + inputs
        return gdal.OpenEx('FISHNET:', gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=given)


# ---- random text ------------------------------------------------------------------------------------------------------

LOGIC = ['&&', '||', 'and', 'or']
SPELLINGS = {}
for _other, _name in evaluator.ALIASES.items():
    SPELLINGS.setdefault(_name, [_name]).append(_other)
FUNCTIONS_FLOAT = ['abs', 'sqrt', 'square', 'reciprocal', 'radians', 'degrees', 'min', 'max', 'sum', 'avg', 'clamp', 'fmod',
                   'mod', 'floor_divide', 'divide', 'add', 'subtract', 'multiply', 'negative', 'where', 'sign']
FUNCTIONS_WHOLE = ['floor', 'ceil', 'trunc', 'round', 'rint', 'sign', 'abs', 'min', 'max', 'where', 'bitwise_and', 'bitwise_or',
                   'bitwise_xor', 'invert', 'left_shift', 'right_shift', 'add', 'subtract', 'multiply', 'mod', 'floor_divide']
FUNCTIONS_TRUTH = ['isnan', 'isnodata', 'isinf', 'isfinite', 'logical_and', 'logical_or', 'logical_xor', 'logical_not', 'equal',
                   'not_equal', 'less', 'less_equal', 'greater', 'greater_equal']
ARGUMENTS_WHOLE = {'bitwise_and', 'bitwise_or', 'bitwise_xor', 'invert', 'left_shift', 'right_shift', 'add', 'subtract', 'multiply',
                   'mod', 'floor_divide', 'abs', 'min', 'max', 'where'}


EXACT_WINDOWS = [name for name in evaluator.around.STATISTICS if name not in evaluator.around.INEXACT]
FRACTIONS_WINDOWS = ['median', 'percentile']
WINDOWS = ['3', '1', '5', '7', 'rect(1,3)', 'rect( 5 , 1 )', 'circle(1)', 'circle(2.5)', 'circle(3)', 'annulus(1,2)',
           'annulus(0, 1.5)', 'wedge(3, 10, 100)', '[[0,1,0],[1,1,1],[0,1,0]]', '[[1,0,1]]', '[ [ 1 ] , [ 0 ] , [ 0 ] ]']
WEIGHTS = ['gaussian(0.7)', '[[1,2,1],[2,4,2],[1,2,1]]', '[[.5,0,3]]']
DERIVATIVES = ['[[-1,0,1]]', '[[0,1,0],[1,-4,1],[0,1,0]]']


class Writer(Lists):
    """Random well-formed text; what the evaluator then refuses or finds unclear is sorted out by the caller."""

    def __init__(self, rng, nodata):
        self.rng, self.nodata = rng, nodata

    def space(self):
        return self.rng.choice(['', '', '', ' ', ' ', '  ', '\t', ' \n '])

    def one_of(self, *choices):
        return self.rng.choice(choices)()

    def number(self, kind):
        r = self.rng
        if kind == 'whole':
            return r.choice(['0', '1', '2', '3', '7', '63', '64', '255', '0x1F', '0b101', str(r.randrange(1000)), '65535'])
        return r.choice(['.5', '1.5', '1e-3', '2.5e+2', '1E5', '0.1', '100', '2', '1', '0', 'pi', 'e', 'inf', 'numpy.pi', 'np.e',
                         'np.inf', '%r' % round(r.uniform(0, 50), r.randrange(6)), 'true', 'False'])

    def band(self, kind):
        if kind == 'whole':
            return self.rng.choice(['B', 'B[1]', 'B[2]', 'B [ 2 ]', 'D', 'D[1]'])
        return self.rng.choice(['A', 'A[1]', 'A[2]', 'C', 'C[1]', 'B', 'B[2]', 'D'])

    def leaf(self, kind):
        if self.rng.random() < 0.75:
            text = self.band(kind)
            if self.rng.random() < 0.1:
                row, column = (self.space() + self.rng.choice(OFFSETS) for _ in range(2))
                text += '%s[%s,%s]' % (self.space(), row, column)
            return text
        return self.number(kind)

    def quoted(self, word):
        return self.rng.choice(['%s', '"%s"', "'%s'"]) % word

    def window(self, statistic, operand):
        """A call of a window function: arguments by place or by name, in any order."""
        r = self.rng
        window = r.choice(WINDOWS + (WEIGHTS if statistic in evaluator.around.INEXACT else [])
                          + (DERIVATIVES if statistic in ('sum', 'mean') else []))
        places = [repr(r.choice([0, 10, 25, 33.3, 50, 90, 100]))] if statistic == 'percentile' else []
        named = []
        if r.random() < 0.8:
            places.append(window)
        else:
            named.append('window=' + window)
        if r.random() < 0.5:
            named.append('nodata%s=%s' % (self.space(), self.quoted(r.choice(evaluator.around.POLICIES))))
        if r.random() < 0.6:
            named.append('edge=%s%s' % (self.space(), self.quoted(r.choice(evaluator.around.EDGES))))
        r.shuffle(named)
        glue = self.space() + ',' + self.space()
        return 'focal_%s(%s%s)' % (statistic, self.space(), glue.join([operand] + places + named))

    def looks(self, kind, depth):
        """What looks around, and gives the bits of the evaluator."""
        r = self.rng
        pick = r.random()
        if pick < 0.25:
            return 'at(%s, %s,%s%s)' % (self.any(kind, depth), r.choice(OFFSETS), self.space(), r.choice(OFFSETS))
        if pick < 0.35 and kind == 'float':
            options = r.choice(['', ', 5', ', z=-2', ', 3, edge=wrap', ', edge="nodata"'])
            return 'roughness(%s%s)' % (self.any(kind, depth), options)
        names = EXACT_WINDOWS if kind == 'float' else [name for name in EXACT_WINDOWS if name not in FRACTIONS_WINDOWS]
        name = r.choice(names)
        inner = 'float' if name in ('variety', 'count') else kind
        return self.window(name, self.truth(depth) if r.random() < 0.1 else self.any(inner, depth))

    def sums(self):
        """A sum over a window at the root."""
        kind, depth = self.rng.choice(['float', 'whole']), self.rng.choice([0, 1, 2])
        return self.window(self.rng.choice(evaluator.around.INEXACT), self.any(kind, depth))

    def call(self, name, args):
        spelled = self.rng.choice(SPELLINGS.get(name, [name]))
        if spelled in ('minimum', 'maximum') and len(args) != 2:
            spelled = name
        prefix = self.rng.choice(['', '', '', 'numpy.', 'np.'])
        glue = self.space() + ',' + self.space()
        return '%s%s%s(%s%s%s)' % (prefix, spelled, self.rng.choice(['', '', ' ']), self.space(), glue.join(args), self.space())

    def function(self, name, kind, depth):
        low, high = evaluator.ARITY[name]
        count = self.rng.randint(low, min(high, 5))
        args = [self.any(kind, depth) for _ in range(count)]
        if name == 'where':
            args[0] = self.truth(depth)
            if self.nodata and self.rng.random() < 0.1 and kind == 'float':
                args[self.rng.choice([1, 2])] = 'NODATA'
        return self.call(name, args)

    def parens(self, text):
        return '(' + self.space() + text + self.space() + ')'

    def atom(self, kind, depth):
        """Something that binds tighter than any operator, or nearly: a prefix operator may stand before it."""
        r = self.rng
        if depth <= 0 or r.random() < 0.2:
            text = self.leaf(kind)
        elif r.random() < 0.45:
            text = self.parens(self.any(kind, depth - 1))
        elif r.random() < 0.2:
            text = self.looks(kind, depth - 1)
        elif r.random() < 0.15:
            text = self.reduction(kind, min(depth - 1, 2))
        elif kind == 'float':
            name = r.choice(FUNCTIONS_FLOAT)
            text = self.function(name, 'float', depth - 1)
        elif r.random() < 0.15:
            text = self.parens(self.truth(depth - 1))
        else:
            name = r.choice(FUNCTIONS_WHOLE)
            text = self.function(name, 'whole' if name in ARGUMENTS_WHOLE else 'float', depth - 1)
        if kind == 'float' and r.random() < 0.05:
            text += '.astype(%s)' % r.choice(['float', 'numpy.float64', 'np.float32', "'float32'", '"float64"'])
        if r.random() < 0.15:
            text = r.choice(['-', '-', '+', '- ', '--'] + (['~', '~ ', '-~'] if kind == 'whole' else [])) + text
        return text

    def soup(self, kind, depth, ops, atoms):
        """a op b op c without parentheses: precedence decides."""
        text = atoms()
        for _ in range(self.rng.choice([1, 1, 2, 3, 5])):
            op = self.rng.choice(ops)
            space = [self.space(), self.space()]
            if op.isalpha():
                space = [s or ' ' for s in space]
            text += space[0] + op + space[1] + atoms()
        return text

    def truth(self, depth):
        """1 or 0."""
        r = self.rng
        pick = r.random()
        if depth <= 0 or pick < 0.35:
            kind = r.choice(['float', 'float', 'whole'])
            text = self.sum(kind, depth - 1) + self.space() + r.choice(sorted(evaluator.COMPARE)) + self.space() \
                + self.sum(kind, depth - 1)
            return 'not ' + text if r.random() < 0.1 else text
        if pick < 0.6:
            return self.soup('float', depth, LOGIC, lambda: self.truth(depth - 1))
        if pick < 0.8:
            return self.function(r.choice(FUNCTIONS_TRUTH), 'float', depth - 1)
        if pick < 0.9:
            return self.soup('whole', depth, ['&', '|'], lambda: self.parens(self.truth(depth - 1)))
        return r.choice(['!', '~']) + self.parens(self.truth(depth - 1))

    def sum(self, kind, depth):
        ops = ARITHMETIC if kind == 'float' else ['+', '-', '*', '<<', '>>', '//', '%']
        return self.soup(kind, depth, ops, lambda: self.atom(kind, depth - 1)) if self.rng.random() < 0.5 \
            else self.atom(kind, depth)

    def any(self, kind, depth):
        r = self.rng
        pick = r.random()
        if depth <= 0:
            return self.leaf(kind)
        if pick < 0.4:
            return self.soup(kind, depth, ARITHMETIC if kind == 'float' else WHOLE, lambda: self.atom(kind, depth - 1))
        if pick < 0.85:
            return self.atom(kind, depth)
        if pick < 0.95 or kind == 'whole':
            parts = [self.truth(depth - 1) if r.random() < 0.8 else self.atom(kind, depth - 1), self.any(kind, depth - 1),
                     self.any(kind, depth - 1)]
            text = '{0}{s}?{s}{1}{s}:{s}{2}'.format(*parts, s=self.space())
            return self.parens(text) if kind == 'whole' else text
        return self.truth(depth)

    def exact(self):
        depth = self.rng.choice([1, 2, 2, 3, 3, 4, 6])
        text = self.any(self.rng.choice(['float', 'float', 'whole']), depth)
        if self.rng.random() < 0.02:
            text = '(' * 300 + text + ')' * 300
        return text

    def transcendental(self):
        """A function of the C library at the root, under operations that keep an error of 1 ulp what it is."""
        r = self.rng
        name = r.choice(sorted(evaluator.LIBM) + ['^', '**', 'pow'])
        if name in ('^', '**'):
            base = r.choice([self.leaf('float'), self.parens(self.any('float', 2))])
            exponent = r.choice(['', '', '-', '+', '--']) + r.choice(['2', '3', '.5', '0', '-1', self.parens(self.any('float', 1)),
                                                                   self.leaf('float')])
            text = r.choice(['', '', '-', '- ']) + base + self.space() + name + self.space() + exponent
        else:
            text = self.function(name, 'float', r.choice([0, 1, 2]))
        while r.random() < 0.3:
            text = r.choice(['-(%s)', 'abs(%s)', 'np.negative(%s)', '(%s)', 'where(B>0, %s, A)',
                             'A<C ? C : %s', '+(%s)']) % text
        return text


def mutate(rng, text):
    """The text with a few characters or pieces changed."""
    pieces = ['(', ')', '((', ',', '[', ']', '.', '+', '*', '**', '&', '|', '<', '==', '?', ':', 'A', 'Z', 'A[9]', 'A[0]', 'not', 'and',
              'NODATA', 'foo', 'sqrt', 'np.', '0x', '1e', "'", '"', '\\', '$', '@', '\u00e9', '\u20ac', '#', '{', '=', '!', '~', 'astype',
              '.astype(int)', '[-1,0]', '[1,2,3,4]', 'focal_max(A,', ',3)', 'circle(', 'edge=', '"wrap"', '3m', 'at(', ',1,1)',
              '1..2', '99999999999999999999999', 'e', '\x01']
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at = rng.randrange(len(text) + 1)
        pick = rng.random()
        if pick < 0.35:
            text = text[:at] + rng.choice(pieces) + text[at:]
        elif pick < 0.7:
            text = text[:at] + text[at + rng.choice([1, 1, 2, 5]):]
        elif pick < 0.8:
            text = text[:at]
        elif pick < 0.9:
            text = text[at:]
        else:
            end = rng.randrange(len(text) + 1)
            text = text[:at] + text[min(at, end):max(at, end)] + text[at:]
    return text


class RandomExpressions(common.Case):
    @classmethod
    def prepare(cls):
        cls.inputs = Inputs(cls.folder, SEED)
        cls.refused_texts = []
        cls.seen = Counter()

    def texts(self, rng, write, count, nodata):
        """Expressions that the page allows; those it refuses are kept for the test of errors."""
        bands = self.inputs.plain
        while count:
            text = write()
            if len(text) > 4000:
                continue
            seen = Counter()
            try:
                evaluator.compile(text, bands, self.inputs.integers, nodata, seen)
            except Unclear:
                continue
            except Refused:
                if nodata:
                    self.refused_texts.append(text)
                continue
            count -= 1
            self.seen.update(seen.keys())
            yield text

    def compare(self, texts, nodata, limit):
        inputs = self.inputs.masked if nodata else self.inputs.plain
        options = {} if nodata else {'NODATA': 'none'}
        failures = []
        try:
            dataset = self.inputs.open([';'.join(texts[:7])] + texts[7:], **options)
            self.assertEqual(dataset.RasterCount, len(texts))
            pixels = list(zip(texts, dataset.ReadAsArray()))
        except RuntimeError as error:  # which one? or only all of them together?
            pixels = []
            for text in texts:
                try:
                    pixels.append((text, self.inputs.open([text], **options).ReadAsArray()))
                except RuntimeError as one:
                    failures.append('%r\n  %s' % (text, one))
            if not failures:
                failures.append('each alone is right, together: %s' % error)
        for text, got in pixels:
            want, undecided = evaluator.evaluate(text, inputs, self.inputs.integers, nodata)
            if limit == 'sum':
                allowed = evaluator.slack(text, inputs, self.inputs.integers, nodata)
                with np.errstate(invalid='ignore'):
                    right = (np.abs(got - want) <= allowed) | (got == want) | (np.isnan(got) & np.isnan(want))
                wrong = ~(right | np.isinf(allowed))
            elif limit:
                wrong = common.ulps(got, want) > limit
                # a zero's sign is part of what the C library promises
                wrong |= (got == 0) & (want == 0) & (np.signbit(got) != np.signbit(want))
            else:
                wrong = ((got != want) | (np.signbit(got) != np.signbit(want))) & ~(np.isnan(got) & np.isnan(want))
            wrong &= ~undecided
            if wrong.any():
                at = tuple(np.argwhere(wrong)[0])
                used = {'%s%s' % (key[0], list(key[1:])): self.inputs.raw[key][at] for key in inputs if re.search(r'\b%s\b' % key[0], text)}
                failures.append('%r\n  %d pixels; at %s got %r want %r; inputs %s'
                                % (text, wrong.sum(), at, got[at], want[at], used))
        return failures

    def batches(self, kind, count, nodata, limit):
        rng = random.Random('%d %s %s' % (SEED, kind, nodata))
        writer = Writer(rng, nodata)
        texts = list(self.texts(rng, getattr(writer, kind), count, nodata))
        failures = []
        for i in range(0, len(texts), BATCH):
            failures += self.compare(texts[i:i + BATCH], nodata, limit)
        failures.sort(key=len)
        if failures:
            self.fail('%d of %d expressions; the shortest:\n%s' % (len(failures), len(texts), '\n'.join(failures[:5])))

    def test_exact_with_nodata(self):
        self.batches('exact', CASES * 3 // 10, True, 0)

    def test_exact_without_nodata(self):
        self.batches('exact', CASES * 3 // 10, False, 0)

    def test_lists(self):
        self.batches('lists', CASES // 10, True, 0)
        self.batches('lists', CASES // 10, False, 0)

    def test_lists_that_occur(self):
        """Of each kind some, so that nothing is left out unnoticed."""
        said = ', '.join('%s %d' % (name, self.seen[name]) for name in sorted(self.seen, key=self.seen.get, reverse=True))
        print('Expressions that have lists: ' + said, flush=True)
        self.assertEqual([name for name in random_lists.KINDS if CASES >= 3000 and self.seen[name] < 5], [])

    def test_transcendental_with_nodata(self):
        self.batches('transcendental', CASES // 10, True, 1)

    def test_transcendental_without_nodata(self):
        self.batches('transcendental', CASES // 10, False, 1)

    def test_sums_over_windows(self):
        self.batches('sums', CASES // 10, True, 'sum')
        self.batches('sums', CASES // 20, False, 'sum')

    def test_z_malformed(self):
        """Random damage: what the page refuses is refused with position and caret, the rest still opens; never a crash."""
        rng = random.Random('%d malformed' % SEED)
        writer = Writer(rng, True)
        base = list(self.texts(rng, writer.exact, 200, True))
        texts = [mutate(rng, rng.choice(base)) for _ in range(CASES // 2)] + self.refused_texts[:CASES // 10]
        broken = accepted = 0
        for text in texts:
            if not text.strip() or ';' in text:
                continue
            try:
                evaluator.compile(text, self.inputs.plain, self.inputs.integers, True)
                verdict = 'good'
            except Unclear:
                verdict = 'unclear'
            except Refused as error:
                verdict = error
            try:
                self.inputs.open([text])
                self.assertIn(verdict, ('good', 'unclear'), 'accepted: %r, although: %s' % (text, verdict))
                accepted += 1
            except RuntimeError as error:
                self.assertNotEqual(verdict, 'good', 'refused: %r\n%s' % (text, error))
                self.caret(str(error), text)
                broken += 1
        self.assertGreater(broken, CASES // 10)
        self.assertGreater(accepted, 0)


if __name__ == '__main__':
    unittest.main()
