//! What a connection must do under rules, said as slowly and plainly as possible.

use super::common::{info, link, opaque_answer, request};
use crate::kafka::{Action, Rule, Way};
use kafka_protocol::messages::HeartbeatRequest;
use squall_plan::rng::{Rng, Streams};
use std::collections::VecDeque;

/// Splits whole frames.
pub fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((length, _)) = bytes.split_first_chunk::<4>() {
        let end = 4 + u32::from_be_bytes(*length) as usize;
        if end > bytes.len() {
            break;
        }
        frames.push(bytes[..end].to_vec());
        bytes = &bytes[end..];
    }
    frames
}

/// Of an answer.
pub fn correlation(frame: &[u8]) -> i32 {
    i32::from_be_bytes(frame[4..8].try_into().expect("a header"))
}

/// A request, and the answer that the broker gives if it sees it.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub key: i16,
    pub correlation: i32,
    pub request: Vec<u8>,
    pub answer: Vec<u8>,
}

impl Exchange {
    pub fn new(key: i16, correlation: i32, body: &[u8]) -> Self {
        let request = match key {
            12 => request(12, 4, correlation, &HeartbeatRequest::default()),
            _ => super::common::opaque_request(key, 2, correlation, body),
        };
        Self {
            key,
            correlation,
            request,
            answer: opaque_answer(correlation, body),
        }
    }
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Did {
    pub matched: u64,
    pub acted: u64,
    pub swallowed: u64,
}

enum Waiting {
    Local(Vec<u8>),
    Broker {
        exchange: Exchange,
        loses: Option<usize>,
    },
}

pub struct Oracle {
    rules: Vec<Rule>,
    rngs: Vec<Rng>,
    hits: Vec<u64>,
    waiting: VecDeque<Waiting>,
    pub did: Vec<Did>,
    pub up: Vec<u8>,
    pub down: Vec<u8>,
    pub is_dead: bool,
    pub withholds: bool,
}

impl Oracle {
    pub fn new(rules: &[Rule], ordinal: u64) -> Self {
        let info = info(ordinal);
        let rng = |rule: &Rule| {
            let purpose = format!("kafka {} {}", info.proxy, rule.name);
            Streams::new(info.seed).stream(&purpose, ordinal)
        };
        Self {
            rules: rules.to_vec(),
            rngs: rules.iter().map(rng).collect(),
            hits: vec![0; rules.len()],
            waiting: VecDeque::new(),
            did: vec![Did::default(); rules.len()],
            up: Vec::new(),
            down: Vec::new(),
            is_dead: false,
            withholds: false,
        }
    }

    /// The first rule that breaks this frame.
    fn broken_by(&mut self, way: Way, key: i16) -> Option<usize> {
        let mut first = None;
        for at in 0..self.rules.len() {
            let rule = &self.rules[at];
            let matches = rule.action.way() == way
                && rule.apis.as_ref().is_none_or(|apis| apis.contains(&key))
                && rule.scope.covers(&link());
            if !matches {
                continue;
            }
            self.did[at].matched += 1;
            let hit = rule.share_ppm == 1_000_000 || self.rngs[at].chance(rule.share_ppm);
            if hit && first.is_none() && self.hits[at] < rule.acts_max.unwrap_or(u64::MAX) {
                self.hits[at] += 1;
                first = Some(at);
            }
        }
        first
    }

    fn cut(&mut self, rule: usize) {
        self.did[rule].acted += 1;
        self.is_dead = true;
    }

    pub fn client_sends(&mut self, exchange: &Exchange) {
        if self.is_dead {
            return;
        }
        let rule = self.broken_by(Way::Requests, exchange.key);
        match rule.map(|at| (at, self.rules[at].action)) {
            Some((at, Action::Cut { after_bytes, .. })) => {
                let passes = after_bytes.min(exchange.request.len());
                self.up.extend(&exchange.request[..passes]);
                self.cut(at);
            }
            Some((at, Action::AnswerError { error })) => {
                self.did[at].acted += 1;
                // Heartbeat 4: throttle time, error, no tags, behind a header without tags.
                let body = [&[0, 0, 0, 0, 0][..], &error.to_be_bytes(), &[0]].concat();
                self.waiting
                    .push_back(Waiting::Local(opaque_answer(exchange.correlation, &body)));
                self.answer_local();
            }
            other => {
                self.up.extend(&exchange.request);
                self.waiting.push_back(Waiting::Broker {
                    exchange: exchange.clone(),
                    loses: other.map(|(at, _)| at),
                });
            }
        }
    }

    fn answer_local(&mut self) {
        while let Some(Waiting::Local(answer)) = self.waiting.front() {
            if !self.withholds && !self.is_dead {
                self.down.extend(answer);
            }
            self.waiting.pop_front();
        }
    }

    /// The broker answers everything that it saw.
    pub fn broker_answers(&mut self) {
        while let Some(Waiting::Broker { exchange, loses }) = self.waiting.pop_front() {
            if self.is_dead {
                return;
            }
            self.broker_answers_one(&exchange, loses);
            self.answer_local();
        }
    }

    fn broker_answers_one(&mut self, exchange: &Exchange, loses: Option<usize>) {
        if self.withholds {
            let at = self
                .rules
                .iter()
                .position(|r| matches!(r.action, Action::WithholdAnswers { .. }));
            self.did[at.expect("one")].swallowed += 1;
            return;
        }
        if let Some(at) = loses {
            self.did[at].swallowed += 1;
            return self.cut(at);
        }
        let rule = self.broken_by(Way::Answers, exchange.key);
        match rule.map(|at| (at, self.rules[at].action)) {
            Some((at, Action::Cut { after_bytes, .. })) => {
                let passes = after_bytes.min(exchange.answer.len());
                self.down.extend(&exchange.answer[..passes]);
                self.cut(at);
            }
            Some((at, _)) => {
                self.did[at].acted += 1;
                self.did[at].swallowed += 1;
                self.withholds = true;
            }
            None => self.down.extend(&exchange.answer),
        }
    }
}
