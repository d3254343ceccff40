"""The operations of focal.py, their data, and the commands that do them: ours, and those of the peers."""
import os
import subprocess
import sys

from run import CPUS, Run
from zonal_programs import HERE, Bench, Program, quiet

COPY_1, COPY, OURS_1, OURS = "copy, 1", "copy, all", "FISHNET, 1", "FISHNET, all"
GDAL, SCIPY, GRASS = "GDAL", "scipy, all", "GRASS, all"
PEERS = (GDAL, SCIPY, GRASS)
COMPARED = 4000  # rows and columns in the middle, where results are compared
CREATE = ["TILED=YES", "BIGTIFF=IF_SAFER"]

# What each program calls a step: {x} is what it works on, {n} the size of the window, {r} its radius.
OUR_STEPS = {
    "mean": "focal_mean({x}, {n})", "min": "focal_min({x}, {n})", "max": "focal_max({x}, {n})",
    "median": "focal_median({x}, {n})", "percentile": "focal_percentile({x}, 90, {n})", "std": "focal_std({x}, {n})",
    "circle": "focal_mean({x}, circle({r}))", "slope": "slope({x})", "hillshade": "hillshade({x})",
}
NEIGHBORS = "neighbors --kernel equal --ot Float32 --size {n} --method "
GDAL_STEPS = {name: NEIGHBORS + name for name in ("mean", "min", "max", "median")}
GDAL_STEPS.update({"std": NEIGHBORS + "stddev", "slope": "slope", "hillshade": "hillshade"})
GRASS_WORDS = f" --overwrite --quiet nprocs={CPUS} "
GRASS_NEIGHBORS = "r.neighbors" + GRASS_WORDS + "input={x} output={out} size={n} method="
GRASS_STEPS = {name: GRASS_NEIGHBORS + method for name, method in {
    "mean": "average", "min": "minimum", "max": "maximum", "median": "median", "std": "stddev",
    "percentile": "quantile quantile=0.9", "circle": "average -c"}.items()}
GRASS_STEPS["slope"] = "r.slope.aspect" + GRASS_WORDS + "elevation={x} slope={out}"


class Operation:
    """Steps (method, size), one upon the other, and what is to be reached: at most so many times a copy, so many times
    faster than each peer. `sides`: what part of the raster a slow peer gets. `close`: how far it may be from us."""

    def __init__(self, name, steps, copy, targets=(), sides=(), close=1e-3):
        self.name, self.steps, self.copy, self.close = name, steps, copy, close
        self.targets, self.sides = dict(zip(PEERS, targets)), dict(zip(PEERS, sides))
        self.radius = sum(size // 2 for _, size in steps)

    def ours(self, steps=None):
        text = "A"
        for method, size in steps or self.steps:
            text = OUR_STEPS[method].format(x=text, n=size, r=size // 2)
        return text

    def parts(self):
        """Each step alone, if there are several: name -> expression."""
        if len(self.steps) < 2:
            return {}
        return {f"FISHNET, {method} {size}x{size} alone": self.ours([(method, size)]) for method, size in self.steps}


# GDAL and numpy compute terrain in Float32: slopes of nearly nothing differ most. GDAL's hillshade is in whole numbers.
OPERATIONS = [
    Operation("mean 3x3", [("mean", 3)], 1.2, (4.5, 2.5, 7)),
    Operation("mean 11x11", [("mean", 11)], 1.4, (20, 2.5, 14), (10000, None, 10000)),
    Operation("mean 99x99", [("mean", 99)], 1.6, (500, 2, 100), (1000, None, 1000)),
    Operation("min 11x11", [("min", 11)], 1.3, (20, 2.5, 14), (10000, None, 10000)),
    Operation("max 11x11", [("max", 11)], 1.3, (20, 2.5, 14), (10000, None, 10000)),
    Operation("median 5x5", [("median", 5)], 1.6, (18, 9, 24), (10000, None, 10000)),
    Operation("median 31x31", [("median", 31)], 6, (100, 20, 50), (1000, 1000, 1000)),
    Operation("percentile 90, 31x31", [("percentile", 31)], 6, (100, 20, 50), (None, 1000, 1000)),
    Operation("std 11x11", [("std", 11)], 1.6, (15, 3, 10), (10000, None, 10000)),
    Operation("slope", [("slope", 3)], 1.2, (3.4, 2.2, 3.2), close=5e-3),
    Operation("hillshade", [("hillshade", 3)], 1.2, (3, 2), close=0.51),
    Operation("circle(10) mean", [("circle", 21)], 2, (None, 20, 10), (None, 4000, 4000)),
    Operation("two nested windows", [("mean", 3), ("mean", 11)], None, (), (4000, None, 10000)),
]


class FocalBench(Bench):
    def __init__(self, side, folder, peers):
        super().__init__(side, folder, None, peers)
        self.python = [*self.peers, "python3"] if self.peers else [sys.executable]
        self.has_gdal = self.has_scipy = self.has_grass = False
        self.missing = []

    def find_peers(self):
        self.has_gdal = self.find("gdal raster neighbors", "gdal", "raster", "neighbors", "--help")
        self.has_scipy = self.find("scipy", *self.python[-1:], "-c", "import scipy.ndimage, osgeo.gdal")
        self.has_grass = self.find("GRASS", "grass", "--version")

    def out(self, name):
        return super().out(name)[:-3] + "tif"

    def side_of(self, operation, name):
        return min(self.side, operation.sides.get(name) or self.side)

    def middle(self, side):
        """The DEM, or that many rows and columns in its middle, stored alike."""
        whole = self.data("dem")
        if side == self.side:
            return whole
        path = whole[:-4] + f"_middle_{side}.tif"
        if not os.path.exists(path):
            print(f"Making {path} (once)", file=sys.stderr, flush=True)
            first, part = str((self.side - side) // 2), path[:-4] + ".part.tif"
            create = [*CREATE, "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", "PREDICTOR=3"]
            Run(["gdal_translate", "-q", "-srcwin", first, first, str(side), str(side), whole, part,
                 *[word for option in create for word in ("-co", option)]], env=quiet())
            os.rename(part, path)
        return path

    def programs_of(self, operation):
        """name -> Program"""
        programs = {COPY_1: self.ours(COPY_1, 1), COPY: self.ours(COPY, CPUS),
                    OURS_1: self.ours(OURS_1, 1, operation.ours()), OURS: self.ours(OURS, CPUS, operation.ours())}
        for name, expression in operation.parts().items():
            programs[name] = self.ours(name, CPUS, expression)
        makers = {GDAL: (self.has_gdal, GDAL_STEPS, self.gdal), SCIPY: (self.has_scipy, OUR_STEPS, self.scipy),
                  GRASS: (self.has_grass, GRASS_STEPS, self.grass)}
        for name, (found, steps, make) in makers.items():
            if found and all(method in steps for method, _ in operation.steps):
                programs[name] = make(operation.steps, self.side_of(operation, name))
        return programs

    def ours(self, name, workers, expression=None):
        """Without an expression: the copy."""
        out, words = self.out(name), ["-oo", f"NUM_WORKERS={workers}"]
        words += ["-oo", "CALC=" + expression] if expression else []
        words += [word for option in CREATE for word in ("-co", option)]
        return Program(["gdal_translate", "-q", "FISHNET:" + self.data("dem"), out, *words], out)

    def gdal(self, steps, side):
        out, words = self.out(GDAL), ["read", self.middle(side)]
        for method, size in steps:
            words += ["!", *GDAL_STEPS[method].format(n=size).split()]
        words += ["!", "write", *[word for option in CREATE for word in ("--co", option)], out]
        return Program([*self.peers, "gdal", "raster", "pipeline", "-q", *words], out)

    def scipy(self, steps, side):
        """The program as text: another system need not see this folder."""
        out = self.out(SCIPY)
        with open(os.path.join(HERE, "focal_peers.py"), encoding="utf-8") as file:
            text = file.read()
        words = [str(word) for step in steps for word in step]
        return Program([*self.python, "-c", text, "scipy", self.middle(side), out, str(CPUS), *words], out)

    def grass(self, steps, side):
        """In a session of its own, on a raster in its format; what is compared with ours is taken out later."""
        commands, x = [], f"dem_{side}"
        self.import_to_grass(side)
        for place, (method, size) in enumerate(steps, 1):
            out = "result" if place == len(steps) else f"step_{place}"
            commands.append(GRASS_STEPS[method].format(x=x, out=out, n=size))
            x = out
        return Program(self.session(side, " && ".join(commands)))

    def session(self, side, commands):
        return [*self.peers, "grass", os.path.join(self.folder, "grass_focal/PERMANENT"), "--exec", "env",
                f"WIND_OVERRIDE=dem_{side}", "sh", "-c", commands]

    def import_to_grass(self, side):
        """The part of the DEM, and a region of that name."""
        place, path, name = os.path.join(self.folder, "grass_focal"), self.middle(side), f"dem_{side}"
        if not os.path.isdir(place):
            Run([*self.peers, "grass", "-c", path, place, "-e"], env=quiet())
        if not os.path.exists(os.path.join(place, "PERMANENT", "windows", name)):
            print(f"Making {name} in {place} (once)", file=sys.stderr, flush=True)
            command = f"r.in.gdal --quiet --overwrite input={path} output={name} && g.region raster={name} save={name}"
            Run([*self.peers, "grass", place + "/PERMANENT", "--exec", "sh", "-c", command], env=quiet())

    def result_of(self, name, program, operation):
        """The file with what a program computed."""
        if name != GRASS:
            return program.out
        out, side = self.out(GRASS), min(self.side_of(operation, GRASS), COMPARED)
        self.import_to_grass(side)
        command = f"r.out.gdal -f --quiet --overwrite input=result output={out} type=Float32"
        Run(self.session(side, command), env=quiet())
        return out

    def agreement(self, ours, theirs, operation):
        """Whether a result is ours, where the windows are whole: the largest difference."""
        command = [sys.executable, os.path.join(HERE, "focal_peers.py"), "agree", ours, theirs, self.data("dem"),
                   str(operation.radius), str(COMPARED)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return "NO: " + done.stderr.strip().splitlines()[-1]
        cells, most, mean = done.stdout.split()
        good = int(cells) > 0 and float(most) <= operation.close
        return f"{'yes' if good else 'NO'}: {float(most):.1e}, mean {float(mean):.0e}"
