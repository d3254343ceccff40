"""cmake --install of the build (FISHNET_BUILD): what is where, that it works there and elsewhere, find_package, uninstall."""
import os
import re
import shutil
import tempfile
import unittest

from install_common import (BUILD, CMAKE, SOURCE, VERSION, cache, check_helper_is_beside, check_module, content, files_below,
                            folders_below, good, real, run)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.TemporaryDirectory()
        cls.root = os.path.realpath(cls.keep.name)
        cls.came_from = os.getcwd()
        os.chdir(cls.root)
        # Files of other people, beside ours and in folders of ours; an empty folder.
        cls.destdir = os.path.join(cls.root, 'staged')
        cls.libdir = cache('CMAKE_INSTALL_LIBDIR')
        cls.before = ['usr/include/other.h', 'usr/%s/cmake/Other/OtherConfig.cmake' % cls.libdir]
        for name in cls.before:
            os.makedirs(os.path.join(cls.destdir, os.path.dirname(name)), exist_ok=True)
            open(os.path.join(cls.destdir, name), 'w').close()
        os.makedirs(os.path.join(cls.destdir, 'usr/share/empty'))
        cls.folders = folders_below(cls.destdir)
        good(CMAKE, '--install', BUILD, '--prefix', '/usr', env={'DESTDIR': cls.destdir})
        cls.files = files_below(cls.destdir) - set(cls.before)
        cls.modules = [name for name in cls.files if name.endswith('/gdal_FISHNET.so')]

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.came_from)
        cls.keep.cleanup()

    def test_1_what_is_where(self):
        self.assertEqual(len(self.modules), 1)
        folder = os.path.dirname(self.modules[0])
        self.assertEqual(os.path.basename(folder), 'gdalplugins')
        self.assertIn(folder + '/fishnet-worker', self.files)
        self.assertTrue(os.access(os.path.join(self.destdir, folder, 'fishnet-worker'), os.X_OK))
        documents = 'usr/share/doc/gdal-plugin-fishnet/'
        self.assertIn(documents + 'README.md', self.files)
        for where in 'docs', 'vrt':
            for name in os.listdir(os.path.join(SOURCE, where)):
                if name.endswith(('.md', '.vrt', '.png')):
                    self.assertIn('%s%s/%s' % (documents, where, name), self.files)
        for name in os.listdir(os.path.join(SOURCE, 'include', 'fishnet')):
            self.assertIn('usr/include/fishnet/' + name, self.files)
        self.assertIn('usr/%s/libfishnet_core.a' % self.libdir, self.files)
        self.assertIn('usr/%s/cmake/Fishnet/FishnetConfig.cmake' % self.libdir, self.files)
        # and nothing else than those kinds
        others = [name for name in self.files if not re.match(
            r'.*/gdalplugins/(gdal_FISHNET\.so|fishnet-worker)$|usr/bin/fishnet$|%s(README\.md|CHANGES|LICENSE|docs/.*|vrt/.*)$|usr/share/fishnet/(.*\.json$|data/)|usr/share/qgis/python/plugins/fishnet/\w+\.(py|svg|txt)$|'
            r'usr/include/fishnet/\w+\.h$|usr/%s/(libfishnet_core\.a|cmake/Fishnet/Fishnet[\w-]+\.cmake)$'
            % (documents, self.libdir), name)]
        self.assertEqual(others, [])

    def test_2_no_search_path_is_built_in(self):
        for name in 'gdal_FISHNET.so', 'fishnet-worker':
            done = good('readelf', '-dW', os.path.join(self.destdir, os.path.dirname(self.modules[0]), name))
            self.assertNotRegex(done, 'RPATH|RUNPATH')

    def test_2_nothing_installed_names_the_folders_of_the_build(self):
        for name in self.files:
            if name.endswith(('.cmake', '.json', '.vrt')):
                text = content(os.path.join(self.destdir, name))
                self.assertNotIn(SOURCE.encode(), text, name)
                self.assertNotIn(os.path.realpath(BUILD).encode(), text, name)

    def test_3_links_between_the_pages_hold(self):
        folder = os.path.join(self.destdir, 'usr/share/doc/gdal-plugin-fishnet')
        for name in files_below(folder):
            if os.path.dirname(name) and name.endswith('.md'):
                with open(os.path.join(folder, name), encoding='utf-8') as file:
                    for target in re.findall(r'\]\(([^):#]+?\.(?:md|png|vrt))[#)]', file.read()):
                        if 'bench/' not in target and 'HACKING' not in target and not target.startswith('../plugins'):
                            self.assertTrue(os.path.exists(os.path.join(folder, os.path.dirname(name), target)),
                                            '%s links to %s' % (name, target))

    def test_4_it_works_where_it_was_installed(self):
        folder = os.path.join(self.destdir, os.path.dirname(self.modules[0]))
        check_module(self, folder)
        check_helper_is_beside(self, folder)

    def test_5_it_works_where_it_was_copied_to(self):
        folder = os.path.join(self.root, 'a folder')
        shutil.copytree(os.path.join(self.destdir, os.path.dirname(self.modules[0])), folder)
        check_module(self, folder)

    def test_5_it_works_through_a_link(self):
        folder = os.path.join(self.root, 'links')
        os.mkdir(folder)
        os.symlink(os.path.join(self.destdir, self.modules[0]), os.path.join(folder, 'gdal_FISHNET.so'))
        check_module(self, folder)

    def test_5_gdal_takes_the_folder_of_its_version(self):
        folder = os.path.join(self.root, 'versions')
        own = os.path.join(folder, '%d.%d' % VERSION)
        shutil.copytree(os.path.join(self.destdir, os.path.dirname(self.modules[0])), own)
        with open(os.path.join(folder, 'gdal_FISHNET.so'), 'w', encoding='utf-8') as file:
            file.write('for another GDAL')
        check_module(self, folder)

    def test_5_a_plugin_folder_below_the_prefix(self):
        """-DFISHNET_GDAL_PLUGIN_DIR=lib/gdalplugins and --prefix: no root needed. The files are those of the build."""
        build, prefix = os.path.join(self.root, 'configured'), os.path.join(self.root, 'local')
        compilers = ['-DCMAKE_%s_COMPILER=%s' % (name, cache('CMAKE_%s_COMPILER' % name)) for name in ('C', 'CXX')]
        good(CMAKE, '-G', cache('CMAKE_GENERATOR'), '-S', SOURCE, '-B', build, '-DFISHNET_BUILD_TESTS=OFF', *compilers,
             '-DFISHNET_GDAL_PLUGIN_DIR=lib/gdalplugins')
        shutil.copytree(os.path.join(BUILD, 'plugins'), os.path.join(build, 'plugins'), dirs_exist_ok=True,
                        ignore=lambda where, names: [name for name in names if name not in ('gdal_FISHNET.so', 'fishnet-worker', 'fishnet')])
        good(CMAKE, '--install', build, '--prefix', prefix, '--component', 'plugin')
        self.assertEqual(os.listdir(prefix + '/lib'), ['gdalplugins'])
        check_module(self, prefix + '/lib/gdalplugins')

    def told(self, text, folder, *command):
        """What the command prints, has the text, and so has docs/INSTALL.md."""
        done = run(*command, env={'GDAL_DRIVER_PATH': folder})
        self.assertIn(text, done.stderr)
        self.assertIn(text, content(os.path.join(SOURCE, 'docs/INSTALL.md')).decode())

    def test_5_what_is_wrong_is_told_as_documented(self):
        installed = os.path.join(self.destdir, os.path.dirname(self.modules[0]))

        def folder(module='gdal_FISHNET.so'):
            name = tempfile.mkdtemp(dir=self.root)
            if module:
                shutil.copy(os.path.join(installed, 'gdal_FISHNET.so'), os.path.join(name, module))
            return name
        os.symlink(real('dem.tif'), 'dem.tif')
        self.told('ERROR 4: FISHNET:dem.tif: No such file or directory', folder(None), 'gdalinfo', 'FISHNET:dem.tif')
        self.told('gdal_fishnet.so: undefined symbol: GDALRegister_fishnet', folder('gdal_fishnet.so'), 'gdalinfo', '--version')

        processes = ['gdalinfo', '-checksum', 'FISHNET:dem.tif', '-oo', 'CALC=A', '-oo', 'WORKERS=PROCESSES']
        self.told('/fishnet-worker, which worker processes need, cannot be started: No such file or directory', folder(), *processes)
        lame = folder()
        open(os.path.join(lame, 'fishnet-worker'), 'w').close()
        self.told('cannot be started: Permission denied', lame, *processes)

        # A module for another GDAL: one that asks for a library of another number.
        other = folder()
        module = os.path.join(other, 'gdal_FISHNET.so')
        number = re.search(rb'libgdal\.so\.(\d\d)\0', content(module)).group(1)
        with open(module, 'wb') as file:
            file.write(content(os.path.join(installed, 'gdal_FISHNET.so')).replace(b'libgdal.so.%s\0' % number, b'libgdal.so.00\0'))
        done = run('gdalinfo', '--version', env={'GDAL_DRIVER_PATH': other})
        self.assertEqual(done.returncode, 0)  # nothing else is broken
        self.assertIn('ERROR 1: libgdal.so.00: cannot open shared object file: No such file or directory', done.stderr)
        self.assertIn('ERROR 1: libgdal.so.32: cannot open shared object file: No such file or directory',
                      content(os.path.join(SOURCE, 'docs/INSTALL.md')).decode())

    def test_6_a_program_of_somebody_else(self):
        """find_package, headers alone in C17 and C++17, all that the library links against; then the program runs."""
        build = os.path.join(self.root, 'consumer')
        prefix = os.path.join(self.root, 'moved')  # the package does not mind
        shutil.copytree(os.path.join(self.destdir, 'usr'), prefix)
        compilers = ['-DCMAKE_%s_COMPILER=%s' % (name, cache('CMAKE_%s_COMPILER' % name)) for name in ('C', 'CXX')]
        text = good(CMAKE, '-G', cache('CMAKE_GENERATOR'), '-S', os.path.join(SOURCE, 'tests/install/consumer'), '-B', build,
                    '-DCMAKE_PREFIX_PATH=' + prefix, *compilers)
        with open(os.path.join(SOURCE, 'include/fishnet/base.h'), encoding='utf-8') as file:
            version = re.search(r'FISHNET_VERSION "(.*)"', file.read()).group(1)
        self.assertIn('Fishnet %s in %s' % (version, prefix), text)
        good(CMAKE, '--build', build)
        for name in 'consumer', 'consumer_cpp':
            done = run(os.path.join(build, name))
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertNotIn('FAIL', done.stdout)

        other = os.path.join(self.root, 'too_new')
        os.mkdir(other)
        with open(os.path.join(other, 'CMakeLists.txt'), 'w', encoding='utf-8') as file:
            file.write('cmake_minimum_required(VERSION 3.22)\nproject(x C)\nfind_package(Fishnet 9.0 REQUIRED)\n')
        failed = run(CMAKE, '-G', cache('CMAKE_GENERATOR'), '-S', other, '-B', other, '-DCMAKE_PREFIX_PATH=' + prefix, *compilers)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn('requested version "9.0"', failed.stderr)

        # A library that is missing is named.
        failed = run(CMAKE, '-G', cache('CMAKE_GENERATOR'), '-S', os.path.join(SOURCE, 'tests/install/consumer'),
                     '-B', build + '_bare', '-DCMAKE_PREFIX_PATH=' + prefix, *compilers, env={'PKG_CONFIG_LIBDIR': '/nowhere'})
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn('pkg-config does not find sleef, which Fishnet::core links against', ' '.join(failed.stderr.split()))

    def test_7_uninstall_removes_what_was_installed_and_nothing_else(self):
        mine = os.path.join(self.destdir, 'usr/share/doc/gdal-plugin-fishnet/my_notes.txt')
        with open(mine, 'w', encoding='utf-8') as file:
            file.write('not of the installation')
        command = [CMAKE, '--build', BUILD, '--target', 'uninstall']
        good(*command, env={'DESTDIR': self.destdir})
        self.assertEqual(files_below(self.destdir), set(self.before) | {os.path.relpath(mine, self.destdir)})
        left = folders_below(self.destdir) - self.folders
        self.assertFalse([name for name in left if re.search('include/fishnet|cmake/Fishnet|/docs|/vrt', name)], left)
        self.assertIn('usr/share/empty', folders_below(self.destdir))
        again = run(*command, env={'DESTDIR': self.destdir})
        self.assertNotEqual(again.returncode, 0)
        self.assertIn('nothing was installed from this build folder', ' '.join((again.stdout + again.stderr).split()))


if __name__ == '__main__':
    unittest.main()
