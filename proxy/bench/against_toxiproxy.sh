#!/usr/bin/env bash
# Measures a direct connection, this proxy and the real Toxiproxy in one run and prints a table with ratios.
#   proxy/bench/against_toxiproxy.sh [seconds a measurement] [rounds]
# The real one is $TOXIPROXY_BIN, toxiproxy-server on PATH, or fetched by Go when that is at hand; without it only ours is measured.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${TOXIPROXY_BIN:-}" ]; then
    if TOXIPROXY_BIN="$(command -v toxiproxy-server)"; then
        export TOXIPROXY_BIN
    elif command -v go >/dev/null; then
        tools="$PWD/target/toxiproxy"
        [ -x "$tools/server" ] || GOBIN="$tools" go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0
        export TOXIPROXY_BIN="$tools/server"
    else
        unset TOXIPROXY_BIN
    fi
fi
cargo run --quiet -p squall-proxy --example against_toxiproxy -- "$@"
