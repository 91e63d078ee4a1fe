//! `--control`: the same plan without its faults, run after the one with them, so that an anomaly can be attributed.

use super::PlanChoice;
use crate::exit::Failure;
use crate::run::Finished;
use serde::Serialize;
use squall_plan::Plan;
use squall_plan::fault::Fault;
use squall_render::report::{Report, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Name of the comparison, in the folder of the run with the faults.
pub const CONTROL_FILE: &str = "control.json";

/// The control of a plan: the same seed, load and system, and no faults. It is made as a user would make it by `--set`, so that
/// the command that it prints repeats it.
///
/// # Errors
/// When the scenario is not one without its faults.
pub fn plan(choice: &PlanChoice, file: &Path, plan: &Plan) -> Result<Plan, Failure> {
    let mut control = choice.clone();
    control.seed = Some(plan.seed);
    control.set.push("faults=[]".to_owned());
    if plan.faults.iter().any(|fault: &Fault| fault.drawn) {
        control.set.push("nemesis=null".to_owned());
    }
    // A limit around a fault is never measured without it, which would leave nothing proven.
    let around_a_fault = |metric: &str| metric.contains("fault:") || metric.contains("phase:");
    let mut limits = plan.expect.thresholds.iter();
    if limits.any(|limit| around_a_fault(&limit.metric)) {
        control.set.push("expect.thresholds={}".to_owned());
    }
    let control = control.plan(file)?;
    if control.loads != plan.loads {
        return Err(Failure::defect(
            "the control of a plan has another load than the plan",
        ));
    }
    Ok(control)
}

/// The outcome of both runs side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// Folder of the control.
    pub control: String,
    /// `held`, `violated` or `inconclusive`: the control's.
    pub verdict: &'static str,
    pub anomalies: Vec<Compared>,
}

/// One anomaly in one sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Compared {
    pub name: String,
    pub sink: Option<String>,
    pub with_faults: u64,
    pub without_faults: u64,
    pub attribution: Attribution,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attribution {
    /// It came with the faults only.
    Faults,
    /// It came without them too.
    NotFaults,
    /// The control proved nothing.
    Unknown,
}

impl Comparison {
    #[must_use]
    pub fn of(run: &Finished, control: &Finished) -> Self {
        Self::of_reports(&run.report, &control.report, &control.folder)
    }

    fn of_reports(run: &Report, control: &Report, folder: &Path) -> Self {
        let mut counts: BTreeMap<(String, Option<String>), (u64, u64)> = BTreeMap::new();
        for anomaly in &run.anomalies {
            let key = (anomaly.name.clone(), anomaly.sink.clone());
            counts.entry(key).or_default().0 += anomaly.count;
        }
        for anomaly in &control.anomalies {
            let key = (anomaly.name.clone(), anomaly.sink.clone());
            counts.entry(key).or_default().1 += anomaly.count;
        }
        let proven = control.verdict != Verdict::Inconclusive;
        let compared = |((name, sink), (with_faults, without_faults))| Compared {
            name,
            sink,
            with_faults,
            without_faults,
            attribution: match without_faults {
                1.. => Attribution::NotFaults,
                0 if proven => Attribution::Faults,
                0 => Attribution::Unknown,
            },
        };
        Self {
            control: folder.display().to_string(),
            verdict: match control.verdict {
                Verdict::Held => "held",
                Verdict::Violated => "violated",
                Verdict::Inconclusive => "inconclusive",
            },
            anomalies: counts.into_iter().map(compared).collect(),
        }
    }

    /// What a user reads after both runs.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "CONTROL   the same plan without its faults, run after: {}\n",
            self.verdict
        );
        if self.anomalies.is_empty() {
            text.push_str("          no anomaly with the faults, and none without\n");
        }
        for anomaly in &self.anomalies {
            let sink = anomaly.sink.as_deref();
            let sink = sink.map(|sink| format!(" in {sink}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "          {}{sink}: {} with the faults, {} without. {}",
                anomaly.name,
                anomaly.with_faults,
                anomaly.without_faults,
                anomaly.attribution.text(anomaly.with_faults)
            );
        }
        text
    }
}

impl Attribution {
    const fn text(self, with_faults: u64) -> &'static str {
        match (self, with_faults) {
            (Self::Faults, _) => "It takes the faults.",
            (Self::NotFaults, 0) => "It came by itself, in the control only.",
            (Self::NotFaults, _) => "It comes without them too: look elsewhere first.",
            (Self::Unknown, _) => "The control proved nothing, so nobody knows.",
        }
    }
}
