#!/usr/bin/env bash
# What `make lint` asks of the tracked files themselves.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() {
    echo "check-files: $*" >&2
    failed=1
}

while IFS= read -r -d '' file; do
    [ -f "$file" ] || continue
    case "$file" in
    *.rs)
        lines=$(wc -l <"$file")
        [ "$lines" -le 400 ] || complain "$file has $lines lines: split it by sub-unit (400 at most)"
        ;;
    *.so | *.o | *.fst | *.vcd | *.xo | *.xclbin) complain "$file is generated and must not be tracked" ;;
    esac
    size=$(wc -c <"$file")
    [ "$size" -le 1048576 ] || complain "$file has $size bytes (1 MiB at most)"
done < <(git ls-files -z)

vague=$(git ls-files | grep -E '(^|/)(utils?|common|helpers?|misc|manager)(\.rs|/)' || true)
[ -z "$vague" ] || complain "names that explain nothing: $vague"

# Brackets keep the patterns from finding themselves.
marks=$(git grep -nE '[t]odo!\(|[u]nimplemented!\(|[F]IXME|[X]XX|#\[[i]gnore\]|[a]llow\(dead_code\)' -- '*.rs' || true)
[ -z "$marks" ] || complain "unfinished marks: $marks"

places=$(git grep -nIE '/[h]ome/[a-z]|/[r]oot/|/[U]sers/[a-z]|/[w]ork/|[a]rtifactory|[r]eplace-with' -- . ':!Cargo.lock' || true)
[ -z "$places" ] || complain "places on one machine: $places"
sources=$(grep -E '^source = ' Cargo.lock | grep -vF '"registry+https://github.com/rust-lang/crates.io-index"' || true)
[ -z "$sources" ] || complain "Cargo.lock names a source that is not crates.io: $sources"

if [ -f ARCHITECTURE.md ]; then
    lines=$(wc -l <ARCHITECTURE.md)
    [ "$lines" -le 200 ] || complain "ARCHITECTURE.md has $lines lines (200 at most)"
fi
exit "$failed"
