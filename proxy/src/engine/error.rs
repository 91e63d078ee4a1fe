//! What can go wrong with a proxy. The texts are Toxiproxy's own, which its clients match on.

use std::io;
use thiserror::Error;

#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ProxyError {
    #[error("proxy not found")]
    ProxyNotFound,
    #[error("proxy already exists")]
    ProxyAlreadyExists,
    #[error("toxic not found")]
    ToxicNotFound,
    #[error("toxic already exists")]
    ToxicAlreadyExists,
    /// The address to listen on is not one, or taken.
    #[error("{0}")]
    Listen(String),
    #[error("the proxy engine has stopped")]
    Stopped,
}

impl ProxyError {
    /// As Go words a listen that failed.
    pub(super) fn listen(address: &str, step: &str, error: &io::Error) -> Self {
        Self::Listen(format!("listen tcp {address}: {step}: {}", go_text(error)))
    }
}

/// The system's text without Rust's number, in lower case as Go has it.
fn go_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
