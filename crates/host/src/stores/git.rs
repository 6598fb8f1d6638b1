//! Git repositories as sources of stores, read with Debian's `git`.
//!
//! Nothing is checked out: the files are read as git keeps them. So no hook, filter, link or
//! submodule of a stranger has an effect. Nothing of the user's configuration is read.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use archipelago_core::printable::one_line;

use crate::disk;

/// The longest time of a download, in seconds.
const FETCH_LIMIT_S: u32 = 300;
/// The longest time of reading what is there, in seconds.
const READ_LIMIT_S: u32 = 60;
/// The largest file that git may write: a repository comes as one file.
const PACK_BYTES_MAX: u64 = 512 << 20;
/// The exit code of `timeout` when the time is over.
const OUT_OF_TIME: i32 = 124;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("git is not installed; to do: sudo apt install git")]
    Absent,
    #[error("run git")]
    Run(#[source] io::Error),
    #[error(
        "{url}: git took longer than {FETCH_LIMIT_S} s; try again, or copy the repository to this host and add its folder"
    )]
    OutOfTime { url: String },
    #[error("{url}: git failed: {words}")]
    Failed { url: String, words: String },
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error("the output of git has an unexpected form")]
    Unclear,
}

/// A repository's newest commit.
pub(super) struct Repository {
    pub commit: String,
    pub blobs: Vec<Blob>,
}

/// A file of the commit.
pub(super) struct Blob {
    pub path: String,
    /// Its object id.
    id: String,
    pub bytes: u64,
    pub is_executable: bool,
    pub is_link: bool,
}

/// Whether a source is the URL of a git repository. URLs without TLS are not accepted: anybody on
/// the way could change the content.
pub(super) fn is_url(source: &str) -> bool {
    ["https://", "ssh://", "file://"]
        .iter()
        .any(|scheme| source.starts_with(scheme))
        || is_at_a_host(source)
}

/// `user@host:path`
fn is_at_a_host(source: &str) -> bool {
    let Some((before, _)) = source.split_once(':') else {
        return false;
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    before.contains('@') && !before.starts_with('-') && before.chars().all(is_plain)
}

/// Fetches the newest commit into a bare repository in `scratch`.
pub(super) fn fetch(url: &str, scratch: &Path) -> Result<Repository, Error> {
    disk::remove_folder(scratch)?;
    disk::make_folder(scratch, 0o700)?;
    let config = scratch.join("config-of-git");
    // The operator has named this folder, so its owner does not matter.
    let trusted = url.strip_prefix("file://").unwrap_or_default();
    let quoted = trusted.replace('\\', "\\\\").replace('"', "\\\"");
    let text = match trusted {
        "" => String::new(),
        _ => format!("[safe]\n\tdirectory = \"{quoted}\"\n\tdirectory = \"{quoted}/.git\"\n"),
    };
    disk::write_if_changed(&config, text.as_bytes(), 0o600)?;
    let failed = |(code, words): (Option<i32>, String)| match code {
        Some(OUT_OF_TIME) => Error::OutOfTime {
            url: url.to_owned(),
        },
        _ => Error::Failed {
            url: url.to_owned(),
            words,
        },
    };
    let repository = scratch.join("repository");
    let mut clone = git(scratch, FETCH_LIMIT_S);
    clone
        .args([
            "clone",
            "--quiet",
            "--bare",
            "--depth",
            "1",
            "--single-branch",
        ])
        .args(["--no-tags", "--template=", "--", url])
        .arg(&repository);
    run(clone, &[])?.map_err(failed)?;
    let mut head = of_repository(scratch);
    head.args(["rev-parse", "--verify", "HEAD^{commit}"]);
    let commit = run(head, &[])?.map_err(failed)?;
    let commit = String::from_utf8(commit).map_err(|_| Error::Unclear)?;
    let mut tree = of_repository(scratch);
    tree.args(["ls-tree", "-r", "-l", "-z", "HEAD"]);
    let tree = run(tree, &[])?.map_err(failed)?;
    Ok(Repository {
        commit: commit.trim().to_owned(),
        blobs: blobs(&tree)?,
    })
}

/// The contents of blobs by path. `url` is for messages.
pub(super) fn read(
    url: &str,
    scratch: &Path,
    blobs: &[&Blob],
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut command = of_repository(scratch);
    command.args(["cat-file", "--batch"]);
    let ids: String = blobs.iter().map(|blob| format!("{}\n", blob.id)).collect();
    let output = run(command, ids.as_bytes())?.map_err(|(_, words)| Error::Failed {
        url: url.to_owned(),
        words,
    })?;
    let mut rest = output.as_slice();
    let mut contents = BTreeMap::new();
    for blob in blobs {
        // `<id> blob <bytes>`, the content, and a line end (git-cat-file(1)).
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or(Error::Unclear)?;
        let header = std::str::from_utf8(&rest[..end]).map_err(|_| Error::Unclear)?;
        let bytes = usize::try_from(blob.bytes).map_err(|_| Error::Unclear)?;
        if header != format!("{} blob {bytes}", blob.id) || rest.len() < end + 2 + bytes {
            return Err(Error::Unclear);
        }
        contents.insert(blob.path.clone(), rest[end + 1..end + 1 + bytes].to_vec());
        rest = &rest[end + 2 + bytes..];
    }
    Ok(contents)
}

/// Each entry is `<mode> <type> <id> <bytes>\t<path>\0` (git-ls-tree(1)). Submodules and paths that
/// are not UTF-8 are left out.
fn blobs(tree: &[u8]) -> Result<Vec<Blob>, Error> {
    let mut blobs = Vec::new();
    for entry in tree
        .split(|byte| *byte == 0)
        .filter(|entry| !entry.is_empty())
    {
        let Ok(entry) = std::str::from_utf8(entry) else {
            continue;
        };
        let (facts, path) = entry.split_once('\t').ok_or(Error::Unclear)?;
        let facts: Vec<&str> = facts.split_whitespace().collect();
        let [mode, kind, id, bytes] = facts.as_slice() else {
            return Err(Error::Unclear);
        };
        let is_inside = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if *kind != "blob" || !is_inside {
            continue;
        }
        blobs.push(Blob {
            path: path.to_owned(),
            id: (*id).to_owned(),
            bytes: bytes.parse().map_err(|_| Error::Unclear)?,
            is_executable: *mode == "100755",
            is_link: *mode == "120000",
        });
    }
    Ok(blobs)
}

fn of_repository(scratch: &Path) -> Command {
    let mut command = git(scratch, READ_LIMIT_S);
    command.arg("--git-dir").arg(scratch.join("repository"));
    command
}

/// A git command with limits of time and size. It asks no questions and reads no configuration
/// except ours.
fn git(scratch: &Path, limit_s: u32) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", &limit_s.to_string()])
        .args(["prlimit", &format!("--fsize={PACK_BYTES_MAX}"), "git"])
        .args(["-c", "core.hooksPath=/dev/null"])
        .args(["-c", "transfer.fsckObjects=true"])
        .args(["-c", "http.followRedirects=initial"])
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", scratch.join("config-of-git"))
        .env("GIT_ALLOW_PROTOCOL", "https:ssh:file")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "/bin/false")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("LC_ALL", "C")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
    command
}

/// Standard output, or the exit code and standard error.
type Answer = Result<Vec<u8>, (Option<i32>, String)>;

fn run(mut command: Command, input: &[u8]) -> Result<Answer, Error> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::Run)?;
    let (mut stdin, mut stdout, mut stderr) =
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => (stdin, stdout, stderr),
            _ => return Err(Error::Unclear),
        };
    let mut output = Vec::new();
    let mut words = Vec::new();
    // Git writes while it reads, so all pipes are served concurrently.
    let read = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        scope.spawn(|| stderr.read_to_end(&mut words));
        stdout.read_to_end(&mut output)
    });
    read.map_err(Error::Run)?;
    let status = child.wait().map_err(Error::Run)?;
    if status.success() {
        return Ok(Ok(output));
    }
    let words = String::from_utf8_lossy(&words);
    // The message of prlimit(1) for a missing program.
    if words.contains("failed to execute git") {
        return Err(Error::Absent);
    }
    Ok(Err((status.code(), one_line(words.trim()).into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_from_a_folder() {
        for (source, expected) in [
            ("https://git.example/a.git", true),
            ("ssh://git@git.example/a", true),
            ("git@git.example:a/b.git", true),
            ("file:///srv/a.git", true),
            ("http://git.example/a.git", false),
            ("git://git.example/a.git", false),
            ("ext::sh -c true", false),
            ("-oProxyCommand=x@y:z", false),
            ("/srv/a", false),
            ("./a", false),
        ] {
            assert_eq!(is_url(source), expected, "{source}");
        }
    }

    #[test]
    fn a_tree_is_read_entry_by_entry() {
        let tree = b"100644 blob aa      12\tnotes/compose.yaml\x00100755 blob bb       3\tnotes/run it\x00\
120000 blob cc       3\tnotes/link\x00160000 commit dd       -\tmodule\x00100644 blob ee 1\ta/../b\x00";
        let blobs = blobs(tree).unwrap();
        let seen: Vec<(&str, u64, bool, bool)> = blobs
            .iter()
            .map(|blob| (&*blob.path, blob.bytes, blob.is_executable, blob.is_link))
            .collect();
        assert_eq!(
            seen,
            [
                ("notes/compose.yaml", 12, false, false),
                ("notes/run it", 3, true, false),
                ("notes/link", 3, false, true),
            ]
        );
        assert!(super::blobs(b"100644 blob\tx\x00").is_err());
    }
}
