#!/usr/bin/env bash
# Producing alone: acks=all, 100-byte events, six partitions, three replicas. Squall's load (its outcomes recorded as in a run) with the id in
# the body and nothing else, as rdkafka_performance sends, and with a key and the id in a header; librdkafka's own rdkafka_performance; Kafka's
# kafka-producer-perf-test; one after the other, each ROUNDS times, on a real three-node Kafka (containers on the host's network, the image's
# own JVM settings) and on the embedded cluster. Then with all checks on: scenarios/bench/log-100k.yaml, a million events at 100,000/s, each
# with a key and the id in a header, through the fault proxy, read back from the topic, judged and reported (`squall_checked`), and
# kafka-producer-perf-test with as many at the same pace (`java_paced`). Prints a Markdown table, each number the median.
#
#   bench/real-speed.sh [EVENTS [ROUNDS]]        # 2000000, 3
#
# SQUALL names the binary (default target/debug/squall). Needs a container engine with apache/kafka (docs/images.md). Ports 19092 to 19094,
# 19192 to 19194 and 29092 to 29094 must be free.
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-2000000} rounds=${2:-3}
image=${SQUALL_IMAGE_KAFKA:-apache/kafka:4.2.1}
target=${CARGO_TARGET_DIR:-target}
squall=${SQUALL:-$target/debug/squall}
[ -x "$squall" ] || cargo build --quiet -p squall
cargo build --quiet -p squall-load --example pacing
performance=$(wire/bench/rdkafka_performance.sh)
work=$(mktemp -d)
served=
producers=(squall squall_full librdkafka java squall_checked java_paced)
nodes=(squall-speed-1 squall-speed-2 squall-speed-3)
end() {
    [ -z "$served" ] || kill "$served" 2>/dev/null || true
    docker rm --force --volumes "${nodes[@]}" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap end EXIT

now() { date +%s.%N; }
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# CPU seconds and resident MiB of processes.
cpu_s() { cat $(printf '/proc/%s/stat ' "$@") | awk '{ sub(/.*\) /, ""); ticks += $12 + $13 } END { print ticks / 100 }'; }
memory() { cat $(printf '/proc/%s/status ' "$@") | awk '/^VmRSS/ { kib += $2 } END { printf "%d", kib / 1024 }'; }
kafka() { docker run --rm --network host --env KAFKA_HEAP_OPTS=-Xmx512m "$image" "$@"; }

start_real() {
    local voters=1@127.0.0.1:19192,2@127.0.0.1:19193,3@127.0.0.1:19194 id
    for id in 1 2 3; do
        docker run --detach --network host --name "squall-speed-$id" --env CLUSTER_ID=c3F1YWxsLWNsdXN0ZXItMQ \
            --env KAFKA_NODE_ID=$id --env KAFKA_PROCESS_ROLES=broker,controller --env KAFKA_CONTROLLER_QUORUM_VOTERS=$voters \
            --env KAFKA_LISTENERS=PLAINTEXT://127.0.0.1:$((19091 + id)),CONTROLLER://127.0.0.1:$((19191 + id)) \
            --env KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:$((19091 + id)) --env KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER \
            --env KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT \
            "$image" >/dev/null &
    done
    wait
    for id in 1 2 3; do
        until docker logs "squall-speed-$id" 2>&1 | grep -q 'Kafka Server started'; do sleep 0.1; done
    done
    servers=$(docker inspect --format '{{.State.Pid}}' "${nodes[@]}")
}

start_embedded() {
    "$squall" serve kafka --port 29092 >"$work/served" 2>&1 &
    served=$! servers=$!
    until [ -s "$work/served" ]; do sleep 0.002; done
}

# Each prints: rate, CPU seconds of the producer.
by_squall() {
    local TIMEFORMAT='cpu %U %S'
    { time "$target/debug/examples/pacing" topic "$events" 0 "$1" bench "${2:-bare}"; } >"$work/told" 2>&1
    sed -n 's/^offered.*(\([0-9]*\)\/s).*/\1/p' "$work/told"
    awk '/^cpu/ { print $2 + $3 }' "$work/told"
}
by_squall_full() { by_squall "$1" full; }
by_librdkafka() {
    local TIMEFORMAT='cpu %U %S'
    { time "$performance" -P -t bench -s 100 -a -1 -c "$events" -b "$1" -X linger.ms=5; } >"$work/told" 2>&1
    grep -oE '[0-9]+ msgs/s' "$work/told" | tail -n 1 | cut -d ' ' -f 1
    awk '/^cpu/ { print $2 + $3 }' "$work/told"
}
by_java() { java_at -1 "$events" "$1"; }
java_at() {
    kafka sh -c "/opt/kafka/bin/kafka-producer-perf-test.sh --topic bench --num-records $2 --record-size 100 --throughput $1 \
        --bootstrap-server $3 --command-property acks=all --command-property linger.ms=5; times" >"$work/told" 2>&1
    grep -oE '[0-9.]+ records/sec' "$work/told" | tail -n 1 | cut -d . -f 1
    tail -n 1 "$work/told" | tr 'ms' '  ' | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'
}

# Of the scenario, a million events at 100,000/s.
checked_events=1000000 checked_rate=100000
by_java_paced() { java_at $checked_rate $checked_events "$1"; }
by_squall_checked() {
    local TIMEFORMAT='cpu %U %S'
    { time SQUALL_KAFKA_BOOTSTRAP_SERVERS=$1 "$squall" scenario scenarios/bench/log-100k.yaml --on external --plain --out "$work" || true; } >"$work/told" 2>&1
    # The rate is the scenario's; a run that did not keep it, or was not held, is told beside the numbers.
    grep -q '^HELD' "$work/told" || grep -E '^[A-Z]+ .*exit=' "$work/told" >>"$work/notes"
    sed -n 's/^LOAD .* \([0-9]*\) of [0-9]* offered.*/\1/p' "$work/told" | awk '{ print $1 / 10 }'
    awk '/^cpu/ { print $2 + $3 }' "$work/told"
}

measure() {
    local name=$1 bootstrap=$2 began producer round before rate cpu sent
    shift 2
    began=$(now)
    "$@"
    echo "$name: started in $(per "$(awk -v a="$(now)" -v b="$began" 'BEGIN { print a - b }')" 1) s, resident $(memory $servers) MiB before the load" >>"$work/notes"
    kafka /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$bootstrap" --create --topic bench --partitions 6 --replication-factor 3 \
        --config min.insync.replicas=2 >/dev/null
    for round in $(seq "$rounds"); do
        for producer in "${producers[@]}"; do
            case $producer in *_checked | *_paced) sent=$checked_events ;; *) sent=$events ;; esac
            before=$(cpu_s $servers)
            { read -r rate; read -r cpu; } < <("by_$producer" "$bootstrap") || { cat "$work/told" >&2; exit 1; }
            echo "$rate" >>"$work/$producer.rate"
            per "$cpu" "$(per "$sent" 1000000)" | xargs >>"$work/$producer.cpu"
            awk -v a="$(cpu_s $servers)" -v b="$before" -v n="$sent" 'BEGIN { printf "%.2f\n", (a - b) / n * 1000000 }' >>"$work/$producer.servers"
        done
    done
    echo "$name: resident $(memory $servers) MiB after it" >>"$work/notes"
    for producer in "${producers[@]}"; do
        echo "| $name | $producer | $(median <"$work/$producer.rate") | $(median <"$work/$producer.cpu") | $(median <"$work/$producer.servers") |"
        rm "$work/$producer".*
    done
}

echo "| cluster | producer | events/s | its CPU-seconds per million | the servers' |"
echo "|---|---|---|---|---|"
measure real 127.0.0.1:19092,127.0.0.1:19093,127.0.0.1:19094 start_real
docker rm --force --volumes "${nodes[@]}" >/dev/null
measure embedded 127.0.0.1:29092 start_embedded
echo
sed 's/$/  /' "$work/notes"
