#!/bin/sh
# Published findings beside what Squall measures: runs scenarios/findings on the embedded cluster and, where a container engine answers, on
# real Kafka (--on docker), sweeps the races in the simulator, and writes the table of docs/findings.md.
#
#   bench/findings.sh [FOLDER]
#
# With a FOLDER that has runs already, only what is missing is run. SQUALL names the binary (default target/debug/squall; for real Kafka it must
# be built with --features docker).
set -eu
out=${1:-reports/findings}
squall=${SQUALL:-target/debug/squall}
mkdir -p "$out"
for file in scenarios/findings/*.yaml; do
    name=$(basename "$file" .yaml)
    ls -d "$out/$name"-2* > /dev/null 2>&1 || "$squall" test "$file" --out "$out" | grep -E '^(ok|FAIL)' || true
    docker info > /dev/null 2>&1 || continue
    # Links between containers are as they are.
    grep -q 'links:' "$file" && links="--set bus.kafka.links.latency=200us" || links=
    ls -d "$out/real/$name"-2* > /dev/null 2>&1 || "$squall" test "$file" --on docker --out "$out/real" $links | grep -E '^(ok|FAIL)' || true
done
for race in "k01-acks-0 acks-0" "k02-acks-1-slow-producer slow" "k03-acks-1-many-producers many" "k03-acks-1-many-producers all --variant acks-all"; do
    set -- $race
    file=$1 name=$2; shift 2
    [ -s "$out/sweep-$name" ] || "$squall" sim "scenarios/findings/$file.yaml" --seeds 200 --keep-going "$@" | tail -1 > "$out/sweep-$name" || true
done
python3 bench/findings.py "$out" "$squall"
