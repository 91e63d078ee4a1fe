#!/bin/sh
# Random faults on the correct system, run after run: how many were held, how often each kind of fault bit, in how many runs a partition's leader moved.
#
#   bench/random-nemesis.sh RUNS [FIRST_SEED] [FOLDER]
#
# One run at a time. Folders of runs that held are removed but for report.json and the elections of their brokers; the others stay whole. Asked again with the same FOLDER it goes
# on with more seeds and sums up all of them; RUNS 0 only sums up. SQUALL names the binary (default target/debug/squall).
set -eu
runs=${1:-200}
first=${2:-1}
out=${3:-reports/random-nemesis}
squall=${SQUALL:-target/debug/squall}
mkdir -p "$out"

seed=$first
while [ "$seed" -lt $((first + runs)) ]; do
    kept="$out/seed-$seed"
    if [ ! -f "$kept/report.json" ]; then
        "$squall" scenario random-nemesis --plain --seed "$seed" --out "$out/run" \
            --set 'load.stages=[{ rate: 150/s, for: 12s }]' > "$out/last.log" 2>&1 || true
        mkdir -p "$kept"
        # A leader that moves is one that another follows; what a run begins with are first leaders.
        "$squall" export "$out/run/latest" --to "$out/export" > /dev/null 2>&1 || true
        grep -h '"state":"elected"' "$out/export/notes.jsonl" > "$kept/elected.jsonl" 2> /dev/null || true
        rm -rf "$out/export"
        if tail -1 "$out/last.log" | grep -q '^HELD'; then
            cp "$out/run/latest/report.json" "$kept/"
        else
            cp -R "$out/run/latest/." "$kept/" 2>/dev/null || true
            cp "$out/last.log" "$kept/"
        fi
        tail -1 "$out/last.log"
        rm -rf "$out/run"
    fi
    seed=$((seed + 1))
done

python3 - "$out" <<'PY'
import collections, glob, json, os, sys

verdicts, kinds, bit, reasons = (collections.Counter() for _ in range(4))
moved = leaderless = late = 0


def leader_moves(folder):
    """Of partitions of topics that events travel on: how often another broker led than before."""
    leads, moves = {}, 0
    try:
        lines = open(os.path.join(folder, "elected.jsonl")).read().splitlines()
    except OSError:
        return None
    for line in lines:
        fact = json.loads(json.loads(line)["json"])["fact"]
        leader = fact["text"].removeprefix("leader ").split(",")[0]
        place = (fact["topic"], fact["partition"])
        if place[0].startswith("__") or not leader.isdigit():
            continue
        moves += leads.get(place, leader) != leader
        leads[place] = leader
    return moves


folders = sorted(glob.glob(os.path.join(sys.argv[1], "seed-*")), key=lambda name: int(name.rsplit("-", 1)[1]))
for folder in folders:
    try:
        report = json.load(open(os.path.join(folder, "report.json")))
    except OSError:
        verdicts["no report"] += 1
        print(f"no report: {folder}")
        continue
    verdicts[report["verdict"]] += 1
    if report["verdict"] != "held":
        reasons[report["headline"]] += 1
        print(f'{report["verdict"]} ({report["headline"]}) seed {report["seed"]}: {folder}')
        # Events that the harness sent late say that others wanted the machine too, and nothing of the system.
        late += bool(report["inconclusive"]) and all("pacing" in reason or "late" in reason for reason in report["inconclusive"])
        for reason in report["inconclusive"][:2]:
            print("   ", reason[:200])
    without = [((fault.get("measures") or {}).get("leaderless") or {}).get("partitions") for fault in report["faults"]]
    leaderless += any(without)
    moved += bool(leader_moves(folder))
    for fault in report["faults"]:
        kinds[fault["kind"]] += 1
        bit[fault["kind"]] += fault["bit"]
total = sum(verdicts.values())
print()
print("| kind | drawn | bit |\n|---|--:|--:|")
for kind in sorted(kinds):
    print(f"| {kind} | {kinds[kind]} | {bit[kind]} |")
share = 100 * verdicts["held"] / total if total else 0
print(f"\nNEMESIS runs={total} held={verdicts['held']} ({share:.1f} %) violated={verdicts['violated']} "
      f"inconclusive={verdicts['inconclusive']} of-these-sent-late={late} leaders-moved={moved} leaderless={leaderless} kinds={len(kinds)} least-bit={min(bit.values(), default=0)}")
PY
