//! The short forms of `volumes` and `devices`, and paths made plain.
//!
//! Source: compose-go's `format` package; Go's `path.Clean`.

use super::SyntaxError;

/// The short form of one mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShortMount {
    pub source: Option<String>,
    pub target: String,
    pub read_only: bool,
    pub no_copy: bool,
    pub propagation: Option<String>,
    pub selinux: Option<String>,
    /// Whether the source is a path of the host.
    pub bind: bool,
    /// A text of one or two bytes has no further description in the reference.
    pub bare: bool,
    /// Whether an option stands there that Compose ignores.
    pub unknown_option: bool,
}

/// Reads `SOURCE:TARGET:OPTIONS`, `SOURCE:TARGET` or `TARGET`.
pub(crate) fn mount(text: &str) -> Result<ShortMount, SyntaxError> {
    let mut mount = ShortMount::default();
    if text.is_empty() {
        return Err(SyntaxError::MountSection);
    }
    if text.len() < 3 {
        text.clone_into(&mut mount.target);
        mount.bare = true;
        return Ok(mount);
    }
    let parts = parts(text);
    match parts.as_slice() {
        parts if parts.iter().any(String::is_empty) => return Err(SyntaxError::MountSection),
        [target] => mount.target.clone_from(target),
        [source, target] | [source, target, _] => {
            mount.source = Some(source.clone());
            mount.target.clone_from(target);
        }
        _ => return Err(SyntaxError::MountColons),
    }
    if let [_, _, options] = parts.as_slice() {
        for option in options.split(',') {
            match option {
                "ro" => mount.read_only = true,
                "rw" => mount.read_only = false,
                "nocopy" => mount.no_copy = true,
                "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                    mount.propagation = Some(option.to_owned());
                }
                "z" | "Z" => mount.selinux = Some(option.to_owned()),
                _ => mount.unknown_option = true,
            }
        }
    }
    mount.bind = mount.source.as_deref().is_some_and(is_path);
    Ok(mount)
}

/// Splits at colons, but not within `${…}` and not after the letter of a Windows drive.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut open = 0_usize;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '$' if chars.peek() == Some(&'{') => open += 1,
            '}' if open > 0 => open -= 1,
            ':' if open == 0 && !is_drive(&part) => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

fn is_drive(part: &str) -> bool {
    let mut chars = part.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

fn is_path(source: &str) -> bool {
    let drive = source
        .split_once(':')
        .is_some_and(|(letter, _)| is_drive(letter));
    source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") || drive
}

/// Reads `SOURCE:TARGET:PERMISSIONS`.
pub(crate) fn device(text: &str) -> Result<(String, String, String), SyntaxError> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, *source, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => return Err(SyntaxError::Device),
    };
    let target = if target.is_empty() { source } else { target };
    Ok((source.to_owned(), target.to_owned(), permissions.to_owned()))
}

/// The path without `.`, `..`, repeated and trailing slashes, as far as its text shows them.
pub(crate) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match mount(text) {
            Ok(mount) => {
                let kind = if mount.bind { "bind" } else { "volume" };
                let source = mount.source.as_deref().unwrap_or("-");
                let options = [
                    mount.read_only.then(|| "ro".to_owned()),
                    mount.no_copy.then(|| "nocopy".to_owned()),
                    mount.propagation,
                    mount.selinux,
                    mount.unknown_option.then(|| "?".to_owned()),
                ];
                let options: Vec<String> = options.into_iter().flatten().collect();
                format!("{kind} {source} {} [{}]", mount.target, options.join(","))
            }
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expected, "for {text:?}");
    }

    #[test]
    fn short_mounts_are_read_as_the_reference_does() {
        check("/data", "volume - /data []");
        check("db:/data", "volume db /data []");
        check("./x:/data:ro,Z", "bind ./x /data [ro,Z]");
        check("~/x:/data:rshared", "bind ~/x /data [rshared]");
        check("db:/data:nocopy", "volume db /data [nocopy]");
        check("db:/data:ro,what", "volume db /data [ro,?]");
        check("C:\\x:/data", "bind C:\\x /data []");
        check("a:/data", "volume - a:/data []");
        check("/a", "volume - /a []");
        check(":/data", "MountSection");
        check("x:", "volume - x: []");
        check("xy:", "MountSection");
        check("ab:cd:ef:gh", "MountColons");
        check("", "MountSection");
    }

    #[test]
    fn paths_are_made_plain() {
        for (path, expected) in [
            ("/a/./b//c/", "/a/b/c"),
            ("/a/../../b", "/b"),
            ("a/../..", ".."),
            ("./a/..", "."),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), expected);
        }
    }
}
