//! Frames that no client would send: the decoder says so and goes on.

use super::{frame, text};
use crate::kafka::codec::{self, Api, Reader, RequestHeader};
use crate::kafka::names::Names;
use bytes::Bytes;
use kafka_protocol::messages::{FetchRequest, MetadataRequest, fetch_request::FetchTopic};
use proptest::prelude::*;

fn decode(bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let mut names = Names::default();
    let mut reader = Reader::new(&frame);
    if let Ok(header) = RequestHeader::read(&mut reader) {
        let _ = codec::read::<()>(&header, &mut reader, Names::EMPTY, &mut names);
    }
}

fn valid() -> Vec<Bytes> {
    let topic = FetchTopic::default().with_topic(text("topic").into());
    let fetch = FetchRequest::default().with_topics(vec![topic.clone(), topic]);
    let metadata = MetadataRequest::default();
    super::versions(Api::Fetch)
        .map(|v| frame(Api::Fetch, v, &fetch))
        .chain(
            super::versions(Api::Metadata)
                .skip(1)
                .map(|v| frame(Api::Metadata, v, &metadata)),
        )
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_body_of_any_api_is_read_or_refused(
        api in prop::sample::select(Api::ALL),
        version in 0i16..14,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(api as i16).to_be_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 1, 0xff, 0xff]);
        if api.is_flexible(version) {
            bytes.push(0);
        }
        bytes.extend_from_slice(&body);
        decode(&bytes);
    }

    #[test]
    fn a_mutated_frame_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let frames = valid();
        let mut bytes = which.get(&frames).to_vec();
        for (at, value) in edits {
            let index = at.index(bytes.len());
            bytes[index] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        decode(&bytes);
    }
}

#[test]
fn a_length_that_the_frame_does_not_hold_costs_nothing() {
    // An array of 2^31 - 1 topics in 14 bytes.
    let mut bytes = vec![0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff];
    bytes.extend_from_slice(&i32::MAX.to_be_bytes());
    let frame = Bytes::from(bytes);
    let mut reader = Reader::new(&frame);
    let header = RequestHeader::read(&mut reader).unwrap();
    let read = codec::read::<()>(&header, &mut reader, Names::EMPTY, &mut Names::default());
    assert_eq!(read.unwrap_err(), codec::Malformed::BadLength);
}
