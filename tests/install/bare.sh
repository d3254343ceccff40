#!/usr/bin/env bash
# The path of a new user: a bare Debian, gdal-bin and our package by apt-get, then the commands of the README and the twelve tasks of docs/TASKS.md
# from their text, as a plain user without any environment variable, on the sample data of the package; then purge.
#   tests/install/bare.sh bookworm|forky PACKAGE.deb [CACHE_FOLDER]
# As root. The cache (default: build/bare) holds the bare system and what apt-get downloaded. Nothing else stays.
set -euo pipefail

die() {
    printf 'bare %s: %s\n' "${suite:-}" "$*" >&2
    exit 1
}

# ---------------------------------------------------------------------------------------------------- within the bare system

# equal WHAT EXPECTED FOUND: numbers, to nine digits
equal() {
    awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; exit !(b != "" && d * d <= 1e-12 * a * a) }' || die "$1: expected $2, found '$3'"
    echo "ok: $1: $3"
}

# fresh: a folder with the data, entered
fresh() {
    rm -rf ~/try && cp -r ~/fishnet ~/try && cd ~/try
}

# shown PAGE: the commands behind a prompt, each in a line with its heading and a tab in front.
shown() {
    sed -e ':a' -e '/\\$/ { N; s/\\\n *//; ba }' "$pages/$1" | awk '/^#/ { sub(/^#+ */, ""); heading = $0 } sub(/^    \$ /, "") { print heading "\t" $0 }'
}

# run_page PAGE FOLDERS: every command as the page has it, but for the address of the server; none may fail. FOLDERS: a fresh folder for
# each "command", or one for each "heading", as of tasks of several commands. Tells how many were run.
run_page() {
    local page=$1 folders=$2 heading line command before= count=0
    shown "$page" >~/commands
    while IFS=$'\t' read -r heading line; do
        command=${line%% *}
        if ! command -v "$command" >/dev/null; then
            [[ $command == gdal ]] || die "$page calls $command, which gdal-bin has not"
            echo "not run, $(gdalinfo --version | cut -d, -f1) has no gdal command: $line"
            continue
        fi
        if [[ $folders == command || $heading != "$before" ]]; then fresh; fi
        before=$heading count=$((count + 1))
        echo "$page, $heading: $line"
        bash -euo pipefail -c "${line//https:\/\/example.com/$server}" </dev/null >~/output 2>&1 || {
            cat ~/output
            die "failed: $line"
        }
        [[ $page != docs/TASKS.md ]] || check "${heading%%.*}"
    done <~/commands
    ran=$count
}

# field FILE NAME: that column of a CSV file without its header, for numbers and simple texts.
field() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i; next } { gsub(/"/, "", $column); print $column }' "$1"; }

# value FILE X Y [BAND]
value() { gdallocationinfo -valonly ${4:+-b $4} "$1" "$2" "$3"; }

# What a task has made, by value, once it is there.
check() {
    local feet red infrared
    case $1 in
    1)
        feet=$(value dem.tif 700 20)
        equal "task 1" "$(awk -v a="$feet" 'BEGIN { printf "%.12g", sqrt(a * 0.3048) }')" "$(value root.vrt 700 20)"
        [[ $(ls root_tiles/*.tif | wc -l) == 16 ]] || die "task 1: not 16 tiles"
        ;;
    2)
        [[ -f greenest.tif ]] || return 0
        red=$(value scenes/s_20240611.tif 250 90 3) infrared=$(value scenes/s_20240611.tif 250 90 4)
        equal "task 2" "$(awk -v r="$red" -v n="$infrared" 'BEGIN { printf "%.12g", (n - r) / (n + r) }')" "$(value ndvi/s_20240611.tif 250 90)"
        awk -v a="$(value ndvi/s_20240611.tif 250 90)" -v b="$(value greenest.tif 250 90)" 'BEGIN { exit !(b >= a) }' || die "task 2: not the greenest"
        ;;
    3) gdalinfo -stats clear.tif | grep -qE 'STATISTICS_VALID_PERCENT=[1-9][0-9]\.?[0-9]*$' || die "task 3: nothing, or nothing masked" ;;
    4) [[ ! -f terrain.tif ]] || equal "task 4, a slope is" 1 "$(gdalinfo -stats terrain.tif | sed -n 's/.*STATISTICS_MAXIMUM=//p' | head -1 | awk '{ print ($1 > 20 && $1 < 90) }')" ;;
    5) equal "task 5, the lake has risen" 1 "$(gdalinfo -stats change.tif | sed -n 's/.*STATISTICS_MEAN=//p' | awk '{ print ($1 > 2) }')" ;;
    6) equal "task 6, fields" 24 "$(field ndvi.csv MEAN | awk '$1 > -1 && $1 < 1' | wc -l)" ;;
    7)
        # Each distance again: all hydrants, by ogr2ogr and awk alone.
        ogr2ogr a.csv addresses.gpkg -lco GEOMETRY=AS_XY && ogr2ogr h.csv hydrants.gpkg -lco GEOMETRY=AS_XY
        awk -F, 'FNR == 1 { file++; next } file == 1 { x[FNR] = $1; y[FNR] = $2; next } { best = 1e30
            for (i in x) { d = ($1 - x[i]) ^ 2 + ($2 - y[i]) ^ 2; if (d < best) best = d }
            printf "%.6f\n", sqrt(best) }' h.csv a.csv >expected
        field near.csv NEAR_DIST | awk '{ printf "%.6f\n", $1 }' | cmp - expected || die "task 7: other distances"
        ;;
    8) awk -F, 'NR > 1 && ++n[$1] > 5 { exit 1 }' five.csv && equal "task 8, beyond 300 m" 0 "$(field five.csv NEAR_DIST | awk '$1 > 300' | wc -l)" ;;
    9) equal "task 9, lines" 622 "$(ogrinfo -ro -so -al links.gpkg | sed -n 's/^Feature Count: //p')" ;;
    10) [[ ! -f slope.vrt ]] || gdalinfo slope.vrt | grep -q "Size is 2401, 1201" || die "task 10: another size" ;;
    11)
        feet=$(value dem.tif 700 20)
        gdalinfo root_cog.tif | grep -q LAYOUT=COG || die "task 11: no COG"
        equal "task 11" "$(awk -v a="$feet" 'BEGIN { printf "%.12g", sqrt(a * 0.3048) }')" "$(value root_cog.tif 700 20)"
        ;;
    12) grep -q 'Nothing is wrong' ~/output || die "task 12: $(cat ~/output)" ;;
    esac
}

# A Slurm of one machine: sbatch, as far as the page needs it. The real one is in tests/distributed.
make_sbatch() {
    mkdir -p ~/bin
    cat >~/bin/sbatch <<'END'
#!/bin/bash
[[ $1 == --wait && $2 =~ ^--array=1-([0-9]+)$ && $3 == --wrap && $# == 4 ]] || { echo "sbatch: $*" >&2; exit 1; }
for ((i = 1; i <= BASH_REMATCH[1]; i++)); do SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MAX=${BASH_REMATCH[1]} sh -c "$4" || exit 1; done
END
    chmod +x ~/bin/sbatch
    PATH=$PATH:$HOME/bin
}

as_user() {
    local line formats feet ran
    pages=/usr/share/doc/gdal-plugin-fishnet
    [[ -z ${GDAL_DRIVER_PATH+x}${LD_LIBRARY_PATH+x}${GDAL_DATA+x} ]] || die "the environment is not bare"
    cd ~
    gdalinfo --version
    formats=$(gdalinfo --formats)
    grep FISHNET <<<"$formats" || die "gdalinfo --formats does not list FISHNET"
    ogrinfo --formats | grep NEARTABLE || die "ogrinfo --formats does not list NEARTABLE"
    ogrinfo --formats | grep ZONALSTATS || die "ogrinfo --formats does not list ZONALSTATS"
    make_sbatch

    # The line by which the pages copy the sample data.
    line=$(sed -n 's/^    \(cp -r .*\)$/\1/p' $pages/docs/TASKS.md | head -1)
    [[ -n $line ]] || die "docs/TASKS.md does not say how to copy the sample data"
    bash -euo pipefail -c "$line"
    [[ -f ~/fishnet/dem.tif ]] || die "$line: no dem.tif in ~/fishnet"

    run_page README.md command
    ((ran >= 5)) || die "the README has too few commands"
    run_page docs/TASKS.md heading
    (($(cut -f1 ~/commands | sort -u | wc -l) == 12)) || die "docs/TASKS.md has not twelve tasks"

    # Other results, by value.
    fresh
    feet=$(value dem.tif 7 20)
    gdal_translate -q FISHNET:dem.tif out.tif -oo CALC="sqrt(A*0.3048)"
    equal "sqrt(A*0.3048)" "$(awk -v a="$feet" 'BEGIN { printf "%.12g", sqrt(a * 0.3048) }')" "$(value out.tif 7 20)"
    gdal_translate -q FISHNET:temperature.nc celsius.tif -oo CALC="A-273.15" -oo WORKERS=PROCESSES
    equal "A-273.15 in processes" "$(awk -v a="$(value temperature.nc 40 16 1)" 'BEGIN { print a - 273.15 }')" "$(value celsius.tif 40 16)"
    for line in THREADS PROCESSES; do
        ogr2ogr near_$line.csv NEARTABLE:addresses.gpkg -oo NEAR=hydrants.gpkg -oo WORKERS=$line
        ogr2ogr stats_$line.csv ZONALSTATS:parcels.gpkg -oo RASTER=dem.tif -oo STATS=COUNT,MEAN -oo WORKERS=$line
        equal "cells of the first parcel, $line" 57600 "$(field stats_$line.csv COUNT | head -1)"
    done
    cmp near_THREADS.csv near_PROCESSES.csv || die "near tables differ"
    cmp stats_THREADS.csv stats_PROCESSES.csv || die "zonal statistics differ"
    gdal_translate -q -srcwin 120 120 240 240 dem.tif parcel.tif # the first parcel's cells
    equal "its mean" "$(gdalinfo -stats parcel.tif | sed -n 's/.*STATISTICS_MEAN=//p')" "$(field stats_THREADS.csv MEAN | head -1)"

    if command -v gdal >/dev/null; then
        gdal fishnet calc -q -i A=dem.tif --calc "sqrt(A*0.3048)" -o command.tif
        equal "gdal fishnet calc" "$(value out.tif 7 20)" "$(value command.tif 7 20)"
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
    local package=$1 server=$2 left
    apt update
    apt install -y --no-install-recommends gdal-bin
    apt install -y --no-install-recommends "$package"
    dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' gdal-plugin-fishnet
    useradd --create-home --shell /bin/bash user
    runuser -u user -- env -i HOME=/home/user PATH=/usr/local/bin:/usr/bin:/bin bash /test/bare.sh --as-user "$suite" "$server"

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

# A server of the package's data, beyond a network as far as GDAL knows. Sets $server.
serve() {
    local port
    coproc SERVER { exec /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/../remote/range_server.py" "$root/usr/share/fishnet/data"; }
    trap 'kill "$SERVER_PID"; rm -rf --one-file-system "$root"' EXIT
    read -r -t 20 port <&"${SERVER[0]}" || die "the server does not begin"
    server=http://127.0.0.1:$port
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
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$root" bash /test/bare.sh --as-root "$suite" "/test/${package##*/}" "$server"
}

case ${1:-} in
--as-user) suite=$2 server=$3 && as_user ;;
--as-root) suite=$2 && as_root "$3" "$4" ;;
--enter) suite=$2 package=$3 cache=$4 root=$5 server=$6 && enter ;;
*)
    (($# >= 2)) || {
        sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"
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
    serve
    unshare --mount bash "${BASH_SOURCE[0]}" --enter "$suite" "$package" "$cache" "$root" "$server"
    echo "bare $suite: passed"
    ;;
esac
