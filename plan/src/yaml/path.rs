//! Dotted paths of `--set` and of variants. Keys may hold dots themselves (`min.insync.replicas`), so a path is matched
//! against the shape and the tree, the longest key first, and not just split.

use super::{Entry, Node, Place, Value};
use crate::problem::Problems;
use crate::shape::{Either, Shape, did_you_mean};

/// One step into a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Segment {
    Key(String),
    Index(usize),
}

/// What the settings of another project are called in messages.
const SETTINGS: &str = "the settings";
const PATH_BYTES_MAX: usize = 512;

/// Replaces what stands at a path, making the mappings that lead there; `null` takes a key away.
pub fn set(
    root: &mut Node,
    shape: &Shape,
    path: &str,
    value: Node,
    place: &Place,
    problems: &mut Problems,
) {
    match resolve(root, shape, path) {
        Ok(segments) => put(root, &segments, value, place),
        Err(error) => problems.at(place, format!("no such path: {}", error.what), error.fix),
    }
}

/// Why a path leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathError {
    pub what: String,
    pub fix: String,
}

/// Finds the steps of a path.
///
/// # Errors
/// When no reading of the path fits the shape.
pub fn resolve(root: &Node, shape: &Shape, path: &str) -> Result<Vec<Segment>, PathError> {
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err(PathError {
            what: "an empty or endless path".into(),
            fix: "write it as bus.kafka.brokers".into(),
        });
    }
    let mut search = Search {
        path,
        furthest: 0,
        error: None,
        steps_left: 10_000,
        found: Vec::new(),
    };
    if search.walk(Some(root), shape, path) {
        return Ok(search.found);
    }
    Err(search.error.unwrap_or_else(|| PathError {
        what: format!("`{path}`"),
        fix: String::new(),
    }))
}

struct Search<'path> {
    path: &'path str,
    /// How far the best reading came, and what it met there.
    furthest: usize,
    error: Option<PathError>,
    steps_left: usize,
    /// The steps of the reading under way.
    found: Vec<Segment>,
}

impl Search<'_> {
    fn walk(&mut self, node: Option<&Node>, shape: &Shape, rest: &str) -> bool {
        if rest.is_empty() {
            return true;
        }
        if self.steps_left == 0 {
            return false;
        }
        self.steps_left -= 1;
        match shape {
            Shape::Object(object) => {
                let mut keys: Vec<&str> = object.keys().collect();
                keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
                for key in &keys {
                    let child = object
                        .get(key)
                        .map_or(&Shape::Setting, |field| &field.shape);
                    if self.step(node, child, rest, key) {
                        return true;
                    }
                }
                self.fail(rest, object.noun, &keys)
            }
            Shape::Settings(known) => {
                known.contains(&rest) && self.step(node, &Shape::Setting, rest, rest)
                    || self.fail(rest, SETTINGS, known)
            }
            Shape::MapOf(of) => self.walk_map(node, of, rest),
            Shape::List(of) => self.walk_list(node, of, rest),
            Shape::Either(either) => self.walk_either(node, either, rest),
            Shape::Body(_) | Shape::Anything => self.walk_anything(node, rest),
            _ => self.fail(rest, "a single value", &[]),
        }
    }

    /// One step by `key`, if the path goes on with it.
    fn step(&mut self, node: Option<&Node>, child: &Shape, rest: &str, key: &str) -> bool {
        let Some(after) = after_key(rest, key) else {
            return false;
        };
        self.found.push(Segment::Key(key.to_owned()));
        let found = self.walk(node.and_then(|node| node.get(key)), child, after);
        if !found {
            self.found.pop();
        }
        found
    }

    fn walk_map(&mut self, node: Option<&Node>, of: &Shape, rest: &str) -> bool {
        let mut known: Vec<&str> = node
            .map_or(&[][..], Node::entries)
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        known.sort_by_key(|key| std::cmp::Reverse(key.len()));
        for key in &known {
            if self.step(node, of, rest, key) {
                return true;
            }
        }
        let below_known = known.iter().any(|key| after_key(rest, key).is_some());
        if !is_leaf(of) {
            let splits: Vec<usize> = rest
                .rmatch_indices('.')
                .map(|(at, _)| at)
                .filter(|at| *at > 0)
                .collect();
            for at in splits {
                if self.step(None, of, rest, &rest[..at]) {
                    return true;
                }
            }
        }
        !below_known && self.step(None, of, rest, rest)
    }

    fn walk_list(&mut self, node: Option<&Node>, of: &Shape, rest: &str) -> bool {
        let items = node.map_or(&[][..], Node::items);
        for (index, item) in items.iter().enumerate() {
            let name = item.get("name").and_then(Node::text).unwrap_or_default();
            let Some(after) = after_key(rest, &index.to_string()).or_else(|| after_key(rest, name))
            else {
                continue;
            };
            self.found.push(Segment::Index(index));
            if self.walk(Some(item), of, after) {
                return true;
            }
            self.found.pop();
        }
        let names: Vec<String> = (0..items.len().min(20))
            .map(|index| index.to_string())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.fail(rest, "the list (its items go by index or name)", &names)
    }

    fn walk_either(&mut self, node: Option<&Node>, either: &Either, rest: &str) -> bool {
        let by_kind = node.and_then(|node| match &node.value {
            Value::Map(_) => either.map.as_ref(),
            Value::List(_) => either.list.as_ref(),
            Value::Scalar { .. } => None,
        });
        match (by_kind, &either.map) {
            (Some(shape), _) => self.walk(node, shape, rest),
            (None, Some(map)) => self.walk(None, map, rest),
            (None, None) => self.fail(rest, "a single value", &[]),
        }
    }

    fn walk_anything(&mut self, node: Option<&Node>, rest: &str) -> bool {
        let entries = node.map_or(&[][..], Node::entries);
        let known = entries
            .iter()
            .map(|entry| entry.key.as_str())
            .filter(|key| after_key(rest, key).is_some());
        let key = known
            .max_by_key(|key| key.len())
            .unwrap_or_else(|| rest.split('.').next().unwrap_or(rest));
        !key.is_empty() && self.step(node, &Shape::Anything, rest, key)
    }

    /// Remembers the failure that came furthest; always false.
    fn fail(&mut self, rest: &str, noun: &str, keys: &[&str]) -> bool {
        let reached = self.path.len() - rest.len();
        if self.error.is_none() || reached > self.furthest {
            self.furthest = reached;
            let first = rest.split('.').next().unwrap_or(rest);
            let by_whole = crate::shape::nearest(rest, keys.iter().copied());
            // Nothing stands below a setting, and its name has dots: what is left of the path is one name.
            let is_whole = by_whole.is_some() || noun == SETTINGS;
            let wrong = if is_whole { rest } else { first };
            let what = format!("`{wrong}` is no key of {noun}");
            self.error = Some(PathError {
                what,
                fix: did_you_mean(wrong, keys.iter().copied(), "keys"),
            });
        }
        false
    }
}

/// What follows `key` in a path; `None` when the path does not go on with it.
fn after_key<'path>(rest: &'path str, key: &str) -> Option<&'path str> {
    if key.is_empty() {
        return None;
    }
    let after = rest.strip_prefix(key)?;
    if after.is_empty() {
        Some(after)
    } else {
        after.strip_prefix('.').filter(|after| !after.is_empty())
    }
}

fn is_leaf(shape: &Shape) -> bool {
    !matches!(
        shape,
        Shape::Object(_)
            | Shape::MapOf(_)
            | Shape::List(_)
            | Shape::Either(_)
            | Shape::Settings(_)
            | Shape::Anything
    )
}

fn put(node: &mut Node, segments: &[Segment], value: Node, place: &Place) {
    let Some((first, rest)) = segments.split_first() else {
        *node = value;
        return;
    };
    match first {
        Segment::Index(index) => {
            if let Value::List(items) = &mut node.value
                && let Some(item) = items.get_mut(*index)
            {
                put(item, rest, value, place);
            }
        }
        Segment::Key(key) => {
            if !matches!(node.value, Value::Map(_)) {
                *node = Node::empty_map(place.clone());
            }
            let Value::Map(entries) = &mut node.value else {
                return;
            };
            let at = entries
                .iter()
                .position(|entry| entry.key == *key)
                .unwrap_or(entries.len());
            if at == entries.len() {
                entries.push(Entry {
                    key: key.clone(),
                    place: place.clone(),
                    value: Node::empty_map(place.clone()),
                });
            }
            if rest.is_empty() && value.is_null() {
                entries.remove(at);
            } else {
                put(&mut entries[at].value, rest, value, place);
            }
        }
    }
}

/// Lays one tree over another: mappings key by key, all else replaced.
pub fn overlay(base: &mut Node, over: &Node) {
    let (Value::Map(entries), Value::Map(new)) = (&mut base.value, &over.value) else {
        *base = over.clone();
        return;
    };
    for entry in new {
        match entries.iter_mut().find(|old| old.key == entry.key) {
            Some(old) => overlay(&mut old.value, &entry.value),
            None => entries.push(entry.clone()),
        }
    }
}
