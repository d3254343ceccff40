#!/usr/bin/env python3
"""Worker processes where threads cannot help: compressed netCDF-4 (a lock for the whole library) and a VRT with a Python pixel
function (the interpreter's lock). Called by `./run bench`. Runs are interleaved; medians. See run.py.

    python3 bench/processes.py [--quick]
"""
import argparse
import os
import subprocess
import sys

from run import CPUS, DATA, ROOT, WORK, Median, Run, make, setting, table, verdict

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


def commands_of(path, options, out):
    common = ["-co", "TILED=YES", "-co", "BIGTIFF=IF_SAFER", "--config", "GDAL_VRT_ENABLE_PYTHON", "YES"]
    ours = ["gdal_translate", "-q", "FISHNET:" + path, out, *options, *common]
    return {"GDAL": ["gdal_translate", "-q", path, out, *common],
            "threads, 1": ours + ["-oo", "NUM_WORKERS=1"],
            "threads, all": ours + ["-oo", "NUM_WORKERS=ALL_CPUS"],
            "processes, 1": ours + ["-oo", "WORKERS=PROCESSES", "-oo", "NUM_WORKERS=1"],
            "processes, all": ours + ["-oo", "WORKERS=PROCESSES", "-oo", "NUM_WORKERS=ALL_CPUS"]}


def measure(commands, repeats, out):
    runs = {name: [] for name in commands}
    expected = None
    for repeat in range(repeats):
        for name, command in commands.items():
            print(f"  {repeat + 1}/{repeats} {name}", file=sys.stderr, flush=True)
            os.sync()
            runs[name].append(Run(command))
            if name != "GDAL" and repeat == 0:
                with open(out, "rb") as file:
                    content = file.read()
                if expected is not None and content != expected:
                    sys.exit(f"{name}: another file than with one thread")
                expected = content
            os.unlink(out)
    return {name: Median(r) for name, r in runs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    os.makedirs(WORK, exist_ok=True)
    jobs = [("netCDF-4, DEFLATE, sqrt(A)", make_netcdf(2000 if quick else 10000), ["-oo", "CALC=sqrt(A)"]),
            ("Python pixel function", make_pixel_function(700 if quick else 4000), [])]
    gdal, commit, cpu = setting()
    lines = ["# Worker processes" + (" (--quick: small rasters, figures mean little)" if quick else ""), "",
             f"{CPUS} CPUs ({cpu}), {gdal}, Fishnet {commit}. Seconds of wall time, medians of 3, to an uncompressed GeoTIFF. "
             "GDAL: gdal_translate of the same input (of the netCDF without computing).", ""]
    rows = []
    for name, path, options in jobs:
        m = measure(commands_of(path, options, os.path.join(WORK, "processes_out.tif")), 1 if quick else 3,
                    os.path.join(WORK, "processes_out.tif"))
        one = m["threads, 1"].wall
        rows.append([name, *(f"{m[kind].wall:.2f}" for kind in m), f"{one / m['threads, all'].wall:.2f}",
                     verdict(one / m["processes, all"].wall, 1.8, False)])
    lines += [table(["job", *m, "threads all / 1: times faster", "processes all / threads 1: times faster"], rows), ""]
    text = "\n".join(lines)
    print(text)
    with open(os.path.join(WORK, "processes.md"), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
