//! What `squall plan` prints: the timeline for people, and a digest over every arrival.

use super::{Plan, PlannedLoad, PlannedStage};
use crate::scenario::{Arrival, ExpectedVerdict, Keys, Outcome, Stage, pacing_default_ns};
use crate::units::show_duration;
use std::fmt::{self, Write};

impl Plan {
    /// The plan as text: the same bytes for the same scenario, seed and environment.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let variant = self
            .variant
            .as_ref()
            .map(|variant| format!("  variant {variant}"))
            .unwrap_or_default();
        writeln!(
            out,
            "{}{variant}  on {}  seed {}  plan version {}",
            self.name,
            self.environment.name(),
            self.seed,
            self.version
        )?;
        if !self.description.is_empty() {
            writeln!(out, "{}", self.description)?;
        }
        self.write_cluster(out)?;
        self.write_system(out)?;
        for (stream, load) in self.loads.iter().enumerate() {
            self.write_load(out, stream, load)?;
        }
        self.write_faults(out)?;
        self.write_expectations(out)?;
        let timing = &self.timing;
        writeln!(
            out,
            "\nTIMING  ready within {}, steady within {}, load {}, drain within {}",
            show_duration(timing.ready_ns),
            show_duration(timing.steady_ns),
            show_duration(self.load_ends_ns),
            show_duration(timing.drain_ns)
        )?;
        writeln!(
            out,
            "DIGEST  {:016x} over {} arrivals",
            self.digest(),
            self.loads.iter().map(|load| load.events).sum::<u64>()
        )
    }

    fn write_cluster(&self, out: &mut String) -> fmt::Result {
        let cluster = &self.cluster;
        let links = &cluster.links;
        writeln!(
            out,
            "\nBUS     Kafka, {}, links {} and {} MiB/s",
            squall_check::counted(cluster.brokers.into(), "broker"),
            show_duration(links.latency_ns),
            links.bandwidth_bytes_per_s >> 20
        )?;
        for topic in &cluster.topics {
            write!(
                out,
                "        topic {:<20} partitions {}  replicas {}  min.insync.replicas {}",
                topic.name, topic.partitions, topic.replicas, topic.min_insync_replicas
            )?;
            for (key, value) in &topic.config {
                write!(out, "  {key} {value}")?;
            }
            writeln!(out)?;
        }
        for (what, settings) in [("broker", &cluster.broker), ("client", &cluster.client)] {
            for (key, value) in settings {
                writeln!(out, "        {what} {key} = {value}")?;
            }
        }
        Ok(())
    }

    fn write_system(&self, out: &mut String) -> fmt::Result {
        write!(out, "SYSTEM  {}:", self.system.spec.name)?;
        for (index, service) in self.system.spec.services.iter().enumerate() {
            let count = self
                .system
                .scale
                .get(&service.name)
                .copied()
                .unwrap_or(service.replicas);
            write!(
                out,
                "{} {} x{count}",
                if index == 0 { "" } else { "," },
                service.name
            )?;
        }
        writeln!(out)?;
        if !self.system.bugs.is_empty() {
            writeln!(
                out,
                "        planted bugs on: {}",
                self.system.bugs.join(", ")
            )?;
        }
        Ok(())
    }

    fn write_load(&self, out: &mut String, stream: usize, load: &PlannedLoad) -> fmt::Result {
        let arrival = if load.load.arrival == Arrival::Poisson {
            "poisson"
        } else {
            "uniform"
        };
        let name = if load.load.name == load.load.entry.to_string() {
            String::new()
        } else {
            format!("{}  ", load.load.name)
        };
        writeln!(
            out,
            "\nLOAD {stream}  {name}{}  {} events  {arrival}  keys {}",
            load.load.entry,
            load.events,
            show_keys(load.load.keys)
        )?;
        for stage in &load.timeline {
            let warm_up = if stage.warm_up { "  (warm-up)" } else { "" };
            writeln!(
                out,
                "        {:>9} - {:<9} {:<34} {:>9} events{warm_up}",
                show_duration(stage.at_ns),
                show_duration(stage.ends_ns()),
                show_stage(stage),
                stage.events
            )?;
        }
        for (sink, outcome) in self.system.spec.sinks.iter().zip(&load.load.outcomes) {
            match outcome {
                Outcome::Effect => {}
                Outcome::DeadLetter => {
                    writeln!(out, "        expected in the dead letters of {}", sink.name)?
                }
                Outcome::Nothing => writeln!(out, "        no effect expected in {}", sink.name)?,
            }
        }
        Ok(())
    }

    fn write_faults(&self, out: &mut String) -> fmt::Result {
        if self.faults.is_empty() {
            return writeln!(out, "\nFAULTS  none");
        }
        writeln!(out, "\nFAULTS")?;
        for fault in &self.faults {
            let end = fault.at_ns.saturating_add(fault.for_ns.unwrap_or(0));
            write!(
                out,
                "        {:>9} - {:<9} {:<16} {} {}{}",
                show_duration(fault.at_ns),
                show_duration(end),
                fault.name,
                fault.kind.name(),
                fault.target,
                fault.terms
            )?;
            if !fault.prove.is_empty() {
                let proofs: Vec<&str> = fault.prove.iter().map(|proof| proof.name()).collect();
                write!(out, "  must prove {}", proofs.join(", "))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn write_expectations(&self, out: &mut String) -> fmt::Result {
        let expect = &self.expect;
        let verdict = match expect.verdict {
            ExpectedVerdict::Held => "held",
            ExpectedVerdict::Violated => "violated",
            ExpectedVerdict::Inconclusive => "inconclusive",
        };
        write!(out, "\nEXPECT  {verdict}")?;
        if !expect.anomalies.is_empty() {
            write!(out, " with {}", expect.anomalies.join(", "))?;
        }
        write!(out, ", at least {}% on time", percent(expect.rate_min))?;
        if expect.pacing_ns != pacing_default_ns() {
            write!(out, ", 99.9% within {}", show_duration(expect.pacing_ns))?;
        }
        writeln!(out)?;
        for sink in &expect.sinks {
            let ordered = if sink.ordered {
                ", in order by key"
            } else {
                ""
            };
            writeln!(
                out,
                "        {:<20} {}{ordered}",
                sink.sink,
                sink.semantics.name()
            )?;
        }
        for threshold in &expect.thresholds {
            writeln!(
                out,
                "        {:<36} {}{}",
                threshold.metric,
                threshold.expression,
                threshold.stakes.told()
            )?;
        }
        for invariant in &expect.invariants {
            let (name, stakes) = (&invariant.name, invariant.stakes.told());
            writeln!(
                out,
                "        invariant {name:<26} {}{stakes}",
                invariant.asked()
            )?;
        }
        for limit in &self.abort_if {
            let held = show_duration(limit.for_ns);
            let (metric, expression) = (&limit.metric, &limit.expression);
            writeln!(
                out,
                "        stops when {metric:<25} {expression} for {held}"
            )?;
        }
        if let Some(share) = expect.http_error_rate_max {
            writeln!(out, "        at most {}% HTTP errors", percent(share))?;
        }
        Ok(())
    }
}

/// A share in percent, without the dust of binary fractions.
fn percent(share: f64) -> f64 {
    libm::round(share * 1e6) / 1e4
}

fn show_keys(keys: Keys) -> String {
    match keys {
        Keys::Zipf { exponent, count } => format!("zipf {exponent} of {count}"),
        Keys::Uniform { count } => format!("uniform of {count}"),
        Keys::Sequential { count } => format!("sequential of {count}"),
    }
}

fn show_stage(stage: &PlannedStage) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match stage.stage {
        Stage::Constant { rate, .. } => write!(out, "constant {rate}"),
        Stage::Ramp { from, to, .. } => write!(out, "ramp {from} to {to}"),
        Stage::Burst { .. } => write!(out, "burst"),
        Stage::Pause { .. } => write!(out, "pause"),
        Stage::Sine {
            mean,
            amplitude,
            period_ns,
            ..
        } => {
            write!(
                out,
                "sine {mean} +- {amplitude} every {}",
                show_duration(period_ns)
            )
        }
    };
    out
}
