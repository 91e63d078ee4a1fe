use super::{Change, Changed};
use crate::kafka::ids::NodeId;
use crate::kafka::peer::PartitionState;

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().map(|id| NodeId(*id)).collect()
}

/// One row: what is, what happens, and what must come of it. Replicas are 1, 2 and 3.
struct Row {
    what: &'static str,
    leader: i32,
    isr: &'static [i32],
    elr: &'static [i32],
    last_known: i32,
    new_isr: &'static [i32],
    unclean_shutdown: i32,
    usable: &'static [i32],
    with_elr: bool,
    unclean: bool,
    /// Leader, in-sync set, eligible replicas, last known leader, clean.
    then: (i32, &'static [i32], &'static [i32], i32, bool),
}

const NOBODY: i32 = -1;

const BASE: Row = Row {
    what: "nothing happens",
    leader: 1,
    isr: &[1, 2, 3],
    elr: &[],
    last_known: NOBODY,
    new_isr: &[1, 2, 3],
    unclean_shutdown: NOBODY,
    usable: &[1, 2, 3],
    with_elr: true,
    unclean: false,
    then: (1, &[1, 2, 3], &[], NOBODY, true),
};

fn some(id: i32) -> Option<NodeId> {
    (id != NOBODY).then_some(NodeId(id))
}

fn run(row: &Row) -> (PartitionState, Changed) {
    let old = PartitionState {
        leader: some(row.leader),
        leader_epoch: 5,
        partition_epoch: 9,
        replicas: nodes(&[1, 2, 3]),
        isr: nodes(row.isr),
        elr: nodes(row.elr),
    };
    let change = Change {
        old: &old,
        last_known_leader: some(row.last_known),
        min_insync: 2,
        eligible_leader_replicas: row.with_elr,
        unclean_election: row.unclean,
        isr: nodes(row.new_isr),
        unclean_shutdown: some(row.unclean_shutdown),
    };
    let changed = change.build(|node| row.usable.contains(&node.0));
    (old, changed)
}

#[test]
fn partitions_change_as_in_kafka() {
    let rows = [
        BASE,
        Row {
            what: "a follower is fenced",
            new_isr: &[1, 2],
            usable: &[1, 2],
            then: (1, &[1, 2], &[], NOBODY, true),
            ..BASE
        },
        Row {
            what: "the leader is fenced",
            new_isr: &[2, 3],
            usable: &[2, 3],
            then: (2, &[2, 3], &[], NOBODY, true),
            ..BASE
        },
        Row {
            what: "the preferred of those in sync leads",
            leader: 2,
            isr: &[2, 3],
            new_isr: &[3],
            usable: &[1, 3],
            then: (3, &[3], &[2], NOBODY, true),
            ..BASE
        },
        Row {
            what: "below the minimum, who leaves stays eligible",
            isr: &[1, 2],
            new_isr: &[1],
            then: (1, &[1], &[2], NOBODY, true),
            ..BASE
        },
        Row {
            what: "back at the minimum nobody needs to be",
            isr: &[1],
            elr: &[2],
            new_isr: &[1, 3],
            then: (1, &[1, 3], &[], NOBODY, true),
            ..BASE
        },
        Row {
            what: "an eligible replica leads when nobody is in sync",
            isr: &[1],
            elr: &[2],
            new_isr: &[],
            usable: &[2, 3],
            then: (2, &[2], &[1], NOBODY, true),
            ..BASE
        },
        Row {
            what: "the last one leaves and is remembered",
            isr: &[1],
            new_isr: &[],
            usable: &[2, 3],
            then: (NOBODY, &[], &[1], 1, true),
            ..BASE
        },
        Row {
            what: "it comes back in order",
            leader: NOBODY,
            isr: &[],
            elr: &[1],
            last_known: 1,
            new_isr: &[],
            then: (1, &[1], &[], 1, true),
            ..BASE
        },
        Row {
            what: "it comes back without its memory and others are eligible",
            leader: NOBODY,
            isr: &[],
            elr: &[1, 2],
            last_known: 1,
            new_isr: &[],
            unclean_shutdown: 1,
            usable: &[2, 3],
            then: (2, &[2], &[], 1, true),
            ..BASE
        },
        Row {
            what: "nobody is eligible: the last leader is taken back",
            leader: NOBODY,
            isr: &[],
            elr: &[],
            last_known: 1,
            new_isr: &[],
            then: (1, &[1], &[], NOBODY, false),
            ..BASE
        },
        Row {
            what: "nobody is eligible and the last leader is away",
            leader: NOBODY,
            isr: &[],
            elr: &[],
            last_known: 1,
            new_isr: &[],
            usable: &[2, 3],
            then: (NOBODY, &[], &[], 1, true),
            ..BASE
        },
        Row {
            what: "then, where it is allowed, anybody leads",
            leader: NOBODY,
            isr: &[],
            elr: &[],
            last_known: 1,
            new_isr: &[],
            usable: &[2, 3],
            unclean: true,
            then: (2, &[2], &[], NOBODY, false),
            ..BASE
        },
        Row {
            what: "unclean elections wait for nobody",
            isr: &[1],
            new_isr: &[],
            usable: &[3],
            unclean: true,
            then: (3, &[3], &[], NOBODY, false),
            ..BASE
        },
        Row {
            what: "an in-sync replica comes before an unclean one",
            isr: &[1, 3],
            new_isr: &[3],
            usable: &[2, 3],
            unclean: true,
            then: (3, &[3], &[1], NOBODY, true),
            ..BASE
        },
        Row {
            what: "before KIP-966 the last member stays",
            isr: &[1],
            new_isr: &[],
            usable: &[2, 3],
            with_elr: false,
            then: (NOBODY, &[1], &[], NOBODY, true),
            ..BASE
        },
        Row {
            what: "before KIP-966 it leads again whatever it lost",
            leader: NOBODY,
            isr: &[1],
            new_isr: &[1],
            with_elr: false,
            then: (1, &[1], &[], NOBODY, true),
            ..BASE
        },
        Row {
            what: "before KIP-966 unclean elections replace it",
            isr: &[1],
            new_isr: &[],
            usable: &[2],
            with_elr: false,
            unclean: true,
            then: (2, &[2], &[], NOBODY, false),
            ..BASE
        },
    ];
    for row in &rows {
        let (old, changed) = run(row);
        let (leader, isr, elr, last_known, clean) = row.then;
        let state = &changed.state;
        assert_eq!(state.leader, some(leader), "{}: leader", row.what);
        assert_eq!(state.isr, nodes(isr), "{}: in-sync set", row.what);
        assert_eq!(state.elr, nodes(elr), "{}: eligible", row.what);
        assert_eq!(
            changed.last_known_leader,
            some(last_known),
            "{}: last leader",
            row.what
        );
        assert_eq!(changed.clean, clean, "{}: clean", row.what);
        let moved = i32::from(state.leader != old.leader);
        assert_eq!(
            state.leader_epoch - old.leader_epoch,
            moved,
            "{}: leader epoch",
            row.what
        );
        let differs = state.leader != old.leader || state.isr != old.isr || state.elr != old.elr;
        assert_eq!(
            state.partition_epoch - old.partition_epoch,
            i32::from(differs),
            "{}: partition epoch",
            row.what
        );
    }
}
