//! What an answer, or its absence, says about the event.
//!
//! | what came | outcome |
//! |---|---|
//! | 200 to 299 | accepted |
//! | 400, 404, 405, 413, 415, 422, 429 | rejected |
//! | 503 with a header `x-not-taken` | rejected |
//! | connection refused or not established, or no connection free until the time-out: no byte was sent | rejected |
//! | anything else: other statuses, time-out, reset, an answer that is broken or ends early | indeterminate |
//!
//! The list of what is rejected is closed: a status that is not on it never means "not taken".

use squall_check::Kind;

/// Header of a 503 with which a service says that it did not take the event.
pub const NOT_TAKEN: &str = "x-not-taken";

/// The outcome that a whole answer stands for.
#[must_use]
pub fn answer(status: u16, not_taken: bool) -> Kind {
    match status {
        200..=299 => Kind::Accepted,
        400 | 404 | 405 | 413 | 415 | 422 | 429 => Kind::Rejected,
        503 if not_taken => Kind::Rejected,
        _ => Kind::Indeterminate,
    }
}

/// Why a request has no whole answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Failure {
    /// The connection was refused or could not be established.
    NotConnected,
    /// No connection was free until the time-out.
    NoConnectionFree,
    /// Connecting took longer than the time-out.
    ConnectTimeout,
    /// No answer until the time-out.
    Timeout,
    /// The connection broke or was closed under way.
    Broken,
    /// What came is no HTTP answer that can be understood.
    Garbage,
}

impl Failure {
    /// The outcome. Only where no byte was sent the event is known not to be taken.
    #[must_use]
    pub const fn outcome(self) -> Kind {
        match self {
            Self::NotConnected | Self::NoConnectionFree | Self::ConnectTimeout => Kind::Rejected,
            Self::Timeout | Self::Broken | Self::Garbage => Kind::Indeterminate,
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotConnected => "connection refused",
            Self::NoConnectionFree => "no connection free in time",
            Self::ConnectTimeout => "connecting took too long",
            Self::Timeout => "no answer in time",
            Self::Broken => "connection broke under way",
            Self::Garbage => "answer not understood",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_rejected_statuses_is_closed() {
        let rejected: Vec<u16> = (100..600)
            .filter(|status| answer(*status, false) == Kind::Rejected)
            .collect();
        assert_eq!(rejected, [400, 404, 405, 413, 415, 422, 429]);
        let not_taken: Vec<u16> = (100..600)
            .filter(|status| answer(*status, true) == Kind::Rejected)
            .collect();
        assert_eq!(not_taken, [400, 404, 405, 413, 415, 422, 429, 503]);
        assert!((200..300).all(|status| answer(status, false) == Kind::Accepted));
        assert_eq!(answer(500, false), Kind::Indeterminate);
    }
}
