//! Toxiproxy's HTTP API (2.12) over the engine: same paths, status codes, fields and error texts, so that its clients drive it.
//!
//! `decode` reads bodies as Go's `encoding/json` would, `encode` writes them, `route` carries calls out, `metrics` is `/metrics`.

mod decode;
mod encode;
mod metrics;
mod route;

pub use encode::toxic as toxic_body;
pub use route::{Answer, Call, answer};

use crate::engine::{Engine, ProxyConfig};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The version whose API is served.
pub const TOXIPROXY_VERSION: &str = "2.12.0";

const BODY_BYTES_MAX: usize = 4 << 20;
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// Reads Toxiproxy's configuration file: what `POST /populate` takes.
///
/// # Errors
/// What is wrong with it, in Toxiproxy's words.
pub fn read_config(text: &[u8]) -> Result<Vec<ProxyConfig>, String> {
    decode::populate(text).map_err(|error| {
        // Here it is a file and no body.
        let text = error.message.strip_prefix("bad request body: ");
        text.unwrap_or(&error.message).to_owned()
    })
}

/// The API on a port of its own, until it is dropped.
pub struct ApiServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ApiServer {
    /// Serves `engine` at `address`.
    ///
    /// # Errors
    /// When the port cannot be had, or the system gives no thread.
    pub fn start(engine: Engine, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("proxy-api".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, engine) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been printed by the thread itself.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, engine: Engine) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("the proxy's API cannot listen: {error}"),
    };
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let _ = socket.set_nodelay(true);
                tokio::spawn(connection(socket, engine.clone()));
            }
            // Out of file descriptors, most likely: others have to go first.
            Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
        }
    }
}

async fn connection(socket: tokio::net::TcpStream, engine: Engine) {
    let service = service_fn(move |request| {
        let engine = engine.clone();
        async move { Ok::<_, Infallible>(respond(request, &engine).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(socket), service);
    // A client that goes away needs no answer.
    let _ = serving.await;
}

async fn respond(request: Request<Incoming>, engine: &Engine) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let answer = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => {
            let agent = head.headers.get(USER_AGENT);
            answer(
                engine,
                &Call {
                    method: head.method.as_str(),
                    path: head.uri.path(),
                    user_agent: agent.and_then(|a| a.to_str().ok()).unwrap_or(""),
                    body: &body.to_bytes(),
                },
            )
        }
        Err(error) => Answer::error(400, &format!("bad request body: {error}")),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(kind) = answer.content_type {
        let kind = HeaderValue::from_static(kind);
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}
