//! SQLite on a thread of its own.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};
use squall_env::{Insert, Kind, Store, StoreError, Table, Value};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Replicas that start together make the tables together, each with a sync to a disk that may be busy.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts to open a database that is locked.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

type Answer = Result<Vec<bool>, StoreError>;
type Job = (Vec<Insert>, oneshot::Sender<Answer>);

pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
}

impl SqliteStore {
    /// `busy_timeout`: how long a transaction waits for the lock.
    pub(super) async fn open(
        path: &str,
        busy_timeout: Duration,
        tables: &'static [Table],
    ) -> Result<Self, StoreError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (opened, result) = oneshot::channel();
        let path = path.to_owned();
        std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || {
                let mut connection = match connect(&path, busy_timeout, tables) {
                    Ok(connection) => {
                        let _ = opened.send(Ok(()));
                        connection
                    }
                    Err(error) => {
                        let _ = opened.send(Err(StoreError::Permanent(format!("{path}: {error}"))));
                        return;
                    }
                };
                let statements = statements(tables);
                for (inserts, answer) in inbox {
                    let done = transact(&mut connection, &statements, &inserts);
                    let _ = answer.send(done.map_err(|error| store_error(&error)));
                }
            })
            .map_err(|error| StoreError::Permanent(error.to_string()))?;
        result.await.map_err(|_| gone())??;
        Ok(Self { jobs })
    }
}

impl Store for SqliteStore {
    async fn transact(&self, inserts: Vec<Insert>) -> Answer {
        let (answer, result) = oneshot::channel();
        self.jobs.send((inserts, answer)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

fn gone() -> StoreError {
    StoreError::Permanent("the thread of the database has ended".to_owned())
}

/// Opens it, again and again while others hold its lock. SQLite does not wait where two that read want to change the journal's
/// mode at once, as replicas do that start together on a new database: it tells one of them at once that it is locked.
fn connect(path: &str, busy_timeout: Duration, tables: &[Table]) -> rusqlite::Result<Connection> {
    let begun = std::time::Instant::now();
    loop {
        match prepared(path, busy_timeout, tables) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < OPEN_TIMEOUT =>
            {
                std::thread::sleep(AGAIN_AFTER);
            }
            other => return other,
        }
    }
}

/// Write-ahead log, and every transaction on disk before it is answered.
fn prepared(path: &str, busy_timeout: Duration, tables: &[Table]) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(OPEN_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    for table in tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let kind = match column.kind {
                    Kind::Text => "TEXT",
                    Kind::Integer => "INTEGER",
                };
                let unique = if column.unique { " UNIQUE" } else { "" };
                format!("\"{}\" {kind} NOT NULL{unique}", column.name)
            })
            .collect();
        let columns = columns.join(", ");
        let statement = format!("CREATE TABLE IF NOT EXISTS \"{}\" ({columns})", table.name);
        connection.execute_batch(&statement)?;
    }
    connection.busy_timeout(busy_timeout)?;
    Ok(connection)
}

fn statements(tables: &'static [Table]) -> BTreeMap<&'static str, String> {
    let statement = |table: &Table| {
        let marks = vec!["?"; table.columns.len()].join(", ");
        format!("INSERT OR IGNORE INTO \"{}\" VALUES ({marks})", table.name)
    };
    tables
        .iter()
        .map(|table| (table.name, statement(table)))
        .collect()
}

struct Sql<'a>(&'a Value);

impl ToSql for Sql<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Value::Text(text) => text.to_sql(),
            Value::Integer(number) => number.to_sql(),
        }
    }
}

fn transact(
    connection: &mut Connection,
    statements: &BTreeMap<&'static str, String>,
    inserts: &[Insert],
) -> rusqlite::Result<Vec<bool>> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut new = Vec::with_capacity(inserts.len());
    for insert in inserts {
        let statement = statements
            .get(insert.table)
            .ok_or(rusqlite::Error::InvalidQuery)?;
        let count = transaction
            .prepare_cached(statement)?
            .execute(params_from_iter(insert.values.iter().map(Sql)))?;
        new.push(count > 0);
    }
    transaction.commit()?;
    Ok(new)
}

fn store_error(error: &rusqlite::Error) -> StoreError {
    let passing = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::CannotOpen
        )
    );
    if passing {
        StoreError::Temporary(error.to_string())
    } else {
        StoreError::Permanent(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_env::Column;

    const BUSY: Duration = Duration::from_millis(300);
    const TABLES: &[Table] = &[Table {
        name: "rows",
        columns: &[
            Column {
                name: "id",
                kind: Kind::Text,
                unique: true,
            },
            Column {
                name: "n",
                kind: Kind::Integer,
                unique: false,
            },
        ],
    }];

    fn insert(id: &str, n: i64) -> Insert {
        Insert {
            table: "rows",
            values: vec![Value::Text(id.to_owned()), Value::Integer(n)],
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_row_is_written_once_and_a_lock_is_trouble_for_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let path = path.to_str().unwrap();
        let store = SqliteStore::open(path, BUSY, TABLES).await.unwrap();
        let first = store.transact(vec![insert("a", 1), insert("b", 2), insert("a", 3)]);
        assert_eq!(first.await.unwrap(), [true, true, false]);
        let again = SqliteStore::open(path, BUSY, TABLES).await.unwrap();
        assert_eq!(again.transact(vec![insert("b", 9)]).await.unwrap(), [false]);
        let reader = Connection::open(path).unwrap();
        let sum: i64 = reader
            .query_row("SELECT sum(n) FROM rows", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sum, 3);
        reader.execute_batch("BEGIN IMMEDIATE").unwrap();
        let locked = store.transact(vec![insert("c", 1)]).await;
        assert!(
            matches!(locked, Err(StoreError::Temporary(_))),
            "{locked:?}"
        );
    }

    #[test]
    fn replicas_that_start_together_all_open_a_new_database() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..40 {
            let path = folder.path().join(format!("db-{round}"));
            let path = path.to_str().unwrap();
            let together = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                let open = || {
                    together.wait();
                    connect(path, BUSY, TABLES).map(drop)
                };
                let all: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                for one in all {
                    one.join().unwrap().unwrap();
                }
            });
        }
    }

    #[test]
    fn opening_outlasts_a_lock_that_a_transaction_would_not_wait_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let path = path.to_str().unwrap();
        let other = Connection::open(path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let begun = std::time::Instant::now();
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| connect(path, BUSY, TABLES).map(drop));
            while begun.elapsed() < BUSY + Duration::from_millis(300) {
                assert!(!opening.is_finished(), "it gave up");
                std::thread::sleep(Duration::from_millis(10));
            }
            other.execute_batch("COMMIT").unwrap();
            opening.join().unwrap().unwrap();
        });
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_path_that_cannot_be_is_named() {
        let Err(error) = SqliteStore::open("/nowhere/db", BUSY, TABLES).await else {
            panic!("it was opened");
        };
        assert!(error.to_string().contains("/nowhere/db"), "{error}");
    }
}
