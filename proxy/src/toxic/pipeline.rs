//! The toxics of one direction of one connection, one behind the other.

use super::channel::{Channel, Chunk, End, Item};
use super::port::Port;
use super::{Toxic, ToxicSpec};
use bytes::Bytes;
use squall_plan::rng::{Rng, Streams};

/// Chunks that wait for the socket.
const OUTPUT_CHUNKS_MAX: usize = 8;

/// What toxics have done to the bytes, for evidence.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Bytes that had to wait; those that two toxics hold count twice.
    pub held_bytes: u64,
    /// Bytes that vanished.
    pub dropped_bytes: u64,
    /// Ends of a direction that had to wait.
    pub held_ends: u64,
}

/// Bytes go in at one end, and come out at the other when the toxics let them. No clock and no sockets.
pub struct Pipeline {
    stages: Vec<Stage>,
    /// In front of stage `n` at index `n`; the last is the output.
    channels: Vec<Channel>,
    /// Whose draws: proxy and connection.
    purpose: String,
    streams: Streams,
    ordinal: u64,
    tally: Tally,
    now_ns: u64,
}

struct Stage {
    spec: ToxicSpec,
    toxic: Box<dyn Toxic>,
    /// Drawn from the toxicity: whether this connection is one that it acts on.
    acts: bool,
    ended: bool,
    rng: Rng,
}

impl Stage {
    fn draw(&mut self) {
        // 24 bits are what an f32 holds exactly, as in Go's rand.Float32.
        #[allow(clippy::cast_precision_loss)]
        let draw = (self.rng.next_u64() >> 40) as f32 / (1_u32 << 24) as f32;
        self.acts = draw < self.spec.toxicity;
    }

    fn buffer_chunks(&self) -> usize {
        self.toxic.buffer_chunks()
    }
}

impl Pipeline {
    /// An empty one for connection number `ordinal` of `proxy`; the same seed draws the same for it.
    #[must_use]
    pub fn new(proxy: &str, streams: Streams, ordinal: u64) -> Self {
        Self {
            stages: Vec::new(),
            channels: vec![Channel::default()],
            purpose: proxy.to_owned(),
            streams,
            ordinal,
            tally: Tally::default(),
            now_ns: 0,
        }
    }

    /// Appends a toxic.
    pub fn add(&mut self, now_ns: u64, spec: &ToxicSpec) {
        let purpose = format!(
            "toxic/{}/{}/{}",
            self.purpose,
            spec.direction.name(),
            spec.name
        );
        let mut stage = Stage {
            spec: spec.clone(),
            toxic: spec.kind.build(now_ns),
            acts: true,
            ended: false,
            rng: self.streams.stream(&purpose, self.ordinal),
        };
        stage.draw();
        self.stages.push(stage);
        self.channels.push(Channel::default());
        // What waits for the socket has passed all toxics there were.
        let last = self.channels.len() - 1;
        self.channels.swap(last - 1, last);
    }

    /// Changes attributes and toxicity of the toxic of this name: what it holds leaves at once, and toxicity is drawn again.
    pub fn update(&mut self, now_ns: u64, spec: &ToxicSpec) {
        let Some(index) = self.index_of(&spec.name) else {
            return;
        };
        if self.stages[index].ended {
            return;
        }
        self.with_port(index, |stage, port| stage.toxic.interrupt(port));
        let stage = &mut self.stages[index];
        stage.spec = spec.clone();
        if let Some(toxic) = stage.toxic.change(now_ns, &spec.kind) {
            stage.toxic = toxic;
        }
        stage.draw();
    }

    /// Takes the toxic of this name away; what it holds leaves at once.
    pub fn remove(&mut self, name: &str) {
        let Some(index) = self.index_of(name) else {
            return;
        };
        if self.stages[index].acts && !self.stages[index].ended {
            self.with_port(index, |stage, port| stage.toxic.removed(port));
        }
        let ended = self.stages.remove(index).ended;
        let before = self.channels.remove(index);
        if ended {
            // Nothing comes after an end.
            self.tally.dropped_bytes += before.bytes() as u64;
        } else {
            self.channels[index].append(before);
        }
    }

    /// The toxic of this name as it is set.
    #[must_use]
    pub fn toxic(&self, name: &str) -> Option<&ToxicSpec> {
        self.index_of(name).map(|index| &self.stages[index].spec)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.spec.name == name)
    }

    /// Whether more bytes are wanted at the front.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let chunks_max = self.chunks_max(0);
        self.channels[0].len() < chunks_max && !self.stages.first().is_some_and(|s| s.ended)
    }

    /// Chunks that channel `index` takes.
    fn chunks_max(&self, index: usize) -> usize {
        self.stages
            .get(index)
            .map_or(OUTPUT_CHUNKS_MAX, Stage::buffer_chunks)
    }

    /// Bytes that came at `now_ns`.
    pub fn push(&mut self, now_ns: u64, data: Bytes) {
        let at_ns = now_ns;
        self.channels[0].push(Chunk { data, at_ns });
    }

    /// Nothing more will be pushed.
    pub fn end(&mut self, end: End) {
        self.channels[0].end(end);
    }

    /// Does all that can be done at `now_ns`.
    pub fn run(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        let mut moved = true;
        while moved {
            moved = false;
            for index in 0..self.stages.len() {
                if self.stages[index].ended {
                    continue;
                }
                moved |= self.with_port(index, |stage, port| {
                    if stage.acts {
                        stage.toxic.run(now_ns, port);
                    } else {
                        port.pass();
                    }
                });
            }
        }
    }

    /// Lets a stage work on its port; whether anything moved.
    fn with_port(
        &mut self,
        index: usize,
        work: impl FnOnce(&mut WorkingStage<'_>, &mut Port<'_>),
    ) -> bool {
        let output_chunks_max = self.chunks_max(index + 1);
        let (before, after) = self.channels.split_at_mut(index + 1);
        let stage = &mut self.stages[index];
        let mut moved = false;
        let mut port = Port {
            input: &mut before[index],
            output: &mut after[0],
            output_chunks_max,
            rng: &mut stage.rng,
            tally: &mut self.tally,
            ended: &mut stage.ended,
            moved: &mut moved,
        };
        let mut working = WorkingStage {
            toxic: stage.toxic.as_mut(),
            acts: stage.acts,
        };
        work(&mut working, &mut port);
        moved
    }

    /// The next bytes that may be written now.
    pub fn pop(&mut self) -> Option<Out> {
        let last = self.channels.last_mut()?;
        last.take().map(|item| match item {
            Item::Chunk(chunk) => Out::Bytes(chunk.data),
            Item::End(end) => Out::End(end),
        })
    }

    /// When [`Pipeline::run`] has something to do though nothing arrives and nothing is popped: always after the last run.
    #[must_use]
    pub fn next_timer(&self) -> Option<u64> {
        let acting = self.stages.iter().filter(|s| s.acts && !s.ended);
        // A toxic that is due and has not run waits for room, not for time.
        let due = acting.filter_map(|s| s.toxic.due());
        due.filter(|due| *due > self.now_ns).min()
    }

    /// Bytes inside.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let waiting: usize = self.channels.iter().map(Channel::bytes).sum();
        let in_hand: usize = self.stages.iter().map(|s| s.toxic.in_hand_bytes()).sum();
        waiting + in_hand
    }

    /// Whether no toxic is left, nor anything in between: bytes may as well go around it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.stages.is_empty() && self.channels.iter().all(Channel::is_empty)
    }

    /// What the toxics have done since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }
}

/// The parts of a stage that are not in its port.
struct WorkingStage<'a> {
    toxic: &'a mut dyn Toxic,
    acts: bool,
}

/// What leaves a pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Out {
    Bytes(Bytes),
    End(End),
}
