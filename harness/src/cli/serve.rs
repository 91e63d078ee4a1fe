//! `squall serve kafka`: the embedded cluster alone, for anyone's tests.

use crate::environment::interrupt::Interrupt;
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use squall_wire::kafka::{ServeOptions, serve};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
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
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub fn run(args: &ServeArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let What::Kafka(kafka) = &args.what;
    let options = ServeOptions {
        brokers: kafka.brokers,
        port: (kafka.port != 0).then_some(kafka.port),
        broker_properties: kafka
            .broker
            .iter()
            .cloned()
            .collect::<BTreeMap<String, String>>(),
        data_dir: kafka.data.clone(),
    };
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::environment(format!("cannot listen for Ctrl-C: {error}")))?;
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
    let mut out = out;
    serve(&options, &mut out, &stopped).map_err(|error| Failure::environment(error.to_string()))?;
    Ok(Exit::Held)
}
