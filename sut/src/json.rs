//! JSON as it was read, its texts borrowed from what came in where no escape is in them. `serde_json`'s own tree hashes every name and
//! copies every text, which is most of what a small event costs.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;
use std::borrow::Cow;
use std::fmt;

/// A JSON value. Of members with the same name the last one counts, and only that one is kept.
#[derive(Clone, PartialEq, Debug)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    /// Members in the order in which they came.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// # Errors
    /// What is not JSON, with line and column.
    pub fn read(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// A member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Takes a member out of an object.
    pub(crate) fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let at = members.iter().position(|(known, _)| known == name)?;
        Some(members.swap_remove(at).1)
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Json<'de>, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Json::Number(number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = entries.next_entry()? {
            members.push((name, value));
        }
        Ok(Json::Object(last_of_each(members)))
    }
}

/// A name, borrowed where it can be; `Cow`'s own way of being read always copies.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Text(text) => Ok(Self(text)),
            _ => Err(de::Error::custom("a name is a text")),
        }
    }
}

type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

fn last_of_each(members: Members<'_>) -> Members<'_> {
    let mut places: Vec<usize> = (0..members.len()).collect();
    // Equal names end up beside each other, in their order.
    places.sort_by_key(|place| &members[*place].0);
    let is_twice = |pair: &&[usize]| members[pair[0]].0 == members[pair[1]].0;
    let mut earlier: Vec<usize> = places
        .windows(2)
        .filter(is_twice)
        .map(|pair| pair[0])
        .collect();
    if earlier.is_empty() {
        return members;
    }
    earlier.sort_unstable();
    let all = members.into_iter().enumerate();
    all.filter(|(place, _)| earlier.binary_search(place).is_err())
        .map(|(_, member)| member)
        .collect()
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a\"\\\\\nü\u{1f600}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab\n]{0,2}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_and_writes_as_the_full_tree_does(value in values()) {
            let text = value.to_string();
            let read = Json::read(text.as_bytes()).unwrap();
            let full: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), full.to_string());
            if let Value::Object(members) = &full {
                for (name, member) in members {
                    let own = read.get(name).unwrap();
                    prop_assert_eq!(own.as_str(), member.as_str());
                    prop_assert_eq!(own.as_i64(), member.as_i64());
                }
            }
        }

        #[test]
        fn bytes_that_are_not_json_are_refused_alike(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let full = serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string());
            let own = Json::read(&bytes).map_err(|error| error.to_string());
            prop_assert_eq!(own.err(), full.err());
        }
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let mut read = Json::read(br#"{"a":1,"b":2,"a":3,"c":{"\u0061":4,"a":5},"a":6}"#).unwrap();
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(text, r#"{"b":2,"c":{"a":5},"a":6}"#);
        assert_eq!(read.take("b").and_then(|b| b.as_i64()), Some(2));
        assert_eq!(read.get("b"), None);
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        assert!(Json::read("[".repeat(100_000).as_bytes()).is_err());
    }
}
