"""Real rasters on each other's grids, in every combination of EXTENT, CELL_SIZE, SNAP, CRS and RESAMPLING: to the bit what numpy has where cells are shifted or counted,
and what the command of gdalwarp gives that the dataset tells; near and bilinear once more by an arithmetic of our own, over pyproj; and the same bytes however it is read.

Some of them by chance, of which FISHNET_SEED repeats a run, or, with FISHNET_ALL_TESTS=yes, more of them."""
import itertools
import os
import random
import shlex
import sys
import unittest

import numpy as np
import pyproj
from osgeo import gdal

from common import Case, config, good, real

SEED = int(os.environ.get('FISHNET_SEED') or random.SystemRandom().getrandbits(31))
CASES = int(os.environ.get('FISHNET_CASES') or (30 if os.environ.get('FISHNET_ALL_TESTS') == 'yes' else 4))
print('FISHNET_SEED=%d, %d cases of each pair' % (SEED, CASES), file=sys.stderr)

METHODS = 'NEAR', 'BILINEAR', 'CUBIC'
np.seterr(invalid='ignore')  # of places that have none
MOST = 400_000  # cells of a result that is looked at
REFUSED = 'has no end', '10^12', 'do not overlap', 'CELL_SIZE=<x> says'
DRIFT = 1e-3  # of a cell, from the first to the last
TIE = 1e-6  # of a cell: what lies as close to an edge may be rounded to either side

# The rasters, and for each pair numbers that make sense there: extents and cell sizes by CRS, a raster to snap to, and other CRSs.
UTM13 = 'EPSG:32613'
PAIRS = {
    ('dem', 'egm96'): {None: (['-105.9,37.5,-105.5,37.9', '-107,36.9,-105.9,37.3'], ['0.01', '0.004,0.007']),
                       UTM13: (['400000,4150000,470000,4200000'], ['300', '250.5,410']), 'EPSG:3857': (['-11800000,4480000,-11760000,4530000'], ['500'])},
    ('egm96', 'dem'): {None: (['-108,36,-103,39', '-106.01,37.2,-105.4,38.1'], ['0.05', '0.01,0.02']), UTM13: (['400000,4150000,470000,4200000'], ['300']),
                       'EPSG:5070': (['-900000,1600000,-700000,1800000'], ['1000'])},
    ('landsat', 'olinda'): {None: (['288776.25,9110771.5,292000,9118000', '290000,9115000,300500,9122000'], ['57', '28.5', '100,71.3', '9.5']),
                            'EPSG:4326': (['-34.95,-8.05,-34.85,-7.95'], ['0.0005']), 'EPSG:32724': (['950000,9108500,958000,9119000'], ['60'])},
    ('olinda', 'landsat'): {None: (['288776.25,9110771.5,292000,9118000', '290000,9115000,300500,9122000'], ['57', '30', '179.98813469890231']),
                            'EPSG:4326': (['-34.92,-8.04,-34.85,-7.95'], ['0.0005'])},
    ('landsat', 'egm96'): {None: (['289000,9112000,295000,9118500'], ['85.5', '50']), 'EPSG:4326': (['-34.95,-8.05,-34.85,-7.95'], ['0.0007'])},
    ('climate', 'egm96'): {None: (['-83,34,-77,37'], ['0.0625', '0.05', '0.25']), 'EPSG:32617': (['200000,3700000,900000,4050000'], ['5000'])},
}


def no_nodata(band):
    """Doubles, NaN where the band, or opaqueness, says NoData."""
    values = band.ReadAsArray().astype(np.float64)
    dataset = band.GetDataset()
    last = dataset.GetRasterBand(dataset.RasterCount)
    if last.GetColorInterpretation() == gdal.GCI_AlphaBand:
        values[last.ReadAsArray() == 0] = np.nan
    if band.GetMaskFlags() != gdal.GMF_ALL_VALID:
        values[band.GetMaskBand().ReadAsArray() == 0] = np.nan
    return values


class Raster:
    """An input, as numpy has it."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        dataset = gdal.Open(path)
        self.geotransform, self.crs = dataset.GetGeoTransform(), pyproj.CRS.from_wkt(dataset.GetProjection())
        self.values = no_nodata(dataset.GetRasterBand(1))

    def at(self, dataset):
        """Columns and rows of its cells in which the centres of cells of a dataset lie."""
        gt = dataset.GetGeoTransform()
        x, y = np.meshgrid(gt[0] + (np.arange(dataset.RasterXSize) + 0.5) * gt[1], gt[3] + (np.arange(dataset.RasterYSize) + 0.5) * gt[5])
        crs = pyproj.CRS.from_wkt(dataset.GetProjection())
        if crs != self.crs:
            x, y = pyproj.Transformer.from_crs(crs, self.crs, always_xy=True).transform(x, y)
        gt, width = self.geotransform, self.values.shape[1]
        columns, rows = (x - gt[0]) / gt[1], (y - gt[3]) / gt[5]
        goes_around = self.crs.is_geographic and abs(width * gt[1] - 360) < 1e-9 and crs != self.crs
        return columns % width if goes_around else columns, rows

    def pick(self, columns, rows):
        height, width = self.values.shape
        inside = np.isfinite(columns) & np.isfinite(rows) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        columns, rows = [np.where(inside, numbers, 0).astype(int) for numbers in (columns, rows)]
        return np.where(inside, self.values[rows, columns], np.nan)

    def near(self, columns, rows):
        """And where that may be another cell by rounding."""
        tie = (np.abs(columns - np.round(columns)) < TIE) | (np.abs(rows - np.round(rows)) < TIE)
        return self.pick(np.floor(columns), np.floor(rows)), tie

    def bilinear(self, columns, rows):
        """Of the four cells around a centre, those that have values."""
        left, top = np.floor(columns - 0.5), np.floor(rows - 0.5)
        s, t = columns - 0.5 - left, rows - 0.5 - top
        total, weight = np.zeros(columns.shape), np.zeros(columns.shape)
        for dx, dy in itertools.product((0, 1), (0, 1)):
            value, w = self.pick(left + dx, top + dy), np.abs(1 - dx - s) * np.abs(1 - dy - t)
            total += np.where(np.isnan(value), 0, value * w)
            weight += np.where(np.isnan(value), 0, w)
        with np.errstate(invalid='ignore', divide='ignore'):
            return np.where(weight > 1e-3, total / weight, np.nan)


class GridMatrix(Case):
    @classmethod
    def prepare(cls):
        cls.rasters = {name: Raster(name, real(file)) for name, file in (('dem', 'dem.tif'), ('egm96', 'egm96.gtx'), ('landsat', 'landsat.tif'), ('olinda', 'olinda.tif'))}
        out = cls.path('climate.tif')
        gdal.Translate(out, 'NETCDF:"%s":pr' % real('climate.nc'), bandList=[3], outputSRS='EPSG:4326')
        cls.rasters['climate'] = Raster('climate', out)

    def told(self, dataset, name):
        """What the command gives that the dataset tells. Where the corners in it give another cell size in the last digits, it is given once more the file that it made,
        with the geotransform as it is."""
        command = shlex.split(dataset.GetMetadataItem(name + '_GDALWARP', 'FISHNET_GRID'))
        out = self.path('told.tif')
        good(command[0], '-q', '-overwrite', *command[1:-1], out)
        told = gdal.Open(out, gdal.GA_Update)
        if told.GetGeoTransform() != dataset.GetGeoTransform():
            told.SetGeoTransform(dataset.GetGeoTransform())
            told = None
            for word, count in (('-te', 4), ('-ts', 2), ('-ot', 1), ('-dstalpha', 0)):
                if word in command:
                    del command[command.index(word):command.index(word) + 1 + count]
            good(command[0], '-q', '-wo', 'INIT_DEST=NO_DATA', *command[1:-1], out)
            told = gdal.Open(out)
            self.assertEqual(told.GetGeoTransform(), dataset.GetGeoTransform())
        return told

    def check(self, got, raster, dataset, name, what):
        """One input, as it is on the grid of the result."""
        method = dataset.GetMetadataItem(name + '_METHOD', 'FISHNET_GRID')
        columns, rows = raster.at(dataset)
        if method is None:  # as it is, or shifted
            self.same(got, raster.pick(np.floor(columns), np.floor(rows)), what + ', shifted')
            return 'shifted'
        if dataset.GetMetadataItem(name + '_GDALWARP', 'FISHNET_GRID') is None:  # nested but for rounding: centres are between cells
            self.same(got, raster.pick(np.floor(columns + DRIFT), np.floor(rows + DRIFT)), what + ', nested')
            return 'nested'
        told = self.told(dataset, name)
        self.same(got, no_nodata(told.GetRasterBand(1)), what + ', as told')
        if method == 'near' and dataset.GetMetadataItem(name + '_OVERVIEW_LEVEL', 'FISHNET_GRID') == 'NONE':
            own, tie = raster.near(columns, rows)
            self.same(np.where(tie, 0, got), np.where(tie, 0, own), what + ', by pyproj')
        elif method == 'bilinear' and float(dataset.GetMetadataItem(name + '_XSCALE', 'FISHNET_GRID')) == 1 and float(dataset.GetMetadataItem(name + '_YSCALE', 'FISHNET_GRID')) == 1:
            own = raster.bilinear(columns, rows)
            inside = np.isfinite(raster.near(columns, rows)[0]) & np.isfinite(own)
            np.testing.assert_allclose(got[inside], own[inside], rtol=2e-5, atol=2e-3, err_msg=what)
        return method

    def try_one(self, pair, options, way, cache):
        a, b = [self.rasters[name] for name in pair]
        words = ['%s=%s' % item for item in options.items()]
        texts = ['A=' + a.path, 'B=' + b.path, 'CALC=A;B', 'OT=Float64', 'NODATA=NaN', *words]
        what = '%s and %s, %s' % (*pair, ' '.join(words))
        try:
            dataset = gdal.OpenEx('FISHNET:', open_options=texts)
        except RuntimeError as error:
            return str(error)
        if dataset.RasterXSize * dataset.RasterYSize > MOST:
            return 'too large'
        got = dataset.ReadAsArray()
        done = [self.check(got[i], raster, dataset, 'AB'[i], '%s of %s' % ('AB'[i], what)) for i, raster in enumerate((a, b))]
        with config('GDAL_CACHEMAX', cache):
            again = gdal.OpenEx('FISHNET:', open_options=texts + ['%s=%s' % item for item in way.items()]).ReadAsArray()
        self.same(again, got, '%s, GDAL_CACHEMAX=%s %s' % (what, cache, way))
        return ' and '.join(done)

    def try_pair(self, pair):
        chance = random.Random('%d %s' % (SEED, pair))
        outcomes = {}
        done = 0
        for options in self.all_of(pair, chance):
            if done == CASES:
                break
            way = dict(NUM_WORKERS=chance.choice((1, 2, 5)), TILE_SIZE=chance.choice(('64', '100x37', '512', 'AUTO')),
                       WORKERS=chance.choice(('THREADS', 'THREADS', 'PROCESSES')))
            with self.subTest(pair=pair, options=options):
                outcome = self.try_one(pair, options, way, chance.choice(('2', '64')))
                outcomes.setdefault(outcome, []).append(options)
                done += ' and ' in outcome and not outcome.startswith('FISHNET: ')
        for outcome, cases in sorted(outcomes.items(), key=lambda item: -len(item[1])):
            refused = outcome.startswith('FISHNET: ')
            print('%s: %d %s%s' % (' '.join(pair), len(cases), outcome, ', as %s' % cases[0] if refused else ''), file=sys.stderr)
            self.assertTrue(not refused or any(word in outcome for word in REFUSED), (outcome, cases[0]))
        self.assertEqual(done, CASES)

    def all_of(self, pair, chance):
        """In an order by chance. Only a raster in the CRS of the result can be snapped to."""
        a, b = [self.rasters[name] for name in pair]
        every = []
        for crs, (extents, sizes) in PAIRS[pair].items():
            snaps = [None, 'TAP'] + (['B'] if b.crs == (a.crs if crs is None else pyproj.CRS(crs)) else [])
            for values in itertools.product([None, 'B', 'INTERSECTION', 'UNION', *extents], [None, 'B', 'FINEST', 'COARSEST', *sizes], snaps, [crs], METHODS):
                every.append({key: value for key, value in zip(('EXTENT', 'CELL_SIZE', 'SNAP', 'CRS', 'RESAMPLING'), values) if value})
        return chance.sample(every, len(every))


    def check_world(self, options, methods, pinned=True):
        """The geoid alone. pinned: as told, to the bit; at a pole, where a block of gdalwarp is another part of the raster, all but some cells are."""
        geoid = self.rasters['egm96']
        for method in methods:
            words = ['CALC=A', 'OT=Float64', 'RESAMPLING=' + method, *options]
            dataset = gdal.OpenEx('FISHNET:' + geoid.path, open_options=words)
            got, what = dataset.ReadAsArray(), ' '.join(words)
            self.assertTrue(np.isfinite(got).any(), what)
            if pinned:
                self.check(got, geoid, dataset, 'A', what)
            elif method != 'NEAR':
                want = no_nodata(self.told(dataset, 'A').GetRasterBand(1))
                self.assertLess((~np.isclose(got, want, rtol=0, atol=1e-3, equal_nan=True)).mean(), 0.01, what)
            if method == 'NEAR':
                own, tie = geoid.near(*geoid.at(dataset))
                self.same(np.where(tie, 0, got), np.where(tie, 0, own), what)
            for more in (['NUM_WORKERS=5', 'TILE_SIZE=100x70'], ['WORKERS=PROCESSES', 'NUM_WORKERS=2', 'TILE_SIZE=333']):
                self.same(gdal.OpenEx('FISHNET:' + geoid.path, open_options=words + more).ReadAsArray(), got, what + ' ' + ' '.join(more))
            shares = [gdal.OpenEx('FISHNET:' + geoid.path, open_options=words + ['PARTITION=%d/3' % i]).ReadAsArray() for i in (1, 2, 3)]
            self.same(np.concatenate(shares), got, what + ' PARTITION')

    def test_antimeridian(self):
        for options in (['CRS=EPSG:3832', 'EXTENT=2000000,-3000000,5000000,3000000', 'CELL_SIZE=10000,60000'], ['CRS=EPSG:32601', 'EXTENT=100000,5000000,500000,5400000', 'CELL_SIZE=4000'],
                        ['CRS=EPSG:2193', 'EXTENT=1500000,5300000,2900000,6000000', 'CELL_SIZE=10000']):
            self.check_world(options, ('NEAR', 'BILINEAR', 'CUBIC', 'AVERAGE') if '3832' in options[0] else ('NEAR', 'CUBIC'))

    def test_pole(self):
        self.check_world(['CRS=EPSG:3995', 'EXTENT=-3000000,-3000000,3000000,3000000', 'CELL_SIZE=10000,60000'], ('NEAR', 'BILINEAR', 'CUBIC', 'AVERAGE', 'MODE'), pinned=False)
        self.check_world(['CRS=EPSG:3031', 'EXTENT=-2000000,-2000000,2000000,2000000', 'CELL_SIZE=40000'], ('NEAR', 'CUBIC'), pinned=False)

    def test_warp_memory_of_gdal(self):
        """Nothing that gdalwarp's chunks depend on changes pixels: the size of the cache, threads, the size of windows."""
        dem = self.rasters['dem'].path
        out, words = self.path('out.tif'), ['-oo', 'CRS=EPSG:32613', '-oo', 'CELL_SIZE=150', '-oo', 'RESAMPLING=CUBIC', '-oo', 'NUM_WORKERS=3']
        done = []
        for environment in (['--config', 'GDAL_CACHEMAX', '4'], ['--config', 'GDAL_CACHEMAX', '500', '--config', 'GDAL_NUM_THREADS', '4'], ['-co', 'TILED=YES', '-co', 'BLOCKXSIZE=128', '-co', 'BLOCKYSIZE=64']):
            good('gdal_translate', '-q', *environment, *words, 'FISHNET:' + dem, out)
            done.append(gdal.Open(out).ReadAsArray())
        told = gdal.OpenEx('FISHNET:' + dem, open_options=[word for word in words if word != '-oo'])
        done.append(self.told(told, 'A').ReadAsArray())
        for memory in ('1', '2000'):
            command = shlex.split(told.GetMetadataItem('A_GDALWARP', 'FISHNET_GRID'))
            good(command[0], '-q', '-overwrite', '-wm', memory, '-multi', *command[1:-1], out)
            done.append(gdal.Open(out).ReadAsArray())
        for other in done[1:]:
            self.same(other, done[0])


for _pair in PAIRS:
    setattr(GridMatrix, 'test_%s_and_%s' % _pair, lambda self, pair=_pair: self.try_pair(pair))


if __name__ == '__main__':
    unittest.main()
