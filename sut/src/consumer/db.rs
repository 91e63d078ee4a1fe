//! The rows.

use super::effect::{Effect, EffectError, downstream};
use crate::bugs::{Bug, Bugs};
use crate::envelope::Incoming;
use crate::service::ServiceError;
use crate::settings::Settings;
use serde_json::Value as Json;
use squall_env::{Column, Env, Insert, Kind, Store, StoreError, Table, Value};
use std::cell::RefCell;
use std::collections::VecDeque;

const ROWS_AT_ONCE: usize = 500;

/// Events that a consumer remembers, as planted by [`Bug::DedupWindow`].
const WINDOW: usize = 16;

const fn text(name: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Text,
        unique: false,
    }
}

/// The event's id. Unique is what makes the insert idempotent.
const fn event_id(unique: bool) -> Column {
    Column {
        name: "event_id",
        kind: Kind::Text,
        unique,
    }
}

const CENTS: Column = Column {
    name: "total_cents",
    kind: Kind::Integer,
    unique: false,
};

const TABLES: &[Table] = &[
    Table {
        name: "users",
        columns: &[event_id(true), text("user"), text("email")],
    },
    Table {
        name: "orders",
        columns: &[event_id(true), text("user"), text("order_id"), CENTS],
    },
];

/// As planted by [`Bug::DedupByUser`].
const TABLES_BY_USER: &[Table] = &[
    Table {
        name: "users",
        columns: &[event_id(false), unique_user(), text("email")],
    },
    Table {
        name: "orders",
        columns: &[event_id(false), unique_user(), text("order_id"), CENTS],
    },
];

const fn unique_user() -> Column {
    Column {
        unique: true,
        ..text("user")
    }
}

/// As planted by [`Bug::MarkerBeforeRow`].
const TABLES_WITH_MARKERS: &[Table] = &[
    Table {
        name: "users",
        columns: &[event_id(false), text("user"), text("email")],
    },
    Table {
        name: "orders",
        columns: &[event_id(false), text("user"), text("order_id"), CENTS],
    },
    Table {
        name: "handled",
        columns: &[event_id(true)],
    },
];

/// As planted by [`Bug::MissingIdempotence`].
const TABLES_WITHOUT_IDS: &[Table] = &[
    Table {
        name: "users",
        columns: &[event_id(false), text("user"), text("email")],
    },
    Table {
        name: "orders",
        columns: &[event_id(false), text("user"), text("order_id"), CENTS],
    },
];

pub(super) struct Rows<E: Env> {
    env: E,
    store: E::Store,
    settings: Settings,
    /// Ids of events that were written, where a bug has them in memory only.
    seen: RefCell<VecDeque<Value>>,
}

fn tables(bugs: &Bugs) -> &'static [Table] {
    let without_ids = [
        Bug::MissingIdempotence,
        Bug::DedupInMemory,
        Bug::DedupWindow,
    ];
    if bugs.has(Bug::DedupByUser) {
        TABLES_BY_USER
    } else if bugs.has(Bug::MarkerBeforeRow) {
        TABLES_WITH_MARKERS
    } else if without_ids.into_iter().any(|bug| bugs.has(bug)) {
        TABLES_WITHOUT_IDS
    } else {
        TABLES
    }
}

impl<E: Env> Rows<E> {
    pub(super) async fn open(env: &E, settings: &Settings) -> Result<Self, ServiceError> {
        Ok(Self {
            env: env.clone(),
            store: env.store(tables(&settings.bugs)).await?,
            settings: settings.clone(),
            seen: RefCell::default(),
        })
    }

    /// Writes the rows, once: their ids are unique in the table, unless a bug is planted.
    async fn write(&self, mut inserts: Vec<Insert>) -> Result<(), StoreError> {
        let bugs = &self.settings.bugs;
        let id = |insert: &Insert| insert.values.first().cloned();
        if bugs.has(Bug::MarkerBeforeRow) {
            let marker = |insert: &Insert| Insert {
                table: "handled",
                values: id(insert).into_iter().collect(),
            };
            let markers = inserts.iter().map(marker).collect();
            let mut new = self.store.transact(markers).await?.into_iter();
            inserts.retain(|_| new.next() == Some(true));
        }
        let window = match (bugs.has(Bug::DedupInMemory), bugs.has(Bug::DedupWindow)) {
            (false, false) => return self.store.transact(inserts).await.map(|_| ()),
            (true, _) => usize::MAX,
            (_, true) => WINDOW,
        };
        inserts.retain(|insert| id(insert).is_none_or(|id| !self.seen.borrow().contains(&id)));
        let ids: Vec<Value> = inserts.iter().filter_map(id).collect();
        self.store.transact(inserts).await?;
        let mut seen = self.seen.borrow_mut();
        seen.extend(ids);
        while seen.len() > window {
            seen.pop_front();
        }
        Ok(())
    }
}

impl<E: Env> Effect for Rows<E> {
    fn subscriptions(&self) -> &[&'static str] {
        &["user_signup", "order_placed"]
    }

    fn chunk(&self) -> usize {
        // A downstream that is slow or flaky is so event by event.
        if self.settings.rows == crate::settings::EffectSettings::default() {
            ROWS_AT_ONCE
        } else {
            1
        }
    }

    /// All rows in one transaction; none is written when it fails.
    async fn apply(&self, events: &[&Incoming]) -> Vec<Result<(), EffectError>> {
        let mut results = Vec::with_capacity(events.len());
        let mut inserts = Vec::with_capacity(events.len());
        for event in events {
            let outcome = match downstream(&self.env, self.settings.rows).await {
                Ok(()) => row(event).map_err(EffectError::Permanent),
                Err(error) => Err(error),
            };
            results.push(outcome.map(|insert| inserts.push(insert)));
        }
        if inserts.is_empty() {
            return results;
        }
        let error = match self.write(inserts).await {
            Ok(()) => return results,
            Err(error @ StoreError::Temporary(_)) => EffectError::Temporary(error.to_string()),
            Err(error @ StoreError::Permanent(_)) => EffectError::Permanent(error.to_string()),
        };
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            *result = Err(error.clone());
        }
        results
    }
}

fn row(event: &Incoming) -> Result<Insert, String> {
    let text = |name: &str| {
        event
            .data
            .get(name)
            .and_then(Json::as_str)
            .map(|value| Value::Text(value.to_owned()))
            .ok_or_else(|| format!("there is no {name}"))
    };
    let id = Value::Text(event.id.clone());
    match event.event_type.as_str() {
        "user_signup" => Ok(Insert {
            table: "users",
            values: vec![id, text("user")?, text("email")?],
        }),
        "order_placed" => {
            let cents = event.data.get("total_cents").and_then(Json::as_i64);
            Ok(Insert {
                table: "orders",
                values: vec![
                    id,
                    text("user")?,
                    text("order")?,
                    Value::Integer(cents.unwrap_or(0)),
                ],
            })
        }
        other => Err(format!("there is no table for {other}")),
    }
}
