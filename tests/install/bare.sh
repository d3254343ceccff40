#!/usr/bin/env bash
# The path of a new user: a bare Debian, gdal-bin and our package by apt-get, then the examples of the README as a plain user without any
# environment variable; then purge.   tests/install/bare.sh bookworm|forky PACKAGE.deb [CACHE_FOLDER]
# As root. The cache (default: build/bare) holds the bare system and what apt-get downloaded. Nothing else stays.
set -euo pipefail

die() {
    printf 'bare %s: %s\n' "${suite:-}" "$*" >&2
    exit 1
}

# ---------------------------------------------------------------------------------------------------- within the bare system

# As the user. Small data under the names of the README, with values that one can check by hand.
make_data() {
    local x y
    mkdir -p data && cd data
    {
        printf 'ncols 400\nnrows 300\nxllcorner 500000\nyllcorner 4150000\ncellsize 30\nNODATA_value -9999\n'
        awk 'BEGIN { for (y = 0; y < 300; y++) for (x = 0; x < 400; x++) printf "%d%s", x + 10 * y + 1, x < 399 ? " " : "\n" }'
    } >dem.asc
    gdal_translate -q -ot Float32 -a_srs EPSG:32613 dem.asc dem.tif
    gdal_translate -q -b 1 -b 1 -b 1 -b 1 -b 1 -b 1 dem.tif landsat.tif
    gdal_translate -q -srcwin 100 100 200 100 dem.tif olinda.tif
    gdal_translate -q dem.tif before.tif
    gdal_translate -q -scale 0 1000 0 2000 dem.tif after.tif
    mkdir scenes
    cp dem.tif before.tif after.tif scenes
    gdal_translate -q -of netCDF dem.tif temperature.nc
    rm -f dem.asc *.aux.xml

    # layer NAME FORMAT EPSG ROW...: features of "name;WKT" rows
    layer() {
        local name=$1 format=$2 epsg=$3 ending
        shift 3
        ending=$([[ $format == GPKG ]] && echo gpkg || echo shp)
        { echo "name;WKT" && printf '%s\n' "$@"; } >"$name.csv"
        ogr2ogr -f "$format" "$name.$ending" "$name.csv" -oo SEPARATOR=SEMICOLON -oo GEOM_POSSIBLE_NAMES=WKT -oo KEEP_GEOM_COLUMNS=NO \
            -a_srs "EPSG:$epsg" -nln "$name" 2>layer.log || { cat layer.log; return 1; }
        rm "$name.csv" layer.log
    }
    layer addresses GPKG 32613 "first;POINT (500000 4150000)" "second;POINT (500010 4150000)"
    layer hydrants GPKG 32613 "A;POINT (500003 4150004)" "B;POINT (500010 4150001)"
    layer pipes GPKG 32613 "P;LINESTRING (500000 4150002,500020 4150002)"
    layer parcels GPKG 32613 "corner;POLYGON ((500000 4158940,500060 4158940,500060 4159000,500000 4159000,500000 4158940))" \
        "outside;POLYGON ((490000 4150000,490060 4150000,490000 4150060,490000 4150000))"
    layer places "ESRI Shapefile" 4326 "Budapest;POINT (19.08 47.5)" "Wien;POINT (16.36 48.2)"
    layer rivers "ESRI Shapefile" 4326 "Danube;LINESTRING (16.4 48.2,19.05 47.5)" "Tisza;LINESTRING (20.2 47.2,20.2 46.2)"
    cd ..
}

# equal WHAT EXPECTED FOUND: numbers, to nine digits
equal() {
    awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; exit !(b != "" && d * d <= 1e-12 * a * a) }' || die "$1: expected $2, found '$3'"
    echo "ok: $1: $3"
}

# fresh: a folder with the data, entered
fresh() {
    rm -rf ~/try && cp -r ~/data ~/try && cd ~/try
}

as_user() {
    local line command formats
    [[ -z ${GDAL_DRIVER_PATH+x}${LD_LIBRARY_PATH+x}${GDAL_DATA+x} ]] || die "the environment is not bare"
    cd ~
    gdalinfo --version
    formats=$(gdalinfo --formats)
    grep FISHNET <<<"$formats" || die "gdalinfo --formats does not list FISHNET"
    ogrinfo --formats | grep NEARTABLE || die "ogrinfo --formats does not list NEARTABLE"
    ogrinfo --formats | grep ZONALSTATS || die "ogrinfo --formats does not list ZONALSTATS"
    make_data

    # Every command line of the README that is installed: each in a fresh folder, none may fail.
    sed -e ':a' -e '/\\$/ { N; s/\\\n *//; ba }' /usr/share/doc/gdal-plugin-fishnet/README.md | sed -n 's/^    \$ //p' >commands
    (($(wc -l <commands) >= 5)) || die "the README has too few commands"
    while IFS= read -r line; do
        command=${line%% *}
        if ! command -v "$command" >/dev/null; then
            [[ $command == gdal ]] || die "the README calls $command, which gdal-bin has not"
            echo "not run, $(gdalinfo --version | cut -d, -f1) has no gdal command: $line"
            continue
        fi
        fresh
        echo "\$ $line"
        bash -euo pipefail -c "$line" </dev/null >~/output 2>&1 || {
            cat ~/output
            die "failed: $line"
        }
    done <~/commands

    # Some results, by value.
    fresh
    local feet=$((7 + 10 * 20 + 1)) # column 7, row 20
    gdal_translate -q FISHNET:dem.tif out.tif -oo CALC="sqrt(A*0.3048)"
    gdalinfo out.tif | grep -q "Size is 400, 300" || die "gdalinfo of the result"
    equal "sqrt(A*0.3048)" "$(awk -v a=$feet 'BEGIN { printf "%.12g", sqrt(a * 0.3048) }')" "$(gdallocationinfo -valonly out.tif 7 20)"
    gdal_translate -q FISHNET:temperature.nc celsius.tif -oo CALC="A-273.15" -oo WORKERS=PROCESSES
    equal "A-273.15 in processes" "$(awk -v a=$feet 'BEGIN { print a - 273.15 }')" "$(gdallocationinfo -valonly celsius.tif 7 20)"
    for line in THREADS PROCESSES; do
        ogr2ogr near_$line.gpkg NEARTABLE:addresses.gpkg -oo NEAR=hydrants.gpkg -oo NEAR_FIELDS=name -oo WORKERS=$line
        equal "nearest hydrant of the first address, $line" 5 "$(ogrinfo -ro -q near_$line.gpkg addresses_near | sed -n 's/.*NEAR_DIST.*= //p' | head -1)"
        equal "that of the second" 1 "$(ogrinfo -ro -q near_$line.gpkg addresses_near | sed -n 's/.*NEAR_DIST.*= //p' | tail -1)"
    done

    for line in THREADS PROCESSES; do
        ogr2ogr stats_$line.gpkg ZONALSTATS:parcels.gpkg -oo RASTER=dem.tif -oo STATS=COUNT,MEAN -oo WORKERS=$line
        equal "mean of four cells, $line" 6.5 "$(ogrinfo -ro -q stats_$line.gpkg parcels_stats | sed -n 's/.*MEAN.*= //p' | head -1)"
    done

    if command -v gdal >/dev/null; then
        gdal fishnet calc -q -i A=dem.tif --calc "sqrt(A*0.3048)" -o command.tif
        equal "gdal fishnet calc" "$(gdallocationinfo -valonly out.tif 7 20)" "$(gdallocationinfo -valonly command.tif 7 20)"
        echo '$ gdal fishnet doctor'
        gdal fishnet doctor || die "gdal fishnet doctor finds something wrong"
    else
        echo "not run, $(gdalinfo --version | cut -d, -f1) has no gdal command: gdal fishnet"
    fi
    [[ -z $(find ~ -name '*.aux.xml' -path '*FISHNET*') ]] || die "files beside the data"
}

# Says what apt-get said only when it fails.
apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >/tmp/apt.log 2>&1 || {
        cat /tmp/apt.log
        die "apt-get $* failed"
    }
}

as_root() {
    local package=$1 left
    apt update
    apt install -y --no-install-recommends gdal-bin
    apt install -y --no-install-recommends "$package"
    dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' gdal-plugin-fishnet
    useradd --create-home --shell /bin/bash user
    runuser -u user -- env -i HOME=/home/user PATH=/usr/local/bin:/usr/bin:/bin bash /test/bare.sh --as-user "$suite"

    apt purge -y gdal-plugin-fishnet
    left=$(find / -xdev -ipath '*fishnet*' -not -path '/home/*' -not -path '/test*')
    [[ -z $left ]] || die "purge left: $left"
    left=$(gdalinfo --formats 2>&1 | grep -iE 'fishnet|error' || true)
    [[ -z $left ]] || die "after purge: $left"
    echo "ok: purge left nothing"
}

# ------------------------------------------------------------------------------------------------------------ outside of it

# The mirror that this system's apt uses.
mirror() {
    local found
    found=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1 || true)
    [[ -n $found ]] || echo "bare: apt names no mirror of Debian, see apt-get indextargets" >&2
    echo "$found"
}

# In a mount namespace of our own: what is mounted here is gone with it.
enter() {
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mkdir -p "$root/test" "$root/var/cache/apt/archives"
    mount --bind "$cache/archives_$suite" "$root/var/cache/apt/archives"
    cp "$package" "$root/test/"
    cp "${BASH_SOURCE[0]}" "$root/test/bare.sh"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$root" bash /test/bare.sh --as-root "$suite" "/test/${package##*/}"
}

case ${1:-} in
--as-user) suite=$2 && as_user ;;
--as-root) suite=$2 && as_root "$3" ;;
--enter) suite=$2 package=$3 cache=$4 root=$5 && enter ;;
*)
    (($# >= 2)) || {
        sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
        exit 2
    }
    suite=$1 package=$(readlink -f "$2") cache=${3:-$(dirname "${BASH_SOURCE[0]}")/../../build/bare}
    [[ -f $package ]] || die "there is no $2"
    ((EUID == 0)) || die "this is for root: it makes a chroot"
    mkdir -p "$cache/archives_$suite/partial"
    cache=$(readlink -f "$cache")
    if [[ ! -s $cache/$suite.tar ]]; then
        command -v mmdebstrap >/dev/null || die "mmdebstrap is missing"
        mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' "$suite" "$cache/$suite.part.tar" "$(mirror)" ||
            die "no bare system could be made"
        mv "$cache/$suite.part.tar" "$cache/$suite.tar"
    fi
    root=$(mktemp -d "$cache/root.XXXXXX")
    trap 'rm -rf --one-file-system "$root"' EXIT
    chmod 755 "$root"
    tar -xpf "$cache/$suite.tar" -C "$root" --exclude='./dev/*'
    unshare --mount bash "${BASH_SOURCE[0]}" --enter "$suite" "$package" "$cache" "$root"
    echo "bare $suite: passed"
    ;;
esac
