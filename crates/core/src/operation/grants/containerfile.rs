//! The instructions of a Containerfile that reach out of a build's container: options of `RUN`, and
//! `ADD` of a URL, which Podman itself fetches.
//!
//! It is no parser of Containerfiles. It names whatever one could mean: either escape character may
//! be in force, and a line of a here-document may be an instruction after all. An instruction that
//! a base image left for those who build on it (`ONBUILD`) is not in the file and not seen.

use std::collections::BTreeSet;

/// Something that a build step may do beyond other build steps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildOption {
    HostNetwork,
    Insecure,
    /// A folder that all builds of this user share.
    Cache,
    /// Files that are fetched by Podman, so by way of the host's network.
    Fetch,
    /// An option that is not known here.
    Other(String),
}

const ESCAPES: [char; 2] = ['\\', '`'];

/// The options in a Containerfile.
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

/// The instruction that begins with the first of these lines, as far as it matters here.
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

/// Whether an instruction that begins like this is one that matters here, or may become one.
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

/// The flags with which the rest of an instruction begins, without quotation marks.
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

/// Whether `ADD` may be of a URL or a git repository. A variable or an escape may be anything; at
/// the end of a line, the escape that is not in force is none.
fn may_fetch(sources: &str) -> bool {
    let sources = sources.trim_end_matches(ESCAPES);
    let plain = sources.replace(['"', '\''], "");
    let is_any = plain.contains('$') || plain.contains(ESCAPES);
    is_any || ["://", "git@"].into_iter().any(|mark| plain.contains(mark))
}

/// The first word, without quotation marks and escapes, and what follows it.
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

/// Files of the context and of other stages, memory, and secrets and keys, of which a build is
/// given none, are no matter. A variable may be anything.
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
    fn every_way_to_write_an_option_is_seen() {
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
    fn what_stays_in_the_build_is_no_matter() {
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
    fn what_podman_may_fetch_itself_is_seen() {
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
