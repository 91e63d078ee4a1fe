//! What a kind's file says of it.

use crate::fault::{Act, Aims, ELSEWHERE, Proof, Refusal, Target, Terms};
use crate::nemesis::Drawing;
use crate::plan::Environment;
use crate::shape::Shape;
use crate::yaml::Node;

/// Reads one target that must fit the aims; reports what is wrong with it.
pub(crate) type ReadTarget<'a> = dyn FnMut(&Node, Aims) -> Option<Target> + 'a;

/// Draws a target and terms for a nemesis; the kind's aims are given.
pub(crate) type Draw = fn(&mut Drawing, Aims) -> Option<(Target, Terms)>;

/// Everything that is known of a kind but its name.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What may stand after the key, for the docs and for tests.
    pub example: &'static str,
    /// One line for the schema and the docs.
    pub about: &'static str,
    /// What shows that it bit, for the docs.
    pub evidence: &'static str,
    /// What it does not show though one might think so, for the docs. Empty: nothing of note.
    pub limits: &'static str,
    pub act: Act,
    pub aims: Aims,
    /// What may stand after the key.
    pub(crate) shape: fn() -> Shape,
    /// Target and terms of what stands after the key.
    pub(crate) read: fn(&Node, &mut ReadTarget<'_>) -> Option<(Target, Terms)>,
    /// How a nemesis draws one. `None`: it must be written.
    pub(crate) draw: Option<Draw>,
    /// Whether a nemesis draws it without being asked to: a correct system survives it, and it finds something to bite.
    pub ordinary: bool,
    /// How much more often than others a nemesis draws it that is not told which kinds to draw.
    pub weight: usize,
    /// Whether `for` makes sense.
    pub lasts: bool,
    /// Whether it takes its target away, so that no other such fault can have it meanwhile.
    pub exclusive: bool,
    /// Whether it acts on connections, and not on processes.
    pub acts_on_connections: bool,
    /// Consequences that it can be asked to prove.
    pub provable: &'static [Proof],
    pub environments: &'static [Environment],
    /// Why the other environments do not have it.
    pub absent: Refusal,
}

impl Row {
    /// A row of a kind that takes processes away: after the key stands the target alone.
    pub(crate) const fn of_processes(act: Act, aims: Aims) -> Self {
        Self {
            example: "",
            about: "",
            evidence: "",
            limits: "",
            act,
            aims,
            shape: || Shape::Text,
            // Whether it fits is said against the row's own aims, by the reader of faults.
            read: |node, party| Some((party(node, Aims::PARTIES)?, Terms::None)),
            draw: Some(Drawing::process),
            ordinary: true,
            weight: 1,
            lasts: true,
            exclusive: true,
            acts_on_connections: false,
            provable: &[],
            environments: &Environment::ALL,
            absent: Refusal {
                why: "there is no such fault there",
                fix: ELSEWHERE,
            },
        }
    }

    /// Whether a nemesis can draw it.
    #[must_use]
    pub const fn drawable(&self) -> bool {
        self.draw.is_some()
    }
}
