//! The HTTP server: `/health`, `/ready` and `/metrics` for all services, everything else to the handler, if there is one.

use super::metrics::{self, Metrics};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming as Body;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_env::{Incoming, Ingress, IngressError, IngressSettings, Request, Responder, Response};
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};

const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

type Answer = hyper::Response<Full<Bytes>>;

/// What is told about the service.
pub(super) struct State {
    pub(super) ready: Cell<bool>,
    pub(super) metrics: Metrics,
}

/// The way from connections to the handler.
pub(super) struct Desk {
    /// `None` after the close.
    requests: RefCell<Option<mpsc::UnboundedSender<Incoming<HttpResponder>>>>,
    body_bytes_max: usize,
    room: Semaphore,
    closed: watch::Sender<bool>,
    connections: watch::Sender<usize>,
}

pub struct HttpIngress {
    desk: Rc<Desk>,
    requests: Mutex<mpsc::UnboundedReceiver<Incoming<HttpResponder>>>,
}

#[derive(Debug)]
pub struct HttpResponder(oneshot::Sender<Response>);

/// The handler let go of a request: the connection is broken off.
#[derive(Debug, thiserror::Error)]
#[error("the request was let go of")]
struct LetGo;

impl Responder for HttpResponder {
    fn respond(self, response: Response) {
        // The caller may be gone.
        let _ = self.0.send(response);
    }
}

impl HttpIngress {
    pub(super) async fn open(
        host: &str,
        port: u16,
        state: Rc<State>,
        settings: &IngressSettings,
    ) -> Result<Self, IngressError> {
        let (sender, requests) = mpsc::unbounded_channel();
        let desk = Rc::new(Desk {
            requests: RefCell::new(Some(sender)),
            body_bytes_max: settings.body_bytes_max,
            room: Semaphore::new(settings.in_flight_max),
            closed: watch::channel(false).0,
            connections: watch::channel(0).0,
        });
        serve(host, port, state, Some(Rc::clone(&desk))).await?;
        Ok(Self {
            desk,
            requests: Mutex::new(requests),
        })
    }
}

impl Ingress for HttpIngress {
    type Responder = HttpResponder;

    async fn accept(&self, max: usize, into: &mut Vec<Incoming<HttpResponder>>) -> bool {
        self.requests.lock().await.recv_many(into, max).await > 0
    }

    fn close(&self) {
        self.desk.requests.borrow_mut().take();
        self.desk.closed.send_replace(true);
    }

    async fn drained(&self) {
        let mut connections = self.desk.connections.subscribe();
        let _ = connections.wait_for(|count| *count == 0).await;
    }
}

/// Listens and serves from here on.
pub(super) async fn serve(
    host: &str,
    port: u16,
    state: Rc<State>,
    desk: Option<Rc<Desk>>,
) -> Result<(), IngressError> {
    let listener = TcpListener::bind((host, port))
        .await
        .map_err(|error| refused(host, port, &error))?;
    tokio::task::spawn_local(async move {
        let mut closed = match &desk {
            Some(desk) => desk.closed.subscribe(),
            None => watch::channel(false).1,
        };
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = turned(&mut closed) => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (state, desk) = (Rc::clone(&state), desk.clone());
                    tokio::task::spawn_local(connection(stream, state, desk));
                }
                // Out of file descriptors, most likely: others have to go first.
                Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
            }
        }
    });
    Ok(())
}

fn refused(host: &str, port: u16, error: &std::io::Error) -> IngressError {
    IngressError(match error.kind() {
        ErrorKind::AddrInUse => format!("port {port} of {host} is taken by another program"),
        ErrorKind::PermissionDenied => format!("port {port} of {host} is not for this user"),
        _ => format!("{host}:{port}: {error}"),
    })
}

/// Ends when the switch is on; never when nobody can turn it on any more.
async fn turned(switch: &mut watch::Receiver<bool>) {
    if switch.wait_for(|on| *on).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn connection(stream: TcpStream, state: Rc<State>, desk: Option<Rc<Desk>>) {
    let _ = stream.set_nodelay(true);
    let mut closed = match &desk {
        Some(desk) => {
            desk.connections.send_modify(|count| *count += 1);
            desk.closed.subscribe()
        }
        None => watch::channel(false).1,
    };
    let served = desk.clone();
    let service = service_fn(move |request| {
        let (state, desk) = (Rc::clone(&state), served.clone());
        async move { answer(request, &state, desk.as_deref()).await }
    });
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        _ = serving.as_mut() => {}
        () = turned(&mut closed) => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
    if let Some(desk) = desk {
        desk.connections.send_modify(|count| *count -= 1);
    }
}

async fn answer(
    request: hyper::Request<Body>,
    state: &State,
    desk: Option<&Desk>,
) -> Result<Answer, LetGo> {
    match request.uri().path() {
        "/health" => Ok(plain(200, "alive\n")),
        "/ready" if state.ready.get() => Ok(plain(200, "ready\n")),
        "/ready" => Ok(plain(503, "not ready\n")),
        "/metrics" => Ok(text(200, state.metrics.text(), metrics::CONTENT_TYPE)),
        _ => match desk {
            Some(desk) => {
                let answer = desk.hand_over(request).await?;
                let status = answer.status();
                let labels = [("status", status.as_str())];
                state.metrics.count(metrics::RESPONSES, &labels, 1);
                Ok(answer)
            }
            None => Ok(plain(404, "there are /health, /ready and /metrics\n")),
        },
    }
}

impl Desk {
    async fn hand_over(&self, request: hyper::Request<Body>) -> Result<Answer, LetGo> {
        let Ok(_room) = self.room.acquire().await else {
            return Err(LetGo);
        };
        let (head, body) = request.into_parts();
        let limited = Limited::new(body, self.body_bytes_max).collect();
        let body = match tokio::time::timeout(BODY_TIMEOUT, limited).await {
            Ok(Ok(body)) => body.to_bytes().to_vec(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let most = self.body_bytes_max;
                return Ok(json(413, &format!("a body has at most {most} bytes")));
            }
            Ok(Err(_)) => return Err(LetGo),
            Err(_) => return Ok(json(408, "the body has not come in time")),
        };
        let request = Request {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            headers: head
                .headers
                .iter()
                .filter_map(|(name, value)| {
                    let value = value.to_str().ok()?;
                    Some((name.as_str().to_owned(), value.to_owned()))
                })
                .collect(),
            body,
        };
        let (sender, response) = oneshot::channel();
        let responder = HttpResponder(sender);
        let handed = match &*self.requests.borrow() {
            Some(requests) => requests.send(Incoming { request, responder }).is_ok(),
            None => false,
        };
        if !handed {
            let mut answer = json(503, "the service is stopping; the event was not taken");
            let not_taken = HeaderName::from_static("x-not-taken");
            answer
                .headers_mut()
                .insert(not_taken, HeaderValue::from_static("1"));
            return Ok(answer);
        }
        response.await.map(to_hyper).map_err(|_| LetGo)
    }
}

fn plain(status: u16, what: &str) -> Answer {
    text(status, what.to_owned(), "text/plain; charset=utf-8")
}

fn text(status: u16, text: String, kind: &'static str) -> Answer {
    let mut answer = with_status(status, text.into_bytes());
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn json(status: u16, error: &str) -> Answer {
    let body = serde_json::json!({ "error": error }).to_string();
    text(status, body, "application/json")
}

fn to_hyper(response: Response) -> Answer {
    let mut answer = with_status(response.status, response.body);
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

fn with_status(status: u16, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from(body)));
    *answer.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    answer
}
