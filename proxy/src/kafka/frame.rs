//! Where a frame begins and what it is, told by its first bytes.

use super::api::{Api, PRODUCE};
use super::reader::{Malformed, Reader, Result};

/// Length, api key, version, correlation id.
pub const REQUEST_HEAD: usize = 12;
/// Length, correlation id.
const ANSWER_HEAD: usize = 8;
/// Before the client id of a request: api key, version, correlation id.
const REQUEST_MIN: i64 = 8;
const ANSWER_MIN: i64 = 4;

/// The head of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHead {
    pub key: i16,
    pub version: i16,
    pub correlation: i32,
    /// Of the whole frame, its length field included.
    pub bytes: usize,
    /// Whether Kafka answers it: all but Produce with `acks=0`.
    pub is_answered: bool,
}

/// The head of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnswerHead {
    pub correlation: i32,
    pub bytes: usize,
}

fn length(bytes: &[u8; 4], min: i64, max: usize) -> Result<usize> {
    let length = i64::from(i32::from_be_bytes(*bytes));
    match usize::try_from(length) {
        Ok(size) if length >= min && size <= max => Ok(size + 4),
        _ => Err(Malformed::FrameLength(length)),
    }
}

/// `None` while too little of it is there. A wrong length is told as soon as it can be read.
pub fn request(input: &[u8], bytes_max: usize) -> Result<Option<RequestHead>> {
    let Some(first) = input.first_chunk() else {
        return Ok(None);
    };
    let bytes = length(first, REQUEST_MIN, bytes_max)?;
    let Some(head) = input.first_chunk::<REQUEST_HEAD>() else {
        return Ok(None);
    };
    let [_, _, _, _, k1, k2, v1, v2, c1, c2, c3, c4] = *head;
    let mut head = RequestHead {
        key: i16::from_be_bytes([k1, k2]),
        version: i16::from_be_bytes([v1, v2]),
        correlation: i32::from_be_bytes([c1, c2, c3, c4]),
        bytes,
        is_answered: true,
    };
    if head.key == PRODUCE {
        let there = input.len().min(bytes);
        match produce_acks(&input[REQUEST_HEAD..there], head.version) {
            Ok(acks) => head.is_answered = acks != 0,
            Err(Malformed::Truncated) if there < bytes => return Ok(None),
            Err(malformed) => return Err(malformed),
        }
    }
    Ok(Some(head))
}

/// Reads from behind the correlation id of a Produce request. A transactional id and `acks` stand before everything that can be large.
fn produce_acks(rest: &[u8], version: i16) -> Result<i16> {
    let mut r = Reader::new(rest, false);
    // The client id keeps its classic length even in flexible headers.
    let client_id = r.i16()?;
    r.skip(usize::try_from(client_id).unwrap_or(0))?;
    r.set_flexible(Api::from_key(PRODUCE).is_some_and(|api| api.is_flexible(version)));
    r.tags()?;
    if version >= 3 {
        r.nullable_string()?;
    }
    r.i16()
}

/// `None` while too little of it is there.
pub fn answer(input: &[u8], bytes_max: usize) -> Result<Option<AnswerHead>> {
    let Some(first) = input.first_chunk() else {
        return Ok(None);
    };
    let bytes = length(first, ANSWER_MIN, bytes_max)?;
    let Some(&[_, _, _, _, c1, c2, c3, c4]) = input.first_chunk::<ANSWER_HEAD>() else {
        return Ok(None);
    };
    let correlation = i32::from_be_bytes([c1, c2, c3, c4]);
    Ok(Some(AnswerHead { correlation, bytes }))
}
