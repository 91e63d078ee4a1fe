//! Whether the load went out at its times.

use squall_load::{LoadReport, StageReport};

pub struct Punctuality<'a> {
    /// Events that had to go out. What a load did not come to because it was stopped is not among them: that was meant.
    pub due: u64,
    /// Share of them that went out on time, 0 to 1.
    pub share: f64,
    /// The stage with the least share, if any event of it was not on time.
    pub slowest: Option<&'a StageReport>,
}

impl<'a> Punctuality<'a> {
    pub fn of(reports: &'a [LoadReport]) -> Self {
        let (mut due, mut on_time) = (0, 0);
        let mut stages = Vec::new();
        for report in reports {
            let gone_out = report.on_time + report.late;
            due += due_of(report, report.planned, gone_out);
            on_time += report.on_time;
            stages.extend(report.stages.iter().map(|stage| {
                let due = due_of(report, stage.planned, stage.offered);
                (stage, due)
            }));
        }
        let slowest = stages
            .into_iter()
            .filter(|(stage, due)| stage.on_time < *due)
            .min_by(|(one, one_due), (other, other_due)| {
                let one = share(one.on_time, *one_due);
                one.total_cmp(&share(other.on_time, *other_due))
            });
        Self {
            due,
            share: share(on_time, due),
            slowest: slowest.map(|(stage, _)| stage),
        }
    }
}

const fn due_of(report: &LoadReport, planned: u64, gone_out: u64) -> u64 {
    if report.stopped { gone_out } else { planned }
}

/// 0 of nothing.
#[allow(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        _ => part as f64 / whole as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_was_stopped_is_held_to_what_it_came_to() {
        let stage = |at_ns, offered, on_time| StageReport {
            at_ns,
            planned: 100,
            offered,
            on_time,
            ..StageReport::default()
        };
        let mut reports = [LoadReport {
            planned: 300,
            on_time: 149,
            late: 1,
            stages: vec![stage(0, 100, 99), stage(1, 50, 50), stage(2, 0, 0)],
            ..LoadReport::default()
        }];
        let through = Punctuality::of(&reports);
        assert_eq!(
            (through.due, through.slowest.map(|one| one.at_ns)),
            (300, Some(2))
        );
        assert!(through.share < 0.5);
        reports[0].stopped = true;
        let stopped = Punctuality::of(&reports);
        assert_eq!(
            (stopped.due, stopped.slowest.map(|one| one.at_ns)),
            (150, Some(0))
        );
        assert!(stopped.share > 0.99);
    }
}
