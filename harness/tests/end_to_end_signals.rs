//! Ends that are not the run's own: Ctrl-C once and twice, and `kill -9`. None may leave a process behind.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::{Going, eventually, living, living_below, measuring};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn ctrl_c_drains_and_reports_and_is_not_held() {
    let _alone = measuring();
    let mut going = Going::start("held.yaml", &["--set", "load.stages.0.for=60s"]);
    going.until_line(" load");
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.code, Some(2), "{run}");
    for phase in [" heal", " drain", " final read", " tear-down"] {
        assert!(
            run.out.lines().any(|line| line.ends_with(phase)),
            "{phase}: {run}"
        );
    }
    assert!(
        run.out.contains("The run was interrupted before its end."),
        "{run}"
    );
    assert_eq!(run.report()["verdict"], "inconclusive");
    let stopping = "stopping: heal, drain, report; Ctrl-C again stops at once\n";
    assert_eq!(run.err, stopping, "{run}");
    assert!(living(&run).is_empty(), "{run}");
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let _alone = measuring();
    // The drain lasts for as long as the database is behind.
    let mut going = Going::start("no-drain.yaml", &["--set", "timing.drain=60s"]);
    going.until_line(" load");
    eventually("services", || {
        !living_below(going.folder.path().to_str().unwrap()).is_empty()
    });
    going.until_line(" drain");
    going.signal(Signal::INT);
    going.signal(Signal::INT);
    // Two signals that come at once may be told as one.
    eventually("the end", || {
        let ended = going.child.try_wait().unwrap().is_some();
        if !ended {
            going.signal(Signal::INT);
        }
        ended
    });
    let run = going.end();
    assert_eq!(run.code, Some(130), "{run}");
    eventually("no process is left", || living(&run).is_empty());
}

#[test]
fn kill_9_leaves_no_process_behind_not_even_paused_or_strayed_ones() {
    let _alone = measuring();
    let mut going = Going::start("stubborn.yaml", &[]);
    going.until_line(" load");
    let folder = going.folder.path().to_str().unwrap().to_owned();
    eventually("the service has forked", || {
        living_below(&folder).len() >= 3
    });
    going.signal(Signal::KILL);
    let run = going.end();
    assert_eq!(run.code, None, "{run}");
    eventually("no process is left", || living(&run).is_empty());
    let judged = run.judge_again();
    assert_eq!(
        judged.code,
        Some(2),
        "what was recorded can be judged, and proves nothing: {judged}"
    );
}

#[test]
fn a_served_cluster_answers_metadata_and_ends_on_ctrl_c() {
    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["serve", "kafka", "--port", "0", "--brokers", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let bootstrap = line
        .split_whitespace()
        .find(|word| word.starts_with("127.0.0.1:"))
        .unwrap_or_else(|| panic!("no address in {line:?}"));
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .unwrap();
    let metadata = client
        .fetch_metadata(None, std::time::Duration::from_secs(20))
        .unwrap();
    assert_eq!(metadata.brokers().len(), 2);
    drop(client);
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
