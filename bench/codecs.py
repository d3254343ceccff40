#!/usr/bin/env python3
"""All codecs and levels: OUTPUT=SINGLE and gdal_translate of FISHNET beside gdal_translate's plain copy, all with all threads.

    bench/codecs.py --only ZSTD             # the rows that have this in their names

Pieces of the rasters of speed.py, smaller ones for codecs that are slow; the same values (no CALC, or those of one byte), and computed ones (sqrt). Runs
go forwards and backwards by turns; ratios to plain are those of the medians of wall and CPU seconds: at most 1.0. The table goes to stdout and build/bench/codecs.md.
"""
import argparse
import os
import subprocess
import sys

from run import CPUS, WORK, Median, Run, setting, table, verdict
from speed import PLAIN, SINGLE, THREADS, TRANSLATE, data

LARGE, SMALL = 6000, 1500  # sides
# codec, creation options, side, file
ROWS = [
    ("NONE", [], LARGE, "dem"),
    ("PACKBITS", [], LARGE, "dem"),
    ("LZW", [], LARGE, "dem"),
    ("LZW", ["PREDICTOR=2"], LARGE, "dem"),
    ("LZW", ["PREDICTOR=3"], LARGE, "dem"),
    ("DEFLATE", ["ZLEVEL=1"], LARGE, "dem"),
    ("DEFLATE", [], LARGE, "dem"),
    ("DEFLATE", ["PREDICTOR=2"], LARGE, "dem"),
    ("DEFLATE", ["PREDICTOR=3"], LARGE, "dem"),
    ("DEFLATE", ["ZLEVEL=9"], LARGE, "dem"),
    ("DEFLATE", ["ZLEVEL=12"], SMALL, "dem"),
    ("ZSTD", ["ZSTD_LEVEL=1"], LARGE, "dem"),
    ("ZSTD", [], LARGE, "dem"),
    ("ZSTD", ["PREDICTOR=2"], LARGE, "dem"),
    ("ZSTD", ["PREDICTOR=3"], LARGE, "dem"),
    ("ZSTD", ["ZSTD_LEVEL=19"], SMALL, "dem"),
    ("ZSTD", ["ZSTD_LEVEL=22"], SMALL, "dem"),
    ("LZMA", [], SMALL, "dem"),
    ("LERC", [], LARGE, "dem"),
    ("LERC", ["MAX_Z_ERROR=0.1"], LARGE, "dem"),
    ("LERC_DEFLATE", [], LARGE, "dem"),
    ("LERC_ZSTD", [], LARGE, "dem"),
    ("JPEG", [], LARGE, "bytes"),
    ("JPEG", ["PHOTOMETRIC=YCBCR", "INTERLEAVE=PIXEL"], LARGE, "bytes"),
    ("WEBP", ["INTERLEAVE=PIXEL"], LARGE, "bytes"),
    ("WEBP", ["WEBP_LOSSLESS=YES", "INTERLEAVE=PIXEL"], SMALL, "bytes"),
    ("LZW", ["PREDICTOR=2", "INTERLEAVE=PIXEL"], LARGE, "bytes"),
    ("DEFLATE", ["PREDICTOR=2", "INTERLEAVE=PIXEL"], LARGE, "bytes"),
]
NOT_SINGLE = {"JPEG"}
CALC = {"dem": ["CALC=sqrt(A)"], "bytes": [f"CALC=sqrt(A[{band}])*16" for band in (1, 2, 3)]}


def piece(folder, total, side, name):
    """The middle of the elevation model, which has `total` columns, or of three bands of the image as bytes."""
    path = os.path.join(folder, f"{name}_{side}.tif")
    if not os.path.exists(path):
        source = os.path.join(folder, "dem.tif" if name == "dem" else "pixel.tif")
        kind = ["-co", "PREDICTOR=3"] if name == "dem" else [
            "-ot", "Byte", "-scale", "0", "11000", "1", "255", "-b", "1", "-b", "2", "-b", "3", "-co", "PREDICTOR=2", "-co", "INTERLEAVE=PIXEL"]
        create = ["-co", "TILED=YES", "-co", "COMPRESS=DEFLATE", "-co", "NUM_THREADS=ALL_CPUS"]
        begin = str(((total if name == "dem" else total * 2 // 3) - side) // 2)
        subprocess.run(["gdal_translate", "-q", "-srcwin", begin, begin, str(side), str(side), *kind, *create, source, path + ".part.tif"], check=True)
        os.rename(path + ".part.tif", path)
    return path


def commands_of(row, path, out):
    """name -> command; those that compute have another name."""
    codec, options, _, name = row
    create = [word for option in ("COMPRESS=" + codec, *options) for word in ("-co", option)]
    byte = ["OT=Byte"] if name == "bytes" else []
    ours = ["gdal_translate", "-q", *create, "-co", "TILED=YES", "-co", "NUM_THREADS=ALL_CPUS", "FISHNET:" + path, out]
    single = ["gdal_translate", "-q", "-of", "FISHNET", "-co", "OUTPUT=SINGLE", *create, path, out]
    words = [*CALC[name], *byte]
    commands = {
        PLAIN: ["gdal_translate", "-q", *create, "-co", "TILED=YES", *THREADS, "-oo", "NUM_THREADS=ALL_CPUS", path, out],
        SINGLE: single,
        TRANSLATE: ours,
        "sqrt, " + SINGLE: [*single, *(word for option in words for word in ("-co", option))],
        "sqrt, " + TRANSLATE: [*ours, *(word for option in words for word in ("-oo", option))],
    }
    return {name: command for name, command in commands.items() if SINGLE not in name or codec not in NOT_SINGLE}


def has_codec(codec):
    options = subprocess.run(["gdalinfo", "--format", "GTiff"], capture_output=True, text=True, check=True).stdout
    return f"<Value>{codec}</Value>" in options


def lines_of(row, commands, repeats, out):
    runs, sizes = {name: [] for name in commands}, {}
    for repeat in range(repeats):
        for name in list(commands)[::1 if repeat % 2 == 0 else -1]:
            os.sync()
            runs[name].append(Run(commands[name]))
            sizes[name] = os.path.getsize(out)
            os.unlink(out)
    medians = {name: Median(own) for name, own in runs.items()}
    plain, label = medians[PLAIN], " ".join([row[0], *row[1]])
    return [[label, f"{row[3]}, {row[2]}", name, f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{sizes[name] / 1e6:.1f}",
             "" if name == PLAIN else verdict(m.wall / plain.wall, 1.0, True), "" if name == PLAIN else f"{m.cpu / plain.cpu:.2f}"]
            for name, m in medians.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small rasters, one round")
    parser.add_argument("--repeats", type=int, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="only the rows that have this in their names")
    parser.add_argument("--side", type=int, default=LARGE, help="of the pieces, at most")
    parser.add_argument("--seed", type=int, default=1, help="of the data")
    args = parser.parse_args()
    os.environ.pop("GDAL_NUM_THREADS", None)
    os.environ.pop("FISHNET_WORKERS", None)
    os.environ["GDAL_PAM_ENABLED"] = "NO"
    repeats = args.repeats or (1 if args.quick else 3)
    total = 3000 if args.quick else 12000
    folder, out = data(total, args.seed), os.path.join(WORK, f"codecs_{os.getpid()}.tif")
    rows = []
    for row in ROWS:
        label = " ".join([row[0], *row[1]])
        if args.only and not any(part in label for part in args.only):
            continue
        if not has_codec(row[0]):
            print(f"{label}: this GDAL cannot write it", file=sys.stderr, flush=True)
            continue
        print(label, file=sys.stderr, flush=True)
        side = min(row[2], 1000 if args.quick else args.side)
        lines = lines_of((*row[:2], side, row[3]), commands_of(row, piece(folder, total, side, row[3]), out), repeats, out)
        print("\n".join(" ".join(["  ", *line[2:]]) for line in lines), file=sys.stderr, flush=True)
        rows += lines
    gdal, commit, cpu = setting()
    text = "\n".join([
        "# Codecs and levels", "",
        f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. Pieces of a DEM (Float32) and of an image of three bands (bytes), as wide and high as is said; "
        f"seed {args.seed}. Medians of {repeats}, by turns; input in the file cache, output on disk, deleted between runs. plain: gdal_translate's copy to the same "
        "format, all threads. Without sqrt the values are those of the copy.", "",
        table(["codec", "raster, side", "tool", "wall s", "CPU s", "file MB", "wall / plain", "CPU / plain"], rows), ""])
    print(text)
    with open(os.path.join(WORK, "codecs.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
