//! What a call means, and how one is refused.

use serde_json::{Value, json};
use squall_plan::fault::Target;
use squall_wire::kafka::CommandError;

/// One call, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Brokers,
    Partitions,
    Act(Which, Action),
    Heal,
}

/// A broker by number or by role, which is looked up when the call is carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    Number(i32),
    Leader { topic: String, partition: i32 },
    Coordinator(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Kill,
    Restart,
    Isolate,
    Rejoin,
    Pause,
    Resume,
}

const ACTIONS: [Action; 6] = [
    Action::Kill,
    Action::Restart,
    Action::Isolate,
    Action::Rejoin,
    Action::Pause,
    Action::Resume,
];

impl Action {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Isolate => "isolate",
            Self::Rejoin => "rejoin",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// An answer that is not what was asked for: `{"error": "...", "fix": "..."}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    pub status: u16,
    error: String,
    fix: String,
}

impl ApiError {
    fn new(status: u16, error: impl Into<String>, fix: &str) -> Self {
        Self {
            status,
            error: error.into(),
            fix: fix.to_owned(),
        }
    }

    pub fn not_found(error: impl Into<String>, fix: &str) -> Self {
        Self::new(404, error, fix)
    }

    /// The cluster is not in a state in which that could be done.
    pub fn conflict(error: impl Into<String>, fix: &str) -> Self {
        Self::new(409, error, fix)
    }

    #[must_use]
    pub fn body(&self) -> Value {
        json!({ "error": self.error, "fix": self.fix })
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        let (status, fix) = match &error {
            CommandError::NoSuchBroker(_) | CommandError::NoSuchNode(_) => {
                (404, "GET /brokers lists them")
            }
            CommandError::NotRunning(_) => (409, "restart it first"),
            CommandError::Running(_) => (409, "kill it first"),
            CommandError::Paused(_) => (409, "resume it first"),
            CommandError::NotPaused(_) => (409, "pause it first"),
            CommandError::Port { .. } => (409, "end what listens there"),
            _ => (503, "look at GET /brokers and GET /partitions"),
        };
        Self::new(status, error.to_string(), fix)
    }
}

/// Understands a method and a path.
pub fn route(method: &str, path: &str) -> Result<Call, ApiError> {
    let path = decoded(path);
    let (wanted, call) = match path.trim_end_matches('/') {
        "/brokers" => ("GET", Call::Brokers),
        "/partitions" => ("GET", Call::Partitions),
        "/heal" => ("POST", Call::Heal),
        other => ("POST", act(other)?),
    };
    if method != wanted {
        let error = format!("{path} takes {wanted}, not {method}");
        return Err(ApiError::new(405, error, "use that method"));
    }
    Ok(call)
}

fn act(path: &str) -> Result<Call, ApiError> {
    let unknown = || {
        ApiError::not_found(
            format!("there is nothing at {path}"),
            "there are GET /brokers, GET /partitions, POST /heal and POST /brokers/WHICH/ACTION, as in /brokers/leader(orders/0)/kill",
        )
    };
    let rest = path.strip_prefix("/brokers/").ok_or_else(unknown)?;
    // A role may have a slash of its own.
    let (which, action) = rest.rsplit_once('/').ok_or_else(unknown)?;
    let action = ACTIONS.into_iter().find(|known| known.name() == action);
    let action = action.ok_or_else(|| {
        let error = format!("nothing named `{}` can be done to a broker", last(rest));
        ApiError::not_found(
            error,
            &format!("there are {}", ACTIONS.map(Action::name).join(", ")),
        )
    })?;
    Ok(Call::Act(which_of(which)?, action))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn which_of(text: &str) -> Result<Which, ApiError> {
    const FORMS: &str = "write a number as in 2, leader(orders/0) or coordinator(billing)";
    if let Ok(number) = text.parse() {
        return Ok(Which::Number(number));
    }
    let wrong = || ApiError::new(400, format!("`{text}` is no broker"), FORMS);
    let number = |id: u32| i32::try_from(id).map_err(|_| wrong());
    match Target::parse(text) {
        Ok(Target::Broker(id)) => Ok(Which::Number(number(id)?)),
        Ok(Target::Leader { topic, partition }) => Ok(Which::Leader {
            topic,
            partition: number(partition)?,
        }),
        Ok(Target::Coordinator { group }) => Ok(Which::Coordinator(group)),
        Ok(Target::Controller) => Err(ApiError::new(
            400,
            "the controller of this cluster is a node of its own, and no broker hosts it",
            FORMS,
        )),
        _ => Err(wrong()),
    }
}

/// `%28` and its like as what they stand for; what is no such thing stays.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_roles_are_understood_encoded_or_not() {
        let leader = Which::Leader {
            topic: "a.b".to_owned(),
            partition: 3,
        };
        for (path, which) in [
            ("/brokers/2/kill", Which::Number(2)),
            ("/brokers/broker(2)/kill", Which::Number(2)),
            ("/brokers/leader(a.b/3)/kill", leader.clone()),
            ("/brokers/leader%28a.b%2F3%29/kill/", leader),
            (
                "/brokers/coordinator(g)/kill",
                Which::Coordinator("g".to_owned()),
            ),
        ] {
            assert_eq!(
                route("POST", path),
                Ok(Call::Act(which, Action::Kill)),
                "{path}"
            );
        }
        assert_eq!(route("GET", "/partitions"), Ok(Call::Partitions));
    }

    #[test]
    fn what_is_not_understood_has_its_status() {
        for (method, path, status) in [
            ("GET", "/", 404),
            ("GET", "/topics", 404),
            ("POST", "/brokers/2", 404),
            ("POST", "/brokers/2/explode", 404),
            ("GET", "/brokers/2/kill", 405),
            ("POST", "/brokers", 405),
            ("POST", "/brokers/two/kill", 400),
            ("POST", "/brokers/controller/kill", 400),
            ("POST", "/brokers/leader(x)/kill", 400),
            ("POST", "/brokers/%zz%/kill", 400),
        ] {
            let refused = route(method, path).map_err(|error| error.status);
            assert_eq!(refused, Err(status), "{method} {path}");
        }
    }
}
