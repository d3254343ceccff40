"""Names of layers, and what a layer's source means to GDAL."""
import os
import re

LONGEST = 60


def shortened(text):
    text = ' '.join(text.split())
    return text if len(text) <= LONGEST else text[:LONGEST - 1] + '…'


def split_source(source):
    """The source of a layer of the provider gdal: a name, the open options behind it, and what else is there."""
    name, *rest = source.split('|')
    options = [piece[len('option:'):] for piece in rest if piece.startswith('option:')]
    return name, options, [piece for piece in rest if not piece.startswith('option:')]


def stem(name):
    """/data/dem.tif and FISHNET:/data/dem.tif: dem. Nothing, where nothing is left."""
    return re.sub(r'(\.fishnet|\.gdalg)?\.[^.]*$', '', os.path.basename(name.split(':', 1)[-1].strip('"')))


def name_of_source(source):
    """A name for a layer by a connection string of ours; None: it is none."""
    name, options, _ = split_source(source)
    driver = name.split(':', 1)[0].upper()
    given = dict(option.split('=', 1) for option in options if '=' in option)
    if driver == 'FISHNET':
        return shortened(given.get('CALC', '')) or stem(name)
    if driver == 'NEARTABLE':
        near = stem(given.get('NEAR', ''))
        return '%s near %s' % (stem(name), near) if near else '%s near' % stem(name)
    if driver == 'ZONALSTATS':
        return '%s: %s' % (stem(name), shortened(given.get('CALC', '')) or stem(given.get('RASTER', '')) or 'statistics')
    return None
