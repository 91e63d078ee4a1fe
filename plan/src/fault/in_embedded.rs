//! What the embedded cluster cannot be made to suffer, and why. Said when the plan is made, before anything starts.

use super::{Fault, Refusal, Terms, Treatment, ways};

/// `None`: it can be injected.
pub(super) fn refusal(fault: &Fault) -> Option<Refusal> {
    let Terms::Link { treatment, .. } = &fault.terms else {
        return None;
    };
    (!acts_on_messages(treatment) && ways::between_nodes(fault)).then_some(Refusal {
        why: "links between embedded brokers, and to the controller, carry messages and not bytes",
        fix: "between them isolate, flapping, drop, delay, bandwidth and reset_peer act; or name services at one end",
    })
}

const fn acts_on_messages(treatment: &Treatment) -> bool {
    matches!(
        treatment,
        Treatment::Stall | Treatment::Reset | Treatment::Bandwidth { .. } | Treatment::Delay(_)
    )
}

#[cfg(test)]
mod tests {
    use super::super::{FaultKind, Target};
    use super::*;

    fn refused(from: Target, to: Target, treatment: Treatment) -> bool {
        let fault = Fault::of(
            FaultKind::Slicer,
            from,
            Terms::Link {
                to: vec![to],
                treatment,
            },
        );
        refusal(&fault).is_some()
    }

    #[test]
    fn what_acts_on_bytes_is_refused_between_nodes_alone() {
        let slice = Treatment::Slice {
            average_bytes: 3,
            variation_bytes: 0,
            delay_ns: 1,
        };
        let on_bytes = [
            slice,
            Treatment::SlowClose { delay_ns: 1 },
            Treatment::LimitData { bytes: 1 },
            Treatment::Timeout { after_ns: 1 },
        ];
        for treatment in on_bytes {
            let refused = |from, to| refused(from, to, treatment.clone());
            assert!(refused(Target::Broker(1), Target::Brokers));
            assert!(refused(Target::Brokers, Target::Controller));
            assert!(refused(Target::Everyone, Target::Broker(1)));
            assert!(!refused(Target::Services, Target::Brokers));
            assert!(!refused(Target::Broker(1), Target::Load));
        }
    }

    #[test]
    fn what_acts_on_messages_is_not_refused() {
        for treatment in [Treatment::Stall, Treatment::Reset] {
            assert!(!refused(Target::Broker(1), Target::Brokers, treatment));
        }
        let narrow = Treatment::Bandwidth { bytes_per_s: 1 };
        assert!(!refused(Target::Brokers, Target::Controller, narrow));
    }
}
