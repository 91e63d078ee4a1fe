//! Packet filters in the network namespaces of the run's own containers, set with `nft` from a helper that shares the
//! namespace: one that counts, at Toxiproxy, and one that drops, at brokers.

mod meter;
mod wall;

pub use meter::{Meter, Passed};
pub use wall::Wall;

use super::engine::{Engine, Spec};
use super::images::Image;
use crate::environment::EnvironmentError;
use serde_json::Value;
use std::collections::BTreeMap;

/// The table that is ours in every namespace.
const TABLE: &str = "inet squall";

/// Starts helpers beside containers, at the same time; tells their names in the same order.
fn helpers(engine: &Engine, beside: &[&str]) -> Result<Vec<String>, EnvironmentError> {
    let name = |beside: &str| format!("{beside}-filter");
    let spec = |beside: &&str| Spec {
        name: name(beside),
        image: Image::Filter,
        environment: Vec::new(),
        command: vec!["sleep".to_owned(), "infinity".to_owned()],
        ports: Vec::new(),
        beside: Some((*beside).to_owned()),
    };
    engine.start(beside.iter().map(spec).collect())?;
    Ok(beside.iter().map(|beside| name(beside)).collect())
}

/// Runs `nft` in a helper.
fn nft(engine: &Engine, helper: &str, arguments: &[&str]) -> Result<String, String> {
    let command = [&["nft"], arguments].concat();
    let told = engine.run_in(helper, &command);
    told.map_err(|why| format!("the packet filter of {helper}: {why}"))
}

/// What a counter has met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Met {
    packets: u64,
    bytes: u64,
}

/// The counters of a namespace, by name.
fn counters(engine: &Engine, helper: &str) -> Result<BTreeMap<String, Met>, String> {
    let json = nft(engine, helper, &["-j", "list", "counters"])?;
    Ok(parse(&json))
}

fn parse(json: &str) -> BTreeMap<String, Met> {
    let read: Value = serde_json::from_str(json).unwrap_or_default();
    let all = read["nftables"].as_array().into_iter().flatten();
    let one = |object: &Value| {
        let counter = object.get("counter")?;
        let met = Met {
            packets: counter["packets"].as_u64()?,
            bytes: counter["bytes"].as_u64()?,
        };
        Some((counter["name"].as_str()?.to_owned(), met))
    };
    all.filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_name() {
        let json = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"counter": {"family": "inet", "name": "up_in_20001", "table": "squall", "handle": 1, "packets": 3, "bytes": 300}},
            {"counter": {"family": "inet", "name": "met_1", "table": "squall", "handle": 5, "packets": 2, "bytes": 104}}]}"#;
        let counters = parse(json);
        let met = |packets, bytes| Met { packets, bytes };
        assert_eq!(counters["up_in_20001"], met(3, 300));
        assert_eq!(counters["met_1"], met(2, 104));
        assert!(parse("").is_empty());
    }
}
