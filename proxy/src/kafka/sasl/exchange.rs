//! The frames of a login, without I/O.

use super::scram::{Hash, Salted, Scram};
use crate::kafka::api::{SASL_AUTHENTICATE, SASL_HANDSHAKE};
use crate::kafka::reader::{Malformed, Reader};
use crate::kafka::writer::Writer;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

const NONCE_BYTES: usize = 24;
const HANDSHAKE_VERSION: i16 = 1;
const AUTHENTICATE_VERSION: i16 = 0;

/// How a client shows who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// As Kafka and librdkafka name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Who logs in to a cluster. Its `Debug` tells no secret.
pub struct Login {
    mechanism: Mechanism,
    username: String,
    password: String,
    salted: Mutex<Option<Salted>>,
}

/// Why a broker let nobody in. Tells no secret.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LoginError {
    #[error("it takes no {asked}, but {offered}")]
    Mechanism {
        asked: &'static str,
        offered: String,
    },
    #[error("it refuses the login: {0}")]
    Refused(String),
    #[error("its login is not as it should be: {0}")]
    Odd(&'static str),
    #[error("its login is not Kafka's: {0}")]
    Malformed(#[from] Malformed),
    #[error("this system gives no random numbers")]
    NoRandom,
}

/// What comes next in a login.
pub enum Next {
    Send(Bytes),
    Done,
}

/// One login.
pub struct Exchange {
    login: Arc<Login>,
    state: State,
    correlation: i32,
}

enum State {
    Handshake,
    Plain,
    ScramFirst(Scram),
    ScramLast(Scram),
}

impl Login {
    #[must_use]
    pub fn new(mechanism: Mechanism, username: &str, password: &str) -> Self {
        Self {
            mechanism,
            username: username.to_owned(),
            password: password.to_owned(),
            salted: Mutex::default(),
        }
    }

    /// With the first frame to be sent.
    pub(in crate::kafka) fn begin(self: &Arc<Self>) -> (Exchange, Bytes) {
        let mut exchange = Exchange {
            login: Arc::clone(self),
            state: State::Handshake,
            correlation: -1,
        };
        let mut w = exchange.request(SASL_HANDSHAKE, HANDSHAKE_VERSION);
        w.string(self.mechanism.name());
        (exchange, w.finish())
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({} by {})", self.username, self.mechanism.name())
    }
}

impl Exchange {
    /// Takes a whole answer, its length field included.
    pub fn on_answer(&mut self, frame: &[u8]) -> Result<Next, LoginError> {
        let mut r = Reader::new(frame, false);
        r.skip(4)?;
        let (expected, found) = (self.correlation, r.i32()?);
        if expected != found {
            return Err(Malformed::Correlation { expected, found }.into());
        }
        let error = r.i16()?;
        match std::mem::replace(&mut self.state, State::Handshake) {
            State::Handshake => {
                self.take_handshake(error, &mut r)?;
                self.first_token()
            }
            State::Plain => taken(error, &mut r).map(|_| Next::Done),
            State::ScramFirst(mut scram) => {
                let server_first = text(taken(error, &mut r)?)?;
                let salted = self.login.salted.lock();
                let mut salted = salted.unwrap_or_else(PoisonError::into_inner);
                let answer = scram.answer(server_first, &self.login.password, &mut salted);
                drop(salted);
                let answer = answer.map_err(LoginError::Odd)?;
                self.state = State::ScramLast(scram);
                Ok(self.token(answer.as_bytes()))
            }
            State::ScramLast(scram) => {
                let verified = scram.verify(text(taken(error, &mut r)?)?);
                verified.map_err(LoginError::Odd)?;
                Ok(Next::Done)
            }
        }
    }

    fn take_handshake(&self, error: i16, r: &mut Reader<'_>) -> Result<(), LoginError> {
        let mut offered = Vec::new();
        r.array(|r| {
            offered.push(r.string()?.to_owned());
            Ok(())
        })?;
        if error == 0 {
            return Ok(());
        }
        Err(LoginError::Mechanism {
            asked: self.login.mechanism.name(),
            offered: offered.join(", "),
        })
    }

    fn first_token(&mut self) -> Result<Next, LoginError> {
        let hash = match self.login.mechanism {
            Mechanism::Plain => {
                // RFC 4616.
                let (name, password) = (&self.login.username, &self.login.password);
                let token = format!("\0{name}\0{password}");
                self.state = State::Plain;
                return Ok(self.token(token.as_bytes()));
            }
            Mechanism::ScramSha256 => Hash::Sha256,
            Mechanism::ScramSha512 => Hash::Sha512,
        };
        let mut nonce = [0; NONCE_BYTES];
        let filled = SystemRandom::new().fill(&mut nonce);
        filled.map_err(|_| LoginError::NoRandom)?;
        let nonce = BASE64_STANDARD_NO_PAD.encode(nonce);
        let (scram, first) = Scram::begin(hash, &self.login.username, &nonce);
        self.state = State::ScramFirst(scram);
        Ok(self.token(first.as_bytes()))
    }

    fn token(&mut self, token: &[u8]) -> Next {
        let mut w = self.request(SASL_AUTHENTICATE, AUTHENTICATE_VERSION);
        w.bytes(token);
        Next::Send(w.finish())
    }

    fn request(&mut self, key: i16, version: i16) -> Writer {
        self.correlation += 1;
        let mut w = Writer::frame();
        w.i16(key);
        w.i16(version);
        w.i32(self.correlation);
        w.string("squall-proxy");
        w
    }
}

/// The token of an answer to SaslAuthenticate.
fn taken<'a>(error: i16, r: &mut Reader<'a>) -> Result<&'a [u8], LoginError> {
    let message = r.nullable_string()?;
    if error == 0 {
        return Ok(r.bytes()?);
    }
    let said = message.map_or_else(|| format!("error {error}"), str::to_owned);
    Err(LoginError::Refused(said))
}

fn text(token: &[u8]) -> Result<&str, LoginError> {
    std::str::from_utf8(token).map_err(|_| LoginError::Malformed(Malformed::NotUtf8))
}
