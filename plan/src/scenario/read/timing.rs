//! `timing`.

use crate::problem::Problems;
use crate::scenario::Timing;
use crate::units::SECOND_NS;
use crate::yaml::Node;

const LONGEST_NS: u64 = 3_600 * SECOND_NS;

pub(super) fn read(node: Option<&Node>, problems: &mut Problems) -> Timing {
    let mut get = |key: &str, default_s: u64, shortest_ns: u64| {
        let Some(node) = node.and_then(|node| node.get(key)) else {
            return default_s * SECOND_NS;
        };
        let Some(length) = node.duration() else {
            return default_s * SECOND_NS;
        };
        if length > LONGEST_NS {
            problems.at(
                &node.place,
                format!("`{key}` is longer than an hour"),
                "write a shorter time",
            );
        }
        if length < shortest_ns {
            problems.at(
                &node.place,
                format!("`{key}` leaves no time at all"),
                "write at least 100ms",
            );
        }
        length
    };
    const LEAST_NS: u64 = SECOND_NS / 10;
    Timing {
        ready_ns: get("ready", 10, LEAST_NS),
        steady_ns: get("steady", 10, LEAST_NS),
        warm_up_ns: get("warm_up", 0, 0),
        drain_ns: get("drain", 30, LEAST_NS),
    }
}
