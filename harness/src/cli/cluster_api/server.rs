//! HTTP on a port of its own.

use super::Controlled;
use super::route::{ApiError, Call, route};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// The API, until it is dropped.
pub struct ApiServer {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ApiServer {
    /// Serves `cluster` at a port that listens already.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(listener: TcpListener, cluster: Controlled) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let cluster = Arc::new(cluster);
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, cluster) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("cluster-api".to_owned());
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread.spawn(serve)?),
        })
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

async fn accept(listener: TcpListener, cluster: Arc<Controlled>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("the cluster's API cannot listen: {error}"),
    };
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let _ = socket.set_nodelay(true);
                tokio::spawn(connection(socket, Arc::clone(&cluster)));
            }
            // Out of file descriptors, most likely: others have to go first.
            Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
        }
    }
}

async fn connection(socket: tokio::net::TcpStream, cluster: Arc<Controlled>) {
    let service = service_fn(move |request| {
        let cluster = Arc::clone(&cluster);
        async move { Ok::<_, Infallible>(respond(&request, cluster).await) }
    });
    // A client that goes away needs no answer.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn respond(request: &Request<Incoming>, cluster: Arc<Controlled>) -> Response<Full<Bytes>> {
    let call = route(request.method().as_str(), request.uri().path());
    let answer = match call {
        // The cluster may take its time, and others must not wait for it.
        Ok(call) => tokio::task::spawn_blocking(move || carry_out(&call, &cluster)).await,
        Err(error) => Ok(Err(error)),
    };
    match answer {
        Ok(Ok(value)) => json(200, &value),
        Ok(Err(error)) => json(error.status, &error.body()),
        Err(_) => json(500, &serde_json::json!({ "error": "a defect in Squall" })),
    }
}

fn carry_out(call: &Call, cluster: &Controlled) -> Result<Value, ApiError> {
    match call {
        Call::Brokers => cluster.brokers(),
        Call::Partitions => cluster.partitions(),
        Call::Act(which, action) => cluster.act(which, *action),
        Call::Heal => cluster.heal(),
    }
}

fn json(status: u16, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{value}\n"))));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
