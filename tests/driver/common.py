"""What the driver tests share: the real tools, the real data, small rasters, exact comparisons.

ctest sets GDAL_DRIVER_PATH (the folder of gdal_FISHNET.so) and FISHNET_DATA (dem.tif, landsat.tif, egm96.gtx).
"""
import contextlib
import faulthandler
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

import numpy as np
from osgeo import gdal, gdal_array, osr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'property'))
from evaluator import LIBM, round_away  # noqa: E402,F401  (for the tests)
from patience import patience  # noqa: E402

faulthandler.enable()
faulthandler.register(signal.SIGALRM, chain=True)
gdal.UseExceptions()


def _keep_alive(owner, name):
    """gdal.Open(p).GetRasterBand(1) is a band of a closed dataset, and crashes: let each band hold what it belongs to."""
    plain = getattr(owner, name)

    def call(self, *arguments):
        result = plain(self, *arguments)
        if result is not None:
            result.belongs_to = self
        return result
    setattr(owner, name, call)


for _owner, _name in ((gdal.Dataset, 'GetRasterBand'), (gdal.Band, 'GetOverview'), (gdal.Band, 'GetMaskBand')):
    _keep_alive(_owner, _name)

VERSION = tuple(int(n) for n in re.match(r'(\d+)\.(\d+)', gdal.__version__).groups())

# Every real pixel type of this GDAL, and numpy's name for it.
TYPES = {'Byte': np.uint8, 'UInt16': np.uint16, 'Int16': np.int16, 'UInt32': np.uint32, 'Int32': np.int32,
         'UInt64': np.uint64, 'Int64': np.int64, 'Float32': np.float32, 'Float64': np.float64}
if VERSION >= (3, 7):
    TYPES['Int8'] = np.int8
if VERSION >= (3, 11):
    TYPES['Float16'] = np.float16
INTEGERS = [name for name, dtype in TYPES.items() if np.issubdtype(dtype, np.integer)]


def threads():
    return len(os.listdir('/proc/self/task'))


def files():
    return len(os.listdir('/proc/self/fd'))


def wait_for(condition, seconds=5):
    """The kernel takes a moment to forget a joined thread."""
    end = time.monotonic() + patience(seconds)
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


BASE = threads()  # of the interpreter and its libraries, before any dataset


def settled():
    """All threads of closed datasets are gone."""
    return wait_for(lambda: threads() == BASE)


def type_code(name):
    return gdal.GetDataTypeByName(name)


def real(name):
    """A file of real data; its absence is a failure, not a reason to skip."""
    folder = os.environ.get('FISHNET_DATA')
    if not folder:
        raise AssertionError('FISHNET_DATA is not set')
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise AssertionError(path + ' is missing')
    return path


def run(*command, env=None, timeout=50, cwd=None):
    """A real tool, as a user starts it. Dying by a signal is always a failure."""
    done = subprocess.run([str(word) for word in command], env=dict(os.environ, **(env or {})), cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=patience(timeout))
    done.stdout, done.stderr = (text.decode('utf-8', 'replace') for text in (done.stdout, done.stderr))
    if done.returncode < 0:
        raise AssertionError('%s died by signal %d\n%s' % (command[0], -done.returncode, done.stderr))
    return done


def good(*command, **options):
    """The same, for a command that must succeed; its standard output."""
    done = run(*command, **options)
    if done.returncode != 0:
        raise AssertionError('%s failed (%d):\n%s%s' % (' '.join(map(str, command)), done.returncode, done.stdout,
                                                        done.stderr))
    return done.stdout


TOOLS = {'gdal_translate': gdal.Translate, 'ogr2ogr': gdal.VectorTranslate}
WORDS_AFTER = {'-srcwin': 4, '-outsize': 2, '-spat': 4}  # of a tool's option; all others that tests give have one


def with_crs_of_no_tiff(folder, source):
    """A VRT of the raster with a CRS that GeoTIFF does not hold: GDAL writes it into .aux.xml."""
    path = os.path.join(folder, 'vandg4.vrt')
    gdal.Translate(path, source, format='VRT', outputSRS='+proj=vandg4', srcWin=[0, 0, 40, 30])
    return path


def within(*command, env=None, cwd=None):
    """What the tool does with these words, but in this process: the same functions of GDAL's, without the cost of a start. The result of
    run(): the messages as the tool prints them, and 1 where the tool would end with 1. run() is for what a process has of its own: how it
    ends, its signals and its environment. env: configuration options."""
    words = iter([str(word) for word in command])
    function, names, opens, more, options = TOOLS[next(words)], [], [], [], dict(env or {})
    for word in words:
        if word == '-oo':
            opens.append(next(words))
        elif word == '--config':
            options[next(words)] = next(words)
        elif word.startswith('-'):
            if word != '-q':
                more += [word, *[next(words) for _ in range(WORDS_AFTER.get(word, 1))]]
        else:
            names.append(word)
    source, output = names if function == gdal.Translate else names[::-1]
    kind = gdal.OF_RASTER if function == gdal.Translate else gdal.OF_VECTOR
    said = []
    with contextlib.ExitStack() as stack:
        for name, value in options.items():
            stack.enter_context(config(name, None if value is None else str(value)))
        if cwd:
            stack.callback(os.chdir, os.getcwd())
            os.chdir(cwd)
        if hasattr(gdal, 'ExceptionMgr'):  # GDAL before 3.7 tells the handler of errors, too, before it raises
            stack.enter_context(gdal.ExceptionMgr(useExceptions=False))
        gdal.PushErrorHandler(lambda kind, number, text: said.append({
            gdal.CE_Debug: '%s\n' % text, gdal.CE_Warning: 'Warning %d: %s\n' % (number, text)}.get(kind, 'ERROR %d: %s\n' % (number, text))))
        stack.callback(gdal.PopErrorHandler)
        opened = made = None
        try:
            opened = gdal.OpenEx(source, kind | gdal.OF_VERBOSE_ERROR, open_options=opens)
            made = function(output, opened, options=more) if opened is not None else None
        except RuntimeError:
            pass
        failed = made is None
        made = None
        opened = None
    return types.SimpleNamespace(returncode=int(failed), stdout='', stderr=''.join(said))


def good_within(*command, **options):
    """within(), for what must succeed."""
    done = within(*command, **options)
    if done.returncode != 0:
        raise AssertionError('%s failed:\n%s' % (' '.join(map(str, command)), done.stderr))


def oo(*calcs, **options):
    """-oo arguments for a tool."""
    words = []
    for text in open_options(calcs, options):
        words += ['-oo', text]
    return words


def open_options(calcs, options):
    return ['CALC=' + calc for calc in calcs] + ['%s=%s' % pair for pair in options.items()]


def fishnet(path, *calcs, **options):
    """The FISHNET dataset of a raster."""
    return gdal.OpenEx('FISHNET:' + str(path), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR,
                       open_options=open_options(calcs, options))


def calc(path, *calcs, **options):
    """The bands of a CALC as a list of arrays, Float64 unless OT says otherwise."""
    options.setdefault('OT', 'Float64')
    dataset = fishnet(path, *calcs, **options)
    return [dataset.GetRasterBand(i + 1).ReadAsArray() for i in range(dataset.RasterCount)]


def calc1(path, text, **options):
    bands = calc(path, text, **options)
    assert len(bands) == 1, len(bands)
    return bands[0]


def write(path, arrays, nodata=None, like=None, type=None, geotransform=(1000.0, 10.0, 0.0, 5000.0, 0.0, -10.0), epsg=32633,
          options=(), driver='GTiff'):
    """A raster of one or several arrays; `like` gives the georeference of another file."""
    arrays = [arrays] if isinstance(arrays, np.ndarray) and arrays.ndim == 2 else list(arrays)
    code = type_code(type) if type else gdal_array.NumericTypeCodeToGDALTypeCode(arrays[0].dtype.type)
    height, width = arrays[0].shape
    dataset = gdal.GetDriverByName(driver).Create(str(path), width, height, len(arrays), code, list(options))
    if like is not None:
        source = gdal.Open(str(like))
        dataset.SetGeoTransform(source.GetGeoTransform())
        dataset.SetProjection(source.GetProjection())
    else:
        if geotransform:
            dataset.SetGeoTransform(geotransform)
        if epsg:
            srs = osr.SpatialReference()
            srs.ImportFromEPSG(epsg)
            dataset.SetProjection(srs.ExportToWkt())
    for i, array in enumerate(arrays):
        band = dataset.GetRasterBand(i + 1)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        band.WriteArray(array)
    dataset.FlushCache()
    dataset = None
    return str(path)


def nodata_of(band):
    """The NoData value as text: None, 'nan' or a number, for every type and version."""
    value = band.GetNoDataValue()
    return None if value is None else 'nan' if value != value else value


def ulps(got, want):
    """How many doubles lie between; NaN with NaN is 0, NaN with a number is huge."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)

    def order(x):
        bits = np.ascontiguousarray(x).view(np.int64)
        return np.where(bits < 0, np.int64(-2**63) - bits, bits)  # -0 and +0 meet
    with np.errstate(over='ignore'):
        a, b = order(got), order(want)
        # int64 differences may wrap between huge values of opposite sign: go through float for those
        distance = np.abs(a.astype(np.float64) - b.astype(np.float64))
        near = distance < 2.0**60
        distance = np.where(near, np.abs(np.where(near, a - b, 0)).astype(np.float64), distance)
    nan = np.isnan(got) | np.isnan(want)
    return np.where(nan, np.where(np.isnan(got) & np.isnan(want), 0.0, np.inf), distance)


class Case(unittest.TestCase):
    """A test with a folder of its own, and comparisons that say where it went wrong."""

    @classmethod
    def setUpClass(cls):
        if gdal.GetDriverByName('FISHNET') is None:
            raise AssertionError('no FISHNET driver; GDAL_DRIVER_PATH=%s' % os.environ.get('GDAL_DRIVER_PATH'))
        cls.folder = tempfile.mkdtemp(prefix='fishnet-test-')
        cls.prepare()

    def setUp(self):
        signal.alarm(int(patience(400)))  # a hang is a failure that says where

    def tearDown(self):
        signal.alarm(0)

    @classmethod
    def prepare(cls):
        """Rasters that all tests of the class read."""

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def same(self, got, want, what=''):
        """Bit for bit; any NaN equals any NaN."""
        got, want = np.asarray(got), np.asarray(want)
        self.assertEqual(got.dtype, want.dtype, what)
        self.assertEqual(got.shape, want.shape, what)
        differ = got != want
        if np.issubdtype(got.dtype, np.floating):
            both_nan = np.isnan(got) & np.isnan(want)
            differ = (differ | (np.signbit(got) != np.signbit(want))) & ~both_nan
        if differ.any():
            at = tuple(np.argwhere(differ)[0])
            self.fail('%s: %d of %d pixels differ; first at %s: got %r, want %r'
                      % (what, differ.sum(), differ.size, at, got[at], want[at]))

    def near(self, got, want, limit, what=''):
        """Within so many ulp."""
        distance = ulps(got, want)
        if (distance > limit).any():
            at = np.unravel_index(np.argmax(distance), distance.shape)
            self.fail('%s: %d pixels beyond %g ulp; worst at %s: got %r, want %r, %g ulp'
                      % (what, (distance > limit).sum(), limit, at, got[at], want[at], distance[at]))

    def refused(self, *words, path, calcs=(), **options):
        """Opening must fail, with a message that holds all the words; returns the message."""
        with self.assertRaises(RuntimeError) as caught:
            fishnet(path, *calcs, **options)
        message = str(caught.exception)
        for word in words:
            self.assertIn(str(word), message)
        return message

    def caret(self, message, text):
        """An expression's error: a position from 1, an excerpt, and a caret under that character; returns the position."""
        lines = message.rstrip().split('\n')
        self.assertGreaterEqual(len(lines), 3, 'no excerpt or caret: ' + message[:500])
        self.assertRegex(lines[-1], r'^\s*\^\s*$', 'no caret line: ' + message[:500])
        named = re.findall(r'position (\d+)', lines[-3])
        self.assertTrue(named, 'no position in: ' + message[:500])
        position = int(named[-1])  # it may speak of another one before
        self.assertTrue(1 <= position <= len(text) + 1, message[:500])
        column = lines[-1].index('^')
        excerpt = lines[-2]
        self.assertLessEqual(column, len(excerpt), 'caret beyond its excerpt: ' + message[:500])

        if position == len(text) + 1:
            under = not excerpt[column:].strip()
        else:  # what is not printable may be shown as something else
            under = excerpt[column:column + 1] == text[position - 1] or not ' ' <= text[position - 1] <= '~'
        self.assertTrue(under, 'the caret stands elsewhere: ' + message[:500])
        return position


@contextlib.contextmanager
def config(key, value, thread=False):
    """A configuration option for a while."""
    setter = gdal.SetThreadLocalConfigOption if thread else gdal.SetConfigOption
    old = gdal.GetConfigOption(key)
    setter(key, value)
    try:
        yield
    finally:
        setter(key, None if thread else old)


def collect_errors():
    """A handler and the list it fills with (class, text); push it, pop it."""
    seen = []
    return seen, lambda kind, number, text: seen.append((kind, text))
