//! Asking an app whether it is ready: one connection, one short answer.

use std::time::Duration;

use archipelago_core::desired::DesiredProbe;
use archipelago_core::manifest::ProbeKind;
use archipelago_core::observed::{Answer, Busy};
use archipelago_core::printable::one_line;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// An app that takes longer than this is not ready.
const LIMIT: Duration = Duration::from_secs(2);
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 4096;
/// The longest message that is shown.
const LONGEST_MESSAGE: usize = 200;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Asks. A refused connection, another status than success and silence all mean no; a 503 may say
/// why.
pub async fn ask(probe: &DesiredProbe) -> Answer {
    tokio::time::timeout(LIMIT, answer(probe))
        .await
        .ok()
        .and_then(Result::ok)
        .unwrap_or(Answer::Silent)
}

async fn answer(probe: &DesiredProbe) -> Result<Answer, Failure> {
    let stream = TcpStream::connect(probe.address).await?;
    let path = match &probe.kind {
        ProbeKind::Tcp => return Ok(Answer::Ready),
        ProbeKind::Http(path) => path,
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = hyper::Request::get(path)
        .header("host", probe.address.to_string())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = if status.as_u16() < 400 {
        Answer::Ready
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        let body = Limited::new(response.into_body(), LONGEST_ANSWER);
        understand(&body.collect().await?.to_bytes())
    } else {
        Answer::Silent
    };
    driver.abort();
    Ok(answer)
}

/// Why an app is not ready, in its own words (docs/manifest.md).
#[derive(Deserialize)]
struct Reason {
    message: String,
    progress: Option<f64>,
    remaining_s: Option<f64>,
}

fn understand(body: &[u8]) -> Answer {
    let Ok(Reason {
        message,
        progress,
        remaining_s,
    }) = serde_json::from_slice(body)
    else {
        return Answer::Silent;
    };
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    let message = one_line(&message);
    let message = message.trim();
    if message.is_empty() {
        return Answer::Silent;
    }
    let whole = |number: f64| number.is_finite().then_some(number.max(0.0));
    Answer::Busy(Busy {
        message: message.to_owned(),
        // Rounded down: 100 % is for what is done. `as` keeps to the range of the type.
        percent: progress
            .and_then(|share| whole(share * 100.0))
            .map(|percent| percent.min(100.0) as u8),
        remaining_s: remaining_s.and_then(whole).map(|seconds| seconds as u64),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A page's listener, and a probe of it.
    async fn page() -> (TcpListener, DesiredProbe) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let probe = DesiredProbe {
            service: "archy-web.service".to_owned(),
            address: listener.local_addr().unwrap(),
            kind: ProbeKind::Http("/ready".to_owned()),
        };
        (listener, probe)
    }

    /// The answer that a probe makes of this HTTP response.
    async fn told(response: &'static str) -> Answer {
        let (listener, probe) = page().await;
        let page = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /ready HTTP/1.1\r\n"));
            stream.write_all(response.as_bytes()).await.unwrap();
        });
        let answer = ask(&probe).await;
        page.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_page_says_whether_its_app_is_ready_and_why_not() {
        let busy = |message: &str, percent, remaining_s| {
            Answer::Busy(Busy {
                message: message.to_owned(),
                percent,
                remaining_s,
            })
        };
        assert_eq!(
            told("HTTP/1.1 200 OK\r\n\r\n{\"ready\":true}").await,
            Answer::Ready
        );
        assert_eq!(
            told("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"ready\":false,\"message\":\"at 83 %, about 2 h left\",\"progress\":0.839,\"remaining_s\":7200.5}").await,
            busy("at 83 %, about 2 h left", Some(83), Some(7200))
        );
        assert_eq!(
            told("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"message\":\"\\u001b[31mloading\\nits index\",\"progress\":7e300}").await,
            busy("�[31mloading its index", Some(100), None)
        );
        for unclear in [
            "HTTP/1.1 503 Service Unavailable\r\n\r\nno",
            "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"message\":\" \"}",
            "HTTP/1.1 500 Internal Server Error\r\n\r\n{\"message\":\"x\"}",
            "HTTP/1.1 502 Bad Gateway\r\n\r\n",
            "",
        ] {
            assert_eq!(told(unclear).await, Answer::Silent, "{unclear}");
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_none() {
        let (listener, probe) = page().await;
        let page = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream
                .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
                .await;
            while stream.write_all(&[b' '; 1024]).await.is_ok() {}
        });
        assert_eq!(ask(&probe).await, Answer::Silent);
        page.await.unwrap();
    }
}
