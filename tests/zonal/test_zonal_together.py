"""Options of zonal statistics together: groups and rasters of zones with classes, expressions, weights, worker processes."""
import json
import unittest

import numpy as np

from zonal_common import KINDS, SIX, ZonalCase, all_bits, area, box, file_rows, listening, rectangle, rng, table

GT = (500000, 10, 0, 5000000, 0, -10)


class Together(ZonalCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        random = rng('together')
        cls.classes = random.integers(-3, 4, (300, 400)).astype(np.int16)
        cls.values = random.uniform(1, 2, (300, 400)).astype(np.float32)
        cls.weights = random.uniform(0, 1, (300, 400))
        cls.numbers = np.kron(random.integers(1, 9, (30, 40)), np.ones((10, 10), np.int64)).astype(np.uint8)
        cls.paths = {name: cls.raster(getattr(cls, name), GT, name=name + '.tif') for name in ('classes', 'values', 'weights', 'numbers')}
        boxes = [(10 * i, 20 * j, 10 * i + 9, 20 * j + 17) for i in range(40) for j in range(15)]
        cls.kinds = ['abc'[random.integers(3)] for _ in boxes]
        cls.layer = cls.zones([rectangle(*where, gt=GT) for where in boxes], fields={'kind': cls.kinds})
        cls.masks = {}
        for kind, (left, top, right, bottom) in zip(cls.kinds, boxes):
            cls.masks.setdefault(kind, np.zeros(cls.classes.shape, bool))[top:bottom, left:right] = True

    def by_all(self, zones, **options):
        """The rows, which are the same for threads, processes and tiles."""
        want = table(zones, **options)
        for kind in KINDS:
            self.assertEqual(all_bits(table(zones, WORKERS=kind, NUM_WORKERS=3, TILE_SIZE=256, **options)), all_bits(want), options)
        return want

    def test_classes_of_groups(self):
        rows = self.by_all(self.layer, RASTER=self.paths['classes'], ZONE_FIELD='kind', HISTOGRAM='LONG')
        self.assertEqual(list(dict.fromkeys(row['kind'] for row in rows)), list(dict.fromkeys(self.kinds)))
        for kind, mask in self.masks.items():
            numbers, counts = np.unique(self.classes[mask], return_counts=True)
            own = [(row['VALUE'], row['COUNT'], row['AREA']) for row in rows if row['kind'] == kind]
            self.assertEqual(own, [(int(n), int(c), 100.0 * c) for n, c in zip(numbers, counts)])
        wide = self.by_all(self.layer, RASTER=self.paths['classes'], ZONE_FIELD='kind', HISTOGRAM='WIDE')
        for row in wide:
            self.assertEqual([row['VALUE_%d' % n] for n in range(-3, 4)], [int((self.classes[self.masks[row['kind']]] == n).sum()) for n in range(-3, 4)])

    def test_classes_of_numbers(self):
        rows = self.by_all(self.paths['numbers'], RASTER=self.paths['classes'], HISTOGRAM='LONG')
        want = [(int(zone), int(n), int(((self.numbers == zone) & (self.classes == n)).sum())) for zone in np.unique(self.numbers) for n in range(-3, 4)]
        self.assertEqual([(row['ZONE'], row['VALUE'], row['COUNT']) for row in rows], want)
        wide = self.by_all(self.paths['numbers'], RASTER=self.paths['classes'], HISTOGRAM='WIDE', STATS='COUNT,MAX')
        self.assertEqual([row['VALUE'] for row in wide], [int(zone) for zone in np.unique(self.numbers)])
        self.assertEqual([row['VALUE_%d' % n] for row in wide for n in range(-3, 4)], [count for _, _, count in want])

    def test_expressions_and_weights(self):
        options = {'CALC': 'B*where(A>0,A,NODATA)', 'WEIGHTS': self.paths['weights'], 'STATS': 'COUNT,SUM,WEIGHTED_SUM,MEDIAN',
                   'RASTER': [self.paths['classes'], self.paths['values']]}
        product = self.values.astype(float) * self.classes
        for zones, key, masks in ((self.layer, 'kind', self.masks), (self.paths['numbers'], 'VALUE', {int(n): self.numbers == n for n in np.unique(self.numbers)})):
            more = {'ZONE_FIELD': 'kind'} if key == 'kind' else {}
            rows = self.by_all(zones, **options, **more)
            self.assertEqual({row[key] for row in rows}, set(masks))
            for row in rows:
                mask = masks[row[key]] & (self.classes > 0)
                self.assertEqual((row['COUNT'], row['MEDIAN']), (mask.sum(), np.median(product[mask])))
                self.assertAlmostEqual(row['SUM'], product[mask].sum(), delta=1e-9 * row['SUM'])
                self.assertAlmostEqual(row['WEIGHTED_SUM'], (product * self.weights)[mask].sum(), delta=1e-9 * row['SUM'])

    def test_recipe(self):
        """Numbers may be numbers or strings, lists are strings."""
        rows = table(self.layer, RASTER=self.paths['classes'], BAND=1, PERCENTILES=10, STATS='COUNT')
        for band, percentiles in ((1, 10), ('1', '10')):
            path = self.new('r.fishnet.json')
            with open(path, 'w') as file:
                json.dump({'type': 'zonal_stats', 'input': self.layer, 'raster': self.paths['classes'], 'band': band, 'percentiles': percentiles,
                           'stats': 'COUNT'}, file)
            self.assertEqual(file_rows(path), rows)

    def test_spread(self):
        """A group of which one cell has no value has no statistics, and a number neither."""
        values = SIX.astype(float)
        values[5, 5] = np.nan
        raster = self.raster(values)
        zones = self.zones([area([box(0, 0, 2, 2)]), area([box(5, 5, 6, 6)]), area([box(3, 3, 4, 4)])], fields={'kind': ['a', 'a', 'b']})
        rows = table(zones, RASTER=raster, ZONE_FIELD='kind', STATS='COUNT,SUM', NODATA='SPREAD')
        self.assertEqual([(row['COUNT'], row['SUM']) for row in rows], [(None, None), (1, 22)])
        numbers = self.raster((np.arange(36).reshape(6, 6) // 18).astype(np.uint8))
        rows = table(numbers, RASTER=raster, STATS='COUNT,SUM', NODATA='SPREAD')
        self.assertEqual([(row['COUNT'], row['SUM']) for row in rows], [(18, 171), (None, None)])

    def test_empty_groups(self):
        """Features without cells, or geometry, make groups, too; in classes they have a row of none."""
        zones = self.zones([rectangle(20, 20, 22, 22), None, rectangle(0, 0, 1, 1)], fields={'kind': ['far', 'none', 'one']})
        with listening():
            rows = table(zones, RASTER=self.raster(), ZONE_FIELD='kind', HISTOGRAM='LONG')
        self.assertEqual([(row['kind'], row['VALUE'], row['COUNT']) for row in rows], [('far', None, 0), ('none', None, 0), ('one', 1, 1)])


if __name__ == '__main__':
    unittest.main()
