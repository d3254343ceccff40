"""What the tests of installations share: running a tool, and using a module that lies somewhere."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import VERSION, good, real, run  # noqa: E402,F401

BUILD = os.environ['FISHNET_BUILD']
SOURCE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
CMAKE = os.environ['FISHNET_CMAKE']  # the one that configured the build


def cache(name):
    """A value of the build's CMake cache."""
    with open(os.path.join(BUILD, 'CMakeCache.txt'), encoding='utf-8') as file:
        for line in file:
            if line.startswith(name + ':'):
                return line.split('=', 1)[1].strip()
    raise AssertionError('no %s in the cache of CMake' % name)


def content(name):
    with open(name, 'rb') as file:
        return file.read()


def files_below(folder):
    """Names of files, relative to the folder."""
    return {os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names}


def folders_below(folder):
    return {os.path.relpath(os.path.join(where, name), folder) for where, names, _ in os.walk(folder) for name in names}


def check_module(test, folder):
    """The module in that folder is the one that GDAL loads, and both kinds of worker compute the same right things."""
    environment = {'GDAL_DRIVER_PATH': folder}
    test.assertIn('FISHNET -raster', good('gdalinfo', '--formats', env=environment))
    with tempfile.TemporaryDirectory() as out:
        results = []
        for kind in 'THREADS', 'PROCESSES':
            name = os.path.join(out, kind)
            good('gdal_translate', '-q', 'FISHNET:' + real('landsat.tif'), name + '.tif', '-oo', 'CALC=(A[4]-A[3])/(A[4]+A[3])',
                 '-oo', 'WORKERS=' + kind, env=environment)
            good('ogr2ogr', name + '.csv', 'NEARTABLE:' + real('places.shp'), '-oo', 'NEAR=' + real('rivers.shp'),
                 '-oo', 'NEAR_FIELDS=name', '-oo', 'FIELDS=name', '-oo', 'WORKERS=' + kind, env=environment)
            results.append([content(name + ending) for ending in ('.tif', '.csv')])
        test.assertEqual(results[0], results[1])
        test.assertIn(b'Budapest,Danube', results[0][1].replace(b'"', b''))
        # the first pixel, from bands that are read without the pack
        bands = [float(good('gdallocationinfo', '-valonly', '-b', band, real('landsat.tif'), 0, 0)) for band in (4, 3)]
        value = float(good('gdallocationinfo', '-valonly', os.path.join(out, 'THREADS.tif'), 0, 0))
        test.assertAlmostEqual(value, (bands[0] - bands[1]) / (bands[0] + bands[1]), places=6)


def check_helper_is_beside(test, folder):
    """Without the program in that folder worker processes fail, and the message names where it should be. Threads need it not."""
    program = os.path.join(folder, 'fishnet-worker')
    os.rename(program, program + '.away')
    try:
        command = ['gdalinfo', '-checksum', 'FISHNET:' + real('landsat.tif'), '-oo', 'CALC=A', '-oo']
        failed = run(*command, 'WORKERS=PROCESSES', env={'GDAL_DRIVER_PATH': folder})
        test.assertIn('the program %s, which worker processes need, cannot be started: No such file or directory'
                      % os.path.realpath(program), failed.stderr)
        good(*command, 'WORKERS=THREADS', env={'GDAL_DRIVER_PATH': folder})
    finally:
        os.rename(program + '.away', program)
