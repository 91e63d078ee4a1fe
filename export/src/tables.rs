//! The two tables, in both forms.

use crate::ExportError;
use crate::parquet::{Column, Table, Type};
use serde_json::{Map, Value, json};
use squall_check::{Kind, Op};
use squall_history::{Batch, Note, Reader};
use squall_plan::Plan;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What is written.
pub const FILES: [&str; 4] = ["ops.parquet", "notes.parquet", "ops.jsonl", "notes.jsonl"];

/// Writes the history of the run in `folder` into `to`, a folder that is there. Returns the rows of both tables.
///
/// # Errors
/// When the history is damaged, or a file cannot be written.
pub fn export(folder: &Path, plan: &Plan, to: &Path) -> Result<(u64, u64), ExportError> {
    let mut reader = Reader::open(folder)?;
    let mut writer = Writer::create(plan, to)?;
    while let Some(batch) = reader.next_batch()? {
        match batch {
            Batch::Ops(ops) => ops.iter().try_for_each(|op| writer.op(op)),
            Batch::Notes(notes) => notes.iter().try_for_each(|note| writer.note(note)),
        }
        .map_err(|source| writer.cannot(source))?;
    }
    writer.finish()
}

struct Writer<'a> {
    plan: &'a Plan,
    to: &'a Path,
    ops: Table<BufWriter<File>>,
    notes: Table<BufWriter<File>>,
    ops_lines: BufWriter<File>,
    notes_lines: BufWriter<File>,
    rows: (u64, u64),
}

fn ops_columns() -> Vec<Column> {
    vec![
        Column::new("at_ns", Type::I64, false),
        Column::new("kind", Type::Text, false),
        Column::new("event", Type::Text, false),
        Column::new("stream", Type::I32, false),
        Column::new("sequence", Type::I64, false),
        Column::new("place", Type::Text, true),
        Column::new("key", Type::I64, true),
        Column::new("partition", Type::I32, true),
        Column::new("offset", Type::I64, true),
    ]
}

fn notes_columns() -> Vec<Column> {
    vec![
        Column::new("at_ns", Type::I64, false),
        Column::new("kind", Type::Text, false),
        Column::new("name", Type::Text, true),
        Column::new("state", Type::Text, true),
        Column::new("text", Type::Text, true),
        Column::new("json", Type::Text, false),
    ]
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Offered => "offered",
        Kind::Accepted => "accepted",
        Kind::Rejected => "rejected",
        Kind::Indeterminate => "indeterminate",
        Kind::Effect => "effect",
        Kind::DeadLettered => "dead-lettered",
        Kind::Final => "final",
        Kind::Stored => "stored",
    }
}

impl<'a> Writer<'a> {
    fn create(plan: &'a Plan, to: &'a Path) -> Result<Self, ExportError> {
        let file = |name: &str| {
            let path = to.join(name);
            let made = File::create(&path).map(BufWriter::new);
            made.map_err(|source| ExportError::Write { path, source })
        };
        let failed = |source| ExportError::Write {
            path: to.to_owned(),
            source,
        };
        Ok(Self {
            plan,
            to,
            ops: Table::new(file(FILES[0])?, ops_columns()).map_err(failed)?,
            notes: Table::new(file(FILES[1])?, notes_columns()).map_err(failed)?,
            ops_lines: file(FILES[2])?,
            notes_lines: file(FILES[3])?,
            rows: (0, 0),
        })
    }

    fn cannot(&self, source: std::io::Error) -> ExportError {
        ExportError::Write {
            path: self.to.to_owned(),
            source,
        }
    }

    /// Sink, load or topic, by what the kind says of its place.
    fn place(&self, op: &Op) -> Option<&'a str> {
        let index = usize::from(op.place);
        let plan = self.plan;
        match op.kind {
            Kind::Effect | Kind::DeadLettered | Kind::Final => {
                let sink = plan.system.spec.sinks.get(index)?;
                Some(sink.name.as_str())
            }
            Kind::Stored => plan
                .cluster
                .topics
                .get(index)
                .map(|topic| topic.name.as_str()),
            Kind::Offered => plan.loads.get(index).map(|load| load.load.name.as_str()),
            _ => None,
        }
    }

    fn op(&mut self, op: &Op) -> std::io::Result<()> {
        let (stream, sequence) = (op.event.stream(), op.event.sequence());
        let event = format!("{}-{stream}-{sequence}", self.plan.seed);
        let at = i64::try_from(op.at).unwrap_or(i64::MAX);
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        let place = self.place(op);
        // An offer keeps the key's index where others keep an offset.
        let offered = op.kind == Kind::Offered;
        let known = (op.offset >= 0).then_some(op.offset);
        let (key, offset) = if offered {
            (known, None)
        } else {
            (None, known)
        };
        let partition = (op.partition >= 0).then_some(op.partition);
        let columns = &mut self.ops.columns;
        columns[0].i64(Some(at));
        columns[1].text(Some(kind(op.kind)));
        columns[2].text(Some(&event));
        columns[3].i32(Some(i32::from(stream)));
        columns[4].i64(Some(sequence));
        columns[5].text(place);
        columns[6].i64(key);
        columns[7].i32(partition);
        columns[8].i64(offset);
        self.ops.end_row()?;
        self.rows.0 += 1;
        let line = json!({
            "at_ns": at, "kind": kind(op.kind), "event": event, "stream": stream, "sequence": sequence,
            "place": place, "key": key, "partition": partition, "offset": offset,
        });
        writeln!(self.ops_lines, "{line}")
    }

    fn note(&mut self, note: &Note) -> std::io::Result<()> {
        let value = serde_json::to_value(note).unwrap_or(Value::Null);
        let json = value.to_string();
        let mut fields = match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.shift_remove("at");
        let (kind, what) = fields.into_iter().next().unwrap_or_default();
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| what.get(name)?.as_str());
            found.map(str::to_owned)
        };
        let columns = &mut self.notes.columns;
        let at = i64::try_from(note.at).unwrap_or(i64::MAX);
        let name = text(&["name", "metric", "group", "key", "source", "topic"]);
        let state = text(&["state", "kind", "outcome"]);
        let told = text(&["detail", "text"]);
        columns[0].i64(Some(at));
        columns[1].text(Some(&kind));
        columns[2].text(name.as_deref());
        columns[3].text(state.as_deref());
        columns[4].text(told.as_deref());
        columns[5].text(Some(&json));
        self.notes.end_row()?;
        self.rows.1 += 1;
        // Every line has every key: readers that infer their columns from the first lines would drop what comes later.
        let line = json!({
            "at_ns": at, "kind": kind, "name": name, "state": state, "text": told, "json": json,
        });
        writeln!(self.notes_lines, "{line}")
    }

    fn finish(mut self) -> Result<(u64, u64), ExportError> {
        let to = self.to;
        let ended = self
            .ops_lines
            .flush()
            .and_then(|()| self.notes_lines.flush())
            .and_then(|()| self.ops.finish())
            .and_then(|()| self.notes.finish());
        ended.map_err(|source| ExportError::Write {
            path: to.to_owned(),
            source,
        })?;
        Ok(self.rows)
    }
}
