"""What the tests of launchers share: the job that docs/DISTRIBUTED.md shows, over a raster that gives it 64 tiles, and the lines of that page."""
import filecmp
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), os.path.join(HERE, '..', 'docs')]

from common import good, real  # noqa: E402
import test_examples  # noqa: E402

PAGE = 'docs/DISTRIBUTED.md'
PROGRAM = os.path.join(os.environ['GDAL_DRIVER_PATH'], 'fishnet')
JOB = 'slope.fishnet.json'
ENVIRONMENT = {'PATH': os.environ['GDAL_DRIVER_PATH'] + ':' + os.environ['PATH'], 'GDAL_NUM_THREADS': '1'}


def page_block(text):
    """The one block of the page that has this text, as it stands."""
    found = ['\n'.join(block) for _, block in test_examples.blocks(PAGE) if any(text in line for line in block)]
    if len(found) != 1:
        raise AssertionError('%d blocks of %s have %r' % (len(found), PAGE, text))
    return found[0]


def lay_out_job(folder):
    """The job of the page and its dem.tif, in a new folder."""
    os.makedirs(folder)
    good('gdal_translate', '-q', '-outsize', 4096, 4096, real('dem.tif'), os.path.join(folder, 'dem.tif'))
    test_examples.lay_out_jobs(PAGE, folder)


def one_run(folder):
    """The same job in another folder, made by one run."""
    lay_out_job(folder)
    good(PROGRAM, 'run', JOB, '-q', cwd=folder)


def shell(text, folder, environment):
    """Runs lines of a shell; what they print. AssertionError: they failed."""
    done = subprocess.run(['bash', '-e', '-o', 'pipefail', '-c', text], cwd=folder, env=dict(environment, **ENVIRONMENT), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    said = done.stdout.decode('utf-8', 'replace')
    if done.returncode != 0:
        raise AssertionError('%s\nfailed (%d):\n%s' % (text, done.returncode, said))
    return said


def differing(one, other):
    """Names of files that two folders of that job do not have alike, and how many files there are. The recipe has the time of dem.tif."""
    names = {os.path.join('slope_tiles', name) for folder in (one, other) for name in os.listdir(os.path.join(folder, 'slope_tiles'))}
    names = names - {'slope_tiles/recipe.txt'} | {'slope.vrt'}
    _, mismatch, errors = filecmp.cmpfiles(one, other, names, shallow=False)
    return sorted(mismatch + errors), len(names)
