#!/usr/bin/env python3
"""Rasters that are brought onto another grid, beside gdalwarp and plain copies, in one run.

Called by `./run bench`, which makes the plugin ready. In each round every program takes its turn, forwards and backwards by turns. Ratios are medians
over the rounds. The tables go to stdout and build/bench/grids.md.

    bench/grids.py --only cubic             # the jobs that have this in their names
"""
import argparse
import os
import shlex
import sys
import time

from run import CPUS, DATA, WORK, Median, make, setting, table, verdict
from zonal import ratio, rounds
from zonal_programs import Program, options

OURS, OURS_1, WARP, WARP_1, COPY = "FISHNET, all", "FISHNET, 1", "gdalwarp -multi, all", "gdalwarp, 1", "FISHNET as it is"
TILED = ["-co", "TILED=YES", "-co", "BIGTIFF=IF_SAFER"]
SLOWER = 1.05  # than gdalwarp with the same setting: no more
BESIDE = 1.25  # a shift, or nested cells, beside a plain run of as many cells


class GridBench:
    def __init__(self, side, folder):
        self.side, self.folder = side, folder
        os.makedirs(folder, exist_ok=True)
        self.degrees = self.data("degrees", side)
        self.half = self.data("half", side // 2)

    def data(self, name, side):
        """The DEM in degrees, blocks of 512; other numbers of cells are resampled from it."""
        return make(os.path.join(self.folder, f"{name}_{side}.tif"),
                    ["gdal_translate", "-q", "-ot", "Int16", "-a_nodata", "-32768", "-outsize", str(side), str(side), "-r", "cubic", "-a_ullr", "-106", "38", "-104", "37",
                     "-co", "TILED=YES", "-co", "BLOCKXSIZE=512", "-co", "BLOCKYSIZE=512", "-co", "COMPRESS=DEFLATE", "-co", "PREDICTOR=2", os.path.join(DATA, "dem.tif"), "{out}"])

    def ours(self, path, words, workers):
        out = os.path.join(self.folder, "ours.tif")
        return Program(["gdal_translate", "-q", "FISHNET:" + path, out, *options(*words, f"NUM_WORKERS={workers}"), *TILED], out)

    def warp(self, words, accuracy, threads):
        """The command that makes the same pixels."""
        from osgeo import gdal
        dataset = gdal.OpenEx("FISHNET:" + self.degrees, open_options=[word for word in words if not word.startswith("ACCURACY")])
        told = shlex.split(dataset.GetMetadataItem("A_GDALWARP", "FISHNET_GRID"))
        told[told.index("-et") + 1] = accuracy
        out = os.path.join(self.folder, "warped.tif")
        fast = ["-multi", "-wo", "NUM_THREADS=ALL_CPUS"] if threads > 1 else []
        return Program([told[0], "-q", "-overwrite", *told[1:-1], *fast, *TILED, out], out)

    def jobs(self):
        """(name, programs, whom the second ratio is to, how much it may be)"""
        for method in "near", "bilinear", "cubic", "average":
            for accuracy in "0", "0.125":
                words = ["CRS=EPSG:32613", "EXTENT=320000,4096000,496000,4206000", f"CELL_SIZE={176000 / self.side!r},{110000 / self.side!r}", "RESAMPLING=" + method.upper(),
                         "ACCURACY=" + accuracy]
                yield (f"{method} into another CRS, accuracy {accuracy}", {OURS_1: self.ours(self.degrees, words, 1), OURS: self.ours(self.degrees, words, CPUS),
                                                                          WARP_1: self.warp(words, accuracy, 1), WARP: self.warp(words, accuracy, CPUS)}, SLOWER)
        cell, height = 2 / self.side, 1 / self.side
        extent = f"EXTENT={-106 + 100 * cell!r},{37 + 100 * height!r},{-104 + 100 * cell!r},{38 + 100 * height!r}"
        nested = [f"EXTENT={-106!r},37,-104,38", f"CELL_SIZE={cell!r},{height!r}", "RESAMPLING=NEAR"]
        for name, path, words in (("shifted by whole cells", self.degrees, [extent]), ("near, cells of half the size", self.half, nested),
                                  ("near, cells of twice the size", self.degrees, [f"CELL_SIZE={2 * cell!r},{2 * height!r}", "RESAMPLING=NEAR"])):
            yield name, {OURS_1: self.ours(path, words, 1), OURS: self.ours(path, words, CPUS), COPY: self.ours(self.degrees, [], CPUS)}, BESIDE


def about(bench, repeats):
    gdal, commit, cpu = setting()
    small = "" if bench.side >= 6000 else f" (side {bench.side}: figures mean little)"
    return [f"# Rasters brought onto other grids{small}", "",
            f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}. Medians of {repeats} rounds, each with all programs, in turns forwards and backwards; input in "
            "the file cache, output on disk.", "",
            f"- Input: {bench.side} x {bench.side} cells, Int16 with NoData, degrees, DEFLATE in blocks of 512, resampled from the DEM; output: as many cells, tiled GeoTIFF, uncompressed.",
            "- gdalwarp: the command that the metadata domain FISHNET_GRID tells, with `-et` as ACCURACY; all: with -multi and NUM_THREADS=ALL_CPUS",
            f"- {COPY}: without options about the grid, all workers; nested cells and shifts are beside that",
            "- memory: peak resident set of the process", ""]


def measure(bench, args):
    lines, goals = about(bench, args.repeats), []
    for name, programs, most in bench.jobs():
        if args.only and not any(word in name for word in args.only):
            continue
        print(name, file=sys.stderr, flush=True)
        runs = rounds(programs, args.repeats, tuple(programs))
        peer = WARP if WARP in runs else COPY
        rows = []
        for program, r in runs.items():
            m = Median(r)
            rows.append([program, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}", f"{ratio(r, runs[OURS]):.2f}"])
        lines += [f"## {name}", "", table(["program", "wall s", "CPU s", "memory MB", "wall / FISHNET, all"], rows), ""]
        value = ratio(runs[OURS], runs[peer])
        goals.append([name, verdict(value, most, True), f"{ratio(runs[OURS_1], runs[WARP_1]):.2f}" if WARP_1 in runs else "", f"{ratio(runs[OURS_1], runs[OURS]):.2f}"])
    lines += ["## Against the targets", "", table(["job", "wall / gdalwarp, or as it is, all", "1: wall / gdalwarp, 1", "1 -> all workers"], goals), ""]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small rasters, one round")
    parser.add_argument("--side", type=int, help="rows and columns (default 6000)")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only jobs whose name contains this")
    args = parser.parse_args()
    args.side = args.side or (1000 if args.quick else 6000)
    args.repeats = args.repeats or (1 if args.quick else 3)
    text = "\n".join(measure(GridBench(args.side, os.path.join(WORK, "grids")), args))
    print(text)
    os.makedirs(WORK, exist_ok=True)
    with open(os.path.join(WORK, "grids.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
