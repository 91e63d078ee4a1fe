//! Requests from the load, over links like all others.

use super::process::Process;
use crate::kernel::{Pledge, ProcessId, Signal, promise};
use crate::network::{End, LinkProfile};
use crate::world::World;
use squall_env::{Incoming, Ingress, IngressSettings, Request, Responder, Response};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// Why a request has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpFailure {
    /// Refused: no byte was sent.
    NotConnected,
    Broken,
}

pub struct IngressState {
    process: Weak<Process>,
    settings: IngressSettings,
    open: Cell<bool>,
    queue: RefCell<VecDeque<Incoming<SimResponder>>>,
    unanswered: Cell<usize>,
    changed: Signal,
}

impl IngressState {
    pub(super) fn open(process: &Rc<Process>, settings: &IngressSettings) -> Rc<Self> {
        Rc::new(Self {
            process: Rc::downgrade(process),
            settings: settings.clone(),
            open: Cell::new(true),
            queue: RefCell::default(),
            unanswered: Cell::new(0),
            changed: Signal::new(&process.world.kernel),
        })
    }

    /// The process is gone, and with it what it had not answered.
    pub(super) fn die(&self) {
        self.open.set(false);
        let queue = std::mem::take(&mut *self.queue.borrow_mut());
        drop(queue);
    }
}

/// Answers one request. Dropped without an answer, the caller sees the connection break.
pub struct SimResponder {
    state: Rc<IngressState>,
    from: ProcessId,
    pledge: Option<Pledge<Response>>,
}

impl SimResponder {
    fn alive(&self) -> Option<Rc<Process>> {
        self.state
            .process
            .upgrade()
            .filter(|process| process.alive.get())
    }
}

impl Responder for SimResponder {
    fn respond(mut self, response: Response) {
        let (Some(process), Some(pledge)) = (self.alive(), self.pledge.take()) else {
            return;
        };
        let bytes = 128 + response.body.len() as u64;
        let world = &process.world;
        let arrival = world.network.arrival(
            End::Process(process.id),
            End::Process(self.from),
            bytes,
            LinkProfile::LOCAL,
        );
        world.kernel.at(arrival, move || pledge.keep(response));
    }
}

impl Drop for SimResponder {
    fn drop(&mut self) {
        self.state
            .unanswered
            .set(self.state.unanswered.get().saturating_sub(1));
        self.state.changed.raise();
    }
}

/// The requests that come to one process.
pub struct SimIngress(Rc<IngressState>);

impl SimIngress {
    pub(super) const fn new(state: Rc<IngressState>) -> Self {
        Self(state)
    }
}

impl Ingress for SimIngress {
    type Responder = SimResponder;

    async fn accept(&self, max: usize, into: &mut Vec<Incoming<SimResponder>>) -> bool {
        let state = &self.0;
        state
            .changed
            .until(|| !state.queue.borrow().is_empty() || !state.open.get())
            .await;
        let mut queue = state.queue.borrow_mut();
        let count = queue.len().min(max);
        into.extend(queue.drain(..count));
        count > 0 || state.open.get()
    }

    fn close(&self) {
        self.0.open.set(false);
        self.0.changed.raise();
    }

    async fn drained(&self) {
        self.0.changed.until(|| self.0.unanswered.get() == 0).await;
    }
}

impl World {
    /// Sends a request from one process to another and waits for its answer, for as long as it takes.
    pub async fn http(
        self: &Rc<Self>,
        from: ProcessId,
        to: &Rc<Process>,
        request: Request,
    ) -> Result<Response, HttpFailure> {
        let ends = (End::Process(from), End::Process(to.id));
        let bytes = 256 + request.body.len() as u64;
        let arrival = self
            .network
            .arrival(ends.0, ends.1, bytes, LinkProfile::LOCAL);
        self.kernel.sleep_until(arrival).await;
        let state = to.ingress.borrow().clone().filter(|state| state.open.get());
        let Some(state) = state else {
            let back = self.network.arrival(ends.1, ends.0, 0, LinkProfile::LOCAL);
            self.kernel.sleep_until(back).await;
            return Err(HttpFailure::NotConnected);
        };
        let (pledge, answer) = promise(&self.kernel);
        let responder = SimResponder {
            state: Rc::clone(&state),
            from,
            pledge: Some(pledge),
        };
        state.unanswered.set(state.unanswered.get() + 1);
        if request.body.len() > state.settings.body_bytes_max {
            responder.respond(Response {
                status: 413,
                headers: Vec::new(),
                body: Vec::new(),
            });
        } else {
            state
                .queue
                .borrow_mut()
                .push_back(Incoming { request, responder });
            state.changed.raise();
        }
        answer.await.ok_or(HttpFailure::Broken)
    }
}
