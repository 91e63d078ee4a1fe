//! The queue against a sorted list, which is the oracle.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So long from now.
    Plan(Nanos),
    /// The so-many-th of all that were ever planned.
    CallOff(usize),
    Next,
}

fn step() -> impl Strategy<Value = Step> {
    let delays = prop_oneof![
        0..3_u64,
        0..1_000_000_u64,
        0..(4_u64 << STRETCH_BITS),
        (0..5_u64).prop_map(|stretches| stretches << STRETCH_BITS),
        0..60_000_000_000_u64,
    ];
    prop_oneof![
        3 => delays.prop_map(Step::Plan),
        2 => (0..200_usize).prop_map(Step::CallOff),
        2 => Just(Step::Next),
    ]
}

proptest! {
    #[test]
    fn events_come_by_time_and_order_and_never_when_called_off(steps in prop::collection::vec(step(), 0..300)) {
        let mut queue = EventQueue::default();
        // Time and number of what is planned, and the timer of all that ever was.
        let mut open: Vec<(Nanos, u64)> = Vec::new();
        let mut timers = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Plan(delay) => {
                    let number = timers.len() as u64 + 1;
                    timers.push(queue.push(now + delay, number));
                    open.push((now + delay, number));
                }
                Step::CallOff(which) => {
                    let Some(timer) = timers.get(which) else { continue };
                    let number = which as u64 + 1;
                    let was_open = open.iter().any(|(_, known)| *known == number);
                    open.retain(|(_, known)| *known != number);
                    prop_assert_eq!(queue.call_off(*timer), was_open.then_some(number));
                }
                Step::Next => {
                    let first = open.iter().copied().min();
                    open.retain(|known| Some(*known) != first);
                    now = first.map_or(now, |(at, _)| at);
                    prop_assert_eq!(queue.pop(), first.map(|(at, number)| (at, number, number)));
                }
            }
        }
        let kept = queue.near.len() + queue.far_count;
        prop_assert_eq!(kept - queue.called_off, open.len());
        prop_assert!(queue.called_off <= CALLED_OFF_AT_EASE.max(kept / 2));
    }
}
