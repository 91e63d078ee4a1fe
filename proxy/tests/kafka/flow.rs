//! Everything passes the proxy, and nobody finds a way around it.

use crate::common::{
    Fixture, PATIENCE, client, duplicates, produce, producer, read_all, start, wait_for,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use squall_proxy::engine::{ProxyConfig, Refusal};
use squall_proxy::kafka::{Address, FlowSnapshot, FrontConfig, KafkaFront};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const COUNT: usize = 2_000;

fn total(fronts: &[&KafkaFront]) -> FlowSnapshot {
    let mut total = FlowSnapshot::default();
    for flow in fronts
        .iter()
        .flat_map(|front| front.flows().snapshot().into_values())
    {
        total.add(&flow);
    }
    total
}

/// What the cluster counts is what the fronts let pass: there is no other way to it.
fn assert_nothing_went_around(fixture: &Fixture, fronts: &[&KafkaFront], discoveries: u64) {
    let agrees = || {
        let flow = total(fronts);
        let cluster = fixture.cluster.snapshot().expect("it runs").counters;
        (
            flow.requests.values().sum::<u64>() + discoveries,
            flow.connections + discoveries,
        ) == (cluster.requests, cluster.connections_accepted)
    };
    wait_for("requests and connections agree", agrees);
}

#[test]
fn a_group_and_a_producer_work_through_their_fronts_alone() {
    let fixture = start();
    let fronts = [fixture.front("orders"), fixture.front("billing")];
    let [orders, billing] = &fronts;
    let producer = producer(orders, &[("compression.type", "lz4")]);
    let acknowledged = produce(&producer, COUNT);
    assert_eq!(acknowledged.len(), COUNT);
    let settings = [("group.id", "billing"), ("auto.offset.reset", "earliest")];
    let consumer: BaseConsumer = client(billing, &settings).create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let (mut seen, deadline) = (BTreeSet::new(), Instant::now() + PATIENCE);
    while seen.len() < COUNT {
        assert!(Instant::now() < deadline, "{} seen", seen.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            seen.insert(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
        }
    }
    assert_eq!(seen, acknowledged);
    drop((producer, consumer));
    // Each front asked once.
    assert_nothing_went_around(&fixture, &[orders, billing], 2);
    let (sent, received) = (total(&[orders]), total(&[billing]));
    assert_eq!((sent.malformed, received.malformed), (0, 0));
    assert!(sent.requests["Produce"] > 0 && !sent.requests.contains_key("Fetch"));
    assert!(received.requests["JoinGroup"] > 0 && received.requests["Fetch"] > 0);
    assert!(sent.rewritten > 0 && received.rewritten > 0);
    let links: Vec<_> = orders
        .flows()
        .snapshot()
        .into_keys()
        .map(|link| link.broker)
        .collect();
    assert_eq!(links, [1, 2, 3], "all brokers lead something");
}

#[test]
fn a_broker_that_moves_is_followed() {
    let fixture = start();
    let front = fixture.front("orders");
    let before = front.bootstrap();
    let producer = producer(&front, &[("topic.metadata.refresh.interval.ms", "100")]);
    assert_eq!(produce(&producer, 100).len(), 100);
    // Broker 2 is at another address from now on: a plain proxy stands there.
    let address = fixture.cluster.addresses()[1].to_string();
    let moved = fixture
        .engine
        .create(ProxyConfig::new("moved", address))
        .unwrap();
    let port = moved.listen.rsplit(':').next().unwrap().parse().unwrap();
    fixture.cluster.advertise(2, "127.0.0.1", port).unwrap();
    wait_for("the front leads to the new address", || {
        let proxy = fixture.engine.proxy("orders-2").unwrap();
        proxy.upstream == moved.listen
    });
    assert_eq!(
        front.bootstrap(),
        before,
        "clients are told the same as ever"
    );
    assert_eq!(front.failed(), [""; 0]);
    drop(producer);
    let producer = crate::common::producer(&front, &[]);
    let acknowledged = produce(&producer, COUNT);
    assert_eq!(acknowledged.len(), COUNT);
    assert!(
        fixture
            .engine
            .counters("moved")
            .unwrap()
            .upstream
            .sent_bytes
            > 0
    );
    // The first 100 events bear the names of later ones.
    assert_eq!(duplicates(&acknowledged, &read_all(&front)), 100);
}

#[test]
fn closing_a_front_closes_its_listeners() {
    let fixture = start();
    let front = fixture.front("orders");
    assert_eq!(fixture.engine.proxies().unwrap().len(), 3);
    drop(front);
    assert!(fixture.engine.proxies().unwrap().is_empty());
}

#[test]
fn a_cluster_that_is_not_there_is_told() {
    let fixture = start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let open = |bootstrap| {
        let config = FrontConfig::new("orders", bootstrap);
        KafkaFront::open(&fixture.engine, config)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let told = open(vec![Address::new("127.0.0.1", port)]);
    assert!(
        told.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")),
        "{told}"
    );
    assert_eq!(
        open(vec![]),
        "no bootstrap address was given: name one as `host:port`"
    );
}

#[test]
fn a_cluster_that_tells_only_clients_gets_its_listeners_as_they_ask() {
    let fixture = start();
    // Whoever asks before the door is open is reset, as a listener that wants a login ends what does not log in.
    let address = fixture.cluster.addresses()[0].to_string();
    let door = fixture
        .engine
        .create(ProxyConfig::new("door", address))
        .unwrap();
    fixture.engine.refuse("door", Refusal::Reset).unwrap();
    let port = door.listen.rsplit(':').next().unwrap().parse().unwrap();
    let config = FrontConfig::new("orders", vec![Address::new("127.0.0.1", port)]);
    let front = KafkaFront::open(&fixture.engine, config).unwrap();
    assert!(front.proxies().is_empty());
    fixture.engine.refuse("door", Refusal::None).unwrap();
    let producer = producer(&front, &[]);
    let acknowledged = produce(&producer, COUNT);
    assert_eq!(acknowledged.len(), COUNT);
    let brokers: Vec<_> = front.proxies().into_keys().collect();
    assert_eq!(brokers, [1, 2, 3]);
    drop(producer);
    assert_eq!(duplicates(&acknowledged, &read_all(&front)), 0);
    assert_nothing_went_around(&fixture, &[&front], 0);
}
