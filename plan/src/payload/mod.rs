//! What the events of a load carry: bodies, keys and headers, the same in every environment.

mod body;
mod text;

pub use body::Body;
pub use text::{Compiled, Constants};

/// Why a load's events cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    #[error("load `{load}`: {what}. {fix}")]
    Template {
        load: String,
        what: String,
        fix: String,
    },
    #[error(
        "load `{load}`: nowhere does the event's id travel ({place}). Put {{{{id}}}} there, or name another place under the entry's `id`"
    )]
    NoId { load: String, place: String },
}
