//! The historic mistakes that the models can be told to make. A suite that does not notice one of them says nothing by its silence.

use squall_model::kafka::Defects;

/// Every switch by its name that a sequence of requests can notice. Of the others the simulator's sweeps must (`squall bugs`).
#[must_use]
pub fn all() -> Vec<(&'static str, Defects)> {
    let none = Defects::default();
    macro_rules! switches {
        ($($name:ident),* $(,)?; simulated $($other:ident),* $(,)?) => {{
            // Names every field, so that a new switch does not go untested.
            let Defects { $($name: _,)* $($other: _),* } = none;
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
        forget_commits_at_failover;
        simulated
        never_truncate,
        ignore_min_insync,
        admit_duplicates,
        rejoin_at_once,
        read_beyond_high_watermark,
        count_sent_as_replicated,
        acknowledge_at_step_down,
        keep_commits_in_memory,
    ]
}
