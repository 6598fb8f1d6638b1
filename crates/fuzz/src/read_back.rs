//! Reads a unit file as Quadlet does, and then its values as systemd does: podman-systemd.unit(5),
//! systemd.syntax(7). Written against these pages and not against the renderer, whose judge it is.

/// The meaning of a line for Podman.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meaning {
    /// The words of a key that Quadlet splits and unescapes.
    Words(Vec<String>),
    Text(String),
}

/// Keys that Quadlet splits into words.
const SPLIT: [&str; 6] = [
    "Environment",
    "Label",
    "Annotation",
    "Exec",
    "Secret",
    "PodmanArgs",
];

/// Keys around whose value Quadlet strips quotation marks.
const QUOTED: [&str; 8] = [
    "HealthCmd",
    "HealthStartupCmd",
    "HostName",
    "WorkingDir",
    "User",
    "UserNS",
    "SeccompProfile",
    "Device",
];

/// The keys of `[Container]`, `[Volume]` and `[Network]` with what they mean.
///
/// # Panics
/// When a line is no entry, or one that joins the next.
pub(crate) fn entries(file: &str) -> Vec<(String, Meaning)> {
    let mut entries = Vec::new();
    let mut section = "";
    for line in file.split('\n') {
        assert!(!line.ends_with('\\'), "{line:?} joins the next line");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').expect("the end of a section's name");
            continue;
        }
        let (key, value) = line.split_once('=').expect("an entry");
        let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(is_key && !key.is_empty(), "{key:?}");
        if ["Container", "Volume", "Network"].contains(&section) {
            entries.push((key.to_owned(), meaning(key, value)));
        }
    }
    entries
}

fn meaning(key: &str, value: &str) -> Meaning {
    assert_eq!(value.trim(), value, "{key}: white space at an edge is lost");
    if SPLIT.contains(&key) {
        let words = words(value).into_iter();
        return Meaning::Words(words.map(|word| undoubled(&word)).collect());
    }
    let value = match QUOTED.contains(&key) {
        true => {
            let inner = value
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            inner.unwrap_or(value)
        }
        false => value,
    };
    Meaning::Text(undoubled(value))
}

/// The words of a line, without quotes and escapes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    while rest.peek().is_some() {
        if rest
            .next_if(|character| " \t".contains(*character))
            .is_some()
        {
            continue;
        }
        assert_eq!(rest.next(), Some('"'), "{line:?}: a word without quotes");
        let mut word = String::new();
        loop {
            match rest.next().expect("a closing quote") {
                '"' => break,
                '\\' => word.push(match rest.next().expect("an escaped character") {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'x' => {
                        let digits: String = rest.by_ref().take(2).collect();
                        let code = u8::from_str_radix(&digits, 16).expect("two digits");
                        char::from(code)
                    }
                    same @ ('"' | '\\') => same,
                    other => panic!("{line:?}: the escape {other:?}"),
                }),
                other => word.push(other),
            }
        }
        let is_end = rest.peek().is_none_or(|next| " \t".contains(*next));
        assert!(is_end, "{line:?}: text after a quote");
        words.push(word);
    }
    words
}

/// Specifiers and variables begin with `%` and `$`; a doubled sign stands for itself.
fn undoubled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if matches!(character, '%' | '$') {
            assert_eq!(rest.next(), Some(character), "{text:?} is expanded");
        }
        out.push(character);
    }
    out
}
