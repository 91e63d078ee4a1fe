//! Notes: phases, faults, services, lag; and which of them are news to a user.

use super::Feed;
use crate::board::{FaultStage, LineKind, ServiceRow};
use squall_history::{Fact, FaultState, Note, Phase, ServiceState, What};
use std::collections::BTreeMap;

const fn state_name(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Starting => "starts",
        ServiceState::Ready => "ready",
        ServiceState::Exited => "exited",
        ServiceState::Killed => "killed",
        ServiceState::Stopped => "stopped",
    }
}

impl Feed {
    pub(super) fn note(&mut self, note: &Note) {
        let at = note.at;
        if at < u64::MAX {
            self.set_now(at);
        }
        match &note.what {
            What::Phase { name, began } => self.phase(at, *name, *began),
            What::Fault {
                name,
                state,
                detail,
            } => self.fault(at, name, *state, detail),
            What::Fact(fact) => {
                self.cluster_fact(fact);
                self.fact_line(at, fact);
            }
            What::Service {
                name,
                replica,
                pid,
                state,
                detail,
            } => self.service(at, (name, *replica), *pid, *state, detail),
            What::Problem { source, text } => {
                self.line(at, LineKind::Problem, format!("{source}: {text}"));
            }
            What::Harm { detail } => self.line(at, LineKind::Problem, format!("stopped: {detail}")),
            What::Sample {
                metric,
                labels,
                value,
            } => self.sample(metric, labels, *value),
            What::Counter {
                source,
                name,
                value,
            } if name == "in-flight" => {
                self.in_flight.insert(source.clone(), *value);
            }
            What::Health {
                key,
                ok: false,
                detail,
            } if key == "drain" => {
                self.line(at, LineKind::Problem, detail.clone());
                self.gave_up(at);
            }
            _ => {}
        }
    }

    fn phase(&mut self, at: u64, name: Phase, began: bool) {
        if !began {
            if name == Phase::FinalRead {
                self.unseen(at);
            }
            return;
        }
        if name == Phase::Load && self.board.load_zero_ns.is_none() {
            self.board.load_zero_ns = Some(at);
        }
        name.title().clone_into(&mut self.board.phase);
        self.line(at, LineKind::Phase, name.title().to_owned());
    }

    fn fault(&mut self, at: u64, name: &str, state: FaultState, detail: &str) {
        let load_ns = at.saturating_sub(self.board.load_zero_ns.unwrap_or(at));
        if let Some(row) = self.board.faults.iter_mut().find(|row| row.name == name) {
            detail.clone_into(&mut row.detail);
            match state {
                FaultState::Injected => {
                    row.stage = FaultStage::Active;
                    let length = row.until_ns.map(|until| until - row.at_ns);
                    row.at_ns = load_ns;
                    row.until_ns = length.map(|length| load_ns + length);
                }
                FaultState::Evidence => {}
                FaultState::Healed => {
                    row.stage = FaultStage::Healed;
                    row.until_ns = Some(load_ns);
                }
                FaultState::Failed => row.stage = FaultStage::Failed,
            }
        }
        self.cluster_fault(name, state, detail);
        let verb = match state {
            FaultState::Injected => "begins",
            FaultState::Evidence => "evidence",
            FaultState::Healed => "healed",
            FaultState::Failed => "FAILED",
        };
        self.line(at, LineKind::Fault, format!("{name} {verb}: {detail}"));
    }

    fn service(
        &mut self,
        at: u64,
        (name, replica): (&str, u32),
        pid: Option<u32>,
        state: ServiceState,
        detail: &str,
    ) {
        let services = &mut self.board.services;
        let is = |row: &ServiceRow| row.name == name && row.replica == replica;
        match services.iter_mut().find(|row| is(row)) {
            Some(row) => {
                row.restarts += u32::from(state == ServiceState::Starting);
                (row.state, row.since_ns) = (state, at);
                row.pid = pid.or(row.pid);
                detail.clone_into(&mut row.detail);
            }
            None => {
                services.push(ServiceRow {
                    name: name.to_owned(),
                    replica,
                    state,
                    pid,
                    restarts: 0,
                    since_ns: at,
                    detail: detail.to_owned(),
                });
            }
        }
        let text = format!("{name}/{replica} {} {detail}", state_name(state));
        self.line(at, LineKind::Service, text.trim_end().to_owned());
    }

    fn sample(&mut self, metric: &str, labels: &BTreeMap<String, String>, value: f64) {
        let Some(group) = labels.get("group") else {
            return;
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let value = value as u64;
        let bins = &self.board.bins;
        let bin = self.board.load_now_ns() / bins.width_ns();
        let zero_known = self.board.load_zero_ns.is_some();
        let lag = self.board.lag.entry(group.clone()).or_default();
        match (metric, labels.get("topic"), labels.get("partition")) {
            ("lag", None, None) => {
                lag.behind = value;
                lag.most = lag.most.max(value);
                if zero_known {
                    put(&mut lag.over_time, bin, value);
                }
            }
            ("lag_partition", Some(topic), Some(partition)) => {
                if let Ok(partition) = partition.parse() {
                    lag.partitions.insert((topic.clone(), partition), value);
                }
            }
            _ => {}
        }
    }

    /// High watermarks move all the time, and a client's internal topics are of its own concern: neither is news to a user.
    fn fact_line(&mut self, at: u64, fact: &Fact) {
        let internal = fact
            .topic
            .as_ref()
            .is_some_and(|topic| topic.starts_with("__"));
        if internal || matches!(fact.kind.as_str(), "high-watermark" | "leading") {
            return;
        }
        let place = match (&fact.topic, fact.partition) {
            (Some(topic), Some(partition)) => format!("{topic}/{partition} "),
            (Some(topic), None) => format!("{topic} "),
            _ => String::new(),
        };
        let verb = match fact.kind.as_str() {
            "elected" | "isr" => String::new(),
            kind => format!("{} ", kind.replace('-', " ")),
        };
        self.line(at, LineKind::Cluster, format!("{place}{verb}{}", fact.text));
    }
}

/// Sets the value of a bin, and carries the last one over those between.
fn put(over_time: &mut Vec<u64>, bin: u64, value: u64) {
    let bin = usize::try_from(bin)
        .unwrap_or(usize::MAX)
        .min(crate::board::BINS_MAX * 4);
    let last = over_time.last().copied().unwrap_or(0);
    if over_time.len() <= bin {
        over_time.resize(bin + 1, last);
        over_time[bin] = value;
    } else {
        over_time[bin] = over_time[bin].max(value);
    }
}
