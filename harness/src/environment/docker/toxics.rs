//! From treatments to Toxiproxy's toxics. Those of one proxy are laid together: delays add up, the narrowest bandwidth counts.

use serde_json::{Value, json};
use squall_plan::fault::{Distribution, Latency, Treatment};
use squall_proxy::toxic::Direction;
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;

/// Toxics of one proxy by name, each as Toxiproxy's API takes it.
pub type Toxics = BTreeMap<String, Value>;

/// # Errors
/// Text for users: no toxic does that.
pub fn check(treatment: &Treatment) -> Result<(), String> {
    match treatment {
        Treatment::Frames { .. } => Err("Toxiproxy knows no requests of Kafka's".to_owned()),
        Treatment::Delay(latency) if latency.distribution != Distribution::Uniform => {
            Err("Toxiproxy draws evenly only".to_owned())
        }
        _ => Ok(()),
    }
}

/// What these treatments come to, in the order in which they began: of two of a kind that cannot be added the later counts.
pub fn toxics<'a>(treatments: impl Iterator<Item = (Direction, &'a Treatment)>) -> Toxics {
    let mut all = Toxics::new();
    for (direction, treatment) in treatments {
        let Some((kind, attributes)) = toxic(treatment) else {
            continue;
        };
        let name = format!("{kind}_{}", direction.name());
        let before = all.get(&name).map(|toxic| toxic["attributes"].clone());
        let attributes = before.map_or(attributes.clone(), |before| {
            together(kind, &before, &attributes)
        });
        let toxic = json!({
            "name": name,
            "type": kind,
            "stream": direction.name(),
            "toxicity": 1.0,
            "attributes": attributes,
        });
        all.insert(name, toxic);
    }
    all
}

fn together(kind: &str, a: &Value, b: &Value) -> Value {
    let number = |of: &Value, key: &str| of[key].as_u64().unwrap_or(0);
    match kind {
        "latency" => json!({
            "latency": number(a, "latency") + number(b, "latency"),
            "jitter": number(a, "jitter") + number(b, "jitter"),
        }),
        "bandwidth" => json!({ "rate": number(a, "rate").min(number(b, "rate")) }),
        _ => b.clone(),
    }
}

fn toxic(treatment: &Treatment) -> Option<(&'static str, Value)> {
    Some(match *treatment {
        // Holds everything and hands it on when it is taken away, which `timeout` does not.
        Treatment::Stall => ("bandwidth", json!({ "rate": 0 })),
        Treatment::Bandwidth { bytes_per_s } => (
            "bandwidth",
            json!({ "rate": bytes_per_s.div_ceil(1000).max(1) }),
        ),
        Treatment::Delay(Latency {
            latency_ns,
            jitter_ns,
            ..
        }) => {
            let (latency, jitter) = (latency_ns.div_ceil(MS), jitter_ns / MS);
            ("latency", json!({ "latency": latency, "jitter": jitter }))
        }
        Treatment::Reset => ("reset_peer", json!({ "timeout": 0 })),
        Treatment::SlowClose { delay_ns } => {
            ("slow_close", json!({ "delay": delay_ns.div_ceil(MS) }))
        }
        Treatment::Slice {
            average_bytes,
            variation_bytes,
            delay_ns,
        } => (
            "slicer",
            json!({
                // Toxiproxy ends on 0.
                "average_size": average_bytes.max(1),
                "size_variation": variation_bytes,
                "delay": delay_ns / 1000,
            }),
        ),
        Treatment::LimitData { bytes } => ("limit_data", json!({ "bytes": bytes })),
        Treatment::Timeout { after_ns } => ("timeout", json!({ "timeout": after_ns.div_ceil(MS) })),
        Treatment::Frames { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_add_up_and_the_narrowest_bandwidth_counts() {
        let delay = |latency_ms: u64| {
            Treatment::Delay(Latency {
                latency_ns: latency_ms * MS,
                jitter_ns: 0,
                distribution: Distribution::Uniform,
            })
        };
        let narrow = Treatment::Bandwidth { bytes_per_s: 5000 };
        let wide = Treatment::Bandwidth { bytes_per_s: 9000 };
        let up = Direction::Upstream;
        let (a, b) = (delay(10), delay(32));
        let all = toxics([(up, &a), (up, &wide), (up, &b), (up, &narrow)].into_iter());
        let of = |name: &str, key: &str| all[name]["attributes"][key].as_u64();
        assert_eq!(of("latency_upstream", "latency"), Some(42));
        assert_eq!(of("bandwidth_upstream", "rate"), Some(5));
        let stalled = toxics([(up, &narrow), (up, &Treatment::Stall)].into_iter());
        assert_eq!(stalled["bandwidth_upstream"]["attributes"]["rate"], 0);
    }
}
