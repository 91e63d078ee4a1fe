"""Writes the table of docs/findings.md from the newest run of each scenario and variant below a folder."""
import glob, json, os, re, subprocess, sys

# id, scenario, variant, what was published, and the sweep that tells a race's frequency
ROWS = [
    ("K1", "k01-acks-0", None, "100,000 sent, high watermark 99,979: lost", "acks-0"),
    ("K2", "k02-acks-1-slow-producer", None, "99,974 accepted, 99,974 kept: no loss seen", "slow"),
    ("K3", "k03-acks-1-many-producers", None, "846,117 accepted, 846,037 kept: lost", "many"),
    ("K4", "k03-acks-1-many-producers", "acks-all", "801,679 accepted, 801,683 kept: held", "all"),
    ("K5", "k05-acks-1-leader-cut-off", None, "95,513 accepted, 59,925 kept: lost", None),
    ("K6", "k05-acks-1-leader-cut-off", "acks-all", "51,029 accepted, 51,035 kept: held", None),
    ("K9", "k09-unclean-after-isolation", None, "about half of the accepted writes lost", None),
    ("K9", "k09-unclean-after-isolation", "clean", "(clean election) held", None),
    ("K10", "k10-first-back-leads", None, "broker 1 has only the first 50 of 70: lost", None),
    ("K10", "k10-first-back-leads", "clean", "(clean election) held", None),
    ("K11", "k11-stale-high-watermark", None, "held with leader epochs", None),
    ("K14", "k14-last-replica-loses-its-cache", None, "held with ELR", None),
    ("K14", "k14-last-replica-loses-its-cache", "without-elr", "lost without ELR", None),
    ("K16", "k16-no-fsync", None, "lost without fsync", None),
    ("K16", "k16-no-fsync", "fsync", "(fsync) held", None),
    ("K17", "k17-reordered", None, "reordered", None),
    ("K17", "k17-reordered", "idempotent", "(idempotence) in order", None),
    ("K20", "k20-error-yet-stored", None, "error returned, yet stored: indeterminate", None),
    ("K21", "k21-retries-duplicate", None, "duplicates without idempotence", None),
    ("K21", "k21-retries-duplicate", "idempotent", "none with it", None),
    ("K27c", "k27-k31-consumer-crash", None, "duplicates only, no loss", None),
    ("K27b", "k27-k31-consumer-crash", "k27b", "lost", None),
    ("K28", "k27-k31-consumer-crash", "k28", "lost", None),
    ("K31", "k27-k31-consumer-crash", "k31-commit-first", "lost", None),
    ("K31", "k27-k31-consumer-crash", "k31-handler-first", "duplicates", None),
]


def newest(folder):
    runs = {}
    for path in sorted(glob.glob(os.path.join(folder, "*", "report.json")), key=os.path.getmtime):
        report = json.load(open(path))
        runs[report["scenario"], report["variant"]] = report
    return runs


def measured(report):
    if report is None:
        return "not run"
    load = report["load"]
    verdict = report["verdict"] + (f" ({report['headline']})" if report["headline"] else "")
    told = [f"{load['accepted']} accepted", f"{report['lost']} lost"]
    told += [f"{a['name']} {a['count']} in {a['sink']}" for a in report["anomalies"] if a["name"] not in ("lost-write", "unseen")]
    if load["indeterminate"]:
        effects = sum(sink["indeterminate_effects"] for sink in report["sinks"])
        told.append(f"{load['indeterminate']} indeterminate, {effects} of them took effect")
    return f"**{verdict}**: {', '.join(told)}"


def refused(squall, scenario, variant):
    """Why a real cluster in containers cannot be made to suffer that; empty when it can."""
    command = [squall, "plan", f"scenarios/findings/{scenario}.yaml", "--on", "docker"]
    told = subprocess.run(command + (["--variant", variant] if variant else []), capture_output=True, text=True)
    first = told.stderr.splitlines()[0] if told.returncode else ""
    return "refused: " + first.rsplit(": ", 1)[1] if "docker cannot" in first else ""


def frequency(folder, sweep):
    try:
        line = open(os.path.join(folder, f"sweep-{sweep}")).read()
    except (OSError, TypeError):
        return ""
    numbers = dict(re.findall(r"(\w+)=(\d+)", line))
    return f"{numbers['violated']} of {numbers['seeds']} seeds" if "seeds" in numbers else ""


folder = sys.argv[1]
squall = sys.argv[2]
embedded, real = newest(folder), newest(os.path.join(folder, "real"))
lines = ["| id | scenario | published | `embedded` | real Kafka 4.2.1 (`docker`) | lost in `sim` |", "|---|---|---|---|---|---|"]
for row, scenario, variant, published, sweep in ROWS:
    name = f"`{scenario}`" + (f" ({variant})" if variant else "")
    there = real.get((scenario, variant))
    on_real = measured(there) if there else refused(squall, scenario, variant) or measured(None)
    lines.append(f"| {row} | {name} | {published} | {measured(embedded.get((scenario, variant)))} | {on_real} | {frequency(folder, sweep)} |")
page = "docs/findings.md"
text = open(page).read()
begin, end = "<!-- findings: begin -->", "<!-- findings: end -->"
before, rest = text.split(begin)
open(page, "w").write(before + begin + "\n\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1])
print(f"{page}: {len(lines) - 2} rows, {sum('not run' in line for line in lines)} not run")
