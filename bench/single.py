#!/usr/bin/env python3
"""One GeoTIFF whose blocks the workers encode (OUTPUT=SINGLE), beside gdal_translate's copy of the same file with all its threads.

    bench/single.py DEM.tif [--quick] [--repeats N] [--only DEFLATE]

Called by `./run bench` with a large elevation model. For each codec: a plain copy by gdal_translate, the same by FISHNET, and
FISHNET with an expression; runs follow each other in turn and medians are shown, with the ratios that were asked for: wall time to that
of the copy (at most 1.0), and wall time to (CPU seconds of the same run / CPUs) (at most 1.1: no core waits for another).
"""
import argparse
import os
import sys

from run import CPUS, Median, Run, WORK, setting, table, verdict

CODECS = ("DEFLATE", "ZSTD")
COPY, PLAIN, CALC = "copy, all threads", "FISHNET", "FISHNET, sqrt(A)"


def commands_of(path, codec, out):
    threads = ["-co", "NUM_THREADS=ALL_CPUS", "-oo", "NUM_THREADS=ALL_CPUS", "--config", "GDAL_NUM_THREADS", "ALL_CPUS"]
    ours = ["gdal_translate", "-q", "-of", "FISHNET", "-co", "OUTPUT=SINGLE", "-co", "COMPRESS=" + codec]
    return {
        COPY: ["gdal_translate", "-q", "-co", "TILED=YES", "-co", "COMPRESS=" + codec, "-co", "BIGTIFF=IF_SAFER", *threads, path, out],
        PLAIN: [*ours, path, out],
        CALC: [*ours, "-co", "CALC=sqrt(A)", path, out],
    }


def measure(commands, repeats, out):
    runs, sizes = {name: [] for name in commands}, {}
    for repeat in range(repeats):
        for name, command in commands.items():
            print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
            os.sync()
            runs[name].append(Run(command))
            sizes[name] = os.path.getsize(out)
            os.unlink(out)
    return {name: Median(r) for name, r in runs.items()}, sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dem", help="a large raster of one band")
    parser.add_argument("--quick", action="store_true", help="one run each")
    parser.add_argument("--repeats", type=int, help="runs of each (default 3)")
    parser.add_argument("--only", action="append", help="only these codecs")
    args = parser.parse_args()
    os.environ.pop("GDAL_NUM_THREADS", None)
    os.environ.pop("FISHNET_WORKERS", None)
    os.environ["GDAL_PAM_ENABLED"] = "NO"
    os.makedirs(WORK, exist_ok=True)
    repeats = args.repeats or (1 if args.quick else 3)
    with open(args.dem, "rb") as file:
        while file.read(1 << 24):
            pass
    gdal, commit, cpu = setting()
    lines = ["# One file, many workers", "",
             f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. {os.path.basename(args.dem)}, {os.path.getsize(args.dem) / 1e6:.0f} MB. "
             f"Medians of {repeats}, runs interleaved; input in the file cache, output on disk, deleted between runs.", ""]
    rows, goals = [], []
    out = os.path.join(WORK, "single.tif")
    for codec in CODECS:
        if args.only and codec not in args.only:
            continue
        print(codec, file=sys.stderr, flush=True)
        result, sizes = measure(commands_of(args.dem, codec, out), repeats, out)
        for name, r in result.items():
            rows.append([codec, name, f"{r.wall:.2f}", f"{r.cpu:.2f}", f"{r.memory:.0f}", f"{sizes[name] / 1e6:.0f}",
                         f"{r.wall / result[COPY].wall:.2f}", f"{r.wall / (r.cpu / CPUS):.2f}"])
        for name in (PLAIN, CALC):
            r = result[name]
            goals.append([codec, name, verdict(r.wall / result[COPY].wall, 1.0, True), verdict(r.wall / (r.cpu / CPUS), 1.1, True)])
    lines += [table(["codec", "tool", "wall s", "CPU s", "memory MB", "file MB", "wall / copy", "wall / (CPU / CPUs)"], rows), "",
              "Against the targets:", "", table(["codec", "tool", "wall / copy", "wall / (CPU / CPUs)"], goals), ""]
    text = "\n".join(lines)
    print(text)
    with open(os.path.join(WORK, "single.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
