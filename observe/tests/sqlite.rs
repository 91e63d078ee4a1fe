//! The SQLite tap on real databases that others write to.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use squall_check::Kind;
use squall_observe::{Rows, Store, Tap, TapState};
use std::path::Path;
use std::time::Duration;
use support::{History, WITHIN, id, ids, some, spec, wait_for};

fn tap(history: &History, path: &Path) -> Tap {
    let rows = Rows::Table {
        table: "users".into(),
        column: "event_id".into(),
    };
    start(history, path, rows)
}

fn start(history: &History, path: &Path, rows: Rows) -> Tap {
    Tap::start(
        spec(Store::Sqlite {
            path: path.to_owned(),
            rows,
        }),
        history.watch.clone(),
    )
    .unwrap()
}

fn database(path: &Path, journal: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
        .pragma_update(None, "journal_mode", journal)
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "off")
        .unwrap();
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS users (event_id TEXT PRIMARY KEY, name TEXT)")
        .unwrap();
    connection
}

fn insert(connection: &Connection, sequence: u64) {
    connection
        .execute("INSERT INTO users VALUES (?, 'x')", [id(sequence)])
        .unwrap();
}

#[test]
fn rows_are_read_live_and_again_at_the_end_while_others_write() {
    for journal in ["wal", "delete"] {
        let history = History::new();
        let path = history.folder.path().join("users.db");
        let tap = tap(&history, &path);
        wait_for("a waiting tap", || {
            matches!(tap.status().state, TapState::Waiting(_))
        });
        // An empty file first, as services leave it between opening and making the table.
        std::fs::write(&path, "").unwrap();
        // The journal's mode is settled before the writers come: SQLite does not wait for the lock that changing it needs.
        drop(database(&path, journal));
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let connection = Connection::open(&path).unwrap();
                    connection.busy_timeout(Duration::from_secs(10)).unwrap();
                    (0..60).for_each(|index| insert(&connection, index * 2 + writer));
                })
            })
            .collect();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        wait_for("all rows", || tap.status().seen == 120);
        // It is polled every 10 ms, and never looks sooner.
        wait_for("two looks", || tap.status().resolution_ms.is_some());
        assert!(
            tap.status().resolution_ms >= Some(10.0),
            "{:?}",
            tap.status()
        );
        let read = tap.finish(WITHIN).unwrap();
        assert_eq!((read.effects, read.foreign), (120, 0), "{journal}");
        let ops = history.ops();
        assert_eq!(ids(&ops, Kind::Effect), some(0..120), "{journal}");
        assert_eq!(ids(&ops, Kind::Final), some(0..120), "{journal}");
    }
}

#[test]
fn the_final_read_is_the_truth_about_deleted_rows() {
    let history = History::new();
    let path = history.folder.path().join("users.db");
    let connection = database(&path, "wal");
    (0..10).for_each(|sequence| insert(&connection, sequence));
    connection
        .execute("INSERT INTO users VALUES ('somebody else', 'x')", [])
        .unwrap();
    connection
        .execute("INSERT INTO users VALUES (NULL, 'x')", [])
        .unwrap();
    let tap = tap(&history, &path);
    wait_for("rows", || tap.status().seen == 12);
    connection
        .execute("DELETE FROM users WHERE event_id = ?", [id(3)])
        .unwrap();
    let samples = tap.status().foreign_samples;
    assert_eq!(samples, ["somebody else", "Null"]);
    let read = tap.finish(WITHIN).unwrap();
    assert_eq!((read.effects, read.foreign), (11, 2));
    let finals = ids(&history.ops(), Kind::Final);
    assert!(
        !finals.contains(&Some(3)) && finals.len() == 11,
        "{finals:?}"
    );
}

#[test]
fn a_query_can_stand_for_the_table() {
    for query in [
        "SELECT n, body FROM log WHERE n > :after ORDER BY n",
        "SELECT n, body FROM log ORDER BY n",
    ] {
        let history = History::new();
        let path = history.folder.path().join("log.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE log (body TEXT, n INTEGER)")
            .unwrap();
        let tap = start(&history, &path, Rows::Query(query.into()));
        for sequence in 0..20 {
            connection
                .execute(
                    "INSERT INTO log VALUES (?, ?)",
                    (id(sequence % 10), sequence as i64 + 1),
                )
                .unwrap();
        }
        wait_for("rows", || tap.status().seen == 20);
        assert_eq!(tap.finish(WITHIN).unwrap().effects, 20);
        assert_eq!(
            ids(&history.ops(), Kind::Final).len(),
            20,
            "two rows of one id are two effects"
        );
    }
}

#[test]
fn what_is_not_there_at_the_end_cannot_be_read() {
    let history = History::new();
    let path = history.folder.path().join("users.db");
    let error = tap(&history, &path)
        .finish(Duration::from_millis(200))
        .unwrap_err()
        .to_string();
    assert!(error.contains("users.db"), "{error}");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE other (x)").unwrap();
    let error = tap(&history, &path)
        .finish(Duration::from_millis(200))
        .unwrap_err()
        .to_string();
    assert!(error.contains("no such table: users"), "{error}");
    connection.execute_batch("CREATE TABLE users (x)").unwrap();
    let wrong = tap(&history, &path);
    wait_for("a failing tap", || {
        matches!(wrong.status().state, TapState::Failing(_))
    });
    let error = wrong
        .finish(Duration::from_millis(200))
        .unwrap_err()
        .to_string();
    assert!(error.contains("event_id"), "{error}");
}

#[test]
fn a_writer_that_holds_the_lock_delays_the_final_read_only() {
    let history = History::new();
    let path = history.folder.path().join("users.db");
    let connection = database(&path, "delete");
    insert(&connection, 0);
    let mut tap = tap(&history, &path);
    wait_for("the row", || tap.status().seen == 1);
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    insert(&connection, 1);
    tap.begin_final_read(WITHIN);
    std::thread::sleep(Duration::from_millis(300));
    connection.execute_batch("COMMIT").unwrap();
    let read = tap.finish(WITHIN).unwrap();
    assert_eq!(read.effects, 2);
    assert_eq!(ids(&history.ops(), Kind::Final), some(0..2));
}
