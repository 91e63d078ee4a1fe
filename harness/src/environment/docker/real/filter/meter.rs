//! Counts what passes Toxiproxy, by way and direction, from outside of it: in the kernel.

use super::super::engine::Engine;
use super::super::layout::{Layout, Way};
use super::{Met, TABLE, counters, helpers, nft};
use crate::environment::EnvironmentError;
use squall_proxy::toxic::Direction;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A look costs a process in the helper.
const FRESH_FOR: Duration = Duration::from_millis(200);
/// Longer than a packet that carries nothing but TCP's own news, in bytes with its headers.
const EMPTY_BYTES_MAX: u32 = 64;

/// What the counters stand for: hook, which port of a packet is the way's, and whether that is the one before Toxiproxy.
const FLOWS: [(&str, &str, &str, bool); 4] = [
    ("up_in", "input", "dport", true),
    ("up_out", "output", "dport", false),
    ("down_in", "input", "sport", false),
    ("down_out", "output", "sport", true),
];
/// Ends and refusals of connections towards the party.
const ENDS: &str = "ends";

pub struct Meter {
    engine: Arc<Engine>,
    helper: String,
    last: Mutex<Option<(Instant, BTreeMap<String, Met>)>>,
}

/// What has passed a way so far. Bytes are those of packets, with their headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    up: Flow,
    down: Flow,
    /// Connections that were ended or refused towards the party.
    pub ends: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flow {
    /// Came to Toxiproxy.
    pub arrived_bytes: u64,
    /// Left it.
    pub left_bytes: u64,
}

impl Passed {
    pub const fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::Upstream => self.up,
            Direction::Downstream => self.down,
        }
    }
}

impl Meter {
    /// Begins to count.
    ///
    /// # Errors
    /// When the helper cannot be started or the kernel has no packet filter.
    pub fn start(
        engine: &Arc<Engine>,
        beside: &str,
        layout: &Layout,
    ) -> Result<Self, EnvironmentError> {
        let helper = helpers(engine, &[beside])?.concat();
        nft(engine, &helper, &[&rules(&layout.ways())]).map_err(EnvironmentError::Bus)?;
        Ok(Self {
            engine: Arc::clone(engine),
            helper,
            last: Mutex::default(),
        })
    }

    /// What has passed a way so far, as of a moment ago.
    ///
    /// # Errors
    /// Text for users: the counters cannot be read.
    pub fn passed(&self, way: &Way) -> Result<Passed, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH_FOR);
        let counters = match fresh {
            Some((_, counters)) => counters.clone(),
            None => {
                let counters = counters(&self.engine, &self.helper)?;
                *last = Some((Instant::now(), counters.clone()));
                counters
            }
        };
        let of = |name: &str| {
            let met = counters.get(&counter(name, way.port)).copied();
            met.unwrap_or_default()
        };
        let flow = |arrived, left| Flow {
            arrived_bytes: of(arrived).bytes,
            left_bytes: of(left).bytes,
        };
        Ok(Passed {
            up: flow("up_in", "up_out"),
            down: flow("down_in", "down_out"),
            ends: of(ENDS).packets,
        })
    }

    /// The next look is a new one.
    pub fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn counter(flow: &str, port: u16) -> String {
    format!("{flow}_{port}")
}

/// One map for each flow, so that a packet meets two look-ups and not a rule for each port.
fn rules(ways: &[Way]) -> String {
    let mut text = format!("table {TABLE} {{\n");
    let mut chains: BTreeMap<&str, String> = BTreeMap::new();
    let flows = FLOWS.map(|(flow, hook, side, before)| {
        (
            flow,
            hook,
            side,
            before,
            format!("meta length > {EMPTY_BYTES_MAX}"),
        )
    });
    let ends = (
        ENDS,
        "output",
        "sport",
        true,
        "tcp flags & (fin | rst) != 0".to_owned(),
    );
    for (flow, hook, side, before, only) in flows.into_iter().chain([ends]) {
        let mut elements = Vec::new();
        for way in ways {
            let name = counter(flow, way.port);
            let port = if before { way.port } else { way.onward };
            let _ = writeln!(text, "counter {name} {{ }}");
            elements.push(format!("{port} : \"{name}\""));
        }
        let elements = elements.join(", ");
        let _ = writeln!(
            text,
            "map {flow} {{ type inet_service : counter; elements = {{ {elements} }} }}"
        );
        let rule = format!("{only} counter name tcp {side} map @{flow}\n");
        chains.entry(hook).or_default().push_str(&rule);
    }
    for (hook, rules) in chains {
        let _ = writeln!(
            text,
            "chain {hook} {{ type filter hook {hook} priority 0;\n{rules}}}"
        );
    }
    text + "}\n"
}
