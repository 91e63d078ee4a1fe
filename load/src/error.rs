//! Why a load could not start or end.

/// An error of setting up or ending a load. What happens to single events is no error: it is an outcome.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Payload(#[from] squall_plan::payload::PayloadError),
    #[error(
        "load `{load}` enters by {planned}, but was given a target of another kind: a defect in Squall"
    )]
    WrongTarget { load: String, planned: &'static str },
    #[error("load `{load}`: no address for service `{service}`; is it running?")]
    NoAddress { load: String, service: String },
    #[error(
        "load `{load}`: librdkafka refuses its settings: {source}. Correct them under `bus.kafka.client`"
    )]
    Producer {
        load: String,
        source: rdkafka::error::KafkaError,
    },
    #[error("load `{load}`: cannot start its threads or event loop: {source}")]
    Start {
        load: String,
        source: std::io::Error,
    },
    #[error("the thread of load `{load}` died: a defect in Squall")]
    Thread { load: String },
}
