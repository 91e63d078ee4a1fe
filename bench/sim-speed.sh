#!/bin/sh
# How fast the simulator is: events and messages a second, seeds a second on one core and on two, memory over a long sweep, and the
# ping-pong that is also there for turmoil. Prints the numbers that docs/simulator.md records.
#
#   bench/sim-speed.sh target/release/squall [LONG_SWEEP_SEEDS]
#
# For the ping-pong: cargo build --release -p squall-sim --example pingpong
#                    (cd bench/turmoil-pingpong && cargo build --release)
set -eu
squall=$(realpath "$1")
long=${2:-20000}
cd "$(dirname "$0")/.."

sweep() { # CORES SEEDS SCENARIO EVENTS
    cores=$1 seeds=$2 scenario=$3 events=$4
    shift 4
    taskset -c "$cores" "$squall" sim "$scenario" --seeds "$seeds" --events "$events" --keep-going "$@" 2>/dev/null |
        sed -n 's/^RATE *//p; s/^SWEEP.* \(rate=[^ ]*\).*/\1/p' | tr '\n' ' '
    echo
}

echo "== batches of at most 10, three replicas, every event checked: one seed of 200,000 events on one core"
for scenario in sim-log-batches-of-10 sim-batches-of-10; do
    echo "$scenario (the topic is the sink; a service passes it on to another topic):"
    sweep 0 3 "scenarios/bench/$scenario.yaml" 200000
done
for scenario in bench/sim-500-events sim/log burst consumer-crash bench/sim-batches-of-10; do
    echo "== seeds of 500 events, $scenario: one core, then two"
    sweep 0 500 "scenarios/$scenario.yaml" 500
    sweep 0,1 1000 "scenarios/$scenario.yaml" 500
done

echo "== memory over a sweep of $long seeds (kB resident, every 10 s)"
"$squall" sim scenarios/bench/sim-batches-of-10.yaml --seeds "$long" --events 100 --keep-going >/dev/null 2>&1 &
pid=$!
trap 'kill -INT "$pid" 2>/dev/null || true' INT TERM
while kill -0 "$pid" 2>/dev/null; do
    sed -n 's/^VmRSS:[ \t]*//p' "/proc/$pid/status" 2>/dev/null | sed "s/^/$(date +%T)  /" || true
    sleep 10
done

echo "== ping-pong, 1 pair and 100 pairs"
ours=target/release/examples/pingpong
theirs=bench/turmoil-pingpong/target/release/turmoil-pingpong
for pairs in 1 100; do
    [ ! -x "$ours" ] || taskset -c 0 "$ours" 10000000 "$pairs"
    [ ! -x "$theirs" ] || taskset -c 0 "$theirs" 100000 "$pairs"
done
