//! Building an image from a context in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use archipelago_core::printable::one_line;
use archipelago_core::redact::redact;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::Podman;
use super::http::{Call, Error, Failure, SILENCE_LIMIT, encode};

/// The error of a failed build carries this many lines of its output.
const LAST_LINES: usize = 20;

/// A build. Two equal requests give the same layers from the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The full name the image gets, such as `localhost/archy-lnd-ui:latest`.
    pub tag: String,
    /// All files a `COPY` may take, the Containerfile among them.
    pub context: Vec<ContextFile>,
    /// The Containerfile's path in the context.
    pub containerfile: String,
    /// Values for its `ARG`s. No secrets: they are in the image's history and in Podman's journal.
    pub args: BTreeMap<String, String>,
    /// The stage to build; the last one without it.
    pub target: Option<String>,
    /// The image's labels.
    pub labels: BTreeMap<String, String>,
}

/// A regular file of a build's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Relative, with `/`, without `..`.
    pub path: String,
    pub bytes: Arc<[u8]>,
    /// Permission bits, such as 0o644.
    pub mode: u32,
}

impl Podman {
    /// Builds an image and gives it its name, line by line of output; returns its id, 64
    /// hexadecimal digits.
    ///
    /// A base image that is here, in an additional store too, is used as it is; only a missing one
    /// is pulled, as `containers-registries.conf(5)` says. `RUN` steps have a network of their own,
    /// not the host's. The name moves to the new image; the one that had it stays, without a name.
    ///
    /// Podman does not stop a step when nobody listens any more: drop the future, and the step goes
    /// on until `podman.service` ends, and a working container (`podman ps --external`) may stay.
    /// Layers that are complete stay in the cache.
    pub async fn build(
        &self,
        request: &BuildRequest,
        mut progress: impl FnMut(&str) + Send,
    ) -> Result<String, Error> {
        let context = archive(request)?;
        let call = Call::new(
            format!("build {}", request.tag),
            Method::POST,
            target(request),
            SILENCE_LIMIT,
        );
        let mut lines = self.stream(&call, "application/x-tar", context).await?;
        let mut output = Output {
            args: &request.args,
            piece: String::new(),
            last: VecDeque::new(),
        };
        while let Some(Report { stream, failure }) = lines.next().await? {
            if let Some(message) = failure.message() {
                output.finish(&mut progress);
                return Err(Error::Build {
                    tag: request.tag.clone(),
                    message: output.without_args(&message),
                    lines: output.shown(),
                });
            }
            output.print(&stream, &mut progress);
        }
        output.finish(&mut progress);
        // A build that worked prints the image's id last. One that Podman did not finish ends just
        // the same.
        match output.last.pop_back() {
            Some(id) if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(id),
            _ => Err(call.ended()),
        }
    }
}

/// It differs from the endpoint's defaults where `podman-build(1)` has other ones.
fn target(request: &BuildRequest) -> String {
    let BuildRequest {
        tag,
        context: _,
        containerfile,
        args,
        target,
        labels,
    } = request;
    // Without `nsoptions` the endpoint gives RUN steps the host's network, and with it every
    // service on 127.0.0.1.
    let own_network = json!([{ "Name": "network" }]);
    format!(
        "/build?t={}&dockerfile={}&buildargs={}&labels={}&nsoptions={}&pullpolicy=missing&layers=true&rm=true\
         &forcerm=true&httpproxy=true&outputformat={}{}",
        encode(tag),
        encode(containerfile),
        encode(&json!(args).to_string()),
        encode(&json!(labels).to_string()),
        encode(&own_network.to_string()),
        encode("application/vnd.oci.image.manifest.v1+json"),
        target
            .as_ref()
            .map(|stage| format!("&target={}", encode(stage)))
            .unwrap_or_default(),
    )
}

/// The context as a tar archive. Its files are of now: Podman's cache does not look at times, and a
/// web server in the image that derives its ETag from time and size must not repeat one for other
/// bytes.
fn archive(request: &BuildRequest) -> Result<Vec<u8>, Error> {
    let now_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let mut archive = tar::Builder::new(Vec::new());
    for ContextFile { path, bytes, mode } in &request.context {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(now_s);
        archive
            .append_data(&mut header, path, &bytes[..])
            .map_err(|source| Error::Context {
                tag: request.tag.clone(),
                path: path.clone(),
                source,
            })?;
    }
    archive.into_inner().map_err(|source| Error::Context {
        tag: request.tag.clone(),
        path: String::new(),
        source,
    })
}

/// A line of the stream: a piece of output, or why the build failed.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    stream: String,
    #[serde(flatten)]
    failure: Failure,
}

/// Joins the pieces, which end where a write did, into lines, and keeps the last ones. They are
/// shown without the values of the build's arguments: those may come from settings.
struct Output<'a> {
    args: &'a BTreeMap<String, String>,
    piece: String,
    last: VecDeque<String>,
}

impl Output<'_> {
    fn without_args(&self, text: &str) -> String {
        let shown = redact(text, self.args.values().map(String::as_str));
        one_line(&shown).into_owned()
    }

    fn shown(&self) -> Vec<String> {
        let lines = self.last.iter();
        lines.map(|line| self.without_args(line)).collect()
    }

    fn print(&mut self, text: &str, progress: &mut impl FnMut(&str)) {
        self.piece.push_str(text);
        while let Some(end) = self.piece.find('\n') {
            let line: String = self.piece.drain(..=end).collect();
            self.keep(line.trim_end().to_owned(), progress);
        }
    }

    fn finish(&mut self, progress: &mut impl FnMut(&str)) {
        if !self.piece.is_empty() {
            let line = std::mem::take(&mut self.piece);
            self.keep(line, progress);
        }
    }

    fn keep(&mut self, line: String, progress: &mut impl FnMut(&str)) {
        progress(&self.without_args(&line));
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}
