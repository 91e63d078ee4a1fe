use super::{FaultRow, FaultState, STOPPING, SinkRow, Snapshot, draw};
use crate::text::Glyphs;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn snapshot() -> Snapshot {
    Snapshot {
        scenario: "consumer-crash\u{1b}[31m".to_owned(),
        environment: "embedded".to_owned(),
        seed: 7421,
        phase: "load".to_owned(),
        elapsed_s: 12.3,
        planned_s: 20.0,
        offered: 5000,
        accepted: 4990,
        indeterminate: 10,
        offered_rate: 501.0,
        accepted_rate: 499.0,
        rate_history: vec![100, 200, 500, 499],
        sinks: vec![SinkRow {
            name: "users".to_owned(),
            effects: 4800,
            dead_lettered: 0,
            rate: 470.0,
        }],
        lag: vec![("consumer-db".to_owned(), 190)],
        faults: vec![FaultRow {
            name: "crash-db".to_owned(),
            at_s: 10.0,
            until_s: Some(13.0),
            state: FaultState::Active,
        }],
        anomalies: vec![("lost-write".to_owned(), 3)],
        notes: vec![(10_001.0, "consumer-db/0 killed".to_owned())],
        ..Snapshot::default()
    }
}

#[test]
fn a_user_who_asked_for_an_end_sees_that_it_comes_and_how_to_force_it() {
    let shown = |stopping: bool| {
        let snapshot = Snapshot {
            stopping,
            ..snapshot()
        };
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal
            .draw(|frame| draw(frame, &snapshot, Glyphs::Ascii))
            .unwrap();
        terminal.backend().to_string()
    };
    assert!(shown(true).contains(STOPPING));
    assert!(!shown(false).contains("stopping"));
}

fn rendered(width: u16, height: u16, glyphs: Glyphs) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw(frame, &snapshot(), glyphs))
        .unwrap();
    terminal.backend().to_string()
}

#[test]
fn everything_that_matters_shows_on_a_small_terminal() {
    let text = rendered(80, 24, Glyphs::Unicode);
    for part in [
        "consumer-crash",
        "seed 7421",
        "12.3 s since the start, 20.0 s of load planned",
        "4990",
        "users",
        "470/s  dead 0",
        "lag consumer-db",
        "● crash-db",
        "lost-write x3",
        "consumer-db/0 killed",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(
        !text.contains('\u{1b}'),
        "control characters of a scenario's name reach the terminal"
    );
}

#[test]
fn a_terminal_of_any_size_is_survived() {
    for (width, height) in [(1, 1), (10, 3), (40, 10), (200, 60)] {
        rendered(width, height, Glyphs::Ascii);
    }
}

#[test]
fn a_tall_terminal_shows_more_events() {
    let mut snapshot = snapshot();
    snapshot.notes = (0..30)
        .map(|number| (f64::from(number), format!("event number {number}")))
        .collect();
    let shown = |height: u16| {
        let mut terminal = Terminal::new(TestBackend::new(80, height)).unwrap();
        terminal
            .draw(|frame| draw(frame, &snapshot, Glyphs::Ascii))
            .unwrap();
        terminal
            .backend()
            .to_string()
            .matches("event number")
            .count()
    };
    assert!(shown(24) >= 6, "{}", shown(24));
    assert!(shown(50) >= 30, "{}", shown(50));
}
