//! One question to a PostgreSQL database, in a session that only reads.

use super::{Answer, QueryError, Unseen};
use crate::sqlite::quoted;
use futures_util::TryStreamExt as _;
use std::error::Error as _;
use std::pin::pin;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// For the way there and back, beyond the time of the query itself, which the server keeps.
const WAY: Duration = Duration::from_secs(5);

/// Asks the database at `url`, and takes `rows_max` rows and `within` at most. Values come as PostgreSQL writes them.
///
/// # Errors
/// When nobody answers there, the text is no query that only reads, or it takes too long.
pub fn query(
    url: &str,
    sql: &str,
    unseen: &[Unseen],
    rows_max: usize,
    within: Duration,
) -> Result<Answer, QueryError> {
    let mut config: Config = url.parse().map_err(|error| told(&error, within))?;
    config.connect_timeout(WAY);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| QueryError::Server(error.to_string()))?;
    let asked = async {
        let (client, connection) = config.connect(NoTls).await?;
        // Ends with the client; what goes wrong shows there, too.
        tokio::spawn(async move { drop(connection.await) });
        ask(&client, sql, unseen, rows_max, within).await
    };
    let timed = runtime.block_on(async { tokio::time::timeout(within + WAY, asked).await });
    let done = timed.map_err(|_| QueryError::TooSlow(within))?;
    done.map_err(|error| told(&error, within))
}

async fn ask(
    client: &Client,
    sql: &str,
    unseen: &[Unseen],
    rows_max: usize,
    within: Duration,
) -> Result<Answer, Error> {
    for rows in unseen {
        match client.batch_execute(&view(rows)).await {
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {}
            other => other?,
        }
    }
    let limits = format!(
        "SET default_transaction_read_only = on; SET statement_timeout = {}",
        within.as_millis()
    );
    client.batch_execute(&limits).await?;
    let mut answer = Answer::default();
    // Of several statements, one could end the transaction that only reads: the extended protocol takes one alone.
    client.prepare(sql).await?;
    let mut messages = pin!(client.simple_query_raw(sql).await?);
    while let Some(message) = messages.try_next().await? {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        if answer.rows.len() == rows_max {
            answer.more = true;
            break;
        }
        let cells = (0..row.len()).map(|column| row.get(column).unwrap_or("NULL").to_owned());
        answer.rows.push(cells.collect());
    }
    Ok(answer)
}

/// A view that is found before the table of the same name, for as long as the session lasts.
fn view(rows: &Unseen) -> String {
    let (table, column) = (quoted(&rows.table), quoted(&rows.column));
    let prefix = rows.prefix.replace('\'', "''");
    let length = rows.prefix.chars().count();
    format!(
        "CREATE OR REPLACE TEMP VIEW {table} AS SELECT * FROM public.{table} AS t \
         WHERE left(t.{column}::text, {length}) IS DISTINCT FROM '{prefix}'"
    )
}

fn told(error: &Error, within: Duration) -> QueryError {
    match error.code() {
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => QueryError::Writes,
        Some(code) if *code == SqlState::QUERY_CANCELED => QueryError::TooSlow(within),
        _ => QueryError::Server(match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        }),
    }
}
