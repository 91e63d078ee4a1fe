//! The records of a load: key, payload and headers from templates, into buffers that are used again.

use crate::error::LoadError;
use rdkafka::message::{Header, OwnedHeaders};
use squall_plan::fault::Odd;
use squall_plan::payload::{Body, Compiled, Constants, PayloadError};
use squall_plan::plan::Arrival;
use squall_plan::scenario::{Load, LoadEntry};
use squall_plan::system::IdPlace;

pub(super) struct MessageTemplate {
    topic: String,
    key_template: Option<Compiled>,
    body: Body,
    header_templates: Vec<(String, Compiled)>,
    key: Vec<u8>,
    payload: Vec<u8>,
    header_values: Vec<Vec<u8>>,
    /// A record without a value, which is not one with an empty value.
    tombstone: bool,
}

impl MessageTemplate {
    pub fn new(load: &Load, constants: Constants) -> Result<Self, LoadError> {
        let LoadEntry::Topic { topic, id } = &load.entry else {
            return Err(LoadError::WrongTarget {
                load: load.name.clone(),
                planned: "HTTP",
            });
        };
        let mut header_templates = load
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), Compiled::new(&load.name, value, &constants)?)))
            .collect::<Result<Vec<_>, PayloadError>>()?;
        let mut key = load.key.as_str();
        match id {
            IdPlace::Header(name) if !load.headers.contains_key(name) => {
                header_templates.push((
                    name.clone(),
                    Compiled::new(&load.name, "{{id}}", &constants)?,
                ));
            }
            IdPlace::Key => key = "{{id}}",
            IdPlace::FileName => {
                return Err(PayloadError::NoId {
                    load: load.name.clone(),
                    place: "a file name, which a record has not".to_owned(),
                }
                .into());
            }
            IdPlace::Header(_) | IdPlace::Json(_) | IdPlace::Body => {}
        }
        Ok(Self {
            topic: topic.clone(),
            key_template: if key.is_empty() {
                None
            } else {
                Some(Compiled::new(&load.name, key, &constants)?)
            },
            body: Body::new(load, id, &constants)?,
            header_values: vec![Vec::new(); header_templates.len()],
            header_templates,
            key: Vec::new(),
            payload: Vec::new(),
            tombstone: load.odd == Some(Odd::Tombstone),
        })
    }

    /// Writes all parts for an event.
    pub fn fill(&mut self, arrival: &Arrival) {
        self.key.clear();
        if let Some(template) = &self.key_template {
            template.write(arrival, &mut self.key);
        }
        self.payload.clear();
        self.body.write(arrival, &mut self.payload);
        for ((_, template), value) in self.header_templates.iter().zip(&mut self.header_values) {
            value.clear();
            template.write(arrival, value);
        }
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    pub fn key(&self) -> Option<&[u8]> {
        self.key_template.as_ref().map(|_| self.key.as_slice())
    }

    /// `None` for a tombstone.
    pub fn payload(&self) -> Option<&[u8]> {
        (!self.tombstone).then_some(self.payload.as_slice())
    }

    /// `None` where the load has none: an empty list would cost memory of its own for each record.
    pub fn headers(&self) -> Option<OwnedHeaders> {
        if self.header_templates.is_empty() {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(self.header_values.len());
        for ((key, _), value) in self.header_templates.iter().zip(&self.header_values) {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        Some(headers)
    }
}
