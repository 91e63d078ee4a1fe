//! `squall test FILE|DIR`: runs each scenario and each of its variants, and compares the verdicts with those that the files expect.

use super::{PlanChoice, lookup, printed};
use crate::exit::{Exit, Failure};
use crate::run::{self, RunOptions};
use clap::Args;
use squall_plan::Plan;
use squall_plan::scenario::ExpectedVerdict;
use squall_render::report::{Report, Verdict};
use squall_render::terminal;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
pub struct TestArgs {
    /// Scenario file or folder; looked up in scenarios/ too
    file: PathBuf,
    #[command(flatten)]
    choice: PlanChoice,
    /// Folder in which the runs' own folders are made
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

pub fn run(args: &TestArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut plans = Vec::new();
    for file in lookup::scenario_files(&args.file)? {
        plans.extend(plans_of(&args.choice, &file)?);
    }
    let (mut agreed, mut failed) = (0, 0);
    for plan in &plans {
        let finished = one(args, plan, out)?;
        let problem = disagreement(plan, &finished.report);
        match &problem {
            None => agreed += 1,
            Some(_) => failed += 1,
        }
        printed(writeln!(
            out,
            "{}",
            line(plan, &finished, problem.as_deref())
        ))?;
        if finished.interrupted {
            return Ok(Exit::Inconclusive);
        }
    }
    printed(writeln!(out, "{agreed} as expected, {failed} not"))?;
    Ok(if failed == 0 {
        Exit::Held
    } else {
        Exit::Violated
    })
}

/// The file as it is, and each of its variants; or the one variant that was asked for.
fn plans_of(choice: &PlanChoice, file: &std::path::Path) -> Result<Vec<Plan>, Failure> {
    let mut plans = vec![choice.plan(file)?];
    if choice.variant.is_none() {
        for variant in choice.scenario(file)?.variants {
            let choice = PlanChoice {
                variant: Some(variant),
                seed: Some(plans[0].seed),
                ..choice.clone()
            };
            plans.push(choice.plan(file)?);
        }
    }
    Ok(plans)
}

fn one(args: &TestArgs, plan: &Plan, out: &mut dyn Write) -> Result<run::Finished, Failure> {
    let options = RunOptions {
        metrics: Default::default(),
        keep: false,
        out: args.out.clone(),
        live: false,
        glyphs: super::scenario::glyphs(),
    };
    run::run(plan, &options, out)
}

/// How the outcome differs from what the file expects.
fn disagreement(plan: &Plan, report: &Report) -> Option<String> {
    let expected = match plan.expect.verdict {
        ExpectedVerdict::Held => Verdict::Held,
        ExpectedVerdict::Violated => Verdict::Violated,
        ExpectedVerdict::Inconclusive => Verdict::Inconclusive,
    };
    if report.verdict != expected {
        return Some(format!("expected {}", expected.shout()));
    }
    let seen = |name: &String| report.anomalies.iter().any(|anomaly| anomaly.name == *name);
    let missing: Vec<&str> = plan
        .expect
        .anomalies
        .iter()
        .filter(|name| !seen(name))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| format!("expected {} among the anomalies", missing.join(", ")))
}

fn line(plan: &Plan, finished: &run::Finished, problem: Option<&str>) -> String {
    let name = match &plan.variant {
        Some(variant) => format!("{} ({variant})", plan.name),
        None => plan.name.clone(),
    };
    let mark = if problem.is_none() { "ok  " } else { "FAIL" };
    let reasons = finished.report.inconclusive.join(" ");
    let detail = problem
        .map(|problem| {
            format!(
                "\n      {problem}. {reasons}\n      {}",
                finished.folder.display()
            )
        })
        .unwrap_or_default();
    format!(
        "{mark} {name}: {}{detail}",
        terminal::last_line(&finished.report)
    )
}
