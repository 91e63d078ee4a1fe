//! What happens to packets between brokers: dropped, refused or throttled where they arrive. The rules are whole at any time:
//! each change writes the table of a namespace anew, and a broker that starts again, whose namespace is new, gets it again.

use super::super::engine::{Engine, Standing};
use super::{TABLE, counters, helpers, nft};
use squall_plan::fault::Treatment;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Wall {
    engine: Arc<Engine>,
    /// Of each broker's container, by number from 1, then the controller's.
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

    /// Puts helpers beside all of them, so that the first fault does not wait for them.
    ///
    /// # Errors
    /// Text for users: a helper cannot be started.
    pub fn prepare(&self) -> Result<(), String> {
        let mut state = self.lock();
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let made = helpers(&self.engine, &names).map_err(|error| error.to_string())?;
        for (broker, helper) in (1..).zip(made) {
            let started_at = self.look(broker)?.started_at;
            state.helpers.insert(broker, (helper, started_at));
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
        let told = helper.and_then(|helper| counters(&self.engine, &helper).ok());
        let named = told.into_iter().flatten();
        let own = named.filter_map(|(name, met)| {
            let id = name.strip_prefix("met_")?.parse().ok()?;
            Some((id, met.packets))
        });
        own.collect()
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
        let here = state.treatments.iter();
        for (id, ((from, _), treatment)) in here.filter(|(_, ((_, end), _))| *end == to) {
            let address = self.look(*from)?.address;
            if !address.is_empty() {
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
        let made = helpers(&self.engine, &[self.name(broker)?]);
        let made = made.map_err(|error| error.to_string())?.concat();
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
