//! The events of a fault that sends odd ones, as a load of their own: what must become of each is known by its stream.

use crate::fault::{Act, Amount, Fault, Odd, Terms};
use crate::scenario::{Arrival, Keys, Load, LoadEntry, Outcome, Scenario, Stage};
use crate::system::SinkSpec;
use crate::units::{Rate, SECOND_NS};
use serde_json::Value;

const TIMEOUT_NS: u64 = 10 * SECOND_NS;
const KEYS: u32 = 1000;
/// Kafka's own default of `message.max.bytes`.
const MESSAGE_BYTES_MAX: u64 = 1_048_588;
/// Beyond what is allowed, so that no header more or less matters.
const BEYOND_BYTES: u64 = 64 * 1024;
/// Neither JSON nor anything else, and yet it tells whose it is.
const MALFORMED: &str = "{\"malformed\": \"{{id}}\", ";

/// The load of a fault, if it sends events, on the same clock. `offered` counts what the loads offer meanwhile.
pub(super) fn load(
    scenario: &Scenario,
    fault: &Fault,
    offered: impl FnOnce() -> u64,
) -> Option<Load> {
    let (Act::Events(odd), Terms::Events { topic, amount }) = (fault.kind.row().act, &fault.terms)
    else {
        return None;
    };
    let entry = scenario.system.spec.entry.topic.as_ref()?;
    let count = match *amount {
        Amount::Count(count) => count,
        Amount::PerMille(share) => (offered() * u64::from(share)).div_ceil(1000),
    };
    let ordinary = scenario.system.spec.entry.body.clone();
    let ordinary = ordinary.unwrap_or_else(|| Value::String("{{id}}".to_owned()));
    let outcomes = scenario.system.spec.sinks.iter();
    let outcomes = outcomes.map(|sink| outcome(odd, sink, &ordinary)).collect();
    let body = match odd {
        Odd::Poison => Value::String(MALFORMED.to_owned()),
        Odd::Oversized | Odd::Tombstone | Odd::Duplicate => ordinary,
    };
    let oversized = || bytes_max(scenario, topic) + BEYOND_BYTES;
    Some(Load {
        name: fault.name.clone(),
        entry: LoadEntry::Topic {
            topic: topic.clone(),
            id: entry.id.clone(),
        },
        headers: entry.headers.clone(),
        body,
        size_bytes: (odd == Odd::Oversized).then(oversized),
        key: "{{key}}".to_owned(),
        keys: Keys::Uniform { count: KEYS },
        arrival: Arrival::Poisson,
        stages: stages(fault.at_ns, fault.for_ns.unwrap_or(0), count),
        outcomes,
        timeout_ns: TIMEOUT_NS,
        connections: 1,
        odd: Some(odd),
    })
}

fn outcome(odd: Odd, sink: &SinkSpec, ordinary: &Value) -> Outcome {
    let kind = ordinary.get("type").and_then(Value::as_str);
    let concerned =
        sink.events.is_empty() || kind.is_none_or(|kind| sink.events.iter().any(|it| it == kind));
    match odd {
        Odd::Poison if concerned && sink.dead_letters.is_some() => Outcome::DeadLetter,
        Odd::Duplicate if concerned => Outcome::Effect,
        _ => Outcome::Nothing,
    }
}

/// So many over the fault's length.
fn stages(at_ns: u64, for_ns: u64, count: u64) -> Vec<Stage> {
    let per_s = u128::from(count) * u128::from(Rate::SCALE) * u128::from(SECOND_NS);
    let rate = per_s.div_ceil(u128::from(for_ns.max(1)));
    let rate = Rate(u64::try_from(rate).unwrap_or(u64::MAX));
    vec![
        Stage::Pause { for_ns: at_ns },
        Stage::Constant { rate, for_ns },
    ]
}

fn bytes_max(scenario: &Scenario, topic: &str) -> u64 {
    let cluster = &scenario.cluster;
    let topic = cluster.topics.iter().find(|known| known.name == topic);
    let of_topic = topic.and_then(|topic| topic.config.get("max.message.bytes"));
    let of_broker = cluster.broker.get("message.max.bytes");
    let given = of_topic.or(of_broker).and_then(|text| text.parse().ok());
    given.unwrap_or(MESSAGE_BYTES_MAX)
}
