//! Fetch by consumers, with Kafka's long polling.

use super::replica::Replica;
use super::waits::Wait;
use super::{Broker, ms};
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::batch::{Batch, Entry, Stored};
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{ConnId, Epoch, TopicPartition};
use crate::kafka::machine::Outbox;
use crate::kafka::message::{FetchPartition, FetchRequest, FetchedPartition, Response};

impl<B: Body> Broker<B> {
    pub(super) fn fetch(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: FetchRequest,
        out: &mut Outbox<B>,
    ) {
        if let Some(response) = self.try_fetch(&request, request.max_wait_ms <= 0) {
            out.send(conn, Response::Fetch(response));
        } else {
            let deadline = now + ms(i64::from(request.max_wait_ms));
            self.waits.insert(deadline, Wait::Fetch { conn, request });
        }
    }

    /// The answer, when there is enough for one (or when it must be given now).
    fn try_fetch(&self, request: &FetchRequest, at_once: bool) -> Option<Vec<FetchedPartition<B>>> {
        let mut left = i64::from(request.max_bytes);
        let mut bytes = 0;
        let mut special = false;
        let mut answer = Vec::with_capacity(request.partitions.len());
        for asked in &request.partitions {
            let part = self.fetch_partition(asked, left, bytes == 0);
            let size: i64 = part
                .entries
                .iter()
                .map(|entry| i64::from(entry.batch.header.bytes))
                .sum();
            bytes += size;
            left -= size;
            special |= part.error.is_error() || part.diverging.is_some();
            answer.push(part);
        }
        let enough = special
            || bytes >= i64::from(request.min_bytes.max(0))
            || request.partitions.is_empty();
        (enough || at_once).then_some(answer)
    }

    /// `first`: nothing was found before, so one batch comes whatever its size.
    fn fetch_partition(
        &self,
        asked: &FetchPartition,
        left: i64,
        first: bool,
    ) -> FetchedPartition<B> {
        let mut answer = FetchedPartition::empty(asked.partition, ErrorCode::None);
        let replica = match self.led(asked.partition, asked.current_leader_epoch) {
            Ok(replica) => replica,
            Err(error) => {
                answer.error = error;
                answer.current_leader = self.known_leader(asked.partition);
                return answer;
            }
        };
        let outside = asked.offset > replica.log.end() || asked.offset < replica.log.start();
        answer.diverging = diverging(replica, asked.last_fetched_epoch, asked.offset);
        if outside && answer.diverging.is_none() {
            // As in Kafka nothing else is told then.
            answer.error = ErrorCode::OffsetOutOfRange;
            return answer;
        }
        answer.high_watermark = replica.high_watermark;
        answer.last_stable_offset = replica.high_watermark;
        answer.log_start_offset = replica.log.start();
        if answer.diverging.is_some() {
            return answer;
        }
        let max_bytes = i64::from(asked.max_bytes).min(left);
        if first || max_bytes > 0 {
            let end = match self.config.defects.read_beyond_high_watermark {
                true => replica.log.end(),
                false => replica.high_watermark,
            };
            let found = replica.log.read(asked.offset, end, max_bytes);
            answer.entries = found
                .filter(|entry| first || i64::from(entry.batch.header.bytes) <= max_bytes)
                .filter_map(client_entry)
                .collect();
        }
        answer
    }

    /// The replica, when it leads and the client's idea of its epoch is right (KIP-320).
    pub(super) fn led(
        &self,
        partition: TopicPartition,
        client_epoch: Epoch,
    ) -> Result<&Replica<B>, ErrorCode> {
        if !self.image.partitions.contains(partition) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let replica = self
            .replicas
            .get(partition)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        if client_epoch >= 0 && client_epoch < replica.epoch() {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if client_epoch > replica.epoch() {
            return Err(ErrorCode::UnknownLeaderEpoch);
        }
        if replica.leader().is_some() {
            Ok(replica)
        } else {
            Err(ErrorCode::NotLeaderOrFollower)
        }
    }

    pub(super) fn check_fetch_wait(&mut self, _now: Nanos, id: u64, out: &mut Outbox<B>) {
        let Some(Wait::Fetch { request, .. }) = self.waits.get(id) else {
            return;
        };
        if let Some(response) = self.try_fetch(request, false)
            && let Some(Wait::Fetch { conn, .. }) = self.waits.remove(id)
        {
            out.send(conn, Response::Fetch(response));
        }
    }

    /// Answers everything whose deadline is there.
    pub(super) fn wait_tick(&mut self, now: Nanos, out: &mut Outbox<B>) {
        for id in self.waits.due(now) {
            match self.waits.remove(id) {
                Some(Wait::Fetch { conn, request }) => {
                    let response = self.try_fetch(&request, true).unwrap_or_default();
                    out.send(conn, Response::Fetch(response));
                }
                Some(wait) => self.expire_append(now, wait, out),
                None => {}
            }
        }
    }

    /// This broker no longer leads the partition: whoever waits for it is told.
    pub(super) fn fail_waits(
        &mut self,
        now: Nanos,
        partition: TopicPartition,
        out: &mut Outbox<B>,
    ) {
        self.fail_appends(now, partition, out);
        self.note_news(partition, true);
        let mut from = 0;
        while let Some(id) = self.waits.on(partition, from) {
            from = id + 1;
            self.check_fetch_wait(now, id, out);
        }
    }
}

/// Where a reader's log leaves this one, if it does (KIP-320).
pub(super) fn diverging<B: Body>(
    replica: &Replica<B>,
    last_fetched_epoch: Epoch,
    offset: i64,
) -> Option<(Epoch, i64)> {
    if last_fetched_epoch < 0 {
        return None;
    }
    let (epoch, end) = replica.log.end_of_epoch(last_fetched_epoch);
    (epoch < last_fetched_epoch || end < offset).then_some((epoch, end))
}

/// What clients may see: the broker's own records are not for them.
fn client_entry<B>(entry: Entry<Stored<B>>) -> Option<Entry<B>> {
    let header = entry.batch.header;
    match entry.batch.body {
        Stored::Client(body) => Some(Entry {
            base_offset: entry.base_offset,
            leader_epoch: entry.leader_epoch,
            batch: Batch { header, body },
        }),
        Stored::Group(_) => None,
    }
}
