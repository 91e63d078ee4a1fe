//! Effects that are rows of an SQLite table.

use crate::effects::Effects;
use crate::error::TapError;
use crate::source::{FinalRead, Polled, Source};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use squall_check::EventId;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(10);
/// Longest wait for a writer that holds the database locked.
const BUSY: Duration = Duration::from_secs(2);

/// Which rows are effects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rows {
    /// Rows of a table, whose id is in a column.
    Table { table: String, column: String },
    /// A query that yields (position, id), positions growing; it may use `:after`.
    Query(String),
}

/// Reads a database that others write to, in rollback or WAL mode, through a connection that cannot write.
pub(crate) struct Sqlite {
    path: PathBuf,
    sql: String,
    uses_after: bool,
    connection: Option<Connection>,
    data_version: i64,
    after: i64,
}

impl Sqlite {
    pub fn new(path: PathBuf, rows: Rows) -> Self {
        let sql = match rows {
            Rows::Table { table, column } => {
                let (table, column) = (quoted(&table), quoted(&column));
                // Qualified, for SQLite takes a quoted name alone for a text when there is no such column.
                format!(
                    "SELECT t.rowid, t.{column} FROM {table} AS t WHERE t.rowid > :after ORDER BY t.rowid"
                )
            }
            Rows::Query(query) => query,
        };
        let uses_after = sql.contains(":after");
        Self {
            path,
            sql,
            uses_after,
            connection: None,
            data_version: 0,
            after: i64::MIN,
        }
    }

    fn error(&self, source: rusqlite::Error) -> TapError {
        TapError::Sqlite {
            path: self.path.clone(),
            source,
        }
    }

    /// Whether anything was committed since the last look. Cheap: it reads no table.
    fn changed(&mut self) -> rusqlite::Result<bool> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(open(&self.path)?),
        };
        let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    fn read_new(&mut self, effects: &mut Effects) -> rusqlite::Result<()> {
        if !self.changed()? {
            return Ok(());
        }
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let mut after = self.after;
        let mut statement = connection.prepare_cached(&self.sql)?;
        read(
            &mut statement,
            self.uses_after,
            self.after,
            |position, text| {
                if position > self.after {
                    after = after.max(position);
                    push(effects, position, text);
                }
            },
        )?;
        self.after = after;
        Ok(())
    }

    /// Rows read, and how reading ended.
    fn read_all(&self, effects: &mut Effects) -> (u64, rusqlite::Result<()>) {
        let mut rows = 0;
        let mut all = || {
            // A new connection: nothing of the live one's state can hide a row.
            let connection = open(&self.path)?;
            let mut statement = connection.prepare(&self.sql)?;
            read(
                &mut statement,
                self.uses_after,
                i64::MIN,
                |position, text| {
                    rows += 1;
                    push(effects, position, text);
                },
            )
        };
        let ended = all();
        (rows, ended)
    }
}

impl Source for Sqlite {
    fn poll(&mut self, effects: &mut Effects) -> Result<Polled, TapError> {
        if !self.path.exists() {
            self.connection = None;
            return Ok(Polled::NotThere(format!(
                "{} is not there yet",
                self.path.display()
            )));
        }
        match self.read_new(effects) {
            Ok(()) => {
                std::thread::sleep(POLL);
                Ok(Polled::Read)
            }
            Err(error) => {
                // What was seen of the version is not read yet.
                self.data_version = 0;
                if is_early(&error) {
                    return Ok(Polled::NotThere(error.to_string()));
                }
                self.connection = None;
                Err(self.error(error))
            }
        }
    }

    fn final_read(
        &mut self,
        effects: &mut Effects,
        deadline: Instant,
    ) -> Result<FinalRead, TapError> {
        // For the times of the last rows. When it fails, the whole read below tells.
        let _ = self.poll(effects);
        effects.become_final();
        loop {
            match self.read_all(effects) {
                (rows, Ok(())) => {
                    return Ok(FinalRead::of(rows, effects));
                }
                (0, Err(error)) if is_busy(&error) && Instant::now() < deadline => {
                    std::thread::sleep(POLL);
                }
                (_, Err(error)) => return Err(self.error(error)),
            }
        }
    }

    fn attentive(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn read(
    statement: &mut rusqlite::Statement<'_>,
    uses_after: bool,
    after: i64,
    mut row: impl FnMut(i64, &[u8]),
) -> rusqlite::Result<()> {
    let mut rows = if uses_after {
        statement.query(&[(":after", &after)][..])?
    } else {
        statement.query([])?
    };
    while let Some(found) = rows.next()? {
        let position = found.get(0)?;
        match found.get_ref(1)? {
            ValueRef::Text(text) | ValueRef::Blob(text) => row(position, text),
            other => row(position, format!("{other:?}").as_bytes()),
        }
    }
    Ok(())
}

/// A row, whose id is all of a text.
pub(crate) fn push(effects: &mut Effects, position: i64, text: &[u8]) {
    let id: Option<EventId> = effects.ids.exact(text);
    effects.push(effects.now_ns(), id, text, -1, position);
}

/// The table, or the header of the file, may still be on its way.
fn is_early(error: &rusqlite::Error) -> bool {
    error.to_string().contains("no such table")
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
