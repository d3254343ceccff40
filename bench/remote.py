#!/usr/bin/env python3
"""Rasters beyond a network, beside GDAL alone: seconds, requests, and how many of them are in flight, by latency.

A server on this machine answers late (tests/remote/range_server.py), in a process of its own; there is no limit of bandwidth and no TLS.
The file is a COG of 6000 x 6000 Int16, DEFLATE, blocks of 256; the output a tiled GeoTIFF without compression.
"""
import argparse
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--delays', default='0,20,50,100', help='milliseconds')
    parser.add_argument('--times', type=int, default=5)
    parser.add_argument('--only', default='')
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='fishnet-bench-') as folder:
        make(os.path.join(folder, 'a.tif'))
        print('| ms | | seconds | beside gdal_translate | requests | in flight | MB |\n|---|---|---|---|---|---|---|')
        with range_server.serve(folder) as server:
            for delay in [int(word) for word in given.delays.split(',')]:
                server.delay(delay / 1000)
                plain = None
                for label, environment, command in ways(server, folder):
                    if given.only not in label and label != 'gdal_translate':
                        continue
                    seconds = []
                    for _ in range(given.times):
                        server.reset()
                        begin = time.monotonic()
                        subprocess.run(command, check=True, env=dict(os.environ, **ENVIRONMENT, **environment), timeout=120)
                        seconds.append(time.monotonic() - begin)
                    stats = server.stats()
                    took = statistics.median(seconds)
                    plain = took if label == 'gdal_translate' else plain
                    ratio = f'{plain / took:.2f}' if plain else ''
                    print(f'| {delay} | {label} | {took:.2f} | {ratio} | {len(stats["log"])} | {stats["most"]} | {stats["bytes"] / 1e6:.1f} |', flush=True)


if __name__ == '__main__':
    main()
