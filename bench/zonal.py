#!/usr/bin/env python3
"""ZONALSTATS beside its peers, in one run: reading without computing, GDAL, exactextract, GRASS, QGIS, R, numpy.

Called by `./run bench`, which makes the plugin and the program ready. In each round every program takes its turn,
forwards and backwards by turns; a program that takes more than a minute does so once. Ratios are medians over the
rounds. The tables go to stdout and build/bench/zonal.md.

    bench/zonal.py --only fraction              # the workloads that have this in their names
    bench/zonal.py --squares 10000000           # instead of all that: so many squares, streamed

Peers that are not found are left out and named. They may be those of another system whose commands begin with --peers
("chroot DIR"), if it sees the folder of the data under the same name: GDAL 3.11 or later, Debian's
r-cran-exactextractr, grass-core and qgis-providers, exactextract from its source (with TBB, for its parallel kind).
"""
import argparse
import filecmp
import os
import statistics
import subprocess
import sys
import threading
import time

from run import CPUS, ROOT, WORK, Median, Run, setting, table, verdict
from zonal_programs import (DECODE, DECODE_1, EXACT, EXACTS, GDALS, HERE, JOBS, OUR_STATS, OURS, OURS_1, PLAIN, QGIS,
                            STATS, Bench, quiet)

# No numpy here: this process stays small, see Run.memory.

LONG = 60  # seconds; what takes longer is not repeated
MOST_MEMORY = 300  # MB, for all workloads
ARROW, TO_CSV = "ZONALSTATS, Arrow, dropped", "ZONALSTATS to CSV"


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
        if not pages:  # it has ended, and nobody has waited for it yet
            return None
        children = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                children += file.read().split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(memory_of(child) or 0 for child in children)


def rounds(programs, repeats, kept):
    """name -> [TreeRun of each round]. A program of `kept` that fails ends all; another one leaves the race."""
    runs = {name: [] for name in programs}
    for repeat in range(repeats):
        for name in list(runs)[::-1 if repeat % 2 else 1]:
            out = programs[name].out
            if repeat and runs[name][0].wall > LONG:
                continue
            print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
            if out and os.path.exists(out):
                os.unlink(out)
            os.sync()
            try:
                runs[name].append(TreeRun(programs[name].command, env=quiet()))
            except SystemExit as error:
                if name in kept:
                    raise
                print(error, file=sys.stderr)
                del runs[name]
    return runs


def measure(bench, job, repeats):
    """The rounds of a workload, and name -> how its table agrees with ours."""
    programs = bench.programs_of(job)
    runs = rounds(programs, repeats, (DECODE_1, DECODE, OURS_1, OURS, PLAIN))
    if not filecmp.cmp(programs[OURS_1].out, programs[OURS].out, shallow=False):
        sys.exit(f"{job.name}: {programs[OURS_1].out} and {programs[OURS].out} differ, and should not")
    words = {name: "failed" for name in programs if name not in runs}
    for name in runs:
        if programs[name].names:
            said = agreement(programs[OURS].out, programs[name], job)
            # QGIS has a rule of its own for zones of one cell
            words[name] = said.split(": ", 1)[1] if name == QGIS else said
    for path in filter(None, (program.out for program in programs.values())):
        if os.path.exists(path):
            os.unlink(path)
    return runs, words


def agreement(ours, program, job):
    """Whether counts and means are equal: counts of centres to the last cell, all else within 1e-5."""
    command = [sys.executable, os.path.join(HERE, "zonal_peers.py"), "agree", ours, program.out, *program.names]
    done = subprocess.run([*command, str(job.bands)], capture_output=True, text=True)
    if done.returncode:
        return "NO: " + done.stderr.strip().splitlines()[-1]
    zones, more, count, mean = done.stdout.split()
    good = float(count) <= (1e-5 if job.pixels == "FRACTION" else 0) and float(mean) <= 1e-5
    count, mean = ("equal" if float(off) == 0 else f"{float(off):.0e}" for off in (count, mean))
    more = f" (and {more} more)" if more != "0" else ""
    return f"{'yes' if good else 'NO'}: {int(zones):,} zones{more}, count {count}, mean {mean}"


def ratio(a, b):
    """Of wall times: the median over the rounds in which both took part."""
    return statistics.median(x.wall / y.wall for x, y in zip(a, b))


def rows_of(runs, words):
    rows = []
    for name, r in runs.items():
        m = Median(r)
        rows.append([name, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}", f"{ratio(r, runs[DECODE]):.2f}",
                     f"{ratio(r, runs[OURS]):.2f}", words.get(name, "")])
    return rows + [[name, "", "", "", "", "", said] for name, said in words.items() if name not in runs]


def goals_of(job, runs):
    """A line of the table of what was to be reached; a figure that was not asked for stands alone."""
    ours = runs[OURS]

    def faster(names, target):
        """Than the fastest of these; nothing where none took part."""
        peers = [runs[name] for name in names if name in runs]
        if not peers:
            return ""
        value = ratio(min(peers, key=lambda r: Median(r).wall), ours)
        return verdict(value, target, False) if target else f"{value:.2f}"

    decode, memory = ratio(ours, runs[DECODE]), Median(ours).memory
    others = [f"{name.split(',')[0]} {faster([name], target)}" for name, target in job.more.items() if name in runs]
    if job.percentiles:
        others.append("without percentiles " + verdict(ratio(ours, runs[PLAIN]), 2, True))
    return [job.name, verdict(decode, job.decode, True) if job.decode else f"{decode:.2f}", faster(GDALS, job.gdal),
            faster([EXACT], job.exact) or faster(EXACTS, None), "; ".join(others),
            f"{memory:.0f} MB (<= {MOST_MEMORY}: {'yes' if memory <= MOST_MEMORY else 'NO'})",
            verdict(ratio(runs[OURS_1], ours), 0.9 * CPUS, False)]


def about(bench, repeats):
    gdal, commit, cpu = setting()
    peers = [bench.gdal_version()] if bench.gdal_version() else []
    small = "" if bench.side >= 20000 else f" (side {bench.side}: figures mean little)"
    return [
        f"# Zonal statistics against their peers{small}", "",
        f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}; "
        f"{'; '.join(peers + bench.missing)}. Medians of {repeats} rounds, each with all programs, in turns forwards "
        f"and backwards (what takes more than {LONG} s: once); input in the file cache.", "",
        f"- Values: {bench.side} x {bench.side} Float32, DEFLATE, PREDICTOR=3, tiles of 512, a tenth NoData; bands: "
        "four, of half the side. Zones: 1,024 fractal polygons of 257 vertices, 100,172 parcels of 9, 200 polygons of "
        "32,769, which share edges; GeoPackage without index. Zone raster: Int32, the polygons burnt in.",
        f"- Statistics: {', '.join(STATS)}; numpy: count, mean and stdev; exactextract, parallel: without stdev, which "
        "it refuses. All to CSV.",
        "- decode only: a program in C reads all blocks by GDALRasterIO and drops them, each thread with handles of "
        "its own; zone raster: both rasters",
        f"- 1: one worker or thread; all: {CPUS}; all others have one. ZONALSTATS writes the same bytes with 1 and "
        "all, which is checked",
        "- GRASS: rasters in its own format; the import is not in it, the start of its session is",
        "- agrees: count and mean of each zone beside ours, largest relative difference. Counts of centres must be "
        "equal, all else within 1e-5; QGIS weighs the cells of zones that have but one",
        "- CPU: user and system seconds; memory: peak resident set of the process and its children together", ""]


def measure_jobs(bench, args):
    bench.find_peers()
    lines, goals, disagreed = about(bench, args.repeats), [], []
    for job in JOBS:
        if args.only and not any(word in job.name for word in args.only):
            continue
        print(job.name, file=sys.stderr, flush=True)
        refused = bench.why_not(job)
        if refused:
            print(f"  left out: {refused}", file=sys.stderr)
            lines += [f"## {job.name}", "", f"Left out: {refused}", ""]
            continue
        runs, words = measure(bench, job, args.repeats)
        disagreed += [f"- {job.name}, {name}: {said}" for name, said in words.items() if said.startswith("NO")]
        head = ["program", "wall s", "CPU s", "memory MB", "wall / decode, all", "wall / ZONALSTATS, all", "agrees"]
        lines += [f"## {job.name}", "", table(head, rows_of(runs, words)), ""]
        goals.append(goals_of(job, runs))
    head = ["", "wall / decode, all", "x faster than GDAL", "than exactextract", "other", "memory", "1 -> all workers"]
    lines += ["## Against the targets", "",
              "ZONALSTATS, all. GDAL by its faster strategy; exactextract in parallel where there is a target.", "",
              table(head, goals), ""]
    return lines + (["These disagree:", "", *disagreed, ""] if disagreed else []), bool(disagreed)


def measure_squares(bench, args):
    """A grid of squares, too many to be held: zones and cells in a second, peak of memory."""
    runs = rounds(bench.programs_of_squares(args.squares, DECODE, ARROW, TO_CSV), args.repeats, (DECODE, ARROW, TO_CSV))
    os.unlink(bench.out(TO_CSV))
    found = runs[ARROW][0].text.split()
    if found[0] != str(args.squares):
        sys.exit(f"{found[0]} rows instead of {args.squares}")
    rows = []
    for name, r in runs.items():
        m = Median(r)
        rows.append([name, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}", f"{ratio(r, runs[DECODE]):.2f}",
                     "" if name == DECODE else f"{args.squares / m.wall / 1e3:,.0f}",
                     f"{bench.side ** 2 / m.wall / 1e6:,.0f}"])
    gdal, commit, cpu = setting()
    head = ["program", "wall s", "CPU s", "memory MB", "wall / decode", "thousand zones/s", "million cells/s"]
    return [f"# {args.squares:,} squares", "",
            f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}. On {bench.side} x "
            f"{bench.side} cells, centre: {OUR_STATS}; {int(found[1]):,} cells count. Medians of {args.repeats}.", "",
            table(head, rows), ""], False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small raster, one round")
    parser.add_argument("--side", type=int, help="rows and columns of the raster (default 20000)")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only workloads whose name contains this")
    parser.add_argument("--squares", type=int, help="instead: so many squares")
    parser.add_argument("--peers", default="", help="what the commands of the peers begin with")
    parser.add_argument("--folder", default=os.path.join(WORK, "zonal"), help="of the data (default build/bench/zonal)")
    parser.add_argument("--programs", default=os.path.join(ROOT, "build", "release"),
                        help="where bench_decode is (default build/release)")
    args = parser.parse_args()
    args.side = args.side or (4000 if args.quick else 20000)
    args.repeats = args.repeats or (1 if args.quick else 3)
    bench = Bench(args.side, args.folder, args.programs, args.peers)
    lines, disagreed = (measure_squares if args.squares else measure_jobs)(bench, args)
    text = "\n".join(lines)
    print(text)
    os.makedirs(WORK, exist_ok=True)
    with open(os.path.join(WORK, "zonal_squares.md" if args.squares else "zonal.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    sys.exit(disagreed)


if __name__ == "__main__":
    main()
