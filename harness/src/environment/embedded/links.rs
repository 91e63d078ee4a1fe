//! Links between brokers, and between brokers and the controller, of the embedded cluster. They carry messages, not bytes.

use super::bus::EmbeddedBus;
use crate::environment::network::{End, Touched, Treated};
use squall_plan::fault::{Distribution, Latency, Treatment};
use squall_plan::rng::Streams;
use squall_proxy::spread;
use squall_wire::kafka::{Draw, LinkConfig, LinkStats};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The controller's number in the cluster.
const CONTROLLER: i32 = 0;

/// One direction: from node to node.
type Way = (i32, i32);

pub struct Links {
    bus: Arc<EmbeddedBus>,
    /// Without any fault.
    ordinary: LinkConfig,
    seed: u64,
    treatments: Mutex<Treatments>,
}

#[derive(Default)]
struct Treatments {
    next: u64,
    by_way: BTreeMap<Way, BTreeMap<u64, Treatment>>,
}

impl Links {
    pub fn new(bus: Arc<EmbeddedBus>, ordinary: LinkConfig, seed: u64) -> Self {
        Self {
            bus,
            ordinary,
            seed,
            treatments: Mutex::default(),
        }
    }

    /// # Errors
    /// Text for users: such a link cannot be treated so.
    pub fn treat(
        self: &Arc<Self>,
        way: Way,
        treatment: &Treatment,
    ) -> Result<Box<dyn Treated>, String> {
        check(treatment)?;
        let before = self.stats(way)?;
        let mut treatments = self.lock();
        let id = treatments.next;
        treatments.next += 1;
        let here = treatments.by_way.entry(way).or_default();
        here.insert(id, treatment.clone());
        let applied = self.apply(way, here);
        drop(treatments);
        // Made before the error is looked at, so that what was applied in part is taken back.
        let treated = TreatedLink {
            links: Arc::clone(self),
            way,
            id,
            treatment: treatment.clone(),
            before,
            lifted: None,
        };
        applied.map(|()| Box::new(treated) as Box<dyn Treated>)
    }

    fn lift(&self, way: Way, id: u64) -> Result<(), String> {
        let mut treatments = self.lock();
        let Some(here) = treatments.by_way.get_mut(&way) else {
            return Ok(());
        };
        here.remove(&id);
        self.apply(way, here)
    }

    /// Delays add up, the narrowest bandwidth counts.
    fn apply(&self, (from, to): Way, all: &BTreeMap<u64, Treatment>) -> Result<(), String> {
        let mut config = self.ordinary;
        let (mut blocked, mut cut) = (false, false);
        for treatment in all.values() {
            match *treatment {
                Treatment::Stall => blocked = true,
                Treatment::Reset => cut = true,
                Treatment::Delay(Latency {
                    latency_ns,
                    jitter_ns,
                    distribution: Distribution::Uniform,
                }) => {
                    // The link adds its jitter on top; evenly in latency ± jitter is the same from the lower end.
                    config.latency += Duration::from_nanos(latency_ns.saturating_sub(jitter_ns));
                    config.jitter += Duration::from_nanos(jitter_ns.min(latency_ns) + jitter_ns);
                }
                Treatment::Bandwidth { bytes_per_s } => {
                    config.bandwidth_bytes_per_s = config.bandwidth_bytes_per_s.min(bytes_per_s);
                }
                _ => {}
            }
        }
        self.bus.with_cluster(|cluster| {
            cluster.set_link_config(from, to, config)?;
            cluster.set_link_draw(from, to, self.draw((from, to), all))?;
            cluster.set_cut(from, to, cut)?;
            cluster.set_blocked(from, to, blocked)
        })
    }

    /// What the spread delays add to each message, together.
    fn draw(&self, (from, to): Way, all: &BTreeMap<u64, Treatment>) -> Option<Draw> {
        let spread = all.values().filter_map(|treatment| match *treatment {
            Treatment::Delay(late) if late.distribution != Distribution::Uniform => Some(late),
            _ => None,
        });
        let spread: Vec<_> = spread.collect();
        if spread.is_empty() {
            return None;
        }
        let mut rng = Streams::new(self.seed).stream(&format!("link {from} {to}"), 0);
        Some(Box::new(move || {
            let drawn = spread.iter().map(|late| {
                spread::draw(late.latency_ns, late.jitter_ns, late.distribution, &mut rng)
            });
            Duration::from_nanos(drawn.sum())
        }))
    }

    fn stats(&self, (from, to): Way) -> Result<LinkStats, String> {
        self.bus
            .with_cluster(|cluster| cluster.link_stats(from, to))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Treatments> {
        self.treatments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node of an end that is one.
pub fn node(end: &End) -> Option<i32> {
    match end {
        End::Broker(id) => i32::try_from(*id).ok(),
        End::Controller => Some(CONTROLLER),
        End::Replica(_) | End::Load | End::Sink(_) => None,
    }
}

fn check(treatment: &Treatment) -> Result<(), String> {
    let what = match treatment {
        Treatment::Stall | Treatment::Reset | Treatment::Bandwidth { .. } | Treatment::Delay(_) => {
            return Ok(());
        }
        Treatment::Frames { .. } => "carry no requests of clients",
        _ => "carry messages, not bytes: isolate, drop, delay and bandwidth act on them",
    };
    Err(format!("links between embedded brokers {what}"))
}

struct TreatedLink {
    links: Arc<Links>,
    way: Way,
    id: u64,
    treatment: Treatment,
    before: LinkStats,
    lifted: Option<Touched>,
}

impl Treated for TreatedLink {
    fn touched(&self) -> Touched {
        if let Some(lifted) = self.lifted {
            return lifted;
        }
        // A cluster that was shut down can no longer be asked.
        let now = self.links.stats(self.way).unwrap_or(self.before);
        let messages = match self.treatment {
            Treatment::Stall => now.held - self.before.held,
            Treatment::Reset => now.lost - self.before.lost,
            _ => now.sent - self.before.sent,
        };
        Touched {
            messages,
            ..Touched::default()
        }
    }

    fn lift(&mut self) -> Result<(), String> {
        if self.lifted.is_some() {
            return Ok(());
        }
        self.lifted = Some(self.touched());
        self.links.lift(self.way, self.id)
    }
}

impl Drop for TreatedLink {
    fn drop(&mut self) {
        let _ = self.lift();
    }
}
