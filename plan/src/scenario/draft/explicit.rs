//! What a seed drew and a scale computed, written out: a schedule that can be cut down piece by piece.

use super::{Draft, Node, Place, Value, plain, put, remove, value_mut};
use crate::fault::{Amount, Fault, Flow, Target, Terms};
use crate::scenario::file::lay_over;
use crate::scenario::{Load, Request, Stage};
use crate::units::{Rate, show_duration};
use crate::yaml::Entry;

impl Draft {
    /// The same with the faults that the seed drew written out, the draw itself gone. Times are on the load clock, without the warm-up.
    /// `None`: one of them cannot be written.
    #[must_use]
    pub fn with_schedule(&self, drawn: &[Fault]) -> Option<Self> {
        let mut draft = self.clone();
        let place = draft.root.place.clone();
        remove(&mut draft.root, "nemesis");
        let mut faults = match draft.root.get("faults") {
            Some(faults) => faults.items().to_vec(),
            None => Vec::new(),
        };
        for fault in drawn {
            faults.push(fault_node(fault, &place)?);
        }
        let value = Value::List(faults);
        put(&mut draft.root, "faults", Node { place, value });
        Some(draft)
    }

    /// The same with a written fault at other times.
    #[must_use]
    pub fn with_times(&self, fault: &str, at_ns: u64, for_ns: Option<u64>) -> Self {
        let mut draft = self.clone();
        let place = draft.root.place.clone();
        if let Some(Value::List(faults)) = value_mut(&mut draft.root, &["faults"]) {
            let named = |node: &&mut Node| node.get("name").and_then(Node::text) == Some(fault);
            if let Some(node) = faults.iter_mut().find(named) {
                put(node, "at", plain(&show_duration(at_ns), &place));
                if let Some(for_ns) = for_ns {
                    put(node, "for", plain(&show_duration(for_ns), &place));
                }
            }
        }
        draft
    }

    /// The same with the stages of these loads, which are the scenario's in their order. `None`: it has others.
    #[must_use]
    pub fn with_stages(&self, loads: &[Load]) -> Option<Self> {
        let mut draft = self.clone();
        let place = draft.root.place.clone();
        let stages = |load: &Load| Node {
            place: place.clone(),
            value: Value::List(
                load.stages
                    .iter()
                    .map(|one| stage_node(one, &place))
                    .collect(),
            ),
        };
        match (value_mut(&mut draft.root, &["load"])?, loads) {
            (Value::List(nodes), loads) if nodes.len() == loads.len() => {
                for (node, load) in nodes.iter_mut().zip(loads) {
                    put(node, "stages", stages(load));
                }
            }
            (Value::Map(_), [load]) => {
                put(draft.root.entry_mut("load")?, "stages", stages(load));
            }
            _ => return None,
        }
        Some(draft)
    }

    /// The same with a value set, as `--set path=value` does it. `None`: it cannot be.
    #[must_use]
    pub fn with(&self, set: &str) -> Option<Self> {
        let mut draft = self.clone();
        let request = Request {
            sets: vec![set.to_owned()],
            ..Request::default()
        };
        let mut problems = crate::problem::Problems::default();
        lay_over(&mut draft.root, "", &request, &mut problems);
        problems.is_empty().then_some(draft)
    }
}

fn map(place: &Place, entries: Vec<(&str, Node)>) -> Node {
    let entry = |(key, value): (&str, Node)| Entry {
        key: key.to_owned(),
        place: place.clone(),
        value,
    };
    Node {
        place: place.clone(),
        value: Value::Map(entries.into_iter().map(entry).collect()),
    }
}

fn text(text: impl ToString, place: &Place) -> Node {
    plain(&text.to_string(), place)
}

fn fault_node(fault: &Fault, place: &Place) -> Option<Node> {
    let aim = match (&fault.terms, &fault.target) {
        (Terms::None, Target::Sink(sink)) => map(place, vec![("sink", text(sink, place))]),
        (Terms::None, target) => text(target, place),
        (Terms::Slow { by_ns }, Target::Sink(sink)) => map(
            place,
            vec![
                ("sink", text(sink, place)),
                ("by", text(show_duration(*by_ns), place)),
            ],
        ),
        (Terms::Errors { per_mille, turn_ns }, Target::Sink(sink)) => map(
            place,
            vec![
                ("sink", text(sink, place)),
                ("share", text(f64::from(*per_mille) / 1000.0, place)),
                ("turn", text(show_duration(*turn_ns), place)),
            ],
        ),
        (Terms::Apart { from, flow }, target) => {
            let flow = match flow {
                Flow::Both => "both",
                Flow::Inbound => "inbound",
                Flow::Outbound => "outbound",
            };
            let from = Node {
                place: place.clone(),
                value: Value::List(from.iter().map(|one| text(one, place)).collect()),
            };
            map(
                place,
                vec![
                    ("target", text(target, place)),
                    ("from", from),
                    ("flow", text(flow, place)),
                ],
            )
        }
        (Terms::Events { topic, amount }, _) => {
            let (key, amount) = match amount {
                Amount::Count(count) => ("count", count.to_string()),
                Amount::PerMille(share) => ("share", (f64::from(*share) / 1000.0).to_string()),
            };
            map(
                place,
                vec![(key, text(amount, place)), ("topic", text(topic, place))],
            )
        }
        _ => return None,
    };
    let mut entries = vec![
        ("name", text(&fault.name, place)),
        ("at", text(show_duration(fault.at_ns), place)),
    ];
    if let Some(for_ns) = fault.for_ns.filter(|_| fault.kind.row().lasts) {
        entries.push(("for", text(show_duration(for_ns), place)));
    }
    entries.push((fault.kind.name(), aim));
    Some(map(place, entries))
}

fn stage_node(stage: &Stage, place: &Place) -> Node {
    let rate = |rate: &Rate| text(rate, place);
    let time = |ns: &u64| text(show_duration(*ns), place);
    match stage {
        Stage::Constant { rate: r, for_ns } => {
            map(place, vec![("rate", rate(r)), ("for", time(for_ns))])
        }
        Stage::Burst { count } => map(place, vec![("burst", text(count, place))]),
        Stage::Pause { for_ns } => map(place, vec![("pause", time(for_ns))]),
        Stage::Ramp { from, to, for_ns } => {
            let ramp = map(place, vec![("from", rate(from)), ("to", rate(to))]);
            map(place, vec![("ramp", ramp), ("for", time(for_ns))])
        }
        Stage::Sine {
            mean,
            amplitude,
            period_ns,
            for_ns,
        } => {
            let sine = map(
                place,
                vec![
                    ("mean", rate(mean)),
                    ("amplitude", rate(amplitude)),
                    ("period", time(period_ns)),
                ],
            );
            map(place, vec![("sine", sine), ("for", time(for_ns))])
        }
    }
}
