use super::*;

fn explained(settings: &[&str]) -> Explained {
    let mut all = Settings::default();
    for setting in settings {
        all.take(setting).unwrap();
    }
    all.complete();
    explain(&all, 40, Duration::from_secs(600)).unwrap()
}

#[test]
fn what_acks_0_loses_is_found_told_and_closed_by_acks_all() {
    let explained = explained(&["acks=0"]);
    let lost = explained
        .found
        .iter()
        .find(|found| found.name == "lost-write");
    let lost = lost.expect("acks=0 loses something within 40 seeds");
    assert!(lost.story.steps.iter().any(|step| step.what == "accepted"));
    let closed_by = lost.closed_by.as_deref();
    let texts = closed_by.map(|all| all.iter().map(Setting::text).collect::<Vec<_>>());
    assert_eq!(texts, Some(vec!["acks=all".to_owned()]));
}
