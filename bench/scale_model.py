#!/usr/bin/env python3
"""How many workers a job of shares is good for: a model of events, since 1000 workers are not at hand. What it is fed with is measured, but
where it says that it is assumed. `./run bench` does not call it: it measures nothing.

    python3 bench/scale_model.py [--rate CELLS_PER_CORE_SECOND] [--scheduler SECONDS]

One scheduler hands shares to workers of one core, one by one. A share takes what its cells take, times a lognormal factor; some are slow,
some fail half way and are begun again. At the end one machine looks at all tiles and writes the mosaic.
"""
import argparse
import heapq
import random
import statistics
from collections import namedtuple

# Seconds. "Many machines" in bench/RESULTS.md has what was measured.
Costs = namedtuple('Costs', 'start scheduler')
PROGRAM = 0.12  # CPU of `fishnet run` for a share beyond its cells, GDAL 3.13; 0.06 with GDAL 3.6
WORKER = 0.014  # the same in a process that has GDAL already
SCHEDULER = 0.002  # of the scheduler for a share: Dask 1.3 to 2.4 ms (versions 2022.12 and 2024.12), Slurm 22.05 2.0 ms
RATE = 16e6  # cells a core and second: sqrt of a compressed raster into compressed tiles
TILE = 4096 * 4096  # cells of a tile, the default
ASSEMBLE = 8e-6  # CPU for a tile, with an index over them
OPEN = 0.01  # the mosaic, whatever the number of tiles
# Assumed: what happens on machines that others use, too, and on disks behind a network.
SPREAD, SLOW, SLOWER, FAILING = 0.15, 0.01, 3.0, 0.001
LOOK = 5e-5  # at a file


def makespan(shares, workers, core_seconds, costs, seed):
    """Seconds until the last share is done."""
    chance = random.Random(seed)
    mean = core_seconds / shares
    idle = [0.0] * workers  # when each worker is free
    again = []  # when each share that has failed is known to have
    left, scheduler, end = shares, 0.0, 0.0
    while left or again:
        now = heapq.heappop(idle)
        if left and not (again and again[0] <= now):
            left -= 1
        else:
            now = max(now, heapq.heappop(again))
        scheduler = max(scheduler, now) + costs.scheduler
        work = costs.start + mean * chance.lognormvariate(-SPREAD * SPREAD / 2, SPREAD) * (SLOWER if chance.random() < SLOW else 1)
        if chance.random() < FAILING:
            done = scheduler + work / 2
            heapq.heappush(again, done)
        else:
            done = scheduler + work
            end = max(end, done)
        heapq.heappush(idle, done)
    return end


def efficiency(cells, shares, workers, costs, rate):
    """The part of the workers' time that goes into cells; all wait while one assembles. The median of five runs."""
    core_seconds = cells / rate
    took = statistics.median(makespan(shares, workers, core_seconds, costs, seed) for seed in range(5))
    return core_seconds / workers / (took + (ASSEMBLE + LOOK) * cells / TILE + OPEN)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cells', type=float, default=1e12)
    parser.add_argument('--rate', type=float, default=RATE)
    parser.add_argument('--scheduler', type=float, default=SCHEDULER)
    told = parser.parse_args()
    ways = (('program', Costs(PROGRAM, told.scheduler)), ('worker', Costs(WORKER, told.scheduler)))
    print('%.0e cells, %.0f core seconds' % (told.cells, told.cells / told.rate))
    print('| workers | shares for each | seconds of a share | efficiency, a program for each share | in the worker |\n|---|---|---|---|---|')
    for workers in (100, 1000, 3000):
        for each in (1, 5, 10, 20, 40, 80):
            shares = workers * each
            print('| %d | %d | %.3g | %s |' % (workers, each, told.cells / told.rate / shares,
                                             ' | '.join('%.2f' % efficiency(told.cells, shares, workers, costs, told.rate) for _, costs in ways)))


if __name__ == '__main__':
    main()
