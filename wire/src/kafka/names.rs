//! Interned strings: machines compare integers, and only the edges know text.

use super::codec::Malformed;
use squall_model::kafka::{MemberId, Name};
use std::collections::HashMap;
use std::sync::Arc;

/// Names come from clients, so there is an end to how many are kept.
const NAMES_MAX: usize = 200_000;
const NAMES_BYTES_MAX: usize = 64 << 20;
/// Client ids may take only a part of that; later ones share one name.
const CLIENT_IDS_MAX: usize = 20_000;

/// The table of names of one cluster. Only lookups happen in its map, so its order never shows.
pub struct Names {
    by_text: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
    bytes: usize,
    client_ids: usize,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self {
            by_text: HashMap::new(),
            texts: Vec::new(),
            bytes: 0,
            client_ids: 0,
        };
        for text in ["", "(other clients)"] {
            names.add(text);
        }
        names
    }
}

impl Names {
    /// The empty string.
    pub const EMPTY: Name = Name(0);
    /// Stands for client ids that came after the table was full.
    pub const OTHER_CLIENTS: Name = Name(1);

    /// # Errors
    /// [`Malformed::TooManyNames`] when the table is full.
    pub fn intern(&mut self, text: &str) -> Result<Name, Malformed> {
        if let Some(name) = self.by_text.get(text) {
            return Ok(*name);
        }
        if self.texts.len() >= NAMES_MAX || self.bytes + text.len() > NAMES_BYTES_MAX {
            return Err(Malformed::TooManyNames);
        }
        Ok(self.add(text))
    }

    /// Never fails: what does not fit gets a shared name.
    pub fn intern_client(&mut self, text: &str) -> Name {
        if let Some(name) = self.by_text.get(text) {
            return *name;
        }
        if self.client_ids >= CLIENT_IDS_MAX {
            return Self::OTHER_CLIENTS;
        }
        self.client_ids += 1;
        self.intern(text).unwrap_or(Self::OTHER_CLIENTS)
    }

    fn add(&mut self, text: &str) -> Name {
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        self.bytes += text.len();
        self.texts.push(Arc::clone(&text));
        self.by_text.insert(text, name);
        name
    }

    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        self.by_text.get(text).copied()
    }

    /// The text of a name; empty for a name that this table never gave out.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", |text| text)
    }

    /// As [`Self::text`], shared.
    #[must_use]
    pub fn shared(&self, name: Name) -> Arc<str> {
        self.texts
            .get(name.0 as usize)
            .map_or_else(|| Arc::from(""), Arc::clone)
    }
}

const MEMBER_PREFIX: &str = "member-";

/// A member id as clients see it: empty for none, else `member-` and 16 hexadecimal digits.
#[must_use]
pub fn member_text(member: MemberId) -> String {
    match member {
        MemberId::NONE => String::new(),
        MemberId(number) => format!("{MEMBER_PREFIX}{number:016x}"),
    }
}

/// The reverse of [`member_text`]; any other text is a member that nobody knows.
#[must_use]
pub fn member_id(text: &str) -> MemberId {
    if text.is_empty() {
        return MemberId::NONE;
    }
    let digits = text
        .strip_prefix(MEMBER_PREFIX)
        .filter(|d| d.len() == 16 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    match digits.and_then(|d| u64::from_str_radix(d, 16).ok()) {
        Some(number) if number != 0 => MemberId(number),
        _ => MemberId::UNKNOWN,
    }
}
