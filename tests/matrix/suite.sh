#!/usr/bin/env bash
# suite.sh SOURCE BUILD STEP...: one system's row of the matrix. Steps: gcc, tests (or some_tests, all_tests), package, clang; or tested, with build/dev. Only BUILD is written to;
# BUILD/results gets a word and its value on a line.
set -uo pipefail
source=$1 build=$2
shift 2
results=$build/results
cpus=$(nproc)
trap 'exit 130' INT TERM

note() { echo "$*" | tee -a "$results"; }
version_of() { "$@" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1; }

# compile NAME C-COMPILER C++-COMPILER BUILD-TYPE: everything, the tests too. Warnings are errors. Nobody debugs what is built here.
compile() {
    local log=$build/$1.log
    if { CC=$2 CXX=$3 cmake -G Ninja -S "$source" -B "$build/$1" -DCMAKE_BUILD_TYPE="$4" -DFISHNET_WERROR=ON \
        -DCMAKE_C_FLAGS_DEBUG= -DCMAKE_CXX_FLAGS_DEBUG= \
        -DFISHNET_DATA="$source/build/data" && cmake --build "$build/$1" -j "$cpus"; } >"$log" 2>&1; then
        note "$1_build ok"
    else
        grep -E -A 5 'error:|Error' "$log" | head -n 40
        note "$1_build FAILED"
        return 1
    fi
}

# count_tests BUILD-FOLDER: what ctest found there. Test cases that a script leaves out say why.
count_tests() {
    local total passed log=$1/Testing/Temporary/LastTest.log
    [[ -s $1/tests.xml ]] || {
        note "tests FAILED"
        return
    }
    total=$(grep -c '<testcase ' "$1/tests.xml")
    passed=$(grep -c '<testcase .*status="run"' "$1/tests.xml")
    grep -ohE "skipped (['\"]).*\1$|^skipped: .*" "$log" | sort | uniq -c
    note "tests $passed passed, $((total - passed)) failed, $(grep -oE 'skipped=[0-9]+|^skipped: ' "$log" | awk -F= '{ n += NF > 1 ? $2 : 1 } END { print n + 0 }') skipped"
}

# run_tests LABELS: without those.
run_tests() {
    rm -f "$build/gcc/tests.xml" "$build/pipelines.json"
    FISHNET_PIPELINES_TABLE=$build/pipelines.json ctest --test-dir "$build/gcc" -LE "$1" --output-on-failure --no-tests=error \
        -j $((cpus + 1)) --output-junit tests.xml
    count_tests "$build/gcc"
}

# make_package BUILD-FOLDER
make_package() {
    rm -rf "$build/package"
    if (cd "$1" && cpack -G DEB -B "$build/package") >"$build/package.log" 2>&1 &&
        compgen -G "$build/package/gdal-plugin-fishnet_*.deb" >/dev/null; then
        note "package ok"
    else
        tail -n 20 "$build/package.log"
        note "package FAILED"
    fi
}

{ # read as a whole: the file may be edited meanwhile
note "gdal $(gdal-config --version)"
note "gcc $(gcc -dumpfullversion)"
note "clang $(version_of clang)"
command -v qgis_process >/dev/null && note "qgis $(dpkg-query -W -f '${Version}' qgis 2>/dev/null | sed 's/^[0-9]*://; s/[+-].*//')"

for step; do
    case $step in
    gcc) compile gcc gcc g++ Release || exit 1 ;;
    clang) compile clang clang clang++ Debug ;; # for its warnings
    tests) run_tests 'night|thorough|alike' ;;
    some_tests) run_tests 'night|thorough|alike|between' ;;
    all_tests) run_tests - ;;
    tested)
        note "gcc_build ok"
        count_tests "$source/build/dev"
        make_package "$source/build/dev"
        ;;
    package) make_package "$build/gcc" ;;
    esac
done
    exit
}
