//! Producers that retry and consumers that poll, and what they were told.

use super::oracle::Oracle;
use super::world::{Heard, World};
use super::{MILLISECOND, SECOND};
use squall_model::kafka::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
struct Attempt {
    id: u64,
    records: u32,
    sequence: i32,
    conn: Option<ConnId>,
    number: u64,
}

#[derive(Debug)]
struct Producer {
    partition: TopicPartition,
    idempotent: Option<i64>,
    next_sequence: i32,
    attempt: Option<Attempt>,
}

#[derive(Debug)]
struct Consumer {
    partition: TopicPartition,
    position: Offset,
    conn: Option<ConnId>,
    number: u64,
}

enum Actor {
    Producer(usize),
    Consumer(usize),
}

/// Producers (every second one idempotent) and a consumer for each partition.
pub struct Workload {
    acks: Acks,
    producers: Vec<Producer>,
    consumers: Vec<Consumer>,
    asked: BTreeMap<ConnId, Actor>,
    wakes: BTreeMap<u64, (Actor, u64)>,
    next_wake: u64,
    next_id: u64,
    attempts: u64,
    pub stopped: bool,
    pub oracle: Oracle,
    pub max_pause_ms: u64,
}

const CLIENT_TIMEOUT: u64 = 4 * SECOND;

impl Workload {
    pub fn new(
        world: &mut World,
        partitions: &[TopicPartition],
        producers: usize,
        acks: Acks,
    ) -> Self {
        let mut workload = Self {
            acks,
            producers: Vec::new(),
            consumers: Vec::new(),
            asked: BTreeMap::new(),
            wakes: BTreeMap::new(),
            next_wake: 1 << 32,
            next_id: 0,
            attempts: 0,
            stopped: false,
            oracle: Oracle::default(),
            max_pause_ms: 300,
        };
        for index in 0..producers {
            workload.producers.push(Producer {
                partition: partitions[index % partitions.len()],
                idempotent: (index / partitions.len())
                    .is_multiple_of(2)
                    .then_some(1_000 + index as i64),
                next_sequence: 0,
                attempt: None,
            });
            workload.wake(world, 0, Actor::Producer(index), 0);
        }
        for (index, partition) in partitions.iter().enumerate() {
            workload.consumers.push(Consumer {
                partition: *partition,
                position: 0,
                conn: None,
                number: 0,
            });
            workload.wake(world, 0, Actor::Consumer(index), 0);
        }
        workload
    }

    fn wake(&mut self, world: &mut World, after: u64, actor: Actor, number: u64) {
        self.next_wake += 1;
        self.wakes.insert(self.next_wake, (actor, number));
        world.wake(after, self.next_wake);
    }

    /// Whether every batch that was begun has ended one way or the other.
    pub fn is_idle(&self) -> bool {
        self.producers.iter().all(|p| p.attempt.is_none())
    }

    /// Takes everything that was heard; wake-ups of others come back.
    pub fn hear(&mut self, world: &mut World) -> Vec<u64> {
        let mut others = Vec::new();
        while let Some(heard) = world.heard.pop_front() {
            match heard {
                Heard::Wake(token) => match self.wakes.remove(&token) {
                    Some((Actor::Producer(index), number)) => {
                        self.producer_due(world, index, number)
                    }
                    Some((Actor::Consumer(index), number)) => {
                        self.consumer_due(world, index, number)
                    }
                    None => others.push(token),
                },
                Heard::Response(conn, response) => match (self.asked.remove(&conn), response) {
                    (Some(Actor::Producer(index)), Response::Produce(results)) => {
                        self.produced(world, index, conn, Some(&results[0]));
                    }
                    (Some(Actor::Consumer(index)), Response::Fetch(fetched)) => {
                        self.fetched(world, index, conn, Some(&fetched[0]));
                    }
                    _ => {}
                },
                Heard::Closed(conn) => match self.asked.remove(&conn) {
                    Some(Actor::Producer(index)) => self.produced(world, index, conn, None),
                    Some(Actor::Consumer(index)) => self.fetched(world, index, conn, None),
                    None => {}
                },
            }
        }
        others
    }

    /// Where a client believes the leader: mostly right, sometimes stale.
    fn target(world: &mut World, partition: TopicPartition) -> NodeId {
        let all = world.broker_ids();
        let claimants: Vec<NodeId> = all
            .iter()
            .copied()
            .filter(|id| world.view(*id, partition).is_some_and(|v| v.is_leader))
            .collect();
        if claimants.is_empty() || world.random.chance(5) {
            return *world.random.pick(&all);
        }
        if world.random.chance(60) {
            return world.leader_of(partition).unwrap_or(all[0]);
        }
        *world.random.pick(&claimants)
    }

    fn producer_due(&mut self, world: &mut World, index: usize, number: u64) {
        match self.producers[index].attempt {
            None if !self.stopped => {
                self.next_id += 1;
                let producer = &mut self.producers[index];
                let attempt = Attempt {
                    id: self.next_id,
                    records: world.random.between(1, 4) as u32,
                    sequence: producer.next_sequence,
                    conn: None,
                    number: 0,
                };
                producer.attempt = Some(attempt);
                self.oracle
                    .offered(attempt.id, producer.idempotent.is_some());
                self.send(world, index);
            }
            // A time-out of an attempt that has ended already means nothing.
            Some(attempt) if attempt.conn.is_none() => self.send(world, index),
            Some(attempt) if attempt.number == number => {
                if let Some(conn) = attempt.conn {
                    world.hang_up(conn);
                    self.asked.remove(&conn);
                    self.produced(world, index, conn, None);
                }
            }
            _ => {}
        }
    }

    fn send(&mut self, world: &mut World, index: usize) {
        let partition = self.producers[index].partition;
        let node = Self::target(world, partition);
        self.attempts += 1;
        let number = self.attempts;
        let producer = &mut self.producers[index];
        let Some(attempt) = &mut producer.attempt else {
            return;
        };
        let stamp = producer.idempotent.map(|producer_id| Stamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: attempt.sequence,
        });
        let batch = batch(attempt.id, attempt.records, stamp);
        let request = ProduceRequest {
            acks: self.acks,
            timeout_ms: 3_000,
            partitions: vec![(partition, Ok(batch))],
        };
        let conn = world.ask(node, Request::Produce(request));
        attempt.conn = Some(conn);
        attempt.number = number;
        self.asked.insert(conn, Actor::Producer(index));
        self.wake(world, CLIENT_TIMEOUT, Actor::Producer(index), number);
    }

    fn produced(
        &mut self,
        world: &mut World,
        index: usize,
        conn: ConnId,
        result: Option<&ProducedPartition>,
    ) {
        let producer = &mut self.producers[index];
        let Some(attempt) = producer.attempt.filter(|a| a.conn == Some(conn)) else {
            return;
        };
        let error = result.map_or(ErrorCode::RequestTimedOut, |r| r.error);
        let pause = world.random.between(1, self.max_pause_ms) * MILLISECOND;
        if let (ErrorCode::None, Some(result)) = (error, result) {
            self.oracle.acked(
                producer.partition,
                result.base_offset,
                attempt.id,
                attempt.records,
            );
            producer.next_sequence += attempt.records as i32;
            producer.attempt = None;
        } else if producer.idempotent.is_some() {
            // Out of sequence too: a leader that was cut off does not know what another one acknowledged.
            producer.attempt = Some(Attempt {
                conn: None,
                ..attempt
            });
        } else {
            producer.attempt = None;
        }
        self.wake(world, pause, Actor::Producer(index), 0);
    }

    fn consumer_due(&mut self, world: &mut World, index: usize, number: u64) {
        let consumer = &self.consumers[index];
        if let Some(conn) = consumer.conn {
            if consumer.number == number {
                world.hang_up(conn);
                self.asked.remove(&conn);
                self.fetched(world, index, conn, None);
            }
            return;
        }
        let partition = consumer.partition;
        let node = Self::target(world, partition);
        self.attempts += 1;
        let number = self.attempts;
        let consumer = &mut self.consumers[index];
        let request = FetchRequest {
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 1 << 20,
            isolation: Isolation::ReadUncommitted,
            partitions: vec![FetchPartition {
                partition,
                offset: consumer.position,
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
                max_bytes: 1 << 20,
            }],
        };
        let conn = world.ask(node, Request::Fetch(request));
        consumer.conn = Some(conn);
        consumer.number = number;
        self.asked.insert(conn, Actor::Consumer(index));
        self.wake(world, CLIENT_TIMEOUT, Actor::Consumer(index), number);
    }

    fn fetched(
        &mut self,
        world: &mut World,
        index: usize,
        conn: ConnId,
        part: Option<&FetchedPartition<u64>>,
    ) {
        let consumer = &mut self.consumers[index];
        if consumer.conn != Some(conn) {
            return;
        }
        consumer.conn = None;
        if let Some(part) = part {
            for entry in &part.entries {
                self.oracle
                    .consumed(consumer.partition, entry.base_offset, entry.batch.body);
                consumer.position = consumer.position.max(entry.end_offset());
            }
        }
        let pause = world.random.between(1, 50) * MILLISECOND;
        self.wake(world, pause, Actor::Consumer(index), 0);
    }
}

pub fn batch(id: u64, records: u32, stamp: Option<Stamp>) -> Batch<u64> {
    let header = BatchHeader {
        records,
        bytes: 61 + 20 * records,
        stamp,
        max_timestamp_ms: id as i64,
        kind: BatchKind::Data,
        transactional: false,
    };
    Batch { header, body: id }
}
