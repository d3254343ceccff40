#!/usr/bin/env python3
"""FISHNET beside plain GDAL, as fast as the machine: what is decoded, computed and written, in one file by the workers (OUTPUT=SINGLE) or by gdal_translate.

Called by `./run bench`, which makes the plugin ready. Each row has its plain peer in the same rounds, which go forwards and backwards by
turns; ratios are those of the medians of wall and CPU seconds. Results are compared: pixels of ours between both ways, sums with the peer's.
The table goes to stdout and build/bench/speed.md.

    bench/speed.py --only sqrt              # the rows that have this in their names
    bench/speed.py --seed 7                 # other data
"""
import argparse
import filecmp
import os
import shutil
import subprocess
import sys

import timeline
from run import CPUS, ROOT, WHERE, WORK, Median, Run, setting, table, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
THREADS = ["--config", "GDAL_NUM_THREADS", "ALL_CPUS", "-co", "NUM_THREADS=ALL_CPUS"]
NDVI = "(A[2]-A[1])/(A[2]+A[1])"
SINGLE, TRANSLATE, PLAIN = "OUTPUT=SINGLE", "gdal_translate", "plain"

# name, file, expression, codec, bands that the copy has; at most: wall to plain of SINGLE and through gdal_translate, CPU to plain, MB
ROWS = [
    ("sqrt, uncompressed", "dem.tif", "sqrt(A)", "NONE", [], 0.45, 0.6, None, 256),
    ("heavy, uncompressed", "dem.tif", WHERE, "NONE", [], 0.65, 0.8, 1.0, 256),
    ("NDVI, by pixel, uncompressed", "pixel.tif", NDVI, "NONE", [], 0.45, None, None, 200),
    ("NDVI, by band, uncompressed", "band.tif", NDVI, "NONE", [], 0.45, None, None, 256),
    ("sqrt, DEFLATE", "dem.tif", "sqrt(A)", "DEFLATE", [], 0.85, 0.95, None, 256),
    ("sqrt, ZSTD", "dem.tif", "sqrt(A)", "ZSTD", [], 0.85, 0.95, None, 256),
    ("sqrt of 2,000 sources", "mosaic.vrt", "sqrt(A)", "NONE", [], 0.65, 0.65, 1.0, 256),
]
# at most, for a GDAL whose plain copy takes half the time: SINGLE and through gdal_translate
GOALS_313 = {"sqrt, uncompressed": (0.5, 0.55), "heavy, uncompressed": (0.7, 0.75)}
# name, job of speed_programs.py; at most: wall to plain
LOOPS = [("500 small files", "small", 1.3), ("10,000 single pixels", "pixels", 1.5)]


def commands_of(row, folder, out):
    _, file, expression, codec, bands, *_ = row
    path = os.path.join(folder, file)
    create = ["-co", "TILED=YES", "-co", "COMPRESS=" + codec]
    threads = ["-oo", "NUM_THREADS=ALL_CPUS"] if file.endswith(".tif") else []
    return {
        PLAIN: ["gdal_translate", "-q", *create, *THREADS, *threads, *bands, path, out],
        TRANSLATE: ["gdal_translate", "-q", *create, "-co", "NUM_THREADS=ALL_CPUS", "FISHNET:" + path, out, "-oo", "CALC=" + expression],
        SINGLE: ["gdal_translate", "-q", "-of", "FISHNET", "-co", "OUTPUT=SINGLE", "-co", "COMPRESS=" + codec, "-co", "CALC=" + expression, path, out],
    }


def goals_of(row, gdal):
    """What SINGLE and gdal_translate may take at most, of plain's time; gdal: as setting() has it."""
    major, minor = gdal.split()[1].split(".")[:2]
    single, translate = GOALS_313.get(row[0], row[5:7]) if (int(major), int(minor)) >= (3, 13) else row[5:7]
    return {SINGLE: single, TRANSLATE: translate}


def same_pixels(a, b):
    sums = [[line for line in subprocess.run(["gdalinfo", "-checksum", path], capture_output=True, text=True, check=True).stdout.splitlines() if "Checksum" in line]
            for path in (a, b)]
    return sums[0] == sums[1] and sums[0]


def rounds(commands, repeats, out=None):
    """name -> medians, with `traced`: one run more, of what is not plain."""
    runs = {name: [] for name in commands}
    for repeat in range(repeats):
        for name in list(commands)[::1 if repeat % 2 == 0 else -1]:
            print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
            os.sync()
            runs[name].append(Run(commands[name]))
            if not out:
                continue
            if repeat == 0 and name in (TRANSLATE, SINGLE):
                os.replace(out, out + "." + name + ".tif")
            else:
                os.unlink(out)
    if out:
        kept = [out + "." + name + ".tif" for name in (TRANSLATE, SINGLE)]
        if not filecmp.cmp(*kept, shallow=False) and not same_pixels(*kept):
            sys.exit("OUTPUT=SINGLE and gdal_translate have written other pixels")
        for path in kept:
            os.unlink(path)
    else:
        answers = {name: own[0].text for name, own in runs.items()}
        if len(set(answers.values())) != 1:
            sys.exit(f"The sums differ: {answers}")
    medians = {name: Median(own) for name, own in runs.items()}
    for name, median in medians.items():
        median.traced = timeline.TracedRun(commands[name]) if name != PLAIN else None
        if out and median.traced:
            os.unlink(out)
    return medians


def lines_of(name, medians, goals, most_cpu, most_memory):
    """goals: name -> wall to plain, at most, or None."""
    plain, lines = medians[PLAIN], []
    for tool, m in medians.items():
        cells = [name, tool, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory:.0f}"]
        if tool == PLAIN:
            lines.append([*cells, "", "", "", *timeline.EMPTY])
            continue
        goal, ratio = goals[tool], m.wall / plain.wall
        lines.append([*cells, verdict(ratio, goal, True) if goal else f"{ratio:.2f}",
                      verdict(m.cpu / plain.cpu, most_cpu, True) if most_cpu else f"{m.cpu / plain.cpu:.2f}",
                      verdict(m.memory, most_memory, True) if most_memory and tool == SINGLE else "", *timeline.cells_of(m.traced)])
    return lines


def data(side, seed):
    """The folder of the rasters, which are made when there are none."""
    folder = os.path.join(WORK, f"speed_{side}_{seed}")
    if not os.path.exists(folder):
        print(f"Making {os.path.relpath(folder, ROOT)} (once)", file=sys.stderr, flush=True)
        os.makedirs(WORK, exist_ok=True)
        shutil.rmtree(folder + ".part", ignore_errors=True)
        subprocess.run([sys.executable, os.path.join(HERE, "speed_data.py"), folder + ".part", str(side), str(seed)], check=True)
        subprocess.run(["sed", "-i", f"s#{folder}.part/#{folder}/#", folder + ".part/mosaic.vrt"], check=True)
        os.rename(folder + ".part", folder)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small rasters, one round")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only the rows that have this in their names")
    parser.add_argument("--seed", type=int, default=1, help="of the data")
    args = parser.parse_args()
    os.environ.pop("GDAL_NUM_THREADS", None)
    os.environ.pop("FISHNET_WORKERS", None)
    os.environ["GDAL_PAM_ENABLED"] = "NO"
    side, repeats = 3000 if args.quick else 12000, args.repeats or (1 if args.quick else 3)
    folder, out = data(side, args.seed), os.path.join(WORK, "speed.tif")
    wanted = lambda name: not args.only or any(part in name for part in args.only)
    rows, (gdal, commit, cpu) = [], setting()
    for row in filter(lambda row: wanted(row[0]), ROWS):
        print(row[0], file=sys.stderr, flush=True)
        rows += lines_of(row[0], rounds(commands_of(row, folder, out), repeats, out), goals_of(row, gdal), row[7], row[8])
    for name, job, most in filter(lambda loop: wanted(loop[0]), LOOPS):
        print(name, file=sys.stderr, flush=True)
        program = [sys.executable, os.path.join(HERE, "speed_programs.py"), job]
        rows += lines_of(name, rounds({PLAIN: [*program, "plain", folder], "FISHNET": [*program, "fishnet", folder]}, repeats), {"FISHNET": most}, None, None)
    text = "\n".join([
        "# As fast as the machine", "",
        f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. A DEM of {side} x {side} Float32, images of four bands UInt16, {side * 2 // 3} x {side * 2 // 3}; "
        f"seed {args.seed}. Medians of {repeats}; input in the file cache, output on disk, deleted between runs. plain: gdal_translate of the input to the same format, all threads; for the loops GDAL and numpy. "
        f"{timeline.ABOUT[0].upper()}{timeline.ABOUT[1:]}.", "",
        table(["row", "tool", "wall s", "CPU s", "memory MB", "wall / plain", "CPU / plain", "memory, at most", *timeline.HEAD], rows), ""])
    print(text)
    with open(os.path.join(WORK, "speed.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
