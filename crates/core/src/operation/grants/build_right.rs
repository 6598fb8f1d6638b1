//! The instructions of a Containerfile that reach out of a build's container: options of `RUN`, and
//! `ADD` of a URL, which Podman itself fetches.
//!
//! When in doubt this reports too much: it reads a file with both escape characters, and every line
//! may begin an instruction, also in a here-document. So no trick in a file hides a right. It does
//! not see the `ONBUILD` instructions of a base image, because they are not in the file.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::containerfile::{ESCAPES, Instruction, expand, logical_lines};

/// A right of a build step beyond those of every build step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildRight {
    HostNetwork,
    Insecure,
    /// A folder that all builds of this user share.
    Cache,
    /// Podman fetches files, over the host's network.
    Fetch,
    /// Any other option of `RUN`.
    Other(String),
}

/// The rights that the instructions of a Containerfile ask for.
pub(super) fn of_containerfile(text: &str) -> BTreeSet<BuildRight> {
    let mut rights = BTreeSet::new();
    let lines = ESCAPES.map(|escape| logical_lines(text, escape));
    for line in lines.into_iter().flatten() {
        for instruction in line.possible_instructions() {
            let triggered = match instruction.keyword.as_str() {
                "ONBUILD" => instruction.arguments(),
                _ => Cow::default(),
            };
            let instruction = match &*triggered {
                "" => instruction,
                triggered => Instruction::of(triggered),
            };
            match instruction.keyword.as_str() {
                "RUN" => rights.extend(instruction.flags().iter().filter_map(|flag| of_flag(flag))),
                "ADD" if may_fetch(&instruction.arguments()) => {
                    rights.insert(BuildRight::Fetch);
                }
                _ => {}
            }
        }
    }
    rights
}

/// Whether a source of `ADD` may be a URL or a git repository. A variable or an escape may stand
/// for anything. An escape character at the end of a line belongs to no source.
fn may_fetch(sources: &str) -> bool {
    let sources = sources.trim_end_matches(ESCAPES);
    let plain = sources.replace(['"', '\''], "");
    let is_any = plain.contains('$') || plain.contains(ESCAPES);
    is_any || ["://", "git@"].into_iter().any(|mark| plain.contains(mark))
}

fn of_flag(flag: &str) -> Option<BuildRight> {
    // Podman takes quotation marks away twice.
    let plain = expand(flag, None);
    let flag = plain.as_deref().unwrap_or(flag);
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    match name {
        "--network" => (!["default", "none"].contains(&value)).then_some(BuildRight::HostNetwork),
        "--security" => (value != "sandbox").then_some(BuildRight::Insecure),
        "--mount" => mounts_cache(value).then_some(BuildRight::Cache),
        name => Some(BuildRight::Other(name.trim_start_matches('-').to_owned())),
    }
}

/// Whether a mount may be of a shared cache. The other types are harmless: files of the context and
/// of other stages, memory, and secrets and keys, which a build of ours does not have. A variable
/// or a quotation mark may stand for anything.
fn mounts_cache(mount: &str) -> bool {
    let kinds = mount.split(',').filter_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("type").then_some(value)
    });
    let mut kinds = kinds.map(str::trim);
    mount.contains(['$', '"', '\'', '\\'])
        || kinds.any(|kind| !["bind", "tmpfs", "secret", "ssh"].contains(&kind))
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
            // Podman takes two bytes of other letters for spaces here.
            "RUN --mount=type=tmpfs,target=/à--network=host a",
            "RUN --\\\"network\\\"=host a",
            "RUN <<EOF\nEOF\nRUN --network=host a",
            "RUN cat <<${X:-EOF}\nEOF\n  RUN --network=host a",
            "RUN echo \\\n\\\nRUN --network=host a",
            "ONBUILD \\\n  ONBUILD\nONBUILD --x RUN --network=host a",
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
            let found = of_containerfile(&format!("FROM x\n{text}\n"));
            assert!(found.contains(&BuildRight::HostNetwork), "{text}");
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
            "RUN\u{a0}--network=host a",
            "COPY --network=host a b",
        ] {
            assert_eq!(of_containerfile(text), BTreeSet::new(), "{text}");
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
            "RUN <<'END\\'\nADD --x=\"\\\nEND\\\nADD \\\n  https://a/b /x",
            "ADD $URL /x",
            "ADD git@a:b /x",
            "ONBUILD ADD https://a/b /x",
        ] {
            assert_eq!(
                of_containerfile(text),
                BTreeSet::from([BuildRight::Fetch]),
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
            assert_eq!(of_containerfile(text), BTreeSet::new(), "{text}");
        }
    }

    #[test]
    fn other_options_are_told_apart() {
        for (flag, expected) in [
            ("--security=insecure", BuildRight::Insecure),
            ("--security=$X", BuildRight::Insecure),
            ("--mount=type=cache,target=/c", BuildRight::Cache),
            ("--mount=target=/c,TYPE=cache", BuildRight::Cache),
            ("--mount=type=bind,type=cache", BuildRight::Cache),
            ("--mount=type=$KIND,target=/c", BuildRight::Cache),
            ("--mount=$MOUNT", BuildRight::Cache),
            ("--mount=\\\"type\\\"=cache", BuildRight::Cache),
            ("--mount=ty\\\\pe=cache", BuildRight::Cache),
            ("--device=/dev/kvm", BuildRight::Other("device".to_owned())),
        ] {
            let found = of_containerfile(&format!("RUN {flag} a"));
            assert_eq!(found, BTreeSet::from([expected]), "{flag}");
        }
    }
}
