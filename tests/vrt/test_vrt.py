"""The files in vrt/: each opens in the folder of the real data, as their README says. Rasters have the values of numpy; the distances
of near tables are those of a brute force with pyproj, which is Karney's method too, over a part of the places."""
import glob
import os
import sys
import unittest

import numpy as np
import pyproj
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, good, real

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'vrt')


GEOD = pyproj.Geod(ellps='WGS84')


def geodesic(a, b):
    """Of points in longitude and latitude, (n, 2) each or one: azimuths and metres."""
    a, b = np.broadcast_arrays(np.atleast_2d(a), np.atleast_2d(b))
    azimuth, _, metres = GEOD.inv(*np.ascontiguousarray(a.T), *np.ascontiguousarray(b.T))
    return azimuth, metres


def space(lonlat):
    """Earth-centred coordinates."""
    transformer = pyproj.Transformer.from_crs('EPSG:4979', 'EPSG:4978', always_xy=True)
    return np.column_stack(transformer.transform(*lonlat.T, np.zeros(len(lonlat))))


def read(name):
    """FIDs, names, and the vertices of each part of each feature."""
    dataset = ogr.Open(real(name))
    fids, names, parts = [], [], []
    for feature in dataset.GetLayer(0):
        geometry = feature.GetGeometryRef()
        fids.append(feature.GetFID())
        names.append(feature.GetField('name'))
        lines = [geometry.GetGeometryRef(i) for i in range(geometry.GetGeometryCount())] or [geometry]
        parts.append([np.array(line.GetPoints())[:, :2] for line in lines])
    return fids, names, parts


class Rivers:
    """Every edge of every river, and the distance of a place from the nearest of them."""

    def __init__(self):
        self.fids, self.names, parts = read('rivers.shp')
        starts, ends, rivers = [], [], []
        for river, lines in enumerate(parts):
            for line in lines:
                starts.append(line[:-1])
                ends.append(line[1:])
                rivers += [river] * (len(line) - 1)
        self.a, self.b, self.river = np.vstack(starts), np.vstack(ends), np.array(rivers)
        self.azimuth, self.length = geodesic(self.a, self.b)
        self.space = space(self.a)

    def nearest(self, place):
        """(metres, river). Ternary search along each edge that may hold the nearest point."""
        chord = np.sqrt(((self.space - space(place[None])) ** 2).sum(1))
        metres = geodesic(place, self.a[np.argmin(chord)])[1][0]
        edges = np.flatnonzero(chord - self.length <= metres)  # a chord is never longer than the geodesic
        low, high = np.zeros(len(edges)), self.length[edges]

        def at(s):
            lon, lat, _ = GEOD.fwd(*np.ascontiguousarray(self.a[edges].T), self.azimuth[edges], s)
            return geodesic(place, np.column_stack([lon, lat]))[1]
        for _ in range(60):
            third = (high - low) / 3
            left = at(low + third) <= at(high - third)
            low, high = np.where(left, low, low + third), np.where(left, high - third, high)
        found = np.minimum(np.minimum(at(low), at(0 * low)), at(self.length[edges]))
        best = np.argmin(found)
        return found[best], self.river[edges[best]]


class VrtFolder(Case):
    def here(self, function):
        """function(), in the folder of the data."""
        folder = os.getcwd()
        os.chdir(os.path.dirname(real('dem.tif')))
        try:
            return function()
        finally:
            os.chdir(folder)

    def opened(self, name):
        return self.here(lambda: gdal.Open(os.path.join(FOLDER, name)).ReadAsArray())

    def rows(self, name):
        """All rows of a near table, as dictionaries with '' for the geometry."""
        def read_all():
            dataset = ogr.Open(os.path.join(FOLDER, name))
            return [dict(f.items(), **{'': f.GetGeometryRef() and f.GetGeometryRef().Clone()}) for f in dataset.GetLayer(0)]
        return self.here(read_all)

    @classmethod
    def prepare(cls):
        cls.fids, cls.names, parts = read('places.shp')
        cls.places = np.array([part[0][0] for part in parts])
        cls.rivers = Rivers()

    def test_sqrt_dem(self):
        dem = gdal.Open(real('dem.tif')).ReadAsArray().astype(np.float64)
        dem[dem == -999] = np.nan
        self.same(self.opened('sqrt_dem.vrt'), np.sqrt(dem * 0.3048).astype(np.float32))

    def test_ndvi_landsat(self):
        bands = gdal.Open(real('landsat.tif')).ReadAsArray().astype(np.float64)
        with np.errstate(invalid='ignore'):
            want = ((bands[3] - bands[2]) / (bands[3] + bands[2])).astype(np.float32)
        self.same(self.opened('ndvi_landsat.vrt'), want)

    def test_places_to_rivers(self):
        rows = self.rows('places_to_rivers.vrt')
        self.assertEqual([row['IN_FID'] for row in rows], self.fids)
        self.assertEqual([row['name'] for row in rows], self.names)
        self.assertEqual({row['NEAR_RANK'] for row in rows}, {1})
        for i in range(0, len(rows), 97):
            metres, river = self.rivers.nearest(self.places[i])
            self.assertAlmostEqual(rows[i]['NEAR_DIST'] * 1000, metres, delta=1e-3, msg=self.names[i])
            if rows[i]['NEAR_FID'] != self.rivers.fids[river]:  # two rivers that meet there
                lines = self.rivers.river == self.rivers.fids.index(rows[i]['NEAR_FID'])
                ends = np.vstack([self.rivers.a[lines], self.rivers.b[lines]])
                least = geodesic(self.places[i], ends)[1].min()
                self.assertAlmostEqual(least, metres, delta=1e-3, msg=self.names[i])
            else:
                self.assertEqual(rows[i]['NEAR_name'], self.rivers.names[river])

    def test_places_to_rivers_links(self):
        rows, table = self.rows('places_to_rivers_links.vrt'), self.rows('places_to_rivers.vrt')
        near = [row for row in table if row['NEAR_DIST'] <= 200]
        self.assertTrue(0 < len(near) < len(table))
        self.assertEqual([row['IN_FID'] for row in rows], [row['IN_FID'] for row in near])
        lines = np.array([row[''].GetPoints() for row in rows])
        self.assertEqual(lines.shape, (len(rows), 2, 2))
        starts = self.places[[self.fids.index(row['IN_FID']) for row in rows]]
        self.assertLess(np.abs(lines[:, 0] - starts).max(), 1e-12)
        azimuths, metres = geodesic(lines[:, 0], lines[:, 1])
        self.assertLess(np.abs(metres - [row['NEAR_DIST'] for row in rows]).max(), 1e-3)
        turn = [azimuth - row['NEAR_ANGLE'] for azimuth, row in zip(azimuths, near) if row['NEAR_DIST'] > 0.1]
        self.assertLess(np.abs((np.array(turn) + 180) % 360 - 180).max(), 1e-3)  # degrees; a place 100 m away

    def test_neighbour_places(self):
        rows = self.rows('neighbour_places.vrt')
        self.assertEqual([row['IN_FID'] for row in rows], [fid for fid in self.fids for _ in range(2)])
        self.assertEqual([row['NEAR_RANK'] for row in rows], [1, 2] * len(self.fids))
        for i in range(0, len(self.fids), 97):
            metres = geodesic(self.places[i], self.places)[1]
            metres[i] = np.inf
            for row in rows[2 * i:2 * i + 2]:
                j = self.fids.index(row['NEAR_FID'])
                self.assertAlmostEqual(row['NEAR_DIST'] * 1000, metres.min(), delta=1e-3)
                self.assertAlmostEqual(metres[j], metres.min(), delta=1e-3)
                self.assertEqual((row['name'], row['NEAR_name']), (self.names[i], self.names[j]))
                metres[j] = np.inf

    def test_every_file_has_a_test(self):
        tested = {name[5:] + '.vrt' for name in dir(self) if name.startswith('test_')}
        files = {os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, '*.vrt'))}
        self.assertTrue(files)
        self.assertLessEqual(files, tested)

    def test_tools(self):
        for name in ('sqrt_dem.vrt', 'ndvi_landsat.vrt'):
            text = good('gdalinfo', '-checksum', os.path.join(FOLDER, name), cwd=os.path.dirname(real('dem.tif')))
            self.assertRegex(text, r'Checksum=[1-9]')  # -stats would write into the file
        for name in ('places_to_rivers.vrt', 'places_to_rivers_links.vrt', 'neighbour_places.vrt'):
            text = good('ogrinfo', '-ro', '-fid', '1', os.path.join(FOLDER, name), name[:-4], cwd=os.path.dirname(real('dem.tif')))
            self.assertIn('NEAR_DIST (Real) = ', text)


if __name__ == '__main__':
    unittest.main()
