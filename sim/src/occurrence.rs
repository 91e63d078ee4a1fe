//! What happens in the world all the time, as plain values: messages on their way, and timers of machines. Rare things are closures.

use crate::cluster::ClientEnd;
use crate::record::Body;
use squall_model::kafka::{ConnId, NodeId, Peer, Request, Response};
use std::rc::Rc;

/// Something that is to happen at a time. A life is one start of a node: what was meant for one does not reach the next.
pub enum Occurrence {
    /// A message between nodes arrives; a kill at either end drops it.
    Peer {
        from: NodeId,
        to: NodeId,
        lives: (u64, u64),
        message: Peer<Body>,
    },
    /// What a node had appended is durable.
    Flushed { node: NodeId, life: u64, token: u64 },
    /// A node asked to be called.
    Tick { node: NodeId, life: u64 },
    /// A request arrives at its broker.
    Request {
        conn: ConnId,
        request: Request<Body>,
    },
    /// An answer arrives at its client.
    Answer {
        to: Rc<ClientEnd>,
        response: Response<Body>,
    },
}
