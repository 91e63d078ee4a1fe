//! A layer around another one that it shows plain bytes.

use super::advice;
use super::session::Session;
use crate::layer::{ConnectionInfo, Layer, LayerFactory, Output, Side};
use bytes::BytesMut;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// On which sides TLS is spoken, and how.
#[derive(Clone, Default, Debug)]
pub struct TlsSides {
    pub client: Option<Arc<ServerConfig>>,
    pub upstream: Option<(Arc<ClientConfig>, PeerName)>,
}

/// The name that the upstream's certificate must be for. Clones share it: an upstream may move.
#[derive(Clone, Debug)]
pub struct PeerName {
    name: Arc<RwLock<ServerName<'static>>>,
}

impl PeerName {
    /// # Errors
    /// When `host` is neither a DNS name nor an address.
    pub fn new(host: &str) -> Result<Self, InvalidDnsNameError> {
        let name = Arc::new(RwLock::new(ServerName::try_from(host.to_owned())?));
        Ok(Self { name })
    }

    /// # Errors
    /// When `host` is neither a DNS name nor an address; the old one stays.
    pub fn change(&self, host: &str) -> Result<(), InvalidDnsNameError> {
        let name = ServerName::try_from(host.to_owned())?;
        *self.name.write().unwrap_or_else(PoisonError::into_inner) = name;
        Ok(())
    }

    fn get(&self) -> ServerName<'static> {
        let name = self.name.read().unwrap_or_else(PoisonError::into_inner);
        name.clone()
    }
}

impl TlsSides {
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.client.is_none() && self.upstream.is_none()
    }
}

/// Told why a session failed, in one line, on the engine's thread. By default nobody is.
#[derive(Clone)]
pub struct OnFailure(Arc<dyn Fn(&str) + Send + Sync>);

impl OnFailure {
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, line: &str) {
        (self.0)(line);
    }
}

impl Default for OnFailure {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnFailure")
    }
}

/// Puts TLS around the layers of another factory.
pub struct TlsFactory {
    pub sides: TlsSides,
    pub inner: Arc<dyn LayerFactory>,
    pub on_failure: OnFailure,
}

impl LayerFactory for TlsFactory {
    fn layer(&self, connection: &ConnectionInfo) -> Box<dyn Layer> {
        let client = self.sides.client.clone();
        let client = client.map(|config| ServerConnection::new(config).map(Into::into));
        let upstream = self.sides.upstream.clone();
        let upstream = upstream
            .map(|(config, name)| ClientConnection::new(config, name.get()).map(Into::into));
        let mut failed = None;
        let sessions = [client, upstream].map(|session| match session? {
            Ok(session) => Some(Session::new(session)),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        let mut layer = TlsLayer {
            inner: self.inner.layer(connection),
            sessions,
            plain: Default::default(),
            wanted: [true; 2],
            ended: [false; 2],
            begun: false,
            over: false,
            proxy: connection.proxy.clone(),
            on_failure: self.on_failure.clone(),
        };
        if let Some(error) = failed {
            layer.tell(Side::Upstream, &error);
            layer.over = true;
        }
        Box::new(layer)
    }
}

struct TlsLayer {
    inner: Box<dyn Layer>,
    /// By [`Side::index`]; none where the side is plain.
    sessions: [Option<Session>; 2],
    /// What a session said and the inner layer has not taken. Unused where the side is plain.
    plain: [BytesMut; 2],
    /// Whose bytes the inner layer wanted when it was last asked.
    wanted: [bool; 2],
    /// The inner layer knows that no more comes from the side.
    ended: [bool; 2],
    /// The hello to the upstream has been sent.
    begun: bool,
    /// A session failed: nothing passes any more.
    over: bool,
    proxy: String,
    on_failure: OnFailure,
}

impl TlsLayer {
    fn tell(&self, side: Side, error: &rustls::Error) {
        let why = match side {
            Side::Client => format!("a client failed: {error}"),
            Side::Upstream => format!("the upstream failed: {error}; {}", advice(error)),
        };
        self.on_failure
            .tell(&format!("{}: TLS with {why}", self.proxy));
    }

    /// Takes over what the inner layer sends, as often as it wants more of what waits for it.
    fn settle(&mut self, now_ns: u64, mut inner: Output, out: &mut Output) {
        for side in [Side::Client, Side::Upstream, Side::Client] {
            let wants = self.inner.wants(side);
            let waits = !self.plain[side.index()].is_empty();
            if wants && !self.wanted[side.index()] && waits {
                let plain = &mut self.plain[side.index()];
                self.inner.on_bytes(now_ns, side, plain, &mut inner);
            }
            self.wanted[side.index()] = wants;
        }
        if inner.is_reset() {
            return out.reset();
        }
        for to in Side::BOTH {
            let session = &mut self.sessions[to.index()];
            while let Some(chunk) = inner.queue(to).pop() {
                match session {
                    Some(session) => session.send(&chunk),
                    None => out.send(to, chunk),
                }
            }
            if let (Some(session), true) = (session, inner.is_ended(to)) {
                session.close();
            }
            self.flush(to, out);
            if inner.is_ended(to) {
                out.end(to);
            }
        }
    }

    fn flush(&mut self, to: Side, out: &mut Output) {
        let session = self.sessions[to.index()].as_mut();
        if let Some(bytes) = session.and_then(Session::take_out) {
            out.send(to, bytes);
        }
    }

    /// The alert goes out, then both ways close.
    fn fail(&mut self, side: Side, error: &rustls::Error, out: &mut Output) {
        self.tell(side, error);
        self.over = true;
        for side in Side::BOTH {
            self.flush(side, out);
            out.end(side);
        }
    }

    fn end(&mut self, now_ns: u64, from: Side, inner: &mut Output) {
        if !std::mem::replace(&mut self.ended[from.index()], true) {
            let plain = &mut self.plain[from.index()];
            self.inner.on_end(now_ns, from, plain, inner);
        }
    }
}

impl Layer for TlsLayer {
    fn on_bytes(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        if self.over {
            return input.clear();
        }
        let mut inner = Output::default();
        match &mut self.sessions[from.index()] {
            None => self.inner.on_bytes(now_ns, from, input, &mut inner),
            Some(session) => {
                let plain = &mut self.plain[from.index()];
                let before = plain.len();
                if let Err(error) = session.receive(input, plain) {
                    return self.fail(from, &error, out);
                }
                let ended = session.ended;
                if plain.len() > before && self.inner.wants(from) {
                    self.inner.on_bytes(now_ns, from, plain, &mut inner);
                }
                if ended {
                    self.end(now_ns, from, &mut inner);
                }
            }
        }
        self.settle(now_ns, inner, out);
    }

    fn on_end(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        if self.over {
            return;
        }
        let mut inner = Output::default();
        match &self.sessions[from.index()] {
            None => self.inner.on_end(now_ns, from, input, &mut inner),
            Some(session) if session.is_handshaking() => {
                let error = rustls::Error::General(
                    "it closed the connection in the handshake; does it speak TLS, and does it take our certificate?"
                        .to_owned(),
                );
                return self.fail(from, &error, out);
            }
            // Many end without saying so in TLS; Kafka's frames show where one was cut off.
            Some(_) => self.end(now_ns, from, &mut inner),
        }
        self.settle(now_ns, inner, out);
    }

    fn next_timer(&self) -> Option<u64> {
        match self.begun || self.sessions[Side::Upstream.index()].is_none() {
            true => self.inner.next_timer(),
            false => Some(0),
        }
    }

    fn on_timer(&mut self, now_ns: u64, out: &mut Output) {
        self.begun = true;
        if self.over {
            return Side::BOTH.into_iter().for_each(|side| out.end(side));
        }
        let mut inner = Output::default();
        self.inner.on_timer(now_ns, &mut inner);
        self.settle(now_ns, inner, out);
    }

    fn wants(&self, from: Side) -> bool {
        let session = self.sessions[from.index()].as_ref();
        if session.is_some_and(Session::is_handshaking) {
            return true;
        }
        // Before the other side's handshake is done what comes would only pile up.
        let other = self.sessions[from.other().index()].as_ref();
        !other.is_some_and(Session::is_handshaking) && self.inner.wants(from)
    }
}
