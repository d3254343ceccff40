"""What the tests of near tables share: layers from plain data, the table as rows, and the comparison with brute force."""
import os
import struct
import sys
import types

import numpy as np
from osgeo import gdal, ogr, osr

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'driver'))
from common import Case, VERSION, collect_errors, good, good_within, run, within  # noqa: E402,F401
from near_brute import wkb  # noqa: E402

ogr.UseExceptions()
osr.UseExceptions()

SEED = int(os.environ.get('FISHNET_SEED') or int.from_bytes(os.urandom(4), 'little'))
print('FISHNET_SEED=%d' % SEED, file=sys.stderr)

UTM = 32632
OPEN_FLAGS = gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR
TYPES = {int: ogr.OFTInteger64, float: ogr.OFTReal, str: ogr.OFTString}


def rng(*more):
    """A generator of its own for each use: tests do not depend on their order."""
    return np.random.default_rng([SEED, *(sum(map(ord, str(word))) for word in more)])


def to_ogr(geometry):
    """From a tuple of near_brute, WKT, WKB or None."""
    if geometry is None or isinstance(geometry, ogr.Geometry):
        return geometry
    if isinstance(geometry, str):
        return ogr.CreateGeometryFromWkt(geometry)
    return ogr.CreateGeometryFromWkb(geometry if isinstance(geometry, bytes) else wkb(geometry))


def srs_of(epsg):
    if not epsg:
        return None
    srs = osr.SpatialReference()
    srs.SetFromUserInput(epsg if isinstance(epsg, str) else 'EPSG:%d' % epsg)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return srs


def make(path, geometries, fids=None, fields=None, epsg=UTM, layer='a', kind=ogr.wkbUnknown, options=(), driver=None, append=False):
    """A vector file. fields: {name: values} or {(name, OGR type): values}. Returns the path."""
    gdal.PushErrorHandler('CPLQuietErrorHandler')  # GeoPackage warns of unusual types
    try:
        return _make(path, geometries, fids, fields, epsg, layer, kind, options, driver, append)
    finally:
        gdal.PopErrorHandler()


def _make(path, geometries, fids, fields, epsg, layer, kind, options, driver, append):
    drivers = {'.gpkg': 'GPKG', '.shp': 'ESRI Shapefile', '.fgb': 'FlatGeobuf', '.csv': 'CSV', '.geojson': 'GeoJSON', '.sqlite': 'SQLite',
               '.geojsonl': 'GeoJSONSeq'}
    driver = driver or drivers[os.path.splitext(path)[1]]
    extra = {'FlatGeobuf': ['SPATIAL_INDEX=NO'], 'GeoJSON': ['COORDINATE_PRECISION=15'], 'GPKG': ['SPATIAL_INDEX=NO'],
             'CSV': ['GEOMETRY=AS_WKT', 'CREATE_CSVT=YES']}
    if append:
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    else:
        dataset = gdal.GetDriverByName(driver).Create(path, 0, 0, 0, gdal.GDT_Unknown)
    out = dataset.CreateLayer(layer, srs_of(epsg), kind, list(options) or extra.get(driver, []))
    columns = []
    for name, values in (fields or {}).items():
        values = list(values)
        if isinstance(name, str):
            name = name, TYPES[type(next((v for v in values if v is not None), 0))]
        out.CreateField(ogr.FieldDefn(*name))
        columns.append(values)
    definition = out.GetLayerDefn()
    transaction = driver in ('GPKG', 'SQLite')
    if transaction:
        dataset.StartTransaction()
    for i, geometry in enumerate(geometries):
        feature = ogr.Feature(definition)
        if fids is not None:
            feature.SetFID(int(fids[i]))
        for j, values in enumerate(columns):
            if values[i] is None:
                feature.SetFieldNull(j)
            elif isinstance(values[i], bytes):
                feature.SetFieldBinaryFromHexString(j, values[i].hex())
            elif isinstance(values[i], (list, tuple)):
                (feature.SetFieldStringList if isinstance(values[i][0], str) else feature.SetFieldInteger64List if isinstance(values[i][0], int)
                 else feature.SetFieldDoubleList)(j, list(values[i]))
            else:
                feature.SetField(j, values[i])
        if geometry is not None:
            feature.SetGeometryDirectly(to_ogr(geometry).Clone())
        out.CreateFeature(feature)
    if transaction:
        dataset.CommitTransaction()
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None  # the extent of a GeoPackage cannot be infinite, its features can
    out = dataset = None
    sys.unraisablehook = hook
    return path


def points(xy):
    """WKB of many points, fast."""
    return [struct.pack('<BI2d', 1, 1, x, y) for x, y in xy]


def near_options(options):
    """A list value repeats its option, True is YES."""
    result = []
    for key, value in options.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            result.append('%s=%s' % (key, {True: 'YES', False: 'NO'}.get(one, one) if isinstance(one, bool) else one))
    return result


def oo(**options):
    return [word for option in near_options(options) for word in ('-oo', option)]


def near(path, **options):
    """The dataset of a near table."""
    return gdal.OpenEx('NEARTABLE:' + path, OPEN_FLAGS, open_options=near_options(options))


def names_of(layer):
    definition = layer.GetLayerDefn()
    return [definition.GetFieldDefn(i).GetName() for i in range(definition.GetFieldCount())]


def value_of(feature, i, kind):
    if not feature.IsFieldSetAndNotNull(i):
        return None
    if kind in (ogr.OFTInteger, ogr.OFTInteger64):
        return feature.GetFieldAsInteger64(i)
    if kind == ogr.OFTReal:
        return feature.GetFieldAsDouble(i)
    if kind == ogr.OFTBinary:
        return bytes(feature.GetFieldAsBinary(i))
    return feature.GetField(i)


def rows_of(layer, reset=True, limit=None):
    """Every row as a namespace of its columns, with row (its FID) and geometry (WKT)."""
    definition = layer.GetLayerDefn()
    columns = [(definition.GetFieldDefn(i).GetName(), definition.GetFieldDefn(i).GetType()) for i in range(definition.GetFieldCount())]
    rows = []
    if reset:
        layer.ResetReading()
    while limit is None or len(rows) < limit:
        feature = layer.GetNextFeature()
        if feature is None:
            break
        row = types.SimpleNamespace(**{name: value_of(feature, i, kind) for i, (name, kind) in enumerate(columns)})
        row.row = feature.GetFID()
        geometry = feature.GetGeometryRef()
        row.geometry = geometry.ExportToWkt() if geometry is not None else None
        rows.append(row)
    return rows


def table(path, **options):
    dataset = near(path, **options)
    return rows_of(dataset.GetLayer(0))


def brief(rows):
    """(IN_FID, NEAR_FID, NEAR_DIST, NEAR_RANK) of all rows."""
    return [(row.IN_FID, row.NEAR_FID, row.NEAR_DIST, row.NEAR_RANK) for row in rows]


def pairs(rows):
    return [(row.IN_FID, row.NEAR_FID) for row in rows]


class listening:
    """All that GDAL says meanwhile: warnings() and errors() are lists of texts, debugs() with CPL_DEBUG=FISHNET."""

    def __enter__(self):
        self.seen, handler = collect_errors()
        gdal.PushErrorHandler(handler)
        return self

    def __exit__(self, *_):
        gdal.PopErrorHandler()

    def warnings(self):
        return [text for kind, text in self.seen if kind == gdal.CE_Warning]

    def errors(self):
        return [text for kind, text in self.seen if kind >= gdal.CE_Failure]

    def debugs(self):
        return [text for kind, text in self.seen if kind == gdal.CE_Debug]


def peak_kb(*command, timeout=60, env=None):
    """Peak memory of a command; by a small process, since a child begins with the memory of its parent."""
    script = ('import resource, subprocess, sys; subprocess.check_call(sys.argv[1:], stdout=subprocess.DEVNULL); '
              'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)')
    return int(good('/usr/bin/python3', '-c', script, *command, timeout=timeout, env=env))


def processes():
    """(process, parent, group) of all that run. One that has ended and is not waited for does not."""
    found = []
    for name in os.listdir('/proc'):
        try:
            with open('/proc/%s/stat' % name) as f:
                words = f.read().rpartition(')')[2].split()
        except OSError:
            continue
        if name.isdigit() and words[0] not in 'ZX':
            found.append((int(name), int(words[1]), int(words[2])))
    return found


def children(process):
    return [child for child, parent, _ in processes() if parent == process]


class NearCase(Case):
    @classmethod
    def setUpClass(cls):
        if gdal.GetDriverByName('NEARTABLE') is None:
            raise AssertionError('no NEARTABLE driver; GDAL_DRIVER_PATH=%s' % os.environ.get('GDAL_DRIVER_PATH'))
        super().setUpClass()

    count = 0

    def new(self, name):
        """A path that no other test has used."""
        NearCase.count += 1
        stem, ending = os.path.splitext(name)
        return self.path('%s_%d%s' % (stem, NearCase.count, ending))

    def check(self, rows, in_fids, near_keys, distances, k=1, radius=np.inf, min_radius=0.0, allowed=None, exact=False, unmatched=False,
              tolerance=1e-9, absolute=1e-9, layers=None, touching=False):
        """The rows are what the distances (inputs x nears) say. near_keys: FIDs, or (layer, FID) where layers (NEAR_FC of each layer) is given.
        exact: the same bits. Else distances are right within the tolerances, rows are in the order of (NEAR_DIST, layer, FID), and rank by rank
        the distances are the least ones: another feature stands there only if it is as far. touching: zeros of brute force may be a little more."""
        keys = [key if isinstance(key, tuple) else (0, key) for key in near_keys]
        index = {key: j for j, key in enumerate(keys)}
        self.assertEqual(len(index), len(keys))
        self.assertEqual([row.row for row in rows], list(range(1, len(rows) + 1)), 'FIDs of rows')
        by_input, order = {}, []
        for row in rows:
            if row.IN_FID not in by_input:
                order.append(row.IN_FID)
            by_input.setdefault(row.IN_FID, []).append(row)
        known = set(in_fids)
        self.assertEqual(order, [fid for fid in in_fids if fid in by_input], 'rows in the order of the input')
        self.assertLessEqual(set(order), known)
        total = 0
        place = np.empty(len(keys), int)  # of each key among all
        place[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
        for i, fid in enumerate(in_fids):
            got = by_input.get(fid, [])
            what = 'IN_FID %d' % fid
            d = distances[i]
            slack = 0 if exact else tolerance * np.where(np.isfinite(d), d, 0) + absolute
            open_to = np.isfinite(d) & (allowed[i] if allowed is not None else True)
            loose = open_to & (d <= radius + slack) & (d >= min_radius - slack)
            sure = open_to & (d <= radius - slack) & ((d >= min_radius + slack) | (min_radius <= 0))
            want = np.nonzero(sure)[0]
            want = want[np.lexsort((place[want], d[want]))].tolist()
            limit = len(keys) if k is None else k
            if unmatched and len(got) == 1 and got[0].NEAR_FID == -1:
                self.assertFalse(want, what)
                self.assertIsNone(got[0].NEAR_DIST)
                continue
            if unmatched:
                self.assertTrue(got, what + ' has no row')
            self.assertEqual([row.NEAR_RANK for row in got], list(range(1, len(got) + 1)), what)
            found = [(layers.index(row.NEAR_FC) if layers else 0, row.NEAR_FID) for row in got]
            total += len(found)
            if exact:
                self.assertEqual([(row.NEAR_DIST, key) for row, key in zip(got, found)], [(d[j], keys[j]) for j in want[:limit]], what)
                continue
            least, most = min(limit, len(want)), min(limit, int(loose.sum()))
            self.assertTrue(least <= len(got) <= most, '%s: %d rows, should be %d to %d' % (what, len(got), least, most))
            self.assertEqual(len(set(found)), len(found), what + ': a feature twice')
            for row, key in zip(got, found):
                self.assertIn(key, index, what)
                j = index[key]
                self.assertTrue(loose[j], '%s: %s should not be there (%r, brute force %r)' % (what, key, row.NEAR_DIST, d[j]))
                self.assertLessEqual(abs(row.NEAR_DIST - d[j]), slack[j], '%s to %s: %r, brute force %r' % (what, key, row.NEAR_DIST, d[j]))
            ordered = [(row.NEAR_DIST, key) for row, key in zip(got, found)]
            self.assertEqual(ordered, sorted(ordered), what)
            for row, j in zip(got, want):
                self.assertLessEqual(row.NEAR_DIST, d[j] + slack[j], '%s rank %d: %s is nearer' % (what, row.NEAR_RANK, keys[j]))
            zeros = [keys[j] for j in want[:limit] if d[j] == 0]
            if not touching and all(row.NEAR_DIST == 0 for row in got[:len(zeros)]):
                self.assertEqual(found[:len(zeros)], zeros, what + ': overlapping features by FID')
        return total

    def refused(self, path, *words, **options):
        """Opening, or reading all, fails with a message that holds all the words; returns the message."""
        with listening() as said:
            try:
                dataset = near(path, **options)
                if dataset is not None:
                    rows_of(dataset.GetLayer(0))
                caught = None if dataset is not None else 'None'
            except RuntimeError as error:
                caught = str(error)
        self.assertIsNotNone(caught, 'not refused: %s %s' % (path, options))
        message = '\n'.join(said.errors() + [caught])
        for word in words:
            self.assertIn(str(word), message)
        return message
