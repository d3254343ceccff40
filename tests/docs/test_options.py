"""The tables of options in the pages against the lists that the drivers give to GDAL, which come from the same table as their parser."""
import os
import re
import unittest
import xml.etree.ElementTree

from osgeo import gdal

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'


def listed(driver, item):
    """Name: (words of a choice, default), as GDAL shows them."""
    root = xml.etree.ElementTree.fromstring(gdal.GetDriverByName(driver).GetMetadataItem(item))
    return {option.get('name'): ([value.text for value in option], option.get('default')) for option in root}


def rows(page):
    """(names, what is behind the '=' of a single one, the text) of the rows of tables of options."""
    with open(os.path.join(ROOT, page), encoding='utf-8') as file:
        for line in file:
            cell = re.match(r'\| (`[A-Z][A-Z_]*[=`].*?) \| (.*) \|$', line)
            if not cell:
                continue
            words = re.findall(r'`([A-Z][A-Z_]*)(?:=([^`]*))?`', cell[1])
            names = [name for name, _ in words]
            for first, ending, last in re.findall(r'`([A-Z])(_[A-Z]+)?`\.\.\.`([A-Z])(?:_[A-Z]+)?(?:=[^`]*)?`', cell[1]):
                names += [letter + ending for letter in LETTERS[LETTERS.index(first):LETTERS.index(last)]]
            yield sorted(set(names)), words[0][1] if len(words) == 1 else '', cell[2]


class Options(unittest.TestCase):
    def compare(self, page, driver):
        lists = [listed(driver, item) for item in ('DMD_OPENOPTIONLIST', 'DMD_CREATIONOPTIONLIST')]
        shown = set()
        for names, value, text in rows(page):
            for name in names:
                with self.subTest(option=name):
                    self.assertTrue(any(name in options for options in lists), 'the driver has no option of that name')
            shown.update(names)
            for options in lists if len(names) == 1 else []:
                words, default = options.get(names[0], ([], None))
                with self.subTest(option=names[0]):
                    if words and set(value.split('/')) & set(words) and '/' in value:
                        self.assertEqual(value.split('/'), words)
                    if default and names[0] not in ('TILE_SIZE', 'NUM_WORKERS'):  # of both lists; of the machine
                        self.assertIn(default.lower(), (value + ' ' + text).lower())
        self.assertEqual(sorted(set(lists[0]) | set(lists[1])), sorted(shown & (set(lists[0]) | set(lists[1]))))
        self.assertGreater(len(shown), 20)

    def test_fishnet(self):
        self.compare('docs/FISHNET.md', 'FISHNET')

    def test_neartable(self):
        self.compare('docs/NEARTABLE.md', 'NEARTABLE')

    def test_zonalstats(self):
        self.compare('docs/ZONALSTATS.md', 'ZONALSTATS')

    def test_recipe_keys(self):
        """Each key that the page names is an option, in lower case."""
        options = set().union(*(listed(driver, 'DMD_OPENOPTIONLIST') for driver in ('FISHNET', 'NEARTABLE', 'ZONALSTATS')))
        with open(os.path.join(ROOT, 'docs/RECIPES.md'), encoding='utf-8') as file:
            cells = re.findall(r'^\| (`[a-z][a-z_]*`.*?) \|', file.read(), re.M)
        keys = {key for cell in cells for key in re.findall(r'`([a-z][a-z_]*)`', cell)} - {'inputs', 'input', 'type', 'description', 'output', 'creation_options'}
        self.assertEqual({key for key in keys if key.upper() not in options}, set())
        self.assertGreater(len(keys), 10)


if __name__ == '__main__':
    unittest.main()
