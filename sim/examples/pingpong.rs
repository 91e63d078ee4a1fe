//! Ping-pong in the simulator's kernel: pairs of processes that send each other eight bytes, each answer sent when the question came.
//!
//! `cargo run --release -p squall-sim --example pingpong -- [MESSAGES] [PAIRS]`. The same on turmoil: bench/turmoil-pingpong.

// Only who measures looks at the clock.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = |index: usize| std::env::args().nth(index);
    let messages: u64 = argument(1).map_or(Ok(2_000_000), |text| text.parse())?;
    let pairs: u32 = argument(2).map_or(Ok(1), |text| text.parse())?;
    let started = Instant::now();
    let (sent, hash) = squall_sim::ping_pong(1, pairs, messages / 2 / u64::from(pairs));
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "squall: {sent} messages between {pairs} pairs in {seconds:.3} s: {:.0} messages/s, trace {hash:016x}",
        sent as f64 / seconds
    );
    Ok(())
}
