//! Each reference service as a process of its own, asked by hand, with `squall serve kafka` for its brokers.
#![allow(clippy::unwrap_used)]

mod end_to_end_support;

use end_to_end_support::eventually;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const SIGN_UP: &str =
    r#"{"type": "user_signup", "data": {"user": "jo", "email": "jo@squall.test"}}"#;

/// A process that is ended with its test, with what it says in a file.
struct Running {
    child: Child,
    log: tempfile::NamedTempFile,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(arguments: &[&str], environment: &[(&str, &str)], port: u16) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(log.reopen().unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, log, port }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn get(&self, path: &str) -> (u16, String) {
        ask(self.port, "GET", path, &[], "")
    }

    fn post(&self, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        ask(self.port, "POST", "/event", headers, body)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// One request on a connection of its own; status 0 when nobody listens or the line breaks. The text has the headers too.
fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return (0, String::new());
    };
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    // A server that refuses a large body may stop reading it.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), answer)
}

/// Brokers, and where they are.
fn brokers() -> (Running, String) {
    let running = Running::start(&["serve", "kafka", "--brokers", "1", "--port", "0"], &[], 0);
    eventually("the brokers", || running.said().contains('\n'));
    let said = running.said();
    let bootstrap = said.lines().next().unwrap().trim().to_owned();
    (running, bootstrap)
}

fn service(name: &str, bootstrap: &str, folder: &Path, more: &[(&str, &str)]) -> Running {
    let (port, maildir) = (free_port(), folder.join("mail"));
    let (port_text, database) = (port.to_string(), folder.join("users.db"));
    let mut environment = vec![
        ("KAFKA_BOOTSTRAP", bootstrap),
        ("PORT", port_text.as_str()),
        ("MAILDIR", maildir.to_str().unwrap()),
        ("SQLITE_PATH", database.to_str().unwrap()),
    ];
    environment.extend(more);
    let running = Running::start(&["service", name], &environment, port);
    eventually(name, || running.get("/ready").0 == 200);
    running
}

/// The value of a series of `/metrics`.
fn metric(running: &Running, series: &str) -> f64 {
    let (_, text) = running.get("/metrics");
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn one_trace_leads_through_all_services_and_each_of_them_tells_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (_brokers, bootstrap) = brokers();
    let all = ["producer", "consumer-email", "consumer-db"];
    let [producer, email, db] = all.map(|name| service(name, &bootstrap, folder.path(), &[]));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("ce-id", "e-1"), ("traceparent", traceparent.as_str())];
    let (status, answer) = producer.post(&headers, SIGN_UP);
    assert_eq!(status, 201, "{answer}");
    let order =
        r#"{"type": "order_placed", "data": {"user": "jo", "order": "7", "total_cents": 1}}"#;
    assert_eq!(producer.post(&[("ce-id", "e-2")], order).0, 201);
    for running in [&producer, &email, &db] {
        eventually("a line about the event", || running.said().contains("e-1"));
        let said = running.said();
        let line = said.lines().find(|line| line.contains("e-1")).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["event_id"], "e-1", "{line}");
        let followed = line["traceparent"].as_str().unwrap();
        assert!(followed.contains(trace), "{line}");
    }
    eventually("the other type", || {
        metric(&email, "signup_events_total{outcome=\"ignored\"}") == 1.0
            && metric(&db, "signup_events_total{outcome=\"handled\"}") == 2.0
    });
    for running in [&producer, &email, &db] {
        let (_, text) = running.get("/metrics");
        assert!(text.contains("content-type: text/plain; version=0.0.4"));
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap();
                let help = format!("# HELP {name} ");
                assert!(lines[at - 1].starts_with(&help), "{name} has no help");
            }
        }
        assert!(text.contains("\nprocess_start_time_seconds 1"), "{text}");
    }
}

#[test]
fn what_is_at_fault_in_a_request_is_told_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (_brokers, bootstrap) = brokers();
    let producer = service("producer", &bootstrap, folder.path(), &[]);
    let json = ("content-type", "application/json");
    let large = " ".repeat((1 << 20) + 1);
    for (headers, body, status, why) in [
        (
            vec![json],
            "{\"type\":",
            400,
            "not JSON: EOF while parsing a value at line 1 column 8",
        ),
        (vec![json], "[]", 422, "it is not an object"),
        (vec![json], r#"{"data": {}}"#, 422, r#""pointer":"/type""#),
        (
            vec![json],
            r#"{"type": "user_signup"}"#,
            422,
            r#""pointer":"/data""#,
        ),
        (
            vec![json],
            r#"{"type": "user_left", "data": {}}"#,
            422,
            "order_placed and user_signup",
        ),
        (
            vec![("content-type", "text/plain")],
            SIGN_UP,
            415,
            "application/json is",
        ),
        (vec![json, ("ce-id", "a b")], SIGN_UP, 400, "visible ASCII"),
        (vec![json], &large, 413, "1048576 bytes"),
    ] {
        let (got, answer) = producer.post(&headers, body);
        assert_eq!(got, status, "{answer}");
        assert!(answer.contains(why), "{why} is missing in {answer}");
    }
    assert_eq!(ask(producer.port, "POST", "/events", &[], SIGN_UP).0, 404);
    let (status, answer) = ask(producer.port, "PUT", "/event", &[], SIGN_UP);
    assert!(status == 405 && answer.contains("allow: POST"), "{answer}");
    assert_eq!(
        metric(&producer, "http_responses_total{status=\"413\"}"),
        1.0
    );
    assert_eq!(
        metric(&producer, "http_responses_total{status=\"422\"}"),
        4.0
    );
    assert_eq!(
        metric(&producer, "signup_requests_total{outcome=\"accepted\"}"),
        0.0
    );
}

#[test]
fn a_request_in_flight_is_answered_before_the_producer_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (brokers, bootstrap) = brokers();
    let mut producer = service("producer", &bootstrap, folder.path(), &[]);
    assert_eq!(producer.post(&[], SIGN_UP).0, 201);
    brokers.signal(Signal::STOP);
    let port = producer.port;
    let caller = std::thread::spawn(move || ask(port, "POST", "/event", &[], SIGN_UP));
    eventually("a request in flight", || {
        metric(&producer, "signup_requests_in_flight") == 1.0
    });
    producer.signal(Signal::TERM);
    eventually("a closed door", || producer.get("/ready").0 == 0);
    brokers.signal(Signal::CONT);
    let (status, answer) = caller.join().unwrap();
    assert_eq!(status, 201, "{answer}");
    assert!(producer.child.wait().unwrap().success());
}

#[test]
fn without_brokers_an_event_is_in_doubt_and_the_log_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let (brokers, bootstrap) = brokers();
    let soon = [("ACK_TIMEOUT_MS", "3500")];
    let producer = service("producer", &bootstrap, folder.path(), &soon);
    let gone = Instant::now();
    drop(brokers);
    let (status, answer) = producer.post(&[], SIGN_UP);
    assert_eq!(status, 503, "{answer}");
    assert!(!answer.contains("x-not-taken"), "{answer}");
    let said = producer.said();
    let complaints = said.matches("AllBrokersDown").count();
    // One a second, for as long as this took.
    let seconds = usize::try_from(gone.elapsed().as_secs()).unwrap();
    assert!((1..=seconds + 1).contains(&complaints), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for variable in ["PORT", "METRICS_PORT"] {
        let output = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(["service", "producer"])
            .env("KAFKA_BOOTSTRAP", "127.0.0.1:1")
            .env("PORT", free_port().to_string())
            .env(variable, &port)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4));
        let why = format!("port {port} of 127.0.0.1 is taken by another program");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(&why) && text.contains(variable), "{text}");
    }
}

#[test]
fn all_that_is_wrong_with_the_variables_is_told_at_once() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["service", "consumer-email"])
        .env_remove("KAFKA_BOOTSTRAP")
        .env("SMTP_URL", "mail")
        .env("BATCH_MAX", "many")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let text: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{text:?}");
    for name in ["KAFKA_BOOTSTRAP", "SMTP_URL=mail", "BATCH_MAX=many"] {
        let told = text.iter().filter(|line| line.contains(name)).count();
        assert_eq!(told, 1, "{name} in {text:?}");
    }
}
