//! TLS, ended at the proxy, so that a [`Layer`](crate::layer::Layer) behind it sees what passes.
//!
//! ```text
//!   client ══TLS══▶ session ──▶ layer ──▶ session ══TLS══▶ upstream
//!          (ServerConfig, ours)            (ClientConfig, theirs)
//! ```
//!
//! Either side may be plain. Certificates of the upstream are verified against its host name, always: a proxy that takes any of them would
//! hide what the clients under test are to notice. SASL, SCRAM included, passes inside untouched: Kafka binds none of it to a channel.

mod advice;
mod layer;
mod session;
mod settings;

pub(crate) use advice::advice;
pub use layer::{OnFailure, PeerName, TlsFactory, TlsSides};
pub use settings::{ClientSide, PemError, UpstreamSide, accept, connect};
