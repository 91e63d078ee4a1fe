//! PostgreSQL, over one connection without encryption. A connection that failed is dropped, and the next transaction makes a
//! new one: a batch that could not be written is tried again by whoever asked.
//!
//! Where the connection is lost during a commit nobody knows whether the rows are there. Writing them again is safe by their
//! unique column, even while the server still works at the first attempt: the second waits for it and then does nothing.

use squall_env::{Column, Insert, Kind, Store, StoreError, Table, Value};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

/// A server may start together with this process.
const UP_WITHIN: Duration = Duration::from_secs(30);
const AGAIN_AFTER: Duration = Duration::from_millis(200);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that was stopped or cut off does not hold a batch for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Replicas that start together make the tables one after the other: any number that they share.
const TABLES_LOCK: i64 = 0x0073_7161_6c6c;

pub struct PostgresStore {
    config: Config,
    tables: &'static [Table],
    connection: Mutex<Option<Connection>>,
}

struct Connection {
    client: Client,
    inserts: BTreeMap<&'static str, Statement>,
}

/// Why a transaction failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The error alone leaves out what the server said.
    #[error("{}", of_server(.0))]
    Server(#[from] Error),
    #[error("PostgreSQL gave no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    NoAnswer,
    #[error("there is no table {0}")]
    NoTable(&'static str),
}

impl PostgresStore {
    pub(super) async fn open(url: &str, tables: &'static [Table]) -> Result<Self, StoreError> {
        let mut config: Config = url
            .parse()
            .map_err(|error| StoreError::Permanent(format!("DATABASE_URL: {error}")))?;
        config.connect_timeout(CONNECT_TIMEOUT);
        let begun = Instant::now();
        let first = loop {
            match within(connect(&config, tables)).await {
                Ok(connection) => break connection,
                Err(failure) if may_pass(&failure) && begun.elapsed() < UP_WITHIN => {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                Err(failure) => return Err(store_error(&failure)),
            }
        };
        Ok(Self {
            config,
            tables,
            connection: Mutex::new(Some(first)),
        })
    }
}

impl Store for PostgresStore {
    async fn transact(&self, inserts: Vec<Insert>) -> Result<Vec<bool>, StoreError> {
        let mut slot = self.connection.lock().await;
        // Taken out, so that one that fails or whose caller goes away is closed.
        let kept = slot.take().filter(|kept| !kept.client.is_closed());
        let done = within(async {
            let mut connection = match kept {
                Some(connection) => connection,
                None => connect(&self.config, self.tables).await?,
            };
            let new = write(&mut connection, &inserts).await?;
            Ok((connection, new))
        });
        let (connection, new) = done.await.map_err(|failure| store_error(&failure))?;
        *slot = Some(connection);
        Ok(new)
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, work).await;
    answer.unwrap_or(Err(Failure::NoAnswer))
}

/// Connects, makes the tables that are not there yet, and prepares their inserts.
async fn connect(config: &Config, tables: &'static [Table]) -> Result<Connection, Failure> {
    let (client, work) = config.connect(NoTls).await?;
    // Ends when the client is dropped; what goes wrong shows at the client, too.
    tokio::task::spawn_local(async move { drop(work.await) });
    let made: Vec<String> = tables.iter().map(table_text).collect();
    let lock = format!("SELECT pg_advisory_xact_lock({TABLES_LOCK})");
    let text = format!("BEGIN; {lock}; {}; COMMIT", made.join("; "));
    client.batch_execute(&text).await?;
    let mut inserts = BTreeMap::new();
    for table in tables {
        let statement = client.prepare(&insert_text(table)).await?;
        inserts.insert(table.name, statement);
    }
    Ok(Connection { client, inserts })
}

fn table_text(table: &Table) -> String {
    let column = |column: &Column| {
        let kind = match column.kind {
            Kind::Text => "TEXT",
            Kind::Integer => "BIGINT",
        };
        let unique = if column.unique { " UNIQUE" } else { "" };
        format!("\"{}\" {kind} NOT NULL{unique}", column.name)
    };
    let columns: Vec<String> = table.columns.iter().map(column).collect();
    let columns = columns.join(", ");
    format!("CREATE TABLE IF NOT EXISTS \"{}\" ({columns})", table.name)
}

fn insert_text(table: &Table) -> String {
    let marks: Vec<String> = (1..=table.columns.len()).map(|n| format!("${n}")).collect();
    format!(
        "INSERT INTO \"{}\" VALUES ({}) ON CONFLICT DO NOTHING",
        table.name,
        marks.join(", ")
    )
}

async fn write(connection: &mut Connection, inserts: &[Insert]) -> Result<Vec<bool>, Failure> {
    let transaction = connection.client.transaction().await?;
    let mut new = Vec::with_capacity(inserts.len());
    for insert in inserts {
        let statement = connection.inserts.get(insert.table);
        let statement = statement.ok_or(Failure::NoTable(insert.table))?;
        let values: Vec<&(dyn ToSql + Sync)> = insert.values.iter().map(parameter).collect();
        new.push(transaction.execute(statement, &values).await? > 0);
    }
    transaction.commit().await?;
    Ok(new)
}

fn parameter(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Text(text) => text,
        Value::Integer(number) => number,
    }
}

fn of_server(error: &Error) -> String {
    match error.source() {
        Some(cause) => format!("PostgreSQL: {error}: {cause}"),
        None => format!("PostgreSQL: {error}"),
    }
}

/// A server that says no to a statement will say so again, except for what is its own state: SQLSTATE classes (PostgreSQL,
/// appendix A) of connections, transactions rolled back, resources, locks, shut-down and the system. All else is the connection.
fn may_pass(failure: &Failure) -> bool {
    const PASSING: [&str; 6] = ["08", "40", "53", "55", "57", "58"];
    match failure {
        Failure::Server(error) => error.code().is_none_or(|state| {
            let state = state.code();
            PASSING.iter().any(|class| state.starts_with(class))
        }),
        Failure::NoAnswer => true,
        Failure::NoTable(_) => false,
    }
}

fn store_error(failure: &Failure) -> StoreError {
    let text = failure.to_string();
    if may_pass(failure) {
        StoreError::Temporary(text)
    } else {
        StoreError::Permanent(text)
    }
}
