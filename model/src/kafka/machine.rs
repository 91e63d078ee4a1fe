//! What goes into a machine and what comes out.

use super::fact::Fact;
use super::ids::{ConnId, Name, NodeId};
use super::message::{Request, Response};
use super::peer::Peer;

/// One input to a machine.
#[derive(Clone, Debug)]
pub enum In<B> {
    /// A client's request; `client` is its `client.id`.
    Request {
        conn: ConnId,
        client: Name,
        request: Request<B>,
    },
    /// The connection is gone: drop what waits on it.
    Closed {
        conn: ConnId,
    },
    Peer {
        from: NodeId,
        message: Peer<B>,
    },
    /// The link to a peer broke and came back (or the peer restarted); what was in flight is lost.
    PeerReset {
        peer: NodeId,
    },
    /// The flush that was asked for as `token` is durable.
    Flushed {
        token: u64,
    },
    /// `next_timer` is due.
    Tick,
}

/// One output of a machine.
#[derive(Clone, Debug)]
pub enum Out<B> {
    Send {
        conn: ConnId,
        response: Response<B>,
    },
    Close {
        conn: ConnId,
    },
    Peer {
        to: NodeId,
        message: Peer<B>,
    },
    /// Make everything appended so far durable, then answer `In::Flushed`.
    Flush {
        token: u64,
    },
    Fact(Fact),
}

/// Outputs of steps, in order; the driver drains it after each step.
#[derive(Debug)]
pub struct Outbox<B> {
    outputs: Vec<Out<B>>,
}

impl<B> Default for Outbox<B> {
    fn default() -> Self {
        Self {
            outputs: Vec::new(),
        }
    }
}

impl<B> Outbox<B> {
    pub fn send(&mut self, conn: ConnId, response: Response<B>) {
        self.outputs.push(Out::Send { conn, response });
    }

    pub fn close(&mut self, conn: ConnId) {
        self.outputs.push(Out::Close { conn });
    }

    pub fn peer(&mut self, to: NodeId, message: Peer<B>) {
        self.outputs.push(Out::Peer { to, message });
    }

    pub fn flush(&mut self, token: u64) {
        self.outputs.push(Out::Flush { token });
    }

    pub fn fact(&mut self, fact: Fact) {
        self.outputs.push(Out::Fact(fact));
    }

    pub fn drain(&mut self) -> std::vec::Drain<'_, Out<B>> {
        self.outputs.drain(..)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }
}
