"""The functions of the language, as the driver tells them."""
import json

from osgeo import gdal


def functions():
    """[(group, name, how it is written, what it does)]; empty, where the driver does not say."""
    driver = gdal.GetDriverByName('FISHNET')
    text = driver.GetMetadataItem('FUNCTIONS') if driver else None
    if not text:
        return []
    return [(one.get('group', ''), one['name'], one.get('usage') or one['name'] + '()', one.get('description', '')) for one in json.loads(text)]
