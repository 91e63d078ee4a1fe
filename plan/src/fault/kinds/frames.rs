//! What the kinds that tell Kafka's requests apart have in common.

use super::{ReadTarget, Row, link};
use crate::fault::{FrameAct, Target, Terms, Treatment};
use crate::nemesis::Drawing;
use crate::plan::Environment;
use crate::shape::{Object, Shape, one_or_many};
use crate::yaml::Node;

/// Those that clients of events use.
const APIS: &[&str] = &[
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "OffsetCommit",
    "OffsetFetch",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "ApiVersions",
    "InitProducerId",
];

/// A row of a kind that acts on requests of clients to brokers.
pub(super) const fn row() -> Row {
    Row {
        evidence: "frames that it was done to, counted by the proxy",
        limits: "for connections of clients alone: links between embedded brokers carry messages of their own",
        // What a client makes of it depends on its settings.
        ordinary: false,
        // Toxiproxy knows no requests.
        environments: &[
            Environment::Embedded,
            Environment::Sim,
            Environment::External,
        ],
        ..link::row()
    }
}

/// `from`, `to`, `api`, `share`, and the kind's own keys.
pub(super) fn shape(noun: &'static str) -> Object {
    shape_without_api(noun).field(
        "api",
        one_or_many(Shape::Choice(APIS)),
        "which requests, by Kafka's own names (default: all)",
    )
}

/// As [`shape`], but for `api`.
pub(super) fn shape_without_api(noun: &'static str) -> Object {
    link::one_way(noun).field(
        "share",
        Shape::Share,
        "of these, drawn at random (default 100%)",
    )
}

pub(super) fn read(
    node: &Node,
    party: &mut ReadTarget<'_>,
    act: FrameAct,
) -> Option<(Target, Terms)> {
    let named = node.get("api");
    let one = named.and_then(Node::text).into_iter();
    let many = named.map_or(&[][..], Node::items).iter();
    let apis = one.chain(many.filter_map(Node::text)).map(str::to_owned);
    let share = node.get("share").and_then(Node::share).unwrap_or(1.0);
    let treatment = Treatment::Frames {
        apis: apis.collect(),
        share_per_mille: super::per_mille(share),
        act,
    };
    link::read(node, party, treatment)
}

/// A share of the requests of a service to a broker.
pub(super) fn drawn(
    drawing: &mut Drawing,
    apis: &[&str],
    act: FrameAct,
) -> Option<(Target, Terms)> {
    let (from, to) = (drawing.service()?, vec![drawing.broker()?]);
    let treatment = Treatment::Frames {
        apis: apis.iter().map(|api| (*api).to_owned()).collect(),
        share_per_mille: u32::try_from(drawing.between(50, 400)).unwrap_or(50),
        act,
    };
    Some((from, Terms::Link { to, treatment }))
}
