//! The sinks of the plan: what shows in them, live and at the end, and what is still missing.

use crate::cluster::TopicReader;
use crate::event_set::EventSet;
use crate::service::FiledMail;
use crate::world::World;
use squall_check::{EventId, Kind, Op};
use squall_env::{Table, Value};
use squall_plan::Plan;
use squall_plan::scenario::Outcome;
use squall_plan::system::{IdPlace, SinkStore};
use std::cell::{Cell, RefCell};

/// All sinks, and the account of what was accepted.
pub struct Sinks {
    /// What every id of this run begins with: the seed and a dash.
    mark: String,
    all: Vec<Sink>,
    /// By stream: what an accepted event must come to in each sink.
    outcomes: Vec<Vec<Outcome>>,
    effects: Cell<u64>,
}

struct Sink {
    name: String,
    place: u16,
    store: Place,
    dead_letters: RefCell<Option<(TopicReader, IdPlace, usize)>>,
    tail: RefCell<Option<(TopicReader, IdPlace, usize)>>,
    /// As an effect, and as an effect or a dead letter.
    done: RefCell<EventSet>,
    seen: RefCell<EventSet>,
    /// Accepted, and not seen yet.
    missing: RefCell<EventSet>,
}

enum Place {
    Directory {
        path: String,
        id: IdPlace,
    },
    Rows {
        path: String,
        table: String,
        column: String,
    },
    Topic,
}

impl Sinks {
    /// `fill` fills the templates of paths.
    pub fn new(plan: &Plan, fill: impl Fn(&str) -> String) -> Self {
        let place = |store: &SinkStore| match store {
            SinkStore::Directory { path, id } => Place::Directory {
                path: fill(path),
                id: id.clone(),
            },
            SinkStore::Sqlite {
                path,
                table,
                column,
                ..
            } => Place::Rows {
                path: fill(path),
                table: table.clone(),
                column: column.clone(),
            },
            // The plan refuses containers.
            SinkStore::Topic { .. } | SinkStore::Postgres { .. } | SinkStore::Mails(_) => {
                Place::Topic
            }
        };
        let sinks = plan
            .system
            .spec
            .sinks
            .iter()
            .zip(0..)
            .map(|(spec, index)| Sink {
                name: spec.name.clone(),
                place: index,
                store: place(&spec.store),
                dead_letters: RefCell::default(),
                tail: RefCell::default(),
                done: RefCell::default(),
                seen: RefCell::default(),
                missing: RefCell::default(),
            });
        Self {
            mark: format!("{}-", plan.seed),
            all: sinks.collect(),
            outcomes: plan
                .loads
                .iter()
                .map(|load| load.load.outcomes.clone())
                .collect(),
            effects: Cell::new(0),
        }
    }

    /// Begins to read the topics, which must exist.
    pub fn attach(&self, world: &World, plan: &Plan) {
        let reader = |name: &str, id: &IdPlace| {
            let partitions = plan
                .cluster
                .topics
                .iter()
                .find(|topic| topic.name == name)
                .map_or(1, |topic| topic.partitions as usize);
            (
                TopicReader::new(world.cluster.names.intern(name)),
                id.clone(),
                partitions,
            )
        };
        for (sink, spec) in self.all.iter().zip(&plan.system.spec.sinks) {
            if let Some(dead) = &spec.dead_letters {
                sink.dead_letters
                    .replace(Some(reader(&dead.topic, &dead.id)));
            }
            if let SinkStore::Topic { name, id } = &spec.store {
                sink.tail.replace(Some(reader(name, id)));
            }
            for slot in [&sink.dead_letters, &sink.tail] {
                if let Some((reader, ..)) = &*slot.borrow() {
                    world.cluster.tap(reader.topic());
                }
            }
        }
    }

    /// Where a sink keeps its effects; `None`: in no file.
    pub fn path(&self, name: &str) -> Option<&str> {
        let sink = self.all.iter().find(|sink| sink.name == name)?;
        match &sink.store {
            Place::Directory { path, .. } | Place::Rows { path, .. } => Some(path),
            Place::Topic => None,
        }
    }

    fn outcome(&self, event: EventId, sink: &Sink) -> Outcome {
        // Probes go through everything, and are no load.
        let of_stream = self
            .outcomes
            .get(usize::from(event.stream()))
            .or_else(|| self.outcomes.first());
        of_stream
            .and_then(|outcomes| outcomes.get(usize::from(sink.place)).copied())
            .unwrap_or(Outcome::Nothing)
    }

    pub fn accepted(&self, event: EventId) {
        for sink in &self.all {
            if self.outcome(event, sink) != Outcome::Nothing && !sink.seen.borrow().contains(event)
            {
                sink.missing.borrow_mut().insert(event);
            }
        }
    }

    /// Effects and dead letters that were seen so far, and events that are still missing somewhere.
    pub fn standing(&self) -> (u64, usize) {
        let missing = self.all.iter().map(|sink| sink.missing.borrow().len());
        (self.effects.get(), missing.sum())
    }

    /// Whether an event shows wherever it must, and as what it must.
    pub fn shows(&self, event: EventId) -> bool {
        self.all.iter().all(|sink| match self.outcome(event, sink) {
            Outcome::Effect => sink.done.borrow().contains(event),
            Outcome::DeadLetter => sink.seen.borrow().contains(event),
            Outcome::Nothing => true,
        })
    }

    fn saw(
        &self,
        world: &World,
        sink: &Sink,
        kind: Kind,
        id: Option<EventId>,
        (partition, offset): (i32, i64),
    ) {
        let event = id.unwrap_or(EventId::UNREADABLE);
        if kind == Kind::Effect {
            sink.done.borrow_mut().insert(event);
        }
        sink.seen.borrow_mut().insert(event);
        sink.missing.borrow_mut().remove(event);
        self.effects.set(self.effects.get() + 1);
        world.journal.op(Op {
            at: world.kernel.now(),
            event,
            offset,
            partition,
            place: sink.place,
            kind,
        });
    }

    /// A row was written.
    pub fn row(&self, world: &World, path: &str, table: &Table, values: &[Value], number: u64) {
        for sink in &self.all {
            let Place::Rows {
                path: known,
                table: name,
                column,
            } = &sink.store
            else {
                continue;
            };
            if known != path || name != table.name {
                continue;
            }
            let index = table.columns.iter().position(|known| known.name == column);
            let id = match index.and_then(|index| values.get(index)) {
                Some(Value::Text(text)) => find_id(&self.mark, text.as_bytes()),
                Some(value) => find_id(&self.mark, crate::service::text(value).as_bytes()),
                None => None,
            };
            self.saw(world, sink, Kind::Effect, id, (-1, number.cast_signed()));
        }
    }

    /// A mail was filed.
    pub fn mail(&self, world: &World, path: &str, name: &str, mail: &FiledMail) {
        for sink in &self.all {
            if let Place::Directory { path: known, id } = &sink.store
                && known == path
            {
                let id = self.mail_id(id, name, mail);
                self.saw(
                    world,
                    sink,
                    Kind::Effect,
                    id,
                    (-1, mail.number.cast_signed()),
                );
            }
        }
    }

    fn mail_id(&self, place: &IdPlace, name: &str, mail: &FiledMail) -> Option<EventId> {
        let text = match place {
            IdPlace::FileName | IdPlace::Key => name,
            IdPlace::Header(_) => &mail.event_id,
            IdPlace::Json(_) | IdPlace::Body => &mail.body,
        };
        find_id(&self.mark, text.as_bytes())
    }

    /// Reads what is new in the topics.
    pub fn poll(&self, world: &World) {
        for sink in &self.all {
            for (slot, kind) in [
                (&sink.dead_letters, Kind::DeadLettered),
                (&sink.tail, Kind::Effect),
            ] {
                if let Some((reader, place, _)) = &mut *slot.borrow_mut() {
                    reader.read(&world.cluster, |stored| {
                        let id = record_id(&self.mark, place, stored.record);
                        self.saw(world, sink, kind, id, (stored.partition, stored.offset));
                    });
                }
            }
        }
    }

    /// Reads every sink to its end; tells, for each, why it could not be.
    pub fn read_finally(&self, world: &World) -> Vec<(String, Result<String, String>)> {
        self.poll(world);
        self.all
            .iter()
            .map(|sink| (sink.name.clone(), self.read_sink(world, sink)))
            .collect()
    }

    fn read_sink(&self, world: &World, sink: &Sink) -> Result<String, String> {
        let stored: Vec<(u64, Option<EventId>)> = match &sink.store {
            Place::Rows {
                path,
                table,
                column,
            } => {
                let rows = world
                    .stores
                    .column(path, table, column)
                    .ok_or_else(|| format!("there is no column {column} of {table} in {path}"))?;
                rows.into_iter()
                    .map(|(number, text)| (number, find_id(&self.mark, text.as_bytes())))
                    .collect()
            }
            Place::Directory { path, id } => {
                let mails = world.mails.folder(path);
                mails
                    .into_iter()
                    .map(|(name, mail)| (mail.number, self.mail_id(id, &name, &mail)))
                    .collect()
            }
            Place::Topic => return self.reread_topic(world, sink),
        };
        for (number, id) in &stored {
            world.journal.op(Op {
                at: world.kernel.now(),
                event: id.unwrap_or(EventId::UNREADABLE),
                offset: number.cast_signed(),
                partition: -1,
                place: sink.place,
                kind: Kind::Final,
            });
        }
        Self::ended(world, sink, stored.len())
    }

    /// Reads a topic from its beginning: what was there once, and was cut away since, is not there.
    fn reread_topic(&self, world: &World, sink: &Sink) -> Result<String, String> {
        let mut count = 0;
        if let Some((tail, place, _)) = &*sink.tail.borrow() {
            tail.anew().read(&world.cluster, |stored| {
                count += 1;
                let id = record_id(&self.mark, place, stored.record);
                world.journal.op(Op {
                    at: world.kernel.now(),
                    event: id.unwrap_or(EventId::UNREADABLE),
                    offset: stored.offset,
                    partition: stored.partition,
                    place: sink.place,
                    kind: Kind::Final,
                });
            });
        }
        Self::ended(world, sink, count)
    }

    fn ended(world: &World, sink: &Sink, count: usize) -> Result<String, String> {
        let topics = [&sink.dead_letters, &sink.tail];
        let at_end = topics.iter().all(|slot| {
            slot.borrow()
                .as_ref()
                .is_none_or(|(reader, _, count)| reader.is_at_end(&world.cluster, *count))
        });
        if at_end {
            Ok(format!("{count} effects read"))
        } else {
            Err("a topic could not be read to its end".to_owned())
        }
    }
}

fn record_id(mark: &str, place: &IdPlace, record: crate::record::Record<'_>) -> Option<EventId> {
    match place {
        IdPlace::Header(name) => find_id(mark, record.header(name)?),
        IdPlace::Key => find_id(mark, record.key?),
        IdPlace::Json(pointer) => {
            let value: serde_json::Value = serde_json::from_slice(record.payload).ok()?;
            find_id(mark, value.pointer(pointer)?.as_str()?.as_bytes())
        }
        IdPlace::Body | IdPlace::FileName => find_id(mark, record.payload),
    }
}

/// The first `{seed}-{stream}-{sequence}` in a text, if it is one; `mark` is `{seed}-`.
fn find_id(mark: &str, text: &[u8]) -> Option<EventId> {
    // It mostly is all of the text, and no search need be set up for that.
    let at_once = text.strip_prefix(mark.as_bytes()).and_then(read_id);
    if at_once.is_some() {
        return at_once;
    }
    let text = std::str::from_utf8(text).ok()?;
    let mut from = 0;
    while let Some(found) = text[from..].find(mark) {
        let at = from + found;
        let after = at + mark.len();
        let starts = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        if starts && let Some(id) = read_id(&text.as_bytes()[after..]) {
            return Some(id);
        }
        from = after;
    }
    None
}

fn read_id(text: &[u8]) -> Option<EventId> {
    let (stream, rest) = read_number(text)?;
    let (sequence, _) = read_number(rest.strip_prefix(b"-")?)?;
    Some(EventId::new(u16::try_from(stream).ok()?, sequence))
}

/// The digits in front, as a number, and what comes behind them.
fn read_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut count) = (0_u64, 0);
    for byte in text.iter().take_while(|byte| byte.is_ascii_digit()) {
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(byte - b'0'))?;
        count += 1;
    }
    (count > 0).then(|| (number, &text[count..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_they_stand_alone() {
        let id = |text: &str| find_id("7-", text.as_bytes()).map(|id| (id.stream(), id.sequence()));
        assert_eq!(id("7-0-12"), Some((0, 12)));
        assert_eq!(id("17-0-12 7-1-3.eml"), Some((1, 3)));
        assert_eq!(id("7-x-1"), None);
        assert_eq!(id("7-0-"), None);
        assert_eq!(
            id("7-70000-1 7-0-99999999999999999999 7-2-8x"),
            Some((2, 8))
        );
        assert_eq!(id(""), None);
    }
}
