"""Bad input to a copy: an error, a message that names the thing, no output, no crash; and what the real tools make of it."""
import os
import unittest

import numpy as np
from osgeo import gdal

from common import Case, fishnet, good, good_within, oo, real, run, within, write


class BadInput(Case):
    @classmethod
    def prepare(cls):
        cls.a = write(cls.path('a.tif'), np.arange(60 * 50, dtype=np.float32).reshape(50, 60))
        cls.out = cls.path('out.tif')

    def setUp(self):
        super().setUp()
        if os.path.exists(self.out):  # of a test that failed
            os.unlink(self.out)

    def fails(self, *arguments, source=None, words=(), tool=None):
        """The error text of gdal_translate: within this process, or of that tool."""
        source = source or 'FISHNET:' + self.a
        outputs = [self.out] if tool != 'gdalinfo' else []
        quiet = ['-q'] if tool != 'gdalinfo' else []
        done = (run if tool else within)(tool or 'gdal_translate', *quiet, *arguments, source, *outputs)
        self.assertEqual(done.returncode, 1, '%s %s\n%s' % (arguments, source, done.stderr[:2000]))
        self.assertIn('ERROR', done.stderr)
        for word in words:
            self.assertIn(str(word), done.stderr)
        self.assertFalse(os.path.exists(self.out), 'an output was left')
        self.assertLess(len(done.stderr), 5000, 'an error text is for people')
        return done.stderr

    def expression(self, text, *words):
        message = self.fails(*oo(text), words=words)
        at = message.index('ERROR')
        lines = message[at:].split('\n')
        caret = next((i for i, line in enumerate(lines) if line.strip() == '^'), None)
        self.assertIsNotNone(caret, 'no caret line: ' + message)
        return self.caret('\n'.join(lines[:caret + 1]), text)

    def test_expressions(self):
        for text, position, words in (
                ('foo(A)', 1, ['foo']), ('A+bar', 3, ['bar']), ('A[2]', None, ['2']), ('A[0]', None, []), ('A[-1]', None, []),
                ('A[99999999999]', None, []), ('A+B', 3, ['B']), ('(A', None, []), ('A)', 2, []), ('((A)', None, []), ('sqrt(A', None, []),
                ('sqrt()', None, ['sqrt']), ('sqrt(A,A)', None, ['sqrt']), ('where(A,1)', None, ['where']), ('A+', None, []), ('*A', 1, []),
                ('A B', 3, []), ('A $ 2', 3, ['$']), ('A = 2', None, []), ('1..2', None, []), ('0x', None, []), ('A ? 1', None, []),
                ('A : 1', 3, []), ('A.sqrt', None, []), ('numpy.A()', None, []), ('numpy.', None, []), ('import os', None, []),
                ('A;;B', None, []), ('"A"', 1, []), ('A and', None, []), ('not', None, []), ('A!', None, []), ('A,A', 2, []), ('[A]', 1, []),
                ('A[A]', None, []), ('A[1', None, []), ('\u00e9tage(A)', 1, []), ('A + \u20ac', 5, []), ('A+AA', 3, ['AA']), ('A-A1', 3, ['A1']),
                ('sqrt', None, ['sqrt']), ('A A', 3, []), ('A @ A', 3, []), ('A === A', None, []), ('A <> A', None, []), ('A && && A', 6, [])):
            with self.subTest(text):
                if ';' in text:
                    self.fails(*oo(text))
                    continue
                found = self.expression(text, *words)
                if position:
                    self.assertEqual(found, position)

    def test_tool(self):
        """Its exit code and its messages, for an error of each kind."""
        for arguments, source, words in (
                (oo('foo(A)'), None, ['foo', '^']), (oo('A B'), None, ['position 3']), (oo('A[99999999999]'), None, []),
                (['-oo', 'NUM_WORKERS=many', *oo('A+1')], None, ['NUM_WORKERS', 'many']), (['-oo', 'CLAC=A*2'], None, ['CLAC', 'CALC']),
                (['-oo', 'OT=Byte'], None, ['OT', 'CALC']), (oo('A', OT='Byte', NODATA='300'), None, ['NODATA', 'Byte']),
                ([], 'FISHNET:/no/such/file.tif', ['/no/such/file.tif']), (['-oo', 'CALC=A+B', '-oo', 'B=/dev/null'], None, ['/dev/null']),
                ([], 'FISHNET:' + self.half(['COMPRESS=LZW']), ['half.tif'])):
            with self.subTest(arguments=arguments, source=source):
                self.fails(*arguments, source=source, words=words, tool='gdal_translate')

    def test_the_wrong_one_of_several(self):
        self.assertIn('nonsense', self.fails(*oo('A', 'A+1', 'nonsense')))
        self.assertIn('nonsense', self.fails(*oo('A;nonsense;A')))

    def test_what_to_write_instead(self):
        """Each message leads to an expression that works."""
        for text, words, instead in (
                ('A>1 & B<2', ['parentheses', '(A>1) & (B<2)'], '(A>1) & (B<2)'), ('A<1 | B>2', ['parentheses'], '(A<1) | (B>2)'),
                ('A&B == 4', ['parentheses'], '(floor(A)&floor(B)) == 4'), ('A==nan', ['isnan'], 'isnan(A)'), ('(numpy.nan)!=A', ['isnan'], '!isnan(A)'),
                ('stddev(A,B)', ['std(S)'], 'std(A, B)'), ('numpy.mean((A,B))', ['axis=0'], 'numpy.mean((A,B),axis=0)'),
                ('a+1', ["'A'"], 'A+1'), ('b[1]', ["'B'"], 'B[1]'), ('numpy.hypot((A,B))', ['hypot(A, B)'], 'hypot(A, B)'),
                ('[A,B]', ['mean(...)'], 'mean([A,B])'), ('max(A, B, axis=1)', ['axis=0'], 'max(A, B, axis=0)'),
                ('red-nir', ["'red'", 'the inputs are A, B'], 'A-B')):
            self.fails(*oo(text, B=self.a), words=words)
            self.assertIsNotNone(fishnet(self.a, instead, B=self.a).ReadAsArray(0, 0, 5, 5))

    def test_long_line_has_an_excerpt(self):
        """The caret must stay findable: not ten thousand characters of it."""
        text = '+'.join(['A'] * 3000) + '+oops+' + '+'.join(['A'] * 3000)
        message = self.fails(*oo(text), words=['oops', str(text.index('oops') + 1)])
        excerpt = next(line for line in message.split('\n') if 'oops' in line and '+A' in line)
        self.assertLess(len(excerpt), 250)

    def test_empty(self):
        for text in ('', ' ', ';', ';;', '\t\n'):
            self.fails('-oo', 'CALC=' + text, words=['CALC'])

    def test_a_megabyte_of_parentheses(self):
        """Longer than a command line holds: through the binding, and through a file of arguments."""
        for text in ('(' * 10**6, 'A' + ')' * 10**6, '-' * 10**6, 'sqrt(' * 200000, 'A?' * 500000, '2**' * 300000, 'not ' * 250000, 'A+' * 500000):
            with self.assertRaises(RuntimeError) as caught:
                fishnet(self.a, text)
            self.assertLess(len(str(caught.exception)), 2000)
            self.caret(str(caught.exception), text)
        arguments = self.path('arguments.txt')
        with open(arguments, 'w') as f:
            f.write('-oo CALC=%s\n' % ('(' * 10**6))
        self.assertIn('1000001', self.fails('--optfile', arguments, tool='gdal_translate'))

    def test_a_megabyte_that_is_right(self):
        """Time and memory are linear, the C stack does not grow: deep ones open and give right pixels."""
        n = 200000
        for text, want in (('(' * n + 'A' + ')' * n, 59.0), ('-' * n + 'A', 59.0), ('+'.join(['A'] * n), 59.0 * n),
                           ('abs(' * n + 'A' + ')' * n, 59.0), ('A<0?1:' * n + '7', 7.0)):
            pixels = fishnet(self.a, text, OT='Float64').ReadAsArray(0, 0, 60, 1)
            self.assertEqual(pixels[0, 59], want, text[:20])

    def test_options_that_there_are_not(self):
        """GDAL only warns, and the raster would be copied as it is."""
        for option, meant in (('CLAC=A*2', 'CALC'), ('NUM_WORKER=1', 'NUM_WORKERS'), ('nonsense=1', ''), ('TILESIZE=64', 'TILE_SIZE'), ('BB=x.tif', '')):
            self.fails('-oo', option, words=[option.split('=')[0], meant])
        for option in ('GIRD=2x2', 'TILESIZE=512'):
            done = within('gdal_translate', '-q', '-of', 'FISHNET', '-co', option, self.a, self.path('never.vrt'))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn('there is no creation option ' + option.split('=')[0], done.stderr)
            self.assertFalse(os.path.exists(self.path('never_tiles')))
        self.assertIsNotNone(gdal.OpenEx('FISHNET:' + self.a, open_options=['OVERVIEW_LEVEL=NONE']))

    def test_open_options_of_a_source_that_has_none_such(self):
        """GDAL only warns of them, and the source would be copied as it is."""
        dem = real('dem.tif')
        for option in ('CALC=sqrt(A)', 'calc=A', 'CRS=EPSG:32613', 'UNSCALE=YES'):
            for output in ('TILES', 'SINGLE'):
                out = self.path('copied.' + ('tif' if output == 'SINGLE' else 'vrt'))
                done = run('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=' + output, '-oo', option, dem, out)
                self.assertNotEqual(done.returncode, 0, option)
                self.assertIn('it is given with -co ' + option.split('=')[0].upper(), done.stderr)
                self.assertFalse(os.path.exists(out))
        good('gdal_translate', '-q', '-of', 'FISHNET', '-oo', 'NUM_THREADS=1', '-srcwin', '0', '0', '99', '99', '-co', 'CALC=A', dem, self.path('copied.vrt'))
        good('gdal_translate', '-q', '-of', 'FISHNET', '-oo', 'CALC=A*2', 'FISHNET:' + dem, self.path('copied.vrt'))

    def test_open_options_of_inputs(self):
        """AAIGrid reads 0.1 as Float32 unless it is told otherwise."""
        path = self.path('tenths.asc')
        with open(path, 'w', encoding='ascii') as file:
            file.write('ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n0.1 0.7\n')
        want = [0.1, 0.7]
        for kind in ('THREADS', 'PROCESSES'):
            options = dict(OT='Float64', WORKERS=kind)
            self.assertNotEqual(list(fishnet(path, 'A', **options).ReadAsArray()[0]), want)
            self.assertEqual(list(fishnet(path, 'A', A_OO='DATATYPE=Float64', **options).ReadAsArray()[0]), want)
            self.assertEqual(list(fishnet(path, 'B', B=path, B_OO='DATATYPE=Float64', **options).ReadAsArray()[0]), want)
        good_within('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'CALC=B', '-co', 'B=' + path, '-co', 'B_OO=DATATYPE=Float64', '-co', 'OT=Float64', path,
             self.path('b.vrt'))
        self.assertEqual(list(gdal.Open(self.path('b.vrt')).ReadAsArray()[0]), want)
        recipe = self.path('r.fishnet.json')
        with open(recipe, 'w', encoding='ascii') as file:
            file.write('{"type": "fishnet_raster", "inputs": {"A": "tenths.asc"}, "calc": "A", "ot": "Float64", "a_oo": ["DATATYPE=Float64"]}')
        self.assertEqual(list(gdal.Open(recipe).ReadAsArray()[0]), want)
        self.fails(*oo('A', B_OO='X=1'), words=['B_OO', 'no input B'])
        self.fails(*oo('A', A_OO='Float64'), words=['A_OO', 'NAME=VALUE'])

    def test_options(self):
        for option, words in (
                ('NUM_WORKERS=0', ['NUM_WORKERS']), ('NUM_WORKERS=-1', ['NUM_WORKERS']), ('NUM_WORKERS=1025', ['NUM_WORKERS', '1024']),
                ('NUM_WORKERS=99999999999999999999', ['NUM_WORKERS']), ('NUM_WORKERS=many', ['NUM_WORKERS', 'many']),
                ('NUM_WORKERS=', ['NUM_WORKERS']), ('NUM_WORKERS=2x', ['NUM_WORKERS']), ('NUM_WORKERS=1.5', ['NUM_WORKERS']),
                ('TILE_SIZE=0', ['TILE_SIZE']), ('TILE_SIZE=1000000000', ['TILE_SIZE', '65536']), ('TILE_SIZE=-512', ['TILE_SIZE']),
                ('TILE_SIZE=65537', ['TILE_SIZE']), ('TILE_SIZE=512x', ['TILE_SIZE']), ('TILE_SIZE=x512', ['TILE_SIZE']),
                ('TILE_SIZE=512x0', ['TILE_SIZE']), ('TILE_SIZE=512x512x512', ['TILE_SIZE']), ('TILE_SIZE=', ['TILE_SIZE']),
                ('TILE_SIZE=big', ['TILE_SIZE', 'big']), ('TILE_SIZE=18446744073709551617', ['TILE_SIZE']), ('OT=Complex', ['OT', 'Complex']),
                ('OT=CFloat32', ['OT', 'CFloat32']), ('OT=', ['OT']), ('OT=float', ['OT']), ('NODATA=none1', ['NODATA', 'none1']),
                ('NODATA=', ['NODATA']), ('NODATA=12abc', ['NODATA']), ('WORKERS=BOTH', ['WORKERS', 'BOTH', 'PROCESSES']),
                ('WORKERS=', ['WORKERS']), ('RETRIES=-1', ['RETRIES']), ('RETRIES=101', ['RETRIES', '100']), ('RETRIES=some', ['RETRIES', 'some']),
                ('TASK_TIMEOUT=-1', ['TASK_TIMEOUT']), ('TASK_TIMEOUT=inf', ['TASK_TIMEOUT']), ('TASK_TIMEOUT=1s', ['TASK_TIMEOUT', '1s']),
                ('THREADS_PER_WORKER=0', ['THREADS_PER_WORKER']), ('ON_ERROR=IGNORE', ['ON_ERROR', 'IGNORE']), ('CACHE_MB=0', ['CACHE_MB']), ('CACHE_MB=-1', ['CACHE_MB']),
                ('CACHE_MB=lots', ['CACHE_MB', 'lots']), ('CACHE_MB=99999999999999999999', ['CACHE_MB']),
                ('TRACE=trace.json', ['TRACE', 'FISHNET_TRACE']), ('LOG=a.log', ['LOG: it is no option of a dataset', 'FISHNET_LOG, or --log'])):
            with self.subTest(option):
                self.fails('-oo', option, *oo('A+1'), words=words)
        for option in ('LOG', 'TRACE'):
            done = run('gdal_translate', '-q', '-of', 'FISHNET', self.a, self.path('none.vrt'), '-co', option + '=x')
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, 'FISHNET: %s: it is no option of a dataset.*FISHNET_%s' % (option, option))

    def test_nodata_that_the_type_cannot_hold(self):
        for type, nodata in (('Byte', '300'), ('Byte', '-1'), ('Byte', '1.5'), ('Byte', 'nan'), ('Int16', '40000'), ('UInt16', 'nan'),
                             ('Int32', '1e10'), ('Int16', 'inf')):
            self.fails(*oo('A', OT=type, NODATA=nodata), words=['NODATA', type])

    def test_options_that_need_calc(self):
        self.fails('-oo', 'OT=Byte', words=['OT', 'CALC'])
        self.fails('-oo', 'NODATA=0', words=['NODATA', 'CALC'])
        self.fails('-oo', 'NODATA=none', words=['NODATA', 'CALC'])
        self.fails('-oo', 'B=' + self.a, words=['B', 'CALC'])
        self.fails('-oo', 'CALC=A+C', '-oo', 'B=' + self.a, words=['C'])

    def test_files(self):
        text = self.path('text.txt')
        with open(text, 'w') as f:
            f.write('not a raster\n')
        empty = self.path('empty.tif')
        open(empty, 'w').close()
        for name in ('/no/such/file.tif', text, empty, self.folder, '/vsimem/nothing.tif', '/vsizip/%s/x.tif' % text, '/dev/null'):
            with self.subTest(name):
                self.fails(source='FISHNET:' + name, words=[name])
                self.fails(*oo('A+1'), source='FISHNET:' + name, words=[name])
                self.fails('-oo', 'CALC=A+B', '-oo', 'B=' + name, words=[name])
        self.fails(source='FISHNET:')
        self.fails(*oo('A'), source='FISHNET:')
        self.fails(source='FISHNET:"' + self.a)
        self.fails(source='FISHNET:""')
        self.fails(source='FISHNET:FISHNET:')
        self.fails(source='FISHNET:/no/such/file.tif', words=['/no/such/file.tif'], tool='gdalinfo')
        done = run('gdalwarp', '-q', 'FISHNET:/no/such/file.tif', self.out)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('/no/such/file.tif', done.stderr)
        self.assertFalse(os.path.exists(self.out))

    def test_a_driver_that_gives_no_reason(self):
        """GDAL's difference of three bands fails without a message: ours says which driver was to read what."""
        vrt = self.path('silent.vrt')
        source = '<SimpleSource><SourceFilename relativeToVRT="0">%s</SourceFilename></SimpleSource>' % self.a
        dataset = gdal.Open(self.a)
        with open(vrt, 'w') as f:
            f.write('<VRTDataset rasterXSize="%d" rasterYSize="%d"><VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand">'
                    '<PixelFunctionType>diff</PixelFunctionType>%s</VRTRasterBand></VRTDataset>'
                    % (dataset.RasterXSize, dataset.RasterYSize, source * 3))
        for workers in ('THREADS', 'PROCESSES'):
            options = ['-oo', 'RETRIES=0', '-oo', 'WORKERS=' + workers]
            for words in ([], oo('A+1')):
                message = self.fails(*options, *words, source='FISHNET:' + vrt, words=['x=0 y=0', 'VRT', 'band 1 of A (' + vrt])
                self.assertNotIn('no reason given', message)

    def test_vector_is_no_raster(self):
        name = self.path('points.csv')
        with open(name, 'w') as f:
            f.write('x,y\n1,2\n')
        self.fails(source='FISHNET:' + name, words=[name])

    def test_zero_size(self):
        name = self.path('zero.vrt')
        with open(name, 'w') as f:
            f.write('<VRTDataset rasterXSize="0" rasterYSize="0"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>')
        self.fails(source='FISHNET:' + name, words=[name])

    def test_no_bands(self):
        """A container of subdatasets has no band to compute with."""
        name = self.path('nobands.vrt')
        with open(name, 'w') as f:
            f.write('<VRTDataset rasterXSize="5" rasterYSize="5"></VRTDataset>')
        self.fails(*oo('A'), source='FISHNET:' + name)

    def half(self, options):
        """A TIFF that ends in the middle."""
        whole, short = self.path('whole.tif'), self.path('half.tif')
        write(whole, gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 1200, 900), -999, options=options)
        with open(whole, 'rb') as f, open(short, 'wb') as g:
            data = f.read()
            g.write(data[:len(data) * 6 // 10])
        return short

    def test_truncated(self):
        """Half a TIFF: the read fails and names the file; nothing is left that looks complete."""
        for options in (['TILED=YES', 'COMPRESS=DEFLATE'], ['COMPRESS=LZW'], []):
            short = self.half(options)
            try:
                readable = gdal.Open(short)
            except RuntimeError:
                readable = None
            self.fails(*oo('sqrt(A)'), source='FISHNET:' + short, words=['half.tif'])
            self.fails(source='FISHNET:' + short, words=['half.tif'])
            if readable is not None:
                done = run('gdalinfo', '-stats', 'FISHNET:' + short, *oo('A+1'))
                self.assertIn('half.tif', done.stderr)

    def test_damaged_tile_is_the_only_one(self):
        """An error in one tile does not spoil the others, and the tile is tried anew."""
        source = np.random.default_rng(3).integers(0, 255, (512, 512), dtype=np.uint8)
        name = write(self.path('damaged.tif'), source, options=['TILED=YES', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128', 'COMPRESS=DEFLATE'])
        offset = int(gdal.Open(name).GetRasterBand(1).GetMetadataItem('BLOCK_OFFSET_2_2', 'TIFF'))
        with open(name, 'r+b') as f:
            f.seek(offset)
            f.write(b'\xff' * 2000)
        dataset = fishnet(name, 'A+1', TILE_SIZE=128)
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, 'damaged.tif'):
                dataset.ReadAsArray()
            self.same(dataset.ReadAsArray(0, 0, 256, 256), source[:256, :256].astype(np.float32) + 1)

    def test_input_disappears(self):
        """The file goes between opening and reading: an error that names it, not a crash or zeros."""
        name = write(self.path('gone.tif'), np.ones((300, 300), np.float32))
        dataset = fishnet(name, 'A+1', NUM_WORKERS=3, TILE_SIZE=64)
        os.unlink(name)
        try:
            pixels = dataset.ReadAsArray()
        except RuntimeError as error:
            self.assertIn('gone.tif', str(error))
        else:
            self.assertTrue((pixels == 2).all())

    def test_a_file_changes_its_size(self):
        """What a worker opens must be what was checked."""
        name = write(self.path('shrinks.tif'), np.ones((300, 300), np.float32))
        dataset = fishnet(name, 'A+1', NUM_WORKERS=3, TILE_SIZE=64)
        write(name, np.ones((20, 20), np.float32))
        try:
            pixels = dataset.ReadAsArray()
        except RuntimeError as error:
            self.assertIn('shrinks.tif', str(error))
        else:
            self.assertTrue((pixels == 2).all())

    def test_update_is_refused(self):
        with self.assertRaises(RuntimeError):
            dataset = gdal.OpenEx('FISHNET:' + self.a, gdal.OF_RASTER | gdal.OF_UPDATE, open_options=['CALC=A'])
            if dataset is None:
                raise RuntimeError('no exception, yet no dataset')

    def test_recursion(self):
        """A VRT that reads itself through FISHNET ends in an error."""
        name = self.path('self.vrt')
        with open(name, 'w') as f:
            f.write('<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename '
                    'relativeToVRT="0">FISHNET:%s</SourceFilename><SourceProperties RasterXSize="20" RasterYSize="20" DataType="Byte" '
                    'BlockXSize="20" BlockYSize="20"/></SimpleSource></VRTRasterBand></VRTDataset>' % name)
        done = run('gdal_translate', '-q', 'FISHNET:' + name, self.out, env={'GDAL_NUM_THREADS': '1'}, timeout=20)
        self.assertEqual(done.returncode, 1, done.stderr[:2000])

    def test_other_names_are_left_alone(self):
        """Identify judges the prefix only; what is not ours gives GDAL's own error."""
        for name in ('FISHNE', 'FISHNET', 'FISHNETX:a.tif', 'xFISHNET:a.tif'):
            done = run('gdalinfo', name)
            self.assertEqual(done.returncode, 1)
            self.assertNotIn('CALC', done.stderr)
        self.assertIn('Size is 60, 50', good('gdalinfo', 'fishnet:' + self.a))


if __name__ == '__main__':
    unittest.main()
