//! How late a thread wakes up that does nothing but wake up: the floor of the pacing error on this machine, now.
//!
//! Same priority and same sleep as the dispatcher of a load, every 100 us for the given seconds.
//! `bench/pacing.sh` runs it beside a load.

#[path = "../src/clock.rs"]
#[allow(dead_code)]
mod clock;
#[path = "../src/priority.rs"]
mod priority;

use clock::RunTimes;
use hdrhistogram::Histogram;
use std::time::Instant;

const EVERY_NS: u64 = 100_000;

fn main() {
    let seconds: u64 = std::env::args()
        .nth(1)
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(10);
    priority::wake_on_time();
    let times = RunTimes {
        start: Instant::now(),
        started_unix_ns: 0,
        load_zero_ns: 0,
    };
    let mut late = Histogram::<u64>::new(3).expect("three digits are allowed");
    for at in (1..=seconds * 1_000_000_000 / EVERY_NS).map(|tick| tick * EVERY_NS) {
        times.sleep_until(at);
        late += times.now_ns().saturating_sub(at).max(1);
    }
    let ms = |quantile| late.value_at_quantile(quantile) as f64 / 1e6;
    println!(
        "a bare thread wakes up late by p50 {:.3} ms, p99.9 {:.3} ms, max {:.3} ms",
        ms(0.5),
        ms(0.999),
        ms(1.0)
    );
}
