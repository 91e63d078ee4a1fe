//! The requests of a load, written straight into a connection's buffer.

use crate::error::LoadError;
use squall_plan::payload::{Body, Compiled, Constants, PayloadError};
use squall_plan::plan::Arrival;
use squall_plan::scenario::{Load, LoadEntry};
use squall_plan::system::IdPlace;
use std::io::Write;
use std::net::SocketAddr;

pub(super) struct RequestTemplate {
    /// Request line and `host` by address.
    starts: Vec<Vec<u8>>,
    /// All other headers but `content-length`, each with its line end.
    headers: Compiled,
    body: Body,
    scratch: Vec<u8>,
}

impl RequestTemplate {
    pub fn new(
        load: &Load,
        constants: Constants,
        addresses: &[SocketAddr],
    ) -> Result<Self, LoadError> {
        let LoadEntry::Http {
            method, path, id, ..
        } = &load.entry
        else {
            return Err(LoadError::WrongTarget {
                load: load.name.clone(),
                planned: "topic",
            });
        };
        let body = Body::new(load, id, &constants)?;
        let mut headers = String::new();
        for (name, value) in &load.headers {
            check(load, name, value)?;
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        let given = |name: &str| {
            load.headers
                .keys()
                .any(|known| known.eq_ignore_ascii_case(name))
        };
        match id {
            IdPlace::Header(name) if !given(name) => {
                check(load, name, "")?;
                headers.push_str(&format!("{name}: {{{{id}}}}\r\n"));
            }
            IdPlace::Key | IdPlace::FileName => {
                return Err(PayloadError::NoId {
                    load: load.name.clone(),
                    place: "a key or file name, which a request has not".to_owned(),
                }
                .into());
            }
            IdPlace::Header(_) | IdPlace::Json(_) | IdPlace::Body => {}
        }
        if body.is_json && !given("content-type") {
            headers.push_str("content-type: application/json\r\n");
        }
        let start = |address: &SocketAddr| {
            format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n").into_bytes()
        };
        Ok(Self {
            starts: addresses.iter().map(start).collect(),
            headers: Compiled::new(&load.name, &headers, &constants)?,
            body,
            scratch: Vec::new(),
        })
    }

    /// Replaces the buffer's content by the request for an event.
    pub fn write(&mut self, address: usize, arrival: &Arrival, out: &mut Vec<u8>) {
        self.scratch.clear();
        self.body.write(arrival, &mut self.scratch);
        out.clear();
        out.extend_from_slice(&self.starts[address]);
        self.headers.write(arrival, out);
        // Writing to a Vec cannot fail.
        let _ = write!(out, "content-length: {}\r\n\r\n", self.scratch.len());
        out.extend_from_slice(&self.scratch);
    }
}

fn check(load: &Load, name: &str, value: &str) -> Result<(), PayloadError> {
    let reserved = ["host", "content-length", "transfer-encoding", "connection"];
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let fault = if name.is_empty() || !name.chars().all(token) {
        Some((
            "is no header name (RFC 9110)",
            "Use letters, digits and `-`",
        ))
    } else if reserved.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        Some(("is set by Squall", "Leave it out"))
    } else if value.contains(['\r', '\n', '\0']) {
        Some(("has a value of several lines", "Write it on one line"))
    } else {
        None
    };
    fault.map_or(Ok(()), |(what, fix)| {
        Err(PayloadError::Template {
            load: load.name.clone(),
            what: format!("header `{name}` {what}"),
            fix: fix.to_owned(),
        })
    })
}
