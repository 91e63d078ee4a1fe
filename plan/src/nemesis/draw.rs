//! From a seed to faults.

use super::Nemesis;
use crate::fault::{Aims, Fault, FaultKind, Target, Terms, Treatment};
use crate::plan::Environment;
use crate::rng::{Rng, Streams};
use crate::scenario::Scenario;
use crate::system::{IdPlace, SinkStore};

pub(crate) const MS: u64 = 1_000_000;

/// The faults of a seed, by time, on a load clock that ends at `load_ends_ns`. All are healed by then; none meets a written
/// one that takes the same target away.
pub(crate) fn draw(
    nemesis: &Nemesis,
    scenario: &Scenario,
    seed: u64,
    environment: Environment,
    load_ends_ns: u64,
) -> Vec<Fault> {
    let mut drawing = Drawing {
        rng: Streams::new(seed).stream("nemesis", 0),
        world: World::of(scenario),
        swarm: nemesis.swarm,
        hot: None,
        overlapping: nemesis.brokers_at_most > 1,
    };
    let load_ends_ns = load_ends_ns.saturating_sub(nemesis.quiet_ns);
    let mut kinds = kinds(nemesis, environment);
    let mut nemesis = nemesis.clone();
    if nemesis.swarm {
        drawing.swarm(&mut nemesis, &mut kinds);
    }
    let nemesis = &nemesis;
    let weak = drawing.weak_broker(nemesis.weak_broker);
    let mut faults: Vec<Fault> = Vec::new();
    let mut at_ns = 0_u64;
    loop {
        at_ns = at_ns.saturating_add(drawing.wait(nemesis.every_ns));
        let room = load_ends_ns.saturating_sub(at_ns);
        if room < nemesis.shortest_ns || kinds.is_empty() {
            return faults;
        }
        let Some(kind) = drawing.pick(&kinds) else {
            return faults;
        };
        let for_ns = drawing.between(nemesis.shortest_ns, nemesis.longest_ns.min(room));
        let Some((target, terms)) = drawing.aim(kind, weak.as_ref()) else {
            continue;
        };
        let fault = Fault {
            name: format!(
                "random-{}-{}",
                faults.len() + 1,
                kind.name().replace('_', "-")
            ),
            at_ns,
            for_ns: Some(if kind.row().lasts { for_ns } else { 0 }),
            kind,
            target,
            terms,
            prove: Vec::new(),
            drawn: true,
        };
        let elsewhere_only =
            kind.injectable_in(environment) && fault.refused_in(environment).is_some();
        if !elsewhere_only && fits(nemesis, &fault, &faults, &scenario.faults, load_ends_ns) {
            faults.push(fault);
        }
    }
}

/// One of these is as likely as another.
fn kinds(nemesis: &Nemesis, environment: Environment) -> Vec<FaultKind> {
    if !nemesis.kinds.is_empty() {
        return nemesis.kinds.clone();
    }
    Nemesis::ordinary()
        .filter(|kind| kind.injectable_in(environment))
        .flat_map(|kind| std::iter::repeat_n(kind, kind.row().weight))
        .collect()
}

/// Whether one more stays within the bounds.
fn fits(
    nemesis: &Nemesis,
    fault: &Fault,
    drawn: &[Fault],
    written: &[Fault],
    load_ends_ns: u64,
) -> bool {
    let together = |other: &&Fault| meet(fault, other, nemesis.calm_ns, load_ends_ns);
    let count = |found: usize| u32::try_from(found).unwrap_or(u32::MAX);
    let all = || drawn.iter().chain(written).filter(together);
    let collides = all().any(|other| collide(fault, other));
    let away = all().filter(|other| takes_broker_away(other)).count();
    !collides
        && count(all().count()) < nemesis.at_most
        && (!takes_broker_away(fault) || count(away) < nemesis.brokers_at_most)
}

/// A restart takes its time; what begins within it is at the same time.
const RESTART_NS: u64 = 2_000 * MS;

fn meet(one: &Fault, other: &Fault, calm_ns: u64, load_ends_ns: u64) -> bool {
    let end = |fault: &Fault| match fault.for_ns {
        Some(0) => fault.at_ns.saturating_add(RESTART_NS),
        Some(length) => fault.at_ns.saturating_add(length),
        None => load_ends_ns,
    };
    let calm = |fault: &Fault| end(fault).saturating_add(calm_ns);
    one.at_ns <= calm(other) && other.at_ns <= calm(one)
}

/// Both take processes away, and may be after the same one. Who leads is only known in the run.
fn collide(one: &Fault, other: &Fault) -> bool {
    let exclusive = one.kind.row().exclusive && other.kind.row().exclusive;
    let known = |fault: &Fault| matches!(fault.target, Target::Broker(_));
    let maybe = of_brokers(one) && of_brokers(other) && !(known(one) && known(other));
    exclusive && (one.target.covers(&other.target) || maybe)
}

fn of_brokers(fault: &Fault) -> bool {
    is_broker(&fault.target)
}

fn is_broker(target: &Target) -> bool {
    matches!(
        target,
        Target::Broker(_) | Target::Leader { .. } | Target::Coordinator { .. } | Target::Controller
    )
}

fn takes_broker_away(fault: &Fault) -> bool {
    of_brokers(fault)
}

/// What there is to aim at.
pub(crate) struct World {
    services: Vec<(String, u32)>,
    groups: Vec<String>,
    partitions: Vec<(String, u32)>,
    brokers: u32,
    /// Those that can be troubled.
    sinks: Vec<String>,
    /// Where odd events of every kind can go.
    entry_topic: Option<String>,
}

impl World {
    fn of(scenario: &Scenario) -> Self {
        let running = scenario.system.scale.iter();
        let running = running.filter(|(_, replicas)| **replicas > 0);
        let groups = scenario.system.spec.services.iter();
        let topics = scenario.cluster.topics.iter();
        let sinks = scenario.system.spec.sinks.iter();
        let entry = scenario.system.spec.entry.topic.as_ref();
        Self {
            services: running
                .map(|(name, count)| (name.clone(), *count))
                .collect(),
            groups: groups.filter_map(|service| service.group.clone()).collect(),
            partitions: topics
                .flat_map(|topic| (0..topic.partitions).map(|number| (topic.name.clone(), number)))
                .collect(),
            brokers: scenario.cluster.brokers,
            entry_topic: entry
                .filter(|entry| matches!(entry.id, IdPlace::Header(_) | IdPlace::Key))
                .map(|entry| entry.name.clone()),
            sinks: sinks
                .filter(|sink| match &sink.served {
                    Some(_) => scenario.system.tells_of(&sink.name),
                    None => matches!(sink.store, SinkStore::Sqlite { .. }),
                })
                .map(|sink| sink.name.clone())
                .collect(),
        }
    }
}

/// Draws what kinds ask for.
pub(crate) struct Drawing {
    rng: Rng,
    world: World,
    swarm: bool,
    /// The partition whose leaders this seed is after, one after the other.
    hot: Option<(String, u32)>,
    /// Several brokers can be dead at once; else whoever leads is, one at a time.
    overlapping: bool,
}

impl Drawing {
    /// Exponential with this mean.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    fn wait(&mut self, mean_ns: u64) -> u64 {
        libm::floor(self.rng.exponential() * mean_ns as f64) as u64
    }

    /// What this seed makes of the bounds: a coin for each kind (one at least is on), from half to twice as often, a narrower range of
    /// lengths, one partition that leaders are of or any, and dead brokers beside each other or leaders one by one. Rare combinations
    /// come up that an even mixture hardly ever reaches.
    fn swarm(&mut self, nemesis: &mut Nemesis, kinds: &mut Vec<FaultKind>) {
        let all = kinds.clone();
        kinds.retain(|_| self.one_in(2));
        if kinds.is_empty() {
            kinds.extend(self.pick(&all));
        }
        nemesis.every_ns = self.between(nemesis.every_ns / 2, nemesis.every_ns.saturating_mul(2));
        let (shortest, longest) = (nemesis.shortest_ns, nemesis.longest_ns);
        let (one, other) = (
            self.between(shortest, longest),
            self.between(shortest, longest),
        );
        (nemesis.shortest_ns, nemesis.longest_ns) = (one.min(other), one.max(other));
        if self.one_in(2) {
            self.hot = self.pick(&self.world.partitions.clone());
        }
        self.overlapping = self.overlapping && self.one_in(2);
    }

    /// Target and terms. `None`: there is nothing to aim at.
    fn aim(&mut self, kind: FaultKind, weak: Option<&Target>) -> Option<(Target, Terms)> {
        let row = kind.row();
        let (target, terms) = row.draw.and_then(|draw| draw(self, row.aims))?;
        let target = match weak {
            Some(weak) if kind == FaultKind::PowerLoss => weak.clone(),
            // Several can only be away at once where it is known who they are.
            _ if self.swarm && self.overlapping && row.exclusive && is_broker(&target) => {
                self.numbered_broker()
            }
            _ => target,
        };
        Some((target, terms))
    }

    /// Draws nothing unless it is wanted: seeds of scenarios without it stay what they are.
    fn weak_broker(&mut self, wanted: bool) -> Option<Target> {
        wanted.then(|| self.numbered_broker())
    }

    fn numbered_broker(&mut self) -> Target {
        let number = self.rng.below(u64::from(self.world.brokers));
        Target::Broker(u32::try_from(number).unwrap_or(0) + 1)
    }

    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.rng.below(most.saturating_sub(least).saturating_add(1))
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let index = self.rng.below(from.len() as u64);
        from.get(usize::try_from(index).unwrap_or(0)).cloned()
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.rng.below(count) == 0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// A service or a broker, as the aims allow.
    pub fn process(&mut self, aims: Aims) -> Option<(Target, Terms)> {
        let at_broker = match (aims.services, aims.brokers) {
            (true, true) => self.one_in(2),
            (_, brokers) => brokers,
        };
        let target = match at_broker {
            true => self.broker(),
            false => self.service(),
        };
        Some((target?, Terms::None))
    }

    /// From whom to whom a treatment may act.
    pub fn way(&mut self, treatment: &Treatment) -> Option<(Target, Target)> {
        // Only these mean something on links that carry messages.
        let anywhere = matches!(
            treatment,
            Treatment::Stall | Treatment::Reset | Treatment::Bandwidth { .. }
        );
        let (broker, client) = (self.broker()?, self.service()?);
        Some(match self.rng.below(if anywhere { 3 } else { 2 }) {
            0 => (broker, client),
            1 => (client, broker),
            _ => (broker, Target::Brokers),
        })
    }

    /// Who is cut off, and from whom.
    pub fn sides(&mut self) -> Option<(Target, Vec<Target>)> {
        if self.one_in(3) {
            return Some((self.service()?, vec![Target::Brokers]));
        }
        let target = self.broker()?;
        // Others than in a swarm keep the draws that they had.
        let from = match self.rng.below(if self.swarm { 5 } else { 4 }) {
            0 => vec![Target::Everyone],
            4 => vec![Target::Brokers],
            1 => vec![Target::Brokers, Target::Controller],
            2 => vec![Target::Controller],
            _ => vec![self.client()?],
        };
        Some((target, from))
    }

    /// Who speaks to a broker. In a swarm all replicas of a service: one alone may have nothing to say to that broker all the while.
    fn client(&mut self) -> Option<Target> {
        let swarm = self.swarm;
        Some(match self.service()? {
            Target::Service { service, .. } if swarm => Target::Service {
                service,
                replica: None,
            },
            other => other,
        })
    }

    pub fn service(&mut self) -> Option<Target> {
        let (service, replicas) = self.pick(&self.world.services.clone())?;
        let replica = self.rng.below(u64::from(replicas));
        let all = self.one_in(3);
        Some(Target::Service {
            service,
            replica: (!all).then_some(u32::try_from(replica).unwrap_or(0)),
        })
    }

    pub fn entry_topic(&self) -> Option<String> {
        self.world.entry_topic.clone()
    }

    pub fn sink(&mut self) -> Option<Target> {
        self.pick(&self.world.sinks.clone()).map(Target::Sink)
    }

    pub fn broker(&mut self) -> Option<Target> {
        let number = u32::try_from(self.rng.below(u64::from(self.world.brokers))).unwrap_or(0);
        let leader = match &self.hot {
            Some(hot) => Some(hot.clone()),
            None => self.pick(&self.world.partitions.clone()),
        };
        let group = self.pick(&self.world.groups.clone());
        match (self.rng.below(4), leader, group) {
            (0 | 1, Some((topic, partition)), _) => Some(Target::Leader { topic, partition }),
            (2, _, Some(group)) => Some(Target::Coordinator { group }),
            _ => (self.world.brokers > 0).then_some(Target::Broker(number + 1)),
        }
    }
}
