//! What a number of runs proves about how often something comes: exact bounds for a share, after Clopper and Pearson (1934).

/// How sure the bounds are.
pub const CONFIDENCE: f64 = 0.95;

/// Halvings of [0, 1]: beyond the precision of `f64`.
const HALVINGS: u32 = 60;

/// The share above which `hits` or fewer of `runs` come in less than `1 - confidence` of all cases: the one-sided upper bound.
/// For 0 hits it is `1 - (1 - confidence)^(1/runs)`, which the rule of three approximates by `3 / runs`.
#[must_use]
pub fn upper(hits: u64, runs: u64, confidence: f64) -> f64 {
    match (hits, runs) {
        (_, 0) => 1.0,
        (hits, runs) if hits >= runs => 1.0,
        _ => falling(|share| at_most(hits, runs, share), 1.0 - confidence),
    }
}

/// The one-sided lower bound.
#[must_use]
pub fn lower(hits: u64, runs: u64, confidence: f64) -> f64 {
    match (hits, runs) {
        (0, _) | (_, 0) => 0.0,
        _ => 1.0 - upper(runs - hits.min(runs), runs, confidence),
    }
}

/// The two-sided interval: what is outside is left in equal parts to both sides.
#[must_use]
pub fn interval(hits: u64, runs: u64, confidence: f64) -> (f64, f64) {
    let one_side = f64::midpoint(1.0, confidence);
    (lower(hits, runs, one_side), upper(hits, runs, one_side))
}

/// Where a falling function passes `value`.
fn falling(function: impl Fn(f64) -> f64, value: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if function(middle) > value {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The chance of at most `hits` in `runs` when each comes with chance `share`, strictly between 0 and 1. Terms are summed from
/// their logarithms, for the first one is below every `f64` when there are many runs.
fn at_most(hits: u64, runs: u64, share: f64) -> f64 {
    let (yes, no) = (share.ln(), (-share).ln_1p());
    let mut log_term = runs as f64 * no;
    let mut sum = log_term.exp();
    for hit in 1..=hits {
        log_term += ((runs - hit + 1) as f64 / hit as f64).ln() + yes - no;
        sum += log_term.exp();
    }
    sum.min(1.0)
}

/// A share as percent with two digits that mean something, rounded up: a bound from above stays one.
#[must_use]
pub fn percent_up(share: f64) -> String {
    // A share that is a round number already must not grow by an error of the last bit.
    percent(share, |value| (value - 1e-9).ceil())
}

/// As [`percent_up`], rounded down: a bound from below stays one.
#[must_use]
pub fn percent_down(share: f64) -> String {
    percent(share, |value| (value + 1e-9).floor())
}

fn percent(share: f64, round: impl Fn(f64) -> f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        return "0 %".to_owned();
    }
    let step = 10_f64.powi(1 - percent.log10().floor() as i32).max(1.0);
    let rounded = (round(percent * step) / step).min(100.0);
    let digits = step.log10().round().max(0.0) as usize;
    let text = format!("{rounded:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, known: f64) {
        assert!((found - known).abs() < 5e-7, "{found} is not {known}");
    }

    #[test]
    fn intervals_are_the_published_ones() {
        // As R's binom.test(hits, runs)$conf.int gives them.
        for (hits, runs, low, high) in [
            (0, 10, 0.0, 0.308_497_1),
            (1, 20, 0.001_265_089, 0.248_732_763),
            (3, 10, 0.066_739_51, 0.652_452_85),
            (50, 100, 0.398_321_1, 0.601_678_9),
            (10, 10, 0.691_502_9, 1.0),
        ] {
            let (found_low, found_high) = interval(hits, runs, 0.95);
            near(found_low, low);
            near(found_high, high);
        }
    }

    #[test]
    fn clean_runs_follow_the_closed_form_and_the_rule_of_three() {
        for runs in [1_u64, 2, 10, 50, 59, 200, 1_000, 100_000] {
            let bound = upper(0, runs, CONFIDENCE);
            near(bound, 1.0 - 0.05_f64.powf(1.0 / runs as f64));
            assert!(bound < 3.0 / runs as f64, "{runs}");
        }
        near(upper(0, 50, CONFIDENCE), 0.058_155);
        assert!(upper(0, 58, CONFIDENCE) > 0.05 && upper(0, 59, CONFIDENCE) < 0.05);
    }

    #[test]
    fn nothing_run_proves_nothing_and_every_run_hit_has_no_upper_bound() {
        near(upper(0, 0, CONFIDENCE), 1.0);
        near(lower(0, 0, CONFIDENCE), 0.0);
        near(upper(7, 7, CONFIDENCE), 1.0);
    }

    #[test]
    fn many_runs_with_many_hits_stay_exact() {
        // By the normal approximation, whose error is far below this tolerance here.
        let (low, high) = interval(5_000, 10_000, 0.95);
        let half = 1.959_964 * (0.25_f64 / 10_000.0).sqrt();
        assert!((low - (0.5 - half)).abs() < 2e-4, "{low}");
        assert!((high - (0.5 + half)).abs() < 2e-4, "{high}");
    }

    #[test]
    fn percents_are_rounded_away_from_what_was_seen() {
        assert_eq!(percent_down(0.067_59), "6.7 %");
        assert_eq!(percent_down(0.07), "7 %");
        assert_eq!(percent_down(0.939), "93 %");

        for (share, text) in [
            (0.058_155, "5.9 %"),
            (0.05, "5 %"),
            (0.451, "46 %"),
            (0.000_299_5, "0.03 %"),
            (0.95, "95 %"),
            (1.0, "100 %"),
            (0.0, "0 %"),
        ] {
            assert_eq!(percent_up(share), text);
        }
    }
}
