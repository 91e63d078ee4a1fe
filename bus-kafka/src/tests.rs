//! Against librdkafka's own mock cluster.

use crate::KafkaBus;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaRespErr;
use squall_env::{
    BusError, ClientSettings, Consumer as _, ConsumerSettings, Headers, KafkaConsumer as _,
    Message, Outcome, Position, Producer as _, ProducerSettings, SendError, Settlement, Token,
    TopicPartition,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(60);

/// The mock lets a group wait for a whole session after a member has left; 6 s is the least it takes.
const SHORT: &[(&str, &str)] = &[
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "500"),
];

type Mock = MockCluster<'static, DefaultProducerContext>;

fn cluster(partitions: i32) -> (Mock, KafkaBus) {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic("t", partitions, 1).unwrap();
    let bus = KafkaBus::new(
        &mock.bootstrap_servers(),
        "test",
        settings(&[]),
        Arc::new(|_, _| {}),
    );
    (mock, bus)
}

fn settings(pairs: &[(&str, &str)]) -> ClientSettings {
    let mut settings = ClientSettings::default();
    for (name, value) in pairs {
        settings.set(name, value);
    }
    settings
}

fn group(name: &str, pairs: &[(&str, &str)]) -> ConsumerSettings {
    ConsumerSettings {
        group: name.to_owned(),
        topics: vec!["t".to_owned()],
        client: settings(pairs),
    }
}

/// Runs on a current-thread runtime, as the services do.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(WITHIN, test).await.unwrap() });
    runtime.shutdown_background();
}

async fn send_all(bus: &KafkaBus, count: u32) -> Vec<Outcome> {
    let producer = bus.producer(&ProducerSettings::default()).unwrap();
    producer.ready("t").await.unwrap();
    let mut outcomes = Vec::new();
    for number in 0..count {
        let mut headers = Headers::new();
        headers.push("ce_id", number.to_string().as_bytes());
        headers.push("empty", b"");
        let message = Message {
            topic: "t",
            key: Some(b"k"),
            headers: &headers,
            payload: &[b'x'; 100],
        };
        while let Err(error) = producer.send(message) {
            assert_eq!(error, SendError::QueueFull);
            producer.completions(&mut outcomes).await;
        }
    }
    while outcomes.len() < count as usize {
        producer.completions(&mut outcomes).await;
    }
    assert_eq!(producer.in_flight(), 0);
    let tickets: BTreeSet<_> = outcomes.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(tickets.len(), count as usize, "one outcome for each ticket");
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn receive(consumer: &crate::KafkaBusConsumer, count: usize) -> Vec<squall_env::Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(consumer.next_batch(count - all.len()).await.unwrap());
    }
    all
}

#[test]
fn what_is_sent_comes_back_whole_and_in_order() {
    let (_mock, bus) = cluster(1);
    run(async {
        let outcomes = send_all(&bus, 500).await;
        assert!(
            outcomes
                .iter()
                .all(|one| matches!(one, Outcome::Acknowledged(Some(_))))
        );
        let consumer = bus.consumer(&group("g", &[])).unwrap();
        let all = receive(&consumer, 500).await;
        consumer.ready().await.unwrap();
        for (number, delivery) in all.iter().enumerate() {
            let event = &delivery.event;
            assert_eq!(
                event.headers.text("ce_id"),
                Some(number.to_string().as_str())
            );
            assert_eq!(event.headers.get("empty"), Some(&b""[..]));
            assert_eq!(event.key.as_deref(), Some(&b"k"[..]));
            assert_eq!(event.payload, [b'x'; 100]);
            let offset = number as i64;
            assert_eq!(
                event.position,
                Some(Position {
                    partition: 0,
                    offset
                })
            );
        }
    });
}

#[test]
fn only_the_done_prefix_is_committed_and_the_rest_comes_again() {
    let (_mock, bus) = cluster(1);
    run(async {
        send_all(&bus, 20).await;
        let at = [TopicPartition {
            topic: Arc::from("t"),
            partition: 0,
        }];
        let consumer = bus.consumer(&group("g", SHORT)).unwrap();
        let all = receive(&consumer, 20).await;
        let tokens: Vec<Token> = all.iter().map(|delivery| delivery.token).collect();
        consumer.settle(&tokens[12..], Settlement::Done);
        consumer.settle(&tokens[..7], Settlement::Done);
        consumer.checkpoint().await.unwrap();
        assert_eq!(consumer.committed(&at).await.unwrap(), [Some(7)]);
        consumer.settle(&tokens[7..9], Settlement::Done);
        consumer.close().await.unwrap();
        assert!(matches!(
            consumer.next_batch(1).await,
            Err(BusError::Fatal(_))
        ));
        drop(consumer);

        let next = bus.consumer(&group("g", SHORT)).unwrap();
        let again = receive(&next, 11).await;
        assert_eq!(again[0].event.headers.text("ce_id"), Some("9"));
        assert_eq!(again[10].event.headers.text("ce_id"), Some("19"));
    });
}

#[test]
fn commits_go_out_by_themselves_while_batches_are_asked_for() {
    let (_mock, bus) = cluster(1);
    run(async {
        send_all(&bus, 5).await;
        let at = [TopicPartition {
            topic: Arc::from("t"),
            partition: 0,
        }];
        let consumer = bus.consumer(&group("g", &[])).unwrap();
        let tokens: Vec<Token> = receive(&consumer, 5)
            .await
            .iter()
            .map(|one| one.token)
            .collect();
        consumer.settle(&tokens, Settlement::Done);
        let deadline = Instant::now() + WITHIN;
        while consumer.committed(&at).await.unwrap() != [Some(5)] {
            assert!(Instant::now() < deadline);
            let pause = Duration::from_millis(60);
            let idle = tokio::time::timeout(pause, consumer.next_batch(1)).await;
            assert!(idle.is_err(), "nothing is left to deliver");
        }
    });
}

#[test]
fn a_commit_that_waits_for_its_turn_goes_out_before_the_group_is_left() {
    let (mock, _) = cluster(1);
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let bus = KafkaBus::new(
        &mock.bootstrap_servers(),
        "test",
        settings(&[]),
        Arc::new(move |_, text| heard.lock().unwrap().push(text.to_owned())),
    );
    run(async {
        send_all(&bus, 20).await;
        let consumer = bus.consumer(&group("g", SHORT)).unwrap();
        let tokens: Vec<Token> = receive(&consumer, 20)
            .await
            .iter()
            .map(|one| one.token)
            .collect();
        tokio::time::sleep(crate::COMMIT_EVERY).await;
        consumer.settle(&tokens, Settlement::Done);
        let busy = Duration::from_millis(300);
        let _busy = tokio::task::spawn_blocking(move || std::thread::sleep(busy));
        let more = tokio::time::timeout(Duration::from_millis(50), consumer.next_batch(1));
        assert!(more.await.is_err(), "there are no more");
        consumer.close().await.unwrap();
        let next = bus.consumer(&group("g", SHORT)).unwrap();
        let at = [TopicPartition {
            topic: Arc::from("t"),
            partition: 0,
        }];
        assert_eq!(next.committed(&at).await.unwrap(), [Some(20)]);
        let failed = |text: &String| text.starts_with("commit");
        assert!(!said.lock().unwrap().iter().any(failed), "{said:?}");
    });
}

#[test]
fn a_retry_winds_back_and_skips_what_is_done() {
    let (_mock, bus) = cluster(1);
    run(async {
        send_all(&bus, 10).await;
        let consumer = bus.consumer(&group("g", &[])).unwrap();
        let all = receive(&consumer, 10).await;
        let tokens: Vec<Token> = all.iter().map(|delivery| delivery.token).collect();
        consumer.settle(&tokens[..3], Settlement::Done);
        consumer.settle(&tokens[5..8], Settlement::Done);
        consumer.settle(&tokens[4..5], Settlement::Retry);
        let again = receive(&consumer, 3).await;
        let ids: Vec<_> = again
            .iter()
            .map(|one| one.event.headers.text("ce_id").unwrap())
            .collect();
        assert_eq!(ids, ["4", "8", "9"]);
    });
}

#[test]
fn a_second_member_takes_over_without_loss() {
    let (_mock, bus) = cluster(4);
    run(async {
        send_all(&bus, 200).await;
        let first = bus.consumer(&group("g", SHORT)).unwrap();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut note = |batch: &[squall_env::Delivery]| {
            seen.extend(
                batch
                    .iter()
                    .filter_map(|one| one.event.headers.text("ce_id").map(str::to_owned)),
            );
            seen.len()
        };
        let batch = receive(&first, 50).await;
        note(&batch);
        let tokens: Vec<Token> = batch.iter().map(|one| one.token).collect();
        first.settle(&tokens, Settlement::Done);
        let second = bus.consumer(&group("g", SHORT)).unwrap();
        first.close().await.unwrap();
        loop {
            let batch = second.next_batch(100).await.unwrap();
            let tokens: Vec<Token> = batch.iter().map(|one| one.token).collect();
            second.settle(&tokens, Settlement::Done);
            if note(&batch) == 200 {
                break;
            }
        }
    });
}

#[test]
fn what_was_refused_for_itself_is_told_from_what_may_be_there() {
    use rdkafka::types::RDKafkaApiKey::Produce;
    let (mock, bus) = cluster(1);
    run(async {
        let quick = ProducerSettings {
            client: settings(&[("message.timeout.ms", "10000")]),
        };
        let producer = bus.producer(&quick).unwrap();
        producer.ready("t").await.unwrap();
        let message = Message {
            topic: "t",
            key: None,
            headers: &Headers::new(),
            payload: b"p",
        };
        let mut outcomes = Vec::new();
        mock.request_errors(Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
        producer.send(message).unwrap();
        producer.completions(&mut outcomes).await;
        assert!(
            matches!(outcomes[0].1, Outcome::NotTaken(_)),
            "{outcomes:?}"
        );
        // What a leader says that has appended it and steps down: librdkafka calls that "not persisted", and so it calls what timed out.
        let stepped_down = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
        mock.request_errors(Produce, &[stepped_down; 10_000]);
        producer.send(message).unwrap();
        producer.completions(&mut outcomes).await;
        assert!(matches!(outcomes[1].1, Outcome::Unknown(_)), "{outcomes:?}");
        let large = Message {
            payload: &vec![0; 2_000_000],
            ..message
        };
        assert_eq!(producer.send(large), Err(SendError::TooLarge));
    });
}

#[test]
fn a_setting_that_nobody_knows_is_named() {
    let (_mock, bus) = cluster(1);
    let wrong = ProducerSettings {
        client: settings(&[("no.such.thing", "1")]),
    };
    let Err(BusError::Settings(why)) = bus.producer(&wrong) else {
        panic!("it was taken");
    };
    assert!(why.contains("no.such.thing"), "{why}");
}

/// Prints what the client side can do; the mock cluster runs in the same process and takes its share of the cores.
/// `cargo test -p squall-bus-kafka --release -- --ignored --nocapture relay_rate`
#[test]
#[ignore = "a measurement"]
fn relay_rate() {
    let (_mock, bus) = cluster(6);
    run(async {
        // The mock keeps no more than 5 MiB a partition.
        let count = 30_000;
        let filling = Instant::now();
        send_all(&bus, count).await;
        println!(
            "sent {:.0}/s",
            f64::from(count) / filling.elapsed().as_secs_f64()
        );
        let consumer = bus.consumer(&group("g", &[])).unwrap();
        consumer.next_batch(1).await.unwrap();
        let start = Instant::now();
        let mut received = 0_u32;
        while received < count - 1 {
            let batch = consumer.next_batch(1000).await.unwrap();
            let tokens: Vec<Token> = batch.iter().map(|one| one.token).collect();
            consumer.settle(&tokens, Settlement::Done);
            received += batch.len() as u32;
        }
        println!(
            "received {:.0}/s",
            f64::from(received) / start.elapsed().as_secs_f64()
        );
    });
}
