#!/bin/sh
# Makes the pictures of the README from a fresh run: bench/pictures.sh [SQUALL]. Needs chromium.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
squall=${1:-$root/target/debug/squall}
to=$root/docs/pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to"
cd "$root"
shoot() { # page, picture, size
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --window-size="$3" --screenshot="$2" "file://$1" > /dev/null 2>&1
}
"$squall" scenario scenarios/partition-loss.yaml --variant acks-1 --seed 7 --plain --out "$work/runs" || [ $? -eq 1 ]
run=$work/runs/latest
"$squall" watch "$run" --picture "$work/dashboard.svg" --at 9.5 --size 140x42
shoot "$work/dashboard.svg" "$to/dashboard.png" 1200,780
shoot "$run/report.html" "$to/report.png" 1280,1000
cp "$run/timeline.png" "$to/timeline.png"
ls -l "$to"
