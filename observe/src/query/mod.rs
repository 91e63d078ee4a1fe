//! One question to a database, through a connection that does not write.

#[cfg(feature = "postgres")]
mod postgres;

use crate::sqlite::{open, quoted};
use rusqlite::types::ValueRef;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// What a query yields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// Each value as text; `NULL` for none, blobs as `x'..'`.
    pub rows: Vec<Vec<String>>,
    /// There are more rows than were asked for.
    pub more: bool,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("there is no database at {0}")]
    NoDatabase(String),
    #[error("the query would change the database, and may only read it")]
    Writes,
    #[error("the query did not end within {0:?}")]
    TooSlow(Duration),
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("PostgreSQL: {0}")]
    Server(String),
}

/// Rows of a table that a query does not see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unseen {
    pub table: String,
    pub column: String,
    /// What the column's text begins with.
    pub prefix: String,
}

impl Unseen {
    /// A view that is found before the table of the same name. It lives in the connection: the database is not written to.
    fn view(&self) -> String {
        let (table, column) = (quoted(&self.table), quoted(&self.column));
        let prefix = self.prefix.replace('\'', "''");
        let length = self.prefix.chars().count();
        format!(
            "CREATE TEMP VIEW IF NOT EXISTS {table} AS SELECT * FROM main.{table} \
             WHERE substr({table}.{column}, 1, {length}) IS NOT '{prefix}'"
        )
    }
}

/// Asks a database, an SQLite file by its path or one in PostgreSQL by its `postgres://` address, and takes `rows_max` rows and `within` at
/// most.
///
/// # Errors
/// When there is no such database, the text is no query that only reads, or it takes too long.
pub fn query(
    database: &str,
    sql: &str,
    unseen: &[Unseen],
    rows_max: usize,
    within: Duration,
) -> Result<Answer, QueryError> {
    if !database.starts_with("postgres://") {
        return sqlite(Path::new(database), sql, unseen, rows_max, within);
    }
    #[cfg(feature = "postgres")]
    return postgres::query(database, sql, unseen, rows_max, within);
    #[cfg(not(feature = "postgres"))]
    Err(QueryError::Server(
        "this program was built without it; build it with `--features docker`".to_owned(),
    ))
}

fn sqlite(
    path: &Path,
    sql: &str,
    unseen: &[Unseen],
    rows_max: usize,
    within: Duration,
) -> Result<Answer, QueryError> {
    if !path.exists() {
        return Err(QueryError::NoDatabase(path.display().to_string()));
    }
    let connection = open(path)?;
    for rows in unseen {
        connection.execute_batch(&rows.view())?;
    }
    let handle = connection.get_interrupt_handle();
    let (ended, watched) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if watched.recv_timeout(within) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        let answer = read(&connection, sql, rows_max);
        drop(ended);
        match answer {
            Err(QueryError::Sqlite(error))
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
            {
                Err(QueryError::TooSlow(within))
            }
            other => other,
        }
    })
}

fn read(
    connection: &rusqlite::Connection,
    sql: &str,
    rows_max: usize,
) -> Result<Answer, QueryError> {
    let mut statement = connection.prepare(sql)?;
    if !statement.readonly() {
        return Err(QueryError::Writes);
    }
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut answer = Answer::default();
    while let Some(row) = rows.next()? {
        if answer.rows.len() == rows_max {
            answer.more = true;
            break;
        }
        let cells = (0..columns).map(|column| Ok(text(row.get_ref(column)?)));
        answer.rows.push(cells.collect::<rusqlite::Result<_>>()?);
    }
    Ok(answer)
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(blob) => {
            let digits: String = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        let batch = "CREATE TABLE orders(id TEXT, paid REAL); \
                     INSERT INTO orders VALUES ('a', 1.5), ('b', NULL), ('c', 2);";
        connection.execute_batch(batch).unwrap();
        (folder, path)
    }

    const SECONDS: Duration = Duration::from_secs(30);

    #[test]
    fn rows_come_as_text_and_no_more_of_them_than_asked_for() {
        let (_folder, path) = database();
        let all = sqlite(&path, "SELECT * FROM orders ORDER BY id", &[], 10, SECONDS).unwrap();
        assert_eq!(all.rows, [["a", "1.5"], ["b", "NULL"], ["c", "2"]]);
        assert!(!all.more);
        let two = sqlite(&path, "SELECT id FROM orders ORDER BY id", &[], 2, SECONDS).unwrap();
        assert_eq!(two.rows, [["a"], ["b"]]);
        assert!(two.more);
    }

    #[test]
    fn rows_that_are_not_to_be_seen_are_not_there() {
        let (_folder, path) = database();
        let unseen = |prefix: &str| Unseen {
            table: "orders".to_owned(),
            column: "id".to_owned(),
            prefix: prefix.to_owned(),
        };
        let ids = |sql: &str, prefix: &str| {
            let answer = sqlite(&path, sql, &[unseen(prefix)], 10, SECONDS).unwrap();
            answer.rows.concat()
        };
        let sql = "SELECT id FROM orders ORDER BY id";
        assert_eq!(ids(sql, "b"), ["a", "c"]);
        assert_eq!(ids(sql, "'"), ["a", "b", "c"]);
        assert_eq!(ids("SELECT count(*) FROM main.orders", "b"), ["3"]);
        // Twice for the same table is once, and a table that is missing is missed by who asks for it.
        let none = Unseen {
            table: "payments".to_owned(),
            ..unseen("b")
        };
        let all = [unseen("b"), unseen("b"), none];
        let answer = sqlite(&path, sql, &all, 10, SECONDS).unwrap();
        assert_eq!(answer.rows.concat(), ["a", "c"]);
        let error = sqlite(&path, "SELECT 1 FROM payments", &all, 1, SECONDS).unwrap_err();
        assert!(error.to_string().contains("payments"), "{error}");
    }

    #[test]
    fn what_would_write_is_refused_and_changes_nothing() {
        let (_folder, path) = database();
        for sql in [
            "DELETE FROM orders",
            "CREATE TABLE x(y)",
            "DROP TABLE orders",
        ] {
            assert!(
                matches!(sqlite(&path, sql, &[], 1, SECONDS), Err(QueryError::Writes)),
                "{sql}"
            );
        }
        let count = sqlite(&path, "SELECT count(*) FROM orders", &[], 1, SECONDS).unwrap();
        assert_eq!(count.rows, [["3"]]);
    }

    #[test]
    fn a_query_without_an_end_is_ended() {
        let (_folder, path) = database();
        let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let ended = sqlite(&path, endless, &[], 1, Duration::from_millis(50));
        assert!(matches!(ended, Err(QueryError::TooSlow(_))), "{ended:?}");
    }

    #[test]
    fn mistakes_are_told_by_what_they_are() {
        let (folder, path) = database();
        let missing = folder.path().join("no.db");
        let error = sqlite(&missing, "SELECT 1", &[], 1, SECONDS).unwrap_err();
        assert!(error.to_string().contains("no.db"), "{error}");
        assert!(!missing.exists(), "asking makes no database");
        let error = sqlite(&path, "SELECT nothing FROM orders", &[], 1, SECONDS).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}
