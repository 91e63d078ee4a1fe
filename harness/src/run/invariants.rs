//! Business invariants: asked after the drain, when the services have stopped and every sink was read. What comes of each stands
//! in the history as a note, and the verdict rests on that alone.

use super::pipeline::Context;
use crate::environment::Environment;
use crate::environment::sweep::MARKER_VARIABLE;
use rustix::process::{Pid, Signal, kill_process_group};
use squall_history::{InvariantState, What};
use squall_observe::Unseen;
use squall_plan::Plan;
use squall_plan::scenario::{INVARIANT_ROWS_MAX, Invariant, InvariantCheck};
use squall_plan::system::SinkStore;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest time for a query.
const QUERY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Bytes of a program's output that are searched, and characters of it that are told.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;
const SHOWN_CHARS: usize = 160;

/// What came of one: met, broken or not evaluated, and what was seen.
type Outcome = (InvariantState, String);

/// Evaluates every invariant that counts or warns in this environment, and notes what came of it.
pub fn evaluate(context: &Context<'_>, env: &dyn Environment) {
    for invariant in &context.plan.expect.invariants {
        let (state, detail) = one(context, env, invariant);
        context.notes.note(What::Invariant {
            name: invariant.name.clone(),
            state,
            detail,
        });
    }
}

fn one(context: &Context<'_>, env: &dyn Environment, invariant: &Invariant) -> Outcome {
    let fill = |template: &String| env.fill(template).map_err(|error| error.to_string());
    let asked = match &invariant.check {
        InvariantCheck::Sql {
            database,
            query,
            rows,
        } => {
            let fill = |template: &String| fill(&with_servers(template, context.plan, env));
            fill(database).and_then(|database| {
                let probes = probes(context.plan, &database, fill)?;
                sql(&database, query, &probes, rows)
            })
        }
        InvariantCheck::Command {
            command,
            within_ns,
            exit,
            output,
        } => {
            let filled: Result<Vec<String>, String> = command.iter().map(fill).collect();
            filled.and_then(|command| {
                let program = Program {
                    command: &command,
                    folder: context.folder.path(),
                    log: log_path(context.folder.path(), &invariant.name),
                    marker: env.supervisor().marker(),
                    within: Duration::from_nanos(*within_ns),
                    interrupted: &|| context.interrupt.is_requested(),
                };
                program.judge(*exit, output.as_deref())
            })
        }
    };
    asked.unwrap_or_else(|why| (InvariantState::Failed, sentence(&why)))
}

/// `{{sink.NAME}}` of sinks in containers as Squall itself reaches them, past the faults of services.
fn with_servers(template: &str, plan: &Plan, env: &dyn Environment) -> String {
    let sinks = plan.system.spec.sinks.iter();
    let reached = sinks.filter_map(|sink| Some((&sink.name, env.server(&sink.name)?)));
    reached.fold(template.to_owned(), |text, (name, at)| {
        text.replace(&format!("{{{{sink.{name}}}}}"), &at.to_string())
    })
}

fn log_path(folder: &Path, name: &str) -> PathBuf {
    folder.join("logs").join(format!("invariant.{name}.log"))
}

/// The rows that the probes of the steady-state gate left in the sinks of a database: no event of the run.
fn probes(
    plan: &Plan,
    database: &str,
    fill: impl Fn(&String) -> Result<String, String>,
) -> Result<Vec<Unseen>, String> {
    let mut unseen = Vec::new();
    for sink in &plan.system.spec.sinks {
        let (SinkStore::Sqlite { table, column, .. } | SinkStore::Postgres { table, column, .. }) =
            &sink.store
        else {
            continue;
        };
        let Some(at) = sink.database().filter(|_| !table.is_empty()) else {
            continue;
        };
        if fill(&at)? == database {
            unseen.push(Unseen {
                table: table.clone(),
                column: column.clone(),
                prefix: format!("{}-{}-", plan.seed, plan.probe_stream()),
            });
        }
    }
    Ok(unseen)
}

fn sql(
    database: &str,
    query: &str,
    probes: &[Unseen],
    expected: &[Vec<String>],
) -> Result<Outcome, String> {
    let answer = squall_observe::query(database, query, probes, INVARIANT_ROWS_MAX, QUERY_WITHIN)
        .map_err(|error| error.to_string())?;
    let met = !answer.more && answer.rows == expected;
    let state = if met {
        InvariantState::Met
    } else {
        InvariantState::Broken
    };
    let seen = told(&answer.rows, answer.more);
    let detail = match met {
        true => seen,
        false => format!("{seen}; expected {}", told(expected, false)),
    };
    Ok((state, detail))
}

/// `no row`, `1 row: 3`, `12 rows: a 2 | b 2 | ...`.
fn told(rows: &[Vec<String>], more: bool) -> String {
    const SHOWN: usize = 3;
    let shown = rows.iter().take(SHOWN).map(|row| row.join(" "));
    let mut shown: Vec<String> = shown.collect();
    if more || rows.len() > SHOWN {
        shown.push("...".to_owned());
    }
    let count = match (rows.len(), more) {
        (0, _) => return "no row".to_owned(),
        (count, true) => format!("more than {count} rows"),
        (count, false) => squall_check::counted(count as u64, "row"),
    };
    short(&format!("{count}: {}", shown.join(" | ")))
}

/// A program that is asked, in a process group of its own that carries the run's marker, so that nothing of it outlives the run.
struct Program<'a> {
    command: &'a [String],
    folder: &'a Path,
    log: PathBuf,
    /// `SQUALL_RUN=...`.
    marker: String,
    within: Duration,
    interrupted: &'a dyn Fn() -> bool,
}

impl Program<'_> {
    fn judge(&self, exit: i32, output: Option<&str>) -> Result<Outcome, String> {
        let (status, text) = self.run()?;
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let said = last.map_or_else(String::new, |line| format!(", said: {}", line.trim()));
        let ended = match status.code() {
            Some(code) => format!("exit {code}"),
            None => return Err(format!("it was ended by a signal: {status}{said}")),
        };
        let lacks = output.filter(|wanted| !text.contains(wanted));
        let (state, expected) = match (status.code() == Some(exit), lacks) {
            (true, None) => (InvariantState::Met, String::new()),
            (false, _) => (InvariantState::Broken, format!("; expected exit {exit}")),
            (true, Some(wanted)) => (
                InvariantState::Broken,
                format!("; expected to read `{wanted}`"),
            ),
        };
        Ok((state, short(&format!("{ended}{said}")) + &expected))
    }

    /// Runs it to its end, and reads what it printed.
    fn run(&self) -> Result<(ExitStatus, String), String> {
        let (program, arguments) = self.command.split_first().ok_or("there is no program")?;
        let unusable = |error: std::io::Error| format!("{}: {error}", self.log.display());
        let mut log = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&self.log)
            .map_err(unusable)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(unusable)?)
            .stderr(log.try_clone().map_err(unusable)?)
            .process_group(0);
        if let Some((_, run)) = self.marker.split_once('=') {
            command.env(MARKER_VARIABLE, run);
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let group = Pid::from_child(&child);
        let status = self.wait(&mut child);
        // What it left behind, or what took too long.
        let _ = kill_process_group(group, Signal::KILL);
        if status.is_err() {
            let _ = child.wait();
        }
        let status = status?;
        log.rewind().map_err(unusable)?;
        let mut bytes = Vec::new();
        log.take(OUTPUT_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(unusable)?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn wait(&self, child: &mut std::process::Child) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + self.within;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if (self.interrupted)() => {
                    return Err("the run was interrupted".to_owned());
                }
                Ok(None) if Instant::now() >= deadline => {
                    return Err(format!("it did not end within {:?}", self.within));
                }
                Ok(None) => std::thread::sleep(LOOK_EVERY),
                Err(error) => return Err(format!("its end cannot be seen: {error}")),
            }
        }
    }
}

fn short(text: &str) -> String {
    let mut kept: String = text.chars().take(SHOWN_CHARS).collect();
    if kept.len() < text.len() {
        kept.push_str("...");
    }
    kept
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(script: &str, within_ms: u64, output: Option<&str>) -> Result<Outcome, String> {
        let folder = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", script].map(str::to_owned);
        let program = Program {
            command: &command,
            folder: folder.path(),
            log: folder.path().join("asked.log"),
            marker: "SQUALL_RUN=nobody".to_owned(),
            within: Duration::from_millis(within_ms),
            interrupted: &|| false,
        };
        program.judge(0, output)
    }

    #[test]
    fn exit_code_and_output_are_the_invariant() {
        let (state, detail) = judge("echo all books balance", 60_000, Some("balance")).unwrap();
        assert_eq!(state, InvariantState::Met, "{detail}");
        let (state, detail) = judge("echo off by 3 >&2; exit 1", 60_000, None).unwrap();
        assert_eq!(state, InvariantState::Broken);
        assert_eq!(detail, "exit 1, said: off by 3; expected exit 0");
        let (state, detail) = judge("echo well", 60_000, Some("balance")).unwrap();
        assert_eq!(state, InvariantState::Broken);
        assert!(detail.contains("`balance`"), "{detail}");
    }

    #[test]
    fn what_does_not_end_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        // The limit comes when the child is known to run.
        let error = loop {
            let error = judge(&script, 500, None).unwrap_err();
            if std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
                break error;
            }
        };
        assert!(error.contains("within 500ms"), "{error}");
        let pid = std::fs::read_to_string(&file).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let runs = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim()));
            status.is_ok_and(|text| !text.contains("State:\tZ"))
        };
        while runs() {
            assert!(Instant::now() < deadline, "{pid} outlived its program");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    #[test]
    fn a_program_that_cannot_run_proves_nothing() {
        let error = judge("kill -9 $$", 60_000, None).unwrap_err();
        assert!(error.contains("signal"), "{error}");
        assert_eq!(sentence("there is no program"), "There is no program.");
    }

    #[test]
    fn rows_are_told_in_short() {
        let rows = |count: usize| vec![vec!["a".to_owned(), "2".to_owned()]; count];
        assert_eq!(told(&rows(0), false), "no row");
        assert_eq!(told(&rows(1), false), "1 row: a 2");
        assert_eq!(
            told(&rows(5), true),
            "more than 5 rows: a 2 | a 2 | a 2 | ..."
        );
    }
}
