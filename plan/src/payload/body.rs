//! The body of an event: a template over the JSON text, the id in its place, padded to a size.

use super::{Compiled, Constants, PayloadError};
use crate::plan::Arrival;
use crate::scenario::Load;
use crate::system::IdPlace;
use serde_json::Value;

/// A compiled body.
#[derive(Clone, Debug)]
pub struct Body {
    template: Compiled,
    padding: Padding,
    /// Whether it is JSON and not a plain string.
    pub is_json: bool,
}

#[derive(Clone, Copy, Debug)]
enum Padding {
    None,
    Spaces { size: usize },
    Member { size: usize, empty: bool },
}

impl Body {
    /// # Errors
    /// When a slot is not known, or the id's JSON pointer leads nowhere.
    pub fn new(load: &Load, id: &IdPlace, constants: &Constants) -> Result<Self, PayloadError> {
        let mut value = load.body.clone();
        if let IdPlace::Json(pointer) = id {
            put_id(&mut value, pointer).ok_or_else(|| PayloadError::NoId {
                load: load.name.clone(),
                place: format!("JSON pointer {pointer} of the body"),
            })?;
        }
        let size = load.size_bytes.and_then(|size| usize::try_from(size).ok());
        let (text, padding) = match (&value, size) {
            (Value::String(text), None) => (text.clone(), Padding::None),
            (Value::String(text), Some(size)) => (text.clone(), Padding::Spaces { size }),
            (Value::Object(members), Some(size)) => (
                value.to_string(),
                Padding::Member {
                    size,
                    empty: members.is_empty(),
                },
            ),
            (_, Some(size)) => (value.to_string(), Padding::Spaces { size }),
            (_, None) => (value.to_string(), Padding::None),
        };
        let template = Compiled::new(&load.name, &text, constants)?;
        if *id == IdPlace::Body && !template.has_id {
            return Err(PayloadError::NoId {
                load: load.name.clone(),
                place: "the body".to_owned(),
            });
        }
        Ok(Self {
            template,
            padding,
            is_json: !value.is_string(),
        })
    }

    /// Appends the body of an event.
    pub fn write(&self, arrival: &Arrival, out: &mut Vec<u8>) {
        let from = out.len();
        self.template.write(arrival, out);
        match self.padding {
            Padding::None => {}
            Padding::Spaces { size } => out.resize(out.len().max(from + size), b' '),
            Padding::Member { size, empty } => {
                let (open, close): (&[u8], &[u8]) = (
                    if empty {
                        b"\"padding\":\""
                    } else {
                        b",\"padding\":\""
                    },
                    b"\"}",
                );
                let bare = out.len() - from - 1 + open.len() + close.len();
                if bare <= size {
                    out.pop();
                    out.extend_from_slice(open);
                    out.resize(out.len() + size - bare, b'x');
                    out.extend_from_slice(close);
                }
            }
        }
    }
}

/// Makes the value at the pointer hold the id, unless it does already.
fn put_id(body: &mut Value, pointer: &str) -> Option<()> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    let place = match body.pointer_mut(parent)? {
        Value::Object(members) => members.entry(name).or_insert(Value::Null),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?)?,
        _ => return None,
    };
    if place.as_str() != Some("{{id}}") {
        *place = Value::String("{{id}}".to_owned());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{self, Keys, LoadEntry};
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn load(body: Value, size_bytes: Option<u64>) -> Load {
        Load {
            name: "test".into(),
            entry: LoadEntry::Topic {
                topic: "t".into(),
                id: IdPlace::Key,
            },
            headers: BTreeMap::new(),
            body,
            size_bytes,
            key: String::new(),
            keys: Keys::Uniform { count: 1 },
            arrival: scenario::Arrival::Uniform,
            stages: Vec::new(),
            outcomes: Vec::new(),
            timeout_ns: 1,
            connections: 1,
            odd: None,
        }
    }

    const CONSTANTS: Constants = Constants {
        seed: 7421,
        stream: 0,
        zero_unix_ns: 0,
    };

    fn write(body: Value, size: Option<u64>, id: &IdPlace, sequence: u64) -> Vec<u8> {
        let arrival = Arrival {
            at_ns: 0,
            sequence,
            key: 3,
        };
        let mut out = b"before".to_vec();
        let body = Body::new(&load(body, size), id, &CONSTANTS).unwrap();
        body.write(&arrival, &mut out);
        out.split_off(6)
    }

    #[test]
    fn the_id_goes_where_the_pointer_says() {
        let at = |body, pointer: &str| write(body, None, &IdPlace::Json(pointer.into()), 5);
        assert_eq!(
            at(json!({"a": {"b": 1}}), "/a/id"),
            br#"{"a":{"b":1,"id":"7421-0-5"}}"#
        );
        assert_eq!(at(json!({"id": "x"}), "/id"), br#"{"id":"7421-0-5"}"#);
        assert_eq!(at(json!([0, 1]), "/1"), br#"[0,"7421-0-5"]"#);
        let refused = |body, id| Body::new(&load(body, None), &id, &CONSTANTS);
        let nowhere = refused(json!({"a": 1}), IdPlace::Json("/b/c".into()));
        assert!(matches!(nowhere, Err(PayloadError::NoId { .. })));
        let without = refused(json!("no id"), IdPlace::Body);
        assert!(matches!(without, Err(PayloadError::NoId { .. })));
    }

    proptest! {
        #[test]
        fn padded_bodies_have_their_size_and_stay_json(
            said in ".{0,30}", size in 0_u64..200, sequence in 0_u64..1_000_000, members in 0_u8..3,
        ) {
            prop_assume!(!said.contains("{{"));
            let mut body = json!({});
            if members > 0 { body["said"] = json!(said); }
            if members > 1 { body["id"] = json!("{{id}}"); }
            let bare = write(body.clone(), None, &IdPlace::Key, sequence);
            let padded = write(body.clone(), Some(size), &IdPlace::Key, sequence);
            let read: Value = serde_json::from_slice(&padded).unwrap();
            if members > 0 {
                prop_assert_eq!(read["said"].as_str(), Some(said.as_str()));
            }
            // Too small a size leaves the body as it is: there is no room for the member.
            let size = usize::try_from(size).unwrap();
            prop_assert!(padded.len() == size || (padded == bare && bare.len() + 14 > size));

            let text = write(json!("{{id}}"), Some(60), &IdPlace::Key, sequence);
            prop_assert_eq!(text.len(), 60);
        }
    }
}
