"""Random lists: bands and stacks, what is made of them, and what reduces them to a value."""
import numpy as np

from lists import REDUCTIONS

ARITHMETIC = ['+', '-', '*', '/', '//', '%']
WHOLE = ['+', '-', '*', '//', '%', '&', '|', '<<', '>>']
OFFSETS = ['0', '1', '-1', '+2', '-3', '5', '-12', '40', '-67']
PERCENTS = [0, 7, 10, 25, 29, 33.3, 50, 57, 75, 90, 99.5, 100]
QUANTILES = [0, 0.07, 0.1, 0.246, 0.25, 0.323, 0.5, 0.771, 0.9, 1]

# name, members, their pixels, NoData. One type for all members, or one for each; U has masks; of S each member has two bands.
STACKS = [('S', 5, [np.uint16], 0), ('T', 4, [np.float32], -0.5), ('U', 3, [np.uint8], None), ('V', 2, [np.float64], 3.0),
          ('W', 11, [np.int16], -2), ('mixed', 3, [np.uint8, np.float32, np.int16], 2)]
LENGTHS = {name: members for name, members, _, _ in STACKS}
RANGES = {'L[*]': 6, 'L[2:5]': 4, 'L[ 3 : 3 ]': 1, 'L[2:]': 5, 'L[:3]': 3, 'L[1:6:2]': 3, 'L[2:6:4]': 2, 'A[*]': 2, 'A[1:2]': 2, 'B[*]': 2,
          'C[*]': 1}
WHOLE_LISTS = {'S', 'U', 'W', 'L', 'B'}
OF_FLOATS = ['-%s', 'abs(%s)', 'sqrt(abs(%s))', 'isnan(%s)', 'minimum(B, %s)', 'clamp(%s, -2, 2)', '(%s ? 1 : 2)', '%s.astype(float)']
OF_INTEGERS = ['-%s', 'abs(%s)', '~%s', 'minimum(B, %s)', 'sign(%s)']

# What the evaluator counts, of which there is to be something in each run.
KINDS = [*REDUCTIONS, 'A[*]', 'A[2:5]', 'A[2:]', 'A[1:6:2]', 'S', 'S[2]', 'S[-1,0]', '[x, y]', '(x, y)', 'max(S, 5)', 'item', 'slice', 'len', 'pick',
         'operation of lists', 'value and operation of lists', 'where of lists', 'window of a list', 'reduction of a reduction',
         'list of one', 'list of some', 'list of many']


class Lists:
    """Methods of the writer."""

    def comma(self, texts):
        return (self.space() + ',' + self.space()).join(texts)

    def list_leaf(self, kind, length):
        """A stack, or bands, with so many members."""
        r = self.rng
        texts = [name for name, members in LENGTHS.items() if members == length and (kind == 'float' or name in WHOLE_LISTS)]
        texts = [name + r.choice(['', '[1]'] + (['[2]', '[2]', '[ 2 ]'] if name == 'S' else [])) for name in texts]
        texts += [text for text, bands in RANGES.items() if bands == length and (kind == 'float' or text[0] in WHOLE_LISTS)]
        if not texts or r.random() < 0.15:
            return '[%s]' % self.comma(self.leaf(kind) for _ in range(length))
        return r.choice(texts) + ('[%s,%s]' % (r.choice(OFFSETS), r.choice(OFFSETS)) if r.random() < 0.1 else '')

    def list_or_value(self, kind, depth, length):
        return self.list(kind, depth, length) if self.rng.random() < 0.5 else self.parens(self.any(kind, depth))

    def list_of_lists(self, kind, depth, length):
        """Of two lists, or of a list and a value."""
        r = self.rng
        sides = [self.list(kind, depth, length), self.list_or_value(kind, depth, length)]
        r.shuffle(sides)
        pick = r.random()
        if pick < 0.6:
            return self.parens(sides[0] + self.space() + r.choice(ARITHMETIC if kind == 'float' else WHOLE) + self.space() + sides[1])
        condition = self.list('float', depth, length) + r.choice([' > ', ' <= ', ' != ']) + self.leaf('float')
        return 'where(%s)' % self.comma([condition if pick < 0.9 else self.truth(depth), *sides])

    def part_of_list(self, kind, depth, length):
        r = self.rng
        if length > 1 and r.random() < 0.4:
            left = r.randint(1, length - 1)
            return '[%s]' % self.comma([self.list(kind, depth, left), self.list(kind, depth, length - left)])
        longer = r.choice([n for n in (4, 5, 6, 11, length) if n >= length])
        first = r.randint(1, longer - length + 1)
        return 'slice(%s)' % self.comma([self.list(kind, depth, longer), str(first), str(first + length - 1)])

    def list(self, kind, depth, length=None):
        """A list of so many members, or of any length."""
        r = self.rng
        length = length or r.choice([1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 11, 11])
        pick = r.random()
        if depth <= 0 or pick < 0.35:
            return self.list_leaf(kind, length)
        if pick < 0.65:
            return self.list_of_lists(kind, depth - 1, length)
        if pick < 0.8:
            return self.part_of_list(kind, depth - 1, length)
        if pick < 0.9:
            return self.window(r.choice(['median', 'max', 'variety']) if kind == 'float' else 'max', self.list(kind, depth - 1, length))
        return r.choice(OF_FLOATS if kind == 'float' else OF_INTEGERS) % self.list(kind, depth - 1, length)

    def reduction(self, kind, depth):
        """A value of a list."""
        r = self.rng
        pick, length = r.random(), r.choice([1, 2, 3, 4, 5, 11])
        if kind == 'whole':
            return 'item(%s, %d)' % (self.list('whole', depth, length), r.randint(1, length)) if pick < 0.5 \
                else '%s(%s)' % (r.choice(['min', 'max']), self.list('whole', depth))
        if pick < 0.1:
            name = r.choice(['nanargmax', 'nanargmin', 'argmin', 'argmax', 'count'])
            place = self.reduction_of(name, [self.list('float', depth, length)], numpy=False) if r.random() < 0.7 else self.any('whole', 0)
            return 'pick(%s)' % self.comma([self.list('float', depth, length), place])
        if pick < 0.2:
            return ('item(%%s, %d)' % r.randint(1, length) if pick < 0.17 else 'len(%s)') % self.list('float', depth, length)
        args = [self.list('float', depth)]
        if r.random() < 0.2:
            args.append(self.list_or_value('float', 0, length))
            r.shuffle(args)
        return self.reduction_of(r.choice(REDUCTIONS), args)

    def reduction_of(self, name, args, numpy=True):
        """The call, with or without numpy's prefix and axis, and with its other arguments in any order."""
        r = self.rng
        named = []
        prefixed = numpy and r.random() < 0.3 and not name.endswith(('count', 'first', 'last'))
        if prefixed and r.random() < 0.3:
            args = ['(%s)' % self.comma(self.list_or_value('float', 0, 3) for _ in range(r.choice([2, 3, 5])))]
        if name.endswith('ile'):
            q = repr(r.choice(PERCENTS if name.endswith('percentile') else QUANTILES))
            if r.random() < 0.3:
                named.append('q=' + q)
            else:
                args = [*args, q]
        if name.endswith(('std', 'var')) and r.random() < 0.4:
            named.append('ddof%s=%s' % (self.space(), r.choice('01')))
        if prefixed or (numpy and r.random() < 0.1):
            named.append('axis%s=%s0' % (self.space(), self.space()))
        r.shuffle(named)
        return '%s%s(%s)' % (r.choice(['numpy.', 'np.']) if prefixed else '', name, self.comma(args + named))

    def lists(self):
        """A list reduced at the root, or in the middle of arithmetic."""
        text = self.reduction('float', self.rng.choice([0, 1, 1, 2]))
        if self.rng.random() < 0.3:
            other = self.leaf('float') if self.rng.random() < 0.5 else self.reduction('float', 1)
            text = '%s %s %s' % (text, self.rng.choice(ARITHMETIC), other)
        return text
