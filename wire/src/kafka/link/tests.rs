use super::*;
use proptest::prelude::*;

fn link(latency_us: u64, bandwidth: u64) -> Link<u32> {
    Link::new(LinkConfig {
        latency: Duration::from_micros(latency_us),
        jitter: Duration::ZERO,
        bandwidth_bytes_per_s: bandwidth,
    })
}

fn drain(link: &mut Link<u32>, now: Nanos) -> Vec<Delivery<u32>> {
    std::iter::from_fn(|| link.pop(now)).collect()
}

#[test]
fn a_message_takes_its_size_over_bandwidth_plus_latency() {
    let mut link = link(500, 1_000_000);
    link.send(0, 1_000, 1);
    link.send(0, 1_000, 2);
    assert_eq!(link.due(), Some(1_500_000));
    assert_eq!(link.pop(1_499_999), None);
    assert_eq!(link.pop(1_500_000), Some(Delivery::Message(1)));
    assert_eq!(link.due(), Some(2_500_000));
}

#[test]
fn a_blocked_link_holds_and_then_delivers_in_order() {
    let mut link = link(1, 1_000_000_000);
    link.send(0, 1, 1);
    link.set_blocked(0, true);
    link.send(0, 1, 2);
    assert_eq!(link.due(), None);
    assert_eq!(drain(&mut link, Nanos::MAX), []);
    assert_eq!(link.stats(0).held, 1, "the first is not due yet");
    assert_eq!(link.stats(1_001).held, 2);
    link.set_blocked(1_001, false);
    assert_eq!(link.stats(Nanos::MAX).held, 2);
    assert_eq!(
        drain(&mut link, 1_000_000),
        [Delivery::Message(1), Delivery::Message(2)]
    );
}

#[test]
fn what_a_short_block_did_not_hold_up_is_not_counted() {
    let mut link = link(1, 1_000_000_000);
    link.send(0, 1, 1);
    link.set_blocked(10, true);
    link.set_blocked(500, false);
    assert_eq!(link.stats(1_000_000).held, 0);
    assert_eq!(drain(&mut link, 1_000_000), [Delivery::Message(1)]);
}

#[test]
fn a_drawn_delay_comes_on_top_and_lets_none_overtake() {
    let mut link = link(1, 1_000_000_000);
    let mut draws = [5_000, 0].into_iter();
    link.set_draw(Some(Box::new(move || {
        Duration::from_nanos(draws.next().unwrap_or(0))
    })));
    link.send(0, 1, 1);
    link.send(0, 1, 2);
    assert_eq!(link.pop(6_000), None);
    assert_eq!(
        drain(&mut link, 6_001),
        [Delivery::Message(1), Delivery::Message(2)]
    );
}

#[test]
fn a_reset_drops_what_is_in_flight() {
    let mut link = link(1, 1_000_000_000);
    link.send(0, 1, 1);
    link.reset(0);
    link.send(0, 1, 2);
    assert_eq!(
        drain(&mut link, 1_000_000),
        [Delivery::Reset, Delivery::Message(2)]
    );
}

#[test]
fn a_cut_link_loses_every_message_and_counts_them() {
    let mut link = link(1, 1_000_000_000);
    link.send(0, 1, 1);
    link.set_cut(true);
    link.send(0, 1, 2);
    link.set_cut(false);
    link.send(0, 1, 3);
    assert_eq!(
        drain(&mut link, 1_000_000),
        [Delivery::Reset, Delivery::Message(3)]
    );
    let stats = link.stats(1_000_000);
    assert_eq!((stats.sent, stats.held, stats.lost), (3, 0, 1));
}

proptest! {
    #[test]
    fn order_holds_whatever_the_latency_does(
        sends in prop::collection::vec((0u64..1_000_000, 0u64..100_000, 0u64..3_000), 1..50),
    ) {
        let mut link = link(10, 1_000_000);
        let mut now = 0;
        for (number, (wait, bytes, latency_us)) in (0..).zip(&sends) {
            now += wait;
            link.set_config(LinkConfig {
                jitter: Duration::from_micros(latency_us / 3),
                latency: Duration::from_micros(*latency_us),
                bandwidth_bytes_per_s: 1_000_000,
            });
            link.send(now, *bytes, number);
        }
        let got = drain(&mut link, Nanos::MAX);
        let expected: Vec<_> = (0..).take(sends.len()).map(Delivery::Message).collect();
        prop_assert_eq!(got, expected);
    }
}
