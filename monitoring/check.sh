#!/bin/sh
# Asks every query of the Grafana dashboard of a real Prometheus that scrapes a real run. Each must answer with a series.
# Usage: monitoring/check.sh [SQUALL]. Needs prometheus (Debian's package) and python3; without prometheus it says that it
# was skipped. Everything listens on loopback.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
squall=${1:-$root/target/debug/squall}
if ! command -v prometheus > /dev/null; then
    echo "skipped: prometheus is not installed (apt-get install prometheus)"
    exit 0
fi
work=$(mktemp -d)
prometheus_pid='' run_pid=''
clean() {
    if [ -n "$run_pid" ]; then kill -INT "$run_pid" 2> /dev/null || true; wait "$run_pid" 2> /dev/null || true; fi
    if [ -n "$prometheus_pid" ]; then kill "$prometheus_pid" 2> /dev/null || true; wait "$prometheus_pid" 2> /dev/null || true; fi
    rm -rf "$work"
}
trap clean EXIT INT TERM
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
metrics=127.0.0.1:$(free_port)
web=127.0.0.1:$(free_port)
cat > "$work/prometheus.yml" << YAML
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: squall
    static_configs: [{ targets: ["$metrics"] }]
  - job_name: services
    http_sd_configs: [{ url: "http://$metrics/targets", refresh_interval: 1s }]
YAML
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address="$web" \
    > "$work/prometheus.log" 2>&1 &
prometheus_pid=$!
cd "$root"
"$squall" scenario scenarios/broker-loss.yaml --plain --metrics "$metrics" --out "$work/runs" > "$work/run.log" 2>&1 &
run_pid=$!
if python3 "$root/monitoring/queries.py" "$root/monitoring/grafana/squall.json" "http://$web" \
    'up{job="services", service="producer"} == 1' 'up{job="services", service="consumer-db"} == 1'; then
    echo "every query of the dashboard answered"
else
    tail -5 "$work/run.log" "$work/prometheus.log"
    exit 1
fi
