//! The embedded arm: what it does satisfies the specification, and each planted mistake does not.

use squall_conform::arm::Embedded;
use squall_conform::generate::{Kind, sequence};
use squall_conform::seen::Seen;
use squall_conform::step::{Step, To};
use squall_conform::{defects, exceptions, run, shrink, spec, suite, text};
use squall_model::kafka::Defects;

/// Seeds of the daily sample; `squall-conform check` takes more.
const SAMPLE: u64 = 120;

#[test]
fn sequences_satisfy_the_specification() {
    let mut kinds = [0, 0, 0];
    for seed in 0..SAMPLE {
        kinds[Kind::of(seed) as usize] += 1;
        let told = suite::check(&sequence(seed), Defects::default(), true).unwrap();
        assert!(told.is_none(), "seed {seed}:\n{}", told.unwrap_or_default());
    }
    assert!(kinds.iter().all(|count| *count >= 20), "{kinds:?}");
}

/// Seeds at which each switch was noticed; another would do, so the search goes on behind them.
#[test]
fn each_planted_mistake_is_noticed() {
    for (name, defects) in defects::all() {
        let found = suite::first_failure(0..400, defects).unwrap();
        let (seed, _) = found.unwrap_or_else(|| panic!("{name} goes unnoticed"));
        let calm = suite::first_failure(seed..=seed, Defects::default()).unwrap();
        assert_eq!(calm, None, "{name}: seed {seed} fails without it too");
    }
}

#[test]
fn a_sequence_has_one_outcome() {
    for seed in [2, 3, 6, 7, 10, 11] {
        let sequence = sequence(seed);
        let first = suite::embedded(&sequence, Defects::default()).unwrap();
        let second = suite::embedded(&sequence, Defects::default()).unwrap();
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn a_sequence_is_read_as_it_was_written() {
    for seed in 0..50 {
        let sequence = sequence(seed);
        assert_eq!(text::read(&text::write(&sequence)).unwrap(), sequence);
    }
    let bad = text::read("{\"seed\":1,\"rough\":false}\n{\"no-such-step\":{}}\n").unwrap_err();
    assert_eq!(bad.line, 2);
}

#[test]
fn a_counterexample_is_small_and_fails_still() {
    let mistaken = Defects {
        forget_commits_at_failover: true,
        ..Defects::default()
    };
    let fails = |sequence: &_| {
        let outcome = suite::embedded(sequence, mistaken)?;
        Ok::<_, run::RunError>(!spec::violations(sequence, &outcome).is_empty())
    };
    let (seed, _) = suite::first_failure(0..400, mistaken).unwrap().unwrap();
    let small = shrink::shrink(&sequence(seed), 200, fails).unwrap();
    assert!(fails(&small).unwrap());
    // A topic, a commit and the end of its coordinator, and little besides.
    assert!(small.steps.len() <= 6, "{}", text::write(&small));
}

#[test]
fn two_of_our_clusters_are_alike_and_a_mistaken_one_is_told_apart() {
    let alike = sequence(2);
    let ours = suite::embedded(&alike, Defects::default()).unwrap();
    let mut other = Embedded::start(Defects::default()).unwrap();
    let theirs = run::run(&alike, &mut other, "other", Some(&ours)).unwrap();
    let comparison = suite::compare(&alike, &ours, &theirs);
    assert!(
        comparison.difference.is_none(),
        "{:?}",
        comparison.difference
    );
    assert_eq!(comparison.alike, alike.steps.len());

    let mistaken = Defects {
        forget_producers_at_failover: true,
        ..Defects::default()
    };
    let (seed, _) = suite::first_failure((2..400).step_by(4), mistaken)
        .unwrap()
        .unwrap();
    let telling = sequence(seed);
    let ours = suite::embedded(&telling, Defects::default()).unwrap();
    let mut other = Embedded::start(mistaken).unwrap();
    let theirs = run::run(&telling, &mut other, "other", Some(&ours)).unwrap();
    assert!(
        suite::compare(&telling, &ours, &theirs)
            .difference
            .is_some()
    );
}

#[test]
fn an_exception_covers_what_it_names_and_no_more() {
    let fetch = |to| Step::Fetch {
        place: squall_conform::step::Place {
            topic: 0,
            partition: 0,
        },
        at: squall_conform::step::At::Start,
        to,
        epoch: squall_conform::step::EpochClaim::None,
    };
    let fetched = |code| {
        Seen::Fetched(squall_conform::seen::Fetched {
            code,
            ..Default::default()
        })
    };
    assert!(exceptions::find(&fetch(To::Follower), &[], &fetched(6), &fetched(0)).is_some());
    assert!(exceptions::find(&fetch(To::Leader), &[], &fetched(6), &fetched(0)).is_none());
    assert!(exceptions::find(&fetch(To::Follower), &[], &fetched(0), &fetched(6)).is_none());
    let offsets = |of: &[u8]| Seen::Offsets {
        code: 0,
        committed: of.iter().map(|t| ((*t, 0), (7, String::new()))).collect(),
    };
    let (ours, theirs) = (offsets(&[0, 1]), offsets(&[1]));
    let told = Step::FetchOffsets { group: 0 };
    let deleted = |topic| [Step::DeleteTopic { topic }];
    assert!(exceptions::find(&told, &deleted(0), &ours, &theirs).is_some());
    assert!(exceptions::find(&told, &deleted(1), &ours, &theirs).is_none());
    assert!(exceptions::find(&told, &[], &ours, &theirs).is_none());
    assert!(exceptions::find(&told, &deleted(0), &theirs, &ours).is_none());
}
