//! The same server for systems that post their effects: each request is filed, durable before the answer says 201.

use super::moods::Turn;
use super::{Posts, Shared};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use squall_plan::system::IdPlace;
use std::convert::Infallible;
use std::io;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

/// A larger body is answered 413.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Until the client goes.
pub(super) fn converse(stream: TcpStream, shared: &Shared, posts: &Posts) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let answer = |request| async move {
            let status = take(request, shared, posts).await;
            let mut answer = Response::new(Full::<Bytes>::default());
            *answer.status_mut() = status;
            Ok::<_, Infallible>(answer)
        };
        let served =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        served.await.map_err(io::Error::other)
    })
}

async fn take(request: Request<Incoming>, shared: &Shared, posts: &Posts) -> StatusCode {
    if request.uri().path() != posts.path {
        return StatusCode::NOT_FOUND;
    }
    if !matches!(*request.method(), Method::POST | Method::PUT) {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    if shared.ended.load(Ordering::Acquire) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match shared.moods.turn() {
        Turn::Take => {}
        Turn::TakeLater(by) => tokio::time::sleep(by).await,
        Turn::Refuse => return StatusCode::SERVICE_UNAVAILABLE,
    }
    let content = content(&head.headers, &body.to_bytes(), &posts.id);
    match shared.maildir.file(&content) {
        Ok(()) => {
            shared.moods.filed();
            StatusCode::CREATED
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What the tap reads the id from: the headers, a blank line and the body, or the body alone.
fn content(headers: &HeaderMap, body: &[u8], id: &IdPlace) -> Vec<u8> {
    let mut content = Vec::new();
    if matches!(id, IdPlace::Header(_)) {
        for (name, value) in headers {
            content.extend_from_slice(name.as_str().as_bytes());
            content.extend_from_slice(b": ");
            content.extend_from_slice(value.as_bytes());
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(b"\r\n");
    }
    content.extend_from_slice(body);
    content
}
