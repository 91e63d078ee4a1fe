//! What a cluster that others use too is not made to suffer, and why. Said when the plan is made, before anything is touched.

use super::{Act, Fault, Proof, ways};
use crate::scenario::{Cluster, Links};

const PROCESSES: &str = "the cluster is not Squall's: others use its brokers, and their processes are out of reach from here";
const BETWEEN: &str =
    "the cluster is not Squall's: connections between its brokers are out of reach from here";
const NO_CAUSE: &str = "nothing that is done here moves a leader or shrinks an in-sync set, so of `prove` only process-restarted and group-rebalanced can come true";

/// `None`: it acts on nothing but the system's own processes and connections.
pub(crate) fn refusal(fault: &Fault) -> Option<&'static str> {
    let row = fault.kind.row();
    let at_broker = ways::names_nodes(&fault.target);
    if matches!(row.act, Act::RollBrokers | Act::Disk(_)) {
        return Some(PROCESSES);
    }
    if at_broker && matches!(row.act, Act::End(_) | Act::Pause) {
        return Some(PROCESSES);
    }
    if ways::between_nodes(fault) {
        return Some(BETWEEN);
    }
    let caused = |proof: &Proof| matches!(proof, Proof::ProcessRestarted | Proof::GroupRebalanced);
    (!fault.prove.iter().all(caused)).then_some(NO_CAUSE)
}

/// Why settings of the scenario's cluster cannot be made true there; with the key.
pub(crate) fn refused_settings(cluster: &Cluster) -> Option<(&'static str, &'static str)> {
    if !cluster.broker.is_empty() {
        return Some((
            "bus.kafka.broker",
            "the cluster is not Squall's: its settings are others' too",
        ));
    }
    let slow = cluster.links != Links::default();
    slow.then_some((
        "bus.kafka.links",
        "the cluster is not Squall's: its links are as they are",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{FaultKind, Flow, Target, Terms};
    use super::*;

    fn fault(kind: FaultKind, target: &str, terms: Terms) -> Fault {
        Fault::of(kind, Target::parse(target).unwrap(), terms)
    }

    fn apart(from: &str) -> Terms {
        Terms::Apart {
            from: vec![Target::parse(from).unwrap()],
            flow: Flow::Both,
        }
    }

    #[test]
    fn brokers_are_left_alone_and_the_way_to_them_is_not() {
        use FaultKind::{Crash, Down, Isolate, Kill, Pause, Restart, RollingRestart};
        let refused = |kind, target, terms| refusal(&fault(kind, target, terms)).is_some();
        for kind in [Kill, Pause, Restart] {
            assert!(refused(kind, "leader(signups/0)", Terms::None), "{kind:?}");
        }
        assert!(refused(RollingRestart, "brokers", Terms::None));
        assert!(refused(Isolate, "leader(signups/0)", apart("brokers")));
        assert!(refused(Isolate, "broker(1)", apart("everyone")));
        for kind in [Crash, Pause, Restart] {
            assert!(!refused(kind, "consumer-db", Terms::None), "{kind:?}");
        }
        assert!(!refused(Down, "broker(1)", Terms::None));
        assert!(!refused(Isolate, "consumer-db", apart("brokers")));
    }

    #[test]
    fn what_nothing_here_causes_cannot_be_proven() {
        let mut crash = fault(FaultKind::Crash, "consumer-db", Terms::None);
        crash.prove = vec![Proof::ProcessRestarted, Proof::GroupRebalanced];
        assert_eq!(refusal(&crash), None);
        crash.prove.push(Proof::LeaderMoved);
        assert_eq!(refusal(&crash), Some(NO_CAUSE));
    }

    #[test]
    fn settings_of_brokers_and_links_are_refused() {
        let mut cluster = Cluster {
            brokers: 3,
            topics: Vec::new(),
            broker: Default::default(),
            client: Default::default(),
            links: Links::default(),
            external: Default::default(),
            prefix: String::new(),
            may_disturb: false,
        };
        assert_eq!(refused_settings(&cluster), None);
        cluster.links.latency_ns = 50_000_000;
        assert!(refused_settings(&cluster).is_some());
    }
}
