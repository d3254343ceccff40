#!/usr/bin/env python3
"""FISHNET beside its peers, in one run: gdal_translate without computing, and gdal_calc.py.

Called by `./run bench`, which makes the plugin and the data ready. Runs of the tools are interleaved and repeated, medians
are shown; input is in the file cache, output is deleted between runs. The tables go to stdout and build/bench/results.md.
"""
import argparse
import filecmp
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, "build", "bench")
DATA = os.path.join(ROOT, "build", "data")
CPUS = len(os.sched_getaffinity(0))
CACHE_MB = 64  # the default budget of a FISHNET dataset for rasters of this width

WHERE = "where(A>1000, log(A)*sin(A/100)+sqrt(A), A*A/1000)"
# name, input, expression, inputs and expression for gdal_calc.py
JOBS = [
    ("sqrt(A)", "dem", "sqrt(A)", ["-A", "{in}"], "sqrt(A)"),
    ("(A-B)/(A+B)", "image", "(A[2]-A[1])/(A[2]+A[1])",
     ["-A", "{in}", "--A_band=2", "-B", "{in}", "--B_band=1"], "(A.astype(float)-B)/(A.astype(float)+B)"),
    ("where/log/sin", "dem", WHERE, ["-A", "{in}"], WHERE),
]
FORMATS = {"uncompressed": ["TILED=YES"], "DEFLATE": ["TILED=YES", "COMPRESS=DEFLATE"]}
OURS_1, OURS, COPY_1, COPY, CALC = "FISHNET, 1", "FISHNET, all", "copy, 1", "copy, all", "gdal_calc.py"
COPY_RESULT = "copy of the result, all"


def busy_seconds():
    """For which the CPUs of this machine have been busy, or away, since it was started."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def seconds_of_thread(pid):
    """CPU seconds of the first thread of a process that has ended and was not waited for; NaN where Linux does not tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return float("nan")


class Run:
    """Wall and CPU seconds and peak memory (MB) of one process and all its children; CPU seconds of its first
    thread; CPUs that everything else has left it."""

    def __init__(self, command, env=None):
        start, busy = time.perf_counter(), busy_seconds()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        self.follow(child.pid)
        self.text = child.stdout.read().decode(errors="replace")
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self.first_thread = seconds_of_thread(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        self.wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss / 1024
        self.cpus = CPUS - max(0, busy_seconds() - busy - self.cpu) / self.wall
        if child.returncode:
            sys.exit(f"{shlex.join(command)}\nfailed ({child.returncode}):\n{self.text}")

    def follow(self, pid):
        """For a kind of run that watches the process while it is at work."""


class Median:
    def __init__(self, runs, what=("wall", "cpu", "memory")):
        for name in what:
            setattr(self, name, statistics.median(getattr(r, name) for r in runs))


def make(path, *commands):
    """Runs commands that make `path` (they write {out}), unless it is there already."""
    if not os.path.exists(path):
        print(f"Making {os.path.relpath(path, ROOT)} (once)", file=sys.stderr, flush=True)
        part = path.replace(".tif", ".part.tif")
        for command in commands:
            subprocess.run([part if word == "{out}" else word for word in command], check=True)
        os.rename(part, path)
    return path


def make_inputs(quick):
    """The DEM and the image, resampled from the real ones."""
    n_dem, n_image = (4000, 3000) if quick else (20000, 10000)
    create = ["-co", "TILED=YES", "-co", "COMPRESS=DEFLATE", "-co", "NUM_THREADS=ALL_CPUS"]
    dem = make(os.path.join(WORK, f"dem_{n_dem}.tif"),
               ["gdalwarp", "-q", "-overwrite", "-t_srs", "EPSG:32613", "-ts", str(n_dem), str(n_dem), "-r", "cubicspline",
                "-dstnodata", "-9999", "-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-wm", "512", *create,
                "-co", "PREDICTOR=3", os.path.join(DATA, "dem.tif"), "{out}"])
    small = os.path.join(WORK, "landsat_16.tif")
    image = make(os.path.join(WORK, f"image_{n_image}.tif"),
                 ["gdal_translate", "-q", "-b", "3", "-b", "4", "-ot", "UInt16", "-scale", "0", "255", "0", "10000",
                  os.path.join(DATA, "landsat.tif"), small],
                 ["gdal_translate", "-q", "-outsize", str(n_image), str(n_image), "-r", "cubicspline", *create,
                  "-co", "PREDICTOR=2", small, "{out}"])
    return {"dem": dem, "image": image}


def commands_of(job, path, options, out):
    """The tools for one job and format: name -> command."""
    _, _, expression, calc_inputs, calc = job
    create = [word for option in options for word in ("-co", option)] + ["-co", "BIGTIFF=IF_SAFER"]
    threads = ["-oo", "NUM_THREADS=ALL_CPUS", "--config", "GDAL_NUM_THREADS", "ALL_CPUS", "-co", "NUM_THREADS=ALL_CPUS"]
    # the writer gets the threads that the copy's writer gets
    ours = ["gdal_translate", "-q", "FISHNET:" + path, out, "-oo", "CALC=" + expression, *create]
    commands = {
        OURS_1: ours + ["-oo", "NUM_WORKERS=1"],
        OURS: ours + ["-oo", "NUM_WORKERS=ALL_CPUS", "-co", "NUM_THREADS=ALL_CPUS"],
        COPY_1: ["gdal_translate", "-q", path, out, *create],
        COPY: ["gdal_translate", "-q", path, out, *create, *threads],
        CALC: ["gdal_calc.py", "--quiet", "--overwrite", *[word.replace("{in}", path) for word in calc_inputs],
               "--calc=" + calc, "--type=Float32", "--outfile=" + out, *[word.replace("-co", "--co") for word in create]],
    }
    if "COMPRESS=DEFLATE" in options:
        commands[COPY_RESULT] = ["gdal_translate", "-q", out + ".result", out, *create, *threads]
    return commands


def measure(commands, repeats, out=None, same_bytes=False):
    """Runs every command `repeats` times, A B C A B C; each writes `out`, if given. same_bytes: OURS_1 and OURS write the same."""
    runs = {name: [] for name in commands}
    for repeat in range(repeats):
        for name, command in commands.items():
            print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
            os.sync()
            runs[name].append(Run(command))
            if out and repeat == 0 and name in (OURS_1, OURS):
                if same_bytes and name == OURS and not filecmp.cmp(out, out + ".result", shallow=False):
                    sys.exit(f"The outputs of {OURS_1} and {OURS} differ: {shlex.join(command)}")
                os.replace(out, out + ".result")
            elif out:
                os.unlink(out)
    if out:
        os.unlink(out + ".result")
    return {name: Median(r) for name, r in runs.items()}


def table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def verdict(value, target, at_most):
    good = value <= target if at_most else value >= target
    return f"{value:.2f} ({'<=' if at_most else '>='} {target:g}: {'yes' if good else 'NO'})"


def read_all(name, options):
    """Reads all pixels in strips as high as a tile, and drops them: what a reader costs that does nothing else."""
    from osgeo import gdal

    gdal.UseExceptions()
    dataset = gdal.OpenEx(name, gdal.OF_RASTER, open_options=options)
    height = max(dataset.GetRasterBand(1).GetBlockSize()[1], 256)
    strip = bytearray(len(dataset.ReadRaster(0, 0, dataset.RasterXSize, 1)) * height)
    for y in range(0, dataset.RasterYSize, height):
        rows = min(height, dataset.RasterYSize - y)
        dataset.ReadRaster(0, y, dataset.RasterXSize, rows,
                           buf_obj=memoryview(strip)[:len(strip) // height * rows])


def setting():
    """GDAL's version, the commit, the CPU."""
    gdal = subprocess.run(["gdalinfo", "--version"], capture_output=True, text=True, check=True).stdout.split(",")[0]
    try:
        commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        commit = ""
    cpu = platform.machine()
    with open("/proc/cpuinfo") as text:
        cpu = next((line.split(":")[1].strip() for line in text if line.startswith("model name")), cpu)
    return gdal, commit.strip() or "(no git)", cpu


def about(quick, repeats, inputs):
    gdal, commit, cpu = setting()
    sizes = {"dem": "Float32 elevation, one band, NoData", "image": "UInt16 Landsat, 2 bands"}
    side = {name: int(path.rsplit("_", 1)[1][:-4]) for name, path in inputs.items()}
    lines = [f"# FISHNET against its peers{' (--quick: small rasters, figures mean little)' if quick else ''}", "",
             f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}, {time.strftime('%Y-%m-%d')}. "
             f"Medians of {repeats}, runs interleaved; input in the file cache, output on disk, deleted between runs.", ""]
    lines += [f"- {name}: {side[name]} x {side[name]}, {sizes[name]}, tiled 256, DEFLATE, "
              f"{os.path.getsize(path) / 1e6:.0f} MB, resampled from real data" for name, path in inputs.items()]
    lines += ["- copy: gdal_translate of the same file to the same format without computing; all: GDAL_NUM_THREADS, reader and "
              "writer NUM_THREADS = ALL_CPUS",
              "- copy of the result: the same for the computed file: what it costs to write these pixels, which may compress worse than "
              "the input",
              "- FISHNET 1: NUM_WORKERS=1; all: NUM_WORKERS and writer NUM_THREADS = ALL_CPUS",
              "- CPU: user and system seconds; memory: peak resident set", ""]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small rasters, one run each")
    parser.add_argument("--repeats", type=int, help="runs of each (default 3)")
    parser.add_argument("--only", action="append", help="only jobs whose name contains this")
    parser.add_argument("--read", nargs="+", metavar=("NAME", "OPTION"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        return read_all(args.read[0], args.read[1:])
    os.environ.pop("GDAL_NUM_THREADS", None)
    os.environ["GDAL_PAM_ENABLED"] = "NO"
    os.makedirs(WORK, exist_ok=True)
    repeats = args.repeats or (1 if args.quick else 3)
    inputs = make_inputs(args.quick)
    for path in inputs.values():
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass
    wanted = [job for job in JOBS if not args.only or any(word in job[0] for word in args.only)]
    lines = about(args.quick, repeats, inputs)
    out = os.path.join(WORK, "out.tif")
    for path in (out, out + ".result"):
        if os.path.exists(path):
            os.unlink(path)

    for fmt, options in FORMATS.items():
        rows, goals = [], []
        for job in wanted:
            print(f"{job[0]}, {fmt}", file=sys.stderr, flush=True)
            # threads of the writer may lay compressed tiles out in another order: only the other files can be compared
            result = measure(commands_of(job, inputs[job[1]], options, out), repeats, out, fmt == "uncompressed")
            copy, calc = result[COPY], result[CALC]
            for name, r in result.items():
                rows.append([job[0], name, f"{r.wall:.2f}", f"{r.cpu:.2f}", f"{r.memory:.0f}", f"{r.wall / copy.wall:.2f}",
                             f"{r.cpu / copy.cpu:.2f}", f"{calc.wall / r.wall:.2f}"])
            ours = result[OURS]
            faster = calc.wall / ours.wall
            goals.append([job[0], verdict(ours.wall / copy.wall, 1.0, True), verdict(ours.cpu / copy.cpu, 1.15, True),
                          verdict(faster, 3, False) if fmt == "uncompressed" else f"{faster:.2f}",
                          f"{ours.memory:.0f} MB (<= {copy.memory + CACHE_MB:.0f}: "
                          f"{'yes' if ours.memory <= copy.memory + CACHE_MB else 'NO'})",
                          f"{result[OURS_1].wall / ours.wall:.2f}"])
        lines += [f"## Output: tiled GeoTIFF, {fmt}", "",
                  table(["expression", "tool, threads", "wall s", "CPU s", "memory MB", "wall / copy, all", "CPU / copy, all",
                         "x faster than gdal_calc.py"], rows), "",
                  "FISHNET, all, against the targets:", "",
                  table(["expression", "wall / copy, all", "CPU / copy, all", "x faster than gdal_calc.py", "memory",
                         "1 -> all workers"], goals), ""]

    rows = []
    for job in wanted:
        print(f"{job[0]}, read only", file=sys.stderr, flush=True)
        read = [sys.executable, os.path.abspath(__file__), "--read"]
        ours = read + ["FISHNET:" + inputs[job[1]], "CALC=" + job[2]]
        result = measure({OURS_1: ours + ["NUM_WORKERS=1"], OURS: ours + [f"NUM_WORKERS={CPUS}"],
                          COPY_1: read + [inputs[job[1]]], COPY: read + [inputs[job[1]], "NUM_THREADS=ALL_CPUS"]}, repeats)
        one, both = result[OURS_1], result[OURS]
        for name, r in result.items():
            rows.append([job[0], name.replace("copy", "plain read"), f"{r.wall:.2f}", f"{r.cpu:.2f}", f"{r.memory:.0f}",
                         (verdict(one.wall / both.wall, 0.9 * CPUS, False) if name == OURS else "")])
    lines += ["## Read only", "", "A Python program that reads every tile and drops it: no writer in the way.", "",
              table(["expression", "reader, threads", "wall s", "CPU s", "memory MB", "1 -> all workers"], rows), ""]
    text = "\n".join(lines)
    print(text)
    with open(os.path.join(WORK, "results.md"), "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
