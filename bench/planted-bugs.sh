#!/bin/sh
# How many seeds and seconds it takes to find each planted bug, from 20 starts; then the correct configuration over the same scenarios.
# Usage: bench/planted-bugs.sh [starts] [seeds of the correct configuration]
# Gives the figures of docs/simulator.md, in about ten minutes on two quiet cores, the release build excepted.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --bin squall
squall=target/release/squall
"$squall" bugs --starts "${1:-20}" || echo "some starts missed their bug"
"$squall" bugs --correct "${2:-100000}"
