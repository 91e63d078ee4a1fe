//! The body of an event: a template over the JSON text, the id in its place, padded to a size.

use crate::error::LoadError;
use crate::template::{Compiled, Constants};
use serde_json::Value;
use squall_plan::plan::Arrival;
use squall_plan::scenario::Load;
use squall_plan::system::IdPlace;

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
    pub fn new(load: &Load, id: &IdPlace) -> Result<Self, LoadError> {
        let mut value = load.body.clone();
        if let IdPlace::Json(pointer) = id {
            put_id(&mut value, pointer).ok_or_else(|| LoadError::NoId {
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
        let template = Compiled::new(&load.name, &text)?;
        if *id == IdPlace::Body && !template.has_id() {
            return Err(LoadError::NoId {
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
    pub fn write(&self, constants: &Constants, arrival: &Arrival, out: &mut Vec<u8>) {
        let from = out.len();
        self.template.write(constants, arrival, out);
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
