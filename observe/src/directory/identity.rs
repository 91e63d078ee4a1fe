//! Whose effect a file is.

use crate::error::TapError;
use crate::id::IdReader;
use squall_check::EventId;
use squall_plan::system::IdPlace;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes of a file that an id is looked for in.
const CONTENT_BYTES_MAX: u64 = 1 << 20;

/// Where in a file's name or content its id is.
pub(super) struct Identity(IdPlace);

impl Identity {
    pub fn new(sink: &str, place: IdPlace) -> Result<Self, TapError> {
        match place {
            IdPlace::Key => Err(TapError::IdPlace {
                sink: sink.to_owned(),
                place: "a record's key".to_owned(),
            }),
            place => Ok(Self(place)),
        }
    }

    /// Whether a file has to be whole before its id can be read.
    pub fn reads_content(&self) -> bool {
        self.0 != IdPlace::FileName
    }

    /// The id, and the text that it was looked for in.
    pub fn of(&self, path: &Path, ids: &IdReader) -> std::io::Result<(Option<EventId>, Vec<u8>)> {
        let name = path.file_name().unwrap_or_default().as_bytes();
        if self.0 == IdPlace::FileName {
            return Ok((ids.find(name), name.to_vec()));
        }
        let mut content = Vec::new();
        File::open(path)?
            .take(CONTENT_BYTES_MAX)
            .read_to_end(&mut content)?;
        let id = match &self.0 {
            IdPlace::Header(header) => {
                mail_header(&content, header).and_then(|value| ids.exact(value))
            }
            IdPlace::Json(pointer) => crate::json::id_at(&content, pointer, ids),
            _ => ids.find(&content),
        };
        Ok((id, name.to_vec()))
    }
}

/// The value of a header of a mail (RFC 5322), unfolded lines only.
fn mail_header<'a>(mail: &'a [u8], header: &str) -> Option<&'a [u8]> {
    let lines = mail
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_at_checked(header.len()) else {
            continue;
        };
        if let Some(value) = value
            .strip_prefix(b":")
            .filter(|_| name.eq_ignore_ascii_case(header.as_bytes()))
        {
            let value = value.trim_ascii();
            return Some(
                value
                    .strip_prefix(b"<")
                    .and_then(|inner| inner.strip_suffix(b">"))
                    .unwrap_or(value),
            );
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_the_head_only() {
        let mail = b"Subject: hi\r\nX-Event-Id: 7-0-1\r\n\r\nX-Other: 7-0-2\r\n";
        assert_eq!(mail_header(mail, "x-event-id"), Some(&b"7-0-1"[..]));
        assert_eq!(mail_header(mail, "X-Other"), None);
        assert_eq!(
            mail_header(b"Message-ID: <7-0-3>\n", "message-id"),
            Some(&b"7-0-3"[..])
        );
    }
}
