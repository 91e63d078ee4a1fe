#!/bin/sh
# The pacing error at 20 000 events a second with the system running, five runs, and beside each what this machine costs
# a thread of the same priority that only sleeps: the load cannot be more exact than that.
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --bin squall
cargo build --quiet -p squall-load --example wake
target=${CARGO_TARGET_DIR:-target}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for run in 1 2 3 4 5; do
    "$target/debug/squall" scenario bench/pacing-20k.yaml --plain --out "$out" >"$out/said" 2>&1 &
    load=$!
    # The load runs from about the second second to the twelfth.
    sleep 2.5
    floor=$("$target/debug/examples/wake" 8)
    wait "$load" || true
    echo "run $run: $(grep -o 'pacing p99.9 [0-9.]* ms' "$out/said"); $floor"
done
