#!/usr/bin/env bash
# Installs what a verb of the Makefile needs and this machine lacks, from Debian's packages.
#
#   setup/install.sh COMMAND…      each a command the verb runs: verilator g++ cmake yosys z3 ccache
#
# It prints what is missing. On a terminal it asks; YES=1 answers. Without a terminal and without YES=1, or on a system
# without apt-get, it stops there with exit code 2.
set -euo pipefail

declare -A package=(
    [verilator]=verilator [g++]=g++ [cmake]=cmake [make]=make [yosys]=yosys [yosys-smtbmc]=yosys [z3]=z3 [ccache]=ccache
)

missing=()
for command in "$@"; do
    [ -n "${package[$command]:-}" ] || { echo "setup: no package is known for \`$command\`" >&2; exit 2; }
    command -v "$command" >/dev/null 2>&1 || missing+=("${package[$command]}")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

echo "Nearfield needs these Debian packages: ${missing[*]}" >&2
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This system has no apt-get: install them in its own way, then run this again." >&2
    exit 2
fi
if [ "$(id -u)" = 0 ]; then
    root=()
elif command -v sudo >/dev/null 2>&1; then
    root=(sudo)
else
    echo "Installing needs root or sudo: run \`apt-get install ${missing[*]}\` as root, then run this again." >&2
    exit 2
fi
if [ "${YES:-}" != 1 ]; then
    if [ ! -t 0 ]; then
        echo "There is no terminal to ask on: run this again with YES=1, or install them yourself." >&2
        exit 2
    fi
    read -r -p "Install them now with apt-get? [y/N] " answer
    case "$answer" in
        y | Y | yes) ;;
        *) echo "Nothing was installed." >&2; exit 2 ;;
    esac
fi
export DEBIAN_FRONTEND=noninteractive
install() { "${root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >&2; }
install || { "${root[@]}" apt-get update >&2 && install; }
