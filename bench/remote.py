#!/usr/bin/env python3
"""Rasters beyond a network, beside GDAL alone: seconds, requests, and how many of them are in flight, by latency.

A server on this machine answers late (tests/remote/range_server.py), in a process of its own; there is no limit of bandwidth and no TLS.
The file is a COG of 6000 x 6000 Int16, DEFLATE, blocks of 256; the output a tiled GeoTIFF without compression. The bucket has eight
such files, which are added: by FISHNET, and beside it by a VRT with GDAL's pixel function `sum`.
"""
import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'tests', 'remote'))
import range_server  # noqa: E402

SIZE = 6000
ENVIRONMENT = {'GDAL_DISABLE_READDIR_ON_OPEN': 'EMPTY_DIR'}
BUCKET = 'abcdefgh'
CHUNK = {'CPL_VSIL_CURL_CHUNK_SIZE': '2000000'}


def make(path):
    import numpy as np
    from osgeo import gdal
    gdal.UseExceptions()
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    memory = gdal.GetDriverByName('MEM').Create('', SIZE, SIZE, 1, gdal.GDT_Int16)
    memory.GetRasterBand(1).WriteArray((500 * np.sin(x / 300) * np.cos(y / 200) + random.integers(0, 40, (SIZE, SIZE))).astype('i2'))
    memory.SetGeoTransform([0, 1, 0, 0, 0, -1])
    gdal.Translate(path, memory, format='COG', creationOptions=['BLOCKSIZE=256', 'COMPRESS=DEFLATE'])
    for letter in BUCKET[1:]:
        os.link(path, os.path.join(os.path.dirname(path), letter + '.tif'))


def make_sum(path, names):
    """A VRT that adds them."""
    sources = ''.join(f'<SimpleSource><SourceFilename>{name}</SourceFilename><SourceBand>1</SourceBand>'
                      f'<SourceProperties RasterXSize="{SIZE}" RasterYSize="{SIZE}" DataType="Int16" BlockXSize="256" BlockYSize="256"/>'
                      f'<SrcRect xOff="0" yOff="0" xSize="{SIZE}" ySize="{SIZE}"/><DstRect xOff="0" yOff="0" xSize="{SIZE}" ySize="{SIZE}"/>'
                      '</SimpleSource>' for name in names)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'<VRTDataset rasterXSize="{SIZE}" rasterYSize="{SIZE}"><GeoTransform>0, 1, 0, 0, 0, -1</GeoTransform>'
                   '<VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand"><PixelFunctionType>sum</PixelFunctionType>'
                   f'<SourceTransferType>Float32</SourceTransferType>{sources}</VRTRasterBand></VRTDataset>')
    return path


def ways(server, folder):
    """(what it is called, environment, command)"""
    name, local = server.name('a.tif'), os.path.join(folder, 'a.tif')
    out = os.path.join(folder, 'out.tif')
    copy = ['gdal_translate', '-q', '-co', 'TILED=YES']
    yield 'local copy', {}, [*copy, local, out]
    yield 'gdal_translate', {}, [*copy, name, out]
    yield 'gdal_translate, chunks of 2 MB', CHUNK, [*copy, name, out]
    yield 'FISHNET', {}, [*copy, 'FISHNET:' + name, out]
    yield 'FISHNET, NUM_WORKERS=1', {}, [*copy, '-oo', 'NUM_WORKERS=1', 'FISHNET:' + name, out]
    yield 'FISHNET, CALC=A*2', {}, [*copy, '-oo', 'CALC=A*2', 'FISHNET:' + name, out]
    yield 'FISHNET, READERS=24', {}, [*copy, '-oo', 'READERS=24', 'FISHNET:' + name, out]
    if importlib.util.find_spec('rasterio'):
        peers = [sys.executable, os.path.join(HERE, 'remote_peers.py'), name, out]
        yield 'rasterio, 16 threads, windows of 512', {}, [*peers, '16', '512x512']
        yield 'rasterio, 8 threads, rows of blocks', {}, [*peers, '8', f'{SIZE}x256']


def bucket_ways(server, folder):
    """The same for eight files; the first is what the others are compared with."""
    names = [server.name(letter + '.tif') for letter in BUCKET]
    copy, out = ['gdal_translate', '-q', '-co', 'TILED=YES'], os.path.join(folder, 'out.tif')
    added = make_sum(os.path.join(folder, 'sum.vrt'), names)
    inputs = [word for letter, name in zip(BUCKET.upper()[1:], names[1:]) for word in ('-oo', f'{letter}={name}')]
    calc = ['-oo', 'CALC=' + '+'.join(BUCKET.upper())]
    yield 'bucket: VRT, sum', {}, [*copy, added, out]
    yield 'bucket: VRT, sum, chunks of 2 MB', CHUNK, [*copy, added, out]
    yield 'bucket: FISHNET, A+...+H', {}, [*copy, *inputs, *calc, 'FISHNET:' + names[0], out]


def measure(server, label, environment, command, times):
    """The median of the seconds, and what the server has seen of the last run."""
    seconds = []
    for _ in range(times):
        server.reset()
        begin = time.monotonic()
        done = subprocess.run(command, env=dict(os.environ, **ENVIRONMENT, **environment), stderr=subprocess.PIPE, text=True, timeout=300)
        seconds.append(time.monotonic() - begin)
        if done.returncode != 0:
            sys.exit(f'{label}: {done.stderr}')
    return statistics.median(seconds), server.stats()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--delays', default='0,20,50,100', help='milliseconds')
    parser.add_argument('--times', type=int, default=5)
    parser.add_argument('--only', default='')
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='fishnet-bench-') as folder:
        make(os.path.join(folder, 'a.tif'))
        print('| ms | | seconds | beside GDAL alone | requests | in flight | MB |\n|---|---|---|---|---|---|---|')
        with range_server.serve(folder) as server:
            for delay in [int(word) for word in given.delays.split(',')]:
                server.delay(delay / 1000)
                for alone, some in (('gdal_translate', ways(server, folder)), ('bucket: VRT, sum', bucket_ways(server, folder))):
                    plain, some = None, list(some)
                    wanted = [way for way in some if given.only in way[0]]
                    for label, environment, command in [way for way in some if way in wanted or (wanted and way[0] == alone)]:
                        took, stats = measure(server, label, environment, command, given.times)
                        plain = took if label == alone else plain
                        ratio = f'{plain / took:.2f}' if plain else ''
                        print(f'| {delay} | {label} | {took:.2f} | {ratio} | {len(stats["log"])} | {stats["most"]} | {stats["bytes"] / 1e6:.1f} |', flush=True)


if __name__ == '__main__':
    main()
