use super::{ReadTarget, Row, frames};
use crate::fault::{Aims, FrameAct, KafkaError, Target, Terms};
use crate::nemesis::Drawing;
use crate::shape::{Shape, one_or_many};
use crate::yaml::Node;

/// Those to which an error answer can be made.
const ANSWERABLE: &[&str] = &[
    "Produce",
    "Fetch",
    "Metadata",
    "OffsetCommit",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "InitProducerId",
];

/// A broker that says no: the client has to try again, elsewhere or later.
pub const ROW: Row = Row {
    example: "{ from: producer, to: brokers, api: Produce, error: NOT_LEADER_OR_FOLLOWER, share: 20% }",
    about: "requests are answered with an error of Kafka's and never reach the broker",
    shape,
    read,
    draw: Some(draw),
    ..frames::row()
};

fn shape() -> Shape {
    frames::shape_without_api("an error answer")
        .required(
            "api",
            one_or_many(Shape::Choice(ANSWERABLE)),
            "which requests, by Kafka's own names",
        )
        .required("error", Shape::Choice(KafkaError::NAMES), "which error")
        .shape()
}

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    let error = node.get("error").and_then(Node::text)?.to_owned();
    frames::read(node, party, FrameAct::AnswerError { error })
}

fn draw(drawing: &mut Drawing, _: Aims) -> Option<(Target, Terms)> {
    let error = "NOT_LEADER_OR_FOLLOWER".to_owned();
    frames::drawn(
        drawing,
        &["Produce", "Fetch"],
        FrameAct::AnswerError { error },
    )
}
