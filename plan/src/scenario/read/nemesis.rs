//! `nemesis`: `random`, or the bounds of a random draw.

use crate::fault::{FaultKind, KINDS};
use crate::nemesis::Nemesis;
use crate::problem::Problems;
use crate::system::read::texts;
use crate::yaml::Node;

pub(super) fn read(node: Option<&Node>, problems: &mut Problems) -> Option<Nemesis> {
    let node = node?;
    let usual = Nemesis::default();
    let duration = |key: &str| node.get(key).and_then(Node::duration);
    let count = |key: &str| node.get(key).and_then(Node::count);
    let is = |key: &str, value: &str| node.get(key).and_then(Node::text) == Some(value);
    let only = node.get("only");
    let nemesis = Nemesis {
        kinds: kinds(node),
        every_ns: duration("every").unwrap_or(usual.every_ns),
        shortest_ns: duration("shortest").unwrap_or(usual.shortest_ns),
        longest_ns: duration("longest").unwrap_or(usual.longest_ns),
        at_most: count("at_most").unwrap_or(usual.at_most),
        brokers_at_most: count("brokers_at_most").unwrap_or(usual.brokers_at_most),
        calm_ns: duration("calm").unwrap_or(0),
        quiet_ns: duration("quiet").unwrap_or(0),
        swarm: is("style", "swarm"),
        weak_broker: is("power_loss_at", "one-broker"),
        only: only.map(|only| texts(Some(only))),
    };
    if nemesis.every_ns == 0 {
        let place = &node.get("every").unwrap_or(node).place;
        problems.at(place, "faults without end", "write a longer `every`");
    }
    if nemesis.shortest_ns > nemesis.longest_ns {
        let place = &node
            .get("longest")
            .or(node.get("shortest"))
            .unwrap_or(node)
            .place;
        problems.at(
            place,
            "the longest fault is shorter than the shortest",
            "write `shortest` and `longest` so that the first is at most the second",
        );
    }
    Some(nemesis)
}

fn kinds(node: &Node) -> Vec<FaultKind> {
    let named = node.get("kinds").map_or(&[][..], Node::items);
    let row = |item: &Node| {
        let text = item.text()?;
        KINDS.iter().find(|row| row.key == text)
    };
    let mut kinds: Vec<FaultKind> = named.iter().filter_map(row).map(|row| row.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}
