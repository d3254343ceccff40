#!/usr/bin/python3
"""Failing memory and failing system calls: GDAL's own tools run jobs of ours while the Nth call of a class fails, once
or from then on.

    sweep.py [--cases N] [--job NAME]... [--class NAME]... [--at N] [--only once|always] [--any] [-v]

Each job is first run undisturbed, with its calls counted and their stacks told apart; then once for each failure that
is tried. The verdict is good if the job gives what it gave undisturbed, or exit status not 0 with a message. It is
never good to be short, wrong, hung or dead. GDAL's own ends are counted apart: its abort() for want of memory, and
deaths whose failed call and end both lie in GDAL, with nothing of ours between. What GDAL gives without a word when it
reads an input alone (a CSV file that ends where a read has failed) is its own, too.

Without --cases all failures are tried whose stacks differ in frames of our module, each in four ways: once and from
then on, with retries and without (50,000 cases: hours). --deep: also those that differ below us, in GDAL and GEOS
(a million: days). With --cases so many, spread over jobs and classes, each place in one way. An interrupt (Ctrl-C)
ends it with the table so far. --at repeats one. --any lets calls fail that have nothing to do with our module, too:
there only hanging and dying are ours.

FISHNET_FAILING_CALLS names the library of failing_calls.c, GDAL_DRIVER_PATH the folder of the module, FISHNET_DATA that
of the real data."""
import argparse
import bisect
import collections
import concurrent.futures
import filecmp
import functools
import itertools
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from osgeo import gdal, ogr

CLASSES = ('memory', 'read', 'write', 'open', 'list', 'names', 'map', 'thread', 'process', 'socket', 'close')
TIME_LIMIT = 30  # seconds of a run
COUNTING_LIMIT = 300  # and of one that unwinds the stack of each call
PATIENCE = 10  # seconds in which all that it has started must have ended, too
SEED = int(os.environ.get('FISHNET_SEED') or 1)
LIBRARY = os.environ.get('FISHNET_FAILING_CALLS', '')

# ---- the state that failing_calls.c shares with us ----

STACK_TEXT, LOG_MOST = 16384, 1 << 20
HEAD = struct.Struct('<%dQ3Q%ds%ds' % (2 * len(CLASSES), STACK_TEXT, STACK_TEXT))


class State:
    """What the library has left in its file: counts, the log, stacks as lists of (file of module, offset, noexcept)."""

    def __init__(self, path):
        with open(path, 'rb') as f:
            head = HEAD.unpack(f.read(HEAD.size))
            self.failed, self.died, logged = head[2 * len(CLASSES):][:3]
            self.log = list(struct.iter_unpack('<2Q', f.read(16 * min(logged, LOG_MOST))))
        self.counted = {'host': dict(zip(CLASSES, head)), 'workers': dict(zip(CLASSES, head[len(CLASSES):]))}
        failed_at, died_at = (text.split(b'\0')[0].decode() for text in head[-2:])
        self.failed_at = self.frames(failed_at)
        first, _, rest = died_at.partition('\n')
        self.death = first.split()  # [] or [host or worker, signal]
        self.died_at = self.frames(rest)

    @staticmethod
    def frames(text):
        # A process that was killed may have written half of the last line.
        lines = (line.rpartition(' ') for line in text.splitlines())
        whole = ((name, offset) for name, _, offset in lines if re.fullmatch('(0x)?[0-9a-f]+', offset))
        return [(name.rstrip('!'), int(offset, 16), name.endswith('!')) for name, offset in whole]


# ---- stacks with names ----

def is_runtime(frame):
    return os.path.basename(frame[0]).startswith(('libstdc++', 'libgcc_s', 'libc.', os.path.basename(LIBRARY)))


def is_ours(frame):
    return os.path.basename(frame[0]) in ('gdal_FISHNET.so', 'fishnet-worker')


@functools.lru_cache(None)
def symbols(library):
    """(addresses, names) of a library, by address."""
    listed = ''
    for option in ('-D', '-a'):
        listed += subprocess.run(['nm', '-C', '--defined-only', option, library], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, universal_newlines=True).stdout
    found = sorted((int(line[:16], 16), line[19:]) for line in listed.splitlines() if line[17:18] in 'TtWwi')
    return [address for address, _ in found], [name for _, name in found]


lock = threading.Lock()


def name_of(frame):
    """The function; a return address may lie just behind its end, hence the 1."""
    library, offset = frame[:2]
    if not library.startswith('/'):
        return '?'
    with lock:
        addresses, names = symbols(library)
    at = bisect.bisect_right(addresses, offset - 1) - 1
    return names[at].split('(')[0] if at >= 0 else '?'


def describe(frames):
    lines = []
    for frame in frames:
        where = ''
        if is_ours(frame):
            where = subprocess.run(['addr2line', '-e', frame[0], '%x' % (frame[1] - 1)], stdout=subprocess.PIPE,
                                   universal_newlines=True).stdout.strip()
        lines.append('      %-28s %s%s %s' % (os.path.basename(frame[0])[:28], name_of(frame)[:90],
                                              ' noexcept' * frame[2], os.path.basename(where)))
    return '\n'.join(lines[:45])


# Where GDAL and libtiff crash on what they have left when they had no memory: half of an object or a tree, an error
# handler whose place on the stack is gone, a field without its value.
BREAKS = {'GDALMultiDomainMetadata::Clear', 'CPLGetXMLValue', 'CSLDuplicate', 'CPLUninstallErrorHandlerAccumulator',
          'TIFFFreeDirectory@@LIBTIFF_4.0', 'TIFFCleanup@@LIBTIFF_4.0'}


def is_gdals_own_silence(state):
    """What failed was called by GDAL: where an exception passes through it, its quiet error handler may stay. So was our
    handler of its messages, where that had no memory to keep one."""
    frames = [frame for frame in state.failed_at if not is_runtime(frame)]
    ours = list(itertools.takewhile(is_ours, frames))
    if any(name_of(frame) in ('fishnet::MessageCollector::Collect', 'fishnet::LackOfMemory::Note') for frame in ours):
        frames = [frame for frame in frames[len(ours):] if name_of(frame) not in ('CPLDefaultErrorHandler', 'CPLErrorV', 'CPLError')]
    return bool(frames) and not is_ours(frames[0])


def without_us(frames):
    return [frame for frame in frames if os.path.basename(frame[0]) != os.path.basename(LIBRARY)]


def is_within_a_feature(state):
    """While OGR reads a feature: some drivers give it without what they had no memory for, and say nothing."""
    names = [name_of(frame) for frame in state.failed_at if is_ours(frame)]
    return is_gdals_own_silence(state) and names[:1] == ['fishnet::ReadFeature']


def is_gdals_own_end(state, text):
    """By the stack: GDAL's fatal errors abort(), or what failed and what died have nothing of ours between them."""
    died, failed = without_us(state.died_at), without_us(state.failed_at)
    names = [name_of(frame) for frame in died]
    if 'CPLEmergencyError' in names + [name_of(frame) for frame in failed]:
        return True  # its fatal error, also where a handler of its own has thrown on the way
    if not died and 'FATAL: CPL' in text:
        return True  # two threads that it has ended at once leave no stack
    first = next((i for i, frame in enumerate(died) if not is_runtime(frame)), len(died))
    if any(os.path.basename(frame[0]).startswith('libstdc++') for frame in died[:first]):
        # std::terminate(), by the first function that no exception may leave; where there is none, by the first of all
        bounds = [frame for frame in died if frame[2] and not is_runtime(frame)]
        return not is_ours(bounds[0]) if bounds else not any(map(is_ours, died))
    if is_gdals_own_silence(state) and BREAKS.intersection(names):
        return True  # the C library may have seen it: "double free"
    if state.death[-1:] == ['06']:
        is_heap_broken = re.search(r'\b(free|malloc|realloc)\(\):|corrupt|smashing', text)
        return first < len(died) and not is_ours(died[first]) and not is_heap_broken
    if len(died) > first + 1 and not any(map(is_ours, died[first:first + 2])) and is_gdals_own_silence(state):
        return True  # deep within it, and not in a function that we have called
    common = 0
    while common < min(len(died), len(failed)) and died[-1 - common][:2] == failed[-1 - common][:2]:
        common += 1
    above = died[:len(died) - common] + failed[:len(failed) - common]
    return common > 0 and not any(map(is_ours, above))


# ---- what a job has written ----

def bytes_of(path):
    with open(path, 'rb') as f:
        return f.read()


def partial_of(path):
    """Without the head, whose recipe is another one where an input could not be looked at: then it is refused."""
    return bytes_of(path)[40:]


def rows_of(path):
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    if dataset is None:
        return None
    layers = []
    for i in range(dataset.GetLayerCount()):
        layer = dataset.GetLayer(i)
        gdal.ErrorReset()
        rows = [feature.ExportToJson() for feature in layer]
        defn = layer.GetLayerDefn()
        fields = [defn.GetFieldDefn(k).GetName() for k in range(defn.GetFieldCount())]
        layers.append((layer.GetName(), fields, rows, gdal.GetLastErrorMsg()))
    return layers


def raster_of(path):
    """Everything about a raster but its name."""
    dataset = gdal.Open(path)
    if dataset is None:
        return None
    info = gdal.Info(dataset, format='json')
    for key in ('description', 'files'):
        info.pop(key, None)
    pixels = dataset.ReadRaster()
    masks = [dataset.GetRasterBand(i + 1).GetMaskBand().ReadRaster() for i in range(dataset.RasterCount)]
    return info, pixels, masks


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


# ---- jobs ----

class Job:
    """command: the words of a tool, run in an empty folder. results: files that it writes there. ours: the last of them
    is put in its place by our module, when all is whole. read: how results are compared where bytes differ. where: the
    processes in which calls fail. source: a file of which GDAL alone may give less, without a word, when a read fails.
    before: a folder whose files are there when it begins.
    """

    def __init__(self, name, command, results, read, ours=False, where=('host',), retries='-oo', source=None, before=None):
        self.name, self.command, self.results, self.read, self.ours = name, command, results, read, ours
        self.where, self.retries, self.source, self.before = where, retries, source, before

    def words(self, no_retries):
        return self.command + ([self.retries, 'RETRIES=0'] if no_retries else [])


def oo(flag='-oo', **options):
    words = []
    for option in options.items():
        words += [flag, '%s=%s' % option]
    return words


def jobs(inputs):
    def path(name):
        return os.path.join(inputs, name)
    processes, both = {'WORKERS': 'PROCESSES'}, ('host', 'workers')
    raster = ['gdal_translate', '-q']
    calc = {'CALC': 'sqrt(A)+B', 'B': path('b.tif'), 'NUM_WORKERS': 2, 'TILE_SIZE': 64}
    tiles = raster + ['-of', 'FISHNET', path('a.tif'), 'out.vrt'] + oo('-co', **dict(calc, TILE_SIZE=128))
    single = raster + ['-of', 'FISHNET', path('a.tif'), 'out.tif'] + oo(
        '-co', OUTPUT='SINGLE', COMPRESS='DEFLATE', BLOCKXSIZE=64, BLOCKYSIZE=64, CALC=calc['CALC'], B=calc['B'],
        NUM_WORKERS=2)
    near = {'NEAR': path('near.gpkg'), 'NUM_WORKERS': 2, 'PARTITION_SIZE': 100, 'FIELDS': 'name', 'NEAR_FIELDS': 'name'}

    def table(source, **more):
        return ['ogr2ogr', 'out.csv', 'NEARTABLE:' + path(source)] + oo(**dict(near, **more))
    parts = ['ogr2ogr', '-f', 'NEARTABLE', 'out.vrt', 'NEARTABLE:' + path('in.gpkg'), '-dsco', 'PARTS=4'] + oo(**near)
    stream = ['ogr2ogr', '-f', 'NEARTABLE', 'out.vrt', 'NEARTABLE:' + path('in.csv'), '-dsco', 'PARTS=4', '-dsco', 'FORMAT=CSV'] + oo(**near)
    one = ['ogr2ogr', '-f', 'NEARTABLE', 'out.csv', 'NEARTABLE:' + path('in.gpkg'), '-dsco', 'OUTPUT=SINGLE'] + oo(**near)
    copy = raster + ['FISHNET:' + path('a.tif'), 'out.tif'] + oo(**calc)
    polygons = table('polygons.geojson', NEAR=path('polygons.geojson'), METHOD='PLANAR', CLOSEST=2)

    zonal = ['ogr2ogr', 'out.csv', 'ZONALSTATS:' + path('zones.gpkg')] + oo(
        RASTER=path('a.tif'), STATS='COUNT,MEAN,STD,MEDIAN,VARIETY', PIXELS='FRACTION', FIELDS='*', NUM_WORKERS=2, TILE_SIZE=64)
    classes = ['ogr2ogr', 'out.csv', 'ZONALSTATS:' + path('zones.gpkg')] + oo(RASTER=path('classes.tif'), NUM_WORKERS=2, TILE_SIZE=64)

    groups = ['ogr2ogr', 'out.csv', 'ZONALSTATS:' + path('zones.gpkg')] + oo(
        RASTER=path('a.tif'), CALC='A*2', WEIGHTS=path('b.tif'), STATS='COUNT,MEAN,WEIGHTED_MEAN', ZONE_FIELD='group', NUM_WORKERS=2, TILE_SIZE=64)
    windows = raster + ['FISHNET:' + path('a.tif'), 'out.tif'] + oo(
        CALC='focal_median(focal_mean(A, 3, edge=wrap) - A[0,1], circle(2)) + slope(A)', NUM_WORKERS=2, TILE_SIZE=64)
    numbers = ['ogr2ogr', 'out.csv', 'ZONALSTATS:' + path('classes.tif')] + oo(RASTER=path('a.tif'), STATS='COUNT,SUM,MEDIAN', NUM_WORKERS=2, TILE_SIZE=64)

    shared = ['ogr2ogr', '-f', 'ZONALSTATS', 'out.vrt'] + groups[2:] + ['-dsco', 'FORMAT=CSV', '-dsco']

    def to_raster(name, command, **more):
        return Job(name, command, ['out.tif'], raster_of, **more)

    def to_tiles(name, command, **more):
        return Job(name, command, ['out.vrt'], raster_of, ours=True, retries='-co', source='a.tif', **more)

    def to_table(name, command, **more):
        return Job(name, command, ['out.csv'], rows_of, **more)

    def to_parts(name, command, **more):
        return Job(name, command, ['out.vrt'], rows_of, ours=True, **more)
    return [
        to_raster('raster', copy),
        to_raster('raster_processes', copy + oo(**processes), where=both),
        to_raster('raster_copy', raster + ['FISHNET:' + path('a.vrt'), 'out.tif'] + oo(NUM_WORKERS=2)),
        to_raster('raster_recipe', raster + [path('r.fishnet.json'), 'out.tif']),
        to_raster('windows', windows),
        to_raster('windows_processes', windows + oo(**processes), where=both),
        to_tiles('tiles', tiles),
        to_tiles('tiles_processes', tiles + oo('-co', **processes), where=both),
        to_raster('single', single, ours=True, retries='-co', source='a.tif'),
        to_raster('single_processes', single + oo('-co', **processes), ours=True, where=both, retries='-co',
                  source='a.tif'),
        to_table('near', table('in.gpkg')),
        to_table('near_processes', table('in.gpkg', **processes), where=both),
        to_table('near_reader', table('in.csv', MATCH='name', CLOSEST=2), source='in.csv'),
        to_table('near_reader_processes', table('in.csv', **processes), where=both, source='in.csv'),
        to_table('near_where', table('in.gpkg', WHERE="name > 'D'", GEOMETRY='LINE')),
        to_table('near_polygons', polygons, source='polygons.geojson'),
        to_table('near_recipe', ['ogr2ogr', 'out.csv', path('n.fishnet.json')]),
        to_table('zonal', zonal),
        to_table('zonal_processes', zonal + oo(**processes), where=both),
        to_table('zonal_classes', classes + oo(HISTOGRAM='LONG', PIXELS='FRACTION')),
        to_table('zonal_columns', classes + oo(HISTOGRAM='WIDE', PERCENTILES='90')),
        to_table('zonal_columns_processes', classes + oo(HISTOGRAM='WIDE', **processes), where=both),
        to_table('zonal_groups', groups),
        to_table('zonal_groups_processes', groups + oo(**processes), where=both),
        to_table('zonal_numbers', numbers),
        to_table('zonal_numbers_processes', numbers + oo(**processes), where=both),
        Job('zonal_share', shared + ['PARTITION=2/3'], ['out_parts/part_0001.partial'], partial_of),
        to_parts('zonal_fold', shared + ['ASSEMBLE=YES'], before=shares_of(shared, inputs)),
        Job('near_single', one, ['out.csv'], rows_of, ours=True),
        Job('near_single_processes', one + oo(**processes), ['out.csv'], rows_of, ours=True, where=both),
        to_parts('parts', parts),
        to_parts('parts_stream', stream, source='in.csv'),
        to_parts('parts_processes', parts + oo(**processes), where=both),
    ]


def shares_of(words, inputs):
    """A folder with all of three shares."""
    folder = os.path.join(inputs, 'shares')
    os.mkdir(folder)
    for share in (1, 2, 3):
        subprocess.run(words + ['PARTITION=%d/3' % share], cwd=folder, check=True)
    return folder


def make_inputs(folder):
    """Small ones: a run is to take a tenth of a second."""
    data = os.environ['FISHNET_DATA']

    def path(name):
        return os.path.join(folder, name)
    tiled = ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64', 'COMPRESS=DEFLATE']
    for name, x in (('a.tif', 0), ('b.tif', 300)):
        gdal.Translate(path(name), os.path.join(data, 'dem.tif'), srcWin=[x, 300, 200, 200],
                       outputBounds=[-106, 38, -105.9, 37.9], creationOptions=tiled)
    gdal.BuildVRT(path('a.vrt'), [path('a.tif')])
    gdal.Translate(path('classes.tif'), path('a.tif'), outputType=gdal.GDT_Byte, scaleParams=[[0, 5000, 0, 50]], creationOptions=tiled)
    names = 'SELECT name FROM %s WHERE %s'
    places = os.path.join(data, 'places.shp')
    gdal.PushErrorHandler('CPLQuietErrorHandler')
    gdal.VectorTranslate(path('in.gpkg'), places, SQLStatement=names % ('places', 'FID < 600'))
    gdal.VectorTranslate(path('near.gpkg'), os.path.join(data, 'rivers.shp'),
                         SQLStatement=names % ('rivers', 'FID < 40'))
    gdal.VectorTranslate(path('in.csv'), places, SQLStatement=names % ('places', 'FID < 600'),
                         layerCreationOptions=['GEOMETRY=AS_WKT'])
    gdal.VectorTranslate(path('polygons.geojson'), places, SQLDialect='SQLite', layerName='squares',
                         SQLStatement='SELECT name, ST_Buffer(geometry, 0.3, 2) FROM places LIMIT 300')
    gdal.PopErrorHandler()
    zones = gdal.GetDriverByName('GPKG').Create(path('zones.gpkg'), 0, 0, 0)
    layer = zones.CreateLayer('zones', gdal.Open(path('a.tif')).GetSpatialRef())
    layer.CreateField(ogr.FieldDefn('name', ogr.OFTString))
    layer.CreateField(ogr.FieldDefn('group', ogr.OFTInteger))
    for i in range(60):
        feature, x, y = ogr.Feature(layer.GetLayerDefn()), -106 + i % 8 * 0.012, 37.9 + i // 8 * 0.012
        feature['name'], feature['group'] = 'Z%d' % i, i % 7
        feature.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON ((%r %r, %r %r, %r %r, %r %r))' % (x, y, x + 0.03, y, x, y + 0.02, x, y)))
        layer.CreateFeature(feature)
    zones = layer = feature = None
    with open(path('r.fishnet.json'), 'w') as f:
        json.dump({'type': 'fishnet_raster', 'inputs': {'A': 'a.tif', 'B': 'b.tif'},
                   'calc': ['A-B', 'where(A>2500, A, NODATA)'], 'num_workers': 2, 'tile_size': 64}, f)
    with open(path('n.fishnet.json'), 'w') as f:
        json.dump({'type': 'near_table', 'input': 'in.gpkg', 'near': ['near.gpkg', 'in.gpkg'], 'closest': 2,
                   'num_workers': 2, 'location': True, 'partition_size': 100}, f)


# ---- one run ----

Case = collections.namedtuple('Case', 'job kind at duration where stack no_retries')
Result = collections.namedtuple('Result', 'verdict text')
GOOD = ('right', 'words', 'gdal')


def stacks_of_group(group):
    """Where the processes of a group are."""
    text = ''
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and os.getpgid(int(name)) == group:
                text += subprocess.run(['gdb', '-p', name, '-batch', '-ex', 'thread apply all bt 14'],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True,
                                       timeout=60).stdout
        except (OSError, subprocess.SubprocessError):
            continue
    return '\n'.join('      ' + line[:160] for line in text.splitlines() if line.startswith(('#', 'Thread')))


class Sweep:
    def __init__(self, folder, few):
        self.folder, self.few, self.count, self.lock = folder, few, 0, threading.Lock()

    def run(self, words, limit=TIME_LIMIT, before=None, **environment):
        """(exit status, error text, state, folder of the results, what hung)."""
        with self.lock:
            self.count += 1
            out = os.path.join(self.folder, 'run%d' % self.count)
        if before:
            shutil.copytree(before, out)
        else:
            os.mkdir(out)
        state = out + '.state'
        with open(state, 'wb') as f:
            f.truncate(HEAD.size + 16 * LOG_MOST)
        environment = dict(os.environ, LD_PRELOAD=LIBRARY, FAULT_STATE=state, GDAL_PAM_ENABLED='NO', **environment)
        with open(out + '.errors', 'w+b') as errors:
            process = subprocess.Popen(words, cwd=out, env=environment, stdout=subprocess.DEVNULL, stderr=errors,
                                       start_new_session=True)
            hung = ''
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                hung = stacks_of_group(process.pid) or 'no stack'
            left = self.end_group(process)
            errors.seek(0)
            text = errors.read().decode('utf-8', 'replace')
        result = process.returncode, text, State(state), out, hung, left
        os.remove(state)
        os.remove(out + '.errors')
        return result

    @staticmethod
    def end_group(process):
        """Ends the tool and what it has started. Is anything there that should have ended?"""
        end = time.monotonic() + PATIENCE
        left = process.poll() is not None
        while left:
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return False
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        return left

    def count_calls(self, job):
        """An undisturbed run: its results, and its calls."""
        environment = {} if self.few else {'FAULT_LOG': 'all'}
        status, text, state, out, hung, left = self.run(job.words(False), COUNTING_LIMIT, job.before, **environment)
        if status != 0 or hung or left:
            why = 'hung:\n' + hung if hung else 'processes are left' if left else 'exit status %d' % status
            raise AssertionError('%s, undisturbed: %s\n%s' % (job.name, why, text))
        job.out = out
        job.content = {name: job.read(os.path.join(out, name)) for name in job.results}
        job.state = state
        return job

    @functools.lru_cache(None)
    def is_deaf(self, source):
        """Does GDAL alone give less, and say nothing, when a read fails while it copies this file? It takes it for the
        end of the file, or leaves the CRS out when PROJ's database cannot be read. Then nobody can be told."""
        if source is None:
            return False
        path, is_raster = os.path.join(self.folder, source), source.endswith('.tif')
        name = 'out.tif' if is_raster else 'out.csv'
        words = ['gdal_translate', '-q', path, name] if is_raster else ['ogr2ogr', name, path]
        status, text, state, out = self.run(words, FAULT_STACK='any', FAULT_FROM=self.folder)[:4]
        whole = bytes_of(os.path.join(out, name))
        for at in range(state.counted['host']['read'], 0, -1):  # the file's own are the last
            status, text, state, out = self.run(words, FAULT_CLASS='read', FAULT_AT=str(at), FAULT_FOR='once',
                                                FAULT_STACK='any', FAULT_FROM=self.folder)[:4]
            made = os.path.join(out, name)
            if status == 0 and not (os.path.exists(made) and bytes_of(made) == whole):
                return True
        return False

    def same(self, job, out):
        """'' or what differs from the undisturbed run."""
        if job.ours and files_below(job.out) == files_below(out):
            names = [name for name in files_below(out) if not name.endswith('recipe.txt')]
            if all(filecmp.cmp(os.path.join(job.out, name), os.path.join(out, name), False) for name in names):
                return ''
        for name in job.results:
            if not os.path.exists(os.path.join(out, name)):
                return name + ' is missing'
            if not job.ours and filecmp.cmp(os.path.join(job.out, name), os.path.join(out, name), False):
                continue
            gdal.PushErrorHandler('CPLQuietErrorHandler')
            try:
                content = job.read(os.path.join(out, name))
            finally:
                gdal.PopErrorHandler()
            if content is None:
                return name + ' cannot be read'
            if content != job.content[name]:
                return '%s differs: %s' % (name, self.difference(content, job.content[name]))
        return ''

    @staticmethod
    def difference(got, want):
        if isinstance(got, list):
            return '%s rows, should be %s' % ([len(layer[2]) for layer in got], [len(layer[2]) for layer in want])
        if isinstance(got, bytes):
            return '%d bytes, should be %d' % (len(got), len(want))
        what = [name for name, a, b in zip(('description', 'pixels', 'masks'), got, want) if a != b]
        keys = [key for key in set(got[0]) | set(want[0]) if got[0].get(key) != want[0].get(key)]
        return ', '.join(what + keys)

    def judge(self, case):
        environment = {'FAULT_CLASS': case.kind, 'FAULT_AT': str(case.at), 'FAULT_FOR': case.duration,
                       'FAULT_WHERE': case.where, 'FAULT_STACK': case.stack, 'FAULT_FROM': self.folder}
        status, text, state, out, hung, left = self.run(case.job.words(case.no_retries), before=case.job.before, **environment)
        differs = '' if hung or status < 0 else self.same(case.job, out)
        finished = case.job.ours and status != 0 and differs and os.path.exists(os.path.join(out, case.job.results[-1]))
        shutil.rmtree(out)
        failed_in_ours = any(map(is_ours, state.failed_at))
        if hung:
            verdict, why = 'hung', hung
        elif status < 0:
            verdict, why = ('gdal' if is_gdals_own_end(state, text) else 'dead'), 'signal %d' % -status
        elif left:
            verdict, why = 'left', 'processes are left'
        elif state.died and not is_gdals_own_end(state, text):
            verdict, why = 'dead', 'a worker died in our code'
        elif status == 0 and differs:
            its_own = not failed_in_ours or (case.kind == 'read' and self.is_deaf(case.job.source)) or (
                case.kind == 'memory' and 'ERROR' not in text and is_within_a_feature(state))
            verdict, why = ('gdal' if its_own else 'wrong'), differs
        elif status == 0:
            verdict, why = 'right', ''
        elif finished:
            verdict, why = 'unfinished', 'exit status %d, and %s is there: %s' % (status, case.job.results[-1], differs)
        else:
            verdict, why = 'words', 'exit status %d' % status
            if 'ERROR' not in text and 'FAILURE' not in text:
                verdict = 'gdal' if case.kind == 'memory' and is_gdals_own_silence(state) else 'mute'
        lines = ['%s: %s' % (verdict.upper(), why), '    ' + ' '.join(text.strip()[-900:].splitlines())]
        if verdict in GOOD:
            return Result(verdict, '\n'.join(lines))
        if state.failed:
            lines += ['    the call that failed (%d did):' % state.failed, describe(state.failed_at)]
        if state.died_at:
            lines += ['    the end of the %s by signal %s:' % tuple(state.death), describe(state.died_at)]
        return Result(verdict, '\n'.join(lines))


# ---- which failures ----

def places(job, kind, where, deep):
    """Numbers of calls, one for each stack; those that differ in our frames first, and with `deep` the others."""
    by_ours, by_all = {}, {}
    for which, hashes in job.state.log:
        if which >> 55 == CLASSES.index(kind) << 1 | (where == 'workers'):
            by_ours.setdefault(hashes >> 32, which & (1 << 55) - 1)
            by_all.setdefault(hashes & 0xffffffff, which & (1 << 55) - 1)
    order = random.Random('%d %s %s %s' % (SEED, job.name, kind, where))
    first, rest = sorted(by_ours.values()), sorted(set(by_all.values()) - set(by_ours.values()))
    order.shuffle(first)
    order.shuffle(rest)
    return first + rest if deep else first


def cases_of(job, kind, where, at, turn, arguments):
    """All of one place; where there are to be few, one, each in its turn another."""
    kinds = [(duration, no_retries) for no_retries in (False, True) for duration in ('once', 'always')]
    if arguments.cases:
        kinds = kinds[turn % 4:][:1]
    if arguments.only:
        kinds = [(arguments.only, no_retries) for no_retries in sorted({no_retries for _, no_retries in kinds})]
    return [Case(job, kind, at, duration, where, 'any' if arguments.any else 'ours', no_retries)
            for duration, no_retries in kinds]


def choose(all_jobs, arguments):
    """Cases, so that each job and class has its share whatever their number is."""
    lines = []
    for job in all_jobs:
        for kind in arguments.kind or CLASSES:
            for where in job.where:
                deep = arguments.deep or arguments.cases > 0
                numbers = [arguments.at] if arguments.at else places(job, kind, where, deep)
                lines.append([case for turn, at in enumerate(numbers)
                              for case in cases_of(job, kind, where, at, turn, arguments)])
    chosen, turn = [], 0
    while any(turn < len(cases) for cases in lines) and not (arguments.cases and len(chosen) >= arguments.cases):
        chosen += [cases[turn] for cases in lines if turn < len(cases)]
        turn += 1
    return chosen[:arguments.cases] if arguments.cases else chosen


def table(results):
    columns = ('right', 'words', 'gdal')
    print('\n%-24s %8s %8s %16s %18s %14s' % ('job', 'N tried', 'right', 'failed in words', "GDAL's own ends",
                                             'anything else'))
    total = collections.Counter()
    for name, verdicts in list(results.items()) + [('all', total)]:
        tried = sum(verdicts.values())
        print('%-24s %8d %8d %16d %18d %14d' % (name, tried, *(verdicts[c] for c in columns),
                                                tried - sum(verdicts[c] for c in columns)))
        if name != 'all':
            total.update(verdicts)
    return sum(total.values()) - sum(total[c] for c in columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', type=int, default=0)
    parser.add_argument('--job', action='append')
    parser.add_argument('--class', action='append', dest='kind', choices=CLASSES)
    parser.add_argument('--deep', action='store_true')
    parser.add_argument('--at', type=int, default=0)
    parser.add_argument('--only', choices=('once', 'always'))
    parser.add_argument('--any', action='store_true')
    parser.add_argument('-v', action='store_true', dest='verbose')
    arguments = parser.parse_args()
    if not os.path.exists(LIBRARY) or not os.environ.get('GDAL_DRIVER_PATH'):
        sys.exit('FISHNET_FAILING_CALLS or GDAL_DRIVER_PATH is not set')
    folder = tempfile.mkdtemp(prefix='fishnet-faults-')
    begin = time.monotonic()
    try:
        make_inputs(folder)
        sweep = Sweep(folder, few=arguments.cases > 0)
        chosen = [job for job in jobs(folder) if not arguments.job or job.name in arguments.job]
        cpus = len(os.sched_getaffinity(0))
        results = collections.OrderedDict((job.name, collections.Counter()) for job in chosen)
        with concurrent.futures.ThreadPoolExecutor(cpus) as pool:
            for job in pool.map(sweep.count_calls, chosen):
                for where in job.where:
                    counted = ['%s %d' % item for item in job.state.counted[where].items() if item[1]]
                    print('%-24s %-8s %s' % (job.name, where, ' '.join(counted)), flush=True)
            cases = choose(chosen, arguments)
            print('%d cases' % len(cases), flush=True)
            try:
                for case, result in zip(cases, pool.map(sweep.judge, cases)):
                    results[case.job.name][result.verdict] += 1
                    if result.verdict not in GOOD or arguments.verbose:
                        print('\n%s --class %s --at %d --only %s (in %s%s)\n  %s' % (
                              case.job.name, case.kind, case.at, case.duration, case.where,
                              ', RETRIES=0' if case.no_retries else '', result.text), flush=True)
            except KeyboardInterrupt:  # the table of what was tried until then
                pool.shutdown(wait=False, cancel_futures=True)
        bad = table(results)
        print('%.0f s, FISHNET_SEED=%d' % (time.monotonic() - begin, SEED))
        sys.exit(1 if bad else 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
