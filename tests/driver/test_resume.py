"""RESUME keeps what was made of the inputs as they are, and of nothing else: all files count, at any depth."""
import contextlib
import http.server
import json
import os
import shutil
import threading
import unittest

import numpy as np
from osgeo import gdal

from common import Case, VERSION, good, run, write


@contextlib.contextmanager
def served(folder, **headers):
    """The folder over HTTP. headers: those that a server may leave out, by their names with _ for -."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def send_response(self, *arguments):
            super().send_response(*arguments)
            for name, value in headers.items():
                if value:
                    self.send_header(name.replace('_', '-'), value())

        def send_header(self, keyword, value):
            if keyword != 'Last-Modified' or 'Last_Modified' not in headers:
                super().send_header(keyword, value)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), lambda *words: Handler(*words, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield '/vsicurl/http://127.0.0.1:%d/' % server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestResume(Case):
    def setUp(self):
        self.folder = self.path(self.id().rpartition('.')[2])
        os.makedirs(self.folder)

    def at(self, name):
        return os.path.join(self.folder, name)

    def raster(self, name, value):
        """A new file under that name: of the same size, written in the same second as the last one perhaps."""
        path = self.at(name)
        if os.path.exists(path):
            os.unlink(path)
        return write(path, np.full((40, 60), value, np.float32))

    def tiles(self, source, *words, resume=True):
        return run('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'GRID=2x2', '-co', 'RESUME=' + ('YES' if resume else 'NO'), *words,
                   source, self.at('out.vrt'))

    def made(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)

    def refused(self, done, *words):
        self.assertNotEqual(done.returncode, 0)
        for word in ('RESUME', *words):
            self.assertIn(word, done.stderr)

    def check(self, source, change, name, *words):
        """Tiles of a source, a change, and what RESUME says to it."""
        self.made(self.tiles(source, *words, resume=False))
        self.made(self.tiles(source, *words))
        change()
        self.refused(self.tiles(source, *words), name)
        self.made(self.tiles(source, *words, resume=False))
        self.made(self.tiles(source, *words))

    def vrt(self, name, source):
        gdal.BuildVRT(self.at(name), [source]).FlushCache()
        return self.at(name)

    def test_a_job_that_is_elsewhere_now(self):
        """Names begin at the output, and files are known by what is in them: another folder, another folder to call from, a copy."""
        other = write(self.at('other.tif'), np.full((40, 60), 7, np.float32))
        dem = self.raster('dem.tif', 1)
        os.makedirs(self.at('out'))
        words = ['gdal_translate', '-q', '-of', 'FISHNET', '-co', 'GRID=2x2', '-co', 'RESUME=YES', '-co', 'CALC=A+B']
        good(*words, '-co', 'B=other.tif', 'dem.tif', 'out/sum.vrt', cwd=self.folder)
        made = os.stat(self.at('out/sum_tiles/r000_c000.tif')).st_mtime_ns
        good(*words, '-co', 'B=' + other, dem, self.at('out/sum.vrt'))
        good(*words, '-co', 'B=../other.tif', '../dem.tif', 'sum.vrt', cwd=self.at('out'))
        os.rename(dem, self.at('old.tif'))  # so that the copy is another file
        shutil.copyfile(self.at('old.tif'), dem)
        good(*words, '-co', 'B=' + other, dem, self.at('out/sum.vrt'))
        copy = self.folder + '_copy'
        shutil.copytree(self.folder, copy)  # what another machine may see
        good(*words, '-co', 'B=other.tif', 'dem.tif', 'out/sum.vrt', cwd=copy)
        for folder in (self.folder, copy):
            self.assertEqual(os.stat(folder + '/out/sum_tiles/r000_c000.tif').st_mtime_ns // 1000, made // 1000)
        self.raster('dem.tif', 2)
        self.refused(run(*words, '-co', 'B=' + other, dem, self.at('out/sum.vrt')), 'dem.tif')

    def test_inputs_that_change_places(self):
        """Files of one name in two folders: which is A and which is B."""
        for folder, value in (('one', 1), ('two', 2)):
            os.makedirs(self.at(folder))
            write(self.at(folder + '/x.tif'), np.full((40, 60), value, np.float32))
        a, b = self.at('one/x.tif'), self.at('two/x.tif')
        self.made(self.tiles(a, '-co', 'B=' + b, '-co', 'CALC=A-B', resume=False))
        self.made(self.tiles(a, '-co', 'B=' + b, '-co', 'CALC=A-B'))
        self.refused(self.tiles(b, '-co', 'B=' + a, '-co', 'CALC=A-B'), 'x.tif')
        vrt = self.at('both.vrt')
        gdal.BuildVRT(vrt, [a, b], separate=True).FlushCache()
        self.made(self.tiles(vrt, resume=False))
        for old, new in (('one', 'three'), ('two', 'one'), ('three', 'two')):
            os.rename(self.at(old), self.at(new))
        self.refused(self.tiles(vrt), 'x.tif')

    def test_a_file_that_was_written_to(self):
        """Of a large file not all bytes are looked at: its time tells, on the machine where it is the same file."""
        path = self.at('large.tif')
        write(path, np.zeros((1024, 4096), np.float32))
        self.made(self.tiles(path, resume=False))
        stat = os.stat(path)
        with open(path, 'r+b') as file:
            file.seek(5000001)
            file.write(b'\x42')
        self.assertEqual(os.stat(path).st_size, stat.st_size)
        self.refused(self.tiles(path), 'large.tif', 'has been written to since')

    def test_a_file_below_several_vrts(self):
        path = self.raster('dem.tif', 1)
        for name in ('a.vrt', 'b.vrt', 'c.vrt'):
            path = self.vrt(name, path)
        self.check(path, lambda: self.raster('dem.tif', 2), 'dem.tif')

    def test_a_file_below_a_warped_vrt_of_a_vrt(self):
        path = self.vrt('a.vrt', self.raster('dem.tif', 1))
        gdal.Warp(self.at('w.vrt'), path, format='VRT', srcSRS='EPSG:32632', dstSRS='EPSG:32633').FlushCache()
        self.check(self.vrt('b.vrt', self.at('w.vrt')), lambda: self.raster('dem.tif', 2), 'dem.tif')

    def test_inputs_by_options_and_by_recipes(self):
        self.raster('dem.tif', 1)
        other = self.vrt('other.vrt', self.vrt('inner.vrt', self.raster('other.tif', 1)))
        with open(self.at('sum.fishnet.json'), 'w', encoding='utf-8') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': 'dem.tif', 'B': 'other.vrt'}, 'calc': 'A+B'}, file)
        source = self.vrt('top.vrt', self.at('sum.fishnet.json'))
        self.check(source, lambda: self.raster('other.tif', 2), 'other.tif')
        self.check(self.at('dem.tif'), lambda: self.raster('other.tif', 3), 'other.tif', '-co', 'B=' + other, '-co', 'CALC=A+B')

    def test_a_mask_of_a_file_below_vrts(self):
        path = self.vrt('b.vrt', self.vrt('a.vrt', self.raster('dem.tif', 1)))

        def mask():
            with gdal.config_option('GDAL_TIFF_INTERNAL_MASK', 'NO') if VERSION >= (3, 7) else contextlib.nullcontext():
                dataset = gdal.Open(self.at('dem.tif'), gdal.GA_ReadOnly)
                dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
                dataset.GetRasterBand(1).GetMaskBand().Fill(0)
        self.check(path, mask, 'dem.tif.msk')

    def test_a_pipeline_in_a_vrt(self):
        if VERSION < (3, 11):
            return
        for step in ('slope', 'sieve -s 2'):
            source = self.vrt('inner.vrt', self.raster('dem.tif', 1))
            with open(self.at('p.gdalg.json'), 'w', encoding='utf-8') as file:
                json.dump({'type': 'gdal_streamed_alg', 'command_line': 'gdal raster pipeline read %s ! %s' % (source, step)}, file)
            self.check(self.vrt('top.vrt', self.at('p.gdalg.json')), lambda: self.raster('dem.tif', 2), 'dem.tif')

    def test_a_tile_index(self):
        if VERSION < (3, 9):
            return
        self.raster('dem.tif', 1)
        good('gdaltindex', '-f', 'FlatGeobuf', '-lyr_name', 'x', self.at('x.gti.fgb'), self.at('dem.tif'))
        self.check(self.vrt('top.vrt', self.at('x.gti.fgb')), lambda: self.raster('dem.tif', 2), 'dem.tif')

    def test_an_archive(self):
        def pack(value):
            self.raster('dem.tif', value)
            if os.path.exists(self.at('x.zip')):
                os.unlink(self.at('x.zip'))
            good('python3', '-m', 'zipfile', '-c', self.at('x.zip'), self.at('dem.tif'))
        pack(1)
        self.check(self.vrt('top.vrt', self.vrt('a.vrt', '/vsizip/%s/dem.tif' % self.at('x.zip'))), lambda: pack(2), 'x.zip')

    def test_many_files(self):
        self.raster('dem.tif', 1)
        sources = ''
        for i in range(300):
            os.link(self.at('dem.tif'), self.at('%d.tif' % i))
            rect = 'xOff="%d" yOff="%d" xSize="1" ySize="1"/>' % (i % 50, i // 50)
            sources += '<SimpleSource><SourceFilename relativeToVRT="1">%d.tif</SourceFilename><SourceBand>1</SourceBand><SrcRect %s<DstRect %s</SimpleSource>\n' % (
                i, rect, rect)
        with open(self.at('many.vrt'), 'w', encoding='utf-8') as file:
            file.write('<VRTDataset rasterXSize="50" rasterYSize="6"><VRTRasterBand dataType="Float32" band="1">%s</VRTRasterBand></VRTDataset>' % sources)
        source = self.at('top.vrt')
        with open(source, 'w', encoding='utf-8') as file:
            file.write('<VRTDataset rasterXSize="50" rasterYSize="6"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
                       '<SourceFilename>%s</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>' % self.at('many.vrt'))
        self.made(self.tiles(source))
        with open(self.at('out_tiles/recipe.txt'), encoding='utf-8') as file:
            self.assertEqual(sum('.tif: ' in line for line in file), 300)
        os.utime(self.at('77.tif'))  # one file, of several names
        self.refused(self.tiles(source), '.tif')

    # ---- a server ----

    def test_a_server_that_tells_no_time(self):
        self.raster('dem.tif', 1)
        with served(self.folder, Last_Modified=None) as url:
            source = self.vrt('far.vrt', url + 'dem.tif')
            done = self.tiles(source)
            self.made(done)
            self.assertIn('cannot be continued', done.stderr)
            self.raster('dem.tif', 2)
            self.refused(self.tiles(source), 'dem.tif', 'cannot be known')
            self.made(self.tiles(source, resume=False))
            self.assertEqual(gdal.Open(self.at('out.vrt')).ReadAsArray().max(), 2)

    def test_a_server_that_tells_time_or_versions(self):
        self.raster('dem.tif', 1)
        version = ['"1"']
        for headers in ({}, {'Last_Modified': None, 'ETag': lambda: version[0]}):
            with served(self.folder, **headers) as url:
                def change():
                    self.raster('dem.tif', 2)
                    os.utime(self.at('dem.tif'), (1, 1))
                    version[0] = '"2"'
                self.check(self.vrt('far.vrt', url + 'dem.tif'), change, 'dem.tif')
            self.raster('dem.tif', 1)
            version[0] = '"1"'

    # ---- secrets ----

    def everything(self):
        """All that was written to the folder, but for what the server serves."""
        text = b''
        for at, _, names in os.walk(self.folder):
            for name in names:
                if not name.startswith('dem'):
                    with open(os.path.join(at, name), 'rb') as file:
                        text += file.read()
        return text

    def test_secrets_are_used_and_not_shown(self):
        self.raster('dem.tif', 1)
        with served(self.folder) as url:
            name = url.replace('http://', 'http://me:geheim1@') + 'dem.tif?X-Amz-Signature=geheim2&sig=geheim3&v=1'
            words = ('-co', 'B=' + name, '-co', 'CALC=A+B', '-co', 'TILE_CO=PASSWORD=geheim4 geheim5', '--debug', 'FISHNET')
            done = self.tiles(name, *words)
            self.made(done)
            self.assertNotIn(b'geheim', self.everything())
            for kept in (b'dem.tif?X-Amz-Signature=***&sig=***&v=1', b'me:***@', b'CALC=A+B', b'PASSWORD=***'):
                self.assertIn(kept, self.everything())
            self.made(self.tiles(name, *words))
            for secret in ('geheim1', 'geheim3', 'geheim5'):
                changed = [word.replace(secret, 'anderes') for word in (name, *words)]
                done = self.tiles(*changed)
                self.refused(done, '***')
                self.assertNotIn('geheim', done.stderr)
                self.assertNotIn('anderes', done.stderr)

    def test_secrets_in_errors(self):
        for name in ('/vsicurl/http://me:geheim@127.0.0.1:1/x.tif?sig=geheim', '/vsicurl?url=http%3A%2F%2Fme%3Ageheim%40127.0.0.1%3A1%2Fx.tif%3Fsig%3Dgeheim',
                     "PG:host=127.0.0.1 port=1 user=me password='geheim geheim'", 'MYSQL:x,user=me,password=geheim', 'OCI:me/geheim@x',
                     '<GDAL_WMS><Service name="TMS"><ServerUrl>x</ServerUrl></Service><UserPwd>me:geheim</UserPwd></GDAL_WMS>',
                     '{"type": "nothing", "password": "geheim"}'):
            done = run('gdalinfo', '--debug', 'FISHNET', 'FISHNET:' + self.raster('dem.tif', 1), '-oo', 'CALC=A+B', '-oo', 'B=' + name)
            self.assertNotEqual(done.returncode, 0)
            told = [line for line in done.stderr.splitlines() if 'FISHNET' in line and 'gdalinfo failed' not in line]
            self.assertTrue(any('***' in line or 'password=XXX' in line for line in told), done.stderr)  # GDAL knows that one key
            self.assertNotIn('geheim', '\n'.join(told))
            done = run('ogrinfo', '-ro', 'NEARTABLE:' + name, '-oo', 'NEAR=' + name)
            told = [line for line in done.stderr.splitlines() if 'NEARTABLE:' in line and 'nable to open' not in line]
            self.assertNotIn('geheim', '\n'.join(told))


if __name__ == '__main__':
    unittest.main(verbosity=2)
