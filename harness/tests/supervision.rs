//! Service processes under supervision: readiness, exits, signals, tear-down.
#![allow(clippy::unwrap_used)]

mod supervision_support;

use squall::environment::guard::ExitSeen;
use squall::environment::processes;
use squall::environment::supervision::{Readiness, ReplicaId, Status, SupervisionError};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use supervision_support::{Bench, eventually, living_with};

#[test]
fn a_service_runs_in_a_group_of_its_own_and_writes_its_log() {
    let bench = Bench::new();
    let id = bench.declare("a", "echo hello from $SQUALL_RUN; exec sleep 1000", |_| {});
    let pid = bench.supervisor.spawn(&id).unwrap();
    let process = processes::read(pid).unwrap();
    assert_eq!(process.group, pid);
    assert_eq!(process.parent, bench.supervisor.guard_pid());
    eventually("the log line", || bench.log(&id).contains("hello from"));
    // Between the shell's exec and the new program's start the kernel shows no environment.
    eventually("it is found by its marker", || {
        living_with(&bench.supervisor.marker()) == [pid]
    });
    let torn = bench.supervisor.tear_down().unwrap();
    assert!(torn.forced.is_empty() && torn.swept.ended.is_empty() && torn.swept.left.is_empty());
    assert!(living_with(&bench.supervisor.marker()).is_empty());
    assert!(bench.supervisor.tear_down().is_ok(), "twice does no harm");
}

#[test]
fn readiness_by_log_counts_only_this_start() {
    let bench = Bench::new();
    let script =
        "if [ -e stamp ]; then exec sleep 1000; fi; touch stamp; echo now ready; exec sleep 1000";
    let declare = |ready_within| {
        bench.declare("a", script, |spec| {
            spec.readiness = Readiness::Log {
                text: "now ready".to_owned(),
            };
            spec.ready_within = ready_within;
        })
    };
    let id = declare(Duration::from_secs(60));
    bench.supervisor.start_replica(&id).unwrap();
    bench.kill(&id);
    let id = declare(Duration::from_millis(500));
    let error = bench.supervisor.start_replica(&id).unwrap_err();
    assert!(
        matches!(error, SupervisionError::NotReady { .. }),
        "{error}"
    );
}

#[test]
fn a_service_that_is_never_ready_is_told_with_its_last_lines() {
    let bench = Bench::new();
    let id = bench.declare(
        "db",
        "echo cannot reach the moon; exec sleep 1000",
        |spec| {
            spec.readiness = Readiness::Http {
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
                path: "/health".to_owned(),
            };
            spec.ready_within = Duration::from_millis(400);
        },
    );
    bench.supervisor.spawn(&id).unwrap();
    eventually("its last line", || bench.log(&id).contains("the moon"));
    let text = bench.supervisor.await_ready(&id).unwrap_err().to_string();
    assert!(
        text.contains("db/0 did not become ready within 0.4 s"),
        "{text}"
    );
    assert!(
        text.contains("GET http://127.0.0.1:9/health failed"),
        "{text}"
    );
    assert!(text.contains("| cannot reach the moon"), "{text}");
}

#[test]
fn a_service_that_ends_before_it_is_ready_is_told_at_once() {
    let bench = Bench::new();
    let id = bench.declare("a", "echo no such table; exit 3", |spec| {
        spec.readiness = Readiness::Log {
            text: "never".to_owned(),
        };
        spec.ready_within = Duration::from_secs(60);
    });
    let begun = Instant::now();
    let text = bench.supervisor.start_replica(&id).unwrap_err().to_string();
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(
        text.contains("a/0 ended before it was ready (exit code 3)"),
        "{text}"
    );
    assert!(text.contains("| no such table"), "{text}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let bench = Bench::new();
    let id = bench.declare("a", "", |spec| {
        spec.launch.program = "no-such-program".to_owned()
    });
    let text = bench.supervisor.spawn(&id).unwrap_err().to_string();
    assert_eq!(
        text,
        "cannot start a/0: the program `no-such-program` was not found"
    );
}

#[test]
fn an_unexpected_exit_is_an_event_and_what_it_left_behind_is_ended() {
    let bench = Bench::new();
    let id = bench.declare("a", "sleep 1000 & exit 7", |_| {});
    let pid = bench.supervisor.spawn(&id).unwrap();
    let gone = Status::Gone {
        exit: ExitSeen::Code(7),
    };
    eventually("the group is gone", || {
        bench.supervisor.status(&id).unwrap() == gone
    });
    assert!(processes::list().iter().all(|p| p.group != pid));
    let events = bench.events();
    assert!(
        events.contains(&format!("a/0 exited {pid} exit code 7 unexpected")),
        "{events:?}"
    );
}

#[test]
fn kill_ends_a_group_that_forked_and_is_paused_and_it_can_start_again() {
    let bench = Bench::new();
    let id = bench.declare("a", "sleep 1000 & sleep 1000 & wait", |_| {});
    let first = bench.supervisor.spawn(&id).unwrap();
    eventually("three processes", || {
        living_with(&bench.supervisor.marker()).len() == 3
    });
    assert!(bench.supervisor.pause(&id).unwrap());
    assert_eq!(
        bench.supervisor.status(&id).unwrap(),
        Status::Paused { pid: first }
    );
    assert_eq!(bench.kill(&id), Some(ExitSeen::KILLED));
    assert!(processes::list().iter().all(|p| p.group != first));
    assert_eq!(bench.kill(&id), None, "it is not running");
    let second = bench.supervisor.spawn(&id).unwrap();
    assert_ne!(first, second);
    let events = bench.events();
    assert!(
        events.contains(&format!("a/0 exited {first} SIGKILL expected")),
        "{events:?}"
    );
}

#[test]
fn stop_lets_members_finish_after_their_leader() {
    let bench = Bench::new();
    // The leader dies of SIGTERM at once; its child needs a moment and says when it is done.
    let child =
        "trap 'sleep 0.3; echo flushed; exit 0' TERM; echo up; while :; do sleep 0.01; done";
    let script = format!("sh -c \"{child}\" & wait");
    let id = bench.declare("a", &script, |spec| {
        spec.stop_timeout = Duration::from_secs(20)
    });
    bench.supervisor.spawn(&id).unwrap();
    eventually("the child is up", || bench.log(&id).contains("up"));
    assert_eq!(bench.stop(&id), Some(ExitSeen::Signal(15)));
    assert!(bench.log(&id).contains("flushed"), "{}", bench.log(&id));
}

#[test]
fn stop_turns_into_kill_for_whoever_ignores_sigterm() {
    let bench = Bench::new();
    let script = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    let id = bench.declare("a", script, |spec| {
        spec.stop_timeout = Duration::from_millis(200)
    });
    bench.supervisor.spawn(&id).unwrap();
    eventually("it is up", || bench.log(&id).contains("up"));
    assert_eq!(bench.stop(&id), Some(ExitSeen::KILLED));
}

#[test]
fn stop_reaches_a_paused_service() {
    let bench = Bench::new();
    let id = bench.declare("a", "exec sleep 1000", |spec| {
        spec.stop_timeout = Duration::from_secs(20);
    });
    bench.supervisor.spawn(&id).unwrap();
    bench.supervisor.pause(&id).unwrap();
    assert_eq!(bench.stop(&id), Some(ExitSeen::Signal(15)));
}

#[test]
fn tear_down_ends_what_strayed_into_another_session_without_its_marker() {
    let bench = Bench::new();
    let script = "setsid env -i sleep 1111 & setsid sleep 1112 & exec sleep 1000";
    let id = bench.declare("a", script, |_| {});
    bench.supervisor.spawn(&id).unwrap();
    let strays = || bench.below_guard_in_other_groups(&id);
    eventually("both strays", || strays().len() == 2);
    let pids = strays();
    let torn = bench.supervisor.tear_down().unwrap();
    assert_eq!(torn.swept.ended.len(), 2, "{:?}", torn.swept);
    assert!(torn.swept.left.is_empty());
    let alive = |pid: &i32| processes::read(*pid).is_some_and(|p| p.is_alive());
    assert!(!pids.iter().any(alive));
}

#[test]
fn a_kill_ends_what_strayed_from_the_replica_and_nothing_of_another() {
    let bench = Bench::new();
    let script = "setsid env -i sleep 1113 & setsid sleep 1114 & exec sleep 1000";
    let [a, b] = ["a", "b"].map(|name| bench.declare(name, script, |_| {}));
    let strays = |id| bench.below_guard_in_other_groups(id);
    let alive = |pid: &i32| processes::read(*pid).is_some_and(|p| p.is_alive());
    let leader = bench.supervisor.spawn(&a).unwrap();
    eventually("both strays", || strays(&a).len() == 2);
    let of_a = strays(&a);
    bench.supervisor.spawn(&b).unwrap();
    let of_b = || {
        let mut pids = strays(&b);
        pids.retain(|pid| !of_a.contains(pid) && *pid != leader);
        pids
    };
    eventually("the strays of the other", || of_b().len() == 2);
    assert_eq!(bench.kill(&a), Some(ExitSeen::KILLED));
    assert!(!of_a.iter().any(alive), "they outlived the kill");
    assert_eq!(of_b().iter().filter(|pid| alive(pid)).count(), 2);
}

#[test]
fn a_lost_guard_is_told_and_tear_down_still_sweeps() {
    let bench = Bench::new();
    let id = bench.declare("a", "sleep 1000 & wait", |_| {});
    bench.supervisor.spawn(&id).unwrap();
    eventually("two processes", || {
        living_with(&bench.supervisor.marker()).len() == 2
    });
    supervision_support::kill_pid(bench.supervisor.guard_pid());
    eventually("the loss is told", || {
        bench.events().contains(&"guard lost".to_owned())
    });
    let other = ReplicaId::new("b", 0);
    assert!(matches!(
        bench.supervisor.kill(std::slice::from_ref(&other)),
        Err(SupervisionError::Unknown(_))
    ));
    assert!(matches!(
        bench.supervisor.tear_down(),
        Err(SupervisionError::GuardLost)
    ));
    assert!(living_with(&bench.supervisor.marker()).is_empty());
}
