//! What real brokers in containers cannot be made to suffer, and why. Said when the plan is made, before anything starts.

use super::{Distribution, Fault, FaultKind, Terms, Treatment, ways};
use crate::scenario::Links;

/// `None`: it can be injected.
pub(super) fn refusal(fault: &Fault) -> Option<&'static str> {
    if fault.kind == FaultKind::PowerLoss {
        return Some(
            "a container shares its machine's page cache, so nothing unflushed can be taken from it",
        );
    }
    if matches!(fault.kind, FaultKind::DiskFull | FaultKind::DiskSlow) {
        return Some(
            "a container shares its machine's disk, which is not Squall's to fill or to slow",
        );
    }
    let Terms::Link { treatment, .. } = &fault.terms else {
        return None;
    };
    match treatment {
        Treatment::Frames { .. } => Some("Toxiproxy carries bytes and knows no requests"),
        Treatment::Delay(latency) if latency.distribution != Distribution::Uniform => {
            Some("Toxiproxy draws evenly only")
        }
        treatment if ways::between_nodes(fault) => between(treatment),
        _ => None,
    }
}

/// Why links between brokers cannot be these.
pub(crate) fn refused_links(links: &Links) -> Option<&'static str> {
    let usual = Links::default();
    let asked = links.latency_ns > usual.latency_ns
        || links.bandwidth_bytes_per_s < usual.bandwidth_bytes_per_s;
    asked.then_some(
        "links between containers are as fast as the machine makes them, and nothing there delays packets",
    )
}

/// What a packet filter cannot make of packets between brokers.
const fn between(treatment: &Treatment) -> Option<&'static str> {
    match treatment {
        Treatment::Stall | Treatment::Reset | Treatment::Bandwidth { .. } => None,
        Treatment::Delay(_) => {
            Some("packets between brokers meet a packet filter, which drops and cannot delay")
        }
        _ => Some(
            "packets between brokers meet a packet filter, which knows isolate, drop, flapping and bandwidth",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Latency, Target};
    use super::*;

    fn delayed(from: Target, to: Target, distribution: Distribution) -> Fault {
        let treatment = Treatment::Delay(Latency {
            latency_ns: 1,
            jitter_ns: 0,
            distribution,
        });
        Fault::of(
            FaultKind::Delay,
            from,
            Terms::Link {
                to: vec![to],
                treatment,
            },
        )
    }

    #[test]
    fn a_delay_acts_on_the_way_to_brokers_and_not_between_them() {
        use Distribution::{Normal, Uniform};
        let refused = |from, to, distribution| refusal(&delayed(from, to, distribution)).is_some();
        assert!(!refused(Target::Services, Target::Brokers, Uniform));
        assert!(refused(Target::Services, Target::Brokers, Normal));
        assert!(refused(Target::Broker(1), Target::Brokers, Uniform));
    }

    #[test]
    fn slow_links_are_refused_and_the_usual_ones_are_not() {
        let slow = Links {
            latency_ns: 50_000_000,
            ..Links::default()
        };
        assert!(refused_links(&slow).is_some());
        assert_eq!(refused_links(&Links::default()), None);
    }
}
