"""The tree of an expression, and what may be wrong with its text."""


class Refused(Exception):
    """An error of the expression."""


class Unclear(Exception):
    """The page does not say; a test has no opinion on it."""


class Node:
    """A list has its members as args, and as value the operator that made it of other lists."""
    __slots__ = ('op', 'args', 'value', 'kind', 'bare')

    def __init__(self, op, args=(), value=None, kind='float'):
        self.op, self.args, self.value, self.kind, self.bare = op, args, value, kind, True

    def is_list(self):
        return self.op == 'list'

    def written(self):
        """The operator as it stands in the text."""
        return self.value if self.is_list() else self.op


def member_by_member(make, args, op, seen):
    """make(args) of values; of lists, one for each member, and values are the same for all."""
    lengths = {len(arg.args) for arg in args if arg.is_list()}
    if not lengths:
        return make(args)
    if len(lengths) > 1:
        raise Refused('lists of %s members' % sorted(lengths))
    seen['%s of lists' % ('where' if op == 'where' else 'operation' if sum(arg.is_list() for arg in args) == len(args)
                          else 'value and operation')] += 1
    return Node('list', [make([arg.args[k] if arg.is_list() else arg for arg in args]) for k in range(lengths.pop())], op)
