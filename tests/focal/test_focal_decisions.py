"""Where tools differ, and what was decided: a row is a question, a raster small enough to be checked by hand, and the answer. ROWS first, then
the questions that a table of cells does not answer."""
import math
import re
import time
import unittest

import numpy as np

from focal_common import FocalCase, calc, calc1, ev, fishnet, gdal, write

N = math.nan  # NoData of these rasters, and no value in an answer
LINE = [[1, 2, 3, 4]]
HOLE = [[1, N, 3, 4]]
SQUARE = [[1, 2], [5, 6]]
SPOT = [[0, 0, 0], [0, 0, 1], [0, 0, 0]]  # to the right of the centre
TIE = [[3, 5, 5, 3, 9]]
HALF = [[0.5, 1, 1.5, 2]]

ROWS = (
    # ---- edges: others replicate, leave NoData, or have eight modes; GDAL's corner sum of SQUARE is 24
    ('edge: the default is that windows shrink', LINE, 'focal_mean(A, rect(1,3))', [[1.5, 2, 3, 3.5]]),
    ('edge: shrink in a corner', SQUARE, 'focal_sum(A, 3)', [[14, 14], [14, 14]]),
    ('edge: nearest', LINE, 'focal_mean(A, rect(1,3), edge=nearest)', [[4 / 3, 2, 3, 11 / 3]]),
    ('edge: nearest in a corner is GDAL\'s sum', SQUARE, 'focal_sum(A, 3, edge=nearest)', [[24, 27], [36, 39]]),
    ('edge: reflect repeats the cell at the edge, d c b a | a b c d', LINE, 'focal_sum(A, rect(1,5), edge=reflect)',
     [[9, 11, 14, 16]]),
    ('edge: wrap', LINE, 'focal_mean(A, rect(1,3), edge=wrap)', [[7 / 3, 2, 3, 8 / 3]]),
    ('edge: nodata', LINE, 'focal_mean(A, rect(1,3), edge=nodata)', [[N, 2, 3, N]]),
    ('edge: nodata asks where cells are, not how large a matrix is', LINE, 'focal_sum(A, [[0,0,1]], edge=nodata)',
     [[2, 3, 4, N]]),
    ('edge: what shrinks has NoData beyond the edge, and that spreads', LINE, 'focal_mean(A, rect(1,3), nodata=spread)',
     [[N, 2, 3, N]]),
    ('edge: with cells beyond it nothing spreads', LINE, 'focal_sum(A, rect(1,3), nodata=spread, edge=nearest)',
     [[4, 6, 9, 11]]),
    # ---- NoData
    ('NoData centre: stays', HOLE, 'focal_mean(A, rect(1,3))', [[1, N, 3.5, 3.5]]),
    ('NoData centre: filled where asked', HOLE, 'focal_mean(A, rect(1,3), nodata=fill)', [[1, 2, 3.5, 3.5]]),
    ('NoData centre: stays where the window does not hold it', HOLE, 'focal_sum(A, [[1,0,1]])', [[N, N, 4, 3]]),
    ('NoData neighbour: skipped', HOLE, 'focal_sum(A, rect(1,3))', [[1, N, 7, 7]]),
    ('NoData neighbour: spreads where asked', [[1, N, 3, 4, 5]], 'focal_sum(A, rect(1,3), nodata=spread)',
     [[N, N, N, 12, N]]),
    ('NoData: a window without values', [[N, N, N, 4]], 'focal_max(A, rect(1,3), nodata=fill)', [[N, N, 4, 4]]),
    ('NoData: a count of nothing is 0', [[N, N, N, 4]], 'focal_count(A, rect(1,3), nodata=fill)', [[0, 0, 1, 1]]),
    ('NoData: a count where the centre is missing', [[N, N, N, 4]], 'focal_count(A, rect(1,3))', [[N, N, N, 1]]),
    ('NaN: is NoData, as neighbour and as centre', [[1.5, 0, 3, 4]], 'focal_mean(where(A==0, nan, A), rect(1,3))',
     [[1.5, N, 3.5, 3.5]]),
    # ---- neighbours
    ('A[r,c]: row first, down positive', [[1, 2], [3, 4]], 'A[1,0]', [[3, 4], [N, N]]),
    ('A[r,c]: column second, right positive', [[1, 2], [3, 4]], 'A[0,1]', [[2, N], [4, N]]),
    ('A[r,c]: outside is NoData', LINE, 'isnodata(A[0,-1])', [[1, 0, 0, 0]]),
    ('A[r,c]: of NoData, which counts where it is used', HOLE, 'where(A > 3, A[0,-1], 7)', [[7, N, 7, 3]]),
    ('A[r,c]: the NoData of the neighbour', HOLE, 'A[0,1]', [[N, 3, 4, N]]),
    ('A[r,c]: negative is not from the end', LINE, 'A[0,-3]', [[N, N, N, 1]]),
    ('at: looks, and does not shift', LINE, 'at(A*10, 0, 1)', [[20, 30, 40, N]]),
    # ---- arithmetic
    ('arithmetic: double, where Float32 would lose a unit', [[16777217, 16777217, 16777217]], 'focal_max(A, rect(1,3))',
     [[16777217] * 3]),
    ('arithmetic: a mean in double', [[2.6, 2.7, 2.7]], 'focal_mean(A, rect(1,3), edge=nodata)', [[N, 8 / 3, N]]),
    ('arithmetic: sums of whole numbers are exact below 2^53', [[2**52, 1, -2**52]],
     'focal_sum(A, rect(1,3), edge=wrap)', [[1, 1, 1]]),
    ('arithmetic: sums of squares do not overflow or cancel', [[2e9, 2e9 + 1, 2e9, 2e9 + 1]],
     'focal_var(A, rect(1,3), edge=wrap)', [[2 / 9] * 4]),
    # ---- weights
    ('mean: by the weights in use', HOLE, 'focal_mean(A, [[1,2,1]])', [[1, N, 10 / 3, 11 / 3]]),
    ('mean: weights that add up to 0 give none', LINE, 'focal_mean(A, [[1,0,-1]], edge=nearest)', [[N, N, N, N]]),
    ('sum: weights are not made up for', HOLE, 'focal_sum(A, [[1,2,1]])', [[2, N, 10, 11]]),
    ('sum: an incomplete kernel, and spread against it', HOLE, 'focal_sum(A, [[-1,1,0]], nodata=spread)',
     [[N, N, N, 1]]),
    ('zero weight: not in the window', SPOT, 'focal_max(A, [[0,1,0],[1,1,1],[0,1,0]])',
     [[0, 0, 1], [0, 1, 1], [0, 0, 1]]),
    ('zero weight: does not make a minimum 0', LINE, 'focal_min(A, [[0,1,1]])', [[1, 2, 3, 4]]),
    ('zero weight: NoData below it does not spread', HOLE, 'focal_sum(A, [[0,1,1]], nodata=spread)', [[N, N, 7, N]]),
    ('orientation: correlation, not turned around', SPOT, 'focal_sum(A, [[0,0,0],[1,2,4],[0,0,0]])',
     [[0, 0, 0], [0, 4, 2], [0, 0, 0]]),
    # ---- statistics
    ('std: of the population', [[1, 3]], 'focal_std(A, rect(1,3))', [[1, 1]]),
    ('var: of the population, with weights', [[0, 0, 4]], 'focal_var(A, [[1,2,1]], edge=nodata)', [[N, 3, N]]),
    ('percentile: linear as numpy', [[1, 2, 4, 8, 16]], 'focal_percentile(A, 90, rect(1,5), edge=nodata)',
     [[N, N, 12.8, N, N]]),
    ('percentile: 0 and 100 are the ends', [[1, 2, 4, 8, 16]],
     'focal_percentile(A, 100, rect(1,3)) - focal_percentile(A, 0, rect(1,3))', [[1, 3, 6, 12, 8]]),
    ('median: of an even number, the average of two', LINE, 'focal_median(A, rect(1,3))', [[1.5, 2, 3, 3.5]]),
    ('majority: a tie is the lowest', TIE, 'focal_majority(A, rect(1,3))', [[3, 5, 5, 3, 3]]),
    ('minority: a tie is the lowest', TIE, 'focal_minority(A, rect(1,3))', [[3, 3, 3, 3, 3]]),
    ('majority: of fractions, too', HALF, 'focal_majority(A, rect(1,3))', [[0.5, 0.5, 1, 1.5]]),
    ('variety: how many values', TIE, 'focal_variety(A, rect(1,3))', [[2, 2, 2, 3, 2]]),
    # ---- shapes
    ('shape: a cell is in if its centre is', [[1] * 7] * 7, 'focal_count(A, circle(3), edge=nodata)',
     [[N] * 7] * 3 + [[N, N, N, 29, N, N, N]] + [[N] * 7] * 3),
    ('shape: circle(1) is a cross', SPOT, 'focal_sum(A, circle(1))', [[0, 0, 1], [0, 1, 1], [0, 0, 1]]),
    ('shape: an annulus leaves its inner circle out', SPOT, 'focal_sum(A, annulus(0, 1))',
     [[0, 0, 1], [0, 1, 0], [0, 0, 1]]),
    ('shape: a wedge opens counter-clockwise from the right', SPOT, 'focal_sum(A, wedge(1, 0, 90))',
     [[0, 0, 0], [0, 1, 1], [0, 0, 1]]),
    ('shape: rows before columns', [[1, 2, 3], [4, 5, 6]], 'focal_sum(A, rect(3,1))', [[5, 7, 9], [5, 7, 9]]),
    # ---- terrain: cells of 10 x 10
    ('tpi: the centre less the mean of the others', SPOT, 'tpi(A)',
     [[0, -0.2, -1 / 3], [0, -0.125, 1], [0, -0.2, -1 / 3]]),
    ('tri: the root of the sum of squares', SPOT, 'tri(A)', [[0, 1, 1], [0, 1, math.sqrt(5)], [0, 1, 1]]),
    ('tri: Wilson, the mean of differences', SPOT, 'tri(A, variant=wilson)',
     [[0, 0.2, 1 / 3], [0, 0.125, 1], [0, 0.2, 1 / 3]]),
    ('roughness: the highest less the lowest', SPOT, 'roughness(A)', [[0, 1, 1], [0, 1, 1], [0, 1, 1]]),
    ('flat aspect: NoData', [[4] * 3] * 3, 'aspect(A)', [[N] * 3] * 3),
    ('flat aspect: another value where asked', [[4] * 3] * 3, 'aspect(A, flat=-1)', [[-1] * 3] * 3),
    ('aspect unit: degrees clockwise from north', [[3, 2, 1]] * 3, 'aspect(A)', [[90] * 3] * 3),
    ('aspect unit: counter-clockwise from east where asked', [[1] * 3, [2] * 3, [3] * 3],
     'aspect(A, angle=trigonometric)', [[90] * 3] * 3),
    ('vertical unit: z, and nothing is guessed', [[0, 10, 20]] * 3, 'slope(A, unit=percent, z=0.5)', [[50] * 3] * 3),
    ('slope: a plane keeps its slope beside NoData', [[0, 10, 20], [0, N, 20], [0, 10, 20]], 'slope(A)',
     [[45] * 3, [45, N, 45], [45] * 3]),
)


class Rows(FocalCase):
    pass


def row_test(cells, text, want):
    def test(self):
        cells_ = np.array(cells, np.float64)
        path = write(self.path('row.tif'), np.nan_to_num(cells_, nan=-9999), -9999)
        want_ = np.array(want, np.float64)
        self.close(calc1(path, text), want_, 4e-15 * np.abs(want_), text)
    return test


for _name, *_row in ROWS:
    _method = 'test_' + re.sub(r'\W+', '_', _name).strip('_')
    assert not hasattr(Rows, _method), _method
    setattr(Rows, _method, row_test(*_row))


class Others(FocalCase):
    def test_weights_for_order_statistics_are_refused(self):
        """GDAL and terra multiply the value by its weight: nobody means that."""
        path = write(self.path('line.tif'), np.array(LINE, np.float64))
        for name in ('min', 'max', 'range', 'median', 'majority', 'minority', 'variety'):
            self.refused('weights', path=path, calcs=['focal_%s(A, [[1,10,1]])' % name])

    def test_even_windows_are_refused(self):
        path = write(self.path('line.tif'), np.array(LINE, np.float64))
        for window in ('2', 'rect(1,4)', '[[1,1]]'):
            self.refused('odd', path=path, calcs=['focal_mean(A, %s)' % window])

    def test_the_largest_window(self):
        path = write(self.path('line.tif'), np.array(LINE, np.float64))
        self.same(calc1(path, 'focal_sum(A, 2001)'), np.full((1, 4), 10.0))
        self.refused('2001', path=path, calcs=['focal_sum(A, 2003)'])

    def test_slope_on_longitude_and_latitude_is_by_the_row(self):
        """1'' at 60 degrees north: metres of the parallel on the ellipsoid."""
        step = 1 / 3600
        axis, flattening = 6378137.0, 1 / 298.257223563
        square = flattening * (2 - flattening)
        metres = math.radians(step) * axis * math.cos(math.radians(60)) / math.sqrt(1 - square * math.sin(math.radians(60))**2)
        path = write(self.path('sixty.tif'), np.tile(np.arange(5.0), (5, 1)),
                     geotransform=(10, step, 0, 60 + 2.5 * step, 0, -step), epsg=4326)
        self.assertAlmostEqual(calc1(path, 'slope(A)')[2, 2], math.degrees(math.atan(1 / metres)), places=9)

    def test_corners_of_a_plane(self):
        """19.83 degrees there too; GDAL has 14.04, and 15.3 to 19.7 beside a hole."""
        row, column = np.mgrid[0:6, 0:6]
        steep = math.tan(math.radians(19.83)) * 10
        x = column * steep * 0.6 + row * steep * 0.8
        x[3, 3] = -9999
        got = calc1(write(self.path('plane.tif'), x, -9999), 'slope(A)')
        self.assertAlmostEqual(np.nanmin(got), 19.83, places=11)
        self.assertAlmostEqual(np.nanmax(got), 19.83, places=11)

    def test_aspect_knows_the_sizes_of_cells(self):
        """10 x 20 m: 315 degrees, not 333.43; the same for south up."""
        row, column = np.mgrid[0:4, 0:4]
        for sign in (-1, 1):
            east, north = column * 10.0, row * 20.0 * sign
            path = write(self.path('cells.tif'), east - north, geotransform=(0, 10, 0, 0, 0, 20 * sign))
            self.close(calc1(path, 'aspect(A)'), np.full((4, 4), 315.0), 1e-10)

    def test_hillshade_does_not_depend_on_the_machine(self):
        """An exact root: the angle between light and normal, to the last digits."""
        x = np.random.default_rng(1).normal(0, 10, (20, 20))
        self.close(calc1(write(self.path('light.tif'), x), 'hillshade(A)'),
                   ev.hillshade(x, ev.Ground((0, 10, 0, 0, 0, -10))), 1e-11)

    def test_nested_windows_look_at_rasters(self):
        """The inner one is a raster with edges of its own, also where the outer one goes on beyond them."""
        path = write(self.path('line.tif'), np.array(LINE, np.float64))
        self.same(calc1(path, 'focal_sum(focal_sum(A, rect(1,3)), rect(1,3), edge=wrap)'),
                  np.array([[16.0, 18, 22, 19]]))

    def test_seams(self):
        """The same for any tiles: a sum in double that depends on its order."""
        x = np.random.default_rng(2).normal(0, 1, (150, 150)) * 10.0**np.random.default_rng(3).integers(-8, 8,
                                                                                                        (150, 150))
        path = write(self.path('seams.tif'), x)
        want = calc(path, 'focal_sum(A, 31)', 'focal_std(A, 5)', 'focal_mean(A, circle(9))', TILE_SIZE=2048)
        for tile in (64, 65, '150x1', '7x150'):
            for got, one in zip(calc(path, 'focal_sum(A, 31)', 'focal_std(A, 5)', 'focal_mean(A, circle(9))',
                                     TILE_SIZE=tile, NUM_WORKERS=8), want):
                self.same(got, one, str(tile))

    def test_overviews_are_not_looked_at(self):
        """A window is one of the raster's own cells: reads of less are computed of all cells, then resampled."""
        x = np.random.default_rng(4).integers(0, 100, (256, 256)).astype(np.float64)
        path = write(self.path('overviews.tif'), x, options=['TILED=YES'])
        dataset = gdal.Open(path, gdal.GA_Update)
        dataset.BuildOverviews('NEAREST', [2, 4])
        dataset = None
        dataset = fishnet(path, 'focal_max(A, 3)', OT='Float64')
        whole = ev.focal('max', x, ev.box(3))
        got = dataset.ReadAsArray(buf_xsize=64, buf_ysize=64)
        self.assertTrue(any((got == whole[i::4, j::4]).all() for i in range(4) for j in range(4)))

    def test_cost_does_not_grow_with_the_window(self):
        """99 x 99 has a thousand times the cells of 3 x 3, and takes no ten times as long."""
        x = np.random.default_rng(5).normal(0, 1, (1000, 1000))
        path = write(self.path('cost.tif'), x)
        for name in ('mean', 'max', 'std'):
            seconds = []
            for window in (3, 99):
                best = math.inf
                for _ in range(3):
                    begin = time.process_time()
                    fishnet(path, 'focal_%s(A, %d)' % (name, window), NUM_WORKERS=1, WORKERS='THREADS').ReadAsArray()
                    best = min(best, time.process_time() - begin)
                seconds.append(best)
            self.assertLess(seconds[1], 10 * seconds[0] + 0.3, name)

    def test_threads(self):
        """Any number of workers."""
        path = write(self.path('square.tif'), np.arange(10000.0).reshape(100, 100),
                     options=['TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16'])
        want = calc1(path, 'focal_median(A, 11)', NUM_WORKERS=1)
        for workers in (2, 8, 30):
            self.same(calc1(path, 'focal_median(A, 11)', NUM_WORKERS=workers), want)


if __name__ == '__main__':
    unittest.main()
