//! The end of a history: what the harness used, and how the run ended.

use super::phases::{Ended, Outcome};
use super::pipeline::Context;
use crate::exit::Failure;
use squall_history::What;
use std::collections::BTreeMap;

/// Records the harness's own use of the machine and the end, and closes the history.
pub fn close(context: &Context<'_>, ended: &Result<Ended, Failure>) -> Result<(), Failure> {
    for (metric, value) in usage() {
        context.notes.note(What::Sample {
            metric: metric.to_owned(),
            labels: BTreeMap::new(),
            value,
        });
    }
    let outcome = match ended {
        Ok(ended) if ended.outcome == Outcome::Complete => "complete",
        Ok(_) => "interrupted",
        Err(_) => "aborted",
    };
    context.notes.note(What::End {
        outcome: outcome.to_owned(),
    });
    // A history that could not be written shows as one without its end, which is never held.
    context.recorder.finish().map(|_| ()).map_err(|error| {
        Failure::environment(format!("the history is not complete: {error}"))
            .hint("free disk space, or choose another folder with --out")
    })
}

/// CPU seconds and largest memory of this process, embedded brokers included. Empty where there is no /proc.
fn usage() -> Vec<(&'static str, f64)> {
    let mut usage = Vec::new();
    usage.extend(cpu_s().map(|seconds| ("harness_cpu_s", seconds)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    usage.extend(peak_kib.map(|kib| ("harness_memory_max_mib", kib / 1024.0)));
    usage
}

/// User and system time of this process so far: fields 14 and 15 of proc(5)'s stat, counted behind the name in brackets.
pub fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / rustix::param::clock_ticks_per_second().max(1) as f64)
}
