#!/usr/bin/env python3
"""Worker processes where threads cannot help: compressed netCDF-4 (a lock for the whole library) and a VRT with a Python pixel
function (the interpreter's lock). Called by `./run bench`. Runs are interleaved; medians. See run.py.

    python3 bench/processes.py [--quick]
"""
import argparse
import hashlib
import os
import statistics
import subprocess
import sys

from run import CPUS, DATA, ROOT, WORK, Run, make, setting, table, verdict

# The median of every row of 31 pixels around each pixel would be numpy's own loop; a function for each row is Python's.
PIXEL_FUNCTION = '''<VRTDataset rasterXSize="{width}" rasterYSize="{height}">
  <GeoTransform>{geotransform}</GeoTransform>
  <VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand" blockXSize="256" blockYSize="256">
    <NoDataValue>-9999</NoDataValue>
    <PixelFunctionType>roughness</PixelFunctionType>
    <PixelFunctionLanguage>Python</PixelFunctionLanguage>
    <PixelFunctionCode><![CDATA[
import numpy as np
def roughness(in_ar, out_ar, xoff, yoff, xsize, ysize, raster_xsize, raster_ysize, buf_radius, gt, **kwargs):
    a = in_ar[0]
    for y in range(a.shape[0]):
        for x in range(0, a.shape[1], 8):
            piece = a[y, x:x + 8]
            out_ar[y, x:x + 8] = piece.max() - piece.min()
]]></PixelFunctionCode>
    <SimpleSource><SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
  </VRTRasterBand>
</VRTDataset>
'''


def make_netcdf(side):
    dem = make(os.path.join(WORK, f"nc_{side}.tif"),
               ["gdalwarp", "-q", "-overwrite", "-t_srs", "EPSG:32613", "-ts", str(side), str(side), "-r", "cubicspline",
                "-dstnodata", "-9999", "-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-wm", "512", "-co", "TILED=YES",
                os.path.join(DATA, "dem.tif"), "{out}"])
    path = os.path.join(WORK, f"dem_{side}.nc")
    if not os.path.exists(path):
        print(f"Making {os.path.relpath(path, ROOT)} (once)", file=sys.stderr, flush=True)
        subprocess.run(["gdal_translate", "-q", "-of", "netCDF", "-co", "FORMAT=NC4", "-co", "COMPRESS=DEFLATE", "-co", "ZLEVEL=6",
                        dem, path + ".part.nc"], check=True)
        os.rename(path + ".part.nc", path)
    return path


def make_pixel_function(side):
    from osgeo import gdal

    source = make(os.path.join(WORK, f"python_{side}.tif"),
                  ["gdalwarp", "-q", "-overwrite", "-t_srs", "EPSG:32613", "-ts", str(side), str(side), "-r", "cubicspline",
                   "-dstnodata", "-9999", "-co", "TILED=YES", os.path.join(DATA, "dem.tif"), "{out}"])
    dataset = gdal.Open(source)
    path = os.path.join(WORK, f"python_{side}.vrt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(PIXEL_FUNCTION.format(width=side, height=side, source=source,
                                         geotransform=",".join(map(repr, dataset.GetGeoTransform()))))
    return path


ENABLE = ["--config", "GDAL_VRT_ENABLE_PYTHON", "YES"]
KINDS = {"threads, 1": ["NUM_WORKERS=1"], "threads, all": ["NUM_WORKERS=ALL_CPUS"],
         "processes, 1": ["WORKERS=PROCESSES", "NUM_WORKERS=1"], "processes, all": ["WORKERS=PROCESSES", "NUM_WORKERS=ALL_CPUS"]}


def read(path, options):
    """Seconds from opening to the last pixel, for a reader that drops them: the start of worker processes is in it, that of Python is not."""
    code = ("import sys, time; sys.path.insert(0, sys.argv[1]); from osgeo import gdal; import run; "
            "gdal.SetConfigOption('GDAL_VRT_ENABLE_PYTHON', 'YES'); start = time.perf_counter(); "
            "run.read_all(sys.argv[2], sys.argv[3:]); print(time.perf_counter() - start)")
    folder = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run([sys.executable, "-c", code, folder, path, *options], check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def translate(path, options, out):
    words = [word for option in options for word in ("-oo", option)]
    return Run(["gdal_translate", "-q", path, out, *words, "-co", "TILED=YES", "-co", "BIGTIFF=IF_SAFER", *ENABLE]).wall


def measure(path, calc, repeats, out):
    """Medians: kind -> (reading, to a GeoTIFF). All kinds of workers must write the same file."""
    seconds = {"GDAL": ([], []), **{kind: ([], []) for kind in KINDS}}
    expected = None
    for repeat in range(repeats):
        for kind, (reading, writing) in seconds.items():
            print(f"  {repeat + 1}/{repeats} {kind}", file=sys.stderr, flush=True)
            name = path if kind == "GDAL" else "FISHNET:" + path
            options = [] if kind == "GDAL" else calc + KINDS[kind]
            reading.append(read(name, options))
            os.sync()
            writing.append(translate(name, options, out))
            if kind != "GDAL" and repeat == 0:
                with open(out, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").digest()
                if expected not in (None, content):
                    sys.exit(f"{kind}: another file than with one thread")
                expected = content
            os.unlink(out)
    return {kind: tuple(map(statistics.median, both)) for kind, both in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    os.makedirs(WORK, exist_ok=True)
    jobs = [("netCDF-4, DEFLATE, sqrt(A)", make_netcdf(2000 if quick else 20000), ["CALC=sqrt(A)"]),
            ("Python pixel function", make_pixel_function(700 if quick else 6000), [])]
    gdal, commit, cpu = setting()
    repeats = 1 if quick else 3
    lines = ["# Worker processes" + (" (--quick: small rasters, figures mean little)" if quick else ""), "",
             f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. Seconds of wall time, medians of {repeats}. GDAL: the same input without "
             "FISHNET (of the netCDF without computing). Reading: a reader that drops the pixels; GeoTIFF: gdal_translate, uncompressed, "
             "whose writing takes CPU time too, beside the workers.", ""]
    rows = []
    for name, path, calc in jobs:
        m = measure(path, calc, repeats, os.path.join(WORK, "processes_out.tif"))
        for i, what in enumerate(("reading", "GeoTIFF")):
            one = m["threads, 1"][i]
            faster = one / m["processes, all"][i]
            rows.append([name, what, *(f"{both[i]:.2f}" for both in m.values()), f"{one / m['threads, all'][i]:.2f}",
                         f"{faster:.2f}" if i else verdict(faster, 1.8, False), f"{m['GDAL'][i] / m['processes, all'][i]:.2f}"])
    lines += [table(["job", "", "GDAL", *KINDS, "times faster: threads", "processes, all / one thread", "processes / GDAL"], rows), ""]
    text = "\n".join(lines)
    print(text)
    with open(os.path.join(WORK, "processes.md"), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
