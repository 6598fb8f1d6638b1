//! Asking an app whether it is ready: one connection, one short answer.

use std::time::Duration;

use archipelago_core::desired::DesiredProbe;
use archipelago_core::manifest::ProbeKind;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An app that takes longer than this is not ready.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks. A refused connection, a status of 400 or more and silence all mean no.
pub async fn ask(probe: &DesiredProbe) -> bool {
    tokio::time::timeout(LIMIT, answer(probe))
        .await
        .is_ok_and(|answer| answer.unwrap_or(false))
}

async fn answer(probe: &DesiredProbe) -> Result<bool, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(probe.address).await?;
    let path = match &probe.kind {
        ProbeKind::Tcp => return Ok(true),
        ProbeKind::Http(path) => path,
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = hyper::Request::get(path)
        .header("host", probe.address.to_string())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    driver.abort();
    Ok(response.status().as_u16() < 400)
}
