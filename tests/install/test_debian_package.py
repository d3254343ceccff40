"""The Debian packages that CPack makes of the build (FISHNET_BUILD): names, fields, files, and that the unpacked module works."""
import glob
import gzip
import os
import re
import shutil
import tempfile
import unittest

from osgeo import gdal

from install_common import BUILD, CMAKE, SOURCE, check_module, content, files_below, good


@unittest.skipUnless(shutil.which('dpkg-shlibdeps'), 'this system has no dpkg-shlibdeps (dpkg-dev): it makes no Debian packages')
class DebianPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.root = os.path.realpath(cls.keep.name)
        cpack = os.path.join(os.path.dirname(CMAKE), 'cpack')
        umask = os.umask(0o002)  # it must not matter
        good(cpack, '--config', os.path.join(BUILD, 'CPackConfig.cmake'), '-B', cls.root, timeout=120)
        os.umask(umask)
        cls.packages = {os.path.basename(name).split('_')[0]: name for name in glob.glob(cls.root + '/*.deb')}
        cls.unpacked = {}
        for package, name in cls.packages.items():
            cls.unpacked[package] = os.path.join(cls.root, 'unpacked_' + package)
            good('dpkg-deb', '-x', name, cls.unpacked[package])

    @classmethod
    def tearDownClass(cls):
        cls.keep.cleanup()

    def field(self, package, name):
        return good('dpkg-deb', '-f', self.packages[package], name).strip()

    def test_there_are_three_and_their_names_tell_the_gdal(self):
        self.assertEqual(set(self.packages), {'gdal-plugin-fishnet', 'libfishnet-dev', 'python3-fishnet-dask'})
        running = re.match(r'[\d.]+', gdal.__version__).group()
        architecture = good('dpkg', '--print-architecture').strip()
        self.assertRegex(os.path.basename(self.packages['gdal-plugin-fishnet']),
                         r'^gdal-plugin-fishnet_\d+\.\d+\.\d+\+gdal%s-1_%s\.deb$' % (re.escape(running), architecture))

    def test_versions_are_in_the_order_of_upgrades(self):
        version = self.field('gdal-plugin-fishnet', 'Version')
        older, newer = (re.sub(r'gdal[\d.]+', 'gdal' + gdal_version, version) for gdal_version in ('3.6.2', '3.10.3'))
        good('dpkg', '--compare-versions', older, 'lt', newer)

    def test_the_abi_of_gdal_is_a_dependency(self):
        """libgdal32, libgdal36, libgdal39...: the package that holds the library which the module is linked against."""
        needed = re.search(r'\[libgdal\.so\.(\d+)\]', good('readelf', '-dW', os.path.join(BUILD, 'plugins/gdal_FISHNET.so'))).group(1)
        self.assertRegex(self.field('gdal-plugin-fishnet', 'Depends'), r'\blibgdal%s\b' % needed)
        for library in 'libgeos', 'libproj', 'libsleef', 'libtiff':
            self.assertIn(library, self.field('gdal-plugin-fishnet', 'Depends'))
        for library in 'libdeflate-dev', 'libgeos-dev', 'libproj-dev', 'libsleef-dev', 'libzstd-dev':
            self.assertIn(library, self.field('libfishnet-dev', 'Depends'))

    def test_the_python_package_is_for_any_machine_with_this_plugin(self):
        self.assertEqual(self.field('python3-fishnet-dask', 'Architecture'), 'all')
        self.assertEqual(self.field('python3-fishnet-dask', 'Depends'), 'gdal-plugin-fishnet (= %s), python3, python3-distributed'
                         % self.field('gdal-plugin-fishnet', 'Version'))
        control = os.path.join(self.root, 'control')
        good('dpkg-deb', '-e', self.packages['python3-fishnet-dask'], control)
        for script in 'postinst', 'prerm':
            self.assertTrue(os.access(os.path.join(control, script), os.X_OK))
            good('sh', '-n', os.path.join(control, script))

    def test_files_are_in_the_right_places(self):
        files = files_below(self.unpacked['gdal-plugin-fishnet'])
        module = [name for name in files if name.endswith('gdal_FISHNET.so')]
        self.assertEqual([re.sub(r'/lib/[^/]+-linux-gnu/', '/lib/*/', name) for name in module], ['usr/lib/*/gdalplugins/gdal_FISHNET.so'])
        self.assertIn(os.path.dirname(module[0]) + '/fishnet-worker', files)
        self.assertIn('usr/bin/fishnet', files)
        for name in 'README.md', 'copyright', 'changelog.gz', 'changelog.Debian.gz', 'docs/FISHNET.md', 'vrt/README.md':
            self.assertIn('usr/share/doc/gdal-plugin-fishnet/' + name, files)
        for name in '__init__.py', 'provider.py', 'metadata.txt', 'icon.svg':
            self.assertIn('usr/share/qgis/python/plugins/fishnet/' + name, files)
        for name in 'README.md', 'dem.tif', 'addresses.gpkg', 'scenes/s_20240601.tif', 'vrt/ndvi.fishnet.json':
            self.assertIn('usr/share/fishnet/data/' + name, files)
        self.assertFalse([name for name in files if re.search(r'\.(h|a|cmake)$', name)])
        development = files_below(self.unpacked['libfishnet-dev'])
        python = files_below(self.unpacked['python3-fishnet-dask'])
        self.assertFalse(development & files | python & (development | files))  # all can be installed
        self.assertIn('usr/lib/python3/dist-packages/fishnet_dask.py', python)
        self.assertFalse([name for name in python if not re.search(r'/dist-packages/fishnet_dask|/doc/python3-fishnet-dask/', name)])
        self.assertFalse([name for name in development if not re.search(r'\.(h|a|cmake)$|/doc/libfishnet-dev/', name)])

    def test_somebody_can_be_asked(self):
        for package in self.packages:
            self.assertRegex(self.field(package, 'Maintainer'), r'^\S.* <\S+@\S+>$')
            self.assertNotIn('.invalid', self.field(package, 'Maintainer'))

    def test_the_sample_data_has_licences(self):
        """Every file of it is told of in the page that comes along, and what others made in the package's copyright."""
        with open(self.unpacked['gdal-plugin-fishnet'] + '/usr/share/doc/gdal-plugin-fishnet/copyright', encoding='utf-8') as file:
            text = file.read()
        for name in 'dem.tif', 'places.*', 'landsat.tif', 'temperature.nc', 'public-domain', 'Apache-2.0':
            self.assertIn(name, text)

    def test_owners_modes_and_sums(self):
        for name in self.packages.values():
            for line in good('dpkg-deb', '-c', name).splitlines():
                program = line.endswith(('/fishnet-worker', '/bin/fishnet'))
                expected = 'drwxr-xr-x' if line.startswith('d') else '-rwxr-xr-x' if program else '-rw-r--r--'
                self.assertEqual(line.split()[:2], [expected, 'root/root'], line)
            self.assertIn('md5sums', good('dpkg-deb', '-I', name))

    def test_stripped(self):
        folder = self.unpacked['gdal-plugin-fishnet']
        for name in files_below(folder):
            if name.endswith(('.so', 'fishnet-worker')):
                self.assertNotRegex(good('readelf', '-SW', os.path.join(folder, name)), r'\.debug_info|\.symtab')

    def test_copyright_and_changelogs(self):
        with open(os.path.join(SOURCE, 'LICENSE'), encoding='utf-8') as file:
            words = file.read().split('Permission', 1)[1].split()
        for package, folder in self.unpacked.items():
            documents = os.path.join(folder, 'usr/share/doc', package)
            with open(os.path.join(documents, 'copyright'), encoding='utf-8') as file:
                self.assertEqual([word for word in file.read().split('Permission', 1)[1].split() if word != '.'], words)
            with gzip.open(os.path.join(documents, 'changelog.Debian.gz'), 'rt', encoding='utf-8') as file:
                self.assertTrue(file.read().startswith('%s (%s) ' % (package, self.field(package, 'Version'))))
            with gzip.open(os.path.join(documents, 'changelog.gz'), 'rb') as file:
                self.assertEqual(file.read(), content(os.path.join(SOURCE, 'CHANGES')))

    def test_the_module_works(self):
        folder = glob.glob(self.unpacked['gdal-plugin-fishnet'] + '/usr/lib/*/gdalplugins')
        check_module(self, folder[0])


if __name__ == '__main__':
    unittest.main()
