//! A store and a mail server, each of which can fail for now. The store has no texts with a null character in them, as PostgreSQL.

use super::TestEnv;
use squall_env::{Filed, Insert, Mail, MailError, Mailer, Store, StoreError, Table, Value};

pub(crate) struct TestStore {
    env: TestEnv,
    tables: &'static [Table],
}

impl TestStore {
    pub(super) fn new(env: &TestEnv, tables: &'static [Table]) -> Self {
        Self {
            env: env.clone(),
            tables,
        }
    }
}

impl Store for TestStore {
    async fn transact(&self, inserts: Vec<Insert>) -> Result<Vec<bool>, StoreError> {
        self.env.step().await;
        let new = {
            let mut world = self.env.world.borrow_mut();
            if world.store_failures > 0 {
                world.store_failures -= 1;
                return Err(StoreError::Temporary("locked".to_owned()));
            }
            let refused = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
            if inserts
                .iter()
                .any(|insert| insert.values.iter().any(refused))
            {
                return Err(StoreError::Permanent("a null character".to_owned()));
            }
            let mut new = Vec::new();
            for insert in inserts {
                let table = self
                    .tables
                    .iter()
                    .find(|one| one.name == insert.table)
                    .unwrap();
                let rows = world.tables.entry(insert.table).or_default();
                let taken = table.columns.iter().enumerate().any(|(at, column)| {
                    column.unique && rows.iter().any(|row| row[at] == insert.values[at])
                });
                if !taken {
                    rows.push(insert.values);
                }
                new.push(!taken);
            }
            new
        };
        self.env.step().await;
        Ok(new)
    }
}

impl Mailer for TestEnv {
    async fn deliver(&self, mail: &Mail) -> Result<Filed, MailError> {
        self.step().await;
        let filed = {
            let mut world = self.world.borrow_mut();
            if world.mail_failures > 0 {
                world.mail_failures -= 1;
                return Err(MailError::Temporary("away".to_owned()));
            }
            if world.mails.iter().any(|known| known.name == mail.name) {
                Filed::Already
            } else {
                world.mails.push(mail.clone());
                Filed::New
            }
        };
        self.step().await;
        Ok(filed)
    }
}
