//! The process groups that the guard looks after.
//!
//! A leader that ended is not reaped before the rest of its group is gone: its unreaped pid keeps the group's number
//! from going to strangers, so that a signal to the group can never hit one.

use super::protocol::{ExitSeen, Launch, Signal, Token, Told};
use crate::environment::processes::{self, Process};
use rustix::process::{
    Pid, Signal as PosixSignal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

#[derive(Default)]
pub struct Groups {
    by_token: BTreeMap<Token, Group>,
}

struct Group {
    leader: Pid,
    exited: bool,
    /// SIGTERM was sent: members may outlive the leader to finish their work.
    stopping: bool,
}

impl Group {
    fn number(&self) -> i32 {
        self.leader.as_raw_nonzero().get()
    }

    /// Whether anyone but the leader is alive in it.
    fn has_members(&self, all: &[Process]) -> bool {
        let number = self.number();
        all.iter()
            .any(|p| p.group == number && p.pid != number && p.is_alive())
    }
}

impl Groups {
    /// Starts the process as leader of a new group. The guard knows the group as soon as it exists, since it is the
    /// one that makes it.
    pub fn start(&mut self, token: Token, launch: &Launch) -> Told {
        match spawn(launch) {
            Ok(leader) => {
                let group = Group {
                    leader,
                    exited: false,
                    stopping: false,
                };
                let pid = group.number();
                self.by_token.insert(token, group);
                Told::Started { token, pid }
            }
            Err(reason) => Told::Refused { token, reason },
        }
    }

    pub fn signal(&mut self, token: Token, signal: Signal) {
        let Some(group) = self.by_token.get_mut(&token) else {
            return;
        };
        // ESRCH only says that the group ended by itself meanwhile.
        match signal {
            Signal::Terminate => {
                group.stopping = true;
                let _ = kill_process_group(group.leader, PosixSignal::TERM);
                let _ = kill_process_group(group.leader, PosixSignal::CONT);
            }
            Signal::Kill => {
                group.stopping = false;
                let _ = kill_process_group(group.leader, PosixSignal::KILL);
            }
            Signal::Pause => {
                let _ = kill_process_group(group.leader, PosixSignal::STOP);
            }
            Signal::Resume => {
                let _ = kill_process_group(group.leader, PosixSignal::CONT);
            }
        }
    }

    /// Numbers of all groups that may still have members.
    #[must_use]
    pub fn numbers(&self) -> BTreeSet<i32> {
        self.by_token.values().map(Group::number).collect()
    }

    /// Whether a leader has ended and members of its group are still being waited for.
    #[must_use]
    pub fn is_lingering(&self) -> bool {
        self.by_token.values().any(|group| group.exited)
    }

    /// Looks at all children: tells of leaders that ended, ends what they left behind, reaps the dead.
    pub fn reap(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        for (token, group) in &mut self.by_token {
            if group.exited {
                continue;
            }
            if let Some(exit) = peek(group.leader) {
                group.exited = true;
                let (token, pid) = (*token, group.number());
                told.push(Told::Exited { token, pid, exit });
            }
        }
        for group in self
            .by_token
            .values()
            .filter(|group| group.exited && !group.stopping)
        {
            let _ = kill_process_group(group.leader, PosixSignal::KILL);
        }
        let all = processes::list();
        self.reap_orphans(&all);
        self.by_token.retain(|token, group| {
            if !group.exited || group.has_members(&all) {
                return true;
            }
            // Whoever was forked behind the back of the listing; the leader, not yet reaped, keeps the number ours.
            let _ = kill_process_group(group.leader, PosixSignal::KILL);
            let _ = waitid(WaitId::Pid(group.leader), WaitIdOptions::EXITED);
            told.push(Told::Gone { token: *token });
            false
        });
        told
    }

    /// Orphans of services are handed to the guard, which is their subreaper.
    fn reap_orphans(&self, all: &[Process]) {
        let own = i32::try_from(std::process::id()).unwrap_or(-1);
        let leaders = self.numbers();
        for orphan in all.iter().filter(|p| p.parent == own && !p.is_alive()) {
            if let (false, Some(pid)) = (leaders.contains(&orphan.pid), Pid::from_raw(orphan.pid)) {
                let _ = waitid(
                    WaitId::Pid(pid),
                    WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
                );
            }
        }
    }
}

fn spawn(launch: &Launch) -> Result<Pid, String> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&launch.log)
        .map_err(|error| format!("cannot open its log {}: {error}", launch.log.display()))?;
    let errors = log
        .try_clone()
        .map_err(|error| format!("cannot share its log: {error}"))?;
    let child = Command::new(&launch.program)
        .args(&launch.arguments)
        .envs(&launch.environment)
        .current_dir(&launch.working_directory)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|error| refusal(launch, &error))?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| format!("the system gave it an impossible pid {}", child.id()))
}

fn refusal(launch: &Launch, error: &io::Error) -> String {
    if !launch.working_directory.is_dir() {
        let folder = launch.working_directory.display();
        return format!("its working directory {folder} is not there");
    }
    match error.kind() {
        io::ErrorKind::NotFound => format!("the program `{}` was not found", launch.program),
        io::ErrorKind::PermissionDenied => {
            format!("the program `{}` may not be executed", launch.program)
        }
        _ => format!(
            "the program `{}` cannot be started: {error}",
            launch.program
        ),
    }
}

/// How a child ended, without reaping it.
fn peek(pid: Pid) -> Option<ExitSeen> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(pid), options) {
        Ok(Some(status)) => Some(exit_seen(&status)),
        // ECHILD would mean that somebody else reaped it; then it is gone all the same.
        Err(rustix::io::Errno::CHILD) => Some(ExitSeen::Code(-1)),
        Ok(None) | Err(_) => None,
    }
}

fn exit_seen(status: &WaitIdStatus) -> ExitSeen {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitSeen::Code(code),
        (None, Some(signal)) => ExitSeen::Signal(signal),
        (None, None) => ExitSeen::Code(-1),
    }
}
