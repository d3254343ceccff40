"""make.py DATA FOLDER: the sample data that README and pages name, made of the real data in DATA (./run data). README.md here says what is what."""
import json
import math
import os
import random
import re
import shutil
import sys

import numpy as np
from osgeo import gdal, ogr, osr

gdal.UseExceptions()
ogr.UseExceptions()
os.environ['GDAL_PAM_ENABLED'] = 'NO'
gdal.SetConfigOption('GDAL_PAM_ENABLED', 'NO')
gdal.SetConfigOption('OGR_CURRENT_DATE', '2026-01-01T00:00:00.000Z')  # in GeoPackages: the same bytes on any day

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = ['TILED=YES', 'COMPRESS=DEFLATE', 'ZLEVEL=9']
OLINDA, COLORADO = 31985, 4326
STREETS = ('Rua da Aurora', 'Rua do Amparo', 'Rua do Sol', 'Rua da Boa Hora', 'Rua das Flores', 'Rua do Farol', 'Rua Nova', 'Rua do Porto', 'Rua da Ponte', 'Rua do Mar',
           'Travessa do Carmo', 'Travessa da Pedra', 'Travessa do Rosário', 'Travessa do Campo', 'Travessa da Lua', 'Travessa do Norte', 'Travessa do Vento', 'Travessa da Serra')


def crs_of(epsg):
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(epsg)
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return crs


def raster(name, planes, like, nodata=None, origin=None, size=None, options=()):
    """A GeoTIFF of arrays, where `like` lies, or with another origin or cell size there."""
    planes = np.asarray(planes)
    planes = planes if planes.ndim == 3 else planes[None]
    kind = {'uint8': gdal.GDT_Byte, 'float32': gdal.GDT_Float32}[planes.dtype.name]
    predictor = 'PREDICTOR=%d' % (3 if kind == gdal.GDT_Float32 else 2)
    dataset = gdal.GetDriverByName('GTiff').Create(name, planes.shape[2], planes.shape[1], planes.shape[0], kind, SMALL + [predictor] + list(options))
    x, width, _, y, _, height = like.GetGeoTransform()
    x, y = origin or (x, y)
    dataset.SetGeoTransform((x, size or width, 0, y, 0, -size if size else height))
    dataset.SetProjection(like.GetProjection())
    for number, plane in enumerate(planes, 1):
        if nodata is not None:
            dataset.GetRasterBand(number).SetNoDataValue(nodata)
        dataset.GetRasterBand(number).WriteArray(plane)
    dataset = None


def layer(name, epsg, kind, fields, rows):
    """A GeoPackage. A row: the geometry as WKT, then the fields."""
    dataset = gdal.GetDriverByName('GPKG').Create(name, 0, 0, 0, gdal.GDT_Unknown)
    table = dataset.CreateLayer(os.path.splitext(name)[0], crs_of(epsg), kind)
    for field, is_text in fields:
        table.CreateField(ogr.FieldDefn(field, ogr.OFTString if is_text else ogr.OFTInteger))
    table.StartTransaction()
    for wkt, *values in rows:
        feature = ogr.Feature(table.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
        for (field, _), value in zip(fields, values):
            feature.SetField(field, value)
        table.CreateFeature(feature)
    table.CommitTransaction()
    dataset = table = None


def polygon(corners):
    return 'POLYGON ((%s))' % ', '.join('%.10g %.10g' % corner for corner in corners + corners[:1])


# ------------------------------------------------------------------------------------------------------------- the world

def world(data):
    """Towns and rivers: all of them, in their order, with the fields that are used, as narrow as their texts."""
    for name, fields in (('places', 'name, adm0name, pop_max, scalerank, latitude, longitude'), ('rivers', 'name, scalerank')):
        gdal.VectorTranslate(name + '.shp', os.path.join(data, name + '.shp'), SQLStatement='SELECT %s FROM %s' % (fields, name), layerName=name,
                             layerCreationOptions=['RESIZE=YES', 'ENCODING=UTF-8'])
    with open('stops.csv', 'w', encoding='utf-8') as file:
        file.write('name,lon,lat\nHarbour,13.75,45.65\nStation,13.77,45.66\n')


# ---------------------------------------------------------------------------------------------------------------- Colorado

def colorado(data):
    """An elevation model in feet, and what lies upon it."""
    source = gdal.Open(os.path.join(data, 'dem.tif'))
    raster('dem.tif', np.rint(source.ReadAsArray()), source, source.GetRasterBand(1).GetNoDataValue())
    gdal.Translate('egm96.gtx', os.path.join(data, 'egm96.gtx'), format='GTX', projWin=(-110.125, 40.125, -99.875, 34.875))
    dem = gdal.Open('dem.tif')
    feet = dem.ReadAsArray()
    x, step, _, y, _, _ = dem.GetGeoTransform()

    # A valley in metres, and again after a lake has risen in it; both surveys are off by decimetres.
    column, row, width, height = 1100, 300, 480, 360
    metres = feet[row:row + height, column:column + width].astype(float) * 0.3048
    level = np.percentile(metres, 4)
    wobble = np.add.outer(np.sin(np.arange(height) / 17), np.cos(np.arange(width) / 23)) * 0.2
    corner = (x + column * step, y - row * step)
    raster('before.tif', metres.astype(np.float32), dem, -9999, corner)
    raster('after.tif', (np.maximum(metres, level) + wobble).astype(np.float32), dem, -9999, corner)
    gdal.Warp('after_utm.tif', 'after.tif', dstSRS='EPSG:32613', xRes=100, yRes=100, targetAlignedPixels=True, resampleAlg='cubic', creationOptions=SMALL + ['PREDICTOR=3'])

    # The mosaic: four sheets of the elevation model, in metres.
    os.makedirs('sheets')
    for number in range(4):
        left, top = number % 2 * 400, number // 2 * 400
        part = feet[200 + top:600 + top, 1000 + left:1400 + left].astype(np.float32) * np.float32(0.3048)
        raster('sheets/sheet_%d.tif' % (number + 1), part, dem, -9999, (x + (1000 + left) * step, y - (200 + top) * step))

    rows = []
    for line in range(4):
        for place in range(9):
            west, north = x + (120 + place * 240) * step, y - (120 + line * 240) * step
            corners = [(west, north), (west + 240 * step, north), (west + 240 * step, north - 240 * step), (west, north - 240 * step)]
            rows.append((polygon(corners), '%s%d' % ('ABCD'[line], place + 1), 'north' if line < 2 else 'south'))
    layer('parcels.gpkg', COLORADO, ogr.wkbPolygon, (('name', True), ('district', True)), rows)


def temperature(data):
    """Monthly means of 1999, in Kelvin."""
    source = gdal.Open('NETCDF:"%s":tas' % os.path.join(data, 'climate.nc'))
    celsius = source.ReadAsArray()
    kelvin = np.where(celsius > 1e19, -9999, celsius + np.float32(273.15)).astype(np.float32)
    memory = gdal.GetDriverByName('MEM').Create('', source.RasterXSize, source.RasterYSize, len(kelvin), gdal.GDT_Float32)
    memory.SetGeoTransform(source.GetGeoTransform())
    memory.SetProjection(crs_of(4326).ExportToWkt())
    days = source.GetMetadata().get('NETCDF_DIM_time_VALUES', '').strip('{}').split(',')
    memory.SetMetadata({'NETCDF_DIM_EXTRA': '{time}', 'NETCDF_DIM_time_DEF': '{%d,6}' % len(kelvin), 'NETCDF_DIM_time_VALUES': '{%s}' % ','.join(days),
                        'time#units': 'days since 1950-01-01 00:00:00', 'time#calendar': 'standard', 'time#standard_name': 'time'})
    for number, plane in enumerate(kelvin, 1):
        band = memory.GetRasterBand(number)
        band.SetNoDataValue(-9999)
        band.WriteArray(plane)
        band.SetMetadata({'NETCDF_VARNAME': 'temperature', 'NETCDF_DIM_time': days[number - 1], 'units': 'K', 'long_name': 'monthly mean of the air temperature'})
    gdal.GetDriverByName('netCDF').CreateCopy('temperature.nc', memory, options=['FORMAT=NC4C', 'COMPRESS=DEFLATE', 'WRITE_BOTTOMUP=NO', 'WRITE_GDAL_HISTORY=NO'])


# ------------------------------------------------------------------------------------------------------------------ Olinda

def images(data):
    """The Landsat image, two of its bands, and three scenes with clouds and QA bits; dates and clouds are invented."""
    shutil.copyfile(os.path.join(data, 'landsat.tif'), 'landsat.tif')
    shutil.copyfile(os.path.join(data, 'olinda.tif'), 'olinda.tif')
    image = gdal.Open('landsat.tif')
    bands = image.ReadAsArray()
    raster('b4.tif', bands[2], image)
    raster('b5.tif', bands[3], image)
    raster('scene.tif', bands[:4], image)
    os.makedirs('scenes')
    lines, columns = np.indices(bands[0].shape)
    for number, (date, sun) in enumerate((('20240601', 1.0), ('20240611', 0.9), ('20240621', 0.8))):
        spread = np.sin(lines / 41 + number * 2) + np.cos(columns / 37 - number) + np.sin((lines + columns) / 23 + number)
        cloud, shadow = spread > 2.0, np.roll(spread > 2.0, (12, 9), (0, 1))
        planes = np.clip(np.rint(bands[:4] * sun), 1, 254)
        planes = np.where(shadow, np.maximum(planes * 0.6, 1), planes)
        planes = np.where(cloud, 235 - number * 5, planes)
        water = bands[1].astype(int) - bands[3] > 0.2 * (bands[1].astype(int) + bands[3])
        bits = np.where(cloud, 1 << 3, 64 | np.where(shadow, 1 << 4, 0) | np.where(water, 1 << 7, 0))  # as in Landsat's QA_PIXEL: 3 cloud, 4 shadow, 6 clear, 7 water
        scene = np.concatenate([planes, bits[None]]).astype(np.uint8)
        if number == 2:
            scene[:, columns < 40] = 0  # outside of the swath
        raster('scenes/s_%s.tif' % date, scene, image, 0)
    with open('list.txt', 'w') as file:
        file.write('scenes/s_20240601.tif\nscenes/s_20240621.tif\n')

    # Classes: 1 water, 2 built, 3 grass, 4 trees. People live where it is built.
    index = (bands[3].astype(float) - bands[2]) / (bands[3].astype(float) + bands[2])
    classes = np.digitize(index, (-0.25, 0.05, 0.25)) + 1
    raster('landcover.tif', classes.astype(np.uint8), image)
    crowd = (classes == 2)[:348, :348].reshape(87, 4, 87, 4).mean((1, 3)) * 130
    middle = np.hypot(*(np.indices((87, 87)) - 43))
    raster('population.tif', np.rint(crowd).astype(np.float32), image, -9999, size=114.0)
    raster('income.tif', (900 + 2200 * np.exp(-middle / 30)).astype(np.float32), image, -9999, size=114.0)
    return image


def districts(image):
    x, step, _, y, _, _ = image.GetGeoTransform()

    def at(column, row):  # borders bend, but neighbours share them
        bend = 6 * math.sin(column / 29 + row / 53) if 0 < column < 348 and 0 < row < 351 else 0
        return x + (column + bend) * step, y - (row + bend) * step
    rows = []
    for number, name in enumerate(('Norte', 'Rio Doce', 'Jardim', 'Centro', 'Carmo', 'Peixinhos')):
        west, north = number % 3 * 116, number // 3 * 176
        east, south = west + 116, min(north + 176, 351)
        edge = [at(c, north) for c in range(west, east, 29)] + [at(east, r) for r in range(north, south, 44)]
        edge += [at(c, south) for c in range(east, west, -29)] + [at(west, r) for r in range(south, north, -44)]
        rows.append((polygon(edge), name))
    layer('municipalities.gpkg', OLINDA, ogr.wkbPolygon, (('name', True),), rows)
    rows = []
    for number in range(24):
        west, north, wide = x + (20 + number % 6 * 40) * step, y - (20 + number // 6 * 80) * step, (18 + number % 5 * 3) * step
        rows.append((polygon([(west, north), (west + wide, north - 40), (west + wide - 60, north - wide), (west + 30, north - wide + 50)]), 'F%02d' % (number + 1)))
    layer('fields.gpkg', OLINDA, ogr.wkbPolygon, (('name', True),), rows)


def town():
    """An invented town: streets in two directions, a pipe below each, addresses along them, hydrants at corners, wells between."""
    chance = random.Random(1630)
    turn = math.radians(14)

    def place(along, across):
        return (293100 + along * math.cos(turn) - across * math.sin(turn), 9113400 + along * math.sin(turn) + across * math.cos(turn))

    def point(along, across):
        return 'POINT (%.2f %.2f)' % place(along, across)
    rows_of = [110 * n + chance.uniform(-25, 25) for n in range(10)]
    columns = [200 * n + chance.uniform(-40, 40) for n in range(8)]
    pipes, addresses, hydrants = [], [], []
    for number, street in enumerate(STREETS):
        lies = number < len(rows_of)  # across otherwise
        fixed, length = (rows_of[number], 1500) if lies else (columns[number - len(rows_of)], 1050)

        def on(distance, aside):
            return point(distance, fixed + aside) if lies else point(fixed + aside, distance)
        steps = [(d, 4 * math.sin(d / 160)) for d in range(0, length + 1, 75)]
        pipes.append(('LINESTRING (%s)' % ', '.join(on(*step)[7:-1] for step in steps), street, 150 if number % 3 else 300))
        distance, house = 12.0, 1
        while distance < length:
            addresses.append((on(distance, chance.choice((-9, 9)) + 4 * math.sin(distance / 160)), street, house))
            distance, house = distance + chance.uniform(14, 60), house + chance.choice((1, 2, 2))
        for distance in range(60 + number * 7 % 90, length, 170):
            hydrants.append((on(distance + chance.uniform(-20, 20), 3), street, 'H%03d' % (len(hydrants) + 1)))
    layer('pipes.gpkg', OLINDA, ogr.wkbLineString, (('street', True), ('diameter', False)), pipes)
    layer('addresses.gpkg', OLINDA, ogr.wkbPoint, (('street', True), ('house', False)), addresses)
    layer('hydrants.gpkg', OLINDA, ogr.wkbPoint, (('street', True), ('name', True)), hydrants)
    wells = [(point(chance.uniform(0, 1500), chance.uniform(0, 1050)), chance.choice(STREETS), 'W%02d' % (n + 1)) for n in range(40)]
    layer('wells.gpkg', OLINDA, ogr.wkbPoint, (('street', True), ('name', True)), wells)


# ----------------------------------------------------------------------------------------------------------------- recipes

def recipes():
    """The library of ready pipelines, as far as this folder has what they read."""
    source, texts = os.path.join(HERE, '..', 'vrt'), {}
    for name in os.listdir(source):
        if name.endswith('.json') and not name.endswith('.schema.json') or name.endswith('.vrt'):
            with open(os.path.join(source, name), encoding='utf-8') as file:
                texts[name] = file.read().replace('../build/data/', '../')

    def lacks(text):
        read = re.findall(r'[\w./-]+\.(?:tif|nc|gtx|shp|vrt|json)\b', text)
        return any(not (name in texts or os.path.exists(os.path.join('vrt', name))) for name in read)
    os.makedirs('vrt')
    while True:  # what reads one that is left out is left out, too
        missing = [name for name, text in texts.items() if lacks(text)]
        if not missing:
            break
        for name in missing:
            del texts[name]
    for name, text in texts.items():
        with open(os.path.join('vrt', name), 'w', encoding='utf-8') as file:
            file.write(text)
    for name in os.listdir(HERE):
        if name.endswith('.fishnet.json'):
            with open(os.path.join(HERE, name), encoding='utf-8') as file:
                json.load(file)
            shutil.copyfile(os.path.join(HERE, name), name)


def main(data, folder):
    data = os.path.abspath(data)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    os.chdir(folder)
    world(data)
    colorado(data)
    temperature(data)
    districts(images(data))
    town()
    recipes()
    shutil.copyfile(os.path.join(HERE, 'README.md'), 'README.md')


if __name__ == '__main__':
    main(*sys.argv[1:])
