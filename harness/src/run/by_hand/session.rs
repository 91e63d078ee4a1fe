//! A session by hand as a scenario file: the scenario that ran, with the faults and the load as they were.

use super::ByHand;
use crate::exit::Failure;
use crate::run::{PLAN_FILE, RunFolder};
use squall_plan::fault::Fault;
use squall_plan::plan::PlannedStage;
use squall_plan::scenario::{Request, Stage, document, load, written};
use squall_plan::units::Rate;
use squall_plan::yaml::{Node, Place, Value};
use squall_plan::{Plan, Problems};
use std::path::{Path, PathBuf};

/// In the run's folder.
pub const SESSION_FILE: &str = "session.yaml";

/// Longest piece of a wave that was cut up.
const PIECE_NS: u64 = 1_000_000_000;

/// Writes the session, if there was one, and lays what happened over the stored plan, so that the run is judged by it.
///
/// # Errors
/// When it cannot be written, or would be no good scenario.
pub fn write(
    plan: &Plan,
    folder: &RunFolder,
    by_hand: &ByHand,
) -> Result<Option<PathBuf>, Failure> {
    let (caused, changes, events) = {
        let state = by_hand.lock();
        let (caused, changes) = (state.caused.clone(), state.changes.clone());
        (caused, changes, state.sent.clone())
    };
    if caused.is_empty() && changes.is_empty() {
        return Ok(None);
    }
    let path = folder.path().join(SESSION_FILE);
    let tree = tree(plan, &caused, &changes).map_err(|problems| not_good(&path, &problems))?;
    let text = format!(
        "# A session by hand, from {} with seed {}.\n{}",
        plan.file,
        plan.seed,
        squall_plan::yaml::show(&tree)
    );
    folder.write(SESSION_FILE, &text)?;
    load(&path, &Request::default()).map_err(|problems| not_good(&path, &problems))?;
    let shown = crate::cli::scenario_shown(&path);
    let happened = happened(plan, caused, &changes, &events, shown);
    let json = serde_json::to_string_pretty(&happened)
        .map_err(|error| Failure::defect(format!("cannot store the plan: {error}")))?;
    folder.write(PLAN_FILE, &json)?;
    Ok(Some(path))
}

fn not_good(path: &Path, problems: &Problems) -> Failure {
    Failure::defect(format!(
        "the session makes no good scenario, {}: {problems}",
        path.display()
    ))
}

/// The plan as it was carried out.
fn happened(
    plan: &Plan,
    caused: Vec<Fault>,
    changes: &[(u64, u32)],
    events: &[u64],
    file: String,
) -> Plan {
    let mut happened = plan.clone();
    happened.faults.extend(caused);
    happened.faults.sort_by_key(|fault| fault.at_ns);
    (happened.file, happened.variant) = (file, None);
    (happened.sets, happened.scaled_to) = (Vec::new(), None);
    if !changes.is_empty() {
        for (load, events) in happened.loads.iter_mut().zip(events) {
            load.events = *events;
        }
    }
    happened
}

fn tree(plan: &Plan, caused: &[Fault], changes: &[(u64, u32)]) -> Result<Node, Problems> {
    let request = Request {
        variant: plan.variant.clone(),
        sets: plan.sets.clone(),
    };
    let mut root = document(Path::new(&plan.file), &request)?;
    let name = format!("{}-by-hand", plan.name);
    root.put("name", Node::unquoted(name, &place()));
    if !changes.is_empty() || plan.scaled_to.is_some() {
        stages(&mut root, plan, changes);
    }
    let mut faults = root.get("faults").map_or(&[][..], Node::items).to_vec();
    faults.extend(caused.iter().cloned().map(|mut fault| {
        fault.at_ns = fault.at_ns.saturating_sub(plan.load_starts_ns);
        written::fault(&fault, &place())
    }));
    root.put("faults", Node::list(faults, &place()));
    Ok(root)
}

fn stages(root: &mut Node, plan: &Plan, changes: &[(u64, u32)]) {
    let Some(load) = root.get_mut("load") else {
        return;
    };
    let nodes = match &mut load.value {
        Value::List(items) => items.as_mut_slice(),
        _ => std::slice::from_mut(load),
    };
    for (node, load) in nodes.iter_mut().zip(&plan.loads) {
        let timeline = load.timeline.iter().filter(|stage| !stage.warm_up);
        let pieces = timeline.flat_map(|stage| pieces(stage, changes));
        let stages = pieces.map(|piece| written::stage(&piece, &place()));
        node.put("stages", Node::list(stages, &place()));
    }
}

/// A planned stage, cut where the load was changed.
fn pieces(planned: &PlannedStage, changes: &[(u64, u32)]) -> Vec<Stage> {
    let percent = |at_ns: u64| {
        let before = changes.iter().take_while(|(changed, _)| *changed <= at_ns);
        before.last().map_or(100, |(_, percent)| *percent)
    };
    let (from, to) = (planned.at_ns, planned.at_ns + planned.for_ns);
    let scaled = |rate: Rate, at_ns| Rate(rate.0.saturating_mul(u64::from(percent(at_ns))) / 100);
    if let Stage::Burst { count } = planned.stage {
        let count = (count * u64::from(percent(from)) / 100).max(1);
        return vec![Stage::Burst { count }];
    }
    let mut cuts: Vec<u64> = changes
        .iter()
        .map(|(at, _)| at / 1_000_000 * 1_000_000)
        .collect();
    cuts.retain(|cut| from < *cut && *cut < to);
    cuts.dedup();
    if matches!(planned.stage, Stage::Sine { .. }) && !cuts.is_empty() {
        // A wave that is cut would begin anew: short straight pieces keep its shape.
        cuts.extend((1..planned.for_ns.div_ceil(PIECE_NS)).map(|piece| from + piece * PIECE_NS));
        cuts.sort_unstable();
        cuts.dedup();
    }
    let edges: Vec<u64> = [from].into_iter().chain(cuts).chain([to]).collect();
    let whole = edges.len() == 2;
    edges
        .windows(2)
        .map(|edge| piece(planned, (edge[0], edge[1]), whole, &scaled))
        .collect()
}

fn piece(
    planned: &PlannedStage,
    (from, to): (u64, u64),
    whole: bool,
    scaled: &dyn Fn(Rate, u64) -> Rate,
) -> Stage {
    let for_ns = to - from;
    // Where a change fell on the last millisecond before `from`, it holds from here on.
    let at = from + 999_999;
    match planned.stage {
        Stage::Constant { rate, .. } => Stage::Constant {
            rate: scaled(rate, at),
            for_ns,
        },
        Stage::Sine {
            mean,
            amplitude,
            period_ns,
            ..
        } if whole => Stage::Sine {
            mean: scaled(mean, at),
            amplitude: scaled(amplitude, at),
            period_ns,
            for_ns,
        },
        Stage::Ramp { .. } | Stage::Sine { .. } => Stage::Ramp {
            from: scaled(rate_at(planned, from), at),
            to: scaled(rate_at(planned, to), at),
            for_ns,
        },
        Stage::Pause { .. } => Stage::Pause { for_ns },
        Stage::Burst { count } => Stage::Burst { count },
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn rate_at(planned: &PlannedStage, at_ns: u64) -> Rate {
    let passed = at_ns.saturating_sub(planned.at_ns) as f64;
    let rate = match planned.stage {
        Stage::Ramp { from, to, for_ns } => {
            let share = passed / for_ns.max(1) as f64;
            (to.0 as f64).mul_add(share, from.0 as f64 * (1.0 - share))
        }
        Stage::Sine {
            mean,
            amplitude,
            period_ns,
            ..
        } => {
            let turn = std::f64::consts::TAU * passed / period_ns.max(1) as f64;
            (amplitude.0 as f64).mul_add(turn.sin(), mean.0 as f64)
        }
        Stage::Constant { rate, .. } => rate.0 as f64,
        Stage::Burst { .. } | Stage::Pause { .. } => 0.0,
    };
    Rate(rate.max(0.0).round() as u64)
}

/// Of what no file holds.
fn place() -> Place {
    Place::of("session")
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_dashboard::Trouble;
    use squall_plan::fault::Target;

    const SECOND: u64 = 1_000_000_000;

    fn plan(file: &Path) -> Plan {
        let scenario = load(file, &Request::default()).expect("a good scenario");
        Plan::derive(&scenario, 7, squall_plan::plan::Environment::Embedded).expect("a plan")
    }

    fn rate_sum(plan: &Plan) -> u64 {
        plan.loads.iter().map(|load| load.events).sum()
    }

    #[test]
    fn a_session_of_any_shipped_scenario_is_a_good_scenario_that_does_the_same() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let runs = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(format!("{root}/scenarios")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let mut plan = plan(&path);
            plan.file = path.display().to_string();
            let by_hand = ByHand::default();
            by_hand.open(true);
            let topic = plan.cluster.topics[0].name.clone();
            let leader = Target::Leader {
                topic,
                partition: 0,
            };
            // Late in the load, where the scenario's own faults are over.
            let late = plan.load_ends_ns - 2 * SECOND;
            let caused = by_hand.cause(Trouble::Kill, leader, late, &plan);
            by_hand
                .change_load(true, plan.load_starts_ns + SECOND + 123_456)
                .unwrap();
            by_hand
                .change_load(true, plan.load_starts_ns + 2 * SECOND)
                .unwrap();
            by_hand.sent(plan.loads.iter().map(|load| load.events * 3 / 2).collect());
            let folder = RunFolder::create(runs.path(), &plan.name, 7).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            // The system is found beside the scenario or above it.
            let system = format!("{root}/systems/");
            let beside = folder.path().join("original.yaml");
            std::fs::write(&beside, text.replace("systems/", &system)).unwrap();
            plan.file = beside.display().to_string();
            let written = write(&plan, &folder, &by_hand).unwrap().expect("a session");
            let again = load(&written, &Request::default()).unwrap();
            let embedded = squall_plan::plan::Environment::Embedded;
            let derived = Plan::derive(&again, 7, embedded).unwrap();
            if let Ok(caused) = caused {
                let found = derived
                    .faults
                    .iter()
                    .find(|fault| fault.name == caused.name);
                let found = found.expect("the fault by hand");
                assert_eq!((found.at_ns, found.for_ns), (caused.at_ns, caused.for_ns));
                assert_eq!((&found.target, found.kind), (&caused.target, caused.kind));
            }
            assert!(rate_sum(&derived) > rate_sum(&plan), "{}", path.display());
            assert_eq!(
                derived.load_ends_ns,
                plan.load_ends_ns,
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn a_stage_is_cut_where_the_load_was_changed() {
        let planned = PlannedStage {
            at_ns: 0,
            for_ns: 10 * SECOND,
            stage: Stage::Constant {
                rate: Rate::from_per_second(100),
                for_ns: 10 * SECOND,
            },
            events: 1000,
            warm_up: false,
        };
        let constant = |rate, seconds| Stage::Constant {
            rate: Rate::from_per_second(rate),
            for_ns: seconds * SECOND,
        };
        let found = pieces(&planned, &[(4 * SECOND, 200), (6 * SECOND, 50)]);
        assert_eq!(found, [constant(100, 4), constant(200, 2), constant(50, 4)]);
        assert_eq!(pieces(&planned, &[]), [constant(100, 10)]);
    }
}
