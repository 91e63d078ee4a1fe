//! `rolling_deploy`: replicas are replaced by another version in order, each once the one before is ready. It stays.

use super::FaultError;
use super::sequence::{self, Sequence, Step};
use crate::environment::Environment;
use crate::environment::placement::Version;
use crate::environment::processes;
use crate::environment::supervision::{ReplicaId, ReplicaSpec};
use squall_plan::fault::Terms;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A process that is ready has long become what it is; this is for those that count as ready at once.
const SHOWS_WITHIN: Duration = Duration::from_secs(5);

/// # Errors
/// When no thread can be had.
pub fn inject(
    env: Arc<dyn Environment>,
    ids: &[ReplicaId],
    terms: &Terms,
) -> Result<Sequence, FaultError> {
    let version = match terms {
        Terms::Deploy { environment, bugs } => Version {
            environment: environment.clone(),
            bugs: bugs.clone(),
        },
        _ => Version::default(),
    };
    let step = |id: &ReplicaId| -> Step {
        let (env, id, version) = (Arc::clone(&env), id.clone(), version.clone());
        Box::new(move |_| replace(&*env, &id, &version))
    };
    sequence::start("rolling-deploy", ids.iter().map(step).collect())
}

fn replace(env: &dyn Environment, id: &ReplicaId, version: &Version) -> Result<String, FaultError> {
    let one = std::slice::from_ref(id);
    let ended = env.supervisor().stop(one)?;
    let before = ended.first().copied().flatten().map(|ended| ended.pid);
    let spec = env.prepare(id, version)?;
    if let Err(error) = env.supervisor().start_all(one) {
        // As whoever deploys would do: the old version back, and no further.
        env.supervisor().kill(one)?;
        env.prepare(id, &Version::default())?;
        env.supervisor().start_all(one)?;
        return Err(error.into());
    }
    let now = env.supervisor().status(id)?.pid();
    let failed = |why: &str| FaultError::Sequence {
        why: format!("{id}: {why}"),
    };
    match (before, now) {
        (Some(before), Some(now)) if now != before && runs_as(now, &spec) => {
            Ok(format!("{id} pid {before} -> {now} runs the new version"))
        }
        (None, _) => Err(failed("there was no process to replace")),
        _ => Err(failed("nothing shows that the new version runs")),
    }
}

/// The kernel knows what environment a process was started with; while it becomes another program, it knows none.
fn runs_as(pid: i32, spec: &ReplicaSpec) -> bool {
    let deadline = Instant::now() + SHOWS_WITHIN;
    loop {
        let mut told = spec.launch.environment.iter();
        if told.all(|(name, value)| processes::carries(pid, &format!("{name}={value}"))) {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
