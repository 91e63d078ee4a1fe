//! Treatments that only connections which carry Kafka's protocol can have.

use crate::fault::{Distribution, Target, Treatment};
use crate::problem::Problems;
use crate::yaml::Node;

/// Whether what is asked for runs between clients and brokers.
pub(super) fn check(
    target: &Target,
    to: &[Target],
    treatment: &Treatment,
    aim: &Node,
    problems: &mut Problems,
) {
    let spread = matches!(
        treatment,
        Treatment::Delay(late) if late.jitter_ns > 0 && late.distribution != Distribution::Uniform
    );
    let requests = treatment.is_of_frames();
    let forth = is_client(target) && to.iter().all(Target::is_broker);
    let back = target.is_broker() && to.iter().all(is_client);
    let what = match (requests, spread) {
        (true, _) if !forth => {
            "requests run from services or the load to brokers, and nowhere else"
        }
        (_, true) if !forth && !back => {
            "only what runs between clients and brokers can be spread so"
        }
        _ => return,
    };
    let fix = match requests {
        true => "write from: SERVICE and to: brokers",
        false => "leave `distribution` out, or name a service at one end and brokers at the other",
    };
    problems.at(&aim.place, what, fix);
}

fn is_client(target: &Target) -> bool {
    matches!(
        target,
        Target::Service { .. } | Target::Services | Target::Load
    )
}
