//! The whole of toxiproxy_rust 0.1.6 against our API, with the effects that it promises.

use squall_proxy::api::ApiServer;
use squall_proxy::engine::Engine;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::{Proxy, ProxyPack};

fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = socket.read(&mut buffer) {
                    if socket.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn ping(proxy: &Proxy) -> std::io::Result<Duration> {
    let start = Instant::now();
    let mut socket = TcpStream::connect(&proxy.proxy_pack.listen)?;
    socket.write_all(b"ping")?;
    socket.read_exact(&mut [0; 4])?;
    Ok(start.elapsed())
}

#[test]
fn toxiproxy_rust_drives_it() {
    let engine = Engine::start(1).expect("an engine");
    let api = ApiServer::start(engine, SocketAddr::from(([127, 0, 0, 1], 0))).expect("an API");
    let client = Client::new(api.address());
    assert!(client.is_running());
    assert!(client.version().expect("a version").contains("2.12.0"));
    let pack = |name: &str| {
        ProxyPack::new(name.to_owned(), "127.0.0.1:0".to_owned(), echo().to_string())
    };
    let made = client.populate(vec![pack("one"), pack("two")]).expect("populated");
    assert_eq!(made.len(), 2);
    assert_eq!(client.all().expect("all").len(), 2);
    let one = client.find_and_reset_proxy("one").expect("found");
    ping(&one).expect("a pong");

    one.with_latency("downstream".to_owned(), 150, 0, 1.0)
        .apply(|| assert!(ping(&one).expect("a pong") >= Duration::from_millis(148)))
        .expect("applied");
    assert!(one.toxics().expect("toxics").is_empty(), "apply takes its toxics away");
    one.with_limit_data("downstream".to_owned(), 2, 1.0);
    one.with_slow_close("upstream".to_owned(), 10, 1.0);
    one.with_slicer("upstream".to_owned(), 2, 0, 100, 1.0);
    one.with_bandwidth("upstream".to_owned(), 1_000, 1.0);
    one.with_timeout("upstream".to_owned(), 10_000, 0.0);
    let toxics = one.toxics().expect("toxics");
    let names: Vec<_> = toxics.iter().map(|toxic| toxic.name.as_str()).collect();
    assert_eq!(
        names,
        ["slow_close_upstream", "slicer_upstream", "bandwidth_upstream", "timeout_upstream", "limit_data_downstream"]
    );
    assert!(ping(&one).is_err(), "two of four bytes");
    one.delete_all_toxics().expect("deleted");
    ping(&one).expect("a pong");

    one.with_down(|| assert!(ping(&one).is_err())).expect("down and up again");
    ping(&one).expect("a pong");
    one.disable().expect("disabled");
    client.reset().expect("reset");
    ping(&one).expect("a pong");
    one.delete().expect("deleted");
    assert!(client.find_proxy("one").is_err());
}
