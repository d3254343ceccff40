"""The jobs of stacks.py, their data, and the commands that do them: ours, those of the peers, and the limit."""
import os
import subprocess
import sys

from run import CPUS, DATA
from zonal_programs import DECODE, DECODE_1, HERE, Bench, Program

OURS_1, OURS = "FISHNET, 1", "FISHNET, all"
NUMPY, NUMPY_PART, XARRAY, GDAL = "numpy, all", "numpy, a part", "xarray and Dask, all", "GDAL"
PEERS = (NUMPY, NUMPY_PART, XARRAY, GDAL)
CREATE = ["TILED=YES", "BIGTIFF=IF_SAFER"]
CLOSE = 1e-6  # the peers compute in Float32, GDAL with a running mean


class Job:
    """Scenes of a kind, what is computed of them, and what is to be reached: at most so many times decoding, so much memory (MB), so many
    times faster than each peer. `method` is numpy's, `builtin` GDAL's."""

    def __init__(self, name, kind, count, calc, method, decode, memory, targets, builtin=None, xarray=False):
        self.name, self.kind, self.count, self.calc, self.method = name, kind, count, calc, method
        self.decode, self.memory, self.targets, self.builtin, self.xarray = decode, memory, targets, builtin, xarray
        self.is_slow = method == "nanpercentile"  # numpy gets a part


BEST = "nanargmax((S[2]-S[1])/(S[2]+S[1]))"
JOBS = [
    Job("median of 30", "scene", 30, "nanmedian(S)", "nanmedian", 1.25, 512, {NUMPY: 6, GDAL: 3}, "median", True),
    Job("90th percentile of 30", "scene", 30, "nanpercentile(S, 90)", "nanpercentile", None, 512, {NUMPY_PART: 100}, "quantile(q=0.9)"),
    Job("median of 30, Float32", "float", 30, "nanmedian(S)", "nanmedian", 1.5, 512, {NUMPY: 6, GDAL: 3}, "median"),
    Job("best pixel of 20 by NDVI, 3 bands", "bands", 20, ";".join(f"pick(S[{band}], {BEST})" for band in (1, 2, 3)), "best", 1.25, 512, {}),
    Job("mean of 100", "scene", 100, "nanmean(S)", "nanmean", 1.15, 256, {}, "mean", True),
]


class StackBench(Bench):
    def __init__(self, side, folder, programs, peers):
        super().__init__(side, folder, programs, peers)
        self.has_gdal = self.has_numpy = self.has_xarray = False
        self.missing = []

    def find_peers(self):
        """numpy and xarray are those of this system: they need its binding of GDAL."""
        self.has_numpy = True
        self.has_gdal = self.find("gdal raster calc", "gdal", "raster", "calc", "--help")
        self.has_xarray = subprocess.run([sys.executable, "-c", "import dask.array, xarray"], capture_output=True).returncode == 0
        if not self.has_xarray:
            self.missing.append("xarray and Dask: not installed")

    def scenes(self, job):
        """A file with their names; they are made when there are none, and read once."""
        maker = [sys.executable, os.path.join(HERE, "stacks_data.py"), self.folder, str(self.side), job.kind, str(job.count)]
        subprocess.run([*maker, os.path.join(DATA, "landsat.tif")], check=True)
        paths = [os.path.join(self.folder, f"{job.kind}_{self.side}_{index:03d}.tif") for index in range(1, job.count + 1)]
        for path in paths:
            with open(path, "rb") as file:
                while file.read(1 << 24):
                    pass
        name = os.path.join(self.folder, f"{job.kind}_{self.side}_{job.count}.txt")
        with open(name, "w", encoding="utf-8") as file:
            file.write("".join(path + "\n" for path in paths))
        return name, paths

    def out(self, name):
        return super().out(name)[:-3] + "tif"

    def programs_of(self, job):
        """name -> Program"""
        names, paths = self.scenes(job)
        programs = {DECODE_1: self.decode(1, *paths), DECODE: self.decode(CPUS, *paths),
                    OURS_1: self.ours(OURS_1, names, 1, job), OURS: self.ours(OURS, names, CPUS, job)}
        if self.has_numpy:
            name, side = (NUMPY_PART, self.part()) if job.is_slow else (NUMPY, 0)
            programs[name] = self.python("numpy", name, names, side, job)
        if self.has_xarray and job.xarray:
            programs[XARRAY] = self.python("xarray", XARRAY, names, 0, job)
        if self.has_gdal and job.builtin:
            programs[GDAL] = self.gdal(paths, job)
        return programs

    def part(self):
        """Rows and columns for what is too slow for the whole; its time counts as many times as the whole has cells of it."""
        return min(512, self.side // 4)

    def scale(self, name):
        return (self.side / self.part()) ** 2 if name == NUMPY_PART else 1

    def ours(self, name, names, workers, job):
        out, words = self.out(name), [f"INPUT=S=@{names}", "CALC=" + job.calc, "OT=Float32", f"NUM_WORKERS={workers}"]
        create = [word for option in CREATE for word in ("-co", option)]
        return Program(["gdal_translate", "-q", "FISHNET:", out, *[part for word in words for part in ("-oo", word)], *create], out)

    def python(self, task, name, names, side, job):
        out = self.out(name)
        command = [sys.executable, os.path.join(HERE, "stacks_peers.py"), task, job.method, names, out, str(CPUS), str(side)]
        return Program(command, out)

    def gdal(self, paths, job):
        """Without names: those would sort them."""
        out, words = self.out(GDAL), [word for path in paths for word in ("-i", path)]
        words += ["--dialect", "builtin", "--calc", job.builtin, "--ot", "Float32", "--overwrite"]
        words += [word for option in CREATE for word in ("--co", option)]
        return Program([*self.peers, "gdal", "raster", "calc", "-q", *words, out], out)

    def agreement(self, ours, theirs):
        """Whether a result is ours: the largest relative difference."""
        command = [sys.executable, os.path.join(HERE, "stacks_peers.py"), "agree", ours, theirs]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return "NO: " + done.stderr.strip().splitlines()[-1]
        cells, apart, most = done.stdout.split()
        good = int(cells) > 0 and int(apart) == 0 and float(most) <= CLOSE
        return f"{'yes' if good else 'NO'}: {float(most):.0e}" + (f", {apart} cells have values in one only" if apart != "0" else "")
