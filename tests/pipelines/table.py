#!/usr/bin/env python3
"""table.py PAGE.md FILE...: writes the table of pipelines into the page, between the two lines of comment that are there for it.

The files are what test_pipelines.py found, {GDAL version: {kind: word}}, and what bench/pipelines.py measured,
{GDAL version: {kind: {"read": ratio, "write": ratio}}}. ./run matrix --docs calls it.
"""
import json
import sys

BEGIN, END = '<!-- table of pipelines: written by ./run matrix --docs -->', '<!-- end of the table of pipelines -->'


def main(page, *files):
    words, ratios = {}, {}
    for name in files:
        with open(name, encoding='utf-8') as file:
            for version, kinds in json.load(file).items():
                for kind, found in kinds.items():
                    (words if isinstance(found, str) else ratios).setdefault(kind, {})[version] = found
    versions = sorted({version for found in words.values() for version in found}, key=lambda v: [int(n) for n in v.split('.')[:2]])
    if not versions:
        sys.exit('table.py: none of the files has what test_pipelines.py found')

    def cell(kind, version):
        word, ratio = words[kind].get(version, '-'), ratios.get(kind, {}).get(version)
        return word if ratio is None else '%s; %.2f, %.2f' % (word, ratio['write'], ratio['read'])

    rows = [['pipeline'] + ['GDAL ' + version for version in versions], ['---'] * (len(versions) + 1)]
    rows += [[kind] + [cell(kind, version) for version in versions] for kind in words]
    with open(page, encoding='utf-8') as file:
        text = file.read()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        sys.exit('table.py: %s has no place for the table, between "%s" and "%s"' % (page, BEGIN, END))
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    with open(page, 'w', encoding='utf-8') as file:
        file.write('%s%s\n%s\n%s%s' % (before, BEGIN, '\n'.join('| %s |' % ' | '.join(row) for row in rows), END, after))


if __name__ == '__main__':
    main(*sys.argv[1:])
