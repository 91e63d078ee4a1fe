//! Logging in to a cluster in the clients' stead, so that they need no secret, and no TLS.
//!
//! ```text
//!   client ──▶ Kafka layer ──▶ login first ──▶ TLS ──▶ upstream
//! ```
//!
//! Each connection logs in when it is made (SaslHandshake 1, SaslAuthenticate 0; KIP-43, KIP-152) and passes nothing before that is done.
//! A broker expires no session of a client that speaks SaslAuthenticate 0, so none has to log in again (KIP-368).

mod exchange;
mod layer;
mod scram;

pub(super) use exchange::{Exchange, Next};
pub use exchange::{Login, LoginError, Mechanism};
pub(super) use layer::SaslFactory;
