# Squall in an image: the command, and the services of its reference system. Small, not root, with a health check.
#
#   docker build -t squall:local .
#
# RUST and BASE name the images to build in and on. Where no registry is reachable, `.ci/images/build squall` builds the target
# `runtime` and adds a binary that is there already.
ARG RUST=rust:1-trixie
ARG BASE=debian:trixie-slim

FROM ${BASE} AS runtime
RUN useradd --uid 10001 --create-home squall
USER squall
WORKDIR /home/squall
# Every service answers there, whatever else it does; publish it on loopback.
ENV HOST=0.0.0.0 METRICS_PORT=9100
EXPOSE 3000 9100
HEALTHCHECK --interval=2s --timeout=2s --start-period=30s --retries=15 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$METRICS_PORT && printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["squall"]
CMD ["--help"]

FROM ${RUST} AS compiled
WORKDIR /src
COPY . .
# Optimising the program as a whole is for sweeps of the simulator, and takes long (docs/compose.md).
ENV CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false
RUN cargo build --release --locked --features postgres && strip -o /squall target/release/squall

FROM runtime
COPY --from=compiled /squall /usr/local/bin/squall
