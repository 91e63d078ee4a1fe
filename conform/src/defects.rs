//! The historic mistakes that the models can be told to make. A suite that does not notice one of them says nothing by its silence.

use squall_model::kafka::Defects;

/// Every switch by its name.
#[must_use]
pub fn all() -> Vec<(&'static str, Defects)> {
    let none = Defects::default();
    macro_rules! switches {
        ($($name:ident),* $(,)?) => {{
            // Names every field, so that a new switch does not go untested.
            let Defects { $($name: _),* } = none;
            vec![$((stringify!($name), Defects { $name: true, ..none })),*]
        }};
    }
    switches![
        truncate_to_high_watermark,
        high_watermark_at_log_end,
        forget_producers_at_failover,
        shrink_isr_alone,
        never_flush,
        acknowledge_at_once,
        elect_unclean,
        forget_eligible_replicas,
        forget_commits_at_failover,
    ]
}
