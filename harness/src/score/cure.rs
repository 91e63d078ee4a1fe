//! What a scenario lacks that does not catch a lie.

use super::altered::Teller;

/// A line of advice, in the words of a scenario file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cure(pub String);

impl Cure {
    pub(super) fn of_alteration(name: &str, sink: Option<&str>) -> Self {
        let sink = sink.unwrap_or("SINK");
        Self(match name {
            "effect twice" => {
                format!("expect.sinks: {{ {sink}: exactly-once }}, if twice is wrong there")
            }
            "order of a key lost" => {
                format!("expect.order: [{sink}], if the order of a key matters there")
            }
            "dead letter instead" => {
                "expect.dead_letters: expected-only, if only poison may be among them".to_owned()
            }
            "effects a minute late" => {
                format!("expect.thresholds: {{ effect_ms{{sink:{sink}}}: [\"p(99)<3000\"] }}")
            }
            _ => format!("expect.sinks: {{ {sink}: at-least-once }}"),
        })
    }

    pub(super) fn of_a_run(teller: Teller, name: &str) -> Self {
        let failover = "a leader that goes under load: faults: [{ kill: leader(TOPIC/0), prove: [leader-moved] }]";
        let restarts = "brokers that go and come back one after the other: faults: [{ rolling_restart: brokers }], or nemesis: random";
        let cut_off = "a leader cut off from the others: faults: [{ isolate: { target: leader(TOPIC/0), from: [brokers, controller] } }]";
        let power = "what was not flushed gone: faults: [{ power_loss: leader(TOPIC/0) }]";
        let coordinator = "a coordinator that goes, and a consumer after it: faults: [{ kill: coordinator(GROUP) }, { crash: CONSUMER }]";
        let retries = "answers that get lost: faults: [{ drop: { from: brokers, to: producer, how: reset } }]";
        let text = match (teller, name) {
            (Teller::System, _) => {
                "what the bug is about: a crash of its service, a sink_error or sink_down of its sink, a poison event"
            }
            (_, "never_flush") => power,
            (_, "shrink_isr_alone" | "ignore_min_insync" | "acknowledge_at_step_down") => cut_off,
            (_, "forget_producers_at_failover" | "admit_duplicates") => retries,
            (_, "forget_commits_at_failover" | "keep_commits_in_memory") => coordinator,
            (
                _,
                "truncate_to_high_watermark"
                | "never_truncate"
                | "rejoin_at_once"
                | "forget_eligible_replicas"
                | "elect_unclean",
            ) => restarts,
            _ => failover,
        };
        Self(text.to_owned())
    }
}
