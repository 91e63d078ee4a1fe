//! From a stored run to its verdict: reads the plan and the history, nothing else, so that `squall judge` comes to the same end.

mod again;
mod assemble;
mod cure;
mod health;
mod logs;
mod spec;
mod story;
mod survey;
mod way;

pub use health::{PACING_BUCKET, TAP_RESOLUTION, key as health_key};
pub use way::{Way, WayEnd, way};

use crate::exit::Failure;
use squall_check::{EventId, Health, Judge, JudgeSpec, Judgement};
use squall_history::{Batch, HistoryError, Reader};
use squall_plan::Plan;
use squall_render::Report;
use squall_render::report::Story;
use std::path::Path;
use survey::Survey;

/// A judged run.
pub struct Judged {
    pub plan: Plan,
    pub judgement: Judgement,
    pub report: Report,
}

/// Judges the run in `folder` from its plan and its history.
pub fn judge(folder: &Path) -> Result<Judged, Failure> {
    let plan = read_plan(folder)?;
    let survey = Survey::read(folder).map_err(|error| unreadable(folder, &error))?;
    let spec = spec::derive(&plan, &survey)?;
    let judgement = feed(folder, spec, health::derive(&plan, &survey))
        .map_err(|error| unreadable(folder, &error))?;
    let report = assemble::report(folder, &plan, &survey, &judgement);
    Ok(Judged {
        plan,
        judgement,
        report,
    })
}

/// The way of one event to sink number `sink`; `None` where the history does not tell it.
#[must_use]
pub fn tell(folder: &Path, plan: &Plan, event: EventId, sink: usize) -> Option<Story> {
    let story = story::tell(folder, plan, event, sink).ok()?;
    (!story.steps.is_empty()).then_some(story)
}

fn read_plan(folder: &Path) -> Result<Plan, Failure> {
    let path = folder.join(crate::run::PLAN_FILE);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::bad_input(format!(
            "{} is no plan of this version of Squall: {error}",
            path.display()
        ))
    })
}

fn feed(folder: &Path, spec: JudgeSpec, health: Health) -> Result<Judgement, HistoryError> {
    let mut judge = Judge::new(spec);
    let mut reader = Reader::open(folder)?;
    while let Some(batch) = reader.next_batch()? {
        if let Batch::Ops(ops) = batch {
            judge.ops(ops);
        }
    }
    Ok(judge.finish(health))
}

/// A history that is damaged in the middle proves nothing; it is told as such, with the place.
fn unreadable(folder: &Path, error: &HistoryError) -> Failure {
    Failure::new(
        crate::exit::Exit::Inconclusive,
        format!(
            "the history of {} cannot be judged: {error}",
            folder.display()
        ),
    )
    .hint("nothing is proven by a history that is damaged; run the scenario again")
}
