//! The images that a build uses, read from its Containerfile: `FROM`, `COPY --from=` and
//! `RUN --mount=from=`.
//!
//! Source: `Containerfile(5)`. Only the stages that the target needs count; Podman builds no
//! others. A name that cannot be worked out, such as one with an unknown argument, is left out, so
//! a newer image of it is not found. A digest always names the same image and is left out as well.

use std::collections::{BTreeMap, BTreeSet};

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
    for instruction in instructions(text) {
        reader.read(&instruction);
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
    fn read(&mut self, instruction: &str) {
        let (name, rest) = instruction
            .split_once(char::is_whitespace)
            .unwrap_or((instruction, ""));
        match name.to_ascii_uppercase().as_str() {
            "ARG" => self.argument(rest),
            "FROM" => self.stage(rest),
            "COPY" => {
                let from = flags(rest).filter_map(|flag| flag.strip_prefix("--from="));
                self.uses(from.map(str::to_owned).collect());
            }
            "RUN" => {
                let mounts = flags(rest).filter_map(|flag| flag.strip_prefix("--mount="));
                let from = mounts
                    .flat_map(|mount| mount.split(','))
                    .filter_map(|option| option.strip_prefix("from="));
                self.uses(from.map(str::to_owned).collect());
            }
            _ => {}
        }
    }

    fn argument(&mut self, text: &str) {
        for word in words(text) {
            let (name, default) = match word.split_once('=') {
                Some((name, default)) => (name, Some(default)),
                None => (word.as_str(), None),
            };
            let in_a_stage = !self.stages.is_empty();
            let known = if in_a_stage {
                &self.local
            } else {
                &self.global
            };
            let default = default.and_then(|default| substitute(default, known));
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

    fn stage(&mut self, text: &str) {
        let platform = flags(text).find_map(|flag| flag.strip_prefix("--platform="));
        let platform = platform.and_then(|text| substitute(text, &self.global));
        let platform = platform.and_then(|text| Platform::parse(&text));
        let mut words = text
            .split_whitespace()
            .skip_while(|word| word.starts_with("--"));
        let image = words.next().unwrap_or_default();
        let is_named = words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("as"));
        let name = words.next().filter(|_| is_named);
        let source =
            substitute(image, &self.global).and_then(|image| self.source(&image, platform));
        self.stages.push(Stage {
            name: name.map(str::to_ascii_lowercase),
            sources: source.into_iter().collect(),
        });
        self.local.clear();
    }

    /// Adds the sources of an instruction to the last stage.
    fn uses(&mut self, from: Vec<String>) {
        let from = from.iter().filter_map(|text| substitute(text, &self.local));
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

/// The flags at the beginning of an instruction's text.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .take_while(|word| word.starts_with("--"))
}

/// The words of an instruction's text, without the quotation marks around values.
fn words(text: &str) -> Vec<String> {
    let plain = || text.split_whitespace().map(str::to_owned).collect();
    shlex::split(text).unwrap_or_else(plain)
}

/// The instructions, each in one line. Comments and the content of here-documents are left out;
/// lines that end in a backslash are joined with the next one.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut open = String::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            open.push_str(begun);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        for end in here_documents(&open) {
            // Without an end, the rest of the file is the document.
            let _ = lines.by_ref().find(|line| *line == end);
        }
        instructions.push(std::mem::take(&mut open).trim().to_owned());
    }
    instructions.push(open.trim().to_owned());
    instructions
}

/// The words that end the here-documents of an instruction: `<<EOF`, `<<-EOF`, `<<"EOF"`.
fn here_documents(instruction: &str) -> Vec<String> {
    let name = instruction.split_whitespace().next().unwrap_or_default();
    if !["RUN", "COPY", "ADD"].contains(&name.to_ascii_uppercase().as_str()) {
        return Vec::new();
    }
    let begun = instruction
        .split_whitespace()
        .filter_map(|word| word.split_once("<<").map(|(_, end)| end));
    let ends = begun.map(|end| end.trim_start_matches('-').trim_matches(['"', '\'']));
    let is_word = |end: &&str| {
        !end.is_empty()
            && end
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    ends.filter(is_word).map(str::to_owned).collect()
}

/// Replaces `$NAME`, `${NAME}`, `${NAME:-DEFAULT}` and `${NAME:+OTHER}` by their values; `None`
/// when a value is unknown, or written in another form.
fn substitute(text: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    let mut result = String::new();
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let (name, operator, remaining) = match after.strip_prefix('{') {
            Some(braced) => {
                let (inside, remaining) = braced.split_once('}')?;
                let end = inside.find(|c| !is_part(c)).unwrap_or(inside.len());
                (&inside[..end], &inside[end..], remaining)
            }
            None => {
                let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
                (&after[..end], "", &after[end..])
            }
        };
        let value = known.get(name).map(String::as_str);
        let is_given = value.is_some_and(|value| !value.is_empty());
        let value = match operator.split_at_checked(2) {
            None if operator.is_empty() => value,
            Some((":-", default)) if !is_given => Some(default),
            Some((":-", _)) => value,
            Some((":+", other)) => Some(if is_given { other } else { "" }),
            _ => None,
        };
        result.push_str(value?);
        rest = remaining;
    }
    result.push_str(rest);
    Some(result)
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
