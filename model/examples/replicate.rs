//! How many small batches a second three brokers replicate on one core, and what a batch costs in memory.
//!
//! `cargo run --release -p squall-model --example replicate -- [partitions] [batches] [producers]`

// Only who measures looks at the clock.
#![allow(clippy::disallowed_methods)]

use squall_model::kafka::*;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

const TOPIC: Name = Name(7);

/// As large as a server's handle to a batch in a segment file.
#[derive(Clone, Debug)]
struct Body {
    _segment: Rc<()>,
    _at: u32,
    _length: u32,
}

/// Without a shelf: what a batch costs in memory is what is measured.
impl squall_model::kafka::Body for Body {
    type Shelf = NoShelf;

    fn shelve(_: &[u8], _: &[Self]) -> Option<NoShelf> {
        None
    }

    fn unshelve(shelf: &NoShelf) -> (Vec<u8>, Vec<Self>) {
        match *shelf {}
    }
}

struct Cluster {
    controller: Controller<Body>,
    brokers: Vec<Broker<Body>>,
    queue: VecDeque<(usize, In<Body>)>,
    answers: Vec<(ConnId, Response<Body>)>,
    now: u64,
    steps: u64,
    out: Outbox<Body>,
}

impl Cluster {
    fn new() -> Self {
        let config = BrokerConfig {
            offsets_topic: Name(1),
            min_insync_replicas: 2,
            ..BrokerConfig::default()
        };
        let broker = |id| {
            let disk = BrokerDisk::default();
            Broker::start(NodeId(id), NodeId(0), config.clone(), 1, disk, 0)
        };
        Self {
            controller: Controller::start(NodeId(0), config.clone(), ControllerDisk::default(), 0),
            brokers: (1..=3).map(broker).collect(),
            queue: (1..=3).map(|node| (node, In::Tick)).collect(),
            answers: Vec::new(),
            now: 0,
            steps: 0,
            out: Outbox::default(),
        }
    }

    fn run(&mut self) {
        while let Some((node, input)) = self.queue.pop_front() {
            self.steps += 1;
            self.now += 1_000;
            match node {
                0 => self.controller.step(self.now, input, &mut self.out),
                _ => self.brokers[node - 1].step(self.now, input, &mut self.out),
            }
            // A driver asks after each step.
            let _ = match node {
                0 => self.controller.next_timer(),
                _ => self.brokers[node - 1].next_timer(),
            };
            for out in self.out.drain() {
                match out {
                    Out::Peer { to, message } => {
                        let from = NodeId(node as i32);
                        self.queue
                            .push_back((to.0 as usize, In::Peer { from, message }));
                    }
                    Out::Send { conn, response } => self.answers.push((conn, response)),
                    _ => {}
                }
            }
        }
    }

    fn ask(&mut self, node: usize, conn: u64, request: Request<Body>) {
        let conn = ConnId(conn);
        let client = Name(0);
        self.queue.push_back((
            node,
            In::Request {
                conn,
                client,
                request,
            },
        ));
    }
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|p| p.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |default| arguments.next().and_then(Result::ok).unwrap_or(default);
    let (partitions, batches, producers) = (next(6), next(300_000), next(4));
    let mut cluster = Cluster::new();
    cluster.run();
    let topic = NewTopic {
        topic: TOPIC,
        partitions: partitions as i32,
        replication_factor: 3,
        assignment: None,
        configs: Default::default(),
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 1_000,
        validate_only: false,
    };
    cluster.ask(1, 1, Request::CreateTopics(request));
    cluster.run();
    cluster.answers.clear();
    let leaders: Vec<usize> = (0..partitions)
        .map(|p| {
            let at = TopicPartition {
                topic: TOPIC,
                partition: p as i32,
            };
            let state = cluster
                .controller
                .partitions()
                .find(|(partition, _)| **partition == at);
            state
                .and_then(|(_, state)| state.leader)
                .map_or(0, |l| l.0 as usize)
        })
        .collect();
    let body = Body {
        _segment: Rc::new(()),
        _at: 0,
        _length: 0,
    };
    let header = BatchHeader {
        records: 1,
        bytes: 200,
        stamp: None,
        max_timestamp_ms: 1,
        kind: BatchKind::Data,
        transactional: false,
    };
    let (before, steps_before) = (resident_bytes(), cluster.steps);
    let begin = Instant::now();
    let mut sent = 0;
    while sent < batches {
        for producer in 0..producers {
            let partition = (sent + producer) % partitions;
            let at = TopicPartition {
                topic: TOPIC,
                partition: partition as i32,
            };
            let batch = Batch {
                header,
                body: body.clone(),
            };
            let request = ProduceRequest {
                acks: Acks::All,
                timeout_ms: 30_000,
                partitions: vec![(at, Ok(batch))],
            };
            cluster.ask(
                leaders[partition as usize],
                10 + producer,
                Request::Produce(request),
            );
        }
        sent += producers;
        cluster.run();
        let answered = cluster.answers.drain(..);
        let good = answered
            .filter(|(_, r)| matches!(r, Response::Produce(p) if p[0].error == ErrorCode::None));
        assert_eq!(
            good.count() as u64,
            producers,
            "every batch is acknowledged"
        );
    }
    let seconds = begin.elapsed().as_secs_f64();
    let memory = resident_bytes().saturating_sub(before);
    println!(
        "{sent} batches on {partitions} partitions: {:.0}/s, {:.2} us each, {:.1} steps each, {:.0} B of memory each a replica",
        sent as f64 / seconds,
        seconds * 1e6 / sent as f64,
        (cluster.steps - steps_before) as f64 / sent as f64,
        memory as f64 / sent as f64 / 3.0,
    );
}
