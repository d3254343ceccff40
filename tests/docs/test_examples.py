"""Every command and every piece of Python that README.md and the pages of docs/ show is run, in a copy of the sample data."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from osgeo import gdal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'remote'))
from common import VERSION, patience, real  # noqa: E402
import range_server  # noqa: E402

# A Slurm of one machine, as far as the pages need it; the real one is in tests/distributed.
SBATCH = """#!/bin/bash
[[ $1 == --wait && $2 =~ ^--array=1-([0-9]+)$ && $3 == --wrap && $# == 4 ]] || exit 1
for ((i = 1; i <= BASH_REMATCH[1]; i++)); do SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MAX=${BASH_REMATCH[1]} sh -c "$4" || exit 1; done
"""
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
TOOLS = ('echo', 'for', 'mkdir', 'sbatch', 'fishnet', 'gdal', 'gdal_translate', 'gdalinfo', 'gdalwarp', 'gdaldem', 'gdalbuildvrt', 'gdallocationinfo', 'ogr2ogr', 'ogrinfo')
PAGES = ['README.md', 'docs/TASKS.md', 'docs/FISHNET.md', 'docs/NEARTABLE.md', 'docs/ZONALSTATS.md', 'docs/PIPELINES.md', 'docs/RECIPES.md', 'docs/INSTALL.md', 'docs/COMMANDS.md',
         'docs/DISTRIBUTED.md', 'docs/REMOTE.md', 'docs/PYTHON.md', 'vrt/README.md']


def lay_out(folder, page):
    """The sample data that comes with the package; for the library of the source tree the real data beside it."""
    sample = os.environ.get('FISHNET_SAMPLE', '')
    if not os.path.exists(os.path.join(sample, 'README.md')):
        raise AssertionError('there is no sample data in "%s" (FISHNET_SAMPLE): ./run data' % sample)
    shutil.copytree(sample, folder, dirs_exist_ok=True)
    if page == 'vrt/README.md':
        shutil.rmtree(os.path.join(folder, 'vrt'))
        shutil.copytree(os.path.join(ROOT, 'vrt'), os.path.join(folder, 'vrt'))
        os.mkdir(os.path.join(folder, 'build'))
        os.symlink(os.path.dirname(os.path.abspath(real('dem.tif'))), os.path.join(folder, 'build', 'data'))


def lay_out_jobs(page, folder):
    """A job file that the page shows is called as its output."""
    for _, block in blocks(page):
        text = '\n'.join(block)
        if block[0] == '{' and '"output"' in text:
            with open(os.path.join(folder, os.path.splitext(json.loads(text)['output'])[0] + '.fishnet.json'), 'w') as file:
                file.write(text)


# What a fence says of a block that nobody runs: output, or a piece of a file.
SHOWN = ('text', 'xml', 'cmake')


def blocks(page):
    """(heading, lines) of the code blocks of a page, those with four blanks in front and those between fences, but for what is only shown."""
    with open(os.path.join(ROOT, page), encoding='utf-8') as file:
        lines = file.read().split('\n')
    heading, fenced, shown, block = '', False, False, []
    for line in lines + ['']:
        fence = line.startswith('```')
        if fenced and not fence:
            block += [] if shown else [line]
        elif line.startswith('    ') or (block and not fence and line == '' and block[-1] != ''):
            block.append(line[4:])
        else:
            if block:
                yield heading, block
            block = []
            if line.startswith('#'):
                heading = line.strip('# ')
        if fence:
            fenced, shown = not fenced, line[3:] in SHOWN


def is_recipe(block):
    """Whether it is one that says not what is to become of it, as the jobs of lay_out_jobs() do."""
    return block[0] == '{' and '"type": "' in '\n'.join(block) and '"output"' not in '\n'.join(block) and 'jobDefinitionName' not in '\n'.join(block)


def commands(page):
    """(heading, words for subprocess, lines of its output). In a block for the shell a line that ends in a backslash goes on in the
    next one, and what follows a command with a prompt is its output. A block that begins with an import is Python; a recipe is opened."""
    for heading, block in blocks(page):
        if is_recipe(block):
            look = 'gdalinfo -checksum' if 'raster' in json.loads('\n'.join(block))['type'] else 'ogrinfo -al -q'
            yield heading, ['bash', '-c', "cat > shown.fishnet.json <<'END' && %s shown.fishnet.json\n%s\nEND" % (look, '\n'.join(block))], []
            continue
        if re.match('from osgeo import|import', block[0]):
            yield heading, ['/usr/bin/python3', '-c', '\n'.join(block)], []
            continue
        shown = []
        for line in '\n'.join(block).replace('\\\n', '').split('\n'):
            text = re.sub(r'^\$ ', '', line.strip())
            if text.split(' ')[0] in TOOLS:
                shown.append((heading, ['bash', '-e', '-o', 'pipefail', '-c', text], []))
            elif shown and text and block[0].startswith('$ '):
                shown[-1][2].append(text)
        yield from shown


def there_is(module):
    return subprocess.run(['/usr/bin/python3', '-c', 'import ' + module], stderr=subprocess.DEVNULL).returncode == 0


def for_fiona(found):
    """With it, what the page has to be told to Fiona stands before each piece that uses geopandas."""
    told = [words[-1] for _, words, _ in found if words[-1].startswith('import fiona')]
    if told and there_is('fiona') and not there_is('pyogrio'):
        for _, words, _ in found:
            if words[-1].startswith('import geopandas'):
                words[-1] = words[-1].replace('import geopandas', 'import geopandas\n' + told[0], 1)
    return found


def cannot(text):
    """Why this system cannot run a command, or nothing."""
    for module in re.findall('^import (rasterio|rioxarray|geopandas|fiona)', text):
        if not there_is(module):
            return 'there is no ' + module
    if (text.startswith('gdal ') or 'gdal.Run(' in text or '.gdalg.json' in text) and VERSION < (3, 11):
        return 'GDAL %s has no program gdal' % gdal.__version__
    if text.startswith('sbatch --dependency'):
        return 'it waits for an array of Slurm, as tests/distributed does'
    if ' external ' in text and VERSION < (3, 13):
        return 'GDAL %s has no step external' % gdal.__version__
    if 'GTI' in text and VERSION < (3, 9):
        return 'GDAL %s has no driver GTI' % gdal.__version__
    return None


class TestExamples(unittest.TestCase):
    """One test for each page, made below."""

    def run_page(self, page):
        found = for_fiona(list(commands(page)))
        with tempfile.TemporaryDirectory() as folder, range_server.serve(os.environ['FISHNET_SAMPLE']) as server:
            lay_out(folder, page)
            os.mkdir(os.path.join(folder, 'bin'))
            with open(os.path.join(folder, 'bin', 'sbatch'), 'w') as file:
                file.write(SBATCH)
            os.chmod(file.name, 0o755)
            lay_out_jobs(page, folder)
            for heading, words, expected in found:
                text = words[-1]
                with self.subTest(heading=heading, command=text):
                    reason = cannot(text)
                    if reason:
                        print('%s: %s: not run: %s' % (page, reason, text))
                        continue
                    path = ':'.join([folder + '/bin', os.environ['GDAL_DRIVER_PATH'], os.environ['PATH']])  # the program fishnet is beside the module
                    words[-1] = text.replace('https://example.com', server.host)
                    done = subprocess.run(words, cwd=folder, env=dict(os.environ, PATH=path), timeout=patience(100), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT)
                    output = done.stdout.decode('utf-8', 'replace')
                    self.assertEqual(done.returncode, 0, output[:500])
                    self.assertNotRegex(output, r'(?m)^ERROR ')
                    for line in expected:
                        self.assertIn(line, output)
        return len(found)


def add(page):
    def test(self):
        self.assertGreater(self.run_page(page), 0, 'no command found in ' + page)
    setattr(TestExamples, 'test_' + re.sub(r'\W+', '_', page), test)


for _page in PAGES:
    if os.path.exists(os.path.join(ROOT, _page)):
        add(_page)


if __name__ == '__main__':
    unittest.main()
