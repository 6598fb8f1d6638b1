//! The instructions of a Containerfile that reach out of a build's container: options of `RUN`, and
//! `ADD` of a URL, which Podman itself fetches.
//!
//! This is no parser of Containerfiles. When in doubt it reports too much: it tries both escape
//! characters, and takes a line of a here-document for an instruction. It does not see the
//! `ONBUILD` instructions of a base image, because they are not in the file.

use std::collections::BTreeSet;

/// A right of a build step beyond those of every build step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildOption {
    HostNetwork,
    Insecure,
    /// A folder that all builds of this user share.
    Cache,
    /// Podman fetches files, over the host's network.
    Fetch,
    /// Any other option of `RUN`.
    Other(String),
}

const ESCAPES: [char; 2] = ['\\', '`'];

/// The rights that the instructions of a Containerfile ask for.
pub(super) fn options(text: &str) -> BTreeSet<BuildOption> {
    let lines: Vec<&str> = text.lines().collect();
    let instructions = (0..lines.len()).flat_map(|first| {
        let lines = &lines[first..];
        ESCAPES.map(|escape| instruction(lines, escape))
    });
    instructions
        .flat_map(|text| of_instruction(&text))
        .collect()
}

/// The instruction that begins with the first of these lines. It is cut short once it is none that
/// matters here.
fn instruction(lines: &[&str], escape: char) -> String {
    let mut text = String::new();
    for line in lines {
        // Comments and empty lines may stand inside an instruction.
        if !text.is_empty() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        let line = line.trim_end();
        let continued = line.strip_suffix(escape);
        text.push_str(continued.unwrap_or(line));
        if continued.is_none() || !may_matter(&text) {
            break;
        }
    }
    text
}

/// Whether an instruction with this beginning matters here, or can still become one that does.
fn may_matter(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace);
    let word = text[..end.unwrap_or(text.len())].to_ascii_uppercase();
    ["RUN", "ADD", "ONBUILD"].into_iter().any(|keyword| {
        if end.is_some() {
            keyword == word
        } else {
            keyword.starts_with(&word)
        }
    })
}

fn of_instruction(text: &str) -> Vec<BuildOption> {
    let Some((keyword, rest)) = text.trim_start().split_once(char::is_whitespace) else {
        return Vec::new();
    };
    match keyword.to_ascii_uppercase().as_str() {
        "ONBUILD" => of_instruction(rest),
        "RUN" => flags(rest).iter().filter_map(|flag| option(flag)).collect(),
        "ADD" if may_fetch(rest) => vec![BuildOption::Fetch],
        _ => Vec::new(),
    }
}

/// The flags at the beginning of an instruction's arguments, without quotation marks.
fn flags(text: &str) -> Vec<String> {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let (flag, after) = word(rest);
        if flag == "--" {
            break;
        }
        flags.push(flag);
        rest = after.trim_start();
    }
    flags
}

/// Whether a source of `ADD` may be a URL or a git repository. A variable or an escape may stand
/// for anything. An escape character at the end of a line belongs to no source.
fn may_fetch(sources: &str) -> bool {
    let sources = sources.trim_end_matches(ESCAPES);
    let plain = sources.replace(['"', '\''], "");
    let is_any = plain.contains('$') || plain.contains(ESCAPES);
    is_any || ["://", "git@"].into_iter().any(|mark| plain.contains(mark))
}

/// The first word, without quotation marks and escapes, and the rest of the text.
fn word(text: &str) -> (String, &str) {
    let mut quote = None;
    let mut word = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            letter if ESCAPES.contains(&letter) => {
                word.extend(letters.next().map(|(_, letter)| letter));
            }
            letter if letter.is_whitespace() && quote.is_none() => return (word, &text[at..]),
            letter => word.push(letter),
        }
    }
    (word, "")
}

fn option(flag: &str) -> Option<BuildOption> {
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    match name {
        "--network" => (!["default", "none"].contains(&value)).then_some(BuildOption::HostNetwork),
        "--security" => (value != "sandbox").then_some(BuildOption::Insecure),
        "--mount" => mounts_cache(value).then_some(BuildOption::Cache),
        name => Some(BuildOption::Other(name.trim_start_matches('-').to_owned())),
    }
}

/// Whether a mount may be of a shared cache. The other types are harmless: files of the context and
/// of other stages, memory, and secrets and keys, which a build of ours does not have. A variable
/// may stand for anything.
fn mounts_cache(mount: &str) -> bool {
    let kinds = mount.split(',').filter_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("type").then_some(value)
    });
    let mut kinds = kinds.map(str::trim);
    mount.contains('$') || kinds.any(|kind| !["bind", "tmpfs", "secret", "ssh"].contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_found_however_it_is_written() {
        for text in [
            "RUN --network=host a",
            "run --network=host a",
            "\tRUN\t--network=host a",
            "RUN --mount=type=bind,target=/x --network=host a",
            "RUN --network=\"host\" a",
            "RUN --net'work'=host a",
            "RUN --network=h\\ost a",
            "RUN --network=$MODE a",
            "RUN --network=${MODE} a",
            "RUN --network= a",
            "RUN \\\n --network=host a",
            "RUN \\\n# why\n\n  --network=host a",
            "RU\\\nN --network=host a",
            "RUN --net\\\nwork=host a",
            "# escape=`\nRUN `\n --network=host a",
            "# escape=`\nRUN echo \\\nRUN --network=host a",
            "RUN <<'END\\'\necho\nEND\\\nRUN --network=host a",
            "RUN --network=host [\"a\", \"b\"]",
            "RUN --network=host\r\n",
            "ONBUILD RUN --network=host a",
            "onbuild \\\nrun --network=host a",
        ] {
            let found = options(&format!("FROM x\n{text}\n"));
            assert!(found.contains(&BuildOption::HostNetwork), "{text}");
        }
    }

    #[test]
    fn other_instructions_and_harmless_options_are_left_out() {
        for text in [
            "RUN a --network=host",
            "RUN echo \\\n  --network=host",
            "RUN --network=none --security=sandbox a",
            "RUN --network=default a",
            "RUN --mount=type=bind,from=x,target=/y --mount=target=/z a",
            "RUN --mount=type=tmpfs,target=/y --mount=type=secret,id=x --mount=type=ssh a",
            "RUN -- --network=host",
            "RUNS --network=host",
            "COPY --from=x --chown=1:1 a b",
            "CMD [\"RUN\", \"--network=host\"]",
            "# RUN --network=host",
        ] {
            assert_eq!(options(text), BTreeSet::new(), "{text}");
        }
    }

    #[test]
    fn sources_that_podman_may_fetch_are_found() {
        for text in [
            "ADD http://127.0.0.1:5678/health /x",
            "add --chown=1:1 https://a/b /x",
            "ADD [\"https://a/b\", \"/x\"]",
            "ADD [\"http:\\u002f/a/b\", \"/x\"]",
            "ADD \"http:\"//a/b /x",
            "ADD http:\\\n//a/b /x",
            "ADD a \\\n  https://a/b /x",
            "ADD $URL /x",
            "ADD git@a:b /x",
            "ONBUILD ADD https://a/b /x",
        ] {
            assert_eq!(
                options(text),
                BTreeSet::from([BuildOption::Fetch]),
                "{text}"
            );
        }
        for text in [
            "ADD a b /x",
            "ADD --chown=1:1 [\"a b\", \"/x\"]",
            "ADD a b \\\n  /x",
            "COPY a b",
            "RUN curl https://a",
        ] {
            assert_eq!(options(text), BTreeSet::new(), "{text}");
        }
    }

    #[test]
    fn other_options_are_told_apart() {
        for (flag, expected) in [
            ("--security=insecure", BuildOption::Insecure),
            ("--security=$X", BuildOption::Insecure),
            ("--mount=type=cache,target=/c", BuildOption::Cache),
            ("--mount=target=/c,TYPE=cache", BuildOption::Cache),
            ("--mount=type=bind,type=cache", BuildOption::Cache),
            ("--mount=type=$KIND,target=/c", BuildOption::Cache),
            ("--mount=$MOUNT", BuildOption::Cache),
            ("--device=/dev/kvm", BuildOption::Other("device".to_owned())),
        ] {
            let found = options(&format!("RUN {flag} a"));
            assert_eq!(found, BTreeSet::from([expected]), "{flag}");
        }
    }
}
