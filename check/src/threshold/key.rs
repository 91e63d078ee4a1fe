//! Metric keys: a name and a selector, `effect_ms{sink:users,phase:after}`.

use super::error::ThresholdError;
use std::collections::BTreeMap;
use std::fmt;

/// A metric that thresholds know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetricKind {
    pub name: &'static str,
    pub shape: Shape,
    /// Tags that may select; the first of a metric that needs one is required.
    pub tags: &'static [&'static str],
    pub tag_required: bool,
    pub meaning: &'static str,
}

/// What a metric's value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A distribution of milliseconds.
    Trend,
    /// One number.
    Value,
    /// A share, 0 to 1.
    Rate,
}

const fn kind(
    name: &'static str,
    shape: Shape,
    tags: &'static [&'static str],
    tag_required: bool,
    meaning: &'static str,
) -> MetricKind {
    MetricKind {
        name,
        shape,
        tags,
        tag_required,
        meaning,
    }
}

/// Every metric that a threshold may name.
pub const METRICS: [MetricKind; 14] = [
    kind(
        "effect_ms",
        Shape::Trend,
        &["sink", "phase"],
        false,
        "from the intended offer to the first effect in a sink",
    ),
    kind(
        "accept_ms",
        Shape::Trend,
        &["phase"],
        false,
        "from the intended offer until the system has taken the event",
    ),
    kind(
        "pacing_ms",
        Shape::Trend,
        &[],
        false,
        "from the intended offer to the real one: the harness's own lateness",
    ),
    kind(
        "drain_ms",
        Shape::Value,
        &[],
        false,
        "from when the load has ended and every fault is healed until the last effect, and until no consumer group is behind",
    ),
    kind(
        "recovery_ms",
        Shape::Value,
        &["fault"],
        true,
        "from the injection of a fault until events fare as before it again",
    ),
    kind(
        "heal_recovery_ms",
        Shape::Value,
        &["fault"],
        true,
        "from the heal of a fault until events fare as before the faults again",
    ),
    kind(
        "detect_ms",
        Shape::Value,
        &["fault"],
        true,
        "from the injection of a fault until something shows that it is there",
    ),
    kind(
        "leaderless_ms",
        Shape::Value,
        &["fault"],
        true,
        "how long a partition had no leader because of a fault, the longest",
    ),
    kind(
        "lag_peak",
        Shape::Value,
        &["group", "fault"],
        true,
        "how many records a consumer group was behind, at most",
    ),
    kind(
        "lag_drain_ms",
        Shape::Value,
        &["fault", "group"],
        true,
        "from the heal of a fault until a consumer group is no further behind than before, the slowest",
    ),
    kind(
        "accept_gain",
        Shape::Value,
        &["fault"],
        true,
        "events taken a second while a fault held, in those before any fault",
    ),
    kind(
        "effect_gain",
        Shape::Value,
        &["fault", "sink"],
        true,
        "effects a second while a fault held, in those before any fault",
    ),
    kind(
        "achieved_rate",
        Shape::Rate,
        &[],
        false,
        "the share of the planned events that were offered on time",
    ),
    kind(
        "http_error_rate",
        Shape::Rate,
        &[],
        false,
        "the share of the HTTP requests that were answered by an error, or not at all",
    ),
];

/// Every measure of a run under way that may stop it.
pub const LIVE: [MetricKind; 5] = [
    kind(
        "error_share",
        Shape::Rate,
        &[],
        false,
        "of the outcomes of the last second, the share that is not an acceptance, 0 to 1",
    ),
    kind(
        "accept_rate",
        Shape::Value,
        &[],
        false,
        "events accepted in the last second",
    ),
    kind(
        "effect_rate",
        Shape::Value,
        &["sink"],
        true,
        "effects seen in a sink in the last second",
    ),
    kind(
        "backlog",
        Shape::Value,
        &["sink"],
        true,
        "events accepted so far beyond the effects and dead letters seen in a sink",
    ),
    kind(
        "lag",
        Shape::Value,
        &["group"],
        true,
        "records that a consumer group is behind",
    ),
];

/// A metric's name and the tags that select from it, in the order of the tags.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MetricKey {
    name: String,
    tags: BTreeMap<String, String>,
}

impl MetricKey {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tags: BTreeMap::new(),
        }
    }

    /// The key with one tag more.
    #[must_use]
    pub fn with(mut self, tag: &str, value: &str) -> Self {
        self.tags.insert(tag.to_owned(), value.to_owned());
        self
    }

    /// Parses and checks a key: the metric and its tags must be known.
    pub fn parse(text: &str) -> Result<Self, ThresholdError> {
        Self::parse_among(text, &METRICS)
    }

    pub(super) fn parse_among(text: &str, known: &[MetricKind]) -> Result<Self, ThresholdError> {
        let error = |column: usize, what: String, mend: String| ThresholdError {
            text: text.to_owned(),
            column: column + 1,
            what,
            mend,
            unknown: None,
        };
        let (name, selector) = match text.find('{') {
            None => (text, None),
            Some(open) if text.ends_with('}') => (
                &text[..open],
                Some((open + 1, &text[open + 1..text.len() - 1])),
            ),
            Some(open) => {
                return Err(error(
                    open,
                    "the selector is not closed".to_owned(),
                    format!("write {}}}", text.trim_end()),
                ));
            }
        };
        let Some(metric) = known.iter().find(|metric| metric.name == name.trim()) else {
            let names: Vec<_> = known.iter().map(|metric| metric.name).collect();
            return Err(error(
                0,
                format!("there is no metric `{}`", name.trim()),
                format!("use one of {}", names.join(", ")),
            )
            .of(name.trim(), &names));
        };
        let mut key = Self::new(metric.name);
        if let Some((from, selector)) = selector {
            key.parse_tags(metric, from, selector, &error)?;
        }
        if metric.tag_required && key.tag(metric.tags[0]).is_none() {
            let tag = metric.tags[0];
            return Err(error(
                text.len(),
                format!("{} needs to know which {tag}", metric.name),
                format!("write {}{{{tag}:NAME}}", metric.name),
            ));
        }
        Ok(key)
    }

    fn parse_tags(
        &mut self,
        metric: &MetricKind,
        from: usize,
        selector: &str,
        error: &dyn Fn(usize, String, String) -> ThresholdError,
    ) -> Result<(), ThresholdError> {
        let mut at = from;
        for part in selector.split(',') {
            let column = at + (part.len() - part.trim_start().len());
            at += part.len() + 1;
            let Some((tag, value)) = part.split_once(':') else {
                return Err(error(
                    column,
                    format!("`{}` is not a tag and its value", part.trim()),
                    "write {tag:value}, several parted by commas".to_owned(),
                ));
            };
            let (tag, value) = (tag.trim(), value.trim());
            if !metric.tags.contains(&tag) {
                let mend = if metric.tags.is_empty() {
                    "leave the selector out".to_owned()
                } else {
                    format!("it knows {}", metric.tags.join(", "))
                };
                return Err(
                    error(column, format!("{} has no tag `{tag}`", metric.name), mend)
                        .of(tag, metric.tags),
                );
            }
            if value.is_empty() {
                let mend = format!("write {tag}:NAME");
                return Err(error(column, format!("the tag `{tag}` has no value"), mend));
            }
            if self.tags.insert(tag.to_owned(), value.to_owned()).is_some() {
                let mend = "leave one of them out".to_owned();
                return Err(error(column, format!("the tag `{tag}` comes twice"), mend));
            }
        }
        Ok(())
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a tag, for a caller that checks whether such a sink, phase or fault exists.
    #[must_use]
    pub fn tag(&self, tag: &str) -> Option<&str> {
        self.tags.get(tag).map(String::as_str)
    }

    /// `None` for a key made by [`MetricKey::new`] with a name that thresholds do not know.
    #[must_use]
    pub fn metric(&self) -> Option<&'static MetricKind> {
        METRICS.iter().find(|metric| metric.name == self.name)
    }
}

impl fmt::Display for MetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, (tag, value)) in self.tags.iter().enumerate() {
            write!(f, "{}{tag}:{value}", if index == 0 { "{" } else { "," })?;
        }
        if self.tags.is_empty() {
            Ok(())
        } else {
            f.write_str("}")
        }
    }
}
