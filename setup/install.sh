#!/usr/bin/env bash
# Sees to it that the Debian packages which a make verb needs are installed.
#
#   setup/install.sh VERB
#
# Prints the packages that are missing; on a terminal it asks before it installs them, and YES=1 answers for it. They are
# installed as root or through sudo. Without a terminal and without YES=1, or where there is no apt-get, it stops at the
# list. A tool that was installed by other means than its package counts.
#
# Exit codes: 0 everything is there; 2 something is missing and nothing was changed; 1 the installation failed.
set -euo pipefail

# What building any crate takes: build scripts compile C and C++ with cmake and g++.
readonly build="g++ cmake"
# What running a simulated board takes besides: zlib is for wave files, ccache for building a kernel again.
readonly simulate="verilator ccache zlib1g-dev"

packages_of() {
    case "$1" in
    run | bench) echo "$build $simulate" ;;
    test | test-long) echo "$build $simulate yosys z3 tcl libxrt1" ;;
    lint | synth) echo "$build $simulate yosys" ;;
    formal) echo "$build yosys z3" ;;
    verilog | xclbin | release | doc | doctor) echo "$build" ;;
    *)
        echo "setup/install.sh: no verb \`$1\`; \`make help\` lists them" >&2
        exit 2
        ;;
    esac
}

is_there() {
    case "$1" in
    zlib1g-dev) c++ -E -x c++ - >/dev/null 2>&1 <<<'#include <zlib.h>' ;;
    tcl) command -v tclsh >/dev/null ;;
    # A library without a program. The package of a card's maker is of another version, which the emulation does not take.
    libxrt1) [ "$(dpkg-query -W -f='${db:Status-Status}' libxrt1 2>/dev/null)" = installed ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

refuse() {
    printf '%s\n' "$@" >&2
    exit 2
}

[ $# -eq 1 ] || refuse "usage: setup/install.sh VERB"
verb=$1
wanted=$(packages_of "$verb")

command -v cargo >/dev/null ||
    refuse "make $verb needs Rust, and there is no cargo on PATH: see https://www.rust-lang.org/tools/install"
if [ "$verb" = lint ]; then
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 ||
            refuse "make lint needs cargo $component: rustup component add rustfmt clippy"
    done
fi

missing=()
for package in $wanted; do
    is_there "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "make $verb needs these Debian packages, which are missing: ${missing[*]}"
command -v apt-get >/dev/null ||
    refuse "This system has no apt-get: install what corresponds to them, then run make $verb again."

apt=(apt-get)
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
        refuse "You are not root and there is no sudo. As root: apt-get install --no-install-recommends ${missing[*]}"
    # Where nobody can type a password, sudo must not wait for one.
    if [ -t 0 ]; then apt=(sudo apt-get); else apt=(sudo -n apt-get); fi
fi

if [ "${YES:-}" != 1 ]; then
    [ -t 0 ] || refuse "Nothing was installed. YES=1 make $verb installs them (${apt[*]})."
    read -r -p "Install them with ${apt[*]}? [y/N] " answer
    case "$answer" in
    y | Y | yes) ;;
    *) refuse "Nothing was installed." ;;
    esac
fi

export DEBIAN_FRONTEND=noninteractive
install() { "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null; }
update() { "${apt[@]}" update </dev/null; }

# A fresh machine has no package lists; an old one has lists that name files which are gone.
if ! apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1; then
    update
    installed=0 && install || installed=$?
else
    installed=0 && install || { update && install || installed=$?; }
fi

still=()
for package in "${missing[@]}"; do
    is_there "$package" || still+=("$package")
done
if [ ${#still[@]} -gt 0 ] || [ "$installed" -ne 0 ]; then
    echo "apt-get could not install: ${still[*]:-${missing[*]}}. Its messages are above." >&2
    exit 1
fi
