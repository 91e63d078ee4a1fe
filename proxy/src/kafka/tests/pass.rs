//! Without rules, what goes in comes out.

use super::common::{Wire, framed, opaque_answer, opaque_request, settings};
use crate::kafka::Malformed;
use crate::layer::Side;
use proptest::prelude::*;

/// One exchange: key, version, request body, answer body.
fn exchange() -> impl Strategy<Value = (i16, i16, Vec<u8>, Vec<u8>)> {
    let body = || proptest::collection::vec(any::<u8>(), 0..200);
    // No Produce: its acks lie in the body. No SaslHandshake: version 0 is refused.
    (1i16..17, 0i16..20, body(), body())
}

fn pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut at = 0;
    let mut pieces = Vec::new();
    for cut in cuts.iter().cycle().take(bytes.len() * 2) {
        let end = (at + cut).min(bytes.len());
        pieces.push(bytes[at..end].to_vec());
        at = end;
    }
    pieces.push(bytes[at..].to_vec());
    pieces
}

proptest! {
    #[test]
    fn frames_pass_unchanged_however_they_are_split(
        exchanges in proptest::collection::vec(exchange(), 0..12),
        cuts in proptest::collection::vec(0usize..60, 1..20),
        tail in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut wire = Wire::new(&settings());
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (number, (key, version, question, reply)) in (0..).zip(&exchanges) {
            up.extend(opaque_request(*key, *version, number, question));
            down.extend(opaque_answer(number, reply));
        }
        up.extend(&tail);
        for piece in pieces(&up, &cuts) {
            wire.bytes(Side::Client, &piece);
        }
        for piece in pieces(&down, &cuts) {
            wire.bytes(Side::Upstream, &piece);
        }
        // A length alone is told malformed as soon as it is there: three bytes are none.
        wire.end(Side::Client);
        wire.end(Side::Upstream);
        prop_assert_eq!(wire.to(Side::Upstream), &up);
        prop_assert_eq!(wire.to(Side::Client), &down);
        prop_assert_eq!(wire.got.ended, [true, true]);
        prop_assert_eq!(wire.got.reset_ns, None);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_grow(
        client in proptest::collection::vec(any::<u8>(), 0..300),
        upstream in proptest::collection::vec(any::<u8>(), 0..300),
        cuts in proptest::collection::vec(0usize..60, 1..20),
    ) {
        let mut wire = Wire::new(&settings());
        for piece in pieces(&client, &cuts) {
            wire.bytes(Side::Client, &piece);
        }
        for piece in pieces(&upstream, &cuts) {
            wire.bytes(Side::Upstream, &piece);
        }
        wire.end(Side::Client);
        wire.end(Side::Upstream);
        prop_assert!(client.starts_with(wire.to(Side::Upstream)));
        prop_assert!(upstream.starts_with(wire.to(Side::Client)));
    }
}

#[test]
fn a_produce_without_acks_has_no_answer() {
    let mut wire = Wire::new(&settings());
    let produce = |acks: i16, correlation| {
        let body = [
            &0i16.to_be_bytes()[..],
            &(-1i16).to_be_bytes(),
            &acks.to_be_bytes(),
            &[9; 40],
        ];
        opaque_request(0, 3, correlation, &body.concat())
    };
    let up = [produce(0, 1), produce(1, 2), produce(0, 3), produce(-1, 4)].concat();
    for byte in &up {
        wire.bytes(Side::Client, &[*byte]);
    }
    let down = [opaque_answer(2, &[1]), opaque_answer(4, &[2])].concat();
    wire.bytes(Side::Upstream, &down);
    assert_eq!(wire.to(Side::Upstream), up);
    assert_eq!(wire.to(Side::Client), down);
    assert_eq!(wire.got.ended, [false, false]);
}

#[test]
fn what_is_no_frame_closes_the_connection_and_is_counted() {
    let good = opaque_request(3, 1, 7, &[]);
    let too_long = 0x7fff_ffff_u32.to_be_bytes().to_vec();
    let other = Malformed::Correlation {
        expected: 7,
        found: 8,
    };
    let cases = [
        (vec![0xff; 4], vec![], Malformed::FrameLength(-1)),
        (too_long, vec![], Malformed::FrameLength(0x7fff_ffff)),
        (framed(&[0; 7]), vec![], Malformed::FrameLength(7)),
        (vec![], opaque_answer(1, &[]), Malformed::Unasked),
        (good.clone(), opaque_answer(8, &[]), other),
        (good.clone(), framed(&[0; 3]), Malformed::FrameLength(3)),
    ];
    for (client, upstream, what) in cases {
        let settings = settings();
        let mut wire = Wire::new(&settings);
        wire.bytes(Side::Client, &client);
        wire.bytes(Side::Upstream, &upstream);
        assert_eq!(wire.got.ended, [true, true], "{what}");
        assert!(wire.to(Side::Client).is_empty(), "{what}");
        drop(wire);
        let flow = settings.flows.snapshot().into_values().next().unwrap();
        assert_eq!((flow.malformed, flow.malformed_last), (1, Some(what)));
    }
}

#[test]
fn what_flowed_is_counted_by_api() {
    let settings = settings();
    let mut wire = Wire::new(&settings);
    let up = [
        opaque_request(3, 1, 1, &[5]),
        opaque_request(1, 4, 2, &[]),
        opaque_request(999, 4, 3, &[]),
    ];
    let down = [opaque_answer(1, &[]), opaque_answer(2, &[1; 50])];
    wire.bytes(Side::Client, &up.concat());
    wire.bytes(Side::Upstream, &down.concat());
    let open = settings.flows.connections(&super::common::link());
    let flow = settings.flows.snapshot()[&super::common::link()].clone();
    assert_eq!(open[&0], flow);
    assert_eq!(flow.connections, 1);
    assert_eq!(flow.bytes_from_client, up.concat().len() as u64);
    assert_eq!(flow.bytes_from_upstream, down.concat().len() as u64);
    assert_eq!(
        flow.requests,
        [("Fetch", 1), ("Metadata", 1), ("other", 1)].into()
    );
    assert_eq!(flow.answers, [("Fetch", 1), ("Metadata", 1)].into());
    assert_eq!(flow.frames(), 5);
    drop(wire);
    assert_eq!(settings.flows.snapshot()[&super::common::link()], flow);
    assert!(
        settings
            .flows
            .connections(&super::common::link())
            .is_empty()
    );
}
