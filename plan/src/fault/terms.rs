//! What some kinds need beyond their target.

use super::Target;
use crate::units::show_duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Parameters of a fault, by kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// The kind needs none.
    #[default]
    None,
    /// `isolate`: away from whom, and which way nothing passes.
    Apart { from: Vec<Target>, flow: Flow },
    /// `flapping`: as `Apart`, both ways, in turns that begin with `down_ns`.
    Flapping {
        from: Vec<Target>,
        down_ns: u64,
        up_ns: u64,
    },
    /// Kinds that treat what flows from the fault's target to others.
    Link {
        to: Vec<Target>,
        treatment: Treatment,
    },
    /// `rolling_deploy`: how the new version differs.
    Deploy {
        environment: BTreeMap<String, String>,
        bugs: Vec<String>,
    },
    /// `rolling_restart`: how long each broker is away.
    Roll { down_ns: u64 },
    /// `scale`: how many replicas.
    Scale { to: u32 },
    /// `clock_skew`: how far the clock is off.
    Skew { by_ns: u64, behind: bool },
    /// Kinds that send odd events: how many, and onto which topic.
    Events { topic: String, amount: Amount },
    /// `sink_slow`, `disk_slow`: how much later each effect, each write is done.
    Slow { by_ns: u64 },
    /// `sink_error`: the share that is refused; where a lock refuses, for how long at a time.
    Errors { per_mille: u32, turn_ns: u64 },
}

/// How many events, spread over the fault's length at random.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    Count(u64),
    /// Of as many as the loads offer meanwhile.
    PerMille(u32),
}

/// Seen from the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    Both,
    /// What is sent to the target does not arrive.
    Inbound,
    /// What the target sends does not arrive.
    Outbound,
}

/// What happens to one direction of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Every byte arrives later, in order.
    Delay(Latency),
    /// Bytes wait, and none is lost while the connection lives: what a TCP connection makes of dropped packets.
    Stall,
    /// Connections are reset as soon as bytes flow.
    Reset,
    Bandwidth {
        bytes_per_s: u64,
    },
    /// The end of a connection arrives later.
    SlowClose {
        delay_ns: u64,
    },
    /// Bytes arrive in small pieces.
    Slice {
        average_bytes: u64,
        variation_bytes: u64,
        delay_ns: u64,
    },
    /// A connection ends after so many bytes.
    LimitData {
        bytes: u64,
    },
    /// Nothing passes, and the connection is closed after this time; 0: never.
    Timeout {
        after_ns: u64,
    },
    /// Requests to brokers, or their answers, are told apart, and a share of them meets this.
    Frames {
        /// Kafka's own names; empty: every API.
        apis: Vec<String>,
        share_per_mille: u32,
        act: FrameAct,
    },
}

/// What a request to a broker, or its answer, meets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameAct {
    /// The request, and all behind it, arrives later.
    Delay(Latency),
    /// It is answered with this error, one of [`KafkaError::NAMES`], and never reaches the broker.
    AnswerError { error: String },
    /// It reaches the broker, its answer never comes, and the connection is reset.
    LoseAnswer,
    /// The connection is reset after so many bytes of it.
    Cut { after_bytes: u64 },
    /// Its answer and all later ones never come; the connection is reset after this time, or when the fault ends.
    WithholdAnswers { reset_after_ns: Option<u64> },
}

/// Errors of Kafka's protocol that a broker in trouble answers.
pub struct KafkaError;

impl KafkaError {
    pub const NAMES: &'static [&'static str] = &[
        "UNKNOWN_SERVER_ERROR",
        "UNKNOWN_TOPIC_OR_PARTITION",
        "LEADER_NOT_AVAILABLE",
        "NOT_LEADER_OR_FOLLOWER",
        "REQUEST_TIMED_OUT",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR",
        "NOT_ENOUGH_REPLICAS",
        "ILLEGAL_GENERATION",
        "UNKNOWN_MEMBER_ID",
        "REBALANCE_IN_PROGRESS",
        "KAFKA_STORAGE_ERROR",
    ];
    const CODES: &'static [i16] = &[-1, 3, 5, 6, 7, 14, 15, 16, 19, 22, 25, 27, 56];

    /// The code of a name.
    #[must_use]
    pub fn code(name: &str) -> Option<i16> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Self::CODES.get(at).copied()
    }
}

impl Treatment {
    /// Whether it needs a connection that carries Kafka's protocol.
    #[must_use]
    pub const fn is_of_frames(&self) -> bool {
        matches!(self, Self::Frames { .. })
    }
}

/// How much later something arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub latency_ns: u64,
    pub jitter_ns: u64,
    pub distribution: Distribution,
}

/// How a jitter is spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Evenly in latency ± jitter.
    Uniform,
    /// Normal, with the jitter as standard deviation, not below 0.
    Normal,
    /// Mostly the latency, now and then many times the jitter more (Pareto, shape 1.5).
    Pareto,
}

/// How a clock can be off.
pub(crate) const SKEW_WAYS: [&str; 2] = ["ahead", "behind"];

pub(crate) const fn skew_way(behind: bool) -> &'static str {
    SKEW_WAYS[behind as usize]
}

impl Flow {
    pub const NAMES: &'static [&'static str] = &["both", "inbound", "outbound"];
    const ALL: [Self; 3] = [Self::Both, Self::Inbound, Self::Outbound];

    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.name() == text)
    }
}

impl Distribution {
    pub const NAMES: &'static [&'static str] = &["uniform", "normal", "pareto"];
    const ALL: [Self; 3] = [Self::Uniform, Self::Normal, Self::Pareto];

    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == text)
    }
}

/// Goes on after the target: ` from brokers, controller`.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Apart { from, flow } => {
                write!(f, " from {}", list(from))?;
                match flow {
                    Flow::Both => Ok(()),
                    one_way => write!(f, ", {}", one_way.name()),
                }
            }
            Self::Flapping {
                from,
                down_ns,
                up_ns,
            } => {
                let (down, up) = (show_duration(*down_ns), show_duration(*up_ns));
                write!(f, " from {}, {down} down, {up} up", list(from))
            }
            Self::Deploy { environment, bugs } => {
                let variables = environment.iter();
                let variables = variables.map(|(name, value)| format!("{name}={value}"));
                let all: Vec<String> = variables.chain(bugs.iter().cloned()).collect();
                write!(f, " as {}", all.join(", "))
            }
            Self::Roll { down_ns } => write!(f, ", each {} down", show_duration(*down_ns)),
            Self::Scale { to } => write!(f, " to {to}"),
            Self::Skew { by_ns, behind } => {
                write!(f, " {} {}", show_duration(*by_ns), skew_way(*behind))
            }
            Self::Events { topic, amount } => match amount {
                Amount::Count(count) => write!(f, " sends {count} to {topic}"),
                Amount::PerMille(share) => {
                    let share = PerMille(*share);
                    write!(f, " sends {share} more to {topic}")
                }
            },
            Self::Slow { by_ns } => write!(f, " by {}", show_duration(*by_ns)),
            Self::Errors { per_mille, turn_ns } => {
                let (share, turn) = (PerMille(*per_mille), show_duration(*turn_ns));
                write!(f, ": {share} refused, a lock for {turn} at a time")
            }
            Self::Link { to, treatment } => write!(f, " to {}: {treatment}", list(to)),
        }
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(latency) => write!(f, "{latency}"),
            Self::Stall => write!(f, "stalled"),
            Self::Reset => write!(f, "reset"),
            Self::Bandwidth { bytes_per_s } => write!(f, "{bytes_per_s} B/s"),
            Self::SlowClose { delay_ns } => {
                write!(f, "closed {} later", show_duration(*delay_ns))
            }
            Self::Slice {
                average_bytes,
                variation_bytes,
                delay_ns,
            } => write!(
                f,
                "pieces of {average_bytes} ± {variation_bytes} B, {} apart",
                show_duration(*delay_ns)
            ),
            Self::Frames {
                apis,
                share_per_mille,
                act,
            } => {
                if *share_per_mille < 1000 {
                    write!(f, "{} of ", PerMille(*share_per_mille))?;
                }
                match apis.is_empty() {
                    true => write!(f, "requests {act}"),
                    false => write!(f, "{} {act}", apis.join(", ")),
                }
            }
            Self::LimitData { bytes } => write!(f, "ended after {bytes} B"),
            Self::Timeout { after_ns: 0 } => write!(f, "nothing passes"),
            Self::Timeout { after_ns } => {
                write!(
                    f,
                    "nothing passes, closed after {}",
                    show_duration(*after_ns)
                )
            }
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} later", show_duration(self.latency_ns))?;
        if self.jitter_ns == 0 {
            return Ok(());
        }
        write!(f, " ± {}", show_duration(self.jitter_ns))?;
        match self.distribution {
            Distribution::Uniform => Ok(()),
            other => write!(f, " ({})", other.name()),
        }
    }
}

impl fmt::Display for FrameAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(latency) => write!(f, "{latency}"),
            Self::AnswerError { error } => write!(f, "answered {error}"),
            Self::LoseAnswer => write!(f, "done, the answer lost"),
            Self::Cut { after_bytes } => write!(f, "cut after {after_bytes} B"),
            Self::WithholdAnswers {
                reset_after_ns: None,
            } => write!(f, "never answered"),
            Self::WithholdAnswers {
                reset_after_ns: Some(after),
            } => write!(f, "never answered, reset after {}", show_duration(*after)),
        }
    }
}

/// In percent.
struct PerMille(u32);

impl fmt::Display for PerMille {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (percent, 0) => write!(f, "{percent} %"),
            (percent, tenth) => write!(f, "{percent}.{tenth} %"),
        }
    }
}

fn list(targets: &[Target]) -> String {
    let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_a_code() {
        assert_eq!(KafkaError::NAMES.len(), KafkaError::CODES.len());
        assert_eq!(KafkaError::code("NOT_LEADER_OR_FOLLOWER"), Some(6));
        assert_eq!(KafkaError::code("KAFKA_STORAGE_ERROR"), Some(56));
        assert_eq!(KafkaError::code("NONE"), None);
    }
}
