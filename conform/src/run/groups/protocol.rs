//! What members say of themselves, in the bytes of the consumer protocol.

use crate::run::book::Member;
use crate::step::Protocol;
use bytes::Bytes;

pub fn protocols(of: Protocol) -> &'static [&'static str] {
    match of {
        Protocol::Range | Protocol::ForeignType | Protocol::ShortSession => &["range"],
        Protocol::Both => &["roundrobin", "range"],
        Protocol::Foreign => &["sticky"],
    }
}

pub fn protocol_of(member: &Member) -> Protocol {
    match member.protocols.first().map(String::as_str) {
        Some("roundrobin") => Protocol::Both,
        Some("sticky") => Protocol::Foreign,
        _ => Protocol::Range,
    }
}

/// A subscription as the consumer protocol has it: Kafka reads it when a join completes, and a group whose members send anything else
/// never completes (seen with 4.2.1). Version 0, no topics, the text as user data.
pub fn subscription(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).unwrap_or(0);
    let head = [&[0, 0][..], &[0; 4], &length.to_be_bytes()].concat();
    [head.as_slice(), text.as_bytes()].concat().into()
}

pub fn user_data(subscription: &[u8]) -> String {
    string(subscription.get(10..).unwrap_or(subscription))
}

pub fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
