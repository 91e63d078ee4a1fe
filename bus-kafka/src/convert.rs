//! Between librdkafka's messages and ours.

use rdkafka::Message as _;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};
use rdkafka::types::RDKafkaErrorCode;
use squall_env::{BusError, Event, Headers, Position, SendError};
use std::sync::Arc;

pub(crate) fn event(message: &BorrowedMessage<'_>, topic: Arc<str>) -> Event {
    Event {
        topic,
        position: Some(Position {
            partition: message.partition(),
            offset: message.offset(),
        }),
        key: message.key().map(<[u8]>::to_vec),
        headers: crate::native::headers(message),
        payload: message.payload().unwrap_or_default().to_vec(),
        timestamp_ms: message.timestamp().to_millis(),
    }
}

/// `None` when a name holds a NUL, which librdkafka cannot take.
pub(crate) fn owned_headers(headers: &Headers) -> Option<OwnedHeaders> {
    let mut owned = OwnedHeaders::new_with_capacity(headers.len());
    for (key, value) in headers {
        if key.as_bytes().contains(&0) {
            return None;
        }
        owned = owned.insert(Header {
            key,
            value: Some(value),
        });
    }
    Some(owned)
}

pub(crate) fn send_error(error: &KafkaError) -> SendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => SendError::QueueFull,
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => SendError::TooLarge,
        _ => SendError::Refused(error.to_string()),
    }
}

pub(crate) fn bus_error(error: &KafkaError) -> BusError {
    match error {
        KafkaError::MessageConsumptionFatal(_) => BusError::Fatal(error.to_string()),
        KafkaError::ClientCreation(_) | KafkaError::ClientConfig(..) => {
            BusError::Settings(error.to_string())
        }
        _ => match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal) => BusError::Fatal(error.to_string()),
            _ => BusError::Temporary(error.to_string()),
        },
    }
}
