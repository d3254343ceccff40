#!/usr/bin/env python3
"""The core alone, in memory and on one thread, beside numpy and numexpr on the same arrays. Called by `./run bench`.

All three read Float32 arrays of the real DEM, compute in double precision and write a Float32 array that exists already.
 - Fishnet: fn_expr_run, once with NoData (every pixel judged, the driver's default) and once without, which is what the others do
 - numpy: float64 operations on whole arrays, and on blocks of 64 Ki pixels that stay in the cache
 - numexpr: compiled once for float64 arguments, casting block by block, 1 thread
"""
import argparse
import os
import statistics
import subprocess
import time

os.environ.update(NUMEXPR_NUM_THREADS="1", NUMEXPR_MAX_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numexpr  # noqa: E402  the environment comes first
import numpy as np  # noqa: E402
from osgeo import gdal  # noqa: E402

from run import DATA, ROOT, WORK, table, verdict  # noqa: E402

BLOCK = 1 << 16
WHERE = "where(A>1000, log(A)*sin(A/100)+sqrt(A), A*A/1000)"
EXPRESSIONS = ["sqrt(A)", "(A-B)/(A+B)", WHERE, "A*0.3048+100", "exp(A/-3000)", "atan2(A,B)*57.29578"]
NUMPY_NAMES = {"sqrt": np.sqrt, "where": np.where, "log": np.log, "sin": np.sin, "exp": np.exp, "atan2": np.arctan2}


def arrays(n):
    """A: n values of the real DEM, one after the other, repeated; B: the same, some rows away."""
    gdal.UseExceptions()
    dem = gdal.Open(os.path.join(DATA, "dem.tif")).ReadAsArray().ravel()
    dem = dem[dem != -999]
    a = np.resize(dem, n).astype(np.float32)
    return a, np.roll(a, 24010)


def with_numpy(code, a, b, out, block):
    for i in range(0, len(a), block):
        names = {"A": a[i:i + block].astype(np.float64), "B": b[i:i + block].astype(np.float64), **NUMPY_NAMES}
        out[i:i + block] = eval(code, {}, names)


def timed(function, *args):
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small arrays, one run each")
    parser.add_argument("--repeats", type=int, help="runs of each (default 7)")
    args = parser.parse_args()
    repeats = args.repeats or (1 if args.quick else 7)
    n = 1 << (21 if args.quick else 24)
    numexpr.set_num_threads(1)
    np.seterr(all="ignore")
    os.makedirs(WORK, exist_ok=True)
    program = os.path.join(ROOT, "build", "release", "bench_kernel")
    raw = {name: os.path.join(WORK, name + ".raw") for name in ("a", "b", "out")}
    a, b = arrays(n)
    a.tofile(raw["a"])
    b.tofile(raw["b"])
    out = np.zeros(n, np.float32)
    simd, rows = "?", []

    def ours(text, nodata):
        nonlocal simd
        answer = subprocess.run([program, text, raw["a"], raw["b"], raw["out"], nodata], capture_output=True, text=True,
                                check=True)
        seconds, simd = answer.stdout.split()
        return float(seconds)

    for text in EXPRESSIONS:
        used = [(name, array) for name, array in (("A", a), ("B", b)) if name in text]
        code = compile(text, text, "eval")
        compiled = numexpr.NumExpr(text.replace("atan2", "arctan2"), [(name, np.float64) for name, _ in used])
        inputs = [array for _, array in used]
        times = {"nodata": [], "none": [], "numpy": [], "blocks": [], "numexpr": []}
        with_numpy(code, a, b, out, n)  # warms up numpy
        compiled(*inputs, out=out, casting="unsafe", ex_uses_vml=False)
        for _ in range(repeats):
            times["nodata"].append(ours(text, "nodata"))
            times["none"].append(ours(text, "none"))
            times["numexpr"].append(timed(lambda: compiled(*inputs, out=out, casting="unsafe", ex_uses_vml=False)))
            times["blocks"].append(timed(with_numpy, code, a, b, out, BLOCK))
            times["numpy"].append(timed(with_numpy, code, a, b, out, n))
        result = np.fromfile(raw["out"], np.float32)
        if not np.allclose(result, out, rtol=2e-7, atol=0, equal_nan=True):
            raise SystemExit(f"{text}: the results differ")
        t = {name: statistics.median(values) for name, values in times.items()}
        rows.append([f"`{text}`", *(f"{1e9 * t[name] / n:.2f}" for name in ("nodata", "none", "numpy", "blocks", "numexpr")),
                     verdict(t["numpy"] / t["nodata"], 3, False), f"{t['blocks'] / t['nodata']:.2f}",
                     verdict(t["numexpr"] / t["nodata"], 1, False)])
    for path in raw.values():
        os.unlink(path)
    text = "\n".join([
        "## The core alone: in memory, one thread", "",
        f"Nanoseconds per pixel, {n} Float32 pixels in and out, double precision between, medians of {repeats}; instruction set "
        f"{simd}; numpy {np.__version__}, numexpr {numexpr.__version__}. Ratios are those of Fishnet with NoData.", "",
        table(["expression", "Fishnet", "Fishnet, NODATA=none", "numpy", "numpy, blocks", "numexpr", "x faster than numpy",
               "than numpy, blocks", "than numexpr"], rows), ""])
    print(text)
    with open(os.path.join(WORK, "results.md"), "a") as file:
        file.write("\n" + text)


if __name__ == "__main__":
    main()
