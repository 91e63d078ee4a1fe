//! Taps on sinks: effects are read from where they live, never from the claim of a consumer.
//!
//! [`Taps::start`] reads every sink of a plan live, each on a thread of its own; [`drain`] waits until nothing is in flight;
//! [`Taps::final_read`] reads all to its end. Directories, databases and mail catchers are read again as a whole (`Kind::Final`); topics are
//! append-only, so their tail is the truth and is only checked to be complete.

mod directory;
mod drain;
mod effects;
mod error;
mod id;
mod json;
mod lag;
mod mails;
#[cfg(feature = "postgres")]
mod postgres;
mod query;
mod source;
mod sqlite;
mod status;
mod tap;
mod taps;
mod topic;

pub use drain::{Drained, drain};
pub use effects::Watch;
pub use error::TapError;
pub use id::IdReader;
pub use lag::{LagSample, LagSpec, LagWatch};
pub use query::{Answer, QueryError, Unseen, query};
pub use source::FinalRead;
pub use sqlite::Rows;
pub use status::{TapState, TapStatus};
pub use tap::{Store, Tap, TapSpec};
pub use taps::{TapEnd, Taps};
