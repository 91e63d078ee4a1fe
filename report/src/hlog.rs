//! `latency.hlog`: HdrHistogram's interval log, one tagged histogram a bucket and metric, values in nanoseconds.
//!
//! Format: HdrHistogram's `HistogramLogWriter`, log version 1.3, histograms as V2 with zlib. The usual tools divide by a million and so
//! show milliseconds.

use crate::Material;
use crate::error::ReportError;
use crate::series::Latency;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::time::{Duration, UNIX_EPOCH};

/// Name of the log in the run's folder.
pub const FILE_NAME: &str = "latency.hlog";

/// The log as bytes. Intervals lie on the load clock, by intended send time; tags are `accept` and `effect-SINK`.
pub fn log(material: Material<'_>) -> Result<Vec<u8>, ReportError> {
    let series = material.series;
    let mut all: Vec<(String, &Latency)> = vec![("accept".to_owned(), &series.accept)];
    for sink in &series.sinks {
        all.push((format!("effect-{}", tag_text(&sink.name)), &sink.latency));
    }
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let cannot = |error: String| ReportError::Log(error);
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment("[Logged by Squall: nanoseconds from the intended send, intervals by intended send time]")
        .with_start_time(UNIX_EPOCH + started(material))
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| cannot(format!("{error:?}")))?;
    let width = Duration::from_secs_f64(series.grid.width_ms / 1e3);
    for bucket in 0..series.grid.count {
        for (tag, latency) in &all {
            let Some(histogram) = latency.buckets.get(bucket).and_then(|of| of.histogram()) else {
                continue;
            };
            let begins = width * u32::try_from(bucket).unwrap_or(0);
            writer
                .write_histogram(histogram, begins, width, Tag::new(tag))
                .map_err(|error| cannot(format!("{error:?}")))?;
        }
    }
    Ok(bytes)
}

/// Wall-clock time of the load's beginning.
fn started(material: Material<'_>) -> Duration {
    let marks = &material.series.marks;
    let head: Option<jiff::Timestamp> = marks.head.started.parse().ok();
    let head = head.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    Duration::from_nanos(head.unwrap_or(0)) + Duration::from_nanos(marks.epoch_ns)
}

/// A tag ends at a comma, and the line at its end.
fn tag_text(name: &str) -> String {
    let safe = |c: char| {
        if c.is_control() || c.is_whitespace() || c == ',' {
            '_'
        } else {
            c
        }
    };
    name.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_cannot_end_a_tag_or_a_line() {
        assert_eq!(super::tag_text("a,b c\nd"), "a_b_c_d");
    }
}
