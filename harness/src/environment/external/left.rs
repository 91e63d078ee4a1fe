//! What killed runs left on clusters of others'. Before a run makes anything there, its folder says so, in a file that goes when
//! everything else has; the next run there, or `squall clean`, finds the files of runs that are over.

use super::tidy::Broom;
use super::{PREFIX, Way};
use crate::environment::EnvironmentError;
use crate::environment::owner::Owner;
use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};
use squall_plan::Plan;
use squall_proxy::tls::OnFailure;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// In the run's folder.
pub const FILE: &str = "on-the-cluster.json";
/// A run that begins does not wait for sessions of consumers that were killed: what they hold stays for the next one.
const BEFORE_A_RUN: Duration = Duration::from_secs(5);
/// Longer than a session.
const WHEN_CLEANING: Duration = Duration::from_secs(60);

/// That a run has topics and groups on a cluster. Holds nothing that is secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Left {
    pub prefix: String,
    /// What the cluster calls itself.
    pub cluster: String,
    pub owner: Owner,
}

impl Left {
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, run_folder: &Path) -> std::io::Result<PathBuf> {
        let path = run_folder.join(FILE);
        std::fs::write(&path, serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }

    /// `None`: nothing is noted there, or what is noted is nothing of ours.
    fn read(path: &Path) -> Option<Self> {
        let left: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        // Whatever begins so is deleted.
        let own = left.prefix.len() > PREFIX.len() && left.prefix.starts_with(PREFIX);
        own.then_some(left)
    }
}

/// The files of runs that are over.
pub fn of_dead(reports: &Path) -> Vec<(PathBuf, Left)> {
    let folders = std::fs::read_dir(reports).into_iter().flatten().flatten();
    // `latest` is another name of one of them.
    let folders = folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let paths = folders.map(|entry| entry.path().join(FILE));
    let found = paths.filter_map(|path| Some((path.clone(), Left::read(&path)?)));
    let mut dead: Vec<_> = found.filter(|(_, left)| left.owner.is_gone()).collect();
    dead.sort_by(|one, other| one.0.cmp(&other.0));
    dead
}

/// Before a run: takes away what dead ones left on its cluster, and tells `say`.
pub fn sweep_here(reports: &Path, cluster: &str, config: &ClientConfig, say: &mut dyn FnMut(&str)) {
    for (path, left) in of_dead(reports) {
        if left.cluster != cluster {
            continue;
        }
        let broom = Broom::new(config, &left.prefix).map_err(|error| error.to_string());
        match broom.and_then(|broom| broom.until_gone(BEFORE_A_RUN)) {
            Ok(()) => {
                say(&format!("removed {}, left by a killed run", told(&left)));
                let _ = std::fs::remove_file(&path);
            }
            Err(why) => say(&format!("{why}; `squall clean` tries again")),
        }
    }
}

/// Takes away what dead runs left anywhere; tells of each what became of it.
#[must_use]
pub fn sweep_all(reports: &Path) -> Vec<Result<String, String>> {
    let one = |(path, left): (PathBuf, Left)| {
        let told = told(&left);
        match sweep(&path, &left) {
            Ok(()) => {
                let _ = std::fs::remove_file(&path);
                Ok(told)
            }
            Err(why) => Err(format!(
                "{told} stay: {why}\n  help: set the variables that the run had (SQUALL_KAFKA_...), or delete them on the cluster and then {}",
                path.display()
            )),
        }
    };
    of_dead(reports).into_iter().map(one).collect()
}

fn sweep(path: &Path, left: &Left) -> Result<(), String> {
    let plan = path.with_file_name(crate::run::PLAN_FILE);
    let plan = std::fs::read(&plan).map_err(|error| format!("{}: {error}", plan.display()))?;
    let plan: Plan = serde_json::from_slice(&plan).map_err(|error| error.to_string())?;
    let way = Way::to(&plan, OnFailure::default());
    let way = way.map_err(|error: EnvironmentError| error.to_string())?;
    let broom = Broom::new(&way.config(), &left.prefix).map_err(|error| error.to_string())?;
    match broom.cluster() {
        Some(cluster) if cluster == left.cluster => broom.until_gone(WHEN_CLEANING),
        Some(other) => Err(format!(
            "they are on the cluster {}, and this one is {other}",
            left.cluster
        )),
        None => Err("the cluster does not answer".to_owned()),
    }
}

fn told(left: &Left) -> String {
    format!("topics and groups named {}...", left.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_are_over_have_left_something_and_only_what_is_theirs_goes() {
        let reports = tempfile::tempdir().unwrap();
        let living = Owner::this_process();
        let dead = Owner {
            started: "1".to_owned(),
            ..living.clone()
        };
        let note = |run: &str, prefix: &str, owner: &Owner| {
            let folder = reports.path().join(run);
            std::fs::create_dir(&folder).unwrap();
            let left = Left {
                prefix: prefix.to_owned(),
                cluster: "c".to_owned(),
                owner: owner.clone(),
            };
            left.write(&folder).unwrap()
        };
        note("alive", "squall-1-", &living);
        let found = note("killed", "squall-2-", &dead);
        // Names that somebody else wrote there would be other people's topics.
        note("odd", "", &dead);
        note("odder", "squall-", &dead);
        note("oddest", "orders", &dead);
        std::os::unix::fs::symlink("killed", reports.path().join("latest")).unwrap();
        let paths: Vec<PathBuf> = of_dead(reports.path())
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, [found]);
        assert!(of_dead(&reports.path().join("none")).is_empty());
    }
}
