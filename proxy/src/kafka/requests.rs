//! From the client to the broker.

use super::api::{API_VERSIONS, Api, SASL_HANDSHAKE};
use super::body::{Body, Run, Then};
use super::error_answer;
use super::frame::{self, RequestHead};
use super::lane::Stamp;
use super::layer::{Asked, KafkaLayer, Pending};
use super::reader::Malformed;
use super::rewrite;
use super::rule::{Action, Way};
use super::rules::Tracked;
use crate::layer::{Output, Side};
use bytes::BytesMut;
use std::sync::Arc;

/// Where in the stream of requests the connection is.
pub(super) enum Intake {
    Head,
    /// The frame is needed whole, to answer it with an error.
    Whole {
        head: RequestHead,
        error: i16,
        rule: Arc<Tracked>,
    },
    Body(Body),
}

impl Intake {
    pub(super) fn is_at_head(&self) -> bool {
        matches!(self, Self::Head)
    }
}

impl KafkaLayer {
    pub(super) fn take_requests(&mut self, now_ns: u64, input: &mut BytesMut, out: &mut Output) {
        let mut run = Run::new(input);
        while self.is_open() {
            let intake = std::mem::replace(&mut self.requests, Intake::Head);
            let goes_on = match intake {
                Intake::Head => match frame::request(run.rest(), self.settings.frame_bytes_max) {
                    Ok(None) => false,
                    Ok(Some(head)) => self.admit(now_ns, head, &mut run, out),
                    Err(malformed) => self.refuse(malformed, &mut run, out),
                },
                Intake::Whole { head, error, rule } => {
                    self.answer_error(now_ns, head, error, rule, &mut run, out)
                }
                Intake::Body(body) => self.request_body(now_ns, body, &mut run, out),
            };
            if !goes_on {
                break;
            }
        }
        run.pass(self.lane(Side::Upstream), out);
        self.flow.bytes(Side::Client, run.taken());
    }

    /// What came before passes, then the connection is closed.
    fn refuse(&mut self, why: Malformed, run: &mut Run<'_>, out: &mut Output) -> bool {
        run.pass(self.lane(Side::Upstream), out);
        self.malformed(why, out);
        false
    }

    fn admit(
        &mut self,
        now_ns: u64,
        head: RequestHead,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> bool {
        self.flow.request(head.key);
        if let Err(malformed) = self.check_decodable(head) {
            return self.refuse(malformed, run, out);
        }
        if self.settings.addresses.is_some() && is_too_new(head) {
            self.answer_here(rewrite::unsupported_api_versions(head.correlation), out);
            self.requests = Intake::Body(Body::swallow(head.bytes, Then::Next));
            return true;
        }
        let fate = self.fate(now_ns, Way::Requests, head.key);
        if let Some((rule, Action::AnswerError { error })) = fate.breaks {
            self.requests = match head.is_answered {
                true => Intake::Whole { head, error, rule },
                false => Intake::Body(Body::swallow(head.bytes, Then::Cut(rule))),
            };
            return true;
        }
        self.wait(fate.wait, run, out);
        let body = match fate.breaks {
            Some((rule, Action::Cut { after_bytes, .. })) => Body {
                pass: after_bytes.min(head.bytes),
                swallow: 0,
                then: Then::Cut(rule),
            },
            Some((rule, Action::LoseAnswer)) if head.is_answered => {
                self.ask(head, Some(rule));
                Body::pass(head.bytes)
            }
            Some((rule, _)) => {
                rule.passed_over();
                Body::pass(head.bytes)
            }
            None => {
                self.ask(head, None);
                Body::pass(head.bytes)
            }
        };
        self.requests = Intake::Body(body);
        true
    }

    fn ask(&mut self, head: RequestHead, lose: Option<Arc<Tracked>>) {
        if head.is_answered {
            self.pending.push_back(Pending::Upstream(Asked {
                key: head.key,
                version: head.version,
                correlation: head.correlation,
                lose,
            }));
        }
    }

    /// What cannot be decoded must not pass where it might carry an address; after SaslHandshake 0 come tokens that are no requests.
    fn check_decodable(&self, head: RequestHead) -> Result<(), Malformed> {
        let unknown = Malformed::UnknownVersion {
            api: head.key,
            version: head.version,
        };
        if head.key == SASL_HANDSHAKE && head.version == 0 {
            return Err(unknown);
        }
        let decodable = self.settings.addresses.is_none()
            || is_too_new(head)
            || Api::from_key(head.key).is_some_and(|api| api.knows(head.version));
        decodable.then_some(()).ok_or(unknown)
    }

    fn wait(&mut self, stamp: Option<Stamp>, run: &mut Run<'_>, out: &mut Output) {
        if let Some(stamp) = stamp {
            let lane = self.lane(Side::Upstream);
            run.pass(lane, out);
            lane.wait(stamp);
        }
    }

    fn answer_here(&mut self, answer: bytes::Bytes, out: &mut Output) {
        self.pending.push_back(Pending::Local(answer));
        self.drain_local(out);
    }

    fn answer_error(
        &mut self,
        now_ns: u64,
        head: RequestHead,
        error: i16,
        rule: Arc<Tracked>,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> bool {
        run.pass(self.lane(Side::Upstream), out);
        let Some(frame) = run.take(head.bytes) else {
            self.requests = Intake::Whole { head, error, rule };
            return false;
        };
        if !self.is_active(&rule) {
            self.ask(head, None);
            self.lane(Side::Upstream).send(frame.freeze(), out);
            return true;
        }
        match error_answer::make(&frame, head, error, || self.brokers()) {
            Ok(Some(answer)) => {
                rule.acted(now_ns);
                self.answer_here(answer, out);
            }
            Ok(None) => {
                rule.passed_over();
                self.ask(head, None);
                self.lane(Side::Upstream).send(frame.freeze(), out);
            }
            Err(malformed) => return self.refuse(malformed, run, out),
        }
        true
    }

    fn request_body(
        &mut self,
        now_ns: u64,
        mut body: Body,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> bool {
        if !body.advance(run, self.lane(Side::Upstream), out) {
            self.requests = Intake::Body(body);
            return false;
        }
        if let Then::Cut(rule) = body.then {
            run.pass(self.lane(Side::Upstream), out);
            self.requests = Intake::Body(Body::nothing_more());
            self.cut(now_ns, Side::Upstream, rule, out);
        }
        true
    }
}

/// ApiVersions comes before anything is negotiated: a client that is newer than this proxy is told so, as an old broker would (KIP-511).
fn is_too_new(head: RequestHead) -> bool {
    head.key == API_VERSIONS
        && Api::from_key(API_VERSIONS).is_some_and(|api| head.version > api.last)
}
