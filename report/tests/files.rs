//! The files beside the page: pictures that decode, logs that HdrHistogram's own reader takes.

mod support;

use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use squall_check::Kind;
use squall_report::{FILES, Material, Series};
use std::collections::BTreeMap;
use std::path::Path;
use support::*;

fn drawn(folder: &Path, text: &str) -> Series {
    let mut plan = plan();
    text.clone_into(&mut plan.faults[0].name);
    text.clone_into(&mut plan.system.spec.sinks[0].name);
    let mut ops = Vec::new();
    for sequence in 0..500 {
        let at = sequence as f64 * 10.0;
        ops.push(op(Kind::Offered, at, sequence, 0));
        ops.push(op(Kind::Accepted, at + 3.0, sequence, 0));
        ops.push(op(Kind::Effect, at + 40.0, sequence, 0));
    }
    let mut notes = notes(text, 1_000.0, 2_000.0, 6_000.0, text);
    notes.push(lag(2_500.0, text, 12.0));
    store(folder, &notes, &ops);
    let series = Series::read(folder, &plan).expect("a whole history");
    let report = report(&plan, text);
    let material = Material {
        plan: &plan,
        report: &report,
        series: &series,
        story: None,
    };
    squall_report::write(folder, material).expect("all files");
    series
}

fn pixels(path: &Path) -> (u32, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("a picture"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("its pixels");
    (info.width, pixels)
}

#[test]
fn pictures_decode_show_something_and_are_the_same_again() {
    let (one, two) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    drawn(one.path(), "leader-lost");
    drawn(two.path(), "leader-lost");
    for name in FILES {
        let bytes = |folder: &Path| std::fs::read(folder.join(name)).expect("the file");
        assert_eq!(bytes(one.path()), bytes(two.path()), "{name}");
    }
    for name in FILES.iter().filter(|name| name.ends_with(".png")) {
        let (width, pixels) = pixels(&one.path().join(name));
        assert_eq!(width, 1600);
        let inked = pixels.chunks(3).filter(|pixel| *pixel != [255; 3]).count();
        assert!(inked > 20_000, "{name}: only {inked} pixels are not white");
        // The palette's blue of what was accepted, or the green of the first sink.
        let colours = pixels
            .chunks(3)
            .filter(|pixel| *pixel == [0, 99, 166] || *pixel == [0, 128, 92])
            .count();
        assert!(colours > 200, "{name}: {colours}");
    }
}

#[test]
fn names_of_any_length_and_letters_are_drawn() {
    for text in [
        "",
        "\u{202e}\u{0}\n<b>",
        &"long ".repeat(2_000),
        "журнал 🦀 日本",
        "a,b c",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        drawn(folder.path(), text);
    }
}

#[test]
fn the_reader_of_hdrhistogram_takes_the_log_and_finds_every_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let series = drawn(folder.path(), "users");
    let log = std::fs::read(folder.path().join("latency.hlog")).expect("the log");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut started = None;
    let mut largest = 0;
    for entry in IntervalLogIterator::new(&log) {
        match entry.expect("a line of the format") {
            LogEntry::StartTime(time) => started = Some(time.as_secs_f64()),
            LogEntry::BaseTime(_) => panic!("intervals count from the start"),
            LogEntry::Interval(interval) => {
                let bytes = decoded(interval.encoded_histogram());
                let histogram: hdrhistogram::Histogram<u64> = Deserializer::new()
                    .deserialize(&mut bytes.as_slice())
                    .expect("a histogram");
                let tag = interval.tag().expect("a tag").as_str().to_owned();
                *counts.entry(tag).or_default() += histogram.len();
                largest = histogram.max().max(largest);
            }
        }
    }
    assert_eq!(
        counts,
        BTreeMap::from([("accept".to_owned(), 500), ("effect-users".to_owned(), 500)])
    );
    assert!(
        (40_000_000..41_000_000).contains(&largest),
        "nanoseconds: {largest}"
    );
    let expected = 1_795_255_200.0 + EPOCH_NS as f64 / 1e9;
    assert!(
        (started.expect("a start") - expected).abs() < 0.01,
        "{started:?} is not {expected}"
    );
    assert_eq!(series.sinks[0].latency.total.count(), 500);
}

fn decoded(text: &str) -> Vec<u8> {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, &byte| bits << 6 | u32::from(letter(byte)));
        let bits = bits << (6 * (4 - chunk.len()));
        bytes.extend(bits.to_be_bytes()[1..].iter().take(chunk.len() * 6 / 8));
    }
    bytes
}
