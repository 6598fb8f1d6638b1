//! The images that a Containerfile begins with: `FROM`, and `COPY --from=` of an image.
//!
//! Source: `Containerfile(5)`. What cannot be told, such as a name made of an unknown argument, is left
//! out: it is then not looked at for a newer image.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::Reference;

/// The base images whose names can point to another image later. `args` are the build's arguments.
pub(crate) fn moving_bases(text: &str, args: &BTreeMap<String, String>) -> BTreeSet<Reference> {
    let mut bases = BTreeSet::new();
    let mut stages: BTreeSet<String> = BTreeSet::new();
    // Only those before the first stage count in a FROM.
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut stage_count = 0;
    for line in instructions(text) {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        let image = match instruction.as_str() {
            "ARG" if stage_count == 0 => {
                for word in words {
                    let (name, default) = word.split_once('=').unwrap_or((word, ""));
                    let default = default.trim_matches(['"', '\'']);
                    let value = args.get(name).map_or(default, String::as_str);
                    known.insert(name.to_owned(), value.to_owned());
                }
                continue;
            }
            "FROM" => {
                stage_count += 1;
                let mut words = words.filter(|word| !word.starts_with("--"));
                let image = words.next().unwrap_or_default().to_owned();
                let is_named = words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("as"));
                let is_stage = stages.contains(&image.to_ascii_lowercase());
                if let Some(name) = words.next().filter(|_| is_named) {
                    stages.insert(name.to_ascii_lowercase());
                }
                if is_stage || image == "scratch" {
                    continue;
                }
                image
            }
            "COPY" => {
                let Some(from) = words.find_map(|word| word.strip_prefix("--from=")) else {
                    continue;
                };
                let is_number = from.bytes().all(|byte| byte.is_ascii_digit());
                if is_number || stages.contains(&from.to_ascii_lowercase()) {
                    continue;
                }
                from.to_owned()
            }
            _ => continue,
        };
        let reference = substitute(&image, &known).and_then(|name| Reference::parse(&name).ok());
        bases.extend(reference.filter(Reference::can_move));
    }
    bases
}

/// The lines that say something, with those joined that end in a backslash.
fn instructions(text: &str) -> Vec<String> {
    let mut joined = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(begun) => {
                open.push_str(begun);
                open.push(' ');
            }
            None => {
                open.push_str(line);
                joined.push(std::mem::take(&mut open));
            }
        }
    }
    joined.push(open);
    joined
}

/// Puts in the values of `$NAME`, `${NAME}` and `${NAME:-DEFAULT}`; `None` when one is unknown.
fn substitute(text: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let mut rest = text;
    let mut result = String::new();
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let (name, default, remaining) = match after.strip_prefix('{') {
            Some(braced) => {
                let (inside, remaining) = braced.split_once('}')?;
                match inside.split_once(":-") {
                    Some((name, default)) => (name, Some(default), remaining),
                    None => (inside, None, remaining),
                }
            }
            None => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
                (&after[..end], None, &after[end..])
            }
        };
        let value = known.get(name).map(String::as_str);
        result.push_str(value.filter(|value| !value.is_empty()).or(default)?);
        rest = remaining;
    }
    result.push_str(rest);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_found_as_far_as_they_can_be_told() {
        let pinned = format!("FROM nginx@sha256:{}\n", "a".repeat(64));
        let cases: &[(&str, &[&str])] = &[
            ("FROM nginx\n", &["docker.io/library/nginx:latest"]),
            (
                "from --platform=linux/amd64 nginx:stable as web\nFROM web\n",
                &["docker.io/library/nginx:stable"],
            ),
            (
                "# FROM a\n\nFROM \\\n  b.example/c:1\nRUN echo FROM d\n",
                &["b.example/c:1"],
            ),
            (
                "FROM scratch\nCOPY --from=b.example/c:1 /x /x\n",
                &["b.example/c:1"],
            ),
            (
                "FROM a AS One\nFROM scratch\nCOPY --from=one /x /x\nCOPY --from=0 /x /x\n",
                &["docker.io/library/a:latest"],
            ),
            (
                "ARG V=1\nARG W\nFROM a:$V\nFROM b:${W}\nFROM c:${W:-3}\nFROM d:${X}\n",
                &["docker.io/library/a:1", "docker.io/library/c:3"],
            ),
            ("ARG given=1\nFROM a:${given}\n", &["docker.io/library/a:2"]),
            (&pinned, &[]),
            ("", &[]),
        ];
        let args = BTreeMap::from([("given".to_owned(), "2".to_owned())]);
        for (text, expected) in cases {
            let found = moving_bases(text, &args);
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }
}
