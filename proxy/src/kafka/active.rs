//! The rules that cover one connection, and what they do to each of its frames.

use super::lane::Stamp;
use super::layer::KafkaSettings;
use super::rule::{Action, Way};
use super::rules::Tracked;
use crate::layer::ConnectionInfo;
use squall_plan::rng::{Rng, Streams};
use std::sync::Arc;

/// A rule, with its random stream on this connection.
struct Active {
    tracked: Arc<Tracked>,
    rng: Rng,
}

/// The rules of now, as far as they cover the connection.
pub struct ActiveRules {
    list: Vec<Active>,
    version: u64,
}

/// What rules do to a frame.
#[derive(Default)]
pub struct Fate {
    pub wait: Option<Stamp>,
    pub breaks: Option<(Arc<Tracked>, Action)>,
}

impl ActiveRules {
    pub fn new(settings: &KafkaSettings, connection: &ConnectionInfo) -> Self {
        let mut active = Self {
            list: Vec::new(),
            version: 0,
        };
        active.load(settings, connection);
        active
    }

    /// Sees a swap of the rules.
    pub fn refresh(&mut self, settings: &KafkaSettings, connection: &ConnectionInfo) {
        if settings.rules.version() != self.version {
            self.load(settings, connection);
        }
    }

    fn load(&mut self, settings: &KafkaSettings, connection: &ConnectionInfo) {
        // Before the rules: a swap in between is seen the next time.
        self.version = settings.rules.version();
        let mut before = std::mem::take(&mut self.list);
        for tracked in settings.rules.current().tracked() {
            if !tracked.rule.scope.covers(&settings.link) {
                continue;
            }
            let old = before.iter().position(|a| Arc::ptr_eq(&a.tracked, tracked));
            let active = old.map(|at| before.swap_remove(at));
            self.list.push(active.unwrap_or_else(|| Active {
                tracked: tracked.clone(),
                rng: stream(connection, &tracked.rule.name),
            }));
        }
    }

    pub fn has(&self, rule: &Arc<Tracked>) -> bool {
        self.list.iter().any(|a| Arc::ptr_eq(&a.tracked, rule))
    }

    /// Asks every rule about a frame.
    pub fn fate(&mut self, now_ns: u64, way: Way, key: i16) -> Fate {
        let mut fate = Fate::default();
        for Active { tracked, rng } in &mut self.list {
            if !tracked.rule.matches(way, key) {
                continue;
            }
            tracked.matched();
            let (action, share_ppm) = (tracked.rule.action, tracked.rule.share_ppm);
            let hit = share_ppm >= 1_000_000 || rng.chance(share_ppm);
            let taken = match action.delays() {
                true => fate.wait.is_some(),
                false => fate.breaks.is_some(),
            };
            if !hit || taken || !tracked.claim() {
                continue;
            }
            match release_ns(now_ns, action, rng) {
                Some(release_ns) => {
                    fate.wait = Some(Stamp {
                        arrived_ns: now_ns,
                        release_ns,
                        rule: tracked.clone(),
                    });
                }
                None => fate.breaks = Some((tracked.clone(), action)),
            }
        }
        fate
    }
}

/// The stream of a rule on a connection: other rules and other connections do not shift it.
fn stream(connection: &ConnectionInfo, rule: &str) -> Rng {
    let purpose = format!("kafka {} {rule}", connection.proxy);
    Streams::new(connection.seed).stream(&purpose, connection.ordinal)
}

/// When the frame passes, where the action delays it.
fn release_ns(now_ns: u64, action: Action, rng: &mut Rng) -> Option<u64> {
    match action {
        Action::Delay {
            latency_ns,
            jitter_ns,
            distribution,
            ..
        } => {
            let late_ns = crate::spread::draw(latency_ns, jitter_ns, distribution, rng);
            Some(now_ns.saturating_add(late_ns))
        }
        Action::Hold { .. } => Some(u64::MAX),
        _ => None,
    }
}
