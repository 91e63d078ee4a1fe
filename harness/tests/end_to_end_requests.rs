//! Every fault that tells Kafka's requests apart, in one whole run of real processes.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::{Run, living};

const FAULTS: [&str; 5] = ["late", "refused", "lost", "cut", "silent"];

#[test]
fn each_fault_of_requests_bites_and_what_was_promised_is_kept() {
    let run = Run::of("requests.yaml", &[]);
    assert_eq!(run.code, Some(0), "{run}");
    let report = run.report();
    assert_eq!(report["anomalies"].as_array().unwrap().len(), 0, "{run}");
    let faults = report["faults"].as_array().unwrap();
    for name in FAULTS {
        let fault = faults.iter().find(|fault| fault["name"] == name).unwrap();
        assert_eq!(fault["bit"], true, "{name}: {run}");
        let evidence = fault["evidence"][0].as_str().unwrap();
        assert!(evidence.contains(" frame"), "{name}: {evidence}");
    }
    assert!(living(&run).is_empty(), "{run}");
}
