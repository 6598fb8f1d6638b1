//! HTTP/1.1 over the socket: one request, one connection, an answer that is whole or a stream of
//! JSON lines.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archipelago_core::printable::one_line;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// Podman takes requests for any version from 4.0 on; ours are written against 4.9, the oldest
/// Podman we support.
const PREFIX: &str = "/v4.9.0/libpod";

/// The longest that a call without a stream may take, the start of `podman.service` by its socket
/// included.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The longest silence in a stream. A large layer or a slow `RUN` step says nothing while it goes
/// on.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The largest whole answer and the longest line, in bytes: far above a list of 1,000 images.
const ANSWER_LIMIT: usize = 64 << 20;

/// A client for one user's Podman, 4.9 or later.
#[derive(Debug, Clone)]
pub struct Podman {
    socket: PathBuf,
}

/// Why Podman could not be asked or did not do it. `call` says what was asked of it, and on what.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "reach Podman at {}: `systemctl --user start podman.socket` makes it listen, and `systemctl --user enable \
         podman.socket` from the next start on", socket.display()
    )]
    Unreachable {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Podman understood and refused; `message` is its own text.
    #[error("{call}: Podman answered {}: {message}", status.as_u16())]
    Api {
        call: String,
        status: StatusCode,
        message: String,
    },
    #[error(
        "{call}: no answer from Podman for {limit:?}; `journalctl --user -u podman.service` may tell why"
    )]
    Limit { call: String, limit: Duration },
    #[error("{call}: the connection broke; `journalctl --user -u podman.service` may tell why")]
    Broken {
        call: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{call}: Podman's answer is not of the expected form; is it 4.9 or later?")]
    Answer {
        call: String,
        #[source]
        source: serde_json::Error,
    },
    /// `message` is Podman's own text.
    #[error("pull {reference}: {message}")]
    Pull { reference: String, message: String },
    /// `message` is Podman's own text, `lines` what the build printed last. Its output and its
    /// errors come by two ways, so their order among each other is not that of their printing.
    #[error("build {tag}: {message}{}", indented(lines))]
    Build {
        tag: String,
        message: String,
        lines: Vec<String>,
    },
    #[error(
        "build {tag}: put {path} into the build context: its path must be relative and must not contain `..`"
    )]
    Context {
        tag: String,
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{call}: Podman stopped before there was a result")]
    Ended { call: String },
}

impl Error {
    /// Whether Podman failed at what it was asked for, as it does where its storage is damaged.
    pub fn is_failure(&self) -> bool {
        self.status() == Some(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Podman's own text, without what it was asked for.
    pub fn message(&self) -> String {
        match self {
            Error::Api { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// The HTTP status of a refusal.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Error::Api { status, .. } => Some(*status),
            _ => None,
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}

/// A name or a value as one segment of a path or of a query.
pub(super) fn encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A request without its body: enough to send it and to name it in an error.
pub(super) struct Call {
    what: String,
    method: Method,
    /// The path before the target: that of Podman's own API, or none for Docker's.
    prefix: &'static str,
    target: String,
    limit: Duration,
}

impl Call {
    /// `what` is for people, `target` the path and query below `/libpod`.
    pub(super) fn new(what: String, method: Method, target: String, limit: Duration) -> Call {
        Call {
            what,
            method,
            prefix: PREFIX,
            target,
            limit,
        }
    }

    /// A question in Docker's API, which Podman answers too; in the version that the other side
    /// prefers.
    pub(super) fn of_docker(what: String, target: String) -> Call {
        Call {
            prefix: "",
            ..Call::new(what, Method::GET, target, CALL_LIMIT)
        }
    }

    pub(super) fn refused(&self, status: StatusCode, message: String) -> Error {
        Error::Api {
            call: self.what.clone(),
            status,
            message,
        }
    }

    pub(super) fn ended(&self) -> Error {
        Error::Ended {
            call: self.what.clone(),
        }
    }

    pub(super) fn json<T: for<'a> Deserialize<'a>>(&self, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body).map_err(|source| Error::Answer {
            call: self.what.clone(),
            source,
        })
    }

    fn broken(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Broken {
            call: self.what.clone(),
            source: source.into(),
        }
    }

    /// The answer, if it comes within the call's limit.
    async fn within<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Limit {
                call: self.what.clone(),
                limit: self.limit,
            }),
        }
    }
}

impl Podman {
    /// The client for the socket where `podman.socket` of this process's user listens:
    /// `$XDG_RUNTIME_DIR/podman/podman.sock`, else under `/run/user/UID`. Opens nothing yet.
    pub fn for_this_user() -> Podman {
        let runtime_dir = match std::env::var_os("XDG_RUNTIME_DIR") {
            Some(directory) => PathBuf::from(directory),
            // /proc/self belongs to the process's effective user; without /proc no call gets far
            // anyway.
            None => match std::fs::metadata("/proc/self") {
                Ok(own) => PathBuf::from(format!("/run/user/{}", own.uid())),
                Err(_) => PathBuf::from("/run"),
            },
        };
        Podman::at(runtime_dir.join("podman/podman.sock"))
    }

    /// The client for a Podman API socket.
    pub fn at(socket: PathBuf) -> Podman {
        Podman { socket }
    }

    /// The socket it talks to.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The whole body of a successful answer, within the call's limit.
    pub(super) async fn call(&self, call: &Call, body: Vec<u8>) -> Result<Bytes, Error> {
        call.within(async {
            let Answer {
                response,
                connection,
            } = send(&self.socket, call, "application/octet-stream", body).await?;
            let status = response.status();
            let body = whole(call, response).await?;
            drop(connection);
            if status.is_success() {
                Ok(body)
            } else {
                Err(call.refused(status, message(&body)))
            }
        })
        .await
    }

    /// The lines of a successful answer as they come; each within the call's limit.
    pub(super) async fn stream<'a>(
        &self,
        call: &'a Call,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Lines<'a>, Error> {
        call.within(async {
            let Answer {
                response,
                connection,
            } = send(&self.socket, call, content_type, body).await?;
            let status = response.status();
            if status.is_success() {
                Ok(Lines {
                    call,
                    body: response.into_body(),
                    pending: Vec::new(),
                    _connection: connection,
                })
            } else {
                Err(call.refused(status, message(&whole(call, response).await?)))
            }
        })
        .await
    }
}

struct Answer {
    response: Response<Incoming>,
    /// Moves the bytes. Dropping it closes the socket, by which Podman learns that nobody waits any
    /// more.
    connection: JoinSet<()>,
}

async fn send(
    socket: &Path,
    call: &Call,
    content_type: &'static str,
    body: Vec<u8>,
) -> Result<Answer, Error> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|source| Error::Unreachable {
            socket: socket.to_owned(),
            source,
        })?;
    let (mut sender, io) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|source| call.broken(source))?;
    let mut connection = JoinSet::new();
    connection.spawn(async {
        // The reader of the answer gets an error of the connection.
        let _ = io.await;
    });
    let request = Request::builder()
        .method(call.method.clone())
        .uri(format!("{}{}", call.prefix, call.target))
        .header(HOST, "podman")
        .header(CONTENT_TYPE, content_type)
        .body(Full::new(Bytes::from(body)))
        .map_err(|source| call.broken(source))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|source| call.broken(source))?;
    Ok(Answer {
        response,
        connection,
    })
}

async fn whole(call: &Call, response: Response<Incoming>) -> Result<Bytes, Error> {
    match Limited::new(response.into_body(), ANSWER_LIMIT)
        .collect()
        .await
    {
        Ok(body) => Ok(body.to_bytes()),
        Err(source) => Err(call.broken(source)),
    }
}

/// Podman's own text for a refusal: the field `message`, or what there is.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    match serde_json::from_slice(body) {
        Ok(Refusal { message }) => one_line(message.trim()).into_owned(),
        Err(_) => one_line(String::from_utf8_lossy(body).trim()).into_owned(),
    }
}

/// An answer of one JSON value per line.
pub(super) struct Lines<'a> {
    call: &'a Call,
    body: Incoming,
    /// The bytes after the last whole line.
    pending: Vec<u8>,
    _connection: JoinSet<()>,
}

impl Lines<'_> {
    /// The next line, none at the end. Waits at most the call's limit.
    pub(super) async fn next<T: for<'a> Deserialize<'a>>(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return self.call.json(&line).map(Some);
            }
            if self.pending.len() > ANSWER_LIMIT {
                return Err(self.call.broken("a line that does not end"));
            }
            let call = self.call;
            let body = &mut self.body;
            let frame = call
                .within(async move {
                    match body.frame().await {
                        Some(frame) => frame.map(Some).map_err(|source| call.broken(source)),
                        None => Ok(None),
                    }
                })
                .await?;
            match frame {
                Some(frame) => self.pending.extend(frame.into_data().unwrap_or_default()),
                None if self.pending.is_empty() => return Ok(None),
                None => {
                    let line = std::mem::take(&mut self.pending);
                    return call.json(&line).map(Some);
                }
            }
        }
    }
}

/// An error in a line of progress: Docker's `jsonmessage` has it in one field, in the other, or in
/// both.
#[derive(Deserialize)]
pub(super) struct Failure {
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    error_detail: Option<ErrorDetail>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

impl Failure {
    /// Podman's own text, if this line is a failure.
    pub(super) fn message(self) -> Option<String> {
        let message = self
            .error
            .or(self.error_detail.map(|detail| detail.message))?;
        Some(one_line(message.trim_end()).into_owned())
    }
}
