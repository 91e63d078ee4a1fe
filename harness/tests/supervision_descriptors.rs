//! What the harness was started with (a pipe to `tee`, say) is not held open by guard and services.
//!
//! Alone in its file: any other test that starts a process meanwhile would inherit the pipe too.
#![allow(clippy::unwrap_used)]

mod supervision_support;

use rustix::io::FdFlags;
use std::io::Read;
use supervision_support::Bench;

#[test]
fn guard_and_services_hold_no_descriptor_from_outside() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&writer, FdFlags::empty()).unwrap();
    let bench = Bench::new();
    let id = bench.declare("a", "exec sleep 1000", |_| {});
    bench.supervisor.spawn(&id).unwrap();
    drop(writer);
    // With a writer left anywhere this would block until the guard ends.
    let (done, seen) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = done.send(reader.read_to_string(&mut text));
    });
    let read = seen.recv_timeout(std::time::Duration::from_secs(30));
    assert_eq!(read.expect("somebody holds the pipe").unwrap(), 0);
    assert!(bench.supervisor.status(&id).unwrap().pid().is_some());
}
