//! From a stored run to its verdict: reads the plan and the history, nothing else, so that `squall judge` comes to the same end.

mod again;
mod around;
mod assemble;
mod cure;
mod health;
mod logs;
mod measures;
mod spec;
mod story;
mod survey;
mod way;

pub use health::{PACING_BUCKET, TAP_RESOLUTION, key as health_key};
pub use way::{Way, WayEnd, way};

use crate::exit::Failure;
use around::Around;
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
    let health = health::derive(&plan, &survey);
    let (judgement, around) =
        feed(folder, spec, health, survey.end_ns).map_err(|error| unreadable(folder, &error))?;
    let told = around.told(survey.end_ns);
    let report = assemble::report(folder, &plan, &survey, &judgement, &told);
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

/// Judges the operations, and gathers what the notes tell of the time around the faults.
fn feed(
    folder: &Path,
    spec: JudgeSpec,
    mut health: Health,
    end_ns: u64,
) -> Result<(Judgement, Around), HistoryError> {
    let mut around = Around::new(&spec);
    let mut judge = Judge::new(spec);
    let mut reader = Reader::open(folder)?;
    while let Some(batch) = reader.next_batch()? {
        match batch {
            Batch::Ops(ops) => judge.ops(ops),
            Batch::Notes(notes) => around.notes(notes),
        }
    }
    health.signs = around.signs();
    health.metrics.extend(around.metrics(end_ns));
    Ok((judge.finish(health), around))
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
