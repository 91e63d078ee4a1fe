//! A scaled load has the shape of the whole one.

use squall_plan::Plan;
use squall_plan::plan::Environment;
use squall_plan::scenario::{self, Request};
use std::path::Path;

fn scaled(file: &str, sets: &[&str], events: u64) -> (Plan, Plan) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .join(file);
    let request = Request {
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Request::default()
    };
    let whole = scenario::load(&path, &request).unwrap_or_else(|why| panic!("{why}"));
    let plan = |scenario| Plan::derive(scenario, 7, Environment::Sim).expect("it can be simulated");
    (plan(&whole), plan(&whole.scaled(events)))
}

#[test]
fn stages_and_faults_keep_their_times_and_counts_shrink_alike() {
    let shapes = "load.stages=[{rate: 400/s, for: 10s}, {burst: 3000}, {pause: 1s}, \
                  {ramp: {from: 0/s, to: 200/s}, for: 20s}, {sine: {mean: 50/s, amplitude: 50/s, period: 5s}, for: 20s}]";
    for events in [100, 500, 5_000] {
        let (whole, small) = scaled("consumer-crash.yaml", &[shapes], events);
        assert_eq!(whole.faults, small.faults);
        assert_eq!(whole.load_ends_ns, small.load_ends_ns);
        let planned: u64 = small.loads.iter().map(|load| load.events).sum();
        assert!(planned.abs_diff(events) <= 5, "{planned} of {events}");
        for (a, b) in whole.loads[0].timeline.iter().zip(&small.loads[0].timeline) {
            assert_eq!((a.at_ns, a.for_ns), (b.at_ns, b.for_ns));
            let due = a.events * events / whole.loads[0].events;
            assert!(b.events.abs_diff(due) <= 1, "{a:?} {b:?}");
        }
        assert_eq!(small.scaled_to, Some(events));
    }
}

#[test]
fn a_load_that_is_small_enough_stays_as_it_is() {
    let (whole, small) = scaled("burst.yaml", &[], 1_000_000);
    assert_eq!(whole.loads, small.loads);
}
