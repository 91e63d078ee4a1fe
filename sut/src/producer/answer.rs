//! What callers are told. The statuses 400, 404, 405, 413, 415, 422 and 429, and 503 with `x-not-taken: 1`, say that the
//! event was definitely not taken; any other status but 201 leaves it open.

use serde_json::{Value, json};
use squall_env::{Position, Response, SendError};

pub(super) fn created(id: &str, position: Option<Position>) -> Response {
    let body = match position {
        Some(Position { partition, offset }) => {
            json!({ "id": id, "partition": partition, "offset": offset })
        }
        None => json!({ "id": id }),
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

fn answer(status: u16, body: &Value, mut headers: Vec<(&'static str, String)>) -> Response {
    headers.push(("content-type", "application/json".to_owned()));
    Response {
        status,
        headers,
        body: body.to_string().into_bytes(),
    }
}
