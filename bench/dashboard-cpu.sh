#!/bin/sh
# CPU time of the dashboard's thread over 20 s of a run: bench/dashboard-cpu.sh [SQUALL [COLUMNS ROWS]]. Needs tmux.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
squall=$(readlink -f "${1:-$root/target/debug/squall}")
columns=${2:-200} rows=${3:-60}
work=$(mktemp -d)
on_tmux() { tmux -S "$work/socket" "$@"; }
trap 'on_tmux kill-server 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$root"
on_tmux -f /dev/null new-session -d -s run -x "$columns" -y "$rows" \
    "'$squall' scenario scenarios/partition-loss.yaml --seed 7 --out '$work/runs'; sleep 60"
thread=''
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.5
    for process in $(pgrep -x squall); do
        tr '\0' ' ' < "/proc/$process/cmdline" 2> /dev/null | grep -qF "$work/runs" || continue
        for task in "/proc/$process/task/"*; do
            if [ "$(cat "$task/comm" 2> /dev/null)" = dashboard ]; then thread=$task; fi
        done
    done
    if [ -n "$thread" ]; then break; fi
done
[ -n "$thread" ] || { echo "no dashboard came up" >&2; exit 1; }
on_cpu() { cut -d' ' -f1 "$thread/schedstat"; }
before=$(on_cpu)
sleep 20
after=$(on_cpu)
awk -v ns=$((after - before)) -v size="${columns}x$rows" \
    'BEGIN { printf "%s: %.0f ms of CPU in 20 s, %.2f %% of a core\n", size, ns / 1e6, ns / 2e8 }'
sleep 6
