"""Every geometry on both sides of every other: no crash, a defined answer, one warning for each layer."""
import math
import re
import unittest

from osgeo import gdal, ogr

from near_common import NearCase, brief, listening, make, oo, pairs, run, table

INF = float('inf')

# Usable ones; the nearest point to (0, 0) is their own, so that distances can be told.
USABLE = [
    'POINT(3 4)', 'POINT Z (3 4 5)', 'POINT M (3 4 5)', 'POINT ZM (3 4 5 6)', 'LINESTRING(3 4,3 9)', 'LINESTRING Z (3 4 1,3 9 2)', 'LINESTRING M (3 4 1,3 9 2)',
    'LINESTRING ZM (3 4 1 1,3 9 2 2)', 'LINESTRING(3 4,3 4)', 'LINESTRING(3 4,3 4,3 4,9 9)', 'POLYGON((3 4,9 4,9 9,3 9,3 4))', 'POLYGON Z ((3 4 1,9 4 1,9 9 1,3 9 1,3 4 1))',
    'POLYGON ZM ((3 4 1 1,9 4 1 1,9 9 1 1,3 9 1 1,3 4 1 1))', 'POLYGON((3 4,9 4,9 9,3 9,3 4),(5 5,6 5,6 6,5 5))', 'POLYGON((3 4,9 4,9 9,3 9,3 4),EMPTY)',
    'POLYGON((3 4,3 4,3 4,3 4))', 'POLYGON((3 4,9 9,3 4,3 4))', 'POLYGON((3 4,9 10,9 4,3 10,3 4))', 'POLYGON((3 4,9 4,9 9,3 9,3 4,9 4,9 9,3 9,3 4))', 'MULTIPOINT((3 4),(9 9))',
    'MULTIPOINT((3 4),(3 4))', 'MULTIPOINT Z ((3 4 1),(9 9 1))', 'MULTILINESTRING((3 4,3 9),(9 9,9 10))', 'MULTIPOLYGON(((3 4,9 4,9 9,3 4)),((13 4,19 4,19 9,13 4)))',
    'MULTIPOLYGON(((3 4,9 4,9 9,3 4)),((3 4,9 4,9 9,3 4)))', 'GEOMETRYCOLLECTION(POINT(3 4),LINESTRING(9 9,10 10),POLYGON((9 4,10 4,10 9,9 4)))',
    'GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(3 4))))', 'GEOMETRYCOLLECTION(POINT EMPTY,POINT(3 4))', 'MULTIPOLYGON(EMPTY,((3 4,9 4,9 9,3 4)))',
    'GEOMETRYCOLLECTION(MULTIPOLYGON EMPTY,MULTILINESTRING(EMPTY,(3 4,3 9)))', 'TRIANGLE((3 4,9 4,9 9,3 4))', 'TIN Z (((3 4 0,9 4 0,9 9 0,3 4 0)),((3 4 0,9 9 0,3 9 0,3 4 0)))',
    'POLYHEDRALSURFACE Z (((3 4 0,9 4 0,9 9 0,3 9 0,3 4 0)),((3 4 0,9 4 0,9 4 5,3 4 5,3 4 0)))', 'CIRCULARSTRING(3 4,5 6,7 8)', 'COMPOUNDCURVE((3 4,3 9),CIRCULARSTRING(3 9,4 10,5 9))',
    'CURVEPOLYGON((3 4,9 4,9 9,3 9,3 4))', 'CURVEPOLYGON(COMPOUNDCURVE((3 4,9 4,9 9),CIRCULARSTRING(9 9,8 10,7 9),(7 9,3 4)))', 'MULTICURVE((3 4,3 9),CIRCULARSTRING(9 9,10 10,11 9))',
    'MULTISURFACE(((3 4,9 4,9 9,3 9,3 4)),CURVEPOLYGON((13 4,19 4,19 9,13 4)))', 'GEOMETRYCOLLECTION(CIRCULARSTRING(3 4,5 6,7 8),POINT(20 20))', 'CIRCULARSTRING Z (3 4 1,5 6 2,7 8 3)']
UNUSABLE = [
    None, 'POINT EMPTY', 'POINT Z EMPTY', 'LINESTRING EMPTY', 'POLYGON EMPTY', 'POLYGON(EMPTY)', 'MULTIPOINT EMPTY', 'MULTIPOINT(EMPTY)', 'MULTILINESTRING EMPTY', 'MULTIPOLYGON EMPTY',
    'GEOMETRYCOLLECTION EMPTY', 'GEOMETRYCOLLECTION(POINT EMPTY,GEOMETRYCOLLECTION(GEOMETRYCOLLECTION EMPTY))', 'CIRCULARSTRING EMPTY', 'COMPOUNDCURVE EMPTY', 'CURVEPOLYGON EMPTY', 'MULTICURVE EMPTY',
    'MULTISURFACE EMPTY', 'TIN EMPTY', 'POLYHEDRALSURFACE EMPTY', 'TRIANGLE EMPTY']
# What WKT cannot say, as (type, coordinates)
NOT_FINITE = [(1, [[(math.nan, 4)]]), (1, [[(3, INF)]]), (1, [[(-INF, 4)]]), (2, [[(3, 4), (math.nan, 5)]]), (2, [[(3, 4), (INF, 5), (6, 6)]]), (3, [[(3, 4), (9, 4), (9, math.nan), (3, 4)]]),
              (3, [[(3, 4), (9, 4), (9, 9), (3, 4)], [(5, 5), (6, -INF), (6, 6), (5, 5)]])]


def wkb(kind, rings):
    """Little-endian WKB as it stands, valid or not."""
    import struct
    body = [struct.pack('<%dd' % (2 * len(ring)), *(v for p in ring for v in p)) for ring in rings]
    counts = [struct.pack('<I', len(ring)) for ring in rings]
    if kind == 1:
        return struct.pack('<BI', 1, 1) + body[0]
    if kind == 2:
        return struct.pack('<BI', 1, 2) + counts[0] + body[0]
    return struct.pack('<BII', 1, 3, len(rings)) + b''.join(c + b for c, b in zip(counts, body))


class Geometries(NearCase):
    @classmethod
    def prepare(cls):
        cls.bad = UNUSABLE + [wkb(*g) for g in NOT_FINITE]
        cls.usable = make(cls.path('usable.gpkg'), USABLE, layer='usable')
        cls.unusable = make(cls.path('unusable.gpkg'), cls.bad, layer='unusable')
        cls.mixed = make(cls.path('mixed.gpkg'), cls.bad + USABLE + cls.bad, layer='mixed')
        cls.origin = make(cls.path('origin.gpkg'), ['POINT(0 0)'], layer='origin')
        cls.n, cls.bads = len(USABLE), len(cls.bad)

    def test_each_is_kept_by_the_format(self):
        """The test is one: all these geometries come back from the file."""
        dataset = gdal.OpenEx(self.usable, gdal.OF_VECTOR)
        for feature, text in zip(dataset.GetLayer(0), USABLE):
            self.assertEqual(feature.GetGeometryRef().GetGeometryType(), ogr.CreateGeometryFromWkt(text).GetGeometryType())
        dataset = gdal.OpenEx(self.unusable, gdal.OF_VECTOR)
        kinds = [feature.GetGeometryRef() is not None for feature in dataset.GetLayer(0)]
        self.assertGreater(sum(kinds), len(NOT_FINITE))

    def test_distance_of_each(self):
        """From (0, 0) all are at 5, near (3, 4), whichever side they stand on."""
        for rows, column in ((table(self.usable, NEAR=self.origin, LOCATION=True), 'IN_FID'), (table(self.origin, NEAR=self.usable, CLOSEST='ALL', LOCATION=True), 'NEAR_FID')):
            got = {getattr(row, column): row for row in rows}
            self.assertEqual(sorted(got), list(range(1, self.n + 1)))
            for fid, row in got.items():
                x, y = (row.FROM_X, row.FROM_Y) if column == 'IN_FID' else (row.NEAR_X, row.NEAR_Y)
                curved = 'CIRCULAR' in USABLE[fid - 1]
                self.assertAlmostEqual(row.NEAR_DIST, 5, delta=0.02 if curved else 1e-12, msg=USABLE[fid - 1])
                if not curved:
                    self.assertAlmostEqual(x, 3, delta=1e-12, msg=USABLE[fid - 1])
                    self.assertAlmostEqual(y, 4, delta=1e-12, msg=USABLE[fid - 1])

    def test_all_pairs(self):
        """All meet in (3, 4), so all distances are 0: but for curves, whose ends do."""
        rows = table(self.usable, NEAR=self.usable, EXCLUDE_SELF='NO', CLOSEST='ALL', LOCATION=True, ANGLE=True, ALONG=True, GEOMETRY='LINE')
        self.assertEqual(len(rows), self.n ** 2)
        for row in rows:
            self.assertAlmostEqual(row.NEAR_DIST, 0, delta=1e-9, msg='%s %s' % (USABLE[row.IN_FID - 1], USABLE[row.NEAR_FID - 1]))
            self.assertTrue(all(map(math.isfinite, (row.FROM_X, row.FROM_Y, row.NEAR_X, row.NEAR_Y, row.NEAR_ANGLE))))

    def test_all_pairs_apart(self):
        """The same, moved away: distances are symmetric, finite and those of GEOS for what GEOS takes."""
        moved = []
        for text in USABLE:
            g = ogr.CreateGeometryFromWkt(text)
            moved.append(re.sub(r'(-?\d+) (-?\d+)', lambda m: '%d %d' % (int(m[1]) + 40, int(m[2]) - 30), text) if g.Is3D() + g.IsMeasured() == 0 else text)
        far = make(self.new('far.gpkg'), moved)
        there = {(row.IN_FID, row.NEAR_FID): row for row in table(self.usable, NEAR=far, CLOSEST='ALL', LOCATION=True)}
        back = {(row.NEAR_FID, row.IN_FID): row for row in table(far, NEAR=self.usable, CLOSEST='ALL')}
        self.assertEqual(len(there), self.n ** 2)
        simple = re.compile('^(POINT|LINESTRING|POLYGON|MULTI(POINT|LINESTRING|POLYGON))[ (](?!.*EMPTY)')
        compared = 0
        for (i, j), row in there.items():
            self.assertAlmostEqual(row.NEAR_DIST, back[i, j].NEAR_DIST, delta=1e-9)
            self.assertAlmostEqual(math.hypot(row.FROM_X - row.NEAR_X, row.FROM_Y - row.NEAR_Y), row.NEAR_DIST, delta=1e-9)
            if simple.match(USABLE[i - 1]) and simple.match(moved[j - 1]):
                want = ogr.CreateGeometryFromWkt(USABLE[i - 1]).Distance(ogr.CreateGeometryFromWkt(moved[j - 1]))
                self.assertAlmostEqual(row.NEAR_DIST, want, delta=1e-9, msg='%s %s' % (USABLE[i - 1], moved[j - 1]))
                compared += 1
        self.assertGreater(compared, 300)

    def test_unusable(self):
        """As input unmatched, as near left out."""
        self.assertEqual(table(self.unusable, NEAR=self.usable, CLOSEST='ALL'), [])
        self.assertEqual(table(self.usable, NEAR=self.unusable, CLOSEST='ALL'), [])
        self.assertEqual(table(self.unusable, NEAR=self.unusable, CLOSEST='ALL', EXCLUDE_SELF='NO'), [])
        self.assertEqual(brief(table(self.unusable, NEAR=self.usable, UNMATCHED='NULL')), [(i + 1, -1, None, None) for i in range(self.bads)])
        rows = table(self.mixed, NEAR=self.mixed, CLOSEST='ALL', EXCLUDE_SELF='NO')
        self.assertEqual(len(rows), self.n ** 2)
        self.assertEqual({row.IN_FID for row in rows} | {row.NEAR_FID for row in rows}, set(range(self.bads + 1, self.bads + self.n + 1)))

    def test_one_warning_for_each_layer(self):
        for options in ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 4, 'PARTITION_SIZE': 3}):
            with listening() as said:
                table(self.mixed, NEAR=[self.unusable, self.usable], **options)
            warnings = [text for text in said.warnings() if 'unusable' in text or 'mixed' in text]
            self.assertEqual(len(said.warnings()), 2, said.seen)
            for name, count in (('mixed', 2 * self.bads), ('unusable', self.bads)):
                text = next(text for text in warnings if name in text)
                numbers = [int(n) for n in re.findall(r'\b\d+\b', text)]
                infinite = len(NOT_FINITE)
                self.assertTrue(count in numbers or {infinite * count // self.bads} <= set(numbers), '%s: no count of %d in it' % (text, count))

    def test_all_well_no_warning(self):
        with listening() as said:
            table(self.usable, NEAR=self.usable)
        self.assertEqual(said.seen, [])

    def test_geodesic(self):
        """The same geometries as degrees."""
        usable = make(self.new('usable.gpkg'), USABLE, epsg=4326, layer='usable')
        mixed = make(self.new('mixed.gpkg'), self.bad + USABLE + self.bad, epsg=4326, layer='mixed')
        rows = table(mixed, NEAR=usable, CLOSEST='ALL', LOCATION=True, ANGLE=True, ALONG=True, GEOMETRY='LINE')
        self.assertEqual(len(rows), self.n ** 2)
        for row in rows:
            self.assertAlmostEqual(row.NEAR_DIST, 0, delta=1e-6, msg='%s %s' % (USABLE[row.IN_FID - 1 - self.bads], USABLE[row.NEAR_FID - 1]))
        origin = make(self.new('origin.gpkg'), ['POINT(0 0)'], epsg=4326)
        rows = table(origin, NEAR=mixed, CLOSEST='ALL')
        self.assertEqual(len(rows), self.n)
        for row in rows:
            self.assertAlmostEqual(row.NEAR_DIST, 554058.9238, delta=2500 if 'CIRCULAR' in USABLE[row.NEAR_FID - 1 - self.bads] else 0.01, msg=USABLE[row.NEAR_FID - 1 - self.bads])

    def test_short_rings_and_lines(self):
        """A line of one point, rings of one and two: what WKB can hold and WKT readers refuse. A crash is a failure; the answer is unmatched, or the place itself."""
        for kind, rings in ((2, [[(3, 4)]]), (3, [[(3, 4)]]), (3, [[(3, 4), (3, 4)]]), (3, [[(3, 4), (9, 9)]]), (3, [[(3, 4), (9, 4), (9, 9)]]), (3, [[(3, 4), (9, 4), (9, 9), (3, 9)]]),
                            (3, [[(3, 4), (9, 4), (9, 9), (3, 4)], [(5, 5)]]), (3, [[], [(3, 4), (9, 4), (9, 9), (3, 4)]])):
            with self.subTest(kind=kind, rings=rings):
                odd = make(self.new('odd.gpkg'), [wkb(kind, rings)])
                for a, b in ((self.origin, odd), (odd, self.origin), (odd, self.usable), (self.usable, odd), (odd, odd)):
                    for more in ({}, {'CLOSEST': 'ALL', 'LOCATION': True, 'ANGLE': True, 'ALONG': True}):
                        done = run('ogr2ogr', '-f', 'CSV', '/vsistdout/', 'NEARTABLE:' + a, *oo(NEAR=b, **more), timeout=20)
                        self.assertNotIn('nan', done.stdout)
                    if done.returncode == 0 and self.origin in (a, b):
                        for line in done.stdout.split('\n')[1:-1]:
                            self.assertAlmostEqual(float(line.split(',')[2]), 5, delta=1e-9)

    def test_huge_coordinates(self):
        """1e15 and beyond, up to where squares overflow: no crash, no NaN, the order holds where doubles can tell it."""
        shapes = ['POINT(1e15 1e15)', 'POINT(1e15 2e15)', 'LINESTRING(-1e15 0,1e15 1)', 'POLYGON((0 0,1e15 0,1e15 1e15,0 0))', 'POINT(1e150 1e150)', 'POINT(-1e154 0)', 'POINT(1e300 1e300)',
                  'LINESTRING(-1e300 0,1e300 0)', 'POINT(1e-300 1e-300)', 'POLYGON((-1e300 -1e300,1e300 -1e300,0 1e300,-1e300 -1e300))', 'POINT(1.7e308 -1.7e308)', 'LINESTRING(-1.7e308 0,1.7e308 1)']
        big = make(self.new('big.gpkg'), shapes)
        for a, b in ((big, big), (self.usable, big), (big, self.usable), (self.origin, big), (big, self.origin)):
            done = run('ogr2ogr', '-f', 'CSV', '/vsistdout/', 'NEARTABLE:' + a, *oo(NEAR=b, CLOSEST='ALL', LOCATION=True, ANGLE=True), timeout=30)
            self.assertNotIn('nan', done.stdout.lower())
        rows = table(self.origin, NEAR=big, NEAR_WHERE='fid <= 5', CLOSEST='ALL')
        self.assertEqual([row.NEAR_FID for row in rows][:2], [4, 3])
        self.assertEqual([row.NEAR_FID for row in rows][2:], [1, 2, 5])
        self.assertAlmostEqual(rows[2].NEAR_DIST / 1e15, math.sqrt(2), delta=1e-14)

    def test_deep_collections(self):
        """Nested some hundred times: GDAL itself refuses beyond 32; ours must not overflow its stack."""
        for depth in (5, 30, 31, 32, 200):
            import struct
            inner = wkb(1, [[(3, 4)]])
            for _ in range(depth):
                inner = struct.pack('<BII', 1, 7, 1) + inner
            try:
                deep = make(self.new('deep.gpkg'), [inner])
            except (RuntimeError, AttributeError):
                continue
            for a, b in ((self.origin, deep), (deep, self.origin)):
                done = run('ogr2ogr', '-f', 'CSV', '/vsistdout/', 'NEARTABLE:' + a, *oo(NEAR=b))
                if depth <= 30:
                    self.assertIn('1,1,5,1', done.stdout.replace('"', ''))

    def test_layers_of_one_kind(self):
        """The declared type of a layer does not decide: a layer of points may hold none, one of polygons multi-polygons."""
        only = make(self.new('only.gpkg'), ['POINT(1 1)', None, 'POINT(2 2)'], kind=ogr.wkbPoint25D)
        self.assertEqual(pairs(table(only, NEAR=only)), [(1, 3), (3, 1)])
        shp = make(self.new('polygons.shp'), ['POLYGON((0 0,1 0,1 1,0 0))', 'MULTIPOLYGON(((5 0,6 0,6 1,5 0)),((9 0,10 0,10 1,9 0)))', None], kind=ogr.wkbPolygon)
        self.assertEqual(brief(table(shp, NEAR=shp)), [(0, 1, 4.0, 1), (1, 0, 4.0, 1)])
        shp = make(self.new('z.shp'), ['POINT Z (0 0 9)', 'POINT Z (3 4 -9)'], kind=ogr.wkbPoint25D)
        self.assertEqual(brief(table(shp, NEAR=shp)), [(0, 1, 5.0, 1), (1, 0, 5.0, 1)])

    def test_curves_without_arcs(self):
        """MultiSurfaces of plain polygons are what web services send."""
        texts = ['MULTISURFACE(((3 4,9 4,9 9,3 4)))', 'CURVEPOLYGON((3 4,9 4,9 9,3 4))', 'MULTICURVE((3 4,3 9))', 'COMPOUNDCURVE((3 4,3 9))',
                 'GEOMETRYCOLLECTION(CURVEPOLYGON((3 4,9 4,9 9,3 4)))']
        for text in texts:
            curves = make(self.new('curves.gpkg'), [text])
            self.assertEqual(brief(table(curves, NEAR=self.origin)), [(1, 1, 5.0, 1)], text)
            self.assertEqual(brief(table(self.origin, NEAR=curves)), [(1, 1, 5.0, 1)], text)

    def test_geometry_from_a_column(self):
        """VRT files make geometries of columns; those are read even where no field is carried."""
        csv = self.new('columns.csv')
        with open(csv, 'w') as f:
            f.write('id,x,y,g\n1,0,0,POINT(0 0)\n2,3,4,POINT(3 4)\n')
        for field in ('encoding="PointFromColumns" x="x" y="y"', 'encoding="WKT" field="g"'):
            vrt = self.new('columns.vrt')
            with open(vrt, 'w') as f:
                f.write('<OGRVRTDataSource><OGRVRTLayer name="%s"><SrcDataSource>%s</SrcDataSource><GeometryField %s/></OGRVRTLayer></OGRVRTDataSource>'
                        % (csv.rsplit('/', 1)[1][:-4], csv, field))
            self.assertEqual(brief(table(vrt, NEAR=vrt)), [(1, 2, 5.0, 1), (2, 1, 5.0, 1)], field)
            self.assertEqual([row.id for row in table(vrt, NEAR=vrt, FIELDS='id')], ['1', '2'], field)

    def test_several_geometry_columns(self):
        """The first one counts."""
        vrt = self.new('two.vrt')
        csv = self.new('two.csv')
        with open(csv, 'w') as f:
            f.write('id,g,h\n1,POINT(0 0),POINT(100 0)\n2,POINT(3 4),POINT(101 0)\n')
        with open(vrt, 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="%s"><SrcDataSource>%s</SrcDataSource><GeometryField name="g" encoding="WKT" field="g"/><GeometryField name="h" encoding="WKT" field="h"/>'
                    '</OGRVRTLayer></OGRVRTDataSource>' % (csv.rsplit('/', 1)[1][:-4], csv))
        self.assertEqual([row.NEAR_DIST for row in table(vrt, NEAR=vrt)], [5.0, 5.0])


if __name__ == '__main__':
    unittest.main()
