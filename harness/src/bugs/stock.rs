//! The stock scenarios, which the binary carries: planted bugs are looked for in them, and settings explained by them.

use super::table::set_bug;
use crate::cli::problems;
use crate::exit::Failure;
use squall_plan::scenario::{Files, Request, Scenario, from_text};

macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),+]
    };
}

/// Path and text of each.
pub const SCENARIOS: &[(&str, &str)] = shipped!(
    "scenarios/sim/services.yaml",
    "scenarios/sim/brokers.yaml",
    "scenarios/sim/log.yaml",
    "scenarios/sim/fsync.yaml",
    "scenarios/sim/page-cache.yaml",
);

const SYSTEMS: &[(&str, &str)] = shipped!("systems/signup.yaml", "systems/log.yaml");

struct Carried;

impl Files for Carried {
    fn find(&self, path: &str) -> std::io::Result<(String, String)> {
        let found = SYSTEMS.iter().find(|(known, _)| *known == path);
        let (_, text) = found.ok_or(std::io::ErrorKind::NotFound)?;
        Ok(((*text).to_owned(), String::new()))
    }
}

/// The stock scenarios with values set; `{topic}` in a path stands for the topic by which events enter. Those to which a planted bug
/// of a service means nothing are left out.
///
/// # Errors
/// When a value cannot be set.
pub fn scenarios(sets: &[String], bug: Option<&str>) -> Result<Vec<Scenario>, Failure> {
    let mut all = Vec::new();
    for (path, text) in SCENARIOS {
        let plain = from_text(path, text, &Request::default(), &Carried).map_err(problems)?;
        let knows = |name: &str| {
            let mut services = plain.system.spec.services.iter();
            services.any(|service| service.bugs.iter().any(|bug| bug.name == name))
        };
        if bug.is_some_and(|bug| !knows(bug)) {
            continue;
        }
        let entry = plain.system.spec.entry.topic.as_ref();
        let topic = entry.map_or("", |entry| entry.name.as_str());
        let mut sets: Vec<String> = sets
            .iter()
            .map(|set| set.replace("{topic}", topic))
            .collect();
        sets.extend(bug.map(set_bug));
        let request = Request {
            sets,
            ..Request::default()
        };
        let scenario = from_text(path, text, &request, &Carried).map_err(problems)?;
        let events = scenario.sim.events;
        all.push(scenario.scaled(events));
    }
    Ok(all)
}
