"""Names of inputs: any identifier, beside the letters; the hint for one that is not there; recipes, copies, other folders."""
import json
import os
import unittest

import numpy as np
from osgeo import gdal

from common import Case, calc1, config, fishnet, good, run, write


def named(*options, connection='', kind=gdal.OF_RASTER):
    return gdal.OpenEx('FISHNET:' + connection, kind | gdal.OF_VERBOSE_ERROR, open_options=['OT=Float64', *options])


class TestNames(Case):
    @classmethod
    def prepare(cls):
        generator = np.random.default_rng(5)
        cls.red, cls.nir = (generator.integers(1, 1000, (40, 60)).astype(np.uint16) for _ in range(2))
        write(cls.path('b4.tif'), cls.red)
        write(cls.path('b5.tif'), cls.nir)
        write(cls.path('two.tif'), [cls.red, cls.nir])
        cls.want = (cls.nir.astype(float) - cls.red) / (cls.nir.astype(float) + cls.red)

    def inputs(self, **names):
        return ['INPUT=%s=%s' % (name, self.path(file)) for name, file in names.items()]

    def wrong(self, *options, connection='', says=()):
        with self.assertRaises(RuntimeError) as caught:
            named(*options, connection=connection)
        for word in says:
            self.assertIn(word, str(caught.exception))
        return str(caught.exception)

    def test_values(self):
        two = self.inputs(red='b4.tif', nir='b5.tif')
        self.same(named(*two, 'CALC=(nir-red)/(nir+red)').ReadAsArray(), self.want)
        for kind in ('THREADS', 'PROCESSES'):
            self.same(named(*two, 'CALC=(nir-red)/(nir+red)', 'WORKERS=' + kind, 'NUM_WORKERS=3', 'TILE_SIZE=16').ReadAsArray(), self.want, kind)
        self.same(named(*self.inputs(e='b4.tif', sum='b5.tif', a='b4.tif', A='b5.tif'), 'CALC=(sum-e)/sum(sum,a)+0*A').ReadAsArray(), self.want)
        self.same(named(*self.inputs(img='two.tif'), 'CALC=(img[2]-img[1])/(img[1]+img[2])').ReadAsArray(), self.want)
        self.same(named(*self.inputs(red='b4.tif'), 'CALC=red-B', 'B=' + self.path('b5.tif')).ReadAsArray(), self.red - self.nir.astype(float))
        quoted = 'INPUT=red="%s"' % self.path('b4.tif')
        self.same(named(quoted, 'CALC=red').ReadAsArray(), self.red.astype(float))

    def test_the_first_gives_the_grid(self):
        other = write(self.path('named_other.tif'), self.red, geotransform=(1000.0001, 10.0, 0, 5000, 0, -10))
        for options, x in ((self.inputs(red='b4.tif', z='named_other.tif'), 1000.0), (self.inputs(z='named_other.tif', red='b4.tif'), 1000.0001),
                           (['B=' + other, *self.inputs(A='b4.tif')], 1000.0), (['B=' + other, 'A=' + self.path('b4.tif')], 1000.0)):
            self.assertEqual(named(*options, 'CALC=1').GetGeoTransform()[0], x)
        self.assertEqual(named(*self.inputs(z='named_other.tif'), 'CALC=1', connection=self.path('b4.tif')).GetGeoTransform()[0], 1000.0)

    def test_the_only_input(self):
        path = self.path('b4.tif')
        want = np.sqrt(self.red.astype(float))
        for name in ('A', 'X', 'dem', 'x', 'Sum_2', 'a'):
            self.same(calc1(path, 'sqrt(%s)' % name), want, name)
        self.same(calc1(self.path('two.tif'), 'dem[2]-dem'), self.nir - self.red.astype(float))
        both = fishnet(path, 'dem*2', 'dem+e', OT='Float64').ReadAsArray()
        self.same(both[0], self.red * 2.0)
        self.same(calc1(path, 'e+0*pi'), np.full_like(want, np.e))
        self.same(calc1(path, 'focal_max(dem, 3, edge=shrink)-focal_max(A, 3)' .replace('A', 'dem')), np.zeros_like(want))
        for text, words in (('dem+slop', ["unknown name 'dem'"]), ('A+dem', ["unknown name 'dem'", 'the only input is A']), ('B', ['no input B']),
                            ('sqrt', ["function 'sqrt'"]), ('PI', ["did you mean 'pi'"]), ('2*nodata', ["did you mean 'NODATA'"]), ('where(b>0,A,0)', ["unknown name 'b'"]), ('a+A', ["did you mean 'A'"])):
            self.caret(self.refused(*words, path=path, calcs=[text]), text)
        self.wrong(*self.inputs(red='b4.tif'), 'CALC=dem', connection=path, says=["unknown name 'dem'", 'A, red'])
        self.wrong(*self.inputs(red='b4.tif'), 'CALC=A', says=['no input A'])

    def test_hints(self):
        two = self.inputs(red='b4.tif', nir='b5.tif')
        for text, words in (('nir-rde', ["unknown name 'rde'", "did you mean 'red'", 'the inputs are red, nir', 'position 5']), ('NIR+1', ["did you mean 'nir'"]),
                            ('nir-swir2', ["unknown name 'swir2'", 'red, nir']), ('nir(1)', ["unknown function 'nir'"]), ('red[2]', ['no band 2', 'red (', 'b4.tif'])):
            self.caret(self.wrong(*two, 'CALC=' + text, says=words), text)

    def test_bad_options(self):
        a, b = self.path('b4.tif'), self.path('b5.tif')
        for options, words in (
                (['INPUT=' + a], ['INPUT=', 'expected <name>=']), (['INPUT=b-4=' + a], ['b-4', 'letter']), (['INPUT=_x=' + a], ['_x']), (['INPUT=4b=' + a], ['4b']),
                (['INPUT=NODATA=' + a], ['NODATA']), (['INPUT=x='], ['x=', 'name of a dataset']), (['INPUT=x="' + a], ['quotes']),
                (['INPUT=x=' + a, 'INPUT=x=' + b], ['x is given twice', 'b4.tif', 'b5.tif']), (['INPUT=B=' + a, 'B=' + b], ['B is given twice']),
                (['INPUT=x=' + self.path('none.tif')], ['x (', 'none.tif', 'cannot be opened']), (['INPUT=x=' + a, 'INPUT_OO=y=Q=1'], ['no input y']),
                (['INPUT=x=' + a, 'INPUT_OO=x=Q'], ['INPUT_OO=x=Q', 'NAME=VALUE'])):
            self.wrong(*options, 'CALC=1', says=words)
        self.wrong('INPUT=x=' + a, 'INPUT=y=' + b, says=['y=', 'needs an expression'])
        self.same(gdal.OpenEx('FISHNET:', open_options=['INPUT=x=' + a]).ReadAsArray(), self.red)
        self.same(named('INPUT=x=' + a, 'INPUT=x=' + a, 'CALC=x').ReadAsArray(), self.red.astype(float))

    def test_open_options(self):
        path = self.path('named_tenths.asc')
        with open(path, 'w', encoding='ascii') as file:
            file.write('ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n0.1 0.7\n')
        for kind in ('THREADS', 'PROCESSES'):
            got = named('INPUT=x=' + path, 'INPUT_OO=x=DATATYPE=Float64', 'CALC=x', 'WORKERS=' + kind).ReadAsArray()
            self.assertEqual(list(got[0]), [0.1, 0.7], kind)
        with open(self.path('named_oo.fishnet.json'), 'w', encoding='ascii') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'x': 'named_tenths.asc'}, 'calc': 'x', 'ot': 'Float64', 'input_oo': 'x=DATATYPE=Float64'}, file)
        self.assertEqual(list(gdal.Open(self.path('named_oo.fishnet.json')).ReadAsArray()[0]), [0.1, 0.7])

    def recipe(self, name, inputs, calc, **more):
        with open(self.path(name), 'w', encoding='ascii') as file:
            json.dump(dict({'type': 'fishnet_raster', 'inputs': inputs, 'calc': calc, 'ot': 'Float64'}, **more), file)
        return self.path(name)

    def test_recipes(self):
        path = self.recipe('named.fishnet.json', {'nir': 'b5.tif', 'red': 'b4.tif'}, '(nir-red)/(nir+red)')
        self.same(gdal.Open(path).ReadAsArray(), self.want)
        self.assertEqual({os.path.basename(file) for file in gdal.Open(path).GetFileList()}, {'named.fishnet.json', 'b4.tif', 'b5.tif'})
        os.makedirs(self.path('named_elsewhere'), exist_ok=True)
        good('gdal_translate', '-q', '../named.fishnet.json', 'o.tif', cwd=self.path('named_elsewhere'))
        self.same(gdal.Open(self.path('named_elsewhere/o.tif')).ReadAsArray(), self.want)
        swapped = gdal.OpenEx(path, open_options=['INPUT=red=' + self.path('b5.tif')])  # one input on top, the other stays
        self.same(abs(swapped.ReadAsArray()), np.zeros_like(self.want))
        letters = self.recipe('named_letters.fishnet.json', {'B': 'b5.tif', 'C': 'b4.tif'}, '(B-C)/(B+C)')
        self.same(gdal.Open(letters).ReadAsArray(), self.want)
        for option in ('B=', 'INPUT=B='):
            self.same(gdal.OpenEx(letters, open_options=[option + self.path('b4.tif')]).ReadAsArray(), np.zeros_like(self.want))
        for inputs, words in (({}, ['inputs: is empty']), ({'b-4': 'b4.tif'}, ['inputs.b-4', 'a name']), ({'_b': 'b4.tif'}, ['inputs._b']),
                              ({'x': 5}, ['inputs.x: expected a string']), ({'x': ''}, ['inputs.x: is empty'])):
            with self.assertRaises(RuntimeError) as caught:
                gdal.Open(self.recipe('named_bad.fishnet.json', inputs, '1'))
            for word in words:
                self.assertIn(word, str(caught.exception))

    def test_other_folders(self):
        """Relative names, behind a folder and after the host has changed its own."""
        here = os.getcwd()
        try:
            os.chdir(self.folder)
            dataset = named('INPUT=red=b4.tif', 'INPUT=nir=b5.tif', 'CALC=(nir-red)/(nir+red)')
            os.chdir('/')
            self.same(dataset.ReadAsArray(), self.want)
            moved = gdal.OpenEx(self.folder + '/FISHNET:', open_options=['INPUT=red=b4.tif', 'INPUT=nir=b5.tif', 'CALC=nir-red', 'OT=Float64'])
            self.same(moved.ReadAsArray(), self.nir - self.red.astype(float))
        finally:
            os.chdir(here)

    def test_copies(self):
        """-of FISHNET: the source is A, others have names."""
        for i, more in enumerate((['OUTPUT=SINGLE', 'COMPRESS=LZW'], ['GRID=2x2'], ['GRID=2x2', 'WORKERS=PROCESSES'])):
            output = self.path('named_copy%d.%s' % (i, 'vrt' if 'GRID=2x2' in more else 'tif'))
            gdal.Translate(output, self.path('b4.tif'), format='FISHNET',
                           creationOptions=['CALC=(nir-A)/(nir+A)', 'OT=Float64', 'NUM_WORKERS=2', *self.inputs(nir='b5.tif'), *more])
            self.same(gdal.Open(output).ReadAsArray(), self.want)
            output = self.path('named_of%d.vrt' % i)
            gdal.Translate(output, named(*self.inputs(red='b4.tif', nir='b5.tif'), 'CALC=(nir-red)/(nir+red)'), format='FISHNET')
            self.same(gdal.Open(output).ReadAsArray(), self.want)
        with self.assertRaises(RuntimeError) as caught:
            gdal.Translate(self.path('named_never.vrt'), self.path('b4.tif'), format='FISHNET', creationOptions=['CALC=A', *self.inputs(A='b5.tif')])
        self.assertIn('A is the source', str(caught.exception))

    def test_vrt_files(self):
        """Which keep one open option of each name."""
        def source():
            return named(*self.inputs(red='b4.tif', nir='b5.tif'), 'INPUT=S=' + self.path('b[45].tif'), 'CALC=nir-red+0*mean(S)')
        want = self.nir - self.red.astype(float)
        gdal.Translate(self.path('named.vrt'), source(), format='VRT')
        self.same(gdal.Open(self.path('named.vrt')).ReadAsArray(), want)
        gdal.Translate(self.path('named_single.tif'), gdal.Open(self.path('named.vrt')), format='FISHNET', creationOptions=['OUTPUT=SINGLE'])
        self.same(gdal.Open(self.path('named_single.tif')).ReadAsArray(), want)
        gdal.Translate(self.path('named_part.vrt'), source(), format='FISHNET', srcWin=[3, 5, 30, 20])
        self.same(gdal.Open(self.path('named_part.vrt')).ReadAsArray(), want[5:25, 3:33])
        gdal.Translate(self.path('named_twice.vrt'), source(), format='FISHNET', creationOptions=['CALC=A*2', 'OT=Float64'])
        self.same(gdal.Open(self.path('named_twice.vrt')).ReadAsArray(), want * 2)
        one = 'INPUT=red="%s" | nir="%s";|T="%s";"%s"' % tuple(self.path(name) for name in ('b4.tif', 'b5.tif', 'b5.tif', 'b4.tif'))
        self.same(named(one, 'CALC=max(nir)-red+0*max(T)').ReadAsArray(), want)
        moved = gdal.OpenEx(self.folder + '/FISHNET:', open_options=['INPUT=red="b4.tif"|nir="b5.tif"', 'CALC=nir-red', 'OT=Float64'])
        self.same(moved.ReadAsArray(), want)

    def test_options_given_twice_in_a_vrt(self):
        """GDAL writes one option of each name: what is repeated is joined."""
        path = self.path('b4.tif')
        inner = ['INPUT=T=FISHNET:' + path, 'INPUT_OO=T=CALC=A*7', 'INPUT=U=FISHNET:' + path, 'INPUT_OO=U=CALC=A||0', 'INPUT_OO=T=NUM_WORKERS=1',
                 'INPUT_OO=U=NUM_WORKERS=1', 'CALC=T+10', 'CALC=T+U']
        outer = ['A_OO=CALC=A*3', 'A_OO=NUM_WORKERS=1', 'CALC=A', 'CALC=A+1; A+2']
        cases = [('', inner, [self.red * 7.0 + 10, self.red * 7.0 + 1]),
                 ('FISHNET:' + path, outer, [self.red * 3.0, self.red * 3.0 + 1, self.red * 3.0 + 2])]
        for connection, options, want in cases:
            words = [word for option in (*options, 'OT=Float64') for word in ('-oo', option)]
            self.same(named(*options, connection=connection).ReadAsArray(), want)
            good('gdal_translate', '-q', '-of', 'VRT', 'FISHNET:' + connection, self.path('twice.vrt'), *words)
            self.same(gdal.Open(self.path('twice.vrt')).ReadAsArray(), want, connection)
            good('gdal_translate', '-q', '-of', 'FISHNET', '-b', '1', '-srcwin', '0', '0', '20', '20', 'FISHNET:' + connection, self.path('cut.vrt'), *words)
            self.same(gdal.Open(self.path('cut.vrt')).ReadAsArray(), want[0][:20, :20], connection)
            good('gdalbuildvrt', '-q', self.path('built.vrt'), self.path('twice.vrt'))
            self.same(gdal.Open(self.path('built.vrt')).ReadAsArray(), want, connection)

    def test_output_is_an_input(self):
        path = write(self.path('named_kept.tif'), self.nir)
        done = run('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'OUTPUT=SINGLE', '-co', 'CALC=A+x', '-co', 'INPUT=x=' + path, self.path('b4.tif'), path)
        self.assertEqual(done.returncode, 1)
        self.assertIn('is an input', done.stderr)
        self.same(gdal.Open(path).ReadAsArray(), self.nir)

    def test_memory(self):
        write('/vsimem/named_red.tif', self.red)
        self.same(named('INPUT=red=/vsimem/named_red.tif', 'CALC=red*2').ReadAsArray(), self.red * 2.0)
        with config('FISHNET_WORKERS', 'PROCESSES'):
            self.wrong('INPUT=red=/vsimem/named_red.tif', 'CALC=red*2', says=['/vsimem/'])
        gdal.Unlink('/vsimem/named_red.tif')


if __name__ == '__main__':
    unittest.main()
