//! Proof at the start that every party's traffic flows through Toxiproxy, where faults can reach it.

use super::layout::Way;
use super::network::Ways;
use super::{client, servers};
use crate::environment::EnvironmentError;
use crate::environment::network::End;
use squall_plan::Plan;
use squall_proxy::toxic::Direction;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Asks each broker and each sink's server by each way, and looks whether the way counted it and the answer leads nowhere else; then
/// takes one way away and gives it back.
///
/// # Errors
/// When a byte could go another way.
pub fn prove(plan: &Plan, ways: &Ways) -> Result<(), EnvironmentError> {
    let failed = |way: &Way, why: &str| {
        let (party, to) = (&way.party, &way.to);
        EnvironmentError::Bus(format!(
            "the way of {party} to {to} by {}: {why}",
            way.address()
        ))
    };
    for way in ways.layout.ways() {
        let asked = match &way.to {
            End::Sink(sink) => servers::greet(plan, sink, way.address()),
            _ => leads_nowhere_else(ways, &way),
        };
        asked.map_err(|why| failed(&way, &why))?;
    }
    ways.meter.forget();
    for way in ways.layout.ways() {
        let passed = ways.meter.passed(&way).map_err(|why| failed(&way, &why))?;
        let both = [Direction::Upstream, Direction::Downstream].map(|one| passed.flow(one));
        if both
            .iter()
            .any(|flow| flow.arrived_bytes == 0 || flow.left_bytes == 0)
        {
            return Err(failed(&way, "it answered, and Toxiproxy saw nothing of it"));
        }
    }
    match ways.layout.ways().first() {
        Some(way) => switched(ways, way).map_err(|why| failed(way, &why)),
        None => Ok(()),
    }
}

fn leads_nowhere_else(ways: &Ways, way: &Way) -> Result<(), String> {
    let answer = client::metadata(way.address()).map_err(|error| error.to_string())?;
    let own = ways.layout.ways_of(&way.party).into_iter();
    let own: BTreeSet<String> = own.map(|way| way.address().to_string()).collect();
    let told = answer.brokers.iter();
    let told: BTreeSet<String> = told
        .map(|broker| format!("{}:{}", broker.host.as_str(), broker.port))
        .collect();
    match told.is_subset(&own) {
        true => Ok(()),
        false => Err(format!("it tells clients to go to {told:?} past the proxy")),
    }
}

fn switched(ways: &Ways, way: &Way) -> Result<(), String> {
    let answers = |address: SocketAddr| client::metadata(address).is_ok();
    ways.toxiproxy.switch(&way.proxy(), false)?;
    let off = answers(way.address());
    ways.toxiproxy.switch(&way.proxy(), true)?;
    match (off, answers(way.address())) {
        (true, _) => Err("it answers though its proxy is switched off".to_owned()),
        (_, false) => Err("it does not answer after its proxy was switched on again".to_owned()),
        _ => Ok(()),
    }
}
