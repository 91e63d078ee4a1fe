//! Time-outs and choices, made of nothing but polling, so that they behave the same in every environment.

use crate::Env;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Either<A, B> {
    First(A),
    Second(B),
}

/// Whichever ends first; the first one when both could. The other one is dropped.
pub async fn select<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let mut first = pin!(first);
    let mut second = pin!(second);
    poll_fn(|context| {
        if let Poll::Ready(output) = first.as_mut().poll(context) {
            return Poll::Ready(Either::First(output));
        }
        second.as_mut().poll(context).map(Either::Second)
    })
    .await
}

/// A time-out has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl std::error::Error for Elapsed {}

/// The future's output, unless `after` has passed first.
///
/// # Errors
/// [`Elapsed`]; the future was dropped.
pub async fn timeout<E: Env, F: Future>(
    env: &E,
    after: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    match select(future, env.sleep(after)).await {
        Either::First(output) => Ok(output),
        Either::Second(()) => Err(Elapsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::task::{Context, Waker};

    fn now<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_wins_a_tie() {
        assert_eq!(
            now(select(ready(1), ready(2))),
            Poll::Ready(Either::First(1))
        );
        assert_eq!(
            now(select(pending::<u8>(), ready(2))),
            Poll::Ready(Either::Second(2))
        );
        assert!(now(select(pending::<u8>(), pending::<u8>())).is_pending());
    }
}
