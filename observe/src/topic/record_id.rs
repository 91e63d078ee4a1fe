//! Whose effect a record is.

use crate::error::TapError;
use crate::id::IdReader;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};
use squall_check::EventId;
use squall_plan::system::IdPlace;

/// Where in a record its id is.
pub(super) struct RecordId(IdPlace);

impl RecordId {
    pub fn new(sink: &str, place: IdPlace) -> Result<Self, TapError> {
        match place {
            IdPlace::FileName => Err(TapError::IdPlace {
                sink: sink.to_owned(),
                place: "a file name".to_owned(),
            }),
            place => Ok(Self(place)),
        }
    }

    /// The part of the record that has the id.
    pub fn text<'a>(&self, message: &'a BorrowedMessage<'_>) -> &'a [u8] {
        let part = match &self.0 {
            IdPlace::Header(name) => message.headers().and_then(|headers| {
                let named = headers.iter().find(|header| header.key == name)?;
                named.value
            }),
            IdPlace::Key => message.key(),
            _ => message.payload(),
        };
        part.unwrap_or_default()
    }

    pub fn read(&self, text: &[u8], ids: &IdReader) -> Option<EventId> {
        match &self.0 {
            IdPlace::Json(pointer) => crate::json::id_at(text, pointer, ids),
            IdPlace::Body => ids.find(text),
            _ => ids.exact(text),
        }
    }
}
