//! A cluster to try clients against: `cargo run --release -p squall-wire --example serve -- 9092 3`, until its input ends.

use squall_wire::kafka::{ServeOptions, serve};
use std::io::Read;
use std::sync::mpsc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map(|text| text.parse()).transpose()?;
    let brokers = arguments.next().map(|text| text.parse()).transpose()?;
    let options = ServeOptions {
        port: port.or(Some(9092)),
        brokers: brokers.unwrap_or(3),
        broker_properties: arguments
            .filter_map(|a| a.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())))
            .collect(),
        ..ServeOptions::default()
    };
    let (stop, stopped) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(stop);
    });
    serve(&options, &mut std::io::stdout(), &stopped)?;
    Ok(())
}
