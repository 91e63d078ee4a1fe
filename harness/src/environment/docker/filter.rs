//! Packet filters in the network namespaces of the run's own containers, set with `nft` from a helper that shares the
//! namespace: one that counts, at Toxiproxy, and one that drops, at brokers.

mod meter;
mod wall;

pub use meter::{Meter, Passed};
pub use wall::Wall;

use super::engine::{Engine, Spec};
use super::images::Image;
use crate::environment::EnvironmentError;

/// The table that is ours in every namespace.
const TABLE: &str = "inet squall";

/// Starts a helper beside a container.
fn helper(engine: &Engine, beside: &str) -> Result<String, EnvironmentError> {
    let name = format!("{beside}-filter");
    let spec = Spec {
        name: name.clone(),
        image: Image::Filter,
        environment: Vec::new(),
        command: vec!["sleep".to_owned(), "infinity".to_owned()],
        ports: Vec::new(),
        beside: Some(beside.to_owned()),
    };
    engine.start(vec![spec])?;
    Ok(name)
}

/// Runs `nft` in a helper.
fn nft(engine: &Engine, helper: &str, arguments: &[&str]) -> Result<String, String> {
    let command = [&["nft"], arguments].concat();
    let told = engine.run_in(helper, &command);
    told.map_err(|why| format!("the packet filter of {helper}: {why}"))
}
