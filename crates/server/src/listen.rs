//! Connections: how many, how long a request may take to arrive, and how they end.
//!
//! HTTP/1.1 with keep-alive. A connection that sends nothing, or only half of a head, is closed after
//! [`Limits::head_time_max`]; half a body is refused by the front. It does not know what is served.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Limits;

/// How long to wait when the system has no connection to give, usually for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until `stop` is there. Then no connection is taken any more, requests that have begun are answered within
/// [`Limits::drain_time_max`], and connections without one are closed at once.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < limits.connections_max => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, router.clone(), limits.head_time_max, stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    drop((listener, stopping));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_time_max, drained).await.is_err() {
        tracing::warn!("requests were still running at the end of the drain");
    }
}

/// Answers the requests of one connection until it ends, or until `stopped` closes.
async fn answer(stream: TcpStream, router: Router, head_time_max: Duration, mut stopped: watch::Receiver<()>) {
    // Small replies must not wait for more; without it they only come later.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let used = Arc::new(AtomicBool::new(false));
    let mark = used.clone();
    let service = service_fn(move |request| {
        mark.store(true, Ordering::Relaxed);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time_max)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            // Of a first request that has not arrived nothing is known yet: its sender tries again elsewhere.
            if !used.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    use super::*;

    /// Longer than anything here takes on a loaded machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    struct World {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        served: tokio::task::JoinHandle<()>,
    }

    async fn world(limits: Limits) -> World {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().route("/", get(|| async { "here" }));
        let served = tokio::spawn(serve(listener, router, limits, async move {
            let _ = stopped.await;
        }));
        World { address, stop, served }
    }

    impl World {
        async fn connect(&self, sent: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            stream
        }
    }

    /// What arrives until the other side closes.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn half_a_head_is_closed_and_others_are_served_meanwhile() {
        let world = world(Limits { head_time_max: Duration::from_millis(200), ..Limits::default() }).await;
        let mut half = world.connect("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
        let mut whole = world.connect("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(rest(&mut whole).await.ends_with("here"));
        assert!(!rest(&mut half).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_their_turn() {
        let world = world(Limits { connections_max: 1, ..Limits::default() }).await;
        let first = world.connect("").await;
        let mut second = world.connect("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        drop(first);
        assert!(rest(&mut second).await.ends_with("here"));
    }

    #[tokio::test]
    async fn idle_and_half_sent_connections_do_not_hold_up_the_end() {
        // Nothing here may end by a limit: the test would wait for ever.
        let never = Duration::from_secs(1_000_000);
        let world = world(Limits { head_time_max: never, drain_time_max: never, ..Limits::default() }).await;
        let mut idle = world.connect("").await;
        let mut half = world.connect("GET / HTTP/1.1\r\nHost").await;
        let mut kept = world.connect("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut answer = [0; 12];
        kept.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        world.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, world.served).await.unwrap().unwrap();
        assert_eq!((rest(&mut idle).await, rest(&mut half).await), (String::new(), String::new()));
        assert!(rest(&mut kept).await.ends_with("here"));
    }
}
