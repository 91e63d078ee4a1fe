//! The rows.

use super::effect::{Effect, EffectError, downstream};
use crate::bugs::{Bug, Bugs};
use crate::envelope::Incoming;
use crate::json::Json;
use crate::service::ServiceError;
use crate::settings::Settings;
use squall_env::{Column, Env, Insert, Kind, Store, StoreError, Table, Value};
use std::cell::RefCell;
use std::collections::VecDeque;

const ROWS_AT_ONCE: usize = 500;

/// Events that a consumer remembers, as planted by [`Bug::DedupWindow`].
const WINDOW: usize = 16;

const fn column(name: &'static str, kind: Kind, unique: bool) -> Column {
    Column { name, kind, unique }
}

/// Which columns are unique. An event's id that is so is what makes the insert idempotent.
struct Tables<const EVENT_ID: bool, const USER: bool>;

impl<const EVENT_ID: bool, const USER: bool> Tables<EVENT_ID, USER> {
    const ID: Column = column("event_id", Kind::Text, EVENT_ID);
    const USER: Column = column("user", Kind::Text, USER);
    const USERS: Table = Table {
        name: "users",
        columns: &[Self::ID, Self::USER, column("email", Kind::Text, false)],
    };
    const ORDERS: Table = Table {
        name: "orders",
        columns: &[
            Self::ID,
            Self::USER,
            column("order_id", Kind::Text, false),
            column("total_cents", Kind::Integer, false),
        ],
    };
    const BOTH: &[Table] = &[Self::USERS, Self::ORDERS];
}

type WithoutIds = Tables<false, false>;

/// As planted by [`Bug::MarkerBeforeRow`].
const WITH_MARKERS: &[Table] = &[
    WithoutIds::USERS,
    WithoutIds::ORDERS,
    Table {
        name: "handled",
        columns: &[Tables::<true, false>::ID],
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
        Tables::<false, true>::BOTH
    } else if bugs.has(Bug::MarkerBeforeRow) {
        WITH_MARKERS
    } else if without_ids.into_iter().any(|bug| bugs.has(bug)) {
        WithoutIds::BOTH
    } else {
        Tables::<true, false>::BOTH
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

    /// All rows in one transaction. Where the store refuses it for good, each row in one of its own: only what is at fault is lost.
    async fn apply(&self, events: &[&Incoming<'_>]) -> Vec<Result<(), EffectError>> {
        let mut results = Vec::with_capacity(events.len());
        let mut inserts = Vec::with_capacity(events.len());
        for event in events {
            let outcome = match downstream(&self.env, self.settings.rows).await {
                Ok(()) => row(event).map_err(EffectError::Permanent),
                Err(error) => Err(error),
            };
            results.push(outcome.map(|insert| inserts.push(insert)));
        }
        let count = inserts.len();
        if count == 0 {
            return results;
        }
        let Err(error) = self.write(inserts).await.map_err(effect_error) else {
            return results;
        };
        let one_by_one = count > 1 && matches!(error, EffectError::Permanent(_));
        for (event, result) in events.iter().zip(&mut results) {
            if result.is_ok() {
                *result = match row(event) {
                    Ok(row) if one_by_one => self.write(vec![row]).await.map_err(effect_error),
                    _ => Err(error.clone()),
                };
            }
        }
        results
    }
}

fn effect_error(error: StoreError) -> EffectError {
    match error {
        StoreError::Temporary(_) => EffectError::Temporary(error.to_string()),
        StoreError::Permanent(_) => EffectError::Permanent(error.to_string()),
    }
}

fn row(event: &Incoming<'_>) -> Result<Insert, String> {
    let given = |text: Option<String>, name: &str| match text {
        Some(text) => Ok(Value::Text(text)),
        None => Err(format!("there is no {name}")),
    };
    let text = |name: &str| given(event.text(name).map(str::to_owned), name);
    let id = Value::Text(event.id.clone());
    match event.event_type.as_str() {
        "user_signup" => Ok(Insert {
            table: "users",
            values: vec![id, text("user")?, given(event.address(), "email")?],
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
