//! CloudEvents 1.0, Kafka protocol binding, binary mode: attributes in headers, the data in the value.

use crate::events::Catalogue;
use crate::json::Json;
use squall_env::{Event, Headers};

pub(crate) const ID: &str = "ce_id";
pub(crate) const TYPE: &str = "ce_type";
pub(crate) const TRACEPARENT: &str = "traceparent";
const SOURCE: &str = "/signup/producer";

/// The headers of an event that is sent.
pub(crate) fn headers(id: &str, event_type: &str, traceparent: &str) -> Headers {
    let mut headers = Headers::with_capacity(256);
    headers.push("ce_specversion", b"1.0");
    headers.push(ID, id.as_bytes());
    headers.push("ce_source", SOURCE.as_bytes());
    headers.push(TYPE, event_type.as_bytes());
    headers.push("content-type", b"application/json");
    headers.push(TRACEPARENT, traceparent.as_bytes());
    headers
}

/// An event that a consumer can handle.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) id: String,
    pub(crate) event_type: String,
    pub(crate) data: Json<'a>,
    pub(crate) traceparent: Option<String>,
}

impl Incoming<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Json::as_str)
    }

    /// Where a user is mailed to; one who gave no address at `signup.test`, a domain of nobody's (RFC 6761).
    pub(crate) fn address(&self) -> Option<String> {
        let given = self.text("email").map(str::to_owned);
        given.or_else(|| Some(format!("{}@signup.test", self.text("user")?)))
    }
}

/// What a consumer makes of a record.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Opened<'a> {
    Wanted(Incoming<'a>),
    /// A type that this consumer does not subscribe to, or that nobody knows; or no value at all, with which a producer
    /// deletes a key of a compacted topic, and there is nothing here to delete.
    Ignored,
    /// It can never be handled, and why.
    Poison(String),
}

/// Reads a record. Without `ce_type` the value is taken for `{"type": ..., "data": ..., "id": ...}`, as requests are.
pub(crate) fn open<'a>(catalogue: &Catalogue, wanted: &[&str], event: &'a Event) -> Opened<'a> {
    if let Some(event_type) = event.headers.text(TYPE)
        && !wanted.contains(&event_type)
    {
        return Opened::Ignored;
    }
    if event.payload.is_empty() {
        return Opened::Ignored;
    }
    let value = match Json::read(&event.payload) {
        Ok(value) => value,
        Err(error) => return Opened::Poison(format!("the value is not JSON: {error}")),
    };
    let (event_type, data, id) = match event.headers.text(TYPE) {
        Some(event_type) => (event_type.to_owned(), value, None),
        None => match structured(value) {
            Ok(parts) => parts,
            Err(reason) => return Opened::Poison(reason),
        },
    };
    if !wanted.contains(&event_type.as_str()) {
        return Opened::Ignored;
    }
    let Some(id) = event
        .headers
        .text(ID)
        .map(str::to_owned)
        .or(id)
        .filter(|id| !id.is_empty())
    else {
        return Opened::Poison(format!("there is no {ID}"));
    };
    if let Err(invalid) = catalogue.validate(&event_type, &data) {
        let at = &invalid.pointer;
        return Opened::Poison(format!(
            "the data is not a {event_type}: {at} {}",
            invalid.reason
        ));
    }
    Opened::Wanted(Incoming {
        id,
        event_type,
        data,
        traceparent: event.headers.text(TRACEPARENT).map(str::to_owned),
    })
}

fn structured(mut value: Json<'_>) -> Result<(String, Json<'_>, Option<String>), String> {
    let Some(Json::Text(event_type)) = value.take("type") else {
        return Err("it names no type, neither in ce_type nor as /type".to_owned());
    };
    let id = value.get("id").and_then(Json::as_str).map(str::to_owned);
    let data = value.take("data").unwrap_or(Json::Null);
    Ok((event_type.into_owned(), data, id))
}
