//! Answers as Go's `encoding/json` writes them: the order of fields, short numbers, and angle brackets escaped.

use crate::engine::ProxyInfo;
use crate::toxic::ToxicSpec;
use serde_json::{Map, Number, Value, json};

/// The text of a value.
pub fn text(value: &Value) -> String {
    // Outside of strings JSON has none of these.
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

pub fn proxy(info: &ProxyInfo) -> Value {
    json!({
        "name": info.name,
        "listen": info.listen,
        "upstream": info.upstream,
        "enabled": info.enabled,
        // A slip of 2.12.0 that its clients may have come to expect.
        "Logger": {},
        "toxics": info.toxics.iter().map(toxic).collect::<Vec<_>>(),
    })
}

pub fn proxies(infos: &[ProxyInfo]) -> Value {
    let named = infos.iter().map(|info| (info.name.clone(), proxy(info)));
    Value::Object(named.collect())
}

/// What `POST /populate` answers: `null` where Go has a nil slice.
pub fn populated(infos: &[ProxyInfo], error: Option<(&str, u16)>) -> Value {
    let mut object = Map::new();
    if let Some((message, status)) = error {
        object.insert("error".to_owned(), message.into());
        object.insert("status".to_owned(), status.into());
    }
    let proxies: Vec<_> = infos.iter().map(proxy).collect();
    let proxies = (!proxies.is_empty()).then_some(proxies);
    object.insert("proxies".to_owned(), proxies.into());
    Value::Object(object)
}

/// The body of a toxic, as the API takes it and answers.
#[must_use]
pub fn toxic(spec: &ToxicSpec) -> Value {
    let mut kind = spec.kind;
    let attributes = kind.attributes().into_iter();
    let attributes: Map<_, _> = attributes
        .map(|(key, value)| (key.to_owned(), Value::from(*value)))
        .collect();
    json!({
        "attributes": attributes,
        "name": spec.name,
        "type": spec.kind.name(),
        "stream": spec.direction.name(),
        "toxicity": number(spec.toxicity),
    })
}

/// The shortest digits that mean the same `f32`, and no fraction where there is none.
#[allow(clippy::cast_possible_truncation)]
fn number(value: f32) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return Value::from(value as i64);
    }
    let shortest = value.to_string().parse::<f64>();
    let number = shortest.ok().and_then(Number::from_f64);
    number.map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_brackets_as_go_writes_them() {
        for (value, expected) in [(0.1, "0.1"), (1.0, "1"), (0.0, "0"), (0.375, "0.375")] {
            assert_eq!(number(value).to_string(), expected);
        }
        assert_eq!(text(&json!("<&>é")), r#""\u003c\u0026\u003eé""#);
    }
}
