//! What outlives a crash.

use squall_env::{Event, Headers, Mail, Position, ProducerSettings, Request, Response, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Topics of one partition, committed offsets, rows and mails.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) topics: BTreeMap<String, Vec<Event>>,
    pub(crate) committed: BTreeMap<String, u64>,
    pub(crate) tables: BTreeMap<&'static str, Vec<Vec<Value>>>,
    pub(crate) mails: Vec<Mail>,
    pub(crate) requests: Vec<Request>,
    pub(crate) responses: BTreeMap<usize, Response>,
    pub(crate) logs: Vec<String>,
    /// Processes that there were; no two draw the same random numbers.
    pub(crate) lives: u64,
    /// Attempts that fail before one succeeds, for mails and for transactions.
    pub(crate) mail_failures: u32,
    pub(crate) store_failures: u32,
    /// The broker answers no produce request.
    pub(crate) broker_silent: bool,
    pub(crate) producer_settings: Vec<ProducerSettings>,
}

impl World {
    pub(crate) fn put(&mut self, topic: &str, headers: &[(&str, &str)], payload: &str) {
        let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        self.append(topic, None, headers, payload.as_bytes());
    }

    /// A sign-up whose id is its number.
    pub(crate) fn sign_up(&mut self, number: u32) {
        let id = number.to_string();
        let data = format!(r#"{{"user":"u{id}","email":"u{id}@squall.test"}}"#);
        self.put(
            "signups",
            &[("ce_id", &id), ("ce_type", "user_signup")],
            &data,
        );
    }

    pub(super) fn append(
        &mut self,
        topic: &str,
        key: Option<&[u8]>,
        headers: Headers,
        payload: &[u8],
    ) -> i64 {
        let log = self.topics.entry(topic.to_owned()).or_default();
        let offset = log.len() as i64;
        log.push(Event {
            topic: Arc::from(topic),
            position: Some(Position {
                partition: 0,
                offset,
            }),
            key: key.map(<[u8]>::to_vec),
            headers,
            payload: payload.to_vec(),
            timestamp_ms: None,
        });
        offset
    }

    pub(crate) fn ids_in(&self, topic: &str) -> Vec<String> {
        let log = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        log.iter()
            .map(|event| event.headers.text("ce_id").unwrap_or("").to_owned())
            .collect()
    }

    /// Ids in the table, sorted, with repetitions.
    pub(crate) fn ids_of_rows(&self, table: &'static str) -> Vec<String> {
        let rows = self.tables.get(table).map_or(&[][..], Vec::as_slice);
        let id = |row: &Vec<Value>| match &row[0] {
            Value::Text(id) => id.clone(),
            Value::Integer(_) => String::new(),
        };
        let mut ids: Vec<String> = rows.iter().map(id).collect();
        ids.sort_by_key(|id| (id.len(), id.clone()));
        ids
    }

    pub(crate) fn ids_of_mails(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .mails
            .iter()
            .map(|mail| mail.event_id.clone())
            .collect();
        ids.sort_by_key(|id| (id.len(), id.clone()));
        ids
    }
}
