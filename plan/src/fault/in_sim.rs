//! What the simulator cannot do of a kind that it has otherwise, and why.

use super::{Fault, Refusal, Target, ways};

/// `None`: it can be injected, if the simulator has the kind.
pub(super) fn refusal(fault: &Fault) -> Option<Refusal> {
    let is_sink = |target: &Target| matches!(target, Target::Sink(_));
    let others = ways::others(&fault.terms).unwrap_or_default();
    let names_sink = is_sink(&fault.target) || others.iter().any(is_sink);
    (fault.kind.row().acts_on_connections && names_sink).then_some(Refusal {
        why: "a simulated sink has no connections",
        fix: "use sink_down, or run it with --on embedded",
    })
}

#[cfg(test)]
mod tests {
    use super::super::{FaultKind, Flow, Terms};
    use super::*;

    #[test]
    fn nobody_is_cut_off_from_a_sink() {
        let refused = |from: Target| {
            let fault = Fault::of(
                FaultKind::Isolate,
                Target::Services,
                Terms::Apart {
                    from: vec![from],
                    flow: Flow::Both,
                },
            );
            refusal(&fault).is_some()
        };
        assert!(refused(Target::Sink("mailbox".to_owned())));
        assert!(!refused(Target::Brokers) && !refused(Target::Everyone));
    }

    #[test]
    fn connections_to_a_sink_cannot_be_closed_and_it_can_be_down() {
        let refused = |kind| {
            let target = Target::Sink("mailbox".to_owned());
            refusal(&Fault::of(kind, target, Terms::None)).is_some()
        };
        assert!(refused(FaultKind::Down) && !refused(FaultKind::SinkDown));
    }
}
