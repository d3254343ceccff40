# What ./run demo does, which sources this file. It leaves its results in build/demo.

# Prints a command as one would type it, then runs it; its wall time in milliseconds goes to $took.
show() {
    local word line='$' start
    for word; do
        [[ $word == *[\(\)\*\ \[]* ]] && word="${word%%=*}=\"${word#*=}\""
        line+=" $word"
    done
    echo "$line"
    start=${EPOCHREALTIME//[^0-9]/}
    "$@"
    took=$(((${EPOCHREALTIME//[^0-9]/} - start) / 1000))
}

seconds() { printf '%d.%01d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }
ratio() { printf '%d.%02d' $(($1 / $2)) $(($1 * 100 / $2 % 100)); }

equals_numpy() {
    "$python" demo/equals_numpy.py "$@"
}

# coloured SOURCE [OPTIONS] RESULT: by the colour ramp on stdin.
coloured() {
    cat >build/demo/ramp.txt
    gdaldem color-relief -q "$1" build/demo/ramp.txt "${@:2}"
    rm build/demo/ramp.txt
}

# shaded SOURCE SHADE PNG: coloured, and darkened by the hill shade. FISHNET does the blending.
shaded() {
    local band calc=()
    coloured "$1" build/demo/colour.tif
    for band in 1 2 3; do calc+=(-oo "CALC=A[$band]*(0.3+0.7*B/190)"); done
    gdal_translate -q -of PNG FISHNET:build/demo/colour.tif "$3" -oo B="$2" -oo OT=Byte -oo NODATA=255 "${calc[@]}"
    rm build/demo/colour.tif
}

# Colours of elevations in feet.
heights='4800 92 141 95
5900 140 172 112
7000 190 204 138
8000 226 212 158
9200 196 154 108
10500 156 114 88
11800 180 172 168
13000 255 255 255
nv 255 255 255'

# Colours of slopes in degrees.
steepness='0 255 255 255
10 250 220 150
20 235 150 90
35 170 40 60
60 60 0 40
nv 255 255 255'

near_rows() {
    "$python" demo/near_rows.py "$1"
}

# near_map LINKS.gpkg PNG: link lines, rivers, towns and coast of Europe.
near_map() {
    local d=build/demo/near_map
    rm -rf $d && mkdir $d
    # europe FILE LAYER [OPTIONS]: cut out, and in the equal-area projection
    europe() { ogr2ogr -q -t_srs EPSG:3035 -clipsrc -32 26 70 75 -nln "$2" "${@:3}" "$d/$2.shp" "$1"; }
    # draw COLOUR LAYER [GDAL_RASTERIZE OPTIONS]; broad COLOUR LAYER METRES [WHERE]
    draw() { gdal_rasterize -q -b 1 -b 2 -b 3 $(printf -- '-burn %s ' $1) "${@:3}" $d/"$2".shp $d/map.tif; }
    broad() { draw "$1" "$2" -dialect sqlite -sql "SELECT ST_Buffer(geometry, $3) FROM $2 ${4:-}"; }
    europe build/data/land.shp land
    europe build/data/land.shp coast -nlt MULTILINESTRING
    europe build/data/rivers.shp rivers
    europe build/data/places.shp places -select scalerank
    europe "$1" links
    gdal_create -q -bands 3 -outsize 3200 2400 -a_srs EPSG:3035 -a_ullr 2600000 4200000 5800000 1800000 \
        -burn 197 -burn 216 -burn 230 $d/map.tif
    draw "250 247 240" land
    draw "150 165 175" coast -at
    broad "70 140 205" rivers 1300
    broad "232 93 40" links 1500
    broad "45 40 50" places 4800
    broad "45 40 50" places 8500 "WHERE scalerank < 3"
    gdal_translate -q -of PNG -outsize 50% 50% -r average $d/map.tif "$2"
    rm -r $d
}

near_demo() {
    local d=build/demo table=(NEARTABLE:build/data/places.shp -oo NEAR=build/data/rivers.shp -oo NEAR_FIELDS=name)
    say "Near table: 7,322 towns of the world, each to its nearest river, along geodesics"
    rm -f $d/near*.csv $d/links.gpkg
    echo "One worker:"
    show ogr2ogr $d/near_1.csv "${table[@]}" -oo FIELDS=name,pop_max -oo DISTANCE_UNIT=km -oo LOCATION=YES -oo NUM_WORKERS=1
    near_one=$took
    echo "All CPUs, in tasks of 500 towns:"
    show ogr2ogr $d/near.csv "${table[@]}" -oo FIELDS=name,pop_max -oo DISTANCE_UNIT=km -oo LOCATION=YES -oo PARTITION_SIZE=500
    near_all=$took
    cmp $d/near_1.csv $d/near.csv || die "The two tables differ."
    rm $d/near_1.csv
    echo "Both tables are the same, byte for byte. Some of their rows:"
    near_rows $d/near.csv
    echo "Link lines to look at:"
    show ogr2ogr -f GPKG $d/links.gpkg "${table[@]}" -oo FIELDS=name -oo GEOMETRY=LINE -oo "WHERE=latitude>38 AND longitude<50"
    near_map $d/links.gpkg $d/near.png
    printf '  %s\n' "$PWD/$d/near.png        Europe's towns, and the way to the nearest river" \
        "$PWD/$d/near.csv        the table" "$PWD/$d/links.gpkg      the link lines, for QGIS"
}

# zone_map STATS.gpkg PNG: zones coloured by their mean.
zone_map() {
    gdal_rasterize -q -a MEAN -where "MEAN IS NOT NULL" -ot Float32 -a_nodata -9999 -tr 150 150 "$1" build/demo/means.tif
    coloured build/demo/means.tif -of PNG "$2" <<<"$heights"
    rm build/demo/means.tif
}

zone_demo() {
    local d=build/demo table=(ZONALSTATS:build/demo/hexagons.gpkg -oo RASTER=build/demo/dem.tif)
    say "Zonal statistics: the elevation in each of 1,300 hexagons"
    rm -f $d/extent.* $d/hexagons.gpkg $d/zones*
    gdaltindex $d/extent.shp $d/dem.tif >/dev/null
    ogr2ogr -q $d/hexagons.gpkg $d/extent.shp -nln hexagons -nlt POLYGON -explodecollections -dialect sqlite \
        -sql "SELECT ST_HexagonalGrid(geometry, 2500) FROM extent"
    rm $d/extent.*
    echo "One worker:"
    show ogr2ogr $d/zones_1.csv "${table[@]}" -oo STATS=COUNT,MEAN,MEDIAN,PCT90 -oo NUM_WORKERS=1
    zone_one=$took
    echo "All CPUs:"
    show ogr2ogr $d/zones.csv "${table[@]}" -oo STATS=COUNT,MEAN,MEDIAN,PCT90
    zone_all=$took
    cmp $d/zones_1.csv $d/zones.csv || die "The two tables differ."
    rm $d/zones_1.csv
    echo "Both tables are the same, byte for byte. Some of their rows:"
    "$python" demo/zone_rows.py $d/zones.csv $d/hexagons.gpkg $d/dem.tif
    echo "Zones to look at, with the part of each cell that lies within:"
    show ogr2ogr -f GPKG $d/zones.gpkg "${table[@]}" -oo PIXELS=FRACTION -oo GEOMETRY=ZONE
    zone_map $d/zones.gpkg $d/zones.png
    printf '  %s\n' "$PWD/$d/zones.png       hexagons coloured by the mean of their cells" \
        "$PWD/$d/zones.csv       the table" "$PWD/$d/zones.gpkg      the hexagons with their statistics, for QGIS"
}

# Three pictures of the same quarter: a hill shade, how steep it is, and what lies above its surroundings.
terrain_demo() {
    local d=build/demo
    say "Windows and terrain: functions of the expression"
    show gdal_translate FISHNET:build/data/dem.tif $d/terrain.tif -oo "CALC=hillshade(A, 315, 45, z=0.6096)" \
        -oo "CALC=slope(A, z=0.3048)" -oo "CALC=A - focal_mean(A, annulus(12, 20))"
    gdal_translate -q -b 1 -srcwin 1000 100 800 700 -ot Byte -a_nodata 0 -of PNG $d/terrain.tif $d/hillshade.png
    gdal_translate -q -b 2 -srcwin 1000 100 800 700 $d/terrain.tif $d/terrain_2.tif
    gdal_translate -q -b 3 -srcwin 1000 100 800 700 $d/terrain.tif $d/terrain_3.tif
    coloured $d/terrain_2.tif -of PNG $d/slope.png <<<"$steepness"
    coloured $d/terrain_3.tif -of PNG $d/position.png <<<'-500 40 70 130
-120 120 160 200
0 250 248 240
120 200 120 80
500 110 40 20
nv 255 255 255'
    rm $d/terrain_?.tif
    printf '  %s\n' "$PWD/$d/hillshade.png   hill shade" "$PWD/$d/slope.png       slope" \
        "$PWD/$d/position.png    valleys blue, ridges brown: height above the mean of a ring"
}

# Colours of the months of a year, of temperatures, and of how much these differ in a year.
month_colours='1 60 80 150
2 80 130 190
3 110 180 190
4 120 195 140
5 165 210 110
6 225 220 110
7 245 190 80
8 235 140 60
9 215 90 60
10 175 70 90
11 130 70 130
12 90 70 150
nv 255 255 255'
warmth='0 40 90 170
5 110 170 210
10 190 220 210
15 250 235 170
20 245 170 90
25 205 80 50
30 120 20 40
nv 255 255 255'
ranges='16 255 250 225
18 250 220 150
20 240 165 95
22 205 95 75
24 130 45 75
nv 255 255 255'

# The months of a year as files, resampled to be large.
months() {
    local d=build/demo/months variable month
    [[ ! -d $d ]] || return 0
    mkdir -p $d.part
    for variable in pr tas; do
        for month in 01 02 03 04 05 06 07 08 09 10 11 12; do
            gdal_translate -q -a_srs EPSG:4326 -b $((10#$month)) -outsize 3240 1320 -r bilinear -co TILED=YES -co COMPRESS=DEFLATE \
                -co PREDICTOR=3 NETCDF:build/data/climate.nc:$variable $d.part/${variable}_1999${month}15.tif
        done
    done
    mv $d.part $d
}

# Stacks: the rain and the temperature of twelve months.
stack_demo() {
    local d=build/demo words band
    say "Stacks: the months of 1999 in the south-east of the USA, a file for each (once: resampled from a netCDF)"
    months
    rm -f $d/year*.tif
    words=(-oo "INPUT=rain=$d/months/pr_*.tif" -oo "INPUT=warm=$d/months/tas_*.tif" -oo "CALC=argmax(rain)"
        -oo "CALC=pick(warm, argmax(rain))" -oo "CALC=max(warm)-min(warm)" -oo "CALC=median(warm)" -oo "CALC=percentile(rain, 90)")
    echo "The wettest month, its temperature, the range of the year, the median, the 90th percentile of rain; one worker:"
    show gdal_translate FISHNET: $d/year_1.tif "${words[@]}" -oo NUM_WORKERS=1 -co TILED=YES
    stack_one=$took
    echo "All CPUs:"
    show gdal_translate FISHNET: $d/year.tif "${words[@]}" -co TILED=YES
    stack_all=$took
    cmp $d/year_1.tif $d/year.tif || die "The two results differ."
    rm $d/year_1.tif
    echo "Both results are the same, byte for byte."
    "$python" demo/stack_numpy.py $d/year.tif $d/months/pr_*.tif $d/months/tas_*.tif
    gdal_translate -q -outsize 810 330 -r nearest $d/year.tif $d/small.tif
    for band in 1 2 3; do gdal_translate -q -b $band $d/small.tif $d/year_$band.tif; done
    coloured $d/year_1.tif -nearest_color_entry -of PNG $d/wettest.png <<<"$month_colours"
    coloured $d/year_2.tif -of PNG $d/composite.png <<<"$warmth"
    coloured $d/year_3.tif -of PNG $d/range.png <<<"$ranges"
    rm $d/year_?.tif $d/small.tif
    printf '  %s\n' "$PWD/$d/wettest.png     the month with the most rain" "$PWD/$d/composite.png   how warm that month is" \
        "$PWD/$d/range.png       how much warmer the warmest month is than the coldest"
}

# What each demo begins with: data, build, and an elevation model that is large.
prepare() {
    local d=build/demo
    need "${FOR_DEMO[@]}" "$@"
    mkdir -p $d
    data
    say "Building (build/release)"
    build release
    use_plugin release
    export GDAL_PAM_ENABLED=NO

    if [[ ! -s $d/dem.tif ]]; then
        say "Resampling the elevation model to UTM, 15000 cells wide (once; kept in $d)"
        gdalwarp -overwrite -t_srs EPSG:32613 -ts 15000 0 -r cubicspline -dstnodata -9999 -wo NUM_THREADS=ALL_CPUS \
            -wm 256 -co TILED=YES -co COMPRESS=DEFLATE -co PREDICTOR=3 -co NUM_THREADS=ALL_CPUS build/data/dem.tif $d/dem.part.tif
        mv $d/dem.part.tif $d/dem.tif
    fi
}

# slope_job OUTPUT: a job file for it.
slope_job() {
    cat >"build/demo/$1.fishnet.json" <<END
{
  "type": "fishnet_raster",
  "inputs": {"A": "dem.tif"},
  "calc": "slope(A, z=0.3048)",
  "output": "$1.vrt",
  "creation_options": {"TILE_SIZE": 1024, "TILE_CO": ["COMPRESS=DEFLATE", "PREDICTOR=3"]}
}
END
}

dask_demo() {
    local d=build/demo
    prepare python3-distributed
    say "Dask: the slope of the elevation model, in shares"
    rm -rf $d/slope_shares* $d/slope_whole*
    slope_job slope_shares && slope_job slope_whole
    cat $d/slope_shares.fishnet.json
    PYTHONPATH=distributed "$python" demo/shares.py build/release/plugins/fishnet $d/slope_shares.fishnet.json $d/slope_whole.fishnet.json
    rm -r $d/slope_whole*
    say "Drawing a picture"
    gdal_translate -q -outsize 1200 0 -r average $d/slope_shares.vrt $d/small.tif
    coloured $d/small.tif -of PNG $d/slope_shares.png <<<"$steepness"
    rm $d/small.tif
    printf '  %s\n' "$PWD/$d/slope_shares.png   how steep it is" "$PWD/$d/slope_shares.vrt   the mosaic, for QGIS"
}

demo() {
    local copy one all cells near_one near_all zone_one zone_all stack_one stack_all tiled=(-co TILED=YES -co BIGTIFF=IF_SAFER) d=build/demo
    prepare
    cells=$(gdalinfo $d/dem.tif | sed -n 's/^Size is \(.*\), /\1 x /p')

    say "Elevation: $cells cells in feet, to the square root of metres"
    rm -f $d/dem_sqrt*.tif $d/copy.tif
    cat $d/dem.tif >/dev/null # from here on it is in the file cache
    echo "A plain copy with all of GDAL's own threads, to compare with:"
    show gdal_translate $d/dem.tif $d/copy.tif "${tiled[@]}" -oo NUM_THREADS=ALL_CPUS -co NUM_THREADS=ALL_CPUS
    copy=$took
    rm $d/copy.tif && sync
    echo "One worker:"
    show gdal_translate FISHNET:$d/dem.tif $d/dem_sqrt_1.tif -oo "CALC=sqrt(A*0.3048)" -oo NUM_WORKERS=1 "${tiled[@]}"
    one=$took
    sync
    echo "All CPUs:"
    show gdal_translate FISHNET:$d/dem.tif $d/dem_sqrt.tif -oo "CALC=sqrt(A*0.3048)" "${tiled[@]}"
    all=$took
    cmp $d/dem_sqrt_1.tif $d/dem_sqrt.tif || die "The two results differ."
    rm $d/dem_sqrt_1.tif
    echo "Both results are the same, byte for byte."
    equals_numpy $d/dem_sqrt.tif $d/dem.tif "np.sqrt(a(1) * 0.3048)"

    say "Landsat: the vegetation index (NDVI) from the red and the infrared band"
    show gdal_translate FISHNET:build/data/landsat.tif $d/ndvi.tif -oo "CALC=(A[4]-A[3])/(A[4]+A[3])"
    equals_numpy $d/ndvi.tif build/data/landsat.tif "(a(4) - a(3)) / (a(4) + a(3))"

    say "Drawing pictures"
    gdal_translate -q -outsize 1200 0 -r average $d/dem.tif $d/small.tif
    gdal_translate -q -outsize 1200 0 -r average $d/dem_sqrt.tif $d/small_sqrt.tif
    gdaldem hillshade -q -compute_edges -z 0.6096 $d/small.tif $d/shade.tif # feet to metres, and twice as steep
    shaded $d/small.tif $d/shade.tif $d/dem.png <<<"$heights"
    shaded $d/small_sqrt.tif $d/shade.tif $d/dem_sqrt.png <<<'38 40 20 90
41 88 40 130
44 160 50 120
48 220 80 85
52 250 140 60
56 254 205 100
62 252 253 200
nv 255 255 255'
    gdal_translate -q -of PNG -outsize 1047 0 -r cubic -b 3 -b 2 -b 1 -scale_1 26 120 0 255 -scale_2 36 108 0 255 \
        -scale_3 50 118 0 255 build/data/landsat.tif $d/landsat.png
    gdal_translate -q -outsize 1047 0 -r cubic $d/ndvi.tif $d/small.tif
    coloured $d/small.tif -of PNG $d/ndvi.png <<<'-0.68 28 52 110
-0.45 70 120 175
-0.2 170 165 160
-0.05 226 214 184
0.1 196 206 120
0.3 96 160 62
0.5 8 88 36
nv 255 255 255'
    rm $d/small.tif $d/small_sqrt.tif $d/shade.tif
    printf '  %s\n' "$PWD/$d/dem.png         elevation" "$PWD/$d/dem_sqrt.png    its square root" \
        "$PWD/$d/landsat.png     Landsat 7 in true colour" "$PWD/$d/ndvi.png        vegetation index: green is plants, blue is water"

    terrain_demo
    stack_demo
    near_demo
    zone_demo
    "$python" demo/overview.py $d $d/overview.png
    printf '  %s\n' "$PWD/$d/overview.png    three of them in one: docs/pictures/overview.png"

    say "What happened"
    cat <<END
Fishnet read $cells cells, computed sqrt(A*0.3048) in double precision and handed them to gdal_translate while it wrote:
  $(seconds "$one") with 1 worker
  $(seconds "$all") with all CPUs ($cpus): $(ratio "$one" "$all") times as fast
  $(seconds "$copy") for the plain copy without any computing, GDAL's own threads on
One run each. What is left is mostly gdal_translate writing, on one CPU; ./run bench measures that apart.
And it reduced two stacks of twelve months of 3240 x 1320 cells to five bands: $(seconds "$stack_one") with 1 worker, $(seconds "$stack_all") with all.
And it found the nearest of 1,454 rivers (256,339 vertices) for 7,322 towns, geodesic, to the millimetre: $(seconds "$near_one") with 1
worker, $(seconds "$near_all") with all, most of it for starting ogr2ogr and reading.
And it read the $cells cells once more for mean, median and 90th percentile in 1,300 hexagons: $(seconds "$zone_one") with 1 worker,
$(seconds "$zone_all") with all.

Try next, with data of yours:
  export GDAL_DRIVER_PATH=$PWD/build/release/plugins
  gdal_translate FISHNET:your.tif out.tif -oo CALC="where(A>1000, log(A), sqrt(A))"
  gdal_translate FISHNET: median.tif -oo INPUT=S="your_scenes/*.tif" -oo CALC="nanmedian(S)"
  ogr2ogr near.csv NEARTABLE:your_points.gpkg -oo NEAR=your_lines.gpkg
  ogr2ogr stats.csv ZONALSTATS:your_polygons.gpkg -oo RASTER=your.tif
END
}
