use super::{Aggregate, Comparison, MetricKey, Threshold};
use crate::metrics::{Measured, Trend};

#[test]
fn expressions_are_read() {
    let table = [
        (
            "effect_ms",
            "p(50)<100",
            Aggregate::Percentile(50.0),
            Comparison::Less,
            100.0,
        ),
        (
            "effect_ms",
            " p( 99.9 ) <= 2.5 ",
            Aggregate::Percentile(99.9),
            Comparison::LessOrEqual,
            2.5,
        ),
        (
            "effect_ms",
            "avg>1",
            Aggregate::Mean,
            Comparison::Greater,
            1.0,
        ),
        (
            "accept_ms",
            "min>=1",
            Aggregate::Min,
            Comparison::GreaterOrEqual,
            1.0,
        ),
        (
            "pacing_ms",
            "max!=7",
            Aggregate::Max,
            Comparison::NotEqual,
            7.0,
        ),
        (
            "effect_ms",
            "med==7",
            Aggregate::Median,
            Comparison::Equal,
            7.0,
        ),
        (
            "effect_ms",
            "count===7",
            Aggregate::Count,
            Comparison::Equal,
            7.0,
        ),
        (
            "drain_ms",
            "value<15000",
            Aggregate::Value,
            Comparison::Less,
            15_000.0,
        ),
        (
            "http_error_rate",
            "rate<0.01",
            Aggregate::Rate,
            Comparison::Less,
            0.01,
        ),
        (
            "achieved_rate",
            "value>0.99",
            Aggregate::Value,
            Comparison::Greater,
            0.99,
        ),
    ];
    for (key, text, aggregate, comparison, limit) in table {
        let read = Threshold::parse(key, text).unwrap().expression;
        assert_eq!(
            (read.aggregate, read.comparison, read.limit),
            (aggregate, comparison, limit),
            "{text}"
        );
        assert_eq!(read.to_string(), text);
    }
}

#[test]
fn keys_are_read_and_printed_alike() {
    for text in [
        "effect_ms",
        "effect_ms{sink:users}",
        "effect_ms{phase:after,sink:users}",
        "recovery_ms{fault:leader-cut-off}",
    ] {
        assert_eq!(MetricKey::parse(text).unwrap().to_string(), text);
    }
    let key = MetricKey::parse("effect_ms{ sink : users , phase:after}").unwrap();
    assert_eq!(
        (key.tag("sink"), key.tag("phase"), key.tag("fault")),
        (Some("users"), Some("after"), None)
    );
}

#[test]
fn mistakes_say_where_what_and_how_to_mend() {
    let table = [
        (
            "efect_ms",
            "p(99)<1",
            "`efect_ms`, column 1: there is no metric `efect_ms`; use one of effect_ms, accept_ms, pacing_ms, drain_ms, recovery_ms, heal_recovery_ms, detect_ms, leaderless_ms, lag_peak, lag_drain_ms, accept_gain, effect_gain, achieved_rate, http_error_rate",
        ),
        (
            "effect_ms{sink:users",
            "p(99)<1",
            "`effect_ms{sink:users`, column 10: the selector is not closed; write effect_ms{sink:users}",
        ),
        (
            "effect_ms{sinks:users}",
            "p(99)<1",
            "`effect_ms{sinks:users}`, column 11: effect_ms has no tag `sinks`; it knows sink, phase",
        ),
        (
            "effect_ms{sink:a, sink:b}",
            "p(99)<1",
            "`effect_ms{sink:a, sink:b}`, column 19: the tag `sink` comes twice; leave one of them out",
        ),
        (
            "effect_ms{sink:}",
            "p(99)<1",
            "`effect_ms{sink:}`, column 11: the tag `sink` has no value; write sink:NAME",
        ),
        (
            "effect_ms{users}",
            "p(99)<1",
            "`effect_ms{users}`, column 11: `users` is not a tag and its value; write {tag:value}, several parted by commas",
        ),
        (
            "drain_ms{sink:users}",
            "value<1",
            "`drain_ms{sink:users}`, column 10: drain_ms has no tag `sink`; leave the selector out",
        ),
        (
            "recovery_ms",
            "value<1",
            "`recovery_ms`, column 12: recovery_ms needs to know which fault; write recovery_ms{fault:NAME}",
        ),
        (
            "lag_peak{fault:crash}",
            "value<1",
            "`lag_peak{fault:crash}`, column 22: lag_peak needs to know which group; write lag_peak{group:NAME}",
        ),
        (
            "effect_ms",
            "p(99)",
            "`p(99)`, column 6: there is no comparison in it; write it like p(99)<3000",
        ),
        (
            "effect_ms",
            "p(99)=3",
            "`p(99)=3`, column 6: this is no comparison; use one of < <= > >= == !=",
        ),
        (
            "effect_ms",
            "p(99<3",
            "`p(99<3`, column 5: the bracket is not closed; write it like p(99)",
        ),
        (
            "effect_ms",
            "p(101)<3",
            "`p(101)<3`, column 3: this is no percentage from 0 to 100; write it like p(99) or p(99.9)",
        ),
        (
            "effect_ms",
            "p99<3",
            "`p99<3`, column 1: `p99` is nothing that can be compared; write p(99)",
        ),
        (
            "effect_ms",
            " <3",
            "` <3`, column 2: nothing stands before the comparison; write it like p(99)<3000 or value<3000",
        ),
        (
            "effect_ms",
            "p(99)< 3s",
            "`p(99)< 3s`, column 8: `3s` is no number; write 3000, in milliseconds",
        ),
        (
            "effect_ms",
            "p(99)<",
            "`p(99)<`, column 7: the limit is missing; write a number after the comparison",
        ),
        (
            "http_error_rate",
            "rate<5%",
            "`rate<5%`, column 6: `5%` is no number; write 0.05, the share from 0 to 1",
        ),
        (
            "effect_ms",
            "p(99)<nan",
            "`p(99)<nan`, column 7: `nan` is no number; write a plain number: milliseconds for *_ms, 0 to 1 for rates",
        ),
        (
            "effect_ms",
            "value<3",
            "`value<3`, column 1: effect_ms is many values; use p(N), avg, min, max, med and count",
        ),
        (
            "drain_ms",
            "p(99)<3",
            "`p(99)<3`, column 1: drain_ms is one value; write value<3",
        ),
        (
            "http_error_rate",
            "avg<=0.1",
            "`avg<=0.1`, column 1: http_error_rate is a share; write rate<=0.1",
        ),
    ];
    for (key, expression, message) in table {
        assert_eq!(
            Threshold::parse(key, expression).unwrap_err().to_string(),
            message
        );
    }
}

#[test]
fn nothing_measured_meets_nothing() {
    let threshold = Threshold::parse("effect_ms", "count>=0").unwrap();
    assert_eq!(threshold.observed(None), None);
    assert_eq!(
        threshold.observed(Some(&Measured::Trend(Trend::new()))),
        None
    );
}

#[test]
fn trends_aggregate_what_they_recorded() {
    let mut trend = Trend::new();
    (1..=1_000_u64).for_each(|ms| trend.record_ns(ms * 1_000_000));
    let measured = Measured::Trend(trend);
    for (expression, expected) in [
        ("p(50)<1", 500.0),
        ("p(99)<1", 990.0),
        ("med<1", 500.0),
        ("min<1", 1.0),
        ("max<1", 1_000.0),
        ("avg<1", 500.5),
        ("count<1", 1_000.0),
    ] {
        let observed = Threshold::parse("effect_ms", expression)
            .unwrap()
            .observed(Some(&measured));
        let observed = observed.unwrap();
        assert!(
            (observed - expected).abs() / expected < 0.001,
            "{expression}: {observed}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(key in ".*", expression in "[ -~é<>=!(){}p0-9.]*") {
        let _ = Threshold::parse(&key, &expression);
        let _ = Threshold::parse("effect_ms", &expression);
        let _ = MetricKey::parse(&format!("effect_ms{{{key}"));
        let _ = MetricKey::parse(&format!("effect_ms{{{key}}}"));
    }
}
