//! `stuck`: accepted, and still on its way when the drain gave up.
//!
//! What is missing in a sink is either on its way or lost. When the drain ended because nothing was in flight, all of it is
//! lost. When it gave up, at most as many as were seen to be in flight are stuck, and the rest is lost. When nobody knows how
//! many were in flight, nothing is proven.

/// How the missing events of a sink divide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Division {
    pub lost: u64,
    pub in_flight: u64,
    /// Whether it is known rather than feared.
    pub proven: bool,
}

/// `in_flight` is an upper bound of the entries on their way to the sink.
pub fn divide(missing: u64, drained: bool, in_flight: Option<u64>) -> Division {
    let in_flight_max = match (drained, in_flight) {
        (true, _) => 0,
        (false, Some(in_flight)) => in_flight,
        (false, None) => {
            return Division {
                lost: 0,
                in_flight: missing,
                proven: false,
            };
        }
    };
    let in_flight = missing.min(in_flight_max);
    Division {
        lost: missing - in_flight,
        in_flight,
        proven: true,
    }
}
