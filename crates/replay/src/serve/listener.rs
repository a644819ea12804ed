//! HTTP/1.1 on a runtime of its own, which turns while it is asked to listen. One thread does all of it, so whoever answers need not share anything.

use crate::error::{Error, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HOST, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

/// How long a client may take to say what it wants, also after an answer: longer than scrapers pause.
const PATIENCE: Duration = Duration::from_secs(75);
/// How long it waits for a connection to end where there can be no more. Shorter than it is asked to listen for.
const PAUSE: Duration = Duration::from_millis(10);

/// What matters of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Whether it only wants to see something.
    pub(super) is_read: bool,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) host: Option<&'a str>,
    pub(super) accept: &'a str,
}

/// An answer: status, form, text.
pub(super) type Answer = (u16, &'static str, String);

/// A socket that listens, and the connections that it has.
pub(super) struct Listener {
    runtime: Runtime,
    connections: LocalSet,
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Network)?;
        let refused = |error: std::io::Error| Error::Listen { address, reason: error.to_string() };
        let socket = runtime.block_on(TcpListener::bind(address)).map_err(refused)?;
        let address = socket.local_addr().unwrap_or(address);
        Ok(Self { runtime, connections: LocalSet::new(), socket, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections and answers what comes on them, for so long; what has begun goes on the next time.
    pub(super) fn listen_for(
        &mut self,
        time: Duration,
        answer: impl Fn(&Request<'_>) -> Answer + 'static,
    ) -> Result<()> {
        let answer: Rc<dyn Fn(&Request<'_>) -> Answer> = Rc::new(answer);
        let accepting = async {
            loop {
                match self.socket.accept().await {
                    Ok((stream, _)) => drop(spawn_local(serve(stream, Rc::clone(&answer)))),
                    // The client is gone again.
                    Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) => {}
                    // There are as many files open as there may be (ENFILE, EMFILE), or no memory (ENOMEM, ENOBUFS).
                    Err(error) if matches!(error.raw_os_error(), Some(12 | 23 | 24 | 55 | 105)) => sleep(PAUSE).await,
                    Err(error) => return Error::Network(error),
                }
            }
        };
        // A clock can only be made where the runtime is.
        match self.connections.block_on(&self.runtime, async { timeout(time, accepting).await }) {
            Ok(failed) => Err(failed),
            Err(_) => Ok(()),
        }
    }
}

/// Answers all requests of a connection. How it ends is the client's business.
async fn serve(stream: TcpStream, answer: Rc<dyn Fn(&Request<'_>) -> Answer>) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let response = respond(&request, &*answer);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).half_close(true);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

fn respond(request: &hyper::Request<Incoming>, answer: &dyn Fn(&Request<'_>) -> Answer) -> Response<Full<Bytes>> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (status, form, text) = answer(&Request {
        is_read: matches!(*request.method(), Method::GET | Method::HEAD),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        host: header(HOST),
        accept: header(ACCEPT).unwrap_or_default(),
    });
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::from_u16(status).expect("statuses are those of HTTP");
    response.headers_mut().insert(CONTENT_TYPE, form.parse().expect("forms are plain ASCII"));
    if status == 405 {
        response.headers_mut().insert(ALLOW, "GET, HEAD".parse().expect("methods are plain ASCII"));
    }
    response
}
