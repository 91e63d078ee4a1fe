//! What is compared of a run.

use crate::Series;
use squall_render::Report;
use squall_render::report::Verdict;

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Lower,
    Higher,
    Neither,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub direction: Direction,
    /// A count of what must not be: any change is one.
    pub exact: bool,
    pub value: Option<f64>,
}

pub type Figures = Vec<Figure>;

/// The figures of a run, from its report and its history.
#[must_use]
pub fn figures(report: &Report, series: &Series) -> Figures {
    let mut all = Vec::new();
    faults_of_correctness(report, &mut all);
    let load = &report.load;
    let offered = load.offered.max(1) as f64;
    let per_cent = |count: u64| Some(count as f64 / offered * 100.0);
    all.push(figure(
        "accepted",
        "%",
        Direction::Higher,
        per_cent(load.accepted),
    ));
    let errors = per_cent(load.rejected + load.indeterminate);
    all.push(figure("errors", "%", Direction::Lower, errors));
    latencies("accept", &series.accept.total, &mut all);
    for sink in &series.sinks {
        latencies(
            &format!("effect {}", sink.name),
            &sink.latency.total,
            &mut all,
        );
    }
    for fault in &report.faults {
        let Some(measures) = &fault.measures else {
            continue;
        };
        let ms = |name: &str, value| {
            figure(
                &format!("{name} of {}", fault.name),
                "ms",
                Direction::Lower,
                value,
            )
        };
        all.push(ms(
            "recovery",
            measures.recovery.map(|recovery| recovery.ms),
        ));
        all.push(ms("detection", measures.detect_ms));
        let leaderless = measures.leaderless.as_ref();
        all.push(ms("no leader", leaderless.map(|lost| lost.longest.ms)));
    }
    for (group, values) in &series.lag {
        let most = values.iter().flatten().copied().reduce(f64::max);
        all.push(figure(
            &format!("lag at most {group}"),
            "",
            Direction::Lower,
            most,
        ));
    }
    let harness = &report.harness;
    all.push(figure(
        "drain",
        "s",
        Direction::Lower,
        Some(harness.drain_s),
    ));
    all.push(figure(
        "harness CPU",
        "s",
        Direction::Neither,
        Some(harness.cpu_s),
    ));
    all
}

fn figure(name: &str, unit: &'static str, direction: Direction, value: Option<f64>) -> Figure {
    Figure {
        name: name.to_owned(),
        unit,
        direction,
        exact: false,
        value,
    }
}

fn exact(name: String, count: f64) -> Figure {
    Figure {
        exact: true,
        ..figure(&name, "", Direction::Lower, Some(count))
    }
}

fn faults_of_correctness(report: &Report, all: &mut Figures) {
    let held = f64::from(u8::from(report.verdict != Verdict::Held));
    all.push(exact("runs not held".to_owned(), held));
    let broken = report.thresholds.iter().filter(|limit| !limit.ok).count();
    all.push(exact("limits not held".to_owned(), broken as f64));
    for sink in &report.sinks {
        all.push(exact(format!("lost in {}", sink.name), sink.lost as f64));
        let duplicated = Figure {
            // At-least-once may repeat: a number like others.
            exact: sink.semantics == "exactly-once",
            ..exact(
                format!("duplicated in {}", sink.name),
                sink.duplicated as f64,
            )
        };
        all.push(duplicated);
        let dead = sink.dead_lettered as f64;
        all.push(figure(
            &format!("dead-lettered in {}", sink.name),
            "",
            Direction::Lower,
            Some(dead),
        ));
    }
    let anomalies: u64 = report.anomalies.iter().map(|anomaly| anomaly.count).sum();
    all.push(exact("anomalies".to_owned(), anomalies as f64));
}

fn latencies(name: &str, of: &crate::series::Distribution, all: &mut Figures) {
    for (label, value) in [
        ("p50", of.percentile_ms(50.0)),
        ("p99", of.percentile_ms(99.0)),
        ("max", of.max_ms()),
    ] {
        all.push(figure(
            &format!("{name} {label}"),
            "ms",
            Direction::Lower,
            value,
        ));
    }
}
