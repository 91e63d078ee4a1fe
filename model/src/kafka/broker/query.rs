//! Everything but produce and fetch: each request to the part that answers it.

use super::Broker;
use super::control::Purpose;
use crate::Nanos;
use crate::kafka::batch::Body;
use crate::kafka::error::ErrorCode;
use crate::kafka::ids::{ConnId, Name};
use crate::kafka::machine::Outbox;
use crate::kafka::message::*;
use crate::kafka::peer::Admin;

impl<B: Body> Broker<B> {
    pub(super) fn query(
        &mut self,
        now: Nanos,
        conn: ConnId,
        client: Name,
        request: Request<B>,
        out: &mut Outbox<B>,
    ) {
        match request {
            Request::Metadata(request) => {
                let response = self.metadata(now, &request, out);
                out.send(conn, Response::Metadata(response));
            }
            Request::ListOffsets(request) => {
                out.send(conn, Response::ListOffsets(self.list_offsets(&request)))
            }
            Request::OffsetForLeaderEpoch(queries) => {
                let ends = queries.iter().map(|query| self.epoch_end(query)).collect();
                out.send(conn, Response::OffsetForLeaderEpoch(ends));
            }
            Request::InitProducerId(request) => self.init_producer(now, conn, &request, out),
            Request::DescribeTopicConfigs { topics } => {
                let described = topics
                    .iter()
                    .map(|topic| self.topic_config(*topic))
                    .collect();
                out.send(conn, Response::DescribeTopicConfigs(described));
            }
            Request::CreateTopics(request) => {
                let names = request.topics.iter().map(|topic| topic.topic).collect();
                self.forward(
                    now,
                    Purpose::CreateTopics(conn),
                    names,
                    Admin::CreateTopics(request),
                    out,
                );
            }
            Request::DeleteTopics { topics, .. } => {
                self.forward(
                    now,
                    Purpose::DeleteTopics(conn),
                    topics.clone(),
                    Admin::DeleteTopics(topics),
                    out,
                );
            }
            Request::CreatePartitions {
                topics,
                validate_only,
                ..
            } => {
                let names = topics.iter().map(|(topic, _)| *topic).collect();
                self.forward(
                    now,
                    Purpose::CreatePartitions(conn),
                    names,
                    Admin::CreatePartitions {
                        topics,
                        validate_only,
                    },
                    out,
                );
            }
            request => self.group_request(now, conn, client, request, out),
        }
    }

    fn init_producer(
        &mut self,
        now: Nanos,
        conn: ConnId,
        request: &InitProducerIdRequest,
        out: &mut Outbox<B>,
    ) {
        let refuse = |error| InitProducerIdResponse {
            error,
            producer_id: -1,
            producer_epoch: -1,
        };
        if request.transactional_id.is_some() {
            // Transactions are not modelled: to pretend would be to lose them.
            out.send(
                conn,
                Response::InitProducerId(refuse(ErrorCode::UnsupportedVersion)),
            );
            return;
        }
        // Without transactions every request gets an id of its own, also one that names an older id.
        self.init_producer_id(now, conn, out);
    }
}
