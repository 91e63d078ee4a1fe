//! One conformance suite for our broker models and a real Kafka.
//!
//! ```text
//!   seed ──▶ generate ──▶ Sequence ──▶ run ──▶ Outcome ──▶ spec      what must hold of any cluster
//!                            │          │         └──────▶ compare   what a real one did, less the named exceptions
//!                            ▼          ▼
//!                          text     Embedded | Real                  Kafka's protocol on loopback
//! ```
//!
//! * A **sequence** ([`step`]) is what clients do and what happens to brokers, by roles and small numbers. Everything about it comes from its
//!   seed ([`generate`]); [`text`] prints one step a line, to be cut and replayed.
//! * An **arm** ([`arm`]) is a cluster of three brokers and a controller that is never disturbed: ours behind its protocol server, in virtual
//!   time, so that an outcome depends on the steps alone and a second of waiting costs nothing; or a real Kafka as plain processes.
//! * What is **seen** ([`seen`]) of a step leaves out what may differ between two right clusters: ids given out, addresses, times, wording.
//! * The **specification** ([`spec`]) knows nothing of replication: what was acknowledged is there, at its offset, once; what was read stays;
//!   sequence numbers follow each other; what was committed is committed; who is fenced is refused.
//! * The **comparison** ([`suite`]) is step by step. Reads are asked until they are alike or patience ends, since a real cluster settles in its
//!   own time; what changes something is asked once. A difference that is no [named exception](exceptions) is shrunk and printed.
//! * The models' planted mistakes ([`defects`]) must each be noticed, or the suite's silence would mean nothing.
//!
//! The codec is that of the crate `kafka-protocol`, not ours. See docs/conformance.md.

pub mod arm;
pub mod client;
pub mod defects;
pub mod exceptions;
pub mod generate;
pub mod random;
pub mod run;
pub mod seen;
pub mod shrink;
pub mod spec;
pub mod step;
pub mod suite;
pub mod text;
