//! Why a sink cannot be read.

use std::path::PathBuf;

/// A sink that cannot be read: while a run starts it may only be early, at the final read it makes the verdict inconclusive,
/// and the reason says what to check in the system file.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    #[error("cannot read {}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot read {}: {source}", path.display())]
    Sqlite {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("cannot read topic {topic}: {source}")]
    Topic {
        topic: String,
        source: rdkafka::error::KafkaError,
    },
    #[error("cannot read {what}: {why}")]
    Server { what: String, why: String },
    #[error(
        "sink `{sink}` is in PostgreSQL, which this binary does not speak: cargo build --features docker"
    )]
    NotBuilt { sink: String },
    #[error("sink `{sink}`: no server was started for it")]
    NoServer { sink: String },
    #[error("topic {topic} does not exist")]
    NoTopic { topic: String },
    #[error(
        "topic {topic}: partition {partition} was read up to {next}, its end is {end}, and nothing more came in time"
    )]
    Unread {
        topic: String,
        partition: i32,
        next: i64,
        end: i64,
    },
    #[error(
        "sink `{sink}`: an id cannot travel as {place} there. Name another place under the sink's `id`"
    )]
    IdPlace { sink: String, place: String },
    #[error("sink `{sink}`: cannot start its tap: {source}")]
    Start {
        sink: String,
        source: std::io::Error,
    },
    #[error("sink `{sink}`: the final read did not end in time")]
    TooLate { sink: String },
    #[error("sink `{sink}`: its tap died: a defect in Squall")]
    Died { sink: String },
    #[error("sink `{sink}`: its path cannot be filled in: {why}")]
    Template { sink: String, why: String },
}
