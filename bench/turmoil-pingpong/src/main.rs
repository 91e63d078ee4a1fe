//! Ping-pong on turmoil: pairs of hosts that send each other eight bytes over TCP, each answer sent when the question came.
//!
//! `cargo run --release -- [MESSAGES] [PAIRS]`. The workload of `cargo run --release -p squall-sim --example pingpong`: a link takes
//! 1 ms, which is turmoil's tick, so that no tick passes in which nothing arrives.

use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

fn main() -> turmoil::Result {
    let argument = |index: usize| std::env::args().nth(index);
    let messages: u64 = argument(1).map_or(Ok(20_000), |text| text.parse())?;
    let pairs: u64 = argument(2).map_or(Ok(1), |text| text.parse())?;
    let latency = Duration::from_millis(1);
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(1_000_000))
        .min_message_latency(latency)
        .max_message_latency(latency)
        .tick_duration(latency)
        .rng_seed(1)
        .build();
    let rounds = messages / 2 / pairs;
    for pair in 0..pairs {
        sim.host(format!("pong-{pair}"), || async {
            let listener = TcpListener::bind("0.0.0.0:1000").await?;
            let (mut stream, _) = listener.accept().await?;
            let mut bytes = [0; 8];
            while stream.read_exact(&mut bytes).await.is_ok() {
                stream.write_all(&bytes).await?;
            }
            Ok(())
        });
        sim.client(format!("ping-{pair}"), async move {
            let mut stream = TcpStream::connect(format!("pong-{pair}:1000")).await?;
            let mut bytes = [0; 8];
            for round in 0..rounds {
                stream.write_all(&round.to_le_bytes()).await?;
                stream.read_exact(&mut bytes).await?;
                assert_eq!(u64::from_le_bytes(bytes), round);
            }
            Ok(())
        });
    }
    let started = Instant::now();
    sim.run()?;
    let seconds = started.elapsed().as_secs_f64();
    let sent = rounds * 2 * pairs;
    println!(
        "turmoil: {sent} messages between {pairs} pairs in {seconds:.3} s: {:.0} messages/s",
        sent as f64 / seconds
    );
    Ok(())
}
