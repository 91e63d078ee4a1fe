//! The calls of the API. Plain functions: what carries them here and back is not their concern.

use super::{TOXIPROXY_VERSION, decode, encode, metrics};
use crate::engine::{Engine, ProxyError, ProxyInfo};
use crate::toxic::ToxicSpec;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub method: &'a str,
    /// Percent-encoded.
    pub path: &'a str,
    pub user_agent: &'a str,
    pub body: &'a [u8],
}

/// Its response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<&'static str>,
    pub body: String,
}

impl Answer {
    fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            content_type: Some(JSON),
            body: encode::text(value),
        }
    }

    fn plain(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: Some(PLAIN),
            body: body.to_owned(),
        }
    }

    const fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            body: String::new(),
        }
    }

    /// Go's `http.Error` sends errors as text, whatever they are.
    pub(super) fn error(status: u16, message: &str) -> Self {
        let body = encode::text(&json!({"error": message, "status": status}));
        Self::plain(status, &format!("{body}\n"))
    }
}

/// Why a call failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    pub status: u16,
    pub message: String,
}

impl ApiError {
    pub const fn new(status: u16, message: String) -> Self {
        Self { status, message }
    }
}

impl From<ProxyError> for ApiError {
    fn from(error: ProxyError) -> Self {
        let status = match error {
            ProxyError::ProxyNotFound | ProxyError::ToxicNotFound => 404,
            ProxyError::ProxyAlreadyExists | ProxyError::ToxicAlreadyExists => 409,
            ProxyError::Listen(_) | ProxyError::Stopped => 500,
        };
        Self::new(status, error.to_string())
    }
}

type Outcome = Result<Answer, ApiError>;

/// Carries out one call.
#[must_use]
pub fn answer(engine: &Engine, call: &Call<'_>) -> Answer {
    let outcome = route(engine, call);
    outcome.unwrap_or_else(|error| Answer::error(error.status, &error.message))
}

fn route(engine: &Engine, call: &Call<'_>) -> Outcome {
    // Decoded as a whole: a name with a slash in it is two parts to Toxiproxy too.
    let path = percent_decoded(call.path).unwrap_or_default();
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or("").split('/').collect();
    match (call.method, parts.as_slice()) {
        (_, parts) if !is_known(parts) => Ok(Answer::plain(404, "404 page not found\n")),
        (method, parts) if !methods(parts).contains(&method) => Ok(Answer::empty(405)),
        _ if call.user_agent.starts_with("Mozilla/") => {
            // Browsers must not be led to change anything by a page they show.
            Ok(Answer::plain(403, "User agent not allowed\n"))
        }
        (_, ["reset"]) => reset(engine),
        ("GET", ["proxies"]) => Ok(Answer::json(200, &encode::proxies(&engine.proxies()?))),
        (_, ["proxies"]) => create(engine, call.body),
        (_, ["populate"]) => Ok(populate(engine, call.body)),
        ("GET", ["proxies", name]) => Ok(shown(&engine.proxy(name)?)),
        ("DELETE", ["proxies", name]) => remove(engine, name),
        (_, ["proxies", name]) => update(engine, name, call.body),
        ("GET", ["proxies", name, "toxics"]) => toxics(engine, name),
        (_, ["proxies", name, "toxics"]) => add_toxic(engine, name, call.body),
        ("GET", ["proxies", name, "toxics", toxic]) => {
            Ok(shown_toxic(&find_toxic(engine, name, toxic)?))
        }
        ("DELETE", ["proxies", name, "toxics", toxic]) => remove_toxic(engine, name, toxic),
        (_, ["proxies", name, "toxics", toxic]) => update_toxic(engine, name, toxic, call.body),
        (_, ["metrics"]) => Ok(Answer {
            status: 200,
            content_type: Some(metrics::CONTENT_TYPE),
            body: metrics::text(engine)?,
        }),
        _ => Ok(version()),
    }
}

fn is_known(parts: &[&str]) -> bool {
    match parts {
        ["reset" | "proxies" | "populate" | "version" | "metrics"] => true,
        ["proxies", name] | ["proxies", name, "toxics"] => !name.is_empty(),
        ["proxies", name, "toxics", toxic] => !name.is_empty() && !toxic.is_empty(),
        _ => false,
    }
}

fn methods(parts: &[&str]) -> &'static [&'static str] {
    match parts {
        ["reset" | "populate"] => &["POST"],
        ["proxies"] | ["proxies", _, "toxics"] => &["GET", "POST"],
        ["proxies", ..] => &["GET", "POST", "PATCH", "DELETE"],
        // Prometheus' handler takes any method.
        ["metrics"] => &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
        _ => &["GET"],
    }
}

fn version() -> Answer {
    Answer {
        status: 200,
        content_type: Some("application/json;charset=utf-8"),
        body: format!("{{\"version\": \"{TOXIPROXY_VERSION}\"}}\n"),
    }
}

fn reset(engine: &Engine) -> Outcome {
    engine.reset()?;
    Ok(Answer::empty(204))
}

fn create(engine: &Engine, body: &[u8]) -> Outcome {
    let info = engine.create(decode::proxy(body)?)?;
    Ok(Answer::json(201, &encode::proxy(&info)))
}

fn populate(engine: &Engine, body: &[u8]) -> Answer {
    let (infos, result) = match decode::populate(body) {
        Ok(configs) => {
            let (infos, result) = engine.populate(configs);
            (infos, result.map_err(ApiError::from))
        }
        Err(error) => (Vec::new(), Err(error)),
    };
    let error = result.as_ref().err();
    let told = error.map(|error| (error.message.as_str(), error.status));
    let status = error.map_or(201, |error| error.status);
    Answer::json(status, &encode::populated(&infos, told))
}

fn shown(info: &ProxyInfo) -> Answer {
    Answer::json(200, &encode::proxy(info))
}

fn update(engine: &Engine, name: &str, body: &[u8]) -> Outcome {
    engine.proxy(name)?;
    let change = decode::proxy_change(body)?;
    Ok(shown(&engine.update(name, change)?))
}

fn remove(engine: &Engine, name: &str) -> Outcome {
    engine.remove(name)?;
    Ok(Answer::empty(204))
}

fn toxics(engine: &Engine, name: &str) -> Outcome {
    let toxics = engine.proxy(name)?.toxics;
    let toxics = toxics.iter().map(encode::toxic).collect();
    Ok(Answer::json(200, &Value::Array(toxics)))
}

fn shown_toxic(toxic: &ToxicSpec) -> Answer {
    Answer::json(200, &encode::toxic(toxic))
}

fn find_toxic(engine: &Engine, proxy: &str, toxic: &str) -> Result<ToxicSpec, ApiError> {
    let mut toxics = engine.proxy(proxy)?.toxics.into_iter();
    let found = toxics.find(|t| t.name == toxic);
    Ok(found.ok_or(ProxyError::ToxicNotFound)?)
}

fn add_toxic(engine: &Engine, proxy: &str, body: &[u8]) -> Outcome {
    engine.proxy(proxy)?;
    let toxic = decode::toxic(body)?;
    engine.add_toxic(proxy, toxic.clone())?;
    Ok(shown_toxic(&toxic))
}

fn update_toxic(engine: &Engine, proxy: &str, toxic: &str, body: &[u8]) -> Outcome {
    let mut toxic = find_toxic(engine, proxy, toxic)?;
    decode::toxic_change(body, &mut toxic)?;
    engine.update_toxic(proxy, toxic.clone())?;
    Ok(shown_toxic(&toxic))
}

fn remove_toxic(engine: &Engine, proxy: &str, toxic: &str) -> Outcome {
    engine.remove_toxic(proxy, toxic)?;
    Ok(Answer::empty(204))
}

/// `None` when what follows a percent sign are not two hexadecimal digits, or the whole is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}
