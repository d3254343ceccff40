#!/usr/bin/env python3
"""ZONALSTATS beside its peers, in one run: reading without computing, GDAL, exactextract, exactextractr, GRASS, QGIS, numpy.

Called by `./run bench`, which makes the plugin and the program ready. In each round every program takes its turn, forwards and
backwards by turns; a program that takes more than a minute does so once. Ratios are medians over the rounds. The tables go to
stdout and build/bench/zonal.md.

    bench/zonal.py --only fraction              # the workloads that have this in their names
    bench/zonal.py --squares 10000000           # instead of all that: so many squares, streamed

Peers that are not found are left out and named. They may be those of another system whose commands begin with --peers
("chroot DIR"), if it sees the folder of the data under the same name: GDAL 3.11 or later for `gdal raster zonal-stats`, Debian's
r-cran-exactextractr and grass-core, exactextract from source (with TBB for raster-parallel).
"""
import argparse
import filecmp
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time

from run import CPUS, ROOT, WORK, Median, Run, setting, table, verdict  # imports no numpy: this process stays small, see Run.memory

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = 60  # seconds; what takes longer is not repeated
MOST_MEMORY = 300  # MB, for all workloads
STATS = ["count", "min", "max", "mean", "sum", "stdev"]
OUR_STATS = "COUNT,MIN,MAX,MEAN,SUM,STD"
DECODE_1, DECODE, OURS_1, OURS = "decode only, 1", "decode only, all", "ZONALSTATS, 1", "ZONALSTATS, all"
PLAIN = "ZONALSTATS without percentiles, all"
GDAL_FEATURE, GDAL_RASTER, GDAL_ZONES = "GDAL, by feature", "GDAL, by raster", "GDAL"
EXACT_FEATURE, EXACT_RASTER, EXACT = "exactextract, by feature", "exactextract, by raster", "exactextract, parallel, all"
R, GRASS, QGIS, NUMPY = "exactextractr", "GRASS r.univar, all", "QGIS", "numpy bincount, all"
GDALS, EXACTS = (GDAL_FEATURE, GDAL_RASTER, GDAL_ZONES), (EXACT_FEATURE, EXACT_RASTER, EXACT)
R_SCRIPT = """
library(exactextractr)
words <- commandArgs(TRUE)
zones <- sf::st_read(words[2], quiet = TRUE)
found <- exact_extract(terra::rast(words[1]), zones, c("count", "min", "max", "mean", "sum", "stdev"), append_cols = "zone", progress = FALSE)
write.csv(format(found, digits = 17), words[3], row.names = FALSE, quote = FALSE)
"""


class Job:
    """A workload, and what is to be reached: at most times decoding, at least times faster than the peers."""

    def __init__(self, name, zones, pixels, decode=None, gdal=None, exact=None, more=(), percentiles=False, values="dem"):
        self.name, self.zones, self.pixels, self.values, self.percentiles = name, zones, pixels, values, percentiles
        self.decode, self.gdal, self.exact, self.more = decode, gdal, exact, dict(more)
        self.bands = 4 if values == "bands" else 1


JOBS = [
    Job("1,024 polygons, centre", "polygons", "CENTER", 1.3, 3, more={QGIS: 20}),
    Job("1,024 polygons, fraction", "polygons", "FRACTION", 1.5, 6, 3, more={R: 10}),
    Job("100,172 parcels, centre", "parcels", "CENTER", 1.8, 4),
    Job("100,172 parcels, fraction", "parcels", "FRACTION", 2.0, 6, 3),
    Job("200 of 32,768 vertices, centre", "huge", "CENTER", 1.7, 12),
    Job("200 of 32,768 vertices, fraction", "huge", "FRACTION", 2.0, 6, 3),
    Job("zone raster, 1,024 zones", "zones", "RASTER", 1.4, 4, more={GRASS: 1.2}),
    Job("1,024 polygons, centre, MEDIAN and PCT90", "polygons", "CENTER", percentiles=True),
    Job("1,024 polygons, centre, 4 bands", "polygons", "CENTER", 1.1, 4, values="bands"),
    Job("1,024 polygons, fraction, 4 bands", "polygons", "FRACTION", exact=4, values="bands"),
]


class TreeRun(Run):
    """A run whose memory is that of the process and all its children together, looked at every 20 ms."""

    def __init__(self, command, env=None):
        self.seen = 0
        super().__init__(command, env)
        self.watcher.join()
        self.memory = max(self.memory, self.seen / 1048576)

    def follow(self, pid):
        self.watcher = threading.Thread(target=self.watch, args=(pid,))
        self.watcher.start()

    def watch(self, pid):
        while (memory := memory_of(pid)) is not None:
            self.seen = max(self.seen, memory)
            time.sleep(0.02)


def memory_of(pid):
    """Resident bytes of a process and what it has started; None when it has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        if not pages:  # has ended, and nobody has waited for it yet
            return None
        children = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                children += file.read().split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(memory_of(child) or 0 for child in children)


class Program:
    """A command that writes `out`, if anything; `names` are its columns of zone, count and mean, if it is to agree with ours."""

    def __init__(self, command, out=None, names=None):
        self.command, self.out, self.names = command, out, names


class Bench:
    def __init__(self, args):
        self.side, self.folder, self.programs, self.peers = args.side, args.folder, args.programs, shlex.split(args.peers)
        os.makedirs(self.folder, exist_ok=True)
        self.missing = []
        self.has = {name: self.find(name, command) for name, command in {
            "gdal raster zonal-stats": [*self.peers, "gdal", "raster", "zonal-stats", "--help"],
            "exactextract": [*self.peers, "exactextract", "--help"],
            "exactextractr": [*self.peers, "Rscript", "-e", "library(exactextractr); library(sf); library(terra)"],
            "GRASS": [*self.peers, "grass", "--version"],
            "QGIS": ["qgis_process", "--version"],
            "numpy": [sys.executable, "-c", "import numpy, osgeo.gdal_array"]}.items()}

    def find(self, name, command):
        try:
            found = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet()).returncode == 0
        except FileNotFoundError:
            found = False
        if not found:
            self.missing.append(f"{name}: not installed")
        return found

    def data(self, kind, count=0):
        """Its file, made when there is none, and read once."""
        sized = {"dem": f"dem_{self.side}.tif", "bands": f"bands_{self.side}.tif", "zones": f"zones_{self.side}.tif"}
        path = os.path.join(self.folder, sized.get(kind, f"squares_{count}.gpkg" if count else f"{kind}.gpkg"))
        if kind == "zones":
            self.data("polygons")
        if not os.path.exists(path):
            print(f"Making {path} (once)", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, os.path.join(HERE, "zonal_data.py"), path, kind, str(self.side), str(count)], check=True)
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass
        return path

    def decode(self, threads, *paths):
        return Program([os.path.join(self.programs, "bench_decode"), str(threads), *paths])

    def out(self, name):
        return os.path.join(self.folder, "out_" + "".join(c if c.isalnum() else "_" for c in name) + ".csv")

    def programs_of(self, job):
        """name -> Program"""
        values, zones = self.data(job.values), self.data(job.zones)
        inputs = (values, zones) if job.zones == "zones" else (values,)
        programs = {DECODE_1: self.decode(1, *inputs), DECODE: self.decode(CPUS, *inputs)}
        stats = OUR_STATS + (",MEDIAN,PCT90" if job.percentiles else "")
        for name, workers, wanted in ((OURS_1, 1, stats), (OURS, CPUS, stats), (PLAIN, CPUS, OUR_STATS)):
            if name != PLAIN or job.percentiles:
                programs[name] = self.ours(name, values, zones, workers, wanted, job)
        if self.has["gdal raster zonal-stats"] and not job.percentiles:
            for name in (GDAL_ZONES,) if job.zones == "zones" else (GDAL_FEATURE, GDAL_RASTER):
                programs[name] = self.gdal(name, values, zones, job)
        if self.has["exactextract"] and job.pixels == "FRACTION":
            for name in EXACTS:
                programs[name] = self.exactextract(name, values, zones, job)
        if self.has["exactextractr"] and R in job.more:
            programs[R] = Program([*self.peers, "Rscript", "-e", R_SCRIPT, values, zones, self.out(R)], self.out(R), ("zone", "count", "mean"))
        if self.has["QGIS"] and QGIS in job.more:
            programs[QGIS] = Program(["qgis_process", "run", "native:zonalstatisticsfb", "--INPUT=" + zones, "--INPUT_RASTER=" + values,
                                      *(f"--STATISTICS={i}" for i in (0, 1, 2, 4, 5, 6)), "--OUTPUT=" + self.out(QGIS)],
                                     self.out(QGIS), ("zone", "_count", "_mean"))
        if self.has["GRASS"] and GRASS in job.more:
            programs[GRASS] = self.grass(values, zones)
        if self.has["numpy"] and job.zones == "zones":
            programs[NUMPY] = Program([sys.executable, os.path.join(HERE, "zonal_peers.py"), "numpy", values, zones, self.out(NUMPY),
                                       str(CPUS)], self.out(NUMPY), ("value", "count", "mean"))
        return programs

    def ours(self, name, values, zones, workers, stats, job):
        options = [f"RASTER={values}", f"STATS={stats}", f"NUM_WORKERS={workers}"]
        options += [] if job.zones == "zones" else [f"PIXELS={job.pixels}", "FIELDS=zone"]
        out = self.out(name)
        return Program(["ogr2ogr", "-q", "-f", "CSV", out, "ZONALSTATS:" + zones, *(word for o in options for word in ("-oo", o))], out)

    def gdal(self, name, values, zones, job):
        out, more, zone = self.out(name), [], "value"
        if job.zones != "zones":
            more, zone = ["--include-field", "zone", "--pixels", "default" if job.pixels == "CENTER" else "fractional",
                          "--strategy", "feature" if name == GDAL_FEATURE else "raster"], "zone"
        for band in range(1, job.bands + 1):
            more += ["--band", str(band)]
        tail = "_band_{}" if job.bands > 1 else ""
        return Program([*self.peers, "gdal", "raster", "zonal-stats", "-q", "-f", "CSV", "--zones", zones, *more,
                        *(word for stat in STATS for word in ("--stat", stat)), values, out], out, (zone, "count" + tail, "mean" + tail))

    def exactextract(self, name, values, zones, job):
        """Its parallel kind has no deviation."""
        out, head = self.out(name), "band_{}_" if job.bands > 1 else ""
        strategy = {EXACT_FEATURE: "feature-sequential", EXACT_RASTER: "raster-sequential", EXACT: "raster-parallel"}[name]
        more = ["--threads", str(CPUS)] if name == EXACT else []
        return Program([*self.peers, "exactextract", "-r", values, "-p", zones, "-f", "zone", "-o", out, "--strategy", strategy, *more,
                        *(word for stat in STATS if name != EXACT or stat != "stdev" for word in ("-s", stat))],
                       out, ("zone", head + "count", head + "mean"))

    def grass(self, values, zones):
        """In a session of its own; both rasters are in its format already."""
        place, out = os.path.join(self.folder, f"grass_{self.side}"), self.out(GRASS)
        session = [*self.peers, "grass", place + "/PERMANENT", "--exec"]
        if not os.path.isdir(place):
            print(f"Making {place} (once)", file=sys.stderr, flush=True)
            Run([*self.peers, "grass", "-c", values, place, "-e"])
            for name, path in (("dem", values), ("zones", zones)):
                Run([*session, "r.in.gdal", "--quiet", "input=" + path, "output=" + name])
            Run([*session, "g.region", "raster=dem"])
        return Program([*session, "r.univar", "-t", "--quiet", "map=dem", "zones=zones", f"nprocs={CPUS}", "separator=comma", "output=" + out],
                       out, ("zone", "non_null_cells", "mean"))

    def why_not(self, job):
        """The driver's word, if it does not take such zones."""
        if job.zones != "zones":
            return None
        done = subprocess.run(["ogrinfo", "-so", "-q", "ZONALSTATS:" + self.data("zones"), "-oo", "RASTER=" + self.data("dem")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.splitlines()[0] if done.returncode else None

    def measure(self, job, repeats):
        """name -> [TreeRun of each round], name -> how it agrees with ours."""
        programs = self.programs_of(job)
        runs, words = {name: [] for name in programs}, {}
        for repeat in range(repeats):
            for name in list(programs)[::-1 if repeat % 2 else 1]:
                program = programs[name]
                if repeat and runs[name][0].wall > LONG:
                    continue
                print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
                if program.out and os.path.exists(program.out):
                    os.unlink(program.out)
                os.sync()
                try:
                    runs[name].append(TreeRun(program.command, env=quiet()))
                except SystemExit as error:
                    if name in (DECODE_1, DECODE, OURS_1, OURS, PLAIN):
                        raise
                    print(error, file=sys.stderr)
                    words[name] = "failed"
                    del programs[name], runs[name]
        if not filecmp.cmp(programs[OURS_1].out, programs[OURS].out, shallow=False):
            sys.exit(f"{job.name}: {programs[OURS_1].out} and {programs[OURS].out} differ, and should not")
        for name, program in programs.items():
            if program.names:
                words[name] = agreement(programs[OURS].out, program, job)
        for path in {program.out for program in programs.values() if program.out}:
            os.unlink(path)
        return runs, words


def quiet():
    """The environment of all programs: their own threads, no window."""
    return {**{key: value for key, value in os.environ.items() if key not in ("GDAL_NUM_THREADS", "CPL_DEBUG")},
            "GDAL_PAM_ENABLED": "NO", "QT_QPA_PLATFORM": "offscreen"}


def agreement(ours, program, job):
    """Whether counts and means are equal: counts of centres to the last cell, all else within 1e-5."""
    done = subprocess.run([sys.executable, os.path.join(HERE, "zonal_peers.py"), "agree", ours, program.out, *program.names,
                           str(job.bands)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return "NO: " + done.stderr.strip().splitlines()[-1]
    zones, others, count, mean = done.stdout.split()
    good = float(count) <= (1e-5 if job.pixels == "FRACTION" else 0) and float(mean) <= 1e-5
    return f"{'yes' if good else 'NO'}: {int(zones):,} zones{f' (and {others} more)' if others != '0' else ''}, " \
           f"count {float(count):.0e}, mean {float(mean):.0e}".replace("count 0e+00", "count equal").replace("mean 0e+00", "mean equal")


def ratio(a, b):
    """Of wall times: the median over the rounds in which both took part."""
    return statistics.median(x.wall / y.wall for x, y in zip(a, b))


def best(runs, names):
    """The fastest of these; None when there is none."""
    return min((runs[name] for name in names if name in runs), key=lambda r: Median(r).wall, default=None)


def rows_of(runs, words):
    ours, base = runs[OURS], runs[DECODE]
    rows = []
    for name, r in runs.items():
        m = Median(r)
        rows.append([name, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}", f"{ratio(r, base):.2f}", f"{ratio(r, ours):.2f}",
                     words.get(name, "")])
    return rows + [[name, "", "", "", "", "", said] for name, said in words.items() if name not in runs]


def goals_of(job, runs):
    """A line of the table of what was to be reached. One that was not asked for is the bare figure; a peer that is missing, nothing."""
    ours = runs[OURS]

    def faster(names, target):
        peer = best(runs, names)
        value = ratio(peer, ours) if peer else None
        return "" if value is None else verdict(value, target, False) if target else f"{value:.2f}"

    decode = ratio(ours, runs[DECODE])
    others = [f"{name.split(',')[0]} {faster((name,), target)}" for name, target in job.more.items() if name in runs]
    if job.percentiles:
        others.append("without percentiles " + verdict(ratio(ours, runs[PLAIN]), 2, True))
    memory = Median(ours).memory
    return [job.name, verdict(decode, job.decode, True) if job.decode else f"{decode:.2f}", faster(GDALS, job.gdal),
            faster((EXACT,), job.exact), "; ".join(others),
            f"{memory:.0f} MB (<= {MOST_MEMORY}: {'yes' if memory <= MOST_MEMORY else 'NO'})",
            verdict(ratio(runs[OURS_1], ours), 0.9 * CPUS, False)]


def about(bench, repeats):
    gdal, commit, cpu = setting()
    peers = []
    if bench.has["gdal raster zonal-stats"]:
        peers.append("peers with " + subprocess.run([*bench.peers, "gdal", "--version"], stdout=subprocess.PIPE, text=True).stdout.split(",")[0])
    return [f"# Zonal statistics against their peers{'' if bench.side >= 20000 else f' (side {bench.side}: figures mean little)'}", "",
            f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}; {'; '.join(peers + bench.missing) or 'all peers'}. "
            f"Medians of {repeats} rounds, each with all programs, in turns forwards and backwards (more than {LONG} s: once); "
            "input in the file cache.", "",
            f"- Values: {bench.side} x {bench.side} Float32, DEFLATE, PREDICTOR=3, tiles of 512, a tenth NoData; bands: four, of half the side. "
            "Zones: 1,024 fractal polygons of 257 vertices, 100,172 parcels of 9, 200 polygons of 32,769, which share edges; GeoPackage "
            "without index. Zone raster: Int32, the polygons burnt in.",
            f"- Statistics: {', '.join(STATS)}; numpy: count, mean and stdev; exactextract, parallel: without stdev, which it refuses. All to CSV.",
            "- decode only: a program in C reads all blocks by GDALRasterIO and drops them, each thread with handles of its own; "
            "zone raster: both rasters",
            f"- 1: one worker or thread; all: {CPUS}. ZONALSTATS writes the same bytes with both, which is checked. The rest has one",
            "- GRASS: r.univar of rasters in its own format; the import is not in it, the start of its session is",
            "- agrees: count and mean of each zone beside ours, largest relative difference; counts of centres must be equal, all else within 1e-5",
            "- CPU: user and system seconds; memory: peak resident set of the process and its children together", ""]


def measure_jobs(bench, args):
    lines, goals, disagreed = about(bench, args.repeats), [], []
    for job in JOBS:
        if args.only and not any(word in job.name for word in args.only):
            continue
        print(job.name, file=sys.stderr, flush=True)
        refused = bench.why_not(job)
        if refused:
            lines += [f"## {job.name}", "", f"Left out: {refused}", ""]
            continue
        runs, words = bench.measure(job, args.repeats)
        disagreed += [f"{job.name}, {name}: {said}" for name, said in words.items() if said.startswith("NO")]
        lines += [f"## {job.name}", "", table(["program", "wall s", "CPU s", "memory MB", "wall / decode, all", "wall / ZONALSTATS, all",
                                               "agrees"], rows_of(runs, words)), ""]
        goals.append(goals_of(job, runs))
    lines += ["## Against the targets", "", "ZONALSTATS, all; GDAL by its faster strategy.", "",
              table(["", "wall / decode, all", "x faster than GDAL", "than exactextract, parallel", "other", "memory", "1 -> all workers"],
                    goals), "", *(["These disagree:", "", *("- " + line for line in disagreed), ""] if disagreed else [])]
    return lines, bool(disagreed)


def measure_squares(bench, args):
    """A grid of squares, too many to be held: zones and cells in a second, peak of memory."""
    dem, squares = bench.data("dem"), bench.data("squares", args.squares)
    out = bench.out("squares")
    name, options = "ZONALSTATS:" + squares, [f"RASTER={dem}", f"NUM_WORKERS={CPUS}", f"STATS={OUR_STATS}"]
    programs = {
        DECODE: bench.decode(CPUS, dem),
        "ZONALSTATS, Arrow, dropped": Program([sys.executable, os.path.join(HERE, "zonal_peers.py"), "read", name, *options]),
        "ZONALSTATS to CSV": Program(["ogr2ogr", "-q", "-f", "CSV", out, name, *(word for o in options for word in ("-oo", o))], out)}
    if not bench.has["numpy"]:
        del programs["ZONALSTATS, Arrow, dropped"]
    runs = {key: [] for key in programs}
    for repeat in range(args.repeats):
        for key in list(programs)[::-1 if repeat % 2 else 1]:
            print(f"  {repeat + 1}/{args.repeats} {key}", file=sys.stderr, flush=True)
            runs[key].append(TreeRun(programs[key].command, env=quiet()))
            if programs[key].out:
                os.unlink(out)
    rows = []
    for key, r in runs.items():
        m = Median(r)
        zones = "" if key == DECODE else f"{args.squares / m.wall / 1e3:,.0f}"
        rows.append([key, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}", f"{ratio(r, runs[DECODE]):.2f}", zones,
                     f"{bench.side ** 2 / m.wall / 1e6:,.0f}"])
        counted = r[0].text.split()
        if key == "ZONALSTATS, Arrow, dropped" and counted[0] != str(args.squares):
            sys.exit(f"{counted[0]} rows instead of {args.squares}")
    return [f"# {args.squares:,} squares", "", f"On {bench.side} x {bench.side} cells, centre; {OUR_STATS}. {setting()[0]}, Fishnet "
            f"{setting()[1]}, {CPUS} CPUs. Medians of {args.repeats}.", "",
            table(["program", "wall s", "CPU s", "memory MB", "wall / decode", "thousand zones/s", "million cells/s"], rows), ""], False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small raster, one round")
    parser.add_argument("--side", type=int, help="rows and columns of the raster (default 20000)")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only workloads whose name contains this")
    parser.add_argument("--squares", type=int, help="instead: so many squares")
    parser.add_argument("--peers", default="", help="what the commands of the peers begin with")
    parser.add_argument("--folder", default=os.path.join(WORK, "zonal"), help="where the data are (default build/bench/zonal)")
    parser.add_argument("--programs", default=os.path.join(ROOT, "build", "release"), help="where bench_decode is (default build/release)")
    args = parser.parse_args()
    args.side = args.side or (4000 if args.quick else 20000)
    args.repeats = args.repeats or (1 if args.quick else 3)
    bench = Bench(args)
    for line in bench.missing:
        print(line, file=sys.stderr)
    lines, disagreed = (measure_squares if args.squares else measure_jobs)(bench, args)
    text = "\n".join(lines)
    print(text)
    os.makedirs(WORK, exist_ok=True)
    with open(os.path.join(WORK, "zonal_squares.md" if args.squares else "zonal.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    sys.exit(disagreed)


if __name__ == "__main__":
    main()
