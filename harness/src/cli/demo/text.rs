//! What the demo says.

use squall_render::report::{Report, Verdict};
use squall_render::text::{inert, seconds};
use squall_render::{Glyphs, terminal};
use std::fmt::Write;

pub const INTRODUCTION: &str = "\
Is an event lost when its consumer dies?

   A shop takes sign-ups over HTTP and puts each on a Kafka topic; a consumer writes them to a database. Squall runs it all
   here, on loopback: three brokers (its own, behind the real protocol), real clients, every service a process.
   For 8 s sign-ups come in, with a burst in the middle, and in the burst the consumer is killed (SIGKILL).
   Then Squall reads the database to its end and counts every single event.

";

pub const SOUND: &str = "1  The consumer writes first and commits its offset then.\n";

pub const BROKEN: &str =
    "2  The same again with one bug switched on: it commits first and writes then.\n";

/// The verdict and what it rests on, in three lines.
pub fn result(report: &Report, glyphs: Glyphs) -> String {
    let mut text = String::new();
    let fault = report.faults.first();
    if let Some((fault, healed_ms)) = fault.and_then(|fault| Some((fault, fault.healed_ms?))) {
        let _ = writeln!(
            text,
            "   {} {} killed at {}, back at {}: {}",
            glyphs.mark(fault.ok() == Some(true)),
            fault.target,
            seconds(fault.at_ms),
            seconds(healed_ms),
            inert(&fault.shown())
        );
    }
    if let Some(users) = report.sinks.first() {
        let _ = writeln!(
            text,
            "   {} {} sign-ups accepted, {} in the database, {} lost, {} twice",
            glyphs.mark(users.ok),
            report.load.accepted,
            users.effects,
            users.lost,
            users.duplicated
        );
    }
    let _ = writeln!(text, "   {}\n", terminal::last_line(report));
    text
}

/// The first lost event, step by step.
pub fn story(report: &Report) -> String {
    let Some((anomaly, story)) = report
        .anomalies
        .iter()
        .find_map(|anomaly| Some((anomaly, anomaly.story.as_ref()?)))
    else {
        return String::new();
    };
    format!(
        "   One of the lost, {}:\n\n{}\n   Cause and cure: {}\n\n",
        inert(&story.event),
        terminal::steps(story),
        anomaly.cure
    )
}

/// Where to go from here.
pub fn next(report: &Report, folder: &str) -> String {
    let event = report
        .anomalies
        .iter()
        .find_map(|anomaly| anomaly.story.as_ref())
        .map_or_else(|| "0-0".to_owned(), |story| inert(&story.event));
    let reports = folder.rsplit_once('/').map_or(".", |(parent, _)| parent);
    let out = if reports == "reports" {
        String::new()
    } else {
        format!(" --out {reports}")
    };
    format!(
        "Next
   squall story latest {event}{out:<12}  the whole way of this event, or of any other
   {folder}/report.json   all that was found; the history and each service's log lie beside it

Your own system
   1. Name its commands, its entry and where its effects live in a file: systems/signup.yaml is such a file for this demo,
      and harness/tests/python/system.yaml one for two Python programs.
   2. Copy scenarios/consumer-crash.yaml, let it `use` your file, and run   squall scenario mine.yaml
   3. Only a Kafka cluster to break in your own tests?                      squall serve kafka --api 127.0.0.1:9090
"
    )
}

/// When the demo did not show what it is to show.
pub fn unexpected(sound: &Report, broken: &Report) -> String {
    let mut text =
        "This did not go as planned: the first run should be held and the second violated.\n"
            .to_owned();
    for report in [sound, broken] {
        for reason in &report.inconclusive {
            let _ = writeln!(text, "   UNPROVEN  {}", inert(reason));
        }
    }
    if broken.verdict == Verdict::Held {
        text.push_str("   In the second run the consumer had nothing in hand when it died.\n");
    }
    text.push_str("   A machine without time to spare is the usual reason; try once more.\n");
    text
}
