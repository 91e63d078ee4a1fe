//! The historic mistakes that the models can be told to make. A suite that does not notice one of them says nothing by its silence.

use squall_model::kafka::Defects;

/// Those that no sequence of requests can notice: the simulator's sweeps must (`squall bugs`).
const SIMULATED: &[&str] = &[
    "never_truncate",
    "ignore_min_insync",
    "admit_duplicates",
    "rejoin_at_once",
    "read_beyond_high_watermark",
    "count_sent_as_replicated",
    "acknowledge_at_step_down",
    "keep_commits_in_memory",
];

/// Every other switch by its name, so that a new one does not go untested.
#[must_use]
pub fn all() -> Vec<(&'static str, Defects)> {
    let names = Defects::NAMES.iter();
    let noticed = names.filter(|name| !SIMULATED.contains(name));
    let switched = |name: &&'static str| Some((*name, Defects::parse(name).ok()?));
    noticed.filter_map(switched).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_to_the_simulator_exists() {
        let all: Vec<&str> = all().into_iter().map(|(name, _)| name).collect();
        assert!(SIMULATED.iter().all(|name| Defects::NAMES.contains(name)));
        assert_eq!(all.len() + SIMULATED.len(), Defects::NAMES.len());
    }
}
