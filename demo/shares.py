"""./run demo --dask: a job in shares on a LocalCluster, beside one run of it. shares.py PROGRAM JOB ONE_RUN_JOB"""
import filecmp
import os
import subprocess
import sys
import time

from dask.distributed import Client, LocalCluster
import fishnet_dask


def tiles_of(output):
    folder = output[:-len('.vrt')] + '_tiles'
    return {name: os.path.join(folder, name) for name in os.listdir(folder) if name.endswith('.tif')}


def main(program, job, one_run):
    told = fishnet_dask.plan(job, program)
    print('\n'.join('  %s: %s' % line for line in told.items()))
    with LocalCluster(n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        print('A LocalCluster of %d workers:' % len(cluster.workers), flush=True)
        begun = time.monotonic()
        output = fishnet_dask.run(client, job, program=program)
        print('Shares and mosaic took %.1f s.' % (time.monotonic() - begun), flush=True)
    print('The same without Dask:\n$ fishnet run %s -q' % one_run, flush=True)
    subprocess.run([program, 'run', one_run, '-q'], check=True)
    tiles, others = tiles_of(output), tiles_of(fishnet_dask.plan(one_run, program)['output'])
    if not tiles or tiles.keys() != others.keys() or not all(filecmp.cmp(tiles[name], others[name], shallow=False) for name in tiles):
        sys.exit('The two results differ.')
    print('All %d tiles are the same, byte for byte.' % len(tiles))


if __name__ == '__main__':
    main(*sys.argv[1:])
