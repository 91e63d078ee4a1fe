//! Requests from outside.

use std::fmt;
use std::future::Future;

/// How to listen. The address is the environment's business.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IngressSettings {
    /// A longer body is answered with 413 by the environment.
    pub body_bytes_max: usize,
    /// With more requests than this unanswered, the environment takes no further ones.
    pub in_flight_max: usize,
}

/// An HTTP request, its body read to the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Names in lower case. Values that are not UTF-8 are left out.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A request and the means to answer it.
#[derive(Debug)]
pub struct Incoming<R> {
    pub request: Request,
    pub responder: R,
}

/// Answers one request, once. Dropped without an answer, the caller sees the connection break: it cannot know more.
pub trait Responder {
    fn respond(self, response: Response);
}

/// Requests from outside.
pub trait Ingress {
    type Responder: Responder + 'static;

    /// Waits until there is a request, then appends up to `max` of those already here. False: closed, none will come.
    fn accept(
        &self,
        max: usize,
        into: &mut Vec<Incoming<Self::Responder>>,
    ) -> impl Future<Output = bool>;

    /// Takes no new connections and no new requests. Those taken can still be answered; `accept` then gives false.
    fn close(&self);

    /// Ends when every answer given has been written out or its caller is gone.
    fn drained(&self) -> impl Future<Output = ()>;
}

/// The address cannot be listened on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IngressError(pub String);

impl fmt::Display for IngressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen for requests: {}", self.0)
    }
}

impl std::error::Error for IngressError {}
