#!/usr/bin/env python3
"""Which ways of writing scale to 16 and 64 cores: costs that are measured here, in the model of cores.py.

Called by `./run bench`, which makes the plugin and bench_schedule ready. Each way runs with 1 worker and with as many as there are CPUs, in rounds;
timelines tell what its tasks, the host's thread, the one reader and other threads cost. The model is checked against the wall clock of both, and
then asked for 16 and 64 cores: of this job, and of one that has TIMES as many tasks, since in a small one the program's start weighs more than all
else on 64 cores. The tables go to stdout and build/bench/many_cores.md.

    bench/many_cores.py --only tiles
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import speed
from cores import Job, seconds
from near import Bench
from run import CPUS, ROOT, WORK, setting, table, verdict
from timeline import TracedRun

CORES = (16, 64)
TIMES = 50  # what is bigger: 144 million cells become 7 thousand million, a million points 50 million
PARTS_EACH = 4  # parts for each worker, by default
MEGABYTE = 1 << 20


class Way:
    """kind: what may be ahead, see ahead_of(); goals: at least so many times faster, by cores."""

    def __init__(self, name, command, kind, goals=None):
        self.name, self.command, self.kind, self.goals = name, command, kind, goals or {}


OUT = os.path.join(WORK, "many_cores")
MANY = {16: 13, 64: 45}


def raster_ways(folder):
    dem = os.path.join(folder, "dem.tif")

    def translate(create):
        return lambda n: ["gdal_translate", "-q", "FISHNET:" + dem, OUT + ".tif", "-oo", "CALC=sqrt(A)", "-oo", f"NUM_WORKERS={n}", "-co", "TILED=YES", *create(n)]

    def write(name, *create):
        return lambda n: ["gdal_translate", "-q", "-of", "FISHNET", dem, OUT + name, "-co", "CALC=sqrt(A)", "-co", f"NUM_WORKERS={n}", *create]

    return [
        Way("gdal_translate, uncompressed", translate(lambda n: []), "engine"),
        Way("gdal_translate, DEFLATE", translate(lambda n: ["-co", "COMPRESS=DEFLATE", "-co", f"NUM_THREADS={n}"]), "engine"),
        Way("SINGLE, uncompressed", write(".tif", "-co", "OUTPUT=SINGLE"), "single"),
        Way("SINGLE, DEFLATE", write(".tif", "-co", "OUTPUT=SINGLE", "-co", "COMPRESS=DEFLATE"), "single", MANY),
        Way("tiles, DEFLATE", write(".vrt", "-co", "TILE_SIZE=1024", "-co", "TILE_CO=COMPRESS=DEFLATE"), "parts", MANY),
    ]


def near_ways(bench):
    def a():
        return bench.layer("points_a")

    def package():
        path = os.path.join(bench.folder, "points_a.gpkg")
        if not os.path.exists(path):
            print(f"Making {os.path.relpath(path, ROOT)} (once)", file=sys.stderr, flush=True)
            subprocess.run(["ogr2ogr", "-q", "-lco", "SPATIAL_INDEX=NO", path + ".part.gpkg", a()], check=True)
            os.rename(path + ".part.gpkg", path)
        return path

    def near(driver, ending, source, *more):
        return lambda n, *parts: ["ogr2ogr", "-q", "-f", driver, OUT + ending, "NEARTABLE:" + source(), "-oo", "NEAR=" + bench.layer("points_b"),
                                  "-oo", "GEOMETRY=FROM", "-oo", f"NUM_WORKERS={n}", *more, *parts]

    parts = {16: 10}
    return [
        Way("near through ogr2ogr, FlatGeobuf", near("FlatGeobuf", ".fgb", a, "-lco", "SPATIAL_INDEX=NO"), "table"),
        Way("near, SINGLE, FlatGeobuf, from FlatGeobuf", near("NEARTABLE", ".fgb", a, "-dsco", "OUTPUT=SINGLE"), "table"),
        Way("near, SINGLE, FlatGeobuf, from GeoPackage", near("NEARTABLE", ".fgb", package, "-dsco", "OUTPUT=SINGLE"), "table"),
        Way("near by parts, GeoPackage", near("NEARTABLE", ".vrt", package, "-dsco", "FORMAT=GPKG"), "files", parts),
        Way("near by parts, FlatGeobuf", near("NEARTABLE", ".vrt", package, "-dsco", "FORMAT=FlatGeobuf"), "files", parts),
    ]


def clear():
    for ending in (".tif", ".fgb", ".vrt"):
        if os.path.exists(OUT + ending):
            os.unlink(OUT + ending)
    for ending in ("_tiles", "_parts"):
        shutil.rmtree(OUT + ending, ignore_errors=True)


def run(command):
    clear()
    os.sync()
    return TracedRun(command)


def ahead_of(kind, traced):
    """workers -> results that there is memory for at a time. See DivideBudget() in single.cpp, DefaultBudget() and TasksAhead() in
    tile_reader.cpp, SLOTS_PER_WORKER in stream.c."""
    if kind == "engine":
        windows = [re.search(r"x=(\d+) y=\d+ (\d+)x(\d+)", name) for name in traced.timeline.names]
        columns = len({window[1] for window in windows if window})
        pixels = max(int(window[2]) * int(window[3]) for window in windows if window)
        tile = 4 * pixels
        return lambda n: min(columns + max(2 * columns, 4 * n), max(3 * columns, n + 2, 64 * MEGABYTE // tile))
    return {"single": lambda n: 4 * n, "table": lambda n: 24 * n}.get(kind, lambda n: 1 << 60)


def job_of_files(traced, workers, lock):
    """The costs of a run whose workers write parts: each part is a table with a worker of its own, so two threads are at work on it, and only
    one of them is in the timeline. What is before the first task is done by all workers, or by the helper alone."""
    timeline = traced.timeline
    count, before = len(timeline.tasks), max(0, traced.before - (traced.first_thread - timeline.reader)) * min(1, traced.cpus)
    if timeline.cpu is None:
        tasks, shared, serial = [max(0, traced.cpu - traced.first_thread - before) / (2 * count)] * (2 * count), 0, before
    else:
        others = max(0, traced.cpu - traced.first_thread - timeline.cpu)
        shared, serial = min(others, before * workers), 0
        tasks = [cpu for _, _, cpu in timeline.tasks] + [(others - shared) / count] * count
    return Job(tasks=tasks, host=timeline.reader / (2 * count), lock=lock, threads=2, serial=serial + max(0, traced.first_thread - timeline.reader), shared=shared,
               ahead=ahead_of("files", traced))


def job_of(way, traced, workers, lock):
    """The costs of a run."""
    if way.kind == "files":
        return job_of_files(traced, workers, lock)
    timeline = traced.timeline
    count = len(timeline.tasks)
    tasks = [cpu for _, _, cpu in timeline.tasks]
    read = timeline.one_reader / count
    others = max(0, traced.cpu - traced.first_thread - sum(tasks))
    compresses = way.kind == "engine"
    return Job(tasks=[max(0, task - read) for task in tasks], host=timeline.reader / count, read=read, lock=lock, after=others / count if compresses else 0,
               serial=max(0, traced.first_thread - timeline.reader), shared=0 if compresses else others, ahead=ahead_of(way.kind, traced))


def with_parts(job, files, cores):
    """The same table in PARTS_EACH parts for each worker. files: CPU seconds of a part beyond its rows."""
    count = PARTS_EACH * cores * job.threads
    each = files / job.threads
    rows = sum(job.tasks) - each * len(job.tasks)
    return replace(job, tasks=[rows / count + each] * count, host=job.host * len(job.tasks) / count)


def measure(way, repeats, lock):
    """workers -> median run; the job by the costs of all workers."""
    runs = {1: [], CPUS: []}
    for repeat in range(repeats):
        for workers in runs:
            print(f"  {repeat + 1}/{repeats} {way.name}, {workers}", file=sys.stderr, flush=True)
            runs[workers].append(run(way.command(workers)))
    medians = {workers: sorted(own, key=lambda one: one.wall)[len(own) // 2] for workers, own in runs.items()}
    files = 0
    if way.kind == "files":
        few, many = [job_of(way, run(way.command(1, "-dsco", f"PARTS={parts}")), 1, lock) for parts in (2, 16)]
        files = max(0, (sum(many.tasks) - sum(few.tasks)) / (16 - 2))
    clear()
    return medians, {workers: job_of(way, traced, workers, lock) for workers, traced in medians.items()}, files


def lock_of():
    """Seconds for which the lock of a scheduler is held for a task, at the most: what a task costs that does nothing, with 64 workers."""
    program = os.path.join(ROOT, "build", "release", "bench_schedule")
    text = subprocess.run([program, "50000"], capture_output=True, text=True, check=True).stdout
    return max(float(line.split()[2]) for line in text.splitlines() if re.match(r"(engine|stream) +64 ", line)) * 1e-9, text


def percent(value):
    return f"{100 * value:.1f} %"


def lines_of(way, medians, jobs, files):
    checks = []
    for workers, traced in medians.items():
        expected = seconds(jobs[workers], workers, traced.cpus)
        checks += [f"{traced.cpus:.2f}", f"{traced.wall:.2f}", f"{expected:.2f}", f"{100 * (expected / traced.wall - 1):+.0f} %"]
    job, traced = jobs[CPUS], medians[CPUS]
    predicted = []
    for times in (1, TIMES):
        for cores in CORES:
            bigger = with_parts(job.times(times), files, cores) if way.kind == "files" else job.times(times)
            one = with_parts(job.times(times), files, 1) if way.kind == "files" else bigger
            value = seconds(one, 1, 1) / seconds(bigger, cores, cores)
            goal = way.goals.get(cores) if times > 1 else None
            predicted.append(verdict(value, goal, False) if goal else f"{value:.1f}")
    count = len(job.tasks)
    return [way.name, *checks], [way.name, percent(traced.serial), percent(count * job.read / traced.cpu), percent(traced.standing), *predicted]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small data, one round: figures mean little")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only the ways that have this in their names")
    args = parser.parse_args()
    for name in ("GDAL_NUM_THREADS", "FISHNET_WORKERS", "CPL_DEBUG"):
        os.environ.pop(name, None)
    os.environ["GDAL_PAM_ENABLED"] = "NO"
    repeats = args.repeats or (1 if args.quick else 3)
    lock, schedulers = lock_of()
    checks, predictions = [], []
    for way in raster_ways(speed.data(3000 if args.quick else 12000, 1)) + near_ways(Bench(args.quick, peers=False)):
        if args.only and not any(part in way.name for part in args.only):
            continue
        check, prediction = lines_of(way, *measure(way, repeats, lock))
        checks.append(check)
        predictions.append(prediction)
    gdal, commit, cpu = setting()
    head = [word for workers in sorted({1, CPUS}) for word in (f"{workers}: CPUs left", "wall s", "model s", "error")]
    text = "\n".join([
        "# Many cores", "", f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. sqrt of a DEM; the nearest of a million points for each of a million. Medians of {repeats}.", "",
        "## The schedulers alone", "", "```", schedulers.rstrip(), "```", "",
        "## The model against the wall clock", "", "With so many workers, on the CPUs that other programs have left; the costs are those of the same run.", "",
        table(["way", *head], checks), "",
        "## What it says of more cores", "", "Times faster than one core, by the costs with all CPUs at work: of this job, and of one "
        f"with {TIMES} times as many tasks. The model knows of no limit of memory or disks.", "",
        table(["way", "host's thread / CPU", "one reader / CPU", "locks / workers' time", *(f"{cores} cores" for cores in CORES),
               *(f"{TIMES} x, {cores} cores" for cores in CORES)], predictions), ""])
    print(text)
    with open(os.path.join(WORK, "many_cores.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
