//! A scenario as a tree that can be cut down and written again: what `squall shrink` works on.

mod explicit;

use super::Request;
use super::file::lay_over;
use crate::problem::Problems;
use crate::yaml::{self, Node, Value};

/// A scenario's tree, the variant and the `--set`s laid over it, its variants gone.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    root: Node,
}

impl Draft {
    /// # Errors
    /// When the text or an argument cannot be read.
    pub fn of(name: &str, text: &str, request: &Request) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let root = yaml::parse(name, text, &mut problems);
        let Some(mut root) = root else {
            return Err(problems);
        };
        lay_over(&mut root, name, request, &mut problems);
        root.remove("variants");
        match problems.is_empty() {
            true => Ok(Self { root }),
            false => Err(problems),
        }
    }

    /// The same without one fault: a written one is taken out with the limits around it, one that the seed drew is left out of the draw.
    /// `drawn`: the names of all that were drawn and are still there.
    #[must_use]
    pub fn without_fault(&self, fault: &str, drawn: &[String]) -> Self {
        let mut draft = self.clone();
        if drawn.iter().any(|name| name == fault) {
            let rest = drawn.iter().filter(|name| *name != fault);
            draft.draw_only(rest);
            return draft;
        }
        let named = |node: &Node| node.get("name").and_then(Node::text) == Some(fault);
        if let Some(Value::List(faults)) = value_mut(&mut draft.root, &["faults"]) {
            faults.retain(|node| !named(node));
        }
        let tag = format!("fault:{fault}");
        draft.drop_limits(|metric| has_tag(metric, &tag));
        draft
    }

    /// Nothing goes wrong, so nothing is before or after it either.
    #[must_use]
    pub fn without_faults(&self) -> Self {
        let mut draft = self.clone();
        draft.root.remove("faults");
        draft.root.remove("nemesis");
        draft.drop_limits(|metric| metric.contains("fault:") || metric.contains("phase:"));
        draft
    }

    /// The same with loads that end at this time at the latest, nanoseconds from their beginning; `None`: a stage of them is not understood.
    #[must_use]
    pub fn ending_at(&self, at_ns: u64) -> Option<Self> {
        let mut draft = self.clone();
        match value_mut(&mut draft.root, &["load"])? {
            Value::List(loads) => {
                for load in loads {
                    cut(load, at_ns)?;
                }
            }
            Value::Map(_) => {
                let load = draft.root.get_mut("load")?;
                cut(load, at_ns)?;
            }
            Value::Scalar { .. } => return None,
        }
        Some(draft)
    }

    /// The same that expects to be violated, with these anomalies.
    #[must_use]
    pub fn expecting(&self, anomalies: &[&str]) -> Self {
        let mut draft = self.clone();
        let place = draft.root.place.clone();
        let mut expect = draft
            .root
            .get("expect")
            .cloned()
            .unwrap_or_else(|| Node::empty_map(place.clone()));
        expect.put("verdict", Node::unquoted("violated", &place));
        expect.remove("anomalies");
        if !anomalies.is_empty() {
            let names = anomalies.iter().map(|name| Node::unquoted(name, &place));
            expect.put("anomalies", Node::list(names, &place));
        }
        draft.root.put("expect", expect);
        draft
    }

    /// The path of the system file, unless the system is written in the scenario itself.
    #[must_use]
    pub fn system_file(&self) -> Option<&str> {
        self.root.get("system")?.get("use")?.text()
    }

    /// The same with its system file at another path.
    #[must_use]
    pub fn with_system_file(&self, path: &str) -> Self {
        let mut draft = self.clone();
        let place = draft.root.place.clone();
        if let Some(system) = draft.root.get_mut("system") {
            system.put("use", Node::quoted(path, &place));
        }
        draft
    }

    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::show(&self.root)
    }

    fn draw_only<'a>(&mut self, names: impl Iterator<Item = &'a String>) {
        let place = self.root.place.clone();
        let names = names.map(|name| Node::unquoted(name, &place));
        let names = Node::list(names, &place);
        let mut nemesis = match self.root.get("nemesis") {
            Some(nemesis) if !nemesis.entries().is_empty() => nemesis.clone(),
            _ => Node::empty_map(place.clone()),
        };
        nemesis.put("only", names);
        self.root.put("nemesis", nemesis);
    }

    fn drop_limits(&mut self, is_gone: impl Fn(&str) -> bool) {
        if let Some(Value::Map(limits)) = value_mut(&mut self.root, &["expect", "thresholds"]) {
            limits.retain(|limit| !is_gone(&limit.key));
        }
    }
}

/// Whether a metric's selector has this tag and value.
fn has_tag(metric: &str, tag: &str) -> bool {
    let selector = metric
        .split_once('{')
        .map(|(_, rest)| rest.trim_end_matches('}'));
    selector.is_some_and(|selector| selector.split(',').any(|part| part.trim() == tag))
}

/// Cuts the stages of one load.
fn cut(load: &mut Node, at_ns: u64) -> Option<()> {
    let stages = load.get_mut("stages")?;
    let Value::List(items) = &mut stages.value else {
        return None;
    };
    let mut begins_ns = 0_u64;
    let mut kept = Vec::new();
    for mut stage in std::mem::take(items) {
        if begins_ns >= at_ns {
            break;
        }
        let key = if stage.get("pause").is_some() {
            "pause"
        } else {
            "for"
        };
        let for_ns = match (stage.get(key), stage.get("burst")) {
            (Some(length), _) => length.duration()?,
            (None, Some(_)) => 0,
            (None, None) => return None,
        };
        if begins_ns + for_ns > at_ns {
            let place = stage.place.clone();
            let ms = (at_ns - begins_ns).div_ceil(1_000_000);
            stage.put(key, Node::unquoted(format!("{ms}ms"), &place));
        }
        begins_ns += for_ns;
        kept.push(stage);
    }
    *items = kept;
    Some(())
}

fn value_mut<'a>(root: &'a mut Node, path: &[&str]) -> Option<&'a mut Value> {
    let mut node = root;
    for key in path {
        node = node.get_mut(key)?;
    }
    Some(&mut node.value)
}
