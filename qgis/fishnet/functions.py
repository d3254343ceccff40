"""The functions of the language, as the driver tells them."""
import json

from osgeo import gdal


def functions():
    """[{'name', 'group', 'call': 'clamp(x, lo, hi)', 'help', 'spellings'}]; empty, where the driver does not say."""
    driver = gdal.GetDriverByName('FISHNET')
    text = driver.GetMetadataItem('FUNCTIONS') if driver else None
    return json.loads(text) if text else []
