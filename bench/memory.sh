#!/bin/sh
# Runs a long load and prints the resident memory of the harness (embedded brokers included) every 30 s: it must stay flat.
#
#   bench/memory.sh target/debug/squall [SCENARIO]
set -eu
squall=$1
scenario=${2:-bench/long-20k.yaml}
cd "$(dirname "$0")/.."
out=$(mktemp -d)
"$squall" scenario "$scenario" --plain --out "$out" >"$out/log" 2>&1 &
pid=$!
trap 'kill -INT "$pid" 2>/dev/null || true' INT TERM
while kill -0 "$pid" 2>/dev/null; do
    sed -n 's/^VmRSS:[ \t]*//p' "/proc/$pid/status" 2>/dev/null | sed "s/^/$(date +%T)  /" || true
    sleep 30
done
tail -n 12 "$out/log"
rm -rf "$out"
