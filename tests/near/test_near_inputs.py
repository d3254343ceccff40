"""What a near table makes of its inputs: fields whose names differ in case only."""
import json
import sys
import unittest

from osgeo import gdal, ogr

from near_common import NearCase, good, make, near, names_of, oo, table


def attributes(layer):
    """The values of every feature, by name in exactly that case."""
    return [json.loads(feature.ExportToJson())['properties'] for feature in layer]


class Names(NearCase):
    """`Code` and `code` are two fields in GeoJSON, CSV, FlatGeobuf, PostgreSQL; GDAL finds the first of them by either name."""

    def layer(self, name, x, upper, lower):
        if not name.endswith('.csv'):
            return make(self.new(name), ['POINT(%d 0)' % i for i in x], fields={'Code': upper, 'code': lower}, kind=ogr.wkbPoint)
        path = self.new(name)  # GDAL reads such a file, and writes none
        with open(path, 'w') as f:
            f.write('WKT,Code,code\n' + ''.join('POINT(%d 0),%s,%s\n' % row for row in zip(x, upper, lower)))
        return path

    def test_exact_name_first(self):
        for ending in ('.geojson', '.fgb', '.csv', '.geojsonl'):
            for workers in ({'NUM_WORKERS': 2}, {'NUM_WORKERS': 2, 'WORKERS': 'PROCESSES'}):
                a = self.layer('a' + ending, (0, 10), ['A1', 'A2'], ['a1', 'a2'])
                b = self.layer('b' + ending, (1, 11), ['B1', 'B2'], ['b1', 'b2'])
                with self.subTest(ending=ending, **workers):
                    for name, want in (('Code', ['A1', 'A2']), ('code', ['a1', 'a2']), ('CODE', ['A1', 'A2'])):
                        dataset = near(a, NEAR=b, FIELDS=name, NEAR_FIELDS=name, **workers)
                        rows = attributes(dataset.GetLayer(0))
                        own = [value for value in rows[0] if value.upper() == 'CODE'][0]
                        self.assertEqual(([row[own] for row in rows], [row['NEAR_' + own] for row in rows]), (want, [w.replace('a', 'b').replace('A', 'B') for w in want]))
                    for fields in ('*', 'code,Code', 'Code,code,CODE'):
                        dataset = near(a, NEAR=b, FIELDS=fields, NEAR_FIELDS='*', **workers)
                        self.assertEqual(len([n for n in names_of(dataset.GetLayer(0)) if 'WKT' not in n]), 8, fields)
                        rows = attributes(dataset.GetLayer(0))
                        self.assertEqual(sorted(str(value) for value in rows[1].values() if isinstance(value, str) and len(value) == 2), ['A2', 'B2', 'a2', 'b2'], fields)

    def test_columns_are_unique_in_any_case(self):
        """So that SQLite, GeoPackage and Shapefile have them all."""
        a = self.layer('a.geojson', (0, 10), ['A1', 'A2'], ['a1', 'a2'])
        want = ['IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK', 'Code', 'IN_code', 'NEAR_Code', 'NEAR_code_2']
        options = oo(NEAR=a, FIELDS='*', NEAR_FIELDS='*')
        for name in ('out.gpkg', 'out.sqlite', 'out.dbf', 'out.csv'):
            out = self.new(name)
            good('ogr2ogr', *(['-f', 'ESRI Shapefile'] if name == 'out.dbf' else []), out, 'NEARTABLE:' + a, *options)
            dataset = gdal.OpenEx(out, gdal.OF_VECTOR)
            layer = dataset.GetLayerByName('a_near') or dataset.GetLayer(0)  # SQLite lists no tables without geometry
            got = names_of(layer)
            self.assertEqual([n.lower() for n in got], [n[:10].lower() if name == 'out.dbf' else n.lower() for n in want][:len(got) - 1] + [got[-1].lower()], name)
            self.assertEqual([[row[n] for n in got[4:]] for row in attributes(layer)], [['A1', 'a1', 'A2', 'a2'], ['A2', 'a2', 'A1', 'a1']], name)

    def test_several_near_layers(self):
        """A field of either spelling is found where a layer has only one, and no value is lost where another has both."""
        a = make(self.new('a.geojson'), ['POINT(0 0)', 'POINT(10 0)'])
        b = make(self.new('b.geojson'), ['POINT(0 1)'], fields={'CODE': ['one']})
        c = self.layer('c.geojson', (10,), ['Upper'], ['lower'])
        dataset = near(a, NEAR=[b, c], NEAR_FIELDS='*')
        rows = attributes(dataset.GetLayer(0))
        self.assertEqual([sorted(v for k, v in row.items() if 'CODE' in k.upper()) for row in rows], [['one', 'one'], ['Upper', 'lower']])
        alike = make(self.new('alike.geojson'), ['POINT(10 0)'], fields={'code': ['two']})
        dataset = near(a, NEAR=[b, alike], NEAR_FIELDS='*')
        self.assertEqual(names_of(dataset.GetLayer(0))[5:], ['CODE'])
        self.assertEqual([row['CODE'] for row in attributes(dataset.GetLayer(0))], ['one', 'two'])

    def test_match(self):
        for ending in ('.geojson', '.fgb'):
            a = self.layer('a' + ending, (0, 10), ['x', 'y'], ['y', 'x'])
            b = self.layer('b' + ending, (0, 10), ['x', 'y'], ['y', 'y'])
            for match, want in (('Code', [(0, 0), (1, 1)]), ('code', [(0, 0)]), ('code=Code', [(0, 1), (1, 0)]), ('CODE', [(0, 0), (1, 1)]), ('Code=code', [(1, 1)])):
                found = [(row.IN_FID, row.NEAR_FID) for row in table(a, NEAR=b, MATCH=match)]
                self.assertEqual(found, want, ending + match)


if __name__ == '__main__':
    sys.exit(unittest.main())
