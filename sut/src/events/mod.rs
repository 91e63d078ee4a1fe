//! The event types, each a JSON Schema whose `title` is the type's name and whose `x-key` points to the bus key.

mod schema;

use crate::json::Json;
use schema::Schema;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A new type is a schema file beside these, and its line here.
const SCHEMAS: &[&str] = &[
    include_str!("user_signup.json"),
    include_str!("order_placed.json"),
];

/// All event types, ready to validate.
pub struct Catalogue {
    types: BTreeMap<String, EventType>,
}

struct EventType {
    schema: Schema,
    /// The member of the data that is the key.
    key: String,
}

/// Why data is not what its type demands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Invalid {
    /// JSON pointer into the data; empty for all of it.
    pub pointer: String,
    pub reason: String,
}

static SHARED: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);

impl Catalogue {
    /// The one of this process: reading the schemas takes longer than handling an event.
    pub(crate) fn shared() -> &'static Self {
        &SHARED
    }

    /// # Panics
    /// When a schema of this crate is broken, which its tests rule out.
    fn new() -> Self {
        let types = SCHEMAS.iter().map(|text| read(text)).collect();
        Self { types }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    #[must_use]
    pub fn knows(&self, event_type: &str) -> bool {
        self.types.contains_key(event_type)
    }

    /// The first problem of the data in the order of pointers; data of an unknown type has none.
    ///
    /// # Errors
    /// [`Invalid`] says where and why.
    pub fn validate(&self, event_type: &str, data: &Json<'_>) -> Result<(), Invalid> {
        let Some(known) = self.types.get(event_type) else {
            return Ok(());
        };
        known.schema.validate(data)
    }

    /// The bus key of valid data.
    #[must_use]
    pub fn key<'a>(&self, event_type: &str, data: &'a Json<'_>) -> Option<&'a str> {
        let known = self.types.get(event_type)?;
        data.get(&known.key).and_then(Json::as_str)
    }
}

#[allow(clippy::expect_used)]
fn read(text: &str) -> (String, EventType) {
    let schema: Value = serde_json::from_str(text).expect("the schema is JSON");
    let entry = |name: &str| schema[name].as_str().unwrap_or_default().to_owned();
    let key = entry("x-key");
    let event_type = EventType {
        schema: Schema::read(&schema).expect("the schema is read in full"),
        key: key
            .strip_prefix('/')
            .expect("a pointer to a member")
            .to_owned(),
    };
    (entry("title"), event_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_schema_has_a_name_of_its_own_and_a_key() {
        let catalogue = Catalogue::new();
        assert!(
            ["order_placed", "user_signup"]
                .iter()
                .all(|name| catalogue.knows(name))
        );
        assert!(catalogue.names().all(|name| !name.is_empty()));
        assert_eq!(catalogue.types.len(), SCHEMAS.len());
        assert!(
            catalogue
                .types
                .values()
                .all(|known| !known.key.is_empty() && !known.key.contains(['/', '~']))
        );
    }

    #[test]
    fn problems_say_where() {
        let catalogue = Catalogue::new();
        let at = |data: Value| {
            let text = data.to_string();
            catalogue
                .validate("user_signup", &Json::read(text.as_bytes()).unwrap())
                .map_err(|invalid| invalid.pointer)
        };
        assert_eq!(at(json!({"user": "u", "email": "a@b.test"})), Ok(()));
        assert_eq!(at(json!({"user": "u"})), Ok(()));
        assert_eq!(at(json!({"email": "a@b.test"})), Err(String::new()));
        assert_eq!(
            at(json!({"user": 1, "email": "a@b.test"})),
            Err("/user".to_owned())
        );
        for email in [
            "a",
            "a@b\r\nBcc: c@d",
            "<a@b>",
            "a b@c",
            "a@b,c@d",
            "a@b\u{0}",
        ] {
            assert_eq!(
                at(json!({"user": "u", "email": email})),
                Err("/email".to_owned()),
                "{email:?}"
            );
        }
    }
}
