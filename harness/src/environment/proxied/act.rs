//! What a treatment is on a proxy: a stall, a toxic on bytes, or a rule on Kafka's frames.

use super::Far;
use squall_plan::fault::{Distribution, FrameAct, KafkaError, Latency, Treatment};
use squall_proxy::kafka::{Action, Api, Rule, Way};
use squall_proxy::toxic::{Direction, ToxicKind};

const MS: u64 = 1_000_000;

/// What does it.
pub enum OnProxy {
    Stall,
    Toxic(ToxicKind),
    /// Its name is still to be given.
    Rule(Box<Rule>),
}

/// # Errors
/// Text for users: an API or an error that the proxy does not know.
pub fn on_proxy(treatment: &Treatment, far: &Far, direction: Direction) -> Result<OnProxy, String> {
    Ok(match (toxic(treatment), treatment) {
        (Some(kind), _) => OnProxy::Toxic(kind),
        (
            None,
            Treatment::Frames {
                apis,
                share_per_mille,
                act,
            },
        ) => OnProxy::Rule(Box::new(rule(apis, *share_per_mille, act)?)),
        // What flows to a sink are bytes; to a broker, requests and answers of which each draws its own.
        (None, Treatment::Delay(late)) if matches!(far, Far::Sink(_)) => {
            OnProxy::Toxic(ToxicKind::Spread {
                latency_ns: late.latency_ns,
                jitter_ns: late.jitter_ns,
                distribution: late.distribution,
            })
        }
        (None, Treatment::Delay(late)) => {
            let way = match direction {
                Direction::Upstream => Way::Requests,
                Direction::Downstream => Way::Answers,
            };
            OnProxy::Rule(Box::new(Rule::new("", delay(way, *late))))
        }
        (None, _) => OnProxy::Stall,
    })
}

/// The one of Toxiproxy's toxics that does it. `None`: a stall, what acts on Kafka's frames, and a delay that is not drawn evenly.
pub fn toxic(treatment: &Treatment) -> Option<ToxicKind> {
    Some(match *treatment {
        Treatment::Delay(late) if late.distribution == Distribution::Uniform => {
            ToxicKind::Latency {
                latency_ms: number(late.latency_ns.div_ceil(MS)),
                jitter_ms: number(late.jitter_ns / MS),
            }
        }
        Treatment::Stall | Treatment::Frames { .. } | Treatment::Delay(_) => return None,
        Treatment::Reset => ToxicKind::ResetPeer { timeout_ms: 0 },
        Treatment::Bandwidth { bytes_per_s } => ToxicKind::Bandwidth {
            rate_kb_s: number(bytes_per_s.div_ceil(1_000)),
        },
        Treatment::SlowClose { delay_ns } => ToxicKind::SlowClose {
            delay_ms: number(delay_ns.div_ceil(MS)),
        },
        Treatment::Slice {
            average_bytes,
            variation_bytes,
            delay_ns,
        } => ToxicKind::Slicer {
            average_size_bytes: number(average_bytes),
            size_variation_bytes: number(variation_bytes),
            delay_us: number(delay_ns / 1_000),
        },
        Treatment::LimitData { bytes } => ToxicKind::LimitData {
            bytes: number(bytes),
        },
        Treatment::Timeout { after_ns } => ToxicKind::Timeout {
            timeout_ms: number(after_ns.div_ceil(MS)),
        },
    })
}

fn delay(way: Way, late: Latency) -> Action {
    Action::Delay {
        way,
        latency_ns: late.latency_ns,
        jitter_ns: late.jitter_ns,
        distribution: late.distribution,
    }
}

fn rule(apis: &[String], share_per_mille: u32, act: &FrameAct) -> Result<Rule, String> {
    let action = match act {
        FrameAct::Delay(late) => delay(Way::Requests, *late),
        FrameAct::AnswerError { error } => Action::AnswerError {
            error: KafkaError::code(error).ok_or_else(|| format!("{error} is no error"))?,
        },
        FrameAct::LoseAnswer => Action::LoseAnswer,
        FrameAct::Cut { after_bytes } => Action::Cut {
            way: Way::Requests,
            after_bytes: usize::try_from(*after_bytes).unwrap_or(usize::MAX),
        },
        FrameAct::WithholdAnswers { reset_after_ns } => Action::WithholdAnswers {
            reset_after_ns: *reset_after_ns,
        },
    };
    let key = |name: &String| {
        let api = Api::from_name(name).ok_or_else(|| format!("{name} is no API"))?;
        Ok::<i16, String>(api.key)
    };
    let keys = apis.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let rule = Rule::new("", action).share_ppm(share_per_mille * 1000);
    Ok(match keys.is_empty() {
        true => rule,
        false => rule.for_apis(&keys),
    })
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
