"""What a near table makes of its inputs: fields whose names differ in case only, CRS that are neither plain geographic nor projected,
layers with several geometry fields, open options for their drivers."""
import json
import os
import re
import sys
import unittest

import numpy as np
from osgeo import gdal, ogr, osr

from near_common import NearCase, good, listening, make, near, names_of, oo, rng, rows_of, srs_of, table

DEGREE = 'ANGLEUNIT["degree",0.0174532925199433]'
ROTATED = ('GEOGCRS["Rotated",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]]],'
           'PRIMEM["Greenwich",0,{0}]],DERIVINGCONVERSION["Pole rotation (netCDF CF convention)",METHOD["Pole rotation (netCDF CF convention)"],'
           'PARAMETER["Grid north pole latitude (netCDF CF convention)",39.25,{0}],PARAMETER["Grid north pole longitude (netCDF CF convention)",-162,{0}],'
           'PARAMETER["North pole grid longitude (netCDF CF convention)",0,{0}]],CS[ellipsoidal,2],AXIS["latitude",north,ORDER[1],{0}],'
           'AXIS["longitude",east,ORDER[2],{0}]]').format(DEGREE)
HEIGHTS = 'EPSG:5773'
SITE = 'LOCAL_CS["site",UNIT["metre",1]]'


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


class References(NearCase):
    def layer(self, places, crs, to_crs=None):
        """A GeoPackage with these points; those of `crs` moved to `to_crs`."""
        places = np.asarray(places, float)
        if to_crs:
            to = osr.CoordinateTransformation(srs_of(crs), srs_of(to_crs))
            places = [to.TransformPoint(*place) for place in places]
        crs = to_crs or crs
        told = crs not in (ROTATED, HEIGHTS)  # GeoPackage knows no such CRS
        path = make(self.new('a.gpkg'), ['POINT(%r %r)' % tuple(map(float, place[:2])) for place in places], epsg=told and crs, kind=ogr.wkbPoint)
        if told:
            return path
        vrt = self.new('a.vrt')
        with open(vrt, 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>%s</SrcDataSource><LayerSRS>%s</LayerSRS></OGRVRTLayer></OGRVRTDataSource>' % (path, crs))
        return vrt

    def test_rotated_pole(self):
        """Degrees round another pole are none of the ellipsoid: distances and azimuths are those of the CRS below it."""
        generator = rng('rotated')
        places, others = generator.uniform([5, 45], [15, 55], (40, 2)), generator.uniform([5, 45], [15, 55], (30, 2))
        options = {'LOCATION': True, 'ANGLE': True, 'CLOSEST': 3}
        want = table(self.layer(places, 4326), NEAR=self.layer(others, 4326), **options)
        a, b = self.layer(places, 4326, ROTATED), self.layer(others, 4326, ROTATED)
        for left, right in ((a, b), (a, self.layer(others, 4326)), (self.layer(places, 4326), b)):
            got = table(left, NEAR=right, **options)
            self.assertEqual([(row.IN_FID, row.NEAR_FID) for row in got], [(row.IN_FID, row.NEAR_FID) for row in want])
            for column, delta in (('NEAR_DIST', 1e-5), ('NEAR_ANGLE', 1e-8), ('FROM_X', 1e-11), ('NEAR_Y', 1e-11)):
                np.testing.assert_allclose([getattr(row, column) for row in got], [getattr(row, column) for row in want], rtol=0, atol=delta)
        with listening() as said:
            rows = table(a, NEAR=b, METHOD='PLANAR', LOCATION=True)
        self.assertIn('degrees', said.warnings()[0])
        for row in rows:
            self.assertAlmostEqual(row.NEAR_DIST, np.hypot(row.NEAR_X - row.FROM_X, row.NEAR_Y - row.FROM_Y), delta=1e-12)

    def test_geocentric(self):
        """Points 1 km above each other are not at distance 0."""
        earth = make(self.new('earth.gpkg'), ['POINT Z (6378137 0 0)'], epsg=4978)
        plain = make(self.new('plain.gpkg'), ['POINT(0 0)'], epsg=4326)
        for left, right, name in ((earth, earth, 'earth'), (plain, earth, 'earth'), (earth, plain, 'earth')):
            for method in ('AUTO', 'PLANAR', 'GEODESIC'):
                self.refused(left, 'geocentric', name, 'EPSG:4978', '-t_srs', NEAR=right, METHOD=method)

    def test_grads(self):
        """400 of them are a circle. Planar distances are in the unit of the CRS, geodesic ones in metres."""
        places = [(2, 50), (2.5, 50), (7, 50)]
        a = self.layer(places, 4807)
        with listening() as said:
            rows = table(a, NEAR=a, METHOD='PLANAR', RADIUS=1, LOCATION=True, GEOMETRY='LINE')
        self.assertIn('grad', said.warnings()[0])
        self.assertEqual([(row.IN_FID, row.NEAR_DIST, row.FROM_X, row.NEAR_X, row.geometry.replace('.0', '')) for row in rows],
                         [(1, 0.5, 2, 2.5, 'LINESTRING (2 50,2.5 50)'), (2, 0.5, 2.5, 2, 'LINESTRING (2.5 50,2 50)')])
        self.assertEqual(len(table(a, NEAR=a, METHOD='PLANAR', RADIUS='0.4501deg')), 2)
        self.assertEqual(len(table(a, NEAR=a, METHOD='PLANAR', RADIUS='0.4499deg')), 0)
        rows = table(a, NEAR=a, METHOD='PLANAR', DISTANCE_UNIT='deg')
        np.testing.assert_allclose([row.NEAR_DIST for row in rows], [0.45, 0.45, 4.05], rtol=1e-14)
        degrees = self.layer(np.multiply(places, 0.9), 'GEOGCS["x",DATUM["D",SPHEROID["Clarke 1880 (IGN)",6378249.2,293.466021293627]],PRIMEM["P",0],UNIT["degree",0.0174532925199433]]')
        got, want = ([(row.NEAR_DIST, row.FROM_X) for row in table(path, NEAR=path, LOCATION=True)] for path in (a, degrees))
        np.testing.assert_allclose(got, want, rtol=1e-12)

    def test_compound_and_three_dimensions(self):
        """Heights are not looked at."""
        for crs, with_heights in ((32632, 'EPSG:32632+5773'), (4326, 'EPSG:4326+5773'), (4326, 'EPSG:4979')):
            places = [(500000, 5e6), (500300, 5e6 + 400)] if crs == 32632 else [(9, 45), (9.01, 45)]
            a, b = self.layer(places[:1], crs), self.layer(places[1:], crs)
            high = make(self.new('high.gpkg'), ['POINT Z (%r %r 5000)' % place for place in places[1:]], epsg=with_heights, kind=ogr.wkbPoint25D)
            want = table(a, NEAR=b)[0].NEAR_DIST
            self.assertAlmostEqual(table(a, NEAR=high)[0].NEAR_DIST, want, delta=1e-6)
            self.assertAlmostEqual(table(high, NEAR=a)[0].NEAR_DIST, want, delta=1e-6)

    def test_local_and_vertical(self):
        """A building site has metres, and no place on earth."""
        site, utm = self.layer([(0, 0), (3, 4)], SITE), self.layer([(0, 0), (3, 4)], 32632)
        self.assertEqual([row.NEAR_DIST for row in table(site, NEAR=site, RADIUS='0.005km', DISTANCE_UNIT='cm')], [500, 500])
        self.refused(site, 'METHOD', 'site', 'PLANAR', NEAR=site, METHOD='GEODESIC')
        self.refused(site, 'site', 'local', '-a_srs', NEAR=utm)
        self.refused(utm, 'site', 'local', '-a_srs', NEAR=site)
        heights = self.layer([(0, 0)], HEIGHTS)
        self.refused(heights, 'vertical', 'EGM96', NEAR=utm)
        self.refused(utm, 'vertical', 'EGM96', NEAR=heights)

    def test_bound(self):
        """A CRS that PROJ calls unknown is named by its text."""
        bound = '+proj=utm +zone=32 +ellps=intl +towgs84=0,0,0'
        a, b = self.layer([(500000, 5e6)], bound), self.layer([(500003, 5e6 + 4)], bound)
        self.assertAlmostEqual(table(a, NEAR=b)[0].NEAR_DIST, 5, delta=1e-9)
        message = self.refused(a, '+towgs84=0,0,0', '+ellps=intl', NEAR=b, RADIUS='5deg')
        self.assertNotIn('unknown', message)
        longlat = self.layer([(500000, 5e6)], bound, '+proj=longlat +ellps=intl +towgs84=0,0,0')
        self.assertAlmostEqual(table(longlat, NEAR=b)[0].NEAR_DIST, 5, delta=0.003)


class GeometryFields(NearCase):
    """Of several geometry fields one is looked at: which one can be chosen, and is said."""

    def layer(self, doors, plots, kinds=('wkbPoint', 'wkbPolygon'), crs=('EPSG:32632', 'EPSG:32632')):
        """Houses with the geometry fields Door and plot."""
        table = self.new('houses.csv')
        with open(table, 'w') as f:
            f.write('n,d,p\n' + ''.join('%d,"%s","%s"\n' % (i, *pair) for i, pair in enumerate(zip(doors, plots))))
        vrt = self.new('houses.vrt')
        fields = ''.join('<GeometryField name="%s" encoding="WKT" field="%s"><GeometryType>%s</GeometryType><SRS>%s</SRS></GeometryField>' % field
                         for field in zip(('Door', 'plot'), 'dp', kinds, crs))
        with open(vrt, 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="houses"><SrcDataSource>%s</SrcDataSource><SrcLayer>%s</SrcLayer>%s<Field name="n"/>'
                    '</OGRVRTLayer></OGRVRTDataSource>' % (table, os.path.splitext(os.path.basename(table))[0], fields))
        return vrt

    def sqlite(self, vrt):
        """The same in a database with two geometry columns, which is read by ranges of FIDs."""
        path = self.new('houses.sqlite')
        good('ogr2ogr', path, vrt)
        return path

    def test_chosen(self):
        square = 'POLYGON((%d %d,%d 0,%d 9,%d %d))'
        plots = [square % (x, 0, x + 3, x + 3, x, 0) for x in (0, 100)]
        for houses in (self.layer(['POINT(9 0)', 'POINT(91 0)'], plots), self.sqlite(self.layer(['POINT(9 0)', 'POINT(91 0)'], plots))):
            b = make(self.new('b.gpkg'), ['POINT(50 0)'], epsg=32632)
            for name, want in (('Door', [41, 41]), ('DOOR', [41, 41]), ('plot', [47, 50])):
                for workers in ({}, {'WORKERS': 'PROCESSES'}):
                    with self.subTest(houses, name=name, **workers), listening() as said:
                        dataset = near(houses, NEAR=b, GEOMETRY_FIELD=name, NUM_WORKERS=2, **workers)
                        self.assertEqual([row.NEAR_DIST for row in rows_of(dataset.GetLayer(0))], want)
                    self.assertEqual(said.warnings(), [])
                    self.assertEqual(dataset.GetMetadataItem('GEOMETRY_FIELD', 'FISHNET').lower(), name.lower())
                    with listening() as said:
                        dataset = near(b, NEAR=houses, NEAR_GEOMETRY_FIELD=name, **workers)
                        self.assertEqual([row.NEAR_DIST for row in rows_of(dataset.GetLayer(0))], want[:1])
                    self.assertEqual(said.warnings(), [])
                    self.assertEqual(dataset.GetMetadataItem('NEAR_GEOMETRY_FIELD', 'FISHNET').lower(), name.lower())
            with listening() as said:
                rows = table(houses, NEAR=houses, NEAR_GEOMETRY_FIELD='plot', EXCLUDE_SELF=False)
            self.assertEqual([row.NEAR_DIST for row in rows], [6, 9])
            self.assertEqual(len(said.warnings()), 1)
            for word in ('houses', 'Door', 'plot', 'GEOMETRY_FIELD'):
                self.assertIn(word.lower(), said.warnings()[0].lower())
            message = self.refused(houses, 'GEOMETRY_FIELD=garden', 'houses', NEAR=b, GEOMETRY_FIELD='garden')
            self.assertIn('door, plot', message.lower())
            self.refused(b, 'NEAR_GEOMETRY_FIELD=garden', NEAR=[b, houses], NEAR_GEOMETRY_FIELD='garden')
            self.refused(b, 'NEAR_GEOMETRY_FIELD=plot', 'layer "a"', NEAR=[houses, b], NEAR_GEOMETRY_FIELD='plot')

    def test_its_crs(self):
        """The CRS and the type of a layer are those of its first geometry field; those of the chosen one count."""
        houses = self.layer(['POINT(0 0)', 'POINT(0 0)'], ['POINT(9 45)', 'POINT(9 46)'], kinds=('wkbPolygon', 'wkbPoint'), crs=('EPSG:32632', 'EPSG:4326'))
        b = make(self.new('b.gpkg'), ['POINT(500000 %r)' % y for y in (4982950.4, 5094042.1)], epsg=32632)
        with listening():
            self.assertEqual([round(row.NEAR_DIST) for row in table(houses, NEAR=b)], [5007973] * 2)
        rows = table(houses, NEAR=b, GEOMETRY_FIELD='plot', LOCATION=True)
        self.assertEqual([(row.NEAR_FID, row.FROM_X, row.FROM_Y, row.NEAR_DIST < 50) for row in rows], [(1, 9, 45, True), (2, 9, 46, True)])
        rows = table(b, NEAR=houses, NEAR_GEOMETRY_FIELD='plot')
        self.assertEqual([row.NEAR_DIST < 50 for row in rows], [True, True])



class OpenOptions(NearCase):
    """Options for the drivers of the inputs: points in text files."""

    XY = ('X_POSSIBLE_NAMES=lon', 'Y_POSSIBLE_NAMES=lat')

    @classmethod
    def prepare(cls):
        generator = rng('open options')
        cls.xy = {name: generator.uniform(0, 100, (n, 2)) for name, n in (('a', 3000), ('b', 40))}
        cls.csv, cls.gpkg = {}, {}
        for name, xy in cls.xy.items():
            cls.csv[name] = cls.path(name + '.csv')
            with open(cls.csv[name], 'w') as f:
                f.write('id,lon,lat\n' + ''.join('%d,%r,%r\n' % (i + 1, *map(float, place)) for i, place in enumerate(xy)))
            cls.gpkg[name] = make(cls.path(name + '.gpkg'), ['POINT(%r %r)' % tuple(map(float, place)) for place in xy], epsg=None, fields={'id': range(1, len(xy) + 1)})
        cls.want = [(row.id, row.NEAR_id, row.NEAR_DIST) for row in table(cls.gpkg['a'], NEAR=cls.gpkg['b'], FIELDS='id', NEAR_FIELDS='id')]

    def check_rows(self, dataset):
        rows = [(int(row.id), int(row.NEAR_id), row.NEAR_DIST) for row in rows_of(dataset.GetLayer(0))]
        self.assertEqual([row[:2] for row in rows], [row[:2] for row in self.want])
        np.testing.assert_allclose([row[2] for row in rows], [row[2] for row in self.want], rtol=1e-13)

    def test_both_sides(self):
        """In this process and in others, a second time, and counted; repeated, or with semicolons."""
        for settings in (list(self.XY), ';'.join(self.XY), '"%s" ; %s' % self.XY):
            for workers in ({}, {'WORKERS': 'PROCESSES'}, {'WHERE': "id <> '0'", 'NUM_WORKERS': 3}):
                with self.subTest(settings=settings, **workers):
                    dataset = near(self.csv['a'], NEAR=self.csv['b'], OO=settings, NEAR_OO=settings, FIELDS='id', NEAR_FIELDS='id', PARTITION_SIZE=500, **workers)
                    for _ in range(2):
                        self.check_rows(dataset)
                    self.assertEqual(dataset.GetLayer(0).GetFeatureCount(), len(self.want))
                    self.check_rows(near(self.gpkg['a'], NEAR=self.csv['b'], NEAR_OO=settings, FIELDS='id', NEAR_FIELDS='id', **workers))
        self.check_rows(near(self.csv['a'], NEAR=self.gpkg['b'], OO=list(self.XY), FIELDS='id', NEAR_FIELDS='id'))
        rows = table(self.csv['a'], NEAR_LAYER='a', OO=list(self.XY), WHERE="id IN ('1', '2')")  # without NEAR: for both sides
        self.assertEqual(len(rows), 2)

    def test_parts_and_recipes(self):
        words = oo(NEAR=self.csv['b'], OO=list(self.XY), NEAR_OO=';'.join(self.XY), FIELDS='id', NEAR_FIELDS='id')
        for kind in ('THREADS', 'PROCESSES'):
            out = self.new('parts.vrt')
            good('ogr2ogr', '-f', 'NEARTABLE', out, 'NEARTABLE:' + self.csv['a'], *words, '-oo', 'WORKERS=' + kind, '-dsco', 'PARTS=3')
            dataset = gdal.OpenEx(out, gdal.OF_VECTOR)
            self.check_rows(dataset)
        for settings in (list(self.XY), ';'.join(self.XY)):
            recipe = self.new('stops.fishnet.json')
            with open(recipe, 'w') as f:
                json.dump({'type': 'near_table', 'input': 'a.csv', 'near': 'b.csv', 'oo': settings, 'near_oo': settings, 'fields': 'id', 'near_fields': 'id'}, f)
            dataset = gdal.OpenEx(recipe, gdal.OF_VECTOR)
            self.check_rows(dataset)

    def test_the_message_is_the_cure(self):
        """What it says to add makes points of the file."""
        for options, option in (({'NEAR': self.gpkg['b']}, 'OO'), ({'NEAR': self.csv['b'], 'OO': list(self.XY)}, 'NEAR_OO')):
            message = self.refused(self.csv['a'], 'has no geometry', **options)
            words = re.findall(r'-oo (%s)=(\S+)' % option, message)
            self.assertEqual([word[1] for word in words[:2]], list(self.XY))
            self.assertEqual(len(table(self.csv['a'], **options, **{option: [word[1] for word in words[:2]]})), len(self.want))
        strange = self.new('strange.csv')
        with open(strange, 'w') as f:
            f.write('p,q\n1,2\n')
        self.refused(strange, 'has no geometry', 'OO=X_POSSIBLE_NAMES=<field', 'OO=GEOM_POSSIBLE_NAMES', NEAR=self.gpkg['b'])
        for value in ('X_POSSIBLE_NAMES', '=lon', '', 'A=1;B'):
            self.refused(self.csv['a'], 'OO=' + value, 'NAME=VALUE', NEAR=self.gpkg['b'], OO=value)


if __name__ == '__main__':
    sys.exit(unittest.main())
