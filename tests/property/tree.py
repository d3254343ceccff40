"""The tree of an expression, and what may be wrong with its text."""


class Refused(Exception):
    """An error of the expression."""


class Unclear(Exception):
    """The page does not say; a test has no opinion on it."""


class Node:
    __slots__ = ('op', 'args', 'value', 'kind', 'bare')

    def __init__(self, op, args=(), value=None, kind='float'):
        self.op, self.args, self.value, self.kind, self.bare = op, args, value, kind, True
