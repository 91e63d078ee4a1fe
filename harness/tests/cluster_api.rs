//! `squall serve kafka --api`, by the real binary and plain HTTP.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Served {
    child: Child,
    bootstrap: String,
    api: String,
}

impl Served {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(["serve", "kafka", "--port", "0", "--api", "127.0.0.1:0"])
            .args(["--broker", "broker.session.timeout.ms=3000"])
            .args(["--broker", "broker.heartbeat.interval.ms=200"])
            .args(["--broker", "offsets.topic.num.partitions=1"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let bootstrap = lines.next().unwrap().unwrap();
        let api = lines.next().unwrap().unwrap();
        let api = api.strip_prefix("http://").unwrap().to_owned();
        Self {
            child,
            bootstrap,
            api,
        }
    }

    fn call(&self, method: &str, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.api).unwrap();
        let host = &self.api;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, serde_json::from_str(body).unwrap())
    }

    fn post(&self, path: &str) -> Value {
        let (status, body) = self.call("POST", path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn broker(&self, id: i64) -> Value {
        let brokers = self.call("GET", "/brokers").1;
        let brokers = brokers.as_array().unwrap().iter();
        brokers
            .clone()
            .find(|broker| broker["id"] == id)
            .unwrap()
            .clone()
    }

    fn partition(&self) -> Value {
        let partitions = self.call("GET", "/partitions").1;
        let found = partitions.as_array().unwrap().iter();
        found
            .clone()
            .find(|p| p["topic"] == "orders")
            .cloned()
            .unwrap_or_default()
    }

    fn wait(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let partition = self.partition();
            if condition(&partition) {
                return partition;
            }
            assert!(Instant::now() < deadline, "never {what}: {partition}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A topic of one partition with three replicas.
    fn make_topic(&self) {
        use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
        use rdkafka::client::DefaultClientContext;
        let admin: AdminClient<DefaultClientContext> = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .create()
            .unwrap();
        let topic = NewTopic::new("orders", 1, TopicReplication::Fixed(3));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()));
        assert!(made.unwrap()[0].is_ok());
        self.wait("three in sync", |p| {
            p["isr"].as_array().is_some_and(|isr| isr.len() == 3)
        });
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn brokers_are_listed_killed_isolated_and_healed_by_number_and_role() {
    let served = Served::start();
    let (status, brokers) = served.call("GET", "/brokers");
    assert_eq!((status, brokers.as_array().unwrap().len()), (200, 3));
    let addresses: Vec<&str> = served.bootstrap.split(',').collect();
    assert_eq!(brokers[1]["address"], addresses[1]);
    served.make_topic();

    let leader = served.partition()["leader"].as_i64().unwrap();
    let killed = served.post("/brokers/leader(orders/0)/kill");
    assert_eq!(
        killed,
        serde_json::json!({ "broker": leader, "action": "kill" })
    );
    assert_eq!(served.broker(leader)["running"], false);
    let moved = served.wait("another leader", |p| {
        p["leader"].is_i64() && p["leader"] != leader
    });
    assert!(moved["epoch"].as_i64().unwrap() > 0, "{moved}");
    assert_eq!(
        served.call("POST", &format!("/brokers/{leader}/kill")).0,
        409
    );
    served.post(&format!("/brokers/{leader}/restart"));
    assert_eq!(
        served.call("POST", &format!("/brokers/{leader}/restart")).0,
        409
    );
    served.wait("three in sync", |p| {
        p["isr"].as_array().is_some_and(|isr| isr.len() == 3) && p["leader"].is_i64()
    });

    // Cut off from the others and from the controller, which lets another lead; clients still reach it.
    let second = served.post("/brokers/leader%28orders%2F0%29/isolate")["broker"]
        .as_i64()
        .unwrap();
    assert_eq!(served.broker(second)["isolated"], true);
    let (status, twice) = served.call("POST", &format!("/brokers/{second}/isolate"));
    assert_eq!(status, 409);
    assert_eq!(twice["fix"], "let it rejoin first");
    served.wait("a leader that is not cut off", |p| {
        p["leader"].is_i64() && p["leader"] != second
    });
    assert_eq!(served.broker(second)["running"], true);

    let healed = served.post("/heal");
    assert_eq!(
        healed,
        serde_json::json!({ "resumed": [], "restarted": [], "rejoined": [second] })
    );
    served.wait("three in sync again", |p| {
        p["isr"].as_array().is_some_and(|isr| isr.len() == 3) && p["leader"].is_i64()
    });
    assert_eq!(served.broker(second)["isolated"], false);

    // It keeps its port and says nothing; the controller lets another lead.
    let third = served.post("/brokers/leader(orders/0)/pause")["broker"]
        .as_i64()
        .unwrap();
    assert_eq!(served.broker(third)["paused"], true);
    let pause = format!("/brokers/{third}/pause");
    assert_eq!(served.call("POST", &pause).0, 409);
    served.wait("a leader that is awake", |p| {
        p["leader"].is_i64() && p["leader"] != third
    });
    served.post(&format!("/brokers/{third}/resume"));
    assert_eq!(served.broker(third)["paused"], false);
    served.wait("a leader to pause", |p| p["leader"].is_i64());
    let fourth = served.post("/brokers/leader(orders/0)/pause")["broker"].clone();
    assert_eq!(served.post("/heal")["resumed"], serde_json::json!([fourth]));
}

#[test]
fn what_cannot_be_done_says_why_and_what_to_do() {
    let served = Served::start();
    for (method, path, status, error) in [
        ("POST", "/brokers/9/kill", 404, "there is no broker 9"),
        (
            "POST",
            "/brokers/leader(none/0)/kill",
            404,
            "there is no partition none/0",
        ),
        ("POST", "/brokers/1/resume", 409, "broker 1 is not paused"),
        ("POST", "/brokers/1/rejoin", 409, "broker 1 is not isolated"),
        ("POST", "/brokers/one/kill", 400, "`one` is no broker"),
        ("GET", "/brokers/1/kill", 405, "takes POST, not GET"),
        ("GET", "/topics", 404, "there is nothing at /topics"),
    ] {
        let (found, body) = served.call(method, path);
        assert_eq!(found, status, "{method} {path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(error), "{body}");
        assert!(!body["fix"].as_str().unwrap().is_empty(), "{body}");
    }
}

#[test]
fn an_api_that_others_would_reach_is_refused() {
    let refused = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["serve", "kafka", "--port", "0", "--api", "0.0.0.0:0"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("where others reach it too"));
}
