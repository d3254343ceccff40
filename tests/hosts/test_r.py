"""R with terra and sf, as Debian has them, on its GDAL: a FISHNET raster, a NEARTABLE and ZONALSTATS with options."""
import json
import os
import unittest

from hosts import Case, answer, end, need, real

import numpy as np
from osgeo import gdal

HERE = os.path.dirname(os.path.abspath(__file__))


class R(Case):
    def test_read(self):
        if not need('r-cran-terra', 'r-cran-sf'):
            return
        recipes = {'root': {'type': 'fishnet_raster', 'inputs': {'A': real('dem.tif')}, 'calc': ['sqrt(A*0.3048-1900)']},
                   'near': {'type': 'near_table', 'input': real('places.shp'), 'near': real('rivers.shp'), 'fields': 'name', 'near_fields': 'name'}}
        for name, recipe in recipes.items():
            with open(self.path(name + '.fishnet.json'), 'w') as f:
                json.dump(recipe, f)
        found = answer(end('Rscript', '--vanilla', os.path.join(HERE, 'read.R'), real('dem.tif'), real('places.shp'), real('rivers.shp'),
                           self.path('root.fishnet.json'), self.path('near.fishnet.json'), real('land.shp'), real('egm96.gtx'), folder=self.folder))

        with np.errstate(invalid='ignore'):
            root = np.sqrt(gdal.Open(real('dem.tif')).ReadAsArray().astype(np.float64) * 0.3048 - 1900).astype(np.float32)
        window = root[300:340, 500:560].astype(np.float64)
        for kind in ('string', 'recipe', 'processes'):
            got = found[kind]
            self.assertEqual(got['size'], [root.shape[0], root.shape[1], 1])
            self.assertEqual(got['missing'], int(np.isnan(root).sum()))
            self.assertAlmostEqual(got['sum'], float(np.nansum(root, dtype=np.float64)), delta=1e-9 * np.nansum(root, dtype=np.float64))
            self.same(np.array([np.nan if v is None else v for v in got['window']], np.float64).reshape(window.shape), window, kind)
            self.same(np.float64([np.nan if got['cell'] is None else got['cell']]), np.float64([root[600, 1200]]))

        dataset = gdal.OpenEx(self.path('near.fishnet.json'), gdal.OF_VECTOR)
        rows = [[f.GetField(name) for name in ('IN_FID', 'NEAR_FID', 'NEAR_DIST', 'name', 'NEAR_name')] for f in dataset.GetLayer(0)]
        self.assertEqual(found['table'], rows)
        self.assertEqual(found['table_of_recipe'], rows)
        lines = gdal.OpenEx('NEARTABLE:' + real('places.shp'), gdal.OF_VECTOR, open_options=['NEAR=' + real('rivers.shp'), 'GEOMETRY=LINE'])
        want = [f.GetGeometryRef().Length() for f in lines.GetLayer(0)]
        np.testing.assert_allclose(found['lines'], want, rtol=1e-12)
        statistics = gdal.OpenEx('ZONALSTATS:' + real('land.shp'), open_options=['RASTER=' + real('egm96.gtx')])
        zones = [(feature['COUNT'], feature['MEAN']) for feature in statistics.GetLayer(0)]
        self.assertEqual(list(zip(found['count'], found['mean'])), zones)
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if 'aux' in name), [])


if __name__ == '__main__':
    unittest.main()
