//! What the notes of a run show of its faults. Works the same on a run that has just ended and on a stored one.

use squall_check::{FaultHealth, Shown};
use squall_history::{FaultState, What};
use squall_plan::fault::{Act, Fault, Proof};
use std::collections::BTreeMap;

/// How evidence begins that a fault bit; evidence of a consequence begins with [`Proof::name`].
pub const BIT: &str = "bit";

/// For every fault of the plan: whether it bit, healed, and caused what it had to.
#[must_use]
pub fn fault_health<'a>(
    faults: &[Fault],
    notes: impl IntoIterator<Item = &'a What>,
) -> BTreeMap<String, FaultHealth> {
    let mut traces: BTreeMap<&str, Trace> = BTreeMap::new();
    for what in notes {
        if let What::Fault {
            name,
            state,
            detail,
        } = what
        {
            traces.entry(name).or_default().add(*state, detail);
        }
    }
    let health = |fault: &Fault| {
        let trace = traces.remove(fault.name.as_str()).unwrap_or_default();
        (fault.name.clone(), trace.judge(fault))
    };
    faults.iter().map(health).collect()
}

/// As [`fault_health`], but for those that the seed drew: one may find nothing to bite, as long as some fault did.
#[must_use]
pub fn required_health<'a>(
    faults: &[Fault],
    notes: impl IntoIterator<Item = &'a What>,
) -> BTreeMap<String, FaultHealth> {
    let mut all = fault_health(faults, notes);
    if all.values().any(|health| health.bit.is_shown()) {
        for fault in faults.iter().filter(|fault| fault.drawn) {
            if let Some(health) = all.get_mut(&fault.name) {
                health.bit = Shown::Yes;
            }
        }
    }
    all
}

#[derive(Default)]
struct Trace {
    injected: bool,
    healed: bool,
    failure: Option<String>,
    /// What was told when it healed.
    ended: String,
    evidence: Vec<String>,
}

impl Trace {
    fn add(&mut self, state: FaultState, detail: &str) {
        match state {
            FaultState::Injected => self.injected = true,
            FaultState::Healed => {
                self.healed = true;
                detail.clone_into(&mut self.ended);
            }
            FaultState::Failed => self.failure = Some(detail.to_owned()),
            FaultState::Evidence => {
                let kind = detail.split(':').next().unwrap_or_default();
                self.evidence.push(kind.trim().to_owned());
            }
        }
    }

    fn judge(&self, fault: &Fault) -> FaultHealth {
        FaultHealth {
            bit: self.bit(fault),
            healed: self.healed(fault),
            proofs: self.proofs(fault),
        }
    }

    fn bit(&self, fault: &Fault) -> Shown {
        let (name, target) = (&fault.name, &fault.target);
        let failure = self.failure.as_deref().unwrap_or("nothing tells why");
        if !self.injected {
            return Shown::no(
                format!("The fault {name} was never injected: {failure}."),
                "Let it begin before the load ends, at a target that is there then.",
            );
        }
        let bit = self.evidence.iter().any(|kind| kind == BIT);
        if self.healed && is_sequence(fault) {
            return Shown::when(
                bit,
                format!(
                    "The fault {name} was not over when the load ended: {}.",
                    self.ended
                ),
                "Let the load last longer: load.stages[].for.",
            );
        }
        Shown::when(
            bit,
            format!("The fault {name} was injected, but nothing shows that it bit {target}."),
            "See the logs of the run: its target may have been down already.",
        )
    }

    fn healed(&self, fault: &Fault) -> Shown {
        let failure = self.failure.as_deref().unwrap_or("the run ended before");
        Shown::when(
            self.healed || !self.injected,
            format!("The fault {} was not healed: {failure}.", fault.name),
            "See the log of its target for why it did not come back.",
        )
    }

    fn proofs(&self, fault: &Fault) -> BTreeMap<String, Shown> {
        let shown = |proof: &Proof| {
            let seen = self.evidence.iter().any(|kind| kind == proof.name());
            let why = format!("The fault {} did not cause {}.", fault.name, proof.name());
            let shown = Shown::when(seen, why, mend(*proof));
            (proof.name().to_owned(), shown)
        };
        fault.prove.iter().map(shown).collect()
    }
}

/// Only all of its steps together are the fault.
fn is_sequence(fault: &Fault) -> bool {
    matches!(fault.kind.row().act, Act::RollBrokers | Act::Deploy)
}

fn mend(proof: Proof) -> &'static str {
    match proof {
        Proof::LeaderMoved | Proof::IsrShrank => {
            "Let it last longer than the cluster's broker.session.timeout.ms."
        }
        Proof::GroupRebalanced => {
            "Let it, and the load after it, last longer than the group's session.timeout.ms."
        }
        Proof::UncleanElection => {
            "Set unclean.leader.election.enable on the topic, and let nobody in sync be left."
        }
        Proof::ProcessRestarted => "See the log of its target for why it did not start again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_plan::fault::{FaultKind, Target, Terms};

    fn fault() -> Fault {
        Fault {
            name: "crash".to_owned(),
            at_ns: 0,
            for_ns: Some(1),
            kind: FaultKind::Crash,
            target: Target::Service {
                service: "a".to_owned(),
                replica: None,
            },
            terms: Terms::None,
            prove: vec![Proof::GroupRebalanced],
            drawn: false,
        }
    }

    fn note(state: FaultState, detail: &str) -> What {
        What::Fault {
            name: "crash".to_owned(),
            state,
            detail: detail.to_owned(),
        }
    }

    fn judge(notes: &[What]) -> (bool, bool, bool) {
        let health = fault_health(&[fault()], notes).remove("crash").unwrap();
        let proof = health.proofs["group-rebalanced"].is_shown();
        (health.bit.is_shown(), health.healed.is_shown(), proof)
    }

    #[test]
    fn everything_must_be_shown_by_a_note_of_its_own() {
        let all = [
            note(FaultState::Injected, "crash a/0"),
            note(FaultState::Evidence, "bit: a/0 (pid 3) ended by SIGKILL"),
            note(FaultState::Healed, ""),
            note(FaultState::Evidence, "group-rebalanced: a generation 3"),
        ];
        assert_eq!(judge(&all), (true, true, true));
        assert_eq!(judge(&all[..3]), (true, true, false));
        assert_eq!(judge(&all[..2]), (true, false, false));
        assert_eq!(judge(&all[..1]), (false, false, false));
        assert_eq!(judge(&[]), (false, true, false));
    }

    #[test]
    fn a_drawn_fault_may_find_nothing_to_bite_as_long_as_one_did() {
        let drawn = |name: &str| Fault {
            name: name.to_owned(),
            drawn: true,
            prove: Vec::new(),
            ..fault()
        };
        let faults = [drawn("crash"), drawn("other")];
        let shown = |notes: &[What]| {
            let health = required_health(&faults, notes);
            (
                health["crash"].bit.is_shown(),
                health["other"].bit.is_shown(),
            )
        };
        let bit = note(FaultState::Evidence, "bit: a/0 (pid 3) ended by SIGKILL");
        let injected = note(FaultState::Injected, "crash a/0");
        assert_eq!(shown(&[injected.clone(), bit]), (true, true));
        assert_eq!(shown(&[injected]), (false, false));
    }

    #[test]
    fn a_sequence_that_the_load_cut_short_says_how_far_it_came() {
        let roll = Fault {
            kind: FaultKind::RollingRestart,
            target: Target::Brokers,
            prove: Vec::new(),
            ..fault()
        };
        let notes = [
            note(FaultState::Injected, ""),
            note(FaultState::Healed, "1 of 3 steps were done"),
        ];
        let health = fault_health(&[roll], &notes).remove("crash").unwrap();
        let told = format!("{:?}", health.bit);
        assert!(told.contains("1 of 3 steps were done"), "{told}");
    }

    #[test]
    fn notes_of_other_faults_prove_nothing() {
        let other = What::Fault {
            name: "other".to_owned(),
            state: FaultState::Evidence,
            detail: "bit: it did".to_owned(),
        };
        let notes = [note(FaultState::Injected, ""), other];
        assert_eq!(judge(&notes), (false, false, false));
    }
}
