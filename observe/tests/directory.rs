//! The directory tap on real files.

#![allow(clippy::unwrap_used)]

mod support;

use squall_check::Kind;
use squall_observe::{Store, Tap, TapError, TapState};
use squall_plan::system::IdPlace;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{History, WITHIN, id, ids, some, spec, wait_for};

fn tap(history: &History, path: &Path, place: IdPlace) -> Tap {
    Tap::start(
        spec(Store::Directory {
            path: path.to_owned(),
            id: place,
        }),
        history.watch.clone(),
    )
    .unwrap()
}

fn deliver(maildir: &Path, name: &str) -> PathBuf {
    let (temporary, mail) = (
        maildir.join("tmp").join(name),
        maildir.join("new").join(name),
    );
    std::fs::write(&temporary, "hello").unwrap();
    std::fs::rename(temporary, &mail).unwrap();
    mail
}

#[test]
fn a_maildir_is_read_live_and_again_at_the_end() {
    let history = History::new();
    let mail = history.folder.path().join("mail");
    let tap = tap(&history, &mail, IdPlace::FileName);
    wait_for("a waiting tap", || {
        matches!(tap.status().state, TapState::Waiting(_))
    });
    for folder in ["tmp", "new", "cur"] {
        std::fs::create_dir_all(mail.join(folder)).unwrap();
    }
    for sequence in 0..500 {
        deliver(&mail, &format!("1700.{}.host", id(sequence)));
    }
    wait_for("all mails", || tap.status().seen == 500);
    // Reading a mail moves it and adds flags: the same mail. A second copy is a second effect. Hidden files and tmp are none.
    std::fs::rename(
        mail.join(format!("new/1700.{}.host", id(3))),
        mail.join(format!("cur/1700.{}.host:2,S", id(3))),
    )
    .unwrap();
    deliver(&mail, &format!("1800.{}.host", id(4)));
    std::fs::write(mail.join("tmp").join(id(600)), "").unwrap();
    std::fs::write(mail.join("new").join(format!(".{}", id(601))), "").unwrap();
    wait_for("the copy", || tap.status().seen == 501);
    assert_eq!(tap.status().state, TapState::Watching);
    let read = tap.finish(WITHIN).unwrap();
    assert_eq!((read.effects, read.foreign), (501, 0));
    let ops = history.ops();
    let mut wanted = some(0..500);
    wanted.insert(4, Some(4));
    assert_eq!(ids(&ops, Kind::Effect), wanted);
    assert_eq!(ids(&ops, Kind::Final), wanted);
    assert!(ops.iter().all(|op| op.place == 1 && op.partition == -1));
}

#[test]
fn what_was_there_before_and_foreign_files_count() {
    let history = History::new();
    let folder = history.folder.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(format!("{}.json", id(0))), "").unwrap();
    std::fs::write(folder.join("readme.txt"), "").unwrap();
    let tap = tap(&history, &folder, IdPlace::FileName);
    std::fs::write(folder.join(format!("mail-{}", id(1))), "").unwrap();
    wait_for("three files", || tap.status().seen == 3);
    assert_eq!(tap.status().foreign_samples, ["readme.txt"]);
    let read = tap.finish(WITHIN).unwrap();
    assert_eq!((read.effects, read.foreign), (3, 1));
    assert_eq!(ids(&history.ops(), Kind::Final), [None, Some(0), Some(1)]);
}

#[test]
fn ids_inside_files_are_read_once_the_file_is_whole() {
    for (place, content) in [
        (
            IdPlace::Header("X-Event-Id".into()),
            format!("Subject: x\r\nx-event-id: {}\r\n\r\nhello", id(5)),
        ),
        (
            IdPlace::Json("/data/id".into()),
            format!("{{\"data\":{{\"id\":\"{}\"}}}}", id(5)),
        ),
        (IdPlace::Body, format!("Dear {}, welcome", id(5))),
    ] {
        let history = History::new();
        let folder = history.folder.path().join("out");
        std::fs::create_dir(&folder).unwrap();
        let tap = tap(&history, &folder, place);
        wait_for("a watching tap", || {
            tap.status().state == TapState::Watching
        });
        let (begin, end) = content.split_at(8);
        let mut file = std::fs::File::create(folder.join("one")).unwrap();
        std::io::Write::write_all(&mut file, begin.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::io::Write::write_all(&mut file, end.as_bytes()).unwrap();
        drop(file);
        wait_for("the file", || tap.status().seen == 1);
        tap.finish(WITHIN).unwrap();
        let ops = history.ops();
        assert_eq!(ids(&ops, Kind::Effect), [Some(5)]);
        assert_eq!(ids(&ops, Kind::Final), [Some(5)]);
    }
}

#[test]
fn an_empty_folder_shows_as_such_and_a_missing_one_cannot_be_read() {
    let history = History::new();
    let empty = history.folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let watched = tap(&history, &empty, IdPlace::FileName);
    wait_for("a watching tap", || {
        watched.status().state == TapState::Watching
    });
    assert_eq!(watched.status().last_seen_ns, None);
    assert_eq!(watched.finish(WITHIN).unwrap().effects, 0);
    let missing = tap(
        &history,
        &history.folder.path().join("missing"),
        IdPlace::FileName,
    );
    let error = missing.finish(WITHIN).unwrap_err();
    assert!(
        matches!(error, TapError::File { .. }) && error.to_string().contains("missing"),
        "{error}"
    );
}

#[test]
fn a_folder_that_is_replaced_is_followed() {
    let history = History::new();
    let folder = history.folder.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    let tap = tap(&history, &folder, IdPlace::FileName);
    std::fs::write(folder.join(id(0)), "").unwrap();
    wait_for("the first", || tap.status().seen == 1);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(id(1)), "").unwrap();
    wait_for("the second", || tap.status().seen == 2);
    tap.finish(WITHIN).unwrap();
    assert_eq!(ids(&history.ops(), Kind::Final), [Some(1)]);
}

#[test]
fn a_record_key_is_no_place_in_a_file() {
    let history = History::new();
    let spec = spec(Store::Directory {
        path: "x".into(),
        id: IdPlace::Key,
    });
    assert!(matches!(
        Tap::start(spec, history.watch.clone()),
        Err(TapError::IdPlace { .. })
    ));
}
