//! The rules that all connections of a proxy share, and what each of them did.

use super::rule::{Rule, RuleError};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A rule with its counters.
#[derive(Debug)]
pub(super) struct Tracked {
    pub rule: Rule,
    pub counters: Counters,
}

/// What a rule did.
#[derive(Default, Debug)]
pub(super) struct Counters {
    matched: AtomicU64,
    hits: AtomicU64,
    acted: AtomicU64,
    passed_over: AtomicU64,
    swallowed: AtomicU64,
    resets: AtomicU64,
    held_ns: AtomicU64,
    held_ns_max: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

/// What a rule did so far, over all connections: the evidence that it bit.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Evidence {
    /// Frames of its scope, way and APIs.
    pub matched: u64,
    /// Frames that it was done to, to the end: passed late, cut, answered with the error, whose answer was lost, or at which withholding began.
    pub acted: u64,
    /// Frames that were hit and passed unharmed, because no error answer of that version can be made.
    pub passed_over: u64,
    /// Answers that came from the broker and were not passed on.
    pub swallowed: u64,
    /// Connections that it reset.
    pub resets: u64,
    /// By how much frames were late, in all and at most.
    pub held_ns: u64,
    pub held_ns_max: u64,
    /// When it acted first and last, on the clock of the engine; `None`: never.
    pub acted_ns: Option<(u64, u64)>,
}

impl Tracked {
    fn new(rule: Rule) -> Self {
        let counters = Counters::default();
        counters.first_ns.store(u64::MAX, Ordering::Relaxed);
        Self { rule, counters }
    }

    pub fn matched(&self) {
        self.counters.matched.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one of the times that the rule may act; `false` when none is left.
    pub fn claim(&self) -> bool {
        let max = self.rule.acts_max.unwrap_or(u64::MAX);
        let hits = &self.counters.hits;
        hits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n < max).then(|| n + 1)
        })
        .is_ok()
    }

    pub fn acted(&self, now_ns: u64) {
        self.counters.acted.fetch_add(1, Ordering::Relaxed);
        self.counters.first_ns.fetch_min(now_ns, Ordering::Relaxed);
        self.counters.last_ns.fetch_max(now_ns, Ordering::Relaxed);
    }

    pub fn passed_over(&self) {
        self.counters.passed_over.fetch_add(1, Ordering::Relaxed);
    }

    pub fn swallowed(&self) {
        self.counters.swallowed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn reset(&self) {
        self.counters.resets.fetch_add(1, Ordering::Relaxed);
    }

    pub fn held(&self, late_ns: u64) {
        self.counters.held_ns.fetch_add(late_ns, Ordering::Relaxed);
        self.counters
            .held_ns_max
            .fetch_max(late_ns, Ordering::Relaxed);
    }

    fn evidence(&self) -> Evidence {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counters;
        let acted = load(&c.acted);
        Evidence {
            matched: load(&c.matched),
            acted,
            passed_over: load(&c.passed_over),
            swallowed: load(&c.swallowed),
            resets: load(&c.resets),
            held_ns: load(&c.held_ns),
            held_ns_max: load(&c.held_ns_max),
            acted_ns: (acted > 0).then(|| (load(&c.first_ns), load(&c.last_ns))),
        }
    }
}

/// Rules in the order in which they are tried. A value: a change makes new rules, and those that stay keep their counters.
#[derive(Clone, Default, Debug)]
pub struct Rules {
    tracked: Vec<Arc<Tracked>>,
}

impl Rules {
    /// # Errors
    /// When a rule asks for what cannot be done, or two have one name.
    pub fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        let mut names = BTreeSet::new();
        for rule in &rules {
            rule.check()?;
            if !names.insert(rule.name.as_str()) {
                return Err(RuleError::DuplicateName(rule.name.clone()));
            }
        }
        let tracked = rules.into_iter().map(|r| Arc::new(Tracked::new(r)));
        Ok(Self {
            tracked: tracked.collect(),
        })
    }

    /// These and one more behind them.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(&self, rule: Rule) -> Result<Self, RuleError> {
        rule.check()?;
        if self.tracked.iter().any(|t| t.rule.name == rule.name) {
            return Err(RuleError::DuplicateName(rule.name));
        }
        let mut with = self.clone();
        with.tracked.push(Arc::new(Tracked::new(rule)));
        Ok(with)
    }

    /// These but one: what it held passes, what it withholds ends in a reset.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let others = self.tracked.iter().filter(|t| t.rule.name != name);
        Self {
            tracked: others.cloned().collect(),
        }
    }

    /// What a rule did so far. Rules that have ended are counted on in values that still hold them.
    #[must_use]
    pub fn evidence(&self, name: &str) -> Option<Evidence> {
        let tracked = self.tracked.iter().find(|t| t.rule.name == name)?;
        Some(tracked.evidence())
    }

    pub(super) fn tracked(&self) -> &[Arc<Tracked>] {
        &self.tracked
    }
}

/// The rules of now, for all connections. After a swap call `Engine::poke`, so that connections without traffic see it too.
#[derive(Clone, Default, Debug)]
pub struct SharedRules(Arc<Shared>);

#[derive(Default, Debug)]
struct Shared {
    version: AtomicU64,
    current: RwLock<Arc<Rules>>,
}

impl SharedRules {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let shared = Self::default();
        shared.swap(rules);
        shared
    }

    /// Replaces the rules at once; returns those before.
    pub fn swap(&self, rules: Rules) -> Arc<Rules> {
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Arc::new(rules));
        self.0.version.fetch_add(1, Ordering::Release);
        before
    }

    /// Changes the rules by a function of them, with no swap in between.
    ///
    /// # Errors
    /// What the function refuses; the rules stay as they were.
    pub fn update(
        &self,
        change: impl FnOnce(&Rules) -> Result<Rules, RuleError>,
    ) -> Result<(), RuleError> {
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(change(&current)?);
        self.0.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    #[must_use]
    pub fn current(&self) -> Arc<Rules> {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Grows with every swap.
    pub(super) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }
}
