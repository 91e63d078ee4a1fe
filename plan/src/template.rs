//! `{{slot}}` templates: in system files for the harness to fill, in loads for each event.

use crate::shape::did_you_mean;
use crate::units::UnitError;

/// Slots of commands, environments and paths in system files. `port.NAME` names one of several ports.
///
/// `bootstrap`: addresses of the brokers; `run`: the run's folder; `service`, `replica`: whose process it is; `port`: its
/// first port; `squall`: path of the running binary; `client`: librdkafka settings, `k=v` with commas between; `bugs`:
/// planted bugs that are on, with commas between; `group`: the service's consumer group; `system`: folder of the file;
/// `sink.NAME`: address of a sink that Squall serves; `topic.NAME`: what a topic is called in this run.
pub const SYSTEM_SLOTS: &[&str] = &[
    "bootstrap",
    "run",
    "service",
    "replica",
    "port",
    "squall",
    "client",
    "bugs",
    "group",
    "system",
    "seed",
];

/// Slots of the paths of sinks, which belong to no service.
pub const SINK_SLOTS: &[&str] = &["run", "system", "seed"];

/// Slots of the programs of invariants.
pub const INVARIANT_SLOTS: &[&str] = &["run", "system", "seed", "squall", "bootstrap"];

/// Slots of bodies, keys and headers of a load.
///
/// `key`: the key's text; `id`: the event's id; `seq`: its sequence number; `stream`: the load's index; `time`: the
/// intended time, RFC 3339; `seed`: the run's seed.
pub const LOAD_SLOTS: &[&str] = &["key", "id", "seq", "stream", "time", "seed"];

/// One piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Text(String),
    Slot(String),
}

/// A template, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    pub parts: Vec<Part>,
}

impl Template {
    /// Takes a text apart. `slots` are the known names.
    ///
    /// # Errors
    /// When a slot is not closed or not known.
    pub fn parse(text: &str, slots: &[&str]) -> Result<Self, UnitError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inside = &rest[open + 2..];
            let Some(close) = inside.find("}}") else {
                return Err(UnitError {
                    what: "a template slot is not closed".into(),
                    fix: "write it as {{name}}".into(),
                });
            };
            let name = inside[..close].trim();
            if !known(name, slots) {
                let fix = did_you_mean(name, slots.iter().copied(), "slots");
                return Err(UnitError {
                    what: format!("unknown template slot `{{{{{name}}}}}`"),
                    fix,
                });
            }
            parts.push(Part::Slot(name.to_owned()));
            rest = &inside[close + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Fills the slots.
    pub fn render(&self, mut fill: impl FnMut(&str, &mut String)) -> String {
        let mut out = String::with_capacity(self.length());
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Slot(slot) => fill(slot, &mut out),
            }
        }
        out
    }

    /// About as long as it gets: with that much room it need not be moved while it is filled.
    fn length(&self) -> usize {
        const SLOT: usize = 24;
        let length = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Slot(_) => SLOT,
        };
        self.parts.iter().map(length).sum()
    }

    /// The named slots, in order.
    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(slot.as_str()),
            Part::Text(_) => None,
        })
    }
}

/// Whether every slot of a text is known.
///
/// # Errors
/// When a slot is not closed or not known.
pub fn check(text: &str, slots: &[&str]) -> Result<(), UnitError> {
    Template::parse(text, slots).map(drop)
}

fn known(name: &str, slots: &[&str]) -> bool {
    slots.contains(&name)
        || (slots.contains(&"port")
            && ["port.", "sink.", "topic."]
                .iter()
                .any(|prefix| name.len() > prefix.len() && name.starts_with(prefix)))
}
