#!/bin/sh
# The recorded trace hashes on aarch64, under qemu: built here, run there. Needs, on Debian,
#   apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross && rustup target add aarch64-unknown-linux-gnu
# Usage: bench/traces-aarch64.sh [--release]
set -eu
cd "$(dirname "$0")/.."
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
exec cargo test --target aarch64-unknown-linux-gnu -p squall-sim --test traces "$@"
