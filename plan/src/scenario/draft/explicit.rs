//! What a seed drew and a scale computed, written out: a schedule that can be cut down piece by piece.

use super::{Draft, Node, Value, value_mut};
use crate::fault::Fault;
use crate::scenario::file::lay_over;
use crate::scenario::{Load, Request, written};
use crate::units::show_duration;

impl Draft {
    /// The same with the faults that the seed drew written out, the draw itself gone. Times are on the load clock, without the warm-up.
    #[must_use]
    pub fn with_schedule(&self, drawn: &[Fault]) -> Self {
        let mut draft = self.clone();
        let place = &self.root.place;
        let faults = self.root.get("faults").map_or(&[][..], Node::items);
        let drawn = drawn.iter().map(|fault| written::fault(fault, place));
        let faults = Node::list(faults.iter().cloned().chain(drawn), place);
        draft.root.remove("nemesis");
        draft.root.put("faults", faults);
        draft
    }

    /// The same with a written fault at other times.
    #[must_use]
    pub fn with_times(&self, fault: &str, at_ns: u64, for_ns: Option<u64>) -> Self {
        let mut draft = self.clone();
        let place = draft.root.place.clone();
        if let Some(Value::List(faults)) = value_mut(&mut draft.root, &["faults"]) {
            let named = |node: &&mut Node| node.get("name").and_then(Node::text) == Some(fault);
            if let Some(node) = faults.iter_mut().find(named) {
                node.put("at", Node::unquoted(show_duration(at_ns), &place));
                if let Some(for_ns) = for_ns {
                    node.put("for", Node::unquoted(show_duration(for_ns), &place));
                }
            }
        }
        draft
    }

    /// The same with the stages of these loads, which are the scenario's in their order. `None`: it has others.
    #[must_use]
    pub fn with_stages(&self, loads: &[Load]) -> Option<Self> {
        let mut draft = self.clone();
        let place = &self.root.place;
        let stages = |load: &Load| {
            let stages = load.stages.iter();
            Node::list(stages.map(|one| written::stage(one, place)), place)
        };
        match (value_mut(&mut draft.root, &["load"])?, loads) {
            (Value::List(nodes), loads) if nodes.len() == loads.len() => {
                for (node, load) in nodes.iter_mut().zip(loads) {
                    node.put("stages", stages(load));
                }
            }
            (Value::Map(_), [load]) => {
                draft.root.get_mut("load")?.put("stages", stages(load));
            }
            _ => return None,
        }
        Some(draft)
    }

    /// The same with a value set, as `--set path=value` does it. `None`: it cannot be.
    #[must_use]
    pub fn with(&self, set: &str) -> Option<Self> {
        let mut draft = self.clone();
        let request = Request {
            sets: vec![set.to_owned()],
            ..Request::default()
        };
        let mut problems = crate::problem::Problems::default();
        lay_over(&mut draft.root, "", &request, &mut problems);
        problems.is_empty().then_some(draft)
    }
}
