//! From a request to an event, or to the reason why not.

use super::answer::{self, refused};
use crate::events::Catalogue;
use crate::json::Json;
use crate::trace;
use squall_env::{Env, Request, Response};

const ID_BYTES_MAX: usize = 200;

/// An event that may be sent.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) id: String,
    pub(super) event_type: String,
    pub(super) key: Option<String>,
    pub(super) traceparent: String,
    /// The data as JSON.
    pub(super) payload: Vec<u8>,
}

struct Body<'a> {
    event_type: String,
    data: Json<'a>,
    id: Option<String>,
}

pub(super) fn read<E: Env>(
    env: &E,
    catalogue: &Catalogue,
    request: &Request,
) -> Result<Accepted, Box<Response>> {
    check_target(request)?;
    let body = parse(&request.body)?;
    if !catalogue.knows(&body.event_type) {
        let known: Vec<&str> = catalogue.names().collect();
        let why = format!(
            "there is no event type `{}`; there are {}",
            body.event_type,
            known.join(" and ")
        );
        return Err(Box::new(refused(422, &why, Some("/type"))));
    }
    if let Err(invalid) = catalogue.validate(&body.event_type, &body.data) {
        let pointer = format!("/data{}", invalid.pointer);
        return Err(Box::new(refused(422, &invalid.reason, Some(&pointer))));
    }
    let id = event_id(env, request.header("ce-id"), body.id)?;
    Ok(Accepted {
        id,
        key: catalogue
            .key(&body.event_type, &body.data)
            .map(str::to_owned),
        traceparent: trace::follow(env, request.header("traceparent")),
        payload: answer::written(&body.data),
        event_type: body.event_type,
    })
}

fn check_target(request: &Request) -> Result<(), Box<Response>> {
    if request.path != "/event" {
        let why = format!("there is nothing at {}; events go to /event", request.path);
        return Err(Box::new(refused(404, &why, None)));
    }
    if request.method != "POST" {
        let why = format!("{} is not for /event; POST is", request.method);
        return Err(Box::new(refused(405, &why, None)));
    }
    let media = request.header("content-type").unwrap_or("application/json");
    let essence = media.split(';').next().unwrap_or_default().trim();
    let suffix = essence.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    if essence.eq_ignore_ascii_case("application/json") || suffix.eq_ignore_ascii_case("json") {
        return Ok(());
    }
    let why = format!("`{media}` is not read here; application/json is");
    Err(Box::new(refused(415, &why, None)))
}

fn parse(body: &[u8]) -> Result<Body<'_>, Box<Response>> {
    let mut value = Json::read(body).map_err(|error| {
        // It says the line and the column itself.
        refused(400, &format!("the body is not JSON: {error}"), None)
    })?;
    let example = r#"the body is to be like {"type": "user_signup", "data": {...}}"#;
    let wrong = |pointer: &str, what: &str| {
        let why = format!("{what}; {example}");
        Box::new(refused(422, &why, Some(pointer)))
    };
    if !matches!(value, Json::Object(_)) {
        return Err(wrong("", "it is not an object"));
    }
    let Some(Json::Text(event_type)) = value.take("type") else {
        return Err(wrong("/type", "there is no type, a string"));
    };
    let Some(data) = value.take("data") else {
        return Err(wrong("/data", "there is no data"));
    };
    let id = match value.take("id") {
        None | Some(Json::Null) => None,
        Some(Json::Text(id)) => Some(id.into_owned()),
        Some(_) => return Err(wrong("/id", "the id is not a string")),
    };
    let event_type = event_type.into_owned();
    Ok(Body {
        event_type,
        data,
        id,
    })
}

/// The caller's id, or a random UUID (RFC 9562, version 4).
fn event_id<E: Env>(
    env: &E,
    header: Option<&str>,
    body: Option<String>,
) -> Result<String, Box<Response>> {
    let Some(id) = header.map(str::to_owned).or(body) else {
        let (high, low) = (env.random("event-id"), env.random("event-id"));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
        let (d, e) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        return Ok(format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}"));
    };
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && !id.is_empty() && id.len() <= ID_BYTES_MAX {
        return Ok(id);
    }
    let why = format!("an event's id is 1 to {ID_BYTES_MAX} visible ASCII characters");
    Err(Box::new(refused(400, &why, Some("/id"))))
}
