#!/usr/bin/python3
"""Counts what the design forbids, prints each number, and fails where there is more than may be.

    counts.py [-v]    -v: where

The limits are the aims, or what there was when the counting began: they only go down."""
import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUNCTION_LINES, FILE_LINES, LINE_LENGTH = 60, 600, 120
BASE = ('gdal', 'files', 'jobs', 'raster', 'features', 'tables')  # folders of plugins/ that know no driver
DRIVERS = ('drivers/calc', 'drivers/near', 'commands')
LONG_FILES = {  # with a reason
    'src/expr/ops.h': 'a table',
}


def sources(*folders):
    for folder in folders:
        for path, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.cpp')):
                    yield os.path.relpath(os.path.join(path, name), ROOT)


def lines_of(name):
    with open(os.path.join(ROOT, name)) as file:
        return file.read().split('\n')


def places_that_fill_a_job():
    """An fn_job that begins empty, in code that knows GDAL."""
    for name in sources('plugins'):
        for number, line in enumerate(lines_of(name), 1):
            if re.search(r'\bfn_job \w+ = \{', line):
                yield '%s:%d' % (name, number)


def includes_from_the_base_into_a_driver():
    for name in sources(*['plugins/' + folder for folder in BASE]):
        for number, line in enumerate(lines_of(name), 1):
            found = re.match(r'#include "(?!fishnet/)(?:.*/)?(\w+\.h)"', line)
            if found and any(os.path.exists(os.path.join(ROOT, 'plugins', folder, found[1])) for folder in DRIVERS) \
                    and not os.path.exists(os.path.join(ROOT, os.path.dirname(name), found[1])):
                yield '%s:%d %s' % (name, number, found[0])


def names_in_several_namespaces():
    """Classes, structs and enums that are defined in two namespaces of plugins/."""
    where = collections.defaultdict(set)
    for name in sources('plugins'):
        space = ''
        for line in lines_of(name):
            found = re.match(r'namespace (fishnet[\w:]*)', line)
            if found:
                space = found[1]
            found = re.match(r'(?:class|struct|enum class|enum) (\w+)[^;]*$', line)
            if found and space:
                where[found[1]].add(space)
    for word, spaces in sorted(where.items()):
        if len(spaces) > 1:
            yield '%s: %s' % (word, ', '.join(sorted(spaces)))


def values_of_threads_that_may_end_the_process():
    """Where there is no memory for them: plugins/gdal/per_thread.h."""
    for name in sources('src', 'plugins'):
        for number, line in enumerate(lines_of(name), 1):
            if re.search(r'\b(thread_local|_Thread_local|__thread)\b(?!`)', line):
                yield '%s:%d' % (name, number)


def long_functions():
    """From the line with its name to the brace that ends it, which stands at the beginning of a line, as clang-format has it."""
    for name in sources('src', 'plugins', 'include'):
        begin, text = 0, ''
        for number, line in enumerate(lines_of(name), 1):
            if line == '{' and begin:
                continue
            if re.match(r'[A-Za-z].*\(', line) and not line.rstrip().endswith(';') and not line.startswith(('#', 'namespace', 'typedef')):
                begin, text = number, line
            elif line == '}' and begin:
                if number - begin + 1 > FUNCTION_LINES:
                    yield '%s:%d %d lines: %s' % (name, begin, number - begin + 1, text[:70])
                begin = 0


def long_files():
    for name in sources('src', 'plugins', 'include'):
        count = len(lines_of(name)) - 1
        if count > FILE_LINES and name not in LONG_FILES:
            yield '%s: %d' % (name, count)


def long_lines():
    for name in sources('src', 'plugins', 'include', 'tests'):
        for number, line in enumerate(lines_of(name), 1):
            if len(line) > LINE_LENGTH:
                yield '%s:%d' % (name, number)


COUNTS = (  # what, and how many there may be
    (places_that_fill_a_job, 1),
    (includes_from_the_base_into_a_driver, 0),
    (names_in_several_namespaces, 0),
    (values_of_threads_that_may_end_the_process, 0),
    (long_functions, 0),
    (long_files, 0),
    (long_lines, 0),
)


def main():
    bad = 0
    for count, most in COUNTS:
        found = list(count())
        bad += len(found) > most
        print('%5d of at most %d: %s' % (len(found), most, count.__name__.replace('_', ' ')))
        if len(found) > most or '-v' in sys.argv[1:]:
            print(''.join('        %s\n' % place for place in found), end='')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
