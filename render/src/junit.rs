//! `junit.xml`: one test case for each expectation, with what was observed, as CI systems read it.

use crate::report::{Report, Verdict};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write as _;
use std::time::Duration;

/// The report as JUnit XML. A run that proved nothing is an error, never a success.
pub fn xml(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut suite = TestSuite::new(report.title());
    // Readers that meet a file twice, through the link `latest`, know by it that it is one.
    suite
        .extra
        .insert("timestamp".into(), report.started.as_str().into());
    suite.set_time(Duration::try_from_secs_f64(report.duration_s).unwrap_or_default());
    suite.add_property(("seed", report.seed.to_string().as_str()));
    suite.add_property(("environment", report.environment.as_str()));
    suite.add_test_case(verdict_case(report));
    suite.add_test_cases(sink_cases(report));
    suite.add_test_cases(fault_cases(report));
    suite.add_test_cases(limit_cases(report));
    suite.add_test_cases(invariant_cases(report));
    let mut xml = quick_junit::Report::new("squall");
    // GitLab and Jenkins know a case by its class and name: those of two scenarios must differ.
    for case in &mut suite.test_cases {
        case.set_classname(format!("squall.{}", suite.name.as_str().replace('.', "_")));
    }
    xml.add_test_suite(suite);
    Ok(without_skipped_at_the_root(&xml.to_string()?))
}

/// The schema that Jenkins' xUnit plugin holds files to has the number of skipped cases on suites only, not on their root.
fn without_skipped_at_the_root(xml: &str) -> String {
    let root = xml.find("<testsuites").unwrap_or(xml.len());
    let ends = xml[root..].find('>').map_or(xml.len(), |at| root + at);
    let tag = &xml[root..ends];
    let Some((before, rest)) = tag.split_once(" skipped=\"") else {
        return xml.to_owned();
    };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    [&xml[..root], before, after, &xml[ends..]].concat()
}

fn case(name: String, ok: bool, kind: NonSuccessKind, observed: &str) -> TestCase {
    let mut status = if ok {
        TestCaseStatus::success()
    } else {
        TestCaseStatus::non_success(kind)
    };
    if !ok {
        status.set_message(observed);
    }
    let mut case = TestCase::new(name, status);
    case.set_system_out(observed);
    case
}

fn skipped(name: String, why: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    TestCase::new(name, status)
}

fn verdict_case(report: &Report) -> TestCase {
    let kind = if report.verdict == Verdict::Inconclusive {
        NonSuccessKind::Error
    } else {
        NonSuccessKind::Failure
    };
    let observed = format!(
        "{} {}; {}",
        report.verdict.shout(),
        report.headline,
        report.inconclusive.join("; ")
    );
    let mut case = case(
        "verdict".to_owned(),
        report.verdict == Verdict::Held,
        kind,
        observed.trim_end_matches("; "),
    );
    case.status.set_description(details(report));
    case
}

/// What a reader of the failure alone needs: each anomaly with one of its events, and the command that shows it again.
fn details(report: &Report) -> String {
    let mut text = String::new();
    for anomaly in &report.anomalies {
        let sink = anomaly.sink.as_deref().unwrap_or("the run");
        let _ = write!(text, "{} x{} in {sink}", anomaly.name, anomaly.count);
        if let Some(event) = anomaly.events.first() {
            let _ = write!(text, ", such as event {event}");
        }
        for place in anomaly.places.iter().take(3) {
            let _ = write!(text, "; {place}");
        }
        let _ = writeln!(text, "\n  {}", anomaly.cure);
    }
    for reason in &report.inconclusive {
        let _ = writeln!(text, "not proven: {reason}");
    }
    let _ = write!(text, "again: {}", report.again);
    text
}

fn sink_cases(report: &Report) -> Vec<TestCase> {
    let case_of = |sink: &crate::report::SinkSummary| {
        let observed = format!(
            "effects {}, lost {}, duplicated {}, dead-lettered {}, in flight {}",
            sink.effects, sink.lost, sink.duplicated, sink.dead_lettered, sink.in_flight
        );
        case(
            format!("sink {} is {}", sink.name, sink.semantics),
            sink.ok,
            NonSuccessKind::Failure,
            &observed,
        )
    };
    report.sinks.iter().map(case_of).collect()
}

fn fault_cases(report: &Report) -> Vec<TestCase> {
    let case_of = |fault: &crate::report::FaultSummary| {
        let name = format!("fault {} bit", fault.name);
        match fault.ok() {
            Some(ok) => case(name, ok, NonSuccessKind::Error, &fault.shown()),
            None => skipped(name, &fault.shown()),
        }
    };
    let demand = |fault: &crate::report::FaultSummary, demand: &crate::report::Demand| {
        let name = format!("fault {} caused: {}", fault.name, demand.consequence);
        case(name, demand.met, NonSuccessKind::Error, &demand.detail)
    };
    let cases = report.faults.iter().flat_map(|fault| {
        let demands = fault.demanded.iter().map(|one| demand(fault, one));
        std::iter::once(case_of(fault)).chain(demands)
    });
    cases.collect()
}

fn limit_cases(report: &Report) -> Vec<TestCase> {
    let case_of = |limit: &crate::report::Limit| {
        let name = format!("{} {}", limit.metric, limit.expression);
        if !limit.ok && !limit.weight.is_empty() {
            return skipped(name, &limit.told());
        }
        let (kind, observed) = match limit.observed {
            Some(_) => (
                NonSuccessKind::Failure,
                format!("observed {}", limit.told()),
            ),
            None => (NonSuccessKind::Error, "never measured".to_owned()),
        };
        case(name, limit.ok, kind, &observed)
    };
    report.thresholds.iter().map(case_of).collect()
}

/// One that could not be evaluated is an error; one that bears on no verdict is skipped when it is not met.
fn invariant_cases(report: &Report) -> Vec<TestCase> {
    let case_of = |one: &crate::report::Invariant| {
        let name = format!("invariant {}", one.name);
        if !one.ok() && !one.weight.is_empty() {
            return skipped(name, &one.told());
        }
        let kind = match one.met {
            Some(_) => NonSuccessKind::Failure,
            None => NonSuccessKind::Error,
        };
        case(name, one.ok(), kind, &one.told())
    };
    report.invariants.iter().map(case_of).collect()
}
