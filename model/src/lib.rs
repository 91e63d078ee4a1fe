//! Broker state machines: synchronous, deterministic, sans-I/O.
//!
//! One machine per broker and one per controller, nothing shared between them. A driver (a server on sockets, or a simulator in virtual
//! time) feeds inputs and the time, and carries out what comes back. Nothing in here opens a socket, reads a clock, starts a
//! thread, draws a random number or iterates an unordered map.

pub mod kafka;

/// Nanoseconds since the driver's epoch, monotonic. Only differences mean anything to a machine.
pub type Nanos = u64;
