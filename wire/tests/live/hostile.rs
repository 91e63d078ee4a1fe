//! Bytes that no client would send, to a live cluster: it answers or closes, and goes on serving.

use crate::common::{PATIENCE, produce, start};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rdkafka::producer::Producer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// ApiVersions version 0.
const GOOD: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes()[..], body].concat()
}

/// Whether the connection still answers; `None` when it was closed.
fn answers(stream: &mut TcpStream) -> Option<i32> {
    let mut head = [0; 8];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
    let mut rest = vec![0; length - 4];
    stream.read_exact(&mut rest).ok()?;
    Some(i32::from_be_bytes(head[4..].try_into().unwrap()))
}

fn assert_alive(address: SocketAddr) {
    let mut stream = connect(address);
    stream.write_all(&GOOD).unwrap();
    assert_eq!(answers(&mut stream), Some(7));
}

#[test]
fn arbitrary_frames_close_or_are_answered_and_the_cluster_goes_on() {
    let fixture = start(&[("t", 1)]);
    let address = fixture.cluster.addresses()[0];
    let frames = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100).prop_map(|body| framed(&body)),
        // A header that is right, and a body that is not.
        (
            0i16..61,
            0i16..13,
            prop::collection::vec(any::<u8>(), 0..100)
        )
            .prop_map(|(api, version, body)| {
                let head = [
                    api.to_be_bytes(),
                    version.to_be_bytes(),
                    [0; 2],
                    [0, 9],
                    [0xff; 2],
                ]
                .concat();
                framed(&[head, body].concat())
            }),
        // Lengths that lie.
        prop::collection::vec(any::<u8>(), 4..20),
    ];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
    runner
        .run(&frames, |frame| {
            let mut stream = connect(address);
            stream.write_all(&frame).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            // Closed in either way, or answered.
            let _ = stream.read_to_end(&mut rest);
            Ok(())
        })
        .unwrap();
    assert_alive(address);
    let counters = fixture.cluster.snapshot().unwrap().counters;
    assert!(counters.malformed > 100, "{counters:?}");
    let producer = fixture.producer(&[]);
    produce(&producer, "t", "event", 10);
    assert_eq!(producer.context().errors(), []);
}

#[test]
fn a_frame_above_the_limit_closes_the_connection_before_it_is_read() {
    let fixture = start(&[]);
    let address = fixture.cluster.addresses()[0];
    for length in [-1, i32::MIN, 104_857_601, i32::MAX] {
        let mut stream = connect(address);
        stream.write_all(&length.to_be_bytes()).unwrap();
        assert_eq!(answers(&mut stream), None);
    }
    assert_eq!(fixture.cluster.snapshot().unwrap().counters.malformed, 4);
    assert_alive(address);
}

#[test]
fn requests_on_one_connection_are_answered_in_order() {
    let fixture = start(&[]);
    let mut stream = connect(fixture.cluster.addresses()[1]);
    let mut burst = Vec::new();
    for number in 0..200u8 {
        let mut request = GOOD;
        request[11] = number;
        burst.extend_from_slice(&request);
    }
    stream.write_all(&burst).unwrap();
    for number in 0..200 {
        assert_eq!(answers(&mut stream), Some(number));
    }
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_and_another_request_closes() {
    let fixture = start(&[]);
    let address = fixture.cluster.addresses()[2];
    let mut stream = connect(address);
    stream
        .write_all(&framed(&[0, 18, 0, 99, 0, 0, 0, 5, 1, 2, 3]))
        .unwrap();
    assert_eq!(answers(&mut stream), Some(5));
    // Produce version 2 is advertised, and not served.
    stream
        .write_all(&framed(&[0, 0, 0, 2, 0, 0, 0, 6, 0xff, 0xff, 0, 0]))
        .unwrap();
    assert_eq!(answers(&mut stream), None);
    assert_alive(address);
}
