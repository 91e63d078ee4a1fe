//! The way into a history from many threads: a bounded channel to one writing thread.

use crate::counters::Counters;
use crate::error::HistoryError;
use crate::note::Note;
use crate::reader::Batch;
use crate::writer::{Writer, Written};
use squall_check::Op;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Ops of one message; larger batches are split.
const OPS_IN_MESSAGE: usize = 4096;
/// Messages under way: with the above, at most about 64 MiB.
const MESSAGES: usize = 512;
/// Messages whose memory is kept for others.
const SPARE: usize = 64;
/// Rows are in the file at the latest this long after they were recorded, or sooner when nothing comes.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// What comes within this time is written together: waking the writing thread costs who records more than recording does. The
/// messages under way are bounded, so this bounds no rate below half a million of them a second.
const GATHER: Duration = Duration::from_millis(1);

enum Message {
    Op(Op),
    Ops(Vec<Op>),
    Note(Box<Note>),
    Flush(SyncSender<()>),
    Finish,
}

/// Sees every row on the writing thread, in recorded order, before it is written. It must be quick: all recording waits for it.
pub type Observer = Box<dyn FnMut(Batch<'_>) + Send>;

/// A handle to record with; clones record into the same history.
///
/// Recording waits when the writing thread is behind, and never drops. Errors do not stop the callers: the first one
/// stays, and [`Recorder::finish`] and [`Recorder::problem`] tell it.
#[derive(Clone)]
pub struct Recorder {
    to: SyncSender<Message>,
    shared: Arc<Shared>,
}

struct Shared {
    counters: Counters,
    spare: Arc<Spare>,
    problem: Mutex<Option<String>>,
    thread: Mutex<Option<JoinHandle<Result<Written, HistoryError>>>>,
}

/// What was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RecorderStats {
    pub ops: u64,
    pub notes: u64,
    /// Size of the history.
    pub bytes: u64,
}

impl Recorder {
    /// Makes a new history file and starts the writing thread. `sinks` is the number of sinks that are counted.
    pub fn create(path: &Path, sinks: usize) -> Result<Self, HistoryError> {
        Self::observed(path, sinks, None)
    }

    /// As [`Recorder::create`], with an observer.
    pub fn observed(
        path: &Path,
        sinks: usize,
        observer: Option<Observer>,
    ) -> Result<Self, HistoryError> {
        let writer = Writer::create(path)?;
        Self::start(writer, sinks, observer, Writer::sync)
    }

    /// Records into anything that can be written to: a buffer in a test, a pipe.
    pub fn into_writer<W: Write + Send + 'static>(
        to: W,
        sinks: usize,
    ) -> Result<Self, HistoryError> {
        Self::start(Writer::new(to)?, sinks, None, Writer::flush)
    }

    fn start<W: Write + Send + 'static>(
        writer: Writer<W>,
        sinks: usize,
        observer: Option<Observer>,
        last: fn(&mut Writer<W>) -> Result<(), HistoryError>,
    ) -> Result<Self, HistoryError> {
        let (to, from) = sync_channel(MESSAGES);
        let spare = Arc::new(Spare::default());
        let shared = Arc::new(Shared {
            counters: Counters::new(sinks),
            spare: Arc::clone(&spare),
            problem: Mutex::default(),
            thread: Mutex::default(),
        });
        // The thread must not hold the handles' shared state, or dropping the last handle would not end it.
        let told = Arc::downgrade(&shared);
        let work = Work {
            writer,
            observer,
            spare,
            tell: Box::new(move |text| {
                if let Some(shared) = told.upgrade() {
                    lock(&shared.problem).get_or_insert(text);
                }
            }),
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || work.run(&from, last))
            .map_err(|source| HistoryError::Write { source })?;
        *lock(&shared.thread) = Some(thread);
        Ok(Self { to, shared })
    }

    pub fn op(&self, op: Op) {
        self.shared.counters.ops(&[op]);
        self.send(Message::Op(op));
    }

    /// Records a batch; much cheaper than as many single ones.
    pub fn ops(&self, ops: &[Op]) {
        for ops in ops.chunks(OPS_IN_MESSAGE) {
            self.shared.counters.ops(ops);
            let mut message = self.shared.spare.take();
            message.extend_from_slice(ops);
            self.send(Message::Ops(message));
        }
    }

    pub fn note(&self, note: Note) {
        self.shared.counters.note(&note);
        self.send(Message::Note(Box::new(note)));
    }

    /// Returns once all that was recorded before is in the file.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.send(Message::Flush(done));
        // An error here means that the thread is gone, which `problem` tells.
        let _ = wait.recv();
    }

    /// Ends the history: flushes, syncs to disk, ends the thread. What other handles record later is lost.
    /// A second call is an error.
    pub fn finish(&self) -> Result<RecorderStats, HistoryError> {
        let thread = lock(&self.shared.thread).take();
        self.send(Message::Finish);
        let written = match thread.map(JoinHandle::join) {
            Some(Ok(written)) => written?,
            Some(Err(_)) | None => return Err(HistoryError::Thread),
        };
        Ok(RecorderStats {
            ops: written.ops,
            notes: written.notes,
            bytes: written.bytes,
        })
    }

    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The first error, if there was one: the history is not complete.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        lock(&self.shared.problem).clone()
    }

    fn send(&self, message: Message) {
        if self.to.send(message).is_err() {
            lock(&self.shared.problem).get_or_insert_with(|| {
                "the recorder had ended before the last rows came".to_owned()
            });
        }
    }
}

/// What the writing thread owns.
struct Work<W: Write> {
    writer: Writer<W>,
    observer: Option<Observer>,
    spare: Arc<Spare>,
    tell: Box<dyn Fn(String) + Send>,
}

impl<W: Write> Work<W> {
    fn run(
        mut self,
        from: &Receiver<Message>,
        last: fn(&mut Writer<W>) -> Result<(), HistoryError>,
    ) -> Result<Written, HistoryError> {
        let mut flushed = Instant::now();
        let mut unflushed = false;
        // Whether nothing has come since the last nap.
        let mut gathered = true;
        loop {
            let message = match from.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if !gathered => {
                    std::thread::sleep(GATHER);
                    gathered = true;
                    continue;
                }
                Err(TryRecvError::Empty) => match self.wait(from, unflushed) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {
                        self.attempt(Writer::flush);
                        (flushed, unflushed) = (Instant::now(), false);
                        continue;
                    }
                },
            };
            if matches!(message, Message::Finish) {
                break;
            }
            self.take(message);
            (unflushed, gathered) = (true, false);
            if flushed.elapsed() >= FLUSH_EVERY {
                self.attempt(Writer::flush);
                (flushed, unflushed) = (Instant::now(), false);
            }
        }
        last(&mut self.writer)?;
        Ok(self.writer.written())
    }

    fn wait(&self, from: &Receiver<Message>, unflushed: bool) -> Result<Message, RecvTimeoutError> {
        if unflushed {
            from.recv_timeout(FLUSH_EVERY)
        } else {
            from.recv().map_err(|_| RecvTimeoutError::Disconnected)
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Op(op) => self.take_ops(&[op]),
            Message::Ops(ops) => {
                self.take_ops(&ops);
                self.spare.give_back(ops);
            }
            Message::Note(note) => {
                if let Some(observer) = &mut self.observer {
                    observer(Batch::Notes(std::slice::from_ref(&*note)));
                }
                self.attempt(|writer| writer.note(&note));
            }
            Message::Flush(done) => {
                self.attempt(Writer::flush);
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            Message::Finish => {}
        }
    }

    fn take_ops(&mut self, ops: &[Op]) {
        if let Some(observer) = &mut self.observer {
            observer(Batch::Ops(ops));
        }
        self.attempt(|writer| writer.ops(ops));
    }

    fn attempt(&mut self, write: impl FnOnce(&mut Writer<W>) -> Result<(), HistoryError>) {
        if let Err(error) = write(&mut self.writer)
            && !matches!(error, HistoryError::Broken { .. })
        {
            (self.tell)(error.to_string());
        }
    }
}

/// Memory of messages that were written, for the next ones: what one thread allocates and another frees costs both.
#[derive(Default)]
struct Spare(Mutex<Vec<Vec<Op>>>);

impl Spare {
    fn take(&self) -> Vec<Op> {
        lock(&self.0).pop().unwrap_or_default()
    }

    fn give_back(&self, mut ops: Vec<Op>) {
        ops.clear();
        let mut spare = lock(&self.0);
        if spare.len() < SPARE {
            spare.push(ops);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Whatever a panicking thread left in these is whole: they are set in one go.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
