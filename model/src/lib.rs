//! Broker state machines: synchronous, deterministic, sans-I/O.
