"""The files in vrt/: each opens in the folder of the real data, as their README says. Rasters have the values of numpy; the distances
of near tables are those of a brute force with pyproj, which is Karney's method too, over a part of the places."""
import glob
import json
import os
import re
import shutil
import sys
import unittest

import jsonschema
import numpy as np
import pyproj
from osgeo import gdal, ogr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import VERSION, Case, good, real

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


def lines_of(geometry):
    """Points, lines and rings, as they are."""
    count = geometry.GetGeometryCount()
    return [line for i in range(count) for line in lines_of(geometry.GetGeometryRef(i))] if count else [geometry]


def read(name):
    """FIDs, names, and the vertices of each part of each feature."""
    dataset = ogr.Open(real(name))
    fids, names, parts = [], [], []
    for feature in dataset.GetLayer(0):
        geometry = feature.GetGeometryRef()
        if geometry is None:
            continue
        fids.append(feature.GetFID())
        names.append(feature.GetField('name') if feature.GetFieldIndex('name') >= 0 else None)
        parts.append([np.array(line.GetPoints())[:, :2] for line in lines_of(geometry)])
    return fids, names, parts


class Lines:
    """Every edge of every feature, and the distance of a place from the nearest of them."""

    def __init__(self, name):
        self.fids, self.names, parts = read(name)
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


def clipped(ring, axis, limit, side):
    """The part of a ring on one side of a limit (Sutherland and Hodgman 1974). Edges that run back and forth along it
    have no area."""
    following = np.roll(ring, -1, 0)
    now, then = side * (ring[:, axis] - limit), side * (following[:, axis] - limit)
    crosses = (now >= 0) != (then >= 0)
    with np.errstate(divide='ignore', invalid='ignore'):
        cut = ring + (now / (now - then))[:, None] * (following - ring)
    return np.stack([ring, cut], 1)[np.stack([now >= 0, crosses], 1)]


def area(ring):
    x, y = (ring - ring[:1]).T if len(ring) else np.zeros((2, 1))
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


class VrtFolder(Case):
    """In a copy of the folder, from another current folder: names in the files are relative to these, and nothing is written into the sources."""

    def opened(self, name, options=()):
        return gdal.OpenEx(os.path.join(self.vrt, name), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, open_options=list(options)).ReadAsArray()

    def rows(self, name):
        """All rows of a table, as dictionaries with '' for the geometry."""
        dataset = gdal.OpenEx(os.path.join(self.vrt, name), gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
        return [dict(f.items(), **{'': f.GetGeometryRef() and f.GetGeometryRef().Clone()}) for f in dataset.GetLayer(0)]

    def needs(self, version, what):
        if VERSION < version:
            sys.stderr.write('%s came with GDAL %d.%d: not tried on %s\n' % ((what,) + version + (gdal.__version__,)))
        return VERSION >= version

    def tearDown(self):
        super().tearDown()
        os.chdir(self.before)

    def setUp(self):
        super().setUp()
        self.before = os.getcwd()
        os.chdir('/')

    @classmethod
    def prepare(cls):
        cls.vrt = cls.path('vrt')
        shutil.copytree(FOLDER, cls.vrt)
        os.mkdir(cls.path('build'))
        os.symlink(os.path.dirname(real('dem.tif')), cls.path('build/data'))
        cls.fids, cls.names, parts = read('places.shp')
        cls.places = np.array([part[0][0] for part in parts])
        cls.rivers = Lines('rivers.shp')

    def test_sqrt_dem(self):
        dem = gdal.Open(real('dem.tif')).ReadAsArray().astype(np.float64)
        dem[dem == -999] = np.nan
        for name in ('sqrt_dem.vrt', 'sqrt_dem.fishnet.json'):
            self.same(self.opened(name), np.sqrt(dem * 0.3048).astype(np.float32), name)

    def test_ndvi_landsat(self):
        bands = gdal.Open(real('landsat.tif')).ReadAsArray().astype(np.float64)
        with np.errstate(invalid='ignore'):
            want = ((bands[3] - bands[2]) / (bands[3] + bands[2])).astype(np.float32)
        self.same(self.opened('ndvi_landsat.vrt'), want)
        self.same(self.opened('ndvi.fishnet.json'), want)

    def test_cloud_mask(self):
        """The QA band by its rules, and then its bits, as Landsat Collection 2 has them (USGS LSDS-1619)."""
        b = gdal.Open(real('landsat.tif')).ReadAsArray().astype(np.float64)
        cloud = (b[0] > 120) & (b[2] > 110)
        water = ~cloud & ((b[1] - b[3]) / (b[1] + b[3]) > 0.2)
        qa = self.opened('landsat_qa.fishnet.json')
        self.assertEqual(qa.dtype, np.uint16)
        self.same((qa >> 3) & 1 == 1, cloud)
        self.same((qa >> 6) & 1 == 1, ~cloud)
        self.same((qa >> 7) & 1 == 1, water)
        self.assertFalse((qa & ~np.uint16(1 << 3 | 1 << 6 | 1 << 7)).any())
        self.assertTrue(cloud.sum() > 100 and water.sum() > 10000)
        want = np.where(cloud | water, -9999, (b[3] - b[2]) / (b[3] + b[2])).astype(np.float32)
        self.same(self.opened('cloud_mask.fishnet.json'), want)

    def gdaldem(self, what, *words):
        good('gdaldem', what, '-q', *words, real('olinda.tif'), self.path(what + '.tif'))
        return gdal.Open(self.path(what + '.tif')).ReadAsArray().astype(np.float64)

    def test_slope_hillshade(self):
        """gdaldem's values but for the edge, where it has none; it rounds hillshades to whole numbers."""
        slope, shade = self.opened('slope_hillshade.fishnet.json').astype(np.float64)
        inner = (slice(1, -1), slice(1, -1))
        self.assertLess(np.abs(slope - self.gdaldem('slope'))[inner].max(), 1e-4)
        self.assertLessEqual(np.abs(shade - self.gdaldem('hillshade'))[inner].max(), 0.501)
        self.assertGreater(slope.max(), 10)
        self.same(self.opened('slope_hillshade.fishnet.json', ['NUM_WORKERS=1', 'TILE_SIZE=37']), self.opened('slope_hillshade.fishnet.json'))

    def test_terrain(self):
        """gdaldem's values but for the edge; where it is flat there is no aspect, as there."""
        slope, aspect, shade = self.opened('terrain.fishnet.json').astype(np.float64)
        inner = (slice(1, -1), slice(1, -1))
        self.assertLess(np.abs(slope - self.gdaldem('slope'))[inner].max(), 1e-4)
        self.assertLessEqual(np.abs(shade - self.gdaldem('hillshade'))[inner].max(), 0.501)
        theirs = self.gdaldem('aspect')[inner]
        self.same(np.isnan(aspect[inner]), theirs == -9999)
        turn = np.abs(aspect[inner] - theirs)[theirs != -9999]
        self.assertLess(np.minimum(turn, 360 - turn).max(), 1e-3)
        self.assertFalse(np.isnan(slope).any())

    def test_smooth(self):
        """Cells of 89.994 m: 2 of them within 200 m, 10 within 900."""
        a = gdal.Open(real('olinda.tif')).ReadAsArray().astype(np.float64)

        def windows(radius):
            steps = range(-radius, radius + 1)
            around = np.pad(a, radius, constant_values=np.nan)
            return np.stack([around[radius + r:radius + r + 111, radius + c:radius + c + 111]
                             for r in steps for c in steps if r * r + c * c <= radius * radius])

        median, above = self.opened('smooth.fishnet.json')
        self.same(median, np.nanmedian(windows(2), axis=0).astype(np.float32))
        np.testing.assert_allclose(above, a - np.nanmean(windows(10), axis=0), atol=1e-4)

    def test_horn_gradients(self):
        a = gdal.Open(real('olinda.tif')).ReadAsArray().astype(np.float64)
        east, north = self.opened('horn_gradients.vrt')
        self.same(east[1:-1, 1:-1], (a[:-2, 2:] + 2 * a[1:-1, 2:] + a[2:, 2:] - a[:-2, :-2] - 2 * a[1:-1, :-2] - a[2:, :-2]).astype(np.float32))
        self.same(north[1:-1, 1:-1], (a[:-2, :-2] + 2 * a[:-2, 1:-1] + a[:-2, 2:] - a[2:, :-2] - 2 * a[2:, 1:-1] - a[2:, 2:]).astype(np.float32))

    def test_slope_pipeline(self):
        if not self.needs((3, 11), 'pipelines'):
            return
        slope = self.gdaldem('slope', '-compute_edges')
        np.testing.assert_allclose(self.opened('slope.gdalg.json'), slope, atol=1e-4)
        np.testing.assert_allclose(self.opened('slope_pipeline.fishnet.json'), 100 * np.tan(np.radians(slope)), atol=1e-3)
        self.same(self.opened('hillshade.gdalg.json').astype(np.float64), self.gdaldem('hillshade', '-compute_edges'))

    def test_focal_mean(self):
        a = gdal.Open(real('olinda.tif')).ReadAsArray().astype(np.float64)
        around = np.pad(a, 2, mode='edge')
        mean = sum(around[i:i + 111, j:j + 111] for i in range(5) for j in range(5)) / 25
        value, got = self.opened('focal_mean.vrt')
        self.same(value, a.astype(np.float32))
        inner = (slice(2, -2), slice(2, -2))
        self.assertLess(np.abs(got - mean)[inner].max(), 1e-4)  # metres; GDAL sums in single precision
        above = self.opened('height_above_mean.fishnet.json')
        self.same(above, value - got)

    def test_change_temperature(self):
        months = gdal.Open('NETCDF:"%s":tas' % real('climate.nc')).ReadAsArray()
        january, july = months[0].astype(np.float64), months[6].astype(np.float64)
        valid = (months[0] < 1e19) & (months[6] < 1e19)
        change = np.where(valid & (july - january >= 15), july - january, -9999).astype(np.float32)
        self.assertTrue(100 < (change > 0).sum() < change.size - 100)
        self.same(self.opened('change_temperature.fishnet.json'), change)

    def months(self, variable):
        """Twelve of them, NaN on the sea."""
        months = gdal.Open('NETCDF:"%s":%s' % (real('climate.nc'), variable)).ReadAsArray()
        return np.where(months < 1e19, months.astype(np.float64), np.nan)

    def test_climate_year(self):
        t = self.months('tas')
        sea = np.isnan(t).any(0)
        self.assertTrue(0 < sea.sum() < sea.size / 2)
        warmest, *others = self.opened('climate_year.fishnet.json')
        self.same(warmest, np.where(sea, -9999, t.argmax(0) + 1).astype(np.float32))
        self.assertEqual(set(warmest[~sea]), {7.0, 8.0})
        for got, want in zip(others, (t.max(0) - t.min(0), np.median(t, 0), np.percentile(t, 90, axis=0))):
            self.same(got, np.where(sea, -9999, want).astype(np.float32))

    def test_summer_median(self):
        t = self.months('tas')[5:8]
        self.same(self.opened('summer_median.fishnet.json'), np.where(np.isnan(t[0]), -9999, np.median(t, 0)).astype(np.float32))

    def test_composite(self):
        t, rain = self.months('tas'), self.months('pr')
        best = np.where(np.isnan(rain), -1, rain).argmax(0)
        self.assertGreater(len(np.unique(best)), 5)
        self.same(self.opened('composite.vrt'), np.take_along_axis(t, best[None], 0)[0].astype(np.float32))

    def test_elevation_utm(self):
        """Bilinear interpolation in numpy, at the places that pyproj says."""
        self.same(self.opened('sheets.vrt'), gdal.Open(real('dem.tif')).ReadAsArray())
        dem = gdal.Open(real('dem.tif'))
        gt, a = dem.GetGeoTransform(), dem.ReadAsArray().astype(np.float64)
        to_degrees = pyproj.Transformer.from_crs('EPSG:32613', 'EPSG:4326', always_xy=True)
        x, y = np.meshgrid(420035 + 70.0 * np.arange(1150), 4190465 - 70.0 * np.arange(1150))
        lon, lat = to_degrees.transform(x, y)
        column, row = (lon - gt[0]) / gt[1] - 0.5, (lat - gt[3]) / gt[5] - 0.5
        i, j = np.floor(row).astype(int), np.floor(column).astype(int)
        self.assertTrue((i >= 0).all() and (j >= 0).all() and (i < 1200).all() and (j < 2400).all())
        v, u = row - i, column - j
        want = (a[i, j] * (1 - u) + a[i, j + 1] * u) * (1 - v) + (a[i + 1, j] * (1 - u) + a[i + 1, j + 1] * u) * v
        self.assertTrue((a[a != -999] > 0).all() and (a != -999)[i.min():i.max() + 2, j.min():j.max() + 2].all())
        got = self.opened('elevation_utm.fishnet.json')
        self.assertLess(np.abs(got - want * 0.3048).max(), 0.01)  # metres
        self.assertLess(np.abs(self.opened('sheets_utm.vrt') - want).max(), 0.03)  # feet

    def test_places_to_coast(self):
        rows = self.rows('places_to_coast.fishnet.json')
        self.assertEqual([row['IN_FID'] for row in rows], self.fids)
        self.assertEqual([row['name'] for row in rows], self.names)
        coast = Lines('land.shp')
        for i in range(0, len(rows), 149):
            metres, _ = coast.nearest(self.places[i])
            self.assertAlmostEqual(rows[i]['NEAR_DIST'] * 1000, metres, delta=0.01, msg=self.names[i])

    def test_places_to_coast_links(self):
        near = [row for row in self.rows('places_to_coast.fishnet.json') if row['NEAR_DIST'] <= 50]
        rows = self.rows('places_to_coast_links.fishnet.json')
        self.assertEqual([(row['IN_FID'], row['NEAR_FID']) for row in rows], [(row['IN_FID'], row['NEAR_FID']) for row in near])
        self.assertGreater(len(rows), 1000)
        lines = np.array([row[''].GetPoints() for row in rows])
        azimuths, metres = geodesic(lines[:, 0], lines[:, 1])
        self.assertLess(np.abs(metres - [row['NEAR_DIST'] * 1000 for row in near]).max(), 1e-3)

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

    def test_quadrangle_relief(self):
        """Cells are sorted into quadrangles by their centres."""
        dataset = gdal.Open(real('dem.tif'))
        gt, a = dataset.GetGeoTransform(), dataset.ReadAsArray().astype(np.float64)
        column = np.floor((gt[0] + (np.arange(a.shape[1]) + 0.5) * gt[1] + 106) * 8)
        line = np.floor((38 - gt[3] - (np.arange(a.shape[0]) + 0.5) * gt[5]) * 8)
        rows = self.rows('quadrangle_relief.vrt')
        self.assertEqual([row['name'] for row in rows], ['%s%d' % (line, i) for line in 'ABCDEFGH' for i in range(1, 17)])
        squares = self.rows('quadrangles.vrt')
        self.assertEqual([row[''].ExportToWkt() for row in rows], [square[''].ExportToWkt() for square in squares])
        for i, row in enumerate(rows):
            values = a[np.ix_(line == i // 16, column == i % 16)]
            values = values[values != -999]
            self.assertGreater(len(values), 22000)
            self.assertEqual([row[name] for name in ('COUNT', 'MIN', 'MAX', 'RANGE', 'MEDIAN')],
                             [len(values), values.min(), values.max(), values.max() - values.min(), np.median(values)])
            self.assertAlmostEqual(row['MEAN'], values.mean(), delta=1e-12 * row['MEAN'])

    def test_land_geoid(self):
        """Every 40th island, cut along the edges of cells."""
        geoid = gdal.Open(real('egm96.gtx'))
        gt, a = geoid.GetGeoTransform(), geoid.ReadAsArray().astype(np.float64)
        land = gdal.OpenEx(real('land.shp'))
        rows, tested = self.rows('land_geoid.fishnet.json'), 0
        self.assertEqual([row['ZONE_FID'] for row in rows], list(range(land.GetLayer(0).GetFeatureCount())))
        for feature in land.GetLayer(0):
            geometry = feature.GetGeometryRef()
            if feature.GetFID() % 40 or not geometry or geometry.GetGeometryName() != 'POLYGON':
                continue
            rings = [np.array(ring.GetPoints())[:-1, :2] for ring in geometry]
            shares, values = [], []
            west, east, south, north = geometry.GetEnvelope()
            self.assertLess(east, 179.875, 'the raster ends there')
            for j in range(int((west - gt[0]) / gt[1]), int((east - gt[0]) / gt[1]) + 1):
                left, right = gt[0] + j * gt[1], gt[0] + (j + 1) * gt[1]
                strips = [clipped(clipped(ring, 0, left, 1), 0, right, -1) for ring in rings]
                for i in range(int((north - gt[3]) / gt[5]), int((south - gt[3]) / gt[5]) + 1):
                    top, bottom = gt[3] + i * gt[5], gt[3] + (i + 1) * gt[5]
                    pieces = [area(clipped(clipped(strip, 1, bottom, 1), 1, top, -1)) for strip in strips]
                    shares.append((pieces[0] - sum(pieces[1:])) / gt[1]**2)
                    values.append(a[i, j])
            shares, values = np.array(shares), np.array(values)
            row, tested = rows[feature.GetFID()], tested + 1
            self.assertAlmostEqual(row['COUNT'], shares.sum(), delta=1e-9)
            self.assertAlmostEqual(row['MEAN'], (shares * values).sum() / shares.sum(), delta=1e-6)
            values = values[shares > 1e-9]  # one island is a sliver
            self.assertEqual((row['MIN'], row['MAX']), (values.min(), values.max()) if len(values) else (None, None))
        self.assertGreater(tested, 150)

    def test_each_file_is_tested_and_described(self):
        with open(os.path.abspath(__file__)) as f:
            source = f.read()
        with open(os.path.join(FOLDER, 'README.md')) as f:
            readme = f.read()
        names = sorted(os.listdir(FOLDER))
        self.assertGreater(len(names), 15)
        for name in names:
            if name == 'README.md':
                continue
            self.assertIn('`%s`' % name, readme)
            with open(os.path.join(FOLDER, name)) as f:
                text = f.read()
            self.assertRegex(text, r'^<!-- ' if name.endswith('.vrt') else '"description": "' if name.endswith('.fishnet.json') else '"command_line"')
            if name != 'coast.vrt':  # is the near side of two others
                self.assertGreater(source.count(name) + (name[:-4] + "'" in source), 0, name)

    def test_valid(self):
        """The VRT files by the schemas that come with GDAL, recipes by ours."""
        with open(os.path.join(FOLDER, '..', 'docs', 'fishnet.schema.json')) as f:
            validator = jsonschema.Draft202012Validator(json.load(f))
        data = gdal.FindFile('gdal', 'gdalvrt.xsd')
        self.assertTrue(data)
        for path in sorted(glob.glob(os.path.join(FOLDER, '*'))):
            if path.endswith('.fishnet.json'):
                with open(path) as f:
                    self.assertEqual([e.message for e in validator.iter_errors(json.load(f))], [], path)
            elif path.endswith('.vrt'):
                with open(path) as f:
                    schema = 'ogrvrt.xsd' if '<OGRVRTDataSource>' in f.read() else 'gdalvrt.xsd'
                good('xmllint', '--noout', '--nonet', '--schema', os.path.join(os.path.dirname(data), schema), path)

    def test_commands_of_the_readme(self):
        with open(os.path.join(FOLDER, 'README.md')) as f:
            commands = [line[4:].rstrip() for line in f if re.match('    (gdal|ogr)', line)]
        self.assertGreater(len(commands), 3)
        for command in commands:
            if 'gdal raster' not in command or self.needs((3, 11), 'the gdal command'):
                good('sh', '-c', command, cwd=self.folder)


if __name__ == '__main__':
    unittest.main()
