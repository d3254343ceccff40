#!/usr/bin/env python3
"""Near tables beside their peers, in one run: ogr2ogr without searching, shapely, scipy's cKDTree, GEOS's own tree.

Called by `./run bench`, which makes the plugin and the programs ready. Runs of the tools are interleaved and repeated, medians are
shown; input is in the file cache, output is deleted between runs. The tables go to stdout and build/bench/near.md.

shapely (2 or later), scipy, pyogrio and pyproj may be those of any Python: FISHNET_PEERS names it. Without it this Python is tried,
then a small Debian 13 in build/bench/peers, which root and mmdebstrap can make (600 MB). Without any these peers are left out.
"""
import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import time

import timeline
from run import CPUS, ROOT, WORK, Median, Run, setting, table, verdict  # imports no numpy: this process stays small, see Run.memory

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(ROOT, "build", "release")
PEERS = os.path.join(WORK, "peers")  # a Debian 13, if there is no other Python
PEERS_PACKAGES = "python3-shapely,python3-scipy,python3-pyogrio,python3-pyproj"
PEERS_MODULES = "import shapely, scipy, pyogrio, pyproj; assert int(shapely.__version__.split('.')[0]) >= 2"

# layer -> features (a coast: vertices)
LAYERS = {"points_a": 1000000, "points_b": 1000000, "points_300": 300, "points_100k": 100000, "points_200k": 200000,
          "clustered": 1000000, "lines": 100000, "polygons_a": 100000, "polygons_b": 100000, "coast": 500000,
          "lonlat_a": 100000, "lonlat_b": 10000}


class Job:
    def __init__(self, name, about, a, b, options=(), peers=("shapely", "ckdtree", "geos"), fgb=None, single=None, csv_single=None, memory=None, shapely=None):
        self.name, self.about, self.a, self.b, self.options, self.peers = name, about, a, b, options, peers
        self.fgb, self.single, self.csv_single, self.memory, self.shapely = fgb, single, csv_single, memory, shapely  # what is to be reached


JOBS = [
    Job("W1", "1M random points, nearest of 300", "points_a", "points_300", fgb=1.0, single=0.7, csv_single=0.5),
    Job("W2", "1M random points, nearest of 1M", "points_a", "points_b", fgb=1.3, single=0.9, csv_single=0.5, memory=300, shapely=10),
    Job("W3", "1M points, 90 % of them in 1 % of the area, nearest of 100k", "clustered", "points_100k"),
    Job("W4", "200k points, nearest of 100k lines of 10-50 vertices", "points_200k", "lines", peers=("shapely", "geos"), shapely=5),
    Job("W5", "100k polygons, nearest of 100k polygons of 12-48 corners", "polygons_a", "polygons_b", peers=("shapely", "geos"),
        shapely=5),
    Job("W6", "1M points, nearest place of one line of 500k vertices", "points_a", "coast", peers=("geos prepared",)),
    Job("W7", "1M points, 5 nearest of 100k", "points_a", "points_100k", ("closest=5",), peers=("ckdtree",)),
    Job("W8", "200k points, all of 100k within 500 m", "points_200k", "points_100k", ("radius=500",), peers=("shapely", "ckdtree")),
    Job("W9", "100k points in longitude and latitude, nearest of 10k, geodesic", "lonlat_a", "lonlat_b", ("geodesic",),
        peers=("ckdtree",)),
]
FGB_1, FGB, FGB_COPY = "NEARTABLE to FGB, 1", "NEARTABLE to FGB, all", "copy to FGB"
CSV_1, CSV, CSV_COPY = "NEARTABLE to CSV, 1", "NEARTABLE to CSV, all", "copy to CSV"
FGB_SINGLE, CSV_SINGLE = "OUTPUT=SINGLE to FGB, all", "OUTPUT=SINGLE to CSV, all"
TRACED = (FGB, FGB_SINGLE, CSV, CSV_SINGLE)
CORE_1, CORE = "the core alone, 1", "the core alone, all"
SHAPELY, CKDTREE, GEOS_1, GEOS = "shapely to CSV", "cKDTree to CSV, all", "GEOS tree, 1", "GEOS tree, all"


def find_peers():
    """What a command for the peers starts with; None without them."""
    for python in filter(None, [os.environ.get("FISHNET_PEERS"), sys.executable]):
        if subprocess.run([python, "-c", PEERS_MODULES], stderr=subprocess.DEVNULL).returncode == 0:
            return [python]
    maker = shutil.which("mmdebstrap")
    if not os.path.isdir(PEERS) and maker and os.geteuid() == 0:
        print("Making a Debian 13 with shapely and scipy in build/bench/peers (once)", file=sys.stderr, flush=True)
        part = PEERS + ".part"
        shutil.rmtree(part, ignore_errors=True)
        done = subprocess.run([maker, "--quiet", "--variant=apt", "--include=" + PEERS_PACKAGES, "trixie", part])
        if done.returncode == 0:
            os.rename(part, PEERS)
    if os.path.isdir(PEERS) and os.geteuid() == 0:
        command = ["chroot", PEERS, "python3"]
        if subprocess.run([*command, "-c", PEERS_MODULES]).returncode == 0:
            return command
    print("No Python with shapely 2, scipy, pyogrio and pyproj: these peers are left out", file=sys.stderr)
    return None


class Bench:
    def __init__(self, quick, peers=True):
        self.folder = os.path.join(WORK, "near", "quick" if quick else "full")
        self.divide = 50 if quick else 1
        os.makedirs(self.folder, exist_ok=True)
        self.out = os.path.join(self.folder, "out")
        self.peers = find_peers() if peers else None
        self.seen = self.folder  # the folder as the peers see it
        if self.peers and self.peers[0] == "chroot":
            self.seen = "/near"
            self.inside = PEERS + self.seen
            shutil.rmtree(self.inside, ignore_errors=True)
            os.makedirs(self.inside)
            shutil.copy(os.path.join(HERE, "near_peers.py"), self.inside)

    def layer(self, name, ending=".fgb"):
        """Its file; made when there is none, and read once."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path + ".fgb"):
            print(f"Making {os.path.relpath(path, ROOT)}.fgb (once)", file=sys.stderr, flush=True)
            count = max(LAYERS[name] // self.divide, 300)
            subprocess.run([sys.executable, os.path.join(HERE, "near_data.py"), self.folder, name, str(count)], check=True)
        with open(path + ending, "rb") as file:
            while file.read(1 << 24):
                pass
        if self.seen != self.folder and not os.path.exists(f"{self.inside}/{name}.fgb"):
            os.link(path + ".fgb", f"{self.inside}/{name}.fgb")
        return path + ending

    def commands(self, job):
        """name -> command, and the file that it writes."""
        a, b = self.layer(job.a), self.layer(job.b)
        raw = [self.layer(name, ".wkb") for name in (job.a, job.b)]
        options = {"closest": "CLOSEST", "radius": "RADIUS"}
        ours = ["NEARTABLE:" + a, "-oo", "NEAR=" + b]
        for key, _, value in (option.partition("=") for option in job.options):
            if key in options:
                ours += ["-oo", f"{options[key]}={value}"]
            if key == "radius":
                ours += ["-oo", "CLOSEST=ALL"]
        commands = {}
        for fmt, one, all_, single, copy, more, create, create_copy in (
                ("FlatGeobuf", FGB_1, FGB, FGB_SINGLE, FGB_COPY, ["-oo", "GEOMETRY=FROM"], ["SPATIAL_INDEX=NO"], []),
                ("CSV", CSV_1, CSV, CSV_SINGLE, CSV_COPY, [], [], ["GEOMETRY=AS_WKT" if job.a.startswith("polygons") else "GEOMETRY=AS_XY"])):
            out = self.out + (".csv" if fmt == "CSV" else ".fgb")
            start = ["ogr2ogr", "-q", "-f", fmt, out]
            lco = [word for option in create for word in ("-lco", option)]
            commands[one] = start + ours + ["-oo", "NUM_WORKERS=1", *more, *lco], out
            commands[all_] = start + ours + ["-oo", f"NUM_WORKERS={CPUS}", *more, *lco], out
            commands[single] = ["ogr2ogr", "-q", "-f", "NEARTABLE", out, *ours, *more, "-dsco", "OUTPUT=SINGLE"], out
            commands[copy] = start + [a, *lco] + [word for option in create_copy for word in ("-lco", option)], out
        for name, threads in ((CORE_1, 1), (CORE, CPUS)):
            commands[name] = [os.path.join(PROGRAMS, "bench_near"), *raw, str(threads), *job.options], None
        for peer in job.peers:
            tool, *more = peer.split()
            if tool == "geos":
                for name, threads in ((GEOS_1, 1), (GEOS, CPUS)):
                    commands[name] = [os.path.join(PROGRAMS, "bench_geos"), *raw, str(threads), *more], None
            elif self.peers:
                script = "/near/near_peers.py" if self.seen != self.folder else os.path.join(HERE, "near_peers.py")
                out = self.out + ".csv" if self.seen == self.folder else self.inside + "/out.csv"
                files = [f"{self.seen}/{name}" for name in (job.a + ".fgb", job.b + ".fgb", os.path.basename(out))]
                commands[SHAPELY if tool == "shapely" else CKDTREE] = \
                    [*self.peers, script, tool, *files, *(o for o in job.options if "=" in o)], out
        return commands

    def measure(self, job, repeats):
        """name -> Median, with compute (seconds) where the tool says it; the answers are compared."""
        commands = self.commands(job)
        runs, answers, kept = {name: [] for name in commands}, {}, {}  # kept: of each format, for comparing
        for repeat in range(repeats):
            for name, (command, out) in commands.items():
                print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
                os.sync()
                run = Run(command)
                run.compute = run.search = float("nan")
                if name in (FGB_1, FGB) and os.path.getsize(out) < 1000:
                    sys.exit(f"{job.name}: nothing was written to {out}")
                if name in (CORE_1, CORE, SHAPELY, CKDTREE, GEOS_1, GEOS):
                    build, search, rows, total = run.text.split()[-4:]
                    run.compute, run.search = float(build) + float(search), float(search)
                    answers[name] = int(rows), float(total)
                ending = out[-4:] if out else ""
                if repeat == 0 and name in (CSV_1, FGB_1):
                    kept[ending] = self.out + ".kept" + ending
                    if name == CSV_1:
                        answers[name] = sum_of(out)
                    os.replace(out, kept[ending])
                elif repeat == 0 and name in (CSV, CSV_SINGLE, FGB, FGB_SINGLE) and not filecmp.cmp(out, kept[ending], shallow=False):
                    sys.exit(f"{job.name}: {out} and {kept[ending]} differ, and should not: {name}")
                if out and os.path.exists(out):
                    os.unlink(out)
                runs[name].append(run)
        for path in kept.values():
            os.unlink(path)
        rows, total = answers[CSV_1]
        for name, (r, t) in answers.items():
            if r != rows or abs(t - total) > 1e-9 * total:
                sys.exit(f"{job.name}: {name} has {r} rows, {t!r} the sum of the distances; {CSV_1} has {rows}, {total!r}")
        medians = {name: Median(r, ("wall", "cpu", "memory", "compute", "search")) for name, r in runs.items()}
        for name, median in medians.items():  # one run more, with a timeline
            command, out = commands[name]
            median.traced = timeline.TracedRun(command) if name in TRACED else None
            if median.traced:
                os.unlink(out)
        return medians, rows


def sum_of(path):
    """Rows, and the sum of NEAR_DIST."""
    rows, total = 0, 0.0
    with open(path) as file:
        column = next(file).rstrip("\n").split(",").index("NEAR_DIST")
        for rows, line in enumerate(file, 1):
            total += float(line.split(",")[column])
    return rows, total


def number(value, digits=2):
    return "" if value != value else f"{value:.{digits}f}"


def at_most(value, target):
    return verdict(value, target, True) if target else number(value)


def about(bench, quick, repeats):
    gdal, commit, cpu = setting()
    geos = subprocess.run(["geos-config", "--version"], capture_output=True, text=True).stdout.strip()
    peers = "shapely, scipy: missing"
    if bench.peers:
        words = "import shapely, scipy, pyogrio as p; print('shapely', shapely.__version__, 'with GEOS', shapely.geos_version_string," \
                "', scipy', scipy.__version__, ', pyogrio with GDAL', p.__gdal_version_string__)"
        peers = subprocess.run([*bench.peers, "-c", words], capture_output=True, text=True, check=True).stdout.strip()
        peers = peers.replace(" ,", ",")
    return [f"# Near tables against their peers{' (--quick: small layers, figures mean little)' if quick else ''}", "",
            f"{CPUS} CPUs ({cpu}), {gdal}, GEOS {geos}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}; {peers}. "
            f"Medians of {repeats}, runs interleaved; input in the file cache, output on disk, deleted between runs.", "",
            "- Input: FlatGeobuf without index, one integer field, 100 x 100 km (W9: the globe), fixed seeds. Output: "
            "IN_FID, NEAR_FID, NEAR_DIST, NEAR_RANK, to CSV, or with GEOMETRY=FROM to FlatGeobuf without index, which has no rows "
            "without geometry.",
            "- copy: plain ogr2ogr of the input layer to the same format (CSV: with the coordinates)",
            "- NEARTABLE 1: NUM_WORKERS=1; all: as many as CPUs; OUTPUT=SINGLE: rows encoded by the workers. The same bytes, which is checked",
            "- shapely: STRtree.query_nearest (W8: query, dwithin), one thread; cKDTree: workers=-1 (W8: sparse_distance_matrix, one "
            "thread; W9: in three dimensions, geodesics by pyproj). Read and written by pyogrio, three columns",
            "- GEOS tree: GEOSSTRtree_nearest_generic_r (W6: prepared). Like the core alone: geometries in memory, nothing written",
            "- build + search: seconds for building the index and searching, without reading and writing. All tools find the same: rows "
            "and sums of the distances are compared",
            "- CPU: user and system seconds; memory: peak resident set",
            f"- {timeline.ABOUT}", ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small layers, one run each")
    parser.add_argument("--repeats", type=int, help="runs of each (default 3)")
    parser.add_argument("--only", action="append", help="only workloads of this name (W1...)")
    args = parser.parse_args()
    for name in ("GDAL_NUM_THREADS", "OMP_NUM_THREADS", "CPL_DEBUG"):
        os.environ.pop(name, None)
    repeats = args.repeats or (1 if args.quick else 3)
    bench = Bench(args.quick)
    lines, goals = about(bench, args.quick, repeats), []
    for job in JOBS:
        if args.only and job.name not in args.only:
            continue
        print(f"{job.name}: {job.about}", file=sys.stderr, flush=True)
        result, rows = bench.measure(job, repeats)
        core, fgb, copy = result[CORE], result[FGB], result[FGB_COPY]
        cells = []
        for name, r in result.items():
            like = result[CSV_COPY] if "CSV" in name else copy
            ours = name not in (CORE_1, CORE, GEOS_1, GEOS)
            cells.append([name, number(r.wall) if ours else "", number(r.cpu) if ours else "", number(r.memory, 0),
                          number(r.wall / like.wall) if ours else "", number(r.compute), number(r.search),
                          number(r.compute / core.compute) if r.compute == r.compute else "",
                          *(timeline.cells_of(r.traced) if r.traced else timeline.EMPTY)])
        lines += [f"## {job.name}: {job.about}", "", f"{rows:,} rows.", "",
                  table(["tool, workers", "wall s", "CPU s", "memory MB", "wall / copy", "build + search s", "search s",
                         "build + search / the core's, all", *timeline.HEAD], cells), ""]

        shapely, ckdtree, geos = (result.get(name) for name in (SHAPELY, CKDTREE, GEOS))
        to_copy = fgb.wall / copy.wall
        faster = shapely.compute / core.compute if shapely else float("nan")
        goals.append([job.name, at_most(to_copy, job.fgb),
                      number(result[CSV].wall / result[CSV_COPY].wall),
                      at_most(result[FGB_SINGLE].wall / copy.wall, job.single),
                      at_most(result[CSV_SINGLE].wall / result[CSV_COPY].wall, job.csv_single),
                      verdict(faster, job.shapely, False) if shapely and job.shapely else number(faster),
                      number(shapely.wall / result[CSV].wall) if shapely else "",
                      "" if not ckdtree else verdict(core.compute / ckdtree.compute, 1.5, True) if job.name not in ("W8", "W9") else
                      number(core.compute / ckdtree.compute),  # W8 is on one thread there, W9 another question
                      number(geos.compute / core.compute) if geos else "",
                      f"{fgb.memory:.0f} MB" + (f" (< {job.memory}: {'yes' if fgb.memory < job.memory else 'NO'})" if job.memory else ""),
                      number(result[FGB_1].wall / fgb.wall), number(result[CORE_1].search / core.search)])
    lines += ["## Against the targets", "", "NEARTABLE and the core with all CPUs.", "",
              table(["", "FGB, wall / copy", "CSV, wall / copy", "SINGLE: FGB", "SINGLE: CSV", "build + search: x faster than shapely", "to CSV: x faster than shapely",
                     "build + search / cKDTree's", "build + search: x faster than GEOS's tree", "memory, FGB", "FGB, 1 -> all",
                     "search, 1 -> all"], goals), ""]
    text = "\n".join(lines)
    print(text)
    with open(os.path.join(WORK, "near.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
