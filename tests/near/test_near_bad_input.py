"""Bad input to a copy: an error, a message that names the thing, no table that looks complete, no crash; and what the real tools make of it."""
import os
import sqlite3
import unittest

from osgeo import gdal

from near_common import NearCase, good_within, listening, make, near, oo, points, rng, rows_of, run, table, within


class BadNear(NearCase):
    @classmethod
    def prepare(cls):
        generator = rng('bad input')
        n = 3000
        fields = {'n': range(n), 's': ['text %d' % i for i in range(n)]}
        cls.xy = generator.uniform(0, 100, (n, 2))
        cls.a = make(cls.path('a.gpkg'), points(cls.xy), fields=fields, layer='one')
        cls.named = make(cls.path('named.gpkg'), points(cls.xy[:5]), fields={'street': ['x'] * 5}, layer='named')
        cls.b = make(cls.path('b.gpkg'), points(cls.xy[:50] + 1), fields={'n': range(50), 's': ['b'] * 50}, layer='near')
        cls.two = make(cls.path('two.gpkg'), points(cls.xy[:5]), layer='first')
        make(cls.two, points(cls.xy[:7]), layer='second', append=True)
        cls.out = cls.path('out.csv')

    def setUp(self):
        super().setUp()
        if os.path.exists(self.out):
            os.unlink(self.out)

    def fails(self, source, *words, no_output=True, how=within, **options):
        """The error text of ogr2ogr: within this process, or (run) of the tool."""
        done = how('ogr2ogr', '-f', 'CSV', self.out, source if source.upper().startswith('NEARTABLE:') else 'NEARTABLE:' + source, *oo(**options))
        self.assertEqual(done.returncode, 1, '%s %s\n%s' % (source, options, done.stderr[:2000]))
        self.assertIn('ERROR', done.stderr)
        for word in words:
            self.assertIn(str(word).lower(), done.stderr.lower(), '%s %s' % (source, options))
        if no_output:
            self.assertFalse(os.path.exists(self.out), 'an output was left')
        self.assertLess(len(done.stderr), 5000, 'an error text is for people')
        return done.stderr

    def test_option_values(self):
        for option, value in (
                ('CLOSEST', '0'), ('CLOSEST', '-1'), ('CLOSEST', 'many'), ('CLOSEST', ''), ('CLOSEST', '1.5'), ('CLOSEST', '5x'), ('CLOSEST', '99999999999999999999'),
                ('RADIUS', '-1'), ('RADIUS', ''), ('RADIUS', 'far'), ('RADIUS', '10 parsec'), ('RADIUS', '10m2'), ('RADIUS', 'nan'), ('RADIUS', 'm'), ('RADIUS', '1 2'), ('RADIUS', '1e'),
                ('MIN_RADIUS', '-1'), ('MIN_RADIUS', ''), ('MIN_RADIUS', 'near'), ('MIN_RADIUS', '10 parsec'), ('MIN_RADIUS', 'nan'), ('RADIUS', '1,5'),
                ('METHOD', 'SPHERICAL'), ('METHOD', ''), ('DISTANCE_UNIT', 'parsec'), ('DISTANCE_UNIT', ''), ('DISTANCE_UNIT', '5m'),
                ('LOCATION', 'PERHAPS'), ('LOCATION', ''), ('ANGLE', '2'), ('ANGLE', 'maybe'), ('ALONG', 'x'), ('EXCLUDE_SELF', 'SOMETIMES'), ('EXCLUDE_SELF', ''),
                ('UNMATCHED', 'KEEP'), ('UNMATCHED', ''), ('GEOMETRY', 'POLYGON'), ('GEOMETRY', ''), ('GEOMETRY', 'YES'),
                ('NUM_WORKERS', '0'), ('NUM_WORKERS', '-1'), ('NUM_WORKERS', '1025'), ('NUM_WORKERS', 'many'), ('NUM_WORKERS', ''), ('NUM_WORKERS', '1.5'), ('NUM_WORKERS', '2x'),
                ('NUM_WORKERS', '99999999999999999999'), ('WORKERS', 'MAGIC'), ('WORKERS', ''), ('RETRIES', '-1'), ('RETRIES', '101'), ('RETRIES', 'often'), ('RETRIES', ''), ('TASK_TIMEOUT', '-1'), ('TASK_TIMEOUT', 'soon'),
                ('TASK_TIMEOUT', 'inf'), ('TASK_TIMEOUT', ''), ('THREADS_PER_WORKER', '0'), ('THREADS_PER_WORKER', '1025'), ('THREADS_PER_WORKER', 'ALL_CPUS'),
                ('PARTITION_SIZE', '0'), ('PARTITION_SIZE', '-5'), ('PARTITION_SIZE', 'big'), ('PARTITION_SIZE', ''), ('PARTITION_SIZE', '1e3x'), ('PARTITION_SIZE', '99999999999999999999'),
                ('PARTITION', '0/4'), ('PARTITION', '5/4'), ('PARTITION', '1'), ('PARTITION', '1/0'), ('PARTITION', 'a/b'), ('PARTITION', ''), ('PARTITION', '1/2/3'), ('PARTITION', '-1/2'),
                ('PARTITION', '1/'), ('PARTITION', '/2')):
            with self.subTest(option + '=' + value):
                self.fails(self.a, option, value, **dict({'NEAR': self.b}, **{option: value}))

    def test_tool(self):
        """Its exit code and its messages, for an error of each kind."""
        for source, word, options in (
                (self.a, 'CLOSEST', {'NEAR': self.b, 'CLOSEST': 'many'}), (self.a, 'RADIUS', {'NEAR': self.b, 'RADIUS': '10 parsec'}),
                (self.a, 'is RADIUS meant?', {'NEAR': self.b, 'RADIOUS': 3}), ('/no/such/file.gpkg', '/no/such/file.gpkg', {'NEAR': self.b}),
                (self.a, '/dev/null', {'NEAR': '/dev/null'}), (self.two, 'LAYER', {'NEAR': self.b}), (self.a, 'nothing', {'NEAR': self.b, 'FIELDS': 'nothing'}),
                (self.a, 'NEAR_WHERE', {'NEAR': self.b, 'NEAR_WHERE': 'nonsense ==='})):
            with self.subTest(word):
                self.fails(source, word, how=run, **options)

    def test_radius_the_wrong_way_round(self):
        self.fails(self.a, 'MIN_RADIUS', 'RADIUS', NEAR=self.b, RADIUS=5, MIN_RADIUS=6)

    def test_units_that_do_not_fit(self):
        """deg needs degrees; metres need a linear unit; without a CRS no unit is known."""
        none = make(self.new('none.shp'), points(self.xy[:5]), epsg=None, kind=1)
        degrees = make(self.new('degrees.gpkg'), points(self.xy[:5] / 10), epsg=4326)
        self.fails(self.a, 'RADIUS', 'deg', NEAR=self.b, RADIUS='1deg')
        self.fails(self.a, 'DISTANCE_UNIT', 'deg', NEAR=self.b, DISTANCE_UNIT='deg')
        self.fails(degrees, 'RADIUS', NEAR=degrees, METHOD='PLANAR', RADIUS='5km')
        self.fails(degrees, 'DISTANCE_UNIT', NEAR=degrees, METHOD='PLANAR', DISTANCE_UNIT='km')
        self.fails(degrees, 'RADIUS', 'deg', NEAR=degrees, RADIUS='5deg')
        self.fails(none, 'RADIUS', NEAR=none, RADIUS='5km')
        self.fails(none, 'DISTANCE_UNIT', 'leave it out', NEAR=none, DISTANCE_UNIT='km')
        self.fails(none, 'METHOD', NEAR=none, METHOD='GEODESIC')

    def test_unknown_option(self):
        """It is named, with the one that may be meant. Some are given by programs to every driver."""
        for option, meant in (('CLOSSEST', 'is CLOSEST meant?'), ('RADIOUS', 'is RADIUS meant?'), ('near_leyer', 'is NEAR_LAYER meant?')):
            self.fails(self.a, 'there is no open option ' + option, meant, NEAR=self.b, **{option: 3})
        self.fails(self.a, 'there is no open option ON_ERROR', NEAR=self.b, ON_ERROR='NODATA')  # a near table is whole or an error
        self.fails(self.a, 'there is no open option NAER, is NEAR meant?', NAER=self.b)
        self.assertNotIn('meant', self.fails(self.a, 'NONSENSE', NEAR=self.b, NONSENSE=1))
        for option in ('TRACE', 'LOG', 'Log'):
            self.assertNotIn('meant', self.fails(self.a, option + ': it is no option of a dataset', 'FISHNET_' + option, NEAR=self.b, **{option: '/no/such/file'}))
        for option in ('NOLOCK', '@LIST_ALL_TABLES', 'NATIVE_DATA', 'VALIDATE_OPEN_OPTIONS'):
            self.assertEqual(len(table(self.a, NEAR=self.b, WHERE='n < 5', **{option: True})), 5)

    def test_files(self):
        text = self.path('text.txt')
        with open(text, 'w') as f:
            f.write('no vectors here\n')
        empty = self.path('empty.gpkg')
        open(empty, 'w').close()
        folder = self.path('folder')
        os.makedirs(folder, exist_ok=True)
        raster = self.path('raster.tif')
        gdal.GetDriverByName('GTiff').Create(raster, 5, 5).FlushCache()
        garbage = self.path('garbage.gpkg')
        with open(garbage, 'wb') as f:
            f.write(b'SQLite format 3\0' + bytes(range(256)) * 40)
        for name in ('/no/such/file.gpkg', text, empty, folder, raster, garbage, '/vsimem/nothing.shp', '/vsizip/%s/x.shp' % text, '/dev/null'):
            with self.subTest(name):
                self.fails(name, name, NEAR=self.b)
                self.fails(self.a, name, NEAR=name)
                self.fails(self.a, name, NEAR=[self.b, name])
                self.fails(self.a, name, NEAR=self.b + ';' + name)
        for source in ('NEARTABLE:', 'NEARTABLE:""', 'NEARTABLE:"' + self.a, 'NEARTABLE:NEARTABLE:'):
            self.fails(source, NEAR=self.b)

    def test_names(self):
        quoted = self.new('with space.gpkg')
        make(quoted, points([(0, 0)]))
        self.assertEqual(table('"%s"' % quoted, NEAR=self.b)[0].IN_FID, 1)
        self.assertEqual(table(quoted, NEAR=self.b)[0].IN_FID, 1)
        dataset = gdal.OpenEx('neartable:' + quoted, gdal.OF_VECTOR, open_options=['near=' + self.b])
        self.assertEqual(dataset.GetLayerCount(), 1)
        for name in ('NEARTABL', 'NEARTABLE', 'NEARTABLEX:a.gpkg', 'xNEARTABLE:a.gpkg'):
            done = run('ogrinfo', name)
            self.assertEqual(done.returncode, 1)
            self.assertNotIn('NEAR=', done.stderr)

    def test_no_near(self):
        """With options it is not opened. Without any it is, for programs that ask what layers there are before they give the options: its
        names and columns are there, to read or to count is an error."""
        self.fails(self.a, 'NEAR is not given', no_output=False)
        os.unlink(self.out)
        self.fails(self.a, 'NEAR is not given', CLOSEST=2)
        self.fails(self.a, 'NEAR', NEAR='')
        done = run('ogr2ogr', '-f', 'NEARTABLE', self.new('parts.vrt'), 'NEARTABLE:' + self.a)
        self.assertEqual((done.returncode, 'NEAR is not given' in done.stderr), (1, True))
        self.assertIn('NEAR is not given', run('ogrinfo', '-so', 'NEARTABLE:' + self.a, 'one_near').stderr)
        for name, layers in ((self.a, ['one_near']), (self.two, ['first_near', 'second_near'])):
            for options in ([], ['NOLOCK=ON'], ['@LIST_ALL_TABLES=YES']):
                with listening() as said:
                    dataset = gdal.OpenEx('NEARTABLE:' + name, gdal.OF_VECTOR, open_options=options)
                    found = [dataset.GetLayer(i) for i in range(dataset.GetLayerCount())]
                    self.assertEqual([layer.GetName() for layer in found], layers)
                    self.assertEqual([layer.GetLayerDefn().GetFieldCount() for layer in found], [4] * len(layers))
                    self.assertEqual([layer.GetFeatureCount(0) for layer in found], [-1] * len(layers))
                    self.assertIn('NEAR is not given', ''.join(said.warnings()))
                for read in (found[0].GetNextFeature, found[0].GetFeatureCount, lambda: found[0].GetFeature(1), lambda: list(found[0])):
                    with self.assertRaisesRegex(RuntimeError, 'NEAR is not given'):
                        read()
        self.fails('/no/such/file.gpkg', '/no/such/file.gpkg')
        recipe = self.new('alone.fishnet.json')
        with open(recipe, 'w') as f:
            f.write('{"type": "near_table", "input": "%s"}' % self.a)
        with self.assertRaisesRegex(RuntimeError, 'NEAR is not given'):
            gdal.OpenEx(recipe, gdal.OF_VECTOR)

    def test_layers(self):
        self.fails(self.two, 'LAYER', 'two.gpkg', NEAR=self.b)
        self.fails(self.a, 'NEAR_LAYER', 'two.gpkg', NEAR=self.two)
        self.fails(self.two, 'third', 'two.gpkg', NEAR=self.b, LAYER='third')
        self.fails(self.a, 'third', 'two.gpkg', NEAR=self.two, NEAR_LAYER='third')
        self.fails(self.a, 'other', 'a.gpkg', NEAR_LAYER='other')
        self.fails(self.a, 'NEAR_LAYER', NEAR=[self.two, self.b], NEAR_LAYER=['first', 'near', 'second'])

    def test_the_only_layer_with_geometries(self):
        """QGIS keeps styles in a table beside the layer."""
        from osgeo import ogr
        for name in ('styled.gpkg', 'styled.sqlite'):
            styled = make(self.new(name), points(self.xy[:5]), layer='places')
            make(styled, [None] * 3, kind=ogr.wkbNone, fields={'styleQML': ['x'] * 3}, layer='layer_styles', append=True, options=['SPATIAL_INDEX=NO'])
            for options in ({}, {'WORKERS': 'PROCESSES'}):
                dataset = gdal.OpenEx('NEARTABLE:' + styled, gdal.OF_VECTOR, open_options=['NEAR=' + styled] + ['%s=%s' % pair for pair in options.items()])
                self.assertEqual((dataset.GetLayer(0).GetName(), dataset.GetLayer(0).GetFeatureCount()), ('places_near', 5))
            self.fails(styled, 'layer_styles', 'no geometry', NEAR=self.b, LAYER='layer_styles')
        tables = make(self.new('tables.gpkg'), [None], kind=ogr.wkbNone, layer='t1')
        make(tables, [None], kind=ogr.wkbNone, layer='t2', append=True)
        self.fails(tables, 'no layer with geometries', 't1, t2', NEAR=self.b)
        self.fails(self.a, 'no layer with geometries', 't1, t2', NEAR=tables)

    def test_no_layer_at_all(self):
        none = self.new('none.gpkg')
        gdal.GetDriverByName('GPKG').Create(none, 0, 0, 0, gdal.GDT_Unknown).FlushCache()
        self.fails(none, 'none', NEAR=self.b)
        self.fails(self.a, 'none', NEAR=none)

    def test_without_geometry(self):
        """A table has no places: as input and as near side refused by name, or all rows unmatched - not a crash."""
        from osgeo import ogr
        plain = make(self.new('plain.gpkg'), [None] * 5, kind=ogr.wkbNone, fields={'x': range(5)}, layer='plain')
        for options in ({'source': plain, 'NEAR': self.b}, {'source': self.a, 'NEAR': plain}):
            options = dict(options)
            done = within('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + options.pop('source'), *oo(**options))
            if done.returncode == 0:
                with open(self.out) as f:
                    self.assertEqual(len(f.read().split()), 1, 'no rows')
                self.assertIn('plain', done.stderr)
                os.unlink(self.out)
            else:
                self.assertIn('plain', done.stderr)

    def test_fields(self):
        for option in ('FIELDS', 'NEAR_FIELDS'):
            self.fails(self.a, option, 'nothing', NEAR=self.b, **{option: 'n,nothing'})
            self.fails(self.a, option, NEAR=self.b, **{option: 'n,,s'})
            self.fails(self.named, option + '=stret: there is no such field in layer "named"', ', is street meant?', NEAR=self.named, **{option: 'stret'})
        self.fails(self.named, 'MATCH=stret: there is no field stret in layer "named"', ', is street meant?', NEAR=self.named, MATCH='stret')
        self.fails(self.named, 'MATCH=street=stret: there is no field stret in layer "named"', ', is street meant?', NEAR=self.named, MATCH='street=stret')
        for match, word in (('nothing', 'nothing'), ('n=nothing', 'nothing'), ('nothing=n', 'nothing'), ('n=n,s=gone', 'gone'), ('=n', 'MATCH'), ('n=', 'MATCH'), ('', 'MATCH'), ('n=n=n', 'MATCH'),
                            (',', 'MATCH'), ('n,', 'MATCH')):
            with self.subTest(match):
                self.fails(self.a, 'MATCH', word, NEAR=self.b, MATCH=match)

    def test_where(self):
        for where in ('nonsense ===', 'gone = 3', '(n = 1'):
            with self.subTest(where):
                self.fails(self.a, 'WHERE', NEAR=self.b, WHERE=where)
                self.fails(self.a, 'NEAR_WHERE', NEAR=self.b, NEAR_WHERE=where)
        shp = make(self.new('a.shp'), points(self.xy[:50]), fields={'n': range(50)}, kind=1)
        for where in ('nonsense ===', 'gone = 3', '(n = 1'):
            self.fails(shp, 'WHERE', NEAR=self.b, WHERE=where)
            self.fails(self.a, 'NEAR_WHERE', NEAR=shp, NEAR_WHERE=where)
        self.fails(self.a, 'NEAR_WHERE', NEAR=self.b, NEAR_WHERE=['n > 1', 'n > 2'])
        named = make(self.new('named.shp'), points(self.xy[:5]), fields={'street': ['x'] * 5}, kind=1)
        for source in (self.named, named):
            said = self.fails(source, "WHERE=stret = 'x': layer \"named", ': there is no field stret, is street meant?', NEAR=self.b, WHERE="stret = 'x'")
            self.assertNotIn('SELECT', said)
        self.assertNotIn('SELECT', self.fails(self.named, 'it ends too early, or has a parenthesis too many', NEAR=self.b, WHERE='street ='))

    def test_empty_layers(self):
        """No rows and no error."""
        empty = make(self.new('empty_layer.gpkg'), [], layer='void')
        for source, options, rows in ((empty, {'NEAR': self.b}, 0), (self.b, {'NEAR': empty}, 0), (empty, {'NEAR': empty}, 0), (empty, {'NEAR': self.b, 'UNMATCHED': 'NULL'}, 0),
                                      (self.b, {'NEAR': empty, 'UNMATCHED': 'NULL'}, 50), (self.b, {'NEAR': empty, 'CLOSEST': 'ALL'}, 0), (empty, {'NEAR': self.b, 'PARTITION': '3/4'}, 0),
                                      (self.b, {'NEAR': self.a, 'NEAR_WHERE': 'n < 0'}, 0), (self.b, {'NEAR': self.a, 'WHERE': 'n < 0'}, 0)):
            good_within('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + source, *oo(**options))
            with open(self.out) as f:
                self.assertEqual(len(f.read().split()), rows + 1)
            os.unlink(self.out)

    def test_recursion(self):
        """A near table of a near table's link lines works, or is refused clearly."""
        inner = 'NEARTABLE:' + self.b
        done = run('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + inner, *oo(NEAR=self.a))
        self.assertEqual(done.returncode, 1)  # the inner one has no NEAR
        self.assertIn('NEAR', done.stderr)
        vrt = self.new('inner.vrt')
        with open(vrt, 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="near_near"><SrcDataSource relativeToVRT="0">%s</SrcDataSource><OpenOptions><OOI key="NEAR">%s</OOI><OOI key="GEOMETRY">LINE</OOI>'
                    '<OOI key="NUM_WORKERS">2</OOI></OpenOptions><SrcLayer>near_near</SrcLayer></OGRVRTLayer></OGRVRTDataSource>' % (inner, self.a))
        self.assertEqual(len(table(vrt, NEAR=self.a, NUM_WORKERS=2)), 50)
        self.assertEqual(len(table(self.b, NEAR=vrt, NUM_WORKERS=2)), 50)
        self.assertEqual(len(table(vrt, NEAR=vrt, NUM_WORKERS=3, PARTITION_SIZE=5)), 50)
        itself = self.new('itself.vrt')
        with open(itself, 'w') as f:
            f.write('<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource relativeToVRT="0">NEARTABLE:%s</SrcDataSource><OpenOptions><OOI key="NEAR">%s</OOI></OpenOptions>'
                    '<SrcLayer>x_near</SrcLayer></OGRVRTLayer></OGRVRTDataSource>' % (itself, self.b))
        done = run('ogr2ogr', '-f', 'CSV', self.out, itself, env={'GDAL_NUM_THREADS': '2'}, timeout=30)
        self.assertIn('ERROR', done.stderr)  # the exit code is the VRT driver's

    def cut(self, path, fraction):
        """A copy of the file that ends early."""
        short = self.new('short' + os.path.splitext(path)[1])
        with open(path, 'rb') as f, open(short, 'wb') as g:
            data = f.read()
            g.write(data[:int(len(data) * fraction)])
        return short

    def broken_in_the_middle(self, short, name, how=within):
        """As input: an error that names the file and, unless opening failed, the range; the output is not the whole, and no later run mistakes it for
        one. As near side: an error that names it."""
        for words in ({'NUM_WORKERS': 1}, {'NUM_WORKERS': 3, 'PARTITION_SIZE': 100}):
            done = how('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + short, *oo(NEAR=self.b, **words))
            self.assertEqual(done.returncode, 1, done.stderr[:1000])
            self.assertIn(name, done.stderr)
            if 'could not be opened' not in done.stderr and os.path.exists(self.out):
                self.assertRegex(done.stderr, r'ERROR.*\d+ *(\.\.|to|-|and) *\d+', 'the range')
            if os.path.exists(self.out):
                os.unlink(self.out)
            done = how('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + self.b, *oo(NEAR=short, **words))
            self.assertEqual(done.returncode, 1, done.stderr[:1000])
            self.assertIn(name, done.stderr)
            if os.path.exists(self.out):
                with open(self.out) as f:
                    self.assertLessEqual(len(f.read().split()), 1, 'rows from a near side that was not read to its end')
                os.unlink(self.out)
            # an error through the binding too
            self.refused(short, name, NEAR=self.b, **words)

    def test_truncated_flatgeobuf(self):
        whole = make(self.new('whole.fgb'), points(self.xy), fields={'s': ['x' * 40] * len(self.xy)}, kind=1)
        for fraction in (0.5, 0.9):
            short = self.cut(whole, fraction)
            self.broken_in_the_middle(short, os.path.basename(short))

    def test_truncated_geopackage(self):
        """Pages that are missing, and pages of zeros in the middle."""
        short = self.cut(self.a, 0.6)
        self.broken_in_the_middle(short, os.path.basename(short))

    def damaged(self):
        """A GeoPackage with one bad page in the middle of its table; a filler keeps the page out of the reader's cache of others."""
        name = self.new('damaged.gpkg')
        good_within('ogr2ogr', name, self.a, '-nln', 'one', '-lco', 'SPATIAL_INDEX=NO')
        size = os.path.getsize(name)
        with open(name, 'r+b') as f:
            f.seek(size // 2 // 4096 * 4096)
            f.write(b'\xee' * 4096)
        return name

    def test_damaged_geopackage(self):
        name = self.damaged()
        plain = within('ogr2ogr', '-f', 'CSV', self.out, name)
        self.assertNotEqual((plain.returncode, plain.stderr), (0, ''), 'the damage shows without us')
        if os.path.exists(self.out):
            os.unlink(self.out)
        self.broken_in_the_middle(name, os.path.basename(name), run)

    def test_rows_before_the_damage(self):
        """A reader of features gets the good ranges, then the error, and no end that looks like one."""
        name = self.damaged()
        dataset = near(name, NEAR=self.b, NUM_WORKERS=2, PARTITION_SIZE=50)
        layer = dataset.GetLayer(0)
        got = []
        with listening() as said:
            with self.assertRaises(RuntimeError):
                while True:
                    feature = layer.GetNextFeature()
                    if feature is None:
                        self.fail('an end without an error after %d rows; said: %s' % (len(got), said.seen))
                    got.append(feature.GetField('IN_FID'))
        self.assertEqual(got, list(range(1, len(got) + 1)))
        self.assertLess(len(got), 3000)

    def test_truncated_shapefile(self):
        whole = make(self.new('whole.shp'), points(self.xy), fields={'s': ['x' * 40] * len(self.xy)}, kind=1)
        for ending in ('shp', 'dbf'):
            stem = self.new('short')
            for part in ('shp', 'shx', 'dbf', 'prj'):
                with open(whole[:-3] + part, 'rb') as f, open(stem + '.' + part, 'wb') as g:
                    data = f.read()
                    g.write(data[:len(data) // 2] if part == ending else data)
            plain = within('ogr2ogr', '-f', 'CSV', self.out, stem + '.shp')
            complaint = plain.returncode != 0 or 'ERROR' in plain.stderr
            if os.path.exists(self.out):
                os.unlink(self.out)
            done = within('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + stem + '.shp', *oo(NEAR=self.b, FIELDS='s'))
            if complaint:
                self.assertEqual(done.returncode, 1, '%s: the driver of Shapefiles says %s' % (ending, plain.stderr[:500]))
            if done.returncode == 0 and not complaint:
                with open(self.out) as f:
                    lines = f.read().split('\n')
                self.assertTrue(len(lines) > 2500 or 'WARN' in done.stderr.upper(), '%s: %d lines and no word' % (ending, len(lines)))
            if os.path.exists(self.out):
                os.unlink(self.out)

    def test_truncated_geojson(self):
        short = self.cut(make(self.new('whole.geojson'), points(self.xy / 10), epsg=4326), 0.6)
        self.fails(short, os.path.basename(short), NEAR=self.b)
        self.fails(self.b, os.path.basename(short), NEAR=short)

    def test_bad_wkb_in_a_row(self):
        """A blob that is no geometry: GDAL reads it as none or fails; never a crash."""
        name = self.new('blob.gpkg')
        good_within('ogr2ogr', name, self.a, '-nln', 'one', '-limit', '100', '-lco', 'SPATIAL_INDEX=NO')
        base = sqlite3.connect(name)
        column = base.execute('SELECT column_name FROM gpkg_geometry_columns').fetchone()[0]
        good_blob = base.execute('SELECT %s FROM one WHERE fid = 50' % column).fetchone()[0]
        for i, blob in enumerate((b'', b'GP', good_blob[:20], good_blob[:-3], b'\xff' * 40, good_blob[:8] + b'\x01\x07\0\0\0\xff\xff\xff\xff', b'\0' * 60)):
            base.execute("UPDATE one SET %s = ? WHERE fid = ?" % column, (blob, 10 + i))
        base.commit()
        base.close()
        for source, options in ((name, {'NEAR': self.b}), (self.b, {'NEAR': name})):
            for workers in (1, 3):
                run('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + source, *oo(NUM_WORKERS=workers, PARTITION_SIZE=20, **options))
                if os.path.exists(self.out):
                    os.unlink(self.out)

    def test_input_disappears(self):
        """Between opening and reading: an error that names it, or the table; not a crash, not a part."""
        for ending in ('gpkg', 'fgb', 'shp'):
            name = make(self.new('gone.' + ending), points(self.xy[:500]), kind=1)
            dataset = near(name, NEAR=self.b, NUM_WORKERS=3, PARTITION_SIZE=20)
            for part in os.listdir(self.folder):
                if part.startswith(os.path.basename(name)[:-len(ending)]):
                    os.unlink(self.path(part))
            try:
                rows = rows_of(dataset.GetLayer(0))
            except RuntimeError as error:
                self.assertIn(os.path.basename(name), str(error))
            else:
                self.assertEqual(len(rows), 500)

    def test_error_is_told_again(self):
        """Reading anew after an error is an error anew, not an empty table."""
        name = self.damaged()
        dataset = near(name, NEAR=self.b, NUM_WORKERS=2, PARTITION_SIZE=50)
        layer = dataset.GetLayer(0)
        for _ in range(3):
            with listening():
                with self.assertRaises(RuntimeError):
                    rows_of(layer)
        dataset = near(self.b, NEAR=name)
        layer = dataset.GetLayer(0)
        for _ in range(2):
            with listening():
                with self.assertRaises(RuntimeError):
                    rows_of(layer)
        with listening():
            try:
                count = layer.GetFeatureCount()
            except RuntimeError:
                count = -1
        self.assertNotEqual(count, 0)

    def test_arrow_error(self):
        """The Arrow stream fails too; it does not end early."""
        name = self.damaged()
        dataset = near(name, NEAR=self.b, PARTITION_SIZE=50)
        layer = dataset.GetLayer(0)
        with listening() as said:
            rows = 0
            try:
                for part in layer.GetArrowStreamAsNumPy():
                    rows += len(part['IN_FID'])
                part = None
            except (RuntimeError, Exception) as error:  # noqa: B014  bindings differ in what they raise
                said.seen.append((gdal.CE_Failure, str(error)))
        self.assertLess(rows, 3000)
        self.assertTrue(any(os.path.basename(name) in text for text in said.errors()), said.seen)

    def test_update_is_refused(self):
        with self.assertRaises(RuntimeError):
            dataset = gdal.OpenEx('NEARTABLE:' + self.a, gdal.OF_VECTOR | gdal.OF_UPDATE, open_options=['NEAR=' + self.b])
            if dataset is None:
                raise RuntimeError('no exception, yet no dataset')

    def test_as_raster(self):
        done = run('gdalinfo', 'NEARTABLE:' + self.a)
        self.assertEqual(done.returncode, 1)

    def test_full_output(self):
        """The writer fails: the tool says so, and ends."""
        done = run('ogr2ogr', '-f', 'CSV', '/dev/full', 'NEARTABLE:' + self.a, *oo(NEAR=self.b, CLOSEST=50), timeout=30)
        self.assertGreaterEqual(done.returncode, 0)

    def test_one_message(self):
        """One cause, one error: not one per worker or range."""
        name = self.damaged()
        done = run('ogr2ogr', '-f', 'CSV', self.out, 'NEARTABLE:' + name, *oo(NEAR=self.b, NUM_WORKERS=4, PARTITION_SIZE=10))
        ours = [line for line in done.stderr.split('\n') if 'ERROR' in line and os.path.basename(name) in line]
        self.assertTrue(1 <= len(ours) <= 2, done.stderr)


if __name__ == '__main__':
    unittest.main()
