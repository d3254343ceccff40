"""What the module and the static library show to others. Read with nm and readelf from the folder of the build (FISHNET_BUILD)."""
import os
import re
import subprocess
import unittest

BUILD = os.environ['FISHNET_BUILD']
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
MODULE = os.path.join(BUILD, 'plugins', 'gdal_FISHNET.so')
WORKER = os.path.join(BUILD, 'plugins', 'fishnet-worker')
LIBRARY = os.path.join(BUILD, 'libfishnet_core.a')


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def defined(*options_and_file):
    """Names that nm lists as defined."""
    lines = output('nm', '--defined-only', *options_and_file).splitlines()
    return {line.split()[-1].split('@')[0] for line in lines if len(line.split()) == 3}


class Symbols(unittest.TestCase):
    def test_the_module_exports_four_functions(self):
        self.assertEqual(defined('-D', MODULE), {'GDALRegister_FISHNET', 'fishnet_worker_main', 'fishnet_main', 'fishnet_call'})

    def test_global_symbols_of_the_library_are_ours(self):
        symbols = defined('-g', LIBRARY)
        self.assertGreater(len(symbols), 50)
        self.assertEqual({name for name in symbols if not name.startswith('fn_')}, set())

    def test_the_library_has_what_the_headers_declare(self):
        folder = os.path.join(SOURCE, 'include', 'fishnet')
        declared = set()
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                text = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
            text = re.sub(r'^#.*$', '', text, flags=re.M)
            # A function at the start of a line: not a typedef, not a member of a struct, not an inline one.
            declared |= set(re.findall(r'^(?!typedef|static)[a-z][\w \*]*?[ \*](fn_\w+)\(', text, flags=re.M))
        self.assertGreater(len(declared), 40)
        self.assertEqual(declared - defined('-g', LIBRARY), set())

    def test_of_the_module_all_that_it_needs_is_named(self):
        """-z defs at work: nothing is undefined but what the libraries named in the file have."""
        self.assertNotIn('undefined symbol', subprocess.run(('ldd', '-r', MODULE), stdout=subprocess.PIPE,
                                                            stderr=subprocess.STDOUT, text=True).stdout)
        needed = re.findall(r'NEEDED.*\[(.*)\]', output('readelf', '-dW', MODULE))
        self.assertTrue(any(name.startswith('libgdal.so.') for name in needed), needed)

    def test_no_stack_can_be_executed(self):
        for name in (MODULE, WORKER):
            flags = re.findall(r'GNU_STACK.*? (R[W ][E ])', output('readelf', '-lW', name))
            self.assertEqual(flags, ['RW '], name)

    def test_no_text_is_relocated(self):
        self.assertNotIn('TEXTREL', output('readelf', '-dW', MODULE))

    def test_the_worker_program_is_without_gdal(self):
        """It loads the GDAL that its host has."""
        self.assertNotIn('libgdal', output('readelf', '-dW', WORKER))


if __name__ == '__main__':
    unittest.main()
