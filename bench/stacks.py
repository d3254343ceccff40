#!/usr/bin/env python3
"""FISHNET's stacks beside their peers, in one run: reading without computing, numpy, xarray with Dask, `gdal raster calc`.

Called by `./run bench`, which makes the plugin and the program ready. In each round every program takes its turn, forwards and
backwards by turns; a program that takes more than a minute does so once. Ratios are medians over the rounds. The tables go to
stdout and build/bench/stacks.md.

    bench/stacks.py --only median           # the jobs that have this in their names
    bench/stacks.py --alone                 # without the peers

Peers that are not found are left out and named. GDAL 3.12 or later may be that of another system whose commands begin with --peers
("chroot DIR"), if it sees the folder of the data under the same name.
"""
import argparse
import filecmp
import os
import sys
import time

from run import CPUS, ROOT, WORK, Median, setting, table, verdict
from stacks_programs import DECODE, DECODE_1, GDAL, JOBS, NUMPY, NUMPY_PART, OURS, OURS_1, PEERS, XARRAY, StackBench
from zonal import LONG, ratio, rounds

# No numpy here: this process stays small, see Run.memory.

ONE_WORKER = 2.5  # times faster than GDAL's median


class Result:
    """The rounds of a job: name -> runs, and name -> how its result agrees with ours."""

    def __init__(self, bench, job, repeats):
        self.bench, self.job = bench, job
        programs = bench.programs_of(job)
        self.runs = rounds(programs, repeats, (DECODE_1, DECODE, OURS_1, OURS))
        self.words = {name: "FAILED" for name in programs if name not in self.runs}
        same = filecmp.cmp(programs[OURS_1].out, programs[OURS].out, shallow=False)
        self.words[OURS] = "same bytes as 1" if same else "NO: not the bytes of 1"
        for name in filter(self.runs.__contains__, PEERS):
            self.words[name] = bench.agreement(programs[OURS].out, programs[name].out)
        for path in filter(None, [program.out for program in programs.values()]):
            if os.path.exists(path):
                os.unlink(path)

    def wrong(self):
        return [f"- {self.job.name}, {name}: {word}" for name, word in self.words.items() if word == "FAILED" or word.startswith("NO")]

    def rows(self):
        rows = []
        for name, r in self.runs.items():
            m, scale = Median(r), self.bench.scale(name)
            rows.append([name, str(self.bench.part()) if scale > 1 else "", f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}",
                         f"{ratio(r, self.runs[DECODE]) * scale:.2f}", f"{ratio(r, self.runs[OURS]) * scale:.2f}", self.words.get(name, "")])
        return rows + [[name, *[""] * 6, word] for name, word in self.words.items() if name not in self.runs]

    def faster(self, *names, than=OURS, target=None):
        """How many times faster than a peer we are; a peer with a part of the scenes is marked."""
        for name in filter(self.runs.__contains__, names):
            value = ratio(self.runs[name], self.runs[than]) * self.bench.scale(name)
            target = target or self.job.targets.get(name)
            return (verdict(value, target, False) if target else f"{value:.2f}") + (" *" if self.bench.scale(name) > 1 else "")
        return next((self.words[name] for name in names if name in self.words), "")

    def goals(self):
        """A line of the table of what was to be reached."""
        decode, memory = ratio(self.runs[OURS], self.runs[DECODE]), Median(self.runs[OURS]).memory
        one = self.faster(GDAL, than=OURS_1, target=ONE_WORKER if self.job.builtin == "median" else None)
        return [self.job.name, verdict(decode, self.job.decode, True) if self.job.decode else f"{decode:.2f}",
                f"{ratio(self.runs[OURS_1], self.runs[DECODE_1]):.2f}", self.faster(NUMPY, NUMPY_PART), self.faster(XARRAY), self.faster(GDAL), one,
                f"{memory:.0f} MB (<= {self.job.memory}: {'yes' if memory <= self.job.memory else 'NO'})",
                f"{ratio(self.runs[OURS_1], self.runs[OURS]):.2f}"]


def about(bench, repeats):
    gdal, commit, cpu = setting()
    peers = [bench.gdal_version()] if bench.has_gdal else []
    small = "" if bench.side >= 5000 else f" (side {bench.side}: figures mean little)"
    return [
        f"# Stacks against their peers{small}", "",
        f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}{''.join('; ' + word for word in peers + bench.missing)}. "
        f"Medians of {repeats} rounds, each with all programs, in turns forwards and backwards (what takes more than {LONG} s: once); "
        "input in the file cache, output on disk.", "",
        f"- Input: scenes of {bench.side} x {bench.side}, UInt16 (NoData 0) or Float32, in tiles of 512, DEFLATE with a predictor, resampled from real data, "
        "with noise; clouds over 30 % of each are NoData. Output: tiled GeoTIFF, Float32, uncompressed.",
        "- decode only: a program in C reads all blocks by GDALRasterIO and drops them, each thread with handles of its own",
        f"- 1: one worker or thread; all: {CPUS}; GDAL has one. FISHNET writes the same bytes with 1 and all, which is checked",
        f"- {NUMPY}: nanmedian, nanmean over blocks of 256 x 256 of all scenes, with threads. {NUMPY_PART}: nanpercentile of {bench.part()} x {bench.part()} cells "
        "in the middle: its time counts as many times as the scenes have cells of the part; marked * below",
        f"- {XARRAY}: a chunk of all scenes for each tile, skipna; {GDAL}: gdal raster calc, builtin, which skips NoData",
        "- agrees: largest relative difference from ours; those of Float32 computing are its",
        "- CPU: user and system seconds; memory: peak resident set of the process and its children together", ""]


def measure(bench, args):
    if not args.alone:
        bench.find_peers()
    lines, goals, wrong = about(bench, args.repeats), [], []
    for job in JOBS:
        if args.only and not any(word in job.name for word in args.only):
            continue
        print(job.name, file=sys.stderr, flush=True)
        result = Result(bench, job, args.repeats)
        head = ["program", "part", "wall s", "CPU s", "memory MB", "wall / decode, all", "wall / FISHNET, all", "agrees"]
        lines += [f"## {job.name}", "", f"`CALC={job.calc}`", "", table(head, result.rows()), ""]
        goals.append(result.goals())
        wrong += result.wrong()
    head = ["FISHNET, all", "wall / decode, all", "1: wall / decode, 1", "x faster than numpy, all", "than xarray, all", "than GDAL", "1: than GDAL", "memory",
            "1 -> all workers"]
    lines += ["## Against the targets", "", table(head, goals), ""]
    return lines + (["Not as it should be:", "", *wrong, ""] if wrong else []), bool(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small scenes, one round")
    parser.add_argument("--side", type=int, help="rows and columns of the scenes (default 5000)")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only jobs whose name contains this")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--peers", default="", help="what the commands of GDAL's begin with")
    parser.add_argument("--folder", default=os.path.join(WORK, "stacks"), help="of the data (default build/bench/stacks)")
    parser.add_argument("--programs", default=os.path.join(ROOT, "build", "release"), help="where bench_decode is (default build/release)")
    args = parser.parse_args()
    args.side = args.side or (1000 if args.quick else 5000)
    args.repeats = args.repeats or (1 if args.quick else 3)
    lines, wrong = measure(StackBench(args.side, args.folder, args.programs, args.peers), args)
    text = "\n".join(lines)
    print(text)
    os.makedirs(WORK, exist_ok=True)
    with open(os.path.join(WORK, "stacks.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
