//! The leader's side of replication: it answers followers and learns from their fetches how far they are.

use super::fetch::diverging;
use super::replica::Progress;
use super::session::Session;
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{NodeId, Offset, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::peer::*;

/// When an answer goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// For batches, or because something is wrong. A high watermark that moved waits for those, as in Kafka.
    Data,
    /// Whatever there is.
    Anything,
}

impl<B: Body> Broker<B> {
    /// Takes note of how far the follower is, and answers now or when there is something.
    pub(super) fn replica_fetch(
        &mut self,
        now: Nanos,
        from: NodeId,
        fetch: ReplicaFetch,
        out: &mut Outbox<B>,
    ) {
        if fetch.full {
            self.sessions.insert(from, Session::new(&fetch, now));
        }
        let known = self.sessions.get_mut(from);
        let Some(session) = known.filter(|s| fetch.full || s.number + 1 == fetch.session) else {
            let error = ErrorCode::FetchSessionIdNotFound;
            return send(from, fetch.session, error, Vec::new(), out);
        };
        session.take(&fetch, now);
        for asked in &fetch.partitions {
            self.note_progress(now, (from, fetch.broker_epoch), asked, out);
        }
        self.answer_session(now, from, Worth::Data, out);
        if let Some(session) = self.sessions.get_mut(from)
            && session.number == fetch.session
            && session.parked_until.is_some()
        {
            session.parked_until = Some(now + ms(i64::from(fetch.max_wait_ms)));
        }
    }

    fn note_progress(
        &mut self,
        now: Nanos,
        (from, broker_epoch): (NodeId, i64),
        asked: &ReplicaFetchPartition,
        out: &mut Outbox<B>,
    ) {
        let partition = asked.partition;
        if self.led(partition, asked.current_leader_epoch).is_err() {
            return;
        }
        let Some(replica) = self.replicas.get_mut(partition) else {
            return;
        };
        let end = replica.log.end();
        let leaves = !self.config.defects.never_truncate
            && diverging(replica, asked.last_fetched_epoch, asked.offset).is_some();
        if leaves || asked.offset > end {
            return;
        }
        let leader = replica.leader_mut();
        let Some(progress) = leader.and_then(|leader| leader.followers.get_mut(from)) else {
            return;
        };
        // Caught up: it has all there was when it asked before, or all there is (KIP-16).
        if asked.offset >= end {
            progress.caught_up_at = now;
        } else if asked.offset >= progress.leader_end_at_fetch {
            progress.caught_up_at = progress.caught_up_at.max(progress.fetched_at);
        }
        *progress = Progress {
            log_end: asked.offset,
            leader_end_at_fetch: end,
            fetched_at: now,
            caught_up_at: progress.caught_up_at,
            broker_epoch,
        };
        self.consider_expansion(now, partition, from, out);
        self.advance_high_watermark(now, partition, out);
    }

    /// A log that is led here grew from `old_end`: who had all of it had it at its latest fetch, although that did not name it.
    pub(super) fn note_append(&mut self, partition: TopicPartition, old_end: Offset) {
        let sessions = &self.sessions;
        let replica = self.replicas.get_mut(partition);
        let Some(leader) = replica.and_then(super::Replica::leader_mut) else {
            return;
        };
        for (node, progress) in leader.followers.iter_mut() {
            if progress.log_end == old_end
                && let Some(session) = sessions.get(node)
            {
                progress.leader_end_at_fetch = old_end;
                progress.fetched_at = progress.fetched_at.max(session.fetched_at);
                progress.caught_up_at = progress.caught_up_at.max(session.fetched_at);
            }
        }
    }

    /// Something happened on a partition that followers hear of with their next answer.
    pub(super) fn note_news(&mut self, partition: TopicPartition, stir: bool) {
        for session in self.sessions.values_mut() {
            session.note(partition, stir);
        }
    }

    /// Answers the followers that wait and whom the news is worth it.
    pub(super) fn wake_followers(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let waiting = self.sessions.iter();
        let waiting = waiting.filter(|(_, s)| s.parked_until.is_some() && s.stirred);
        let waiting: Vec<NodeId> = waiting.map(|(node, _)| node).collect();
        for node in waiting {
            self.answer_session(now, node, Worth::Data, out);
        }
    }

    pub(super) fn session_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        let is_due = |s: &Session| s.parked_until.is_some_and(|at| at <= now);
        let due = self.sessions.iter().filter(|(_, s)| is_due(s));
        let due: Vec<NodeId> = due.map(|(node, _)| node).collect();
        for node in due {
            self.answer_session(now, node, Worth::Anything, out);
        }
    }

    /// Answers a follower's latest fetch, or leaves it waiting when there is nothing worth it.
    fn answer_session(&mut self, now: Nanos, to: NodeId, worth: Worth, out: &mut Outbox<B>) {
        let mut sessions = std::mem::take(&mut self.sessions);
        let sent = match sessions.get_mut(to) {
            Some(session) => self.answer(to, session, worth, out),
            None => Vec::new(),
        };
        self.sessions = sessions;
        self.count_as_replicated(now, to, &sent, out);
    }

    /// Gives the ends of what was sent, where a planted defect asks for them.
    fn answer(
        &self,
        to: NodeId,
        session: &mut Session,
        worth: Worth,
        out: &mut Outbox<B>,
    ) -> Vec<(TopicPartition, Offset)> {
        let mut sent = Vec::new();
        session.stirred = false;
        let parts = self.collect_news(session, worth);
        let answered = worth == Worth::Anything || !parts.is_empty();
        if answered {
            session.parked_until = None;
            if self.config.defects.count_sent_as_replicated {
                let end = |part: &ReplicaFetchedPartition<B>| {
                    Some((part.partition, part.entries.last()?.end_offset()))
                };
                sent = parts.iter().filter_map(end).collect();
            }
            send(to, session.number, ErrorCode::None, parts, out);
        } else {
            session.parked_until.get_or_insert(Nanos::MAX);
        }
        sent
    }

    /// As planted by `count_sent_as_replicated`.
    fn count_as_replicated(
        &mut self,
        now: Nanos,
        to: NodeId,
        sent: &[(TopicPartition, Offset)],
        out: &mut Outbox<B>,
    ) {
        for (partition, end) in sent {
            let replica = self.replicas.get_mut(*partition);
            let leader = replica.and_then(super::Replica::leader_mut);
            if let Some(progress) = leader.and_then(|leader| leader.followers.get_mut(to)) {
                progress.log_end = *end;
                self.advance_high_watermark(now, *partition, out);
            }
        }
    }

    fn collect_news(&self, session: &mut Session, worth: Worth) -> Vec<ReplicaFetchedPartition<B>> {
        let Session {
            news, partitions, ..
        } = session;
        let mut has_data = false;
        news.retain(|partition| {
            let Some(followed) = partitions.get(partition).filter(|f| !f.sent) else {
                return false;
            };
            let (data, high_watermark) = self.news_of(&followed.asked);
            has_data |= data;
            data || high_watermark > followed.sent_high_watermark
        });
        if worth == Worth::Data && !has_data {
            return Vec::new();
        }
        let mut left = self.config.replica_fetch_response_max_bytes;
        let mut parts = Vec::new();
        news.retain(|partition| {
            if left <= 0 {
                return true;
            }
            if let Some(followed) = partitions.get(partition) {
                parts.push(self.answer_partition(&followed.asked, &mut left));
            }
            false
        });
        for part in &parts {
            if let Some(followed) = partitions.get_mut(part.partition) {
                // An error or where it diverges has told it all there is to tell, until it asks again.
                let special = part.error.is_error() || part.diverging.is_some();
                followed.sent = special || !part.entries.is_empty();
                if !special {
                    followed.sent_high_watermark = part.high_watermark;
                }
            }
        }
        parts
    }

    /// Whether there is more than a high watermark to tell, and the high watermark.
    fn news_of(&self, asked: &ReplicaFetchPartition) -> (bool, Offset) {
        match self.led(asked.partition, asked.current_leader_epoch) {
            Err(_) => (true, -1),
            Ok(replica) => {
                let leaves = || {
                    !self.config.defects.never_truncate
                        && diverging(replica, asked.last_fetched_epoch, asked.offset).is_some()
                };
                let data = replica.log.end() > asked.offset || leaves();
                (data, replica.high_watermark)
            }
        }
    }

    fn answer_partition(
        &self,
        asked: &ReplicaFetchPartition,
        left: &mut i64,
    ) -> ReplicaFetchedPartition<B> {
        let mut answer = ReplicaFetchedPartition {
            partition: asked.partition,
            error: ErrorCode::None,
            leader_epoch: -1,
            high_watermark: -1,
            log_start_offset: -1,
            diverging: None,
            entries: Vec::new(),
        };
        match self.led(asked.partition, asked.current_leader_epoch) {
            Err(error) => answer.error = error,
            Ok(replica) => {
                answer.leader_epoch = replica.epoch();
                answer.high_watermark = replica.high_watermark;
                answer.log_start_offset = replica.log.start();
                if !self.config.defects.never_truncate {
                    answer.diverging = diverging(replica, asked.last_fetched_epoch, asked.offset);
                }
                if answer.diverging.is_none() {
                    let most = self.config.replica_fetch_max_bytes.min(*left);
                    let read = replica.log.read(asked.offset, i64::MAX, most);
                    answer.entries = read.collect();
                    let bytes = answer
                        .entries
                        .iter()
                        .map(|e| i64::from(e.batch.header.bytes));
                    *left -= bytes.sum::<i64>();
                }
            }
        }
        answer
    }
}

fn send<B>(
    to: NodeId,
    session: u64,
    error: ErrorCode,
    partitions: Vec<ReplicaFetchedPartition<B>>,
    out: &mut Outbox<B>,
) {
    let fetched = ReplicaFetched {
        session,
        error,
        partitions,
    };
    out.peer(to, Peer::Fetched(fetched));
}
