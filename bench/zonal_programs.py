"""The workloads of zonal.py, their data, and the commands that do them: ours, those of the peers, and the limit."""
import os
import shlex
import subprocess
import sys

from run import CPUS, Run

HERE = os.path.dirname(os.path.abspath(__file__))
STATS = ["count", "min", "max", "mean", "sum", "stdev"]
OUR_STATS = "COUNT,MIN,MAX,MEAN,SUM,STD"
DECODE_1, DECODE, OURS_1, OURS = "decode only, 1", "decode only, all", "ZONALSTATS, 1", "ZONALSTATS, all"
PLAIN = "ZONALSTATS without percentiles, all"
GDAL_FEATURE, GDAL_RASTER, GDAL_ZONES = "GDAL, by feature", "GDAL, by raster", "GDAL"
EXACT_FEATURE, EXACT_RASTER = "exactextract, by feature", "exactextract, by raster"
EXACT = "exactextract, parallel, all"
R, GRASS, QGIS, NUMPY = "exactextractr", "GRASS r.univar, all", "QGIS", "numpy bincount, all"
GDALS, EXACTS = (GDAL_FEATURE, GDAL_RASTER, GDAL_ZONES), (EXACT_FEATURE, EXACT_RASTER, EXACT)
R_SCRIPT = """
library(exactextractr)
words <- commandArgs(TRUE)
zones <- sf::st_read(words[2], quiet = TRUE)
stats <- c("count", "min", "max", "mean", "sum", "stdev")
found <- exact_extract(terra::rast(words[1]), zones, stats, append_cols = "zone", progress = FALSE)
write.csv(format(found, digits = 17), words[3], row.names = FALSE, quote = FALSE)
"""


class Job:
    """A workload, and what is to be reached: at most so many times decoding, so many times faster than each peer."""

    def __init__(self, name, zones, pixels, decode=None, gdal=None, exact=None, more=(), percentiles=False,
                 values="dem"):
        self.name, self.zones, self.pixels, self.values, self.percentiles = name, zones, pixels, values, percentiles
        self.decode, self.gdal, self.exact, self.more = decode, gdal, exact, dict(more)
        self.bands = 4 if values == "bands" else 1


JOBS = [
    Job("1,024 polygons, centre", "polygons", "CENTER", 1.3, 3, more={QGIS: 20}),
    Job("1,024 polygons, fraction", "polygons", "FRACTION", 1.5, 6, 3, more={R: 10}),
    Job("100,172 parcels, centre", "parcels", "CENTER", 1.8, 4),
    Job("100,172 parcels, fraction", "parcels", "FRACTION", 2.0, 6, 3),
    Job("200 of 32,768 vertices, centre", "huge", "CENTER", 1.7, 12),
    Job("200 of 32,768 vertices, fraction", "huge", "FRACTION", 2.0, 6, 3),
    Job("zone raster, 1,024 zones", "zones", "RASTER", 1.4, 4, more={GRASS: 1.2, NUMPY: None}),
    Job("1,024 polygons, centre, MEDIAN and PCT90", "polygons", "CENTER", percentiles=True),
    Job("1,024 polygons, centre, 4 bands", "polygons", "CENTER", 1.1, 4, values="bands"),
    Job("1,024 polygons, fraction, 4 bands", "polygons", "FRACTION", exact=4, values="bands"),
]


class Program:
    """A command and the file that it writes. `names`: its columns of zone, count and mean, if it must agree."""

    def __init__(self, command, out=None, names=None):
        self.command, self.out, self.names = command, out, names


def quiet():
    """The environment of all programs: threads as they are told, no window."""
    kept = {key: value for key, value in os.environ.items() if key not in ("GDAL_NUM_THREADS", "CPL_DEBUG")}
    return {**kept, "GDAL_PAM_ENABLED": "NO", "QT_QPA_PLATFORM": "offscreen"}


def options(*words):
    return [part for word in words for part in ("-oo", word)]


class Bench:
    def __init__(self, side, folder, programs, peers):
        self.side, self.folder, self.programs, self.peers = side, folder, programs, shlex.split(peers)
        os.makedirs(folder, exist_ok=True)

    def find_peers(self):
        self.missing = []
        self.has_gdal = self.find("gdal raster zonal-stats", "gdal", "raster", "zonal-stats", "--help")
        self.has_exactextract = self.find("exactextract", "exactextract", "--help")
        packages = "for (name in c('exactextractr', 'sf', 'terra')) find.package(name)"
        self.has_r = self.find("exactextractr", "Rscript", "-e", packages)
        self.has_grass = self.find("GRASS", "grass", "--version")
        self.has_qgis = self.find("QGIS", "qgis_process", "--version")

    def find(self, name, *command):
        try:
            done = subprocess.run([*self.peers, *command], capture_output=True, env=quiet())
            found = done.returncode == 0
        except FileNotFoundError:
            found = False
        if not found:
            self.missing.append(f"{name}: not installed")
            print(self.missing[-1], file=sys.stderr, flush=True)
        return found

    def gdal_version(self):
        """Of the peer."""
        if not self.has_gdal:
            return ""
        done = subprocess.run([*self.peers, "gdal", "--version"], capture_output=True, text=True, check=True)
        return "the peer is " + done.stdout.split(",")[0]

    def data(self, kind, count=0):
        """Its file, made when there is none, and read once."""
        sized = f"{kind}_{self.side}.tif" if kind in ("dem", "bands", "zones") else None
        path = os.path.join(self.folder, sized or (f"squares_{count}.gpkg" if count else f"{kind}.gpkg"))
        if kind == "zones":
            self.data("polygons")
        if not os.path.exists(path):
            print(f"Making {path} (once)", file=sys.stderr, flush=True)
            maker = os.path.join(HERE, "zonal_data.py")
            subprocess.run([sys.executable, maker, path, kind, str(self.side), str(count)], check=True)
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass
        return path

    def out(self, name):
        return os.path.join(self.folder, "out_" + "".join(c if c.isalnum() else "_" for c in name) + ".csv")

    def decode(self, threads, *paths):
        return Program([os.path.join(self.programs, "bench_decode"), str(threads), *paths])

    def numpy(self, *words, out=None, names=None):
        return Program([sys.executable, os.path.join(HERE, "zonal_peers.py"), *words], out, names)

    def programs_of(self, job):
        """name -> Program"""
        values, zones = self.data(job.values), self.data(job.zones)
        raster = job.zones == "zones"
        inputs = (values, zones) if raster else (values,)
        stats = OUR_STATS + (",MEDIAN,PCT90" if job.percentiles else "")
        programs = {DECODE_1: self.decode(1, *inputs), DECODE: self.decode(CPUS, *inputs),
                    OURS_1: self.ours(OURS_1, values, zones, 1, stats, job),
                    OURS: self.ours(OURS, values, zones, CPUS, stats, job)}
        if job.percentiles:
            programs[PLAIN] = self.ours(PLAIN, values, zones, CPUS, OUR_STATS, job)
            return programs  # the peers have other percentiles, or none
        if self.has_gdal:
            for name in (GDAL_ZONES,) if raster else (GDAL_FEATURE, GDAL_RASTER):
                programs[name] = self.gdal(name, values, zones, job)
        if self.has_exactextract and job.pixels == "FRACTION":
            for name in EXACTS:
                programs[name] = self.exactextract(name, values, zones, job)
        if self.has_r and R in job.more:
            programs[R] = self.exactextractr(values, zones)
        if self.has_qgis and QGIS in job.more:
            programs[QGIS] = self.qgis(values, zones)
        if self.has_grass and GRASS in job.more:
            programs[GRASS] = self.grass(values, zones)
        if NUMPY in job.more:
            out = self.out(NUMPY)
            names = ("value", "count", "mean")
            programs[NUMPY] = self.numpy("numpy", values, zones, out, str(CPUS), out=out, names=names)
        return programs

    def programs_of_squares(self, count, decode, arrow, to_csv):
        """The names are the caller's."""
        values, name, out = self.data("dem"), "ZONALSTATS:" + self.data("squares", count), self.out(to_csv)
        words = [f"RASTER={values}", f"STATS={OUR_STATS}", f"NUM_WORKERS={CPUS}"]
        return {decode: self.decode(CPUS, values), arrow: self.numpy("read", name, *words),
                to_csv: Program(["ogr2ogr", "-q", "-f", "CSV", out, name, *options(*words)], out)}

    def why_not(self, job):
        """What the driver says to a zone raster, if it takes none."""
        if job.zones != "zones":
            return None
        command = ["ogrinfo", "-so", "-q", "ZONALSTATS:" + self.data("zones"), *options("RASTER=" + self.data("dem"))]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.splitlines()[0] if done.returncode else None

    def ours(self, name, values, zones, workers, stats, job):
        out, words = self.out(name), [f"RASTER={values}", f"STATS={stats}", f"NUM_WORKERS={workers}"]
        if job.zones != "zones":
            words += [f"PIXELS={job.pixels}", "FIELDS=zone"]
        return Program(["ogr2ogr", "-q", "-f", "CSV", out, "ZONALSTATS:" + zones, *options(*words)], out)

    def gdal(self, name, values, zones, job):
        out, tail = self.out(name), "_band_{}" if job.bands > 1 else ""
        words = [word for band in range(1, job.bands + 1) for word in ("--band", str(band))]
        words += [word for stat in STATS for word in ("--stat", stat)]
        if job.zones != "zones":
            words += ["--pixels", "default" if job.pixels == "CENTER" else "fractional", "--include-field", "zone",
                      "--strategy", "feature" if name == GDAL_FEATURE else "raster"]
        start = [*self.peers, "gdal", "raster", "zonal-stats", "-q", "-f", "CSV", "--zones", zones]
        names = ("value" if job.zones == "zones" else "zone", "count" + tail, "mean" + tail)
        return Program([*start, *words, values, out], out, names)

    def exactextract(self, name, values, zones, job):
        """Its parallel kind has no deviation."""
        out, head = self.out(name), "band_{}_" if job.bands > 1 else ""
        words = {EXACT_FEATURE: ["feature-sequential"], EXACT_RASTER: ["raster-sequential"],
                 EXACT: ["raster-parallel", "--threads", str(CPUS)]}[name]
        words += [word for stat in STATS if name != EXACT or stat != "stdev" for word in ("-s", stat)]
        start = [*self.peers, "exactextract", "-r", values, "-p", zones, "-f", "zone", "-o", out, "--strategy"]
        return Program([*start, *words], out, ("zone", head + "count", head + "mean"))

    def exactextractr(self, values, zones):
        out = self.out(R)
        return Program([*self.peers, "Rscript", "-e", R_SCRIPT, values, zones, out], out, ("zone", "count", "mean"))

    def qgis(self, values, zones):
        """Statistics by their numbers: count, sum, mean, deviation, least, greatest."""
        out = self.out(QGIS)
        return Program([*self.peers, "qgis_process", "run", "native:zonalstatisticsfb", "--INPUT=" + zones,
                        "--INPUT_RASTER=" + values, "--STATISTICS=0,1,2,4,5,6", "--OUTPUT=" + out],
                       out, ("zone", "_count", "_mean"))

    def grass(self, values, zones):
        """In a session of its own; both rasters are in its format already."""
        place, out = os.path.join(self.folder, f"grass_{self.side}"), self.out(GRASS)

        def session(where, *command):
            return [*self.peers, "grass", where + "/PERMANENT", "--exec", *command]

        if not os.path.isdir(place):
            print(f"Making {place} (once)", file=sys.stderr, flush=True)
            part = place + ".part"
            Run([*self.peers, "grass", "-c", values, part, "-e"])
            for name, path in (("dem", values), ("zones", zones)):
                Run(session(part, "r.in.gdal", "--quiet", "input=" + path, "output=" + name))
            Run(session(part, "g.region", "raster=dem"))
            os.rename(part, place)
        return Program(session(place, "r.univar", "-t", "--quiet", "map=dem", "zones=zones", f"nprocs={CPUS}",
                               "separator=comma", "output=" + out), out, ("zone", "non_null_cells", "mean"))
