//! Faults and stages as the YAML that reads as them.

use super::Stage;
use crate::fault::{Act, Amount, Fault, FrameAct, Latency, Target, Terms, Treatment, skew_way};
use crate::units::{Rate, show_duration};
use crate::yaml::{Node, Place};

/// An item of `faults:`.
#[must_use]
pub fn fault(fault: &Fault, place: &Place) -> Node {
    let write = Writer { place };
    let mut entries = vec![
        ("name", write.text(&fault.name)),
        ("at", write.time(fault.at_ns)),
    ];
    if let Some(for_ns) = fault.for_ns.filter(|_| fault.kind.row().lasts) {
        entries.push(("for", write.time(for_ns)));
    }
    entries.push((fault.kind.name(), write.aim(fault)));
    if !fault.prove.is_empty() {
        let proofs = fault.prove.iter().map(|proof| proof.name());
        entries.push(("prove", write.list(proofs)));
    }
    write.map(entries)
}

/// An item of `stages:`.
#[must_use]
pub fn stage(stage: &Stage, place: &Place) -> Node {
    let write = Writer { place };
    let rate = |rate: Rate| write.text(rate);
    match *stage {
        Stage::Constant { rate: r, for_ns } => {
            write.map([("rate", rate(r)), ("for", write.time(for_ns))])
        }
        Stage::Burst { count } => write.map([("burst", write.text(count))]),
        Stage::Pause { for_ns } => write.map([("pause", write.time(for_ns))]),
        Stage::Ramp { from, to, for_ns } => {
            let ramp = write.map([("from", rate(from)), ("to", rate(to))]);
            write.map([("ramp", ramp), ("for", write.time(for_ns))])
        }
        Stage::Sine {
            mean,
            amplitude,
            period_ns,
            for_ns,
        } => {
            let sine = write.map([
                ("mean", rate(mean)),
                ("amplitude", rate(amplitude)),
                ("period", write.time(period_ns)),
            ]);
            write.map([("sine", sine), ("for", write.time(for_ns))])
        }
    }
}

type Entries = Vec<(&'static str, Node)>;

struct Writer<'place> {
    place: &'place Place,
}

impl Writer<'_> {
    fn text(&self, text: impl ToString) -> Node {
        Node::unquoted(text, self.place)
    }

    fn time(&self, ns: u64) -> Node {
        self.text(show_duration(ns))
    }

    fn bytes(&self, bytes: u64) -> Node {
        self.text(format!("{bytes}B"))
    }

    fn share(&self, per_mille: u32) -> Node {
        self.text(f64::from(per_mille) / 1000.0)
    }

    fn list<T: ToString>(&self, items: impl IntoIterator<Item = T>) -> Node {
        Node::list(items.into_iter().map(|item| self.text(item)), self.place)
    }

    fn map(&self, entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
        Node::map(entries, self.place)
    }

    /// What stands after the kind.
    fn aim(&self, fault: &Fault) -> Node {
        let target = match &fault.target {
            Target::Sink(sink) => self.text(sink),
            target => self.text(target),
        };
        let key = match fault.kind.row().act {
            Act::Trouble(_) => "sink",
            Act::Disk(_) => "broker",
            Act::Scale | Act::Deploy | Act::Skew => "service",
            Act::RollBrokers => "brokers",
            _ => "target",
        };
        let with = |own: Entries| self.map([(key, target.clone())].into_iter().chain(own));
        match &fault.terms {
            Terms::None => target,
            Terms::Slow { by_ns } => with(vec![("by", self.time(*by_ns))]),
            Terms::Errors { per_mille, turn_ns } => with(vec![
                ("share", self.share(*per_mille)),
                ("turn", self.time(*turn_ns)),
            ]),
            Terms::Apart { from, flow } => with(vec![
                ("from", self.list(from)),
                ("flow", self.text(flow.name())),
            ]),
            Terms::Flapping {
                from,
                down_ns,
                up_ns,
            } => with(vec![
                ("from", self.list(from)),
                ("down", self.time(*down_ns)),
                ("up", self.time(*up_ns)),
            ]),
            Terms::Roll { down_ns } => with(vec![("down", self.time(*down_ns))]),
            Terms::Scale { to } => with(vec![("to", self.text(to))]),
            Terms::Skew { by_ns, behind } => with(vec![
                ("by", self.time(*by_ns)),
                ("way", self.text(skew_way(*behind))),
            ]),
            Terms::Deploy { environment, bugs } => {
                let quoted = |value: &String| Node::quoted(value.as_str(), self.place);
                let variables = environment.iter();
                let variables = variables.map(|(name, value)| (name.as_str(), quoted(value)));
                with(vec![
                    ("env", Node::map(variables, self.place)),
                    ("bugs", self.list(bugs)),
                ])
            }
            Terms::Events { topic, amount } => {
                let amount = match amount {
                    Amount::Count(count) => ("count", self.text(count)),
                    Amount::PerMille(share) => ("share", self.share(*share)),
                };
                self.map([amount, ("topic", self.text(topic))])
            }
            Terms::Link { to, treatment } => {
                let way = [("from", target), ("to", self.list(to))];
                self.map(way.into_iter().chain(self.treatment(fault, treatment)))
            }
        }
    }

    fn treatment(&self, fault: &Fault, treatment: &Treatment) -> Entries {
        match treatment {
            Treatment::Delay(latency) => self.latency(latency),
            // `reset_peer` is what it is; `drop` has a choice.
            Treatment::Reset if fault.kind.name() == "drop" => vec![("how", self.text("reset"))],
            Treatment::Stall | Treatment::Reset => Vec::new(),
            Treatment::Bandwidth { bytes_per_s } => {
                vec![("rate", self.text(format!("{bytes_per_s}B/s")))]
            }
            Treatment::SlowClose { delay_ns } => vec![("by", self.time(*delay_ns))],
            Treatment::Slice {
                average_bytes,
                variation_bytes,
                delay_ns,
            } => vec![
                ("average", self.bytes(*average_bytes)),
                ("variation", self.bytes(*variation_bytes)),
                ("by", self.time(*delay_ns)),
            ],
            Treatment::LimitData { bytes } => vec![("bytes", self.bytes(*bytes))],
            Treatment::Timeout { after_ns } => vec![("after", self.time(*after_ns))],
            Treatment::Frames {
                apis,
                share_per_mille,
                act,
            } => {
                let mut entries = vec![("share", self.share(*share_per_mille))];
                if !apis.is_empty() {
                    entries.push(("api", self.list(apis)));
                }
                entries.extend(self.frame_act(act));
                entries
            }
        }
    }

    fn frame_act(&self, act: &FrameAct) -> Entries {
        match act {
            FrameAct::Delay(latency) => self.latency(latency),
            FrameAct::AnswerError { error } => vec![("error", self.text(error))],
            FrameAct::Cut { after_bytes } => vec![("after", self.bytes(*after_bytes))],
            FrameAct::WithholdAnswers {
                reset_after_ns: Some(after_ns),
            } => vec![("reset_after", self.time(*after_ns))],
            FrameAct::LoseAnswer
            | FrameAct::WithholdAnswers {
                reset_after_ns: None,
            } => Vec::new(),
        }
    }

    fn latency(&self, latency: &Latency) -> Entries {
        vec![
            ("by", self.time(latency.latency_ns)),
            ("jitter", self.time(latency.jitter_ns)),
            ("distribution", self.text(latency.distribution.name())),
        ]
    }
}
