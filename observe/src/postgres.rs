//! Effects that are rows of a PostgreSQL table.
//!
//! A table has no numbers that grow by themselves, and a transaction that began earlier may commit later. So a look asks for the rows of
//! transactions that had not ended when the look before it began (`xmin` of a row, from `xmin` of a snapshot on), and passes on those that
//! it has not seen. The order of rows is that of their transactions, and within one that of its statements (`cmin`).

use crate::effects::Effects;
use crate::error::TapError;
use crate::source::{FinalRead, Polled, Source};
use crate::sqlite::{push, quoted};
use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

/// Between two looks; longer after one that took long, for each reads the table as a whole.
const POLL: Duration = Duration::from_millis(10);
const REST_FACTOR: u32 = 4;
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

pub(crate) struct Postgres {
    runtime: Runtime,
    config: Config,
    /// Without the password.
    name: String,
    sql: String,
    connection: Option<Client>,
    /// As the last look found it; another one after anybody has written.
    snapshot: String,
    /// Every transaction before this one had ended at the last look.
    floor: i64,
    /// Rows from there on that were passed on: transaction and place.
    seen: BTreeSet<(i64, String)>,
    arrivals: i64,
}

/// One row, as it is found.
struct Row {
    transaction: i64,
    place: String,
    id: String,
}

enum Failure {
    NotThere(String),
    Failed(String),
}

impl Postgres {
    /// # Errors
    /// When the address is none, or no event loop can be had.
    pub fn new(sink: &str, url: &str, table: &str, column: &str) -> Result<Self, TapError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| TapError::Start {
            sink: sink.to_owned(),
            source,
        })?;
        let (table, column) = (quoted(table), quoted(column));
        let name = format!("table {table} of sink {sink} in PostgreSQL");
        let mut config: Config = url.parse().map_err(|error| TapError::Server {
            what: name.clone(),
            why: format!("{error}"),
        })?;
        config.connect_timeout(ANSWERS_WITHIN);
        Ok(Self {
            runtime,
            config,
            name,
            sql: format!(
                "SELECT t.xmin::text::bigint, t.ctid::text, t.{column}::text FROM {table} AS t \
                 WHERE t.xmin::text::bigint >= $1 ORDER BY t.xmin::text::bigint, t.cmin::text::bigint, t.ctid"
            ),
            connection: None,
            snapshot: String::new(),
            floor: 0,
            seen: BTreeSet::new(),
            arrivals: 0,
        })
    }

    fn look(&mut self, effects: &mut Effects) -> Result<(), Failure> {
        let client = match self.connection.take().filter(|known| !known.is_closed()) {
            Some(client) => client,
            None => self.connect()?,
        };
        let asked = self.within(async {
            let sql = "SELECT pg_current_snapshot()::text, pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
            let row = client.query_one(sql, &[]).await?;
            Ok((row.get::<_, String>(0), row.get::<_, i64>(1)))
        });
        let (snapshot, ended_before) = asked?;
        if snapshot != self.snapshot {
            let rows = self.rows(&client, self.floor)?;
            for row in &rows {
                if self.seen.insert((row.transaction, row.place.clone())) {
                    push(effects, self.arrivals, row.id.as_bytes());
                    self.arrivals += 1;
                }
            }
            self.floor = ended_before;
            self.seen
                .retain(|(transaction, _)| *transaction >= ended_before);
            self.snapshot = snapshot;
        }
        self.connection = Some(client);
        Ok(())
    }

    fn connect(&self) -> Result<Client, Failure> {
        self.within(async {
            let (client, connection) = self.config.connect(NoTls).await?;
            // Ends with the client; what goes wrong shows there, too.
            tokio::spawn(async move { drop(connection.await) });
            Ok(client)
        })
    }

    fn rows(&self, client: &Client, floor: i64) -> Result<Vec<Row>, Failure> {
        let rows = self.within(client.query(&self.sql, &[&floor]))?;
        let row = |row: &tokio_postgres::Row| Row {
            transaction: row.get(0),
            place: row.get(1),
            id: row.get::<_, Option<String>>(2).unwrap_or_default(),
        };
        Ok(rows.iter().map(row).collect())
    }

    fn within<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let timed = async { tokio::time::timeout(ANSWERS_WITHIN, work).await };
        let Ok(done) = self.runtime.block_on(timed) else {
            let why = format!("no answer within {} s", ANSWERS_WITHIN.as_secs());
            return Err(Failure::Failed(why));
        };
        done.map_err(|error| {
            let why = match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            match error.code() {
                Some(code) if *code == SqlState::UNDEFINED_TABLE => Failure::NotThere(why),
                _ => Failure::Failed(why),
            }
        })
    }

    fn error(&self, why: String) -> TapError {
        TapError::Server {
            what: self.name.clone(),
            why,
        }
    }
}

impl Source for Postgres {
    fn poll(&mut self, effects: &mut Effects) -> Result<Polled, TapError> {
        let begun = Instant::now();
        match self.look(effects) {
            Ok(()) => {
                effects.flush();
                std::thread::sleep(POLL.max(begun.elapsed() * REST_FACTOR));
                Ok(Polled::Read)
            }
            Err(Failure::NotThere(why)) => Ok(Polled::NotThere(why)),
            Err(Failure::Failed(why)) => Err(self.error(why)),
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
            // A new connection: nothing of the live one's state can hide a row.
            let read = self.connect().and_then(|client| self.rows(&client, 0));
            match read {
                Ok(rows) => {
                    for (row, position) in rows.iter().zip(0..) {
                        push(effects, position, row.id.as_bytes());
                    }
                    return Ok(FinalRead::of(rows.len() as u64, effects));
                }
                Err(Failure::Failed(_)) if Instant::now() < deadline => std::thread::sleep(POLL),
                Err(Failure::Failed(why) | Failure::NotThere(why)) => return Err(self.error(why)),
            }
        }
    }

    fn attentive(&self) -> Duration {
        Duration::ZERO
    }
}
