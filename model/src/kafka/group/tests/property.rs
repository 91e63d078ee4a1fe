//! Random lives of a group against what must always hold.
//!
//! The oracle keeps what members were told: which generations they hold, what the leader of each gave them, and which commits were
//! acknowledged. It knows nothing of states or timers.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// A new process joins, or one that was told of a rebalance joins again.
    Join(usize),
    Sync(usize),
    Heartbeat(usize),
    Commit(usize),
    Leave(usize),
    /// The process dies; its connection closes.
    Crash(usize),
    Wait(u64),
    Replicate,
    FailAppend,
    FailOver,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..4usize;
    prop_oneof![
        6 => who.clone().prop_map(Step::Join),
        6 => who.clone().prop_map(Step::Sync),
        2 => who.clone().prop_map(Step::Heartbeat),
        3 => who.clone().prop_map(Step::Commit),
        1 => who.clone().prop_map(Step::Leave),
        1 => who.prop_map(Step::Crash),
        3 => (0..12_000u64).prop_map(Step::Wait),
        6 => Just(Step::Replicate),
        1 => Just(Step::FailAppend),
        1 => Just(Step::FailOver),
    ]
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Wait {
    Join,
    Sync,
    Commit,
}

#[derive(Default, Clone, Debug)]
struct Process {
    id: Option<MemberId>,
    generation: i32,
    /// Given to it as the leader, to assign to.
    members: Vec<MemberId>,
    waits: Option<(ConnId, Wait)>,
}

struct World {
    rig: Rig,
    processes: Vec<Process>,
    /// What the leader of a generation last gave its members; generations are told apart by the coordinator's term.
    given: BTreeMap<(u64, i32), Vec<BTreeMap<MemberId, String>>>,
    /// Members whom the coordinator said that they are out.
    out: Vec<MemberId>,
    term: u64,
    next_offset: i64,
    /// The offset that each commit asks for, and whether its member was out when it asked.
    offsets: BTreeMap<ConnId, (i64, bool)>,
    acknowledged: Option<i64>,
}

impl World {
    fn new() -> Self {
        let mut rig = Rig::new();
        rig.instant = false;
        Self {
            rig,
            processes: vec![Process::default(); 4],
            given: BTreeMap::new(),
            out: Vec::new(),
            term: 1,
            next_offset: 0,
            offsets: BTreeMap::new(),
            acknowledged: None,
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Join(who) => self.join(who),
            Step::Sync(who) => self.sync(who),
            Step::Heartbeat(who) => self.heartbeat(who),
            Step::Commit(who) => self.commit(who),
            Step::Leave(who) => self.leave(who),
            Step::Crash(who) => {
                let dead = std::mem::take(&mut self.processes[who]);
                if let Some((conn, _)) = dead.waits {
                    self.rig.coordinator.closed(conn);
                }
            }
            Step::Wait(ms) => self.rig.wait_ms(ms),
            Step::Replicate => self.rig.replicate(),
            Step::FailAppend => self.fail_append(),
            Step::FailOver => {
                self.term += 1;
                self.rig.fail_over(self.term);
            }
        }
        self.take_replies();
        self.check();
    }

    fn join(&mut self, who: usize) {
        if self.processes[who].waits.is_some() {
            return;
        }
        let id = self.processes[who].id.unwrap_or(MemberId::NONE);
        let conn = self.rig.send_join(&join_request(id, &[(RANGE, "m")]));
        self.processes[who].waits = Some((conn, Wait::Join));
    }

    fn sync(&mut self, who: usize) {
        let process = self.processes[who].clone();
        let (Some(id), None) = (process.id, process.waits) else {
            return;
        };
        let text = |m: &MemberId| {
            format!(
                "{}:{}:{}:{}",
                self.term, process.generation, m.0, self.rig.now
            )
        };
        let given: Vec<(MemberId, String)> =
            process.members.iter().map(|m| (*m, text(m))).collect();
        if !given.is_empty() {
            let key = (self.term, process.generation);
            let all = given.iter().cloned().collect();
            self.given.entry(key).or_default().push(all);
        }
        let given: Vec<(MemberId, &str)> = given.iter().map(|(m, t)| (*m, t.as_str())).collect();
        let conn = self.rig.send_sync(id, process.generation, &given);
        self.processes[who].waits = Some((conn, Wait::Sync));
    }

    fn heartbeat(&mut self, who: usize) {
        let Process {
            id: Some(id),
            generation,
            waits: None,
            ..
        } = self.processes[who]
        else {
            return;
        };
        let error = self.rig.heartbeat(id, generation);
        self.learn(who, error);
    }

    fn commit(&mut self, who: usize) {
        let Process {
            id: Some(id),
            generation,
            waits: None,
            ..
        } = self.processes[who]
        else {
            return;
        };
        self.next_offset += 1;
        let removed = self.rig.removed().iter().any(|(out, _)| *out == id);
        let fenced = removed && self.term_of_removal(id) == self.term;
        let conn = self.rig.send_commit(id, generation, self.next_offset);
        self.offsets.insert(conn, (self.next_offset, fenced));
        self.processes[who].waits = Some((conn, Wait::Commit));
    }

    fn leave(&mut self, who: usize) {
        if let (Some(id), None) = (self.processes[who].id, self.processes[who].waits) {
            if self.rig.leave(id, None) == ErrorCode::None {
                self.out.push(id);
            }
            self.processes[who] = Process::default();
        }
    }

    fn fail_append(&mut self) {
        if self.rig.appending.is_empty() {
            return;
        }
        // The coordinator's log is one: what comes after a failed append fails too.
        for (token, _) in std::mem::take(&mut self.rig.appending) {
            let error = Err(ErrorCode::NotEnoughReplicas);
            let now = self.rig.now;
            self.rig
                .coordinator
                .appended(now, token, error, &mut self.rig.out);
        }
        self.rig.collect();
    }

    /// What a process makes of an error, as clients do.
    fn learn(&mut self, who: usize, error: ErrorCode) {
        match error {
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId => {
                self.processes[who].id = None;
                self.processes[who].members.clear();
            }
            _ => {}
        }
    }

    fn take_replies(&mut self) {
        for who in 0..self.processes.len() {
            let Some((conn, wait)) = self.processes[who].waits else {
                continue;
            };
            let Some(reply) = self.rig.replies.remove(&conn) else {
                continue;
            };
            self.processes[who].waits = None;
            match (wait, reply) {
                (Wait::Join, GroupReply::Join(response)) => self.take_join(who, &response),
                (Wait::Sync, GroupReply::Sync(response)) => self.take_sync(who, &response),
                (Wait::Commit, GroupReply::Commit(results)) => {
                    self.take_commit(who, conn, results[0].1)
                }
                (wait, reply) => panic!("{wait:?} was answered with {reply:?}"),
            }
        }
    }

    fn take_join(&mut self, who: usize, response: &JoinGroupResponse) {
        if response.error.is_error() {
            return self.learn(who, response.error);
        }
        let process = &mut self.processes[who];
        process.id = Some(response.member);
        process.generation = response.generation;
        process.members = response.members.iter().map(|m| m.member).collect();
    }

    /// Whoever gets an assignment gets the one that a leader of this generation gave it (the first that was stored).
    fn take_sync(&mut self, who: usize, response: &SyncGroupResponse) {
        if response.error.is_error() {
            return self.learn(who, response.error);
        }
        let text = String::from_utf8(response.assignment.to_vec()).unwrap();
        let id = self.processes[who].id.unwrap();
        let generation = self.processes[who].generation;
        assert!(
            !self.out.contains(&id),
            "a member that left was given a share"
        );
        let mut offers = self
            .given
            .iter()
            .filter(|((_, g), _)| *g == generation)
            .flat_map(|(_, all)| all);
        let offered = offers.any(|given| given.get(&id) == Some(&text));
        assert!(
            offered,
            "{text} was never given to {id:?} in generation {generation}"
        );
    }

    fn take_commit(&mut self, who: usize, conn: ConnId, error: ErrorCode) {
        let (offset, fenced) = self.offsets[&conn];
        if error.is_error() {
            return self.learn(who, error);
        }
        assert!(!fenced, "a member that was removed could commit");
        assert!(self.acknowledged.is_none_or(|last| last != offset));
        self.acknowledged = self.acknowledged.max(Some(offset));
    }

    fn check(&mut self) {
        // Whoever was removed never comes back under its id, and what it commits is refused.
        let described = self.rig.coordinator.describe(GROUP);
        for (id, _) in self.rig.removed() {
            let holds = self.term_of_removal(id) == self.term;
            let present = described.members.iter().any(|m| m.member == id);
            assert!(!(holds && present), "{id:?} came back");
        }
        if let Some(acknowledged) = self.acknowledged {
            assert!(
                self.rig.fetched() >= acknowledged,
                "an acknowledged commit is not there"
            );
        }
        let durable = self.rig.log.iter().any(|r| matches!(r, GroupRecord::Offset { value: Some(v), .. } if v.offset == self.rig.fetched()));
        assert!(
            self.rig.fetched() == -1 || durable,
            "a commit is seen that is not durable"
        );
        if described.state == GroupState::PreparingRebalance {
            let mut waits = self.processes.iter().filter_map(|p| p.waits);
            let left = waits.any(|(_, wait)| wait == Wait::Sync);
            assert!(
                !left,
                "a rebalance began, and a member still waits for the old share"
            );
        }
        self.check_order();
        self.check_generation(&described);
    }

    /// Within a term, every rebalance has a higher generation than the one before.
    fn check_order(&self) {
        let mut last = 0;
        for fact in &self.rig.facts {
            match fact {
                Fact::CoordinatorLoaded { .. } => last = 0,
                Fact::Rebalanced { generation, .. } => {
                    assert!(*generation > last, "generation {generation} after {last}");
                    last = *generation;
                }
                _ => {}
            }
        }
    }

    /// All that are in one stable generation hold different shares of it, each given by one and the same leader.
    fn check_generation(&self, described: &DescribedGroup) {
        if described.state != GroupState::Stable {
            return;
        }
        let share =
            |m: &DescribedMember| (m.member, String::from_utf8(m.assignment.to_vec()).unwrap());
        let shares: BTreeMap<MemberId, String> = described.members.iter().map(share).collect();
        let offered = self.given.values().flatten().any(|given| *given == shares);
        assert!(offered, "no leader gave {shares:?}");
    }

    /// The coordinator's term in which a member was removed; a removal that was not stored is unknown to the next term.
    fn term_of_removal(&self, id: MemberId) -> u64 {
        let mut term = 0;
        for fact in &self.rig.facts {
            match fact {
                Fact::CoordinatorLoaded { .. } => term += 1,
                Fact::MemberRemoved { member, .. } if *member == id => return term,
                _ => {}
            }
        }
        0
    }

    /// Timers run and appends succeed: in the end nobody waits, and nobody is in.
    fn settle(&mut self) {
        for _ in 0..40 {
            self.rig.replicate();
            self.take_replies();
            self.rig.wait_ms(20_000);
            self.take_replies();
        }
        let waiting = self.processes.iter().filter(|p| p.waits.is_some()).count();
        assert_eq!(waiting, 0, "a waiting reply was lost");
        let state = self.rig.state();
        assert!(
            matches!(state, GroupState::Empty | GroupState::Dead),
            "{state:?}"
        );
        assert_eq!(self.rig.coordinator.next_timer(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_group_keeps_its_promises(steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.settle();
    }
}

#[test]
fn a_silent_member_cannot_commit() {
    let mut rig = Rig::new();
    let id = rig.stable_one();
    rig.wait_ms(u64::from(SESSION_MS.unsigned_abs()));
    let conn = rig.send_commit(id, 1, 5);
    assert_eq!(rig.committed(conn), Some(ErrorCode::UnknownMemberId));
    assert_eq!(rig.fetched(), -1);
}
