#!/usr/bin/env python3
"""The table of docs/PIPELINES.md: rows are kinds of pipelines, columns are GDALs.

    table.py SAME.json [SPEED.json]

SAME.json is what `test_pipelines.py --table` has written under each GDAL, SPEED.json what `bench/pipelines.py --json` has.
"""
import json
import sys


def load(path):
    with open(path) as file:
        return json.load(file)


def main():
    same = load(sys.argv[1])
    speed = load(sys.argv[2]) if len(sys.argv) > 2 else {}
    versions = sorted(same, key=lambda v: [int(n) for n in v.split('.')[:3]])
    kinds = list(max(same.values(), key=len))
    print('| kind | ' + ' | '.join('GDAL ' + v for v in versions) + ' |')
    print('|---|' + '---|' * len(versions))
    for kind in kinds:
        cells = []
        for version in versions:
            cell = same[version].get(kind, '')
            ratio = speed.get(version, {}).get(kind)
            cells.append(cell + (', %.2f x' % ratio['write'] if cell and ratio else ''))
        print('| %s | %s |' % (kind, ' | '.join(cells)))


if __name__ == '__main__':
    main()
