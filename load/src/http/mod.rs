//! Through the system's HTTP API: many keep-alive connections on one event-loop thread.

mod answer;
pub mod classify;
mod connection;
mod event_loop;
mod inbox;
mod pool;
mod request;

use crate::entry::{Context, Entry, EntryReport};
use crate::error::LoadError;
use event_loop::EventLoop;
use inbox::Outbox;
use request::RequestTemplate;
use squall_plan::payload::Constants;
use squall_plan::plan::Arrival;
use squall_plan::scenario::{Load, LoadEntry};
use std::net::SocketAddr;
use std::thread::JoinHandle;

pub(crate) struct HttpEntry {
    context: Context,
    outbox: Outbox,
    thread: JoinHandle<EntryReport>,
}

impl HttpEntry {
    pub fn start(
        load: &Load,
        constants: Constants,
        addresses: Vec<SocketAddr>,
        context: Context,
    ) -> Result<Self, LoadError> {
        let LoadEntry::Http { service, .. } = &load.entry else {
            return Err(LoadError::WrongTarget {
                load: load.name.clone(),
                planned: "topic",
            });
        };
        if addresses.is_empty() {
            return Err(LoadError::NoAddress {
                load: load.name.clone(),
                service: service.clone(),
            });
        }
        let cannot = |source| LoadError::Start {
            load: load.name.clone(),
            source,
        };
        let requests = RequestTemplate::new(load, constants, &addresses)?;
        let connections = usize::try_from(load.connections).unwrap_or(usize::MAX);
        let (event_loop, outbox) =
            EventLoop::new(requests, addresses, connections, context.clone()).map_err(cannot)?;
        let thread = std::thread::Builder::new()
            .name("http-load".to_owned())
            .spawn(move || event_loop.run())
            .map_err(cannot)?;
        Ok(Self {
            context,
            outbox,
            thread,
        })
    }
}

impl Entry for HttpEntry {
    fn offer(&mut self, due: &[Arrival]) {
        self.outbox.put(due, self.context.times.now_ns());
    }

    fn finish(self: Box<Self>) -> EntryReport {
        let Self { outbox, thread, .. } = *self;
        drop(outbox);
        thread.join().unwrap_or_else(|_| EntryReport {
            problems: vec!["the thread of the HTTP load died: a defect in Squall".to_owned()],
            ..EntryReport::default()
        })
    }
}
