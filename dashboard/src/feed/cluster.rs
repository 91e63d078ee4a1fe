//! The topology: leaders and in-sync sets from facts, who suffers what from the faults in force.

use super::Feed;
use squall_history::{Fact, FaultState};
use squall_plan::fault::{Act, Fault, Flow, Terms};
use std::collections::BTreeSet;

impl Feed {
    pub(super) fn cluster_fact(&mut self, fact: &Fact) {
        let cluster = &mut self.board.cluster;
        match fact.kind.as_str() {
            "fenced" | "unfenced" => {
                let broker = number_after(&fact.text, "broker ");
                if let Some(broker) = broker.and_then(|id| cluster.brokers.get_mut(&id)) {
                    broker.fenced = fact.kind == "fenced";
                }
            }
            "elected" | "isr" => {
                let (Some(topic), Some(partition)) = (&fact.topic, fact.partition) else {
                    return;
                };
                if topic.starts_with("__") {
                    return;
                }
                let row = cluster
                    .partitions
                    .entry((topic.clone(), partition))
                    .or_default();
                if fact.kind == "elected" {
                    let leader = number_after(&fact.text, "leader ");
                    row.moves += u32::from(!row.replicas.is_empty() && row.leader != leader);
                    row.leader = leader;
                }
                row.epoch = fact.epoch.unwrap_or(row.epoch);
                row.in_sync = last_set(&fact.text);
                row.replicas.extend(&row.in_sync);
            }
            _ => {}
        }
    }

    /// A fault begins or ends: `detail` of the beginning is its kind and whom it met.
    pub(super) fn cluster_fault(&mut self, name: &str, state: FaultState, detail: &str) {
        let Some(fault) = self.planned.iter().find(|fault| fault.name == name) else {
            return;
        };
        let cluster = &mut self.board.cluster;
        match state {
            FaultState::Injected => {
                let met = detail
                    .strip_prefix(fault.kind.name())
                    .unwrap_or(detail)
                    .trim();
                for (id, broker) in &mut cluster.brokers {
                    if meets(met, *id) {
                        broker
                            .suffers
                            .insert(name.to_owned(), suffers(fault).to_owned());
                    }
                }
                if let Some(cut) = cut(fault, met) {
                    cluster.cuts.insert(name.to_owned(), cut);
                }
            }
            FaultState::Healed | FaultState::Failed => {
                cluster.cuts.remove(name);
                let brokers = cluster.brokers.values_mut();
                brokers.for_each(|broker| drop(broker.suffers.remove(name)));
            }
            FaultState::Evidence => {}
        }
    }
}

/// Whether a list such as `broker 1, broker 2` has the broker.
fn meets(list: &str, broker: u32) -> bool {
    list.split(',')
        .any(|one| one.trim() == format!("broker {broker}"))
}

fn suffers(fault: &Fault) -> &'static str {
    match fault.kind.row().act {
        Act::End(_) => "down",
        Act::Pause => "paused",
        Act::Flap => "flapping",
        Act::Close => "closed",
        Act::RollBrokers => "rolling",
        Act::Treat => match &fault.terms {
            Terms::Apart { .. } => "cut off",
            _ => fault.kind.name(),
        },
        _ => "disturbed",
    }
}

/// Who is cut off from whom, in words.
fn cut(fault: &Fault, met: &str) -> Option<String> {
    let list = |targets: &[squall_plan::fault::Target]| {
        let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    match &fault.terms {
        Terms::Apart { from, flow } => {
            let way = match flow {
                Flow::Both => "<-x->",
                Flow::Inbound => "<-x-",
                Flow::Outbound => "-x->",
            };
            Some(format!("{met} {way} {}", list(from)))
        }
        Terms::Flapping { from, .. } => Some(format!("{met} <~x~> {}", list(from))),
        Terms::Link { to, .. } => Some(format!("{met} -{}-> {}", fault.kind.name(), list(to))),
        _ => None,
    }
}

fn number_after(text: &str, word: &str) -> Option<u32> {
    let rest = text.split(word).nth(1)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// `in sync [1, 2] -> [1]`: the last brackets.
fn last_set(text: &str) -> BTreeSet<u32> {
    let inside = text
        .rsplit_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    let inside = inside.map_or("", |(inside, _)| inside);
    inside
        .split(',')
        .filter_map(|id| id.trim().parse().ok())
        .collect()
}
