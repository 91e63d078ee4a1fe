//! Between whom connections run, wherever a system is run.

use super::{Fault, Target, Terms};

/// What stands at one end of connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Party {
    Broker,
    Controller,
    Service,
    Load,
    Sink,
}

/// Whether a connection ever runs between the parties of a fault that acts on connections; true of all other faults. `load_on_bus`: a load
/// sends its events to brokers itself.
pub(crate) fn lead_somewhere(target: &Target, terms: &Terms, load_on_bus: bool) -> bool {
    let runs = |a: Party, b: Party| {
        connected(a, b) && (load_on_bus || (a != Party::Load && b != Party::Load))
    };
    others(terms).is_none_or(|others| others.iter().any(|other| meet(target, other, runs)))
}

/// Whether it acts on a link between two nodes of the cluster, too.
pub(super) fn between_nodes(fault: &Fault) -> bool {
    let link = |a, b| connected(a, b) && is_node(a) && is_node(b);
    let others = others(&fault.terms).unwrap_or_default();
    others.iter().any(|other| meet(&fault.target, other, link))
}

/// Whether a node of the cluster is among them.
pub(super) fn names_nodes(target: &Target) -> bool {
    parties(target).iter().copied().any(is_node)
}

/// With whom the connections run that a fault acts on. `None`: it acts on none.
pub(super) fn others(terms: &Terms) -> Option<&[Target]> {
    match terms {
        Terms::Apart { from, .. } | Terms::Flapping { from, .. } => Some(from),
        Terms::Link { to, .. } => Some(to),
        _ => None,
    }
}

fn meet(one: &Target, other: &Target, how: impl Fn(Party, Party) -> bool) -> bool {
    let is_itself = one == other
        && matches!(
            one,
            Target::Broker(_) | Target::Leader { .. } | Target::Coordinator { .. }
        );
    let mut pairs = parties(one)
        .iter()
        .flat_map(|a| parties(other).iter().map(|b| (*a, *b)));
    !is_itself && pairs.any(|(a, b)| how(a, b))
}

/// The load's requests go straight to the services, as those of anybody who is not part of the system.
const fn connected(one: Party, other: Party) -> bool {
    use Party::{Broker, Controller, Load, Service, Sink};
    matches!(
        (one, other),
        (Broker, Broker | Controller | Service | Load)
            | (Controller | Service | Load, Broker)
            | (Service, Sink)
            | (Sink, Service)
    )
}

const fn is_node(party: Party) -> bool {
    matches!(party, Party::Broker | Party::Controller)
}

const fn parties(target: &Target) -> &'static [Party] {
    use Party::{Broker, Controller, Load, Service, Sink};
    match target {
        Target::Service { .. } | Target::Services => &[Service],
        Target::Broker(_)
        | Target::Brokers
        | Target::Leader { .. }
        | Target::Followers { .. }
        | Target::Coordinator { .. } => &[Broker],
        Target::Controller => &[Controller],
        Target::Load => &[Load],
        Target::Sink(_) => &[Sink],
        Target::Everyone => &[Broker, Controller, Service, Load, Sink],
    }
}
