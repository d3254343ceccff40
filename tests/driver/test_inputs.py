"""Inputs are never harmed, and nothing is made of others than those that were opened: outputs that are inputs, by every
name and through every file between; inputs that are replaced between open and first read, and under way."""
import filecmp
import json
import os
import shutil
import threading
import unittest

import numpy as np
from osgeo import gdal, ogr, osr

from common import Case, collect_errors, fishnet, good, run, write

ogr.UseExceptions()

KINDS = ('THREADS', 'PROCESSES')


def layer(path, seed=1, count=500, names=('v', 'w'), driver=None):
    """Points with two fields."""
    driver = driver or {'geojson': 'GeoJSON', 'gpkg': 'GPKG', 'shp': 'ESRI Shapefile', 'fgb': 'FlatGeobuf',
                        'csv': 'CSV'}[path.rsplit('.', 1)[1]]
    random = np.random.default_rng(seed)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    dataset = ogr.GetDriverByName(driver).CreateDataSource(path)
    made = dataset.CreateLayer('points', srs, ogr.wkbPoint, ['GEOMETRY=AS_WKT'] if driver == 'CSV' else [])
    for name in names:
        made.CreateField(ogr.FieldDefn(name, ogr.OFTInteger))
    made.StartTransaction()
    for i in range(count):
        feature = ogr.Feature(made.GetLayerDefn())
        for k, name in enumerate(sorted(names)):
            feature[name] = 1000 * k + i
        point = ogr.Geometry(ogr.wkbPoint)
        point.AddPoint_2D(*(random.random(2) * 1000))
        feature.SetGeometry(point)
        made.CreateFeature(feature)
    made.CommitTransaction()
    return path


def table(path, near, **options):
    words = ['NEAR=' + near] + ['%s=%s' % pair for pair in options.items()]
    return gdal.OpenEx('NEARTABLE:' + path, gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR, open_options=words)


class Folder(Case):
    """A folder that is to stay as it was."""

    def setUp(self):
        super().setUp()
        self.here = os.path.join(self.folder, 'here')
        self.before = os.path.join(self.folder, 'before')
        os.mkdir(self.here)
        self.make(self.here)
        shutil.copytree(self.here, self.before, symlinks=True)

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(self.here)
        shutil.rmtree(self.before)

    def unharmed(self, what=''):
        self.assertEqual(sorted(os.listdir(self.here)), sorted(os.listdir(self.before)), what)
        for name in os.listdir(self.before):
            same = filecmp.cmp(os.path.join(self.before, name), os.path.join(self.here, name), shallow=False)
            self.assertTrue(same, '%s: %s is another file now' % (what, name))

    def refuses(self, command, named):
        """Ends badly with the name of the input, and leaves all as it was."""
        done = run(*command.split(), cwd=self.here)
        self.assertNotEqual(done.returncode, 0, command)
        self.assertIn(named, done.stderr, command)
        self.unharmed(command)


class RasterOutputs(Folder):
    def make(self, folder):
        random = np.random.default_rng(1)

        def raster(name, **options):
            write(os.path.join(folder, name), random.integers(0, 200, (300, 400)).astype(np.uint8),
                  options=['TILED=YES', 'COMPRESS=DEFLATE'], **options)
        raster('x.tif')
        raster('b.tif')
        raster('pyramid.tif')
        write(os.path.join(folder, 'large.tif'), random.integers(0, 200, (1100, 1100)).astype(np.uint8))
        good('gdalbuildvrt', '-q', 'large.vrt', 'large.tif', cwd=folder)
        gdal.Open(os.path.join(folder, 'pyramid.tif'), gdal.GA_Update).BuildOverviews('NEAREST', [2, 4])
        gdal.Open(os.path.join(folder, 'x.tif')).GetRasterBand(1).ComputeStatistics(False)  # x.tif.aux.xml
        os.symlink('x.tif', os.path.join(folder, 'link.tif'))
        os.link(os.path.join(folder, 'x.tif'), os.path.join(folder, 'hard.tif'))
        good('gdal_translate', '-q', '-of', 'VRT', 'x.tif', 'v.vrt', cwd=folder)
        good('gdalbuildvrt', '-q', 'w.vrt', 'v.vrt', cwd=folder)
        with open(os.path.join(folder, 'r.fishnet.json'), 'w') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': 'b.tif', 'B': 'x.tif'}, 'calc': 'A + B'}, file)

    def test_copies(self):
        for kind in KINDS:
            for command in ('gdal_translate -q FISHNET:x.tif x.tif -oo CALC=A*2',
                            'gdal_translate -q FISHNET:x.tif ./x.tif -oo CALC=A*2',
                            'gdal_translate -q FISHNET:b.tif x.tif -oo B=x.tif -oo CALC=A+B',
                            'gdal_translate -q r.fishnet.json x.tif',
                            'gdalwarp -q -overwrite FISHNET:x.tif x.tif -oo CALC=A*2',
                            'gdalwarp -q -multi -overwrite FISHNET:x.tif x.tif -oo CALC=A*2',
                            'gdal_translate -q -of COG FISHNET:x.tif x.tif -oo CALC=A*2'):
                self.refuses(command + ' -oo WORKERS=' + kind, 'x.tif')

    def test_overviews(self):
        """GDAL's warper asks for them when the input is gone already."""
        for command in ('gdalwarp -q -overwrite FISHNET:pyramid.tif pyramid.tif', 'gdalwarp -q -overwrite FISHNET:pyramid.tif pyramid.tif -oo CALC=A',
                        'gdal_translate -q FISHNET:pyramid.tif pyramid.tif -outsize 50% 50%'):
            self.refuses(command, 'pyramid.tif')

    def test_names(self):
        for command in ('gdal_translate -q FISHNET:link.tif x.tif', 'gdal_translate -q FISHNET:x.tif link.tif',
                        'gdal_translate -q FISHNET:hard.tif x.tif', 'gdal_translate -q FISHNET:x.tif hard.tif',
                        'gdal_translate -q FISHNET:v.vrt x.tif', 'gdal_translate -q FISHNET:w.vrt x.tif',
                        'gdal_translate -q r.fishnet.json ./r.fishnet.json -of GTiff',
                        'gdal_translate -q FISHNET:x.tif x.tif -co COMPRESS=DEFLATE -co TILED=YES'):
            self.refuses(command, command.split()[3].split('/')[-1])

    def test_our_own(self):
        for kind in KINDS:
            for command in ('gdal_translate -q -of FISHNET -co OUTPUT=SINGLE FISHNET:x.tif x.tif -oo CALC=A*2',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE FISHNET:w.vrt x.tif -oo CALC=A*2',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE r.fishnet.json ./x.tif',
                            'gdal_translate -q -of FISHNET FISHNET:w.vrt v.vrt -oo CALC=A*2',
                            'gdal_translate -q -of FISHNET FISHNET:w.vrt w.vrt -oo CALC=A*2'):
                self.refuses(command + ' -co WORKERS=' + kind, 'v.vrt' if ' v.vrt' in command else
                             'w.vrt' if ' w.vrt' in command else 'x.tif')

    def test_our_own_of_a_plain_source(self):
        """GDAL deletes it before our driver is asked: it is put back."""
        for kind in KINDS:
            for command in ('gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A*2 x.tif ./x.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+B -co B=x.tif b.tif x.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+1 w.vrt x.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+1 large.tif ./large.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+1 large.vrt large.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+1 x.tif link.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+1 x.tif hard.tif',
                            'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE -co CALC=A+1 pyramid.tif ./pyramid.tif',
                            'gdal_translate -q -of FISHNET -co CALC=A+1 w.vrt ./w.vrt',
                            'gdal_translate -q -of FISHNET -co CALC=A+1 w.vrt v.vrt'):
                self.refuses(command + ' -co WORKERS=' + kind, command.split()[-1].split('/')[-1])

    def test_an_output_is_let_go(self):
        """What cannot be an input is not kept: its place on the disk may be needed."""
        good('gdal_translate', '-q', '-outsize', '1500', '1500', 'b.tif', 'old.tif', cwd=self.here)
        old = os.path.join(self.here, 'old.tif')
        source = gdal.Open(os.path.join(self.here, 'b.tif'))
        number = os.stat(old).st_ino
        gdal.GetDriverByName('GTiff').CreateCopy(old, source)
        self.assertNotIn(number, [os.stat('/proc/self/fd/' + name).st_ino for name in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + name)])
        self.assertTrue(os.path.exists(old))

    def test_the_folder_of_tiles(self):
        """An earlier output as the input of a new one of that name."""
        good('gdal_translate', '-q', '-of', 'FISHNET', '-co', 'TILE_SIZE=256', 'b.tif', 'q.vrt', cwd=self.here)
        shutil.copyfile(os.path.join(self.here, 'q.vrt'), os.path.join(self.here, 'p.vrt'))
        tiles = os.path.join(self.here, 'q_tiles')
        before = {name: open(os.path.join(tiles, name), 'rb').read() for name in os.listdir(tiles)}
        for source in ('FISHNET:p.vrt', 'p.vrt', 'FISHNET:q_tiles/r000_c000.tif'):
            done = run('gdal_translate', '-q', '-of', 'FISHNET', source, 'q.vrt', cwd=self.here)
            self.assertNotEqual(done.returncode, 0, source)
            self.assertIn('q_tiles', done.stderr)
            after = {name: open(os.path.join(tiles, name), 'rb').read() for name in os.listdir(tiles)}
            self.assertEqual(after, before, source)
        shutil.rmtree(tiles)
        for name in ('p.vrt', 'q.vrt'):
            if os.path.exists(os.path.join(self.here, name)):
                os.remove(os.path.join(self.here, name))

    def test_a_virtual_output(self):
        """GDAL writes a VRT without a read that could fail."""
        for name in ('v.vrt', 'x.tif'):
            done = run('gdal_translate', '-q', '-of', 'VRT', 'FISHNET:w.vrt', name, cwd=self.here)
            self.assertIn('the output is an input', done.stderr)
            self.unharmed()

    def test_in_place(self):
        """gdalwarp into a raster that is there: its pixels stay."""
        before = gdal.Open(os.path.join(self.here, 'x.tif')).ReadAsArray()
        done = run('gdalwarp', '-q', 'FISHNET:x.tif', 'x.tif', '-oo', 'CALC=A*2', cwd=self.here)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('x.tif is open for writing', done.stderr)
        self.same(gdal.Open(os.path.join(self.here, 'x.tif')).ReadAsArray(), before)

    def test_other_outputs(self):
        """What is no input is overwritten as ever."""
        for command in ('gdal_translate -q FISHNET:x.tif o.tif -oo CALC=A*2',
                        'gdalwarp -q -overwrite FISHNET:x.tif o.tif -oo CALC=A*3',
                        'gdal_translate -q -of COG FISHNET:w.vrt o.tif -oo CALC=A*2',
                        'gdal_translate -q -of FISHNET -co OUTPUT=SINGLE FISHNET:x.tif o.tif -oo CALC=A*2'):
            good(*command.split(), cwd=self.here)
        os.remove(os.path.join(self.here, 'o.tif'))
        self.unharmed()


class Hosts(Folder):
    """Programs that do as they like with files, beside an open dataset."""

    def make(self, folder):
        write(os.path.join(folder, 'x.tif'), np.arange(1200, dtype=np.int16).reshape(30, 40), epsg=None)

    def setUp(self):
        super().setUp()
        self.x = os.path.join(self.here, 'x.tif')

    def create(self, value):
        dataset = gdal.GetDriverByName('GTiff').Create(self.x, 40, 30, 1, gdal.GDT_Byte)
        dataset.GetRasterBand(1).Fill(value)

    def test_written_after_reading(self):
        """All is read, then its file is overwritten: as with any other dataset."""
        dataset = fishnet(self.x, 'A+1')
        dataset.ReadAsArray()
        self.create(7)
        self.create(8)
        dataset = None
        self.assertEqual(gdal.Open(self.x).ReadAsArray().max(), 8)
        self.assertEqual(os.listdir(self.here), ['x.tif'])

    def test_read_after_writing(self):
        dataset = fishnet(self.x, 'A+1')
        self.create(7)
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, 'the output is an input: .*x.tif'):
                dataset.ReadAsArray()
        dataset = None
        self.unharmed()

    def test_a_number_that_is_given_again(self):
        """A file that has the inode number of an input that is gone is no input."""
        folder = os.path.join(self.folder, 'numbers')
        os.mkdir(folder)
        vrt = os.path.join(folder, 'gone.vrt')  # GDAL does not keep it open
        gdal.Translate(vrt, self.x)
        dataset = fishnet(vrt, 'A+1')
        number = os.stat(vrt).st_ino
        os.remove(vrt)
        paths = (os.path.join(folder, '%d.tif' % i) for i in range(100))
        path = next((path for path in paths if os.stat(write(path, np.full((20, 20), 1, np.uint8))).st_ino == number), None)
        if path is None:
            self.skipTest('this file system does not give a number again')
        write(path, np.full((20, 20), 2, np.uint8))  # GDAL deletes it first
        with self.assertRaisesRegex(RuntimeError, 'has changed since it was opened: .*gone.vrt'):
            dataset.ReadAsArray()
        dataset = None
        self.assertEqual(gdal.Open(path).ReadAsArray().max(), 2)
        self.assertFalse([name for name in os.listdir(folder) if 'fishnet' in name])
        shutil.rmtree(folder)

    def test_another_thread_reads(self):
        """It has nothing to do with what is written: both are kept."""
        dataset = fishnet(self.x, 'A+1')
        self.create(7)
        failures = []

        def read():
            try:
                dataset.ReadAsArray()
            except RuntimeError as error:
                failures.append(str(error))
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        self.assertIn('the output is an input', failures[0])
        seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        dataset = None
        gdal.PopErrorHandler()
        self.assertEqual(gdal.Open(self.x).ReadAsArray().max(), 7)
        kept = [name for name in os.listdir(self.here) if name != 'x.tif']
        self.assertEqual(len(kept), 1)
        self.assertIn(kept[0], seen[0][1])
        self.same(gdal.Open(os.path.join(self.here, kept[0])).ReadAsArray().ravel(), np.arange(1200, dtype=np.int16))

    def test_two_datasets(self):
        first, second = fishnet(self.x, 'A+1'), fishnet(self.x, 'A+2')
        self.create(7)
        with self.assertRaises(RuntimeError):
            second.ReadAsArray()
        second = None
        with self.assertRaises(RuntimeError):
            first.ReadAsArray()
        first = None
        self.unharmed()

    def test_deleted(self):
        """By its driver, or by the system: it does not come back."""
        for delete in (gdal.GetDriverByName('GTiff').Delete, gdal.Unlink, os.remove):
            dataset = fishnet(self.x, 'A+1')
            dataset.ReadAsArray()
            delete(self.x)
            dataset = None
            self.assertEqual(os.listdir(self.here), [])
            shutil.copy(os.path.join(self.before, 'x.tif'), self.x)

    def test_what_others_see(self):
        dataset = fishnet(self.x, 'A+1')
        self.assertEqual(gdal.Open(self.x).GetDriver().ShortName, 'GTiff')
        self.assertEqual(gdal.OpenEx(self.x, gdal.OF_RASTER).GetDriver().ShortName, 'GTiff')
        self.assertEqual(gdal.IdentifyDriver(self.x).ShortName, 'GTiff')
        self.assertEqual(gdal.IdentifyDriverEx(self.x, gdal.OF_RASTER).ShortName, 'GTiff')
        self.assertEqual(gdal.Open(self.x, gdal.GA_Update).GetDriver().ShortName, 'GTiff')
        dataset.ReadAsArray()

    def test_in_memory(self):
        name = '/vsimem/inputs/x.tif'
        write(name, np.arange(1200, dtype=np.int16).reshape(30, 40))
        with self.assertRaisesRegex(RuntimeError, 'the output is an input'):
            gdal.Translate(name, fishnet(name, 'A+1'))
        self.assertEqual(gdal.Open(name).ReadAsArray().max(), 1199)
        self.assertEqual(gdal.ReadDir('/vsimem/inputs'), ['x.tif'])
        gdal.Unlink(name)

    def test_looking_is_no_change(self):
        """Statistics and overviews beside a file."""
        big = write(os.path.join(self.here, 'big.tif'), np.arange(360000, dtype=np.float32).reshape(600, 600))
        dataset = fishnet(big, 'A+1', TILE_SIZE=64)
        dataset.ReadAsArray(0, 0, 64, 64)
        good('gdalinfo', '-stats', big)
        good('gdaladdo', '-q', '-ro', big, '2')
        self.assertEqual(sorted(os.listdir(self.here)), ['big.tif', 'big.tif.aux.xml', 'big.tif.ovr', 'x.tif'])
        self.assertEqual(dataset.ReadAsArray().max(), 360000)


class NearOutputs(Folder):
    def make(self, folder):
        for ending in ('geojson', 'gpkg', 'shp', 'fgb', 'csv'):
            for seed, name in enumerate(('y', 'z')):
                layer(os.path.join(folder, name + '.' + ending), seed)
        with open(os.path.join(folder, 'v.vrt'), 'w') as file:
            file.write('<OGRVRTDataSource><OGRVRTLayer name="points"><SrcDataSource relativeToVRT="1">y.geojson'
                       '</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>')
        with open(os.path.join(folder, 'r.fishnet.json'), 'w') as file:
            json.dump({'type': 'near_table', 'input': 'y.geojson', 'near': 'z.geojson'}, file)

    def test_formats(self):
        for kind in KINDS:
            for ending in ('geojson', 'gpkg', 'shp', 'fgb', 'csv'):
                for output in ('y', 'z'):
                    self.refuses('ogr2ogr {1}.{0} NEARTABLE:y.{0} -oo NEAR=z.{0} -oo WORKERS={2}'.format(
                        ending, output, kind), '%s.%s' % (output, ending))

    def test_names(self):
        for command in ('ogr2ogr ./y.geojson NEARTABLE:y.geojson -oo NEAR=z.geojson',
                        'ogr2ogr y.geojson NEARTABLE:v.vrt -oo NEAR=z.geojson',
                        'ogr2ogr z.geojson NEARTABLE:v.vrt -oo NEAR=./z.geojson',
                        'ogr2ogr -f GPKG y.geojson NEARTABLE:v.vrt -oo NEAR=z.geojson',
                        'ogr2ogr y.geojson r.fishnet.json', 'ogr2ogr z.geojson r.fishnet.json'):
            self.refuses(command, 'z.geojson' if ' z.geojson ' in command.split('NEAR')[0] else 'y.geojson')
        self.refuses('ogr2ogr y.geojson NEARTABLE:y.geojson', 'NEAR is not given')

    def test_parts(self):
        for kind in KINDS:
            self.refuses('ogr2ogr -f NEARTABLE v.vrt NEARTABLE:v.vrt -oo NEAR=z.geojson -oo WORKERS=' + kind, 'v.vrt')
        folder = os.path.join(self.here, 'o_parts')
        good('ogr2ogr', '-f', 'NEARTABLE', 'o.vrt', 'NEARTABLE:y.gpkg', '-oo', 'NEAR=z.gpkg', '-oo', 'GEOMETRY=FROM', '-dsco',
             'PARTS=2', cwd=self.here)
        before = {name: open(os.path.join(folder, name), 'rb').read() for name in os.listdir(folder)}
        done = run('ogr2ogr', '-f', 'NEARTABLE', 'o.vrt', 'NEARTABLE:o_parts/part_0000.gpkg', '-oo', 'NEAR=z.gpkg',
                   cwd=self.here)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('part_0000.gpkg', done.stderr)
        self.assertEqual({name: open(os.path.join(folder, name), 'rb').read() for name in os.listdir(folder)}, before)

    def test_a_layer_more(self):
        """A near table beside its input, in the same GeoPackage."""
        good('ogr2ogr', '-append', '-nln', 'near', 'y.gpkg', 'NEARTABLE:y.gpkg', '-oo', 'NEAR=z.gpkg', cwd=self.here)
        dataset = ogr.Open(os.path.join(self.here, 'y.gpkg'))
        self.assertEqual([dataset.GetLayer(i).GetFeatureCount() for i in range(2)], [500, 500])

    def test_a_file_more(self):
        """Into a Shapefile that is the input: never well."""
        done = run('ogr2ogr', '-append', '-nln', 'y', 'y.shp', 'NEARTABLE:y.shp', '-oo', 'NEAR=z.shp', cwd=self.here)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('has changed since it was opened', done.stderr)


def replace(path, make):
    """Another file of that name."""
    os.rename(path, path + '.old')
    make(path)
    os.remove(path + '.old')


def overwrite(path, data):
    """In place, and nothing tells."""
    before = os.stat(path)
    with open(path, 'r+b') as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    assert (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)


class Replaced(Case):
    """An input that is another one when it is read."""

    @classmethod
    def prepare(cls):
        random = np.random.default_rng(2)
        cls.bands = [random.integers(0, 200, (600, 500)).astype(np.uint8) for _ in range(3)]

    def make(self, path, bands=None, **options):
        return write(path, self.bands if bands is None else bands, options=['TILED=YES'], **options)

    def changed(self, dataset, *window):
        with self.assertRaisesRegex(RuntimeError, 'has changed since it was opened.*x'):
            dataset.ReadAsArray(*window)

    def test_before_the_first_read(self):
        others = {'type': lambda path: self.make(path, [band.astype(np.float64) for band in self.bands]),
                  'bands': lambda path: self.make(path, self.bands[:1]),
                  'larger': lambda path: self.make(path, [np.tile(band, (2, 2)) for band in self.bands]),
                  'smaller': lambda path: self.make(path, [band[:50, :60] for band in self.bands]),
                  'nodata': lambda path: self.make(path, nodata=7),
                  'values': lambda path: self.make(path, [band + 1 for band in self.bands]),
                  'nothing': lambda path: open(path, 'wb').close()}
        for kind in KINDS:
            for calcs in ((), ('A[3]+1',)):
                for what, other in others.items():
                    with self.subTest(what, kind=kind, calcs=calcs):
                        path = self.make(self.path('x.tif'))
                        dataset = fishnet(path, *calcs, WORKERS=kind, NUM_WORKERS=2, RETRIES=0)
                        replace(path, other)
                        self.changed(dataset)

    def test_under_way(self):
        """Rewritten in place, cut short, or gone after some tiles have been read."""
        def touch(path):
            os.utime(path, ns=(1, 1))
        for kind in KINDS:
            for harm in (touch, os.remove, lambda path: os.truncate(path, 1000)):
                path = self.make(self.path('x.tif'))
                dataset = fishnet(path, 'A+B', B=path, WORKERS=kind, NUM_WORKERS=1, TILE_SIZE=64, RETRIES=0)
                dataset.ReadAsArray(0, 0, 64, 64)
                harm(path)
                self.changed(dataset, 0, 512, 500, 88)

    def test_structure_alone(self):
        """The file is the same one, of the same size and time: what the handle that a worker opens says of itself tells."""
        band = self.bands[0]
        others = {'type': [band.astype(np.float64)[:, :100]] * 3, 'bands': [band], 'larger': [np.tile(band, (2, 1))]}
        for kind in KINDS:
            for calcs in ((), ('A+1',)):
                for what, bands in others.items():
                    path, other = self.make(self.path('x.tif')), self.make(self.path('other.tif'), bands)
                    size = max(os.path.getsize(path), os.path.getsize(other))
                    for name in (path, other):
                        os.truncate(name, size)
                    dataset = fishnet(path, *calcs, WORKERS=kind, NUM_WORKERS=2)
                    overwrite(path, open(other, 'rb').read())
                    with self.subTest(what, kind=kind, calcs=calcs):
                        self.changed(dataset)
                        self.assertEqual(dataset.GetMetadata('FISHNET')['TASKS_REPEATED'], '0')

    def test_at_any_depth(self):
        for kind in KINDS:
            path = self.make(self.path('x.tif'))
            gdal.Translate(self.path('v.vrt'), path, format='VRT')
            gdal.BuildVRT(self.path('w.vrt'), [self.path('v.vrt')]).FlushCache()
            dataset = fishnet(self.path('w.vrt'), 'A+1', WORKERS=kind)
            replace(path, lambda name: self.make(name, [band + 1 for band in self.bands]))
            self.changed(dataset)

    def test_overviews(self):
        """Of a file that is replaced by one with others."""
        path = self.make(self.path('x.tif'))
        gdal.Open(path, gdal.GA_Update).BuildOverviews('NEAREST', [2])
        dataset = fishnet(path, 'A+1')
        overview = dataset.GetRasterBand(1).GetOverview(0)
        replace(path, lambda name: self.make(name, [band.astype(np.float64) for band in self.bands]))
        with self.assertRaisesRegex(RuntimeError, 'has changed since it was opened'):
            overview.ReadAsArray()

    def test_outputs(self):
        """Tiles, a single file: changed while they are written (each tile asks for progress)."""
        for kind in KINDS:
            for options in (['TILE_SIZE=128'], ['OUTPUT=SINGLE', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128']):
                path = self.make(self.path('x.tif'))
                dataset = fishnet(path, 'A+1', WORKERS=kind, NUM_WORKERS=1)

                def progress(done, *_):
                    if 0.2 < done:
                        os.utime(path, ns=(1, 1))
                    return 1
                with self.assertRaisesRegex(RuntimeError, 'has changed since it was opened.*x.tif'):
                    gdal.GetDriverByName('FISHNET').CreateCopy(self.path('out.vrt' if 'OUTPUT=SINGLE' not in options
                                                                         else 'out.tif'), dataset, 1, options, progress)
                self.assertFalse(os.path.exists(self.path('out.tif')))
                self.assertFalse(os.path.exists(self.path('out.vrt')))
                dataset = None
                shutil.rmtree(self.path('out_tiles'), ignore_errors=True)


class ReplacedLayers(Case):
    def refused(self, dataset):
        with self.assertRaisesRegex(RuntimeError, 'has changed since (it|the table) was opened'):
            near = dataset.GetLayer(0)
            while near.GetNextFeature():
                pass

    def test_before_the_first_read(self):
        for kind in KINDS:
            for ending in ('gpkg', 'geojson', 'shp') if kind == 'THREADS' else ('gpkg',):
                for side in ('y', 'z'):
                    for names in (('w', 'v'), ('v',), ('v', 'w')):
                        with self.subTest(ending, kind=kind, side=side, names=names):
                            paths = {}
                            for seed, name in enumerate(('y', 'z')):
                                paths[name] = self.path(name + '.' + ending)
                                if os.path.exists(paths[name]):
                                    gdal.GetDriverByName({'gpkg': 'GPKG', 'geojson': 'GeoJSON',
                                                          'shp': 'ESRI Shapefile'}[ending]).Delete(paths[name])
                                layer(paths[name], seed)
                            dataset = table(paths['y'], paths['z'], WORKERS=kind, FIELDS='*', NEAR_FIELDS='*',
                                            NUM_WORKERS=2, RETRIES=0)
                            new = self.path('new.' + ending)
                            layer(new, 7, names=names)
                            for file in os.listdir(self.folder):
                                if file.startswith('new.'):
                                    os.replace(self.path(file), self.path(side + file[3:]))
                            self.refused(dataset)

    def test_under_way(self):
        for kind in KINDS:
            for ending in ('gpkg', 'geojson'):
                path, near = layer(self.path('a.' + ending), 1, 20000), layer(self.path('b.' + ending), 2)
                dataset = table(path, near, WORKERS=kind, NUM_WORKERS=1, PARTITION_SIZE=500)
                dataset.GetLayer(0).GetNextFeature()
                os.utime(path, ns=(1, 1))
                self.refused(dataset)
                dataset = None
                os.remove(path)
                os.remove(near)

    def test_structure_alone(self):
        """The file is the same one, of the same size and time: the fields of the handle that a worker opens tell."""
        for kind in KINDS:
            path, near = layer(self.path('s.gpkg')), layer(self.path('t.gpkg'), 2)
            other = layer(self.path('u.gpkg'), names=('w', 'v'))
            dataset = table(path, near, FIELDS='v', WORKERS=kind, RETRIES=0)
            self.assertEqual(os.path.getsize(path), os.path.getsize(other))
            overwrite(path, open(other, 'rb').read())
            self.refused(dataset)
            dataset = None
            for name in (path, near, other):
                os.remove(name)


if __name__ == '__main__':
    unittest.main()
