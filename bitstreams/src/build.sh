set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for tool in vivado v++; do
    command -v "$tool" >/dev/null || {
        echo "build.sh: there is no $tool on PATH: source settings64.sh of a Vitis installation" >&2
        exit 2
    }
done

# What a step says goes to its log; the log's end is shown where it fails.
step() {
    local log=$PWD/$1.log
    shift
    echo "build.sh: $* (log: $log)"
    "$@" >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        echo "build.sh: $1 failed; its log is $log" >&2
        exit 1
    }
}

rm -f -- "$name.xo" "$name.xclbin"
step vivado vivado -mode batch -nolog -nojournal -notrace -source package_xo.tcl
step v++ v++ --link --target hw --config link.cfg --temp_dir _link --output "$name.xclbin" "$name.xo"
[ -s "$name.xclbin" ] || {
    echo "build.sh: v++ ended well, but wrote no $name.xclbin; its log is $PWD/v++.log" >&2
    exit 1
}
echo "$PWD/$name.xclbin"
