//! A database that outlives the processes that write to it: one transaction at a time, unique columns, rows numbered from 1.

use super::process::Process;
use super::trouble::{BUSY_NS, Turn};
use crate::kernel::{Nanos, promise};
use squall_env::{Insert, Store, StoreError, Table, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::rc::Rc;

/// A commit waits for the disk: one to two milliseconds, as an fsync takes on an ordinary SSD. And each row of it.
const COMMIT_NS: Nanos = 1_000_000;
const ROW_NS: Nanos = 8_000;

/// All databases of the world, by path.
#[derive(Default)]
pub struct Stores {
    by_path: RefCell<BTreeMap<Rc<str>, Database>>,
}

#[derive(Default)]
struct Database {
    tables: BTreeMap<&'static str, Rows>,
    busy_until: Nanos,
}

struct Rows {
    table: &'static Table,
    rows: Vec<Vec<Value>>,
    taken: Vec<BTreeSet<Value>>,
}

impl Rows {
    /// The number of the new row, unless a unique value is taken.
    fn insert(&mut self, values: Vec<Value>) -> Option<u64> {
        let unique = || {
            self.table
                .columns
                .iter()
                .zip(&values)
                .enumerate()
                .filter(|(_, (column, _))| column.unique)
        };
        if unique().any(|(index, (_, value))| self.taken[index].contains(value)) {
            return None;
        }
        let keys: Vec<(usize, Value)> = unique()
            .map(|(index, (_, value))| (index, value.clone()))
            .collect();
        for (index, value) in keys {
            self.taken[index].insert(value);
        }
        self.rows.push(values);
        Some(self.rows.len() as u64)
    }
}

impl Stores {
    /// The texts of a column with the numbers of their rows. `None`: no such database, table or column.
    pub fn column(&self, path: &str, table: &str, column: &str) -> Option<Vec<(u64, String)>> {
        let databases = self.by_path.borrow();
        let rows = databases.get(path)?.tables.get(table)?;
        let index = rows
            .table
            .columns
            .iter()
            .position(|known| known.name == column)?;
        let texts = rows
            .rows
            .iter()
            .map(|row| row.get(index).map(text).unwrap_or_default());
        Some((1..).zip(texts).collect())
    }
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
    }
}

/// A handle on the database of one process.
#[derive(Clone)]
pub struct SimStore {
    process: Rc<Process>,
    path: Rc<str>,
}

impl SimStore {
    pub(super) fn open(process: &Rc<Process>, path: &str, tables: &'static [Table]) -> Self {
        let mut databases = process.world.stores.by_path.borrow_mut();
        let path: Rc<str> = Rc::from(path);
        let database = databases.entry(Rc::clone(&path)).or_default();
        for table in tables {
            database.tables.entry(table.name).or_insert_with(|| Rows {
                table,
                rows: Vec::new(),
                taken: vec![BTreeSet::new(); table.columns.len()],
            });
        }
        Self {
            process: Rc::clone(process),
            path,
        }
    }

    /// All of it, at one instant. Nothing when an insert does not fit its table.
    fn apply(&self, inserts: Vec<Insert>) -> Result<Vec<bool>, StoreError> {
        let mut results = Vec::with_capacity(inserts.len());
        let world = &self.process.world;
        let mut databases = world.stores.by_path.borrow_mut();
        let database = databases.entry(Rc::clone(&self.path)).or_default();
        let fits = |insert: &Insert| {
            database
                .tables
                .get(insert.table)
                .is_some_and(|rows| rows.table.columns.len() == insert.values.len())
        };
        if !inserts.iter().all(fits) {
            return Err(StoreError::Permanent(
                "no such table, or of another shape".to_owned(),
            ));
        }
        for insert in inserts {
            let Some(rows) = database.tables.get_mut(insert.table) else {
                continue;
            };
            let number = rows.insert(insert.values);
            results.push(number.is_some());
            if let (Some(number), Some(values)) = (number, rows.rows.last()) {
                let sinks = &world.sinks;
                sinks.row(world, &self.path, rows.table, values, number);
            }
        }
        Ok(results)
    }
}

impl Store for SimStore {
    async fn transact(&self, inserts: Vec<Insert>) -> Result<Vec<bool>, StoreError> {
        if !self.process.alive.get() {
            return pending().await;
        }
        let kernel = &self.process.world.kernel;
        let mut cost =
            COMMIT_NS + kernel.below("store", 0, COMMIT_NS) + ROW_NS * inserts.len() as u64;
        match self.process.world.troubles.turn(&self.path, kernel) {
            Turn::Ordinary => {}
            Turn::Late(by) => cost += by,
            Turn::Refused => {
                kernel.sleep(BUSY_NS).await;
                return Err(StoreError::Temporary("database is locked".to_owned()));
            }
        }
        let done = {
            let mut databases = self.process.world.stores.by_path.borrow_mut();
            let database = databases.entry(Rc::clone(&self.path)).or_default();
            database.busy_until = database.busy_until.max(kernel.now()) + cost;
            database.busy_until
        };
        // It is durable a moment before the caller knows: a crash in between leaves it done and unacknowledged.
        let (pledge, outcome) = promise(kernel);
        let store = self.clone();
        kernel.at(done - cost / 8, move || {
            if store.process.alive.get() {
                pledge.keep(store.apply(inserts));
            }
        });
        let outcome = outcome.await;
        kernel.sleep_until(done).await;
        outcome.unwrap_or_else(|| Err(StoreError::Permanent("the process is dead".to_owned())))
    }
}
