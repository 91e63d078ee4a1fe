//! Faults that act on connections: `isolate`, `drop`, `delay`, `bandwidth` and the others of their family. What they do is
//! the network's; here is who is hit, and the evidence.

use super::ends::ends;
use super::{FaultError, Injection};
use crate::environment::Environment;
use crate::environment::network::{End, Touched, Treated};
use squall_plan::fault::{Distribution, Fault, Flow, Latency, Target, Terms, Treatment};

/// Treatments in force on some connections.
pub struct Connections {
    /// Who is hit, for evidence.
    who: String,
    treated: Vec<Box<dyn Treated>>,
    /// What had met them when they were lifted.
    healed: Option<Touched>,
}

/// One direction between two ends.
type Way = (End, End);

/// # Errors
/// When no connection runs between the parties, or it cannot be treated so.
pub fn inject(fault: &Fault, env: &dyn Environment) -> Result<Connections, FaultError> {
    let target = ends(&fault.target, env)?;
    match &fault.terms {
        Terms::Apart { from, flow } => apart(fault, &target, from, *flow, env),
        Terms::Link { to, treatment } => {
            let ways = ways(&target, &all_ends(to, env)?);
            treat(fault, ways, treatment, env)
        }
        _ => Err(FaultError::Unfit {
            kind: fault.kind.name(),
            target: fault.target.to_string(),
        }),
    }
}

/// Both ways or one way, nothing passes between the target and others.
///
/// # Errors
/// As [`inject`].
pub(super) fn apart(
    fault: &Fault,
    target: &[End],
    from: &[Target],
    flow: Flow,
    env: &dyn Environment,
) -> Result<Connections, FaultError> {
    let others = all_ends(from, env)?;
    let mut all = Vec::new();
    if flow != Flow::Inbound {
        all.extend(ways(target, &others));
    }
    if flow != Flow::Outbound {
        all.extend(ways(&others, target));
    }
    treat(fault, all, &Treatment::Stall, env)
}

/// `down`: connections to the target are cut and refused.
///
/// # Errors
/// As [`inject`].
pub fn close(fault: &Fault, env: &dyn Environment) -> Result<Connections, FaultError> {
    let mut closed = Connections::new(fault);
    for end in ends(&fault.target, env)? {
        let treated = env.network().close(&end);
        let treated = treated.map_err(|why| network(fault, why))?;
        closed.treated.extend(treated);
    }
    Ok(closed)
}

/// `sink_slow` of a server: what it sends to services comes later.
///
/// # Errors
/// As [`inject`].
pub fn slow(fault: &Fault, by_ns: u64, env: &dyn Environment) -> Result<Connections, FaultError> {
    let later = Treatment::Delay(Latency {
        latency_ns: by_ns,
        jitter_ns: 0,
        distribution: Distribution::Uniform,
    });
    let services = ends(&Target::Services, env)?;
    treat(
        fault,
        ways(&ends(&fault.target, env)?, &services),
        &later,
        env,
    )
}

fn all_ends(targets: &[Target], env: &dyn Environment) -> Result<Vec<End>, FaultError> {
    let mut all = Vec::new();
    for target in targets {
        all.extend(ends(target, env)?);
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// From each to each; nobody has a connection to itself.
fn ways(from: &[End], to: &[End]) -> Vec<Way> {
    let pairs = from.iter().flat_map(|a| to.iter().map(move |b| (a, b)));
    pairs
        .filter(|(a, b)| a != b)
        .map(|(a, b)| (a.clone(), b.clone()))
        .collect()
}

fn treat(
    fault: &Fault,
    mut ways: Vec<Way>,
    treatment: &Treatment,
    env: &dyn Environment,
) -> Result<Connections, FaultError> {
    // "broker(1) from brokers" meets the way between two of them once.
    ways.sort();
    ways.dedup();
    let mut connections = Connections::new(fault);
    for (from, to) in ways {
        let treated = env.network().treat(&from, &to, treatment);
        if let Some(treated) = treated.map_err(|why| network(fault, why))? {
            connections.treated.push(treated);
        }
    }
    match connections.treated.is_empty() {
        true => Err(network(fault, "no connection runs between them".to_owned())),
        false => Ok(connections),
    }
}

fn network(fault: &Fault, why: String) -> FaultError {
    FaultError::Network {
        what: format!("{} {}{}", fault.kind.name(), fault.target, fault.terms),
        why,
    }
}

impl Connections {
    fn new(fault: &Fault) -> Self {
        Self {
            who: format!("{}{}", fault.target, fault.terms),
            treated: Vec::new(),
            healed: None,
        }
    }

    /// Everything that met the treatments so far.
    pub(super) fn touched(&self) -> Touched {
        self.healed.unwrap_or_else(|| {
            let mut sum = Touched::default();
            self.treated.iter().for_each(|one| sum += one.touched());
            sum
        })
    }
}

impl Injection for Connections {
    fn bite(&self) -> Option<String> {
        let touched = self.touched();
        (!touched.is_nothing()).then(|| format!("{} met {touched}", self.who))
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if self.healed.is_none() {
            self.healed = Some(self.touched());
            // All are lifted before the first that could not be ends this.
            let lifted: Vec<Result<(), String>> =
                self.treated.iter_mut().map(|one| one.lift()).collect();
            let lifted: Result<(), String> = lifted.into_iter().collect();
            lifted.map_err(|why| FaultError::Network {
                what: self.who.clone(),
                why,
            })?;
        }
        Ok(format!("in all it met {}", self.touched()))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
