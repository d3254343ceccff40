"""What pages say of other files is so: links lead somewhere, pictures show the figures of their page, the sample data is what its page lists."""
import glob
import os
import re
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
sys.path.insert(0, os.path.join(ROOT, 'bench'))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'driver'))
import speed_picture  # noqa: E402
import test_examples  # noqa: E402
from common import VERSION  # noqa: E402
from osgeo import gdal  # noqa: E402

PAGES = ['README.md', 'HACKING.md', 'vrt/README.md', 'sample/README.md'] + sorted('docs/' + os.path.basename(name) for name in glob.glob(ROOT + '/docs/*.md'))


def text_of(page):
    with open(os.path.join(ROOT, page), encoding='utf-8') as file:
        return file.read()


def anchors(page):
    """Of its headings, as those who show Markdown name them."""
    text = re.sub(r'(?ms)^```.*?^```', '', text_of(page))
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in re.findall(r'(?m)^#+ (.*)$', text)}


# Blocks by what they begin with that test_examples.py does not run, and who does.
RUN_BY = {
    ('README.md', './run'): 'tests/CMakeLists.txt',
    ('README.md', 'apt-get'): 'tests/install/bare.sh',
    ('README.md', 'cp'): 'tests/install/bare.sh',
    ('sample/README.md', 'cp'): 'tests/install/bare.sh',
    ('docs/TASKS.md', 'cp'): 'tests/install/bare.sh',
    ('docs/INSTALL.md', 'apt-get'): 'tests/install/bare.sh',
    ('docs/INSTALL.md', 'cmake'): 'tests/install/test_install.py',
    ('docs/INSTALL.md', 'sudo'): 'tests/install/test_install.py',
    ('docs/INSTALL.md', 'export'): 'tests/install/test_install.py',
    ('docs/DISTRIBUTED.md', '{'): 'tests/distributed/page_jobs.py',
    ('docs/DISTRIBUTED.md', 'parallel'): 'tests/distributed/test_launchers.py',
    ('docs/DISTRIBUTED.md', 'shares=$(sbatch'): 'tests/distributed/test_slurm.py',
    ('docs/DISTRIBUTED.md', 'shares=$(aws'): 'tests/distributed/test_launchers.py',
    ('docs/DISTRIBUTED.md', 'aws'): 'tests/distributed/test_launchers.py',
    ('docs/DISTRIBUTED.md', 'from'): 'tests/distributed/test_dask.py',
    ('docs/QGIS.md', 'qgis_process'): 'tests/hosts/test_qgis_plugin.py',
    ('docs/QGIS.md', 'FISHNET:'): 'tests/hosts/test_qgis_plugin.py',
    ('docs/QGIS.md', 'NEARTABLE:'): 'tests/hosts/test_qgis_plugin.py',
    ('docs/QGIS.md', 'ZONALSTATS:'): 'tests/hosts/test_qgis_plugin.py',
    ('docs/QGIS.md', '{'): 'tests/hosts/test_qgis_plugin.py'}
# What their pages say has not been tried.
NOBODY = {('docs/INSTALL.md', 'dnf'), ('docs/INSTALL.md', 'docker')}


def left_out(page):
    """What test_examples.py does not run of a page: the first word of each line of a shell, or of the block."""
    run = {text for _, words, _ in test_examples.commands(page) for text in words[-1].split('\n')} if page in test_examples.PAGES else set()
    for _, block in test_examples.blocks(page):
        if block[0].startswith('$ ') or (page in test_examples.PAGES and (test_examples.is_recipe(block) or re.match('from osgeo import|import', block[0]))):
            continue
        whole = block[0][0] == '{' or block[0].startswith('from ')
        for line in block[:1] if whole else '\n'.join(block).replace('\\\n', '').split('\n'):
            if line.strip() and not line.startswith('#') and line.strip() not in run:
                yield re.match(r'[{]|(FISHNET|NEARTABLE|ZONALSTATS):|\S+', line.strip())[0]


class Pages(unittest.TestCase):
    def test_every_block_is_run(self):
        """Or its fence says that it is output, or a piece of a file."""
        found = {(page, word) for page in PAGES if page != 'HACKING.md' for word in left_out(page)}
        self.assertEqual(sorted(found - NOBODY), sorted(RUN_BY))
        self.assertEqual(sorted(found & NOBODY), sorted(NOBODY))
        for file in RUN_BY.values():
            self.assertTrue(os.path.exists(os.path.join(ROOT, file)), file)

    def test_links(self):
        count = 0
        for page in PAGES:
            for link in re.findall(r'\]\(([^)\s]+)\)', text_of(page)):
                if re.match(r'[a-z]+:', link):
                    continue
                name, _, anchor = link.partition('#')
                target = os.path.normpath(os.path.join(os.path.dirname(page), name)) if name else page
                with self.subTest(page=page, link=link):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, target)))
                    if anchor:
                        self.assertIn(anchor, anchors(target))
                count += 1
        self.assertGreater(count, 100)

    def test_the_picture_of_speed(self):
        """bench/speed_picture.py docs/SPEED.md docs/pictures/speed.svg makes it."""
        self.assertEqual(text_of('docs/pictures/speed.svg'), speed_picture.draw(os.path.join(ROOT, 'docs/SPEED.md')))
        self.assertGreater(len(list(speed_picture.bars(os.path.join(ROOT, 'docs/SPEED.md')))), 5)

    def test_versions(self):
        """Of the packages that pages name, and of the recipe for conda."""
        version = re.search(r'project\(Fishnet VERSION ([\d.]+)', text_of('CMakeLists.txt'))[1]
        found = [(page, name) for page in PAGES for name in re.findall(r'gdal-plugin-fishnet_([\d.]+)\+gdal', text_of(page))]
        self.assertGreater(len(found), 2)
        self.assertEqual([(page, name) for page, name in found if name != version], [])
        self.assertIn('version = "%s"' % version, text_of('packaging/conda/meta.yaml'))

    def test_pictures_are_small(self):
        for name in glob.glob(ROOT + '/docs/pictures/*'):
            self.assertLess(os.path.getsize(name), 170000, name)

    def test_the_library_over_the_sample_data(self):
        """What is copied from vrt/ finds its inputs there."""
        folder = os.path.join(os.environ['FISHNET_SAMPLE'], 'vrt')
        names = [name for name in os.listdir(folder) if VERSION >= (3, 11) or not re.search('gdalg|pipeline', name)]
        self.assertGreater(len(names), 15)
        for name in names:
            with self.subTest(name=name):
                dataset = gdal.OpenEx(os.path.join(folder, name))
                if dataset.RasterCount:
                    dataset.GetRasterBand(1).ReadRaster(dataset.RasterXSize // 2, dataset.RasterYSize // 2, 1, 1)
                else:
                    self.assertIsNotNone(dataset.GetLayer(0).GetNextFeature())

    def test_the_sample_data(self):
        """What its page lists is there, and nothing else; it is small."""
        sample = os.environ['FISHNET_SAMPLE']
        rows = re.findall(r'(?m)^\| (`.*?`) \|', text_of('sample/README.md'))
        names = {name.rstrip('/') for row in rows for name in re.findall(r'`([^`]+)`', row)}
        found = {name for name in os.listdir(sample) if not re.search(r'\.(shx|dbf|prj|cpg)$', name)}
        self.assertEqual(names | {'README.md'}, found)
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, files in os.walk(sample) for name in files)
        self.assertLess(size, 12500000)


if __name__ == '__main__':
    unittest.main()
