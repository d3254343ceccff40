#!/usr/bin/python3
"""Do two builds of the module give the same bytes? Thirty jobs over real data, by GDAL's own tools.

    compare_builds.py FOLDER FOLDER    folders of two modules (build/dev/plugins); FISHNET_DATA: of the real data

For a change that is to change no result. Prints each job; the exit status is 1 where one differs or fails."""
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile

DATA = os.environ.get('FISHNET_DATA', 'build/data')
DEM, LANDSAT, PLACES, RIVERS = (os.path.join(os.path.abspath(DATA), name) for name in ('dem.tif', 'landsat.tif', 'places.shp', 'rivers.shp'))
PROCESSES = '-oo WORKERS=PROCESSES -oo NUM_WORKERS=2'
TO_RIVERS = 'NEARTABLE:{places} -oo NEAR={rivers}'
JOBS = (  # what is written, and the command
    ('sqrt.tif', 'gdal_translate FISHNET:{dem} {out} -oo CALC=sqrt(A*0.3048)'),
    ('sqrt_processes.tif', 'gdal_translate FISHNET:{dem} {out} -oo CALC=sqrt(A*0.3048) ' + PROCESSES),
    ('trigonometry.tif', 'gdal_translate FISHNET:{dem} {out} -oo CALC=where(A>1000,log(A),sin(A)+A**2) -oo NUM_WORKERS=3'),
    ('ndvi.tif', 'gdal_translate FISHNET:{landsat} {out} -oo CALC=(A[4]-A[3])/(A[4]+A[3])'),
    ('bands.tif', 'gdal_translate FISHNET:{landsat} {out} -oo CALC=A+1;A[2]*2;A[3]>A[4] -oo OT=Int16 -oo NODATA=-1'),
    ('two.tif', 'gdal_translate FISHNET:{dem} {out} -oo B={dem} -oo CALC=A-B/2 -oo TILE_SIZE=300x200'),
    ('partition.tif', 'gdal_translate FISHNET:{dem} {out} -oo CALC=A*2 -oo PARTITION=2/3'),
    ('copy.tif', 'gdal_translate FISHNET:{landsat} {out} -co TILED=YES -co COMPRESS=DEFLATE'),
    ('window.tif', 'gdal_translate FISHNET:{dem} {out} -srcwin 100 200 701 503 -oo CALC=A'),
    ('reduced.tif', 'gdal_translate FISHNET:{dem} {out} -outsize 25% 25% -r average -oo CALC=A+1'),
    ('warped.tif', 'gdalwarp -q -t_srs EPSG:32613 -r bilinear FISHNET:{dem} {out} -oo CALC=A'),
    ('pipeline.tif', 'gdal_translate FISHNET:{warp} {out}'),
    ('pipeline_processes.tif', 'gdal_translate FISHNET:{warp} {out} -oo CALC=A*2 ' + PROCESSES),
    ('pixel_function.tif', 'gdal_translate {derived} {out}'),
    ('recipe.tif', 'gdal_translate {recipe} {out}'),
    ('tiles.vrt', 'gdal_translate -of FISHNET -co CALC=sqrt(A) -co GRID=3x2 -co TILE_CO=COMPRESS=DEFLATE {dem} {out}'),
    ('tiles_processes.vrt', 'gdal_translate -of FISHNET -co TILE_SIZE=500 -co WORKERS=PROCESSES {dem} {out}'),
    ('single.tif', 'gdal_translate -of FISHNET -co OUTPUT=SINGLE -co COMPRESS=DEFLATE -co PREDICTOR=3 -co CALC=sqrt(A) {dem} {out}'),
    ('single_processes.tif', 'gdal_translate -of FISHNET -co OUTPUT=SINGLE -co COMPRESS=ZSTD -co WORKERS=PROCESSES {landsat} {out}'),
    ('single_raw.tif', 'gdal_translate -of FISHNET -co OUTPUT=SINGLE -co INTERLEAVE=BAND {landsat} {out}'),
    ('near.csv', 'ogr2ogr {out} ' + TO_RIVERS + ' -oo NEAR_FIELDS=name -oo FIELDS=name -oo LOCATION=YES -oo ANGLE=YES -oo ALONG=YES'),
    ('near_processes.csv', 'ogr2ogr {out} ' + TO_RIVERS + ' -oo CLOSEST=3 -oo PARTITION_SIZE=500 ' + PROCESSES),
    ('near_planar.csv', 'ogr2ogr {out} ' + TO_RIVERS + ' -oo METHOD=PLANAR -oo CLOSEST=ALL -oo RADIUS=0.3'),
    ('near_self.csv', 'ogr2ogr {out} NEARTABLE:{places} -oo NEAR={places} -oo CLOSEST=2 -oo DISTANCE_UNIT=km'),
    ('near_lines.fgb', 'ogr2ogr {out} ' + TO_RIVERS + ' -oo GEOMETRY=LINE -oo WHERE=pop_max>1000000'),
    ('near_back.csv', 'ogr2ogr {out} NEARTABLE:{rivers} -oo NEAR={places} -oo NEAR_FIELDS=* -oo UNMATCHED=NULL -oo RADIUS=50km'),
    ('near_partition.csv', 'ogr2ogr {out} ' + TO_RIVERS + ' -oo PARTITION=2/3'),
    ('parts.vrt', 'ogr2ogr -f NEARTABLE {out} ' + TO_RIVERS + ' -dsco FORMAT=CSV -dsco PARTS=5'),
    ('parts_processes.vrt', 'ogr2ogr -f NEARTABLE {out} ' + TO_RIVERS + ' -oo WORKERS=PROCESSES -dsco FORMAT=FlatGeobuf -oo GEOMETRY=LINE -dsco PARTS=4'),
    ('count.txt', 'ogrinfo -ro -so ' + TO_RIVERS + ' -al'),
)
DERIVED = '''<VRTDataset rasterXSize="2401" rasterYSize="1201"><VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand">
<PixelFunctionType>fishnet</PixelFunctionType><PixelFunctionArguments CALC="A*2+1"/><SourceTransferType>Float64</SourceTransferType>
<SimpleSource><SourceFilename>%s</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>'''


def prepare(folder):
    names = {'dem': DEM, 'landsat': LANDSAT, 'places': PLACES, 'rivers': RIVERS}
    names.update((name, os.path.join(folder, name + ending)) for name, ending in (('warp', '.vrt'), ('derived', '.vrt'), ('recipe', '.fishnet.json')))
    subprocess.run(['gdalwarp', '-q', '-of', 'VRT', '-t_srs', 'EPSG:32613', '-r', 'cubic', DEM, names['warp']], check=True)
    with open(names['derived'], 'w') as file:
        file.write(DERIVED % DEM)
    with open(names['recipe'], 'w') as file:
        file.write('{"type": "fishnet_raster", "inputs": {"A": "%s"}, "calc": "A[1] - A[2]"}' % LANDSAT)
    return names


def run(module, folder, name, command, names):
    """False if it fails. What is printed goes to NAME.log, where that is the result."""
    words = [word.format(out=os.path.join(folder, name), **names) for word in command.split()]
    environment = {key: value for key, value in os.environ.items() if key != 'FISHNET_WORKERS'}
    environment['GDAL_DRIVER_PATH'] = module
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    if name.endswith('.txt'):
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(done.stdout)
    elif done.returncode:
        print(done.stdout.decode()[-500:])
    return done.returncode == 0


def same(one, two):
    """Files, and folders in them; but for the recipe, which names versions and folders."""
    compared = filecmp.dircmp(one, two)
    names = [name for name in compared.common_files if name != 'recipe.txt']
    different = filecmp.cmpfiles(one, two, names, shallow=False)[1:]
    return not (compared.left_only or compared.right_only or any(different)) and all(same(os.path.join(one, name), os.path.join(two, name)) for name in compared.common_dirs)


def main():
    if len(sys.argv) != 3 or not all(os.path.exists(os.path.join(module, 'gdal_FISHNET.so')) for module in sys.argv[1:]):
        sys.exit(__doc__)
    base = tempfile.mkdtemp(prefix='fishnet-compare-')
    bad = 0
    try:
        names = prepare(base)
        for name, command in JOBS:
            results, good = [], True
            for module in sys.argv[1:]:
                results.append(os.path.join(base, 'result'))
                os.mkdir(results[-1])  # of one name, which may stand in a result
                good = run(os.path.abspath(module), results[-1], name, command, names) and good
                results[-1] += str(len(results))
                os.rename(os.path.join(base, 'result'), results[-1])
            good = good and os.listdir(results[0]) and same(*results)
            bad += not good
            print('%-28s %s' % (name, 'the same' if good else 'DIFFERENT'), flush=True)
            for result in results:
                shutil.rmtree(result)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print('%d of %d jobs give the same bytes' % (len(JOBS) - bad, len(JOBS)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
