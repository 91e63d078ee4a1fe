//! A connection with nothing but the layer between its two sides.

use crate::kafka::{KafkaLayer, KafkaSettings, Link};
use crate::layer::{ConnectionInfo, Layer, Output, Side};
use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};
use std::net::{Ipv4Addr, SocketAddr};

pub fn link() -> Link {
    Link {
        party: "orders".to_owned(),
        broker: 1,
    }
}

pub fn settings() -> KafkaSettings {
    KafkaSettings::new(link())
}

pub fn info(ordinal: u64) -> ConnectionInfo {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    ConnectionInfo {
        proxy: "orders-1".to_owned(),
        ordinal,
        seed: 7,
        client: at(40_000),
        listen: at(40_001),
    }
}

/// What came out of the layer.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Got {
    /// By the side it went to.
    pub bytes: [Vec<u8>; 2],
    pub ended: [bool; 2],
    pub reset_ns: Option<u64>,
}

/// A layer, its inputs, and a clock that only the test moves.
pub struct Wire {
    pub layer: KafkaLayer,
    pub now_ns: u64,
    pub got: Got,
    inputs: [BytesMut; 2],
    out: Output,
}

impl Wire {
    pub fn new(settings: &KafkaSettings) -> Self {
        Self::with_ordinal(settings, 0)
    }

    pub fn with_ordinal(settings: &KafkaSettings, ordinal: u64) -> Self {
        Self {
            layer: KafkaLayer::new(settings.clone(), &info(ordinal)),
            now_ns: 1_000,
            got: Got::default(),
            inputs: Default::default(),
            out: Output::default(),
        }
    }

    pub fn bytes(&mut self, from: Side, bytes: &[u8]) {
        let input = &mut self.inputs[from.index()];
        input.extend_from_slice(bytes);
        self.layer.on_bytes(self.now_ns, from, input, &mut self.out);
        self.collect();
    }

    /// As an engine does when what the layer wants has changed.
    pub fn poke(&mut self) {
        self.layer.on_timer(self.now_ns, &mut self.out);
        self.collect();
        for from in Side::BOTH {
            if self.layer.wants(from) {
                self.bytes(from, &[]);
            }
        }
    }

    pub fn end(&mut self, from: Side) {
        let input = &mut self.inputs[from.index()];
        self.layer.on_end(self.now_ns, from, input, &mut self.out);
        self.collect();
    }

    /// Moves the clock on and calls every timer on the way.
    pub fn run_until(&mut self, until_ns: u64) {
        for _ in 0..100_000 {
            match self.layer.next_timer().filter(|at| *at <= until_ns) {
                None => break,
                Some(at_ns) => {
                    self.now_ns = self.now_ns.max(at_ns);
                    self.layer.on_timer(self.now_ns, &mut self.out);
                    self.collect();
                }
            }
        }
        self.now_ns = self.now_ns.max(until_ns);
    }

    pub fn to(&self, side: Side) -> &[u8] {
        &self.got.bytes[side.index()]
    }

    fn collect(&mut self) {
        for side in Side::BOTH {
            while let Some(chunk) = self.out.queue(side).pop() {
                self.got.bytes[side.index()].extend_from_slice(&chunk);
            }
            self.got.ended[side.index()] |= self.out.is_ended(side);
        }
        if self.out.is_reset() && self.got.reset_ns.is_none() {
            self.got.reset_ns = Some(self.now_ns);
        }
    }
}

pub fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    [&length.to_be_bytes(), body].concat()
}

/// A request frame of the reference codec.
pub fn request(key: i16, version: i16, correlation: i32, body: &impl Encodable) -> Vec<u8> {
    let api = ApiKey::try_from(key).expect("known");
    let header = RequestHeader::default()
        .with_request_api_key(key)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str("client")));
    let mut bytes = BytesMut::new();
    header
        .encode(&mut bytes, api.request_header_version(version))
        .expect("encodes");
    body.encode(&mut bytes, version).expect("encodes");
    framed(&bytes)
}

/// An answer frame of the reference codec.
pub fn answer(key: i16, version: i16, correlation: i32, body: &impl Encodable) -> Vec<u8> {
    let api = ApiKey::try_from(key).expect("known");
    let mut bytes = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(correlation)
        .encode(&mut bytes, api.response_header_version(version))
        .expect("encodes");
    body.encode(&mut bytes, version).expect("encodes");
    framed(&bytes)
}

/// A request whose body nobody looks into.
pub fn opaque_request(key: i16, version: i16, correlation: i32, body: &[u8]) -> Vec<u8> {
    let (key, version) = (key.to_be_bytes(), version.to_be_bytes());
    let correlation = correlation.to_be_bytes();
    framed(&[&key[..], &version, &correlation, body].concat())
}

/// An answer whose body nobody looks into.
pub fn opaque_answer(correlation: i32, body: &[u8]) -> Vec<u8> {
    framed(&[&correlation.to_be_bytes()[..], body].concat())
}

/// A topic id of the reference codec, whose type it does not name.
pub fn uuid<T: std::str::FromStr<Err: std::fmt::Debug>>(id: u128) -> T {
    format!("{id:032x}").parse().expect("32 digits")
}
