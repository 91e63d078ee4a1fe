//! An idempotent producer with several batches in flight, which retries them in order as clients do.

use super::client::produce;
use super::{Cluster, SECOND};
use squall_model::kafka::*;
use std::collections::VecDeque;

const IN_FLIGHT: usize = 3;
const TIMEOUT: u64 = 3 * SECOND;

#[derive(Debug)]
struct Sent {
    event: u64,
    sequence: i32,
    /// `None` when it must be sent (again).
    asked: Option<(ConnId, u64)>,
}

#[derive(Debug)]
pub struct Producer {
    pub id: i64,
    pub partition: TopicPartition,
    next: i32,
    window: VecDeque<Sent>,
    /// A batch failed: the others come home first, then all go again in order.
    draining: bool,
    /// Event and its offset.
    pub acked: Vec<(u64, Offset)>,
}

impl Producer {
    pub fn new(id: i64, partition: TopicPartition) -> Self {
        Self {
            id,
            partition,
            next: 0,
            window: VecDeque::new(),
            draining: false,
            acked: Vec::new(),
        }
    }

    /// Events of a producer grow in the order in which they were made.
    pub const fn owns(&self, event: u64) -> bool {
        event / 1_000_000 == self.id as u64
    }

    pub fn is_idle(&self) -> bool {
        self.window.is_empty()
    }

    /// Takes answers in and sends what may be sent; `more`: whether to make new events.
    pub fn work(&mut self, cluster: &mut Cluster, more: bool) {
        self.hear(cluster);
        let out = self.window.iter().any(|sent| sent.asked.is_some());
        if self.draining && out {
            return;
        }
        self.draining = false;
        // Nobody knows the producer before its first batch is in, and then any sequence is taken (KAFKA-14359).
        let most = if self.acked.is_empty() { 1 } else { IN_FLIGHT };
        while more && self.window.len() < most {
            let event = self.id as u64 * 1_000_000 + self.next as u64;
            self.window.push_back(Sent {
                event,
                sequence: self.next,
                asked: None,
            });
            self.next += 1;
        }
        let Some(leader) = self.target(cluster) else {
            return;
        };
        for sent in self.window.iter_mut().filter(|sent| sent.asked.is_none()) {
            let stamp = Stamp {
                producer_id: self.id,
                producer_epoch: 0,
                base_sequence: sent.sequence,
            };
            let request = produce(self.partition, Acks::All, sent.event, Some(stamp));
            sent.asked = Some((cluster.ask(leader, request), cluster.now));
        }
    }

    /// Clients believe the controller's leader, or one that still thinks that it leads.
    fn target(&self, cluster: &mut Cluster) -> Option<NodeId> {
        let claims = |id: &NodeId| {
            let view = cluster.view(*id, self.partition);
            view.is_some_and(|view| view.is_leader)
        };
        let claimants: Vec<NodeId> = cluster.brokers().into_iter().filter(claims).collect();
        if claimants.is_empty() {
            return None;
        }
        let choice = cluster.random.between(0, claimants.len() as u64);
        Some(claimants[choice as usize])
    }

    fn hear(&mut self, cluster: &mut Cluster) {
        let mut left = VecDeque::new();
        for mut sent in std::mem::take(&mut self.window) {
            let Some((conn, at)) = sent.asked else {
                left.push_back(sent);
                continue;
            };
            match cluster.answer(conn) {
                None if cluster.now < at + TIMEOUT => left.push_back(sent),
                Some(Some(Response::Produce(results))) if !results[0].error.is_error() => {
                    self.acked.push((sent.event, results[0].base_offset));
                }
                _ => {
                    cluster.hang_up(conn);
                    sent.asked = None;
                    self.draining = true;
                    left.push_back(sent);
                }
            }
        }
        self.window = left;
    }
}
