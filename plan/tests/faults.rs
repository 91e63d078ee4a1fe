//! docs/faults.md says of every kind what the table of kinds says.

#![allow(clippy::unwrap_used)]

mod support;

use squall_plan::fault::{Aims, KINDS, KindRow};
use std::fmt::Write;
use std::process::Command;
use support::root;

const BEGIN: &str = "<!-- kinds: begin -->\n";
const END: &str = "<!-- kinds: end -->";

/// `SQUALL_UPDATE_DOCS=1 cargo test -p squall-plan --test faults` writes it anew.
#[test]
fn the_docs_tell_of_every_kind() {
    let file = root().join("docs/faults.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let current = format!("{before}{BEGIN}{}{END}{after}", kinds());
    if std::env::var_os("SQUALL_UPDATE_DOCS").is_some() {
        std::fs::write(&file, &current).unwrap();
        return;
    }
    assert!(
        text == current,
        "docs/faults.md is out of date: SQUALL_UPDATE_DOCS=1 cargo test -p squall-plan --test faults"
    );
}

fn kinds() -> String {
    let mut text =
        String::from("\n| fault | at | can prove | where | nemesis |\n|---|---|---|---|---|\n");
    for row in KINDS {
        let proofs = row.provable.iter().map(|proof| proof.name());
        let places = row.environments.iter().map(|place| format!("{place:?}"));
        let nemesis = match (row.drawable(), row.ordinary) {
            (true, true) => "yes",
            (true, false) => "when named",
            (false, _) => "no",
        };
        let _ = writeln!(
            text,
            "| [`{0}`](#{0}) | {1} | {2} | {3} | {nemesis} |",
            row.key,
            at(row),
            dashed(proofs.collect::<Vec<_>>().join(", ")),
            places.collect::<Vec<_>>().join(", ").to_lowercase(),
        );
    }
    for row in KINDS {
        let (key, example, about) = (row.key, row.example, row.about);
        let _ = write!(text, "\n### {key}\n\n`{key}: {example}`: {about}.\n");
        let _ = writeln!(text, "*Evidence*: {}.", row.evidence);
        if !row.limits.is_empty() {
            let _ = writeln!(text, "*Limits*: {}.", row.limits);
        }
    }
    text.push('\n');
    text
}

fn at(row: &KindRow) -> String {
    if row.aims == Aims::PARTIES {
        return "any party".to_owned();
    }
    let named = [
        (row.aims.services, "a service"),
        (row.aims.brokers, "a broker"),
        (row.aims.controller, "controller"),
        (row.aims.all_brokers, "brokers"),
        (row.aims.load, "load"),
        (row.aims.sinks, "a sink"),
    ];
    let named = named.iter().filter(|(is, _)| *is).map(|(_, name)| *name);
    named.collect::<Vec<_>>().join(", ")
}

fn dashed(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

#[test]
fn every_kind_says_what_it_does_and_what_shows_it() {
    for row in KINDS {
        assert!(!row.about.is_empty(), "{}", row.key);
        assert!(!row.evidence.is_empty(), "{}", row.key);
        assert!(!row.environments.is_empty(), "{}", row.key);
        assert_eq!(row.kind.row().key, row.key, "the table is in order");
    }
}

/// Modules that a macro names are passed over by `cargo fmt`.
#[test]
fn files_of_kinds_are_formatted() {
    let folder = root().join("plan/src/fault/kinds");
    let files: Vec<_> = KINDS
        .iter()
        .map(|row| folder.join(format!("{}.rs", row.key)))
        .collect();
    let formatter = Command::new("rustfmt")
        .args(["--edition", "2024", "--check"])
        .args(&files)
        .output();
    // Without rustfmt nobody formats anything.
    let Ok(done) = formatter else { return };
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "rustfmt {}/*.rs\n{told}",
        folder.display()
    );
}

/// What the docs teach with is what the repository has.
#[test]
fn the_example_of_writing_a_fault_is_the_real_one() {
    let docs = std::fs::read_to_string(root().join("docs/writing-a-fault.md")).unwrap();
    let real = root().join("plan/src/fault/kinds/reset_peer.rs");
    assert!(docs.contains(&std::fs::read_to_string(real).unwrap()));
    let list = root().join("plan/src/fault/kinds/mod.rs");
    let line = "    ResetPeer: reset_peer,\n";
    assert!(std::fs::read_to_string(list).unwrap().contains(line) && docs.contains(line));
}
