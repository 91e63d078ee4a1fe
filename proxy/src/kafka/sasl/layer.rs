//! A layer that logs in to the upstream before anything passes.

use super::{Exchange, Login, LoginError, Next};
use crate::kafka::frame;
use crate::layer::{ConnectionInfo, Layer, LayerFactory, Output, Side};
use crate::tls::OnFailure;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;

/// A token is some hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Puts a login before the layers of another factory.
pub struct SaslFactory {
    pub login: Arc<Login>,
    pub inner: Arc<dyn LayerFactory>,
    pub on_failure: OnFailure,
}

impl LayerFactory for SaslFactory {
    fn layer(&self, connection: &ConnectionInfo) -> Box<dyn Layer> {
        let (exchange, first) = self.login.begin();
        Box::new(SaslLayer {
            inner: self.inner.layer(connection),
            state: State::LoggingIn(exchange),
            first: Some(first),
            proxy: connection.proxy.clone(),
            on_failure: self.on_failure.clone(),
        })
    }
}

struct SaslLayer {
    inner: Box<dyn Layer>,
    state: State,
    /// Until it has been sent.
    first: Option<Bytes>,
    proxy: String,
    on_failure: OnFailure,
}

enum State {
    LoggingIn(Exchange),
    In,
    /// Nothing passes any more.
    Over,
}

impl SaslLayer {
    fn begin(&mut self, out: &mut Output) {
        if let Some(first) = self.first.take() {
            out.send(Side::Upstream, first);
        }
    }

    fn take_answers(&mut self, input: &mut BytesMut, out: &mut Output) -> Result<(), LoginError> {
        while let State::LoggingIn(exchange) = &mut self.state {
            let head = frame::answer(input, ANSWER_BYTES_MAX)?;
            let Some(head) = head.filter(|head| input.len() >= head.bytes) else {
                break;
            };
            match exchange.on_answer(&input.split_to(head.bytes))? {
                Next::Send(frame) => out.send(Side::Upstream, frame),
                Next::Done => self.state = State::In,
            }
        }
        Ok(())
    }

    fn fail(&mut self, why: &str, out: &mut Output) {
        self.on_failure
            .tell(&format!("{}: the upstream: {why}", self.proxy));
        self.state = State::Over;
        Side::BOTH.into_iter().for_each(|side| out.end(side));
    }
}

impl Layer for SaslLayer {
    fn on_bytes(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        self.begin(out);
        if matches!(self.state, State::LoggingIn(_))
            && from == Side::Upstream
            && let Err(error) = self.take_answers(input, out)
        {
            self.fail(&error.to_string(), out);
        }
        match self.state {
            State::In if !input.is_empty() => self.inner.on_bytes(now_ns, from, input, out),
            State::Over => input.clear(),
            // What a client says meanwhile waits.
            State::In | State::LoggingIn(_) => {}
        }
    }

    fn on_end(&mut self, now_ns: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
        match (&self.state, from) {
            (State::In, _) => self.inner.on_end(now_ns, from, input, out),
            (State::LoggingIn(_), Side::Upstream) => {
                self.fail("it closed the connection during the login", out);
            }
            (State::LoggingIn(_), Side::Client) => {
                self.state = State::Over;
                Side::BOTH.into_iter().for_each(|side| out.end(side));
            }
            (State::Over, _) => {}
        }
    }

    fn next_timer(&self) -> Option<u64> {
        match (&self.first, &self.state) {
            (Some(_), _) => Some(0),
            (None, State::In) => self.inner.next_timer(),
            (None, State::LoggingIn(_) | State::Over) => None,
        }
    }

    fn on_timer(&mut self, now_ns: u64, out: &mut Output) {
        self.begin(out);
        if matches!(self.state, State::In) {
            self.inner.on_timer(now_ns, out);
        }
    }

    fn wants(&self, from: Side) -> bool {
        match self.state {
            State::In => self.inner.wants(from),
            State::LoggingIn(_) => from == Side::Upstream,
            State::Over => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::sasl::Mechanism;
    use crate::kafka::writer::Writer;
    use std::sync::Mutex;

    /// Passes everything on.
    struct Pass;

    impl Layer for Pass {
        fn on_bytes(&mut self, _: u64, from: Side, input: &mut BytesMut, out: &mut Output) {
            out.send(from.other(), input.split().freeze());
        }
        fn on_end(&mut self, _: u64, from: Side, _: &mut BytesMut, out: &mut Output) {
            out.end(from.other());
        }
        fn next_timer(&self) -> Option<u64> {
            None
        }
        fn on_timer(&mut self, _: u64, _: &mut Output) {}
    }

    struct Passing;

    impl LayerFactory for Passing {
        fn layer(&self, _: &ConnectionInfo) -> Box<dyn Layer> {
            Box::new(Pass)
        }
    }

    fn layer(told: &Arc<Mutex<Vec<String>>>) -> Box<dyn Layer> {
        let told = Arc::clone(told);
        let on_failure = OnFailure::new(move |line| told.lock().unwrap().push(line.to_owned()));
        let factory = SaslFactory {
            login: Arc::new(Login::new(Mechanism::Plain, "jo", "hidden")),
            inner: Arc::new(Passing),
            on_failure,
        };
        factory.layer(&ConnectionInfo {
            proxy: "load > broker 1".to_owned(),
            ordinal: 0,
            seed: 0,
            client: ([127, 0, 0, 1], 1).into(),
            listen: ([127, 0, 0, 1], 2).into(),
        })
    }

    fn sent(out: &mut Output, to: Side) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(chunk) = out.queue(to).pop() {
            all.extend_from_slice(&chunk);
        }
        all
    }

    fn handshake_answer() -> BytesMut {
        let mut w = Writer::answer(0, false, false);
        w.i16(0);
        w.array(&["PLAIN"], |w, name| w.string(name));
        BytesMut::from(&w.finish()[..])
    }

    fn authenticate_answer(error: i16, message: Option<&str>) -> Bytes {
        let mut w = Writer::answer(1, false, false);
        w.i16(error);
        w.nullable_string(message);
        w.bytes(b"");
        w.finish()
    }

    #[test]
    fn nothing_passes_before_the_login_and_everything_after() {
        let mut layer = layer(&Arc::default());
        let mut out = Output::default();
        assert_eq!(layer.next_timer(), Some(0));
        layer.on_timer(0, &mut out);
        assert!(sent(&mut out, Side::Upstream).ends_with(b"\0\x05PLAIN"));
        let mut said = BytesMut::from(&b"request"[..]);
        assert!(!layer.wants(Side::Client));
        layer.on_bytes(0, Side::Client, &mut said, &mut out);
        layer.on_bytes(0, Side::Upstream, &mut handshake_answer(), &mut out);
        assert!(sent(&mut out, Side::Upstream).ends_with(b"\0jo\0hidden"));
        // The answer comes in two pieces, the second with what follows it.
        let answer = authenticate_answer(0, None);
        let mut input = BytesMut::from(&answer[..5]);
        layer.on_bytes(0, Side::Upstream, &mut input, &mut out);
        assert!(!layer.wants(Side::Client));
        input.extend_from_slice(&answer[5..]);
        input.extend_from_slice(b"more");
        layer.on_bytes(0, Side::Upstream, &mut input, &mut out);
        assert_eq!(sent(&mut out, Side::Client), b"more");
        assert!(layer.wants(Side::Client));
        layer.on_bytes(0, Side::Client, &mut said, &mut out);
        assert_eq!(sent(&mut out, Side::Upstream), b"request");
    }

    #[test]
    fn a_refused_login_ends_both_ways_and_tells_no_secret() {
        let told = Arc::default();
        let mut layer = layer(&told);
        let mut out = Output::default();
        layer.on_timer(0, &mut out);
        layer.on_bytes(0, Side::Upstream, &mut handshake_answer(), &mut out);
        let answer = authenticate_answer(58, Some("Authentication failed"));
        let mut input = BytesMut::from(&answer[..]);
        layer.on_bytes(0, Side::Upstream, &mut input, &mut out);
        assert!(Side::BOTH.into_iter().all(|side| out.is_ended(side)));
        let told = told.lock().unwrap().join("\n");
        assert!(told.contains("load > broker 1") && told.contains("Authentication failed"));
        assert!(!told.contains("hidden"), "{told}");
    }
}
