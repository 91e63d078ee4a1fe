//! Where the rows of this process go.

#[cfg(feature = "postgres")]
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;
use crate::settings::Settings;
use squall_env::{Insert, Store, StoreError, Table};

/// A server wins over a file.
pub enum ProcessStore {
    File(SqliteStore),
    #[cfg(feature = "postgres")]
    Server(Box<PostgresStore>),
}

impl ProcessStore {
    pub(super) async fn open(
        settings: &Settings,
        tables: &'static [Table],
    ) -> Result<Self, StoreError> {
        #[cfg(feature = "postgres")]
        if let Some(url) = &settings.database_url {
            let server = PostgresStore::open(&url.0, tables).await;
            return server.map(|server| Self::Server(Box::new(server)));
        }
        let path = settings.sqlite_path.as_deref().unwrap_or_default();
        let file = SqliteStore::open(path, settings.sqlite_busy_timeout, tables).await;
        file.map(Self::File)
    }
}

impl Store for ProcessStore {
    async fn transact(&self, inserts: Vec<Insert>) -> Result<Vec<bool>, StoreError> {
        match self {
            Self::File(store) => store.transact(inserts).await,
            #[cfg(feature = "postgres")]
            Self::Server(store) => store.transact(inserts).await,
        }
    }
}
