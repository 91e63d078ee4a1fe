//! How exactly the load keeps its times, and what it reaches.
//!
//!     cargo run --release -p squall-load --example pacing -- http 20000 10
//!     cargo run --release -p squall-load --example pacing -- http 20000 10 2      # with 2 threads that burn CPU
//!     cargo run --release -p squall-load --example pacing -- topic 200000 5 127.0.0.1:9092 signups
//!     cargo run --release -p squall-load --example pacing -- topic 2000000 0 127.0.0.1:9092 signups   # so many, as fast as it goes
//!
//! Behind the topic: `bare` (the id in the body; no key, no header), `keyed` (a key, no header); else a key, and the id in a header.
//!
//! `http` answers itself, from a thread for each connection of the same process: the system is running, and on the same
//! cores. `topic` needs a cluster (`squall serve kafka`) that has the topic.

#![allow(clippy::unwrap_used)]

use squall_history::Recorder;
use squall_load::{LoadReport, LoadSpec, RunTimes, RunningLoad, Target};
use squall_plan::plan::Arrival;
use squall_plan::scenario::{self, Keys, Load, LoadEntry};
use squall_plan::system::IdPlace;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between the start of the threads and the first event.
const LEAD_NS: u64 = 500_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |index: usize| arguments.get(index).map(String::as_str);
    let number =
        |index: usize, default: u64| text(index).map_or(default, |text| text.parse().unwrap());
    let (rate, seconds) = (number(1, 20_000), number(2, 10));
    let stop = Arc::new(AtomicBool::new(false));
    let (entry, target, burners) = match text(0) {
        Some("topic") => {
            let settings = [
                ("bootstrap.servers", text(3).unwrap_or("127.0.0.1:9092")),
                ("acks", "all"),
                ("linger.ms", "5"),
            ];
            let settings: BTreeMap<_, _> = settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let topic = text(4).unwrap_or("signups").to_owned();
            let id = match text(5) {
                Some("bare") => IdPlace::Body,
                Some("keyed") => IdPlace::Json("/id".into()),
                _ => IdPlace::Header("ce_id".into()),
            };
            let entry = LoadEntry::Topic { topic, id };
            (entry, Target::Topic { settings }, 0)
        }
        _ => (
            http_entry(),
            Target::Http {
                addresses: vec![answerer()],
            },
            number(3, 0),
        ),
    };
    for _ in 0..burners {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || while !stop.load(Relaxed) {});
    }
    let (report, took) = run(load(entry), rate, seconds, target);
    stop.store(true, Relaxed);
    print(&report, seconds, took);
}

fn http_entry() -> LoadEntry {
    LoadEntry::Http {
        method: "POST".into(),
        service: "answerer".into(),
        port: "http".into(),
        path: "/event".into(),
        id: IdPlace::Header("ce-id".into()),
    }
}

fn load(entry: LoadEntry) -> Load {
    let bare = matches!(
        entry,
        LoadEntry::Topic {
            id: IdPlace::Body,
            ..
        }
    );
    Load {
        name: "pacing".into(),
        entry,
        headers: BTreeMap::new(),
        body: serde_json::json!({"type": "user_signup", "data": {"user": "{{key}}", "email": "{{id}}@squall.test"}}),
        size_bytes: Some(100),
        key: if bare { "" } else { "{{key}}" }.into(),
        keys: Keys::Uniform { count: 1000 },
        arrival: scenario::Arrival::Uniform,
        stages: Vec::new(),
        outcomes: Vec::new(),
        timeout_ns: 10_000_000_000,
        connections: 64,
        odd: None,
    }
}

/// The report, and the time from the first event's until all outcomes were known.
fn run(load: Load, rate: u64, seconds: u64, target: Target) -> (LoadReport, Duration) {
    let events = rate * seconds.max(1);
    let arrival = move |sequence: u64| Arrival {
        at_ns: sequence * seconds * 1_000_000_000 / events,
        sequence,
        key: (sequence % 1000) as u32,
    };
    let arrivals = Box::new((0..events).map(arrival));
    let spec = LoadSpec {
        load,
        stream: 0,
        seed: 1,
        timeline: Vec::new(),
        events,
        arrivals,
    };
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(&folder.path().join(squall_history::FILE_NAME), 0).unwrap();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let times = RunTimes {
        start: Instant::now(),
        started_unix_ns: unix.as_nanos() as u64,
        load_zero_ns: LEAD_NS,
    };
    let report = RunningLoad::start(spec, target, times, recorder.clone())
        .unwrap()
        .join()
        .unwrap();
    let took = times.start.elapsed() - Duration::from_nanos(LEAD_NS);
    recorder.finish().unwrap();
    (report, took)
}

fn print(report: &LoadReport, seconds: u64, took: Duration) {
    let ms = |ns: u64| ns as f64 / 1e6;
    println!(
        "offered {} in {seconds} s, accepted {}, rejected {}, indeterminate {}; all settled after {:.2} s ({:.0}/s)",
        report.offered,
        report.accepted,
        report.rejected,
        report.indeterminate,
        took.as_secs_f64(),
        report.accepted as f64 / took.as_secs_f64()
    );
    for (name, spread) in [("pacing", report.pacing), ("sending", report.sending)] {
        println!(
            "{name:8} p50 {:.3} ms  p99 {:.3} ms  p99.9 {:.3} ms  max {:.3} ms",
            ms(spread.p50_ns),
            ms(spread.p99_ns),
            ms(spread.p999_ns),
            ms(spread.max_ns)
        );
    }
    println!(
        "late {}  in flight at most {}  {:?}  {:?}",
        report.late, report.in_flight_max, report.statuses, report.causes
    );
}

/// A server that says 202 to everything.
fn answerer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

/// One read is one request: the client sends the next only after the answer.
fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
        if stream
            .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            .is_err()
        {
            return;
        }
    }
}
