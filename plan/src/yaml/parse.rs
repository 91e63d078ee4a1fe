//! Text to tree. Files may come from anywhere: size, depth and the growth through aliases are bounded.

use super::{Entry, Node, Place, Value};
use crate::problem::{Problem, Problems};
use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest file that is read.
pub const BYTES_MAX: usize = 1 << 20;
/// Most nodes of one file, those that aliases repeat included.
const NODES_MAX: usize = 100_000;
/// Most entries of one mapping or list: some checks compare each with each.
const WIDTH_MAX: usize = 1_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 48;

/// Parses one file into its tree.
///
/// Duplicate keys and the like are reported and left out; `None` only when there is no tree at all.
pub fn parse(source: &str, text: &str, problems: &mut Problems) -> Option<Node> {
    Builder::new(source, false).run(text, problems)
}

/// Parses the value of an argument such as `--set path=value`: its places have no lines.
pub fn parse_argument(source: &str, text: &str, problems: &mut Problems) -> Option<Node> {
    Builder::new(source, true).run(text, problems)
}

/// Stops the parse: the problem is already recorded, or the text has ended.
struct Stop;

struct Builder {
    source: Arc<str>,
    argument: bool,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

type Events<'text> = Parser<'text, StrInput<'text>>;

impl Builder {
    fn new(source: &str, argument: bool) -> Self {
        Self {
            source: source.into(),
            argument,
            anchors: BTreeMap::new(),
            nodes: 0,
        }
    }

    fn run(mut self, text: &str, problems: &mut Problems) -> Option<Node> {
        let start = Place {
            source: self.source.clone(),
            line: usize::from(!self.argument),
            column: usize::from(!self.argument),
        };
        if text.len() > BYTES_MAX {
            problems.at(
                &start,
                format!("the file has {} bytes", text.len()),
                "at most 1 MiB is read",
            );
            return None;
        }
        let limits = options! {
            emit_comments: false,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        };
        let mut events = Parser::new_from_str_with_options(text, limits);
        let mut root = None;
        while let Ok((event, span)) = self.next(&mut events, problems) {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                _ if root.is_some() => {
                    problems.at(
                        &self.place(&span),
                        "a second document begins here",
                        "keep one document in a file",
                    );
                    break;
                }
                event => match self.node(event, &span, &mut events, 0, problems) {
                    Ok(node) => root = Some(node),
                    Err(Stop) => return None,
                },
            }
        }
        if root.is_none() && problems.is_empty() {
            problems.at(&start, "the file is empty", "begin it with `squall: 1`");
        }
        root
    }

    fn next<'text>(
        &self,
        events: &mut Events<'text>,
        problems: &mut Problems,
    ) -> Result<(Event<'text>, Span), Stop> {
        match events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let place = self.place(&Span::empty(*error.marker()));
                problems.at(
                    &place,
                    format!("not valid YAML: {}", error.info()),
                    "mend the syntax first; the rest is checked after that",
                );
                Err(Stop)
            }
            None => Err(Stop),
        }
    }

    fn node<'text>(
        &mut self,
        event: Event<'text>,
        span: &Span,
        events: &mut Events<'text>,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Node, Stop> {
        let place = self.place(span);
        self.count(1, &place, problems)?;
        if depth > DEPTH_MAX {
            problems.at(
                &place,
                format!("nested deeper than {DEPTH_MAX} levels"),
                "flatten it",
            );
            return Err(Stop);
        }
        if event.tag().is_some() {
            problems.at(
                &place,
                "tags (`!name`) mean nothing here",
                "leave the tag out; quote the value to make it text",
            );
        }
        let anchor = event.anchor_id().unwrap_or(0);
        let value = match event {
            Event::Scalar(text, style, ..) => Value::Scalar {
                text: text.into_owned(),
                plain: style == ScalarStyle::Plain,
            },
            Event::SequenceStart(..) => Value::List(self.list(events, depth, problems)?),
            Event::MappingStart(..) => Value::Map(self.map(events, depth, problems)?),
            Event::Alias(id) => return self.alias(id, place, problems),
            _ => Value::Scalar {
                text: String::new(),
                plain: true,
            },
        };
        let node = Node { place, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(
        &mut self,
        events: &mut Events<'_>,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next(events, problems)?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            self.width(items.len(), &span, problems)?;
            items.push(self.node(event, &span, events, depth + 1, problems)?);
        }
    }

    fn map(
        &mut self,
        events: &mut Events<'_>,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Vec<Entry>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = self.next(events, problems)?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            self.width(entries.len(), &span, problems)?;
            let key = self.node(event, &span, events, depth + 1, problems)?;
            let (event, span) = self.next(events, problems)?;
            let value = self.node(event, &span, events, depth + 1, problems)?;
            let Value::Scalar { text, .. } = key.value else {
                let fix = "keys are plain words; a template goes into quotes: \"{{key}}\"";
                problems.at(&key.place, format!("{} cannot be a key", key.kind()), fix);
                continue;
            };
            if let Some(line) = lines.get(&text) {
                problems.at(
                    &key.place,
                    format!("`{text}` is here twice"),
                    format!("keep one of them; the first is on line {line}"),
                );
                continue;
            }
            lines.insert(text.clone(), key.place.line);
            entries.push(Entry {
                key: text,
                place: key.place,
                value,
            });
        }
    }

    /// The node that an alias repeats. An anchor inside itself is not there yet, so no cycle can arise.
    fn alias(&mut self, id: usize, place: Place, problems: &mut Problems) -> Result<Node, Stop> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            problems.at(
                &place,
                "an alias within its own anchor",
                "write the value out",
            );
            return Err(Stop);
        };
        self.count(size(&node), &place, problems)?;
        Ok(node)
    }

    fn count(&mut self, more: usize, place: &Place, problems: &mut Problems) -> Result<(), Stop> {
        self.nodes += more;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        problems.at(
            place,
            format!("more than {NODES_MAX} values, aliases counted as often as they are used"),
            "make the file smaller",
        );
        Err(Stop)
    }

    fn width(&self, entries: usize, span: &Span, problems: &mut Problems) -> Result<(), Stop> {
        if entries < WIDTH_MAX {
            return Ok(());
        }
        problems.at(
            &self.place(span),
            format!("more than {WIDTH_MAX} entries in one place"),
            "make the file smaller",
        );
        Err(Stop)
    }

    fn place(&self, span: &Span) -> Place {
        let (line, column) = if self.argument {
            (0, 0)
        } else {
            (span.start.line(), span.start.col() + 1)
        };
        Place {
            source: self.source.clone(),
            line,
            column,
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        // Long texts weigh more, or aliases could repeat a megabyte a hundred thousand times.
        Value::Scalar { text, .. } => 1 + text.len() / 32,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => {
            1 + entries
                .iter()
                .map(|entry| 1 + size(&entry.value))
                .sum::<usize>()
        }
    }
}

impl Problems {
    /// Adds a problem at a place. What it quotes from a file is made safe to print.
    pub(crate) fn at(&mut self, place: &Place, what: impl Into<String>, fix: impl Into<String>) {
        self.push(Problem {
            source: printable(&place.source),
            line: place.line,
            column: place.column,
            what: printable(&what.into()),
            fix: printable(&fix.into()),
        });
    }
}

/// Without control characters, which a terminal would obey, and not endless.
fn printable(text: &str) -> String {
    const CHARS_MAX: usize = 400;
    let mut shown = String::new();
    for c in text.chars().take(CHARS_MAX) {
        if c.is_control() {
            shown.extend(c.escape_default())
        } else {
            shown.push(c)
        }
    }
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}
