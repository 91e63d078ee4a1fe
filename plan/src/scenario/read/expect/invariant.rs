//! `invariants`: queries and programs that are asked when the system has come to rest.

use super::super::Context;
use super::stakes;
use crate::problem::Problems;
use crate::scenario::{INVARIANT_ROWS_MAX, Invariant, InvariantCheck};
use crate::shape::did_you_mean;
use crate::system::read::texts;
use crate::template::{SINK_SLOTS, check as check_template};
use crate::units::SECOND_NS;
use crate::yaml::{Entry, Node};

/// Longest time for a program.
const WITHIN_MAX_NS: u64 = 600 * SECOND_NS;
const WITHIN_NS: u64 = 10 * SECOND_NS;

pub(super) fn read(entry: &Entry, context: &Context<'_>, problems: &mut Problems) -> Invariant {
    let node = &entry.value;
    refuse_strangers(node, problems);
    let check = match node.get("sql").and_then(Node::text) {
        Some(query) => InvariantCheck::Sql {
            database: database(node, context, problems),
            query: query.to_owned(),
            rows: rows(node, problems),
        },
        None => command(node, problems),
    };
    Invariant {
        name: entry.key.clone(),
        check,
        stakes: stakes(node),
    }
}

/// Keys that belong to the other kind.
fn refuse_strangers(node: &Node, problems: &mut Problems) {
    let (of, strangers) = match node.get("sql") {
        Some(_) => ("command", &["within", "exit", "output"][..]),
        None => ("sql", &["database", "rows"][..]),
    };
    for stranger in strangers.iter().filter_map(|key| node.entry(key)) {
        problems.at(
            &stranger.place,
            format!("`{}` belongs to invariants with `{of}`", stranger.key),
            "leave it out",
        );
    }
}

/// The path as it is given, that of the sink by this name, or that of the only database.
fn database(node: &Node, context: &Context<'_>, problems: &mut Problems) -> String {
    let sinks = &context.system.spec.sinks;
    let databases: Vec<(&str, String)> = sinks
        .iter()
        .filter_map(|sink| Some((sink.name.as_str(), sink.database()?)))
        .collect();
    let names = || databases.iter().map(|(name, _)| *name);
    let Some(given) = node.get("database") else {
        if let ([], true) | ([_, _, ..], true) = (databases.as_slice(), context.found) {
            problems.at(
                &node.place,
                format!(
                    "the query does not say which database it asks: the system has {} with a table",
                    squall_check::counted(databases.len() as u64, "sink")
                ),
                "add `database`: the name of a sink with `sqlite` or `postgres`, or a path such as {{run}}/orders.db",
            );
        }
        return databases
            .into_iter()
            .next()
            .map_or_else(String::new, |(_, database)| database);
    };
    let text = given.text().unwrap_or_default();
    if let Some((_, database)) = databases.iter().find(|(name, _)| *name == text) {
        return database.clone();
    }
    let is_path = text.contains('/') || text.contains("{{");
    if !is_path && context.found {
        let fix = did_you_mean(text, names(), "sinks with a table");
        problems.at(
            &given.place,
            format!("`{text}` is neither a sink with a table nor a path"),
            fix,
        );
    }
    if let Err(error) = check_template(text, SINK_SLOTS) {
        problems.at(&given.place, error.what, error.fix);
    }
    text.to_owned()
}

fn rows(node: &Node, problems: &mut Problems) -> Vec<Vec<String>> {
    let Some(rows) = node.get("rows") else {
        return Vec::new();
    };
    if rows.items().len() > INVARIANT_ROWS_MAX {
        problems.at(
            &rows.place,
            format!("more than {INVARIANT_ROWS_MAX} rows are expected"),
            "let the query count or sum",
        );
    }
    let cell = |node: &Node| node.text().unwrap_or_default().to_owned();
    let row = |row: &Node| match row.text() {
        Some(single) => vec![single.to_owned()],
        None => row.items().iter().map(cell).collect(),
    };
    rows.items().iter().map(row).collect()
}

fn command(node: &Node, problems: &mut Problems) -> InvariantCheck {
    let within = node.get("within");
    let within_ns = within.and_then(Node::duration).unwrap_or(WITHIN_NS);
    if let Some(within) = within.filter(|_| within_ns == 0 || within_ns > WITHIN_MAX_NS) {
        problems.at(
            &within.place,
            "`within` must lie above 0 and within ten minutes",
            "write a time such as 10s",
        );
    }
    let command = texts(node.get("command"));
    if let Some(empty) = node.get("command").filter(|_| command.is_empty()) {
        problems.at(
            &empty.place,
            "there is no program",
            "write [PROGRAM, ARGUMENT, ...]",
        );
    }
    InvariantCheck::Command {
        command,
        within_ns,
        exit: node
            .get("exit")
            .and_then(Node::integer)
            .and_then(|exit| i32::try_from(exit).ok())
            .unwrap_or(0),
        output: node.get("output").and_then(Node::text).map(str::to_owned),
    }
}
