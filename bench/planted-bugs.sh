#!/bin/sh
# How many seeds and seconds it takes to find each planted bug, from 20 starts; then the correct configuration over the same scenarios.
# Usage: bench/planted-bugs.sh [starts] [seeds of the correct configuration]
# A quiet machine and a release build give the figures of docs/simulator.md; it takes about an hour.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --bin squall
squall=target/release/squall
"$squall" bugs --starts "${1:-20}" || echo "some starts missed their bug"
"$squall" bugs --correct "${2:-100000}"
