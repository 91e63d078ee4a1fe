//! The charts of a run.

use super::{Band, Chart, Dash, Line, Tickmark, Unit, X, Y};
use crate::Material;
use crate::series::{Distribution, Grid, Latency, Mark, Named, Series};

/// Partitions of a group that are drawn: as many as there are colours for them.
const PARTITIONS_SHOWN: usize = 5;

/// Offered, accepted and effects, as rates.
pub fn rates(material: Material<'_>) -> Chart {
    let series = material.series;
    let grid = series.grid;
    let mut lines = vec![
        area(line(
            "offered",
            0,
            Dash::Solid,
            &grid,
            grid.rate(&series.offered),
        )),
        line(
            "accepted",
            1,
            Dash::Solid,
            &grid,
            grid.rate(&series.accepted),
        ),
    ];
    for (name, colour, counts) in [
        ("rejected", 6, &series.rejected),
        ("unknown outcome", 5, &series.indeterminate),
    ] {
        if counts.iter().any(|&count| count > 0) {
            lines.push(line(name, colour, Dash::Dotted, &grid, grid.rate(counts)));
        }
    }
    for (index, sink) in series.sinks.iter().enumerate() {
        let name = format!("effects in {}", sink.name);
        let dash = if index == 0 {
            Dash::Dashed
        } else {
            Dash::Dotted
        };
        lines.push(line(
            &name,
            colour(index),
            dash,
            &grid,
            grid.rate(&sink.effects),
        ));
        if sink.dead_letters.iter().any(|&count| count > 0) {
            let name = format!("dead letters of {}", sink.name);
            lines.push(line(
                &name,
                6,
                Dash::Dashed,
                &grid,
                grid.rate(&sink.dead_letters),
            ));
        }
    }
    let note = format!(
        "Events a second, in steps of {}. Offered counts at the intended time, accepted and effects when they were seen.",
        crate::words::time(grid.width_ms)
    );
    over_time(
        "rates",
        "Offered, accepted, in effect",
        note,
        Unit::EventsPerSecond,
        lines,
        series,
    )
}

/// Accepted events without effect yet, by sink.
pub fn in_flight(material: Material<'_>) -> Chart {
    let series = material.series;
    let lines = series.sinks.iter().enumerate().map(|(index, sink)| {
        let values = sink
            .pending
            .iter()
            .map(|&count| Some(count as f64))
            .collect();
        line(&sink.name, colour(index), dash(index), &series.grid, values)
    });
    let note = "Accepted, and neither an effect nor a dead letter in the sink yet. What stays up at the end was lost, or was still \
                on its way."
        .to_owned();
    let lines = lines.collect();
    over_time(
        "in-flight",
        "In flight by sink",
        note,
        Unit::Events,
        lines,
        series,
    )
}

/// Lag by consumer group. Without values where the history has none.
pub fn lag(material: Material<'_>) -> Chart {
    let series = material.series;
    let lines = series
        .lag
        .iter()
        .enumerate()
        .map(|(index, (group, values))| {
            line(
                group,
                colour(index),
                dash(index),
                &series.grid,
                values.clone(),
            )
        });
    let note = "Records between a group's committed offsets and the ends of the logs, looked at five times a second; the largest \
                of each step."
        .to_owned();
    let lines = lines.collect();
    over_time(
        "lag",
        "Lag by consumer group",
        note,
        Unit::Records,
        lines,
        series,
    )
}

/// Lag of the worst partitions of each group that has more than one. Groups that were never behind have none.
pub fn lag_by_partition(material: Material<'_>) -> Vec<Chart> {
    let series = material.series;
    let charts = series.lag_partitions.iter().enumerate();
    charts
        .filter(|(_, (_, partitions))| partitions.len() > 1)
        .map(|(index, (group, partitions))| {
            let lines = worst(partitions, &series.grid);
            let note = format!(
                "Records that the group has not committed past, of its {} partitions with the highest peaks ({} in all), at most \
                 once a second.",
                lines.len(),
                partitions.len()
            );
            let title = format!("Lag by partition of {group}");
            let id = format!("lag-{index}");
            let mut chart = over_time(&id, "", note, Unit::Records, lines, series);
            chart.title = title;
            chart
        })
        .filter(|chart| values_of(&chart.lines).any(|value| value > 0.0))
        .collect()
}

/// The partitions with the highest peaks, the worst first.
fn worst(partitions: &[Named], grid: &Grid) -> Vec<Line> {
    let peak = |values: &[Option<f64>]| values.iter().flatten().copied().fold(0.0, f64::max);
    let mut all: Vec<_> = partitions.iter().collect();
    all.sort_by(|(_, a), (_, b)| peak(b).total_cmp(&peak(a)));
    let shown = all.into_iter().take(PARTITIONS_SHOWN).enumerate();
    shown
        .map(|(index, (name, values))| line(name, colour(index), dash(index), grid, values.clone()))
        .collect()
}

/// Time to accept over time.
pub fn accept_latency(material: Material<'_>) -> Chart {
    let series = material.series;
    latency(
        "accept",
        "Time until accepted".to_owned(),
        1,
        &series.accept,
        series,
    )
}

/// Time to the effect in a sink over time.
pub fn effect_latency(material: Material<'_>, sink: usize) -> Option<Chart> {
    let series = material.series;
    let of = series.sinks.get(sink)?;
    let title = format!("Time until its effect shows in {}", of.name);
    let id = format!("effect-{sink}");
    Some(latency(&id, title, colour(sink), &of.latency, series))
}

fn latency(id: &str, title: String, colour: u8, latency: &Latency, series: &Series) -> Chart {
    let grid = &series.grid;
    let values =
        |value: fn(&Distribution) -> Option<f64>| latency.buckets.iter().map(value).collect();
    let lines = vec![
        // Under few events it is the p99's line: as an area it still shows.
        area(line(
            "largest",
            0,
            Dash::Dotted,
            grid,
            values(Distribution::max_ms),
        )),
        line(
            "p99",
            colour,
            Dash::Dashed,
            grid,
            values(|all| all.percentile_ms(99.0)),
        ),
        line(
            "p50",
            colour,
            Dash::Solid,
            grid,
            values(|all| all.percentile_ms(50.0)),
        ),
    ];
    let note = "From the intended send, by the time of the intended send. Logarithmic.".to_owned();
    let mut chart = over_time(id, "", note, Unit::Milliseconds, lines, series);
    chart.title = title;
    chart.y = Y::log(values_of(&chart.lines));
    chart
}

/// The whole load's latencies on a percentile axis.
pub fn percentiles(material: Material<'_>) -> Chart {
    let series = material.series;
    let mut all = vec![("accepted".to_owned(), 1, Dash::Solid, &series.accept.total)];
    for (index, sink) in series.sinks.iter().enumerate() {
        let name = format!("effect in {}", sink.name);
        all.push((name, colour(index), dash(index + 1), &sink.latency.total));
    }
    let most = all
        .iter()
        .map(|(.., total)| total.count())
        .max()
        .unwrap_or(0);
    // The last nine that a single event can tell.
    let nines = (most.max(10) as f64).log10().clamp(1.0, 6.0);
    let lines = all.into_iter().filter(|(.., total)| total.count() > 0);
    let lines: Vec<Line> = lines
        .map(|(name, colour, dash, total)| Line {
            name,
            colour,
            dash,
            area: false,
            points: curve(total, nines),
        })
        .collect();
    Chart {
        id: "percentiles".to_owned(),
        title: "Latency by percentile".to_owned(),
        note: "All events after the warm-up, from the intended send. Both axes are logarithmic: each nine is as wide as the one \
               before."
            .to_owned(),
        x: X::Percentile { nines },
        y: Y::log(values_of(&lines)),
        unit: Unit::Milliseconds,
        lines,
        bands: Vec::new(),
        marks: Vec::new(),
    }
}

/// Evenly spaced on the axis.
fn curve(total: &Distribution, nines: f64) -> Vec<(f64, Option<f64>)> {
    const STEPS: usize = 120;
    let per_cent = |step: usize| 100.0 * (1.0 - 10_f64.powf(-nines * step as f64 / STEPS as f64));
    (0..=STEPS)
        .map(|step| (per_cent(step), total.percentile_ms(per_cent(step))))
        .collect()
}

/// Plot colours of sinks and groups; 0 and 1 are taken by what is offered and accepted.
fn colour(index: usize) -> u8 {
    [2, 3, 4, 5, 6][index % 5]
}

const fn dash(index: usize) -> Dash {
    match index % 3 {
        0 => Dash::Solid,
        1 => Dash::Dashed,
        _ => Dash::Dotted,
    }
}

fn line(name: &str, colour: u8, dash: Dash, grid: &Grid, values: Vec<Option<f64>>) -> Line {
    let at = |(bucket, value)| (grid.middle_s(bucket), value);
    Line {
        name: name.to_owned(),
        colour,
        dash,
        area: false,
        points: values.into_iter().enumerate().map(at).collect(),
    }
}

fn area(line: Line) -> Line {
    Line { area: true, ..line }
}

fn values_of(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines
        .iter()
        .flat_map(|line| line.points.iter().filter_map(|(_, value)| *value))
}

fn over_time(
    id: &str,
    title: &str,
    note: String,
    unit: Unit,
    lines: Vec<Line>,
    series: &Series,
) -> Chart {
    let ends_s = series.grid.ends_s();
    let marks = &series.marks;
    let band = |fault: &crate::series::FaultBand| Band {
        from: (fault.from_ms / 1e3).clamp(0.0, ends_s),
        until: (fault.until_ms / 1e3).clamp(0.0, ends_s),
        name: fault.name.clone(),
    };
    let mark = |mark: &Mark| Tickmark {
        at: mark.at_ms / 1e3,
        kind: mark.kind,
        text: match mark.count {
            1 => mark.text.clone(),
            more => format!("{} (and {} more)", mark.text, more - 1),
        },
    };
    Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        note,
        x: X::Time { ends_s },
        y: Y::linear(values_of(&lines)),
        unit,
        lines,
        bands: marks.faults.iter().map(band).collect(),
        marks: marks.marks.iter().map(mark).collect(),
    }
}
