//! All taps of a run together.

use crate::effects::Watch;
use crate::error::TapError;
use crate::source::FinalRead;
use crate::sqlite::Rows;
use crate::status::{TapState, TapStatus};
use crate::tap::{Store, Tap, TapSpec};
use squall_check::Kind;
use squall_plan::Plan;
use squall_plan::system::{SinkSpec, SinkStore, postgres_url};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// A tap may fail for so long: brokers that are away are the faults of the run.
const FAILING_NS: u64 = 5_000_000_000;
/// A tap that has not looked for this long has stopped, whatever it says.
const STALE_NS: u64 = 10_000_000_000;

/// The taps on all sinks and their dead letters, in the order of the plan's sinks.
pub struct Taps {
    taps: Vec<Tap>,
    watch: Watch,
}

/// The final read of one tap.
#[derive(Debug)]
pub struct TapEnd {
    /// The sink's index in the plan.
    pub place: u16,
    /// The sink's name; dead letters have `NAME dead letters`.
    pub name: String,
    pub kind: Kind,
    pub read: Result<FinalRead, TapError>,
    /// As it stood before the final read.
    pub status: TapStatus,
}

impl Taps {
    /// Starts a tap on every sink of the plan and on its dead letters.
    ///
    /// `fill` fills the templates of paths; `at` tells where the server of a sink that has one in a container lets Squall itself in; `settings` are librdkafka's, `bootstrap.servers` among them.
    ///
    /// # Errors
    /// When a path cannot be filled, an id cannot travel where the plan says, or librdkafka refuses its settings.
    pub fn start(
        plan: &Plan,
        settings: &BTreeMap<String, String>,
        fill: impl Fn(&str) -> Result<String, String>,
        at: impl Fn(&str) -> Option<SocketAddr>,
        watch: &Watch,
    ) -> Result<Self, TapError> {
        let mut taps = Vec::new();
        for (place, sink) in (0_u16..).zip(&plan.system.spec.sinks) {
            for spec in specs(place, sink, settings, &fill, &at)? {
                taps.push(Tap::start(spec, watch.clone())?);
            }
        }
        Ok(Self {
            taps,
            watch: watch.clone(),
        })
    }

    /// Starts one tap more: on an input topic ([`Kind::Stored`]), for instance.
    ///
    /// # Errors
    /// As [`Tap::start`].
    pub fn add(&mut self, spec: TapSpec) -> Result<(), TapError> {
        self.taps.push(Tap::start(spec, self.watch.clone())?);
        Ok(())
    }

    #[must_use]
    pub fn status(&self) -> Vec<TapStatus> {
        self.taps.iter().map(Tap::status).collect()
    }

    /// Effects seen live in a sink, dead letters apart.
    #[must_use]
    pub fn seen(&self, place: u16) -> u64 {
        let effects = self
            .taps
            .iter()
            .filter(|tap| tap.spec().place == place && tap.spec().kind == Kind::Effect);
        effects.map(|tap| tap.status().seen).sum()
    }

    /// Nanoseconds since the start of the run.
    pub(crate) fn now_ns(&self) -> u64 {
        self.watch.now_ns()
    }

    /// How long nothing has been seen anywhere.
    #[must_use]
    pub fn quiet_ns(&self) -> u64 {
        let last = self.last_seen_ns();
        self.watch.now_ns().saturating_sub(last.unwrap_or(0))
    }

    /// When anything was last seen anywhere, nanoseconds of the run.
    pub(crate) fn last_seen_ns(&self) -> Option<u64> {
        let status = self.taps.iter().map(Tap::status);
        status.filter_map(|status| status.last_seen_ns).max()
    }

    /// What is wrong with taps right now: health problems of the run.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let now = self.watch.now_ns();
        let problem = |status: TapStatus| {
            let idle = now.saturating_sub(status.last_poll_ns);
            match status.state {
                TapState::Failing(why) => {
                    let since = status.failing_since_ns.unwrap_or(now);
                    (now.saturating_sub(since) > FAILING_NS)
                        .then(|| format!("{}: {why}", status.name))
                }
                TapState::Done => None,
                _ if idle > STALE_NS => Some(format!(
                    "{}: its tap has not looked for {} s",
                    status.name,
                    idle / 1_000_000_000
                )),
                TapState::Waiting(_) | TapState::Starting | TapState::Watching => None,
            }
        };
        self.taps
            .iter()
            .map(Tap::status)
            .filter_map(problem)
            .collect()
    }

    /// Reads everything to its end, all taps at the same time, and ends them.
    #[must_use]
    pub fn final_read(mut self, within: Duration) -> Vec<TapEnd> {
        let before = self.status();
        self.taps
            .iter_mut()
            .for_each(|tap| tap.begin_final_read(within));
        let end = |(tap, status): (Tap, TapStatus)| TapEnd {
            place: tap.spec().place,
            name: tap.spec().name.clone(),
            kind: tap.spec().kind,
            read: tap.finish(within),
            status,
        };
        self.taps.into_iter().zip(before).map(end).collect()
    }
}

fn specs(
    place: u16,
    sink: &SinkSpec,
    settings: &BTreeMap<String, String>,
    fill: &impl Fn(&str) -> Result<String, String>,
    at: &impl Fn(&str) -> Option<SocketAddr>,
) -> Result<Vec<TapSpec>, TapError> {
    let filled = |path: &String| {
        fill(path).map_err(|why| TapError::Template {
            sink: sink.name.clone(),
            why,
        })
    };
    let server = || {
        at(&sink.name).ok_or_else(|| TapError::NoServer {
            sink: sink.name.clone(),
        })
    };
    let store = match &sink.store {
        SinkStore::Directory { path, id } => Store::Directory {
            path: filled(path)?.into(),
            id: id.clone(),
        },
        SinkStore::Sqlite {
            path,
            table,
            column,
            query,
        } => {
            let rows = match query {
                Some(query) => Rows::Query(query.clone()),
                None => Rows::Table {
                    table: table.clone(),
                    column: column.clone(),
                },
            };
            Store::Sqlite {
                path: filled(path)?.into(),
                rows,
            }
        }
        SinkStore::Postgres {
            database,
            table,
            column,
        } => Store::Postgres {
            url: postgres_url(&server()?.to_string(), database),
            table: table.clone(),
            column: column.clone(),
        },
        SinkStore::Mails(_) => Store::Mails { api: server()? },
        SinkStore::Topic { name, id } => Store::Topic {
            topic: name.clone(),
            id: id.clone(),
            settings: settings.clone(),
        },
    };
    let mut specs = vec![TapSpec {
        name: sink.name.clone(),
        place,
        kind: Kind::Effect,
        store,
    }];
    if let Some(dead) = &sink.dead_letters {
        let store = Store::Topic {
            topic: dead.topic.clone(),
            id: dead.id.clone(),
            settings: settings.clone(),
        };
        specs.push(TapSpec {
            name: format!("{} dead letters", sink.name),
            place,
            kind: Kind::DeadLettered,
            store,
        });
    }
    Ok(specs)
}
