"""The part of the language that looks around: neighbours, windows, and their arguments, which are constants."""
import math
import os
import sys

import numpy as np

from tree import Node, Refused, Unclear

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'focal'))
import focal_evaluator as around  # noqa: E402

# Names of the arguments behind the operand: by place, and those that have no place.
LOOKS = {'at': (('row', 'column'), ()), 'roughness': (('size',), ('z', 'edge'))}
LOOKS.update({'focal_' + _name: (('window',), ('nodata', 'edge')) for _name in around.STATISTICS})
LOOKS['focal_percentile'] = (('percentile', 'window'), ('nodata', 'edge'))
WINDOWS = {'rect': (2, around.box), 'circle': (1, around.circle), 'annulus': (2, around.annulus),
           'wedge': (3, around.wedge),
           'gaussian': (1, around.gaussian)}
WHOLE_OF_ANY = {'focal_variety', 'focal_count'}
FRACTIONS = {'focal_mean', 'focal_std', 'focal_var', 'focal_median', 'focal_percentile', 'roughness'}


class Looks:
    """Methods of the parser."""

    def band(self, letter):
        """Behind A: A, A[2], A[-1,0], A[2,-1,0] and A[2][-1,0]."""
        index, away = [], []
        bands = self.band_range(letter) if self.peek() == '[' else None
        if bands is None and self.peek() == '[':
            index = self.indices()
        if (bands or len(index) == 1) and self.peek() == '[':
            away = self.indices()
            if len(away) != 2:
                raise Refused('row and column expected')
        if len(index) > 1:
            index, away = index[:-2], index[-2:]
        band = index[0] if index else 1
        if band < 1 or any(abs(one) > 10000 for one in away):
            raise Refused('out of range')
        members = self.members_of(letter)
        if not members and not bands:
            return self.plane((letter, band), away)
        self.seen['S[2]' if index else 'S'] += 1
        self.seen['S[-1,0]'] += bool(away)
        stack = [(letter, member, one) for member in range(1, members + 1) for one in bands or [band]]
        return self.list_of([self.plane(key, away) for key in stack or [(letter, one) for one in bands]])

    def plane(self, key, away):
        if key not in self.bands:
            raise Refused('no band %d of %s' % (key[-1], key[0]))
        node = Node('input', value=key, kind='int' if key in self.integers else 'float')
        return Node('at', [node], away, node.kind) if away else node

    def indices(self):
        out = []
        while not out or self.peek() == ',':
            self.take()
            sign = self.take()[1] if self.peek() in ('-', '+') else ''
            kind, number = self.take()
            if kind != 'number' or not number.isdigit() or len(out) == 3:
                raise Refused('whole number expected')
            if number != str(int(number)) or (sign and self.tokens[self.at - 1] == ('op', sign)):
                raise Unclear('A[01]')
            out.append(int(sign + number))
        self.take(']')
        return out

    def constant(self):
        """An argument behind an operand: a number, a word, (shape, numbers) or a matrix."""
        kind, text = self.take()
        if kind == 'string':
            return text[1:-1]
        if kind == 'name' and self.peek() == '(':
            self.take()
            return text, self.constants(')')
        if kind == 'name':
            return text
        if text == '[':
            rows = []
            while not rows or self.peek() == ',':
                if rows:
                    self.take()
                self.take('[')
                rows.append(self.constants(']'))
            self.take(']')
            if len({len(row) for row in rows}) > 1:
                raise Refused('ragged rows')
            return np.array(rows)
        self.at -= 1
        return self.signed()

    def constants(self, closing):
        out = [self.signed()]
        while self.peek() == ',':
            self.take()
            out.append(self.signed())
        self.take(closing)
        return out

    def signed(self):
        sign = self.take()[1] if self.peek() in ('-', '+') else '+'
        kind, text = self.take()
        if kind != 'number':
            raise Refused('number expected')
        if text[:2].lower() in ('0x', '0b') or math.isinf(float(text)):
            raise Unclear('a constant of that kind')
        return float(sign + text)

    def arguments(self, places, names):
        """Behind the operand, by name or by place."""
        given, named = {}, False
        while self.peek() == ',':
            self.take()
            key = places[len(given)] if len(given) < len(places) and not named else None
            if self.tokens[self.at][0] == 'name' and self.tokens[self.at + 1][1] == '=':
                key, named = self.take()[1], True
                self.take()
            elif named:
                raise Refused('an argument without a name')
            if key in given or key not in places + names:
                raise Refused('no argument %s' % key)
            given[key] = self.constant()
        self.take(')')
        return given

    def look(self, name):
        """A call of what looks around."""
        self.take('(')
        child = self.ternary()
        given = self.arguments(*LOOKS[name])
        if name == 'at':
            given = _offsets(given)
        else:
            _check(name, given)
        if not child.is_list():
            return self.looked(name, child, given)
        self.seen['window of a list'] += 1
        return self.list_of([self.looked(name, member, given) for member in child.args], name)

    @staticmethod
    def looked(name, child, given):
        kind = child.kind
        if name == 'at':
            node = Node('at', [child], given, kind)
        else:
            if name in FRACTIONS or around.is_weighted(given['window']):
                kind = 'float'
            elif name in WHOLE_OF_ANY or kind in ('bool', 'boolish'):
                kind = 'int'
            node = Node(name, [child], given, kind)
        node.bare = False
        return node


def _offsets(given):
    if set(given) != {'row', 'column'}:
        raise Refused('row and column expected')
    for one in given.values():
        if not isinstance(one, float) or one != int(one) or abs(one) > 10000:
            raise Refused('whole offsets expected')
    return [int(given['row']), int(given['column'])]


def _check(name, given):
    """Sees to it that the arguments fit the function; the window becomes weights."""
    number = given.get('size', 3.0) if name == 'roughness' else given.get('percentile', 50.0)
    if not isinstance(number, float) or name == 'focal_percentile' and not 0 <= given.get('percentile', -1) <= 100:
        raise Refused('a number expected')
    window = given['window'] = _window(number if name == 'roughness' else given.get('window'))
    for key, words in (('nodata', around.POLICIES), ('edge', around.EDGES)):
        if not isinstance(given.get(key, ''), str) or given.get(key, words[0]).lower() not in words:
            raise Refused('%s is one of %s' % (key, words))
    if name == 'roughness' and (not isinstance(given.get('z', 1.0), float) or given.get('z') == 0 or len(window) < 3):
        raise Refused('z or size')
    negative = name in ('focal_std', 'focal_var') and (window < 0).any()
    if around.is_weighted(window) and (name[6:] not in around.WEIGHTED or negative):
        raise Refused('weights')


def _window(given):
    if isinstance(given, float):
        given = ('rect', [given, given])
    if isinstance(given, tuple):
        given = _shape(*given)
    if not isinstance(given, np.ndarray) or not given.any() or given.shape[0] % 2 == 0 or given.shape[1] % 2 == 0:
        raise Refused('window')
    return given


def _shape(name, numbers):
    count, make = WINDOWS.get(name, (0, None))
    if len(numbers) != count or min(numbers[:1 if name == 'wedge' else 3]) < 0:
        raise Refused('window')
    if numbers[0] == 0 and name in ('rect', 'gaussian'):
        raise Refused('window')
    if name == 'rect' and any(one != int(one) or one % 2 == 0 for one in numbers):
        raise Refused('odd rows and columns expected')
    if name == 'annulus' and numbers[0] >= numbers[1] or name == 'wedge' and max(map(abs, numbers[1:])) > 360:
        raise Refused('radii or angles')
    if max(numbers[:1 if name == 'wedge' else 2]) > (5 if name == 'gaussian' else 40):
        raise Unclear('a large window takes long')
    return make(*(int(one) if name == 'rect' else one for one in numbers))
