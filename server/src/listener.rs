//! Connections: how many, how slow their heads may come, and their end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::tls::Tls;

/// Connections at once. A hundred screens with four each, consoles, and room for those who come and go; each
/// costs some ten kilobytes. When all are taken new ones wait in the queue of the system.
const MAX_CONNECTIONS: usize = 1_024;

/// How long the head of a request may take, the time until its first byte included: a connection that says
/// nothing is closed, and so is one that says one byte a second. Browsers open a new one without a word.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest head of a request, in bytes. Browsers send one to two thousand; larger is answered with 431.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Pause when no connection can be accepted, most often because files are all open.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves a router on a socket until `ended` resolves, then lets requests that run come to their end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    ended: impl Future<Output = ()>,
) {
    let accepting = accept_all(listener, router, tls.clone(), ended);
    let Some(tls) = tls else {
        return accepting.await;
    };
    tokio::select! {
        () = accepting => {}
        // It follows for ever.
        () = tls.follow() => {}
    }
}

async fn accept_all(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    ended: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (end, ending) = watch::channel(false);
    let mut ended = pin!(ended);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut ended => break,
        };
        let (router, tls, ending) = (router.clone(), tls.clone(), ending.clone());
        tokio::spawn(async move {
            // Given back when the connection has ended.
            let _place = place;
            connection(stream, peer, router, tls, ending).await;
        });
    }
    end.send_replace(true);
    drop(listener);
    // Every place is free again when the last connection has ended.
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The other side has gone already.
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Arc<Tls>>,
    ending: watch::Receiver<bool>,
) {
    // Events are small, and people wait for them.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return speak(stream, peer, router, ending).await;
    };
    // Whoever does not come to terms in time is no browser of ours.
    if let Ok(Ok(Some(stream))) = timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
        speak(stream, peer, router, ending).await;
    }
}

/// HTTP/1.1 on a stream until either side has enough.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    mut ending: watch::Receiver<bool>,
) {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut serving = pin!(serving);
    // A sender that is gone means the same.
    let mut ended = pin!(async move {
        let _ = ending.wait_for(|is_ending| *is_ending).await;
    });
    tokio::select! {
        // How it ended is the other side's affair: it went away, or never spoke HTTP.
        _ = serving.as_mut() => {}
        () = &mut ended => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}
