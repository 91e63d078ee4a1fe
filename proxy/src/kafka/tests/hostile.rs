//! Bodies that are not what their header says, where they are decoded: read or refused, never a panic, never much memory.

use super::common::{Wire, opaque_answer, opaque_request, settings};
use crate::kafka::api::Api;
use crate::kafka::{Action, AddressMap, KafkaSettings, Rule, Rules, can_answer};
use crate::layer::Side;
use proptest::prelude::*;

/// Bytes that often mean something: small lengths, nulls, large numbers.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(0u8), 3 => 1u8..6, 1 => Just(0xff), 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..120)
}

fn version() -> impl Strategy<Value = (i16, i16)> {
    (0..Api::ALL.len(), 0i16..20).prop_map(|(at, version)| {
        let api = Api::ALL[at];
        (api.key, version % (api.last + 1))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn answers_to_rewrite((key, version) in version(), body in body()) {
        let settings = KafkaSettings { addresses: Some(AddressMap::default()), ..settings() };
        let mut wire = Wire::new(&settings);
        // A Produce with acks=1 in any version.
        let classic = [0xff, 0xff, 0xff, 0xff, 0, 1];
        let flexible = [0xff, 0xff, 0, 0, 0, 1];
        let request = match (key, version) {
            (0, ..3) => &[0xff, 0xff, 0, 1][..],
            (0, ..9) => &classic,
            (0, _) => &flexible,
            _ => &[],
        };
        wire.bytes(Side::Client, &opaque_request(key, version, 1, request));
        let answer = opaque_answer(1, &body);
        wire.bytes(Side::Upstream, &answer);
        let heard = wire.to(Side::Client);
        prop_assert!(heard.is_empty() || heard == answer || key == 18, "no address is known");
    }

    #[test]
    fn requests_to_answer_with_an_error((key, version) in version(), body in body()) {
        let settings = settings();
        let keys: Vec<i16> = Api::ALL.iter().map(|a| a.key).filter(|k| can_answer(*k)).collect();
        let rule = Rule::new("e", Action::AnswerError { error: 3 }).for_apis(&keys);
        settings.rules.swap(Rules::new(vec![rule]).unwrap());
        let mut wire = Wire::new(&settings);
        let request = opaque_request(key, version, 1, &body);
        wire.bytes(Side::Client, &request);
        let sent = wire.to(Side::Upstream);
        prop_assert!(sent.is_empty() || sent == request);
        // An answer repeats what the request named, so it is of its size.
        prop_assert!(wire.to(Side::Client).len() <= 64 + 16 * request.len());
    }
}

#[test]
fn an_array_that_claims_more_than_its_frame_is_refused() {
    let settings = KafkaSettings {
        addresses: Some(AddressMap::default()),
        ..settings()
    };
    let mut wire = Wire::new(&settings);
    wire.bytes(Side::Client, &opaque_request(3, 0, 1, &[]));
    wire.bytes(Side::Upstream, &opaque_answer(1, &i32::MAX.to_be_bytes()));
    assert_eq!(wire.got.ended, [true, true]);
    assert!(wire.to(Side::Client).is_empty());
}
