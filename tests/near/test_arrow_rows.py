"""What is read as Arrow arrays is what features are: the same rows and the same counts of what cannot be used, whichever way both
sides are read. Fields that are carried over make a layer be read as features."""
import contextlib
import os
import sqlite3
import unittest

from osgeo import gdal, ogr

from near_common import NearCase, listening, make, near, rng, run, oo

ODD = ['POINT(3 3)', None, 'POINT EMPTY', 'POINT Z(5 1 9)', 'LINESTRING(0 0,1 5)', 'LINESTRING EMPTY', 'POLYGON((8 8,9 8,9 9,8 8))', 'POLYGON EMPTY',
       'MULTIPOINT(1 1,20 20)', 'MULTIPOLYGON Z(((30 0 1,31 0 1,31 1 1,30 0 1)))', 'GEOMETRYCOLLECTION(POINT(40 40),LINESTRING(41 41,42 40))',
       'GEOMETRYCOLLECTION EMPTY', 'CIRCULARSTRING(50 0,51 1,52 0)', 'CURVEPOLYGON(CIRCULARSTRING(60 0,64 0,60 0))', 'MULTILINESTRING((70 0,71 1),(72 0,73 0))',
       'LINESTRING M(80 0 1,81 1 2)']


class Arrow(NearCase):
    def odd(self, name):
        return make(self.new(name), ODD * 40, fields={'name': ['n%d' % i for i in range(len(ODD) * 40)]}, kind=ogr.wkbUnknown)

    def told(self, source, other, **options):
        """The rows without what is carried over, and what was said of geometries."""
        with listening() as said:
            dataset = near(source, NEAR=other, CLOSEST=3, EXCLUDE_SELF='NO', **options)
            rows = [tuple(row[name] for name in ('IN_FID', 'NEAR_FID', 'NEAR_DIST', 'NEAR_RANK')) for row in dataset.GetLayer(0)]
        return rows, sorted(text.split(': ', 2)[-1] for text in said.warnings())

    def test_odd_geometries(self):
        for ending in ('fgb', 'gpkg'):
            a, b = self.odd('a.' + ending), self.odd('b.' + ending)
            want = self.told(a, b, FIELDS='name', NEAR_FIELDS='name', NUM_WORKERS=1)
            dataset = gdal.OpenEx(a)  # a FlatGeobuf of older versions has no features without geometry
            lacking = any(feature.GetGeometryRef() is None or feature.GetGeometryRef().IsEmpty() for feature in dataset.GetLayer(0))
            self.assertEqual(len(want[1]), 2 if lacking else 0, want[1])
            for workers in (1, 2, 5):
                for size in (7, 1000):
                    with self.subTest(ending=ending, workers=workers, size=size):
                        self.assertEqual(self.told(a, b, NUM_WORKERS=workers, PARTITION_SIZE=size), want)
                        self.assertEqual(self.told(a, b, NUM_WORKERS=workers, PARTITION_SIZE=size, FIELDS='name'), want)
            self.assertEqual(self.told(a, b, NUM_WORKERS=2, WORKERS='PROCESSES', PARTITION_SIZE=50), want)

    def test_large_layers(self):
        """Of many arrays, and ranges of FIDs with gaps."""
        generator = rng('arrow')
        fids = sorted(int(f) for f in generator.choice(60000, 20000, replace=False))
        for ending, given in (('fgb', None), ('gpkg', fids)):
            points = ['POINT(%.17g %.17g)' % tuple(p) for p in generator.random((20000, 2)) * 1000]
            b = make(self.new('b.' + ending), points, given, fields={'name': ['x'] * 20000}, kind=ogr.wkbPoint)
            a = make(self.new('a.' + ending), points[:3000], fields={'name': ['x'] * 3000}, kind=ogr.wkbPoint)
            want = self.told(a, b, FIELDS='name', NEAR_FIELDS='name', NUM_WORKERS=1)
            for workers in (1, 3):
                self.assertEqual(self.told(a, b, NUM_WORKERS=workers), want, ending)
                self.assertEqual(self.told(a, b, NUM_WORKERS=workers, PARTITION='2/3')[0], self.told(a, b, NEAR_FIELDS='name', PARTITION='2/3')[0])

    def test_many_ranges(self):
        """Each range once and whole: GDAL before 3.11.4 gives arrays away that its own thread still fills."""
        n = 60000
        a = make(self.new('a.gpkg'), ['POINT(%d %d)' % (i % 300, i // 300) for i in range(n)], kind=ogr.wkbPoint)
        b = make(self.new('b.gpkg'), ['POINT(0 0)'], kind=ogr.wkbPoint)
        for workers, size in ((1, 5000), (2, 5000), (2, 9000), (3, 4500)):
            dataset = near(a, NEAR=b, NUM_WORKERS=workers, PARTITION_SIZE=size)
            self.assertEqual([row.GetField(0) for row in dataset.GetLayer(0)], list(range(1, n + 1)), (workers, size))

    def test_fids_that_are_no_rowids(self):
        """A key that SQLite keeps in an index of its own may be NULL, and has another order than the rows."""
        a = make(self.new('a.gpkg'), ['POINT(%d 0)' % i for i in range(300)], range(1, 301), fields={'name': ['n%d' % i for i in range(300)]},
                 options=['SPATIAL_INDEX=NO'])
        b = make(self.new('b.gpkg'), ['POINT(0 0)'], fields={'name': ['x']})
        with contextlib.closing(sqlite3.connect(a)) as file:
            for name, in file.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
                file.execute('DROP TRIGGER "%s"' % name)
            for gaps in (1, 1000):
                file.execute('CREATE TABLE copy (fid INT PRIMARY KEY, geom BLOB, name TEXT)')
                file.execute('INSERT INTO copy SELECT CASE WHEN fid > 290 THEN NULL ELSE (fid * 7 %% 293 + 1) * %d END, geom, name FROM a' % gaps)
                file.execute('DROP TABLE a')
                file.execute('ALTER TABLE copy RENAME TO a')
                file.commit()
                want = self.told(a, b, FIELDS='name', NEAR_FIELDS='name', NUM_WORKERS=1)
                self.assertEqual(len(want[0]), 300)
                self.assertEqual(self.told(a, b, NUM_WORKERS=2, PARTITION_SIZE=50), want)
                self.assertEqual(len(self.told(b, a)[0]), 3)
                file.execute('CREATE TABLE copy (fid INTEGER PRIMARY KEY, geom BLOB, name TEXT)')
                file.execute('INSERT INTO copy SELECT NULL, geom, name FROM a')
                file.execute('DROP TABLE a')
                file.execute('ALTER TABLE copy RENAME TO a')

    def test_rounded_coordinates(self):
        """A GeoPackage may say that they are stored with fewer bits, and rounded when they are read."""
        if not hasattr(ogr, 'CreateGeomCoordinatePrecision'):
            self.skipTest('GDAL %s has no coordinate precision' % gdal.__version__)
        sides = []
        for name, shift in (('a', 0), ('b', 0.0005)):
            sides.append(self.new(name + '.gpkg'))
            precision = ogr.CreateGeomCoordinatePrecision()
            precision.Set(1e-3, 0, 0)
            geometry = ogr.GeomFieldDefn('geom', ogr.wkbPoint)
            geometry.SetCoordinatePrecision(precision)
            dataset = ogr.GetDriverByName('GPKG').CreateDataSource(sides[-1])
            layer = dataset.CreateLayerFromGeomFieldDefn(name, geometry, ['DISCARD_COORD_LSB=YES', 'UNDO_DISCARD_COORD_LSB_ON_READING=YES'])
            layer.CreateField(ogr.FieldDefn('name'))
            for i in range(1000):
                feature = ogr.Feature(layer.GetLayerDefn())
                feature.SetGeometryDirectly(ogr.CreateGeometryFromWkt('POINT(%.3f 7654.321)' % (1234.567 + i / 100 + shift)))
                layer.CreateFeature(feature)
            dataset = layer = None
        want = self.told(*sides, FIELDS='name', NEAR_FIELDS='name')
        self.assertEqual({row[2] == round(row[2], 3) or abs(row[2] - round(row[2], 3)) < 1e-9 for row in want[0]}, {True})
        self.assertEqual(self.told(*sides), want)

    def test_cut_off(self):
        """A file that ends too early says the same either way."""
        b = make(self.new('b.fgb'), ['POINT(%d 0)' % i for i in range(20000)], fields={'name': ['x'] * 20000}, kind=ogr.wkbPoint)
        a = make(self.new('a.fgb'), ['POINT(1 1)'], fields={'name': ['x']}, kind=ogr.wkbPoint)
        with open(b, 'r+b') as f:
            f.truncate(os.path.getsize(b) * 2 // 3)
        texts = []
        for carried in ({}, {'NEAR_FIELDS': 'name'}):
            out = self.new('out.csv')
            done = run('ogr2ogr', '-f', 'CSV', out, 'NEARTABLE:' + a, *oo(NEAR=b, RETRIES=0, **carried))
            texts.append((done.returncode, done.stderr))
        self.assertEqual(texts[0], texts[1])
        self.assertIn('cannot be read', texts[0][1])


if __name__ == '__main__':
    unittest.main()
