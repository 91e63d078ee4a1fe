//! Whose effect a record is.

use super::native::Record;
use crate::error::TapError;
use crate::id::IdReader;
use squall_check::EventId;
use squall_plan::system::IdPlace;
use std::ffi::CString;

/// Where in a record its id is.
pub(super) struct RecordId {
    place: IdPlace,
    /// In the header of this name.
    header: Option<CString>,
}

impl RecordId {
    pub fn new(sink: &str, place: IdPlace) -> Result<Self, TapError> {
        let refused = |place: String| TapError::IdPlace {
            sink: sink.to_owned(),
            place,
        };
        let header = match &place {
            IdPlace::FileName => return Err(refused("a file name".to_owned())),
            IdPlace::Header(name) => {
                let nul = |_| refused("a header whose name holds a NUL".to_owned());
                Some(CString::new(name.as_str()).map_err(nul)?)
            }
            _ => None,
        };
        Ok(Self { place, header })
    }

    /// The part of the record that has the id.
    pub fn text<'a>(&self, record: Record<'a>) -> &'a [u8] {
        let part = match (&self.header, &self.place) {
            (Some(name), _) => record.header(name),
            (None, IdPlace::Key) => record.key(),
            (None, _) => record.payload(),
        };
        part.unwrap_or_default()
    }

    pub fn read(&self, text: &[u8], ids: &IdReader) -> Option<EventId> {
        match &self.place {
            IdPlace::Json(pointer) => crate::json::id_at(text, pointer, ids),
            IdPlace::Body => ids.find(text),
            _ => ids.exact(text),
        }
    }
}
