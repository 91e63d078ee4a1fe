//! Asks a broker over Kafka's protocol which broker coordinates a group: what clients would be told.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(2);
/// FindCoordinator (KIP-4), in its first version: a group id in, an error and a node out.
const API_KEY: i16 = 10;
const API_VERSION: i16 = 0;
const CORRELATION: i32 = 1;
/// An answer holds a host name and little else.
const ANSWER_BYTES_MAX: u32 = 4096;

/// `Ok(None)`: nobody does at present.
pub fn ask(broker: SocketAddr, group: &str) -> io::Result<Option<u32>> {
    let mut stream = TcpStream::connect_timeout(&broker, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    stream.write_all(&request(group)?)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = u32::from_be_bytes(size).min(ANSWER_BYTES_MAX);
    let mut answer = Vec::new();
    stream.take(u64::from(size)).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no such answer"))
}

fn request(group: &str) -> io::Result<Vec<u8>> {
    let length = i16::try_from(group.len()).map_err(io::Error::other)?;
    let mut body = Vec::new();
    body.extend(API_KEY.to_be_bytes());
    body.extend(API_VERSION.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    // No client id.
    body.extend((-1_i16).to_be_bytes());
    body.extend(length.to_be_bytes());
    body.extend(group.as_bytes());
    let size = u32::try_from(body.len()).map_err(io::Error::other)?;
    Ok([&size.to_be_bytes()[..], &body].concat())
}

/// Correlation, error, node; then host and port, which are not needed.
fn parse(answer: &[u8]) -> Option<Option<u32>> {
    let correlation = answer.get(..4)?.try_into().ok().map(i32::from_be_bytes)?;
    let error = answer.get(4..6)?.try_into().ok().map(i16::from_be_bytes)?;
    let node = answer.get(6..10)?.try_into().ok().map(i32::from_be_bytes)?;
    if correlation != CORRELATION {
        return None;
    }
    Some(match error {
        0 => u32::try_from(node).ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_torn_one_is_not() {
        let mut answer = vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 1, b'h', 0, 0, 0, 9];
        assert_eq!(parse(&answer), Some(Some(3)));
        assert_eq!(parse(&answer[..9]), None);
        answer[5] = 15; // COORDINATOR_NOT_AVAILABLE
        assert_eq!(parse(&answer), Some(None));
        answer[3] = 2;
        assert_eq!(parse(&answer), None);
    }
}
