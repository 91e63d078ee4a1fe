//! From the broker to the client.

use super::body::{Body, Run, Then};
use super::frame::{self, AnswerHead};
use super::layer::{Asked, KafkaLayer, KafkaSettings, Pending, Withholding};
use super::reader::Malformed;
use super::rewrite::{self, Rewritten};
use super::rule::{Action, Way};
use super::rules::Tracked;
use crate::layer::{Output, Side};
use bytes::BytesMut;
use std::sync::Arc;

/// How long an answer that names an unknown broker waits until the broker has an address. Then the connection is reset.
const UNMAPPED_NS_MAX: u64 = 10_000_000_000;

/// Where in the stream of answers the connection is.
pub(super) enum Intake {
    Head,
    /// The frame is needed whole, to rewrite it.
    Whole(Whole),
    Body(Body),
}

pub(super) struct Whole {
    bytes: usize,
    asked: Asked,
    /// Cut the rewritten frame after so many bytes.
    cut: Option<(Arc<Tracked>, usize)>,
    unmapped: Option<Unmapped>,
}

/// A broker is named that the map of addresses does not know.
struct Unmapped {
    map_version: u64,
    gives_up_ns: u64,
}

impl Intake {
    pub(super) fn is_at_head(&self) -> bool {
        matches!(self, Self::Head)
    }

    fn unmapped(&self) -> Option<&Unmapped> {
        match self {
            Self::Whole(whole) => whole.unmapped.as_ref(),
            _ => None,
        }
    }

    pub(super) fn gives_up_ns(&self) -> Option<u64> {
        self.unmapped().map(|unmapped| unmapped.gives_up_ns)
    }

    /// Whether an answer waits for an address, and none came since.
    pub(super) fn is_unmapped(&self, settings: &KafkaSettings) -> bool {
        let version = settings.addresses.as_ref().map(|map| map.version());
        self.unmapped()
            .is_some_and(|unmapped| Some(unmapped.map_version) == version)
    }
}

impl KafkaLayer {
    pub(super) fn take_answers(&mut self, now_ns: u64, input: &mut BytesMut, out: &mut Output) {
        let mut run = Run::new(input);
        while self.is_open() {
            let intake = std::mem::replace(&mut self.answers, Intake::Head);
            let goes_on = match intake {
                Intake::Head => match frame::answer(run.rest(), self.settings.frame_bytes_max) {
                    Ok(None) => false,
                    Ok(Some(head)) => self.match_answer(now_ns, head, &mut run, out),
                    Err(malformed) => self.refuse_answer(malformed, &mut run, out),
                },
                Intake::Whole(whole) => self.rewrite(now_ns, whole, &mut run, out),
                Intake::Body(body) => self.answer_body(now_ns, body, &mut run, out),
            };
            if !goes_on {
                break;
            }
        }
        run.pass(self.lane(Side::Client), out);
        self.flow.bytes(Side::Upstream, run.taken());
    }

    fn refuse_answer(&mut self, why: Malformed, run: &mut Run<'_>, out: &mut Output) -> bool {
        run.pass(self.lane(Side::Client), out);
        self.malformed(why, out);
        false
    }

    fn match_answer(
        &mut self,
        now_ns: u64,
        head: AnswerHead,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> bool {
        // Answers made here were drained when everything before them was: the front went upstream.
        let asked = match self.pending.front() {
            Some(Pending::Upstream(asked)) if asked.correlation == head.correlation => {
                asked.clone()
            }
            Some(Pending::Upstream(asked)) => {
                let (expected, found) = (asked.correlation, head.correlation);
                return self.refuse_answer(Malformed::Correlation { expected, found }, run, out);
            }
            _ => return self.refuse_answer(Malformed::Unasked, run, out),
        };
        self.flow.answer(asked.key);
        self.answers = self.decide(now_ns, head, asked, run, out);
        true
    }

    fn decide(
        &mut self,
        now_ns: u64,
        head: AnswerHead,
        asked: Asked,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> Intake {
        if let Some(Withholding { rule, .. }) = &self.withholding {
            rule.swallowed();
            return Intake::Body(Body::swallow(head.bytes, Then::Next));
        }
        if let Some(rule) = asked.lose.clone().filter(|rule| self.is_active(rule)) {
            rule.swallowed();
            return Intake::Body(Body::swallow(head.bytes, Then::Cut(rule)));
        }
        let fate = self.fate(now_ns, Way::Answers, asked.key);
        if let Some((rule, Action::WithholdAnswers { reset_after_ns })) = fate.breaks {
            rule.acted(now_ns);
            rule.swallowed();
            let reset_ns = reset_after_ns.map(|after| now_ns.saturating_add(after));
            self.withholding = Some(Withholding { rule, reset_ns });
            return Intake::Body(Body::swallow(head.bytes, Then::Next));
        }
        if let Some(stamp) = fate.wait {
            let lane = self.lane(Side::Client);
            run.pass(lane, out);
            lane.wait(stamp);
        }
        let cut = match fate.breaks {
            Some((rule, Action::Cut { after_bytes, .. })) => Some((rule, after_bytes)),
            _ => None,
        };
        if self.settings.addresses.is_some() && rewrite::is_needed(asked.key, asked.version) {
            return Intake::Whole(Whole {
                bytes: head.bytes,
                asked,
                cut,
                unmapped: None,
            });
        }
        Intake::Body(match cut {
            None => Body::pass(head.bytes),
            Some((rule, after_bytes)) => Body {
                pass: after_bytes.min(head.bytes),
                swallow: 0,
                then: Then::Cut(rule),
            },
        })
    }

    fn rewrite(
        &mut self,
        now_ns: u64,
        mut whole: Whole,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> bool {
        let Some(map) = self.settings.addresses.clone() else {
            return false;
        };
        run.pass(self.lane(Side::Client), out);
        let Some(frame) = run.rest().get(..whole.bytes) else {
            self.answers = Intake::Whole(whole);
            return false;
        };
        // Before the look-ups: a change in between is seen.
        let map_version = map.version();
        let rewritten = rewrite::rewrite(whole.asked.key, whole.asked.version, frame, &map);
        let changed = match rewritten {
            Err(malformed) => return self.refuse_answer(malformed, run, out),
            Ok(Rewritten::Unknown(endpoints)) => {
                map.report(endpoints);
                let gives_up_ns = now_ns.saturating_add(UNMAPPED_NS_MAX);
                let gives_up_ns = whole.unmapped.map_or(gives_up_ns, |u| u.gives_up_ns);
                whole.unmapped = Some(Unmapped {
                    map_version,
                    gives_up_ns,
                });
                self.answers = Intake::Whole(whole);
                return false;
            }
            Ok(Rewritten::Same) => None,
            Ok(Rewritten::Changed(changed)) => Some(changed),
        };
        if changed.is_some() {
            self.flow.rewritten();
        }
        let original = run.take(whole.bytes).unwrap_or_default();
        let mut frame = changed.unwrap_or(original);
        if let Some((_, after_bytes)) = whole.cut {
            frame.truncate(after_bytes);
        }
        self.lane(Side::Client).send(frame.freeze(), out);
        self.answered(out);
        if let Some((rule, _)) = whole.cut {
            self.cut_answers(now_ns, rule, out);
        }
        true
    }

    fn answer_body(
        &mut self,
        now_ns: u64,
        mut body: Body,
        run: &mut Run<'_>,
        out: &mut Output,
    ) -> bool {
        if !body.advance(run, self.lane(Side::Client), out) {
            self.answers = Intake::Body(body);
            return false;
        }
        if let Then::Cut(rule) = body.then {
            run.pass(self.lane(Side::Client), out);
            self.cut_answers(now_ns, rule, out);
            return true;
        }
        if let Some(Pending::Local(_)) = self.pending.get(1) {
            run.pass(self.lane(Side::Client), out);
        }
        self.answered(out);
        true
    }

    fn cut_answers(&mut self, now_ns: u64, rule: Arc<Tracked>, out: &mut Output) {
        self.answers = Intake::Body(Body::nothing_more());
        self.cut(now_ns, Side::Client, rule, out);
    }

    /// The front of what is pending has its answer.
    fn answered(&mut self, out: &mut Output) {
        self.pending.pop_front();
        self.drain_local(out);
    }
}
