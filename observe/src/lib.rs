//! Taps on sinks: effects are read from where they live, never from the claim of a consumer.
