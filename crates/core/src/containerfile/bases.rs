//! The images that a build uses: `FROM`, `COPY --from=` and `RUN --mount=from=`.
//!
//! Source: `Containerfile(5)`. Only the stages that the target needs count; Podman builds no
//! others. A name that cannot be resolved, such as one with an unknown argument, is left out, so
//! a newer image of it is not found. A digest always names the same image and is left out as well.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{Instruction, instructions, is_blank};
use super::word::{self, expand};
use crate::image::{Platform, Reference};

/// The images of a build that may change: by the name in the Containerfile, with the platform that
/// it asks for. When one name is used for several platforms, the first one counts.
pub(crate) fn bases(
    text: &str,
    args: &BTreeMap<String, String>,
    target: Option<&str>,
) -> BTreeMap<String, Option<Platform>> {
    let mut reader = Reader {
        args,
        stages: Vec::new(),
        global: BTreeMap::new(),
        local: BTreeMap::new(),
    };
    for line in instructions(text) {
        reader.read(&line.instruction());
    }
    let stages = reader.stages;
    let mut bases = BTreeMap::new();
    for index in needed(&stages, target) {
        for source in &stages[index].sources {
            if let Source::Image(name, platform) = source {
                bases.entry(name.clone()).or_insert(platform.clone());
            }
        }
    }
    bases
}

/// A stage: its name in lower case, and its sources of files.
#[derive(Default)]
struct Stage {
    name: Option<String>,
    sources: Vec<Source>,
}

enum Source {
    /// An earlier stage, by its number.
    Stage(usize),
    Image(String, Option<Platform>),
}

/// The numbers of the stages that the target needs. Without a target, the last stage is the target.
fn needed(stages: &[Stage], target: Option<&str>) -> BTreeSet<usize> {
    let last = stages.len().checked_sub(1);
    let first = target.map_or(last, |target| stage_called(stages, target));
    let mut needed = BTreeSet::new();
    let mut next: Vec<usize> = first.into_iter().collect();
    while let Some(index) = next.pop() {
        if needed.insert(index) {
            let sources = stages[index].sources.iter();
            next.extend(sources.filter_map(|source| match source {
                Source::Stage(index) => Some(*index),
                Source::Image(..) => None,
            }));
        }
    }
    needed
}

/// The stage of a name or number.
fn stage_called(stages: &[Stage], text: &str) -> Option<usize> {
    let text = text.to_ascii_lowercase();
    let named = |stage: &Stage| stage.name.as_ref() == Some(&text);
    let number = || text.parse().ok().filter(|number| *number < stages.len());
    stages.iter().rposition(named).or_else(number)
}

struct Reader<'a> {
    /// The values that the build gives to arguments.
    args: &'a BTreeMap<String, String>,
    stages: Vec<Stage>,
    /// The arguments before the first stage. A `FROM` knows only these.
    global: BTreeMap<String, String>,
    /// The arguments of the last stage.
    local: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn read(&mut self, instruction: &Instruction<'_>) {
        let flags = instruction.flags();
        let flags = flags.iter();
        match instruction.keyword.as_str() {
            "ARG" => self.arguments(&instruction.arguments()),
            "FROM" => self.stage(instruction),
            "COPY" => self.uses(flags.filter_map(|flag| flag.strip_prefix("--from="))),
            "RUN" => {
                let mounts = flags.filter_map(|flag| flag.strip_prefix("--mount="));
                let options = mounts.flat_map(|mount| mount.split(','));
                self.uses(options.filter_map(|option| option.strip_prefix("from=")));
            }
            _ => {}
        }
    }

    fn arguments(&mut self, text: &str) {
        for word in word::split(text).unwrap_or_default() {
            let in_a_stage = !self.stages.is_empty();
            let known = if in_a_stage {
                &self.local
            } else {
                &self.global
            };
            let expanded = expand(&word, Some(known));
            let text = expanded.as_deref().unwrap_or(&word);
            let (name, default) = match text.split_once('=') {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (text, None),
            };
            let default = default.filter(|_| expanded.is_some());
            let inherited = || self.global.get(name).cloned().filter(|_| in_a_stage);
            let value = self.args.get(name).cloned().or(default).or_else(inherited);
            let known = if in_a_stage {
                &mut self.local
            } else {
                &mut self.global
            };
            match value {
                Some(value) => known.insert(name.to_owned(), value),
                None => known.remove(name),
            };
        }
    }

    fn stage(&mut self, instruction: &Instruction<'_>) {
        let known = |text: &str| expand(text, Some(&self.global));
        let flags = instruction.flags();
        let mut flags = flags.iter();
        let platform = flags.find_map(|flag| flag.strip_prefix("--platform="));
        let platform = platform.and_then(known);
        let platform = platform.and_then(|text| Platform::parse(&text));
        // Quotation marks do not hold a word together here.
        let arguments = instruction.arguments();
        let words = arguments.trim().split(is_blank);
        let mut words = words.filter(|word| !word.is_empty());
        let image = words.next().and_then(known);
        let is_named = words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("as"));
        let name = words.next().filter(|_| is_named).and_then(known);
        let source = image.and_then(|image| self.source(&image, platform));
        self.stages.push(Stage {
            name: name.map(|name| name.to_ascii_lowercase()),
            sources: source.into_iter().collect(),
        });
        self.local.clear();
    }

    /// Adds the sources of an instruction to the last stage.
    fn uses<'a>(&mut self, from: impl Iterator<Item = &'a str>) {
        let from = from.filter_map(|text| expand(text, Some(&self.local)));
        let sources: Vec<Source> = from.filter_map(|text| self.source(&text, None)).collect();
        if let Some(stage) = self.stages.last_mut() {
            stage.sources.extend(sources);
        }
    }

    fn source(&self, text: &str, platform: Option<Platform>) -> Option<Source> {
        if let Some(index) = stage_called(&self.stages, text) {
            return Some(Source::Stage(index));
        }
        let reference = Reference::parse(text).ok()?;
        let is_base = text != "scratch" && reference.can_move();
        is_base.then(|| Source::Image(text.to_owned(), platform))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, target: Option<&str>, expected: &[&str]) {
        let args = BTreeMap::from([("given".to_owned(), "2".to_owned())]);
        let found = bases(text, &args, target).into_iter();
        let found: Vec<String> = found
            .map(|(name, platform)| match platform {
                Some(platform) => format!("{name} for {platform}"),
                None => name,
            })
            .collect();
        assert_eq!(found, expected, "{text}\nfor {target:?}");
    }

    #[test]
    fn bases_are_found_where_their_names_can_be_worked_out() {
        let pinned = format!("FROM nginx@sha256:{}\n", "a".repeat(64));
        let cases: &[(&str, &[&str])] = &[
            ("FROM nginx\n", &["nginx"]),
            ("from localhost/mine:1 as web", &["localhost/mine:1"]),
            ("FROM scratch\nCOPY . /\n", &[]),
            (&pinned, &[]),
            ("", &[]),
            ("RUN true\nCOPY --from=a /x /x\n", &[]),
            // Continued lines, comments, and text that only looks like an instruction.
            (
                "# FROM a\n\nFROM \\\n# FROM c\n  b.example/c:1\nRUN echo FROM d && \\\n  FROM e\n",
                &["b.example/c:1"],
            ),
            (
                "FROM a\nRUN <<EOF\nFROM b\nCOPY --from=c /x /x\nEOF\nCOPY --from=d /x /x\n",
                &["a", "d"],
            ),
            (
                "FROM a\nCOPY <<-'one' <<two /x/\nFROM b\none\nFROM c\ntwo\nRUN cat <<open\nFROM e",
                &["a"],
            ),
            // A line continued in the middle of a word, and another escape character.
            ("FROM ngi\\\nnx:1\n", &["nginx:1"]),
            (
                "# escape=`\nFROM a:`\n1\nRUN dir c:\\\nCOPY --from=b / /\n",
                &["a:1", "b"],
            ),
            // Quotation marks, escapes, and a flag in capital letters, which Podman refuses.
            ("FROM \"nginx\" AS 'x'\nFROM x\n", &["nginx"]),
            (
                "FROM a\nCOPY --from=\"b\" --chown='1:1' / /\nCOPY \\\n  --from=c\\:1 / /\n",
                &["a", "b", "c:1"],
            ),
            (
                "FROM a\nRUN --mount='type=bind,from=b' --mount=from=\"c\",target=/c true\n",
                &["a", "b", "c"],
            ),
            ("FROM a\nCOPY --FROM=b / /\nCOPY -- --from=c / /\n", &["a"]),
            // A here-document ends at a line that is the same to the letter.
            (
                "FROM a\nRUN <<EOF\n EOF\nCOPY --from=b / /\nEOF \nEOF\nCOPY --from=c / /\n",
                &["a", "c"],
            ),
            (
                "FROM a\nRUN <<-EOF\n\tEOF\nCOPY --from=b / /\n",
                &["a", "b"],
            ),
            ("FROM a\nRUN cat<<EOF\nCOPY --from=b / /\n", &["a", "b"]),
            (
                "FROM a\nRUN echo \"<<EOF\"\nCOPY --from=b / /\n",
                &["a", "b"],
            ),
            (
                "FROM a\nRUN [\"cat\", \"x\"] <<EOF\nCOPY --from=b / /\n",
                &["a", "b"],
            ),
            // Platforms.
            (
                "FROM --platform=linux/arm64/v8 a:1\nCOPY --from=b /x /x\n",
                &["a:1 for linux/arm64/v8", "b"],
            ),
            (
                "ARG BUILDPLATFORM\nARG P=linux/386\nFROM --platform=$BUILDPLATFORM a AS x\nFROM --platform=$P b\nCOPY --from=x / /\n",
                &["a", "b for linux/386"],
            ),
            // Stages.
            ("FROM a AS web\nFROM Web\n", &["a"]),
            (
                "FROM a AS One\nFROM b\nFROM scratch\nCOPY --from=one /x /x\nCOPY --chown=1 --from=1 /x /x\n",
                &["a", "b"],
            ),
            ("FROM a\nFROM b\n", &["b"]),
            ("FROM a AS x\nFROM x AS x\nFROM x\n", &["a"]),
            (
                "FROM a\nRUN --mount=type=cache,target=/c --mount=type=bind,from=b,target=/b true\n",
                &["a", "b"],
            ),
            (
                "FROM scratch\nCOPY --from=b.example/c:1 /x /x\n",
                &["b.example/c:1"],
            ),
            // Arguments.
            (
                "ARG V=1\nARG W\nARG X=\"${V}-slim\"\nFROM a:$V AS a\nFROM b:${W} AS b\nFROM c:${W:-3} AS c\nFROM d:${X} AS d\n\
                 FROM e:1${V:+2}${W:+3} AS e\nFROM f:${V#1} AS f\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n\
                 COPY --from=c / /\nCOPY --from=d / /\nCOPY --from=e / /\nCOPY --from=f / /\n",
                &["a:1", "c:3", "d:1-slim", "e:12"],
            ),
            ("ARG given=1 other='x y'\nFROM a:${given}\n", &["a:2"]),
            (
                "ARG V=1\nARG X='$V' Y=${Z:-${V:-2}}\nFROM a:$Y AS y\nFROM b:$X\nCOPY --from=y / /\n",
                &["a:1"],
            ),
            // An argument that is not declared has no value.
            ("FROM a:${given}\n", &[]),
            // In a stage, arguments are declared anew.
            (
                "ARG V=1\nFROM a:$V\nARG V\nARG given\nARG own=4\nCOPY --from=b:$V / /\nCOPY --from=c:$given / /\nCOPY --from=d:$own / /\n",
                &["a:1", "b:1", "c:2", "d:4"],
            ),
            (
                "ARG V=1\nFROM a AS x\nARG own=4\nFROM b:$own AS y\nFROM scratch\nCOPY --from=c:$V / /\nCOPY --from=x / /\nCOPY --from=y / /\n",
                &["a"],
            ),
        ];
        for (text, expected) in cases {
            check(text, None, expected);
        }
    }

    #[test]
    fn only_the_stages_of_the_target_count() {
        let text = "FROM a AS base\nFROM b AS tools\nFROM base AS Web\nCOPY --from=c /x /x\nFROM d AS tests\nCOPY --from=tools /x /x\n";
        check(text, None, &["b", "d"]);
        check(text, Some("web"), &["a", "c"]);
        check(text, Some("1"), &["b"]);
        check(text, Some("none"), &[]);
    }
}
