#!/bin/sh
# Builds librdkafka's own `rdkafka_performance` from the source inside the rdkafka-sys crate, into the target folder, and runs it with the
# arguments given here, for instance against a cluster that already runs:
#
#   wire/bench/rdkafka_performance.sh -P -t bench -s 100 -a -1 -c 5000000 -b 127.0.0.1:9092
#
# Without arguments it only builds, and prints where the program is.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
manifest=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --offline --locked |
    sed 's/"manifest_path":/\n&/g' | sed -n 's/^"manifest_path":"\([^"]*rdkafka-sys-[^"]*\)".*/\1/p' | head -n 1)
[ -n "$manifest" ] || { echo "rdkafka-sys is not among the packages of $root" >&2; exit 1; }
source=$(dirname "$manifest")/librdkafka
build=${CARGO_TARGET_DIR:-$root/target}/rdkafka_performance
program=$build/librdkafka/examples/rdkafka_performance

if [ ! -x "$program" ]; then
    mkdir -p "$build"
    cp -r "$source" "$build/"
    cd "$build/librdkafka"
    {
        ./configure --disable-ssl --disable-gssapi --disable-curl --disable-zstd --disable-lz4-ext
        make -C src librdkafka.a
        make -C examples rdkafka_performance
    } >"$build/build.log" 2>&1 || { tail -n 20 "$build/build.log" >&2; exit 1; }
fi

if [ $# -eq 0 ]; then
    echo "$program"
else
    exec "$program" "$@"
fi
