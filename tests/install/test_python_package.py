"""The package fishnet_dask as Debian installs it and as pip does: found, of the version of the rest, and at work."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from install_common import BUILD, CMAKE, SOURCE, cache, content, files_below, good, real
from patience import patience  # noqa: E402  (install_common knows where it is)

PROGRAM = os.path.join(BUILD, 'plugins', 'fishnet')
TRY = '''
import importlib.metadata, sys
from dask.distributed import Client, LocalCluster
import fishnet_dask
if __name__ == '__main__':
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster, Client(cluster) as client:
        output = fishnet_dask.run(client, sys.argv[1], 3, program=sys.argv[2])
    print(fishnet_dask.__file__, importlib.metadata.version('fishnet-dask'), fishnet_dask.__version__, output, sep='\\n')
'''


class PythonPackage(unittest.TestCase):
    def setUp(self):
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.root = os.path.realpath(keep.name)

    def check(self, python, folder, **environment):
        """That Python finds the package in that folder, and a job in shares is done with it."""
        job = os.path.join(self.root, 'job.fishnet.json')
        with open(job, 'w') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': real('olinda.tif')}, 'calc': 'A*2', 'output': 'twice.vrt',
                       'creation_options': {'TILE_SIZE': 64}}, file)
        script = os.path.join(self.root, 'try.py')
        with open(script, 'w') as file:
            file.write(TRY)
        done = subprocess.run([python, script, job, PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=patience(100),
                              env=dict(os.environ, **environment))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('] 3 of 3 shares', done.stderr)
        where, metadata, version, output = done.stdout.splitlines()
        self.assertTrue(os.path.realpath(where).startswith(folder + '/'), where)
        self.assertEqual([metadata, version], [cache('CMAKE_PROJECT_VERSION')] * 2)
        self.assertTrue(os.path.exists(output))

    def test_debian(self):
        good(CMAKE, '--install', BUILD, '--component', 'dask', '--prefix', '/usr', env={'DESTDIR': self.root})
        folder = os.path.join(self.root, 'usr/lib/python3/dist-packages')
        self.assertEqual(files_below(self.root), {'usr/lib/python3/dist-packages/' + name for name in (
            'fishnet_dask.py', 'fishnet_dask-%s.dist-info/METADATA' % cache('CMAKE_PROJECT_VERSION'))})
        self.assertEqual(content(folder + '/fishnet_dask.py'), content(SOURCE + '/distributed/fishnet_dask.py'))
        self.check(sys.executable, folder, PYTHONPATH=folder)

    def test_pip(self):
        """Without a network: what it needs is the system's."""
        missing = [name for name in ('pip', 'setuptools', 'wheel', 'venv')
                   if subprocess.run([sys.executable, '-c', 'import ' + name], stderr=subprocess.DEVNULL).returncode]
        if missing:
            self.skipTest('this machine has no python3-' + ', python3-'.join(missing))
        source, venv = os.path.join(self.root, 'distributed'), os.path.join(self.root, 'venv')
        shutil.copytree(os.path.join(SOURCE, 'distributed'), source)  # it builds there
        good(sys.executable, '-m', 'venv', '--system-site-packages', '--without-pip', venv)
        good(venv + '/bin/python', '-m', 'pip', 'install', '-q', '--no-index', '--no-build-isolation', source, timeout=100)
        folder = glob.glob(venv + '/lib/python*/site-packages')
        self.assertEqual(len(folder), 1)
        self.check(venv + '/bin/python', folder[0], PYTHONPATH='')

    def test_versions(self):
        text = content(os.path.join(SOURCE, 'distributed', 'pyproject.toml')).decode()
        self.assertEqual(re.search(r'^version = "(.*)"', text, re.M)[1], cache('CMAKE_PROJECT_VERSION'))


if __name__ == '__main__':
    unittest.main()
