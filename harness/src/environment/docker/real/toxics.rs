//! From treatments to Toxiproxy's toxics. Those of one proxy are laid together: delays add up, the narrowest bandwidth counts.

use crate::environment::proxied::act;
use squall_plan::fault::{Distribution, Treatment};
use squall_proxy::toxic::{Direction, ToxicKind, ToxicSpec};
use std::collections::BTreeMap;

/// Toxics of one proxy by name.
pub type Toxics = BTreeMap<String, ToxicSpec>;

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
        let Some(kind) = toxic(treatment) else {
            continue;
        };
        let spec = ToxicSpec::new(kind, direction);
        let both = |before: &mut ToxicSpec| before.kind = together(before.kind, kind);
        all.entry(spec.name.clone())
            .and_modify(both)
            .or_insert(spec);
    }
    all
}

const fn together(before: ToxicKind, later: ToxicKind) -> ToxicKind {
    match (before, later) {
        (
            ToxicKind::Latency {
                latency_ms: a,
                jitter_ms: b,
            },
            ToxicKind::Latency {
                latency_ms,
                jitter_ms,
            },
        ) => ToxicKind::Latency {
            latency_ms: a.saturating_add(latency_ms),
            jitter_ms: b.saturating_add(jitter_ms),
        },
        (ToxicKind::Bandwidth { rate_kb_s: a }, ToxicKind::Bandwidth { rate_kb_s: b }) if a < b => {
            before
        }
        _ => later,
    }
}

/// As [`act::toxic`] has it, but for what the real Toxiproxy takes another way.
fn toxic(treatment: &Treatment) -> Option<ToxicKind> {
    let mut kind = match treatment {
        // Holds everything and hands it on when it is taken away, which `timeout` does not.
        Treatment::Stall => return Some(ToxicKind::Bandwidth { rate_kb_s: 0 }),
        other => act::toxic(other)?,
    };
    match &mut kind {
        // None at all is a stall.
        ToxicKind::Bandwidth { rate_kb_s: least }
        // Toxiproxy ends on 0.
        | ToxicKind::Slicer {
            average_size_bytes: least,
            ..
        } => *least = (*least).max(1),
        _ => {}
    }
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_plan::fault::Latency;

    #[test]
    fn delays_add_up_and_the_narrowest_bandwidth_counts() {
        let delay = |latency_ms: u64| {
            Treatment::Delay(Latency {
                latency_ns: latency_ms * 1_000_000,
                jitter_ns: 0,
                distribution: Distribution::Uniform,
            })
        };
        let narrow = Treatment::Bandwidth { bytes_per_s: 5000 };
        let wide = Treatment::Bandwidth { bytes_per_s: 9000 };
        let up = Direction::Upstream;
        let (a, b) = (delay(10), delay(32));
        let all = toxics([(up, &a), (up, &wide), (up, &b), (up, &narrow)].into_iter());
        let laid = ToxicKind::Latency {
            latency_ms: 42,
            jitter_ms: 0,
        };
        assert_eq!(all["latency_upstream"].kind, laid);
        let rate = |all: &Toxics| all["bandwidth_upstream"].kind;
        assert_eq!(rate(&all), ToxicKind::Bandwidth { rate_kb_s: 5 });
        let stalled = toxics([(up, &narrow), (up, &Treatment::Stall)].into_iter());
        assert_eq!(rate(&stalled), ToxicKind::Bandwidth { rate_kb_s: 0 });
    }
}
