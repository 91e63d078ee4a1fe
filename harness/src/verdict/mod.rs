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

pub use again::command as repeat_command;
pub use health::{PACING_BUCKET, TAP_RESOLUTION, key as health_key};
pub use way::{Way, WayEnd, way};

use crate::exit::Failure;
use around::{Around, Told};
use squall_check::{EventId, Judge, JudgeSpec, Judgement, Op};
use squall_history::{Batch, Event, HistoryError, Note, Reader};
use squall_plan::Plan;
use squall_render::Report;
use squall_render::report::Story;
use squall_sim::Runs;
use std::collections::BTreeMap;
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
    let (judgement, told) = heard(&plan, &survey, |hearing| feed(folder, hearing))?;
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

/// A run that is judged as it comes, without a folder. Keeps what it was told, for a spec is made of the notes of the whole run.
#[derive(Default)]
pub struct Witness {
    survey: Survey,
    ops: Runs<Op>,
    notes: Vec<Note>,
}

impl Witness {
    /// Takes the next event of the history.
    pub fn event(&mut self, event: Event) {
        match event {
            Event::Op(op) => self.ops.push(op),
            Event::Note(note) => {
                self.survey.note(&note);
                self.notes.push(note);
            }
        }
    }

    /// The way of one event to sink number `sink`, as far as it was told.
    #[must_use]
    pub fn story(&self, plan: &Plan, event: EventId, sink: usize) -> Story {
        let ops = self.ops().filter(|op| op.event == event);
        let told = |note: &&Note| !matches!(note.what, squall_history::What::Sample { .. });
        let collected = story::Collected {
            ops: ops.copied().collect(),
            notes: self.notes.iter().filter(told).cloned().collect(),
        };
        // There is no folder, and so there are no logs of services.
        story::tell_collected(Path::new(""), plan, event, sink, &collected)
    }

    /// In the order in which they were told.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.ops.iter().flatten()
    }

    /// What the run is judged by.
    ///
    /// # Errors
    /// When the plan has a threshold that cannot be read.
    pub fn spec(&self, plan: &Plan) -> Result<JudgeSpec, Failure> {
        spec::derive(plan, &self.survey)
    }

    /// Judges what was taken by the plan of the run.
    ///
    /// # Errors
    /// When the plan has a threshold that cannot be read.
    pub fn judge(&self, plan: &Plan) -> Result<Judgement, Failure> {
        self.judge_as(plan, self.ops.iter())
    }

    /// As [`Self::judge`], had these runs, one after the other, been the operations.
    ///
    /// # Errors
    /// When the plan has a threshold that cannot be read.
    pub fn judge_as<'a>(
        &self,
        plan: &Plan,
        runs: impl IntoIterator<Item = &'a [Op]>,
    ) -> Result<Judgement, Failure> {
        let (judgement, _) = heard(plan, &self.survey, |hearing| {
            runs.into_iter().for_each(|ops| hearing.judge.ops(ops));
            hearing.around.notes(&self.notes);
            Ok(())
        })?;
        Ok(judgement)
    }
}

/// Takes a history, from wherever it comes.
struct Hearing {
    judge: Judge,
    /// What the notes tell of the time around the faults.
    around: Around,
}

/// From the survey and a history to the judgement: the one way to a verdict.
fn heard(
    plan: &Plan,
    survey: &Survey,
    feed: impl FnOnce(&mut Hearing) -> Result<(), Failure>,
) -> Result<(Judgement, BTreeMap<String, Told>), Failure> {
    let spec = spec::derive(plan, survey)?;
    let mut hearing = Hearing {
        around: Around::new(&spec),
        judge: Judge::new(spec),
    };
    feed(&mut hearing)?;
    let Hearing { judge, around } = hearing;
    let mut health = health::derive(plan, survey);
    health.signs = around.signs();
    health.metrics.extend(around.metrics(survey.end_ns));
    Ok((judge.finish(health), around.told(survey.end_ns)))
}

pub(crate) fn read_plan(folder: &Path) -> Result<Plan, Failure> {
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

fn feed(folder: &Path, hearing: &mut Hearing) -> Result<(), Failure> {
    let damaged = |error: HistoryError| unreadable(folder, &error);
    let mut reader = Reader::open(folder).map_err(damaged)?;
    while let Some(batch) = reader.next_batch().map_err(damaged)? {
        match batch {
            Batch::Ops(ops) => hearing.judge.ops(ops),
            Batch::Notes(notes) => hearing.around.notes(notes),
        }
    }
    Ok(())
}

/// A history that is damaged in the middle proves nothing; it is told as such, with the place.
pub(crate) fn unreadable(folder: &Path, error: &HistoryError) -> Failure {
    Failure::new(
        crate::exit::Exit::Inconclusive,
        format!(
            "the history of {} cannot be judged: {error}",
            folder.display()
        ),
    )
    .hint("nothing is proven by a history that is damaged; run the scenario again")
}
