//! A [`Layer`](crate::layer::Layer) that understands Kafka's frames.
//!
//! ```text
//!              peek at the header              lane: in order, delayed or held
//!   client ──▶ requests ──┬─ pass ─────────────────────────────▶ upstream
//!                         └─ error ──▶ pending ─┐
//!   client ◀──────────────────────────── answers ◀── lose, withhold ── upstream
//!                                        rewrite addresses
//! ```
//!
//! Answers come in the order of their requests, so a queue of what is pending tells what an answer is; a Produce with `acks=0` has none.
//! Bodies are looked into only where a rule or the rewriting of addresses needs it; everything else streams through as it comes.
//!
//! Bodies are read by a reader of this module. `kafka-protocol` reserves memory for whatever an array's length claims, so one frame could
//! end the process, and squall-wire's codec has none of the versions that only other clusters speak. That crate is the oracle of the tests.

mod access;
mod active;
mod address;
mod answers;
mod api;
mod body;
mod discover;
mod edit;
mod error_answer;
mod flow;
mod frame;
mod front;
mod lane;
mod layer;
mod reader;
mod requests;
mod rewrite;
mod rule;
mod rules;
mod sasl;
mod writer;

pub use access::Access;
pub use address::{Address, AddressMap, Endpoint};
pub use api::{Api, PRODUCE};
pub use discover::DiscoverError;
pub use error_answer::can_answer;
pub use flow::{FlowRegistry, FlowSnapshot, Link};
pub use front::{FrontConfig, FrontError, FrontTls, KafkaFront};
pub use layer::{KafkaLayer, KafkaSettings};
pub use reader::Malformed;
pub use rule::{Action, Rule, RuleError, Scope, Way};
pub use rules::{Evidence, Rules, SharedRules};
pub use sasl::{Login, LoginError, Mechanism};

#[cfg(test)]
mod tests;
