"""The language of docs/FISHNET.md a second time: slow, plain, and written from that page alone.

    value, undecided = evaluate("sqrt(A) + B[2]", {('A', 1): a, ('B', 2): b}, integers={('B', 2)}, nodata=True)

A stack has a key for each member, ('S', 3, 1) is band 1 of the third. Arrays are float64; with nodata=True a NaN is NoData.
`undecided` marks pixels whose bits the page leaves open (the sign of a zero that min() picks from -0 and +0). Refused: the page
calls the expression an error. Unclear: the page does not decide.
"""
import ctypes
import ctypes.util
import math
import re
import sys
from collections import Counter

import numpy as np

import lists
from lists import Lists
from looks import LOOKS, Looks, around
from tree import Node, Refused, Unclear, member_by_member

sys.setrecursionlimit(20000)  # a parenthesis costs a dozen frames


# ---- the C library, one number at a time: numpy's own vector versions differ from it in the last bits -----------------

_libm = ctypes.CDLL(ctypes.util.find_library('m'))


def _c(name, n):
    function = getattr(_libm, name)
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_double] * n
    elementwise = np.frompyfunc(function, n, 1)

    def call(*x):
        with np.errstate(all='ignore'):
            return np.asarray(elementwise(*np.broadcast_arrays(*x)), dtype=np.float64)
    return call


ONE = 'cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh'.split()
LIBM = {name: _c(name, 1) for name in ONE}
LIBM.update({name: _c(name, 2) for name in ('pow', 'hypot', 'atan2')})

# ---- names ------------------------------------------------------------------------------------------------------------

ALIASES = {
    'absolute': 'abs', 'fabs': 'abs', 'ln': 'log', 'power': 'pow', 'arcsin': 'asin', 'arccos': 'acos', 'arctan': 'atan',
    'arctan2': 'atan2', 'arcsinh': 'asinh', 'arccosh': 'acosh', 'arctanh': 'atanh', 'deg2rad': 'radians',
    'rad2deg': 'degrees', 'fix': 'trunc', 'around': 'rint', 'minimum': 'min', 'maximum': 'max', 'clip': 'clamp',
    'remainder': 'mod', 'true_divide': 'divide', 'if': 'where', 'bitwise_not': 'invert',
}
MANY = 1000
ARITY = {'min': (1, MANY), 'max': (1, MANY), 'sum': (1, MANY), 'avg': (1, MANY), 'clamp': (3, 3), 'where': (3, 3)}
for _name in ('abs sign sqrt square reciprocal radians degrees floor ceil trunc round rint negative isnan isnodata isinf '
              'isfinite logical_not invert').split() + ONE:
    ARITY[_name] = (1, 1)
for _name in ('pow hypot atan2 fmod mod floor_divide divide add subtract multiply logical_and logical_or logical_xor equal '
              'not_equal less less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor left_shift '
              'right_shift').split():
    ARITY[_name] = (2, 2)
CONSTANTS = {'pi': math.pi, 'e': math.e, 'nan': math.nan, 'inf': math.inf, 'true': 1.0, 'false': 0.0, 'True': 1.0,
             'False': 0.0}
SAME = {'add': '+', 'subtract': '-', 'multiply': '*', 'divide': '/', 'floor_divide': '//', 'mod': '%', 'pow': '^', '**': '^',
        'equal': '==', 'not_equal': '!=', 'less': '<', 'less_equal': '<=', 'greater': '>', 'greater_equal': '>=',
        'bitwise_and': '&', 'bitwise_or': '|', 'bitwise_xor': 'xor', 'left_shift': '<<', 'right_shift': '>>',
        'logical_and': '&&', 'logical_or': '||', 'and': '&&', 'or': '||', 'not': '!', 'logical_not': '!', 'invert': '~',
        'negative': 'neg'}
FLOATS = {'float', "'float'", '"float"', "'float32'", "'float64'", '"float32"', '"float64"', 'float32', 'float64'}

TWO53 = 2.0**53
COMPARE = {'<', '<=', '>', '>=', '==', '!='}
BOOL = COMPARE | {'&&', '||', '!', 'logical_xor', 'isnan', 'isnodata', 'isinf', 'isfinite'}
BITS = {'&', '|', 'xor', '~', '<<', '>>'}
ROUNDING = {'floor', 'ceil', 'round', 'rint', 'trunc', 'sign'}
KEEP = {'+', '-', '*', '//', '%', 'abs', 'min', 'max', 'where', 'neg', 'pos'}  # integers of integers
DOUBTFUL = {'sum', 'clamp', 'square', '^', 'fmod', 'astype'}  # whole for whole numbers, yet not on the page's list

# ---- text to tree -----------------------------------------------------------------------------------------------------

TOKEN = re.compile(r'''\s*(?:
    (?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
  | (?P<string>'[^']*'|"[^"]*")
  | (?P<op>\*\*|//|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%^&|~!<>?:()\[\],.=])
)''', re.X | re.A)


def tokens(text):
    out, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise Refused('strange character at %d' % (at + 1))
        kind = match.lastgroup
        end = match.end()
        if kind == 'number' and end < len(text) and (text[end].isalnum() or text[end] in '._'):
            raise Unclear('number runs into something')  # 5. 1e 2A 1_000
        out.append((kind, match.group(kind)))
        at = end
    return out + [('end', '')]


LEVELS = [{'||', 'or'}, {'&&', 'and'}, 'not', COMPARE, {'|'}, {'&'}, {'<<', '>>'}, {'+', '-'}, {'*', '/', '//', '%'}]


class Parser(Looks, Lists):
    def __init__(self, text, bands, integers, nodata, seen):
        self.tokens, self.at = tokens(text), 0
        self.bands, self.integers, self.nodata = bands, integers, nodata
        self.rasters = {key[0] for key in bands}
        self.tuples = set()  # where (A, B) is a list
        self.seen = seen

    def peek(self):
        kind, text = self.tokens[self.at]
        return text if kind in ('op', 'name') else None

    def take(self, wanted=None):
        token = self.tokens[self.at]
        if wanted is not None and self.peek() != wanted:
            raise Refused('%r expected, not %r' % (wanted, token[1]))
        self.at += 1
        return token

    def parse(self):
        node = self.ternary()
        if self.tokens[self.at][0] != 'end':
            raise Refused('something follows the expression')
        return node

    def ternary(self):
        condition = self.binary(0)
        if self.peek() != '?':
            return condition
        self.take()
        yes = self.ternary()
        self.take(':')
        return self.make('where', [condition, yes, self.ternary()])

    def binary(self, level):
        if level == len(LEVELS):
            return self.unary()
        ops = LEVELS[level]
        if ops == 'not':
            if self.peek() == 'not':
                self.take()
                return self.make('!', [self.binary(level)])
            return self.binary(level + 1)
        left = self.binary(level + 1)
        while self.peek() in ops:
            op = self.take()[1]
            right = self.binary(level + 1)
            if ops is COMPARE:
                if self.peek() in COMPARE:
                    raise Refused('chained comparison')
                for side in (left, right):
                    if side.bare and side.written() in ('&', '|'):
                        raise Refused('bare & or | beside a comparison')
                    if side.bare and side.written() == '~':
                        raise Unclear('bare ~ beside a comparison')
                    self.compared(side)
            left = self.make(op, [left, right])
        return left

    @staticmethod
    def compared(side):
        if side.op == 'NODATA':
            raise Refused('compared with NODATA')
        if side.is_list() and any(member.op == 'NODATA' for member in side.args):
            raise Unclear('NODATA in a list')

    def unary(self):
        op = self.peek()
        if op in ('-', '+', '~', '!'):
            self.take()
            return self.make({'-': 'neg', '+': 'pos'}.get(op, op), [self.unary()])
        base = self.postfix()
        if self.peek() in ('^', '**'):
            self.take()
            if self.peek() in ('~', '!'):
                raise Unclear('! or ~ in an exponent')
            return self.make('^', [base, self.unary()])
        return base

    def postfix(self):
        node = self.primary()
        while self.peek() == '.':
            self.take()
            if self.take()[1] != 'astype':
                raise Refused('no such method')
            self.take('(')
            kind, text = self.take()
            if text in ('numpy', 'np') and self.peek() == '.':
                self.take()
                kind, text = self.take()
                if kind != 'name':
                    raise Refused('name expected')
            if text not in FLOATS:
                if re.fullmatch('[\'"]?f[248]?[\'"]?', text):
                    raise Unclear('numpy\'s short names of types')
                raise Refused('not a floating type')
            if text in ('float32', 'float64') and self.tokens[self.at - 2][1] != '.':
                raise Unclear('float32 without numpy.')
            self.take(')')
            node = self.make('astype', [node])
        return node

    def primary(self):
        kind, text = self.take()
        if kind == 'number':
            if text[:2] in ('0x', '0X'):
                text = str(int(text, 16))
            elif text[:2] in ('0b', '0B'):
                text = str(int(text, 2))
            value = float(text)
            if math.isinf(value) or (text.isdigit() and value > TWO53):
                raise Unclear('a number beyond double precision')
            whole = 'int' if text.isdigit() else 'unclear' if value == math.floor(value) else 'float'
            return Node('number', value=value, kind=whole)
        if kind == 'op' and text == '(':
            may_be_list = self.at - 1 in self.tuples
            node = self.ternary()
            if may_be_list and self.peek() == ',':
                node = self.written_list(')', node)
            else:
                self.take(')')
            node.bare = False
            return node
        if kind == 'op' and text == '[':
            return self.written_list(']')
        if kind != 'name':
            raise Refused('operand expected, not %r' % text)
        prefixed = text in ('numpy', 'np') and self.peek() == '.'
        if prefixed:
            self.take()
            kind, text = self.take()
            if kind != 'name':
                raise Refused('name expected')
        name = ALIASES.get(text, text)
        if self.peek() == '(' and self.is_list_call(text):
            return self.list_call(text, prefixed)
        if name in ARITY and self.peek() == '(':
            return self.call('rint' if prefixed and name == 'round' else name, text)
        if text == 'NODATA':
            if prefixed:
                raise Unclear('numpy.NODATA')
            if not self.nodata:
                raise Refused('NODATA with NODATA=none')
            return Node('NODATA', kind='unclear')
        if text in CONSTANTS:
            return Node('number', value=CONSTANTS[text], kind='unclear' if text[0] in 'tTfF' else 'float')
        if text in self.rasters:
            if prefixed:
                raise Unclear('numpy.A')
            return self.band(text)
        if name in LOOKS and self.peek() == '(':
            return self.look(name)
        raise Refused('unknown name %r' % text)

    def call(self, name, spelled):
        self.take('(')
        args = []
        while True:
            args.append(self.ternary())
            if self.peek() != ',':
                break
            self.take()
        self.take(')')
        low, high = (2, 2) if spelled in ('minimum', 'maximum') else ARITY[name]
        if not low <= len(args) <= high:
            raise Refused('%s takes another number of arguments' % spelled)
        if SAME.get(name) in COMPARE:
            for arg in args:
                self.compared(arg)
        node = self.make(name, args)
        node.bare = False
        return node

    def make(self, op, args):
        op = SAME.get(op, op)
        return member_by_member(lambda values: self.of_values(op, values), args, op, self.seen)

    @staticmethod
    def of_values(op, args):
        """Types: bool (a comparison), boolish (a bool or a number made of bools), int, unclear, float."""
        kinds = [arg.kind for arg in (args[1:] if op == 'where' else args)]
        if op in BITS:
            if 'float' in kinds:
                raise Refused('%s needs integers' % op)
            if 'unclear' in kinds or (op == '~' and kinds[0] == 'boolish'):
                raise Unclear('integer or not')
            both = op in ('&', '|', 'xor', '~') and set(kinds) == {'bool'}
            return Node('!' if both and op == '~' else op, args, kind='bool' if both else 'int')
        if op in BOOL:
            kind = 'bool'
        elif op in ROUNDING:
            kind = 'int'
        elif op in KEEP | DOUBTFUL:
            if 'float' in kinds:
                kind = 'float'
            elif 'unclear' in kinds or op in DOUBTFUL:
                kind = 'unclear'
            elif op in ('abs', 'min', 'max', 'where', 'pos') and set(kinds) <= {'bool', 'boolish'}:
                kind = 'boolish'
            else:
                kind = 'int'
        else:
            kind = 'float'
        return Node(op, args, kind=kind)


# ---- tree to numbers --------------------------------------------------------------------------------------------------

def round_away(x):
    """C's round(): half away from zero, without the double rounding of floor(x + 0.5)."""
    whole = np.trunc(x)
    return whole + np.copysign(np.where(np.abs(x - whole) >= 0.5, 1.0, 0.0), x)


def _flag(condition):
    return np.where(condition, 1.0, 0.0)


PLAIN = {
    '+': np.add, '-': np.subtract, '*': np.multiply, '/': np.divide, '//': np.floor_divide, '%': np.remainder,
    'fmod': np.fmod, '^': LIBM['pow'], 'neg': np.negative, 'pos': lambda x: x, 'astype': lambda x: x, 'abs': np.abs,
    'sqrt': np.sqrt, 'square': lambda x: x * x, 'reciprocal': lambda x: 1.0 / x,
    'radians': lambda x: x * (math.pi / 180), 'degrees': lambda x: x * (180 / math.pi),
    'floor': np.floor, 'ceil': np.ceil, 'trunc': np.trunc, 'rint': np.rint, 'round': round_away,
    'sign': lambda x: np.where(np.isnan(x), x, _flag(x > 0) - _flag(x < 0)),
    '<': lambda x, y: _flag(x < y), '<=': lambda x, y: _flag(x <= y), '>': lambda x, y: _flag(x > y),
    '>=': lambda x, y: _flag(x >= y), '==': lambda x, y: _flag(x == y), '!=': lambda x, y: _flag(x != y),
    '&&': lambda x, y: _flag((x != 0) & (y != 0)), '||': lambda x, y: _flag((x != 0) | (y != 0)),
    'logical_xor': lambda x, y: _flag((x != 0) ^ (y != 0)), '!': lambda x: _flag(x == 0),
    'isinf': lambda x: _flag(np.isinf(x)), 'isfinite': lambda x: _flag(np.isfinite(x)),
}
PLAIN.update({name: LIBM[name] for name in ONE + ['hypot', 'atan2']})


class _Run:
    def __init__(self, inputs, nodata):
        self.inputs, self.nodata = inputs, nodata
        self.shape = next(iter(inputs.values())).shape
        self.undecided = np.zeros(self.shape, bool)
        self.known = {}  # of nodes, which lists share

    def full(self, value):
        return np.full(self.shape, value)

    def smaller(self, x, y, pick):
        self.undecided |= (x == 0) & (y == 0) & (np.signbit(x) != np.signbit(y))
        return pick(x, y)

    def bits(self, op, args):
        bad = np.zeros(self.shape, bool)
        for x in args:
            bad |= ~(np.abs(x) < TWO53)
        whole = [np.where(bad, 0.0, x).astype(np.int64) for x in args]
        if op in ('<<', '>>'):
            bad |= (whole[1] < 0) | (whole[1] > 63)
            self.undecided |= (args[0] == 0) & np.signbit(args[0])
            scale = np.ldexp(1.0, np.clip(whole[1], 0, 63).astype(np.int32))
            result = args[0] * scale if op == '<<' else np.floor(args[0] / scale)
        else:
            result = {'&': np.bitwise_and, '|': np.bitwise_or, 'xor': np.bitwise_xor,
                      '~': np.invert}[op](*whole).astype(np.float64)
        return np.where(bad, np.nan, result)

    def value(self, node):
        if node not in self.known:
            outer, self.undecided = self.undecided, np.zeros(self.shape, bool)
            self.known[node] = self.compute(node), self.undecided
            self.undecided = outer
        value, undecided = self.known[node]
        self.undecided = self.undecided | undecided
        return value

    def compute(self, node):
        if node.op == 'number':
            return self.full(node.value)
        if node.op == 'NODATA':
            return self.full(np.nan)
        if node.op == 'input':
            return self.inputs[node.value]
        if node.op in LOOKS:
            return self.look(node)
        args = [self.value(arg) for arg in node.args]
        if node.op == 'reduce':
            value, undecided = lists.reduce(node.value[0], np.stack(args), node.value[1], self.nodata)
            self.undecided |= undecided
            return value
        if node.op == 'pick':
            return lists.pick(args[:-1], args[-1])
        if node.op == 'isnan':
            return _flag(np.isnan(args[0]))
        if node.op == 'isnodata':
            return _flag(np.isnan(args[0])) if self.nodata else self.full(0.0)
        if node.op == 'where':
            result = np.where(args[0] != 0, args[1], args[2])
            return np.where(np.isnan(args[0]), np.nan, result) if self.nodata else result
        result = self.operate(node.op, args)
        if self.nodata:
            for x in args:
                result = np.where(np.isnan(x), np.nan, result)
        return result

    def look(self, node):
        """The operand is a raster of its own; what is undecided there is so wherever it is seen."""
        outer, self.undecided = self.undecided, np.zeros(self.shape, bool)
        x = self.value(node.args[0])
        inner, self.undecided = self.undecided * 1.0, outer
        if node.op == 'at':
            self.undecided |= around.neighbor(inner, *node.value) == 1
            return around.neighbor(x, *node.value)
        given = node.value
        edge, nodata = given.get('edge', 'shrink').lower(), given.get('nodata', 'skip').lower()
        self.undecided |= (around.focal('max', inner, given['window'], 'fill', edge) == 1) | (inner == 1)
        if node.op == 'roughness':
            return around.around('roughness', x, len(given['window']), z=given.get('z', 1.0), edge=edge)
        return around.focal(node.op[6:], x, given['window'], nodata, edge, given.get('percentile'))

    def operate(self, op, args):
        if op in BITS:
            return self.bits(op, args)
        if op in ('min', 'max'):
            result = args[0]
            for x in args[1:]:
                result = self.smaller(result, x, np.minimum if op == 'min' else np.maximum)
            return result
        if op == 'clamp':
            return self.smaller(self.smaller(args[0], args[1], np.maximum), args[2], np.minimum)
        if op in ('sum', 'avg'):
            result = args[0]
            for x in args[1:]:
                result = result + x
            return result / len(args) if op == 'avg' else result
        if op == 'sign':
            self.undecided |= (args[0] == 0) & np.signbit(args[0])
        return PLAIN[op](*args)


def compile(text, bands, integers=(), nodata=True, seen=None):
    """The tree of an expression. Raises Refused or Unclear. seen: a Counter that tells what of lists is in it."""
    tree = Parser(text, bands, integers, nodata, Counter() if seen is None else seen).parse()
    if tree.is_list():
        raise Refused('a list is no value')
    if re.search(r'\b(np|numpy)(\s+\.|\.\s)', text):
        raise Unclear('a space inside a numpy name')
    if re.search(r'[\[(,=]\s*[-+]\s+\d', text):
        raise Unclear('a space behind a sign, perhaps of a constant')
    return tree


def slack(text, inputs, integers=(), nodata=True):
    """How far the sum at the root of the expression may be from what evaluate() says; inf: anything."""
    tree = compile(text, inputs, integers, nodata)
    given = tree.value
    with np.errstate(all='ignore'):
        x = _Run(inputs, nodata).value(tree.args[0])
        window, edge = given['window'], given.get('edge', 'shrink').lower()
        allowed = around.slack(tree.op[6:], x, window, edge)
        largest = around.focal('max', np.abs(x), (window != 0) * 1.0, 'fill', edge)
    infinite = np.where(np.isinf(largest) & np.isnan(allowed), 0.0, np.inf)
    return np.where(np.isfinite(allowed) & (largest < 1e140), allowed, infinite)


def evaluate(text, inputs, integers=(), nodata=True):
    tree = compile(text, inputs, integers, nodata)
    run = _Run(inputs, nodata)
    with np.errstate(all='ignore'):
        return run.value(tree), run.undecided
