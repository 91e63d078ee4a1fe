//! Everything that is told to the history, in order, folded into the trace.

use crate::Detail;
use crate::kernel::{Kernel, Nanos};
use crate::runs::Runs;
use squall_check::Op;
use squall_history::{Event, Note, What};
use std::cell::RefCell;
use std::rc::Rc;

/// Collects events until the driver hands them on.
pub struct Journal {
    kernel: Rc<Kernel>,
    detail: Detail,
    buffer: RefCell<Runs<Told>>,
}

/// Nearly all are operations, which are small.
enum Told {
    Op(Op),
    Note(Box<Note>),
}

impl Journal {
    #[must_use]
    pub fn new(kernel: &Rc<Kernel>, detail: Detail) -> Rc<Self> {
        Rc::new(Self {
            kernel: Rc::clone(kernel),
            detail,
            buffer: RefCell::default(),
        })
    }

    pub fn op(&self, op: Op) {
        self.kernel
            .observe(op.at ^ (u64::from(op.place) << 8 | op.kind as u64).rotate_left(40));
        self.kernel.observe(op.event.0);
        self.kernel.observe(
            op.offset.cast_unsigned() ^ u64::from(op.partition.cast_unsigned()).rotate_left(48),
        );
        self.buffer.borrow_mut().push(Told::Op(op));
    }

    /// Tells what happens now.
    pub fn note(&self, what: What) {
        self.note_at(self.kernel.now(), what);
    }

    pub fn note_at(&self, at: Nanos, what: What) {
        self.kernel.observe(at);
        self.keep(Note::new(at, what));
    }

    /// Tells what no verdict needs, and makes it only if it is wanted. In the trace it is either way.
    pub fn detail(&self, what: impl FnOnce() -> What) {
        match self.detail {
            Detail::Full => self.note(what()),
            Detail::Verdict => self.kernel.observe(self.kernel.now()),
        }
    }

    /// Tells what only a story needs: it is not in the trace, and not told where a verdict is all that is wanted.
    pub fn aside(&self, what: impl FnOnce() -> What) {
        if self.detail == Detail::Full {
            self.untraced(what());
        }
    }

    /// Tells what is not in the trace: it was only looked at.
    pub fn untraced(&self, what: What) {
        self.keep(Note::new(self.kernel.now(), what));
    }

    fn keep(&self, note: Note) {
        self.buffer.borrow_mut().push(Told::Note(Box::new(note)));
    }

    /// Hands on what was told since the last time. Whoever takes it may not tell anything.
    pub fn hand_on(&self, sink: &mut dyn FnMut(Event)) {
        self.buffer.borrow_mut().drain().for_each(|told| {
            sink(match told {
                Told::Op(op) => Event::Op(op),
                Told::Note(note) => Event::Note(*note),
            });
        });
    }
}
