//! A life of a cluster: producers, a group that commits, faults at random, and in the end a judgement.

use super::producer::Producer;
use super::{CONTROLLER, Cluster, Loss, MS, OFFSETS, SECOND, partition};
use squall_model::kafka::*;
use std::collections::BTreeMap;

const GROUP: Name = Name(40);
const STEP: u64 = 20 * MS;

/// What went wrong, in words.
pub type Violation = String;

pub struct Life {
    pub cluster: Cluster,
    pub producers: Vec<Producer>,
    pub violations: Vec<Violation>,
    commit: Option<(ConnId, Offset, u64)>,
    next_commit: Offset,
    pub acked_commit: Offset,
}

impl Life {
    pub fn new(seed: u64, config: &BrokerConfig) -> Self {
        let mut cluster = Cluster::ready(seed, config, 2);
        cluster.coordinator(GROUP);
        cluster.until("offsets topic", Cluster::all_whole);
        let producers = (1..=4).map(|id| Producer::new(id, partition(id as i32 % 2)));
        Self {
            cluster,
            producers: producers.collect(),
            violations: Vec::new(),
            commit: None,
            next_commit: 0,
            acked_commit: -1,
        }
    }

    /// Lives for `span` with a fault now and then, heals, and judges.
    pub fn live(mut self, span: u64) -> Self {
        let until = self.cluster.now + span;
        let mut mend: Vec<(u64, Mend)> = Vec::new();
        let mut next_fault = self.cluster.now + SECOND;
        while self.cluster.now < until {
            self.work(true);
            let now = self.cluster.now;
            let (due, later) = mend.into_iter().partition(|(at, _)| *at <= now);
            mend = later;
            let due: Vec<(u64, Mend)> = due;
            due.into_iter().for_each(|(_, what)| self.mend(what));
            if now >= next_fault {
                next_fault = now + self.cluster.random.between(300, 2_500) * MS;
                let back = now + self.cluster.random.between(50, 8_000) * MS;
                mend.extend(self.fault().map(|what| (back, what)));
            }
            self.compare();
        }
        mend.into_iter().for_each(|(_, what)| self.mend(what));
        self.settle();
        self.judge();
        self
    }

    fn work(&mut self, more: bool) {
        self.cluster.run(STEP);
        for producer in &mut self.producers {
            producer.work(&mut self.cluster, more);
        }
        self.commit(more);
    }

    fn fault(&mut self) -> Option<Mend> {
        let brokers = self.cluster.brokers();
        let one = brokers[self.cluster.random.between(0, 3) as usize];
        let other = brokers[self.cluster.random.between(0, 3) as usize];
        match self.cluster.random.between(0, 7) {
            0 | 1 if self.cluster.is_up(one) => {
                self.cluster.crash(one, Loss::Process);
                Some(Mend::Start(one))
            }
            2 => {
                self.cluster.isolate(one);
                Some(Mend::Rejoin(one))
            }
            3 | 6 if one != other => {
                self.cluster.cut(one, other, true);
                Some(Mend::Link(one, other))
            }
            4 if self.cluster.is_up(CONTROLLER) => {
                self.cluster.crash(CONTROLLER, Loss::Process);
                Some(Mend::Start(CONTROLLER))
            }
            5 if self.cluster.is_up(one) => {
                self.cluster.shut_down(one);
                Some(Mend::Start(one))
            }
            _ => None,
        }
    }

    fn mend(&mut self, what: Mend) {
        match what {
            Mend::Start(id) => self.cluster.start(id),
            Mend::Rejoin(id) => self.cluster.rejoin(id),
            Mend::Link(one, other) => self.cluster.cut(one, other, false),
        }
    }

    /// One commit at a time, each larger than the one before.
    fn commit(&mut self, more: bool) {
        if let Some((conn, offset, at)) = self.commit {
            match self.cluster.answer(conn) {
                None if self.cluster.now < at + 3 * SECOND => return,
                Some(Some(Response::OffsetCommit(results))) if !results[0].1.is_error() => {
                    self.acked_commit = offset;
                }
                _ => self.cluster.hang_up(conn),
            }
            self.commit = None;
        }
        let of = TopicPartition {
            topic: OFFSETS,
            partition: (GROUP.0 % 2) as i32,
        };
        let Some(leader) = self.cluster.leader(of).filter(|_| more) else {
            return;
        };
        let request = OffsetCommitRequest {
            group: GROUP,
            generation: -1,
            member: MemberId::NONE,
            instance: None,
            offsets: vec![CommittedOffset {
                partition: partition(0),
                offset: self.next_commit,
                leader_epoch: -1,
                metadata: None,
            }],
        };
        let conn = self.cluster.ask(leader, Request::OffsetCommit(request));
        self.commit = Some((conn, self.next_commit, self.cluster.now));
        self.next_commit += 1;
    }

    fn settle(&mut self) {
        let limit = self.cluster.now + 120 * SECOND;
        loop {
            self.cluster.brokers().into_iter().for_each(|id| {
                self.cluster.start(id);
            });
            self.work(false);
            let idle = self.producers.iter().all(Producer::is_idle);
            if idle && self.commit.is_none() && self.cluster.all_whole() {
                return;
            }
            if self.cluster.now > limit {
                let text = format!("it does not settle: {}", self.cluster.describe());
                self.violations.push(text);
                return;
            }
        }
    }

    /// What two replicas both take for committed is the same on both, at any time.
    fn compare(&mut self) {
        for of in [partition(0), partition(1)] {
            let prefixes: Vec<_> = self
                .cluster
                .brokers()
                .into_iter()
                .filter_map(|id| {
                    let mark = self.cluster.view(id, of)?.high_watermark;
                    Some((id, mark, self.cluster.log(id, of)))
                })
                .collect();
            for pair in prefixes.windows(2) {
                let both = pair[0].1.min(pair[1].1).max(0) as usize;
                // Each batch is one record, so places in the log are offsets.
                if pair[0].2.get(..both) != pair[1].2.get(..both) {
                    let (one, other) = (pair[0].0, pair[1].0);
                    let text = format!("{of:?}: {one} and {other} differ below offset {both}");
                    self.violations.push(text);
                }
            }
        }
    }

    fn judge(&mut self) {
        let mut found = Vec::new();
        for producer in &self.producers {
            let of = producer.partition;
            let leader = self.cluster.leader(of);
            let log = leader.map_or_else(Vec::new, |id| self.cluster.log(id, of));
            let at: BTreeMap<Offset, u64> = log.iter().map(|(o, event, _)| (*o, *event)).collect();
            for (event, offset) in &producer.acked {
                if at.get(offset) != Some(event) {
                    let there = at.get(offset);
                    found.push(format!("{event} was acknowledged at {offset}: {there:?}"));
                }
            }
            let own: Vec<u64> = log.iter().map(|(_, event, _)| *event).collect();
            let own: Vec<u64> = own.into_iter().filter(|e| producer.owns(*e)).collect();
            for pair in own.windows(2).filter(|pair| pair[0] >= pair[1]) {
                found.push(format!("{} follows {}", pair[1], pair[0]));
            }
            let differ = self.cluster.diverged(of);
            if !differ.is_empty() {
                found.push(format!("{of:?} differs on {differ:?}"));
            }
        }
        let kept = self.cluster.committed(GROUP);
        if kept < self.acked_commit || kept >= self.next_commit.max(1) {
            let acked = self.acked_commit;
            found.push(format!("commit {acked} was acknowledged, {kept} is kept"));
        }
        self.violations.append(&mut found);
        let published = self.cluster.published.broken.iter();
        self.violations.extend(published.cloned());
    }
}

enum Mend {
    Start(NodeId),
    Rejoin(NodeId),
    Link(NodeId, NodeId),
}
