//! The metrics of a run: an endpoint for Prometheus to scrape, and a push to a Pushgateway for runs that end before anyone
//! scrapes them.

use super::live::SharedFeed;
use super::targets::Targets;
use crate::exit::Failure;
use squall_dashboard::{CONTENT_TYPE, metrics};
use squall_render::Report;
use squall_render::report::Verdict;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a scraper may take to ask or to listen.
const PATIENCE: Duration = Duration::from_secs(5);
/// Lines of a request's head at most.
const HEAD_LINES_MAX: usize = 100;

/// What the endpoint tells.
pub struct Told {
    pub feed: SharedFeed,
    pub began: Instant,
    pub targets: Targets,
}

/// The endpoint; dropping it closes it.
pub struct Endpoint {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Serves `GET /metrics` and `GET /targets` on an address.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn serve(address: SocketAddr, told: Told) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::environment(format!("cannot serve metrics on {address}: {error}"))
                .hint("choose a free port with --metrics 127.0.0.1:PORT")
        };
        let listener = TcpListener::bind(address).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let serve = move || {
            for stream in listener.incoming() {
                if seen.load(Relaxed) {
                    return;
                }
                // A scraper that goes away is its own concern.
                let _ = stream.and_then(|stream| answer(&stream, &told));
            }
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(serve).map_err(cannot)?;
        Ok(Self {
            address,
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        // Wakes the thread out of its wait for a connection.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// The metrics as they are now.
pub fn text(feed: &SharedFeed, began: Instant) -> String {
    let now = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let board = {
        let mut feed = feed.lock();
        feed.set_now(now);
        feed.board().clone()
    };
    metrics(&board)
}

fn answer(stream: &TcpStream, told: &Told) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.take(16 << 10)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.take(HEAD_LINES_MAX) {
        if line?.is_empty() {
            break;
        }
    }
    let path = request
        .strip_prefix("GET ")
        .and_then(|rest| rest.split([' ', '?']).next());
    let (status, kind, body) = match path {
        Some("/metrics") => ("200 OK", CONTENT_TYPE, text(&told.feed, told.began)),
        Some("/targets") => ("200 OK", "application/json", told.targets.json()),
        Some(_) => (
            "404 Not Found",
            "text/plain",
            "see /metrics and /targets\n".to_owned(),
        ),
        None => (
            "405 Method Not Allowed",
            "text/plain",
            "GET only\n".to_owned(),
        ),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut to = stream;
    to.write_all(head.as_bytes())?;
    to.write_all(body.as_bytes())
}

/// Where a run's last metrics are pushed: a Pushgateway, `http://HOST:PORT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gateway {
    address: String,
}

impl std::str::FromStr for Gateway {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text
            .strip_prefix("http://")
            .unwrap_or(text)
            .trim_end_matches('/');
        let port = address
            .rsplit_once(':')
            .map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) if !address.contains(['/', ' ', '\r', '\n']) => Ok(Self {
                address: address.to_owned(),
            }),
            _ => Err("write http://HOST:PORT, as in http://127.0.0.1:9091".to_owned()),
        }
    }
}

/// What only the end of a run can tell.
#[must_use]
pub fn of_verdict(report: &Report) -> String {
    let mut text = "# HELP squall_run_verdict Whether the run came to this verdict.\n# TYPE squall_run_verdict gauge\n".to_owned();
    for verdict in [Verdict::Held, Verdict::Violated, Verdict::Inconclusive] {
        let name = verdict.shout().to_lowercase();
        let value = u8::from(report.verdict == verdict);
        let _ = writeln!(text, "squall_run_verdict{{verdict=\"{name}\"}} {value}");
    }
    text
}

/// Replaces what the gateway has of this scenario and variant (a PUT to `/metrics/job/squall/scenario/.../variant/...`).
///
/// # Errors
/// When the gateway cannot be reached or refuses.
pub fn push(
    gateway: &Gateway,
    scenario: &str,
    variant: Option<&str>,
    body: &str,
) -> Result<(), Failure> {
    let cannot = |why: String| {
        Failure::environment(format!("cannot push metrics to {}: {why}", gateway.address))
    };
    let variant = variant.map_or_else(String::new, |name| format!("/variant/{}", segment(name)));
    let request = format!(
        "PUT /metrics/job/squall/scenario/{}{variant} HTTP/1.1\r\nHost: {}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        segment(scenario),
        gateway.address,
        body.len(),
    );
    let send = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&gateway.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream.take(4 << 10)).read_line(&mut answer)?;
        Ok(answer)
    };
    let answer = send().map_err(|error| cannot(error.to_string()))?;
    match answer.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(cannot(format!("it answered `{}`", answer.trim()))),
    }
}

/// One segment of a path.
fn segment(text: &str) -> String {
    let safe = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.' => c,
        _ => '_',
    };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        let plan = include_str!("../../../dashboard/tests/plan.json");
        let plan = serde_json::from_str(plan).unwrap();
        Told {
            feed: SharedFeed::new(&plan),
            began: Instant::now(),
            targets: Targets::of(&plan),
        }
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn an_endpoint_answers_scrapers_and_goes_away() {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::serve(loopback, told()).unwrap();
        let address = endpoint.address;
        let answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("squall_run_info{scenario=\"partition-loss\""));
        let none_yet = ask(address, "GET /targets HTTP/1.1\r\n\r\n");
        assert!(none_yet.contains("application/json") && none_yet.ends_with("\r\n[]"));
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        drop(endpoint);
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn a_push_is_a_put_of_the_whole_text_and_a_refusal_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gateway: Gateway = format!("http://{}/", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let serve = std::thread::spawn(move || {
            ["200 OK", "400 Bad Request"].map(|status| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") {
                    reader.read_line(&mut head).unwrap();
                }
                let length = head.split("Content-Length: ").nth(1).unwrap();
                let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                stream
                    .write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
                    .unwrap();
                (head, String::from_utf8(body).unwrap())
            })
        });
        let Told { feed, began, .. } = told();
        push(&gateway, "a/b c", Some("d"), &text(&feed, began)).unwrap();
        assert!(push(&gateway, "a", None, "").is_err());
        let [(head, body), _] = serve.join().unwrap();
        assert!(
            head.starts_with("PUT /metrics/job/squall/scenario/a_b_c/variant/d HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(body.contains("squall_events_offered_total 0") && body.ends_with('\n'));
        assert!("gateway".parse::<Gateway>().is_err());
    }
}
