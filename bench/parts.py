#!/usr/bin/env python3
"""Near tables in parts (`ogr2ogr -f NEARTABLE out.vrt`) beside the same table in one file by ogr2ogr.

Called by `./run bench`, which makes the plugin ready. Runs go forwards and backwards by turns; ratios are those of medians. The rows of the
parts are counted. The table goes to stdout and build/bench/parts.md.
"""
import argparse
import os
import shutil
import subprocess
import sys

import near
from run import CPUS, ROOT, WORK, Median, Run, setting, table, verdict

COLUMNS = 20  # of the wide inputs, beside the geometry
# name, ending of the input, columns, driver of the output, its ending; at most: wall to that of one file
ROWS = [
    ("FlatGeobuf to GeoPackage", ".fgb", 1, "GPKG", ".gpkg", 0.55),
    ("GeoPackage to GeoPackage", ".gpkg", 1, "GPKG", ".gpkg", 0.55),
    (f"FlatGeobuf of {COLUMNS} columns to FlatGeobuf", ".fgb", COLUMNS, "FlatGeobuf", ".fgb", 0.6),
    (f"CSV of {COLUMNS} columns to CSV", ".csv", COLUMNS, "CSV", ".csv", 0.6),
]
NO_INDEX = {"GPKG": ["SPATIAL_INDEX=NO"], "FlatGeobuf": ["SPATIAL_INDEX=NO"], "CSV": []}


def source(bench, ending, columns):
    """A million points, in that format."""
    points = bench.layer("points_a")
    if ending == ".fgb" and columns == 1:
        return points
    path = os.path.join(bench.folder, f"points_{columns}{ending}")
    if not os.path.exists(path):
        print(f"Making {os.path.relpath(path, ROOT)} (once)", file=sys.stderr, flush=True)
        more = "".join(f", rowid * {i} + {i}.5 AS c{i}" for i in range(1, columns))
        query = f"SELECT geometry, rowid AS id{more} FROM points_a"
        options = ["-lco", "GEOMETRY=AS_WKT"] if ending == ".csv" else ["-lco", "SPATIAL_INDEX=NO"]
        part = os.path.join(bench.folder, "part" + ending)
        subprocess.run(["ogr2ogr", "-q", "-nln", f"points_{columns}", *options, part, points, "-dialect", "SQLITE", "-sql", query], check=True)
        os.rename(part, path)
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass
    return path


def clear(out):
    for name in os.listdir(os.path.dirname(out)):
        path = os.path.join(os.path.dirname(out), name)
        if name.startswith(os.path.basename(out)):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def rows_of(path):
    text = subprocess.run(["ogrinfo", "-so", "-al", path], capture_output=True, text=True, check=True).stdout
    return sum(int(line.split(": ")[1]) for line in text.splitlines() if line.startswith("Feature Count: "))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small layers, one round")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    args = parser.parse_args()
    for name in ("GDAL_NUM_THREADS", "OMP_NUM_THREADS", "CPL_DEBUG"):
        os.environ.pop(name, None)
    repeats = args.repeats or (1 if args.quick else 3)
    bench = near.Bench(args.quick, peers=False)
    out = os.path.join(bench.folder, "table_in_parts")
    cells = []
    for name, ending, columns, driver, own, most in ROWS:
        path, other = source(bench, ending, columns), bench.layer("points_b")
        geometry = [] if driver == "CSV" else ["-oo", "GEOMETRY=FROM"]
        ours = ["NEARTABLE:" + path, "-oo", "NEAR=" + other, *geometry]
        lco = [word for option in NO_INDEX[driver] for word in ("-lco", option)]
        commands = {"one file": (["ogr2ogr", "-q", "-f", driver, out + own, *ours, *lco], out + own),
                    "parts": (["ogr2ogr", "-q", "-f", "NEARTABLE", out + ".vrt", *ours, "-dsco", "FORMAT=" + driver], out + ".vrt")}
        runs, counts = {key: [] for key in commands}, {}
        for repeat in range(repeats):
            for key in list(commands)[::1 if repeat % 2 == 0 else -1]:
                print(f"  {repeat + 1}/{repeats} {name}: {key}", file=sys.stderr, flush=True)
                command, made = commands[key]
                clear(out)
                os.sync()
                runs[key].append(Run(command))
                counts[key] = counts.get(key) or rows_of(made)
        clear(out)
        if counts["one file"] != counts["parts"]:
            sys.exit(f"{name}: {counts['parts']} rows in parts, {counts['one file']} in one file")
        one, parts = (Median(runs[key]) for key in commands)
        cells.append([name, f"{one.wall:.2f}", f"{one.cpu:.2f}", f"{parts.wall:.2f}", f"{parts.cpu:.2f}", verdict(parts.wall / one.wall, most, True),
                      f"{parts.memory:.0f}"])
    gdal, commit, cpu = setting()
    text = "\n".join([f"# Near tables in parts{' (--quick: small layers, figures mean little)' if args.quick else ''}", "",
                      f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. Medians of {repeats}: nearest of a million points for a million points.", "",
                      table(["input, output", "one file, wall s", "CPU s", "parts, wall s", "CPU s", "wall, parts / one file", "memory of a process, MB"], cells), ""])
    print(text)
    with open(os.path.join(WORK, "parts.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
