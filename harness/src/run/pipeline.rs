//! The pipeline, readable in a minute: folder, history, environment, phases, verdict, reports.

use super::by_hand::{self, ByHand};
use super::ci;
use super::live::{LiveParts, LiveView, SharedFeed};
use super::metrics::{self, Endpoint, Told};
use super::phases::{Ended, Outcome, Phases};
use super::targets::Targets;
use super::{Finished, RunFolder, RunOptions, finish, simulated, write_reports};
use crate::environment::external;
use crate::environment::interrupt::Interrupt;
use crate::environment::notes::{Journal, Notes};
use crate::exit::{Exit, Failure};
use crate::verdict;
use squall_dashboard::STOPPING;
use squall_history::{FILE_NAME, Head, ROWS_VERSION, Recorder, What};
use squall_plan::Plan;
use squall_plan::plan::Environment;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// Everything that the parts of a run share.
pub struct Context<'a> {
    pub plan: &'a Plan,
    pub folder: RunFolder,
    pub recorder: Recorder,
    pub notes: Arc<dyn Notes>,
    /// Time 0 of the history.
    pub started: Instant,
    pub interrupt: Interrupt,
    /// Trouble by hand, where a dashboard can cause it.
    pub by_hand: Option<ByHand>,
    pub targets: Targets,
}

/// Runs a plan, judges it, and tells those who wait for it.
pub fn run(plan: &Plan, options: &RunOptions, out: &mut dyn Write) -> Result<Finished, Failure> {
    let renamed = (plan.environment == Environment::External).then(|| external::own_names(plan));
    let plan = renamed.as_ref().unwrap_or(plan);
    let folder = RunFolder::create(&options.out, &plan.name, plan.seed)?;
    let plan_json = serde_json::to_string_pretty(plan)
        .map_err(|error| Failure::defect(format!("cannot store the plan: {error}")))?;
    folder.write(super::PLAN_FILE, &plan_json)?;
    let (ended, last_metrics) = match plan.environment {
        Environment::Embedded | Environment::Docker | Environment::External => {
            real_time(plan, options, &folder, out)?
        }
        Environment::Sim => {
            simulated::run(plan, &folder)?;
            let ended = Ended {
                outcome: Outcome::Complete,
                kept: None,
            };
            (ended, None)
        }
    };
    let finished = conclude(&folder, ended)?;
    ci::tell(&finished.report, &plan.file, out);
    if let (Some(gateway), Some(metrics)) = (&options.metrics.push, last_metrics) {
        let metrics = metrics + &metrics::of_verdict(&finished.report);
        if let Err(failure) = metrics::push(gateway, &plan.name, plan.variant.as_deref(), &metrics)
        {
            // Who watches is not who is watched: the verdict stands.
            let _ = writeln!(std::io::stderr(), "warning: {failure}");
        }
    }
    Ok(finished)
}

/// Besides how it ended: the metrics at its end, for those who push them.
fn real_time(
    plan: &Plan,
    options: &RunOptions,
    folder: &RunFolder,
    out: &mut dyn Write,
) -> Result<(Ended, Option<String>), Failure> {
    let started = Instant::now();
    let watched = options.live || options.metrics.are_wanted();
    let feed = watched.then(|| SharedFeed::new(plan));
    let recorder = Recorder::observed(
        &folder.path().join(FILE_NAME),
        plan.system.spec.sinks.len(),
        feed.as_ref().map(SharedFeed::observer),
    )
    .map_err(|error| Failure::environment(format!("cannot write the history: {error}")))?;
    let interrupt = Interrupt::listen()?;
    let journal = Journal::new(recorder.clone(), started);
    journal.note(What::Head(head(plan)));
    let context = Context {
        plan,
        folder: folder.clone(),
        recorder: recorder.clone(),
        notes: Arc::new(journal),
        started,
        interrupt,
        by_hand: options.live.then(ByHand::default),
        targets: Targets::of(plan),
    };
    let _endpoint = match (options.metrics.serve, &feed) {
        (Some(address), Some(feed)) => {
            let told = Told {
                feed: feed.clone(),
                began: started,
                targets: context.targets.clone(),
            };
            Some(Endpoint::serve(address, told)?)
        }
        _ => None,
    };
    let shown = feed.clone().filter(|_| options.live);
    let live = shown
        .map(|feed| live_view(&context, options, feed))
        .transpose()?;
    // On the error output: the other one is in use by the phases, which may be waiting for something.
    let _told = live.is_none().then(|| {
        let tell = || writeln!(std::io::stderr(), "{STOPPING}");
        context.interrupt.at_first(tell)
    });
    let ended = Phases::new(&context, live.is_none().then_some(out)).run(options.keep);
    let failed = live
        .as_ref()
        .map(LiveView::failed_faults)
        .unwrap_or_default();
    drop(live);
    finish::close(&context, &ended)?;
    if let Some(by_hand) = &context.by_hand {
        failed.iter().for_each(|name| by_hand.forget(name));
        by_hand::write(plan, folder, by_hand)?;
    }
    let pushed = feed.filter(|_| options.metrics.push.is_some());
    let last_metrics = pushed.map(|feed| metrics::text(&feed, started));
    ended.map(|ended| (ended, last_metrics))
}

fn live_view(
    context: &Context<'_>,
    options: &RunOptions,
    feed: SharedFeed,
) -> Result<LiveView, Failure> {
    LiveView::start(LiveParts {
        plan: context.plan.clone(),
        folder: context.folder.path().to_owned(),
        feed,
        began: context.started,
        glyphs: options.glyphs,
        interrupt: context.interrupt.clone(),
        by_hand: context.by_hand.clone().unwrap_or_default(),
    })
}

/// The head of a history, whatever runs it.
pub fn head(plan: &Plan) -> Head {
    Head {
        version: ROWS_VERSION,
        scenario: plan.name.clone(),
        seed: plan.seed,
        environment: plan.environment.name().to_owned(),
        started: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        plan: format!("{:016x}", plan.digest()),
    }
}

/// Verdict and reports, from the files of the run alone.
fn conclude(folder: &RunFolder, ended: Ended) -> Result<Finished, Failure> {
    let judged = verdict::judge(folder.path())?;
    write_reports(folder.path(), &judged)?;
    Ok(Finished {
        exit: Exit::from(judged.judgement.verdict),
        report: judged.report,
        folder: folder.path().to_owned(),
        interrupted: ended.outcome == Outcome::Interrupted,
        kept: ended.kept,
    })
}
