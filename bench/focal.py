#!/usr/bin/env python3
"""FISHNET's windows and terrain beside their peers, in one run: its own copy, GDAL, scipy, GRASS.

Called by `./run bench`, which makes the plugin ready. In each round every program takes its turn, forwards and
backwards by turns; a program that takes more than a minute does so once. Ratios are medians over the rounds. The tables
go to stdout and build/bench/focal.md.

    bench/focal.py --only median            # the operations that have this in their names
    bench/focal.py --alone                  # without the peers

Peers that are not found are left out and named. They may be those of another system whose commands begin with --peers
("chroot DIR"), if it sees the folder of the data under the same name: GDAL 3.12 or later, python3-scipy with GDAL's
binding, grass-core. Slow ones get a part of the raster, and their time counts as many times as the raster has cells of
the part: the work is the same for each.
"""
import argparse
import filecmp
import os
import sys
import time

from focal_programs import COMPARED, COPY, COPY_1, GDAL, GRASS, OPERATIONS, OURS, OURS_1, PEERS, SCIPY, FocalBench
from run import CPUS, WORK, Median, setting, table, verdict
from zonal import LONG, ratio, rounds

# No numpy here: this process stays small, see Run.memory.

FAILED = "FAILED"


class Result:
    """The rounds of an operation: name -> runs, and name -> how its result agrees with ours."""

    def __init__(self, bench, operation, repeats):
        self.bench, self.operation = bench, operation
        programs = bench.programs_of(operation)
        self.runs = rounds(programs, repeats, (COPY_1, COPY))
        self.words = {name: FAILED for name in programs if name not in self.runs}
        if OURS_1 in self.runs and OURS in self.runs:
            same = filecmp.cmp(programs[OURS_1].out, programs[OURS].out, shallow=False)
            self.words[OURS] = "same bytes as 1" if same else "NO: not the bytes of 1"
        if OURS in self.runs:
            for name in filter(self.runs.__contains__, PEERS):
                theirs = bench.result_of(name, programs[name], operation)
                self.words[name] = bench.agreement(programs[OURS].out, theirs, operation)
        for path in filter(None, [program.out for program in programs.values()] + [bench.out(GRASS)]):
            if os.path.exists(path):
                os.unlink(path)

    def scale(self, name):
        """How many times the cells of a part are in the whole."""
        return (self.bench.side / self.bench.side_of(self.operation, name)) ** 2

    def wrong(self):
        return [f"- {self.operation.name}, {name}: {word}" for name, word in self.words.items()
                if word == FAILED or word.startswith("NO")]

    def rows(self):
        rows = []
        for name, r in self.runs.items():
            m, copy, scale = Median(r), self.runs[COPY], self.scale(name)
            ours = f"{ratio(r, self.runs[OURS]) * scale:.2f}" if OURS in self.runs else ""
            part = f"{self.bench.side_of(self.operation, name)}" if scale > 1 else ""
            rows.append([name, part, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}",
                         f"{ratio(r, copy) * scale:.2f}", f"{m.cpu / Median(copy).cpu * scale:.2f}", ours,
                         self.words.get(name, "")])
        return rows + [[name, *[""] * 7, word] for name, word in self.words.items() if name not in self.runs]

    def faster(self, name):
        """How many times faster than a peer we are; a peer with a part of the raster is marked."""
        if name not in self.runs:
            return self.words.get(name, "")
        value, target = ratio(self.runs[name], self.runs[OURS]) * self.scale(name), self.operation.targets.get(name)
        text = verdict(value, target, False) if target else f"{value:.2f}"
        return text + (" *" if self.scale(name) > 1 else "")

    def copies(self):
        """How many copies we take; of several steps: both alone, less a copy, and how many times that."""
        ours, copy = self.runs[OURS], self.runs[COPY]
        parts = [name for name in self.operation.parts() if name in self.runs]
        value, target = ratio(ours, copy), self.operation.copy
        text = verdict(value, target, True) if target else f"{value:.2f}"
        if len(parts) < 2:
            return text
        alone = sum(ratio(self.runs[name], copy) for name in parts) - (len(parts) - 1)
        return text + "; of the sum of both less a copy " + verdict(value / alone, 1.15, True)

    def goals(self):
        """A line of the table of what was to be reached."""
        if OURS not in self.runs:
            return [self.operation.name, FAILED, *[""] * 6]
        second = f"{ratio(self.runs[OURS_1], self.runs[OURS]):.2f}" if OURS_1 in self.runs else FAILED
        verdicts = [self.words[name].split(":")[0] for name in (OURS, *PEERS) if name in self.words]
        agrees = "NO" if "NO" in verdicts else "yes" if "yes" in verdicts else ""
        return [self.operation.name, self.copies(), *map(self.faster, PEERS), second,
                f"{Median(self.runs[OURS]).memory:.0f}", agrees]


def about(bench, repeats):
    gdal, commit, cpu = setting()
    peers = [bench.gdal_version()] if bench.has_gdal else []
    small = "" if bench.side >= 20000 else f" (side {bench.side}: figures mean little)"
    return [
        f"# Windows and terrain against their peers{small}", "",
        f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}"
        f"{''.join('; ' + word for word in peers + bench.missing)}. Medians of {repeats} rounds, each with all "
        f"programs, in turns forwards and backwards (what takes more than {LONG} s: once); input in the file cache, "
        "output on disk.", "",
        f"- Input: {bench.side} x {bench.side} Float32, DEFLATE, PREDICTOR=3, tiles of 512, a tenth NoData. Output: "
        "tiled GeoTIFF, Float32, uncompressed; GDAL's hillshade: Byte.",
        "- copy: gdal_translate FISHNET:dem.tif without CALC",
        f"- 1: one worker or thread; all: {CPUS}; GDAL has one. FISHNET writes the same bytes with 1 and all, which is "
        "checked",
        f"- {SCIPY}: numpy and scipy.ndimage over bands of rows. It knows no NoData",
        f"- {GRASS}: in its own format; the import is not in it, the start of its session is",
        "- part: rows and columns in the middle of the raster that a slow peer gets. Its time counts as many times as "
        "the raster has cells of the part, for the work is the same for each cell; marked * below",
        f"- agrees: largest and mean difference from ours, in {COMPARED} x {COMPARED} cells in the middle, where windows "
        "hold no NoData",
        "- CPU: user and system seconds; memory: peak resident set of the process and its children together", ""]


def measure(bench, args):
    if not args.alone:
        bench.find_peers()
    lines, goals, wrong = about(bench, args.repeats), [], []
    for operation in OPERATIONS:
        if args.only and not any(word in operation.name for word in args.only):
            continue
        print(operation.name, file=sys.stderr, flush=True)
        result = Result(bench, operation, args.repeats)
        head = ["program", "part", "wall s", "CPU s", "memory MB", "wall / copy, all", "CPU / copy, all",
                "wall / FISHNET, all", "agrees"]
        lines += [f"## {operation.name}", "", f"`CALC={operation.ours()}`", "", table(head, result.rows()), ""]
        goals.append(result.goals())
        wrong += result.wrong()
    head = ["FISHNET, all", "wall / copy, all", f"x faster than {GDAL}", "than scipy, all", "than GRASS, all",
            "1 -> all workers", "memory MB", "agrees"]
    lines += ["## Against the targets", "", table(head, goals), ""]
    return lines + (["Not as it should be:", "", *wrong, ""] if wrong else []), bool(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small raster, one round")
    parser.add_argument("--side", type=int, help="rows and columns of the raster (default 20000)")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only operations whose name contains this")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--peers", default="", help="what the commands of the peers begin with")
    parser.add_argument("--folder", default=os.path.join(WORK, "zonal"),
                        help="of the data (default build/bench/zonal: the raster is that of zonal.py)")
    args = parser.parse_args()
    args.side = args.side or (4000 if args.quick else 20000)
    args.repeats = args.repeats or (1 if args.quick else 3)
    bench = FocalBench(args.side, args.folder, args.peers)
    lines, wrong = measure(bench, args)
    text = "\n".join(lines)
    print(text)
    os.makedirs(WORK, exist_ok=True)
    with open(os.path.join(WORK, "focal.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
