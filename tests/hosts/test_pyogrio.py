"""pyogrio, as Debian has it, on its GDAL: tables with options, as arrays and as Arrow."""
import json
import sys
import unittest

from hosts import Case, answer, end, need, real

from osgeo import gdal

SESSION = '''
import json, sys
import numpy as np
import pyogrio
from pyogrio.raw import open_arrow, read

places, rivers, recipe, land, geoid, arrow = sys.argv[1:]
name, options = 'NEARTABLE:' + places, {'NEAR': rivers, 'FIELDS': 'name', 'NEAR_FIELDS': 'name'}
facts = pyogrio.read_info(name, **options)
assert facts['features'] > 7000 and facts['driver'] == 'NEARTABLE', facts

columns = lambda result: dict(zip(result[0]['fields'], [list(c) for c in result[3]]))
result = {'arrays': columns(read(name, **options)), 'filtered': columns(read(name, where="NEAR_DIST > 1000000", columns=['IN_FID', 'NEAR_DIST'], **options)),
          'recipe': columns(read(recipe)), 'processes': columns(read(name, WORKERS='PROCESSES', **options))}
_, _, geometry, _ = read(name, GEOMETRY='LINE', **options)
assert len(geometry) == facts['features'] and all(g[:5] == bytes((1, 2, 0, 0, 0)) for g in geometry), geometry[0]

result['statistics'] = columns(read('ZONALSTATS:' + land, RASTER=geoid, STATS='COUNT,MEAN', FIELDS='featurecla'))

if arrow == 'True':
    meta, table = pyogrio.read_arrow(name, **options)
    result['arrow'] = {c: table.column(c).to_pylist() for c in table.column_names}
    with open_arrow(name, batch_size=1000, use_pyarrow=True, **options) as (meta, reader):
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == facts['features'] and max(sizes) <= 1000, sizes

result = {kind: {name: [None if v is None or v != v else v.item() if hasattr(v, 'item') else v for v in c] for name, c in t.items()}
          for kind, t in result.items()}
print(json.dumps(result))
'''


def columns(name, *options):
    """As GDAL itself reads them."""
    dataset = gdal.OpenEx(name, gdal.OF_VECTOR, open_options=list(options))
    layer = dataset.GetLayer(0)
    found = {layer.GetLayerDefn().GetFieldDefn(i).GetName(): [] for i in range(layer.GetLayerDefn().GetFieldCount())}
    for feature in layer:
        for field in found:
            found[field].append(feature.GetField(field))
    return found


class Pyogrio(Case):
    def test_read(self):
        if not need('python3-pyogrio'):
            return
        arrow = need('python3-pyarrow')
        land, geoid = real('land.shp'), real('egm96.gtx')
        places, rivers, recipe = real('places.shp'), real('rivers.shp'), self.path('near.fishnet.json')
        with open(recipe, 'w') as f:
            json.dump({'type': 'near_table', 'input': places, 'near': rivers, 'fields': 'name', 'near_fields': 'name'}, f)
        found = answer(end(sys.executable, '-c', SESSION, places, rivers, recipe, land, geoid, arrow, folder=self.folder))
        want = columns(recipe)
        self.assertEqual(want['NEAR_name'][want['name'].index('Budapest')], 'Danube')
        far = [i for i, distance in enumerate(want['NEAR_DIST']) if distance > 1e6]
        self.assertEqual(found.pop('filtered'), {name: [want[name][i] for i in far] for name in ('IN_FID', 'NEAR_DIST')})
        statistics = columns('ZONALSTATS:' + land, 'RASTER=' + geoid, 'STATS=COUNT,MEAN', 'FIELDS=featurecla')
        self.assertGreater(max(statistics['COUNT']), 10000)
        self.assertEqual(found.pop('statistics'), statistics)
        self.assertEqual(set(found), {'arrays', 'recipe', 'processes'} | ({'arrow'} if arrow else set()))
        for kind, table in found.items():
            self.assertEqual(table, want, kind)


if __name__ == '__main__':
    unittest.main()
