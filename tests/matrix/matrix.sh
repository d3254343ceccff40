#!/usr/bin/env bash
# ./run matrix: builds, tests and packages on each Debian that is supported, in a chroot of its own, and prints a table.
#
# The chroots are kept in $FISHNET_CHROOTS and made anew when the list of packages changes. What is built there goes to
# build/matrix/SUITE of this tree; the tree itself can only be read there.
# FISHNET_PACKAGES: what the chroots need. FISHNET_TESTED: the suite that is the running system, if build/dev has just passed its
# tests there: it needs no chroot then, and no suite clang, which the thread sanitizer's preset is for. FISHNET_ALL_TESTS: those that take long,
# and clang, too.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

chroots=${FISHNET_CHROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/fishnet}
read -ra packages <<<"$FISHNET_PACKAGES"
suites=() docs=
for word; do
    case $word in
    --docs) docs=yes ;;
    bookworm | trixie | forky) suites+=("$word") ;;
    *)
        echo "matrix: $word is no suite; there are bookworm, trixie and forky" >&2
        exit 2
        ;;
    esac
done
((${#suites[@]})) || suites=(bookworm trixie forky)

# Mounts and processes live in namespaces that end with the command, however it ends: nothing stays mounted, nothing runs on.
namespace=(unshare --mount --pid --fork --kill-child --mount-proc)
if ((EUID != 0)); then namespace+=(--user --map-root-user --map-auto); fi
"${namespace[@]}" true 2>/dev/null || {
    printf '%s\n' "matrix: this machine lets nobody mount; chroots need one of" \
        "  root that may mount (in a container: --cap-add SYS_ADMIN, or --privileged)" \
        "  user namespaces (package uidmap, and lines for this user in /etc/subuid and /etc/subgid)" >&2
    exit 77
}
command -v mmdebstrap >/dev/null || {
    echo "matrix: install the package mmdebstrap first" >&2
    exit 1
}

child=
trap '[[ -z $child ]] || kill -KILL "$child" 2>/dev/null' EXIT
trap 'exit 130' INT TERM HUP

# apart COMMAND...: in the namespaces. In the background, so that a signal to this script ends it at once.
apart() {
    local status=0
    "${namespace[@]}" "$@" &
    child=$!
    wait "$child" || status=$?
    child=
    return $status
}

# inside ROOT BUILD COMMAND...: there the tree is /source, BUILD is /build.
inside() {
    apart bash -euc '
        root=$1 build=$2
        shift 2
        mkdir -p "$root/source" "$root/build"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        mount --bind "$PWD" "$root/source"
        mount -o remount,bind,ro "$root/source"
        mount --bind "$build" "$root/build"
        mkdir -p "$build/tmp"
        mount --bind "$build/tmp" "$root/tmp"
        exec chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 ${DEBEMAIL:+DEBFULLNAME="${DEBFULLNAME:-Fishnet}" DEBEMAIL="$DEBEMAIL"} PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' inside "$@"
}

mirror() {
    local found
    found=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1) || true
    [[ -n $found ]] || echo "matrix: apt names no mirror of Debian, see apt-get indextargets" >&2
    echo "$found"
}

# Sets $root, the suite's chroot, which is made when it is not there. Packages that the suite does not have are left out.
chroot_of() {
    local suite=$1 log=build/matrix/$1/chroot.log
    root=$chroots/$suite-$(printf '%s\n' "${packages[@]}" | sha256sum | cut -c -12)
    mkdir -p "$chroots"
    exec 9>"$chroots/lock" # two of us would make it twice
    flock 9
    [[ ! -d $root ]] || return 0
    echo "Making $root (minutes; log: $log)"
    rm -rf --one-file-system "$root.part"
    apart mmdebstrap --mode=root --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Retries "5"' \
        --customize-hook='DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y --no-install-recommends $(chroot "$1" apt-cache show '"${packages[*]}"' 2>/dev/null | sed -n "s/^Package: //p" | sort -u)' \
        --customize-hook='chroot "$1" apt-get clean' "$suite" "$root.part" "$(mirror)" >"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        return 1
    }
    mv "$root.part" "$root"
}

# What is in the file of results: a word and its value on a line.
result() { sed -n "s/^$2 //p" "build/matrix/$1/results" | tail -n 1; }

{ # read as a whole: the file may be edited meanwhile
failed=0
row() { printf '%-9s %-8s %-7s %-7s %-8s %-9s %-11s %-34s %-8s %-8s %8s\n' "$@"; }
table=$(row suite GDAL gcc clang QGIS "gcc build" "clang build" tests package bare seconds)

for suite in "${suites[@]}"; do
    start=$SECONDS build=build/matrix/$suite
    printf '\n== matrix: %s\n' "$suite"
    mkdir -p "$build"
    rm -rf --one-file-system "$build/tmp" "$build/results" "$build/package"
    : >"$build/results"
    steps=(gcc package)
    if [[ -n ${FISHNET_ALL_TESTS:-} ]]; then steps+=(all_tests); elif [[ $suite == trixie ]]; then steps+=(some_tests); else steps+=(tests); fi
    [[ $suite == trixie || (-n ${FISHNET_TESTED:-} && -z ${FISHNET_ALL_TESTS:-}) ]] || steps+=(clang) # the oldest and the newest
    if [[ ${FISHNET_TESTED:-} == "$suite" ]]; then
        apart tests/matrix/suite.sh "$PWD" "$PWD/$build" tested || true
    elif chroot_of "$suite"; then
        exec 9>&-
        inside "$root" "$build" /source/tests/matrix/suite.sh /source /build "${steps[@]}" || true
    fi
    bare=-
    if package=$(ls "$build"/package/gdal-plugin-fishnet_*.deb 2>/dev/null) && [[ $suite != trixie && -x tests/install/bare.sh ]]; then
        if tests/install/bare.sh "$suite" "$package" "$chroots" >"$build/bare.log" 2>&1; then bare=ok; else bare=FAILED; fi
        [[ $bare == ok ]] || tail -n 20 "$build/bare.log"
    fi
    fields=("$suite")
    for field in gdal gcc clang qgis gcc_build clang_build tests package; do
        value=$(result "$suite" $field)
        fields+=("${value:--}")
    done
    table+=$'\n'$(row "${fields[@]}" "$bare" $((SECONDS - start)))
    [[ $(result "$suite" gcc_build) == ok && $(result "$suite" clang_build) != FAILED && $(result "$suite" package) == ok &&
        $(result "$suite" tests) == *" 0 failed"* && $bare != FAILED ]] || failed=1
done

printf '\n%s\n' "$table"
if [[ -n $docs ]]; then # with the speeds that bench/pipelines.py --json has measured
    files=()
    for file in build/matrix/*/pipelines.json build/bench/pipelines.json; do [[ ! -s $file ]] || files+=("$file"); done
    /usr/bin/python3 tests/pipelines/table.py docs/PIPELINES.md "${files[@]}"
fi
exit $failed
}
