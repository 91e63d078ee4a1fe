//! Where a log begins and ends, where a time or an epoch stands in it.

use super::Broker;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::TopicPartition;
use crate::kafka::message::*;

impl<B: Body> Broker<B> {
    pub(super) fn list_offsets(&self, request: &ListOffsetsRequest) -> Vec<ListedOffset> {
        request
            .partitions
            .iter()
            .map(|(partition, epoch, spec)| self.list_offset(*partition, *epoch, *spec))
            .collect()
    }

    fn list_offset(
        &self,
        partition: TopicPartition,
        client_epoch: i32,
        spec: OffsetSpec,
    ) -> ListedOffset {
        let mut listed = ListedOffset {
            partition,
            error: ErrorCode::None,
            offset: -1,
            timestamp_ms: -1,
            leader_epoch: -1,
        };
        if spec == OffsetSpec::Unsupported {
            listed.error = ErrorCode::UnsupportedVersion;
            return listed;
        }
        let replica = match self.led(partition, client_epoch) {
            Ok(replica) => replica,
            Err(error) => {
                listed.error = error;
                return listed;
            }
        };
        // KIP-207: after an election the high watermark may lag what was readable before.
        let lagging = replica
            .leader()
            .is_some_and(|leader| replica.high_watermark < leader.epoch_start);
        // The epoch is that of the record found; of the end it is the leader's.
        listed.leader_epoch = replica.epoch();
        let mark = replica.high_watermark;
        match spec {
            OffsetSpec::Unsupported => {}
            OffsetSpec::Earliest => {
                listed.offset = replica.log.start();
                listed.leader_epoch = replica.log.epoch_at(listed.offset);
            }
            OffsetSpec::Latest => listed.offset = mark,
            OffsetSpec::Timestamp(at) => {
                if let Some(entry) = replica.log.first_since(at, mark) {
                    listed.offset = entry.base_offset;
                    listed.leader_epoch = entry.leader_epoch;
                    listed.timestamp_ms = entry.batch.header.max_timestamp_ms;
                }
            }
            OffsetSpec::MaxTimestamp => {
                if let Some(entry) = replica.log.latest(mark) {
                    listed.offset = entry.end_offset() - 1;
                    listed.leader_epoch = entry.leader_epoch;
                    listed.timestamp_ms = entry.batch.header.max_timestamp_ms;
                }
            }
        }
        if listed.offset < 0 {
            listed.leader_epoch = -1;
        }
        let found_below = matches!(spec, OffsetSpec::Timestamp(_)) && listed.offset >= 0;
        if lagging && spec != OffsetSpec::Earliest && !found_below {
            listed.error = ErrorCode::OffsetNotAvailable;
            listed.offset = -1;
            listed.timestamp_ms = -1;
        }
        listed
    }

    pub(super) fn epoch_end(&self, query: &EpochQuery) -> EpochEnd {
        match self.led(query.partition, query.current_leader_epoch) {
            Err(error) => EpochEnd {
                partition: query.partition,
                error,
                epoch: -1,
                end_offset: -1,
            },
            Ok(replica) => {
                // Of an epoch that has not begun Kafka knows nothing, not even what came before it.
                let (epoch, end_offset) = if query.epoch > replica.epoch() {
                    (-1, -1)
                } else {
                    replica.log.end_of_epoch(query.epoch)
                };
                EpochEnd {
                    partition: query.partition,
                    error: ErrorCode::None,
                    epoch,
                    end_offset,
                }
            }
        }
    }
}
