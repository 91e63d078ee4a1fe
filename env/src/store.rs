//! A store with tables, unique columns and transactions.

use std::fmt;
use std::future::Future;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Integer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// No two rows have the same value in it.
    pub unique: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    Text(String),
    Integer(i64),
}

/// Inserts a row unless one of its unique columns has the value already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Insert {
    pub table: &'static str,
    /// One for each column of the table, in its order.
    pub values: Vec<Value>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreError {
    /// Trying again may help: locked, disk full.
    Temporary(String),
    /// It will never work: not a database, table of another shape.
    Permanent(String),
}

pub trait Store {
    /// Does all of it or nothing. Durable when this returns. For each insert, whether there is a new row.
    ///
    /// # Errors
    /// Nothing was done if the process lives on; a crash during the call may leave all of it or nothing.
    fn transact(&self, inserts: Vec<Insert>)
    -> impl Future<Output = Result<Vec<bool>, StoreError>>;
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temporary(why) => write!(f, "the store is not to be had for now: {why}"),
            Self::Permanent(why) => write!(f, "the store cannot be used: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}
