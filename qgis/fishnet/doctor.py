"""What is wrong with the installation: what `fishnet doctor` finds, and what QGIS adds to it."""
import ctypes
import glob
import json
import os
import shutil
import subprocess
import tempfile

from osgeo import gdal
from qgis.core import Qgis, QgsApplication, QgsProcessingOutputNumber, QgsProcessingOutputString

from .algorithm import Algorithm
from .gdal_run import Run

DRIVERS = ('FISHNET', 'NEARTABLE', 'ZONALSTATS')
MODULE = 'gdal_FISHNET.so'


class Doctor(Algorithm):
    NAME, TITLE, PAGE = 'doctor', 'Doctor', 'INSTALL.md'
    TAGS = ['installation', 'check', 'diagnose', 'version']
    HELP = '''Says what is installed, tests it, and what to do about each thing that is wrong. The log holds a line for each thing.'''

    def initAlgorithm(self, configuration=None):
        self.addOutput(QgsProcessingOutputNumber('WRONG', 'How many things are wrong'))
        self.addOutput(QgsProcessingOutputString('REPORT', 'Report'))

    def canExecute(self):
        return True, ''

    def compute(self, parameters, context, feedback):
        findings = [('ok', 'versions', 'QGIS %s, GDAL %s' % (Qgis.QGIS_VERSION, gdal.VersionInfo('RELEASE_NAME')), '')]
        findings += drivers()
        if not any(state == 'wrong' for state, *_ in findings):
            findings += by_program() or by_hand()
        report = []
        for state, what, text, fix in findings:
            line = '%-6s %-16s %s' % (state.upper() if state == 'wrong' else state, what, text)
            report.append(line + ('\n         fix: ' + fix if fix else ''))
            (feedback.pushWarning if state == 'wrong' else feedback.pushConsoleInfo)(report[-1])
        wrong = sum(state == 'wrong' for state, *_ in findings)
        notes = sum(state == 'note' for state, *_ in findings)
        report.append(('%d thing%s wrong' % (wrong, ' is' if wrong == 1 else 's are') if wrong else 'Nothing is wrong') +
                      ('; %d note%s.' % (notes, '' if notes == 1 else 's') if notes else '.'))
        feedback.pushInfo(report[-1])
        return {'WRONG': wrong, 'REPORT': '\n'.join(report)}


def drivers():
    """Each driver, and why it is not there."""
    words = (gdal.GetConfigOption('GDAL_SKIP') or '').replace(',', ' ').split() + list(QgsApplication.skippedGdalDrivers())
    skipped = {name.upper() for name in words}
    found = []
    for name in DRIVERS:
        if gdal.GetDriverByName(name):
            found.append(('ok', 'driver', '%s is registered' % name, ''))
        elif name in skipped:
            found.append(('wrong', 'driver', '%s is switched off' % name,
                          'Settings > Options > GDAL: switch it on; take it out of GDAL_SKIP; start QGIS again'))
        else:
            found.append(('wrong', 'driver', '%s is not registered' % name, why_not()))
    return found


def folders():
    """Where GDAL looks for modules."""
    given = os.environ.get('GDAL_DRIVER_PATH') or gdal.GetConfigOption('GDAL_DRIVER_PATH')
    if given:
        return [folder for folder in given.split(os.pathsep) if folder]
    return sorted(glob.glob('/usr/lib/*/gdalplugins') + glob.glob('/usr/lib*/gdalplugins') + glob.glob('/usr/local/lib/gdalplugins'))


def why_not():
    version = '.'.join(gdal.VersionInfo('RELEASE_NAME').split('.')[:2])
    for folder in folders():
        for file in (os.path.join(folder, version, MODULE), os.path.join(folder, MODULE)):
            if os.path.exists(file):
                try:
                    ctypes.CDLL(file)
                except OSError as error:
                    return '%s cannot be loaded: %s. Install the package for GDAL %s' % (file, error, version)
                return '%s can be loaded; look for errors with CPL_DEBUG=ON' % file
    return 'there is no %s in %s: install the package gdal-plugin-fishnet for GDAL %s, or set GDAL_DRIVER_PATH before QGIS starts' % (
        MODULE, ', '.join(folders()) or "GDAL's plugin folder", version)


def by_program():
    """What `fishnet doctor` says, with the environment of this QGIS; nothing, where there is no such program."""
    places = [folder for folder in (os.environ.get('GDAL_DRIVER_PATH', '') + os.pathsep + os.environ.get('PATH', '')).split(os.pathsep) if folder]
    program = shutil.which('fishnet', path=os.pathsep.join(places))
    if not program:
        return None
    try:
        done = subprocess.run([program, 'doctor', '-f', 'json'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=100)
        return [(one['state'], one['what'], one['text'], one.get('fix', '')) for one in json.loads(done.stdout)['findings']
                if one['what'] != 'driver']  # those of QGIS count
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):  # another program of that name
        return None


def by_hand():
    """Both kinds of worker, on a small raster."""
    folder = tempfile.mkdtemp(prefix='fishnet_doctor_')
    try:
        file = os.path.join(folder, 'small.tif')
        small = gdal.GetDriverByName('GTiff').Create(file, 64, 64)
        small.GetRasterBand(1).Fill(9)
        del small
        return [self_test(file, kind) for kind in ('THREADS', 'PROCESSES')]
    finally:
        shutil.rmtree(folder)


def self_test(file, kind):
    what = 'self-test of ' + kind.lower()
    run = Run()
    with run:
        dataset = gdal.OpenEx('FISHNET:' + file, gdal.OF_RASTER, open_options=['CALC=sqrt(A)', 'WORKERS=' + kind, 'TILE_SIZE=16'])
        values = set(dataset.ReadRaster(buf_type=gdal.GDT_Byte)) if dataset is not None else None
        del dataset
    if values == {3}:
        return 'ok', what, 'the result is the one that is known', ''
    return ('wrong', what, '; '.join(run.errors) or 'another result than the one that is known',
            'install Fishnet again; its program fishnet-worker lies beside the module')
