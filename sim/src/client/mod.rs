//! Models of Kafka's clients: what they buffer, when they send, what they try again and when they give up.
//!
//! They are written after librdkafka's documented behaviour and speak through [`crate::cluster`]'s connections.

mod access;
mod assignor;
mod consumer;
mod fetcher;
mod lanes;
mod membership;
mod producer;
mod settings;

pub use access::Access;
pub use consumer::SimConsumer;
pub use producer::SimProducer;
pub use settings::{ConsumerOptions, ProducerOptions};
