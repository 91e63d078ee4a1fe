//! Servers that keep the effects of sinks, each a container: PostgreSQL (`postgres: DATABASE`) and a mail catcher (`mails: mailpit`).
//!
//! Services reach one through Toxiproxy, each by a way of its own, as they reach brokers; the tap of the sink reads it past Toxiproxy.

use super::engine::{Engine, Spec};
use super::images::Image;
use super::layout::{Layout, plain};
use super::toxiproxy;
use crate::environment::network::End;
use crate::environment::{EnvironmentError, until};
use squall_plan::Plan;
use squall_plan::system::{DATABASE_USER, SinkStore};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// PostgreSQL makes its files first.
const UP_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const POSTGRES: u16 = 5432;
const SMTP: u16 = 1025;
const MAILPIT_API: u16 = 8025;

/// Of the container.
pub fn name(run: &str, sink: &str) -> String {
    format!("{run}-{}", plain(&End::Sink(sink.to_owned())))
}

/// Of its log in the run's folder.
pub fn log(sink: &str) -> String {
    format!("{}.log", plain(&End::Sink(sink.to_owned())))
}

pub fn specs(run: &str, plan: &Plan, layout: &Layout) -> Vec<Spec> {
    let servers = layout.servers().into_iter();
    let specs = servers.filter_map(|(sink, direct)| {
        let store = &plan.system.spec.sink(&sink)?.store;
        Some(spec(name(run, &sink), store, direct.port()))
    });
    specs.collect()
}

fn spec(name: String, store: &SinkStore, direct: u16) -> Spec {
    let (image, inside, environment) = match store {
        SinkStore::Postgres { database, .. } => {
            let given = [
                ("POSTGRES_USER", DATABASE_USER),
                ("POSTGRES_PASSWORD", DATABASE_USER),
                ("POSTGRES_DB", database),
            ];
            (Image::Postgres, POSTGRES, given.to_vec())
        }
        // Else it keeps 500 mails, and asks a name server who connects.
        _ => {
            let given = [("MP_MAX_MESSAGES", "0"), ("MP_SMTP_DISABLE_RDNS", "true")];
            (Image::Mailpit, MAILPIT_API, given.to_vec())
        }
    };
    let environment = environment.into_iter();
    Spec {
        name,
        image,
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        command: Vec::new(),
        ports: vec![(direct, inside)],
        beside: None,
    }
}

/// Where Toxiproxy finds it.
pub fn upstream(run: &str, plan: &Plan, to: &End) -> String {
    let End::Sink(sink) = to else {
        return String::new();
    };
    let store = plan.system.spec.sink(sink).map(|sink| &sink.store);
    let port = match store {
        Some(SinkStore::Postgres { .. }) => POSTGRES,
        _ => SMTP,
    };
    format!("{}:{port}", name(run, sink))
}

/// Waits until each takes effects.
///
/// # Errors
/// When one does not in time.
pub fn wait_until_ready(
    plan: &Plan,
    engine: &Engine,
    layout: &Layout,
) -> Result<(), EnvironmentError> {
    for (sink, direct) in layout.servers() {
        let store = plan.system.spec.sink(&sink).map(|sink| &sink.store);
        let container = name(engine.run(), &sink);
        let mut seen = Ok(());
        let up = until(UP_WITHIN, LOOK_EVERY, || {
            seen = match store {
                Some(SinkStore::Postgres { database, .. }) => {
                    serves_database(engine, &container, database)
                }
                _ => catches_mails(direct),
            };
            seen.is_ok()
        });
        if !up {
            let (within_s, log) = (UP_WITHIN.as_secs(), log(&sink));
            let why = seen.err().unwrap_or_default();
            return Err(EnvironmentError::Bus(format!(
                "the server of sink {sink} takes nothing within {within_s} s: {why}; see logs/{log} in the run's folder"
            )));
        }
    }
    Ok(())
}

/// By TCP: while it sets itself up, the server answers on its socket alone.
fn serves_database(engine: &Engine, container: &str, database: &str) -> Result<(), String> {
    let ask = [
        "pg_isready",
        "-h",
        "127.0.0.1",
        "-U",
        DATABASE_USER,
        "-d",
        database,
    ];
    engine.run_in(container, &ask).map(drop)
}

fn catches_mails(api: SocketAddr) -> Result<(), String> {
    toxiproxy::http(api, "GET", "/readyz", "").map(drop)
}

/// Begins a conversation at an address, as a service would; each side says more than the packet filter takes for nothing.
///
/// # Errors
/// Text for users: nobody answers, or not as the server of this sink would.
pub fn greet(plan: &Plan, sink: &str, at: SocketAddr) -> Result<(), String> {
    let store = plan.system.spec.sink(sink).map(|sink| &sink.store);
    let greeted = match store {
        Some(SinkStore::Postgres { database, .. }) => greet_postgres(at, database),
        _ => greet_smtp(at),
    };
    greeted.map_err(|error| error.to_string())
}

/// A StartupMessage (protocol 3.0), which is answered with an authentication request.
fn greet_postgres(at: SocketAddr, database: &str) -> io::Result<()> {
    const PROTOCOL: u32 = 3 << 16;
    let told = format!("user\0{DATABASE_USER}\0database\0{database}\0\0");
    let length = u32::try_from(told.len() + 8).map_err(io::Error::other)?;
    let mut stream = connect(at)?;
    stream.write_all(
        &[
            &length.to_be_bytes(),
            &PROTOCOL.to_be_bytes(),
            told.as_bytes(),
        ]
        .concat(),
    )?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    match kind {
        [b'R'] => Ok(()),
        _ => Err(io::Error::other("that is no answer of PostgreSQL's")),
    }
}

/// RFC 5321, section 4.1.1.1.
fn greet_smtp(at: SocketAddr) -> io::Result<()> {
    let mut stream = connect(at)?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut says = |code: &str| match lines.next() {
        Some(Ok(line)) if line.starts_with(code) => Ok(()),
        Some(Err(error)) => Err(error),
        other => Err(io::Error::other(format!("no {code}: {other:?}"))),
    };
    says("220")?;
    stream.write_all(b"EHLO squall.invalid\r\n")?;
    says("250")
}

fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&at, ANSWERS_WITHIN)?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
    Ok(stream)
}
