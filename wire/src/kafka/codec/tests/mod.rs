//! The codec against the `kafka-protocol` crate as its oracle: every API, every advertised version, both directions.

mod arbitrary;
mod requests;
mod responses;

use super::{Api, Call, Malformed, Reader, RequestHeader};
use crate::kafka::names::Names;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::RequestHeader as OracleHeader;
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

pub fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

/// A whole request frame, without its length, as a client sends it.
pub fn frame<T: Encodable + HeaderVersion>(api: Api, version: i16, body: &T) -> Bytes {
    let mut buffer = BytesMut::new();
    OracleHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(text("tester")))
        .encode(&mut buffer, T::header_version(version))
        .unwrap();
    body.encode(&mut buffer, version).unwrap();
    buffer.freeze()
}

/// Reads a frame, and nothing may be left of it.
pub fn read(frame: &Bytes, names: &mut Names) -> Result<Call<()>, Malformed> {
    let mut reader = Reader::new(frame);
    let header = RequestHeader::read(&mut reader)?;
    let client = names.intern("tester")?;
    let call = super::read(&header, &mut reader, client, names)?;
    assert_eq!(reader.remaining(), 0, "{header:?}");
    assert_eq!((header.correlation, header.client_id), (77, Some("tester")));
    Ok(call)
}

/// Every version that is served.
pub fn versions(api: Api) -> std::ops::RangeInclusive<i16> {
    api.served_from()..=api.advertised().1
}
