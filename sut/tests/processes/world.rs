//! A mock cluster, folders, and services running on threads.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use squall_bus_kafka::KafkaBus;
use squall_env::{
    ClientSettings, Consumer as _, ConsumerSettings, Delivery, Headers, Message, Outcome,
    Producer as _, ProducerSettings,
};
use squall_sut::process::ProcessEnv;
use squall_sut::{Service, ServiceError, Settings, run};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const WITHIN: Duration = Duration::from_secs(60);

pub struct World {
    pub mock: MockCluster<'static, DefaultProducerContext>,
    folder: tempfile::TempDir,
}

pub struct Running {
    pub port: u16,
    stop: watch::Sender<bool>,
    thread: JoinHandle<Result<(), ServiceError>>,
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn bus_of(mock: &MockCluster<'static, DefaultProducerContext>) -> KafkaBus {
    let bootstrap = mock.bootstrap_servers();
    KafkaBus::new(
        &bootstrap,
        "test",
        ClientSettings::default(),
        Arc::new(|_, _| {}),
    )
}

pub fn count_rows(database: &Path, table: &str) -> i64 {
    rusqlite::Connection::open(database)
        .and_then(|connection| {
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
        })
        .unwrap_or(0)
}

pub fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(async { tokio::time::timeout(WITHIN, future).await.unwrap() });
    runtime.shutdown_background();
    result
}

impl World {
    pub fn new() -> Self {
        Self {
            mock: crate::cluster(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn maildir(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("users.db")
    }

    pub fn mails(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.maildir().join("new"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }

    pub fn settings(&self, service: Service) -> Settings {
        let mut settings = Settings::new(service, &self.mock.bootstrap_servers());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        if service == Service::Producer {
            settings.port = port;
        } else {
            settings.metrics_port = Some(port);
        }
        settings.maildir = self.maildir().to_str().map(str::to_owned);
        settings.sqlite_path = self.database().to_str().map(str::to_owned);
        settings
    }

    pub fn start(&self, service: Service) -> Running {
        self.start_with(self.settings(service))
    }

    pub fn start_with(&self, settings: Settings) -> Running {
        let (stop, stopped) = watch::channel(false);
        let port = settings.metrics_port.unwrap_or(settings.port);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let local = tokio::task::LocalSet::new();
            let service = settings.service;
            let result = local.block_on(&runtime, async {
                let env = ProcessEnv::open(settings.clone(), stopped).await?;
                run(&env, service, &settings).await
            });
            drop(local);
            runtime.shutdown_timeout(Duration::from_millis(200));
            result
        });
        Running { port, stop, thread }
    }

    pub fn send(&self, topic: &str, headers: &[(&str, &str)], payload: &[u8]) {
        let headers: Headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        self.send_all(topic, 1, |_| (headers.clone(), payload.to_vec()));
    }

    pub fn fill(&self, topic: &str, count: u32) {
        self.send_all(topic, count, |number| {
            let mut headers = Headers::new();
            headers.push("ce_id", format!("7-0-{number}").as_bytes());
            (headers, vec![b'x'; 100])
        });
    }

    pub fn fill_signups(&self, count: u32) {
        self.send_all("signups", count, |number| {
            let mut headers = Headers::new();
            headers.push("ce_id", format!("7-0-{number}").as_bytes());
            headers.push("ce_type", b"user_signup");
            let data = format!(r#"{{"user":"u{number}","email":"u{number}@squall.test"}}"#);
            (headers, data.into_bytes())
        });
    }

    fn send_all(&self, topic: &str, count: u32, make: impl Fn(u32) -> (Headers, Vec<u8>)) {
        on_runtime(async {
            let producer = bus_of(&self.mock)
                .producer(&ProducerSettings::default())
                .unwrap();
            let mut outcomes = Vec::new();
            for number in 0..count {
                let (headers, payload) = make(number);
                let key = number.to_string();
                while producer
                    .send(Message {
                        topic,
                        key: Some(key.as_bytes()),
                        headers: &headers,
                        payload: &payload,
                    })
                    .is_err()
                {
                    producer.completions(&mut outcomes).await;
                }
            }
            while producer.in_flight() > 0 {
                producer.completions(&mut outcomes).await;
            }
            let acknowledged = |outcome: &Outcome| matches!(outcome, Outcome::Acknowledged(_));
            assert!(outcomes.iter().all(|(_, outcome)| acknowledged(outcome)));
        });
    }

    pub fn receive(&self, topic: &str, count: usize) -> Vec<Delivery> {
        on_runtime(async {
            let settings = ConsumerSettings {
                group: "reader".to_owned(),
                topics: vec![topic.to_owned()],
                client: ClientSettings::default(),
            };
            let consumer = bus_of(&self.mock).consumer(&settings).unwrap();
            let mut all = Vec::new();
            while all.len() < count {
                all.extend(consumer.next_batch(1000).await.unwrap());
            }
            all
        })
    }
}

impl Running {
    pub fn wait_until_ready(&self) {
        wait_until("readiness", || {
            TcpStream::connect(("127.0.0.1", self.port))
                .is_ok_and(|stream| Http::over(stream).get("/ready").0 == 200)
        });
    }

    pub fn stop(self) {
        self.stop.send_replace(true);
        self.thread.join().unwrap().unwrap();
    }
}

/// As much HTTP/1.1 as the tests need, on one connection.
pub struct Http {
    stream: BufReader<TcpStream>,
}

impl Http {
    pub fn connect(port: u16) -> Self {
        Self::over(TcpStream::connect(("127.0.0.1", port)).unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub fn get(&mut self, path: &str) -> (u16, String) {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        self.ask("POST", path, headers, body)
    }

    fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        // A server that refuses a large body may stop reading it.
        let _ = self.stream.get_mut().write_all(&request);
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).unwrap();
        (status, String::from_utf8(text).unwrap())
    }
}
