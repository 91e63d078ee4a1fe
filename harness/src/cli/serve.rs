//! `squall serve`: the embedded cluster alone, or the fault proxy alone, for anyone's tests.

use super::cluster_api::{ApiServer, Controlled};
use super::{printed, serve_proxy};
use crate::environment::interrupt::Interrupt;
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use squall_wire::kafka;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

#[derive(Args)]
pub struct ServeArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A Kafka cluster on loopback; prints its bootstrap addresses when ready, runs until Ctrl-C
    Kafka(KafkaArgs),
    /// The fault proxy with Toxiproxy's HTTP API; prints the API's address when ready, runs until Ctrl-C
    Proxy(serve_proxy::ProxyArgs),
}

#[derive(Args)]
struct KafkaArgs {
    /// Number of brokers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=9))]
    brokers: i32,
    /// Port of the first broker; the others follow. 0 takes free ones
    #[arg(long, default_value_t = 9092)]
    port: u16,
    /// Broker setting under Kafka's own name (repeatable)
    #[arg(long = "broker", value_name = "NAME=VALUE", value_parser = setting)]
    broker: Vec<(String, String)>,
    /// Where segment files go [default: a temporary folder, removed at the end]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Serve an HTTP API that lists and breaks brokers (docs/testing-with-squall.md), on loopback; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    api: Option<SocketAddr>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub fn run(args: &ServeArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    match &args.what {
        What::Kafka(args) => serve_kafka(args, out),
        What::Proxy(args) => serve_proxy::run(args, &stopped()?, out),
    }
}

fn serve_kafka(args: &KafkaArgs, mut out: &mut dyn Write) -> Result<Exit, Failure> {
    let options = kafka::ServeOptions {
        brokers: args.brokers,
        port: (args.port != 0).then_some(args.port),
        broker_properties: args
            .broker
            .iter()
            .cloned()
            .collect::<BTreeMap<String, String>>(),
        data_dir: args.data.clone(),
    };
    let api = args.api.map(listen).transpose()?;
    let stopped = stopped()?;
    let served = kafka::serve_with(&options, &mut out, |cluster, out| {
        let _api = api.map(|api| announce(api, cluster, out)).transpose()?;
        // A message or a sender that is gone: both mean stop.
        let _ = stopped.recv();
        Ok(())
    });
    served.map_err(cannot_serve)??;
    Ok(Exit::Held)
}

fn cannot_serve(error: kafka::ServeError) -> Failure {
    use kafka::{ServeError, StartError};
    match &error {
        ServeError::Start(StartError::Properties(_)) | ServeError::PortRange { .. } => {
            Failure::bad_input(error.to_string())
        }
        _ => Failure::environment(error.to_string()),
    }
}

/// Takes the API's port before any broker starts.
fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() {
        let message = format!("the API would listen at {address}, where others reach it too");
        return Err(Failure::bad_input(message).hint("choose 127.0.0.1:PORT"));
    }
    TcpListener::bind(address).map_err(|error| {
        Failure::environment(format!("cannot serve the API at {address}: {error}"))
            .hint("choose another port by --api, or 0 for a free one")
    })
}

fn announce(
    listener: TcpListener,
    cluster: &Arc<kafka::Cluster>,
    out: &mut dyn Write,
) -> Result<ApiServer, Failure> {
    let cannot = |error| Failure::environment(format!("cannot serve the API: {error}"));
    let address = listener.local_addr().map_err(cannot)?;
    let api = ApiServer::start(listener, Controlled::new(Arc::clone(cluster))).map_err(cannot)?;
    printed(writeln!(out, "http://{address}").and_then(|()| out.flush()))?;
    Ok(api)
}

/// Brings something at the first Ctrl-C.
fn stopped() -> Result<Receiver<()>, Failure> {
    let interrupt = Interrupt::listen()?;
    let (stop, stopped) = std::sync::mpsc::channel();
    let wait = move || {
        while !interrupt.wait(Duration::from_secs(3600)) {}
        // A server that has ended already needs no telling.
        let _ = stop.send(());
    };
    std::thread::Builder::new()
        .name("stop".to_owned())
        .spawn(wait)
        .map_err(|error| Failure::environment(format!("cannot start a thread: {error}")))?;
    Ok(stopped)
}
