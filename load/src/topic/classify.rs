//! What an error of a delivery report says about the event.
//!
//! Errors of `produce` itself come before the message is in the client's queue: the event is rejected. Of delivery
//! reports, these say that no broker can have kept the message, and the event is rejected:
//!
//! | error | why |
//! |---|---|
//! | `MessageSizeTooLarge` | checked before the batch is appended, the same for each attempt |
//! | `InvalidRecord` | likewise |
//! | `PurgeQueue` | purged before it was ever sent |
//!
//! All others are indeterminate. `MessageTimedOut` is one of them although librdkafka knows (`rd_kafka_message_status`)
//! whether the message was ever sent: rdkafka 0.39 has no safe call for it, only the raw pointer of a `BorrowedMessage`, and
//! unsafe code is denied here. `NotEnoughReplicas` is one because an earlier attempt may have been appended.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Whether the broker can have kept the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivered {
    No,
    Unknown,
}

/// Classifies the error of a delivery report.
#[must_use]
pub fn report(error: &KafkaError) -> Delivered {
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::PurgeQueue,
        ) => Delivered::No,
        _ => Delivered::Unknown,
    }
}
