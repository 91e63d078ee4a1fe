use super::{ReadTarget, Row, link};
use crate::fault::{Target, Terms, Treatment};
use crate::yaml::Node;

/// What a crashed peer's kernel or a firewall sends: the connection is gone in mid-stream.
pub const ROW: Row = Row {
    example: "{ from: consumer-db, to: brokers }",
    about: "connections are reset as soon as bytes flow from one to another",
    limits: "a new connection is let in, and reset in its turn; down refuses it",
    shape: || link::one_way("reset_peer").shape(),
    read,
    // `drop` draws resets too.
    draw: None,
    ..link::row()
};

fn read(node: &Node, party: &mut ReadTarget<'_>) -> Option<(Target, Terms)> {
    link::read(node, party, Treatment::Reset)
}
