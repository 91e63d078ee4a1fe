//! What is seen: rendered buffers.

use crate::{Action, App, Feed, Mode, Pane, Theme, draw};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use squall_check::{EventId, Kind, Op};
use squall_history::{Batch, Fact, FaultState, Note, Phase, ServiceState, What};
use squall_plan::Plan;
use std::collections::BTreeMap;

const SECOND: u64 = 1_000_000_000;
/// Load clock 0 on the run's clock.
const ZERO: u64 = 2 * SECOND;

pub fn plan() -> Plan {
    serde_json::from_str(include_str!("../tests/plan.json")).expect("a stored plan")
}

fn fact(kind: &str, partition: Option<i32>, text: &str) -> What {
    What::Fact(Fact {
        kind: kind.to_owned(),
        text: text.to_owned(),
        topic: partition.map(|_| "signups".to_owned()),
        partition,
        epoch: partition.map(|_| 3),
        ..Fact::default()
    })
}

fn service(name: &str, state: ServiceState) -> What {
    What::Service {
        name: name.to_owned(),
        replica: 0,
        pid: Some(4711),
        state,
        detail: String::new(),
    }
}

fn lag(group: &str, place: Option<i32>, value: f64) -> What {
    let mut labels = BTreeMap::from([("group".to_owned(), group.to_owned())]);
    if let Some(partition) = place {
        labels.insert("topic".to_owned(), "signups".to_owned());
        labels.insert("partition".to_owned(), partition.to_string());
    }
    let metric = if place.is_some() {
        "lag_partition"
    } else {
        "lag"
    };
    What::Sample {
        metric: metric.to_owned(),
        labels,
        value,
    }
}

fn fault(name: &str, state: FaultState, detail: &str) -> What {
    What::Fault {
        name: name.to_owned(),
        state,
        detail: detail.to_owned(),
    }
}

fn op(at: u64, sequence: u64, kind: Kind, place: u16) -> Op {
    Op {
        at,
        event: EventId::new(0, sequence),
        offset: -1,
        partition: -1,
        place,
        kind,
    }
}

/// 14 seconds of a load of 100/s, with a leader cut off since 10 s and an effect that came twice.
pub fn feed() -> Feed {
    let mut feed = Feed::new(&plan());
    let note = |feed: &mut Feed, at, what| feed.take(Batch::Notes(&[Note::new(at, what)]));
    for name in ["producer", "consumer-db", "consumer-email"] {
        note(&mut feed, SECOND, service(name, ServiceState::Starting));
        note(&mut feed, SECOND, service(name, ServiceState::Ready));
    }
    for partition in 0..6 {
        let leader = partition % 3 + 1;
        let text = format!("leader {leader}, in sync [1, 2, 3]");
        note(&mut feed, SECOND, fact("elected", Some(partition), &text));
    }
    let began = What::Phase {
        name: Phase::Load,
        began: true,
    };
    note(&mut feed, ZERO, began);
    for sequence in 0..1400 {
        let at = ZERO + sequence * SECOND / 100;
        let late = if sequence > 1000 { 900_000_000 } else { 0 };
        feed.take(Batch::Ops(&[
            op(at, sequence, Kind::Offered, 0),
            op(at + 3_000_000 + late, sequence, Kind::Accepted, 0),
            op(at + 12_000_000 + late, sequence, Kind::Effect, 0),
            op(at + 20_000_000 + late * 2, sequence, Kind::Effect, 1),
        ]));
    }
    feed.take(Batch::Ops(&[
        op(ZERO + 12 * SECOND, 700, Kind::Effect, 0),
        op(ZERO + 14 * SECOND, 1400, Kind::Offered, 0),
    ]));
    let at = ZERO + 10 * SECOND;
    note(
        &mut feed,
        at,
        fault("leader-cut-off", FaultState::Injected, "isolate broker 1"),
    );
    note(
        &mut feed,
        at + SECOND,
        fact("fenced", None, "broker 1: SessionTimeout"),
    );
    note(
        &mut feed,
        at + SECOND,
        fact("elected", Some(0), "leader 2, in sync [2, 3]"),
    );
    note(
        &mut feed,
        at + SECOND,
        fact("isr", Some(1), "in sync [1, 2, 3] -> [2, 3]"),
    );
    note(&mut feed, at, service("consumer-db", ServiceState::Killed));
    note(
        &mut feed,
        at + SECOND,
        service("consumer-db", ServiceState::Starting),
    );
    note(&mut feed, at + SECOND, lag("consumer-db", None, 190.0));
    note(&mut feed, at + SECOND, lag("consumer-db", Some(3), 120.0));
    note(&mut feed, at + SECOND, lag("consumer-email", None, 4.0));
    feed.set_now(ZERO + 14 * SECOND);
    feed
}

fn rendered(width: u16, height: u16, app: &mut App, theme: Theme) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&mut buf, feed().board(), app, theme);
    buf
}

fn text(buf: &Buffer) -> String {
    let row = |y: u16| -> String {
        let cells = (0..buf.area.width).map(|x| buf[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    let rows: Vec<String> = (0..buf.area.height).map(row).collect();
    rows.join("\n")
}

fn live() -> App {
    App::new(Mode::Live { by_hand: true })
}

const UNICODE: Theme = Theme {
    color: true,
    unicode: true,
};
const ASCII: Theme = Theme {
    color: true,
    unicode: false,
};

fn press(app: &mut App, code: KeyCode) -> Option<Action> {
    app.key(KeyEvent::new(code, KeyModifiers::NONE), feed().board())
}

#[test]
fn the_whole_view_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let shown = text(&rendered(width, height, &mut live(), UNICODE));
        insta::assert_snapshot!(format!("dashboard_{width}x{height}"), shown);
    }
}

#[test]
fn a_terminal_of_letters_alone_shows_the_same() {
    let shown = text(&rendered(80, 24, &mut live(), ASCII));
    assert!(shown.is_ascii(), "{shown}");
    insta::assert_snapshot!("dashboard_ascii", shown);
}

#[test]
fn each_pane_fills_the_screen_and_comes_back() {
    let mut all = String::new();
    for number in '1'..='9' {
        let mut app = live();
        press(&mut app, KeyCode::Char(number));
        if !app.zoomed {
            press(&mut app, KeyCode::Char(number));
        }
        all += &text(&rendered(80, 24, &mut app, UNICODE));
        all.push('\n');
        press(&mut app, KeyCode::Esc);
        assert!(!app.zoomed);
    }
    insta::assert_snapshot!("dashboard_panes", all);
}

#[test]
fn without_colour_nothing_has_one() {
    let theme = Theme {
        color: false,
        unicode: true,
    };
    for (width, height) in [(80, 24), (160, 50)] {
        let buf = rendered(width, height, &mut live(), theme);
        for cell in buf.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        }
        assert!(text(&buf).contains("duplicate-effect"));
    }
}

#[test]
fn a_picture_has_every_letter_and_is_well_formed() {
    let picture = crate::svg(&rendered(120, 40, &mut live(), UNICODE));
    assert!(picture.contains("duplicate-effect") && picture.contains("leader-cut-off"));
    assert_eq!(
        picture.matches("<text").count(),
        picture.matches("</text>").count()
    );
    assert!(!picture.contains('\u{1b}'));
}

#[test]
fn colours_are_of_the_sixteen() {
    let buf = rendered(160, 50, &mut live(), UNICODE);
    for cell in buf.content() {
        let of_sixteen = !matches!(cell.fg, Color::Rgb(..) | Color::Indexed(_));
        assert!(of_sixteen, "{:?}", cell.fg);
    }
}

#[test]
fn a_terminal_of_any_size_is_survived_with_any_popup() {
    for (width, height) in [(1, 1), (10, 3), (20, 8), (40, 10), (79, 23), (300, 100)] {
        for key in ['?', 'k', 'i', 'a', 'w', 'z'] {
            let mut app = live();
            press(&mut app, KeyCode::Char(key));
            rendered(width, height, &mut app, ASCII);
        }
    }
}

#[test]
fn what_comes_from_outside_is_inert() {
    let mut feed = feed();
    let evil = "consumer\u{1b}[31m\u{7}/x\r\n".to_owned();
    let what = [
        What::Problem {
            source: evil.clone(),
            text: evil.clone(),
        },
        fault("leader-cut-off", FaultState::Evidence, &evil),
        service(&evil, ServiceState::Ready),
        lag(&evil, None, 3.0),
        fact("truncated", Some(1), &evil),
    ];
    let notes: Vec<Note> = what.into_iter().map(|what| Note::new(ZERO, what)).collect();
    feed.take(Batch::Notes(&notes));
    let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
    draw(&mut buf, feed.board(), &mut live(), UNICODE);
    let hostile = |cell: &ratatui::buffer::Cell| cell.symbol().chars().any(char::is_control);
    assert!(!buf.content().iter().any(hostile));
    assert!(text(&buf).contains("u{1b}"));
}

#[test]
fn events_name_their_partition_in_full() {
    let mut app = live();
    app.focus = Pane::Events;
    app.zoomed = true;
    let shown = text(&rendered(120, 40, &mut app, UNICODE));
    assert!(
        shown.contains("signups/1 in sync [1, 2, 3] -> [2, 3]"),
        "{shown}"
    );
}

#[test]
fn a_frozen_picture_stays_while_the_run_goes_on() {
    let mut app = live();
    let frozen = feed();
    app.key(
        KeyEvent::new(KeyCode::Char('f'), KeyModifiers::NONE),
        frozen.board(),
    );
    let mut later = feed();
    later.take(Batch::Ops(&[op(
        ZERO + 14 * SECOND,
        1400,
        Kind::Accepted,
        0,
    )]));
    let mut buf = Buffer::empty(Rect::new(0, 0, 120, 40));
    draw(&mut buf, later.board(), &mut app, UNICODE);
    let shown = text(&buf);
    assert!(
        shown.contains("FROZEN") && shown.contains("accepted 1400 of 1401"),
        "{shown}"
    );
    press(&mut app, KeyCode::Char('f'));
    draw(&mut buf, later.board(), &mut app, UNICODE);
    assert!(text(&buf).contains("accepted 1401 of 1401"));
}

#[test]
fn an_anomaly_is_inspected_by_its_story() {
    let mut app = live();
    press(&mut app, KeyCode::Char('a'));
    let event = EventId::new(0, 700);
    let asked = press(&mut app, KeyCode::Enter);
    assert_eq!(asked, Some(Action::Inspect { event, sink: 0 }));
    assert!(text(&rendered(80, 24, &mut app, UNICODE)).contains("reading the history"));
    app.tell(EventId::new(0, 1), vec!["another one".to_owned()]);
    app.tell(event, vec!["12.0 s  effect".to_owned()]);
    let shown = text(&rendered(80, 24, &mut app, UNICODE));
    assert!(shown.contains("12.0 s  effect") && !shown.contains("another one"));
    press(&mut app, KeyCode::Esc);
    assert!(app.story.is_none());
}

#[test]
fn trouble_is_asked_once_more_and_only_where_it_can_be_caused() {
    let mut app = live();
    assert_eq!(press(&mut app, KeyCode::Char('k')), None);
    assert!(text(&rendered(80, 24, &mut app, UNICODE)).contains("leader(signups/0)  broker 2 now"));
    press(&mut app, KeyCode::Char('x'));
    assert_eq!(press(&mut app, KeyCode::Enter), None);
    press(&mut app, KeyCode::Char('i'));
    press(&mut app, KeyCode::Down);
    let Some(Action::Cause { target, .. }) = press(&mut app, KeyCode::Enter) else {
        panic!("Enter does it");
    };
    assert_eq!(target.to_string(), "broker(1)");
    let mut watch = App::new(Mode::Watch);
    press(&mut watch, KeyCode::Char('k'));
    assert!(watch.prompt.is_none());
}

#[test]
fn stop_and_interrupt_are_two_things() {
    let mut app = live();
    assert_eq!(press(&mut app, KeyCode::Char('q')), Some(Action::Stop));
    let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    app.help = true;
    assert_eq!(app.key(key, feed().board()), Some(Action::Interrupt));
}
