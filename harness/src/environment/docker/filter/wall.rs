//! What happens to packets between brokers: dropped, refused or throttled where they arrive. The rules are whole at any time:
//! each change writes the table of a namespace anew, and a broker that starts again, whose namespace is new, gets it again.

use super::super::engine::{Engine, Standing};
use super::{TABLE, helper, nft};
use squall_plan::fault::Treatment;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Wall {
    engine: Arc<Engine>,
    /// Of each broker's container, by number from 1.
    names: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    treatments: BTreeMap<u64, (Way, Treatment)>,
    /// By broker: its helper, and the start of the container whose namespace it shares.
    helpers: BTreeMap<u32, (String, String)>,
    /// Packets that rules met before their table was written anew.
    counted: BTreeMap<u64, u64>,
}

/// From broker to broker.
pub type Way = (u32, u32);

impl Wall {
    pub fn new(engine: &Arc<Engine>, names: Vec<String>) -> Self {
        Self {
            engine: Arc::clone(engine),
            names,
            state: Mutex::default(),
        }
    }

    /// Puts helpers beside all brokers, so that the first fault does not wait for them.
    ///
    /// # Errors
    /// Text for users: a helper cannot be started.
    pub fn prepare(&self) -> Result<(), String> {
        let mut state = self.lock();
        for broker in (1..).take(self.names.len()) {
            let standing = self.look(broker)?;
            self.helper(&mut state, broker, &standing)?;
        }
        Ok(())
    }

    /// # Errors
    /// Text for users: packets cannot be treated so.
    pub fn treat(&self, way: Way, treatment: &Treatment) -> Result<u64, String> {
        verdict(treatment)?;
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        state.treatments.insert(id, (way, treatment.clone()));
        let written = self.write(&mut state, way.1);
        if written.is_err() {
            state.treatments.remove(&id);
        }
        written.map(|()| id)
    }

    /// # Errors
    /// Text for users: the rule is still there.
    pub fn lift(&self, id: u64) -> Result<(), String> {
        let mut state = self.lock();
        let Some(((_, to), _)) = state.treatments.get(&id).cloned() else {
            return Ok(());
        };
        self.count(&mut state, to);
        state.treatments.remove(&id);
        self.write(&mut state, to)
    }

    /// Packets that have met a treatment.
    pub fn met(&self, id: u64) -> u64 {
        let mut state = self.lock();
        let to = state.treatments.get(&id).map(|((_, to), _)| *to);
        let fresh = to.map_or(0, |to| {
            self.read(&mut state, to).get(&id).copied().unwrap_or(0)
        });
        fresh + state.counted.get(&id).copied().unwrap_or(0)
    }

    /// A broker's container has started again: its namespace is new, and its address may be.
    ///
    /// # Errors
    /// Text for users: the rules could not be put there.
    pub fn renew(&self) -> Result<(), String> {
        let mut state = self.lock();
        let ends: std::collections::BTreeSet<u32> =
            state.treatments.values().map(|((_, to), _)| *to).collect();
        ends.into_iter().try_for_each(|to| {
            self.count(&mut state, to);
            self.write(&mut state, to)
        })
    }

    fn count(&self, state: &mut State, to: u32) {
        for (id, packets) in self.read(state, to) {
            *state.counted.entry(id).or_default() += packets;
        }
    }

    /// Packets that each rule at a broker has met since its table was written.
    fn read(&self, state: &mut State, to: u32) -> BTreeMap<u64, u64> {
        let helper = state.helpers.get(&to).map(|(helper, _)| helper.clone());
        let told = helper.map(|helper| nft(&self.engine, &helper, &["-j", "list", "counters"]));
        told.and_then(Result::ok)
            .map(|json| parse(&json))
            .unwrap_or_default()
    }

    /// Writes the table of a broker's namespace. One that is down has none; it is written when it starts again.
    fn write(&self, state: &mut State, to: u32) -> Result<(), String> {
        let standing = self.look(to)?;
        if !standing.running {
            return Ok(());
        }
        let helper = self.helper(state, to, &standing)?;
        let mut rules = String::new();
        let mut counters = String::new();
        for (id, ((from, end), treatment)) in &state.treatments {
            let address = self.look(*from)?.address;
            if *end == to && !address.is_empty() {
                let verdict = verdict(treatment)?;
                let _ = writeln!(counters, "counter met_{id} {{ }}");
                let _ = writeln!(
                    rules,
                    "ip saddr {address} {verdict}",
                    verdict = verdict.replace("{id}", &id.to_string())
                );
            }
        }
        let text = format!(
            "table {TABLE} {{ }}\ndelete table {TABLE}\ntable {TABLE} {{\n{counters}chain input {{ type filter hook input priority -10;\n{rules}}}\n}}\n"
        );
        nft(&self.engine, &helper, &[&text]).map(drop)
    }

    fn helper(
        &self,
        state: &mut State,
        broker: u32,
        standing: &Standing,
    ) -> Result<String, String> {
        if let Some((helper, started_at)) = state.helpers.get(&broker) {
            if *started_at == standing.started_at {
                return Ok(helper.clone());
            }
            self.engine.remove(helper);
        }
        let made = helper(&self.engine, self.name(broker)?).map_err(|error| error.to_string())?;
        let known = (made.clone(), standing.started_at.clone());
        state.helpers.insert(broker, known);
        Ok(made)
    }

    fn look(&self, broker: u32) -> Result<Standing, String> {
        self.engine.look(self.name(broker)?)
    }

    fn name(&self, broker: u32) -> Result<&str, String> {
        let index = usize::try_from(broker)
            .ok()
            .and_then(|broker| broker.checked_sub(1));
        let name = index.and_then(|index| self.names.get(index));
        name.map(String::as_str)
            .ok_or_else(|| format!("there is no broker {broker}"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a rule does with a packet.
fn verdict(treatment: &Treatment) -> Result<String, String> {
    Ok(match treatment {
        Treatment::Stall => "counter name met_{id} drop".to_owned(),
        Treatment::Reset => {
            "meta l4proto tcp counter name met_{id} reject with tcp reset".to_owned()
        }
        Treatment::Bandwidth { bytes_per_s } => {
            // TCP slows down to what is not dropped. A burst of a few full packets must pass, or nothing ever does.
            let rate = (*bytes_per_s).max(1);
            format!(
                "limit rate over {rate} bytes/second burst 65536 bytes counter name met_{{id}} drop"
            )
        }
        _ => {
            return Err(
                "a packet filter between brokers knows isolate, drop and bandwidth".to_owned(),
            );
        }
    })
}

fn parse(json: &str) -> BTreeMap<u64, u64> {
    let read: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let all = read["nftables"].as_array().cloned().unwrap_or_default();
    let one = |object: &serde_json::Value| {
        let counter = object.get("counter")?;
        let id = counter["name"].as_str()?.strip_prefix("met_")?;
        Some((id.parse().ok()?, counter["packets"].as_u64()?))
    };
    all.iter().filter_map(one).collect()
}
