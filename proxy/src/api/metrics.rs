//! `/metrics` for Prometheus: Toxiproxy's two counters under its names, and what faults have done under ours.

use crate::engine::{Counters, DirectionCounters, Engine, ProxyError, ProxyInfo};
use crate::toxic::Direction;
use std::fmt::Write;

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

type OfDirection = fn(&DirectionCounters) -> u64;
type OfProxy = fn(&Counters) -> u64;

const OF_DIRECTIONS: [(&str, &str, &str, OfDirection); 6] = [
    (
        "toxiproxy_proxy_received_bytes_total",
        "counter",
        "Bytes read from the source.",
        |c| c.received_bytes,
    ),
    (
        "toxiproxy_proxy_sent_bytes_total",
        "counter",
        "Bytes written to the destination.",
        |c| c.sent_bytes,
    ),
    (
        "squall_proxy_held_bytes_total",
        "counter",
        "Bytes that a fault made wait.",
        |c| c.held_bytes,
    ),
    (
        "squall_proxy_holding_bytes",
        "gauge",
        "Bytes that a fault holds now.",
        |c| c.holding_bytes,
    ),
    (
        "squall_proxy_dropped_bytes_total",
        "counter",
        "Bytes that a toxic made vanish.",
        |c| c.dropped_bytes,
    ),
    (
        "squall_proxy_held_ends_total",
        "counter",
        "Ends of a stream that a fault made wait.",
        |c| c.held_ends,
    ),
];

const OF_PROXIES: [(&str, &str, &str, OfProxy); 6] = [
    (
        "squall_proxy_connections_total",
        "counter",
        "Connections accepted.",
        |c| c.connections,
    ),
    (
        "squall_proxy_connections_open",
        "gauge",
        "Connections open now.",
        |c| c.connections_open,
    ),
    (
        "squall_proxy_connections_refused_total",
        "counter",
        "Connections reset at once.",
        |c| c.connections_refused,
    ),
    (
        "squall_proxy_upstream_failures_total",
        "counter",
        "Connections whose upstream could not be reached.",
        |c| c.upstream_failures,
    ),
    (
        "squall_proxy_resets_total",
        "counter",
        "Connections that the proxy reset.",
        |c| c.resets,
    ),
    (
        "squall_proxy_closed_by_toxic_total",
        "counter",
        "Connections that a toxic closed.",
        |c| c.closed_by_toxic,
    ),
];

/// All proxies' counters in Prometheus' text format.
pub fn text(engine: &Engine) -> Result<String, ProxyError> {
    let mut counted = Vec::new();
    for info in engine.proxies()? {
        // One that has been removed since is left out.
        if let Ok(counters) = engine.counters(&info.name) {
            counted.push((info, counters));
        }
    }
    let mut out = String::new();
    for (name, kind, help, value) in OF_DIRECTIONS {
        head(&mut out, name, kind, help);
        for (info, counters) in &counted {
            for direction in Direction::BOTH {
                let value = value(counters.direction(direction));
                let direction = format!("direction=\"{}\",", direction.name());
                line(&mut out, name, &direction, info, value);
            }
        }
    }
    for (name, kind, help, value) in OF_PROXIES {
        head(&mut out, name, kind, help);
        for (info, counters) in &counted {
            line(&mut out, name, "", info, value(counters));
        }
    }
    Ok(out)
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, direction: &str, info: &ProxyInfo, value: u64) {
    let [proxy, listener, upstream] =
        [&info.name, &info.listen, &info.upstream].map(|text| escaped(text));
    let _ = writeln!(
        out,
        "{name}{{{direction}listener=\"{listener}\",proxy=\"{proxy}\",upstream=\"{upstream}\"}} {value}"
    );
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
