use super::*;

fn run(lost: f64, p99: f64) -> Figures {
    let figure = |name: &str, exact, value| Figure {
        name: name.to_owned(),
        unit: "",
        direction: Direction::Lower,
        exact,
        value: Some(value),
    };
    vec![
        figure("lost in users", true, lost),
        figure("p99", false, p99),
    ]
}

fn side(name: &str, runs: &[(f64, f64)]) -> Side {
    Side {
        name: name.to_owned(),
        runs: runs.iter().map(|(lost, p99)| run(*lost, *p99)).collect(),
        ran: [name.split('-').next().unwrap_or(name).to_owned()].into(),
        inconclusive: 0,
    }
}

fn marks(a: &[(f64, f64)], b: &[(f64, f64)], tolerance: Option<f64>) -> Vec<Mark> {
    let comparison = Comparison::of(&[side("a", a), side("b", b)], tolerance);
    comparison.rows.iter().map(|row| row.marks[1]).collect()
}

#[test]
fn single_runs_are_said_to_be_single_and_only_their_losses_count() {
    let found = marks(&[(0.0, 10.0)], &[(3.0, 90.0)], None);
    assert_eq!(found, [Mark::Worse, Mark::Unsure]);
    let comparison = Comparison::of(&[side("a", &[(0.0, 1.0)]), side("b", &[(0.0, 9.0)])], None);
    assert!(!comparison.is_regression());
    let text = text(&comparison);
    assert!(
        text.contains("b is a single run") && text.contains("single"),
        "{text}"
    );
    assert!(
        text.ends_with("NO REGRESSION  worse=0 better=0 unsure=1 sides=2\n"),
        "{text}"
    );
}

#[test]
fn several_runs_tell_noise_from_change() {
    let calm = [(0.0, 10.0), (0.0, 12.0), (0.0, 11.0)];
    let slow = [(0.0, 30.0), (0.0, 32.0), (0.0, 31.0)];
    assert_eq!(marks(&calm, &slow, None), [Mark::Same, Mark::Worse]);
    assert_eq!(marks(&slow, &calm, None), [Mark::Same, Mark::Better]);
    let near = [(0.0, 10.5), (0.0, 12.5), (0.0, 10.0)];
    assert_eq!(marks(&calm, &near, None), [Mark::Same, Mark::Same]);
    assert_eq!(marks(&calm, &slow, Some(500.0)), [Mark::Same, Mark::Same]);
}

#[test]
fn a_tolerance_lets_single_times_count() {
    let found = marks(&[(0.0, 10.0)], &[(0.0, 12.0)], Some(10.0));
    assert_eq!(found, [Mark::Same, Mark::Worse]);
    let found = marks(&[(0.0, 10.0)], &[(0.0, 10.5)], Some(10.0));
    assert_eq!(found, [Mark::Same, Mark::Same]);
}

#[test]
fn names_from_outside_stay_inert_in_every_form() {
    let evil = "<script>alert(1)</script>|\u{1b}[31m`@all`";
    let sides = [side(evil, &[(0.0, 1.0)]), side("b", &[(1.0, 1.0)])];
    let comparison = Comparison::of(&sides, None);
    for shown in [text(&comparison), markdown(&comparison), page(&comparison)] {
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
    assert!(!page(&comparison).contains("<script"));
    assert!(!markdown(&comparison).contains("<script") && !markdown(&comparison).contains("@all"));
    assert!(comparison.is_regression());
}
