//! Bodies as Go's `encoding/json` reads them: keys in any case of letters, unknown ones passed over, `null` changes nothing, whatever
//! follows the first value is not looked at. Errors in its words where clients may look at them.

use super::route::ApiError;
use crate::engine::{ProxyChange, ProxyConfig};
use crate::toxic::{Direction, ToxicKind, ToxicSpec};
use serde_json::{Map, Value};

type Object = Map<String, Value>;

fn bad_body(message: &str) -> ApiError {
    ApiError::new(400, format!("bad request body: {message}"))
}

/// The first value of a body.
fn first_value(body: &[u8]) -> Result<Value, ApiError> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter();
    match values.next() {
        None => Err(bad_body("EOF")),
        Some(Err(error)) if error.is_eof() => Err(bad_body("unexpected EOF")),
        Some(Err(error)) => Err(bad_body(&format!("invalid JSON: {error}"))),
        Some(Ok(value)) => Ok(value),
    }
}

fn object(value: Value, go_type: &str) -> Result<Object, ApiError> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Object::new()),
        other => Err(bad_body(&format!(
            "json: cannot unmarshal {} into Go value of type {go_type}",
            kind(&other)
        ))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A field of a Go struct, for errors.
struct Field<'a> {
    owner: &'a str,
    key: &'a str,
}

impl Field<'_> {
    /// The last value under the key; `None` also for `null`.
    fn get<'v>(&self, object: &'v Object) -> Option<&'v Value> {
        let same = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(self.key);
        let (_, value) = object.iter().rfind(same)?;
        (!value.is_null()).then_some(value)
    }

    fn wrong(&self, what: &str, go_type: &str) -> ApiError {
        let Self { owner, key } = self;
        bad_body(&format!(
            "json: cannot unmarshal {what} into Go struct field {owner}.{key} of type {go_type}"
        ))
    }

    fn string(&self, object: &Object) -> Result<Option<String>, ApiError> {
        let value = self.get(object);
        let text = |value: &Value| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| self.wrong(kind(value), "string"))
        };
        value.map(text).transpose()
    }

    fn bool(&self, object: &Object) -> Result<Option<bool>, ApiError> {
        let value = self.get(object);
        let bool = |value: &Value| {
            value
                .as_bool()
                .ok_or_else(|| self.wrong(kind(value), "bool"))
        };
        value.map(bool).transpose()
    }

    #[allow(clippy::cast_possible_truncation)]
    fn f32(&self, object: &Object) -> Result<Option<f32>, ApiError> {
        let value = self.get(object);
        let number = |value: &Value| {
            let number = value.as_f64().map(|number| number as f32);
            number.ok_or_else(|| self.wrong(kind(value), "float32"))
        };
        value.map(number).transpose()
    }

    fn i64(&self, object: &Object, go_type: &str) -> Result<Option<i64>, ApiError> {
        let value = self.get(object);
        let number = |value: &Value| match value {
            Value::Number(number) => number
                .as_i64()
                .ok_or_else(|| self.wrong(&format!("number {number}"), go_type)),
            other => Err(self.wrong(kind(other), go_type)),
        };
        value.map(number).transpose()
    }
}

const fn proxy_field(key: &str) -> Field<'_> {
    Field {
        owner: "Proxy",
        key,
    }
}

/// The body of `POST /proxies`.
pub fn proxy(body: &[u8]) -> Result<ProxyConfig, ApiError> {
    let object = object(first_value(body)?, "toxiproxy.Proxy")?;
    let config = proxy_config(&object)?;
    for (field, value) in [("name", &config.name), ("upstream", &config.upstream)] {
        if value.is_empty() {
            return Err(missing(field));
        }
    }
    Ok(config)
}

fn missing(what: &str) -> ApiError {
    ApiError::new(400, format!("missing required field: {what}"))
}

fn proxy_config(object: &Object) -> Result<ProxyConfig, ApiError> {
    let text = |key| {
        proxy_field(key)
            .string(object)
            .map(Option::unwrap_or_default)
    };
    Ok(ProxyConfig {
        listen: text("listen")?,
        enabled: proxy_field("enabled").bool(object)?.unwrap_or(true),
        ..ProxyConfig::new(text("name")?, text("upstream")?)
    })
}

/// The body of `POST /populate`, and a configuration file.
pub fn populate(body: &[u8]) -> Result<Vec<ProxyConfig>, ApiError> {
    const ITEM: &str = r#"struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }"#;
    let items = match first_value(body)? {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        other => {
            return Err(bad_body(&format!(
                "json: cannot unmarshal {} into Go value of type []{ITEM}",
                kind(&other)
            )));
        }
    };
    let config = |item| proxy_config(&object(item, ITEM)?);
    let configs = items.into_iter().map(config);
    let configs = configs.collect::<Result<Vec<_>, _>>()?;
    for (index, config) in configs.iter().enumerate() {
        for (field, value) in [("name", &config.name), ("upstream", &config.upstream)] {
            if value.is_empty() {
                return Err(missing(&format!("{field} at proxy {}", index + 1)));
            }
        }
    }
    Ok(configs)
}

/// The body of `PATCH /proxies/{proxy}`. A name in it is passed over: proxies keep theirs.
pub fn proxy_change(body: &[u8]) -> Result<ProxyChange, ApiError> {
    let object = object(first_value(body)?, "toxiproxy.Proxy")?;
    proxy_field("name").string(&object)?;
    Ok(ProxyChange {
        listen: proxy_field("listen").string(&object)?,
        upstream: proxy_field("upstream").string(&object)?,
        enabled: proxy_field("enabled").bool(&object)?,
    })
}

const fn toxic_field(key: &str) -> Field<'_> {
    Field {
        owner: "ToxicWrapper",
        key,
    }
}

/// The body of `POST /proxies/{proxy}/toxics`.
pub fn toxic(body: &[u8]) -> Result<ToxicSpec, ApiError> {
    let object = object(first_value(body)?, "toxics.ToxicWrapper")?;
    let text = |key| {
        toxic_field(key)
            .string(&object)
            .map(Option::unwrap_or_default)
    };
    let (name, type_name) = (text("name")?, text("type")?);
    let stream = toxic_field("stream").string(&object)?;
    let stream = stream.unwrap_or_else(|| Direction::Downstream.name().to_owned());
    let toxicity = toxic_field("toxicity").f32(&object)?.unwrap_or(1.0);
    if let Some(value) = toxic_field("attributes").get(&object)
        && !value.is_object()
    {
        return Err(toxic_field("attributes").wrong(kind(value), "toxics.NoopToxic"));
    }
    let direction = Direction::parse(&stream).ok_or_else(|| {
        let text = "stream was invalid, can be either upstream or downstream";
        ApiError::new(400, text.to_owned())
    })?;
    let mut toxic_kind = ToxicKind::named(&type_name)
        .ok_or_else(|| ApiError::new(400, "invalid toxic type".to_owned()))?;
    attributes(&object, &mut toxic_kind)?;
    let name = if name.is_empty() {
        format!("{type_name}_{stream}")
    } else {
        name
    };
    Ok(ToxicSpec {
        name,
        kind: toxic_kind,
        direction,
        toxicity,
    })
}

/// The body of `PATCH /proxies/{proxy}/toxics/{toxic}`: only attributes and toxicity count.
pub fn toxic_change(body: &[u8], toxic: &mut ToxicSpec) -> Result<(), ApiError> {
    let object = object(first_value(body)?, "struct")?;
    attributes(&object, &mut toxic.kind)?;
    let toxicity = Field {
        owner: "",
        key: "toxicity",
    };
    if let Some(value) = toxicity.f32(&object)? {
        toxic.toxicity = value;
    }
    Ok(())
}

/// Sets the attributes that are given.
fn attributes(object: &Object, toxic_kind: &mut ToxicKind) -> Result<(), ApiError> {
    let Some(value) = toxic_field("attributes").get(object) else {
        return Ok(());
    };
    let owner = go_type_name(toxic_kind);
    let Value::Object(given) = value else {
        let field = Field {
            owner: "",
            key: "attributes",
        };
        return Err(field.wrong(kind(value), &format!("toxics.{owner}")));
    };
    // The slicer's are Go's `int`, all others `int64`.
    let go_type = match toxic_kind {
        ToxicKind::Slicer { .. } => "int",
        _ => "int64",
    };
    let owner = format!("{owner}.attributes");
    for (key, attribute) in toxic_kind.attributes() {
        let field = Field { owner: &owner, key };
        if let Some(number) = field.i64(given, go_type)? {
            *attribute = number;
        }
    }
    Ok(())
}

const fn go_type_name(kind: &ToxicKind) -> &'static str {
    match kind {
        ToxicKind::Latency { .. } => "LatencyToxic",
        ToxicKind::Bandwidth { .. } => "BandwidthToxic",
        ToxicKind::SlowClose { .. } => "SlowCloseToxic",
        ToxicKind::Timeout { .. } => "TimeoutToxic",
        ToxicKind::ResetPeer { .. } => "ResetToxic",
        ToxicKind::Slicer { .. } => "SlicerToxic",
        ToxicKind::LimitData { .. } => "LimitDataToxic",
        ToxicKind::Noop | ToxicKind::Spread { .. } => "NoopToxic",
    }
}
