//! The programs that look at data and bring them, and their words.

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::task::JoinHandle;

use archipelago_core::import::Engine;
use archipelago_core::printable::one_line;

use super::Error;

/// The longest part of a program's words that is kept.
const WORDS_BYTES_MAX: usize = 1_000;

/// A program as this user runs it, or as root in this user's containers.
pub(super) fn program(name: &'static str, engine: Engine) -> Command {
    let mut command = match engine {
        Engine::Docker => Command::new(name),
        Engine::Podman => {
            let mut command = Command::new("podman");
            command.args(["unshare", name]);
            command
        }
    };
    command.env("LC_ALL", "C").kill_on_drop(true);
    command
}

pub(super) fn start(program: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Start { program, source }
}

pub(super) fn words(output: &[u8]) -> String {
    one_line(String::from_utf8_lossy(output).trim()).into_owned()
}

/// Reads all that a program says, and keeps the beginning.
pub(super) fn first_words(
    output: Option<impl tokio::io::AsyncRead + Unpin + Send + 'static>,
) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut kept = Vec::new();
        let Some(mut output) = output else {
            return String::new();
        };
        let mut chunk = [0; 1024];
        while let Ok(count) = output.read(&mut chunk).await {
            if count == 0 {
                break;
            }
            let room = WORDS_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&chunk[..count.min(room)]);
        }
        words(&kept)
    })
}
