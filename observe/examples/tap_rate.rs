//! What a topic tap takes, and the CPU it costs:
//!
//!     cargo run --release -p squall-observe --example tap_rate -- 127.0.0.1:9092 out 2000000
//!
//! Needs a cluster (`squall serve kafka`) that has the topic with records in it: `squall-load`'s example `pacing` fills one.
//! It reads that many records, or all that there are, and prints records per second and cores used by this process.

#![allow(clippy::unwrap_used)]

use squall_check::Kind;
use squall_history::Recorder;
use squall_observe::{Store, Tap, TapSpec, Watch};
use squall_plan::system::IdPlace;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |index: usize, default: &str| {
        arguments
            .get(index)
            .map_or(default, String::as_str)
            .to_owned()
    };
    let wanted: u64 = text(2, "1000000").parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(&folder.path().join(squall_history::FILE_NAME), 1).unwrap();
    let store = Store::Topic {
        topic: text(1, "out"),
        id: IdPlace::Header("ce_id".into()),
        settings: BTreeMap::from([("bootstrap.servers".to_owned(), text(0, "127.0.0.1:9092"))]),
    };
    let spec = TapSpec {
        name: "out".into(),
        place: 0,
        kind: Kind::Effect,
        store,
    };
    let (began, cpu) = (Instant::now(), cpu());
    let tap = Tap::start(
        spec,
        Watch {
            start: began,
            recorder: recorder.clone(),
            run: 1,
        },
    )
    .unwrap();
    let mut moved = (Instant::now(), 0);
    while tap.status().seen < wanted && moved.0.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(10));
        let seen = tap.status().seen;
        if seen != moved.1 {
            moved = (Instant::now(), seen);
        }
    }
    let (took, used) = ((moved.0 - began).as_secs_f64(), self::cpu() - cpu);
    let read = tap.finish(Duration::from_secs(20)).unwrap();
    recorder.finish().unwrap();
    println!(
        "{} records ({} foreign) in {took:.2} s: {:.0}/s, {:.2} us of CPU each, {:.2} cores at 200000/s",
        moved.1,
        read.foreign,
        moved.1 as f64 / took,
        used * 1e6 / moved.1 as f64,
        used * 200_000.0 / moved.1 as f64
    );
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
