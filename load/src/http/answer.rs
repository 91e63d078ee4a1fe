//! Reading one HTTP/1.1 answer from bytes that come in pieces (RFC 9112).

use super::classify::NOT_TAKEN;
use serde::Deserialize;

/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const HEADERS_MAX: usize = 64;

/// A whole answer, as far as the load looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// It carries the header `x-not-taken`.
    pub not_taken: bool,
    pub keep_alive: bool,
    /// Where the event went, when the body says so; else -1.
    pub partition: i32,
    pub offset: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parsed {
    /// More has to come.
    Partial,
    Whole(Answer),
    Garbage,
}

#[derive(Clone, Copy)]
enum Length {
    Known(usize),
    Chunked,
    UntilClose,
}

#[derive(Clone, Copy)]
struct Head {
    answer: Answer,
    bytes: usize,
    length: Length,
}

#[derive(Deserialize)]
struct Place {
    partition: Option<i32>,
    offset: Option<i64>,
}

/// Parses what has come so far; `ended` when the other side has closed.
pub(super) fn parse(bytes: &[u8], ended: bool) -> Parsed {
    let mut from = 0;
    loop {
        let rest = &bytes[from..];
        let head = match head(rest) {
            Ok(Some(head)) => head,
            Ok(None) if ended || rest.len() > ANSWER_BYTES_MAX => return Parsed::Garbage,
            Ok(None) => return Parsed::Partial,
            Err(()) => return Parsed::Garbage,
        };
        if (100..200).contains(&head.answer.status) {
            from += head.bytes;
            continue;
        }
        return whole(&head, &rest[head.bytes..], ended);
    }
}

fn whole(head: &Head, body: &[u8], ended: bool) -> Parsed {
    let mut answer = head.answer;
    let (content, surplus) = match head.length {
        Length::Known(length) if length > ANSWER_BYTES_MAX => return Parsed::Garbage,
        Length::Known(length) => match body.split_at_checked(length) {
            Some((content, surplus)) => (Some(content.to_vec()), surplus.len()),
            None => (None, 0),
        },
        Length::Chunked => match chunks(body) {
            Ok(Some((content, used))) => (Some(content), body.len() - used),
            Ok(None) => (None, 0),
            Err(()) => return Parsed::Garbage,
        },
        Length::UntilClose if ended => (Some(body.to_vec()), 0),
        Length::UntilClose => (None, 0),
    };
    match content {
        Some(content) => {
            // Bytes after the answer were not asked for: nothing on that connection can be trusted any more.
            answer.keep_alive &= surplus == 0;
            if (200..300).contains(&answer.status) && content.first() == Some(&b'{') {
                read_place(&content, &mut answer);
            }
            Parsed::Whole(answer)
        }
        None if ended || body.len() > ANSWER_BYTES_MAX => Parsed::Garbage,
        None => Parsed::Partial,
    }
}

fn head(bytes: &[u8]) -> Result<Option<Head>, ()> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    let used = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(()),
    };
    let status = parsed.code.ok_or(())?;
    let mut answer = Answer {
        status,
        not_taken: false,
        keep_alive: parsed.version == Some(1),
        partition: -1,
        offset: -1,
    };
    let mut length = Length::UntilClose;
    for header in parsed.headers.iter() {
        let value = str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") && !matches!(length, Length::Chunked)
        {
            length = Length::Known(value.parse().map_err(|_| ())?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            // Chunked must be the last coding (RFC 9112, 6.1), and we asked for no other.
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(());
            }
            length = Length::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            let has = |what| {
                value
                    .split(',')
                    .any(|option| option.trim().eq_ignore_ascii_case(what))
            };
            answer.keep_alive = !has("close") && (answer.keep_alive || has("keep-alive"));
        } else if header.name.eq_ignore_ascii_case(NOT_TAKEN) {
            answer.not_taken = true;
        }
    }
    if matches!(status, 100..=199 | 204 | 304) {
        length = Length::Known(0);
    }
    answer.keep_alive &= !matches!(length, Length::UntilClose);
    Ok(Some(Head {
        answer,
        bytes: used,
        length,
    }))
}

/// The content, and how many bytes it took with its framing; `None` when more has to come.
fn chunks(mut rest: &[u8]) -> Result<Option<(Vec<u8>, usize)>, ()> {
    let total = rest.len();
    let mut content = Vec::new();
    loop {
        let (used, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(()),
        };
        rest = &rest[used..];
        if size == 0 {
            return Ok(trailers_end(rest).map(|end| (content, total - rest.len() + end)));
        }
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= ANSWER_BYTES_MAX)
            .ok_or(())?;
        let Some((chunk, after)) = rest.split_at_checked(size) else {
            return Ok(None);
        };
        content.extend_from_slice(chunk);
        match after {
            [b'\r', b'\n', more @ ..] => rest = more,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(()),
        }
    }
}

/// Where the trailer section ends: an empty line, after lines that are not looked at.
fn trailers_end(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = rest[at..].windows(2).position(|pair| pair == b"\r\n")?;
        at += line + 2;
        if line == 0 {
            return Some(at);
        }
    }
}

fn read_place(content: &[u8], answer: &mut Answer) {
    if let Ok(place) = serde_json::from_slice::<Place>(content) {
        answer.partition = place
            .partition
            .filter(|partition| *partition >= 0)
            .unwrap_or(-1);
        answer.offset = place.offset.filter(|offset| *offset >= 0).unwrap_or(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(status: u16, keep_alive: bool, partition: i32, offset: i64) -> Answer {
        Answer {
            status,
            not_taken: false,
            keep_alive,
            partition,
            offset,
        }
    }

    #[test]
    fn answers_are_understood_only_when_whole() {
        let samples: [(&str, Answer); 6] = [
            (
                "HTTP/1.1 202 Accepted\r\ncontent-length: 28\r\n\r\n{\"partition\":3,\"offset\":441}",
                answer(202, true, 3, 441),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"offset\r\n4;x=y\r\n\":7}\r\n0\r\na: b\r\n\r\n",
                answer(200, true, -1, 7),
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno",
                answer(400, false, -1, -1),
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", answer(204, true, -1, -1)),
            (
                "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
                answer(200, true, -1, -1),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{]",
                answer(200, true, -1, -1),
            ),
        ];
        for (text, wanted) in samples {
            let bytes = text.as_bytes();
            assert_eq!(parse(bytes, false), Parsed::Whole(wanted), "{text}");
            for end in 0..bytes.len() {
                assert_eq!(
                    parse(&bytes[..end], false),
                    Parsed::Partial,
                    "{}",
                    &text[..end]
                );
                assert_eq!(
                    parse(&bytes[..end], true),
                    Parsed::Garbage,
                    "closed after {}",
                    &text[..end]
                );
            }
        }
    }

    #[test]
    fn without_a_length_the_close_ends_it() {
        let text = b"HTTP/1.1 200 OK\r\n\r\n{\"partition\":1}";
        assert_eq!(parse(text, false), Parsed::Partial);
        assert_eq!(parse(text, true), Parsed::Whole(answer(200, false, 1, -1)));
    }

    #[test]
    fn surplus_bytes_end_the_connection() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1";
        assert_eq!(
            parse(text, false),
            Parsed::Whole(answer(200, false, -1, -1))
        );
    }

    #[test]
    fn not_taken_is_seen() {
        let text = b"HTTP/1.1 503 x\r\nX-Not-Taken: 1\r\ncontent-length: 0\r\n\r\n";
        assert!(matches!(
            parse(text, false),
            Parsed::Whole(Answer {
                status: 503,
                not_taken: true,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), ended: bool, real: bool) {
            let mut all = if real { b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec() } else { Vec::new() };
            all.extend(bytes);
            parse(&all, ended);
        }
    }
}
