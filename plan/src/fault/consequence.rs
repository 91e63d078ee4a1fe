//! What a fault must be seen to cause, and what counts as that. Pure, so that every environment holds to the same rules.

use super::{Fault, Proof, Target};

/// Something that a cluster was seen to do, of which a fault may be the cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A partition has a leader, after an election.
    Elected {
        topic: String,
        partition: u32,
        leader: u32,
        /// It was in sync.
        clean: bool,
    },
    /// An in-sync set lost these brokers.
    IsrShrank {
        topic: String,
        partition: u32,
        lost: Vec<u32>,
    },
    /// A group finished a rebalance.
    Rebalanced { group: String, generation: i32 },
}

/// The consequences of one fault that are still to be seen.
#[derive(Clone, Debug)]
pub struct Consequences {
    wanted: Vec<Proof>,
    target: Target,
    /// The broker that was hit, if it was one.
    broker: Option<u32>,
    /// Topic and partition that it led just before.
    led: Vec<(String, u32)>,
    /// It acts on connections: a leader that is cut off from its followers is the one that stays in sync.
    may_lead_on: bool,
    /// The group that must rebalance; `None`: any.
    group: Option<String>,
}

impl Consequences {
    /// `led`: topic and partition of what `broker` leads just before it is hit. `group_of` knows a service's consumer group.
    #[must_use]
    pub fn new(
        fault: &Fault,
        broker: Option<u32>,
        led: Vec<(String, u32)>,
        group_of: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let group = match &fault.target {
            Target::Service { service, .. } => group_of(service),
            Target::Coordinator { group } => Some(group.clone()),
            _ => None,
        };
        Self {
            wanted: fault.prove.clone(),
            target: fault.target.clone(),
            broker,
            led,
            may_lead_on: fault.kind.row().acts_on_connections,
            group,
        }
    }

    /// Whether anything is still to be seen.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// What has been seen since the last look, each proof once, as `leader-moved: ...`. `find` finds the first thing, of those
    /// that happened since just before the fault began, that satisfies a condition; `restarted` tells which process runs in
    /// place of which.
    pub fn look(
        &mut self,
        find: impl Fn(&dyn Fn(&Happening) -> bool) -> Option<Happening>,
        restarted: impl Fn() -> Option<String>,
    ) -> Vec<String> {
        let mut seen = Vec::new();
        for proof in std::mem::take(&mut self.wanted) {
            let found = match proof {
                Proof::ProcessRestarted => restarted(),
                _ => find(&|happening| self.proves(proof, happening)).map(|it| self.tell(&it)),
            };
            match found {
                Some(text) => seen.push(format!("{}: {text}", proof.name())),
                None => self.wanted.push(proof),
            }
        }
        seen
    }

    fn proves(&self, proof: Proof, happening: &Happening) -> bool {
        match (proof, happening) {
            (
                Proof::LeaderMoved,
                Happening::Elected {
                    topic,
                    partition,
                    leader,
                    ..
                },
            ) => self.is_about(topic, *partition) && self.has_moved_to(topic, *partition, *leader),
            (
                Proof::UncleanElection,
                Happening::Elected {
                    topic,
                    partition,
                    clean,
                    ..
                },
            ) => !clean && self.is_about(topic, *partition),
            (
                Proof::IsrShrank,
                Happening::IsrShrank {
                    topic,
                    partition,
                    lost,
                },
            ) => {
                let by_victim = |broker: u32| {
                    let led = self.may_lead_on && self.was_led_by_victim(topic, *partition);
                    led || lost.contains(&broker)
                };
                self.is_about(topic, *partition) && self.broker.is_none_or(by_victim)
            }
            (Proof::GroupRebalanced, Happening::Rebalanced { group, .. }) => {
                self.group.as_ref().is_none_or(|wanted| wanted == group)
            }
            _ => false,
        }
    }

    /// A fault aimed at a partition is proven by that partition; any other by one of a topic that events travel on. The
    /// partitions of the cluster's own topics move at each fault of a broker and say nothing about the scenario's.
    fn is_about(&self, topic: &str, partition: u32) -> bool {
        match &self.target {
            Target::Leader {
                topic: aimed,
                partition: at,
            }
            | Target::Followers {
                topic: aimed,
                partition: at,
            } => aimed == topic && *at == partition,
            _ => !topic.starts_with("__"),
        }
    }

    /// From the broker that was hit, where it was one, to another.
    fn has_moved_to(&self, topic: &str, partition: u32, leader: u32) -> bool {
        self.broker
            .is_none_or(|broker| leader != broker && self.was_led_by_victim(topic, partition))
    }

    /// Just before the fault.
    fn was_led_by_victim(&self, topic: &str, partition: u32) -> bool {
        let mut led = self.led.iter();
        led.any(|(t, p)| t == topic && *p == partition)
    }

    fn tell(&self, happening: &Happening) -> String {
        match happening {
            Happening::Elected {
                topic,
                partition,
                leader,
                ..
            } => match self.broker {
                Some(old) => format!("{topic}/{partition} leader {old} -> {leader}"),
                None => format!("{topic}/{partition} leader {leader}"),
            },
            Happening::IsrShrank {
                topic,
                partition,
                lost,
            } => format!("{topic}/{partition} lost in-sync {lost:?}"),
            Happening::Rebalanced { group, generation } => {
                format!("{group} generation {generation}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    fn fault(target: &str, prove: &[Proof]) -> Fault {
        Fault {
            name: "leader-lost".to_owned(),
            at_ns: 0,
            for_ns: None,
            kind: FaultKind::Kill,
            target: Target::parse(target).unwrap(),
            terms: Default::default(),
            prove: prove.to_vec(),
            drawn: false,
        }
    }

    /// What a fault of broker 1 is seen to cause, looked for once.
    fn seen(target: &str, prove: Proof, happened: &[Happening]) -> Vec<String> {
        seen_of(FaultKind::Kill, target, prove, happened)
    }

    fn seen_of(kind: FaultKind, target: &str, prove: Proof, happened: &[Happening]) -> Vec<String> {
        let led = [("__consumer_offsets", 0), ("signups", 0), ("signups", 3)];
        let led = led.map(|(topic, partition)| (topic.to_owned(), partition));
        let fault = Fault {
            kind,
            ..fault(target, &[prove])
        };
        let group_of = |service: &str| Some(format!("group-of-{service}"));
        let mut consequences = Consequences::new(&fault, Some(1), led.to_vec(), group_of);
        let find = |is: &dyn Fn(&Happening) -> bool| {
            happened.iter().find(|happening| is(happening)).cloned()
        };
        consequences.look(find, || None)
    }

    fn elected(topic: &str, partition: u32, leader: u32) -> Happening {
        Happening::Elected {
            topic: topic.to_owned(),
            partition,
            leader,
            clean: true,
        }
    }

    #[test]
    fn a_fault_at_a_leader_is_proven_by_the_partition_it_was_aimed_at() {
        let mut happened = vec![
            elected("__consumer_offsets", 0, 2),
            elected("signups", 3, 2),
            elected("signups", 0, 1),
        ];
        let look = |happened: &[Happening]| seen("leader(signups/0)", Proof::LeaderMoved, happened);
        assert_eq!(look(&happened), Vec::<String>::new());
        happened.push(elected("signups", 0, 3));
        assert_eq!(look(&happened), ["leader-moved: signups/0 leader 1 -> 3"]);
    }

    #[test]
    fn a_fault_at_a_broker_is_proven_by_what_it_led_but_not_by_the_cluster_s_own_topics() {
        let mut happened = vec![
            elected("__consumer_offsets", 0, 2),
            elected("signups", 1, 2),
        ];
        let look = |happened: &[Happening]| seen("broker(1)", Proof::LeaderMoved, happened);
        assert_eq!(
            look(&happened),
            Vec::<String>::new(),
            "it never led signups/1"
        );
        happened.push(elected("signups", 3, 2));
        assert_eq!(look(&happened), ["leader-moved: signups/3 leader 1 -> 2"]);
    }

    #[test]
    fn an_unclean_election_is_one_of_a_replica_that_was_not_in_sync() {
        let unclean = |topic: &str| Happening::Elected {
            topic: topic.to_owned(),
            partition: 0,
            leader: 2,
            clean: false,
        };
        let happened = [
            elected("signups", 0, 2),
            unclean("__consumer_offsets"),
            unclean("signups"),
        ];
        let look = |happened: &[Happening]| seen("broker(1)", Proof::UncleanElection, happened);
        assert_eq!(look(&happened[..2]), Vec::<String>::new());
        assert_eq!(
            look(&happened),
            ["unclean-election: signups/0 leader 1 -> 2"]
        );
    }

    #[test]
    fn an_in_sync_set_must_lose_the_broker_that_was_hit_or_be_led_by_one_that_was_cut_off() {
        let shrank = |topic: &str, partition, lost| Happening::IsrShrank {
            topic: topic.to_owned(),
            partition,
            lost: vec![lost],
        };
        let happened = [
            shrank("__consumer_offsets", 0, 1),
            shrank("signups", 1, 2),
            shrank("signups", 1, 1),
        ];
        let look = |happened: &[Happening]| seen("broker(1)", Proof::IsrShrank, happened);
        assert_eq!(look(&happened[..2]), Vec::<String>::new());
        assert_eq!(look(&happened), ["isr-shrank: signups/1 lost in-sync [1]"]);
        let led = [shrank("signups", 0, 2)];
        assert_eq!(
            look(&led),
            Vec::<String>::new(),
            "a dead broker leads no more"
        );
        let cut_off = seen_of(FaultKind::Flapping, "broker(1)", Proof::IsrShrank, &led);
        assert_eq!(cut_off, ["isr-shrank: signups/0 lost in-sync [2]"]);
    }

    #[test]
    fn the_group_of_the_service_must_rebalance() {
        let rebalanced = |group: &str| Happening::Rebalanced {
            group: group.to_owned(),
            generation: 2,
        };
        let happened = [rebalanced("other"), rebalanced("group-of-consumer-db")];
        let look = |happened: &[Happening]| seen("consumer-db", Proof::GroupRebalanced, happened);
        assert_eq!(look(&happened[..1]), Vec::<String>::new());
        assert_eq!(
            look(&happened),
            ["group-rebalanced: group-of-consumer-db generation 2"]
        );
    }
}
