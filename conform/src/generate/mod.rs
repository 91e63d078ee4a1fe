//! Draws a sequence from a seed. Nothing but the seed and this code decides what comes out.

mod operations;
mod recipes;

use crate::random::Random;
use crate::step::{Act, NewTopic, Number, Place, Role, Sequence, Step};

/// What a seed is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Clients only.
    Quiet,
    /// Brokers die, stop and come back, and each time the cluster comes to rest before anything else is asked.
    Disturbed,
    /// The same without waiting, with power losses: only for the specification, since what is seen depends on when.
    Rough,
}

impl Kind {
    #[must_use]
    pub fn of(seed: u64) -> Self {
        match seed % 4 {
            0 | 1 => Self::Quiet,
            2 => Self::Disturbed,
            _ => Self::Rough,
        }
    }
}

/// The sequence of a seed.
#[must_use]
pub fn sequence(seed: u64) -> Sequence {
    let kind = Kind::of(seed);
    let mut draft = Draft {
        random: Random::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d)),
        steps: Vec::new(),
        topics: Vec::new(),
        kind,
    };
    draft.begin();
    match kind {
        Kind::Quiet => draft.operations(14, 34),
        Kind::Disturbed => draft.disturbed(),
        Kind::Rough => draft.rough(),
    }
    Sequence {
        seed,
        rough: kind == Kind::Rough,
        steps: draft.steps,
    }
}

/// A sequence that is being written.
struct Draft {
    random: Random,
    steps: Vec<Step>,
    topics: Vec<NewTopic>,
    kind: Kind,
}

impl Draft {
    fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn begin(&mut self) {
        let count = 1 + self.random.below(2);
        for topic in 0..count {
            let new = self.new_topic(Number::try_from(topic).unwrap_or(0));
            self.topics.push(new);
            self.push(Step::CreateTopic(new));
        }
        for producer in 0..2 {
            if self.random.percent(70) {
                self.push(Step::InitProducer {
                    producer,
                    bump: false,
                });
            }
        }
    }

    fn new_topic(&mut self, topic: Number) -> NewTopic {
        let replicas = match self.kind {
            Kind::Quiet => self.random.weighted(&[(6, 3), (2, 2), (2, 1)]),
            Kind::Disturbed => self.random.weighted(&[(8, 3), (2, 2)]),
            Kind::Rough => 3,
        };
        NewTopic {
            topic,
            partitions: self.random.weighted(&[(6, 1), (3, 2)]),
            replicas,
            min_insync: self.random.weighted(&[(5, 2), (4, 1), (1, 3)]),
            max_message_bytes: self.random.percent(30).then_some(2_000),
            flushed: self
                .random
                .percent(if self.kind == Kind::Rough { 40 } else { 10 }),
            twist: None,
        }
    }

    fn topic(&mut self) -> NewTopic {
        let index = self.random.below(self.topics.len() as u64);
        self.topics[usize::try_from(index).unwrap_or(0)]
    }

    fn place(&mut self) -> Place {
        let topic = self.topic();
        let count = u64::try_from(topic.partitions).unwrap_or(1);
        Place {
            topic: topic.topic,
            partition: i32::try_from(self.random.below(count)).unwrap_or(0),
        }
    }

    fn operations(&mut self, least: u64, most: u64) {
        for _ in 0..least + self.random.below(most - least) {
            self.operation();
        }
    }

    fn role(&mut self) -> Role {
        let place = self.place();
        let nth = u8::try_from(self.random.below(2)).unwrap_or(0);
        self.random.weighted(&[
            (5, Role::Leader(place)),
            (4, Role::Follower(place, nth)),
            (3, Role::Coordinator),
        ])
    }

    fn disturbed(&mut self) {
        self.operations(4, 10);
        if self.random.percent(60) {
            self.recipe();
        }
        for _ in 0..1 + self.random.below(2) {
            let broker = self.role();
            let (act, back) = self.random.weighted(&[
                (5, (Act::Kill, Act::Restart)),
                (4, (Act::Pause, Act::Resume)),
                (2, (Act::ShutDown, Act::Restart)),
            ]);
            self.push(Step::Disturb { broker, act });
            self.operations(3, 9);
            if self.random.percent(30) {
                let broker = self.role();
                self.push(Step::Disturb {
                    broker,
                    act: Act::Kill,
                });
                self.operations(1, 5);
            }
            let broker = Role::Disturbed;
            self.push(Step::Disturb { broker, act: back });
            self.operations(2, 6);
        }
    }

    fn rough(&mut self) {
        self.operations(3, 8);
        if self.random.percent(20) {
            return self.last_one();
        }
        for _ in 0..1 + self.random.below(3) {
            if self.random.percent(65) {
                self.recipe();
            } else {
                self.rough_disturbance();
            }
            self.operations(1, 6);
        }
    }

    fn rough_disturbance(&mut self) {
        let broker = self.role();
        let act = self
            .random
            .weighted(&[(5, Act::Kill), (4, Act::Pause), (1, Act::ShutDown)]);
        self.push(Step::Disturb { broker, act });
        let ms = self.random.pick(&[0, 1, 20, 300, 1_700, 2_500]);
        self.push(Step::Pass { ms });
        self.operations(1, 4);
        let back = self.random.pick(&[Act::Restart, Act::Resume]);
        let broker = Role::Disturbed;
        self.push(Step::Disturb { broker, act: back });
        let ms = self.random.pick(&[0, 1, 20, 300, 1_700]);
        self.push(Step::Pass { ms });
    }
}
