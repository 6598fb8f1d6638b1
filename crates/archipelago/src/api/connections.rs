//! Serves HTTP on a listener, with a limit on the number of connections and on the duration and
//! request size of each. A connection carries one request.
//!
//! At the limit, a new connection closes the oldest, so idle clients neither block others nor
//! exhaust file descriptors.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::AbortHandle;

/// The maximum number of open connections.
const CONNECTIONS_MAX: usize = 64;
/// The longest that a client may take to send its request.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// The longest that a connection may last.
const CONNECTION_LIMIT: Duration = Duration::from_secs(15);
/// The largest head of a request, in bytes. Bodies are not read.
const REQUEST_MAX: usize = 16 << 10;

/// Serves for ever.
pub(super) async fn serve<Door: Listener>(mut door: Door, router: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS_MAX);
    loop {
        let (stream, _) = door.accept().await;
        open.retain(|connection| !connection.is_finished());
        while open.len() >= CONNECTIONS_MAX
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_LIMIT)
            .max_buf_size(REQUEST_MAX)
            .keep_alive(false)
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(router.clone()),
            );
        // A client that goes away, or is slow, is its own affair.
        let served = tokio::spawn(async move {
            let _ = tokio::time::timeout(CONNECTION_LIMIT, connection).await;
        });
        open.push_back(served.abort_handle());
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn door() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(serve(listener, router));
        address
    }

    /// Sends a request and returns everything that arrives until the connection is closed.
    async fn answer(mut stream: TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is closed under a request ends with an error.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_thousand_that_say_nothing_keep_nobody_out() {
        let address = door().await;
        let mut idle = Vec::new();
        for _ in 0..1000 {
            idle.push(TcpStream::connect(address).await.unwrap());
            if idle.len() % 100 == 0 {
                let asking = TcpStream::connect(address).await.unwrap();
                let answer = answer(asking, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
                assert!(answer.ends_with("\r\n\r\nhere"), "{answer}");
            }
        }
        let mut closed = 0;
        for mut stream in idle {
            let one = tokio::time::timeout(Duration::from_millis(5), stream.read_u8()).await;
            closed += usize::from(one.is_ok());
        }
        assert!(closed >= 1000 - CONNECTIONS_MAX, "{closed}");
    }

    #[tokio::test]
    async fn a_connection_has_one_request_of_bounded_size() {
        let address = door().await;
        let ask =
            async |request: &str| answer(TcpStream::connect(address).await.unwrap(), request).await;
        let one = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let answers = ask(&one.repeat(2)).await;
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
        let large = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
            "x".repeat(REQUEST_MAX)
        );
        let answers = ask(&large).await;
        assert!(!answers.contains("200 OK"), "{answers}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_is_given_up_after_the_limit_for_requests() {
        let address = door().await;
        let begun = tokio::time::Instant::now();
        let answer = answer(TcpStream::connect(address).await.unwrap(), "GET / HT").await;
        assert!(!answer.contains("200 OK"), "{answer}");
        let waited = begun.elapsed();
        assert!(
            (REQUEST_LIMIT..CONNECTION_LIMIT).contains(&waited),
            "{waited:?}"
        );
    }
}
