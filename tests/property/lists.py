"""The part of the language that has lists: bands, stacks, what reduces them to a value, and its arguments."""
import warnings

import numpy as np

from tree import Node, Refused, Unclear

REDUCTIONS = 'sum mean average avg min amin max amax prod any all var std median mode majority variety percentile quantile argmin argmax'.split()
REDUCTIONS += ['nan' + _name for _name in REDUCTIONS if _name not in ('average', 'avg', 'amin', 'amax')]
REDUCTIONS += ['count', 'first', 'last', 'nanfirst', 'nanlast']
SAME = {'average': 'mean', 'avg': 'mean', 'amin': 'min', 'amax': 'max'}
PLACES = {'item': 2, 'slice': 3, 'len': 1, 'pick': 2}
FRACTIONS = {'mean', 'var', 'std', 'median', 'percentile', 'quantile'}


class Lists:
    """Methods of the parser."""

    def is_list_call(self, text):
        return text in PLACES or text in REDUCTIONS

    def members_of(self, name):
        """How many members the stack has; 0 for a raster."""
        return max((key[1] for key in self.bands if key[0] == name and len(key) == 3), default=0)

    def bands_of(self, name):
        return max(key[-1] for key in self.bands if key[0] == name)

    def list_of(self, members, op=None):
        return Node('list', members, op)

    def written_list(self, closing, first=None):
        """[x, y] or (x, y): lists within are laid out."""
        members = []
        while True:
            one = first or self.ternary()
            first = None
            members += one.args if one.is_list() else [one]
            if self.peek() != ',':
                break
            self.take()
        self.take(closing)
        self.seen['[x, y]' if closing == ']' else '(x, y)'] += 1
        return self.list_of(members)

    def band_range(self, name):
        """Behind the bracket of A[*], A[2:5], A[2:], A[:3], A[1:6:2]: the bands; None: something else stands there."""
        text = [token[1] for token in self.tokens[self.at + 1:self.at + 7]]
        inside = text[:text.index(']')] if ']' in text else []
        if '*' not in inside and ':' not in inside:
            return None
        self.at += len(inside) + 2
        most = self.bands_of(name)
        if inside == ['*']:
            self.seen['A[*]'] += 1
            bands = range(1, most + 1)
        else:
            parts = ''.join(inside).split(':')
            if not all(part == '' or part.isdigit() and str(int(part)) == part for part in parts) or not any(parts) or parts[2:] == ['']:
                raise Unclear('A[:] and the like')
            if len(parts) > 3 or parts[2:] == ['0']:
                raise Refused('no such range')
            first, last = int(parts[0] or 1), int(parts[1] or most)
            if not 1 <= first <= last <= most:
                raise Refused('there are no bands %d to %d' % (first, last))
            self.seen['A[1:6:2]' if len(parts) == 3 else 'A[2:5]' if all(parts) else 'A[2:]'] += 1
            bands = range(first, last + 1, int(parts[2]) if len(parts) == 3 else 1)
        if self.members_of(name):
            if most > 1:
                raise Refused('several bands of several members')
            if inside != ['*']:
                raise Unclear('S[1:1]')
        return bands

    def list_call(self, name, prefixed):
        """Behind the name of a reduction, or of what takes members out of a list."""
        self.take('(')
        args, given = [], {}
        while True:
            if args and self.tokens[self.at][0] == 'name' and self.tokens[self.at + 1][1] == '=':
                self.named(name, given)
            elif given:
                raise Refused('an argument without a name')
            else:
                self.tuples.add(self.at)
                args.append(self.ternary())
            if self.peek() != ',':
                break
            self.take()
        self.take(')')
        if name in PLACES:
            if given:
                raise Unclear('axis of %s' % name)
            node = self.place(name, args)
        else:
            lists = any(arg.is_list() for arg in args)
            if prefixed and lists and 'axis' not in given:
                raise Refused('no axis')
            if prefixed and not lists and name.endswith(('argmin', 'argmax')):
                raise Unclear('numpy.argmax of values')
            node = self.reduction(name, args, given, prefixed)
        node.bare = False
        return node

    def named(self, name, given):
        key = self.take()[1]
        self.take()
        if key in given or key not in ('axis', 'dtype') + (('ddof',) if name.endswith(('var', 'std')) else ()) \
                + (('q',) if name.endswith('ile') else ()):
            raise Refused('no argument %s' % key)
        given[key] = self.constant()
        if key == 'axis' and given[key] != 0 or key == 'ddof' and given[key] not in (0, 1):
            raise Refused(key)
        if key == 'dtype':
            raise Unclear('dtype')

    def reduction(self, name, args, given, prefixed):
        base = name[3:] if name.startswith('nan') else name
        base = SAME.get(base, base)
        if base in ('percentile', 'quantile'):
            q = given.get('q')
            if q is None:
                if len(args) < 2 or args[-1].is_list():
                    raise Refused('no percentile')
                if args[-1].op != 'number' or np.isnan(args[-1].value):
                    raise Unclear('an expression for a constant')
                q = args.pop().value
            if not isinstance(q, float) or not 0 <= q <= (100 if base == 'percentile' else 1):
                raise Refused('no such percentile')
            given = {'q': q}
        elif base in ('argmin', 'argmax'):
            given = {'from': 0 if prefixed or 'axis' in given else 1}
        else:
            given = {'ddof': int(given['ddof'])} if 'ddof' in given else {}
        members = [member for arg in args for member in (arg.args if arg.is_list() else [arg])]
        self.seen[name] += 1
        self.seen['reduction of a reduction'] += any(_has(member, 'reduce') for member in members)
        self.seen['list of %s' % ('one' if len(members) == 1 else 'many' if len(members) > 9 else 'some')] += 1
        if len({len(arg.args) if arg.is_list() else 0 for arg in args}) > 1:
            self.seen['max(S, 5)'] += 1
        kind = 'float' if base in FRACTIONS else self.of_values(base, members).kind if base in ('min', 'max', 'sum') else 'unclear'
        return Node('reduce', members, (('nan' if name.startswith('nan') else '') + base, given), kind)

    def place(self, name, args):
        if len(args) != PLACES[name]:
            raise Refused('%s takes another number of arguments' % name)
        if not args[0].is_list():
            if name == 'len':
                raise Unclear('len(A)')
            raise Refused('no list')
        members = args[0].args
        self.seen[name] += 1
        if name == 'len':
            return Node('number', value=float(len(members)), kind='unclear')
        if name == 'pick':
            if args[1].is_list():
                raise Refused('a list as a place')
            if args[1].op == 'reduce' and args[1].value[1].get('from') == 0:
                raise Refused('places from 0')
            return Node('pick', [*members, args[1]], kind='unclear')
        places = []
        for arg in args[1:]:
            if arg.op != 'number' or arg.kind != 'int':
                raise Unclear('an expression for a constant')
            if not 1 <= arg.value <= len(members):
                raise Refused('no such member')
            places.append(int(arg.value))
        if name == 'item':
            member = members[places[0] - 1]
            return Node('pos', [member], kind=member.kind)
        if places[0] > places[1]:
            raise Refused('no members')
        return self.list_of(members[places[0] - 1:places[1]])


def _has(node, op):
    return node.op == op or any(_has(arg, op) for arg in node.args if isinstance(arg, Node))


# ---- numbers: x is (members, rows, columns), as numpy has a stack ----

def _place(x, best):
    """Of the first of the best that have a value; numpy.nanargmax takes a NaN before -inf for it."""
    return (x == best(x, axis=0)).argmax(0)


def _commonest(x):
    """The smallest and the largest of the values that come most often."""
    times = np.array([(x == one).sum(0) for one in x])
    most = times == times.max(0)
    return np.where(most & ~np.isnan(x), x, np.inf).min(0), np.where(most & ~np.isnan(x), x, -np.inf).max(0)


def _majority(x):
    low, high = _commonest(x)
    return np.where(low == high, low, np.nan)


def _variety(x):
    return sum((~np.isnan(x[k]) & ~(x[:k] == x[k]).any(0)) * 1.0 for k in range(len(x)))


def _first(x):
    """The first that has a value."""
    out = np.full(x.shape[1:], np.nan)
    for one in x[::-1]:
        out = np.where(np.isnan(one), out, one)
    return out


OWN = {
    'any': lambda x: (x != 0).any(0) * 1.0, 'all': lambda x: (x != 0).all(0) * 1.0,
    'nanany': lambda x: ((x != 0) & ~np.isnan(x)).any(0) * 1.0, 'nanall': lambda x: ((x != 0) | np.isnan(x)).all(0) * 1.0,
    'mode': lambda x: _commonest(x)[0], 'majority': _majority, 'variety': _variety,
    'count': lambda x: (~np.isnan(x)).sum(0) * 1.0, 'first': lambda x: x[0], 'last': lambda x: x[-1], 'nanfirst': _first,
    'nanlast': lambda x: _first(x[::-1]),
}


def _result(name, x, given):
    skips = name.startswith('nan')
    base = name[3:] if skips else name
    if base in ('argmin', 'argmax'):
        best = np.nanmin if base == 'argmin' else np.nanmax
        return (_place(x, best) if skips else getattr(np, name)(x, axis=0)) + float(given['from'])
    own = OWN.get(name) or OWN.get(base)
    return own(x) if own else getattr(np, name)(x, axis=0, **given)


def reduce(name, x, given, nodata):
    """The value, and where the page leaves it open."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        result = _result(name, x, given)
    skips = name.startswith('nan')
    base = name[3:] if skips else name
    nan, zero = np.isnan(x), (result == 0) & ((x == 0) & np.signbit(x)).any(0)
    open_ = np.zeros(x.shape[1:], bool)
    if base in ('min', 'max', 'median', 'percentile', 'quantile', 'mode', 'majority'):
        open_ = zero  # its sign
    if base in ('sum', 'mean'):  # -0 in numpy 2, 0 before
        open_ = zero & np.signbit(np.where(nan, -0.0, x)).all(0)
    if base in ('percentile', 'quantile'):
        open_ |= (np.abs(x) > 2.0**1022).any(0)  # numpy has inf - inf or inf * 0 there
    if base == 'median':  # whose sum numpy halves, also of one and the same
        open_ |= (np.isfinite(x) & (np.abs(x) > 2.0**1022)).any(0)
    if base in ('argmin', 'argmax') and skips and not nodata:
        open_ |= nan.all(0)  # numpy raises
    counted = base in ('mode', 'majority', 'variety')
    if skips and (nodata or counted):
        result = np.where(nan.all(0), np.nan, result)
    if not skips and (counted or nodata and base not in ('count', 'first', 'last')):
        result = np.where(nan.any(0), np.nan, result)
    return result, open_


def pick(x, k):
    out = np.full(k.shape, np.nan)
    for i, member in enumerate(x):
        out = np.where(k == i + 1, member, out)
    return out
