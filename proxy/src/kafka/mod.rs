//! A [`Layer`](crate::layer::Layer) that understands Kafka's frames.
