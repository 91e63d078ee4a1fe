//! What callers are told. The statuses 400, 404, 405, 413, 415, 422 and 429, and 503 with `x-not-taken: 1`, say that the
//! event was definitely not taken; any other status but 201 leaves it open.

use serde::Serialize;
use serde_json::json;
use squall_env::{Position, Response, SendError};

/// Where an event went.
#[derive(Serialize)]
struct Created<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
}

pub(super) fn created(id: &str, position: Option<Position>) -> Response {
    let body = Created {
        id,
        partition: position.map(|position| position.partition),
        offset: position.map(|position| position.offset),
    };
    answer(201, &body, Vec::new())
}

/// 4xx: the request is at fault.
pub(super) fn refused(status: u16, error: &str, pointer: Option<&str>) -> Response {
    let mut body = json!({ "error": error });
    if let Some(pointer) = pointer {
        body["pointer"] = json!(pointer);
    }
    let headers = match status {
        405 => vec![("allow", "POST".to_owned())],
        _ => Vec::new(),
    };
    answer(status, &body, headers)
}

pub(super) fn not_sent(error: &SendError) -> Response {
    match error {
        SendError::TooLarge => refused(413, &error.to_string(), None),
        SendError::QueueFull | SendError::Refused(_) => not_taken(&error.to_string()),
    }
}

pub(super) fn not_taken(why: &str) -> Response {
    let headers = vec![
        ("x-not-taken", "1".to_owned()),
        ("retry-after", "1".to_owned()),
    ];
    let error = format!("the event was not taken: {why}");
    answer(503, &json!({ "error": error }), headers)
}

pub(super) fn in_doubt(id: &str, why: &str) -> Response {
    let error = format!("the broker may or may not have the event: {why}");
    answer(503, &json!({ "error": error, "id": id }), Vec::new())
}

pub(super) fn timed_out(id: &str) -> Response {
    let error = "the broker has not acknowledged the event in time; it may or may not have it";
    answer(504, &json!({ "error": error, "id": id }), Vec::new())
}

fn answer(
    status: u16,
    body: &impl Serialize,
    mut headers: Vec<(&'static str, String)>,
) -> Response {
    headers.push(("content-type", "application/json".to_owned()));
    Response {
        status,
        headers,
        body: written(body),
    }
}

/// What has texts for names and nothing but JSON's own values in it can always be written.
pub(super) fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
