//! From findings and health to a verdict.
//!
//! | what was found | what was shown | standing |
//! |---|---|---|
//! | loss under at-most-once, duplicates under at-least-once | nothing | allowed |
//! | loss | final read of the sink, recorder; the drain, or how much was in flight | violation |
//! | stuck (the drain gave up, that much was in flight) | final read of the sink, recorder | violation |
//! | phantom | recorder | violation |
//! | duplicate, rejected or unexpected effect, unexpected dead letter, order | nothing more: the rows are there | violation |
//! | anything that lacks what it needs, or stands in a history that contradicts itself | | unproven |
//!
//! Then, the first that fits:
//! 1. an anomaly stands as a violation: **violated**, the gravest gives the headline;
//! 2. a business invariant that counts is broken, and steady state, recorder and drain were shown: **violated (invariant)**;
//! 3. a live limit stopped the run, and steady state, recorder and harness were shown: **violated (harm)**;
//! 4. a threshold that counts was crossed, and steady state, recorder and harness were shown: **violated (slow)**;
//! 5. anything required was not shown, an anomaly is unproven, a threshold was crossed or not measured, an invariant
//!    not evaluated, or nothing was
//!    offered or accepted: **inconclusive**;
//! 6. otherwise **held**.
//!
//! A missing rate or fault evidence never excuses a violation: what was broken under less strain is broken.

use crate::anomaly::{Anomaly, AnomalyName, Standing, violations};
use crate::around;
use crate::check::stuck::{self, Division};
use crate::evaluate;
use crate::health::{Health, SinkHealth};
use crate::invariant::InvariantResult;
use crate::judge::Judge;
use crate::judgement::{
    Headline, Judgement, Latency, Reason, SinkLedger, ThresholdResult, Verdict,
};
use crate::latency::Latencies;
use crate::metrics::Metrics;
use crate::reasons;
use crate::spec::{Reading, SinkSpec};
use crate::sweep::{Cases, Sweep, Swept, SweptSink};

/// Ranges of lost offsets that an anomaly lists.
const RANGES_MAX: usize = 100;

/// Ends a judge.
pub(crate) fn conclude(mut judge: Judge, health: Health) -> Judgement {
    let read = |sink: usize| {
        health
            .sinks
            .get(sink)
            .is_some_and(|sink| sink.final_read.is_shown())
    };
    let trust_live: Vec<bool> = (0..judge.spec.sinks.len())
        .map(|sink| judge.spec.sinks[sink].reading == Reading::Tail || !read(sink))
        .collect();
    let mut swept = Sweep {
        spec: &judge.spec,
        trust_live: &trust_live,
    }
    .run(&judge.streams);
    let mut reasons = reasons::of_history(&judge, &swept);
    let sound = reasons.is_empty();
    let complete = health.recorder.is_shown();
    reasons.extend(reasons::of_run(&judge, &swept));
    reasons.extend(reasons::of_health(&judge.spec, &health));

    let (sinks, anomalies) = close_accounts(&mut judge, &mut swept, &health, sound);
    reasons.extend(reasons::of_anomalies(&anomalies));
    let mut metrics = judge.latencies.metrics();
    let latencies = summaries(&metrics);
    let faults = around::measure(&judge, &health);
    metrics.extend(around::metrics(&faults));
    metrics.extend(health.metrics.clone());
    let resolutions = evaluate::resolutions(&judge.spec, &health);
    let thresholds: Vec<_> = judge
        .spec
        .thresholds
        .iter()
        .map(|threshold| evaluate::evaluate(threshold, &metrics, &resolutions))
        .collect();
    let measured_fairly =
        sound && complete && health.steady_state.is_shown() && health.harness.is_shown();
    reasons.extend(reasons::of_thresholds(&thresholds, measured_fairly));
    let settled = sound && complete && health.steady_state.is_shown() && health.drain.is_shown();
    let invariants = invariants(&judge, &health, settled);
    reasons.extend(reasons::of_invariants(&invariants));
    reasons.extend(health.harm.as_deref().map(reasons::of_harm));
    let found = Found {
        anomalies: &anomalies,
        invariants: &invariants,
        harm: health.harm.is_some(),
        thresholds: &thresholds,
        measured_fairly,
        reasons: &reasons,
    };
    let (verdict, headline) = found.decide();
    Judgement {
        verdict,
        headline,
        load: swept.load,
        lost: lost_anywhere(swept.missing_anywhere, &sinks),
        sinks,
        anomalies,
        thresholds,
        invariants,
        harm: health.harm,
        reasons,
        latencies,
        faults,
    }
}

/// Events lost in at least one sink. Of the missing ones some may be in flight, and nobody knows which: then no more than
/// the sinks have lost together, and no fewer than any of them.
fn lost_anywhere(missing_anywhere: u64, sinks: &[SinkLedger]) -> u64 {
    let least = sinks.iter().map(|sink| sink.lost).max().unwrap_or(0);
    let most = sinks.iter().map(|sink| sink.lost).sum();
    missing_anywhere.clamp(least, most)
}

/// The ledgers and anomalies of all sinks. `sound`: the history does not contradict itself.
fn close_accounts(
    judge: &mut Judge,
    swept: &mut Swept,
    health: &Health,
    sound: bool,
) -> (Vec<SinkLedger>, Vec<Anomaly>) {
    let mut sinks = Vec::new();
    let mut anomalies = Vec::new();
    for index in 0..judge.spec.sinks.len() {
        let sink = health.sinks.get(index).cloned().unwrap_or_default();
        let found = &mut swept.sinks[index];
        add_online_cases(judge, index, found);
        let account = SinkAccount {
            spec: &judge.spec.sinks[index],
            division: stuck::divide(found.missing, health.drain.is_shown(), sink.in_flight),
            health: &sink,
            sound,
            complete: health.recorder.is_shown(),
        };
        sinks.push(account.ledger(found, judge.sinks[index].surplus));
        anomalies.extend(account.anomalies(found));
    }
    (sinks, anomalies)
}

/// All that the decision table's second half looks at.
pub(crate) struct Found<'a> {
    pub anomalies: &'a [Anomaly],
    pub invariants: &'a [InvariantResult],
    /// A live limit stopped the run.
    pub harm: bool,
    pub thresholds: &'a [ThresholdResult],
    pub measured_fairly: bool,
    pub reasons: &'a [Reason],
}

impl Found<'_> {
    pub(crate) fn decide(&self) -> (Verdict, Option<Headline>) {
        let violations = violations(self.anomalies);
        if let Some(headline) = violations.map(|one| one.name.headline()).min() {
            return (Verdict::Violated, Some(headline));
        }
        if self.invariants.iter().any(|one| one.violated) {
            return (Verdict::Violated, Some(Headline::Invariant));
        }
        if self.harm && self.measured_fairly {
            return (Verdict::Violated, Some(Headline::Harm));
        }
        let mut counting = self.thresholds.iter().filter(|one| one.weight.counts());
        let crossed = counting.clone().any(ThresholdResult::is_crossed);
        if crossed && self.measured_fairly {
            return (Verdict::Violated, Some(Headline::Slow));
        }
        if !self.reasons.is_empty() || counting.any(|one| !one.ok) {
            return (Verdict::Inconclusive, None);
        }
        (Verdict::Held, None)
    }
}

fn invariants(judge: &Judge, health: &Health, settled: bool) -> Vec<InvariantResult> {
    let specs = judge.spec.invariants.iter();
    specs
        .map(|spec| {
            let evaluated = health.invariants.get(&spec.name).cloned();
            InvariantResult::of(spec, evaluated.unwrap_or_default(), settled)
        })
        .collect()
}

fn summaries(metrics: &Metrics) -> Vec<Latency> {
    Latencies::report(metrics)
        .filter_map(|(key, trend)| {
            Some(Latency {
                key: key.to_string(),
                summary: trend.summary()?,
            })
        })
        .collect()
}

/// Order and entries that belong to no event are counted while the ops come.
fn add_online_cases(judge: &mut Judge, sink: usize, found: &mut SweptSink) {
    let examples_max = judge.spec.limits.examples;
    let state = &mut judge.sinks[sink];
    if state.strays > 0 {
        let cases = found.cases.entry(AnomalyName::Phantom).or_default();
        cases.count += state.strays;
        cases.examples.append(&mut state.stray_examples);
        cases.examples.truncate(examples_max);
    }
    if let Some(order) = &mut state.order
        && order.count > 0
    {
        let cases = Cases {
            count: order.count,
            examples: std::mem::take(&mut order.examples),
            places: Vec::new(),
        };
        found.cases.insert(AnomalyName::Order, cases);
    }
}

/// One sink with what bears on its anomalies.
struct SinkAccount<'a> {
    spec: &'a SinkSpec,
    health: &'a SinkHealth,
    division: Division,
    /// The history does not contradict itself.
    sound: bool,
    /// It has every row that was recorded.
    complete: bool,
}

impl SinkAccount<'_> {
    fn ledger(&self, found: &SweptSink, surplus: u64) -> SinkLedger {
        let duplicated = found.cases.get(&AnomalyName::DuplicateEffect);
        SinkLedger {
            name: self.spec.name.clone(),
            semantics: self.spec.semantics,
            due: found.due,
            effects: found.effects,
            lost: self.division.lost,
            duplicated: duplicated.map_or(0, |cases| cases.count),
            surplus_effects: surplus,
            dead_lettered: found.dead_lettered,
            in_flight: self.division.in_flight,
            indeterminate_effects: found.indeterminate_effects,
            indeterminate_without_effect: found.indeterminate_without_effect,
            final_read_complete: self.health.final_read.is_shown(),
        }
    }

    fn anomalies(&self, found: &mut SweptSink) -> Vec<Anomaly> {
        let mut cases = std::mem::take(&mut found.cases);
        self.divide(&mut cases);
        cases
            .into_iter()
            .filter(|(_, cases)| cases.count > 0)
            .map(|(name, mut cases)| Anomaly {
                name,
                sink: self.spec.name.clone(),
                standing: self.standing(name),
                count: cases.count,
                ranges: cases.ranges(RANGES_MAX),
                examples: cases.examples,
            })
            .collect()
    }

    /// Moves what is in flight from the missing to the stuck: those first that nothing later has passed.
    fn divide(&self, cases: &mut std::collections::BTreeMap<AnomalyName, Cases>) {
        let mut left = self.division.in_flight;
        let mut stuck = Cases::default();
        for name in [AnomalyName::Unseen, AnomalyName::LostWrite] {
            if let Some(from) = cases.get_mut(&name) {
                let moved = left.min(from.count);
                left -= moved;
                if moved > 0 {
                    // Which ones are lost is not known any more.
                    from.places.clear();
                }
                from.count -= moved;
                stuck.count += moved;
                let kept = usize::try_from(from.count).unwrap_or(usize::MAX);
                let split = kept.min(from.examples.len());
                // The later ones are the ones still on their way.
                stuck.examples.extend(from.examples.drain(split..));
            }
        }
        if stuck.count > 0 {
            cases.insert(AnomalyName::Stuck, stuck);
        }
    }

    fn standing(&self, name: AnomalyName) -> Standing {
        let read = self.health.final_read.is_shown();
        let semantics = self.spec.semantics;
        let proven = match name {
            AnomalyName::LostWrite | AnomalyName::Unseen if semantics.allows_loss() => {
                return Standing::Allowed;
            }
            AnomalyName::DuplicateEffect if semantics.allows_duplicates() => {
                return Standing::Allowed;
            }
            AnomalyName::LostWrite | AnomalyName::Unseen | AnomalyName::Stuck => {
                self.sound && self.complete && read && self.division.proven
            }
            AnomalyName::Phantom => self.sound && self.complete,
            AnomalyName::DuplicateEffect
            | AnomalyName::RejectedEffect
            | AnomalyName::UnexpectedEffect
            | AnomalyName::UnexpectedDeadLetter
            | AnomalyName::Order => self.sound,
        };
        if proven {
            Standing::Violation
        } else {
            Standing::Unproven
        }
    }
}
