//! A cluster, the proxy before it, and librdkafka, which must not notice but for what rules do.

mod common;
mod faults;
mod flow;
mod tls;
